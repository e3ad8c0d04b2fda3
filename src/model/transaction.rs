//! spec/model/transaction.md · 2.4.1 (portfolio, transactions) and 3.1.7
//!
//! Transactions and positions. The specification names a Transaction Structure and does not
//! describe it.
//!
//! Tests: `tests/suite/protocol/roundtrip.rs`, `src/master/transactions/queue.rs`.

use super::word_list::word_list;
use super::{AccountId, Money, Quantity, Reason, Symbol, Timestamp, ValueError};
use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;

/// Most rows of a page of a history.
pub const HISTORY_PAGE_MAX: u16 = 1000;

/// Reads the number of rows that a page is to have, 1 to [`HISTORY_PAGE_MAX`], without needless
/// zeros.
///
/// # Errors
/// The text has another form.
pub fn parse_page_count(text: &str) -> Result<u16, ValueError> {
    match text.parse() {
        Ok(count @ 1..=HISTORY_PAGE_MAX)
            if text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0') =>
        {
            Ok(count)
        }
        _ => Err(ValueError("a page has 1 to 1000 rows")),
    }
}

/// The longest clientOrderID, in bytes.
pub const CLIENT_ORDER_ID_MAX: usize = 64;

/// A client's name for an order: 1 to 64 of `A-Z a-z 0-9 . _ : -`, case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientOrderId(String);

impl ClientOrderId {
    /// Reads a clientOrderID.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<ClientOrderId, ValueError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
        if (1..=CLIENT_ORDER_ID_MAX).contains(&text.len()) && text.bytes().all(good) {
            Ok(ClientOrderId(text.to_owned()))
        } else {
            Err(ValueError(
                "a clientOrderID is 1 to 64 of A-Z a-z 0-9 . _ : -",
            ))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

word_list! {
    /// What a transaction does to its account. The list is open.
    Side {
        /// The account pays cash and gets units.
        Buy = "buy" as 1,
        /// The account gives units and gets cash. Also a delisting, which nobody ordered.
        Sell = "sell" as 2,
        /// Units come without an order: the quantity, below 0 where they go. A split, rename, merger, spin-off or correction.
        Split = "split" as 3,
        /// Cash comes without an order: the total, below 0 for a correction that takes some back. A dividend, the cash of a merger, cash in lieu of a fraction; and, with the symbol -, cash that an administrator gives or takes.
        Dividend = "dividend" as 4,
    }
}

impl Side {
    /// Whether a client ordered a row of the ledger with this side: what somebody else made has a
    /// [cause](Cause) where its side alone does not say so.
    pub fn is_order(self, has_cause: bool) -> bool {
        matches!(self, Side::Buy | Side::Sell) && !has_cause
    }
}

word_list! {
    /// What made a row of the ledger that no client ordered and whose side does not say it.
    Cause {
        /// Its asset has another symbol.
        Rename = "rename" as 1,
        /// Its asset was delisted, and its units were paid for.
        Delisting = "delisting" as 2,
        /// Its asset was merged into another one.
        Merger = "merger" as 3,
        /// Units of another asset came with those held.
        SpinOff = "spin-off" as 4,
        /// What a ratio left below a millionth of a unit was paid in cash.
        InLieu = "cash in lieu" as 5,
        /// An administrator gave cash, or took some.
        Grant = "grant" as 6,
        /// An administrator let the account begin anew.
        Restart = "restart" as 7,
    }
}

word_list! {
    /// The state of a transaction. The list is open.
    TransactionStatus {
        /// The order waits on the durable queue.
        Queued = "queued" as 0,
        /// The order was filled, or the split or dividend was applied.
        Settled = "settled" as 1,
        /// The order failed at settlement, for the reason in its row.
        Rejected = "rejected" as 2,
        /// The order waits in the book for a price that fills it.
        Open = "open" as 3,
        /// The order was cancelled before it was filled.
        Cancelled = "cancelled" as 4,
        /// The order's time in force ended before it was filled.
        Expired = "expired" as 5,
    }
}

impl TransactionStatus {
    /// What a history of version 1 says of it, which knows the first three alone.
    pub fn of_version_1(self) -> TransactionStatus {
        match self {
            TransactionStatus::Queued | TransactionStatus::Open => TransactionStatus::Queued,
            TransactionStatus::Settled => TransactionStatus::Settled,
            TransactionStatus::Rejected
            | TransactionStatus::Cancelled
            | TransactionStatus::Expired => TransactionStatus::Rejected,
        }
    }

    /// Whether the order has an outcome, which nothing changes any more.
    pub fn is_final(self) -> bool {
        !matches!(self, TransactionStatus::Queued | TransactionStatus::Open)
    }
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// UUID version 7.
    pub id: Uuid,
    pub account: AccountId,
    pub side: Side,
    pub status: TransactionStatus,
    pub symbol: Symbol,
    pub quantity: Quantity,
    /// When the order was put on the durable queue; for a split or dividend, when the settlement
    /// applied it (wall time).
    pub accepted: Timestamp,
    /// When the order settled or was rejected: the publication of its update. A split or dividend
    /// has its `accepted` here (wall time). `None` while queued.
    pub settled: Option<Timestamp>,
    /// Price of one unit. `None` unless settled.
    pub price: Option<Money>,
    /// Cash paid or received. `None` unless settled.
    pub total: Option<Money>,
    /// Market time of the price. `None` unless settled.
    pub priced: Option<Timestamp>,
    pub client_order_id: Option<ClientOrderId>,
    /// Why the order was rejected. `None` unless rejected.
    pub reason: Option<Reason>,
}

/// The rank of an order in its settlement. Orders settle by the worker's timestamp, then the
/// worker's UUID, then its sequence number, and last the order number, which is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettlementRank {
    /// The worker's timestamp, clamped by the master.
    pub timestamp: Timestamp,
    pub worker: Uuid,
    /// The worker's sequence number of the request.
    pub sequence: u64,
    /// Number of the order, counted by the master.
    pub number: i64,
}

/// The units of one asset that an account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub symbol: Symbol,
    /// Units held. Above zero.
    pub quantity: Quantity,
    /// Total cost of these units. A sale takes a proportional share of it.
    pub cost: Money,
}

/// An account's cash and positions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holdings {
    pub cash: Money,
    /// Units and their total cost, by symbol.
    pub positions: BTreeMap<Symbol, (Quantity, Money)>,
}
