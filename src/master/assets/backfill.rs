//! spec/master/assets/backfill.md · 3.1.6 (past values from the assets API)
//!
//! Fills in past days from real APIs: a thread that fetches pages, and the module's list of what is missing.

use super::provider::{HistoryPage, HistoryRequest, Provider, ProviderError};
use super::providers::http::shown;
use super::providers::market_file::check_range;
use crate::model::{Bar, Money, Symbol, Timestamp};
use crate::runtime::backoff::Backoff;
use crossbeam_channel::{Receiver, Sender};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A page must be there within this.
pub const PAGE_DEADLINE: Duration = Duration::from_secs(60);

/// A day is asked for this long after its end, in milliseconds: until then APIs still correct it.
const CORRECTION_PERIOD: i64 = 2 * 3_600_000;

/// The first pause after failures, and the longest.
const PAUSE_FIRST: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// One page is to be fetched.
pub struct BackfillTask {
    /// Of which asset.
    pub symbol: Symbol,
    /// Days after this.
    pub after: Option<Timestamp>,
    /// Days up to and with this.
    pub until: Timestamp,
}

/// What came of it.
pub struct BackfillResult {
    /// What was asked.
    pub task: BackfillTask,
    /// The page, checked; `None` if no provider has the asset.
    pub page: Result<Option<HistoryPage>, ProviderError>,
}

/// A provider with the assets that it has, if it has told.
pub struct BackfillSource {
    /// The provider.
    pub provider: Box<dyn Provider>,
    /// Its list.
    pub has: Option<Arc<HashSet<Symbol>>>,
}

/// Fetches pages until the module is gone. As with updates, one task is under way at most, so the channels
/// between the module and this thread cannot block each other.
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

/// The first page with anything on it, from the providers in their order.
fn fetch(sources: &mut [BackfillSource], task: &BackfillTask) -> Result<Option<HistoryPage>, ProviderError> {
    let mut outcome = Ok(None);
    for source in sources {
        if source.has.as_ref().is_some_and(|has| !has.contains(&task.symbol)) {
            continue;
        }
        let page = source.provider.history(&HistoryRequest {
            symbol: task.symbol,
            after: task.after,
            until: Some(task.until),
            deadline: Instant::now() + PAGE_DEADLINE,
        });
        match page.and_then(|page| checked(page, task)) {
            Ok(page) if !page.bars.is_empty() => return Ok(Some(page)),
            // Another's empty page does not make up for the trouble of one that may have the days.
            Ok(page) if outcome.is_ok() => outcome = Ok(Some(page)),
            Ok(_) => {}
            Err(failure) => outcome = Err(failure),
        }
    }
    outcome
}

/// A page in order and within what was asked for; a day that contradicts itself is left out.
fn checked(mut page: HistoryPage, task: &BackfillTask) -> Result<HistoryPage, ProviderError> {
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
    if page.more && page.bars.last().is_some_and(|bar| Some(bar.time) <= task.after) {
        return Err(ProviderError::Broken(
            "a page with nothing new on it that is not the last".to_owned(),
        ));
    }
    page.bars.retain(|bar| {
        let within = bar.time <= task.until && task.after.is_none_or(|after| bar.time > after);
        if within && !believable(bar) {
            let text = shown(&format!("{bar:?}"));
            crate::warn!(
                "a past day of {} contradicts itself and is left out: {text}",
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

/// The last day that is over and settled.
pub fn last_day(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(CORRECTION_PERIOD))
        .day()
        .plus_days(-1)
}

/// What the module knows of the filling.
pub struct Backfill {
    /// To the thread.
    pub tasks: Sender<BackfillTask>,
    /// Assets of which days may be missing.
    queue: VecDeque<Symbol>,
    /// The day up to which the queue was made.
    until: Option<Timestamp>,
    /// Assets in the queue when it was made.
    total: usize,
    under_way: bool,
    not_before: Instant,
    failures: Backoff,
    told: Instant,
}

/// Progress is logged this often.
const PROGRESS: Duration = Duration::from_secs(30);

impl Backfill {
    /// Nothing asked for yet.
    pub fn new(tasks: Sender<BackfillTask>) -> Backfill {
        let now = Instant::now();
        Backfill {
            tasks,
            queue: VecDeque::new(),
            until: None,
            total: 0,
            under_way: false,
            not_before: now,
            failures: Backoff::new(PAUSE_FIRST, PAUSE_MAX),
            told: now,
        }
    }

    /// How many assets are in the queue.
    pub fn left(&self) -> usize {
        self.queue.len()
    }

    /// The next asset to ask for; `all` gives the list anew whenever another day is over.
    pub fn next(&mut self, now: Instant, wall: Timestamp, all: &[Symbol]) -> Option<(Symbol, Timestamp)> {
        if self.under_way || now < self.not_before {
            return None;
        }
        let until = last_day(wall);
        if self.until != Some(until) && self.queue.is_empty() {
            self.until = Some(until);
            self.queue = all.iter().copied().collect();
            self.total = self.queue.len();
        }
        Some((*self.queue.front()?, self.until?))
    }

    /// The front asset needs nothing.
    pub fn skip(&mut self) {
        self.queue.pop_front();
        if self.queue.is_empty() && self.total > 0 {
            crate::info!("past days: all {} assets are complete", self.total);
        }
    }

    /// Sends a task for the front asset.
    pub fn ask(&mut self, task: BackfillTask) {
        self.under_way = self.tasks.try_send(task).is_ok();
    }

    /// A page was stored, or there is none to be had.
    pub fn stored(&mut self, more: bool) {
        self.under_way = false;
        self.failures.reset();
        if !more {
            self.skip();
        }
        if self.told.elapsed() >= PROGRESS {
            self.told = Instant::now();
            let done = self.total.saturating_sub(self.queue.len());
            crate::info!("past days: {done} of {} assets are complete", self.total);
        }
    }

    /// A page did not come: its asset goes to the end, and there is a pause.
    pub fn failed(&mut self, symbol: &Symbol, failure: &ProviderError) {
        self.under_way = false;
        let pause = match failure {
            ProviderError::Budget(wait) => *wait,
            ProviderError::Limited(wait) => (*wait).max(Duration::from_secs(1)),
            ProviderError::Refused(_) | ProviderError::Unreachable(_) | ProviderError::Broken(_) => {
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
        let good = checked(page(days.clone(), false), &task).unwrap();
        assert_eq!(good.bars, [days[1], days[4 - 1]]);
        assert!(checked(page(vec![], true), &task).is_err());
        assert!(checked(page(vec![days[1], days[0]], false), &task).is_err());
        assert!(checked(page(vec![days[1], days[1]], false), &task).is_err());
        assert!(
            checked(page(vec![days[0]], true), &task).is_err(),
            "it would be asked for for ever"
        );
    }

    #[test]
    fn a_day_is_asked_for_when_it_is_over() {
        let at = |text| Timestamp::parse(text).unwrap();
        assert_eq!(last_day(at("2024-01-05T01:59:59Z")), at("2024-01-03"));
        assert_eq!(last_day(at("2024-01-05T02:00:00Z")), at("2024-01-04"));
        let (tasks, todo) = crossbeam_channel::bounded(1);
        let mut filling = Backfill::new(tasks);
        let symbols = [Symbol::parse("A").unwrap(), Symbol::parse("B").unwrap()];
        let now = Instant::now();
        let (first, until) = filling.next(now, at("2024-01-05T03:00:00Z"), &symbols).unwrap();
        assert_eq!((first, until), (symbols[0], at("2024-01-04")));
        filling.ask(BackfillTask {
            symbol: first,
            after: None,
            until,
        });
        assert!(todo.try_recv().is_ok());
        assert!(
            filling.next(now, at("2024-01-05T03:00:00Z"), &symbols).is_none(),
            "one at a time"
        );
        filling.failed(&first, &ProviderError::Broken("x".into()));
        assert!(
            filling.next(now, at("2024-01-05T03:00:00Z"), &symbols).is_none(),
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
