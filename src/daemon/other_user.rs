//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module: the binary is run
//!
//! Root's work with another user's rights alone: the program starts itself again, leaves root's
//! terminal while it is root's still, and only then becomes that user's, who can steer it.

use crate::runtime;
use rustix::process::{Signal, set_parent_process_death_signal, setsid};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The program that runs, even if its file has been replaced, or stands in a folder that the other
/// user may not enter.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// The first argument of the step in between; no command line has it for another purpose.
const STEP: &str = "become-user";

/// Which of its outputs a child answers on. The other one is thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerOutput {
    /// Standard output.
    Output,
    /// Standard error.
    Errors,
}

/// This program, run again by root with the rights of another user.
#[derive(Debug)]
pub struct OtherUserRun<'a> {
    /// The user's ID.
    pub user: u32,
    /// The one group that it has.
    pub group: u32,
    /// The arguments of the program.
    pub arguments: &'a [&'a OsStr],
    /// All of its environment.
    pub variables: &'a [(&'a str, &'a str)],
    /// Its standard input, opened by root.
    pub input: Stdio,
    /// Where its answer is read.
    pub answers_on: AnswerOutput,
    /// The most bytes of its answer.
    pub answer_max: u64,
    /// When it is ended without an answer: that user can stop it, and root would wait for ever. `None`
    /// waits as long as it takes.
    pub deadline: Option<Duration>,
}

impl OtherUserRun<'_> {
    /// Runs the program until its end. It has no terminal, no environment but the given one, no other
    /// descriptor of ours, and the root folder as its working directory. Its answer is to be read like
    /// anything from outside.
    ///
    /// # Errors
    /// It cannot be started, its answer cannot be read, or does not come in time; then it is ended.
    pub fn answer(self) -> io::Result<(Vec<u8>, ExitStatus)> {
        let mut command = Command::new(THIS_PROGRAM);
        command
            .arg(STEP)
            .arg(self.user.to_string())
            .arg(self.group.to_string())
            .args(self.arguments)
            .env_clear()
            .envs(self.variables.iter().copied())
            .current_dir("/")
            .stdin(self.input);
        match self.answers_on {
            AnswerOutput::Output => command.stdout(Stdio::piped()).stderr(Stdio::null()),
            AnswerOutput::Errors => command.stdout(Stdio::null()).stderr(Stdio::piped()),
        };
        outcome(command.spawn()?, self.answer_max, self.deadline)
    }
}

/// The step between root and the other user, where the command line is that of one: leaves root's
/// terminal, and runs this program again with that user's rights. Returns only what went wrong; `None`
/// for any other command line. Every program that makes an [`OtherUserRun`] begins with it.
pub fn become_user() -> Option<io::Error> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != STEP {
        return None;
    }
    Some(step(arguments))
}

fn step(mut arguments: impl Iterator<Item = OsString>) -> io::Error {
    let mut number = || arguments.next()?.to_str()?.parse::<u32>().ok();
    let (Some(user), Some(group)) = (number(), number()) else {
        return io::ErrorKind::InvalidInput.into();
    };
    // What has a terminal can put input into it, as if root had typed.
    if let Err(error) = setsid()
        .map_err(io::Error::from)
        .and_then(|_| end_with_parent())
    {
        return error;
    }
    // Where root names a user, the standard library drops all supplementary groups.
    Command::new(THIS_PROGRAM)
        .args(arguments)
        .uid(user)
        .gid(group)
        .exec()
}

fn end_with_parent() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// In a child that is the other user's by now: ends with its parent, which is forgotten where a process
/// becomes another user's, and is not readable for others of its user.
///
/// # Errors
/// The system does not allow it.
pub fn detach() -> io::Result<()> {
    end_with_parent()?;
    super::forbid_cores()
}

/// What a child says until its end.
///
/// # Errors
/// It cannot be read, or not in time.
fn outcome(
    mut child: Child,
    most: u64,
    deadline: Option<Duration>,
) -> io::Result<(Vec<u8>, ExitStatus)> {
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    // When this returns the pipe is closed, so that a child that says too much ends.
    let read = move || {
        let mut answer = Vec::new();
        if let Some(output) = output {
            output.take(most).read_to_end(&mut answer)?;
        }
        if let Some(errors) = errors {
            errors.take(most).read_to_end(&mut answer)?;
        }
        Ok(answer)
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
        let outcome = |child, deadline| outcome(child, 1024, deadline);
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
