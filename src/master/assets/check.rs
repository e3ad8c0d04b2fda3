//! spec/master/assets.md · 3.1.6 (validation of what an API sent)
//!
//! Plausibility checks of bars from providers.

use super::provider::MarketClock;
use super::providers::market_file::check_range;
use crate::model::{Bar, Money, Timestamp};
use std::cmp::Ordering;

/// How far a real-time bar may be ahead of the local clock, in milliseconds, since clocks differ.
const CLOCK_SKEW_MAX: i64 = 60_000;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BarCheck {
    /// New and plausible.
    Accept,
    /// Equal to the current bar; not reported.
    Unchanged,
    /// Invalid, with the reason.
    Invalid(String),
}

/// Checks a bar by itself and against `last`, the time of its asset's latest bar, which may be held.
/// `now` is wall time.
pub fn check(last: Option<Timestamp>, bar: &Bar, clock: MarketClock, now: Timestamp) -> BarCheck {
    if bar.low <= Money::ZERO || bar.open <= Money::ZERO || bar.close <= Money::ZERO {
        return BarCheck::Invalid("a price is not above 0".to_owned());
    }
    if let Err(reason) = check_range(bar) {
        return BarCheck::Invalid(reason.to_owned());
    }
    if clock == MarketClock::Real && bar.time.since(now) > CLOCK_SKEW_MAX {
        return BarCheck::Invalid(format!("its time {} is in the future", bar.time));
    }
    let Some(last) = last else {
        return BarCheck::Accept;
    };
    match bar.time.cmp(&last) {
        Ordering::Less => BarCheck::Invalid(format!(
            "its time {} is before that of the last, {last}",
            bar.time
        )),
        Ordering::Equal => BarCheck::Unchanged,
        Ordering::Greater => BarCheck::Accept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (last, now) = (Some(Timestamp(1_000_000)), Timestamp(2_000_000));
        let real = |bar: &Bar| check(last, bar, MarketClock::Real, now);
        assert_eq!(real(&bar(1_000_001, 100)), BarCheck::Accept);
        assert_eq!(real(&bar(1_000_000, 101)), BarCheck::Unchanged);
        assert!(matches!(real(&bar(999_999, 100)), BarCheck::Invalid(_)));
        assert!(matches!(real(&bar(2_060_001, 100)), BarCheck::Invalid(_)));
        assert_eq!(real(&bar(2_060_000, 100)), BarCheck::Accept);
        assert!(matches!(real(&bar(1_000_001, 0)), BarCheck::Invalid(_)));
        assert!(matches!(real(&bar(1_000_001, -5)), BarCheck::Invalid(_)));
        // A replay has a clock of its own.
        let own = check(last, &bar(9_000_000, 5000), MarketClock::Own, now);
        assert_eq!(own, BarCheck::Accept);
        let first = check(None, &bar(1, 5000), MarketClock::Real, now);
        assert_eq!(first, BarCheck::Accept);
        let crossed = Bar {
            high: Money(90),
            ..bar(1_000_001, 100)
        };
        assert!(matches!(real(&crossed), BarCheck::Invalid(_)));
        let upside_down = Bar {
            high: Money(99),
            low: Money(101),
            ..bar(1_000_001, 100)
        };
        assert!(matches!(real(&upside_down), BarCheck::Invalid(_)));
    }
}
