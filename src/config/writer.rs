//! spec/config.md · 2.3 Global Deployment Variables
//!
//! Writes a configuration: the packaged sample and its comments, filled with other values.
//!
//! Tests: `src/config/tests.rs`.

use crate::runtime::log::LogConfig;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Values as TOML text, by dotted key.
pub(super) struct TomlValues {
    /// The folder to which paths are relative; `None`: all are written whole.
    folder: Option<PathBuf>,
    values: BTreeMap<String, String>,
}

impl TomlValues {
    /// Creates an empty set for `file`, to whose folder paths are relative.
    pub(super) fn new(file: &Path) -> TomlValues {
        let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        TomlValues {
            folder: Some(absolute.parent().map(Path::to_owned).unwrap_or_default()),
            values: BTreeMap::new(),
        }
    }

    /// Creates an empty set whose paths are written whole.
    pub(super) fn of_no_file() -> TomlValues {
        TomlValues {
            folder: None,
            values: BTreeMap::new(),
        }
    }

    /// All values as TOML text, by dotted key.
    pub(super) fn all(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Sets a number or a flag.
    pub(super) fn bare(&mut self, key: &str, value: impl Display) {
        self.values.insert(key.to_owned(), value.to_string());
    }

    /// Sets a string.
    pub(super) fn text(&mut self, key: &str, value: impl Display) {
        self.values
            .insert(key.to_owned(), quoted(&value.to_string()));
    }

    /// Sets a list of strings.
    pub(super) fn texts<T: Display>(&mut self, key: &str, values: impl IntoIterator<Item = T>) {
        let list: Vec<_> = values
            .into_iter()
            .map(|value| quoted(&value.to_string()))
            .collect();
        self.values
            .insert(key.to_owned(), format!("[{}]", list.join(", ")));
    }

    /// Sets a path; writes it relative if it lies in or below the file's folder.
    pub(super) fn path(&mut self, key: &str, path: &Path) {
        let folder = self.folder.as_deref();
        let short = match folder.and_then(|folder| path.strip_prefix(folder).ok()) {
            Some(below) if below.as_os_str().is_empty() => Path::new("."),
            Some(below) => below,
            None => path,
        };
        self.text(key, short.display());
    }

    pub(super) fn duration(&mut self, key: &str, duration: Duration) {
        self.text(key, humantime::format_duration(duration));
    }

    /// Sets the keys of the `[log]` table.
    pub(super) fn log(&mut self, log: &LogConfig) {
        self.text("log.to", log.to.as_str());
        self.path("log.file", &log.file);
        self.text("log.level", log.level.to_string().to_ascii_lowercase());
        self.bare("log.memory_entries", log.memory_entries);
    }

    /// Fills the sample with these values. A key or table with a value becomes active, even if it
    /// is a comment in the sample; one without a value becomes a comment.
    pub(super) fn fill(&self, sample: &str) -> String {
        let mut written = String::with_capacity(sample.len());
        let mut prefix = String::new();
        let mut lines = sample.lines().peekable();
        while let Some(line) = lines.next() {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            // Writing to a String cannot fail.
            if let Some(list) = list_header(bare) {
                let mut block = vec![bare];
                while let Some(next) = lines.next_if(|next| !next.is_empty()) {
                    block.push(next.strip_prefix("# ").unwrap_or(next));
                }
                self.fill_list(list, &block, &mut written);
            } else if let Some(table) = header(bare) {
                prefix = format!("{table}.");
                let used = self.values.keys().any(|key| key.starts_with(&prefix));
                let _ = writeln!(written, "{}{bare}", if used { "" } else { "# " });
            } else if let Some(key) = assigned(bare) {
                let _ = match self.values.get(&format!("{prefix}{key}")) {
                    Some(value) => writeln!(written, "{key} = {value}"),
                    None => writeln!(written, "# {bare}"),
                };
            } else {
                let _ = writeln!(written, "{line}");
            }
        }
        written
    }

    /// Writes a list's sample, which ends at an empty line: once for each table, or as comments
    /// where there is none. Its comments stand in the first.
    fn fill_list(&self, list: &str, block: &[&str], written: &mut String) {
        let has = |prefix: &str| self.values.keys().any(|key| key.starts_with(prefix));
        for at in 0.. {
            let prefix = format!("{list}[{at}].");
            let used = has(&prefix);
            if !used && at > 0 {
                break;
            }
            for line in block {
                let _ = match assigned(line).map(|key| (key, format!("{prefix}{key}"))) {
                    Some((key, name)) => match self.values.get(&name) {
                        Some(value) => writeln!(written, "{key} = {value}"),
                        None if at == 0 => writeln!(written, "# {line}"),
                        None => Ok(()),
                    },
                    None if used && list_header(line).is_some() => writeln!(written, "{line}"),
                    None if at == 0 => writeln!(written, "# {line}"),
                    None => Ok(()),
                };
            }
        }
    }
}

/// The list of tables that a line adds one to, if any.
fn list_header(line: &str) -> Option<&str> {
    header(line.strip_prefix('[')?.strip_suffix(']')?)
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'.'))
}

/// The table that a line opens, if any.
fn header(line: &str) -> Option<&str> {
    line.strip_prefix('[')?
        .strip_suffix(']')
        .filter(|name| is_key(name))
}

/// The key that a line assigns, if any.
fn assigned(line: &str) -> Option<&str> {
    line.split_once(" = ")
        .map(|(key, _)| key)
        .filter(|key| is_key(key))
}

/// Quotes a text as a TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
