//! spec/master/admin.md · 3.1.5 Worker Management (print, retrieve, boot off while running), 3.1.3, 3.1.4
//!
//! The administrator's way into a running master: a Unix socket, and requests answered by asking the
//! modules. It owns no table and no state of the market; what it changes, it has the module change.

mod connection;
mod maintenance;
mod sessions;
mod socket;
mod workers;

use super::assets::budget::CallBudgetStatus;
use super::messages::{AssetsMessage, AuthMessage, MasterChannels, TransactionsMessage};
use super::storage::Interrupter;
use crate::admin::model::{
    CallsStatus, EventCount, FlushSummary, LogLine, LogTail, MasterStatus, PricesStatus, ProviderFailure,
};
use crate::admin::protocol::{AdminAnswer, AdminRequest, ROWS_MAX};
use crate::config::DatabaseUrl;
use crate::link::keyring::Keyring;
use crate::model::Timestamp;
use crate::runtime::log::{self, LogHandle};
use crate::runtime::{self, Stop, ThreadHandle};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use socket::ControlSocket;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Administrators at the same time.
pub const CONNECTIONS_MAX: usize = 16;
/// A module answers within this long, or is said to hang.
const MODULE_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of log entries in one answer.
const LOG_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the administrator's requests are answered with.
#[derive(Clone)]
pub struct AdminChannels {
    /// Ways into the modules.
    pub inboxes: MasterChannels,
    /// The master's GPG home, where workers' keys go.
    pub keyring: Keyring,
    /// The log.
    pub log: LogHandle,
    /// Where the database is.
    pub database: DatabaseUrl,
    /// Where workers link.
    pub listen: SocketAddr,
    /// Workers that the configuration expects.
    pub expected_workers: usize,
}

/// The running control.
pub struct AdminServer {
    shared: Arc<AdminShared>,
    thread: ThreadHandle,
}

/// What all conversations share.
struct AdminShared {
    means: AdminChannels,
    socket: ControlSocket,
    since: Timestamp,
    began: Instant,
    stop: Stop,
    open: AtomicUsize,
    /// Commands under way.
    working: AtomicUsize,
    /// One at a time: each reads the whole database.
    upkeep: Mutex<()>,
    /// One at a time: the keyring and the registry change together.
    registering: Mutex<()>,
}

/// Tells a long command that nobody waits for it any more.
#[derive(Default)]
struct CancelToken {
    cancelled: AtomicBool,
    reading: Mutex<Option<Interrupter>>,
}

impl CancelToken {
    /// From now on: also breaks off what the database is at.
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        if let Some(reading) = &*self.reading.lock() {
            reading.interrupt();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    fn breaks_off(&self, reading: Interrupter) {
        *self.reading.lock() = Some(reading);
    }
}

impl AdminServer {
    /// Listens at `path`, which belongs to `group` where there is one of that name.
    ///
    /// # Errors
    /// Another process listens there, what stands there is no socket, or the system refuses; with the path.
    pub fn start(path: PathBuf, group: &str, means: AdminChannels, stop: &Stop) -> io::Result<AdminServer> {
        let socket = ControlSocket::bind(path, group)?;
        let shared = Arc::new(AdminShared {
            means,
            socket,
            since: Timestamp::now(),
            began: Instant::now(),
            stop: stop.clone(),
            open: AtomicUsize::new(0),
            working: AtomicUsize::new(0),
            upkeep: Mutex::new(()),
            registering: Mutex::new(()),
        });
        let accepting = Arc::clone(&shared);
        let thread = runtime::spawn("control", move || accepting.run())?;
        Ok(AdminServer { shared, thread })
    }

    /// Stops listening, removes the socket, and waits for commands under way until `deadline`; whether all of
    /// them have ended. The stop signal must have been given.
    pub fn stop(self, deadline: Instant) -> bool {
        self.shared.socket.close();
        let ended = self.thread.join(deadline);
        while self.shared.working.load(Ordering::SeqCst) > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        ended
    }
}

impl AdminShared {
    fn run(self: &Arc<Self>) {
        self.socket.accept_each(&self.stop, |stream| {
            if self.open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
                self.open.fetch_sub(1, Ordering::SeqCst);
                connection::turn_away(stream);
                return;
            }
            let shared = Arc::clone(self);
            let spawned = runtime::spawn("administrator", move || {
                connection::hold(&shared, stream);
                shared.open.fetch_sub(1, Ordering::SeqCst);
            });
            if let Err(error) = spawned {
                self.open.fetch_sub(1, Ordering::SeqCst);
                crate::error!("no thread for an administrator: {error}");
            }
        });
    }

    /// Answers one request; the error says why not, and what to do.
    fn answer(&self, request: AdminRequest, cancel: &CancelToken) -> Result<AdminAnswer, String> {
        match request {
            AdminRequest::Status => self.status().map(|status| AdminAnswer::Status(Box::new(status))),
            AdminRequest::WorkersList => workers::list(self),
            AdminRequest::WorkersShow { name } => workers::show(self, &name),
            AdminRequest::WorkersRegister {
                name,
                key,
                ip,
                address,
            } => workers::register(self, name, &key, ip, address),
            AdminRequest::WorkersUnregister { name } => workers::unregister(self, name),
            AdminRequest::WorkersBoot { name } => workers::boot(self, name),
            AdminRequest::WorkersAdmit { name } => workers::admit(self, name),
            AdminRequest::SessionsList { user } => sessions::list(self, user),
            AdminRequest::SessionsEnd(which) => sessions::end(self, which),
            AdminRequest::Verify => maintenance::verify(self, cancel),
            AdminRequest::Backup { file } => maintenance::backup(self, file, cancel),
            AdminRequest::LogTail { entries } => Ok(AdminAnswer::Log(self.tail(entries))),
            AdminRequest::LogFlush => self.flush(),
        }
    }

    fn status(&self) -> Result<MasterStatus, String> {
        let inboxes = &self.means.inboxes;
        let queue = ask("transactions", &inboxes.transactions, TransactionsMessage::Status)?;
        let accounts = ask("auth", &inboxes.auth, AuthMessage::Status)?;
        let prices = ask("assets", inboxes.assets.sender(), |reply| AssetsMessage::Status {
            reply,
        })?;
        let mut refused_links: Vec<EventCount> = inboxes
            .refusals
            .lock()
            .iter()
            .map(|(reason, count)| EventCount {
                reason: reason.clone(),
                count: *count,
            })
            .collect();
        refused_links.sort_by(|a, b| a.reason.cmp(&b.reason));
        let mut status = MasterStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since.to_string(),
            uptime_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            listen: self.means.listen.to_string(),
            queue_depth: count(queue.queued),
            last_place: queue.last_number,
            last_settled: count(queue.last_settled),
            last_settlement_us: queue.last_micros,
            update: prices.number,
            last_update: prices.published.to_string(),
            next_update: prices.next.map(|next| next.to_string()),
            workers_connected: inboxes.shared.peers.load().len(),
            workers_registered: inboxes.shared.registry.load().all().count(),
            workers_expected: self.means.expected_workers,
            accounts: accounts.accounts,
            sessions: accounts.sessions,
            inactive_sessions: accounts.inactive,
            assets: PricesStatus {
                listed: prices.assets,
                priced: prices.priced,
                fresh: prices.fresh,
                served_by: prices.served.iter().map(|name| (*name).to_owned()).collect(),
                failures: prices
                    .failures
                    .into_iter()
                    .map(|(provider, reason)| ProviderFailure { provider, reason })
                    .collect(),
                refused: prices.refused,
                missed: prices.missed,
                calls: prices.calls.into_iter().map(calls).collect(),
                unfilled: prices.unfilled,
            },
            refused_links,
            log_lost: self.means.log.lost(),
            warnings: Vec::new(),
        };
        status.warnings = warnings(&status);
        Ok(status)
    }

    fn tail(&self, entries: usize) -> LogTail {
        let mut tail = self.means.log.tail(entries.min(ROWS_MAX));
        let mut room = LOG_BYTES_MAX;
        let kept = tail
            .iter()
            .rev()
            .take_while(|entry| {
                let size = entry.message.len() + 256;
                room.checked_sub(size).map(|left| room = left).is_some()
            })
            .count();
        tail.drain(..tail.len() - kept);
        LogTail {
            entries: tail.iter().map(entry).collect(),
        }
    }

    fn flush(&self) -> Result<AdminAnswer, String> {
        self.means
            .log
            .flush()
            .map_err(|error| format!("the log could not be written: {error}"))?;
        let lost = self.means.log.lost();
        Ok(AdminAnswer::Flushed(FlushSummary { lost }))
    }
}

fn entry(entry: &log::LogEntry) -> LogLine {
    let line = entry.to_string();
    // The line begins with date and time.
    let at = line.splitn(3, ' ').take(2).collect::<Vec<_>>().join("T") + "Z";
    LogLine {
        at,
        level: entry.level.as_str().to_ascii_lowercase(),
        filename: entry.filename.to_string(),
        funcname: entry.funcname.to_string(),
        linenum: entry.linenum,
        message: entry.message.clone(),
        line,
    }
}

fn warnings(status: &MasterStatus) -> Vec<String> {
    let mut warnings = Vec::new();
    if status.workers_connected < status.workers_expected {
        warnings.push(format!(
            "{} of {} expected workers are connected; see `papertraderctl workers list`",
            status.workers_connected, status.workers_expected
        ));
    }
    for failure in &status.assets.failures {
        warnings.push(format!("provider {}: {}", failure.provider, failure.reason));
    }
    if status.next_update.is_none() {
        warnings.push("the replay has ended: no update follows, and orders are refused".to_owned());
    }
    if status.log_lost > 0 {
        warnings.push(format!(
            "{} entries of the log were lost because its file could not be written",
            status.log_lost
        ));
    }
    warnings
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// Asks a module, and waits for its answer.
fn ask<M, T>(name: &str, inbox: &Sender<M>, message: impl FnOnce(Sender<T>) -> M) -> Result<T, String> {
    let (reply, answer): (Sender<T>, Receiver<T>) = bounded(1);
    let deadline = Instant::now() + MODULE_TIMEOUT;
    inbox
        .send_deadline(message(reply), deadline)
        .map_err(|_| hangs(name))?;
    answer.recv_deadline(deadline).map_err(|_| hangs(name))
}

fn hangs(name: &str) -> String {
    format!(
        "the master's module {name} did not answer within {} s; see its log",
        MODULE_TIMEOUT.as_secs()
    )
}

/// An API's budget, as the administrator sees it.
fn calls((provider, account): (&'static str, CallBudgetStatus)) -> CallsStatus {
    CallsStatus {
        provider: provider.to_owned(),
        minute: account.minute,
        per_minute: account.per_minute,
        day: account.day,
        per_day: account.per_day,
    }
}
