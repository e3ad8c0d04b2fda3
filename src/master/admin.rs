//! spec/master/admin.md · 3.1.5 Worker Management (print, retrieve, boot off while running), 3.1.3, 3.1.4
//!
//! The control socket of a running master: answers administrators' requests by sending messages to
//! the modules. It owns no table; the module that owns some data changes it.
//!
//! Tests: `tests/suite/master/admin.rs`.

mod accounts;
mod backup;
mod backup_record;
mod caller;
mod connection;
mod maintenance;
mod market;
mod metrics;
mod orders;
mod send;
mod server_watch;
mod sessions;
mod socket;
mod standby;
mod status;
mod warnings;
mod workers;

use super::messages::{AdminAct, MasterChannels};
use super::standby::lease::LeaseView;
use super::storage::Interrupter;
use crate::admin::model::{FlushSummary, LogLine, LogTail};
use crate::admin::protocol::{AdminAnswer, AdminRequest, ROWS_MAX};
use crate::config::DatabaseUrl;
use crate::daemon::metrics::WriteMetrics;
use crate::daemon::reload::FileState;
use crate::link::keyring::Keyring;
use crate::model::Fingerprint;
use crate::net::{ConnectionLimiter, Flusher};
use crate::runtime::log::{self, LogHandle};
use crate::runtime::{self, Stop, ThreadHandle, Watchdog};
pub use backup_record::BackupRecord;
use caller::AdminCaller;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
pub use server_watch::ServerWatch;
use socket::ControlSocket;
pub use standby::{StandbyControl, StandbyState};
use status::StatusSource;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Most open connections of administrators.
pub const CONNECTIONS_MAX: usize = 16;
/// A module that has not answered within this time is reported as hanging.
const MODULE_TIMEOUT: Duration = Duration::from_secs(15);
/// The same where the answer follows an update that is under way, with its settlement.
const SETTLEMENT_TIMEOUT: Duration = Duration::from_secs(120);
/// Most bytes of log entries in one answer.
const LOG_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the control socket holds of the rest of the master.
#[derive(Clone)]
pub struct AdminChannels {
    pub inboxes: MasterChannels,
    /// The master's GPG home, which holds the workers' keys.
    pub keyring: Keyring,
    /// The master's own key in it.
    pub key: Fingerprint,
    pub log: LogHandle,
    pub database: DatabaseUrl,
    /// The address of the master's port.
    pub listen: SocketAddr,
    /// The deployment's name.
    pub deployment: String,
    /// The heartbeats of the modules.
    pub watchdog: Watchdog,
    /// The places on the master's port, and what its connections hold.
    pub limiter: Arc<ConnectionLimiter>,
    pub flusher: Arc<Flusher>,
    /// What the database's server may lose.
    pub server: Arc<ServerWatch>,
    /// When the newest backup was made.
    pub backups: Arc<BackupRecord>,
    /// What is wrong with the file of the configuration.
    pub file: Arc<FileState>,
    /// Whoever may take this master's place; `None` where the database is a file.
    pub lease: Option<LeaseView>,
    /// Has the master step down.
    pub step_down: Sender<()>,
}

/// The thread that accepts administrators.
pub struct AdminServer {
    shared: Arc<AdminShared>,
    thread: ThreadHandle,
}

/// The state that all connections share.
struct AdminShared {
    channels: AdminChannels,
    status: Arc<StatusSource>,
    socket: ControlSocket,
    stop: Stop,
    open: AtomicUsize,
    /// Commands that run.
    working: AtomicUsize,
    /// Held by verify and backup: each reads the whole database, so one runs at a time.
    maintenance: Mutex<()>,
    /// Held while the keyring and the registry change together.
    registering: Mutex<()>,
}

/// Cancels a long command when its client has gone or the master stops.
#[derive(Default)]
struct CancelToken {
    cancelled: AtomicBool,
    reading: Mutex<Option<Interrupter>>,
}

impl CancelToken {
    /// Cancels the command, and interrupts its running SQL statement.
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        if let Some(reading) = &*self.reading.lock() {
            reading.interrupt();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// The reader to interrupt on `cancel`.
    fn interrupts(&self, reading: Interrupter) {
        *self.reading.lock() = Some(reading);
    }
}

impl AdminServer {
    /// Listens at `path`. The socket belongs to `group` if the system knows it.
    ///
    /// # Errors
    /// Another process listens at `path`, a file that is no socket is there, or the system refuses.
    /// The text names the path.
    pub fn start(
        path: PathBuf,
        group: &str,
        channels: AdminChannels,
        stop: &Stop,
    ) -> io::Result<AdminServer> {
        let socket = ControlSocket::bind(path, group)?;
        let shared = Arc::new(AdminShared {
            status: Arc::new(StatusSource::new(channels.clone())),
            channels,
            socket,
            stop: stop.clone(),
            open: AtomicUsize::new(0),
            working: AtomicUsize::new(0),
            maintenance: Mutex::new(()),
            registering: Mutex::new(()),
        });
        let accepting = Arc::clone(&shared);
        let thread = runtime::spawn("control", move || accepting.run())?;
        Ok(AdminServer { shared, thread })
    }

    /// What writes the master's metrics.
    pub fn metrics(&self) -> WriteMetrics {
        let status = Arc::clone(&self.shared.status);
        Arc::new(move |out| metrics::write(&status, out))
    }

    /// Why orders are refused, if they are. The modules have `timeout` to answer, all together.
    ///
    /// # Errors
    /// A module does not answer; the text names it.
    pub fn refusal(&self, timeout: Duration) -> Result<Option<String>, String> {
        self.shared.status.refusal(timeout)
    }

    /// Closes the socket, removes its file, and waits for running commands until `deadline`.
    /// Returns whether all of them ended. Call it after the stop signal.
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
                connection::refuse(stream);
                return;
            }
            let shared = Arc::clone(self);
            let spawned = runtime::spawn("administrator", move || {
                connection::serve(&shared, stream);
                shared.open.fetch_sub(1, Ordering::SeqCst);
            });
            if let Err(error) = spawned {
                self.open.fetch_sub(1, Ordering::SeqCst);
                crate::error!("no thread for an administrator: {error}");
            }
        });
    }

    /// Answers one request, and logs whose process asked for a change of workers. Other changes
    /// are logged where they are made, with what came of them.
    ///
    /// # Errors
    /// The reason, with what to do.
    fn answer(
        &self,
        request: AdminRequest,
        caller: AdminCaller,
        cancel: &CancelToken,
    ) -> Result<AdminAnswer, String> {
        let asked = request.clone();
        let answer = self.dispatch(request, caller, cancel)?;
        log_act(&asked, caller);
        Ok(answer)
    }

    /// Hands a request to what answers it.
    ///
    /// # Errors
    /// The reason, with what to do.
    fn dispatch(
        &self,
        request: AdminRequest,
        caller: AdminCaller,
        cancel: &CancelToken,
    ) -> Result<AdminAnswer, String> {
        match request {
            AdminRequest::Status => self.status_answer(),
            AdminRequest::Metrics => Ok(AdminAnswer::Metrics(metrics::text(&self.status))),
            AdminRequest::WorkersList => workers::list(self),
            AdminRequest::WorkersShow { name } => workers::show(self, &name),
            AdminRequest::WorkersRegister {
                name,
                key,
                ip,
                address,
            } => workers::register(self, name, &key, ip, address),
            AdminRequest::WorkersSet {
                name,
                key,
                ip,
                address,
            } => workers::set(self, name, key.as_deref(), ip, address),
            AdminRequest::MasterKey => workers::master_key(self),
            AdminRequest::WorkersUnregister { name } => workers::unregister(self, name),
            AdminRequest::WorkersBoot { name } => workers::boot(self, name),
            AdminRequest::WorkersAdmit { name } => workers::admit(self, name),
            AdminRequest::SessionsList { user } => sessions::list(self, user),
            AdminRequest::SessionsEnd(which) => sessions::end(self, which, caller),
            AdminRequest::AccountsList { search } => accounts::list(self, search),
            AdminRequest::AccountsShow { name } => accounts::show(self, &name),
            AdminRequest::AccountsLock { name, locked } => {
                accounts::lock(self, &name, locked, caller)
            }
            AdminRequest::AccountsDelete { name } => accounts::delete(self, &name, caller),
            AdminRequest::AccountsImport {
                rows,
                valid_ms,
                check,
                again,
            } => accounts::import(self, rows, valid_ms, (check, again), caller),
            AdminRequest::AccountsReset { name, valid_ms } => {
                accounts::reset(self, name, valid_ms, caller)
            }
            AdminRequest::AccountsGrant {
                name,
                amount,
                reason,
            } => accounts::grant(self, &name, &amount, reason, caller),
            AdminRequest::AccountsRestart { name } => accounts::restart(self, &name, caller),
            AdminRequest::OrdersList {
                account,
                symbol,
                most,
            } => orders::list(self, account.as_deref(), symbol.as_deref(), most),
            AdminRequest::OrdersCancel(which) => orders::cancel(self, which, caller),
            AdminRequest::Verify => maintenance::verify(self, cancel),
            AdminRequest::Backup { .. } | AdminRequest::BackupSend => backup::refuse(),
            AdminRequest::BackupWritten(digest) => backup::note_written(self, digest),
            AdminRequest::MarketHeld => Ok(market::held(self)),
            AdminRequest::MarketReview { symbol, verdict } => {
                market::review(self, &symbol, verdict, caller)
            }
            AdminRequest::MarketPause { paused } => market::pause(self, paused, caller),
            AdminRequest::LogTail { entries } => {
                Ok(AdminAnswer::Log(log_tail(&self.channels.log, entries)))
            }
            AdminRequest::LogFlush => flushed(&self.channels.log),
            AdminRequest::StepDown => self.step_down(caller),
        }
    }

    fn status_answer(&self) -> Result<AdminAnswer, String> {
        let status = self.status.read(MODULE_TIMEOUT)?;
        Ok(AdminAnswer::Status(Box::new(status)))
    }

    /// Gives the lease to a master that stands by. The answer comes before this one stops.
    fn step_down(&self, caller: AdminCaller) -> Result<AdminAnswer, String> {
        let Some(lease) = &self.channels.lease else {
            return Err(
                "the database is a file, which no other master can take over: nothing was done"
                    .to_owned(),
            );
        };
        let successor = lease.choose_successor()?;
        crate::audit!("step down", successor = successor.name, by = caller);
        // A full channel holds the same.
        let _ = self.channels.step_down.try_send(());
        Ok(AdminAnswer::SteppingDown {
            successor: successor.name,
        })
    }
}

/// The newest entries of the log.
fn log_tail(log: &LogHandle, entries: usize) -> LogTail {
    let mut tail = log.tail(entries.min(ROWS_MAX));
    let mut bytes_left = LOG_BYTES_MAX;
    let kept = tail
        .iter()
        .rev()
        .take_while(|entry| {
            let size = entry.message.len() + 256;
            bytes_left
                .checked_sub(size)
                .map(|left| bytes_left = left)
                .is_some()
        })
        .count();
    tail.drain(..tail.len() - kept);
    LogTail {
        entries: tail.iter().map(entry).collect(),
    }
}

fn flushed(log: &LogHandle) -> Result<AdminAnswer, String> {
    log.flush()
        .map_err(|error| format!("the log could not be written: {error}"))?;
    let lost = log.lost();
    Ok(AdminAnswer::Flushed(FlushSummary { lost }))
}

/// Logs what a request has done to a worker. Other acts are logged where they are made.
fn log_act(request: &AdminRequest, caller: AdminCaller) {
    match request {
        AdminRequest::WorkersRegister {
            name, ip, address, ..
        } => {
            crate::audit!(
                "worker register",
                worker = name,
                ip = ip,
                address = address,
                by = caller,
            );
        }
        AdminRequest::WorkersSet {
            name,
            key,
            ip,
            address,
        } => {
            crate::audit!(
                "worker set",
                worker = name,
                ip = ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string()),
                address = address.as_deref().unwrap_or("-"),
                new_key = key.is_some(),
                by = caller,
            );
        }
        AdminRequest::WorkersUnregister { name } => {
            crate::audit!("worker unregister", worker = name, by = caller);
        }
        AdminRequest::WorkersBoot { name } => {
            crate::audit!("worker boot", worker = name, by = caller);
        }
        AdminRequest::WorkersAdmit { name } => {
            crate::audit!("worker admit", worker = name, by = caller);
        }
        AdminRequest::Status
        | AdminRequest::Metrics
        | AdminRequest::MasterKey
        | AdminRequest::WorkersList
        | AdminRequest::WorkersShow { .. }
        | AdminRequest::SessionsList { .. }
        | AdminRequest::SessionsEnd(_)
        | AdminRequest::AccountsList { .. }
        | AdminRequest::AccountsShow { .. }
        | AdminRequest::AccountsLock { .. }
        | AdminRequest::AccountsDelete { .. }
        | AdminRequest::AccountsImport { .. }
        | AdminRequest::AccountsReset { .. }
        | AdminRequest::AccountsGrant { .. }
        | AdminRequest::AccountsRestart { .. }
        | AdminRequest::OrdersList { .. }
        | AdminRequest::OrdersCancel(_)
        | AdminRequest::Verify
        | AdminRequest::Backup { .. }
        | AdminRequest::BackupSend
        | AdminRequest::BackupWritten(_)
        | AdminRequest::MarketHeld
        | AdminRequest::MarketReview { .. }
        | AdminRequest::MarketPause { .. }
        | AdminRequest::LogTail { .. }
        | AdminRequest::LogFlush
        | AdminRequest::StepDown => {}
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

/// Sends a message to a module and waits for its answer, at most [`MODULE_TIMEOUT`].
fn ask<M, T>(
    name: &str,
    inbox: &Sender<M>,
    message: impl FnOnce(Sender<T>) -> M,
) -> Result<T, String> {
    ask_until(Instant::now() + MODULE_TIMEOUT, name, inbox, message)
}

/// Sends a message to a module and waits for its answer until `deadline`.
fn ask_until<M, T>(
    deadline: Instant,
    name: &str,
    inbox: &Sender<M>,
    message: impl FnOnce(Sender<T>) -> M,
) -> Result<T, String> {
    let (reply, answer): (Sender<T>, Receiver<T>) = bounded(1);
    let asked = Instant::now();
    let hanging = || {
        let seconds = asked.elapsed().as_secs_f64();
        format!("the master's module {name} did not answer within {seconds:.1} s; see its log")
    };
    inbox
        .send_deadline(message(reply), deadline)
        .map_err(|_| hanging())?;
    answer.recv_deadline(deadline).map_err(|_| hanging())
}

/// Has a module change an account, and waits for that until the act's time is over, at most
/// [`SETTLEMENT_TIMEOUT`]. An act that has begun by then is not taken back.
fn ask_for_act<M, T>(
    act: &AdminAct,
    user: impl std::fmt::Display,
    name: &str,
    inbox: &Sender<M>,
    message: impl FnOnce(Sender<Result<T, String>>) -> M,
) -> Result<T, String> {
    let look = format!("accounts show {user}");
    ask_for_change((act.until, SETTLEMENT_TIMEOUT), &look, name, inbox, message)
        .map_err(|failed| failed.why)
}

/// Why a change was not made, or may not have been.
#[derive(Debug)]
struct ChangeFailure {
    /// For people, with what to do.
    why: String,
    /// False where it is not known whether it was made.
    is_undone: bool,
}

/// Has a module change something, and waits for that until `until`, which is so long from the
/// request on at most. `look` is the command of `papertraderctl` that shows whether it was done.
fn ask_for_change<M, T>(
    (until, timeout): (Instant, Duration),
    look: &str,
    name: &str,
    inbox: &Sender<M>,
    message: impl FnOnce(Sender<Result<T, String>>) -> M,
) -> Result<T, ChangeFailure> {
    let (reply, answer) = bounded(1);
    let failed = |end: &str, is_undone| {
        let seconds = timeout.as_secs();
        let why = format!("the master's module {name} did not answer within {seconds} s; {end}");
        ChangeFailure { why, is_undone }
    };
    inbox
        .send_deadline(message(reply), until)
        .map_err(|_| failed("nothing was done", true))?;
    let answered = answer.recv_deadline(until).map_err(|_| {
        let end = format!(
            "it is not known whether it was done: look at `papertraderctl {look}` before you ask again"
        );
        failed(&end, false)
    })?;
    answered.map_err(|why| ChangeFailure {
        why,
        is_undone: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::testing::act_within;

    #[test]
    fn who_gives_up_on_an_act_hears_whether_it_may_be_done() {
        type Message = Sender<Result<(), String>>;
        let (inbox, _taken) = bounded::<Message>(1);
        let ask = |until: Duration| {
            let act = act_within(until);
            ask_for_act(&act, "ada", "transactions", &inbox, |reply| reply).unwrap_err()
        };
        let unknown = ask(Duration::from_millis(5));
        assert!(unknown.contains("not known whether"), "{unknown}");
        assert!(unknown.contains("accounts show ada` before"), "{unknown}");
        // The inbox is full.
        let undone = ask(Duration::from_millis(5));
        assert!(undone.ends_with("nothing was done"), "{undone}");
    }

    #[test]
    fn who_gives_up_on_a_change_knows_whether_to_take_its_parts_back() {
        type Message = Sender<Result<(), String>>;
        let (inbox, taken) = bounded::<Message>(1);
        let timeout = Duration::from_millis(5);
        let ask = || {
            let until = Instant::now() + timeout;
            ask_for_change(
                (until, timeout),
                "workers show eu1",
                "workers",
                &inbox,
                |reply| reply,
            )
            .unwrap_err()
        };
        let unknown = ask();
        assert!(!unknown.is_undone);
        assert!(
            unknown
                .why
                .contains("`papertraderctl workers show eu1` before"),
            "{unknown:?}"
        );
        assert!(ask().is_undone, "the inbox is full");
        drop(taken);
        assert!(ask().is_undone, "nobody takes it");
    }

    #[test]
    fn modules_that_are_asked_one_after_another_share_a_deadline() {
        type Message = Sender<()>;
        let (inbox, _taken) = bounded::<Message>(2);
        let until = Instant::now();
        for name in ["auth", "workers"] {
            let why = ask_until(until, name, &inbox, |reply: Message| reply).unwrap_err();
            assert!(
                why.contains(&format!("module {name} did not answer within")),
                "{why}"
            );
        }
    }
}
