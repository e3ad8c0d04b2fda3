//! spec/master/admin.md · 3.1.5 (the administrator's alone)
//!
//! The control socket of a master that stands by: it says so, and who leads.
//!
//! Tests: `tests/suite/master/standby.rs`.

use super::connection::{RequestEnd, read_line, refuse};
use super::send::send;
use super::socket::ControlSocket;
use super::{CONNECTIONS_MAX, flushed, log_tail, metrics};
use crate::admin::model::StandbyStatus;
use crate::admin::protocol::{AdminAnswer, AdminRequest, AdminResponse};
use crate::daemon::metrics::WriteMetrics;
use crate::master::storage::LeaseHolder;
use crate::model::Timestamp;
use crate::runtime::log::LogHandle;
use crate::runtime::metrics::MetricsText;
use crate::runtime::published::Published;
use crate::runtime::{self, Stop, ThreadHandle, Watchdog};
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What is known of the master that leads.
#[derive(Debug, Clone)]
pub struct StandbyState {
    listen: SocketAddr,
    since: Timestamp,
    leader: Option<LeaseHolder>,
    /// Why it is not known who leads.
    problem: Option<String>,
}

impl StandbyState {
    /// That of a standby from now on, which knows nothing yet.
    pub fn new(listen: SocketAddr) -> StandbyState {
        StandbyState {
            listen,
            since: Timestamp::now(),
            leader: None,
            problem: None,
        }
    }

    /// The same, with who leads, or why that is not known.
    pub fn with(&self, leader: Result<LeaseHolder, String>) -> StandbyState {
        let (leader, problem) = match leader {
            Ok(leader) => (Some(leader), None),
            Err(problem) => (self.leader.clone(), Some(problem)),
        };
        StandbyState {
            leader,
            problem,
            ..self.clone()
        }
    }

    fn leader(&self) -> &str {
        self.leader.as_ref().map_or("?", |it| it.name.as_str())
    }

    /// What `systemctl status` shows.
    pub fn line(&self) -> String {
        match &self.problem {
            None => format!("standing by: {} leads", self.leader()),
            Some(why) => format!("standing by; it cannot be seen who leads: {why}"),
        }
    }

    fn status(&self) -> StandbyStatus {
        StandbyStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since.to_string(),
            listen: self.listen.to_string(),
            leader: self.leader().to_owned(),
            problem: self.problem.clone(),
        }
    }
}

/// The control socket, with its thread.
pub struct StandbyControl {
    shared: Arc<StandbyShared>,
    thread: ThreadHandle,
}

struct StandbyShared {
    socket: ControlSocket,
    state: Arc<Published<StandbyState>>,
    log: LogHandle,
    metrics: WriteMetrics,
    stop: Stop,
    open: AtomicUsize,
}

impl StandbyControl {
    /// Listens at `path`, as a master that leads does. `watchdog` has the heartbeats that its metrics
    /// tell.
    ///
    /// # Errors
    /// As there.
    pub fn start(
        path: PathBuf,
        group: &str,
        (state, log): (Arc<Published<StandbyState>>, LogHandle),
        (watchdog, stop): (&Watchdog, &Stop),
    ) -> io::Result<StandbyControl> {
        let (beats, lost) = (watchdog.clone(), log.clone());
        let write = move |out: &mut MetricsText| metrics::write_standby(&beats, lost.lost(), out);
        let shared = Arc::new(StandbyShared {
            socket: ControlSocket::bind(path, group)?,
            state,
            log,
            metrics: Arc::new(write),
            stop: stop.clone(),
            open: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&shared);
        let thread = runtime::spawn("control", move || accepting.run())?;
        Ok(StandbyControl { shared, thread })
    }

    /// What writes the metrics of this master.
    pub fn metrics(&self) -> WriteMetrics {
        Arc::clone(&self.shared.metrics)
    }

    /// Closes the socket and removes its file. Call it after the stop signal.
    pub fn stop(self, deadline: Instant) {
        self.shared.socket.close();
        self.thread.join(deadline);
    }
}

impl StandbyShared {
    fn run(self: &Arc<Self>) {
        self.socket.accept_each(&self.stop, |stream| {
            if self.open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
                self.open.fetch_sub(1, Ordering::SeqCst);
                refuse(stream);
                return;
            }
            let shared = Arc::clone(self);
            let spawned = runtime::spawn("administrator", move || {
                shared.serve(stream);
                shared.open.fetch_sub(1, Ordering::SeqCst);
            });
            if let Err(error) = spawned {
                self.open.fetch_sub(1, Ordering::SeqCst);
                crate::error!("no thread for an administrator: {error}");
            }
        });
    }

    /// Serves a connection until it closes.
    fn serve(&self, mut stream: UnixStream) {
        let mut received = Vec::new();
        loop {
            let line = match read_line(&mut stream, &mut received, &self.stop) {
                Ok(line) => line,
                Err(RequestEnd::Quiet | RequestEnd::TooLong) => return,
            };
            let response = match serde_json::from_slice(&line) {
                Ok(request) => self
                    .answer(&request)
                    .map_or_else(AdminResponse::Refused, AdminResponse::Done),
                Err(error) => AdminResponse::Refused(format!(
                    "this is no request of version {}: {error}",
                    env!("CARGO_PKG_VERSION")
                )),
            };
            if send(&mut stream, &response).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &AdminRequest) -> Result<AdminAnswer, String> {
        let state = self.state.load();
        match request {
            AdminRequest::Status => Ok(AdminAnswer::StandingBy(state.status())),
            AdminRequest::Metrics => {
                let mut out = MetricsText::new();
                (self.metrics)(&mut out);
                Ok(AdminAnswer::Metrics(out.into_string()))
            }
            AdminRequest::LogTail { entries } => {
                Ok(AdminAnswer::Log(log_tail(&self.log, *entries)))
            }
            AdminRequest::LogFlush => flushed(&self.log),
            _ => Err(format!(
                "this master stands by: ask the one that leads, {}",
                state.leader()
            )),
        }
    }
}
