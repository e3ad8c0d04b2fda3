//! spec/master/transactions.md · 3.1.7 Assets Buy & Sell
//!
//! The book of waiting orders with what is beside it in memory: whose places its orders hold, and
//! who waits for their outcome.
//!
//! Tests: `src/master/transactions/place/tests.rs`.

use super::book::OrderBook;
use super::book::order::{BookOrder, BookProgress, OrderEnd};
use super::book::trail::BestCloses;
use super::queue::{OrderHolder, QueuedOrder, add_waiter};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::order_details::OrderDetails;
use crate::master::storage::order_terms::StoredOrder;
use crate::model::{AccountId, Money, OrderAmount, OrderTerms, Symbol, TimeInForce, Timestamp};
use crate::runtime::dynamic_share::{DynamicShare, ShareError};
use crate::runtime::neighbourhood::Neighbourhood;
use std::collections::HashMap;
use uuid::Uuid;

/// The waiting orders.
#[derive(Debug)]
pub struct WaitingOrders {
    book: OrderBook,
    share: DynamicShare<AccountId, Uuid>,
    /// Of orders of this process, by number.
    near: HashMap<i64, Neighbourhood>,
    /// Destinations of the outcomes of purchaseAsset and sellAsset, by number.
    waiters: HashMap<i64, Vec<ReplyTo>>,
}

/// An order that was taken out of the book, with what was beside it.
#[derive(Debug)]
pub struct TakenOrder {
    pub order: BookOrder,
    near: Option<Neighbourhood>,
    pub waiters: Vec<ReplyTo>,
}

impl TakenOrder {
    /// Of a market order: whose place among those of the queue it keeps while it waits.
    pub fn queue_place(&self) -> Option<OrderHolder> {
        queue_place(&self.order, self.near)
    }
}

impl WaitingOrders {
    /// No order, and so many places.
    pub fn new(places: usize) -> WaitingOrders {
        WaitingOrders {
            book: OrderBook::new(),
            share: DynamicShare::new(places),
            near: HashMap::new(),
            waiters: HashMap::new(),
        }
    }

    /// The book.
    pub fn book(&self) -> &OrderBook {
        &self.book
    }

    /// The book, to advance it, to apply actions to it, and for the reserves of the queue. Orders
    /// come and go by the other functions.
    pub fn book_mut(&mut self) -> &mut OrderBook {
        &mut self.book
    }

    /// Sets the number of places. Orders stay.
    pub fn set_places(&mut self, places: usize) {
        self.share.set_places(places);
    }

    /// The places of an account: its open orders but market orders.
    pub fn of_account(&self, account: AccountId) -> usize {
        self.share.held_by(&account)
    }

    /// Whether the shares leave this holder one more place.
    ///
    /// # Errors
    /// Whose share is full.
    pub fn check_share(&self, holder: &OrderHolder) -> Result<(), ShareError> {
        self.share.check(holder)
    }

    /// Adds an order, which takes a place. A market order comes from the queue, and keeps its place
    /// there.
    pub fn insert(&mut self, order: BookOrder, near: Option<Neighbourhood>, waiters: Vec<ReplyTo>) {
        let number = order.number();
        if queue_place(&order, near).is_none() {
            self.share.take(&holder(&order, near));
        }
        self.near.extend(near.map(|near| (number, near)));
        if !waiters.is_empty() {
            self.waiters.insert(number, waiters);
        }
        self.book.insert(order);
    }

    /// Takes an order out, and frees its place. That of a market order is the queue's to free.
    pub fn remove(&mut self, number: i64) -> Option<TakenOrder> {
        let order = self.book.remove(number)?;
        Some(self.forget(order))
    }

    /// Frees the place of an order that is out of the book already.
    pub fn forget(&mut self, order: BookOrder) -> TakenOrder {
        let number = order.number();
        let near = self.near.remove(&number);
        let waiters = self.waiters.remove(&number).unwrap_or_default();
        if queue_place(&order, near).is_none() {
            self.share.free(&holder(&order, near));
        }
        TakenOrder {
            order,
            near,
            waiters,
        }
    }

    /// Puts an order back that was taken out.
    pub fn put_back(&mut self, taken: TakenOrder) {
        self.insert(taken.order, taken.near, taken.waiters);
    }

    /// Adds a destination of an order's outcome.
    pub fn add_waiter(&mut self, number: i64, reply_to: ReplyTo) {
        if self.book.get(number).is_some() {
            add_waiter(self.waiters.entry(number).or_default(), reply_to);
        }
    }

    /// Adds an order of an earlier process. `closes` are those that trailing orders of its asset
    /// follow; it takes part in update `next` at the latest. Returns whose place of the queue it
    /// keeps, if it does.
    pub fn restore(
        &mut self,
        open: StoredOrder,
        closes: &HashMap<Symbol, BestCloses>,
        next: u64,
    ) -> Option<OrderHolder> {
        let mut order = stored(open);
        order.first_update = order.first_update.min(next);
        if let BookProgress::Best(accepted) = order.progress {
            let closes = closes.get(&order.symbol);
            let best = closes.map_or(accepted, |closes| closes.best_of(&order, accepted));
            order.progress = BookProgress::Best(best);
        }
        let place = queue_place(&order, None);
        self.insert(order, None, Vec::new());
        place
    }
}

/// Whose place of the queue an order keeps in the book; `None`: it has one of the book's. So market
/// orders that wait for a price take no place from those that wait for their price, and an account
/// has no more of both kinds than of each.
fn queue_place(order: &BookOrder, near: Option<Neighbourhood>) -> Option<OrderHolder> {
    (order.terms == OrderTerms::Market).then(|| holder(order, near))
}

/// Who holds the place of an order.
fn holder(order: &BookOrder, near: Option<Neighbourhood>) -> OrderHolder {
    OrderHolder {
        asker: order.account,
        near,
        source: Some(order.rank.worker),
    }
}

/// The order that an earlier process stored.
fn stored(open: StoredOrder) -> BookOrder {
    let StoredOrder { entry, details } = open;
    let transaction = entry.transaction;
    let since = entry.waits_since.unwrap_or(Timestamp::MIN);
    let (amount, terms, end, progress) = match &details {
        Some(details) => (
            match details.cash {
                Some(cash) => OrderAmount::Cash(cash),
                None => OrderAmount::Units(transaction.quantity),
            },
            details.terms,
            order_end(Some(details), since),
            match (details.terms, details.best, details.triggered) {
                (OrderTerms::Market, ..) => BookProgress::WaitsSince(since),
                (OrderTerms::Trailing { .. }, Some(best), _) => BookProgress::Best(best),
                (_, _, Some(update)) => BookProgress::Triggered(update),
                _ => BookProgress::AsAccepted,
            },
        ),
        None => (
            OrderAmount::Units(transaction.quantity),
            OrderTerms::Market,
            order_end(None, since),
            BookProgress::WaitsSince(since),
        ),
    };
    BookOrder {
        rank: entry.rank,
        id: transaction.id,
        account: transaction.account,
        side: transaction.side,
        symbol: transaction.symbol,
        amount,
        terms,
        end,
        progress,
        reserve: entry.reserve.unwrap_or(Money::ZERO),
        accepted: transaction.accepted,
        since: None,
        first_update: entry.first_update.unwrap_or(0),
    }
}

/// Until when an order waits that was accepted, or waits, since this market time. One of version 1
/// says nothing, and waits as long as a market order may.
pub fn order_end(details: Option<&OrderDetails>, since: Timestamp) -> OrderEnd {
    let Some(details) = details else {
        return if since == Timestamp::MIN {
            OrderEnd::UNKNOWN
        } else {
            OrderEnd::of(TimeInForce::Gtc, since)
        };
    };
    match (details.time_in_force, details.until) {
        (TimeInForce::Gtc, until) => until.map_or(OrderEnd::UNKNOWN, OrderEnd::Gtc),
        (TimeInForce::Day, Some(until)) => OrderEnd::DayEnds(until),
        (TimeInForce::Day, None) => OrderEnd::DayAhead,
        (TimeInForce::Until(until), _) => OrderEnd::Until(until),
    }
}

/// A market order of the queue that waits for a price of its asset from this market time on.
pub fn opened(order: &QueuedOrder, since: Timestamp) -> BookOrder {
    let since = order.waits_since.unwrap_or(since);
    let details = order.details.as_deref();
    BookOrder {
        rank: order.rank,
        id: order.id,
        account: order.account,
        side: order.side,
        symbol: order.symbol,
        amount: order.amount(),
        terms: OrderTerms::Market,
        end: order_end(details, since),
        progress: BookProgress::WaitsSince(since),
        reserve: order.reserve.unwrap_or(Money::ZERO),
        accepted: order.accepted,
        since: order.since,
        first_update: order.first_update,
    }
}
