//! spec/model/money.md · 2.4 (every `num` of the structures)
//!
//! Money and quantities, counted in whole millionths. No floats: products go through `i128`.

use super::ValueError;
use std::fmt;

/// Millionths in a unit.
pub const MILLION: i64 = 1_000_000;

/// The largest cash, total, quantity or value, in millionths: 9,000,000,000,000 units.
pub const MILLIONTHS_MAX: i64 = 9_000_000_000_000 * MILLION;

/// Most digits before the point of a request's quantity.
pub const WHOLE_DIGITS: usize = 12;

/// Digits after the point of a number in millionths.
pub const FRACTION_DIGITS: usize = 6;

/// A price, a cash amount or a value, in millionths of the account currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i64);

/// A quantity of an asset, in millionths of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(pub i64);

impl Money {
    /// Zero.
    pub const ZERO: Money = Money(0);

    /// Reads a decimal of any precision, as files and APIs write it. Rounds to the millionth, half
    /// to even.
    ///
    /// # Errors
    /// The text is not a decimal number, or the number is beyond [`MILLIONTHS_MAX`].
    pub fn parse_rounded(text: &str) -> Result<Money, ValueError> {
        parse_rounded(text).map(Money)
    }

    /// Reads a decimal in the one form that replies use: not negative, no needless zeros.
    ///
    /// # Errors
    /// The text has another form, or the number is beyond [`MILLIONTHS_MAX`].
    pub fn parse_canonical(text: &str) -> Result<Money, ValueError> {
        parse_canonical(text).map(Money)
    }

    /// So many millionths, or `None` if they are beyond ±[`MILLIONTHS_MAX`].
    pub fn within(millionths: i128) -> Option<Money> {
        let value = i64::try_from(millionths).ok();
        value
            .filter(|value| (-MILLIONTHS_MAX..=MILLIONTHS_MAX).contains(value))
            .map(Money)
    }

    /// So many millionths, or ±[`MILLIONTHS_MAX`] where they are beyond it.
    pub fn clamped(millionths: i128) -> Money {
        let most = i128::from(MILLIONTHS_MAX);
        Money(i64::try_from(millionths.clamp(-most, most)).unwrap_or(MILLIONTHS_MAX))
    }

    /// The sum, or `None` if it is beyond ±[`MILLIONTHS_MAX`].
    pub fn plus(self, other: Money) -> Option<Money> {
        self.0
            .checked_add(other.0)
            .filter(|v| v.abs() <= MILLIONTHS_MAX)
            .map(Money)
    }

    /// The difference, or `None` if it is beyond ±[`MILLIONTHS_MAX`].
    pub fn minus(self, other: Money) -> Option<Money> {
        self.0
            .checked_sub(other.0)
            .filter(|v| v.abs() <= MILLIONTHS_MAX)
            .map(Money)
    }
}

impl Quantity {
    /// Zero.
    pub const ZERO: Quantity = Quantity(0);

    /// Reads a request's quantity: above 0, at most 12 digits before the point and 6 after it, a
    /// digit on both sides of a point, no sign, no exponent.
    ///
    /// # Errors
    /// The text has another form, or the quantity is zero.
    pub fn parse_quantity(text: &str) -> Result<Quantity, ValueError> {
        const FORM: ValueError = ValueError(
            "a quantity is a decimal above 0 with at most 12 digits before and 6 after the point",
        );
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(FORM),
            None => (text, ""),
        };
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || whole.len() > WHOLE_DIGITS
            || fraction.len() > FRACTION_DIGITS
            || !digits(whole)
            || !digits(fraction)
        {
            return Err(FORM);
        }
        let mut value: i64 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            value = value * 10 + i64::from(byte - b'0');
        }
        for _ in fraction.len()..FRACTION_DIGITS {
            value *= 10;
        }
        if value == 0 {
            Err(FORM)
        } else {
            Ok(Quantity(value))
        }
    }

    /// Reads a decimal in the one form that replies use: not negative, no needless zeros. A reply's
    /// quantity can have more digits than a request's, because a split multiplies the quantity that
    /// was ordered.
    ///
    /// # Errors
    /// The text has another form, or the number is beyond [`MILLIONTHS_MAX`].
    pub fn parse_canonical(text: &str) -> Result<Quantity, ValueError> {
        parse_canonical(text).map(Quantity)
    }

    /// The total of a purchase of this quantity at `price`, rounded up to a millionth. `None`
    /// beyond [`MILLIONTHS_MAX`].
    pub fn cost_at(self, price: Money) -> Option<Money> {
        let product = i128::from(self.0) * i128::from(price.0);
        let million = i128::from(MILLION);
        Money::within(product.div_euclid(million) + i128::from(product.rem_euclid(million) != 0))
    }

    /// The total of a sale of this quantity at `price`, and the market value of a position: rounded
    /// down to a millionth. `None` beyond [`MILLIONTHS_MAX`].
    pub fn worth_at(self, price: Money) -> Option<Money> {
        Money::within((i128::from(self.0) * i128::from(price.0)).div_euclid(i128::from(MILLION)))
    }

    /// The sum, or `None` if it is beyond ±[`MILLIONTHS_MAX`].
    pub fn plus(self, other: Quantity) -> Option<Quantity> {
        self.0
            .checked_add(other.0)
            .filter(|v| v.abs() <= MILLIONTHS_MAX)
            .map(Quantity)
    }

    /// The difference, or `None` if it is beyond ±[`MILLIONTHS_MAX`].
    pub fn minus(self, other: Quantity) -> Option<Quantity> {
        self.0
            .checked_sub(other.0)
            .filter(|v| v.abs() <= MILLIONTHS_MAX)
            .map(Quantity)
    }
}

/// `value × numerator ÷ denominator`, rounded down, through `i128`. It is 0 if the denominator is
/// 0. The caller makes sure that the result fits: it is a share of a whole.
pub fn share(value: i64, numerator: i64, denominator: i64) -> i64 {
    if denominator == 0 {
        return 0;
    }
    let exact = (i128::from(value) * i128::from(numerator)).div_euclid(i128::from(denominator));
    i64::try_from(exact).unwrap_or(MILLIONTHS_MAX)
}

/// Reads `digits` or `digits.digits` of at most 12 digits before and 6 behind the point, without
/// allocating anything: nearly all numbers of files are such. `None`: it has another form.
fn parse_plain(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || whole.len() > WHOLE_DIGITS || fraction.len() > FRACTION_DIGITS {
        return None;
    }
    let mut value: i64 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    let zeros = u32::try_from(FRACTION_DIGITS - fraction.len()).ok()?;
    Some(value * 10_i64.pow(zeros)).filter(|value| *value <= MILLIONTHS_MAX)
}

/// Reads `[-]digits[.digits][e[±]digits]`, rounded half to even at the millionth.
fn parse_rounded(text: &str) -> Result<i64, ValueError> {
    const FORM: ValueError = ValueError("not a decimal number");
    const RANGE: ValueError = ValueError("a number beyond 9,000,000,000,000");
    /// The longest number that is read, in bytes.
    const TEXT_MAX: usize = 64;
    if let Some(value) = parse_plain(text) {
        return Ok(value);
    }
    if text.len() > TEXT_MAX {
        return Err(FORM);
    }
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| FORM)?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(FORM);
    }
    let mut digits = Vec::with_capacity(TEXT_MAX);
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return Err(FORM);
        }
        digits.push(byte - b'0');
    }
    if !(-400..=400).contains(&exponent) {
        return Err(RANGE);
    }
    // Position behind the digit for millionths, counted from the left of the digits.
    let cut = i64::try_from(whole.len()).map_err(|_| FORM)? + i64::from(exponent) + 6;
    let digit = |at: i64| {
        usize::try_from(at)
            .ok()
            .and_then(|at| digits.get(at))
            .copied()
            .unwrap_or(0)
    };
    let mut value: i128 = 0;
    for at in 0..cut.max(0) {
        value = value * 10 + i128::from(digit(at));
        if value > i128::from(MILLIONTHS_MAX) {
            return Err(RANGE);
        }
    }
    let count = i64::try_from(digits.len()).map_err(|_| FORM)?;
    if cut >= 0 {
        let next = digit(cut);
        let rest = (cut + 1..count).any(|at| digit(at) != 0);
        if next > 5 || (next == 5 && (rest || value % 2 == 1)) {
            value += 1;
        }
    }
    let value = i64::try_from(value)
        .ok()
        .filter(|v| *v <= MILLIONTHS_MAX)
        .ok_or(RANGE)?;
    Ok(if negative { -value } else { value })
}

/// Reads what [`write_decimal`] writes for a value that is not negative, and nothing else.
fn parse_canonical(text: &str) -> Result<i64, ValueError> {
    let value = parse_rounded(text)?;
    if value >= 0 && Money(value).to_string() == text {
        Ok(value)
    } else {
        Err(ValueError("a decimal with needless digits or a sign"))
    }
}

/// Writes millionths as a decimal without needless zeros or a bare point: `10.5`, `0.1`, `7`.
fn write_decimal(value: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    /// A sign, 13 digits, the point and six digits: the longest.
    const TEXT_BYTES: usize = 21;
    let mut text = [0u8; TEXT_BYTES];
    let mut start = TEXT_BYTES;
    // From the end. Each reply to an order has some, and a format for each part is dear.
    let mut prepend = |byte: u8| {
        start = start.saturating_sub(1);
        if let Some(place) = text.get_mut(start) {
            *place = byte;
        }
    };
    let mut left = value.unsigned_abs();
    let mut has_fraction = false;
    for _ in 0..6 {
        let digit = u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        if has_fraction || digit != 0 {
            has_fraction = true;
            prepend(b'0' + digit);
        }
    }
    if has_fraction {
        prepend(b'.');
    }
    loop {
        prepend(b'0' + u8::try_from(left % 10).unwrap_or(0));
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        prepend(b'-');
    }
    let text = text.get(start..).unwrap_or_default();
    f.pad(str::from_utf8(text).unwrap_or_default())
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(self.0, f)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_requests_have_no_sign_exponent_or_excess_digits() {
        for (text, value) in [
            ("1", 1_000_000),
            ("0.000001", 1),
            ("10.5", 10_500_000),
            ("007", 7_000_000),
            ("999999999999.999999", 999_999_999_999_999_999),
        ] {
            assert_eq!(
                Quantity::parse_quantity(text),
                Ok(Quantity(value)),
                "{text}"
            );
        }
        for text in [
            "",
            "0",
            "0.0",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1.0000001",
            "1234567890123",
            "1,5",
            "1.2.3",
            "１",
        ] {
            assert!(Quantity::parse_quantity(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_in_files_round_half_to_even() {
        for (text, value) in [
            ("438.0", 438_000_000),
            ("0.0000005", 0),
            ("0.0000015", 2),
            ("0.0000025", 2),
            ("0.00000250001", 3),
            ("1e2", 100_000_000),
            ("1.5E-6", 2),
            ("-0.25", -250_000),
            ("1e-400", 0),
        ] {
            assert_eq!(Money::parse_rounded(text), Ok(Money(value)), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1e",
            "nan",
            "inf",
            "0x1",
            "1 ",
            "9000000000000.000001",
            "1e13",
            "1e400",
        ] {
            assert!(Money::parse_rounded(text).is_err(), "{text}");
        }
    }

    #[test]
    fn purchases_round_up_and_sales_round_down() {
        let (quantity, price) = (Quantity(1), Money(1));
        assert_eq!(quantity.cost_at(price), Some(Money(1)));
        assert_eq!(quantity.worth_at(price), Some(Money(0)));
        assert_eq!(
            Quantity(10_000_000).cost_at(Money(430_470_000)),
            Some(Money(4_304_700_000))
        );
        assert_eq!(Quantity(MILLIONTHS_MAX).cost_at(Money(2_000_000)), None);
    }

    #[test]
    fn millionths_beyond_the_limit_are_refused_or_cut_to_it() {
        let most = i128::from(MILLIONTHS_MAX);
        for (millionths, within) in [
            (0, true),
            (-1, true),
            (most, true),
            (-most, true),
            (most + 1, false),
            (-most - 1, false),
            (i128::from(i64::MIN), false),
            (i128::MAX, false),
            (i128::MIN, false),
        ] {
            let clamped = Money::clamped(millionths);
            let is_kept = Money::within(millionths) == Some(clamped);
            assert_eq!(is_kept, within, "{millionths}");
            if !within {
                assert_eq!(Money::within(millionths), None);
                let sign = if millionths < 0 { -1 } else { 1 };
                assert_eq!(clamped, Money(MILLIONTHS_MAX * sign), "{millionths}");
            }
        }
    }

    #[test]
    fn replies_accept_only_the_canonical_decimal() {
        for text in ["0", "7", "10.5", "0.000001", "9000000000000"] {
            assert_eq!(Money::parse_canonical(text).unwrap().to_string(), text);
        }
        for text in [
            "-0",
            "-1",
            "+1",
            "07",
            "7.0",
            "7.",
            ".5",
            "1e2",
            "0.0000001",
            "9000000000000.000001",
        ] {
            assert!(Quantity::parse_canonical(text).is_err(), "{text}");
        }
    }

    #[test]
    fn decimals_are_written_without_needless_zeros() {
        for (value, text) in [
            (10_500_000, "10.5"),
            (100_000, "0.1"),
            (7_000_000, "7"),
            (0, "0"),
            (-1, "-0.000001"),
            (123_456_789_012_345, "123456789.012345"),
            (i64::MAX, "9223372036854.775807"),
            (i64::MIN, "-9223372036854.775808"),
        ] {
            assert_eq!(Money(value).to_string(), text);
        }
    }
}
