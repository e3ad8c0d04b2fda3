//! spec/cli.md · 2.1.4 User/Client
//!
//! The signals that end a command which waits.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::fs;

/// SIGINT, SIGTERM and SIGHUP, without those that whoever started this process lets it ignore:
/// `nohup` does so with SIGHUP, and a shell's script with SIGINT for a command in the background.
pub fn ending() -> Vec<i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = ignored(&status);
    let is_heeded = |signal: &i32| ignored & (1 << (signal - 1)) == 0;
    [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(is_heeded)
        .collect()
}

/// The ignored signals in the text of `/proc/PID/status`, each a bit from the lowest on; none where
/// the system does not say.
fn ignored(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_system() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t7\n";
        assert_eq!(ignored(status), 1 << 12 | 1 << (SIGHUP - 1));
        assert_eq!(ignored("Name:\tx\n"), 0);
    }
}
