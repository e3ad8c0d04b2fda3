//! spec/master/assets/snapshot.md · 4.6.8, 3.1.6 (in memory, thread-safe), 2.4.6
//!
//! Prices that a test sets, as an update does.

use super::{HeldPrice, PriceSnapshot};
use crate::model::{Action, Bar, Symbol, Timestamp};

impl PriceSnapshot {
    /// The next update's prices: these bars are fresh, with times of a market of its own.
    pub(crate) fn after(&self, published: Timestamp, bars: &[(Symbol, Bar)]) -> PriceSnapshot {
        let mut next = self.next();
        next.number += 1;
        next.published = published;
        for (symbol, bar) in bars {
            next.apply(symbol, bar, false);
        }
        next
    }

    /// Brings actions into force.
    pub(crate) fn come_into_force(&mut self, actions: &[Action]) {
        self.add_actions(actions);
    }

    /// Holds a price of an asset, or ends its hold.
    pub(crate) fn set_held(&mut self, symbol: &Symbol, bar: Option<&Bar>) {
        self.hold(symbol, bar.map(HeldPrice::first));
    }

    /// Makes an asset's price one of the real world, of this moment, as old as the moment says when
    /// `limit` milliseconds are allowed.
    pub(crate) fn set_real_time(&mut self, symbol: &Symbol, time: Timestamp, limit: i64) {
        let at = self.index[symbol];
        let entry = &mut self.entries[at];
        entry.real_time = true;
        if let Some(quote) = &mut entry.quote {
            quote.time = time;
        }
        self.mark_stale(limit);
    }
}
