//! spec/model.md · 3.1.6, 3.1.7 (splits and dividends)
//!
//! The ratio of a split: two whole numbers, so that 1 for 3 is exactly a third.

use super::money::MILLIONTHS_MAX;
use super::{Money, Quantity, ValueError};
use std::fmt;

/// The largest numerator and denominator.
pub const RATIO_TERM_MAX: u64 = 1_000_000_000_000_000;

/// Most digits of a decimal before its point, and after it.
const DECIMAL_DIGITS_MAX: usize = 15;

/// From this many digits after the point on, a decimal may stand for a fraction that has none.
const ROUNDED_DIGITS_MIN: usize = 6;

/// The largest denominator of a fraction that such a decimal stands for. Two of these fractions
/// differ by a ten-thousandth or more, so six digits tell them apart.
const ROUNDED_DENOMINATOR_MAX: u128 = 100;

/// Units after a split for each unit before it, in lowest terms. Both numbers are from 1 to
/// [`RATIO_TERM_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ratio {
    numerator: u64,
    denominator: u64,
}

impl Ratio {
    /// A ratio in lowest terms. `None` if a number is 0, or beyond [`RATIO_TERM_MAX`] even in
    /// lowest terms.
    pub fn new(numerator: u64, denominator: u64) -> Option<Ratio> {
        reduced(numerator.into(), denominator.into())
    }

    /// Reads `2`, `0.1`, `1/3` or `4:3`. A decimal with six or more digits after its point that is
    /// a fraction of a denominator up to 100, rounded or cut, stands for that fraction:
    /// `0.333333` is 1/3.
    ///
    /// # Errors
    /// The text has another form, or the ratio is not above 0 or has too many digits.
    pub fn parse(text: &str) -> Result<Ratio, ValueError> {
        const FORM: ValueError = ValueError(
            "a ratio is above 0: units after for one before (2, 0.1), or two numbers (1/3, 4:3)",
        );
        let ratio = match text.split_once(['/', ':']) {
            Some((after, before)) => Ratio::quotient(after.trim(), before.trim()),
            None => Decimal::parse(text).and_then(Decimal::to_ratio),
        };
        ratio.ok_or(FORM)
    }

    /// The ratio of two decimals. `None` if one of them is not above 0 or has too many digits.
    pub fn quotient(after: &str, before: &str) -> Option<Ratio> {
        let (after, before) = (Decimal::parse(after)?, Decimal::parse(before)?);
        reduced(
            after
                .digits
                .checked_mul(10_u128.checked_pow(before.scale)?)?,
            before
                .digits
                .checked_mul(10_u128.checked_pow(after.scale)?)?,
        )
    }

    /// The ratio of a stock dividend of this rate: a unit stays, and the rate of it comes with it.
    pub fn plus_one(self) -> Option<Ratio> {
        Ratio::new(
            self.numerator.checked_add(self.denominator)?,
            self.denominator,
        )
    }

    /// Whether this is that ratio, or what was stored of it while a ratio was a number of millionths:
    /// `other` cut or rounded to these.
    pub fn is_stored_of(self, other: Ratio) -> bool {
        const MILLION: u128 = 1_000_000;
        let numerator = u128::from(other.numerator);
        let denominator = u128::from(other.denominator);
        let cut = numerator * MILLION / denominator;
        let rounded = (numerator * MILLION * 2 + denominator) / (denominator * 2);
        let is = |millionths| reduced(millionths, MILLION) == Some(self);
        self == other || is(cut) || is(rounded)
    }

    /// Units after the split, for this many before it.
    pub fn numerator(self) -> u64 {
        self.numerator
    }

    /// Units before the split.
    pub fn denominator(self) -> u64 {
        self.denominator
    }

    /// `amount` units after the split, rounded down to a millionth and kept within the limit.
    pub fn units(self, amount: Quantity) -> Quantity {
        let after = (i128::from(amount.0) * i128::from(self.numerator))
            .div_euclid(i128::from(self.denominator));
        let limit = i128::from(MILLIONTHS_MAX);
        Quantity(i64::try_from(after.clamp(-limit, limit)).unwrap_or(MILLIONTHS_MAX))
    }

    /// What `price` a unit makes of the fraction of a millionth that [`Ratio::units`] drops, rounded
    /// down to a millionth of the currency.
    pub fn in_lieu(self, amount: Quantity, price: Money) -> Money {
        const MILLION: i128 = 1_000_000;
        let product = i128::from(amount.0) * i128::from(self.numerator);
        let rest = product.rem_euclid(i128::from(self.denominator));
        let worth = rest * i128::from(price.0) / (i128::from(self.denominator) * MILLION);
        Money(i64::try_from(worth).unwrap_or_default())
    }

    /// The other way round: units before for units after.
    pub fn inverse(self) -> Ratio {
        Ratio {
            numerator: self.denominator,
            denominator: self.numerator,
        }
    }

    /// A price of before the split in units of after it: rounded half to even to a millionth, at
    /// least one, and kept within the limit.
    pub fn price(self, before: Money) -> Money {
        let (numerator, denominator) = (i128::from(self.numerator), i128::from(self.denominator));
        let product = i128::from(before.0) * denominator;
        let (whole, rest) = (product.div_euclid(numerator), product.rem_euclid(numerator));
        let up = match (rest * 2).cmp(&numerator) {
            std::cmp::Ordering::Greater => 1,
            std::cmp::Ordering::Equal => whole.rem_euclid(2),
            std::cmp::Ordering::Less => 0,
        };
        let after = (whole + up).clamp(1, i128::from(MILLIONTHS_MAX));
        Money(i64::try_from(after).unwrap_or(MILLIONTHS_MAX))
    }

    /// A volume of before the split in units of after it, cut to whole units.
    pub fn volume(self, before: u64) -> u64 {
        let after = u128::from(before) * u128::from(self.numerator) / u128::from(self.denominator);
        u64::try_from(after).unwrap_or(u64::MAX >> 1)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.denominator == 1 {
            write!(f, "{}", self.numerator)
        } else {
            write!(f, "{}/{}", self.numerator, self.denominator)
        }
    }
}

fn reduced(numerator: u128, denominator: u128) -> Option<Ratio> {
    let (mut divisor, mut rest) = (numerator, denominator);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let term = |value: u128| {
        let value = u64::try_from(value.checked_div(divisor)?).ok()?;
        (1..=RATIO_TERM_MAX).contains(&value).then_some(value)
    };
    Some(Ratio {
        numerator: term(numerator)?,
        denominator: term(denominator)?,
    })
}

/// A decimal as it is written: `digits` ÷ 10^`scale`.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: u128,
    scale: u32,
}

impl Decimal {
    fn parse(text: &str) -> Option<Decimal> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_short = |part: &str| part.len() <= DECIMAL_DIGITS_MAX;
        let bytes = whole.bytes().chain(fraction.bytes());
        if whole.len() + fraction.len() == 0 || !is_short(whole) || !is_short(fraction) {
            return None;
        }
        let digits = bytes.into_iter().try_fold(0_u128, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + u128::from(byte - b'0'))
        })?;
        Some(Decimal {
            digits,
            scale: u32::try_from(fraction.len()).ok()?,
        })
    }

    fn to_ratio(self) -> Option<Ratio> {
        let one = 10_u128.checked_pow(self.scale)?;
        if usize::try_from(self.scale).ok()? >= ROUNDED_DIGITS_MIN {
            let found = (1..=ROUNDED_DENOMINATOR_MAX).find_map(|denominator| {
                let numerator = (self.digits * denominator + one / 2) / one;
                let cut = numerator * one / denominator;
                let rounded = (numerator * one * 2 + denominator) / (denominator * 2);
                (self.digits == cut || self.digits == rounded)
                    .then(|| reduced(numerator, denominator))
                    .flatten()
            });
            if found.is_some() {
                return found;
            }
        }
        reduced(self.digits, one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(numerator: u64, denominator: u64) -> Ratio {
        Ratio::new(numerator, denominator).unwrap()
    }

    #[test]
    fn ratios_are_read_as_people_write_them() {
        for (text, numerator, denominator) in [
            ("2", 2, 1),
            ("0.1", 1, 10),
            ("1/3", 1, 3),
            ("4:3", 4, 3),
            ("2 / 6", 1, 3),
            ("1.5:1", 3, 2),
            ("1.04", 26, 25),
            ("0.333333333333", 1, 3),
            ("0.333333", 1, 3),
            ("0.142857142857", 1, 7),
            ("0.066666666667", 1, 15),
            ("1.333333333333", 4, 3),
            ("0.33333", 33_333, 100_000),
            ("0.100001", 100_001, 1_000_000),
            ("2.000000", 2, 1),
            (".5", 1, 2),
        ] {
            assert_eq!(
                Ratio::parse(text),
                Ok(ratio(numerator, denominator)),
                "{text}"
            );
        }
        for text in [
            "",
            ".",
            "0",
            "0/1",
            "1/0",
            "-2",
            "1/3/4",
            "a",
            "1e3",
            "1/",
            ":",
            "0.0000000000000001",
            "1234567890123456",
        ] {
            assert!(Ratio::parse(text).is_err(), "{text}");
        }
        assert_eq!(ratio(10, 4).to_string(), "5/2");
        assert_eq!(ratio(4, 2).to_string(), "2");
        assert_eq!(Ratio::new(0, 1), None);
        assert_eq!(Ratio::new(RATIO_TERM_MAX + 1, 1), None);
        assert_eq!(ratio(1, 25).plus_one(), Some(ratio(26, 25)));
    }

    #[test]
    fn a_stored_number_of_millionths_is_the_ratio_it_was_made_of() {
        for (millionths, numerator, denominator) in [
            (333_333, 1, 3),
            (666_666, 2, 3),
            (666_667, 2, 3),
            (1_333_333, 4, 3),
            (500_000, 1, 2),
        ] {
            let stored = ratio(millionths, 1_000_000);
            assert!(stored.is_stored_of(ratio(numerator, denominator)));
        }
        assert!(!ratio(333_334, 1_000_000).is_stored_of(ratio(1, 3)));
        assert!(!ratio(1, 3).is_stored_of(ratio(333_333, 1_000_000)));
        assert!(!ratio(3, 1).is_stored_of(ratio(30, 1)));
        let most = ratio(RATIO_TERM_MAX, 1);
        assert!(most.is_stored_of(most));
    }

    #[test]
    fn units_are_rounded_down_and_prices_to_the_nearest() {
        let third = ratio(1, 3);
        assert_eq!(third.units(Quantity(90_000_000)), Quantity(30_000_000));
        assert_eq!(third.units(Quantity(1)), Quantity(0));
        assert_eq!(third.price(Money(100_000_000)), Money(300_000_000));
        assert_eq!(ratio(3, 1).price(Money(100)), Money(33));
        assert_eq!(ratio(2, 1).price(Money(5)), Money(2), "half to even");
        assert_eq!(ratio(1000, 1).price(Money(1)), Money(1), "at least one");
        assert_eq!(ratio(3, 2).volume(5), 7);
        let most = Quantity(MILLIONTHS_MAX);
        assert_eq!(ratio(RATIO_TERM_MAX, 1).units(most), most);
        assert_eq!(
            ratio(1, RATIO_TERM_MAX).price(Money(9)).0,
            9 * 1_000_000_000_000_000
        );
    }
}
