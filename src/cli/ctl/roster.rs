//! spec/cli/ctl.md · 3.1.3, 4.1 (basic error handling)
//!
//! Reads a roster: CSV whose first line names the columns. What is in the cells is the master's to
//! check.

use crate::admin::roster::{ROSTER_MAX, RosterFault, RosterRow};
use csv::{ReaderBuilder, StringRecord, Trim};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest roster in bytes.
const ROSTER_BYTES: u64 = 1024 * 1024;
/// The most characters of a cell. No username, e-mail address or name that fits a card is longer.
const CELL_MAX: usize = 321;

/// A roster, with what the master does not need.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Roster {
    pub(super) rows: Vec<RosterRow>,
    /// Each row's name for the card; empty where there is none.
    pub(super) names: Vec<String>,
}

/// Which column is which.
struct RosterColumns {
    username: usize,
    email: Option<usize>,
    name: Option<usize>,
}

/// What messages call the file of a roster.
pub(super) fn name_of(file: &Path) -> String {
    if file == Path::new("-") {
        "standard input".to_owned()
    } else {
        file.display().to_string()
    }
}

/// Reads the file of a roster, or standard input for `-`.
///
/// # Errors
/// It cannot be read, or is larger than 1 MiB.
pub(super) fn load(file: &Path) -> Result<Vec<u8>, String> {
    let opened: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| error.to_string())?)
    };
    let mut bytes = Vec::new();
    let read = opened.take(ROSTER_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > ROSTER_BYTES {
        return Err(format!("a roster has at most {ROSTER_BYTES} bytes"));
    }
    Ok(bytes)
}

/// Reads a roster. Faults have their lines.
///
/// # Errors
/// Rows have faults.
pub(super) fn read(bytes: &[u8]) -> Result<Roster, Vec<RosterFault>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
            let text = "this is no UTF-8; save the roster as CSV in UTF-8";
            Err(fault(line, text.to_owned()))
        }
    }
}

fn fault(line: u64, text: String) -> Vec<RosterFault> {
    vec![RosterFault { line, text }]
}

fn parse(text: &str) -> Result<Roster, Vec<RosterFault>> {
    let head = text.lines().next().unwrap_or_default();
    let separator = if head.contains(';') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut columns = None;
    let mut roster = Roster {
        rows: Vec::new(),
        names: Vec::new(),
    };
    let mut faults = Vec::new();
    let mut lines = LineCounter {
        rest: text.as_bytes(),
        passed: 0,
        line: 1,
    };
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => return Err(fault(1, error.to_string())),
        };
        let from = record.position().map_or(0, csv::Position::byte);
        let line = lines.line_of(usize::try_from(from).unwrap_or(usize::MAX));
        let Some(columns) = &columns else {
            columns = Some(heading(&record).map_err(|text| fault(line, text))?);
            continue;
        };
        if record.iter().all(str::is_empty) {
            continue;
        }
        if roster.rows.len() == ROSTER_MAX {
            let text = format!("a roster has at most {ROSTER_MAX} people");
            return Err(fault(line, text));
        }
        match row(columns, &record, line) {
            Ok((row, name)) => {
                roster.rows.push(row);
                roster.names.push(name);
            }
            Err(text) => faults.push(RosterFault { line, text }),
        }
    }
    match (faults.is_empty(), roster.rows.is_empty()) {
        (false, _) => Err(faults),
        (true, true) => Err(fault(1, "nobody is in this roster".to_owned())),
        (true, false) => Ok(roster),
    }
}

/// Counts lines on the way through a text. The reader's own count of a row stands before the blank
/// lines that it passes over, and before the line feed of the row above.
struct LineCounter<'a> {
    rest: &'a [u8],
    /// Bytes before `rest`.
    passed: usize,
    /// The line at which `rest` begins.
    line: u64,
}

impl LineCounter<'_> {
    /// The line of the first character at this byte or after it that ends no line. Bytes are asked
    /// for in order.
    fn line_of(&mut self, from: usize) -> u64 {
        while let Some((first, rest)) = self.rest.split_first()
            && (self.passed < from || matches!(first, b'\r' | b'\n'))
        {
            self.line += u64::from(*first == b'\n');
            self.passed += 1;
            self.rest = rest;
        }
        self.line
    }
}

/// The columns that the first line names.
fn heading(record: &StringRecord) -> Result<RosterColumns, String> {
    let (mut username, mut email, mut name) = (None, None, None);
    for (index, cell) in record.iter().enumerate() {
        let column = match cell.to_ascii_lowercase().as_str() {
            "username" => &mut username,
            "email" | "e-mail" => &mut email,
            "name" => &mut name,
            other if other.contains('\t') => {
                let text = "the first line has tabs; use comma or semicolon between the columns";
                return Err(text.to_owned());
            }
            other => {
                return Err(format!(
                    "the first line names the columns: username, and if wanted email and name; {other:?} is none of them"
                ));
            }
        };
        if column.replace(index).is_some() {
            return Err(format!("two columns are named {cell}"));
        }
    }
    let username = username.ok_or("no column is named username")?;
    Ok(RosterColumns {
        username,
        email,
        name,
    })
}

fn row(
    columns: &RosterColumns,
    record: &StringRecord,
    line: u64,
) -> Result<(RosterRow, String), String> {
    if let Some(long) = record.iter().find(|cell| cell.chars().count() > CELL_MAX) {
        let start: String = long.chars().take(20).collect();
        return Err(format!(
            "a cell has more than {CELL_MAX} characters: {start:?} …"
        ));
    }
    let count = 1 + columns
        .username
        .max(columns.email.max(columns.name).unwrap_or(0));
    if record.len() > count {
        return Err(format!(
            "this row has {} cells, and the first line names {count} columns",
            record.len()
        ));
    }
    let cell = |index: usize| record.get(index).unwrap_or_default().to_owned();
    let email = columns.email.map(cell).filter(|email| !email.is_empty());
    let row = RosterRow {
        line,
        username: cell(columns.username),
        email,
    };
    Ok((row, columns.name.map(cell).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<u64> {
        let faults = parse(text).unwrap_err();
        faults.iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn columns_are_found_by_name_and_blank_lines_are_none() {
        let wanted = parse("Name;username;E-Mail\n\nAda L.; ada ;ada@example.org\n;;\nBob;bob;\n");
        let roster = wanted.unwrap();
        let row = |line, username: &str, email: Option<&str>| RosterRow {
            line,
            username: username.to_owned(),
            email: email.map(str::to_owned),
        };
        let rows = [row(3, "ada", Some("ada@example.org")), row(5, "bob", None)];
        assert_eq!(roster.rows, rows);
        assert_eq!(roster.names, ["Ada L.", "Bob"]);
        let quoted = parse("username,name\nada,\"Lovelace, Ada\"\n").unwrap();
        assert_eq!(quoted.names, ["Lovelace, Ada"]);
        assert_eq!(parse("username\nada\n").unwrap().names, [""]);
    }

    #[test]
    fn what_is_no_roster_is_told_with_its_line() {
        assert_eq!(lines(""), [1]);
        assert_eq!(lines("ada\nbob\n"), [1], "no heading");
        assert_eq!(lines("username,username\nada,b\n"), [1]);
        let tabs = parse("username\tname\nada\tAda\n").unwrap_err();
        assert!(tabs[0].text.contains("comma or semicolon"), "{tabs:?}");
        assert_eq!(lines("username\n"), [1], "nobody");
        let long = "x".repeat(322);
        let text = format!("username\nada\n{long}\nbob,extra\n");
        assert_eq!(lines(&text), [3, 4]);
        assert_eq!(lines(&text.replace('\n', "\r\n\r\n")), [5, 7]);
        let many = format!("username\n{}", "x\n".repeat(ROSTER_MAX + 1));
        assert_eq!(lines(&many), [ROSTER_MAX as u64 + 2]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.csv");
        std::fs::write(&file, b"username\nada\n\xe4\n").unwrap();
        assert_eq!(read(&load(&file).unwrap()).unwrap_err()[0].line, 3);
        std::fs::write(&file, "\u{feff}username\nada\n").unwrap();
        assert_eq!(read(&load(&file).unwrap()).unwrap().rows[0].username, "ada");
        assert!(load(&folder.path().join("none")).is_err());
        std::fs::write(&file, vec![b'x'; 1024 * 1024 + 1]).unwrap();
        assert!(load(&file).unwrap_err().contains("at most"));
    }
}
