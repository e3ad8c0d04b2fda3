//! spec/wire/payload/asset.md · 2.4.3, 4.2.2, 4.6.7 to 4.6.13
//!
//! Payloads about assets.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

use super::{Cursor, Payload, put_count, put_i64, put_text};
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

/// An asset in a list of quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteListRow {
    pub symbol: Symbol,
    /// Its full name, printable; empty if it has none.
    pub name: String,
    /// How many units of the market make one.
    pub factor: u64,
    /// See [`QuoteListRow::is_new`] and [`QuoteListRow::is_halted`]; a later edition may set others.
    pub flags: u8,
    /// The latest price; `None` before the first.
    pub quote: Option<Quote>,
    /// Close of the previous day, in today's units; `None` if none is known.
    pub previous_close: Option<Money>,
    /// The bar of the quote's day so far; its time and close are not told. `None` before the first.
    pub day: Option<Bar>,
}

impl QuoteListRow {
    const NEW: u8 = 1;
    const HALTED: u8 = 2;

    /// The flags of a row.
    pub fn flags(is_new: bool, is_halted: bool) -> u8 {
        u8::from(is_new) * QuoteListRow::NEW + u8::from(is_halted) * QuoteListRow::HALTED
    }

    /// Whether the price came with the last update.
    pub fn is_new(&self) -> bool {
        self.flags & QuoteListRow::NEW != 0
    }

    /// Whether a later price is held.
    pub fn is_halted(&self) -> bool {
        self.flags & QuoteListRow::HALTED != 0
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, self.symbol.as_str());
        put_text(out, &self.name);
        out.extend_from_slice(&self.factor.to_be_bytes());
        out.push(self.flags);
        let (time, value) = self
            .quote
            .map_or((0, 0), |quote| (quote.time.0, quote.value.0));
        let day = self
            .day
            .map_or([0; 3], |day| [day.open, day.high, day.low].map(|m| m.0));
        put_i64(out, time);
        put_i64(out, value);
        put_i64(out, self.previous_close.unwrap_or_default().0);
        day.into_iter().for_each(|money| put_i64(out, money));
        let volume = self.day.map_or(0, |day| day.volume);
        out.extend_from_slice(&volume.to_be_bytes());
    }

    fn read(from: &mut Cursor<'_>) -> Result<QuoteListRow, ValueError> {
        let (symbol, name) = (from.symbol()?, from.printable_text()?.to_owned());
        let (factor, flags) = (from.u64()?, from.u8()?);
        let quote = Quote::read(from)?;
        let previous_close = from.money()?;
        let (open, high, low) = (from.money()?, from.money()?, from.money()?);
        let volume = from.u64()?;
        let has_price = quote.value != Money::ZERO;
        let rest = [open, high, low, Money(quote.time.0)];
        if !has_price && (volume != 0 || rest.iter().any(|value| *value != Money::ZERO)) {
            return Err(ValueError("a day of an asset without a price"));
        }
        Ok(QuoteListRow {
            symbol,
            name,
            factor,
            flags,
            quote: has_price.then_some(quote),
            previous_close: Some(previous_close).filter(|close| *close != Money::ZERO),
            day: has_price.then(|| Bar {
                time: quote.time.day(),
                open,
                high,
                low,
                close: quote.value,
                volume,
            }),
        })
    }
}

/// The answer to `getQuoteList`: all assets, by symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteList {
    pub rows: Vec<QuoteListRow>,
    /// Number of the update whose prices these are.
    pub update: u64,
}

impl Payload for QuoteList {
    fn write(&self, out: &mut Vec<u8>) {
        put_count(out, self.rows.len());
        for row in &self.rows {
            row.write(out);
        }
        out.extend_from_slice(&self.update.to_be_bytes());
    }

    fn read(from: &mut Cursor<'_>) -> Result<QuoteList, ValueError> {
        /// Least bytes of a row: a symbol of one character, no name, factor, flags, values.
        const LEAST: usize = 3 + 2 + 8 + 1 + 7 * 8;
        let count = from.count(LEAST)?;
        let rows = (0..count)
            .map(|_| QuoteListRow::read(from))
            .collect::<Result<Vec<_>, ValueError>>()?;
        if !rows.is_sorted_by(|a, b| a.symbol < b.symbol) {
            return Err(ValueError("assets out of order"));
        }
        Ok(QuoteList {
            rows,
            update: from.u64()?,
        })
    }
}
