//! spec/master/transactions.md · 3.1.7 ("all transactions go through a queue")
//!
//! The queued orders in memory, as the ledger holds them on disk, with the destinations of their
//! outcomes.

use super::reserves::{OrderPromise, PromiseKind};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::ledger::LedgerEntry;
use crate::master::storage::order_details::OrderDetails;
use crate::master::storage::order_terms::StoredOrder;
use crate::model::{
    AccountId, ClientOrderId, Money, OrderAmount, Quantity, SettlementRank, Side, Symbol,
    Timestamp, Transaction, TransactionStatus,
};
use crate::runtime::dynamic_share::{DynamicShare, PlaceHolder, ShareError};
use crate::runtime::neighbourhood::Neighbourhood;
use std::collections::BTreeMap;
use std::time::Instant;
use uuid::Uuid;

/// A worker's timestamp counts if it is at most this many milliseconds before the acceptance. A
/// link that breaks and is made again can delay an order by so much.
pub const BEHIND_MAX: i64 = 60_000;

/// Most destinations of one order's outcome. A client that repeats an order adds one.
pub const WAITERS_MAX: usize = 64;

/// A queued order.
#[derive(Debug, Clone)]
pub struct QueuedOrder {
    pub rank: SettlementRank,
    /// The transaction ID.
    pub id: Uuid,
    pub account: AccountId,
    /// Buy or sell.
    pub side: Side,
    pub symbol: Symbol,
    pub quantity: Quantity,
    /// The quantity that the client asked for, before any split.
    pub asked: Quantity,
    /// Wall time of acceptance.
    pub accepted: Timestamp,
    /// Monotonic time of acceptance. `None` for an order of an earlier process, which was accepted
    /// before this process began.
    pub since: Option<Instant>,
    /// The client's, as its worker names it. `None` for an order of an earlier process: it is not
    /// stored.
    pub near: Option<Neighbourhood>,
    pub client_order_id: Option<ClientOrderId>,
    /// Market time from which on it waits for a price of its asset that is believed; `None` if it
    /// does not.
    pub waits_since: Option<Timestamp>,
    /// Of a purchase: what is held back until it ends.
    pub reserve: Option<Money>,
    /// The first update that it takes part in; 0 in old rows.
    pub first_update: u64,
    /// What placeOrder or replaceOrder says of it; `None`: purchaseAsset or sellAsset.
    pub details: Option<Box<OrderDetails>>,
    /// Destinations of the outcome, oldest first; at most [`WAITERS_MAX`].
    pub waiters: Vec<ReplyTo>,
}

impl QueuedOrder {
    /// An order that an earlier process stored. No destination waits for its outcome.
    pub fn stored(order: StoredOrder) -> QueuedOrder {
        let StoredOrder { entry, details } = order;
        let LedgerEntry {
            transaction,
            rank,
            asked,
            waits_since,
            reserve,
            first_update,
            ..
        } = entry;
        QueuedOrder {
            rank,
            id: transaction.id,
            account: transaction.account,
            side: transaction.side,
            symbol: transaction.symbol,
            quantity: transaction.quantity,
            asked,
            accepted: transaction.accepted,
            since: None,
            near: None,
            client_order_id: transaction.client_order_id,
            waits_since,
            reserve,
            first_update: first_update.unwrap_or(0),
            details: details.map(Box::new),
            waiters: Vec::new(),
        }
    }

    /// Its transaction before it has ended, without the clientOrderID: no outcome tells it.
    pub fn transaction(&self) -> Transaction {
        Transaction {
            id: self.id,
            account: self.account,
            side: self.side,
            status: TransactionStatus::Queued,
            symbol: self.symbol,
            quantity: self.quantity,
            accepted: self.accepted,
            settled: None,
            price: None,
            total: None,
            priced: None,
            client_order_id: None,
            reason: None,
        }
    }

    /// Who holds its place in the queue.
    pub fn holder(&self) -> OrderHolder {
        OrderHolder {
            asker: self.account,
            near: self.near,
            source: Some(self.rank.worker),
        }
    }

    /// How much it is for.
    pub fn amount(&self) -> OrderAmount {
        match self.details.as_ref().and_then(|details| details.cash) {
            Some(cash) => OrderAmount::Cash(cash),
            None => OrderAmount::Units(self.quantity),
        }
    }

    /// What it holds back.
    pub fn promise(&self) -> OrderPromise {
        OrderPromise {
            number: self.rank.number,
            account: self.account,
            side: self.side,
            symbol: self.symbol,
            units: self.quantity,
            reserve: self.reserve.unwrap_or(Money::ZERO),
            kind: PromiseKind::Queued,
        }
    }

    /// Whether its time in force has ended at this market time.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        let until = self.details.as_ref().and_then(|details| details.until);
        until.is_some_and(|until| until <= now)
    }

    /// Whether it takes part in this update, whose retrieval began then.
    pub fn takes_part(&self, began: Instant, update: u64) -> bool {
        match self.since {
            Some(since) => since < began,
            None => self.first_update <= update,
        }
    }

    /// Whether it was accepted before this moment. True for an order of an earlier process, and for
    /// all orders where `moment` is `None`.
    pub fn was_before(&self, moment: Option<Instant>) -> bool {
        was_before(self.since, moment)
    }
}

/// Whether an order that was accepted then was accepted before this moment. `None` is as in
/// [`QueuedOrder::since`]; and all were before no moment.
pub fn was_before(since: Option<Instant>, moment: Option<Instant>) -> bool {
    match (since, moment) {
        (Some(since), Some(moment)) => since < moment,
        (None, _) | (_, None) => true,
    }
}

/// When the prices of an earlier process became visible in this one, for the splits and dividends
/// that it has left behind. Of updates of this process it tells nothing: no order is accepted
/// between one that could not be settled and its settlement.
#[derive(Debug, Default)]
pub struct PriceVisibility(Option<(u64, Instant)>);

impl PriceVisibility {
    /// The prices of this update and of those before it are visible since `moment`.
    pub fn from_now(number: u64, moment: Instant) -> PriceVisibility {
        PriceVisibility(Some((number, moment)))
    }

    /// When this update's prices became visible; `None` for an update of this process.
    pub fn since(&self, number: u64) -> Option<Instant> {
        let earlier = self.0.filter(|(last, _)| *last >= number);
        earlier.map(|(_, moment)| moment)
    }
}

/// Who holds a place in the queue: an account, at a neighbourhood that a worker names.
pub type OrderHolder = PlaceHolder<AccountId, Uuid>;

/// The queue, by order number, and whose its places are.
#[derive(Debug)]
pub struct OrderQueue {
    orders: BTreeMap<i64, QueuedOrder>,
    share: DynamicShare<AccountId, Uuid>,
}

impl OrderQueue {
    /// An empty queue with so many places.
    pub fn new(places: usize) -> OrderQueue {
        OrderQueue {
            orders: BTreeMap::new(),
            share: DynamicShare::new(places),
        }
    }

    /// Sets the number of places. Queued orders stay.
    pub fn set_places(&mut self, places: usize) {
        self.share.set_places(places);
    }

    /// Whether the shares leave this holder one more place.
    ///
    /// # Errors
    /// Whose share is full.
    pub fn check_share(&self, holder: &OrderHolder) -> Result<(), ShareError> {
        self.share.check(holder)
    }

    /// Takes the place that an order keeps which has left the queue and waits for a price.
    pub fn take_place(&mut self, holder: &OrderHolder) {
        self.share.take(holder);
    }

    /// Frees such a place.
    pub fn free_place(&mut self, holder: &OrderHolder) {
        self.share.free(holder);
    }

    /// Adds a stored order, which takes a place.
    pub fn restore(&mut self, order: QueuedOrder) {
        self.share.take(&order.holder());
        self.orders.insert(order.rank.number, order);
    }

    /// Removes an order and frees its place.
    pub fn remove(&mut self, number: i64) -> Option<QueuedOrder> {
        let order = self.orders.remove(&number)?;
        self.share.free(&order.holder());
        Some(order)
    }

    /// The order with this number.
    pub fn get(&self, number: i64) -> Option<&QueuedOrder> {
        self.orders.get(&number)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, number: i64) -> Option<&mut QueuedOrder> {
        self.orders.get_mut(&number)
    }

    /// The places of an account: its orders of the queue, and its market orders that wait.
    pub fn of_account(&self, account: AccountId) -> usize {
        self.share.held_by(&account)
    }

    /// The number of queued orders.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether no order is queued.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// The numbers of the orders that take part in this update, whose retrieval began then, by
    /// settlement rank.
    pub fn before(&self, began: Instant, update: u64) -> Vec<i64> {
        let mut ranks: Vec<SettlementRank> = self
            .orders
            .values()
            .filter(|order| order.takes_part(began, update))
            .map(|order| order.rank)
            .collect();
        ranks.sort_unstable();
        ranks.into_iter().map(|rank| rank.number).collect()
    }

    /// The numbers of an account's orders.
    pub fn numbers_of(&self, account: AccountId) -> Vec<i64> {
        // The queue may be long, and most accounts have no order in it.
        if self.of_account(account) == 0 {
            return Vec::new();
        }
        let of_account = self.iter().filter(|order| order.account == account);
        of_account.map(|order| order.rank.number).collect()
    }

    /// All orders, by number.
    pub fn iter(&self) -> impl Iterator<Item = &QueuedOrder> {
        self.orders.values()
    }
}

/// Adds a destination of an order's outcome. Those whose link has closed make room, and else the
/// oldest.
pub fn add_waiter(waiters: &mut Vec<ReplyTo>, reply_to: ReplyTo) {
    waiters.retain(|waiter| waiter.peer.link.is_open());
    if waiters.len() >= WAITERS_MAX {
        waiters.remove(0);
    }
    waiters.push(reply_to);
}

/// The effective timestamp of an order: the worker's, but not after the acceptance, not more than
/// [`BEHIND_MAX`] before it, and not before the effective timestamp of this worker's last order.
pub fn clamp(stamped: Timestamp, accepted: Timestamp, last: Option<Timestamp>) -> Timestamp {
    let within = stamped
        .0
        .clamp(accepted.0.saturating_sub(BEHIND_MAX), accepted.0);
    Timestamp(last.map_or(within, |last| within.max(last.0.min(accepted.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::master::testing::fill_at;
    use crate::model::Holdings;
    use proptest::prelude::*;

    fn order(number: i64, timestamp: i64, worker: u8, sequence: u64, quantity: i64) -> QueuedOrder {
        QueuedOrder {
            rank: SettlementRank {
                timestamp: Timestamp(timestamp),
                worker: Uuid::from_bytes([worker; 16]),
                sequence,
                number,
            },
            id: Uuid::nil(),
            account: AccountId(1),
            side: if quantity % 3 == 0 {
                Side::Sell
            } else {
                Side::Buy
            },
            symbol: Symbol::parse("AAPL").unwrap(),
            quantity: Quantity(quantity),
            asked: Quantity(quantity),
            accepted: Timestamp(0),
            since: None,
            near: None,
            client_order_id: None,
            waits_since: None,
            reserve: None,
            first_update: 1,
            details: None,
            waiters: Vec::new(),
        }
    }

    proptest! {
        /// The same queue and the same update settle alike, however the orders came to be there.
        #[test]
        fn settlement_depends_on_turns_alone(
            orders in prop::collection::vec((0..50i64, 0..3u8, 0..40u64, 1..3_000_000i64), 1..40),
            shuffled in any::<u64>(),
        ) {
            let all: Vec<QueuedOrder> = orders
                .iter()
                .enumerate()
                .map(|(at, (timestamp, worker, sequence, quantity))| {
                    order(i64::try_from(at).unwrap(), *timestamp, *worker, *sequence, *quantity)
                })
                .collect();
            let settle = |orders: Vec<QueuedOrder>| {
                let mut queue = OrderQueue::new(1000);
                orders.into_iter().for_each(|order| queue.restore(order));
                let mut account = Holdings { cash: Money(9_000_000), ..Holdings::default() };
                let numbers = queue.before(Instant::now(), 1);
                let outcomes: Vec<_> = numbers
                    .into_iter()
                    .map(|number| {
                        let order = queue.remove(number).unwrap();
                        (number, fill_at(&mut account, order.side, (order.symbol, order.quantity), Money(1_500_000)))
                    })
                    .collect();
                (outcomes, account)
            };
            let mut other = all.clone();
            let count = other.len();
            for at in 0..count {
                let to = usize::try_from(shuffled >> (at % 48)).unwrap() % count;
                other.swap(at, to);
            }
            prop_assert_eq!(settle(all), settle(other));
        }
    }

    #[test]
    fn what_came_after_the_retrieval_began_waits() {
        let mut queue = OrderQueue::new(1000);
        let began = Instant::now();
        queue.restore(order(1, 0, 0, 1, 1));
        queue.restore(QueuedOrder {
            since: Some(began),
            ..order(2, 0, 0, 2, 1)
        });
        assert_eq!(queue.before(began, 1), [1]);
        assert_eq!(queue.of_account(AccountId(1)), 2);
        queue.remove(1);
        queue.remove(2);
        assert!(queue.is_empty() && queue.of_account(AccountId(1)) == 0);
    }

    #[test]
    fn who_has_seen_the_price_after_a_split_is_told_from_who_has_not() {
        let first = Instant::now();
        let second = first + std::time::Duration::from_secs(1);
        let seen = PriceVisibility::from_now(5, first);
        assert_eq!((seen.since(4), seen.since(5)), (Some(first), Some(first)));
        assert_eq!(seen.since(6), None, "of this process");
        assert_eq!(PriceVisibility::default().since(5), None);
        let accepted = |since| QueuedOrder {
            since,
            ..order(1, 0, 0, 1, 1)
        };
        assert!(accepted(Some(first)).was_before(Some(second)));
        assert!(!accepted(Some(second)).was_before(Some(second)));
        assert!(accepted(Some(second)).was_before(None));
        assert!(accepted(None).was_before(Some(first)));
    }

    #[test]
    fn a_clock_that_is_wrong_gains_nothing() {
        let now = Timestamp(1_000_000);
        assert_eq!(clamp(Timestamp(999_990), now, None), Timestamp(999_990));
        assert_eq!(clamp(Timestamp(2_000_000), now, None), now, "ahead");
        assert_eq!(clamp(Timestamp(0), now, None), Timestamp(940_000), "behind");
        assert_eq!(
            clamp(Timestamp(999_000), now, Some(Timestamp(999_500))),
            Timestamp(999_500),
            "backwards"
        );
        assert_eq!(clamp(Timestamp(5), now, Some(Timestamp(3_000_000))), now);
    }
}
