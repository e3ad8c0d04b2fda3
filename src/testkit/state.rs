//! spec/testkit/state.md · 2.4.5 WorkerServer Structure (its ipaddr, for scripts)
//!
//! `sandbox.json`: addresses and process IDs of a sandbox.

use super::{Layout, SandboxError, at, layout, ports};
use crate::config::{ConfigError, MasterConfig, WorkerConfig};
use crate::daemon;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;

/// What runs in a sandbox, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxState {
    /// The folder.
    pub dir: PathBuf,
    /// Whether all programs serve.
    pub ready: bool,
    /// The process that runs the sandbox, while one does.
    pub pid: Option<u32>,
    /// The master.
    pub master: Program,
    /// The workers, by number.
    pub workers: Vec<Program>,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// `master`, or the worker's name.
    pub name: String,
    /// Where it listens, `HOST:PORT`.
    pub address: String,
    /// Its process, while it runs.
    pub pid: Option<u32>,
    /// Whether it has said that it serves.
    pub ready: bool,
    /// How often it ended and was started again.
    pub restarts: u32,
    /// Its configuration.
    pub config: PathBuf,
    /// The master's control socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub control_socket: Option<PathBuf>,
}

impl SandboxState {
    /// As the configurations have it, with nothing running.
    ///
    /// # Errors
    /// A configuration cannot be read: exit code 78.
    pub fn planned(layout: &Layout) -> Result<SandboxState, SandboxError> {
        let wrong = |error: ConfigError| SandboxError {
            code: daemon::BAD_CONFIG,
            text: error.to_string(),
        };
        let program = |name: String, address: String, config: PathBuf| Program {
            name,
            address,
            pid: None,
            ready: false,
            restarts: 0,
            config,
            control_socket: None,
        };
        let file = layout.master_config();
        let (config, _) = MasterConfig::load(&file).map_err(wrong)?;
        let mut master = program(layout::MASTER.to_owned(), config.listen.to_string(), file);
        master.control_socket = Some(config.control_socket);
        let mut workers = Vec::new();
        for (_, file) in layout.worker_configs() {
            let (config, _) = WorkerConfig::load(&file).map_err(wrong)?;
            workers.push(program(config.name, config.listen.to_string(), file));
        }
        Ok(SandboxState {
            dir: layout.dir().to_owned(),
            ready: false,
            pid: None,
            master,
            workers,
        })
    }

    /// As the file has it.
    ///
    /// # Errors
    /// There is none, or it is not one of ours.
    pub fn read(layout: &Layout) -> Result<SandboxState, SandboxError> {
        let path = layout.state();
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        serde_json::from_str(&text)
            .map_err(|error| SandboxError::failed(format!("{}: {error}", path.display())))
    }

    /// Puts this in place of what the file had.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, layout: &Layout) -> Result<(), SandboxError> {
        let path = layout.state();
        let text = serde_json::to_string_pretty(self).map_err(SandboxError::failed)?;
        ports::replace(&path, &format!("{text}\n")).map_err(at(&path))
    }

    /// The program of that place: the master is 0, and worker N is N.
    pub fn program(&mut self, place: usize) -> Option<&mut Program> {
        match place.checked_sub(1) {
            None => Some(&mut self.master),
            Some(worker) => self.workers.get_mut(worker),
        }
    }

    /// The master, then the workers.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        std::iter::once(&self.master).chain(&self.workers)
    }

    /// `ready master=HOST:PORT worker=HOST:PORT …`
    pub fn ready_line(&self) -> String {
        use std::fmt::Write;
        let mut line = format!("ready master={}", self.master.address);
        for worker in &self.workers {
            // Writing to a String cannot fail.
            let _ = write!(line, " worker={}", worker.address);
        }
        line
    }
}
