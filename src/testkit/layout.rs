//! spec/testkit/layout.md · 2.2 Infrastructure Model
//!
//! The paths of a sandbox's files, and how long its folder's path may be.
//!
//! Tests: `tests/suite/main.rs`.

use super::error::{SandboxError, at};
use crate::link::keyring::{HOME_MAX, Keyring};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Workers of a sandbox, at most.
pub const WORKERS_MAX: u16 = 64;
/// The address of every daemon of a sandbox.
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The master's name among the programs of a sandbox.
pub const MASTER: &str = "master";
/// The name of a master that stands by.
pub const STANDBY: &str = "standby";
/// The control socket, relative to the folder.
pub const CONTROL_SOCKET: &str = "master.sock";
/// The master's data folder, relative to the folder.
pub const MASTER_DATA: &str = "data/master";
/// The permission bits of group and others.
const OTHERS: u32 = 0o077;
/// The folder of sockets that exist while the sandbox runs.
const RUN: &str = "run";

/// The name of the worker of this number, from 1.
pub fn worker_name(number: u16) -> String {
    format!("worker-{number}")
}

/// The names of a master and its workers.
pub fn names(workers: u16) -> impl Iterator<Item = String> {
    std::iter::once(MASTER.to_owned()).chain((1..=workers).map(worker_name))
}

/// A sandbox's folder, as an absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// The sandbox in `dir`, whether it exists or not.
    ///
    /// # Errors
    /// The current folder is not known.
    pub fn new(dir: &Path) -> Result<Layout, SandboxError> {
        // Symbolic links are not resolved: the length of the path that is used counts for sockets.
        let dir = std::path::absolute(dir).map_err(at(dir))?;
        Ok(Layout { dir })
    }

    /// The folder, as an absolute path.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the folder is absent or holds nothing.
    ///
    /// # Errors
    /// It is not a folder, or cannot be read.
    pub fn is_empty(&self) -> Result<bool, SandboxError> {
        match fs::read_dir(&self.dir) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(at(&self.dir)(error)),
        }
    }

    /// Checks that an existing folder is ours, and that nobody else may read or write it.
    ///
    /// # Errors
    /// It is another user's, open to others, or cannot be read.
    pub fn check_private(&self) -> Result<(), SandboxError> {
        let dir = self.dir.display();
        let found = match fs::metadata(&self.dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            found => found.map_err(at(&self.dir))?,
        };
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(SandboxError::failed(format!(
                "{dir}: this folder belongs to user {}, and a sandbox stands in a folder of one's own",
                found.uid()
            )));
        }
        let mode = found.mode() & 0o7777;
        if mode & OTHERS == 0 {
            return Ok(());
        }
        Err(SandboxError::failed(format!(
            "{dir}: others may read or write this folder (mode {mode:04o}), and a sandbox has secret keys: \
             chmod 700 {dir}"
        )))
    }

    /// Checks that the path of every socket below the folder is short enough for the system and
    /// GPG's agents.
    ///
    /// # Errors
    /// The folder's path is too long; the error names its length.
    pub fn check_length(&self, workers: u16) -> Result<(), SandboxError> {
        let longest = names(workers)
            .map(|name| self.home(&name).as_os_str().len())
            .max()
            .unwrap_or_default();
        let length = self.dir.as_os_str().len();
        let most = HOME_MAX.saturating_sub(longest.saturating_sub(length));
        if length <= most {
            return Ok(());
        }
        Err(SandboxError::failed(format!(
            "{}: this path has {length} bytes, and the sockets of GPG's agents below it allow {most} at most; \
             choose a shorter one",
            self.dir.display()
        )))
    }

    /// The folders of a new sandbox, without the homes of GPG, which GPG makes.
    pub(super) fn folders(&self) -> [PathBuf; 5] {
        ["data", "gpg", "log", "market", RUN].map(|name| self.dir.join(name))
    }

    /// `master.toml`
    pub fn master_config(&self) -> PathBuf {
        self.dir.join("master.toml")
    }

    /// `standby.toml`, of a second master
    pub fn standby_config(&self) -> PathBuf {
        self.dir.join("standby.toml")
    }

    /// `worker-N.toml`, from 1
    pub fn worker_config(&self, number: u16) -> PathBuf {
        self.dir.join(format!("worker-{number}.toml"))
    }

    /// The workers' configurations that exist, with their numbers.
    pub fn worker_configs(&self) -> Vec<(u16, PathBuf)> {
        (1..=WORKERS_MAX)
            .map(|number| (number, self.worker_config(number)))
            .filter(|(_, path)| path.exists())
            .collect()
    }

    /// The GPG home of a daemon.
    pub fn home(&self, name: &str) -> PathBuf {
        self.dir.join("gpg").join(name)
    }

    /// The master's data folder.
    pub fn master_data(&self) -> PathBuf {
        self.dir.join(MASTER_DATA)
    }

    /// The folder of market files.
    pub fn market(&self) -> PathBuf {
        self.dir.join("market")
    }

    /// The master's control socket.
    pub fn control_socket(&self) -> PathBuf {
        self.dir.join(CONTROL_SOCKET)
    }

    /// The socket at which a daemon reports that it is ready.
    pub fn notify_socket(&self, name: &str) -> PathBuf {
        self.dir.join(RUN).join(format!("{name}.ready"))
    }

    /// `sandbox.json`, which tells scripts what runs.
    pub fn state(&self) -> PathBuf {
        self.dir.join("sandbox.json")
    }

    /// The lock file that the process which runs the sandbox holds.
    pub fn lock(&self) -> PathBuf {
        self.dir.join(RUN).join("lock")
    }

    /// Ends the agents that GPG started for the homes below this folder. Errors are ignored,
    /// because nothing needs the agents any more.
    pub fn stop_agents(&self) {
        let Ok(homes) = fs::read_dir(self.dir.join("gpg")) else {
            return;
        };
        for home in homes.flatten() {
            if let Ok(keyring) = Keyring::open(&home.path()) {
                let _ = keyring.stop();
            }
        }
    }

    /// Removes the folder's contents. The folder was empty before the sandbox was made.
    pub(super) fn clear(&self) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let _ = if path.is_dir() {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            };
        }
    }
}
