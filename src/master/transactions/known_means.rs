//! spec/master/transactions.md · 3.1.7 Assets Buy & Sell (validate transactions)
//!
//! What accounts have, for the check of their orders: read once between two changes of it. This
//! module's commits alone change it, and each forgets all of it first.

use crate::master::storage::{StorageError, Tx};
use crate::model::{AccountId, Money, Quantity, Symbol};
use std::collections::HashMap;

/// Amounts that are remembered; one more, and all are read anew.
const MEANS_MAX: usize = 100_000;

/// Cash and units as the database has them.
#[derive(Debug, Default)]
pub(super) struct KnownMeans {
    cash: HashMap<AccountId, Money>,
    units: HashMap<(AccountId, Symbol), Quantity>,
}

impl KnownMeans {
    /// Forgets everything: it is about to change.
    pub(super) fn clear(&mut self) {
        self.cash.clear();
        self.units.clear();
    }

    /// An account's cash.
    pub(super) fn cash(
        &mut self,
        tx: &mut Tx<'_>,
        account: AccountId,
    ) -> Result<Money, StorageError> {
        if let Some(cash) = self.cash.get(&account) {
            return Ok(*cash);
        }
        self.make_room();
        let cash = tx.cash(account)?;
        self.cash.insert(account, cash);
        Ok(cash)
    }

    /// The units that an account holds of an asset.
    pub(super) fn units(
        &mut self,
        tx: &mut Tx<'_>,
        account: AccountId,
        symbol: &Symbol,
    ) -> Result<Quantity, StorageError> {
        if let Some(units) = self.units.get(&(account, *symbol)) {
            return Ok(*units);
        }
        self.make_room();
        let units = tx.units(account, symbol)?;
        self.units.insert((account, *symbol), units);
        Ok(units)
    }

    fn make_room(&mut self) {
        if self.cash.len() + self.units.len() >= MEANS_MAX {
            self.clear();
        }
    }
}
