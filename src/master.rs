//! spec/master.md · 3.1 Master Server
//!
//! The main module: states are made, threads started from the bottom of the channel graph up, workers
//! listened to; and stopped from the top down.

pub mod acceptor;
pub mod account_queries;
pub mod admin;
pub mod asset_queries;
pub mod assets;
pub mod auth;
pub mod database;
pub mod reload;
pub mod reply_to;
pub mod restore;
pub mod router;
pub mod transactions;
pub mod verify;
pub mod workers;

use crate::config::MasterConfig;
use crate::daemon::{self, Signals, StartError};
use crate::link::handshake::{BudgetLimits, GpgBudget, MasterIdentity};
use crate::link::keyring::{Keyring, leave_agent};
use crate::net::rejecter::refusal;
use crate::net::{Flusher, Listener};
use crate::runtime::log::{LogHandle, Throttle};
use crate::runtime::published::Published;
use crate::runtime::{self, Heartbeat, Stop, TICK, ThreadHandle, Watchdog, join_all};
use acceptor::MasterAcceptor;
use admin::AdminServer;
use assets::{AssetsConfig, AssetsError, AssetsHandle};
use auth::hashing::HashingPool;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use workers::WorkersShared;
use workers::registry::Registry;

/// How long the first prices may take.
const FIRST_PRICES_TIMEOUT: Duration = Duration::from_secs(60);
/// Descriptors beyond those of connections: databases, logs, epoll, GPG.
const SPARE_DESCRIPTORS: u64 = 256;
/// How long an administrator's command may take to notice that the master stops.
const ADMIN_STOP_TIMEOUT: Duration = Duration::from_secs(1);
/// Refused handshakes that are logged in a minute.
const REFUSALS_LOGGED: u32 = 20;

impl From<database::DatabaseError> for StartError {
    fn from(error: database::DatabaseError) -> Self {
        StartError::failed(error)
    }
}

impl From<rusqlite::Error> for StartError {
    fn from(error: rusqlite::Error) -> Self {
        StartError::failed(format!("the database: {error}"))
    }
}

impl From<AssetsError> for StartError {
    fn from(error: AssetsError) -> Self {
        match error {
            AssetsError::Config(text) => StartError::misconfigured(text),
            AssetsError::Failed(text) => StartError::failed(text),
        }
    }
}

/// Ways into the modules of a running master, for whoever steers it.
#[derive(Debug, Clone)]
pub struct MasterChannels {
    /// 3.1.3
    pub auth: Sender<auth::AuthMessage>,
    /// 3.1.5
    pub workers: Sender<workers::WorkersMessage>,
    /// 3.1.6
    pub assets: AssetsHandle,
    /// 3.1.7
    pub transactions: Sender<transactions::TransactionsMessage>,
    /// What workers shares.
    pub shared: WorkersShared,
    /// Refused handshakes, by reason.
    pub refusals: Arc<Mutex<HashMap<String, u64>>>,
}

/// A running master.
#[derive(Debug)]
pub struct Master {
    /// Where it listens.
    pub address: SocketAddr,
    /// Ways into its modules.
    pub inboxes: MasterChannels,
    /// The module threads' signs of life.
    pub watchdog: Watchdog,
    stop: Stop,
    listener: Arc<Listener>,
    acceptor: Arc<MasterAcceptor>,
    /// From the top of the channel graph down.
    handles: Vec<ThreadHandle>,
    _lock: database::DatabaseLock,
}

/// Everything that `--check-config` can see without starting anything.
///
/// # Errors
/// What is wrong.
pub fn check(config: &MasterConfig) -> Result<(), StartError> {
    let assets = AssetsConfig::of(config)?;
    assets::providers::check(&assets)?;
    leave_agent(&config.gpg.home, || side(config).map(drop))
}

fn side(config: &MasterConfig) -> Result<MasterIdentity, StartError> {
    let keyring =
        Keyring::open(&config.gpg.home).map_err(|e| StartError::misconfigured(format!("gpg.home: {e}")))?;
    Ok(MasterIdentity::new(
        keyring,
        config.gpg.key,
        GpgBudget::new(BudgetLimits::default()),
    )?)
}

/// Starts module threads, keeping their handles with the last started first.
struct Starter<'a> {
    stop: &'a Stop,
    watchdog: &'a Watchdog,
    handles: Vec<ThreadHandle>,
}

impl Starter<'_> {
    fn module(&mut self, name: &str, run: impl FnOnce(&Stop, &Heartbeat) + Send + 'static) -> io::Result<()> {
        let (stop, heartbeat) = (self.stop.clone(), self.watchdog.register(name));
        let (stopped, named) = (stop.clone(), name.to_owned());
        self.handles.push(runtime::spawn(name.to_owned(), move || {
            run(&stop, &heartbeat);
            // A module that ends without being told to takes the process with it: half a daemon is worse
            // than none.
            // A start that fails half-way closes channels a moment before it gives the signal.
            if !stopped.wait(TICK) {
                crate::error!("module {named} ended without being told to: ending the process");
                log::logger().flush();
                std::process::exit(i32::from(daemon::FAILED));
            }
        })?);
        Ok(())
    }
}

impl Master {
    /// Starts everything and returns once workers are listened to and the first prices are known.
    ///
    /// # Errors
    /// What is wrong, with the exit code that it means. Nothing is left running.
    pub fn start(config: &MasterConfig, stop: &Stop) -> Result<Master, StartError> {
        let assets = AssetsConfig::of(config)?;
        assets::providers::check(&assets)?;
        // Before GPG is asked for anything: its agent is that of the master that runs already, if one does.
        let lock = database::lock(&config.database)?;
        let started = Master::assemble(config, stop, assets, lock);
        if started.is_err() {
            stop.request();
            if let Ok(keyring) = Keyring::open(&config.gpg.home) {
                let _ = keyring.stop();
            }
        }
        started
    }

    fn assemble(
        config: &MasterConfig,
        stop: &Stop,
        assets_config: AssetsConfig,
        lock: database::DatabaseLock,
    ) -> Result<Master, StartError> {
        let side = side(config)?;
        database::migrate(&config.database)?;
        let connections = u64::try_from(config.limits.max_connections).unwrap_or(u64::MAX);
        daemon::raise_descriptors(connections.saturating_add(SPARE_DESCRIPTORS));

        let listener = Arc::new(
            Listener::bind(config.listen)
                .map_err(|e| StartError::failed(format!("listen = \"{}\": {e}", config.listen)))?,
        );
        let watchdog = Watchdog::new();
        let mut starter = Starter {
            stop,
            watchdog: &watchdog,
            handles: Vec::new(),
        };
        let flusher = Flusher::new()?;
        let flushing = Arc::clone(&flusher);
        starter.module("flusher", move |stop, heartbeat| flushing.run(stop, heartbeat))?;

        let (inboxes, router) = modules(config, assets_config, &mut starter)?;
        let acceptor = Arc::new(MasterAcceptor {
            side,
            shared: inboxes.shared.clone(),
            router,
            workers: inboxes.workers.clone(),
            flusher,
            limiter: MasterAcceptor::limiter(config.limits.max_connections),
            max_connections: config.limits.max_connections,
            frame_timeout: config.limits.frame_timeout,
            refusals: Arc::clone(&inboxes.refusals),
            throttle: Throttle::new(REFUSALS_LOGGED, Duration::from_secs(60)),
            clients: Mutex::new(Vec::new()),
            stop: stop.clone(),
        });
        if !inboxes.assets.wait_ready(Instant::now() + FIRST_PRICES_TIMEOUT) {
            return Err(StartError::failed(format!(
                "no prices within {FIRST_PRICES_TIMEOUT:?}; see the log for what the assets API said"
            )));
        }
        let (refusal, rejecter) = refusal();
        starter.module("rejecter", move |stop, heartbeat| rejecter.run(stop, heartbeat))?;
        let (accepts, socket) = (Arc::clone(&acceptor), Arc::clone(&listener));
        starter.handles.push(runtime::spawn("listener", move || {
            accepts.run(&socket, &refusal)
        })?);
        let mut handles = starter.handles;
        handles.reverse();
        Ok(Master {
            address: listener.address(),
            inboxes,
            watchdog,
            stop: stop.clone(),
            listener,
            acceptor,
            handles,
            _lock: lock,
        })
    }

    /// Serves until the stop signal: listens to administrators, tells systemd, keeps its watchdog content,
    /// and reloads on SIGHUP what can be of the configuration in `file`.
    ///
    /// # Errors
    /// The control socket cannot be made, or a thread not be started.
    pub fn serve(
        &self,
        config: &MasterConfig,
        file: &Path,
        log: &LogHandle,
        signals: &Signals,
    ) -> io::Result<()> {
        let path = config.database.clone();
        let _watchdog = daemon::watchdog(&self.stop, &self.watchdog, move || database::answers(&path))?;
        let means = admin::AdminChannels {
            inboxes: self.inboxes.clone(),
            keyring: self.acceptor.side.keyring().clone(),
            log: log.clone(),
            database: config.database.clone(),
            listen: self.address,
            expected_workers: config.expected_workers,
        };
        let socket = config.control_socket.clone();
        let control = AdminServer::start(socket, &config.control_group, means, &self.stop)?;
        crate::info!("the master serves at {}", self.address);
        daemon::notify_ready("serving");
        let mut current = config.clone();
        loop {
            select! {
                recv(signals.hangups) -> _ => {
                    daemon::notify_reloading();
                    reload::reload(file, &mut current, log, &self.inboxes);
                    daemon::notify_ready("serving");
                }
                recv(self.stop.receiver()) -> _ => break,
            }
        }
        daemon::notify_stopping();
        if !control.stop(Instant::now() + ADMIN_STOP_TIMEOUT) {
            crate::warn!("a command of an administrator did not end in time");
        }
        Ok(())
    }

    /// Stops: no new peers, clients told, threads joined from the top of the channel graph down. The names
    /// of those that did not end in time.
    pub fn stop(self, deadline: Instant) -> Vec<String> {
        self.stop.request();
        self.listener.close();
        self.acceptor.close();
        let late = join_all(self.handles, deadline);
        if let Err(error) = self.acceptor.side.keyring().stop() {
            crate::warn!("GPG's agent was not stopped: {error}");
        }
        late
    }
}

/// The modules, each with its inbox, from the bottom of the channel graph up.
fn modules(
    config: &MasterConfig,
    assets_config: AssetsConfig,
    starter: &mut Starter<'_>,
) -> Result<(MasterChannels, Sender<router::RouterMessage>), StartError> {
    let path = &config.database;
    let (transactions_in, transactions_inbox) = bounded(transactions::INBOX);
    let (workers_in, workers_inbox) = bounded(workers::INBOX);
    let (views_in, views_inbox) = bounded(account_queries::INBOX);
    let (auth_in, auth_inbox) = bounded(auth::INBOX);
    let (router_in, router_inbox) = bounded(router::INBOX);

    let listeners: Vec<assets::UpdateListener> = vec![
        listener(transactions_in.clone(), transactions::TransactionsMessage::Update),
        listener(workers_in.clone(), workers::WorkersMessage::Update),
    ];
    let (assets, assets_handle, assets_inbox): (
        assets::Assets,
        AssetsHandle,
        Receiver<assets::AssetsMessage>,
    ) = assets::open(assets_config, database::open(path)?, listeners)?;

    let shared = WorkersShared {
        registry: Arc::new(Published::new(Registry::load(&database::open_reader(path)?)?)),
        peers: Arc::default(),
        addresses: Arc::default(),
    };
    let transactions = transactions::Transactions::new(database::open(path)?, assets_handle.clone(), config)?;
    starter.module("transactions", move |stop, heartbeat| {
        transactions.run(&transactions_inbox, stop, heartbeat)
    })?;
    let views = account_queries::AccountQueries::new(
        database::open_reader(path)?,
        assets_handle.clone(),
        config.currency.clone(),
    );
    starter.module("account_queries", move |stop, heartbeat| {
        views.run(&views_inbox, stop, heartbeat)
    })?;

    let (pool, hashers) = HashingPool::start(config.accounts.bcrypt_cost)?;
    starter.handles.extend(hashers);
    let neighbours = auth::AuthChannels {
        transactions: transactions_in.clone(),
        views: views_in,
        peers: Arc::clone(&shared.peers),
        addresses: Arc::clone(&shared.addresses),
    };
    let auth = auth::Auth::new(database::open(path)?, pool, config, neighbours)?;
    starter.module("auth", move |stop, heartbeat| {
        auth.run(&auth_inbox, stop, heartbeat)
    })?;

    let workers = workers::Workers::new(
        database::open(path)?,
        &shared,
        auth_in.clone(),
        assets_handle.clone(),
        config.update_interval,
        config.expected_workers,
    );
    starter.module("workers", move |stop, heartbeat| {
        workers.run(&workers_inbox, stop, heartbeat)
    })?;
    starter.module("assets", move |stop, heartbeat| {
        assets.run(&assets_inbox, stop, heartbeat)
    })?;
    let router = router::MasterRouter {
        auth: auth_in.clone(),
        workers: workers_in.clone(),
        assets: assets_handle.clone(),
    };
    starter.module("router", move |stop, heartbeat| {
        router.run(&router_inbox, stop, heartbeat)
    })?;

    let inboxes = MasterChannels {
        auth: auth_in,
        workers: workers_in,
        assets: assets_handle,
        transactions: transactions_in,
        shared,
        refusals: Arc::default(),
    };
    Ok((inboxes, router_in))
}

/// Puts updates on a module's channel. A module that takes none for seconds is hung, which the watchdog
/// sees; the update is lost to it, the next one is not.
fn listener<T: Send + 'static>(inbox: Sender<T>, wrap: fn(assets::Update) -> T) -> assets::UpdateListener {
    Box::new(move |update| {
        if inbox
            .send_timeout(wrap(update.clone()), Duration::from_secs(5))
            .is_err()
        {
            crate::error!("update {} found no room in a module's inbox", update.number);
        }
    })
}
