//! spec/worker/clients.md · 3.2.3 Client Management, 4.6.6 switchState, 3.1.5 (the list of workers)
//!
//! Keeps the connected clients, the cached sessions and which of them end with which connection.
//! Switches states, and answers ping, getWorkerList and getServerInfo. Never blocks, and never
//! decides about a session that is not cached: the master does.
//!
//! Tests: `src/worker/tests.rs`.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

pub mod server_info;
pub mod sessions;

use super::Gauges;
use super::client::WorkerClient;
use super::messages::{
    ClientsMessage, MasterLinkMessage, MasterQuery, QueryKind, RequestBatch, SessionUpdate,
};
use crate::link::message::{HASHES_MAX, SessionState};
use crate::model::{SessionHash, SessionId, Timestamp};
use crate::net::connection::SHUTTING_DOWN;
use crate::runtime::Module;
use crate::runtime::clock::RemoteClock;
use crate::wire::request::requests_to;
use crate::wire::{ConnectionState, Instruction, Refusal, Reply, Request};
use crossbeam_channel::Sender;
use server_info::ServerInfoHolder;
use sessions::SessionCache;
use std::collections::{HashMap, VecDeque};
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

/// A switch to the data state that waits for the master's answer.
#[derive(Debug)]
struct PendingSwitch {
    client: Arc<WorkerClient>,
    number: u64,
}

/// The module's state.
#[derive(Debug)]
pub struct Clients {
    master_link: Sender<MasterLinkMessage>,
    connected: HashMap<u64, ConnectedClient>,
    sessions: SessionCache,
    /// Switches that wait for the master's answer about a session; `waiting_count` is their number.
    waiting: HashMap<SessionHash, Vec<PendingSwitch>>,
    waiting_count: usize,
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
    pub fn new(
        master_link: Sender<MasterLinkMessage>,
        clock: Arc<RemoteClock>,
        gauges: Arc<Gauges>,
    ) -> Clients {
        Clients {
            master_link,
            connected: HashMap::new(),
            sessions: SessionCache::default(),
            waiting: HashMap::new(),
            waiting_count: 0,
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
            ClientsMessage::LoggedOut {
                client,
                number,
                hash,
                frame,
            } => {
                self.sessions.end(hash);
                client.pass(number, &frame);
            }
            ClientsMessage::Resume {
                client,
                number,
                session,
            } => self.resume(&client, number, session),
            ClientsMessage::Session(hash, update) => self.on_session_update(hash, update),
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
        self.on_turn_end();
    }
}

impl Clients {
    /// Forgets unbound sessions and asks the master once about bound ones, whose ends may have been
    /// missed.
    fn on_linked(&mut self) {
        self.linked = true;
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
            .any(|request| matches!(request, Request::SwitchState { .. }))
        {
            for (number, request) in batch.into_numbered() {
                if let Request::SwitchState { session, state } = request {
                    self.switch(&client, number, &session, state);
                }
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

    fn switch(
        &mut self,
        client: &Arc<WorkerClient>,
        number: u64,
        session: &SessionId,
        state: ConnectionState,
    ) {
        if state == ConnectionState::Command {
            client.enter(None);
            switched(client, number, state);
            return;
        }
        let hash = session.hash();
        match self.sessions.get(hash) {
            Some(known) if known.is_active(self.clock.now()) => {
                client.enter(Some(known));
                switched(client, number, state);
            }
            Some(_) => fail_switch(client, number, &Refusal::session_expired()),
            None if self.sessions.has_ended(hash) => {
                fail_switch(client, number, &Refusal::session_expired())
            }
            None if !self.linked => fail_switch(client, number, &Refusal::master_unavailable()),
            None => self.wait_for_master(hash, client, number),
        }
    }

    fn wait_for_master(&mut self, hash: SessionHash, client: &Arc<WorkerClient>, number: u64) {
        let asked = self.waiting.contains_key(&hash);
        let peer = client.connection.peer;
        if self.waiting_count >= WAITING_MAX || (!asked && !self.verify(hash, Some(peer))) {
            fail_switch(client, number, &Refusal::worker_overloaded());
            return;
        }
        self.waiting_count += 1;
        self.waiting.entry(hash).or_default().push(PendingSwitch {
            client: Arc::clone(client),
            number,
        });
    }

    /// Asks the master about a session, which `client` uses if it is named. False where the inbox of
    /// `master_link` is full.
    fn verify(&self, hash: SessionHash, client: Option<SocketAddr>) -> bool {
        let query = MasterQuery {
            timestamp: Timestamp::now(),
            client,
            kind: QueryKind::Session(hash),
        };
        self.master_link
            .try_send(MasterLinkMessage::Query(query))
            .is_ok()
    }

    fn on_session_update(&mut self, hash: SessionHash, update: SessionUpdate) {
        let known = match update {
            SessionUpdate::Active(session) => Ok(self.sessions.learn(hash, session)),
            SessionUpdate::Ended => {
                self.sessions.end(hash);
                Ok(None)
            }
            SessionUpdate::Unavailable => Err(Refusal::master_unavailable()),
        };
        let now = self.clock.now();
        let waiting = self.waiting.remove(&hash).unwrap_or_default();
        self.waiting_count -= waiting.len();
        for PendingSwitch { client, number } in waiting {
            match &known {
                Ok(Some(known)) if known.is_active(now) => {
                    client.enter(Some(Arc::clone(known)));
                    switched(&client, number, ConnectionState::Data);
                }
                Ok(_) => fail_switch(&client, number, &Refusal::session_expired()),
                Err(refusal) => fail_switch(&client, number, refusal),
            }
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
            if let Err(error) = self.master_link.try_send(MasterLinkMessage::Query(query)) {
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
            if !self.verify(hash, None) {
                return;
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

fn fail_switch(client: &WorkerClient, number: u64, refusal: &Refusal) {
    client.fail(number, Instruction::SwitchState, refusal);
}
