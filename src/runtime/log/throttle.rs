//! spec/runtime/log.md · 3.1.4 Log System
//!
//! Limits the log entries that peers can cause.

use crate::runtime::rate_limiter::FixedWindow;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Limits the messages an interval for each reason, and counts those that it suppresses.
///
/// ```
/// # use papertrader::runtime::log::Throttle;
/// # use std::time::Duration;
/// let throttle = Throttle::new(10, Duration::from_secs(60));
/// if let Some(more) = throttle.allow("bad-frame") {
///     papertrader::warn!("a client sent a bad frame{more}");
/// }
/// ```
#[derive(Debug)]
pub struct Throttle {
    limit: u32,
    interval: Duration,
    /// Reasons are constants of the program, so there are few.
    reasons: Mutex<BTreeMap<&'static str, Count>>,
}

#[derive(Debug)]
struct Count {
    allowed: FixedWindow,
    suppressed: u64,
}

/// Permission for one message. Displays as an empty string, or as ` (and 12 more of them)` after 12
/// suppressed messages.
#[derive(Debug, PartialEq, Eq)]
pub struct SuppressedCount(u64);

impl SuppressedCount {
    /// Messages suppressed since the last one for that reason.
    pub fn count(&self) -> u64 {
        self.0
    }
}

impl fmt::Display for SuppressedCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return Ok(());
        }
        write!(f, " (and {} more of them)", self.0)
    }
}

impl Throttle {
    /// At most `limit` messages (at least 1) every `interval` for each reason.
    pub fn new(limit: u32, interval: Duration) -> Throttle {
        Throttle {
            limit: limit.max(1),
            interval,
            reasons: Mutex::default(),
        }
    }

    /// Permission to log a message for this reason now; `None` suppresses it.
    pub fn allow(&self, reason: &'static str) -> Option<SuppressedCount> {
        self.allow_at(reason, Instant::now())
    }

    fn allow_at(&self, reason: &'static str, now: Instant) -> Option<SuppressedCount> {
        let mut reasons = self.reasons.lock();
        let count = reasons.entry(reason).or_insert_with(|| Count {
            allowed: FixedWindow::new(self.interval, now),
            suppressed: 0,
        });
        if count.allowed.count(now) >= u64::from(self.limit) {
            count.suppressed += 1;
            return None;
        }
        count.allowed.add();
        Some(SuppressedCount(std::mem::take(&mut count.suppressed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_over_the_limit_are_suppressed_and_counted() {
        let (start, minute) = (Instant::now(), Duration::from_secs(60));
        let throttle = Throttle::new(2, minute);
        let allowed = (0..10)
            .filter(|_| throttle.allow_at("a", start).is_some())
            .count();
        assert_eq!(allowed, 2);
        assert_eq!(throttle.allow_at("b", start), Some(SuppressedCount(0)));
        let more = throttle.allow_at("a", start + minute).unwrap();
        assert_eq!(
            (more.count(), more.to_string().as_str()),
            (8, " (and 8 more of them)")
        );
        assert_eq!(
            throttle.allow_at("a", start + minute),
            Some(SuppressedCount(0))
        );
    }
}
