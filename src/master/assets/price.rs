//! spec/master/assets.md · 3.1.6 (validation of what an API sent)
//!
//! Reads a price from text, and refuses one that cannot be kept.

use crate::model::money::MILLION;
use crate::model::{Money, ValueError};
use thiserror::Error;

/// The part of a price that rounding to the millionth may change: one in so many.
const ROUNDING_SHARE: i64 = 1000;

/// Why a price is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PriceError {
    /// It is no decimal number, or beyond the range.
    #[error("{0}")]
    Form(ValueError),
    /// It is zero or negative.
    #[error("not above 0")]
    NotAbove0,
    /// Rounding to the millionth would change it by more than a thousandth: whoever trades at it
    /// would pay another price.
    #[error("finer than the millionths that are kept: it would become {kept}")]
    TooFine {
        kept: Money,
        /// The smallest lot, a power of ten, whose price can be kept.
        lot: u64,
    },
}

/// Parses a price and moves its point by `shift` places to the right, 0 to 9.
///
/// # Errors
/// The price cannot be kept.
pub fn parse_price(text: &str, shift: i32) -> Result<Money, PriceError> {
    let kept = shifted(text, shift)?;
    if kept.0 >= ROUNDING_SHARE {
        return Ok(kept);
    }
    // In millionths of a millionth. A price this small is far from the range's end.
    let finer = shifted(text, shift + 6)?.0;
    if finer <= 0 {
        return Err(PriceError::NotAbove0);
    }
    let lost = (finer - kept.0 * MILLION).abs();
    if lost <= finer / ROUNDING_SHARE {
        return Ok(kept);
    }
    let enough = ROUNDING_SHARE / 2 * MILLION;
    let fits = |zeros: &u32| finer.saturating_mul(10_i64.pow(*zeros)) >= enough;
    let zeros = (1..9).find(fits).unwrap_or(9);
    let lot = 10_u64.pow(zeros + u32::try_from(shift).unwrap_or(0));
    Err(PriceError::TooFine { kept, lot })
}

fn shifted(text: &str, shift: i32) -> Result<Money, PriceError> {
    match (text.split_once(['e', 'E']), shift) {
        (_, 0) => Money::parse_rounded(text),
        (None, _) => Money::parse_rounded(&format!("{text}e{shift}")),
        (Some((digits, exponent)), _) => {
            let exponent = exponent.parse::<i32>().unwrap_or(0).saturating_add(shift);
            Money::parse_rounded(&format!("{digits}e{exponent}"))
        }
    }
    .map_err(PriceError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_keeps_its_value_to_a_thousandth_or_is_refused() {
        for (text, shift, kept) in [
            ("1.5", 0, 1_500_000),
            ("0.0012344", 0, 1234),
            ("0.00050004", 0, 500),
            ("0.000007", 0, 7),
            ("7e-6", 0, 7),
            ("0.00000734", 6, 7_340_000),
            ("7.34e-6", 6, 7_340_000),
            ("12", 3, 12_000_000_000),
            ("0.00000041", 2, 41),
            ("0.0004997", 0, 500),
        ] {
            assert_eq!(parse_price(text, shift), Ok(Money(kept)), "{text}");
        }
        for (text, shift, kept, lot) in [
            ("0.00000734", 0, 7, 100),
            ("7.34e-6", 0, 7, 100),
            ("0.00000041", 0, 0, 10_000),
            ("0.00000041", 1, 4, 10_000),
            ("0.0000123", 0, 12, 100),
        ] {
            let kept = Money(kept);
            let refused = Err(PriceError::TooFine { kept, lot });
            assert_eq!(parse_price(text, shift), refused, "{text}");
        }
        for text in ["0", "-1", "-0.00000001", "0.00000000000001", "0e5"] {
            assert_eq!(parse_price(text, 0), Err(PriceError::NotAbove0), "{text}");
        }
        for text in ["", "x", "1,5", "1e", "9000000000001"] {
            assert!(
                matches!(parse_price(text, 0), Err(PriceError::Form(_))),
                "{text}"
            );
        }
    }
}
