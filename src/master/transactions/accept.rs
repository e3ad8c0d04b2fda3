//! spec/master/transactions.md · 3.1.7, 4.6.4, 4.6.5, 4.7.5
//!
//! Accepts orders: checks each, stores all in one commit, and announces them.

use super::queue::{OrderHolder, QueuedOrder, WAITERS_MAX, clamp};
use super::sequence::OrderKey;
use super::{CLOCK_REPORT_INTERVAL, OrderState, fill, write_outcome};
use crate::master::messages::Order;
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::master::storage::ledger::LedgerEntry;
use crate::master::storage::{Storage, StorageError, Tx};
use crate::model::{ActionKind, ClientOrderId, Reason, SettlementRank, Timestamp};
use crate::runtime::dynamic_share::ShareError;
use crate::runtime::neighbourhood::Neighbourhood;
use crate::runtime::{Heartbeat, failpoint};
use crate::wire::{Instruction, Refusal, Reply};
use std::time::Instant;
use uuid::Uuid;

/// A worker's clock that differs from the master's by more milliseconds than this is logged.
const CLOCK_TOLERANCE_MS: i64 = 5_000;

/// The result of an order's checks. It is announced after the commit.
pub(super) enum Acceptance {
    /// A new order on the queue.
    Queued(Box<QueuedOrder>),
    /// The repeat of a queued order: its sender also waits for the outcome.
    Waits(i64, ReplyTo),
    /// The repeat of a settled or rejected order.
    Done(Box<LedgerEntry>, ReplyTo),
    /// A refused order. Nothing is stored.
    Refused(Instruction, Refusal, ReplyTo),
}

impl OrderState {
    /// Checks a batch of orders and stores the new ones in one commit.
    pub(super) fn store(
        &mut self,
        storage: &mut Storage,
        heartbeat: &Heartbeat,
        batch: Vec<Order>,
    ) -> Result<Vec<Acceptance>, StorageError> {
        self.disk.look(Instant::now());
        let mut taken: Vec<OrderHolder> = Vec::new();
        let stored = storage.write_beating(heartbeat, |tx| {
            let mut acceptances = Vec::with_capacity(batch.len());
            for order in batch {
                let acceptance = self.check(tx, order)?;
                if let Acceptance::Queued(queued) = &acceptance {
                    let holder = queued.holder();
                    self.queue.take_place(&holder);
                    taken.push(holder);
                }
                acceptances.push(acceptance);
            }
            if !taken.is_empty() {
                failpoint::point("orders-stored");
            }
            Ok(acceptances)
        });
        match &stored {
            Ok(_) if !taken.is_empty() => failpoint::point("orders-committed"),
            Ok(_) => {}
            Err(_) => taken
                .iter()
                .for_each(|holder| self.queue.free_place(holder)),
        }
        stored
    }

    /// Checks an order and stores a new one. The checks come in the order of the page: repeated
    /// message, session, client order ID, asset, limits.
    fn check(&mut self, tx: &mut Tx<'_>, order: Order) -> Result<Acceptance, StorageError> {
        let instruction = order.instruction();
        if order.reply_to.again
            && let Some(entry) = stored_by(tx, &order.reply_to)?
        {
            return Ok(already_stored(entry, order.reply_to));
        }
        let account = match order.account {
            Ok(account) => account,
            Err(refusal) => return Ok(Acceptance::Refused(instruction, refusal, order.reply_to)),
        };
        if self.deleted.contains_key(&account) {
            let refusal = Refusal::session_expired();
            return Ok(Acceptance::Refused(instruction, refusal, order.reply_to));
        }
        if let Some(id) = &order.client_order_id
            && let Some(entry) = tx.order_by_client(account, id)?
        {
            let prices = self.assets.prices();
            let is_same = prices.is_renamed(order.symbol, entry.transaction.symbol);
            return Ok(same_client_order_id(entry, order, is_same));
        }
        let holder = OrderHolder {
            asker: account,
            near: Some(Neighbourhood::of(order.reply_to.client_ip())),
            source: Some(order.reply_to.peer.worker.uuid),
        };
        let checked = self
            .check_asset(&order)
            .and_then(|()| self.check_limits(&holder));
        match checked {
            Ok(()) => self.enqueue(tx, order, &holder),
            Err(refusal) => Ok(Acceptance::Refused(instruction, refusal, order.reply_to)),
        }
    }

    /// Whether the asset can be traded, and the total at its latest price is within the limit.
    fn check_asset(&self, order: &Order) -> Result<(), Refusal> {
        let prices = self.assets.prices();
        if let Some(end) = prices.end_of(&order.symbol) {
            let (symbol, date) = (order.symbol, end.time.date());
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
        let Some(entry) = prices.entry(&order.symbol) else {
            let Some(last) = prices.last_quote(&order.symbol) else {
                return Err(Refusal::unknown_asset(&order.symbol));
            };
            let text = format!(
                "{} is not on the list of assets any more: it keeps its last price, {} of {}, and \
                 cannot be traded until it is back",
                order.symbol, last.value, last.time
            );
            return Err(Refusal::new(Reason::UnknownAsset, text));
        };
        if prices.exhausted {
            let text = "the market has ended: no update will come that the order could settle at";
            return Err(Refusal::new(Reason::NoPrice, text));
        }
        if entry
            .quote
            .is_some_and(|quote| order.quantity.cost_at(quote.value).is_none())
        {
            let text = fill::text(Reason::QuantityInvalid);
            return Err(Refusal::new(Reason::QuantityInvalid, text));
        }
        Ok(())
    }

    /// Whether the queue has room for one more order of this holder. An order that passes counts
    /// against the account's orders a minute.
    fn check_limits(&mut self, holder: &OrderHolder) -> Result<(), Refusal> {
        let (now, account) = (Instant::now(), holder.asker);
        self.disk.check()?;
        let overloaded = |text: &str| Err(Refusal::new(Reason::Overloaded, text));
        if self.queue.of_account(account) >= self.limits.queued_per_account {
            return overloaded(
                "as many orders of this account are queued as one may have; wait for an update",
            );
        }
        if let Err(full) = self.queue.check_share(holder) {
            return overloaded(share_text(full));
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

    /// Gives an order its number, and stores it.
    fn enqueue(
        &mut self,
        tx: &mut Tx<'_>,
        order: Order,
        holder: &OrderHolder,
    ) -> Result<Acceptance, StorageError> {
        let order_key = self.sequencer.give();
        let timestamp = self.effective_timestamp(&order.reply_to, &order_key);
        let worker = order.reply_to.peer.worker.uuid;
        let queued = QueuedOrder {
            rank: SettlementRank {
                timestamp,
                worker,
                sequence: order.reply_to.sequence,
                number: order_key.number,
            },
            id: order_key.id,
            account: holder.asker,
            side: order.side,
            symbol: order.symbol,
            quantity: order.quantity,
            asked: order.quantity,
            accepted: order_key.accepted,
            since: Some(order_key.since),
            near: holder.near,
            client_order_id: order.client_order_id,
            waits_since: self.assets.prices().waiting_from(&order.symbol),
            waiters: vec![order.reply_to.clone()],
        };
        let row = queued.to_row(order.reply_to.peer.boot, order.reply_to.timestamp);
        if tx.insert_order(&row)? {
            return Ok(Acceptance::Queued(Box::new(queued)));
        }
        // Its link session lets no number pass twice, but where an older link of the same process
        // is still read. An order that cannot be stored is the error of nobody else's.
        Ok(match stored_by(tx, &order.reply_to)? {
            Some(entry) => already_stored(entry, order.reply_to),
            None => {
                let instruction = Order::instruction_for(queued.side);
                Acceptance::Refused(instruction, Refusal::not_stored(), order.reply_to)
            }
        })
    }

    /// The timestamp that orders the queue: the worker's, within [`clamp`]'s limits. Logs a clock
    /// that differs by more than [`CLOCK_TOLERANCE_MS`].
    fn effective_timestamp(&mut self, reply_to: &ReplyTo, key: &OrderKey) -> Timestamp {
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

    /// Sends the replies after the commit, and puts new orders on the queue in memory.
    pub(super) fn announce(&mut self, acceptances: Vec<Acceptance>) {
        let expected = self.assets.next_update().unwrap_or_else(Timestamp::now);
        let mut replies = ReplyBatch::new();
        let notice =
            |replies: &mut ReplyBatch, reply_to: ReplyTo, id: Uuid, name: Option<ClientOrderId>| {
                replies.add(reply_to, |out| {
                    Reply::Queued {
                        id,
                        client_order_id: name,
                        expected,
                    }
                    .write(out)
                });
            };
        for acceptance in acceptances {
            match acceptance {
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
                        order.waiters.retain(|waiter| waiter.peer.link.is_open());
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

/// Whose share of the queue is full, for the client.
fn share_text(full: ShareError) -> &'static str {
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

/// The order that a link message has brought already.
fn stored_by(tx: &mut Tx<'_>, reply_to: &ReplyTo) -> Result<Option<LedgerEntry>, StorageError> {
    let peer = &reply_to.peer;
    tx.order_by_message(&peer.worker.uuid, &peer.boot, reply_to.sequence)
}

/// The answer to an order whose client order ID the account has used: that of the stored order if
/// both have the same terms, else a refusal. `is_asset`: whether both have the same asset, which may
/// have been renamed in between.
fn same_client_order_id(entry: LedgerEntry, order: Order, is_asset: bool) -> Acceptance {
    let is_same = is_asset && entry.transaction.side == order.side && entry.asked == order.quantity;
    if is_same {
        return already_stored(entry, order.reply_to);
    }
    let text = "this clientOrderID names an order with other terms; give each order its own";
    let refusal = Refusal::new(Reason::ClientOrderIdReused, text);
    Acceptance::Refused(order.instruction(), refusal, order.reply_to)
}

/// The answer to a repeated order: it waits for the outcome, or gets it.
fn already_stored(entry: LedgerEntry, reply_to: ReplyTo) -> Acceptance {
    if !entry.transaction.status.is_final() {
        Acceptance::Waits(entry.rank.number, reply_to)
    } else {
        Acceptance::Done(Box::new(entry), reply_to)
    }
}

#[cfg(test)]
mod tests;
