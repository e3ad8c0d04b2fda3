//! spec/master/assets/backfill.md · 3.1.6 (past values from the assets API)
//!
//! Fetches past days from real-time providers: a thread that fetches pages, and the updater's list
//! of missing days.

use super::provider::{HistoryPage, HistoryRequest, Provider, ProviderError};
use super::providers::http::excerpt;
use super::providers::market_file::check_range;
use crate::model::{Bar, Money, Symbol, Timestamp};
use crate::runtime::backoff::Backoff;
use crossbeam_channel::{Receiver, Sender};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time limit for a page.
pub const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time after the end of a day at which it is fetched, in milliseconds: until then APIs still
/// correct it.
const CORRECTION_PERIOD: i64 = 2 * 3_600_000;

/// First and longest pause after failures.
const PAUSE_MIN: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// A request for one page.
pub struct BackfillTask {
    pub symbol: Symbol,
    /// Days after this one.
    pub after: Option<Timestamp>,
    /// Days up to and including this one.
    pub until: Timestamp,
}

/// The result of a task.
pub struct BackfillResult {
    pub task: BackfillTask,
    /// The page, checked; `None` if no provider has the asset.
    pub page: Result<Option<HistoryPage>, ProviderError>,
}

/// A provider with the list of its assets, if known.
pub struct BackfillSource {
    pub provider: Box<dyn Provider>,
    /// Symbols that the provider has; `None` if it did not return a list.
    pub has: Option<Arc<HashSet<Symbol>>>,
}

/// Fetches pages until the task channel closes. At most one task is in progress, so that the
/// channels in both directions cannot block each other.
pub fn run(
    mut sources: Vec<BackfillSource>,
    tasks: &Receiver<BackfillTask>,
    answers: &Sender<BackfillResult>,
) {
    for task in tasks {
        let page = fetch(&mut sources, &task);
        if answers.send(BackfillResult { task, page }).is_err() {
            return;
        }
    }
}

/// Returns the first page with content, from the providers in their order.
fn fetch(
    sources: &mut [BackfillSource],
    task: &BackfillTask,
) -> Result<Option<HistoryPage>, ProviderError> {
    let mut outcome = Ok(None);
    for source in sources {
        if source
            .has
            .as_ref()
            .is_some_and(|has| !has.contains(&task.symbol))
        {
            continue;
        }
        let page = source.provider.history(&HistoryRequest {
            symbol: task.symbol,
            after: task.after,
            until: Some(task.until),
            deadline: Instant::now() + PAGE_TIMEOUT,
        });
        match page.and_then(|page| check_page(page, task)) {
            Ok(page) if !page.bars.is_empty() => return Ok(Some(page)),
            // If an earlier provider failed, it may have the days, so an empty page does not
            // replace its error.
            Ok(page) if outcome.is_ok() => outcome = Ok(Some(page)),
            Ok(_) => {}
            Err(failure) => outcome = Err(failure),
        }
    }
    outcome
}

/// Checks a page: its order and range. Days that contradict themselves are left out.
fn check_page(mut page: HistoryPage, task: &BackfillTask) -> Result<HistoryPage, ProviderError> {
    let believable = |bar: &Bar| bar.low > Money::ZERO && check_range(bar).is_ok();
    if page.more && page.bars.is_empty() {
        return Err(ProviderError::Broken(
            "an empty page that is not the last".to_owned(),
        ));
    }
    if !page.bars.is_sorted_by(|a, b| a.time < b.time) {
        return Err(ProviderError::Broken(
            "the days of a page are not in order".to_owned(),
        ));
    }
    if page.more
        && page
            .bars
            .last()
            .is_some_and(|bar| Some(bar.time) <= task.after)
    {
        return Err(ProviderError::Broken(
            "a page with nothing new on it that is not the last".to_owned(),
        ));
    }
    page.bars.retain(|bar| {
        let within = bar.time <= task.until && task.after.is_none_or(|after| bar.time > after);
        if within && !believable(bar) {
            let text = excerpt(&format!("{bar:?}"));
            crate::warn!(
                "a past day of {} is inconsistent and is skipped: {text}",
                task.symbol
            );
        }
        within && believable(bar)
    });
    if page.more && page.bars.is_empty() {
        return Err(ProviderError::Broken(
            "a page without a believable day that is not the last".to_owned(),
        ));
    }
    Ok(page)
}

/// The last day that has ended and is past its correction period.
pub fn last_day(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(CORRECTION_PERIOD))
        .day()
        .plus_days(-1)
}

/// State of the back-fill in the updating thread.
pub struct Backfill {
    /// Channel to the fetching thread.
    pub tasks: Sender<BackfillTask>,
    /// Assets of which days may be missing.
    queue: VecDeque<Symbol>,
    /// Last day of the queue's assets; a later day builds a new queue.
    until: Option<Timestamp>,
    /// Number of assets when the queue was built.
    total: usize,
    /// Of these, those that providers refused.
    refused: usize,
    in_progress: bool,
    not_before: Instant,
    failures: Backoff,
    /// Assets that providers refused since the last success.
    refused_in_row: usize,
    logged: Instant,
}

/// Assets refused one after the other, above which it is no longer the assets that are at fault.
const REFUSED_IN_ROW_MAX: usize = 100;

/// Refused assets named in the log between two successes.
const REFUSED_NAMED_MAX: usize = 10;

/// Time between two log lines about progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(30);

impl Backfill {
    /// Creates the state before the first task.
    pub fn new(tasks: Sender<BackfillTask>) -> Backfill {
        let now = Instant::now();
        Backfill {
            tasks,
            queue: VecDeque::new(),
            until: None,
            total: 0,
            refused: 0,
            in_progress: false,
            not_before: now,
            failures: Backoff::new(PAUSE_MIN, PAUSE_MAX),
            refused_in_row: 0,
            logged: now,
        }
    }

    /// The number of assets whose past is not complete: those in the queue and those refused.
    pub fn left(&self) -> usize {
        self.queue.len() + self.refused
    }

    /// The next asset to fetch and the last day wanted. Builds the queue from `all` again when
    /// another day has ended.
    pub fn next(
        &mut self,
        now: Instant,
        wall: Timestamp,
        all: &[Symbol],
    ) -> Option<(Symbol, Timestamp)> {
        if self.in_progress || now < self.not_before {
            return None;
        }
        let until = last_day(wall);
        if self.until != Some(until) && self.queue.is_empty() {
            self.until = Some(until);
            self.queue = all.iter().copied().collect();
            self.total = self.queue.len();
            self.refused = 0;
        }
        Some((*self.queue.front()?, self.until?))
    }

    /// Removes the first asset, which is complete.
    pub fn skip(&mut self) {
        self.queue.pop_front();
        self.log_end();
    }

    /// Logs how it ended, once no asset is left.
    fn log_end(&self) {
        if self.queue.is_empty() && self.total > 0 {
            crate::info!("{}", self.told());
        }
    }

    /// How far the past is, for the log.
    fn told(&self) -> String {
        let done = self.total.saturating_sub(self.left());
        let refused = match self.refused {
            0 => String::new(),
            refused => format!(", {refused} were refused"),
        };
        format!(
            "past days: {done} of {} assets are complete{refused}",
            self.total
        )
    }

    /// Sends a task for the first asset.
    pub fn ask(&mut self, task: BackfillTask) {
        self.in_progress = self.tasks.try_send(task).is_ok();
    }

    /// Notes that a page was stored, or that no provider has the asset.
    pub fn stored(&mut self, more: bool) {
        self.in_progress = false;
        self.failures.reset();
        self.refused_in_row = 0;
        if !more {
            self.skip();
        }
        if self.logged.elapsed() >= PROGRESS_INTERVAL {
            self.logged = Instant::now();
            crate::info!("{}", self.told());
        }
    }

    /// Notes a failure. An asset that a provider refuses is passed over until another day has ended:
    /// it costs no other its past. After others the asset goes to the end of the queue, and a pause
    /// begins.
    pub fn failed(&mut self, symbol: &Symbol, failure: &ProviderError) {
        self.in_progress = false;
        let pause = match failure {
            ProviderError::Budget(wait) => *wait,
            ProviderError::Limited(wait) => (*wait).max(Duration::from_secs(1)),
            ProviderError::BadRequest(_) if self.refused_in_row < REFUSED_IN_ROW_MAX => {
                if self.refused_in_row < REFUSED_NAMED_MAX {
                    crate::warn!("the past days of {symbol} are missing: {failure}");
                }
                self.refused_in_row += 1;
                self.refused += 1;
                self.queue.pop_front();
                self.log_end();
                Duration::ZERO
            }
            ProviderError::Refused(_)
            | ProviderError::BadRequest(_)
            | ProviderError::Unreachable(_)
            | ProviderError::Broken(_) => {
                crate::warn!("the past days of {symbol} are missing: {failure}");
                self.queue.rotate_left(1.min(self.queue.len()));
                self.failures.next_wait()
            }
        };
        self.not_before = Instant::now() + pause;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Resolution;

    fn day(text: &str, price: i64) -> Bar {
        Bar {
            time: Timestamp::parse(text).unwrap(),
            open: Money(price),
            high: Money(price),
            low: Money(price),
            close: Money(price),
            volume: 1,
        }
    }

    fn page(bars: Vec<Bar>, more: bool) -> HistoryPage {
        HistoryPage {
            bars,
            resolution: Resolution::Day,
            more,
            actions: Vec::new(),
        }
    }

    #[test]
    fn pages_are_checked() {
        let task = BackfillTask {
            symbol: Symbol::parse("A").unwrap(),
            after: Some(Timestamp::parse("2024-01-02").unwrap()),
            until: Timestamp::parse("2024-01-05").unwrap(),
        };
        let days = vec![
            day("2024-01-02", 1),
            day("2024-01-03", 1),
            day("2024-01-04", -1),
            day("2024-01-05", 1),
            day("2024-01-06", 1),
        ];
        let good = check_page(page(days.clone(), false), &task).unwrap();
        assert_eq!(good.bars, [days[1], days[4 - 1]]);
        assert!(check_page(page(vec![], true), &task).is_err());
        assert!(check_page(page(vec![days[1], days[0]], false), &task).is_err());
        assert!(check_page(page(vec![days[1], days[1]], false), &task).is_err());
        assert!(
            check_page(page(vec![days[0]], true), &task).is_err(),
            "it would be asked for for ever"
        );
    }

    #[test]
    fn assets_that_are_refused_cost_no_other_its_past() {
        let (tasks, _todo) = crossbeam_channel::bounded(1);
        let mut filling = Backfill::new(tasks);
        let symbol = |n: usize| Symbol::parse(&format!("S{n:04}")).unwrap();
        let symbols: Vec<Symbol> = (0..=REFUSED_IN_ROW_MAX).map(symbol).collect();
        let wall = Timestamp::parse("2024-01-05T03:00:00Z").unwrap();
        let refusal = ProviderError::BadRequest("invalid symbol".into());
        for symbol in &symbols[..REFUSED_IN_ROW_MAX] {
            let (next, _) = filling.next(Instant::now(), wall, &symbols).unwrap();
            assert_eq!(next, *symbol, "no pause, and each once");
            filling.failed(symbol, &refusal);
        }
        let last = *symbols.last().unwrap();
        let next = |filling: &mut Backfill, wall| filling.next(Instant::now(), wall, &symbols);
        assert_eq!(next(&mut filling, wall).unwrap().0, last);
        // So many say that it is something else.
        filling.failed(&last, &refusal);
        assert_eq!(next(&mut filling, wall), None, "a pause");
        assert_eq!(filling.left(), REFUSED_IN_ROW_MAX + 1);
        filling.not_before = Instant::now();
        filling.stored(false);
        assert_eq!(next(&mut filling, wall), None);
        // Their past is missing, though none is asked for any more.
        assert_eq!(filling.left(), REFUSED_IN_ROW_MAX);
        assert_eq!(
            filling.told(),
            "past days: 1 of 101 assets are complete, 100 were refused"
        );
        // The next day they are asked for again.
        let day_after = wall.plus_days(1);
        assert_eq!(next(&mut filling, day_after).unwrap().0, symbols[0]);
        assert_eq!(filling.left(), symbols.len());
    }

    #[test]
    fn a_day_is_fetched_after_its_end() {
        let at = |text| Timestamp::parse(text).unwrap();
        assert_eq!(last_day(at("2024-01-05T01:59:59Z")), at("2024-01-03"));
        assert_eq!(last_day(at("2024-01-05T02:00:00Z")), at("2024-01-04"));
        let (tasks, todo) = crossbeam_channel::bounded(1);
        let mut filling = Backfill::new(tasks);
        let symbols = [Symbol::parse("A").unwrap(), Symbol::parse("B").unwrap()];
        let now = Instant::now();
        let (first, until) = filling
            .next(now, at("2024-01-05T03:00:00Z"), &symbols)
            .unwrap();
        assert_eq!((first, until), (symbols[0], at("2024-01-04")));
        filling.ask(BackfillTask {
            symbol: first,
            after: None,
            until,
        });
        assert!(todo.try_recv().is_ok());
        assert!(
            filling
                .next(now, at("2024-01-05T03:00:00Z"), &symbols)
                .is_none(),
            "one at a time"
        );
        filling.failed(&first, &ProviderError::Broken("x".into()));
        assert!(
            filling
                .next(now, at("2024-01-05T03:00:00Z"), &symbols)
                .is_none(),
            "a pause"
        );
        let later = now + PAUSE_MAX;
        assert_eq!(
            filling
                .next(later, at("2024-01-05T03:00:00Z"), &symbols)
                .unwrap()
                .0,
            symbols[1]
        );
        filling.stored(true);
        assert_eq!(
            filling
                .next(later, at("2024-01-05T03:00:00Z"), &symbols)
                .unwrap()
                .0,
            symbols[1]
        );
        filling.stored(false);
        filling.skip();
        assert!(
            filling
                .next(later, at("2024-01-06T01:00:00Z"), &symbols)
                .is_none(),
            "all there"
        );
        assert!(
            filling
                .next(later, at("2024-01-06T03:00:00Z"), &symbols)
                .is_some(),
            "a day later"
        );
    }
}
