//! spec/master/assets/reader.md · 3.1.6 (past values)
//!
//! The stored bars, as they are read: through a connection of its own, so that no question waits for an
//! update that is being written, and none sees what is not published yet.

use super::store::{AssetId, BarPeriod, ROLL_UPS, StoreResult, bar_of, counts, roll_up};
use crate::model::{Bar, Symbol, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A reader waits this long at most, which it only does while the database is being recovered.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the stored bars.
pub struct BarReader {
    database: Connection,
    assets: Arc<HashMap<Symbol, AssetId>>,
}

/// The stored bars at one moment: whatever is written meanwhile is not seen.
pub struct BarSnapshot<'a> {
    transaction: Transaction<'a>,
    /// Updates that have not been moved yet and are published: from `.0` up to and without `.1`.
    hot: (i64, i64),
    /// The asset that was asked for last, with its bars that have not been moved yet.
    last: RefCell<Option<(AssetId, Arc<[Bar]>)>>,
}

impl BarReader {
    /// A reader of the database at `path`, for these assets.
    ///
    /// # Errors
    /// The database.
    pub fn open(path: &str, assets: Arc<HashMap<Symbol, AssetId>>) -> StoreResult<BarReader> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(path, flags)?;
        database.busy_timeout(BUSY_TIMEOUT)?;
        database.pragma_update(None, "query_only", true)?;
        database.set_prepared_statement_cache_capacity(32);
        Ok(BarReader { database, assets })
    }

    /// The number of a listed asset.
    pub fn id(&self, symbol: &Symbol) -> Option<AssetId> {
        self.assets.get(symbol).copied()
    }

    /// What is stored now, up to and with the update of this number.
    ///
    /// # Errors
    /// The database.
    pub fn view(&self, number: u64) -> StoreResult<BarSnapshot<'_>> {
        let transaction = Transaction::new_unchecked(&self.database, TransactionBehavior::Deferred)?;
        let hot = transaction
            // Two questions, since SQLite answers each by one look into the key, and both together by a scan.
            .prepare_cached(
                "SELECT (SELECT min(number) FROM bars_hot), (SELECT max(number) + 1 FROM bars_hot)",
            )?
            .query_row([], |row| {
                Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
            })?;
        let published = i64::try_from(number).unwrap_or(i64::MAX).saturating_add(1);
        let (first, end) = (hot.0.unwrap_or(0), hot.1.unwrap_or(0));
        Ok(BarSnapshot {
            transaction,
            hot: (first, end.min(published)),
            last: RefCell::new(None),
        })
    }
}

impl BarSnapshot<'_> {
    /// One asset's bars that have not been moved yet, in order of time.
    fn hot_bars(&self, asset: AssetId) -> StoreResult<Arc<[Bar]>> {
        if let Some((last, bars)) = &*self.last.borrow()
            && *last == asset
        {
            return Ok(Arc::clone(bars));
        }
        let mut read = self.transaction.prepare_cached(
            "SELECT time, open, high, low, close, volume FROM bars_hot WHERE number = ?1 AND asset = ?2",
        )?;
        let mut bars = Vec::new();
        for number in self.hot.0..self.hot.1 {
            let mut rows = read.query(params![number, asset.0])?;
            if let Some(row) = rows.next()? {
                bars.push(bar_of(row)?);
            }
        }
        let bars: Arc<[Bar]> = bars.into();
        *self.last.borrow_mut() = Some((asset, Arc::clone(&bars)));
        Ok(bars)
    }

    /// Up to which day the days are a provider's own.
    fn own_days(&self, asset: AssetId) -> StoreResult<Option<Timestamp>> {
        let mut read = self
            .transaction
            .prepare_cached("SELECT filled_to FROM assets WHERE id = ?1 AND own_days = 1")?;
        let own = read
            .query_row([asset.0], |row| row.get::<_, Option<i64>>(0))
            .optional()?;
        Ok(own.flatten().map(Timestamp))
    }

    fn range(&self, table: &str, asset: AssetId, from: Timestamp, to: Timestamp) -> StoreResult<Vec<Bar>> {
        let mut read = self.transaction.prepare_cached(&format!(
            "SELECT time, open, high, low, close, volume FROM {table}
             WHERE asset = ?1 AND time >= ?2 AND time <= ?3 ORDER BY time"
        ))?;
        let rows = read.query_map(params![asset.0, from.0, to.0], bar_of)?;
        rows.collect()
    }

    /// Bars at the update interval's frequency, from `from` to `to`, both included, oldest first.
    ///
    /// # Errors
    /// The database.
    pub fn ticks(&self, asset: AssetId, from: Timestamp, to: Timestamp) -> StoreResult<Vec<Bar>> {
        let mut bars = self.range("bars", asset, from, to)?;
        let hot = self.hot_bars(asset)?;
        bars.extend(hot.iter().filter(|bar| bar.time >= from && bar.time <= to));
        Ok(bars)
    }

    /// Daily bars whose day begins from `from` to `to`, both included, oldest first.
    ///
    /// # Errors
    /// The database.
    pub fn days(&self, asset: AssetId, from: Timestamp, to: Timestamp) -> StoreResult<Vec<Bar>> {
        self.rolled(ROLL_UPS[0], asset, from, to)
    }

    /// Monthly bars whose month begins from `from` to `to`, both included, oldest first.
    ///
    /// # Errors
    /// The database.
    pub fn months(&self, asset: AssetId, from: Timestamp, to: Timestamp) -> StoreResult<Vec<Bar>> {
        self.rolled(ROLL_UPS[1], asset, from, to)
    }

    fn rolled(
        &self,
        (table, period): (&str, BarPeriod),
        asset: AssetId,
        from: Timestamp,
        to: Timestamp,
    ) -> StoreResult<Vec<Bar>> {
        let moved = self.range(table, asset, from, to)?;
        let own = self.own_days(asset)?;
        let hot = self.hot_bars(asset)?;
        let hot = hot.iter().copied().filter(|bar| {
            let start = period(bar.time);
            start >= from && start <= to && counts(bar, own)
        });
        // Hot bars are later than moved ones, so the joined list is in order.
        Ok(roll_up(moved.into_iter().chain(hot), period))
    }

    /// An asset's newest bar, and its day's bar so far. A back-filled day serves where there is nothing finer.
    ///
    /// # Errors
    /// The database.
    pub fn newest(&self, asset: AssetId) -> StoreResult<Option<(Bar, Bar)>> {
        let newest = |table: &str| {
            let mut read = self.transaction.prepare_cached(&format!(
                "SELECT time, open, high, low, close, volume FROM {table}
                 WHERE asset = ?1 ORDER BY time DESC LIMIT 1"
            ))?;
            let mut rows = read.query([asset.0])?;
            rows.next()?.map(bar_of).transpose()
        };
        let mut latest = newest("bars_daily")?;
        // A bar is the later of two even where a day's bar has the same midnight: it says more.
        for bar in [newest("bars")?, self.hot_bars(asset)?.last().copied()]
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
    use super::super::store::{BarStore, UpdatePosition};
    use super::*;
    use crate::model::Money;

    #[test]
    fn a_view_is_of_one_moment_and_of_what_is_published() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let database = Connection::open(&path).unwrap();
        database.pragma_update(None, "journal_mode", "WAL").unwrap();
        database
            .execute_batch(include_str!("../../../sql/sqlite/0002_assets.sql"))
            .unwrap();
        let mut store = BarStore::open(database, None).unwrap();
        let symbol = Symbol::parse("A").unwrap();
        store.set_assets(&[symbol]).unwrap();
        let id = store.id(&symbol).unwrap();
        let reader = BarReader::open(path.to_str().unwrap(), store.ids()).unwrap();
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
        let count = |view: &BarSnapshot<'_>| view.ticks(id, Timestamp(0), Timestamp(i64::MAX)).unwrap().len();
        assert_eq!(
            count(&reader.view(1).unwrap()),
            1,
            "2 is committed and not published"
        );
        let view = reader.view(2).unwrap();
        commit(3);
        assert_eq!(count(&view), 2);
        drop(view);
        let view = reader.view(3).unwrap();
        assert_eq!(count(&view), 3);
        let day = view.newest(id).unwrap().unwrap().1;
        assert_eq!((day.volume, day.time), (3, Timestamp(0)));
        assert!(
            reader.database.execute("DELETE FROM bars_hot", []).is_err(),
            "it only reads"
        );
    }
}
