//! spec/master/assets/update.md · 3.1.6 (retrieve data in intervals), 2.3.4
//!
//! The thread that makes the updates: retrieval, check, commit, publication. It alone writes the module's tables.

use super::UpdaterHealth;
use super::backfill::{Backfill, BackfillResult, BackfillTask};
use super::check;
use super::provider::{MarketClock, ProviderError};
use super::providers::AssetsConfig;
use super::retrieval::{RetrievalResult, RetrievalTask};
use super::schedule::UpdateSchedule;
use super::snapshot::PriceSnapshot;
use crate::master::messages::{TransactionsMessage, Update, UpdateChannels, WorkersMessage};
use crate::master::storage::StorageError;
use crate::master::storage::bars::{BarPage, BarStore, UpdatePosition};
use crate::model::money::MILLION;
use crate::model::{Action, ActionKind};
use crate::model::{Bar, Symbol, Timestamp};
use crate::runtime::published::Published;
use crate::runtime::{self, Stop, TICK, ThreadHandle};
use crossbeam_channel::{Receiver, Sender, select};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Between two slices of moving bars, so that other writers of the database get their turn.
const COMPACT_PAUSE: Duration = Duration::from_millis(20);

/// After a failed compaction (a full disk), the next try.
const COMPACT_RETRY: Duration = Duration::from_secs(10);

/// Retrieval may take this long at most, whatever the interval is.
const RETRIEVAL_MAX: Duration = Duration::from_secs(20);

/// Retrieval may take this long at least: a real API needs it.
const RETRIEVAL_MIN: Duration = Duration::from_secs(2);

/// A module that takes no update for so long hangs, which the watchdog sees.
const TELL_TIMEOUT: Duration = Duration::from_secs(5);

/// At most this many assets are named in one warning about junk.
const NAMED: usize = 5;

/// What makes the updates: its whole state.
pub struct Updater {
    pub(super) config: Arc<AssetsConfig>,
    pub(super) store: BarStore,
    pub(super) symbols: Arc<[Symbol]>,
    pub(super) prices: Arc<Published<PriceSnapshot>>,
    pub(super) position: UpdatePosition,
    pub(super) schedule: UpdateSchedule,
    pub(super) next: Arc<AtomicI64>,
    pub(super) channels: UpdateChannels,
    /// All actions are asked for once after a start: some may have been added late.
    pub(super) actions_checked: bool,
    /// How often in a row an asset's price was doubted.
    pub(super) doubts: HashMap<Symbol, u8>,
    pub(super) tasks: Sender<RetrievalTask>,
    pub(super) answers: Receiver<RetrievalResult>,
    /// The threads that wait for providers.
    pub(super) threads: Vec<ThreadHandle>,
    /// Past days; absent where the provider had them at hand.
    pub(super) filling: Option<Backfill>,
    pub(super) pages: Receiver<BackfillResult>,
    pub(super) health: Arc<Mutex<UpdaterHealth>>,
    /// When the retrieval under way began.
    pub(super) under_way: Option<(Instant, Timestamp)>,
    pub(super) compact_after: Instant,
    /// Dropped after the first update.
    pub(super) starting: Option<Sender<()>>,
    /// The junk that was logged last: the same again is not news.
    pub(super) told: Vec<Symbol>,
}

impl Updater {
    /// Makes updates until told to stop.
    pub fn run(mut self, stop: &Stop) {
        let (answers, pages) = (self.answers.clone(), self.pages.clone());
        while !stop.is_requested() {
            let now = Instant::now();
            self.begin_if_due(now);
            self.fill_if_due(now);
            self.note_health(now);
            select! {
                recv(answers) -> answer => match answer {
                    Ok(answer) => self.finish(answer),
                    Err(_) => break,
                },
                recv(pages) -> page => match page {
                    Ok(page) => self.fill(page),
                    Err(_) => break,
                },
                recv(stop.receiver()) -> _ => break,
                default(self.patience(now)) => self.compact(),
            }
        }
        // The threads end with their channels. A call that hangs must not hold up the end; its answer would
        // go nowhere.
        let threads = std::mem::take(&mut self.threads);
        drop(self);
        runtime::join_all(threads, Instant::now() + TICK);
    }

    fn note_health(&self, now: Instant) {
        let mut health = self.health.lock();
        health.turn = Some(now);
        health.unfilled = self.filling.as_ref().map_or(0, Backfill::left);
    }

    /// How long to wait for something to happen.
    fn patience(&self, now: Instant) -> Duration {
        let mut wait = TICK;
        if self.under_way.is_none() && !self.position.exhausted {
            wait = wait.min(self.schedule.due().saturating_duration_since(now));
        }
        if self.store.wants_compaction() {
            wait = wait.min(self.compact_after.saturating_duration_since(now));
        }
        wait
    }

    /// Asks for the next page of past days, if there is one to ask for.
    fn fill_if_due(&mut self, now: Instant) {
        let Some(filling) = &mut self.filling else { return };
        while let Some((symbol, until)) = filling.next(now, Timestamp::now(), &self.symbols) {
            let asset = self.store.id(&symbol);
            match asset.map(|asset| self.store.filled(asset)).transpose() {
                Ok(Some(filled)) if filled.to < Some(until) => {
                    return filling.ask(BackfillTask {
                        symbol,
                        after: filled.to,
                        until,
                    });
                }
                Ok(_) => filling.skip(),
                Err(error) => {
                    return filling.failed(&symbol, &ProviderError::Broken(error.to_string()));
                }
            }
        }
    }

    /// Stores a page of past days.
    fn fill(&mut self, answer: BackfillResult) {
        let Some(filling) = &mut self.filling else { return };
        let task = answer.task;
        let prices = self.prices.load();
        let stored = answer.page.and_then(|page| {
            let (Some(asset), Some(page)) = (self.store.id(&task.symbol), page) else {
                return Ok((false, Vec::new()));
            };
            let last = page.bars.last().map(|bar| bar.time);
            let more = page.more;
            let known = prices.actions(&task.symbol);
            let new = |action: &Action| action.symbol == task.symbol && !known.contains(action);
            let actions: Vec<Action> = page.actions.into_iter().filter(new).collect();
            let page = BarPage {
                asset,
                bars: page.bars,
                resolution: page.resolution,
                to: if more { last } else { Some(task.until) },
                whole: !more,
                actions: actions.clone(),
            };
            let failed = |error: StorageError| ProviderError::Broken(format!("our database: {error}"));
            self.store.fill(&[page]).map_err(failed)?;
            Ok((more, actions))
        });
        match stored {
            Ok((more, actions)) => {
                filling.stored(more);
                if !actions.is_empty() {
                    let mut snapshot = (*prices).clone();
                    snapshot.act(&actions);
                    self.prices.store(Arc::new(snapshot));
                }
            }
            Err(failure) => filling.failed(&task.symbol, &failure),
        }
    }

    /// Sends a task to the retrieval thread when an update is due and none is under way.
    fn begin_if_due(&mut self, now: Instant) {
        if self.under_way.is_some() || self.position.exhausted && self.starting.is_none() {
            return;
        }
        if now < self.schedule.due() {
            return;
        }
        let began_stamp = Timestamp::now();
        let missed = self.schedule.begin(now);
        if missed > 0 {
            self.health.lock().missed += missed;
            crate::warn!("{missed} updates were left out: the one before them took too long");
        }
        self.note_next();
        let interval = self.config.update_interval;
        let task = RetrievalTask {
            symbols: Arc::clone(&self.symbols),
            after: self.position.time,
            // A file may have been added to while the master was away; an API is asked for what came since.
            actions_after: self
                .position
                .time
                .filter(|_| self.actions_checked || self.filling.is_some()),
            last: self.prices.load(),
            deadline: now + (interval * 3 / 4).clamp(RETRIEVAL_MIN, RETRIEVAL_MAX),
        };
        if self.tasks.try_send(task).is_ok() {
            self.under_way = Some((now, began_stamp));
        }
    }

    /// Tells readers when the next update is due.
    fn note_next(&self) {
        let due = self.schedule.due().saturating_duration_since(Instant::now());
        let due = Timestamp::now()
            .0
            .saturating_add(i64::try_from(due.as_millis()).unwrap_or(i64::MAX));
        self.next.store(due, Ordering::Relaxed);
    }

    /// Takes in what was retrieved: checked, committed, published, told.
    fn finish(&mut self, answer: RetrievalResult) {
        let Some((began, began_stamp)) = self.under_way.take() else {
            return;
        };
        self.report(&answer);
        if !answer.served.is_empty() {
            let actions = self.new_actions(&answer);
            let bars = self.checked(&answer, &actions);
            let position = UpdatePosition {
                number: self.position.number + 1,
                time: Some(answer.now),
                exhausted: answer.exhausted,
            };
            let plain: Vec<(Symbol, Bar)> = bars.iter().map(|(symbol, _, bar)| (*symbol, *bar)).collect();
            match self.store.commit(&position, &plain, &actions) {
                Ok(()) => {
                    self.position = position;
                    self.actions_checked = true;
                    self.publish(began, began_stamp, &bars, actions);
                }
                // Nothing was published, so nothing is lost: the next update tries again.
                Err(error) => crate::error!("update {} could not be stored: {error}", position.number),
            }
        }
        self.starting = None;
    }

    /// Replaces the snapshot, and tells everybody.
    fn publish(
        &mut self,
        began: Instant,
        began_stamp: Timestamp,
        bars: &[(Symbol, MarketClock, Bar)],
        actions: Vec<Action>,
    ) {
        let mut snapshot = self.prices.load().next();
        for (symbol, clock, bar) in bars {
            snapshot.take(symbol, bar, *clock == MarketClock::Real);
        }
        snapshot.act(&actions);
        snapshot.number = self.position.number;
        snapshot.exhausted = self.position.exhausted;
        snapshot.published = Timestamp::now();
        let limit = self
            .config
            .update_interval
            .as_millis()
            .saturating_mul(self.config.assets.stale_after.into());
        snapshot.judge_age(i64::try_from(limit).unwrap_or(i64::MAX));
        if snapshot.exhausted {
            self.next.store(i64::MAX, Ordering::Relaxed);
            crate::info!("the replay is at its end; prices stay as they are");
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
        tell(
            &self.channels.transactions,
            TransactionsMessage::Update(update.clone()),
            number,
        );
        tell(&self.channels.workers, WorkersMessage::Update(update), number);
    }

    /// Of the actions that came, those of listed assets that are not in force yet.
    fn new_actions(&self, answer: &RetrievalResult) -> Vec<Action> {
        let prices = self.prices.load();
        let mut new: Vec<Action> = Vec::new();
        let mut seen = HashSet::new();
        for action in &answer.actions {
            let known = prices.actions(&action.symbol).contains(action);
            if !known && self.store.id(&action.symbol).is_some() && seen.insert(*action) {
                new.push(*action);
            }
        }
        new.sort_by_key(|action| (action.time, action.symbol));
        new
    }

    /// The bars that can be believed.
    fn checked(&mut self, answer: &RetrievalResult, actions: &[Action]) -> Vec<(Symbol, MarketClock, Bar)> {
        let prices = self.prices.load();
        let now = Timestamp::now();
        let mut scales: HashMap<Symbol, i64> = HashMap::new();
        for action in actions {
            if let ActionKind::Split(ratio) = action.kind {
                let scale = scales.entry(action.symbol).or_insert(MILLION);
                *scale = crate::model::money::share(*scale, ratio.0, MILLION);
            }
        }
        let mut good = Vec::with_capacity(answer.bars.len());
        let mut bad = Vec::new();
        let mut taken: HashSet<Symbol> = HashSet::with_capacity(answer.bars.len());
        for (symbol, clock, bar) in &answer.bars {
            let (Some(entry), true) = (prices.entry(symbol), taken.insert(*symbol)) else {
                continue;
            };
            let scale = scales.get(symbol).copied().unwrap_or(MILLION);
            let verdict = match bar {
                Ok(bar) => (check::check(entry, bar, *clock, scale, now), Some(bar)),
                Err(reason) => (check::BarCheck::Junk(reason.clone()), None),
            };
            match verdict {
                (check::BarCheck::Take, Some(bar)) => {
                    self.doubts.remove(symbol);
                    good.push((*symbol, *clock, *bar));
                }
                (check::BarCheck::Doubt(reason), Some(bar)) => {
                    let times = self.doubts.entry(*symbol).or_default();
                    *times += 1;
                    if *times >= check::BELIEVED_AFTER {
                        self.doubts.remove(symbol);
                        good.push((*symbol, *clock, *bar));
                    } else {
                        bad.push((*symbol, reason));
                    }
                }
                (check::BarCheck::Junk(reason), _) => bad.push((*symbol, reason)),
                (check::BarCheck::Known | check::BarCheck::Take | check::BarCheck::Doubt(_), _) => {}
            }
        }
        self.health.lock().refused += bad.len() as u64;
        let names: Vec<Symbol> = bad.iter().map(|(symbol, _)| *symbol).collect();
        if !bad.is_empty() && names != self.told {
            let named = bad
                .iter()
                .take(NAMED)
                .map(|(symbol, why)| format!("{symbol}: {why}"));
            let named = named.collect::<Vec<_>>().join("; ");
            crate::warn!(
                "{} of {} prices were refused: {named}",
                bad.len(),
                answer.bars.len()
            );
        }
        self.told = names;
        good
    }

    /// Logs what has changed in the providers' health.
    fn report(&self, answer: &RetrievalResult) {
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
    }

    /// Moves some bars to where they can be read quickly.
    fn compact(&mut self) {
        let now = Instant::now();
        if !self.store.wants_compaction() || now < self.compact_after {
            return;
        }
        self.compact_after = match self.store.compact() {
            Ok(_) => Instant::now() + COMPACT_PAUSE,
            Err(error) => {
                crate::error!("moving past prices: {error}");
                now + COMPACT_RETRY
            }
        };
    }
}

/// Puts an update into a module's inbox. One that finds no room is lost to that module, the next one is not.
fn tell<T>(inbox: &Sender<T>, message: T, number: u64) {
    if inbox.send_timeout(message, TELL_TIMEOUT).is_err() {
        crate::error!("update {number} found no room in a module's inbox");
    }
}
