//! The administrator's client: reads the command line and calls the library.

use clap::Parser;
use papertrader::ctl::{self, OfflineCommands, cli::CtlCli};
use papertrader::master::restore;
use std::process::ExitCode;

fn main() -> ExitCode {
    let offline = OfflineCommands {
        verify: restore::verify_file,
        restore: restore::restore,
    };
    ctl::run(&CtlCli::parse(), offline)
}
