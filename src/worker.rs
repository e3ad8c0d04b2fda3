//! spec/worker.md · 3.2 Worker Server, 3.2.1 Main Module, 2.1.8, 2.4.7 WorkerState Structure
//!
//! A running worker: its gauges and how it stops. `start` has the wiring; each module has its own
//! file.

pub mod cache;
pub mod client;
pub mod clients;
mod keys;
pub mod master_link;
pub mod messages;
pub mod notice_sender;
pub mod notices;
pub mod reader;
mod reload;
pub mod router;
pub mod tunnel;

mod acceptor;
mod capacity;
mod metrics;
pub mod service;
mod start;
mod web;

use crate::config::WorkerLimits;
use crate::link::connection::LinkConnection;
use crate::link::handshake::WorkerIdentity;
use crate::link::key_watch::{KeyWatch, KeyWatchHandle};
use crate::link::message::WorkerAbout;
use crate::model::Timestamp;
use crate::net::ConnectionLimiter;
use crate::net::tls::ServerTls;
use crate::runtime::published::Published;
use crate::runtime::{Stop, ThreadGroup};
use crossbeam_channel::{Receiver, Sender};
use keys::WorkerKeys;
use messages::{ClientsMessage, MasterLinkMessage, PortState, RequestBatch};
use metrics::MetricsSource;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

/// How long a stopping worker waits for its connections to close.
const LINGER_TIMEOUT: Duration = Duration::from_millis(1_800);
/// How long a stopping worker waits for the connector's thread.
const CONNECTOR_TIMEOUT: Duration = Duration::from_millis(200);

/// Counters of the worker's reports. The module that owns a number updates it.
#[derive(Debug)]
pub struct Gauges {
    limiter: Arc<ConnectionLimiter>,
    /// Sessions in the session cache.
    pub sessions: AtomicU32,
    /// Replies in the window cache.
    pub cached: AtomicU32,
    /// Bytes of these replies.
    pub cached_bytes: AtomicU64,
    /// Requests that the master has not answered.
    pub pending: AtomicU32,
    /// The link to the master and when it was made, while it stands.
    pub link: Mutex<Option<(Arc<LinkConnection>, Timestamp)>>,
    /// What the configuration says of the worker. A reload replaces it.
    pub about: Published<WorkerAbout>,
}

impl Gauges {
    /// Gauges at zero. `limiter` counts the connections.
    pub fn new(limiter: Arc<ConnectionLimiter>) -> Arc<Gauges> {
        Arc::new(Gauges {
            limiter,
            sessions: AtomicU32::new(0),
            cached: AtomicU32::new(0),
            cached_bytes: AtomicU64::new(0),
            pending: AtomicU32::new(0),
            link: Mutex::default(),
            about: Published::default(),
        })
    }

    /// Connected clients.
    pub fn connections(&self) -> u32 {
        u32::try_from(self.limiter.open()).unwrap_or(u32::MAX)
    }
}

/// A running worker.
#[derive(Debug)]
pub struct Worker {
    /// Stops the acceptor.
    port_stop: Stop,
    /// Stops the modules, after all clients' connections have closed.
    stop: Stop,
    port: ThreadGroup,
    modules: ThreadGroup,
    link: ThreadGroup,
    /// Keeps the router's inbox open after the last reader has ended.
    _router: Sender<RequestBatch>,
    clients: Sender<ClientsMessage>,
    limiter: Arc<ConnectionLimiter>,
    /// Of clients that connect from now on.
    limits: Arc<Published<WorkerLimits>>,
    gauges: Arc<Gauges>,
    tls: Option<Arc<ServerTls>>,
    master_link: Sender<MasterLinkMessage>,
    keys: KeyWatchHandle,
    /// Until the thread that looks at the keys has it.
    key_watch: Option<KeyWatch>,
    state: Receiver<PortState>,
    metrics: Arc<MetricsSource>,
}

impl Worker {
    /// Receives the state of the clients' port when it changes. Holds only the latest state.
    pub fn state(&self) -> &Receiver<PortState> {
        &self.state
    }

    /// Has keys and certificate looked at, and tells when they end.
    pub fn keys(&self) -> &KeyWatchHandle {
        &self.keys
    }

    /// What the worker's modules count.
    pub fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// Starts the thread that looks at the keys of a link.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn watch_keys(&mut self, identity: &WorkerIdentity) -> io::Result<()> {
        let Some(watch) = self.key_watch.take() else {
            return Ok(());
        };
        let keys = WorkerKeys {
            keyring: identity.keyring().clone(),
            own: identity.fingerprint(),
            master: identity.master(),
            tls: self.tls.clone(),
            master_link: self.master_link.clone(),
        };
        self.link
            .unwatched("keys", move |stop| watch.run(stop, |last| keys.look(last)))
    }

    /// Stops accepting, tells every client, closes the link, and ends all threads, at most until
    /// `deadline`. Returns the names of the threads that have not ended.
    pub fn stop(self, deadline: Instant) -> Vec<String> {
        self.port_stop.request();
        let mut late = self.port.join(deadline);
        let _ = self.clients.send_deadline(ClientsMessage::EndAll, deadline);
        let linger_until = deadline.min(Instant::now() + LINGER_TIMEOUT);
        while self.limiter.open() > 0 && Instant::now() < linger_until {
            self.limiter.wait_for_room(Duration::from_millis(20));
        }
        self.stop.request();
        late.extend(self.modules.join(deadline));
        // The connector may be in the middle of an attempt; nothing depends on its end.
        let connector_deadline = deadline.min(Instant::now() + CONNECTOR_TIMEOUT);
        if !self.link.join(connector_deadline).is_empty() {
            crate::debug!("an attempt to link was under way");
        }
        late
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
