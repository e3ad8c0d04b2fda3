//! spec/cli/papertrader.md · 2.1.4 User/Client
//!
//! `papertrader`, the client for people: reads the command line, calls a worker and prints the
//! answer.

pub mod age;
pub mod arguments;
pub mod chart;
pub mod commands;
pub mod password;
mod tui;
pub mod view;

use crate::cli::usage::with_own_usage;
use arguments::ClientCli;
use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    let matches = with_own_usage(ClientCli::command()).get_matches();
    let cli = ClientCli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    commands::run(cli)
}
