//! spec/model.md · 3.1.6, 3.1.7 (splits and dividends)
//!
//! Corporate actions: splits and dividends.

use super::{Money, Ratio, Side, Symbol, Timestamp};

/// What a corporate action does to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// Units after the split for each unit before it.
    Split(Ratio),
    /// Cash that is paid for each unit.
    Dividend(Money),
}

impl ActionKind {
    /// The side of the transactions that this action creates.
    pub fn side(self) -> Side {
        match self {
            ActionKind::Split(_) => Side::Split,
            ActionKind::Dividend(_) => Side::Dividend,
        }
    }
}

/// A corporate action. It takes effect at the market's first step on or after its time, before that
/// step's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Action {
    /// The ex-date (market time).
    pub time: Timestamp,
    pub symbol: Symbol,
    pub kind: ActionKind,
}
