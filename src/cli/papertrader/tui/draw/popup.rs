//! spec/cli/papertrader/tui.md · 2.1.2 (what the outer world sees)
//!
//! Draws what stands above the list: a text, or a question.
//!
//! Tests: `src/cli/papertrader/tui/draw/tests.rs`.

use crate::cli::papertrader::tui::layout::{POPUP_BORDER, POPUP_WIDTH_MAX, popup_room};
use crate::cli::papertrader::tui::state::{ScreenPopup, ViewState};
use crate::cli::papertrader::tui::words::{popup_lines, question_lines};
use crate::cli::terminal::cut;
use crate::model::printable::clean;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::symbols::border;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};

/// The border where the screen shows ASCII alone.
const PLAIN_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// Draws a popup in the middle of an area.
pub fn draw_popup(buffer: &mut Buffer, area: Rect, state: &ViewState, popup: &ScreenPopup) {
    let width = area.width.min(POPUP_WIDTH_MAX);
    let room = popup_room(area.width);
    let (title, lines, first, foot) = match popup {
        ScreenPopup::Text {
            title,
            lines,
            first,
        } => (
            title.as_str(),
            popup_lines(lines, room),
            *first,
            "Esc closes",
        ),
        ScreenPopup::Order { form, told, first } => {
            let lines = question_lines(&state.account, form, told.as_deref());
            let foot = match told {
                None => "n: do not send",
                Some(_) => "y: send  n: do not",
            };
            ("Send this order?", popup_lines(&lines, room), *first, foot)
        }
        ScreenPopup::Cancel { what, .. } => (
            "Cancel this order?",
            popup_lines(std::slice::from_ref(what), room),
            0,
            "y: cancel it  n: it stands",
        ),
    };
    let most = usize::from(area.height.saturating_sub(POPUP_BORDER.1));
    let shown = lines.len().min(most);
    let first = first.min(lines.len().saturating_sub(shown));
    let height = u16::try_from(shown).unwrap_or(area.height) + POPUP_BORDER.1;
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + area.height.saturating_sub(height) / 2,
        width,
        height: height.min(area.height),
    };
    let foot = match (first, lines.len() - first - shown) {
        (0, 0) => format!(" {foot} "),
        (_, left) => format!(" {foot}  {left} more: arrows "),
    };
    let border = if state.look.is_plain {
        PLAIN_BORDER
    } else {
        border::ROUNDED
    };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let block = Block::bordered()
        .border_set(border)
        .title(Line::styled(
            format!(" {} ", cut(&clean(title), room)),
            bold,
        ))
        .title_bottom(Line::styled(foot, bold))
        .padding(ratatui::widgets::Padding::horizontal(1));
    Clear.render(place, buffer);
    let lines = lines.into_iter().skip(first).take(shown).map(Line::raw);
    let text = Text::from_iter(lines);
    Paragraph::new(text).block(block).render(place, buffer);
}
