//! spec/master.md · 3.1 Master Server
//!
//! A running master: serves until the stop signal, then stops its threads from the top of the channel graph down.
//! `start` makes it.

pub mod acceptor;
pub mod account_queries;
pub mod admin;
pub mod asset_queries;
pub mod assets;
pub mod auth;
pub mod link_session;
pub mod messages;
pub mod reload;
pub mod reply_to;
pub mod restore;
pub mod router;
pub mod start;
pub mod storage;
pub mod transactions;
pub mod verify;
pub mod workers;

use crate::config::MasterConfig;
use crate::daemon::{self, Signals};
use crate::net::Listener;
use crate::runtime::log::LogHandle;
use crate::runtime::{Stop, ThreadGroup, Watchdog};
use acceptor::MasterAcceptor;
use admin::AdminServer;
use crossbeam_channel::select;
use messages::MasterChannels;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::StorageLock;

/// How long an administrator's command may take to notice that the master stops.
const ADMIN_STOP_TIMEOUT: Duration = Duration::from_secs(1);

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
    group: ThreadGroup,
    _lock: StorageLock,
}

impl Master {
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
        let url = config.database.clone();
        let _watchdog = daemon::watchdog(&self.stop, &self.watchdog, move || storage::answers(&url))?;
        let means = admin::AdminChannels {
            inboxes: self.inboxes.clone(),
            keyring: self.acceptor.links.identity.keyring().clone(),
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
        let late = self.group.join(deadline);
        if let Err(error) = self.acceptor.links.identity.keyring().stop() {
            crate::warn!("GPG's agent was not stopped: {error}");
        }
        late
    }
}
