//! spec/master/auth.md · 3.1.3 Account Management & Authorization
//!
//! Registers, logs in, mints sessions and ends them. Every request that carries a session comes through
//! here, and leaves for its module with the account that the session stands for.

pub mod accounts;
pub mod attempts;
pub mod hashing;
mod login;
pub mod sessions;

use super::database;
use super::route::{Peer, Replies, Route, Shared};
use super::router::overloaded;
use super::transactions::{self, Order};
use super::views;
use crate::config::{MasterConfig, MasterLimits};
use crate::link::message::{self, ActiveSession, HASHES_MAX, SessionHashes, SessionState};
use crate::log::Throttle;
use crate::model::{AccountId, Email, Money, Reason, Session, SessionHash, SessionId, Stamp, Username};
use crate::thread::{Heart, Stop, TICK};
use crate::wire::{Instruction, Refusal, Reply, Request, reply};
use accounts::{Credentials, Kept, NewAccount, Taken};
use attempts::Attempts;
use crossbeam_channel::{Receiver, Sender, TrySendError, select};
use hashing::Pool;
use rusqlite::Connection;
use sessions::Sessions;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Messages that may wait for auth.
pub const INBOX: usize = 1024;
/// Messages whose writes go into one commit.
const GROUP: usize = 256;
/// How often it is noted on disk when sessions were last used.
const TOUCH: Duration = Duration::from_secs(60);
/// Lines a minute about sessions that are not active.
const INACTIVE_LOGGED: u32 = 20;

/// What may be asked with or about a session.
#[derive(Debug)]
pub enum Ask {
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
pub enum Which {
    /// The one whose hash begins so.
    Prefix(String),
    /// An account's.
    User(String),
    /// Those made through a worker.
    Worker(Uuid),
}

/// How auth is doing.
#[derive(Debug, Clone, Copy)]
pub struct Status {
    /// Accounts registered.
    pub accounts: i64,
    /// Sessions active.
    pub sessions: usize,
    /// Questions, since the start, with a session that is not active: over, or made up.
    pub inactive: u64,
}

/// The module's whole vocabulary.
#[derive(Debug)]
pub enum Message {
    /// What one read of a link brought.
    Asks(Vec<(Route, Ask)>),
    /// A worker has been away for so long, or has started again so recently, that the expirable sessions
    /// of its earlier processes are over. `None`: of all its processes.
    WorkerAway(Uuid, Option<Uuid>),
    /// For the administrator.
    List(Option<String>, Sender<Vec<SessionRow>>),
    /// For the administrator: ends sessions, and answers how many.
    End(Which, Sender<usize>),
    /// For the administrator.
    Status(Sender<Status>),
    /// The configuration's limits have changed.
    Limits(MasterLimits),
}

/// A login or registration whose hash is being computed.
pub struct Pending {
    route: Route,
    what: What,
}

enum What {
    Login {
        credentials: Option<Credentials>,
        expirable: bool,
        counted: (String, IpAddr, Instant),
    },
    Register {
        username: Username,
        email: Email,
    },
}

/// What auth needs of the rest.
#[derive(Debug)]
pub struct Neighbours {
    /// Orders go there.
    pub transactions: Sender<transactions::Message>,
    /// Questions about accounts go there.
    pub views: Sender<views::Message>,
    /// The standing links, which are told of ended sessions.
    pub peers: Arc<Shared<Vec<Arc<Peer>>>>,
    /// `host:port` of each available worker.
    pub addresses: Arc<Shared<Vec<String>>>,
}

/// The module's whole state.
pub struct Auth {
    database: Connection,
    sessions: Sessions,
    pool: Pool,
    logins: Attempts<(String, IpAddr)>,
    logins_by_address: Attempts<IpAddr>,
    registrations: Attempts<IpAddr>,
    lifetime: i64,
    starting_cash: Money,
    neighbours: Neighbours,
    touched: Instant,
    inactive: u64,
    throttle: Throttle,
    /// What has been decided and is not committed yet.
    writes: Vec<Write>,
    /// Replies that say it, sent after the commit.
    answers: Vec<Answer>,
    ended: Vec<SessionHash>,
}

/// A change that the next commit makes.
enum Write {
    Account(NewAccount),
    Session(Kept),
    Ended(SessionHash),
}

/// A reply that waits for the commit.
struct Answer {
    route: Route,
    instruction: Instruction,
    success: Success,
}

enum Success {
    Registered,
    Session(SessionId, Kept),
    LoggedOut,
}

fn internal() -> Refusal {
    Refusal::new(
        Reason::InternalError,
        "the master could not store it; try again later",
    )
}

fn expired() -> Refusal {
    Refusal::new(Reason::SessionExpired, "the session is not active; log in again")
}

impl Auth {
    /// With the sessions that the database holds.
    ///
    /// # Errors
    /// The database fails.
    pub fn new(
        database: Connection,
        pool: Pool,
        config: &MasterConfig,
        neighbours: Neighbours,
    ) -> rusqlite::Result<Auth> {
        let mut sessions = Sessions::default();
        for kept in accounts::sessions(&database, Stamp::now())? {
            sessions.insert(kept);
        }
        Ok(Auth {
            database,
            sessions,
            pool,
            logins: Attempts::new(config.limits.failed_logins_per_minute),
            logins_by_address: Attempts::new(config.limits.failed_logins_per_minute_per_address),
            registrations: Attempts::new(config.limits.registrations_per_minute_per_address),
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
    pub fn run(mut self, inbox: &Receiver<Message>, stop: &Stop, heart: &Heart) {
        let outcomes = self.pool.outcomes.clone();
        loop {
            heart.beat();
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
            for message in inbox.try_iter().take(GROUP) {
                self.handle(message);
            }
            for outcome in outcomes.try_iter().take(GROUP) {
                self.computed(outcome);
            }
            self.expire();
            self.commit();
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Asks(asks) => self.asks(asks),
            Message::WorkerAway(worker, boot) => {
                for hash in self.sessions.orphans(&worker, boot.as_ref()) {
                    self.end(&hash);
                }
            }
            Message::List(user, reply) => {
                let key = user.map(|name| name.to_ascii_lowercase());
                let wanted =
                    |kept: &&Kept| key.as_ref().is_none_or(|key| kept.session.username.key() == *key);
                let row = |kept: &Kept| SessionRow {
                    prefix: kept.session.hash.prefix(),
                    session: kept.session.clone(),
                };
                let mut rows: Vec<_> = self.sessions.iter().filter(wanted).map(row).collect();
                rows.sort_by_key(|row| row.session.since);
                let _ = reply.try_send(rows);
            }
            Message::End(which, reply) => {
                let hashes = self.which(&which);
                for hash in &hashes {
                    self.end(hash);
                }
                let _ = reply.try_send(hashes.len());
            }
            Message::Limits(limits) => {
                self.logins.set_limit(limits.failed_logins_per_minute);
                self.logins_by_address
                    .set_limit(limits.failed_logins_per_minute_per_address);
                self.registrations
                    .set_limit(limits.registrations_per_minute_per_address);
            }
            Message::Status(reply) => {
                let accounts = accounts::count(&self.database).unwrap_or(0);
                let _ = reply.try_send(Status {
                    accounts,
                    sessions: self.sessions.len(),
                    inactive: self.inactive,
                });
            }
        }
    }

    fn which(&self, which: &Which) -> Vec<SessionHash> {
        match which {
            Which::Prefix(prefix) => self
                .sessions
                .filter(|kept| hex::encode(kept.session.hash.0).starts_with(prefix.as_str())),
            Which::User(name) => {
                let key = name.to_ascii_lowercase();
                self.sessions.filter(|kept| kept.session.username.key() == key)
            }
            Which::Worker(uuid) => self.sessions.filter(|kept| kept.session.worker == *uuid),
        }
    }

    /// One read's requests, in their order. Orders and questions leave together.
    fn asks(&mut self, asks: Vec<(Route, Ask)>) {
        let mut orders = Vec::new();
        let mut questions = Vec::new();
        for (route, ask) in asks {
            match ask {
                Ask::Session(hash) => self.describe(&route, hash),
                Ask::ConnectionClosed(hashes) => self.connection_closed(&route, &hashes),
                Ask::Request(Request::Login {
                    username,
                    hashed_pass,
                    expirable,
                }) => {
                    self.login(route, username, hashed_pass, expirable);
                }
                Ask::Request(Request::Register {
                    username,
                    email,
                    hashed_pass,
                }) => {
                    self.register(route, username, email, hashed_pass);
                }
                Ask::Request(Request::Resume { session }) => self.resume(&route, &session),
                Ask::Request(Request::Logout { session }) => self.logout(route, &session),
                Ask::Request(Request::Order {
                    session,
                    side,
                    symbol,
                    quantity,
                    id,
                }) => {
                    let account = self.account(&route, transactions::instruction(side), &session);
                    let client_order_id = id;
                    orders.push(Order {
                        route,
                        account,
                        side,
                        symbol,
                        quantity,
                        client_order_id,
                    });
                }
                Ask::Request(request) => {
                    if let Some(question) = self.question(&route, request) {
                        questions.push((route, question));
                    }
                }
            }
        }
        if !orders.is_empty()
            && let Err(TrySendError::Full(transactions::Message::Orders(orders))) = self
                .neighbours
                .transactions
                .try_send(transactions::Message::Orders(orders))
        {
            let mut replies = Replies::new();
            for order in orders {
                let instruction = order.instruction();
                replies.add(order.route, |out| {
                    reply::write_fail(out, instruction, &overloaded())
                });
            }
            replies.send();
        }
        if !questions.is_empty()
            && let Err(TrySendError::Full(views::Message::Questions(questions))) = self
                .neighbours
                .views
                .try_send(views::Message::Questions(questions))
        {
            for (route, question) in questions {
                route.fail(question.instruction(), &overloaded());
            }
        }
    }

    /// The account that a session stands for, and that the session was used.
    fn account(
        &mut self,
        route: &Route,
        instruction: Instruction,
        session: &SessionId,
    ) -> Result<AccountId, Refusal> {
        let account = self
            .sessions
            .use_it(&session.hash(), Stamp::now())
            .map(|kept| kept.session.account);
        if account.is_none() {
            self.inactive(route, instruction);
        }
        account.ok_or_else(expired)
    }

    /// Somebody used a session that is over, or guesses: it is counted, and said now and then.
    fn inactive(&mut self, route: &Route, instruction: Instruction) {
        self.inactive += 1;
        if let Some(more) = self.throttle.allow("session") {
            let client = route
                .client
                .map_or("no client".to_owned(), |client| client.to_string());
            crate::info!(
                "worker {} passed on {instruction} of {client} with a session that is not active{more}",
                route.peer.worker.name
            );
        }
    }

    fn question(&mut self, route: &Route, request: Request) -> Option<views::Question> {
        let instruction = request.instruction();
        let (session, about) = match request {
            Request::UserInfo { session, username } => (session, views::About::Info(username)),
            Request::UserPortfolio { session, username } => (session, views::About::Portfolio(username)),
            Request::UserHistory { session, username } => (session, views::About::History(username)),
            Request::Receipt { session, id } => (session, views::About::Receipt(id)),
            // The router sends no other request here.
            _ => return None,
        };
        match self.account(route, instruction, &session) {
            Ok(asker) => Some(views::Question { asker, about }),
            Err(refusal) => {
                route.fail(instruction, &refusal);
                None
            }
        }
    }

    /// Tells a worker what is known of a session.
    fn describe(&mut self, route: &Route, hash: SessionHash) {
        let active = self.sessions.get(&hash, Stamp::now()).map(active);
        if active.is_none() {
            self.inactive(route, Instruction::LinkSession);
        }
        let state = SessionState { hash, active };
        route.send(|out| message::write(out, Instruction::LinkSession, &state));
    }

    fn connection_closed(&mut self, route: &Route, hashes: &[SessionHash]) {
        for hash in hashes {
            let own = self
                .sessions
                .get(hash, Stamp::now())
                .is_some_and(|kept| kept.session.expirable && kept.session.worker == route.peer.worker.uuid);
            if own {
                self.end(hash);
            }
        }
        route.send(|out| Reply::Pong.write(out));
    }

    fn resume(&mut self, route: &Route, session: &SessionId) {
        match self.sessions.use_it(&session.hash(), Stamp::now()) {
            Some(kept) => {
                let state = SessionState {
                    hash: kept.session.hash,
                    active: Some(active(kept)),
                };
                let workers = self.neighbours.addresses.load().to_vec();
                route.send(|out| {
                    message::write(out, Instruction::LinkSession, &state);
                    Reply::Session {
                        id: session.clone(),
                        workers,
                    }
                    .write(out);
                });
            }
            None => {
                self.inactive(route, Instruction::Resume);
                route.fail(Instruction::Resume, &expired());
            }
        }
    }

    fn logout(&mut self, route: Route, session: &SessionId) {
        let hash = session.hash();
        // Sent again after a broken link, it may have been done already.
        if self.sessions.get(&hash, Stamp::now()).is_none() && !route.again {
            self.inactive(&route, Instruction::Logout);
            route.fail(Instruction::Logout, &expired());
            return;
        }
        self.end(&hash);
        self.answers.push(Answer {
            route,
            instruction: Instruction::Logout,
            success: Success::LoggedOut,
        });
    }

    /// Ends a session: nobody is answered on it any more, from this moment on, and the next commit makes
    /// it last.
    fn end(&mut self, hash: &SessionHash) {
        if self.sessions.remove(hash).is_some() {
            self.writes.push(Write::Ended(*hash));
            self.ended.push(*hash);
        }
    }

    fn expire(&mut self) {
        for hash in self.sessions.expired(Stamp::now()) {
            self.end(&hash);
        }
    }

    /// Commits what was decided, and then says so.
    fn commit(&mut self) {
        let now = Instant::now();
        let mut used = Vec::new();
        if now.saturating_duration_since(self.touched) >= TOUCH {
            self.touched = now;
            used = self.sessions.take_used();
            self.logins.tidy(now);
            self.logins_by_address.tidy(now);
            self.registrations.tidy(now);
        }
        if !self.writes.is_empty() || !used.is_empty() {
            let stored = store(&mut self.database, &self.writes, &used);
            if let Err(error) = &stored {
                crate::error!("accounts and sessions could not be stored: {error}");
            }
            // First the workers: whoever hears of a success finds the session gone everywhere.
            self.tell_ended();
            self.settle(stored.is_ok());
        } else if !self.answers.is_empty() {
            self.settle(true);
        }
    }

    fn settle(&mut self, stored: bool) {
        let writes = std::mem::take(&mut self.writes);
        if !stored {
            // What ended stays ended in memory, and its row goes with the next commit.
            self.writes.extend(
                writes
                    .into_iter()
                    .filter(|write| matches!(write, Write::Ended(_))),
            );
        }
        let workers = self.neighbours.addresses.load();
        let mut replies = Replies::new();
        for Answer {
            route,
            instruction,
            success,
        } in std::mem::take(&mut self.answers)
        {
            match success {
                _ if !stored => {
                    replies.add(route, |out| reply::write_fail(out, instruction, &internal()));
                }
                Success::LoggedOut => replies.add(route, |out| Reply::LogoutSuccess.write(out)),
                Success::Registered => replies.add(route, |out| Reply::RegisterSuccess.write(out)),
                Success::Session(id, kept) => {
                    let state = SessionState {
                        hash: kept.session.hash,
                        active: Some(active(&kept)),
                    };
                    replies.add(route, |out| {
                        message::write(out, Instruction::LinkSession, &state);
                        Reply::Session {
                            id,
                            workers: workers.to_vec(),
                        }
                        .write(out);
                    });
                    self.sessions.insert(kept);
                }
            }
        }
        replies.send();
    }

    /// Every worker is told of every session that has ended.
    fn tell_ended(&mut self) {
        if self.ended.is_empty() {
            return;
        }
        let ended = std::mem::take(&mut self.ended);
        for peer in self.neighbours.peers.load().iter() {
            for part in ended.chunks(HASHES_MAX) {
                let hashes = SessionHashes(part.to_vec());
                peer.push(|out| message::write(out, Instruction::LinkSessionsEnded, &hashes));
            }
        }
    }
}

fn active(kept: &Kept) -> ActiveSession {
    ActiveSession {
        username: kept.session.username.as_str().to_owned(),
        expiry: kept.session.expiry,
        expirable: kept.session.expirable,
    }
}

fn taken_refusal(taken: Taken) -> Refusal {
    match taken {
        Taken::Email => Refusal::new(Reason::EmailTaken, "another account has this email"),
        Taken::Username | Taken::Neither => {
            Refusal::new(Reason::UsernameTaken, "another account has this username")
        }
    }
}

fn store(database: &mut Connection, writes: &[Write], used: &[(SessionHash, Stamp)]) -> rusqlite::Result<()> {
    let transaction = database::begin(database)?;
    for write in writes {
        match write {
            Write::Account(new) => accounts::insert(&transaction, new)?,
            Write::Session(kept) => accounts::insert_session(&transaction, kept)?,
            Write::Ended(hash) => accounts::delete_session(&transaction, hash)?,
        }
    }
    for (hash, when) in used {
        accounts::touch_session(&transaction, hash, *when)?;
    }
    database::commit(transaction)
}
