//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Reads the files of a market folder: one CSV of bars for each symbol, and `actions.csv`. It takes
//! what can mean one thing only, and names the line of everything else.

mod dates;
pub(in crate::master::assets) mod jumps;
mod rows;
pub mod survey;
mod symbols;

use super::super::price::{PriceError, parse_price};
use super::super::provider::AssetsError;
use crate::model::money::MILLION;
use crate::model::{Action, ActionId, ActionKind};
use crate::model::{Bar, Money, Ratio, Symbol, Timestamp, ValueError};
use dates::{DateOrder, DateOrderFinder};
use rows::{ColumnNames, CsvRows, is_absent, shown};
use std::collections::{BTreeMap, HashSet};
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
/// Columns of `actions.csv`.
const ACTION_COLUMNS: [ColumnNames; 4] = [
    &["Date", "date"],
    &["Symbol", "symbol"],
    &["Action", "action"],
    &["Value", "value"],
];
/// Another column of `actions.csv`, which need not be there.
const ID_COLUMN: ColumnNames = &["id"];
/// Name of the file of splits and dividends.
const ACTIONS_FILE: &str = "actions.csv";
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
        if !is_market_file(&path) || [ACTIONS_FILE, SYMBOLS_FILE].contains(&name) {
            continue;
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.unwrap_or_default();
        let found = match listed.remove(name).or_else(|| listed.remove(stem)) {
            Some(entry) => Ok((entry.symbol, entry.factor, entry.name)),
            None => Symbol::parse(stem).map(|symbol| (symbol, 1, None)),
        };
        let reason = match found {
            Ok((symbol, factor, name)) => match folder.files.get(&symbol) {
                None => {
                    let file = MarketFile { path, factor, name };
                    folder.files.insert(symbol, file);
                    continue;
                }
                Some(other) => format!(
                    "passed over, since {} is of the same symbol",
                    other.path.display()
                ),
            },
            Err(form) => format!(
                "passed over, since its name is not a symbol, and {SYMBOLS_FILE} gives it none: \
                 {form}"
            ),
        };
        let fault = AssetsError::in_file(&path, reason);
        folder.passed_over.push(fault.to_string());
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
        let mut look = CsvRows::open(path, &BAR_COLUMNS)?;
        let mut first_two = [None; 2];
        for time in &mut first_two {
            if matches!(look.next(), Ok(true)) {
                *time = dates::date(look.field(0), dates).ok();
            }
        }
        let order = match first_two {
            [Some(first), Some(second)] if second < first => {
                BarOrder::Descending(Vec::new(), false)
            }
            _ => BarOrder::Ascending,
        };
        Ok(MarketRows {
            rows: CsvRows::open(path, &BAR_COLUMNS)?,
            shift: i32::try_from(file.factor.ilog10()).unwrap_or(0),
            factor: file.factor,
            dates,
            order,
            last: None,
            line: 0,
            null_rows: (0, 0),
        })
    }

    /// Reads the next bar; `None` at the end. After an error it can be called again, to find the
    /// errors of further rows.
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
            Err(_) => {}
            Ok(true) => {
                let text = rows.field(0);
                if first.is_none() {
                    if !dates::is_year_last(text) {
                        return Ok(DateOrder::YearMonthDay);
                    }
                    first = Some(rows.row_error(format!(
                        "Date {}: no date of this file shows whether the day or the month is \
                         first; a date is YYYY-MM-DD",
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

/// Reads the folder's splits and dividends, in order of time; none if there is no file.
///
/// # Errors
/// A row is malformed; the error names its line.
pub fn actions(directory: &Path) -> Result<Vec<Action>, AssetsError> {
    let path = directory.join(ACTIONS_FILE);
    if is_absent(&path) {
        return Ok(Vec::new());
    }
    actions_file(&path)
}

/// Reads one file of splits and dividends, in order of time.
///
/// # Errors
/// The file cannot be read, or rows are malformed; the error names the lines of the first
/// [`FAULTS_OF_FILE_MAX`].
pub fn actions_file(path: &Path) -> Result<Vec<Action>, AssetsError> {
    let mut rows = CsvRows::open(path, &ACTION_COLUMNS)?;
    let id_column = rows.find_column(ID_COLUMN);
    let mut read = ReadActions::default();
    let mut faults = Vec::new();
    loop {
        let action = match rows.next() {
            Ok(false) => break,
            Ok(true) => action_of(&rows, id_column)
                .and_then(|action| read.add(action))
                .map_err(|reason| rows.row_error(reason)),
            Err(fault) => Err(fault),
        };
        faults.extend(action.err());
        if faults.len() == FAULTS_OF_FILE_MAX {
            break;
        }
    }
    if !faults.is_empty() {
        if let Some(passing) = faults.iter().find(|fault| fault.is_passing()) {
            return Err(passing.clone());
        }
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        return Err(AssetsError::Config(faults.join("\n")));
    }
    Ok(read.finish())
}

/// The actions of a file's rows so far.
#[derive(Default)]
struct ReadActions {
    actions: Vec<Action>,
    /// The names of those that have one and are in force.
    named: HashSet<(Symbol, ActionId)>,
    /// Splits without a name.
    splits: HashSet<(Symbol, Timestamp, Ratio)>,
}

impl ReadActions {
    /// Adds the action of a row.
    ///
    /// # Errors
    /// It is there already, or has another's name.
    fn add(&mut self, action: Action) -> Result<(), String> {
        match (action.kind, action.id) {
            (ActionKind::Cancel, Some(id)) => {
                self.named.remove(&(action.symbol, id));
            }
            (_, Some(id)) => {
                if !self.named.insert((action.symbol, id)) {
                    return Err("the Id is that of another row of this symbol".to_owned());
                }
            }
            // Two equal dividends are a regular and a special one; two equal splits are a slip.
            (ActionKind::Split(ratio), None) => {
                if !self.splits.insert((action.symbol, action.time, ratio)) {
                    let text = "the same split is in the file already; two need an Id each";
                    return Err(text.to_owned());
                }
            }
            (ActionKind::Dividend(_) | ActionKind::Cancel, None) => {}
        }
        self.actions.push(action);
        Ok(())
    }

    /// All actions in order of time, without those that a later row cancels.
    fn finish(self) -> Vec<Action> {
        let mut actions = self.actions;
        let is_cancel = |action: &Action| action.kind == ActionKind::Cancel;
        let days: HashSet<(Symbol, Timestamp)> = actions
            .iter()
            .filter(|action| action.id.is_none() && is_cancel(action))
            .map(|action| (action.symbol, action.time))
            .collect();
        actions.retain(|action| {
            is_cancel(action)
                || match action.id {
                    Some(id) => self.named.contains(&(action.symbol, id)),
                    None => !days.contains(&(action.symbol, action.time)),
                }
        });
        actions.sort_by_key(|action| (action.time, action.symbol));
        actions
    }
}

fn action_of(rows: &CsvRows, id_column: Option<usize>) -> Result<Action, String> {
    let time = dates::date(rows.field(0), DateOrder::YearMonthDay)?;
    let symbol = Symbol::parse(rows.field(1))
        .map_err(|form| format!("Symbol {}: {form}", shown(rows.field(1))))?;
    let text = rows.field(3);
    let kind = match rows.field(2) {
        "split" => ActionKind::Split(
            Ratio::parse(text).map_err(|form| format!("Value {}: {form}", shown(text)))?,
        ),
        "dividend" => ActionKind::Dividend(
            Money::parse_rounded(text)
                .ok()
                .filter(|value| *value > Money::ZERO)
                .ok_or_else(|| format!("Value {} is not a decimal number above 0", shown(text)))?,
        ),
        "stock-dividend" => {
            let rate =
                Ratio::parse(text).map_err(|form| format!("Value {}: {form}", shown(text)))?;
            let ratio = rate.plus_one();
            ActionKind::Split(ratio.ok_or_else(|| format!("Value {} is too large", shown(text)))?)
        }
        "cancel" if text.is_empty() => ActionKind::Cancel,
        "cancel" => return Err(format!("Value {}: a cancel has none", shown(text))),
        other => {
            return Err(format!(
                "Action {} is neither split, dividend, stock-dividend nor cancel",
                shown(other)
            ));
        }
    };
    let id = id_column
        .map(|column| rows.field(column))
        .filter(|id| !id.is_empty());
    let id = id.map(|id| ActionId::parse(id).map_err(|form| format!("Id {}: {form}", shown(id))));
    Ok(Action::new(time, symbol, kind, id.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Date,Open,High,Low,Close,Volume\n";
    const GOOD: &str = "2013-01-02,1,2,0.5,1.5,7\n";

    fn read(text: &[u8]) -> Result<Vec<Bar>, AssetsError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("A.csv");
        std::fs::write(&path, text).unwrap();
        let mut rows = MarketRows::open(&MarketFile::new(path))?;
        let mut bars = Vec::new();
        while let Some(bar) = rows.next_bar()? {
            bars.push(bar);
        }
        Ok(bars)
    }

    /// The days of the month and the closes of a file's bars.
    fn days(text: &str) -> Vec<(String, String)> {
        let bars = read(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let shown = |bar: &Bar| (bar.time.date().to_string(), bar.close.to_string());
        bars.iter().map(shown).collect()
    }

    /// Asserts that the text is refused, and with which line and reason.
    fn assert_refused(text: &[u8], line: Option<u64>, reason: &str) {
        let said = read(text).unwrap_err().to_string();
        let text = String::from_utf8_lossy(text);
        let place = line.map_or("A.csv: ".to_owned(), |line| format!("A.csv, line {line}: "));
        assert!(said.contains(&place), "{text}: {said}");
        assert!(said.contains(reason), "{text}: {said}");
        assert!(said.len() < 400, "{said}");
    }

    #[test]
    fn every_broken_row_is_named_with_its_line() {
        assert_eq!(days(&format!("{HEAD}{GOOD}")).len(), 1);
        assert_refused(b"", None, "empty");
        assert_refused(b"\n\n", None, "empty");
        for (header, reason) in [
            ("Date,Open,High,Low,Close", "must have each of Date, Open"),
            ("Price,Close,High,Low,Open,Volume", "\"Price,Close,High"),
            ("Date,Open,High,Low,Close,Volume,Close", "once"),
        ] {
            assert_refused(format!("{header}\n{GOOD}").as_bytes(), Some(1), reason);
        }
        for (row, reason) in [
            ("2013-01-03,1,2,0.5,x,7", "Close \"x\": not a decimal"),
            ("2013-01-03,1,2,0.5,,7", "Close \"\": not a decimal"),
            ("2013-01-03,1,2,0.5,nan,7", "Close \"nan\""),
            ("2013-01-03,1,2,0.5,null,7", "Close \"null\""),
            ("2013-01-03,1,2,0,1,7", "Low \"0\": not above 0"),
            (
                "2013-01-03,1,2,0.00000000000001,1,7",
                "Low \"0.00000000000001\": not above 0",
            ),
            ("2013-01-03,1,2,0.00000037,1,7", "finer than the millionths"),
            ("2013-01-03,1,2,0.00000734,1,7", "it would become 0.000007"),
            ("2013-01-03,1,2,7.34e-6,1,7", "finer than the millionths"),
            ("2013-01-03,-1,2,1,1,7", "Open \"-1\": not above 0"),
            ("2013-01-03,-0.0000004,2,1,1,7", "not above 0"),
            ("2013-01-03,1,1,2,1,7", "High is below Low"),
            ("2013-01-03,3,2,1,1,7", "Open is not between"),
            ("2013-01-03,1,2,1,0.5,7", "Close is not between"),
            ("2013-01-03,1,2,1,1,-7", "Volume"),
            ("2013-01-03,1,2,1,1,-0.5", "Volume"),
            ("2013-01-03,1,2,1,1", "5 columns, not 6"),
            ("2013-01-03,1,2,1,1,7,8", "7 columns, not 6"),
            ("2013-02-30,1,2,1,1,7", "Date \"2013-02-30\""),
            ("03/01/2013,1,2,1,1,7", "Date"),
            ("2013-01-03,1,2,0.1,\"0,500\",7", "Close \"0,500\""),
            ("2013-01-03,1,2,1,\"1,07\",7", "Close \"1,07\""),
            ("2013-01-03,1,2,1,\"1,5000\",7", "Close \"1,5000\""),
            (
                "2013-01-03,1,2,1,\"1,7\n2013-01-04,1,2,1,1,7",
                "a quote is not closed",
            ),
            ("2013-01-02,1,2,0.5,1.5,7", "not after"),
        ] {
            assert_refused(format!("{HEAD}{GOOD}{row}\n").as_bytes(), Some(3), reason);
            for end in ["\r", "\r\n"] {
                let text = format!("\u{feff}{HEAD}\n{GOOD}{row}\n").replace('\n', end);
                assert_refused(text.as_bytes(), Some(4), reason);
            }
        }
        assert_refused(
            format!("{HEAD}{GOOD}\n\n2013-01-04,1,2,1,1,7\n2013-01-03,1,2,1,1,7\n").as_bytes(),
            Some(6),
            "not after",
        );
        assert_refused(
            b"Date,Open,High,Low,Close,Volume\n2013-01-02,1,2,1,\xff,7\n",
            Some(2),
            "UTF-8",
        );
        let long = "x".repeat(100_000);
        assert_refused(
            format!("{HEAD}{GOOD}{long}\n").as_bytes(),
            Some(3),
            "longer than",
        );
        let long = "x".repeat(1000);
        for row in [
            "D,1,2,1,1,7",
            "2013-01-03,D,2,1,1,7",
            "2013-01-03,1,2,1,1,D",
        ] {
            let row = row.replace('D', &long);
            assert_refused(
                format!("{HEAD}{GOOD}{row}\n").as_bytes(),
                Some(3),
                "(1000 bytes)",
            );
        }
        let head = format!("{long}\n");
        assert_refused(head.as_bytes(), Some(1), "(1000 bytes)");
    }

    #[test]
    fn what_can_mean_one_thing_only_is_taken() {
        let day = |day: u32, close: &str| (format!("2013-01-{day:02}"), close.to_owned());
        let two = vec![day(2, "1.5"), day(31, "1.25")];
        for text in [
            // As spreadsheets, exchanges and this project's own chart write them.
            format!("{HEAD}{GOOD}2013-01-31,1,2,0.5,1.25,8\n"),
            format!("{HEAD}2013-01-31,1,2,0.5,1.25,8\n{GOOD}"),
            format!("{HEAD}{GOOD}2013-01-03,null,null,null,null,null\n2013-01-31,1,2,0.5,1.25,8\n"),
            format!("{HEAD}{GOOD},,,,,\n2013-01-31,1,2,0.5,1.25,8\n"),
            "time,open,high,low,close,volume\n\
             2013-01-02T00:00:00.000Z,1,2,0.5,1.5,7\n2013-01-31T00:00:00.000Z,1,2,0.5,1.25,8\n"
                .to_owned(),
            "Date,Open,High,Low,Close,Adj Close,Volume\n\
             2013-01-02,1,2,0.5,1.5,0.7,7\n2013-01-31,1,2,0.5,1.25,0.6,8\n"
                .to_owned(),
            "Volume,Close,Low,High,Open,Date\n7,1.5,0.5,2,1,2013/01/02\n8,1.25,.5,2,1,2013/1/31\n"
                .to_owned(),
            format!("{HEAD}1/2/2013,1,2,0.5,1.5,7\n1/31/2013,1,2,0.5,1.25,8\n"),
            format!("{HEAD}02/01/2013,1,2,0.5,1.5,7\n31/01/2013,1,2,0.5,1.25,8\n"),
            format!("{HEAD}31/01/2013,1,2,0.5,1.25,8\n02/01/2013,1,2,0.5,1.5,7\n"),
            format!(
                "{HEAD}\"2013-01-02\",\"1\",\"2\",\"0.5\",\"1.50\",\"7\"\n\
                 2013-01-31,1.0000000001,2,0.49999999999,1.25000000001,8e0\n"
            ),
        ] {
            assert_eq!(days(&text), two, "{text}");
            for end in ["\r", "\r\n"] {
                let text = format!("\u{feff}{}", text.replace('\n', end));
                assert_eq!(days(&text), two, "{text:?}");
            }
        }
        let text =
            format!("{HEAD}2013-01-02,\"1,000\",\"2,000,000.25\",999,\"1,234.5\",\"7,000\"\n");
        let bar = read(text.as_bytes()).unwrap()[0];
        assert_eq!(
            (bar.close.to_string(), bar.volume),
            ("1234.5".to_owned(), 7000)
        );
        assert_eq!(bar.high.to_string(), "2000000.25");
        // Finer than a millionth, and off by less than a thousandth.
        let text = format!("{HEAD}2013-01-02,0.0012344,0.0012344,0.0005,0.00050004,1\n");
        assert_eq!(read(text.as_bytes()).unwrap()[0].close, Money(500));
    }

    #[test]
    fn what_can_mean_two_things_is_refused() {
        for rows in [
            "01/02/2013,1,2,0.5,1.5,7\n02/02/2013,1,2,0.5,1.5,7\n",
            "13/01/2013,1,2,0.5,1.5,7\n01/14/2013,1,2,0.5,1.5,7\n",
        ] {
            assert_refused(
                format!("{HEAD}{rows}").as_bytes(),
                Some(2),
                "whether the day or the month is first",
            );
        }
        let rows = "2013-01-05,1,2,0.5,1.5,7\n2013-01-04,1,2,0.5,1.5,7\n2013-01-06,1,2,0.5,1.5,7\n";
        assert_refused(
            format!("{HEAD}{rows}").as_bytes(),
            Some(4),
            "not before that of the row",
        );
    }

    #[test]
    fn the_errors_of_further_rows_can_be_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("A.csv");
        let text = format!("{HEAD}{GOOD}x\n2013-01-03,1,2,0.5,y,7\n2013-01-04,1,2,0.5,1.5,7\n");
        std::fs::write(&path, text).unwrap();
        let mut rows = MarketRows::open(&MarketFile::new(path)).unwrap();
        assert!(rows.next_bar().unwrap().is_some());
        assert!(rows.next_bar().unwrap_err().to_string().contains("line 3"));
        assert!(rows.next_bar().unwrap_err().to_string().contains("line 4"));
        assert!(rows.next_bar().unwrap().is_some() && rows.next_bar().unwrap().is_none());
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
        for name in [
            "AAPL.csv",
            "BRK.B.csv",
            "GOLD.CSV",
            "actions.csv",
            "NOTES.txt",
            "._AAPL.csv",
            ".csv",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let names = |folder: &MarketFolder| -> Vec<_> {
            folder.files.keys().map(ToString::to_string).collect()
        };
        let found = folder(dir.path()).unwrap();
        assert_eq!(names(&found), ["AAPL", "BRK.B", "GOLD"]);
        assert!(found.passed_over.is_empty(), "{:?}", found.passed_over);
        for name in ["aapl.csv", "^IDX.csv", "R&D.XX.csv", "GOLD.csv"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let found = folder(dir.path()).unwrap();
        assert_eq!(names(&found), ["AAPL", "BRK.B", "GOLD"]);
        let said = found.passed_over.join("\n");
        assert_eq!(found.passed_over.len(), 4, "{said}");
        for name in ["aapl.csv: ", "^IDX.csv: ", "R&D.XX.csv: ", "GOLD.csv: "] {
            assert!(said.contains(name), "{said}");
        }
    }

    #[test]
    fn files_get_symbols_names_and_lots() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let row = "2013-01-02,0.00000734,0.00000750,0.00000041,0.00000734,2500000\n";
        write("shib.csv", &format!("{HEAD}{row}"));
        write("^GSPC.csv", &format!("{HEAD}{GOOD}"));
        write("B.csv", &format!("{HEAD}{GOOD}"));
        let head = "Symbol,File,Name,Currency,Factor\n";
        write(
            SYMBOLS_FILE,
            &format!(
                "{head}SHIB/USD,shib,Shiba Inu,USD,10000\nSPX,^GSPC.csv,\"S&P 500, index\",,\nX,,,,\n"
            ),
        );
        let found = folder(dir.path()).unwrap();
        let file = |symbol: &str| &found.files[&Symbol::parse(symbol).unwrap()];
        assert_eq!(found.files.len(), 3);
        assert_eq!((file("SPX").factor, file("B").factor), (1, 1));
        assert_eq!(file("SPX").name.as_deref(), Some("S&P 500, index"));
        assert!(found.passed_over[0].contains("X is on line 4, and there is no file X"));
        let bar = MarketRows::open(file("SHIB/USD"))
            .unwrap()
            .next_bar()
            .unwrap()
            .unwrap();
        assert_eq!(
            (bar.open, bar.low, bar.volume),
            (Money(73_400), Money(4_100), 250)
        );
        assert_eq!(lot_needed(&dir.path().join("shib.csv")), Some(10_000));
        assert_eq!(lot_needed(&dir.path().join("B.csv")), None);
        for (row, reason) in [
            ("a,,,,", "Symbol \"a\""),
            ("A,,,,7", "Factor \"7\""),
            ("A,,,,0", "Factor \"0\""),
            ("A,,,,10000000000", "Factor"),
            ("A,,\u{9b}31m,,", "Name"),
            ("A,f,,,\nB,f,,,", "line 3: this file is on an earlier line"),
        ] {
            write(SYMBOLS_FILE, &format!("{head}{row}\n"));
            let said = folder(dir.path()).unwrap_err().to_string();
            assert!(said.contains(reason), "{row}: {said}");
        }
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
            ("2013-01-02,A,cancel,2\n", "Value"),
            ("2013-01-02,A,stock-dividend,0\n", "above 0"),
        ] {
            std::fs::write(&path, format!("{head}{row}")).unwrap();
            let fault = actions(dir.path()).unwrap_err();
            assert!(fault.to_string().contains(reason), "{row}: {fault}");
        }
        std::fs::write(&path, format!("{head}x\n2013-01-02,A,split,0\n")).unwrap();
        let said = actions(dir.path()).unwrap_err().to_string();
        assert_eq!(said.lines().count(), 2, "{said}");
        assert!(
            said.contains("line 2: ") && said.contains("line 3: "),
            "{said}"
        );
        std::fs::write(
            &path,
            format!("{head}2013-01-03,B,split,0.1\n2013-01-02,A,dividend,0.5\n"),
        )
        .unwrap();
        let read = actions(dir.path()).unwrap();
        assert_eq!(read[0].kind, ActionKind::Dividend(Money(500_000)));
        assert_eq!(read[1].kind, ActionKind::Split(Ratio::new(1, 10).unwrap()));
        let kinds = |rows: &str| -> Result<Vec<String>, String> {
            std::fs::write(&path, format!("Id,{head}{rows}")).unwrap();
            let read = actions(dir.path()).map_err(|fault| fault.to_string())?;
            Ok(read.iter().map(|action| action.kind.to_string()).collect())
        };
        let (twice, one) = (",2013-01-02,A,dividend,0.4\n".repeat(2), "dividend of 0.4");
        assert_eq!(kinds(&twice), Ok(vec![one.to_owned(); 2]), "both are meant");
        let cancelled = format!("{twice},2013-01-02,A,cancel,\n");
        assert_eq!(kinds(&cancelled), Ok(vec!["cancelled".to_owned()]));
        assert_eq!(
            kinds("x,2013-01-02,A,split,2\ny,2013-01-02,A,split,2\nx,2013-01-02,A,cancel,\n"),
            Ok(vec!["split of 2".to_owned(), "cancelled".to_owned()])
        );
        assert_eq!(
            kinds(",2013-01-02,A,stock-dividend,0.04\n"),
            Ok(vec!["split of 26/25".to_owned()])
        );
        for (rows, reason) in [
            (
                "x,2013-01-02,A,split,2\nx,2013-01-03,A,split,3\n",
                "another row",
            ),
            ("x y,2013-01-02,A,split,2\n", "Id"),
        ] {
            let fault = kinds(rows).unwrap_err();
            assert!(fault.contains(reason), "{rows}: {fault}");
        }
    }
}
