//! spec/model/topic.md · 4.1 (what a client asks to be told)

use super::{Money, Symbol, ValueError};
use std::fmt;

/// What a client subscribes to: what it wants to be told without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// The ends of the orders of the session's account.
    Orders,
    /// New prices of all assets.
    Quotes,
    /// New prices of one asset.
    QuotesOf(Symbol),
}

impl Topic {
    /// Reads `orders`, `quotes` or `quotes:SYMBOL`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Topic, ValueError> {
        const FORM: ValueError = ValueError("a topic is orders, quotes or quotes:SYMBOL");
        match text {
            "orders" => Ok(Topic::Orders),
            "quotes" => Ok(Topic::Quotes),
            _ => {
                let symbol = text.strip_prefix("quotes:").ok_or(FORM)?;
                Symbol::parse(symbol).map(Topic::QuotesOf).map_err(|_| FORM)
            }
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Topic::Orders => f.write_str("orders"),
            Topic::Quotes => f.write_str("quotes"),
            Topic::QuotesOf(symbol) => write!(f, "quotes:{symbol}"),
        }
    }
}

/// An asset's new price, `SYMBOL=value` in text. A symbol may contain `=`, a value does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteValue {
    pub symbol: Symbol,
    pub value: Money,
}

impl QuoteValue {
    /// Reads `SYMBOL=value`, the value in its one form.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<QuoteValue, ValueError> {
        let (symbol, value) = text
            .rsplit_once('=')
            .ok_or(ValueError("a quote is SYMBOL=value"))?;
        Ok(QuoteValue {
            symbol: Symbol::parse(symbol)?,
            value: Money::parse_canonical(value)?,
        })
    }
}

impl fmt::Display for QuoteValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.symbol, self.value)
    }
}

/// The most notices that noticesDropped counts; more are told as so many.
pub const DROPPED_MAX: u32 = 999_999_999;

/// Reads a number of dropped notices: 0 to [`DROPPED_MAX`], without needless zeros.
///
/// # Errors
/// The text has another form.
pub fn parse_dropped(text: &str) -> Result<u32, ValueError> {
    const FORM: ValueError = ValueError("a count is 0 to 999999999, without needless zeros");
    let count: u32 = text.parse().map_err(|_| FORM)?;
    if count <= DROPPED_MAX && count.to_string() == text {
        Ok(count)
    } else {
        Err(FORM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_written_as_they_are_read() {
        for text in ["orders", "quotes", "quotes:AAPL", "quotes:-", "quotes:A=B"] {
            assert_eq!(Topic::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "order",
            "Orders",
            "quotes:",
            "quotes:aapl",
            "quotes:A B",
            "orders:A",
            "news",
        ] {
            assert!(Topic::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_quote_ends_with_its_value() {
        for text in ["AAPL=10.5", "A=B=0.000001", "-=0"] {
            assert_eq!(QuoteValue::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "AAPL", "AAPL=", "=1", "AAPL=1.50", "AAPL=-1", "aapl=1"] {
            assert!(QuoteValue::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_have_one_form() {
        assert_eq!(parse_dropped("0"), Ok(0));
        assert_eq!(parse_dropped("999999999"), Ok(DROPPED_MAX));
        for text in ["", "-1", "+1", "01", "1000000000", "1.0"] {
            assert!(parse_dropped(text).is_err(), "{text}");
        }
    }
}
