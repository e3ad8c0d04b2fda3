//! spec/link/record.md · 4.3.1 Master-Worker Server Connection
//!
//! The record layer: runs of bytes sealed into records of a Noise session, and opened again.
//!
//! ```text
//!  0          2
//! +----------+--------------------------------------------+
//! | length   | ciphertext of (payload, kind), and its tag |
//! +----------+--------------------------------------------+
//! ```

use crate::wire::wipe;
use parking_lot::RwLock;
use snow::{Builder, HandshakeState, StatelessTransportState};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use zeroize::Zeroizing;

/// The most bytes of ciphertext in a record: what a Noise message may have.
pub const RECORD_MAX: usize = 65_535;

/// Bytes before a record's ciphertext.
pub const LENGTH_LEN: usize = 2;

const TAG_LEN: usize = 16;
const KIND_LEN: usize = 1;

/// What sealing adds to a payload that fits one record.
pub const OVERHEAD: usize = LENGTH_LEN + KIND_LEN + TAG_LEN;

/// The most bytes of payload in a record.
pub const PAYLOAD_MAX: usize = RECORD_MAX - TAG_LEN - KIND_LEN;

/// Records under one key, at most. The receiver holds the sender to it.
pub const KEY_RECORDS: u64 = 1 << 20;

/// Payload bytes under one key, at most; a last record may go beyond it. The receiver holds the sender to it.
pub const KEY_BYTES: u64 = 1 << 30;

/// The age at which a sender changes its key, at the next record that it sends.
pub const KEY_AGE: Duration = Duration::from_secs(3600);

/// The Noise protocol of the link (wire format 8).
pub const NOISE: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";

/// What a record holds: the last byte of its plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// Bytes of the stream.
    Data = 1,
    /// The stream ends here; nothing follows.
    Close = 2,
    /// The sender's next record is under its next key.
    Rekey = 3,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        [Kind::Data, Kind::Close, Kind::Rekey]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Why a sealed stream is over. It never resumes: every later call gives the same error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// A length that no record has.
    #[error("a sealed record of an impossible length")]
    Length,
    /// Not what the peer sealed, or not in its place: changed, dropped, repeated, reordered or made up.
    #[error("a sealed record that was changed, dropped, repeated, reordered or made up")]
    Forged,
    /// An authentic record of no known kind, or not of the form of its kind.
    #[error("a sealed record of no known kind or form")]
    Kind,
    /// An authentic record beyond what one key may carry.
    #[error("a sealed record beyond what one key may carry")]
    Overused,
    /// Bytes after the close record, or sealing after closing.
    #[error("the sealed stream was closed before")]
    Closed,
    /// The stream ended without a close record.
    #[error("the sealed stream was cut: it ended without a close record")]
    Cut,
}

impl RecordError {
    /// Every reason, for counters.
    pub const ALL: [RecordError; 6] = [
        RecordError::Length,
        RecordError::Forged,
        RecordError::Kind,
        RecordError::Overused,
        RecordError::Closed,
        RecordError::Cut,
    ];

    /// A word for counters and logs.
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

/// Both directions' keys. Sealing and opening only read them, side by side; a change of key, which takes
/// about a microsecond, is the one moment at which one half waits for the other.
type Keys = Arc<RwLock<StatelessTransportState>>;

/// What one key has carried.
#[derive(Debug, Clone, Copy, Default)]
struct Use {
    records: u64,
    bytes: u64,
}

impl Use {
    fn add(&mut self, payload: usize) {
        self.records += 1;
        self.bytes += u64::try_from(payload).unwrap_or(u64::MAX);
    }

    /// Whether the next record has to be a change of key (or the close).
    fn is_up(&self, limits: &Limits) -> bool {
        self.records + 1 >= limits.records || self.bytes >= limits.bytes
    }
}

/// When a key has done its service.
#[derive(Debug, Clone, Copy)]
struct Limits {
    records: u64,
    bytes: u64,
    age: Duration,
}

const LIMITS: Limits = Limits {
    records: KEY_RECORDS,
    bytes: KEY_BYTES,
    age: KEY_AGE,
};

/// The two halves of a sealed connection. They may live on different threads.
#[derive(Debug)]
pub struct SealedChannel {
    /// Seals what is sent.
    pub sealer: Sealer,
    /// Opens what is received.
    pub opener: Opener,
}

impl SealedChannel {
    /// Both halves of a session whose Noise handshake is finished.
    ///
    /// # Errors
    /// The handshake is not finished.
    pub fn new(noise: HandshakeState) -> Result<SealedChannel, snow::Error> {
        let keys = Arc::new(RwLock::new(noise.into_stateless_transport_mode()?));
        let sealer = Sealer {
            keys: Arc::clone(&keys),
            nonce: 0,
            used: Use::default(),
            since: Instant::now(),
            limits: LIMITS,
            scratch: Zeroizing::new(Vec::new()),
            closed: false,
        };
        let opener = Opener {
            keys,
            nonce: 0,
            used: Use::default(),
            limits: LIMITS,
            partial: Vec::new(),
            closed: false,
            failed: None,
        };
        Ok(SealedChannel { sealer, opener })
    }
}

/// The two ends of a session of this process with itself, for tests and measurements that need no GPG.
///
/// # Errors
/// The system's random source fails.
pub fn loopback() -> Result<(SealedChannel, SealedChannel), snow::Error> {
    let mut psk = Zeroizing::new([0u8; 32]);
    getrandom::fill(psk.as_mut()).map_err(|_| snow::Error::Rng)?;
    let mut left = Builder::new(NOISE.parse()?).psk(0, &psk)?.build_initiator()?;
    let mut right = Builder::new(NOISE.parse()?).psk(0, &psk)?.build_responder()?;
    let (mut message, mut payload) = ([0u8; 128], [0u8; 128]);
    let length = left.write_message(&[], &mut message)?;
    right.read_message(message.get(..length).unwrap_or(&[]), &mut payload)?;
    let length = right.write_message(&[], &mut message)?;
    left.read_message(message.get(..length).unwrap_or(&[]), &mut payload)?;
    Ok((SealedChannel::new(left)?, SealedChannel::new(right)?))
}

/// The sending half: seals byte runs into records.
pub struct Sealer {
    keys: Keys,
    nonce: u64,
    used: Use,
    since: Instant,
    limits: Limits,
    /// Where payload and kind stand side by side; wiped after each record.
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
    /// Appends the records that carry `plain` to `out`, in which they are to be sent whole and in order; none
    /// for no bytes. Changes the key where that is due.
    ///
    /// # Errors
    /// [`RecordError::Closed`] after [`Sealer::close`].
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        if self.closed {
            return Err(RecordError::Closed);
        }
        out.reserve(plain.len() + plain.len().div_ceil(PAYLOAD_MAX) * OVERHEAD);
        for payload in plain.chunks(PAYLOAD_MAX) {
            if self.used.is_up(&self.limits) || self.since.elapsed() >= self.limits.age {
                self.rekey(out)?;
            }
            self.write(Kind::Data, payload, out)?;
        }
        Ok(())
    }

    /// Appends the close record, which tells the peer that the stream ends here of our own will. Closing twice
    /// appends nothing more.
    ///
    /// # Errors
    /// None in practice: see [`Sealer::seal`].
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
        self.used = Use::default();
        self.since = Instant::now();
        Ok(())
    }

    fn write(&mut self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.scratch.extend_from_slice(payload);
        self.scratch.push(kind as u8);
        let start = out.len();
        let length = self.scratch.len() + TAG_LEN;
        out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        out.resize(start + LENGTH_LEN + length, 0);
        let place = out.get_mut(start + LENGTH_LEN..).unwrap_or(&mut []);
        let written = self.keys.read().write_message(self.nonce, &self.scratch, place);
        self.scratch.fill(0);
        self.scratch.clear();
        if written != Ok(length) {
            // Only lengths that this file never gives, or 2^64 records, lead here.
            out.truncate(start);
            self.closed = true;
            return Err(RecordError::Closed);
        }
        self.nonce += 1;
        self.used.add(payload.len());
        Ok(())
    }
}

/// The receiving half: opens whatever chunks the network brings.
pub struct Opener {
    keys: Keys,
    nonce: u64,
    used: Use,
    limits: Limits,
    /// The beginning of the record that is coming: at most [`LENGTH_LEN`] + [`RECORD_MAX`] bytes.
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
    /// Takes what the network brought and appends the payload of each whole record to `out`: never more
    /// bytes than came in, over time.
    ///
    /// # Errors
    /// The first record that fails; the connection is then to be closed. What whole, authentic records before
    /// it carried has been appended.
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

    /// Whether the peer has closed the stream: nothing more comes.
    pub fn is_closed(&self) -> bool {
        self.closed && self.failed.is_none()
    }

    /// To be asked when the connection has ended.
    ///
    /// # Errors
    /// [`RecordError::Cut`] where no close record came, or the failure that ended the stream before.
    pub fn end(&self) -> Result<(), RecordError> {
        match self.failed {
            Some(failed) => Err(failed),
            None if self.closed => Ok(()),
            None => Err(RecordError::Cut),
        }
    }

    /// Takes the next record, or what there is of it, off the front of `input`.
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
        if record_length(&self.partial)?.is_some_and(|length| self.partial.len() == LENGTH_LEN + length) {
            let record = std::mem::take(&mut self.partial);
            let opened = self.record(record.get(LENGTH_LEN..).unwrap_or(&[]), out);
            self.partial = record;
            self.partial.clear();
            return opened;
        }
        Ok(())
    }

    fn record(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
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
            Ok(Kind::Data) if self.used.is_up(&self.limits) => {
                out.truncate(start);
                return Err(RecordError::Overused);
            }
            Ok(Kind::Data) => self.used.add(out.len() - start),
            Ok(Kind::Close) => self.closed = true,
            Ok(Kind::Rekey) => {
                self.keys.write().rekey_incoming();
                self.used = Use::default();
            }
            Err(failed) => {
                out.truncate(start);
                return Err(failed);
            }
        }
        Ok(())
    }

    /// Appends the record's plaintext, kind included.
    fn decrypt(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        let start = out.len();
        let length = ciphertext.len() - TAG_LEN;
        wipe::reserve(out, length);
        out.resize(start + length, 0);
        let place = out.get_mut(start..).unwrap_or(&mut []);
        let opened = self.keys.read().read_message(self.nonce, ciphertext, place);
        if opened != Ok(length) {
            return Err(RecordError::Forged);
        }
        self.nonce += 1;
        Ok(())
    }
}

/// The length of the ciphertext that follows, once both its bytes are there.
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
