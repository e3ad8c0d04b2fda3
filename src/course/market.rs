//! spec/course.md · 2.3.1 List of assets to retrieve
//!
//! The market of the course: three made-up assets with a bar for each weekday, the same every time.
//! The stages know its prices.

use crate::model::timestamp::DAY;
use crate::model::{Money, Timestamp};
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

/// The first bar, a Monday: 1962-01-01.
const FIRST: Timestamp = Timestamp(-2_922 * DAY);

/// Where the replay starts: 1980-01-01. The eighteen years before are history: enough months for a
/// transfer of two packets.
pub const START: Timestamp = Timestamp(3_652 * DAY);

/// Weekdays from the first bar to the last one before [`START`].
const HISTORY_BARS: i64 = 4_696;

/// Bars from [`START`] on: at an update a second, three hours.
pub const LAB_BARS: i64 = 3 * 60 * 60;

/// A cent, in millionths.
const CENT: i64 = 10_000;

/// The assets, by symbol.
pub const SYMBOLS: [&str; 3] = ["STEP", "WALK", "WAVE"];

/// The closes of an asset in cents, oldest first.
fn closes(symbol: &str) -> Vec<i64> {
    let bars = 0..HISTORY_BARS + LAB_BARS;
    match symbol {
        // A cent more each day: a price tells its day.
        "STEP" => bars.map(|bar| 1_000 + bar).collect(),
        // Up for twenty days, and down for twenty: something for a bot to find.
        "WAVE" => bars
            .map(|bar| 8_000 + 100 * (bar % 40).min(40 - bar % 40))
            .collect(),
        _ => walk(bars.count()),
    }
}

/// A random walk, whose numbers are those of a linear congruential generator: the same on every
/// machine and in every language.
fn walk(bars: usize) -> Vec<i64> {
    const LOW: i64 = 2_500;
    const HIGH: i64 = 9_000;
    let (mut number, mut price) = (1_962_i64, 5_000);
    let mut closes = Vec::with_capacity(bars);
    for _ in 0..bars {
        closes.push(price);
        number = (number * 1_103_515_245 + 12_345) % (1 << 31);
        let step = match (number >> 16) % 41 - 20 {
            0 => 21,
            step => step,
        };
        let is_leaving = price > HIGH && step > 0 || price < LOW && step < 0;
        price += if is_leaving { -step } else { step };
    }
    closes
}

/// The market file of an asset, as every market file is: a headline, and a line for each day.
pub fn file(symbol: &str) -> String {
    let mut text = "Date,Open,High,Low,Close,Volume\n".to_owned();
    let mut before = None;
    for (bar, close) in (0..).zip(closes(symbol)) {
        let open = before.unwrap_or(close);
        before = Some(close);
        let time = Timestamp(FIRST.0 + (bar / 5 * 7 + bar % 5) * DAY).to_string();
        let price = |cents: i64| Money(cents * CENT);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{}",
            time.get(..10).unwrap_or_default(),
            price(open),
            price(open.max(close) + 2),
            price(open.min(close) - 2),
            price(close),
            1_000 + bar % 7 * 100
        );
    }
    text
}

/// Writes the market into a folder, which is made if it is not there. Returns the files' names.
///
/// # Errors
/// The folder cannot be made, or a file cannot be written.
pub fn write(folder: &Path) -> io::Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let names = SYMBOLS.map(|symbol| format!("{symbol}.csv"));
    for (symbol, name) in SYMBOLS.iter().zip(&names) {
        fs::write(folder.join(name), file(symbol))?;
    }
    Ok(names.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closes of a market file, with their days.
    fn days(text: &str) -> Vec<(&str, &str)> {
        text.lines()
            .skip(1)
            .map(|line| {
                let mut cells = line.split(',');
                (cells.next().unwrap(), cells.nth(3).unwrap())
            })
            .collect()
    }

    #[test]
    fn every_asset_has_its_history_and_three_hours_and_moves_each_day() {
        for symbol in SYMBOLS {
            let text = file(symbol);
            let days = days(&text);
            assert_eq!(days.first().unwrap().0, "1962-01-01", "{symbol}");
            let start = START.to_string();
            let at = days.iter().position(|(day, _)| start.starts_with(day));
            assert_eq!(at, Some(usize::try_from(HISTORY_BARS).unwrap()), "{symbol}");
            assert_eq!(days.len() - at.unwrap(), 10_800, "{symbol}");
            assert!(
                days.windows(2)
                    .all(|two| two[0].0 < two[1].0 && two[0].1 != two[1].1),
                "{symbol}: a day without a new price"
            );
        }
    }

    #[test]
    fn the_bars_are_those_that_the_stages_expect() {
        let step = file("STEP");
        for line in [
            "1962-01-01,10,10.02,9.98,10,1000",
            "1979-03-14,54.86,54.89,54.84,54.87,1000",
            "1979-12-31,56.94,56.97,56.92,56.95,1500",
        ] {
            assert!(step.lines().any(|found| found == line), "{line}");
        }
        assert!(!step.contains("1979-03-17"), "a Saturday");
    }
}
