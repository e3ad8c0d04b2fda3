//! spec/sandbox/process.md · 3.1.1, 3.2.1 (deployment and running stage)
//!
//! A daemon as a child process: started, asked whether it is ready, told to stop, and never left behind.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::env;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What a daemon says of itself at a time.
const NOTICE_MAX: usize = 4096;

/// The program of that name: beside this one, else on the path.
pub fn program(name: &str) -> PathBuf {
    env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(|folder| folder.join(name)))
        .filter(|beside| beside.exists())
        .unwrap_or_else(|| PathBuf::from(name))
}

/// A running daemon. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pidfd: OwnedFd,
    notices: UnixDatagram,
    socket: PathBuf,
    ready: bool,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `program --config CONFIG`, which tells `socket` when it serves; `errors` is its standard
    /// error. It stops when this process ends, however
    /// that comes about: its standard input then ends.
    ///
    /// # Errors
    /// The socket cannot be made, or the program not be started.
    pub fn start(program: &Path, config: &Path, socket: &Path, errors: Stdio) -> io::Result<Process> {
        let _ = fs::remove_file(socket);
        let notices = UnixDatagram::bind(socket)?;
        notices.set_nonblocking(true)?;
        let child = Command::new(program)
            .arg("--config")
            .arg(config)
            .arg("--stop-with-input")
            .env("NOTIFY_SOCKET", socket)
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .stdin(Stdio::piped())
            // Standard output is its parent's own.
            .stdout(Stdio::null())
            .stderr(errors)
            // Ctrl-C goes to the parent alone, which stops its children in order.
            .process_group(0)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", program.display())))?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        Ok(Process {
            child,
            pidfd,
            notices,
            socket: socket.to_owned(),
            ready: false,
            ended: None,
        })
    }

    /// Its process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Becomes readable when the process has ended, or has something to say; to be followed by [`Process::look`].
    pub fn events(&self) -> [BorrowedFd<'_>; 2] {
        [self.pidfd.as_fd(), self.notices.as_fd()]
    }

    /// Takes in what has happened, without waiting.
    pub fn look(&mut self) {
        let mut notice = [0; NOTICE_MAX];
        while let Ok(length) = self.notices.recv(&mut notice) {
            let said = String::from_utf8_lossy(&notice[..length]);
            self.ready |= said.lines().any(|line| line == "READY=1");
        }
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
    }

    /// Whether it has said that it serves.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.ended
    }

    /// Sends it a signal; one that has ended gets none.
    pub fn signal(&mut self, signal: Signal) {
        // Nobody else waits for the child, so that its ID is still its own here.
        if self.ended.is_none() {
            let _ = kill_process(Pid::from_child(&self.child), signal);
        }
    }

    /// Waits until it serves, at most until `deadline`; whether it does.
    pub fn wait_ready(&mut self, deadline: Instant) -> bool {
        self.wait(deadline, |process| process.ready || process.ended.is_some());
        self.ready && self.ended.is_none()
    }

    /// Waits until it has ended, at most until `deadline`; how it ended.
    pub fn wait_end(&mut self, deadline: Instant) -> Option<ExitStatus> {
        self.wait(deadline, |process| process.ended.is_some());
        self.ended
    }

    fn wait(&mut self, deadline: Instant, until: impl Fn(&Process) -> bool) {
        loop {
            self.look();
            if until(self) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || wait_any(self.events(), left).is_err() {
                return;
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_file(&self.socket);
    }
}

/// Waits until one of these is readable, at most so long.
///
/// # Errors
/// The system refuses.
pub fn wait_any<'a>(fds: impl IntoIterator<Item = BorrowedFd<'a>>, most: Duration) -> io::Result<()> {
    let mut polls: Vec<PollFd<'_>> = fds
        .into_iter()
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
        .collect();
    let most = Timespec::try_from(most).map_err(io::Error::other)?;
    match poll(&mut polls, Some(&most)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
