//! spec/testkit.md · 2.3.1 List of assets to retrieve
//!
//! The market of a sandbox: the sample, which is part of the program, or a copy of another folder.
//!
//! Tests: `src/testkit/setup/tests.rs`.

use super::error::{SandboxError, at};
use crate::master::assets::providers::market_file;
use crate::model::{Symbol, Timestamp};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use toml::Value;

/// The sample market's files. They are part of the program, so that it needs no other file.
const SAMPLE: &[(&str, &str)] = &[
    ("AAPL.csv", include_str!("../../etc/market/AAPL.csv")),
    ("FB.csv", include_str!("../../etc/market/FB.csv")),
    ("GOOG.csv", include_str!("../../etc/market/GOOG.csv")),
    ("IBM.csv", include_str!("../../etc/market/IBM.csv")),
    ("MSFT.csv", include_str!("../../etc/market/MSFT.csv")),
    ("actions.csv", include_str!("../../etc/market/actions.csv")),
];

/// The start of a replay of the sample market: 2012-01-03. There are years of history before it and
/// a year after it.
pub const SAMPLE_START: Option<Timestamp> = Some(Timestamp(1_325_548_800_000));

/// Writes the sample market into a folder.
///
/// # Errors
/// A file cannot be written.
pub fn write_sample(into: &Path) -> Result<(), SandboxError> {
    for (name, text) in SAMPLE {
        let path = into.join(name);
        fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}

/// Copies the market files of a folder without checking them. Where none of them says in which units
/// assets are offered, those with prices finer than a millionth are offered by the lot. Returns a
/// sentence for each of these, and for each file in a form that is not read.
///
/// # Errors
/// The folder does not exist or has no `.csv` file, or a file cannot be written.
pub fn copy(from: &Path, into: &Path) -> Result<Vec<String>, SandboxError> {
    let mut copied = 0_u32;
    let (mut lots, mut said) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(from).map_err(at(from))? {
        let path = entry.map_err(at(from))?.path();
        let (Some(name), true) = (path.file_name(), market_file::is_market_file(&path)) else {
            said.extend(market_file::not_read(&path));
            continue;
        };
        fs::copy(&path, into.join(name)).map_err(at(&path))?;
        copied += 1;
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let symbol = Symbol::parse(stem.unwrap_or_default());
        if let (Ok(symbol), Some(lot)) = (symbol, market_file::lot_needed(&path)) {
            lots.push((symbol, lot));
        }
    }
    if copied == 0 {
        return Err(SandboxError::failed(format!(
            "{}: this folder holds no SYMBOL.csv, and so no market",
            from.display()
        )));
    }
    let symbols = into.join(market_file::SYMBOLS_FILE);
    if lots.is_empty() || symbols.exists() {
        return Ok(said);
    }
    let mut text = "Symbol,File,Name,Currency,Factor\n".to_owned();
    for (symbol, lot) in lots {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{symbol},,,,{lot}");
        said.push(format!(
            "{symbol}: its prices are finer than the millionths that are kept, so it is offered in \
             lots of {lot} units ({})",
            symbols.display()
        ));
    }
    fs::write(&symbols, text).map_err(at(&symbols))?;
    Ok(said)
}

/// The time of the earliest bar of a folder's files, where they can be read.
pub fn first_bar(folder: &Path) -> Option<Timestamp> {
    let files = market_file::folder(folder).ok()?;
    let first = |file| market_file::MarketRows::open(file).ok()?.next_bar().ok()?;
    files
        .files
        .values()
        .filter_map(|file| first(file).map(|bar| bar.time))
        .min()
}

/// A market of a test, instead of the sample.
#[derive(Debug, Clone)]
pub enum Market {
    /// Market files, and where their replay starts.
    Files {
        /// The date of the replay's first update.
        start: String,
        /// Names without `.csv` (`AAA`, or `actions`), each with its rows below the header.
        files: Vec<(String, String)>,
    },
    /// Simulated assets, `SIM1` and so on; their market never ends.
    Simulated {
        /// The number of assets.
        symbols: u32,
        seed: u32,
    },
}

impl Market {
    /// These files, with a replay from `start` on.
    pub fn files(start: &str, files: &[(&str, &str)]) -> Market {
        let owned = |(name, rows): &(&str, &str)| ((*name).to_owned(), (*rows).to_owned());
        Market::Files {
            start: start.to_owned(),
            files: files.iter().map(owned).collect(),
        }
    }

    /// One asset with one bar a second from 2020-01-01 00:00:00 on. The Nth close, counted from 0,
    /// is `first + N`, so that a price identifies its update.
    pub fn seconds(symbol: &str, first: u32, bars: u32) -> Market {
        /// 2020-01-01.
        const BEGIN: i64 = 1_577_836_800_000;
        let mut rows = String::new();
        for number in 0..bars {
            let time = Timestamp(BEGIN + i64::from(number) * 1000).to_string();
            let (date, clock) = time.split_at_checked(10).unwrap_or_default();
            let (clock, price) = (clock.get(1..9).unwrap_or_default(), first + number);
            // Writing to a String cannot fail.
            let _ = writeln!(rows, "{date} {clock},{price},{price},{price},{price},1000");
        }
        Market::files("2020-01-01", &[(symbol, &rows)])
    }

    /// Replaces the files of a folder by its own.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), SandboxError> {
        let Market::Files { files, .. } = self else {
            return Ok(());
        };
        fs::remove_dir_all(folder).map_err(at(folder))?;
        fs::create_dir(folder).map_err(at(folder))?;
        for (name, rows) in files {
            let headline = match name.as_str() {
                "actions" => "Date,Symbol,Action,Value",
                _ => "Date,Open,High,Low,Close,Volume",
            };
            let path = folder.join(format!("{name}.csv"));
            fs::write(&path, format!("{headline}\n{rows}")).map_err(at(&path))?;
        }
        Ok(())
    }

    /// The keys of the master's configuration that it needs.
    pub fn settings(&self) -> Vec<(&'static str, Value)> {
        match self {
            Market::Files { start, .. } => vec![("assets.replay.start", start.as_str().into())],
            Market::Simulated { symbols, seed } => vec![
                ("assets.provider", "simulated".into()),
                ("assets.simulated.symbols", i64::from(*symbols).into()),
                ("assets.simulated.seed", i64::from(*seed).into()),
            ],
        }
    }
}
