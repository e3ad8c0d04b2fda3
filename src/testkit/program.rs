//! spec/testkit.md · 2.2 Infrastructure Model
//!
//! Finds the built programs.

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
