//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell
//!
//! An order that waits for a price, and what a bar does with it.

use crate::config::FeeSettings;
use crate::master::transactions::reserves::{OrderPromise, PromiseKind, purchase_reserve};
use crate::model::order::{GTC_MAX, trail_level};
use crate::model::timestamp::DAY;
use crate::model::{
    AccountId, Bar, Money, OrderAmount, OrderKind, OrderTerms, Quantity, SettlementRank, Side,
    Symbol, TimeInForce, Timestamp, Transaction, TransactionStatus,
};
use std::time::Instant;
use uuid::Uuid;

/// Market time in milliseconds for which a market order waits for a price.
pub const WAITING_MAX: i64 = 14 * DAY;

/// Until when bars test an order, in market time: the first update whose market time is at the time
/// or later does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEnd {
    /// "Good till cancelled": this time at the latest.
    Gtc(Timestamp),
    /// The time that was asked for.
    Until(Timestamp),
    /// The end of the day of the first new price, which has come.
    DayEnds(Timestamp),
    /// The end of a day that has not begun: its asset has had no new price.
    DayAhead,
}

impl OrderEnd {
    /// The end of an order "good till cancelled" before the first price, when no market time is
    /// known.
    pub const UNKNOWN: OrderEnd = OrderEnd::Gtc(Timestamp(i64::MAX));

    /// The end of an order that is accepted at this market time.
    pub fn of(time_in_force: TimeInForce, now: Timestamp) -> OrderEnd {
        match time_in_force {
            TimeInForce::Gtc => OrderEnd::Gtc(Timestamp(now.0.saturating_add(GTC_MAX))),
            TimeInForce::Day => OrderEnd::DayAhead,
            TimeInForce::Until(time) => OrderEnd::Until(time),
        }
    }

    /// The time, once it is known.
    pub fn time(self) -> Option<Timestamp> {
        match self {
            OrderEnd::Gtc(time) | OrderEnd::Until(time) | OrderEnd::DayEnds(time) => Some(time),
            OrderEnd::DayAhead => None,
        }
    }
}

/// What an order has come to since it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookProgress {
    /// Nothing that its terms do not say.
    AsAccepted,
    /// A market order without a new price: the market time since which it waits.
    WaitsSince(Timestamp),
    /// A trailing order: the best close, of a sale the highest, of a purchase the lowest.
    Best(Money),
    /// A stop-limit that became a limit order: the number of the update whose bar reached its stop.
    Triggered(u64),
}

/// An order that waits in the book. What it costs and what a client named it is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookOrder {
    /// Its settlement rank, which it keeps for life.
    pub rank: SettlementRank,
    /// The transaction ID.
    pub id: Uuid,
    pub account: AccountId,
    /// Buy or sell.
    pub side: Side,
    pub symbol: Symbol,
    pub amount: OrderAmount,
    pub terms: OrderTerms,
    pub end: OrderEnd,
    pub progress: BookProgress,
    /// What is held back for a purchase; zero in a sale.
    pub reserve: Money,
    /// Wall time of acceptance.
    pub accepted: Timestamp,
    /// Monotonic time of acceptance; `None` for an order of an earlier process.
    pub since: Option<Instant>,
    /// The first update that it takes part in, where `since` does not tell.
    pub first_update: u64,
}

/// Which bars touch an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerLevel {
    /// Those whose high is at this price or above.
    Rise(Money),
    /// Those whose low is at this price or below.
    Fall(Money),
    /// As above, at a level that follows closes.
    Trails,
    /// All.
    Always,
}

/// What a bar does with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarOutcome {
    /// It does not reach its price.
    Untouched,
    /// It fills, where the market's price is this one: before slippage.
    Fills(Money),
    /// A stop-limit becomes a limit order from the next update on.
    Triggers,
}

impl BookProgress {
    /// The best close, of a trailing order.
    pub fn best(self) -> Option<Money> {
        match self {
            BookProgress::Best(best) => Some(best),
            BookProgress::AsAccepted | BookProgress::WaitsSince(_) | BookProgress::Triggered(_) => {
                None
            }
        }
    }
}

impl BookOrder {
    /// Number of the order.
    pub fn number(&self) -> i64 {
        self.rank.number
    }

    /// Its transaction before it has ended, without the clientOrderID, which is in the ledger.
    pub fn transaction(&self) -> Transaction {
        Transaction {
            id: self.id,
            account: self.account,
            side: self.side,
            status: TransactionStatus::Open,
            symbol: self.symbol,
            quantity: self.promise().units,
            accepted: self.accepted,
            settled: None,
            price: None,
            total: None,
            priced: None,
            client_order_id: None,
            reason: None,
        }
    }

    /// What it holds back.
    pub fn promise(&self) -> OrderPromise {
        OrderPromise {
            number: self.number(),
            account: self.account,
            side: self.side,
            symbol: self.symbol,
            units: match self.amount {
                OrderAmount::Units(units) => units,
                OrderAmount::Cash(_) => Quantity::ZERO,
            },
            reserve: self.reserve,
            kind: match self.terms.kind() {
                OrderKind::Market => PromiseKind::Waiting,
                OrderKind::Limit | OrderKind::Stop | OrderKind::StopLimit | OrderKind::Trailing => {
                    PromiseKind::Standing
                }
            },
        }
    }

    /// The price at which its reserve is counted: its limit; else that at which it would fill now,
    /// where the latest price is `latest`. `None`: there is no such price.
    pub fn reserve_price(&self, latest: Option<Money>) -> Option<Money> {
        match self.terms {
            OrderTerms::Limit { limit } | OrderTerms::StopLimit { limit, .. } => Some(limit),
            OrderTerms::Stop { stop } => Some(latest.map_or(stop, |latest| latest.max(stop))),
            OrderTerms::Trailing { distance } => match self.progress {
                BookProgress::Best(best) => Some(trail_level(self.side, distance, best)),
                BookProgress::AsAccepted
                | BookProgress::WaitsSince(_)
                | BookProgress::Triggered(_) => latest,
            },
            OrderTerms::Market => latest,
        }
    }

    /// What it has to hold back by its terms of now; zero for a sale, and the whole amount of an order
    /// for an amount of cash. `None` without a price, or beyond the limit of values.
    pub fn due_reserve(&self, fees: &FeeSettings, latest: Option<Money>) -> Option<Money> {
        match (self.side, self.amount) {
            (Side::Sell, _) => return Some(Money::ZERO),
            (_, OrderAmount::Cash(cash)) => return Some(cash),
            (_, OrderAmount::Units(_)) => {}
        }
        let price = self.reserve_price(latest)?;
        purchase_reserve(fees, self.terms.kind(), self.amount, price)
    }

    /// Which bars touch it.
    pub fn trigger_level(&self) -> TriggerLevel {
        let is_purchase = self.side == Side::Buy;
        let at = |price, rises| {
            if rises {
                TriggerLevel::Rise(price)
            } else {
                TriggerLevel::Fall(price)
            }
        };
        match self.terms {
            OrderTerms::Market => TriggerLevel::Always,
            OrderTerms::Trailing { .. } => TriggerLevel::Trails,
            OrderTerms::Limit { limit } => at(limit, !is_purchase),
            OrderTerms::Stop { stop } => at(stop, is_purchase),
            OrderTerms::StopLimit { limit, stop } => match self.progress {
                BookProgress::Triggered(_) => at(limit, !is_purchase),
                BookProgress::AsAccepted | BookProgress::WaitsSince(_) | BookProgress::Best(_) => {
                    at(stop, is_purchase)
                }
            },
        }
    }

    /// What the bar of update `number` does with it, by what was known before the bar.
    pub fn test(&self, bar: &Bar, number: u64) -> BarOutcome {
        let level = match (self.trigger_level(), self.terms, self.progress) {
            (TriggerLevel::Always, _, _) => return BarOutcome::Fills(bar.close),
            (TriggerLevel::Trails, OrderTerms::Trailing { distance }, BookProgress::Best(best)) => {
                let level = trail_level(self.side, distance, best);
                if self.side == Side::Buy {
                    TriggerLevel::Rise(level)
                } else {
                    TriggerLevel::Fall(level)
                }
            }
            (level, _, _) => level,
        };
        let price = match level {
            TriggerLevel::Rise(price) if bar.high >= price => bar.open.max(price),
            TriggerLevel::Fall(price) if bar.low <= price => bar.open.min(price),
            TriggerLevel::Rise(_)
            | TriggerLevel::Fall(_)
            | TriggerLevel::Trails
            | TriggerLevel::Always => return BarOutcome::Untouched,
        };
        match (self.terms, self.progress) {
            (OrderTerms::StopLimit { .. }, BookProgress::Triggered(update)) if update < number => {
                BarOutcome::Fills(price)
            }
            (OrderTerms::StopLimit { .. }, BookProgress::Triggered(_)) => BarOutcome::Untouched,
            (OrderTerms::StopLimit { .. }, _) => BarOutcome::Triggers,
            _ => BarOutcome::Fills(price),
        }
    }

    /// The better one of two closes that a trailing order follows.
    pub fn better(&self, one: Money, other: Money) -> Money {
        if self.side == Side::Buy {
            one.min(other)
        } else {
            one.max(other)
        }
    }

    /// Market time from which on it may end without a fill; `None` while no time is known.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let waited = self.waits_until();
        match (self.end.time(), waited) {
            (Some(end), Some(waited)) => Some(end.min(waited)),
            (end, waited) => end.or(waited),
        }
    }

    /// The first millisecond of market time at which a market order has waited for too long.
    fn waits_until(&self) -> Option<Timestamp> {
        match self.progress {
            BookProgress::WaitsSince(since) => {
                Some(Timestamp(since.0.saturating_add(WAITING_MAX + 1)))
            }
            BookProgress::AsAccepted | BookProgress::Best(_) | BookProgress::Triggered(_) => None,
        }
    }

    /// Whether its time in force has ended at this market time.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.end.time().is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::transactions::book::testing;
    use crate::model::TrailDistance;

    fn bar(open: i64, high: i64, low: i64, close: i64) -> Bar {
        Bar {
            time: Timestamp(0),
            open: Money(open),
            high: Money(high),
            low: Money(low),
            close: Money(close),
            volume: 0,
        }
    }

    fn outcome(side: Side, terms: OrderTerms, bar: &Bar) -> BarOutcome {
        testing::order(1, side, terms).test(bar, 5)
    }

    #[test]
    fn limits_and_stops_fill_at_the_open_where_it_is_beyond_them() {
        use BarOutcome::{Fills, Untouched};
        use Side::{Buy, Sell};
        let limit = |price| OrderTerms::Limit {
            limit: Money(price),
        };
        let stop = |price| OrderTerms::Stop { stop: Money(price) };
        let day = bar(100, 110, 90, 105);
        for (side, terms, expected) in [
            (Buy, limit(89), Untouched),
            (Buy, limit(90), Fills(Money(90))),
            (Buy, limit(99), Fills(Money(99))),
            (Buy, limit(120), Fills(Money(100))),
            (Sell, limit(111), Untouched),
            (Sell, limit(110), Fills(Money(110))),
            (Sell, limit(80), Fills(Money(100))),
            (Buy, stop(111), Untouched),
            (Buy, stop(110), Fills(Money(110))),
            (Buy, stop(80), Fills(Money(100))),
            (Sell, stop(89), Untouched),
            (Sell, stop(90), Fills(Money(90))),
            (Sell, stop(120), Fills(Money(100))),
            (Buy, OrderTerms::Market, Fills(Money(105))),
            (Sell, OrderTerms::Market, Fills(Money(105))),
        ] {
            assert_eq!(outcome(side, terms, &day), expected, "{side} {terms:?}");
        }
    }

    #[test]
    fn a_stop_limit_is_a_limit_order_from_the_next_update_on() {
        let terms = OrderTerms::StopLimit {
            limit: Money(102),
            stop: Money(110),
        };
        let day = bar(100, 110, 90, 105);
        let mut order = testing::order(1, Side::Buy, terms);
        assert_eq!(
            order.test(&bar(100, 109, 90, 105), 5),
            BarOutcome::Untouched
        );
        assert_eq!(order.test(&day, 5), BarOutcome::Triggers);
        order.progress = BookProgress::Triggered(5);
        assert_eq!(order.trigger_level(), TriggerLevel::Fall(Money(102)));
        assert_eq!(order.test(&day, 5), BarOutcome::Untouched);
        assert_eq!(order.test(&day, 6), BarOutcome::Fills(Money(100)));
        assert_eq!(
            order.test(&bar(103, 104, 103, 103), 6),
            BarOutcome::Untouched
        );
        order.side = Side::Sell;
        assert_eq!(order.trigger_level(), TriggerLevel::Rise(Money(102)));
        assert_eq!(order.test(&day, 6), BarOutcome::Fills(Money(102)));
    }

    #[test]
    fn a_trailing_order_follows_at_its_distance() {
        let money = TrailDistance::Money(Money(7));
        let mut order = testing::order(1, Side::Sell, OrderTerms::Trailing { distance: money });
        order.progress = BookProgress::Best(Money(100));
        assert_eq!(order.test(&bar(99, 120, 94, 120), 5), BarOutcome::Untouched);
        assert_eq!(
            order.test(&bar(99, 120, 93, 120), 5),
            BarOutcome::Fills(Money(93))
        );
        assert_eq!(
            order.test(&bar(80, 85, 70, 80), 5),
            BarOutcome::Fills(Money(80))
        );
        order.side = Side::Buy;
        assert_eq!(order.test(&bar(99, 106, 94, 95), 5), BarOutcome::Untouched);
        assert_eq!(
            order.test(&bar(110, 112, 94, 95), 5),
            BarOutcome::Fills(Money(110))
        );
    }

    #[test]
    fn a_reserve_is_counted_at_the_price_of_a_fill_now() {
        let price = |terms, latest: Option<i64>| {
            let order = testing::order(1, Side::Buy, terms);
            order.reserve_price(latest.map(Money)).map(|price| price.0)
        };
        let (limit, stop) = (Money(50), Money(60));
        assert_eq!(price(OrderTerms::Limit { limit }, Some(70)), Some(50));
        assert_eq!(price(OrderTerms::StopLimit { limit, stop }, None), Some(50));
        assert_eq!(price(OrderTerms::Stop { stop }, Some(40)), Some(60));
        assert_eq!(
            price(OrderTerms::Stop { stop }, Some(70)),
            Some(70),
            "it triggers now"
        );
        assert_eq!(price(OrderTerms::Market, Some(70)), Some(70));
        assert_eq!(price(OrderTerms::Market, None), None);
        let distance = TrailDistance::Money(Money(5));
        let mut order = testing::order(1, Side::Buy, OrderTerms::Trailing { distance });
        order.progress = BookProgress::Best(Money(70));
        assert_eq!(order.reserve_price(None), Some(Money(75)));
        let free = FeeSettings::default();
        assert_eq!(order.due_reserve(&free, None), Some(Money(75)));
        order.side = Side::Sell;
        assert_eq!(order.due_reserve(&free, None), Some(Money::ZERO));
    }

    #[test]
    fn an_order_ends_by_its_time_in_force_or_its_wait() {
        let end = |time_in_force| OrderEnd::of(time_in_force, Timestamp(1_000));
        assert_eq!(
            end(TimeInForce::Gtc),
            OrderEnd::Gtc(Timestamp(180 * DAY + 1_000))
        );
        assert_eq!(end(TimeInForce::Day), OrderEnd::DayAhead);
        let until = TimeInForce::Until(Timestamp(7));
        assert_eq!(end(until), OrderEnd::Until(Timestamp(7)));
        let mut order = testing::order(1, Side::Buy, OrderTerms::Market);
        order.end = OrderEnd::Until(Timestamp(15 * DAY));
        assert_eq!(order.ends_at(), Some(Timestamp(15 * DAY)));
        order.progress = BookProgress::WaitsSince(Timestamp(0));
        assert_eq!(order.ends_at(), Some(Timestamp(14 * DAY + 1)));
        order.end = OrderEnd::DayAhead;
        assert_eq!(order.ends_at(), Some(Timestamp(14 * DAY + 1)));
        order.end = OrderEnd::DayEnds(Timestamp(DAY));
        assert_eq!(order.ends_at(), Some(Timestamp(DAY)));
    }
}
