//! spec/testkit/state.md · 2.4.5 WorkerServer Structure (its ipaddr, for scripts)
//!
//! `sandbox.json`: addresses and process IDs of a sandbox.
//!
//! Tests: `tests/suite/programs/sandbox.rs`.

use super::error::{SandboxError, at};
use super::layout::{self, Layout};
use super::ports;
use crate::config::{ConfigError, MasterConfig, WebOrigin, WorkerConfig};
use crate::daemon;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;

/// The daemons of a sandbox, with their addresses and process IDs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxState {
    pub dir: PathBuf,
    /// Whether all daemons serve.
    pub ready: bool,
    /// The process that runs the sandbox; `None` while none does.
    pub pid: Option<u32>,
    pub master: Program,
    /// The workers, in order.
    pub workers: Vec<Program>,
}

/// A daemon of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// `master`, or the worker's name.
    pub name: String,
    /// Its address, `HOST:PORT`.
    pub address: String,
    /// Its process; `None` while it does not run.
    pub pid: Option<u32>,
    /// Whether it has reported that it serves.
    pub ready: bool,
    /// How often it was started again after it had ended.
    pub restarts: u32,
    /// The path of its configuration.
    pub config: PathBuf,
    /// Where a worker serves the page, for a browser.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page: Option<String>,
    /// The path of the master's control socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub control_socket: Option<PathBuf>,
}

impl SandboxState {
    /// The state that the configurations describe, with nothing running.
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
            page: None,
            control_socket: None,
        };
        let file = layout.master_config();
        let (config, _) = MasterConfig::load(&file).map_err(wrong)?;
        let mut master = program(layout::MASTER.to_owned(), config.listen.to_string(), file);
        master.control_socket = Some(config.control_socket);
        let mut workers = Vec::new();
        for (_, file) in layout.worker_configs() {
            let (config, _) = WorkerConfig::load(&file).map_err(wrong)?;
            let mut worker = program(config.name, config.listen.to_string(), file);
            let https = config.tls.is_some();
            worker.page = config
                .web
                .map(|web| format!("{}/", WebOrigin::of(https, web.listen)));
            workers.push(worker);
        }
        Ok(SandboxState {
            dir: layout.dir().to_owned(),
            ready: false,
            pid: None,
            master,
            workers,
        })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// The file does not exist, or does not have this form.
    pub fn read(layout: &Layout) -> Result<SandboxState, SandboxError> {
        let path = layout.state();
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        serde_json::from_str(&text)
            .map_err(|error| SandboxError::failed(format!("{}: {error}", path.display())))
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), SandboxError> {
        let path = layout.state();
        let text = serde_json::to_string_pretty(self).map_err(SandboxError::failed)?;
        ports::replace(&path, &format!("{text}\n")).map_err(at(&path))
    }

    /// The daemon with this number: the master is 0, worker N is N.
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

    /// `page http://HOST:PORT/`, for each worker that has one.
    pub fn page_lines(&self) -> impl Iterator<Item = String> {
        let pages = self
            .workers
            .iter()
            .filter_map(|worker| worker.page.as_ref());
        pages.map(|page| format!("page {page}"))
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
