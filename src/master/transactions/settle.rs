//! spec/master/transactions.md · 3.1.7 ("the queue is cleared every update interval")
//!
//! Settles the queue at an update: first corporate actions, then each order in the order of its
//! settlement rank, all in one commit. The answers follow the commit.

use super::corrections::{self, ActionsDone, BroughtAction};
use super::queue::{PriceVisibility, QueuedOrder};
use super::{OrderState, holdings_of, write_outcome};
use crate::master::assets::{self};
use crate::master::messages::Update;
use crate::master::reply_to::ReplyBatch;
use crate::master::storage::ledger::{ActionEntry, Settlement};
use crate::master::storage::{STEP_TIMEOUT, Storage, StorageError, Tx};
use crate::model::timestamp::DAY;
use crate::model::{
    AccountId, Action, ActionKind, Quantity, Quote, Ratio, Reason, Symbol, Timestamp, Transaction,
    TransactionStatus,
};
use crate::runtime::{Heartbeat, STEPS_PER_BEAT, StepBeats, failpoint};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

/// Milliseconds from which on two times of an order differ because the clock was set.
const CLOCK_SET_MS: i64 = 2_000;

/// Market time in milliseconds for which an order waits for a price that is believed.
pub const WAITING_MAX: i64 = 14 * DAY;

/// What an update makes of its orders.
#[derive(Default)]
struct FilledOrders {
    /// The outcomes, in the order of settlement.
    outcomes: Vec<(i64, Settlement)>,
    /// Orders that wait from this update on, because their asset's price is held.
    waiting: Vec<i64>,
}

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
        let (filled, done) = storage.write_beating(heartbeat, |tx| {
            // Stays so if the commit fails.
            self.actions_pending = has_actions;
            let mut done = if has_actions {
                self.apply_actions(tx, update, heartbeat, &mut beats)?
            } else {
                ActionsDone::default()
            };
            let filled = self.fill_orders(tx, update, numbers, &mut done, &mut beats)?;
            for number in &filled.waiting {
                tx.set_waiting(*number, update.snapshot.market_now)?;
                beats.step();
            }
            let outcomes = &filled.outcomes;
            let (half, rest) = outcomes.split_at(outcomes.len().div_ceil(2));
            store_outcomes(tx, half, update, heartbeat)?;
            if !half.is_empty() {
                failpoint::point("settlement-half");
            }
            store_outcomes(tx, rest, update, heartbeat)?;
            for (account, (before, after)) in &done.accounts {
                tx.store_holdings(*account, before, after)?;
                beats.step();
            }
            failpoint::point("settlement-stored");
            Ok((filled, done))
        })?;
        failpoint::point("settlement-committed");
        self.actions_pending = false;
        self.visibility = PriceVisibility::default();
        self.note_write_offs(done.write_offs);
        for number in filled.waiting {
            if let Some(order) = self.queue.get_mut(number) {
                order.waits_since = Some(update.snapshot.market_now);
            }
        }
        for (number, (symbol, quantity)) in done.orders {
            if let Some(order) = self.queue.get_mut(number) {
                (order.symbol, order.quantity) = (symbol, quantity);
            }
        }
        Ok(filled.outcomes)
    }

    /// Fills or rejects the orders one after the other, and changes their accounts in `done`.
    /// Orders that wait for a later price are left out.
    fn fill_orders(
        &mut self,
        tx: &mut Tx<'_>,
        update: &Update,
        numbers: &[i64],
        done: &mut ActionsDone,
        beats: &mut StepBeats<'_>,
    ) -> Result<FilledOrders, StorageError> {
        let mut filled = FilledOrders::default();
        // An end is also that of orders that came after the retrieval began.
        let in_time: HashSet<i64> = numbers.iter().copied().collect();
        let ended = done.ended.keys().filter(|number| !in_time.contains(number));
        let ended: Vec<i64> = ended.copied().collect();
        for number in numbers.iter().chain(&ended) {
            beats.step();
            let Some(order) = self.queue.get_mut(*number) else {
                continue;
            };
            let changed = done.orders.get(number).copied();
            let (symbol, quantity) = changed.unwrap_or((order.symbol, order.quantity));
            let quote = match done.ended.get(number) {
                Some(false) => Some(Err(Reason::NoPrice)),
                Some(true) => {
                    let quote = settlement_quote(update, order, symbol);
                    Some(quote.unwrap_or(Err(Reason::NoPrice)))
                }
                None => settlement_quote(update, order, symbol),
            };
            let Some(quote) = quote else {
                if order.waits_since.is_none() && update.snapshot.is_held(&symbol) {
                    filled.waiting.push(*number);
                }
                continue;
            };
            let outcome = match quote {
                Ok(quote) => {
                    let (_, after) = holdings_of(tx, &mut done.accounts, order.account)?;
                    match after.fill(order.side, symbol, quantity, quote.value) {
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
            filled.outcomes.push((*number, outcome));
        }
        Ok(filled)
    }

    /// Applies actions to positions, as transactions of their own, and to queued orders: all that
    /// the database holds and the ledger does not, including those of updates that could not be
    /// settled. Update by update, each one's corrections before what is new with it.
    fn apply_actions(
        &mut self,
        tx: &mut Tx<'_>,
        update: &Update,
        heartbeat: &Heartbeat,
        beats: &mut StepBeats<'_>,
    ) -> Result<ActionsDone, StorageError> {
        let mut done = ActionsDone::default();
        let families = tx.families(update.number)?;
        let updates = corrections::divide(tx, &families, update.number, beats)?;
        let corrected: BTreeSet<Symbol> = updates
            .iter()
            .flat_map(|actions| actions.corrections.iter().map(|it| it.first))
            .collect();
        let mut trades = BTreeMap::new();
        if !corrected.is_empty() {
            let what = "reading the trades of corrected assets";
            trades = heartbeat.during(what, STEP_TIMEOUT, || tx.trades(&families, &corrected))?;
        }
        for actions in &updates {
            for correction in &actions.corrections {
                // Nobody traded the others.
                if let Some(family) = trades.get_mut(&correction.first) {
                    let correction = (&families, correction);
                    self.correct(tx, actions.number, correction, family, &mut done, beats)?;
                }
            }
            for action in &actions.due {
                self.apply_to_holders(tx, actions.number, action, &mut done, beats)?;
            }
            for brought in &actions.brought {
                self.apply_to_orders(tx, (update, actions.number), brought, &mut done, beats)?;
            }
        }
        tx.set_actions_applied(update.number)?;
        Ok(done)
    }

    /// Applies an action of update `number` on top of what each account holds.
    fn apply_to_holders(
        &mut self,
        tx: &mut Tx<'_>,
        number: u64,
        action: &Action,
        done: &mut ActionsDone,
        beats: &mut StepBeats<'_>,
    ) -> Result<(), StorageError> {
        let mut holders: BTreeSet<AccountId> = tx.holders(action.symbol)?.into_iter().collect();
        if done.gained.contains(&action.symbol) {
            holders.extend(done.accounts.keys());
        }
        let in_lieu = action.in_lieu.filter(|price| price.update <= number);
        for account in holders {
            beats.step();
            let (_, after) = holdings_of(tx, &mut done.accounts, account)?;
            for row in after.act(action, in_lieu.map(|price| price.value)) {
                let order_key = self.sequencer.give();
                tx.insert_settled(&ActionEntry {
                    number: order_key.number,
                    id: order_key.id,
                    accepted: order_key.accepted,
                    account,
                    update: number,
                    time: action.time,
                    row,
                    written_off: None,
                })?;
            }
        }
        done.gained.extend(action.kind.target());
        Ok(())
    }

    /// Applies an action of update `number` to the queued orders from before its prices. An order at
    /// a price after the action knows of it.
    fn apply_to_orders(
        &mut self,
        tx: &mut Tx<'_>,
        (update, number): (&Update, u64),
        brought: &BroughtAction,
        done: &mut ActionsDone,
        beats: &mut StepBeats<'_>,
    ) -> Result<(), StorageError> {
        // Most actions are dividends, and the queue may be long.
        if !may_change_orders(brought) {
            return Ok(());
        }
        let own = brought.action.symbol;
        let visible = self.visibility.since(number);
        for order in self.queue.iter() {
            beats.step();
            if !order.was_before(visible) {
                continue;
            }
            let order_number = order.rank.number;
            let now = done.orders.get(&order_number).copied();
            let (symbol, quantity) = now.unwrap_or((order.symbol, order.quantity));
            // An order that a split has changed may have another name since.
            let is_corrected = brought.before.is_some();
            let is_of_it = symbol == own || is_corrected && update.snapshot.is_renamed(own, symbol);
            if !is_of_it {
                continue;
            }
            match order_change(brought, order.asked, quantity) {
                OrderChange::None => {}
                OrderChange::Units(after) => {
                    tx.set_order_quantity(order_number, after)?;
                    done.orders.insert(order_number, (symbol, after));
                }
                OrderChange::Name(new) if symbol == own => {
                    tx.set_order_symbol(order_number, new)?;
                    done.orders.insert(order_number, (new, quantity));
                }
                OrderChange::Ends { may_fill } if symbol == own || !may_fill => {
                    done.ended.insert(order_number, may_fill);
                }
                OrderChange::Name(_) | OrderChange::Ends { .. } => {}
            }
        }
        Ok(())
    }

    /// Removes orders that ended at `ended` from the queue, and sends their outcomes to all who
    /// wait.
    pub(super) fn answer(
        &mut self,
        heartbeat: &Heartbeat,
        outcomes: Vec<(i64, Settlement)>,
        ended: Timestamp,
    ) {
        let mut replies = ReplyBatch::new();
        let mut beats = StepBeats::new(heartbeat);
        let now = Instant::now();
        for (number, outcome) in outcomes {
            let Some(order) = self.queue.remove(number) else {
                continue;
            };
            // That an asset has no new price is nobody's doing.
            if matches!(&outcome, Settlement::Rejected(why) if *why != Reason::NoPrice) {
                self.rejections.count(order.account, now);
            }
            let transaction = settled_transaction(&order, &outcome, ended);
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

/// What an action does to a queued order.
enum OrderChange {
    None,
    /// So many units.
    Units(Quantity),
    /// The asset's new name.
    Name(Symbol),
    /// It is rejected; if `may_fill`, only where its asset has no new price.
    Ends {
        may_fill: bool,
    },
}

/// What an action does to a queued order of its asset for so many units, of so many asked: a split
/// multiplies it, a rename gives it the new asset, and the end of an asset is the order's. A late
/// split was in the price already. Of a corrected split the right terms count; where other splits
/// have changed the order too, what was meant cannot be told, and it is rejected.
fn order_change(brought: &BroughtAction, asked: Quantity, quantity: Quantity) -> OrderChange {
    let BroughtAction { action, before } = brought;
    let split = |ratio: Ratio, units| ratio.units(units).max(Quantity(1));
    let is_late = action.is_late || before.is_some();
    if let Some(ActionKind::Split(old)) = before.map(|before| before.kind) {
        if quantity == asked {
            return OrderChange::None;
        }
        if split(old, asked) != quantity {
            return OrderChange::Ends { may_fill: false };
        }
        let right = match action.kind {
            ActionKind::Split(ratio) => split(ratio, asked),
            ActionKind::Dividend(_)
            | ActionKind::SpinOff { .. }
            | ActionKind::Rename(_)
            | ActionKind::Merge { .. }
            | ActionKind::Delist(_)
            | ActionKind::Cancel => asked,
        };
        return OrderChange::Units(right);
    }
    match action.kind {
        ActionKind::Split(ratio) if !is_late => OrderChange::Units(split(ratio, quantity)),
        ActionKind::Rename(new) => OrderChange::Name(new),
        ActionKind::Merge { .. } | ActionKind::Delist(_) => OrderChange::Ends { may_fill: is_late },
        ActionKind::Split(_)
        | ActionKind::Dividend(_)
        | ActionKind::SpinOff { .. }
        | ActionKind::Cancel => OrderChange::None,
    }
}

/// Whether [`order_change`] is other than none of any order.
fn may_change_orders(brought: &BroughtAction) -> bool {
    let BroughtAction { action, before } = brought;
    if before.is_some_and(|before| matches!(before.kind, ActionKind::Split(_))) {
        return true;
    }
    match action.kind {
        ActionKind::Split(_) => !action.is_late && before.is_none(),
        ActionKind::Rename(_) | ActionKind::Merge { .. } | ActionKind::Delist(_) => true,
        ActionKind::Dividend(_) | ActionKind::SpinOff { .. } | ActionKind::Cancel => false,
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
/// a later update, because a real-time price is older than the order or the asset's price is held.
fn settlement_quote(
    update: &Update,
    order: &QueuedOrder,
    symbol: Symbol,
) -> Option<Result<Quote, Reason>> {
    let is_in_time = order.since.is_none_or(|since| since < update.began);
    let entry = update.snapshot.entry(&symbol).filter(|_| is_in_time);
    let accepted = accepted_by_clock_of(update, order);
    let decision = entry.map_or(assets::FillDecision::NoPrice, |entry| entry.fill(accepted));
    match decision {
        assets::FillDecision::At(quote) => Some(Ok(quote)),
        assets::FillDecision::Wait => None,
        assets::FillDecision::Halted if may_wait(update, order) => None,
        // It has waited for a price that was held, and waits for one that can be had.
        assets::FillDecision::NoPrice
            if entry.is_some() && order.waits_since.is_some() && may_wait(update, order) =>
        {
            None
        }
        assets::FillDecision::Halted | assets::FillDecision::NoPrice => Some(Err(Reason::NoPrice)),
    }
}

/// When an order was accepted, by the clock as it goes at the update. Where the clock was set since,
/// by hours perhaps, the order must not wait for as long, nor fill at a price older than itself.
fn accepted_by_clock_of(update: &Update, order: &QueuedOrder) -> Timestamp {
    let age = order
        .since
        .and_then(|since| update.began.checked_duration_since(since));
    let by_age = age.map(|age| {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Timestamp(update.began_stamp.0.saturating_sub(age))
    });
    match by_age {
        Some(time) if time.since(order.accepted).abs() > CLOCK_SET_MS => time,
        // An order of an earlier process was accepted before the retrieval began, whatever the times say.
        Some(_) | None => order.accepted.min(update.began_stamp),
    }
}

/// Whether an order may wait for a price beyond this update.
fn may_wait(update: &Update, order: &QueuedOrder) -> bool {
    let now = update.snapshot.market_now;
    let since = order.waits_since.unwrap_or(now);
    !update.snapshot.exhausted && now.since(since) <= WAITING_MAX
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
        Settlement::Cancelled => (TransactionStatus::Cancelled, None, Some(Reason::Cancelled)),
    };
    Transaction {
        id: order.id,
        account: order.account,
        side: order.side,
        status,
        symbol: order.symbol,
        quantity: order.quantity,
        accepted: order.accepted,
        settled: Some(settled.max(order.accepted)),
        price: filled.map(|f| f.0),
        total: filled.map(|f| f.1),
        priced: filled.map(|f| f.2),
        client_order_id: order.client_order_id.clone(),
        reason,
    }
}

#[cfg(test)]
mod tests;
