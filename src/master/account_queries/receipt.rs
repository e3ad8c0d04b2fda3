//! spec/master/account_queries.md · 3.1.7 Assets Buy & Sell
//!
//! The lines that explain a transaction to its owner.
//!
//! Tests: `src/master/account_queries/tests.rs`.
use crate::master::storage::ledger::LedgerEntry;
use crate::model::{Cause, Money, Side, Symbol, TransactionStatus};
use crate::wire::payload::Receipt;

/// The lines of a row of the ledger that came by this worker.
pub(super) fn receipt(entry: &LedgerEntry, worker: Option<&str>, currency: &str) -> Receipt {
    let transaction = &entry.transaction;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    row("transaction", transaction.id.hyphenated().to_string());
    row("side", side(entry));
    row("status", transaction.status.as_str().to_owned());
    row("asset", transaction.symbol.to_string());
    row("quantity", transaction.quantity.to_string());
    if let Some(id) = &transaction.client_order_id {
        row("client order ID", id.to_string());
    }
    if let Some(cause) = entry.cause {
        let source = entry.source.unwrap_or(transaction.symbol);
        if source == Symbol::NONE {
            row("cause", cause.to_string());
        } else {
            row("cause", format!("{cause} of {source}"));
        }
    }
    if let Some(note) = &entry.note {
        row("reason", note.clone());
    }
    let is_trade = matches!(transaction.side, Side::Buy | Side::Sell);
    let order = is_trade && entry.cause.is_none();
    if order {
        row("worker", worker.unwrap_or("-").to_owned());
        row("worker timestamp", entry.stamped.to_string());
        row("timestamp counted as", entry.rank.timestamp.to_string());
        row("queue position", entry.rank.number.to_string());
    }
    row("accepted", transaction.accepted.to_string());
    if let Some(update) = entry.update {
        row("update", update.to_string());
    }
    if let Some(settled) = transaction.settled {
        row("settled", settled.to_string());
    }
    // A row that is about no asset has no quote.
    let is_priced = transaction.symbol != Symbol::NONE;
    if let Some(priced) = transaction.priced.filter(|_| is_priced) {
        row("quote time", priced.to_string());
    }
    if let Some(price) = transaction.price.filter(|_| is_priced) {
        row("price", format!("{price} {currency}"));
    }
    if let Some(total) = transaction.total {
        row("total", format!("{total} {currency}"));
    }
    if let Some(reason) = transaction.reason {
        row("reason", reason.to_string());
    }
    let rule = match entry.written_off {
        None => match entry.cause {
            None => rule(transaction.side, transaction.status),
            Some(cause) => cause_rule(cause),
        },
        Some(left) => {
            if left > 0 {
                row("written off", Money(left).to_string());
            }
            if left < 0 {
                row("kept back", Money(left.saturating_neg()).to_string());
            }
            CORRECTION_RULE
        }
    };
    row("rule", rule.to_owned());
    Receipt(rows)
}

/// The side that a receipt shows. Of cash that an administrator gave, took or set it is the cause: no
/// dividend was paid.
fn side(entry: &LedgerEntry) -> String {
    let transaction = &entry.transaction;
    match entry.cause {
        Some(cause @ (Cause::Grant | Cause::Restart)) if transaction.symbol == Symbol::NONE => {
            cause.to_string()
        }
        Some(_) | None => transaction.side.to_string(),
    }
}

/// The rule of a late or corrected split or dividend.
const CORRECTION_RULE: &str = "a split or dividend was announced late, corrected or cancelled: what the account is owed now \
     less what it was owed before, from its trades by market time; no more is taken than is there, and no \
     more is given than was taken";

fn cause_rule(cause: Cause) -> &'static str {
    match cause {
        Cause::Rename => "all units, with their cost, go on under the asset's new symbol",
        Cause::Delisting => {
            "all units held were paid at this price; total = quantity × price, rounded down to a \
             millionth"
        }
        Cause::Merger => {
            "units held × the merger's ratio are units of the other asset, with the cost; and units \
             held × its cash a unit are paid; both rounded down to a millionth"
        }
        Cause::SpinOff => {
            "units held × the spin-off's ratio come, rounded down to a millionth; the cost stays with \
             the units held"
        }
        Cause::InLieu => {
            "what the ratio left below a millionth of a unit is paid at the first price after, rounded \
             down to a millionth"
        }
        Cause::Grant => "an administrator gave this cash; below zero, it was taken",
        Cause::Restart => {
            "an administrator let the account begin anew: queued orders were cancelled, all units sold \
             at the last price, for nothing without one, and the cash was set to the cash it began with"
        }
    }
}

pub(super) fn rule(side: Side, status: TransactionStatus) -> &'static str {
    match (side, status) {
        (_, TransactionStatus::Queued) => {
            "waits for the first update whose retrieval begins after the order was accepted"
        }
        (_, TransactionStatus::Open) => "waits for a price that fills it",
        (_, TransactionStatus::Cancelled) => "was cancelled before it was filled",
        (_, TransactionStatus::Expired) => "its time in force ended before it was filled",
        (Side::Buy, TransactionStatus::Settled) => {
            "filled at the close of the asset's bar in the first update retrieved after acceptance; \
             total = quantity × price, rounded up to a millionth"
        }
        (Side::Sell, TransactionStatus::Settled) => {
            "filled at the close of the asset's bar in the first update retrieved after acceptance; \
             total = quantity × price, rounded down to a millionth"
        }
        (Side::Split, _) => {
            "units held before the split × its ratio, rounded down to a millionth; the cost stays"
        }
        (Side::Dividend, _) => "units held × cash a unit, rounded down to a millionth",
        (Side::Buy | Side::Sell, TransactionStatus::Rejected) => {
            "funds and holdings are checked when the order settles"
        }
    }
}
