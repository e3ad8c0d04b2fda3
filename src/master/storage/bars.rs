//! spec/master/storage/bars.md · 3.1.6 (past values), 3.1.2
//!
//! Writes the stored bars; `read` reads them. New bars are stored by update (`bars_hot`).
//! Compaction moves them in slices to `bars`, where the bars of one asset are adjacent, and rolls
//! them up by day and month.

mod compaction;
mod held;
mod pause;
pub mod read;
mod rows;
mod tables;
mod unsettled;

pub use compaction::HOT_UPDATES;
pub use pause::MarketPause;
pub use rows::roll_up;
pub use unsettled::{PublishedBar, UnsettledUpdate};

use super::engine::signed;
use super::positions::OwnedAsset;
use super::{Storage, StorageError};
use crate::master::assets::hold::HeldPrice;
use crate::model::{Action, Bar, Resolution, Symbol, Timestamp};
use compaction::CompactionStep;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// An asset's primary key in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetId(i64);

/// The assets module's position in the sequence of updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpdatePosition {
    /// Number of the last update, 0 before the first.
    pub number: u64,
    /// Market time of the last update.
    pub time: Option<Timestamp>,
    /// Whether the last update was the last step of a replay.
    pub exhausted: bool,
}

/// What an update changes.
#[derive(Debug, Default)]
pub struct UpdateChanges {
    /// The bars that come into force, each later than every stored one of its asset.
    pub bars: Vec<(Symbol, Bar)>,
    /// The assets of those bars that are too old to fill orders.
    pub stale: HashSet<Symbol>,
    /// What is kept of the update until it is settled; `None` if there is nothing to settle.
    pub unsettled: Option<UnsettledUpdate>,
    /// The updates up to and including this one are settled.
    pub settled: u64,
    /// The actions that come into force.
    pub actions: Vec<Action>,
    /// Actions of earlier updates whose fractions have a price now.
    pub priced: Vec<Action>,
    /// The prices that are held now; `None` where a hold ends.
    pub holds: BTreeMap<Symbol, Option<HeldPrice>>,
}

/// How much of an asset's past has been back-filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillProgress {
    /// The past is stored up to and including this time.
    pub to: Option<Timestamp>,
    /// Whether the whole past is stored.
    pub whole: bool,
}

/// A page of one asset's past, from a back-fill.
#[derive(Debug, Clone)]
pub struct BarPage {
    pub asset: AssetId,
    /// In order of time, all later than those of earlier pages.
    pub bars: Vec<Bar>,
    pub resolution: Resolution,
    /// The past is complete up to and including this time; `None`: as before this page.
    pub to: Option<Timestamp>,
    /// Whether the whole past is stored with this page.
    pub whole: bool,
    /// Splits and dividends that came into force before any account held the asset.
    pub actions: Vec<Action>,
}

/// The stored bars, for the thread that writes them.
pub struct BarStore {
    storage: Storage,
    assets: Arc<HashMap<Symbol, AssetId>>,
    /// Listed assets, sorted.
    ids: Vec<AssetId>,
    /// Range of updates in `bars_hot`: from `hot.0` up to but excluding `hot.1`.
    hot: (i64, i64),
    moving: Option<CompactionStep>,
    /// The first update whose bars stay in `bars_hot`, since it may not be settled; `None`: no such
    /// update.
    kept_from: Option<i64>,
    /// The last day that a provider gave itself, by asset. Bars of days up to it are not rolled up.
    own_days: HashMap<AssetId, Timestamp>,
    /// Retention of `bars`, in milliseconds before an asset's newest bar; `None`: for ever.
    keep_ticks: Option<i64>,
}

impl BarStore {
    /// Opens the store on a database whose migrations have been applied. `keep_ticks` is the
    /// retention of bars at the update interval's frequency, in milliseconds before an asset's
    /// newest bar; `None`: for ever.
    ///
    /// # Errors
    /// The database fails.
    pub fn open(mut storage: Storage, keep_ticks: Option<i64>) -> Result<BarStore, StorageError> {
        let (hot, kept_from) = storage
            .read(|snapshot| Ok((snapshot.hot_updates()?, snapshot.first_kept_update()?)))?;
        Ok(BarStore {
            storage,
            assets: Arc::default(),
            ids: Vec::new(),
            hot,
            moving: None,
            kept_from,
            own_days: HashMap::new(),
            keep_ticks,
        })
    }

    /// Sets the listed assets. Each new one gets a key that never changes.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_assets(&mut self, symbols: &[Symbol]) -> Result<(), StorageError> {
        let assets = self.storage.write(|tx| tx.number_assets(symbols))?;
        let (left, own_days) = self
            .storage
            .read(|snapshot| Ok((snapshot.hot_assets()?, snapshot.own_days()?)))?;
        self.ids = assets.values().copied().collect();
        // Bars of assets that left the list are moved too.
        self.ids.extend(left);
        self.ids.sort_unstable();
        self.ids.dedup();
        self.own_days = own_days;
        self.assets = Arc::new(assets);
        self.moving = None;
        Ok(())
    }

    /// All assets that were ever listed, sorted.
    ///
    /// # Errors
    /// The database fails.
    pub fn known(&mut self) -> Result<Vec<Symbol>, StorageError> {
        let mut symbols = self.storage.read(|snapshot| snapshot.known_assets())?;
        symbols.sort_unstable();
        Ok(symbols)
    }

    /// All assets that accounts own, sorted.
    ///
    /// # Errors
    /// The database fails.
    pub fn owned(&mut self) -> Result<Vec<OwnedAsset>, StorageError> {
        self.storage.read(|snapshot| snapshot.owned())
    }

    /// The keys of the listed assets.
    pub fn ids(&self) -> Arc<HashMap<Symbol, AssetId>> {
        Arc::clone(&self.assets)
    }

    /// The key of a listed asset.
    pub fn id(&self, symbol: &Symbol) -> Option<AssetId> {
        self.assets.get(symbol).copied()
    }

    /// The position in the sequence of updates.
    ///
    /// # Errors
    /// The database fails.
    pub fn position(&mut self) -> Result<UpdatePosition, StorageError> {
        self.storage.read(|snapshot| snapshot.update_position())
    }

    /// Commits one update in one transaction: what it changes, and the position.
    ///
    /// # Errors
    /// The database fails; then nothing is stored.
    pub fn commit(
        &mut self,
        position: &UpdatePosition,
        changes: &UpdateChanges,
    ) -> Result<(), StorageError> {
        let is_stale = |symbol| changes.stale.contains(symbol);
        let mut sorted: Vec<(AssetId, &Bar, bool)> = changes
            .bars
            .iter()
            .filter_map(|(symbol, bar)| Some((*self.assets.get(symbol)?, bar, is_stale(symbol))))
            .collect();
        sorted.sort_unstable_by_key(|(id, ..)| *id);
        self.storage.write(|tx| {
            tx.insert_hot_bars(position.number, &sorted)?;
            tx.delete_settled(changes.settled)?;
            if let Some(update) = &changes.unsettled {
                tx.insert_unsettled(update)?;
            }
            tx.insert_actions(&changes.actions, position.number)?;
            tx.set_in_lieu(&changes.priced)?;
            for (symbol, held) in &changes.holds {
                match (self.assets.get(symbol), held) {
                    (Some(asset), Some(held)) => tx.set_held(*asset, held)?,
                    (Some(asset), None) => tx.end_held(*asset)?,
                    (None, _) => {}
                }
            }
            tx.set_update_position(position)
        })?;
        let number = signed(position.number);
        self.kept_from = match self.kept_from {
            Some(first) => Some(first.max(signed(changes.settled).saturating_add(1))),
            None => changes.unsettled.map(|_| number),
        };
        if !changes.bars.is_empty() {
            if self.hot.0 == self.hot.1 {
                self.hot.0 = number;
            }
            self.hot.1 = number + 1;
        }
        Ok(())
    }

    /// The held prices of listed assets.
    ///
    /// # Errors
    /// The database fails.
    pub fn held(&mut self) -> Result<Vec<(Symbol, HeldPrice)>, StorageError> {
        let held = self.storage.read(|snapshot| snapshot.held_prices())?;
        let symbols: HashMap<AssetId, Symbol> = self
            .assets
            .iter()
            .map(|(symbol, id)| (*id, *symbol))
            .collect();
        let listed = |(asset, held): (AssetId, HeldPrice)| Some((*symbols.get(&asset)?, held));
        Ok(held.into_iter().filter_map(listed).collect())
    }

    /// Stores a held price of a listed asset, as an administrator has reviewed it.
    ///
    /// # Errors
    /// The database fails; then nothing is stored.
    pub fn review(&mut self, symbol: &Symbol, held: &HeldPrice) -> Result<(), StorageError> {
        let Some(asset) = self.id(symbol) else {
            return Ok(());
        };
        self.storage.write(|tx| tx.set_held(asset, held))
    }

    /// The pause of the market; `None` if it is not paused.
    ///
    /// # Errors
    /// The database fails.
    pub fn paused(&mut self) -> Result<Option<MarketPause>, StorageError> {
        self.storage.read(|snapshot| snapshot.market_pause())
    }

    /// Stores a pause of the market, or its end.
    ///
    /// # Errors
    /// The database fails; then nothing is stored.
    pub fn set_paused(&mut self, pause: Option<&MarketPause>) -> Result<(), StorageError> {
        self.storage.write(|tx| match pause {
            Some(pause) => tx.begin_market_pause(pause),
            None => tx.end_market_pause(),
        })
    }

    /// The latest terms of all actions that have come into force, by time, each with the update that
    /// brought them; 0 for those that were in force before the asset was listed.
    ///
    /// # Errors
    /// The database fails.
    pub fn actions(&mut self) -> Result<Vec<(u64, Action)>, StorageError> {
        self.storage.read(|snapshot| snapshot.actions())
    }

    /// The updates whose outcomes the ledger does not have, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn unsettled(&mut self) -> Result<Vec<UnsettledUpdate>, StorageError> {
        self.storage.read(|snapshot| snapshot.unsettled_updates())
    }

    /// Stores pages of several assets' past and their back-fill progress in one transaction.
    ///
    /// # Errors
    /// The database fails; then nothing is stored.
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
        for page in pages
            .iter()
            .filter(|page| page.resolution == Resolution::Day)
        {
            if let Some(to) = page.to {
                self.own_days.insert(page.asset, to);
            }
        }
        Ok(())
    }

    /// Sets whether a large past is being stored, with what [`Storage::set_filling`] says of it. The
    /// progress of each asset is stored with its bars, so that a start after a crash goes on there.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_filling(&mut self, is_filling: bool) -> Result<(), StorageError> {
        self.storage.set_filling(is_filling)
    }

    /// How much of an asset's past has been back-filled.
    ///
    /// # Errors
    /// The database fails.
    pub fn filled(&mut self, asset: AssetId) -> Result<BackfillProgress, StorageError> {
        self.storage.read(|snapshot| snapshot.backfill(asset))
    }
}

#[cfg(test)]
mod tests;
