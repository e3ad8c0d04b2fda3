//! The administrator's client: reads the command line and calls the library.

use clap::Parser;
use papertrader::ctl::{self, Offline, cli::Cli};
use papertrader::master::offline;
use std::process::ExitCode;

fn main() -> ExitCode {
    let offline = Offline {
        verify: offline::verify_file,
        restore: offline::restore,
    };
    ctl::run(&Cli::parse(), offline)
}
