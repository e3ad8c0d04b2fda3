//! spec/model/action.md · 3.1.6, 3.1.7 (splits and dividends)

use super::{Money, Quantity, Side, Symbol, Timestamp};

/// What happens to an asset's holders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// This many units (in millionths) for each one before; never 0.
    Split(Quantity),
    /// This much cash for each unit held.
    Dividend(Money),
}

impl ActionKind {
    /// The side of the transactions that it makes.
    pub fn side(self) -> Side {
        match self {
            ActionKind::Split(_) => Side::Split,
            ActionKind::Dividend(_) => Side::Dividend,
        }
    }

    /// Its ratio or its cash, in millionths.
    pub fn millionths(self) -> i64 {
        match self {
            ActionKind::Split(ratio) => ratio.0,
            ActionKind::Dividend(cash) => cash.0,
        }
    }
}

/// A corporate action: in force from the first step on or after its time, before that step's
/// prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Action {
    /// The ex-date, in market time.
    pub time: Timestamp,
    /// Whose.
    pub symbol: Symbol,
    /// What happens.
    pub kind: ActionKind,
}
