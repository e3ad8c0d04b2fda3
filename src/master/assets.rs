//! spec/master/assets.md · 3.1.6 Assets Data Retrieval, 2.3.1, 2.3.4
//!
//! Retrieves prices at the update interval, stores them, keeps the current ones in memory, and answers
//! questions about past ones.

pub mod adjust;
pub mod alpaca;
pub mod binance;
pub mod budget;
pub mod check;
pub mod forecast;
pub mod http;
pub mod market_file;
pub mod opening;
pub mod past;
pub mod provider;
pub mod replay;
pub mod retrieval;
pub mod schedule;
pub mod settings;
pub mod simulated;
pub mod snapshot;
pub mod store;
pub mod window;

pub use alpaca::AlpacaConfig;
pub use binance::BinanceConfig;
pub use opening::{OpenFault, open};
pub use provider::{Action, ActionKind, ConfigFault};
pub use replay::{ReplayConfig, Wanted};
pub use settings::{AssetsConfig, ProviderConfig};
pub use simulated::SimulatedConfig;
pub use snapshot::{Entry, Fill, Snapshot, SnapshotCell};

use crate::model::money::MILLION;
use crate::model::{Bar, Reason, Stamp, Symbol};
use crate::thread::{self, Handle, Heart, Stop, TICK};
use crate::wire::payload::Forecast;
use crate::wire::{Refusal, Window};
use budget::{Account, Budget};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, select};
use past::{Filling, PastAnswer, PastTask};
use provider::Clock;
use retrieval::{Answer, Task};
use schedule::Schedule;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use store::{AssetId, Page, Position, Store};

/// Questions that may wait; more are refused as `overloaded` by whoever asks.
pub const INBOX: usize = 4096;

/// Between two slices of moving bars, so that other writers of the database get their turn.
const COMPACT_PAUSE: Duration = Duration::from_millis(20);

/// After a failed compaction (a full disk), the next try.
const COMPACT_RETRY: Duration = Duration::from_secs(10);

/// Retrieval may take this long at most, whatever the interval is.
const RETRIEVAL_MAX: Duration = Duration::from_secs(20);

/// Retrieval may take this long at least: a real API needs it.
const RETRIEVAL_MIN: Duration = Duration::from_secs(2);

/// At most this many assets are named in one warning about junk.
const NAMED: usize = 5;

/// What takes an answer to where it belongs; called once, on the module's thread, so it must not wait.
pub type Reply<T> = Box<dyn FnOnce(Result<T, Refusal>) + Send>;

/// Is told of every update, on the module's thread: puts it on a channel.
pub type Listener = Box<dyn Fn(&Update) + Send>;

/// The module's whole vocabulary.
pub enum Message {
    /// 4.6.9 to 4.6.13: past values, oldest first.
    Window {
        /// Of which asset.
        symbol: Symbol,
        /// Which ones.
        window: Window,
        /// Adjusted for splits and dividends.
        adjusted: bool,
        /// Takes the answer.
        reply: Reply<Vec<Bar>>,
    },
    /// 4.2.2: a predicted future value.
    Predict {
        /// Of which asset.
        symbol: Symbol,
        /// For when.
        date: Stamp,
        /// Takes the answer.
        reply: Reply<Forecast>,
    },
    /// For the administrator.
    Status {
        /// Takes the answer.
        reply: Sender<Status>,
    },
}

/// One update: everything that other modules need of it.
#[derive(Debug, Clone)]
pub struct Update {
    /// Its number; goes on over restarts.
    pub number: u64,
    /// When retrieval began: an order accepted after it waits for the next update.
    pub began: Instant,
    /// The same in wall time.
    pub began_stamp: Stamp,
    /// When its prices were published, in wall time.
    pub published: Stamp,
    /// The prices; `fresh` says which are new, `exhausted` that none will follow.
    pub snapshot: Arc<Snapshot>,
    /// Splits and dividends in force from this update on, to be applied before its prices, in order.
    pub actions: Arc<[Action]>,
}

/// How the module is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Number of the last update.
    pub number: u64,
    /// Assets on the list.
    pub assets: usize,
    /// Assets that have a price.
    pub priced: usize,
    /// Assets that got a price in the last update.
    pub fresh: usize,
    /// When the last update was published, in wall time.
    pub published: Stamp,
    /// When the next is due, in wall time; `None` after the last.
    pub next: Option<Stamp>,
    /// Which providers served the last update.
    pub served: Vec<&'static str>,
    /// What is wrong with which provider.
    pub failures: Vec<(String, String)>,
    /// Bars refused as junk since the start.
    pub refused: u64,
    /// Points of the schedule that were missed since the start.
    pub missed: u64,
    /// Each API's budget of calls.
    pub calls: Vec<(&'static str, Account)>,
    /// Assets of which past days are still being fetched.
    pub unfilled: usize,
}

/// How the rest of the master reaches the module.
#[derive(Debug, Clone)]
pub struct AssetsHandle {
    sender: Sender<Message>,
    prices: Arc<SnapshotCell>,
    next: Arc<AtomicI64>,
    ready: Receiver<()>,
}

impl AssetsHandle {
    /// Its inbox; send with `try_send`, and refuse as `overloaded` when it is full.
    pub fn sender(&self) -> &Sender<Message> {
        &self.sender
    }

    /// The prices now in force: for the list, current values, and latest info, without asking the module.
    pub fn prices(&self) -> Arc<Snapshot> {
        self.prices.load()
    }

    /// When the next update is due, in wall time; `None` when none follows.
    pub fn next_update(&self) -> Option<Stamp> {
        Some(self.next.load(Ordering::Relaxed))
            .filter(|next| *next != i64::MAX)
            .map(Stamp)
    }

    /// Waits until the first update has been published, or has failed (then what the database held is in
    /// force). Whether that was so by the deadline.
    pub fn wait_ready(&self, deadline: Instant) -> bool {
        !matches!(self.ready.recv_deadline(deadline), Err(RecvTimeoutError::Timeout))
    }
}

/// The module's whole state.
pub struct Assets {
    config: AssetsConfig,
    store: Store,
    symbols: Arc<[Symbol]>,
    prices: Arc<SnapshotCell>,
    position: Position,
    schedule: Schedule,
    next: Arc<AtomicI64>,
    listeners: Vec<Listener>,
    /// Actions that have come into force, by asset, in order of time.
    actions: HashMap<Symbol, Vec<Action>>,
    /// All actions are asked for once after a start: some may have been added late.
    actions_checked: bool,
    /// How often in a row an asset's price was doubted.
    doubts: HashMap<Symbol, u8>,
    tasks: Sender<Task>,
    answers: Receiver<Answer>,
    /// The threads that wait for providers.
    threads: Vec<Handle>,
    /// Past days; absent where the provider had them at hand.
    filling: Option<Filling>,
    pages: Receiver<PastAnswer>,
    budgets: Vec<Arc<Budget>>,
    /// When the retrieval under way began.
    under_way: Option<(Instant, Stamp)>,
    compact_after: Instant,
    /// Dropped after the first update.
    starting: Option<Sender<()>>,
    served: Vec<&'static str>,
    failures: Vec<(String, String)>,
    refused: u64,
    /// The junk that was logged last: the same again is not news.
    told: Vec<Symbol>,
    missed: u64,
}

impl Assets {
    /// Runs until told to stop.
    pub fn run(mut self, inbox: &Receiver<Message>, stop: &Stop, heart: &Heart) {
        let (answers, pages) = (self.answers.clone(), self.pages.clone());
        loop {
            heart.beat();
            if stop.is_requested() {
                break;
            }
            let now = Instant::now();
            self.begin_if_due(now);
            self.fill_if_due(now);
            select! {
                recv(inbox) -> message => match message {
                    Ok(message) => self.handle(message),
                    Err(_) => break,
                },
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
        thread::join_all(threads, Instant::now() + TICK);
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

    fn handle(&mut self, message: Message) {
        match message {
            Message::Window {
                symbol,
                window,
                adjusted,
                reply,
            } => reply(self.window(&symbol, window, adjusted)),
            Message::Predict { symbol, date, reply } => reply(self.predict(&symbol, date)),
            Message::Status { reply } => {
                // Who asked may have gone.
                let _ = reply.try_send(self.status());
            }
        }
    }

    fn asset(&self, symbol: &Symbol) -> Result<AssetId, Refusal> {
        self.store
            .id(symbol)
            .ok_or_else(|| Refusal::new(Reason::UnknownAsset, format!("there is no asset {symbol} here")))
    }

    fn predict(&self, symbol: &Symbol, date: Stamp) -> Result<Forecast, Refusal> {
        let asset = self.asset(symbol)?;
        let too_little = || {
            let text = format!(
                "{symbol} has fewer than {} daily bars to predict from",
                forecast::BARS_MIN
            );
            Refusal::new(Reason::NoData, text)
        };
        let failed = |error| database_failed(symbol, &error);
        let (last, _) = self.store.newest(asset).map_err(failed)?.ok_or_else(too_little)?;
        if date <= last.time {
            return Err(Refusal::new(
                Reason::DateInvalid,
                format!(
                    "the latest bar is of {}; a prediction is for a date after it",
                    last.time
                ),
            ));
        }
        let actions = self.actions.get(symbol).map_or(&[][..], Vec::as_slice);
        let days = forecast::past(&self.store, asset, last.time, actions).map_err(failed)?;
        forecast::forecast(&days, &last, date).ok_or_else(too_little)
    }

    fn window(&self, symbol: &Symbol, window: Window, adjusted: bool) -> Result<Vec<Bar>, Refusal> {
        let asset = self.asset(symbol)?;
        let actions = self.actions.get(symbol).filter(|_| adjusted);
        adjust::bars(&self.store, asset, window, actions.map_or(&[], Vec::as_slice))
            .map_err(|error| database_failed(symbol, &error))
    }

    fn status(&self) -> Status {
        let prices = self.prices.load();
        let count = |what: fn(&Entry) -> bool| prices.entries().iter().filter(|entry| what(entry)).count();
        Status {
            number: prices.number,
            assets: prices.len(),
            priced: count(|entry| entry.quote.is_some()),
            fresh: count(|entry| entry.fresh),
            published: prices.published,
            next: Some(Stamp(self.next.load(Ordering::Relaxed))).filter(|next| next.0 != i64::MAX),
            served: self.served.clone(),
            failures: self.failures.clone(),
            refused: self.refused,
            missed: self.missed,
            calls: self.calls(),
            unfilled: self.filling.as_ref().map_or(0, Filling::left),
        }
    }

    /// What is spent of each API's budget; providers without calls have none.
    fn calls(&self) -> Vec<(&'static str, Account)> {
        let now = Instant::now();
        let named = self.config.providers.iter().zip(&self.budgets);
        let apis = named.filter(|(provider, _)| provider.is_api());
        apis.map(|(provider, budget)| (provider.name(), budget.account(now)))
            .collect()
    }

    /// Asks for the next page of past days, if there is one to ask for.
    fn fill_if_due(&mut self, now: Instant) {
        let Some(filling) = &mut self.filling else { return };
        while let Some((symbol, until)) = filling.next(now, Stamp::now(), &self.symbols) {
            let asset = self.store.id(&symbol);
            match asset.map(|asset| self.store.filled(asset)).transpose() {
                Ok(Some(filled)) if filled.to < Some(until) => {
                    return filling.ask(PastTask {
                        symbol,
                        after: filled.to,
                        until,
                    });
                }
                Ok(_) => filling.skip(),
                Err(error) => {
                    return filling.failed(&symbol, &provider::Failure::Broken(error.to_string()));
                }
            }
        }
    }

    /// Stores a page of past days.
    fn fill(&mut self, answer: PastAnswer) {
        let Some(filling) = &mut self.filling else { return };
        let task = answer.task;
        let stored = answer.page.and_then(|page| {
            let Some(asset) = self.store.id(&task.symbol) else {
                return Ok(false);
            };
            let last = page.bars.last().map(|bar| bar.time);
            let more = page.more;
            let page = Page {
                asset,
                bars: page.bars,
                resolution: page.resolution,
                to: if more { last } else { Some(task.until) },
                whole: !more,
            };
            let failed = |error: rusqlite::Error| provider::Failure::Broken(format!("our database: {error}"));
            self.store.fill(&[page]).map_err(failed)?;
            Ok(more)
        });
        match stored {
            Ok(more) => filling.stored(more),
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
        let began_stamp = Stamp::now();
        let missed = self.schedule.begin(now);
        if missed > 0 {
            self.missed += missed;
            crate::warn!("{missed} updates were left out: the one before them took too long");
        }
        self.note_next();
        let interval = self.config.update_interval;
        let task = Task {
            symbols: Arc::clone(&self.symbols),
            after: self.position.time,
            actions_after: self.position.time.filter(|_| self.actions_checked),
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
        let due = Stamp::now()
            .0
            .saturating_add(i64::try_from(due.as_millis()).unwrap_or(i64::MAX));
        self.next.store(due, Ordering::Relaxed);
    }

    /// Takes in what was retrieved: checked, committed, published, told.
    fn finish(&mut self, answer: Answer) {
        let Some((began, began_stamp)) = self.under_way.take() else {
            return;
        };
        self.report(&answer);
        if !answer.served.is_empty() {
            let actions = self.new_actions(&answer);
            let bars = self.checked(&answer, &actions);
            let position = Position {
                number: self.position.number + 1,
                time: Some(answer.now),
                exhausted: answer.exhausted,
            };
            let plain: Vec<(Symbol, Bar)> = bars.iter().map(|(symbol, _, bar)| (*symbol, *bar)).collect();
            match self.store.commit(&position, &plain, &actions) {
                Ok(()) => {
                    self.position = position;
                    self.actions_checked = true;
                    for action in &actions {
                        let known = self.actions.entry(action.symbol).or_default();
                        known.push(*action);
                        known.sort_by_key(|action| action.time);
                    }
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
        began_stamp: Stamp,
        bars: &[(Symbol, Clock, Bar)],
        actions: Vec<Action>,
    ) {
        let mut snapshot = self.prices.load().next();
        for (symbol, clock, bar) in bars {
            snapshot.take(symbol, bar, *clock == Clock::Real);
        }
        snapshot.number = self.position.number;
        snapshot.exhausted = self.position.exhausted;
        snapshot.published = Stamp::now();
        let limit = self
            .config
            .update_interval
            .as_millis()
            .saturating_mul(self.config.stale_after.into());
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
        for listener in &self.listeners {
            listener(&update);
        }
    }

    /// Of the actions that came, those of listed assets that are not in force yet.
    fn new_actions(&self, answer: &Answer) -> Vec<Action> {
        let mut new: Vec<Action> = Vec::new();
        let mut seen = HashSet::new();
        for action in &answer.actions {
            let known = self
                .actions
                .get(&action.symbol)
                .is_some_and(|known| known.contains(action));
            if !known && self.store.id(&action.symbol).is_some() && seen.insert(*action) {
                new.push(*action);
            }
        }
        new.sort_by_key(|action| (action.time, action.symbol));
        new
    }

    /// The bars that can be believed.
    fn checked(&mut self, answer: &Answer, actions: &[Action]) -> Vec<(Symbol, Clock, Bar)> {
        let prices = self.prices.load();
        let now = Stamp::now();
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
                Err(reason) => (check::Verdict::Junk(reason.clone()), None),
            };
            match verdict {
                (check::Verdict::Take, Some(bar)) => {
                    self.doubts.remove(symbol);
                    good.push((*symbol, *clock, *bar));
                }
                (check::Verdict::Doubt(reason), Some(bar)) => {
                    let times = self.doubts.entry(*symbol).or_default();
                    *times += 1;
                    if *times >= check::BELIEVED_AFTER {
                        self.doubts.remove(symbol);
                        good.push((*symbol, *clock, *bar));
                    } else {
                        bad.push((*symbol, reason));
                    }
                }
                (check::Verdict::Junk(reason), _) => bad.push((*symbol, reason)),
                (check::Verdict::Known | check::Verdict::Take | check::Verdict::Doubt(_), _) => {}
            }
        }
        self.refused += bad.len() as u64;
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
    fn report(&mut self, answer: &Answer) {
        let failures: Vec<(String, String)> = answer
            .failures
            .iter()
            .map(|(name, failure)| ((*name).to_owned(), failure.to_string()))
            .collect();
        if failures != self.failures {
            for (name, failure) in &failures {
                crate::warn!("provider {name} failed: {failure}");
            }
        }
        if answer.served != self.served && !answer.served.is_empty() {
            crate::info!("prices come from {}", answer.served.join(", "));
        }
        if answer.served.is_empty() {
            crate::warn!("no provider answered; the prices in force stay");
        } else {
            self.served.clone_from(&answer.served);
        }
        self.failures = failures;
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

fn database_failed(symbol: &Symbol, error: &rusqlite::Error) -> Refusal {
    crate::error!("reading the past of {symbol}: {error}");
    Refusal::new(Reason::InternalError, "the master could not read its database")
}
