//! spec/config.md · 2.3 Global Deployment Variables, 2.1.1 (the inner world is under lockdown)
//!
//! Checks the files and folders that a configuration names.

use super::reader::ConfigReport;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// The most bytes in the path of a GPG home. The path of a socket has at most 108 bytes, and
/// `gpg-agent` first binds its sockets there under longer names. Found by experiment. The keyring
/// refuses a longer one.
pub const GPG_HOME_MAX: usize = 86;

/// Requires a readable file without permissions for group and others.
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

/// Requires a readable regular file.
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

/// Requires a folder that exists.
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

/// Requires a folder if the path exists; it may be created later.
pub(super) fn future_folder(report: &ConfigReport, key: &str, path: &Path) {
    if path.exists() {
        folder(report, key, path);
    }
}

/// Requires a folder without permissions for group and others. Warns if its path is too long for
/// the sockets of GPG's agent.
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
        let reason = format!(
            "its path has {length} bytes; with more than {GPG_HOME_MAX} GPG's agent does not start"
        );
        report.warn(KEY, reason);
    }
}
