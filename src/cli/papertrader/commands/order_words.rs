//! spec/cli/papertrader/commands.md · 4.6.4, 4.6.5, 3.1.7
//!
//! What an order says, in words.

use crate::cli::table;
use crate::client::OrderForm;
use crate::model::order::GTC_MAX;
use crate::model::{
    Money, OrderAmount, OrderKind, OrderTerms, TimeInForce, Timestamp, TrailDistance,
};
use std::time::Duration;

/// What is ordered, in words.
pub(in crate::cli::papertrader) fn words(order: &OrderForm) -> String {
    let (side, symbol) = (order.side.as_str(), order.symbol);
    let what = match order.amount {
        OrderAmount::Units(units) => format!("{side} {} {symbol}", table::amount(units)),
        OrderAmount::Cash(money) => format!("{side} {symbol} for {}", table::money(money)),
    };
    if order.terms == OrderTerms::Market && order.time_in_force == TimeInForce::Gtc {
        return what;
    }
    let prices = terms_words(order.terms.limit(), order_stop(&order.terms));
    let prices = if prices.is_empty() { "market" } else { &prices };
    format!("{what}, {prices}, {}", in_force_words(order.time_in_force))
}

/// The stop of an order, or its trailing distance, and whether it trails.
fn order_stop(terms: &OrderTerms) -> Option<(bool, TrailDistance)> {
    let trails = terms.kind() == OrderKind::Trailing;
    terms.stated_stop().map(|stop| (trails, stop))
}

/// The prices of an order in words; `stop` has whether it trails. Empty without any.
pub(in crate::cli::papertrader) fn terms_words(
    limit: Option<Money>,
    stop: Option<(bool, TrailDistance)>,
) -> String {
    let stop = stop_words(stop);
    let limit = limit.map(|limit| format!("limit {}", table::money(limit)));
    let both: Vec<String> = stop.into_iter().chain(limit).collect();
    both.join(", ")
}

/// A stop in words, and whether it trails.
pub(super) fn stop_words(stop: Option<(bool, TrailDistance)>) -> Option<String> {
    let (trails, stop) = stop?;
    let at = match stop {
        TrailDistance::Money(money) => table::money(money),
        TrailDistance::Percent(_) => stop.to_string(),
    };
    Some(format!("{} {at}", if trails { "trailing" } else { "stop" }))
}

/// A time in force in words: a day as a day.
pub(in crate::cli::papertrader) fn in_force_words(time: TimeInForce) -> String {
    match time {
        TimeInForce::Gtc | TimeInForce::Day => time.to_string(),
        TimeInForce::Until(end) if end == end.day() => {
            format!("through {}", table::utc(end.plus_days(-1)))
        }
        TimeInForce::Until(end) => format!("until {}", table::utc(end)),
    }
}

/// Until when an order stands that is placed at this market time, in words; `None` of one that the
/// next update fills, of one for a day, which begins with a price that is still to come, and of one
/// that has ended.
pub(super) fn end_words(order: &OrderForm, now: Timestamp) -> Option<String> {
    let end = match order.time_in_force {
        TimeInForce::Gtc if order.terms == OrderTerms::Market => return None,
        TimeInForce::Gtc => Timestamp(now.0.saturating_add(GTC_MAX)),
        TimeInForce::Day => return None,
        TimeInForce::Until(end) => end,
    };
    let left = u64::try_from(end.since(now))
        .ok()
        .filter(|left| *left > 0)?;
    let left = table::span(Duration::from_millis(left));
    let stands = in_force_words(TimeInForce::Until(end));
    Some(format!(
        "it stands {stands} in market time, {left} from now, which is {}",
        table::utc(now)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Quantity, Side, Symbol, Timestamp};

    #[test]
    fn the_end_of_an_order_is_told_in_market_time() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let limit = Money(95_000_000);
        let told = |terms, time_in_force| {
            let order = OrderForm {
                side: Side::Buy,
                symbol: Symbol::parse("AAPL").unwrap(),
                amount: OrderAmount::Units(Quantity(1)),
                terms,
                time_in_force,
                id: None,
            };
            end_words(&order, at("2012-01-05"))
        };
        let limit = OrderTerms::Limit { limit };
        assert_eq!(
            told(limit, TimeInForce::Gtc).unwrap(),
            "it stands through 2012-07-02 UTC in market time, 180 d from now, which is 2012-01-05 UTC"
        );
        let years = TimeInForce::parse("2026-12-31").unwrap();
        let years = told(limit, years).unwrap();
        assert!(
            years.contains("through 2026-12-31 UTC in market time, 15 y"),
            "{years}"
        );
        assert_eq!(told(OrderTerms::Market, TimeInForce::Gtc), None);
        assert_eq!(told(limit, TimeInForce::Day), None);
        assert_eq!(told(limit, TimeInForce::Until(at("2012-01-05"))), None);
    }

    #[test]
    fn an_order_is_told_as_its_command_has_it() {
        let told = |amount, terms, time_in_force| {
            words(&OrderForm {
                side: Side::Buy,
                symbol: Symbol::parse("AAPL").unwrap(),
                amount,
                terms,
                time_in_force,
                id: None,
            })
        };
        let ten = OrderAmount::Units(Quantity(10_000_000));
        let cash = OrderAmount::Cash(Money(1_500_000_000));
        let (limit, stop) = (Money(95_000_000), Money(90_500_000));
        let gtc = TimeInForce::Gtc;
        assert_eq!(told(ten, OrderTerms::Market, gtc), "buy 10 AAPL");
        assert_eq!(told(cash, OrderTerms::Market, gtc), "buy AAPL for 1,500.00");
        assert_eq!(
            told(ten, OrderTerms::Market, TimeInForce::Day),
            "buy 10 AAPL, market, day"
        );
        assert_eq!(
            told(ten, OrderTerms::StopLimit { limit, stop }, gtc),
            "buy 10 AAPL, stop 90.50, limit 95.00, gtc"
        );
        let distance = TrailDistance::Percent(25_000);
        let until = |text: &str| TimeInForce::Until(Timestamp::parse(text).unwrap());
        assert_eq!(
            told(ten, OrderTerms::Trailing { distance }, until("2013-06-29")),
            "buy 10 AAPL, trailing 2.5%, through 2013-06-28 UTC"
        );
        let time = until("2013-06-29T14:00:00Z");
        assert_eq!(
            told(ten, OrderTerms::Limit { limit }, time),
            "buy 10 AAPL, limit 95.00, until 2013-06-29 14:00:00 UTC"
        );
    }
}
