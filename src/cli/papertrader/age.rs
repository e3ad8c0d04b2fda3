//! spec/cli/papertrader.md · 4.6.8, 4.1 (how old a price is)
//!
//! The time to which the ages of prices count, and what stands below a table about the market.

use crate::cli::table;
use crate::client::ServerInfo;
use crate::model::{MarketKind, MarketState, OpenValue, Timestamp};
use std::time::Duration;

/// The largest difference in milliseconds between the newest quote and the local clock at which
/// ages count to the clock where the server does not tell its market: 30 days. No market closes for
/// longer, so a larger difference means a replay or a stopped feed.
const CLOCK_DIFFERENCE_MAX: i64 = 30 * DAY;

/// What a market may be that the server does not tell, and that is far from the clock.
const UNTOLD_MARKET: &str = "the market is a replay, or prices have stopped coming";

const DAY: i64 = crate::model::timestamp::DAY;

/// The time to which the ages of quotes count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceTime {
    /// `None`: the market has ended, and its prices do not age.
    time: Option<Timestamp>,
    note: String,
    /// Whether the server tells that its market is not of this time.
    is_other_time: bool,
}

impl ReferenceTime {
    /// The reference for quotes of which the newest is of `newest`: market time in a replay or a
    /// simulated market, the local clock's time in a real one. Where the server does not tell its
    /// market, market time is the newest quote's if that differs much from the clock.
    pub fn of(
        newest: Option<Timestamp>,
        clock: Timestamp,
        market: Option<&ServerInfo>,
    ) -> ReferenceTime {
        // A quote may be newer than what the server told before it.
        let market_time = market.and_then(|market| market.market_time).max(newest);
        if market.is_some_and(has_ended) {
            return ReferenceTime {
                time: None,
                note: ended_note(market_time),
                is_other_time: true,
            };
        }
        let kind = market.and_then(|market| market.market.as_ref());
        let is_far = |time: &Timestamp| clock.since(*time).abs() > CLOCK_DIFFERENCE_MAX;
        let (is_other_time, note) = match kind.map(OpenValue::known) {
            Some(Some(MarketKind::Real)) => (false, String::new()),
            // It is told at the login, and by the heading.
            Some(Some(MarketKind::Replay | MarketKind::Simulated)) => (true, String::new()),
            Some(None) | None => match newest.filter(is_far) {
                Some(time) => (false, market_note(time, clock, UNTOLD_MARKET)),
                None => (false, String::new()),
            },
        };
        let counts_to_market = is_other_time || !note.is_empty();
        ReferenceTime {
            time: market_time.filter(|_| counts_to_market).or(Some(clock)),
            note,
            is_other_time,
        }
    }

    /// The age of a quote in seconds, below 0 where its time is later than the reference; `None` in
    /// a market that has ended.
    pub fn age_seconds(&self, time: Timestamp) -> Option<i64> {
        Some(self.time?.since(time).div_euclid(1000))
    }

    /// The age of a quote for people; `ahead` if its time is later than the reference, and
    /// [`table::NONE`] in a market that has ended.
    pub fn age(&self, time: Timestamp) -> String {
        let Some(reference) = self.time else {
            return table::NONE.to_owned();
        };
        match u64::try_from(reference.since(time)) {
            Ok(millis) => table::span(Duration::from_millis(millis)),
            Err(_) => "ahead".to_owned(),
        }
    }

    /// The lines below a table; empty where there is nothing to say.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The heading of a column with times of prices.
    pub fn heading(&self) -> &'static str {
        if self.is_other_time {
            "market time (UTC)"
        } else {
            "at (UTC)"
        }
    }
}

/// What is told once, at a login: that the market is a replay or simulated, with its time, or that it
/// has ended. `None` of a real market, and of one that the server does not tell.
pub fn login_note(market: &ServerInfo, clock: Timestamp) -> Option<String> {
    if has_ended(market) {
        return Some(ended_note(market.market_time));
    }
    let what = match market.market.as_ref()?.known()? {
        MarketKind::Real => return None,
        MarketKind::Replay => "the market is a replay of that time",
        MarketKind::Simulated => "the market is simulated",
    };
    Some(market_note(market.market_time?, clock, what))
}

/// Whether the server tells that its market has ended.
pub fn has_ended(market: &ServerInfo) -> bool {
    market.state == Some(MarketState::Ended.into())
}

/// That a market has ended, and what follows from it.
pub fn ended_note(market_time: Option<Timestamp>) -> String {
    let of = match market_time {
        Some(time) => format!(", of {},", table::utc(time)),
        None => String::new(),
    };
    format!("The market has ended: its last prices{of} stay, and orders are refused.\n")
}

/// Which market it is and what its time is, as far as the server tells: `replay, open, 2013-03-01
/// UTC`.
pub fn market_words(market: &ServerInfo) -> Option<String> {
    let words = [
        market.market.as_ref().map(ToString::to_string),
        market.state.as_ref().map(ToString::to_string),
        market.market_time.map(table::utc),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn market_note(time: Timestamp, clock: Timestamp, what: &str) -> String {
    let off = clock.since(time);
    let side = if off > 0 { "behind" } else { "ahead of" };
    let off = if off.abs() < DAY {
        String::new()
    } else {
        let off = table::span(Duration::from_millis(off.unsigned_abs()));
        format!(", {off} {side} this machine's clock")
    };
    format!(
        "Market time is {}{off}: {what}. Ages of prices count to it.\n",
        table::utc(time)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn told(kind: MarketKind, state: MarketState, time: &str) -> ServerInfo {
        ServerInfo {
            market: Some(kind.into()),
            state: Some(state.into()),
            market_time: Some(at(time)),
            ..ServerInfo::default()
        }
    }

    #[test]
    fn ages_count_to_the_time_of_the_market_that_the_server_tells() {
        let clock = at("2026-03-01");
        let of = |newest, market: &ServerInfo| {
            let time = ReferenceTime::of(Some(at(newest)), clock, Some(market));
            let age = time.age(at("2013-03-01"));
            (age, time.age_seconds(at("2013-03-01")), time.note)
        };
        let replay = told(MarketKind::Replay, MarketState::Open, "2013-03-04");
        let (age, seconds, note) = of("2013-03-01", &replay);
        assert_eq!((age.as_str(), seconds), ("3 d", Some(3 * 86_400)));
        assert_eq!(note, "", "it was told at the login");
        // A quote came after the server told its time.
        assert_eq!(of("2013-03-05", &replay).0, "4 d");
        let heading = |market: &ServerInfo| {
            ReferenceTime::of(Some(at("2013-03-01")), clock, Some(market)).heading()
        };
        assert_eq!(heading(&replay), "market time (UTC)");
        let simulated = told(MarketKind::Simulated, MarketState::Open, "2013-03-04");
        assert_eq!(of("2013-03-01", &simulated).0, "3 d");
        // Prices of a real market that have stopped are as old as they are.
        let real = told(MarketKind::Real, MarketState::Open, "2013-03-01");
        let (age, _, note) = of("2013-03-01", &real);
        assert_eq!((age.as_str(), note.as_str()), ("13 y 3 d", ""));
        assert_eq!(heading(&real), "at (UTC)");
    }

    #[test]
    fn a_login_tells_once_that_the_market_is_not_of_today() {
        let clock = at("2026-03-01");
        let note = |market: &ServerInfo| login_note(market, clock).unwrap_or_default();
        let replay = told(MarketKind::Replay, MarketState::Open, "2013-03-04");
        assert_eq!(
            note(&replay),
            "Market time is 2013-03-04 UTC, 13 y behind this machine's clock: the market is a \
             replay of that time. Ages of prices count to it.\n"
        );
        let near = told(MarketKind::Simulated, MarketState::Open, "2026-03-01");
        let near = note(&near);
        assert!(!near.contains("clock") && near.contains("2026-03-01 UTC"));
        let ended = told(MarketKind::Replay, MarketState::Ended, "2013-03-04");
        assert!(note(&ended).starts_with("The market has ended"));
        let real = told(MarketKind::Real, MarketState::Open, "2013-03-01");
        assert_eq!(note(&real) + &note(&ServerInfo::default()), "");
    }

    #[test]
    fn prices_of_a_market_that_has_ended_do_not_age() {
        let ended = told(MarketKind::Replay, MarketState::Ended, "2013-03-04");
        let time = ReferenceTime::of(Some(at("2013-03-04")), at("2026-03-01"), Some(&ended));
        assert_eq!(time.age(at("2013-03-04")), table::NONE);
        assert_eq!(time.age_seconds(at("2013-03-04")), None);
        assert_eq!(
            time.note(),
            "The market has ended: its last prices, of 2013-03-04 UTC, stay, and orders are \
             refused.\n"
        );
        assert_eq!(
            market_words(&ended).as_deref(),
            Some("replay, ended, 2013-03-04 UTC")
        );
        assert_eq!(market_words(&ServerInfo::default()), None);
    }

    #[test]
    fn of_a_server_that_tells_no_market_the_newest_quote_decides() {
        let clock = at("2026-03-01");
        let of = |newest| ReferenceTime::of(Some(at(newest)), clock, None);
        let live = of("2026-02-20");
        assert_eq!(
            (live.age(at("2026-02-20")).as_str(), live.note()),
            ("9 d", "")
        );
        let replay = of("2013-03-04");
        assert_eq!(replay.age(at("2013-03-04")), "0 s");
        assert_eq!(replay.age(at("2013-03-01")), "3 d");
        assert!(replay.note().contains("13 y behind") && replay.note().contains("or prices"));
        let ahead = of("2027-03-01");
        assert_eq!(ahead.age(at("2027-03-01")), "0 s");
        assert!(ahead.note().contains("1 y ahead of"), "{}", ahead.note());
        let none = ReferenceTime::of(None, at("2013-03-01"), None);
        assert_eq!(none.age(at("2013-03-02")), "ahead");
    }
}
