//! spec/wire/payload.md · 4.4 (big-endian), 4.7.1
//!
//! Reads scalars from the front of a byte slice.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

use crate::model::printable::is_printable_text;
use crate::model::{Money, Symbol, Timestamp, ValueError};
use byteorder::{BigEndian, ByteOrder};
use uuid::Uuid;

/// Reads scalars from the front of a byte slice. It checks every length before it uses it.
#[derive(Debug)]
pub struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor(bytes)
    }

    /// The number of bytes that are not read.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    /// Reads `size` bytes.
    ///
    /// # Errors
    /// Bytes are missing.
    pub fn take(&mut self, size: usize) -> Result<&'a [u8], ValueError> {
        let (head, tail) = self
            .0
            .split_at_checked(size)
            .ok_or(ValueError("a payload that ends too early"))?;
        self.0 = tail;
        Ok(head)
    }

    /// Checks that all bytes are read.
    ///
    /// # Errors
    /// Bytes are left.
    pub fn end(&self) -> Result<(), ValueError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ValueError("bytes after the payload's end"))
        }
    }

    /// Reads a u8.
    ///
    /// # Errors
    /// Bytes are missing.
    pub fn u8(&mut self) -> Result<u8, ValueError> {
        Ok(self.take(1)?[0])
    }

    /// Reads a u16.
    ///
    /// # Errors
    /// Bytes are missing.
    pub fn u16(&mut self) -> Result<u16, ValueError> {
        Ok(BigEndian::read_u16(self.take(2)?))
    }

    /// Reads a u32.
    ///
    /// # Errors
    /// Bytes are missing.
    pub fn u32(&mut self) -> Result<u32, ValueError> {
        Ok(BigEndian::read_u32(self.take(4)?))
    }

    /// Reads a u64.
    ///
    /// # Errors
    /// Bytes are missing.
    pub fn u64(&mut self) -> Result<u64, ValueError> {
        Ok(BigEndian::read_u64(self.take(8)?))
    }

    /// Reads an i64.
    ///
    /// # Errors
    /// Bytes are missing.
    pub fn i64(&mut self) -> Result<i64, ValueError> {
        Ok(BigEndian::read_i64(self.take(8)?))
    }

    /// Reads a flag: a byte that is 0 or 1.
    ///
    /// # Errors
    /// The byte is missing or has another value.
    pub fn flag(&mut self) -> Result<bool, ValueError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ValueError("a flag is 0 or 1")),
        }
    }

    /// Reads a timestamp: an i64.
    ///
    /// # Errors
    /// Bytes are missing.
    pub fn timestamp(&mut self) -> Result<Timestamp, ValueError> {
        self.i64().map(Timestamp)
    }

    /// Reads money: an i64 in millionths.
    ///
    /// # Errors
    /// Bytes are missing.
    pub fn money(&mut self) -> Result<Money, ValueError> {
        self.i64().map(Money)
    }

    /// Reads a text: u16 length, then UTF-8.
    ///
    /// # Errors
    /// Bytes are missing, or are not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, ValueError> {
        let size = usize::from(self.u16()?);
        std::str::from_utf8(self.take(size)?).map_err(|_| ValueError("a text that is no UTF-8"))
    }

    /// Reads a text of printable characters, for people.
    ///
    /// # Errors
    /// As [`Cursor::text`], or a character that is not printable.
    pub fn printable_text(&mut self) -> Result<&'a str, ValueError> {
        let text = self.text()?;
        if is_printable_text(text) {
            Ok(text)
        } else {
            Err(ValueError("a text with a character that is not printable"))
        }
    }

    /// Reads a symbol: a text.
    ///
    /// # Errors
    /// Bytes are missing, or the text is not a symbol.
    pub fn symbol(&mut self) -> Result<Symbol, ValueError> {
        Symbol::parse(self.text()?)
    }

    /// Reads a UUID of 16 bytes.
    ///
    /// # Errors
    /// Bytes are missing.
    pub fn uuid(&mut self) -> Result<Uuid, ValueError> {
        Uuid::from_slice(self.take(16)?).map_err(|_| ValueError("not a UUID"))
    }

    /// Reads a u32 count of items that have at least `least` bytes each.
    ///
    /// # Errors
    /// Bytes are missing, or the bytes that are left cannot hold so many items.
    pub fn count(&mut self, least: usize) -> Result<usize, ValueError> {
        let count = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        if count
            .checked_mul(least)
            .is_some_and(|bytes| bytes <= self.left())
        {
            Ok(count)
        } else {
            Err(ValueError("a count beyond the payload's bytes"))
        }
    }
}
