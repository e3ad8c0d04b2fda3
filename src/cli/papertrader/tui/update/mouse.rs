//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! What the mouse does in the full-screen view: it chooses and scrolls. It sends nothing.

use super::{ViewEffect, go, go_by, open_chart, open_chosen, open_list};
use crate::cli::papertrader::tui::layout::{ScreenParts, list_tabs, range_tabs, tab_at};
use crate::cli::papertrader::tui::state::{ScreenPopup, ViewState};
use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

/// The rows that a turn of the wheel moves by.
const WHEEL_ROWS: isize = 3;

/// Takes what the mouse does in.
pub fn point(state: &mut ViewState, mouse: MouseEvent) -> Vec<ViewEffect> {
    match mouse.kind {
        MouseEventKind::ScrollDown => go_by(state, WHEEL_ROWS),
        MouseEventKind::ScrollUp => go_by(state, -WHEEL_ROWS),
        MouseEventKind::Down(MouseButton::Left) => click(state, mouse.column, mouse.row),
        MouseEventKind::Down(_)
        | MouseEventKind::Up(_)
        | MouseEventKind::Drag(_)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => Vec::new(),
    }
}

fn click(state: &mut ViewState, column: u16, row: u16) -> Vec<ViewEffect> {
    let Some(parts) = ScreenParts::of(state.size) else {
        return Vec::new();
    };
    match &state.popup {
        Some(ScreenPopup::Text { .. }) => {
            state.popup = None;
            return Vec::new();
        }
        // A question is answered at the keyboard.
        Some(ScreenPopup::Order { .. } | ScreenPopup::Cancel { .. }) => return Vec::new(),
        None => {}
    }
    let at = Position::new(column, row);
    if parts.tabs.contains(at) {
        if let Some(list) = tab_at(&list_tabs(), column) {
            open_list(state, list);
        }
        return Vec::new();
    }
    if !parts.body.contains(at) {
        return Vec::new();
    }
    let down = row - parts.body.y;
    if let Some(chart) = &state.chart {
        let symbol = chart.subject.symbol;
        let range = tab_at(&range_tabs(), column).filter(|_| down == 1);
        return range.map_or_else(Vec::new, |range| open_chart(state, symbol, range));
    }
    let Some(down) = down.checked_sub(state.list.head_rows()) else {
        return Vec::new();
    };
    let wanted = state.place().first + usize::from(down);
    if wanted >= state.row_count() {
        return Vec::new();
    }
    // The second click on a row opens it.
    if wanted == state.place().chosen {
        return open_chosen(state);
    }
    go(state, wanted)
}
