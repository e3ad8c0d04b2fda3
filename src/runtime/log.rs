//! spec/runtime/log.md · 2.4.4 LogEntry, 3.1.4 and 3.2.5 log systems, 2.3.3 Memory Size
//!
//! The log: entries with their location in the source, a bounded memory, and a thread that writes
//! them.

mod audit;
mod entry;
mod memory;
mod sink;
mod throttle;

pub use audit::{AUDIT_VALUE_BYTES_MAX, AuditLine};
pub use entry::LogEntry;
pub use log::{Level, LevelFilter, max_level};
pub use sink::say;
pub use throttle::{SuppressedCount, Throttle};

use crate::runtime::{self, Stop, ThreadHandle};
use crossbeam_channel::{Receiver, Sender, bounded, select};
use memory::Memory;
use parking_lot::Mutex;
use sink::Sink;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How often the log is written, so that an entry is in the file within this time.
pub const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// How long a thread that logs waits for the disk when the memory is full, before an entry is
/// dropped.
const ROOM_TIMEOUT: Duration = Duration::from_millis(20);

/// How long a thread waits for one of the log's locks.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Where entries go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogDestination {
    /// The file; errors go to standard error, too.
    File,
    /// Standard error, which is the journal's under systemd. There is no file.
    Journal,
    /// The file, with a copy on standard error: of all where that is the journal, else of warnings
    /// and errors.
    Both,
}

impl LogDestination {
    /// All, with the names that the configuration has for them.
    pub const NAMES: [(&'static str, LogDestination); 3] = [
        ("file", LogDestination::File),
        ("journal", LogDestination::Journal),
        ("both", LogDestination::Both),
    ];

    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            LogDestination::File => "file",
            LogDestination::Journal => "journal",
            LogDestination::Both => "both",
        }
    }
}

/// The `[log]` table of both daemons' configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Where entries go.
    pub to: LogDestination,
    /// The log file. It is appended to, and created with mode 0640.
    pub file: PathBuf,
    /// The least severe level that is kept.
    pub level: LevelFilter,
    /// Entries held in memory at most (2.3.3); at least 1.
    pub memory_entries: usize,
}

impl LogConfig {
    /// The file that is written; none where all goes to the journal, whatever `file` says.
    pub fn written_file(&self) -> Option<&Path> {
        (self.to != LogDestination::Journal).then_some(self.file.as_path())
    }
}

/// Why the log cannot start.
#[derive(Debug, Error)]
pub enum LogError {
    /// The file cannot be opened for appending.
    #[error("the log file {0} cannot be opened: {1}")]
    File(PathBuf, io::Error),
    /// The writing thread cannot be started.
    #[error("the log's thread cannot be started: {0}")]
    Thread(io::Error),
    /// The process has a logger already.
    #[error("the log runs already")]
    Running,
}

/// The state that the logger, its thread and the handle share.
struct Shared {
    memory: Memory,
    sink: Mutex<Sink>,
    /// Wakes the thread early. It holds one message.
    wake: Sender<()>,
    /// The least severe level that is copied to standard error.
    copied: AtomicU8,
}

/// A handle to the running log. Clones share the log.
#[derive(Clone)]
pub struct LogHandle {
    shared: Arc<Shared>,
    stop: Stop,
    thread: Arc<Mutex<Option<ThreadHandle>>>,
}

/// Starts the log of this process. The macros, and libraries that use the `log` facade, write to
/// it.
///
/// # Errors
/// The file cannot be opened, the thread cannot be started, or the process has a logger already.
pub fn start(config: LogConfig) -> Result<LogHandle, LogError> {
    let (handle, logger) = build(config.clone())?;
    log::set_boxed_logger(Box::new(logger)).map_err(|_| LogError::Running)?;
    handle.set_level(config.level);
    Ok(handle)
}

fn build(config: LogConfig) -> Result<(LogHandle, Logger), LogError> {
    let sink = Sink::open(&config.file, config.to)
        .map_err(|why| LogError::File(config.file.clone(), why))?;
    let (wake, woken) = bounded(1);
    let shared = Arc::new(Shared {
        memory: Memory::new(config.memory_entries),
        copied: AtomicU8::new(sink.copied_level() as u8),
        sink: Mutex::new(sink),
        wake,
    });
    let stop = Stop::new();
    let (writer, ending) = (Arc::clone(&shared), stop.clone());
    let thread =
        runtime::spawn("log", move || writer.run(&woken, &ending)).map_err(LogError::Thread)?;
    let handle = LogHandle {
        shared: Arc::clone(&shared),
        stop,
        thread: Arc::new(Mutex::new(Some(thread))),
    };
    Ok((handle, Logger(shared)))
}

impl LogHandle {
    /// Writes all entries that are not written yet.
    ///
    /// # Errors
    /// The file cannot be written. The entries stay in memory, up to its bound.
    pub fn flush(&self) -> io::Result<()> {
        self.shared.write_out(true)
    }

    /// Writes all entries and opens the file again by its name, for logrotate. Without a file it
    /// writes all entries.
    ///
    /// # Errors
    /// The file cannot be opened. The log continues in the old one.
    pub fn reopen(&self) -> io::Result<()> {
        // Entries that cannot go into the old file go into the new one.
        let _ = self.shared.write_out(true);
        self.shared.sink()?.reopen()
    }

    /// The last `count` entries in memory, oldest first, written or not.
    pub fn tail(&self, count: usize) -> Vec<LogEntry> {
        self.shared.memory.tail(count)
    }

    /// Number of entries lost because the file could not be written.
    pub fn lost(&self) -> u64 {
        self.shared.memory.lost()
    }

    /// Sets the least severe level that is logged.
    pub fn set_level(&self, level: LevelFilter) {
        log::set_max_level(level);
    }

    /// Ends the writing thread, at most until `deadline`, and flushes. Later entries stay in memory
    /// until the next [`LogHandle::flush`].
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
    /// The thread's loop: writes when woken, and every [`FLUSH_INTERVAL`].
    fn run(&self, woken: &Receiver<()>, stop: &Stop) {
        loop {
            select! {
                recv(woken) -> _ => {}
                recv(stop.receiver()) -> _ => return,
                default(FLUSH_INTERVAL) => {}
            }
            // The sink reports a failure itself, and the next turn tries again.
            let _ = self.write_out(false);
        }
    }

    fn sink(&self) -> io::Result<parking_lot::MutexGuard<'_, Sink>> {
        self.sink.try_lock_for(LOCK_TIMEOUT).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                "another thread is still writing the log",
            )
        })
    }

    /// Writes all entries that are not written yet. Without `now`, keeps the pause after a failure.
    fn write_out(&self, now: bool) -> io::Result<()> {
        let mut sink = self.sink()?;
        if !now && sink.pauses() {
            return Ok(());
        }
        let batch = self.memory.begin_write();
        if batch.is_empty() {
            return Ok(());
        }
        let lost = self.memory.lost();
        let written = sink.write(&batch, lost);
        self.memory.end_write(written.is_ok());
        written
    }

    fn push(&self, entry: LogEntry) {
        let urgent = entry.level as u8 <= self.copied.load(Ordering::Relaxed);
        if self.memory.push(entry, ROOM_TIMEOUT, || self.wake()) || urgent {
            self.wake();
        }
    }

    fn wake(&self) {
        // A full channel means that the thread is being woken already.
        let _ = self.wake.try_send(());
    }
}

/// The logger of the `log` facade.
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
        // The facade cannot return an error. The sink has reported it.
        let _ = self.0.write_out(true);
    }
}

/// Logs an error: something is lost or does not work.
#[macro_export]
macro_rules! error {
    ($($arg:tt)+) => { $crate::log_at!($crate::runtime::log::Level::Error, $($arg)+) };
}

/// Logs a warning: an administrator should look at it.
#[macro_export]
macro_rules! warn {
    ($($arg:tt)+) => { $crate::log_at!($crate::runtime::log::Level::Warn, $($arg)+) };
}

/// Logs information for an administrator.
#[macro_export]
macro_rules! info {
    ($($arg:tt)+) => { $crate::log_at!($crate::runtime::log::Level::Info, $($arg)+) };
}

/// Logs information for a developer.
#[macro_export]
macro_rules! debug {
    ($($arg:tt)+) => { $crate::log_at!($crate::runtime::log::Level::Debug, $($arg)+) };
}

/// Logs at a level, with the caller's file, function and line. Formats the message only if the
/// level is logged.
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

/// The key of the function's name in a record.
const FUNCTION_KEY: &str = "function";

/// Passes one message to the `log` facade. The macros call it.
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
            .key_values(&(FUNCTION_KEY, function))
            .args(message)
            .build(),
    );
}

/// The path of the function that declares the function `_here`, without closures.
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
