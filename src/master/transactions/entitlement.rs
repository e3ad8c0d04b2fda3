//! spec/master/transactions/entitlement.md · 3.1.7 (splits and dividends)
//!
//! What an account is owed by the splits and dividends of an asset, rebuilt from its trades by
//! market time. It uses no database and no clock. Settlement and verify compare two of these: with
//! an action and without it, or before a correction and after it.
//!
//! Tests: `src/master/transactions/corrections/tests.rs`.

use crate::model::money::MILLIONTHS_MAX;
use crate::model::{Action, ActionKind, Money, Quantity, Side, Timestamp};

/// A filled order of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Buy or sell.
    pub side: Side,
    pub quantity: Quantity,
    pub price: Money,
    /// Market time of the price.
    pub priced: Timestamp,
    /// The update that filled it.
    pub update: u64,
}

/// An action that counts, and the update from which on it comes before trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionInForce {
    pub action: Action,
    /// The update that brought it in time; `None` for a late one, whose place is told by market time
    /// alone.
    since: Option<u64>,
}

/// What trades and actions make together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entitlement {
    /// Units held in the end.
    pub units: Quantity,
    /// Cash of dividends, less the proceeds of units that were sold and not there, in millionths.
    pub cash: i128,
}

impl ActionInForce {
    fn precedes(&self, trade: &Trade) -> bool {
        self.action.time <= trade.priced || self.since.is_some_and(|since| since <= trade.update)
    }
}

impl Entitlement {
    /// Rebuilds it. `trades` are in the order in which they took effect, `actions` in that of
    /// [`in_force`]. An action comes before the first trade at a price of its time or later, and
    /// before those of the update that brought it in time. A sale of more units than were there brings the proceeds of those that were.
    pub fn of(trades: &[Trade], actions: &[ActionInForce]) -> Entitlement {
        let mut made = Entitlement::default();
        let mut actions = actions.iter().peekable();
        for trade in trades {
            while let Some(action) = actions.next_if(|it| it.precedes(trade)) {
                made.act(action.action.kind);
            }
            made.trade(trade);
        }
        actions.for_each(|it| made.act(it.action.kind));
        made
    }

    fn act(&mut self, kind: ActionKind) {
        match kind {
            ActionKind::Split(ratio) => self.units = ratio.units(self.units),
            ActionKind::Dividend(per_unit) => {
                let paid = self.units.worth_at(per_unit).unwrap_or_default();
                self.cash = self.cash.saturating_add(i128::from(paid.0));
            }
            ActionKind::Cancel => {}
        }
    }

    fn trade(&mut self, trade: &Trade) {
        match trade.side {
            Side::Buy => {
                let units = self.units.0.saturating_add(trade.quantity.0);
                self.units = Quantity(units);
            }
            Side::Sell => {
                let sold = trade.quantity.min(self.units);
                let worth = |units: Quantity| units.worth_at(trade.price).unwrap_or_default().0;
                let missing = i128::from(worth(trade.quantity)) - i128::from(worth(sold));
                self.cash = self.cash.saturating_sub(missing);
                self.units = Quantity(self.units.0 - sold.0);
            }
            Side::Split | Side::Dividend => {}
        }
    }
}

/// The actions in force after update `until`, by time, splits before dividends. `revisions` are the
/// terms of one asset's actions, each with its update, in the order of the updates.
pub fn in_force(revisions: &[(u64, Action)], until: u64) -> Vec<ActionInForce> {
    let mut latest: Vec<ActionInForce> = Vec::new();
    for (update, action) in revisions.iter().filter(|(update, _)| *update <= until) {
        match latest.iter_mut().find(|it| it.action.id == action.id) {
            Some(it) => {
                if it.action.time != action.time {
                    it.since = None;
                }
                it.action = *action;
            }
            None => latest.push(ActionInForce {
                action: *action,
                since: (!action.is_late).then_some(*update),
            }),
        }
    }
    latest.retain(|it| it.action.kind != ActionKind::Cancel);
    latest.sort_by_key(|it| (it.action.time, it.action.kind, it.action.id));
    latest
}

/// What a correction by `wanted` millionths moves of somebody who has `held`, and what the row writes
/// off: what was not moved. `written_off` is the sum of what earlier rows wrote off. What could not be
/// taken then is not given now, and the row's own amount is below zero by as much; likewise the other
/// way round, where the limit of an amount kept something from being given.
pub fn moved(wanted: i128, held: i64, written_off: i128) -> (i64, i64) {
    let kept = if wanted > 0 {
        written_off.clamp(0, wanted)
    } else {
        written_off.clamp(wanted, 0)
    };
    let there = held.clamp(0, MILLIONTHS_MAX);
    let (most, least) = (MILLIONTHS_MAX - there, -there);
    let moved = (wanted - kept).clamp(i128::from(least), i128::from(most));
    let left = (moved - wanted).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    let fits = |amount: i128| i64::try_from(amount).unwrap_or_default();
    (fits(moved), fits(left))
}
