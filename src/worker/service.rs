//! spec/worker/service.md · 3.2.1 Main Module: deployment and running stage
//!
//! The worker as a daemon: keys, readiness, signals, stopping.
//!
//! Tests: `src/worker/tests.rs`.

mod status;

use super::Worker;
use super::capacity::ConnectionBudget;
use super::master_link::connector::{Connect, ConnectError, NewLink};
use super::master_link::turns::in_turn;
use super::messages::PortState;
use super::{reload, start};
use crate::config::{ConfigError, HostPort, Warning, WorkerConfig};
use crate::daemon::cli::WorkerCli;
use crate::daemon::metrics::{METRICS_STOP_TIMEOUT, MetricsServer};
use crate::daemon::root::NamedPath;
use crate::daemon::run::{ServeEnd, Service, ServiceContext};
use crate::daemon::{self, EndReason, StartError};
use crate::link::handshake::{self, HandshakeError, WorkerIdentity};
use crate::link::keyring::{Keyring, leave_agent};
use crate::model::Timestamp;
use crate::net::deadline;
use crate::net::tls::ServerTls;
use crate::runtime::Watchdog;
use crate::runtime::log::LogConfig;
use crate::runtime::process_limits::ProcessLimits;
use crate::runtime::scheduling::run_in_batch;
use crossbeam_channel::{Receiver, Sender, bounded, select, tick};
use status::{Door, ServiceStatus};
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time-out of a TCP connection to the master, over all addresses of its name.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The same where there are several masters: the other one may lead.
const CONNECT_TIMEOUT_OF_SEVERAL: Duration = Duration::from_secs(2);
/// GPG's agent has this time to end after a start that failed.
const AGENT_STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// GPG's agent has this time to end, even where the threads took all of theirs.
const AGENT_STOP_TIMEOUT_MIN: Duration = Duration::from_millis(300);

/// How often a worker looks whether its link stands, for its status.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The masters' addresses, for people.
fn masters(config: &WorkerConfig) -> String {
    let masters: Vec<String> = config.masters().map(ToString::to_string).collect();
    masters.join(" or ")
}

/// The worker's own keys, and the master's key that it trusts.
fn identity(config: &WorkerConfig) -> Result<WorkerIdentity, StartError> {
    let gpg = &config.gpg;
    let keyring = Keyring::open(&gpg.home)
        .map_err(|e| StartError::passing_or_not(e.is_passing(), format!("gpg.home: {e}")))?;
    WorkerIdentity::new(keyring, gpg.key, gpg.master_key, config.uuid)
        .map_err(|e| StartError::passing_or_not(e.is_passing(), format!("gpg: {e}")))
}

/// A function that makes a link: TCP to one of the masters after the other, then the handshake, until
/// one succeeds. It also tells `failures` why that failed; one that is not read yet stands for the
/// later ones. It goes to the configured addresses alone.
fn connect_with(
    config: &WorkerConfig,
    identity: WorkerIdentity,
    failures: Sender<String>,
) -> Connect {
    let masters: Vec<HostPort> = config.masters().cloned().collect();
    let name = config.name.clone();
    let patience = if masters.len() > 1 {
        CONNECT_TIMEOUT_OF_SEVERAL
    } else {
        CONNECT_TIMEOUT
    };
    let connect = move |master: &HostPort| {
        // A key may have expired since the start. GPG comes before the connection, whose first frame
        // the master waits for only shortly.
        identity.check().map_err(ConnectError)?;
        let socket = connect(master, patience)
            .map_err(|error| ConnectError(format!("{master}: {error}")))?;
        let deadline = Instant::now() + handshake::HANDSHAKE_TIMEOUT;
        match handshake::connect(&socket, &identity, deadline) {
            Ok(established) => Ok(NewLink {
                socket,
                sealed: established.sealed,
                early: established.early,
            }),
            Err(error) => {
                let advice = address_advice(&error, &socket, &name);
                Err(ConnectError(format!("{master}: {error}{advice}")))
            }
        }
    };
    let mut attempt = in_turn(masters, connect);
    Box::new(move |first| {
        attempt(first).inspect_err(|ConnectError(why)| {
            // Full: what is there is told first, and the next attempt follows soon.
            let _ = failures.try_send(why.clone());
        })
    })
}

/// What to do where the master may know this worker at another address than its own.
fn address_advice(error: &HandshakeError, socket: &TcpStream, name: &str) -> String {
    match socket.local_addr() {
        Ok(local) if error.is_about_address() => {
            let ip = local.ip().to_canonical();
            format!(
                ". This machine connects from {ip}: unless something between changes that, on the \
                 master `papertraderctl workers set {name} --ip {ip}`, or, where the master does not \
                 know it any more, here `papertraderctl setup worker {name}`"
            )
        }
        Ok(_) | Err(_) => String::new(),
    }
}

fn connect(master: &HostPort, patience: Duration) -> io::Result<TcpStream> {
    let addresses = master.resolve()?;
    let deadline = Instant::now() + patience;
    deadline::connect(&addresses, deadline).map(|(socket, _)| socket)
}

/// A worker as a daemon.
#[derive(Debug)]
pub struct WorkerService {
    worker: Worker,
    watchdog: Watchdog,
    gpg_home: PathBuf,
    /// Why attempts to link have failed.
    failures: Receiver<String>,
}

impl Service for WorkerService {
    const PROGRAM: &'static str = "papertrader-worker";
    const NAME: &'static str = "worker";
    const USER: &'static str = "papertrader-worker";
    type Cli = WorkerCli;
    type Config = WorkerConfig;

    fn load(file: &Path) -> Result<(WorkerConfig, Vec<Warning>), ConfigError> {
        WorkerConfig::load(file)
    }

    fn log_config(config: &WorkerConfig) -> &LogConfig {
        &config.log
    }

    fn allows_root(config: &WorkerConfig) -> bool {
        config.allow_root
    }

    fn written_paths(config: &WorkerConfig) -> Vec<NamedPath<'_>> {
        let named = |key, path| NamedPath { key, path };
        let mut paths = vec![named("gpg.home", config.gpg.home.as_path())];
        paths.extend(config.log.written_file().map(|it| named("log.file", it)));
        paths
    }

    fn summary(config: &WorkerConfig) -> String {
        let page = config.web.as_ref();
        let page = page.map_or(String::new(), |web| format!(", page {}", web.listen));
        format!(
            "worker {}, listen {}{page}, advertise {}, master {}",
            config.name,
            config.listen,
            config.advertise,
            masters(config)
        )
    }

    /// A worker keeps no data.
    fn check_existing(_config: &WorkerConfig) -> Result<(), StartError> {
        Ok(())
    }

    /// Checks keys and certificates, and how many clients there would be room for.
    fn check(config: &WorkerConfig) -> Result<Vec<String>, StartError> {
        let mut warnings = check_certificate(config)?;
        warnings.extend(check_room(config));
        leave_agent(&config.gpg.home, || identity(config))?;
        Ok(warnings)
    }

    /// As [`Service::check`], without the room: that of a running worker has its clients in it, and
    /// a reload counts it itself.
    fn check_again(
        config: &WorkerConfig,
        _current: &WorkerConfig,
    ) -> Result<Vec<String>, StartError> {
        let warnings = check_certificate(config)?;
        leave_agent(&config.gpg.home, || identity(config))?;
        Ok(warnings)
    }

    fn start(
        context: &ServiceContext<'_, WorkerConfig>,
        reason: &EndReason,
    ) -> Result<Option<WorkerService>, StartError> {
        let config = context.config;
        for warning in check_certificate(config)? {
            crate::warn!("{warning}");
        }
        let started = start(config);
        if let Err(error) = &started {
            reason.keep(error);
            stop_agent(&config.gpg.home, Instant::now() + AGENT_STOP_TIMEOUT);
        }
        started.map(Some)
    }

    fn serve(&self, context: &ServiceContext<'_, WorkerConfig>) -> Result<ServeEnd, StartError> {
        let config = context.config;
        let _watchdog = daemon::watchdog(context.stop, &self.watchdog, || Ok(()))?;
        crate::info!(
            "worker {} starts, and links to {}",
            config.name,
            masters(config)
        );
        let metrics = config
            .metrics
            .map(|it| {
                let write = self.worker.metrics(&self.watchdog, context.log);
                MetricsServer::start(it.listen, write, context.stop)
            })
            .transpose()?;
        let result = serve(&self.worker, &self.failures, context);
        daemon::notify_stopping();
        if let Some(metrics) = metrics {
            metrics.stop(Instant::now() + METRICS_STOP_TIMEOUT);
        }
        result.map(|()| ServeEnd::Stopped)
    }

    fn stop(self, deadline: Instant) -> Vec<String> {
        let late = self.worker.stop(deadline);
        stop_agent(&self.gpg_home, deadline);
        late
    }
}

/// Checks the certificate. Returns what clients would refuse it for.
fn check_certificate(config: &WorkerConfig) -> Result<Vec<String>, StartError> {
    let Some(tls) = &config.tls else {
        return Ok(Vec::new());
    };
    let loaded = ServerTls::load(&tls.certificate, &tls.key)
        .map_err(|e| StartError::passing_or_not(e.is_passing(), format!("tls: {e}")))?;
    Ok(loaded.warnings())
}

/// Stops GPG's agent by `deadline`, but gives it a moment even where the threads took all of theirs.
fn stop_agent(home: &Path, deadline: Instant) {
    let deadline = deadline.max(Instant::now() + AGENT_STOP_TIMEOUT_MIN);
    if let Ok(keyring) = Keyring::open(home)
        && let Err(error) = keyring.stop_by(deadline)
    {
        crate::warn!("GPG's agent was not stopped: {error}");
    }
}

/// Warns where the limits in force, which a unit may set otherwise, have less room than configured.
fn check_room(config: &WorkerConfig) -> Option<String> {
    let clients = config.limits.max_connections;
    start::raise_descriptors(clients);
    let allowed = ProcessLimits::read();
    let budget = ConnectionBudget::of(&config.limits, config.tls.is_some(), &allowed);
    let room = budget.connections;
    budget.bound.map(|why| {
        format!(
            "limits.max_connections is {clients}, and started from here there would be room for \
             {room} clients: {why}"
        )
    })
}

fn start(config: &WorkerConfig) -> Result<WorkerService, StartError> {
    let identity = identity(config)?;
    start::raise_descriptors(config.limits.max_connections);
    // Threads have the policy of those that start them. GPG has it, too.
    if let Err(why) = run_in_batch() {
        crate::debug!("the scheduling policy stays as it is: {why}");
    }
    let watchdog = Watchdog::new();
    let (tell, failures) = bounded(1);
    let connect = connect_with(config, identity.clone(), tell);
    let mut worker = Worker::start(config, connect, &watchdog)?;
    worker.watch_keys(&identity)?;
    Ok(WorkerService {
        worker,
        watchdog,
        gpg_home: config.gpg.home.clone(),
        failures,
    })
}

fn serve(
    worker: &Worker,
    failures: &Receiver<String>,
    context: &ServiceContext<'_, WorkerConfig>,
) -> Result<(), StartError> {
    let mut current = context.config.clone();
    let mut status = ServiceStatus::new(masters(&current));
    let looks = tick(LOOK_INTERVAL);
    let mut is_ready = false;
    loop {
        status.look(worker.gauges(), Timestamp::now());
        if let Some(line) = status.news() {
            daemon::notify_status(line);
        }
        select! {
            recv(failures) -> why => if let Ok(why) = why {
                status.note_failure(why);
            },
            recv(worker.state()) -> state => {
                status.door = match state {
                    Ok(PortState::Open(address)) => Door::Open(address),
                    Ok(PortState::Closed) => Door::Booted,
                    Ok(PortState::Failed(text)) => return Err(StartError::failed(text)),
                    Err(_) => return Ok(()),
                };
                is_ready |= status.door != Door::Booted;
                status.look(worker.gauges(), Timestamp::now());
                daemon::notify_ready(&status.line());
            },
            recv(context.signals.hangups) -> _ => {
                daemon::notify_reloading();
                let is_taken = reload::reload::<WorkerService>(worker, context, &mut current);
                status.is_reload_refused = !is_taken;
                if is_ready {
                    daemon::notify_ready(&status.line());
                }
            }
            recv(looks) -> _ => {}
            recv(context.stop.receiver()) -> _ => return Ok(()),
        }
    }
}
