//! spec/bench.md · 3.1.3 (what is printed)
//!
//! The table of results: ours, theirs, ratio, goal.

use super::measure::{MeasuredRatio, grouped, span};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use serde::Serialize;
use std::fmt;

/// The table's style: a line below the headings.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// From this size on bytes are told in MiB.
const BYTES_MIN: u64 = 10 * 1024 * 1024;

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "unit", content = "value")]
pub enum Figure {
    /// A rate a second.
    PerSecond(u64),
    /// A time.
    Nanoseconds(u64),
    /// A size.
    Bytes(u64),
    /// A ratio.
    Thousandths(MeasuredRatio),
}

impl Figure {
    fn value(self) -> u64 {
        match self {
            Figure::PerSecond(value) | Figure::Nanoseconds(value) | Figure::Bytes(value) => value,
            Figure::Thousandths(ratio) => ratio.0,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Figure::PerSecond(count) => format!("{}/s", grouped(*count)),
            Figure::Nanoseconds(nanos) => span(*nanos),
            Figure::Bytes(bytes @ 0..BYTES_MIN) => format!("{} B", grouped(*bytes)),
            Figure::Bytes(bytes) => format!("{} MiB", grouped(bytes / (1024 * 1024))),
            Figure::Thousandths(ratio) => format!("{ratio} ×"),
        })
    }
}

/// The goal of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The ratio of ours to theirs.
    RatioAtLeast(MeasuredRatio),
    /// The ratio of ours to theirs.
    RatioAtMost(MeasuredRatio),
    /// Our figure.
    AtLeast(Figure),
    /// Our figure.
    AtMost(Figure),
    /// The difference of the two figures, as a part of theirs, or itself.
    Within(MeasuredRatio, Figure),
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::RatioAtLeast(ratio) => write!(f, "≥ {ratio}"),
            Goal::RatioAtMost(ratio) => write!(f, "≤ {ratio}"),
            Goal::AtLeast(figure) => write!(f, "≥ {figure}"),
            Goal::AtMost(figure) => write!(f, "≤ {figure}"),
            Goal::Within(ratio, figure) => write!(f, "± {ratio} or {figure}"),
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResultRow {
    pub what: String,
    pub ours: Figure,
    /// The rival's, where there is one.
    pub theirs: Option<Figure>,
    /// Ours to theirs: the median over the turns, not the ratio of the medians.
    pub ratio: Option<MeasuredRatio>,
    /// The goal of a measurement.
    pub goal: Option<Goal>,
}

impl ResultRow {
    /// A row without a rival.
    pub fn ours(what: impl Into<String>, ours: Figure, goal: Option<Goal>) -> ResultRow {
        ResultRow {
            what: what.into(),
            ours,
            theirs: None,
            ratio: None,
            goal,
        }
    }

    /// Whether the goal is reached; a goal whose figure is missing is not. `None` without a goal.
    pub fn is_reached(&self) -> Option<bool> {
        let ratio = |good: &dyn Fn(MeasuredRatio) -> bool| self.ratio.is_some_and(good);
        Some(match self.goal? {
            Goal::RatioAtLeast(least) => ratio(&|is| is >= least),
            Goal::RatioAtMost(most) => ratio(&|is| is <= most),
            Goal::AtLeast(least) => self.ours.value() >= least.value(),
            Goal::AtMost(most) => self.ours.value() <= most.value(),
            Goal::Within(part, most) => self.theirs.is_some_and(|theirs| {
                let difference = self.ours.value().abs_diff(theirs.value());
                difference <= most.value() || MeasuredRatio::of(difference, theirs.value()) <= part
            }),
        })
    }
}

/// The rows as a table for people.
pub fn text(rows: &[ResultRow]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(["measured", "ours", "theirs", "ratio", "goal", ""]);
    for row in rows {
        let or_nothing = |text: Option<String>| text.unwrap_or_default();
        table.add_row([
            row.what.clone(),
            row.ours.to_string(),
            or_nothing(row.theirs.map(|theirs| theirs.to_string())),
            or_nothing(row.ratio.map(|ratio| ratio.to_string())),
            or_nothing(row.goal.map(|goal| goal.to_string())),
            match row.is_reached() {
                Some(true) => "reached".to_owned(),
                Some(false) => "not reached".to_owned(),
                None => String::new(),
            },
        ]);
    }
    for index in 1..4 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_judged_by_what_it_names() {
        let mut row = ResultRow::ours(
            "x",
            Figure::Nanoseconds(5),
            Some(Goal::AtMost(Figure::Nanoseconds(5))),
        );
        assert_eq!(row.is_reached(), Some(true));
        row.ours = Figure::Nanoseconds(6);
        assert_eq!(row.is_reached(), Some(false));
        row.goal = Some(Goal::RatioAtLeast(MeasuredRatio(600)));
        assert_eq!(row.is_reached(), Some(false));
        row.ratio = Some(MeasuredRatio(600));
        assert_eq!(row.is_reached(), Some(true));
        row.goal = Some(Goal::RatioAtMost(MeasuredRatio(599)));
        assert_eq!(row.is_reached(), Some(false));
        row.goal = Some(Goal::Within(MeasuredRatio(50), Figure::Nanoseconds(2)));
        assert_eq!(row.is_reached(), Some(false));
        for (ours, theirs, is_reached) in [(6, 8, true), (105, 100, true), (94, 100, false)] {
            row.ours = Figure::Nanoseconds(ours);
            row.theirs = Some(Figure::Nanoseconds(theirs));
            assert_eq!(row.is_reached(), Some(is_reached), "{ours} {theirs}");
        }
        row.goal = None;
        assert_eq!(row.is_reached(), None);
        assert!(text(&[row]).contains("0.60"));
    }
}
