//! spec/runtime.md · 4.1 Design Goals
//!
//! Exponential back-off: the wait between failed attempts doubles up to a bound. Jitter keeps many
//! peers that failed at the same time from retrying at the same time.

use std::time::Duration;

/// The waits between the attempts of one series.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits from `first`, doubling up to `max`.
    pub const fn new(first: Duration, max: Duration) -> Backoff {
        Backoff {
            first,
            max,
            next: first,
        }
    }

    /// The wait before the next attempt.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.max);
        wait
    }

    /// Starts again with the first wait, after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// `wait` with a random jitter of up to a quarter more or less.
pub fn about(wait: Duration) -> Duration {
    between(wait * 3 / 4, wait * 5 / 4, random_byte())
}

/// Half of `most` and a random part of the other half.
pub fn at_most(most: Duration) -> Duration {
    between(most / 2, most, random_byte())
}

fn between(least: Duration, most: Duration, fraction: u8) -> Duration {
    least + most.saturating_sub(least) * u32::from(fraction) / u32::from(u8::MAX)
}

fn random_byte() -> u8 {
    let mut byte = [u8::MAX / 2];
    // Without a random source the jitter is constant, which is no reason to fail.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn waits_double_up_to_the_longest_and_reset() {
        let mut backoff = Backoff::new(MS(200), MS(3000));
        for wait in [200, 400, 800, 1600, 3000, 3000] {
            assert_eq!(backoff.next_wait(), MS(wait));
        }
        backoff.reset();
        assert_eq!(backoff.next_wait(), MS(200));
        let mut long = Backoff::new(Duration::MAX, Duration::MAX);
        assert_eq!(
            (long.next_wait(), long.next_wait()),
            (Duration::MAX, Duration::MAX)
        );
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        assert_eq!(between(MS(100), MS(200), 0), MS(100));
        assert_eq!(between(MS(100), MS(200), 255), MS(200));
        for _ in 0..1000 {
            assert!((MS(300)..=MS(500)).contains(&about(MS(400))));
            assert!((MS(200)..=MS(400)).contains(&at_most(MS(400))));
        }
    }
}
