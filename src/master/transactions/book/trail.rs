//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell
//!
//! The closes that trailing orders follow, as they are stored: so that an order's level after a
//! restart is what it was, though no level is written at each update.
//!
//! Tests: `src/master/transactions/book/tests.rs`, `src/master/transactions/place/tests.rs`.

use super::OrderBook;
use super::order::BookOrder;
use crate::model::{Money, Side, Symbol};
use std::collections::BTreeSet;

/// A close that trailing orders of an asset follow: a row of `trail_closes`, in today's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrailClose {
    /// Number of the update that tested orders with it.
    pub update: u64,
    /// As sales follow it: splits round it up.
    pub for_sales: Money,
    /// As purchases follow it: splits round it down.
    pub for_purchases: Money,
}

impl TrailClose {
    /// A close that no split has changed yet.
    pub fn new(update: u64, close: Money) -> TrailClose {
        TrailClose {
            update,
            for_sales: close,
            for_purchases: close,
        }
    }

    /// As orders of this side follow it.
    fn of(&self, side: Side) -> Money {
        if side == Side::Buy {
            self.for_purchases
        } else {
            self.for_sales
        }
    }
}

/// The best closes of an asset from each stored one on, so that a start finds the level of an order
/// without reading all closes again.
#[derive(Debug, Default)]
pub struct BestCloses(Vec<TrailClose>);

impl BestCloses {
    /// Of stored closes, oldest first.
    pub fn of(mut closes: Vec<TrailClose>) -> BestCloses {
        let mut later: Option<TrailClose> = None;
        for close in closes.iter_mut().rev() {
            if let Some(later) = later {
                close.for_sales = close.for_sales.max(later.for_sales);
                close.for_purchases = close.for_purchases.min(later.for_purchases);
            }
            later = Some(*close);
        }
        BestCloses(closes)
    }

    /// The best close of a trailing order of the asset: `stored`, that of its acceptance, or one of
    /// the closes since its first update.
    pub fn best_of(&self, order: &BookOrder, stored: Money) -> Money {
        let at = self
            .0
            .partition_point(|close| close.update < order.first_update);
        let best = self.0.get(at).map(|close| close.of(order.side));
        best.map_or(stored, |best| order.better(stored, best))
    }
}

impl OrderBook {
    /// Whether a trailing order of the asset waits.
    pub fn is_followed(&self, symbol: &Symbol) -> bool {
        self.trailing(symbol).next().is_some()
    }

    /// The updates whose closes the asset's trailing orders still need, of those that are stored, in
    /// order: for each order the last best one since its first update. They are at most as many as
    /// the asset has trailing orders.
    pub fn needed_closes(&self, symbol: &Symbol, closes: &[TrailClose]) -> BTreeSet<u64> {
        let mut firsts: Vec<(u64, Side)> = self
            .trailing(symbol)
            .map(|(_, order)| (order.first_update, order.side))
            .collect();
        firsts.sort_unstable_by_key(|(first, _)| std::cmp::Reverse(*first));
        let mut needed = BTreeSet::new();
        let (mut sale, mut purchase): (Option<TrailClose>, Option<TrailClose>) = (None, None);
        let mut rest = closes.iter().rev().peekable();
        for (first, side) in firsts {
            while let Some(close) = rest.next_if(|close| close.update >= first) {
                if sale.is_none_or(|best| close.for_sales > best.for_sales) {
                    sale = Some(*close);
                }
                if purchase.is_none_or(|best| close.for_purchases < best.for_purchases) {
                    purchase = Some(*close);
                }
            }
            let best = if side == Side::Buy { purchase } else { sale };
            needed.extend(best.map(|close| close.update));
        }
        needed
    }
}
