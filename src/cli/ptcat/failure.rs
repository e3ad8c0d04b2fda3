//! spec/cli.md · 4.7 Communication
//!
//! Why a subcommand of `ptcat` ends early, and with which exit code.

use crate::dialogue::filter::lines::FilterError;
use crate::dialogue::script::ScriptErrors;
use std::io;

/// Why a subcommand ends without a result. The texts go to standard error.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something failed: exit code 1. An empty text means that the reader has closed the pipe;
    /// there is nothing to report.
    Failed(String),
    /// The command line or a dialogue's script is wrong: exit code 2.
    Mistake(String),
}

impl From<String> for Failure {
    fn from(text: String) -> Failure {
        Failure::Failed(text)
    }
}

impl From<ScriptErrors> for Failure {
    fn from(mistakes: ScriptErrors) -> Failure {
        Failure::Mistake(mistakes.to_string())
    }
}

impl From<FilterError> for Failure {
    fn from(error: FilterError) -> Failure {
        Failure::Failed(match error {
            FilterError::Mistake(text) => text,
            FilterError::Io(e) if e.kind() == io::ErrorKind::BrokenPipe => String::new(),
            FilterError::Io(e) => e.to_string(),
        })
    }
}
