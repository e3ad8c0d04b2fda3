//! spec/cli/papertrader/commands.md · 4.6.4, 4.6.5, 3.1.7
//!
//! What an order takes or brings, before it is sent; and whether the person means it.
//!
//! Tests: below, and in `tests/suite/client/waiting_orders.rs`.

use super::order_words::{end_words, words};
use super::{CommandError, ReadySession, note};
use crate::cli::papertrader::arguments::GlobalArgs;
use crate::cli::table;
use crate::cli::terminal::{ConfirmError, confirm};
use crate::client::order::is_paused;
use crate::client::{Client, ClientError, OrderForm};
use crate::model::order::trail_level;
use crate::model::{
    Money, OrderAmount, OrderTerms, Quantity, Reason, Side, Symbol, Timestamp, Username,
};
use crate::wire::payload::Portfolio;
use std::io::IsTerminal;

/// Which edition of the protocol the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli::papertrader) enum Edition {
    First,
    /// The second, or a later one.
    Second,
    /// Nobody asked.
    Unknown,
}

/// What is known of an order before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OrderOutlook {
    pub edition: Edition,
    /// Whether the next update may fill it, as far as is known: not in a paused market, nor where
    /// its asset has had no price.
    pub is_timed: bool,
}

/// What a server tells of an order before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli::papertrader) struct Foresight {
    pub edition: Edition,
    pub is_paused: bool,
    pub market_time: Option<Timestamp>,
    /// Whether its asset has had a price, as far as is known.
    pub has_price: bool,
    /// `None`: it cannot be known.
    pub estimate: Option<OrderEstimate>,
}

impl Foresight {
    /// The lines that tell it.
    pub fn lines(&self, order: &OrderForm) -> Vec<String> {
        let estimate = self.estimate.as_ref().map(|it| it.line(order));
        let unpriced = (!self.has_price).then(|| {
            let symbol = order.symbol;
            format!("{symbol} has had no price yet; the order waits for its first one")
        });
        let paused = self
            .is_paused
            .then(|| "the market is paused: the order waits until it is resumed".to_owned());
        let end = self.market_time.and_then(|now| end_words(order, now));
        let lines = [estimate, end, unpriced, paused];
        lines.into_iter().flatten().collect()
    }

    /// That an order takes more than half of what its account is worth, if it does: a sentence
    /// without its end.
    pub fn large_words(&self, name: &Username, side: Side) -> Option<String> {
        let estimate = self.estimate.as_ref().filter(|it| it.is_large(side))?;
        let equity = table::money(estimate.equity);
        Some(format!(
            "This is more than half of the {equity} that {name} is worth"
        ))
    }
}

/// What the price of an estimate is to the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli::papertrader) enum PriceBasis {
    /// About what it fills at.
    Expected,
    /// The most that a purchase pays, and the least that a sale brings.
    Bound,
    /// As [`PriceBasis::Bound`]; the latest price, this one, meets the limit already.
    MetLimit(Money),
    /// The latest price, which has reached the order's stop already.
    PastStop,
}

/// What an order takes from an account or brings to it, as far as it can be known before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli::papertrader) struct OrderEstimate {
    /// The price of a unit that is reckoned with.
    pub price: Money,
    pub basis: PriceBasis,
    /// Without the fee.
    pub total: Money,
    /// Whether trades cost fees.
    pub has_fees: bool,
    /// Cash that no open order holds back.
    pub cash: Money,
    pub is_held_back: bool,
    /// Cash and the value of all positions.
    pub equity: Money,
}

impl OrderEstimate {
    /// The line that tells it.
    fn line(&self, order: &OrderForm) -> String {
        let told = self.takes_or_brings(order);
        match self.basis {
            PriceBasis::Expected | PriceBasis::Bound => told,
            PriceBasis::PastStop => {
                format!("{told}; the price is past the stop already: it fills at the next update")
            }
            PriceBasis::MetLimit(latest) => {
                let latest = table::money(latest);
                format!(
                    "{told}; the price, {latest}, meets the limit already: it fills at the next update"
                )
            }
        }
    }

    fn takes_or_brings(&self, order: &OrderForm) -> String {
        let is_sale = order.side == Side::Sell;
        let is_cash = matches!(order.amount, OrderAmount::Cash(_));
        let price = table::money(self.price);
        let (at, some) = match (self.basis, is_sale) {
            (PriceBasis::Expected | PriceBasis::PastStop, _) => {
                (format!("at about {price}"), "about ")
            }
            (PriceBasis::Bound | PriceBasis::MetLimit(_), false) => {
                (format!("at {price} or less"), "at most ")
            }
            (PriceBasis::Bound | PriceBasis::MetLimit(_), true) => {
                (format!("at {price} or more"), "at least ")
            }
        };
        // The money of an order for an amount has the fee in it.
        let some = if is_cash { "" } else { some };
        let fees = if self.has_fees && !is_cash {
            " before fees"
        } else {
            ""
        };
        let beside = if self.is_held_back {
            " beside what open orders hold back"
        } else {
            ""
        };
        let total = table::money(self.total);
        let (what, cash) = (words(order), table::money(self.cash));
        if is_sale {
            let after = self.cash.plus(self.total).unwrap_or(self.cash);
            let after = table::money(after);
            return format!(
                "{what}: {at} it brings {some}{total}{fees}, which makes {after} in cash{beside}"
            );
        }
        let left = self.cash.minus(self.total);
        match left.filter(|left| *left >= Money::ZERO) {
            Some(left) => {
                let left = table::money(left);
                let takes = format!("{at} it takes {some}{total}{fees}");
                format!("{what}: {takes} and leaves {left} in cash{beside}")
            }
            None => format!(
                "{what}: {at} it takes {some}{total}{fees}, and there is {cash} in cash{beside}"
            ),
        }
    }

    /// Whether a purchase takes more than half of what the account is worth.
    fn is_large(&self, side: Side) -> bool {
        side == Side::Buy && i128::from(self.total.0) * 2 > i128::from(self.equity.0)
    }
}

/// Tells what an order takes or brings, and asks at a terminal where it takes more than half of what
/// the account is worth. What is not known is left out: the order itself tells why.
///
/// # Errors
/// No server answers, or the person does not mean it.
pub(super) fn tell(
    global: &GlobalArgs,
    session: &mut ReadySession,
    order: &OrderForm,
    yes: bool,
) -> Result<OrderOutlook, CommandError> {
    let unknown = OrderOutlook {
        edition: Edition::Unknown,
        is_timed: true,
    };
    let is_asked = std::io::stdin().is_terminal() && !yes;
    // A program reads the outcome.
    if global.json && !is_asked {
        return Ok(unknown);
    }
    let name = session.saved.username.clone();
    let asked = session.pool.call(|client| foresee(client, &name, order));
    let told = match asked {
        Ok(told) => told,
        Err(error) if error.is_about_the_worker() && !is_refused(&error) => {
            return Err(session.failed(error));
        }
        Err(_) => return Ok(unknown),
    };
    if !global.json {
        for line in told.lines(order) {
            note(&line);
        }
    }
    let large = told.large_words(&name, order.side);
    if let Some(what) = large.filter(|_| is_asked) {
        confirm(&what, yes).map_err(|error| match error {
            ConfirmError::No => ClientError::Local("no order was sent".to_owned()),
            other @ (ConfirmError::NoTerminal(_) | ConfirmError::Input(_)) => {
                ClientError::Local(other.to_string())
            }
        })?;
    }
    Ok(OrderOutlook {
        edition: told.edition,
        is_timed: told.has_price && !told.is_paused,
    })
}

fn is_refused(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(_))
}

/// What the server tells of its market and of the order. A refusal, such as for an asset that it does
/// not have, is left to the order itself.
///
/// # Errors
/// As [`Client::quote`].
pub(in crate::cli::papertrader) fn foresee(
    client: &mut Client,
    name: &Username,
    order: &OrderForm,
) -> Result<Foresight, ClientError> {
    let info = client.server_info()?;
    let edition = if info.is_some() {
        Edition::Second
    } else {
        Edition::First
    };
    let mut told = Foresight {
        edition,
        is_paused: info.as_ref().is_some_and(is_paused),
        market_time: info.as_ref().and_then(|info| info.market_time),
        has_price: true,
        estimate: None,
    };
    let has_fees = info.and_then(|info| info.fees) == Some(true);
    let reckoned = latest(client, order.symbol).and_then(|latest| {
        told.has_price = latest.is_some();
        match basis(order, latest) {
            Some(priced) => reckon(client, (edition, name), (order, priced), has_fees),
            None => Ok(None),
        }
    });
    match reckoned {
        Ok(estimate) => told.estimate = estimate,
        Err(ClientError::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(told)
}

/// The latest price of an asset; `None`: it has had none.
fn latest(client: &mut Client, symbol: Symbol) -> Result<Option<Money>, ClientError> {
    match client.quote(symbol) {
        Ok(quote) => Ok(Some(quote.value)),
        Err(ClientError::Refused(refusal)) if refusal.reason == Reason::NoPrice => Ok(None),
        Err(error) => Err(error),
    }
}

/// The price of a unit that is reckoned with; `None`: nobody knows it.
fn basis(order: &OrderForm, latest: Option<Money>) -> Option<(Money, PriceBasis)> {
    Some(match (order.terms, latest) {
        (OrderTerms::Limit { limit }, Some(latest)) => at_limit(order.side, limit, latest),
        (OrderTerms::Limit { limit } | OrderTerms::StopLimit { limit, .. }, _) => {
            (limit, PriceBasis::Bound)
        }
        (OrderTerms::Stop { stop }, Some(latest)) => at_stop(order.side, stop, latest),
        (OrderTerms::Stop { stop }, None) => (stop, PriceBasis::Expected),
        (OrderTerms::Market, latest) => (latest?, PriceBasis::Expected),
        (OrderTerms::Trailing { distance }, latest) => (
            trail_level(order.side, distance, latest?),
            PriceBasis::Expected,
        ),
    })
}

fn reckon(
    client: &mut Client,
    (edition, name): (Edition, &Username),
    (order, (price, basis)): (&OrderForm, (Money, PriceBasis)),
    has_fees: bool,
) -> Result<Option<OrderEstimate>, ClientError> {
    let total = match (order.amount, order.side) {
        (OrderAmount::Cash(cash), _) => Some(cash),
        (OrderAmount::Units(units), Side::Sell) => units.worth_at(price),
        (OrderAmount::Units(units), Side::Buy | Side::Split | Side::Dividend) => {
            units.cost_at(price)
        }
    };
    let Some(total) = total else { return Ok(None) };
    let (cash, held_back, equity) = if edition == Edition::Second {
        let summary = client.account_summary()?;
        (summary.cash, summary.reserved, summary.equity)
    } else {
        let Portfolio::Private(cash, holdings) = client.portfolio(name)? else {
            return Ok(None);
        };
        let values = holdings.iter().map(|holding| holding.value.0);
        let value = values.fold(0, i64::saturating_add);
        (cash, Money::ZERO, Money(value.saturating_add(cash.0)))
    };
    Ok(Some(OrderEstimate {
        price,
        basis,
        total,
        has_fees,
        cash: cash.minus(held_back).unwrap_or(cash),
        is_held_back: held_back > Money::ZERO,
        equity,
    }))
}

/// At which price a limit order fills, and whether the latest price meets it.
fn at_limit(side: Side, limit: Money, latest: Money) -> (Money, PriceBasis) {
    let is_met = match side {
        Side::Sell => latest >= limit,
        Side::Buy | Side::Split | Side::Dividend => latest <= limit,
    };
    if is_met {
        (limit, PriceBasis::MetLimit(latest))
    } else {
        (limit, PriceBasis::Bound)
    }
}

/// At which price a stop order would trigger now: its stop, or the latest price where that is past it.
fn at_stop(side: Side, stop: Money, latest: Money) -> (Money, PriceBasis) {
    let is_past = match side {
        Side::Sell => latest <= stop,
        Side::Buy | Side::Split | Side::Dividend => latest >= stop,
    };
    if is_past {
        (latest, PriceBasis::PastStop)
    } else {
        (stop, PriceBasis::Expected)
    }
}

/// What open orders hold back; `None` where the server does not tell it.
pub(super) fn held_back(session: &mut ReadySession) -> Option<Money> {
    let told = session.pool.call(|client| match client.server_info()? {
        Some(_) => client.account_summary().map(Some),
        None => Ok(None),
    });
    Some(told.ok()??.reserved)
}

/// All units of an asset that no other sale has been promised. Standard error tells of those that
/// are not among them.
///
/// # Errors
/// There are none, or a server does not tell.
pub(super) fn units_for_sale(
    global: &GlobalArgs,
    session: &mut ReadySession,
    symbol: Symbol,
) -> Result<OrderAmount, CommandError> {
    let name = session.saved.username.clone();
    let (units, promised) = session.call(|client| {
        if client.server_info()?.is_some() {
            let summary = client.account_summary()?;
            let position = summary.positions.iter().find(|it| it.symbol == symbol);
            return Ok(position.map_or((0, 0), |it| (it.units.0, it.promised.0)));
        }
        let units = match client.portfolio(&name)? {
            Portfolio::Private(_, holdings) => {
                let holding = holdings.iter().find(|it| it.symbol == symbol);
                holding.map_or(0, |it| it.quantity.0)
            }
            Portfolio::Public(_) => 0,
        };
        Ok((units, 0))
    })?;
    let program = &session.program;
    let free = units.saturating_sub(promised);
    if free > 0 {
        if promised > 0 && !global.json {
            let told = promised_words(symbol, Quantity(units), Quantity(promised));
            note(&format!("{told}:\n  {program} orders"));
        }
        return Ok(OrderAmount::Units(Quantity(free)));
    }
    Err(CommandError::with_advice(
        ClientError::Local(format!("{name} has no units of {symbol} to sell")),
        format!(
            "What there is, and what other sales have been promised:\n  {program} portfolio\n  {program} orders"
        ),
    ))
}

/// How many of an asset's units can be sold where others are promised.
fn promised_words(symbol: Symbol, units: Quantity, promised: Quantity) -> String {
    let free = Quantity(units.0.saturating_sub(promised.0));
    let [free, units, promised] = [free, units, promised].map(table::amount);
    format!("{free} of {units} {symbol}; {promised} are promised to open orders")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TimeInForce;

    fn order(side: Side, amount: OrderAmount, terms: OrderTerms) -> OrderForm {
        OrderForm {
            side,
            symbol: Symbol::parse("AAPL").unwrap(),
            amount,
            terms,
            time_in_force: TimeInForce::Gtc,
            id: None,
        }
    }

    fn estimate() -> OrderEstimate {
        OrderEstimate {
            price: Money(100_000_000),
            basis: PriceBasis::Expected,
            total: Money(1_000_000_000),
            has_fees: false,
            cash: Money(2_500_000_000),
            is_held_back: false,
            equity: Money(2_000_000_000),
        }
    }

    const TEN: OrderAmount = OrderAmount::Units(Quantity(10_000_000));

    #[test]
    fn an_estimate_says_what_is_left() {
        let market = order(Side::Buy, TEN, OrderTerms::Market);
        assert_eq!(
            estimate().line(&market),
            "buy 10 AAPL: at about 100.00 it takes about 1,000.00 and leaves 1,500.00 in cash"
        );
        let limit = Money(100_000_000);
        let bound = OrderEstimate {
            basis: PriceBasis::Bound,
            has_fees: true,
            is_held_back: true,
            ..estimate()
        };
        assert_eq!(
            bound.line(&order(Side::Buy, TEN, OrderTerms::Limit { limit })),
            "buy 10 AAPL, limit 100.00, gtc: at 100.00 or less it takes at most 1,000.00 before fees \
             and leaves 1,500.00 in cash beside what open orders hold back"
        );
        assert_eq!(
            estimate().line(&order(Side::Sell, TEN, OrderTerms::Market)),
            "sell 10 AAPL: at about 100.00 it brings about 1,000.00, which makes 3,500.00 in cash"
        );
        let short = OrderEstimate {
            cash: Money(999_000_000),
            ..estimate()
        };
        let line = short.line(&market);
        assert!(line.ends_with("and there is 999.00 in cash"), "{line}");
    }

    #[test]
    fn a_stop_on_the_wrong_side_is_reckoned_at_the_latest_price() {
        let (low, high) = (Money(10_000), Money(9_000_000));
        assert_eq!(at_stop(Side::Buy, low, high), (high, PriceBasis::PastStop));
        assert_eq!(at_stop(Side::Buy, high, low), (high, PriceBasis::Expected));
        assert_eq!(at_stop(Side::Sell, high, low), (low, PriceBasis::PastStop));
        assert_eq!(at_stop(Side::Sell, low, high), (low, PriceBasis::Expected));
        let (_, reached) = at_stop(Side::Buy, high, high);
        assert_eq!(reached, PriceBasis::PastStop);
        let past = OrderEstimate {
            basis: PriceBasis::PastStop,
            ..estimate()
        };
        let stop = low;
        assert_eq!(
            past.line(&order(Side::Buy, TEN, OrderTerms::Stop { stop })),
            "buy 10 AAPL, stop 0.01, gtc: at about 100.00 it takes about 1,000.00 and leaves \
             1,500.00 in cash; the price is past the stop already: it fills at the next update"
        );
    }

    #[test]
    fn a_limit_that_the_latest_price_meets_is_told() {
        let (low, high) = (Money(95_000_000), Money(100_000_000));
        let met = PriceBasis::MetLimit;
        assert_eq!(at_limit(Side::Buy, high, low), (high, met(low)));
        assert_eq!(at_limit(Side::Buy, low, high), (low, PriceBasis::Bound));
        assert_eq!(at_limit(Side::Sell, low, high), (low, met(high)));
        assert_eq!(at_limit(Side::Sell, high, low), (high, PriceBasis::Bound));
        assert_eq!(at_limit(Side::Sell, low, low), (low, met(low)));
        let estimate = OrderEstimate {
            basis: met(low),
            ..estimate()
        };
        assert_eq!(
            estimate.line(&order(Side::Buy, TEN, OrderTerms::Limit { limit: high })),
            "buy 10 AAPL, limit 100.00, gtc: at 100.00 or less it takes at most 1,000.00 and leaves \
             1,500.00 in cash; the price, 95.00, meets the limit already: it fills at the next update"
        );
    }

    #[test]
    fn a_paused_market_and_an_asset_without_a_price_are_told_before_the_order_is_sent() {
        let limit = Money(100_000_000);
        let (market, bound) = (OrderTerms::Market, OrderTerms::Limit { limit });
        let form = |terms| order(Side::Buy, TEN, terms);
        assert_eq!(basis(&form(market), None), None);
        let bound = basis(&form(bound), None);
        assert_eq!(
            bound,
            Some((limit, PriceBasis::Bound)),
            "without a price too"
        );
        let told = Foresight {
            edition: Edition::Second,
            is_paused: true,
            market_time: None,
            has_price: false,
            estimate: None,
        };
        assert_eq!(
            told.lines(&form(market)),
            [
                "AAPL has had no price yet; the order waits for its first one",
                "the market is paused: the order waits until it is resumed",
            ]
        );
        let usual = Foresight {
            is_paused: false,
            has_price: true,
            estimate: Some(estimate()),
            ..told
        };
        assert_eq!(usual.lines(&form(market)).len(), 1);
    }

    #[test]
    fn units_that_are_promised_are_told() {
        let symbol = Symbol::parse("AAPL").unwrap();
        let told = promised_words(symbol, Quantity(10_000_000), Quantity(6_000_000));
        assert_eq!(told, "4 of 10 AAPL; 6 are promised to open orders");
    }

    #[test]
    fn more_than_half_is_much_and_a_sale_never_is() {
        let more = OrderEstimate {
            total: Money(1_000_000_001),
            ..estimate()
        };
        assert!(more.is_large(Side::Buy) && !more.is_large(Side::Sell));
        assert!(!estimate().is_large(Side::Buy), "half of it");
    }
}
