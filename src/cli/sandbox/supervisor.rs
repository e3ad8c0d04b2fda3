//! spec/cli/sandbox/supervisor.md · 2.2 Infrastructure Model, 3.1.1, 3.2.1
//!
//! Runs a sandbox in the foreground: starts its daemons as children in order, restarts those that
//! fail, and stops them in order.
//!
//! Tests: `tests/suite/programs/sandbox.rs`.

use crate::daemon;
use crate::runtime::backoff::Backoff;
use crate::runtime::ownership::open_lock_file;
use crate::testkit::error::at;
use crate::testkit::process::{Process, wait_any};
use crate::testkit::state::{self, SandboxState};
use crate::testkit::{Layout, SandboxError, ports, program};
use rustix::process::Signal;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a daemon's first start may take.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a daemon may take to stop before it is killed. Daemons stop within 5 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(6);
/// Attempts to start, where another program takes a port between choosing and using it.
const START_TRIES: u32 = 3;
/// Delay before a failed daemon is started again. It doubles each time that the daemon fails before
/// it serves.
const RESTART_DELAY_MIN: Duration = Duration::from_millis(500);
/// The longest such delay.
const RESTART_DELAY_MAX: Duration = Duration::from_secs(10);
/// The longest wait of the loop.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Receives SIGINT and SIGTERM, which ask the sandbox to stop.
#[derive(Debug)]
pub struct StopSignals {
    pipe: UnixStream,
    requested: bool,
}

impl StopSignals {
    /// Installs handlers for both signals.
    ///
    /// # Errors
    /// The system refuses.
    pub fn watch() -> io::Result<StopSignals> {
        let (pipe, ours) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        for signal in [SIGINT, SIGTERM] {
            signal_hook::low_level::pipe::register(signal, ours.try_clone()?)?;
        }
        Ok(StopSignals {
            pipe,
            requested: false,
        })
    }

    /// Whether a signal has come.
    pub fn requested(&mut self) -> bool {
        let mut bytes = [0; 16];
        while matches!(self.pipe.read(&mut bytes), Ok(1..)) {
            self.requested = true;
        }
        self.requested
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

/// A daemon of the sandbox.
struct Slot {
    name: String,
    program: PathBuf,
    config: PathBuf,
    process: Option<Process>,
    /// When it is to be started again; `None` unless it has failed.
    due: Option<Instant>,
    pauses: Backoff,
    ready: bool,
}

/// Why the loop ended.
enum End {
    Asked,
    /// A daemon ended before all of them served.
    Failed(SandboxError),
}

struct Supervisor<'a> {
    layout: &'a Layout,
    state: SandboxState,
    slots: Vec<Slot>,
    restart: bool,
    /// Whether all of them have served at the same time.
    told: bool,
    signals: &'a mut StopSignals,
    tell: &'a mut dyn FnMut(&str),
    serves: &'a mut dyn FnMut(&SandboxState),
}

/// Holds a sandbox for this process: nobody else runs or changes it until the file is dropped.
///
/// # Errors
/// The folder is no sandbox, is run already, or is open to others.
pub fn hold(layout: &Layout) -> Result<File, SandboxError> {
    if !layout.master_config().exists() {
        return Err(SandboxError::failed(format!(
            "{}: this folder is not empty, and no sandbox: it has no master.toml",
            layout.dir().display()
        )));
    }
    layout.check_private()?;
    let lock = layout.lock();
    let file = open_lock_file(&lock).map_err(SandboxError::failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SandboxError::failed(format!(
            "{}: this sandbox runs already",
            layout.dir().display()
        ))),
        Err(TryLockError::Error(error)) => Err(at(&lock)(error)),
    }
}

/// Runs the sandbox, which `held` [holds](hold), until SIGINT or SIGTERM. It calls `serves` once,
/// when all daemons serve, and `tell` with a line for each event. With `restart`, a daemon that fails
/// later is started again.
///
/// # Errors
/// A daemon does not start (the exit code is the daemon's where its configuration is wrong); a daemon
/// had to be killed at the end. In each case nothing runs any more.
pub fn run(
    layout: &Layout,
    held: File,
    restart: bool,
    signals: &mut StopSignals,
    tell: &mut dyn FnMut(&str),
    serves: &mut dyn FnMut(&SandboxState),
) -> Result<(), SandboxError> {
    // Until the end of this function.
    let _held = held;
    let mut tries = START_TRIES;
    loop {
        for (old, new) in ports::settle(layout, false)? {
            tell(&format!(
                "{old} is taken by another program: moved to {new}"
            ));
        }
        let mut supervisor = Supervisor::new(layout, restart, signals, tell, serves)?;
        let end = supervisor.serve();
        let stopped = supervisor.stop();
        let told = supervisor.told;
        tries -= 1;
        match end? {
            End::Asked => return stopped,
            End::Failed(failure) => {
                let taken = SandboxState::planned(layout)?
                    .programs()
                    .filter_map(|program| program.address.parse().ok())
                    .any(|address| !ports::is_free(address));
                if told || tries == 0 || !taken {
                    return Err(failure);
                }
            }
        }
    }
}

impl<'a> Supervisor<'a> {
    fn new(
        layout: &'a Layout,
        restart: bool,
        signals: &'a mut StopSignals,
        tell: &'a mut dyn FnMut(&str),
        serves: &'a mut dyn FnMut(&SandboxState),
    ) -> Result<Supervisor<'a>, SandboxError> {
        let mut state = SandboxState::planned(layout)?;
        state.pid = Some(std::process::id());
        let slot = |(place, program): (usize, &state::Program)| Slot {
            name: program.name.clone(),
            program: program::find(if place == 0 {
                "papertrader-master"
            } else {
                "papertrader-worker"
            }),
            config: program.config.clone(),
            process: None,
            due: None,
            pauses: Backoff::new(RESTART_DELAY_MIN, RESTART_DELAY_MAX),
            ready: false,
        };
        let slots = state.programs().enumerate().map(slot).collect();
        state.write(layout)?;
        Ok(Supervisor {
            layout,
            state,
            slots,
            restart,
            told: false,
            signals,
            tell,
            serves,
        })
    }

    /// Runs until the signal, or until a daemon ends that must run.
    fn serve(&mut self) -> Result<End, SandboxError> {
        (self.tell)("starting the master …");
        self.start(0)?;
        let deadline = Instant::now() + START_TIMEOUT;
        let mut workers_started = false;
        loop {
            self.wait()?;
            if self.signals.requested() {
                return Ok(End::Asked);
            }
            for place in 0..self.slots.len() {
                if let Some(failure) = self.look(place)? {
                    return Ok(End::Failed(failure));
                }
            }
            if !workers_started && self.slots[0].ready {
                workers_started = true;
                let told = match self.slots.len() - 1 {
                    1 => "starting the worker …".to_owned(),
                    workers => format!("starting {workers} workers …"),
                };
                (self.tell)(&told);
                for place in 1..self.slots.len() {
                    self.start(place)?;
                }
            }
            if !self.told {
                let deadline = self.extended(deadline);
                if let Some(slot) = self.slots.iter().find(|slot| !slot.ready) {
                    if Instant::now() > deadline {
                        return Ok(End::Failed(SandboxError::failed(format!(
                            "{} does not serve after {START_TIMEOUT:?}; its log says why",
                            slot.name
                        ))));
                    }
                } else {
                    self.told = true;
                    self.state.ready = true;
                    self.state.write(self.layout)?;
                    (self.serves)(&self.state);
                }
            }
        }
    }

    /// The deadline of the start, or until when a daemon has asked to be waited for.
    fn extended(&self, deadline: Instant) -> Instant {
        let processes = self.slots.iter().filter_map(|slot| slot.process.as_ref());
        let latest = processes.filter_map(Process::extended).max();
        latest.map_or(deadline, |latest| latest.max(deadline))
    }

    fn wait(&self) -> Result<(), SandboxError> {
        let now = Instant::now();
        let due = self.slots.iter().filter_map(|slot| slot.due).min();
        let most = due.map_or(POLL_INTERVAL, |due| {
            due.saturating_duration_since(now).min(POLL_INTERVAL)
        });
        let children = self.slots.iter().filter_map(|slot| slot.process.as_ref());
        let fds = children
            .flat_map(Process::events)
            .chain(std::iter::once(self.signals.fd()));
        wait_any(fds, most).map_err(SandboxError::failed)
    }

    fn start(&mut self, place: usize) -> Result<(), SandboxError> {
        let slot = &mut self.slots[place];
        slot.due = None;
        slot.ready = false;
        let socket = self.layout.notify_socket(&slot.name);
        let process = Process::daemon(&slot.program, &slot.config, &socket, Stdio::inherit())
            .map_err(|error| {
                SandboxError::failed(format!("{} cannot be started: {error}", slot.name))
            })?;
        let pid = process.pid();
        slot.process = Some(process);
        self.record_state(place, Some(pid), false)
    }

    /// Records a daemon's state in `sandbox.json`.
    fn record_state(
        &mut self,
        place: usize,
        pid: Option<u32>,
        ready: bool,
    ) -> Result<(), SandboxError> {
        if let Some(program) = self.state.program(place) {
            program.pid = pid;
            program.ready = ready;
        }
        self.state.ready = self.told && self.slots.iter().all(|slot| slot.ready);
        self.state.write(self.layout)
    }

    /// Handles what has happened to a daemon; returns an error where the sandbox cannot go on.
    fn look(&mut self, place: usize) -> Result<Option<SandboxError>, SandboxError> {
        let slot = &mut self.slots[place];
        let Some(process) = &mut slot.process else {
            if slot.due.is_some_and(|due| due <= Instant::now()) {
                if let Some(program) = self.state.program(place) {
                    program.restarts += 1;
                }
                self.start(place)?;
            }
            return Ok(None);
        };
        process.poll();
        if let Some(status) = process.ended() {
            return self.ended(place, status);
        }
        if let Some(status) = process.take_status()
            && !process.is_ready()
        {
            (self.tell)(&format!("{}: {status}", slot.name));
        }
        if process.is_ready() && !slot.ready {
            slot.ready = true;
            slot.pauses.reset();
            let pid = process.pid();
            if self.told {
                (self.tell)(&format!("{} serves again, as process {pid}", slot.name));
            }
            self.record_state(place, Some(pid), true)?;
        }
        Ok(None)
    }

    fn ended(
        &mut self,
        place: usize,
        status: ExitStatus,
    ) -> Result<Option<SandboxError>, SandboxError> {
        let slot = &mut self.slots[place];
        slot.process = None;
        slot.ready = false;
        let name = slot.name.clone();
        if !self.told {
            let code = match status.code() {
                Some(code) if code == i32::from(daemon::BAD_CONFIG) => daemon::BAD_CONFIG,
                _ => daemon::FAILED,
            };
            let text = format!("{name} ended before it served: {status}");
            return Ok(Some(SandboxError { code, text }));
        }
        let again = self.restart && !status.success();
        let slot = &mut self.slots[place];
        if again {
            let pause = slot.pauses.next_wait();
            slot.due = Some(Instant::now() + pause);
            (self.tell)(&format!(
                "{name} ended: {status}; it is started again in {pause:?}"
            ));
        } else {
            // A daemon that a person stopped stays stopped.
            (self.tell)(&format!("{name} ended: {status}; it is not started again"));
        }
        self.record_state(place, None, false)?;
        Ok(None)
    }

    /// Stops the workers, then the master, so that the last replies still reach clients; then GPG's
    /// agents.
    fn stop(&mut self) -> Result<(), SandboxError> {
        let (master, workers) = self.slots.split_at_mut(1);
        let mut killed = Vec::new();
        for slots in [workers, master] {
            for slot in slots.iter_mut() {
                slot.due = None;
                if let Some(process) = &mut slot.process {
                    process.signal(Signal::TERM);
                }
            }
            let deadline = Instant::now() + STOP_TIMEOUT;
            for slot in slots {
                if let Some(mut process) = slot.process.take()
                    && process.wait_end(deadline).is_none()
                {
                    killed.push(slot.name.clone());
                }
                slot.ready = false;
            }
        }
        self.layout.stop_agents();
        self.state.pid = None;
        self.state.ready = false;
        for place in 0..self.slots.len() {
            if let Some(program) = self.state.program(place) {
                program.pid = None;
                program.ready = false;
            }
        }
        self.state.write(self.layout)?;
        if killed.is_empty() {
            return Ok(());
        }
        Err(SandboxError::failed(format!(
            "did not stop in time, and was killed: {}",
            killed.join(", ")
        )))
    }
}
