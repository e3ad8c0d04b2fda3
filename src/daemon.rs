//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module: deployment and running stage
//!
//! The daemon conventions of master and worker: signals, exit codes, systemd, limits of the
//! process.

pub mod cli;
pub mod first_process;
pub mod metrics;
pub mod other_user;
pub mod reload;
pub mod root;
pub mod run;
mod start_watch;

pub use run::main;
pub use start_watch::StartWatch;

use crate::config::{ConfigError, Warning};
use crate::runtime::{self, LONG_STEP, Stop, TICK, ThreadHandle, Watchdog};
use crossbeam_channel::{Receiver, bounded};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Exit code: done.
pub const DONE: u8 = 0;
/// Exit code: failed while running.
pub const FAILED: u8 = 1;
/// Exit code: bad command line.
pub const BAD_USAGE: u8 = 2;
/// Exit code: a master that leads no more, since another one does or may. To be started again, to stand
/// by.
pub const SUPERSEDED: u8 = 75;
/// Exit code: bad configuration or market files.
pub const BAD_CONFIG: u8 = 78;

/// The threads of a daemon must end within this time after the stop signal. The process ends within
/// 5 s.
pub const STOP_DEADLINE: Duration = Duration::from_secs(4);

/// A daemon that still runs this long after the stop signal exits at once.
const LAST_RESORT_TIMEOUT: Duration = Duration::from_millis(4_800);

/// The variable that names systemd's notification socket.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";
/// The time between two messages about a long start.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);
/// A start that makes progress has this time until its next message.
const START_EXTENSION_TIMEOUT: Duration = Duration::from_secs(90);

/// Why a daemon does not start, or ends without a stop signal.
#[derive(Debug, Clone, Error)]
#[error("{text}")]
pub struct StartError {
    /// The exit code: [`BAD_CONFIG`] or [`FAILED`].
    pub code: u8,
    /// What is wrong, where, and what to do.
    pub text: String,
}

impl StartError {
    /// A failure of the system, the database or a peer: exit code [`FAILED`].
    pub fn failed(error: impl Display) -> StartError {
        StartError {
            code: FAILED,
            text: error.to_string(),
        }
    }

    /// A fault that may pass by itself (`passing`), or that only an edit mends: exit code
    /// [`FAILED`] or [`BAD_CONFIG`].
    pub fn passing_or_not(passing: bool, error: impl Display) -> StartError {
        if passing {
            StartError::failed(error)
        } else {
            StartError::misconfigured(error)
        }
    }

    /// An invalid configuration, or file that it names: exit code [`BAD_CONFIG`].
    pub fn misconfigured(error: impl Display) -> StartError {
        StartError {
            code: BAD_CONFIG,
            text: error.to_string(),
        }
    }
}

/// Why the process ends, for its last words. The first reason counts. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct EndReason(Arc<EndReasonShared>);

#[derive(Debug, Default)]
struct EndReasonShared {
    error: OnceLock<StartError>,
    /// Who asked it to stop, and when.
    request: OnceLock<(&'static str, Instant)>,
}

impl EndReason {
    /// Keeps a reason and logs it. A later one changes nothing.
    pub fn keep(&self, error: &StartError) {
        if self.0.error.set(error.clone()).is_ok() {
            crate::error!("{error}");
        }
    }

    /// The reason that was kept.
    fn error(&self) -> Option<&StartError> {
        self.0.error.get()
    }

    /// Notes who asks the process to stop: a signal, or the end of its input. The first counts.
    fn asked_by(&self, who: &'static str) {
        // A later one changes nothing.
        let _ = self.0.request.set((who, Instant::now()));
    }

    /// Whether somebody asked it to stop.
    fn is_asked(&self) -> bool {
        self.0.request.get().is_some()
    }

    /// What the log says of the end: who asked for it, and how long it took.
    fn of_stop(&self) -> String {
        match self.0.request.get() {
            Some((who, at)) => format!("{who}, in {:.1} s", at.elapsed().as_secs_f32()),
            None => "by itself".to_owned(),
        }
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        StartError::failed(error)
    }
}

/// Prints a configuration's warnings or errors on standard error, and returns the configuration.
///
/// # Errors
/// [`BAD_CONFIG`] if the configuration is invalid; [`FAILED`] if files could not be read for a
/// reason that may pass.
pub fn accept_config<T>(loaded: Result<(T, Vec<Warning>), ConfigError>) -> Result<T, u8> {
    match loaded {
        Ok((config, warnings)) => {
            for warning in warnings {
                runtime::log::say(
                    runtime::log::Level::Warn,
                    format_args!("warning: {warning}"),
                );
            }
            Ok(config)
        }
        Err(error) => {
            runtime::log::say(runtime::log::Level::Error, &error);
            Err(if error.is_passing() {
                FAILED
            } else {
                BAD_CONFIG
            })
        }
    }
}

/// The signal handling that [`watch_signals`] started.
#[derive(Debug)]
pub struct Signals {
    /// One message for SIGHUP. Signals that arrive before it is read count as one.
    pub hangups: Receiver<()>,
    closer: iterator::Handle,
    thread: ThreadHandle,
}

impl Signals {
    /// Ends the thread. Returns whether it ended before `deadline`. The signals have no effect
    /// afterwards.
    pub fn close(self, deadline: Instant) -> bool {
        self.closer.close();
        self.thread.join(deadline)
    }
}

/// Handles signals: SIGTERM and SIGINT request `stop` and are noted in `reason`, and SIGHUP sends a
/// message.
///
/// # Errors
/// The handlers cannot be set, or the thread cannot be started.
pub fn watch_signals(stop: &Stop, reason: &EndReason) -> io::Result<Signals> {
    let mut signals = iterator::Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let closer = signals.handle();
    let (hangup, hangups) = bounded(1);
    let (stop, reason) = (stop.clone(), reason.clone());
    let thread = runtime::spawn("signals", move || {
        for signal in signals.forever() {
            if signal == SIGHUP {
                // A full channel holds an unread SIGHUP already.
                let _ = hangup.try_send(());
            } else {
                reason.asked_by(if signal == SIGTERM {
                    "SIGTERM"
                } else {
                    "SIGINT"
                });
                stop.request();
            }
        }
    })?;
    Ok(Signals {
        hangups,
        closer,
        thread,
    })
}

/// Requests `stop` when standard input ends, so that a killed parent process leaves no daemon
/// behind. The thread runs until then.
///
/// # Errors
/// The thread cannot be started.
pub fn stop_with_input(stop: &Stop, reason: &EndReason) -> io::Result<ThreadHandle> {
    let (stop, reason) = (stop.clone(), reason.clone());
    runtime::spawn("input", move || {
        // The input's bytes are ignored. A read error counts as its end.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        reason.asked_by("the end of its input");
        stop.request();
    })
}

/// Ends the process within 5 s of the stop signal even if a thread hangs: flushes the log, says why
/// the process ended if there is a reason, and exits with its code, else with code 1.
///
/// # Errors
/// The thread cannot be started.
pub fn enforce_stop(
    program: &'static str,
    stop: &Stop,
    reason: &EndReason,
) -> io::Result<ThreadHandle> {
    let (stop, reason) = (stop.clone(), reason.clone());
    runtime::spawn("last-resort", move || {
        while !stop.wait(Duration::from_secs(3600)) {}
        std::thread::sleep(LAST_RESORT_TIMEOUT);
        crate::error!("the daemon did not stop in time and exits at once");
        log::logger().flush();
        let mut code = FAILED;
        if let Some(error) = reason.error() {
            runtime::log::say(
                runtime::log::Level::Error,
                format_args!("{program}: {error}"),
            );
            code = error.code;
        }
        std::process::exit(i32::from(code));
    })
}

/// Tells systemd that the daemon serves, or that a reload is done. Does nothing without
/// `NOTIFY_SOCKET`.
pub fn notify_ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Tells systemd what the daemon does or waits for, for `systemctl status`.
pub fn notify_status(status: &str) {
    notify(&[NotifyState::Status(status)]);
}

/// A long part of a start. It tells systemd that the start goes on, so that it is not ended, logs how
/// far it is, and shows it on a terminal.
#[derive(Debug)]
pub struct StartProgress {
    due: Instant,
}

impl Default for StartProgress {
    fn default() -> StartProgress {
        StartProgress {
            due: Instant::now() + PROGRESS_INTERVAL,
        }
    }
}

impl StartProgress {
    /// Says that a piece of work is done. `text` says how far the whole is; it is asked for at most
    /// every 5 s.
    pub fn step(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if now >= self.due {
            self.due = now + PROGRESS_INTERVAL;
            let text = text();
            notify_starting(&text);
            // Where somebody supervises this process, that is who shows it.
            if io::stderr().is_terminal() && std::env::var_os(NOTIFY_SOCKET).is_none() {
                // A closed standard error is no reason to stop.
                let _ = writeln!(io::stderr(), "{text}");
            }
        }
    }
}

/// Logs how far a start is, and tells systemd to wait another 90 s for it.
pub fn notify_starting(status: &str) {
    start_watch::note_progress();
    crate::info!("{status}");
    let extension = u32::try_from(START_EXTENSION_TIMEOUT.as_micros()).unwrap_or(u32::MAX);
    notify(&[
        NotifyState::ExtendTimeoutUsec(extension),
        NotifyState::Status(status),
    ]);
}

/// Tells systemd that a reload begins. [`notify_ready`] must follow.
pub fn notify_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(why) => crate::warn!("systemd could not be told of the reload: {why}"),
    }
}

/// Tells systemd that the daemon is stopping.
pub fn notify_stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(why) = sd_notify::notify(states) {
        crate::warn!("systemd's notification socket: {why}");
    }
}

/// Pings systemd's watchdog while every module's heartbeat is recent and `check` succeeds. `None`
/// if systemd expects no pings.
///
/// `check` runs four times in the watchdog's interval, on the pinging thread. While it runs no ping
/// is sent. Its error is logged.
///
/// # Errors
/// The thread cannot be started.
pub fn watchdog(
    stop: &Stop,
    watchdog: &Watchdog,
    check: impl FnMut() -> Result<(), String> + Send + 'static,
) -> io::Result<Option<ThreadHandle>> {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return Ok(None);
    };
    let (stop, watchdog) = (stop.clone(), watchdog.clone());
    let ping = || notify(&[NotifyState::Watchdog]);
    runtime::spawn("watchdog", move || {
        watch(&stop, &watchdog, interval, check, ping);
    })
    .map(Some)
}

fn watch(
    stop: &Stop,
    watchdog: &Watchdog,
    interval: Duration,
    mut check: impl FnMut() -> Result<(), String>,
    ping: impl Fn(),
) {
    // Modules beat every tick. The limit tolerates a late one.
    let limit = (interval / 2).max(TICK * 3);
    loop {
        let stalled = watchdog.stalled(limit);
        for (name, age) in &stalled {
            crate::error!("module {name} has not moved for {} s", age.as_secs());
        }
        for (name, age) in watchdog.at_one_step(LONG_STEP) {
            crate::warn!("module {name} has been at one step for {} s", age.as_secs());
        }
        match check() {
            Ok(()) if stalled.is_empty() => ping(),
            Ok(()) => {}
            Err(why) => crate::error!("the watchdog gets no ping: {why}"),
        }
        if stop.wait(interval / 4) {
            return;
        }
    }
}

/// Forbids core dumps, which would hold session IDs and hashed passwords in plain text.
///
/// # Errors
/// The system does not allow it.
pub fn forbid_cores() -> io::Result<()> {
    // The limit alone may not apply where the system pipes core dumps to a program.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    Ok(())
}

/// Raises the soft limit of open descriptors to `wanted`, or as far as the hard limit allows; never
/// lowers it. Returns the limit in force.
pub fn raise_descriptors(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let Some(now) = limit.current else {
        return u64::MAX;
    };
    if now >= wanted {
        return now;
    }
    let reachable = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let raised = Rlimit {
        current: Some(reachable),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => reachable,
        Err(_) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal, dumpable_behavior, getpid, kill_process};
    use std::os::unix::net::UnixDatagram;
    use std::process::{Command, Stdio};
    use std::sync::atomic::{AtomicU32, Ordering};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[test]
    fn the_watchdog_is_pinged_while_all_is_well() {
        let (stop, watchdog) = (Stop::new(), Watchdog::new());
        let heartbeat = watchdog.register("alive");
        let (pings, checks) = (AtomicU32::new(0), AtomicU32::new(0));
        let interval = Duration::from_millis(40);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let check = || {
                    heartbeat.beat();
                    match checks.fetch_add(1, Ordering::SeqCst) {
                        3 => Err("the database does not answer".to_owned()),
                        9 => {
                            stop.request();
                            Ok(())
                        }
                        _ => Ok(()),
                    }
                };
                watch(&stop, &watchdog, interval, check, || {
                    pings.fetch_add(1, Ordering::SeqCst);
                });
            });
        });
        assert_eq!(checks.load(Ordering::SeqCst), 10);
        assert_eq!(pings.load(Ordering::SeqCst), 9);
    }

    #[test]
    fn a_module_that_hangs_gets_no_ping() {
        let (stop, watchdog) = (Stop::new(), Watchdog::new());
        let _hangs = watchdog.register("hangs");
        let begun = Instant::now();
        let last = std::cell::Cell::new(Duration::ZERO);
        let check = || {
            if begun.elapsed() > TICK * 3 + Duration::from_millis(600) {
                stop.request();
            }
            Ok(())
        };
        watch(&stop, &watchdog, Duration::from_millis(100), check, || {
            last.set(begun.elapsed());
        });
        assert!(
            last.get() <= TICK * 3 + Duration::from_millis(300),
            "{last:?}"
        );
    }

    /// Does something only where the tests below run it, in a process of its own.
    #[test]
    fn child_daemon() {
        match std::env::var("PAPERTRADER_TEST_DAEMON").as_deref() {
            Ok("notifies") => {
                let mut progress = StartProgress::default();
                progress.step(|| "not yet due".to_owned());
                progress.due = Instant::now();
                progress.step(|| "half is read".to_owned());
                progress.step(|| "not yet due".to_owned());
                notify_ready("serving");
                notify_reloading();
                notify_stopping();
                let (stop, watchdog) = (Stop::new(), Watchdog::new());
                let stopping = stop.clone();
                let check = move || {
                    stopping.request();
                    Ok(())
                };
                let watchdog = super::watchdog(&stop, &watchdog, check).unwrap().unwrap();
                assert!(watchdog.join(soon()));
                forbid_cores().unwrap();
                assert_eq!(getrlimit(Resource::Core).current, Some(0));
                assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
                let now = getrlimit(Resource::Nofile).current.unwrap();
                assert_eq!(raise_descriptors(1), now);
                assert_eq!(
                    getrlimit(Resource::Nofile).current,
                    Some(raise_descriptors(now + 1))
                );
            }
            Ok("signals") => {
                let stop = Stop::new();
                let reason = EndReason::default();
                let signals = watch_signals(&stop, &reason).unwrap();
                kill_process(getpid(), Signal::HUP).unwrap();
                signals.hangups.recv_deadline(soon()).unwrap();
                assert!(!stop.is_requested());
                kill_process(getpid(), Signal::TERM).unwrap();
                assert!(stop.wait(Duration::from_secs(30)));
                assert!(reason.of_stop().starts_with("SIGTERM, in "));
                assert!(signals.close(soon()));
            }
            Ok("hangs") => {
                let stop = Stop::new();
                let reason = EndReason::default();
                if std::env::var_os("PAPERTRADER_TEST_REASON").is_some() {
                    reason.keep(&StartError::misconfigured("the true reason"));
                }
                enforce_stop("a-daemon", &stop, &reason).unwrap();
                stop.request();
                std::thread::sleep(Duration::from_secs(60));
                std::process::exit(0);
            }
            _ => {}
        }
    }

    fn child(what: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "daemon::tests::child_daemon"])
            .env("PAPERTRADER_TEST_DAEMON", what)
            .stdout(Stdio::null());
        command
    }

    #[test]
    fn signals_reload_and_stop() {
        assert!(child("signals").status().unwrap().success());
    }

    #[test]
    fn systemd_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let status = child("notifies")
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "1000000")
            .env_remove("WATCHDOG_PID")
            .status()
            .unwrap();
        assert!(status.success());
        let told = || {
            let mut bytes = [0; 256];
            let length = socket.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..length]).into_owned()
        };
        assert_eq!(
            told(),
            "EXTEND_TIMEOUT_USEC=90000000\nSTATUS=half is read\n"
        );
        assert_eq!(told(), "READY=1\nSTATUS=serving\n");
        assert!(told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        assert_eq!(told(), "STOPPING=1\n");
        assert_eq!(told(), "WATCHDOG=1\n");
    }

    #[test]
    fn a_daemon_that_hangs_is_gone_within_five_seconds() {
        let begun = Instant::now();
        let status = child("hangs").status().unwrap();
        assert_eq!(status.code(), Some(1));
        assert!(begun.elapsed() >= LAST_RESORT_TIMEOUT);
    }

    #[test]
    fn a_daemon_that_hangs_says_why_it_ended() {
        let output = child("hangs")
            .arg("--nocapture")
            .env("PAPERTRADER_TEST_REASON", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.lines().last(), Some("a-daemon: the true reason"));
        assert_eq!(output.status.code(), Some(i32::from(BAD_CONFIG)));
    }

    #[test]
    fn a_bad_configuration_is_78() {
        let error = crate::config::MasterConfig::load(std::path::Path::new("/nonexistent"));
        assert_eq!(accept_config(error).err(), Some(BAD_CONFIG));
        let warning = Warning {
            key: "k".to_owned(),
            reason: "r".to_owned(),
        };
        assert_eq!(accept_config(Ok((7, vec![warning]))), Ok(7));
    }
}
