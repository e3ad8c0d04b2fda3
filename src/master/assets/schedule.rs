//! spec/master/assets/schedule.md · 2.3.4 Stock Data Update Interval
//!
//! When updates begin: on a grid that does not drift, without a burst after a stall.

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
