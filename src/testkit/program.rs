//! spec/testkit.md · 2.2 Infrastructure Model
//!
//! Finds the built programs.

use super::SandboxError;
use std::env;
use std::path::{Path, PathBuf};

/// The path of a program: beside this one, or one folder above it, where tests run; otherwise its
/// name, to be found on `PATH`.
pub fn find(name: &str) -> PathBuf {
    env::current_exe()
        .ok()
        .and_then(|own| {
            let folders = own.ancestors().skip(1).take(2);
            folders
                .map(|folder| folder.join(name))
                .find(|path| path.exists())
        })
        .unwrap_or_else(|| PathBuf::from(name))
}

/// The folder of the built programs.
pub fn folder() -> PathBuf {
    find("papertrader-master")
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// Checks that both daemons' programs are where [`find`] looks.
///
/// # Errors
/// One is not.
pub fn check_daemons() -> Result<(), SandboxError> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let missing = ["papertrader-master", "papertrader-worker"]
        .into_iter()
        .find(|name| {
            let program = find(name);
            let is_found = program.is_absolute()
                || env::split_paths(&paths).any(|folder| folder.join(&program).is_file());
            !is_found
        });
    match missing {
        None => Ok(()),
        Some(name) => Err(SandboxError::failed(format!(
            "{name} is neither beside this program nor in a folder of PATH; nothing was made"
        ))),
    }
}
