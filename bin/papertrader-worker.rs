//! The worker server daemon.

use clap::Parser;
use papertrader::config::WorkerConfig;
use papertrader::worker::service;
use papertrader::{daemon, log, thread};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// PaperTrader's worker server: clients speak to it, and it passes on to the master what it cannot answer.
#[derive(Parser)]
#[command(
    version,
    after_help = "Signals: SIGTERM and SIGINT stop, SIGHUP opens log and certificate anew.\n\
    Exit codes: 0 done, 1 failed while running, 2 bad command line, 78 bad configuration."
)]
struct Arguments {
    /// The configuration, as etc/worker.toml explains it
    #[arg(long, value_name = "FILE", default_value = "/etc/papertrader/worker.toml")]
    config: PathBuf,
    /// Say what is wrong with the configuration and the files it names, and exit with 0 or 78
    #[arg(long)]
    check_config: bool,
    /// Stop when standard input ends, too: for a parent that may be killed
    #[arg(long)]
    stop_with_input: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    ExitCode::from(run(&arguments).unwrap_or_else(|code| code))
}

fn run(arguments: &Arguments) -> Result<u8, u8> {
    let config = daemon::accept_config(WorkerConfig::load(&arguments.config))?;
    if arguments.check_config {
        return match service::check(&config) {
            Ok(()) => Ok(daemon::DONE),
            Err(failure) => Err(tell(&failure, failure.code)),
        };
    }
    let failed = |error: &dyn std::fmt::Display| tell(error, daemon::FAILED);
    let log = log::start(config.log.clone()).map_err(|e| failed(&e))?;
    thread::install_panic_hook();
    daemon::forbid_cores().map_err(|e| failed(&e))?;
    let stop = thread::Stop::new();
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
