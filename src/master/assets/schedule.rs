//! spec/master/assets/schedule.md · 2.3.4 Stock Data Update Interval
//!
//! When updates begin: on a grid that does not drift, without a burst after a stall; and how far they
//! are.

use crate::model::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The grid of updates.
#[derive(Debug, Clone, Copy)]
pub struct UpdateSchedule {
    interval: Duration,
    due: Instant,
}

impl UpdateSchedule {
    /// Creates a grid: the first update is due at `first`, others each `interval` after it.
    pub fn new(interval: Duration, first: Instant) -> UpdateSchedule {
        UpdateSchedule {
            interval,
            due: first,
        }
    }

    /// The time at which the next update is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Begins an update at `now`. The next one is due at the first point of the grid that is at
    /// least half an interval away. Returns the number of missed points.
    pub fn begin(&mut self, now: Instant) -> u64 {
        let earliest = now + self.interval / 2;
        self.due += self.interval;
        if self.due >= earliest {
            return 0;
        }
        let interval = self.interval.as_nanos().max(1);
        let behind = earliest.duration_since(self.due).as_nanos();
        let missed = behind.div_ceil(interval);
        let ahead = u64::try_from(missed.saturating_mul(interval)).unwrap_or(u64::MAX);
        self.due += Duration::from_nanos(ahead);
        u64::try_from(missed).unwrap_or(u64::MAX)
    }
}

/// Stands for no time in [`UpdateProgress`].
const NO_TIME: i64 = i64::MAX;

/// How far updates are, for any thread to read.
#[derive(Debug)]
pub struct UpdateProgress {
    /// Wall time of the next update.
    next: AtomicI64,
    /// The first update that an order accepted now takes part in.
    first: AtomicU64,
    /// The last update up to which all are settled.
    settled: AtomicU64,
    /// Whether an update is under way: from before the begin of its retrieval until the other modules
    /// have it in their inboxes.
    is_under_way: AtomicBool,
}

impl UpdateProgress {
    /// After update `last`; all up to `settled` are settled. The next one is due at `next`; `None`:
    /// none is.
    pub fn after(last: u64, settled: u64, next: Option<Timestamp>) -> UpdateProgress {
        UpdateProgress {
            next: AtomicI64::new(next.map_or(NO_TIME, |next| next.0)),
            first: AtomicU64::new(last + 1),
            settled: AtomicU64::new(settled),
            is_under_way: AtomicBool::new(false),
        }
    }

    /// Wall time of the next update; `None`: none is due.
    pub fn next(&self) -> Option<Timestamp> {
        let next = self.next.load(Ordering::Relaxed);
        Some(Timestamp(next)).filter(|next| next.0 != NO_TIME)
    }

    /// Sets when the next update is due; `None`: none is.
    pub fn set_next(&self, next: Option<Timestamp>) {
        let next = next.map_or(NO_TIME, |next| next.0);
        self.next.store(next, Ordering::Relaxed);
    }

    /// The first update that an order accepted now takes part in.
    pub fn first(&self) -> u64 {
        self.first.load(Ordering::SeqCst)
    }

    /// Sets the first update that an order accepted from now on takes part in.
    pub fn set_first(&self, number: u64) {
        self.first.store(number, Ordering::SeqCst);
    }

    /// The last update up to which all are settled.
    pub fn settled(&self) -> u64 {
        self.settled.load(Ordering::SeqCst)
    }

    /// Whether an update is under way: from before the begin of its retrieval until the other modules
    /// have it in their inboxes.
    pub fn is_under_way(&self) -> bool {
        self.is_under_way.load(Ordering::Acquire)
    }

    /// Sets whether an update is under way.
    pub fn set_under_way(&self, is_under_way: bool) {
        self.is_under_way.store(is_under_way, Ordering::Release);
    }

    /// Notes that all updates up to this one are settled.
    pub fn note_settled(&self, number: u64) {
        self.settled.fetch_max(number, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_does_not_drift_and_a_stall_causes_no_burst() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let ms = Duration::from_millis;
        let mut schedule = UpdateSchedule::new(second, start);
        assert_eq!(schedule.begin(start + ms(3)), 0);
        assert_eq!(schedule.due(), start + second);
        assert_eq!(schedule.begin(start + ms(1_400)), 0);
        assert_eq!(schedule.due(), start + ms(2_000), "600 ms ahead");
        assert_eq!(schedule.begin(start + ms(2_600)), 1);
        assert_eq!(
            schedule.due(),
            start + ms(4_000),
            "3,000 is only 400 ms ahead"
        );
        assert_eq!(schedule.begin(start + ms(9_100)), 5);
        assert_eq!(schedule.due(), start + ms(10_000));
        assert_eq!(schedule.begin(start + ms(10_000)), 0);
        assert_eq!(schedule.due(), start + ms(11_000));
    }
}
