//! spec/cli/ctl.md · 3.1.2 Database Management, 3.1.5 Worker Management
//!
//! Root does not work with another user's files: it starts this program again with that user's rights
//! alone, and reads its answer like anything from outside.
//!
//! Tests: `tests/suite/master/restore.rs`.

use crate::admin::protocol::RESPONSE_MAX;
use crate::daemon;
use crate::runtime;
use rustix::process::{Signal, set_parent_process_death_signal, setsid};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The program that runs, even if its file has been replaced, or stands in a folder that the other
/// user may not enter.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// The first argument of the child; no command of the command line has this name.
const CHILD: &str = "as-owner";

/// Runs a task in a child with the rights of `user` alone, and waits for its answer. That user can
/// steer the child: it gets no terminal, no environment and no other descriptor of ours, and its
/// answer is read like anything from outside.
///
/// # Errors
/// The child cannot be started, ends without an answer, or answers that its task failed.
pub(super) fn run<T: DeserializeOwned>(
    user: u32,
    group: u32,
    task: &[&OsStr],
    input: Stdio,
) -> Result<T, String> {
    run_within(user, group, task, input, None)
}

/// As [`run`], with a deadline: that user can also stop the child, and root would wait for ever.
///
/// # Errors
/// As [`run`]; there is no answer in time, and the child has been ended.
pub(super) fn run_within<T: DeserializeOwned>(
    user: u32,
    group: u32,
    task: &[&OsStr],
    input: Stdio,
    deadline: Option<Duration>,
) -> Result<T, String> {
    let failed = |error: &dyn std::fmt::Display| format!("the work as user {user} failed: {error}");
    // Where root names a user, the standard library drops all supplementary groups.
    let child = Command::new(THIS_PROGRAM)
        .arg(CHILD)
        .args(task)
        .uid(user)
        .gid(group)
        .env_clear()
        .current_dir("/")
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&error))?;
    let (answer, status) = outcome(child, deadline).map_err(|error| failed(&error))?;
    serde_json::from_slice::<Result<T, String>>(&answer)
        .map_err(|_| failed(&format!("it ended without an answer ({status})")))?
}

/// What a child says until its end.
///
/// # Errors
/// It cannot be read, or not in time.
fn outcome(mut child: Child, deadline: Option<Duration>) -> io::Result<(Vec<u8>, ExitStatus)> {
    let most = u64::try_from(RESPONSE_MAX).unwrap_or(u64::MAX);
    let output = child.stdout.take();
    // When this returns the pipe is closed, so that a child that says too much ends.
    let read = move || {
        let mut answer = Vec::new();
        let read = output.map_or(Ok(0), |output| output.take(most).read_to_end(&mut answer));
        read.map(|_| answer)
    };
    let Some(deadline) = deadline else {
        let answer = read();
        let status = child.wait()?;
        return Ok((answer?, status));
    };
    let (sender, receiver) = mpsc::channel();
    // A process that the child has left behind may keep the pipe open, so nobody waits for this thread.
    let spawned = runtime::spawn("an answer", move || {
        // The other end is gone after the deadline.
        let _ = sender.send(read());
    });
    let answer = spawned.and_then(|_| {
        let late = |_| {
            let why = format!("no answer in {} s", deadline.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, why)
        };
        receiver.recv_timeout(deadline).map_err(late)?
    });
    // One that has closed its output is done, even if it was stopped there; and a signal does not
    // change the status of one that ends.
    child.kill()?;
    let status = child.wait()?;
    Ok((answer?, status))
}

/// The task of a command line that [`run`] made; `None` for any other command line. A child leaves
/// the terminal of root, ends with its parent, and is no longer readable for others of its user.
///
/// # Errors
/// The system refuses one of these.
pub(super) fn task() -> Option<io::Result<Vec<OsString>>> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != CHILD {
        return None;
    }
    Some(detach().map(|()| arguments.collect()))
}

fn detach() -> io::Result<()> {
    setsid()?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    daemon::forbid_cores()
}

/// Writes a child's answer.
///
/// # Errors
/// Standard output is closed.
pub(super) fn answer<T: Serialize>(result: &Result<T, String>) -> io::Result<()> {
    io::stdout().write_all(&serde_json::to_vec(result)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn shell(script: &str) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn a_child_that_is_stopped_is_ended_at_the_deadline() {
        let began = Instant::now();
        let late = outcome(shell("kill -STOP $$"), Some(Duration::from_millis(50)));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // One that leaves a process with its output behind, and one that goes on behind its answer.
        let late = outcome(shell("sleep 60 &"), Some(Duration::from_millis(50)));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let long = Some(Duration::from_secs(600));
        let (answer, _) = outcome(shell("echo 1; exec >&-; kill -STOP $$"), long).unwrap();
        assert_eq!(answer, b"1\n");
        assert!(began.elapsed() < Duration::from_secs(300));
        for deadline in [None, long] {
            let (answer, status) = outcome(shell("echo 1; exit 3"), deadline).unwrap();
            assert_eq!((answer.as_slice(), status.code()), (&b"1\n"[..], Some(3)));
        }
    }
}
