//! spec/master/assets/store.md · 3.1.6 (past values), 3.1.2
//!
//! The stored bars, as they are written; `reader` reads them. New ones come in by update (`bars_hot`), are moved in
//! slices to where one asset's bars lie together (`bars`), and are rolled up by day and month on the way.

mod bars;
mod compaction;

pub(super) use bars::{BarPeriod, ROLL_UPS, bar_of, counts, roll_up};
pub use compaction::HOT_UPDATES;

use super::provider::{Action, ActionKind, Resolution};
use crate::model::{Bar, Money, Quantity, Side, Symbol, Timestamp};
use bars::{absorb, set_days, signed, unsigned};
use compaction::CompactionStep;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::collections::HashMap;
use std::sync::Arc;

/// What the database says went wrong.
pub type StoreResult<T> = rusqlite::Result<T>;

/// An asset's number in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetId(pub(super) i64);

/// Where the module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpdatePosition {
    /// Number of the last update.
    pub number: u64,
    /// Market time of its step.
    pub time: Option<Timestamp>,
    /// No step follows.
    pub exhausted: bool,
}

/// How far an asset's past is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillProgress {
    /// Up to and with this time.
    pub to: Option<Timestamp>,
    /// Nothing is missing.
    pub whole: bool,
}

/// A page of one asset's past.
#[derive(Debug, Clone)]
pub struct BarPage {
    /// Whose.
    pub asset: AssetId,
    /// In order of time, all later than what was filled in before.
    pub bars: Vec<Bar>,
    /// What they are.
    pub resolution: Resolution,
    /// The past is complete up to and with this time; `None`: no further than before.
    pub to: Option<Timestamp>,
    /// Nothing is missing.
    pub whole: bool,
    /// Splits and dividends that were in force before anybody held the asset.
    pub actions: Vec<Action>,
}

/// The stored bars.
pub struct BarStore {
    database: Connection,
    assets: Arc<HashMap<Symbol, AssetId>>,
    /// Sorted; those of the list.
    ids: Vec<AssetId>,
    /// Updates in `bars_hot`: from `hot.0` up to and without `hot.1`.
    hot: (i64, i64),
    moving: Option<CompactionStep>,
    /// Up to which day the days are a provider's own, and ours do not count.
    own_days: HashMap<AssetId, Timestamp>,
    /// Bars of `bars` older than this, in milliseconds before the newest, are deleted; `None`: kept.
    keep_ticks: Option<i64>,
}

/// Stores actions that are in force from the update of this number on; those that are known stay as they are.
fn insert_actions(tx: &Transaction<'_>, actions: &[Action], number: i64) -> StoreResult<()> {
    let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO actions VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for action in actions {
        let (kind, value) = match action.kind {
            ActionKind::Split(ratio) => (Side::Split, ratio.0),
            ActionKind::Dividend(cash) => (Side::Dividend, cash.0),
        };
        insert.execute(params![
            action.symbol.as_str(),
            action.time.0,
            kind as u8,
            value,
            number
        ])?;
    }
    Ok(())
}

impl BarStore {
    /// On a database whose migrations have been applied. `keep_ticks`: milliseconds before the newest bar
    /// for which an asset's bars are kept at the update interval's frequency; `None` for ever.
    ///
    /// # Errors
    /// The database.
    pub fn open(database: Connection, keep_ticks: Option<i64>) -> StoreResult<BarStore> {
        database.set_prepared_statement_cache_capacity(64);
        let hot = database.query_row(
            "SELECT coalesce((SELECT min(number) FROM bars_hot), 0), coalesce((SELECT max(number) + 1 FROM bars_hot), 0)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(BarStore {
            database,
            assets: Arc::default(),
            ids: Vec::new(),
            hot,
            moving: None,
            own_days: HashMap::new(),
            keep_ticks,
        })
    }

    /// Makes these the assets that the store knows; each gets a number that it keeps for good.
    ///
    /// # Errors
    /// The database.
    pub fn set_assets(&mut self, symbols: &[Symbol]) -> StoreResult<()> {
        let tx = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut assets = HashMap::with_capacity(symbols.len());
        {
            let mut add = tx.prepare_cached("INSERT OR IGNORE INTO assets (symbol) VALUES (?1)")?;
            let mut find = tx.prepare_cached("SELECT id FROM assets WHERE symbol = ?1")?;
            for symbol in symbols {
                add.execute([symbol.as_str()])?;
                let id = find.query_row([symbol.as_str()], |row| row.get(0))?;
                assets.insert(*symbol, AssetId(id));
            }
        }
        tx.commit()?;
        self.ids = assets.values().copied().collect();
        // Bars of assets that left the list are moved all the same.
        let mut left = self.database.prepare("SELECT DISTINCT asset FROM bars_hot")?;
        let left = left.query_map([], |row| row.get(0).map(AssetId))?;
        self.ids.extend(left.collect::<StoreResult<Vec<_>>>()?);
        self.ids.sort_unstable();
        self.ids.dedup();
        let mut own = self
            .database
            .prepare("SELECT id, filled_to FROM assets WHERE own_days = 1 AND filled_to IS NOT NULL")?;
        let own = own.query_map([], |row| Ok((AssetId(row.get(0)?), Timestamp(row.get(1)?))))?;
        self.own_days = own.collect::<StoreResult<_>>()?;
        self.assets = Arc::new(assets);
        self.moving = None;
        Ok(())
    }

    /// Every asset that was ever listed, sorted.
    ///
    /// # Errors
    /// The database.
    pub fn known(&self) -> StoreResult<Vec<Symbol>> {
        let mut read = self.database.prepare("SELECT symbol FROM assets")?;
        let rows = read.query_map([], |row| row.get::<_, String>(0))?;
        let names = rows.collect::<StoreResult<Vec<_>>>()?;
        let mut symbols: Vec<Symbol> = names.iter().filter_map(|name| Symbol::parse(name).ok()).collect();
        symbols.sort_unstable();
        Ok(symbols)
    }

    /// The numbers of the listed assets.
    pub fn ids(&self) -> Arc<HashMap<Symbol, AssetId>> {
        Arc::clone(&self.assets)
    }

    /// Where the database is, for a connection that reads.
    pub fn path(&self) -> Option<&str> {
        self.database.path()
    }

    /// The number of a listed asset.
    pub fn id(&self, symbol: &Symbol) -> Option<AssetId> {
        self.assets.get(symbol).copied()
    }

    /// Where the module is.
    ///
    /// # Errors
    /// The database.
    pub fn position(&self) -> StoreResult<UpdatePosition> {
        let sql = "SELECT number, time, exhausted FROM assets_position";
        self.database.query_row(sql, [], |row| {
            Ok(UpdatePosition {
                number: unsigned(row.get(0)?),
                time: row.get::<_, Option<i64>>(1)?.map(Timestamp),
                exhausted: row.get(2)?,
            })
        })
    }

    /// Commits one update: its bars, the actions that came into force with it, and the position, all or
    /// nothing. Each bar is later than every stored bar of its asset.
    ///
    /// # Errors
    /// The database; then nothing is stored.
    pub fn commit(
        &mut self,
        position: &UpdatePosition,
        bars: &[(Symbol, Bar)],
        actions: &[Action],
    ) -> StoreResult<()> {
        let number = signed(position.number);
        let tx = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert =
                tx.prepare_cached("INSERT INTO bars_hot VALUES (?8, ?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
            let mut sorted: Vec<(AssetId, &Bar)> = bars
                .iter()
                .filter_map(|(symbol, bar)| Some((*self.assets.get(symbol)?, bar)))
                .collect();
            sorted.sort_unstable_by_key(|(id, _)| *id);
            for (id, bar) in sorted {
                insert.execute(params![
                    id.0,
                    bar.time.0,
                    bar.open.0,
                    bar.high.0,
                    bar.low.0,
                    bar.close.0,
                    signed(bar.volume),
                    number
                ])?;
            }
            insert_actions(&tx, actions, number)?;
            tx.prepare_cached("UPDATE assets_position SET number = ?1, time = ?2, exhausted = ?3")?
                .execute(params![
                    number,
                    position.time.map(|time| time.0),
                    position.exhausted
                ])?;
        }
        tx.commit()?;
        if !bars.is_empty() {
            if self.hot.0 == self.hot.1 {
                self.hot.0 = number;
            }
            self.hot.1 = number + 1;
        }
        Ok(())
    }

    /// The actions that have come into force, of all assets, by time; with the update they came with.
    ///
    /// # Errors
    /// The database.
    pub fn actions(&self) -> StoreResult<Vec<(Action, u64)>> {
        let mut read = self.database.prepare(
            "SELECT symbol, time, kind, value, number FROM actions ORDER BY time, symbol, kind, value",
        )?;
        let rows = read.query_map([], |row| {
            let symbol: String = row.get(0)?;
            let kind: u8 = row.get(2)?;
            let value: i64 = row.get(3)?;
            let kind = if kind == Side::Split as u8 {
                ActionKind::Split(Quantity(value))
            } else {
                ActionKind::Dividend(Money(value))
            };
            let time = Timestamp(row.get(1)?);
            Ok(Symbol::parse(&symbol)
                .ok()
                .map(|symbol| (Action { time, symbol, kind }, row.get(4).map(unsigned))))
        })?;
        let mut actions = Vec::new();
        for row in rows {
            if let Some((action, number)) = row? {
                actions.push((action, number?));
            }
        }
        Ok(actions)
    }

    /// Stores pages of the past, of several assets, in one transaction, and how far they reach now.
    ///
    /// # Errors
    /// The database; then nothing is stored.
    pub fn fill(&mut self, pages: &[BarPage]) -> StoreResult<()> {
        let tx = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for page in pages {
            let days = page.resolution == Resolution::Day;
            if days {
                set_days(&tx, page.asset, &page.bars)?;
            } else {
                absorb(&tx, page.asset, &page.bars, None)?;
            }
            insert_actions(&tx, &page.actions, 0)?;
            tx.prepare_cached(
                "UPDATE assets SET filled_to = coalesce(?2, filled_to), filled = ?3, own_days = ?4 WHERE id = ?1",
            )?
            .execute(params![page.asset.0, page.to.map(|to| to.0), page.whole, days])?;
        }
        tx.commit()?;
        for page in pages.iter().filter(|page| page.resolution == Resolution::Day) {
            if let Some(to) = page.to {
                self.own_days.insert(page.asset, to);
            }
        }
        Ok(())
    }

    /// How far an asset's past is filled in.
    ///
    /// # Errors
    /// The database.
    pub fn filled(&self, asset: AssetId) -> StoreResult<BackfillProgress> {
        let mut read = self
            .database
            .prepare_cached("SELECT filled_to, filled FROM assets WHERE id = ?1")?;
        read.query_row([asset.0], |row| {
            Ok(BackfillProgress {
                to: row.get::<_, Option<i64>>(0)?.map(Timestamp),
                whole: row.get(1)?,
            })
        })
    }
}

#[cfg(test)]
mod tests;
