//! spec/link/record.md · 4.3.1 Master-Worker Server Connection
//!
//! The record layer: encrypts and authenticates a byte stream in records of a Noise session.
//!
//! ```text
//!  0          2
//! +----------+--------------------------------------------+
//! | length   | ciphertext of (payload, kind), and its tag |
//! +----------+--------------------------------------------+
//! ```

use super::metrics;
use crate::wire::wipe;
use parking_lot::RwLock;
use snow::{Builder, HandshakeState, StatelessTransportState};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use zeroize::Zeroizing;

/// The most bytes of ciphertext in a record: the limit of a Noise message.
pub const RECORD_MAX: usize = 65_535;

/// Bytes of the length in front of the ciphertext.
pub const LENGTH_LEN: usize = 2;

const TAG_LEN: usize = 16;
const KIND_LEN: usize = 1;

/// Bytes that sealing adds to a payload that fits into one record.
pub const OVERHEAD_BYTES: usize = LENGTH_LEN + KIND_LEN + TAG_LEN;

/// The most bytes of payload in a record.
pub const PAYLOAD_MAX: usize = RECORD_MAX - TAG_LEN - KIND_LEN;

/// The most records under one key. The receiver enforces it.
pub const KEY_RECORDS_MAX: u64 = 1 << 20;

/// The most payload bytes under one key; the last record may exceed it. The receiver enforces it.
pub const KEY_PAYLOAD_MAX: u64 = 1 << 30;

/// The age of a key at which the sender changes it, with the next record it sends.
pub const KEY_AGE_MAX: Duration = Duration::from_secs(3600);

/// The Noise protocol of the link.
pub const NOISE_PARAMETERS: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";

/// The kind of a record: the last byte of its plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// Bytes of the stream.
    Data = 1,
    /// The end of the stream.
    Close = 2,
    /// The sender uses its next key from the next record on.
    Rekey = 3,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        [Kind::Data, Kind::Close, Kind::Rekey]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Why a sealed stream failed. The error is final: every later call returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The length is below that of any record.
    #[error("a sealed record of an impossible length")]
    Length,
    /// The record does not authenticate in its place: it was changed, dropped, repeated, reordered
    /// or forged.
    #[error("a sealed record that was changed, dropped, repeated, reordered or made up")]
    Forged,
    /// The record is authentic, but its kind is unknown or its form is not that of its kind.
    #[error("a sealed record of no known kind or form")]
    Kind,
    /// The record is authentic, but exceeds what one key may carry.
    #[error("a sealed record beyond what one key may carry")]
    Overused,
    /// Bytes behind the close record, or sealing after closing.
    #[error("the sealed stream was closed before")]
    Closed,
    /// The stream ended without a close record.
    #[error("the sealed stream was cut: it ended without a close record")]
    Cut,
}

impl RecordError {
    /// All errors, for counters.
    pub const ALL: [RecordError; 6] = [
        RecordError::Length,
        RecordError::Forged,
        RecordError::Kind,
        RecordError::Overused,
        RecordError::Closed,
        RecordError::Cut,
    ];

    /// Name of the error for counters and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            RecordError::Length => "record-length",
            RecordError::Forged => "record-forged",
            RecordError::Kind => "record-kind",
            RecordError::Overused => "record-key-overused",
            RecordError::Closed => "record-after-close",
            RecordError::Cut => "record-cut",
        }
    }
}

/// The keys of both directions. Sealing and opening take the read lock and can run in parallel. A
/// change of key takes the write lock for about a microsecond.
type Keys = Arc<RwLock<StatelessTransportState>>;

/// Records and payload bytes that a key has carried.
#[derive(Debug, Clone, Copy, Default)]
struct KeyUsage {
    records: u64,
    bytes: u64,
}

impl KeyUsage {
    fn add(&mut self, payload: usize) {
        self.records += 1;
        self.bytes += u64::try_from(payload).unwrap_or(u64::MAX);
    }

    /// Whether the next record must change the key (or close the stream).
    fn is_exhausted(&self, limits: &Limits) -> bool {
        self.records + 1 >= limits.records || self.bytes >= limits.bytes
    }
}

/// Limits of a key.
#[derive(Debug, Clone, Copy)]
struct Limits {
    records: u64,
    bytes: u64,
    age: Duration,
}

const LIMITS: Limits = Limits {
    records: KEY_RECORDS_MAX,
    bytes: KEY_PAYLOAD_MAX,
    age: KEY_AGE_MAX,
};

/// The two halves of a sealed connection. They may be used by different threads.
#[derive(Debug)]
pub struct SealedChannel {
    /// The sending half.
    pub sealer: Sealer,
    /// The receiving half.
    pub opener: Opener,
}

impl SealedChannel {
    /// The two halves of a finished Noise handshake.
    ///
    /// # Errors
    /// The handshake is not finished.
    pub fn new(noise: HandshakeState) -> Result<SealedChannel, snow::Error> {
        let keys = Arc::new(RwLock::new(noise.into_stateless_transport_mode()?));
        let sealer = Sealer {
            keys: Arc::clone(&keys),
            nonce: 0,
            used: KeyUsage::default(),
            since: Instant::now(),
            limits: LIMITS,
            scratch: Zeroizing::new(Vec::new()),
            closed: false,
        };
        let opener = Opener {
            keys,
            nonce: 0,
            used: KeyUsage::default(),
            limits: LIMITS,
            partial: Vec::new(),
            closed: false,
            failed: None,
        };
        Ok(SealedChannel { sealer, opener })
    }
}

/// The two ends of a session within this process, for tests and benchmarks that need no GPG.
///
/// # Errors
/// The system's random source fails.
pub fn loopback() -> Result<(SealedChannel, SealedChannel), snow::Error> {
    let mut psk = Zeroizing::new([0u8; 32]);
    getrandom::fill(psk.as_mut()).map_err(|_| snow::Error::Rng)?;
    let mut left = Builder::new(NOISE_PARAMETERS.parse()?)
        .psk(0, &psk)?
        .build_initiator()?;
    let mut right = Builder::new(NOISE_PARAMETERS.parse()?)
        .psk(0, &psk)?
        .build_responder()?;
    let (mut message, mut payload) = ([0u8; 128], [0u8; 128]);
    let length = left.write_message(&[], &mut message)?;
    right.read_message(message.get(..length).unwrap_or(&[]), &mut payload)?;
    let length = right.write_message(&[], &mut message)?;
    left.read_message(message.get(..length).unwrap_or(&[]), &mut payload)?;
    Ok((SealedChannel::new(left)?, SealedChannel::new(right)?))
}

/// The sending half: seals bytes into records.
pub struct Sealer {
    keys: Keys,
    nonce: u64,
    used: KeyUsage,
    since: Instant,
    limits: Limits,
    /// Payload and kind of the current record; wiped after each record.
    scratch: Zeroizing<Vec<u8>>,
    closed: bool,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("nonce", &self.nonce)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// Seals `plain` and appends the records to `out`; none if `plain` is empty. Changes the key if
    /// it is due. The caller sends all of `out`, in order.
    ///
    /// # Errors
    /// [`RecordError::Closed`] after [`Sealer::close`].
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        if self.closed {
            return Err(RecordError::Closed);
        }
        out.reserve(plain.len() + plain.len().div_ceil(PAYLOAD_MAX) * OVERHEAD_BYTES);
        for payload in plain.chunks(PAYLOAD_MAX) {
            if self.used.is_exhausted(&self.limits) || self.since.elapsed() >= self.limits.age {
                self.rekey(out)?;
            }
            self.write(Kind::Data, payload, out)?;
        }
        Ok(())
    }

    /// Appends the close record, which tells the peer that the stream ends on purpose. A second
    /// call appends nothing.
    ///
    /// # Errors
    /// In practice none; see [`Sealer::seal`].
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        if !self.closed {
            self.write(Kind::Close, &[], out)?;
            self.closed = true;
        }
        Ok(())
    }

    fn rekey(&mut self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.write(Kind::Rekey, &[], out)?;
        self.keys.write().rekey_outgoing();
        self.used = KeyUsage::default();
        self.since = Instant::now();
        Ok(())
    }

    fn write(&mut self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        metrics::SENT_RECORDS.count();
        self.scratch.extend_from_slice(payload);
        self.scratch.push(kind as u8);
        let start = out.len();
        let length = self.scratch.len() + TAG_LEN;
        out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        out.resize(start + LENGTH_LEN + length, 0);
        let target = out.get_mut(start + LENGTH_LEN..).unwrap_or(&mut []);
        let written = self
            .keys
            .read()
            .write_message(self.nonce, &self.scratch, target);
        self.scratch.fill(0);
        self.scratch.clear();
        if written != Ok(length) {
            // Unreachable, except after 2^64 records: all lengths come from this file.
            out.truncate(start);
            self.closed = true;
            return Err(RecordError::Closed);
        }
        self.nonce += 1;
        self.used.add(payload.len());
        Ok(())
    }
}

/// The receiving half: opens records that arrive in chunks of any size.
pub struct Opener {
    keys: Keys,
    nonce: u64,
    used: KeyUsage,
    limits: Limits,
    /// The beginning of an incomplete record: at most [`LENGTH_LEN`] + [`RECORD_MAX`] bytes.
    partial: Vec<u8>,
    closed: bool,
    failed: Option<RecordError>,
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("nonce", &self.nonce)
            .field("closed", &self.closed)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Opener {
    /// Takes received bytes and appends the payload of each complete record to `out`.
    ///
    /// # Errors
    /// The first record that fails. The caller must then close the connection. The payload of the
    /// authentic records before it has been appended.
    pub fn open(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        while !input.is_empty() {
            if let Err(failed) = self.step(&mut input, out) {
                self.failed = Some(failed);
                self.partial = Vec::new();
                return Err(failed);
            }
        }
        Ok(())
    }

    /// Whether the peer has closed the stream.
    pub fn is_closed(&self) -> bool {
        self.closed && self.failed.is_none()
    }

    /// Checks the end of the stream. To be called when the connection has ended.
    ///
    /// # Errors
    /// [`RecordError::Cut`] if no close record was received, or the error that ended the stream
    /// before.
    pub fn end(&self) -> Result<(), RecordError> {
        match self.failed {
            Some(failed) => Err(failed),
            None if self.closed => Ok(()),
            None => Err(RecordError::Cut),
        }
    }

    /// Consumes the next record, or the part of it that has arrived, from the front of `input`.
    fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        if self.closed {
            return Err(RecordError::Closed);
        }
        if self.partial.is_empty()
            && let Some(length) = record_length(input)?
            && let Some((record, rest)) = input.split_at_checked(LENGTH_LEN + length)
        {
            *input = rest;
            return self.record(record.get(LENGTH_LEN..).unwrap_or(&[]), out);
        }
        let wanted = match record_length(&self.partial)? {
            None => LENGTH_LEN - self.partial.len(),
            Some(length) => LENGTH_LEN + length - self.partial.len(),
        };
        let (taken, rest) = input.split_at(wanted.min(input.len()));
        self.partial.extend_from_slice(taken);
        *input = rest;
        if record_length(&self.partial)?
            .is_some_and(|length| self.partial.len() == LENGTH_LEN + length)
        {
            let record = std::mem::take(&mut self.partial);
            let opened = self.record(record.get(LENGTH_LEN..).unwrap_or(&[]), out);
            self.partial = record;
            self.partial.clear();
            return opened;
        }
        Ok(())
    }

    fn record(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        metrics::RECEIVED_RECORDS.count();
        let start = out.len();
        let kind = self.decrypt(ciphertext, out).and_then(|()| {
            let payload = out.len() - start;
            match Kind::from_byte(out.pop().unwrap_or(0)) {
                Some(Kind::Data) if payload > KIND_LEN => Ok(Kind::Data),
                Some(kind @ (Kind::Close | Kind::Rekey)) if payload == KIND_LEN => Ok(kind),
                _ => Err(RecordError::Kind),
            }
        });
        match kind {
            Ok(Kind::Data) if self.used.is_exhausted(&self.limits) => {
                out.truncate(start);
                return Err(RecordError::Overused);
            }
            Ok(Kind::Data) => self.used.add(out.len() - start),
            Ok(Kind::Close) => self.closed = true,
            Ok(Kind::Rekey) => {
                self.keys.write().rekey_incoming();
                self.used = KeyUsage::default();
            }
            Err(failed) => {
                out.truncate(start);
                return Err(failed);
            }
        }
        Ok(())
    }

    /// Appends the plaintext of the record, including its kind.
    fn decrypt(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        let start = out.len();
        let length = ciphertext.len() - TAG_LEN;
        wipe::reserve(out, length);
        out.resize(start + length, 0);
        let target = out.get_mut(start..).unwrap_or(&mut []);
        let opened = self
            .keys
            .read()
            .read_message(self.nonce, ciphertext, target);
        if opened != Ok(length) {
            return Err(RecordError::Forged);
        }
        self.nonce += 1;
        Ok(())
    }
}

/// The length of the ciphertext. `None` while its two bytes are incomplete.
fn record_length(bytes: &[u8]) -> Result<Option<usize>, RecordError> {
    match bytes.first_chunk::<LENGTH_LEN>() {
        None => Ok(None),
        Some(length) => {
            let length = usize::from(u16::from_be_bytes(*length));
            if length < KIND_LEN + TAG_LEN {
                Err(RecordError::Length)
            } else {
                Ok(Some(length))
            }
        }
    }
}

#[cfg(test)]
mod tests;
