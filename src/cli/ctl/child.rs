//! spec/cli/ctl.md · 3.1.2 Database Management, 3.1.5 Worker Management
//!
//! Root does not work with another user's files: it starts this program again with that user's rights
//! alone, and reads its answer like anything from outside.
//!
//! Tests: `tests/suite/master/restore.rs`.

use crate::admin::protocol::RESPONSE_MAX;
use crate::daemon;
use rustix::process::{Signal, set_parent_process_death_signal, setsid};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

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
    let failed = |error: &dyn std::fmt::Display| format!("the work as user {user} failed: {error}");
    // Where root names a user, the standard library drops all supplementary groups.
    let mut child = Command::new(THIS_PROGRAM)
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
    let most = u64::try_from(RESPONSE_MAX).unwrap_or(u64::MAX);
    let mut answer = Vec::new();
    let mut read = Ok(0);
    // At the end of this block the pipe is closed, so that a child that says too much ends.
    if let Some(output) = child.stdout.take() {
        read = output.take(most).read_to_end(&mut answer);
    }
    let status = child.wait().map_err(|error| failed(&error))?;
    read.map_err(|error| failed(&error))?;
    serde_json::from_slice::<Result<T, String>>(&answer)
        .map_err(|_| failed(&format!("it ended without an answer ({status})")))?
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
