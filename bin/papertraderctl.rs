//! The administrator's client: reads the command line and calls the library.

use clap::Parser;
use papertrader::ctl::{self, OfflineCommands, cli::CtlCli};
use papertrader::master::offline;
use std::process::ExitCode;

fn main() -> ExitCode {
    let offline = OfflineCommands {
        verify: offline::verify_file,
        restore: offline::restore,
    };
    ctl::run(&CtlCli::parse(), offline)
}
