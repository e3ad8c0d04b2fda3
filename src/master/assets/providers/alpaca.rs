//! spec/master/assets/providers/alpaca.md · 3.1.6 (the provider for stocks)
//!
//! Stocks listed in the United States, through Alpaca's trading API (the list) and market data API (prices).

use super::super::provider::{
    AssetsError, HistoryPage, HistoryRequest, LatestRequest, MarketClock, PriceBatch, Provider, ProviderError,
};
use super::http::{ProviderHttp, decimal, json, moment, price, symbols, volume};
use crate::config::{AlpacaSettings, ProviderKind};
use crate::model::{Action, ActionKind, Resolution};
use crate::model::{Bar, Quantity, Symbol, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

/// Symbols in one call: the API takes many, and a URL of this length passes everywhere.
const SYMBOLS_A_CALL: usize = 500;

/// Daily bars in one page, the most that the API gives.
const PAGE: &str = "10000";

/// The past begins here: the API has nothing older.
const PAST: &str = "2016-01-01";

/// Pages of corporate actions that are read at most in one go; more of them is a broken answer.
const ACTION_PAGES: usize = 200;

/// The API finds actions by the day on which they are processed, which for a dividend is the day of its payment: up to
/// this many days after the ex-date. Some large ones, and some splits, are processed a little before it.
const PROCESSED_AFTER: i64 = 90;
const PROCESSED_BEFORE: i64 = 7;

/// Corporate actions are asked for this often, in milliseconds.
const ACTIONS_EVERY: i64 = 3_600_000;

/// An ex-date's actions come into force at 08:00 UTC, before the earliest trading of a day in New York and
/// after the latest of the day before, in milliseconds.
const EX_TIME: i64 = 8 * 3_600_000;

/// Actions are wanted from this many days before the last update to as many days from now: most are announced
/// that early, so that a call that fails on the ex-date itself harms nobody.
const ACTION_DAYS: i64 = 7;

/// Without an answer about actions for this long, in milliseconds, prices are not trusted any more: one of them may be
/// that of a unit which was split.
const ACTIONS_LAST: i64 = 24 * 3_600_000;

/// The provider.
pub struct AlpacaProvider {
    settings: AlpacaSettings,
    http: ProviderHttp,
    /// When corporate actions were answered last, and asked for last.
    actions_known: Option<Timestamp>,
    actions_asked: Option<Timestamp>,
    /// What was answered: past and announced ones.
    actions: Vec<Action>,
    /// The list, for corporate actions.
    symbols: Vec<Symbol>,
}

/// Reads the key's two lines; they go with every call as headers.
///
/// # Errors
/// The file cannot be read, or does not hold two lines of visible characters.
pub fn credentials(path: &Path) -> Result<Vec<(&'static str, String)>, AssetsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| AssetsError::in_file(path, format!("cannot be read: {e}")))?;
    let mut lines = text.lines().map(str::trim);
    let mut line = |number: u64, what: &str| {
        let line = lines.next().unwrap_or_default();
        if line.is_empty() || !line.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(AssetsError::at_line(
                path,
                number,
                format!("here stands the {what}, and nothing else"),
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
    bars: Option<Vec<DayBar<'a>>>,
    next_page_token: Option<String>,
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Actions<'a> {
    #[serde(borrow)]
    corporate_actions: ActionLists<'a>,
    next_page_token: Option<String>,
}

#[derive(Deserialize, Default)]
struct ActionLists<'a> {
    #[serde(borrow, default)]
    forward_splits: Vec<SplitAnswer<'a>>,
    #[serde(borrow, default)]
    reverse_splits: Vec<SplitAnswer<'a>>,
    #[serde(borrow, default)]
    cash_dividends: Vec<DividendAnswer<'a>>,
}

#[derive(Deserialize)]
struct SplitAnswer<'a> {
    symbol: String,
    #[serde(borrow)]
    new_rate: &'a RawValue,
    #[serde(borrow)]
    old_rate: &'a RawValue,
    ex_date: String,
}

#[derive(Deserialize)]
struct DividendAnswer<'a> {
    symbol: String,
    #[serde(borrow)]
    rate: &'a RawValue,
    ex_date: String,
}

impl Trade<'_> {
    /// The trade as a bar: all prices are its price.
    fn bar(&self) -> Result<Bar, String> {
        let price = price(self.p)?;
        Ok(Bar {
            time: moment(&self.t)?,
            open: price,
            high: price,
            low: price,
            close: price,
            // The price is what counts; a size that cannot be read is no reason to refuse it.
            volume: self.s.and_then(|size| volume(size).ok()).unwrap_or_default(),
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

/// An ex-date as the moment from which its action is in force.
fn ex_time(date: &str) -> Option<Timestamp> {
    Timestamp::parse(date)
        .ok()
        .map(|day| Timestamp(day.day().0 + EX_TIME))
}

impl SplitAnswer<'_> {
    fn action(&self) -> Option<Action> {
        let (new, old) = (decimal(self.new_rate).ok()?, decimal(self.old_rate).ok()?);
        let ratio = crate::model::money::share(crate::model::money::MILLION, new.0, old.0);
        Some(Action {
            time: ex_time(&self.ex_date)?,
            symbol: Symbol::parse(&self.symbol).ok()?,
            kind: ActionKind::Split(Quantity(ratio).max(Quantity(1))),
        })
    }
}

impl DividendAnswer<'_> {
    fn action(&self) -> Option<Action> {
        Some(Action {
            time: ex_time(&self.ex_date)?,
            symbol: Symbol::parse(&self.symbol).ok()?,
            kind: ActionKind::Dividend(price(self.rate).ok()?),
        })
    }
}

impl AlpacaProvider {
    /// With a client that bears the key.
    pub fn new(settings: AlpacaSettings, http: ProviderHttp) -> AlpacaProvider {
        AlpacaProvider {
            settings,
            http,
            actions_known: None,
            actions_asked: None,
            actions: Vec::new(),
            symbols: Vec::new(),
        }
    }

    /// The latest trades of some symbols.
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
            let bar = match answer.get(symbol.as_str()).filter(|raw| raw.get() != "null") {
                None => {
                    batch.unknown.push(*symbol);
                    continue;
                }
                Some(raw) => match serde_json::from_str::<SnapshotAnswer<'_>>(raw.get()) {
                    Err(error) => Err(format!("its snapshot is not of the documented form ({error})")),
                    // No trade yet on this feed: nothing new, and nothing wrong.
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

    /// The actions whose ex-dates lie between two days, both included.
    fn actions_of(
        &self,
        symbols: &[Symbol],
        from: Timestamp,
        to: Timestamp,
        deadline: Instant,
    ) -> Result<Vec<Action>, ProviderError> {
        let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
        let names = names.join(",");
        let begin = Timestamp::parse(PAST).unwrap_or_default();
        let start = from.plus_days(-PROCESSED_BEFORE).max(begin).date().to_string();
        let end = to.plus_days(PROCESSED_AFTER).date().to_string();
        let url = format!("{}/v1/corporate-actions", self.settings.url);
        let mut actions = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..ACTION_PAGES {
            let mut query = vec![
                ("symbols", &*names),
                ("types", "forward_split,reverse_split,cash_dividend"),
                ("start", &*start),
                ("end", &*end),
                ("limit", "1000"),
            ];
            if let Some(token) = &token {
                query.push(("page_token", token));
            }
            let text = self.http.get(&url, &query, deadline)?;
            let page: Actions<'_> = json("Alpaca's page of corporate actions", &text)?;
            let lists = page.corporate_actions;
            let splits = lists.forward_splits.iter().chain(&lists.reverse_splits);
            actions.extend(splits.filter_map(SplitAnswer::action));
            actions.extend(lists.cash_dividends.iter().filter_map(DividendAnswer::action));
            token = page.next_page_token;
            if token.is_none() {
                actions.retain(|action| action.time.day() >= from.day() && action.time.day() <= to.day());
                return Ok(actions);
            }
        }
        Err(ProviderError::Broken(format!(
            "Alpaca has more than {ACTION_PAGES} pages of corporate actions"
        )))
    }
}

impl AlpacaProvider {
    /// The splits and dividends of an asset's past. Without them its past can be looked at all the same.
    fn past_actions(&self, symbol: Symbol, until: Timestamp, deadline: Instant) -> Vec<Action> {
        let begin = Timestamp::parse(PAST).unwrap_or_default();
        // The last days' are the updates' affair, which tell them; `until` is two days ago at most.
        let end = until.plus_days(2 - ACTION_DAYS);
        self.actions_of(&[symbol], begin, end, deadline)
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

    fn list(&mut self, deadline: Instant) -> Result<Vec<Symbol>, ProviderError> {
        let url = format!("{}/v2/assets", self.settings.assets_url);
        let query = [("status", "active"), ("asset_class", "us_equity")];
        let text = self.http.get(&url, &query, deadline)?;
        let assets: Vec<Asset> = json("Alpaca's list of assets", &text)?;
        let active = assets.iter().filter(|asset| asset.status == "active");
        Ok(symbols(active.map(|asset| asset.symbol.as_str())))
    }

    fn latest(&mut self, ask: &LatestRequest<'_>) -> Result<PriceBatch, ProviderError> {
        let mut batch = PriceBatch::default();
        for symbols in ask.symbols.chunks(SYMBOLS_A_CALL) {
            self.trades(symbols, ask.deadline, &mut batch)?;
        }
        self.symbols = ask.symbols.to_vec();
        batch.now = Timestamp::now();
        Ok(batch)
    }

    fn history(&mut self, ask: &HistoryRequest) -> Result<HistoryPage, ProviderError> {
        let start = ask
            .after
            .map_or_else(|| PAST.to_owned(), |after| after.plus_days(1).date().to_string());
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
        let query = [
            ("timeframe", "1Day"),
            ("start", &*start),
            ("end", &*end),
            ("limit", PAGE),
            ("adjustment", "raw"),
            ("feed", &*self.settings.feed),
            ("currency", "USD"),
        ];
        let text = self.http.get(&url, &query, ask.deadline)?;
        let answer: Bars<'_> = json("Alpaca's page of bars", &text)?;
        if let Some(other) = answer.currency.filter(|currency| currency != "USD") {
            return Err(ProviderError::Broken(format!(
                "Alpaca's prices are in {other}, not in USD"
            )));
        }
        page.more = answer.next_page_token.is_some();
        if ask.after.is_none() {
            page.actions = self.past_actions(ask.symbol, until, ask.deadline);
        }
        for day in answer.bars.unwrap_or_default() {
            page.bars.push(
                day.bar()
                    .map_err(|reason| ProviderError::Broken(format!("{}: {reason}", ask.symbol)))?,
            );
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
            .is_none_or(|asked| to.since(asked) >= ACTIONS_EVERY)
        {
            let begin = from.unwrap_or(to).plus_days(-ACTION_DAYS);
            let end = to.plus_days(ACTION_DAYS);
            let answers = self.symbols.chunks(SYMBOLS_A_CALL);
            let answers = answers.map(|symbols| self.actions_of(symbols, begin, end, deadline));
            match answers.collect::<Result<Vec<_>, _>>() {
                Ok(lists) => {
                    self.actions = lists.concat();
                    self.actions.sort_by_key(|action| (action.time, action.symbol));
                    self.actions_known = Some(to);
                    self.actions_asked = Some(to);
                }
                Err(failure)
                    if self
                        .actions_known
                        .is_some_and(|known| to.since(known) < ACTIONS_LAST) =>
                {
                    crate::warn!("splits and dividends are not up to date: {failure}");
                    self.actions_asked = Some(to);
                }
                Err(failure) => return Err(failure),
            }
        }
        let due = self.actions.iter().filter(|action| action.time <= to);
        Ok(due.copied().collect())
    }
}
