//! spec/master/standby.md · 3.1.1 Main Module (initialise states, start the threads)
//!
//! A master that stands by: it waits until the lease is free, and meanwhile tells workers that it does
//! not lead, clients which workers there are, and administrators who leads.
//!
//! Tests: `tests/suite/master/standby.rs`.

pub(super) mod fingerprints;
pub mod lease;
pub(super) mod worker_keys;

use super::acceptor::MasterAcceptor;
use super::admin::{StandbyControl, StandbyState};
use super::link_session::LinkSessions;
use super::link_session::sequences::SequenceHistory;
use super::messages::WorkersShared;
use super::storage::{LeaseAttempt, LeaseClaim, LeaseHolder, LeaseWatch, PostgresLease, Reader};
use super::storage::{StorageError, end_superseded};
use super::workers::registry::Registry;
use crate::config::{DatabaseUrl, MasterConfig, PostgresUrl};
use crate::daemon::metrics::MetricsServer;
use crate::daemon::run::ServiceContext;
use crate::daemon::{self, StartError, StartWatch};
use crate::link::handshake::MasterIdentity;
use crate::net::rejecter::{LINGERING_MAX, refusal};
use crate::net::{ConnectionLimiter, Flusher, Listener};
use crate::runtime::log::Throttle;
use crate::runtime::published::Published;
use crate::runtime::{self, Stop, ThreadGroup, Watchdog};
use crossbeam_channel::{Sender, bounded, select};
use lease::LeaseKeeper;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use worker_keys::SharedKeys;

/// How often it is looked whether the lease is free.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// A look, or an attempt to lead, that takes longer than this many leases finds a server that does not
/// answer, or whose commit waits for a replica that is lost, and may never end.
const LOOK_LEASES_MAX: u32 = 5;
/// And longer than this: the waits for locks in it do not become shorter with the lease.
const LOOK_TIMEOUT_MIN: Duration = Duration::from_secs(30);
/// How often the registered workers are read.
const REGISTRY_INTERVAL: Duration = Duration::from_secs(2);
/// The threads of a standby end within this time.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);
/// Most lines a minute about workers that were told, and about a database that is not reached.
const LOGGED_MAX: u32 = 5;

/// A standby that leads from now on.
#[derive(Debug)]
pub(super) struct NewLeader {
    pub lease: LeaseKeeper,
    pub remains: StandbyRemains,
}

/// What a master brings from the time when it stood by.
#[derive(Debug)]
pub(super) struct StandbyRemains {
    /// Whether SIGHUP came meanwhile.
    pub wants_reload: bool,
}

/// Stands by until the lease is free. `None`: the signal to stop came before.
///
/// # Errors
/// The port or the control socket cannot be had, or the database is of a newer version.
pub(super) fn stand_by(
    config: &MasterConfig,
    url: &PostgresUrl,
    identity: MasterIdentity,
    (context, watch): (&ServiceContext<'_, MasterConfig>, &StartWatch),
    (claim, leader): (&LeaseClaim, LeaseHolder),
) -> Result<Option<NewLeader>, StartError> {
    crate::info!("this master stands by: {} leads", leader.name);
    let mut standby = Standby::start(config, identity, context)?;
    let mut remains = StandbyRemains {
        wants_reload: false,
    };
    watch.waits();
    let ended = standby.wait(url, claim, leader, (context, &mut remains));
    if let Ok(Some(_)) = &ended {
        watch.has_turn();
    }
    standby.stop();
    Ok(ended?.map(|lease| NewLeader { lease, remains }))
}

/// Attempts to lead at a start, and ends the process where the server never answers.
///
/// # Errors
/// As [`PostgresLease::attempt`], or the system has no thread left.
pub(super) fn attempt_in_time(
    url: &PostgresUrl,
    claim: &LeaseClaim,
    start: &StartWatch,
) -> Result<LeaseAttempt, StartError> {
    let (began, stop) = (Arc::new(Mutex::new(Some(Instant::now()))), Stop::new());
    let (watched, stopped, lease) = (Arc::clone(&began), stop.clone(), claim.lease);
    let watch = runtime::spawn("look-watch", move || watch_looks(&watched, lease, &stopped))?;
    let attempted = PostgresLease::attempt(url, claim, &|| {
        *began.lock() = None;
        start.waits();
    });
    stop.request();
    watch.join(Instant::now() + STOP_TIMEOUT);
    Ok(attempted?)
}

/// Ends the process where the database's server takes a question and never answers it, or lets nobody
/// take the lease: the next start asks another host, or the same one anew.
fn watch_looks(began: &Mutex<Option<Instant>>, lease: Duration, stop: &Stop) {
    let timeout = (lease * LOOK_LEASES_MAX).max(LOOK_TIMEOUT_MIN);
    while !stop.wait(LOOK_INTERVAL) {
        let is_late = |began: Instant| began.elapsed() > timeout;
        if began.lock().is_some_and(is_late) {
            end_superseded("the database's server does not answer a master that asks who leads");
        }
    }
}

/// What a standby runs.
struct Standby {
    listener: Arc<Listener>,
    acceptor: Arc<MasterAcceptor>,
    control: StandbyControl,
    metrics: Option<MetricsServer>,
    state: Arc<Published<StandbyState>>,
    group: ThreadGroup,
    stop: Stop,
}

impl Standby {
    fn start(
        config: &MasterConfig,
        identity: MasterIdentity,
        context: &ServiceContext<'_, MasterConfig>,
    ) -> Result<Standby, StartError> {
        let listener = Listener::bind_patiently(config.listen, context.stop)
            .map_err(|e| StartError::failed(format!("listen = \"{}\": {e}", config.listen)))?;
        let listener = Arc::new(listener);
        let (stop, watchdog) = (Stop::new(), Watchdog::new());
        let keys = SharedKeys::new(identity.keyring().clone());
        let state = Arc::new(Published::new(StandbyState::new(listener.address())));
        let control = StandbyControl::start(
            config.control_socket.clone(),
            &config.control_group,
            (Arc::clone(&state), context.log.clone()),
            (&watchdog, &stop),
        )?;
        let metrics = config
            .metrics
            .map(|it| MetricsServer::start(it.listen, control.metrics(), &stop))
            .transpose()?;
        let mut group = ThreadGroup::new(&stop, &watchdog);
        let flusher = Flusher::start(&mut group)?;
        let shared = WorkersShared {
            registry: Arc::new(Published::new(Registry::default())),
            peers: Arc::default(),
            addresses: Arc::default(),
            expected: Arc::new(config.expected_workers.into()),
        };
        let acceptor = Arc::new(MasterAcceptor {
            links: LinkSessions {
                identity,
                shared: shared.clone(),
                // Nothing is ever sent to them.
                router: bounded(1).0,
                workers: bounded(1).0,
                sequences: SequenceHistory::default(),
                flusher,
                refusals: Arc::default(),
                throttle: Throttle::new(LOGGED_MAX, Duration::from_secs(60)),
                stop: stop.clone(),
                stands_by: true,
            },
            limiter: ConnectionLimiter::new(MasterAcceptor::connection_limits(
                config.limits.max_connections,
            )),
            limits: Published::new(config.limits.clone()),
            clients: Mutex::new(Vec::new()),
            stop: stop.clone(),
        });
        let (refusal, rejecter) = refusal(LINGERING_MAX);
        group.thread("rejecter", move |stop, heartbeat| {
            rejecter.run(stop, heartbeat)
        })?;
        let (accepts, socket) = (Arc::clone(&acceptor), Arc::clone(&listener));
        let mut standby = Standby {
            listener,
            acceptor,
            control,
            metrics,
            state,
            group,
            stop,
        };
        Registrations::of(config, keys, shared).keep_read(&mut standby.group)?;
        standby.group.extend([runtime::spawn("listener", move || {
            accepts.run(&socket, &refusal)
        })?]);
        Ok(standby)
    }

    /// Waits for the lease. `None`: the signal to stop came before.
    fn wait(
        &mut self,
        url: &PostgresUrl,
        claim: &LeaseClaim,
        leader: LeaseHolder,
        (context, remains): (&ServiceContext<'_, MasterConfig>, &mut StandbyRemains),
    ) -> Result<Option<LeaseKeeper>, StartError> {
        let began = Arc::default();
        let looks = LeaseLooks {
            watch: LeaseWatch::new(url, claim),
            url: url.clone(),
            claim: claim.clone(),
            began: Arc::clone(&began),
        };
        // Nothing is kept in the channel: a lease that nobody takes stays with who has taken it.
        let (found, looked) = bounded(0);
        self.group
            .unwatched("looks", move |stop| looks.run(&found, stop))?;
        let lease = claim.lease;
        self.group
            .unwatched("look-watch", move |stop| watch_looks(&began, lease, stop))?;
        let failures = Throttle::new(LOGGED_MAX, Duration::from_secs(60));
        self.show(Ok(leader));
        daemon::notify_ready(&self.state.load().line());
        loop {
            select! {
                recv(looked) -> looked => match looked {
                    Ok(Ok(LeaseAttempt::Taken(lease))) => {
                        crate::info!("this master leads from now on");
                        daemon::notify_status("taking over");
                        return Ok(Some(LeaseKeeper::start(*lease)?));
                    }
                    Ok(Ok(LeaseAttempt::Held(leader))) => self.show(Ok(leader)),
                    Ok(Err(error @ (StorageError::NewerVersion { .. } | StorageError::Foreign(_)))) => {
                        return Err(StartError::failed(error));
                    }
                    Ok(Err(error)) => {
                        if let Some(more) = failures.allow("look") {
                            crate::warn!("it cannot be seen who leads: {error}{more}");
                        }
                        self.show(Err(error.to_string()));
                    }
                    Err(_) => return Err(StartError::failed("nobody looks any more who leads")),
                },
                recv(context.signals.hangups) -> _ => {
                    daemon::notify_reloading();
                    crate::info!("SIGHUP: a master that stands by reads its configuration again when it takes over");
                    remains.wants_reload = true;
                    daemon::notify_ready(&self.state.load().line());
                }
                recv(context.stop.receiver()) -> _ => {
                    daemon::notify_stopping();
                    return Ok(None);
                }
            }
        }
    }

    /// Tells administrators and systemd who leads, or why that is not known.
    fn show(&self, leader: Result<LeaseHolder, String>) {
        let before = self.state.load();
        let now = before.with(leader);
        if now.line() != before.line() {
            daemon::notify_status(&now.line());
        }
        self.state.store(now);
    }

    fn stop(self) {
        let deadline = Instant::now() + STOP_TIMEOUT;
        self.stop.request();
        self.listener.close();
        self.acceptor.close();
        self.control.stop(deadline);
        if let Some(metrics) = self.metrics {
            metrics.stop(deadline);
        }
        for name in self.group.join(deadline) {
            crate::warn!("thread {name} of the standby did not end in time");
        }
    }
}

/// Looks who leads, and takes the lease if nobody does, on a thread of its own: a server that does not
/// answer must not keep the process from its signals.
struct LeaseLooks {
    watch: LeaseWatch,
    url: PostgresUrl,
    claim: LeaseClaim,
    /// When the look that is under way began.
    began: Arc<Mutex<Option<Instant>>>,
}

impl LeaseLooks {
    /// Looks until this master leads, or is stopped. A lease that nobody wants any more is released.
    fn run(mut self, found: &Sender<Result<LeaseAttempt, StorageError>>, stop: &Stop) {
        while !stop.wait(LOOK_INTERVAL) {
            *self.began.lock() = Some(Instant::now());
            let looked = self.look();
            *self.began.lock() = None;
            let leads = matches!(looked, Ok(LeaseAttempt::Taken(_)));
            if found.send(looked).is_err() || leads {
                return;
            }
        }
    }

    fn look(&mut self) -> Result<LeaseAttempt, StorageError> {
        if let Some(leader) = self.watch.look()? {
            return Ok(LeaseAttempt::Held(leader));
        }
        // To bring the database forward takes as long as it takes; all else has the time of a look.
        PostgresLease::attempt(&self.url, &self.claim, &|| *self.began.lock() = None)
    }
}

/// The registered workers, as the database has them.
struct Registrations {
    database: DatabaseUrl,
    reader: Option<Reader>,
    keys: SharedKeys,
    shared: WorkersShared,
    failures: Throttle,
}

impl Registrations {
    fn of(config: &MasterConfig, keys: SharedKeys, shared: WorkersShared) -> Registrations {
        Registrations {
            database: config.database.clone(),
            reader: None,
            keys,
            shared,
            failures: Throttle::new(1, Duration::from_secs(600)),
        }
    }

    /// Reads them, and again as long as the group runs: beside the looks at the lease, which must not wait
    /// for it.
    fn keep_read(mut self, group: &mut ThreadGroup) -> std::io::Result<()> {
        self.read();
        group.unwatched("registry", move |stop| {
            while !stop.wait(REGISTRY_INTERVAL) {
                self.read();
            }
        })
    }

    /// Reads them. What is known stays where they cannot be read, as perhaps from a database that the
    /// leader, of another version, has not brought forward.
    fn read(&mut self) {
        let mut read = || {
            let mut reader = match self.reader.take() {
                Some(reader) => reader,
                None => Reader::open(&self.database)?,
            };
            let registry = Registry::read(&mut reader)?;
            let taken = self.keys.take(&mut reader);
            self.reader = Some(reader);
            taken.map(|()| registry)
        };
        match read() {
            Ok(registry) => {
                let admitted = registry.all().filter(|worker| !worker.booted);
                let addresses: Vec<String> =
                    admitted.map(|worker| worker.address.clone()).collect();
                self.shared.addresses.store(addresses);
                self.shared.registry.store(registry);
            }
            Err(error) => {
                if let Some(more) = self.failures.allow("registry") {
                    crate::warn!(
                        "the registered workers cannot be read; those that are not known yet are refused until they \
                         can: {error}{more}"
                    );
                }
            }
        }
    }
}
