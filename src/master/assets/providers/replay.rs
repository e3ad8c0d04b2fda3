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
}

impl ReplayProvider {
    /// Reads and checks the whole folder.
    ///
    /// # Errors
    /// A file is missing or malformed (the error names the line), or there is no step at or after
    /// the start.
    pub fn open(
        settings: &ReplaySettings,
        wanted: &SymbolSelection,
    ) -> Result<ReplayProvider, AssetsError> {
        let mut files = market_file::folder(&settings.directory)?;
        if let SymbolSelection::Listed(symbols) = wanted {
            for symbol in symbols {
                if !files.contains_key(symbol) {
                    return Err(AssetsError::in_file(
                        &settings.directory,
                        format!(
                            "the folder holds no {symbol}.csv, and {symbol} is on the list of assets"
                        ),
                    ));
                }
            }
            files.retain(|symbol, _| symbols.contains(symbol));
        }
        if files.is_empty() {
            return Err(AssetsError::in_file(
                &settings.directory,
                "the folder holds no SYMBOL.csv to replay",
            ));
        }
        let mut bars = Vec::new();
        for (symbol, path) in &files {
            bars.extend(from_start(*symbol, path, settings.start)?);
        }
        bars.sort_unstable_by_key(|bar| (bar.time, bar.symbol));
        let Some(first) = bars.first().map(|bar| bar.time) else {
            return Err(AssetsError::in_file(
                &settings.directory,
                "no bar of any file is at or after the replay's start",
            ));
        };
        let actions = market_file::actions(&settings.directory)?
            .into_iter()
            .filter(|action| files.contains_key(&action.symbol))
            .collect();
        Ok(ReplayProvider {
            files,
            steps: step_begins(&bars),
            bars,
            first,
            actions,
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
fn from_start(
    symbol: Symbol,
    path: &Path,
    start: Timestamp,
) -> Result<Vec<ReplayBar>, AssetsError> {
    let mut rows = MarketRows::open(path)?;
    let mut bars = Vec::new();
    let mut any = false;
    while let Some(bar) = rows.next_bar()? {
        any = true;
        if bar.time >= start {
            bars.push(ReplayBar {
                time: bar.time,
                symbol,
                bar,
            });
        }
    }
    if any {
        Ok(bars)
    } else {
        Err(AssetsError::in_file(path, "the file holds no bar"))
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
    use crate::model::Quantity;

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
        assert_eq!(known[0].kind, ActionKind::Split(Quantity(2_000_000)));
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

    #[test]
    fn a_list_must_have_its_files_and_a_start_its_bars() {
        let dir = folder(&[(
            "A.csv",
            "Date,Open,High,Low,Close,Volume\n2013-01-02,1,1,1,1,5\n",
        )]);
        let settings = ReplaySettings {
            directory: dir.path().to_owned(),
            start: Timestamp(i64::MIN),
        };
        let wanted = SymbolSelection::Listed([Symbol::parse("B").unwrap()].into());
        let fault = ReplayProvider::open(&settings, &wanted).err().unwrap();
        assert!(fault.to_string().contains("no B.csv"), "{fault}");
        let fault = open(dir.path(), Some("2013-01-03")).err().unwrap();
        assert!(fault.to_string().contains("start"), "{fault}");
        let empty = tempfile::tempdir().unwrap();
        assert!(open(empty.path(), None).is_err());
        assert!(open(&empty.path().join("none"), None).is_err());
    }
}
