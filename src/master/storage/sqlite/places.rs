//! spec/master/storage/sqlite.md · 3.1.3, 4.6.1
//!
//! The step of a migration that SQL cannot do: places of logins are hashes.
//!
//! Tests: `src/master/storage/sqlite.rs`.

use crate::master::storage::login_places::LoginPlace;
use crate::runtime::neighbourhood::Neighbourhood;
use rusqlite::{Transaction, params};
use std::net::IpAddr;
use uuid::Uuid;

/// Takes the places of all sessions for places that accounts have logged in from, for a database
/// that did not remember them.
///
/// # Errors
/// The database fails.
pub(in crate::master::storage) fn seed_login_places(
    transaction: &Transaction<'_>,
) -> rusqlite::Result<()> {
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
