//! spec/model/session.md · 2.4.2 Session Structure
//!
//! Tests: `tests/suite/protocol/roundtrip.rs`.

use super::{AccountId, Timestamp, Username, ValueError};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::IpAddr;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes in a session ID.
pub const SESSION_ID_BYTES: usize = 32;

/// The secret token of a session: 32 random bytes, written as 64 of `0-9 a-f`. It is wiped when
/// dropped and `Debug` hides it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionId([u8; SESSION_ID_BYTES]);

impl SessionId {
    /// A session ID with these bytes, which the caller takes from the system's random source.
    pub fn from_bytes(bytes: [u8; SESSION_ID_BYTES]) -> SessionId {
        SessionId(bytes)
    }

    /// Reads 64 of `0-9 a-f`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<SessionId, ValueError> {
        let mut bytes = [0; SESSION_ID_BYTES];
        if text.bytes().any(|b| b.is_ascii_uppercase())
            || hex::decode_to_slice(text, &mut bytes).is_err()
        {
            return Err(ValueError("a session ID is 64 of 0-9 a-f"));
        }
        Ok(SessionId(bytes))
    }

    /// The secret as text, as it goes over the wire.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }

    /// The hash, which may be stored and logged.
    pub fn hash(&self) -> SessionHash {
        SessionHash(Sha256::digest(self.0).into())
    }
}

impl PartialEq for SessionId {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SessionId {}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// SHA-256 of a session ID. Databases, logs and administrators see the hash alone. Maps use it as
/// their key, so that the time of a look-up reveals nothing about the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionHash(pub [u8; 32]);

impl SessionHash {
    /// The first 8 hexadecimal digits, by which people name a session.
    pub fn prefix(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl fmt::Debug for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix())
    }
}

/// A session, as the master stores it and workers cache it.
#[derive(Debug, Clone)]
pub struct Session {
    pub hash: SessionHash,
    pub account: AccountId,
    /// The account's registered spelling.
    pub username: Username,
    /// Time of the login (wall time).
    pub since: Timestamp,
    /// The latest end (2.4.2 expiryDate). Using the session does not move it.
    pub expiry: Timestamp,
    /// The client that logged in (2.4.2 clientIP).
    pub client: IpAddr,
    /// The worker through which the client logged in.
    pub worker: Uuid,
    /// Whether the session ends with the connection that logged in.
    pub expirable: bool,
    /// False once the session has ended (2.4.2 isActive).
    pub is_active: bool,
    /// Time of the last use (wall time).
    pub last_used: Timestamp,
}
