//! spec/wire/payload.md · 2.4, 4.6.7 to 4.6.16, 4.6.27, 4.7.1
//!
//! The binary payloads of data transfers. Scalars are big-endian; trailing bytes are refused.

mod asset;
mod cursor;
mod user;

pub use asset::{AssetInfo, BAR, Forecast, QUOTE};
pub use cursor::Cursor;
pub use user::{EntryDetail, History, HistoryEntry, Holding, Portfolio, UserInfo, WHOLE};

use super::argument;
use crate::model::ValueError;

/// What `data` carries, named by the instruction that asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the payloads")]
pub enum PayloadKind {
    AssetInfo,
    Quote,
    Bars,
    UserInfo,
    Portfolio,
    Transactions,
    Forecast,
    List,
    Receipt,
}

/// A payload that can be written to bytes and read back from them.
pub trait Payload: Sized {
    /// Appends its bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads it.
    ///
    /// # Errors
    /// Bytes that are missing or of a wrong form.
    fn read(from: &mut Cursor<'_>) -> Result<Self, ValueError>;

    /// Its bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Reads a whole payload.
    ///
    /// # Errors
    /// Bytes that are missing, left over, or of a wrong form.
    fn from_bytes(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut cursor = Cursor::new(bytes);
        let value = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(value)
    }
}

/// Appends text: u16 length, UTF-8; cut at a character where it is longer than 65,535 bytes.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = argument::cut(text, usize::from(u16::MAX));
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// A text list: the symbols of `getAssetList`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextList(pub Vec<String>);

impl Payload for TextList {
    fn write(&self, out: &mut Vec<u8>) {
        put_count(out, self.0.len());
        for text in &self.0 {
            put_text(out, text);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<TextList, ValueError> {
        let count = from.count(2)?;
        Ok(TextList(
            (0..count)
                .map(|_| from.text().map(str::to_owned))
                .collect::<Result<_, _>>()?,
        ))
    }
}

/// What explains a fill: names and values, in the order they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(pub Vec<(String, String)>);

impl Payload for Receipt {
    fn write(&self, out: &mut Vec<u8>) {
        put_count(out, self.0.len());
        for (name, value) in &self.0 {
            put_text(out, name);
            put_text(out, value);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<Receipt, ValueError> {
        let count = from.count(4)?;
        let pair = |from: &mut Cursor<'_>| Ok((from.text()?.to_owned(), from.text()?.to_owned()));
        Ok(Receipt(
            (0..count)
                .map(|_| pair(from))
                .collect::<Result<_, ValueError>>()?,
        ))
    }
}
