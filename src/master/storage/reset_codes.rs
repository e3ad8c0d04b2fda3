//! spec/master/storage/reset_codes.md · 3.1.3, 4.1 (basic error handling)
//!
//! Reads and writes codes for new passwords, as hashes.
//!
//! Tests: `src/master/storage/outbox/tests.rs`.

use super::engine::{EngineResult, Row, params};
use super::{Snapshot, StorageError, Tx};
use crate::model::{AccountId, Email, OwnerNotice, ResetCodeHash, Timestamp, Username};
use uuid::Uuid;

/// The most codes of an account that were sent by mail and are valid side by side. Of printed ones
/// the last alone is.
pub const MAILED_CODES_MAX: i64 = 3;

/// An account that a roster made.
#[derive(Debug)]
pub struct RosterAccount {
    pub account: AccountId,
    pub email_key: Option<String>,
    /// Whether it is locked.
    pub is_locked: bool,
    /// Whether somebody has entered it: it has a password or an identity, or has used a code.
    pub is_entered: bool,
}

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
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT accounts.account FROM reset_codes JOIN accounts USING (account)
             WHERE hash = ?1 AND username_key = ?2 AND expiry > ?3
                AND (address_key IS NULL OR address_key = email_key)",
        )?;
        let found =
            statement.query_optional(params![code.0, username.key(), now.0], |row| row.get(0))?;
        Ok(found.map(AccountId))
    }

    /// The account with this name, if a roster made it.
    ///
    /// # Errors
    /// The database fails.
    pub fn roster_account(
        &mut self,
        username: &Username,
    ) -> Result<Option<RosterAccount>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT account, email_key, state <> 0, is_password <> 0
                OR EXISTS (SELECT 1 FROM used_codes WHERE used_codes.account = accounts.account)
                OR EXISTS (SELECT 1 FROM identities WHERE identities.account = accounts.account)
             FROM accounts WHERE username_key = ?1 AND worker = ?2",
        )?;
        let nobody = Uuid::nil();
        let read = |row: &Row<'_>| {
            Ok(RosterAccount {
                account: AccountId(row.get(0)?),
                email_key: row.get(1)?,
                is_locked: row.get(2)?,
                is_entered: row.get(3)?,
            })
        };
        statement.query_optional(params![username.key(), nobody.as_bytes()], read)
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
        let database = &*self;
        let sql = "SELECT max(expiry) FROM reset_codes
                   WHERE account = ?1 AND address_key IS NULL AND expiry > ?2";
        let expiry: Option<i64> =
            database.query_row(sql, params![account.0, now.0], |row| row.get(0))?;
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
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM used_codes WHERE account = ?1 AND hash = ?2 AND used > ?3)",
        )?;
        statement.query_row(params![account.0, code.0, since.0], |row| row.get(0))
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
        let database = &self.snapshot;
        database
            .prepare_cached("DELETE FROM reset_codes WHERE expiry <= ?1")?
            .execute([now.0])?;
        database
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
        database
            .prepare_cached(
                "DELETE FROM reset_codes WHERE hash IN (SELECT hash FROM reset_codes
                 WHERE account = ?1 AND address_key IS NOT NULL ORDER BY created DESC LIMIT 9223372036854775807 OFFSET ?2)",
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
        let database = &self.snapshot;
        database
            .prepare_cached("DELETE FROM reset_codes WHERE account = ?1 AND address_key IS NULL")?
            .execute([account.0])?;
        database
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
        let database = &self.snapshot;
        database
            .prepare_cached(
                "INSERT INTO proven_emails (account, address_key, proven)
                 SELECT account, address_key, ?2 FROM reset_codes
                 WHERE hash = ?1 AND address_key IS NOT NULL
                 ON CONFLICT (account) DO UPDATE SET address_key = excluded.address_key, proven = excluded.proven",
            )?
            .execute(params![code.0, now.0])?;
        end_codes(database, account, now)?;
        database
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
        let database = &self.snapshot;
        end_codes(database, account, now)
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
        let database = &self.snapshot;
        database
            .prepare_cached(
                "DELETE FROM reset_codes WHERE account = ?1 AND address_key IS NOT NULL",
            )?
            .execute([account.0])?;
        end_code_mails(database, account, now)
    }

    /// Deletes a code whose mail was refused.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_reset_code(&mut self, code: &ResetCodeHash) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached("DELETE FROM reset_codes WHERE hash = ?1")?
            .execute([code.0])?;
        Ok(())
    }

    /// Deletes all codes and all mails: those of a backup were used and sent, or are too old.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_codes_and_mails(&mut self) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database.execute("DELETE FROM reset_codes", [])?;
        database.execute("DELETE FROM used_codes", [])?;
        database.execute("DELETE FROM outbox WHERE ended IS NULL", [])?;
        Ok(())
    }
}

fn end_codes(database: &Snapshot<'_>, account: AccountId, now: Timestamp) -> EngineResult<()> {
    for delete in [
        "DELETE FROM reset_codes WHERE account = ?1",
        "DELETE FROM used_codes WHERE account = ?1",
    ] {
        database.prepare_cached(delete)?.execute([account.0])?;
    }
    end_code_mails(database, account, now)
}

fn end_code_mails(database: &Snapshot<'_>, account: AccountId, now: Timestamp) -> EngineResult<()> {
    database
        .prepare_cached(
            "UPDATE outbox SET ended = ?2 WHERE account = ?1 AND kind = ?3 AND ended IS NULL",
        )?
        .execute(params![account.0, now.0, OwnerNotice::ResetCode.as_str()])?;
    Ok(())
}
