//! spec/bench.md · 3.1.1, 3.2.1 deployment and running stage
//!
//! Runs the rivals' servers as child processes.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use crate::testkit::process::Process;
use rustix::process::Signal;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// Time between two checks of a port.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A system user that a server runs as.
#[derive(Debug, Clone, Copy)]
pub struct ServerUser {
    pub uid: u32,
    pub gid: u32,
}

impl ServerUser {
    /// Looks a user up by name, through NSS.
    pub fn named(name: &str) -> Option<ServerUser> {
        let user = uzers::get_user_by_name(name)?;
        Some(ServerUser {
            uid: user.uid(),
            gid: user.primary_group_id(),
        })
    }

    /// Makes a command run as this user.
    pub fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

/// A running server. Dropping it asks it to stop, and kills it where it does not.
#[derive(Debug)]
pub struct Server {
    process: Process,
    name: String,
    stop: Signal,
}

impl Server {
    /// Starts a server, whose output goes to the file `log`.
    ///
    /// # Errors
    /// The server does not start.
    pub fn start(
        name: &str,
        mut command: Command,
        log: &Path,
        stop: Signal,
    ) -> Result<Server, String> {
        let failed = |e: io::Error| format!("{name}: {e}");
        let file = File::create(log).map_err(failed)?;
        command
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file);
        Ok(Server {
            process: Process::start(command, None).map_err(failed)?,
            name: name.to_owned(),
            stop,
        })
    }

    /// Waits until the server listens at `address`.
    ///
    /// # Errors
    /// The server has ended, or takes too long.
    pub fn await_port(&mut self, address: SocketAddr, log: &Path) -> Result<(), String> {
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            self.check(began, log)?;
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Checks that the server runs and still has time to start.
    ///
    /// # Errors
    /// The server has ended, or takes too long.
    pub fn check(&mut self, began: Instant, log: &Path) -> Result<(), String> {
        self.process.poll();
        let ended = self.process.ended();
        if ended.is_none() && began.elapsed() < START_TIMEOUT {
            return Ok(());
        }
        let said = fs::read_to_string(log).unwrap_or_default();
        let why = ended.map_or_else(|| "does not serve".to_owned(), |status| status.to_string());
        Err(format!("{}: {why}: {}", self.name, said.trim_end()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.signal(self.stop);
        self.process.wait_end(Instant::now() + STOP_TIMEOUT);
    }
}

/// Runs a command to its end; returns its output.
///
/// # Errors
/// The command fails; the error has its output.
pub fn run(mut command: Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{name}: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{name}: {}: {}", output.status, said.trim_end()))
    }
}
