//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell (splits, renames, delistings)
//!
//! What happens to an asset happens to the orders that wait for it. The book changes at once, before
//! the commit, so that one action builds on another, and the bar of the same update tests the orders
//! as they are then; if the commit fails, the caller puts the orders back as they were.
//!
//! Tests: `src/master/transactions/book/tests.rs`.

use super::OrderBook;
use super::due::OrderEnding;
use super::order::{BookOrder, BookProgress};
use super::slots::SlotId;
use super::trail::TrailClose;
use crate::config::FeeSettings;
use crate::model::money::MILLIONTHS_MAX;
use crate::model::{Money, OrderAmount, OrderTerms, Quantity, Ratio, Side, Symbol, TrailDistance};
use std::time::Instant;

/// What an action did to the book.
#[derive(Debug, Default)]
pub struct OrdersChanged {
    /// The orders that changed or ended, as they were before.
    pub before: Vec<BookOrder>,
    /// Those that ended. They are out of the book.
    pub ended: Vec<OrderEnding>,
}

impl OrderBook {
    /// Splits the orders of an asset that were accepted before `visible`, when the prices after the
    /// split became visible; all of them if it is `None`. `latest` is the asset's latest price, in
    /// units of after the split. What is left below a millionth is cancelled.
    pub fn split(
        &mut self,
        symbol: &Symbol,
        ratio: Ratio,
        visible: Option<Instant>,
        (fees, latest): (&FeeSettings, Option<Money>),
    ) -> OrdersChanged {
        let mut changed = OrdersChanged::default();
        for slot in self.orders_of(symbol) {
            let Some(order) = self.slots.get(slot) else {
                continue;
            };
            let is_later = order
                .since
                .zip(visible)
                .is_some_and(|(since, visible)| since >= visible);
            if is_later {
                continue;
            }
            changed.before.push(order.clone());
            let after = split_order(order, ratio, fees, latest);
            match after {
                Some(after) => self.change(slot, |order| *order = after),
                None => {
                    let number = order.number();
                    self.remove(number);
                    changed.ended.push(OrderEnding::cancelled(number));
                }
            }
        }
        changed
    }

    /// Gives the orders of an asset its new name. Trailing ones follow the closes of the new name from
    /// update `next` on, the first one that tests them under it, and begin with their best close of now.
    pub fn rename(&mut self, old: &Symbol, new: Symbol, next: u64) -> OrdersChanged {
        let mut changed = OrdersChanged::default();
        for slot in self.orders_of(old) {
            changed.before.extend(self.slots.get(slot).cloned());
            self.change(slot, |order| {
                order.symbol = new;
                if matches!(order.progress, BookProgress::Best(_)) {
                    order.first_update = order.first_update.max(next);
                }
            });
        }
        changed
    }

    /// Ends the orders of an asset that leaves the list: market orders get `no-price`, the others are
    /// cancelled.
    pub fn end_asset(&mut self, symbol: &Symbol) -> OrdersChanged {
        let mut changed = OrdersChanged::default();
        for slot in self.orders_of(symbol) {
            let Some(number) = self.slots.get(slot).map(BookOrder::number) else {
                continue;
            };
            if let Some(order) = self.remove(number) {
                changed.ended.push(match order.terms {
                    OrderTerms::Market => OrderEnding::no_price(number),
                    OrderTerms::Limit { .. }
                    | OrderTerms::Stop { .. }
                    | OrderTerms::StopLimit { .. }
                    | OrderTerms::Trailing { .. } => OrderEnding::cancelled(number),
                });
                changed.before.push(order);
            }
        }
        changed
    }

    /// Undoes actions, given what they did, in their order: the commit failed.
    pub fn put_back(&mut self, changes: Vec<OrdersChanged>) {
        for changed in changes.into_iter().rev() {
            for order in changed.before {
                self.remove(order.number());
                self.insert(order);
            }
        }
    }

    /// The places of an asset's orders, by number.
    fn orders_of(&self, symbol: &Symbol) -> Vec<SlotId> {
        let asset = self.assets.get(symbol);
        let slots = asset.into_iter().flat_map(|asset| asset.all());
        let mut numbered: Vec<(i64, SlotId)> = slots
            .filter_map(|slot| Some((self.slots.get(slot)?.number(), slot)))
            .collect();
        numbered.sort_unstable();
        numbered.into_iter().map(|(_, slot)| slot).collect()
    }
}

impl TrailClose {
    /// The close in units of after a split.
    #[must_use]
    pub fn split(self, ratio: Ratio) -> TrailClose {
        TrailClose {
            for_sales: split_price(Side::Sell, ratio, self.for_sales),
            for_purchases: split_price(Side::Buy, ratio, self.for_purchases),
            ..self
        }
    }
}

/// A price or a distance in money of an order of this side, in units of after a split: a purchase's
/// rounded down, a sale's up; at least a millionth, and within the limit of values.
pub fn split_price(side: Side, ratio: Ratio, price: Money) -> Money {
    let product = i128::from(price.0) * i128::from(ratio.denominator());
    let numerator = i128::from(ratio.numerator());
    let whole = product.div_euclid(numerator);
    let has_rest = product.rem_euclid(numerator) != 0;
    let after = whole + i128::from(has_rest && side == Side::Sell);
    let after = after.clamp(1, i128::from(MILLIONTHS_MAX));
    Money(i64::try_from(after).unwrap_or(MILLIONTHS_MAX))
}

/// The order after a split; `None` if less than a millionth of a unit is left of it.
fn split_order(
    order: &BookOrder,
    ratio: Ratio,
    fees: &FeeSettings,
    latest: Option<Money>,
) -> Option<BookOrder> {
    let price = |before| split_price(order.side, ratio, before);
    let mut after = order.clone();
    if let OrderAmount::Units(units) = order.amount {
        let units = ratio.units(units);
        if units == Quantity::ZERO {
            return None;
        }
        after.amount = OrderAmount::Units(units);
    }
    after.terms = match order.terms {
        OrderTerms::Market => OrderTerms::Market,
        OrderTerms::Limit { limit } => OrderTerms::Limit {
            limit: price(limit),
        },
        OrderTerms::Stop { stop } => OrderTerms::Stop { stop: price(stop) },
        OrderTerms::StopLimit { limit, stop } => OrderTerms::StopLimit {
            limit: price(limit),
            stop: price(stop),
        },
        OrderTerms::Trailing { distance } => OrderTerms::Trailing {
            distance: match distance {
                TrailDistance::Money(money) => TrailDistance::Money(price(money)),
                TrailDistance::Percent(parts) => TrailDistance::Percent(parts),
            },
        },
    };
    if let BookProgress::Best(best) = order.progress {
        after.progress = BookProgress::Best(price(best));
    }
    // Without a price it stays.
    let anew = after.due_reserve(fees, latest).unwrap_or(order.reserve);
    after.reserve = anew.min(order.reserve);
    Some(after)
}
