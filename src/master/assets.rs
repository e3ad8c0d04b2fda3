//! spec/master/assets.md · 3.1.6 Assets Data Retrieval, 2.3.1, 2.3.4
//!
//! Retrieves prices at the update interval, stores them, publishes the current ones in memory, and
//! answers queries about past ones. A query never waits for a provider.
//!
//! Tests: `tests/suite/master/assets.rs`.

pub mod adjust;
pub mod backfill;
pub mod budget;
pub mod check;
pub mod forecast;
pub mod hold;
pub mod news;
pub mod opening;
pub mod pause;
pub mod price;
pub mod provider;
pub mod providers;
pub mod queries;
pub mod retrieval;
pub mod schedule;
pub mod snapshot;
pub mod unsettled;
pub mod update;
pub mod window;

pub use opening::{OpenedAssets, open};
pub use provider::AssetsError;
pub use providers::AssetsConfig;
pub use snapshot::{AssetPrice, FillDecision, PriceSnapshot};

use super::messages::{AssetQuery, AssetsMessage, AssetsStatus};
use super::storage::StorageError;
use super::storage::bars::AssetId;
use super::storage::bars::read::BarReader;
use crate::model::{Action, Bar, Reason, Symbol, Timestamp};
use crate::runtime::published::Published;
use crate::runtime::{self, Module, Stop, ThreadHandle};
use crate::wire::payload::Forecast;
use crate::wire::{Refusal, Window};
use budget::{CallBudget, CallBudgetStatus};
use parking_lot::Mutex;
use queries::QueryQueue;
use schedule::UpdateProgress;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use update::Updater;

/// Time limit for one turn of the updating thread's loop; a longer turn counts as hanging.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// Time that the updating thread gets to end its turn when the module stops.
const END_TIMEOUT: Duration = Duration::from_secs(4);

/// Health of the updating thread, as it reports it.
#[derive(Debug, Default)]
struct UpdaterHealth {
    served: Vec<&'static str>,
    failures: Vec<(String, String)>,
    refused: u64,
    missed: u64,
    /// Updates that could not be stored, and why the last one was not.
    not_stored: u64,
    store_error: Option<String>,
    /// When each provider last gave prices.
    served_at: Vec<(&'static str, Timestamp)>,
    unfilled: usize,
    input_warnings: Vec<String>,
    /// The prices that the last update refused, each with the reason; the first few of them.
    refused_now: Vec<String>,
    /// What is said of corporate actions that are not applied.
    unapplied: Vec<String>,
    /// Beginning of its last turn.
    turn: Option<Instant>,
}

impl UpdaterHealth {
    /// Health before the first update; `unfilled` is the number of assets whose past is missing,
    /// `input_warnings` what is said of inputs that are not used.
    fn starting(unfilled: usize, input_warnings: Vec<String>) -> UpdaterHealth {
        UpdaterHealth {
            unfilled,
            input_warnings,
            ..UpdaterHealth::default()
        }
    }
}

/// The module's state: everything needed to answer queries. [`Updater`] makes the updates on a
/// thread of its own.
pub struct Assets {
    config: Arc<AssetsConfig>,
    reader: BarReader,
    prices: Arc<Published<PriceSnapshot>>,
    progress: Arc<UpdateProgress>,
    budgets: Vec<Arc<CallBudget>>,
    health: Arc<Mutex<UpdaterHealth>>,
    updating: Option<ThreadHandle>,
    queries: QueryQueue,
}

impl Module for Assets {
    type Message = AssetsMessage;
    /// Queries that are put in turn before the next one is answered at most.
    const BATCH_MAX: usize = 1024;

    fn on_message(&mut self, message: AssetsMessage) {
        match message {
            AssetsMessage::Query(asker, query) => self.queries.push(asker, query),
            AssetsMessage::Status { reply } => {
                // The requester may have disconnected.
                let _ = reply.try_send(self.status());
            }
        }
    }

    /// Answers one query.
    fn on_turn_end(&mut self) {
        match self.queries.take() {
            Some(AssetQuery::Window {
                symbol,
                window,
                adjusted,
                reply,
            }) => reply(self.window(&symbol, window, adjusted)),
            Some(AssetQuery::Predict {
                symbol,
                date,
                reply,
            }) => reply(self.predict(&symbol, date)),
            None => {}
        }
    }

    fn has_work(&self) -> bool {
        !self.queries.is_empty()
    }

    /// Whether the updating thread makes progress.
    fn is_alive(&self) -> bool {
        self.health
            .lock()
            .turn
            .is_none_or(|turn| turn.elapsed() < TURN_TIMEOUT)
    }

    fn on_stop(&mut self) {
        if let Some(updating) = self.updating.take() {
            updating.join(Instant::now() + END_TIMEOUT);
        }
    }
}

impl Assets {
    /// Starts the thread that makes updates until `stop` is requested.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn start_updates(&mut self, updater: Updater, stop: &Stop) -> io::Result<()> {
        let stop = stop.clone();
        self.updating = Some(runtime::spawn("assets-updates", move || {
            updater.run(&stop)
        })?);
        Ok(())
    }

    fn asset(&self, symbol: &Symbol) -> Result<AssetId, Refusal> {
        self.reader
            .id(symbol)
            .ok_or_else(|| Refusal::unknown_asset(symbol))
    }

    fn predict(&mut self, symbol: &Symbol, date: Timestamp) -> Result<Forecast, Refusal> {
        let asset = self.asset(symbol)?;
        let too_little = || {
            let text = format!(
                "{symbol} has fewer than {} daily bars to predict from",
                forecast::BARS_MIN
            );
            Refusal::new(Reason::NoData, text)
        };
        let prices = self.prices.load();
        let (names, actions) = history_of(&prices, *symbol);
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
            .snapshot(prices.number)
            .and_then(|mut view| {
                view.go_on_from(asset, &names)?;
                forecast::past(&mut view, asset, last, &actions)
            })
            .map_err(|error| database_failed(symbol, &error))?;
        forecast::forecast(&days, last, date).ok_or_else(too_little)
    }

    fn window(
        &mut self,
        symbol: &Symbol,
        window: Window,
        adjusted: bool,
    ) -> Result<Vec<Bar>, Refusal> {
        let asset = self.asset(symbol)?;
        let prices = self.prices.load();
        let (names, mut actions) = history_of(&prices, *symbol);
        if !adjusted {
            actions.clear();
        }
        self.reader
            .snapshot(prices.number)
            .and_then(|mut view| {
                view.go_on_from(asset, &names)?;
                adjust::bars(&mut view, asset, window, &actions)
            })
            .map_err(|error| database_failed(symbol, &error))
    }

    fn status(&self) -> AssetsStatus {
        let prices = self.prices.load();
        let health = self.health.lock();
        let count = |what: fn(&AssetPrice) -> bool| {
            prices.entries().iter().filter(|entry| what(entry)).count()
        };
        AssetsStatus {
            number: prices.number,
            assets: prices.len(),
            priced: count(|entry| entry.quote.is_some()),
            fresh: count(|entry| entry.fresh),
            published: prices.published,
            next: self.progress.next(),
            served: health.served.clone(),
            failures: health.failures.clone(),
            refused: health.refused,
            missed: health.missed,
            not_stored: health.not_stored,
            store_error: health.store_error.clone(),
            served_at: health.served_at.clone(),
            calls: self.calls(),
            unfilled: health.unfilled,
            steps_left: prices.steps_left,
            ends_in: self.config.time_to_end(prices.steps_left),
            market: prices
                .market
                .or_else(|| Some(self.config.assets.providers.first()?.market())),
            state: prices.state(),
            paused: prices.paused,
            market_time: Some(prices.market_now).filter(|now| *now != Timestamp::MIN),
            input_warnings: [&*health.input_warnings, &*health.refused_now].concat(),
            unapplied: health.unapplied.clone(),
        }
    }

    /// Calls made and allowed for each API. Providers that call no API are left out.
    fn calls(&self) -> Vec<(&'static str, CallBudgetStatus)> {
        let now = Instant::now();
        let named = self.config.assets.providers.iter().zip(&self.budgets);
        let apis = named.filter(|(provider, _)| provider.is_api());
        apis.map(|(provider, budget)| (provider.name(), budget.account(now)))
            .collect()
    }
}

/// The names that an asset had before, each with the time of its end, and the actions in force of
/// all of them, in order of time.
fn history_of(prices: &PriceSnapshot, symbol: Symbol) -> (Vec<(Symbol, Timestamp)>, Vec<Action>) {
    let names = prices.earlier_names(symbol);
    let mut actions = prices.actions(&symbol).to_vec();
    for (name, until) in &names {
        let own = prices.actions(name).iter();
        actions.extend(own.filter(|action| action.time <= *until));
    }
    actions.sort_by_key(Action::place);
    (names, actions)
}

fn database_failed(symbol: &Symbol, error: &StorageError) -> Refusal {
    crate::error!("reading the past of {symbol}: {error}");
    Refusal::not_read()
}
