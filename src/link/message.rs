//! spec/link/message.md · 4.1, 4.3.1, 3.1.5 (messages between worker and master)
//!
//! The link's own instructions. Requests of clients and their replies travel as ordinary frames.

use crate::model::{
    AssetDescription, Bar, Money, Quote, SessionHash, Symbol, Timestamp, ValueError,
};
use crate::wire::payload::{Cursor, Payload, put_text};
use crate::wire::{FrameHeader, Instruction, frame, packet};

/// The most session hashes in a message: what fits into a frame.
pub const HASHES_MAX: usize = 250;

fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// linkWelcome, master → worker: one of the first messages on a new link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The master's clock (wall time).
    pub now: Timestamp,
    /// Time between two asset updates (2.3.4), in milliseconds.
    pub update_interval: i64,
    pub version: String,
    /// The name under which the worker is registered.
    pub name: String,
    /// `host:port` that clients are told for the worker.
    pub address: String,
}

impl Payload for Welcome {
    fn write(&self, out: &mut Vec<u8>) {
        put_i64(out, self.now.0);
        put_i64(out, self.update_interval);
        for text in [&self.version, &self.name, &self.address] {
            put_text(out, text);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<Welcome, ValueError> {
        Ok(Welcome {
            now: from.timestamp()?,
            update_interval: from.i64()?,
            version: from.text()?.to_owned(),
            name: from.text()?.to_owned(),
            address: from.text()?.to_owned(),
        })
    }
}

/// linkReport, worker → master, once a second (3.1.5). The master answers `pong`, so that both ends
/// notice a dead link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerReport {
    pub version: String,
    /// Milliseconds since the worker started.
    pub uptime: i64,
    /// Connected clients.
    pub connections: u32,
    /// Cached sessions.
    pub sessions: u32,
    /// Cached windows of past values.
    pub cached: u32,
    /// Bytes of these windows.
    pub cached_bytes: u64,
    /// Pending requests: those that wait for a reply of the master.
    pub parked: u32,
    /// What its configuration says of itself.
    pub about: WorkerAbout,
}

/// Bytes of a worker's version or name in its report.
const REPORT_NAME_MAX: usize = 64;
/// Bytes of the `host:port` in its report: a host's name of 253, and a port.
const REPORT_ADDRESS_MAX: usize = 259;

/// Reads a text of a report, which the master logs and shows.
fn report_text(from: &mut Cursor<'_>, size_max: usize) -> Result<String, ValueError> {
    let text = from.text()?;
    if text.len() > size_max {
        return Err(ValueError("a text of a report that is too long"));
    }
    Ok(text.to_owned())
}

/// What a worker's configuration says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkerAbout {
    /// Empty: it does not say.
    pub name: String,
    /// `host:port` for clients. Empty: it does not say.
    pub advertise: String,
    /// When its certificate ends; `None`: it has none, or that cannot be told.
    pub certificate: Option<Timestamp>,
}

impl Payload for WorkerReport {
    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, &self.version);
        put_i64(out, self.uptime);
        for value in [self.connections, self.sessions, self.cached] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        out.extend_from_slice(&self.cached_bytes.to_be_bytes());
        out.extend_from_slice(&self.parked.to_be_bytes());
        put_text(out, &self.about.name);
        put_text(out, &self.about.advertise);
        put_i64(out, self.about.certificate.map_or(0, |until| until.0));
    }

    fn read(from: &mut Cursor<'_>) -> Result<WorkerReport, ValueError> {
        Ok(WorkerReport {
            version: report_text(from, REPORT_NAME_MAX)?,
            uptime: from.i64()?,
            connections: from.u32()?,
            sessions: from.u32()?,
            cached: from.u32()?,
            cached_bytes: from.u64()?,
            parked: from.u32()?,
            about: WorkerAbout {
                name: report_text(from, REPORT_NAME_MAX)?,
                advertise: report_text(from, REPORT_ADDRESS_MAX)?,
                certificate: Some(from.timestamp()?).filter(|until| until.0 != 0),
            },
        })
    }
}

/// An asset in a push of prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRow {
    pub symbol: Symbol,
    /// The latest price. `None` before its first bar.
    pub quote: Option<Quote>,
    /// The bar of the latest day. `None` before its first bar.
    pub day: Option<Bar>,
    /// Whether the price came with this update.
    pub is_new: bool,
    /// Whether a later price is held.
    pub is_halted: bool,
    /// Close of the day before, in today's units. `None` if none is known.
    pub previous_close: Option<Money>,
    /// Its name and unit, on a new link; `None` at the updates that follow, and where it has no
    /// name and its unit is the market's.
    pub description: Option<AssetDescription>,
}

impl PriceRow {
    /// Bits of the byte that says what a row has.
    const QUOTE: u8 = 1;
    const DAY: u8 = 2;
    const NEW: u8 = 4;
    const HALTED: u8 = 8;
    const PREVIOUS_CLOSE: u8 = 16;
    const DESCRIPTION: u8 = 32;

    fn has(&self) -> u8 {
        let bits = [
            (self.quote.is_some(), PriceRow::QUOTE),
            (self.day.is_some(), PriceRow::DAY),
            (self.is_new, PriceRow::NEW),
            (self.is_halted, PriceRow::HALTED),
            (self.previous_close.is_some(), PriceRow::PREVIOUS_CLOSE),
            (self.description.is_some(), PriceRow::DESCRIPTION),
        ];
        let set = bits.into_iter().filter(|(is_set, _)| *is_set);
        set.fold(0, |has, (_, bit)| has | bit)
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, self.symbol.as_str());
        out.push(self.has());
        if let Some(quote) = &self.quote {
            quote.write(out);
        }
        if let Some(day) = &self.day {
            day.write(out);
        }
        if let Some(close) = self.previous_close {
            put_i64(out, close.0);
        }
        if let Some(description) = &self.description {
            put_text(out, &description.name);
            out.extend_from_slice(&description.factor.to_be_bytes());
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<PriceRow, ValueError> {
        let symbol = from.symbol()?;
        let has = from.u8()?;
        if has >= PriceRow::DESCRIPTION << 1 {
            return Err(ValueError("an asset's row says what it has with 0 to 63"));
        }
        let is = |bit: u8| has & bit != 0;
        Ok(PriceRow {
            symbol,
            is_new: is(PriceRow::NEW),
            is_halted: is(PriceRow::HALTED),
            quote: is(PriceRow::QUOTE).then(|| Quote::read(from)).transpose()?,
            day: is(PriceRow::DAY).then(|| Bar::read(from)).transpose()?,
            previous_close: is(PriceRow::PREVIOUS_CLOSE)
                .then(|| from.money())
                .transpose()?,
            description: if is(PriceRow::DESCRIPTION) {
                Some(AssetDescription {
                    name: from.printable_text()?.to_owned(),
                    factor: from.u64()?,
                })
            } else {
                None
            },
        })
    }
}

/// linkPrices, master → worker, at each update and on a new link: the current prices of all assets,
/// sorted by symbol. A frame carries the fixed part, and a data transfer behind it the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// Number of the update.
    pub update: u64,
    /// Market time of the newest quote.
    pub market_now: Timestamp,
    /// When the update was published (wall time).
    pub published: Timestamp,
    /// When the next update is expected (wall time).
    pub next: Timestamp,
    pub rows: Vec<PriceRow>,
}

/// Bytes of the fixed part of [`Prices`].
const PRICES_FIXED_BYTES: usize = 8 * 4;

impl Prices {
    /// Appends the frames.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut fixed = Vec::with_capacity(PRICES_FIXED_BYTES);
        fixed.extend_from_slice(&self.update.to_be_bytes());
        for timestamp in [self.market_now, self.published, self.next] {
            put_i64(&mut fixed, timestamp.0);
        }
        frame::write_binary(out, Instruction::LinkPrices, &fixed);
        let mut rows = Vec::new();
        for row in &self.rows {
            row.write(&mut rows);
        }
        packet::write(out, &rows);
    }

    /// Reads the fixed part, and the rows that were reassembled.
    ///
    /// # Errors
    /// The bytes have another form.
    pub fn read(fixed: &[u8], rows: &[u8]) -> Result<Prices, ValueError> {
        let mut from = Cursor::new(fixed);
        let (update, market_now) = (from.u64()?, from.timestamp()?);
        let (published, next) = (from.timestamp()?, from.timestamp()?);
        from.end()?;
        let mut from = Cursor::new(rows);
        let mut rows = Vec::new();
        while from.left() > 0 {
            rows.push(PriceRow::read(&mut from)?);
        }
        Ok(Prices {
            update,
            market_now,
            published,
            next,
            rows,
        })
    }
}

/// linkSession, master → worker: the answer to `linkSession`. It also precedes the `sessionID` that
/// answers a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    pub hash: SessionHash,
    /// The session, or `None` if it is not active.
    pub active: Option<ActiveSession>,
}

/// An active session, as workers cache it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveSession {
    /// The account's registered spelling.
    pub username: String,
    /// The latest end of the session.
    pub expiry: Timestamp,
    /// Whether the session ends with the connection that logged in.
    pub expirable: bool,
}

impl Payload for SessionState {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hash.0);
        out.push(u8::from(self.active.is_some()));
        if let Some(active) = &self.active {
            put_text(out, &active.username);
            put_i64(out, active.expiry.0);
            out.push(u8::from(active.expirable));
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<SessionState, ValueError> {
        let hash = read_hash(from)?;
        let active = if from.flag()? {
            Some(ActiveSession {
                username: from.text()?.to_owned(),
                expiry: from.timestamp()?,
                expirable: from.flag()?,
            })
        } else {
            None
        };
        Ok(SessionState { hash, active })
    }
}

/// A list of at most [`HASHES_MAX`] session hashes: `linkSessionsEnded` (master → worker) and
/// `linkConnectionClosed` (worker → master: the expirable sessions of closed connections).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHashes(pub Vec<SessionHash>);

impl Payload for SessionHashes {
    fn write(&self, out: &mut Vec<u8>) {
        for hash in &self.0 {
            out.extend_from_slice(&hash.0);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<SessionHashes, ValueError> {
        let mut hashes = Vec::with_capacity(from.left() / 32);
        while from.left() > 0 {
            hashes.push(read_hash(from)?);
        }
        Ok(SessionHashes(hashes))
    }
}

fn read_hash(from: &mut Cursor<'_>) -> Result<SessionHash, ValueError> {
    let bytes = from.take(32)?;
    bytes
        .try_into()
        .map(SessionHash)
        .map_err(|_| ValueError("a session hash has 32 bytes"))
}

/// Appends a binary message of the link.
pub fn write(out: &mut Vec<u8>, instruction: Instruction, payload: &impl Payload) {
    frame::write_binary(out, instruction, &payload.to_bytes());
}

/// Iterates over the frames in the body of a link message.
#[derive(Debug)]
pub struct BodyFrames<'a>(&'a [u8]);

impl<'a> BodyFrames<'a> {
    /// The frames of `body`.
    pub fn new(body: &'a [u8]) -> BodyFrames<'a> {
        BodyFrames(body)
    }
}

impl<'a> Iterator for BodyFrames<'a> {
    /// A frame: its header, its data, and the complete frame.
    type Item = Result<(FrameHeader, &'a [u8], &'a [u8]), ValueError>;

    fn next(&mut self) -> Option<Self::Item> {
        const INCOMPLETE: ValueError = ValueError("a body that ends inside a frame");
        if self.0.is_empty() {
            return None;
        }
        let body = std::mem::take(&mut self.0);
        let Some(header) = body.first_chunk().map(FrameHeader::read) else {
            return Some(Err(INCOMPLETE));
        };
        if header.check().is_err() {
            return Some(Err(ValueError("a body with a malformed frame")));
        }
        let end =
            usize::try_from(header.data_size).map_or(usize::MAX, |size| size + frame::HEADER_BYTES);
        let Some((whole, rest)) = body.split_at_checked(end) else {
            return Some(Err(INCOMPLETE));
        };
        self.0 = rest;
        Some(Ok((header, &whole[frame::HEADER_BYTES..], whole)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Reassembly;

    #[test]
    fn the_texts_of_a_report_are_bounded() {
        let read = |name: usize, advertise: usize| {
            let report = WorkerReport {
                version: "1".to_owned(),
                uptime: 0,
                connections: 0,
                sessions: 0,
                cached: 0,
                cached_bytes: 0,
                parked: 0,
                about: WorkerAbout {
                    name: "n".repeat(name),
                    advertise: "a".repeat(advertise),
                    certificate: None,
                },
            };
            let mut bytes = Vec::new();
            report.write(&mut bytes);
            WorkerReport::read(&mut Cursor::new(&bytes)).is_ok()
        };
        assert!(read(64, 259));
        assert!(!read(65, 259) && !read(64, 260));
    }

    #[test]
    fn prices_survive_a_round_trip() {
        let bar = Bar {
            time: Timestamp(86_400_000),
            open: Money(1),
            high: Money(4),
            low: Money(1),
            close: Money(2),
            volume: 9,
        };
        let row = |i: u32| PriceRow {
            symbol: Symbol::parse(&format!("S{i}")).unwrap(),
            quote: (!i.is_multiple_of(3)).then(|| bar.quote()),
            day: i.is_multiple_of(2).then_some(bar),
            is_new: i.is_multiple_of(5),
            is_halted: i.is_multiple_of(7),
            previous_close: i.is_multiple_of(11).then_some(Money(3)),
            description: i.is_multiple_of(13).then(|| AssetDescription {
                name: format!("Share {i}"),
                factor: 1000,
            }),
        };
        let prices = Prices {
            update: 7,
            market_now: Timestamp(1),
            published: Timestamp(2),
            next: Timestamp(3),
            rows: (0..1000).map(row).collect(),
        };
        let mut body = Vec::new();
        prices.write(&mut body);
        let mut frames = BodyFrames::new(&body);
        let (header, fixed, _) = frames.next().unwrap().unwrap();
        assert_eq!(header.instruction, Instruction::LinkPrices.number());
        let mut reassembly = Reassembly::default();
        let rows = frames.find_map(|f| {
            let (header, data, _) = f.unwrap();
            reassembly.push(&header, data).unwrap()
        });
        assert_eq!(Prices::read(fixed, &rows.unwrap()), Ok(prices));
    }

    #[test]
    fn sessions_survive_a_round_trip() {
        let hash = SessionHash([7; 32]);
        let active = ActiveSession {
            username: "alice".into(),
            expiry: Timestamp(5),
            expirable: true,
        };
        for state in [
            SessionState {
                hash,
                active: Some(active),
            },
            SessionState { hash, active: None },
        ] {
            assert_eq!(SessionState::from_bytes(&state.to_bytes()), Ok(state));
        }
        let hashes = SessionHashes(vec![hash; HASHES_MAX]);
        assert!(hashes.to_bytes().len() <= crate::wire::DATA_MAX);
        assert_eq!(SessionHashes::from_bytes(&hashes.to_bytes()), Ok(hashes));
        assert!(SessionHashes::from_bytes(&[1; 33]).is_err());
    }
}
