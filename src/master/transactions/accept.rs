//! spec/master/transactions/accept.md · 3.1.7
//!
//! What happens to orders that come in: judged, stored in one commit, announced.

use super::queue::{QueuedOrder, WAITERS_MAX, clamp};
use super::{CLOCK_REPORT, OrderState, fill, write_outcome};
use crate::master::messages::Order;
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::master::storage::ledger::LedgerEntry;
use crate::master::storage::{Storage, StorageError, Tx};
use crate::model::{AccountId, ClientOrderId, Reason, SettlementRank, Timestamp, TransactionStatus as Stage};
use crate::runtime::failpoint;
use crate::wire::{Instruction, Refusal, Reply};
use std::collections::HashMap;
use std::time::Instant;
use uuid::Uuid;

/// A worker's clock that differs by more is reported, once a minute.
const CLOCK_TOLERANCE: i64 = 5_000;

/// What becomes of an order once the batch it came in is committed.
pub(super) enum Acceptance {
    /// New on the queue.
    Queued(Box<QueuedOrder>),
    /// Queued before: whoever asks now waits too.
    Waits(i64, ReplyTo),
    /// Settled or rejected before.
    Done(Box<LedgerEntry>, ReplyTo),
    /// Refused, and nothing stored.
    Refused(Instruction, Refusal, ReplyTo),
}

impl OrderState {
    pub(super) fn store(
        &mut self,
        storage: &mut Storage,
        batch: Vec<Order>,
    ) -> Result<Vec<Acceptance>, StorageError> {
        let (verdicts, new) = storage.write(|tx| {
            let mut verdicts = Vec::with_capacity(batch.len());
            let mut new_of_account: HashMap<AccountId, usize> = HashMap::new();
            let mut new = 0;
            for order in batch {
                let verdict = self.check(tx, order, new, &new_of_account)?;
                if let Acceptance::Queued(queued) = &verdict {
                    new += 1;
                    *new_of_account.entry(queued.account).or_default() += 1;
                }
                verdicts.push(verdict);
            }
            if new > 0 {
                failpoint::point("orders-stored");
            }
            Ok((verdicts, new))
        })?;
        if new > 0 {
            failpoint::point("orders-committed");
        }
        Ok(verdicts)
    }

    /// The checks of an order, in the order of the page: the message itself, the session, the
    /// clientOrderID, unknown names, the rest.
    fn check(
        &mut self,
        tx: &mut Tx<'_>,
        order: Order,
        new: usize,
        new_of_account: &HashMap<AccountId, usize>,
    ) -> Result<Acceptance, StorageError> {
        let instruction = order.instruction();
        let refuse = |refusal: Refusal, reply_to: ReplyTo| -> Result<Acceptance, StorageError> {
            Ok(Acceptance::Refused(instruction, refusal, reply_to))
        };
        if order.reply_to.again
            && let Some(entry) = tx.order_by_message(&order.reply_to.peer.boot, order.reply_to.sequence)?
        {
            return Ok(known(entry, order.reply_to));
        }
        let account = match order.account {
            Ok(account) => account,
            Err(refusal) => return refuse(refusal, order.reply_to),
        };
        if let Some(id) = &order.client_order_id
            && let Some(entry) = tx.order_by_client(account, id)?
        {
            let same = entry.transaction.symbol == order.symbol
                && entry.transaction.side == order.side
                && entry.asked == order.quantity;
            if same {
                return Ok(known(entry, order.reply_to));
            }
            let text = "this clientOrderID names an order with other terms; give each order its own";
            return refuse(Refusal::new(Reason::ClientOrderIdReused, text), order.reply_to);
        }
        let more = new_of_account.get(&account).copied().unwrap_or(0);
        if let Some(refusal) = self.refusal(&order, account, new, more) {
            return refuse(refusal, order.reply_to);
        }
        let (boot, stamped) = (order.reply_to.peer.boot, order.reply_to.timestamp);
        let queued = self.queued(order, account);
        tx.insert_order(&queued.to_row(boot, stamped))?;
        Ok(Acceptance::Queued(Box::new(queued)))
    }

    /// Why an order that is new cannot be queued. `new` orders of the batch before it will be, `more` of them the
    /// account's.
    fn refusal(&mut self, order: &Order, account: AccountId, new: usize, more: usize) -> Option<Refusal> {
        let prices = self.assets.prices();
        let Some(entry) = prices.entry(&order.symbol) else {
            return Some(Refusal::unknown_asset(&order.symbol));
        };
        if prices.exhausted {
            let text = "the market has ended: no update will come that the order could settle at";
            return Some(Refusal::new(Reason::NoPrice, text));
        }
        if entry
            .quote
            .is_some_and(|quote| order.quantity.cost_at(quote.value).is_none())
        {
            let text = fill::text(Reason::QuantityInvalid);
            return Some(Refusal::new(Reason::QuantityInvalid, text));
        }
        if self.queue.of_account(account) + more >= self.limits.queued_per_account
            || self.queue.len() + new >= self.limits.queued
            || !self.orders.allows(&account, Instant::now())
        {
            let text = "too many orders are queued or were sent within a minute; wait for an update";
            return Some(Refusal::new(Reason::Overloaded, text));
        }
        None
    }

    /// The order as it is queued, with its place.
    fn queued(&mut self, order: Order, account: AccountId) -> QueuedOrder {
        self.orders.count(&account, Instant::now());
        let order_key = self.sequencer.give();
        let timestamp = self.timestamp(&order.reply_to, order_key.accepted);
        QueuedOrder {
            turn: SettlementRank {
                timestamp,
                worker: order.reply_to.peer.worker.uuid,
                sequence: order.reply_to.sequence,
                number: order_key.number,
            },
            id: order_key.id,
            account,
            side: order.side,
            symbol: order.symbol,
            quantity: order.quantity,
            accepted: order_key.accepted,
            since: Some(order_key.since),
            client_order_id: order.client_order_id,
            waiters: vec![order.reply_to],
        }
    }

    /// What the worker's stamp counts as; a clock that is far off is reported.
    fn timestamp(&mut self, reply_to: &ReplyTo, accepted: Timestamp) -> Timestamp {
        let worker = &reply_to.peer.worker;
        let (last, reported) = self
            .clocks
            .get(&worker.uuid)
            .copied()
            .map_or((None, None), |(l, r)| (Some(l), r));
        let counts = clamp(reply_to.timestamp, accepted, last);
        let off = reply_to.timestamp.since(accepted);
        let wrong = off > CLOCK_TOLERANCE || (off < -CLOCK_TOLERANCE && !reply_to.again);
        let due = reported.is_none_or(|at| at.elapsed() >= CLOCK_REPORT);
        let reported = if wrong && due {
            crate::warn!(
                "the clock of worker {} differs by {off} ms: its orders count as stamped within limits",
                worker.name
            );
            Some(Instant::now())
        } else {
            reported
        };
        self.clocks.insert(worker.uuid, (counts, reported));
        counts
    }

    /// What the commit made true is said.
    pub(super) fn announce(&mut self, verdicts: Vec<Acceptance>) {
        let expected = self.assets.next_update().unwrap_or_else(Timestamp::now);
        let mut replies = ReplyBatch::new();
        let notice = |replies: &mut ReplyBatch, reply_to: ReplyTo, id: Uuid, name: Option<ClientOrderId>| {
            replies.add(reply_to, |out| {
                Reply::Queued {
                    id,
                    client_order_id: name,
                    expected,
                }
                .write(out)
            });
        };
        for verdict in verdicts {
            match verdict {
                Acceptance::Queued(order) => {
                    for reply_to in &order.waiters {
                        notice(
                            &mut replies,
                            reply_to.clone(),
                            order.id,
                            order.client_order_id.clone(),
                        );
                    }
                    self.queue.push(*order);
                }
                Acceptance::Waits(number, reply_to) => {
                    if let Some(order) = self.queue.get_mut(number) {
                        notice(
                            &mut replies,
                            reply_to.clone(),
                            order.id,
                            order.client_order_id.clone(),
                        );
                        order.waiters.retain(|waiter| waiter.peer.line.is_open());
                        if order.waiters.len() >= WAITERS_MAX {
                            order.waiters.remove(0);
                        }
                        order.waiters.push(reply_to);
                    }
                }
                Acceptance::Done(entry, reply_to) => {
                    replies.add(reply_to, |out| write_outcome(out, &entry.transaction))
                }
                Acceptance::Refused(instruction, refusal, reply_to) => {
                    replies.fail(reply_to, instruction, &refusal);
                }
            }
        }
        replies.send();
    }
}

fn known(entry: LedgerEntry, reply_to: ReplyTo) -> Acceptance {
    if entry.transaction.status == Stage::Queued {
        Acceptance::Waits(entry.turn.number, reply_to)
    } else {
        Acceptance::Done(Box::new(entry), reply_to)
    }
}
