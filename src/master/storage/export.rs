//! spec/master/storage.md · 3.1.3, 3.1.2
//!
//! Reads what an account's export has beside what others read: mails, codes, the proven address, places
//! of logins, workers of sessions.
//!
//! Tests: `tests/suite/master/export.rs`.

use super::engine::Row;
use super::{Snapshot, StorageError};
use crate::model::{AccountId, SessionHash, Timestamp};
use uuid::Uuid;

/// A mail to an account's owner, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedMail {
    /// A word of [`OwnerNotice`](crate::model::OwnerNotice).
    pub kind: String,
    pub username: String,
    pub address: String,
    /// What it names beside the account; empty if nothing.
    pub detail: String,
    /// How many earlier events it tells of beside that one.
    pub folded: u32,
    pub attempts: u32,
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
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT kind, address, created, ended, sent, username, detail, folded, attempts
             FROM outbox WHERE account = ?1 ORDER BY created, number",
        )?;
        let rows = statement.query_map([account.0], |row| {
            Ok(RememberedMail {
                kind: row.get(0)?,
                address: row.get(1)?,
                created: Timestamp(row.get(2)?),
                ended: row.get::<Option<i64>>(3)?.map(Timestamp),
                is_sent: row.get(4)?,
                username: row.get(5)?,
                detail: row.get(6)?,
                folded: row.get(7)?,
                attempts: row.get(8)?,
            })
        })?;
        rows.collect()
    }

    /// The codes of an account, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn codes_of(&mut self, account: AccountId) -> Result<Vec<RememberedCode>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
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
        rows.collect()
    }

    /// The address that an account has proven, in the form that is compared, and when; it may have
    /// another one since.
    ///
    /// # Errors
    /// The database fails.
    pub fn proven_address(
        &mut self,
        account: AccountId,
    ) -> Result<Option<(String, Timestamp)>, StorageError> {
        let database = &*self;
        let mut statement = database
            .prepare_cached("SELECT address_key, proven FROM proven_emails WHERE account = ?1")?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, Timestamp(row.get(1)?)));
        statement.query_optional([account.0], read)
    }

    /// When an account last used a code.
    ///
    /// # Errors
    /// The database fails.
    pub fn last_used_code(
        &mut self,
        account: AccountId,
    ) -> Result<Option<Timestamp>, StorageError> {
        let database = &*self;
        let mut statement =
            database.prepare_cached("SELECT used FROM used_codes WHERE account = ?1")?;
        let read = |row: &Row<'_>| row.get(0).map(Timestamp);
        statement.query_optional([account.0], read)
    }

    /// The workers that a session has passed through beside the one that it was made by.
    ///
    /// # Errors
    /// The database fails.
    pub fn workers_of_session(&mut self, hash: &SessionHash) -> Result<Vec<Uuid>, StorageError> {
        let database = &*self;
        let mut statement = database
            .prepare_cached("SELECT worker FROM session_workers WHERE hash = ?1 ORDER BY worker")?;
        let rows = statement.query_map([hash.0], |row| row.get(0).map(Uuid::from_bytes))?;
        rows.collect()
    }

    /// When an account last logged in from each of the places that are remembered, oldest first.
    /// The places are hashes.
    ///
    /// # Errors
    /// The database fails.
    pub fn login_places_of(&mut self, account: AccountId) -> Result<Vec<Timestamp>, StorageError> {
        let database = &*self;
        let mut statement = database
            .prepare_cached("SELECT last FROM login_places WHERE account = ?1 ORDER BY last")?;
        let rows = statement.query_map([account.0], |row| row.get(0).map(Timestamp))?;
        rows.collect()
    }
}
