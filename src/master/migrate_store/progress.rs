//! spec/master/migrate_store.md · 3.1.2 Database Management
//!
//! Shows how far a move is: a line that changes on a terminal, a line now and then elsewhere.

use crate::master::storage::moving::MoveStep;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two changes of the line on a terminal.
const TERMINAL_INTERVAL: Duration = Duration::from_millis(250);
/// Time between two lines elsewhere.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Erases the rest of a terminal's line.
const ERASE: &str = "\u{1b}[K";

/// Shows on standard error how far a move is.
#[derive(Debug)]
pub(super) struct MoveProgress {
    is_terminal: bool,
    /// When its rows began.
    began: Instant,
    /// When it is shown again.
    due: Instant,
    /// The kind of the last step.
    last: Option<std::mem::Discriminant<MoveStep>>,
}

impl MoveProgress {
    /// Shows nothing yet.
    pub fn new() -> MoveProgress {
        MoveProgress {
            is_terminal: io::stderr().is_terminal(),
            began: Instant::now(),
            due: Instant::now(),
            last: None,
        }
    }

    /// Shows a step, if it is of another kind than the last one, or that one was shown some time ago.
    pub fn tell(&mut self, step: MoveStep) {
        let kind = Some(std::mem::discriminant(&step));
        let now = Instant::now();
        if kind != self.last {
            if self.last.is_none() {
                self.began = now;
            }
            self.last = kind;
        } else if now < self.due {
            return;
        }
        let text = text(step, self.began.elapsed());
        // A closed standard error is no reason to stop.
        if self.is_terminal {
            self.due = now + TERMINAL_INTERVAL;
            let _ = write!(io::stderr(), "\r{text}{ERASE}");
            let _ = io::stderr().flush();
        } else {
            self.due = now + LINE_INTERVAL;
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Ends the line on a terminal.
    pub fn end(&self) {
        if self.is_terminal && self.last.is_some() {
            let _ = write!(io::stderr(), "\r{ERASE}");
        }
    }
}

/// A step in words, so long after the first one.
fn text(step: MoveStep, elapsed: Duration) -> String {
    match step {
        MoveStep::Rows { done: 0, total } => format!("moving {} rows", grouped(total)),
        MoveStep::Rows { done, total } => {
            let rate = rate(done, elapsed);
            let left = total.saturating_sub(done) / rate.max(1);
            let percent = done.saturating_mul(100) / total.max(1);
            format!(
                "{} of {} rows ({percent}%), {} rows/s, {} left",
                grouped(done),
                grouped(total),
                grouped(rate),
                time(left)
            )
        }
        MoveStep::Indexes { done, total } => format!("indexes and references: {done} of {total}"),
        MoveStep::Checking => "checking what was moved, as papertraderctl verify does".to_owned(),
    }
}

/// Rows a second.
pub(super) fn rate(rows: u64, time: Duration) -> u64 {
    let milliseconds = time.as_millis().max(1);
    u64::try_from(u128::from(rows) * 1000 / milliseconds).unwrap_or(u64::MAX)
}

/// Seconds as `45 s`, `12:05 min` or `1:02:05 h`.
fn time(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes}:{:02} min", seconds % 60),
        _ => format!("{hours}:{minutes:02}:{:02} h", seconds % 60),
    }
}

/// A number with commas between groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_says_how_far_it_is_how_fast_and_how_long_it_takes() {
        let rows = |done, seconds| {
            let step = MoveStep::Rows {
                done,
                total: 10_000_000,
            };
            text(step, Duration::from_secs(seconds))
        };
        assert_eq!(rows(0, 0), "moving 10,000,000 rows");
        assert_eq!(
            rows(2_500_000, 10),
            "2,500,000 of 10,000,000 rows (25%), 250,000 rows/s, 30 s left"
        );
        assert!(rows(10_000, 10).ends_with("(0%), 1,000 rows/s, 2:46:30 h left"));
        assert!(rows(5_000_000, 500).ends_with("8:20 min left"));
        let none = MoveStep::Rows { done: 0, total: 0 };
        assert_eq!(text(none, Duration::ZERO), "moving 0 rows");
    }
}
