//! spec/master/auth/attempts.md · 3.1.3 (who guesses passwords is slowed down)
//!
//! How often something was tried within the last minute, by whom.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// The window that slides.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Keys that are remembered; beyond them the whole of the oldest is forgotten.
pub const KEYS_MAX: usize = 100_000;

/// Counts attempts by key, each over the last [`WINDOW`].
#[derive(Debug)]
pub struct AttemptCounter<K> {
    limit: usize,
    seen: HashMap<K, VecDeque<Instant>>,
}

impl<K: Hash + Eq + Clone> AttemptCounter<K> {
    /// At most `limit` a window.
    pub fn new(limit: u32) -> AttemptCounter<K> {
        AttemptCounter {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            seen: HashMap::new(),
        }
    }

    /// From now on at most `limit` a window; what was counted counts on.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = usize::try_from(limit).unwrap_or(usize::MAX);
    }

    /// Whether one more would still be within the limit.
    pub fn allows(&mut self, key: &K, now: Instant) -> bool {
        match self.seen.get_mut(key) {
            Some(times) => {
                forget(times, now);
                times.len() < self.limit
            }
            None => self.limit > 0,
        }
    }

    /// Counts one.
    pub fn count(&mut self, key: &K, now: Instant) {
        if self.seen.len() >= KEYS_MAX && !self.seen.contains_key(key) {
            self.tidy(now);
            if self.seen.len() >= KEYS_MAX
                && let Some(oldest) = self
                    .seen
                    .iter()
                    .min_by_key(|(_, times)| times.back().copied())
                    .map(|(k, _)| k.clone())
            {
                self.seen.remove(&oldest);
            }
        }
        self.seen.entry(key.clone()).or_default().push_back(now);
    }

    /// Takes one back that was counted at `at`: it turned out well.
    pub fn forgive(&mut self, key: &K, at: Instant) {
        if let Some(times) = self.seen.get_mut(key)
            && let Some(index) = times.iter().position(|time| *time == at)
        {
            times.remove(index);
        }
    }

    /// Forgets keys whose attempts are all too old to matter.
    pub fn tidy(&mut self, now: Instant) {
        self.seen.retain(|_, times| {
            forget(times, now);
            !times.is_empty()
        });
    }
}

fn forget(times: &mut VecDeque<Instant>, now: Instant) {
    while times
        .front()
        .is_some_and(|time| now.saturating_duration_since(*time) >= WINDOW)
    {
        times.pop_front();
    }
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one, which one household has whole.
pub fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_and_success_is_forgiven() {
        let mut attempts = AttemptCounter::new(2);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in [0, 10] {
            assert!(attempts.allows(&"alice", at(second)));
            attempts.count(&"alice", at(second));
        }
        assert!(!attempts.allows(&"alice", at(59)));
        assert!(attempts.allows(&"bob", at(59)), "others are untouched");
        assert!(attempts.allows(&"alice", at(60)), "the first is a minute old");
        attempts.count(&"alice", at(60));
        assert!(!attempts.allows(&"alice", at(61)));
        attempts.forgive(&"alice", at(60));
        assert!(attempts.allows(&"alice", at(61)));
        attempts.tidy(at(200));
        assert!(attempts.seen.is_empty());
    }

    #[test]
    fn keys_are_bounded() {
        let mut attempts = AttemptCounter::new(1);
        let start = Instant::now();
        for key in 0..KEYS_MAX + 10 {
            attempts.count(&key, start);
        }
        assert_eq!(attempts.seen.len(), KEYS_MAX);
    }

    #[test]
    fn a_household_is_one_address() {
        let ip = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(ip("2001:db8::1"), ip("2001:db8::ffff:2"));
        assert_ne!(ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        assert_eq!(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
    }
}
