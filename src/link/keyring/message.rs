//! spec/link/keyring/message.md · 4.1 Design Goals (messages encrypted using GPG keys)
//!
//! Signed and encrypted messages between two keys of which each side names both.

use super::{CheckedKey, Keyring, KeyringError};
use crate::model::Fingerprint;
use crate::model::Timestamp;
use gpgme::{Context, Data, DecryptionResult, EncryptFlags, VerificationResult};
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The most bytes of plaintext that are sealed or opened.
pub const PLAIN_MAX: usize = 4096;

/// The most bytes of a signed and encrypted message.
pub const MESSAGE_MAX: usize = 7168;

impl Keyring {
    /// Signs `plain` with `own` and encrypts it to `peer` alone.
    ///
    /// # Errors
    /// More than [`PLAIN_MAX`] bytes; one of the keys has become unusable; GnuPG fails.
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
            // Trust comes from the fingerprint; no further recipient may come from a configuration file; and
            // nothing is compressed, so that length tells nothing.
            let flags = EncryptFlags::ALWAYS_TRUST | EncryptFlags::NO_ENCRYPT_TO | EncryptFlags::NO_COMPRESS;
            context.sign_and_encrypt_with_flags([&peer.key], plain, &mut message, flags)?;
            Ok(message)
        })?;
        if message.len() > MESSAGE_MAX {
            return Err(KeyringError::TooLarge);
        }
        Ok(message)
    }

    /// What `message` says, if it is encrypted to `own` alone and carries one good signature, by `peer`, made
    /// within `window` of `now`.
    ///
    /// # Errors
    /// Whatever of that does not hold.
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
        let mut plain = Bounded::new();
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

/// What GnuPG says of a message that was changed on its way.
const DAMAGED: [gpgme::Error; 4] = [
    gpgme::Error::DECRYPT_FAILED,
    gpgme::Error::CHECKSUM,
    gpgme::Error::BAD_DATA,
    gpgme::Error::INV_PACKET,
];

fn open(
    context: &mut Context,
    message: &[u8],
    plain: &mut Bounded,
) -> Result<(DecryptionResult, VerificationResult), KeyringError> {
    let mut output = Data::from_writer(plain).map_err(|error| KeyringError::from(error.error()))?;
    context.decrypt_and_verify(message, &mut output).map_err(|error| {
        use gpgme::Error as E;
        match error.code() {
            code if code == E::NO_DATA.code() => KeyringError::NotEncrypted,
            code if code == E::NO_SECKEY.code() => KeyringError::NotForUs,
            code if DAMAGED.iter().any(|damaged| damaged.code() == code) => KeyringError::Damaged,
            _ => error.into(),
        }
    })
}

/// The message must be encrypted to a subkey of ours, and to nobody else.
fn check_recipient(decrypted: &DecryptionResult, own: &CheckedKey) -> Result<(), KeyringError> {
    let mut recipients = decrypted.recipients();
    let (Some(recipient), None) = (recipients.next(), recipients.next()) else {
        return Err(KeyringError::NotForUs);
    };
    // OpenPGP names recipients by key ID; this only says which of our own subkeys it was. Who the message was
    // meant for is said, in full, by what was signed.
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
    // Of a subkey, where the key signs with one: then it must be one of the peer's, and GnuPG has checked that
    // the primary key vouches for it.
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
                code if code == E::NO_PUBKEY.code() => KeyringError::WrongSigner(None),
                _ if !is_peers => KeyringError::WrongSigner(Fingerprint::parse(by).ok()),
                code if code == E::KEY_EXPIRED.code() => KeyringError::KeyExpired,
                code if code == E::CERT_REVOKED.code() => KeyringError::KeyRevoked,
                _ => KeyringError::BadSignature,
            });
        }
    }
    let made = signature
        .creation_time()
        .and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    let made = made
        .and_then(|made| i64::try_from(made.as_millis()).ok())
        .unwrap_or(0);
    let age = now.since(Timestamp(made));
    // A signature's time has whole seconds, cut.
    let window = i64::try_from(window.as_millis())
        .unwrap_or(i64::MAX)
        .saturating_add(1000);
    if age.saturating_abs() > window {
        return Err(KeyringError::SignatureStale(age));
    }
    Ok(())
}

/// Takes plaintext up to [`PLAIN_MAX`] bytes. A message of a few kilobytes can hold compressed gigabytes, and
/// comes out before its signature is checked.
struct Bounded {
    bytes: Zeroizing<Vec<u8>>,
    overflowed: bool,
}

impl Bounded {
    fn new() -> Bounded {
        Bounded {
            bytes: Zeroizing::new(Vec::with_capacity(PLAIN_MAX)),
            overflowed: false,
        }
    }
}

impl Write for Bounded {
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
