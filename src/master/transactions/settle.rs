//! spec/master/transactions/settle.md · 3.1.7 ("the queue is cleared every update interval")
//!
//! One update settles what was accepted before it: splits and dividends first, then each order in its turn,
//! all in one commit, and only then the answers.

use super::fill;
use super::queue::{PriceVisibility, QueuedOrder};
use super::{OrderState, sequence, write_outcome};
use crate::master::assets::{self, Action, ActionKind};
use crate::master::messages::Update;
use crate::master::reply_to::ReplyBatch;
use crate::master::storage::ledger::Settlement;
use crate::master::storage::{Storage, StorageError, Tx};
use crate::model::{
    AccountId, Holdings, Money, Quantity, Quote, Reason, Side, Timestamp, Transaction,
    TransactionStatus as Stage,
};
use crate::runtime::failpoint;
use std::collections::HashMap;

impl OrderState {
    pub(super) fn settle(
        &mut self,
        storage: &mut Storage,
        update: &Update,
        numbers: &[i64],
    ) -> Result<Vec<(i64, Settlement)>, StorageError> {
        let act = self.behind || !update.actions.is_empty();
        let (outcomes, split) = storage.write(|tx| {
            // Until the commit.
            self.behind = act;
            let mut accounts: HashMap<AccountId, (Holdings, Holdings)> = HashMap::new();
            let split = if act {
                self.act(tx, update, &mut accounts)?
            } else {
                HashMap::new()
            };
            let outcomes = self.fill_orders(tx, update, numbers, &split, &mut accounts)?;
            let (half, rest) = outcomes.split_at(outcomes.len().div_ceil(2));
            tx.settle_orders(half, update.published, update.number)?;
            if !half.is_empty() {
                failpoint::point("settlement-half");
            }
            tx.settle_orders(rest, update.published, update.number)?;
            for (account, (before, after)) in &accounts {
                tx.store_holdings(*account, before, after)?;
            }
            failpoint::point("settlement-stored");
            Ok((outcomes, split))
        })?;
        failpoint::point("settlement-committed");
        self.behind = false;
        self.seen = PriceVisibility::default();
        for (number, quantity) in split {
            if let Some(order) = self.queue.get_mut(number) {
                order.quantity = quantity;
            }
        }
        Ok(outcomes)
    }

    /// How each order ends that can be settled at this update's prices, in turn, and what its account has then.
    fn fill_orders(
        &mut self,
        tx: &mut Tx<'_>,
        update: &Update,
        numbers: &[i64],
        split: &HashMap<i64, Quantity>,
        accounts: &mut HashMap<AccountId, (Holdings, Holdings)>,
    ) -> Result<Vec<(i64, Settlement)>, StorageError> {
        let mut outcomes = Vec::with_capacity(numbers.len());
        for number in numbers {
            let Some(order) = self.queue.get_mut(*number) else {
                continue;
            };
            let quantity = split.get(number).copied().unwrap_or(order.quantity);
            let Some(priced) = price(update, order) else {
                continue;
            };
            let outcome = match priced {
                Ok(quote) => {
                    let (_, after) = load(tx, accounts, order.account)?;
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

    /// Applies splits and dividends: to positions, as transactions of their own, and to queued orders. All
    /// that the database holds and the ledger does not, so that none is lost that came with an update which
    /// could not be settled.
    fn act(
        &mut self,
        tx: &mut Tx<'_>,
        update: &Update,
        accounts: &mut HashMap<AccountId, (Holdings, Holdings)>,
    ) -> Result<HashMap<i64, Quantity>, StorageError> {
        let mut split: HashMap<i64, Quantity> = HashMap::new();
        let actions = tx.actions_to_apply(update.number)?;
        tx.set_actions_applied(update.number)?;
        for (number, action) in &actions {
            let seen = self.seen.since(*number);
            for account in tx.holders(action.symbol)? {
                let (_, after) = load(tx, accounts, account)?;
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
                };
                let order_key = self.sequencer.give();
                let row = act_row(action, account, order_key, side, quantity, price, total);
                tx.insert_settled(order_key.number, &row, update.number)?;
            }
            if let ActionKind::Split(ratio) = action.kind {
                // Who ordered at a price after the split has said how many units of those there are now.
                let before = |order: &&mut QueuedOrder| order.was_before(seen);
                for order in self.queue.of_symbol(action.symbol).filter(before) {
                    let number = order.turn.number;
                    let now = split.get(&number).copied().unwrap_or(order.quantity);
                    let after = fill::split_amount(now, ratio).max(Quantity(1));
                    tx.set_order_quantity(number, after)?;
                    split.insert(number, after);
                }
            }
        }
        Ok(split)
    }

    pub(super) fn answer(&mut self, outcomes: Vec<(i64, Settlement)>, update: &Update) {
        let mut replies = ReplyBatch::new();
        for (number, outcome) in outcomes {
            let Some(order) = self.queue.remove(number) else {
                continue;
            };
            let transaction = ended(&order, &outcome, update.published);
            for reply_to in order.waiters {
                replies.add(reply_to, |out| write_outcome(out, &transaction));
            }
        }
        replies.send();
    }
}

/// The price that an order settles at in an update; `Err` where it has none, `None` where it waits on:
/// a price of the real world that is older than the order.
fn price(update: &Update, order: &QueuedOrder) -> Option<Result<Quote, Reason>> {
    let in_time = order.since.is_none_or(|since| since < update.began);
    let entry = update.snapshot.entry(&order.symbol).filter(|_| in_time);
    match entry.map_or(assets::FillDecision::NoPrice, |entry| entry.fill(order.accepted)) {
        assets::FillDecision::At(quote) => Some(Ok(quote)),
        assets::FillDecision::Wait => None,
        assets::FillDecision::NoPrice => Some(Err(Reason::NoPrice)),
    }
}

fn load<'a>(
    tx: &mut Tx<'_>,
    accounts: &'a mut HashMap<AccountId, (Holdings, Holdings)>,
    account: AccountId,
) -> Result<&'a mut (Holdings, Holdings), StorageError> {
    use std::collections::hash_map::Entry as Slot;
    match accounts.entry(account) {
        Slot::Occupied(slot) => Ok(slot.into_mut()),
        Slot::Vacant(slot) => {
            let holdings = tx.holdings(account)?;
            Ok(slot.insert((holdings.clone(), holdings)))
        }
    }
}

fn act_row(
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
        status: Stage::Settled,
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

/// A transaction as the ledger has it once an order has ended.
fn ended(order: &QueuedOrder, outcome: &Settlement, settled: Timestamp) -> Transaction {
    let (status, filled, reason) = match outcome {
        Settlement::Settled { price, total, priced } => {
            (Stage::Settled, Some((*price, *total, *priced)), None)
        }
        Settlement::Rejected(reason) => (Stage::Rejected, None, Some(*reason)),
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
