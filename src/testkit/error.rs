//! spec/testkit.md · 2.2 Infrastructure Model
//!
//! Why a sandbox cannot be made or run.

use crate::daemon;
use crate::master::assets::AssetsError;
use std::fmt;
use std::io;

/// Why a sandbox cannot be made or run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxError {
    pub code: u8,
    pub text: String,
}

impl SandboxError {
    /// A failure with exit code 1.
    pub fn failed(text: impl fmt::Display) -> SandboxError {
        SandboxError {
            code: daemon::FAILED,
            text: text.to_string(),
        }
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for SandboxError {}

impl From<AssetsError> for SandboxError {
    /// A fault that may pass is a failure, and any other one a bad configuration.
    fn from(error: AssetsError) -> SandboxError {
        match error {
            AssetsError::Config(text) => SandboxError {
                code: daemon::BAD_CONFIG,
                text,
            },
            AssetsError::Failed(text) => SandboxError::failed(text),
        }
    }
}

/// Adds a file's path to the system's error.
pub(crate) fn at(path: &std::path::Path) -> impl Fn(io::Error) -> SandboxError + '_ {
    move |error| SandboxError::failed(format!("{}: {error}", path.display()))
}
