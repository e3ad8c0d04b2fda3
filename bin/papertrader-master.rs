//! The master server daemon.

use clap::Parser;
use papertrader::config::MasterConfig;
use papertrader::daemon::cli::MasterCli;
use papertrader::runtime::{self, log};
use papertrader::{daemon, master};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments = MasterCli::parse();
    ExitCode::from(run(&arguments).unwrap_or_else(|code| code))
}

fn run(arguments: &MasterCli) -> Result<u8, u8> {
    let config = daemon::accept_config(MasterConfig::load(&arguments.config))?;
    if arguments.check_config {
        return match master::start::check(&config) {
            Ok(()) => Ok(daemon::DONE),
            Err(error) => Err(tell(&error)),
        };
    }
    let failed = |error: &dyn std::fmt::Display| {
        eprintln!("papertrader-master: {error}");
        daemon::FAILED
    };
    let log = log::start(config.log.clone()).map_err(|e| failed(&e))?;
    runtime::install_panic_hook();
    daemon::forbid_cores().map_err(|e| failed(&e))?;
    let stop = runtime::Stop::new();
    let signals = daemon::watch_signals(&stop).map_err(|e| failed(&e))?;
    daemon::enforce_stop(&stop).map_err(|e| failed(&e))?;
    if arguments.stop_with_input {
        daemon::stop_with_input(&stop).map_err(|e| failed(&e))?;
    }
    let master = match master::Master::start(&config, &stop) {
        Ok(master) => master,
        Err(error) => {
            let _ = log.stop(Instant::now() + daemon::STOP_DEADLINE);
            return Err(tell(&error));
        }
    };
    let served = master.serve(&config, &arguments.config, &log, &signals);
    stop.request();
    let late = master.stop(Instant::now() + daemon::STOP_DEADLINE);
    for name in &late {
        papertrader::warn!("thread {name} did not end in time");
    }
    papertrader::info!("the master has stopped");
    log.stop(Instant::now() + daemon::STOP_DEADLINE)
        .map_err(|e| failed(&e))?;
    served.map_err(|e| failed(&e))?;
    Ok(daemon::DONE)
}

fn tell(error: &daemon::StartError) -> u8 {
    eprintln!("papertrader-master: {error}");
    error.code
}
