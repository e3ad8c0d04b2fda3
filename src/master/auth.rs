//! spec/master/auth.md · 3.1.3 Account Management & Authorization
//!
//! Registers, logs in, mints sessions and ends them. Every request that carries a session comes through
//! here, and leaves for its module with the account that the session stands for.

pub mod accounts;
mod commit;
pub mod hashing;
mod login;
mod requests;
pub mod sessions;

use super::account_queries;
use super::reply_to::{LinkedWorker, ReplyTo};
use super::transactions;
use crate::config::{MasterConfig, MasterLimits};
use crate::link::message::ActiveSession;
use crate::model::{Money, Reason, Session, SessionHash, Timestamp};
use crate::runtime::log::Throttle;
use crate::runtime::published::Published;
use crate::runtime::rate_limiter::KeyedRateLimiter;
use crate::runtime::{self, Heartbeat, Stop, TICK};
use crate::wire::{Refusal, Request};
use accounts::{NameConflict, StoredSession};
use commit::{AuthWrite, PendingReply};
use crossbeam_channel::{Receiver, Sender, select};
use hashing::HashingPool;
use rusqlite::Connection;
use sessions::SessionTable;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Messages that may wait for auth.
pub const INBOX: usize = 1024;
/// Messages whose writes go into one commit.
const COMMIT_BATCH_MAX: usize = 256;
/// How often it is noted on disk when sessions were last used.
const TOUCH: Duration = Duration::from_secs(60);
/// Lines a minute about sessions that are not active.
const INACTIVE_LOGGED: u32 = 20;

/// What may be asked with or about a session.
#[derive(Debug)]
pub enum AuthRequest {
    /// A client's request.
    Request(Request),
    /// A worker's: is it active?
    Session(SessionHash),
    /// A worker's: the connections that made these are closed.
    ConnectionClosed(Vec<SessionHash>),
}

/// A session, as administrators see it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The first 8 characters of its hash.
    pub prefix: String,
    /// The session.
    pub session: Session,
}

/// Which sessions an administrator ends.
#[derive(Debug, Clone)]
pub enum SessionFilter {
    /// The one whose hash begins so.
    Prefix(String),
    /// An account's.
    User(String),
    /// Those made through a worker.
    Worker(Uuid),
}

/// How auth is doing.
#[derive(Debug, Clone, Copy)]
pub struct AuthStatus {
    /// Accounts registered.
    pub accounts: i64,
    /// Sessions active.
    pub sessions: usize,
    /// Questions, since the start, with a session that is not active: over, or made up.
    pub inactive: u64,
}

/// The module's whole vocabulary.
#[derive(Debug)]
pub enum AuthMessage {
    /// What one read of a link brought.
    Asks(Vec<(ReplyTo, AuthRequest)>),
    /// A worker has been away for so long, or has started again so recently, that the expirable sessions
    /// of its earlier processes are over. `None`: of all its processes.
    WorkerAway(Uuid, Option<Uuid>),
    /// For the administrator.
    List(Option<String>, Sender<Vec<SessionRow>>),
    /// For the administrator: ends sessions, and answers how many.
    End(SessionFilter, Sender<usize>),
    /// For the administrator.
    Status(Sender<AuthStatus>),
    /// The configuration's limits have changed.
    Limits(MasterLimits),
}

/// What auth needs of the rest.
#[derive(Debug)]
pub struct AuthChannels {
    /// Orders go there.
    pub transactions: Sender<transactions::TransactionsMessage>,
    /// Questions about accounts go there.
    pub views: Sender<account_queries::AccountQueriesMessage>,
    /// The standing links, which are told of ended sessions.
    pub peers: Arc<Published<Vec<Arc<LinkedWorker>>>>,
    /// `host:port` of each available worker.
    pub addresses: Arc<Published<Vec<String>>>,
}

/// The module's whole state.
pub struct Auth {
    database: Connection,
    sessions: SessionTable,
    pool: HashingPool,
    logins: KeyedRateLimiter<(String, IpAddr)>,
    logins_by_address: KeyedRateLimiter<IpAddr>,
    registrations: KeyedRateLimiter<IpAddr>,
    lifetime: i64,
    starting_cash: Money,
    neighbours: AuthChannels,
    touched: Instant,
    inactive: u64,
    throttle: Throttle,
    /// What has been decided and is not committed yet.
    writes: Vec<AuthWrite>,
    /// Replies that say it, sent after the commit.
    answers: Vec<PendingReply>,
    ended: Vec<SessionHash>,
}

impl Auth {
    /// With the sessions that the database holds.
    ///
    /// # Errors
    /// The database fails.
    pub fn new(
        database: Connection,
        pool: HashingPool,
        config: &MasterConfig,
        neighbours: AuthChannels,
    ) -> rusqlite::Result<Auth> {
        let mut sessions = SessionTable::default();
        for kept in accounts::sessions(&database, Timestamp::now())? {
            sessions.insert(kept);
        }
        Ok(Auth {
            database,
            sessions,
            pool,
            logins: KeyedRateLimiter::per_minute(config.limits.failed_logins_per_minute),
            logins_by_address: KeyedRateLimiter::per_minute(
                config.limits.failed_logins_per_minute_per_address,
            ),
            registrations: KeyedRateLimiter::per_minute(config.limits.registrations_per_minute_per_address),
            lifetime: i64::try_from(config.session_lifetime.as_millis()).unwrap_or(i64::MAX),
            starting_cash: config.starting_cash,
            neighbours,
            touched: Instant::now(),
            inactive: 0,
            throttle: Throttle::new(INACTIVE_LOGGED, Duration::from_secs(60)),
            writes: Vec::new(),
            answers: Vec::new(),
            ended: Vec::new(),
        })
    }

    /// Runs until stopped.
    pub fn run(mut self, inbox: &Receiver<AuthMessage>, stop: &Stop, heartbeat: &Heartbeat) {
        let outcomes = self.pool.outcomes.clone();
        loop {
            heartbeat.beat();
            runtime::yield_once(|| inbox.is_empty() && outcomes.is_empty());
            select! {
                recv(inbox) -> message => match message {
                    Ok(message) => self.handle(message),
                    Err(_) => return,
                },
                recv(outcomes) -> outcome => match outcome {
                    Ok(outcome) => self.computed(outcome),
                    Err(_) => return,
                },
                recv(stop.receiver()) -> _ => return,
                default(TICK) => {}
            }
            for message in inbox.try_iter().take(COMMIT_BATCH_MAX) {
                self.handle(message);
            }
            for outcome in outcomes.try_iter().take(COMMIT_BATCH_MAX) {
                self.computed(outcome);
            }
            self.expire();
            self.commit();
        }
    }

    fn handle(&mut self, message: AuthMessage) {
        match message {
            AuthMessage::Asks(asks) => self.asks(asks),
            AuthMessage::WorkerAway(worker, boot) => {
                for hash in self.sessions.orphans(&worker, boot.as_ref()) {
                    self.end(&hash);
                }
            }
            AuthMessage::List(user, reply) => {
                let key = user.map(|name| name.to_ascii_lowercase());
                let wanted = |kept: &&StoredSession| {
                    key.as_ref().is_none_or(|key| kept.session.username.key() == *key)
                };
                let row = |kept: &StoredSession| SessionRow {
                    prefix: kept.session.hash.prefix(),
                    session: kept.session.clone(),
                };
                let mut rows: Vec<_> = self.sessions.iter().filter(wanted).map(row).collect();
                rows.sort_by_key(|row| row.session.since);
                let _ = reply.try_send(rows);
            }
            AuthMessage::End(which, reply) => {
                let hashes = self.which(&which);
                for hash in &hashes {
                    self.end(hash);
                }
                let _ = reply.try_send(hashes.len());
            }
            AuthMessage::Limits(limits) => {
                self.logins.set_limit(limits.failed_logins_per_minute);
                self.logins_by_address
                    .set_limit(limits.failed_logins_per_minute_per_address);
                self.registrations
                    .set_limit(limits.registrations_per_minute_per_address);
            }
            AuthMessage::Status(reply) => {
                let accounts = accounts::count(&self.database).unwrap_or(0);
                let _ = reply.try_send(AuthStatus {
                    accounts,
                    sessions: self.sessions.len(),
                    inactive: self.inactive,
                });
            }
        }
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

    fn expire(&mut self) {
        for hash in self.sessions.expired(Timestamp::now()) {
            self.end(&hash);
        }
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
