//! spec/bench.md · 3.1.1 deployment and running stage, 3.1.6 (parsed, into a struct)
//!
//! Measures a master's first start on a large folder of market files beside a bare read and insert
//! of the same rows, and its later starts beside the first.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::measure::{MeasuredRatio, grouped, median};
use super::table::{Figure, Goal, ResultRow};
use crate::master::storage::bulk::bare_insert;
use crate::model::{Bar, Money, Timestamp};
use crate::testkit::{Deployment, deployment};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Symbols, and bars of each.
const SIZE: (u32, u32) = (2000, 2500);
/// The same in a short run.
const SHORT_SIZE: (u32, u32) = (20, 50);
/// The first start may take this many times as long as a bare read and insert, in thousandths.
const FIRST_RATIO_GOAL: u64 = 2500;
/// A later start may take this much of the first, in thousandths.
const LATER_RATIO_GOAL: u64 = 200;
/// What the log says once the files are read.
const TOLD: &str = "market files: ";
/// Later starts that are measured.
const LATER_STARTS: usize = 3;

/// Measures the starts.
///
/// # Errors
/// The master does not start, or a later start parses a file again.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let (symbols, bars) = if scale.is_short { SHORT_SIZE } else { SIZE };
    let rows = u64::from(symbols) * u64::from(bars);
    tell(&format!(
        "market: writing {} rows of {symbols} files …",
        grouped(rows)
    ));
    let folder = deployment::folder();
    let (market, files) = write(folder.path(), symbols, bars, day)?;
    let kit = Deployment::builder()
        .in_a_file()
        .update_interval(Duration::from_secs(3600))
        .set("assets.replay.directory", market.to_string_lossy().as_ref())
        .set("assets.replay.start", day(bars - 1))
        .try_make()
        .map_err(|e| e.to_string())?;
    tell("market: a bare read and insert …");
    let began = Instant::now();
    let database = folder.path().join("bare.db");
    let inserted = bare_insert(&database, (1..).zip(&files).flat_map(bars_of));
    let bare = nanos(began.elapsed());
    if inserted.map_err(|e| e.to_string())? != rows {
        return Err("the bare insert has not stored all rows".to_owned());
    }
    let _ = fs::remove_file(database);
    tell("market: the first start …");
    let first = start(&kit, &format!("{rows} rows of the others were parsed"))?;
    tell("market: later starts …");
    let mut later = Vec::new();
    for _ in 0..LATER_STARTS {
        let all = format!("{symbols} of {symbols} are as an earlier start has read them");
        later.push(start(&kit, &all)?);
    }
    let later = median(&later).unwrap_or(0);
    let row = |what: &str, (ours, theirs): (u64, u64), most: u64| ResultRow {
        what: format!("{what}, {} rows of {symbols} files", grouped(rows)),
        ours: Figure::Nanoseconds(ours),
        theirs: Some(Figure::Nanoseconds(theirs)),
        ratio: Some(MeasuredRatio::of(ours, theirs)),
        goal: (!scale.is_short).then_some(Goal::RatioAtMost(MeasuredRatio(most))),
    };
    Ok(vec![
        row(
            "first start beside a bare read and insert",
            (first, bare),
            FIRST_RATIO_GOAL,
        ),
        row(
            "a later start beside the first",
            (later, first),
            LATER_RATIO_GOAL,
        ),
    ])
}

/// Starts the master, checks that its log says how the files were read, and stops it. Returns how
/// long the start took.
fn start(kit: &Deployment, expected: &str) -> Result<u64, String> {
    let took = kit.master().try_start().map_err(|e| e.to_string())?;
    // The log is whole once the master has ended.
    kit.master().stop();
    let log = kit.master().log();
    let told = log
        .lines()
        .rfind(|line| line.contains(TOLD) && line.contains("an earlier start"));
    if !told.is_some_and(|line| line.contains(expected)) {
        return Err(format!("the log has no {expected:?}, but {told:?}"));
    }
    Ok(nanos(took))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn day(number: u32) -> String {
    /// 2000-01-01.
    const BEGIN: Timestamp = Timestamp(946_684_800_000);
    BEGIN.plus_days(number.into()).date().to_string()
}

/// Writes market files with so many bars, at the times that `time` says. Their prices go up and down
/// by a hundredth, and are no two assets' same.
pub(super) fn write(
    folder: &Path,
    symbols: u32,
    bars: u32,
    time: impl Fn(u32) -> String,
) -> Result<(PathBuf, Vec<PathBuf>), String> {
    let market = folder.join("market");
    fs::create_dir(&market).map_err(|e| e.to_string())?;
    let mut files = Vec::new();
    for symbol in 0..symbols {
        let mut text = "Date,Open,High,Low,Close,Volume\n".to_owned();
        for number in 0..bars {
            let cents = 10_000 + symbol * 7 + number % 97;
            let price = |cents: u32| format!("{}.{:02}", cents / 100, cents % 100);
            let (open, close) = (price(cents), price(cents + 1));
            let (high, low) = (price(cents + 50), price(cents - 50));
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{},{open},{high},{low},{close},{}",
                time(number),
                1000 + number
            );
        }
        let file = market.join(format!("M{symbol:04}.csv"));
        fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
        files.push(file);
    }
    Ok((market, files))
}

/// The bars of a file, as the plainest program reads them.
fn bars_of((asset, file): (i64, &PathBuf)) -> impl Iterator<Item = Result<(i64, Bar), String>> {
    let (rows, failed) = match csv::Reader::from_path(file) {
        Ok(reader) => (Some(reader.into_records()), None),
        Err(error) => (None, Some(Err(error.to_string()))),
    };
    let rows = rows.into_iter().flatten();
    let bar = move |row: csv::Result<csv::StringRecord>| {
        let row = row.map_err(|e| e.to_string())?;
        let field = |at: usize| row.get(at).unwrap_or_default();
        let price = |at: usize| Money::parse_rounded(field(at)).map_err(|e| e.to_string());
        Ok((
            asset,
            Bar {
                time: Timestamp::parse(field(0)).map_err(|e| e.to_string())?,
                open: price(1)?,
                high: price(2)?,
                low: price(3)?,
                close: price(4)?,
                volume: field(5).parse::<u64>().map_err(|e| e.to_string())?,
            },
        ))
    };
    failed.into_iter().chain(rows.map(bar))
}
