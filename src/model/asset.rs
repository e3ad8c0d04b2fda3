//! spec/model/asset.md · 2.4.3 Asset Structure
//!
//! Tests: `tests/suite/protocol/roundtrip.rs`.

use super::{Money, Timestamp, ValueError};
use std::fmt;

/// The longest symbol, in bytes.
pub const SYMBOL_MAX: usize = 16;

/// The name of an asset: 1 to 16 of `A-Z 0-9 . - / =`. It is `Copy` and holds its bytes in place,
/// so that reading a price allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Symbol {
    bytes: [u8; SYMBOL_MAX],
    len: u8,
}

impl Symbol {
    /// `-`: the symbol of a row of the ledger that is about no asset.
    pub const NONE: Symbol = {
        let mut bytes = [0; SYMBOL_MAX];
        bytes[0] = b'-';
        Symbol { bytes, len: 1 }
    };

    /// Reads a symbol.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Symbol, ValueError> {
        const FORM: ValueError = ValueError("an asset's symbol is 1 to 16 of A-Z 0-9 . - / =");
        let good = |b: u8| {
            b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'/' | b'=')
        };
        if text.is_empty() || text.len() > SYMBOL_MAX || !text.bytes().all(good) {
            return Err(FORM);
        }
        let mut bytes = [0; SYMBOL_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Symbol {
            bytes,
            len: u8::try_from(text.len()).map_err(|_| FORM)?,
        })
    }

    /// The symbol as text.
    pub fn as_str(&self) -> &str {
        // `parse` admits ASCII bytes alone.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

/// Symbols sort by their bytes: the order of `getAssetList` and of portfolios.
impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an asset is called and what a unit of it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetDescription {
    /// Its full name, printable; empty if it has none.
    pub name: String,
    /// How many units of the market make one of the asset: 1, or more where it is offered by the lot.
    pub factor: u64,
}

impl Default for AssetDescription {
    fn default() -> AssetDescription {
        AssetDescription {
            name: String::new(),
            factor: 1,
        }
    }
}

/// The prices and the volume of an asset in one period: the specification's openVal, highVal,
/// lowVal, closeVal, volumeVal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Start of the period (market time).
    pub time: Timestamp,
    pub open: Money,
    pub high: Money,
    pub low: Money,
    pub close: Money,
    /// Units traded, in whole units.
    pub volume: u64,
}

impl Bar {
    /// Merges a later bar of the same period. The open stays, the close is the later one, high and
    /// low are the extremes, and volumes add up (saturating at 2^64 - 1).
    pub fn merge(&mut self, later: &Bar) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume = self.volume.saturating_add(later.volume);
    }

    /// The bar's close with the bar's time.
    pub fn quote(&self) -> Quote {
        Quote {
            time: self.time,
            value: self.close,
        }
    }
}

/// The period of each bar on a page of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The period of an update.
    Tick,
    /// A calendar day, which starts at midnight UTC.
    Day,
}

/// The latest known price of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Start of the bar that the price comes from (market time).
    pub time: Timestamp,
    /// Price of one unit.
    pub value: Money,
}
