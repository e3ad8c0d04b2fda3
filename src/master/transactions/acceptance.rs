//! spec/master/transactions.md · 3.1.7, 4.6.4, 4.6.5
//!
//! What requests for orders come to, and what their checks have in common.
//!
//! Tests: `src/master/transactions/accept/tests.rs`.

use super::book::order::OrderEnd;
use super::queue::OrderHolder;
use crate::master::reply_to::ReplyTo;
use crate::master::storage::ledger::LedgerEntry;
use crate::master::storage::{StorageError, Tx};
use crate::model::{
    AccountId, ClientOrderId, OrderAmount, OrderTerms, Reason, Side, Symbol, TimeInForce,
    Transaction, TransactionStatus,
};
use crate::runtime::dynamic_share::ShareError;
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::{Instruction, Refusal};
use std::time::Instant;
use uuid::Uuid;

/// When an order was accepted, as far as updates go: by the clock, and the first one that it takes
/// part in.
#[derive(Debug, Clone, Copy)]
pub(super) struct AcceptedAt {
    pub since: Instant,
    pub first_update: u64,
}

/// What an order says, before it has a number.
#[derive(Debug)]
pub(super) struct StatedOrder {
    pub side: Side,
    pub symbol: Symbol,
    pub amount: OrderAmount,
    pub terms: OrderTerms,
    pub time_in_force: TimeInForce,
    pub end: OrderEnd,
    pub client_order_id: Option<ClientOrderId>,
    /// The instruction and all its arguments by value; `None`: purchaseAsset or sellAsset.
    pub asked: Option<String>,
    /// The order in whose place it is.
    pub replaces: Option<i64>,
}

/// An order that ended with a request of its owner.
#[derive(Debug)]
pub(super) struct EndedOrder {
    pub transaction: Box<Transaction>,
    /// Destinations of its outcome.
    pub waiters: Vec<ReplyTo>,
}

/// The result of a request's checks. It is announced after the commit.
#[derive(Debug)]
pub(super) enum Acceptance {
    /// A new order of purchaseAsset or sellAsset on the queue, with this number.
    Queued(i64),
    /// An order of placeOrder or replaceOrder, new or sent again.
    Placed {
        id: Uuid,
        client_order_id: Option<ClientOrderId>,
        status: TransactionStatus,
        /// The order in whose place it is.
        replaced: Option<EndedOrder>,
        reply_to: ReplyTo,
    },
    /// An order was cancelled, now or before.
    Cancelled {
        id: Uuid,
        ended: Option<EndedOrder>,
        reply_to: ReplyTo,
    },
    /// A cancel or replacement that waits for the end of the update that is under way.
    Deferred,
    /// The repeat of an order that has not ended: its sender also waits for the outcome.
    Waits(Box<LedgerEntry>, ReplyTo),
    /// The repeat of an order that has.
    Done(Box<LedgerEntry>, ReplyTo),
    /// A refused request. Nothing is stored.
    Refused(Instruction, Refusal, ReplyTo),
}

impl Acceptance {
    /// The answer to a placeOrder or replaceOrder that has brought this order before.
    pub(super) fn placed(entry: &LedgerEntry, reply_to: ReplyTo) -> Acceptance {
        let transaction = &entry.transaction;
        Acceptance::Placed {
            id: transaction.id,
            client_order_id: transaction.client_order_id.clone(),
            status: transaction.status,
            replaced: None,
            reply_to,
        }
    }

    /// The refusal of a clientOrderID that names an order with other terms.
    pub(super) fn reused(instruction: Instruction, reply_to: ReplyTo) -> Acceptance {
        let text = "this clientOrderID names an order with other terms; give each order its own";
        let refusal = Refusal::new(Reason::ClientOrderIdReused, text);
        Acceptance::Refused(instruction, refusal, reply_to)
    }
}

/// Who holds the place of an order that comes so.
pub(super) fn holder_of(account: AccountId, reply_to: &ReplyTo) -> OrderHolder {
    OrderHolder {
        asker: account,
        near: Some(Neighbourhood::of(reply_to.client_ip())),
        source: Some(reply_to.peer.worker.uuid),
    }
}

/// Whose share of the queue is full, for the client.
pub(super) fn share_text(full: ShareError) -> &'static str {
    match full {
        ShareError::Full => "the queue of orders is full; wait for an update",
        ShareError::Asker => {
            "the queue is nearly full, and this account has its share of the rest; wait for an update"
        }
        ShareError::Neighbourhood | ShareError::Around => {
            "the queue is nearly full, and this address or the network around it has its share of \
             the rest; wait for an update"
        }
        ShareError::Source => {
            "the queue is nearly full, and this worker has its share of the rest; wait for an update"
        }
    }
}

/// Whose share of the book is full, for the client.
pub(super) fn book_share_text(full: ShareError) -> &'static str {
    match full {
        ShareError::Full => "too many orders are open; cancel one, or wait until some end",
        ShareError::Asker => {
            "nearly as many orders are open as may be, and this account has its share of the rest; \
             cancel one"
        }
        ShareError::Neighbourhood | ShareError::Around => {
            "nearly as many orders are open as may be, and this address or the network around it has \
             its share of the rest; cancel one, or wait until some end"
        }
        ShareError::Source => {
            "nearly as many orders are open as may be, and this worker has its share of the rest; \
             cancel one, or wait until some end"
        }
    }
}

/// The order that a link message has brought already.
pub(super) fn stored_by(
    tx: &mut Tx<'_>,
    reply_to: &ReplyTo,
) -> Result<Option<LedgerEntry>, StorageError> {
    let peer = &reply_to.peer;
    tx.order_by_message(&peer.worker.uuid, &peer.boot, reply_to.sequence)
}

/// The answer to a repeated order: it waits for the outcome, or gets it.
pub(super) fn already_stored(entry: LedgerEntry, reply_to: ReplyTo) -> Acceptance {
    if !entry.transaction.status.is_final() {
        Acceptance::Waits(Box::new(entry), reply_to)
    } else {
        Acceptance::Done(Box::new(entry), reply_to)
    }
}
