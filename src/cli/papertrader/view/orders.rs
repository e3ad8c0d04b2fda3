//! spec/cli/papertrader/view.md · 4.6.4, 4.6.5, 3.1.7
//!
//! Orders as `--json` writes them.
//!
//! Tests: `src/cli/papertrader/view/tests.rs`, `tests/suite/client/waiting_orders.rs`.

use super::text;
use crate::client::{ClientError, OrderForm, QueuedNotice};
use crate::model::{OpenValue, OrderAmount, OrderKind, Timestamp, TransactionStatus, Username};
use crate::wire::Refusal;
use crate::wire::payload::{OpenOrder, PageDetail};
use crate::wire::reply::{Fill, OrderNotice};
use serde::Serialize;
use uuid::Uuid;

/// The state of an order.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct OrderView {
    pub account: String,
    pub status: String,
    pub transaction: Option<String>,
    pub order_id: String,
    pub side: &'static str,
    pub symbol: String,
    pub quantity: Option<String>,
    pub cash: Option<String>,
    pub kind: &'static str,
    pub limit: Option<String>,
    pub stop: Option<String>,
    pub time_in_force: String,
    pub price: Option<String>,
    pub total: Option<String>,
    pub settled: Option<String>,
    pub expected: Option<String>,
    pub reason: Option<String>,
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RefusalView>,
}

/// A failure, as other commands tell it.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct RefusalView {
    pub code: String,
    pub text: String,
    pub advice: Option<String>,
}

impl OrderView {
    fn of(account: &Username, order: &OrderForm, status: &str, id: Option<Uuid>) -> OrderView {
        let (quantity, cash) = match order.amount {
            OrderAmount::Units(units) => (Some(text(units)), None),
            OrderAmount::Cash(cash) => (None, Some(text(cash))),
        };
        OrderView {
            account: text(account),
            status: status.to_owned(),
            transaction: id.map(|id| text(id.hyphenated())),
            order_id: order.id.as_ref().map_or(String::new(), text),
            side: order.side.as_str(),
            symbol: text(order.symbol),
            quantity,
            cash,
            kind: order.terms.kind().as_str(),
            limit: order.terms.limit().map(text),
            stop: order.terms.stated_stop().map(text),
            time_in_force: text(order.time_in_force),
            ..OrderView::default()
        }
    }

    /// An executed order.
    pub fn filled(account: &Username, order: &OrderForm, fill: &Fill) -> OrderView {
        let settled = TransactionStatus::Settled.as_str();
        OrderView {
            quantity: Some(text(fill.quantity)),
            price: Some(text(fill.price)),
            total: Some(text(fill.total)),
            settled: Some(text(fill.settled)),
            ..OrderView::of(account, order, settled, Some(fill.id))
        }
    }

    /// A queued order.
    pub fn queued(account: &Username, order: &OrderForm, notice: &QueuedNotice) -> OrderView {
        let queued = TransactionStatus::Queued.as_str();
        OrderView {
            expected: Some(text(notice.expected)),
            ..OrderView::of(account, order, queued, Some(notice.id))
        }
    }

    /// An order that is on disk, with its status.
    pub fn placed(account: &Username, order: &OrderForm, id: Uuid, status: &str) -> OrderView {
        OrderView::of(account, order, status, Some(id))
    }

    /// A queued order that was not followed to its outcome, and why not.
    pub fn standing(
        account: &Username,
        order: &OrderForm,
        notice: &QueuedNotice,
        error: &ClientError,
        advice: &str,
    ) -> OrderView {
        OrderView {
            error: Some(RefusalView {
                code: error.code().to_owned(),
                text: text(error),
                advice: Some(text(advice)),
            }),
            ..OrderView::queued(account, order, notice)
        }
    }

    /// An order that was refused, or ended without a fill.
    pub fn rejected(
        account: &Username,
        order: &OrderForm,
        refusal: &Refusal,
        (status, id): (TransactionStatus, Option<Uuid>),
        advice: Option<String>,
    ) -> OrderView {
        OrderView {
            error: Some(RefusalView {
                code: text(&refusal.reason),
                text: refusal.text.clone(),
                advice,
            }),
            reason: Some(text(&refusal.reason)),
            text: Some(refusal.text.clone()),
            ..OrderView::of(account, order, status.as_str(), id)
        }
    }
}

/// An order that has no outcome yet.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct OpenOrderView {
    pub transaction: String,
    pub order_id: Option<String>,
    pub status: String,
    pub side: String,
    pub symbol: String,
    pub quantity: Option<String>,
    pub cash: Option<String>,
    pub kind: Option<String>,
    pub limit: Option<String>,
    pub stop: Option<String>,
    pub triggered: bool,
    pub time_in_force: Option<String>,
    pub until: Option<String>,
    pub accepted: String,
    pub reserve: String,
}

impl From<&OpenOrder> for OpenOrderView {
    fn from(order: &OpenOrder) -> OpenOrderView {
        let said = &order.order;
        let kind = said.kind.as_ref().map(OpenValue::<OrderKind>::as_str);
        OpenOrderView {
            transaction: text(order.id.hyphenated()),
            order_id: order.client_order_id.as_ref().map(text),
            status: text(order.status),
            side: text(order.side),
            symbol: text(order.symbol),
            quantity: said.cash.is_none().then(|| text(order.quantity)),
            cash: said.cash.map(text),
            kind: kind.map(str::to_owned),
            limit: said.limit.map(text),
            stop: said.stop.map(text),
            triggered: order.is_triggered,
            time_in_force: said.time_in_force.map(text),
            until: Some(order.until).filter(|it| *it != Timestamp(0)).map(text),
            accepted: text(order.accepted),
            reserve: text(order.reserve),
        }
    }
}

/// An order that has ended, as a notice tells it.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct EndedOrderView {
    pub transaction: String,
    pub status: String,
    pub symbol: String,
    pub quantity: String,
    pub price: Option<String>,
    pub total: Option<String>,
    pub settled: String,
    pub reason: Option<String>,
}

impl From<&OrderNotice> for EndedOrderView {
    fn from(end: &OrderNotice) -> EndedOrderView {
        EndedOrderView {
            transaction: text(end.id.hyphenated()),
            status: text(&end.status),
            symbol: text(end.symbol),
            quantity: text(end.quantity),
            price: end.price.map(text),
            total: end.total.map(text),
            settled: text(end.time),
            reason: end.reason.as_ref().map(text),
        }
    }
}

/// The orders of an account that have no outcome yet.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct OpenOrdersView {
    pub account: String,
    pub orders: Vec<OpenOrderView>,
}

/// Orders that were cancelled, and those that had ended before.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct CancelView {
    pub account: String,
    pub cancelled: Vec<String>,
    pub ended: Vec<String>,
    /// Not tried, or the last try failed.
    pub left: Vec<String>,
    pub error: Option<RefusalView>,
}

/// What a transaction of one's own says beyond the first edition's history.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct EntryOrderView {
    pub kind: Option<String>,
    pub limit: Option<String>,
    pub stop: Option<String>,
    pub time_in_force: Option<String>,
    pub cash: Option<String>,
    pub fee: String,
    pub cause: Option<String>,
}

impl From<&PageDetail> for EntryOrderView {
    fn from(detail: &PageDetail) -> EntryOrderView {
        let said = &detail.order;
        EntryOrderView {
            kind: said.kind.as_ref().map(text),
            limit: said.limit.map(text),
            stop: said.stop.map(text),
            time_in_force: said.time_in_force.map(text),
            cash: said.cash.map(text),
            fee: text(detail.fee),
            cause: Some(detail.cause.clone()).filter(|cause| !cause.is_empty()),
        }
    }
}
