//! spec/bench/process.md · 3.1.1, 3.2.1 deployment and running stage
//!
//! The servers that are measured: started as children, awaited, looked at through `/proc`, and stopped.

use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(20);
/// Between two looks at something that gives no sign.
const LOOK: Duration = Duration::from_millis(5);
/// Clock ticks a second in `/proc/PID/stat`: the same on every Linux that Rust runs on.
const TICKS: u64 = 100;

/// A folder of our own that goes away when dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new one; short, for Unix sockets lie in it.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> Result<Folder, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ptb-{}-{number}", std::process::id()));
        fs::DirBuilder::new()
            .mode(0o711)
            .create(&path)
            .map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Folder(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A user that a server runs as.
#[derive(Debug, Clone, Copy)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its group's.
    pub gid: u32,
}

impl User {
    /// By its name in `/etc/passwd`.
    pub fn named(name: &str) -> Option<User> {
        let users = fs::read_to_string("/etc/passwd").ok()?;
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        match (numbers.next()?, numbers.next()?) {
            (Ok(uid), Ok(gid)) => Some(User { uid, gid }),
            _ => None,
        }
    }

    /// Makes a command run as this user.
    pub fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

/// Runs a program under the scheduling policy of the worker's systemd unit, `CPUSchedulingPolicy=batch`. Rivals run
/// under it too.
pub fn in_batch(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("chrt");
    command.args(["--batch", "0"]).arg(program);
    command
}

/// A server that runs until dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
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
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(failed)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file)
            .spawn()
            .map_err(failed)?;
        Ok(Server {
            child,
            name: name.to_owned(),
            stop,
        })
    }

    /// Starts a daemon that says when it serves, and waits for that; how long it took.
    ///
    /// # Errors
    /// It does not start, or not in time.
    pub fn start_notifying(
        name: &str,
        mut command: Command,
        folder: &Path,
    ) -> Result<(Server, Duration), String> {
        let failed = |e: io::Error| format!("{name}: {e}");
        let path = folder.join(format!("{name}.ready"));
        let _ = fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).map_err(failed)?;
        socket.set_read_timeout(Some(LOOK * 20)).map_err(failed)?;
        command.env("NOTIFY_SOCKET", &path);
        let log = folder.join(format!("{name}.out"));
        let began = Instant::now();
        let mut server = Server::start(name, command, &log, Signal::TERM)?;
        let mut room = [0; 4096];
        loop {
            if let Ok(size) = socket.recv(&mut room)
                && room[..size].split(|b| *b == b'\n').any(|line| line == b"READY=1")
            {
                return Ok((server, began.elapsed()));
            }
            server.check(began, &log)?;
        }
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
        let ended = self.child.try_wait().map_err(|e| format!("{}: {e}", self.name))?;
        if ended.is_none() && began.elapsed() < START {
            return Ok(());
        }
        let said = fs::read_to_string(log).unwrap_or_default();
        let why = ended.map_or_else(|| "does not serve".to_owned(), |status| status.to_string());
        Err(format!("{}: {why}: {}", self.name, said.trim_end()))
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid
            && matches!(self.child.try_wait(), Ok(None))
        {
            let _ = kill_process(pid, self.stop);
            let until = Instant::now() + STOP;
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(LOOK);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port on loopback that was free just now.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16, String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| format!("no free port: {e}"))
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

/// Bytes of memory that a process has resident.
///
/// # Errors
/// It is gone.
pub fn resident(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .map(|kib| kib * 1024)
        .ok_or_else(|| format!("{path}: no VmRSS"))
}

/// Nanoseconds of processor time that a process has used, in user and kernel mode.
///
/// # Errors
/// It is gone.
pub fn processor_time(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    // The name in parentheses may hold anything; the fields behind it are numbers.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|n| n.parse::<u64>().ok())
        .sum();
    Ok(ticks * (1_000_000_000 / TICKS))
}
