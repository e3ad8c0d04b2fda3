//! spec/cli/papertrader.md · 4.6.9 to 4.6.13 (past values, drawn)
//!
//! Draws closing prices as a line of braille dots, with volumes below and prices and dates at the
//! edges. It uses integers only.

use crate::cli::table;
use crate::cli::terminal::ScreenSize;
use crate::model::{Bar, Money, Timestamp};
use std::fmt::Write;

/// The height of the price line in rows of characters where there is no terminal.
pub const DEFAULT_HEIGHT: usize = 15;

/// The allowed height of the price line in rows of characters.
pub const HEIGHT: std::ops::RangeInclusive<usize> = 3..=30;

/// The rows below the price line: the volumes, the dates, and the prompt that follows.
const OTHER_ROWS: usize = 3;

/// The allowed width of a chart in columns.
pub const WIDTH: std::ops::RangeInclusive<usize> = 40..=200;

/// A cent in millionths of a unit.
const CENT: i64 = 10_000;

/// The columns and rows of dots in a braille character.
const DOTS: (usize, usize) = (2, 4);

/// Draws `bars` within the columns and rows of `screen`; `plain` uses ASCII characters only.
pub fn draw(bars: &[Bar], screen: Option<ScreenSize>, plain: bool) -> String {
    let width = screen.map_or(table::DEFAULT_WIDTH, |screen| screen.columns);
    let height = screen.map_or(DEFAULT_HEIGHT, |screen| {
        let left = screen.rows.saturating_sub(OTHER_ROWS);
        left.clamp(*HEIGHT.start(), *HEIGHT.end())
    });
    let (Some(low), Some(high)) = (
        bars.iter().map(|b| b.close).min(),
        bars.iter().map(|b| b.close).max(),
    ) else {
        return "no bars in this window\n".to_owned();
    };
    let labels = price_labels(low, high);
    let margin = labels.iter().map(String::len).max().unwrap_or(0);
    let width = width.clamp(*WIDTH.start(), *WIDTH.end());
    let columns = width.saturating_sub(margin + 2).max(10);
    let mut canvas = Canvas::new(columns, height, plain);
    let mut before: Option<(usize, usize)> = None;
    for (index, bar) in bars.iter().enumerate() {
        let x = place(index, bars.len().saturating_sub(1), canvas.dots.0 - 1);
        let rise = i128::from(bar.close.0) - i128::from(low.0);
        let span = i128::from(high.0) - i128::from(low.0);
        let top = canvas.dots.1 - 1;
        // A flat line is drawn in the middle.
        let up = if span == 0 {
            top / 2
        } else {
            scale(rise, span, top)
        };
        let point = (x, top - up);
        canvas.line(before.unwrap_or(point), point);
        before = Some(point);
    }
    let edge = if plain { '|' } else { '│' };
    let mut out = String::new();
    for (row, line) in canvas.rows().into_iter().enumerate() {
        let label = match row {
            // A flat line has one price.
            r if low == high && r != height / 2 => "",
            0 => &labels[0],
            r if r == height / 2 => &labels[1],
            r if r == height - 1 => &labels[2],
            _ => "",
        };
        let _ = writeln!(out, "{label:>margin$} {edge}{}", line.trim_end());
    }
    if let Some(volumes) = volume_row(bars, columns, plain) {
        let _ = writeln!(out, "{:>margin$} {edge}{}", "volume", volumes.trim_end());
    }
    let _ = writeln!(out, "{:>margin$}  {}", "", date_row(bars, columns));
    out
}

/// The labels of the highest, the middle and the lowest price.
fn price_labels(low: Money, high: Money) -> [String; 3] {
    let middle = i128::midpoint(i128::from(low.0), i128::from(high.0));
    let middle = i64::try_from(middle).unwrap_or(low.0);
    // If both prices are whole cents, the middle label is rounded down to a cent.
    let cents = |value: i64| value - value.rem_euclid(CENT);
    let whole =
        cents(low.0) == low.0 && cents(high.0) == high.0 && high.0.saturating_sub(low.0) > CENT;
    let middle = Money(if whole { cents(middle) } else { middle });
    let text = |money: Money| format!("{:>6}", table::money(money));
    [text(high), text(middle), text(low)]
}

/// Scales `part` of `whole` to 0 to `most`, rounded to the nearest.
fn scale(part: i128, whole: i128, most: usize) -> usize {
    let most_wide = i128::try_from(most).unwrap_or(0);
    usize::try_from((part * most_wide * 2 + whole) / (whole * 2)).map_or(most, |at| at.min(most))
}

/// The position on 0 to `most` of item `index` of 0 to `last`.
fn place(index: usize, last: usize, most: usize) -> usize {
    (index * most).checked_div(last).unwrap_or(most / 2)
}

fn volume_row(bars: &[Bar], columns: usize, plain: bool) -> Option<String> {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const PLAIN: [char; 9] = [' ', '.', '.', ':', ':', '+', '+', '#', '#'];
    let mut sums = vec![0u128; columns];
    for (index, bar) in bars.iter().enumerate() {
        sums[place(index, bars.len() - 1, columns - 1)] += u128::from(bar.volume);
    }
    let most = sums.iter().copied().max().filter(|most| *most > 0)?;
    let block = |sum: u128| {
        let step = if sum == 0 {
            0
        } else {
            1 + usize::try_from(sum * 7 / most).unwrap_or(0)
        };
        if plain { PLAIN[step] } else { BLOCKS[step] }
    };
    Some(sums.into_iter().map(block).collect())
}

/// The first, middle and last date, with times if all bars are within two days.
fn date_row(bars: &[Bar], columns: usize) -> String {
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return String::new();
    };
    let short = last.time.since(first.time) < 2 * crate::model::timestamp::DAY;
    let text = |timestamp: Timestamp| {
        let all = timestamp.to_string();
        if short {
            all.get(..16).unwrap_or(&all).replace('T', " ")
        } else {
            all.get(..10).unwrap_or(&all).to_owned()
        }
    };
    let (left, middle, right) = (
        text(first.time),
        text(bars[bars.len() / 2].time),
        text(last.time),
    );
    if bars.len() == 1 {
        return format!("{left:^columns$}").trim_end().to_owned();
    }
    if bars.len() == 2 || columns < left.len() * 3 + 4 {
        let gap = columns.saturating_sub(left.len() + right.len()).max(1);
        return format!("{left}{:gap$}{right}", "");
    }
    let rest = columns - left.len() - right.len();
    format!("{left}{middle:^rest$}{right}")
}

/// A grid of dots: two by four in a character, or one in a character for ASCII.
struct Canvas {
    columns: usize,
    /// Columns and rows of dots.
    dots: (usize, usize),
    cells: Vec<u8>,
    plain: bool,
}

impl Canvas {
    fn new(columns: usize, rows: usize, plain: bool) -> Canvas {
        let scale = if plain { (1, 1) } else { DOTS };
        Canvas {
            columns,
            dots: (columns * scale.0, rows * scale.1),
            cells: vec![0; columns * rows],
            plain,
        }
    }

    fn set(&mut self, x: usize, y: usize) {
        // The bits of Unicode's braille patterns, by column and row of the dot.
        const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        let (cell, bit) = if self.plain {
            (y * self.columns + x, 1)
        } else {
            ((y / 4) * self.columns + x / 2, BITS[x % 2][y % 4])
        };
        if let Some(cell) = self.cells.get_mut(cell) {
            *cell |= bit;
        }
    }

    /// Draws a line by Bresenham's algorithm.
    fn line(&mut self, from: (usize, usize), to: (usize, usize)) {
        let wide = |n: usize| i64::try_from(n).unwrap_or(0);
        let (mut x, mut y) = (wide(from.0), wide(from.1));
        let (to_x, to_y) = (wide(to.0), wide(to.1));
        let (dx, dy) = ((to_x - x).abs(), -(to_y - y).abs());
        let (step_x, step_y) = ((to_x - x).signum(), (to_y - y).signum());
        let mut error = dx + dy;
        loop {
            self.set(
                usize::try_from(x).unwrap_or(0),
                usize::try_from(y).unwrap_or(0),
            );
            if (x, y) == (to_x, to_y) {
                return;
            }
            let twice = 2 * error;
            if twice >= dy {
                error += dy;
                x += step_x;
            }
            if twice <= dx {
                error += dx;
                y += step_y;
            }
        }
    }

    fn rows(&self) -> Vec<String> {
        let character = |cell: &u8| match (*cell, self.plain) {
            (0, _) => ' ',
            (_, true) => '*',
            (bits, false) => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
        };
        self.cells
            .chunks(self.columns)
            .map(|row| row.iter().map(character).collect())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(closes: &[i64]) -> Vec<Bar> {
        let start = Timestamp::parse("2013-03-01").unwrap();
        let bar = |(index, close): (usize, &i64)| Bar {
            time: start.plus_days(i64::try_from(index).unwrap()),
            open: Money(*close * 1_000_000),
            high: Money(*close * 1_000_000),
            low: Money(*close * 1_000_000),
            close: Money(*close * 1_000_000),
            volume: u64::try_from(*close).unwrap(),
        };
        closes.iter().enumerate().map(bar).collect()
    }

    #[test]
    fn a_rising_line_goes_from_the_lower_left_to_the_upper_right() {
        let text = draw(&bars(&(1..=50).collect::<Vec<_>>()), screen(60, 18), true);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 15 + 2);
        assert!(lines[0].starts_with(" 50.00 |"), "{text}");
        assert!(lines[14].starts_with("  1.00 |*"), "{text}");
        assert!(lines[0].ends_with('*'));
        let first: Vec<usize> = lines[..15].iter().map(|l| l.find('*').unwrap()).collect();
        assert!(first.windows(2).all(|w| w[0] > w[1]), "{text}");
        assert!(lines[16].contains("2013-03-01"));
        assert!(lines[16].ends_with("2013-04-19"));
        assert!(lines.iter().all(|l| l.chars().count() <= 60), "{text}");
    }

    fn screen(columns: usize, rows: usize) -> Option<ScreenSize> {
        Some(ScreenSize { columns, rows })
    }

    #[test]
    fn a_chart_leaves_room_for_the_prompt_on_any_screen() {
        for (rows, drawn) in [(1, 5), (6, 5), (12, 11), (24, 23), (100, 32)] {
            for plain in [true, false] {
                let text = draw(&bars(&[1, 9, 2, 8]), screen(80, rows), plain);
                assert_eq!(text.lines().count(), drawn, "{rows}: {text}");
            }
        }
        assert_eq!(
            draw(&bars(&[1, 2]), None, true).lines().count(),
            DEFAULT_HEIGHT + 2
        );
    }

    #[test]
    fn a_braille_chart_keeps_its_width() {
        let text = draw(&bars(&[1, 9, 2, 8, 3, 7, 4, 6, 5]), screen(72, 24), false);
        assert!(text.contains('│'));
        assert!(text.chars().any(|c| ('\u{2801}'..='\u{28FF}').contains(&c)));
        assert!(text.lines().all(|l| l.chars().count() <= 72), "{text}");
    }

    #[test]
    fn few_and_flat_bars_are_drawn() {
        assert_eq!(draw(&[], None, true), "no bars in this window\n");
        for closes in [&[5][..], &[5, 5], &[5, 5, 5, 5]] {
            let text = draw(&bars(closes), None, true);
            assert!(text.contains('*'), "{text}");
            assert_eq!(text.matches("5.00").count(), 1, "{text}");
        }
        let extremes: Vec<Bar> = [1, i64::MAX / 2, 7]
            .iter()
            .map(|close| Bar {
                close: Money(*close),
                ..bars(&[1])[0]
            })
            .collect();
        assert_eq!(draw(&extremes, screen(10, 5), false).lines().count(), 3 + 2);
    }
}
