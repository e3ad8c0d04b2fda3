//! spec/runtime.md · 2.1.8, 2.4.2
//!
//! Clocks that a change of the machine's clock does not confuse.

use crate::model::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicI64, Ordering};

/// Milliseconds since the machine started. They pass also while it sleeps, and setting its clock
/// does not change them.
pub fn boot_millis() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec
        .saturating_mul(1_000)
        .saturating_add(now.tv_nsec / 1_000_000)
}

/// The machine's clock, made never to go back. Where it was set back, this one goes on at half the
/// speed until the other has caught up: so times stay in order, differ, and become right again.
#[derive(Debug)]
pub struct SteadyClock {
    last: Timestamp,
    /// While the machine's clock is behind: where that began, and the machine's time then.
    behind: Option<(Timestamp, i64)>,
}

impl SteadyClock {
    /// A clock that shows no time before `last`.
    pub fn after(last: Timestamp) -> SteadyClock {
        SteadyClock { last, behind: None }
    }

    /// The time; `wall` is what the machine's clock shows.
    pub fn at(&mut self, wall: Timestamp) -> Timestamp {
        self.read(wall, boot_millis)
    }

    /// `boot` is asked only where the machine's clock is behind.
    fn read(&mut self, wall: Timestamp, boot: impl FnOnce() -> i64) -> Timestamp {
        if wall >= self.last {
            self.behind = None;
            self.last = wall;
            return wall;
        }
        let boot = boot();
        let (from, since) = *self.behind.get_or_insert((self.last, boot));
        let slow = from.0.saturating_add(boot.saturating_sub(since).max(0) / 2);
        self.last = self.last.max(Timestamp(slow)).max(wall);
        self.last
    }
}

/// The time by another machine's clock, as of its last message. Setting the clock of this machine
/// does not change it.
#[derive(Debug)]
pub struct RemoteClock {
    /// Milliseconds by which the other's clock is ahead of [`boot_millis`].
    ahead: AtomicI64,
}

impl Default for RemoteClock {
    /// This machine's clock, until a message comes.
    fn default() -> RemoteClock {
        let clock = RemoteClock {
            ahead: AtomicI64::new(0),
        };
        clock.learn(Timestamp::now());
        clock
    }
}

impl RemoteClock {
    /// Notes what the other's clock shows now.
    pub fn learn(&self, shown: Timestamp) {
        let ahead = shown.0.saturating_sub(boot_millis());
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    /// What the other's clock shows now.
    pub fn now(&self) -> Timestamp {
        Timestamp(boot_millis().saturating_add(self.ahead.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_clock_that_is_set_back_goes_on_at_half_the_speed_until_it_is_right() {
        let mut clock = SteadyClock::after(Timestamp::MIN);
        let mut read = |wall, boot| clock.read(Timestamp(wall), || boot).0;
        assert_eq!(read(10 * HOUR, 0), 10 * HOUR);
        assert_eq!(read(12 * HOUR, 1), 12 * HOUR, "a jump ahead is believed");
        assert_eq!(read(10 * HOUR, 2), 12 * HOUR);
        assert_eq!(read(10 * HOUR + 1, 3), 12 * HOUR, "half a millisecond");
        assert_eq!(read(10 * HOUR + 2, 4), 12 * HOUR + 1);
        assert_eq!(read(9 * HOUR, 2 + HOUR), 12 * HOUR + HOUR / 2, "back again");
        assert_eq!(read(11 * HOUR, 2 + 5 * HOUR), 14 * HOUR + HOUR / 2);
        assert_eq!(read(14 * HOUR, 2 + 6 * HOUR), 15 * HOUR);
        assert_eq!(
            read(16 * HOUR, 2 + 8 * HOUR),
            16 * HOUR,
            "it is right again"
        );
        assert_eq!(read(16 * HOUR, 2 + 8 * HOUR), 16 * HOUR);
        assert_eq!(read(16 * HOUR - 2, 4 + 8 * HOUR), 16 * HOUR);
        assert_eq!(read(16 * HOUR + 1, 7 + 8 * HOUR), 16 * HOUR + 1);
    }

    #[test]
    fn times_before_1970_are_times() {
        let mut clock = SteadyClock::after(Timestamp::MIN);
        assert_eq!(clock.read(Timestamp(-5), || 0), Timestamp(-5));
        assert_eq!(clock.read(Timestamp(-6), || 1), Timestamp(-5));
        assert_eq!(clock.read(Timestamp(0), || 2), Timestamp(0));
    }

    #[test]
    fn the_other_clock_passes_from_what_it_showed_last() {
        let clock = RemoteClock::default();
        assert!(clock.now().since(Timestamp::now()).abs() < 60_000);
        for shown in [Timestamp(-HOUR), Timestamp(0), Timestamp(1 << 50)] {
            clock.learn(shown);
            assert!((0..60_000).contains(&clock.now().since(shown)));
        }
    }
}
