//! spec/master/assets/providers/replay.md · 3.1.6 (the provider of a replay)
//!
//! Prices from a folder of CSV files, published one step at a time.

mod files;

use super::super::provider::{
    AssetsError, HistoryPage, HistoryRequest, LatestRequest, MarketClock, PriceBatch, Provider,
    ProviderError,
};
use super::market_file::MarketRows;
use super::simulated::ContinuedMarket;
use crate::config::{ProviderKind, ReplayEnd, ReplaySettings, SymbolSelection};
use crate::model::{Action, ActionKind, AssetDescription, Bar, Resolution, Symbol, Timestamp};
use files::{ReplayFile, ReplayFiles};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// The lines of a report on faulty files.
pub const REPORT_LINES_MAX: usize = 60;
/// Times that are collected before equal ones are removed.
const TIMES_MAX: usize = 1_000_000;
/// Bars in one page of the past.
const PAGE_BARS_MAX: usize = 4096;

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
    /// The bars from the start on are the steps; earlier ones are history.
    files: BTreeMap<Symbol, ReplayFile>,
    /// The times of the steps, in order; at least one.
    steps: Vec<Timestamp>,
    /// Time of the first step; earlier bars are history.
    first: Timestamp,
    actions: Vec<Action>,
    /// What follows the last step, if anything does.
    continued: Option<ContinuedMarket>,
    open: Option<OpenReplay>,
    warnings: Vec<String>,
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
    /// Reads and checks the whole folder. `kept` is a folder for the bars of its files, so that the
    /// next start does not parse them again; without one, all files are parsed.
    ///
    /// # Errors
    /// A wanted file is missing or malformed, or no file can be replayed, or there is no step at or
    /// after the start. The error names all faults that were found, each with its line.
    pub fn open(
        settings: &ReplaySettings,
        wanted: &SymbolSelection,
        interval: Duration,
        kept: Option<&Path>,
    ) -> Result<ReplayProvider, AssetsError> {
        let directory = &settings.directory;
        let ReplayFiles {
            files,
            actions,
            mut faults,
            passing,
            mut warnings,
        } = ReplayFiles::read(directory, wanted, settings.start, kept)?;
        if let Some(fault) = passing {
            return Err(fault);
        }
        if files.is_empty() {
            faults.push(format!(
                "{}: the folder holds no SYMBOL.csv that can be replayed",
                directory.display()
            ));
            faults.append(&mut warnings);
        }
        if !faults.is_empty() {
            return Err(AssetsError::Config(shorten(faults).join("\n")));
        }
        let steps = step_times(&files);
        let Some((first, last)) = steps.first().copied().zip(steps.last().copied()) else {
            return Err(AssetsError::in_file(
                &settings.directory,
                "no bar of any file is at or after the replay's start",
            ));
        };
        let continued = match settings.at_end {
            ReplayEnd::Stop => None,
            ReplayEnd::Simulate => {
                let bars = files.iter().flat_map(|(symbol, file)| {
                    let own = file.bars.iter();
                    own.map(|bar| (*symbol, bar))
                });
                Some(ContinuedMarket::of(bars, interval))
            }
        };
        // Assets without a file may be held since they had one: what became of them matters.
        let is_of_market = |action: &Action| {
            let kind = action.kind;
            let is_later = kind.target().is_some() || kind.is_end() || kind == ActionKind::Cancel;
            is_later || files.contains_key(&action.symbol)
        };
        // The simulated market knows nothing of what the files say of the time after them.
        let is_known =
            |action: &Action| is_of_market(action) && (continued.is_none() || action.time <= last);
        Ok(ReplayProvider {
            actions: actions.into_iter().filter(is_known).collect(),
            files,
            warnings: shorten(warnings),
            steps,
            first,
            continued,
            open: None,
        })
    }

    /// The time of the step after `after`, and the number of steps behind it. `None` after the last
    /// step.
    fn step_after(&self, after: Option<Timestamp>) -> Option<(Timestamp, usize)> {
        let next = after.map_or(0, |after| self.steps.partition_point(|step| *step <= after));
        let time = self.steps.get(next)?;
        Some((*time, self.steps.len() - next - 1))
    }

    /// A page of the past from what was kept of the file; `None` where it must be parsed.
    fn kept_page(
        &mut self,
        ask: &HistoryRequest,
        is_past: impl Fn(Timestamp) -> bool,
    ) -> Option<(Vec<Bar>, bool)> {
        let file = self.files.get_mut(&ask.symbol)?;
        match file.kept.as_ref()?.page(ask.after, is_past) {
            Ok(page) => Some(page),
            Err(error) => {
                let path = file.file.path.display();
                crate::warn!("{path}: its kept bars cannot be read, so it is parsed: {error}");
                file.kept = None;
                None
            }
        }
    }

    fn page(&mut self, ask: &HistoryRequest) -> Result<HistoryPage, AssetsError> {
        let first = self.first;
        let is_past = |time: Timestamp| match ask.until {
            Some(until) => time <= until,
            None => time < first,
        };
        if let Some((bars, more)) = self.kept_page(ask, is_past) {
            return Ok(HistoryPage {
                bars,
                resolution: Resolution::Tick,
                more,
                actions: Vec::new(),
            });
        }
        let mut bars = Vec::new();
        let mut more = false;
        let resumed = self
            .open
            .take()
            .filter(|open| open.symbol == ask.symbol && open.after == ask.after);
        let mut open = match (resumed, self.files.get(&ask.symbol)) {
            (Some(open), _) => open,
            (None, Some(file)) => OpenReplay {
                symbol: ask.symbol,
                after: ask.after,
                ahead: None,
                rows: MarketRows::open(&file.file)?,
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
            if !is_past(bar.time) {
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

/// The times at which any file has a bar, in order.
fn step_times(files: &BTreeMap<Symbol, ReplayFile>) -> Vec<Timestamp> {
    let mut times: Vec<Timestamp> = Vec::new();
    let mut distinct = 0;
    for file in files.values() {
        times.extend(file.bars.iter().map(|bar| bar.time));
        // Most files have the same times, so that few are left of a million.
        if times.len() > 2 * distinct + TIMES_MAX {
            times.sort_unstable();
            times.dedup();
            distinct = times.len();
        }
    }
    times.sort_unstable();
    times.dedup();
    times
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

    fn descriptions(&self) -> Vec<(Symbol, AssetDescription)> {
        let description = |(symbol, read): (&Symbol, &ReplayFile)| {
            let told = read.file.description();
            (told != AssetDescription::default()).then_some((*symbol, told))
        };
        self.files.iter().filter_map(description).collect()
    }

    fn input_warnings(&self) -> &[String] {
        &self.warnings
    }

    fn latest(&mut self, ask: &LatestRequest<'_>) -> Result<PriceBatch, ProviderError> {
        let Some((now, left)) = self.step_after(ask.after) else {
            if let (Some(market), Some(after)) = (&self.continued, ask.after) {
                return Ok(market.latest(ask, after));
            }
            return Ok(PriceBatch {
                now: ask.after.unwrap_or(self.first),
                exhausted: true,
                steps_left: Some(0),
                ..PriceBatch::default()
            });
        };
        let bar = |(symbol, file): (&Symbol, &ReplayFile)| {
            let at = file.bars.binary_search_by_key(&now, |bar| bar.time).ok()?;
            Some((*symbol, Ok(*file.bars.get(at)?)))
        };
        Ok(PriceBatch {
            now,
            bars: self.files.iter().filter_map(bar).collect(),
            exhausted: left == 0 && self.continued.is_none(),
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
    use crate::model::Ratio;
    use crate::model::{ActionKind, Money};

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
            at_end: ReplayEnd::Stop,
        };
        ReplayProvider::open(
            &settings,
            &SymbolSelection::All,
            Duration::from_secs(1),
            None,
        )
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
            at_end: ReplayEnd::Stop,
            start: Timestamp(i64::MIN),
        };
        let symbols = symbols.iter().map(|symbol| Symbol::parse(symbol).unwrap());
        ReplayProvider::open(
            &settings,
            &SymbolSelection::Listed(symbols.collect()),
            Duration::from_secs(1),
            None,
        )
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
        let said = replay.input_warnings().join("\n");
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
            said.contains("no SYMBOL.csv that can be replayed") && said.contains("B.csv, line 2"),
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
            "no file name can hold a /: give it a file in symbols.csv",
            "actions.csv, line 1: ",
        ] {
            assert!(said.contains(fault), "{said}");
        }
        assert_eq!(said.lines().count(), 5, "{said}");
        std::fs::remove_file(dir.path().join("actions.csv")).unwrap();
        let replay = open_listed(dir.path(), &["A"]).unwrap();
        assert!(
            replay.input_warnings().is_empty(),
            "{:?}",
            replay.input_warnings()
        );
    }

    #[test]
    fn strange_prices_and_rows_without_any_are_told() {
        let head = "Date,Open,High,Low,Close,Volume\n";
        let pence =
            format!("{head}2013-01-02,84.5,84.5,84.5,84.5,5\n2013-01-03,0.845,1,0.8,0.845,5\n");
        let nulls = format!("{GOOD}2013-01-03,null,null,null,null,null\n");
        let adjusted = format!("{head}2013-01-02,60,60,60,60,5\n2013-01-03,61,61,61,61,5\n");
        let dir = folder(&[
            ("PENCE.csv", &pence),
            ("NULLS.csv", &nulls),
            ("ADJ.csv", &adjusted),
            (
                "actions.csv",
                "Date,Symbol,Action,Value\n2013-01-03,ADJ,split,5\n",
            ),
        ]);
        for replay in [
            open(dir.path(), None),
            open_listed(dir.path(), &["PENCE", "NULLS", "ADJ"]),
        ] {
            let replay = replay.unwrap();
            let said = replay.input_warnings().join("\n");
            assert_eq!(said.lines().count(), 3, "{said}");
            for warning in [
                "PENCE.csv, line 3: the price goes from 84.5 (line 2) to 0.845",
                "NULLS.csv, line 3: this row and 0 others have no prices",
                "ADJ.csv, line 3: a split of 5 on 2013-01-03, but the price went from 60",
            ] {
                assert!(said.contains(warning), "{said}");
            }
        }
    }

    #[test]
    fn a_lot_has_the_dividends_of_its_units() {
        let price = "0.00001234";
        let file = format!(
            "Date,Open,High,Low,Close,Volume\n2013-01-02,{price},{price},{price},{price},5\n"
        );
        let dir = folder(&[
            ("A.csv", &file),
            (
                "symbols.csv",
                "Symbol,File,Name,Currency,Factor\nA,,,,1000\n",
            ),
            (
                "actions.csv",
                "Date,Symbol,Action,Value\n2013-01-02,A,dividend,0.0000014\n",
            ),
        ]);
        let mut replay = open(dir.path(), None).unwrap();
        let actions = replay.actions(None, at("2013-02-01"), soon()).unwrap();
        assert_eq!(actions[0].kind, ActionKind::Dividend(Money(1_400)));
        let said = open(folder(&[("A.csv", &file)]).path(), None)
            .err()
            .unwrap()
            .to_string();
        assert!(said.contains("A factor of 100 in symbols.csv"), "{said}");
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
        assert_eq!(replay.input_warnings().len(), REPORT_LINES_MAX);
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

    /// Publishes a batch as the module does.
    fn publish(snapshot: &mut PriceSnapshot, batch: &PriceBatch) {
        for (symbol, bar) in &batch.bars {
            snapshot.apply(symbol, bar.as_ref().unwrap(), false);
        }
    }

    #[test]
    fn a_market_that_simulates_goes_on_from_its_last_prices() {
        let head = "Date,Open,High,Low,Close,Volume\n";
        let row =
            |day: u8, close: &str| format!("2013-01-{day:02},{close},{close},{close},{close},5\n");
        // A calm one and a wild one, for thirty days; 2013-01-30 is a Wednesday.
        let rows = |prices: [&str; 2]| {
            let rows = (1..=30u8).map(|day| row(day, prices[usize::from(day % 2)]));
            head.to_owned() + &rows.collect::<String>()
        };
        let files = [
            ("CALM.csv", rows(["100.123456", "100.2"])),
            ("WILD.csv", rows(["2000000", "2400000"])),
            ("TINY.csv", rows(["0.002", "0.0021"])),
            (
                "actions.csv",
                "Date,Symbol,Action,Value\n2013-06-01,CALM,split,2\n".to_owned(),
            ),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(n, text)| (*n, text.as_str())).collect();
        let dir = folder(&files);
        let settings = |at_end| ReplaySettings {
            directory: dir.path().to_owned(),
            start: at("2013-01-01"),
            at_end,
        };
        let open = |at_end| {
            let interval = Duration::from_secs(3600);
            ReplayProvider::open(&settings(at_end), &SymbolSelection::All, interval, None).unwrap()
        };
        let mut replay = open(ReplayEnd::Simulate);
        let symbols = replay.list(soon()).unwrap();
        let mut snapshot = PriceSnapshot::new(symbols.clone());
        let mut times: Vec<Timestamp> = Vec::new();
        let mut next = |replay: &mut ReplayProvider, snapshot: &mut PriceSnapshot| {
            let ask = LatestRequest {
                symbols: &symbols,
                after: times.last().copied(),
                last: snapshot,
                deadline: soon(),
            };
            let batch = replay.latest(&ask).unwrap();
            times.push(batch.now);
            publish(snapshot, &batch);
            batch
        };
        let mut batch = PriceBatch::default();
        for step in 1..=30u64 {
            batch = next(&mut replay, &mut snapshot);
            assert_eq!((batch.steps_left, batch.market), (Some(30 - step), None));
            assert!(!batch.exhausted);
        }
        let last = |snapshot: &PriceSnapshot, name| {
            let symbol = Symbol::parse(name).unwrap();
            snapshot.entry(&symbol).unwrap().quote.unwrap().value.0
        };
        let ends = ["CALM", "WILD", "TINY"].map(|name| last(&snapshot, name));
        let before = batch.now;
        batch = next(&mut replay, &mut snapshot);
        // The midnight of a daily bar stands for its day.
        assert_eq!(batch.now, at("2013-01-31T14:30:00Z"));
        assert_eq!(before, at("2013-01-30"));
        assert_eq!(batch.bars.len(), 3);
        let first: Vec<i64> = batch
            .bars
            .iter()
            .map(|(_, bar)| bar.as_ref().unwrap().open.0)
            .collect();
        assert_eq!(first, [ends[0], ends[2], ends[1]], "in order of symbols");
        assert_eq!(
            (batch.steps_left, batch.market),
            (None, Some(crate::model::MarketKind::Simulated))
        );
        // A year on, by the calendar, whatever restarts happen on the way.
        let mut moves = [0f64; 3];
        let mut count = 0;
        while batch.now < at("2014-02-01") {
            let was = ["CALM", "WILD", "TINY"].map(|name| last(&snapshot, name));
            if count % 500 == 0 {
                replay = open(ReplayEnd::Simulate);
            }
            batch = next(&mut replay, &mut snapshot);
            count += 1;
            assert!(!batch.exhausted && batch.bars.len() == 3);
            for (index, name) in ["CALM", "WILD", "TINY"].into_iter().enumerate() {
                let now = last(&snapshot, name);
                assert!(now > 0);
                moves[index] += (now as f64 / was[index] as f64).ln().powi(2);
            }
        }
        let annual = moves.map(f64::sqrt);
        // A day of 0.08 % and one of 18 %, each on every day of the year.
        assert!(annual[0] > 0.005 && annual[0] < 0.05, "{annual:?}");
        assert!(annual[1] > 1.0 && annual[2] > 0.3, "{annual:?}");
        assert_eq!(
            replay.actions(None, batch.now, soon()),
            Ok(Vec::new()),
            "of a later time"
        );

        // One that stops says so.
        let mut stopping = open(ReplayEnd::Stop);
        let ask = LatestRequest {
            symbols: &symbols,
            after: Some(at("2013-01-29")),
            last: &snapshot,
            deadline: soon(),
        };
        assert!(stopping.latest(&ask).unwrap().exhausted);
        assert_eq!(stopping.actions(None, batch.now, soon()).unwrap().len(), 1);
    }
}
