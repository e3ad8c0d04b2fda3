//! spec/link/keyring.md · 3.1.5 Worker Management
//!
//! A time limit for `gpg` processes. GPGME waits for them without one.

use crossbeam_channel::{RecvTimeoutError, bounded};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread::Builder;
use std::time::Duration;

/// Runs `work`, which calls GPGME on `home`. After `limit`, and every `limit` again, it kills the
/// `gpg` processes of that home that are at least as old, so that GPGME returns. Also returns
/// whether the limit was exceeded.
///
/// # Errors
/// The watching thread could not be started. `work` has not run then.
pub fn run_with_timeout<T>(
    home: &Path,
    limit: Duration,
    work: impl FnOnce() -> T,
) -> io::Result<(T, bool)> {
    let (done, watched) = bounded::<()>(0);
    std::thread::scope(|scope| {
        let watcher = Builder::new()
            .name("gpg-watch".into())
            .stack_size(128 * 1024)
            .spawn_scoped(scope, move || {
                let mut late = false;
                while watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                    late = true;
                    kill_old(home, limit);
                }
                late
            })?;
        let result = work();
        drop(done);
        Ok((result, watcher.join().unwrap_or(false)))
    })
}

/// Kills the `gpg` processes that have used `home` for at least `age`, and returns how many. It
/// does not kill the agent.
pub fn kill_old(home: &Path, age: Duration) -> usize {
    let Ok(processes) = fs::read_dir("/proc") else {
        return 0;
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| is_gpg_of(*pid, home) && process_age(*pid).is_some_and(|found| found >= age))
        .filter_map(Pid::from_raw)
        .filter(|pid| kill_process(*pid, Signal::KILL).is_ok())
        .count()
}

fn is_gpg_of(pid: i32, home: &Path) -> bool {
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let mut arguments = line.split(|byte| *byte == 0).map(OsStr::from_bytes);
    let program = arguments
        .next()
        .and_then(|program| Path::new(program).file_name());
    program == Some(OsStr::new("gpg")) && arguments.any(|argument| argument == home.as_os_str())
}

/// How long the process has run. `/proc` counts in hundredths of a second since the machine
/// started.
fn process_age(pid: i32) -> Option<Duration> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, rest) = uptime.split_once('.')?;
    let now = seconds.parse::<u64>().ok()? * 100 + rest.get(..2)?.parse::<u64>().ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The process name is in parentheses and may contain anything. The start time is the 20th field
    // behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let started = fields
        .split_ascii_whitespace()
        .nth(19)?
        .parse::<u64>()
        .ok()?;
    Some(Duration::from_millis(now.saturating_sub(started) * 10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    /// A `gpg` that waits for input that never comes.
    fn hung(home: &Path) -> Child {
        fs::set_permissions(home, fs::Permissions::from_mode(0o700)).unwrap();
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir")
            .arg(home)
            .args(["--batch", "--decrypt"]);
        gpg.stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    #[test]
    fn only_a_hung_gpg_of_this_home_is_killed() {
        let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut kept = hung(other.path());
        let mut ended = hung(ours.path());
        // `wait` would close the input of `gpg`, which would then end by itself.
        let _kept_open = ended.stdin.take();
        // The process has the command line of `gpg` only after exec.
        let start = Instant::now();
        while !is_gpg_of(i32::try_from(ended.id()).unwrap(), ours.path()) {
            assert!(start.elapsed() < Duration::from_secs(30));
            std::thread::yield_now();
        }
        assert_eq!(kill_old(ours.path(), Duration::from_secs(3600)), 0);
        let limit = Duration::from_millis(50);
        let (status, late) =
            run_with_timeout(ours.path(), limit, || ended.wait().unwrap()).unwrap();
        assert!(late && !status.success());
        assert!(kept.try_wait().unwrap().is_none());
        kept.kill().unwrap();
        kept.wait().unwrap();
    }

    #[test]
    fn work_within_the_limit_is_not_disturbed() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(
            run_with_timeout(home.path(), Duration::from_secs(60), || 7).unwrap(),
            (7, false)
        );
    }
}
