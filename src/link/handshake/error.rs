//! spec/link/handshake.md · 3.1.5 Worker Management
//!
//! Why a handshake failed: the full reason for the log, and the public reason for the other side.
//!
//! Tests: `src/link/handshake/tests.rs`.

use super::VERSION;
use crate::link::keyring::KeyringError;
use crate::link::record::RecordError;
use crate::model::Fingerprint;
use crate::wire::ProtocolError;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::io;
use std::net::IpAddr;
use thiserror::Error;

/// Why a handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The worker has this version, and the master another.
    #[error("{}", version_refusal(*.0))]
    Version(u16),
    /// No worker is registered with the UUID.
    #[error("no worker is registered under this UUID")]
    UnknownUuid,
    /// The worker is registered with another IP address.
    #[error(
        "worker {name} is registered at {registered}; `papertraderctl workers set {name} --ip IP` \
         changes that"
    )]
    WrongIp { name: String, registered: IpAddr },
    /// The worker's proof is signed with another key than it is registered with.
    #[error(fmt = wrong_key)]
    WrongKey {
        name: String,
        registered: Fingerprint,
        /// The key that signed, or its subkey; `None` where the signature does not tell.
        signed: Option<Fingerprint>,
    },
    /// Too many handshakes of this worker are in progress.
    #[error("too many handshakes of this worker are under way")]
    UnderWay,
    /// The budget of GPG operations for unproven peers is used up.
    #[error("the GPG operations that unproven peers may cost are spent")]
    Budget,
    /// Not a frame, or not the handshake message that is expected.
    #[error("{0}")]
    Frame(ProtocolError),
    /// A valid signature, made for another purpose or version.
    #[error("a good signature, made for another purpose")]
    Purpose,
    /// A valid signature, by the wrong role.
    #[error("a good signature, by the wrong role")]
    Reflected,
    /// A valid signature, for other parties.
    #[error("a good signature, for other parties")]
    Misdirected,
    /// A valid signature, made for another handshake.
    #[error("a good signature, made for another handshake")]
    Replayed,
    /// A valid signature, made by a clock this many milliseconds ahead of ours (negative: behind).
    #[error("the other side's clock is {0} ms ahead of ours, too far")]
    Stale(i64),
    /// Worker and master have the same key.
    #[error("worker and master cannot have the same key")]
    SameKey,
    /// A key or a GPG message was refused.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A Noise message failed: the other side does not know the secret.
    #[error("the other side does not know the secret")]
    Noise,
    /// A record behind the handshake failed.
    #[error("{0}")]
    Record(RecordError),
    /// The master refused. Its code and text are not signed.
    #[error("refused by the master: {0}: {1}")]
    Refused(String, String),
    /// The master answered as it answers clients, because it knows no worker at this address. What it
    /// said is not signed.
    #[error(
        "the master takes this worker for a client ({0}): no worker is registered at the address that \
         the master sees it at"
    )]
    TakenForClient(String),
    /// The master refused because its version is another: the one that its text names, if any. The
    /// text is not signed.
    #[error("the master refused version {VERSION} of the link ({text}): {}", advice(*.master))]
    RefusedVersion { master: Option<u16>, text: String },
    /// The connection ended during the handshake.
    #[error("the connection ended inside the handshake")]
    Cut,
    /// The handshake was not complete in time.
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
    /// Whether the master may know no worker, or this one, at the address that it sees it at.
    pub fn is_about_address(&self) -> bool {
        match self {
            HandshakeError::TakenForClient(_) => true,
            HandshakeError::Refused(code, _) => code == "not-admitted",
            _ => false,
        }
    }

    /// Whether keys that cannot be loaded may be loaded later although nobody mends anything.
    pub fn is_passing(&self) -> bool {
        *self == HandshakeError::Random
            || matches!(self, HandshakeError::Keyring(error) if error.is_passing())
    }

    /// Name of the error for counters and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            HandshakeError::Version(_) => "version",
            HandshakeError::UnknownUuid => "unknown-uuid",
            HandshakeError::WrongIp { .. } => "wrong-ip",
            HandshakeError::WrongKey { .. } => "signature-of-another-key",
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
            HandshakeError::Refused(..) | HandshakeError::RefusedVersion { .. } => {
                "refused-by-master"
            }
            HandshakeError::TakenForClient(_) => "taken-for-client",
            HandshakeError::Cut => "cut",
            HandshakeError::Timeout => "timeout",
            HandshakeError::Socket(_) => "socket",
            HandshakeError::Random => "random",
        }
    }

    /// The code and sentence that the other side gets. They help an honest administrator and reveal
    /// little to an unproven peer. `None` if nobody is listening.
    pub fn public_reason(&self) -> Option<(&'static str, Cow<'static, str>)> {
        let code = self.public_code()?;
        let text = match self {
            HandshakeError::Version(worker) => version_refusal(*worker).into(),
            _ => REFUSALS
                .iter()
                .find(|(known, _)| *known == code)
                .map_or(code, |(_, text)| text)
                .into(),
        };
        Some((code, text))
    }

    /// The code that the other side gets: one of [`REFUSALS`].
    fn public_code(&self) -> Option<&'static str> {
        use KeyringError as K;
        Some(match self {
            HandshakeError::Version(_) => "version",
            HandshakeError::UnknownUuid | HandshakeError::WrongIp { .. } => "not-admitted",
            HandshakeError::UnderWay | HandshakeError::Budget => "overloaded",
            HandshakeError::Frame(_) => "bad-frame",
            HandshakeError::Stale(_) | HandshakeError::Keyring(K::SignatureStale(_)) => "stale",
            HandshakeError::Keyring(
                K::KeyUnknown
                | K::KeyRevoked
                | K::KeyExpired
                | K::KeyDisabled
                | K::KeyFuture
                | K::KeyInvalid
                | K::KeyWeak(_)
                | K::CannotSign
                | K::CannotEncrypt,
            )
            | HandshakeError::SameKey => "key-unusable",
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
            | HandshakeError::WrongKey { .. }
            | HandshakeError::Purpose
            | HandshakeError::Reflected
            | HandshakeError::Misdirected
            | HandshakeError::Replayed
            | HandshakeError::Noise
            | HandshakeError::Record(_) => "bad-proof",
            HandshakeError::Timeout => "timeout",
            HandshakeError::Keyring(_) | HandshakeError::Random => "internal-error",
            HandshakeError::Refused(..)
            | HandshakeError::RefusedVersion { .. }
            | HandshakeError::TakenForClient(_)
            | HandshakeError::Cut
            | HandshakeError::Socket(_) => return None,
        })
    }
}

/// What came in the place of a worker's key, and what an administrator does where that is right.
fn wrong_key(
    name: &str,
    registered: &Fingerprint,
    signed: &Option<Fingerprint>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let signed = signed.map_or("a key that it does not name".to_owned(), |it| {
        it.to_string()
    });
    write!(
        f,
        "worker {name} is registered with the key {registered}, and signed with {signed}: where \
         that is its new key, `papertraderctl workers set {name} --key FILE.asc`; else its gpg.key, \
         or its UUID, is another worker's"
    )
}

/// Why the master refuses a worker of version `worker`, and which of the two is to be upgraded. The
/// last `version N` of the sentence is the master's, by which workers know it.
fn version_refusal(worker: u16) -> String {
    let remedy = if worker < VERSION {
        "upgrade the worker"
    } else {
        "upgrade this master; the worker links by itself afterwards"
    };
    format!(
        "the worker speaks version {worker} of the link and this master version {VERSION}: {remedy}"
    )
}

/// The version that a master's sentence names as its own: the last one.
pub(super) fn master_version(text: &str) -> Option<u16> {
    let (_, behind) = text.rsplit_once("version ")?;
    let end = behind.find(|c: char| !c.is_ascii_digit());
    behind.get(..end.unwrap_or(behind.len()))?.parse().ok()
}

/// What a worker of [`VERSION`] needs to link to a master of version `master`.
fn advice(master: Option<u16>) -> &'static str {
    match master.map(|master| master.cmp(&VERSION)) {
        Some(Ordering::Less) => {
            "it says that it is older than this worker. Upgrade the master; this worker links by \
             itself afterwards"
        }
        Some(Ordering::Greater) => "it says that it is newer than this worker. Upgrade this worker",
        Some(Ordering::Equal) | None => {
            "master and worker are of different editions. Upgrade the older one, a master before \
             its workers; this worker links by itself afterwards"
        }
    }
}

/// The codes of [`HandshakeError::public_reason`], each with its sentence. That of `version` says
/// more: which versions the two have.
pub const REFUSALS: &[(&str, &str)] = &[
    (
        "version",
        "worker and master speak different versions of the link: upgrade the older one",
    ),
    (
        "not-admitted",
        "no worker with this UUID may link from this address",
    ),
    ("overloaded", "try again later"),
    ("bad-frame", "not a message of the handshake"),
    (
        "stale",
        "the clocks of worker and master differ by more than 10 minutes",
    ),
    (
        "key-unusable",
        "the key registered for this worker cannot be used: see the master's log",
    ),
    (
        "bad-proof",
        "the worker has not proven itself: see the master's log",
    ),
    ("timeout", "the handshake was not whole in time"),
    ("internal-error", "the master failed: see its log"),
];

impl From<snow::Error> for HandshakeError {
    fn from(error: snow::Error) -> HandshakeError {
        match error {
            snow::Error::Rng => HandshakeError::Random,
            _ => HandshakeError::Noise,
        }
    }
}
