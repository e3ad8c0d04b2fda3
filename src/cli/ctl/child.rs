//! spec/cli/ctl.md · 3.1.2 Database Management, 3.1.5 Worker Management
//!
//! Root does not work with another user's files: it starts this program again with that user's rights
//! alone, and reads its answer like anything from outside.
//!
//! Tests: `tests/suite/master/restore.rs`.

use crate::admin::protocol::RESPONSE_MAX;
use crate::daemon::other_user::{AnswerOutput, OtherUserRun, detach};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::iter;
use std::process::Stdio;
use std::time::Duration;

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
    let arguments: Vec<&OsStr> = iter::once(OsStr::new(CHILD))
        .chain(task.iter().copied())
        .collect();
    let child = OtherUserRun {
        user,
        group,
        arguments: &arguments,
        variables: &[],
        input,
        answers_on: AnswerOutput::Output,
        answer_max: u64::try_from(RESPONSE_MAX).unwrap_or(u64::MAX),
        deadline,
    };
    let (answer, status) = child.answer().map_err(|error| failed(&error))?;
    serde_json::from_slice::<Result<T, String>>(&answer)
        .map_err(|_| failed(&format!("it ended without an answer ({status})")))?
}

/// The task of a command line that [`run`] made; `None` for any other command line. A child ends
/// with its parent, and is no longer readable for others of its user.
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

/// Writes a child's answer.
///
/// # Errors
/// Standard output is closed.
pub(super) fn answer<T: Serialize>(result: &Result<T, String>) -> io::Result<()> {
    io::stdout().write_all(&serde_json::to_vec(result)?)
}
