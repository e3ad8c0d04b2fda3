//! spec/master/assets/update.md · 3.1.6 (retrieve data in intervals), 2.3.4
//!
//! The thread that makes updates: it retrieves, checks, commits and publishes. Only this thread
//! writes the module's tables.
//!
//! Tests: `tests/suite/master/assets.rs`.

use super::UpdaterHealth;
use super::backfill::{Backfill, BackfillResult, BackfillTask};
use super::check;
use super::news;
use super::provider::{MarketClock, ProviderError};
use super::providers::AssetsConfig;
use super::retrieval::{RetrievalResult, RetrievalTask};
use super::schedule::UpdateSchedule;
use super::snapshot::PriceSnapshot;
use crate::master::messages::{TransactionsMessage, Update, UpdateChannels, WorkersMessage};
use crate::master::storage::StorageError;
use crate::master::storage::bars::{BarPage, BarStore, UpdatePosition};
use crate::model::{Action, Bar, Symbol, Timestamp};
use crate::runtime::published::Published;
use crate::runtime::{self, Stop, TICK, ThreadHandle};
use crossbeam_channel::{Receiver, Sender, select};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Pause between two slices of compaction, so that other writers get access to the database.
const COMPACT_INTERVAL: Duration = Duration::from_millis(20);

/// Pause after a failed compaction, for instance on a full disk.
const COMPACT_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Longest time limit for a retrieval, at long intervals.
const RETRIEVAL_TIMEOUT_MAX: Duration = Duration::from_secs(20);

/// Shortest time limit for a retrieval: a real API needs it.
const RETRIEVAL_TIMEOUT_MIN: Duration = Duration::from_secs(2);

/// Time to put an update into a module's inbox. A module that takes nothing for so long hangs,
/// which the watchdog detects.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Milliseconds by which the published time of the next update may be off: less is the rounding of
/// two clocks.
const DUE_TOLERANCE_MS: i64 = 10;

/// Assets named in one warning about refused prices.
const NAMED_MAX: usize = 5;

/// The updates before its end in which a market's end is announced, in log and status.
pub const LAST_UPDATES: u64 = 60;

/// State of the updating thread.
pub struct Updater {
    pub(super) config: Arc<AssetsConfig>,
    pub(super) store: BarStore,
    pub(super) symbols: Arc<[Symbol]>,
    pub(super) prices: Arc<Published<PriceSnapshot>>,
    pub(super) position: UpdatePosition,
    pub(super) schedule: UpdateSchedule,
    pub(super) next: Arc<AtomicI64>,
    pub(super) channels: UpdateChannels,
    /// Whether all actions were requested since the start. Some may have been added to a file late.
    pub(super) actions_checked: bool,
    /// Whether the log was told that the market ends soon.
    pub(super) end_announced: bool,
    /// Consecutive doubtful prices, by asset.
    pub(super) doubts: HashMap<Symbol, u8>,
    pub(super) tasks: Sender<RetrievalTask>,
    pub(super) answers: Receiver<RetrievalResult>,
    /// The threads that wait for providers.
    pub(super) threads: Vec<ThreadHandle>,
    /// State of the back-fill; `None` if the provider's past was stored at start.
    pub(super) backfill: Option<Backfill>,
    pub(super) pages: Receiver<BackfillResult>,
    pub(super) health: Arc<Mutex<UpdaterHealth>>,
    /// Begin of the current retrieval, if any.
    pub(super) in_progress: Option<(Instant, Timestamp)>,
    pub(super) compact_after: Instant,
    /// Dropped after the first update, which tells the master that the module is ready.
    pub(super) starting: Option<Sender<()>>,
    /// Assets of the last warning about refused prices: the same ones are not logged again.
    pub(super) warned: Vec<Symbol>,
}

impl Updater {
    /// Makes updates until `stop` is requested.
    pub fn run(mut self, stop: &Stop) {
        let (answers, pages) = (self.answers.clone(), self.pages.clone());
        while !stop.is_requested() {
            let now = Instant::now();
            self.begin_update(now);
            self.request_page(now);
            self.publish_next_due(now);
            self.report_health(now);
            select! {
                recv(answers) -> answer => match answer {
                    Ok(answer) => self.finish_update(answer),
                    Err(_) => break,
                },
                recv(pages) -> page => match page {
                    Ok(page) => self.store_page(page),
                    Err(_) => break,
                },
                recv(stop.receiver()) -> _ => break,
                default(self.wait_time(now)) => self.compact(),
            }
        }
        // The threads end when their channels close. A hanging call must not delay the stop; its
        // result would be discarded.
        let threads = std::mem::take(&mut self.threads);
        drop(self);
        runtime::join_all(threads, Instant::now() + TICK);
    }

    fn report_health(&self, now: Instant) {
        let mut health = self.health.lock();
        health.turn = Some(now);
        health.unfilled = self.backfill.as_ref().map_or(0, Backfill::left);
    }

    /// How long the loop may wait for an event.
    fn wait_time(&self, now: Instant) -> Duration {
        let mut wait = TICK;
        if self.in_progress.is_none() && !self.position.exhausted {
            wait = wait.min(self.schedule.due().saturating_duration_since(now));
        }
        if self.store.wants_compaction() {
            wait = wait.min(self.compact_after.saturating_duration_since(now));
        }
        wait
    }

    /// Requests the next page of past days, if one is missing.
    fn request_page(&mut self, now: Instant) {
        let Some(backfill) = &mut self.backfill else {
            return;
        };
        let wall = believable_today(Timestamp::now(), self.prices.load().market_now);
        while let Some((symbol, until)) = backfill.next(now, wall, &self.symbols) {
            let asset = self.store.id(&symbol);
            match asset.map(|asset| self.store.filled(asset)).transpose() {
                Ok(Some(filled)) if filled.to < Some(until) => {
                    return backfill.ask(BackfillTask {
                        symbol,
                        after: filled.to,
                        until,
                    });
                }
                Ok(_) => backfill.skip(),
                Err(error) => {
                    return backfill.failed(&symbol, &ProviderError::Broken(error.to_string()));
                }
            }
        }
    }

    /// Stores a page of past days.
    fn store_page(&mut self, answer: BackfillResult) {
        let Some(backfill) = &mut self.backfill else {
            return;
        };
        let task = answer.task;
        let prices = self.prices.load();
        let stored = answer.page.and_then(|page| {
            let (Some(asset), Some(page)) = (self.store.id(&task.symbol), page) else {
                return Ok((false, Vec::new()));
            };
            let last = page.bars.last().map(|bar| bar.time);
            let more = page.more;
            let known = prices.actions(&task.symbol);
            let own = |action: &Action| action.symbol == task.symbol;
            let told: Vec<Action> = page.actions.into_iter().filter(own).collect();
            let mut actions = news::of_feed(&told, |_| known);
            // Updates bring corrections, which the ledger has to follow.
            actions.retain(|action| known.iter().all(|other| other.id != action.id));
            let page = BarPage {
                asset,
                bars: page.bars,
                resolution: page.resolution,
                to: if more { last } else { Some(task.until) },
                whole: !more,
                actions: actions.clone(),
            };
            let failed =
                |error: StorageError| ProviderError::Broken(format!("our database: {error}"));
            self.store.fill(&[page]).map_err(failed)?;
            Ok((more, actions))
        });
        match stored {
            Ok((more, actions)) => {
                backfill.stored(more);
                if !actions.is_empty() {
                    let mut snapshot = (*prices).clone();
                    snapshot.add_actions(&actions);
                    self.prices.store(Arc::new(snapshot));
                }
            }
            Err(failure) => backfill.failed(&task.symbol, &failure),
        }
    }

    /// Sends a task to the retrieval thread when an update is due and none is in progress.
    fn begin_update(&mut self, now: Instant) {
        if self.in_progress.is_some() || self.position.exhausted && self.starting.is_none() {
            return;
        }
        if now < self.schedule.due() {
            return;
        }
        let began_stamp = Timestamp::now();
        let missed = self.schedule.begin(now);
        if missed > 0 {
            self.health.lock().missed += missed;
            crate::warn!("{missed} updates were skipped: the one before them took too long");
        }
        self.publish_next_due(now);
        let interval = self.config.update_interval;
        let task = RetrievalTask {
            symbols: Arc::clone(&self.symbols),
            after: self.position.time,
            // Replay files may have grown while the master was stopped. An API is asked only for
            // actions since the last step.
            actions_after: self
                .position
                .time
                .filter(|_| self.actions_checked || self.backfill.is_some()),
            last: self.prices.load(),
            deadline: now + (interval * 3 / 4).clamp(RETRIEVAL_TIMEOUT_MIN, RETRIEVAL_TIMEOUT_MAX),
        };
        if self.tasks.try_send(task).is_ok() {
            self.in_progress = Some((now, began_stamp));
        }
    }

    /// Publishes the time at which the next update is due, if it is another: by another update, or
    /// because the clock was set.
    fn publish_next_due(&self, now: Instant) {
        if self.position.exhausted {
            return;
        }
        let due = self.schedule.due().saturating_duration_since(now);
        let due = Timestamp::now()
            .0
            .saturating_add(i64::try_from(due.as_millis()).unwrap_or(i64::MAX));
        let published = self.next.load(Ordering::Relaxed);
        let is_overdue = self.schedule.due() <= now;
        if due.saturating_sub(published).abs() > DUE_TOLERANCE_MS && !is_overdue {
            self.next.store(due, Ordering::Relaxed);
        }
    }

    /// Checks, commits and publishes a retrieval's result.
    fn finish_update(&mut self, answer: RetrievalResult) {
        let Some((began, began_stamp)) = self.in_progress.take() else {
            return;
        };
        self.log_changes(&answer);
        if !answer.served.is_empty() {
            let actions = self.new_actions(&answer);
            let mut snapshot = self.prices.load().next();
            snapshot.add_actions(&actions);
            let bars = self.accepted_bars(&answer, &snapshot);
            let position = UpdatePosition {
                number: self.position.number + 1,
                time: answer.now.or(self.position.time),
                exhausted: answer.exhausted,
            };
            let plain: Vec<(Symbol, Bar)> = bars
                .iter()
                .map(|(symbol, _, bar)| (*symbol, *bar))
                .collect();
            match self.store.commit(&position, &plain, &actions) {
                Ok(()) => {
                    self.position = position;
                    self.actions_checked = true;
                    self.publish((began, began_stamp), snapshot, &bars, actions, &answer);
                }
                // Nothing was published, so nothing is lost: the next update tries again.
                Err(error) => {
                    crate::error!("update {} could not be stored: {error}", position.number)
                }
            }
        }
        self.starting = None;
    }

    /// Replaces the snapshot and sends the update to the other modules.
    fn publish(
        &mut self,
        (began, began_stamp): (Instant, Timestamp),
        mut snapshot: PriceSnapshot,
        bars: &[(Symbol, MarketClock, Bar)],
        actions: Vec<Action>,
        answer: &RetrievalResult,
    ) {
        if answer.market.is_some() && snapshot.market != answer.market {
            let until = self.prices.load().market_now;
            crate::warn!(
                "the replay has ended with the prices of {until}; its market goes on as a simulated one"
            );
        }
        for (symbol, clock, bar) in bars {
            snapshot.apply(symbol, bar, *clock == MarketClock::Real);
            snapshot.set_delay(
                symbol,
                answer.delays.get(symbol).copied().unwrap_or_default(),
            );
        }
        snapshot.number = self.position.number;
        snapshot.exhausted = self.position.exhausted;
        snapshot.steps_left = answer.steps_left;
        snapshot.market = answer.market;
        snapshot.published = Timestamp::now();
        let limit = self
            .config
            .update_interval
            .as_millis()
            .saturating_mul(self.config.assets.stale_after.into());
        snapshot.mark_stale(i64::try_from(limit).unwrap_or(i64::MAX));
        if snapshot.exhausted {
            self.next.store(i64::MAX, Ordering::Relaxed);
            crate::warn!(
                "the replay has ended: the prices of {} stay, and orders are refused",
                snapshot.market_now
            );
        } else if let Some(left @ 1..=LAST_UPDATES) = answer.steps_left
            && self.config.time_to_end(answer.steps_left).is_some()
            && !self.end_announced
        {
            self.end_announced = true;
            crate::warn!(
                "the replay ends after {left} more updates: then prices stay, and orders are refused"
            );
        }
        let snapshot = Arc::new(snapshot);
        self.prices.store(Arc::clone(&snapshot));
        let update = Update {
            number: snapshot.number,
            began,
            began_stamp,
            published: snapshot.published,
            snapshot,
            actions: actions.into(),
        };
        let number = update.number;
        send_update(
            &self.channels.transactions,
            TransactionsMessage::Update(update.clone()),
            number,
        );
        send_update(
            &self.channels.workers,
            WorkersMessage::Update(update),
            number,
        );
    }

    /// The received actions of listed assets that are not in force yet, or have other terms there.
    fn new_actions(&self, answer: &RetrievalResult) -> Vec<Action> {
        let prices = self.prices.load();
        let is_listed = |action: &&Action| self.store.id(&action.symbol).is_some();
        let told: Vec<Action> = answer.actions.iter().filter(is_listed).copied().collect();
        let mut news = news::of_feed(&told, |symbol| prices.actions(symbol));
        for action in &mut news {
            let known = prices.actions(&action.symbol);
            if let Some(before) = known.iter().find(|other| other.id == action.id) {
                crate::warn!(
                    "{}: corrected: {} of {} is now {} of {}",
                    action.symbol,
                    before.kind,
                    before.time,
                    action.kind,
                    action.time
                );
            }
            let entry = prices.entry(&action.symbol);
            let quote = entry.and_then(|entry| entry.quote);
            action.is_late = news::is_late(action, known, quote.map(|quote| quote.time));
        }
        news
    }

    /// The bars that pass the checks against `prices`, which have the update's actions in force.
    fn accepted_bars(
        &mut self,
        answer: &RetrievalResult,
        prices: &PriceSnapshot,
    ) -> Vec<(Symbol, MarketClock, Bar)> {
        let now = Timestamp::now();
        let mut good = Vec::with_capacity(answer.bars.len());
        let mut bad = Vec::new();
        let mut taken: HashSet<Symbol> = HashSet::with_capacity(answer.bars.len());
        for (symbol, clock, bar) in &answer.bars {
            let (Some(entry), true) = (prices.entry(symbol), taken.insert(*symbol)) else {
                continue;
            };
            let verdict = match bar {
                Ok(bar) => {
                    let close = prices.in_units_of_today(symbol, bar.quote());
                    (check::check(entry, bar, close, *clock, now), Some(bar))
                }
                Err(reason) => (check::BarCheck::Invalid(reason.clone()), None),
            };
            match verdict {
                (check::BarCheck::Accept, Some(bar)) => {
                    self.doubts.remove(symbol);
                    good.push((*symbol, *clock, *bar));
                }
                (check::BarCheck::Doubtful(reason), Some(bar)) => {
                    let times = self.doubts.entry(*symbol).or_default();
                    *times += 1;
                    if *times >= check::ACCEPTED_AFTER {
                        self.doubts.remove(symbol);
                        good.push((*symbol, *clock, *bar));
                    } else {
                        bad.push((*symbol, reason));
                    }
                }
                (check::BarCheck::Invalid(reason), _) => bad.push((*symbol, reason)),
                (
                    check::BarCheck::Unchanged
                    | check::BarCheck::Accept
                    | check::BarCheck::Doubtful(_),
                    _,
                ) => {}
            }
        }
        let named: Vec<String> = bad
            .iter()
            .take(NAMED_MAX)
            .map(|(symbol, why)| format!("{symbol}: {why}"))
            .collect();
        let mut health = self.health.lock();
        health.refused += bad.len() as u64;
        health.refused_now.clone_from(&named);
        drop(health);
        let names: Vec<Symbol> = bad.iter().map(|(symbol, _)| *symbol).collect();
        if !bad.is_empty() && names != self.warned {
            crate::warn!(
                "{} of {} prices were refused: {}",
                bad.len(),
                answer.bars.len(),
                named.join("; ")
            );
        }
        self.warned = names;
        good
    }

    /// Logs changes in the providers' health.
    fn log_changes(&self, answer: &RetrievalResult) {
        let failures: Vec<(String, String)> = answer
            .failures
            .iter()
            .map(|(name, failure)| ((*name).to_owned(), failure.to_string()))
            .collect();
        let mut health = self.health.lock();
        if failures != health.failures {
            for (name, failure) in &failures {
                crate::warn!("provider {name} failed: {failure}");
            }
        }
        if answer.served != health.served && !answer.served.is_empty() {
            crate::info!("prices come from {}", answer.served.join(", "));
        }
        if answer.served.is_empty() {
            crate::warn!("no provider answered; the prices in force stay");
        } else {
            health.served.clone_from(&answer.served);
        }
        health.failures = failures;
        if !answer.served.is_empty() {
            for text in &answer.unapplied {
                if !health.unapplied.contains(text) {
                    crate::warn!("{text}");
                }
            }
            health.unapplied.clone_from(&answer.unapplied);
        }
    }

    /// Moves a slice of bars to the tables for reading.
    fn compact(&mut self) {
        let now = Instant::now();
        if !self.store.wants_compaction() || now < self.compact_after {
            return;
        }
        self.compact_after = match self.store.compact() {
            Ok(_) => Instant::now() + COMPACT_INTERVAL,
            Err(error) => {
                crate::error!("moving past prices: {error}");
                now + COMPACT_RETRY_INTERVAL
            }
        };
    }
}

/// Sends an update to a module. If its inbox stays full, this module misses this update.
/// What counts as now for past days: not beyond the day after the newest price. A clock that is days
/// ahead would else make days count as fetched before they were.
fn believable_today(wall: Timestamp, market_now: Timestamp) -> Timestamp {
    /// A day's end, and the time for its corrections.
    const DAYS_PAST: i64 = 2;
    if market_now == Timestamp::MIN {
        return wall;
    }
    wall.min(market_now.day().plus_days(DAYS_PAST))
}

fn send_update<T>(inbox: &Sender<T>, message: T, number: u64) {
    if inbox.send_timeout(message, SEND_TIMEOUT).is_err() {
        crate::error!("update {number} was lost for a module: its inbox is full");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_days_ahead_does_not_make_days_of_the_future_past() {
        let at = |text| Timestamp::parse(text).unwrap();
        let friday = at("2024-03-01T21:00:00Z");
        for (wall, today) in [
            ("2024-03-01T21:00:05Z", "2024-03-01T21:00:05Z"),
            ("2024-03-02T03:00:00Z", "2024-03-02T03:00:00Z"),
            ("2024-03-04T14:00:00Z", "2024-03-03"),
            ("2031-01-01", "2024-03-03"),
            ("1970-01-01", "1970-01-01"),
        ] {
            assert_eq!(believable_today(at(wall), friday), at(today), "{wall}");
        }
        let wall = at("2031-01-01");
        assert_eq!(
            believable_today(wall, Timestamp::MIN),
            wall,
            "nothing is known"
        );
    }
}
