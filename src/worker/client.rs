//! spec/worker.md · 3.2.3 Client Management, 4.2 States, 2.4.7 WorkerState Structure
//!
//! The state of a connected client that modules share, and a cached session.
//!
//! Tests: `src/worker/tests.rs`.

use crate::link::message::ActiveSession;
use crate::model::{SessionHash, Timestamp};
use crate::net::Connection;
use crate::wire::{ConnectionState, Instruction, Refusal, reply};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A session that the master called active. All connections with the session share it.
#[derive(Debug)]
pub struct CachedSession {
    pub hash: SessionHash,
    /// As the master sent it.
    pub session: ActiveSession,
    ended: AtomicBool,
    /// Whether the master was asked for the ends of its account's orders.
    watches: AtomicBool,
}

impl CachedSession {
    /// A session that the master called active.
    pub fn new(hash: SessionHash, session: ActiveSession) -> Arc<CachedSession> {
        Arc::new(CachedSession {
            hash,
            session,
            ended: AtomicBool::new(false),
            watches: AtomicBool::new(false),
        })
    }

    /// Whether the master was asked for the ends of the account's orders with this session.
    pub fn watches_orders(&self) -> bool {
        self.watches.load(Ordering::Relaxed)
    }

    /// Notes that the master tells the ends of the account's orders.
    pub(super) fn watch_orders(&self) {
        self.watches.store(true, Ordering::Relaxed);
    }

    /// Whether the session has neither ended nor expired.
    pub fn is_active(&self, now: Timestamp) -> bool {
        !self.ended.load(Ordering::Relaxed) && now < self.session.expiry
    }

    /// Marks the session as ended. It never becomes active again.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// A connected client. Only `clients` changes its state and the session that its data state is
/// bound to; the client's reader reads them.
#[derive(Debug)]
pub struct WorkerClient {
    pub connection: Arc<Connection>,
    data: AtomicBool,
    bound: Mutex<Option<Arc<CachedSession>>>,
    expirable: AtomicUsize,
    /// Topics that the connection is subscribed to.
    topics: AtomicUsize,
    connected: Instant,
    /// When its last bytes came, in milliseconds since it connected, plus 1; 0 where none came.
    heard: AtomicU64,
    /// Whether the master has called a session of it active.
    has_logged_in: AtomicBool,
}

impl WorkerClient {
    /// A client in the command state, in which every connection begins (4.2.1).
    pub fn new(connection: Arc<Connection>) -> Arc<WorkerClient> {
        Arc::new(WorkerClient {
            connection,
            data: AtomicBool::new(false),
            bound: Mutex::new(None),
            expirable: AtomicUsize::new(0),
            topics: AtomicUsize::new(0),
            connected: Instant::now(),
            heard: AtomicU64::new(0),
            has_logged_in: AtomicBool::new(false),
        })
    }

    /// Notes that bytes of the protocol came at `now`.
    pub(super) fn note_heard(&self, now: Instant) {
        let since = now.saturating_duration_since(self.connected).as_millis();
        let heard = u64::try_from(since).unwrap_or(u64::MAX).saturating_add(1);
        self.heard.store(heard, Ordering::Relaxed);
    }

    /// How long after it connected the last bytes of the protocol came; `None` where none came.
    pub fn last_heard(&self) -> Option<Duration> {
        let heard = self.heard.load(Ordering::Relaxed);
        heard.checked_sub(1).map(Duration::from_millis)
    }

    /// How long no byte of the protocol has come.
    pub fn quiet_for(&self, now: Instant) -> Duration {
        let heard = self.last_heard().unwrap_or_default();
        now.saturating_duration_since(self.connected)
            .saturating_sub(heard)
    }

    /// Whether somebody has logged in here, or used a session.
    pub fn has_logged_in(&self) -> bool {
        self.has_logged_in.load(Ordering::Relaxed)
    }

    /// Notes that somebody has logged in here, or used a session.
    pub(super) fn note_login(&self) {
        self.has_logged_in.store(true, Ordering::Relaxed);
    }

    /// Counts one more topic, if it has fewer than `topics_max`.
    pub(super) fn take_topic(&self, topics_max: usize) -> bool {
        let more = |topics: usize| (topics < topics_max).then_some(topics + 1);
        self.topics
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    /// Counts one topic less.
    pub(super) fn give_topic_back(&self) {
        let fewer = |topics: usize| topics.checked_sub(1);
        let _ = self
            .topics
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
    }

    /// The command or data state.
    pub fn state(&self) -> ConnectionState {
        if self.data.load(Ordering::Acquire) {
            ConnectionState::Data
        } else {
            ConnectionState::Command
        }
    }

    /// The session that the data state is bound to.
    pub fn bound(&self) -> Option<Arc<CachedSession>> {
        self.bound.lock().clone()
    }

    /// Enters the data state, bound to a session, or the command state.
    pub(super) fn enter(&self, session: Option<Arc<CachedSession>>) {
        let data = session.is_some();
        *self.bound.lock() = session;
        self.data.store(data, Ordering::Release);
    }

    /// Number of sessions that end with this connection.
    pub fn expirable(&self) -> usize {
        self.expirable.load(Ordering::Relaxed)
    }

    /// Counts one more session that ends with this connection.
    pub(super) fn add_expirable(&self) {
        self.expirable.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers a request with the Fail return of its instruction.
    pub fn fail(&self, number: u64, instruction: Instruction, refusal: &Refusal) {
        self.connection
            .reply(number, |out| reply::write_fail(out, instruction, refusal));
    }

    /// Answers a request with whole frames.
    pub fn pass(&self, number: u64, frames: &[u8]) {
        self.connection
            .reply(number, |out| out.extend_from_slice(frames));
    }
}
