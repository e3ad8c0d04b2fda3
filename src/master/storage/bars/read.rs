//! spec/master/storage/bars/read.md · 3.1.6 (past values)
//!
//! The stored bars, as they are read: through a connection of its own, so that no question waits
//! for an update that is being written, and none sees what is not published yet.

use super::super::sqlite::signed;
use super::super::{Reader, Snapshot, SqliteTransaction, StorageError};
use super::AssetId;
use super::rows::{BarPeriod, ROLL_UPS, bar_of, counts, roll_up};
use crate::model::{Bar, Symbol, Timestamp};
use rusqlite::{OptionalExtension, params};
use std::collections::HashMap;
use std::sync::Arc;

/// Reads the stored bars.
#[derive(Debug)]
pub struct BarReader {
    reader: Reader,
    assets: Arc<HashMap<Symbol, AssetId>>,
}

/// The stored bars at one moment: whatever is written meanwhile is not seen.
#[derive(Debug)]
pub struct BarSnapshot<'a> {
    snapshot: Snapshot<'a>,
    /// Updates that have not been moved yet and are published: from `.0` up to and without `.1`.
    hot: (i64, i64),
    /// The asset that was asked for last, with its bars that have not been moved yet.
    last: Option<(AssetId, Arc<[Bar]>)>,
}

impl BarReader {
    /// Reads the bars of these assets.
    pub fn new(reader: Reader, assets: Arc<HashMap<Symbol, AssetId>>) -> BarReader {
        BarReader { reader, assets }
    }

    /// The number of a listed asset.
    pub fn id(&self, symbol: &Symbol) -> Option<AssetId> {
        self.assets.get(symbol).copied()
    }

    /// What is stored now, up to and with the update of this number.
    ///
    /// # Errors
    /// The database.
    pub fn view(&mut self, number: u64) -> Result<BarSnapshot<'_>, StorageError> {
        let mut snapshot = self.reader.snapshot()?;
        let (first, end) = snapshot.hot_updates()?;
        let published = signed(number).saturating_add(1);
        Ok(BarSnapshot {
            snapshot,
            hot: (first, end.min(published)),
            last: None,
        })
    }
}

impl Snapshot<'_> {
    /// One asset's bars in the updates from the first up to and without the second, in order of
    /// time.
    fn hot_bars(&mut self, asset: AssetId, hot: (i64, i64)) -> Result<Vec<Bar>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut read = sqlite.prepare_cached(
            "SELECT time, open, high, low, close, volume FROM bars_hot WHERE number = ?1 AND asset = ?2",
        )?;
        let mut bars = Vec::new();
        for number in hot.0..hot.1 {
            let mut rows = read.query(params![number, asset.0])?;
            if let Some(row) = rows.next()? {
                bars.push(bar_of(row)?);
            }
        }
        Ok(bars)
    }

    /// Up to which day an asset's days are a provider's own.
    fn own_days_of(&mut self, asset: AssetId) -> Result<Option<Timestamp>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let own = sqlite
            .prepare_cached("SELECT filled_to FROM assets WHERE id = ?1 AND own_days = 1")?
            .query_row([asset.0], |row| row.get::<_, Option<i64>>(0))
            .optional()?;
        Ok(own.flatten().map(Timestamp))
    }

    /// An asset's bars of a table from `from` to `to`, both included, oldest first.
    fn bars_between(
        &mut self,
        table: &str,
        asset: AssetId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Bar>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut read = sqlite.prepare_cached(&format!(
            "SELECT time, open, high, low, close, volume FROM {table}
             WHERE asset = ?1 AND time >= ?2 AND time <= ?3 ORDER BY time"
        ))?;
        let rows = read.query_map(params![asset.0, from.0, to.0], bar_of)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// An asset's newest bar of a table.
    fn newest_bar(&mut self, table: &str, asset: AssetId) -> Result<Option<Bar>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut read = sqlite.prepare_cached(&format!(
            "SELECT time, open, high, low, close, volume FROM {table}
             WHERE asset = ?1 ORDER BY time DESC LIMIT 1"
        ))?;
        Ok(read.query_row([asset.0], bar_of).optional()?)
    }
}

impl BarSnapshot<'_> {
    /// One asset's bars that have not been moved yet, in order of time.
    fn hot_bars(&mut self, asset: AssetId) -> Result<Arc<[Bar]>, StorageError> {
        if let Some((last, bars)) = &self.last
            && *last == asset
        {
            return Ok(Arc::clone(bars));
        }
        let bars: Arc<[Bar]> = self.snapshot.hot_bars(asset, self.hot)?.into();
        self.last = Some((asset, Arc::clone(&bars)));
        Ok(bars)
    }

    /// Bars at the update interval's frequency, from `from` to `to`, both included, oldest first.
    ///
    /// # Errors
    /// The database.
    pub fn ticks(
        &mut self,
        asset: AssetId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Bar>, StorageError> {
        let mut bars = self.snapshot.bars_between("bars", asset, from, to)?;
        let hot = self.hot_bars(asset)?;
        bars.extend(hot.iter().filter(|bar| bar.time >= from && bar.time <= to));
        Ok(bars)
    }

    /// Daily bars whose day begins from `from` to `to`, both included, oldest first.
    ///
    /// # Errors
    /// The database.
    pub fn days(&mut self, asset: AssetId, from: Timestamp, to: Timestamp) -> Result<Vec<Bar>, StorageError> {
        self.rolled(ROLL_UPS[0], asset, from, to)
    }

    /// Monthly bars whose month begins from `from` to `to`, both included, oldest first.
    ///
    /// # Errors
    /// The database.
    pub fn months(
        &mut self,
        asset: AssetId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Bar>, StorageError> {
        self.rolled(ROLL_UPS[1], asset, from, to)
    }

    fn rolled(
        &mut self,
        (table, period): (&str, BarPeriod),
        asset: AssetId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Bar>, StorageError> {
        let moved = self.snapshot.bars_between(table, asset, from, to)?;
        let own = self.snapshot.own_days_of(asset)?;
        let hot = self.hot_bars(asset)?;
        let hot = hot.iter().copied().filter(|bar| {
            let start = period(bar.time);
            start >= from && start <= to && counts(bar, own)
        });
        // Hot bars are later than moved ones, so the joined list is in order.
        Ok(roll_up(moved.into_iter().chain(hot), period))
    }

    /// An asset's newest bar, and its day's bar so far. A back-filled day serves where there is
    /// nothing finer.
    ///
    /// # Errors
    /// The database.
    pub fn newest(&mut self, asset: AssetId) -> Result<Option<(Bar, Bar)>, StorageError> {
        let mut latest = self.snapshot.newest_bar("bars_daily", asset)?;
        // A bar is the later of two even where a day's bar has the same midnight: it says more.
        for bar in [
            self.snapshot.newest_bar("bars", asset)?,
            self.hot_bars(asset)?.last().copied(),
        ]
        .into_iter()
        .flatten()
        {
            if latest.is_none_or(|latest| bar.time >= latest.time) {
                latest = Some(bar);
            }
        }
        let Some(bar) = latest else {
            return Ok(None);
        };
        let day = self.days(asset, bar.time.day(), bar.time.day())?;
        Ok(Some((bar, day.last().copied().unwrap_or(bar))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BarStore, UpdatePosition};
    use super::*;
    use crate::master::storage::testing::each_engine;
    use crate::model::Money;

    #[test]
    fn a_view_is_of_one_moment_and_of_what_is_published() {
        each_engine(|engine| {
            let mut store = BarStore::open(engine.storage(), None).unwrap();
            let symbol = Symbol::parse("A").unwrap();
            store.set_assets(&[symbol]).unwrap();
            let id = store.id(&symbol).unwrap();
            let mut reader = BarReader::new(engine.reader(), store.ids());
            let mut commit = |number: u64| {
                let price = Money(100);
                let time = Timestamp(i64::try_from(number).unwrap() * 1000);
                let bar = Bar {
                    time,
                    open: price,
                    high: price,
                    low: price,
                    close: price,
                    volume: 1,
                };
                let position = UpdatePosition {
                    number,
                    time: Some(time),
                    exhausted: false,
                };
                store.commit(&position, &[(symbol, bar)], &[]).unwrap();
            };
            commit(1);
            commit(2);
            let count =
                |view: &mut BarSnapshot<'_>| view.ticks(id, Timestamp(0), Timestamp(i64::MAX)).unwrap().len();
            assert_eq!(
                count(&mut reader.view(1).unwrap()),
                1,
                "2 is committed and not published"
            );
            let mut view = reader.view(2).unwrap();
            commit(3);
            assert_eq!(count(&mut view), 2);
            drop(view);
            let mut view = reader.view(3).unwrap();
            assert_eq!(count(&mut view), 3);
            let day = view.newest(id).unwrap().unwrap().1;
            assert_eq!((day.volume, day.time), (3, Timestamp(0)));
        });
    }
}
