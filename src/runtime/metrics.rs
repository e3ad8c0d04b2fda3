//! spec/runtime/metrics.md · 3.1.5 ("print information"), 3.1.1 and 3.2.1 (running stage)
//!
//! What a daemon counts of itself, for monitoring: counters, histograms, and the text in which they
//! are told. Counters are static variables of the process, beside the code that counts, and relaxed
//! atomics: counting waits for nobody.

pub mod instructions;
pub mod process;
pub mod text;

pub use text::{FamilyWriter, MetricFamily, MetricKind, MetricValue, MetricsText};

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter at zero.
    pub const fn new() -> Counter {
        Counter(AtomicU64::new(0))
    }

    /// Counts one.
    pub fn count(&self) {
        self.add(1);
    }

    /// Counts so many.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// What was counted since the process began.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Counter {
    fn default() -> Counter {
        Counter::new()
    }
}

/// A number that rises and falls.
#[derive(Debug)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// A gauge at zero.
    pub const fn new() -> Gauge {
        Gauge(AtomicI64::new(0))
    }

    /// Adds to it, or takes away.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Gauge {
    fn default() -> Gauge {
        Gauge::new()
    }
}

/// The upper bounds of a histogram's buckets, in microseconds: 100 µs to 30 s.
pub const TIME_BOUNDS: [u64; 12] = [
    100, 500, 1_000, 2_500, 10_000, 25_000, 100_000, 250_000, 1_000_000, 2_500_000, 10_000_000,
    30_000_000,
];

/// How often something took how long, in the buckets of [`TIME_BOUNDS`] and one beyond them.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; TIME_BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    /// A histogram of nothing.
    pub const fn new() -> Histogram {
        Histogram {
            buckets: [const { AtomicU64::new(0) }; TIME_BOUNDS.len() + 1],
            micros: AtomicU64::new(0),
        }
    }

    /// Counts one that took so long.
    pub fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = TIME_BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The count of each bucket alone, and the sum of all times.
    pub fn read(&self) -> ([u64; TIME_BOUNDS.len() + 1], Duration) {
        let mut counts = [0; TIME_BOUNDS.len() + 1];
        for (count, bucket) in counts.iter_mut().zip(&self.buckets) {
            *count = bucket.load(Ordering::Relaxed);
        }
        let micros = self.micros.load(Ordering::Relaxed);
        (counts, Duration::from_micros(micros))
    }
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_in_the_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::new();
        for micros in [1, 100, 101, 30_000_000, 30_000_001] {
            histogram.record(Duration::from_micros(micros));
        }
        let (counts, sum) = histogram.read();
        assert_eq!(counts[..2], [2, 1]);
        assert_eq!(counts[TIME_BOUNDS.len() - 1..], [1, 1]);
        assert_eq!(sum, Duration::from_micros(60_000_203));
        assert!(TIME_BOUNDS.is_sorted());
    }
}
