//! spec/master/transactions.md · 3.1.7, 4.6.4, 4.6.5, 4.7.5
//!
//! Accepts orders: checks each, stores all in one commit, and announces them.

use super::acceptance::{
    Acceptance, EndedOrder, StatedOrder, already_stored, holder_of, share_text, stored_by,
};
use super::book::order::OrderEnd;
use super::queue::{OrderHolder, add_waiter, clamp};
use super::sequence::OrderKey;
use super::{CLOCK_REPORT_INTERVAL, OrderState, PendingRequest, fill, write_outcome};
use crate::master::messages::{Order, OrderRequest};
use crate::master::order_watchers::EndedOrders;
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::master::storage::ahead::{self, OrderAhead};
use crate::master::storage::ledger::LedgerEntry;
use crate::master::storage::{Storage, StorageError, Tx};
use crate::model::{
    AccountId, ActionKind, ClientOrderId, OpenValue, OrderAmount, OrderTerms, Quantity, Quote,
    Reason, Side, Symbol, TimeInForce, Timestamp,
};
use crate::runtime::{Heartbeat, failpoint};
use crate::wire::{Refusal, Reply};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// A worker's clock that differs from the master's by more milliseconds than this is logged.
const CLOCK_TOLERANCE_MS: i64 = 5_000;

/// What the new orders of a batch will ask the database for.
fn orders_ahead(batch: &[PendingRequest]) -> Vec<OrderAhead<'_>> {
    let asked = batch.iter().filter_map(|PendingRequest { request, .. }| {
        let (reply_to, account, side, symbol, name) = match request {
            OrderRequest::Order(it) => (
                &it.reply_to,
                &it.account,
                it.side,
                it.symbol,
                &it.client_order_id,
            ),
            OrderRequest::Place(it) => (
                &it.reply_to,
                &it.account,
                it.side,
                it.symbol,
                &it.client_order_id,
            ),
            OrderRequest::Cancel(_) | OrderRequest::Replace(_) => return None,
        };
        let peer = &reply_to.peer;
        Some(OrderAhead {
            message: (peer.worker.uuid, peer.boot, reply_to.sequence),
            account: *account.as_ref().ok()?,
            client_order_id: name.as_ref(),
            sold: (side == Side::Sell).then_some(symbol),
        })
    });
    asked.collect()
}

impl OrderState {
    /// Checks a batch of requests and stores what they change in one commit.
    pub(super) fn store(
        &mut self,
        storage: &mut Storage,
        heartbeat: &Heartbeat,
        batch: Vec<PendingRequest>,
    ) -> Result<Vec<Acceptance>, StorageError> {
        self.disk.look(Instant::now());
        self.undo.clear();
        self.held.clear();
        let deferred = self.deferred.len();
        let stored = storage.write_beating(heartbeat, |tx| {
            ahead::orders(tx, || orders_ahead(&batch))?;
            let mut acceptances = Vec::with_capacity(batch.len());
            for PendingRequest { request, moment } in batch {
                acceptances.push(match request {
                    OrderRequest::Order(order) => self.check(tx, order)?,
                    OrderRequest::Place(order) => self.check_place(tx, order)?,
                    OrderRequest::Cancel(cancel) => self.check_cancel(tx, cancel, moment)?,
                    OrderRequest::Replace(replace) => self.check_replace(tx, replace, moment)?,
                });
            }
            if !self.undo.is_empty() {
                failpoint::point("orders-stored");
            }
            Ok(acceptances)
        });
        match &stored {
            Ok(_) if !self.undo.is_empty() => failpoint::point("orders-committed"),
            Ok(_) => {}
            Err(_) => {
                // Their senders are told that nothing was done.
                self.deferred.truncate(deferred);
                self.roll_back_to(0);
            }
        }
        self.undo.clear();
        self.held.clear();
        stored
    }

    /// Checks a purchaseAsset or sellAsset and stores a new order. The checks come in the order of
    /// the page: repeated message, session, client order ID, asset, limits, means.
    fn check(&mut self, tx: &mut Tx<'_>, order: Order) -> Result<Acceptance, StorageError> {
        let instruction = order.instruction();
        if order.reply_to.again
            && let Some(entry) = stored_by(tx, &order.reply_to)?
        {
            return Ok(already_stored(entry, order.reply_to));
        }
        let account = match self.acting(&order.account) {
            Ok(account) => account,
            Err(refusal) => return Ok(Acceptance::Refused(instruction, refusal, order.reply_to)),
        };
        if let Some(id) = &order.client_order_id
            && let Some(entry) = tx.order_by_client(account, id)?
        {
            let is_same = tx.order_details(entry.rank.number)?.is_none()
                && self.is_same_order(&entry, &order);
            return Ok(if is_same {
                already_stored(entry, order.reply_to)
            } else {
                Acceptance::reused(instruction, order.reply_to)
            });
        }
        let stated = StatedOrder {
            side: order.side,
            symbol: order.symbol,
            amount: OrderAmount::Units(order.quantity),
            terms: OrderTerms::Market,
            time_in_force: TimeInForce::Gtc,
            // What waits in the book gets its end there.
            end: OrderEnd::UNKNOWN,
            client_order_id: order.client_order_id,
            asked: None,
            replaces: None,
        };
        let holder = holder_of(account, &order.reply_to);
        let moment = self.moment();
        match self.draft(tx, &stated, &holder, moment)? {
            Ok(draft) => self.insert(tx, stated, draft, &holder, instruction, order.reply_to),
            Err(refusal) => Ok(Acceptance::Refused(instruction, refusal, order.reply_to)),
        }
    }

    /// The account that a session stands for, unless it was deleted while the request was under way.
    pub(super) fn acting(
        &self,
        account: &Result<AccountId, Refusal>,
    ) -> Result<AccountId, Refusal> {
        match account {
            Ok(account) if self.deleted.contains_key(account) => Err(Refusal::session_expired()),
            other => other.clone(),
        }
    }

    /// Whether a stored order has the terms of this one. Its asset may have been renamed in between.
    fn is_same_order(&self, entry: &LedgerEntry, order: &Order) -> bool {
        let prices = self.assets.prices();
        prices.is_renamed(order.symbol, entry.transaction.symbol)
            && entry.transaction.side == order.side
            && entry.asked == order.quantity
    }

    /// Whether the asset can be traded, and the total at its latest price is within the limit.
    pub(super) fn check_asset(
        &self,
        symbol: &Symbol,
        units: Option<Quantity>,
    ) -> Result<(), Refusal> {
        let prices = self.assets.prices();
        if let Some(end) = prices.end_of(symbol) {
            let date = end.time.date();
            let text = match end.kind {
                ActionKind::Rename(new) => format!("{symbol} is {new} since {date}; trade {new}"),
                ActionKind::Merge { new, .. } => {
                    format!("{symbol} was merged into {new} on {date}: nobody holds it any more")
                }
                ActionKind::Delist(_)
                | ActionKind::Split(_)
                | ActionKind::Dividend(_)
                | ActionKind::SpinOff { .. }
                | ActionKind::Cancel => {
                    format!("{symbol} was delisted on {date}: nobody holds it any more")
                }
            };
            return Err(Refusal::new(Reason::NoPrice, text));
        }
        let Some(entry) = prices.entry(symbol) else {
            let Some(last) = prices.last_quote(symbol) else {
                return Err(Refusal::unknown_asset(symbol));
            };
            let text = format!(
                "{symbol} is not on the list of assets any more: it keeps its last price, {} of {}, \
                 and cannot be traded until it is back",
                last.value, last.time
            );
            return Err(Refusal::new(Reason::UnknownAsset, text));
        };
        if prices.exhausted {
            let text = "the market has ended: no update will come that the order could settle at";
            return Err(Refusal::new(Reason::NoPrice, text));
        }
        let is_beyond = |quote: Quote| units.is_some_and(|it| it.cost_at(quote.value).is_none());
        if entry.quote.is_some_and(is_beyond) {
            let text = fill::text(Reason::QuantityInvalid);
            return Err(Refusal::new(Reason::QuantityInvalid, text));
        }
        Ok(())
    }

    /// Whether one more order of this holder may be stored, and if it is to be queued, whether the
    /// queue has room for it. An order that passes counts against the account's orders a minute.
    pub(super) fn check_limits(
        &mut self,
        holder: &OrderHolder,
        is_queued: bool,
    ) -> Result<(), Refusal> {
        let (now, account) = (Instant::now(), holder.asker);
        self.disk.check()?;
        let overloaded = |text: &str| Err(Refusal::new(Reason::Overloaded, text));
        if is_queued {
            if self.queue.of_account(account) >= self.limits.queued_per_account {
                return overloaded(
                    "as many orders of this account are queued as one may have; wait for an update",
                );
            }
            if let Err(full) = self.queue.check_share(holder) {
                return overloaded(share_text(full));
            }
        }
        if let Some(wait) = self.rejections.refused_for(account, now) {
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            let until = Timestamp(Timestamp::now().0.saturating_add(wait));
            let text = format!("too many orders of this account were rejected; wait until {until}");
            return overloaded(&text);
        }
        if !self.orders.allows(&account, now) {
            return overloaded("this account sent too many orders within a minute; wait a minute");
        }
        self.orders.count(&account, now);
        Ok(())
    }

    /// The timestamp that orders the queue: the worker's, within [`clamp`]'s limits. Logs a clock
    /// that differs by more than [`CLOCK_TOLERANCE_MS`].
    pub(super) fn effective_timestamp(&mut self, reply_to: &ReplyTo, key: &OrderKey) -> Timestamp {
        let worker = &reply_to.peer.worker;
        let (last, reported) = self
            .clocks
            .get(&worker.uuid)
            .copied()
            .map_or((None, None), |(l, r)| (Some(l), r));
        let stamped = stamp_by_clock_of(reply_to.timestamp, key);
        let effective = clamp(stamped, key.accepted, last);
        let off = stamped.since(key.accepted);
        let is_wrong = off > CLOCK_TOLERANCE_MS || (off < -CLOCK_TOLERANCE_MS && !reply_to.again);
        let is_due = reported.is_none_or(|at| at.elapsed() >= CLOCK_REPORT_INTERVAL);
        let reported = if is_wrong && is_due {
            crate::warn!(
                "the clock of worker {} differs by {off} ms: its orders count as stamped within limits",
                worker.name
            );
            Some(Instant::now())
        } else {
            reported
        };
        self.clocks.insert(worker.uuid, (effective, reported));
        effective
    }

    /// Sends the replies after the commit.
    pub(super) fn announce(&mut self, acceptances: Vec<Acceptance>) {
        let expected = self.assets.next_update().unwrap_or_else(Timestamp::now);
        let mut replies = ReplyBatch::new();
        let watchers = Arc::clone(&self.watchers);
        let mut notices = EndedOrders::new(&watchers);
        let queued = |id: Uuid, client_order_id: Option<ClientOrderId>| Reply::Queued {
            id,
            client_order_id,
            expected,
        };
        for acceptance in acceptances {
            match acceptance {
                Acceptance::Queued(number) => {
                    let Some(order) = self.queue.get(number) else {
                        continue;
                    };
                    for reply_to in &order.waiters {
                        let reply = queued(order.id, order.client_order_id.clone());
                        replies.add(reply_to.clone(), |out| reply.write(out));
                    }
                }
                Acceptance::Waits(entry, reply_to) => {
                    let transaction = entry.transaction;
                    let reply = queued(transaction.id, transaction.client_order_id);
                    replies.add(reply_to.clone(), |out| reply.write(out));
                    let number = entry.rank.number;
                    match self.queue.get_mut(number) {
                        Some(order) => add_waiter(&mut order.waiters, reply_to),
                        None => self.waiting.add_waiter(number, reply_to),
                    }
                }
                Acceptance::Done(entry, reply_to) => {
                    replies.add(reply_to, |out| write_outcome(out, &entry.transaction))
                }
                Acceptance::Refused(instruction, refusal, reply_to) => {
                    if let OpenValue::Known(reason) = &refusal.reason {
                        self.refused.add(*reason, &reply_to);
                    }
                    replies.fail(reply_to, instruction, &refusal);
                }
                Acceptance::Placed {
                    id,
                    client_order_id,
                    status,
                    replaced,
                    reply_to,
                } => {
                    tell_ended(&mut replies, &mut notices, replaced);
                    let reply = Reply::OrderPlaced {
                        id,
                        client_order_id,
                        status: OpenValue::Known(status),
                    };
                    replies.add(reply_to, |out| reply.write(out));
                }
                Acceptance::Cancelled {
                    id,
                    ended,
                    reply_to,
                } => {
                    tell_ended(&mut replies, &mut notices, ended);
                    replies.add(reply_to, |out| Reply::OrderCancelled { id }.write(out));
                }
                Acceptance::Deferred => {}
            }
        }
        replies.send();
        notices.send();
    }
}

/// Sends the outcome of an order to all who wait for it, and to who watches its account's orders.
fn tell_ended(replies: &mut ReplyBatch, notices: &mut EndedOrders<'_>, ended: Option<EndedOrder>) {
    if let Some(EndedOrder {
        transaction,
        waiters,
    }) = ended
    {
        for waiter in waiters {
            replies.add(waiter, |out| write_outcome(out, &transaction));
        }
        notices.add(&transaction);
    }
}

/// A worker's stamp by the clock of the time of acceptance. Where ours was set back, that is ahead,
/// and a worker's clock that was right all the time is behind it by as much; one that was set back
/// with ours, on the same machine perhaps, is ahead as well.
fn stamp_by_clock_of(stamp: Timestamp, key: &OrderKey) -> Timestamp {
    let moved = Timestamp(stamp.0.saturating_add(key.ahead));
    let off = |time: Timestamp| time.since(key.accepted).saturating_abs();
    if off(moved) < off(stamp) {
        moved
    } else {
        stamp
    }
}

#[cfg(test)]
mod tests;
