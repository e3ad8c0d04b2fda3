//! Makes and runs a whole deployment in one folder: reads the command line and calls the library.

use clap::Parser;
use papertrader::sandbox::cli::{self, SandboxCli};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(&SandboxCli::parse())
}
