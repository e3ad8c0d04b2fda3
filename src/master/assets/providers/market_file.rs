//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Reads the files of a market folder: one CSV of bars for each symbol, and `actions.csv`. It takes
//! what can mean one thing only, and names the line of everything else.

pub mod actions;
mod dates;
pub(in crate::master::assets) mod jumps;
pub(in crate::master::assets::providers) mod kept;
mod rows;
pub mod survey;
mod symbols;

use super::super::price::{PriceError, parse_price};
use super::super::provider::AssetsError;
use crate::model::money::MILLION;
use crate::model::printable::is_printable;
use crate::model::{AssetDescription, Bar, Money, Symbol, Timestamp, ValueError};
use dates::{DateOrder, DateOrderFinder};
use kept::FileIdentity;
use rows::{ColumnNames, CsvRows, shown};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Columns of a symbol's file, with other names in use.
const BAR_COLUMNS: [ColumnNames; 6] = [
    &["Date", "date", "time", "datetime", "timestamp"],
    &["Open", "open"],
    &["High", "high"],
    &["Low", "low"],
    &["Close", "close"],
    &["Volume", "volume"],
];
/// Name of the file that gives files their symbols.
pub const SYMBOLS_FILE: &str = "symbols.csv";
/// Largest volume of a bar; a larger one is refused.
const VOLUME_MAX: u64 = 1_000_000_000_000_000;

/// The faults of one file that are named; a file with more of them is as useless.
pub const FAULTS_OF_FILE_MAX: usize = 3;

/// A symbol's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketFile {
    pub path: PathBuf,
    /// Units of the file in one unit of the asset: 1, or a power of ten for an asset that is offered
    /// by the lot.
    pub factor: u64,
    /// The asset's full name, where `symbols.csv` has one.
    pub name: Option<String>,
}

impl MarketFile {
    /// How many places a price's point moves for one unit of the asset.
    pub fn shift(&self) -> i32 {
        i32::try_from(self.factor.checked_ilog10().unwrap_or(0)).unwrap_or(0)
    }

    /// What the asset is called and what its unit is. Of a name, what is printable.
    pub fn description(&self) -> AssetDescription {
        let name = self.name.as_deref().unwrap_or_default().chars();
        AssetDescription {
            name: name.filter(|c| is_printable(*c)).collect(),
            factor: self.factor,
        }
    }

    /// A file whose units are those of the asset.
    pub fn new(path: PathBuf) -> MarketFile {
        MarketFile {
            path,
            factor: 1,
            name: None,
        }
    }
}

/// What a market folder holds.
#[derive(Debug, Default)]
pub struct MarketFolder {
    /// The symbols with their files.
    pub files: BTreeMap<Symbol, MarketFile>,
    /// What is said of each other file that was probably meant to be one.
    pub passed_over: Vec<String>,
    /// What is said of a file beside another one of the same symbol; `passed_over` has it, too.
    pub twins: Vec<(Symbol, String)>,
    /// Names of other files and folders, which were probably not meant to be one.
    pub others: Vec<String>,
}

/// The files of a folder that end in `.csv`, in any case of these letters. Hidden files, which
/// begin with a dot, are nobody's business.
///
/// # Errors
/// The folder cannot be read, or its `symbols.csv` is faulty.
pub fn folder(directory: &Path) -> Result<MarketFolder, AssetsError> {
    let unreadable = |e: std::io::Error| AssetsError::unreadable(directory, &e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    // In the order of names, so that the same folder always means the same.
    paths.sort();
    let mut listed = symbols::listed(directory)?;
    let mut folder = MarketFolder::default();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        if !is_market_file(&path) {
            match not_read(&path) {
                Some(said) => folder.passed_over.push(said),
                None if name.is_empty() || name.starts_with('.') => {}
                None => folder.others.push(name.to_owned()),
            }
            continue;
        }
        if [actions::ACTIONS_FILE, SYMBOLS_FILE].contains(&name) {
            continue;
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.unwrap_or_default();
        let found = match listed.remove(name).or_else(|| listed.remove(stem)) {
            Some(entry) => Ok((entry.symbol, entry.factor, entry.name)),
            None => Symbol::parse(stem).map(|symbol| (symbol, 1, None)),
        };
        let (symbol, factor, name) = match found {
            Ok(found) => found,
            Err(form) => {
                let reason = unnamed(stem, form);
                let fault = AssetsError::in_file(&path, reason);
                folder.passed_over.push(fault.to_string());
                continue;
            }
        };
        if let Some(other) = folder.files.get(&symbol) {
            let other = other.path.display();
            let reason = format!(
                "passed over, since {other} is of the same symbol: keep one of the two, or give one \
                 another symbol in {SYMBOLS_FILE}"
            );
            let fault = AssetsError::in_file(&path, reason).to_string();
            folder.twins.push((symbol, fault.clone()));
            folder.passed_over.push(fault);
            continue;
        }
        folder
            .files
            .insert(symbol, MarketFile { path, factor, name });
    }
    for (file, entry) in listed {
        folder.passed_over.push(format!(
            "{}: {} is on line {}, and there is no file {file}",
            directory.join(SYMBOLS_FILE).display(),
            entry.symbol,
            entry.line
        ));
    }
    Ok(folder)
}

/// What is said of a file whose name is no symbol.
fn unnamed(stem: &str, form: ValueError) -> String {
    let upper = stem.to_ascii_uppercase();
    let mend = if Symbol::parse(&upper).is_ok() {
        format!("name it {upper}.csv")
    } else {
        format!("name it after its symbol, or give it one in {SYMBOLS_FILE}")
    };
    format!(
        "passed over, since its name is not a symbol, and {SYMBOLS_FILE} gives it none ({form}): \
         {mend}"
    )
}

/// Names of files that people write about a folder.
const TEXTS: [&str; 5] = ["README", "NOTES", "LICENSE", "LICENCE", "CHANGELOG"];
/// The forms of tables that people have instead of CSV, by the end of a file's name.
const OTHER_FORMS: [(&[&str], &str); 4] = [
    (
        &["xlsx", "xls", "xlsm", "ods", "numbers"],
        "a spreadsheet: save it as CSV from the program that it is of",
    ),
    (
        &["tsv", "txt", "psv"],
        "text: if it is a table, separate its columns by commas",
    ),
    (
        &["gz", "zip", "xz", "bz2", "zst", "7z"],
        "packed: unpack it",
    ),
    (
        &["json", "parquet", "feather", "xml"],
        "another form of data: save it as CSV",
    ),
];

/// What is said of a file in another form than CSV that was probably meant as a market file, since
/// its name is a symbol's.
pub fn not_read(path: &Path) -> Option<String> {
    let end = path.extension()?.to_str()?.to_ascii_lowercase();
    let stem = path.file_stem()?.to_str()?;
    // "AAPL.csv.gz"
    let base = stem.split('.').next()?.to_ascii_uppercase();
    let is_meant = Symbol::parse(&base).is_ok() && !TEXTS.contains(&base.as_str());
    let (_, form) = OTHER_FORMS
        .iter()
        .find(|(ends, _)| ends.contains(&end.as_str()))?;
    let said = AssetsError::in_file(path, format!("passed over, since it is {form}"));
    (is_meant && path.is_file()).then(|| said.to_string())
}

/// Whether a path has the name of a market file: it ends in `.csv`, in any case, and is not hidden.
pub fn is_market_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("csv"))
        && name.is_some_and(|name| !name.starts_with('.'))
}

/// The order in which a file has its bars.
#[derive(Debug)]
enum BarOrder {
    Ascending,
    /// Newest first. The bars read so far, each with its line, and whether they are all.
    Descending(Vec<(u64, Bar)>, bool),
}

/// The bars of one symbol's file, in order of time.
#[derive(Debug)]
pub struct MarketRows {
    rows: CsvRows,
    /// The factor's number of zeros.
    shift: i32,
    factor: u64,
    dates: DateOrder,
    order: BarOrder,
    last: Option<Timestamp>,
    line: u64,
    /// Rows whose values are all `null`, which some programs write for days off: how many, and the
    /// line of the first.
    pub null_rows: (u64, u64),
}

impl MarketRows {
    /// Opens a file, checks its header and looks how it writes dates and in which order.
    ///
    /// # Errors
    /// The file cannot be read, is empty, lacks a column, or has dates whose month nobody can know.
    pub fn open(file: &MarketFile) -> Result<MarketRows, AssetsError> {
        let path = &file.path;
        let mut rows = CsvRows::open(path, &BAR_COLUMNS)?;
        let dates = date_order(&mut rows)?;
        rows.rewind()?;
        let mut first_two = [None; 2];
        for time in &mut first_two {
            if matches!(rows.next(), Ok(true)) {
                *time = dates::date(rows.field(0), dates).ok();
            }
        }
        rows.rewind()?;
        let order = match first_two {
            [Some(first), Some(second)] if second < first => {
                BarOrder::Descending(Vec::new(), false)
            }
            _ => BarOrder::Ascending,
        };
        Ok(MarketRows {
            rows,
            shift: file.shift(),
            factor: file.factor,
            dates,
            order,
            last: None,
            line: 0,
            null_rows: (0, 0),
        })
    }

    /// Reads the next bar; `None` at the end. After an error it can be called again, to find the
    /// errors of further rows; where the file itself cannot be read, the end follows.
    ///
    /// # Errors
    /// The row is malformed, or out of order.
    pub fn next_bar(&mut self) -> Result<Option<Bar>, AssetsError> {
        loop {
            if let BarOrder::Descending(bars, true) = &mut self.order {
                let Some((line, bar)) = bars.pop() else {
                    return Ok(None);
                };
                self.line = line;
                return Ok(Some(bar));
            }
            let Some(bar) = self.next_row()? else {
                match &mut self.order {
                    BarOrder::Ascending => return Ok(None),
                    BarOrder::Descending(_, done) => *done = true,
                }
                continue;
            };
            match &mut self.order {
                BarOrder::Ascending => {
                    self.line = self.rows.line();
                    return Ok(Some(bar));
                }
                BarOrder::Descending(bars, _) => bars.push((self.rows.line(), bar)),
            }
        }
    }

    /// Reads the next row of the file that has prices.
    fn next_row(&mut self) -> Result<Option<Bar>, AssetsError> {
        loop {
            if !self.rows.next()? {
                return Ok(None);
            }
            if (1..BAR_COLUMNS.len()).all(|column| is_none(self.rows.field(column))) {
                if self.rows.field(1) == "null" {
                    let first = match self.null_rows.0 {
                        0 => self.rows.line(),
                        _ => self.null_rows.1,
                    };
                    self.null_rows = (self.null_rows.0 + 1, first);
                }
                continue;
            }
            let bar = self.bar().map_err(|reason| self.rows.row_error(reason))?;
            let last = self.last.replace(bar.time);
            return match (&self.order, last) {
                (BarOrder::Ascending, Some(last)) if bar.time <= last => Err(self
                    .rows
                    .row_error("the date is not after that of the row before")),
                (BarOrder::Descending(..), Some(last)) if bar.time >= last => {
                    Err(self.rows.row_error(
                        "the date is not before that of the row before, as in the rows above",
                    ))
                }
                _ => Ok(Some(bar)),
            };
        }
    }

    /// The bar of the current row.
    fn bar(&self) -> Result<Bar, String> {
        let rows = &self.rows;
        let price = |column: usize| {
            let name = BAR_COLUMNS[column][0];
            let text = rows.field(column);
            parse_price(&ungrouped(text), self.shift).map_err(|error| {
                let lots = match error {
                    PriceError::TooFine { lot, .. } => format!(
                        ". A factor of {lot} in {SYMBOLS_FILE} offers the asset in lots of so many \
                         units"
                    ),
                    PriceError::Form(_) | PriceError::NotAbove0 => String::new(),
                };
                format!("{name} {}: {error}{lots}", shown(text))
            })
        };
        let volume = volume(&ungrouped(rows.field(5)))
            .map_err(|form| format!("Volume {}: {form}", shown(rows.field(5))))?;
        let bar = Bar {
            time: dates::date(rows.field(0), self.dates)?,
            open: price(1)?,
            high: price(2)?,
            low: price(3)?,
            close: price(4)?,
            volume: volume / self.factor,
        };
        check_range(&bar).map_err(str::to_owned)?;
        Ok(bar)
    }

    /// The line of the last bar.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Bytes of the file that were read.
    pub fn bytes(&self) -> u64 {
        self.rows.bytes()
    }

    /// What tells the file from others, as it was when it was opened.
    pub(in crate::master::assets::providers) fn identity(&self) -> &FileIdentity {
        self.rows.identity()
    }

    /// Whether the file is still as it was when it was opened.
    pub fn is_unchanged(&self) -> bool {
        self.rows.is_unchanged()
    }
}

/// Whether a field says that there is no value.
fn is_none(text: &str) -> bool {
    text.is_empty() || text == "null"
}

/// Finds out in which order the dates of a file have day and month. Reads all of it where the
/// first date does not say so.
fn date_order(rows: &mut CsvRows) -> Result<DateOrder, AssetsError> {
    let mut finder = DateOrderFinder::default();
    let mut first = None;
    loop {
        match rows.next() {
            Ok(false) => break,
            // Whoever reads the bars is told.
            Err(_) if first.is_none() => return Ok(DateOrder::YearMonthDay),
            // Half of a file could show another order than the whole.
            Err(fault) if rows.is_broken() => return Err(fault),
            Err(_) => {}
            Ok(true) => {
                let text = rows.field(0);
                if first.is_none() {
                    if !dates::is_year_last(text) {
                        return Ok(DateOrder::YearMonthDay);
                    }
                    first = Some(rows.row_error(format!(
                        "Date {}: the dates of this file do not show whether the day or the month \
                         is first; a date is YYYY-MM-DD",
                        shown(text)
                    )));
                }
                finder.see(text);
            }
        }
    }
    match (first, finder.order()) {
        (_, Some(order)) => Ok(order),
        (Some(unclear), None) => Err(unclear),
        (None, None) => Ok(DateOrder::YearMonthDay),
    }
}

/// The lot in which an asset of this file must be offered, where its prices are finer than the
/// millionths that are kept. Reads the whole file.
pub fn lot_needed(path: &Path) -> Option<u64> {
    let mut rows = CsvRows::open(path, &BAR_COLUMNS).ok()?;
    let mut lot = None;
    loop {
        match rows.next() {
            Ok(false) => return lot,
            Err(_) => {}
            Ok(true) => {
                for column in 1..5 {
                    let price = parse_price(&ungrouped(rows.field(column)), 0);
                    if let Err(PriceError::TooFine { lot: needed, .. }) = price {
                        lot = lot.max(Some(needed));
                    }
                }
            }
        }
    }
}

/// A number without the commas that group its digits, as in `1,234,567.8`. Any other text stays as
/// it is, to be refused.
fn ungrouped(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains(',') {
        return text.into();
    }
    let whole = text.split('.').next().unwrap_or_default();
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default().trim_start_matches('-');
    let is_grouped = whole.contains(',')
        && (1..=3).contains(&first.len())
        // "0,500" is a half with a decimal comma.
        && !first.starts_with('0')
        && groups.all(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()));
    if is_grouped {
        text.replace(',', "").into()
    } else {
        text.into()
    }
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
    u64::try_from(millionths / MILLION)
        .map_err(|_| FORM)
        .and_then(|whole| {
            // A small negative number must not become 0.
            if millionths < 0 { Err(FORM) } else { Ok(whole) }
        })
}

#[cfg(test)]
mod tests;
