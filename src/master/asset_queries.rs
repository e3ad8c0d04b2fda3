//! spec/master.md · 4.6.7 to 4.6.13
//!
//! Answers a worker's query about an asset: at once from the current prices, or through a message
//! to the assets module, which alone reads stored bars.
//!
//! Tests: `src/master/router/tests.rs`, `src/master/workers/tests.rs`.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

use super::assets::{AssetPrice, PriceSnapshot};
use super::messages::{AssetAsker, AssetQuery, AssetsHandle, AssetsMessage};
use super::reply_to::ReplyTo;
use crate::model::{AssetDescription, Symbol};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::payload::{AssetInfo, Payload, QuoteList, QuoteListRow, TextList};
use crate::wire::request::requests_to;
use crate::wire::{Refusal, Request};

/// Answers the request at once, or returns the message for the assets module, which then answers
/// it.
pub fn answer(
    assets: &AssetsHandle,
    reply_to: ReplyTo,
    request: &Request,
) -> Option<AssetsMessage> {
    let instruction = request.instruction();
    let asker = AssetAsker {
        worker: reply_to.peer.worker.uuid,
        near: Neighbourhood::of(reply_to.client_ip()),
    };
    let prices = assets.prices();
    let entry = |symbol: &Symbol| {
        prices
            .entry(symbol)
            .copied()
            .ok_or_else(|| Refusal::unknown_asset(symbol))
    };
    let payload = match request {
        Request::AssetInfo { symbol } => entry(symbol).and_then(|entry| info(&entry)),
        Request::AssetCurrent { symbol } => entry(symbol).and_then(|entry| {
            entry
                .quote
                .map(|quote| quote.to_bytes())
                .ok_or_else(|| Refusal::no_price(symbol))
        }),
        Request::AssetList => {
            Ok(TextList(prices.symbols().map(|symbol| symbol.to_string()).collect()).to_bytes())
        }
        Request::QuoteList => Ok(quote_list(&prices).to_bytes()),
        Request::AssetWindow {
            symbol,
            window,
            adjusted,
        } => {
            let query = AssetQuery::Window {
                symbol: *symbol,
                window: *window,
                adjusted: *adjusted,
                reply: Box::new(move |bars| match bars {
                    Ok(bars) => reply_to.data(&bars.to_bytes()),
                    Err(refusal) => reply_to.fail(instruction, &refusal),
                }),
            };
            return Some(AssetsMessage::Query(asker, query));
        }
        Request::AssetPredicted { symbol, date } => {
            let query = AssetQuery::Predict {
                symbol: *symbol,
                date: *date,
                reply: Box::new(move |forecast| match forecast {
                    Ok(forecast) => reply_to.data(&forecast.to_bytes()),
                    Err(refusal) => reply_to.fail(instruction, &refusal),
                }),
            };
            return Some(AssetsMessage::Query(asker, query));
        }
        requests_to!(Orders)
        | requests_to!(AccountQueries)
        | requests_to!(Tunnel)
        | requests_to!(State)
        | requests_to!(Local) => return None,
    };
    match payload {
        Ok(payload) => reply_to.data(&payload),
        Err(refusal) => reply_to.fail(instruction, &refusal),
    }
    None
}

fn info(entry: &AssetPrice) -> Result<Vec<u8>, Refusal> {
    match entry.day {
        Some(bar) => Ok(AssetInfo {
            symbol: entry.symbol,
            bar,
        }
        .to_bytes()),
        None => Err(Refusal::no_bar(&entry.symbol)),
    }
}

/// What a worker answers from its own snapshot.
fn quote_list(prices: &PriceSnapshot) -> QuoteList {
    let row = |entry: &AssetPrice| {
        let described = prices.description(&entry.symbol).cloned();
        let AssetDescription { name, factor } = described.unwrap_or_default();
        QuoteListRow {
            symbol: entry.symbol,
            name,
            factor,
            flags: QuoteListRow::flags(entry.fresh, entry.halted),
            quote: entry.quote,
            previous_close: entry.previous_close,
            day: entry.day,
        }
    };
    QuoteList {
        rows: prices.entries().iter().map(row).collect(),
        update: prices.number,
    }
}
