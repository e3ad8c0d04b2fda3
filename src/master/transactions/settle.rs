//! spec/master/transactions.md · 3.1.7 ("the queue is cleared every update interval")
//!
//! Settles the queue at an update: first splits and dividends, then each order in the order of its
//! settlement rank, all in one commit. The answers follow the commit.

use super::queue::{PriceVisibility, QueuedOrder};
use super::{AccountChanges, OrderState, corrections, holdings_of, sequence, write_outcome};
use crate::master::assets::{self};
use crate::master::messages::Update;
use crate::master::reply_to::ReplyBatch;
use crate::master::storage::ledger::Settlement;
use crate::master::storage::{Storage, StorageError, Tx};
use crate::model::{
    AccountId, Action, ActionKind, Money, Quantity, Quote, Reason, Side, Timestamp, Transaction,
    TransactionStatus,
};
use crate::runtime::{Heartbeat, STEPS_PER_BEAT, StepBeats, failpoint};
use std::collections::HashMap;
use std::time::Instant;

impl OrderState {
    /// Settles the orders with these numbers in one commit. Returns the outcomes, without the
    /// orders that stay queued.
    pub(super) fn settle(
        &mut self,
        storage: &mut Storage,
        heartbeat: &Heartbeat,
        update: &Update,
        numbers: &[i64],
    ) -> Result<Vec<(i64, Settlement)>, StorageError> {
        let has_actions = self.actions_pending || !update.actions.is_empty();
        let mut beats = StepBeats::new(heartbeat);
        let (outcomes, split) = storage.write_beating(heartbeat, |tx| {
            // Stays so if the commit fails.
            self.actions_pending = has_actions;
            let mut accounts = AccountChanges::new();
            let split = if has_actions {
                self.apply_actions(tx, update, &mut accounts, &mut beats)?
            } else {
                HashMap::new()
            };
            let outcomes =
                self.fill_orders(tx, update, numbers, &split, &mut accounts, &mut beats)?;
            let (half, rest) = outcomes.split_at(outcomes.len().div_ceil(2));
            store_outcomes(tx, half, update, heartbeat)?;
            if !half.is_empty() {
                failpoint::point("settlement-half");
            }
            store_outcomes(tx, rest, update, heartbeat)?;
            for (account, (before, after)) in &accounts {
                tx.store_holdings(*account, before, after)?;
                beats.step();
            }
            failpoint::point("settlement-stored");
            Ok((outcomes, split))
        })?;
        failpoint::point("settlement-committed");
        self.actions_pending = false;
        self.visibility = PriceVisibility::default();
        for (number, quantity) in split {
            if let Some(order) = self.queue.get_mut(number) {
                order.quantity = quantity;
            }
        }
        Ok(outcomes)
    }

    /// Fills or rejects the orders one after the other, and changes their accounts in `accounts`.
    /// Orders that wait for a later price are left out.
    fn fill_orders(
        &mut self,
        tx: &mut Tx<'_>,
        update: &Update,
        numbers: &[i64],
        split: &HashMap<i64, Quantity>,
        accounts: &mut AccountChanges,
        beats: &mut StepBeats<'_>,
    ) -> Result<Vec<(i64, Settlement)>, StorageError> {
        let mut outcomes = Vec::with_capacity(numbers.len());
        for number in numbers {
            beats.step();
            let Some(order) = self.queue.get_mut(*number) else {
                continue;
            };
            let quantity = split.get(number).copied().unwrap_or(order.quantity);
            let Some(quote) = settlement_quote(update, order) else {
                continue;
            };
            let outcome = match quote {
                Ok(quote) => {
                    let (_, after) = holdings_of(tx, accounts, order.account)?;
                    match after.fill(order.side, order.symbol, quantity, quote.value) {
                        Ok(total) => Settlement::Settled {
                            price: quote.value,
                            total,
                            priced: quote.time,
                        },
                        Err(reason) => Settlement::Rejected(reason),
                    }
                }
                Err(reason) => Settlement::Rejected(reason),
            };
            outcomes.push((*number, outcome));
        }
        Ok(outcomes)
    }

    /// Applies corrections, then splits and dividends to positions, as transactions of their own,
    /// and splits to queued orders. It applies all that the database holds and the ledger does not, including
    /// those of updates that could not be settled. Returns the new quantities of queued orders.
    fn apply_actions(
        &mut self,
        tx: &mut Tx<'_>,
        update: &Update,
        accounts: &mut AccountChanges,
        beats: &mut StepBeats<'_>,
    ) -> Result<HashMap<i64, Quantity>, StorageError> {
        let mut split: HashMap<i64, Quantity> = HashMap::new();
        let changes = tx.actions_to_apply(update.number)?;
        let divided = corrections::divide(tx, changes)?;
        for correction in &divided.corrections {
            self.correct(tx, update, correction, accounts)?;
        }
        tx.set_actions_applied(update.number)?;
        for (number, action) in &divided.due {
            let visible = self.visibility.since(*number);
            for account in tx.holders(action.symbol)? {
                beats.step();
                let (_, after) = holdings_of(tx, accounts, account)?;
                let (side, quantity, price, total) = match action.kind {
                    ActionKind::Split(ratio) => match after.split(action.symbol, ratio) {
                        Some(added) => (Side::Split, added, None, Some(Money::ZERO)),
                        None => continue,
                    },
                    ActionKind::Dividend(per_unit) => {
                        let held = after
                            .positions
                            .get(&action.symbol)
                            .map_or(Quantity::ZERO, |held| held.0);
                        match after.dividend(action.symbol, per_unit) {
                            Some(paid) => (Side::Dividend, held, Some(per_unit), Some(paid)),
                            None => continue,
                        }
                    }
                    ActionKind::Cancel => continue,
                };
                let order_key = self.sequencer.give();
                let row = action_row(action, account, order_key, side, quantity, price, total);
                tx.insert_settled(order_key.number, &row, update.number, None)?;
            }
            if let ActionKind::Split(ratio) = action.kind {
                // The quantity of an order at a price after the split already counts the new units.
                let is_earlier = |order: &&mut QueuedOrder| order.was_before(visible);
                for order in self.queue.of_symbol(action.symbol).filter(is_earlier) {
                    let number = order.rank.number;
                    let now = split.get(&number).copied().unwrap_or(order.quantity);
                    let after = ratio.units(now).max(Quantity(1));
                    tx.set_order_quantity(number, after)?;
                    split.insert(number, after);
                    beats.step();
                }
            }
        }
        Ok(split)
    }

    /// Removes settled orders from the queue and sends their outcomes to all who wait.
    pub(super) fn answer(
        &mut self,
        heartbeat: &Heartbeat,
        outcomes: Vec<(i64, Settlement)>,
        update: &Update,
    ) {
        let mut replies = ReplyBatch::new();
        let mut beats = StepBeats::new(heartbeat);
        let now = Instant::now();
        for (number, outcome) in outcomes {
            let Some(order) = self.queue.remove(number) else {
                continue;
            };
            if matches!(outcome, Settlement::Rejected(_)) {
                self.rejections.count(order.account, now);
            }
            let transaction = settled_transaction(&order, &outcome, update.published);
            for reply_to in order.waiters {
                replies.add(reply_to, |out| write_outcome(out, &transaction));
            }
            if beats.step() {
                replies.send();
            }
        }
        replies.send();
    }
}

/// Stores the outcomes of orders, a piece between two beats.
fn store_outcomes(
    tx: &mut Tx<'_>,
    outcomes: &[(i64, Settlement)],
    update: &Update,
    heartbeat: &Heartbeat,
) -> Result<(), StorageError> {
    for piece in outcomes.chunks(STEPS_PER_BEAT) {
        tx.settle_orders(piece, update.published, update.number)?;
        heartbeat.beat();
    }
    Ok(())
}

/// The quote that an order settles at. `Err` if the update has none; `None` if the order waits for
/// the next update, because a real-time price is older than the order.
fn settlement_quote(update: &Update, order: &QueuedOrder) -> Option<Result<Quote, Reason>> {
    let is_in_time = order.since.is_none_or(|since| since < update.began);
    let entry = update.snapshot.entry(&order.symbol).filter(|_| is_in_time);
    // It was accepted before retrieval began. Where the times say otherwise, the clock was set back
    // since, by hours perhaps, and the order must not wait for as long.
    let accepted = order.accepted.min(update.began_stamp);
    match entry.map_or(assets::FillDecision::NoPrice, |entry| entry.fill(accepted)) {
        assets::FillDecision::At(quote) => Some(Ok(quote)),
        assets::FillDecision::Wait => None,
        assets::FillDecision::NoPrice => Some(Err(Reason::NoPrice)),
    }
}

/// The ledger's row of a split or dividend of a position.
fn action_row(
    action: &Action,
    account: AccountId,
    order_key: sequence::OrderKey,
    side: Side,
    quantity: Quantity,
    price: Option<Money>,
    total: Option<Money>,
) -> Transaction {
    Transaction {
        id: order_key.id,
        account,
        side,
        status: TransactionStatus::Settled,
        symbol: action.symbol,
        quantity,
        accepted: order_key.accepted,
        settled: Some(order_key.accepted),
        price,
        total,
        priced: Some(action.time),
        client_order_id: None,
        reason: None,
    }
}

/// The transaction of a settled or rejected order, as the ledger has it.
fn settled_transaction(
    order: &QueuedOrder,
    outcome: &Settlement,
    settled: Timestamp,
) -> Transaction {
    let (status, filled, reason) = match outcome {
        Settlement::Settled {
            price,
            total,
            priced,
        } => (
            TransactionStatus::Settled,
            Some((*price, *total, *priced)),
            None,
        ),
        Settlement::Rejected(reason) => (TransactionStatus::Rejected, None, Some(*reason)),
    };
    Transaction {
        id: order.id,
        account: order.account,
        side: order.side,
        status,
        symbol: order.symbol,
        quantity: order.quantity,
        accepted: order.accepted,
        settled: Some(settled),
        price: filled.map(|f| f.0),
        total: filled.map(|f| f.1),
        priced: filled.map(|f| f.2),
        client_order_id: order.client_order_id.clone(),
        reason,
    }
}

#[cfg(test)]
mod tests;
