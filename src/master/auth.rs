//! spec/master/auth.md · 3.1.3 Account Management & Authorization
//!
//! Registers, logs in, makes sessions and ends them. Every request that carries a session comes through
//! here, and leaves for its module with the account that the session stands for. Never waits for a password
//! hash, and never says that something succeeded before it is committed.
//!
//! The handlers of `impl Auth` stand in `requests` (what carries a session), `login` (logins, registrations
//! and their hashes), `commit` (the end of a turn), and here (administrators, limits).

mod commit;
pub mod hashing;
mod login;
mod requests;
pub mod sessions;

use super::messages::{AuthChannels, AuthMessage, AuthStatus, SessionFilter, SessionRow};
use super::storage::accounts::{NameConflict, StoredSession};
use super::storage::{Storage, StorageError};
use crate::config::{MasterConfig, MasterLimits};
use crate::link::message::ActiveSession;
use crate::model::{Money, Reason, SessionHash, Timestamp};
use crate::runtime::Module;
use crate::runtime::log::Throttle;
use crate::runtime::rate_limiter::KeyedRateLimiter;
use crate::wire::Refusal;
use commit::{AuthWrite, PendingReply};
use hashing::HashingPool;
use sessions::SessionTable;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Messages whose writes go into one commit.
const COMMIT_BATCH_MAX: usize = 256;
/// How often it is noted on disk when sessions were last used.
const TOUCH: Duration = Duration::from_secs(60);
/// Lines a minute about sessions that are not active.
const INACTIVE_LOGGED: u32 = 20;

/// The module's whole state.
pub struct Auth {
    storage: Storage,
    sessions: SessionTable,
    pool: HashingPool,
    logins: KeyedRateLimiter<(String, IpAddr)>,
    logins_by_address: KeyedRateLimiter<IpAddr>,
    registrations: KeyedRateLimiter<IpAddr>,
    lifetime: i64,
    starting_cash: Money,
    channels: AuthChannels,
    touched: Instant,
    inactive: u64,
    throttle: Throttle,
    /// What has been decided and is not committed yet.
    writes: Vec<AuthWrite>,
    /// Replies that say it, sent after the commit.
    answers: Vec<PendingReply>,
    ended: Vec<SessionHash>,
}

impl Module for Auth {
    type Message = AuthMessage;
    const BATCH_MAX: usize = COMMIT_BATCH_MAX;

    fn on_message(&mut self, message: AuthMessage) {
        match message {
            AuthMessage::Requests(requests) => self.requests(requests),
            AuthMessage::Verified(pending, fits) => self.verified(*pending, fits),
            AuthMessage::Hashed(pending, pass_hash) => self.hashed(*pending, pass_hash),
            AuthMessage::WorkerAway(worker, boot) => {
                self.end_all(&self.sessions.orphans(&worker, boot.as_ref()));
            }
            AuthMessage::List(user, reply) => {
                let _ = reply.try_send(self.rows(user.as_deref()));
            }
            AuthMessage::End(which, reply) => {
                let hashes = self.which(&which);
                self.end_all(&hashes);
                let _ = reply.try_send(hashes.len());
            }
            AuthMessage::Status(reply) => {
                let _ = reply.try_send(self.status());
            }
            AuthMessage::Limits(limits) => self.set_limits(&limits),
        }
    }

    fn on_turn_end(&mut self) {
        self.expire();
        self.commit();
    }

    /// Sessions expire, and their use is noted, while nobody asks anything, too.
    fn on_tick(&mut self, _now: Instant) {
        self.on_turn_end();
    }
}

impl Auth {
    /// With the sessions that the database holds.
    ///
    /// # Errors
    /// The database fails.
    pub fn new(
        mut storage: Storage,
        pool: HashingPool,
        config: &MasterConfig,
        channels: AuthChannels,
    ) -> Result<Auth, StorageError> {
        let mut sessions = SessionTable::default();
        for kept in storage.read(|snapshot| snapshot.sessions(Timestamp::now()))? {
            sessions.insert(kept);
        }
        Ok(Auth {
            storage,
            sessions,
            pool,
            logins: KeyedRateLimiter::per_minute(config.limits.failed_logins_per_minute),
            logins_by_address: KeyedRateLimiter::per_minute(
                config.limits.failed_logins_per_minute_per_address,
            ),
            registrations: KeyedRateLimiter::per_minute(config.limits.registrations_per_minute_per_address),
            lifetime: i64::try_from(config.session_lifetime.as_millis()).unwrap_or(i64::MAX),
            starting_cash: config.starting_cash,
            channels,
            touched: Instant::now(),
            inactive: 0,
            throttle: Throttle::new(INACTIVE_LOGGED, Duration::from_secs(60)),
            writes: Vec::new(),
            answers: Vec::new(),
            ended: Vec::new(),
        })
    }

    fn rows(&self, user: Option<&str>) -> Vec<SessionRow> {
        let key = user.map(str::to_ascii_lowercase);
        let wanted =
            |kept: &&StoredSession| key.as_ref().is_none_or(|key| kept.session.username.key() == *key);
        let row = |kept: &StoredSession| SessionRow {
            prefix: kept.session.hash.prefix(),
            session: kept.session.clone(),
        };
        let mut rows: Vec<_> = self.sessions.iter().filter(wanted).map(row).collect();
        rows.sort_by_key(|row| row.session.since);
        rows
    }

    fn status(&mut self) -> AuthStatus {
        let accounts = self.storage.read(|snapshot| snapshot.account_count());
        AuthStatus {
            accounts: accounts.unwrap_or(0),
            sessions: self.sessions.len(),
            inactive: self.inactive,
        }
    }

    fn set_limits(&mut self, limits: &MasterLimits) {
        self.logins.set_limit(limits.failed_logins_per_minute);
        self.logins_by_address
            .set_limit(limits.failed_logins_per_minute_per_address);
        self.registrations
            .set_limit(limits.registrations_per_minute_per_address);
    }

    fn which(&self, which: &SessionFilter) -> Vec<SessionHash> {
        match which {
            SessionFilter::Prefix(prefix) => self
                .sessions
                .filter(|kept| hex::encode(kept.session.hash.0).starts_with(prefix.as_str())),
            SessionFilter::User(name) => {
                let key = name.to_ascii_lowercase();
                self.sessions.filter(|kept| kept.session.username.key() == key)
            }
            SessionFilter::Worker(uuid) => self.sessions.filter(|kept| kept.session.worker == *uuid),
        }
    }

    /// Ends a session: nobody is answered on it any more, from this moment on, and the next commit makes
    /// it last.
    fn end(&mut self, hash: &SessionHash) {
        if self.sessions.remove(hash).is_some() {
            self.writes.push(AuthWrite::Ended(*hash));
            self.ended.push(*hash);
        }
    }

    fn end_all(&mut self, hashes: &[SessionHash]) {
        for hash in hashes {
            self.end(hash);
        }
    }

    fn expire(&mut self) {
        self.end_all(&self.sessions.expired(Timestamp::now()));
    }
}

fn active(kept: &StoredSession) -> ActiveSession {
    ActiveSession {
        username: kept.session.username.as_str().to_owned(),
        expiry: kept.session.expiry,
        expirable: kept.session.expirable,
    }
}

fn taken_refusal(taken: NameConflict) -> Refusal {
    match taken {
        NameConflict::Email => Refusal::new(Reason::EmailTaken, "another account has this email"),
        NameConflict::Username | NameConflict::Neither => {
            Refusal::new(Reason::UsernameTaken, "another account has this username")
        }
    }
}

#[cfg(test)]
mod tests;
