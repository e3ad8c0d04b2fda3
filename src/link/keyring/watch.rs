//! spec/link/keyring.md · 3.1.5 Worker Management
//!
//! Limits for `gpg` processes: wall time and processor time. GPGME starts them and waits for them
//! without any.

use crossbeam_channel::{RecvTimeoutError, bounded};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
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
/// The unit of times in `/proc`.
const PROCESSOR_TICK: Duration = Duration::from_millis(10);
/// A process that is gone and can have used as much counts as killed at [`PROCESSOR_TIMEOUT`]. The
/// kernel counts ticks for the limit, which on a busy machine come to more than what `/proc` says.
const SUSPECT_TIME: Duration = Duration::from_millis(1_500);

/// Runs `work`, which calls GPGME on `home`, on a thread of its own. While it goes on, its `gpg`
/// processes get a limit of [`PROCESSOR_TIMEOUT`]. After `limit`, and every `limit` again, it kills
/// the `gpg` processes of that home that are at least as old, so that GPGME returns. Also returns
/// whether a process reached either limit; a call that takes long for another reason has not.
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
        let (mut was_killed, mut used) = (false, ProcessorUse::default());
        let mut kill_at = began + limit;
        loop {
            let left = kill_at.saturating_duration_since(Instant::now());
            let next = watched.recv_timeout(left.min(LOOK_INTERVAL));
            if next != Err(RecvTimeoutError::Timeout) {
                break;
            }
            used.look(limit_processor_time(home), Instant::now());
            if Instant::now() >= kill_at {
                was_killed = true;
                kill_old(home, limit);
                kill_at += limit;
            }
        }
        used.look(Vec::new(), Instant::now());
        let is_late = was_killed || used.was_limited;
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

/// What the `gpg` processes of a call have used. GPGME reaps them, so nobody learns that the kernel
/// has killed one: it is told from the time that it can have used when it was gone.
#[derive(Debug, Default)]
struct ProcessorUse {
    /// The processor time that each process had used, and when that was read.
    seen: HashMap<Pid, (Duration, Instant)>,
    /// A process is gone that can have used [`SUSPECT_TIME`].
    was_limited: bool,
}

impl ProcessorUse {
    /// Takes note of the processes that there are `now`, and of those that are gone. One of them
    /// has computed since it was seen for as long as has passed, at most.
    fn look(&mut self, found: Vec<(Pid, Duration)>, now: Instant) {
        let seen: HashMap<_, _> = found
            .into_iter()
            .map(|(pid, used)| (pid, (used, now)))
            .collect();
        for (pid, (used, at)) in &self.seen {
            let at_most = *used + now.saturating_duration_since(*at);
            self.was_limited |= !seen.contains_key(pid) && at_most >= SUSPECT_TIME;
        }
        self.seen = seen;
    }
}

/// Gives the `gpg` processes of `home` their limit of processor time, at which the kernel kills
/// them, and returns what each has used.
fn limit_processor_time(home: &Path) -> Vec<(Pid, Duration)> {
    let seconds = Some(PROCESSOR_TIMEOUT.as_secs());
    let limit = || Rlimit {
        current: seconds,
        maximum: seconds,
    };
    gpg_of(home)
        .filter(|pid| prlimit(Some(*pid), Resource::Cpu, limit()).is_ok())
        .filter_map(|pid| Some((pid, processor_time(pid)?)))
        .collect()
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
    // The start time is the 20th field behind the name.
    let [started] = stat_times(pid, [19])?;
    Some(now.saturating_sub(started))
}

/// The processor time that a process has used, in its own code and in the kernel's.
fn processor_time(pid: Pid) -> Option<Duration> {
    let [own, kernel] = stat_times(pid, [11, 12])?;
    Some(own + kernel)
}

/// Fields of `/proc/PID/stat` that are times, in hundredths of a second there. They are counted
/// from behind the name, which is in parentheses and may contain anything.
fn stat_times<const N: usize>(pid: Pid, fields: [usize; N]) -> Option<[Duration; N]> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = [Duration::ZERO; N];
    for (time, field) in times.iter_mut().zip(fields) {
        let ticks = rest.split_ascii_whitespace().nth(field)?;
        *time = PROCESSOR_TICK.saturating_mul(ticks.parse().ok()?);
    }
    Some(times)
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
    fn a_call_that_takes_long_without_computing_has_not_reached_the_limit() {
        let home = tempfile::tempdir().unwrap();
        let mut gpg = hung(home.path());
        let input = gpg.stdin.take();
        let enough = PROCESSOR_TIMEOUT + LOOK_INTERVAL;
        let (status, late) = run_with_timeout(home.path(), Duration::from_secs(600), || {
            // Nobody sends: this waits, as for a lock that another holds.
            let (_open, nothing) = bounded::<()>(0);
            assert!(nothing.recv_timeout(enough).is_err());
            drop(input);
            gpg.wait().unwrap()
        })
        .unwrap();
        assert!(!status.success() && !late, "{status}");
    }

    #[test]
    fn who_is_gone_can_have_computed_since_it_was_seen() {
        let (one, two) = (Pid::from_raw(1).unwrap(), Pid::from_raw(2).unwrap());
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let used = |millis| Duration::from_millis(millis);
        let mut seen = ProcessorUse::default();
        seen.look(vec![(one, used(20)), (two, used(10))], at(250));
        seen.look(vec![(two, used(1_240))], at(1_500));
        assert!(!seen.was_limited, "one had 20 ms, and 1.25 s for more");
        seen.look(vec![(two, used(1_240))], at(9_000));
        assert!(!seen.was_limited, "it is still there");
        seen.look(Vec::new(), at(9_250));
        assert!(!seen.was_limited);
        seen.look(vec![(one, used(1_250))], at(9_250));
        seen.look(Vec::new(), at(9_500));
        assert!(seen.was_limited);
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
