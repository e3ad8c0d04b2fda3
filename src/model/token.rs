//! spec/model.md · 2.4.2 Session Structure (sessions that programs use)
//!
//! What a token is called, and what it allows.

use super::ValueError;
use super::word_list::word_list;
use std::fmt;

/// The most tokens of an account.
pub const TOKENS_MAX: usize = 50;
/// Tokens that an account may make in an hour: all that it may have, and as many again.
pub const NEW_TOKENS_PER_HOUR_MAX: u32 = 100;
/// The longest name of a token, in characters.
pub const TOKEN_NAME_MAX: usize = 32;
/// The longest life of a token, in days.
pub const TOKEN_DAYS_MAX: u16 = 366;

word_list! {
    /// What a token allows.
    TokenScope {
        /// Reading.
        Read = "read" as 1,
        /// Reading, and orders.
        Trade = "trade" as 2,
    }
}

/// The name of a token: 1 to 32 of `A-Z a-z 0-9 . _ -`. It is unique in its account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenName(String);

impl TokenName {
    /// Reads a name.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<TokenName, ValueError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if (1..=TOKEN_NAME_MAX).contains(&text.len()) && text.bytes().all(good) {
            Ok(TokenName(text.to_owned()))
        } else {
            Err(ValueError("a token's name is 1 to 32 of A-Z a-z 0-9 . _ -"))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Reads a token's life in days: 1 to 366, without a sign or a leading zero.
///
/// # Errors
/// The text has another form.
pub fn parse_days(text: &str) -> Result<u16, ValueError> {
    const FORM: ValueError = ValueError("a token's days are 1 to 366");
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let days = text.parse().ok().filter(|_| is_plain).ok_or(FORM)?;
    if days <= TOKEN_DAYS_MAX {
        Ok(days)
    } else {
        Err(FORM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_days_have_bounds() {
        let longest = "n".repeat(TOKEN_NAME_MAX);
        for name in ["a", "-", "Nightly.report_2-b", &longest] {
            assert_eq!(TokenName::parse(name).unwrap().as_str(), name);
        }
        for name in ["", "a b", "é", "a/b", &format!("{longest}n")] {
            assert!(TokenName::parse(name).is_err(), "{name}");
        }
        for (text, days) in [("1", 1), ("30", 30), ("366", 366)] {
            assert_eq!(parse_days(text), Ok(days));
        }
        for text in ["", "0", "01", "+1", "367", "1000000", "1d", "-1"] {
            assert!(parse_days(text).is_err(), "{text}");
        }
    }
}
