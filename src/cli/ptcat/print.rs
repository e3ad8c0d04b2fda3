//! spec/cli.md · 4.7 Communication
//!
//! How the subcommands of `ptcat` print.

use crate::dialogue::filter::FilterError;
use std::io::{self, Write};

/// Prints a text and the end of its last line. A reader that has closed the pipe is no error.
pub(super) fn print(text: &str) -> Result<(), String> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e.to_string()),
        _ => Ok(()),
    }
}

/// The text of a filter's error; empty if the reader has closed the pipe.
pub(super) fn error_text(error: FilterError) -> String {
    match error {
        FilterError::Mistake(text) => text,
        FilterError::Io(e) if e.kind() == io::ErrorKind::BrokenPipe => String::new(),
        FilterError::Io(e) => e.to_string(),
    }
}
