//! spec/model/asset.md · 2.4.3 Asset Structure

use super::{Money, Timestamp, ValueError};
use std::fmt;

/// The longest symbol, in bytes.
pub const SYMBOL_MAX: usize = 16;

/// The name of an asset: 1 to 16 of `A-Z 0-9 . - / =`. Small enough to be copied, so that reading a
/// price allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Symbol {
    bytes: [u8; SYMBOL_MAX],
    len: u8,
}

impl Symbol {
    /// Reads a symbol.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse(text: &str) -> Result<Symbol, ValueError> {
        const FORM: ValueError = ValueError("an asset's symbol is 1 to 16 of A-Z 0-9 . - / =");
        let good =
            |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'/' | b'=');
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

    /// The symbol's text.
    pub fn as_str(&self) -> &str {
        // The bytes were checked to be ASCII when the symbol was made.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

/// Sorted by byte, as `getAssetList` and the portfolio want it.
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

/// What an asset did in a period: the specification's openVal, highVal, lowVal, closeVal, volumeVal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// The period's start, in market time.
    pub time: Timestamp,
    /// First price.
    pub open: Money,
    /// Highest price.
    pub high: Money,
    /// Lowest price.
    pub low: Money,
    /// Last price.
    pub close: Money,
    /// Whole units that changed hands.
    pub volume: u64,
}

impl Bar {
    /// Takes a later bar of the same period in: its close wins, extremes and volume add up.
    pub fn merge(&mut self, later: &Bar) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume = self.volume.saturating_add(later.volume);
    }

    /// The bar's last price, with the bar's time.
    pub fn quote(&self) -> Quote {
        Quote {
            time: self.time,
            value: self.close,
        }
    }
}

/// How long a period each bar of a history page stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// As updates bring them.
    Tick,
    /// Whole days, at their midnights.
    Day,
}

/// The latest known value of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Market time of the bar that it comes from.
    pub time: Timestamp,
    /// Price of one unit.
    pub value: Money,
}
