//! spec/testkit/market.md · 2.3.1 List of assets to retrieve
//!
//! The market of a sandbox: the sample that every program carries, or a copy of another folder's.

use super::{Failure, at};
use crate::master::assets::market_file;
use crate::model::Stamp;
use std::fs;
use std::path::Path;

/// The sample market's files: part of the program, so that it needs no other file.
const SAMPLE: &[(&str, &str)] = &[
    ("AAPL.csv", include_str!("../../etc/market/AAPL.csv")),
    ("FB.csv", include_str!("../../etc/market/FB.csv")),
    ("GOOG.csv", include_str!("../../etc/market/GOOG.csv")),
    ("IBM.csv", include_str!("../../etc/market/IBM.csv")),
    ("MSFT.csv", include_str!("../../etc/market/MSFT.csv")),
    ("actions.csv", include_str!("../../etc/market/actions.csv")),
];

/// Where a replay of the sample market starts: 2012-01-03, with years of history before it and a year to come.
pub const SAMPLE_START: Option<Stamp> = Some(Stamp(1_325_548_800_000));

/// Writes the sample market.
///
/// # Errors
/// The disk refuses.
pub fn write_sample(into: &Path) -> Result<(), Failure> {
    for (name, text) in SAMPLE {
        let path = into.join(name);
        fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}

/// Copies the `.csv` files of a folder, whether they are right or not: the master says what is wrong with them.
///
/// # Errors
/// There is no such folder, no such file in it, or the disk refuses.
pub fn copy(from: &Path, into: &Path) -> Result<(), Failure> {
    let mut copied = 0_u32;
    for entry in fs::read_dir(from).map_err(at(from))? {
        let path = entry.map_err(at(from))?.path();
        let (Some(name), true) = (path.file_name(), path.extension().is_some_and(|e| e == "csv")) else {
            continue;
        };
        fs::copy(&path, into.join(name)).map_err(at(&path))?;
        copied += 1;
    }
    if copied == 0 {
        return Err(Failure::failed(format!(
            "{}: this folder holds no SYMBOL.csv, and so no market",
            from.display()
        )));
    }
    Ok(())
}

/// The earliest bar of a folder's files, if they can be read that far.
pub fn first_bar(folder: &Path) -> Option<Stamp> {
    let files = market_file::folder(folder).ok()?;
    let first = |path: &Path| market_file::Rows::open(path).ok()?.next_bar().ok()?;
    files
        .values()
        .filter_map(|path| first(path).map(|bar| bar.time))
        .min()
}
