//! spec/master/assets/forecast.md · 4.2.2 (get predicted future asset value)
//!
//! A predicted value with a 95 % interval: a random walk whose spread follows the asset's recent
//! volatility, with the tails of the asset's own history.

use super::adjust;
use crate::master::storage::StorageError;
use crate::master::storage::bars::AssetId;
use crate::master::storage::bars::read::BarSnapshot;
use crate::model::Action;
use crate::model::money::MILLIONTHS_MAX;
use crate::model::timestamp::DAY;
use crate::model::{Bar, Money, Timestamp};
use crate::wire::payload::Forecast;

/// Name of the method, part of every forecast.
pub const METHOD: &str = "random walk, EWMA volatility 0.97, filtered historical tails, 95 %";

/// Fewest daily bars for a forecast.
pub const BARS_MIN: usize = 60;

/// Most daily bars used, some ten years.
pub const BARS_MAX: usize = 2600;

/// Daily bars over which the share of trading days is computed.
const YEAR_BARS: usize = 260;

/// An estimate for a horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForecastEstimate {
    /// Expected value.
    pub value: Money,
    /// Lower end of the 95 % interval.
    pub low: Money,
    /// Upper end.
    pub high: Money,
}

/// The daily bars for a forecast, adjusted, oldest first, at most [`BARS_MAX`].
///
/// # Errors
/// The database fails.
pub fn past(
    view: &mut BarSnapshot<'_>,
    asset: AssetId,
    last: Timestamp,
    actions: &[Action],
) -> Result<Vec<Bar>, StorageError> {
    let from = last
        .day()
        .plus_days(-(i64::try_from(BARS_MAX).unwrap_or(i64::MAX) * 7 / 5));
    let mut bars = adjust::days(view, asset, from, last.day(), actions)?;
    let surplus = bars.len().saturating_sub(BARS_MAX);
    bars.drain(..surplus);
    Ok(bars)
}

/// The forecast for a date after the last bar's time; `None` with too little history.
pub fn forecast(days: &[Bar], last: Timestamp, date: Timestamp) -> Option<Forecast> {
    let closes: Vec<Money> = days.iter().map(|bar| bar.close).collect();
    let estimate = estimate(&closes, bars_ahead(days, last, date))?;
    Some(Forecast {
        method: METHOD.to_owned(),
        time: date,
        value: estimate.value,
        low: estimate.low,
        high: estimate.high,
    })
}

/// The number of daily bars until `date`, from the share of days that had a bar in the last year.
fn bars_ahead(days: &[Bar], last: Timestamp, date: Timestamp) -> usize {
    let year = &days[days.len().saturating_sub(YEAR_BARS)..];
    let (Some(first), Some(newest)) = (year.first(), year.last()) else {
        return 1;
    };
    let calendar = newest.time.since(first.time) / DAY;
    let ahead = date.since(last).div_euclid(DAY) + i64::from(date.since(last).rem_euclid(DAY) != 0);
    let bars = i64::try_from(year.len() - 1).unwrap_or(i64::MAX);
    let share = i128::from(ahead) * i128::from(bars);
    let rounded = (share + i128::from(calendar) / 2) / i128::from(calendar.max(1));
    usize::try_from(rounded).unwrap_or(usize::MAX).max(1)
}

pub use statistics::estimate;

/// Arithmetic with logarithms and roots. Results are rounded to [`Money`].
#[allow(
    clippy::float_arithmetic,
    reason = "volatility is made of logarithms and roots; no amount of money is computed here, only an estimate"
)]
mod statistics {
    use super::{BARS_MIN, ForecastEstimate, MILLIONTHS_MAX, Money};

    /// Weight of the previous variance (RiskMetrics' value for monthly horizons).
    const DECAY: f64 = 0.97;
    /// Returns that initialise the variance.
    const WARM_UP_BARS: usize = 30;
    /// Past outcomes needed to use their tails instead of the normal distribution's.
    const OUTCOMES_MIN: usize = 100;
    /// Spread without enough outcomes: the normal distribution's 97.5 % point, widened for fat
    /// tails.
    const SPREAD_DEFAULT: f64 = 2.24;
    /// Narrowest spread: a calm past guarantees nothing.
    const SPREAD_MIN: f64 = 1.6;
    /// Least volatility per bar: a price that never moved may still move.
    const VOLATILITY_MIN: f64 = 1e-4;
    /// Upper quantile.
    const UPPER_QUANTILE: f64 = 0.975;

    /// Estimates the value `ahead` bars after the last close; `None` with fewer than [`BARS_MIN`].
    pub fn estimate(closes: &[Money], ahead: usize) -> Option<ForecastEstimate> {
        if closes.len() < BARS_MIN {
            return None;
        }
        let logs: Vec<f64> = closes
            .iter()
            .map(|close| (close.0.max(1) as f64).ln())
            .collect();
        let spreads = spreads(&logs);
        let root = (ahead as f64).sqrt();
        let mut outcomes: Vec<f64> = (WARM_UP_BARS..logs.len().saturating_sub(ahead))
            .map(|at| (logs[at + ahead] - logs[at]) / (spreads[at] * root))
            .collect();
        let (down, up) = tails(&mut outcomes);
        let last = closes.last()?.0 as f64;
        let spread = spreads.last()? * root;
        let money = |value: f64| Money(value.round().clamp(1.0, MILLIONTHS_MAX as f64) as i64);
        Some(ForecastEstimate {
            value: money(last),
            low: money(last * (-down * spread).exp()),
            high: money(last * (up * spread).exp()),
        })
    }

    /// Volatility per bar, as known at each close.
    fn spreads(logs: &[f64]) -> Vec<f64> {
        let begin = &logs[..logs.len().min(WARM_UP_BARS)];
        let count = begin.len().saturating_sub(1).max(1) as f64;
        let mut variance = begin
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).powi(2))
            .sum::<f64>()
            / count;
        let mut spreads = vec![variance.sqrt().max(VOLATILITY_MIN); begin.len()];
        for pair in logs.windows(2).skip(begin.len().saturating_sub(1)) {
            variance = DECAY * variance + (1.0 - DECAY) * (pair[1] - pair[0]).powi(2);
            spreads.push(variance.sqrt().max(VOLATILITY_MIN));
        }
        spreads
    }

    /// Quantiles of past outcomes in spreads, down and up, with 2.5 % of the outcomes beyond each.
    fn tails(outcomes: &mut [f64]) -> (f64, f64) {
        if outcomes.len() < OUTCOMES_MIN {
            return (SPREAD_DEFAULT, SPREAD_DEFAULT);
        }
        outcomes.sort_by(f64::total_cmp);
        let place = |share: f64| ((outcomes.len() - 1) as f64 * share).round() as usize;
        let down = -outcomes[place(1.0 - UPPER_QUANTILE)];
        let up = outcomes[place(UPPER_QUANTILE)];
        (down.max(SPREAD_MIN), up.max(SPREAD_MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(count: i64, close: impl Fn(i64) -> i64) -> Vec<Bar> {
        let first = Timestamp::parse("2010-01-04").unwrap();
        // Five days of seven.
        let dates = (0..)
            .map(|n| first.plus_days(n))
            .filter(|day| day.0 / DAY % 7 < 5);
        dates
            .take(usize::try_from(count).unwrap())
            .zip(0..)
            .map(|(time, n)| {
                let price = Money(close(n));
                Bar {
                    time,
                    open: price,
                    high: price,
                    low: price,
                    close: price,
                    volume: 0,
                }
            })
            .collect()
    }

    #[test]
    fn too_little_history_gives_no_forecast() {
        let few = days(59, |_| 1_000_000);
        let last = *few.last().unwrap();
        assert_eq!(forecast(&few, last.time, last.time.plus_days(10)), None);
    }

    #[test]
    fn the_interval_grows_with_time_and_volatility() {
        let noise = |n: i64| (n * 7919 % 101) - 50;
        let calm = days(500, |n| 100_000_000 + noise(n) * 10_000);
        let wild = days(500, |n| 100_000_000 + noise(n) * 100_000);
        let width = |days: &[Bar], ahead: i64| {
            let last = days.last().unwrap();
            let forecast = forecast(days, last.time, last.time.plus_days(ahead)).unwrap();
            assert!(forecast.low < forecast.value && forecast.value < forecast.high);
            assert_eq!(forecast.value, last.close);
            forecast.high.0 - forecast.low.0
        };
        assert!(width(&calm, 28) > width(&calm, 1));
        assert!(width(&wild, 28) > 3 * width(&calm, 28));
    }

    #[test]
    fn extremes_stay_within_the_limits_of_values() {
        let wild = days(200, |n| if n % 2 == 0 { 1 } else { MILLIONTHS_MAX });
        let last = wild.last().unwrap();
        let forecast = forecast(&wild, last.time, Timestamp::parse("9999-12-31").unwrap()).unwrap();
        assert!(forecast.low >= Money(1) && forecast.high <= Money(MILLIONTHS_MAX));
        let still = days(200, |_| 5_000_000);
        let last = still.last().unwrap();
        let next = super::forecast(&still, last.time, last.time.plus_days(1)).unwrap();
        assert!(
            next.low < next.value && next.value < next.high,
            "still is not certain"
        );
    }

    #[test]
    fn bars_ahead_are_counted_by_the_calendar_of_the_past() {
        let days = days(300, |_| 1_000_000);
        let last = days.last().unwrap().time;
        assert_eq!(bars_ahead(&days, last, last.plus_days(28)), 20);
        assert_eq!(bars_ahead(&days, last, Timestamp(last.0 + 1)), 1);
        assert_eq!(bars_ahead(&days[..1], last, last.plus_days(3)), 1);
    }
}
