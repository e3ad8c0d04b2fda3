//! spec/master/assets/providers/replay.md · 3.1.6 (the provider of a replay)
//!
//! Prices from a folder of CSV files, published one step at a time.

use super::super::provider::{
    AssetsError, HistoryPage, HistoryRequest, LatestRequest, MarketClock, PriceBatch, Provider,
    ProviderError,
};
use super::market_file::{self, MarketRows};
use crate::config::{ProviderKind, ReplaySettings, SymbolSelection};
use crate::model::{Action, Resolution};
use crate::model::{Bar, Symbol, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The lines of a report on faulty files.
pub const REPORT_LINES_MAX: usize = 60;
/// Bars in one page of the past.
const PAGE_BARS_MAX: usize = 4096;

/// One bar of a step.
#[derive(Debug, Clone, Copy)]
struct ReplayBar {
    time: Timestamp,
    symbol: Symbol,
    bar: Bar,
}

/// A file that is read page by page.
struct OpenReplay {
    symbol: Symbol,
    after: Option<Timestamp>,
    /// A bar that was read already and belongs to the next page.
    ahead: Option<Bar>,
    rows: MarketRows,
}

/// The provider.
pub struct ReplayProvider {
    files: BTreeMap<Symbol, PathBuf>,
    /// All bars from the start on, in order of time, then symbol. The bars of one time are a step.
    bars: Vec<ReplayBar>,
    /// Index in `bars` of each step's first bar.
    steps: Vec<usize>,
    /// Time of the first step; earlier bars are history.
    first: Timestamp,
    actions: Vec<Action>,
    open: Option<OpenReplay>,
    /// What is said of each file that is not replayed.
    passed_over: Vec<String>,
}

/// The files of a folder that are to be replayed.
struct MarketFiles {
    files: BTreeMap<Symbol, PathBuf>,
    /// Why the replay cannot start.
    faults: Vec<String>,
    /// What is said of the others.
    passed_over: Vec<String>,
}

/// Chooses the files of the wanted symbols. Where a list says what is wanted, other files do not
/// matter, whatever their names are.
fn choose(directory: &Path, wanted: &SymbolSelection) -> Result<MarketFiles, AssetsError> {
    let folder = market_file::folder(directory)?;
    let (mut files, mut faults) = (folder.files, Vec::new());
    let passed_over = match wanted {
        SymbolSelection::All => folder.passed_over,
        SymbolSelection::Listed(symbols) => {
            for symbol in symbols.iter().filter(|symbol| !files.contains_key(symbol)) {
                faults.push(missing(directory, symbol));
            }
            files.retain(|symbol, _| symbols.contains(symbol));
            Vec::new()
        }
    };
    Ok(MarketFiles {
        files,
        faults,
        passed_over,
    })
}

fn missing(directory: &Path, symbol: &Symbol) -> String {
    let directory = directory.display();
    if symbol.as_str().contains('/') {
        format!("{directory}: {symbol} is on the list of assets, and no file name can hold a /")
    } else {
        format!(
            "{directory}: the folder holds no {symbol}.csv, and {symbol} is on the list of assets"
        )
    }
}

/// Shortens a report to [`REPORT_LINES_MAX`] lines, of which the last says how many are missing.
fn shorten(mut lines: Vec<String>) -> Vec<String> {
    let more = (lines.len() + 1).saturating_sub(REPORT_LINES_MAX);
    if more > 1 {
        lines.truncate(REPORT_LINES_MAX - 1);
        lines.push(format!("and {more} more faults of this kind"));
    }
    lines
}

impl ReplayProvider {
    /// Reads and checks the whole folder.
    ///
    /// # Errors
    /// A wanted file is missing or malformed, or no file can be replayed, or there is no step at or
    /// after the start. The error names all faults that were found, each with its line.
    pub fn open(
        settings: &ReplaySettings,
        wanted: &SymbolSelection,
    ) -> Result<ReplayProvider, AssetsError> {
        let MarketFiles {
            mut files,
            mut faults,
            mut passed_over,
        } = choose(&settings.directory, wanted)?;
        let mut bars = Vec::new();
        files.retain(|symbol, path| {
            let read = from_start(*symbol, path, settings.start);
            read.map(|more| bars.extend(more))
                .map_err(|of_file| match wanted {
                    SymbolSelection::Listed(_) => faults.extend(of_file),
                    SymbolSelection::All => passed_over.extend(of_file),
                })
                .is_ok()
        });
        let actions = match market_file::actions(&settings.directory) {
            Ok(actions) => actions,
            Err(fault) => {
                faults.extend(fault.to_string().lines().map(str::to_owned));
                Vec::new()
            }
        };
        if files.is_empty() {
            faults.push(format!(
                "{}: the folder holds no SYMBOL.csv to replay",
                settings.directory.display()
            ));
            faults.append(&mut passed_over);
        }
        if !faults.is_empty() {
            return Err(AssetsError::Config(shorten(faults).join("\n")));
        }
        bars.sort_unstable_by_key(|bar| (bar.time, bar.symbol));
        let Some(first) = bars.first().map(|bar| bar.time) else {
            return Err(AssetsError::in_file(
                &settings.directory,
                "no bar of any file is at or after the replay's start",
            ));
        };
        let replayed = |action: &Action| files.contains_key(&action.symbol);
        Ok(ReplayProvider {
            actions: actions.into_iter().filter(replayed).collect(),
            files,
            passed_over: shorten(passed_over),
            steps: step_begins(&bars),
            bars,
            first,
            open: None,
        })
    }

    /// The step after `after`, and the number of steps behind it. Empty after the last step.
    fn step_after(&self, after: Option<Timestamp>) -> (&[ReplayBar], usize) {
        let next = after.map_or(0, |after| {
            let is_past = |begin: &usize| self.bars[*begin].time <= after;
            self.steps.partition_point(is_past)
        });
        let Some(begin) = self.steps.get(next).copied() else {
            return (&[], 0);
        };
        let end = self.steps.get(next + 1).copied();
        let end = end.unwrap_or(self.bars.len());
        (&self.bars[begin..end], self.steps.len() - next - 1)
    }

    fn page(&mut self, ask: &HistoryRequest) -> Result<HistoryPage, AssetsError> {
        let past = |bar: &Bar| match ask.until {
            Some(until) => bar.time <= until,
            None => bar.time < self.first,
        };
        let mut bars = Vec::new();
        let mut more = false;
        let resumed = self
            .open
            .take()
            .filter(|open| open.symbol == ask.symbol && open.after == ask.after);
        let mut open = match (resumed, self.files.get(&ask.symbol)) {
            (Some(open), _) => open,
            (None, Some(path)) => OpenReplay {
                symbol: ask.symbol,
                after: ask.after,
                ahead: None,
                rows: MarketRows::open(path)?,
            },
            (None, None) => {
                return Ok(HistoryPage {
                    bars,
                    resolution: Resolution::Tick,
                    more,
                    actions: Vec::new(),
                });
            }
        };
        while let Some(bar) = open
            .ahead
            .take()
            .map_or_else(|| open.rows.next_bar(), |bar| Ok(Some(bar)))?
        {
            if !past(&bar) {
                break;
            }
            if ask.after.is_some_and(|after| bar.time <= after) {
                continue;
            }
            if bars.len() == PAGE_BARS_MAX {
                more = true;
                open.ahead = Some(bar);
                break;
            }
            bars.push(bar);
        }
        if more {
            open.after = bars.last().map(|bar: &Bar| bar.time);
            self.open = Some(open);
        }
        Ok(HistoryPage {
            bars,
            resolution: Resolution::Tick,
            more,
            actions: Vec::new(),
        })
    }
}

/// The index of each step's first bar.
fn step_begins(bars: &[ReplayBar]) -> Vec<usize> {
    let is_first = |at: &usize| *at == 0 || bars[at - 1].time != bars[*at].time;
    (0..bars.len()).filter(is_first).collect()
}

/// Reads and checks a whole file and returns its bars from the start on.
///
/// # Errors
/// The file's faults: of its first faulty rows, or of the whole file.
fn from_start(
    symbol: Symbol,
    path: &Path,
    start: Timestamp,
) -> Result<Vec<ReplayBar>, Vec<String>> {
    let mut rows = MarketRows::open(path).map_err(|fault| vec![fault.to_string()])?;
    let (mut bars, mut any, mut faults) = (Vec::new(), false, Vec::new());
    while faults.len() < market_file::FAULTS_OF_FILE_MAX {
        match rows.next_bar() {
            Ok(None) => break,
            Ok(Some(bar)) => {
                any = true;
                if bar.time >= start {
                    bars.push(ReplayBar {
                        time: bar.time,
                        symbol,
                        bar,
                    });
                }
            }
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    if !any && faults.is_empty() {
        faults.push(AssetsError::in_file(path, "the file holds no bar").to_string());
    }
    if faults.is_empty() {
        Ok(bars)
    } else {
        Err(faults)
    }
}

impl Provider for ReplayProvider {
    fn name(&self) -> &'static str {
        ProviderKind::Replay.name()
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Own
    }

    fn list(&mut self, _deadline: Instant) -> Result<Vec<Symbol>, ProviderError> {
        Ok(self.files.keys().copied().collect())
    }

    fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    fn latest(&mut self, ask: &LatestRequest<'_>) -> Result<PriceBatch, ProviderError> {
        let (step, left) = self.step_after(ask.after);
        let Some(now) = step.first().map(|bar| bar.time) else {
            return Ok(PriceBatch {
                now: ask.after.unwrap_or_default(),
                exhausted: true,
                steps_left: Some(0),
                ..PriceBatch::default()
            });
        };
        Ok(PriceBatch {
            now,
            bars: step.iter().map(|bar| (bar.symbol, Ok(bar.bar))).collect(),
            exhausted: left == 0,
            steps_left: u64::try_from(left).ok(),
            ..PriceBatch::default()
        })
    }

    fn history(&mut self, ask: &HistoryRequest) -> Result<HistoryPage, ProviderError> {
        self.page(ask)
            .map_err(|fault| ProviderError::Refused(fault.to_string()))
    }

    fn actions(
        &mut self,
        from: Option<Timestamp>,
        to: Timestamp,
        _: Instant,
    ) -> Result<Vec<Action>, ProviderError> {
        let wanted =
            |action: &&Action| from.is_none_or(|from| action.time > from) && action.time <= to;
        Ok(self.actions.iter().filter(wanted).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::snapshot::PriceSnapshot;
    use super::*;
    use crate::model::ActionKind;
    use crate::model::Ratio;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn open(dir: &Path, start: Option<&str>) -> Result<ReplayProvider, AssetsError> {
        let settings = ReplaySettings {
            directory: dir.to_owned(),
            start: start.map_or(Timestamp(i64::MIN), at),
        };
        ReplayProvider::open(&settings, &SymbolSelection::All)
    }

    fn soon() -> Instant {
        Instant::now() + std::time::Duration::from_secs(5)
    }

    #[test]
    fn steps_are_the_times_at_which_any_symbol_has_a_bar() {
        let head = "Date,Open,High,Low,Close,Volume\n";
        let a = format!("{head}2013-01-02,1,1,1,1,5\n2013-01-04 12:00:00,3,3,3,3,5\n");
        let b = format!("{head}2013-01-03,2,2,2,2,5\n2013-01-04 12:00:00,4,4,4,4,5.9\n");
        let actions = "Date,Symbol,Action,Value\n2013-01-03,B,split,2\n2013-01-04,X,dividend,0.5\n";
        let dir = folder(&[
            ("A.csv", &a),
            ("B.csv", &b),
            ("actions.csv", actions),
            ("README", "x"),
        ]);
        let mut replay = open(dir.path(), Some("2013-01-02T00:00:01Z")).unwrap();
        let symbols = replay.list(soon()).unwrap();
        let last = PriceSnapshot::default();
        let mut ask = LatestRequest {
            symbols: &symbols,
            after: None,
            last: &last,
            deadline: soon(),
        };
        let first = replay.latest(&ask).unwrap();
        assert_eq!(
            (first.now, first.bars.len(), first.exhausted),
            (at("2013-01-03"), 1, false)
        );
        assert_eq!(first.steps_left, Some(1));
        ask.after = Some(first.now);
        let second = replay.latest(&ask).unwrap();
        assert_eq!(second.now, at("2013-01-04T12:00:00Z"));
        assert_eq!((second.bars.len(), second.exhausted), (2, true));
        assert_eq!(second.steps_left, Some(0));
        assert_eq!(second.bars[1].1.as_ref().unwrap().volume, 5);
        ask.after = Some(second.now);
        let third = replay.latest(&ask).unwrap();
        assert!(third.bars.is_empty() && third.exhausted);
        assert_eq!(third.steps_left, Some(0));

        let past = HistoryRequest {
            symbol: symbols[0],
            after: None,
            until: None,
            deadline: soon(),
        };
        let page = replay.history(&past).unwrap();
        assert_eq!((page.bars.len(), page.more), (1, false));
        let known = replay.actions(None, at("2013-02-01"), soon()).unwrap();
        assert_eq!(known.len(), 1, "X is not replayed");
        assert_eq!(known[0].kind, ActionKind::Split(Ratio::new(2, 1).unwrap()));
    }

    #[test]
    fn the_past_comes_in_pages_from_wherever_one_stopped() {
        let mut text = "Date,Open,High,Low,Close,Volume\n".to_owned();
        let begin = at("2000-01-01");
        for day in 0..10_000 {
            text.push_str(&format!("{},1,1,1,1,1\n", begin.plus_days(day).date()));
        }
        let dir = folder(&[("A.csv", &text)]);
        let start = begin.plus_days(9_999).date().to_string();
        let mut replay = open(dir.path(), Some(&start)).unwrap();
        let mut times = Vec::new();
        let mut after = None;
        loop {
            let ask = HistoryRequest {
                symbol: Symbol::parse("A").unwrap(),
                after,
                until: None,
                deadline: soon(),
            };
            let page = replay.history(&ask).unwrap();
            times.extend(page.bars.iter().map(|bar| bar.time));
            after = times.last().copied();
            if times.len() == 2 * PAGE_BARS_MAX {
                // As after a restart: the reading position is lost.
                replay.open = None;
            }
            if !page.more {
                break;
            }
        }
        assert_eq!(
            times,
            (0..9_999)
                .map(|day| begin.plus_days(day))
                .collect::<Vec<_>>()
        );
    }

    fn open_listed(dir: &Path, symbols: &[&str]) -> Result<ReplayProvider, AssetsError> {
        let settings = ReplaySettings {
            directory: dir.to_owned(),
            start: Timestamp(i64::MIN),
        };
        let symbols = symbols.iter().map(|symbol| Symbol::parse(symbol).unwrap());
        ReplayProvider::open(&settings, &SymbolSelection::Listed(symbols.collect()))
    }

    const GOOD: &str = "Date,Open,High,Low,Close,Volume\n2013-01-02,1,1,1,1,5\n";
    const BAD: &str =
        "Date,Open,High,Low,Close,Volume\n2013-01-02,1,1,2,1,5\n2013-01-03,x,1,1,1,5\n";

    #[test]
    fn of_all_assets_a_faulty_file_leaves_its_own_out() {
        let dir = folder(&[
            ("A.csv", GOOD),
            ("B.csv", BAD),
            ("C.csv", ""),
            ("^D.csv", GOOD),
        ]);
        let mut replay = open(dir.path(), None).unwrap();
        assert_eq!(replay.list(soon()).unwrap(), [Symbol::parse("A").unwrap()]);
        let said = replay.passed_over().join("\n");
        for fault in [
            "^D.csv: ",
            "B.csv, line 2: ",
            "B.csv, line 3: ",
            "C.csv: the file is empty",
        ] {
            assert!(said.contains(fault), "{said}");
        }
        std::fs::remove_file(dir.path().join("A.csv")).unwrap();
        let said = open(dir.path(), None).err().unwrap().to_string();
        assert!(
            said.contains("no SYMBOL.csv to replay") && said.contains("B.csv, line 2"),
            "{said}"
        );
    }

    #[test]
    fn of_listed_assets_all_faults_are_named_and_other_files_do_not_matter() {
        let dir = folder(&[
            ("A.csv", GOOD),
            ("B.csv", BAD),
            ("^D.csv", ""),
            ("actions.csv", "x"),
        ]);
        let said = open_listed(dir.path(), &["A", "B", "E", "X/USD"])
            .err()
            .unwrap()
            .to_string();
        for fault in [
            "B.csv, line 2: ",
            "B.csv, line 3: ",
            "no E.csv",
            "no file name can hold a /",
            "actions.csv, line 1: ",
        ] {
            assert!(said.contains(fault), "{said}");
        }
        assert_eq!(said.lines().count(), 5, "{said}");
        std::fs::remove_file(dir.path().join("actions.csv")).unwrap();
        let replay = open_listed(dir.path(), &["A"]).unwrap();
        assert!(
            replay.passed_over().is_empty(),
            "{:?}",
            replay.passed_over()
        );
    }

    #[test]
    fn a_report_fits_a_screen_or_two() {
        let names: Vec<String> = (0..200).map(|n| format!("F{n}.csv")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), BAD)).collect();
        let dir = folder(&files);
        let said = open(dir.path(), None).err().unwrap().to_string();
        assert_eq!(said.lines().count(), REPORT_LINES_MAX, "{said}");
        assert!(said.ends_with("and 342 more faults of this kind"), "{said}");
        std::fs::write(dir.path().join("A.csv"), GOOD).unwrap();
        let replay = open(dir.path(), None).unwrap();
        assert_eq!(replay.passed_over().len(), REPORT_LINES_MAX);
    }

    #[test]
    fn a_list_must_have_its_files_and_a_start_its_bars() {
        let dir = folder(&[("A.csv", GOOD)]);
        let fault = open_listed(dir.path(), &["B"]).err().unwrap();
        assert!(fault.to_string().contains("no B.csv"), "{fault}");
        let fault = open(dir.path(), Some("2013-01-03")).err().unwrap();
        assert!(fault.to_string().contains("start"), "{fault}");
        let empty = tempfile::tempdir().unwrap();
        assert!(open(empty.path(), None).is_err());
        assert!(open(&empty.path().join("none"), None).is_err());
    }
}
