//! spec/config.md · 2.3 Global Deployment Variables
//!
//! Reads a TOML file key by key and collects all problems.
//!
//! Tests: `src/config/tests.rs`.

use super::{ConfigError, Problem, Warning};
use crate::runtime::is_passing;
use crate::runtime::ownership::user_name;
use crate::wire::argument::cut;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Bytes of a key or reason that are shown whole. They name the file's own text, which has any
/// length.
const SHOWN_BYTES_MAX: usize = 2_000;

/// A text for people. Where it has more than `most` bytes, a tenth of them is shown of its beginning
/// and of its end, which says what is wrong.
pub(super) fn bounded(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let part = most / 10;
    let mut from = text.len() - part;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let begin = cut(text, part);
    format!("{begin}… ({} bytes) …{}", text.len(), &text[from..])
}

/// Problems and warnings of a file, and the lines of its keys.
pub(super) struct ConfigReport {
    file: PathBuf,
    /// Byte offsets at which the second and later lines begin.
    lines: Vec<usize>,
    notes: RefCell<Notes>,
}

#[derive(Default)]
struct Notes {
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
    /// Line of each key that was read, by dotted name.
    keys: BTreeMap<String, usize>,
}

impl ConfigReport {
    pub(super) fn new(file: &Path, text: &str) -> ConfigReport {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        ConfigReport {
            file: file.to_owned(),
            lines: newlines.map(|(at, _)| at + 1).collect(),
            notes: RefCell::default(),
        }
    }

    /// Line, from 1, of a byte offset.
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= offset) + 1
    }

    /// Records a problem with a key, given by its dotted name.
    pub(super) fn problem(&self, key: &str, reason: impl Into<String>) {
        self.note(key, reason.into(), false);
    }

    /// Records that `path`, which a key names, cannot be read.
    /// `help`: as whom it was tried, and what to do; may be empty.
    pub(super) fn unreadable(&self, key: &str, path: &Path, why: &io::Error, help: &str) {
        let gap = if help.is_empty() { "" } else { ": " };
        let reason = format!("{} cannot be read: {why}{gap}{help}", path.display());
        self.note(key, reason, is_passing(why));
    }

    /// Records that this user may not write to `path`, which a key names or needs.
    pub(super) fn unwritable(&self, key: &str, path: &Path, why: &io::Error) {
        let user = user_name(rustix::process::geteuid().as_raw());
        let reason = format!("user {user} cannot write to {}: {why}", path.display());
        self.note(key, reason, is_passing(why));
    }

    fn note(&self, key: &str, reason: String, passing: bool) {
        let mut notes = self.notes.borrow_mut();
        let line = notes.keys.get(key).copied();
        notes.problems.push(Problem {
            key: bounded(key, SHOWN_BYTES_MAX),
            line,
            reason: bounded(&reason, SHOWN_BYTES_MAX),
            passing,
        });
    }

    /// Records a warning about a key: its value is allowed but not advisable.
    pub(super) fn warn(&self, key: &str, reason: impl Into<String>) {
        self.notes.borrow_mut().warnings.push(Warning {
            key: bounded(key, SHOWN_BYTES_MAX),
            reason: bounded(&reason.into(), SHOWN_BYTES_MAX),
        });
    }

    /// Whether the file has the key, given by its dotted name.
    pub(super) fn has(&self, key: &str) -> bool {
        self.notes.borrow().keys.contains_key(key)
    }

    /// Returns the configuration and the warnings if there is no problem.
    pub(super) fn conclude<T>(self, config: T) -> Result<(T, Vec<Warning>), ConfigError> {
        let mut notes = self.notes.into_inner();
        if notes.problems.is_empty() {
            return Ok((config, notes.warnings));
        }
        notes
            .problems
            .sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        Err(ConfigError {
            file: self.file,
            problems: notes.problems,
        })
    }

    /// Resolves a path relative to the file's folder.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        let absolute = std::path::absolute(&self.file).unwrap_or_else(|_| self.file.clone());
        absolute.parent().unwrap_or(Path::new("/")).join(path)
    }
}

/// What to do if a key is absent.
pub(super) enum IfAbsent<T> {
    /// Use this default.
    Default(T),
    /// Report a problem, and go on reading with this placeholder.
    Required(T),
}

/// A table of the file. A getter removes the key that it reads; keys that remain at the end are
/// unknown.
pub(super) struct ConfigTable<'r, 't> {
    report: &'r ConfigReport,
    /// Dotted name with a dot at its end; empty for the root.
    prefix: String,
    entries: DeTable<'t>,
    known: Vec<&'static str>,
}

impl<'r, 't> ConfigTable<'r, 't> {
    /// Parses the whole file. If the text is not TOML, records a problem and returns `None`.
    pub(super) fn root(report: &'r ConfigReport, text: &'t str) -> Option<ConfigTable<'r, 't>> {
        match DeTable::parse(text) {
            Ok(table) => Some(ConfigTable {
                report,
                prefix: String::new(),
                entries: table.into_inner(),
                known: Vec::new(),
            }),
            Err(error) => {
                report.notes.borrow_mut().problems.push(Problem {
                    key: String::new(),
                    line: error.span().map(|span| report.line(span.start)),
                    reason: bounded(
                        &format!(
                            "this is not TOML: {}",
                            error.message().trim().replace('\n', ", ")
                        ),
                        SHOWN_BYTES_MAX,
                    ),
                    passing: false,
                });
                None
            }
        }
    }

    pub(super) fn report(&self) -> &'r ConfigReport {
        self.report
    }

    /// The dotted name of a key of this table.
    pub(super) fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Removes and returns a value of any kind.
    fn take(&mut self, key: &'static str) -> Option<DeValue<'t>> {
        self.known.push(key);
        let (name, value) = self.entries.remove_entry(key)?;
        self.note_line(key, &name);
        Some(value.into_inner())
    }

    fn note_line<K>(&self, key: &str, at: &Spanned<K>) {
        let line = self.report.line(at.span().start);
        self.report
            .notes
            .borrow_mut()
            .keys
            .insert(self.name(key), line);
    }

    /// Whether the key is present and not yet read.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Reads a table below this one, if it is present.
    pub(super) fn table(&mut self, key: &'static str) -> Option<ConfigTable<'r, 't>> {
        let entries = match self.take(key)? {
            DeValue::Table(entries) => entries,
            other => {
                let reason = format!(
                    "this is {}, and must be a table: [{}]",
                    a_kind(&other),
                    self.name(key)
                );
                self.report.problem(&self.name(key), reason);
                return None;
            }
        };
        Some(ConfigTable {
            report: self.report,
            prefix: format!("{}.", self.name(key)),
            entries,
            known: Vec::new(),
        })
    }

    /// Reads a table below this one. Returns an empty one if it is absent, so that defaults apply.
    pub(super) fn table_or_empty(&mut self, key: &'static str) -> ConfigTable<'r, 't> {
        let prefix = format!("{}.", self.name(key));
        self.table(key).unwrap_or_else(|| ConfigTable {
            report: self.report,
            prefix,
            entries: DeTable::new(),
            known: Vec::new(),
        })
    }

    /// Reads the tables of a list, `[[key]]`, each by itself; none if the key is absent.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<ConfigTable<'r, 't>> {
        let name = self.name(key);
        let list = match self.take(key) {
            None => return Vec::new(),
            Some(DeValue::Array(list)) => list,
            Some(other) => {
                let reason = format!(
                    "this is {}, and must be a list of tables: [[{name}]]",
                    a_kind(&other)
                );
                self.report.problem(&name, reason);
                return Vec::new();
            }
        };
        let mut tables = Vec::new();
        for (at, value) in list.into_iter().enumerate() {
            let name = format!("{name}[{at}]");
            match value.into_inner() {
                DeValue::Table(entries) => tables.push(ConfigTable {
                    report: self.report,
                    prefix: format!("{name}."),
                    entries,
                    known: Vec::new(),
                }),
                other => {
                    let reason = format!("this is {}, and must be a table", a_kind(&other));
                    self.report.problem(&name, reason);
                }
            }
        }
        tables
    }

    /// Reads a key with `read`, whose error says what the value must be.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        or: IfAbsent<T>,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, String>,
    ) -> T {
        let name = self.name(key);
        match (self.take(key), or) {
            (None, IfAbsent::Default(value)) => value,
            (None, IfAbsent::Required(stand_in)) => {
                self.report
                    .problem(&name, "this key is required, and missing");
                stand_in
            }
            (Some(value), IfAbsent::Default(stand_in) | IfAbsent::Required(stand_in)) => {
                match read(&value) {
                    Ok(value) => value,
                    Err(reason) => {
                        self.report.problem(&name, reason);
                        stand_in
                    }
                }
            }
        }
    }

    /// Reads a string with `parse`.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        or: IfAbsent<T>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.value(key, or, |value| parse(text(value)?))
    }

    /// Reads a whole number within limits.
    pub(super) fn number<N>(&mut self, key: &'static str, default: N, least: N, most: N) -> N
    where
        N: TryFrom<i128> + PartialOrd + Copy + std::fmt::Display,
    {
        self.value(key, IfAbsent::Default(default), |value| {
            let DeValue::Integer(integer) = value else {
                return Err(format!(
                    "this is {}, and must be a whole number",
                    a_kind(value)
                ));
            };
            i128::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .and_then(|number| N::try_from(number).ok())
                .filter(|number| (least..=most).contains(number))
                .ok_or_else(|| format!("{} is not within {least} to {most}", integer.as_str()))
        })
    }

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.value(key, IfAbsent::Default(default), |value| match value {
            DeValue::Boolean(flag) => Ok(*flag),
            other => Err(format!(
                "this is {}, and must be true or false",
                a_kind(other)
            )),
        })
    }

    /// Reads a duration within limits, in the format of humantime.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        least: Duration,
        most: Duration,
    ) -> Duration {
        self.parsed(key, IfAbsent::Default(default), |text| {
            let duration = humantime::parse_duration(text).map_err(|why| {
                format!("{text:?} is not a duration such as \"100ms\", \"60s\", \"5m\" or \"30d\": {why}")
            })?;
            if (least..=most).contains(&duration) {
                return Ok(duration);
            }
            let (least, most) = (
                humantime::format_duration(least),
                humantime::format_duration(most),
            );
            Err(format!("{text:?} is not within {least} to {most}"))
        })
    }

    /// Reads a number of bytes within limits, in the format of bytesize; a bare number counts
    /// bytes.
    pub(super) fn size(&mut self, key: &'static str, default: u64, least: u64, most: u64) -> u64 {
        self.parsed(key, IfAbsent::Default(default), |text| {
            let size: bytesize::ByteSize = text
                .parse()
                .map_err(|_| format!("{text:?} is not a size such as \"64KiB\" or \"1MiB\""))?;
            let size = size.as_u64();
            if (least..=most).contains(&size) {
                return Ok(size);
            }
            let range = (bytesize::ByteSize(least), bytesize::ByteSize(most));
            Err(format!("{text:?} is not within {} to {}", range.0, range.1))
        })
    }

    /// Reads a path and resolves it relative to the file's folder.
    pub(super) fn path(&mut self, key: &'static str, default: Option<&str>) -> PathBuf {
        let report = self.report;
        let or = match default {
            Some(default) => IfAbsent::Default(report.resolve(Path::new(default))),
            None => IfAbsent::Required(PathBuf::new()),
        };
        self.parsed(key, or, |text| {
            if text.is_empty() || text.contains('\0') {
                return Err("this must be a path".to_owned());
            }
            Ok(report.resolve(Path::new(text)))
        })
    }

    /// Finishes this table: reports each key that no getter read as unknown.
    pub(super) fn finish(self) {
        for key in self.entries.keys() {
            self.note_line(key.get_ref(), key);
            let reason = format!(
                "there is no such key; {} {}",
                match self.prefix.strip_suffix('.') {
                    Some(table) => format!("[{table}] knows"),
                    None => "known are".to_owned(),
                },
                self.known.join(", ")
            );
            self.report.problem(&self.name(key.get_ref()), reason);
        }
    }
}

/// The text of a string value, or an error.
pub(super) fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    match value {
        DeValue::String(text) => Ok(text),
        other => Err(format!(
            "this is {}, and must be a text in quotes",
            a_kind(other)
        )),
    }
}

/// The texts of a list of strings, or of a single string.
pub(super) fn texts<'v>(value: &'v DeValue<'_>) -> Result<Vec<&'v str>, String> {
    match value {
        DeValue::Array(list) => list.iter().map(|value| text(value.get_ref())).collect(),
        single => Ok(vec![text(single)?]),
    }
}

/// The kind of a value, for messages.
pub(super) fn a_kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
