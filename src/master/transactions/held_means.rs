//! spec/master/transactions.md · 3.1.7 (validate transactions)
//!
//! What accounts hold, as one commit of requests has read it: it stores orders, which change
//! neither cash nor units, so each is read once.
//!
//! Tests: `src/master/transactions/place/tests.rs`.

use crate::master::storage::{StorageError, Tx};
use crate::model::{AccountId, Money, Quantity, Symbol};
use std::collections::HashMap;

/// The cash and units that a commit has read. Its memory is bounded by the requests of a commit.
#[derive(Debug, Default)]
pub(super) struct HeldMeans {
    cash: HashMap<AccountId, Money>,
    units: HashMap<(AccountId, Symbol), Quantity>,
}

impl HeldMeans {
    /// An account's cash.
    ///
    /// # Errors
    /// There is no such account, or the database fails.
    pub(super) fn cash(
        &mut self,
        tx: &mut Tx<'_>,
        account: AccountId,
    ) -> Result<Money, StorageError> {
        if let Some(cash) = self.cash.get(&account) {
            return Ok(*cash);
        }
        let cash = tx.cash(account)?;
        self.cash.insert(account, cash);
        Ok(cash)
    }

    /// The units that an account holds of an asset.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn units(
        &mut self,
        tx: &mut Tx<'_>,
        account: AccountId,
        symbol: &Symbol,
    ) -> Result<Quantity, StorageError> {
        if let Some(units) = self.units.get(&(account, *symbol)) {
            return Ok(*units);
        }
        let units = tx.units(account, symbol)?;
        self.units.insert((account, *symbol), units);
        Ok(units)
    }

    /// Forgets all, at the begin and at the end of a commit: a settlement or a grant changes it.
    pub(super) fn clear(&mut self) {
        self.cash.clear();
        self.units.clear();
    }
}
