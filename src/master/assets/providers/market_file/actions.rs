//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Reads `actions.csv`: the splits and dividends of a market folder's assets.
//!
//! Tests: `src/master/assets/providers/market_file/tests.rs`.

use super::MarketFile;
use super::dates::{self, DateOrder};
use super::rows::{ColumnNames, CsvRows, is_absent, shown};
use crate::master::assets::price::{PriceError, parse_price};
use crate::master::assets::provider::AssetsError;
use crate::model::{Action, ActionId, ActionKind, Money, Ratio, Symbol, Timestamp};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Name of the file.
pub const ACTIONS_FILE: &str = "actions.csv";
/// Its columns.
const COLUMNS: [ColumnNames; 4] = [
    &["Date", "date"],
    &["Symbol", "symbol"],
    &["Action", "action"],
    &["Value", "value"],
];
/// Another column, which need not be there.
const ID_COLUMN: ColumnNames = &["id"];

/// Reads a folder's splits and dividends, in order of time; none if there is no file. Dividends are
/// for one unit of the asset, which may be a lot of its file's units.
///
/// # Errors
/// As [`file()`].
pub fn of_folder(
    directory: &Path,
    files: &BTreeMap<Symbol, MarketFile>,
) -> Result<Vec<Action>, AssetsError> {
    let path = directory.join(ACTIONS_FILE);
    if is_absent(&path) {
        return Ok(Vec::new());
    }
    file(&path, files)
}

/// Reads one file of splits and dividends, in order of time. `files` has the assets' lots.
///
/// # Errors
/// The file cannot be read, or rows are malformed; the error names the lines of the first
/// [`FAULTS_OF_FILE_MAX`](super::FAULTS_OF_FILE_MAX).
pub fn file(path: &Path, files: &BTreeMap<Symbol, MarketFile>) -> Result<Vec<Action>, AssetsError> {
    let mut rows = CsvRows::open(path, &COLUMNS)?;
    let id_column = rows.find_column(ID_COLUMN);
    let mut read = ReadActions::default();
    rows.each(|row| {
        let action = action_of(row, id_column, files)?;
        read.add(action)
    })?;
    Ok(read.finish())
}

/// What is said of each symbol that a folder's actions name and that has no market file: it may be a
/// slip. Faulty rows are left to [`of_folder`].
pub fn fileless(directory: &Path, files: &BTreeMap<Symbol, MarketFile>) -> Vec<String> {
    let path = directory.join(ACTIONS_FILE);
    let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    if let Ok(mut rows) = CsvRows::open(&path, &COLUMNS) {
        loop {
            match rows.next() {
                Ok(false) => break,
                // A faulty row.
                Err(fault) if fault.is_passing() => break,
                Err(_) => {}
                Ok(true) => {
                    for name in named_symbols(&rows) {
                        if Symbol::parse(name).is_ok_and(|symbol| !files.contains_key(&symbol)) {
                            let entry = found.entry(name.to_owned()).or_insert((rows.line(), 0));
                            entry.1 += 1;
                        }
                    }
                }
            }
        }
    }
    let said = |(name, (line, rows)): (String, (u64, u64))| {
        let more = match rows {
            1 => String::new(),
            rows => format!(" ({rows} rows)"),
        };
        let text = format!("{name} has no file in this folder{more}: its actions change nothing");
        AssetsError::at_line(&path, line, text).to_string()
    };
    found.into_iter().map(said).collect()
}

/// The symbols that a row names.
fn named_symbols(rows: &CsvRows) -> impl Iterator<Item = &str> {
    std::iter::once(rows.field(1))
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

fn action_of(
    rows: &CsvRows,
    id_column: Option<usize>,
    files: &BTreeMap<Symbol, MarketFile>,
) -> Result<Action, String> {
    let time = dates::date(rows.field(0), DateOrder::YearMonthDay)?;
    let symbol = Symbol::parse(rows.field(1))
        .map_err(|form| format!("Symbol {}: {form}", shown(rows.field(1))))?;
    let text = rows.field(3);
    let wrong = |reason: &dyn std::fmt::Display| format!("Value {}: {reason}", shown(text));
    let ratio = || Ratio::parse(text).map_err(|form| wrong(&form));
    let kind = match rows.field(2) {
        "split" => ActionKind::Split(ratio()?),
        "dividend" => {
            let shift = files.get(&symbol).map_or(0, MarketFile::shift);
            ActionKind::Dividend(match parse_price(text, shift) {
                Ok(cash) => cash,
                // Nobody trades at a dividend, so it may be rounded, but not to nothing.
                Err(PriceError::TooFine { kept, .. }) if kept > Money::ZERO => kept,
                Err(error) => return Err(wrong(&error)),
            })
        }
        "stock-dividend" => {
            ActionKind::Split(ratio()?.plus_one().ok_or_else(|| wrong(&"too large"))?)
        }
        "cancel" if text.is_empty() => ActionKind::Cancel,
        "cancel" => return Err(wrong(&"a cancel has none")),
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
