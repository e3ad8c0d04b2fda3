//! spec/model.md · 2.4 Data/State Structures
//!
//! A value of an open list, as a reader holds it.

use super::ValueError;
use std::fmt;

/// The longest word of an open list, in bytes.
pub const WORD_MAX: usize = 64;

/// A value of a list that may grow: one of `T`, or one that a later edition has added. An unknown
/// one is kept as it came, a word (`String`) or a number (`u8`), and is written again as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenValue<T, U = String> {
    /// A value of this edition's list.
    Known(T),
    /// A value that this edition does not know.
    Unknown(U),
}

impl<T: Copy, U> OpenValue<T, U> {
    /// The value, if this edition knows it.
    pub fn known(&self) -> Option<T> {
        match self {
            OpenValue::Known(value) => Some(*value),
            OpenValue::Unknown(_) => None,
        }
    }
}

impl<T> OpenValue<T> {
    /// Reads a word, which `find` looks up in the list. An unknown one is 1 to 64 of
    /// `A-Z a-z 0-9 -` and begins with a letter.
    ///
    /// # Errors
    /// The word is unknown and has another form.
    pub fn parse(
        word: &str,
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Result<OpenValue<T>, ValueError> {
        if let Some(value) = find(word) {
            return Ok(OpenValue::Known(value));
        }
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let begins_well = word.starts_with(|c: char| c.is_ascii_alphabetic());
        if begins_well && word.len() <= WORD_MAX && word.bytes().all(good) {
            Ok(OpenValue::Unknown(word.to_owned()))
        } else {
            Err(ValueError(
                "a code is 1 to 64 of A-Z a-z 0-9 - and begins with a letter",
            ))
        }
    }
}

impl<T: AsRef<str>> OpenValue<T> {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            OpenValue::Known(value) => value.as_ref(),
            OpenValue::Unknown(word) => word,
        }
    }
}

impl<T> OpenValue<T, u8> {
    /// The value with this number, which `find` looks up in the list.
    pub fn from_number(number: u8, find: impl FnOnce(u8) -> Option<T>) -> OpenValue<T, u8> {
        find(number).map_or(OpenValue::Unknown(number), OpenValue::Known)
    }
}

impl<T: Copy + Into<u8>> OpenValue<T, u8> {
    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            OpenValue::Known(value) => value.into(),
            OpenValue::Unknown(number) => number,
        }
    }
}

impl<T, U> From<T> for OpenValue<T, U> {
    fn from(value: T) -> OpenValue<T, U> {
        OpenValue::Known(value)
    }
}

impl<T: PartialEq, U> PartialEq<T> for OpenValue<T, U> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, OpenValue::Known(value) if value == other)
    }
}

/// The word of a value; a number that is unknown in decimal digits.
impl<T: fmt::Display, U: fmt::Display> fmt::Display for OpenValue<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenValue::Known(value) => value.fmt(f),
            OpenValue::Unknown(other) => other.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Reason, Side};

    #[test]
    fn a_word_is_known_or_is_kept() {
        let read = |word: &str| OpenValue::parse(word, Reason::from_name);
        assert_eq!(read("no-data"), Ok(OpenValue::Known(Reason::NoData)));
        assert!(read("no-data").unwrap() == Reason::NoData);
        for word in ["x", "of-edition-9", "Of-Edition-9", &"a".repeat(WORD_MAX)] {
            let value = read(word).unwrap();
            assert_eq!((value.known(), value.as_str()), (None, word));
            assert_eq!(value.to_string(), word);
            assert!(value != Reason::NoData);
        }
        for word in [
            "",
            "9",
            "-",
            "-a",
            "no_data",
            "no data",
            "é",
            "a\n",
            &"a".repeat(WORD_MAX + 1),
        ] {
            assert!(read(word).is_err(), "{word:?}");
        }
    }

    #[test]
    fn every_number_is_written_as_it_was_read() {
        for number in 0..=u8::MAX {
            let value = OpenValue::from_number(number, Side::from_number);
            assert_eq!(value.number(), number);
            assert_eq!(value.known(), Side::from_number(number));
        }
        assert_eq!(OpenValue::<Side, u8>::Unknown(7).to_string(), "7");
        assert_eq!(
            OpenValue::<Side, u8>::from(Side::Split).to_string(),
            "split"
        );
    }
}
