//! spec/master/admin.md · 3.1.5 Worker Management (print, retrieve, boot off while running), 3.1.3, 3.1.4
//!
//! The control socket of a running master: answers administrators' requests by sending messages to
//! the modules. It owns no table; the module that owns some data changes it.
//!
//! Tests: `tests/suite/master/admin.rs`.

mod accounts;
mod backup;
mod caller;
mod connection;
mod maintenance;
mod market;
mod orders;
mod send;
mod sessions;
mod socket;
mod workers;

use super::assets::budget::CallBudgetStatus;
use super::assets::update::{LAST_UPDATES, PAUSED_TEXT};
use super::messages::{
    AccountEvent, AdminAct, AssetsMessage, AssetsStatus, AuthMessage, MailMessage, MailStatus,
    MasterChannels, RosterImport, TransactionsMessage,
};
use super::storage::{self, Interrupter};
use super::transactions::disk_floor::DiskLevel;
use super::workers::START_GRACE;
use crate::admin::model::{
    CallsStatus, DiskStatus, EventCount, FlushSummary, LogLine, LogTail, MailSummary, MasterStatus,
    PricesStatus, ProviderFailure,
};
use crate::admin::protocol::{AdminAnswer, AdminRequest, ROWS_MAX};
use crate::config::DatabaseUrl;
use crate::link::keyring::Keyring;
use crate::model::{Fingerprint, Money, Timestamp};
use crate::runtime::log::{self, LogHandle};
use crate::runtime::{self, Stop, ThreadHandle};
use backup::BackupTurn;
use caller::AdminCaller;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use socket::ControlSocket;
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
/// Inputs that were passed over and are named in the warnings of the status.
const INPUT_WARNINGS_SHOWN_MAX: usize = 5;

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
}

/// The thread that accepts administrators.
pub struct AdminServer {
    shared: Arc<AdminShared>,
    thread: ThreadHandle,
}

/// The state that all connections share.
struct AdminShared {
    channels: AdminChannels,
    socket: ControlSocket,
    since: Timestamp,
    began: Instant,
    stop: Stop,
    open: AtomicUsize,
    /// Commands that run.
    working: AtomicUsize,
    /// Held by verify and backup: each reads the whole database, so one runs at a time.
    maintenance: Mutex<()>,
    backups: BackupTurn,
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
        storage::backup::delete_sending(&channels.database);
        let shared = Arc::new(AdminShared {
            channels,
            socket,
            since: Timestamp::now(),
            began: Instant::now(),
            stop: stop.clone(),
            open: AtomicUsize::new(0),
            working: AtomicUsize::new(0),
            maintenance: Mutex::new(()),
            backups: BackupTurn::default(),
            registering: Mutex::new(()),
        });
        let accepting = Arc::clone(&shared);
        let thread = runtime::spawn("control", move || accepting.run())?;
        Ok(AdminServer { shared, thread })
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
            AdminRequest::Status => self
                .status()
                .map(|status| AdminAnswer::Status(Box::new(status))),
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
            } => {
                let import = RosterImport {
                    rows,
                    valid: accounts::validity(valid_ms)?,
                    is_check: check,
                    is_again: again,
                    caller: caller.to_string(),
                };
                accounts::import(self, import, caller)
            }
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
            AdminRequest::Backup { .. } | AdminRequest::BackupSend => {
                Err(backup::WRITTEN_BY_THE_CALLER.to_owned())
            }
            AdminRequest::MarketHeld => Ok(market::held(self)),
            AdminRequest::MarketReview { symbol, verdict } => {
                market::review(self, &symbol, verdict, caller)
            }
            AdminRequest::MarketPause { paused } => market::pause(self, paused, caller),
            AdminRequest::LogTail { entries } => Ok(AdminAnswer::Log(self.tail(entries))),
            AdminRequest::LogFlush => self.flush(),
        }
    }

    fn status(&self) -> Result<MasterStatus, String> {
        let inboxes = &self.channels.inboxes;
        let queue = ask(
            "transactions",
            &inboxes.transactions,
            TransactionsMessage::Status,
        )?;
        let accounts = ask("auth", &inboxes.auth, AuthMessage::Status)?;
        let mut prices = ask("assets", inboxes.assets.sender(), |reply| {
            AssetsMessage::Status { reply }
        })?;
        let mail = match &inboxes.mail {
            Some(mail) => Some(mail_summary(ask("mail", mail, MailMessage::Status)?)),
            None => None,
        };
        let latest = inboxes.assets.prices();
        let held = latest.held().keys().take(ROWS_MAX);
        let held = held.map(ToString::to_string).collect();
        let unapplied = std::mem::take(&mut prices.unapplied);
        let mut status = MasterStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since.to_string(),
            uptime_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            listen: self.channels.listen.to_string(),
            queue_depth: count(queue.queued),
            open_orders: Some(count(queue.open)),
            reserved: Some(decimal(queue.reserved)),
            last_place: queue.last_number,
            last_settled: count(queue.last_settled),
            last_settlement_us: queue.last_micros,
            update: prices.number,
            last_update: prices.published.to_string(),
            next_update: prices.next.map(|next| next.to_string()),
            workers_connected: inboxes.shared.peers.load().len(),
            workers_registered: inboxes.shared.registry.load().all().count(),
            workers_expected: inboxes.shared.expected.load(Ordering::Relaxed),
            accounts: accounts.accounts,
            sessions: accounts.sessions,
            inactive_sessions: accounts.inactive,
            account_events: event_counts(&accounts.events, &queue.account_events),
            assets: PricesStatus {
                held,
                ..prices_status(prices)
            },
            refused_links: self.refused_links(),
            disk: queue.disk.map(|(space, level)| DiskStatus {
                free_bytes: space.free,
                total_bytes: space.total,
                state: level.as_str().to_owned(),
            }),
            mail,
            log_lost: self.channels.log.lost(),
            warnings: Vec::new(),
        };
        status.warnings = warnings(&status);
        let unapplied = unapplied.into_iter().take(INPUT_WARNINGS_SHOWN_MAX);
        status.warnings.extend(unapplied);
        let held = market::warnings(&latest, INPUT_WARNINGS_SHOWN_MAX);
        status.warnings.extend(held);
        let (expiries, now) = (inboxes.keys.expiries(), Timestamp::now());
        let ends = expiries.iter().filter_map(|expiry| expiry.warning(now));
        status.warnings.extend(ends);
        status.warnings.extend(workers::warnings(self)?);
        status.warnings.extend(queue.written_off);
        Ok(status)
    }

    /// Refused links since the start, by reason.
    fn refused_links(&self) -> Vec<EventCount> {
        let refusals = self.channels.inboxes.refusals.lock();
        let counts = refusals.iter().map(|(reason, count)| EventCount {
            reason: reason.clone(),
            count: *count,
        });
        let mut counts: Vec<EventCount> = counts.collect();
        counts.sort_by(|a, b| a.reason.cmp(&b.reason));
        counts
    }

    fn tail(&self, entries: usize) -> LogTail {
        let mut tail = self.channels.log.tail(entries.min(ROWS_MAX));
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

    fn flush(&self) -> Result<AdminAnswer, String> {
        self.channels
            .log
            .flush()
            .map_err(|error| format!("the log could not be written: {error}"))?;
        let lost = self.channels.log.lost();
        Ok(AdminAnswer::Flushed(FlushSummary { lost }))
    }
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
        | AdminRequest::MarketHeld
        | AdminRequest::MarketReview { .. }
        | AdminRequest::MarketPause { .. }
        | AdminRequest::LogTail { .. }
        | AdminRequest::LogFlush => {}
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

/// The assets module's part of the status.
fn prices_status(prices: AssetsStatus) -> PricesStatus {
    PricesStatus {
        listed: prices.assets,
        priced: prices.priced,
        fresh: prices.fresh,
        served_by: prices
            .served
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        failures: prices
            .failures
            .into_iter()
            .map(|(provider, reason)| ProviderFailure { provider, reason })
            .collect(),
        refused: prices.refused,
        missed: prices.missed,
        calls: prices.calls.into_iter().map(calls).collect(),
        unfilled: prices.unfilled,
        steps_left: prices.steps_left,
        ends_in_ms: prices
            .ends_in
            .map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        market: prices.market.map(|market| market.to_string()),
        state: Some(prices.state.to_string()),
        paused_since: prices.paused.map(|since| since.to_string()),
        market_time: prices.market_time.map(|time| time.to_string()),
        input_warnings: prices.input_warnings,
        held: Vec::new(),
    }
}

fn mail_summary(mail: MailStatus) -> MailSummary {
    let (at, text) = mail.last_error.unzip();
    MailSummary {
        waiting: mail.waiting,
        sent: mail.sent,
        failed: mail.failed,
        dropped: mail.dropped,
        last_error: text,
        last_error_at: at.map(|at| at.to_string()),
    }
}

fn warnings(status: &MasterStatus) -> Vec<String> {
    let mut warnings = Vec::new();
    let had_time = status.uptime_ms >= u64::try_from(START_GRACE.as_millis()).unwrap_or(0);
    if status.workers_connected < status.workers_expected && had_time {
        warnings.push(format!(
            "{} of {} expected workers are connected; see `papertraderctl workers list`",
            status.workers_connected, status.workers_expected
        ));
    }
    for failure in &status.assets.failures {
        warnings.push(format!("provider {}: {}", failure.provider, failure.reason));
    }
    let input_warnings = &status.assets.input_warnings;
    warnings.extend(
        input_warnings
            .iter()
            .take(INPUT_WARNINGS_SHOWN_MAX)
            .cloned(),
    );
    if input_warnings.len() > INPUT_WARNINGS_SHOWN_MAX {
        warnings.push(format!(
            "and {} more lines about market files and prices; --json has them",
            input_warnings.len() - INPUT_WARNINGS_SHOWN_MAX
        ));
    }
    if let (Some(left @ 1..=LAST_UPDATES), Some(_)) =
        (status.assets.steps_left, status.assets.ends_in_ms)
    {
        warnings.push(format!(
            "the replay ends after {left} more updates: then prices stay, and orders are refused"
        ));
    }
    if status.assets.paused_since.is_some() {
        warnings.push(PAUSED_TEXT.to_owned());
    } else if status.next_update.is_none() {
        warnings.push("the replay has ended: no update follows, and orders are refused".to_owned());
    }
    if let Some(disk) = &status.disk {
        let mib = disk.free_bytes >> 20;
        if disk.state == DiskLevel::Full.as_str() {
            warnings.push(format!(
                "the disk of the database is almost full, {mib} MiB are free: orders are refused"
            ));
        } else if disk.state == DiskLevel::Low.as_str() {
            warnings.push(format!(
                "the disk of the database has only {mib} MiB left; below 2 % orders are refused"
            ));
        }
    }
    if let Some(MailSummary {
        waiting: waiting @ 1..,
        last_error: Some(why),
        ..
    }) = &status.mail
    {
        warnings.push(format!(
            "mails wait: {waiting}; the last failed attempt met with: {why}"
        ));
    }
    if status.log_lost > 0 {
        warnings.push(format!(
            "{} entries of the log were lost because its file could not be written",
            status.log_lost
        ));
    }
    warnings
}

/// An amount in millionths; beyond the range of money in whole units.
fn decimal(millionths: i128) -> String {
    match i64::try_from(millionths) {
        Ok(within) => Money(within).to_string(),
        Err(_) => (millionths / 1_000_000).to_string(),
    }
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// Sends a message to a module and waits for its answer, at most [`MODULE_TIMEOUT`].
fn ask<M, T>(
    name: &str,
    inbox: &Sender<M>,
    message: impl FnOnce(Sender<T>) -> M,
) -> Result<T, String> {
    let (reply, answer): (Sender<T>, Receiver<T>) = bounded(1);
    let deadline = Instant::now() + MODULE_TIMEOUT;
    let hanging = || {
        let seconds = MODULE_TIMEOUT.as_secs();
        format!("the master's module {name} did not answer within {seconds} s; see its log")
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
    let (reply, answer) = bounded(1);
    let hanging = |end: &str| {
        let seconds = SETTLEMENT_TIMEOUT.as_secs();
        format!("the master's module {name} did not answer within {seconds} s; {end}")
    };
    inbox
        .send_deadline(message(reply), act.until)
        .map_err(|_| hanging("nothing was done"))?;
    answer.recv_deadline(act.until).map_err(|_| {
        hanging(&format!(
            "it is not known whether it was done: look at `papertraderctl accounts show {user}` \
             before you ask again"
        ))
    })?
}

/// The budget of API calls of one provider.
fn calls((provider, budget): (&'static str, CallBudgetStatus)) -> CallsStatus {
    CallsStatus {
        provider: provider.to_owned(),
        minute: budget.minute,
        per_minute: budget.per_minute,
        day: budget.day,
        per_day: budget.per_day,
    }
}

/// What auth has counted, and what transactions have, so far as it has happened.
fn event_counts(
    events: &[(AccountEvent, u64)],
    further: &[(AccountEvent, u64)],
) -> Vec<EventCount> {
    let count = |(event, count): &(AccountEvent, u64)| EventCount {
        reason: event.to_string(),
        count: *count,
    };
    let further = further.iter().filter(|(_, count)| *count > 0);
    events.iter().chain(further).map(count).collect()
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
}
