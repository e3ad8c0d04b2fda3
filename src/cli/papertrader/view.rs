//! spec/cli/papertrader/view.md · 4.6 (replies, as programs read them)
//!
//! The output of `--json` and `--csv`. Field names are stable. Money and quantities are decimal
//! strings, times are RFC 3339 in UTC, and an absent value is `null`.

pub mod account;
pub mod orders;
pub mod portfolio;

use super::age::ReferenceTime;
use crate::cli::output::cell;
use crate::client::ServerInfo;
use crate::model::{Bar, Quote, Symbol, TransactionStatus, Username};
use crate::wire::Refusal;
use crate::wire::payload::{Forecast, HistoryEntry, UserInfo};
use orders::EntryOrderView;
use portfolio::act_of_administrator;
use serde::Serialize;
use std::time::Duration;

fn text(value: impl std::fmt::Display) -> String {
    value.to_string()
}

/// An asset's latest value, or the reason why there is none.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct QuoteView {
    pub symbol: String,
    pub value: Option<String>,
    pub time: Option<String>,
    pub age_seconds: Option<i64>,
    pub reason: Option<String>,
}

impl QuoteView {
    /// Converts an answer; its age is the one that people see.
    pub fn new(symbol: Symbol, answer: &Result<Quote, Refusal>, now: &ReferenceTime) -> QuoteView {
        let quote = answer.as_ref().ok();
        QuoteView {
            symbol: text(symbol),
            value: quote.map(|q| text(q.value)),
            time: quote.map(|q| text(q.time)),
            age_seconds: quote.and_then(|q| now.age_seconds(q.time)),
            reason: answer.as_ref().err().map(|r| text(&r.reason)),
        }
    }
}

/// A bar.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct BarView {
    pub time: String,
    pub open: String,
    pub high: String,
    pub low: String,
    pub close: String,
    pub volume: u64,
}

impl From<&Bar> for BarView {
    fn from(bar: &Bar) -> BarView {
        BarView {
            time: text(bar.time),
            open: text(bar.open),
            high: text(bar.high),
            low: text(bar.low),
            close: text(bar.close),
            volume: bar.volume,
        }
    }
}

/// An asset's latest daily bar.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct InfoView {
    pub symbol: String,
    #[serde(flatten)]
    pub bar: BarView,
}

/// A window of bars.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct BarsView {
    pub symbol: String,
    pub window: &'static str,
    pub date: Option<String>,
    pub adjusted: bool,
    pub bars: Vec<BarView>,
}

/// A forecast.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct ForecastView {
    pub symbol: String,
    pub method: String,
    pub time: String,
    pub value: String,
    pub low: String,
    pub high: String,
}

impl ForecastView {
    /// Converts the payload.
    pub fn new(symbol: Symbol, forecast: &Forecast) -> ForecastView {
        ForecastView {
            symbol: text(symbol),
            method: forecast.method.clone(),
            time: text(forecast.time),
            value: text(forecast.value),
            low: text(forecast.low),
            high: text(forecast.high),
        }
    }
}

/// A transaction. The fields from `quantity` on are present for the account's owner only.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct EntryView {
    pub id: String,
    pub side: String,
    pub status: String,
    pub symbol: String,
    pub accepted: String,
    pub settled: Option<String>,
    pub quantity: Option<String>,
    pub price: Option<String>,
    pub total: Option<String>,
    pub priced: Option<String>,
    pub order_id: Option<String>,
    pub reason: Option<String>,
    /// In JSON alone, and where the server tells it.
    #[serde(flatten)]
    pub order: Option<EntryOrderView>,
}

/// The columns of a history's CSV, in order.
pub const ENTRY_COLUMNS: [&str; 12] = [
    "id", "side", "status", "symbol", "accepted", "settled", "quantity", "price", "total",
    "priced", "order_id", "reason",
];

impl From<&HistoryEntry> for EntryView {
    fn from(entry: &HistoryEntry) -> EntryView {
        let detail = entry.detail.as_ref();
        let settled = detail.filter(|_| entry.status == TransactionStatus::Settled);
        let act = act_of_administrator(entry);
        // An administrator's act is about no units.
        let priced = settled.filter(|_| act.is_none());
        EntryView {
            id: text(entry.id.hyphenated()),
            side: act.map_or_else(|| text(entry.side), text),
            status: text(entry.status),
            symbol: text(entry.symbol),
            accepted: text(entry.accepted),
            settled: entry.ended().map(text),
            quantity: detail.filter(|_| act.is_none()).map(|d| text(d.quantity)),
            price: priced.map(|d| text(d.price)),
            total: settled.map(|d| text(d.total)),
            priced: priced.map(|d| text(d.priced)),
            order_id: detail.and_then(|d| d.client_order_id.as_ref().map(text)),
            reason: detail.and_then(|d| d.reason.as_ref().map(text)),
            order: None,
        }
    }
}

/// The transactions of an account.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct HistoryView {
    pub account: String,
    pub username: String,
    pub private: bool,
    pub transactions: Vec<EntryView>,
}

/// A line of a receipt.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct LineView {
    pub name: String,
    pub value: String,
}

/// A receipt, which explains a fill.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct ReceiptView {
    pub account: String,
    pub transaction: String,
    pub lines: Vec<LineView>,
}

/// An account.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct UserView {
    pub account: String,
    pub username: String,
    pub private: bool,
    pub is_password: bool,
    pub created: String,
    pub email: Option<String>,
    pub cash: Option<String>,
}

impl UserView {
    /// Converts the payload, which the session of `account` asked for.
    pub fn new(account: &Username, info: &UserInfo) -> UserView {
        UserView {
            account: text(account),
            username: info.username.clone(),
            private: info.private.is_some(),
            is_password: info.is_password,
            created: text(info.created),
            email: info.private.as_ref().map(|(email, _)| email.clone()),
            cash: info.private.as_ref().map(|(_, cash)| text(cash)),
        }
    }
}

/// A login or registration that succeeded.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct LoginView {
    pub username: String,
    pub server: Option<String>,
    pub expirable: Option<bool>,
    pub workers: Option<Vec<String>>,
}

/// A code was asked for, or used.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct ResetView {
    pub username: String,
    pub server: Option<String>,
    pub reset: Option<String>,
}

/// The workers that serve now.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct WorkersView {
    pub from: String,
    pub workers: Vec<String>,
}

/// What a server tells about itself.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct ServerView {
    pub server: String,
    pub version: Option<String>,
    pub wire: Option<u16>,
    pub edition: Option<u16>,
    pub market: Option<String>,
    pub state: Option<String>,
    pub market_time: Option<String>,
    pub update_interval_ms: Option<u64>,
    pub next_update: Option<String>,
    pub steps_left: Option<u64>,
    pub currency: Option<String>,
    pub login: Option<Vec<String>>,
    pub reset: Option<String>,
    pub fees: Option<bool>,
}

impl ServerView {
    /// Converts the answer of the server at this address; `None`: it is of the first edition.
    pub fn new(server: String, info: Option<ServerInfo>) -> ServerView {
        let info = info.unwrap_or(ServerInfo {
            wire: Some(1),
            edition: Some(1),
            ..ServerInfo::default()
        });
        let milliseconds = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        ServerView {
            server,
            version: info.version,
            wire: info.wire,
            edition: info.edition,
            market: info.market.map(text),
            state: info.state.map(text),
            market_time: info.market_time.map(text),
            update_interval_ms: info.update_interval.map(milliseconds),
            next_update: info.next_update.map(text),
            steps_left: info.steps_left,
            currency: info.currency,
            login: info.login,
            reset: info.reset,
            fees: info.fees,
        }
    }
}

/// How the market stands.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct MarketView {
    #[serde(flatten)]
    pub told: MarketFactsView,
    pub prices: Option<PriceAgesView>,
}

/// What a server tells of its market.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct MarketFactsView {
    pub server: String,
    pub market: Option<String>,
    pub state: Option<String>,
    pub market_time: Option<String>,
    pub update_interval_ms: Option<u64>,
    pub next_update: Option<String>,
    pub steps_left: Option<u64>,
}

impl From<ServerView> for MarketFactsView {
    fn from(server: ServerView) -> MarketFactsView {
        MarketFactsView {
            server: server.server,
            market: server.market,
            state: server.state,
            market_time: server.market_time,
            update_interval_ms: server.update_interval_ms,
            next_update: server.next_update,
            steps_left: server.steps_left,
        }
    }
}

/// How old the prices of all assets are.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct PriceAgesView {
    pub assets: usize,
    pub new: usize,
    pub halted: usize,
    pub newest: Option<String>,
    pub newest_age_seconds: Option<i64>,
    pub oldest: Option<String>,
    pub oldest_age_seconds: Option<i64>,
}

/// The round trip to a server, or its error.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct PingView {
    pub server: String,
    pub microseconds: Option<u64>,
    pub master: Option<bool>,
    pub error: Option<String>,
}

/// Bars as CSV: `time,open,high,low,close,volume`.
///
/// # Errors
/// None in practice: the output is written to memory.
pub fn bars_csv(bars: &[Bar]) -> Result<String, String> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| e.to_string();
    out.write_record(["time", "open", "high", "low", "close", "volume"])
        .map_err(failed)?;
    for bar in bars {
        let view = BarView::from(bar);
        let volume = view.volume.to_string();
        let fields = [
            &view.time,
            &view.open,
            &view.high,
            &view.low,
            &view.close,
            &volume,
        ];
        out.write_record(fields.map(|field| cell(field)))
            .map_err(failed)?;
    }
    finish(out)
}

/// A history as CSV with the columns [`ENTRY_COLUMNS`]; an absent value is empty.
///
/// # Errors
/// None in practice: the output is written to memory.
pub fn entries_csv(entries: Vec<EntryView>) -> Result<String, String> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| e.to_string();
    out.write_record(ENTRY_COLUMNS).map_err(failed)?;
    for view in entries {
        let fields = [
            Some(view.id),
            Some(view.side),
            Some(view.status),
            Some(view.symbol),
            Some(view.accepted),
            view.settled,
            view.quantity,
            view.price,
            view.total,
            view.priced,
            view.order_id,
            view.reason,
        ];
        out.write_record(fields.map(|field| cell(&field.unwrap_or_default())))
            .map_err(failed)?;
    }
    finish(out)
}

fn finish(out: csv::Writer<Vec<u8>>) -> Result<String, String> {
    let bytes = out.into_inner().map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests;
