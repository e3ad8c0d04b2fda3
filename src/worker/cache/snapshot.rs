//! spec/worker/cache.md · 3.2.6 Cache Management, 2.4.3 Asset Structure
//!
//! The current values of all assets at one update. An immutable value that the next update
//! replaces.

use crate::link::message::{PriceRow, Prices};
use crate::model::{AssetDescription, QuoteValue, Symbol, Timestamp};
use crate::wire::frame::HEADER_BYTES;
use crate::wire::payload::{Payload, QUOTE_BYTES, QuoteList, QuoteListRow, TextList, put_text};
use crate::wire::{FrameHeader, Instruction, Refusal, packet};
use std::collections::HashMap;
use std::sync::Arc;

/// Size of the reply with a quote.
const QUOTE_REPLY_BYTES: usize = HEADER_BYTES + QUOTE_BYTES;

/// The values of one update.
#[derive(Debug)]
pub struct QuoteSnapshot {
    /// Number of the update.
    pub update: u64,
    /// Market time of the newest quote.
    pub market_now: Timestamp,
    /// An asset's index in `current` and `rows`. These are separate so that the data of the most
    /// frequent request lies together.
    places: HashMap<Symbol, usize>,
    /// The encoded replies to `getAssetValueCurrent`.
    current: Vec<Option<[u8; QUOTE_REPLY_BYTES]>>,
    /// All that is known of each asset.
    rows: Vec<PriceRow>,
    /// What is said of those that have a name or are offered by the lot.
    descriptions: Arc<HashMap<Symbol, AssetDescription>>,
    /// Sorted by bytes, as the reply to `getAssetList` is.
    symbols: Vec<Symbol>,
}

impl QuoteSnapshot {
    /// The snapshot of a push of prices, with what the link has said of assets.
    pub fn new(
        prices: Prices,
        descriptions: Arc<HashMap<Symbol, AssetDescription>>,
    ) -> QuoteSnapshot {
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
            rows: prices.rows,
            descriptions,
            symbols,
        }
    }

    /// Whether the asset exists.
    pub fn knows(&self, symbol: Symbol) -> bool {
        self.places.contains_key(&symbol)
    }

    /// The prices that have come with this update, or all, in the order of the push.
    pub fn values(&self, is_new: bool) -> impl Iterator<Item = QuoteValue> {
        let told = self.rows.iter().filter(move |row| row.is_new || !is_new);
        told.filter_map(quote_value)
    }

    /// The asset's price, if it has one; where `is_new`, only if it came with this update.
    pub fn value(&self, symbol: Symbol, is_new: bool) -> Option<QuoteValue> {
        let row = self.rows.get(*self.places.get(&symbol)?)?;
        Some(row)
            .filter(|row| row.is_new || !is_new)
            .and_then(quote_value)
    }

    /// The time of the asset's latest quote, if it has one.
    pub fn last(&self, symbol: Symbol) -> Option<Timestamp> {
        let place = *self.places.get(&symbol)?;
        Some(self.rows.get(place)?.quote?.time)
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
            .rows
            .get(place)
            .and_then(|row| row.day.as_ref())
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

    /// The encoded reply to `getQuoteList`.
    pub fn quotes(&self) -> Vec<u8> {
        let mut rows: Vec<QuoteListRow> = self.rows.iter().map(|row| self.told(row)).collect();
        rows.sort_unstable_by_key(|row| row.symbol);
        rows.dedup_by_key(|row| row.symbol);
        let list = QuoteList {
            rows,
            update: self.update,
        };
        let mut frames = Vec::new();
        packet::write(&mut frames, &list.to_bytes());
        frames
    }

    fn told(&self, row: &PriceRow) -> QuoteListRow {
        let described = self.descriptions.get(&row.symbol).cloned();
        let AssetDescription { name, factor } = described.unwrap_or_default();
        QuoteListRow {
            symbol: row.symbol,
            name,
            factor,
            flags: QuoteListRow::flags(row.is_new, row.is_halted),
            quote: row.quote,
            previous_close: row.previous_close,
            day: row.day,
        }
    }

    /// The encoded reply to `getAssetList`.
    pub fn list(&self) -> Vec<u8> {
        let names = self.symbols.iter().map(|symbol| symbol.as_str().to_owned());
        let mut frames = Vec::new();
        packet::write(&mut frames, &TextList(names.collect()).to_bytes());
        frames
    }
}

fn quote_value(row: &PriceRow) -> Option<QuoteValue> {
    let value = row.quote?.value;
    Some(QuoteValue {
        symbol: row.symbol,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bar, Money, Quote, Reason};
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
            is_new: with,
            is_halted: !with,
            previous_close: with.then_some(Money(3)),
            description: None,
        };
        let prices = Prices {
            update: 1,
            market_now: Timestamp(5),
            published: Timestamp(0),
            next: Timestamp(0),
            rows: vec![row("B", true), row("A", false)],
        };
        let described = AssetDescription {
            name: "Bees, by the lot".to_owned(),
            factor: 1000,
        };
        let descriptions = HashMap::from([(symbol("B"), described)]);
        let snapshot = QuoteSnapshot::new(prices, Arc::new(descriptions));
        let quotes = QuoteList::from_bytes(&payload(&snapshot.quotes())).unwrap();
        assert_eq!(quotes.update, 1);
        let [a, b] = &quotes.rows[..] else {
            panic!("{quotes:?}")
        };
        assert_eq!((a.symbol, a.name.as_str(), a.factor), (symbol("A"), "", 1));
        assert_eq!((a.quote, a.day, a.previous_close), (None, None, None));
        assert!(!a.is_new() && a.is_halted());
        assert_eq!((b.name.as_str(), b.factor), ("Bees, by the lot", 1000));
        // A daily bar begins with its day.
        let day = Bar {
            time: bar.time.day(),
            ..bar
        };
        assert_eq!((b.quote, b.day), (Some(bar.quote()), Some(day)));
        assert_eq!(b.previous_close, Some(Money(3)));
        assert!(b.is_new() && !b.is_halted());
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
