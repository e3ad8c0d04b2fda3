//! spec/wire/payload/asset.md · 2.4.3, 4.2.2, 4.6.7 to 4.6.13
//!
//! Payloads about assets.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

use super::{Cursor, Payload, put_i64, put_text};
use crate::model::{Bar, Money, Quote, Symbol, Timestamp, ValueError};

/// Bytes of a [`Bar`] on the wire.
pub const BAR_BYTES: usize = 48;
/// Bytes of a [`Quote`] on the wire.
pub const QUOTE_BYTES: usize = 16;

impl Payload for Bar {
    fn write(&self, out: &mut Vec<u8>) {
        put_i64(out, self.time.0);
        for money in [self.open, self.high, self.low, self.close] {
            put_i64(out, money.0);
        }
        out.extend_from_slice(&self.volume.to_be_bytes());
    }

    fn read(from: &mut Cursor<'_>) -> Result<Bar, ValueError> {
        Ok(Bar {
            time: from.timestamp()?,
            open: from.money()?,
            high: from.money()?,
            low: from.money()?,
            close: from.money()?,
            volume: from.u64()?,
        })
    }
}

/// A list of bars has no count: it takes all bytes of its payload.
impl Payload for Vec<Bar> {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.len() * BAR_BYTES);
        for bar in self {
            bar.write(out);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<Vec<Bar>, ValueError> {
        let mut bars = Vec::with_capacity(from.left() / BAR_BYTES);
        while from.left() > 0 {
            bars.push(Bar::read(from)?);
        }
        Ok(bars)
    }
}

impl Payload for Quote {
    fn write(&self, out: &mut Vec<u8>) {
        put_i64(out, self.time.0);
        put_i64(out, self.value.0);
    }

    fn read(from: &mut Cursor<'_>) -> Result<Quote, ValueError> {
        Ok(Quote {
            time: from.timestamp()?,
            value: from.money()?,
        })
    }
}

/// The answer to `getAssetInfo` (4.6.7): the Asset Structure of 2.4.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetInfo {
    pub symbol: Symbol,
    /// The bar of the latest day.
    pub bar: Bar,
}

impl Payload for AssetInfo {
    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, self.symbol.as_str());
        self.bar.write(out);
    }

    fn read(from: &mut Cursor<'_>) -> Result<AssetInfo, ValueError> {
        Ok(AssetInfo {
            symbol: from.symbol()?,
            bar: Bar::read(from)?,
        })
    }
}

/// A "predicted future asset value" (4.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Name of the method that made the forecast, printable.
    pub method: String,
    /// The time that the value is predicted for (market time).
    pub time: Timestamp,
    /// The predicted value.
    pub value: Money,
    /// Lower bound of the 95 % interval.
    pub low: Money,
    /// Upper bound of the 95 % interval.
    pub high: Money,
}

impl Payload for Forecast {
    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, &self.method);
        for value in [self.time.0, self.value.0, self.low.0, self.high.0] {
            put_i64(out, value);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<Forecast, ValueError> {
        Ok(Forecast {
            method: from.printable_text()?.to_owned(),
            time: from.timestamp()?,
            value: from.money()?,
            low: from.money()?,
            high: from.money()?,
        })
    }
}
