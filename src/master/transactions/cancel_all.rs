//! spec/master/transactions/cancel_all.md · 3.1.7, 3.1.3
//!
//! Cancels orders of an account for an administrator, and all where it is locked or deleted, in one
//! commit with the writes of whoever asks for it. It never withdraws an order from an update that
//! is under way. Whoever waits for an order that a restart has cancelled is told here, too.
//!
//! Tests: `src/master/transactions/cancel_all/tests.rs`, `tests/suite/master/deletion.rs`.

use super::settle::ended;
use super::{Transactions, fill};
use crate::master::messages::{AccountCancellation, AdminCancellation, Order};
use crate::master::order_watchers::EndedOrders;
use crate::master::reply_to::ReplyBatch;
use crate::master::storage::acts::{AccountAct, ActKind};
use crate::master::storage::ledger::Settlement;
use crate::model::{AccountId, Reason, Timestamp};
use crate::runtime::failpoint;
use crate::wire::Refusal;
use std::sync::Arc;
use std::time::Instant;

impl AccountCancellation {
    /// That of an account that is locked. Nobody waits for it.
    pub(super) fn of_locked(account: AccountId) -> AccountCancellation {
        AccountCancellation {
            account,
            order: None,
            by: None,
            is_deletion: false,
            writes: None,
            done: Box::new(|_| {}),
        }
    }
}

impl AdminCancellation {
    /// Whether it is in time, and ends an order.
    fn check(&self, order: Option<i64>, count: usize) -> Result<(), Refusal> {
        let username = &self.username;
        let in_time = self.act.in_time("a cancel", username);
        in_time.map_err(|text| Refusal::new(Reason::Overloaded, text))?;
        match (count, order) {
            (1.., _) => Ok(()),
            (0, Some(_)) => {
                let text = "the order has ended in the meantime";
                Err(Refusal::new(Reason::NotOpen, text))
            }
            (0, None) => {
                let text = format!("no order of {username} waits");
                Err(Refusal::new(Reason::NotOpen, text))
            }
        }
    }
}

impl Transactions {
    /// Makes the cancellations that wait, unless an update is under way: who asked after its
    /// retrieval began may know its prices.
    pub(super) fn cancel_all(&mut self) {
        while !self.cancellations.is_empty() && !self.state.is_behind() {
            if let Some(cancellation) = self.cancellations.pop_front() {
                self.cancel_all_of(cancellation);
            }
        }
    }

    /// Cancels orders of an account in one commit, and then tells who waits for them.
    fn cancel_all_of(&mut self, cancellation: AccountCancellation) {
        let AccountCancellation {
            account,
            order,
            by,
            is_deletion,
            writes,
            done,
        } = cancellation;
        let mut numbers = self.numbers_of(account);
        numbers.retain(|number| order.is_none_or(|order| order == *number));
        let detail = self.cancel_detail(order, numbers.len());
        let ended = self.state.sequencer.end_time();
        let stored = self.storage.write_beating(&self.heartbeat, |tx| {
            if let Some(writes) = writes
                && let Err(refusal) = writes(tx)?
            {
                return Ok(Err(refusal));
            }
            if let Some(by) = &by {
                if let Err(refusal) = by.check(order, numbers.len()) {
                    return Ok(Err(refusal));
                }
                let act = AccountAct::now(ActKind::CancelOrders, &by.act.caller, detail);
                tx.insert_grant_act(account, &act)?;
            }
            tx.cancel_orders(&numbers, ended)?;
            if is_deletion {
                tx.forget_texts(account)?;
            }
            failpoint::point("cancellation-stored");
            Ok(Ok(()))
        });
        match stored {
            Ok(Ok(())) => {
                failpoint::point("cancellation-committed");
                if is_deletion {
                    self.state.deleted.insert(account, Instant::now());
                }
                self.tell_cancelled(&numbers, ended);
                done(Ok(numbers.len()));
            }
            Ok(Err(refusal)) => done(Err(refusal)),
            Err(error) => {
                crate::error!(
                    "{} orders of account {} could not be cancelled: {error}",
                    numbers.len(),
                    account.0
                );
                done(Err(Refusal::not_stored()));
            }
        }
    }

    /// What an account keeps of an administrator's cancel of one order, or of so many.
    fn cancel_detail(&self, order: Option<i64>, count: usize) -> String {
        let id = order.and_then(|number| {
            let queued = self.state.queue.get(number).map(|order| order.id);
            queued.or_else(|| Some(self.state.waiting.book().get(number)?.id))
        });
        match id {
            Some(id) => format!("order {}", id.hyphenated()),
            None => format!("orders cancelled: {count}"),
        }
    }

    /// Removes orders that were cancelled at this time from the queue and the book, and answers
    /// who waits for their outcomes.
    pub(super) fn tell_cancelled(&mut self, numbers: &[i64], at: Timestamp) {
        let refusal = Refusal::new(Reason::Cancelled, fill::text(Reason::Cancelled));
        let outcome = Settlement::Cancelled(Reason::Cancelled);
        let mut replies = ReplyBatch::new();
        let watchers = Arc::clone(&self.state.watchers);
        let mut notices = EndedOrders::new(&watchers);
        for number in numbers {
            let (transaction, waiters) = if let Some(order) = self.state.unqueue_order(*number) {
                (order.transaction(), order.waiters)
            } else if let Some(taken) = self.state.close_order(*number) {
                (taken.order.transaction(), taken.waiters)
            } else {
                continue;
            };
            let transaction = ended(transaction, &outcome, at);
            notices.add(&transaction);
            let instruction = Order::instruction_for(transaction.side);
            for reply_to in waiters {
                replies.fail(reply_to, instruction, &refusal);
            }
        }
        replies.send();
        notices.send();
    }
}

#[cfg(test)]
mod tests;
