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
use order::{BookOrder, OrderEnd};
use slots::{SlotId, Slots};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

pub use actions::OrdersChanged;

/// Numbers of one list differ in so many bits.
const LIST_BITS: u32 = 10;

/// Places of orders, by number: 4 bytes an order, where a B-tree has 25.
#[derive(Debug, Default)]
struct NumberedOrders(Vec<SlotId>);

impl NumberedOrders {
    /// Where the order with this number is, or else belongs.
    fn find(&self, slots: &Slots, number: i64) -> Result<usize, usize> {
        let number_at = |slot: &SlotId| slots.get(*slot).map(BookOrder::number);
        self.0.binary_search_by_key(&Some(number), number_at)
    }

    fn insert(&mut self, slots: &Slots, number: i64, slot: SlotId) {
        if let Err(at) = self.find(slots, number) {
            self.0.insert(at, slot);
        }
    }

    fn remove(&mut self, slots: &Slots, number: i64) {
        if let Ok(at) = self.find(slots, number) {
            self.0.remove(at);
        }
        if self.0.len() * 4 < self.0.capacity() {
            self.0.shrink_to(self.0.len() * 2);
        }
    }
}

/// The waiting orders of all accounts.
#[derive(Debug, Default)]
pub struct OrderBook {
    slots: Slots,
    /// The orders by number, in lists of those whose numbers differ in the last bits alone.
    numbers: BTreeMap<i64, NumberedOrders>,
    /// The orders of each account. IDs are in the order of numbers.
    accounts: HashMap<AccountId, NumberedOrders>,
    assets: HashMap<Symbol, AssetIndex>,
    /// By the [span](end_span) of market time in which they end.
    ends: BTreeSet<(i32, SlotId)>,
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
        if self.slot_of(number).is_some() {
            return;
        }
        self.reserves.hold(&order.promise());
        let slot = self.slots.insert(order);
        let numbers = self.numbers.entry(number >> LIST_BITS).or_default();
        numbers.insert(&self.slots, number, slot);
        let orders = self.accounts.entry(account).or_default();
        orders.insert(&self.slots, number, slot);
        self.link(slot);
    }

    /// Takes an order out and releases its reserve.
    pub fn remove(&mut self, number: i64) -> Option<BookOrder> {
        let slot = self.slot_of(number)?;
        self.unlink(slot);
        let account = self.slots.get(slot)?.account;
        let list = number >> LIST_BITS;
        if let Some(numbers) = self.numbers.get_mut(&list) {
            numbers.remove(&self.slots, number);
            if numbers.0.is_empty() {
                self.numbers.remove(&list);
            }
        }
        if let Some(orders) = self.accounts.get_mut(&account) {
            orders.remove(&self.slots, number);
            if orders.0.is_empty() {
                self.accounts.remove(&account);
            }
        }
        let order = self.slots.remove(slot)?;
        self.reserves.release(&order.promise());
        Some(order)
    }

    /// The order with this number.
    pub fn get(&self, number: i64) -> Option<&BookOrder> {
        self.slots.get(self.slot_of(number)?)
    }

    /// Number of the account's order with this transaction ID.
    pub fn number_of(&self, account: AccountId, id: Uuid) -> Option<i64> {
        let orders = &self.accounts.get(&account)?.0;
        let at = orders.partition_point(|it| self.slots.get(*it).is_some_and(|it| it.id < id));
        let order = self.slots.get(*orders.get(at)?)?;
        (order.id == id).then(|| order.number())
    }

    /// The orders of an account, oldest first.
    pub fn of_account(&self, account: AccountId) -> impl Iterator<Item = &BookOrder> {
        let orders = self.accounts.get(&account);
        let slots = orders.into_iter().flat_map(|orders| &orders.0);
        slots.filter_map(|slot| self.slots.get(*slot))
    }

    /// The number of an account's orders.
    pub fn count_of(&self, account: AccountId) -> usize {
        self.accounts
            .get(&account)
            .map_or(0, |orders| orders.0.len())
    }

    /// All orders, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &BookOrder> {
        let slots = self.numbers.values().flat_map(|orders| &orders.0);
        slots.filter_map(|slot| self.slots.get(*slot))
    }

    /// The number of orders.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no order waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What accounts hold back: for the orders of the book, and for those that were added to it.
    pub fn reserves(&self) -> &Reserves {
        &self.reserves
    }

    /// The same, to hold back what orders on the queue promise. The book does so for its own.
    pub fn reserves_mut(&mut self) -> &mut Reserves {
        &mut self.reserves
    }

    fn slot_of(&self, number: i64) -> Option<SlotId> {
        let numbers = self.numbers.get(&(number >> LIST_BITS))?;
        let at = numbers.find(&self.slots, number).ok()?;
        numbers.0.get(at).copied()
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
            self.ends.insert((end_span(time), slot));
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
            self.ends.remove(&(end_span(time), slot));
        }
    }

    /// The trailing orders of an asset.
    fn trailing(&self, symbol: &Symbol) -> impl Iterator<Item = (SlotId, &BookOrder)> {
        let asset = self.assets.get(symbol);
        let slots = asset.into_iter().flat_map(|asset| &asset.trailing);
        slots.filter_map(|slot| Some((*slot, self.slots.get(*slot)?)))
    }
}

/// The span of 4,096 ms that a time is in. Spans count within 280 years of 1970, and what is beyond
/// is in the first or the last one; so an entry of the index is half as long as with the time.
fn end_span(time: Timestamp) -> i32 {
    let span = (time.0 >> 12).clamp(i32::MIN.into(), i32::MAX.into());
    i32::try_from(span).unwrap_or_default()
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
