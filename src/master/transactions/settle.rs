//! spec/master/transactions.md · 3.1.7 ("the queue is cleared every update interval")
//!
//! Settles the queue at an update: first corporate actions, then each order in the order of its
//! settlement rank, all in one commit. The answers follow the commit.

use super::book::OrdersChanged;
use super::book::due::{DueOrder, OrderEnding, accepted_by_clock};
use super::book::order::BookOrder;
use super::corrections::{self, ActionsDone, BroughtAction};
use super::open_orders::{self, DueUpdate};
use super::queue::{PriceVisibility, QueuedOrder, was_before};
use super::reserves::{OrderPromise, PromiseKind, SettlementReserves};
use super::waiting::TakenOrder;
use super::{OrderState, holdings_of, write_outcome};
use crate::config::FeeSettings;
use crate::master::assets::FillDecision;
use crate::master::messages::Update;
use crate::master::order_watchers::EndedOrders;
use crate::master::reply_to::ReplyBatch;
use crate::master::storage::ahead;
use crate::master::storage::ledger::{ActionEntry, FillDetails, Settlement};
use crate::master::storage::order_details::FillBar;
use crate::master::storage::{STEP_TIMEOUT, Storage, StorageError, Tx};
use crate::model::{
    AccountId, Action, ActionKind, Holdings, Money, OrderAmount, OrderKind, OrderTerms, Quantity,
    Quote, Ratio, Reason, SettlementRank, Symbol, Timestamp, Transaction,
};
use crate::runtime::{Heartbeat, STEPS_PER_BEAT, StepBeats, failpoint};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// What an update makes of its orders.
#[derive(Default)]
struct FilledOrders {
    /// The outcomes, in the order of settlement.
    outcomes: Vec<(i64, Settlement)>,
    /// Market orders of the queue that wait in the book from this update on.
    opened: Vec<i64>,
}

/// The orders that an update has ended.
#[derive(Debug)]
pub(super) struct SettledOrders {
    outcomes: Vec<(i64, Settlement)>,
    /// Those of them that actions have taken out of the book.
    forgotten: HashMap<i64, TakenOrder>,
}

impl SettledOrders {
    /// Their number.
    pub(super) fn len(&self) -> usize {
        self.outcomes.len()
    }
}

/// An order whose turn has come, at a price.
struct DueTurn {
    promise: OrderPromise,
    amount: OrderAmount,
    kind: OrderKind,
    /// Before slippage.
    quoted: Quote,
    /// The bar that fills an open order.
    bar: Option<FillBar>,
}

/// What an update does with an order whose turn has come and that does not trade.
enum TurnDecision {
    Ends(Settlement),
    /// It leaves the queue, and waits in the book for the next new price of its asset.
    Opens,
    /// It stays where it is: the price is older than the order.
    Stays,
}

/// One turn of a settlement.
enum Turn {
    Queued(i64),
    Open(DueOrder),
}

impl OrderState {
    /// Settles the queued orders with these numbers and the open orders that are due in one commit;
    /// `None`: what is due is to be found once actions are applied.
    pub(super) fn settle(
        &mut self,
        storage: &mut Storage,
        heartbeat: &Heartbeat,
        update: &Update,
        (numbers, due): (&[i64], Option<DueUpdate>),
    ) -> Result<SettledOrders, StorageError> {
        let has_actions = self.actions_pending || !update.actions.is_empty();
        let mut beats = StepBeats::new(heartbeat);
        let mut changes = Vec::new();
        let stored = storage.write_beating(heartbeat, |tx| {
            // Stays so if the commit fails.
            self.actions_pending = has_actions;
            let mut done = ActionsDone::default();
            if has_actions {
                let all = &mut (&mut done, &mut changes);
                self.apply_actions(tx, update, heartbeat, all, &mut beats)?;
            }
            let due = due.unwrap_or_else(|| self.due_at(update));
            let mut filled =
                self.fill_orders(tx, update, (numbers, &due), &mut done, &mut beats)?;
            let ended = changes.iter().flat_map(|changed| &changed.ended);
            let ended = ended.map(|it| (it.number, open_orders::ending(it)));
            filled.outcomes.extend(ended);
            for number in &filled.opened {
                tx.open_order(*number, update.snapshot.market_now)?;
                beats.step();
            }
            self.store_due(tx, &due, &mut beats)?;
            tx.set_settled_update(update.number);
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
            Ok((filled, done, due))
        });
        let (filled, done, due) = match stored {
            Ok(stored) => stored,
            Err(error) => {
                self.waiting.book_mut().put_back(changes);
                return Err(error);
            }
        };
        failpoint::point("settlement-committed");
        self.actions_pending = false;
        self.visibility = PriceVisibility::default();
        self.note_write_offs(done.write_offs);
        for (number, (symbol, quantity)) in done.orders {
            self.change_queued(number, |order| {
                (order.symbol, order.quantity) = (symbol, quantity);
            });
        }
        self.advance(&due);
        self.keep_latecomers(&due);
        for number in filled.opened {
            self.open_order(number, update.snapshot.market_now);
        }
        Ok(SettledOrders {
            outcomes: filled.outcomes,
            forgotten: self.forget_ended(changes, &mut beats),
        })
    }

    /// Fills or rejects the orders one after the other, by turn, and changes their accounts in
    /// `done`.
    fn fill_orders(
        &self,
        tx: &mut Tx<'_>,
        update: &Update,
        (numbers, due): (&[i64], &DueUpdate),
        done: &mut ActionsDone,
        beats: &mut StepBeats<'_>,
    ) -> Result<FilledOrders, StorageError> {
        let mut filled = FilledOrders::default();
        let mut spending = SettlementReserves::new(self.waiting.book().reserves());
        let late = self.latecomers(due);
        for order in &late {
            spending.set_aside(&order.promise());
        }
        for ending in &due.endings {
            if let Some(order) = self.waiting.book().get(ending.number) {
                spending.free(&order.promise());
            }
            let outcome = open_orders::ending(ending);
            filled.outcomes.push((ending.number, outcome));
        }
        let turns = self.turns(numbers, due, done);
        ahead::holdings(tx, || self.accounts_of(&turns, done))?;
        for turn in turns {
            beats.step();
            let (number, turn) = match turn {
                Turn::Queued(number) => (number, self.queued_turn(update, number, done)),
                Turn::Open(due) => (due.rank.number, self.open_turn(&due)),
            };
            let outcome = match turn {
                Ok(due) => {
                    let account = due.promise.account;
                    spending.free(&due.promise);
                    let (_, after) = holdings_of(tx, &mut done.accounts, account)?;
                    let spendable = spending.spendable(account, after.cash);
                    let outcome = trade((&self.fees, self.fee_schedule), after, spendable, &due);
                    outcome.unwrap_or_else(Settlement::Rejected)
                }
                Err(TurnDecision::Ends(outcome)) => outcome,
                Err(TurnDecision::Opens) => {
                    filled.opened.push(number);
                    continue;
                }
                Err(TurnDecision::Stays) => continue,
            };
            filled.outcomes.push((number, outcome));
        }
        let late: HashSet<i64> = late.iter().map(|order| order.number()).collect();
        self.reject_uncovered(&spending, &late, done, &mut filled);
        Ok(filled)
    }

    /// The accounts of these orders whose holdings were not read yet.
    fn accounts_of(&self, turns: &[Turn], done: &ActionsDone) -> HashSet<AccountId> {
        let accounts = turns.iter().filter_map(|turn| match turn {
            Turn::Queued(number) => Some(self.queue.get(*number)?.account),
            Turn::Open(due) => Some(self.waiting.book().get(due.rank.number)?.account),
        });
        accounts
            .filter(|account| !done.accounts.contains_key(account))
            .collect()
    }

    /// The orders of the book that were accepted after the update's retrieval began. What they hold
    /// back does not count in its settlement: else who has seen its prices could withdraw a purchase
    /// by an order that takes its cash.
    fn latecomers(&self, due: &DueUpdate) -> Vec<&BookOrder> {
        let orders = self.newcomers.iter();
        let orders = orders.filter_map(|number| self.waiting.book().get(*number));
        orders.filter(|order| !due.includes(order)).collect()
    }

    /// What an order of the queue trades at an update, if cash and units suffice; else what the
    /// update does with it.
    fn queued_turn(
        &self,
        update: &Update,
        number: i64,
        done: &ActionsDone,
    ) -> Result<DueTurn, TurnDecision> {
        let order = self.queue.get(number).ok_or(TurnDecision::Stays)?;
        let changed = done.orders.get(&number).copied();
        let (symbol, quantity) = changed.unwrap_or((order.symbol, order.quantity));
        let quoted = decide(update, order, symbol, done.ended.get(&number))?;
        Ok(DueTurn {
            promise: OrderPromise {
                symbol,
                ..order.promise()
            },
            amount: match order.amount() {
                OrderAmount::Cash(cash) => OrderAmount::Cash(cash),
                OrderAmount::Units(_) => OrderAmount::Units(quantity),
            },
            kind: OrderKind::Market,
            quoted,
            bar: None,
        })
    }

    /// What an open order trades at the bar that reaches it, if cash and units suffice.
    fn open_turn(&self, due: &DueOrder) -> Result<DueTurn, TurnDecision> {
        let order = self.waiting.book().get(due.rank.number);
        let order = order.ok_or(TurnDecision::Stays)?;
        Ok(DueTurn {
            promise: order.promise(),
            amount: order.amount,
            kind: due.kind,
            quoted: Quote {
                value: due.quoted,
                time: due.bar.time,
            },
            bar: Some(FillBar {
                open: due.bar.open,
                high: due.bar.high,
                low: due.bar.low,
            }),
        })
    }

    /// The orders of a settlement by turn. An end of an asset is also that of queued orders that came
    /// after the retrieval began: they come last.
    fn turns(&self, numbers: &[i64], due: &DueUpdate, done: &ActionsDone) -> Vec<Turn> {
        let mut turns: Vec<Turn> = if due.due.fills.is_empty() {
            // The numbers come by rank.
            numbers.iter().copied().map(Turn::Queued).collect()
        } else {
            let queued = numbers.iter().filter_map(|number| self.queue.get(*number));
            let queued = queued.map(|order| (order.rank, Turn::Queued(order.rank.number)));
            let open = due.due.fills.iter().map(|it| (it.rank, Turn::Open(*it)));
            let mut turns: Vec<(SettlementRank, Turn)> = queued.chain(open).collect();
            turns.sort_by_key(|(rank, _)| *rank);
            turns.into_iter().map(|(_, turn)| turn).collect()
        };
        if !done.ended.is_empty() {
            let in_time: HashSet<i64> = numbers.iter().copied().collect();
            let late = done.ended.keys().filter(|it| !in_time.contains(it));
            turns.extend(late.map(|number| Turn::Queued(*number)));
        }
        turns
    }

    /// Rejects the last orders that hold cash back which is gone, so that reserves never exceed cash:
    /// those first that came too late for the update, while its orders had that cash still, and
    /// others where a correction has taken it.
    fn reject_uncovered(
        &self,
        spending: &SettlementReserves<'_>,
        late: &HashSet<i64>,
        done: &ActionsDone,
        filled: &mut FilledOrders,
    ) {
        let is_short = |account: &AccountId, cash: Money| spending.uncovered(*account, cash) > 0;
        let short: Vec<(AccountId, Money)> = done
            .accounts
            .iter()
            .map(|(account, (_, after))| (*account, after.cash))
            .filter(|(account, cash)| is_short(account, *cash))
            .collect();
        if short.is_empty() {
            return;
        }
        let ended: HashSet<i64> = filled.outcomes.iter().map(|(number, _)| *number).collect();
        for (account, cash) in short {
            let mut missing = spending.uncovered(account, cash);
            let orders = self.waiting.book().of_account(account);
            let mut standing: Vec<&BookOrder> = orders
                .filter(|order| order.promise().kind == PromiseKind::Standing)
                .filter(|order| order.reserve > Money::ZERO && !ended.contains(&order.number()))
                .collect();
            standing.sort_by_key(|order| Reverse((late.contains(&order.number()), order.rank)));
            for order in standing {
                if missing <= 0 {
                    break;
                }
                missing -= i128::from(order.reserve.0);
                let outcome = Settlement::Rejected(Reason::InsufficientFunds);
                filled.outcomes.push((order.number(), outcome));
            }
        }
    }

    /// Applies actions to positions, as transactions of their own, and to queued orders: all that
    /// the database holds and the ledger does not, including those of updates that could not be
    /// settled. Update by update, each one's corrections before what is new with it.
    fn apply_actions(
        &mut self,
        tx: &mut Tx<'_>,
        update: &Update,
        heartbeat: &Heartbeat,
        (done, changes): &mut (&mut ActionsDone, &mut Vec<OrdersChanged>),
        beats: &mut StepBeats<'_>,
    ) -> Result<(), StorageError> {
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
                    self.correct(tx, actions.number, correction, family, done, beats)?;
                }
            }
            for action in &actions.due {
                self.apply_to_holders(tx, actions.number, action, done, beats)?;
            }
            for brought in &actions.brought {
                self.apply_to_orders(tx, (update, actions.number), brought, done, beats)?;
                self.apply_to_book(tx, (update, actions.number), brought, changes, beats)?;
                self.correct_book(tx, (update, actions.number), brought, changes, beats)?;
                beats.step();
            }
        }
        tx.set_actions_applied(update.number)
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
        ahead::holdings(tx, || {
            let unread = |account: &&AccountId| !done.accounts.contains_key(account);
            holders.iter().filter(unread).copied().collect()
        })?;
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
                // An amount of money stays as it is.
                OrderChange::Units(_) if matches!(order.amount(), OrderAmount::Cash(_)) => {}
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

    /// Brings open orders to the right terms of a corrected split, as far as it can be told what was
    /// meant: market orders follow it; those whose prices it has changed are cancelled, also where
    /// they are for an amount of money.
    fn correct_book(
        &mut self,
        tx: &mut Tx<'_>,
        (update, number): (&Update, u64),
        brought: &BroughtAction,
        changes: &mut Vec<OrdersChanged>,
        beats: &mut StepBeats<'_>,
    ) -> Result<(), StorageError> {
        if !brought.before.as_ref().is_some_and(corrections::is_split) {
            return Ok(());
        }
        let own = brought.action.symbol;
        let visible = self.visibility.since(number);
        let is_of_it = |symbol| symbol == own || update.snapshot.is_renamed(own, symbol);
        let orders: Vec<BookOrder> = self
            .waiting
            .book()
            .iter()
            .filter(|order| is_of_it(order.symbol) && was_before(order.since, visible))
            .cloned()
            .collect();
        for order in orders {
            beats.step();
            let number = order.number();
            let change = match order.amount {
                OrderAmount::Units(units) => order_change(brought, tx.asked_units(number)?, units),
                OrderAmount::Cash(_) => prices_change(brought, &order),
            };
            let ending = match (change, order.terms) {
                (OrderChange::None | OrderChange::Name(_), _) => continue,
                (OrderChange::Units(after), OrderTerms::Market) => {
                    tx.set_order_quantity(number, after)?;
                    self.waiting.book_mut().remove(number);
                    self.waiting.book_mut().insert(BookOrder {
                        amount: OrderAmount::Units(after),
                        ..order.clone()
                    });
                    None
                }
                (OrderChange::Ends { .. }, OrderTerms::Market) => {
                    Some(OrderEnding::no_price(number))
                }
                (OrderChange::Units(_) | OrderChange::Ends { .. }, _) => {
                    Some(OrderEnding::cancelled(number))
                }
            };
            if ending.is_some() {
                self.waiting.book_mut().remove(number);
            }
            changes.push(OrdersChanged {
                before: vec![order],
                ended: ending.into_iter().collect(),
            });
        }
        Ok(())
    }

    /// Removes the orders that ended `at` this time, and sends their outcomes to all who wait.
    pub(super) fn answer(
        &mut self,
        heartbeat: &Heartbeat,
        mut settled: SettledOrders,
        at: Timestamp,
    ) {
        let mut replies = ReplyBatch::new();
        let watchers = Arc::clone(&self.watchers);
        let mut notices = EndedOrders::new(&watchers);
        let mut beats = StepBeats::new(heartbeat);
        let now = Instant::now();
        for (number, outcome) in settled.outcomes {
            let (account, transaction, waiters) = if let Some(order) = self.unqueue_order(number) {
                (order.account, order.transaction(), order.waiters)
            } else {
                let taken = settled.forgotten.remove(&number);
                let Some(taken) = taken.or_else(|| self.close_order(number)) else {
                    continue;
                };
                let TakenOrder { order, waiters, .. } = taken;
                (order.account, order.transaction(), waiters)
            };
            let transaction = ended(transaction, &outcome, at);
            // That an asset has no new price is nobody's doing.
            if matches!(&outcome, Settlement::Rejected(why) if *why != Reason::NoPrice) {
                self.rejections.count(account, now);
            }
            for reply_to in waiters {
                replies.add(reply_to, |out| write_outcome(out, &transaction));
            }
            notices.add(&transaction);
            if beats.step() {
                replies.send();
            }
        }
        replies.send();
        notices.send();
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
    let BroughtAction { action, before, .. } = brought;
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

/// What the correction of a split does to an order for an amount of money: its prices tell nothing of
/// what was asked, and it is cancelled where the split has changed them. That is told by the update:
/// of an order accepted between the retrieval of the split's update and that of the next it is not
/// known whether it has seen the split, and it is cancelled too, since no fill is better than one at
/// a wrong price.
fn prices_change(brought: &BroughtAction, order: &BookOrder) -> OrderChange {
    let may_be_split = |update: u64| order.first_update <= update.saturating_add(1);
    let has_price = order.terms != OrderTerms::Market;
    if has_price && brought.split_at.is_some_and(may_be_split) {
        OrderChange::Ends { may_fill: false }
    } else {
        OrderChange::None
    }
}

/// Whether [`order_change`] is other than none of any order.
fn may_change_orders(brought: &BroughtAction) -> bool {
    let BroughtAction { action, before, .. } = brought;
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

/// Trades an order's units at its price, with slippage and fee.
fn trade(
    (fees, fee_schedule): (&FeeSettings, Option<i64>),
    holdings: &mut Holdings,
    spendable: Money,
    due: &DueTurn,
) -> Result<Settlement, Reason> {
    const BEYOND: Reason = Reason::QuantityInvalid;
    let OrderPromise { side, symbol, .. } = due.promise;
    let price = fees.fill_price(side, due.kind, due.quoted.value);
    let price = price.ok_or(BEYOND)?;
    let (units, bought) = match due.amount {
        OrderAmount::Units(units) => (units, None),
        OrderAmount::Cash(cash) => {
            let units = fees.most_units(cash, price).ok_or(BEYOND)?;
            (units, Some(units))
        }
    };
    let total = fees.fill(side, units, price).ok_or(BEYOND)?;
    holdings.trade(side, symbol, units, (total.total, spendable))?;
    Ok(Settlement::Settled {
        price,
        total: total.total,
        priced: due.quoted.time,
        details: FillDetails {
            units: bought,
            quoted: Some(due.quoted.value).filter(|quoted| *quoted != price),
            fee: Some(total.fee).filter(|fee| *fee > Money::ZERO),
            fee_schedule,
            bar: due.bar,
        },
    })
}

/// The price at which an update fills an order of the queue, whose asset is `symbol` by now; else
/// what it does with it. `ended`: the asset has ended, and whether a price of it in this update fills
/// the order nevertheless.
fn decide(
    update: &Update,
    order: &QueuedOrder,
    symbol: Symbol,
    ended: Option<&bool>,
) -> Result<Quote, TurnDecision> {
    const NO_PRICE: TurnDecision = TurnDecision::Ends(Settlement::Rejected(Reason::NoPrice));
    let snapshot = &update.snapshot;
    let is_in_time = order.takes_part(update.began, update.number);
    let entry = snapshot.entry(&symbol).filter(|_| is_in_time);
    let Some(entry) = entry.filter(|_| ended != Some(&false)) else {
        return Err(NO_PRICE);
    };
    if order.is_expired(snapshot.market_now) {
        return Err(TurnDecision::Ends(Settlement::Expired));
    }
    let (began, stamp) = (update.began, update.began_stamp);
    let accepted = accepted_by_clock(order.since, order.accepted, began, stamp);
    match entry.fill(accepted) {
        FillDecision::At(quote) => Ok(quote),
        FillDecision::Wait | FillDecision::Halted | FillDecision::NoPrice if ended.is_some() => {
            Err(NO_PRICE)
        }
        FillDecision::Wait => Err(TurnDecision::Stays),
        FillDecision::Halted | FillDecision::NoPrice if snapshot.exhausted => Err(NO_PRICE),
        FillDecision::Halted | FillDecision::NoPrice => Err(TurnDecision::Opens),
    }
}

/// The transaction of an order that has ended so. It tells what its reply does.
pub(super) fn ended(
    transaction: Transaction,
    outcome: &Settlement,
    settled: Timestamp,
) -> Transaction {
    let settled = settled.max(transaction.accepted);
    let transaction = Transaction {
        status: outcome.status(),
        settled: Some(settled),
        reason: outcome.reason(),
        ..transaction
    };
    match outcome {
        Settlement::Settled {
            price,
            total,
            priced,
            details,
        } => Transaction {
            // Those that an order for an amount of cash has brought.
            quantity: details.units.unwrap_or(transaction.quantity),
            price: Some(*price),
            total: Some(*total),
            priced: Some(*priced),
            ..transaction
        },
        Settlement::Rejected(_) | Settlement::Cancelled(_) | Settlement::Expired => transaction,
    }
}

#[cfg(test)]
mod tests;
