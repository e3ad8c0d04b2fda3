//! spec/master/storage/bars.md · 3.1.6 (past values)
//!
//! Reads the stored bars through a connection of its own, so that no query waits for the commit of
//! an update, and none sees an update that is not published yet.

use super::super::engine::{params, signed};
use super::super::{Reader, Snapshot, StorageError};
use super::AssetId;
use super::rows::{
    BarPeriod, ROLL_UPS, UPDATES_OF_RANGE, bar_of, is_rolled_up, roll_up, update_ranges,
};
use crate::model::{Bar, Quote, Symbol, Timestamp};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// Reads the stored bars.
#[derive(Debug)]
pub struct BarReader {
    reader: Reader,
    assets: Arc<HashMap<Symbol, AssetId>>,
}

/// The stored bars at one moment; later writes are invisible.
#[derive(Debug)]
pub struct BarSnapshot<'a> {
    snapshot: Snapshot<'a>,
    /// Range of published updates in `bars_hot`: from `.0` up to but excluding `.1`.
    hot: (i64, i64),
    /// The asset of the last query, with its bars in `bars_hot`.
    last: Option<(AssetId, Arc<[Bar]>)>,
    /// Assets whose bars an asset goes on from, oldest first.
    past: Vec<PastAsset>,
}

/// An asset that was renamed to another one.
#[derive(Debug, Clone, Copy)]
struct PastAsset {
    /// The asset that goes on from it.
    heir: AssetId,
    asset: AssetId,
    /// Bars of this time or later are not the heir's.
    until: Timestamp,
}

impl BarReader {
    /// Creates a reader for these assets.
    pub fn new(reader: Reader, assets: Arc<HashMap<Symbol, AssetId>>) -> BarReader {
        BarReader { reader, assets }
    }

    /// The key of a listed asset.
    pub fn id(&self, symbol: &Symbol) -> Option<AssetId> {
        self.assets.get(symbol).copied()
    }

    /// A snapshot of the stored bars, up to and including the update `number`.
    ///
    /// # Errors
    /// The database fails.
    pub fn snapshot(&mut self, number: u64) -> Result<BarSnapshot<'_>, StorageError> {
        let mut snapshot = self.reader.snapshot()?;
        let (first, end) = snapshot.hot_updates()?;
        let published = signed(number).saturating_add(1);
        Ok(BarSnapshot {
            snapshot,
            hot: (first, end.min(published)),
            last: None,
            past: Vec::new(),
        })
    }
}

impl Snapshot<'_> {
    /// One asset's bars in the updates from `hot.0` up to but excluding `hot.1`, in order of time.
    fn hot_bars(&mut self, asset: AssetId, hot: (i64, i64)) -> Result<Vec<Bar>, StorageError> {
        let database = &*self;
        let updates = database.either(UPDATES_OF_RANGE);
        let mut read = database.prepare_cached(&format!(
            "SELECT time, open, high, low, close, volume FROM bars_hot
             WHERE {updates} AND asset = ?3 ORDER BY number"
        ))?;
        let mut bars = Vec::new();
        for range in update_ranges(database, (hot.0, hot.1 - 1)) {
            let mut rows = read.query(params![range.0, range.1, asset.0])?;
            while let Some(row) = rows.next()? {
                bars.push(bar_of(&row)?);
            }
        }
        Ok(bars)
    }

    /// The last day of an asset that a provider gave itself.
    fn own_days_of(&mut self, asset: AssetId) -> Result<Option<Timestamp>, StorageError> {
        let database = &*self;
        let own = database
            .prepare_cached("SELECT filled_to FROM assets WHERE id = ?1 AND own_days = 1")?
            .query_optional([asset.0], |row| row.get::<Option<i64>>(0))?;
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
        let database = &*self;
        let mut read = database.prepare_cached(&format!(
            "SELECT time, open, high, low, close, volume FROM {table}
             WHERE asset = ?1 AND time >= ?2 AND time <= ?3 ORDER BY time"
        ))?;
        let rows = read.query_map(params![asset.0, from.0, to.0], bar_of)?;
        rows.collect()
    }

    /// An asset's newest bar of a table.
    fn newest_bar(&mut self, table: &str, asset: AssetId) -> Result<Option<Bar>, StorageError> {
        let database = &*self;
        let mut read = database.prepare_cached(&format!(
            "SELECT time, open, high, low, close, volume FROM {table}
             WHERE asset = ?1 ORDER BY time DESC LIMIT 1"
        ))?;
        read.query_optional([asset.0], bar_of)
    }

    /// An asset's newest bar of a table from before a time.
    fn bar_before(
        &mut self,
        table: &str,
        asset: AssetId,
        time: Timestamp,
    ) -> Result<Option<Bar>, StorageError> {
        let database = &*self;
        let mut read = database.prepare_cached(&format!(
            "SELECT time, open, high, low, close, volume FROM {table}
             WHERE asset = ?1 AND time < ?2 ORDER BY time DESC LIMIT 1"
        ))?;
        read.query_optional([asset.0, time.0], bar_of)
    }
}

impl BarSnapshot<'_> {
    /// The key of an asset that is or was listed.
    ///
    /// # Errors
    /// The database fails.
    pub fn ever_listed(&mut self, symbol: &Symbol) -> Result<Option<AssetId>, StorageError> {
        let database = &self.snapshot;
        let mut find = database.prepare_cached("SELECT id FROM assets WHERE symbol = ?1")?;
        find.query_optional([symbol.as_str()], |row| row.get(0).map(AssetId))
    }

    /// From now on the bars of an asset go on from those that it had under earlier names, each up
    /// to a time, as far as they are older than its own. `names` are in order, latest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn go_on_from(
        &mut self,
        heir: AssetId,
        names: &[(Symbol, Timestamp)],
    ) -> Result<(), StorageError> {
        let mut own = self.first(heir)?.unwrap_or(Timestamp(i64::MAX));
        for (symbol, until) in names {
            let Some(asset) = self.ever_listed(symbol)? else {
                continue;
            };
            let until = own.min(*until);
            self.past.insert(0, PastAsset { heir, asset, until });
            own = self.first(asset)?.map_or(until, |first| first.min(until));
        }
        Ok(())
    }

    /// The day or time of an asset's first bar.
    fn first(&mut self, asset: AssetId) -> Result<Option<Timestamp>, StorageError> {
        let database = &self.snapshot;
        let day = database
            .prepare_cached("SELECT min(time) FROM bars_daily WHERE asset = ?1")?
            .query_row([asset.0], |row| row.get::<Option<i64>>(0))?;
        let hot = self.hot_bars(asset)?;
        Ok(day.map(Timestamp).or(hot.first().map(|bar| bar.time)))
    }

    /// The bars of the earlier names of an asset that `read` finds, before a time each, and then its
    /// own.
    fn with_past(
        &mut self,
        heir: AssetId,
        mut read: impl FnMut(&mut Self, AssetId) -> Result<Vec<Bar>, StorageError>,
        start: BarPeriod,
    ) -> Result<Vec<Bar>, StorageError> {
        let mut bars = Vec::new();
        let past = self.past.iter().filter(|past| past.heir == heir).copied();
        for past in past.collect::<Vec<_>>() {
            let mut older = read(self, past.asset)?;
            older.retain(|bar| bar.time < past.until && bar.time <= start(past.until));
            bars.extend(older);
        }
        bars.extend(read(self, heir)?);
        Ok(bars)
    }

    /// One asset's bars in `bars_hot`, in order of time; cached for the asset of the last query.
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
    /// The database fails.
    pub fn ticks(
        &mut self,
        asset: AssetId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Bar>, StorageError> {
        let read = |view: &mut Self, asset| {
            let mut bars = view.snapshot.bars_between("bars", asset, from, to)?;
            let hot = view.hot_bars(asset)?;
            bars.extend(hot.iter().filter(|bar| bar.time >= from && bar.time <= to));
            Ok(bars)
        };
        self.with_past(asset, read, |time| time)
    }

    /// Daily bars whose day begins between `from` and `to`, both included, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn days(
        &mut self,
        asset: AssetId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Bar>, StorageError> {
        let (_, period) = ROLL_UPS[0];
        let read = |view: &mut Self, asset| view.rolled(ROLL_UPS[0], asset, from, to);
        let days = self.with_past(asset, read, period)?;
        Ok(roll_up(days, period))
    }

    /// Monthly bars whose month begins between `from` and `to`, both included, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn months(
        &mut self,
        asset: AssetId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Bar>, StorageError> {
        let (_, period) = ROLL_UPS[1];
        let read = |view: &mut Self, asset| view.rolled(ROLL_UPS[1], asset, from, to);
        let months = self.with_past(asset, read, period)?;
        Ok(roll_up(months, period))
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
            start >= from && start <= to && is_rolled_up(bar, own)
        });
        // Bars in `bars_hot` are later than those in `bars`, so the joined list is in order.
        Ok(roll_up(moved.into_iter().chain(hot), period))
    }

    /// An asset's newest bar, and its day's bar so far. If there is no finer bar, the last
    /// back-filled day is used.
    ///
    /// # Errors
    /// The database fails.
    pub fn newest(&mut self, asset: AssetId) -> Result<Option<(Bar, Bar)>, StorageError> {
        let mut latest = self.snapshot.newest_bar("bars_daily", asset)?;
        // At equal times the finer bar wins over the day's bar: it is more precise.
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

    /// An asset's last price from before a day, without those of earlier names: the close of the last
    /// day that has one. A day of which no finer bar is there counts as ending at its end.
    ///
    /// # Errors
    /// The database fails.
    pub fn close_before(
        &mut self,
        asset: AssetId,
        day: Timestamp,
    ) -> Result<Option<Quote>, StorageError> {
        let whole = self.snapshot.bar_before("bars_daily", asset, day)?;
        let hot = self.hot_bars(asset)?;
        let finer = match hot.iter().rfind(|bar| bar.time < day) {
            Some(bar) => Some(*bar),
            None => self.snapshot.bar_before("bars", asset, day)?,
        };
        let of_day = |whole: Bar, time| Quote {
            time,
            value: whole.close,
        };
        Ok(match (finer, whole) {
            (Some(finer), Some(whole)) => match whole.time.cmp(&finer.time.day()) {
                Ordering::Greater => Some(of_day(whole, whole.time.end_of_day())),
                Ordering::Equal if !is_rolled_up(&finer, self.snapshot.own_days_of(asset)?) => {
                    Some(of_day(whole, finer.time))
                }
                Ordering::Equal | Ordering::Less => Some(finer.quote()),
            },
            (Some(finer), None) => Some(finer.quote()),
            (None, whole) => whole.map(|whole| of_day(whole, whole.time.end_of_day())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BarStore, UpdatePosition};
    use super::*;
    use crate::master::storage::testing::each_engine;
    use crate::model::Money;

    #[test]
    fn a_snapshot_has_one_moment_and_published_updates_only() {
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
                let changes = super::super::UpdateChanges {
                    bars: vec![(symbol, bar)],
                    ..Default::default()
                };
                store.commit(&position, &changes).unwrap();
            };
            commit(1);
            commit(2);
            let count = |view: &mut BarSnapshot<'_>| {
                view.ticks(id, Timestamp(0), Timestamp(i64::MAX))
                    .unwrap()
                    .len()
            };
            assert_eq!(
                count(&mut reader.snapshot(1).unwrap()),
                1,
                "2 is committed and not published"
            );
            let mut view = reader.snapshot(2).unwrap();
            commit(3);
            assert_eq!(count(&mut view), 2);
            drop(view);
            let mut view = reader.snapshot(3).unwrap();
            assert_eq!(count(&mut view), 3);
            let day = view.newest(id).unwrap().unwrap().1;
            assert_eq!((day.volume, day.time), (3, Timestamp(0)));
        });
    }
}
