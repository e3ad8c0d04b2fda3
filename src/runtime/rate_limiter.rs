//! spec/runtime/rate_limiter.md · 4.1 Design Goals
//!
//! Rate limiters: sliding window, fixed window, token bucket, and a sliding window for each key.
//! Callers pass the time, so that tests need no clock.

use super::neighbourhood::{AROUND_SHARES, Neighbourhood};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The window of a [`KeyedRateLimiter::per_minute`].
pub const MINUTE: Duration = Duration::from_secs(60);
/// The window of a [`KeyedRateLimiter::per_hour`].
pub const HOUR: Duration = Duration::from_secs(3600);
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

/// Limits the events of the last minute, or hour, for each key, such as an address or an account.
#[derive(Debug)]
pub struct KeyedRateLimiter<K> {
    limit: usize,
    span: Duration,
    entries: Vec<Entry<K>>,
    by_key: HashMap<K, usize>,
    /// The keys with the oldest and the newest last event.
    ends: Option<(usize, usize)>,
}

/// A key's events, and its neighbours in the order of last events.
#[derive(Debug)]
struct Entry<K> {
    key: K,
    window: SlidingWindow,
    last: Instant,
    older: Option<usize>,
    newer: Option<usize>,
}

impl<K: Hash + Eq + Clone> KeyedRateLimiter<K> {
    /// A limiter of `limit` events a minute for each key.
    pub fn per_minute(limit: u32) -> KeyedRateLimiter<K> {
        KeyedRateLimiter::within(MINUTE, limit)
    }

    /// A limiter of `limit` events an hour for each key.
    pub fn per_hour(limit: u32) -> KeyedRateLimiter<K> {
        KeyedRateLimiter::within(HOUR, limit)
    }

    fn within(span: Duration, limit: u32) -> KeyedRateLimiter<K> {
        KeyedRateLimiter {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            span,
            entries: Vec::new(),
            by_key: HashMap::new(),
            ends: None,
        }
    }

    /// Sets the limit. Earlier events still count.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = usize::try_from(limit).unwrap_or(usize::MAX);
    }

    /// Whether one more event is within the limit.
    pub fn allows(&mut self, key: &K, now: Instant) -> bool {
        self.by_key
            .get(key)
            .map_or(0, |at| self.entries[*at].window.count(now))
            < self.limit
    }

    /// Counts an event. Where there are [`KEYS_MAX`] other keys, the one with the oldest last event
    /// is dropped.
    pub fn count(&mut self, key: &K, now: Instant) {
        let at = match self.by_key.get(key).copied() {
            Some(at) => {
                self.take_out(at);
                at
            }
            None => {
                if self.entries.len() >= KEYS_MAX {
                    self.remove_oldest();
                }
                self.entries.push(Entry {
                    key: key.clone(),
                    window: SlidingWindow::new(self.span),
                    last: now,
                    older: None,
                    newer: None,
                });
                self.by_key.insert(key.clone(), self.entries.len() - 1);
                self.entries.len() - 1
            }
        };
        self.entries[at].last = now;
        self.entries[at].window.add(now);
        self.put_newest(at);
    }

    /// Removes an event that was counted at `at`, because the attempt succeeded.
    pub fn forgive(&mut self, key: &K, at: Instant) {
        if let Some(entry) = self.by_key.get(key) {
            self.entries[*entry].window.remove(at);
        }
    }

    /// Drops keys without an event that still counts.
    pub fn tidy(&mut self, now: Instant) {
        while let Some((oldest, _)) = self.ends
            && now.saturating_duration_since(self.entries[oldest].last) >= self.span
        {
            self.remove_oldest();
        }
    }

    fn remove_oldest(&mut self) {
        let Some((oldest, _)) = self.ends else {
            return;
        };
        self.take_out(oldest);
        let removed = self.entries.swap_remove(oldest);
        self.by_key.remove(&removed.key);
        // The last entry has its place now.
        let Some(moved) = self.entries.get(oldest) else {
            return;
        };
        let (key, older, newer) = (moved.key.clone(), moved.older, moved.newer);
        let was = self.entries.len();
        self.by_key.insert(key, oldest);
        self.link(older, Some(oldest));
        self.link(Some(oldest), newer);
        if let Some((first, last)) = &mut self.ends {
            for end in [first, last] {
                if *end == was {
                    *end = oldest;
                }
            }
        }
    }

    /// Takes an entry out of the order.
    fn take_out(&mut self, at: usize) {
        let (older, newer) = (self.entries[at].older, self.entries[at].newer);
        self.link(older, newer);
        self.ends = self.ends.and_then(|(first, last)| {
            let first = if first == at { newer? } else { first };
            let last = if last == at { older? } else { last };
            Some((first, last))
        });
    }

    /// Puts an entry that is not in the order at its end.
    fn put_newest(&mut self, at: usize) {
        let newest = self.ends.map(|(_, newest)| newest);
        self.link(newest, Some(at));
        self.entries[at].older = newest;
        self.entries[at].newer = None;
        self.ends = Some((self.ends.map_or(at, |(oldest, _)| oldest), at));
    }

    /// Makes two entries neighbours, or one of them an end.
    fn link(&mut self, older: Option<usize>, newer: Option<usize>) {
        if let Some(older) = older {
            self.entries[older].newer = newer;
        }
        if let Some(newer) = newer {
            self.entries[newer].older = older;
        }
    }
}

/// Limits the events of the last minute for each neighbourhood, and for the network around it,
/// whose limit is [`AROUND_SHARES`] times as high. `S` is who names the address.
#[derive(Debug)]
pub struct NeighbourhoodRateLimiter<S> {
    near: KeyedRateLimiter<(S, Neighbourhood)>,
    around: KeyedRateLimiter<(S, Neighbourhood)>,
}

impl<S: Hash + Eq + Copy> NeighbourhoodRateLimiter<S> {
    /// A limiter of `limit` events a minute for each neighbourhood.
    pub fn per_minute(limit: u32) -> NeighbourhoodRateLimiter<S> {
        NeighbourhoodRateLimiter {
            near: KeyedRateLimiter::per_minute(limit),
            around: KeyedRateLimiter::per_minute(around(limit)),
        }
    }

    /// Sets the limit. Earlier events still count.
    pub fn set_limit(&mut self, limit: u32) {
        self.near.set_limit(limit);
        self.around.set_limit(around(limit));
    }

    /// Whether one more event is within both limits.
    pub fn allows(&mut self, source: S, near: Neighbourhood, now: Instant) -> bool {
        self.near.allows(&(source, near), now) && self.around.allows(&(source, near.around()), now)
    }

    /// Counts an event.
    pub fn count(&mut self, source: S, near: Neighbourhood, now: Instant) {
        self.near.count(&(source, near), now);
        self.around.count(&(source, near.around()), now);
    }

    /// Removes an event that was counted at `at`.
    pub fn forgive(&mut self, source: S, near: Neighbourhood, at: Instant) {
        self.near.forgive(&(source, near), at);
        self.around.forgive(&(source, near.around()), at);
    }

    /// Drops neighbourhoods without an event in the last minute.
    pub fn tidy(&mut self, now: Instant) {
        self.near.tidy(now);
        self.around.tidy(now);
    }
}

/// The limit of the network around a neighbourhood.
fn around(limit: u32) -> u32 {
    limit.saturating_mul(u32::try_from(AROUND_SHARES).unwrap_or(u32::MAX))
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
        assert!(attempts.by_key.is_empty() && attempts.entries.is_empty());
    }

    #[test]
    fn an_hour_is_sixty_minutes() {
        let mut attempts = KeyedRateLimiter::per_hour(1);
        let start = Instant::now();
        attempts.count(&"alice", start);
        attempts.tidy(start + second(3599));
        assert!(!attempts.allows(&"alice", start + second(3599)));
        assert!(attempts.allows(&"alice", start + second(3600)));
        attempts.tidy(start + second(3600));
        assert!(attempts.by_key.is_empty());
    }

    #[test]
    fn keys_are_bounded_and_the_one_with_the_oldest_last_event_goes() {
        let mut attempts = KeyedRateLimiter::per_minute(1);
        let start = Instant::now();
        for key in 0..KEYS_MAX {
            attempts.count(&key, start);
        }
        // The first one tries again, so the second is the oldest.
        attempts.count(&0, start);
        attempts.count(&KEYS_MAX, start);
        assert!(!attempts.allows(&0, start) && !attempts.allows(&2, start));
        assert!(attempts.allows(&1, start));
        for key in 0..10 {
            attempts.count(&(KEYS_MAX + key), start);
        }
        assert_eq!(attempts.by_key.len(), KEYS_MAX);
    }

    proptest::proptest! {
        /// The keys are in the order of their last events, whatever comes and goes.
        #[test]
        fn the_order_of_keys_is_that_of_their_last_events(
            steps in proptest::collection::vec((0..12_usize, 0..30_u64), 1..80),
        ) {
            let mut attempts = KeyedRateLimiter::per_minute(3);
            let (mut now, mut model) = (Instant::now(), Vec::<(usize, Instant)>::new());
            for (key, wait) in steps {
                now += second(wait);
                if key == 0 {
                    attempts.tidy(now);
                    model.retain(|(_, last)| now.duration_since(*last) < MINUTE);
                } else {
                    attempts.count(&key, now);
                    model.retain(|(other, _)| *other != key);
                    model.push((key, now));
                }
                let mut order = Vec::new();
                let mut at = attempts.ends.map(|(oldest, _)| oldest);
                while let Some(entry) = at.map(|at| &attempts.entries[at]) {
                    order.push((entry.key, entry.last));
                    at = entry.newer;
                }
                proptest::prop_assert_eq!(&order, &model);
                proptest::prop_assert_eq!(attempts.by_key.len(), model.len());
                for (key, _) in &model {
                    let at = attempts.by_key.get(key);
                    proptest::prop_assert_eq!(at.map(|at| attempts.entries[*at].key), Some(*key));
                }
            }
        }
    }

    #[test]
    fn a_network_has_eight_times_the_limit_of_a_neighbourhood() {
        let mut limiter = NeighbourhoodRateLimiter::per_minute(2);
        let now = Instant::now();
        let of = |host: u8| Neighbourhood::of([192, 0, 2, host].into());
        for host in 0..8 {
            for _ in 0..2 {
                assert!(limiter.allows("a worker", of(host), now));
                limiter.count("a worker", of(host), now);
            }
            assert!(!limiter.allows("a worker", of(host), now));
        }
        assert!(
            !limiter.allows("a worker", of(8), now),
            "sixteen came from around it"
        );
        assert!(limiter.allows("another", of(8), now));
        limiter.forgive("a worker", of(0), now);
        assert!(limiter.allows("a worker", of(8), now));
        limiter.set_limit(1);
        assert!(!limiter.allows("a worker", of(8), now));
        limiter.tidy(now + MINUTE);
        assert!(limiter.allows("a worker", of(8), now));
    }
}
