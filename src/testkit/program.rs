//! spec/testkit/program.md · 2.2 Infrastructure Model
//!
//! Where the built programs are.

use std::env;
use std::path::{Path, PathBuf};

/// The program of that name: beside this one, or one folder above it, where tests run; else on the
/// path.
pub fn find(name: &str) -> PathBuf {
    env::current_exe()
        .ok()
        .and_then(|own| {
            let folders = own.ancestors().skip(1).take(2);
            folders.map(|folder| folder.join(name)).find(|path| path.exists())
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
