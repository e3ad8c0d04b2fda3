//! spec/master/storage.md · 3.1.3, 3.1.2
//!
//! Reads what an account's export has beside what others read: mails, codes, places of logins.
//!
//! Tests: `tests/suite/master/export.rs`.

use super::{Snapshot, SqliteTransaction, StorageError};
use crate::model::{AccountId, Timestamp};

/// A mail to an account's owner, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedMail {
    /// A word of [`OwnerNotice`](crate::model::OwnerNotice).
    pub kind: String,
    pub address: String,
    pub created: Timestamp,
    /// `None` while it waits.
    pub ended: Option<Timestamp>,
    pub is_sent: bool,
}

/// A code of an account, without the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedCode {
    /// An administrator printed it; otherwise it was sent by mail.
    pub is_printed: bool,
    pub created: Timestamp,
    pub expiry: Timestamp,
}

impl Snapshot<'_> {
    /// The mails of an account, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn mails_of(&mut self, account: AccountId) -> Result<Vec<RememberedMail>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite.prepare_cached(
            "SELECT kind, address, created, ended, sent FROM outbox WHERE account = ?1
             ORDER BY created, number",
        )?;
        let rows = statement.query_map([account.0], |row| {
            Ok(RememberedMail {
                kind: row.get(0)?,
                address: row.get(1)?,
                created: Timestamp(row.get(2)?),
                ended: row.get::<_, Option<i64>>(3)?.map(Timestamp),
                is_sent: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The codes of an account, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn codes_of(&mut self, account: AccountId) -> Result<Vec<RememberedCode>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite.prepare_cached(
            "SELECT address_key IS NULL, created, expiry FROM reset_codes WHERE account = ?1
             ORDER BY created",
        )?;
        let rows = statement.query_map([account.0], |row| {
            Ok(RememberedCode {
                is_printed: row.get(0)?,
                created: Timestamp(row.get(1)?),
                expiry: Timestamp(row.get(2)?),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// When an account last logged in from each of the places that are remembered, oldest first.
    /// The places are hashes.
    ///
    /// # Errors
    /// The database fails.
    pub fn login_places_of(&mut self, account: AccountId) -> Result<Vec<Timestamp>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite
            .prepare_cached("SELECT last FROM login_places WHERE account = ?1 ORDER BY last")?;
        let rows = statement.query_map([account.0], |row| row.get(0).map(Timestamp))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
