//! spec/master/storage/accounts.md · 2.4.1 Account Structure, 2.4.2 Session Structure
//!
//! Reads and writes accounts and sessions.

use super::engine::{EngineResult, Row, Sql, params, signed};
use super::login_places::LoginPlace;
use super::{Snapshot, StorageError, Tx};
use crate::model::{
    AccountId, Email, Money, Session, SessionHash, SessionKind, SessionUse, Timestamp, TokenName,
    TokenScope, Username,
};
use crate::runtime::neighbourhood::Neighbourhood;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use uuid::Uuid;

/// The state of an account that an administrator has locked.
const LOCKED: i64 = 1;
/// What is stored as the method of a token's login. A token has none.
const TOKEN_METHOD: &str = "token";

/// What a login needs of an account.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub account: AccountId,
    /// Spelled as at registration.
    pub username: Username,
    /// bcrypt hash; `None` if the account has no password.
    pub pass_hash: Option<String>,
    /// Whether an administrator has locked the account.
    pub is_locked: bool,
}

/// The most workers that a session remembers beside the one that made it. After one more it counts
/// as having passed through any worker.
pub const SESSION_WORKERS_MAX: usize = 16;

/// A session with the worker process that an expirable session depends on.
#[derive(Debug, Clone)]
pub struct StoredSession {
    pub session: Session,
    /// Boot ID of the worker process through which the session was created.
    pub boot: Uuid,
    /// The workers beside the one that made it through which the session has passed. The nil UUID
    /// stands for any.
    pub passed: Vec<Uuid>,
}

impl StoredSession {
    /// Whether this worker may know the session.
    pub fn has_passed(&self, worker: &Uuid) -> bool {
        self.session.worker == *worker
            || self.passed.contains(worker)
            || self.passed.contains(&Uuid::nil())
    }

    /// Notes a worker that knows the session from now on. `Some` is to be stored.
    pub fn pass(&mut self, worker: Uuid) -> Option<Uuid> {
        if self.has_passed(&worker) {
            return None;
        }
        let noted = if self.passed.len() < SESSION_WORKERS_MAX {
            worker
        } else {
            Uuid::nil()
        };
        self.passed.push(noted);
        Some(noted)
    }
}

/// The most places that an account has logged in from and that are remembered.
pub const LOGIN_PLACES_MAX: usize = 16;

/// Which name of a new account is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameConflict {
    /// Both names are free.
    Neither,
    /// The username is taken.
    Username,
    /// The email address is taken.
    Email,
}

/// The fields of an account to be stored.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub username: Username,
    /// `None`: the account has no address.
    pub email: Option<Email>,
    /// bcrypt hash; `None`: the account has no password.
    pub pass_hash: Option<String>,
    /// Time of the registration.
    pub created: Timestamp,
    /// First cash of the account, with which its ledger begins.
    pub starting_cash: Money,
    /// Worker of the link message that registered the account.
    pub worker: Uuid,
    /// Boot ID of that link message.
    pub boot: Uuid,
    /// Sequence number of that link message.
    pub sequence: u64,
    /// The client's neighbourhood, as the worker names it: the account's first place.
    pub near: Neighbourhood,
}

/// The public and private fields of an account.
#[derive(Debug)]
pub struct UserRecord {
    pub account: AccountId,
    /// Spelled as at registration.
    pub username: String,
    /// As it was given; `None`: the account has no address.
    pub email: Option<String>,
    /// False if the account logs in through a third party only.
    pub is_password: bool,
    /// Time of the registration.
    pub created: Timestamp,
}

/// An account as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub account: AccountId,
    /// Spelled as at registration.
    pub username: String,
    /// `None`: the account has no address.
    pub email: Option<String>,
    pub is_password: bool,
    pub is_locked: bool,
    /// Time of the registration.
    pub created: Timestamp,
}

/// The columns of an [`AccountRow`].
const ACCOUNT_COLUMNS: &str =
    "SELECT account, username, email, is_password, state, created FROM accounts";

impl Snapshot<'_> {
    /// The account with this key of a name, as administrators see it. A deleted one is none.
    ///
    /// # Errors
    /// The database fails.
    pub fn account_row(&mut self, username_key: &str) -> Result<Option<AccountRow>, StorageError> {
        let database = &*self;
        let sql = format!("{ACCOUNT_COLUMNS} WHERE username_key = ?1 AND state < 2");
        let mut statement = database.prepare_cached(&sql)?;
        statement.query_optional([username_key], account_row)
    }

    /// The account of this number. A deleted one is none.
    ///
    /// # Errors
    /// The database fails.
    pub fn account_by_number(
        &mut self,
        account: AccountId,
    ) -> Result<Option<AccountRow>, StorageError> {
        let database = &*self;
        let sql = format!("{ACCOUNT_COLUMNS} WHERE account = ?1 AND state < 2");
        let mut statement = database.prepare_cached(&sql)?;
        statement.query_optional([account.0], account_row)
    }

    /// The accounts whose name or e-mail address has this text in it, without regard to the case of
    /// ASCII letters, by name: the first `most`, and the number of all. Deleted ones are none. Reads
    /// all accounts.
    ///
    /// # Errors
    /// The database fails.
    pub fn accounts_with(
        &mut self,
        text: &str,
        most: usize,
    ) -> Result<(Vec<AccountRow>, usize), StorageError> {
        let database = &*self;
        let at = database.either(Sql {
            sqlite: "instr",
            postgres: "strpos",
        });
        let fits =
            format!("state < 2 AND ({at}(username_key, ?1) > 0 OR {at}(lower(email), ?1) > 0)");
        let text = text.to_ascii_lowercase();
        let sql = format!("{ACCOUNT_COLUMNS} WHERE {fits} ORDER BY username_key LIMIT ?2");
        let mut statement = database.prepare(&sql)?;
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![text, limit], account_row)?;
        let rows: Vec<AccountRow> = rows.collect::<EngineResult<_>>()?;
        if rows.len() < most {
            let all = rows.len();
            return Ok((rows, all));
        }
        let sql = format!("SELECT count(*) FROM accounts WHERE {fits}");
        let all: i64 = database.query_row(&sql, [text], |row| row.get(0))?;
        Ok((rows, usize::try_from(all).unwrap_or(usize::MAX)))
    }

    /// Finds an account's credentials by its name, ignoring case.
    ///
    /// # Errors
    /// The database fails.
    pub fn credentials(
        &mut self,
        username: &Username,
    ) -> Result<Option<Credentials>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT account, username, pass_hash, state FROM accounts WHERE username_key = ?1",
        )?;
        let read = |row: &Row<'_>| -> EngineResult<Credentials> {
            Ok(Credentials {
                account: AccountId(row.get(0)?),
                username: stored_name(&row.get::<String>(1)?, username),
                pass_hash: row.get(2)?,
                is_locked: row.get::<i64>(3)? == LOCKED,
            })
        };
        statement.query_optional([username.key()], read)
    }

    /// Whether an account has logged in from this place at `since` or later.
    ///
    /// # Errors
    /// The database fails.
    pub fn has_login_place(
        &mut self,
        place: &LoginPlace,
        since: Timestamp,
    ) -> Result<bool, StorageError> {
        let database = &*self;
        let sql = "SELECT 1 FROM login_places WHERE place = ?1 AND last >= ?2";
        database
            .prepare_cached(sql)?
            .exists(params![place.0, since.0])
    }

    /// Finds an account by the key of its name. A deleted one is none.
    ///
    /// # Errors
    /// The database fails.
    pub fn user_record(&mut self, username_key: &str) -> Result<Option<UserRecord>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT account, username, email, is_password, created FROM accounts
             WHERE username_key = ?1 AND state < 2",
        )?;
        let read = |row: &Row<'_>| -> EngineResult<UserRecord> {
            Ok(UserRecord {
                account: AccountId(row.get(0)?),
                username: row.get(1)?,
                email: row.get(2)?,
                is_password: row.get(3)?,
                created: Timestamp(row.get(4)?),
            })
        };
        statement.query_optional([username_key], read)
    }

    /// Checks whether either name of a new account is taken.
    ///
    /// # Errors
    /// The database fails.
    pub fn name_conflict(
        &mut self,
        username: &Username,
        email: Option<&Email>,
    ) -> Result<NameConflict, StorageError> {
        let database = &*self;
        let found = |sql: &str, key: String| database.prepare_cached(sql)?.exists([key]);
        if found(
            "SELECT 1 FROM accounts WHERE username_key = ?1",
            username.key(),
        )? {
            return Ok(NameConflict::Username);
        }
        let sql = "SELECT 1 FROM accounts WHERE email_key = ?1";
        if let Some(email) = email
            && found(sql, email.key())?
        {
            return Ok(NameConflict::Email);
        }
        Ok(NameConflict::Neither)
    }

    /// The account that has an e-mail address, in this or another spelling.
    ///
    /// # Errors
    /// The database fails.
    pub fn email_owner(&mut self, email: &Email) -> Result<Option<AccountId>, StorageError> {
        let database = &*self;
        let sql = "SELECT account FROM accounts WHERE email_key = ?1";
        let read = |row: &Row<'_>| row.get(0).map(AccountId);
        database
            .prepare_cached(sql)?
            .query_optional([email.key()], read)
    }

    /// Whether the link message (worker, boot ID, sequence number) has registered an account
    /// already.
    ///
    /// # Errors
    /// The database fails.
    pub fn registered_by(
        &mut self,
        username: &Username,
        worker: &Uuid,
        boot: &Uuid,
        sequence: u64,
    ) -> Result<bool, StorageError> {
        let database = &*self;
        let sql = "SELECT 1 FROM accounts WHERE username_key = ?1 AND worker = ?2 AND boot = ?3
                   AND sequence = ?4";
        let mut statement = database.prepare_cached(sql)?;
        statement.exists(params![
            username.key(),
            worker.as_bytes(),
            boot.as_bytes(),
            signed(sequence)
        ])
    }

    /// The highest cost of the stored bcrypt hashes; 0 if there is none.
    ///
    /// # Errors
    /// The database fails.
    pub fn highest_hash_cost(&mut self) -> Result<u32, StorageError> {
        let database = &*self;
        // The index accounts_cost has it at its end.
        let sql = "SELECT max(substr(pass_hash, 5, 2)) FROM accounts";
        let cost: Option<String> = database.query_row(sql, [], |row| row.get(0))?;
        Ok(cost.and_then(|cost| cost.parse().ok()).unwrap_or(0))
    }

    /// The number of accounts. Deleted ones are none.
    ///
    /// # Errors
    /// The database fails.
    pub fn account_count(&mut self) -> Result<i64, StorageError> {
        let database = &*self;
        // Rows are never deleted, so the highest key is their count. This avoids reading a million
        // rows.
        let sql = "SELECT coalesce(max(account), 0)
                       - (SELECT count(*) FROM accounts WHERE state = 2) FROM accounts";
        database.query_row(sql, [], |row| row.get(0))
    }

    /// All sessions that have not expired, the oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn sessions(&mut self, now: Timestamp) -> Result<Vec<StoredSession>, StorageError> {
        let database = &*self;
        let sql = format!("{SESSION_COLUMNS} WHERE expiry > ?1 ORDER BY since, hash");
        let mut statement = database.prepare(&sql)?;
        let mut passed = passed_workers(database)?;
        let rows = statement.query_map([now.0], session)?;
        let sessions = rows.filter_map(Result::transpose).map(|stored| {
            let mut stored = stored?;
            stored.passed = passed.remove(&stored.session.hash).unwrap_or_default();
            Ok(stored)
        });
        sessions.collect()
    }

    /// The sessions and tokens of an account that have not expired, the oldest first; not through
    /// which workers they have passed.
    ///
    /// # Errors
    /// The database fails.
    pub fn sessions_of(
        &mut self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Vec<StoredSession>, StorageError> {
        let database = &*self;
        let filter = "WHERE sessions.account = ?1 AND expiry > ?2 ORDER BY since, hash";
        let mut statement = database.prepare_cached(&format!("{SESSION_COLUMNS} {filter}"))?;
        let rows = statement.query_map([account.0, now.0], session)?;
        let sessions = rows.filter_map(Result::transpose);
        sessions.collect()
    }
}

/// The columns of a session for [`session`].
const SESSION_COLUMNS: &str =
    "SELECT hash, sessions.account, username, since, expiry, client, sessions.worker, sessions.boot,
         expirable, last_used, method, token, scope, elsewhere, coalesce(last_client, client),
         coalesce(last_worker, sessions.worker)
     FROM sessions JOIN accounts USING (account)";

/// Reads a row of [`ACCOUNT_COLUMNS`].
fn account_row(row: &Row<'_>) -> EngineResult<AccountRow> {
    Ok(AccountRow {
        account: AccountId(row.get(0)?),
        username: row.get(1)?,
        email: row.get(2)?,
        is_password: row.get(3)?,
        is_locked: row.get::<i64>(4)? == LOCKED,
        created: Timestamp(row.get(5)?),
    })
}

/// The workers beside its maker through which each session has passed.
fn passed_workers(database: &Snapshot<'_>) -> EngineResult<HashMap<SessionHash, Vec<Uuid>>> {
    let mut passed: HashMap<SessionHash, Vec<Uuid>> = HashMap::new();
    let mut statement = database.prepare("SELECT hash, worker FROM session_workers")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let worker = Uuid::from_bytes(row.get(1)?);
        passed
            .entry(SessionHash(row.get(0)?))
            .or_default()
            .push(worker);
    }
    Ok(passed)
}

/// Reads a stored address.
fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Reads a session without the workers that it has passed; `None` if its account's name or its
/// token is damaged.
fn session(row: &Row<'_>) -> EngineResult<Option<StoredSession>> {
    let hash: [u8; 32] = row.get(0)?;
    let Ok(username) = Username::parse(&row.get::<String>(2)?) else {
        return Ok(None);
    };
    let kind = match row.get::<Option<String>>(11)? {
        None => SessionKind::Login(row.get(10)?),
        Some(name) => {
            let scope = TokenScope::from_number(row.get(12)?);
            let (Ok(name), Some(scope)) = (TokenName::parse(&name), scope) else {
                return Ok(None);
            };
            SessionKind::Token {
                name,
                scope,
                is_elsewhere: row.get(13)?,
            }
        }
    };
    let session = Session {
        hash: SessionHash(hash),
        account: AccountId(row.get(1)?),
        username,
        since: Timestamp(row.get(3)?),
        expiry: Timestamp(row.get(4)?),
        client: address(&row.get::<String>(5)?),
        worker: Uuid::from_bytes(row.get(6)?),
        expirable: row.get(8)?,
        is_active: true,
        kind,
        last_use: SessionUse {
            at: Timestamp(row.get(9)?),
            client: address(&row.get::<String>(14)?),
            worker: Uuid::from_bytes(row.get(15)?),
        },
    };
    Ok(Some(StoredSession {
        session,
        boot: Uuid::from_bytes(row.get(7)?),
        passed: Vec::new(),
    }))
}

/// Parses a stored name. It was checked when it was stored, so `fallback` is used for a damaged row
/// only.
fn stored_name(text: &str, fallback: &Username) -> Username {
    Username::parse(text).unwrap_or_else(|_| fallback.clone())
}

impl Tx<'_> {
    /// Stores a new account. Returns its number.
    ///
    /// # Errors
    /// A name is taken, or the database fails.
    pub fn insert_account(&mut self, new: &NewAccount) -> Result<AccountId, StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached(
                "INSERT INTO accounts (account, username, username_key, email, email_key, is_password, pass_hash, created,
                 starting_cash, worker, boot, sequence)
                 VALUES ((SELECT coalesce(max(account), 0) + 1 FROM accounts), ?1, ?2, ?3, ?4, ?11, ?5, ?6, ?7, ?8, ?9, ?10)
                 RETURNING account",
            )?
            .query_row(params![
                new.username.as_str(),
                new.username.key(),
                new.email.as_ref().map(Email::as_str),
                new.email.as_ref().map(Email::key),
                new.pass_hash,
                new.created.0,
                new.starting_cash.0,
                new.worker.as_bytes(),
                new.boot.as_bytes(),
                signed(new.sequence),
                    new.pass_hash.is_some(),
            ], |row| row.get(0).map(AccountId))
    }

    /// Stores a new session.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_session(&mut self, new: &StoredSession) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let session = &new.session;
        let (method, token, scope) = match &session.kind {
            SessionKind::Login(method) => (method.as_str(), None, TokenScope::Trade),
            SessionKind::Token { name, scope, .. } => (TOKEN_METHOD, Some(name.as_str()), *scope),
        };
        database
            .prepare_cached(
                "INSERT INTO sessions (hash, account, since, expiry, client, worker, boot, expirable, last_used,
                 method, token, scope)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                session.hash.0,
                session.account.0,
                session.since.0,
                session.expiry.0,
                session.client.to_string(),
                session.worker.as_bytes(),
                new.boot.as_bytes(),
                session.expirable,
                session.last_use.at.0,
                method,
                token,
                u8::from(scope),
            ])?;
        Ok(())
    }

    /// Stores from where an account has logged in, and deletes all but its [`LOGIN_PLACES_MAX`]
    /// latest places.
    ///
    /// # Errors
    /// The database fails.
    pub fn store_login_place(
        &mut self,
        account: AccountId,
        place: &LoginPlace,
        last: Timestamp,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached(
                "INSERT INTO login_places (place, account, last) VALUES (?1, ?2, ?3)
                 ON CONFLICT (place) DO UPDATE SET account = excluded.account, last = excluded.last",
            )?
            .execute(params![place.0, account.0, last.0])?;
        database
            .prepare_cached(
                "DELETE FROM login_places WHERE place IN
                 (SELECT place FROM login_places WHERE account = ?1 ORDER BY last DESC LIMIT 9223372036854775807 OFFSET ?2)",
            )?
            .execute(params![account.0, signed(LOGIN_PLACES_MAX as u64)])?;
        Ok(())
    }

    /// Deletes the places from which nobody has logged in since `before`.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_login_places(&mut self, before: Timestamp) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached("DELETE FROM login_places WHERE last < ?1")?
            .execute([before.0])?;
        Ok(())
    }

    /// Stores a worker through which a session has passed. Does nothing where the session has
    /// ended or the worker is stored.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_session_worker(
        &mut self,
        hash: &SessionHash,
        worker: &Uuid,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached(
                "INSERT INTO session_workers (hash, worker)
                 SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM sessions WHERE hash = ?1)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![hash.0, worker.as_bytes()])?;
        Ok(())
    }

    /// Has sessions whose begin is after `now` begin at `begin`, and keeps their lengths.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_back_sessions(
        &mut self,
        now: Timestamp,
        begin: Timestamp,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached(
                "UPDATE sessions SET expiry = ?2 + (expiry - since), since = ?2,
                 last_used = CASE WHEN last_used < ?1 THEN last_used ELSE ?1 END WHERE since > ?1",
            )?
            .execute([now.0, begin.0])?;
        Ok(())
    }

    /// Deletes an ended session.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_session(&mut self, hash: &SessionHash) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached("DELETE FROM sessions WHERE hash = ?1")?
            .execute([hash.0])?;
        Ok(())
    }

    /// Deletes all sessions and returns their number.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_all_sessions(&mut self) -> Result<usize, StorageError> {
        let database = &self.snapshot;
        database.execute("DELETE FROM session_workers", [])?;
        database.execute("DELETE FROM sessions", [])
    }

    /// Stores when and where a session was last used.
    ///
    /// # Errors
    /// The database fails.
    pub fn touch_session(
        &mut self,
        hash: &SessionHash,
        last: &SessionUse,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let sql = "UPDATE sessions SET last_used = ?2, last_client = ?3, last_worker = ?4 WHERE hash = ?1";
        database.prepare_cached(sql)?.execute(params![
            hash.0,
            last.at.0,
            last.client.to_string(),
            last.worker.as_bytes()
        ])?;
        Ok(())
    }

    /// Stores that a token was used elsewhere than where it was made.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_token_elsewhere(&mut self, hash: &SessionHash) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached("UPDATE sessions SET elsewhere = 1 WHERE hash = ?1")?
            .execute([hash.0])?;
        Ok(())
    }

    /// Stores an account's new e-mail address; `None` takes it away.
    ///
    /// # Errors
    /// Another account has it, or the database fails.
    pub fn set_email(
        &mut self,
        account: AccountId,
        email: Option<&Email>,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let sql =
            "UPDATE accounts SET email = ?2, email_key = ?3, email_owner = NULL WHERE account = ?1";
        database.prepare_cached(sql)?.execute(params![
            account.0,
            email.map(Email::as_str),
            email.map(Email::key)
        ])?;
        Ok(())
    }

    /// Locks an account, or unlocks it. A deleted one stays deleted.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_locked(&mut self, account: AccountId, is_locked: bool) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached("UPDATE accounts SET state = ?2 WHERE account = ?1 AND state < 2")?
            .execute(params![account.0, is_locked])?;
        Ok(())
    }

    /// Stores a new hash of the same password, unless the password has been changed since.
    ///
    /// # Errors
    /// The database fails.
    pub fn renew_hash(
        &mut self,
        account: AccountId,
        old: &str,
        new: &str,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached(
                "UPDATE accounts SET pass_hash = ?3 WHERE account = ?1 AND pass_hash = ?2",
            )?
            .execute(params![account.0, old, new])?;
        Ok(())
    }

    /// Stores an account's new password, as its bcrypt hash.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_password(
        &mut self,
        account: AccountId,
        pass_hash: &str,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let sql = "UPDATE accounts SET is_password = 1, pass_hash = ?2 WHERE account = ?1";
        database
            .prepare_cached(sql)?
            .execute(params![account.0, pass_hash])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
