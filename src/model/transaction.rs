//! spec/model/transaction.md · 2.4.1 (portfolio, transactions) and 3.1.7
//!
//! The specification lists a Transaction Structure without spelling it out; this is it.

use super::closed_list::closed_list;
use super::{AccountId, Money, Quantity, Reason, Symbol, Timestamp, ValueError};
use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;

/// The longest clientOrderID, in bytes.
pub const CLIENT_ORDER_ID_MAX: usize = 64;

/// A client's own name for an order: 1 to 64 of `A-Z a-z 0-9 . _ : -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientOrderId(String);

impl ClientOrderId {
    /// Reads a clientOrderID.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse(text: &str) -> Result<ClientOrderId, ValueError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
        if (1..=CLIENT_ORDER_ID_MAX).contains(&text.len()) && text.bytes().all(good) {
            Ok(ClientOrderId(text.to_owned()))
        } else {
            Err(ValueError("a clientOrderID is 1 to 64 of A-Z a-z 0-9 . _ : -"))
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

closed_list! {
    /// What a transaction does to its account.
    Side {
        /// Cash becomes units.
        Buy = "buy" as 1,
        /// Units become cash.
        Sell = "sell" as 2,
        /// Units are added (or taken) by a split.
        Split = "split" as 3,
        /// Cash is paid for units held.
        Dividend = "dividend" as 4,
    }
}

closed_list! {
    /// How far a transaction has come.
    TransactionStatus {
        /// On the durable queue.
        Queued = "queued" as 0,
        /// Filled.
        Settled = "settled" as 1,
        /// Refused at settlement.
        Rejected = "rejected" as 2,
    }
}

/// One line of an account's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// UUID version 7.
    pub id: Uuid,
    /// Whose.
    pub account: AccountId,
    /// What it does.
    pub side: Side,
    /// How far it has come.
    pub status: TransactionStatus,
    /// Of which asset.
    pub symbol: Symbol,
    /// How many units.
    pub quantity: Quantity,
    /// When it came onto the durable queue.
    pub accepted: Timestamp,
    /// When it was settled or rejected; `None` while queued.
    pub settled: Option<Timestamp>,
    /// Price of one unit; `None` unless settled.
    pub price: Option<Money>,
    /// What left or reached the cash; `None` unless settled.
    pub total: Option<Money>,
    /// Market time of the price; `None` unless settled.
    pub priced: Option<Timestamp>,
    /// The client's own name for it.
    pub client_order_id: Option<ClientOrderId>,
    /// Why it was rejected.
    pub reason: Option<Reason>,
}

/// What the queue is cleared in the order of (wire.md 7): stamp, worker's UUID, sequence number, and
/// last the place in the queue, which no two share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettlementRank {
    /// The worker's stamp, clamped.
    pub timestamp: Timestamp,
    /// The worker.
    pub worker: Uuid,
    /// Its number for the order.
    pub sequence: u64,
    /// The place in the queue.
    pub number: i64,
}

/// What an account holds of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Of which asset.
    pub symbol: Symbol,
    /// How many units; above zero.
    pub quantity: Quantity,
    /// What those units cost in all. A sale takes its share of the cost along.
    pub cost: Money,
}

/// What an account has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Its cash.
    pub cash: Money,
    /// Its positions: units, and what they cost in all.
    pub positions: BTreeMap<Symbol, (Quantity, Money)>,
}
