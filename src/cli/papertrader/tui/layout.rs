//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! Where the parts of the full-screen view stand on a screen of some size.

use super::news::ChartRange;
use ratatui::layout::Rect;
use std::ops::Range;

/// The least columns and rows that the view is drawn on.
pub const SIZE_MIN: (u16, u16) = (40, 12);

/// The lists of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListName {
    Assets,
    Portfolio,
    Orders,
    History,
}

impl ListName {
    /// All, in their order on the screen.
    pub const ALL: [ListName; 4] = [
        ListName::Assets,
        ListName::Portfolio,
        ListName::Orders,
        ListName::History,
    ];

    /// What it is called. The first letter is its key.
    pub fn as_str(self) -> &'static str {
        match self {
            ListName::Assets => "Assets",
            ListName::Portfolio => "Portfolio",
            ListName::Orders => "Orders",
            ListName::History => "History",
        }
    }

    /// The rows above its entries: headings, and what stands above them.
    pub fn head_rows(self) -> u16 {
        match self {
            ListName::Assets | ListName::Orders | ListName::History => 1,
            ListName::Portfolio => 3,
        }
    }
}

/// The widest popup in columns.
pub const POPUP_WIDTH_MAX: u16 = 76;
/// Columns and rows of its border, with a blank column at each side.
pub const POPUP_BORDER: (u16, u16) = (4, 2);

/// The columns of a popup's text on a screen of so many columns.
pub fn popup_room(columns: u16) -> usize {
    usize::from(columns.min(POPUP_WIDTH_MAX).saturating_sub(POPUP_BORDER.0))
}

/// The rows of a screen, from the top down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenParts {
    /// How the market stands.
    pub market: Rect,
    /// The names of the lists.
    pub tabs: Rect,
    /// A list with its headings, or a chart.
    pub body: Rect,
    /// The latest message.
    pub message: Rect,
    /// What is typed, or the keys there are.
    pub keys: Rect,
    /// Where a popup may stand: above all but how the market stands.
    pub popup: Rect,
}

impl ScreenParts {
    /// The parts of a screen of so many columns and rows; `None` of one that is below [`SIZE_MIN`].
    pub fn of((columns, rows): (u16, u16)) -> Option<ScreenParts> {
        if columns < SIZE_MIN.0 || rows < SIZE_MIN.1 {
            return None;
        }
        let rows_at = |y, height| Rect::new(0, y, columns, height);
        Some(ScreenParts {
            market: rows_at(0, 1),
            tabs: rows_at(1, 1),
            body: rows_at(2, rows - 4),
            message: rows_at(rows - 2, 1),
            keys: rows_at(rows - 1, 1),
            popup: rows_at(1, rows - 1),
        })
    }

    /// How many rows of a list there is room for below its heads.
    pub fn list_rows(&self, heads: u16) -> usize {
        usize::from(self.body.height.saturating_sub(heads))
    }
}

/// The names of the lists as their row shows them, with their columns.
pub fn list_tabs() -> Vec<(ListName, String, Range<u16>)> {
    let labels = ListName::ALL.map(|list| (list, format!(" {} ", list.as_str())));
    beside_each_other(labels)
}

/// The ranges of a chart as their row shows them, with their columns.
pub fn range_tabs() -> Vec<(ChartRange, String, Range<u16>)> {
    let mut number = 0;
    let labels = ChartRange::ALL.map(|range| {
        number += 1;
        (range, format!(" {number} {} ", range.as_str()))
    });
    beside_each_other(labels)
}

/// What of these stands at a column.
pub fn tab_at<T: Copy>(tabs: &[(T, String, Range<u16>)], column: u16) -> Option<T> {
    let tab = tabs
        .iter()
        .find(|(_, _, columns)| columns.contains(&column));
    tab.map(|(name, _, _)| *name)
}

fn beside_each_other<T, const N: usize>(labels: [(T, String); N]) -> Vec<(T, String, Range<u16>)> {
    let mut column = 0_u16;
    let place = |(name, label): (T, String)| {
        let width = u16::try_from(label.len()).unwrap_or(u16::MAX);
        let columns = column..column.saturating_add(width);
        column = columns.end;
        (name, label, columns)
    };
    labels.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_fill_the_screen() {
        assert_eq!(ScreenParts::of((39, 12)), None);
        assert_eq!(ScreenParts::of((40, 11)), None);
        for size in [(40, 12), (80, 24), (300, 100)] {
            let parts = ScreenParts::of(size).unwrap();
            let all = [
                parts.market,
                parts.tabs,
                parts.body,
                parts.message,
                parts.keys,
            ];
            assert!(all.windows(2).all(|two| two[0].bottom() == two[1].y));
            assert_eq!(parts.keys.bottom(), size.1);
        }
    }

    #[test]
    fn the_tabs_fit_the_smallest_screen() {
        let (lists, ranges) = (list_tabs(), range_tabs());
        assert!(lists.last().unwrap().2.end <= SIZE_MIN.0);
        assert!(ranges.last().unwrap().2.end <= SIZE_MIN.0);
        assert_eq!(tab_at(&lists, 0), Some(ListName::Assets));
        assert_eq!(tab_at(&lists, 8), Some(ListName::Portfolio));
        assert_eq!(tab_at(&lists, 39), None);
        assert_eq!(tab_at(&ranges, 38), Some(ChartRange::All));
    }
}
