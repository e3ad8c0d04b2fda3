//! spec/master/storage.md · 3.1.7 Assets Buy & Sell
//!
//! What the ledger knows of an order beside its row.

use crate::model::{Money, OrderTerms, TimeInForce, Timestamp};

/// What an order of placeOrder or replaceOrder says beyond its row in the ledger. Prices are in the
/// units of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDetails {
    pub terms: OrderTerms,
    /// The money of an order for an amount of it.
    pub cash: Option<Money>,
    pub time_in_force: TimeInForce,
    /// Market time from which on it is not tested any more; `None` for a day that has not begun.
    pub until: Option<Timestamp>,
    /// Of a trailing order: the best close when it was accepted.
    pub best: Option<Money>,
    /// The update at which a stop-limit became a limit order.
    pub triggered: Option<u64>,
    /// The instruction and all its arguments by value; `None` without a clientOrderID.
    pub asked: Option<String>,
    /// Number of the order in whose place it is.
    pub replaces: Option<i64>,
}

/// The bar that filled an order, in the units of that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillBar {
    pub open: Money,
    pub high: Money,
    pub low: Money,
}
