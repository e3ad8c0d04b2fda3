//! spec/master/storage/outbox.md · 3.1.3, 4.1 (basic error handling)
//!
//! Reads and writes mails that wait, and remembers those that have ended.
//!
//! Tests: `src/master/storage/outbox/tests.rs`.

use super::sqlite::{damaged, unsigned};
use super::{Snapshot, SqliteTransaction, StorageError, Tx};
use crate::model::{AccountId, Email, OwnerNotice, Timestamp, Username};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// The most mails that wait. Further ones are not queued.
pub const OUTBOX_WAITING_MAX: i64 = 10_000;
/// The most mails of one account that wait.
pub const ACCOUNT_WAITING_MAX: i64 = 20;
/// The most mails that have ended and are remembered. The oldest are forgotten first.
pub const OUTBOX_ENDED_MAX: i64 = 100_000;
/// The longest detail of a mail, in characters.
pub const MAIL_DETAIL_MAX: usize = 400;

/// To whom a mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRecipient {
    pub account: AccountId,
    /// Spelled as at registration.
    pub username: Username,
    pub address: Email,
}

/// A mail that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    pub number: i64,
    /// `None`: the mail tells that the account was deleted.
    pub account: Option<AccountId>,
    pub kind: OwnerNotice,
    pub username: Username,
    pub address: Email,
    /// What the text names beside the account; empty if nothing.
    pub detail: String,
    /// When it was caused.
    pub created: Timestamp,
    /// Attempts that were begun.
    pub attempts: u32,
}

impl Snapshot<'_> {
    /// The number of mails that wait.
    ///
    /// # Errors
    /// The database fails.
    pub fn waiting_mails(&mut self) -> Result<u64, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        Ok(unsigned(waiting(sqlite)?))
    }

    /// The mail that is due longest at `now`.
    ///
    /// # Errors
    /// The database fails.
    pub fn due_mail(&mut self, now: Timestamp) -> Result<Option<QueuedMail>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite.prepare_cached(
            "SELECT number, account, kind, username, address, detail, created, attempts FROM outbox
             WHERE ended IS NULL AND due <= ?1 ORDER BY due, number LIMIT 1",
        )?;
        Ok(statement.query_row([now.0], queued).optional()?)
    }

    /// Finds the account with this name or address, if it has an address.
    ///
    /// # Errors
    /// The database fails.
    pub fn mail_recipient(
        &mut self,
        name_or_address: &str,
    ) -> Result<Option<MailRecipient>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let (column, key) = match (
            Username::parse(name_or_address),
            Email::parse(name_or_address),
        ) {
            (Ok(name), _) => ("username_key", name.key()),
            (_, Ok(address)) => ("email_key", address.key()),
            _ => return Ok(None),
        };
        let mut statement = sqlite.prepare_cached(&format!(
            "SELECT account, username, email FROM accounts WHERE {column} = ?1 AND email <> ''"
        ))?;
        let read = |row: &Row<'_>| -> rusqlite::Result<MailRecipient> {
            Ok(MailRecipient {
                account: AccountId(row.get(0)?),
                username: stored_username(row, 1)?,
                address: stored_address(row, 2)?,
            })
        };
        Ok(statement.query_row([key], read).optional()?)
    }

    /// The mails with codes that were caused since a time: the more of those of an account and of
    /// those to its address.
    ///
    /// # Errors
    /// The database fails.
    pub fn reset_mails_since(
        &mut self,
        recipient: &MailRecipient,
        since: Timestamp,
    ) -> Result<u64, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite.prepare_cached(
            "SELECT max((SELECT count(*) FROM outbox WHERE account = ?1 AND created > ?3 AND kind = ?4),
                        (SELECT count(*) FROM outbox WHERE address_key = ?2 AND created > ?3 AND kind = ?4))",
        )?;
        let count = statement.query_row(
            params![
                recipient.account.0,
                recipient.address.key(),
                since.0,
                OwnerNotice::ResetCode.as_str()
            ],
            |row| row.get(0),
        )?;
        Ok(unsigned(count))
    }
}

impl Tx<'_> {
    /// Says whether mails are sent. If not, [`Tx::insert_notice`] queues none, and those that wait
    /// are deleted: nobody is to get them weeks later.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_outbox_open(&mut self, is_open: bool) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite.execute("UPDATE outbox_state SET is_open = ?1", [is_open])?;
        if !is_open {
            sqlite.execute("DELETE FROM outbox WHERE ended IS NULL", [])?;
        }
        Ok(())
    }

    /// Queues a mail that tells an account's owner of a change, to the address that the account has
    /// now. False: it has none, no mails are sent, or too many wait.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_notice(
        &mut self,
        account: AccountId,
        kind: OwnerNotice,
        detail: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        if !has_room(sqlite, account)? {
            return Ok(false);
        }
        let detail: String = detail.chars().take(MAIL_DETAIL_MAX).collect();
        // Who deletes an account keeps nothing of it but what the mail itself says.
        let owner = Some(account.0).filter(|_| kind != OwnerNotice::AccountDeleted);
        let queued = sqlite
            .prepare_cached(
                "INSERT INTO outbox (account, kind, username, address, address_key, detail, created, due)
                 SELECT ?2, ?3, username, email, email_key, ?4, ?5, ?5 FROM accounts
                 WHERE account = ?1 AND email <> '' AND (SELECT is_open FROM outbox_state)",
            )?
            .execute(params![account.0, owner, kind.as_str(), detail, now.0])?;
        Ok(queued > 0)
    }

    /// Queues a mail with a code. False: too many mails wait.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_reset_mail(
        &mut self,
        recipient: &MailRecipient,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        if !has_room(sqlite, recipient.account)? {
            return Ok(false);
        }
        sqlite
            .prepare_cached(
                "INSERT INTO outbox (account, kind, username, address, address_key, detail, created, due)
                 VALUES (?1, ?2, ?3, ?4, ?5, '', ?6, ?6)",
            )?
            .execute(params![
                recipient.account.0,
                OwnerNotice::ResetCode.as_str(),
                recipient.username.as_str(),
                recipient.address.as_str(),
                recipient.address.key(),
                now.0
            ])?;
        Ok(true)
    }

    /// Counts an attempt, and sets when the next one is due if this one does not end the mail.
    ///
    /// # Errors
    /// The database fails.
    pub fn begin_mail_attempt(&mut self, number: i64, due: Timestamp) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached(
                "UPDATE outbox SET attempts = attempts + 1, due = ?2 WHERE number = ?1 AND ended IS NULL",
            )?
            .execute(params![number, due.0])?;
        Ok(())
    }

    /// Sets when the next attempt is due.
    ///
    /// # Errors
    /// The database fails.
    pub fn postpone_mail(&mut self, number: i64, due: Timestamp) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached("UPDATE outbox SET due = ?2 WHERE number = ?1 AND ended IS NULL")?
            .execute(params![number, due.0])?;
        Ok(())
    }

    /// Ends a mail, which was sent or was given up. Forgets the mail of a deleted account.
    ///
    /// # Errors
    /// The database fails.
    pub fn end_mail(
        &mut self,
        number: i64,
        is_sent: bool,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached(
                "UPDATE outbox SET ended = ?2, sent = ?3 WHERE number = ?1 AND ended IS NULL",
            )?
            .execute(params![number, now.0, is_sent])?;
        sqlite
            .prepare_cached("DELETE FROM outbox WHERE number = ?1 AND account IS NULL")?
            .execute([number])?;
        Ok(())
    }

    /// Forgets mails that ended before a time, and the oldest beyond [`OUTBOX_ENDED_MAX`].
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_ended_mails(&mut self, before: Timestamp) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached("DELETE FROM outbox WHERE ended < ?1")?
            .execute([before.0])?;
        sqlite
            .prepare_cached(
                "DELETE FROM outbox WHERE number IN (SELECT number FROM outbox
                 WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT -1 OFFSET ?1)",
            )?
            .execute([OUTBOX_ENDED_MAX])?;
        Ok(())
    }
}

fn waiting(sqlite: &Connection) -> rusqlite::Result<i64> {
    sqlite
        .prepare_cached("SELECT count(*) FROM outbox WHERE ended IS NULL")?
        .query_row([], |row| row.get(0))
}

/// Whether one more mail of an account may wait.
fn has_room(sqlite: &Connection, account: AccountId) -> rusqlite::Result<bool> {
    let own: i64 = sqlite
        .prepare_cached("SELECT count(*) FROM outbox WHERE account = ?1 AND ended IS NULL")?
        .query_row([account.0], |row| row.get(0))?;
    Ok(own < ACCOUNT_WAITING_MAX && waiting(sqlite)? < OUTBOX_WAITING_MAX)
}

fn queued(row: &Row<'_>) -> rusqlite::Result<QueuedMail> {
    let kind: String = row.get(2)?;
    let attempts: i64 = row.get(7)?;
    Ok(QueuedMail {
        number: row.get(0)?,
        account: row.get::<_, Option<i64>>(1)?.map(AccountId),
        kind: OwnerNotice::from_name(&kind).ok_or_else(|| damaged("a kind of mail"))?,
        username: stored_username(row, 3)?,
        address: stored_address(row, 4)?,
        detail: row.get(5)?,
        created: Timestamp(row.get(6)?),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    })
}

fn stored_username(row: &Row<'_>, column: usize) -> rusqlite::Result<Username> {
    Username::parse(&row.get::<_, String>(column)?).map_err(|_| damaged("a username"))
}

fn stored_address(row: &Row<'_>, column: usize) -> rusqlite::Result<Email> {
    Email::parse(&row.get::<_, String>(column)?).map_err(|_| damaged("an e-mail address"))
}

#[cfg(test)]
mod tests;
