//! spec/master/storage/bars.md · 3.1.6 (past values)
//!
//! Reads and writes the rows of assets and bars, and rolls bars up into days and months.
//!
//! Tests: `src/master/storage/bars/tests.rs`.

use super::super::engine::{
    EngineResult, Param, Parameters, Row, RowsSql, Sql, params, signed, unsigned,
};
use super::super::ledger::{ACTION_COLUMNS, action, action_terms, symbol};
use super::super::{Snapshot, StorageError, Tx};
use super::tables::{
    DELETE_BEFORE, INSERT_ASSET, INSERT_BAR, INSERT_HOT, MERGE_DAY, MERGE_MONTH,
    SET_ASSETS_POSITION, SET_DAY, SET_MONTH,
};
use super::{AssetId, BackfillProgress, BarPage, UpdatePosition};
use crate::model::{Action, Bar, Money, Resolution, Symbol, Timestamp};
use std::collections::{HashMap, HashSet};

/// Bars that one statement inserts.
const ROWS_MAX: usize = 32;

/// Reads a bar from the columns `time, open, high, low, close, volume`.
pub(super) fn bar_of(row: &Row<'_>) -> EngineResult<Bar> {
    Ok(Bar {
        time: Timestamp(row.get(0)?),
        open: Money(row.get(1)?),
        high: Money(row.get(2)?),
        low: Money(row.get(3)?),
        close: Money(row.get(4)?),
        volume: unsigned(row.get(5)?),
    })
}

/// The columns of bars of one asset, as the parameters of one statement.
struct BarRows<'a>(AssetId, &'a [Bar]);

impl Parameters for BarRows<'_> {
    fn each<'a>(&'a self, bind: &mut dyn FnMut(Param<'a>) -> EngineResult<()>) -> EngineResult<()> {
        let BarRows(asset, bars) = self;
        for bar in *bars {
            bind(Param::Integer(asset.0))?;
            bind(Param::Integer(bar.time.0))?;
            bind(Param::Integer(bar.open.0))?;
            bind(Param::Integer(bar.high.0))?;
            bind(Param::Integer(bar.low.0))?;
            bind(Param::Integer(bar.close.0))?;
            bind(Param::Integer(signed(bar.volume)))?;
        }
        Ok(())
    }
}

/// The parameters of one row in the statements of bars.
const ROW: &str = "(?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// Inserts bars of one asset; for SQLite many in a statement: most of the time of an insert is its
/// statement's.
fn put_all(
    database: &Snapshot<'_>,
    sql: &'static RowsSql,
    asset: AssetId,
    bars: &[Bar],
) -> EngineResult<()> {
    let (whole, rest) = if database.takes_arrays() {
        (&[][..], bars)
    } else {
        bars.as_chunks::<ROWS_MAX>()
    };
    if !whole.is_empty() {
        let rows = ["(?, ?, ?, ?, ?, ?, ?)"].repeat(ROWS_MAX).join(", ");
        let mut insert = database.prepare_cached(&sql.one.replace(ROW, &rows))?;
        for rows in whole {
            insert.execute(BarRows(asset, rows))?;
        }
    }
    if rest.is_empty() {
        return Ok(());
    }
    let mut insert = database.writer(sql)?;
    rest.iter()
        .try_for_each(|bar| insert.put(BarRows(asset, std::slice::from_ref(bar))))
}

/// Finds the rows of a range of [`update_ranges`], of which SQLite's has one update.
pub(super) const UPDATES_OF_RANGE: Sql = Sql {
    sqlite: "number = ?1",
    postgres: "number BETWEEN ?1 AND ?2",
};

/// The ranges of updates that one statement each reads or deletes: all of them for an engine across a
/// network, one after the other for SQLite, which finds some assets' rows of one update side by side.
pub(super) fn update_ranges(
    database: &Snapshot<'_>,
    (from, to): (i64, i64),
) -> impl Iterator<Item = (i64, i64)> + use<> {
    let (step, ranges) = match (from <= to, database.takes_arrays()) {
        (false, _) => (0, from..from),
        (true, true) => (to - from, from..from + 1),
        (true, false) => (0, from..to + 1),
    };
    ranges.map(move |number| (number, number + step))
}

/// Maps a bar's time to the start of its period.
pub(super) type BarPeriod = fn(Timestamp) -> Timestamp;

/// The two roll-ups: table and period.
pub(super) const ROLL_UPS: [(&str, BarPeriod); 2] = [
    ("bars_daily", Timestamp::day),
    ("bars_monthly", Timestamp::month),
];

/// Merges bars that fall into one period. The bars must be in order of time.
pub fn roll_up(bars: impl IntoIterator<Item = Bar>, period: BarPeriod) -> Vec<Bar> {
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

/// Whether a bar is rolled up. Bars of days that the provider gave itself are not.
pub(super) fn is_rolled_up(bar: &Bar, own: Option<Timestamp>) -> bool {
    own.is_none_or(|own| bar.time.day() > own)
}

impl Snapshot<'_> {
    /// Range of updates in `bars_hot`: from the first up to but excluding the second.
    pub(super) fn hot_updates(&mut self) -> Result<(i64, i64), StorageError> {
        let database = &*self;
        // Two queries, since SQLite answers each with one index look-up, but both together with a
        // scan.
        let mut statement = database.prepare_cached(
            "SELECT (SELECT min(number) FROM bars_hot), (SELECT max(number) + 1 FROM bars_hot)",
        )?;
        statement.query_row([], |row| {
            let (first, end): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
            Ok((first.unwrap_or(0), end.unwrap_or(0)))
        })
    }

    /// The assets that have bars in `bars_hot`.
    pub(super) fn hot_assets(&mut self) -> Result<Vec<AssetId>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare("SELECT DISTINCT asset FROM bars_hot")?;
        let rows = statement.query_map([], |row| row.get(0).map(AssetId))?;
        rows.collect()
    }

    /// The last day that a provider gave itself, by asset.
    pub(super) fn own_days(&mut self) -> Result<HashMap<AssetId, Timestamp>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare(
            "SELECT id, filled_to FROM assets WHERE own_days = 1 AND filled_to IS NOT NULL",
        )?;
        let rows =
            statement.query_map([], |row| Ok((AssetId(row.get(0)?), Timestamp(row.get(1)?))))?;
        rows.collect()
    }

    /// All assets that were ever listed.
    pub(super) fn known_assets(&mut self) -> Result<Vec<Symbol>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare("SELECT symbol FROM assets")?;
        let rows = statement.query_map([], |row| row.get::<String>(0))?;
        let names = rows.collect::<EngineResult<Vec<_>>>()?;
        Ok(names
            .iter()
            .filter_map(|name| Symbol::parse(name).ok())
            .collect())
    }

    /// The assets module's position in the sequence of updates.
    ///
    /// # Errors
    /// The database fails.
    pub fn update_position(&mut self) -> Result<UpdatePosition, StorageError> {
        let database = &*self;
        let sql = "SELECT number, time, exhausted FROM assets_position";
        database.query_row(sql, [], |row| {
            Ok(UpdatePosition {
                number: unsigned(row.get(0)?),
                time: row.get::<Option<i64>>(1)?.map(Timestamp),
                exhausted: row.get(2)?,
            })
        })
    }

    /// The latest terms of all actions that have come into force, each with its update, by time.
    pub(super) fn actions(&mut self) -> Result<Vec<(u64, Action)>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare(&format!(
            "SELECT {ACTION_COLUMNS} FROM actions AS latest
             WHERE number = (SELECT max(number) FROM actions
                 WHERE symbol = latest.symbol AND id = latest.id)
             ORDER BY time, kind, symbol, id"
        ))?;
        let rows = statement.query_map([], action)?;
        rows.collect()
    }

    /// How much of an asset's past has been back-filled.
    pub(super) fn backfill(&mut self, asset: AssetId) -> Result<BackfillProgress, StorageError> {
        let database = &*self;
        let mut statement =
            database.prepare_cached("SELECT filled_to, filled FROM assets WHERE id = ?1")?;
        statement.query_row([asset.0], |row| {
            Ok(BackfillProgress {
                to: row.get::<Option<i64>>(0)?.map(Timestamp),
                whole: row.get(1)?,
            })
        })
    }

    /// The bars of the assets `first` to `last` in the updates `from` to `to` of `bars_hot`, by
    /// asset, then by time.
    pub(super) fn hot_bars_between(
        &mut self,
        (from, to): (i64, i64),
        (first, last): (AssetId, AssetId),
    ) -> Result<Vec<(AssetId, Bar)>, StorageError> {
        let database = &*self;
        let updates = database.either(UPDATES_OF_RANGE);
        let mut statement = database.prepare_cached(&format!(
            "SELECT time, open, high, low, close, volume, asset FROM bars_hot
             WHERE {updates} AND asset BETWEEN ?3 AND ?4 ORDER BY number"
        ))?;
        let mut bars: Vec<(AssetId, Bar)> = Vec::new();
        let read = |row: &Row<'_>| Ok((AssetId(row.get(6)?), bar_of(row)?));
        for range in update_ranges(database, (from, to)) {
            let values = params![range.0, range.1, first.0, last.0];
            for bar in statement.query_map(values, read)? {
                bars.push(bar?);
            }
        }
        // A stable sort: an asset's bars stay in the order of their updates, which is that of time.
        bars.sort_by_key(|(asset, _)| *asset);
        Ok(bars)
    }
}

impl Tx<'_> {
    /// Gives each new asset a permanent key, and returns the keys.
    pub(super) fn number_assets(
        &mut self,
        symbols: &[Symbol],
    ) -> Result<HashMap<Symbol, AssetId>, StorageError> {
        let database = &self.snapshot;
        let mut add = database.writer(&INSERT_ASSET)?;
        for symbol in symbols {
            add.put([symbol.as_str()])?;
        }
        let mut read = database.prepare("SELECT symbol, id FROM assets")?;
        let mut rows = read.query([])?;
        let wanted: HashSet<&str> = symbols.iter().map(Symbol::as_str).collect();
        let mut assets = HashMap::with_capacity(symbols.len());
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            if wanted.contains(name.as_str()) {
                assets.insert(symbol(&name)?, AssetId(row.get(1)?));
            }
        }
        Ok(assets)
    }

    /// Stores an update's bars in `bars_hot`, each with whether it is too old to fill orders.
    pub(super) fn insert_hot_bars(
        &mut self,
        number: u64,
        bars: &[(AssetId, &Bar, bool)],
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let mut insert = database.writer(&INSERT_HOT)?;
        let number = signed(number);
        for (id, bar, is_stale) in bars {
            insert.put(params![
                id.0,
                number,
                bar.time.0,
                bar.open.0,
                bar.high.0,
                bar.low.0,
                bar.close.0,
                signed(bar.volume),
                is_stale
            ])?;
        }
        Ok(())
    }

    /// Stores actions that are in force from this update on. Actions that are already stored stay
    /// unchanged.
    pub(super) fn insert_actions(
        &mut self,
        actions: &[Action],
        number: u64,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let mut insert = database.prepare_cached(
            "INSERT INTO actions (symbol, time, kind, numerator, denominator, number, id, late,
             target, cash, in_lieu, in_lieu_update)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT DO NOTHING",
        )?;
        for action in actions {
            let Some(id) = action.id else { continue };
            let (numerator, denominator, cash) = action_terms(action.kind);
            insert.execute(params![
                action.symbol.as_str(),
                action.time.0,
                action.kind.number(),
                numerator,
                denominator,
                signed(number),
                id.as_str(),
                action.is_late,
                action.kind.target().as_ref().map(Symbol::as_str),
                cash,
                action.in_lieu.map(|price| price.value.0),
                action.in_lieu.map(|price| signed(price.update)),
            ])?;
        }
        Ok(())
    }

    /// Stores the prices of fractions of actions whose latest terms are stored without one.
    pub(super) fn set_in_lieu(&mut self, actions: &[Action]) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let mut update = database.prepare_cached(
            "UPDATE actions SET in_lieu = ?3, in_lieu_update = ?4
             WHERE symbol = ?1 AND id = ?2 AND in_lieu IS NULL
                AND number = (SELECT max(number) FROM actions WHERE symbol = ?1 AND id = ?2)",
        )?;
        for action in actions {
            let (Some(id), Some(price)) = (action.id, action.in_lieu) else {
                continue;
            };
            update.execute(params![
                action.symbol.as_str(),
                id.as_str(),
                price.value.0,
                signed(price.update)
            ])?;
        }
        Ok(())
    }

    /// Stores the assets module's position.
    pub(super) fn set_update_position(
        &mut self,
        position: &UpdatePosition,
    ) -> Result<(), StorageError> {
        let (number, time) = (signed(position.number), position.time.map(|time| time.0));
        let row = params![number, time, position.exhausted];
        self.snapshot.put(&SET_ASSETS_POSITION, row)
    }

    /// Stores an asset's back-fill progress after this page.
    pub(super) fn set_backfill(&mut self, page: &BarPage) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let own_days = page.resolution == Resolution::Day;
        database
            .prepare_cached(
                "UPDATE assets SET filled_to = coalesce(?2, filled_to), filled = ?3, own_days = ?4 WHERE id = ?1",
            )?
            .execute(params![
                page.asset.0,
                page.to.map(|to| to.0),
                page.whole,
                own_days
            ])?;
        Ok(())
    }

    /// Stores bars of one asset, all later than those in `bars`, and rolls up the bars of days
    /// after `own`.
    pub(super) fn append_bars(
        &mut self,
        asset: AssetId,
        bars: &[Bar],
        own: Option<Timestamp>,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        put_all(database, &INSERT_BAR, asset, bars)?;
        for (merge, (_, period)) in [&MERGE_DAY, &MERGE_MONTH].into_iter().zip(ROLL_UPS) {
            let ours = bars.iter().copied().filter(|bar| is_rolled_up(bar, own));
            put_all(database, merge, asset, &roll_up(ours, period))?;
        }
        Ok(())
    }

    /// Stores whole days in place of existing ones, and rolls up their months again.
    pub(super) fn set_days(&mut self, asset: AssetId, days: &[Bar]) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let midnights = days.iter().map(|bar| Bar {
            time: bar.time.day(),
            ..*bar
        });
        replace(database, &SET_DAY, asset, midnights)?;
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            return Ok(());
        };
        let mut read = database.prepare_cached(
            "SELECT time, open, high, low, close, volume FROM bars_daily
             WHERE asset = ?1 AND time >= ?2 AND time < ?3 ORDER BY time",
        )?;
        let end = last.time.month().plus_days(31).plus_days(1).month();
        let all: Vec<Bar> = read
            .query_map(params![asset.0, first.time.month().0, end.0], bar_of)?
            .collect::<EngineResult<_>>()?;
        replace(database, &SET_MONTH, asset, roll_up(all, Timestamp::month))
    }

    /// Deletes the bars of the assets `first` to `last` in the updates `from` to `to` of
    /// `bars_hot`.
    pub(super) fn delete_hot_bars(
        &mut self,
        (from, to): (i64, i64),
        (first, last): (AssetId, AssetId),
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let updates = database.either(UPDATES_OF_RANGE);
        let mut delete = database.prepare_cached(&format!(
            "DELETE FROM bars_hot WHERE {updates} AND asset BETWEEN ?3 AND ?4"
        ))?;
        for range in update_ranges(database, (from, to)) {
            delete.execute(params![range.0, range.1, first.0, last.0])?;
        }
        Ok(())
    }

    /// Deletes an asset's bars in `bars` that are older than `time`. Its days and months stay.
    pub(super) fn delete_bars_before(
        &mut self,
        asset: AssetId,
        time: Timestamp,
    ) -> Result<(), StorageError> {
        let row = params![asset.0, time.0];
        self.snapshot.put(&DELETE_BEFORE, row)
    }
}

/// Inserts or replaces rolled-up bars.
fn replace(
    database: &Snapshot<'_>,
    sql: &'static RowsSql,
    asset: AssetId,
    bars: impl IntoIterator<Item = Bar>,
) -> EngineResult<()> {
    let mut replace = database.writer(sql)?;
    bars.into_iter()
        .try_for_each(|bar| replace.put(BarRows(asset, &[bar])))
}
