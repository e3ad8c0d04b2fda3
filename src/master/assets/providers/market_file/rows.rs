//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Reads the rows of a CSV file of a market folder. A row is a line, so that an error can name its
//! line, and a quote that is not closed takes no more than its own.

use super::super::super::provider::AssetsError;
use super::FAULTS_OF_FILE_MAX;
use super::kept::FileIdentity;
use crate::runtime::is_passing;
use csv::{ReaderBuilder, StringRecord};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

/// The longest line, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 4096;
/// Bytes of a file that are read at once.
const READ_BYTES: usize = 64 << 10;
/// The most characters of a file that an error repeats.
const SHOWN_MAX: usize = 60;
/// The bytes that some programs write before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether there is no such file. One that cannot be looked at is there: reading it says why not.
pub(super) fn is_absent(path: &Path) -> bool {
    path.symlink_metadata()
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Text of a file for an error: its beginning, in quotes, with control characters escaped.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
    }
}

/// The lines of a text, ended by LF, CR or CRLF.
#[derive(Debug)]
struct Lines<R> {
    reader: R,
    /// Bytes read.
    bytes: u64,
    /// The last line ended in CR, so that an LF behind it belongs to its end.
    after_cr: bool,
}

/// What [`Lines::next`] found.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Whole,
    /// Longer than [`LINE_BYTES_MAX`]; it is skipped.
    TooLong,
    End,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line into `line`, without its end.
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Line> {
        line.clear();
        let (mut any, mut length) = (false, 0_usize);
        loop {
            let bytes = self.reader.fill_buf()?;
            let Some(first) = bytes.first() else {
                return Ok(match (any, length > LINE_BYTES_MAX) {
                    (false, _) => Line::End,
                    (true, false) => Line::Whole,
                    (true, true) => Line::TooLong,
                });
            };
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                self.reader.consume(1);
                self.bytes += 1;
                continue;
            }
            any = true;
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &bytes[..end.unwrap_or(bytes.len())];
            length = length.saturating_add(part.len());
            if length <= LINE_BYTES_MAX {
                line.extend_from_slice(part);
            }
            let is_cr = end.is_some_and(|end| bytes[end] == b'\r');
            let taken = part.len() + usize::from(end.is_some());
            self.reader.consume(taken);
            self.bytes += u64::try_from(taken).unwrap_or(0);
            if end.is_some() {
                self.after_cr = is_cr;
                return Ok(if length > LINE_BYTES_MAX {
                    Line::TooLong
                } else {
                    Line::Whole
                });
            }
        }
    }
}

/// The rows of a file below its header.
#[derive(Debug)]
pub(super) struct CsvRows {
    path: PathBuf,
    /// Of the file when it was opened.
    identity: FileIdentity,
    lines: Lines<BufReader<File>>,
    text: Vec<u8>,
    /// The fields of the last row, without spaces around them.
    fields: StringRecord,
    /// The line of the last row, counted from 1.
    line: u64,
    /// Columns of the header.
    width: usize,
    /// The place of each wanted column in a row.
    places: Vec<usize>,
}

/// A wanted column: its names, in lower case, the usual one first.
pub(super) type ColumnNames = &'static [&'static str];

impl CsvRows {
    /// Opens a file and finds the wanted columns in its header, which is its first line that is not
    /// blank. Other columns are passed over.
    ///
    /// # Errors
    /// The file cannot be read or is empty, or the header lacks a column or has it twice.
    pub(super) fn open(path: &Path, wanted: &[ColumnNames]) -> Result<CsvRows, AssetsError> {
        let unreadable = |e: io::Error| AssetsError::unreadable(path, &e);
        let file = File::open(path).map_err(unreadable)?;
        let found = file.metadata().map_err(unreadable)?;
        let mut rows = CsvRows {
            path: path.to_owned(),
            identity: FileIdentity::of(&found),
            lines: Lines {
                reader: BufReader::with_capacity(READ_BYTES, file),
                bytes: 0,
                after_cr: false,
            },
            text: Vec::new(),
            fields: StringRecord::new(),
            line: 0,
            width: 0,
            places: Vec::new(),
        };
        if !rows.read()? {
            return Err(AssetsError::in_file(path, "the file is empty"));
        }
        rows.width = rows.fields.len();
        let header: Vec<String> = rows.fields.iter().map(str::to_lowercase).collect();
        for names in wanted {
            let mut found = (0..header.len()).filter(|at| names.contains(&header[*at].as_str()));
            match (found.next(), found.next()) {
                (Some(place), None) => rows.places.push(place),
                _ => return Err(rows.header_error(wanted)),
            }
        }
        Ok(rows)
    }

    /// Goes back to the first row.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn rewind(&mut self) -> Result<(), AssetsError> {
        let rewound = self.lines.reader.rewind();
        rewound.map_err(|e| AssetsError::unreadable(&self.path, &e))?;
        (self.lines.bytes, self.lines.after_cr, self.line) = (0, false, 0);
        self.read().map(|_| ())
    }

    /// What tells the file from others, as it was when it was opened.
    pub(super) fn identity(&self) -> &FileIdentity {
        &self.identity
    }

    /// Whether the file is still as it was when it was opened.
    pub(super) fn is_unchanged(&self) -> bool {
        let now = self.lines.reader.get_ref().metadata();
        now.is_ok_and(|now| FileIdentity::of(&now) == self.identity)
    }

    /// Bytes of the file that were read.
    pub(super) fn bytes(&self) -> u64 {
        self.lines.bytes
    }

    /// Finds one more column in the header, which need not be there, before the first row is read.
    pub(super) fn find_column(&mut self, names: ColumnNames) -> Option<usize> {
        let is_named = |field: &str| names.contains(&field.to_lowercase().as_str());
        let place = self.fields.iter().position(is_named)?;
        self.places.push(place);
        Some(self.places.len() - 1)
    }

    fn header_error(&self, wanted: &[ColumnNames]) -> AssetsError {
        for (other, name) in [(';', "semicolons"), ('\t', "tabs")] {
            if self.fields.len() == 1 && self.fields[0].contains(other) {
                return self.row_error(format!(
                    "columns are separated by commas, and numbers have a decimal point; this file \
                     has {name}"
                ));
            }
        }
        let names = wanted.iter().filter_map(|names| names.first().copied());
        let found = self.fields.iter().collect::<Vec<_>>().join(",");
        self.row_error(format!(
            "the header is {}; it must have each of {} once",
            shown(&found),
            names.collect::<Vec<_>>().join(", ")
        ))
    }

    /// Reads the next row; false at the end. Rows without any text are passed over.
    ///
    /// # Errors
    /// The row cannot be read. Rows behind it can.
    pub(super) fn next(&mut self) -> Result<bool, AssetsError> {
        if !self.read()? {
            return Ok(false);
        }
        if self.fields.len() == self.width {
            return Ok(true);
        }
        let columns = self.fields.len();
        Err(self.row_error(format!("the row has {columns} columns, not {}", self.width)))
    }

    /// Reads all rows that are left.
    ///
    /// # Errors
    /// Those of `take`, with their lines, and those of rows that cannot be read: the first
    /// [`FAULTS_OF_FILE_MAX`]. Where the file cannot be read just now, that alone.
    pub(super) fn each(
        &mut self,
        mut take: impl FnMut(&CsvRows) -> Result<(), String>,
    ) -> Result<(), AssetsError> {
        let mut faults = Vec::new();
        while faults.len() < FAULTS_OF_FILE_MAX {
            let row = match self.next() {
                Ok(false) => break,
                Ok(true) => take(self).map_err(|reason| self.row_error(reason)),
                Err(fault) => Err(fault),
            };
            faults.extend(row.err());
        }
        if let Some(passing) = faults.iter().find(|fault| fault.is_passing()) {
            return Err(passing.clone());
        }
        if faults.is_empty() {
            return Ok(());
        }
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Err(AssetsError::Config(faults.join("\n")))
    }

    /// Reads the next line that has any text into `fields`.
    fn read(&mut self) -> Result<bool, AssetsError> {
        loop {
            let read = self.lines.next(&mut self.text);
            self.line += 1;
            match read {
                Ok(Line::Whole) => {}
                Ok(Line::End) => return Ok(false),
                Ok(Line::TooLong) => {
                    return Err(
                        self.row_error(format!("the line is longer than {LINE_BYTES_MAX} bytes"))
                    );
                }
                Err(e) if is_passing(&e) => return Err(AssetsError::unreadable(&self.path, &e)),
                Err(e) => return Err(self.row_error(format!("cannot be read: {e}"))),
            }
            let text = match self.line {
                1 => self.text.strip_prefix(BYTE_ORDER_MARK),
                _ => None,
            };
            let text = text.unwrap_or(&self.text);
            let Ok(text) = std::str::from_utf8(text) else {
                return Err(self.row_error("the row is not UTF-8"));
            };
            let is_whole = split(text, &mut self.fields);
            if !is_whole {
                return Err(self.row_error(format!("a quote is not closed in {}", shown(text))));
            }
            if self.fields.iter().any(|field| !field.is_empty()) {
                return Ok(true);
            }
        }
    }

    /// The text of a wanted column in the last row.
    pub(super) fn field(&self, column: usize) -> &str {
        let place = self.places.get(column).copied();
        place
            .and_then(|place| self.fields.get(place))
            .unwrap_or_default()
    }

    /// The line of the last row.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// An error about the last row.
    pub(super) fn row_error(&self, reason: impl std::fmt::Display) -> AssetsError {
        AssetsError::at_line(&self.path, self.line, reason)
    }
}

/// Splits a line into its fields. False where a quote is not closed.
fn split(text: &str, fields: &mut StringRecord) -> bool {
    fields.clear();
    if !text.contains('"') {
        text.split(',')
            .for_each(|field| fields.push_field(field.trim()));
        return true;
    }
    // A field that is in quotes has an even number of them: one at each end, inner ones doubled.
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return false;
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    // A text that was checked for UTF-8 and has one line can be read.
    reader.read_record(fields).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], capacity: usize) -> Vec<String> {
        let mut lines = Lines {
            reader: BufReader::with_capacity(capacity, text),
            bytes: 0,
            after_cr: false,
        };
        let (mut line, mut all) = (Vec::new(), Vec::new());
        loop {
            match lines.next(&mut line).unwrap() {
                Line::Whole => all.push(String::from_utf8(line.clone()).unwrap()),
                Line::TooLong => all.push("too long".to_owned()),
                Line::End => return all,
            }
        }
    }

    #[test]
    fn each_line_end_counts_once_at_any_border_of_the_buffer() {
        for capacity in 1..9 {
            let split = |text: &[u8]| lines(text, capacity);
            assert_eq!(split(b"a\nb\r\nc\rd"), ["a", "b", "c", "d"]);
            assert_eq!(split(b"a\r\r\n\n\nb\n"), ["a", "", "", "", "b"]);
            assert_eq!(split(b"\r\n"), [""]);
            assert!(split(b"").is_empty());
        }
    }

    #[test]
    fn a_long_line_is_passed_over_whole() {
        let text = format!("a\n{}\nb", "x".repeat(LINE_BYTES_MAX + 1));
        assert_eq!(lines(text.as_bytes(), 100), ["a", "too long", "b"]);
        let text = "x".repeat(LINE_BYTES_MAX);
        assert_eq!(lines(text.as_bytes(), 100), [text]);
    }

    #[test]
    fn quotes_belong_to_one_line() {
        let mut fields = StringRecord::new();
        let mut fields_of = |text: &str| {
            let is_whole = split(text, &mut fields);
            is_whole.then(|| fields.iter().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(fields_of("a, b ,c").unwrap(), ["a", "b", "c"]);
        assert_eq!(
            fields_of(r#""1,234.5","x ""y"" z""#).unwrap(),
            ["1,234.5", r#"x "y" z"#]
        );
        assert_eq!(fields_of(r#"a,"b"#), None);
        assert_eq!(fields_of("").unwrap(), [""]);
    }

    #[test]
    fn an_error_repeats_little() {
        assert_eq!(shown("a\tb"), "\"a\\tb\"");
        let long = "é".repeat(5000);
        assert!(shown(&long).chars().count() < 90, "{}", shown(&long));
        assert!(shown(&long).ends_with("(10000 bytes)"));
    }
}
