//! spec/runtime/log.md · 2.3.3 Memory Size of Log system, 3.1.4 Log System
//!
//! The bounded memory of log entries.
//!
//! Tests: `src/runtime/log/tests.rs`.

use super::{LOCK_TIMEOUT, LogEntry};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The last entries, never more than the bound: first those that are written, which stay for
/// [`Memory::tail`] until their room is needed, then those being written, then those that wait.
pub(super) struct Memory {
    bound: usize,
    ring: Mutex<Ring>,
    /// Signals that entries were written, or that writing failed.
    room: Condvar,
}

struct Ring {
    entries: VecDeque<Arc<LogEntry>>,
    /// Written entries, at the front.
    written: usize,
    /// Entries being written, after those.
    writing: usize,
    /// Whether the last write failed. Then no thread waits for room.
    failing: bool,
    /// Entries lost so far.
    lost: u64,
}

impl Memory {
    /// An empty memory of at most `bound` entries, at least 1.
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

    /// Adds an entry. Returns whether half of the memory or more waits to be written.
    ///
    /// When there is no room, calls `wake` and waits for room, at most `timeout` and not at all
    /// while the file cannot be written. After that the oldest entry that is not being written is
    /// lost.
    pub(super) fn push(&self, entry: LogEntry, timeout: Duration, wake: impl Fn()) -> bool {
        // A thread that panicked with the lock held must not block the one that reports the panic.
        let Some(mut ring) = self.ring.try_lock_for(LOCK_TIMEOUT) else {
            return true;
        };
        if ring.entries.len() >= self.bound && ring.written == 0 && !ring.failing {
            wake();
            self.room.wait_while_for(
                &mut ring,
                |ring| ring.written == 0 && !ring.failing,
                timeout,
            );
        }
        if ring.entries.len() >= self.bound {
            if ring.written > 0 {
                ring.entries.pop_front();
                ring.written -= 1;
            } else {
                ring.lost += 1;
                let oldest = ring.writing;
                if ring.entries.remove(oldest).is_none() {
                    // All entries are being written, so the new one is lost.
                    return true;
                }
            }
        }
        ring.entries.push_back(Arc::new(entry));
        (ring.entries.len() - ring.written) * 2 >= self.bound
    }

    /// Takes all unwritten entries for writing. [`Memory::end_write`] must follow. The caller holds
    /// the sink's lock, so there is one writer at a time.
    pub(super) fn begin_write(&self) -> Vec<Arc<LogEntry>> {
        let Some(mut ring) = self.ring.try_lock_for(LOCK_TIMEOUT) else {
            return Vec::new();
        };
        let batch: Vec<_> = ring.entries.iter().skip(ring.written).cloned().collect();
        ring.writing = batch.len();
        batch
    }

    /// Ends the write of the entries that [`Memory::begin_write`] returned.
    pub(super) fn end_write(&self, written: bool) {
        let Some(mut ring) = self.ring.try_lock_for(LOCK_TIMEOUT) else {
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

    /// Number of entries lost so far.
    pub(super) fn lost(&self) -> u64 {
        self.ring
            .try_lock_for(LOCK_TIMEOUT)
            .map_or(0, |ring| ring.lost)
    }

    /// The last `count` entries, oldest first.
    pub(super) fn tail(&self, count: usize) -> Vec<LogEntry> {
        let Some(ring) = self.ring.try_lock_for(LOCK_TIMEOUT) else {
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
