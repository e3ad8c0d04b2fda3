//! spec/wire/payload/cursor.md · 4.4 (big-endian), 4.7.1
//!
//! Scalars, read off the front of bytes.

use crate::model::{Money, Symbol, Timestamp, ValueError};
use byteorder::{BigEndian, ByteOrder};
use uuid::Uuid;

/// Reads scalars off the front of bytes; every length is checked before it is believed.
#[derive(Debug)]
pub struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// At the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor(bytes)
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    /// The next `size` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn take(&mut self, size: usize) -> Result<&'a [u8], ValueError> {
        let (head, tail) = self
            .0
            .split_at_checked(size)
            .ok_or(ValueError("a payload that ends too early"))?;
        self.0 = tail;
        Ok(head)
    }

    /// Nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub fn end(&self) -> Result<(), ValueError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ValueError("bytes after the payload's end"))
        }
    }

    /// A byte.
    ///
    /// # Errors
    /// None is left.
    pub fn u8(&mut self) -> Result<u8, ValueError> {
        Ok(self.take(1)?[0])
    }

    /// Two bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u16(&mut self) -> Result<u16, ValueError> {
        Ok(BigEndian::read_u16(self.take(2)?))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u32(&mut self) -> Result<u32, ValueError> {
        Ok(BigEndian::read_u32(self.take(4)?))
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u64(&mut self) -> Result<u64, ValueError> {
        Ok(BigEndian::read_u64(self.take(8)?))
    }

    /// Eight bytes, signed.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn i64(&mut self) -> Result<i64, ValueError> {
        Ok(BigEndian::read_i64(self.take(8)?))
    }

    /// A flag: 0 or 1.
    ///
    /// # Errors
    /// Anything else.
    pub fn flag(&mut self) -> Result<bool, ValueError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ValueError("a flag is 0 or 1")),
        }
    }

    /// A time.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn timestamp(&mut self) -> Result<Timestamp, ValueError> {
        self.i64().map(Timestamp)
    }

    /// Money.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn money(&mut self) -> Result<Money, ValueError> {
        self.i64().map(Money)
    }

    /// Text: u16 length, UTF-8.
    ///
    /// # Errors
    /// Too few bytes, or no UTF-8.
    pub fn text(&mut self) -> Result<&'a str, ValueError> {
        let size = usize::from(self.u16()?);
        std::str::from_utf8(self.take(size)?).map_err(|_| ValueError("a text that is no UTF-8"))
    }

    /// A symbol, as text.
    ///
    /// # Errors
    /// Too few bytes, or no symbol.
    pub fn symbol(&mut self) -> Result<Symbol, ValueError> {
        Symbol::parse(self.text()?)
    }

    /// A UUID's 16 bytes.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn uuid(&mut self) -> Result<Uuid, ValueError> {
        Uuid::from_slice(self.take(16)?).map_err(|_| ValueError("not a UUID"))
    }

    /// A u32 count of items of at least `least` bytes each, refused where they cannot all be here.
    ///
    /// # Errors
    /// More items than there are bytes for.
    pub fn count(&mut self, least: usize) -> Result<usize, ValueError> {
        let count = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        if count.checked_mul(least).is_some_and(|bytes| bytes <= self.left()) {
            Ok(count)
        } else {
            Err(ValueError("a count beyond the payload's bytes"))
        }
    }
}
