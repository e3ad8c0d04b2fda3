//! spec/testkit/process.md · 3.1.1, 3.2.1 (deployment and running stage)
//!
//! A daemon as a child process, which ends with its parent.
//!
//! Tests: `tests/suite/programs/sandbox.rs`.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, kill_process, pidfd_open};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The longest notification of a daemon, in bytes.
const NOTICE_MAX: usize = 4096;

/// The longest extension of a start that is granted at once.
const EXTENSION_MAX: Duration = Duration::from_secs(600);

/// A running child process, usually a daemon. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pidfd: OwnedFd,
    /// The socket at which it reports that it serves, and the socket's path.
    notices: Option<(UnixDatagram, PathBuf)>,
    ready: bool,
    /// How often it has said, before it served, that its start goes on.
    extensions: u64,
    /// How often it has told the watchdog that it works.
    pings: u64,
    /// How often it has, before it first said that its start goes on.
    early_pings: u64,
    /// What it has last said of its state, if nobody has taken it.
    status: Option<String>,
    /// Until when it has asked to be waited for.
    extended: Option<Instant>,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `program --config CONFIG`, which reports to `socket` when it serves; `errors` is its
    /// standard error. It stops when this process ends in any way, because its standard input then
    /// ends.
    ///
    /// # Errors
    /// The socket cannot be made, or the program cannot be started.
    pub fn daemon(
        program: &Path,
        config: &Path,
        socket: &Path,
        errors: Stdio,
    ) -> io::Result<Process> {
        let mut command = Command::new(program);
        daemon_arguments(&mut command, config);
        command.stderr(errors);
        Process::start(command, Some(socket))
    }

    /// Starts a command, which reports to `socket`, where one is given, when it serves.
    ///
    /// # Errors
    /// The socket cannot be made, or the program cannot be started.
    pub fn start(mut command: Command, socket: Option<&Path>) -> io::Result<Process> {
        let notices = match socket {
            Some(socket) => {
                let _ = fs::remove_file(socket);
                let notices = UnixDatagram::bind(socket)?;
                notices.set_nonblocking(true)?;
                command.env("NOTIFY_SOCKET", socket);
                Some((notices, socket.to_owned()))
            }
            None => None,
        };
        let child = command.stdin(Stdio::piped()).spawn().map_err(|error| {
            let program = command.get_program().display();
            io::Error::new(error.kind(), format!("{program}: {error}"))
        })?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        Ok(Process {
            child,
            pidfd,
            notices,
            ready: false,
            extensions: 0,
            pings: 0,
            early_pings: 0,
            status: None,
            extended: None,
            ended: None,
        })
    }

    /// Its process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Descriptors that become readable when the process ends or reports something. Call
    /// [`Process::poll`] then.
    pub fn events(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let notices = self.notices.iter().map(|(notices, _)| notices.as_fd());
        std::iter::once(self.pidfd.as_fd()).chain(notices)
    }

    /// Updates the state of the process, without waiting.
    pub fn poll(&mut self) {
        let mut notice = [0; NOTICE_MAX];
        if let Some((notices, _)) = &self.notices {
            while let Ok(length) = notices.recv(&mut notice) {
                let said = String::from_utf8_lossy(&notice[..length]);
                for line in said.lines() {
                    self.ready |= line == "READY=1";
                    let extends = line.starts_with("EXTEND_TIMEOUT_USEC=");
                    self.extensions += u64::from(extends && !self.ready);
                    let pings = line == "WATCHDOG=1";
                    self.pings += u64::from(pings);
                    self.early_pings += u64::from(pings && self.extensions == 0 && !self.ready);
                    if let Some(status) = line.strip_prefix("STATUS=") {
                        self.status = Some(status.to_owned());
                    }
                    let longer = line.strip_prefix("EXTEND_TIMEOUT_USEC=");
                    if let Some(micros) = longer.and_then(|micros| micros.parse().ok()) {
                        let longer = Duration::from_micros(micros).min(EXTENSION_MAX);
                        self.extended = Some(Instant::now() + longer);
                    }
                }
            }
        }
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
    }

    /// Whether it has reported that it serves.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// How often it had said, before it served, that its start goes on, at the last
    /// [`Process::poll`].
    pub fn extensions(&self) -> u64 {
        self.extensions
    }

    /// How often it had told the watchdog that it works, at the last [`Process::poll`].
    pub fn pings(&self) -> u64 {
        self.pings
    }

    /// How often it had, before it first said that its start goes on.
    pub fn early_pings(&self) -> u64 {
        self.early_pings
    }

    /// What it has last said of its state, where that is new.
    pub fn take_status(&mut self) -> Option<String> {
        self.status.take()
    }

    /// Until when it has asked to be waited for, if it has.
    pub fn extended(&self) -> Option<Instant> {
        self.extended
    }

    /// Its exit status, where it has ended.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.ended
    }

    /// Sends it a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        // Only this code waits for the child, so its process ID is still valid here.
        if self.ended.is_none() {
            let _ = kill_process(Pid::from_child(&self.child), signal);
        }
    }

    /// Waits until it serves, at most until `deadline`, or as long as it asks for; returns whether it does.
    pub fn wait_ready(&mut self, deadline: Instant) -> bool {
        let mut until = deadline;
        loop {
            self.wait(until, |process| process.ready || process.ended.is_some());
            match self.extended.take() {
                Some(later) if !self.ready && self.ended.is_none() => until = until.max(later),
                _ => return self.ready && self.ended.is_none(),
            }
        }
    }

    /// Waits until it has ended, at most until `deadline`; returns its exit status.
    pub fn wait_end(&mut self, deadline: Instant) -> Option<ExitStatus> {
        self.wait(deadline, |process| process.ended.is_some());
        self.ended
    }

    fn wait(&mut self, deadline: Instant, until: impl Fn(&Process) -> bool) {
        loop {
            self.poll();
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
        if let Some((_, socket)) = &self.notices {
            let _ = fs::remove_file(socket);
        }
    }
}

/// A command that runs a program under the scheduling policy `batch`, which a worker asks for
/// itself.
pub fn in_batch(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("chrt");
    command.args(["--batch", "0"]).arg(program);
    command
}

/// Adds a daemon's arguments: its configuration, that it stops when its parent ends, and that it may
/// be root where we are.
pub fn daemon_arguments(command: &mut Command, config: &Path) {
    if geteuid().is_root() {
        command.arg("--allow-root");
    }
    command
        .arg("--config")
        .arg(config)
        .arg("--stop-with-input")
        .env_remove("WATCHDOG_USEC")
        .env_remove("WATCHDOG_PID")
        // Only the parent writes to standard output.
        .stdout(Stdio::null())
        // Ctrl-C reaches the parent alone, which stops its children in order.
        .process_group(0);
}

/// Waits until one of the descriptors is readable, at most `most`.
///
/// # Errors
/// `poll` fails.
pub fn wait_any<'a>(
    fds: impl IntoIterator<Item = BorrowedFd<'a>>,
    most: Duration,
) -> io::Result<()> {
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
