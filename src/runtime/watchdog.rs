//! spec/runtime.md · 3.1.1, 3.2.1 Main Module
//!
//! Heartbeats of the module threads. `daemon` passes them to systemd's watchdog.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The heartbeat of one module thread. Its loop beats on each turn, at least every
/// [`TICK`](super::TICK).
#[derive(Debug, Clone)]
pub struct Heartbeat {
    begun: Instant,
    beat: Arc<AtomicU64>,
}

impl Heartbeat {
    /// Records that the thread is alive now.
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    /// Records that the thread was alive at `now`.
    pub fn beat_at(&self, now: Instant) {
        let since = now.saturating_duration_since(self.begun);
        self.beat.store(millis(since), Ordering::Relaxed);
    }
}

/// The heartbeats of a process's module threads. Clones share them.
///
/// A heartbeat stays registered when its thread ends and then counts as stalled: a module that ends
/// too early is as bad as one that hangs.
#[derive(Debug, Clone)]
pub struct Watchdog {
    begun: Instant,
    all: Arc<Mutex<Vec<Named>>>,
}

/// A thread's name and its last beat, in milliseconds since the watchdog was made.
type Named = (String, Arc<AtomicU64>);

impl Watchdog {
    /// A watchdog without heartbeats.
    pub fn new() -> Watchdog {
        Watchdog {
            begun: Instant::now(),
            all: Arc::default(),
        }
    }

    /// Adds a heartbeat for the module thread of this name. Its first beat is now.
    pub fn register(&self, name: impl Into<String>) -> Heartbeat {
        let heartbeat = Heartbeat {
            begun: self.begun,
            beat: Arc::default(),
        };
        heartbeat.beat();
        self.all
            .lock()
            .push((name.into(), Arc::clone(&heartbeat.beat)));
        heartbeat
    }

    /// Names of the threads whose last beat is longer ago than `limit`, and how long ago it was.
    pub fn stalled(&self, limit: Duration) -> Vec<(String, Duration)> {
        let now = millis(self.begun.elapsed());
        let age = |beat: &AtomicU64| {
            Duration::from_millis(now.saturating_sub(beat.load(Ordering::Relaxed)))
        };
        self.all
            .lock()
            .iter()
            .map(|(name, beat)| (name.clone(), age(beat)))
            .filter(|(_, age)| *age > limit)
            .collect()
    }
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_stop_beating_are_named() {
        let watchdog = Watchdog::new();
        let (alive, _ended) = (watchdog.register("alive"), watchdog.register("ended"));
        let limit = Duration::from_millis(50);
        let begun = Instant::now();
        while watchdog.stalled(limit).len() != 1 {
            alive.beat();
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        }
        assert_eq!(watchdog.stalled(limit)[0].0, "ended");
    }
}
