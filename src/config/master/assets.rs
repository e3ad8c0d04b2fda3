//! spec/config/master/assets.md · 2.3.1 List of assets to retrieve, 3.1.6 Assets Data Retrieval
//!
//! Tests: `src/config/tests.rs`.

use super::super::reader::{ConfigReport, ConfigTable, IfAbsent, a_kind, bounded, text, texts};
use super::super::{check, values, writer};
use crate::model::{MarketKind, Symbol, Timestamp};
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeValue;

/// Most assets that may be listed.
const SYMBOLS_MAX: usize = 100_000;

/// Most bytes that are read of a file of symbols.
const SYMBOLS_FILE_MAX: u64 = 4 * 1024 * 1024;

/// Alpaca's feeds of the latest prices.
const FEEDS: [&str; 6] = ["iex", "sip", "delayed_sip", "boats", "overnight", "otc"];
/// Alpaca's feeds of past days.
const HISTORY_FEEDS: [&str; 4] = ["sip", "iex", "boats", "otc"];

/// Value of `keep_ticks` that keeps bars for ever.
const FOREVER: &str = "forever";

/// `keep_ticks` where a price comes from elsewhere than market files, which end.
const KEEP_DEFAULT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Least `keep_ticks`: a day's window reaches back 24 hours, and must not be cut.
const KEEP_MIN: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// `[assets]`: settings of the assets module and its providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetSettings {
    /// Assets to retrieve (2.3.1).
    pub symbols: SymbolSelection,
    /// File that the list was read from, if any.
    pub symbols_file: Option<PathBuf>,
    /// Providers, best first; at least one, none twice. Each has its table below.
    pub providers: Vec<ProviderKind>,
    /// Age limit of a real-time price, in update intervals; an older price fills no order.
    pub stale_after: u32,
    /// A price that is more than this many times the last one, or less than the last one divided by
    /// it, is held.
    pub max_jump: u32,
    /// Who makes a held price believed.
    pub review: HoldReview,
    /// Calls to each provider's API in a minute.
    pub calls_per_minute: u32,
    /// Calls to each provider's API in a day.
    pub calls_per_day: u32,
    /// How long before its newest bar an asset's bars are kept at the update interval's frequency;
    /// `None` for ever. Daily and monthly bars are always kept.
    pub keep_ticks: Option<Duration>,
    /// `[assets.alpaca]`
    pub alpaca: Option<AlpacaSettings>,
    /// `[assets.binance]`
    pub binance: Option<BinanceSettings>,
    /// `[assets.simulated]`
    pub simulated: Option<SimulatedSettings>,
    /// `[assets.replay]`
    pub replay: Option<ReplaySettings>,
}

/// Which assets are retrieved (2.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SymbolSelection {
    /// All assets of the providers.
    All,
    /// Only these assets; at least one.
    Listed(BTreeSet<Symbol>),
}

/// Who makes a price believed that is held because it is far from the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HoldReview {
    /// Further prices that agree with it, or an administrator.
    #[default]
    Automatic,
    /// An administrator alone.
    Manual,
}

impl HoldReview {
    /// The word in configurations.
    pub fn name(self) -> &'static str {
        match self {
            HoldReview::Automatic => "automatic",
            HoldReview::Manual => "manual",
        }
    }

    fn parse(text: &str) -> Result<HoldReview, String> {
        [HoldReview::Automatic, HoldReview::Manual]
            .into_iter()
            .find(|review| review.name() == text)
            .ok_or_else(|| format!("{text:?} is neither \"automatic\" nor \"manual\""))
    }
}

/// A source of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderKind {
    /// Files of past bars.
    Replay,
    /// A seeded random walk.
    Simulated,
    /// Stocks, from alpaca.markets.
    Alpaca,
    /// Coins, from binance.com.
    Binance,
}

impl ProviderKind {
    const ALL: [ProviderKind; 4] = [
        ProviderKind::Replay,
        ProviderKind::Simulated,
        ProviderKind::Alpaca,
        ProviderKind::Binance,
    ];

    /// The provider's name in the configuration and in messages.
    pub fn name(self) -> &'static str {
        match self {
            ProviderKind::Replay => "replay",
            ProviderKind::Simulated => "simulated",
            ProviderKind::Alpaca => "alpaca",
            ProviderKind::Binance => "binance",
        }
    }

    /// Whether the provider calls an API, and so has a budget of calls.
    pub fn is_api(self) -> bool {
        match self {
            ProviderKind::Replay | ProviderKind::Simulated => false,
            ProviderKind::Alpaca | ProviderKind::Binance => true,
        }
    }
}

impl ProviderKind {
    /// Where its prices come from, as clients are told.
    pub fn market(self) -> MarketKind {
        match self {
            ProviderKind::Replay => MarketKind::Replay,
            ProviderKind::Simulated => MarketKind::Simulated,
            ProviderKind::Alpaca | ProviderKind::Binance => MarketKind::Real,
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// `[assets.alpaca]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlpacaSettings {
    /// Base URL for prices, without a slash at its end.
    pub url: String,
    /// Base URL for the list of assets, without a slash at its end.
    pub assets_url: String,
    /// File of two lines: key ID and secret.
    pub credentials: PathBuf,
    /// Alpaca's feed of the latest prices, such as `iex`.
    pub feed: String,
    /// Alpaca's feed of past days, such as `sip`.
    pub history_feed: String,
}

/// `[assets.binance]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinanceSettings {
    /// Base URL, without a slash at its end.
    pub url: String,
    /// Coin that counts as the account currency.
    pub quote: String,
}

/// `[assets.simulated]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedSettings {
    /// Number of assets.
    pub symbols: u32,
    /// Seed of the random walk: the same seed gives the same prices.
    pub seed: u64,
}

/// `[assets.replay]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplaySettings {
    /// Folder with one CSV file for each symbol.
    pub directory: PathBuf,
    /// Market time: the replay begins with the first step at or after it.
    pub start: Timestamp,
    /// What follows the last step.
    pub at_end: ReplayEnd,
}

/// What follows a replay's last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplayEnd {
    /// Nothing: prices stay, and orders are refused.
    #[default]
    Stop,
    /// A simulated market of the same assets.
    Simulate,
}

impl ReplayEnd {
    /// The word in configurations and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            ReplayEnd::Stop => "stop",
            ReplayEnd::Simulate => "simulate",
        }
    }

    /// Reads the word.
    ///
    /// # Errors
    /// It is another one.
    pub fn parse(text: &str) -> Result<ReplayEnd, String> {
        [ReplayEnd::Stop, ReplayEnd::Simulate]
            .into_iter()
            .find(|end| end.name() == text)
            .ok_or_else(|| format!("{text:?} is neither \"stop\" nor \"simulate\""))
    }
}

impl fmt::Display for ReplayEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Reads the `[assets]` table.
pub(super) fn read(root: &mut ConfigTable<'_, '_>) -> AssetSettings {
    let mut table = root.table_or_empty("assets");
    let (symbols, symbols_file) = symbols(&mut table);
    let providers = table.value(
        "provider",
        IfAbsent::Default(vec![ProviderKind::Replay]),
        providers,
    );
    let has_files_alone = providers.iter().all(|it| *it == ProviderKind::Replay);
    let keep_default = (!has_files_alone).then_some(KEEP_DEFAULT);
    let assets = AssetSettings {
        symbols,
        symbols_file,
        providers,
        stale_after: table.number("stale_after", 3, 1, 1_000_000),
        max_jump: table.number("max_jump", 5, 2, 1_000_000),
        review: table.parsed(
            "review",
            IfAbsent::Default(HoldReview::Automatic),
            HoldReview::parse,
        ),
        calls_per_minute: table.number("calls_per_minute", 100, 1, 1_000_000),
        calls_per_day: table.number("calls_per_day", 144_000, 1, 1_000_000_000),
        keep_ticks: table.parsed("keep_ticks", IfAbsent::Default(keep_default), keep),
        alpaca: table.table("alpaca").map(alpaca),
        binance: table.table("binance").map(binance),
        simulated: table.table("simulated").map(simulated),
        replay: table.table("replay").map(replay),
    };
    for provider in &assets.providers {
        let key = format!("assets.{provider}");
        if !table.report().has(&key) {
            let reason = format!("provider {provider} is named, and its table [{key}] is missing");
            table.report().problem(&key, reason);
        }
    }
    table.finish();
    assets
}

fn keep(text: &str) -> Result<Option<Duration>, String> {
    if text == FOREVER {
        return Ok(None);
    }
    let keep = humantime::parse_duration(text).map_err(|why| {
        format!("{text:?} is neither \"forever\" nor a time such as \"90d\": {why}")
    })?;
    if keep < KEEP_MIN {
        return Err(format!("{text:?} is less than \"2d\""));
    }
    Ok(Some(keep))
}

fn symbols(table: &mut ConfigTable<'_, '_>) -> (SymbolSelection, Option<PathBuf>) {
    if !table.has("symbols_file") {
        return (
            table.value("symbols", IfAbsent::Required(SymbolSelection::All), list),
            None,
        );
    }
    let named_twice = table.has("symbols");
    let file = table.path("symbols_file", None);
    let list = table.value("symbols", IfAbsent::Default(SymbolSelection::All), list);
    let report = table.report();
    if named_twice {
        report.problem(
            "assets.symbols_file",
            "symbols and symbols_file exclude each other: remove one",
        );
        return (list, Some(file));
    }
    let named = match read_symbols(&file) {
        Ok(text) => from_file(&text),
        Err(why) => {
            report.unreadable("assets.symbols_file", &file, &why, "");
            return (SymbolSelection::All, Some(file));
        }
    };
    match named {
        Ok(list) => (list, Some(file)),
        Err(reason) => {
            report.problem(
                "assets.symbols_file",
                format!("{}: {reason}", file.display()),
            );
            (SymbolSelection::All, Some(file))
        }
    }
}

fn list(value: &DeValue<'_>) -> Result<SymbolSelection, String> {
    match value {
        DeValue::String(all) if all == "all" => Ok(SymbolSelection::All),
        DeValue::Array(_) => collect(texts(value)?.into_iter()),
        DeValue::String(other) => Err(format!(
            "{other:?} is not \"all\"; a single symbol is a list too: [{other:?}]"
        )),
        other => Err(format!(
            "this is {}, and must be a list such as [\"AAPL\", \"IBM\"], or \"all\"",
            a_kind(other)
        )),
    }
}

fn read_symbols(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(file)?
        .take(SYMBOLS_FILE_MAX)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Faulty names that a problem shows, and bytes of each; a faulty list is told at one look.
const NAMES_SHOWN_MAX: usize = 10;
const NAME_BYTES_SHOWN: usize = 40;

fn from_file(text: &str) -> Result<SymbolSelection, String> {
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    collect(lines.filter(|line| !line.is_empty()))
}

fn collect<'a>(names: impl Iterator<Item = &'a str>) -> Result<SymbolSelection, String> {
    let mut symbols = BTreeSet::new();
    let (mut faults, mut more) = (Vec::new(), 0);
    for name in names {
        let fault = match Symbol::parse(name) {
            Err(why) => format!("{:?}: {why}", bounded(name, NAME_BYTES_SHOWN)),
            Ok(symbol) if !symbols.insert(symbol) => format!("{name} is listed twice"),
            Ok(_) if symbols.len() > SYMBOLS_MAX => {
                return Err(format!("there are more than {SYMBOLS_MAX} symbols"));
            }
            Ok(_) => continue,
        };
        if faults.len() < NAMES_SHOWN_MAX {
            faults.push(fault);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        faults.push(format!("and {more} more"));
    }
    if !faults.is_empty() {
        return Err(faults.join("; "));
    }
    if symbols.is_empty() {
        return Err("there is no symbol in it".to_owned());
    }
    Ok(SymbolSelection::Listed(symbols))
}

fn providers(value: &DeValue<'_>) -> Result<Vec<ProviderKind>, String> {
    let mut kinds = Vec::new();
    for name in texts(value)? {
        let kind = ProviderKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("{name:?} is not one of replay, simulated, alpaca, binance"))?;
        if kinds.contains(&kind) {
            return Err(format!("{name} is listed twice"));
        }
        kinds.push(kind);
    }
    if kinds.is_empty() {
        return Err("at least one provider is needed".to_owned());
    }
    Ok(kinds)
}

fn alpaca(mut table: ConfigTable<'_, '_>) -> AlpacaSettings {
    let url = |default: &str| IfAbsent::Default(default.to_owned());
    let config = AlpacaSettings {
        url: table.parsed("url", url("https://data.alpaca.markets"), values::url),
        assets_url: table.parsed(
            "assets_url",
            url("https://paper-api.alpaca.markets"),
            values::url,
        ),
        credentials: check::or_credential(table.path("credentials", Some("alpaca.key"))),
        feed: table.parsed("feed", IfAbsent::Default("iex".to_owned()), |text| {
            one_of(text, "the latest prices", &FEEDS)
        }),
        history_feed: table.parsed(
            "history_feed",
            IfAbsent::Default("sip".to_owned()),
            |text| one_of(text, "past days", &HISTORY_FEEDS),
        ),
    };
    table.finish();
    config
}

/// Checks the name of a feed of `what`.
fn one_of(text: &str, what: &str, known: &[&str]) -> Result<String, String> {
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not a feed of {what}; Alpaca has {}",
        known.join(", ")
    ))
}

fn binance(mut table: ConfigTable<'_, '_>) -> BinanceSettings {
    let config = BinanceSettings {
        url: table.parsed(
            "url",
            IfAbsent::Default("https://api.binance.com".to_owned()),
            values::url,
        ),
        quote: table.parsed("quote", IfAbsent::Default("USDT".to_owned()), |text| {
            let letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            if !text.is_empty() && text.len() <= 16 && text.bytes().all(letter) {
                return Ok(text.to_owned());
            }
            Err(format!("{text:?} is not a quote asset such as \"USDT\""))
        }),
    };
    table.finish();
    config
}

fn simulated(mut table: ConfigTable<'_, '_>) -> SimulatedSettings {
    let config = SimulatedSettings {
        symbols: table.number("symbols", 100, 1, 100_000),
        seed: table.number("seed", 1, 0, u64::MAX >> 1),
    };
    table.finish();
    config
}

fn replay(mut table: ConfigTable<'_, '_>) -> ReplaySettings {
    let start = Timestamp::from_date(2012, 1, 3).unwrap_or_default();
    let config = ReplaySettings {
        directory: table.path("directory", Some("/usr/share/papertrader/market")),
        start: table.value("start", IfAbsent::Default(start), |value| {
            let date = match value {
                DeValue::Datetime(date) => date.to_string(),
                other => text(other)?.to_owned(),
            };
            Timestamp::parse(&date).map_err(|why| format!("{date:?}: {why}"))
        }),
        at_end: table.parsed(
            "at_end",
            IfAbsent::Default(ReplayEnd::Stop),
            ReplayEnd::parse,
        ),
    };
    table.finish();
    config
}

impl AssetSettings {
    /// Whether the provider is configured as a source.
    pub fn uses(&self, kind: ProviderKind) -> bool {
        self.providers.contains(&kind)
    }

    pub(super) fn check_files(&self, report: &ConfigReport) {
        if let Some(alpaca) = self
            .alpaca
            .as_ref()
            .filter(|_| self.uses(ProviderKind::Alpaca))
        {
            check::secret_file(report, "assets.alpaca.credentials", &alpaca.credentials);
        }
        if let Some(replay) = self
            .replay
            .as_ref()
            .filter(|_| self.uses(ProviderKind::Replay))
        {
            check::folder(report, "assets.replay.directory", &replay.directory);
        }
    }

    pub(super) fn write(&self, values: &mut writer::TomlValues) {
        match (&self.symbols_file, &self.symbols) {
            (Some(file), _) => values.path("assets.symbols_file", file),
            (None, SymbolSelection::All) => values.text("assets.symbols", "all"),
            (None, SymbolSelection::Listed(symbols)) => values.texts("assets.symbols", symbols),
        }
        match self.providers.as_slice() {
            [only] => values.text("assets.provider", only),
            several => values.texts("assets.provider", several),
        }
        values.bare("assets.stale_after", self.stale_after);
        values.bare("assets.max_jump", self.max_jump);
        values.text("assets.review", self.review.name());
        values.bare("assets.calls_per_minute", self.calls_per_minute);
        values.bare("assets.calls_per_day", self.calls_per_day);
        match self.keep_ticks {
            None => values.text("assets.keep_ticks", FOREVER),
            Some(keep) => values.text("assets.keep_ticks", humantime::format_duration(keep)),
        }
        if let Some(alpaca) = &self.alpaca {
            values.text("assets.alpaca.url", &alpaca.url);
            values.text("assets.alpaca.assets_url", &alpaca.assets_url);
            values.path("assets.alpaca.credentials", &alpaca.credentials);
            values.text("assets.alpaca.feed", &alpaca.feed);
            values.text("assets.alpaca.history_feed", &alpaca.history_feed);
        }
        if let Some(binance) = &self.binance {
            values.text("assets.binance.url", &binance.url);
            values.text("assets.binance.quote", &binance.quote);
        }
        if let Some(simulated) = &self.simulated {
            values.bare("assets.simulated.symbols", simulated.symbols);
            values.bare("assets.simulated.seed", simulated.seed);
        }
        if let Some(replay) = &self.replay {
            values.path("assets.replay.directory", &replay.directory);
            values.text("assets.replay.start", replay.start);
            values.text("assets.replay.at_end", replay.at_end);
        }
    }
}
