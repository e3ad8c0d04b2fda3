//! spec/dialogue/compare.md · 4.7 Communication
//!
//! How `check` and the order of rows compare two values: as decimals where both are decimals, as
//! times where both are times, else as texts.

use crate::model::{Money, Timestamp};
use std::cmp::Ordering;
use std::fmt;

/// The most decimal places of a value that is compared as a decimal: more are a text.
const DECIMAL_PLACES: usize = 6;

/// How two values are to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `within TOLERANCE of`: so much apart at most, a decimal or a time such as `300ms`.
    Within(String),
}

/// The signs of comparisons, but for `within TOLERANCE of`.
pub const SIGNS: &[(&str, Comparison)] = &[
    ("=", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    ("<=", Comparison::AtMost),
    (">", Comparison::Greater),
    (">=", Comparison::AtLeast),
];

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Comparison::Within(tolerance) => write!(f, "within {tolerance} of"),
            sign => {
                let sign = SIGNS.iter().find(|(_, other)| other == sign);
                f.write_str(sign.map_or("", |(text, _)| text))
            }
        }
    }
}

/// Two values of one kind.
enum Pair {
    Decimals(Money, Money),
    Times(Timestamp, Timestamp),
}

/// Whether `left` and `right` compare so. Two texts are equal or not whatever they are; their order
/// is that of their bytes.
///
/// # Errors
/// Values of different kinds, of which neither is the greater; a tolerance that is none; a decimal
/// beyond the limit of values.
pub fn holds(left: &str, comparison: &Comparison, right: &str) -> Result<bool, String> {
    let pair = pair(left, right)?;
    if let Comparison::Within(tolerance) = comparison {
        return is_near(pair, left, tolerance, right);
    }
    let order = match pair {
        Some(Pair::Decimals(a, b)) => a.cmp(&b),
        Some(Pair::Times(a, b)) => a.cmp(&b),
        None if kind(left) == kind(right) || is_about_equality(comparison) => left.cmp(right),
        None => return Err(different(left, right)),
    };
    Ok(match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::AtMost => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::AtLeast => order != Ordering::Less,
        Comparison::Within(_) => false,
    })
}

fn is_about_equality(comparison: &Comparison) -> bool {
    matches!(comparison, Comparison::Equal | Comparison::NotEqual)
}

fn different(left: &str, right: &str) -> String {
    format!(
        "{left} is a {} and {right} a {}: neither comes first",
        kind(left),
        kind(right)
    )
}

/// The tolerance in the unit of the values.
fn is_near(pair: Option<Pair>, left: &str, tolerance: &str, right: &str) -> Result<bool, String> {
    match pair {
        Some(Pair::Decimals(a, b)) => {
            let most = decimal(tolerance)?.ok_or(format!(
                "{tolerance}: the tolerance of decimals is a decimal"
            ))?;
            Ok(i128::from(a.0).abs_diff(i128::from(b.0)) <= u128::from(most.0.unsigned_abs()))
        }
        Some(Pair::Times(a, b)) => {
            let most = humantime::parse_duration(tolerance).map_err(|_| {
                format!("{tolerance}: the tolerance of times is a time such as 300ms or 5s")
            })?;
            Ok(u128::from(a.0.abs_diff(b.0)) <= most.as_millis())
        }
        None if kind(left) == kind(right) => Err(format!(
            "{left} and {right} are texts: only decimals and times are near each other"
        )),
        None => Err(different(left, right)),
    }
}

/// Both values as one kind; `None` where they are texts, or of two kinds.
fn pair(left: &str, right: &str) -> Result<Option<Pair>, String> {
    if let (Some(a), Some(b)) = (decimal(left)?, decimal(right)?) {
        return Ok(Some(Pair::Decimals(a, b)));
    }
    let times = (Timestamp::parse(left), Timestamp::parse(right));
    Ok(match times {
        (Ok(a), Ok(b)) => Some(Pair::Times(a, b)),
        _ => None,
    })
}

fn kind(text: &str) -> &'static str {
    if matches!(decimal(text), Ok(Some(_)) | Err(_)) {
        "decimal"
    } else if Timestamp::parse(text).is_ok() {
        "time"
    } else {
        "text"
    }
}

/// The decimal; `None` where the text has not the form of one.
fn decimal(text: &str) -> Result<Option<Money>, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
    let good = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !good(whole) || !good(places) || places.len() > DECIMAL_PLACES {
        return Ok(None);
    }
    Money::parse_rounded(text)
        .map(Some)
        .map_err(|e| format!("{text}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(text: &str) -> Comparison {
        let found = SIGNS.iter().find(|(sign, _)| *sign == text);
        found.map(|(_, comparison)| comparison.clone()).unwrap()
    }

    #[test]
    fn decimals_times_and_texts_compare_as_what_they_are() {
        for (left, signs, right) in [
            ("9", "< <= !=", "10"),
            ("10", "> >= !=", "9"),
            ("7.50", "= <= >=", "7.5"),
            ("-1", "< <= !=", "0.5"),
            ("2013-03-01", "= <= >=", "2013-03-01T00:00:00.000Z"),
            (
                "2013-03-01T00:00:00Z",
                "< <= !=",
                "2013-03-01T00:00:00.001Z",
            ),
            ("AAPL", "< <= !=", "IBM"),
            ("a9", "> >= !=", "a10"),
            ("0.1234567", "> >= !=", "0.1234566"),
        ] {
            for (text, comparison) in SIGNS {
                let expected = signs.split(' ').any(|sign| sign == *text);
                let outcome = holds(left, comparison, right);
                assert_eq!(outcome, Ok(expected), "{left} {text} {right}");
            }
        }
        assert_eq!(holds("-", &sign("="), "5"), Ok(false));
        assert_eq!(holds("2013-03-01", &sign("!="), "5"), Ok(true));
        for (left, right) in [("a", "5"), ("5", "2013-03-01"), ("99999999999999999", "1")] {
            assert!(holds(left, &sign("<"), right).is_err(), "{left} {right}");
        }
    }

    #[test]
    fn what_is_near_is_so_much_apart_at_most() {
        let near = |left: &str, tolerance: &str, right: &str| {
            holds(left, &Comparison::Within(tolerance.to_owned()), right)
        };
        assert_eq!(near("10", "0.5", "10.5"), Ok(true));
        assert_eq!(near("10.500001", "0.5", "10"), Ok(false));
        let (a, b) = ("2013-03-01T00:00:00.000Z", "2013-03-01T00:00:00.300Z");
        assert_eq!(near(a, "300ms", b), Ok(true));
        assert_eq!(near(b, "299ms", a), Ok(false));
        for (left, tolerance, right) in [
            ("10", "5s", "10"),
            (a, "5", b),
            ("a", "1", "b"),
            ("10", "1", a),
        ] {
            assert!(near(left, tolerance, right).is_err(), "{left} {tolerance}");
        }
    }
}
