//! spec/testkit/daemon.md · 3.1.1, 3.2.1 deployment and running stage
//!
//! One daemon of a deployment: started, watched, told to stop, killed, and started again in its
//! place.

use super::process::{Process, daemon_arguments, in_batch};
use super::{Layout, PATIENCE, Resources, SandboxError, at, program};
use crate::runtime::failpoint;
use parking_lot::Mutex;
use rustix::process::Signal;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};
use toml::{Table, Value};

/// Which of a deployment's daemons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The master.
    Master,
    /// A worker, from 1.
    Worker(u16),
}

impl Place {
    /// Its name in the deployment's folder.
    pub fn name(self) -> String {
        match self {
            Place::Master => super::layout::MASTER.to_owned(),
            Place::Worker(number) => super::layout::worker_name(number),
        }
    }
}

/// One daemon, whether it runs or not. All of it can be done from several threads.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    program: PathBuf,
    /// Run under the policy `batch`.
    in_batch: bool,
    config: PathBuf,
    notify_socket: PathBuf,
    log: PathBuf,
    /// Standard error: what it says before it can log.
    errors: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Daemon {
    /// The daemon of that place in a deployment's folder.
    pub fn new(layout: &Layout, place: Place) -> Daemon {
        let name = place.name();
        let file = |end: &str| layout.dir().join("log").join(format!("{name}.{end}"));
        let (program, config) = match place {
            Place::Master => ("papertrader-master", layout.master_config()),
            Place::Worker(number) => ("papertrader-worker", layout.worker_config(number)),
        };
        Daemon {
            program: program::find(program),
            in_batch: false,
            config,
            notify_socket: layout.notify_socket(&name),
            log: file("log"),
            errors: file("err"),
            process: Mutex::new(None),
            name,
        }
    }

    /// From its next start on it runs under the policy `batch`.
    pub fn run_in_batch(&mut self) {
        self.in_batch = true;
    }

    /// `master`, or the worker's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its configuration.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Where it listens, `HOST:PORT`, as its configuration has it.
    pub fn address(&self) -> String {
        let text = fs::read_to_string(&self.config).unwrap();
        let table: Table = text.parse().unwrap();
        table["listen"].as_str().unwrap().to_owned()
    }

    /// Sets a key in its configuration, `update_interval` or `accounts.bcrypt_cost`.
    pub fn set(&self, key: &str, value: impl Into<Value>) {
        let text = fs::read_to_string(&self.config).unwrap();
        let mut root: Table = text.parse().unwrap();
        let mut table = &mut root;
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().unwrap();
        for part in parts {
            let below = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            table = below.as_table_mut().expect("a table, and no value");
        }
        table.insert(last.to_owned(), value.into());
        fs::write(&self.config, root.to_string()).unwrap();
    }

    /// Sets a key to a value as TOML writes it, `"5s"` or `12`.
    pub fn set_toml(&self, key: &str, value: &str) {
        let line: Table = format!("value = {value}").parse().unwrap();
        self.set(key, line["value"].clone());
    }

    /// Starts it without waiting, with a fail point armed if there is one, `orders-stored:3`.
    ///
    /// # Errors
    /// It runs already, or the system cannot start it.
    pub fn try_spawn(&self, failpoint: Option<&str>) -> Result<(), SandboxError> {
        let mut process = self.process.lock();
        if process.is_some() {
            return Err(SandboxError::failed(format!("{} runs already", self.name)));
        }
        let mut command = if self.in_batch {
            in_batch(&self.program)
        } else {
            Command::new(&self.program)
        };
        daemon_arguments(&mut command, &self.config);
        if let Some(point) = failpoint {
            command.env(failpoint::VARIABLE, point);
        }
        command.stderr(File::create(&self.errors).map_err(at(&self.errors))?);
        *process = Some(Process::start(command, Some(&self.notify_socket)).map_err(SandboxError::failed)?);
        Ok(())
    }

    /// Starts it, and waits until it serves; how long that took.
    ///
    /// # Errors
    /// It does not start, or not in time; with what it said.
    pub fn try_start(&self) -> Result<Duration, SandboxError> {
        let begun = Instant::now();
        self.try_spawn(None)?;
        self.try_wait_ready()?;
        Ok(begun.elapsed())
    }

    /// Waits until it serves.
    ///
    /// # Errors
    /// It does not, or not in time; with what it said.
    pub fn try_wait_ready(&self) -> Result<(), SandboxError> {
        if self.serves() {
            return Ok(());
        }
        let ended = self.process.lock().as_ref().and_then(Process::ended);
        let (name, said) = (&self.name, self.log());
        Err(SandboxError::failed(format!(
            "{name} does not serve ({ended:?}):\n{said}"
        )))
    }

    /// Starts it without waiting.
    pub fn spawn(&self) {
        self.try_spawn(None).unwrap();
    }

    /// Starts it without waiting, to die at a fail point, `orders-stored:3`.
    pub fn spawn_with_failpoint(&self, point: &str) {
        self.try_spawn(Some(point)).unwrap();
    }

    /// Starts it, and waits until it serves.
    pub fn start(&self) {
        self.spawn();
        self.wait_ready();
    }

    /// Waits until it serves or has ended; whether it serves.
    pub fn serves(&self) -> bool {
        let mut process = self.process.lock();
        let process = process.as_mut().expect("it does not run");
        process.wait_ready(Instant::now() + PATIENCE)
    }

    /// Waits until it serves.
    pub fn wait_ready(&self) {
        self.try_wait_ready().unwrap();
    }

    /// Whether it was started, and neither stopped nor killed since.
    pub fn is_started(&self) -> bool {
        self.process.lock().is_some()
    }

    /// How it ended, where it did so though nobody stopped or killed it.
    pub fn fallen(&self) -> Option<ExitStatus> {
        let mut process = self.process.lock();
        let process = process.as_mut()?;
        process.look();
        process.ended()
    }

    /// Its process ID.
    pub fn pid(&self) -> u32 {
        self.process.lock().as_ref().expect("it does not run").pid()
    }

    /// What it takes of the machine now.
    pub fn resources(&self) -> Resources {
        Resources::of(self.pid()).unwrap()
    }

    /// Sends a signal: `Signal::STOP`, `Signal::CONT`, `Signal::HUP`.
    pub fn signal(&self, signal: Signal) {
        self.process
            .lock()
            .as_mut()
            .expect("it does not run")
            .signal(signal);
    }

    /// Kills it as the power fails, if it runs, and waits until it is gone.
    pub fn kill(&self) {
        // Dropped, it is killed.
        self.process.lock().take();
    }

    /// Asks it to stop, and waits; how it ended, and how long that took.
    pub fn stop(&self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal(Signal::TERM);
        let status = self.wait_exit(PATIENCE).expect("SIGTERM stops it");
        (status, begun.elapsed())
    }

    /// Waits until it ends by itself, at most that long; how it ended. One that does not end is
    /// killed.
    pub fn wait_exit(&self, patience: Duration) -> Option<ExitStatus> {
        let mut process = self.process.lock().take().expect("it does not run");
        process.wait_end(Instant::now() + patience)
    }

    /// What its log file holds.
    pub fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it has said and logged: warnings are said, too.
    pub fn log(&self) -> String {
        [&self.errors, &self.log]
            .map(|path| fs::read_to_string(path).unwrap_or_default())
            .concat()
    }
}
