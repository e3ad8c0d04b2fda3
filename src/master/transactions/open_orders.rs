//! spec/master/transactions.md · 3.1.7 ("the queue is cleared every update interval")
//!
//! What an update does with the open orders: what is due is found before anything is stored, and the
//! book changes after the commit. What happens to an asset happens to its orders.
//!
//! Tests: `src/master/transactions/settle/tests.rs`.

use super::OrderState;
use super::book::OrdersChanged;
use super::book::due::{BookUpdate, DueOrders, EndingKind, OrderEnding, TrailStart, UpdateBar};
use super::book::order::BookOrder;
use super::book::trail::TrailClose;
use super::corrections::BroughtAction;
use super::waiting::TakenOrder;
use crate::master::assets::AssetPrice;
use crate::master::messages::Update;
use crate::master::storage::ledger::Settlement;
use crate::master::storage::{StorageError, Tx};
use crate::model::{ActionKind, OrderAmount, OrderTerms, Quantity, Ratio, Reason, Side, Symbol};
use crate::runtime::StepBeats;
use std::collections::{HashMap, HashSet};

/// Closes of an asset that are stored between two compactions.
const CLOSES_MAX: usize = 256;

/// What an update does with the open orders.
#[derive(Debug)]
pub(super) struct DueUpdate {
    update: BookUpdate,
    pub due: DueOrders,
    pub endings: Vec<OrderEnding>,
    /// Assets with stored closes whose last trailing order has ended.
    unfollowed: Vec<Symbol>,
}

impl DueUpdate {
    /// Whether an order takes part in the update.
    pub(super) fn includes(&self, order: &BookOrder) -> bool {
        self.update.includes(order)
    }

    /// Whether there is nothing to store of it.
    pub(super) fn is_nothing(&self) -> bool {
        let due = &self.due;
        due.fills.is_empty()
            && due.triggered.is_empty()
            && due.days.is_empty()
            && due.starts.is_empty()
            && due.closes.is_empty()
            && self.endings.is_empty()
            && self.unfollowed.is_empty()
    }
}

impl OrderState {
    /// What an update does with the open orders as they are.
    pub(super) fn due_at(&self, update: &Update) -> DueUpdate {
        let snapshot = &update.snapshot;
        let at = BookUpdate {
            number: update.number,
            began: update.began,
            began_stamp: update.began_stamp,
            market_now: snapshot.market_now,
            exhausted: snapshot.exhausted,
        };
        let book = self.waiting.book();
        let mut due = DueOrders::default();
        if !book.is_empty() {
            for entry in snapshot.entries() {
                if let Some(bar) = bar_of(entry) {
                    book.due(entry.symbol, bar, &at, &mut due);
                }
            }
        }
        let mut endings = book.expired(&at, &due);
        if self.unlisted_pending {
            // The list of assets changes between two processes alone.
            let ending: HashSet<i64> = endings.iter().map(|ending| ending.number).collect();
            let left: Vec<OrderEnding> = book
                .iter()
                .filter(|order| order.terms == OrderTerms::Market)
                .filter(|order| snapshot.entry(&order.symbol).is_none())
                .map(|order| order.number())
                .filter(|number| !ending.contains(number))
                .map(OrderEnding::no_price)
                .collect();
            endings.extend(left);
        }
        let stored = self.closes.keys().copied();
        DueUpdate {
            update: at,
            due,
            endings,
            unfollowed: stored.filter(|symbol| !book.is_followed(symbol)).collect(),
        }
    }

    /// Stores what an update changes of orders that go on waiting.
    pub(super) fn store_due(
        &mut self,
        tx: &mut Tx<'_>,
        due: &DueUpdate,
        beats: &mut StepBeats<'_>,
    ) -> Result<(), StorageError> {
        for number in &due.due.triggered {
            tx.set_triggered(*number, due.update.number)?;
            beats.step();
        }
        for (number, end) in &due.due.days {
            tx.set_until(*number, *end)?;
            beats.step();
        }
        for start in &due.due.starts {
            tx.set_trail_start(start)?;
            beats.step();
        }
        for (symbol, close) in &due.due.closes {
            self.compact_closes(tx, symbol)?;
            tx.insert_trail_close(*symbol, due.update.number, *close)?;
            beats.step();
        }
        for symbol in &due.unfollowed {
            tx.set_trail_closes(symbol, &[])?;
            beats.step();
        }
        Ok(())
    }

    /// Drops the closes of an asset that no order needs any more, if many were stored.
    fn compact_closes(&mut self, tx: &mut Tx<'_>, symbol: &Symbol) -> Result<(), StorageError> {
        let stored = self.closes.entry(*symbol).or_default();
        *stored += 1;
        if *stored < CLOSES_MAX {
            return Ok(());
        }
        *stored = 0;
        let mut closes = tx.trail_closes_of(symbol)?;
        let needed = self.waiting.book().needed_closes(symbol, &closes);
        closes.retain(|close| needed.contains(&close.update));
        tx.set_trail_closes(symbol, &closes)
    }

    /// Lets the book go on behind an update that is on disk.
    pub(super) fn advance(&mut self, due: &DueUpdate) {
        self.waiting.book_mut().advance(&due.due, &due.update);
        self.unlisted_pending = false;
        for symbol in &due.unfollowed {
            self.closes.remove(symbol);
        }
    }

    /// Forgets which orders came lately, but for those that came too late for this update.
    pub(super) fn keep_latecomers(&mut self, due: &DueUpdate) {
        let book = self.waiting.book();
        let is_late = |number: &i64| {
            let order = book.get(*number);
            order.is_some_and(|order| !due.includes(order))
        };
        self.newcomers.retain(is_late);
    }

    /// Forgets those that have ended: without an update, while the market is paused say, nothing
    /// else does.
    pub(super) fn forget_gone_newcomers(&mut self) {
        let book = self.waiting.book();
        self.newcomers.retain(|number| book.get(*number).is_some());
    }

    /// Applies an action of update `number` to the open orders from before its prices. Late splits
    /// and corrected ones leave them as they are: their prices were in those units already.
    pub(super) fn apply_to_book(
        &mut self,
        tx: &mut Tx<'_>,
        (update, number): (&Update, u64),
        brought: &BroughtAction,
        changes: &mut Vec<OrdersChanged>,
        beats: &mut StepBeats<'_>,
    ) -> Result<(), StorageError> {
        let BroughtAction { action, before, .. } = brought;
        let is_late = action.is_late || before.is_some();
        let own = action.symbol;
        // Where the end comes late, a price of the name may be another's, and fills its orders.
        let has_price = update
            .snapshot
            .entry(&own)
            .is_some_and(|it| bar_of(it).is_some());
        let has_ended = !is_late || !has_price;
        let changed = match action.kind {
            ActionKind::Split(ratio) if !is_late => {
                split_closes(tx, &own, ratio)?;
                let visible = self.visibility.since(number);
                let latest = update.snapshot.last_quote(&own).map(|quote| quote.value);
                let book = self.waiting.book_mut();
                book.split(&own, ratio, visible, (&self.fees, latest))
            }
            ActionKind::Rename(new) => {
                // Those of the new name are its own orders'.
                tx.set_trail_closes(&own, &[])?;
                self.waiting.book_mut().rename(&own, new, update.number)
            }
            ActionKind::Merge { .. } | ActionKind::Delist(_) if has_ended => {
                self.waiting.book_mut().end_asset(&own)
            }
            ActionKind::Split(_)
            | ActionKind::Merge { .. }
            | ActionKind::Delist(_)
            | ActionKind::Dividend(_)
            | ActionKind::SpinOff { .. }
            | ActionKind::Cancel => return Ok(()),
        };
        let stored = self.store_changed(tx, &changed, beats);
        changes.push(changed);
        stored
    }

    /// Stores orders that an action has changed, as they are now.
    fn store_changed(
        &self,
        tx: &mut Tx<'_>,
        changed: &OrdersChanged,
        beats: &mut StepBeats<'_>,
    ) -> Result<(), StorageError> {
        for before in &changed.before {
            beats.step();
            let Some(order) = self.waiting.book().get(before.number()) else {
                continue;
            };
            if order.symbol != before.symbol {
                tx.set_order_symbol(order.number(), order.symbol)?;
                if let Some(start) = TrailStart::of(order) {
                    tx.set_trail_start(&start)?;
                }
                continue;
            }
            let units = match order.amount {
                OrderAmount::Units(units) => units,
                OrderAmount::Cash(_) => Quantity::ZERO,
            };
            let reserve = (order.side == Side::Buy).then_some(order.reserve);
            tx.set_order_amount(order.number(), units, reserve)?;
            tx.set_order_prices(order.number(), &order.terms, order.progress.best())?;
        }
        Ok(())
    }

    /// Frees the places of the orders that actions have taken out of the book.
    pub(super) fn forget_ended(
        &mut self,
        changes: Vec<OrdersChanged>,
        beats: &mut StepBeats<'_>,
    ) -> HashMap<i64, TakenOrder> {
        let mut forgotten = HashMap::new();
        for changed in changes {
            let ended: HashSet<i64> = changed.ended.iter().map(|ending| ending.number).collect();
            for order in changed.before {
                beats.step();
                let number = order.number();
                if ended.contains(&number) {
                    let taken = self.waiting.forget(order);
                    self.free_queue_place(&taken);
                    forgotten.insert(number, taken);
                }
            }
        }
        forgotten
    }
}

/// The outcome of an order that ends without a fill.
pub(super) fn ending(ending: &OrderEnding) -> Settlement {
    match ending.kind {
        EndingKind::Expired => Settlement::Expired,
        EndingKind::NoPrice => Settlement::Rejected(Reason::NoPrice),
        EndingKind::Cancelled => Settlement::Cancelled(Reason::Cancelled),
    }
}

/// Brings the closes that trailing orders follow to the units of after a split.
fn split_closes(tx: &mut Tx<'_>, symbol: &Symbol, ratio: Ratio) -> Result<(), StorageError> {
    let closes = tx.trail_closes_of(symbol)?;
    if closes.is_empty() {
        return Ok(());
    }
    let closes: Vec<TrailClose> = closes.into_iter().map(|close| close.split(ratio)).collect();
    tx.set_trail_closes(symbol, &closes)
}

/// The bar that an update brought to an asset, if it may fill orders.
fn bar_of(entry: &AssetPrice) -> Option<UpdateBar> {
    let bar = entry
        .bar
        .filter(|_| entry.fresh && !entry.stale && !entry.halted)?;
    Some(UpdateBar {
        bar,
        real_time: entry.real_time,
    })
}
