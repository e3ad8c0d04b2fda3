//! spec/master/assets.md · 3.1.6 Assets Data Retrieval, 2.3.1, 2.3.4
//!
//! Retrieves prices at the update interval, stores them, keeps the current ones in memory, and answers
//! questions about past ones.

pub mod adjust;
pub mod backfill;
pub mod budget;
pub mod check;
pub mod forecast;
pub mod opening;
pub mod provider;
pub mod providers;
pub mod reader;
pub mod retrieval;
pub mod schedule;
pub mod snapshot;
pub mod store;
pub mod update;
pub mod window;

pub use opening::open;
pub use provider::{Action, ActionKind, AssetsError};
pub use providers::AssetsConfig;
pub use snapshot::{AssetPrice, FillDecision, PriceSnapshot};

use crate::model::{Bar, Reason, Symbol, Timestamp};
use crate::runtime::published::Published;
use crate::runtime::{self, Heartbeat, NextEvent, Stop};
use crate::wire::payload::Forecast;
use crate::wire::{Refusal, Window};
use budget::{CallBudget, CallBudgetStatus};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use parking_lot::Mutex;
use reader::BarReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use store::AssetId;
use update::Updater;

/// Questions that may wait; more are refused as `overloaded` by whoever asks.
pub const INBOX: usize = 4096;

/// The updating thread may take this long for a turn; then the module counts as hanging.
const TURN: Duration = Duration::from_secs(30);

/// At the end, the updating thread may take this long to finish its turn.
const END_TIMEOUT: Duration = Duration::from_secs(4);

/// What takes an answer to where it belongs; called once, on the module's thread, so it must not wait.
pub type AssetReply<T> = Box<dyn FnOnce(Result<T, Refusal>) + Send>;

/// Is told of every update, on the module's thread: puts it on a channel.
pub type UpdateListener = Box<dyn Fn(&Update) + Send>;

/// The module's whole vocabulary.
pub enum AssetsMessage {
    /// 4.6.9 to 4.6.13: past values, oldest first.
    Window {
        /// Of which asset.
        symbol: Symbol,
        /// Which ones.
        window: Window,
        /// Adjusted for splits and dividends.
        adjusted: bool,
        /// Takes the answer.
        reply: AssetReply<Vec<Bar>>,
    },
    /// 4.2.2: a predicted future value.
    Predict {
        /// Of which asset.
        symbol: Symbol,
        /// For when.
        date: Timestamp,
        /// Takes the answer.
        reply: AssetReply<Forecast>,
    },
    /// For the administrator.
    Status {
        /// Takes the answer.
        reply: Sender<AssetsStatus>,
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
    pub began_stamp: Timestamp,
    /// When its prices were published, in wall time.
    pub published: Timestamp,
    /// The prices; `fresh` says which are new, `exhausted` that none will follow.
    pub snapshot: Arc<PriceSnapshot>,
    /// Splits and dividends in force from this update on, to be applied before its prices, in order.
    pub actions: Arc<[Action]>,
}

/// How the module is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsStatus {
    /// Number of the last update.
    pub number: u64,
    /// Assets on the list.
    pub assets: usize,
    /// Assets that have a price.
    pub priced: usize,
    /// Assets that got a price in the last update.
    pub fresh: usize,
    /// When the last update was published, in wall time.
    pub published: Timestamp,
    /// When the next is due, in wall time; `None` after the last.
    pub next: Option<Timestamp>,
    /// Which providers served the last update.
    pub served: Vec<&'static str>,
    /// What is wrong with which provider.
    pub failures: Vec<(String, String)>,
    /// Bars refused as junk since the start.
    pub refused: u64,
    /// Points of the schedule that were missed since the start.
    pub missed: u64,
    /// Each API's budget of calls.
    pub calls: Vec<(&'static str, CallBudgetStatus)>,
    /// Assets of which past days are still being fetched.
    pub unfilled: usize,
}

/// How the rest of the master reaches the module.
#[derive(Debug, Clone)]
pub struct AssetsHandle {
    sender: Sender<AssetsMessage>,
    prices: Arc<Published<PriceSnapshot>>,
    next: Arc<AtomicI64>,
    ready: Receiver<()>,
}

impl AssetsHandle {
    /// Its inbox; send with `try_send`, and refuse as `overloaded` when it is full.
    pub fn sender(&self) -> &Sender<AssetsMessage> {
        &self.sender
    }

    /// The prices now in force: for the list, current values, and latest info, without asking the module.
    pub fn prices(&self) -> Arc<PriceSnapshot> {
        self.prices.load()
    }

    /// When the next update is due, in wall time; `None` when none follows.
    pub fn next_update(&self) -> Option<Timestamp> {
        Some(self.next.load(Ordering::Relaxed))
            .filter(|next| *next != i64::MAX)
            .map(Timestamp)
    }

    /// Waits until the first update has been published, or has failed (then what the database held is in
    /// force). Whether that was so by the deadline.
    pub fn wait_ready(&self, deadline: Instant) -> bool {
        !matches!(self.ready.recv_deadline(deadline), Err(RecvTimeoutError::Timeout))
    }
}

/// What the updating thread tells of its health.
#[derive(Debug, Default)]
struct UpdaterHealth {
    served: Vec<&'static str>,
    failures: Vec<(String, String)>,
    refused: u64,
    missed: u64,
    unfilled: usize,
    /// Its last turn.
    turn: Option<Instant>,
}

impl UpdaterHealth {
    /// Before the first update, with this many assets' past to be filled in.
    fn starting(unfilled: usize) -> UpdaterHealth {
        UpdaterHealth {
            unfilled,
            ..UpdaterHealth::default()
        }
    }
}

/// The module's whole state: what answers questions. What makes the updates is [`Updater`], on a thread of its
/// own beside it.
pub struct Assets {
    config: Arc<AssetsConfig>,
    reader: BarReader,
    prices: Arc<Published<PriceSnapshot>>,
    next: Arc<AtomicI64>,
    budgets: Vec<Arc<CallBudget>>,
    health: Arc<Mutex<UpdaterHealth>>,
    updates: Updater,
}

impl Assets {
    /// Runs until told to stop.
    pub fn run(self, inbox: &Receiver<AssetsMessage>, stop: &Stop, heartbeat: &Heartbeat) {
        let Assets {
            config,
            reader,
            prices,
            next,
            budgets,
            health,
            updates,
        } = self;
        let desk = AssetQueryState {
            config,
            reader,
            prices,
            next,
            budgets,
            health,
        };
        let stopping = stop.clone();
        let updating = match runtime::spawn("assets-updates", move || updates.run(&stopping)) {
            Ok(updating) => updating,
            Err(error) => {
                // Its heart stands still from here on, which ends the process.
                return crate::error!("the thread that updates prices could not be started: {error}");
            }
        };
        while !stop.is_requested() {
            if desk.updates_alive() {
                heartbeat.beat();
            }
            match runtime::next(inbox, stop) {
                NextEvent::Message(message) => desk.handle(message),
                NextEvent::Tick => {}
                NextEvent::Stop => break,
            }
        }
        updating.join(Instant::now() + END_TIMEOUT);
    }
}

/// What answers questions.
struct AssetQueryState {
    config: Arc<AssetsConfig>,
    reader: BarReader,
    prices: Arc<Published<PriceSnapshot>>,
    next: Arc<AtomicI64>,
    budgets: Vec<Arc<CallBudget>>,
    health: Arc<Mutex<UpdaterHealth>>,
}

impl AssetQueryState {
    /// Whether the updating thread turns.
    fn updates_alive(&self) -> bool {
        self.health.lock().turn.is_none_or(|turn| turn.elapsed() < TURN)
    }

    fn handle(&self, message: AssetsMessage) {
        match message {
            AssetsMessage::Window {
                symbol,
                window,
                adjusted,
                reply,
            } => reply(self.window(&symbol, window, adjusted)),
            AssetsMessage::Predict { symbol, date, reply } => reply(self.predict(&symbol, date)),
            AssetsMessage::Status { reply } => {
                // Who asked may have gone.
                let _ = reply.try_send(self.status());
            }
        }
    }

    fn asset(&self, symbol: &Symbol) -> Result<AssetId, Refusal> {
        self.reader
            .id(symbol)
            .ok_or_else(|| Refusal::new(Reason::UnknownAsset, format!("there is no asset {symbol} here")))
    }

    fn predict(&self, symbol: &Symbol, date: Timestamp) -> Result<Forecast, Refusal> {
        let asset = self.asset(symbol)?;
        let too_little = || {
            let text = format!(
                "{symbol} has fewer than {} daily bars to predict from",
                forecast::BARS_MIN
            );
            Refusal::new(Reason::NoData, text)
        };
        let prices = self.prices.load();
        let quote = prices.entry(symbol).and_then(|entry| entry.quote);
        let last = quote.ok_or_else(too_little)?.time;
        if date <= last {
            return Err(Refusal::new(
                Reason::DateInvalid,
                format!("the latest bar is of {last}; a prediction is for a date after it"),
            ));
        }
        let days = self
            .reader
            .view(prices.number)
            .and_then(|view| forecast::past(&view, asset, last, prices.actions(symbol)))
            .map_err(|error| database_failed(symbol, &error))?;
        forecast::forecast(&days, last, date).ok_or_else(too_little)
    }

    fn window(&self, symbol: &Symbol, window: Window, adjusted: bool) -> Result<Vec<Bar>, Refusal> {
        let asset = self.asset(symbol)?;
        let prices = self.prices.load();
        let actions = if adjusted { prices.actions(symbol) } else { &[] };
        self.reader
            .view(prices.number)
            .and_then(|view| adjust::bars(&view, asset, window, actions))
            .map_err(|error| database_failed(symbol, &error))
    }

    fn status(&self) -> AssetsStatus {
        let prices = self.prices.load();
        let health = self.health.lock();
        let count =
            |what: fn(&AssetPrice) -> bool| prices.entries().iter().filter(|entry| what(entry)).count();
        AssetsStatus {
            number: prices.number,
            assets: prices.len(),
            priced: count(|entry| entry.quote.is_some()),
            fresh: count(|entry| entry.fresh),
            published: prices.published,
            next: Some(Timestamp(self.next.load(Ordering::Relaxed))).filter(|next| next.0 != i64::MAX),
            served: health.served.clone(),
            failures: health.failures.clone(),
            refused: health.refused,
            missed: health.missed,
            calls: self.calls(),
            unfilled: health.unfilled,
        }
    }

    /// What is spent of each API's budget; providers without calls have none.
    fn calls(&self) -> Vec<(&'static str, CallBudgetStatus)> {
        let now = Instant::now();
        let named = self.config.assets.providers.iter().zip(&self.budgets);
        let apis = named.filter(|(provider, _)| provider.is_api());
        apis.map(|(provider, budget)| (provider.name(), budget.account(now)))
            .collect()
    }
}

fn database_failed(symbol: &Symbol, error: &rusqlite::Error) -> Refusal {
    crate::error!("reading the past of {symbol}: {error}");
    Refusal::new(Reason::InternalError, "the master could not read its database")
}
