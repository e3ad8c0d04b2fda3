//! spec/master/assets/store/bars.md · 3.1.6 (past values)
//!
//! Bars as rows, and as days and months.

use super::{AssetId, StoreResult};
use crate::model::{Bar, Money, Timestamp};
use rusqlite::{CachedStatement, Row, Transaction, params};

/// Numbers of updates and volumes fit; what cannot is a damaged database, read as 0.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads `time, open, high, low, close, volume`.
pub(in crate::master::assets) fn bar_of(row: &Row<'_>) -> StoreResult<Bar> {
    Ok(Bar {
        time: Timestamp(row.get(0)?),
        open: Money(row.get(1)?),
        high: Money(row.get(2)?),
        low: Money(row.get(3)?),
        close: Money(row.get(4)?),
        volume: unsigned(row.get(5)?),
    })
}

/// Fills `?1` with a key and the rest with a bar.
pub(super) fn put(statement: &mut CachedStatement<'_>, key: i64, bar: &Bar) -> StoreResult<usize> {
    statement.execute(params![
        key,
        bar.time.0,
        bar.open.0,
        bar.high.0,
        bar.low.0,
        bar.close.0,
        signed(bar.volume)
    ])
}

/// What a bar's time becomes in a roll-up: the start of its period.
pub(in crate::master::assets) type BarPeriod = fn(Timestamp) -> Timestamp;

/// The two roll-ups.
pub(in crate::master::assets) const ROLL_UPS: [(&str, BarPeriod); 2] =
    [("bars_daily", Timestamp::day), ("bars_monthly", Timestamp::month)];

/// Puts bars together that fall into one period; they come in order of time.
pub(in crate::master::assets) fn roll_up(bars: impl IntoIterator<Item = Bar>, period: BarPeriod) -> Vec<Bar> {
    let mut rolled: Vec<Bar> = Vec::new();
    for mut bar in bars {
        bar.time = period(bar.time);
        match rolled.last_mut() {
            Some(last) if last.time == bar.time => last.merge(&bar),
            _ => rolled.push(bar),
        }
    }
    rolled
}

/// Whether a bar is rolled up: the provider's own day does not need it.
pub(in crate::master::assets) fn counts(bar: &Bar, own: Option<Timestamp>) -> bool {
    own.is_none_or(|own| bar.time.day() > own)
}

/// Stores one asset's bars, which are all later than what `bars` holds of it, and rolls up those of days
/// after `own`.
pub(super) fn absorb(
    tx: &Transaction<'_>,
    asset: AssetId,
    bars: &[Bar],
    own: Option<Timestamp>,
) -> StoreResult<()> {
    let mut insert = tx.prepare_cached("INSERT INTO bars VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for bar in bars {
        put(&mut insert, asset.0, bar)?;
    }
    for (table, period) in ROLL_UPS {
        let mut merge = tx.prepare_cached(&format!(
            "INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (asset, time) DO UPDATE SET high = max(high, excluded.high),
             low = min(low, excluded.low), close = excluded.close,
             volume = min(volume, 9223372036854775807 - excluded.volume) + excluded.volume"
        ))?;
        let ours = bars.iter().copied().filter(|bar| counts(bar, own));
        for bar in roll_up(ours, period) {
            put(&mut merge, asset.0, &bar)?;
        }
    }
    Ok(())
}

/// Stores whole days as they were, whatever was there, and rolls the months they lie in up again.
pub(super) fn set_days(tx: &Transaction<'_>, asset: AssetId, days: &[Bar]) -> StoreResult<()> {
    let mut replace =
        tx.prepare_cached("INSERT OR REPLACE INTO bars_daily VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for bar in days {
        let day = Bar {
            time: bar.time.day(),
            ..*bar
        };
        put(&mut replace, asset.0, &day)?;
    }
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Ok(());
    };
    let mut read = tx.prepare_cached(
        "SELECT time, open, high, low, close, volume FROM bars_daily
         WHERE asset = ?1 AND time >= ?2 AND time < ?3 ORDER BY time",
    )?;
    let end = last.time.month().plus_days(31).plus_days(1).month();
    let all: Vec<Bar> = read
        .query_map(params![asset.0, first.time.month().0, end.0], bar_of)?
        .collect::<StoreResult<_>>()?;
    let mut month =
        tx.prepare_cached("INSERT OR REPLACE INTO bars_monthly VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for bar in roll_up(all, Timestamp::month) {
        put(&mut month, asset.0, &bar)?;
    }
    Ok(())
}
