//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! What is understood of a market folder, for a person to compare with what was meant.

use super::super::super::provider::AssetsError;
use super::jumps::JumpFinder;
use super::{FAULTS_OF_FILE_MAX, MarketFile, MarketRows, actions, folder};
use crate::daemon::StartProgress;
use crate::model::{Action, Symbol, Timestamp};
use serde::Serialize;
use std::path::Path;
use time::Weekday;

/// Rows between two looks at the clock, for telling how far the reading is.
const PROGRESS_ROWS: u64 = 4096;
/// Remarks on one file at most.
const REMARKS_MAX: usize = 20;

/// A market folder as it is understood.
#[derive(Debug, Serialize)]
pub struct MarketSurvey {
    pub files: Vec<FileSurvey>,
    /// Splits and dividends of `actions.csv`.
    pub actions: usize,
    /// What is said of other files, and of `actions.csv`.
    pub remarks: Vec<String>,
    /// Whether there is a file, and every one can be used, `actions.csv` included.
    pub is_usable: bool,
}

/// One symbol's file as it is understood.
#[derive(Debug, Serialize)]
pub struct FileSurvey {
    pub symbol: String,
    pub file: String,
    /// The full name, where `symbols.csv` has one.
    pub name: Option<String>,
    /// Units of the file in one unit of the asset.
    pub factor: u64,
    /// Rows with prices.
    pub rows: u64,
    /// Rows without any, which are passed over.
    pub null_rows: u64,
    /// Time of the first bar, as text.
    pub first: Option<String>,
    /// Time of the last bar, as text.
    pub last: Option<String>,
    /// The last close, for one unit of the asset, as text.
    pub last_close: Option<String>,
    /// The longest time between two bars, in days.
    pub longest_gap_days: i64,
    /// Bars on Saturdays and Sundays.
    pub weekend_rows: u64,
    /// Strange rows.
    pub remarks: Vec<String>,
    /// Why the file cannot be used; none where it can.
    pub faults: Vec<String>,
}

/// Reads a whole folder as a replay of all assets would.
///
/// # Errors
/// The folder cannot be read, or its `symbols.csv` is faulty.
pub fn survey(directory: &Path) -> Result<MarketSurvey, AssetsError> {
    let folder = folder(directory)?;
    let mut remarks = folder.passed_over;
    if !folder.others.is_empty() {
        let names = folder.others.join(", ");
        remarks.push(format!(
            "not read, since a market file ends in .csv: {names}"
        ));
    }
    remarks.extend(actions::fileless(directory, &folder.files));
    let actions = actions::of_folder(directory, &folder.files);
    let has_actions = actions.is_ok();
    let actions = actions.unwrap_or_else(|fault| {
        let lines = fault.to_string();
        remarks.extend(lines.lines().map(str::to_owned));
        Vec::new()
    });
    let (mut progress, all) = (StartProgress::default(), folder.files.len());
    let mut files: Vec<FileSurvey> = Vec::new();
    for (symbol, file) in folder.files {
        let done = files.len();
        let mut tell = |rows: u64| {
            progress.step(|| format!("{done} of {all} files read; {rows} rows of {symbol}"));
        };
        files.push(survey_of(&symbol, &file, &actions, &mut tell));
    }
    Ok(MarketSurvey {
        is_usable: has_actions
            && !files.is_empty()
            && files.iter().all(|file| file.faults.is_empty()),
        actions: actions.len(),
        files,
        remarks,
    })
}

fn survey_of(
    symbol: &Symbol,
    file: &MarketFile,
    actions: &[Action],
    tell: &mut dyn FnMut(u64),
) -> FileSurvey {
    let name = file.path.file_name().unwrap_or_default();
    let mut survey = FileSurvey {
        symbol: symbol.to_string(),
        file: name.to_string_lossy().into_owned(),
        name: file.name.clone(),
        factor: file.factor,
        rows: 0,
        null_rows: 0,
        first: None,
        last: None,
        last_close: None,
        longest_gap_days: 0,
        weekend_rows: 0,
        remarks: Vec::new(),
        faults: Vec::new(),
    };
    match MarketRows::open(file) {
        Ok(rows) => {
            let own = actions.iter().filter(|action| action.symbol == *symbol);
            read(&mut survey, rows, JumpFinder::new(own), tell);
        }
        Err(fault) => survey.faults.push(fault.to_string()),
    }
    if survey.rows == 0 && survey.faults.is_empty() {
        let fault = AssetsError::in_file(&file.path, "the file holds no bar");
        survey.faults.push(fault.to_string());
    }
    survey
}

fn read(
    survey: &mut FileSurvey,
    mut rows: MarketRows,
    mut jumps: JumpFinder<'_>,
    tell: &mut dyn FnMut(u64),
) {
    let mut times: Option<(Timestamp, Timestamp)> = None;
    while survey.faults.len() < FAULTS_OF_FILE_MAX {
        let bar = match rows.next_bar() {
            Ok(Some(bar)) => bar,
            Ok(None) => break,
            Err(fault) => {
                survey.faults.push(fault.to_string());
                continue;
            }
        };
        survey.rows += 1;
        if survey.rows.is_multiple_of(PROGRESS_ROWS) {
            tell(survey.rows);
        }
        survey.last_close = Some(bar.close.to_string());
        let weekday = bar.time.date().weekday();
        survey.weekend_rows += u64::from(matches!(weekday, Weekday::Saturday | Weekday::Sunday));
        if let Some(jump) = jumps.see(rows.line(), &bar)
            && survey.remarks.len() < REMARKS_MAX
        {
            survey.remarks.push(format!("line {}: {jump}", rows.line()));
        }
        times = Some(match times {
            None => (bar.time, bar.time),
            Some((first, last)) => {
                let gap = bar.time.since(last) / crate::model::timestamp::DAY;
                survey.longest_gap_days = survey.longest_gap_days.max(gap);
                (first, bar.time)
            }
        });
    }
    tell(survey.rows);
    survey.null_rows = rows.null_rows.0;
    survey.first = times.map(|(first, _)| first.to_string());
    survey.last = times.map(|(_, last)| last.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_told_as_it_is_understood() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let head = "Date,Open,High,Low,Close,Volume\n";
        // A Friday, a Saturday, a day off, and a Monday a week later.
        write(
            "A.csv",
            &format!(
                "{head}2013-01-04,1,1,1,1,5\n2013-01-05,1,1,1,1,5\n2013-01-06,null,null,null,null,null\n\
                 2013-01-14,100,100,100,100,5\n"
            ),
        );
        write("B.csv", &format!("{head}x\ny\nz\nw\n"));
        write("^C.csv", "");
        let survey = survey(dir.path()).unwrap();
        let [a, b] = &survey.files[..] else {
            panic!("{survey:?}")
        };
        assert_eq!(
            (a.rows, a.null_rows, a.weekend_rows, a.longest_gap_days),
            (3, 1, 1, 9)
        );
        assert_eq!(a.first.as_deref(), Some("2013-01-04T00:00:00.000Z"));
        assert_eq!(a.last.as_deref(), Some("2013-01-14T00:00:00.000Z"));
        assert!(a.remarks[0].starts_with("line 5: the price goes from 1 (line 3) to 100"));
        assert!(a.faults.is_empty() && !survey.is_usable);
        assert_eq!(b.faults.len(), FAULTS_OF_FILE_MAX);
        assert!(survey.remarks[0].contains("^C.csv: passed over"));
        std::fs::remove_file(dir.path().join("B.csv")).unwrap();
        assert!(super::survey(dir.path()).unwrap().is_usable);
        write("actions.csv", "x");
        assert!(!super::survey(dir.path()).unwrap().is_usable);
    }
}
