//! spec/master/storage/ahead.md · 3.1.7, 3.1.2
//!
//! The answers that were read ahead.
//!
//! Tests: `src/master/storage/ahead/tests.rs`.

use crate::model::{AccountId, ClientOrderId, Holdings, Money, Quantity, Symbol};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What was read ahead. Each answer is taken once: what changes a row afterwards is seen by who asks
/// again.
#[derive(Debug, Default)]
pub(in crate::master::storage) struct ReadAhead {
    inner: RefCell<Answers>,
}

/// The answers themselves.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Link messages that have brought no order, with their numbers as they are stored.
    pub new_messages: HashSet<(Uuid, Uuid, i64)>,
    /// Names that no order of the account has.
    pub new_names: HashSet<(AccountId, ClientOrderId)>,
    pub cash: HashMap<AccountId, Money>,
    pub units: HashMap<(AccountId, Symbol), Quantity>,
    pub holdings: HashMap<AccountId, Holdings>,
    /// Keys of workers' processes.
    pub origins: HashMap<(Uuid, Uuid), i64>,
    /// How many commits have ended orders.
    pub endings: Option<i64>,
}

impl ReadAhead {
    /// Takes these answers in place of those before.
    pub(super) fn set(&self, answers: Answers) {
        *self.inner.borrow_mut() = answers;
    }

    /// Whether nothing that is stored has an order's message or name, which an order takes now. False: it is not known.
    pub fn is_new(
        &self,
        message: (Uuid, Uuid, i64),
        account: AccountId,
        name: Option<&ClientOrderId>,
    ) -> bool {
        let mut inner = self.inner.borrow_mut();
        let is_new_name = match name {
            Some(id) => inner.new_names.remove(&(account, id.clone())),
            None => true,
        };
        inner.new_messages.remove(&message) && is_new_name
    }

    /// Whether no order of an account has this name. False: it is not known.
    pub fn is_new_name(&self, account: AccountId, id: &ClientOrderId) -> bool {
        let inner = self.inner.borrow();
        inner.new_names.contains(&(account, id.clone()))
    }

    /// Whether a link message has brought no order. False: it is not known.
    pub fn is_new_message(&self, worker: &Uuid, boot: &Uuid, sequence: i64) -> bool {
        let inner = self.inner.borrow();
        inner.new_messages.contains(&(*worker, *boot, sequence))
    }

    /// The key of a worker's process. `None`: it is not known.
    pub fn origin(&self, worker: &Uuid, boot: &Uuid) -> Option<i64> {
        let inner = self.inner.borrow();
        inner.origins.get(&(*worker, *boot)).copied()
    }

    /// How many commits have ended orders. `None`: it is not known.
    pub fn endings(&self) -> Option<i64> {
        self.inner.borrow().endings
    }

    /// An account's cash.
    pub fn take_cash(&self, account: AccountId) -> Option<Money> {
        self.inner.borrow_mut().cash.remove(&account)
    }

    /// The units that an account holds of an asset.
    pub fn take_units(&self, account: AccountId, symbol: &Symbol) -> Option<Quantity> {
        self.inner.borrow_mut().units.remove(&(account, *symbol))
    }

    /// An account's cash and positions.
    pub fn take_holdings(&self, account: AccountId) -> Option<Holdings> {
        self.inner.borrow_mut().holdings.remove(&account)
    }

    /// Forgets what is known of an account that changes.
    pub fn forget(&self, account: AccountId) {
        let mut inner = self.inner.borrow_mut();
        inner.cash.remove(&account);
        inner.holdings.remove(&account);
        inner.units.retain(|(of, _), _| *of != account);
    }
}
