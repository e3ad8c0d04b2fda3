//! spec/cli/papertrader/tui.md · 2.1.2 (what the outer world sees)
//!
//! Draws the list that is shown: as many columns as the screen has room for, and the rows around the
//! one that is chosen.
//!
//! Tests: `src/cli/papertrader/tui/draw/tests.rs`.

use super::{chosen, put, put_right, row};
use crate::cli::papertrader::tui::layout::ListName;
use crate::cli::papertrader::tui::rows::{
    CellTone, ListCell, ListColumn, cells, columns, summary_lines,
};
use crate::cli::papertrader::tui::state::ViewState;
use crate::cli::terminal::cut;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

/// Columns between two columns of a list.
const GAP: usize = 2;
/// Columns before the first: the mark of the row that is chosen.
const MARK: usize = 2;

/// Draws the list that is shown.
pub fn draw_list(buffer: &mut Buffer, area: Rect, state: &ViewState) {
    let heads = state.list.head_rows();
    if let (ListName::Portfolio, Some(summary)) = (state.list, &state.summary) {
        for (down, pairs) in (0..).zip(summary_lines(summary)) {
            put(buffer, row(area, down), &pairs_line(state, &pairs));
        }
    }
    let place = state.place();
    let rows: Vec<(usize, Vec<ListCell>)> = (place.first..)
        .take(usize::from(area.height.saturating_sub(heads)))
        .map_while(|at| Some((at, cells(state, at)?)))
        .collect();
    let all = columns(state.list);
    let kept = fitting(all, &rows, usize::from(area.width));
    let head = row(area, heads - 1);
    let headings: Vec<ListCell> = all
        .iter()
        .map(|column| ListCell {
            text: column.heading.to_owned(),
            tone: CellTone::Quiet,
        })
        .collect();
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let (line, used) = list_line(state, all, &kept, &headings);
    put(buffer, head, &line.style(bold));
    put_right(buffer, head, used, &count_words(state), bold);
    if rows.is_empty() {
        let told = Line::raw(format!("  {}", empty_words(state)));
        if area.height > heads {
            put(buffer, row(area, heads), &told);
        }
    }
    for (down, (at, cells)) in (heads..).zip(&rows) {
        let (line, _) = list_line(state, all, &kept, cells);
        let place_of = row(area, down);
        put(buffer, place_of, &line);
        if *at == place.chosen {
            buffer.set_string(place_of.x, place_of.y, ">", Style::new());
            buffer.set_style(place_of, chosen());
        }
    }
}

/// Names and values beside each other, as many as there is room for.
fn pairs_line(state: &ViewState, pairs: &[(&'static str, ListCell)]) -> Line<'static> {
    let room = usize::from(state.size.0);
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (name, value) in pairs {
        let name = format!(" {name} ");
        used += name.width() + value.text.width() + 1;
        if used > room {
            break;
        }
        spans.push(Span::styled(name, state.look.style(CellTone::Quiet)));
        let value = Span::styled(format!("{} ", value.text), state.look.style(value.tone));
        spans.push(value);
    }
    Line::from(spans)
}

/// The columns that fit, each with its width. The least important go first; those come back that
/// fit into what is left. One in which no row has a text is left out.
fn fitting(
    all: &[ListColumn],
    rows: &[(usize, Vec<ListCell>)],
    room: usize,
) -> Vec<(usize, usize)> {
    let width = |at: usize| {
        let texts = rows.iter().filter_map(|(_, cells)| cells.get(at));
        let widest = texts.map(|cell| cell.text.width()).max().unwrap_or(0);
        let heading = all.get(at).map_or(0, |column| column.heading.width());
        (at, widest.max(heading))
    };
    let widths: Vec<(usize, usize)> = (0..all.len()).map(width).collect();
    let has_text = |at: &usize| {
        let mut texts = rows.iter().filter_map(|(_, cells)| cells.get(*at));
        rows.is_empty() || all[*at].rank == 0 || texts.any(|cell| !cell.text.is_empty())
    };
    let mut by_rank: Vec<usize> = (0..all.len()).filter(has_text).collect();
    by_rank.sort_by_key(|at| all[*at].rank);
    let mut used = MARK;
    let mut kept = Vec::new();
    for at in by_rank {
        let wanted = widths[at].1 + if kept.is_empty() { 0 } else { GAP };
        if all[at].rank == 0 || used + wanted <= room {
            used += wanted;
            kept.push(widths[at]);
        }
    }
    kept.sort_unstable();
    kept
}

/// The cells of a row in their columns, and the width of the line.
fn list_line(
    state: &ViewState,
    all: &[ListColumn],
    kept: &[(usize, usize)],
    cells: &[ListCell],
) -> (Line<'static>, usize) {
    let mut spans = vec![Span::raw(" ".repeat(MARK))];
    let mut used = MARK;
    for (index, (at, width)) in kept.iter().enumerate() {
        let Some(cell) = cells.get(*at) else { continue };
        if index > 0 {
            spans.push(Span::raw(" ".repeat(GAP)));
            used += GAP;
        }
        let text = cut(&cell.text, *width);
        let blank = " ".repeat(width.saturating_sub(text.width()));
        let text = if all[*at].is_number {
            blank + &text
        } else {
            text + &blank
        };
        used += *width;
        spans.push(Span::styled(text, state.look.style(cell.tone)));
    }
    (Line::from(spans), used)
}

/// How many rows there are, and for assets how they are chosen and sorted.
fn count_words(state: &ViewState) -> String {
    let (count, chosen) = (state.row_count(), state.place().chosen + 1);
    let at = chosen.min(count);
    let more = match state.list {
        ListName::History if !state.is_history_whole => "+",
        ListName::Assets | ListName::Portfolio | ListName::Orders | ListName::History => "",
    };
    let position = format!("{at}/{count}{more} ");
    if state.list != ListName::Assets {
        return position;
    }
    let sorted = state.order.as_str();
    let sorted = if state.is_descending {
        format!("{sorted} down")
    } else {
        sorted.to_owned()
    };
    match state.filter.as_str() {
        "" => format!("by {sorted}  {position}"),
        filter => format!("\"{filter}\"  by {sorted}  {position}"),
    }
}

/// Why a list has no rows.
fn empty_words(state: &ViewState) -> String {
    match state.list {
        ListName::Assets if state.assets.is_empty() => "the assets are on their way …".to_owned(),
        ListName::Assets => format!("no asset has \"{}\" in symbol or name", state.filter),
        ListName::Portfolio if state.summary.is_none() => "on its way …".to_owned(),
        ListName::Portfolio => "no positions yet; b buys".to_owned(),
        ListName::Orders => "no open orders".to_owned(),
        ListName::History => "no transactions yet".to_owned(),
    }
}
