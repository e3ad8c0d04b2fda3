//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Reads `actions.csv`: the corporate actions of a market folder's assets.
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

/// The words of the column Action, and what the column Value has.
const FORMS: [(&str, &str); 8] = [
    ("split", "a ratio, units after for units before"),
    ("dividend", "cash for one unit"),
    ("stock-dividend", "a rate, units that come for each unit"),
    ("rename", "the new symbol"),
    ("delist", "a price for one unit"),
    (
        "merge",
        "a symbol, a ratio of its units for each unit, and cash for one unit",
    ),
    ("spinoff", "a symbol and a ratio of its units for each unit"),
    ("cancel", "none"),
];

/// Reads a folder's actions, in order of time; none if there is no file. Amounts are for one unit of
/// the asset, which may be a lot of its file's units.
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

/// Reads one file of actions, in order of time. `files` has the assets and their lots.
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
                    let name = rows.field(1);
                    if Symbol::parse(name).is_ok_and(|symbol| !files.contains_key(&symbol)) {
                        let entry = found.entry(name.to_owned()).or_insert((rows.line(), 0));
                        entry.1 += 1;
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
        let text = format!(
            "{name} has no file in this folder{more}: its actions change nothing unless accounts \
             still hold it"
        );
        AssetsError::at_line(&path, line, text).to_string()
    };
    found.into_iter().map(said).collect()
}

/// The actions of a file's rows so far.
#[derive(Default)]
struct ReadActions {
    actions: Vec<Action>,
    /// The names of those that have one and are in force.
    named: HashSet<(Symbol, ActionId)>,
    /// Actions without a name that cannot be there twice.
    nameless: HashSet<(Symbol, Timestamp, ActionKind)>,
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
            // Two equal dividends are a regular and a special one; two other equals are a slip.
            (ActionKind::Dividend(_) | ActionKind::Cancel, None) => {}
            (
                ActionKind::Split(_)
                | ActionKind::SpinOff { .. }
                | ActionKind::Rename(_)
                | ActionKind::Merge { .. }
                | ActionKind::Delist(_),
                None,
            ) => {
                let name = (action.symbol, action.time, action.kind);
                if !self.nameless.insert(name) {
                    return Err(format!(
                        "the same {} is in the file already; two need an Id each",
                        action.kind.word()
                    ));
                }
            }
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
    // People write `rename NEW` in one column, or in two.
    let mut words = rows.field(2).split_ascii_whitespace();
    let action = words.next().unwrap_or_default();
    let value: Vec<&str> = words
        .chain(rows.field(3).split_ascii_whitespace())
        .collect();
    let Some((_, form)) = FORMS.iter().find(|(word, _)| *word == action) else {
        let all = FORMS.map(|(word, _)| word).join(", ");
        return Err(format!("Action {} is none of {all}", shown(action)));
    };
    let kind = match kind_of(symbol, action, &value, files) {
        Ok(Some(kind)) => Ok(kind),
        Ok(None) => Err(format!("a {action} has {form}")),
        Err(reason) => Err(reason),
    };
    let kind = kind.map_err(|reason| format!("Value {}: {reason}", shown(&value.join(" "))))?;
    let id = id_column
        .map(|column| rows.field(column))
        .filter(|id| !id.is_empty());
    let id = id.map(|id| ActionId::parse(id).map_err(|form| format!("Id {}: {form}", shown(id))));
    Ok(Action::new(time, symbol, kind, id.transpose()?))
}

/// What an action with this value does; `None` if the value has too few or too many parts.
fn kind_of(
    symbol: Symbol,
    action: &str,
    value: &[&str],
    files: &BTreeMap<Symbol, MarketFile>,
) -> Result<Option<ActionKind>, String> {
    let lot = files.get(&symbol).map_or(0, MarketFile::shift);
    let ratio = |parts: &[&str]| Ratio::parse(&parts.concat()).map_err(|form| form.to_string());
    let cash = |text: &str| cash_of(text, lot).map_err(|error| error.to_string());
    let large = || "too large".to_owned();
    let gained = |new: &str, parts: &[&str]| {
        let (new, new_lot) = target(symbol, new, files)?;
        let ratio = in_lots(ratio(parts)?, lot, new_lot).ok_or_else(large)?;
        Ok::<_, String>((new, ratio))
    };
    Ok(Some(match (action, value) {
        ("split", [_, ..]) => ActionKind::Split(ratio(value)?),
        ("stock-dividend", [_, ..]) => {
            ActionKind::Split(ratio(value)?.plus_one().ok_or_else(large)?)
        }
        ("dividend", [each]) => match cash(each)? {
            Money::ZERO => return Err("not above 0".to_owned()),
            each => ActionKind::Dividend(each),
        },
        ("rename", [new]) => {
            let (new, new_lot) = target(symbol, new, files)?;
            if lot != new_lot && files.contains_key(&symbol) {
                return Err("its lot is another one; write a merge".to_owned());
            }
            ActionKind::Rename(new)
        }
        ("delist", [price]) => ActionKind::Delist(cash(price)?),
        ("spinoff", [new, first, rest @ ..]) => {
            let (new, ratio) = gained(new, &[&[*first], rest].concat())?;
            ActionKind::SpinOff { new, ratio }
        }
        ("merge", [new, first, rest @ .., each]) => {
            let (new, ratio) = gained(new, &[&[*first], rest].concat())?;
            let cash = cash(each)?;
            ActionKind::Merge { new, ratio, cash }
        }
        ("cancel", []) => ActionKind::Cancel,
        _ => return Ok(None),
    }))
}

/// The asset whose units come, and its lot. Whoever holds `symbol` gets units of it, which must have
/// prices.
fn target(
    symbol: Symbol,
    name: &str,
    files: &BTreeMap<Symbol, MarketFile>,
) -> Result<(Symbol, i32), String> {
    let new = Symbol::parse(name).map_err(|form| form.to_string())?;
    let file = files.get(&new);
    if new == symbol {
        return Err("this is the asset itself".to_owned());
    }
    if file.is_none() && files.contains_key(&symbol) {
        return Err(format!(
            "{new} is no asset of this market: it needs a {new}.csv, and a place on the list of \
             assets where there is one"
        ));
    }
    Ok((new, file.map_or(0, MarketFile::shift)))
}

/// Cash for a unit of an asset of this lot, which may be zero.
fn cash_of(text: &str, lot: i32) -> Result<Money, PriceError> {
    if !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return Ok(Money::ZERO);
    }
    match parse_price(text, lot) {
        // Nobody trades at it, so it may be rounded, but not to nothing.
        Err(PriceError::TooFine { kept, .. }) if kept > Money::ZERO => Ok(kept),
        read => read,
    }
}

/// A ratio of units of two files in lots of these.
fn in_lots(ratio: Ratio, lot: i32, new_lot: i32) -> Option<Ratio> {
    let times = |value: u64, shift: i32| {
        let factor = 10_u64.checked_pow(u32::try_from(shift.max(0)).ok()?)?;
        value.checked_mul(factor)
    };
    let shift = lot.saturating_sub(new_lot);
    Ratio::new(
        times(ratio.numerator(), shift)?,
        times(ratio.denominator(), shift.saturating_neg())?,
    )
}
