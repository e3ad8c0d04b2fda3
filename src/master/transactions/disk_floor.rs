//! spec/master/transactions.md · 3.1.7, 3.1.2
//!
//! Refuses orders while the disk of the database is almost full, so that logins and the settlement
//! of what is queued still find room.

use crate::config::DatabaseUrl;
use crate::master::storage::disk::DiskSpace;
use crate::model::Reason;
use crate::wire::Refusal;
use std::io;
use std::time::{Duration, Instant};

/// How often the disk is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
const GIB: u64 = 1 << 30;
/// Free parts of a hundred, and bytes, below both of which the disk is low.
const LOW: (u64, u64) = (10, 20 * GIB);
/// The same below which it is full, and orders are refused.
const FULL: (u64, u64) = (2, 4 * GIB);

/// How full the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskLevel {
    /// There is room.
    Ample,
    /// An administrator should make room.
    Low,
    /// Orders are refused.
    Full,
}

impl DiskLevel {
    /// Its name for administrators.
    pub fn as_str(self) -> &'static str {
        match self {
            DiskLevel::Ample => "ample",
            DiskLevel::Low => "low",
            DiskLevel::Full => "full",
        }
    }

    /// The level of this room after that one. A level is left where a quarter more than its bound is
    /// free, so that it does not change at each look.
    fn after(self, space: DiskSpace) -> DiskLevel {
        let is_below = |level: DiskLevel, floor| {
            let bound = bound(space.total, floor);
            let slack = if self >= level { bound / 4 } else { 0 };
            space.free < bound.saturating_add(slack)
        };
        if is_below(DiskLevel::Full, FULL) {
            DiskLevel::Full
        } else if is_below(DiskLevel::Low, LOW) {
            DiskLevel::Low
        } else {
            DiskLevel::Ample
        }
    }
}

/// The free bytes of a disk of so many below which orders are refused.
pub fn refused_below(total: u64) -> u64 {
    bound(total, FULL)
}

/// The bytes below which a disk of so many is at a level.
fn bound(total: u64, (percent, bytes): (u64, u64)) -> u64 {
    (total / 100 * percent).min(bytes)
}

/// Whether orders would be refused for want of room once so many bytes more are used.
pub fn fills(space: DiskSpace, bytes: u64) -> bool {
    let left = DiskSpace {
        free: space.free.saturating_sub(bytes),
        ..space
    };
    DiskLevel::Ample.after(left) == DiskLevel::Full
}

/// What is known of the disk of the database.
#[derive(Debug)]
pub struct DiskFloor {
    url: DatabaseUrl,
    looked: Option<Instant>,
    level: DiskLevel,
    space: Option<DiskSpace>,
}

impl DiskFloor {
    /// The disk of this database, which is taken for ample until it is looked at.
    pub fn new(url: &DatabaseUrl) -> DiskFloor {
        DiskFloor {
            url: url.clone(),
            looked: None,
            level: DiskLevel::Ample,
            space: None,
        }
    }

    /// Looks at the disk, at most once in a second, and logs a change.
    pub fn look(&mut self, now: Instant) {
        let is_due = |at: Instant| now.saturating_duration_since(at) >= LOOK_INTERVAL;
        if self.looked.is_none_or(is_due) {
            let was_seen = self.space.is_some() || self.looked.is_none();
            self.looked = Some(now);
            match DiskSpace::of(&self.url).transpose() {
                Some(seen) => self.see(seen, was_seen),
                None => (self.space, self.level) = (None, DiskLevel::Ample),
            }
        }
    }

    /// Where the system does not say, orders are accepted.
    fn see(&mut self, seen: io::Result<DiskSpace>, was_seen: bool) {
        let space = match seen {
            Ok(space) => space,
            Err(error) => {
                if was_seen {
                    crate::warn!("the free space of the database's disk is unknown: {error}");
                }
                (self.space, self.level) = (None, DiskLevel::Ample);
                return;
            }
        };
        let level = self.level.after(space);
        let mib = space.free >> 20;
        match (self.level, level) {
            (was, is) if was == is => {}
            (_, DiskLevel::Full) => crate::error!(
                "the disk of the database is almost full, {mib} MiB are free: orders are refused"
            ),
            (DiskLevel::Full, DiskLevel::Low | DiskLevel::Ample) => crate::warn!(
                "the disk of the database has room again, {mib} MiB: orders are accepted"
            ),
            (_, DiskLevel::Low) => {
                crate::warn!("the disk of the database has only {mib} MiB left: make room");
            }
            (_, DiskLevel::Ample) => {
                crate::info!("the disk of the database has room again, {mib} MiB");
            }
        }
        (self.space, self.level) = (Some(space), level);
    }

    /// The refusal of every order while the disk is almost full.
    ///
    /// # Errors
    /// That refusal.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.level < DiskLevel::Full {
            return Ok(());
        }
        let text = "the master's disk is almost full; orders are accepted once there is room";
        Err(Refusal::new(Reason::Overloaded, text))
    }

    /// The room at the last look, and how full that is; `None` where it is unknown.
    pub fn seen(&self) -> Option<(DiskSpace, DiskLevel)> {
        self.space.map(|space| (space, self.level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn levels(total: u64, free: &[u64]) -> Vec<DiskLevel> {
        let mut floor = DiskFloor::new(&DatabaseUrl::Sqlite("/nonexistent/x.db".into()));
        let see = |free: &u64| {
            let space = DiskSpace { free: *free, total };
            floor.see(Ok(space), true);
            assert_eq!(floor.check().is_err(), floor.level == DiskLevel::Full);
            floor.level
        };
        free.iter().map(see).collect()
    }

    #[test]
    fn orders_are_refused_below_two_parts_in_a_hundred_until_there_is_a_little_more() {
        use DiskLevel::{Ample, Full, Low};
        let small = [100, 10, 9, 3, 2, 1, 2, 3, 12, 13].map(|free| free * MIB);
        assert_eq!(
            levels(100 * MIB, &small),
            [Ample, Ample, Low, Low, Low, Full, Full, Low, Low, Ample]
        );
        let large = [30, 19, 4, 3, 4, 6, 26].map(|free| free * GIB);
        assert_eq!(
            levels(1000 * GIB, &large),
            [Ample, Low, Low, Full, Full, Low, Ample],
            "a large disk may be fuller"
        );
    }

    #[test]
    fn a_disk_that_is_unknown_refuses_nothing() {
        let mut floor = DiskFloor::new(&DatabaseUrl::Sqlite("/nonexistent/x.db".into()));
        floor.see(
            Ok(DiskSpace {
                free: 0,
                total: MIB,
            }),
            true,
        );
        assert!(floor.check().is_err());
        floor.look(Instant::now());
        assert!(floor.check().is_ok() && floor.seen().is_none());
    }
}
