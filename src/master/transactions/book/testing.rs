//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell
//!
//! Orders and updates for tests of the book.

use super::due::{BookUpdate, DueOrders, UpdateBar};
use super::order::{BookOrder, BookProgress, OrderEnd};
use crate::model::timestamp::DAY;
use crate::model::{
    AccountId, Bar, Money, OrderAmount, OrderTerms, Quantity, SettlementRank, Side, Symbol,
    Timestamp,
};
use std::time::Instant;
use uuid::Uuid;

/// The asset of [`order`].
pub fn symbol() -> Symbol {
    Symbol::parse("IBM").unwrap()
}

/// An order of account 1 for one unit, from before all updates, that stands for ten days.
pub fn order(number: i64, side: Side, terms: OrderTerms) -> BookOrder {
    BookOrder {
        rank: SettlementRank {
            timestamp: Timestamp(number),
            worker: Uuid::nil(),
            sequence: 0,
            number,
        },
        id: Uuid::from_u128(u128::try_from(number).unwrap()),
        account: AccountId(1),
        side,
        symbol: symbol(),
        amount: OrderAmount::Units(Quantity(1_000_000)),
        terms,
        end: OrderEnd::Until(Timestamp(10 * DAY)),
        progress: BookProgress::AsAccepted,
        reserve: Money::ZERO,
        accepted: Timestamp(0),
        since: None,
        first_update: 0,
    }
}

/// An update with this market time.
pub fn update(number: u64, market_now: i64) -> BookUpdate {
    BookUpdate {
        number,
        began: Instant::now(),
        began_stamp: Timestamp(market_now),
        market_now: Timestamp(market_now),
        exhausted: false,
    }
}

/// Sorts the fills by turn, as a settlement does.
pub fn sort_fills(due: &mut DueOrders) {
    due.fills.sort_unstable_by_key(|due| due.rank);
}

/// The bar of a replay at this time.
pub fn bar(time: i64, [open, high, low, close]: [i64; 4]) -> UpdateBar {
    UpdateBar {
        bar: Bar {
            time: Timestamp(time),
            open: Money(open),
            high: Money(high),
            low: Money(low),
            close: Money(close),
            volume: 0,
        },
        real_time: false,
    }
}
