//! spec/master/assets/providers.md · 3.1.6 (the provider for coins)
//!
//! Coins on Binance's spot market, from its public API, which needs no key.
//!
//! Tests: `tests/suite/master/markets.rs`.

use super::super::provider::{
    HistoryPage, HistoryRequest, LatestRequest, MarketClock, PriceBatch, Provider, ProviderError,
};
use super::http::{ProviderHttp, each, json, price, symbols, usable_days, volume};
use crate::config::{BinanceSettings, ProviderKind};
use crate::model::Resolution;
use crate::model::{Bar, Quote, Symbol, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::Instant;

/// Daily bars in one page, the API's maximum.
const PAGE_BARS_MAX: usize = 1000;

/// Begin of the past, before the exchange existed: 2017-01-01.
const PAST_BEGIN: Timestamp = Timestamp(1_483_228_800_000);

/// The provider.
pub struct BinanceProvider {
    settings: BinanceSettings,
    http: ProviderHttp,
    /// ID of the last trade by symbol: the same trade again is no new price.
    trades: HashMap<Symbol, i64>,
}

#[derive(Deserialize)]
struct Exchange<'a> {
    #[serde(borrow)]
    symbols: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    symbol: String,
    status: String,
    quote_asset: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ticker<'a> {
    #[serde(borrow)]
    last_price: &'a RawValue,
    #[serde(borrow)]
    last_qty: Option<&'a RawValue>,
    close_time: i64,
    last_id: i64,
}

/// The symbol of a ticker, read even if the rest is malformed.
#[derive(Deserialize)]
struct Named {
    symbol: String,
}

impl Ticker<'_> {
    fn bar(&self) -> Result<Bar, String> {
        let price = price(self.last_price)?;
        Ok(Bar {
            time: Timestamp(self.close_time),
            open: price,
            high: price,
            low: price,
            close: price,
            // The price matters; an unreadable size is no reason to refuse it.
            volume: self
                .last_qty
                .and_then(|size| volume(size).ok())
                .unwrap_or_default(),
        })
    }
}

/// Whether a ticker's trade is that of the price in force. The ticker has no time of it: its
/// `closeTime` is that of the answer. After a start, when no trade is known yet, the same price
/// counts as the same trade, which may be hours old.
fn is_known(before: Option<i64>, id: i64, bar: &Bar, in_force: Option<Quote>) -> bool {
    match before {
        Some(before) => before == id,
        None => in_force.is_some_and(|quote| quote.value == bar.close),
    }
}

/// Parses a bar: an array of open time, open, high, low, close, volume, and unused fields.
fn kline(raw: &RawValue) -> Result<Bar, String> {
    let parts: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    let [time, open, high, low, close, size, ..] = parts.as_slice() else {
        return Err("a bar of fewer than six parts".to_owned());
    };
    Ok(Bar {
        time: Timestamp(
            time.get()
                .parse()
                .map_err(|_| "its time is no time".to_owned())?,
        ),
        open: price(open)?,
        high: price(high)?,
        low: price(low)?,
        close: price(close)?,
        volume: volume(size).map_err(|form| form.0.to_owned())?,
    })
}

impl BinanceProvider {
    /// Creates the provider.
    pub fn new(settings: BinanceSettings, http: ProviderHttp) -> BinanceProvider {
        BinanceProvider {
            settings,
            http,
            trades: HashMap::new(),
        }
    }
}

impl Provider for BinanceProvider {
    fn name(&self) -> &'static str {
        ProviderKind::Binance.name()
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Real
    }

    fn list(&mut self, deadline: Instant) -> Result<Vec<Symbol>, ProviderError> {
        let url = format!("{}/api/v3/exchangeInfo", self.settings.url);
        let text = self.http.get(&url, &[("permissions", "SPOT")], deadline)?;
        let exchange: Exchange<'_> = json("Binance's exchange information", &text)?;
        let listed: Vec<Listed> = each("Binance's exchange information", &exchange.symbols)?;
        let traded = |listed: &&Listed| {
            listed.status == "TRADING" && listed.quote_asset == self.settings.quote
        };
        let traded = listed.iter().filter(traded);
        Ok(symbols(traded.map(|listed| listed.symbol.as_str())))
    }

    fn latest(&mut self, ask: &LatestRequest<'_>) -> Result<PriceBatch, ProviderError> {
        let url = format!("{}/api/v3/ticker/24hr", self.settings.url);
        let text = self.http.get(&url, &[], ask.deadline)?;
        let tickers: Vec<&RawValue> = json("Binance's list of tickers", &text)?;
        let mut by_name: HashMap<String, &RawValue> = HashMap::with_capacity(tickers.len());
        for raw in tickers {
            if let Ok(Named { symbol }) = serde_json::from_str(raw.get()) {
                by_name.insert(symbol, raw);
            }
        }
        let mut batch = PriceBatch {
            now: Timestamp::now(),
            ..PriceBatch::default()
        };
        for symbol in ask.symbols {
            let Some(raw) = by_name.get(symbol.as_str()) else {
                batch.unknown.push(*symbol);
                continue;
            };
            let bar = match serde_json::from_str::<Ticker<'_>>(raw.get()) {
                Err(error) => Err(format!(
                    "its ticker is not of the documented form ({error})"
                )),
                // Never traded: no new price and no error.
                Ok(ticker) if ticker.last_id < 0 => continue,
                Ok(ticker) => {
                    let bar = ticker.bar();
                    if let Ok(bar) = &bar
                        && is_known(
                            self.trades.insert(*symbol, ticker.last_id),
                            ticker.last_id,
                            bar,
                            ask.last.entry(symbol).and_then(|entry| entry.quote),
                        )
                    {
                        continue;
                    }
                    bar
                }
            };
            batch.bars.push((*symbol, bar));
        }
        Ok(batch)
    }

    fn history(&mut self, ask: &HistoryRequest) -> Result<HistoryPage, ProviderError> {
        let start = ask
            .after
            .map_or(PAST_BEGIN, |after| after.day().plus_days(1));
        let until = ask.until.unwrap_or_else(Timestamp::now);
        let mut page = HistoryPage::empty(Resolution::Day);
        if start > until {
            return Ok(page);
        }
        let url = format!("{}/api/v3/klines", self.settings.url);
        let query = [
            ("symbol", ask.symbol.as_str()),
            ("interval", "1d"),
            ("startTime", &start.0.to_string()),
            ("endTime", &until.0.to_string()),
            ("limit", &PAGE_BARS_MAX.to_string()),
        ];
        let text = self.http.get(&url, &query, ask.deadline)?;
        let rows: Vec<&RawValue> = json("Binance's list of bars", &text)?;
        page.more = rows.len() >= PAGE_BARS_MAX;
        page.bars = usable_days(&ask.symbol, rows.into_iter().map(kline))?;
        Ok(page)
    }
}
