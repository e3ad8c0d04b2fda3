//! spec/master/storage.md · 3.1.3, 4.6.1
//!
//! Tests: `src/master/storage/accounts/tests.rs`.
//!
//! From where accounts log in, as hashes.

use crate::runtime::neighbourhood::Neighbourhood;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// From where an account logs in: its worker and its client's neighbourhood, as a SHA-256 with the
/// account's name. The hash keeps addresses out of sight, not from who has the database and tries
/// all of IPv4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginPlace(pub(super) [u8; 32]);

impl LoginPlace {
    /// The place of a login. A name without an account has places, too.
    pub fn of(username_key: &str, worker: &Uuid, near: Neighbourhood) -> LoginPlace {
        let mut hash = Sha256::new();
        // The name has at most 24 characters, none of which is a zero.
        hash.update(username_key);
        hash.update([0]);
        hash.update(worker.as_bytes());
        hash.update(near.to_string());
        LoginPlace(hash.finalize().into())
    }
}
