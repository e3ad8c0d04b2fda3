//! The client that a person uses: reads the command line and calls the library.

use clap::Parser;
use papertrader::client::{cli::ClientCli, commands};
use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run(ClientCli::parse())
}
