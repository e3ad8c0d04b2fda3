//! spec/master/transactions/corrections.md · 3.1.7 (splits and dividends)
//!
//! Applies splits and dividends that came after prices of their time, and corrections of those
//! already applied: each account gets the difference between what it was owed before and what it
//! is owed now, as transactions of its own.

use super::entitlement::{ActionInForce, Entitlement, in_force, within};
use super::{AccountChanges, OrderState, holdings_of};
use crate::master::messages::Update;
use crate::master::storage::{StorageError, Tx};
use crate::model::{
    AccountId, Action, ActionId, Money, Quantity, Side, Symbol, Timestamp, Transaction,
    TransactionStatus,
};
use std::collections::HashSet;

/// Actions of one asset that are applied with their neighbours in time, not on top of them.
#[derive(Debug)]
pub(super) struct Correction {
    pub symbol: Symbol,
    /// The last of them by market time, which names the transactions.
    pub time: Timestamp,
    /// All of them.
    pub ids: HashSet<Option<ActionId>>,
}

/// Actions to apply, by how.
#[derive(Debug)]
pub(super) struct DividedActions {
    /// On top of what is held, in order, each with its update.
    pub due: Vec<(u64, Action)>,
    pub corrections: Vec<Correction>,
}

/// Divides the actions to apply.
pub(super) fn divide(
    tx: &mut Tx<'_>,
    changes: Vec<(u64, Action)>,
) -> Result<DividedActions, StorageError> {
    let acted = tx.acted()?;
    let mut corrections: Vec<Correction> = Vec::new();
    for (number, action) in &changes {
        let revisions = tx.action_revisions(action.symbol)?;
        let is_other = |(update, other): &(u64, Action)| update != number && other.id == action.id;
        if !action.is_late && !revisions.iter().any(is_other) {
            continue;
        }
        // A correction may bring an action to another time: the terms that were applied count too.
        let time = in_force(&revisions, acted)
            .iter()
            .filter(|it| it.action.id == action.id)
            .fold(action.time, |time, it| time.max(it.action.time));
        match corrections.iter_mut().find(|c| c.symbol == action.symbol) {
            Some(correction) => {
                correction.time = correction.time.max(time);
                correction.ids.insert(action.id);
            }
            None => corrections.push(Correction {
                symbol: action.symbol,
                time,
                ids: HashSet::from([action.id]),
            }),
        }
    }
    let is_corrected = |action: &Action| {
        let mut all = corrections.iter();
        all.any(|c| c.symbol == action.symbol && c.ids.contains(&action.id))
    };
    let due = changes
        .into_iter()
        .filter(|(_, a)| !is_corrected(a))
        .collect();
    Ok(DividedActions { due, corrections })
}

impl OrderState {
    /// Applies one asset's late and corrected actions to all accounts that traded it.
    pub(super) fn correct(
        &mut self,
        tx: &mut Tx<'_>,
        update: &Update,
        correction: &Correction,
        accounts: &mut AccountChanges,
    ) -> Result<(), StorageError> {
        let acted = tx.acted()?;
        let revisions = tx.action_revisions(correction.symbol)?;
        let before = in_force(&revisions, acted);
        let mut after = in_force(&revisions, update.number);
        // What else comes into force now is applied on top of this.
        after.retain(|it| {
            let id = it.action.id;
            correction.ids.contains(&id) || before.iter().any(|it| it.action.id == id)
        });
        for (account, trades) in tx.trades(correction.symbol)? {
            let owed = |actions: &[ActionInForce]| Entitlement::of(&trades, actions);
            let (was, is) = (owed(&before), owed(&after));
            if was != is {
                let change = Change {
                    account,
                    units: i128::from(is.units.0) - i128::from(was.units.0),
                    cash: is.cash - was.cash,
                };
                self.change(tx, update, correction, &change, accounts)?;
            }
        }
        Ok(())
    }

    /// Changes one account as far as its units and cash go, and writes the transactions.
    fn change(
        &mut self,
        tx: &mut Tx<'_>,
        update: &Update,
        correction: &Correction,
        change: &Change,
        accounts: &mut AccountChanges,
    ) -> Result<(), StorageError> {
        let symbol = correction.symbol;
        let (_, holdings) = holdings_of(tx, accounts, change.account)?;
        let (held, cost) = holdings.positions.get(&symbol).copied().unwrap_or_default();
        let (units, units_left) = within(change.units, held.0);
        let (cash, cash_left) = within(change.cash, holdings.cash.0);
        let after = held.plus(Quantity(units)).unwrap_or(held);
        if after == Quantity::ZERO {
            holdings.positions.remove(&symbol);
        } else {
            holdings.positions.insert(symbol, (after, cost));
        }
        let units = after.0 - held.0;
        let had = holdings.cash;
        holdings.cash = had.plus(Money(cash)).unwrap_or(had);
        let cash = holdings.cash.0 - had.0;
        let rows = [
            (Side::Split, Quantity(units), Money::ZERO, units_left),
            (Side::Dividend, Quantity::ZERO, Money(cash), cash_left),
        ];
        for (side, quantity, total, left) in rows {
            if quantity == Quantity::ZERO && total == Money::ZERO && left == 0 {
                continue;
            }
            let order_key = self.sequencer.give();
            let row = Transaction {
                id: order_key.id,
                account: change.account,
                side,
                status: TransactionStatus::Settled,
                symbol,
                quantity,
                accepted: order_key.accepted,
                settled: Some(order_key.accepted),
                price: None,
                total: Some(total),
                priced: Some(correction.time),
                client_order_id: None,
                reason: None,
            };
            tx.insert_settled(order_key.number, &row, update.number, Some(left))?;
            if left > 0 {
                let text = write_off_text(&row, left);
                crate::warn!("{text}");
                self.note_write_off(text);
            }
        }
        Ok(())
    }
}

/// What an account gets or gives, in millionths.
struct Change {
    account: AccountId,
    units: i128,
    cash: i128,
}

/// What is said of a row that could not take all that it should.
pub(super) fn write_off_text(row: &Transaction, left: i64) -> String {
    let what = match row.side {
        Side::Split => format!("{} units", Quantity(left)),
        Side::Buy | Side::Sell | Side::Dividend => format!("{} of cash", Money(left)),
    };
    format!(
        "account {}: a correction of {} could not take {what}, which are written off \
         (transaction {})",
        row.account.0, row.symbol, row.id
    )
}

#[cfg(test)]
mod tests;
