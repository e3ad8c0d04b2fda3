//! spec/model/session.md · 2.4.2 Session Structure

use super::{AccountId, Timestamp, Username, ValueError};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::IpAddr;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a session ID.
pub const SESSION_ID_BYTES: usize = 32;

/// The secret that stands for a logged-in account: 32 random bytes, shown as 64 of `0-9 a-f`. Wiped
/// when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionId([u8; SESSION_ID_BYTES]);

impl SessionId {
    /// A session ID made of bytes that the caller drew from the system's random source.
    pub fn from_bytes(bytes: [u8; SESSION_ID_BYTES]) -> SessionId {
        SessionId(bytes)
    }

    /// Reads 64 of `0-9 a-f`.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse(text: &str) -> Result<SessionId, ValueError> {
        let mut bytes = [0; SESSION_ID_BYTES];
        if text.bytes().any(|b| b.is_ascii_uppercase()) || hex::decode_to_slice(text, &mut bytes).is_err() {
            return Err(ValueError("a session ID is 64 of 0-9 a-f"));
        }
        Ok(SessionId(bytes))
    }

    /// The secret's text, as it travels.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }

    /// What may be stored of it.
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

/// SHA-256 of a session ID: what databases, logs and administrators see. Maps are keyed by it, so that a
/// look-up's time says nothing about the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionHash(pub [u8; 32]);

impl SessionHash {
    /// The first 8 characters, which is how people name a session.
    pub fn prefix(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl fmt::Debug for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix())
    }
}

/// A session as the master keeps it and workers know it.
#[derive(Debug, Clone)]
pub struct Session {
    /// What it is known by.
    pub hash: SessionHash,
    /// Whose it is.
    pub account: AccountId,
    /// The account's registered spelling.
    pub username: Username,
    /// When it was made.
    pub since: Timestamp,
    /// When it ends whatever happens (2.4.2 expiryDate).
    pub expiry: Timestamp,
    /// Where it was made from (2.4.2 clientIP).
    pub client: IpAddr,
    /// The worker it was made through.
    pub worker: Uuid,
    /// Ends with the connection that made it.
    pub expirable: bool,
    /// False once ended (2.4.2 isActive).
    pub is_active: bool,
    /// When it was last used.
    pub last_used: Timestamp,
}
