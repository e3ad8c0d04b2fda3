//! spec/master/assets.md · 3.1.6, 3.1.7 ("process queued transactions per update interval")
//!
//! The updates of an earlier process that the ledger has not settled, as they were published.
//!
//! Tests: `tests/suite/master/assets.rs`.

use super::snapshot::PriceSnapshot;
use crate::master::messages::Update;
use crate::master::storage::bars::{PublishedBar, UnsettledUpdate};
use crate::master::storage::{Storage, StorageError};
use crate::model::{Action, Symbol};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// The updates that the ledger has not settled, oldest first. They are read one by one: a disk that
/// was full for long may have left many.
#[derive(Debug, Default)]
pub struct UnsettledUpdates {
    left: VecDeque<UnsettledUpdate>,
    /// The prices that were in force at the start.
    prices: Arc<PriceSnapshot>,
    /// The actions that came into force with updates, each with its update.
    brought: Vec<(u64, Action)>,
}

impl UnsettledUpdates {
    /// These updates, whose prices and actions are in force.
    pub fn new(
        left: Vec<UnsettledUpdate>,
        prices: Arc<PriceSnapshot>,
        brought: Vec<(u64, Action)>,
    ) -> UnsettledUpdates {
        UnsettledUpdates {
            left: left.into(),
            prices,
            brought,
        }
    }

    /// The update before the first that is left; `None` if none is.
    pub fn settled(&self) -> Option<u64> {
        let first = self.left.front();
        first.map(|first| first.number.saturating_sub(1))
    }

    /// The last update that is left; `None` if none is.
    pub fn last(&self) -> Option<u64> {
        self.left.back().map(|last| last.number)
    }

    /// How many updates are left.
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The next update as it was published; `None` after the last one. What is not known any more is
    /// as it was at the start: prices that it did not bring, and which prices were held where a hold
    /// has ended since. Its retrieval began before any order of this process. It brings no actions
    /// along: who settles it reads from the database those that the ledger lacks.
    ///
    /// # Errors
    /// The database fails; then the same update is the next one.
    pub fn next(&mut self, storage: &mut Storage) -> Result<Option<Update>, StorageError> {
        let Some(header) = self.left.front().copied() else {
            return Ok(None);
        };
        let bars = storage.read(|snapshot| snapshot.published_bars(header.number))?;
        self.left.pop_front();
        let later = self.brought.iter().filter(|(by, _)| *by > header.number);
        let later: HashSet<_> = later.map(|(_, action)| action.name()).collect();
        let units = units_of(&self.prices, &bars, |action| {
            !later.contains(&action.name())
        });
        Ok(Some(Update {
            number: header.number,
            began: Instant::now(),
            began_stamp: header.began,
            published: header.published,
            snapshot: Arc::new(self.prices.of_update(&header, &bars, &units)),
            actions: Arc::default(),
        }))
    }
}

/// The actions of the assets of these bars that were in force.
fn units_of(
    prices: &PriceSnapshot,
    bars: &[PublishedBar],
    was_in_force: impl Fn(&Action) -> bool,
) -> HashMap<Symbol, Vec<Action>> {
    let known = |bar: &PublishedBar| {
        let actions = prices.actions(&bar.symbol).iter().copied();
        let actions: Vec<Action> = actions.filter(&was_in_force).collect();
        (!actions.is_empty()).then_some((bar.symbol, actions))
    };
    bars.iter().filter_map(known).collect()
}
