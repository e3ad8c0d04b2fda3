//! spec/runtime/log/memory.md · 2.3.3 Memory Size of Log system, 3.1.4 Log System

use super::{LOCK_DEADLINE, LogEntry};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The last entries, never more than the bound. Those in front are written out already and stay to be looked
/// at until their place is needed; then come those being written, then the rest.
pub(super) struct Memory {
    bound: usize,
    ring: Mutex<Ring>,
    /// Places have become free.
    room: Condvar,
}

struct Ring {
    entries: VecDeque<Arc<LogEntry>>,
    /// How many in front are written out.
    written: usize,
    /// How many after those are being written now.
    writing: usize,
    /// Whether the last write failed: then nobody waits for room.
    failing: bool,
    /// Entries lost so far.
    lost: u64,
}

impl Memory {
    pub(super) fn new(bound: usize) -> Memory {
        Memory {
            bound: bound.max(1),
            ring: Mutex::new(Ring {
                entries: VecDeque::new(),
                written: 0,
                writing: 0,
                failing: false,
                lost: 0,
            }),
            room: Condvar::new(),
        }
    }

    /// Keeps an entry; whether half of the memory or more now waits to be written.
    ///
    /// Where no place is free, calls `wake` and waits for one, at most `patience` and not at all while the
    /// file cannot be written; then the oldest entry that is not being written is lost.
    pub(super) fn push(&self, entry: LogEntry, patience: Duration, wake: impl Fn()) -> bool {
        // A thread that panicked inside is no reason to hang the one that reports it.
        let Some(mut ring) = self.ring.try_lock_for(LOCK_DEADLINE) else {
            return true;
        };
        if ring.entries.len() >= self.bound && ring.written == 0 && !ring.failing {
            wake();
            self.room
                .wait_while_for(&mut ring, |ring| ring.written == 0 && !ring.failing, patience);
        }
        if ring.entries.len() >= self.bound {
            if ring.written > 0 {
                ring.entries.pop_front();
                ring.written -= 1;
            } else {
                ring.lost += 1;
                let oldest = ring.writing;
                if ring.entries.remove(oldest).is_none() {
                    // All of them are being written: this one has no place.
                    return true;
                }
            }
        }
        ring.entries.push_back(Arc::new(entry));
        (ring.entries.len() - ring.written) * 2 >= self.bound
    }

    /// Those not written out yet, to be written now; [`Memory::settle`] must follow. One writer at a time: the
    /// caller holds the sink.
    pub(super) fn take(&self) -> Vec<Arc<LogEntry>> {
        let Some(mut ring) = self.ring.try_lock_for(LOCK_DEADLINE) else {
            return Vec::new();
        };
        let batch: Vec<_> = ring.entries.iter().skip(ring.written).cloned().collect();
        ring.writing = batch.len();
        batch
    }

    /// What became of those taken.
    pub(super) fn settle(&self, written: bool) {
        let Some(mut ring) = self.ring.try_lock_for(LOCK_DEADLINE) else {
            return;
        };
        if written {
            ring.written += ring.writing;
        }
        ring.writing = 0;
        ring.failing = !written;
        drop(ring);
        self.room.notify_all();
    }

    pub(super) fn lost(&self) -> u64 {
        self.ring.try_lock_for(LOCK_DEADLINE).map_or(0, |ring| ring.lost)
    }

    pub(super) fn tail(&self, count: usize) -> Vec<LogEntry> {
        let Some(ring) = self.ring.try_lock_for(LOCK_DEADLINE) else {
            return Vec::new();
        };
        let skip = ring.entries.len().saturating_sub(count);
        ring.entries
            .iter()
            .skip(skip)
            .map(|entry| LogEntry::clone(entry))
            .collect()
    }
}
