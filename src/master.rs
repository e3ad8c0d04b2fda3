//! spec/master.md · 3.1 Master Server, 2.1.7
//!
//! A running master. It serves until the stop signal, and then stops its threads from the top of
//! the channel graph down. `start` starts it.

pub mod acceptor;
pub mod account_queries;
pub mod admin;
pub mod asset_queries;
pub mod assets;
pub mod auth;
mod keys;
pub mod link_session;
pub mod mail;
pub mod messages;
pub mod migrate_store;
pub mod order_watchers;
pub mod reload;
pub mod reply_to;
pub mod restore;
pub mod router;
pub mod standby;
pub mod start;
pub mod storage;
#[cfg(test)]
pub(crate) mod testing;
pub mod third_party;
pub mod transactions;
pub mod verify;
pub mod workers;

use crate::config::{ConfigError, MasterConfig, Warning};
use crate::daemon::cli::{MasterCli, MasterCommand};
use crate::daemon::metrics::{METRICS_STOP_TIMEOUT, MetricsServer};
use crate::daemon::reload::{FILE_LOOK_INTERVAL, FileState};
use crate::daemon::root::NamedPath;
use crate::daemon::run::{ServeEnd, Service, ServiceContext};
use crate::daemon::{self, EndReason, StartError, StartWatch};
use crate::net::Listener;
use crate::runtime::log::LogConfig;
use crate::runtime::{ThreadGroup, Watchdog};
use acceptor::MasterAcceptor;
use admin::{AdminChannels, AdminServer, BackupRecord, ServerWatch};
use crossbeam_channel::{Receiver, Sender, bounded, select, tick};
use messages::MasterChannels;
use standby::StandbyRemains;
use standby::lease::DatabaseHold;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::process_lock::ProcessLock;

/// An administrator's command ends within this time after the stop signal.
const ADMIN_STOP_TIMEOUT: Duration = Duration::from_secs(1);
/// GPG's agent has this time to end, even where the threads took all of theirs.
const AGENT_STOP_TIMEOUT_MIN: Duration = Duration::from_millis(300);

/// A part of the status after a reload that was refused.
const RELOAD_REFUSED: &str = "; the configuration of the last reload was refused, see the log";
/// How often the master looks whether orders are refused, for the status.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// The answer to who asks this master to step down has this time before it stops.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(100);
/// A module must answer then within this time.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);

/// What `systemctl status` shows of a master that serves; `refusal` is why orders are refused.
fn status_line(is_reload_taken: bool, refusal: Option<&str>) -> String {
    let refusal = refusal.map_or(String::new(), |why| format!("; {why}"));
    let reload = if is_reload_taken { "" } else { RELOAD_REFUSED };
    format!("serving{refusal}{reload}")
}

/// A running master.
#[derive(Debug)]
pub struct Master {
    /// The address of the listening socket, with the port that the system chose for port 0.
    pub address: SocketAddr,
    pub inboxes: MasterChannels,
    pub watchdog: Watchdog,
    listener: Arc<Listener>,
    acceptor: Arc<MasterAcceptor>,
    group: ThreadGroup,
    server: Arc<ServerWatch>,
    hold: DatabaseHold,
    /// What it brings from the time when it stood by.
    before: Option<StandbyRemains>,
    /// Pings systemd's watchdog, and bounds the start, until it serves.
    watch: StartWatch,
    _process: Option<ProcessLock>,
}

impl Service for Master {
    const PROGRAM: &'static str = "papertrader-master";
    const NAME: &'static str = "master";
    const USER: &'static str = "papertrader";
    type Cli = MasterCli;
    type Config = MasterConfig;

    fn command(cli: &MasterCli) -> Option<u8> {
        let MasterCommand::MigrateStore(arguments) = cli.command.as_ref()?;
        Some(migrate_store::run(arguments))
    }

    fn load(file: &Path) -> Result<(MasterConfig, Vec<Warning>), ConfigError> {
        MasterConfig::load(file)
    }

    fn log_config(config: &MasterConfig) -> &LogConfig {
        &config.log
    }

    fn allows_root(config: &MasterConfig) -> bool {
        config.allow_root
    }

    fn written_paths(config: &MasterConfig) -> Vec<NamedPath<'_>> {
        let named = |key, path| NamedPath { key, path };
        let mut paths = vec![
            named("gpg.home", config.gpg.home.as_path()),
            named("data_dir", &config.data_dir),
            named("control_socket", &config.control_socket),
        ];
        let file = config.database.file();
        paths.extend(file.map(|file| named("database.url", file)));
        paths.extend(config.log.written_file().map(|it| named("log.file", it)));
        paths
    }

    fn summary(config: &MasterConfig) -> String {
        format!(
            "schema {}, listen {}, control socket {}",
            storage::known_schema(),
            config.listen,
            config.control_socket.display()
        )
    }

    fn check_existing(config: &MasterConfig) -> Result<(), StartError> {
        start::check_existing(config)
    }

    fn check(config: &MasterConfig) -> Result<Vec<String>, StartError> {
        start::check(config)
    }

    /// The market's files are read at a start alone, and a large market takes minutes: they are
    /// checked where `[assets]` has changed.
    fn check_again(
        config: &MasterConfig,
        current: &MasterConfig,
    ) -> Result<Vec<String>, StartError> {
        start::check_again(config, current)
    }

    fn start(
        context: &ServiceContext<'_, MasterConfig>,
        reason: &EndReason,
    ) -> Result<Option<Master>, StartError> {
        start::start(context, reason)
    }

    /// Opens the control socket, notifies systemd, pings its watchdog, and reloads the
    /// configuration on SIGHUP.
    fn serve(&self, context: &ServiceContext<'_, MasterConfig>) -> Result<ServeEnd, StartError> {
        let config = context.config;
        let url = config.database.clone();
        let _watchdog =
            daemon::watchdog(context.stop, &self.watchdog, move || storage::answers(&url))?;
        self.watch.end();
        let wants_reload = self.before.as_ref().is_some_and(|it| it.wants_reload);
        let (step_down, steps_down) = bounded(1);
        let channels = self.admin_channels(context, step_down);
        let file = Arc::clone(&channels.file);
        let socket = config.control_socket.clone();
        let control = AdminServer::start(socket, &config.control_group, channels, context.stop)?;
        let metrics = config
            .metrics
            .map(|it| MetricsServer::start(it.listen, control.metrics(), context.stop))
            .transpose()?;
        crate::info!("the master serves at {}", self.address);
        daemon::notify_ready("serving");
        let mut serving = Serving {
            master: self,
            context,
            control: &control,
            file,
            current: config.clone(),
            is_reload_taken: true,
            refusal: None,
        };
        if wants_reload {
            serving.reload();
        }
        let end = serving.run(&steps_down);
        if end == ServeEnd::Stopped {
            daemon::notify_stopping();
        }
        if let Some(metrics) = metrics {
            metrics.stop(Instant::now() + METRICS_STOP_TIMEOUT);
        }
        if !control.stop(Instant::now() + ADMIN_STOP_TIMEOUT) {
            crate::warn!("a command of an administrator did not end in time");
        }
        Ok(end)
    }

    /// Closes the port, sends clients `shutting-down`, and joins the threads from the top of the
    /// channel graph down.
    fn stop(self, deadline: Instant) -> Vec<String> {
        self.listener.close();
        self.acceptor.close();
        let late = self.group.join(deadline);
        // Another master may lead from now on.
        drop(self.hold);
        let deadline = deadline.max(Instant::now() + AGENT_STOP_TIMEOUT_MIN);
        if let Err(error) = self.acceptor.links.identity.keyring().stop_by(deadline) {
            crate::warn!("GPG's agent was not stopped: {error}");
        }
        late
    }
}

impl Master {
    /// What the control socket needs of this master; `step_down` has it step down.
    fn admin_channels(
        &self,
        context: &ServiceContext<'_, MasterConfig>,
        step_down: Sender<()>,
    ) -> AdminChannels {
        let config = context.config;
        AdminChannels {
            inboxes: self.inboxes.clone(),
            keyring: self.acceptor.links.identity.keyring().clone(),
            key: self.acceptor.links.identity.fingerprint(),
            log: context.log.clone(),
            database: config.database.clone(),
            listen: self.address,
            deployment: config.name.clone(),
            watchdog: self.watchdog.clone(),
            limiter: Arc::clone(&self.acceptor.limiter),
            flusher: Arc::clone(&self.acceptor.links.flusher),
            server: Arc::clone(&self.server),
            backups: Arc::new(BackupRecord::open(&config.database, config.backup_warning)),
            file: Arc::default(),
            lease: self.hold.lease(),
            step_down,
        }
    }
}

/// A master that serves, and what its status says.
struct Serving<'a> {
    master: &'a Master,
    context: &'a ServiceContext<'a, MasterConfig>,
    control: &'a AdminServer,
    file: Arc<FileState>,
    /// The configuration in force.
    current: MasterConfig,
    is_reload_taken: bool,
    /// Why orders are refused.
    refusal: Option<String>,
}

impl Serving<'_> {
    /// Waits for what ends it, and meanwhile reloads the configuration and keeps the status.
    fn run(&mut self, steps_down: &Receiver<()>) -> ServeEnd {
        let stop = self.context.stop;
        let (looks, orders) = (tick(FILE_LOOK_INTERVAL), tick(LOOK_INTERVAL));
        loop {
            select! {
                recv(self.context.signals.hangups) -> _ => {
                    daemon::notify_reloading();
                    self.reload();
                    daemon::notify_ready(&self.status_line());
                }
                recv(orders) -> _ => {
                    // A module that does not answer is the watchdog's.
                    if let Ok(now) = self.control.refusal(LOOK_TIMEOUT)
                        && now != self.refusal
                    {
                        self.refusal = now;
                        daemon::notify_status(&self.status_line());
                    }
                }
                recv(looks) -> _ => self.file.look::<Master>(self.context, &self.current),
                recv(steps_down) -> _ => {
                    // Who asked has the answer meanwhile.
                    if stop.wait(ANSWER_TIMEOUT) {
                        return ServeEnd::Stopped;
                    }
                    daemon::notify_status("stepping down");
                    stop.request();
                    return ServeEnd::StartAgain;
                }
                recv(stop.receiver()) -> _ => return ServeEnd::Stopped,
            }
        }
    }

    fn reload(&mut self) {
        let (master, context) = (self.master, self.context);
        self.is_reload_taken = reload::reload(master, context, &mut self.current, &self.file);
        self.file.note_reload(self.is_reload_taken);
    }

    fn status_line(&self) -> String {
        status_line(self.is_reload_taken, self.refusal.as_deref())
    }
}
