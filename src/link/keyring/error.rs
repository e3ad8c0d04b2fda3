//! spec/link/keyring/error.md · 3.1.5 Worker Management
//!
//! Why a key, a home or a message is refused.

use crate::model::Fingerprint;
use std::fmt;

/// Why a GPG home, a key or a message is refused, or an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyringError {
    /// The home's path has this many bytes: too many for the sockets that lie in it.
    HomeTooLong(usize),
    /// The home is missing, no folder, not empty where a new one was to be made, or not ours; the text says which.
    Home(String),
    /// Others than its owner may enter the home; its mode.
    HomeOpen(u32),
    /// No such key in the home.
    KeyUnknown,
    /// No such secret key in the home.
    SecretUnknown,
    /// The key was revoked.
    KeyRevoked,
    /// The key has expired.
    KeyExpired,
    /// The key was disabled by an administrator.
    KeyDisabled,
    /// GnuPG calls the key invalid.
    KeyInvalid,
    /// The key has no subkey, or primary key, that can sign now.
    CannotSign,
    /// The key has no subkey that can be encrypted to now.
    CannotEncrypt,
    /// RSA, DSA or ElGamal of fewer bits than this; the bits it has.
    KeyWeak(usize),
    /// A file to import with this many keys instead of one.
    KeyCount(usize),
    /// A file to import with a secret key in it.
    KeySecret,
    /// A file to import with a key whose secret half is this home's own.
    KeyOwn,
    /// Not encrypted, or no OpenPGP message at all.
    NotEncrypted,
    /// Encrypted to somebody else, or to others as well.
    NotForUs,
    /// It cannot be decrypted as it is: it was changed on its way.
    Damaged,
    /// Longer than what any message has, once decrypted.
    TooLarge,
    /// Encrypted and not signed.
    Unsigned,
    /// More than one signature.
    ManySignatures,
    /// The signature does not verify.
    BadSignature,
    /// Signed with a key that is not the expected one; its fingerprint, where known.
    WrongSigner(Option<Fingerprint>),
    /// Signed this many milliseconds before (negative: after) now, outside the window.
    SignatureStale(i64),
    /// GnuPG took too long and was ended.
    Timeout,
    /// GnuPG failed for another reason: its text.
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

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            KeyringError::HomeTooLong(length) => {
                let most = super::HOME_MAX;
                return write!(
                    f,
                    "the GPG home's path has {length} bytes; its sockets leave room for {most}"
                );
            }
            KeyringError::Home(text) => return write!(f, "the GPG home cannot be used: {text}"),
            KeyringError::HomeOpen(mode) => {
                return write!(
                    f,
                    "the GPG home has mode {mode:04o}; others may not enter it: chmod 0700"
                );
            }
            KeyringError::KeyWeak(bits) => {
                return write!(f, "the key has {bits} bits; {} are wanted", super::BITS_MIN);
            }
            KeyringError::KeyCount(count) => return write!(f, "the file holds {count} keys; one is wanted"),
            KeyringError::WrongSigner(Some(signer)) => return write!(f, "signed with another key, {signer}"),
            KeyringError::SignatureStale(age) => return write!(f, "signed {age} ms before now"),
            KeyringError::Gpg(text) => return write!(f, "GnuPG: {text}"),
            KeyringError::KeyUnknown => "no such key in the GPG home",
            KeyringError::SecretUnknown => "no such secret key in the GPG home",
            KeyringError::KeyRevoked => "the key was revoked",
            KeyringError::KeyExpired => "the key has expired",
            KeyringError::KeyDisabled => "the key is disabled",
            KeyringError::KeyInvalid => "the key is invalid",
            KeyringError::CannotSign => "the key cannot sign",
            KeyringError::CannotEncrypt => "the key cannot be encrypted to",
            KeyringError::KeySecret => "the file holds a secret key; a public one is wanted",
            KeyringError::KeyOwn => "that is this daemon's own key",
            KeyringError::NotEncrypted => "not an encrypted message",
            KeyringError::NotForUs => "not encrypted to us alone",
            KeyringError::Damaged => "encrypted to us, and damaged",
            KeyringError::TooLarge => "longer than any message",
            KeyringError::Unsigned => "encrypted, but not signed",
            KeyringError::ManySignatures => "more than one signature",
            KeyringError::BadSignature => "the signature does not verify",
            KeyringError::WrongSigner(None) => "signed with a key that is not in the GPG home",
            KeyringError::Timeout => "GnuPG took too long and was ended",
        };
        f.write_str(text)
    }
}

impl std::error::Error for KeyringError {}

impl From<gpgme::Error> for KeyringError {
    fn from(error: gpgme::Error) -> KeyringError {
        KeyringError::Gpg(error.description().into_owned())
    }
}
