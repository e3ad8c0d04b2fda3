//! spec/cli.md · 4.7 Communication
//!
//! How the subcommands of `ptcat` print.

use std::io::{self, Write};

/// Prints a text and the end of its last line. A reader that has closed the pipe is no error.
pub(super) fn print(text: &str) -> Result<(), String> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e.to_string()),
        _ => Ok(()),
    }
}
