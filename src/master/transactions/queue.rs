//! spec/master/transactions/queue.md · 3.1.7 ("all transactions go through a queue")
//!
//! The queued orders in memory, as the ledger holds them on disk, with who waits for each.

use crate::master::reply_to::ReplyTo;
use crate::master::storage::ledger::{LedgerEntry, NewOrder};
use crate::model::{AccountId, ClientOrderId, Quantity, SettlementRank, Side, Symbol, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;
use uuid::Uuid;

/// A worker's stamp may lie this far behind the moment the master accepted the order: what a link that
/// broke and stood again can delay it by.
pub const BEHIND_MAX: i64 = 60_000;

/// Connections that may wait for one order: a client that repeats it has few.
pub const WAITERS_MAX: usize = 64;

/// Updates in a row that bring splits or dividends, cannot be settled, and are told apart.
const SEEN_MAX: usize = 64;

/// A queued order.
#[derive(Debug, Clone)]
pub struct QueuedOrder {
    /// Its turn.
    pub turn: SettlementRank,
    /// The transaction's ID.
    pub id: Uuid,
    /// Whose.
    pub account: AccountId,
    /// Buy or sell.
    pub side: Side,
    /// Of which asset.
    pub symbol: Symbol,
    /// How many units.
    pub quantity: Quantity,
    /// When it was accepted, in wall time.
    pub accepted: Timestamp,
    /// The same on a clock that never goes back; `None` for an order of an earlier process, which was
    /// accepted before anything that happens now.
    pub since: Option<Instant>,
    /// The client's own name for it.
    pub client_order_id: Option<ClientOrderId>,
    /// Who waits for its end.
    pub waiters: Vec<ReplyTo>,
}

impl QueuedOrder {
    /// One that an earlier process put on the queue, and that nobody waits for.
    pub fn stored(entry: LedgerEntry) -> QueuedOrder {
        let LedgerEntry {
            transaction, turn, ..
        } = entry;
        QueuedOrder {
            turn,
            id: transaction.id,
            account: transaction.account,
            side: transaction.side,
            symbol: transaction.symbol,
            quantity: transaction.quantity,
            accepted: transaction.accepted,
            since: None,
            client_order_id: transaction.client_order_id,
            waiters: Vec::new(),
        }
    }

    /// As it is stored: which process of its worker sent it, and the stamp that it bore.
    pub fn to_row(&self, boot: Uuid, stamped: Timestamp) -> NewOrder<'_> {
        NewOrder {
            turn: self.turn,
            boot,
            id: self.id,
            account: self.account,
            side: self.side,
            symbol: self.symbol,
            quantity: self.quantity,
            accepted: self.accepted,
            stamped,
            client_order_id: self.client_order_id.as_ref(),
        }
    }

    /// Whether it was accepted before this moment; an order of an earlier process was, and all were before none.
    pub fn was_before(&self, moment: Option<Instant>) -> bool {
        match (self.since, moment) {
            (Some(since), Some(moment)) => since < moment,
            (None, _) | (_, None) => true,
        }
    }
}

/// Since when prices could be seen whose splits and dividends the ledger does not have yet: those of updates that
/// could not be settled.
#[derive(Debug, Default)]
pub struct PriceVisibility(Vec<(u64, Instant)>);

impl PriceVisibility {
    /// The prices of this update could be seen from this moment on, if not before.
    pub fn note(&mut self, number: u64, moment: Instant) {
        // What is left out counts as seen with the next one.
        if self.0.len() == SEEN_MAX {
            self.0.remove(0);
        }
        self.0.push((number, moment));
    }

    /// Since when this update's prices could be seen; `None` where that is the update which is being settled.
    pub fn since(&self, number: u64) -> Option<Instant> {
        let found = self.0.iter().find(|(other, _)| *other >= number);
        found.map(|(_, moment)| *moment)
    }
}

/// The queue.
#[derive(Debug, Default)]
pub struct OrderQueue {
    orders: BTreeMap<i64, QueuedOrder>,
    by_account: HashMap<AccountId, usize>,
}

impl OrderQueue {
    /// Puts an order on it.
    pub fn push(&mut self, order: QueuedOrder) {
        *self.by_account.entry(order.account).or_default() += 1;
        self.orders.insert(order.turn.number, order);
    }

    /// Takes an order off it.
    pub fn remove(&mut self, number: i64) -> Option<QueuedOrder> {
        let order = self.orders.remove(&number)?;
        if let Some(count) = self.by_account.get_mut(&order.account) {
            *count -= 1;
            if *count == 0 {
                self.by_account.remove(&order.account);
            }
        }
        Some(order)
    }

    /// An order by its place.
    pub fn get_mut(&mut self, number: i64) -> Option<&mut QueuedOrder> {
        self.orders.get_mut(&number)
    }

    /// How many orders an account has on it.
    pub fn of_account(&self, account: AccountId) -> usize {
        self.by_account.get(&account).copied().unwrap_or(0)
    }

    /// How many orders are on it.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether it is clear.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// The places of the orders accepted before `began`, in the order of their turns.
    pub fn before(&self, began: Instant) -> Vec<i64> {
        let mut turns: Vec<SettlementRank> = self
            .orders
            .values()
            .filter(|order| order.since.is_none_or(|since| since < began))
            .map(|order| order.turn)
            .collect();
        turns.sort_unstable();
        turns.into_iter().map(|turn| turn.number).collect()
    }

    /// Orders of an asset, to be changed by a split.
    pub fn of_symbol(&mut self, symbol: Symbol) -> impl Iterator<Item = &mut QueuedOrder> {
        self.orders
            .values_mut()
            .filter(move |order| order.symbol == symbol)
    }
}

/// What a worker's stamp counts as: never ahead of the moment of acceptance, never further behind it than
/// [`BEHIND_MAX`], and never before what this worker's last one counted as.
pub fn clamp(stamped: Timestamp, accepted: Timestamp, last: Option<Timestamp>) -> Timestamp {
    let within = stamped.0.clamp(accepted.0.saturating_sub(BEHIND_MAX), accepted.0);
    Timestamp(last.map_or(within, |last| within.max(last.0.min(accepted.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::model::{Holdings, Money};
    use proptest::prelude::*;

    fn order(number: i64, timestamp: i64, worker: u8, sequence: u64, quantity: i64) -> QueuedOrder {
        QueuedOrder {
            turn: SettlementRank {
                timestamp: Timestamp(timestamp),
                worker: Uuid::from_bytes([worker; 16]),
                sequence,
                number,
            },
            id: Uuid::nil(),
            account: AccountId(1),
            side: if quantity % 3 == 0 { Side::Sell } else { Side::Buy },
            symbol: Symbol::parse("AAPL").unwrap(),
            quantity: Quantity(quantity),
            accepted: Timestamp(0),
            since: None,
            client_order_id: None,
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
                let mut queue = OrderQueue::default();
                orders.into_iter().for_each(|order| queue.push(order));
                let mut account = Holdings { cash: Money(9_000_000), ..Holdings::default() };
                let numbers = queue.before(Instant::now());
                let outcomes: Vec<_> = numbers
                    .into_iter()
                    .map(|number| {
                        let order = queue.remove(number).unwrap();
                        (number, account.fill(order.side, order.symbol, order.quantity, Money(1_500_000)))
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
        let mut queue = OrderQueue::default();
        let began = Instant::now();
        queue.push(order(1, 0, 0, 1, 1));
        queue.push(QueuedOrder {
            since: Some(began),
            ..order(2, 0, 0, 2, 1)
        });
        assert_eq!(queue.before(began), [1]);
        assert_eq!(queue.of_account(AccountId(1)), 2);
        queue.remove(1);
        queue.remove(2);
        assert!(queue.is_empty() && queue.of_account(AccountId(1)) == 0);
    }

    #[test]
    fn who_has_seen_the_price_after_a_split_is_told_from_who_has_not() {
        let mut seen = PriceVisibility::default();
        let (first, second) = (Instant::now(), Instant::now() + std::time::Duration::from_secs(1));
        seen.note(5, first);
        seen.note(9, second);
        assert_eq!(seen.since(4), Some(first));
        assert_eq!(seen.since(5), Some(first));
        assert_eq!(seen.since(6), Some(second), "it was not told apart");
        assert_eq!(seen.since(10), None);
        let accepted = |since| QueuedOrder {
            since,
            ..order(1, 0, 0, 1, 1)
        };
        assert!(accepted(Some(first)).was_before(Some(second)));
        assert!(!accepted(Some(second)).was_before(Some(second)));
        assert!(accepted(Some(second)).was_before(None));
        assert!(accepted(None).was_before(Some(first)));
        for number in 10..100 {
            seen.note(number, second);
        }
        assert_eq!((seen.0.len(), seen.since(5)), (SEEN_MAX, Some(second)));
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
