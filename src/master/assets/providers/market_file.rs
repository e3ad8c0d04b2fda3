//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Reads the files of a market folder: one CSV of bars for each symbol, and `actions.csv`. Every
//! row is checked.

use super::super::provider::AssetsError;
use crate::model::{Action, ActionKind};
use crate::model::{Bar, Money, Quantity, Symbol, Timestamp, ValueError};
use csv::{Reader, ReaderBuilder, StringRecord};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Columns of a symbol's file.
const BAR_COLUMNS: [&str; 6] = ["Date", "Open", "High", "Low", "Close", "Volume"];
/// Columns of `actions.csv`.
const ACTION_COLUMNS: [&str; 4] = ["Date", "Symbol", "Action", "Value"];
/// Name of the file of splits and dividends.
const ACTIONS_FILE: &str = "actions.csv";
/// Largest volume of a bar; a larger one is refused.
const VOLUME_MAX: u64 = 1_000_000_000_000_000;

/// The symbols of a folder with their files. Files that do not end in `.csv` are ignored.
///
/// # Errors
/// The folder cannot be read, or a `.csv` file is not named after a symbol.
pub fn folder(directory: &Path) -> Result<BTreeMap<Symbol, PathBuf>, AssetsError> {
    let unreadable =
        |e: std::io::Error| AssetsError::in_file(directory, format!("cannot be read: {e}"));
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|extension| extension != "csv")
            || path.file_name().is_some_and(|name| name == ACTIONS_FILE)
        {
            continue;
        }
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let symbol = Symbol::parse(stem).map_err(|form| {
            AssetsError::in_file(
                &path,
                format!("the file is not named after a symbol: {form}"),
            )
        })?;
        files.insert(symbol, path);
    }
    Ok(files)
}

/// A CSV file whose header is valid.
struct Table {
    path: PathBuf,
    reader: Reader<File>,
    record: StringRecord,
}

impl Table {
    fn open(path: &Path, columns: &[&str]) -> Result<Table, AssetsError> {
        let file = File::open(path)
            .map_err(|e| AssetsError::in_file(path, format!("cannot be read: {e}")))?;
        let mut reader = ReaderBuilder::new().has_headers(true).from_reader(file);
        let header = reader.headers().map_err(|e| csv_error(path, &e))?;
        if header.is_empty() {
            return Err(AssetsError::in_file(path, "the file is empty"));
        }
        if !header.iter().eq(columns.iter().copied()) {
            return Err(AssetsError::at_line(
                path,
                1,
                format!("the header must be {}", columns.join(",")),
            ));
        }
        Ok(Table {
            path: path.to_owned(),
            reader,
            record: StringRecord::new(),
        })
    }

    /// Reads the next row into `record`. Returns its line, or `None` at the end.
    fn next(&mut self) -> Result<Option<u64>, AssetsError> {
        match self.reader.read_record(&mut self.record) {
            Ok(true) => Ok(Some(self.record.position().map_or(0, csv::Position::line))),
            Ok(false) => Ok(None),
            Err(e) => Err(csv_error(&self.path, &e)),
        }
    }

    /// A column of the row. The header check and the CSV reader ensure that it exists.
    fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    fn row_error(&self, line: u64, reason: impl std::fmt::Display) -> AssetsError {
        AssetsError::at_line(&self.path, line + self.blank_lines(), reason)
    }

    /// Blank lines before the row: the CSV reader counts a record from them, a person from its
    /// text.
    fn blank_lines(&self) -> u64 {
        let start = self.record.position().map_or(0, csv::Position::byte);
        let mut blank = 0;
        let mut read = |file: &mut File| -> std::io::Result<u64> {
            file.seek(SeekFrom::Start(start))?;
            for byte in BufReader::new(file).bytes() {
                match byte? {
                    b'\n' => blank += 1,
                    b'\r' => {}
                    _ => break,
                }
            }
            Ok(blank)
        };
        File::open(&self.path)
            .and_then(|mut file| read(&mut file))
            .unwrap_or_default()
    }
}

/// Turns an error of the CSV reader into one of the module.
fn csv_error(path: &Path, error: &csv::Error) -> AssetsError {
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("the row has {len} columns, not {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    match error.position() {
        Some(position) => AssetsError::at_line(path, position.line(), reason),
        None => AssetsError::in_file(path, reason),
    }
}

/// The bars of one symbol's file, in order.
pub struct MarketRows {
    table: Table,
    last: Option<Timestamp>,
}

impl MarketRows {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or has another header.
    pub fn open(path: &Path) -> Result<MarketRows, AssetsError> {
        Ok(MarketRows {
            table: Table::open(path, &BAR_COLUMNS)?,
            last: None,
        })
    }

    /// Reads the next bar; `None` at the end.
    ///
    /// # Errors
    /// The row is malformed, or not later than the one before it.
    pub fn next_bar(&mut self) -> Result<Option<Bar>, AssetsError> {
        let Some(line) = self.table.next()? else {
            return Ok(None);
        };
        let bar = bar_of(&self.table).map_err(|reason| self.table.row_error(line, reason))?;
        if self.last.is_some_and(|last| bar.time <= last) {
            return Err(self
                .table
                .row_error(line, "the date is not after that of the row before"));
        }
        self.last = Some(bar.time);
        Ok(Some(bar))
    }
}

fn bar_of(table: &Table) -> Result<Bar, String> {
    let price = |column: usize| {
        let text = table.field(column);
        match Money::parse_rounded(text) {
            Ok(money) if money > Money::ZERO => Ok(money),
            Ok(_) => Err(format!("{} {text} is not above 0", BAR_COLUMNS[column])),
            Err(form) => Err(format!("{} {text:?}: {form}", BAR_COLUMNS[column])),
        }
    };
    let bar = Bar {
        time: date(table.field(0)).map_err(|form| format!("Date {:?}: {form}", table.field(0)))?,
        open: price(1)?,
        high: price(2)?,
        low: price(3)?,
        close: price(4)?,
        volume: volume(table.field(5))
            .map_err(|form| format!("Volume {:?}: {form}", table.field(5)))?,
    };
    check_range(&bar).map_err(str::to_owned)?;
    Ok(bar)
}

/// Checks that open and close are between low and high.
pub(in crate::master::assets) fn check_range(bar: &Bar) -> Result<(), &'static str> {
    if bar.high < bar.low {
        Err("High is below Low")
    } else if bar.open < bar.low || bar.open > bar.high {
        Err("Open is not between Low and High")
    } else if bar.close < bar.low || bar.close > bar.high {
        Err("Close is not between Low and High")
    } else {
        Ok(())
    }
}

/// Parses `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`, in UTC.
fn date(text: &str) -> Result<Timestamp, ValueError> {
    const FORM: ValueError = ValueError("a date is YYYY-MM-DD or YYYY-MM-DD HH:MM:SS");
    match text.split_once(' ') {
        None if text.len() == 10 => Timestamp::parse(text),
        Some((day, clock)) if clock.len() == 8 => Timestamp::parse(&format!("{day}T{clock}Z")),
        _ => Err(FORM),
    }
    .map_err(|_| FORM)
}

/// Parses a volume and cuts it to whole units.
///
/// # Errors
/// The text is not a decimal number, is negative, or is too large.
pub(in crate::master::assets) fn volume(text: &str) -> Result<u64, ValueError> {
    const FORM: ValueError =
        ValueError("a volume is a decimal number from 0 to 1,000,000,000,000,000");
    let whole = match text.split_once('.') {
        None => text,
        Some((whole, fraction)) if fraction.bytes().all(|b| b.is_ascii_digit()) => whole,
        // An exponent after a decimal point is rare, so it takes the slow path.
        Some(_) => "",
    };
    if !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit()) {
        return whole.parse().ok().filter(|v| *v <= VOLUME_MAX).ok_or(FORM);
    }
    let millionths = Money::parse_rounded(text).map_err(|_| FORM)?.0;
    u64::try_from(millionths / crate::model::money::MILLION)
        .map_err(|_| FORM)
        .and_then(|whole| {
            // A small negative number must not become 0.
            if millionths < 0 { Err(FORM) } else { Ok(whole) }
        })
}

/// Reads the folder's splits and dividends, in order of time; none if there is no file.
///
/// # Errors
/// A row is malformed; the error names its line.
pub fn actions(directory: &Path) -> Result<Vec<Action>, AssetsError> {
    let path = directory.join(ACTIONS_FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    actions_file(&path)
}

/// Reads one file of splits and dividends, in order of time.
///
/// # Errors
/// The file cannot be read, or a row is malformed; the error names its line.
pub fn actions_file(path: &Path) -> Result<Vec<Action>, AssetsError> {
    let mut table = Table::open(path, &ACTION_COLUMNS)?;
    let mut actions: Vec<Action> = Vec::new();
    while let Some(line) = table.next()? {
        let action = action_of(&table).map_err(|reason| table.row_error(line, reason))?;
        if actions.contains(&action) {
            return Err(table.row_error(line, "the same action is in the file already"));
        }
        actions.push(action);
    }
    actions.sort_by_key(|action| (action.time, action.symbol));
    Ok(actions)
}

fn action_of(table: &Table) -> Result<Action, String> {
    let time = date(table.field(0)).map_err(|form| format!("Date {:?}: {form}", table.field(0)))?;
    let symbol = Symbol::parse(table.field(1))
        .map_err(|form| format!("Symbol {:?}: {form}", table.field(1)))?;
    let text = table.field(3);
    let value = Money::parse_rounded(text)
        .ok()
        .filter(|value| *value > Money::ZERO)
        .ok_or_else(|| format!("Value {text:?} is not a decimal number above 0"))?;
    let kind = match table.field(2) {
        "split" => ActionKind::Split(Quantity(value.0)),
        "dividend" => ActionKind::Dividend(value),
        other => return Err(format!("Action {other:?} is neither split nor dividend")),
    };
    Ok(Action { time, symbol, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Vec<Bar>, AssetsError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("A.csv");
        std::fs::write(&path, text).unwrap();
        let mut rows = MarketRows::open(&path)?;
        let mut bars = Vec::new();
        while let Some(bar) = rows.next_bar()? {
            bars.push(bar);
        }
        Ok(bars)
    }

    #[test]
    fn every_broken_row_is_named_with_its_line() {
        let head = "Date,Open,High,Low,Close,Volume\n";
        let good = "2013-01-02,1,2,0.5,1.5,7\n";
        assert_eq!(read(format!("{head}{good}").as_bytes()).unwrap().len(), 1);
        for (text, line, reason) in [
            (String::new(), None, "empty"),
            ("Date,Open,High,Low,Close\n".into(), Some(1), "header"),
            (
                format!("date,Open,High,Low,Close,Volume\n{good}"),
                Some(1),
                "header",
            ),
            (
                format!("{head}{good}2013-01-03,1,2,0.5,x,7\n"),
                Some(3),
                "Close",
            ),
            (
                format!("{head}{good}2013-01-03,1,2,0.5,,7\n"),
                Some(3),
                "Close",
            ),
            (
                format!("{head}{good}2013-01-03,1,2,0.5,nan,7\n"),
                Some(3),
                "Close",
            ),
            (
                format!("{head}2013-01-03,1,2,0,1,7\n"),
                Some(2),
                "Low 0 is not above 0",
            ),
            (
                format!("{head}2013-01-03,1,2,0.0000004,1,7\n"),
                Some(2),
                "not above 0",
            ),
            (
                format!("{head}2013-01-03,-1,2,1,1,7\n"),
                Some(2),
                "Open -1 is not above 0",
            ),
            (
                format!("{head}2013-01-03,1,1,2,1,7\n"),
                Some(2),
                "High is below Low",
            ),
            (
                format!("{head}2013-01-03,3,2,1,1,7\n"),
                Some(2),
                "Open is not between",
            ),
            (
                format!("{head}2013-01-03,1,2,1,0.5,7\n"),
                Some(2),
                "Close is not between",
            ),
            (format!("{head}2013-01-03,1,2,1,1,-7\n"), Some(2), "Volume"),
            (
                format!("{head}2013-01-03,1,2,1,1,-0.5\n"),
                Some(2),
                "Volume",
            ),
            (
                format!("{head}2013-01-03,1,2,1,1\n"),
                Some(2),
                "5 columns, not 6",
            ),
            (format!("{head}2013-02-30,1,2,1,1,7\n"), Some(2), "Date"),
            (
                format!("{head}2013-02-03T00:00:00Z,1,2,1,1,7\n"),
                Some(2),
                "Date",
            ),
            (format!("{head}03/01/2013,1,2,1,1,7\n"), Some(2), "Date"),
            (format!("{head}{good}{good}"), Some(3), "not after"),
            (
                format!("{head}{good}\n2013-01-01,1,2,1,1,7\n"),
                Some(4),
                "not after",
            ),
        ] {
            let fault = read(text.as_bytes()).unwrap_err();
            let said = fault.to_string();
            let place = line.map_or("A.csv: ".to_owned(), |line| format!("A.csv, line {line}: "));
            assert!(said.contains(&place), "{text}: {said}");
            assert!(said.contains(reason), "{text}: {said}");
        }
    }

    #[test]
    fn a_row_that_is_not_utf_8_is_named_with_its_line() {
        let fault =
            read(b"Date,Open,High,Low,Close,Volume\n2013-01-02,1,2,1,\xff,7\n").unwrap_err();
        assert!(fault.to_string().contains("A.csv, line 2: "), "{fault}");
    }

    #[test]
    fn times_and_volumes_are_read() {
        let text =
            "Date,Open,High,Low,Close,Volume\r\n2013-01-02 23:59:59,1,2,0.5,1.5,7.999999999\r\n";
        let bars = read(text.as_bytes()).unwrap();
        assert_eq!(
            bars[0].time,
            Timestamp::parse("2013-01-02T23:59:59Z").unwrap()
        );
        assert_eq!(bars[0].volume, 7);
        assert_eq!(volume("1.5e3"), Ok(1500));
        assert_eq!(volume("2e3"), Ok(2000));
        assert_eq!(volume("0"), Ok(0));
        for text in [
            "",
            ".",
            "-1",
            "-0.1",
            "x",
            "1000000000000001",
            "1e400",
            " 1",
        ] {
            assert!(volume(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_folder_is_read_by_its_names() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["AAPL.csv", "BRK.B.csv", "actions.csv", "NOTES.txt"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let names: Vec<_> = folder(dir.path())
            .unwrap()
            .into_keys()
            .map(|s| s.to_string())
            .collect();
        assert_eq!(names, ["AAPL", "BRK.B"]);
        std::fs::write(dir.path().join("aapl.csv"), "").unwrap();
        let fault = folder(dir.path()).unwrap_err();
        assert!(fault.to_string().contains("aapl.csv"), "{fault}");
    }

    #[test]
    fn actions_have_their_rows_checked() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(actions(dir.path()), Ok(Vec::new()));
        let path = dir.path().join(ACTIONS_FILE);
        let head = "Date,Symbol,Action,Value\n";
        for (row, reason) in [
            ("2013-01-02,A,split,0\n", "above 0"),
            ("2013-01-02,A,merger,1\n", "neither"),
            ("2013-01-02,a,split,2\n", "Symbol"),
            ("2013-1-2,A,split,2\n", "Date"),
            ("2013-01-02,A,split\n", "columns"),
            ("2013-01-02,A,split,2\n2013-01-02,A,split,2\n", "already"),
        ] {
            std::fs::write(&path, format!("{head}{row}")).unwrap();
            let fault = actions(dir.path()).unwrap_err();
            assert!(fault.to_string().contains(reason), "{row}: {fault}");
        }
        std::fs::write(
            &path,
            format!("{head}2013-01-03,B,split,0.1\n2013-01-02,A,dividend,0.5\n"),
        )
        .unwrap();
        let read = actions(dir.path()).unwrap();
        assert_eq!(read[0].kind, ActionKind::Dividend(Money(500_000)));
        assert_eq!(read[1].kind, ActionKind::Split(Quantity(100_000)));
    }
}
