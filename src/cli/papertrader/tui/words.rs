//! spec/cli/papertrader/tui.md · 3.1.7, 4.1
//!
//! What the full-screen view says in sentences: about orders, their ends, receipts and the link.
//!
//! Tests: below, and in `src/cli/papertrader/tui/update/tests.rs`.

use super::state::{LinkStanding, ScreenMessage};
use crate::cli::papertrader::commands::estimate::Foresight;
use crate::cli::papertrader::commands::order_words::{terms_words, words};
use crate::cli::papertrader::outcome_words::reason_words;
use crate::cli::table;
use crate::cli::terminal::wrap;
use crate::client::{OrderForm, PlacedOrder, ServerInfo};
use crate::model::printable::clean;
use crate::model::{
    Money, OpenValue, OrderKind, OrderTerms, Reason, Side, Timestamp, TransactionStatus, Username,
};
use crate::wire::payload::{OpenOrder, OrderParameters, PageEntry};
use crate::wire::reply::OrderNotice;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// An order in words.
pub fn form_words(form: &OrderForm) -> String {
    words(form)
}

/// Whether a status is an outcome.
pub fn has_ended(status: Option<TransactionStatus>) -> bool {
    match status {
        Some(
            TransactionStatus::Settled
            | TransactionStatus::Rejected
            | TransactionStatus::Cancelled
            | TransactionStatus::Expired,
        ) => true,
        Some(TransactionStatus::Queued | TransactionStatus::Open) | None => false,
    }
}

/// How an order stands or ended, in words.
pub fn status_words(
    status: Option<TransactionStatus>,
    reason: Option<&OpenValue<Reason>>,
) -> String {
    let status = match status {
        Some(TransactionStatus::Queued) => "waits for the next update",
        Some(TransactionStatus::Open) => "waits for its price",
        Some(TransactionStatus::Settled) => "settled",
        Some(TransactionStatus::Rejected) => "rejected",
        Some(TransactionStatus::Cancelled) => "cancelled",
        Some(TransactionStatus::Expired) => "expired",
        None => "as a later version has it",
    };
    match reason.map(reason_words) {
        // Of an order that was cancelled or has expired the reason says the same.
        Some(reason) if reason != status => format!("{status}: {reason}"),
        Some(_) | None => status.to_owned(),
    }
}

/// What was ordered, in words.
pub fn open_order_words(order: &OpenOrder) -> String {
    let units = match order.order.cash {
        Some(cash) => format!("for {}", table::money(cash)),
        None => table::amount(order.quantity),
    };
    let price = price_words(&order.order, order.is_triggered);
    format!("{} {units} {}, {price}", order.side, order.symbol)
}

/// At which price an order fills, in words.
pub fn price_words(order: &OrderParameters, is_triggered: bool) -> String {
    let trails = order.kind == Some(OrderKind::Trailing.into());
    let stop = order.stop.map(|stop| (trails, stop));
    if is_triggered {
        return format!("{}, stop reached", terms_words(order.limit, None));
    }
    let words = terms_words(order.limit, stop);
    if words.is_empty() {
        "market".to_owned()
    } else {
        words
    }
}

/// What is asked about an order: that it takes much comes first.
pub fn question_lines(
    account: &Username,
    form: &OrderForm,
    told: Option<&Foresight>,
) -> Vec<String> {
    let Some(told) = told else {
        return vec![words(form), "What it takes is on its way …".to_owned()];
    };
    let large = told.large_words(account, form.side);
    let mut lines: Vec<String> = large.map(|large| large + ".").into_iter().collect();
    let known = told.lines(form);
    if known.is_empty() {
        lines.push(words(form));
    }
    lines.extend(known);
    lines
}

/// That an order is on the server's disk, and what it waits for.
pub fn placed_words(form: &OrderForm, placed: &PlacedOrder, market: &ServerInfo) -> String {
    let order = words(form);
    let is_paused = crate::client::order::is_paused(market);
    match placed.status.known() {
        Some(TransactionStatus::Open) | None => {
            let waits = status_words(Some(TransactionStatus::Open), None);
            format!("Ordered: {order}; it {waits}")
        }
        Some(TransactionStatus::Queued) if is_paused => {
            format!("Ordered: {order}; it waits until the market is resumed")
        }
        Some(TransactionStatus::Queued) if form.terms == OrderTerms::Market => {
            format!("Ordered: {order}; it fills at the next update")
        }
        Some(TransactionStatus::Queued) => format!("Ordered: {order}"),
        // It is a repeat.
        Some(
            status @ (TransactionStatus::Settled
            | TransactionStatus::Rejected
            | TransactionStatus::Cancelled
            | TransactionStatus::Expired),
        ) => format!("{order}: {}", status_words(Some(status), None)),
    }
}

/// What a fill did, by the order's side.
fn fill_verb(side: Option<Side>) -> &'static str {
    match side {
        Some(Side::Buy) => "Bought",
        Some(Side::Sell) => "Sold",
        Some(Side::Split | Side::Dividend) | None => "Filled:",
    }
}

fn fill_words(side: Option<Side>, what: &str, price: Money, total: Money) -> String {
    let (verb, price, total) = (fill_verb(side), table::money(price), table::money(total));
    format!("{verb} {what} at {price}: {total} in all")
}

/// How an order ended, by a notice; and the order's side, as far as it is known.
pub fn notice_words(notice: &OrderNotice, side: Option<OpenValue<Side, u8>>) -> String {
    let side = side.and_then(|side| side.known());
    let units = match notice.quantity.0 {
        0 => String::new(),
        _ => table::amount(notice.quantity) + " ",
    };
    let what = format!("{units}{}", notice.symbol);
    if let (Some(price), Some(total)) = (notice.price, notice.total) {
        return fill_words(side, &what, price, total);
    }
    let side = side.map_or(String::new(), |side| format!("{} ", side.as_str()));
    let ended = status_words(notice.status.known(), notice.reason.as_ref());
    format!("{side}{what}: {ended}")
}

/// How an order ended, by its row in the history.
pub fn row_end_words(row: &PageEntry) -> String {
    let entry = row.detail.as_ref().map(|detail| &detail.entry);
    let units = entry.filter(|entry| entry.quantity.0 != 0);
    let units = units.map_or(String::new(), |entry| table::amount(entry.quantity) + " ");
    let what = format!("{units}{}", row.symbol);
    match entry {
        Some(entry) if row.status == TransactionStatus::Settled => {
            fill_words(row.side.known(), &what, entry.price, entry.total)
        }
        Some(_) | None => {
            let reason = entry.and_then(|entry| entry.reason.as_ref());
            let ended = status_words(row.status.known(), reason);
            format!("{} {what}: {ended}", row.side)
        }
    }
}

/// A receipt, a line a fact.
pub fn receipt_lines(facts: &[(String, String)]) -> Vec<String> {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let line = |(name, value): &(String, String)| format!("{name:<width$}  {value}");
    facts.iter().map(line).collect()
}

/// Whether a worker answers, in words.
pub fn link_words(link: &LinkStanding, now: Timestamp) -> String {
    match link {
        LinkStanding::Linked(address) => format!("connected to {address}"),
        LinkStanding::Lost(since, why) => {
            let since = u64::try_from(now.since(*since)).unwrap_or(0);
            let since = table::span(Duration::from_millis(since));
            let why = why.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            format!("no server answers for {since}, trying on: {why}")
        }
    }
}

/// A message with its time.
pub fn message_line(message: &ScreenMessage) -> String {
    let moment = message.at.to_string();
    let time = moment.get(11..19).unwrap_or_default();
    format!("{time}  {}", message.text)
}

/// Lines as a popup shows them: cleaned and broken between words; a word that is too wide is broken
/// too.
pub fn popup_lines(lines: &[String], room: usize) -> Vec<String> {
    let mut out = Vec::new();
    for line in lines {
        let line = clean(line);
        let is_indented = line.starts_with("  ");
        let wrapped = wrap(
            line.trim_start(),
            room.saturating_sub(2 * usize::from(is_indented)),
        );
        if line.is_empty() {
            out.push(String::new());
        }
        for (number, part) in wrapped.lines().enumerate() {
            let indent = match (is_indented, number) {
                (true, _) => "  ",
                (false, _) => "",
            };
            out.extend(pieces(&format!("{indent}{part}"), room));
        }
    }
    out
}

/// A line in pieces that are not wider than the room.
fn pieces(line: &str, room: usize) -> Vec<String> {
    if line.width() <= room {
        return vec![line.to_owned()];
    }
    let mut out = vec![String::new()];
    for c in line.chars() {
        let is_full = out.last().is_some_and(|it| it.width() >= room);
        if is_full {
            out.push(String::new());
        }
        if let Some(last) = out.last_mut() {
            last.push(c);
        }
    }
    out
}

/// A time until something, short: `0:09`, `12:34`, `3:00:00`.
pub fn countdown_words(left: Duration) -> String {
    let seconds = left.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Quantity, Symbol};
    use uuid::Uuid;

    #[test]
    fn an_end_is_told_without_codes() {
        let notice = OrderNotice {
            id: Uuid::from_u128(1),
            status: TransactionStatus::Settled.into(),
            symbol: Symbol::parse("AAPL").unwrap(),
            quantity: Quantity(10_000_000),
            price: Some(Money(577_050_000)),
            total: Some(Money(5_770_500_000)),
            time: Timestamp(0),
            reason: None,
        };
        let buy = Some(Side::Buy.into());
        assert_eq!(
            notice_words(&notice, buy),
            "Bought 10 AAPL at 577.05: 5,770.50 in all"
        );
        assert!(notice_words(&notice, None).starts_with("Filled: 10 AAPL"));
        let rejected = OrderNotice {
            status: TransactionStatus::Rejected.into(),
            price: None,
            total: None,
            reason: Some(Reason::InsufficientFunds.into()),
            ..notice
        };
        assert_eq!(
            notice_words(&rejected, buy),
            "buy 10 AAPL: rejected: too little cash"
        );
        let cancelled = OrderNotice {
            status: TransactionStatus::Cancelled.into(),
            quantity: Quantity(0),
            reason: None,
            ..rejected
        };
        assert_eq!(notice_words(&cancelled, None), "AAPL: cancelled");
        let expired = OrderNotice {
            status: TransactionStatus::Expired.into(),
            reason: Some(Reason::Expired.into()),
            ..cancelled
        };
        assert_eq!(notice_words(&expired, None), "AAPL: expired");
    }

    #[test]
    fn times_left_are_short() {
        let words = |seconds| countdown_words(Duration::from_secs(seconds));
        assert_eq!(words(9), "0:09");
        assert_eq!(words(754), "12:34");
        assert_eq!(words(10_800), "3:00:00");
    }
}
