//! spec/runtime/log.md · 3.1.4 Log System: to be able to store it in a file
//!
//! Writes entries to the log file, and a copy of them to standard error.
//!
//! Tests: `src/runtime/log/tests.rs`.

use super::{Level, LevelFilter, LogEntry};
use crate::runtime::backoff::Backoff;
use log::Log;
use simplelog::{ColorChoice, ConfigBuilder, TermLogger, TerminalMode};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The pause after the first failure.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The file, and the copy on standard error.
pub(super) struct Sink {
    path: PathBuf,
    file: File,
    stderr: StderrKind,
    /// While writing fails: the time of the next attempt, and the pauses after it.
    failure: Option<(Instant, Backoff)>,
    /// Entries of the failed batch that are copied to standard error already.
    copied: usize,
    /// Lost entries that the file mentions.
    reported_lost: u64,
}

/// The kind of standard error, which decides what is copied to it.
enum StderrKind {
    /// systemd's journal: everything, with a priority before each line.
    Journal,
    /// A terminal: warnings and errors, in colour.
    Terminal(Box<TermLogger>),
    /// A file or a pipe: warnings and errors, as in the file.
    Plain,
}

impl Sink {
    /// Opens the file, and finds out what standard error is.
    pub(super) fn open(path: &Path) -> io::Result<Sink> {
        Ok(Sink {
            path: path.to_owned(),
            file: append(path)?,
            stderr: StderrKind::of_stderr(),
            failure: None,
            copied: 0,
            reported_lost: 0,
        })
    }

    /// The least severe level that is copied to standard error.
    pub(super) fn copied_level(&self) -> LevelFilter {
        match self.stderr {
            StderrKind::Journal => LevelFilter::Trace,
            StderrKind::Terminal(_) | StderrKind::Plain => LevelFilter::Warn,
        }
    }

    /// Opens the file again by its name. Where that fails, the old one stays in use.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = append(&self.path)?;
        Ok(())
    }

    /// Whether it is too early for the next attempt.
    pub(super) fn pauses(&self) -> bool {
        self.failure
            .is_some_and(|(again, _)| Instant::now() < again)
    }

    /// Writes the whole batch to the file or nothing of it, and copies it to standard error. `lost`
    /// is the number of entries lost so far.
    pub(super) fn write(&mut self, batch: &[Arc<LogEntry>], lost: u64) -> io::Result<()> {
        // A failed batch comes again, shorter by the entries lost from its front.
        let again = self.copied.min(batch.len());
        self.stderr.copy(&batch[again..]);
        self.copied = batch.len();

        let mut text = String::new();
        if lost > self.reported_lost {
            text.push_str(&format!(
                "-- {} entries were lost here: the file could not be written\n",
                lost - self.reported_lost
            ));
        }
        for entry in batch {
            text.push_str(&entry.to_string());
            text.push('\n');
        }
        match self.append(text.as_bytes()) {
            Ok(()) => {
                self.copied = 0;
                self.reported_lost = lost;
                if self.failure.take().is_some() {
                    report(format_args!(
                        "the log file {} is written again",
                        self.path.display()
                    ));
                }
                Ok(())
            }
            Err(why) => {
                let mut pauses = match self.failure {
                    Some((_, pauses)) => pauses,
                    None => {
                        report(format_args!(
                            "the log file {} cannot be written, entries stay in memory: {why}",
                            self.path.display()
                        ));
                        Backoff::new(PAUSE_FIRST, PAUSE_MAX)
                    }
                };
                self.failure = Some((Instant::now() + pauses.next_wait(), pauses));
                Err(why)
            }
        }
    }

    /// Appends all of it or nothing. A part that a full disk has taken is removed, so that no entry
    /// comes twice.
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        let before = self.file.metadata()?;
        let result = self.file.write_all(text);
        if result.is_err() && before.is_file() {
            let _ = self.file.set_len(before.len());
        }
        result
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}

/// Reports the state of the log itself on standard error, which may be closed.
fn report(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{what}");
}

impl StderrKind {
    fn of_stderr() -> StderrKind {
        let stderr = io::stderr();
        if is_journal() {
            return StderrKind::Journal;
        }
        if !stderr.is_terminal() {
            return StderrKind::Plain;
        }
        let config = ConfigBuilder::new()
            .set_time_format_rfc3339()
            .set_thread_level(LevelFilter::Off)
            .set_target_level(LevelFilter::Off)
            .set_location_level(LevelFilter::Off)
            .build();
        StderrKind::Terminal(TermLogger::new(
            LevelFilter::Warn,
            config,
            TerminalMode::Stderr,
            ColorChoice::Auto,
        ))
    }

    fn copy(&self, batch: &[Arc<LogEntry>]) {
        let severe = batch.iter().filter(|entry| entry.level <= Level::Warn);
        let mut text = String::new();
        match self {
            StderrKind::Journal => {
                for entry in batch {
                    text.push_str(&format!(
                        "<{}>{}\n",
                        priority(entry.level),
                        entry.without_time()
                    ));
                }
            }
            StderrKind::Plain => severe.for_each(|entry| text.push_str(&format!("{entry}\n"))),
            StderrKind::Terminal(terminal) => {
                for entry in severe {
                    terminal.log(
                        &log::Record::builder()
                            .level(entry.level)
                            .args(format_args!("{}", entry.without_time()))
                            .build(),
                    );
                }
            }
        }
        // Standard error may be closed.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// Whether standard error is the journal's socket. `JOURNAL_STREAM` alone does not say so: a child
/// whose standard error goes elsewhere inherits it.
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(stderr) = rustix::io::dup(rustix::stdio::stderr()) else {
        return false;
    };
    File::from(stderr)
        .metadata()
        .is_ok_and(|it| stream == format!("{}:{}", it.dev(), it.ino()))
}

/// The syslog(3) priority of a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}
