//! spec/worker/cache.md · 3.2.6 Cache Management, 2.4.3 Asset Structure
//!
//! The current values of all assets at one update. An immutable value that the next update
//! replaces.

use crate::link::message::Prices;
use crate::model::{Bar, Symbol, Timestamp};
use crate::wire::frame::HEADER_BYTES;
use crate::wire::payload::{Payload, QUOTE_BYTES, TextList, put_text};
use crate::wire::{FrameHeader, Instruction, Refusal, packet};
use std::collections::HashMap;

/// Size of the reply with a quote.
const QUOTE_REPLY_BYTES: usize = HEADER_BYTES + QUOTE_BYTES;

/// The values of one update.
#[derive(Debug)]
pub struct QuoteSnapshot {
    /// Number of the update.
    pub update: u64,
    /// Market time of the newest quote.
    pub market_now: Timestamp,
    /// An asset's index in `current` and `days`. These are separate so that the data of the most
    /// frequent request lies together.
    places: HashMap<Symbol, usize>,
    /// The encoded replies to `getAssetValueCurrent`.
    current: Vec<Option<[u8; QUOTE_REPLY_BYTES]>>,
    /// The times of the latest quotes.
    times: Vec<Option<Timestamp>>,
    days: Vec<Option<Bar>>,
    /// Sorted by bytes, as the reply to `getAssetList` is.
    symbols: Vec<Symbol>,
}

impl QuoteSnapshot {
    /// The snapshot of a push of prices.
    pub fn new(prices: &Prices) -> QuoteSnapshot {
        let mut scratch = Vec::with_capacity(QUOTE_REPLY_BYTES);
        let current = prices.rows.iter().map(|row| {
            row.quote.and_then(|quote| {
                scratch.clear();
                scratch.extend_from_slice(
                    &FrameHeader::single(Instruction::Data, QUOTE_BYTES, 0).bytes(),
                );
                quote.write(&mut scratch);
                scratch.first_chunk().copied()
            })
        });
        let current = current.collect();
        let times = prices.rows.iter().map(|row| Some(row.quote?.time));
        let times = times.collect();
        let days = prices.rows.iter().map(|row| row.day).collect();
        let places = prices.rows.iter().enumerate();
        let places = places.map(|(place, row)| (row.symbol, place)).collect();
        let mut symbols: Vec<Symbol> = prices.rows.iter().map(|row| row.symbol).collect();
        symbols.sort_unstable();
        symbols.dedup();
        QuoteSnapshot {
            update: prices.update,
            market_now: prices.market_now,
            places,
            current,
            times,
            days,
            symbols,
        }
    }

    /// Whether the asset exists.
    pub fn knows(&self, symbol: Symbol) -> bool {
        self.places.contains_key(&symbol)
    }

    /// The time of the asset's latest quote, if it has one.
    pub fn last(&self, symbol: Symbol) -> Option<Timestamp> {
        let place = *self.places.get(&symbol)?;
        self.times.get(place).copied().flatten()
    }

    /// Appends the reply to `getAssetValueCurrent`.
    ///
    /// # Errors
    /// `unknown-asset`, `no-price`.
    pub fn current(&self, symbol: Symbol, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let place = *self
            .places
            .get(&symbol)
            .ok_or_else(|| Refusal::unknown_asset(&symbol))?;
        let current = self
            .current
            .get(place)
            .and_then(Option::as_ref)
            .ok_or_else(|| Refusal::no_price(&symbol))?;
        out.extend_from_slice(current);
        Ok(())
    }

    /// Appends the reply to `getAssetInfo`.
    ///
    /// # Errors
    /// `unknown-asset`, `no-data`.
    pub fn info(&self, symbol: Symbol, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let place = *self
            .places
            .get(&symbol)
            .ok_or_else(|| Refusal::unknown_asset(&symbol))?;
        let day = self
            .days
            .get(place)
            .and_then(Option::as_ref)
            .ok_or_else(|| Refusal::no_bar(&symbol))?;
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        put_text(out, symbol.as_str());
        day.write(out);
        let size = out.len() - start - HEADER_BYTES;
        if let Some(place) = out.get_mut(start..start + HEADER_BYTES) {
            place.copy_from_slice(&FrameHeader::single(Instruction::Data, size, 0).bytes());
        }
        Ok(())
    }

    /// The encoded reply to `getAssetList`.
    pub fn list(&self) -> Vec<u8> {
        let names = self.symbols.iter().map(|symbol| symbol.as_str().to_owned());
        let mut frames = Vec::new();
        packet::write(&mut frames, &TextList(names.collect()).to_bytes());
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::message::PriceRow;
    use crate::model::{Money, Quote, Reason};
    use crate::wire::payload::AssetInfo;
    use crate::wire::{FrameBuffer, Reassembly};

    fn payload(frames: &[u8]) -> Vec<u8> {
        let mut buffer = FrameBuffer::new();
        buffer.extend(frames);
        let mut reassembly = Reassembly::default();
        loop {
            let (header, data) = buffer.next(FrameHeader::check).unwrap().unwrap();
            if let Some(payload) = reassembly.push(&header, data).unwrap() {
                assert!(!buffer.is_partial());
                return payload;
            }
        }
    }

    #[test]
    fn replies_can_be_decoded() {
        let symbol = |text| Symbol::parse(text).unwrap();
        let bar = Bar {
            time: Timestamp(5),
            open: Money(1),
            high: Money(4),
            low: Money(1),
            close: Money(2),
            volume: 9,
        };
        let row = |text, with: bool| PriceRow {
            symbol: symbol(text),
            quote: with.then(|| bar.quote()),
            day: with.then_some(bar),
        };
        let snapshot = QuoteSnapshot::new(&Prices {
            update: 1,
            market_now: Timestamp(5),
            published: Timestamp(0),
            next: Timestamp(0),
            rows: vec![row("B", true), row("A", false)],
        });
        let mut out = Vec::new();
        snapshot.current(symbol("B"), &mut out).unwrap();
        assert_eq!(Quote::from_bytes(&payload(&out)), Ok(bar.quote()));
        out.clear();
        snapshot.info(symbol("B"), &mut out).unwrap();
        let info = AssetInfo {
            symbol: symbol("B"),
            bar,
        };
        assert_eq!(AssetInfo::from_bytes(&payload(&out)), Ok(info));
        let list = TextList::from_bytes(&payload(&snapshot.list()));
        assert_eq!(list, Ok(TextList(vec!["A".into(), "B".into()])));
        let mut none = Vec::new();
        let mut reason = |symbol, info: bool| {
            let refused = if info {
                snapshot.info(symbol, &mut none)
            } else {
                snapshot.current(symbol, &mut none)
            };
            refused.unwrap_err().reason
        };
        assert_eq!(reason(symbol("A"), true), Reason::NoData);
        assert_eq!(reason(symbol("A"), false), Reason::NoPrice);
        assert_eq!(reason(symbol("C"), true), Reason::UnknownAsset);
        assert_eq!(reason(symbol("C"), false), Reason::UnknownAsset);
        assert!(none.is_empty());
    }
}
