//! spec/bench.md · 3.1.3, 3.2.6
//!
//! The result of a measurement: how many replies, and how long each took. All numbers are whole:
//! nanoseconds, replies a second, ratios in thousandths.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// The longest time that is recorded exactly: a minute. Longer ones count as it.
const TIME_MAX_NANOS: u64 = 60_000_000_000;
/// Significant digits of a recorded time.
const SIGNIFICANT_DIGITS: u8 = 3;

/// The counters of a running measurement.
#[derive(Debug)]
pub struct Tally {
    replies: Option<Histogram<u64>>,
    notices: Option<Histogram<u64>>,
    refused: u64,
    late: u64,
    closed: bool,
}

impl Tally {
    /// Counters at zero.
    pub fn new() -> Tally {
        Tally {
            // These bounds are always accepted.
            replies: Histogram::new_with_max(TIME_MAX_NANOS, SIGNIFICANT_DIGITS).ok(),
            notices: Histogram::new_with_max(TIME_MAX_NANOS, SIGNIFICANT_DIGITS).ok(),
            refused: 0,
            late: 0,
            closed: false,
        }
    }

    /// Ends the measurement: later replies are counted as late alone.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Counts a reply.
    pub fn reply(&mut self, took: Duration) {
        self.late += u64::from(self.closed);
        if let Some(replies) = self.replies.as_mut().filter(|_| !self.closed) {
            replies.saturating_record(nanos(took));
        }
    }

    /// Counts a notice.
    pub fn notice(&mut self, took: Duration) {
        if let Some(notices) = self.notices.as_mut().filter(|_| !self.closed) {
            notices.saturating_record(nanos(took));
        }
    }

    /// Counts a refusal.
    pub fn refused(&mut self) {
        self.refused += u64::from(!self.closed);
    }

    /// The result.
    pub fn measured(&self, elapsed: Duration) -> Measurement {
        let times = |histogram: &Option<Histogram<u64>>| {
            histogram.as_ref().map(Times::of).unwrap_or_default()
        };
        Measurement {
            elapsed: nanos(elapsed).max(1),
            refused: self.refused,
            late: self.late,
            replies: times(&self.replies),
            notices: times(&self.notices),
        }
    }
}

impl Default for Tally {
    fn default() -> Tally {
        Tally::new()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Percentiles of times, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    pub count: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

impl Times {
    fn of(histogram: &Histogram<u64>) -> Times {
        Times {
            count: histogram.len(),
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }
}

/// The result of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Measurement {
    /// Length of the measurement, in nanoseconds.
    pub elapsed: u64,
    /// Refusals.
    pub refused: u64,
    /// Replies after the end, which are counted nowhere else.
    pub late: u64,
    /// Times from request to reply.
    pub replies: Times,
    /// Times from request to notice.
    pub notices: Times,
}

impl Measurement {
    /// Replies a second.
    pub fn rate(&self) -> u64 {
        rate(self.replies.count, self.elapsed)
    }
}

/// The rate a second of `count` in `nanos` nanoseconds.
pub fn rate(count: u64, nanos: u64) -> u64 {
    let rate = u128::from(count) * 1_000_000_000 / u128::from(nanos.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A ratio, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MeasuredRatio(pub u64);

impl MeasuredRatio {
    /// The ratio of two numbers; a divisor of 0 counts as 1.
    pub fn of(ours: u64, theirs: u64) -> MeasuredRatio {
        let ratio = u128::from(ours) * 1000 / u128::from(theirs.max(1));
        MeasuredRatio(u64::try_from(ratio).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for MeasuredRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 + 5) / 10;
        f.pad(&format!("{}.{:02}", hundredths / 100, hundredths % 100))
    }
}

/// The median; of an even number of values, the lower of the middle two.
pub fn median<T: Copy + Ord>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// A count for people: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time for people: about three digits, and a unit.
pub fn span(nanos: u64) -> String {
    match nanos {
        0..10_000 => format!("{nanos} ns"),
        10_000..10_000_000 => format!("{} µs", grouped(nanos / 1_000)),
        10_000_000..10_000_000_000 => format!("{} ms", grouped(nanos / 1_000_000)),
        _ => format!("{} s", grouped(nanos / 1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(MeasuredRatio::of(2, 3).to_string(), "0.67");
        assert_eq!(MeasuredRatio::of(12_345, 10).to_string(), "1234.50");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123), "123");
        assert_eq!(span(1_234_567), "1,234 µs");
        assert_eq!(span(82_000_000), "82 ms");
        assert_eq!(median(&[5, 1, 3]), Some(3));
        assert_eq!(median(&[5, 1, 3, 4]), Some(3));
        assert_eq!(median::<u64>(&[]), None);
        assert_eq!(rate(500, 500_000_000), 1000);
    }

    #[test]
    fn what_comes_after_the_end_does_not_count() {
        let mut tally = Tally::new();
        for millis in 1..=100 {
            tally.reply(Duration::from_millis(millis));
        }
        tally.refused();
        tally.close();
        tally.reply(Duration::from_secs(50));
        tally.refused();
        let measured = tally.measured(Duration::from_secs(2));
        assert_eq!(measured.rate(), 50);
        assert_eq!((measured.refused, measured.late), (1, 1));
        let about = |nanos: u64| (nanos + 500_000) / 1_000_000;
        assert_eq!(about(measured.replies.p50), 50);
        assert_eq!(about(measured.replies.p99), 99);
        assert_eq!(about(measured.replies.max), 100);
    }
}
