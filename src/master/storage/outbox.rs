//! spec/master/storage/outbox.md · 3.1.3, 4.1 (basic error handling)
//!
//! Reads and writes mails that wait, and remembers those that have ended.
//!
//! Tests: `src/master/storage/outbox/tests.rs`.

use super::engine::{EngineResult, Row, damaged, params, unsigned};
use super::{Snapshot, StorageError, Tx};
use crate::model::{AccountId, Email, OwnerNotice, Timestamp, Username};
use sha2::{Digest, Sha256};

/// The most mails that wait. Further ones are not queued.
pub const OUTBOX_WAITING_MAX: i64 = 10_000;
/// The part of [`OUTBOX_WAITING_MAX`] that is kept for mails with codes.
pub const OUTBOX_CODES_KEPT: i64 = 1_000;
/// The further part that is kept for notices about passwords, addresses and identities: those about
/// tokens, of which a program makes many, fill neither.
pub const OUTBOX_NOTICES_KEPT: i64 = 1_000;
/// Notices that leave at once in an hour, for an account and for an address that is proven. Those
/// about tokens fill no room of the others.
pub const NOTICES_PER_HOUR_MAX: i64 = 10;
/// The same while nobody has proven that the address is the account's: it may be a stranger's.
pub const UNPROVEN_NOTICES_PER_HOUR_MAX: i64 = 3;
/// Notices of any kind in an hour to an address that is not proven, whatever accounts have it.
pub const UNPROVEN_ADDRESS_PER_HOUR_MAX: i64 = 20;
/// Milliseconds for which notices are counted, and for which one waits that exceeds its count. The
/// later ones of its kind are told in it.
const NOTICE_HOUR: i64 = 3_600_000;
/// Milliseconds that a mail waits for at most, from when that was decided.
pub const OUTBOX_PAUSE_MAX: i64 = NOTICE_HOUR;
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
    /// How many earlier events of its kind it tells of, beside the one that it names.
    pub folded: u32,
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
        let database = &*self;
        Ok(unsigned(waiting(database)?))
    }

    /// The number of mails since the start that found no room.
    ///
    /// # Errors
    /// The database fails.
    pub fn dropped_mails(&mut self) -> Result<u64, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached("SELECT dropped FROM outbox_state")?;
        Ok(unsigned(statement.query_row([], |row| row.get(0))?))
    }

    /// The mail that is due longest at `now`. One that waits for longer than any pause is due: the
    /// machine's clock was set back.
    ///
    /// # Errors
    /// The database fails.
    pub fn due_mail(&mut self, now: Timestamp) -> Result<Option<QueuedMail>, StorageError> {
        let database = &*self;
        let find = |condition: &str, bound: i64| -> EngineResult<Option<QueuedMail>> {
            let mut statement = database.prepare_cached(&format!(
                "SELECT number, account, kind, username, address, detail, created, attempts, folded
                 FROM outbox WHERE ended IS NULL AND {condition} ORDER BY due, number LIMIT 1"
            ))?;
            statement.query_optional([bound], queued)
        };
        if let Some(mail) = find("due <= ?1", now.0)? {
            return Ok(Some(mail));
        }
        find("due > ?1", now.0.saturating_add(OUTBOX_PAUSE_MAX))
    }

    /// Finds the account with this name or address, if it has an address.
    ///
    /// # Errors
    /// The database fails.
    pub fn mail_recipient(
        &mut self,
        name_or_address: &str,
    ) -> Result<Option<MailRecipient>, StorageError> {
        let database = &*self;
        let (column, key) = match (
            Username::parse(name_or_address),
            Email::parse(name_or_address),
        ) {
            (Ok(name), _) => ("username_key", name.key()),
            (_, Ok(address)) => ("email_key", address.key()),
            _ => return Ok(None),
        };
        let mut statement = database.prepare_cached(&format!(
            "SELECT account, username, email FROM accounts WHERE {column} = ?1 AND email <> ''"
        ))?;
        let read = |row: &Row<'_>| -> EngineResult<MailRecipient> {
            Ok(MailRecipient {
                account: AccountId(row.get(0)?),
                username: stored_username(row, 1)?,
                address: stored_address(row, 2)?,
            })
        };
        statement.query_optional([key], read)
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
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT max(mails) FROM (
                 SELECT count(*) AS mails FROM outbox WHERE account = ?1 AND created > ?3 AND kind = ?4
                 UNION ALL
                 SELECT count(*) FROM outbox WHERE address_key IN (?2, ?5) AND created > ?3 AND kind = ?4
             ) AS counts",
        )?;
        let key = recipient.address.key();
        let count = statement.query_row(
            params![
                recipient.account.0,
                key,
                since.0,
                OwnerNotice::ResetCode.as_str(),
                erased_key(&key)
            ],
            |row| row.get(0),
        )?;
        Ok(unsigned(count))
    }
}

impl Tx<'_> {
    /// Says whether mails are sent. If not, [`Tx::insert_notice`] queues none, and those that wait
    /// are deleted: nobody is to get them weeks later. So are those of deleted accounts.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_outbox_open(&mut self, is_open: bool) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database.execute(
            "UPDATE outbox_state SET is_open = ?1, dropped = 0",
            [is_open],
        )?;
        if !is_open {
            database.execute(
                "DELETE FROM outbox WHERE ended IS NULL OR account IS NULL",
                [],
            )?;
        }
        Ok(())
    }

    /// Queues a mail that tells an account's owner of a change, to the address that the account has
    /// now. One that waits and tells of an earlier change of this kind tells of both. What exceeds
    /// the account's or the address's count leaves an hour later. False: nobody is to be told, as
    /// the account has no address or no mails are sent; or there is no room, which is counted.
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
        let database = &self.snapshot;
        let Some(to) = notice_recipient(database, account)? else {
            return Ok(false);
        };
        // Who deletes an account keeps nothing of it but what the mail itself says.
        let notice = Notice {
            account: Some(account.0).filter(|_| kind != OwnerNotice::AccountDeleted),
            kind,
            detail: detail.chars().take(MAIL_DETAIL_MAX).collect(),
            now,
        };
        if fold(database, &to, &notice)? {
            return Ok(true);
        }
        let recent = notices_since(database, &to, &notice)?;
        let is_flooded = !to.is_proven && recent.to_address >= UNPROVEN_ADDRESS_PER_HOUR_MAX;
        if is_flooded || waiting(database)? >= waiting_max(kind) {
            count_dropped(database)?;
            return Ok(false);
        }
        let at_once = if to.is_proven {
            NOTICES_PER_HOUR_MAX
        } else {
            UNPROVEN_NOTICES_PER_HOUR_MAX
        };
        let wait = if recent.alike < at_once {
            0
        } else {
            NOTICE_HOUR
        };
        database
            .prepare_cached(
                "INSERT INTO outbox (account, kind, username, address, address_key, detail, created, due)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                notice.account,
                kind.as_str(),
                to.username,
                to.address.as_str(),
                to.address.key(),
                notice.detail,
                now.0,
                now.0.saturating_add(wait)
            ])?;
        Ok(true)
    }

    /// Queues a mail with a code. False: too many mails wait, which is counted.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_reset_mail(
        &mut self,
        recipient: &MailRecipient,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let database = &self.snapshot;
        if waiting(database)? >= waiting_max(OwnerNotice::ResetCode) {
            count_dropped(database)?;
            return Ok(false);
        }
        database
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
        let database = &self.snapshot;
        database
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
        let database = &self.snapshot;
        database
            .prepare_cached("UPDATE outbox SET due = ?2 WHERE number = ?1 AND ended IS NULL")?
            .execute(params![number, due.0])?;
        Ok(())
    }

    /// Ends a mail, which was sent or was given up. Of a deleted account's it is remembered for an hour
    /// that there was one.
    ///
    /// # Errors
    /// The database fails.
    pub fn end_mail(
        &mut self,
        number: i64,
        is_sent: bool,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached(
                "UPDATE outbox SET ended = ?2, sent = ?3 WHERE number = ?1 AND ended IS NULL",
            )?
            .execute(params![number, now.0, is_sent])?;
        let key: Option<String> = database
            .prepare_cached(
                "SELECT address_key FROM outbox WHERE number = ?1 AND account IS NULL AND address <> ''",
            )?
            .query_optional([number], |row| row.get(0))?;
        if let Some(key) = key {
            database
                .prepare_cached(
                    "UPDATE outbox SET username = '', address = '', address_key = ?2, detail = ''
                     WHERE number = ?1",
                )?
                .execute(params![number, erased_key(&key)])?;
        }
        Ok(())
    }

    /// Forgets the mails of deleted accounts which count no more at `now`.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_erased_mails(&mut self, now: Timestamp) -> Result<(), StorageError> {
        let database = &self.snapshot;
        for (side, bound) in [("<=", hour_before(now)), (">", hour_after(now))] {
            database
                .prepare_cached(&format!(
                    "DELETE FROM outbox WHERE account IS NULL AND created {side} ?1 AND address = ''"
                ))?
                .execute([bound])?;
        }
        Ok(())
    }

    /// Forgets mails that ended before a time, and the oldest beyond [`OUTBOX_ENDED_MAX`].
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_ended_mails(&mut self, before: Timestamp) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached("DELETE FROM outbox WHERE ended < ?1")?
            .execute([before.0])?;
        database
            .prepare_cached(
                "DELETE FROM outbox WHERE number IN (SELECT number FROM outbox
                 WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT 9223372036854775807 OFFSET ?1)",
            )?
            .execute([OUTBOX_ENDED_MAX])?;
        Ok(())
    }
}

/// Takes all from the mails of an account that tells whose they were, and ends those that wait. What
/// was caused in the last hour counts for its address still, of which the SHA-256 stays; the others
/// go.
pub(super) fn erase_mails(
    database: &Snapshot<'_>,
    account: AccountId,
    now: Timestamp,
) -> EngineResult<()> {
    database
        .prepare_cached("DELETE FROM outbox WHERE account = ?1 AND created NOT BETWEEN ?2 AND ?3")?
        .execute(params![account.0, hour_before(now), hour_after(now)])?;
    let keys: Vec<String> = database
        .prepare_cached("SELECT DISTINCT address_key FROM outbox WHERE account = ?1")?
        .query_map([account.0], |row| row.get(0))?
        .collect::<EngineResult<_>>()?;
    for key in keys {
        database
            .prepare_cached(
                "UPDATE outbox SET account = NULL, username = '', address = '', address_key = ?3,
                    detail = '', ended = coalesce(ended, ?4)
                 WHERE account = ?1 AND address_key = ?2",
            )?
            .execute(params![account.0, key, erased_key(&key), now.0])?;
    }
    Ok(())
}

/// What stays of an address for which mails are counted: its SHA-256 in hexadecimal digits, which is
/// no address.
fn erased_key(address_key: &str) -> String {
    hex::encode(Sha256::digest(address_key))
}

fn hour_before(now: Timestamp) -> i64 {
    now.0.saturating_sub(NOTICE_HOUR)
}

fn hour_after(now: Timestamp) -> i64 {
    now.0.saturating_add(NOTICE_HOUR)
}

fn waiting(database: &Snapshot<'_>) -> EngineResult<i64> {
    database
        .prepare_cached("SELECT count(*) FROM outbox WHERE ended IS NULL")?
        .query_row([], |row| row.get(0))
}

/// How many mails may wait for one of a kind to be queued.
fn waiting_max(kind: OwnerNotice) -> i64 {
    if kind == OwnerNotice::ResetCode {
        OUTBOX_WAITING_MAX
    } else if kind.is_about_token() {
        OUTBOX_WAITING_MAX - OUTBOX_CODES_KEPT - OUTBOX_NOTICES_KEPT
    } else {
        OUTBOX_WAITING_MAX - OUTBOX_CODES_KEPT
    }
}

fn count_dropped(database: &Snapshot<'_>) -> EngineResult<()> {
    database
        .prepare_cached("UPDATE outbox_state SET dropped = dropped + 1")?
        .execute([])?;
    Ok(())
}

/// Whom a notice tells.
struct NoticeRecipient {
    username: String,
    address: Email,
    /// Whether a code that was sent to the address was used.
    is_proven: bool,
}

/// What a notice tells.
struct Notice {
    account: Option<i64>,
    kind: OwnerNotice,
    detail: String,
    now: Timestamp,
}

/// Notices of the last hour.
struct RecentNotices {
    /// Those whose room a notice shares, of its account or its address, whichever are more.
    alike: i64,
    /// All to its address.
    to_address: i64,
}

/// Whom to tell; `None` if mails are not sent, or the account has no address.
fn notice_recipient(
    database: &Snapshot<'_>,
    account: AccountId,
) -> EngineResult<Option<NoticeRecipient>> {
    let mut statement = database.prepare_cached(
        "SELECT username, email, EXISTS (SELECT 1 FROM proven_emails
            WHERE proven_emails.account = accounts.account AND address_key = email_key)
         FROM accounts
         WHERE account = ?1 AND email <> '' AND (SELECT is_open FROM outbox_state) = 1",
    )?;
    let read = |row: &Row<'_>| {
        Ok(NoticeRecipient {
            username: row.get(0)?,
            address: stored_address(row, 1)?,
            is_proven: row.get(2)?,
        })
    };
    statement.query_optional([account.0], read)
}

/// Has a mail that waits and was not attempted tell of this change too. False: there is none. A
/// deletion is told alone: each is of another account, whose name the mail says.
fn fold(database: &Snapshot<'_>, to: &NoticeRecipient, notice: &Notice) -> EngineResult<bool> {
    if notice.account.is_none() {
        return Ok(false);
    }
    let folded = database
        .prepare_cached(
            "UPDATE outbox SET folded = folded + 1, username = ?4, detail = ?5, created = ?6
             WHERE number = (SELECT number FROM outbox
                WHERE address_key = ?1 AND account = ?2 AND kind = ?3 AND ended IS NULL
                    AND attempts = 0
                LIMIT 1)",
        )?
        .execute(params![
            to.address.key(),
            notice.account,
            notice.kind.as_str(),
            to.username,
            notice.detail,
            notice.now.0
        ])?;
    Ok(folded > 0)
}

/// Those about tokens share all room; the others share theirs with no token.
fn notices_since(
    database: &Snapshot<'_>,
    to: &NoticeRecipient,
    notice: &Notice,
) -> EngineResult<RecentNotices> {
    let mut statement = database.prepare_cached(
        "SELECT (SELECT max(mails) FROM (
                 SELECT count(*) AS mails FROM outbox WHERE account = ?1 AND created > ?3
                     AND kind <> ?4 AND (?5 = 1 OR kind NOT IN (?6, ?7))
                 UNION ALL
                 SELECT count(*) FROM outbox WHERE address_key IN (?2, ?8) AND created > ?3
                     AND kind <> ?4 AND (?5 = 1 OR kind NOT IN (?6, ?7))) AS counts),
                (SELECT count(*) FROM outbox WHERE address_key IN (?2, ?8) AND created > ?3
                    AND kind <> ?4)",
    )?;
    let key = to.address.key();
    statement.query_row(
        params![
            notice.account,
            key,
            hour_before(notice.now),
            OwnerNotice::ResetCode.as_str(),
            notice.kind.is_about_token(),
            OwnerNotice::TokenCreated.as_str(),
            OwnerNotice::TokenElsewhere.as_str(),
            erased_key(&key)
        ],
        |row| {
            Ok(RecentNotices {
                alike: row.get(0)?,
                to_address: row.get(1)?,
            })
        },
    )
}

fn queued(row: &Row<'_>) -> EngineResult<QueuedMail> {
    let kind: String = row.get(2)?;
    let attempts: i64 = row.get(7)?;
    Ok(QueuedMail {
        number: row.get(0)?,
        account: row.get::<Option<i64>>(1)?.map(AccountId),
        kind: OwnerNotice::from_name(&kind).ok_or_else(|| damaged("a kind of mail"))?,
        username: stored_username(row, 3)?,
        address: stored_address(row, 4)?,
        detail: row.get(5)?,
        created: Timestamp(row.get(6)?),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        folded: u32::try_from(row.get::<i64>(8)?).unwrap_or(u32::MAX),
    })
}

fn stored_username(row: &Row<'_>, column: usize) -> EngineResult<Username> {
    Username::parse(&row.get::<String>(column)?).map_err(|_| damaged("a username"))
}

fn stored_address(row: &Row<'_>, column: usize) -> EngineResult<Email> {
    Email::parse(&row.get::<String>(column)?).map_err(|_| damaged("an e-mail address"))
}

#[cfg(test)]
mod tests;
