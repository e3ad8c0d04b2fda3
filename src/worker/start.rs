//! spec/worker.md · 3.2.1 Main Module: "start all threads"
//!
//! Makes the worker's channels, gives each module its ends, and starts the threads.
//!
//! Tests: `src/worker/tests.rs`.

use super::acceptor::{ClientPort, PROXY_LOGGED_MAX, WorkerAcceptor};
use super::cache::Cache;
use super::capacity::SPARE_DESCRIPTORS;
use super::capacity::{ClientCapacity, ConnectionBudget};
use super::clients::Clients;
use super::master_link::MasterLink;
use super::master_link::connector::{Connect, Connector, RENEWAL_MAX};
use super::messages::{
    ClientsChannels, LINK_EVENTS_MAX, MODULE_INBOX_MAX, MasterLinkChannels, NOTICES_INBOX_MAX,
    ORDER_NEWS_MAX, PORT_COMMANDS_MAX, QUOTE_NEWS_MAX, ROUTER_INBOX_MAX, WorkerChannels,
};
use super::metrics::MetricsSource;
use super::notice_sender::{NewsCount, NoticeSender};
use super::notices::orders::OrderNotices;
use super::notices::quotes::QuoteNotices;
use super::router::WorkerRouter;
use super::tunnel::Tunnel;
use super::web::WebDoor;
use super::{Gauges, Worker};
use crate::config::{WorkerConfig, WorkerLimits};
use crate::daemon;
use crate::link::key_watch::key_watch;
use crate::link::message::WorkerAbout;
use crate::net::rejecter::LINGERING_MAX;
use crate::net::tls::ServerTls;
use crate::net::{ConnectionLimiter, ConnectionLimits, Flusher, rejecter};
use crate::runtime::clock::RemoteClock;
use crate::runtime::log::Throttle;
use crate::runtime::process_limits::ProcessLimits;
use crate::runtime::published::Published;
use crate::runtime::{Stop, ThreadGroup, Watchdog};
use crossbeam_channel::bounded;
use std::io;
use std::sync::Arc;
use std::time::Duration;

impl Worker {
    /// Starts all threads. The port opens when a link has brought prices: see [`Worker::state`].
    ///
    /// # Errors
    /// The certificate cannot be read, or the system has no threads or descriptors left.
    pub fn start(
        config: &WorkerConfig,
        connect: Connect,
        watchdog: &Watchdog,
    ) -> io::Result<Worker> {
        Worker::start_renewing(config, connect, watchdog, RENEWAL_MAX)
    }

    /// As [`Worker::start`], with the age at which a link is made anew, at most.
    ///
    /// # Errors
    /// As [`Worker::start`].
    pub fn start_renewing(
        config: &WorkerConfig,
        connect: Connect,
        watchdog: &Watchdog,
        renew_after: Duration,
    ) -> io::Result<Worker> {
        let connect = (connect, renew_after);
        let (port_stop, stop) = (Stop::new(), Stop::new());
        start(config, connect, watchdog, &port_stop, &stop).inspect_err(|_| {
            port_stop.request();
            stop.request();
        })
    }
}

/// What a configuration says of the worker.
pub(super) fn about(config: &WorkerConfig, tls: Option<&ServerTls>) -> WorkerAbout {
    WorkerAbout {
        name: config.name.clone(),
        advertise: config.advertise.to_string(),
        certificate: tls.and_then(ServerTls::expiry).map(|expiry| expiry.until),
    }
}

/// Allows the process descriptors for so many clients, as far as the system lets it.
pub(super) fn raise_descriptors(clients: usize) {
    let clients = u64::try_from(clients).unwrap_or(u64::MAX);
    let others = 2 * (SPARE_DESCRIPTORS + LINGERING_MAX as u64);
    daemon::raise_descriptors(clients.saturating_add(others));
}

/// The limits of clients' connections.
pub(super) fn connection_limits(
    limits: &WorkerLimits,
    budget: &ConnectionBudget,
) -> ConnectionLimits {
    ConnectionLimits {
        total: budget.connections,
        per_neighbourhood: limits.max_connections_per_ip,
    }
}

/// Wires all modules and starts their threads, from the bottom of the channel graph up.
#[allow(
    clippy::too_many_lines,
    reason = "the channel graph, from top to bottom"
)]
fn start(
    config: &WorkerConfig,
    (connect, renew_after): (Connect, Duration),
    watchdog: &Watchdog,
    port_stop: &Stop,
    stop: &Stop,
) -> io::Result<Worker> {
    let tls = match &config.tls {
        Some(tls) => Some(Arc::new(
            ServerTls::load(&tls.certificate, &tls.key).map_err(io::Error::other)?,
        )),
        None => None,
    };
    let limits = Arc::new(Published::new(config.limits.clone()));
    let web = config
        .web
        .as_ref()
        .map(|web| WebDoor::new(web.clone(), tls.is_some(), port_stop));
    let web = web.transpose()?;
    let budget = ConnectionBudget::of(&config.limits, tls.is_some(), &ProcessLimits::read());
    budget.tell(&config.limits);
    let flusher = Flusher::with_bound(budget.held_bytes)?;
    let limiter = ConnectionLimiter::new(connection_limits(&config.limits, &budget));
    let capacity = ClientCapacity::new(Arc::clone(&limiter));
    let gauges = Gauges::new(Arc::clone(&limiter));
    let (keys, key_watch) = key_watch();
    let clock = Arc::new(RemoteClock::default());
    let metrics = Arc::new(MetricsSource {
        gauges: Arc::clone(&gauges),
        limiter: Arc::clone(&limiter),
        flusher: Arc::clone(&flusher),
        clock: Arc::clone(&clock),
        keys: keys.clone(),
    });
    gauges.about.store(about(config, tls.as_deref()));
    let (to_router, router_inbox) = bounded(ROUTER_INBOX_MAX);
    let (to_cache, cache_inbox) = bounded(MODULE_INBOX_MAX);
    let (to_clients, clients_inbox) = bounded(MODULE_INBOX_MAX);
    let (to_tunnel, tunnel_inbox) = bounded(MODULE_INBOX_MAX);
    let (to_master_link, master_link_inbox) = bounded(MODULE_INBOX_MAX);
    let (to_order_notices, order_notices_inbox) = bounded(NOTICES_INBOX_MAX);
    let (to_quote_notices, quote_notices_inbox) = bounded(NOTICES_INBOX_MAX);
    let (order_news, quote_news) = (Arc::<NewsCount>::default(), Arc::<NewsCount>::default());
    let (to_link_events, link_events) = bounded(LINK_EVENTS_MAX);
    let (to_port, port_inbox) = bounded(PORT_COMMANDS_MAX);
    let (to_state, state) = bounded(1);
    let (refusal, rejecter) = rejecter::refusal(budget.lingering);

    let router = WorkerRouter::new(WorkerChannels {
        cache: to_cache.clone(),
        clients: to_clients.clone(),
        tunnel: to_tunnel.clone(),
        master_link: to_master_link.clone(),
    });
    let tunnel = Tunnel::new(to_clients.clone(), to_master_link.clone());
    let topics_max = config.limits.max_subscriptions_per_connection;
    let order_notices = OrderNotices::new(topics_max, Arc::clone(&clock), Arc::clone(&order_news));
    let quote_notices = QuoteNotices::new(topics_max, Arc::clone(&clock), Arc::clone(&quote_news));
    let cache = Cache::new(
        to_master_link.clone(),
        NoticeSender::new(to_quote_notices.clone(), quote_news, QUOTE_NEWS_MAX),
        Arc::clone(&gauges),
    );
    let channels = ClientsChannels {
        master_link: to_master_link.clone(),
        order_notices: to_order_notices.clone(),
        quote_notices: to_quote_notices,
    };
    let clients = Clients::new(channels, Arc::clone(&clock), Arc::clone(&gauges));
    let master_link = MasterLink::new(
        config.uuid,
        MasterLinkChannels {
            cache: to_cache,
            clients: to_clients.clone(),
            tunnel: to_tunnel,
            order_notices: NoticeSender::new(to_order_notices, order_news, ORDER_NEWS_MAX),
            port: to_port,
        },
        Arc::clone(&clock),
        Arc::clone(&gauges),
    );
    let keeps = Arc::clone(&capacity);
    let connector = Connector::new(
        connect,
        to_link_events,
        Arc::clone(&flusher),
        keeps,
        renew_after,
    );
    let acceptor = WorkerAcceptor::new(
        ClientPort {
            listen: config.listen,
            web,
            limits: Arc::clone(&limits),
            tls: tls.clone(),
            limiter: Arc::clone(&limiter),
            capacity,
            flusher: Arc::clone(&flusher),
            refusal,
            router: to_router.clone(),
            clients: to_clients.clone(),
            clock,
            proxies: Throttle::new(PROXY_LOGGED_MAX, Duration::from_secs(60)),
            state: (to_state, state.clone()),
        },
        port_stop,
    );

    let mut modules = ThreadGroup::new(stop, watchdog);
    modules.thread("rejecter", move |stop, heartbeat| {
        rejecter.run(stop, heartbeat)
    })?;
    modules.thread("flusher", move |stop, heartbeat| {
        flusher.run(stop, heartbeat)
    })?;
    modules.module("order_notices", order_notices_inbox, order_notices)?;
    modules.module("quote_notices", quote_notices_inbox, quote_notices)?;
    modules.module_with_urgent("master_link", link_events, master_link_inbox, master_link)?;
    modules.module("clients", clients_inbox, clients)?;
    modules.module("cache", cache_inbox, cache)?;
    modules.module("tunnel", tunnel_inbox, tunnel)?;
    modules.module("router", router_inbox, router)?;
    let mut link = ThreadGroup::new(stop, watchdog);
    link.unwatched("link", move |stop| connector.run(stop))?;
    let mut port = ThreadGroup::new(port_stop, watchdog);
    port.module("acceptor", port_inbox, acceptor)?;
    Ok(Worker {
        port_stop: port_stop.clone(),
        stop: stop.clone(),
        port,
        modules,
        link,
        _router: to_router,
        clients: to_clients,
        limiter,
        limits,
        gauges,
        tls,
        master_link: to_master_link,
        keys,
        key_watch: Some(key_watch),
        state,
        metrics,
    })
}
