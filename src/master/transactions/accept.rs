//! spec/master/transactions/accept.md · 3.1.7
//!
//! What happens to orders that come in: judged, stored in one commit, announced.

use super::ledger::{self, LedgerEntry};
use super::queue::{QueuedOrder, SettlementRank, WAITERS_MAX, clamp};
use super::{CLOCK_REPORT, Order, OrderState, fill, write_outcome};
use crate::fault;
use crate::master::database;
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::model::{AccountId, ClientOrderId, Reason, Timestamp, TransactionStatus as Stage};
use crate::wire::{Instruction, Refusal, Reply};
use rusqlite::Connection;
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
        database: &mut Connection,
        batch: Vec<Order>,
    ) -> rusqlite::Result<Vec<Acceptance>> {
        let transaction = database::begin(database)?;
        let mut verdicts = Vec::with_capacity(batch.len());
        let mut new_of_account: HashMap<AccountId, usize> = HashMap::new();
        let mut new = 0;
        for order in batch {
            let verdict = self.check(&transaction, order, new, &new_of_account)?;
            if let Acceptance::Queued(queued) = &verdict {
                new += 1;
                *new_of_account.entry(queued.account).or_default() += 1;
            }
            verdicts.push(verdict);
        }
        if new > 0 {
            fault::point("orders-stored");
            database::commit(transaction)?;
            fault::point("orders-committed");
        }
        Ok(verdicts)
    }

    /// The checks of an order, in the order of the page: the message itself, the session, the
    /// clientOrderID, unknown names, the rest.
    fn check(
        &mut self,
        database: &Connection,
        order: Order,
        new: usize,
        new_of_account: &HashMap<AccountId, usize>,
    ) -> rusqlite::Result<Acceptance> {
        let instruction = order.instruction();
        let refuse = |refusal: Refusal, route: ReplyTo| -> rusqlite::Result<Acceptance> {
            Ok(Acceptance::Refused(instruction, refusal, route))
        };
        if order.route.again
            && let Some(origin) = ledger::find_origin(database, &order.route.peer.boot)?
            && let Some(entry) = ledger::by_message(database, origin, order.route.sequence)?
        {
            return Ok(known(entry, order.route));
        }
        let account = match order.account {
            Ok(account) => account,
            Err(refusal) => return refuse(refusal, order.route),
        };
        if let Some(id) = &order.client_order_id
            && let Some(entry) = ledger::by_client(database, account, id)?
        {
            let same = entry.transaction.symbol == order.symbol
                && entry.transaction.side == order.side
                && entry.asked == order.quantity;
            if same {
                return Ok(known(entry, order.route));
            }
            let text = "this clientOrderID names an order with other terms; give each order its own";
            return refuse(Refusal::new(Reason::ClientOrderIdReused, text), order.route);
        }
        let prices = self.assets.prices();
        let Some(entry) = prices.entry(&order.symbol) else {
            let text = format!("there is no asset {}; getAssetList names them", order.symbol);
            return refuse(Refusal::new(Reason::UnknownAsset, text), order.route);
        };
        if prices.exhausted {
            let text = "the market has ended: no update will come that the order could settle at";
            return refuse(Refusal::new(Reason::NoPrice, text), order.route);
        }
        if entry
            .quote
            .is_some_and(|quote| order.quantity.cost_at(quote.value).is_none())
        {
            let text = fill::text(Reason::QuantityInvalid);
            return refuse(Refusal::new(Reason::QuantityInvalid, text), order.route);
        }
        let now = Instant::now();
        let mine = self.queue.of_account(account) + new_of_account.get(&account).copied().unwrap_or(0);
        if mine >= self.limits.queued_per_account
            || self.queue.len() + new >= self.limits.queued
            || !self.orders.allows(&account, now)
        {
            let text = "too many orders are queued or were sent within a minute; wait for an update";
            return refuse(Refusal::new(Reason::Overloaded, text), order.route);
        }
        self.orders.count(&account, now);
        let place = self.places.give();
        let stamp = self.stamp(&order.route, place.accepted);
        let worker = order.route.peer.worker.uuid;
        let queued = QueuedOrder {
            turn: SettlementRank {
                stamp,
                worker,
                sequence: order.route.sequence,
                number: place.number,
            },
            id: place.id,
            account,
            side: order.side,
            symbol: order.symbol,
            quantity: order.quantity,
            accepted: place.accepted,
            since: Some(place.since),
            client_order_id: order.client_order_id,
            waiters: vec![order.route.clone()],
        };
        let origin = ledger::origin(database, &worker, &order.route.peer.boot)?;
        ledger::insert(database, &queued, origin, order.route.stamp)?;
        Ok(Acceptance::Queued(Box::new(queued)))
    }

    /// What the worker's stamp counts as; a clock that is far off is reported.
    fn stamp(&mut self, route: &ReplyTo, accepted: Timestamp) -> Timestamp {
        let worker = &route.peer.worker;
        let (last, reported) = self
            .clocks
            .get(&worker.uuid)
            .copied()
            .map_or((None, None), |(l, r)| (Some(l), r));
        let counts = clamp(route.stamp, accepted, last);
        let off = route.stamp.since(accepted);
        let wrong = off > CLOCK_TOLERANCE || (off < -CLOCK_TOLERANCE && !route.again);
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
        let notice = |replies: &mut ReplyBatch, route: ReplyTo, id: Uuid, name: Option<ClientOrderId>| {
            replies.add(route, |out| {
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
                    for route in &order.waiters {
                        notice(
                            &mut replies,
                            route.clone(),
                            order.id,
                            order.client_order_id.clone(),
                        );
                    }
                    self.queue.push(*order);
                }
                Acceptance::Waits(number, route) => {
                    if let Some(order) = self.queue.get_mut(number) {
                        notice(
                            &mut replies,
                            route.clone(),
                            order.id,
                            order.client_order_id.clone(),
                        );
                        order.waiters.retain(|waiter| waiter.peer.line.is_open());
                        if order.waiters.len() >= WAITERS_MAX {
                            order.waiters.remove(0);
                        }
                        order.waiters.push(route);
                    }
                }
                Acceptance::Done(entry, route) => {
                    replies.add(route, |out| write_outcome(out, &entry.transaction))
                }
                Acceptance::Refused(instruction, refusal, route) => {
                    replies.fail(route, instruction, &refusal);
                }
            }
        }
        replies.send();
    }
}

fn known(entry: LedgerEntry, route: ReplyTo) -> Acceptance {
    if entry.transaction.status == Stage::Queued {
        Acceptance::Waits(entry.turn.number, route)
    } else {
        Acceptance::Done(Box::new(entry), route)
    }
}
