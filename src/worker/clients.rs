//! spec/worker/clients.md · 3.2.3 Client Management, 4.6.6 switchState, 3.1.5 (the list of workers)
//!
//! Keeps the connected clients, the cached sessions and which of them end with which connection.
//! Switches states, checks the sessions of subscriptions, and answers ping, getWorkerList and
//! getServerInfo. Never blocks, and never decides about a session that is not cached: the master
//! does.
//!
//! Tests: `src/worker/tests.rs`.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

pub mod server_info;
pub mod sessions;

use super::Gauges;
use super::client::{CachedSession, WorkerClient};
use super::messages::{
    ClientsChannels, ClientsMessage, MasterLinkMessage, MasterQuery, OrderNoticesMessage,
    QueryKind, QuoteNoticesMessage, RequestBatch, SessionUpdate, SubscriptionRequest,
};
use crate::link::message::{HASHES_MAX, SessionState};
use crate::model::{SessionHash, SessionId, Timestamp, Topic};
use crate::net::connection::SHUTTING_DOWN;
use crate::runtime::Module;
use crate::runtime::clock::RemoteClock;
use crate::wire::request::requests_to;
use crate::wire::{ConnectionState, Instruction, Refusal, Reply, Request};
use server_info::ServerInfoHolder;
use sessions::SessionCache;
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Clients that wait for the master's answer about a session at most.
const WAITING_MAX: usize = 65_536;
/// While as many sessions of closed connections wait to be reported to the master, further ones are
/// not reported; the master ends all expirable sessions of a worker that was away for 60 s.
/// Sessions whose report was not confirmed are put back without regard to this bound.
const CLOSING_MAX: usize = 262_144;

/// A connected client and its expirable sessions.
#[derive(Debug)]
struct ConnectedClient {
    client: Arc<WorkerClient>,
    /// Sessions that end with the connection.
    expirable: Vec<SessionHash>,
}

/// What a client wants to use a session for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionPurpose {
    /// To enter the data state.
    Data,
    Subscribe(Topic),
    Unsubscribe(Topic),
}

impl SessionPurpose {
    fn instruction(self) -> Instruction {
        match self {
            SessionPurpose::Data => Instruction::SwitchState,
            SessionPurpose::Subscribe(_) => Instruction::Subscribe,
            SessionPurpose::Unsubscribe(_) => Instruction::Unsubscribe,
        }
    }

    /// Whether the master is to tell ends of orders.
    fn watches_orders(self) -> bool {
        self == SessionPurpose::Subscribe(Topic::Orders)
    }
}

/// A request with a session, from the client that sent it.
#[derive(Debug)]
struct SessionRequest {
    client: Arc<WorkerClient>,
    number: u64,
    purpose: SessionPurpose,
}

impl SessionRequest {
    fn fail(&self, refusal: &Refusal) {
        self.client
            .fail(self.number, self.purpose.instruction(), refusal);
    }
}

/// A question to the master about a session: its hash, and whether ends of orders are to be told.
type SessionQuestion = (SessionHash, bool);

/// The module's state.
#[derive(Debug)]
pub struct Clients {
    channels: ClientsChannels,
    connected: HashMap<u64, ConnectedClient>,
    sessions: SessionCache,
    /// Requests that wait for the master's answer to a question; `waiting_count` is their number.
    waiting: HashMap<SessionQuestion, Vec<SessionRequest>>,
    waiting_count: usize,
    /// Sessions of subscribers to `orders` for which the master is asked again since a broken link.
    resuming: HashSet<SessionHash>,
    /// Those for which the master has answered, and whose subscribers could not be told of it yet:
    /// `order_notices` had no room.
    untold: HashSet<SessionHash>,
    /// Bound sessions about which the master is not asked yet since the last broken link.
    unverified: VecDeque<SessionHash>,
    /// Sessions of closed connections that are not reported to the master yet.
    closing: VecDeque<SessionHash>,
    workers: Vec<String>,
    server_info: ServerInfoHolder,
    linked: bool,
    open: bool,
    /// The master's clock, by which sessions expire.
    clock: Arc<RemoteClock>,
    gauges: Arc<Gauges>,
}

impl Clients {
    /// The module with nobody connected.
    pub fn new(channels: ClientsChannels, clock: Arc<RemoteClock>, gauges: Arc<Gauges>) -> Clients {
        Clients {
            channels,
            connected: HashMap::new(),
            sessions: SessionCache::default(),
            waiting: HashMap::new(),
            waiting_count: 0,
            resuming: HashSet::new(),
            untold: HashSet::new(),
            unverified: VecDeque::new(),
            closing: VecDeque::new(),
            workers: Vec::new(),
            server_info: ServerInfoHolder::new(),
            linked: false,
            open: false,
            clock,
            gauges,
        }
    }
}

impl Module for Clients {
    type Message = ClientsMessage;
    const BATCH_MAX: usize = 64;

    fn on_message(&mut self, message: ClientsMessage) {
        match message {
            ClientsMessage::Connected(client) => self.connect(client),
            ClientsMessage::Disconnected(number) => self.disconnect(number),
            ClientsMessage::Batch(batch) => self.answer(batch),
            ClientsMessage::LoggedIn {
                client,
                number,
                state,
                created,
                frame,
            } => {
                self.log_in(&client, state, created);
                client.pass(number, &frame);
            }
            ClientsMessage::Answered {
                client,
                number,
                ended,
                frame,
            } => {
                if let Some(hash) = ended {
                    self.sessions.end(hash);
                }
                client.pass(number, &frame);
            }
            ClientsMessage::Resume {
                client,
                number,
                session,
            } => self.resume(&client, number, session),
            ClientsMessage::Session(hash, update) => self.on_answer((hash, false), update),
            ClientsMessage::Watched(hash, update) => self.on_answer((hash, true), update),
            ClientsMessage::Ended(hashes) => {
                hashes.into_iter().for_each(|hash| self.sessions.end(hash))
            }
            ClientsMessage::Workers(workers) => self.workers = workers,
            ClientsMessage::ServerInfo(facts) => self.server_info.learn(facts),
            ClientsMessage::Closed {
                confirmed: true, ..
            } => {}
            ClientsMessage::Closed {
                hashes,
                confirmed: false,
            } => self.closing.extend(hashes),
            ClientsMessage::Linked => self.on_linked(),
            ClientsMessage::Welcomed => self.on_welcomed(),
            ClientsMessage::Unlinked => self.linked = false,
            ClientsMessage::Open => self.open = true,
            ClientsMessage::EndAll => self.end_all(),
        }
    }

    /// Ends expired sessions, reports closed connections to the master, and verifies sessions.
    fn on_turn_end(&mut self) {
        self.sessions.expire(self.clock.now());
        self.report_closed();
        self.verify_bound();
        let known = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX);
        self.gauges.sessions.store(known, Ordering::Relaxed);
    }

    fn on_tick(&mut self, _now: Instant) {
        self.tell_resumed();
        self.on_turn_end();
    }
}

impl Clients {
    /// Forgets what was asked over the link before.
    fn on_linked(&mut self) {
        self.linked = true;
        self.resuming.clear();
        self.untold.clear();
    }

    /// Forgets unbound sessions and asks the master once about bound ones, whose ends may have been
    /// missed.
    fn on_welcomed(&mut self) {
        self.unverified = self.sessions.keep_bound().into();
    }

    fn end_all(&mut self) {
        self.open = false;
        for connected in self.connected.values() {
            connected.client.connection.end_at_once(SHUTTING_DOWN);
        }
    }

    fn connect(&mut self, client: Arc<WorkerClient>) {
        // The connection was accepted while the port closed.
        if !self.open {
            client.connection.end_at_once(SHUTTING_DOWN);
        }
        let expirable = Vec::new();
        self.connected.insert(
            client.connection.number,
            ConnectedClient { client, expirable },
        );
    }

    fn disconnect(&mut self, number: u64) {
        if let Some(connected) = self.connected.remove(&number) {
            for hash in connected.expirable {
                self.close_session(hash);
            }
        }
    }

    /// Ends an expirable session, whose connection has closed, and reports it to the master later.
    fn close_session(&mut self, hash: SessionHash) {
        self.sessions.end(hash);
        if self.closing.len() < CLOSING_MAX {
            self.closing.push_back(hash);
        }
    }

    fn log_in(&mut self, client: &Arc<WorkerClient>, state: SessionState, created: bool) {
        let hash = state.hash;
        let Some(session) = state.active else {
            return;
        };
        let expirable = session.expirable;
        self.sessions.learn(hash, session);
        client.note_login();
        if created && expirable {
            match self.connected.get_mut(&client.connection.number) {
                Some(connected) => {
                    connected.expirable.push(hash);
                    client.add_expirable();
                }
                // The connection closed before the login was answered.
                None => self.close_session(hash),
            }
        }
    }

    fn resume(&mut self, client: &Arc<WorkerClient>, number: u64, session: SessionId) {
        let hash = session.hash();
        let now = self.clock.now();
        if self
            .sessions
            .get(hash)
            .is_some_and(|known| known.is_active(now))
        {
            let workers = self.workers.clone();
            let reply = Reply::Session {
                id: session,
                workers,
            };
            client.note_login();
            client.connection.reply(number, |out| reply.write(out));
        } else if self.sessions.has_ended(hash) {
            client.fail(number, Instruction::Resume, &Refusal::session_expired());
        } else {
            client.fail(number, Instruction::Resume, &Refusal::master_unavailable());
        }
    }

    fn answer(&mut self, batch: RequestBatch) {
        let client = Arc::clone(&batch.client);
        if batch
            .requests
            .iter()
            .any(|request| matches!(request, requests_to!(State)))
        {
            for (number, request) in batch.into_numbered() {
                self.on_session_request(&client, number, request);
            }
            return;
        }
        let mut sending = client.connection.sending();
        for (number, request) in batch.into_numbered() {
            sending.reply(number, |out| match request {
                Request::GetWorkerList => Reply::WorkerList(self.workers.clone()).write(out),
                Request::GetServerInfo => out.extend_from_slice(self.server_info.frame()),
                Request::Ping
                | Request::Pong
                // The router sends no others here.
                | requests_to!(Cache)
                | requests_to!(Orders)
                | requests_to!(AccountQueries)
                | requests_to!(Tunnel)
                | requests_to!(State) => Reply::Pong.write(out),
            });
        }
    }

    /// Handles a request that changes what a connection is in or subscribed to.
    fn on_session_request(&mut self, client: &Arc<WorkerClient>, number: u64, request: Request) {
        let (session, purpose) = match request {
            Request::SwitchState {
                state: ConnectionState::Command,
                ..
            } => {
                client.enter(None);
                switched(client, number, ConnectionState::Command);
                return;
            }
            Request::SwitchState { session, .. } => (session, SessionPurpose::Data),
            Request::Subscribe { session, topic } => (session, SessionPurpose::Subscribe(topic)),
            Request::Unsubscribe { session, topic } => {
                (session, SessionPurpose::Unsubscribe(topic))
            }
            // The reader sends no others along with these.
            requests_to!(Cache)
            | requests_to!(Orders)
            | requests_to!(AccountQueries)
            | requests_to!(Tunnel)
            | requests_to!(Local) => return,
        };
        let request = SessionRequest {
            client: Arc::clone(client),
            number,
            purpose,
        };
        let hash = session.hash();
        match self.sessions.get(hash) {
            Some(known) if !known.is_active(self.clock.now()) => {
                request.fail(&Refusal::session_expired());
            }
            Some(known) if !purpose.watches_orders() => self.carry_out(known, request),
            None if self.sessions.has_ended(hash) => request.fail(&Refusal::session_expired()),
            Some(_) | None if !self.linked => request.fail(&Refusal::master_unavailable()),
            Some(_) | None => self.wait_for_master(hash, request),
        }
    }

    /// Does what a client asks for with an active session.
    fn carry_out(&self, session: Arc<CachedSession>, request: SessionRequest) {
        let SessionRequest {
            client,
            number,
            purpose,
        } = request;
        client.note_login();
        let (topic, ends) = match purpose {
            SessionPurpose::Data => {
                client.enter(Some(session));
                switched(&client, number, ConnectionState::Data);
                return;
            }
            SessionPurpose::Subscribe(topic) => (topic, false),
            SessionPurpose::Unsubscribe(topic) => (topic, true),
        };
        let subscription = SubscriptionRequest {
            client: Arc::clone(&client),
            number,
            session,
            topic,
        };
        let is_sent = match topic {
            Topic::Orders => {
                let message = if ends {
                    OrderNoticesMessage::Unsubscribe(subscription)
                } else {
                    OrderNoticesMessage::Subscribe(subscription)
                };
                self.channels.order_notices.try_send(message).is_ok()
            }
            Topic::Quotes | Topic::QuotesOf(_) => {
                let message = if ends {
                    QuoteNoticesMessage::Unsubscribe(subscription)
                } else {
                    QuoteNoticesMessage::Subscribe(subscription)
                };
                self.channels.quote_notices.try_send(message).is_ok()
            }
        };
        if !is_sent {
            client.fail(number, purpose.instruction(), &Refusal::worker_overloaded());
        }
    }

    fn wait_for_master(&mut self, hash: SessionHash, request: SessionRequest) {
        let question = (hash, request.purpose.watches_orders());
        let asked = self.waiting.contains_key(&question);
        let peer = request.client.connection.peer;
        if self.waiting_count >= WAITING_MAX || (!asked && !self.ask(question, Some(peer))) {
            request.fail(&Refusal::worker_overloaded());
            return;
        }
        self.waiting_count += 1;
        self.waiting.entry(question).or_default().push(request);
    }

    /// Asks the master about a session, which `client` uses if it is named. False where the inbox of
    /// `master_link` is full.
    fn ask(&self, (hash, watches): SessionQuestion, client: Option<SocketAddr>) -> bool {
        let query = MasterQuery {
            timestamp: Timestamp::now(),
            client,
            kind: if watches {
                QueryKind::Watch(hash)
            } else {
                QueryKind::Session(hash)
            },
        };
        self.channels
            .master_link
            .try_send(MasterLinkMessage::Query(query))
            .is_ok()
    }

    fn on_answer(&mut self, question: SessionQuestion, update: SessionUpdate) {
        let (hash, watches) = question;
        let known = match update {
            SessionUpdate::Active(session) => Ok(self.sessions.learn(hash, session)),
            SessionUpdate::Ended => {
                self.sessions.end(hash);
                Ok(None)
            }
            SessionUpdate::Unavailable => Err(Refusal::master_unavailable()),
        };
        if watches {
            let is_resuming = self.resuming.remove(&hash);
            match &known {
                Ok(Some(known)) => {
                    known.watch_orders();
                    if is_resuming {
                        self.resume_orders(hash);
                    }
                }
                // Its subscriptions have ended with it.
                Ok(None) => {}
                Err(_) if is_resuming => self.unverified.push_back(hash),
                Err(_) => {}
            }
        }
        let now = self.clock.now();
        let waiting = self.waiting.remove(&question).unwrap_or_default();
        self.waiting_count -= waiting.len();
        for request in waiting {
            match &known {
                Ok(Some(known)) if known.is_active(now) => {
                    self.carry_out(Arc::clone(known), request);
                }
                Ok(_) => request.fail(&Refusal::session_expired()),
                Err(refusal) => request.fail(refusal),
            }
        }
    }

    /// Has the subscribers of a session told that ends of orders are told again, after a broken
    /// link. Where `order_notices` has no room, the next tick repeats it.
    fn resume_orders(&mut self, hash: SessionHash) {
        let message = OrderNoticesMessage::Resumed(hash);
        if self.channels.order_notices.try_send(message).is_err() {
            self.untold.insert(hash);
        }
    }

    /// Repeats what `order_notices` had no room for.
    fn tell_resumed(&mut self) {
        for hash in std::mem::take(&mut self.untold) {
            self.resume_orders(hash);
        }
    }

    fn report_closed(&mut self) {
        while self.linked && !self.closing.is_empty() {
            let some = self.closing.len().min(HASHES_MAX);
            let hashes: Vec<SessionHash> = self.closing.drain(..some).collect();
            let query = MasterQuery {
                timestamp: Timestamp::now(),
                client: None,
                kind: QueryKind::Closed(hashes),
            };
            if let Err(error) = self
                .channels
                .master_link
                .try_send(MasterLinkMessage::Query(query))
            {
                if let MasterLinkMessage::Query(MasterQuery {
                    kind: QueryKind::Closed(hashes),
                    ..
                }) = error.into_inner()
                {
                    self.closing.extend(hashes);
                }
                return;
            }
        }
    }

    fn verify_bound(&mut self) {
        while self.linked
            && let Some(hash) = self.unverified.front().copied()
        {
            let watches = self
                .sessions
                .get(hash)
                .is_some_and(|it| it.watches_orders());
            if !self.ask((hash, watches), None) {
                return;
            }
            if watches {
                self.resuming.insert(hash);
            }
            self.unverified.pop_front();
        }
    }
}

fn switched(client: &Arc<WorkerClient>, number: u64, state: ConnectionState) {
    client
        .connection
        .reply(number, |out| Reply::StateSwitched(state).write(out));
}
