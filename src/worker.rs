//! spec/worker.md · 3.2 Worker Server, 3.2.1 Main Module, 2.1.8, 2.4.7 WorkerState Structure
//!
//! A running worker: what it reports of itself, and how it stops. The wiring stands in `start`, the modules in
//! files of their own.

pub mod cache;
pub mod client;
pub mod clients;
pub mod master_link;
pub mod messages;
pub mod reader;
pub mod router;
pub mod tunnel;

mod acceptor;
pub mod service;
mod start;

use crate::net::ConnectionLimiter;
use crate::net::tls::ServerTls;
use crate::runtime::{Stop, ThreadGroup};
use crossbeam_channel::{Receiver, Sender};
use messages::{ClientsMessage, PortState, RequestBatch};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

/// How long closing connections are waited for when the worker stops.
const LINGER_TIMEOUT: Duration = Duration::from_millis(1_800);
/// How long the connector's thread is waited for when the worker stops.
const CONNECTOR_TIMEOUT: Duration = Duration::from_millis(200);

/// What the worker reports of itself, each kept by the module that knows it.
#[derive(Debug)]
pub struct Gauges {
    limiter: Arc<ConnectionLimiter>,
    /// Sessions known.
    pub sessions: AtomicU32,
    /// Replies that the cache keeps.
    pub cached: AtomicU32,
    /// Bytes that these take.
    pub cached_bytes: AtomicU64,
}

impl Gauges {
    /// All zero; connections are counted by `limiter`.
    pub fn new(limiter: Arc<ConnectionLimiter>) -> Arc<Gauges> {
        Arc::new(Gauges {
            limiter,
            sessions: AtomicU32::new(0),
            cached: AtomicU32::new(0),
            cached_bytes: AtomicU64::new(0),
        })
    }

    /// Clients connected.
    pub fn connections(&self) -> u32 {
        u32::try_from(self.limiter.open()).unwrap_or(u32::MAX)
    }
}

/// A running worker.
#[derive(Debug)]
pub struct Worker {
    /// Ends the acceptor.
    port_stop: Stop,
    /// Ends the modules, once no client asks them any more.
    stop: Stop,
    port: ThreadGroup,
    modules: ThreadGroup,
    link: ThreadGroup,
    /// Keeps the router's inbox open when the last reader has ended.
    _router: Sender<RequestBatch>,
    clients: Sender<ClientsMessage>,
    limiter: Arc<ConnectionLimiter>,
    tls: Option<Arc<ServerTls>>,
    state: Receiver<PortState>,
}

impl Worker {
    /// Tells whenever the port opens or closes, and when it could not be opened. Only the latest is kept.
    pub fn state(&self) -> &Receiver<PortState> {
        &self.state
    }

    /// Reads certificate and key again.
    ///
    /// # Errors
    /// What is wrong with them; the old ones stay in force.
    pub fn reload(&self) -> Result<(), String> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }

    /// Stops accepting, tells every client, closes the link in form, and ends all threads, at most until
    /// `deadline`. The names of those that had not ended then.
    pub fn stop(self, deadline: Instant) -> Vec<String> {
        self.port_stop.request();
        let mut late = self.port.join(deadline);
        let _ = self.clients.send_deadline(ClientsMessage::EndAll, deadline);
        let patience = deadline.min(Instant::now() + LINGER_TIMEOUT);
        while self.limiter.open() > 0 && Instant::now() < patience {
            self.limiter.wait_for_room(Duration::from_millis(20));
        }
        self.stop.request();
        late.extend(self.modules.join(deadline));
        // It may be in the middle of an attempt to connect; nothing depends on its end.
        let patience = deadline.min(Instant::now() + CONNECTOR_TIMEOUT);
        if !self.link.join(patience).is_empty() {
            crate::debug!("an attempt to link was under way");
        }
        late
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
