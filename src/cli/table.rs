//! spec/cli.md · 2.1.2 (what the outer world sees)
//!
//! Numbers, times and tables as the terminal shows them.

use super::terminal::{ScreenSize, cut, wrap};
use crate::model::money::MILLION;
use crate::model::printable::clean;
use crate::model::{Money, Quantity, Timestamp};
use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use std::fmt::Write;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// The width in columns if standard output is no terminal.
pub const DEFAULT_WIDTH: usize = 80;

/// The sign for a missing value.
pub const NONE: &str = "–";

/// The style of tables: a line below the headings, and no other lines.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Millionths as a decimal with thousands separators and at least `places` decimal places:
/// `1,234.50`.
fn grouped(millionths: i64, places: usize) -> String {
    let size = millionths.unsigned_abs();
    let million = MILLION.unsigned_abs();
    let whole = (size / million).to_string();
    let mut out = String::new();
    if millionths < 0 {
        out.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    let fraction = format!("{:06}", size % million);
    let shown = fraction.trim_end_matches('0').len().max(places);
    if shown > 0 {
        out.push('.');
        out.push_str(&fraction[..shown]);
    }
    out
}

/// Money: `1,234.50`, with up to six decimal places if they are not zero.
pub fn money(money: Money) -> String {
    grouped(money.0, 2)
}

/// Money that is reckoned and not exact, rounded to the nearest: to two decimal places from 1 on,
/// below to four digits that are not zero.
pub fn estimate(money: Money) -> String {
    let size = i128::from(money.0.unsigned_abs());
    let mut step = 10_000;
    if size < i128::from(MILLION) {
        while step > 1 && size < step * 1000 {
            step /= 10;
        }
    }
    let rounded = (size + step / 2) / step * step;
    let rounded = i64::try_from(rounded).unwrap_or(i64::MAX);
    grouped(if money.0 < 0 { -rounded } else { rounded }, 2)
}

/// A gain or loss, with its sign.
pub fn profit(money: Money) -> String {
    let sign = if money.0 > 0 { "+" } else { "" };
    format!("{sign}{}", grouped(money.0, 2))
}

/// A quantity: `1,000` or `0.5`.
pub fn amount(amount: Quantity) -> String {
    grouped(amount.0, 0)
}

/// A quantity with its word: `1 unit`, `0.5 units`.
pub fn units(quantity: Quantity) -> String {
    let word = if quantity.0 == MILLION {
        "unit"
    } else {
        "units"
    };
    format!("{} {word}", amount(quantity))
}

/// `part` of `whole` as a percentage with two decimal places, rounded toward zero: `-3.25`. `None`
/// if `whole` is zero.
pub fn percent(part: Money, whole: Money) -> Option<String> {
    if whole.0 == 0 {
        return None;
    }
    let points = i128::from(part.0) * 10_000 / i128::from(whole.0);
    let sign = if points < 0 { "-" } else { "" };
    let size = points.unsigned_abs();
    Some(format!("{sign}{}.{:02}", size / 100, size % 100))
}

/// [`percent`] with a sign for gains, thousands separators and `%`; [`NONE`] if `whole` is zero.
pub fn signed_percent(part: Money, whole: Money) -> String {
    if whole.0 == 0 {
        return NONE.to_owned();
    }
    let sign = if part.0 > 0 { "+" } else { "" };
    let hundredths = i128::from(part.0) * 10_000 / i128::from(whole.0);
    let millionths = i64::try_from(hundredths.saturating_mul(10_000)).unwrap_or(i64::MAX);
    format!("{sign}{} %", grouped(millionths, 2))
}

/// A time in UTC to the second, `2013-03-01 14:05:09`; at midnight the date alone.
pub fn moment(timestamp: Timestamp) -> String {
    let text = timestamp.to_string();
    let day = &text[..text.find('T').unwrap_or(text.len())];
    if timestamp == timestamp.day() {
        day.to_owned()
    } else {
        let seconds = text.find('.').unwrap_or(text.len());
        text[..seconds].replace('T', " ")
    }
}

/// [`moment`] with its zone, for sentences and lists; the headings of tables name the zone.
pub fn utc(timestamp: Timestamp) -> String {
    moment(timestamp) + " UTC"
}

/// A duration in its two largest units: `45 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`, `13 y 20 d`.
pub fn span(duration: Duration) -> String {
    const UNITS: [(u64, &str); 5] = [
        (365 * 86_400, "y"),
        (86_400, "d"),
        (3600, "h"),
        (60, "min"),
        (1, "s"),
    ];
    let mut left = duration.as_secs();
    let mut out = String::new();
    let mut parts = 0;
    for (size, name) in UNITS {
        let count = left / size;
        left %= size;
        if count > 0 {
            let gap = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{gap}{count} {name}");
            parts += 1;
        } else if parts > 0 {
            break;
        }
        if parts == 2 {
            break;
        }
    }
    if out.is_empty() {
        "0 s".to_owned()
    } else {
        out
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    heading: &'static str,
    alignment: CellAlignment,
    /// Where the table is too wide, the column of the highest rank goes first. One of rank 0 stays.
    rank: u8,
}

impl Column {
    /// A column of texts.
    pub const fn text(heading: &'static str, rank: u8) -> Column {
        Column {
            heading,
            alignment: CellAlignment::Left,
            rank,
        }
    }

    /// A column of numbers, which end below each other.
    pub const fn number(heading: &'static str, rank: u8) -> Column {
        Column {
            heading,
            alignment: CellAlignment::Right,
            rank,
        }
    }
}

/// A table with headings. On a terminal it fits the width: columns go, the least important first,
/// and those come back that fit into what is left; what is still too wide is cut. A line below the
/// table names the columns that are gone or cut. Elsewhere it has its natural width, so that lines
/// in a pipe are complete.
pub fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let screen = ScreenSize::of_stdout();
    table_within(screen.map(|screen| screen.columns), columns, rows)
}

/// As [`table`], within this many columns of a terminal.
pub fn table_within(width: Option<usize>, columns: &[Column], rows: &[Vec<String>]) -> String {
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let natural = |kept: &[usize]| natural_table(columns, kept, rows);
    let mut out = natural(&kept);
    let Some(width) = width else { return out };
    let is_wide = |text: &str| text.lines().any(|line| line.width() > width);
    let mut gone = Vec::new();
    while is_wide(&out) {
        let least = kept.iter().copied().max_by_key(|at| columns[*at].rank);
        let Some(least) = least.filter(|at| columns[*at].rank > 0) else {
            break;
        };
        kept.retain(|at| *at != least);
        gone.push(least);
        out = natural(&kept);
    }
    if !is_wide(&out) {
        // The last that went is the most important one.
        for at in std::mem::take(&mut gone).into_iter().rev() {
            let mut more = kept.clone();
            more.push(at);
            more.sort_unstable();
            let wider = natural(&more);
            if is_wide(&wider) {
                gone.push(at);
            } else {
                (kept, out) = (more, wider);
            }
        }
    }
    let is_cut = |last: &usize| is_wide(&natural(&kept[..=*last]));
    let cuts: Vec<usize> = (0..kept.len()).filter(is_cut).map(|at| kept[at]).collect();
    let mut out: String = out.lines().map(|line| cut(line, width) + "\n").collect();
    let note = missing_note(columns, gone, &cuts);
    if !note.is_empty() {
        let note = format!("{note} A terminal wider than {width} columns shows more.\n");
        out.push_str(&wrap(&note, width));
    }
    out
}

/// Which columns are gone, and which are cut: `Left out: ID. Cut: price.` Empty where none is.
fn missing_note(columns: &[Column], mut gone: Vec<usize>, cuts: &[usize]) -> String {
    gone.sort_unstable();
    let named = |what: &str, which: &[usize]| {
        let names: Vec<&str> = which.iter().map(|at| columns[*at].heading).collect();
        (!names.is_empty()).then(|| format!("{what}: {}.", names.join(", ")))
    };
    let both = [named("Left out", &gone), named("Cut", cuts)];
    let both: Vec<String> = both.into_iter().flatten().collect();
    both.join(" ")
}

/// The columns `kept` of a table, as wide as their cells.
fn natural_table(columns: &[Column], kept: &[usize], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(kept.iter().map(|at| Cell::new(columns[*at].heading)));
    for row in rows {
        let cells = kept.iter().filter_map(|at| row.get(*at));
        table.add_row(cells.map(|text| Cell::new(clean(text))));
    }
    for (index, at) in kept.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(columns[*at].alignment);
        }
    }
    let mut out = table.trim_fmt();
    out.push('\n');
    out
}

/// Lines that break between words where the terminal ends; elsewhere as they are.
pub fn wrapped(text: &str) -> String {
    match ScreenSize::of_stdout() {
        Some(screen) => wrap(text, screen.columns),
        None => text.to_owned(),
    }
}

/// A list of names and values, one pair a line, with aligned values. On a terminal a value that does
/// not fit breaks between words; one with a word that is wider than what is left begins in the line
/// below its name.
pub fn list(pairs: &[(&str, String)]) -> String {
    list_within(ScreenSize::of_stdout().map(|screen| screen.columns), pairs)
}

/// As [`list`], within this many columns of a terminal.
pub fn list_within(width: Option<usize>, pairs: &[(&str, String)]) -> String {
    const GAP: usize = 2;
    let names = pairs.iter().map(|(name, _)| name.width());
    let start = names.max().unwrap_or(0) + GAP;
    let mut out = String::new();
    for (name, value) in pairs {
        let value = clean(value);
        let pad = " ".repeat(start - name.width());
        let Some(width) = width.filter(|width| start + value.width() > *width) else {
            let _ = writeln!(out, "{name}{pad}{value}");
            continue;
        };
        let word = value.split_whitespace().map(UnicodeWidthStr::width).max();
        let fits = start + word.unwrap_or(0) <= width;
        let indent = if fits { start } else { GAP };
        let lines = wrap(&value, width.saturating_sub(indent).max(1));
        out.push_str(name);
        out.push_str(if fits { &pad } else { "\n  " });
        let rest = format!("\n{}", " ".repeat(indent));
        out.push_str(&lines.trim_end().replace('\n', &rest));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_and_grouped() {
        assert_eq!(money(Money(100_000_000_000)), "100,000.00");
        assert_eq!(money(Money(1_234_567_890_100_000)), "1,234,567,890.10");
        assert_eq!(money(Money(-999_500_001)), "-999.500001");
        assert_eq!(money(Money(0)), "0.00");
        assert_eq!(profit(Money(1_000_000)), "+1.00");
        assert_eq!(profit(Money(-1)), "-0.000001");
        assert_eq!(profit(Money(0)), "0.00");
        assert_eq!(amount(Quantity(1_000_000_000)), "1,000");
        assert_eq!(amount(Quantity(500_000)), "0.5");
        assert_eq!(money(Money(i64::MIN)), "-9,223,372,036,854.775808");
        let told = [0, 1_000_000, 1_500_000, 2_000_000_000].map(|it| units(Quantity(it)));
        assert_eq!(told, ["0 units", "1 unit", "1.5 units", "2,000 units"]);
        for (millionths, shown) in [
            (45_660_839, "45.66"),
            (1_999_999_999, "2,000.00"),
            (-319_377_967, "-319.38"),
            (1_234_567, "1.23"),
            (123_456, "0.1235"),
            (123, "0.000123"),
            (0, "0.00"),
            (i64::MAX, "9,223,372,036,854.775807"),
        ] {
            assert_eq!(estimate(Money(millionths)), shown);
        }
    }

    #[test]
    fn percentages_have_two_places() {
        let p = |a, b| percent(Money(a), Money(b));
        assert_eq!(p(1, 3).unwrap(), "33.33");
        assert_eq!(p(-1, 3).unwrap(), "-33.33");
        assert_eq!(p(-1, 100_000).unwrap(), "0.00");
        assert_eq!(p(5, 0), None);
        assert_eq!(p(i64::MAX, 1).unwrap(), format!("{}00.00", i64::MAX));
        assert_eq!(signed_percent(Money(5), Money(100)), "+5.00 %");
        assert_eq!(signed_percent(Money(-1), Money(3)), "-33.33 %");
        assert_eq!(signed_percent(Money(-1), Money(100_000)), "0.00 %");
        assert_eq!(signed_percent(Money(123), Money(10)), "+1,230.00 %");
        assert_eq!(signed_percent(Money(1), Money::ZERO), NONE);
    }

    #[test]
    fn times_are_short() {
        let at = |text| Timestamp::parse(text).unwrap();
        assert_eq!(moment(at("2013-03-01")), "2013-03-01");
        assert_eq!(
            moment(at("2013-03-01T14:05:09.120Z")),
            "2013-03-01 14:05:09"
        );
        let s = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(
            [
                s(0),
                s(45),
                s(185),
                s(7800),
                s(3600),
                s(86_400 * 4 + 3 * 3600 + 5),
                s(365 * 86_400 * 13)
            ],
            [
                "0 s",
                "45 s",
                "3 min 5 s",
                "2 h 10 min",
                "1 h",
                "4 d 3 h",
                "13 y"
            ]
        );
        assert_eq!(utc(at("2013-03-01T14:05:09Z")), "2013-03-01 14:05:09 UTC");
    }

    #[test]
    fn cells_and_values_are_cleaned() {
        let rows = [vec!["\u{1b}]0;t\u{7}\n".to_owned()]];
        let shown = table_within(None, &[Column::text("x", 0)], &rows)
            + &list(&[("a", "\u{9b}31m\u{202e}".to_owned())]);
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']));
        assert_eq!(shown.lines().count(), 4);
    }

    #[test]
    fn a_list_fits_the_width() {
        let id = "01a21844-f7ca-7000-8000-d93f8c1c1a6d";
        let pairs = [
            ("transaction", id.to_owned()),
            ("rule", "filled at the close of the asset's bar".to_owned()),
        ];
        let whole = list_within(None, &pairs);
        assert_eq!(whole, list_within(Some(80), &pairs));
        assert_eq!(whole.lines().count(), 2);
        assert_eq!(
            list_within(Some(40), &pairs),
            format!(
                "transaction\n  {id}\nrule         filled at the close of the\n             asset's bar\n"
            )
        );
        // A word that nothing holds stays whole.
        let narrow = list_within(Some(5), &pairs);
        assert!(narrow.contains(id), "{narrow}");
    }

    #[test]
    fn a_table_fits_the_width_and_names_what_is_missing() {
        const COLUMNS: [Column; 3] = [
            Column::text("symbol", 0),
            Column::number("units", 1),
            Column::text("ID", 2),
        ];
        const RETURNING: [Column; 3] = [
            Column::text("symbol", 0),
            Column::number("a wide heading", 1),
            Column::text("ID", 2),
        ];
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["AAPL", "1,000", "0190-0000"]), row(["IBM", "5", "x"])];
        let within = |width| table_within(width, &COLUMNS, &rows);
        let whole = within(None);
        assert_eq!(within(Some(80)), whole);
        assert!(whole.contains(" AAPL     1,000   0190-0000"), "{whole}");
        let narrow = within(Some(20));
        assert!(narrow.contains("AAPL     1,000\n"), "{narrow}");
        assert!(narrow.contains("Left out: ID."), "{narrow}");
        let tiny = within(Some(5));
        assert!(tiny.starts_with(" sym…\n"), "{tiny}");
        assert!(tiny.contains("Cut:"), "{tiny}");
        assert_eq!(
            missing_note(&COLUMNS, vec![2, 1], &[0]),
            "Left out: units, ID. Cut: symbol."
        );
        let short = [row(["AAPL", "1", "2"])];
        let back = table_within(Some(14), &RETURNING, &short);
        assert!(
            back.contains("AAPL     2\n"),
            "the narrow one comes back: {back}"
        );
        assert!(back.contains("Left out: a"), "{back}");
        for width in [1, 5, 10, 20, 30] {
            let table = within(Some(width));
            let lines = table.lines().take(4);
            assert!(
                lines.clone().all(|line| line.width() <= width),
                "{width}: {table}"
            );
        }
    }
}
