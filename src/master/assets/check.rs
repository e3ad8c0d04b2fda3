//! spec/master/assets/check.md · 3.1.6 (validation of what an API sent)
//!
//! Whether a bar that came can be believed.

use super::provider::MarketClock;
use super::providers::market_file::check_range;
use super::snapshot::AssetPrice;
use crate::model::{Bar, Money, Timestamp};

/// A real-time bar may be this far ahead of our clock, in milliseconds: clocks differ.
const CLOCK_SKEW_MAX: i64 = 60_000;

/// A real-time price that is more than this many times the last one, or less than that part of it, is
/// doubted.
const PRICE_JUMP_MAX: i64 = 5;

/// A doubted price is believed when it has come this many times in a row: then it was a true fall, and
/// doubting on would stop the asset for good.
pub const BELIEVED_AFTER: u8 = 3;

/// What is to be done with a bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BarCheck {
    /// It is new and believable.
    Take,
    /// It is what is there already; nobody need hear of it.
    Known,
    /// It is believable but for its distance from the last price.
    Doubt(String),
    /// It cannot be.
    Junk(String),
}

/// Judges a bar beside what is known of its asset. `scale`: what the last price is to be divided by (in
/// millionths) for the splits that come into force with this update. `now`: wall time.
pub fn check(entry: &AssetPrice, bar: &Bar, clock: MarketClock, scale: i64, now: Timestamp) -> BarCheck {
    if bar.low <= Money::ZERO || bar.open <= Money::ZERO || bar.close <= Money::ZERO {
        return BarCheck::Junk("a price is not above 0".to_owned());
    }
    if let Err(reason) = check_range(bar) {
        return BarCheck::Junk(reason.to_owned());
    }
    if clock == MarketClock::Real && bar.time.since(now) > CLOCK_SKEW_MAX {
        return BarCheck::Junk(format!("its time {} is in the future", bar.time));
    }
    let Some(last) = entry.quote else {
        return BarCheck::Take;
    };
    if bar.time < last.time {
        return BarCheck::Junk(format!(
            "its time {} is before that of the last, {}",
            bar.time, last.time
        ));
    }
    if bar.time == last.time {
        return BarCheck::Known;
    }
    if clock == MarketClock::Real {
        let million = i128::from(crate::model::money::MILLION);
        let last = i128::from(last.value.0);
        let close = i128::from(bar.close.0) * i128::from(scale) / million;
        if close > last * i128::from(PRICE_JUMP_MAX) || close * i128::from(PRICE_JUMP_MAX) < last {
            return BarCheck::Doubt(format!(
                "{} is more than {PRICE_JUMP_MAX} times away from the last price {}",
                bar.close,
                Money(i64::try_from(last).unwrap_or_default())
            ));
        }
    }
    BarCheck::Take
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::MILLION;
    use crate::model::{Quote, Symbol};

    fn bar(time: i64, price: i64) -> Bar {
        Bar {
            time: Timestamp(time),
            open: Money(price),
            high: Money(price),
            low: Money(price),
            close: Money(price),
            volume: 0,
        }
    }

    #[test]
    fn junk_is_told_from_news() {
        let entry = AssetPrice {
            symbol: Symbol::parse("A").unwrap(),
            quote: Some(Quote {
                time: Timestamp(1_000_000),
                value: Money(100),
            }),
            day: None,
            fresh: false,
            real_time: true,
            stale: false,
        };
        let now = Timestamp(2_000_000);
        let real = |bar: &Bar| check(&entry, bar, MarketClock::Real, MILLION, now);
        assert_eq!(real(&bar(1_000_001, 100)), BarCheck::Take);
        assert_eq!(real(&bar(1_000_000, 101)), BarCheck::Known);
        assert!(matches!(real(&bar(999_999, 100)), BarCheck::Junk(_)));
        assert!(matches!(real(&bar(2_060_001, 100)), BarCheck::Junk(_)));
        assert_eq!(real(&bar(2_060_000, 100)), BarCheck::Take);
        assert!(matches!(real(&bar(1_000_001, 0)), BarCheck::Junk(_)));
        assert!(matches!(real(&bar(1_000_001, -5)), BarCheck::Junk(_)));
        assert!(matches!(real(&bar(1_000_001, 501)), BarCheck::Doubt(_)));
        assert!(matches!(real(&bar(1_000_001, 19)), BarCheck::Doubt(_)));
        assert_eq!(real(&bar(1_000_001, 20)), BarCheck::Take);
        // A 20-for-1 split makes the same price 1/20.
        let split = check(&entry, &bar(1_000_001, 5), MarketClock::Real, 20 * MILLION, now);
        assert_eq!(split, BarCheck::Take);
        // A replay's files were checked as files, and their time is their own.
        assert_eq!(
            check(&entry, &bar(9_000_000, 5000), MarketClock::Own, MILLION, now),
            BarCheck::Take
        );
        let crossed = Bar {
            high: Money(90),
            ..bar(1_000_001, 100)
        };
        assert!(matches!(real(&crossed), BarCheck::Junk(_)));
    }
}
