//! spec/master/storage/deletion.md · 2.4.1 Account Structure
//!
//! Deletes accounts: all that tells whose they were.
//!
//! Tests: `src/master/auth/deletion/tests.rs`.

use super::engine::{Row, params};
use super::{Snapshot, Storage, StorageError, Tx, outbox};
use crate::model::{AccountId, SessionHash, Timestamp};
use std::time::{Duration, Instant};

/// What is deleted with an account, table by table.
const DELETIONS: &[&str] = &[
    "DELETE FROM sessions WHERE account = ?1",
    "DELETE FROM login_places WHERE account = ?1",
    "DELETE FROM identities WHERE account = ?1",
    "DELETE FROM reset_codes WHERE account = ?1",
    "DELETE FROM used_codes WHERE account = ?1",
    "DELETE FROM proven_emails WHERE account = ?1",
    "DELETE FROM acts WHERE account = ?1",
];

/// Time between two attempts to empty the write-ahead log.
const LOG_EMPTY_INTERVAL: Duration = Duration::from_secs(10);

/// Empties the write-ahead log after somebody was deleted: it has pages as they were before.
#[derive(Debug, Default)]
pub struct LogEmptying {
    is_due: bool,
    /// When it was tried last; `None`: not in this process.
    tried: Option<Instant>,
}

impl LogEmptying {
    /// Has the log emptied soon.
    pub fn ask(&mut self) {
        self.is_due = true;
    }

    /// Empties the log if that is due, unless it was tried in the last [`LOG_EMPTY_INTERVAL`]. Where
    /// others use the log, or the database fails, it stays due.
    pub fn go_on(&mut self, storage: &Storage, now: Instant) {
        let is_early = self
            .tried
            .is_some_and(|at| now.saturating_duration_since(at) < LOG_EMPTY_INTERVAL);
        if !self.is_due || is_early {
            return;
        }
        self.tried = Some(now);
        let Storage::Sqlite(database) = storage else {
            // The log is the server's, and so is what stays in it.
            self.is_due = false;
            return;
        };
        match database.empty_log() {
            Ok(is_empty) => self.is_due = !is_empty,
            Err(error) => crate::warn!("the write-ahead log could not be emptied yet: {error}"),
        }
    }
}

impl Snapshot<'_> {
    /// Whether an account is deleted.
    ///
    /// # Errors
    /// The database fails.
    pub fn is_deleted(&mut self, account: AccountId) -> Result<bool, StorageError> {
        let database = &*self;
        let sql = "SELECT 1 FROM accounts WHERE account = ?1 AND state = 2";
        database.prepare_cached(sql)?.exists([account.0])
    }

    /// Whether a code that was sent to the address of an account was used.
    ///
    /// # Errors
    /// The database fails.
    pub fn has_proven_email(&mut self, account: AccountId) -> Result<bool, StorageError> {
        let database = &*self;
        let sql = "SELECT 1 FROM accounts JOIN proven_emails USING (account)
                   WHERE account = ?1 AND address_key = email_key";
        database.prepare_cached(sql)?.exists([account.0])
    }

    /// Whether a session is stored, which is so from its begin to its end.
    ///
    /// # Errors
    /// The database fails.
    pub fn has_session(&mut self, hash: &SessionHash) -> Result<bool, StorageError> {
        let database = &*self;
        let sql = "SELECT 1 FROM sessions WHERE hash = ?1";
        database.prepare_cached(sql)?.exists([hash.0])
    }

    /// The account that was deleted because this session asked for it.
    ///
    /// # Errors
    /// The database fails.
    pub fn deleted_by(&mut self, hash: &SessionHash) -> Result<Option<AccountId>, StorageError> {
        let database = &*self;
        let sql = "SELECT account FROM accounts WHERE deleted_by = ?1";
        let read = |row: &Row<'_>| row.get(0).map(AccountId);
        database.prepare_cached(sql)?.query_optional([hash.0], read)
    }
}

impl Tx<'_> {
    /// Deletes an account: its name becomes `~` and its number, and all goes that tells whose it was
    /// or that somebody could enter it with. Its row, transactions and positions stay. `by` is the
    /// session that asked; `None`: an administrator did. What mails its addresses got in the last hour
    /// is remembered without them. False: it was deleted before.
    ///
    /// # Errors
    /// The database fails.
    pub fn erase_account(
        &mut self,
        account: AccountId,
        by: Option<&SessionHash>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let database = &self.snapshot;
        let changed = database
            .prepare_cached(
                "UPDATE accounts SET username = '~' || account, username_key = '~' || account,
                    email = NULL, email_key = NULL, email_owner = NULL, is_password = 0,
                    pass_hash = NULL, state = 2, deleted_by = ?2
                 WHERE account = ?1 AND state < 2",
            )?
            .execute(params![account.0, by.map(|hash| hash.0)])?;
        if changed == 0 {
            return Ok(false);
        }
        for sql in DELETIONS {
            database.prepare_cached(sql)?.execute([account.0])?;
        }
        outbox::erase_mails(database, account, now)?;
        Ok(true)
    }
}
