//! spec/course.md · 2.2 Infrastructure Model
//!
//! The student's program as a child process, which the course starts, kills and starts again.
//!
//! Tests: `tests/suite/programs/course.rs`.

use super::children::{CourseChildren, TidyUpGuard};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// How long a program may take until its ports are open.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the ports of a killed program may stay open.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks at a port.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a program may take to print why it has closed a connection.
const OUTPUT_WAIT: Duration = Duration::from_millis(300);
/// The last lines of a program's output that an error shows.
const LINES_MAX: usize = 12;
/// The last bytes of a program's output in which those lines are looked for.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// Whether somebody accepts connections at `HOST:PORT`.
pub fn is_open(address: &str) -> bool {
    let addresses = address.to_socket_addrs().into_iter().flatten();
    addresses
        .into_iter()
        .any(|address| TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).is_ok())
}

/// A shell command that runs the student's program, and the program while it runs. Dropping it kills
/// the program.
#[derive(Debug)]
pub struct StudentProgram {
    command: String,
    /// What must be open when it serves.
    addresses: Vec<String>,
    children: CourseChildren,
    child: Option<Child>,
    output: NamedTempFile,
    /// It is killed, and waited for, before the process ends.
    _guard: TidyUpGuard,
}

impl StudentProgram {
    /// A program that serves at these addresses; it does not run yet.
    ///
    /// # Errors
    /// The file of its output cannot be made.
    pub fn new(
        command: &str,
        addresses: Vec<String>,
        children: &CourseChildren,
    ) -> Result<StudentProgram, String> {
        Ok(StudentProgram {
            command: command.to_owned(),
            addresses,
            children: children.clone(),
            child: None,
            _guard: children.tidy_up(),
            output: NamedTempFile::new().map_err(|e| format!("a file for the output: {e}"))?,
        })
    }

    /// Checks that nobody else serves at its addresses, whom the course would judge in its place.
    ///
    /// # Errors
    /// Somebody does.
    pub fn check_free(&self) -> Result<(), String> {
        match self.addresses.iter().find(|address| is_open(address)) {
            None => Ok(()),
            Some(taken) => Err(format!(
                "{taken}: another program serves there already; end it, or leave the command away"
            )),
        }
    }

    /// Starts it, and waits until all its addresses are open.
    ///
    /// # Errors
    /// The program cannot be started, ends, or does not open its ports in time. The text has its
    /// last lines.
    pub fn start(&mut self) -> Result<(), String> {
        // Both streams append: neither writes over the other, nor over what an earlier start said.
        let output = || {
            let file = File::options().append(true).open(self.output.path());
            file.map(Stdio::from)
        };
        let start = || -> io::Result<Child> {
            Command::new("sh")
                .arg("-c")
                .arg(&self.command)
                .stdin(Stdio::null())
                .stdout(output()?)
                .stderr(output()?)
                .process_group(0)
                .spawn()
        };
        let child = start().map_err(|e| format!("{}: {e}", self.command))?;
        self.children.add(Pid::from_child(&child));
        self.child = Some(child);
        self.wait_open()
    }

    fn wait_open(&mut self) -> Result<(), String> {
        let until = Instant::now() + START_TIMEOUT;
        loop {
            if self.addresses.iter().all(|address| is_open(address)) {
                return Ok(());
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok());
            if let Some(status) = ended.flatten() {
                return Err(format!("it ended, {status}{}", self.last_lines()));
            }
            if self.children.is_interrupted() || Instant::now() >= until {
                return Err(format!(
                    "{} is not open {} s after the start{}",
                    self.addresses.join(" or "),
                    START_TIMEOUT.as_secs(),
                    self.last_lines()
                ));
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Kills it with SIGKILL, with all processes that it has started, and waits until its ports are
    /// closed: only the first of its processes can be waited for, and another may have them.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let group = Pid::from_child(&child);
            // Only this code waits for the child, so its process group is still this one.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = child.wait();
            self.children.remove(group);
            let until = Instant::now() + CLOSE_TIMEOUT;
            let is_serving = || self.addresses.iter().any(|address| is_open(address));
            while is_serving() && Instant::now() < until {
                std::thread::sleep(LOOK_INTERVAL);
            }
        }
    }

    /// The last lines that it has printed while it served. An exception closes the connection first
    /// and is printed then, so this waits a moment for it.
    pub fn output(&self) -> Vec<String> {
        std::thread::sleep(OUTPUT_WAIT);
        let bytes = end_of(self.output.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LINES_MAX)..);
        let last = last.unwrap_or_default().iter();
        last.map(|line| (*line).to_owned()).collect()
    }

    /// The last lines that it has printed, below a heading; empty if it has printed nothing.
    fn last_lines(&self) -> String {
        let last = self.output().join("\n    ");
        if last.is_empty() {
            String::new()
        } else {
            format!("; its last lines:\n    {last}")
        }
    }
}

/// The last bytes of a file.
fn end_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(OUTPUT_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Drop for StudentProgram {
    fn drop(&mut self) {
        self.kill();
    }
}
