//! spec/cli/papertrader.md · 2.1.4 User/Client
//!
//! The client that a person uses: reads the command line, asks a worker, prints.

pub mod arguments;
pub mod chart;
pub mod commands;
pub mod password;
pub mod view;

use arguments::ClientCli;
use clap::Parser;
use std::process::ExitCode;

/// Does what the command line says; the process's exit code.
pub fn main() -> ExitCode {
    commands::run(ClientCli::parse())
}
