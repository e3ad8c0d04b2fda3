//! spec/runtime/log.md · 3.1.4 Log System: to be able to store it in a file
//!
//! Writes entries to the log file, and a copy of them to standard error.
//!
//! Tests: `src/runtime/log/tests.rs`.

use super::{Level, LevelFilter, LogDestination, LogEntry};
use crate::runtime::backoff::Backoff;
use log::Log;
use simplelog::{ColorChoice, ConfigBuilder, TermLogger, TerminalMode};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The pause after the first failure.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The mode of a new file.
const MODE: u32 = 0o640;
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The file, and the copy on standard error.
pub(super) struct Sink {
    path: PathBuf,
    /// `None`: standard error alone gets the entries.
    file: Option<File>,
    stderr: StderrKind,
    /// The least severe level that is copied to standard error.
    copied_level: LevelFilter,
    /// While writing fails: the time of the next attempt, and the pauses after it.
    failure: Option<(Instant, Backoff)>,
    /// Entries of the failed batch that are copied to standard error already.
    copied: usize,
    /// Lost entries that the file mentions.
    reported_lost: u64,
}

/// The kind of standard error, which decides what is copied to it.
enum StderrKind {
    /// systemd's journal: with a priority before each line, without date and time.
    Journal,
    /// A terminal: in colour.
    Terminal(Box<TermLogger>),
    /// A file or a pipe: as in the file.
    Plain,
}

impl Sink {
    /// Opens the file if there is to be one, and finds out what standard error is.
    pub(super) fn open(path: &Path, to: LogDestination) -> io::Result<Sink> {
        let stderr = StderrKind::of_stderr();
        let copied_level = match (to, &stderr) {
            (LogDestination::File, _) => LevelFilter::Error,
            (LogDestination::Journal, _) | (LogDestination::Both, StderrKind::Journal) => {
                LevelFilter::Trace
            }
            (LogDestination::Both, _) => LevelFilter::Warn,
        };
        let has_file = to != LogDestination::Journal;
        Ok(Sink {
            path: path.to_owned(),
            file: has_file.then(|| append(path)).transpose()?,
            stderr,
            copied_level,
            failure: None,
            copied: 0,
            reported_lost: 0,
        })
    }

    /// The least severe level that is copied to standard error.
    pub(super) fn copied_level(&self) -> LevelFilter {
        self.copied_level
    }

    /// Opens the file again by its name. Where that fails, the old one stays in use.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        if self.file.is_some() {
            self.file = Some(append(&self.path)?);
        }
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
        self.stderr.copy(&batch[again..], self.copied_level);
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
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let before = file.metadata()?;
        let result = file.write_all(text);
        if result.is_err() && before.is_file() {
            let _ = file.set_len(before.len());
        }
        result
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).mode(MODE);
    match options.clone().create_new(true).open(path) {
        Ok(new) => {
            // Whatever the umask is: the group reads it.
            new.set_permissions(Permissions::from_mode(MODE))?;
            Ok(new)
        }
        // Also where it stands behind a link, which `create_new` does not follow.
        Err(_) => options.create(true).open(path),
    }
}

/// Reports the state of the log itself on standard error.
fn report(what: std::fmt::Arguments<'_>) {
    say(Level::Error, what);
}

/// Writes a text to standard error, which may be closed. Where that is the journal each line gets the
/// priority of the level.
pub fn say(level: Level, text: impl std::fmt::Display) {
    let text = text.to_string();
    let before = if is_journal() {
        format!("<{}>", priority(level))
    } else {
        String::new()
    };
    let mut lines = String::new();
    for line in text.lines() {
        lines.push_str(&before);
        lines.push_str(line);
        lines.push('\n');
    }
    let _ = io::stderr().write_all(lines.as_bytes());
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
            LevelFilter::Trace,
            config,
            TerminalMode::Stderr,
            ColorChoice::Auto,
        ))
    }

    fn copy(&self, batch: &[Arc<LogEntry>], level: LevelFilter) {
        let wanted = batch.iter().filter(|entry| entry.level <= level);
        let mut text = String::new();
        match self {
            StderrKind::Journal => wanted.for_each(|entry| {
                text.push_str(&format!(
                    "<{}>{}\n",
                    priority(entry.level),
                    entry.without_time()
                ));
            }),
            StderrKind::Plain => wanted.for_each(|entry| text.push_str(&format!("{entry}\n"))),
            StderrKind::Terminal(terminal) => {
                for entry in wanted {
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
