//! The master server daemon.

use clap::Parser;
use papertrader::config::MasterConfig;
use papertrader::{daemon, log, master, thread};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// PaperTrader's master server: accounts, portfolios and prices. It talks to registered workers alone.
#[derive(Parser)]
#[command(
    version,
    after_help = "Signals: SIGTERM and SIGINT stop, SIGHUP opens the log anew and reads the configuration again.\n\
    Exit codes: 0 done, 1 failed while running, 2 bad command line, 78 bad configuration."
)]
struct Arguments {
    /// The configuration, as etc/master.toml explains it
    #[arg(long, value_name = "FILE", default_value = "/etc/papertrader/master.toml")]
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
    let config = daemon::accept_config(MasterConfig::load(&arguments.config))?;
    if arguments.check_config {
        return match master::check(&config) {
            Ok(()) => Ok(daemon::DONE),
            Err(error) => Err(tell(&error)),
        };
    }
    let failed = |error: &dyn std::fmt::Display| {
        eprintln!("papertrader-master: {error}");
        daemon::FAILED
    };
    let log = log::start(config.log.clone()).map_err(|e| failed(&e))?;
    thread::install_panic_hook();
    daemon::forbid_cores().map_err(|e| failed(&e))?;
    let stop = thread::Stop::new();
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

fn tell(error: &master::StartError) -> u8 {
    eprintln!("papertrader-master: {error}");
    error.code
}
