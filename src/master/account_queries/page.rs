//! spec/master/account_queries.md · 4.6.16, 3.1.7
//!
//! Rows of the ledger as pages of histories and lists of waiting orders tell them.
//!
//! Tests: `src/master/account_queries/summary/tests.rs`.

use super::entry_detail;
use crate::master::storage::account_orders::OwnTransaction;
use crate::model::{Cause, OpenValue, OrderKind, Side};
use crate::wire::payload::{OpenOrder, OpenOrders, OrderParameters, PageDetail, PageEntry};

/// What an order says; nothing for what nobody ordered.
fn parameters(row: &OwnTransaction) -> OrderParameters {
    match &row.details {
        Some(details) => OrderParameters {
            kind: Some(OpenValue::Known(details.terms.kind())),
            limit: details.terms.limit(),
            stop: details.terms.stated_stop(),
            time_in_force: Some(details.time_in_force),
            cash: details.cash,
        },
        None if is_order(row) => OrderParameters {
            kind: Some(OpenValue::Known(OrderKind::Market)),
            ..OrderParameters::default()
        },
        None => OrderParameters::default(),
    }
}

fn is_order(row: &OwnTransaction) -> bool {
    row.transaction.side.is_order(row.cause.is_some())
}

/// What made a row, for people; empty for an order.
fn cause_text(row: &OwnTransaction) -> String {
    let transaction = &row.transaction;
    let source = row.source.unwrap_or(transaction.symbol);
    let cause = match (row.cause, transaction.side) {
        (Some(cause @ (Cause::Grant | Cause::Restart)), _) => cause.to_string(),
        (
            Some(
                cause @ (Cause::Rename
                | Cause::Delisting
                | Cause::Merger
                | Cause::SpinOff
                | Cause::InLieu),
            ),
            _,
        ) => format!("{cause} of {source}"),
        (None, side @ (Side::Split | Side::Dividend)) => side.to_string(),
        (None, Side::Buy | Side::Sell) => return String::new(),
    };
    if row.is_correction {
        format!("correction of {cause}")
    } else {
        cause
    }
}

/// A row as a page has it.
pub(super) fn page_entry(row: OwnTransaction, private: bool) -> PageEntry {
    let transaction = &row.transaction;
    let mut line = PageEntry {
        id: transaction.id,
        side: transaction.side.into(),
        status: transaction.status.into(),
        symbol: transaction.symbol,
        accepted: transaction.accepted,
        settled: transaction.settled.unwrap_or_default(),
        detail: None,
    };
    if private {
        let (order, cause, reason) = (parameters(&row), cause_text(&row), transaction.reason);
        line.detail = Some(PageDetail {
            entry: entry_detail(row.transaction, reason),
            order,
            fee: row.fee.unwrap_or_default(),
            cause,
            note: row.note.unwrap_or_default(),
        });
    }
    line
}

/// The waiting orders of an account, newest first.
pub(super) fn open_orders(rows: Vec<OwnTransaction>) -> OpenOrders {
    let order = |row: OwnTransaction| OpenOrder {
        order: parameters(&row),
        id: row.transaction.id,
        side: row.transaction.side.into(),
        status: row.transaction.status.into(),
        symbol: row.transaction.symbol,
        accepted: row.transaction.accepted,
        quantity: row.transaction.quantity,
        until: row
            .details
            .as_ref()
            .and_then(|details| details.until)
            .unwrap_or_default(),
        is_triggered: row.details.is_some_and(|it| it.triggered.is_some()),
        reserve: row.reserve.unwrap_or_default(),
        client_order_id: row.transaction.client_order_id,
    };
    OpenOrders(rows.into_iter().map(order).collect())
}
