//! spec/master/assets.md · 3.1.1 (initialise states), 2.3.1, 2.3.4
//!
//! Starts the module: providers, list of assets, past values, and the last published prices.
//!
//! Tests: `tests/suite/master/assets.rs`.

use super::backfill::{self, Backfill, BackfillResult, BackfillSource};
use super::budget::{CallBudget, Purpose};
use super::hold::HoldRules;
use super::provider::{AssetsError, HistoryRequest, MarketClock, Provider};
use super::providers::{self, AssetsConfig, PreparedProviders};
use super::queries::QueryQueue;
use super::retrieval::{Retrieval, RetrievalResult, RetrievalTask};
use super::schedule::{UpdateProgress, UpdateSchedule};
use super::snapshot::PriceSnapshot;
use super::unsettled::UnsettledUpdates;
use super::update::Updater;
use super::{Assets, UpdaterHealth};
use crate::config::{AssetSettings, SymbolSelection};
use crate::daemon::StartProgress;
use crate::master::messages::{
    ASSETS_INBOX_MAX, AssetsHandle, AssetsMessage, MARKET_REQUESTS_MAX, UpdateChannels,
};
use crate::master::storage::bars::read::{BarReader, BarSnapshot};
use crate::master::storage::bars::{BarPage, BarStore, UpdateChanges, UpdatePosition};
use crate::master::storage::positions::{OwnedAsset, unlisted_texts};
use crate::master::storage::{Reader, Storage};
use crate::model::{Action, ActionKind, AssetDescription, Quote, Symbol, Timestamp};
use crate::runtime;
use crate::runtime::log::Throttle;
use crate::runtime::published::Published;
use crossbeam_channel::{Receiver, Sender, bounded, never};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time limit for a provider's list of assets.
const LIST_TIMEOUT: Duration = Duration::from_secs(20);

/// Approximate number of back-filled bars in one commit.
const COMMIT_BARS_MAX: usize = 250_000;
/// Most lines a minute about updates that could not be stored.
const STORE_FAILURES_LOGGED_MAX: u32 = 5;

/// The module before its threads run.
pub struct OpenedAssets {
    /// Answers queries.
    pub assets: Assets,
    /// Makes the updates; passed to [`Assets::start_updates`].
    pub updater: Updater,
    /// Access for other modules.
    pub handle: AssetsHandle,
    /// Inbox for their messages.
    pub inbox: Receiver<AssetsMessage>,
    /// The updates that the ledger has not settled.
    pub unsettled: UnsettledUpdates,
}

/// Opens the module and restores the last published prices. [`Assets::start_updates`] then makes
/// the first update at once. The database's migrations must have been applied.
///
/// # Errors
/// A provider fails, or the database does.
pub fn open(
    config: AssetsConfig,
    PreparedProviders { budgets, providers }: PreparedProviders,
    storage: Storage,
    reader: Reader,
    channels: UpdateChannels,
) -> Result<OpenedAssets, AssetsError> {
    let mut input_warnings = logged_warnings(&providers);
    let described = descriptions(&providers);
    let mut retrieval = Retrieval::new(providers, config.update_interval);
    let stored = (storage, reader, described);
    let mut market = stored_market(&config, &mut retrieval, stored, &mut input_warnings)?;
    let waiting = start_waiting(&config, &budgets, retrieval, market.real)?;
    let (sender, inbox) = bounded(ASSETS_INBOX_MAX);
    let (requests, requested) = bounded(MARKET_REQUESTS_MAX);
    let (starting, ready) = bounded(0);
    let prices = Arc::new(Published::new(Arc::clone(&market.prices)));
    let progress = Arc::new(market.progress());
    let handle = AssetsHandle {
        sender,
        requests,
        prices: Arc::clone(&prices),
        progress: Arc::clone(&progress),
        ready,
    };
    let now = Instant::now();
    let config = Arc::new(config);
    let health = market.health(input_warnings);
    let updater = Updater {
        known: market.store.known()?.into_iter().collect(),
        unpriced: market.unpriced,
        schedule: UpdateSchedule::new(config.update_interval, now),
        config: Arc::clone(&config),
        store: market.store,
        symbols: market.symbols.into(),
        prices: Arc::clone(&prices),
        position: market.position,
        progress: Arc::clone(&progress),
        channels,
        actions_checked: false,
        end_announced: false,
        store_failures: Throttle::new(STORE_FAILURES_LOGGED_MAX, Duration::from_secs(60)),
        rules: HoldRules::of(&config.assets),
        requests: requested,
        paused: market.prices.paused,
        is_abandoned: false,
        tasks: waiting.tasks,
        answers: waiting.answers,
        threads: waiting.threads,
        backfill: waiting.backfill,
        pages: waiting.pages,
        health: Arc::clone(&health),
        in_progress: None,
        undelivered: None,
        compact_after: now,
        starting: Some(starting),
        warned: Vec::new(),
    };
    let assets = Assets {
        config,
        reader: market.reader,
        prices,
        progress,
        budgets,
        health,
        updating: None,
        queries: QueryQueue::default(),
    };
    Ok(OpenedAssets {
        assets,
        updater,
        handle,
        inbox,
        unsettled: market.unsettled,
    })
}

/// What the database has of the market, once the past is stored as far as it comes before the start.
struct StoredMarket {
    store: BarStore,
    reader: BarReader,
    /// The assets to retrieve, sorted.
    symbols: Vec<Symbol>,
    position: UpdatePosition,
    /// Whether the providers are real-time.
    real: bool,
    prices: Arc<PriceSnapshot>,
    /// Actions in force whose fractions have no price yet.
    unpriced: Vec<Action>,
    unsettled: UnsettledUpdates,
}

impl StoredMarket {
    /// How far updates are before the first one of this process.
    fn progress(&self) -> UpdateProgress {
        let last = self.position.number;
        let settled = self.unsettled.settled().unwrap_or(last);
        let due = Some(Timestamp::now()).filter(|_| self.prices.paused.is_none());
        UpdateProgress::after(last, settled, due)
    }

    /// The updating thread's health before its first update.
    fn health(&self, input_warnings: Vec<String>) -> Arc<Mutex<UpdaterHealth>> {
        let unfilled = if self.real { self.symbols.len() } else { 0 };
        Arc::new(Mutex::new(UpdaterHealth::starting(
            unfilled,
            input_warnings,
        )))
    }
}

/// Opens the store with its assets, stores the past as far as it comes before the start, and restores
/// the prices.
fn stored_market(
    config: &AssetsConfig,
    retrieval: &mut Retrieval,
    (storage, reader, described): (Storage, Reader, HashMap<Symbol, AssetDescription>),
    input_warnings: &mut Vec<String>,
) -> Result<StoredMarket, AssetsError> {
    let mut store = BarStore::open(storage, keep_ticks(&config.assets))?;
    let symbols = list(config, retrieval, &mut store)?;
    store.set_assets(&symbols)?;
    let owned = store.owned()?;
    input_warnings.splice(0..0, logged_unlisted(&owned, &symbols));
    let mut reader = BarReader::new(reader, store.ids());
    let position = mend_position(&mut store, &mut reader, &symbols)?;
    let real = store_own_past(retrieval, &mut store, &symbols, &position)?;
    let restored = (&owned[..], &position, real);
    let (mut snapshot, unpriced) = restored_snapshot(&mut store, &mut reader, &symbols, restored)?;
    snapshot.describe(described);
    if let Some(pause) = store.paused()? {
        snapshot.paused = Some(pause.since);
        (snapshot.steps_left, snapshot.market) = (pause.steps_left, pause.market);
    }
    let prices = Arc::new(snapshot);
    Ok(StoredMarket {
        unsettled: unsettled_updates(&mut store, &prices)?,
        store,
        reader,
        symbols,
        position,
        real,
        prices,
        unpriced,
    })
}

/// The updates that the ledger has not settled, at these prices.
fn unsettled_updates(
    store: &mut BarStore,
    prices: &Arc<PriceSnapshot>,
) -> Result<UnsettledUpdates, AssetsError> {
    let left = store.unsettled()?;
    let brought = if left.is_empty() {
        Vec::new()
    } else {
        store.actions()?
    };
    Ok(UnsettledUpdates::new(left, Arc::clone(prices), brought))
}

/// Logs what is said of assets that accounts own and that are not on the list, and returns it.
fn logged_unlisted(owned: &[OwnedAsset], listed: &[Symbol]) -> Vec<String> {
    let texts = unlisted_texts(owned, listed);
    for text in &texts {
        crate::warn!("{text}");
    }
    texts
}

/// What providers say of their assets; where several say something, the first.
fn descriptions(providers: &[Box<dyn Provider>]) -> HashMap<Symbol, AssetDescription> {
    let all = providers.iter().rev();
    all.flat_map(|provider| provider.descriptions()).collect()
}

/// Logs what is said of inputs that are strange or not used, and returns it.
fn logged_warnings(providers: &[Box<dyn Provider>]) -> Vec<String> {
    let mut warnings = Vec::new();
    for warning in providers
        .iter()
        .flat_map(|provider| provider.input_warnings())
    {
        crate::warn!("{warning}");
        warnings.push(warning.clone());
    }
    warnings
}

/// The retention of bars at the update interval's frequency, in milliseconds; `None`: for ever.
fn keep_ticks(settings: &AssetSettings) -> Option<i64> {
    let keep = settings.keep_ticks?;
    Some(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX))
}

/// The threads that wait for providers, with their channels.
struct WaitingThreads {
    threads: Vec<runtime::ThreadHandle>,
    tasks: Sender<RetrievalTask>,
    answers: Receiver<RetrievalResult>,
    backfill: Option<Backfill>,
    pages: Receiver<BackfillResult>,
}

/// Starts the thread that retrieves the latest prices and, with real-time providers, the one that
/// fetches past days.
fn start_waiting(
    config: &AssetsConfig,
    budgets: &[Arc<CallBudget>],
    retrieval: Retrieval,
    real: bool,
) -> Result<WaitingThreads, AssetsError> {
    let lists = retrieval.lists();
    let (tasks, todo) = bounded(1);
    let (done, answers) = bounded(1);
    let thread = runtime::spawn("assets-retrieval", move || retrieval.run(&todo, &done))
        .map_err(|error| AssetsError::Failed(format!("starting the retrieval thread: {error}")))?;
    let mut waiting = WaitingThreads {
        threads: vec![thread],
        tasks,
        answers,
        backfill: None,
        pages: never(),
    };
    if real {
        let (backfill, pages, thread) = start_backfill(config, budgets, lists)?;
        waiting.backfill = Some(backfill);
        waiting.pages = pages;
        waiting.threads.push(thread);
    }
    Ok(waiting)
}

/// Starts the thread that fetches past days, with providers of its own.
fn start_backfill(
    config: &AssetsConfig,
    budgets: &[Arc<CallBudget>],
    lists: Vec<Option<Arc<HashSet<Symbol>>>>,
) -> Result<(Backfill, Receiver<BackfillResult>, runtime::ThreadHandle), AssetsError> {
    let providers = providers::build(config, budgets, Purpose::Past)?;
    let sources: Vec<BackfillSource> = providers
        .into_iter()
        .zip(lists)
        .map(|(provider, has)| BackfillSource { provider, has })
        .collect();
    let (tasks, todo) = bounded(1);
    let (done, pages) = bounded(1);
    let thread = runtime::spawn("assets-past", move || backfill::run(sources, &todo, &done))
        .map_err(|error| {
            AssetsError::Failed(format!("starting the thread for past days: {error}"))
        })?;
    Ok((Backfill::new(tasks), pages, thread))
}

/// The assets to retrieve, sorted.
fn list(
    config: &AssetsConfig,
    retrieval: &mut Retrieval,
    store: &mut BarStore,
) -> Result<Vec<Symbol>, AssetsError> {
    let (all, failures) = retrieval.list(Instant::now() + LIST_TIMEOUT);
    for (name, failure) in &failures {
        crate::warn!("provider {name} did not return its list of assets: {failure}");
    }
    let symbols = match &config.assets.symbols {
        SymbolSelection::All if all.is_empty() => {
            crate::warn!(
                "no provider returned a list of assets; the assets of earlier starts are retrieved"
            );
            store.known()?
        }
        SymbolSelection::All => all,
        SymbolSelection::Listed(listed) => {
            let missing: Vec<&str> = listed
                .iter()
                .filter(|symbol| failures.is_empty() && all.binary_search(symbol).is_err())
                .map(Symbol::as_str)
                .collect();
            if !missing.is_empty() {
                crate::warn!(
                    "no provider has {}: they stay without a price",
                    missing.join(", ")
                );
            }
            listed.iter().copied().collect()
        }
    };
    if symbols.is_empty() {
        return Err(AssetsError::Failed(
            "there is no asset to retrieve".to_owned(),
        ));
    }
    Ok(symbols)
}

/// Stores the past of a provider with a clock of its own before anything is published. Returns
/// whether the providers are real-time, so that past days come later.
fn store_own_past(
    retrieval: &mut Retrieval,
    store: &mut BarStore,
    symbols: &[Symbol],
    position: &UpdatePosition,
) -> Result<bool, AssetsError> {
    match retrieval.first() {
        Some(provider) if provider.clock() == MarketClock::Own => {
            store.set_filling(true)?;
            let stored = store_whole_past(provider, store, symbols, position);
            store.set_filling(false)?;
            stored?;
            Ok(false)
        }
        Some(_) | None => Ok(true),
    }
}

/// Stores the whole past of every asset, resuming where an earlier start stopped.
fn store_whole_past(
    provider: &mut dyn Provider,
    store: &mut BarStore,
    symbols: &[Symbol],
    position: &UpdatePosition,
) -> Result<(), AssetsError> {
    let mut waiting: Vec<BarPage> = Vec::new();
    let (mut held, mut total) = (0, 0usize);
    let mut progress = StartProgress::default();
    for (done, symbol) in symbols.iter().enumerate() {
        let Some(asset) = store.id(symbol) else {
            continue;
        };
        let filled = store.filled(asset)?;
        if filled.whole {
            continue;
        }
        let mut after = filled.to;
        loop {
            let page = provider
                .history(&HistoryRequest {
                    symbol: *symbol,
                    after,
                    until: position.time,
                    deadline: Instant::now() + LIST_TIMEOUT,
                })
                .map_err(|failure| {
                    AssetsError::Failed(format!("the past of {symbol}: {failure}"))
                })?;
            after = page.bars.last().map(|bar| bar.time).or(after);
            held += page.bars.len();
            total += page.bars.len();
            waiting.push(BarPage {
                asset,
                to: after,
                bars: page.bars,
                resolution: page.resolution,
                whole: !page.more,
                actions: page.actions,
            });
            if held >= COMMIT_BARS_MAX {
                store.fill(&waiting)?;
                waiting.clear();
                held = 0;
            }
            progress.step(|| {
                let of = symbols.len();
                format!("past prices: {total} bars of {done} of {of} assets stored")
            });
            if !page.more {
                break;
            }
        }
    }
    store.fill(&waiting)?;
    if total > 0 {
        crate::info!(
            "past prices: {total} bars of {} assets stored",
            symbols.len()
        );
    }
    Ok(())
}

/// Mends the position of a replay of the years before 1970. Earlier versions took 1970 for the least
/// time, and so passed over all steps from the first to 1970.
fn mend_position(
    store: &mut BarStore,
    reader: &mut BarReader,
    symbols: &[Symbol],
) -> Result<UpdatePosition, AssetsError> {
    let position = store.position()?;
    if position.time != Some(Timestamp(0)) {
        return Ok(position);
    }
    let mut view = reader.snapshot(u64::MAX)?;
    let mut newest = None;
    for asset in symbols.iter().filter_map(|symbol| store.id(symbol)) {
        let found = view.newest(asset)?;
        newest = newest.max(found.map(|(bar, _)| bar.time));
    }
    drop(view);
    let Some(time) = newest.filter(|time| *time < Timestamp(0)) else {
        return Ok(position);
    };
    crate::warn!("the replay goes on behind {time}: an earlier version passed over what follows");
    let mended = UpdatePosition {
        time: Some(time),
        exhausted: false,
        ..position
    };
    store.commit(&mended, &UpdateChanges::default())?;
    Ok(mended)
}

/// A snapshot of the prices in the database, with the actions that apply to them, and those that
/// updates brought and whose fractions have no price yet.
fn restored_snapshot(
    store: &mut BarStore,
    reader: &mut BarReader,
    symbols: &[Symbol],
    (owned, position, real): (&[OwnedAsset], &UpdatePosition, bool),
) -> Result<(PriceSnapshot, Vec<Action>), AssetsError> {
    let mut snapshot = PriceSnapshot::new(symbols.to_vec());
    let listed: Vec<_> = symbols
        .iter()
        .filter_map(|symbol| Some((symbol, reader.id(symbol)?)))
        .collect();
    let brought = store.actions()?;
    let is_unpriced = |(update, action): &&(u64, Action)| *update > 0 && action.wants_price();
    let unpriced = brought.iter().filter(is_unpriced);
    let unpriced: Vec<Action> = unpriced.map(|(_, action)| *action).collect();
    let actions: Vec<Action> = brought.iter().map(|(_, action)| *action).collect();
    let mut kept: BTreeSet<Symbol> = owned.iter().map(|asset| asset.symbol).collect();
    // The new names inherit these prices.
    let is_rename = |action: &&Action| matches!(action.kind, ActionKind::Rename(_));
    kept.extend(actions.iter().filter(is_rename).map(|action| action.symbol));
    let mut view = reader.snapshot(u64::MAX)?;
    for (symbol, asset) in listed {
        if let Some((bar, day)) = view.newest(asset)? {
            snapshot.restore(symbol, bar.quote(), day, real);
            if let Some(close) = view.close_before(asset, day.time)? {
                snapshot.restore_close(symbol, close);
            }
        }
    }
    let mut unlisted = HashMap::new();
    let is_gone = |symbol: &&Symbol| symbols.binary_search(symbol).is_err();
    for symbol in kept.iter().filter(is_gone) {
        if let Some(asset) = view.ever_listed(symbol)?
            && let Some((bar, _)) = view.newest(asset)?
        {
            unlisted.insert(*symbol, bar.quote());
        }
    }
    snapshot.set_unlisted(unlisted);
    snapshot.number = position.number;
    snapshot.exhausted = position.exhausted;
    snapshot.add_actions(&actions);
    restore_inherited_closes(&mut snapshot, &mut view, symbols)?;
    for (symbol, held) in store.held()? {
        snapshot.hold(&symbol, Some(held));
    }
    Ok((snapshot, unpriced))
}

/// Restores the close of the day before from an asset's earlier names, where it has none of its own.
fn restore_inherited_closes(
    snapshot: &mut PriceSnapshot,
    view: &mut BarSnapshot<'_>,
    symbols: &[Symbol],
) -> Result<(), AssetsError> {
    for symbol in symbols.iter() {
        let day = snapshot.entry(symbol).and_then(|entry| entry.day);
        let Some(day) = day.filter(|_| snapshot.wants_close(symbol)) else {
            continue;
        };
        for (name, _) in snapshot.earlier_names(*symbol) {
            let Some(asset) = view.ever_listed(&name)? else {
                continue;
            };
            if let Some(close) = view.close_before(asset, day.time)? {
                let value = snapshot.in_units_of_today(&name, close);
                snapshot.restore_close(symbol, Quote { value, ..close });
                break;
            }
        }
    }
    Ok(())
}
