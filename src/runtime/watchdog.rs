//! spec/runtime.md · 3.1.1, 3.2.1 Main Module
//!
//! Heartbeats of the module threads. `daemon` passes them to systemd's watchdog.

use super::metrics::{MetricFamily, MetricsText};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// One step that takes longer is logged, while it goes on and when it is done.
pub const LONG_STEP: Duration = Duration::from_secs(5);
/// Long work that consists of many small steps beats once for so many of them.
pub const STEPS_PER_BEAT: usize = 1_000;

const BEAT_AGE: MetricFamily = MetricFamily::gauge(
    "papertrader_heartbeat_age_seconds",
    &["module"],
    "Time since a module's thread last beat; each beats every second.",
);
const WAITING: MetricFamily = MetricFamily::gauge(
    "papertrader_inbox_messages",
    &["module"],
    "Messages that waited in a module's inbox at its last turn.",
);
const CAPACITY: MetricFamily = MetricFamily::gauge(
    "papertrader_inbox_messages_max",
    &["module"],
    "Messages that a module's inbox holds at most.",
);
const HANDLED: MetricFamily = MetricFamily::counter(
    "papertrader_module_messages_total",
    &["module"],
    "Messages that a module has handled.",
);

/// The heartbeat of one module thread. Its loop beats on each turn, at least every
/// [`TICK`](super::TICK).
#[derive(Debug, Clone)]
pub struct Heartbeat {
    begun: Instant,
    pulse: Arc<Pulse>,
}

/// A thread's last beat, in milliseconds since the watchdog was made.
#[derive(Debug, Default)]
struct Pulse {
    /// While one step is under way that cannot beat, the end of the time that it may take.
    beat: AtomicU64,
    /// When that step began; `u64::MAX` where there is none.
    step: AtomicU64,
    /// Messages in the module's inbox at its last turn, and how many it holds; 0 without an inbox.
    waiting: AtomicUsize,
    capacity: AtomicUsize,
    /// Messages that the module has handled.
    handled: AtomicU64,
    #[cfg(test)]
    beats: AtomicU64,
}

impl Heartbeat {
    /// A heartbeat that no watchdog sees.
    pub fn unwatched() -> Heartbeat {
        Watchdog::new().register("unwatched")
    }

    /// Records that the thread is alive now.
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    /// Records that the thread was alive at `now`.
    pub fn beat_at(&self, now: Instant) {
        let since = now.saturating_duration_since(self.begun);
        self.pulse.beat.store(millis(since), Ordering::Relaxed);
        #[cfg(test)]
        self.pulse.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that the module has an inbox for so many messages.
    pub fn note_capacity(&self, capacity: Option<usize>) {
        let capacity = capacity.unwrap_or_default();
        self.pulse.capacity.store(capacity, Ordering::Relaxed);
    }

    /// Notes that the module has handled so many messages, and so many wait.
    pub fn note_turn(&self, handled: usize, waiting: usize) {
        let handled = u64::try_from(handled).unwrap_or(u64::MAX);
        self.pulse.handled.fetch_add(handled, Ordering::Relaxed);
        self.pulse.waiting.store(waiting, Ordering::Relaxed);
    }

    /// How often it has beaten.
    #[cfg(test)]
    pub(crate) fn beats(&self) -> u64 {
        self.pulse.beats.load(Ordering::Relaxed)
    }

    /// Runs one step that cannot beat, such as a commit: the thread counts as alive meanwhile, but
    /// for no longer than `limit`. A step that takes longer than [`LONG_STEP`] is logged as `what`.
    pub fn during<T>(&self, what: &str, limit: Duration, step: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let since = millis(began.saturating_duration_since(self.begun));
        self.pulse.step.store(since, Ordering::Relaxed);
        self.beat_at(began + limit);
        let done = step();
        self.pulse.step.store(u64::MAX, Ordering::Relaxed);
        self.beat();
        let took = began.elapsed();
        if took >= LONG_STEP {
            crate::warn!("{what} took {} s", took.as_secs());
        }
        done
    }
}

/// Beats for long work that consists of many small steps.
#[derive(Debug)]
pub struct StepBeats<'a> {
    heartbeat: &'a Heartbeat,
    left: usize,
}

impl<'a> StepBeats<'a> {
    /// Beats once for each [`STEPS_PER_BEAT`] steps from now on.
    pub fn new(heartbeat: &'a Heartbeat) -> StepBeats<'a> {
        StepBeats {
            heartbeat,
            left: STEPS_PER_BEAT,
        }
    }

    /// One step is done. Returns whether it has beaten.
    pub fn step(&mut self) -> bool {
        self.left -= 1;
        let is_due = self.left == 0;
        if is_due {
            self.left = STEPS_PER_BEAT;
            self.heartbeat.beat();
        }
        is_due
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

/// A thread's name and its pulse.
type Named = (String, Arc<Pulse>);

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
        let pulse = Pulse {
            beat: AtomicU64::new(0),
            step: AtomicU64::new(u64::MAX),
            waiting: AtomicUsize::new(0),
            capacity: AtomicUsize::new(0),
            handled: AtomicU64::new(0),
            #[cfg(test)]
            beats: AtomicU64::new(0),
        };
        let heartbeat = Heartbeat {
            begun: self.begun,
            pulse: Arc::new(pulse),
        };
        heartbeat.beat();
        self.all
            .lock()
            .push((name.into(), Arc::clone(&heartbeat.pulse)));
        heartbeat
    }

    /// Names of the threads whose last beat is longer ago than `limit`, and how long ago it was.
    pub fn stalled(&self, limit: Duration) -> Vec<(String, Duration)> {
        self.older(limit, |pulse| pulse.beat.load(Ordering::Relaxed))
    }

    /// Names of the threads that have been at one step for longer than `limit`, and for how long.
    pub fn at_one_step(&self, limit: Duration) -> Vec<(String, Duration)> {
        self.older(limit, |pulse| pulse.step.load(Ordering::Relaxed))
    }

    /// Writes the families of this file: of all threads, by name.
    pub fn write_metrics(&self, out: &mut MetricsText) {
        let mut all = self.all.lock().clone();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        // One of each name: a thread that was started again registers again.
        all.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
        let now = millis(self.begun.elapsed());
        let age = |pulse: &Pulse| now.saturating_sub(pulse.beat.load(Ordering::Relaxed));
        let mut samples = out.family(&BEAT_AGE);
        for (name, pulse) in &all {
            samples.sample(&[name], Duration::from_millis(age(pulse)));
        }
        all.retain(|(_, pulse)| pulse.capacity.load(Ordering::Relaxed) > 0);
        let mut samples = out.family(&WAITING);
        for (name, pulse) in &all {
            samples.sample(&[name], pulse.waiting.load(Ordering::Relaxed));
        }
        let mut samples = out.family(&CAPACITY);
        for (name, pulse) in &all {
            samples.sample(&[name], pulse.capacity.load(Ordering::Relaxed));
        }
        let mut samples = out.family(&HANDLED);
        for (name, pulse) in &all {
            samples.sample(&[name], pulse.handled.load(Ordering::Relaxed));
        }
    }

    /// Threads whose moment is longer ago than `limit`.
    fn older(&self, limit: Duration, moment: impl Fn(&Pulse) -> u64) -> Vec<(String, Duration)> {
        let now = millis(self.begun.elapsed());
        self.all
            .lock()
            .iter()
            .map(|(name, pulse)| {
                let age = now.saturating_sub(moment(pulse));
                (name.clone(), Duration::from_millis(age))
            })
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

    #[test]
    fn metrics_tell_each_thread_once_and_what_waits_for_it() {
        let watchdog = Watchdog::new();
        let _before = watchdog.register("cache");
        let (cache, _flusher) = (watchdog.register("cache"), watchdog.register("flusher"));
        cache.note_capacity(Some(1024));
        cache.note_turn(3, 7);
        let mut text = MetricsText::new();
        watchdog.write_metrics(&mut text);
        let text = text.into_string();
        for line in [
            "papertrader_inbox_messages{module=\"cache\"} 7\n",
            "papertrader_inbox_messages_max{module=\"cache\"} 1024\n",
            "papertrader_module_messages_total{module=\"cache\"} 3\n",
            "papertrader_heartbeat_age_seconds{module=\"flusher\"} ",
        ] {
            assert_eq!(text.matches(line).count(), 1, "{line}{text}");
        }
        assert!(!text.contains("messages{module=\"flusher"), "{text}");
    }

    #[test]
    fn one_long_step_is_no_stall_until_its_time_is_over() {
        let watchdog = Watchdog::new();
        let heartbeat = watchdog.register("committing");
        let (limit, deadline) = (
            Duration::from_millis(50),
            Instant::now() + Duration::from_secs(20),
        );
        let wait_for = |done: &dyn Fn() -> bool| {
            while !done() {
                assert!(Instant::now() < deadline);
                std::thread::yield_now();
            }
        };
        heartbeat.during("the test", Duration::from_secs(300), || {
            let _other = watchdog.register("other");
            wait_for(&|| {
                watchdog
                    .stalled(limit)
                    .iter()
                    .any(|(name, _)| name == "other")
            });
            assert!(
                watchdog
                    .stalled(limit)
                    .iter()
                    .all(|(name, _)| name == "other")
            );
            wait_for(&|| watchdog.at_one_step(limit).len() == 1);
        });
        assert!(watchdog.at_one_step(Duration::ZERO).is_empty());
        heartbeat.during("the test", Duration::ZERO, || {
            wait_for(&|| {
                watchdog
                    .stalled(limit)
                    .iter()
                    .any(|(name, _)| name == "committing")
            });
        });
    }
}
