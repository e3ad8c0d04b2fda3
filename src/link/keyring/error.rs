//! spec/link/keyring/error.md · 3.1.5 Worker Management
//!
//! Why a key, a home or a message is refused.

use crate::model::Fingerprint;
use std::fmt;
use thiserror::Error;

/// Why a GPG home, a key or a message is refused, or an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// The home's path has this many bytes: too many for the sockets that lie in it.
    #[error("the GPG home's path has {0} bytes; its sockets leave room for {most}", most = super::HOME_MAX)]
    HomeTooLong(usize),
    /// The home is missing, no folder, not empty where a new one was to be made, or not ours; the text says which.
    #[error("the GPG home cannot be used: {0}")]
    Home(String),
    /// Others than its owner may enter the home; its mode.
    #[error("the GPG home has mode {0:04o}; others may not enter it: chmod 0700")]
    HomeOpen(u32),
    /// No such key in the home.
    #[error("no such key in the GPG home")]
    KeyUnknown,
    /// No such secret key in the home.
    #[error("no such secret key in the GPG home")]
    SecretUnknown,
    /// The key was revoked.
    #[error("the key was revoked")]
    KeyRevoked,
    /// The key has expired.
    #[error("the key has expired")]
    KeyExpired,
    /// The key was disabled by an administrator.
    #[error("the key is disabled")]
    KeyDisabled,
    /// GnuPG calls the key invalid.
    #[error("the key is invalid")]
    KeyInvalid,
    /// The key has no subkey, or primary key, that can sign now.
    #[error("the key cannot sign")]
    CannotSign,
    /// The key has no subkey that can be encrypted to now.
    #[error("the key cannot be encrypted to")]
    CannotEncrypt,
    /// RSA, DSA or ElGamal of fewer bits than this; the bits it has.
    #[error("the key has {0} bits; {least} are wanted", least = super::BITS_MIN)]
    KeyWeak(usize),
    /// A file to import with this many keys instead of one.
    #[error("the file holds {0} keys; one is wanted")]
    KeyCount(usize),
    /// A file to import with a secret key in it.
    #[error("the file holds a secret key; a public one is wanted")]
    KeySecret,
    /// A file to import with a key whose secret half is this home's own.
    #[error("that is this daemon's own key")]
    KeyOwn,
    /// Not encrypted, or no OpenPGP message at all.
    #[error("not an encrypted message")]
    NotEncrypted,
    /// Encrypted to somebody else, or to others as well.
    #[error("not encrypted to us alone")]
    NotForUs,
    /// It cannot be decrypted as it is: it was changed on its way.
    #[error("encrypted to us, and damaged")]
    Damaged,
    /// Longer than what any message has, once decrypted.
    #[error("longer than any message")]
    TooLarge,
    /// Encrypted and not signed.
    #[error("encrypted, but not signed")]
    Unsigned,
    /// More than one signature.
    #[error("more than one signature")]
    ManySignatures,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// Signed with a key that is not the expected one; its fingerprint, where known.
    #[error(fmt = wrong_signer)]
    WrongSigner(Option<Fingerprint>),
    /// Signed this many milliseconds before (negative: after) now, outside the window.
    #[error("signed {0} ms before now")]
    SignatureStale(i64),
    /// GnuPG took too long and was ended.
    #[error("GnuPG took too long and was ended")]
    Timeout,
    /// GnuPG failed for another reason: its text.
    #[error("GnuPG: {0}")]
    Gpg(String),
}

impl KeyringError {
    /// A word for counters and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            KeyringError::HomeTooLong(_) => "home-too-long",
            KeyringError::Home(_) => "home-unusable",
            KeyringError::HomeOpen(_) => "home-open-to-others",
            KeyringError::KeyUnknown => "key-unknown",
            KeyringError::SecretUnknown => "secret-key-unknown",
            KeyringError::KeyRevoked => "key-revoked",
            KeyringError::KeyExpired => "key-expired",
            KeyringError::KeyDisabled => "key-disabled",
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
            KeyringError::Timeout => "gpg-timeout",
            KeyringError::Gpg(_) => "gpg-failed",
        }
    }
}

fn wrong_signer(signer: &Option<Fingerprint>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match signer {
        Some(signer) => write!(f, "signed with another key, {signer}"),
        None => f.write_str("signed with a key that is not in the GPG home"),
    }
}

impl From<gpgme::Error> for KeyringError {
    fn from(error: gpgme::Error) -> KeyringError {
        KeyringError::Gpg(error.description().into_owned())
    }
}
