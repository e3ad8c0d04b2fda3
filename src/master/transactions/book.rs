//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell
//!
//! The orders that wait for a price, in memory: by number, account, asset and price, and time of
//! expiry. It uses no database, no clock and no channel, so that the same orders and the same bars
//! always give the same fills.

mod actions;
pub mod due;
mod index;
pub mod order;
mod slots;
pub mod trail;

use super::reserves::Reserves;
use crate::model::{AccountId, Symbol, Timestamp};
use index::AssetIndex;
use order::{BookOrder, OrderEnd, OrderProgress};
use slots::{SlotId, Slots};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

pub use actions::OrdersChanged;

/// The waiting orders of all accounts.
#[derive(Debug, Default)]
pub struct OrderBook {
    slots: Slots,
    numbers: BTreeMap<i64, SlotId>,
    /// The orders of each account, by number. IDs are in the same order.
    accounts: HashMap<AccountId, Vec<SlotId>>,
    assets: HashMap<Symbol, AssetIndex>,
    /// By the market time at which they end.
    ends: BTreeSet<(Timestamp, SlotId)>,
    reserves: Reserves,
}

impl OrderBook {
    /// An empty book.
    pub fn new() -> OrderBook {
        OrderBook::default()
    }

    /// Adds an order and holds its reserve back. A number that is there already stays as it is.
    pub fn insert(&mut self, order: BookOrder) {
        let (number, account) = (order.number(), order.account);
        if self.numbers.contains_key(&number) {
            return;
        }
        self.reserves.hold(&order.promise());
        let slot = self.slots.insert(order);
        self.numbers.insert(number, slot);
        let slots = &self.slots;
        let orders = self.accounts.entry(account).or_default();
        let at = orders.partition_point(|it| slots.get(*it).is_some_and(|it| it.number() < number));
        orders.insert(at, slot);
        self.link(slot);
    }

    /// Takes an order out and releases its reserve.
    pub fn remove(&mut self, number: i64) -> Option<BookOrder> {
        let slot = self.numbers.remove(&number)?;
        self.unlink(slot);
        let account = self.slots.get(slot)?.account;
        let slots = &self.slots;
        if let Some(orders) = self.accounts.get_mut(&account) {
            let is_before = |it: &SlotId| slots.get(*it).is_some_and(|it| it.number() < number);
            let at = orders.partition_point(is_before);
            orders.remove(at);
            if orders.is_empty() {
                self.accounts.remove(&account);
            } else if orders.len() * 4 < orders.capacity() {
                orders.shrink_to(orders.len() * 2);
            }
        }
        let order = self.slots.remove(slot)?;
        self.reserves.release(&order.promise());
        Some(order)
    }

    /// The order with this number.
    pub fn get(&self, number: i64) -> Option<&BookOrder> {
        self.slots.get(*self.numbers.get(&number)?)
    }

    /// Number of the account's order with this transaction ID.
    pub fn number_of(&self, account: AccountId, id: Uuid) -> Option<i64> {
        let orders = self.accounts.get(&account)?;
        let at = orders.partition_point(|it| self.slots.get(*it).is_some_and(|it| it.id < id));
        let order = self.slots.get(*orders.get(at)?)?;
        (order.id == id).then(|| order.number())
    }

    /// The orders of an account, oldest first.
    pub fn of_account(&self, account: AccountId) -> impl Iterator<Item = &BookOrder> {
        let orders = self.accounts.get(&account).into_iter().flatten();
        orders.filter_map(|slot| self.slots.get(*slot))
    }

    /// The number of an account's orders.
    pub fn count_of(&self, account: AccountId) -> usize {
        self.accounts.get(&account).map_or(0, Vec::len)
    }

    /// All orders, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &BookOrder> {
        self.numbers
            .values()
            .filter_map(|slot| self.slots.get(*slot))
    }

    /// The number of orders.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether no order waits.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// What accounts hold back: for the orders of the book, and for those that were added to it.
    pub fn reserves(&self) -> &Reserves {
        &self.reserves
    }

    /// The same, to hold back what orders on the queue promise. The book does so for its own.
    pub fn reserves_mut(&mut self) -> &mut Reserves {
        &mut self.reserves
    }

    /// Changes what may change of an order: all but number, ID and account.
    fn change(&mut self, slot: SlotId, change: impl FnOnce(&mut BookOrder)) {
        let Some(order) = self.slots.get(slot) else {
            return;
        };
        self.reserves.release(&order.promise());
        self.unlink(slot);
        self.slots.change(slot, change);
        self.link(slot);
        if let Some(order) = self.slots.get(slot) {
            self.reserves.hold(&order.promise());
        }
    }

    /// Enters the order at this place into the indexes of its asset and of ends.
    fn link(&mut self, slot: SlotId) {
        let Some(order) = self.slots.get(slot) else {
            return;
        };
        let asset = self.assets.entry(order.symbol).or_default();
        asset.insert(order.trigger_level(), slot);
        if order.end == OrderEnd::DayAhead {
            asset.days_ahead.insert(slot);
        }
        if let Some(time) = order.ends_at() {
            self.ends.insert((time, slot));
        }
    }

    /// Takes it out of them.
    fn unlink(&mut self, slot: SlotId) {
        let Some(order) = self.slots.get(slot) else {
            return;
        };
        if let Some(asset) = self.assets.get_mut(&order.symbol) {
            asset.remove(order.trigger_level(), slot);
            asset.days_ahead.remove(&slot);
            if asset.is_empty() {
                self.assets.remove(&order.symbol);
            }
        }
        if let Some(time) = order.ends_at() {
            self.ends.remove(&(time, slot));
        }
    }

    /// The trailing orders of an asset.
    fn trailing(&self, symbol: &Symbol) -> impl Iterator<Item = (SlotId, &BookOrder)> {
        let asset = self.assets.get(symbol);
        let slots = asset.into_iter().flat_map(|asset| &asset.trailing);
        slots.filter_map(|slot| Some((*slot, self.slots.get(*slot)?)))
    }
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
