//! spec/bench/process.md · 3.1.1, 3.2.1 deployment and running stage
//!
//! The rivals' servers: started as children, awaited, and stopped.

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
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(20);
/// Between two looks at something that gives no sign.
const LOOK: Duration = Duration::from_millis(5);

/// A user that a server runs as.
#[derive(Debug, Clone, Copy)]
pub struct ServerUser {
    /// Its number.
    pub uid: u32,
    /// Its group's.
    pub gid: u32,
}

impl ServerUser {
    /// By its name, from whatever source the system has (NSS).
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

/// A server that runs until dropped: then it is asked to stop, and killed where it does not.
#[derive(Debug)]
pub struct Server {
    process: Process,
    name: String,
    stop: Signal,
}

impl Server {
    /// Starts it; what it prints goes to `log`.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(name: &str, mut command: Command, log: &Path, stop: Signal) -> Result<Server, String> {
        let failed = |e: io::Error| format!("{name}: {e}");
        let file = File::create(log).map_err(failed)?;
        command.stdout(file.try_clone().map_err(failed)?).stderr(file);
        Ok(Server {
            process: Process::start(command, None).map_err(failed)?,
            name: name.to_owned(),
            stop,
        })
    }

    /// Waits until something listens there.
    ///
    /// # Errors
    /// The server has ended, or takes too long.
    pub fn await_port(&mut self, address: SocketAddr, log: &Path) -> Result<(), String> {
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            self.check(began, log)?;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Whether it still may come.
    ///
    /// # Errors
    /// The server has ended, or takes too long.
    pub fn check(&mut self, began: Instant, log: &Path) -> Result<(), String> {
        self.process.look();
        let ended = self.process.ended();
        if ended.is_none() && began.elapsed() < START {
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
        self.process.wait_end(Instant::now() + STOP);
    }
}

/// Runs a command to its end and gives what it printed.
///
/// # Errors
/// It fails; with what it said.
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
