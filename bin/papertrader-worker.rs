//! The worker server daemon.

use clap::Parser;
use papertrader::config::WorkerConfig;
use papertrader::daemon;
use papertrader::daemon::cli::WorkerCli;
use papertrader::runtime::{self, log};
use papertrader::worker::service;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments = WorkerCli::parse();
    ExitCode::from(run(&arguments).unwrap_or_else(|code| code))
}

fn run(arguments: &WorkerCli) -> Result<u8, u8> {
    let config = daemon::accept_config(WorkerConfig::load(&arguments.config))?;
    if arguments.check_config {
        return match service::check(&config) {
            Ok(()) => Ok(daemon::DONE),
            Err(failure) => Err(tell(&failure, failure.code)),
        };
    }
    let failed = |error: &dyn std::fmt::Display| tell(error, daemon::FAILED);
    let log = log::start(config.log.clone()).map_err(|e| failed(&e))?;
    runtime::install_panic_hook();
    daemon::forbid_cores().map_err(|e| failed(&e))?;
    let stop = runtime::Stop::new();
    let signals = daemon::watch_signals(&stop).map_err(|e| failed(&e))?;
    daemon::enforce_stop(&stop).map_err(|e| failed(&e))?;
    if arguments.stop_with_input {
        daemon::stop_with_input(&stop).map_err(|e| failed(&e))?;
    }
    let ran = service::run(&config, &log, &signals, &stop);
    papertrader::info!("the worker has stopped");
    let flushed = log.stop(Instant::now() + daemon::STOP_DEADLINE);
    if let Err(failure) = ran {
        return Err(tell(&failure, failure.code));
    }
    flushed.map_err(|e| failed(&e))?;
    Ok(daemon::DONE)
}

fn tell(what: &dyn std::fmt::Display, code: u8) -> u8 {
    eprintln!("papertrader-worker: {what}");
    code
}
