//! spec/master/assets.md · 3.1.6 (validation of what an API sent)
//!
//! Plausibility checks of bars from providers.

use super::provider::MarketClock;
use super::providers::market_file::check_range;
use super::snapshot::AssetPrice;
use crate::model::{Bar, Money, Timestamp};

/// How far a real-time bar may be ahead of the local clock, in milliseconds, since clocks differ.
const CLOCK_SKEW_MAX: i64 = 60_000;

/// A real-time price is doubted if it is more than this many times the last one, or less than the
/// last one divided by it.
const PRICE_JUMP_MAX: i64 = 5;

/// Number of consecutive doubtful prices after which one is accepted: the jump is then real, and
/// refusing would stop the asset for ever.
pub const ACCEPTED_AFTER: u8 = 3;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BarCheck {
    /// New and plausible.
    Accept,
    /// Equal to the current bar; not reported.
    Unchanged,
    /// Plausible except for its distance from the last price, with the reason.
    Doubtful(String),
    /// Invalid, with the reason.
    Invalid(String),
}

/// Checks a bar against its asset's price. `close` is the bar's in units of today, as the price is;
/// they differ for a bar of before a split. `now` is wall time.
pub fn check(
    entry: &AssetPrice,
    bar: &Bar,
    close: Money,
    clock: MarketClock,
    now: Timestamp,
) -> BarCheck {
    if bar.low <= Money::ZERO || bar.open <= Money::ZERO || bar.close <= Money::ZERO {
        return BarCheck::Invalid("a price is not above 0".to_owned());
    }
    if let Err(reason) = check_range(bar) {
        return BarCheck::Invalid(reason.to_owned());
    }
    if clock == MarketClock::Real && bar.time.since(now) > CLOCK_SKEW_MAX {
        return BarCheck::Invalid(format!("its time {} is in the future", bar.time));
    }
    let Some(last) = entry.quote else {
        return BarCheck::Accept;
    };
    if bar.time < last.time {
        return BarCheck::Invalid(format!(
            "its time {} is before that of the last, {}",
            bar.time, last.time
        ));
    }
    if bar.time == last.time {
        return BarCheck::Unchanged;
    }
    if clock == MarketClock::Real {
        let (last, close) = (i128::from(last.value.0), i128::from(close.0));
        if close > last * i128::from(PRICE_JUMP_MAX) || close * i128::from(PRICE_JUMP_MAX) < last {
            return BarCheck::Doubtful(format!(
                "{} is more than {PRICE_JUMP_MAX} times away from the last price {}",
                bar.close,
                Money(i64::try_from(last).unwrap_or_default())
            ));
        }
    }
    BarCheck::Accept
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn invalid_bars_are_refused_and_new_ones_accepted() {
        let mut entry = AssetPrice::none(Symbol::parse("A").unwrap());
        entry.real_time = true;
        entry.quote = Some(Quote {
            time: Timestamp(1_000_000),
            value: Money(100),
        });
        let now = Timestamp(2_000_000);
        let real = |bar: &Bar| check(&entry, bar, bar.close, MarketClock::Real, now);
        assert_eq!(real(&bar(1_000_001, 100)), BarCheck::Accept);
        assert_eq!(real(&bar(1_000_000, 101)), BarCheck::Unchanged);
        assert!(matches!(real(&bar(999_999, 100)), BarCheck::Invalid(_)));
        assert!(matches!(real(&bar(2_060_001, 100)), BarCheck::Invalid(_)));
        assert_eq!(real(&bar(2_060_000, 100)), BarCheck::Accept);
        assert!(matches!(real(&bar(1_000_001, 0)), BarCheck::Invalid(_)));
        assert!(matches!(real(&bar(1_000_001, -5)), BarCheck::Invalid(_)));
        assert!(matches!(real(&bar(1_000_001, 501)), BarCheck::Doubtful(_)));
        assert!(matches!(real(&bar(1_000_001, 19)), BarCheck::Doubtful(_)));
        assert_eq!(real(&bar(1_000_001, 20)), BarCheck::Accept);
        // After a split of 1 for 20, a late trade of before it.
        let late = bar(1_000_001, 5);
        assert_eq!(
            check(&entry, &late, Money(100), MarketClock::Real, now),
            BarCheck::Accept
        );
        // The files of a replay were checked when they were read, and have a clock of their own.
        assert_eq!(
            check(
                &entry,
                &bar(9_000_000, 5000),
                Money(5000),
                MarketClock::Own,
                now
            ),
            BarCheck::Accept
        );
        let crossed = Bar {
            high: Money(90),
            ..bar(1_000_001, 100)
        };
        assert!(matches!(real(&crossed), BarCheck::Invalid(_)));
    }
}
