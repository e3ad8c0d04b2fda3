//! spec/link/keyring/message.md · 4.1 Design Goals (messages encrypted using GPG keys)
//!
//! Messages that are signed and encrypted between two known keys.
//!
//! Tests: `src/link/keyring/tests.rs`.

use super::{CheckedKey, Keyring, KeyringError, OUR_KEY};
use crate::model::Fingerprint;
use crate::model::Timestamp;
use gpgme::{Context, Data, DecryptionResult, EncryptFlags, VerificationResult};
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The most bytes of plaintext in a message.
pub const PLAIN_MAX: usize = 4096;

/// The most bytes of a signed and encrypted message.
pub const MESSAGE_MAX: usize = 7168;

impl Keyring {
    /// Signs `plain` with `own` and encrypts it to `peer` alone.
    ///
    /// # Errors
    /// `plain` has more than [`PLAIN_MAX`] bytes; a key has become unfit; GnuPG fails.
    pub fn sign_and_encrypt(
        &self,
        own: &CheckedKey,
        peer: &CheckedKey,
        plain: &[u8],
    ) -> Result<Vec<u8>, KeyringError> {
        if plain.len() > PLAIN_MAX {
            return Err(KeyringError::TooLarge);
        }
        let message = self.run(|context| {
            context.add_signer(&own.key)?;
            let mut message = Vec::new();
            // The fingerprint decides trust. No configuration file may add a recipient. Without
            // compression, the length does not depend on the content.
            let flags = EncryptFlags::ALWAYS_TRUST
                | EncryptFlags::NO_ENCRYPT_TO
                | EncryptFlags::NO_COMPRESS;
            context.sign_and_encrypt_with_flags([&peer.key], plain, &mut message, flags)?;
            Ok(message)
        });
        // GnuPG does not say why it signs with a key no more.
        let message = message.map_err(|error| match (&error, self.own(own.fingerprint())) {
            (KeyringError::Gpg(_), Err(why)) => why.of_key(OUR_KEY, own.fingerprint()),
            _ => error,
        })?;
        if message.len() > MESSAGE_MAX {
            return Err(KeyringError::TooLarge);
        }
        Ok(message)
    }

    /// The plaintext of `message`, which must be encrypted to `own` alone and carry one valid
    /// signature, by `peer`, made within `window` of `now`.
    ///
    /// # Errors
    /// The first of these conditions that does not hold; GnuPG fails.
    pub fn decrypt_and_verify(
        &self,
        own: &CheckedKey,
        peer: &CheckedKey,
        message: &[u8],
        now: Timestamp,
        window: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        if message.len() > MESSAGE_MAX {
            return Err(KeyringError::TooLarge);
        }
        let mut plain = BoundedPlaintext::new();
        let opened = self.run(|context| open(context, message, &mut plain));
        if plain.overflowed {
            return Err(KeyringError::TooLarge);
        }
        let (decrypted, verified) = opened?;
        check_recipient(&decrypted, own)?;
        check_signature(&verified, peer, now, window)?;
        Ok(plain.bytes)
    }
}

/// Errors of GnuPG for a message that was changed in transit.
const DAMAGED: [gpgme::Error; 4] = [
    gpgme::Error::DECRYPT_FAILED,
    gpgme::Error::CHECKSUM,
    gpgme::Error::BAD_DATA,
    gpgme::Error::INV_PACKET,
];

fn open(
    context: &mut Context,
    message: &[u8],
    plain: &mut BoundedPlaintext,
) -> Result<(DecryptionResult, VerificationResult), KeyringError> {
    let mut output = Data::from_writer(plain).map_err(|error| KeyringError::from(error.error()))?;
    context
        .decrypt_and_verify(message, &mut output)
        .map_err(|error| {
            use gpgme::Error as E;
            match error.code() {
                code if code == E::NO_DATA.code() => KeyringError::NotEncrypted,
                code if code == E::NO_SECKEY.code() => KeyringError::NotForUs,
                code if DAMAGED.iter().any(|damaged| damaged.code() == code) => {
                    KeyringError::Damaged
                }
                _ => error.into(),
            }
        })
}

/// Checks that the message is encrypted to one of our subkeys and to no other key.
fn check_recipient(decrypted: &DecryptionResult, own: &CheckedKey) -> Result<(), KeyringError> {
    let mut recipients = decrypted.recipients();
    let (Some(recipient), None) = (recipients.next(), recipients.next()) else {
        return Err(KeyringError::NotForUs);
    };
    // OpenPGP names recipients by key ID, which only shows which of our subkeys was used. The
    // signed statement names the intended receiver by its full fingerprint.
    let id = recipient.key_id().unwrap_or_default();
    if !id.is_empty() && own.key.subkeys().any(|subkey| subkey.id() == Ok(id)) {
        Ok(())
    } else {
        Err(KeyringError::NotForUs)
    }
}

fn check_signature(
    verified: &VerificationResult,
    peer: &CheckedKey,
    now: Timestamp,
    window: Duration,
) -> Result<(), KeyringError> {
    use gpgme::Error as E;
    let mut signatures = verified.signatures();
    let signature = signatures.next().ok_or(KeyringError::Unsigned)?;
    if signatures.next().is_some() {
        return Err(KeyringError::ManySignatures);
    }
    // The signature may be by a subkey. It must be a subkey of the peer; GnuPG has checked that the
    // primary key certifies it.
    let by = signature.fingerprint().unwrap_or_default();
    let is_peers = peer
        .key
        .subkeys()
        .any(|subkey| !by.is_empty() && subkey.fingerprint() == Ok(by));
    match signature.status() {
        Ok(()) if is_peers => {}
        Ok(()) => return Err(KeyringError::WrongSigner(Fingerprint::parse(by).ok())),
        Err(error) => {
            return Err(match error.code() {
                _ if !is_peers => KeyringError::WrongSigner(Fingerprint::parse(by).ok()),
                code if code == E::KEY_EXPIRED.code() => KeyringError::KeyExpired,
                code if code == E::CERT_REVOKED.code() => KeyringError::KeyRevoked,
                _ => KeyringError::BadSignature,
            });
        }
    }
    // One without a time is of no time, and not of 1970, where our own clock may be.
    let made = signature
        .creation_time()
        .and_then(|made| made.duration_since(UNIX_EPOCH).ok())
        .and_then(|made| i64::try_from(made.as_millis()).ok())
        .map_or(Timestamp::MIN, Timestamp);
    let age = now.since(made);
    // The time of a signature is in whole seconds, rounded down.
    let window = i64::try_from(window.as_millis())
        .unwrap_or(i64::MAX)
        .saturating_add(1000);
    if age.saturating_abs() > window {
        return Err(KeyringError::SignatureStale(age));
    }
    Ok(())
}

/// Collects plaintext up to [`PLAIN_MAX`] bytes. A message of a few kilobytes can decompress to
/// gigabytes, and GnuPG returns plaintext before it checks the signature.
struct BoundedPlaintext {
    bytes: Zeroizing<Vec<u8>>,
    overflowed: bool,
}

impl BoundedPlaintext {
    fn new() -> BoundedPlaintext {
        BoundedPlaintext {
            bytes: Zeroizing::new(Vec::with_capacity(PLAIN_MAX)),
            overflowed: false,
        }
    }
}

impl Write for BoundedPlaintext {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > PLAIN_MAX {
            self.overflowed = true;
            return Err(io::Error::from_raw_os_error(
                rustix::io::Errno::FBIG.raw_os_error(),
            ));
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
