//! spec/master.md · 3.1.1 Main Module (initialise states, start the threads)
//!
//! Checks the configuration and the files that it names, then starts the threads from the bottom of
//! the channel graph up. A start that fails leaves no thread running.
//!
//! Tests: `tests/suite/daemons.rs`.

use super::acceptor::MasterAcceptor;
use super::admin::ServerWatch;
use super::assets::providers::PreparedProviders;
use super::assets::{self, AssetsConfig, AssetsError, OpenedAssets};
use super::auth::hashing::{HashCosts, HashingPool};
use super::keys::MasterKeys;
use super::link_session::LinkSessions;
use super::link_session::sequences::SequenceHistory;
use super::mail::{self, MailSetup};
use super::messages::{
    self, AuthChannels, AuthMessage, MailMessage, MasterChannels, PendingSignIn, RouterMessage,
    UpdateChannels, WorkersShared,
};
use super::order_watchers::OrderWatchers;
use super::standby::lease::{self, DatabaseHold, LeaseKeeper};
use super::standby::{self, NewLeader, StandbyRemains};
use super::standby::{fingerprints, worker_keys};
use super::storage::deployment_facts::{self, FactsError};
use super::storage::process_lock::ProcessLock;
use super::storage::{
    self, LeaseAttempt, LeaseClaim, LeaseHolder, Reader, Storage, StorageError, process_id,
};
use super::third_party::{self, ThirdParties};
use super::workers::registry::Registry;
use super::{Master, account_queries, auth, router, transactions, workers};
use crate::config::{DatabaseUrl, MasterConfig, PostgresUrl};
use crate::daemon::run::ServiceContext;
use crate::daemon::{self, EndReason, StartError, StartWatch};
use crate::link::handshake::{BudgetLimits, GpgBudget, MasterIdentity};
use crate::link::key_watch::{KeyWatchHandle, key_watch};
use crate::link::keyring::{Keyring, leave_agent};
use crate::net::rejecter::{LINGERING_MAX, refusal};
use crate::net::{ConnectionLimiter, Flusher, Listener};
use crate::runtime::log::Throttle;
use crate::runtime::published::Published;
use crate::runtime::{self, Heartbeat, Stop, ThreadGroup, Watchdog};
use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// A start fails when no prices have come within this time.
const FIRST_PRICES_TIMEOUT: Duration = Duration::from_secs(60);
/// File descriptors that are not connections: database, log, epoll, GPG.
const OTHER_DESCRIPTORS: u64 = 256;
/// Most refused or cut links that are logged in a minute, for each reason.
const REFUSALS_LOGGED_MAX: u32 = 20;

impl From<StorageError> for StartError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Superseded(text) => StartError {
                code: daemon::SUPERSEDED,
                text,
            },
            error => StartError::failed(error),
        }
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

/// Checks the configuration, the market files and the GPG key without starting a thread
/// (`--check-config`). Returns warnings.
///
/// # Errors
/// The first problem, with its exit code.
pub fn check(config: &MasterConfig) -> Result<Vec<String>, StartError> {
    let mut warnings = check_market(config)?;
    let of_server = storage::server_warnings(&config.database)
        .map_err(|error| StartError::failed(format!("the database is not reached now: {error}")))?;
    warnings.extend(check_others(config)?);
    warnings.extend(of_server);
    warnings.extend(fingerprints::check(config)?);
    Ok(warnings)
}

/// As [`check`], beside a running master; the market's files only where `[assets]` has changed.
///
/// # Errors
/// As [`check`].
pub fn check_again(
    config: &MasterConfig,
    current: &MasterConfig,
) -> Result<Vec<String>, StartError> {
    let mut warnings = if config.assets == current.assets {
        Vec::new()
    } else {
        check_market(config)?
    };
    warnings.extend(check_others(config)?);
    Ok(warnings)
}

/// Checks the market's files. Returns warnings.
fn check_market(config: &MasterConfig) -> Result<Vec<String>, StartError> {
    // A check writes nothing, and parses all files.
    let assets = AssetsConfig {
        kept_bars: None,
        ..AssetsConfig::of(config)?
    };
    Ok(PreparedProviders::open(&assets)?.input_warnings())
}

/// Checks secrets, keys, and the database that is there. Returns warnings.
fn check_others(config: &MasterConfig) -> Result<Vec<String>, StartError> {
    MailSetup::open(config).map_err(StartError::misconfigured)?;
    third_party::check(&config.third_parties).map_err(StartError::misconfigured)?;
    leave_agent(&config.gpg.home, || identity(config))?;
    deployment_facts::look(config).map_err(unfit_database)
}

/// What is said of a master without a database.
fn no_database(config: &MasterConfig) -> Result<Option<String>, StorageError> {
    let is_absent = storage::is_absent(&config.database)?;
    Ok(is_absent.then(|| match config.database.file() {
        Some(file) => format!(
            "there is no database {} (data_dir = \"{}\")",
            file.display(),
            config.data_dir.display()
        ),
        None => format!(
            "there is nothing in the database {}",
            config.database.shown()
        ),
    }))
}

/// Refuses a start without a database (`--existing`). Makes nothing.
///
/// # Errors
/// There is none: exit code [`daemon::FAILED`].
pub fn check_existing(config: &MasterConfig) -> Result<(), StartError> {
    no_database(config)?.map_or(Ok(()), |text| {
        Err(StartError::failed(format!(
            "{text}, and --existing asks for one: is its disk mounted, and data_dir the right one? Without --existing \
             a new one is made, without any account"
        )))
    })
}

fn identity(config: &MasterConfig) -> Result<MasterIdentity, StartError> {
    let keyring = Keyring::open(&config.gpg.home)
        .map_err(|e| StartError::passing_or_not(e.is_passing(), format!("gpg.home: {e}")))?;
    MasterIdentity::new(
        keyring,
        config.gpg.key,
        GpgBudget::new(BudgetLimits::default()),
    )
    .map_err(|e| StartError::passing_or_not(e.is_passing(), format!("gpg: {e}")))
}

/// Starts all threads. Returns when the first prices are published and peers are accepted; before
/// that it stands by where another master leads. `None`: the signal to stop came meanwhile.
///
/// # Errors
/// The reason, with its exit code. No thread and no GPG agent is left running.
pub fn start(
    context: &ServiceContext<'_, MasterConfig>,
    reason: &EndReason,
) -> Result<Option<Master>, StartError> {
    let (config, stop) = (context.config, context.stop);
    let assets = AssetsConfig::of(config)?;
    let mail = MailSetup::open(config).map_err(StartError::misconfigured)?;
    if let Some(text) = no_database(config)? {
        crate::warn!("{text}: a new one is made, without any account");
    }
    let watch = StartWatch::begin(storage::end_superseded)?;
    // Before the market's files, whose kept bars a running master reads, and before any call of
    // GPG: on failure GPG's agent is stopped, which a running master also uses.
    let place = match lease::server(&config.database) {
        Some(url) => Place::on_server(config, url, &watch)?,
        None => Place::Leads(DatabaseHold::File(Storage::lock(&config.database)?), None),
    };
    // A large market takes minutes to read, so its files are read once, and before they are needed.
    let prepared = PreparedProviders::open(&assets)?;
    let led = place.lead(context, &watch);
    let started = led.and_then(|place| match place {
        Some(place) => assemble(config, stop, (assets, prepared), mail, (place, watch)).map(Some),
        None => Ok(None),
    });
    if let Err(error) = &started {
        reason.keep(error);
        stop.request();
    }
    if !matches!(started, Ok(Some(_)))
        && let Ok(keyring) = Keyring::open(&config.gpg.home)
    {
        let _ = keyring.stop();
    }
    started
}

/// Whether this master leads.
enum Place<'a> {
    /// It does, and with the lock of its folder where the database is on a server.
    Leads(DatabaseHold, Option<ProcessLock>),
    /// Another one does.
    StandsBy {
        url: &'a PostgresUrl,
        claim: LeaseClaim,
        leader: LeaseHolder,
        process: ProcessLock,
    },
}

/// What a master that leads has.
struct LeadingPlace {
    hold: DatabaseHold,
    process: Option<ProcessLock>,
    /// What it brings from the time when it stood by.
    before: Option<StandbyRemains>,
}

impl<'a> Place<'a> {
    /// Takes the lease of a database on a server, if it is free and no other master stands by: that one
    /// has read its market already.
    fn on_server(
        config: &MasterConfig,
        url: &'a PostgresUrl,
        watch: &StartWatch,
    ) -> Result<Place<'a>, StartError> {
        let process = ProcessLock::take(&config.data_dir, process_id())?;
        let claim = LeaseClaim {
            holder: process_id(),
            ended: process.before,
            yields: true,
            name: lease::own_name(config.listen),
            lease: url.lease(),
        };
        Ok(match standby::attempt_in_time(url, &claim, watch)? {
            LeaseAttempt::Taken(lease) => {
                let keeper = LeaseKeeper::start(*lease)?;
                watch.has_turn();
                Place::Leads(DatabaseHold::Lease(keeper), Some(process))
            }
            LeaseAttempt::Held(leader) => Place::StandsBy {
                url,
                // From here on it is as ready as any other one.
                claim: LeaseClaim {
                    ended: None,
                    yields: false,
                    ..claim
                },
                leader,
                process,
            },
        })
    }

    /// Waits until this master leads. `None`: the signal to stop came before.
    fn lead(
        self,
        context: &ServiceContext<'_, MasterConfig>,
        watch: &StartWatch,
    ) -> Result<Option<LeadingPlace>, StartError> {
        let (url, claim, leader, process) = match self {
            Place::Leads(hold, process) => {
                return Ok(Some(LeadingPlace {
                    hold,
                    process,
                    before: None,
                }));
            }
            Place::StandsBy {
                url,
                claim,
                leader,
                process,
            } => (url, claim, leader, process),
        };
        fingerprints::compare(context.config, &leader)?;
        let identity = identity(context.config)?;
        let context = (context, watch);
        let new = standby::stand_by(context.0.config, url, identity, context, (&claim, leader))?;
        Ok(new.map(|NewLeader { lease, remains }| LeadingPlace {
            hold: DatabaseHold::Lease(lease),
            process: Some(process),
            before: Some(remains),
        }))
    }
}

fn assemble(
    config: &MasterConfig,
    stop: &Stop,
    assets: (AssetsConfig, PreparedProviders),
    mail: Option<MailSetup>,
    (place, watch): (LeadingPlace, StartWatch),
) -> Result<Master, StartError> {
    let identity = identity(config)?;
    let (keys, key_watch) = key_watch();
    Storage::migrate(&config.database)?;
    compare_facts(config)?;
    share(config, &identity)?;
    raise_descriptors(config.limits.max_connections);

    let listener = listen(config, stop)?;
    let watchdog = Watchdog::new();
    let mut group = ThreadGroup::new(stop, &watchdog);
    let flusher = Flusher::start(&mut group)?;
    fingerprints::keep_stored(config, &mut group)?;
    let server = ServerWatch::begin(&config.database, &mut group)?;
    let mail = start_mail(mail, &config.database, &mut group)?;
    let (inboxes, router) = modules(config, assets, (mail, keys), stop, &mut group)?;
    let keys = MasterKeys::new(&identity, &inboxes);
    let links = LinkSessions {
        identity,
        shared: inboxes.shared.clone(),
        router,
        workers: inboxes.workers.clone(),
        sequences: SequenceHistory::default(),
        flusher,
        refusals: Arc::clone(&inboxes.refusals),
        throttle: Throttle::new(REFUSALS_LOGGED_MAX, Duration::from_secs(60)),
        stop: stop.clone(),
        stands_by: false,
    };
    let acceptor = Arc::new(MasterAcceptor {
        links,
        limiter: ConnectionLimiter::new(MasterAcceptor::connection_limits(
            config.limits.max_connections,
        )),
        limits: Published::new(config.limits.clone()),
        clients: Mutex::new(Vec::new()),
        stop: stop.clone(),
    });
    place.hold.check()?;
    daemon::notify_starting("waiting for the first prices");
    if !inboxes
        .assets
        .wait_ready(Instant::now() + FIRST_PRICES_TIMEOUT)
    {
        return Err(StartError::failed(format!(
            "no prices within {FIRST_PRICES_TIMEOUT:?}; see the log for what the assets API said"
        )));
    }
    group.unwatched("keys", move |stop| {
        key_watch.run(stop, |last| keys.look(stop, last))
    })?;
    let (refusal, rejecter) = refusal(LINGERING_MAX);
    group.thread("rejecter", move |stop, heartbeat| {
        rejecter.run(stop, heartbeat)
    })?;
    let (accepts, socket) = (Arc::clone(&acceptor), Arc::clone(&listener));
    group.extend([runtime::spawn("listener", move || {
        accepts.run(&socket, &refusal)
    })?]);
    Ok(Master {
        address: listener.address(),
        inboxes,
        watchdog,
        listener,
        acceptor,
        group,
        server,
        hold: place.hold,
        before: place.before,
        watch,
        _process: place.process,
    })
}

/// Tells what the other master of the database must know of this one, which leads, and the reverse.
fn share(config: &MasterConfig, identity: &MasterIdentity) -> Result<(), StartError> {
    fingerprints::store(config)?;
    Ok(worker_keys::share(&config.database, identity.keyring())?)
}

/// Listens on the master's port.
fn listen(config: &MasterConfig, stop: &Stop) -> Result<Arc<Listener>, StartError> {
    Listener::bind_patiently(config.listen, stop)
        .map(Arc::new)
        .map_err(|e| StartError::failed(format!("listen = \"{}\": {e}", config.listen)))
}

/// Allows the process descriptors for so many connections, as far as the system does.
pub(super) fn raise_descriptors(connections: usize) {
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    daemon::raise_descriptors(connections.saturating_add(OTHER_DESCRIPTORS));
}

/// Refuses a database whose amounts are in another currency, and warns where its market was another.
fn compare_facts(config: &MasterConfig) -> Result<(), StartError> {
    let mut storage = Storage::open(&config.database)?;
    let compared = deployment_facts::compare(&mut storage, config);
    for warning in compared.map_err(unfit_database)? {
        crate::warn!("{warning}");
    }
    Ok(())
}

fn unfit_database(error: FactsError) -> StartError {
    match error {
        FactsError::Currency { .. } => StartError::misconfigured(error),
        FactsError::Storage(_) => StartError::failed(error),
    }
}

/// The cost of new password hashes, and the highest of those that are stored.
fn hash_costs(config: &MasterConfig) -> Result<HashCosts, StartError> {
    let highest = Reader::open(&config.database)?.read(|s| s.highest_hash_cost());
    let unreadable = |error: StorageError| StartError::failed(format!("the database: {error}"));
    Ok(HashCosts {
        new: config.accounts.bcrypt_cost,
        highest_stored: highest.map_err(unreadable)?,
    })
}

fn unreadable(error: StorageError) -> StartError {
    StartError::failed(format!("the database: {error}"))
}

/// The registered workers, as the database has them, and nobody linked yet.
fn workers_shared(config: &MasterConfig) -> Result<WorkersShared, StartError> {
    let registry = Registry::read(&mut Reader::open(&config.database)?).map_err(unreadable)?;
    Ok(WorkersShared {
        registry: Arc::new(Published::new(registry)),
        peers: Arc::default(),
        addresses: Arc::default(),
        expected: Arc::new(config.expected_workers.into()),
    })
}

/// Starts the modules, each with its inbox, from the bottom of the channel graph up.
#[allow(
    clippy::too_many_lines,
    reason = "the channel graph, from the bottom up"
)]
fn modules(
    config: &MasterConfig,
    (assets_config, prepared): (AssetsConfig, PreparedProviders),
    (mail, keys): (Option<Sender<MailMessage>>, KeyWatchHandle),
    stop: &Stop,
    group: &mut ThreadGroup,
) -> Result<(MasterChannels, Sender<RouterMessage>), StartError> {
    let url = &config.database;
    let (transactions_in, transactions_inbox) = bounded(messages::TRANSACTIONS_INBOX_MAX);
    let (workers_in, workers_inbox) = bounded(messages::WORKERS_INBOX_MAX);
    let (queries_in, queries_inbox) = bounded(messages::ACCOUNT_QUERIES_INBOX_MAX);
    let (auth_in, auth_inbox) = bounded(messages::AUTH_INBOX_MAX);
    let (router_in, router_inbox) = bounded(messages::ROUTER_INBOX_MAX);

    let update_channels = UpdateChannels {
        transactions: transactions_in.clone(),
        workers: workers_in.clone(),
    };
    let OpenedAssets {
        mut assets,
        updater,
        handle,
        inbox: assets_inbox,
        unsettled,
    } = assets::open(
        assets_config,
        prepared,
        Storage::open(url)?,
        Reader::open(url)?,
        update_channels,
    )?;

    let shared = workers_shared(config)?;
    let order_watchers = Arc::<OrderWatchers>::default();
    let transactions = transactions::Transactions::new(Storage::open(url)?, handle.clone(), config)
        .map_err(unreadable)?
        .telling(Arc::clone(&order_watchers))
        .taking_over(unsettled);
    let beating = |heartbeat: &Heartbeat| transactions.beating(heartbeat);
    group.module_with("transactions", transactions_inbox, beating)?;
    let changes = Arc::new(AtomicU64::new(0));
    let readers = (Reader::open(url)?, Reader::open_scanner(url)?);
    group.module_with("account_queries", queries_inbox, |heartbeat| {
        let (handle, money) = (handle.clone(), (config.currency.clone(), config.fees));
        let (beat, inbox, changes) = (heartbeat.clone(), queries_in.clone(), Arc::clone(&changes));
        account_queries::AccountQueries::new(readers, handle, money, beat, inbox, changes)
    })?;

    let (pool, hashers) = HashingPool::start(hash_costs(config)?, &auth_in)?;
    group.extend(hashers);
    let channels = AuthChannels {
        transactions: transactions_in.clone(),
        account_queries: queries_in,
        peers: Arc::clone(&shared.peers),
        addresses: Arc::clone(&shared.addresses),
        registry: Arc::clone(&shared.registry),
        order_watchers,
        account_changes: changes,
        mail: mail.clone(),
        auth: auth_in.clone(),
    };
    let parties = third_parties(config, stop, &auth_in)?;
    let auth = auth::Auth::new(Storage::open(url)?, pool, config, channels, parties);
    group.module("auth", auth_inbox, auth.map_err(unreadable)?)?;

    let storage = Storage::open(url)?;
    let workers = workers::Workers::new(storage, &shared, auth_in.clone(), handle.clone(), config);
    group.module("workers", workers_inbox, workers)?;
    assets.start_updates(updater, stop)?;
    group.module("assets", assets_inbox, assets)?;
    let router = router::MasterRouter::new(auth_in.clone(), workers_in.clone(), handle.clone());
    group.module("router", router_inbox, router)?;

    let inboxes = MasterChannels {
        auth: auth_in,
        workers: workers_in,
        assets: handle,
        transactions: transactions_in,
        shared,
        mail,
        refusals: Arc::default(),
        keys,
    };
    Ok((inboxes, router_in))
}

/// Starts the module that keeps the outbox, and the thread that waits for the mail server, if one is
/// configured.
fn start_mail(
    setup: Option<MailSetup>,
    url: &DatabaseUrl,
    group: &mut ThreadGroup,
) -> Result<Option<Sender<MailMessage>>, StartError> {
    let mut storage = Storage::open(url)?;
    mail::note_whether_sent(&mut storage, setup.is_some())?;
    let Some(setup) = setup else {
        return Ok(None);
    };
    let (inbox_in, inbox) = bounded(messages::MAIL_INBOX_MAX);
    let (jobs_in, jobs) = bounded(mail::SENDER_INBOX_MAX);
    let (module, server) = setup.module(storage, jobs_in);
    let results = inbox_in.clone();
    group.unwatched("mail_sender", move |stop| {
        mail::run_sender(&server, &jobs, &results, stop)
    })?;
    group.module("mail", inbox, module)?;
    Ok(Some(inbox_in))
}

/// The threads of the providers of identities, which tell auth their news.
fn third_parties(
    config: &MasterConfig,
    stop: &Stop,
    auth: &Sender<AuthMessage>,
) -> Result<ThirdParties<PendingSignIn>, StartError> {
    let auth = auth.clone();
    ThirdParties::start(&config.third_parties, stop, move |news| {
        // Auth is gone only when the daemon ends.
        let _ = auth.send(AuthMessage::ThirdParty(news));
    })
    .map_err(StartError::misconfigured)
}
