//! spec/worker/cache/windows.md · 3.2.6 "store past assets values", 4.1 (caching data between update intervals)
//!
//! Past values and forecasts that were asked for once: bounded in bytes, least recently used ones dropped
//! first; what can still change is dropped at the next update.

use crate::model::timestamp::DAY;
use crate::model::{Symbol, Timestamp};
use crate::wire::{Request, Window};
use hashlink::LinkedHashMap;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes that the cache takes at most.
pub const SIZE_MAX: usize = 64 << 20;
/// The share of them that one entry takes at most.
const ENTRY_SHARE: usize = 4;
/// What an entry costs beside its frames, about.
const ENTRY_COST: usize = 256;
/// How far a window's end must lie behind the market's now for its bars to be final: some feeds bring the
/// bars of one asset later than those of another.
const SETTLED: i64 = DAY;
/// Bars that a provider corrects or fills in later are seen after this long.
pub const AGE_MAX: Duration = Duration::from_secs(600);

/// A question whose answer may be kept. Dates are cut to what the window depends on, so that questions with
/// the same answer are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WindowKey {
    symbol: Symbol,
    about: WindowSubject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum WindowSubject {
    Past { window: Window, adjusted: bool },
    Future(Timestamp),
}

impl WindowKey {
    /// Of a window.
    pub fn of_window(symbol: Symbol, window: Window, adjusted: bool) -> WindowKey {
        let window = match window {
            Window::Day(date) => Window::Day(date),
            Window::Week(date) => Window::Week(date.day()),
            Window::Month(date) => Window::Month(date.day()),
            Window::Year(date) => Window::Year(date.month()),
            Window::AllTime => Window::AllTime,
        };
        WindowKey {
            symbol,
            about: WindowSubject::Past { window, adjusted },
        }
    }

    /// Of a forecast.
    pub fn of_forecast(symbol: Symbol, date: Timestamp) -> WindowKey {
        WindowKey {
            symbol,
            about: WindowSubject::Future(date),
        }
    }

    /// The question, to be put to the master.
    pub fn request(&self) -> Request {
        let symbol = self.symbol;
        match self.about {
            WindowSubject::Past { window, adjusted } => Request::AssetWindow {
                symbol,
                window,
                adjusted,
            },
            WindowSubject::Future(date) => Request::AssetPredicted { symbol, date },
        }
    }

    /// Whether no update can change the answer any more.
    pub fn is_final(&self, market_now: Timestamp) -> bool {
        let WindowSubject::Past { window, adjusted } = self.about else {
            return false;
        };
        // A split or dividend changes all that was adjusted before it.
        if adjusted {
            return false;
        }
        let end = match window {
            Window::Day(date) => date,
            Window::Week(day) | Window::Month(day) => day.plus_days(1),
            // A month has 31 days at most.
            Window::Year(month) => month.plus_days(31),
            Window::AllTime => return false,
        };
        end.0.saturating_add(SETTLED) <= market_now.0
    }
}

#[derive(Debug)]
struct WindowEntry {
    frames: Arc<[u8]>,
    kept: Instant,
}

impl WindowEntry {
    fn cost(&self) -> usize {
        self.frames.len() + ENTRY_COST
    }
}

/// What is kept.
#[derive(Debug)]
pub struct WindowCache {
    size_max: usize,
    bytes: usize,
    /// The least recently used first. Clients choose the keys, so they are hashed as the standard library does.
    entries: LinkedHashMap<WindowKey, WindowEntry, RandomState>,
    /// Kept until the next update.
    growing: Vec<WindowKey>,
}

impl WindowCache {
    /// With nothing kept.
    pub fn new(size_max: usize) -> WindowCache {
        WindowCache {
            size_max,
            bytes: 0,
            entries: LinkedHashMap::default(),
            growing: Vec::new(),
        }
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Answers kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The reply's frames, if they are here and not too old.
    pub fn get(&mut self, key: &WindowKey, now: Instant) -> Option<Arc<[u8]>> {
        let entry = self.entries.to_back(key)?;
        if now.saturating_duration_since(entry.kept) > AGE_MAX {
            self.forget(key);
            return None;
        }
        Some(Arc::clone(&entry.frames))
    }

    /// Keeps a reply: for as long as there is room where it is final, else until the next update.
    pub fn keep(&mut self, key: WindowKey, frames: Arc<[u8]>, is_final: bool, now: Instant) {
        self.forget(&key);
        let entry = WindowEntry { frames, kept: now };
        if entry.cost() > self.size_max / ENTRY_SHARE {
            return;
        }
        while self.bytes + entry.cost() > self.size_max
            && let Some((_, oldest)) = self.entries.pop_front()
        {
            self.bytes -= oldest.cost();
        }
        self.bytes += entry.cost();
        self.entries.insert(key, entry);
        if !is_final {
            self.growing.push(key);
        }
    }

    /// An update came: what could change is forgotten.
    pub fn update(&mut self) {
        for key in std::mem::take(&mut self.growing) {
            self.forget(&key);
        }
    }

    fn forget(&mut self, key: &WindowKey) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.cost();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol() -> Symbol {
        Symbol::parse("AAPL").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn key(number: i64) -> WindowKey {
        WindowKey::of_window(symbol(), Window::Day(Timestamp(number)), false)
    }

    #[test]
    fn questions_with_one_answer_are_one() {
        let week = |date| WindowKey::of_window(symbol(), Window::Week(at(date)), false);
        assert_eq!(week("2013-03-01T10:00:00Z"), week("2013-03-01"));
        assert_ne!(week("2013-03-01"), week("2013-03-02"));
        let year = |date| WindowKey::of_window(symbol(), Window::Year(at(date)), false);
        assert_eq!(year("2013-03-31T10:00:00Z"), year("2013-03-01"));
        let day = |date| WindowKey::of_window(symbol(), Window::Day(at(date)), false);
        assert_ne!(day("2013-03-01T10:00:00Z"), day("2013-03-01"));
    }

    #[test]
    fn only_what_cannot_grow_is_final() {
        let now = at("2013-03-10T12:00:00Z");
        let is = |window, adjusted| WindowKey::of_window(symbol(), window, adjusted).is_final(now);
        assert!(is(Window::Day(at("2013-03-09T12:00:00Z")), false));
        assert!(!is(Window::Day(at("2013-03-09T12:00:01Z")), false));
        assert!(is(Window::Week(at("2013-03-08")), false));
        assert!(!is(Window::Week(at("2013-03-09")), false));
        assert!(!is(Window::Month(at("2013-03-10")), false));
        assert!(is(Window::Year(at("2013-01-31")), false));
        assert!(!is(Window::Year(at("2013-03-01")), false));
        assert!(!is(Window::AllTime, false));
        assert!(!is(Window::Week(at("2012-03-08")), true), "adjusted");
        assert!(!WindowKey::of_forecast(symbol(), at("2012-01-01")).is_final(now));
    }

    #[test]
    fn bytes_are_bounded_and_the_least_recently_used_goes() {
        let now = Instant::now();
        let cost = 1000 + ENTRY_COST;
        let mut windows = WindowCache::new(cost * 4);
        let frames: Arc<[u8]> = vec![7; 1000].into();
        for number in 0..4 {
            windows.keep(key(number), Arc::clone(&frames), true, now);
        }
        assert_eq!(windows.bytes(), cost * 4);
        assert!(windows.get(&key(0), now).is_some());
        windows.keep(key(4), Arc::clone(&frames), true, now);
        assert_eq!((windows.len(), windows.bytes()), (4, cost * 4));
        assert!(windows.get(&key(0), now).is_some() && windows.get(&key(1), now).is_none());
        windows.keep(key(5), vec![7; 2000].into(), true, now);
        assert!(windows.get(&key(5), now).is_none(), "too large a share");
    }

    #[test]
    fn updates_and_age_let_go() {
        let now = Instant::now();
        let mut windows = WindowCache::new(SIZE_MAX);
        windows.keep(key(1), vec![1].into(), true, now);
        windows.keep(key(2), vec![2].into(), false, now);
        windows.update();
        assert!(windows.get(&key(1), now).is_some() && windows.get(&key(2), now).is_none());
        assert!(windows.get(&key(1), now + AGE_MAX).is_some());
        assert!(
            windows
                .get(&key(1), now + AGE_MAX + Duration::from_millis(1))
                .is_none()
        );
        assert_eq!((windows.len(), windows.bytes()), (0, 0));
    }
}
