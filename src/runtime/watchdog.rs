//! spec/runtime/watchdog.md · 3.1.1, 3.2.1
//!
//! Signs of life of the module threads. systemd's watchdog is told of them by `daemon`.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One module thread's sign of life. Its loop beats on each turn, at least every [`TICK`](super::TICK).
#[derive(Debug, Clone)]
pub struct Heartbeat {
    begun: Instant,
    beat: Arc<AtomicU64>,
}

impl Heartbeat {
    /// The thread is alive now.
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    /// The thread was alive at that time.
    pub fn beat_at(&self, now: Instant) {
        let since = now.saturating_duration_since(self.begun);
        self.beat.store(millis(since), Ordering::Relaxed);
    }
}

/// The heartbeats of a process's module threads. Clones share one register.
///
/// A heartbeat stays registered when its thread ends, and so counts as stalled: a module that ended without
/// being told to is as bad as one that hangs.
#[derive(Debug, Clone)]
pub struct Watchdog {
    begun: Instant,
    all: Arc<Mutex<Vec<Named>>>,
}

/// A thread's name, and when it last beat: milliseconds since the register began.
type Named = (String, Arc<AtomicU64>);

impl Watchdog {
    /// An empty register.
    pub fn new() -> Watchdog {
        Watchdog {
            begun: Instant::now(),
            all: Arc::default(),
        }
    }

    /// A heartbeat for the module thread of this name, which has beaten just now.
    pub fn register(&self, name: impl Into<String>) -> Heartbeat {
        let heartbeat = Heartbeat {
            begun: self.begun,
            beat: Arc::default(),
        };
        heartbeat.beat();
        self.all.lock().push((name.into(), Arc::clone(&heartbeat.beat)));
        heartbeat
    }

    /// Those whose last beat is longer ago than `limit`, with how long ago it was.
    pub fn stalled(&self, limit: Duration) -> Vec<(String, Duration)> {
        let now = millis(self.begun.elapsed());
        let age = |beat: &AtomicU64| Duration::from_millis(now.saturating_sub(beat.load(Ordering::Relaxed)));
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
    fn modules_that_stop_beating_are_named() {
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
