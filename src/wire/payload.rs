//! spec/wire/payload.md · 2.4 and 4.7.1
//!
//! The binary payloads of data transfers. Scalars are big-endian; trailing bytes are refused.

use super::argument;
use crate::model::{Amount, Bar, Malformed, Money, Quote, Side, Stamp, Status, Symbol};
use byteorder::{BigEndian, ByteOrder};
use uuid::Uuid;

/// Bytes of a [`Bar`].
pub const BAR: usize = 48;
/// Bytes of a [`Quote`].
pub const QUOTE: usize = 16;
/// Basis points in a whole: the most that a public share can be.
pub const WHOLE: u16 = 10_000;

/// A payload that can be written to bytes and read back from them.
pub trait Payload: Sized {
    /// Appends its bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads it.
    ///
    /// # Errors
    /// Bytes that are missing or of a wrong form.
    fn read(from: &mut Cursor<'_>) -> Result<Self, Malformed>;

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
    fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let value = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(value)
    }
}

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
    pub fn take(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self
            .0
            .split_at_checked(size)
            .ok_or(Malformed("a payload that ends too early"))?;
        self.0 = tail;
        Ok(head)
    }

    /// Nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed("bytes after the payload's end"))
        }
    }

    /// A byte.
    ///
    /// # Errors
    /// None is left.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    /// Two bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(BigEndian::read_u16(self.take(2)?))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(BigEndian::read_u32(self.take(4)?))
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(BigEndian::read_u64(self.take(8)?))
    }

    /// Eight bytes, signed.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn i64(&mut self) -> Result<i64, Malformed> {
        Ok(BigEndian::read_i64(self.take(8)?))
    }

    /// A flag: 0 or 1.
    ///
    /// # Errors
    /// Anything else.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a flag is 0 or 1")),
        }
    }

    /// A time.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn stamp(&mut self) -> Result<Stamp, Malformed> {
        self.i64().map(Stamp)
    }

    /// Money.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn money(&mut self) -> Result<Money, Malformed> {
        self.i64().map(Money)
    }

    /// Text: u16 length, UTF-8.
    ///
    /// # Errors
    /// Too few bytes, or no UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let size = usize::from(self.u16()?);
        std::str::from_utf8(self.take(size)?).map_err(|_| Malformed("a text that is no UTF-8"))
    }

    /// A symbol, as text.
    ///
    /// # Errors
    /// Too few bytes, or no symbol.
    pub fn symbol(&mut self) -> Result<Symbol, Malformed> {
        Symbol::parse(self.text()?)
    }

    /// A UUID's 16 bytes.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn uuid(&mut self) -> Result<Uuid, Malformed> {
        Uuid::from_slice(self.take(16)?).map_err(|_| Malformed("not a UUID"))
    }

    /// A u32 count of items of at least `least` bytes each, refused where they cannot all be here.
    ///
    /// # Errors
    /// More items than there are bytes for.
    pub fn count(&mut self, least: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        if count.checked_mul(least).is_some_and(|bytes| bytes <= self.left()) {
            Ok(count)
        } else {
            Err(Malformed("a count beyond the payload's bytes"))
        }
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

impl Payload for Bar {
    fn write(&self, out: &mut Vec<u8>) {
        put_i64(out, self.time.0);
        for money in [self.open, self.high, self.low, self.close] {
            put_i64(out, money.0);
        }
        out.extend_from_slice(&self.volume.to_be_bytes());
    }

    fn read(from: &mut Cursor<'_>) -> Result<Bar, Malformed> {
        Ok(Bar {
            time: from.stamp()?,
            open: from.money()?,
            high: from.money()?,
            low: from.money()?,
            close: from.money()?,
            volume: from.u64()?,
        })
    }
}

/// A bar list has no count: it is as long as its payload.
impl Payload for Vec<Bar> {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.len() * BAR);
        for bar in self {
            bar.write(out);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<Vec<Bar>, Malformed> {
        let mut bars = Vec::with_capacity(from.left() / BAR);
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

    fn read(from: &mut Cursor<'_>) -> Result<Quote, Malformed> {
        Ok(Quote {
            time: from.stamp()?,
            value: from.money()?,
        })
    }
}

/// 4.6.7: the Asset Structure of 2.4.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetInfo {
    /// Its symbol.
    pub symbol: Symbol,
    /// What it did on its latest day.
    pub bar: Bar,
}

impl Payload for AssetInfo {
    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, self.symbol.as_str());
        self.bar.write(out);
    }

    fn read(from: &mut Cursor<'_>) -> Result<AssetInfo, Malformed> {
        Ok(AssetInfo {
            symbol: from.symbol()?,
            bar: Bar::read(from)?,
        })
    }
}

/// 4.6.14: what may be known of an account, the second half by its owner alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// As registered.
    pub username: String,
    /// 2.4.1 isPassword.
    pub is_password: bool,
    /// When it was registered.
    pub created: Stamp,
    /// Email and cash, in the private view.
    pub private: Option<(String, Money)>,
}

impl Payload for UserInfo {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.private.is_some()));
        put_text(out, &self.username);
        out.push(u8::from(self.is_password));
        put_i64(out, self.created.0);
        if let Some((email, cash)) = &self.private {
            put_text(out, email);
            put_i64(out, cash.0);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<UserInfo, Malformed> {
        let private = from.flag()?;
        Ok(UserInfo {
            username: from.text()?.to_owned(),
            is_password: from.flag()?,
            created: from.stamp()?,
            private: if private {
                Some((from.text()?.to_owned(), from.money()?))
            } else {
                None
            },
        })
    }
}

/// One position as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Of which asset.
    pub symbol: Symbol,
    /// How many units.
    pub quantity: Amount,
    /// What one unit cost on average, rounded down.
    pub average_cost: Money,
    /// What all units are worth now; 0 without a price.
    pub value: Money,
}

/// 4.6.15: an account's portfolio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Portfolio {
    /// As its owner sees it: cash, and positions by symbol.
    Private(Money, Vec<Holding>),
    /// As others see it: each position's share of cash and positions, in basis points.
    Public(Vec<(Symbol, u16)>),
}

impl Payload for Portfolio {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Portfolio::Private(cash, holdings) => {
                out.push(1);
                put_count(out, holdings.len());
                put_i64(out, cash.0);
                for holding in holdings {
                    put_text(out, holding.symbol.as_str());
                    put_i64(out, holding.quantity.0);
                    put_i64(out, holding.average_cost.0);
                    put_i64(out, holding.value.0);
                }
            }
            Portfolio::Public(shares) => {
                out.push(0);
                put_count(out, shares.len());
                for (symbol, share) in shares {
                    put_text(out, symbol.as_str());
                    out.extend_from_slice(&share.to_be_bytes());
                }
            }
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<Portfolio, Malformed> {
        /// A symbol of one character and its share.
        const LEAST: usize = 5;
        let private = from.flag()?;
        let count = from.count(LEAST)?;
        if private {
            let cash = from.money()?;
            let holding = |from: &mut Cursor<'_>| {
                Ok(Holding {
                    symbol: from.symbol()?,
                    quantity: Amount(from.i64()?),
                    average_cost: from.money()?,
                    value: from.money()?,
                })
            };
            let holdings = (0..count)
                .map(|_| holding(from))
                .collect::<Result<Vec<_>, Malformed>>()?;
            by_symbol(holdings.iter().map(|h| h.symbol))?;
            if holdings.iter().any(|h| h.quantity <= Amount::ZERO) {
                return Err(Malformed("a position of no units"));
            }
            return Ok(Portfolio::Private(cash, holdings));
        }
        let share = |from: &mut Cursor<'_>| Ok((from.symbol()?, from.u16()?));
        let shares = (0..count)
            .map(|_| share(from))
            .collect::<Result<Vec<_>, Malformed>>()?;
        by_symbol(shares.iter().map(|s| s.0))?;
        if shares.iter().any(|s| s.1 > WHOLE) {
            return Err(Malformed("a share beyond 10,000 basis points"));
        }
        Ok(Portfolio::Public(shares))
    }
}

/// A portfolio lists each symbol once, in the order of bytes.
fn by_symbol(symbols: impl Iterator<Item = Symbol>) -> Result<(), Malformed> {
    if symbols.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(Malformed("positions out of order"))
    }
}

/// What only the owner sees of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryDetail {
    /// How many units.
    pub quantity: Amount,
    /// Price of one; 0 unless settled.
    pub price: Money,
    /// What left or reached the cash; 0 unless settled.
    pub total: Money,
    /// Market time of the price; 0 unless settled.
    pub priced: Stamp,
    /// The client's own name for it; empty if none.
    pub client_order_id: String,
    /// Why it was rejected; empty unless it was.
    pub reason: String,
}

/// One transaction of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The transaction's ID.
    pub id: Uuid,
    /// What it did.
    pub side: Side,
    /// How far it has come.
    pub status: Status,
    /// Of which asset.
    pub symbol: Symbol,
    /// When it came onto the durable queue.
    pub accepted: Stamp,
    /// When it was settled or rejected; 0 while queued.
    pub settled: Stamp,
    /// The rest, in the private view.
    pub detail: Option<EntryDetail>,
}

/// 4.6.16: an account's transactions, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Whether the entries have their details.
    pub private: bool,
    /// The transactions.
    pub entries: Vec<Entry>,
}

impl Payload for History {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.private));
        put_count(out, self.entries.len());
        for entry in &self.entries {
            entry.write(out);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<History, Malformed> {
        /// ID, side, status, a symbol of one character, two times.
        const LEAST: usize = 16 + 2 + 3 + 16;
        let private = from.flag()?;
        let count = from.count(LEAST)?;
        let entries = (0..count)
            .map(|_| Entry::read(from, private))
            .collect::<Result<_, _>>()?;
        Ok(History { private, entries })
    }
}

impl Entry {
    /// Appends its bytes, with the details if it has them.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.as_bytes());
        out.push(self.side as u8);
        out.push(self.status as u8);
        put_text(out, self.symbol.as_str());
        put_i64(out, self.accepted.0);
        put_i64(out, self.settled.0);
        if let Some(detail) = &self.detail {
            for value in [detail.quantity.0, detail.price.0, detail.total.0, detail.priced.0] {
                put_i64(out, value);
            }
            put_text(out, &detail.client_order_id);
            put_text(out, &detail.reason);
        }
    }

    fn read(from: &mut Cursor<'_>, private: bool) -> Result<Entry, Malformed> {
        Ok(Entry {
            id: from.uuid()?,
            side: Side::from_number(from.u8()?).ok_or(Malformed("no such side"))?,
            status: Status::from_number(from.u8()?).ok_or(Malformed("no such status"))?,
            symbol: from.symbol()?,
            accepted: from.stamp()?,
            settled: from.stamp()?,
            detail: if private {
                Some(EntryDetail {
                    quantity: Amount(from.i64()?),
                    price: from.money()?,
                    total: from.money()?,
                    priced: from.stamp()?,
                    client_order_id: from.text()?.to_owned(),
                    reason: from.text()?.to_owned(),
                })
            } else {
                None
            },
        })
    }
}

/// 4.2.2 "predicted future asset value".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// How it was made.
    pub method: String,
    /// For when.
    pub time: Stamp,
    /// The middle of what is expected.
    pub value: Money,
    /// The low end of a 95 % interval.
    pub low: Money,
    /// Its high end.
    pub high: Money,
}

impl Payload for Forecast {
    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, &self.method);
        for value in [self.time.0, self.value.0, self.low.0, self.high.0] {
            put_i64(out, value);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<Forecast, Malformed> {
        Ok(Forecast {
            method: from.text()?.to_owned(),
            time: from.stamp()?,
            value: from.money()?,
            low: from.money()?,
            high: from.money()?,
        })
    }
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

    fn read(from: &mut Cursor<'_>) -> Result<TextList, Malformed> {
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

    fn read(from: &mut Cursor<'_>) -> Result<Receipt, Malformed> {
        let count = from.count(4)?;
        let pair = |from: &mut Cursor<'_>| Ok((from.text()?.to_owned(), from.text()?.to_owned()));
        Ok(Receipt(
            (0..count).map(|_| pair(from)).collect::<Result<_, Malformed>>()?,
        ))
    }
}
