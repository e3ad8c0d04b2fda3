//! spec/config/check.md · 2.3 Global Deployment Variables, 2.1.1 (the inner world is under lockdown)
//!
//! What the files that a configuration names must be.

use super::reader::ConfigReport;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Permission bits of others than the owner.
const OTHERS: u32 = 0o077;

/// A longer GPG home has no room for the names of its agent's sockets in their 107 bytes.
const GPG_HOME_MAX: usize = super::values::SOCKET_PATH_MAX - "/S.gpg-agent.browser".len();

/// A file with a secret: there, readable, and nobody else's.
pub(super) fn secret_file(report: &ConfigReport, key: &str, path: &Path) {
    if let Some(it) = readable_file(report, key, path)
        && it.mode() & OTHERS != 0
    {
        let reason = format!(
            "others can read the secret in {} (mode {:04o}): chmod 600 {}",
            path.display(),
            it.mode() & 0o7777,
            path.display()
        );
        report.problem(key, reason);
    }
}

/// A file that is there and can be read.
pub(super) fn readable_file(report: &ConfigReport, key: &str, path: &Path) -> Option<Metadata> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(it) if it.is_file() => Some(it),
        Ok(_) => {
            report.problem(key, format!("{} is not a file", path.display()));
            None
        }
        Err(why) => {
            report.problem(key, format!("{} cannot be read: {why}", path.display()));
            None
        }
    }
}

/// A folder that is there.
pub(super) fn folder(report: &ConfigReport, key: &str, path: &Path) -> Option<Metadata> {
    match std::fs::metadata(path) {
        Ok(it) if it.is_dir() => Some(it),
        Ok(_) => {
            report.problem(key, format!("{} is not a folder", path.display()));
            None
        }
        Err(why) => {
            report.problem(key, format!("{} cannot be read: {why}", path.display()));
            None
        }
    }
}

/// A folder that may be made later: if something stands there, it is a folder.
pub(super) fn future_folder(report: &ConfigReport, key: &str, path: &Path) {
    if path.exists() {
        folder(report, key, path);
    }
}

/// A GPG home: there, nobody else's, and short enough for its agent's sockets.
pub(super) fn gpg_home(report: &ConfigReport, path: &Path) {
    const KEY: &str = "gpg.home";
    if let Some(it) = folder(report, KEY, path)
        && it.mode() & OTHERS != 0
    {
        let reason = format!(
            "others can enter {} (mode {:04o}), which holds the secret key: chmod 700 {}",
            path.display(),
            it.mode() & 0o7777,
            path.display()
        );
        report.problem(KEY, reason);
    }
    let length = path.as_os_str().len();
    if length > GPG_HOME_MAX {
        let reason =
            format!("its path has {length} bytes; with more than {GPG_HOME_MAX} GPG's agent may not start");
        report.warn(KEY, reason);
    }
}
