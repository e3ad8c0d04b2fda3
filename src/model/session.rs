//! spec/model/session.md · 2.4.2 Session Structure

use super::{AccountId, Timestamp, TokenName, TokenScope, Username, ValueError};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How long ago the login of a session may be that changes what an account is entered with.
pub const FRESH_LOGIN_MAX: Duration = Duration::from_secs(15 * 60);

/// Bytes in a session ID.
pub const SESSION_ID_BYTES: usize = 32;

/// The secret token of a session: 32 random bytes, written as 64 of `0-9 a-f`. It is wiped when
/// dropped and `Debug` hides it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionId([u8; SESSION_ID_BYTES]);

impl SessionId {
    /// No session has this one, all of zeros. A client asks with it whether a master answers.
    pub const NOBODYS: SessionId = SessionId([0; SESSION_ID_BYTES]);

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

    /// The first 16 hexadecimal digits, by which its owner names a session.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..SESSION_PREFIX_MAX / 2])
    }
}

impl fmt::Debug for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix())
    }
}

/// What made a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionKind {
    /// A login, by this method: [`PASSWORD_METHOD`], or the name of a provider.
    Login(String),
    /// createToken: the session is a token, for a program.
    Token {
        name: TokenName,
        scope: TokenScope,
        /// Whether it was used from another neighbourhood than the one that made it.
        is_elsewhere: bool,
    },
}

impl SessionKind {
    /// Whether the session is a token.
    pub fn is_token(&self) -> bool {
        matches!(self, SessionKind::Token { .. })
    }
}

/// The method of a login with a password. No provider has this name.
pub const PASSWORD_METHOD: &str = "password";

/// The digits of a session's hash by which its owner names it, at most.
pub const SESSION_PREFIX_MAX: usize = 16;
/// The digits of a session's hash by which its owner names it, at least.
pub const SESSION_PREFIX_MIN: usize = 8;

/// Selects those of an account's sessions that are to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionSelection {
    /// All but the one that asks.
    Others,
    /// All.
    All,
    /// The one whose hash begins with these 8 to 16 hexadecimal digits.
    Prefix(String),
}

impl SessionSelection {
    /// Reads `others`, `all`, or 8 to 16 of `0-9 a-f`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<SessionSelection, ValueError> {
        let good = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        match text {
            "others" => Ok(SessionSelection::Others),
            "all" => Ok(SessionSelection::All),
            prefix
                if (SESSION_PREFIX_MIN..=SESSION_PREFIX_MAX).contains(&prefix.len())
                    && prefix.bytes().all(good) =>
            {
                Ok(SessionSelection::Prefix(prefix.to_owned()))
            }
            _ => Err(ValueError(
                "sessions to end are others, all, or 8 to 16 hexadecimal digits of one",
            )),
        }
    }

    /// The text from which [`SessionSelection::parse`] makes this value.
    pub fn as_str(&self) -> &str {
        match self {
            SessionSelection::Others => "others",
            SessionSelection::All => "all",
            SessionSelection::Prefix(prefix) => prefix,
        }
    }
}

/// What a change of an account is answered with, beside that it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountValue {
    /// The number of sessions that have ended.
    Count(u32),
    /// The new token: a secret.
    Token(SessionId),
}

impl AccountValue {
    /// Reads a number, or a token.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<AccountValue, ValueError> {
        if let Ok(token) = SessionId::parse(text) {
            return Ok(AccountValue::Token(token));
        }
        let is_plain =
            text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        let count = text.parse().ok().filter(|_| is_plain);
        count
            .map(AccountValue::Count)
            .ok_or(ValueError("a value is a number, or 64 of 0-9 a-f"))
    }

    /// The text from which [`AccountValue::parse`] makes this value.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            AccountValue::Count(count) => count.to_string(),
            AccountValue::Token(token) => token.expose(),
        })
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
    /// What made it.
    pub kind: SessionKind,
    /// The last use that the master knows of.
    pub last_use: SessionUse,
}

/// A use of a session: when, by which client, through which worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionUse {
    /// Wall time.
    pub at: Timestamp,
    pub client: IpAddr,
    pub worker: Uuid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_to_end_are_named_by_a_word_or_by_digits() {
        for text in ["others", "all", "01234567", "0123456789abcdef"] {
            assert_eq!(SessionSelection::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "other",
            "ALL",
            "0123456",
            "0123456789abcdef0",
            "0123456G",
            "0123456A",
        ] {
            assert!(SessionSelection::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_is_a_count_or_a_token() {
        let token = "ab".repeat(32);
        for text in ["0", "1", "4294967295", &token] {
            assert_eq!(&**AccountValue::parse(text).unwrap().expose(), text);
        }
        for text in ["", "01", "-1", "4294967296", "ab", &token[1..]] {
            assert!(AccountValue::parse(text).is_err(), "{text}");
        }
        let shown = format!("{:?}", AccountValue::parse(&token));
        assert!(!shown.contains("abab"), "{shown}");
    }
}
