//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module: deployment and running stage
//!
//! A program as the first process of a container. It starts itself again as its child, and does
//! what is left to a first process: it waits for processes whose parents have ended, GnuPG's above
//! all, which otherwise stay as zombies.
//!
//! Tests: `tests/suite/first_process.rs`.

use super::FAILED;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, wait};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use std::io;
use std::process::{Command, ExitCode};

/// What is added to a signal's number for the exit code of a program that the signal has ended, as
/// shells do.
const SIGNAL_CODE_BASE: i32 = 128;
/// The signals that are passed on to the child.
const PASSED_ON: [i32; 6] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];

/// Where this process is the first one of its process namespace, as in a container: runs this
/// program again, with the same arguments, as its child, until that ends, and returns its exit code.
/// None elsewhere, and where the child cannot be started, which is said on standard error: the
/// caller then goes on itself.
///
/// Call it before anything else of the program, and while it has one thread.
pub fn run_as_child() -> Option<ExitCode> {
    if getpid() != Pid::INIT {
        return None;
    }
    match supervise() {
        Ok(code) => Some(ExitCode::from(code)),
        Err(error) => {
            eprintln!("the first process goes on without a child, and leaves zombies: {error}");
            None
        }
    }
}

/// # Errors
/// The child cannot be started.
fn supervise() -> io::Result<u8> {
    // Before the child is there, so that none of its signals is missed.
    let mut signals = Signals::new(PASSED_ON.into_iter().chain([SIGCHLD]))?;
    let mut words = std::env::args_os();
    let mut command = Command::new(std::env::current_exe()?);
    if let Some(name) = words.next() {
        std::os::unix::process::CommandExt::arg0(&mut command, name);
    }
    let child = Pid::from_child(&command.args(words).spawn()?);
    for signal in signals.forever() {
        if signal != SIGCHLD {
            if let Some(signal) = Signal::from_named_raw(signal) {
                // It fails where the child has just ended.
                let _ = kill_process(child, signal);
            }
            continue;
        }
        // One signal may stand for several children.
        while let Ok(Some((ended, status))) = wait(WaitOptions::NOHANG) {
            if ended == child {
                return Ok(exit_code(status));
            }
        }
    }
    Ok(FAILED)
}

fn exit_code(status: WaitStatus) -> u8 {
    let by_signal = || status.terminating_signal().map(|it| SIGNAL_CODE_BASE + it);
    let code = status.exit_status().or_else(by_signal);
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(FAILED)
}
