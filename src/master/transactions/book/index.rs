//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell
//!
//! The waiting orders of one asset, by the price at which a bar touches them.

use super::order::TriggerLevel;
use super::slots::SlotId;
use crate::model::{Bar, Money};
use std::collections::BTreeSet;

/// A price and an order at it, in 12 bytes, sorted so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PriceKey {
    /// The halves of the price, which is not below 0.
    high: u32,
    low: u32,
    slot: SlotId,
}

impl PriceKey {
    fn new(price: Money, slot: SlotId) -> PriceKey {
        let price = price.0.max(0).unsigned_abs();
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        PriceKey {
            high: half(price >> 32),
            low: half(price),
            slot,
        }
    }
}

/// The orders of one asset, by what touches them.
#[derive(Debug, Default)]
pub struct AssetIndex {
    /// Those that a high at their price or above touches.
    rises: BTreeSet<PriceKey>,
    /// Those that a low at their price or below touches.
    falls: BTreeSet<PriceKey>,
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
            TriggerLevel::Rise(price) => self.rises.insert(PriceKey::new(price, slot)),
            TriggerLevel::Fall(price) => self.falls.insert(PriceKey::new(price, slot)),
            TriggerLevel::Trails => self.trailing.insert(slot),
            TriggerLevel::Always => self.waiting.insert(slot),
        };
    }

    /// Removes an order that was added with this level.
    pub fn remove(&mut self, level: TriggerLevel, slot: SlotId) {
        match level {
            TriggerLevel::Rise(price) => self.rises.remove(&PriceKey::new(price, slot)),
            TriggerLevel::Fall(price) => self.falls.remove(&PriceKey::new(price, slot)),
            TriggerLevel::Trails => self.trailing.remove(&slot),
            TriggerLevel::Always => self.waiting.remove(&slot),
        };
    }

    /// The orders that a bar may touch: those whose price it reaches, all that trail, and all that
    /// wait for any price.
    pub fn reached(&self, bar: &Bar) -> impl Iterator<Item = SlotId> {
        let rises = self.rises.range(..=PriceKey::new(bar.high, SlotId::MAX));
        let falls = self.falls.range(PriceKey::new(bar.low, SlotId::MIN)..);
        let at_price = rises.chain(falls).map(|key| key.slot);
        at_price.chain(self.trailing.iter().chain(&self.waiting).copied())
    }

    /// All orders.
    pub fn all(&self) -> impl Iterator<Item = SlotId> {
        let at_price = self.rises.iter().chain(&self.falls).map(|key| key.slot);
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
