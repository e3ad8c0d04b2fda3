//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module: deployment and running stage
//!
//! Runs a daemon from its command line to its exit code. It depends on neither master nor worker.
//!
//! Tests: `tests/suite/starts.rs`, `tests/suite/daemons.rs`.

use super::cli::DaemonArguments;
use super::root::{self, NamedPath};
use super::{
    DONE, EndReason, STOP_DEADLINE, Signals, StartError, accept_config, enforce_stop, forbid_cores,
    stop_with_input, watch_signals,
};
use super::{FAILED, SUPERSEDED, first_process, other_user};
use crate::config::{ConfigError, Warning};
use crate::runtime::log::{self, LogConfig, LogHandle};
use crate::runtime::{self, Stop};
use clap::Parser;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// A daemon: what differs between the master and a worker.
pub trait Service: Sized {
    /// The name of the program, before its errors on standard error.
    const PROGRAM: &'static str;
    /// The name of the daemon in the log.
    const NAME: &'static str;
    /// The user that the packaged unit runs it as.
    const USER: &'static str;

    /// The type of the command line.
    type Cli: Parser + Into<DaemonArguments>;
    /// The type of the configuration.
    type Config;

    /// Does what the command line asks for instead of serving. Returns the exit code; `None`: nothing.
    fn command(_cli: &Self::Cli) -> Option<u8> {
        None
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// All problems of the configuration.
    fn load(file: &Path) -> Result<(Self::Config, Vec<Warning>), ConfigError>;

    /// The settings of the log.
    fn log_config(config: &Self::Config) -> &LogConfig;

    /// Whether the configuration allows it to run as root.
    fn allows_root(config: &Self::Config) -> bool;

    /// The folders and files that it writes to, with their keys in the configuration. The GPG home
    /// is among them, and its owner is whom the daemon is to run as.
    fn written_paths(config: &Self::Config) -> Vec<NamedPath<'_>>;

    /// What the log's first line says of the configuration: what it is, and its addresses.
    fn summary(config: &Self::Config) -> String;

    /// Refuses a start that would make new data (`--existing`).
    ///
    /// # Errors
    /// There is no data yet.
    fn check_existing(config: &Self::Config) -> Result<(), StartError>;

    /// Checks the files and keys that the configuration names, without starting a thread
    /// (`--check-config`). Returns warnings.
    ///
    /// # Errors
    /// The problems, with their exit code.
    fn check(config: &Self::Config) -> Result<Vec<String>, StartError>;

    /// As [`Service::check`], beside the running daemon whose configuration is `current`. May pass
    /// over what is read at a start alone and takes long.
    ///
    /// # Errors
    /// As [`Service::check`].
    fn check_again(
        config: &Self::Config,
        _current: &Self::Config,
    ) -> Result<Vec<String>, StartError> {
        Self::check(config)
    }

    /// Starts all threads. Before it gives the signal to stop, a start that fails keeps its reason
    /// in `reason`. `None`: somebody else gave that signal while it waited for its turn.
    ///
    /// # Errors
    /// The reason, with its exit code. No thread is left running.
    fn start(
        context: &ServiceContext<'_, Self::Config>,
        reason: &EndReason,
    ) -> Result<Option<Self>, StartError>;

    /// Serves until the stop signal, which it may give itself.
    ///
    /// # Errors
    /// The reason why it ended without the stop signal.
    fn serve(&self, context: &ServiceContext<'_, Self::Config>) -> Result<ServeEnd, StartError>;

    /// Stops all threads. Returns the names of those that did not end before `deadline`.
    fn stop(self, deadline: Instant) -> Vec<String>;
}

/// What follows when a daemon has served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServeEnd {
    /// The process ends.
    Stopped,
    /// The program starts again in the same process, as if it were a new one.
    StartAgain,
}

/// The parameters of [`Service::start`] and [`Service::serve`].
pub struct ServiceContext<'a, C> {
    /// The configuration at the start.
    pub config: &'a C,
    /// The file of the configuration.
    pub file: &'a Path,
    pub log: &'a LogHandle,
    /// SIGHUP arrives here.
    pub signals: &'a Signals,
    /// Requested by SIGTERM, SIGINT, or the end of standard input.
    pub stop: &'a Stop,
}

/// Runs a daemon: parses the command line, checks, starts, serves, stops, and flushes the log.
/// Returns the exit code.
pub fn main<S: Service>() -> ExitCode {
    if let Some(error) = other_user::become_user() {
        eprintln!("{}: it cannot run as another user: {error}", S::PROGRAM);
        return ExitCode::from(FAILED);
    }
    if let Some(code) = first_process::run_as_child() {
        return code;
    }
    let cli = S::Cli::parse();
    if let Some(code) = S::command(&cli) {
        return ExitCode::from(code);
    }
    let arguments: DaemonArguments = cli.into();
    let loaded = S::load(&arguments.config);
    if arguments.check_config
        && let Ok((config, _)) = &loaded
        && let Some(owner) = root::other_owner(&S::written_paths(config))
    {
        return ExitCode::from(check_as(S::PROGRAM, &owner, &arguments.config));
    }
    let code = match accept_config(loaded) {
        Ok(config) => match run::<S>(&arguments, &config) {
            Ok(ServeEnd::Stopped) => DONE,
            Ok(ServeEnd::StartAgain) => {
                let error = start_again();
                eprintln!("{}: it cannot start again by itself: {error}", S::PROGRAM);
                SUPERSEDED
            }
            Err(LastWords { error, is_logged }) => {
                // The log has copied it to standard error.
                if !is_logged {
                    log::say(log::Level::Error, format_args!("{}: {error}", S::PROGRAM));
                }
                error.code
            }
        },
        Err(code) => code,
    };
    ExitCode::from(code)
}

/// Checks the configuration as the user whom the daemon is to run as, and tells what that says.
fn check_as(program: &str, owner: &root::PathOwner, config: &Path) -> u8 {
    match root::check_as(owner, config) {
        Ok((code, said)) => {
            eprint!("{said}");
            code
        }
        Err(error) => {
            eprintln!("{program}: {error}");
            error.code
        }
    }
}

/// Why a daemon ended, and whether its log and standard error say so already.
struct LastWords {
    error: StartError,
    is_logged: bool,
}

impl<E: Into<StartError>> From<E> for LastWords {
    fn from(error: E) -> LastWords {
        LastWords {
            error: error.into(),
            is_logged: false,
        }
    }
}

/// Runs this program anew in this process, with the same arguments. Returns only where that fails.
fn start_again() -> io::Error {
    let mut words = std::env::args_os();
    let program = match std::env::current_exe() {
        Ok(path) if path.exists() => path,
        // Its file was replaced or removed.
        Ok(_) | Err(_) => "/proc/self/exe".into(),
    };
    let mut command = Command::new(program);
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    command.args(words).exec()
}

fn run<S: Service>(arguments: &DaemonArguments, config: &S::Config) -> Result<ServeEnd, LastWords> {
    if arguments.check_config {
        root::detach_check()?;
        for warning in S::check(config)? {
            eprintln!("{}: warning: {warning}", S::PROGRAM);
        }
        return Ok(ServeEnd::Stopped);
    }
    let allowed = arguments.allow_root || S::allows_root(config);
    root::check(S::PROGRAM, S::USER, allowed, &S::written_paths(config))?;
    if arguments.existing {
        S::check_existing(config)?;
    }
    let log = log::start(S::log_config(config).clone()).map_err(StartError::failed)?;
    runtime::install_panic_hook();
    crate::info!(
        "{} {} starts: configuration {}, PID {}, {}",
        S::PROGRAM,
        env!("CARGO_PKG_VERSION"),
        arguments.config.display(),
        std::process::id(),
        S::summary(config)
    );
    forbid_cores()?;
    let stop = Stop::new();
    let reason = EndReason::default();
    let signals = watch_signals(&stop, &reason)?;
    enforce_stop(S::PROGRAM, &stop, &reason)?;
    if arguments.stop_with_input {
        stop_with_input(&stop, &reason)?;
    }
    let context = ServiceContext {
        config,
        file: &arguments.config,
        log: &log,
        signals: &signals,
        stop: &stop,
    };
    let ran = start_and_serve::<S>(&context, &reason);
    let flushed = log.stop(Instant::now() + STOP_DEADLINE);
    let end = ran.map_err(|error| LastWords {
        error,
        is_logged: flushed.is_ok(),
    })?;
    flushed.map_err(StartError::failed)?;
    Ok(end)
}

fn start_and_serve<S: Service>(
    context: &ServiceContext<'_, S::Config>,
    reason: &EndReason,
) -> Result<ServeEnd, StartError> {
    let started = S::start(context, reason).inspect_err(|error| reason.keep(error))?;
    let Some(service) = started else {
        crate::info!("the {} has stopped: {}", S::NAME, reason.of_stop());
        return Ok(ServeEnd::Stopped);
    };
    let served = service.serve(context);
    if let Err(error) = &served {
        reason.keep(error);
    }
    context.stop.request();
    for name in service.stop(Instant::now() + STOP_DEADLINE) {
        crate::warn!("thread {name} did not end in time");
    }
    crate::info!("the {} has stopped: {}", S::NAME, reason.of_stop());
    // Who is asked to stop while it gives its place to another one does not start again.
    match served? {
        ServeEnd::StartAgain if reason.is_asked() => Ok(ServeEnd::Stopped),
        end => Ok(end),
    }
}
