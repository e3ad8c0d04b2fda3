//! spec/worker/cache/windows.md · 3.2.6 "store past assets values", 4.1 (caching data)
//!
//! The window cache: replies to windows and forecasts. Bounded in bytes; the least recently used
//! reply is dropped first. Replies that can still change are dropped at the next update.

use crate::model::timestamp::DAY;
use crate::model::{Symbol, Timestamp};
use crate::wire::frame::HEADER_BYTES;
use crate::wire::payload::{Forecast, Payload};
use crate::wire::{Request, Window, packet};
use hashlink::LinkedHashMap;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of the window cache at most.
pub const CACHE_BYTES_MAX: usize = 64 << 20;
/// One entry takes at most this fraction of the bytes: one in so many.
const ENTRY_FRACTION_MAX: usize = 4;
/// Approximate bytes of an entry without its frames.
const ENTRY_OVERHEAD_BYTES: usize = 256;
/// Milliseconds between a window's end and the market's time after which its bars are final. Some
/// feeds bring the bars of one asset later than those of another.
const FINAL_AFTER_MS: i64 = DAY;
/// Age at which a reply is dropped, so that bars that a provider corrects or adds later are seen.
pub const AGE_MAX: Duration = Duration::from_secs(600);

/// The last moment of the year 9999, the latest that a request can have.
const DATE_MAX: Timestamp = Timestamp(253_402_300_799_999);

/// The frames of a forecast with another time. Replies that are no forecast stay as they are.
pub fn forecast_at(frames: &[u8], time: Timestamp) -> Vec<u8> {
    let payload = frames.get(HEADER_BYTES..).map(Forecast::from_bytes);
    let Some(Ok(forecast)) = payload else {
        return frames.to_vec();
    };
    let mut out = Vec::with_capacity(frames.len());
    packet::write(&mut out, &Forecast { time, ..forecast }.to_bytes());
    out
}

/// The key of a reply. Dates are cut to the precision that the window depends on, so that requests
/// with the same reply have one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WindowKey {
    symbol: Symbol,
    subject: WindowSubject,
}

/// The window, or the date of the forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum WindowSubject {
    Window { window: Window, adjusted: bool },
    Forecast(Timestamp),
}

impl WindowKey {
    /// The key of a window.
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
            subject: WindowSubject::Window { window, adjusted },
        }
    }

    /// The key of a forecast. It depends on the whole days from the last quote on, so its date is
    /// the last moment of these. A date that is not after the last quote, or of an asset without
    /// one, is refused by the master and stays as it is.
    pub fn of_forecast(symbol: Symbol, date: Timestamp, last: Option<Timestamp>) -> WindowKey {
        let date = match last {
            Some(last) if date > last => {
                let ahead = date.since(last);
                let days = ahead / DAY + i64::from(ahead % DAY != 0);
                last.plus_days(days).min(DATE_MAX).max(date)
            }
            Some(_) | None => date,
        };
        WindowKey {
            symbol,
            subject: WindowSubject::Forecast(date),
        }
    }

    /// The request for the master.
    pub fn request(&self) -> Request {
        let symbol = self.symbol;
        match self.subject {
            WindowSubject::Window { window, adjusted } => Request::AssetWindow {
                symbol,
                window,
                adjusted,
            },
            WindowSubject::Forecast(date) => Request::AssetPredicted { symbol, date },
        }
    }

    /// Whether no further update can change the reply.
    pub fn is_final(&self, market_now: Timestamp) -> bool {
        let WindowSubject::Window { window, adjusted } = self.subject else {
            return false;
        };
        // A split or dividend changes all adjusted values before it.
        if adjusted {
            return false;
        }
        let end = match window {
            Window::Day(date) => date,
            Window::Week(day) | Window::Month(day) => day.plus_days(1),
            // A month has at most 31 days.
            Window::Year(month) => month.plus_days(31),
            Window::AllTime => return false,
        };
        end.0.saturating_add(FINAL_AFTER_MS) <= market_now.0
    }
}

/// A stored reply.
#[derive(Debug)]
struct WindowEntry {
    frames: Arc<[u8]>,
    stored_at: Instant,
}

impl WindowEntry {
    fn cost(&self) -> usize {
        self.frames.len() + ENTRY_OVERHEAD_BYTES
    }
}

/// The stored replies.
#[derive(Debug)]
pub struct WindowCache {
    size_max: usize,
    bytes: usize,
    /// The least recently used first. Clients choose the keys, so the hasher is the standard
    /// library's, which resists chosen collisions.
    entries: LinkedHashMap<WindowKey, WindowEntry, RandomState>,
    /// Entries to drop at the next update.
    changeable: Vec<WindowKey>,
}

impl WindowCache {
    /// An empty cache of at most `size_max` bytes.
    pub fn new(size_max: usize) -> WindowCache {
        WindowCache {
            size_max,
            bytes: 0,
            entries: LinkedHashMap::default(),
            changeable: Vec::new(),
        }
    }

    /// Bytes of all entries.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The frames of a reply that is not too old. It becomes the most recently used.
    pub fn get(&mut self, key: &WindowKey, now: Instant) -> Option<Arc<[u8]>> {
        let entry = self.entries.to_back(key)?;
        if now.saturating_duration_since(entry.stored_at) > AGE_MAX {
            self.remove(key);
            return None;
        }
        Some(Arc::clone(&entry.frames))
    }

    /// Stores a reply. One that is not final is dropped at the next update. One that is too large
    /// is not stored.
    pub fn insert(&mut self, key: WindowKey, frames: Arc<[u8]>, is_final: bool, now: Instant) {
        self.remove(&key);
        let entry = WindowEntry {
            frames,
            stored_at: now,
        };
        if entry.cost() > self.size_max / ENTRY_FRACTION_MAX {
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
            self.changeable.push(key);
        }
    }

    /// Drops all replies that the new update may change.
    pub fn drop_changeable(&mut self) {
        for key in std::mem::take(&mut self.changeable) {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &WindowKey) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.cost();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Money;

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
    fn requests_with_the_same_reply_have_one_key() {
        let week = |date| WindowKey::of_window(symbol(), Window::Week(at(date)), false);
        assert_eq!(week("2013-03-01T10:00:00Z"), week("2013-03-01"));
        assert_ne!(week("2013-03-01"), week("2013-03-02"));
        let year = |date| WindowKey::of_window(symbol(), Window::Year(at(date)), false);
        assert_eq!(year("2013-03-31T10:00:00Z"), year("2013-03-01"));
        let day = |date| WindowKey::of_window(symbol(), Window::Day(at(date)), false);
        assert_ne!(day("2013-03-01T10:00:00Z"), day("2013-03-01"));
    }

    #[test]
    fn forecasts_are_alike_whose_dates_are_as_many_days_ahead() {
        let last = at("2013-03-01T20:59:30Z");
        let key = |date| WindowKey::of_forecast(symbol(), at(date), Some(last));
        assert_eq!(key("2013-03-01T20:59:30.001Z"), key("2013-03-02T20:59:30Z"));
        assert_ne!(key("2013-03-02T20:59:30Z"), key("2013-03-02T20:59:30.001Z"));
        let request = key("2013-03-05").request();
        let date = at("2013-03-05T20:59:30Z");
        let symbol = symbol();
        assert_eq!(request, Request::AssetPredicted { symbol, date });
        assert_eq!(key("9999-12-31T23:59:59.999Z"), key("9999-12-31T21:00:00Z"));
        assert_eq!(
            key("9999-12-31T23:59:59.999Z").request(),
            Request::AssetPredicted {
                symbol,
                date: DATE_MAX
            }
        );
        assert_eq!(DATE_MAX, at("9999-12-31T23:59:59.999Z"));
        // The master refuses these, whatever the day.
        assert_ne!(key("2013-03-01T20:59:30Z"), key("2013-03-01"));
    }

    #[test]
    fn a_forecast_is_passed_on_with_another_time() {
        let forecast = Forecast {
            method: "a method".to_owned(),
            time: Timestamp(1),
            value: Money(2),
            low: Money(1),
            high: Money(3),
        };
        let frames = |forecast: &Forecast| {
            let mut frames = Vec::new();
            packet::write(&mut frames, &forecast.to_bytes());
            frames
        };
        let time = Timestamp(77);
        let other = Forecast {
            time,
            ..forecast.clone()
        };
        assert_eq!(forecast_at(&frames(&forecast), time), frames(&other));
        assert_eq!(forecast_at(&[1, 2, 3], time), [1, 2, 3]);
    }

    #[test]
    fn only_windows_that_cannot_change_are_final() {
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
        assert!(!WindowKey::of_forecast(symbol(), at("2012-01-01"), None).is_final(now));
    }

    #[test]
    fn bytes_are_bounded_and_the_least_recently_used_is_dropped() {
        let now = Instant::now();
        let cost = 1000 + ENTRY_OVERHEAD_BYTES;
        let mut windows = WindowCache::new(cost * 4);
        let frames: Arc<[u8]> = vec![7; 1000].into();
        for number in 0..4 {
            windows.insert(key(number), Arc::clone(&frames), true, now);
        }
        assert_eq!(windows.bytes(), cost * 4);
        assert!(windows.get(&key(0), now).is_some());
        windows.insert(key(4), Arc::clone(&frames), true, now);
        assert_eq!((windows.len(), windows.bytes()), (4, cost * 4));
        assert!(windows.get(&key(0), now).is_some() && windows.get(&key(1), now).is_none());
        windows.insert(key(5), vec![7; 2000].into(), true, now);
        assert!(windows.get(&key(5), now).is_none(), "too large");
    }

    #[test]
    fn updates_and_age_drop_entries() {
        let now = Instant::now();
        let mut windows = WindowCache::new(CACHE_BYTES_MAX);
        windows.insert(key(1), vec![1].into(), true, now);
        windows.insert(key(2), vec![2].into(), false, now);
        windows.drop_changeable();
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
