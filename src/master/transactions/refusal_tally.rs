//! spec/master/transactions.md · 3.1.7, 3.1.4
//!
//! Logs orders that are refused in numbers: a line a minute for each reason, however many they are.

use crate::master::reply_to::ReplyTo;
use crate::model::Reason;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Refusals for one reason in [`TALLY_INTERVAL`] that are logged; fewer are everyday life.
const LOGGED_MIN: u64 = 20;
/// The time that a line is about.
const TALLY_INTERVAL: Duration = Duration::from_secs(60);

/// The refusals since the last look.
#[derive(Debug)]
pub struct RefusalTally {
    since: Instant,
    /// By the reason's name in the protocol, of which there are few.
    counts: BTreeMap<&'static str, RefusalCount>,
}

#[derive(Debug, Default)]
struct RefusalCount {
    count: u64,
    worker: String,
    client: String,
}

impl RefusalTally {
    /// Nothing is refused yet.
    pub fn new(now: Instant) -> RefusalTally {
        RefusalTally {
            since: now,
            counts: BTreeMap::new(),
        }
    }

    /// Counts one.
    pub fn add(&mut self, reason: Reason, reply_to: &ReplyTo) {
        let count = self.counts.entry(reason.as_str()).or_default();
        count.count = count.count.saturating_add(1);
        if count.count == LOGGED_MIN {
            count.worker = reply_to.peer.worker.name.clone();
            count.client = reply_to
                .client
                .map_or_else(|| "-".to_owned(), |client| client.to_string());
        }
    }

    /// Logs what was refused in numbers, once in [`TALLY_INTERVAL`]. The client is one of them.
    pub fn look(&mut self, now: Instant) {
        for (reason, it) in self.due(now) {
            crate::audit!(
                "orders refused",
                reason = reason,
                count = it.count,
                worker = it.worker,
                client = it.client,
            );
        }
    }

    /// What is to be logged now.
    fn due(&mut self, now: Instant) -> Vec<(&'static str, RefusalCount)> {
        if now.saturating_duration_since(self.since) < TALLY_INTERVAL {
            return Vec::new();
        }
        self.since = now;
        let counts = std::mem::take(&mut self.counts);
        counts
            .into_iter()
            .filter(|(_, it)| it.count >= LOGGED_MIN)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::testing::{CLIENT, MasterRig};

    #[test]
    fn few_refusals_are_not_logged_and_many_are_in_one_line() {
        let mut rig = MasterRig::new();
        let worker = rig.link("eu1");
        let start = Instant::now();
        let mut tally = RefusalTally::new(start);
        for number in 0..50 {
            let reply_to = worker.message(number);
            if number < 19 {
                tally.add(Reason::NoPrice, &reply_to);
            }
            tally.add(Reason::Overloaded, &reply_to);
        }
        assert!(tally.due(start + TALLY_INTERVAL / 2).is_empty());
        let due = tally.due(start + TALLY_INTERVAL);
        assert_eq!(due.len(), 1);
        let (reason, it) = &due[0];
        assert_eq!((*reason, it.count), ("overloaded", 50));
        assert_eq!((it.worker.as_str(), it.client.as_str()), ("eu1", CLIENT));
        assert!(tally.due(start + TALLY_INTERVAL * 2).is_empty());
    }
}
