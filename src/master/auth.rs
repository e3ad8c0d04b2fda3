//! spec/master/auth.md · 3.1.3 Account Management & Authorization
//!
//! Registers accounts, logs in, creates sessions and ends them. Every request with a session ID
//! passes through this module, which replaces the session by its account. It never waits for a
//! password hash, and never sends a success before the commit.
//!
//! `impl Auth` has its handlers in `requests` (requests with a session), `login` (logins,
//! registrations and their hashes), `accounts` and `tokens` (what owners change), `deletion` (accounts
//! that are deleted or locked), `codes` (codes for new passwords), `third_parties` (sign-ins with
//! providers), `roster` (accounts that an administrator makes), `commit` (the end of a turn), and
//! here (administrators, limits). `attempts` counts failed logins.

mod accounts;
mod attempts;
mod codes;
mod commit;
mod deletion;
pub mod hashing;
mod login;
mod requests;
mod roster;
pub mod sessions;
pub mod third_parties;
mod tokens;

use super::messages::{
    AccountCancellation, AccountEvent, AuthChannels, AuthMessage, AuthStatus, EndedCount,
    PendingSignIn, SessionFilter, SessionRow,
};
use super::reply_to::ReplyTo;
use super::storage::accounts::{NameConflict, StoredSession};
use super::storage::acts::{AccountAct, ActKind};
use super::storage::deletion::LogEmptying;
use super::storage::{Storage, StorageError};
use super::third_party::ThirdParties;
use crate::config::{MasterConfig, MasterLimits};
use crate::link::message::ActiveSession;
use crate::model::token::NEW_TOKENS_PER_HOUR_MAX;
use crate::model::{AccountId, Money, Reason, SessionHash, SessionKind, Timestamp, Username};
use crate::runtime::Module;
use crate::runtime::log::Throttle;
use crate::runtime::rate_limiter::{KeyedRateLimiter, NeighbourhoodRateLimiter};
use crate::wire::Refusal;
use attempts::LoginAttempts;
use commit::{AuthWrite, PendingReply};
use deletion::ended_detail;
use hashing::HashingPool;
use sessions::SessionTable;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Weak;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Most messages whose writes share a commit.
const COMMIT_BATCH_MAX: usize = 256;
/// Milliseconds from which on a clock that goes back was set, and is not merely adjusted.
const CLOCK_SET_BACK_MS: i64 = 5_000;
/// How often the times of last use are stored.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60);
/// How often places are forgotten from which nobody has logged in for [`LOGIN_PLACE_AGE_MAX`].
const FORGET_INTERVAL: Duration = Duration::from_secs(3600);
/// How long ago the last login may be from a place that counts as an account's own.
pub const LOGIN_PLACE_AGE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// How long it is remembered that a password was changed, or sessions ended: longer than any login
/// waits for its hash, and any sign-in for its person.
const CHANGE_AGE_MAX: Duration = Duration::from_secs(3600);
/// Most log lines a minute about inactive sessions, and for each reason of an attempt that fails.
const ATTEMPTS_LOGGED_MAX: u32 = 20;
/// Most log lines a minute about logins, and about sessions that end, for each reason.
const ENDS_LOGGED_MAX: u32 = 300;

/// The module's whole state.
pub struct Auth {
    storage: Storage,
    sessions: SessionTable,
    pool: HashingPool,
    attempts: LoginAttempts,
    registrations: NeighbourhoodRateLimiter<Uuid>,
    third_parties: ThirdParties<PendingSignIn>,
    /// Sign-ins with third parties that were begun.
    sign_ins: NeighbourhoodRateLimiter<Uuid>,
    lifetime: Duration,
    starting_cash: Money,
    channels: AuthChannels,
    touched: Instant,
    /// When places of logins were last forgotten; `None`: not in this process.
    forgot: Option<Instant>,
    inactive: u64,
    events: BTreeMap<AccountEvent, u64>,
    throttle: Throttle,
    /// Of sessions that begin and end.
    ends_logged: Throttle,
    /// Changes that wait for the commit.
    writes: Vec<AuthWrite>,
    /// Replies that wait for the commit.
    answers: Vec<PendingReply>,
    /// Ended sessions that the workers do not know of yet.
    ended: Vec<SessionHash>,
    /// When passwords were changed lately: what was asked before is not done after.
    changed_passwords: HashMap<AccountId, Instant>,
    /// When somebody last ended sessions of an account, or changed what it is entered with: a
    /// sign-in that was begun before leads into it no more.
    shut_out: HashMap<AccountId, Instant>,
    /// Tokens made by each account.
    new_tokens: KeyedRateLimiter<AccountId>,
    /// Mails about deletions to addresses that nobody has proven, by the address's key.
    deletion_mails: KeyedRateLimiter<String>,
    /// Empties the database's log after a deletion.
    log_emptying: LogEmptying,
    /// Ends of orders of locked accounts, for which transactions had no room yet.
    cancellations: VecDeque<AccountCancellation>,
    /// Deletions and locks that transactions has not made yet, those in `cancellations` too. One is
    /// made when its reply is gone.
    pending_ends: Vec<(AccountId, Weak<()>)>,
    /// What the clock showed at the end of the last turn.
    looked: Timestamp,
}

impl Module for Auth {
    type Message = AuthMessage;
    const BATCH_MAX: usize = COMMIT_BATCH_MAX;

    fn on_message(&mut self, message: AuthMessage) {
        match message {
            AuthMessage::Requests(requests) => self.on_requests(requests),
            AuthMessage::Verified(pending, matches, renewed) => {
                self.on_verified(*pending, matches, renewed)
            }
            AuthMessage::Hashed(pending, pass_hash) => self.on_hashed(*pending, pass_hash),
            AuthMessage::Confirmed(pending, outcome) => self.on_confirmed(*pending, outcome),
            AuthMessage::ThirdParty(news) => self.on_third_party(news),
            AuthMessage::WorkerAway(worker, boot) => {
                let orphans = self.sessions.orphans(&worker, boot.as_ref());
                self.end_all(&orphans, "worker-away");
            }
            AuthMessage::List(user, reply) => {
                let _ = reply.try_send(self.rows(user.as_deref()));
            }
            AuthMessage::End(filter, caller, reply) => {
                let _ = reply.try_send(self.end_matching(&filter, &caller));
            }
            AuthMessage::Lock(username, is_locked, act, reply) => {
                self.lock(&username, is_locked, act, reply);
            }
            AuthMessage::Delete(username, act, reply) => self.delete_named(&username, act, reply),
            AuthMessage::Deleted(pending, outcome) => self.on_deleted(*pending, outcome),
            AuthMessage::Status(reply) => {
                let _ = reply.try_send(self.status());
            }
            AuthMessage::PrintCode(printing, reply) => {
                let _ = reply.try_send(self.print_code(&printing));
            }
            AuthMessage::Import(import, reply) => {
                let _ = reply.try_send(self.import(&import));
            }
            AuthMessage::Limits(limits) => self.set_limits(&limits),
            AuthMessage::Terms(lifetime, starting_cash) => {
                (self.lifetime, self.starting_cash) = (lifetime, starting_cash);
            }
        }
    }

    fn on_turn_end(&mut self) {
        self.look_at_clock(Timestamp::now());
        self.expire();
        self.commit();
        self.send_cancellations();
    }

    /// Sessions also expire, and their last use is stored, while no message arrives. Sign-ins, of
    /// which each is looked at, expire here alone: they have a second to do so.
    fn on_tick(&mut self, now: Instant) {
        self.expire_sign_ins();
        self.on_turn_end();
        self.deletion_mails.tidy(now);
        self.log_emptying.go_on(&self.storage, now);
    }
}

impl Auth {
    /// The module with the sessions that the database holds.
    ///
    /// # Errors
    /// The database fails.
    pub fn new(
        mut storage: Storage,
        pool: HashingPool,
        config: &MasterConfig,
        channels: AuthChannels,
        third_parties: ThirdParties<PendingSignIn>,
    ) -> Result<Auth, StorageError> {
        let mut sessions = SessionTable::default();
        let now = Timestamp::now();
        storage.write(|tx| tx.set_back_sessions(now, accounts::no_longer_fresh(now)))?;
        for stored in storage.read(|snapshot| snapshot.sessions(now))? {
            sessions.insert(stored);
        }
        Ok(Auth {
            storage,
            sessions,
            pool,
            third_parties,
            sign_ins: NeighbourhoodRateLimiter::per_minute(third_parties::SIGN_INS_PER_MINUTE_MAX),
            changed_passwords: HashMap::new(),
            shut_out: HashMap::new(),
            new_tokens: KeyedRateLimiter::per_hour(NEW_TOKENS_PER_HOUR_MAX),
            attempts: LoginAttempts::new(&config.limits),
            registrations: NeighbourhoodRateLimiter::per_minute(
                config.limits.registrations_per_minute_per_address,
            ),
            lifetime: config.session_lifetime,
            starting_cash: config.starting_cash,
            channels,
            touched: Instant::now(),
            forgot: None,
            inactive: 0,
            events: BTreeMap::new(),
            throttle: Throttle::new(ATTEMPTS_LOGGED_MAX, Duration::from_secs(60)),
            ends_logged: Throttle::new(ENDS_LOGGED_MAX, Duration::from_secs(60)),
            writes: Vec::new(),
            answers: Vec::new(),
            ended: Vec::new(),
            deletion_mails: KeyedRateLimiter::per_hour(deletion::DELETION_MAILS_PER_HOUR_MAX),
            log_emptying: LogEmptying::default(),
            cancellations: VecDeque::new(),
            pending_ends: Vec::new(),
            looked: now,
        })
    }

    fn rows(&self, user: Option<&str>) -> Vec<SessionRow> {
        let key = user.map(str::to_ascii_lowercase);
        let wanted = |stored: &&StoredSession| {
            key.as_ref()
                .is_none_or(|key| stored.session.username.key() == *key)
        };
        let row = |stored: &StoredSession| SessionRow {
            prefix: stored.session.hash.prefix(),
            session: stored.session.clone(),
        };
        let mut rows: Vec<_> = self.sessions.iter().filter(wanted).map(row).collect();
        let key = |row: &SessionRow| {
            let session = &row.session;
            (
                session.since,
                session.username.key().to_owned(),
                row.prefix.clone(),
            )
        };
        rows.sort_by_cached_key(key);
        rows
    }

    fn status(&mut self) -> AuthStatus {
        let accounts = self.storage.read(|snapshot| snapshot.account_count());
        AuthStatus {
            accounts: accounts.unwrap_or(0),
            sessions: self.sessions.len(),
            inactive: self.inactive,
            events: self.events.iter().map(|(event, n)| (*event, *n)).collect(),
        }
    }

    /// Counts what has happened to accounts.
    fn count(&mut self, event: AccountEvent, times: usize) {
        if times == 0 {
            return;
        }
        let count = self.events.entry(event).or_default();
        *count = count.saturating_add(u64::try_from(times).unwrap_or(u64::MAX));
    }

    /// Counts an attempt that failed, and logs it at most [`ATTEMPTS_LOGGED_MAX`] times a minute for
    /// each reason. `user` is the name of an account: no other name is logged, since people type
    /// passwords there by mistake.
    fn count_failed(
        &mut self,
        reply_to: &ReplyTo,
        event: AccountEvent,
        reason: &'static str,
        user: Option<&Username>,
    ) {
        self.count(event, 1);
        let Some(more) = self.throttle.allow(reason) else {
            return;
        };
        let (worker, client) = (&reply_to.peer.worker.name, client_of(reply_to));
        let user = user.map_or("-", Username::as_str);
        match event {
            AccountEvent::RefusedLogin => {
                crate::audit!("login refused", reason = reason, user = user, worker = worker, client = client; more);
            }
            AccountEvent::RefusedCode => {
                crate::audit!("code refused", reason = reason, user = user, worker = worker, client = client; more);
            }
            _ => {
                crate::audit!("login failed", reason = reason, user = user, worker = worker, client = client; more);
            }
        }
    }

    /// Logs the end of a session, at most [`ENDS_LOGGED_MAX`] times a minute for each reason.
    fn log_end(&self, stored: &StoredSession, reason: &'static str) {
        if let Some(more) = self.ends_logged.allow(reason) {
            let session = &stored.session;
            crate::audit!("session end", reason = reason, user = session.username, session = session.hash.prefix(); more);
        }
    }

    fn set_limits(&mut self, limits: &MasterLimits) {
        self.attempts.set_limits(limits);
        self.registrations
            .set_limit(limits.registrations_per_minute_per_address);
    }

    fn matching(&self, filter: &SessionFilter) -> Vec<SessionHash> {
        match filter {
            SessionFilter::Prefix(prefix) => self
                .sessions
                .filter(|stored| hex::encode(stored.session.hash.0).starts_with(prefix.as_str())),
            SessionFilter::User(name) => {
                let key = name.to_ascii_lowercase();
                self.sessions
                    .filter(|stored| stored.session.username.key() == key)
            }
            SessionFilter::Worker(uuid) => self.sessions.filter(|stored| stored.has_passed(uuid)),
            SessionFilter::All => self.sessions.filter(|_| true),
        }
    }

    /// Ends a session, for a reason that the log has. Requests with it are refused from now on; the next commit deletes its row.
    fn end(&mut self, hash: &SessionHash, reason: &'static str) {
        if let Some(stored) = self.sessions.remove(hash) {
            self.log_end(&stored, reason);
            self.count(AccountEvent::SessionEnd, 1);
            self.writes.push(AuthWrite::Ended(*hash));
            self.ended.push(*hash);
        }
    }

    /// Ends sessions for an administrator, in a commit with the act of each account, and returns
    /// their number.
    ///
    /// # Errors
    /// The commit fails. They have ended in memory all the same; the text says both.
    fn end_matching(&mut self, filter: &SessionFilter, caller: &str) -> Result<EndedCount, String> {
        let hashes = self.matching(filter);
        self.shut_out_of(&hashes);
        let mut of_account: BTreeMap<AccountId, usize> = BTreeMap::new();
        let mut ended = EndedCount::default();
        for hash in &hashes {
            if let Some(stored) = self.sessions.get(hash, Timestamp::now()) {
                *of_account.entry(stored.session.account).or_default() += 1;
                match stored.session.kind {
                    SessionKind::Login(_) => ended.logins += 1,
                    SessionKind::Token { .. } => ended.tokens += 1,
                }
            }
        }
        self.end_all(&hashes, "administrator");
        for (account, count) in of_account {
            let act = AccountAct::now(ActKind::EndSessions, caller, ended_detail(count));
            self.writes.push(AuthWrite::Act(account, act));
        }
        // Before the answer, so that its reader finds the act.
        if self.commit() {
            return Ok(ended);
        }
        let EndedCount { logins, tokens } = ended;
        crate::warn!(
            "{caller} has ended {logins} sessions and {tokens} tokens, which could not be stored"
        );
        Err(format!(
            "{logins} sessions and {tokens} tokens have ended, but that could not be stored, so that \
             they begin anew if the master stops now: see its log, and ask again once its database can \
             be written"
        ))
    }

    fn end_all(&mut self, hashes: &[SessionHash], reason: &'static str) {
        for hash in hashes {
            self.end(hash, reason);
        }
    }

    /// Notes that what was begun before leads into this account no more.
    fn shut_out(&mut self, account: AccountId) {
        self.shut_out.insert(account, Instant::now());
    }

    /// The same for the accounts of sessions that somebody ends.
    fn shut_out_of(&mut self, hashes: &[SessionHash]) {
        let now = Timestamp::now();
        for hash in hashes {
            if let Some(stored) = self.sessions.get(hash, now) {
                let account = stored.session.account;
                self.shut_out(account);
            }
        }
    }

    /// Whether somebody shut an account, at or after that moment, to what was begun before.
    fn is_shut_out(&self, account: AccountId, begun: Instant) -> bool {
        let shut = self.shut_out.get(&account);
        shut.is_some_and(|shut| *shut >= begun)
    }

    /// Notes that the password of an account is another one now.
    fn note_changed_password(&mut self, account: AccountId) {
        self.note_changed_record();
        self.changed_passwords.insert(account, Instant::now());
        self.shut_out(account);
    }

    /// Where the clock was set back, sessions from after now begin anew, though not as fresh logins:
    /// nobody knows when they were made.
    fn look_at_clock(&mut self, now: Timestamp) {
        let before = std::mem::replace(&mut self.looked, now);
        if before.since(now) < CLOCK_SET_BACK_MS {
            return;
        }
        let begin = accounts::no_longer_fresh(now);
        let moved = self.sessions.set_back(now, begin);
        crate::warn!(
            "the clock was set back by {} s; {moved} sessions begin anew",
            before.since(now) / 1_000
        );
        if let Err(error) = self.storage.write(|tx| tx.set_back_sessions(now, begin)) {
            // The next start does it.
            crate::error!("the begin of sessions could not be stored: {error}");
        }
    }

    fn expire(&mut self) {
        let expired = self.sessions.expired(Timestamp::now());
        self.end_all(&expired, "expired");
    }
}

/// The client of a request, as the log names it.
fn client_of(reply_to: &ReplyTo) -> String {
    reply_to
        .client
        .map_or_else(|| "-".to_owned(), |client| client.to_string())
}

fn active_session(stored: &StoredSession) -> ActiveSession {
    ActiveSession {
        username: stored.session.username.as_str().to_owned(),
        expiry: stored.session.expiry,
        expirable: stored.session.expirable,
    }
}

/// The oldest last login from a place that counts as an account's own.
fn oldest_place() -> Timestamp {
    Timestamp::now().before(LOGIN_PLACE_AGE_MAX)
}

fn conflict_refusal(conflict: NameConflict) -> Refusal {
    match conflict {
        NameConflict::Email => Refusal::new(Reason::EmailTaken, "another account has this email"),
        NameConflict::Username | NameConflict::Neither => {
            Refusal::new(Reason::UsernameTaken, "another account has this username")
        }
    }
}

#[cfg(test)]
mod tests;
