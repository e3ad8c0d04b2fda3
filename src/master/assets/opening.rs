//! spec/master/assets/opening.md · 3.1.1 (initialise states), 2.3.1, 2.3.4
//!
//! Starts the module: providers, list of assets, past values, the prices that were in force last.

use super::provider::{Clock, ConfigFault, HistoryAsk, Provider, Resolution};
use super::replay::{Replay, ReplayConfig, Wanted};
use super::retrieval::Retrieval;
use super::schedule::Schedule;
use super::simulated::{Simulated, SimulatedConfig};
use super::snapshot::{Snapshot, SnapshotCell};
use super::store::{AssetId, Store};
use super::{Action, Assets, AssetsHandle, INBOX, Listener, Message};
use crate::config::{MasterConfig, ProviderKind, Symbols};
use crate::model::{Bar, Symbol};
use crate::thread;
use crossbeam_channel::{Receiver, bounded};
use rusqlite::Connection;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

/// A provider may take this long to tell its list of assets.
const LIST_DEADLINE: Duration = Duration::from_secs(20);

/// Bars that are back-filled in one commit, about.
const FILL_BATCH: usize = 50_000;

/// Progress of a long back-fill is logged this often.
const PROGRESS: Duration = Duration::from_secs(5);

/// The settings of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsConfig {
    /// List of assets to retrieve (2.3.1).
    pub symbols: Wanted,
    /// Providers, best first; at least one.
    pub providers: Vec<ProviderConfig>,
    /// Stock Data Update Interval (2.3.4).
    pub update_interval: Duration,
    /// A real-time price that is older than this many intervals fills nothing.
    pub stale_after: u32,
    /// For how long before its newest bar an asset's bars are kept at the update interval's frequency;
    /// `None` for ever. Daily and monthly bars are kept for ever.
    pub keep_ticks: Option<Duration>,
}

/// One provider's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderConfig {
    /// Prices from files.
    Replay(ReplayConfig),
    /// A random walk.
    Simulated(SimulatedConfig),
}

impl AssetsConfig {
    /// What `master.toml` says.
    ///
    /// # Errors
    /// A provider that cannot be used.
    pub fn of(config: &MasterConfig) -> Result<AssetsConfig, ConfigFault> {
        let assets = &config.assets;
        let mut providers = Vec::new();
        for kind in &assets.providers {
            let settings = match kind {
                ProviderKind::Replay => assets.replay.as_ref().map(|replay| {
                    ProviderConfig::Replay(ReplayConfig {
                        directory: replay.directory.clone(),
                        start: Some(replay.start),
                    })
                }),
                ProviderKind::Simulated => assets.simulated.as_ref().map(|simulated| {
                    ProviderConfig::Simulated(SimulatedConfig {
                        symbols: simulated.symbols,
                        seed: simulated.seed,
                    })
                }),
                ProviderKind::Alpaca | ProviderKind::Binance => None,
            };
            providers.push(settings.ok_or_else(|| {
                ConfigFault::setting(format!(
                    "assets.provider: {kind} is named, and [assets.{kind}] is missing"
                ))
            })?);
        }
        Ok(AssetsConfig {
            symbols: match &assets.symbols {
                Symbols::All => Wanted::All,
                Symbols::List(symbols) => Wanted::Listed(symbols.iter().copied().collect()),
            },
            providers,
            update_interval: config.update_interval,
            stale_after: assets.stale_after,
            keep_ticks: None,
        })
    }
}

/// Why the module could not start.
#[derive(Debug)]
pub enum OpenFault {
    /// The configuration or a market file is wrong: exit code 78.
    Config(ConfigFault),
    /// Something else failed: exit code 1.
    Failed(String),
}

impl fmt::Display for OpenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenFault::Config(fault) => fault.fmt(f),
            OpenFault::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for OpenFault {}

impl From<ConfigFault> for OpenFault {
    fn from(fault: ConfigFault) -> Self {
        OpenFault::Config(fault)
    }
}

impl From<rusqlite::Error> for OpenFault {
    fn from(error: rusqlite::Error) -> Self {
        OpenFault::Failed(format!("the assets module's database: {error}"))
    }
}

/// Checks everything that `--check-config` can check without a database or a network.
///
/// # Errors
/// What is wrong, with its place.
pub fn check_config(config: &AssetsConfig) -> Result<(), ConfigFault> {
    build(config).map(drop)
}

/// The providers, best first.
fn build(config: &AssetsConfig) -> Result<Vec<Box<dyn Provider>>, ConfigFault> {
    let mut providers: Vec<Box<dyn Provider>> = Vec::new();
    for provider in &config.providers {
        providers.push(match provider {
            ProviderConfig::Replay(replay) => Box::new(Replay::open(replay, &config.symbols)?),
            ProviderConfig::Simulated(simulated) => Box::new(Simulated::new(
                *simulated,
                &config.symbols,
                config.update_interval,
            )?),
        });
    }
    if providers.is_empty() {
        return Err(ConfigFault::setting("assets.provider names no provider"));
    }
    if providers.len() > 1 && providers.iter().any(|provider| provider.clock() == Clock::Own) {
        return Err(ConfigFault::setting(
            "assets.provider: replay and simulated have a time of their own, and stand alone",
        ));
    }
    Ok(providers)
}

/// Opens the module: afterwards the prices that were in force last are in force again, and
/// [`Assets::run`] makes the first update at once. The connection's migrations have been applied.
///
/// # Errors
/// A wrong configuration or market file, or the database.
pub fn open(
    config: AssetsConfig,
    database: Connection,
    listeners: Vec<Listener>,
) -> Result<(Assets, AssetsHandle, Receiver<Message>), OpenFault> {
    let mut retrieval = Retrieval::new(build(&config)?, config.update_interval);
    let symbols = list(&config, &mut retrieval)?;
    let keep = config
        .keep_ticks
        .map(|keep| i64::try_from(keep.as_millis()).unwrap_or(i64::MAX));
    let mut store = Store::open(database, keep)?;
    store.set_assets(&symbols)?;
    let position = store.position()?;
    if let Some(provider) = retrieval
        .first()
        .filter(|provider| provider.clock() == Clock::Own)
    {
        // A provider of its own time has its past at hand, and nothing may be published before it is there.
        fill_whole(provider, &mut store, &symbols)?;
    }
    let mut snapshot = restored(&store, &symbols)?;
    snapshot.number = position.number;
    snapshot.exhausted = position.exhausted;
    let mut actions: HashMap<Symbol, Vec<Action>> = HashMap::new();
    for (action, _) in store.actions()? {
        actions.entry(action.symbol).or_default().push(action);
    }
    let (sender, inbox) = bounded(INBOX);
    let (tasks, todo) = bounded(1);
    let (done, answers) = bounded(1);
    let thread = thread::spawn("assets-retrieval", move || retrieval.run(&todo, &done))
        .map_err(|error| OpenFault::Failed(format!("starting the retrieval thread: {error}")))?;
    let (starting, ready) = bounded(0);
    let prices = Arc::new(SnapshotCell::new(snapshot));
    let next = Arc::new(AtomicI64::new(crate::model::Stamp::now().0));
    let handle = AssetsHandle {
        sender,
        prices: Arc::clone(&prices),
        next: Arc::clone(&next),
        ready,
    };
    let now = Instant::now();
    let assets = Assets {
        schedule: Schedule::new(config.update_interval, now),
        config,
        store,
        symbols: symbols.into(),
        prices,
        position,
        next,
        listeners,
        actions,
        actions_checked: false,
        doubts: HashMap::new(),
        tasks,
        answers,
        retrieval: Some(thread),
        under_way: None,
        compact_after: now,
        starting: Some(starting),
        served: Vec::new(),
        failures: Vec::new(),
        refused: 0,
        missed: 0,
    };
    Ok((assets, handle, inbox))
}

/// The assets that are retrieved, sorted.
fn list(config: &AssetsConfig, retrieval: &mut Retrieval) -> Result<Vec<Symbol>, OpenFault> {
    let (all, failures) = retrieval.list(Instant::now() + LIST_DEADLINE);
    for (name, failure) in &failures {
        crate::warn!("provider {name} did not tell its list of assets: {failure}");
    }
    let symbols = match &config.symbols {
        Wanted::All => all,
        Wanted::Listed(listed) => {
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
            let mut listed = listed.clone();
            listed.sort_unstable();
            listed.dedup();
            listed
        }
    };
    if symbols.is_empty() {
        return Err(OpenFault::Failed("there is no asset to retrieve".to_owned()));
    }
    Ok(symbols)
}

/// Stores the whole past of every asset, from where an earlier start got to.
fn fill_whole(provider: &mut dyn Provider, store: &mut Store, symbols: &[Symbol]) -> Result<(), OpenFault> {
    let position = store.position()?;
    let mut waiting: Vec<(AssetId, Vec<Bar>, Resolution, bool)> = Vec::new();
    let (mut held, mut total) = (0, 0usize);
    let mut told = Instant::now();
    for (done, symbol) in symbols.iter().enumerate() {
        let Some(asset) = store.id(symbol) else { continue };
        let filled = store.filled(asset)?;
        if filled.whole {
            continue;
        }
        let mut after = filled.to;
        loop {
            let page = provider
                .history(&HistoryAsk {
                    symbol: *symbol,
                    after,
                    until: position.time,
                    deadline: Instant::now() + LIST_DEADLINE,
                })
                .map_err(|failure| OpenFault::Failed(format!("the past of {symbol}: {failure}")))?;
            after = page.bars.last().map(|bar| bar.time).or(after);
            held += page.bars.len();
            total += page.bars.len();
            waiting.push((asset, page.bars, page.resolution, !page.more));
            if held >= FILL_BATCH {
                store_pages(store, &mut waiting)?;
                held = 0;
            }
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                crate::info!(
                    "past prices: {total} bars of {done} of {} assets stored",
                    symbols.len()
                );
            }
            if !page.more {
                break;
            }
        }
    }
    store_pages(store, &mut waiting)?;
    if total > 0 {
        crate::info!("past prices: {total} bars of {} assets stored", symbols.len());
    }
    Ok(())
}

fn store_pages(
    store: &mut Store,
    waiting: &mut Vec<(AssetId, Vec<Bar>, Resolution, bool)>,
) -> Result<(), OpenFault> {
    let pages: Vec<_> = waiting
        .iter()
        .map(|(asset, bars, kind, whole)| (*asset, bars.as_slice(), *kind, *whole))
        .collect();
    store.fill_many(&pages)?;
    waiting.clear();
    Ok(())
}

/// The prices that the database holds.
fn restored(store: &Store, symbols: &[Symbol]) -> Result<Snapshot, OpenFault> {
    let mut snapshot = Snapshot::new(symbols.to_vec());
    for symbol in symbols {
        let Some(asset) = store.id(symbol) else { continue };
        if let Some((bar, day)) = store.newest(asset)? {
            snapshot.restore(symbol, bar.quote(), day, false);
        }
    }
    Ok(snapshot)
}
