//! spec/cli/papertrader.md · 2.1.4 User/Client
//!
//! `papertrader`, the client for people: reads the command line, calls a worker and prints the
//! answer.

pub mod age;
pub mod arguments;
pub mod chart;
pub mod commands;
pub mod password;
pub mod view;

use arguments::ClientCli;
use clap::FromArgMatches;
use std::process::ExitCode;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    let matches = arguments::command().get_matches();
    match ClientCli::from_arg_matches(&matches) {
        Ok(cli) => commands::run(cli),
        Err(error) => error.exit(),
    }
}
