//! spec/master/assets/providers/alpaca.md · 3.1.6 (the provider for stocks)
//!
//! Stocks listed in the United States, from Alpaca's trading API (the list) and market data API
//! (prices).
//!
//! Tests: `tests/suite/master/markets.rs`.

mod reorganizations;

use super::super::provider::{
    AssetsError, HistoryPage, HistoryRequest, LatestRequest, MarketClock, PriceBatch, Provider,
    ProviderError,
};
use super::batches::{RefusedSymbols, in_batches};
use super::http::{
    ProviderHttp, each, excerpt, json, moment, price, rate, ratio, symbols, usable_days, volume,
};
use crate::config::{AlpacaSettings, ProviderKind};
use crate::model::{Action, ActionId, ActionKind, Bar, Resolution, Symbol, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// Daily bars in one page, the API's maximum.
const PAGE_BARS_MAX: &str = "10000";

/// Pages without days that are followed to one with days.
const EMPTY_PAGES_MAX: u32 = 20;

/// First day of the past: the API has no older data.
const PAST_BEGIN: &str = "2016-01-01";

/// Most pages of corporate actions read at once; a longer answer counts as malformed.
const ACTION_PAGES_MAX: usize = 200;

/// Days by which the processing date of an action may follow its ex-date. The API filters by
/// processing date, which for a dividend is the day of payment. Some large dividends and some
/// splits are processed a few days before the ex-date.
const PROCESSED_AFTER_DAYS: i64 = 90;
const PROCESSED_BEFORE_DAYS: i64 = 7;

/// Time between two requests for corporate actions, in milliseconds.
const ACTIONS_INTERVAL: i64 = 3_600_000;

/// Time of an ex-date at which its actions come into force, in milliseconds: 08:00 UTC is before
/// the earliest trading of the day in New York, and after the latest of the day before.
const EX_TIME: i64 = 8 * 3_600_000;

/// The same where a feed trades at night: its session of a day begins at 20:00 in New York on the
/// evening before, which is 00:00 or 01:00 UTC, and the last one has ended at 04:00.
const NIGHT_EX_TIME: i64 = 0;

/// Days before the last update and after today for which actions are requested. Most actions are
/// announced that early, so a failed call on the ex-date itself does no harm.
const ACTION_DAYS: i64 = 7;

/// Age of the last answer about actions, in milliseconds, after which prices are not trusted: one
/// of them may be that of a split unit.
const ACTIONS_AGE_MAX: i64 = 24 * 3_600_000;

/// A point in time by both clocks.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// Is never set, and stands still while the machine sleeps.
    at: Instant,
    stamp: Timestamp,
}

impl Moment {
    /// This moment, at which the machine's clock shows `stamp`.
    fn of(stamp: Timestamp) -> Moment {
        let at = Instant::now();
        Moment { at, stamp }
    }

    /// Its age in milliseconds by the clock that says more. A clock that was set, either way, makes
    /// it old: then it is asked again.
    fn age(self, now: Timestamp) -> i64 {
        let passed = i64::try_from(self.at.elapsed().as_millis()).unwrap_or(i64::MAX);
        passed.max(now.since(self.stamp).saturating_abs())
    }
}

/// How late a feed's prices are.
fn feed_delay(feed: &str) -> Duration {
    match feed {
        "delayed_sip" | "overnight" => Duration::from_secs(15 * 60),
        _ => Duration::ZERO,
    }
}

/// The time of an ex-date from which on a feed's trades are without what the action gives.
fn ex_time_of(feed: &str) -> i64 {
    match feed {
        "boats" | "overnight" => NIGHT_EX_TIME,
        _ => EX_TIME,
    }
}

/// The provider.
pub struct AlpacaProvider {
    settings: AlpacaSettings,
    http: ProviderHttp,
    /// The last answer about corporate actions, and the last request for them.
    actions_known: Option<Moment>,
    actions_asked: Option<Moment>,
    /// Symbols that the API refuses to price, and those that it refuses actions for.
    refused: RefusedSymbols,
    refused_actions: RefusedSymbols,
    /// Past and announced actions of the last answer.
    actions: Vec<Action>,
    /// What is said of those of it that are not applied.
    unapplied: Vec<String>,
    /// Listed symbols, for requests of corporate actions.
    symbols: Vec<Symbol>,
}

/// Reads the key's two lines and returns them as headers for every call.
///
/// # Errors
/// The file cannot be read, or is not two lines of visible characters.
pub fn credentials(path: &Path) -> Result<Vec<(&'static str, String)>, AssetsError> {
    let text = std::fs::read_to_string(path).map_err(|e| AssetsError::unreadable(path, &e))?;
    let mut lines = text.lines().map(str::trim);
    let mut line = |number: u64, what: &str| {
        let line = lines.next().unwrap_or_default();
        if line.is_empty() || !line.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(AssetsError::at_line(
                path,
                number,
                format!("this line must be the {what} and nothing else"),
            ));
        }
        Ok(line.to_owned())
    };
    Ok(vec![
        ("APCA-API-KEY-ID", line(1, "key ID")?),
        ("APCA-API-SECRET-KEY", line(2, "secret key")?),
    ])
}

#[derive(Deserialize)]
struct Asset {
    symbol: String,
    status: String,
    /// What cannot be traded has no price either, and the API refuses some of their names.
    #[serde(default = "yes")]
    tradable: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotAnswer<'a> {
    #[serde(borrow)]
    latest_trade: Option<Trade<'a>>,
}

/// `t` time, `p` price, `s` size.
#[derive(Deserialize)]
struct Trade<'a> {
    t: String,
    #[serde(borrow)]
    p: &'a RawValue,
    #[serde(borrow)]
    s: Option<&'a RawValue>,
}

/// `t` time of its start, then open, high, low, close, volume.
#[derive(Deserialize)]
struct DayBar<'a> {
    t: String,
    #[serde(borrow)]
    o: &'a RawValue,
    #[serde(borrow)]
    h: &'a RawValue,
    #[serde(borrow)]
    l: &'a RawValue,
    #[serde(borrow)]
    c: &'a RawValue,
    #[serde(borrow)]
    v: &'a RawValue,
}

#[derive(Deserialize)]
struct Bars<'a> {
    #[serde(borrow)]
    bars: Option<Vec<&'a RawValue>>,
    next_page_token: Option<String>,
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Actions<'a> {
    /// By kind.
    #[serde(borrow)]
    corporate_actions: BTreeMap<String, Vec<&'a RawValue>>,
    next_page_token: Option<String>,
}

/// What is said of an action of a kind that is not applied.
#[derive(Deserialize)]
struct OtherAnswer {
    symbol: Option<String>,
    old_symbol: Option<String>,
    source_symbol: Option<String>,
    acquiree_symbol: Option<String>,
    ex_date: Option<String>,
    effective_date: Option<String>,
    process_date: Option<String>,
}

/// What the API says of corporate actions.
#[derive(Debug, Default)]
struct Announced {
    actions: Vec<Action>,
    /// What is said of those that are not applied, each with its ex-date.
    unapplied: Vec<(Option<Timestamp>, String)>,
}

impl Announced {
    /// Reads an action of a kind; one that cannot be applied is named.
    fn read(&mut self, kind: &str, raw: &RawValue) {
        let one = |action: Option<Action>| action.map(|action| vec![action]);
        let actions = match kind {
            "forward_splits" => {
                let answer = serde_json::from_str::<SplitAnswer<'_>>(raw.get());
                one(answer.ok().and_then(|answer| answer.action()))
            }
            "reverse_splits" => {
                let answer = serde_json::from_str::<SplitAnswer<'_>>(raw.get());
                let split = one(answer.ok().and_then(|answer| answer.action()));
                let renames = reorganizations::actions_of(kind, raw);
                split
                    .zip(renames)
                    .map(|(split, renames)| [split, renames].concat())
            }
            "stock_dividends" => {
                let answer = serde_json::from_str::<DividendAnswer<'_>>(raw.get());
                one(answer.ok().and_then(|answer| answer.stock_action()))
            }
            "cash_dividends" if reorganizations::is_in_dollars(raw) => {
                let answer = serde_json::from_str::<DividendAnswer<'_>>(raw.get());
                one(answer.ok().and_then(|answer| answer.action()))
            }
            _ => reorganizations::actions_of(kind, raw),
        };
        match actions {
            Some(actions) => self.actions.extend(actions),
            None => self.unapplied.push(named(kind, raw)),
        }
    }

    /// Drops what has an ex-date outside of these days.
    fn retain_between(&mut self, from: Timestamp, to: Timestamp) {
        let is_inside = |time: Timestamp| time.day() >= from.day() && time.day() <= to.day();
        self.actions.retain(|action| is_inside(action.time));
        self.unapplied
            .retain(|(time, _)| time.is_none_or(is_inside));
    }
}

/// An action that is not applied, for people, with its ex-date.
fn named(kind: &str, raw: &RawValue) -> (Option<Timestamp>, String) {
    let unknown = || {
        (
            None,
            format!("Alpaca: one of {} is not applied", excerpt(kind)),
        )
    };
    let Ok(answer) = serde_json::from_str::<OtherAnswer>(raw.get()) else {
        return unknown();
    };
    let symbols = [
        &answer.symbol,
        &answer.old_symbol,
        &answer.source_symbol,
        &answer.acquiree_symbol,
    ];
    let dates = [
        &answer.ex_date,
        &answer.effective_date,
        &answer.process_date,
    ];
    let (Some(symbol), date) = (
        symbols.into_iter().flatten().next(),
        dates.into_iter().flatten().next(),
    ) else {
        return unknown();
    };
    let text = format!(
        "Alpaca: {} of {} of {} is not applied: its holders keep what they have",
        excerpt(kind),
        excerpt(symbol),
        date.map_or_else(|| "an unknown day".to_owned(), |date| excerpt(date)),
    );
    (date.and_then(|date| ex_time(date)), text)
}

#[derive(Deserialize)]
struct SplitAnswer<'a> {
    id: Option<String>,
    symbol: String,
    #[serde(borrow)]
    new_rate: &'a RawValue,
    #[serde(borrow)]
    old_rate: &'a RawValue,
    ex_date: String,
}

#[derive(Deserialize)]
struct DividendAnswer<'a> {
    id: Option<String>,
    symbol: String,
    #[serde(borrow)]
    rate: &'a RawValue,
    ex_date: String,
}

impl Trade<'_> {
    /// The trade as a bar whose four prices are the trade's price.
    fn bar(&self) -> Result<Bar, String> {
        let price = price(self.p)?;
        Ok(Bar {
            time: moment(&self.t)?,
            open: price,
            high: price,
            low: price,
            close: price,
            // The price matters; an unreadable size is no reason to refuse it.
            volume: self
                .s
                .and_then(|size| volume(size).ok())
                .unwrap_or_default(),
        })
    }
}

impl DayBar<'_> {
    fn bar(&self) -> Result<Bar, String> {
        Ok(Bar {
            // The API's days begin at midnight in New York, which is the same calendar day in UTC.
            time: moment(&self.t)?.day(),
            open: price(self.o)?,
            high: price(self.h)?,
            low: price(self.l)?,
            close: price(self.c)?,
            volume: volume(self.v).map_err(|form| form.0.to_owned())?,
        })
    }
}

fn day_bar(raw: &RawValue) -> Result<Bar, String> {
    serde_json::from_str::<DayBar<'_>>(raw.get())
        .map_err(|error| format!("a day is not of the documented form ({error})"))?
        .bar()
}

/// The time at which an action with this ex-date comes into force.
fn ex_time(date: &str) -> Option<Timestamp> {
    Timestamp::parse(date)
        .ok()
        .map(|day| Timestamp(day.day().0 + EX_TIME))
}

/// The API's name of an action. One of another form than a UUID's is hashed.
fn action_id(text: &str) -> ActionId {
    ActionId::parse(text).unwrap_or_else(|_| ActionId::hashed(text))
}

impl SplitAnswer<'_> {
    fn action(&self) -> Option<Action> {
        Some(Action::new(
            ex_time(&self.ex_date)?,
            Symbol::parse(&self.symbol).ok()?,
            ActionKind::Split(ratio(self.new_rate, self.old_rate)?),
            self.id.as_deref().map(action_id),
        ))
    }
}

impl DividendAnswer<'_> {
    fn action(&self) -> Option<Action> {
        Some(Action::new(
            ex_time(&self.ex_date)?,
            Symbol::parse(&self.symbol).ok()?,
            ActionKind::Dividend(price(self.rate).ok()?),
            self.id.as_deref().map(action_id),
        ))
    }
}

impl DividendAnswer<'_> {
    /// A stock dividend is a split: each unit stays, and the rate of it comes with it.
    fn stock_action(&self) -> Option<Action> {
        Some(Action::new(
            ex_time(&self.ex_date)?,
            Symbol::parse(&self.symbol).ok()?,
            ActionKind::Split(rate(self.rate)?.plus_one()?),
            self.id.as_deref().map(action_id),
        ))
    }
}

impl AlpacaProvider {
    /// Creates the provider; `http` sends the key with each call.
    pub fn new(settings: AlpacaSettings, http: ProviderHttp) -> AlpacaProvider {
        AlpacaProvider {
            settings,
            http,
            actions_known: None,
            actions_asked: None,
            refused: RefusedSymbols::default(),
            refused_actions: RefusedSymbols::default(),
            actions: Vec::new(),
            unapplied: Vec::new(),
            symbols: Vec::new(),
        }
    }

    /// Fetches the latest trades of some symbols.
    fn trades(
        &self,
        symbols: &[Symbol],
        deadline: Instant,
        batch: &mut PriceBatch,
    ) -> Result<(), ProviderError> {
        let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
        let url = format!("{}/v2/stocks/snapshots", self.settings.url);
        let query = [
            ("symbols", &*names.join(",")),
            ("feed", &*self.settings.feed),
            ("currency", "USD"),
        ];
        let text = self.http.get(&url, &query, deadline)?;
        let mut answer: HashMap<String, &RawValue> = json("Alpaca's map of snapshots", &text)?;
        if let Some(other) = answer
            .remove("currency")
            .filter(|currency| currency.get() != "\"USD\"")
        {
            return Err(ProviderError::Broken(format!(
                "Alpaca's prices are in {}, not in USD",
                other.get()
            )));
        }
        // Some answers wrap the map.
        let inner = answer
            .remove("snapshots")
            .map(|inner| json("Alpaca's map of snapshots", inner.get()));
        let answer = inner.transpose()?.unwrap_or(answer);
        for symbol in symbols {
            let bar = match answer
                .get(symbol.as_str())
                .filter(|raw| raw.get() != "null")
            {
                None => {
                    batch.unknown.push(*symbol);
                    continue;
                }
                Some(raw) => match serde_json::from_str::<SnapshotAnswer<'_>>(raw.get()) {
                    Err(error) => Err(format!(
                        "its snapshot is not of the documented form ({error})"
                    )),
                    // No trade yet on this feed: no new price and no error.
                    Ok(SnapshotAnswer { latest_trade: None }) => continue,
                    Ok(SnapshotAnswer {
                        latest_trade: Some(trade),
                    }) => trade.bar(),
                },
            };
            batch.bars.push((*symbol, bar));
        }
        Ok(())
    }

    /// Fetches actions whose ex-dates are between two days, both included.
    fn actions_of(
        &self,
        symbols: &[Symbol],
        from: Timestamp,
        to: Timestamp,
        deadline: Instant,
    ) -> Result<Announced, ProviderError> {
        let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
        let names = names.join(",");
        let begin = Timestamp::parse(PAST_BEGIN).unwrap_or_default();
        let start = from
            .plus_days(-PROCESSED_BEFORE_DAYS)
            .max(begin)
            .date()
            .to_string();
        let end = to.plus_days(PROCESSED_AFTER_DAYS).date().to_string();
        let url = format!("{}/v1/corporate-actions", self.settings.url);
        let mut announced = Announced::default();
        let mut token: Option<String> = None;
        for _ in 0..ACTION_PAGES_MAX {
            let mut query = vec![
                ("symbols", &*names),
                ("start", &*start),
                ("end", &*end),
                ("limit", "1000"),
            ];
            if let Some(token) = &token {
                query.push(("page_token", token));
            }
            let text = self.http.get(&url, &query, deadline)?;
            let page: Actions<'_> = json("Alpaca's page of corporate actions", &text)?;
            for (kind, list) in &page.corporate_actions {
                list.iter().for_each(|raw| announced.read(kind, raw));
            }
            token = page.next_page_token;
            if token.is_none() {
                announced.retain_between(from, to);
                let ex_time = ex_time_of(&self.settings.feed);
                for action in &mut announced.actions {
                    action.time = Timestamp(action.time.day().0.saturating_add(ex_time));
                }
                return Ok(announced);
            }
        }
        Err(ProviderError::Broken(format!(
            "Alpaca has more than {ACTION_PAGES_MAX} pages of corporate actions"
        )))
    }
}

impl AlpacaProvider {
    /// Fetches the splits and dividends of an asset's past. If this fails, the past is used without
    /// them.
    fn past_actions(&self, symbol: Symbol, until: Timestamp, deadline: Instant) -> Vec<Action> {
        let begin = Timestamp::parse(PAST_BEGIN).unwrap_or_default();
        // Updates report the actions of the last days. `until` is at most two days ago.
        let end = until.plus_days(2 - ACTION_DAYS);
        self.actions_of(&[symbol], begin, end, deadline)
            .map(|announced| announced.actions)
            .unwrap_or_else(|failure| {
                crate::warn!("the past of {symbol} cannot be adjusted: {failure}");
                Vec::new()
            })
    }
}

impl Provider for AlpacaProvider {
    fn name(&self) -> &'static str {
        ProviderKind::Alpaca.name()
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Real
    }

    fn delay(&self) -> Duration {
        feed_delay(&self.settings.feed)
    }

    fn unapplied(&self) -> &[String] {
        &self.unapplied
    }

    fn list(&mut self, deadline: Instant) -> Result<Vec<Symbol>, ProviderError> {
        let url = format!("{}/v2/assets", self.settings.assets_url);
        let query = [("status", "active"), ("asset_class", "us_equity")];
        let text = self.http.get(&url, &query, deadline)?;
        let listed: Vec<&RawValue> = json("Alpaca's list of assets", &text)?;
        let assets: Vec<Asset> = each("Alpaca's list of assets", &listed)?;
        let active = assets
            .iter()
            .filter(|asset| asset.status == "active" && asset.tradable);
        Ok(symbols(active.map(|asset| asset.symbol.as_str())))
    }

    fn latest(&mut self, ask: &LatestRequest<'_>) -> Result<PriceBatch, ProviderError> {
        let mut batch = PriceBatch::default();
        let mut refused = std::mem::take(&mut self.refused);
        let asked = refused.without(ask.symbols);
        let (answered, failure) = in_batches(&asked, &mut refused, |symbols| {
            self.trades(symbols, ask.deadline, &mut batch)
        });
        self.refused = refused;
        if let Some(failure) = failure {
            if answered.is_empty() {
                return Err(failure);
            }
            // The prices that came are as good as ever.
            let said: HashSet<Symbol> = answered.into_iter().collect();
            let left = asked.iter().filter(|symbol| !said.contains(symbol));
            let left = left.map(|symbol| (*symbol, Err(failure.to_string())));
            batch.bars.extend(left);
        }
        batch.bars.extend(self.refused.reasons(ask.symbols));
        self.symbols = ask.symbols.to_vec();
        batch.now = Timestamp::now();
        Ok(batch)
    }

    fn history(&mut self, ask: &HistoryRequest) -> Result<HistoryPage, ProviderError> {
        let start = ask.after.map_or_else(
            || PAST_BEGIN.to_owned(),
            |after| after.plus_days(1).date().to_string(),
        );
        let until = ask.until.unwrap_or_else(Timestamp::now);
        let end = until.date().to_string();
        let mut page = HistoryPage::empty(Resolution::Day);
        if start > end {
            return Ok(page);
        }
        let url = format!(
            "{}/v2/stocks/{}/bars",
            self.settings.url,
            ask.symbol.as_str().replace('/', "%2F")
        );
        let mut token: Option<String> = None;
        for _ in 0..EMPTY_PAGES_MAX {
            let mut query = vec![
                ("timeframe", "1Day"),
                ("start", &*start),
                ("end", &*end),
                ("limit", PAGE_BARS_MAX),
                ("adjustment", "raw"),
                ("feed", &*self.settings.history_feed),
                ("currency", "USD"),
            ];
            query.extend(token.as_deref().map(|token| ("page_token", token)));
            let text = self.http.get(&url, &query, ask.deadline)?;
            let answer: Bars<'_> = json("Alpaca's page of bars", &text)?;
            if let Some(other) = answer.currency.filter(|currency| currency != "USD") {
                return Err(ProviderError::Broken(format!(
                    "Alpaca's prices are in {other}, not in USD"
                )));
            }
            let days = answer.bars.unwrap_or_default();
            token = answer.next_page_token;
            page.more = token.is_some();
            // A page without days that is not the last has no day to go on after.
            if !days.is_empty() || !page.more {
                page.bars = usable_days(&ask.symbol, days.into_iter().map(day_bar))?;
                break;
            }
        }
        if ask.after.is_none() {
            page.actions = self.past_actions(ask.symbol, until, ask.deadline);
        }
        Ok(page)
    }

    fn actions(
        &mut self,
        from: Option<Timestamp>,
        to: Timestamp,
        deadline: Instant,
    ) -> Result<Vec<Action>, ProviderError> {
        if self
            .actions_asked
            .is_none_or(|asked| asked.age(to) >= ACTIONS_INTERVAL)
        {
            let begin = from.unwrap_or(to).plus_days(-ACTION_DAYS);
            let end = to.plus_days(ACTION_DAYS);
            let mut refused = std::mem::take(&mut self.refused_actions);
            let before = refused.len();
            let mut asked = refused.without(&self.symbols);
            asked.retain(|symbol| !self.refused.contains(symbol));
            let (mut actions, mut unapplied) = (Vec::new(), Vec::new());
            let (_, failure) = in_batches(&asked, &mut refused, |symbols| {
                let announced = self.actions_of(symbols, begin, end, deadline)?;
                actions.extend(announced.actions);
                unapplied.extend(announced.unapplied.into_iter().map(|(_, text)| text));
                Ok(())
            });
            if refused.len() > before {
                crate::warn!("splits and dividends are not told of {refused}");
            }
            self.refused_actions = refused;
            let now = Some(Moment::of(to));
            match failure {
                None => {
                    actions.sort_by_key(|action| (action.time, action.symbol));
                    (self.actions, self.unapplied) = (actions, unapplied);
                    self.actions_known = now;
                    self.actions_asked = now;
                }
                Some(failure)
                    if self
                        .actions_known
                        .is_some_and(|known| known.age(to) < ACTIONS_AGE_MAX) =>
                {
                    crate::warn!("splits and dividends are not up to date: {failure}");
                    self.actions_asked = now;
                }
                Some(failure) => return Err(failure),
            }
        }
        let due = self.actions.iter().filter(|action| action.time <= to);
        Ok(due.copied().collect())
    }
}
