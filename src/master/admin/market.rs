//! spec/master/admin.md · 3.1.5, 3.1.6
//!
//! Lists held prices for administrators, takes what they say of them, and pauses the market.
//!
//! Tests: `tests/suite/master/halted.rs`, `tests/suite/master/pause.rs`.

use super::caller::AdminCaller;
use super::{AdminShared, ask};
use crate::admin::model::{HeldAsset, HeldList, PauseSummary};
use crate::admin::protocol::{AdminAnswer, ROWS_MAX, ReviewVerdict};
use crate::master::assets::PriceSnapshot;
use crate::master::assets::hold::{HeldPrice, PriceReview};
use crate::master::messages::{MarketRequest, PauseRequest, ReviewRequest};
use crate::model::Symbol;

/// The assets whose price is held.
pub(super) fn held(shared: &AdminShared) -> AdminAnswer {
    let prices = shared.channels.inboxes.assets.prices();
    let rows = prices.held().iter().take(ROWS_MAX);
    AdminAnswer::Held(HeldList {
        held: rows
            .map(|(symbol, held)| row(&prices, symbol, held))
            .collect(),
        more: prices.held().len().saturating_sub(ROWS_MAX),
    })
}

/// What is said of the first `count` held prices in the status.
pub(super) fn warnings(prices: &PriceSnapshot, count: usize) -> Vec<String> {
    let all = prices.held();
    let mut texts: Vec<String> = all
        .iter()
        .take(count)
        .map(|(symbol, held)| {
            let row = row(prices, symbol, held);
            format!(
                "the price of {} is held: {} after {}; see `papertraderctl market review`",
                row.symbol, row.new_price, row.old_price
            )
        })
        .collect();
    if let more @ 1.. = all.len().saturating_sub(count) {
        texts.push(format!("and the prices of {more} more assets are held"));
    }
    texts
}

/// Accepts or refuses the held price of an asset.
pub(super) fn review(
    shared: &AdminShared,
    symbol: &str,
    verdict: ReviewVerdict,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let symbol = Symbol::parse(symbol).map_err(|why| format!("{symbol:?}: {why}"))?;
    let review = match verdict {
        ReviewVerdict::Accept => PriceReview::Accepted,
        ReviewVerdict::Refuse => PriceReview::Refused,
    };
    let assets = &shared.channels.inboxes.assets;
    let held = ask("assets", assets.requests(), |reply| {
        MarketRequest::Review(ReviewRequest {
            symbol,
            review,
            reply,
        })
    })??;
    let row = row(&assets.prices(), &symbol, &held);
    let verdict = if review == PriceReview::Accepted {
        "accept"
    } else {
        "refuse"
    };
    crate::audit!(
        "market review",
        verdict = verdict,
        symbol = symbol,
        price = row.new_price,
        in_force = row.old_price,
        by = caller,
    );
    Ok(AdminAnswer::Reviewed(row))
}

/// Pauses the market, or lets it go on.
pub(super) fn pause(
    shared: &AdminShared,
    paused: bool,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let assets = &shared.channels.inboxes.assets;
    let since = ask("assets", assets.requests(), |reply| {
        MarketRequest::Pause(PauseRequest { paused, reply })
    })??;
    if paused {
        crate::audit!("market pause", by = caller);
    } else {
        crate::audit!("market resume", since = since, by = caller);
    }
    Ok(AdminAnswer::Pause(PauseSummary {
        paused,
        since: since.to_string(),
    }))
}

fn row(prices: &PriceSnapshot, symbol: &Symbol, held: &HeldPrice) -> HeldAsset {
    let old = prices.entry(symbol).and_then(|entry| entry.quote);
    let old = old.unwrap_or(held.level);
    let new = prices.in_units_of_today(symbol, held.bar.quote());
    HeldAsset {
        symbol: symbol.to_string(),
        old_price: old.value.to_string(),
        old_time: old.time.to_string(),
        new_price: new.to_string(),
        new_time: held.bar.time.to_string(),
        since: held.since.to_string(),
        seen: held.seen,
        review: held.review.as_str().to_owned(),
    }
}
