//! spec/wire/payload.md · 2.4.2, 3.1.3
//!
//! Payloads about what can act for an account: its sessions and its tokens.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

use super::{Cursor, Payload, put_count, put_i64, put_text};
use crate::model::{OpenValue, SessionSelection, Timestamp, TokenName, TokenScope, ValueError};

/// A moment of a session: when, from which address, through which worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionMoment {
    /// Wall time.
    pub at: Timestamp,
    /// The client's IP address, as the worker saw it.
    pub client: String,
    /// The worker's name, or its UUID if it is registered no more.
    pub worker: String,
}

impl SessionMoment {
    /// Least bytes: a time and two texts.
    const LEAST: usize = 8 + 2 + 2;

    fn write(&self, out: &mut Vec<u8>) {
        put_i64(out, self.at.0);
        put_text(out, &self.client);
        put_text(out, &self.worker);
    }

    fn read(from: &mut Cursor<'_>) -> Result<SessionMoment, ValueError> {
        Ok(SessionMoment {
            at: from.timestamp()?,
            client: from.printable_text()?.to_owned(),
            worker: from.printable_text()?.to_owned(),
        })
    }
}

/// Reads the digits by which an owner names a session.
fn read_id(from: &mut Cursor<'_>) -> Result<String, ValueError> {
    match SessionSelection::parse(from.text()?)? {
        SessionSelection::Prefix(id) => Ok(id),
        SessionSelection::Others | SessionSelection::All => {
            Err(ValueError("a session is named by its digits"))
        }
    }
}

/// A session of a login, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSession {
    /// The first 16 digits of its ID's SHA-256.
    pub id: String,
    /// Whether it is the session that asks.
    pub is_current: bool,
    /// Whether it ends with the connection that logged in.
    pub expirable: bool,
    /// How the login was made: `password`, or the name of a provider.
    pub method: String,
    /// The latest end.
    pub expiry: Timestamp,
    pub made: SessionMoment,
    /// The last use that the master knows of.
    pub used: SessionMoment,
}

/// The answer to `getSessions`: newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSessions(pub Vec<OwnSession>);

impl Payload for OwnSessions {
    fn write(&self, out: &mut Vec<u8>) {
        put_count(out, self.0.len());
        for session in &self.0 {
            put_text(out, &session.id);
            out.push(u8::from(session.is_current));
            out.push(u8::from(session.expirable));
            put_text(out, &session.method);
            put_i64(out, session.expiry.0);
            session.made.write(out);
            session.used.write(out);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<OwnSessions, ValueError> {
        const LEAST: usize = 10 + 2 + 2 + 8 + 2 * SessionMoment::LEAST;
        let count = from.count(LEAST)?;
        let session = |from: &mut Cursor<'_>| {
            Ok(OwnSession {
                id: read_id(from)?,
                is_current: from.flag()?,
                expirable: from.flag()?,
                method: from.printable_text()?.to_owned(),
                expiry: from.timestamp()?,
                made: SessionMoment::read(from)?,
                used: SessionMoment::read(from)?,
            })
        };
        let all = (0..count).map(|_| session(from));
        Ok(OwnSessions(all.collect::<Result<_, ValueError>>()?))
    }
}

/// A token, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnToken {
    pub name: TokenName,
    /// The first 16 digits of its SHA-256.
    pub id: String,
    pub scope: OpenValue<TokenScope>,
    /// The latest end.
    pub expiry: Timestamp,
    pub made: SessionMoment,
    /// The last use that the master knows of; its time is 0 if there was none.
    pub used: SessionMoment,
}

/// The answer to `getTokens`: newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTokens(pub Vec<OwnToken>);

impl Payload for OwnTokens {
    fn write(&self, out: &mut Vec<u8>) {
        put_count(out, self.0.len());
        for token in &self.0 {
            put_text(out, token.name.as_str());
            put_text(out, &token.id);
            put_text(out, token.scope.as_str());
            put_i64(out, token.expiry.0);
            token.made.write(out);
            token.used.write(out);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<OwnTokens, ValueError> {
        const LEAST: usize = 3 + 10 + 3 + 8 + 2 * SessionMoment::LEAST;
        let count = from.count(LEAST)?;
        let token = |from: &mut Cursor<'_>| {
            Ok(OwnToken {
                name: TokenName::parse(from.text()?)?,
                id: read_id(from)?,
                scope: OpenValue::parse(from.text()?, TokenScope::from_name)?,
                expiry: from.timestamp()?,
                made: SessionMoment::read(from)?,
                used: SessionMoment::read(from)?,
            })
        };
        let all = (0..count).map(|_| token(from));
        Ok(OwnTokens(all.collect::<Result<_, ValueError>>()?))
    }
}
