//! spec/runtime/rate_limiter.md · 4.1 Design Goals
//!
//! Rate limiters: sliding window, fixed window, token bucket, and a sliding window for each key.
//! Callers pass the time, so that tests need no clock.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The window of a [`KeyedRateLimiter`].
pub const MINUTE: Duration = Duration::from_secs(60);
/// Keys of a [`KeyedRateLimiter`] at most. Beyond that, the key with the oldest last event is
/// dropped.
pub const KEYS_MAX: usize = 100_000;

/// Counts the events of the last `span`.
#[derive(Debug)]
pub struct SlidingWindow {
    span: Duration,
    times: VecDeque<Instant>,
}

impl SlidingWindow {
    /// A window without events.
    pub fn new(span: Duration) -> SlidingWindow {
        SlidingWindow {
            span,
            times: VecDeque::new(),
        }
    }

    /// Number of events in the last `span`.
    pub fn count(&mut self, now: Instant) -> usize {
        while self
            .times
            .front()
            .is_some_and(|time| now.saturating_duration_since(*time) >= self.span)
        {
            self.times.pop_front();
        }
        self.times.len()
    }

    /// Adds an event.
    pub fn add(&mut self, now: Instant) {
        self.times.push_back(now);
    }

    /// Removes one event that was added at `at`.
    pub fn remove(&mut self, at: Instant) {
        if let Some(index) = self.times.iter().position(|time| *time == at) {
            self.times.remove(index);
        }
    }

    /// The time from which fewer than `limit` events (at least 1) count, if none is added. `None`
    /// where fewer count already.
    pub fn room_at(&self, limit: usize) -> Option<Instant> {
        let last = self.times.len().checked_sub(limit)?;
        self.times.get(last).map(|time| *time + self.span)
    }
}

/// Counts the events since a window began. The next window begins with the first count after the
/// end of one.
#[derive(Debug)]
pub struct FixedWindow {
    span: Duration,
    began: Instant,
    count: u64,
}

impl FixedWindow {
    /// A window that begins now.
    pub fn new(span: Duration, now: Instant) -> FixedWindow {
        FixedWindow {
            span,
            began: now,
            count: 0,
        }
    }

    /// Number of events in the window of `now`.
    pub fn count(&mut self, now: Instant) -> u64 {
        if now.saturating_duration_since(self.began) >= self.span {
            self.began = now;
            self.count = 0;
        }
        self.count
    }

    /// Adds an event to the window that was counted last.
    pub fn add(&mut self) {
        self.count += 1;
    }

    /// The time until the window ends.
    pub fn rest(&self, now: Instant) -> Duration {
        self.span
            .saturating_sub(now.saturating_duration_since(self.began))
    }
}

/// A token bucket: one token is added every `interval`, up to `burst`.
#[derive(Debug)]
pub struct TokenBucket {
    tokens: u32,
    burst: u32,
    interval: Duration,
    filled: Instant,
}

impl TokenBucket {
    /// A full bucket. A shorter interval than a millisecond counts as one.
    pub fn full(burst: u32, interval: Duration, now: Instant) -> TokenBucket {
        TokenBucket {
            tokens: burst,
            burst,
            interval: interval.max(Duration::from_millis(1)),
            filled: now,
        }
    }

    /// Whether no token is missing.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens >= self.burst
    }

    /// Whether there is no token.
    pub fn is_empty(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens == 0
    }

    /// Takes a token; false where there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let has = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        has
    }

    /// Returns tokens, up to `burst`.
    pub fn give(&mut self, tokens: u32) {
        self.tokens = self.tokens.saturating_add(tokens).min(self.burst);
    }

    fn fill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.filled).as_millis();
        let grown = u32::try_from(since / self.interval.as_millis().max(1)).unwrap_or(u32::MAX);
        self.give(grown);
        if self.tokens == self.burst {
            self.filled = now;
        } else {
            // The time since the last added token counts towards the next one.
            self.filled += self.interval * grown;
        }
    }
}

/// Limits the events of the last minute for each key, such as an address or an account.
#[derive(Debug)]
pub struct KeyedRateLimiter<K> {
    limit: usize,
    windows: HashMap<K, SlidingWindow>,
}

impl<K: Hash + Eq + Clone> KeyedRateLimiter<K> {
    /// A limiter of `limit` events a minute for each key.
    pub fn per_minute(limit: u32) -> KeyedRateLimiter<K> {
        KeyedRateLimiter {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            windows: HashMap::new(),
        }
    }

    /// Sets the limit. Earlier events still count.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = usize::try_from(limit).unwrap_or(usize::MAX);
    }

    /// Whether one more event is within the limit.
    pub fn allows(&mut self, key: &K, now: Instant) -> bool {
        self.windows
            .get_mut(key)
            .map_or(0, |window| window.count(now))
            < self.limit
    }

    /// Counts an event.
    pub fn count(&mut self, key: &K, now: Instant) {
        if self.windows.len() >= KEYS_MAX && !self.windows.contains_key(key) {
            self.tidy(now);
            if self.windows.len() >= KEYS_MAX
                && let Some(oldest) = self
                    .windows
                    .iter()
                    .min_by_key(|(_, window)| window.times.back().copied())
                    .map(|(key, _)| key.clone())
            {
                self.windows.remove(&oldest);
            }
        }
        self.windows
            .entry(key.clone())
            .or_insert_with(|| SlidingWindow::new(MINUTE))
            .add(now);
    }

    /// Removes an event that was counted at `at`, because the attempt succeeded.
    pub fn forgive(&mut self, key: &K, at: Instant) {
        if let Some(window) = self.windows.get_mut(key) {
            window.remove(at);
        }
    }

    /// Drops keys without an event in the last minute.
    pub fn tidy(&mut self, now: Instant) {
        self.windows.retain(|_, window| window.count(now) > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_sliding_window_says_when_there_is_room() {
        let start = Instant::now();
        let mut window = SlidingWindow::new(second(10));
        assert_eq!(window.room_at(1), None);
        for at in [0, 3, 6] {
            window.add(start + second(at));
        }
        assert_eq!(window.count(start + second(9)), 3);
        assert_eq!(window.room_at(4), None);
        assert_eq!(window.room_at(3), Some(start + second(10)));
        assert_eq!(window.room_at(1), Some(start + second(16)));
        assert_eq!(window.count(start + second(10)), 2, "the first is 10 s old");
        window.remove(start + second(6));
        window.remove(start + second(7));
        assert_eq!(window.count(start + second(10)), 1);
        assert_eq!(window.count(start + second(60)), 0);
    }

    #[test]
    fn the_next_fixed_window_begins_with_a_count() {
        let start = Instant::now();
        let mut window = FixedWindow::new(second(10), start);
        window.add();
        window.add();
        assert_eq!(window.count(start + second(9)), 2);
        assert_eq!(window.rest(start + second(9)), second(1));
        assert_eq!(window.rest(start + second(99)), Duration::ZERO);
        assert_eq!(window.count(start + second(13)), 0);
        assert_eq!(window.rest(start + second(13)), second(10));
    }

    #[test]
    fn tokens_are_added_one_by_one_up_to_the_burst() {
        let start = Instant::now();
        let mut bucket = TokenBucket::full(2, second(10), start);
        assert!(bucket.is_full(start) && bucket.take(start) && bucket.take(start));
        assert!(!bucket.take(start + second(9)));
        assert!(bucket.take(start + second(10)));
        assert!(!bucket.take(start + second(19)));
        // Half of the time of this token had passed at 19 s.
        assert!(bucket.take(start + second(20)));
        bucket.give(9);
        assert!(bucket.is_full(start + second(20)));
        assert!(TokenBucket::full(1, Duration::ZERO, start).take(start));
    }

    #[test]
    fn each_key_has_a_window_and_successes_do_not_count() {
        let mut attempts = KeyedRateLimiter::per_minute(2);
        let start = Instant::now();
        let at = |seconds| start + second(seconds);
        for second in [0, 10] {
            assert!(attempts.allows(&"alice", at(second)));
            attempts.count(&"alice", at(second));
        }
        assert!(!attempts.allows(&"alice", at(59)));
        assert!(attempts.allows(&"bob", at(59)), "others are untouched");
        assert!(
            attempts.allows(&"alice", at(60)),
            "the first is a minute old"
        );
        attempts.count(&"alice", at(60));
        assert!(!attempts.allows(&"alice", at(61)));
        attempts.forgive(&"alice", at(60));
        assert!(attempts.allows(&"alice", at(61)));
        attempts.set_limit(0);
        assert!(!attempts.allows(&"carol", at(61)));
        attempts.tidy(at(200));
        assert!(attempts.windows.is_empty());
    }

    #[test]
    fn keys_are_bounded() {
        let mut attempts = KeyedRateLimiter::per_minute(1);
        let start = Instant::now();
        for key in 0..KEYS_MAX + 10 {
            attempts.count(&key, start);
        }
        assert_eq!(attempts.windows.len(), KEYS_MAX);
    }
}
