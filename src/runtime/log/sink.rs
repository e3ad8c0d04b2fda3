//! spec/runtime/log/sink.md · 3.1.4 Log System: to be able to store it in a file

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

/// The first pause after a failure, and the longest.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The file, and the copy on standard error.
pub(super) struct Sink {
    path: PathBuf,
    file: File,
    screen: Screen,
    /// While the file fails: when to try again, and the pauses after that.
    trouble: Option<(Instant, Backoff)>,
    /// The level-filtered copy has gone out already for this many entries of the batch that failed.
    copied: usize,
    /// Lost entries that the file knows of.
    confessed: u64,
}

/// What standard error is.
enum Screen {
    /// systemd's journal: everything, with a priority before each line.
    Journal,
    /// A terminal: warnings and errors, in colour.
    Terminal(Box<TermLogger>),
    /// A file or a pipe: warnings and errors, as in the file.
    Plain,
}

impl Sink {
    pub(super) fn open(path: &Path) -> io::Result<Sink> {
        Ok(Sink {
            path: path.to_owned(),
            file: append(path)?,
            screen: Screen::of_stderr(),
            trouble: None,
            copied: 0,
            confessed: 0,
        })
    }

    /// The least severe level that is copied to standard error.
    pub(super) fn copied_level(&self) -> LevelFilter {
        match self.screen {
            Screen::Journal => LevelFilter::Trace,
            Screen::Terminal(_) | Screen::Plain => LevelFilter::Warn,
        }
    }

    /// Opens the file anew by its name; the old one stays in use where that fails.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = append(&self.path)?;
        Ok(())
    }

    /// Whether it is too early to try again.
    pub(super) fn pauses(&self) -> bool {
        self.trouble.is_some_and(|(again, _)| Instant::now() < again)
    }

    /// Writes them all to the file, or none; and their copy. `lost` is the number of entries lost so far.
    pub(super) fn write(&mut self, batch: &[Arc<LogEntry>], lost: u64) -> io::Result<()> {
        // What failed before comes again, at most shorter by what was lost from its front.
        let again = self.copied.min(batch.len());
        self.screen.show(&batch[again..]);
        self.copied = batch.len();

        let mut text = String::new();
        if lost > self.confessed {
            text.push_str(&format!(
                "-- {} entries were lost here: the file could not be written\n",
                lost - self.confessed
            ));
        }
        for entry in batch {
            text.push_str(&entry.to_string());
            text.push('\n');
        }
        match self.append(text.as_bytes()) {
            Ok(()) => {
                self.copied = 0;
                self.confessed = lost;
                if self.trouble.take().is_some() {
                    complain(format_args!(
                        "the log file {} is written again",
                        self.path.display()
                    ));
                }
                Ok(())
            }
            Err(why) => {
                let mut pauses = match self.trouble {
                    Some((_, pauses)) => pauses,
                    None => {
                        complain(format_args!(
                            "the log file {} cannot be written, entries stay in memory: {why}",
                            self.path.display()
                        ));
                        Backoff::new(PAUSE_FIRST, PAUSE_MAX)
                    }
                };
                self.trouble = Some((Instant::now() + pauses.next_wait(), pauses));
                Err(why)
            }
        }
    }

    /// All of it, or nothing: half a batch on a full disk is taken back, so that no entry comes twice.
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

/// A line of the log's own, where the log cannot say it. Standard error may be gone too.
fn complain(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{what}");
}

impl Screen {
    fn of_stderr() -> Screen {
        let stderr = io::stderr();
        if is_journal() {
            return Screen::Journal;
        }
        if !stderr.is_terminal() {
            return Screen::Plain;
        }
        let config = ConfigBuilder::new()
            .set_time_format_rfc3339()
            .set_thread_level(LevelFilter::Off)
            .set_target_level(LevelFilter::Off)
            .set_location_level(LevelFilter::Off)
            .build();
        Screen::Terminal(TermLogger::new(
            LevelFilter::Warn,
            config,
            TerminalMode::Stderr,
            ColorChoice::Auto,
        ))
    }

    fn show(&self, batch: &[Arc<LogEntry>]) {
        let severe = batch.iter().filter(|entry| entry.level <= Level::Warn);
        let mut text = String::new();
        match self {
            Screen::Journal => {
                for entry in batch {
                    text.push_str(&format!("<{}>{}\n", priority(entry.level), entry.said()));
                }
            }
            Screen::Plain => severe.for_each(|entry| text.push_str(&format!("{entry}\n"))),
            Screen::Terminal(terminal) => {
                for entry in severe {
                    terminal.log(
                        &log::Record::builder()
                            .level(entry.level)
                            .args(format_args!("{}", entry.said()))
                            .build(),
                    );
                }
            }
        }
        // Nobody may be reading standard error.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// Whether standard error is the journal's socket itself: `JOURNAL_STREAM` is inherited by children whose
/// standard error goes elsewhere.
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

/// syslog(3)'s number for a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}
