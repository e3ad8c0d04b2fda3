//! spec/wire/payload.md · 3.1.3 (third parties)
//!
//! The payload about the identities by which an account is entered.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

use super::{Cursor, Payload, put_count, put_i64, put_text};
use crate::model::{Timestamp, ValueError};

/// An identity of an account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnIdentity {
    /// The names of the providers that speak for it, joined by commas. If none does now, the name
    /// under which the account got it; empty if that is not known.
    pub providers: String,
    /// The issuer identifier.
    pub issuer: String,
    /// The person's name there.
    pub subject: String,
    /// When the account got it (wall time).
    pub linked: Timestamp,
}

/// The answer to `getIdentities`: oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnIdentities(pub Vec<OwnIdentity>);

impl Payload for OwnIdentities {
    fn write(&self, out: &mut Vec<u8>) {
        put_count(out, self.0.len());
        for identity in &self.0 {
            put_text(out, &identity.providers);
            put_text(out, &identity.issuer);
            put_text(out, &identity.subject);
            put_i64(out, identity.linked.0);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<OwnIdentities, ValueError> {
        const LEAST: usize = 3 * 2 + 8;
        let count = from.count(LEAST)?;
        let identity = |from: &mut Cursor<'_>| {
            Ok(OwnIdentity {
                providers: from.printable_text()?.to_owned(),
                issuer: from.printable_text()?.to_owned(),
                subject: from.printable_text()?.to_owned(),
                linked: from.timestamp()?,
            })
        };
        let all = (0..count).map(|_| identity(from));
        Ok(OwnIdentities(all.collect::<Result<_, ValueError>>()?))
    }
}
