//! spec/cli.md · 2.1.4 (what people type)
//!
//! Quantities and dates as people type them: what the programs print is taken back, and what is
//! refused is told its own fault. The forms of the wire are stricter and stay as they are.

use crate::model::money::{FRACTION_DIGITS, WHOLE_DIGITS};
use crate::model::{Quantity, Timestamp};

/// Reads a quantity: digits, with commas between groups of three or none, and a point with digits
/// after it or none.
///
/// # Errors
/// What is wrong, and where it is sure what was meant, how to write it.
pub fn quantity(text: &str) -> Result<Quantity, String> {
    let text = text.trim();
    let number = text.strip_prefix('+').unwrap_or(text);
    if number.starts_with(['-', '−']) {
        return Err("a quantity is above 0".to_owned());
    }
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return Err("a digit is missing after the point".to_owned()),
        Some((whole, fraction)) => (whole, fraction),
        None => (number, ""),
    };
    if whole.is_empty() {
        return Err(if fraction.is_empty() {
            "a number is missing".to_owned()
        } else {
            format!("a digit must stand before the point: 0.{fraction}")
        });
    }
    let whole = without_commas(whole, fraction)?;
    for c in whole.chars().chain(fraction.chars()) {
        if !c.is_ascii_digit() {
            return Err(odd_character(c));
        }
    }
    let significant = whole.trim_start_matches('0');
    if significant.len() > WHOLE_DIGITS {
        return Err(format!(
            "more than {WHOLE_DIGITS} digits stand before the point"
        ));
    }
    if fraction.len() > FRACTION_DIGITS {
        return Err(format!(
            "more than {FRACTION_DIGITS} digits stand after the point: the smallest part is a millionth"
        ));
    }
    let whole = if significant.is_empty() {
        "0"
    } else {
        significant
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let plain = format!("{whole}{point}{fraction}");
    Quantity::parse_quantity(&plain).map_err(|_| "a quantity is above 0".to_owned())
}

/// Reads an amount of money as [`quantity`] reads a number, with a minus before it or none; the form
/// of the wire.
///
/// # Errors
/// What is wrong, and how to write it.
pub fn signed_amount(text: &str) -> Result<String, String> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix(['-', '−']) {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let is_signed_again = digits.starts_with(['-', '−', '+']) && !sign.is_empty();
    let is_zero = digits.contains('0') && digits.chars().all(|c| matches!(c, '0' | '.'));
    let amount = if is_signed_again || is_zero {
        Err("an amount is a number other than 0".to_owned())
    } else {
        quantity(digits)
    };
    match amount {
        Ok(amount) => Ok(format!("{sign}{amount}")),
        Err(why) => Err(format!("{why}; such as 1500 or 1,500.50")),
    }
}

/// The whole part without its commas, if they separate groups of three digits.
fn without_commas(whole: &str, fraction: &str) -> Result<String, String> {
    if !whole.contains(',') {
        return Ok(whole.to_owned());
    }
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or("");
    let is_grouped = (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && groups.all(|group| group.len() == 3);
    if is_grouped {
        return Ok(whole.replace(',', ""));
    }
    let is_decimal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match whole.split_once(',') {
        // Never guessed: 0,5 is no 5, and 1,5 no 15.
        Some((before, after)) if fraction.is_empty() && is_decimal(before) && is_decimal(after) => {
            Err(format!(
                "a comma separates thousands, in groups of three digits; the decimal point is a point: {before}.{after}"
            ))
        }
        // No example: nobody knows which of the digits are meant.
        _ => Err(
            "the commas do not separate groups of three digits; write it without them".to_owned(),
        ),
    }
}

/// The fault of a character that stands in no quantity.
fn odd_character(c: char) -> String {
    match c {
        '_' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}' => {
            "thousands are separated by commas or not at all: 2,500 or 2500".to_owned()
        }
        '.' => "a number has one point".to_owned(),
        ',' => "commas stand before the point alone".to_owned(),
        'e' | 'E' => "a quantity has no exponent: write 1000 in place of 1e3".to_owned(),
        c if c.is_numeric() => "the digits are 0 to 9".to_owned(),
        c => format!("{:?} is no part of a number", c),
    }
}

/// Reads a day or a time in UTC: `2013-03-01`, or with the time of day after a `T` or a blank, with
/// seconds and milliseconds or without, and with a `Z` at its end or without.
///
/// # Errors
/// What is wrong, and what the form is.
pub fn date(text: &str) -> Result<Timestamp, String> {
    const FORM: &str = "a date is YYYY-MM-DD or \"YYYY-MM-DD HH:MM:SS\", in UTC";
    let text = text.trim();
    // As the programs print a time in a sentence.
    let text = text.strip_suffix("UTC").map_or(text, str::trim_end);
    let (day, time) = match text.split_once(['T', 't', ' ']) {
        Some((day, time)) => (day, Some(time.trim_start())),
        None => (text, None),
    };
    if !has_form(day, "0000-00-00") {
        let is_date = |c: char| c.is_ascii_digit() || "-/.".contains(c);
        let hint = if day.len() < 12 && day.chars().all(is_date) && day.contains(['-', '/', '.']) {
            ": the year first, with four digits, then month and day with two each"
        } else {
            ""
        };
        return Err(format!("{FORM}{hint}"));
    }
    let midnight = Timestamp::parse(day).map_err(|_| format!("there is no day {day}"))?;
    let Some(time) = time else {
        return Ok(midnight);
    };
    let bare = time.strip_suffix(['Z', 'z']).unwrap_or(time);
    if bare.contains(['+', '-']) || bare.contains(|c: char| c.is_ascii_alphabetic()) {
        return Err("times are in UTC, without another zone: the end is a Z or nothing".to_owned());
    }
    let full = match bare {
        bare if has_form(bare, "00:00") => format!("{bare}:00"),
        bare if has_form(bare, "00:00:00") || has_form(bare, "00:00:00.000") => bare.to_owned(),
        _ => {
            return Err(format!(
                "a time of day is HH:MM, HH:MM:SS or HH:MM:SS.fff, not {time:?}"
            ));
        }
    };
    Timestamp::parse(&format!("{day}T{full}Z"))
        .map_err(|_| format!("there is no time of day {bare}"))
}

/// Whether a text has digits where the form has `0`, and its other characters where they are.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(c, like)| match like {
            b'0' => c.is_ascii_digit(),
            like => c == like,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::table;
    use proptest::prelude::*;

    #[test]
    fn an_amount_has_commas_and_a_minus() {
        let read = |text| signed_amount(text);
        assert_eq!(read("1,500.50").unwrap(), "1500.5");
        assert_eq!(read("-1,500").unwrap(), "-1500");
        assert_eq!(read("500").unwrap(), "500");
        for wrong in [
            "1,50", "1.500,50", "0", "-0.00", "--5", "-+5", "-", "", "ten",
        ] {
            let why = read(wrong).unwrap_err();
            assert!(why.contains("such as 1500 or 1,500.50"), "{wrong}: {why}");
        }
    }

    #[test]
    fn quantities_are_taken_as_they_are_printed_and_typed() {
        for (text, millionths) in [
            ("2,500", 2_500_000_000),
            ("1,234,567.25", 1_234_567_250_000),
            ("12,345", 12_345_000_000),
            ("0.5", 500_000),
            ("007", 7_000_000),
            ("+3", 3_000_000),
            (" 10 ", 10_000_000),
            ("0.000001", 1),
        ] {
            assert_eq!(quantity(text), Ok(Quantity(millionths)), "{text}");
        }
    }

    #[test]
    fn each_fault_of_a_quantity_has_its_own_text() {
        for (text, told) in [
            ("0,5", "the decimal point is a point: 0.5"),
            ("1,5", "the decimal point is a point: 1.5"),
            ("0,500", "the decimal point is a point: 0.500"),
            ("1234,567", "the decimal point is a point: 1234.567"),
            ("1,23,456", "write it without them"),
            ("2,50.5", "write it without them"),
            ("1,000,0", "write it without them"),
            ("1_000", "2,500 or 2500"),
            ("1 000", "2,500 or 2500"),
            ("1'000", "2,500 or 2500"),
            (".5", "a digit must stand before the point: 0.5"),
            ("5.", "after the point"),
            ("1.2.3", "one point"),
            ("1.000,5", "before the point alone"),
            ("1e3", "no exponent"),
            ("0", "above 0"),
            ("-1", "above 0"),
            ("", "missing"),
            (".", "after the point"),
            ("1234567890123", "12 digits"),
            ("0.0000001", "6 digits"),
            ("１", "0 to 9"),
            ("10x", "'x'"),
        ] {
            let fault = quantity(text).unwrap_err();
            assert!(fault.contains(told), "{text}: {fault}");
        }
    }

    #[test]
    fn dates_are_taken_as_they_are_printed_and_typed() {
        let at = |text| Timestamp::parse(text).unwrap();
        for (text, time) in [
            ("2013-03-01", "2013-03-01"),
            ("2013-03-01 14:05:09", "2013-03-01T14:05:09Z"),
            ("2013-03-01T14:05:09Z", "2013-03-01T14:05:09Z"),
            ("2013-03-01T14:05:09.120Z", "2013-03-01T14:05:09.120Z"),
            ("2013-03-01t14:05z", "2013-03-01T14:05:00Z"),
            ("2013-03-01 14:05", "2013-03-01T14:05:00Z"),
            (" 1969-12-31 23:59:59Z ", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(date(text), Ok(at(time)), "{text}");
        }
        for (text, told) in [
            ("2013-02-30", "no day 2013-02-30"),
            ("2013-3-1", "with two each"),
            ("01.03.2013", "the year first"),
            ("03/01/2013", "the year first"),
            ("yesterday", "YYYY-MM-DD"),
            ("", "YYYY-MM-DD"),
            ("2013-03-01 25:00:00", "no time of day 25:00:00"),
            ("2013-03-01 2 pm", "without another zone"),
            ("2013-03-01T14:00:00+02:00", "without another zone"),
            ("2013-03-01 14", "a time of day is"),
            ("2013-03-01 ", "no day"),
        ] {
            match date(text) {
                Err(fault) => assert!(fault.contains(told), "{text}: {fault}"),
                // Blanks around are no fault.
                Ok(time) => assert_eq!((text.trim(), time), ("2013-03-01", at("2013-03-01"))),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_taken_back(
            millionths in 1..999_999_999_999_999_999i64,
            seconds in -62_000_000_000..250_000_000_000i64,
            any in "(?s).{0,30}",
        ) {
            let amount = Quantity(millionths);
            prop_assert_eq!(quantity(&table::amount(amount)), Ok(amount));
            prop_assert_eq!(quantity(&amount.to_string()), Ok(amount));
            let time = Timestamp(seconds * 1000);
            prop_assert_eq!(date(&table::moment(time)), Ok(time));
            prop_assert_eq!(date(&table::utc(time)), Ok(time));
            prop_assert_eq!(date(&time.to_string()), Ok(time));
            let _ = (quantity(&any), date(&any));
        }
    }
}
