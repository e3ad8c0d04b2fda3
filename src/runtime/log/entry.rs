//! spec/runtime/log.md · 2.4.4 LogEntry Structure
//!
//! One entry of the log and its form as a line of text.
//!
//! Tests: `src/runtime/log/tests.rs`.

use super::{FUNCTION_KEY, Level};
use crate::model::printable::is_printable;
use crate::wire::argument::cut;
use std::borrow::Cow;
use std::fmt::{self, Write};
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};

/// Bytes of a message at most. A longer one is cut and ends in `…`.
pub const MESSAGE_BYTES_MAX: usize = 4096;

/// One entry of the log. Its `Display` is its line in the file, without the line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// May contain any character; 4,096 bytes at most.
    pub message: String,
    /// In UTC.
    pub date: Date,
    /// In UTC.
    pub time: Time,
    pub level: Level,
    /// The caller's source file; a library's target where it names no file.
    pub filename: Cow<'static, str>,
    /// The caller's function; `-` where a library names none.
    pub funcname: Cow<'static, str>,
    /// The caller's line; 0 where a library names none.
    pub linenum: u32,
}

impl LogEntry {
    /// The entry of a record, with the current time.
    pub(super) fn from_record(record: &log::Record<'_>) -> LogEntry {
        let now = OffsetDateTime::now_utc();
        let filename = match (record.file_static(), record.file()) {
            (Some(file), _) => Cow::Borrowed(file),
            (None, Some(file)) => Cow::Owned(file.to_owned()),
            (None, None) => Cow::Owned(record.target().to_owned()),
        };
        let funcname = match record.key_values().get(FUNCTION_KEY.into()) {
            Some(name) => Cow::Owned(name.to_string()),
            None => Cow::Borrowed("-"),
        };
        LogEntry {
            message: bounded(record.args()),
            date: now.date(),
            time: now.time(),
            level: record.level(),
            filename,
            funcname,
            linenum: record.line().unwrap_or(0),
        }
    }

    /// The entry on one line without date, time and level, for a journal that adds these itself.
    pub(super) fn without_time(&self) -> impl fmt::Display + '_ {
        EntryMessage(self)
    }
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
        let time = self.time.format(format).map_err(|_| fmt::Error)?;
        write!(
            f,
            "{} {time} {:<5} {}",
            self.date,
            self.level,
            EntryMessage(self)
        )
    }
}

struct EntryMessage<'a>(&'a LogEntry);

impl fmt::Display for EntryMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.0;
        write!(
            f,
            "{} ({}:{} {})",
            OneLine(&entry.message),
            OneLine(&entry.filename),
            entry.linenum,
            OneLine(&entry.funcname)
        )
    }
}

/// Text on one line. Logged input of a peer must not forge entries or control a terminal.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if !is_printable(c) {
                write!(f, "{}", c.escape_default())?;
            } else if c == '\\' {
                f.write_str("\\\\")?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Formats at most [`MESSAGE_BYTES_MAX`] bytes, and never allocates for more.
fn bounded(args: &fmt::Arguments<'_>) -> String {
    struct Bounded(String);
    impl Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = MESSAGE_BYTES_MAX - self.0.len();
            if text.len() <= room {
                self.0.push_str(text);
                return Ok(());
            }
            self.0.push_str(cut(text, room));
            Err(fmt::Error)
        }
    }
    let mut message = Bounded(String::new());
    let whole = message.write_fmt(*args).is_ok();
    let mut message = message.0;
    if !whole {
        message.push('…');
    }
    message
}
