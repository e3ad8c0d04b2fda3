//! spec/master/assets/adjust.md · 4.6.9 to 4.6.13 (the adjustment)
//!
//! Past prices in terms of today's units: adjusted for splits and dividends.

use super::window;
use crate::master::storage::StorageError;
use crate::master::storage::bars::read::BarSnapshot;
use crate::master::storage::bars::{AssetId, roll_up};
use crate::model::money::MILLIONTHS_MAX;
use crate::model::{Action, ActionKind};
use crate::model::{Bar, Money, Timestamp};
use crate::wire::Window;

/// A factor of 1. Factors are integers with 18 decimal places, so that fifty dividends in a row
/// lose no precision.
const ONE: i128 = 1_000_000_000_000_000_000;

/// Days before a dividend in which its last close is searched. Without a close in them the dividend
/// gets no factor.
const CLOSE_DAYS_MAX: i64 = 60;

/// Factors for bars before a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Factor {
    before: Timestamp,
    /// Multiplies prices.
    price: i128,
    /// Multiplies volumes; dividends do not change it.
    volume: i128,
}

/// The bars of a window, oldest first, adjusted for `actions`, which are in order of time.
///
/// # Errors
/// The database fails.
pub fn bars(
    view: &mut BarSnapshot<'_>,
    asset: AssetId,
    window: Window,
    actions: &[Action],
) -> Result<Vec<Bar>, StorageError> {
    if actions.is_empty() {
        return window::bars(view, asset, window);
    }
    let factors = factors(view, asset, actions)?;
    let adjusted = |bars: Vec<Bar>, daily: bool| -> Vec<Bar> {
        bars.into_iter()
            .map(|bar| adjust(&bar, &factors, daily))
            .collect()
    };
    Ok(match window {
        Window::Day(_) => adjusted(window::bars(view, asset, window)?, false),
        Window::Week(_) | Window::Month(_) => adjusted(window::bars(view, asset, window)?, true),
        // A month that contains a split consists of days with different factors.
        Window::Year(_) | Window::AllTime => {
            let (from, to) = window::months(window);
            let days = adjusted(view.days(asset, from, to)?, true);
            roll_up(days, Timestamp::month)
        }
    })
}

/// Adjusted daily bars whose day begins between `from` and `to`, both included, oldest first.
///
/// # Errors
/// The database fails.
pub fn days(
    view: &mut BarSnapshot<'_>,
    asset: AssetId,
    from: Timestamp,
    to: Timestamp,
    actions: &[Action],
) -> Result<Vec<Bar>, StorageError> {
    let factors = factors(view, asset, actions)?;
    let days = view.days(asset, from, to)?;
    Ok(days.iter().map(|bar| adjust(bar, &factors, true)).collect())
}

/// The factors for an asset's bars, latest action first. Each applies to bars before its time, and
/// includes the factors of all later actions.
fn factors(
    view: &mut BarSnapshot<'_>,
    asset: AssetId,
    actions: &[Action],
) -> Result<Vec<Factor>, StorageError> {
    let mut factors = Vec::with_capacity(actions.len());
    let (mut price, mut volume) = (ONE, ONE);
    for action in actions.iter().rev() {
        match action.kind {
            ActionKind::Split(ratio) => {
                let (after, before) = (ratio.numerator().into(), ratio.denominator().into());
                price = scaled(price, before, after);
                volume = scaled(volume, after, before);
            }
            ActionKind::Dividend(cash) => {
                let day = action.time.day();
                let before = view.days(asset, day.plus_days(-CLOSE_DAYS_MAX), day.plus_days(-1))?;
                let close = before.last().map_or(0, |bar| bar.close.0);
                // The price without the dividend is the close less the dividend; if that is
                // not positive, the dividend is ignored.
                if cash.0 < close {
                    price = scaled(price, i128::from(close - cash.0), i128::from(close));
                }
            }
            // What comes with a unit or replaces it is of another asset.
            ActionKind::SpinOff { .. }
            | ActionKind::Rename(_)
            | ActionKind::Merge { .. }
            | ActionKind::Delist(_)
            | ActionKind::Cancel => continue,
        }
        factors.push(Factor {
            before: action.time,
            price,
            volume,
        });
    }
    Ok(factors)
}

/// `value × numerator ÷ denominator`, rounded half to even; `value` if the result does not fit.
fn scaled(value: i128, numerator: i128, denominator: i128) -> i128 {
    let Some(product) = value.checked_mul(numerator).filter(|_| denominator > 0) else {
        return value;
    };
    let (whole, rest) = (
        product.div_euclid(denominator),
        product.rem_euclid(denominator),
    );
    let up = match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => whole % 2,
        std::cmp::Ordering::Less => 0,
    };
    whole + up
}

/// Adjusts a bar with the factor of the earliest action after it. A daily or monthly bar is before
/// an action if its day is.
fn adjust(bar: &Bar, factors: &[Factor], daily: bool) -> Bar {
    let earlier = |factor: &&Factor| {
        let limit = if daily {
            factor.before.day()
        } else {
            factor.before
        };
        bar.time < limit
    };
    // The latest action comes first, so the last match is the earliest action.
    let Some(factor) = factors.iter().take_while(earlier).last() else {
        return *bar;
    };
    // An adjusted price is at least a millionth, since charts may have logarithmic axes.
    let price = |money: Money| {
        let value =
            scaled(i128::from(money.0), factor.price, ONE).clamp(1, i128::from(MILLIONTHS_MAX));
        Money(i64::try_from(value).unwrap_or(MILLIONTHS_MAX))
    };
    Bar {
        time: bar.time,
        open: price(bar.open),
        high: price(bar.high),
        low: price(bar.low),
        close: price(bar.close),
        volume: u64::try_from(scaled(i128::from(bar.volume), factor.volume, ONE))
            .unwrap_or(u64::MAX >> 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_exact_and_round_half_to_even() {
        assert_eq!(scaled(5, 1, 2), 2);
        assert_eq!(scaled(7, 1, 2), 4);
        assert_eq!(scaled(10, 1, 3), 3);
        assert_eq!(
            scaled(i128::MAX, 2, 1),
            i128::MAX,
            "what cannot be computed is left alone"
        );
        assert_eq!(scaled(3, 1, 0), 3);
    }

    #[test]
    fn a_split_halves_what_was_before_it() {
        let split = Timestamp::parse("2005-02-28").unwrap();
        let bar = Bar {
            time: split.plus_days(-1),
            open: Money(88_000_001),
            high: Money(90_000_000),
            low: Money(87_000_000),
            close: Money(88_990_000),
            volume: 101,
        };
        let factors = [Factor {
            before: split,
            price: scaled(ONE, 1, 2),
            volume: 2 * ONE,
        }];
        let before = adjust(&bar, &factors, true);
        assert_eq!(
            (before.open, before.close),
            (Money(44_000_000), Money(44_495_000))
        );
        assert_eq!(before.volume, 202);
        let after = Bar { time: split, ..bar };
        assert_eq!(adjust(&after, &factors, true), after);
    }
}
