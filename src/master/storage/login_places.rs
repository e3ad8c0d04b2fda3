//! spec/master/storage.md · 3.1.3, 4.6.1
//!
//! Tests: `src/master/storage/accounts/tests.rs`.
//!
//! From where accounts log in, as hashes.

use crate::runtime::neighbourhood::Neighbourhood;
use rusqlite::{Transaction, params};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
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

/// Takes the places of all sessions for places that accounts have logged in from, for a database
/// that did not remember them.
///
/// # Errors
/// The database fails.
pub(super) fn seed(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut sessions = transaction.prepare(
        "SELECT account, username_key, sessions.client, sessions.worker, since
         FROM sessions JOIN accounts USING (account) ORDER BY since",
    )?;
    let mut store = transaction.prepare(
        "INSERT INTO login_places (place, account, last) VALUES (?1, ?2, ?3)
         ON CONFLICT (place) DO UPDATE SET last = excluded.last",
    )?;
    let mut rows = sessions.query([])?;
    while let Some(row) = rows.next()? {
        let (name, client): (String, String) = (row.get(1)?, row.get(2)?);
        let worker = Uuid::from_bytes(row.get(3)?);
        // Written by this program. A client of another form only lacks its place.
        if let Ok(client) = client.parse::<IpAddr>() {
            let place = LoginPlace::of(&name, &worker, Neighbourhood::of(client));
            store.execute(params![
                place.0,
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(4)?
            ])?;
        }
    }
    Ok(())
}
