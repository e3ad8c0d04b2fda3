//! spec/course.md · 4.3.1 Master-Worker Server Connection
//!
//! PaperTrader's own master, for the stage in which a student's worker links to it: a sandbox of the
//! course's market, whose one worker is registered and is not started, because the student's program
//! takes its place.
//!
//! Tests: `tests/suite/programs/course.rs`.

use super::children::{CourseChildren, TidyUpGuard};
use super::market;
use crate::config::WorkerConfig;
use crate::testkit::process::Process;
use crate::testkit::{Layout, SandboxOptions, init, layout, program};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long the master's start may take.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// A running master, which knows one worker. Dropping it ends the master and removes its folder.
#[derive(Debug)]
pub struct OurMaster {
    /// Ended before its folder is removed.
    process: Option<Process>,
    layout: Layout,
    worker: WorkerConfig,
    _folder: TempDir,
    _guard: TidyUpGuard,
}

impl OurMaster {
    /// Makes keys, market and database, and starts the master.
    ///
    /// # Errors
    /// The daemons' programs are not found, something cannot be made, or the master does not serve
    /// in time.
    pub fn start(children: &CourseChildren) -> Result<OurMaster, String> {
        program::check_daemons().map_err(|e| e.to_string())?;
        let guard = children.tidy_up();
        let folder = tempfile::Builder::new()
            .prefix("pt")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|e| format!("a folder for the master: {e}"))?;
        let lab = folder.path().join("lab");
        market::write(&lab).map_err(|e| format!("{}: {e}", lab.display()))?;
        let options = SandboxOptions {
            market: Some(lab),
            start: Some(market::START),
            // For a lab: nobody shall wait for a hash.
            bcrypt_cost: 4,
            is_run: true,
            ..SandboxOptions::new(folder.path().join("s"))
        };
        let layout = init(&options, &mut |_| {}).map_err(|e| e.to_string())?;
        let (worker, _) =
            WorkerConfig::load(&layout.worker_config(1)).map_err(|e| e.to_string())?;
        let mut master = OurMaster {
            process: None,
            layout,
            worker,
            _folder: folder,
            _guard: guard,
        };
        let socket = master.layout.notify_socket(layout::MASTER);
        let mut process = Process::daemon(
            &program::find("papertrader-master"),
            &master.layout.master_config(),
            &socket,
            Stdio::null(),
        )
        .map_err(|e| format!("papertrader-master: {e}"))?;
        let serves = process.wait_ready(Instant::now() + START_TIMEOUT);
        master.process = Some(process);
        if serves {
            Ok(master)
        } else {
            Err("papertrader-master does not serve".to_owned())
        }
    }

    /// `HOST:PORT` where the student's worker is to listen.
    pub fn workers_address(&self) -> String {
        self.worker.listen.to_string()
    }

    /// What the student's worker needs to know: the name in braces of a command, and its value.
    pub fn facts(&self) -> [(&'static str, String); 6] {
        let worker = &self.worker;
        [
            ("listen", worker.listen.to_string()),
            ("master", worker.master.to_string()),
            ("id", worker.uuid.to_string()),
            ("key", worker.gpg.key.to_string()),
            ("master-key", worker.gpg.master_key.to_string()),
            ("gnupghome", worker.gpg.home.display().to_string()),
        ]
    }

    /// A command of the student's, with the facts in the place of their names in braces.
    pub fn filled(&self, command: &str) -> String {
        self.facts()
            .iter()
            .fold(command.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            })
    }
}

impl Drop for OurMaster {
    fn drop(&mut self) {
        // The master first: its agents would be started again.
        self.process.take();
        self.layout.stop_agents();
    }
}
