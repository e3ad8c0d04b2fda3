//! spec/master/link_session.md · 4.1
//!
//! The sequence numbers of a worker's process: over all its links they rise, but for messages that
//! are marked as sent again. It never answers or stores anything.

use crate::model::ValueError;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// The highest sequence number: the database counts with a sign.
const SEQUENCE_MAX: u64 = i64::MAX as u64;

/// For each worker that has linked: the boot ID of its latest process, and the highest number that
/// any link of this process has brought. There are no more entries than workers ever registered.
#[derive(Debug, Default)]
pub struct SequenceHistory(Mutex<HashMap<Uuid, (Uuid, Arc<AtomicU64>)>>);

impl SequenceHistory {
    /// The check for a new link of a worker's process, which continues after its earlier links.
    pub fn enter(&self, worker: Uuid, boot: Uuid) -> SequenceCheck {
        let mut latest = self.0.lock();
        let entry = latest
            .entry(worker)
            .and_modify(|entry| {
                if entry.0 != boot {
                    *entry = (boot, Arc::default());
                }
            })
            .or_insert_with(|| (boot, Arc::default()));
        let of_process = Arc::clone(&entry.1);
        SequenceCheck {
            highest: of_process.load(Ordering::Relaxed),
            of_process,
        }
    }
}

/// The check of the sequence numbers of one link.
///
/// What an older link of the same process brings meanwhile does not count here: it may be read
/// later than what this one brings.
#[derive(Debug)]
pub struct SequenceCheck {
    highest: u64,
    of_process: Arc<AtomicU64>,
}

impl SequenceCheck {
    /// Checks the number of the next message; `again` says that it is marked as sent again.
    ///
    /// # Errors
    /// The number is 0 or beyond `i64::MAX`, or it is not above all before it although the message
    /// is not marked.
    pub fn check(&mut self, sequence: u64, again: bool) -> Result<(), ValueError> {
        if sequence == 0 {
            return Err(ValueError("a worker's message without a sequence number"));
        }
        if sequence > SEQUENCE_MAX {
            return Err(ValueError("a sequence number beyond 2^63 - 1"));
        }
        if sequence <= self.highest && !again {
            return Err(ValueError(
                "a sequence number that was used before, in a message not marked as sent again",
            ));
        }
        self.highest = self.highest.max(sequence);
        self.of_process.fetch_max(self.highest, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKER: Uuid = Uuid::from_u128(1);
    const BOOT: Uuid = Uuid::from_u128(2);

    #[test]
    fn an_older_link_that_is_still_read_goes_on_where_it_was() {
        let history = SequenceHistory::default();
        let mut older = history.enter(WORKER, BOOT);
        for number in 1..=5 {
            older.check(number, false).unwrap();
        }
        let mut newer = history.enter(WORKER, BOOT);
        // What the older one had not brought yet is sent again, and what follows is new.
        newer.check(6, true).unwrap();
        newer.check(8, false).unwrap();
        older.check(6, false).unwrap();
        older.check(7, false).unwrap();
        assert!(older.check(7, false).is_err());
        assert!(newer.check(8, false).is_err());
        assert!(history.enter(WORKER, BOOT).check(8, false).is_err());
    }

    #[test]
    fn each_worker_and_process_counts_for_itself() {
        let history = SequenceHistory::default();
        history.enter(WORKER, BOOT).check(9, false).unwrap();
        let other = Uuid::from_u128(3);
        history.enter(other, BOOT).check(1, false).unwrap();
        history.enter(WORKER, other).check(1, false).unwrap();
        assert!(history.enter(WORKER, other).check(1, false).is_err());
        assert_eq!(history.0.lock().len(), 2, "one process of a worker");
    }
}
