//! spec/worker.md · 3.2 Worker Server, 3.2.1 Main Module, 2.4.7 WorkerState Structure
//!
//! Starts the threads, connects to the master, and then serves clients.

pub mod cache;
pub mod client;
pub mod clients;
pub mod master_link;
pub mod reader;
pub mod router;
pub mod tunnel;

mod acceptor;
pub mod service;

use crate::config::WorkerConfig;
use crate::daemon;
use crate::net::tls::ServerTls;
use crate::net::{ConnectionLimiter, ConnectionLimits, Flusher, rejecter};
use crate::runtime::{self, Stop, ThreadHandle, Watchdog, join_all};
pub use acceptor::PortState;
use acceptor::WorkerAcceptor;
use cache::Cache;
use clients::Clients;
use crossbeam_channel::{Receiver, Sender, bounded};
use master_link::connector::{Connect, Connector};
use master_link::{MasterLink, MasterLinkChannels};
use router::{WorkerChannels, WorkerRouter};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};
use tunnel::Tunnel;

/// How long closing connections are waited for when the worker stops.
const LINGER: Duration = Duration::from_millis(1_800);

/// What the worker reports of itself, each kept by the module that knows it.
#[derive(Debug)]
pub struct Gauges {
    limiter: Arc<ConnectionLimiter>,
    /// Sessions known.
    pub sessions: AtomicU32,
    /// Answers that the cache keeps.
    pub cached: AtomicU32,
    /// Bytes that they take.
    pub cached_bytes: AtomicU64,
}

impl Gauges {
    /// Clients connected.
    pub fn connections(&self) -> u32 {
        u32::try_from(self.limiter.open()).unwrap_or(u32::MAX)
    }
}

/// Whether clients are to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortCommand {
    /// The link stands, and prices are here.
    Serve,
    /// The master has thrown this worker out.
    Withdraw,
}

/// A running worker.
#[derive(Debug)]
pub struct Worker {
    /// Ends the listening.
    gate_stop: Stop,
    /// Ends the modules, once nobody asks them any more.
    stop: Stop,
    acceptor: ThreadHandle,
    modules: Vec<ThreadHandle>,
    link: ThreadHandle,
    /// Keeps the router's inbox open when the last reader has ended.
    _router: Sender<router::RequestBatch>,
    clients: Sender<clients::ClientsMessage>,
    limiter: Arc<ConnectionLimiter>,
    tls: Option<Arc<ServerTls>>,
    state: Receiver<PortState>,
}

impl Worker {
    /// Starts all threads. The port opens when the link stands: see [`Worker::state`].
    ///
    /// # Errors
    /// The certificate cannot be read, or the system has no room for threads or descriptors.
    pub fn start(config: &WorkerConfig, establish: Connect, watchdog: &Watchdog) -> io::Result<Worker> {
        let tls = match &config.tls {
            Some(tls) => Some(Arc::new(
                ServerTls::load(&tls.certificate, &tls.key).map_err(io::Error::other)?,
            )),
            None => None,
        };
        let (gate_stop, stop) = (Stop::new(), Stop::new());
        let flusher = Flusher::new()?;
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: config.limits.max_connections,
            per_ip: config.limits.max_connections_per_ip,
        });
        let gauges = Arc::new(Gauges {
            limiter: Arc::clone(&limiter),
            sessions: AtomicU32::new(0),
            cached: AtomicU32::new(0),
            cached_bytes: AtomicU64::new(0),
        });
        let (to_router, router_inbox) = bounded(router::INBOX);
        let (to_cache, cache_inbox) = bounded(cache::INBOX);
        let (to_clients, clients_inbox) = bounded(clients::INBOX);
        let (to_tunnel, tunnel_inbox) = bounded(tunnel::INBOX);
        let (to_master_link, master_link_inbox) = bounded(master_link::INBOX);
        let (to_events, events) = bounded(master_link::EVENTS);
        let (to_notices, notices) = bounded(1);
        let (to_state, state) = bounded(1);
        let (refusal, rejecter) = rejecter::refusal();

        let router = WorkerRouter::new(
            router_inbox,
            WorkerChannels {
                cache: to_cache.clone(),
                clients: to_clients.clone(),
                tunnel: to_tunnel.clone(),
                master_link: to_master_link.clone(),
            },
            watchdog.register("router"),
        );
        let tunnel = Tunnel::new(
            tunnel_inbox,
            to_clients.clone(),
            to_master_link.clone(),
            watchdog.register("tunnel"),
        );
        let cache = Cache::new(
            cache_inbox,
            to_master_link.clone(),
            Arc::clone(&gauges),
            watchdog.register("cache"),
        );
        let clients = Clients::new(
            clients_inbox,
            to_master_link,
            Arc::clone(&gauges),
            watchdog.register("clients"),
        );
        let master_link = MasterLink::new(
            config.uuid,
            master_link_inbox,
            events,
            MasterLinkChannels {
                cache: to_cache,
                clients: to_clients.clone(),
                tunnel: to_tunnel,
                notices: to_notices,
            },
            gauges,
            watchdog.register("master_link"),
        );
        let acceptor = WorkerAcceptor {
            listen: config.listen,
            limits: config.limits.clone(),
            tls: tls.clone(),
            limiter: Arc::clone(&limiter),
            flusher: Arc::clone(&flusher),
            refusal,
            router: to_router.clone(),
            clients: to_clients.clone(),
            notices,
            state: (to_state, state.clone()),
            heartbeat: watchdog.register("acceptor"),
        };
        let dialer = Connector::new(establish, to_events, Arc::clone(&flusher));

        let (flushing, rejecting) = (watchdog.register("flusher"), watchdog.register("rejecter"));
        // From the top of the graph down: the order in which they are joined.
        let modules = vec![
            module("router", &stop, move |stop| router.run(stop))?,
            module("tunnel", &stop, move |stop| tunnel.run(stop))?,
            module("cache", &stop, move |stop| cache.run(stop))?,
            module("clients", &stop, move |stop| clients.run(stop))?,
            module("master_link", &stop, move |stop| master_link.run(stop))?,
            module("flusher", &stop, move |stop| flusher.run(stop, &flushing))?,
            module("rejecter", &stop, move |stop| rejecter.run(stop, &rejecting))?,
        ];
        let link = module("link", &stop, move |stop| dialer.run(stop))?;
        let closing = gate_stop.clone();
        let acceptor = runtime::spawn("acceptor", move || acceptor.run(&closing))?;
        Ok(Worker {
            gate_stop,
            stop,
            acceptor,
            modules,
            link,
            _router: to_router,
            clients: to_clients,
            limiter,
            tls,
            state,
        })
    }

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
        self.gate_stop.request();
        let mut late = join_all([self.acceptor], deadline);
        let _ = self
            .clients
            .send_deadline(clients::ClientsMessage::EndAll, deadline);
        let patience = deadline.min(Instant::now() + LINGER);
        while self.limiter.open() > 0 && Instant::now() < patience {
            self.limiter.wait_for_room(Duration::from_millis(20));
        }
        self.stop.request();
        late.extend(join_all(self.modules, deadline));
        // It may be in the middle of an attempt; nothing depends on its end.
        if !self
            .link
            .join(deadline.min(Instant::now() + Duration::from_millis(200)))
        {
            crate::debug!("an attempt to link was under way");
        }
        late
    }
}

/// A module that ends without being told to takes the process with it: half a daemon is worse than none.
fn module(name: &str, stop: &Stop, run: impl FnOnce(&Stop) + Send + 'static) -> io::Result<ThreadHandle> {
    let stop = stop.clone();
    runtime::spawn(name, move || {
        run(&stop);
        if !stop.is_requested() {
            crate::error!("a module ended without being told to: ending the process");
            log::logger().flush();
            std::process::exit(i32::from(daemon::FAILED));
        }
    })
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
