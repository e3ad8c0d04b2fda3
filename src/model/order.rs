//! spec/model/order.md · 3.1.7 Assets Buy & Sell
//!
//! What an order says: its kind, its prices, how long it stands. The specification has market
//! orders alone; the others are this project's.

use super::word_list::word_list;
use super::{Money, Quantity, Side, Timestamp, ValueError};
use std::fmt;

/// Market time in milliseconds that an order stands whose time in force is `gtc`: 180 days.
pub const GTC_MAX: i64 = 180 * super::timestamp::DAY;

/// The latest end of an order, the last moment of the year 9999: what has a text.
const UNTIL_MAX: Timestamp = Timestamp(253_402_300_799_999);

/// Units of [`TrailDistance::Percent`] in the whole: four places of a percent.
pub const PERCENT_WHOLE: u32 = 1_000_000;

/// Most digits of a percentage before its point, and after it.
const PERCENT_DIGITS_MAX: (usize, usize) = (2, 4);

word_list! {
    /// When an order fills. The list is open.
    OrderKind {
        /// At the asset's next new price.
        Market = "market" as 0,
        /// At its limit or better, as soon as a bar touches it.
        Limit = "limit" as 1,
        /// As a market order would, as soon as a bar reaches its stop.
        Stop = "stop" as 2,
        /// As a limit order from the update on that follows the one whose bar reaches its stop.
        StopLimit = "stop-limit" as 3,
        /// As a stop whose price follows the best close at a distance.
        Trailing = "trailing" as 4,
    }
}

/// Reads the price of one unit: a decimal above zero with at most 12 digits before the point and 6
/// after it.
///
/// # Errors
/// The text has another form.
pub fn parse_price(text: &str) -> Result<Money, ValueError> {
    Quantity::parse_quantity(text)
        .map(|price| Money(price.0))
        .map_err(|_| {
            ValueError(
                "a price is a decimal above 0 with at most 12 digits before the point and 6 after",
            )
        })
}

/// How far behind the best close a trailing order's stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrailDistance {
    /// So much money. Above zero.
    Money(Money),
    /// Ten-thousandths of a percent of that close, above 0 and below [`PERCENT_WHOLE`].
    Percent(u32),
}

impl TrailDistance {
    /// Reads a price, or a percentage `N%` above 0 and below 100 with at most 4 places.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<TrailDistance, ValueError> {
        const FORM: ValueError =
            ValueError("a trailing distance is a price, or N% with N above 0 and below 100");
        let Some(percent) = text.strip_suffix('%') else {
            let money = Quantity::parse_quantity(text).map_err(|_| FORM)?;
            return Ok(TrailDistance::Money(Money(money.0)));
        };
        let (whole, places) = match percent.split_once('.') {
            Some((_, "")) => return Err(FORM),
            Some(parts) => parts,
            None => (percent, ""),
        };
        let is_short = (1..=PERCENT_DIGITS_MAX.0).contains(&whole.len())
            && places.len() <= PERCENT_DIGITS_MAX.1;
        if !is_short
            || !whole
                .bytes()
                .chain(places.bytes())
                .all(|b| b.is_ascii_digit())
        {
            return Err(FORM);
        }
        let parts = format!("{whole}{places:0<width$}", width = PERCENT_DIGITS_MAX.1);
        match parts.parse() {
            Ok(parts @ 1..PERCENT_WHOLE) => Ok(TrailDistance::Percent(parts)),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for TrailDistance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrailDistance::Money(money) => money.fmt(f),
            // Four places of a percent are six of the whole, as money has: 25000 is 2.5.
            TrailDistance::Percent(parts) => write!(f, "{}%", Money(i64::from(*parts) * 100)),
        }
    }
}

/// The price at which a trailing order triggers: the best close and the distance, which for a
/// percentage is rounded up, away from the trigger. At least a millionth, and at most what an `i64`
/// holds, which no price reaches.
pub fn trail_level(side: Side, distance: TrailDistance, best: Money) -> Money {
    let best = i128::from(best.0);
    let distance = match distance {
        TrailDistance::Money(money) => i128::from(money.0),
        TrailDistance::Percent(parts) => {
            let whole = i128::from(PERCENT_WHOLE);
            (best * i128::from(parts) + whole - 1).div_euclid(whole)
        }
    };
    let level = if side == Side::Buy {
        best + distance
    } else {
        best - distance
    };
    Money(i64::try_from(level.max(1)).unwrap_or(i64::MAX))
}

/// The prices that decide when an order fills, in millionths of the account currency for one unit.
/// Each is above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderTerms {
    Market,
    Limit { limit: Money },
    Stop { stop: Money },
    StopLimit { limit: Money, stop: Money },
    Trailing { distance: TrailDistance },
}

impl OrderTerms {
    /// The kind that has these prices.
    pub fn kind(&self) -> OrderKind {
        match self {
            OrderTerms::Market => OrderKind::Market,
            OrderTerms::Limit { .. } => OrderKind::Limit,
            OrderTerms::Stop { .. } => OrderKind::Stop,
            OrderTerms::StopLimit { .. } => OrderKind::StopLimit,
            OrderTerms::Trailing { .. } => OrderKind::Trailing,
        }
    }

    /// The terms of a kind with these prices; `None` where the kind has other prices. A distance in
    /// percent is for trailing orders alone.
    pub fn of(
        kind: OrderKind,
        limit: Option<Money>,
        stop: Option<TrailDistance>,
    ) -> Option<OrderTerms> {
        let price = |stop| match stop {
            TrailDistance::Money(stop) => Some(stop),
            TrailDistance::Percent(_) => None,
        };
        match (kind, limit, stop) {
            (OrderKind::Market, None, None) => Some(OrderTerms::Market),
            (OrderKind::Limit, Some(limit), None) => Some(OrderTerms::Limit { limit }),
            (OrderKind::Stop, None, Some(stop)) => {
                price(stop).map(|stop| OrderTerms::Stop { stop })
            }
            (OrderKind::StopLimit, Some(limit), Some(stop)) => {
                price(stop).map(|stop| OrderTerms::StopLimit { limit, stop })
            }
            (OrderKind::Trailing, None, Some(distance)) => Some(OrderTerms::Trailing { distance }),
            (
                OrderKind::Market
                | OrderKind::Limit
                | OrderKind::Stop
                | OrderKind::StopLimit
                | OrderKind::Trailing,
                _,
                _,
            ) => None,
        }
    }

    /// The limit, if the kind has one.
    pub fn limit(&self) -> Option<Money> {
        match self {
            OrderTerms::Limit { limit } | OrderTerms::StopLimit { limit, .. } => Some(*limit),
            OrderTerms::Market | OrderTerms::Stop { .. } | OrderTerms::Trailing { .. } => None,
        }
    }

    /// The stop, if the kind has one.
    pub fn stop(&self) -> Option<Money> {
        match self {
            OrderTerms::Stop { stop } | OrderTerms::StopLimit { stop, .. } => Some(*stop),
            OrderTerms::Market | OrderTerms::Limit { .. } | OrderTerms::Trailing { .. } => None,
        }
    }

    /// The stop as placeOrder states it: a trailing order's distance, else the stop, if the kind has
    /// one.
    pub fn stated_stop(&self) -> Option<TrailDistance> {
        match self {
            OrderTerms::Trailing { distance } => Some(*distance),
            OrderTerms::Market
            | OrderTerms::Limit { .. }
            | OrderTerms::Stop { .. }
            | OrderTerms::StopLimit { .. } => self.stop().map(TrailDistance::Money),
        }
    }
}

/// How long an order stands, in market time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeInForce {
    /// [`GTC_MAX`], "good till cancelled".
    Gtc,
    /// Until the end of the day, in UTC, of the first new price of its asset after its acceptance.
    Day,
    /// Until this time: the first update whose market time is at it or later does not test it. A
    /// date counts through its day.
    Until(Timestamp),
}

impl TimeInForce {
    /// Reads `gtc`, `day`, a date or a time.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<TimeInForce, ValueError> {
        match text {
            "gtc" => Ok(TimeInForce::Gtc),
            "day" => Ok(TimeInForce::Day),
            time => {
                let until = Timestamp::parse(time)
                    .map_err(|_| ValueError("a time in force is day, gtc, a date or a time"))?;
                // Ten characters are a date: YYYY-MM-DD.
                let is_date = time.len() == 10;
                let whole_day = if is_date { super::timestamp::DAY } else { 0 };
                let end = until.0.saturating_add(whole_day).min(UNTIL_MAX.0);
                Ok(TimeInForce::Until(Timestamp(end)))
            }
        }
    }
}

impl fmt::Display for TimeInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeInForce::Gtc => f.pad("gtc"),
            TimeInForce::Day => f.pad("day"),
            TimeInForce::Until(time) => time.fmt(f),
        }
    }
}

/// How much an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderAmount {
    /// So many units. Above zero.
    Units(Quantity),
    /// As many units as this money buys, fee and slippage included. Above zero; purchases alone.
    Cash(Money),
}

impl OrderAmount {
    /// What an amount of money begins with on the wire.
    pub const CASH: &'static str = "cash:";

    /// Reads a quantity, or `cash:` and an amount of a price's form.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<OrderAmount, ValueError> {
        match text.strip_prefix(OrderAmount::CASH) {
            Some(money) => {
                let money = Quantity::parse_quantity(money)?;
                Ok(OrderAmount::Cash(Money(money.0)))
            }
            None => Quantity::parse_quantity(text).map(OrderAmount::Units),
        }
    }
}

impl fmt::Display for OrderAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderAmount::Units(units) => units.fmt(f),
            OrderAmount::Cash(money) => write!(f, "{}{money}", OrderAmount::CASH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_money_or_a_percentage() {
        let parsed = |text: &str| TrailDistance::parse(text).unwrap();
        assert_eq!(parsed("2.5"), TrailDistance::Money(Money(2_500_000)));
        assert_eq!(parsed("2.5%"), TrailDistance::Percent(25_000));
        assert_eq!(parsed("99.9999%"), TrailDistance::Percent(999_999));
        assert_eq!(parsed("0.0001%"), TrailDistance::Percent(1));
        for text in [
            "", "%", "0%", "100%", "1.00001%", "-1%", "1.%", ".5%", "1e1%", "+1%", "0", "5 %",
        ] {
            assert!(TrailDistance::parse(text).is_err(), "{text}");
        }
        for text in ["2.5", "2.5%", "99.9999%", "0.0001%", "10%"] {
            assert_eq!(parsed(text).to_string(), text);
        }
    }

    #[test]
    fn a_time_in_force_is_a_word_a_date_or_a_time() {
        let time = |text: &str| Timestamp::parse(text).unwrap();
        assert_eq!(TimeInForce::parse("gtc"), Ok(TimeInForce::Gtc));
        assert_eq!(TimeInForce::parse("day"), Ok(TimeInForce::Day));
        assert_eq!(
            TimeInForce::parse("2013-03-01"),
            Ok(TimeInForce::Until(time("2013-03-02"))),
            "through that day"
        );
        assert_eq!(
            TimeInForce::parse("2013-03-01T10:00:00Z"),
            Ok(TimeInForce::Until(time("2013-03-01T10:00:00Z")))
        );
        for text in ["", "GTC", "tomorrow", "2013-13-01"] {
            assert!(TimeInForce::parse(text).is_err(), "{text}");
        }
        for text in [
            "gtc",
            "day",
            "2013-03-01",
            "2013-03-01T10:00:00.001Z",
            "9999-12-31",
        ] {
            let parsed = TimeInForce::parse(text).unwrap();
            assert_eq!(
                TimeInForce::parse(&parsed.to_string()),
                Ok(parsed),
                "{text}"
            );
        }
    }

    #[test]
    fn a_kind_has_its_own_prices_and_no_others() {
        let limit = Money(7);
        let prices = [
            None,
            Some(TrailDistance::Money(Money(5))),
            Some(TrailDistance::Percent(9)),
        ];
        let mut of_kinds = Vec::new();
        for kind in OrderKind::ALL {
            for limit in [None, Some(limit)] {
                for stop in prices {
                    of_kinds.extend(OrderTerms::of(*kind, limit, stop));
                }
            }
        }
        let stop = Money(5);
        let trailing = |distance| OrderTerms::Trailing { distance };
        let expected = [
            OrderTerms::Market,
            OrderTerms::Limit { limit },
            OrderTerms::Stop { stop },
            OrderTerms::StopLimit { limit, stop },
            trailing(TrailDistance::Money(stop)),
            trailing(TrailDistance::Percent(9)),
        ];
        assert_eq!(of_kinds, expected);
        for terms in of_kinds {
            let stated = OrderTerms::of(terms.kind(), terms.limit(), terms.stated_stop());
            assert_eq!(stated, Some(terms));
        }
    }

    #[test]
    fn a_level_is_its_distance_from_the_best_close() {
        let money = TrailDistance::Money(Money(7));
        let percent = TrailDistance::Percent(25_000);
        let level = |side, distance, best| trail_level(side, distance, Money(best)).0;
        assert_eq!(level(Side::Sell, money, 100), 93);
        assert_eq!(level(Side::Buy, money, 100), 107);
        // 2.5 % of 101 is 2.525.
        assert_eq!(level(Side::Sell, percent, 101), 98);
        assert_eq!(level(Side::Buy, percent, 101), 104);
        assert_eq!(level(Side::Sell, money, 7), 1, "at least a millionth");
        assert_eq!(level(Side::Buy, money, i64::MAX), i64::MAX);
    }

    #[test]
    fn an_amount_is_units_or_money() {
        assert_eq!(
            OrderAmount::parse("10"),
            Ok(OrderAmount::Units(Quantity(10_000_000)))
        );
        assert_eq!(
            OrderAmount::parse("cash:0.5"),
            Ok(OrderAmount::Cash(Money(500_000)))
        );
        for text in ["cash:", "cash:0", "cash:-1", "CASH:1", "cash: 1"] {
            assert!(OrderAmount::parse(text).is_err(), "{text}");
        }
        assert_eq!(OrderAmount::Cash(Money(1_500_000)).to_string(), "cash:1.5");
    }
}
