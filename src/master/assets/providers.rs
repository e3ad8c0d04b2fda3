//! spec/master/assets/providers.md · 2.3.1, 2.3.4, 3.1.6
//!
//! The sources of prices, one file each, and their construction from the configuration.
//!
//! Tests: `tests/suite/master/markets.rs`.

pub mod alpaca;
mod batches;
pub mod binance;
pub mod http;
pub mod market_file;
pub mod replay;
pub mod simulated;

use super::budget::{CallBudget, Purpose};
use super::provider::{AssetsError, MarketClock, Provider};
use crate::config::{AssetSettings, MasterConfig, ProviderKind, ReplayEnd};
use alpaca::AlpacaProvider;
use binance::BinanceProvider;
use http::ProviderHttp;
use replay::ReplayProvider;
use simulated::SimulatedProvider;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The folder of kept bars in the data folder.
pub const KEPT_BARS_FOLDER: &str = "market-bars";
/// Currency of Alpaca's prices.
const ALPACA_CURRENCY: &str = "USD";

/// Configuration of the assets module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsConfig {
    /// The table `[assets]`.
    pub assets: AssetSettings,
    /// Stock Data Update Interval (2.3.4).
    pub update_interval: Duration,
    /// A PEM file of additional trusted certificates. No configuration key sets it: it is for
    /// tests.
    pub extra_roots: Option<PathBuf>,
    /// The folder where the bars of market files are kept, so that the next start does not parse
    /// unchanged files again; `None`: nothing is kept.
    pub kept_bars: Option<PathBuf>,
}

impl AssetsConfig {
    /// Takes the module's part of `master.toml`.
    ///
    /// # Errors
    /// A configured provider cannot be used.
    pub fn of(config: &MasterConfig) -> Result<AssetsConfig, AssetsError> {
        if config.assets.uses(ProviderKind::Alpaca) && config.currency != ALPACA_CURRENCY {
            return Err(AssetsError::setting(format!(
                "assets.provider: alpaca's prices are in {ALPACA_CURRENCY}, and currency is {}",
                config.currency
            )));
        }
        Ok(AssetsConfig {
            assets: config.assets.clone(),
            update_interval: config.update_interval,
            extra_roots: None,
            kept_bars: Some(config.data_dir.join(KEPT_BARS_FOLDER)),
        })
    }

    /// How long until a market with so many steps left ends; `None` if it goes on, or is not known
    /// to end.
    pub(super) fn time_to_end(&self, steps_left: Option<u64>) -> Option<Duration> {
        let replay = self.assets.replay.as_ref()?;
        let ends = self.assets.uses(ProviderKind::Replay) && replay.at_end == ReplayEnd::Stop;
        let steps = u32::try_from(steps_left.filter(|_| ends)?).unwrap_or(u32::MAX);
        Some(self.update_interval.saturating_mul(steps))
    }
}

/// The providers of the updates, checked as far as `--check-config` can check them: without a
/// database or a network. Their files are read.
pub struct PreparedProviders {
    pub(super) budgets: Vec<Arc<CallBudget>>,
    /// Best first; at least one.
    pub(super) providers: Vec<Box<dyn Provider>>,
}

impl PreparedProviders {
    /// Makes the configured providers.
    ///
    /// # Errors
    /// The configuration or a file is wrong; the text says where.
    pub fn open(config: &AssetsConfig) -> Result<PreparedProviders, AssetsError> {
        let budgets = budgets(&config.assets);
        let providers = build(config, &budgets, Purpose::Update)?;
        Ok(PreparedProviders { budgets, providers })
    }

    /// What is said of inputs that are not used, or look wrong.
    pub fn input_warnings(&self) -> Vec<String> {
        let warnings = self.providers.iter().flat_map(|it| it.input_warnings());
        warnings.cloned().collect()
    }
}

/// A budget of calls for each configured provider, in their order.
fn budgets(settings: &AssetSettings) -> Vec<Arc<CallBudget>> {
    let budget = |_| {
        Arc::new(CallBudget::new(
            settings.calls_per_minute,
            settings.calls_per_day.into(),
        ))
    };
    settings.providers.iter().map(budget).collect()
}

/// Creates the configured providers, best first.
///
/// # Errors
/// A provider lacks its table, a market file or key is wrong, or the providers cannot be combined.
pub(super) fn build(
    config: &AssetsConfig,
    budgets: &[Arc<CallBudget>],
    purpose: Purpose,
) -> Result<Vec<Box<dyn Provider>>, AssetsError> {
    let mut providers = Vec::new();
    for (kind, budget) in config.assets.providers.iter().zip(budgets) {
        providers.push(provider(*kind, config, budget, purpose)?);
    }
    if providers.is_empty() {
        return Err(AssetsError::setting("assets.provider names no provider"));
    }
    if providers.len() > 1
        && providers
            .iter()
            .any(|provider| provider.clock() == MarketClock::Own)
    {
        return Err(AssetsError::setting(
            "assets.provider: replay and simulated have a time of their own, and stand alone",
        ));
    }
    Ok(providers)
}

fn provider(
    kind: ProviderKind,
    config: &AssetsConfig,
    budget: &Arc<CallBudget>,
    purpose: Purpose,
) -> Result<Box<dyn Provider>, AssetsError> {
    let settings = &config.assets;
    let http = |headers| {
        let roots = config.extra_roots.as_deref();
        ProviderHttp::new(Arc::clone(budget), purpose, headers, roots)
    };
    Ok(match kind {
        ProviderKind::Replay => {
            let replay = table(kind, settings.replay.as_ref())?;
            Box::new(ReplayProvider::open(
                replay,
                &settings.symbols,
                config.update_interval,
                config.kept_bars.as_deref(),
            )?)
        }
        ProviderKind::Simulated => {
            let simulated = table(kind, settings.simulated.as_ref())?;
            Box::new(SimulatedProvider::new(
                *simulated,
                &settings.symbols,
                config.update_interval,
            )?)
        }
        ProviderKind::Alpaca => {
            let alpaca = table(kind, settings.alpaca.as_ref())?;
            let key = alpaca::credentials(&alpaca.credentials)?;
            Box::new(AlpacaProvider::new(alpaca.clone(), http(key)?))
        }
        ProviderKind::Binance => {
            let binance = table(kind, settings.binance.as_ref())?;
            Box::new(BinanceProvider::new(binance.clone(), http(Vec::new())?))
        }
    })
}

/// Returns a provider's table, which the configuration's reader has required.
fn table<T>(kind: ProviderKind, settings: Option<&T>) -> Result<&T, AssetsError> {
    settings.ok_or_else(|| {
        AssetsError::setting(format!(
            "assets.provider: {kind} is named, and its table [assets.{kind}] is missing"
        ))
    })
}
