//! spec/master/storage/deletion.md · 2.4.1 Account Structure
//!
//! Deletes accounts: all that tells whose they were.
//!
//! Tests: `src/master/auth/deletion/tests.rs`.

use super::{Snapshot, SqliteTransaction, StorageError, Tx};
use crate::model::{AccountId, SessionHash};
use rusqlite::{OptionalExtension, params};

/// What is deleted with an account, table by table.
const DELETIONS: &[&str] = &[
    "DELETE FROM sessions WHERE account = ?1",
    "DELETE FROM login_places WHERE account = ?1",
    "DELETE FROM identities WHERE account = ?1",
    "DELETE FROM reset_codes WHERE account = ?1",
    "DELETE FROM used_codes WHERE account = ?1",
    "DELETE FROM proven_emails WHERE account = ?1",
    "DELETE FROM outbox WHERE account = ?1",
];

impl Snapshot<'_> {
    /// Whether an account is deleted.
    ///
    /// # Errors
    /// The database fails.
    pub fn is_deleted(&mut self, account: AccountId) -> Result<bool, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let sql = "SELECT 1 FROM accounts WHERE account = ?1 AND state = 2";
        Ok(sqlite.prepare_cached(sql)?.exists([account.0])?)
    }

    /// Whether a code that was sent to the address of an account was used.
    ///
    /// # Errors
    /// The database fails.
    pub fn has_proven_email(&mut self, account: AccountId) -> Result<bool, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let sql = "SELECT 1 FROM accounts JOIN proven_emails USING (account)
                   WHERE account = ?1 AND address_key = email_key";
        Ok(sqlite.prepare_cached(sql)?.exists([account.0])?)
    }

    /// Whether a session is stored, which is so from its begin to its end.
    ///
    /// # Errors
    /// The database fails.
    pub fn has_session(&mut self, hash: &SessionHash) -> Result<bool, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let sql = "SELECT 1 FROM sessions WHERE hash = ?1";
        Ok(sqlite.prepare_cached(sql)?.exists([hash.0])?)
    }

    /// The account that was deleted because this session asked for it.
    ///
    /// # Errors
    /// The database fails.
    pub fn deleted_by(&mut self, hash: &SessionHash) -> Result<Option<AccountId>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let sql = "SELECT account FROM accounts WHERE deleted_by = ?1";
        let read = |row: &rusqlite::Row<'_>| row.get(0).map(AccountId);
        Ok(sqlite
            .prepare_cached(sql)?
            .query_row([hash.0], read)
            .optional()?)
    }
}

impl Tx<'_> {
    /// Deletes an account: its name becomes `~` and its number, and all goes that tells whose it was
    /// or that somebody could enter it with. Its row, transactions and positions stay. `by` is the
    /// session that asked; `None`: an administrator did. False: it was deleted before.
    ///
    /// # Errors
    /// The database fails.
    pub fn erase_account(
        &mut self,
        account: AccountId,
        by: Option<&SessionHash>,
    ) -> Result<bool, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        let changed = sqlite
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
            sqlite.prepare_cached(sql)?.execute([account.0])?;
        }
        Ok(true)
    }
}
