//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Reads `symbols.csv`, which gives files their symbols, names and units.
//!
//! Tests: `src/master/assets/providers/market_file/tests.rs`.

use super::super::super::provider::AssetsError;
use super::SYMBOLS_FILE;
use super::rows::{ColumnNames, CsvRows, is_absent, shown};
use crate::model::Symbol;
use std::collections::BTreeMap;
use std::path::Path;

/// Columns of the file.
const COLUMNS: [ColumnNames; 5] = [
    &["Symbol", "symbol"],
    &["File", "file"],
    &["Name", "name"],
    &["Currency", "currency"],
    &["Factor", "factor"],
];
/// The largest factor: a billion units in one.
const FACTOR_MAX: u64 = 1_000_000_000;
/// The longest name, in characters.
const NAME_MAX: usize = 100;

/// What a row says of a file.
#[derive(Debug)]
pub(super) struct SymbolEntry {
    pub(super) symbol: Symbol,
    pub(super) name: Option<String>,
    /// A power of ten, 1 to [`FACTOR_MAX`].
    pub(super) factor: u64,
    pub(super) line: u64,
}

/// The rows of the folder's file by the name of the file that each is about; none where there is no
/// `symbols.csv`.
///
/// # Errors
/// Rows are malformed; the error names the lines of the first [`FAULTS_OF_FILE_MAX`](super::FAULTS_OF_FILE_MAX).
pub(super) fn listed(directory: &Path) -> Result<BTreeMap<String, SymbolEntry>, AssetsError> {
    let path = directory.join(SYMBOLS_FILE);
    let mut listed = BTreeMap::new();
    if is_absent(&path) {
        return Ok(listed);
    }
    CsvRows::open(&path, &COLUMNS)?.each(|row| {
        let (file, entry) = entry_of(row)?;
        match listed.insert(file, entry) {
            None => Ok(()),
            Some(_) => Err("this file is on an earlier line already".to_owned()),
        }
    })?;
    Ok(listed)
}

fn entry_of(rows: &CsvRows) -> Result<(String, SymbolEntry), String> {
    let symbol = Symbol::parse(rows.field(0))
        .map_err(|form| format!("Symbol {}: {form}", shown(rows.field(0))))?;
    let file = match rows.field(1) {
        "" => symbol.to_string(),
        file => file.to_owned(),
    };
    let name = rows.field(2);
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(format!(
            "Name {}: a name is up to {NAME_MAX} printable characters",
            shown(name)
        ));
    }
    let factor = match rows.field(4) {
        "" => Some(1),
        text => text.parse::<u64>().ok(),
    };
    let is_power = |factor: &u64| 10_u64.pow(factor.checked_ilog10().unwrap_or(0)) == *factor;
    let factor = factor
        .filter(|factor| is_power(factor) && *factor <= FACTOR_MAX)
        .ok_or_else(|| {
            format!(
                "Factor {}: a factor is 1, 10, 100 and so on, up to {FACTOR_MAX}",
                shown(rows.field(4))
            )
        })?;
    let entry = SymbolEntry {
        symbol,
        name: (!name.is_empty()).then(|| name.to_owned()),
        factor,
        line: rows.line(),
    };
    Ok((file, entry))
}
