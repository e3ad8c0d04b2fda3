//! spec/master/storage/reset_codes.md · 3.1.3, 4.1 (basic error handling)
//!
//! Reads and writes codes for new passwords, as hashes.
//!
//! Tests: `src/master/storage/outbox/tests.rs`.

use super::{Snapshot, SqliteTransaction, StorageError, Tx};
use crate::model::{AccountId, Email, OwnerNotice, ResetCodeHash, Timestamp, Username};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

/// The most codes of an account that were sent by mail and are valid side by side. Of printed ones
/// the last alone is.
pub const MAILED_CODES_MAX: i64 = 3;

impl Snapshot<'_> {
    /// The account that a code of this hash is for at `now`: one with this name, and still with the
    /// address that the code was sent to.
    ///
    /// # Errors
    /// The database fails.
    pub fn account_of_code(
        &mut self,
        username: &Username,
        code: &ResetCodeHash,
        now: Timestamp,
    ) -> Result<Option<AccountId>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite.prepare_cached(
            "SELECT accounts.account FROM reset_codes JOIN accounts USING (account)
             WHERE hash = ?1 AND username_key = ?2 AND expiry > ?3
                AND (address_key IS NULL OR address_key = email_key)",
        )?;
        let found = statement
            .query_row(params![code.0, username.key(), now.0], |row| row.get(0))
            .optional()?;
        Ok(found.map(AccountId))
    }

    /// An account that a roster made, with its e-mail key, if nobody has entered it yet: it is not
    /// locked, has no password and no identity, and has used no code.
    ///
    /// # Errors
    /// The database fails.
    pub fn unused_roster_account(
        &mut self,
        username: &Username,
    ) -> Result<Option<(AccountId, Option<String>)>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite.prepare_cached(
            "SELECT account, email_key FROM accounts
             WHERE username_key = ?1 AND worker = ?2 AND state = 0 AND is_password = 0
                AND NOT EXISTS (SELECT 1 FROM used_codes WHERE used_codes.account = accounts.account)
                AND NOT EXISTS (SELECT 1 FROM identities WHERE identities.account = accounts.account)",
        )?;
        let nobody = Uuid::nil();
        let read = |row: &Row<'_>| Ok((AccountId(row.get(0)?), row.get(1)?));
        Ok(statement
            .query_row(params![username.key(), nobody.as_bytes()], read)
            .optional()?)
    }

    /// Until when the printed code of an account is valid, if it has one at `now`.
    ///
    /// # Errors
    /// The database fails.
    pub fn printed_code_expiry(
        &mut self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let sql = "SELECT max(expiry) FROM reset_codes
                   WHERE account = ?1 AND address_key IS NULL AND expiry > ?2";
        let expiry: Option<i64> =
            sqlite.query_row(sql, params![account.0, now.0], |row| row.get(0))?;
        Ok(expiry.map(Timestamp))
    }

    /// Whether a code of this hash is the one that an account used last, after `since`.
    ///
    /// # Errors
    /// The database fails.
    pub fn was_last_code(
        &mut self,
        account: AccountId,
        code: &ResetCodeHash,
        since: Timestamp,
    ) -> Result<bool, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM used_codes WHERE account = ?1 AND hash = ?2 AND used > ?3)",
        )?;
        Ok(statement.query_row(params![account.0, code.0, since.0], |row| row.get(0))?)
    }
}

impl Tx<'_> {
    /// Stores a code that leaves by mail. All but the latest [`MAILED_CODES_MAX`] of the account,
    /// and everybody's that have expired, are deleted. None is stored where the account has another
    /// address by now.
    ///
    /// # Errors
    /// The database fails.
    pub fn store_mailed_code(
        &mut self,
        account: AccountId,
        code: &ResetCodeHash,
        address: &Email,
        (now, expiry): (Timestamp, Timestamp),
    ) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached("DELETE FROM reset_codes WHERE expiry <= ?1")?
            .execute([now.0])?;
        sqlite
            .prepare_cached(
                "INSERT INTO reset_codes (hash, account, address_key, created, expiry)
                 SELECT ?1, account, email_key, ?4, ?5 FROM accounts
                 WHERE account = ?2 AND email = ?3",
            )?
            .execute(params![
                code.0,
                account.0,
                address.as_str(),
                now.0,
                expiry.0
            ])?;
        sqlite
            .prepare_cached(
                "DELETE FROM reset_codes WHERE hash IN (SELECT hash FROM reset_codes
                 WHERE account = ?1 AND address_key IS NOT NULL ORDER BY created DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![account.0, MAILED_CODES_MAX])?;
        Ok(())
    }

    /// Stores a code that an administrator prints, in place of the one before it.
    ///
    /// # Errors
    /// The database fails.
    pub fn store_printed_code(
        &mut self,
        account: AccountId,
        code: &ResetCodeHash,
        (now, expiry): (Timestamp, Timestamp),
    ) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached("DELETE FROM reset_codes WHERE account = ?1 AND address_key IS NULL")?
            .execute([account.0])?;
        sqlite
            .prepare_cached(
                "INSERT INTO reset_codes (hash, account, created, expiry) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![code.0, account.0, now.0, expiry.0])?;
        Ok(())
    }

    /// Ends a code with its use, and all others of its account, also those whose mails wait. A code
    /// that was sent by mail proves its address.
    ///
    /// # Errors
    /// The database fails.
    pub fn use_reset_code(
        &mut self,
        account: AccountId,
        code: &ResetCodeHash,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached(
                "INSERT INTO proven_emails (account, address_key, proven)
                 SELECT account, address_key, ?2 FROM reset_codes
                 WHERE hash = ?1 AND address_key IS NOT NULL
                 ON CONFLICT (account) DO UPDATE SET address_key = excluded.address_key, proven = excluded.proven",
            )?
            .execute(params![code.0, now.0])?;
        end_codes(sqlite, account, now)?;
        sqlite
            .prepare_cached("INSERT INTO used_codes (account, hash, used) VALUES (?1, ?2, ?3)")?
            .execute(params![account.0, code.0, now.0])?;
        Ok(())
    }

    /// Ends all codes of an account, whose password was changed in another way, and the mails with
    /// codes that wait.
    ///
    /// # Errors
    /// The database fails.
    pub fn end_reset_codes(
        &mut self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        Ok(end_codes(sqlite, account, now)?)
    }

    /// Ends the codes of an account that were sent by mail, and the mails with codes that wait: its
    /// address changes. What an administrator printed stays.
    ///
    /// # Errors
    /// The database fails.
    pub fn end_mailed_codes(
        &mut self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached(
                "DELETE FROM reset_codes WHERE account = ?1 AND address_key IS NOT NULL",
            )?
            .execute([account.0])?;
        Ok(end_code_mails(sqlite, account, now)?)
    }

    /// Deletes a code whose mail was refused.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_reset_code(&mut self, code: &ResetCodeHash) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached("DELETE FROM reset_codes WHERE hash = ?1")?
            .execute([code.0])?;
        Ok(())
    }

    /// Deletes all codes and all mails: those of a backup were used and sent, or are too old.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_codes_and_mails(&mut self) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite.execute("DELETE FROM reset_codes", [])?;
        sqlite.execute("DELETE FROM used_codes", [])?;
        sqlite.execute("DELETE FROM outbox WHERE ended IS NULL", [])?;
        Ok(())
    }
}

fn end_codes(sqlite: &Connection, account: AccountId, now: Timestamp) -> rusqlite::Result<()> {
    for delete in [
        "DELETE FROM reset_codes WHERE account = ?1",
        "DELETE FROM used_codes WHERE account = ?1",
    ] {
        sqlite.prepare_cached(delete)?.execute([account.0])?;
    }
    end_code_mails(sqlite, account, now)
}

fn end_code_mails(sqlite: &Connection, account: AccountId, now: Timestamp) -> rusqlite::Result<()> {
    sqlite
        .prepare_cached(
            "UPDATE outbox SET ended = ?2 WHERE account = ?1 AND kind = ?3 AND ended IS NULL",
        )?
        .execute(params![account.0, now.0, OwnerNotice::ResetCode.as_str()])?;
    Ok(())
}
