//! spec/link/keyring.md · 3.1.5 Worker Management
//!
//! Why a key, a GPG home or a message is refused.
//!
//! Tests: `src/link/keyring/tests.rs`.

use crate::model::Fingerprint;
use std::fmt;
use thiserror::Error;

/// Why a GPG home, a key or a message is refused, or an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// The home's path has this many bytes, too many for the sockets in it.
    #[error("the GPG home's path has {0} bytes; its sockets leave room for {most}", most = super::HOME_MAX)]
    HomeTooLong(usize),
    /// The home is missing, not a folder, not empty although a new one was to be created, or owned
    /// by another user; the text says which.
    #[error("the GPG home cannot be used: {0}")]
    Home(String),
    /// The system cannot read the home at this time.
    #[error("the GPG home cannot be read now: {0}")]
    HomeUnreadable(String),
    /// Other users may enter the home. The value is its mode.
    #[error("the GPG home has mode {0:04o}; others may not enter it: chmod 0700")]
    HomeOpen(u32),
    /// The home does not have the key.
    #[error("no such key in the GPG home")]
    KeyUnknown,
    /// The home does not have the secret key; the text says which, whose home it is, and what it has.
    #[error("no secret key {0}")]
    SecretUnknown(String),
    /// The secret key is under a passphrase, which nobody types for a daemon; the command that takes it
    /// away.
    #[error(
        "the secret key is under a passphrase, which nobody types for a daemon; take it away, with an empty new one: `{0}`"
    )]
    KeyPassphrase(String),
    /// The key was revoked.
    #[error("the key was revoked")]
    KeyRevoked,
    /// The key has expired.
    #[error("the key has expired")]
    KeyExpired,
    /// An administrator has disabled the key.
    #[error("the key is disabled")]
    KeyDisabled,
    /// The key, or the part of it that is needed, was made after the time that our clock shows.
    #[error("the key was made in the future by our clock: set the clock, or wait until it is set")]
    KeyFuture,
    /// GnuPG reports the key as invalid.
    #[error("the key is invalid")]
    KeyInvalid,
    /// No usable subkey or primary key can sign.
    #[error("the key cannot sign")]
    CannotSign,
    /// No usable subkey can be encrypted to.
    #[error("the key cannot be encrypted to")]
    CannotEncrypt,
    /// An RSA, DSA or ElGamal key with this many bits, which is too few.
    #[error("the key has {0} bits; {least} are wanted", least = super::BITS_MIN)]
    KeyWeak(usize),
    /// The file to import has this many keys, not one.
    #[error("the file holds {0} keys; one is wanted")]
    KeyCount(usize),
    /// The file to import has a secret key.
    #[error("the file holds a secret key; a public one is wanted")]
    KeySecret,
    /// The file to import has this daemon's own key.
    #[error("that is this daemon's own key")]
    KeyOwn,
    /// Not encrypted, or not an OpenPGP message.
    #[error("not an encrypted message")]
    NotEncrypted,
    /// Encrypted to another key, or to several.
    #[error("not encrypted to us alone")]
    NotForUs,
    /// The message cannot be decrypted: it was changed in transit.
    #[error("encrypted to us, and damaged")]
    Damaged,
    /// The message or its plaintext exceeds the limit.
    #[error("longer than any message")]
    TooLarge,
    /// Encrypted, but not signed.
    #[error("encrypted, but not signed")]
    Unsigned,
    /// More than one signature.
    #[error("more than one signature")]
    ManySignatures,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// Signed with another key than expected; its fingerprint, or its subkey's, if the signature has
    /// it. The key need not be in the home.
    #[error(fmt = wrong_signer)]
    WrongSigner(Option<Fingerprint>),
    /// Signed this many milliseconds before now (negative: after now), outside the window.
    #[error("signed {0} ms before now")]
    SignatureStale(i64),
    /// A key that a daemon cannot do without is unfit for use.
    #[error("{whose} {key}: {why}{}", advice(.why))]
    NamedKey {
        /// Whose it is, such as `our own key`.
        whose: &'static str,
        key: Fingerprint,
        why: Box<KeyringError>,
    },
    /// GnuPG exceeded its time limit and was killed.
    #[error("GnuPG took too long and was ended")]
    Timeout,
    /// GnuPG failed for another reason; its text.
    #[error("GnuPG: {0}")]
    Gpg(String),
}

impl KeyringError {
    /// Whether it may pass although nobody mends key, home or configuration: GnuPG is late or
    /// fails, the disk is busy, the clock is not set yet.
    pub fn is_passing(&self) -> bool {
        match self {
            KeyringError::Timeout
            | KeyringError::Gpg(_)
            | KeyringError::HomeUnreadable(_)
            | KeyringError::KeyFuture => true,
            KeyringError::NamedKey { why, .. } => why.is_passing(),
            KeyringError::HomeTooLong(_)
            | KeyringError::Home(_)
            | KeyringError::HomeOpen(_)
            | KeyringError::KeyUnknown
            | KeyringError::SecretUnknown(_)
            | KeyringError::KeyPassphrase(_)
            | KeyringError::KeyRevoked
            | KeyringError::KeyExpired
            | KeyringError::KeyDisabled
            | KeyringError::KeyInvalid
            | KeyringError::CannotSign
            | KeyringError::CannotEncrypt
            | KeyringError::KeyWeak(_)
            | KeyringError::KeyCount(_)
            | KeyringError::KeySecret
            | KeyringError::KeyOwn
            | KeyringError::NotEncrypted
            | KeyringError::NotForUs
            | KeyringError::Damaged
            | KeyringError::TooLarge
            | KeyringError::Unsigned
            | KeyringError::ManySignatures
            | KeyringError::BadSignature
            | KeyringError::WrongSigner(_)
            | KeyringError::SignatureStale(_) => false,
        }
    }

    /// The error of a key that has a role: a text that says nothing of the key gets its name.
    pub fn of_key(self, whose: &'static str, key: Fingerprint) -> KeyringError {
        match self {
            KeyringError::KeyUnknown
            | KeyringError::KeyRevoked
            | KeyringError::KeyExpired
            | KeyringError::KeyDisabled
            | KeyringError::KeyFuture
            | KeyringError::KeyInvalid
            | KeyringError::CannotSign
            | KeyringError::CannotEncrypt
            | KeyringError::KeyWeak(_) => KeyringError::NamedKey {
                whose,
                key,
                why: Box::new(self),
            },
            other => other,
        }
    }

    /// Name of the error for counters and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            KeyringError::HomeTooLong(_) => "home-too-long",
            KeyringError::Home(_) => "home-unusable",
            KeyringError::HomeUnreadable(_) => "home-unreadable",
            KeyringError::HomeOpen(_) => "home-open-to-others",
            KeyringError::KeyUnknown => "key-unknown",
            KeyringError::SecretUnknown(_) => "secret-key-unknown",
            KeyringError::KeyPassphrase(_) => "key-under-passphrase",
            KeyringError::KeyRevoked => "key-revoked",
            KeyringError::KeyExpired => "key-expired",
            KeyringError::KeyDisabled => "key-disabled",
            KeyringError::KeyFuture => "key-future",
            KeyringError::KeyInvalid => "key-invalid",
            KeyringError::CannotSign => "key-cannot-sign",
            KeyringError::CannotEncrypt => "key-cannot-encrypt",
            KeyringError::KeyWeak(_) => "key-weak",
            KeyringError::KeyCount(_) => "key-count",
            KeyringError::KeySecret => "key-secret",
            KeyringError::KeyOwn => "key-own",
            KeyringError::NotEncrypted => "message-not-encrypted",
            KeyringError::NotForUs => "message-not-for-us",
            KeyringError::Damaged => "message-damaged",
            KeyringError::TooLarge => "message-too-large",
            KeyringError::Unsigned => "message-unsigned",
            KeyringError::ManySignatures => "message-many-signatures",
            KeyringError::BadSignature => "signature-bad",
            KeyringError::WrongSigner(_) => "signature-of-another-key",
            KeyringError::SignatureStale(_) => "signature-stale",
            KeyringError::NamedKey { why, .. } => why.as_str(),
            KeyringError::Timeout => "gpg-timeout",
            KeyringError::Gpg(_) => "gpg-failed",
        }
    }
}

/// What mends the key, where that is known.
fn advice(why: &KeyringError) -> &'static str {
    match why {
        KeyringError::KeyExpired => {
            "; `gpg --homedir HOME --quick-set-expire FINGERPRINT 2y`, as the owner of the home that \
             has its secret half, extends it, and the other side imports its public half anew"
        }
        _ => "",
    }
}

fn wrong_signer(signer: &Option<Fingerprint>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match signer {
        Some(signer) => write!(f, "signed with another key, {signer}"),
        None => f.write_str("signed with another key, which the signature does not name"),
    }
}

impl From<gpgme::Error> for KeyringError {
    fn from(error: gpgme::Error) -> KeyringError {
        KeyringError::Gpg(error.description().into_owned())
    }
}
