//! spec/master/assets/update.md · 3.1.6 (retrieve data in intervals), 2.3.4
//!
//! The thread that makes updates: it retrieves, checks, commits and publishes. Only this thread
//! writes the module's tables.
//!
//! Tests: `tests/suite/master/assets.rs`.

use super::UpdaterHealth;
use super::backfill::{Backfill, BackfillResult, BackfillTask};
use super::check::{self, BarCheck};
use super::hold::{HeldPrice, HoldDecision, HoldRules, PriceReview};
use super::news;
use super::provider::{HistoryPage, MarketClock, ProviderError};
use super::providers::AssetsConfig;
use super::retrieval::{RetrievalResult, RetrievalTask};
use super::schedule::{UpdateProgress, UpdateSchedule};
use super::snapshot::PriceSnapshot;
use crate::master::messages::{
    MarketRequest, ReviewRequest, TransactionsMessage, Update, UpdateChannels, WorkersMessage,
};
use crate::master::storage::StorageError;
use crate::master::storage::bars::{
    BarPage, BarStore, UnsettledUpdate, UpdateChanges, UpdatePosition,
};
use crate::model::{
    Action, ActionKind, Bar, InLieuPrice, MarketKind, Resolution, Symbol, Timestamp,
};
use crate::runtime::log::Throttle;
use crate::runtime::published::Published;
use crate::runtime::{self, Stop, TICK, ThreadHandle};
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, never, select};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
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
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Milliseconds by which the published time of the next update may be off: less is the rounding of
/// two clocks.
const DUE_TOLERANCE_MS: i64 = 10;

/// Assets named in one warning about refused prices.
const NAMED_MAX: usize = 5;

/// What is said of a paused market.
pub const PAUSED_TEXT: &str = "the market is paused: no update is made, and orders wait; \
     `papertraderctl market resume` lets it go on";

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
    pub(super) progress: Arc<UpdateProgress>,
    pub(super) channels: UpdateChannels,
    /// Assets that were ever listed.
    pub(super) known: HashSet<Symbol>,
    /// Actions in force whose fractions have no price yet.
    pub(super) unpriced: Vec<Action>,
    /// Whether all actions were requested since the start. Some may have been added to a file late.
    pub(super) actions_checked: bool,
    /// Whether the log was told that the market ends soon.
    pub(super) end_announced: bool,
    /// Limits the lines about updates that could not be stored.
    pub(super) store_failures: Throttle,
    /// When a price is held.
    pub(super) rules: HoldRules,
    /// What administrators ask for.
    pub(super) requests: Receiver<MarketRequest>,
    /// Since when the market is paused, wall time; `None` if it is not.
    pub(super) paused: Option<Timestamp>,
    /// Whether the retrieval that runs began before a pause: its answer is passed over.
    pub(super) is_abandoned: bool,
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
    /// An update that transactions had no room for. No other begins until transactions has it.
    pub(super) undelivered: Option<Update>,
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
        let mut requests = self.requests.clone();
        if self.paused.is_some() {
            // The prices of the database are in force.
            self.starting = None;
            crate::warn!("{PAUSED_TEXT}");
        }
        while !stop.is_requested() {
            let now = Instant::now();
            self.deliver_again();
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
                recv(requests) -> request => match request {
                    Ok(request) => self.on_request(&request),
                    Err(_) => requests = never(),
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
        let is_waiting = self.in_progress.is_some() || self.undelivered.is_some();
        if !is_waiting && !self.position.exhausted && self.paused.is_none() {
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
        let prices = self.prices.load();
        let wall = believable_today(Timestamp::now(), prices.market_now);
        while let Some((symbol, until)) = backfill.next(now, wall, &self.symbols) {
            let asset = self.store.id(&symbol);
            let until = prices
                .held()
                .get(&symbol)
                .map_or(until, |held| until.min(days_of(held)));
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
        let task = answer.task;
        let stored = match answer.page {
            Ok(Some(page)) => self.stored_page(&task, page),
            Ok(None) => Ok(false),
            Err(failure) => Err(failure),
        };
        let Some(backfill) = &mut self.backfill else {
            return;
        };
        match stored {
            Ok(more) => backfill.stored(more),
            Err(failure) => backfill.failed(&task.symbol, &failure),
        }
    }

    /// Stores a page of past days, and publishes what it says of today's prices. Returns whether the
    /// asset's past goes on after it.
    fn stored_page(
        &mut self,
        task: &BackfillTask,
        page: HistoryPage,
    ) -> Result<bool, ProviderError> {
        let prices = self.prices.load();
        let Some(asset) = self.store.id(&task.symbol) else {
            return Ok(false);
        };
        // The hold began while the page was fetched.
        if prices
            .held()
            .get(&task.symbol)
            .is_some_and(|held| days_of(held) < task.until)
        {
            return Ok(false);
        }
        let last = page.bars.last().map(|bar| bar.time);
        let more = page.more;
        let known = prices.actions(&task.symbol);
        // The past is adjusted for these alone.
        let is_adjusted = |kind| matches!(kind, ActionKind::Split(_) | ActionKind::Dividend(_));
        let own = |action: &Action| action.symbol == task.symbol && is_adjusted(action.kind);
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
            actions,
        };
        let failed = |error: StorageError| ProviderError::Broken(format!("our database: {error}"));
        self.store
            .fill(std::slice::from_ref(&page))
            .map_err(failed)?;
        // The day before today's prices is on the last page.
        let days = match page.resolution {
            Resolution::Day if !more => page.bars.as_slice(),
            Resolution::Day | Resolution::Tick => &[],
        };
        if !page.actions.is_empty() || !days.is_empty() {
            let mut snapshot = (*prices).clone();
            snapshot.add_actions(&page.actions);
            let has_close = snapshot.learn_days(&task.symbol, days);
            if has_close || !page.actions.is_empty() {
                self.prices.store(Arc::new(snapshot));
            }
        }
        Ok(more)
    }

    /// Sends a task to the retrieval thread when an update is due and none is in progress.
    fn begin_update(&mut self, now: Instant) {
        if self.in_progress.is_some() || self.position.exhausted && self.starting.is_none() {
            return;
        }
        if self.is_abandoned || self.paused.is_some() || self.undelivered.is_some() {
            return;
        }
        if now < self.schedule.due() {
            return;
        }
        // Before the moment is taken: an order that came before it may then count as one after it,
        // but none that came after it as one before.
        self.progress.set_first(self.position.number + 2);
        let (began, began_stamp) = (Instant::now(), Timestamp::now());
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
        // Before the task, so that nobody who could know its prices finds no update under way.
        self.progress.set_under_way(true);
        if self.tasks.try_send(task).is_ok() {
            self.in_progress = Some((began, began_stamp));
        } else {
            self.progress.set_first(self.position.number + 1);
            self.progress.set_under_way(false);
        }
    }

    /// Publishes the time at which the next update is due, if it is another: by another update, or
    /// because the clock was set.
    fn publish_next_due(&self, now: Instant) {
        if self.position.exhausted || self.paused.is_some() {
            return;
        }
        let due = self.schedule.due().saturating_duration_since(now);
        let due = Timestamp::now().after(due);
        let is_told = |told: Timestamp| due.since(told).abs() <= DUE_TOLERANCE_MS;
        let is_overdue = self.schedule.due() <= now;
        if !self.progress.next().is_some_and(is_told) && !is_overdue {
            self.progress.set_next(Some(due));
        }
    }

    /// Checks, commits and publishes a retrieval's result.
    fn finish_update(&mut self, mut answer: RetrievalResult) {
        self.is_abandoned = false;
        let Some((began, began_stamp)) = self.in_progress.take() else {
            return;
        };
        let without_target = self.without_target(&answer.actions);
        answer.unapplied.extend(without_target);
        self.log_changes(&answer);
        if !answer.served.is_empty() {
            let mut actions = self.new_actions(&answer);
            let mut snapshot = self.prices.load().next();
            snapshot.add_actions(&actions);
            let checked = self.checked_bars(&answer, &snapshot);
            let position = UpdatePosition {
                number: self.position.number + 1,
                time: answer.now.or(self.position.time),
                exhausted: answer.exhausted,
            };
            for (symbol, clock, bar) in &checked.good {
                snapshot.apply(symbol, bar, *clock == MarketClock::Real);
                let delay = answer.delays.get(symbol).copied();
                snapshot.set_delay(symbol, delay.unwrap_or_default());
            }
            for (symbol, held) in &checked.holds {
                snapshot.hold(symbol, *held);
            }
            let (priced, unpriced) = self.price_fractions(&snapshot, position.number, &mut actions);
            self.complete(&mut snapshot, &position, &answer);
            let plain = checked.good.iter();
            let changes = UpdateChanges {
                bars: plain.map(|(symbol, _, bar)| (*symbol, *bar)).collect(),
                stale: snapshot.stale_news().collect(),
                unsettled: Some(unsettled(&snapshot, began_stamp)),
                settled: self.progress.settled(),
                actions,
                priced,
                holds: checked.holds,
            };
            match self.store.commit(&position, &changes) {
                Ok(()) => {
                    self.health.lock().store_error = None;
                    self.position = position;
                    self.actions_checked = true;
                    self.unpriced = unpriced;
                    log_holds(&checked.begun, &checked.ended);
                    self.publish((began, began_stamp), snapshot, changes);
                }
                // Nothing was published, so nothing is lost: the next update tries again.
                Err(error) => {
                    if let Some(more) = self.store_failures.allow("update") {
                        let number = position.number;
                        crate::error!("update {number} could not be stored: {error}{more}");
                    }
                    let mut health = self.health.lock();
                    health.not_stored += 1;
                    health.store_error = Some(error.to_string());
                }
            }
        }
        // A retrieval that failed has not used its number up.
        self.progress.set_first(self.position.number + 1);
        self.starting = None;
        self.progress.set_under_way(self.undelivered.is_some());
    }

    /// Gives actions the price of their fractions where it is there: the new ones, and those that
    /// wait for it. Returns the latter ones that have it now, and all that wait for it then.
    fn price_fractions(
        &self,
        snapshot: &PriceSnapshot,
        number: u64,
        new: &mut [Action],
    ) -> (Vec<Action>, Vec<Action>) {
        let price = |action: &mut Action| {
            let value = snapshot.in_lieu_price(action);
            action.in_lieu = value.map(|value| InLieuPrice {
                value,
                update: number,
            });
        };
        let wanting = new.iter_mut().filter(|action| action.wants_price());
        wanting.for_each(price);
        let news: HashSet<_> = new.iter().map(Action::name).collect();
        let mut waiting = self.unpriced.clone();
        waiting.retain(|action| !news.contains(&action.name()));
        waiting.iter_mut().for_each(price);
        let is_priced = |action: &mut Action| action.in_lieu.is_some();
        let priced = waiting.extract_if(.., is_priced).collect();
        waiting.extend(new.iter().filter(|action| action.wants_price()));
        (priced, waiting)
    }

    /// Completes a snapshot with what is not said of each asset.
    fn complete(
        &self,
        snapshot: &mut PriceSnapshot,
        position: &UpdatePosition,
        answer: &RetrievalResult,
    ) {
        snapshot.number = position.number;
        snapshot.exhausted = position.exhausted;
        snapshot.steps_left = answer.steps_left;
        snapshot.market = answer.market;
        snapshot.published = Timestamp::now();
        let limit = self
            .config
            .update_interval
            .as_millis()
            .saturating_mul(self.config.assets.stale_after.into());
        snapshot.mark_stale(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    /// Replaces the snapshot and sends the update to the other modules.
    fn publish(
        &mut self,
        (began, began_stamp): (Instant, Timestamp),
        snapshot: PriceSnapshot,
        changes: UpdateChanges,
    ) {
        let before = self.prices.load();
        if snapshot.market.is_some() && before.market != snapshot.market {
            crate::warn!(
                "the replay has ended with the prices of {}; its market goes on as a simulated one",
                before.market_now
            );
        }
        if snapshot.exhausted {
            self.progress.set_next(None);
            crate::warn!(
                "the replay has ended: the prices of {} stay, and orders are refused",
                snapshot.market_now
            );
        } else if let Some(left @ 1..=LAST_UPDATES) = snapshot.steps_left
            && self.config.time_to_end(snapshot.steps_left).is_some()
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
            actions: [changes.actions, changes.priced].concat().into(),
        };
        let number = update.number;
        self.undelivered = offer(&self.channels.transactions, update.clone(), SEND_TIMEOUT);
        if self.undelivered.is_some() {
            crate::error!(
                "transactions has not taken update {number}, its inbox is full: no other begins before"
            );
        }
        send_update(
            &self.channels.workers,
            WorkersMessage::Update(update),
            number,
        );
    }

    /// Gives transactions the update that it had no room for, if it has some now.
    fn deliver_again(&mut self) {
        let Some(update) = self.undelivered.take() else {
            return;
        };
        self.undelivered = offer(&self.channels.transactions, update, Duration::ZERO);
        if self.undelivered.is_none() {
            self.progress.set_under_way(false);
        }
    }

    fn is_listed(&self, symbol: &Symbol) -> bool {
        self.store.id(symbol).is_some()
    }

    /// Whether accounts may hold an action's asset: one that is listed; or one that was, if the
    /// action is its end, or changes one that was in force.
    fn concerns(&self, action: &Action, prices: &PriceSnapshot) -> bool {
        let is_told = action.kind.is_end() || !prices.actions(&action.symbol).is_empty();
        self.is_listed(&action.symbol) || is_told && self.known.contains(&action.symbol)
    }

    /// Whether the units that an action brings can be held, since their asset is listed.
    fn has_target(&self, action: &Action) -> bool {
        let target = action.kind.target();
        target.is_none_or(|target| self.is_listed(&target))
    }

    /// What is said of actions that bring units of assets that are not listed.
    fn without_target(&self, told: &[Action]) -> Vec<String> {
        let prices = self.prices.load();
        let without = told
            .iter()
            .filter(|action| self.concerns(action, &prices) && !self.has_target(action));
        let said = without.map(|action| {
            format!(
                "{}: {} of {} is not applied: {} is not listed, and its holders keep what they have",
                action.symbol,
                action.kind,
                action.time.date(),
                action.gained()
            )
        });
        said.collect()
    }

    /// The received actions that are not in force yet, or have other terms there.
    fn new_actions(&self, answer: &RetrievalResult) -> Vec<Action> {
        let prices = self.prices.load();
        let told = answer.actions.iter();
        let told = told.filter(|it| self.concerns(it, &prices) && self.has_target(it));
        let told: Vec<Action> = told.copied().collect();
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
            // Splits and dividends are told by the rows that they make.
            if action.kind.cause().is_some() {
                let (symbol, kind, date) = (action.symbol, action.kind, action.time.date());
                crate::info!("{symbol}: {kind}, in force since {date}");
            }
            let touching =
                |symbol: &Symbol| [prices.actions(symbol), prices.arrivals(symbol)].concat();
            let priced = |symbol: &Symbol| prices.last_quote(symbol).map(|quote| quote.time);
            action.is_late = news::is_late_for_any(action, touching, priced);
        }
        news
    }

    /// The bars that pass the checks, and what is held. `prices` have the update's actions in force.
    fn checked_bars(&mut self, answer: &RetrievalResult, prices: &PriceSnapshot) -> CheckedBars {
        let now = Timestamp::now();
        let simulated = Some(MarketKind::Simulated);
        let kind = self
            .config
            .assets
            .providers
            .first()
            .map(|kind| kind.market());
        let is_simulated = answer.market.or(kind) == simulated;
        let mut checked = CheckedBars::default();
        let mut taken: HashSet<Symbol> = HashSet::with_capacity(answer.bars.len());
        for (symbol, clock, bar) in &answer.bars {
            let (Some(entry), true) = (prices.entry(symbol), taken.insert(*symbol)) else {
                continue;
            };
            let held = prices.held().get(symbol);
            let last = held.map(|held| held.bar.time);
            let last = last.max(entry.quote.map(|quote| quote.time));
            let verdict = match bar {
                Ok(bar) => (check::check(last, bar, *clock, now), Some(bar)),
                Err(reason) => (BarCheck::Invalid(reason.clone()), None),
            };
            match verdict {
                (BarCheck::Accept, Some(bar)) if is_simulated => {
                    checked.believe(
                        *symbol,
                        *clock,
                        bar,
                        held.map(|_| "the market is simulated"),
                    );
                }
                (BarCheck::Accept, Some(bar)) => {
                    self.judge(&mut checked, prices, (*symbol, *clock), bar);
                }
                (BarCheck::Invalid(reason), _) => checked.bad.push((*symbol, reason)),
                (BarCheck::Unchanged | BarCheck::Accept, _) => {}
            }
        }
        for (symbol, held) in prices.held() {
            self.judge_again(&mut checked, prices, symbol, held);
        }
        self.report_refused(&checked.bad, answer.bars.len());
        checked
    }

    /// Decides whether a valid bar comes into force or is held.
    fn judge(
        &self,
        checked: &mut CheckedBars,
        prices: &PriceSnapshot,
        (symbol, clock): (Symbol, MarketClock),
        bar: &Bar,
    ) {
        let Some(last) = prices.entry(&symbol).and_then(|entry| entry.quote) else {
            return checked.believe(symbol, clock, bar, None);
        };
        let today = |quote| prices.in_units_of_today(&symbol, quote);
        let held = prices.held().get(&symbol);
        let before = held.map(|held| (held, today(held.level)));
        let close = today(bar.quote());
        match self.rules.decide(last.value, before, bar, close) {
            HoldDecision::Believe => {
                let why = held.map(|held| {
                    if !self.rules.is_far(last.value, close) {
                        "it is near the one before the hold"
                    } else if held.review == PriceReview::Accepted {
                        "an administrator accepts it"
                    } else {
                        "further prices agree with it"
                    }
                });
                checked.believe(symbol, clock, bar, why);
            }
            HoldDecision::Hold(now) => {
                // Of a hold that goes on nothing new is said.
                if held.is_none() {
                    let text = format!("{symbol}: {} after {}", bar.close, last.value);
                    checked.begun.push(text);
                }
                checked.holds.insert(symbol, Some(now));
            }
            HoldDecision::BelieveBefore(now) => {
                if let Some(held) = held {
                    let why = Some("an administrator accepts it");
                    checked.believe(symbol, clock, &held.bar, why);
                    let text = format!("{symbol}: {} after {}", bar.close, held.bar.close);
                    checked.begun.push(text);
                }
                checked.holds.insert(symbol, Some(now));
            }
        }
    }

    /// Believes a held price without a new one: an administrator has accepted it, or a split that
    /// came late explains it. The hold of an asset that has ended since ends without it.
    fn judge_again(
        &self,
        checked: &mut CheckedBars,
        prices: &PriceSnapshot,
        symbol: &Symbol,
        held: &HeldPrice,
    ) {
        let entry = prices.entry(symbol);
        let Some(quote) = entry.and_then(|entry| entry.quote) else {
            return;
        };
        // A fill at a price from before a split would count as one of before it.
        let is_outdated =
            |action: &Action| action.time > held.bar.time && action.kind != ActionKind::Cancel;
        let mut outdated = prices.actions(symbol).iter().filter(|it| is_outdated(it));
        if checked.holds.contains_key(symbol) {
            return;
        }
        if let Some(first) = outdated.next() {
            // No price of it comes any more that could end the hold.
            let end = outdated.chain([first]).find(|action| action.kind.is_end());
            if let Some(end) = end {
                checked.holds.insert(*symbol, None);
                let text = format!("{symbol}: {} is not believed, {}", held.bar.close, end.kind);
                checked.ended.push(text);
            }
            return;
        }
        let close = prices.in_units_of_today(symbol, held.bar.quote());
        let why = if held.review == PriceReview::Accepted {
            "an administrator accepts it"
        } else if !self.rules.is_far(quote.value, close) {
            "a split explains it"
        } else {
            return;
        };
        let clock = if entry.is_some_and(|entry| entry.real_time) {
            MarketClock::Real
        } else {
            MarketClock::Own
        };
        checked.believe(*symbol, clock, &held.bar, Some(why));
    }

    /// Counts and logs the prices that the checks refused.
    fn report_refused(&mut self, bad: &[(Symbol, String)], of: usize) {
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
                "{} of {of} prices were refused: {}",
                bad.len(),
                named.join("; ")
            );
        }
        self.warned = names;
    }

    /// Does what an administrator asks for. Who asked may have gone.
    fn on_request(&mut self, request: &MarketRequest) {
        match request {
            MarketRequest::Review(ReviewRequest {
                symbol,
                review,
                reply,
            }) => {
                let _ = reply.try_send(self.reviewed(symbol, *review));
            }
            MarketRequest::Pause(request) => {
                let done = if request.paused {
                    self.pause()
                } else {
                    self.resume()
                };
                let _ = request.reply.try_send(done);
            }
        }
    }

    fn reviewed(&mut self, symbol: &Symbol, review: PriceReview) -> Result<HeldPrice, String> {
        let prices = self.prices.load();
        if prices.entry(symbol).is_none() {
            return Err(format!("{symbol} is not on the list of assets"));
        }
        let Some(held) = prices.held().get(symbol) else {
            return Err(format!(
                "no price of {symbol} is held; `papertraderctl market review` lists those that are"
            ));
        };
        if self.position.exhausted {
            return Err("the market has ended: no update follows".to_owned());
        }
        let reviewed = HeldPrice { review, ..*held };
        self.store
            .review(symbol, &reviewed)
            .map_err(|error| format!("the database: {error}; nothing has changed"))?;
        let mut snapshot = (*prices).clone();
        snapshot.hold(symbol, Some(reviewed));
        self.prices.store(Arc::new(snapshot));
        Ok(reviewed)
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
        let now = Timestamp::now();
        for name in &answer.served {
            health.served_at.retain(|(other, _)| other != name);
            health.served_at.push((name, now));
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

/// What is kept of an update until it is settled.
fn unsettled(snapshot: &PriceSnapshot, began: Timestamp) -> UnsettledUpdate {
    UnsettledUpdate {
        number: snapshot.number,
        began,
        published: snapshot.published,
        market_time: Some(snapshot.market_now).filter(|now| *now != Timestamp::MIN),
        exhausted: snapshot.exhausted,
        real_time: snapshot.is_real_time(),
    }
}

/// What the checks make of an update's bars.
#[derive(Debug, Default)]
struct CheckedBars {
    /// The bars that come into force.
    good: Vec<(Symbol, MarketClock, Bar)>,
    /// The bars that are refused, each with the reason.
    bad: Vec<(Symbol, String)>,
    /// The prices that are held now; `None` where a hold ends.
    holds: BTreeMap<Symbol, Option<HeldPrice>>,
    /// What is said of holds that begin, and of those that end.
    begun: Vec<String>,
    ended: Vec<String>,
}

impl CheckedBars {
    /// Puts a bar in force. `why` says so where a price of the asset was held.
    fn believe(&mut self, symbol: Symbol, clock: MarketClock, bar: &Bar, why: Option<&str>) {
        self.good.push((symbol, clock, *bar));
        if let Some(why) = why {
            self.holds.insert(symbol, None);
            self.ended.push(format!(
                "{symbol}: {} is in force, because {why}",
                bar.close
            ));
        }
    }
}

/// The last past day that is fetched of an asset whose price is held: the others have that price. They
/// are fetched after the hold, when another day has ended.
fn days_of(held: &HeldPrice) -> Timestamp {
    held.since.day().plus_days(-1)
}

/// Logs the holds that begin and end with an update, some of them by name.
fn log_holds(begun: &[String], ended: &[String]) {
    let named = |texts: &[String]| {
        let shown: Vec<&str> = texts.iter().take(NAMED_MAX).map(String::as_str).collect();
        shown.join("; ")
    };
    if !begun.is_empty() {
        crate::warn!(
            "prices of {} assets are held, they are far from those before; `papertraderctl market \
             review` has them: {}",
            begun.len(),
            named(begun)
        );
    }
    if !ended.is_empty() {
        crate::info!(
            "prices of {} assets are held no longer: {}",
            ended.len(),
            named(ended)
        );
    }
}

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

/// Sends an update to transactions. Returns it if the inbox stays full: the bars of an update that is
/// left out would not be tested against the orders.
fn offer(inbox: &Sender<TransactionsMessage>, update: Update, timeout: Duration) -> Option<Update> {
    let sent = inbox.send_timeout(TransactionsMessage::Update(update), timeout);
    if let Err(SendTimeoutError::Timeout(TransactionsMessage::Update(update))) = sent {
        return Some(update);
    }
    // Sent, or the master stops: then the next process settles it.
    None
}

/// Sends an update to a module. If its inbox stays full, this module misses this update.
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
