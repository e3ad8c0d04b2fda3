//! spec/testkit.md · 3.1.1, 3.2.1 deployment and running stage
//!
//! One daemon of a deployment: starts, watches, stops, kills and restarts it.
//!
//! Tests: `tests/suite/daemons.rs`.

use super::error::{SandboxError, at};
use super::own_clock::OwnClock;
use super::process::{Process, daemon_arguments};
use super::{Layout, Resources, TEST_TIMEOUT, program};
use crate::runtime::failpoint;
use parking_lot::Mutex;
use rustix::process::Signal;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};
use toml::{Table, Value};

/// One of a deployment's daemons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Master,
    /// A worker; the first is 1.
    Worker(u16),
}

impl Place {
    /// The daemon's name in the deployment's folder.
    pub fn name(self) -> String {
        match self {
            Place::Master => super::layout::MASTER.to_owned(),
            Place::Worker(number) => super::layout::worker_name(number),
        }
    }
}

/// A daemon, whether it runs or not. Several threads may use it.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    program: PathBuf,
    /// A program and its arguments that run the daemon; none where it runs by itself.
    prefix: Vec<String>,
    /// The time of systemd's watchdog that it is told.
    watchdog: Option<Duration>,
    clock: Option<OwnClock>,
    config: PathBuf,
    notify_socket: PathBuf,
    log: PathBuf,
    /// The file of its standard error, which has what it prints before it can log.
    errors: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Daemon {
    /// The daemon of this place in a deployment's folder.
    pub fn new(layout: &Layout, place: Place) -> Daemon {
        let (program, config) = match place {
            Place::Master => ("papertrader-master", layout.master_config()),
            Place::Worker(number) => ("papertrader-worker", layout.worker_config(number)),
        };
        Daemon::of(layout, place.name(), program, config)
    }

    /// The second master of a deployment.
    pub fn standby(layout: &Layout) -> Daemon {
        let name = super::layout::STANDBY.to_owned();
        Daemon::of(layout, name, "papertrader-master", layout.standby_config())
    }

    fn of(layout: &Layout, name: String, program: &str, config: PathBuf) -> Daemon {
        let file = |end: &str| layout.dir().join("log").join(format!("{name}.{end}"));
        Daemon {
            program: program::find(program),
            prefix: Vec::new(),
            watchdog: None,
            clock: None,
            config,
            notify_socket: layout.notify_socket(&name),
            log: file("log"),
            errors: file("err"),
            process: Mutex::new(None),
            name,
        }
    }

    /// Gives it a clock of its own, from its next start on.
    pub fn run_by_clock(&mut self, clock: OwnClock) {
        self.clock = Some(clock);
    }

    /// Sets its own clock this many milliseconds ahead of the machine's, or behind it.
    pub fn set_clock(&self, ahead: i64) {
        self.clock.as_ref().unwrap().set(ahead);
    }

    /// Has this program, which the daemon takes the place of, run it from its next start on: what
    /// follows its arguments is the daemon's command line.
    pub fn run_under(&mut self, prefix: Vec<String>) {
        self.prefix = prefix;
    }

    /// Makes it ping a watchdog of this time from its next start on.
    pub fn run_with_watchdog(&mut self, time: Duration) {
        self.watchdog = Some(time);
    }

    /// `master`, or the worker's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of its configuration.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Its address `HOST:PORT`, from its configuration.
    pub fn address(&self) -> String {
        let text = fs::read_to_string(&self.config).unwrap();
        let table: Table = text.parse().unwrap();
        table["listen"].as_str().unwrap().to_owned()
    }

    /// Sets a key in its configuration, such as `update_interval` or `accounts.bcrypt_cost`.
    pub fn set(&self, key: &str, value: impl Into<Value>) {
        let text = fs::read_to_string(&self.config).unwrap();
        let mut root: Table = text.parse().unwrap();
        let mut table = &mut root;
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().unwrap();
        for part in parts {
            let below = table
                .entry(part)
                .or_insert_with(|| Value::Table(Table::new()));
            table = below.as_table_mut().expect("a table, and no value");
        }
        table.insert(last.to_owned(), value.into());
        fs::write(&self.config, root.to_string()).unwrap();
    }

    /// Takes a key of the first level out of its configuration.
    pub fn unset(&self, key: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        let mut root: Table = text.parse().unwrap();
        root.remove(key);
        fs::write(&self.config, root.to_string()).unwrap();
    }

    /// Sets a key to a TOML value, such as `"5s"` or `12`.
    pub fn set_toml(&self, key: &str, value: &str) {
        let line: Table = format!("value = {value}").parse().unwrap();
        self.set(key, line["value"].clone());
    }

    /// Starts it without waiting. It dies at `failpoint`, such as `orders-stored:3`, where one is
    /// given.
    ///
    /// # Errors
    /// It runs already, or the system cannot start it.
    pub fn try_spawn(&self, failpoint: Option<&str>) -> Result<(), SandboxError> {
        let mut process = self.process.lock();
        if process.is_some() {
            return Err(SandboxError::failed(format!("{} runs already", self.name)));
        }
        let mut command = match self.prefix.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        daemon_arguments(&mut command, &self.config);
        if let Some(point) = failpoint {
            command.env(failpoint::VARIABLE, point);
        }
        if let Some(time) = self.watchdog {
            command.env("WATCHDOG_USEC", time.as_micros().to_string());
        }
        if let Some(clock) = &self.clock {
            clock.give(&mut command);
        }
        command.stderr(File::create(&self.errors).map_err(at(&self.errors))?);
        *process =
            Some(Process::start(command, Some(&self.notify_socket)).map_err(SandboxError::failed)?);
        Ok(())
    }

    /// Starts it and waits until it serves; returns how long that took.
    ///
    /// # Errors
    /// It does not start in time; the error has its output.
    pub fn try_start(&self) -> Result<Duration, SandboxError> {
        let begun = Instant::now();
        self.try_spawn(None)?;
        self.try_wait_ready()?;
        Ok(begun.elapsed())
    }

    /// Waits until it serves.
    ///
    /// # Errors
    /// It does not serve in time; the error has its output.
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

    /// Starts it without waiting. It dies at a fail point, such as `orders-stored:3`.
    pub fn spawn_with_failpoint(&self, point: &str) {
        self.try_spawn(Some(point)).unwrap();
    }

    /// Starts it, and waits until it serves.
    pub fn start(&self) {
        self.spawn();
        self.wait_ready();
    }

    /// Waits until it serves or has ended; returns whether it serves.
    pub fn serves(&self) -> bool {
        let mut process = self.process.lock();
        let process = process.as_mut().expect("it does not run");
        process.wait_ready(Instant::now() + TEST_TIMEOUT)
    }

    /// Waits until it serves.
    pub fn wait_ready(&self) {
        self.try_wait_ready().unwrap();
    }

    /// Whether it has said since its start that it serves, without waiting.
    pub fn has_served(&self) -> bool {
        let mut process = self.process.lock();
        process.as_mut().is_some_and(|process| {
            process.poll();
            process.is_ready()
        })
    }

    /// Whether it was started, and not stopped or killed since.
    pub fn is_started(&self) -> bool {
        self.process.lock().is_some()
    }

    /// Its exit status, where it ended without having been stopped or killed.
    pub fn fallen(&self) -> Option<ExitStatus> {
        let mut process = self.process.lock();
        let process = process.as_mut()?;
        process.poll();
        process.ended()
    }

    /// How often it has said, before it served, that its start goes on.
    pub fn extensions(&self) -> u64 {
        let mut process = self.process.lock();
        let process = process.as_mut().expect("it does not run");
        process.poll();
        process.extensions()
    }

    /// The status that the daemon has told systemd last, once.
    pub fn take_status(&self) -> Option<String> {
        let mut process = self.process.lock();
        let process = process.as_mut().expect("it does not run");
        process.poll();
        process.take_status()
    }

    /// How often it has pinged the watchdog since its start.
    pub fn pings(&self) -> u64 {
        let mut process = self.process.lock();
        let process = process.as_mut().expect("it does not run");
        process.poll();
        process.pings()
    }

    /// How often it has, before it first said that its start goes on.
    pub fn early_pings(&self) -> u64 {
        let mut process = self.process.lock();
        let process = process.as_mut().expect("it does not run");
        process.poll();
        process.early_pings()
    }

    /// Its process ID.
    pub fn pid(&self) -> u32 {
        self.process.lock().as_ref().expect("it does not run").pid()
    }

    /// Its memory, processor time and descriptors now.
    pub fn resources(&self) -> Resources {
        Resources::of(self.pid()).unwrap()
    }

    /// Sends a signal, such as `Signal::STOP`, `Signal::CONT` or `Signal::HUP`.
    pub fn signal(&self, signal: Signal) {
        self.process
            .lock()
            .as_mut()
            .expect("it does not run")
            .signal(signal);
    }

    /// Kills it with SIGKILL where it runs, and waits until it has ended.
    pub fn kill(&self) {
        // Dropping the process kills it.
        self.process.lock().take();
    }

    /// Asks it to stop and waits; returns its exit status and how long that took.
    pub fn stop(&self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal(Signal::TERM);
        let status = self.wait_exit(TEST_TIMEOUT).expect("SIGTERM stops it");
        (status, begun.elapsed())
    }

    /// Waits until it ends by itself, at most `patience`; returns its exit status. A daemon that
    /// does not end is killed.
    pub fn wait_exit(&self, patience: Duration) -> Option<ExitStatus> {
        let mut process = self.process.lock().take().expect("it does not run");
        process.wait_end(Instant::now() + patience)
    }

    /// The contents of its log file.
    pub fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its standard error and its log; warnings are in both.
    pub fn log(&self) -> String {
        [&self.errors, &self.log]
            .map(|path| fs::read_to_string(path).unwrap_or_default())
            .concat()
    }
}
