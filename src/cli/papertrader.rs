//! spec/cli/papertrader.md · 2.1.4 User/Client
//!
//! `papertrader`, the client for people: reads the command line, calls a worker and prints the
//! answer.

mod advised;
pub mod age;
pub mod arguments;
pub mod chart;
pub mod commands;
pub mod outcome_words;
pub mod password;
pub mod splits;
mod tui;
pub mod view;

use crate::cli::usage::{refuse, with_own_usage};
use arguments::ClientCli;
use clap::{CommandFactory, FromArgMatches};
use commands::completion;
use std::process::ExitCode;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    let line: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if let [_, command, rest @ ..] = &line[..]
        && command == completion::COMMAND
    {
        completion::run(rest);
        return ExitCode::SUCCESS;
    }
    let command = with_own_usage(ClientCli::command());
    let matches = command.try_get_matches_from(line);
    match matches.and_then(|matches| ClientCli::from_arg_matches(&matches)) {
        Ok(cli) => commands::run(cli),
        Err(error) => refuse(&error),
    }
}
