//! spec/master/assets/settings.md · 2.3.1, 2.3.4
//!
//! The module's settings, and the providers that they ask for.

use super::budget::{CallBudget, Purpose};
use super::provider::{AssetsConfigError, MarketClock, Provider};
use super::providers::alpaca::{self, AlpacaConfig, AlpacaProvider};
use super::providers::binance::{BinanceConfig, BinanceProvider};
use super::providers::http::ProviderHttp;
use super::providers::replay::{ReplayConfig, ReplayProvider, SymbolSelection};
use super::providers::simulated::{SimulatedConfig, SimulatedProvider};
use crate::config::{self, MasterConfig, ProviderKind, Symbols};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What Alpaca's prices are in.
const ALPACA_CURRENCY: &str = "USD";

/// The settings of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsConfig {
    /// List of assets to retrieve (2.3.1).
    pub symbols: SymbolSelection,
    /// Providers, best first; at least one.
    pub providers: Vec<ProviderConfig>,
    /// Stock Data Update Interval (2.3.4).
    pub update_interval: Duration,
    /// A real-time price that is older than this many intervals fills nothing.
    pub stale_after: u32,
    /// For how long before its newest bar an asset's bars are kept at the update interval's frequency;
    /// `None` for ever. Daily and monthly bars are kept for ever.
    pub keep_ticks: Option<Duration>,
    /// Calls to each API a minute.
    pub calls_per_minute: u32,
    /// The same, a day.
    pub calls_per_day: u32,
}

/// One provider's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderConfig {
    /// Prices from files.
    Replay(ReplayConfig),
    /// A random walk.
    Simulated(SimulatedConfig),
    /// Stocks.
    Alpaca(AlpacaConfig),
    /// Coins.
    Binance(BinanceConfig),
}

impl ProviderConfig {
    /// Its name in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            ProviderConfig::Replay(_) => "replay",
            ProviderConfig::Simulated(_) => "simulated",
            ProviderConfig::Alpaca(_) => "alpaca",
            ProviderConfig::Binance(_) => "binance",
        }
    }

    /// Whether it calls an API.
    pub fn is_api(&self) -> bool {
        match self {
            ProviderConfig::Replay(_) | ProviderConfig::Simulated(_) => false,
            ProviderConfig::Alpaca(_) | ProviderConfig::Binance(_) => true,
        }
    }
}

impl AssetsConfig {
    /// What `master.toml` says.
    ///
    /// # Errors
    /// A provider that cannot be used.
    pub fn of(config: &MasterConfig) -> Result<AssetsConfig, AssetsConfigError> {
        let assets = &config.assets;
        let mut providers = Vec::new();
        for kind in &assets.providers {
            providers.push(settings(*kind, assets).ok_or_else(|| {
                AssetsConfigError::setting(format!(
                    "assets.provider: {kind} is named, and its table [assets.{kind}] is missing"
                ))
            })?);
            if *kind == ProviderKind::Alpaca && config.currency != ALPACA_CURRENCY {
                return Err(AssetsConfigError::setting(format!(
                    "assets.provider: alpaca's prices are in {ALPACA_CURRENCY}, and currency is {}",
                    config.currency
                )));
            }
        }
        Ok(AssetsConfig {
            symbols: match &assets.symbols {
                Symbols::All => SymbolSelection::All,
                Symbols::List(symbols) => SymbolSelection::Listed(symbols.iter().copied().collect()),
            },
            providers,
            update_interval: config.update_interval,
            stale_after: assets.stale_after,
            keep_ticks: assets.keep_ticks,
            calls_per_minute: assets.calls_per_minute,
            calls_per_day: assets.calls_per_day,
        })
    }
}

/// One provider's table as its settings here.
fn settings(kind: ProviderKind, assets: &config::AssetSettings) -> Option<ProviderConfig> {
    Some(match kind {
        ProviderKind::Replay => {
            let replay = assets.replay.as_ref()?;
            ProviderConfig::Replay(ReplayConfig {
                directory: replay.directory.clone(),
                start: Some(replay.start),
            })
        }
        ProviderKind::Simulated => {
            let simulated = assets.simulated.as_ref()?;
            ProviderConfig::Simulated(SimulatedConfig {
                symbols: simulated.symbols,
                seed: simulated.seed,
            })
        }
        ProviderKind::Alpaca => {
            let alpaca = assets.alpaca.as_ref()?;
            ProviderConfig::Alpaca(AlpacaConfig {
                url: alpaca.url.clone(),
                assets_url: alpaca.assets_url.clone(),
                credentials: alpaca.credentials.clone(),
                feed: alpaca.feed.clone(),
                ca: None,
            })
        }
        ProviderKind::Binance => {
            let binance = assets.binance.as_ref()?;
            ProviderConfig::Binance(BinanceConfig {
                url: binance.url.clone(),
                quote: binance.quote.clone(),
                ca: None,
            })
        }
    })
}

/// Checks everything that `--check-config` can check without a database or a network.
///
/// # Errors
/// What is wrong, with its place.
pub fn check_config(config: &AssetsConfig) -> Result<(), AssetsConfigError> {
    build(config, &budgets(config), Purpose::Update).map(drop)
}

/// A budget of calls for each provider, in their order.
pub(super) fn budgets(config: &AssetsConfig) -> Vec<Arc<CallBudget>> {
    let budget = |_| {
        Arc::new(CallBudget::new(
            config.calls_per_minute,
            config.calls_per_day.into(),
        ))
    };
    config.providers.iter().map(budget).collect()
}

/// The providers, best first.
pub(super) fn build(
    config: &AssetsConfig,
    budgets: &[Arc<CallBudget>],
    purpose: Purpose,
) -> Result<Vec<Box<dyn Provider>>, AssetsConfigError> {
    let mut providers: Vec<Box<dyn Provider>> = Vec::new();
    for (provider, budget) in config.providers.iter().zip(budgets) {
        let http = |headers, ca: &Option<PathBuf>| {
            ProviderHttp::new(Arc::clone(budget), purpose, headers, ca.as_deref())
        };
        providers.push(match provider {
            ProviderConfig::Replay(replay) => Box::new(ReplayProvider::open(replay, &config.symbols)?),
            ProviderConfig::Simulated(simulated) => Box::new(SimulatedProvider::new(
                *simulated,
                &config.symbols,
                config.update_interval,
            )?),
            ProviderConfig::Alpaca(alpaca) => {
                let key = alpaca::credentials(&alpaca.credentials)?;
                Box::new(AlpacaProvider::new(alpaca.clone(), http(key, &alpaca.ca)?))
            }
            ProviderConfig::Binance(binance) => Box::new(BinanceProvider::new(
                binance.clone(),
                http(Vec::new(), &binance.ca)?,
            )),
        });
    }
    if providers.is_empty() {
        return Err(AssetsConfigError::setting("assets.provider names no provider"));
    }
    if providers.len() > 1
        && providers
            .iter()
            .any(|provider| provider.clock() == MarketClock::Own)
    {
        return Err(AssetsConfigError::setting(
            "assets.provider: replay and simulated have a time of their own, and stand alone",
        ));
    }
    Ok(providers)
}
