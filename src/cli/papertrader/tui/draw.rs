//! spec/cli/papertrader/tui.md · 2.1.2 (what the outer world sees)
//!
//! Draws the full-screen view's state. Whatever a server's text holds, no character of it acts on
//! the terminal: each cell of the screen is looked at last.

mod list;
mod popup;
#[cfg(test)]
mod tests;

use super::layout::{ListName, SIZE_MIN, ScreenParts, list_tabs, range_tabs};
use super::rows::CellTone;
use super::state::{
    AssetChart, ChartBars, InputKind, LinkStanding, MessageTone, ScreenLook, ViewState, day_change,
};
use super::words::{countdown_words, link_words};
use crate::cli::papertrader::age::has_ended;
use crate::cli::papertrader::chart;
use crate::cli::table;
use crate::cli::terminal::{ScreenSize, ascii, cut, wrap};
use crate::client::order::is_paused;
use crate::model::printable::clean;
use crate::model::{Bar, Money, Timestamp};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// How long a message is shown in place of the news that no server answers.
const FRESH_MESSAGE_MILLIS: i64 = 6000;

impl ScreenLook {
    /// How a text of this tone looks.
    pub(super) fn style(self, tone: CellTone) -> Style {
        let plain = Style::new();
        match tone {
            CellTone::Plain => plain,
            CellTone::Quiet => plain.add_modifier(Modifier::DIM),
            CellTone::Gain if self.has_colour => plain.fg(Color::Green),
            CellTone::Loss if self.has_colour => plain.fg(Color::Red),
            CellTone::Gain | CellTone::Loss => plain,
        }
    }

    fn message(self, tone: MessageTone) -> Style {
        match tone {
            MessageTone::Plain => Style::new(),
            MessageTone::Good => self.style(CellTone::Gain).add_modifier(Modifier::BOLD),
            MessageTone::Bad => self.style(CellTone::Loss).add_modifier(Modifier::BOLD),
        }
    }
}

/// The style of what is chosen.
pub(super) fn chosen() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

/// Draws a state.
pub fn draw(frame: &mut Frame<'_>, state: &ViewState) {
    let area = frame.area();
    let cursor = draw_into(frame.buffer_mut(), area, state);
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// Draws a state into a screen in memory. Where the cursor stands, if something is typed.
fn draw_into(buffer: &mut Buffer, area: Rect, state: &ViewState) -> Option<Position> {
    let mut cursor = None;
    match ScreenParts::of((area.width, area.height)) {
        None => {
            let (columns, rows) = SIZE_MIN;
            let told = format!("The view wants {columns} columns and {rows} rows; q leaves.");
            let told = wrap(&told, usize::from(area.width));
            Paragraph::new(told).render(area, buffer);
        }
        Some(parts) => {
            draw_market(buffer, parts.market, state);
            draw_tabs(buffer, parts.tabs, state);
            match &state.chart {
                Some(chart) => draw_chart(buffer, parts.body, state, chart),
                None => list::draw_list(buffer, parts.body, state),
            }
            draw_message(buffer, parts.message, state);
            cursor = draw_keys(buffer, parts.keys, state);
            if let Some(shown) = &state.popup {
                popup::draw_popup(buffer, parts.popup, state, shown);
                cursor = None;
            }
        }
    }
    clean_cells(buffer, state.look.is_plain);
    cursor
}

/// Takes out of the screen what a terminal might act on, or cannot show.
fn clean_cells(buffer: &mut Buffer, is_plain: bool) {
    for cell in &mut buffer.content {
        let cleaned = clean(cell.symbol());
        let shown = if is_plain { ascii(&cleaned) } else { cleaned };
        if shown != cell.symbol() {
            cell.set_symbol(&shown);
        }
    }
}

/// Puts a line at the left of a row.
fn put(buffer: &mut Buffer, area: Rect, line: &Line<'_>) {
    buffer.set_line(area.x, area.y, line, area.width);
}

/// Puts a text at the right of a row, if what stands at its left leaves room.
fn put_right(buffer: &mut Buffer, area: Rect, left: usize, text: &str, style: Style) {
    let width = text.width();
    if left + 2 + width > usize::from(area.width) {
        return;
    }
    let column = area.right() - u16::try_from(width).unwrap_or(0);
    buffer.set_string(column, area.y, text, style);
}

/// How the market stands: always its state, its time and the next update; where there is room which
/// market it is, what is left of it, and the account.
fn draw_market(buffer: &mut Buffer, area: Rect, state: &ViewState) {
    let market = &state.market;
    let word = market.state.as_ref().map_or("", |it| it.as_str());
    let is_open = !has_ended(market) && !is_paused(market);
    let tone = if is_open {
        MessageTone::Good
    } else {
        MessageTone::Bad
    };
    let time = market.market_time.map_or(String::new(), table::moment);
    let next = market.next_update.filter(|_| is_open).map(|next| {
        let left = u64::try_from(next.since(state.now)).unwrap_or(0);
        match left {
            0 => "next due".to_owned(),
            left => {
                let left = Duration::from_millis(left.saturating_add(999));
                format!("next {}", countdown_words(left))
            }
        }
    });
    let next = next.map_or(String::new(), |next| format!("  {next}"));
    let kind = market.market.as_ref().map(ToString::to_string);
    let kind = kind.map_or(String::new(), |kind| format!("{kind} "));
    let left = market
        .steps_left
        .map_or(String::new(), |left| format!("  {left} steps left"));
    let account = format!("{} ", state.account);
    let room = usize::from(area.width);
    let least = 1 + word.width() + 1 + time.width() + next.width();
    let fits = |more: &str, used: usize| used + more.width() <= room;
    let kind = if fits(&kind, least) {
        kind
    } else {
        String::new()
    };
    let used = least + kind.width();
    let left = if fits(&left, used + account.width() + 2) {
        left
    } else {
        String::new()
    };
    let used = used + left.width();
    let line = Line::from(vec![
        Span::raw(format!(" {kind}")),
        Span::styled(word.to_owned(), state.look.message(tone)),
        Span::raw(format!(" {time}{next}{left}")),
    ]);
    put(buffer, area, &line);
    put_right(
        buffer,
        area,
        used,
        &account,
        Style::new().add_modifier(Modifier::BOLD),
    );
}

fn draw_tabs(buffer: &mut Buffer, area: Rect, state: &ViewState) {
    let mut end = 0;
    for (list, label, columns) in list_tabs() {
        let style = if list == state.list {
            chosen()
        } else {
            Style::new()
        };
        buffer.set_string(area.x + columns.start, area.y, label, style);
        end = columns.end;
    }
    let told = match &state.link {
        LinkStanding::Linked(address) => format!("{address} "),
        LinkStanding::Lost(..) => "offline ".to_owned(),
    };
    let style = state.look.style(CellTone::Quiet);
    put_right(buffer, area, usize::from(end), &told, style);
}

/// The bars of a chart, as far as they are here, and what the price gained over them.
fn bars_and_gain(chart: &AssetChart) -> (&[Bar], Money) {
    let bars = match &chart.bars {
        ChartBars::Known(bars) => bars.as_slice(),
        ChartBars::Awaited | ChartBars::Refused(_) => &[],
    };
    let gain = match (bars.first(), bars.last()) {
        (Some(first), Some(last)) => Money(last.close.0.saturating_sub(first.close.0)),
        (_, _) => Money::ZERO,
    };
    (bars, gain)
}

/// The line above a chart: symbol, price, what it gained today and over the chart, and its name.
fn chart_title(state: &ViewState, chart: &AssetChart) -> Line<'static> {
    let symbol = chart.subject.symbol;
    let asset = state.asset(symbol);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut title = vec![Span::styled(format!(" {symbol}"), bold)];
    if let Some(price) = asset.and_then(|asset| asset.quote) {
        title.push(Span::raw(format!("  {}", table::money(price.value))));
    }
    let gained = |gain: Money, of: Money, since: String| {
        let told = format!("  {} {since}", table::signed_percent(gain, of));
        Span::styled(told, state.look.style(CellTone::of(gain)))
    };
    if let Some((change, of)) = asset.and_then(day_change) {
        title.push(gained(change, of, "today".to_owned()));
    }
    let (bars, gain) = bars_and_gain(chart);
    if let Some(first) = bars.first().filter(|_| bars.len() > 1) {
        let since = format!("since {}", table::moment(first.time));
        title.push(gained(gain, first.close, since));
    }
    if let Some(asset) = asset {
        title.push(Span::raw(format!("  {}", asset.name)));
    }
    Line::from(title)
}

fn draw_chart(buffer: &mut Buffer, area: Rect, state: &ViewState, chart: &AssetChart) {
    let subject = chart.subject;
    put(buffer, row(area, 0), &chart_title(state, chart));
    let mut end = 0;
    for (range, label, columns) in range_tabs() {
        let style = if range == subject.range {
            chosen()
        } else {
            Style::new()
        };
        buffer.set_string(area.x + columns.start, area.y + 1, label, style);
        end = columns.end;
    }
    let kind = if subject.is_adjusted {
        "adjusted "
    } else {
        "as traded "
    };
    let quiet = state.look.style(CellTone::Quiet);
    put_right(buffer, row(area, 1), usize::from(end), kind, quiet);
    let below = Rect {
        y: area.y + 2,
        height: area.height - 2,
        ..area
    };
    let size = ScreenSize {
        columns: usize::from(below.width),
        // The row that a command leaves for the prompt is free here.
        rows: usize::from(below.height) + 1,
    };
    let text = match &chart.bars {
        ChartBars::Awaited => " The bars are on their way …".to_owned(),
        ChartBars::Refused(why) => format!(" No chart: {why}"),
        ChartBars::Known(bars) => chart::draw(bars, Some(size), state.look.is_plain),
    };
    let style = match chart.bars {
        ChartBars::Known(_) => state.look.style(CellTone::of(bars_and_gain(chart).1)),
        ChartBars::Awaited | ChartBars::Refused(_) => Style::new(),
    };
    Paragraph::new(text).style(style).render(below, buffer);
}

/// A row of an area.
pub(super) fn row(area: Rect, down: u16) -> Rect {
    Rect {
        y: area.y + down,
        height: 1,
        ..area
    }
}

fn draw_message(buffer: &mut Buffer, area: Rect, state: &ViewState) {
    let room = usize::from(area.width.saturating_sub(2));
    let message = state.messages.back();
    let is_fresh = |at: Timestamp| state.now.since(at) < FRESH_MESSAGE_MILLIS;
    let (text, tone) = match (&state.link, &state.sending, message) {
        (LinkStanding::Lost(since, _), _, Some(message))
            if message.at >= *since && is_fresh(message.at) =>
        {
            (message.text.clone(), message.tone)
        }
        (LinkStanding::Lost(..), _, _) => (link_words(&state.link, state.now), MessageTone::Bad),
        (LinkStanding::Linked(_), Some(form), _) => {
            let order = super::words::form_words(form);
            (format!("sending: {order} …"), MessageTone::Plain)
        }
        (LinkStanding::Linked(_), None, Some(message)) => (message.text.clone(), message.tone),
        (LinkStanding::Linked(_), None, None) => return,
    };
    let text = cut(&clean(&text), room);
    let line = Line::styled(format!(" {text}"), state.look.message(tone));
    put(buffer, area, &line);
}

/// The keys there are, and the most important of them, which fit the least screen.
fn key_hints(state: &ViewState) -> [&'static str; 2] {
    if state.chart.is_some() {
        return [
            " 1-5 range  d raw  b buy  s sell  Esc back  ? help  q quit",
            " 1-5 range  Esc back  ? help  q quit",
        ];
    }
    match state.list {
        ListName::Assets => [
            " / filter  Enter chart  b buy  s sell  t sort  r turn  ? help  q quit",
            " / filter  b buy  ? help  q quit",
        ],
        ListName::Portfolio => [
            " Enter chart  b buy  s sell  ? help  q quit",
            " b buy  s sell  ? help  q quit",
        ],
        ListName::Orders => [
            " c cancel  Enter chart  b buy  ? help  q quit",
            " c cancel  b buy  ? help  q quit",
        ],
        ListName::History => [
            " Enter receipt  b buy  s sell  ? help  q quit",
            " Enter receipt  ? help  q quit",
        ],
    }
}

/// What is typed, or the keys there are. Where the cursor stands.
fn draw_keys(buffer: &mut Buffer, area: Rect, state: &ViewState) -> Option<Position> {
    let Some(input) = &state.input else {
        let [all, most] = key_hints(state);
        let fits = all.len() <= usize::from(area.width);
        let keys = if fits { all } else { most };
        let line = Line::styled(keys, state.look.style(CellTone::Quiet));
        put(buffer, area, &line);
        return None;
    };
    let prompt = match input.kind {
        InputKind::Filter => " filter: ",
        InputKind::Order => " order: ",
    };
    let room = usize::from(area.width).saturating_sub(prompt.len() + 1);
    // The part of the text that holds the cursor.
    let mut from = 0;
    let width = |from: usize| {
        let part: String = input.text[from..input.cursor].iter().collect();
        part.width()
    };
    while width(from) > room {
        from += 1;
    }
    let text: String = input.text[from..].iter().collect();
    let line = Line::from(vec![
        Span::styled(prompt, Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(text),
    ]);
    put(buffer, area, &line);
    let column = prompt.len() + width(from);
    Some(Position::new(
        u16::try_from(column).unwrap_or(area.width.saturating_sub(1)),
        area.y,
    ))
}
