//! spec/link/keyring.md · 3.1.5 Worker Management
//!
//! Limits for `gpg` processes: wall time and processor time. GPGME starts them and waits for them
//! without any.

use crossbeam_channel::{RecvTimeoutError, bounded};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use rustix::time::{ClockId, clock_gettime};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread::Builder;
use std::time::{Duration, Instant};

/// The most processor time of one `gpg` process. An honest call takes some 20 ms.
pub const PROCESSOR_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a call that goes on is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Runs `work`, which calls GPGME on `home`, on a thread of its own. While it goes on, its `gpg`
/// processes get a limit of [`PROCESSOR_TIMEOUT`]. After `limit`, and every `limit` again, it kills
/// the `gpg` processes of that home that are at least as old, so that GPGME returns. Also returns
/// whether either limit was exceeded.
///
/// # Errors
/// The thread could not be started. `work` has not run then.
pub fn run_with_timeout<T: Send>(
    home: &Path,
    limit: Duration,
    work: impl FnOnce() -> T + Send,
) -> io::Result<(T, bool)> {
    let (done, watched) = bounded::<()>(0);
    std::thread::scope(|scope| {
        let began = Instant::now();
        let worker = Builder::new()
            .name("gpg".into())
            .spawn_scoped(scope, move || {
                let result = work();
                drop(done);
                result
            })?;
        let (mut was_killed, mut was_seen) = (false, false);
        let mut kill_at = began + limit;
        loop {
            let left = kill_at.saturating_duration_since(Instant::now());
            let next = watched.recv_timeout(left.min(LOOK_INTERVAL));
            if next != Err(RecvTimeoutError::Timeout) {
                break;
            }
            was_seen |= limit_processor_time(home) > 0;
            if Instant::now() >= kill_at {
                was_killed = true;
                kill_old(home, limit);
                kill_at += limit;
            }
        }
        let is_late = was_killed || (was_seen && began.elapsed() >= PROCESSOR_TIMEOUT);
        match worker.join() {
            Ok(result) => Ok((result, is_late)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The `gpg` processes that use `home`. The agent is none of them.
fn gpg_of(home: &Path) -> impl Iterator<Item = Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(move |pid| is_gpg_of(*pid, home))
        .filter_map(Pid::from_raw)
}

/// Gives the `gpg` processes of `home` their limit of processor time, at which the kernel kills
/// them, and returns how many there are.
fn limit_processor_time(home: &Path) -> usize {
    let seconds = Some(PROCESSOR_TIMEOUT.as_secs());
    let limit = || Rlimit {
        current: seconds,
        maximum: seconds,
    };
    gpg_of(home)
        .filter(|pid| prlimit(Some(*pid), Resource::Cpu, limit()).is_ok())
        .count()
}

/// Kills the `gpg` processes that have used `home` for at least `age`, and returns how many.
pub fn kill_old(home: &Path, age: Duration) -> usize {
    gpg_of(home)
        .filter(|pid| process_age(*pid).is_some_and(|found| found >= age))
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
/// started, and so does this clock: `/proc/uptime` may be hidden from a service.
fn process_age(pid: Pid) -> Option<Duration> {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = Duration::from_secs(u64::try_from(now.tv_sec).ok()?);
    let now = seconds + Duration::from_nanos(u64::try_from(now.tv_nsec).ok()?);
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The process name is in parentheses and may contain anything. The start time is the 20th field
    // behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let started = fields
        .split_ascii_whitespace()
        .nth(19)?
        .parse::<u64>()
        .ok()?;
    Some(now.saturating_sub(Duration::from_millis(started * 10)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};

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
    fn a_gpg_that_computes_on_and_on_is_ended_by_the_kernel() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir").arg(home.path());
        // Random bytes without end.
        gpg.args(["--batch", "--gen-random", "0"]);
        gpg.stdout(Stdio::null()).stderr(Stdio::null());
        // Far beyond what a busy machine needs for the 2 s of processor time.
        let limit = Duration::from_secs(600);
        let (status, late) =
            run_with_timeout(home.path(), limit, || gpg.status().unwrap()).unwrap();
        assert!(status.signal().is_some() && late, "{status}");
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
