//! spec/link/handshake/statement.md · 4.3.1 Master-Worker Server Connection
//!
//! The statement that each side signs, its check, and the secret of the link.

use super::{CLOCK_SKEW_MAX, HandshakeError, NONCE_LEN, Nonce, Secret};
use crate::model::{Fingerprint, Timestamp};
use crate::wire::Instruction;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Purpose and version of the signature.
const CONTEXT: &[u8] = b"PaperTrader link 2 handshake";

const SECRET_CONTEXT: &[u8] = b"PaperTrader link 2 secret";

/// Bytes of a statement.
pub const STATEMENT_LEN: usize = CONTEXT.len() + 1 + 16 + 20 + 20 + 3 * 32 + 8 + NONCE_LEN;

/// The signer of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// The worker server.
    Worker = 1,
    /// The master server.
    Master = 2,
}

/// The values that both sides must agree on in a handshake.
#[derive(Debug, Clone)]
pub(super) struct HandshakeTerms {
    pub(super) worker: Uuid,
    pub(super) master_key: Fingerprint,
    pub(super) worker_key: Fingerprint,
    pub(super) worker_nonce: Nonce,
    pub(super) master_nonce: Nonce,
}

impl HandshakeTerms {
    /// The statement of `role`, with its half of the secret. `before` is the hash of all earlier
    /// messages.
    pub(super) fn state(
        &self,
        role: Role,
        before: &[u8; 32],
        now: Timestamp,
        secret: &Secret,
    ) -> Zeroizing<Vec<u8>> {
        // Allocate the full length at once: growing would leave copies of the secret behind.
        let mut statement = Zeroizing::new(Vec::with_capacity(STATEMENT_LEN));
        statement.extend_from_slice(CONTEXT);
        statement.push(role as u8);
        statement.extend_from_slice(self.worker.as_bytes());
        statement.extend_from_slice(self.master_key.as_bytes());
        statement.extend_from_slice(self.worker_key.as_bytes());
        statement.extend_from_slice(&self.worker_nonce);
        statement.extend_from_slice(&self.master_nonce);
        statement.extend_from_slice(before);
        statement.extend_from_slice(&now.0.to_be_bytes());
        statement.extend_from_slice(secret.as_ref());
        statement
    }

    /// Checks a statement that must be by `role` on these terms, and returns its half of the
    /// secret.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub(super) fn check(
        &self,
        role: Role,
        before: &[u8; 32],
        now: Timestamp,
        statement: &[u8],
    ) -> Result<Secret, HandshakeError> {
        let rest = statement
            .strip_prefix(CONTEXT)
            .ok_or(HandshakeError::Purpose)?;
        if statement.len() != STATEMENT_LEN {
            return Err(HandshakeError::Purpose);
        }
        let (by, rest) = take::<1>(rest)?;
        let (worker, rest) = take::<16>(rest)?;
        let (master_key, rest) = take::<20>(rest)?;
        let (worker_key, rest) = take::<20>(rest)?;
        let (worker_nonce, rest) = take::<NONCE_LEN>(rest)?;
        let (master_nonce, rest) = take::<NONCE_LEN>(rest)?;
        let (seen, rest) = take::<32>(rest)?;
        let (time, rest) = take::<8>(rest)?;
        let mut secret = Zeroizing::new([0; NONCE_LEN]);
        secret.copy_from_slice(rest.get(..NONCE_LEN).ok_or(HandshakeError::Purpose)?);
        if by != [role as u8] {
            return Err(HandshakeError::Reflected);
        }
        if worker != self.worker.into_bytes()
            || master_key != *self.master_key.as_bytes()
            || worker_key != *self.worker_key.as_bytes()
        {
            return Err(HandshakeError::Misdirected);
        }
        if worker_nonce != self.worker_nonce || master_nonce != self.master_nonce || seen != *before
        {
            return Err(HandshakeError::Replayed);
        }
        let ahead = Timestamp(i64::from_be_bytes(time)).since(now);
        if u128::from(ahead.unsigned_abs()) > CLOCK_SKEW_MAX.as_millis() {
            return Err(HandshakeError::Stale(ahead));
        }
        Ok(secret)
    }
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), HandshakeError> {
    bytes
        .split_first_chunk()
        .map(|(taken, rest)| (*taken, rest))
        .ok_or(HandshakeError::Purpose)
}

/// Hashes of the messages so far, equal on both sides: of all messages for the statements, and of
/// the GPG messages for the Noise session.
#[derive(Debug, Clone, Default)]
pub(super) struct Transcript {
    all: Sha256,
    gpg: Sha256,
}

impl Transcript {
    /// Adds a message.
    pub(super) fn add(&mut self, instruction: Instruction, data: &[u8]) {
        self.all.update(instruction.number().to_be_bytes());
        self.all.update(length(data));
        self.all.update(data);
    }

    /// Adds the GPG message of `role`.
    pub(super) fn add_gpg(&mut self, role: Role, message: &[u8]) {
        self.gpg.update([role as u8]);
        self.gpg.update(length(message));
        self.gpg.update(message);
    }

    /// The hash of all messages so far.
    pub(super) fn before(&self) -> [u8; 32] {
        self.all.clone().finalize().into()
    }

    /// The Noise session's prologue: the hash of the GPG messages.
    pub(super) fn prologue(&self) -> [u8; 32] {
        self.gpg.clone().finalize().into()
    }

    /// The pre-shared key of the Noise session: a hash of both halves and of the GPG messages that
    /// carried them.
    pub(super) fn secret(&self, worker: &Secret, master: &Secret) -> Secret {
        let mut hash = Sha256::new();
        hash.update(SECRET_CONTEXT);
        hash.update(worker.as_ref());
        hash.update(master.as_ref());
        hash.update(self.prologue());
        Zeroizing::new(hash.finalize().into())
    }
}

fn length(data: &[u8]) -> [u8; 4] {
    u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> HandshakeTerms {
        HandshakeTerms {
            worker: Uuid::from_u128(7),
            master_key: Fingerprint::parse(&"A1".repeat(20)).unwrap(),
            worker_key: Fingerprint::parse(&"B2".repeat(20)).unwrap(),
            worker_nonce: [3; 32],
            master_nonce: [4; 32],
        }
    }

    const NOW: Timestamp = Timestamp(1_362_096_000_000);

    #[test]
    fn every_field_of_a_statement_is_checked() {
        let (secret, before) = (Zeroizing::new([9; 32]), [5; 32]);
        let good = terms().state(Role::Worker, &before, NOW, &secret);
        assert_eq!(good.len(), STATEMENT_LEN);
        let check = |statement: &[u8]| terms().check(Role::Worker, &before, NOW, statement);
        assert_eq!(check(&good).unwrap(), secret);
        type Expected = fn(&HandshakeError) -> bool;
        let fields: [(usize, usize, Expected); 5] = [
            (0, 28, |e| *e == HandshakeError::Purpose),
            (28, 1, |e| *e == HandshakeError::Reflected),
            (29, 56, |e| *e == HandshakeError::Misdirected),
            (85, 96, |e| *e == HandshakeError::Replayed),
            (181, 5, |e| matches!(e, HandshakeError::Stale(_))),
        ];
        for (at, length, expected) in fields {
            for index in at..at + length {
                let mut bad = good.to_vec();
                bad[index] ^= 0x80;
                assert!(expected(&check(&bad).unwrap_err()), "byte {index}");
            }
        }
        assert_eq!(
            check(&good[..STATEMENT_LEN - 1]).unwrap_err(),
            HandshakeError::Purpose
        );
        assert_eq!(
            check(&[&good[..], b"x"].concat()).unwrap_err(),
            HandshakeError::Purpose
        );
    }

    #[test]
    fn clocks_may_differ_by_ten_minutes_either_way() {
        let secret = Zeroizing::new([9; 32]);
        let statement = terms().state(Role::Master, &[5; 32], NOW, &secret);
        for (offset, fits) in [
            (0, true),
            (600_000, true),
            (-600_000, true),
            (600_001, false),
            (-600_001, false),
        ] {
            let checked = terms().check(
                Role::Master,
                &[5; 32],
                Timestamp(NOW.0 + offset),
                &statement,
            );
            assert_eq!(checked.is_ok(), fits, "{offset}");
            assert!(fits || checked == Err(HandshakeError::Stale(-offset)));
        }
    }

    #[test]
    fn the_secret_depends_on_both_halves_and_all_gpg_messages() {
        let (a, b) = (Zeroizing::new([1; 32]), Zeroizing::new([2; 32]));
        let mut transcript = Transcript::default();
        transcript.add_gpg(Role::Worker, b"one");
        let first = transcript.secret(&a, &b);
        assert_ne!(first, transcript.secret(&b, &a));
        transcript.add_gpg(Role::Master, b"two");
        assert_ne!(first, transcript.secret(&a, &b));
        let mut shifted = Transcript::default();
        shifted.add_gpg(Role::Worker, b"onetwo");
        assert_ne!(shifted.prologue(), transcript.prologue());
    }
}
