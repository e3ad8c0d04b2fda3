//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module: deployment and running stage
//!
//! Runs a daemon from its command line to its exit code. It depends on neither master nor worker.
//!
//! Tests: `tests/suite/daemons.rs`.

use super::cli::DaemonArguments;
use super::first_process;
use super::{
    DONE, EndReason, STOP_DEADLINE, Signals, StartError, accept_config, enforce_stop, forbid_cores,
    stop_with_input, watch_signals,
};
use crate::config::{ConfigError, Warning};
use crate::runtime::log::{self, LogConfig, LogHandle};
use crate::runtime::{self, Stop};
use clap::Parser;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// A daemon: what differs between the master and a worker.
pub trait Service: Sized {
    /// The name of the program, before its errors on standard error.
    const PROGRAM: &'static str;
    /// The name of the daemon in the log.
    const NAME: &'static str;

    /// The type of the command line.
    type Cli: Parser + Into<DaemonArguments>;
    /// The type of the configuration.
    type Config;

    /// Reads the configuration.
    ///
    /// # Errors
    /// All problems of the configuration.
    fn load(file: &Path) -> Result<(Self::Config, Vec<Warning>), ConfigError>;

    /// The settings of the log.
    fn log_config(config: &Self::Config) -> &LogConfig;

    /// Checks the files and keys that the configuration names, without starting a thread
    /// (`--check-config`). Returns warnings.
    ///
    /// # Errors
    /// The problems, with their exit code.
    fn check(config: &Self::Config) -> Result<Vec<String>, StartError>;

    /// Starts all threads. Before it gives the signal to stop, a start that fails keeps its reason
    /// in `reason`.
    ///
    /// # Errors
    /// The reason, with its exit code. No thread is left running.
    fn start(config: &Self::Config, stop: &Stop, reason: &EndReason) -> Result<Self, StartError>;

    /// Serves until the stop signal.
    ///
    /// # Errors
    /// The reason why it ended without the stop signal.
    fn serve(&self, context: &ServiceContext<'_, Self::Config>) -> Result<(), StartError>;

    /// Stops all threads. Returns the names of those that did not end before `deadline`.
    fn stop(self, deadline: Instant) -> Vec<String>;
}

/// The parameters of [`Service::serve`].
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
    if let Some(code) = first_process::run_as_child() {
        return code;
    }
    let arguments = S::Cli::parse().into();
    let code = match accept_config(S::load(&arguments.config)) {
        Ok(config) => match run::<S>(&arguments, &config) {
            Ok(()) => DONE,
            Err(LastWords { error, is_logged }) => {
                // The log has copied it to standard error.
                if !is_logged {
                    eprintln!("{}: {error}", S::PROGRAM);
                }
                error.code
            }
        },
        Err(code) => code,
    };
    ExitCode::from(code)
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

fn run<S: Service>(arguments: &DaemonArguments, config: &S::Config) -> Result<(), LastWords> {
    if arguments.check_config {
        for warning in S::check(config)? {
            eprintln!("{}: warning: {warning}", S::PROGRAM);
        }
        return Ok(());
    }
    let log = log::start(S::log_config(config).clone()).map_err(StartError::failed)?;
    runtime::install_panic_hook();
    forbid_cores()?;
    let stop = Stop::new();
    let signals = watch_signals(&stop)?;
    let reason = EndReason::default();
    enforce_stop(S::PROGRAM, &stop, &reason)?;
    if arguments.stop_with_input {
        stop_with_input(&stop)?;
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
    ran.map_err(|error| LastWords {
        error,
        is_logged: flushed.is_ok(),
    })?;
    Ok(flushed.map_err(StartError::failed)?)
}

fn start_and_serve<S: Service>(
    context: &ServiceContext<'_, S::Config>,
    reason: &EndReason,
) -> Result<(), StartError> {
    let service =
        S::start(context.config, context.stop, reason).inspect_err(|error| reason.keep(error))?;
    let served = service.serve(context);
    if let Err(error) = &served {
        reason.keep(error);
    }
    context.stop.request();
    for name in service.stop(Instant::now() + STOP_DEADLINE) {
        crate::warn!("thread {name} did not end in time");
    }
    crate::info!("the {} has stopped", S::NAME);
    served
}
