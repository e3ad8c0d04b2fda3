//! Orders of placeOrder and replaceOrder, which may wait for a price: what a trader asks for, and
//! every answer to it.

use crate::random::Random;
use papertrader::model::{
    ClientOrderId, Money, OrderAmount, OrderKind, OrderTerms, Quantity, Reason, SessionId, Side,
    Symbol, TimeInForce, Timestamp, TrailDistance,
};
use papertrader::wire::{Reply, Request};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How far the cancelling of an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelProgress {
    NotAsked,
    /// Sent, perhaps, and not answered yet.
    Asked,
    Cancelled,
    /// The order had ended before.
    TooLate,
}

/// An order, and what its trader was told of it.
#[derive(Debug, Clone)]
pub struct StandingOrder {
    pub side: Side,
    pub symbol: Symbol,
    pub amount: OrderAmount,
    pub terms: OrderTerms,
    pub time_in_force: TimeInForce,
    /// The request that places it, the same each time it is sent.
    pub request: Request,
    /// The transaction ID, once it is on disk.
    pub placed: Option<Uuid>,
    /// Why it was not placed.
    pub refused: Option<Reason>,
    /// Name of the order in whose place it is to be.
    pub replaces: Option<String>,
    /// Whether another is to be in its place.
    pub is_replaced: bool,
    pub cancel: CancelProgress,
}

/// What is still to be asked for, by the order's name.
#[derive(Debug, Clone)]
pub enum Errand {
    Place(String),
    Cancel(String),
}

/// What a trader knows of the market.
#[derive(Debug, Default)]
pub struct MarketView {
    /// The last price that it heard of each asset.
    pub prices: BTreeMap<Symbol, Money>,
    /// Market time when it came.
    pub time: Option<Timestamp>,
}

/// Units of a price in a thousandth of it.
const PER_MILLE: i64 = 1_000;

impl MarketView {
    /// A price of an asset near its last one.
    fn near(&self, symbol: &Symbol, random: &mut Random) -> Money {
        let last = self.prices.get(symbol).map_or(100_000_000, |price| price.0);
        let share = random.between(950, 1_050) as i64;
        Money((last / PER_MILLE * share).max(1))
    }
}

/// Units of an order, now and then more than anybody has.
fn units(random: &mut Random) -> Quantity {
    let many = if random.one_in(10) { 2_000 } else { 1 };
    Quantity(random.between(1, 5_000_000) as i64 * many)
}

impl StandingOrder {
    /// A new order with this name.
    pub fn draw(
        name: &str,
        session: &SessionId,
        market: &MarketView,
        random: &mut Random,
    ) -> StandingOrder {
        let side = *random.pick(&[Side::Buy, Side::Sell]);
        let symbol = Symbol::parse(&format!("SIM{}", random.between(1, 5))).unwrap();
        let amount = if side == Side::Buy && random.one_in(3) {
            OrderAmount::Cash(Money(random.between(1, 500_000_000) as i64))
        } else {
            OrderAmount::Units(units(random))
        };
        let (limit, stop) = (market.near(&symbol, random), market.near(&symbol, random));
        let terms = match random.pick(OrderKind::ALL) {
            OrderKind::Market => OrderTerms::Market,
            OrderKind::Limit => OrderTerms::Limit { limit },
            OrderKind::Stop => OrderTerms::Stop { stop },
            OrderKind::StopLimit => OrderTerms::StopLimit { limit, stop },
            OrderKind::Trailing => OrderTerms::Trailing {
                distance: distance(stop, random),
            },
        };
        let time_in_force = match (random.between(0, 3), market.time) {
            (0, _) => TimeInForce::Day,
            (1, Some(now)) => {
                // Market time passes as the clock does.
                let seconds = random.between(1, 120) as i64;
                TimeInForce::Until(Timestamp(now.0 + seconds * 1_000))
            }
            _ => TimeInForce::Gtc,
        };
        let (limit, stop) = prices(&terms);
        let request = Request::PlaceOrder {
            session: session.clone(),
            side,
            symbol,
            amount,
            kind: terms.kind(),
            limit,
            stop,
            time_in_force,
            id: Some(ClientOrderId::parse(name).unwrap()),
        };
        StandingOrder {
            side,
            symbol,
            amount,
            terms,
            time_in_force,
            request,
            placed: None,
            refused: None,
            replaces: None,
            is_replaced: false,
            cancel: CancelProgress::NotAsked,
        }
    }

    /// An order with this name in the place of `old`, whose name is `replaces`.
    pub fn in_place_of(
        (replaces, old): (&str, &StandingOrder),
        name: &str,
        session: &SessionId,
        market: &MarketView,
        random: &mut Random,
    ) -> StandingOrder {
        let amount = match old.amount {
            OrderAmount::Units(_) if random.one_in(2) => Some(OrderAmount::Units(units(random))),
            OrderAmount::Units(_) | OrderAmount::Cash(_) => None,
        };
        let price = market.near(&old.symbol, random);
        let terms = match old.terms {
            OrderTerms::Market => OrderTerms::Market,
            OrderTerms::Limit { .. } => OrderTerms::Limit { limit: price },
            OrderTerms::Stop { .. } => OrderTerms::Stop { stop: price },
            OrderTerms::StopLimit { limit, .. } => OrderTerms::StopLimit { limit, stop: price },
            OrderTerms::Trailing { .. } => OrderTerms::Trailing {
                distance: distance(price, random),
            },
        };
        let (limit, stop) = prices(&terms);
        let request = Request::ReplaceOrder {
            session: session.clone(),
            id: old.placed.unwrap(),
            amount,
            limit: limit.filter(|limit| Some(*limit) != old.terms.limit()),
            stop,
            client_order_id: Some(ClientOrderId::parse(name).unwrap()),
        };
        StandingOrder {
            amount: amount.unwrap_or(old.amount),
            terms,
            request,
            placed: None,
            refused: None,
            replaces: Some(replaces.to_owned()),
            is_replaced: false,
            ..old.clone()
        }
    }

    /// Whether it may be asked to be cancelled or replaced: each order is asked one of them once.
    pub fn is_left_alone(&self) -> bool {
        self.placed.is_some() && !self.is_replaced && self.cancel == CancelProgress::NotAsked
    }

    /// Records the answer to its request; returns whether it is an answer, and not another try's
    /// turn.
    pub fn take_placed(&mut self, name: &str, reply: Reply) -> bool {
        match reply {
            Reply::OrderPlaced {
                id,
                client_order_id,
                ..
            } => {
                assert_eq!(client_order_id.as_ref().map(|id| id.as_str()), Some(name));
                assert!(self.placed.is_none_or(|known| known == id), "{name} is two");
                assert_eq!(self.refused, None, "{name} was refused");
                self.placed = Some(id);
                true
            }
            Reply::Fail(_, refusal) => match refusal.reason.known() {
                Some(Reason::MasterUnavailable | Reason::Overloaded | Reason::InternalError) => {
                    false
                }
                Some(
                    reason @ (Reason::InsufficientFunds
                    | Reason::InsufficientHoldings
                    | Reason::NoPrice
                    | Reason::PriceInvalid
                    | Reason::QuantityInvalid
                    | Reason::DateInvalid
                    | Reason::NotOpen),
                ) => {
                    assert_eq!(self.placed, None, "{name} {refusal}");
                    assert!(reason != Reason::NotOpen || self.replaces.is_some());
                    self.refused = Some(reason);
                    true
                }
                _ => panic!("{name} {self:?} failed with {refusal}"),
            },
            other => panic!("{name} was answered {other:?}"),
        }
    }

    /// Records the answer to its cancelling; returns whether it is one.
    pub fn take_cancelled(&mut self, name: &str, reply: Reply) -> bool {
        match reply {
            Reply::OrderCancelled { id } => {
                assert_eq!(Some(id), self.placed, "{name}");
                self.cancel = CancelProgress::Cancelled;
                true
            }
            Reply::Fail(_, refusal) => match refusal.reason.known() {
                Some(Reason::MasterUnavailable | Reason::Overloaded | Reason::InternalError) => {
                    false
                }
                Some(Reason::NotOpen) => {
                    self.cancel = CancelProgress::TooLate;
                    true
                }
                _ => panic!("{name} {self:?}: its cancelling failed with {refusal}"),
            },
            other => panic!("the cancelling of {name} was answered {other:?}"),
        }
    }
}

/// The prices of terms, as placeOrder has them.
pub fn prices(terms: &OrderTerms) -> (Option<Money>, Option<TrailDistance>) {
    (terms.limit(), terms.stated_stop())
}

/// A distance of up to five percent, or three hundredths of a price.
fn distance(price: Money, random: &mut Random) -> TrailDistance {
    if random.one_in(2) {
        TrailDistance::Percent(random.between(1_000, 50_000) as u32)
    } else {
        TrailDistance::Money(Money(price.0 * random.between(1, 3) as i64 / 100))
    }
}
