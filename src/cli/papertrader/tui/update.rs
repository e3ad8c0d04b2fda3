//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! What an event makes of the full-screen view's state, and what is to be done then. It does nothing
//! by itself.
//!
//! Tests: `src/cli/papertrader/tui/update/tests.rs`.

mod arrival;
mod keys;
mod mouse;
#[cfg(test)]
mod tests;

use super::layout::{ListName, POPUP_BORDER, ScreenParts, popup_room};
use super::news::{ChartRange, ChartSubject, NetworkNews, NetworkRequest};
use super::state::{
    AssetChart, ChartBars, InputKind, InputLine, LinkStanding, MessageTone, ScreenPopup, ViewState,
};
use super::words::{popup_lines, question_lines};
use crate::model::printable::is_printable;
use crate::model::{Symbol, Timestamp};
use ratatui::crossterm::event::{KeyEvent, MouseEvent};

/// The most sparklines that are asked for at once.
const CLOSES_AWAITED_MAX: usize = 8;

/// What happens.
#[derive(Debug)]
pub enum ViewEvent {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// A text was pasted.
    Pasted(String),
    /// The screen has so many columns and rows now.
    Resized(u16, u16),
    /// A second has passed: it is this time.
    Ticked(Timestamp),
    News(NetworkNews),
    /// The network thread has too much to do for this.
    Dropped(NetworkRequest),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewEffect {
    Ask(NetworkRequest),
    /// The screen is drawn from nothing.
    Redraw,
    /// The program is stopped until somebody continues it.
    Suspend,
    Leave,
}

/// Takes an event in.
pub fn update(state: &mut ViewState, event: ViewEvent) -> Vec<ViewEffect> {
    let mut effects = match event {
        ViewEvent::Key(key) => keys::press(state, key),
        ViewEvent::Mouse(mouse) => mouse::point(state, mouse),
        ViewEvent::Pasted(text) => {
            paste(state, &text);
            Vec::new()
        }
        ViewEvent::Resized(columns, rows) => {
            state.size = (columns, rows);
            state.choose(state.place().chosen);
            Vec::new()
        }
        ViewEvent::Ticked(now) => {
            state.now = now;
            Vec::new()
        }
        ViewEvent::News(news) => arrival::learn(state, news),
        ViewEvent::Dropped(request) => {
            forget(state, &request);
            // Asked for again at once, it would be dropped again.
            return Vec::new();
        }
    };
    effects.extend(wanted_closes(state));
    effects
}

/// Asks for the closes of those assets on the screen that have none yet.
fn wanted_closes(state: &mut ViewState) -> Vec<ViewEffect> {
    let is_linked = matches!(state.link, LinkStanding::Linked(_));
    if state.list != ListName::Assets || state.chart.is_some() || !is_linked {
        return Vec::new();
    }
    let (first, rows) = (state.place().first, state.visible_rows());
    let mut effects = Vec::new();
    for at in state.shown.iter().skip(first).take(rows) {
        let Some(asset) = state.assets.get(*at) else {
            continue;
        };
        if state.closes_awaited.len() >= CLOSES_AWAITED_MAX {
            break;
        }
        let Some(quote) = asset.quote else { continue };
        let symbol = asset.symbol;
        if !state.closes.contains_key(&symbol) && state.closes_awaited.insert(symbol) {
            let request = NetworkRequest::Closes(symbol, quote.time);
            effects.push(ViewEffect::Ask(request));
        }
    }
    effects
}

/// Forgets that an answer to this is awaited.
fn forget(state: &mut ViewState, request: &NetworkRequest) {
    let told = "the server is slow: this was not asked for; try it again";
    match request {
        NetworkRequest::Chart(subject, _) => {
            if let Some(chart) = &mut state.chart
                && chart.subject == *subject
            {
                chart.is_awaited = false;
            }
        }
        NetworkRequest::Closes(symbol, _) => drop(state.closes_awaited.remove(symbol)),
        NetworkRequest::OlderHistory(_) => state.is_history_awaited = false,
        NetworkRequest::Place(_) => {
            state.sending = None;
            state.say(MessageTone::Bad, "the server is slow: no order was sent");
        }
        NetworkRequest::Foresee(_) => {
            state.popup = None;
            state.say(MessageTone::Bad, "the server is slow: no order was sent");
        }
        NetworkRequest::Receipt(_) | NetworkRequest::Cancel(_) | NetworkRequest::Refresh => {
            state.say(MessageTone::Bad, told);
        }
    }
}

/// Shows the chart of an asset.
fn open_chart(state: &mut ViewState, symbol: Symbol, range: ChartRange) -> Vec<ViewEffect> {
    let is_adjusted = state.chart.as_ref().is_none_or(|it| it.subject.is_adjusted);
    let subject = ChartSubject {
        symbol,
        range,
        is_adjusted,
    };
    ask_chart(state, subject, ChartBars::Awaited)
}

/// Asks for the bars of a chart, which ends at the asset's latest price.
fn ask_chart(state: &mut ViewState, subject: ChartSubject, bars: ChartBars) -> Vec<ViewEffect> {
    let quote = state.asset(subject.symbol).and_then(|asset| asset.quote);
    let Some(asked) = quote.map(|quote| quote.time) else {
        state.chart = Some(AssetChart {
            subject,
            bars: ChartBars::Refused("it has had no price yet".to_owned()),
            asked: Timestamp(0),
            is_awaited: false,
        });
        return Vec::new();
    };
    state.chart = Some(AssetChart {
        subject,
        bars,
        asked,
        is_awaited: true,
    });
    vec![ViewEffect::Ask(NetworkRequest::Chart(subject, asked))]
}

/// Shows a list.
fn open_list(state: &mut ViewState, list: ListName) {
    state.list = list;
    state.chart = None;
    state.choose(state.place().chosen);
}

/// Opens what the chosen row is about: a chart, or a receipt.
fn open_chosen(state: &mut ViewState) -> Vec<ViewEffect> {
    if state.chart.is_some() {
        return Vec::new();
    }
    match state.list {
        ListName::Assets | ListName::Portfolio | ListName::Orders => {
            let symbol = state.chosen_symbol();
            symbol.map_or_else(Vec::new, |it| open_chart(state, it, ChartRange::Month))
        }
        ListName::History => {
            let row = state.history.get(state.place().chosen);
            let receipt = row.map(|row| ViewEffect::Ask(NetworkRequest::Receipt(row.id)));
            receipt.into_iter().collect()
        }
    }
}

/// Moves to a row, and asks for more of the history where it is the last one.
fn go(state: &mut ViewState, row: usize) -> Vec<ViewEffect> {
    state.choose(row);
    let is_last = state.place().chosen + 1 >= state.history.len();
    let has_more = !state.is_history_whole && !state.is_history_awaited;
    if state.list != ListName::History || !is_last || !has_more {
        return Vec::new();
    }
    let Some(oldest) = state.history.last() else {
        return Vec::new();
    };
    state.is_history_awaited = true;
    vec![ViewEffect::Ask(NetworkRequest::OlderHistory(oldest.id))]
}

/// Moves by so many rows: of a popup, of a chart's assets, or of the list.
fn go_by(state: &mut ViewState, rows: isize) -> Vec<ViewEffect> {
    if state.popup.is_some() {
        scroll_popup(state, rows);
        return Vec::new();
    }
    let chosen = state.place().chosen;
    let row = chosen.saturating_add_signed(rows);
    let Some(chart) = &state.chart else {
        return go(state, row);
    };
    let range = chart.subject.range;
    state.choose(row);
    let row = state.place().chosen;
    let symbol = match state.list {
        ListName::Assets => state.shown.get(row).and_then(|at| state.assets.get(*at)),
        ListName::Portfolio | ListName::Orders | ListName::History => None,
    };
    match symbol.map(|asset| asset.symbol) {
        Some(symbol) if row != chosen => open_chart(state, symbol, range),
        Some(_) | None => Vec::new(),
    }
}

/// Scrolls the text or the question that stands above the list.
fn scroll_popup(state: &mut ViewState, by: isize) {
    let parts = ScreenParts::of(state.size);
    let rows = parts.map_or(1, |parts| parts.popup.height.saturating_sub(POPUP_BORDER.1));
    let room = popup_room(state.size.0);
    let (lines, first) = match &mut state.popup {
        Some(ScreenPopup::Text { lines, first, .. }) => (popup_lines(lines, room), first),
        Some(ScreenPopup::Order { form, told, first }) => {
            let lines = question_lines(&state.account, form, told.as_deref());
            (popup_lines(&lines, room), first)
        }
        Some(ScreenPopup::Cancel { .. }) | None => return,
    };
    let most = lines.len().saturating_sub(usize::from(rows));
    *first = first.saturating_add_signed(by).min(most);
}

/// Begins a line for an order, with the asset that is chosen.
fn begin_order(state: &mut ViewState, verb: &str) {
    let text = match state.chosen_symbol() {
        _ if verb.is_empty() => String::new(),
        Some(symbol) => format!("{verb} {symbol} "),
        None => format!("{verb} "),
    };
    state.input = Some(InputLine::new(InputKind::Order, &text));
}

fn paste(state: &mut ViewState, text: &str) {
    let Some(input) = &mut state.input else {
        return;
    };
    for c in text.chars().filter(|c| is_printable(*c)) {
        keys::type_in(input, c);
    }
    keys::after_typing(state);
}

/// The height of the body in rows.
fn page_rows(state: &ViewState) -> isize {
    let parts = ScreenParts::of(state.size);
    let rows = parts.map_or(1, |parts| parts.body.height.saturating_sub(2).max(1));
    isize::try_from(rows).unwrap_or(1)
}
