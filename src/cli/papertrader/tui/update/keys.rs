//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! What the keys do in the full-screen view.
//!
//! Tests: `src/cli/papertrader/tui/update/tests.rs`.

use super::{
    ViewEffect, ask_chart, begin_order, go, go_by, open_chart, open_chosen, open_list, page_rows,
    scroll_popup,
};
use crate::cli::papertrader::tui::help::help_lines;
use crate::cli::papertrader::tui::layout::ListName;
use crate::cli::papertrader::tui::news::{ChartRange, NetworkRequest};
use crate::cli::papertrader::tui::order_line::parse_order;
use crate::cli::papertrader::tui::state::{
    ChartBars, INPUT_CHARACTERS_MAX, InputKind, InputLine, LinkStanding, MessageTone, ScreenPopup,
    ViewState,
};
use crate::cli::papertrader::tui::words::{message_line, open_order_words};
use crate::model::printable::is_printable;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Takes a key in.
pub fn press(state: &mut ViewState, key: KeyEvent) -> Vec<ViewEffect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    if key.modifiers.contains(KeyModifiers::ALT) {
        // A terminal says so, too, where Esc and another key have come at once.
        let mut effects = press(state, KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
        let modifiers = key.modifiers.difference(KeyModifiers::ALT);
        effects.extend(press(state, KeyEvent { modifiers, ..key }));
        return effects;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => vec![ViewEffect::Leave],
            KeyCode::Char('z') => vec![ViewEffect::Suspend],
            KeyCode::Char('l') => vec![ViewEffect::Redraw],
            KeyCode::Char('u') => {
                if let Some(input) = &mut state.input {
                    input.text.drain(..input.cursor);
                    input.cursor = 0;
                }
                after_typing(state);
                Vec::new()
            }
            _ => Vec::new(),
        };
    }
    if state.popup.is_some() {
        answer(state, key.code)
    } else if state.input.is_some() {
        edit(state, key.code)
    } else {
        command(state, key.code)
    }
}

/// A key while something stands above the list.
fn answer(state: &mut ViewState, key: KeyCode) -> Vec<ViewEffect> {
    let is_text = matches!(state.popup, Some(ScreenPopup::Text { .. }));
    match key {
        KeyCode::Esc | KeyCode::Char('n' | 'N' | 'q') => {
            close_popup(state);
            Vec::new()
        }
        KeyCode::Enter | KeyCode::Char('?' | 'm') if is_text => {
            close_popup(state);
            Vec::new()
        }
        KeyCode::Char('y' | 'Y') => agree(state),
        KeyCode::Down | KeyCode::Char('j') => go_by(state, 1),
        KeyCode::Up | KeyCode::Char('k') => go_by(state, -1),
        KeyCode::PageDown | KeyCode::Char(' ') => go_by(state, page_rows(state)),
        KeyCode::PageUp => go_by(state, -page_rows(state)),
        _ => Vec::new(),
    }
}

fn close_popup(state: &mut ViewState) {
    match state.popup.take() {
        Some(ScreenPopup::Order { .. }) => state.say(MessageTone::Plain, "no order was sent"),
        Some(ScreenPopup::Cancel { .. }) => state.say(MessageTone::Plain, "the order stands"),
        Some(ScreenPopup::Text { .. }) | None => {}
    }
}

/// The person says yes.
fn agree(state: &mut ViewState) -> Vec<ViewEffect> {
    match state.popup.take() {
        Some(ScreenPopup::Order {
            form,
            told: Some(_),
            ..
        }) => {
            if let LinkStanding::Lost(..) = state.link {
                state.say(MessageTone::Bad, "no server answers: no order was sent");
                return Vec::new();
            }
            state.sending = Some(form.clone());
            vec![ViewEffect::Ask(NetworkRequest::Place(form))]
        }
        Some(ScreenPopup::Cancel { id, .. }) => vec![ViewEffect::Ask(NetworkRequest::Cancel(id))],
        // What it takes comes first.
        other => {
            state.popup = other;
            Vec::new()
        }
    }
}

/// A key while a line is typed.
fn edit(state: &mut ViewState, key: KeyCode) -> Vec<ViewEffect> {
    let Some(input) = &mut state.input else {
        return Vec::new();
    };
    match key {
        KeyCode::Enter => return finish(state),
        KeyCode::Esc => {
            let kind = input.kind;
            state.input = None;
            if kind == InputKind::Filter {
                filter(state, String::new());
            }
            return Vec::new();
        }
        KeyCode::Char(c) if is_printable(c) => type_in(input, c),
        KeyCode::Backspace => {
            if let Some(before) = input.cursor.checked_sub(1) {
                input.text.remove(before);
                input.cursor = before;
            }
        }
        KeyCode::Delete if input.cursor < input.text.len() => drop(input.text.remove(input.cursor)),
        KeyCode::Left => input.cursor = input.cursor.saturating_sub(1),
        KeyCode::Right => input.cursor = (input.cursor + 1).min(input.text.len()),
        KeyCode::Home => input.cursor = 0,
        KeyCode::End => input.cursor = input.text.len(),
        KeyCode::Down if input.kind == InputKind::Filter => return go_by(state, 1),
        KeyCode::Up if input.kind == InputKind::Filter => return go_by(state, -1),
        _ => {}
    }
    after_typing(state);
    Vec::new()
}

/// Puts a character before the cursor, if there is room for it.
pub fn type_in(input: &mut InputLine, c: char) {
    if input.text.len() < INPUT_CHARACTERS_MAX {
        input.text.insert(input.cursor, c);
        input.cursor += 1;
    }
}

/// A filter holds as it is typed.
pub fn after_typing(state: &mut ViewState) {
    let Some(input) = &state.input else { return };
    if input.kind == InputKind::Filter {
        let text = input.text();
        filter(state, text);
    }
}

fn filter(state: &mut ViewState, text: String) {
    if state.filter != text {
        state.filter = text;
        state.arrange_assets();
    }
}

/// A line is typed in whole.
fn finish(state: &mut ViewState) -> Vec<ViewEffect> {
    let Some(input) = state.input.take() else {
        return Vec::new();
    };
    let text = input.text();
    if input.kind == InputKind::Filter || text.trim().is_empty() {
        return Vec::new();
    }
    if let Some(sending) = &state.sending {
        let symbol = sending.symbol;
        let told = format!("an order of {symbol} is still on its way; wait for its answer");
        state.say(MessageTone::Bad, told);
        state.input = Some(input);
        return Vec::new();
    }
    match parse_order(&text, state) {
        Ok(form) => {
            state.popup = Some(ScreenPopup::Order {
                form: form.clone(),
                told: None,
                first: 0,
            });
            vec![ViewEffect::Ask(NetworkRequest::Foresee(form))]
        }
        Err(why) => {
            state.say(MessageTone::Bad, why);
            state.input = Some(input);
            Vec::new()
        }
    }
}

/// A key that is a command.
fn command(state: &mut ViewState, key: KeyCode) -> Vec<ViewEffect> {
    match key {
        KeyCode::Char('q') => return vec![ViewEffect::Leave],
        KeyCode::Char('?') | KeyCode::F(1) => show_text(state, "Keys", help_lines(), false),
        KeyCode::Char('m') => {
            let lines: Vec<String> = state.messages.iter().map(message_line).collect();
            show_text(state, "Messages", lines, true);
        }
        KeyCode::Char('a') => open_list(state, ListName::Assets),
        KeyCode::Char('p') => open_list(state, ListName::Portfolio),
        KeyCode::Char('o') => open_list(state, ListName::Orders),
        KeyCode::Char('h') => open_list(state, ListName::History),
        KeyCode::Tab => open_beside(state, 1),
        KeyCode::BackTab => open_beside(state, ListName::ALL.len() - 1),
        KeyCode::Char('/') => {
            open_list(state, ListName::Assets);
            state.input = Some(InputLine::new(InputKind::Filter, &state.filter));
        }
        KeyCode::Char('t') if state.list == ListName::Assets => {
            state.order = state.order.next();
            state.arrange_assets();
        }
        KeyCode::Char('r') if state.list == ListName::Assets => {
            state.is_descending = !state.is_descending;
            state.arrange_assets();
        }
        KeyCode::Char('b') => begin_order(state, "buy"),
        KeyCode::Char('s') => begin_order(state, "sell"),
        KeyCode::Char(':') => begin_order(state, ""),
        KeyCode::Char('c') | KeyCode::Delete => ask_to_cancel(state),
        KeyCode::F(5) => return vec![ViewEffect::Ask(NetworkRequest::Refresh)],
        KeyCode::Enter => return open_chosen(state),
        KeyCode::Esc => leave_chart_or_filter(state),
        other if state.chart.is_some() => return in_chart(state, other),
        other => return move_by_key(state, other),
    }
    Vec::new()
}

fn show_text(state: &mut ViewState, title: &str, lines: Vec<String>, from_end: bool) {
    state.popup = Some(ScreenPopup::Text {
        title: title.to_owned(),
        lines,
        first: 0,
    });
    if from_end {
        scroll_popup(state, isize::MAX);
    }
}

fn open_beside(state: &mut ViewState, steps: usize) {
    let at = (state.list as usize + steps) % ListName::ALL.len();
    open_list(state, ListName::ALL[at]);
}

fn leave_chart_or_filter(state: &mut ViewState) {
    if state.chart.take().is_none() {
        filter(state, String::new());
    }
}

fn ask_to_cancel(state: &mut ViewState) {
    if state.list != ListName::Orders || state.chart.is_some() {
        state.say(MessageTone::Plain, "orders are cancelled in their list: o");
        return;
    }
    let order = state.open_orders.get(state.place().chosen);
    state.popup = order.map(|order| ScreenPopup::Cancel {
        id: order.id,
        what: open_order_words(order),
    });
}

/// A key in a chart.
fn in_chart(state: &mut ViewState, key: KeyCode) -> Vec<ViewEffect> {
    let Some(chart) = &state.chart else {
        return Vec::new();
    };
    let subject = chart.subject;
    let at = ChartRange::ALL.iter().position(|it| *it == subject.range);
    let at = at.unwrap_or_default();
    let wanted = match key {
        KeyCode::Char(c @ '1'..='5') => usize::from(c as u8 - b'1'),
        KeyCode::Left => at.saturating_sub(1),
        KeyCode::Right => (at + 1).min(ChartRange::ALL.len() - 1),
        KeyCode::Char('d') => {
            let mut subject = subject;
            subject.is_adjusted = !subject.is_adjusted;
            return ask_chart(state, subject, ChartBars::Awaited);
        }
        other => return move_by_key(state, other),
    };
    match ChartRange::ALL.get(wanted) {
        Some(range) if wanted != at => open_chart(state, subject.symbol, *range),
        Some(_) | None => Vec::new(),
    }
}

fn move_by_key(state: &mut ViewState, key: KeyCode) -> Vec<ViewEffect> {
    match key {
        KeyCode::Down | KeyCode::Char('j') => go_by(state, 1),
        KeyCode::Up | KeyCode::Char('k') => go_by(state, -1),
        KeyCode::PageDown | KeyCode::Char(' ') => go_by(state, page_rows(state)),
        KeyCode::PageUp => go_by(state, -page_rows(state)),
        KeyCode::Home | KeyCode::Char('g') if state.chart.is_none() => go(state, 0),
        KeyCode::End | KeyCode::Char('G') if state.chart.is_none() => go(state, usize::MAX),
        _ => Vec::new(),
    }
}
