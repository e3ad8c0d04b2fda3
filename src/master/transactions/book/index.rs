//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell
//!
//! The waiting orders of one asset, by the price at which a bar touches them.

use super::order::TriggerLevel;
use super::slots::SlotId;
use crate::model::{Bar, Money};
use std::collections::BTreeSet;

/// The orders of one asset, by what touches them.
#[derive(Debug, Default)]
pub struct AssetIndex {
    /// Those that a high at their price or above touches.
    rises: BTreeSet<(Money, SlotId)>,
    /// Those that a low at their price or below touches.
    falls: BTreeSet<(Money, SlotId)>,
    /// Those whose price follows closes.
    pub trailing: BTreeSet<SlotId>,
    /// Market orders: any new price touches them.
    pub waiting: BTreeSet<SlotId>,
    /// Those of any kind whose day begins with the next new price. They are among the above.
    pub days_ahead: BTreeSet<SlotId>,
}

impl AssetIndex {
    /// Adds an order that bars touch at this level.
    pub fn insert(&mut self, level: TriggerLevel, slot: SlotId) {
        match level {
            TriggerLevel::Rise(price) => self.rises.insert((price, slot)),
            TriggerLevel::Fall(price) => self.falls.insert((price, slot)),
            TriggerLevel::Trails => self.trailing.insert(slot),
            TriggerLevel::Always => self.waiting.insert(slot),
        };
    }

    /// Removes an order that was added with this level.
    pub fn remove(&mut self, level: TriggerLevel, slot: SlotId) {
        match level {
            TriggerLevel::Rise(price) => self.rises.remove(&(price, slot)),
            TriggerLevel::Fall(price) => self.falls.remove(&(price, slot)),
            TriggerLevel::Trails => self.trailing.remove(&slot),
            TriggerLevel::Always => self.waiting.remove(&slot),
        };
    }

    /// The orders that a bar may touch: those whose price it reaches, all that trail, and all that
    /// wait for any price.
    pub fn reached(&self, bar: &Bar) -> impl Iterator<Item = SlotId> {
        let rises = self.rises.range(..=(bar.high, SlotId::MAX));
        let falls = self.falls.range((bar.low, SlotId::MIN)..);
        let at_price = rises.chain(falls).map(|(_, slot)| *slot);
        at_price.chain(self.trailing.iter().chain(&self.waiting).copied())
    }

    /// All orders.
    pub fn all(&self) -> impl Iterator<Item = SlotId> {
        let at_price = self.rises.iter().chain(&self.falls).map(|(_, slot)| *slot);
        at_price.chain(self.trailing.iter().chain(&self.waiting).copied())
    }

    /// Whether it has no order.
    pub fn is_empty(&self) -> bool {
        self.rises.is_empty()
            && self.falls.is_empty()
            && self.trailing.is_empty()
            && self.waiting.is_empty()
    }
}
