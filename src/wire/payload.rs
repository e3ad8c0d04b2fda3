//! spec/wire/payload.md · 2.4, 4.6.7 to 4.6.16, 4.6.27, 4.7.1
//!
//! The binary payloads of data transfers. Scalars are big-endian, and trailing bytes are refused.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

mod asset;
mod cursor;
mod identities;
pub mod layout;
mod sessions;
mod trading;
mod user;

pub use asset::{AssetInfo, BAR_BYTES, Forecast, QUOTE_BYTES, QuoteList, QuoteListRow};
pub use cursor::Cursor;
pub use identities::{OwnIdentities, OwnIdentity};
pub use sessions::{OwnSession, OwnSessions, OwnToken, OwnTokens, SessionMoment};
pub use trading::{
    OpenOrder, OpenOrders, OrderParameters, OwnSummary, PageDetail, PageEntry, PositionSummary,
    TransactionPage,
};
pub use user::{EntryDetail, History, HistoryEntry, Holding, Portfolio, UserInfo, WHOLE};

use super::argument;
use crate::model::ValueError;

/// The kind of payload that answers an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    Sessions,
    Tokens,
    /// With whom an account's owner signs in: [`OwnIdentities`].
    Identities,
    OpenOrders,
    AccountSummary,
    TransactionPage,
    QuoteList,
}

/// A payload that can be written as bytes and read back.
pub trait Payload: Sized {
    /// Appends the payload.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads the payload from the front of the bytes.
    ///
    /// # Errors
    /// Bytes are missing or have a wrong form.
    fn read(from: &mut Cursor<'_>) -> Result<Self, ValueError>;

    /// The payload as bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Reads a payload that is all of `bytes`.
    ///
    /// # Errors
    /// Bytes are missing, left over, or have a wrong form.
    fn from_bytes(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut cursor = Cursor::new(bytes);
        let value = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(value)
    }
}

/// Appends a text: u16 length, then UTF-8. A text of more than 65,535 bytes is cut between two
/// characters.
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

/// A list of texts, such as the symbols of `getAssetList`.
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

/// The explanation of a fill: names and values, printable, in reading order.
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
        let pair = |from: &mut Cursor<'_>| {
            let name = from.printable_text()?.to_owned();
            Ok((name, from.printable_text()?.to_owned()))
        };
        Ok(Receipt(
            (0..count)
                .map(|_| pair(from))
                .collect::<Result<_, ValueError>>()?,
        ))
    }
}
