//! spec/master/transactions/corrections.md · 3.1.7 (splits and dividends)
//!
//! Applies splits and dividends that came after prices of their time, and corrections of those
//! already applied: each account gets the difference between what it was owed before and what it
//! is owed now, as transactions of its own.

use super::entitlement::{ActionInForce, Entitlement, in_force, moved};
use super::{AccountChanges, OrderState, WRITTEN_OFF_SHOWN_MAX, holdings_of};
use crate::master::storage::ledger::AssetTrades;
use crate::master::storage::{StorageError, Tx};
use crate::model::{
    AccountId, Action, ActionId, Money, Quantity, Side, Symbol, Timestamp, Transaction,
    TransactionStatus,
};
use crate::runtime::StepBeats;
use std::collections::{HashMap, HashSet, VecDeque};

/// Actions of one asset that are applied with their neighbours in time, not on top of them.
#[derive(Debug)]
pub(super) struct Correction {
    pub symbol: Symbol,
    /// The last of them by market time, which names the transactions.
    time: Timestamp,
    /// All of them.
    ids: HashSet<Option<ActionId>>,
}

/// The actions of one update that are to be applied, by how.
#[derive(Debug)]
pub(super) struct DividedActions {
    /// The update that brought them.
    pub number: u64,
    /// Before the others.
    pub corrections: Vec<Correction>,
    /// On top of what is held, in order.
    pub due: Vec<Action>,
}

/// Divides the actions to apply by update, and each update's by how they are applied. An action
/// that an earlier update brought is a correction of it, also where neither is applied yet.
pub(super) fn divide(
    tx: &mut Tx<'_>,
    changes: Vec<(u64, Action)>,
    beats: &mut StepBeats<'_>,
) -> Result<Vec<DividedActions>, StorageError> {
    let mut updates: Vec<DividedActions> = Vec::new();
    for (number, action) in changes {
        beats.step();
        if updates.last().is_none_or(|last| last.number != number) {
            updates.push(DividedActions {
                number,
                corrections: Vec::new(),
                due: Vec::new(),
            });
        }
        let Some(divided) = updates.last_mut() else {
            continue;
        };
        let revisions = tx.action_revisions(action.symbol)?;
        let is_earlier =
            |(update, other): &(u64, Action)| *update < number && other.id == action.id;
        if !action.is_late && !revisions.iter().any(is_earlier) {
            divided.due.push(action);
            continue;
        }
        // A correction may bring an action to another time: the terms that were applied count too.
        let time = in_force(&revisions, number.saturating_sub(1))
            .iter()
            .filter(|it| it.action.id == action.id)
            .fold(action.time, |time, it| time.max(it.action.time));
        let mut all = divided.corrections.iter_mut();
        match all.find(|it| it.symbol == action.symbol) {
            Some(correction) => {
                correction.time = correction.time.max(time);
                correction.ids.insert(action.id);
            }
            None => divided.corrections.push(Correction {
                symbol: action.symbol,
                time,
                ids: HashSet::from([action.id]),
            }),
        }
    }
    Ok(updates)
}

/// What a settlement has changed so far, besides the database.
#[derive(Debug, Default)]
pub(super) struct ActionsDone {
    pub accounts: AccountChanges,
    /// The new quantities of queued orders, by number.
    pub split: HashMap<i64, Quantity>,
    pub write_offs: WriteOffs,
}

/// What is said of corrections that could not take all that they should, once they are stored.
#[derive(Debug, Default)]
pub(super) struct WriteOffs {
    /// Of the latest, oldest first.
    latest: VecDeque<String>,
    /// How many came before these.
    earlier: u64,
}

impl WriteOffs {
    fn add(&mut self, text: String) {
        if self.latest.len() == WRITTEN_OFF_SHOWN_MAX {
            self.latest.pop_front();
            self.earlier += 1;
        }
        self.latest.push_back(text);
    }
}

impl OrderState {
    /// Applies one asset's late and corrected actions of update `number` to all accounts that traded
    /// it.
    pub(super) fn correct(
        &mut self,
        tx: &mut Tx<'_>,
        number: u64,
        correction: &Correction,
        asset: &mut AssetTrades,
        done: &mut ActionsDone,
        beats: &mut StepBeats<'_>,
    ) -> Result<(), StorageError> {
        let revisions = tx.action_revisions(correction.symbol)?;
        let before = in_force(&revisions, number.saturating_sub(1));
        let mut after = in_force(&revisions, number);
        // What else comes into force with this update is applied on top of this.
        after.retain(|it| {
            let id = it.action.id;
            correction.ids.contains(&id) || before.iter().any(|it| it.action.id == id)
        });
        let mut changes = Vec::new();
        for (account, trades) in &asset.trades {
            let owed = |actions: &[ActionInForce]| Entitlement::of(trades, actions);
            let (was, is) = (owed(&before), owed(&after));
            if was != is {
                changes.push(Change {
                    account: *account,
                    units: i128::from(is.units.0) - i128::from(was.units.0),
                    cash: is.cash - was.cash,
                });
            }
            beats.step();
        }
        for change in &changes {
            self.change(tx, number, correction, change, asset, done)?;
            beats.step();
        }
        Ok(())
    }

    /// Changes one account as far as its units and cash go, and writes the transactions.
    fn change(
        &mut self,
        tx: &mut Tx<'_>,
        number: u64,
        correction: &Correction,
        change: &Change,
        asset: &mut AssetTrades,
        done: &mut ActionsDone,
    ) -> Result<(), StorageError> {
        let (symbol, account) = (correction.symbol, change.account);
        let (_, holdings) = holdings_of(tx, &mut done.accounts, account)?;
        let (held, cost) = holdings.positions.get(&symbol).copied().unwrap_or_default();
        let left = |side| asset.written_off(account, side);
        let (units, units_left) = moved(change.units, held.0, left(Side::Split));
        let (cash, cash_left) = moved(change.cash, holdings.cash.0, left(Side::Dividend));
        let after = Quantity(held.0.saturating_add(units));
        if after == Quantity::ZERO {
            holdings.positions.remove(&symbol);
        } else {
            holdings.positions.insert(symbol, (after, cost));
        }
        holdings.cash = Money(holdings.cash.0.saturating_add(cash));
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
                account,
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
            tx.insert_settled(order_key.number, &row, number, Some(left))?;
            asset.write_off(account, side, left);
            if left > 0 {
                done.write_offs.add(write_off_text(&row, left));
            }
        }
        Ok(())
    }

    /// Logs what stored corrections could not take, and remembers it for the status.
    pub(super) fn note_write_offs(&mut self, write_offs: WriteOffs) {
        for text in write_offs.latest {
            crate::warn!("{text}");
            self.note_write_off(text);
        }
        if write_offs.earlier > 0 {
            crate::warn!(
                "and {} more transactions of corrections could not take all",
                write_offs.earlier
            );
        }
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
