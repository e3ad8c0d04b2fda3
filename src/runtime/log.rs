//! spec/runtime/log.md · 2.4.4 LogEntry Structure, 3.1.4 Log System, 3.2.5 Logging System, 2.3.3 Memory Size
//!
//! Entries with their place in the source, a bounded memory of them, and a thread that writes them out.

mod entry;
mod memory;
mod sink;
mod throttle;

pub use entry::LogEntry;
pub use log::{Level, LevelFilter, max_level};
pub use throttle::{SuppressedCount, Throttle};

use crate::runtime::{self, Stop, ThreadHandle};
use crossbeam_channel::{Receiver, Sender, bounded, select};
use memory::Memory;
use parking_lot::Mutex;
use sink::Sink;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;

/// What has been logged stands in the file at the latest this long afterwards.
pub const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// A module that finds the memory full waits at most this long for the disk, then drops an entry.
const ROOM_DEADLINE: Duration = Duration::from_millis(20);

/// Nobody waits longer than this for one of the log's locks.
const LOCK_DEADLINE: Duration = Duration::from_secs(2);

/// Where the log goes, and how much of it: the `[log]` table of both configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// The file, appended to; made with mode 0640.
    pub file: PathBuf,
    /// The least severe level that is kept.
    pub level: LevelFilter,
    /// Entries held in memory at most (2.3.3), at least 1.
    pub memory_entries: usize,
}

/// Why the log cannot start.
#[derive(Debug, Error)]
pub enum LogError {
    /// The file cannot be opened for appending.
    #[error("the log file {0} cannot be opened: {1}")]
    File(PathBuf, io::Error),
    /// The thread that writes cannot be started.
    #[error("the log's thread cannot be started: {0}")]
    Thread(io::Error),
    /// The process has a logger already.
    #[error("the log runs already")]
    Running,
}

/// What the logger, its thread and the handle share.
struct Shared {
    memory: Memory,
    sink: Mutex<Sink>,
    /// Wakes the thread before its time; one waiting message says it all.
    wake: Sender<()>,
    /// The least severe level that is copied to standard error.
    copied: AtomicU8,
}

/// The running log. Clones drive the same one.
#[derive(Clone)]
pub struct LogHandle {
    shared: Arc<Shared>,
    stop: Stop,
    thread: Arc<Mutex<Option<ThreadHandle>>>,
}

/// Starts the log of this process: from here on the macros, and libraries that use the `log` facade, land in it.
///
/// # Errors
/// The file cannot be opened, the thread not be started, or the process has a logger already.
pub fn start(config: LogConfig) -> Result<LogHandle, LogError> {
    let (handle, logger) = build(config.clone())?;
    log::set_boxed_logger(Box::new(logger)).map_err(|_| LogError::Running)?;
    handle.set_level(config.level);
    Ok(handle)
}

fn build(config: LogConfig) -> Result<(LogHandle, Logger), LogError> {
    let sink = Sink::open(&config.file).map_err(|why| LogError::File(config.file.clone(), why))?;
    let (wake, woken) = bounded(1);
    let shared = Arc::new(Shared {
        memory: Memory::new(config.memory_entries),
        copied: AtomicU8::new(sink.copied_level() as u8),
        sink: Mutex::new(sink),
        wake,
    });
    let stop = Stop::new();
    let (ours, ending) = (Arc::clone(&shared), stop.clone());
    let thread = runtime::spawn("log", move || ours.run(&woken, &ending)).map_err(LogError::Thread)?;
    let handle = LogHandle {
        shared: Arc::clone(&shared),
        stop,
        thread: Arc::new(Mutex::new(Some(thread))),
    };
    Ok((handle, Logger(shared)))
}

impl LogHandle {
    /// Writes out what is in memory now.
    ///
    /// # Errors
    /// The file does not take it; the entries are kept as far as the memory reaches.
    pub fn flush(&self) -> io::Result<()> {
        self.shared.write_out(true)
    }

    /// Writes out what is in memory and opens the file anew by its name: after it was moved away.
    ///
    /// # Errors
    /// There is no opening the new file; the log goes on in the old one.
    pub fn reopen(&self) -> io::Result<()> {
        // What does not go into the old file goes into the new one.
        let _ = self.shared.write_out(true);
        self.shared.sink()?.reopen()
    }

    /// The last `count` entries that are still in memory, oldest first, written out or not.
    pub fn tail(&self, count: usize) -> Vec<LogEntry> {
        self.shared.memory.tail(count)
    }

    /// Entries that were lost so far because the file could not be written.
    pub fn lost(&self) -> u64 {
        self.shared.memory.lost()
    }

    /// From now on, keeps what is at least as severe as `level`.
    pub fn set_level(&self, level: LevelFilter) {
        log::set_max_level(level);
    }

    /// Ends the writing thread after a last flush, at most until `deadline`. What is logged later stays in
    /// memory until somebody flushes.
    ///
    /// # Errors
    /// The last flush failed, or the thread did not end in time.
    pub fn stop(&self, deadline: Instant) -> io::Result<()> {
        self.stop.request();
        let thread = self.thread.lock().take();
        if !thread.is_none_or(|thread| thread.join(deadline)) {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the log's thread did not end in time",
            ));
        }
        self.flush()
    }
}

impl Shared {
    /// The thread's loop: wakes when asked to and every interval, and writes.
    fn run(&self, woken: &Receiver<()>, stop: &Stop) {
        loop {
            select! {
                recv(woken) -> _ => {}
                recv(stop.receiver()) -> _ => return,
                default(FLUSH_INTERVAL) => {}
            }
            // The sink reports its trouble once by itself, and the next turn tries again.
            let _ = self.write_out(false);
        }
    }

    fn sink(&self) -> io::Result<parking_lot::MutexGuard<'_, Sink>> {
        self.sink
            .try_lock_for(LOCK_DEADLINE)
            .ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "another thread is still writing the log"))
    }

    /// Writes what is not written yet. Unless `now`, keeps the pause that follows a failure.
    fn write_out(&self, now: bool) -> io::Result<()> {
        let mut sink = self.sink()?;
        if !now && sink.pauses() {
            return Ok(());
        }
        let batch = self.memory.take();
        if batch.is_empty() {
            return Ok(());
        }
        let lost = self.memory.lost();
        let written = sink.write(&batch, lost);
        self.memory.settle(written.is_ok());
        written
    }

    fn push(&self, entry: LogEntry) {
        let urgent = entry.level as u8 <= self.copied.load(Ordering::Relaxed);
        if self.memory.push(entry, ROOM_DEADLINE, || self.wake()) || urgent {
            self.wake();
        }
    }

    fn wake(&self) {
        // Full means that it is being woken already.
        let _ = self.wake.try_send(());
    }
}

/// What the `log` facade speaks to.
struct Logger(Arc<Shared>);

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.push(LogEntry::from_record(record));
        }
    }

    fn flush(&self) {
        // Who flushes through the facade can do nothing about a failure, which is reported already.
        let _ = self.0.write_out(true);
    }
}

/// Logs an error: something is lost, or does not work.
#[macro_export]
macro_rules! error {
    ($($arg:tt)+) => { $crate::log_at!($crate::runtime::log::Level::Error, $($arg)+) };
}

/// Logs a warning: somebody should look at it.
#[macro_export]
macro_rules! warn {
    ($($arg:tt)+) => { $crate::log_at!($crate::runtime::log::Level::Warn, $($arg)+) };
}

/// Logs what an administrator wants to know.
#[macro_export]
macro_rules! info {
    ($($arg:tt)+) => { $crate::log_at!($crate::runtime::log::Level::Info, $($arg)+) };
}

/// Logs what a developer wants to know.
#[macro_export]
macro_rules! debug {
    ($($arg:tt)+) => { $crate::log_at!($crate::runtime::log::Level::Debug, $($arg)+) };
}

/// Logs at a level, with the caller's file, function and line. The message is formatted only where the level is kept.
#[macro_export]
macro_rules! log_at {
    ($level:expr, $($arg:tt)+) => {{
        let level: $crate::runtime::log::Level = $level;
        if level <= $crate::runtime::log::max_level() {
            fn here() {}
            $crate::runtime::log::record(
                level,
                module_path!(),
                $crate::runtime::log::function_name(here),
                file!(),
                line!(),
                format_args!($($arg)+),
            );
        }
    }};
}

/// The key under which a record carries the function's name.
const FUNCTION: &str = "function";

/// Passes one message to the `log` facade; what the macros expand to.
pub fn record(
    level: Level,
    module: &'static str,
    function: &'static str,
    file: &'static str,
    line: u32,
    message: fmt::Arguments<'_>,
) {
    log::logger().log(
        &log::Record::builder()
            .level(level)
            .target(module)
            .module_path_static(Some(module))
            .file_static(Some(file))
            .line(Some(line))
            .key_values(&(FUNCTION, function))
            .args(message)
            .build(),
    );
}

/// The path of the function in which the function `_here` was declared, without the closures around it.
pub fn function_name<F>(_here: F) -> &'static str {
    let name = std::any::type_name::<F>();
    let name = name.strip_suffix("::here").unwrap_or(name);
    let mut name = name;
    while let Some(outer) = name.strip_suffix("::{{closure}}") {
        name = outer;
    }
    name
}

#[cfg(test)]
mod tests;
