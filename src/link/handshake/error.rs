//! spec/link/handshake/error.md · 3.1.5 Worker Management
//!
//! Why no link came about: the full reason for the log, and the little of it that the other side is told.

use crate::link::keyring::KeyringError;
use crate::link::record::RecordError;
use crate::wire::ProtocolError;
use std::io;
use thiserror::Error;

/// Why a handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The other side speaks another version, this one.
    #[error("the other side speaks link version {0}")]
    Version(u16),
    /// No worker is registered under the UUID.
    #[error("no worker is registered under this UUID")]
    UnknownUuid,
    /// The worker is registered with another IP address.
    #[error("the worker is registered with another IP address")]
    WrongIp,
    /// The worker was booted and not admitted again.
    #[error("the worker was booted and not admitted again")]
    Booted,
    /// Too many handshakes of this worker are under way.
    #[error("too many handshakes of this worker are under way")]
    UnderWay,
    /// The GPG operations that unproven peers may cost are spent.
    #[error("the GPG operations that unproven peers may cost are spent")]
    Budget,
    /// Not a frame, or not the one that is due.
    #[error("{0}")]
    Frame(ProtocolError),
    /// Signed well, but not for this purpose or version.
    #[error("a good signature, made for another purpose")]
    Purpose,
    /// Signed well, by the wrong role.
    #[error("a good signature, by the wrong role")]
    Reflected,
    /// Signed well, for other parties.
    #[error("a good signature, for other parties")]
    Misdirected,
    /// Signed well, for another handshake.
    #[error("a good signature, made for another handshake")]
    Replayed,
    /// Signed well, by a clock this many milliseconds ahead of ours (negative: behind).
    #[error("the other side's clock is {0} ms ahead of ours, too far")]
    Stale(i64),
    /// The two sides have the same key.
    #[error("worker and master cannot have the same key")]
    SameKey,
    /// A key or a GPG message was refused.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The Noise messages do not fit: the other side does not know the secret.
    #[error("the other side does not know the secret")]
    Noise,
    /// A sealed record right behind the handshake failed.
    #[error("{0}")]
    Record(RecordError),
    /// The master refused: its code and text, which nobody has signed.
    #[error("refused by the master: {0}: {1}")]
    Refused(String, String),
    /// The connection ended inside the handshake.
    #[error("the connection ended inside the handshake")]
    Cut,
    /// The handshake was not whole in time.
    #[error("the handshake was not whole in time")]
    Timeout,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Socket(io::ErrorKind),
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random,
}

impl HandshakeError {
    /// A word for counters and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            HandshakeError::Version(_) => "version",
            HandshakeError::UnknownUuid => "unknown-uuid",
            HandshakeError::WrongIp => "wrong-ip",
            HandshakeError::Booted => "booted",
            HandshakeError::UnderWay => "too-many-under-way",
            HandshakeError::Budget => "gpg-budget",
            HandshakeError::Frame(_) => "bad-frame",
            HandshakeError::Purpose => "signature-for-another-purpose",
            HandshakeError::Reflected => "reflected",
            HandshakeError::Misdirected => "misdirected",
            HandshakeError::Replayed => "replayed",
            HandshakeError::Stale(_) => "stale",
            HandshakeError::SameKey => "same-key",
            HandshakeError::Keyring(error) => error.as_str(),
            HandshakeError::Noise => "noise",
            HandshakeError::Record(error) => error.as_str(),
            HandshakeError::Refused(..) => "refused-by-master",
            HandshakeError::Cut => "cut",
            HandshakeError::Timeout => "timeout",
            HandshakeError::Socket(_) => "socket",
            HandshakeError::Random => "random",
        }
    }

    /// What the other side is told: a code and a sentence. Who has not proven anything learns as little as helps
    /// an honest administrator; `None` where nobody listens any more.
    pub fn public_reason(&self) -> Option<(&'static str, &'static str)> {
        use KeyringError as K;
        Some(match self {
            HandshakeError::Version(_) => ("version", "this master speaks version 1 of the link"),
            HandshakeError::UnknownUuid | HandshakeError::WrongIp => (
                "not-admitted",
                "no worker with this UUID may link from this address",
            ),
            HandshakeError::Booted => ("booted", "an administrator keeps this worker out"),
            HandshakeError::UnderWay | HandshakeError::Budget => ("overloaded", "try again later"),
            HandshakeError::Frame(_) => ("bad-frame", "not a message of the handshake"),
            HandshakeError::Stale(_) | HandshakeError::Keyring(K::SignatureStale(_)) => (
                "stale",
                "the clocks of worker and master differ by more than 60 s",
            ),
            HandshakeError::Keyring(
                K::KeyUnknown
                | K::KeyRevoked
                | K::KeyExpired
                | K::KeyDisabled
                | K::KeyInvalid
                | K::KeyWeak(_)
                | K::CannotSign
                | K::CannotEncrypt,
            )
            | HandshakeError::SameKey => (
                "key-unusable",
                "the key registered for this worker cannot be used: see the master's log",
            ),
            HandshakeError::Keyring(
                K::NotEncrypted
                | K::NotForUs
                | K::Damaged
                | K::TooLarge
                | K::Unsigned
                | K::ManySignatures
                | K::BadSignature
                | K::WrongSigner(_),
            )
            | HandshakeError::Purpose
            | HandshakeError::Reflected
            | HandshakeError::Misdirected
            | HandshakeError::Replayed
            | HandshakeError::Noise
            | HandshakeError::Record(_) => (
                "bad-proof",
                "the worker has not proven itself: see the master's log",
            ),
            HandshakeError::Timeout => ("timeout", "the handshake was not whole in time"),
            HandshakeError::Keyring(_) | HandshakeError::Random => {
                ("internal-error", "the master failed: see its log")
            }
            HandshakeError::Refused(..) | HandshakeError::Cut | HandshakeError::Socket(_) => return None,
        })
    }
}

impl From<snow::Error> for HandshakeError {
    fn from(error: snow::Error) -> HandshakeError {
        match error {
            snow::Error::Rng => HandshakeError::Random,
            _ => HandshakeError::Noise,
        }
    }
}
