//! spec/master/storage/bars.md · 3.1.6 (past values), 3.1.2
//!
//! The stored bars, as they are written; `read` reads them. New ones come in by update
//! (`bars_hot`), are moved in slices to where one asset's bars lie together (`bars`), and are
//! rolled up by day and month on the way.

mod compaction;
pub mod read;
mod rows;

pub use compaction::HOT_UPDATES;
pub use rows::roll_up;

use super::sqlite::signed;
use super::{Storage, StorageError};
use crate::model::{Action, Bar, Resolution, Symbol, Timestamp};
use compaction::CompactionStep;
use std::collections::HashMap;
use std::sync::Arc;

/// An asset's number in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetId(i64);

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
    storage: Storage,
    assets: Arc<HashMap<Symbol, AssetId>>,
    /// Sorted; those of the list.
    ids: Vec<AssetId>,
    /// Updates in `bars_hot`: from `hot.0` up to and without `hot.1`.
    hot: (i64, i64),
    moving: Option<CompactionStep>,
    /// Up to which day the days are a provider's own, and ours do not count.
    own_days: HashMap<AssetId, Timestamp>,
    /// Bars of `bars` older than this, in milliseconds before the newest, are deleted; `None`:
    /// kept.
    keep_ticks: Option<i64>,
}

impl BarStore {
    /// On a database whose migrations have been applied. `keep_ticks`: milliseconds before the
    /// newest bar for which an asset's bars are kept at the update interval's frequency; `None` for
    /// ever.
    ///
    /// # Errors
    /// The database.
    pub fn open(mut storage: Storage, keep_ticks: Option<i64>) -> Result<BarStore, StorageError> {
        let hot = storage.read(|snapshot| snapshot.hot_updates())?;
        Ok(BarStore {
            storage,
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
    pub fn set_assets(&mut self, symbols: &[Symbol]) -> Result<(), StorageError> {
        let assets = self.storage.write(|tx| tx.number_assets(symbols))?;
        let (left, own_days) = self
            .storage
            .read(|snapshot| Ok((snapshot.hot_assets()?, snapshot.own_days()?)))?;
        self.ids = assets.values().copied().collect();
        // Bars of assets that left the list are moved all the same.
        self.ids.extend(left);
        self.ids.sort_unstable();
        self.ids.dedup();
        self.own_days = own_days;
        self.assets = Arc::new(assets);
        self.moving = None;
        Ok(())
    }

    /// Every asset that was ever listed, sorted.
    ///
    /// # Errors
    /// The database.
    pub fn known(&mut self) -> Result<Vec<Symbol>, StorageError> {
        let mut symbols = self.storage.read(|snapshot| snapshot.known_assets())?;
        symbols.sort_unstable();
        Ok(symbols)
    }

    /// The numbers of the listed assets.
    pub fn ids(&self) -> Arc<HashMap<Symbol, AssetId>> {
        Arc::clone(&self.assets)
    }

    /// The number of a listed asset.
    pub fn id(&self, symbol: &Symbol) -> Option<AssetId> {
        self.assets.get(symbol).copied()
    }

    /// Where the module is.
    ///
    /// # Errors
    /// The database.
    pub fn position(&mut self) -> Result<UpdatePosition, StorageError> {
        self.storage.read(|snapshot| snapshot.update_position())
    }

    /// Commits one update: its bars, the actions that came into force with it, and the position,
    /// all or nothing. Each bar is later than every stored bar of its asset.
    ///
    /// # Errors
    /// The database; then nothing is stored.
    pub fn commit(
        &mut self,
        position: &UpdatePosition,
        bars: &[(Symbol, Bar)],
        actions: &[Action],
    ) -> Result<(), StorageError> {
        let mut sorted: Vec<(AssetId, &Bar)> = bars
            .iter()
            .filter_map(|(symbol, bar)| Some((*self.assets.get(symbol)?, bar)))
            .collect();
        sorted.sort_unstable_by_key(|(id, _)| *id);
        self.storage.write(|tx| {
            tx.insert_hot_bars(position.number, &sorted)?;
            tx.insert_actions(actions, position.number)?;
            tx.set_update_position(position)
        })?;
        let number = signed(position.number);
        if !bars.is_empty() {
            if self.hot.0 == self.hot.1 {
                self.hot.0 = number;
            }
            self.hot.1 = number + 1;
        }
        Ok(())
    }

    /// The actions that have come into force, of all assets, by time; with the update they came
    /// with.
    ///
    /// # Errors
    /// The database.
    pub fn actions(&mut self) -> Result<Vec<(Action, u64)>, StorageError> {
        self.storage.read(|snapshot| snapshot.actions())
    }

    /// Stores pages of the past, of several assets, in one transaction, and how far they reach now.
    ///
    /// # Errors
    /// The database; then nothing is stored.
    pub fn fill(&mut self, pages: &[BarPage]) -> Result<(), StorageError> {
        self.storage.write(|tx| {
            for page in pages {
                match page.resolution {
                    Resolution::Day => tx.set_days(page.asset, &page.bars)?,
                    Resolution::Tick => tx.append_bars(page.asset, &page.bars, None)?,
                }
                tx.insert_actions(&page.actions, 0)?;
                tx.set_backfill(page)?;
            }
            Ok(())
        })?;
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
    pub fn filled(&mut self, asset: AssetId) -> Result<BackfillProgress, StorageError> {
        self.storage.read(|snapshot| snapshot.backfill(asset))
    }
}

#[cfg(test)]
mod tests;
