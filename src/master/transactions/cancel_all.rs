//! spec/master/transactions/cancel_all.md · 3.1.7, 3.1.3
//!
//! Cancels all orders of an account that is locked or deleted, in one commit with the writes of
//! whoever asks for it. It never withdraws an order from an update that is under way. Whoever
//! waits for an order that a restart has cancelled is told here, too.
//!
//! Tests: `src/master/transactions/cancel_all/tests.rs`, `tests/suite/master/deletion.rs`.

use super::book::order::BookOrder;
use super::settle::{ended_transaction, settled_transaction};
use super::{Transactions, fill};
use crate::master::messages::{AccountCancellation, Order};
use crate::master::order_watchers::EndedOrders;
use crate::master::reply_to::ReplyBatch;
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
            is_deletion: false,
            writes: None,
            done: Box::new(|_| {}),
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

    /// Cancels the orders of an account in one commit, and then tells who waits for them.
    fn cancel_all_of(&mut self, cancellation: AccountCancellation) {
        let AccountCancellation {
            account,
            is_deletion,
            writes,
            done,
        } = cancellation;
        let mut numbers = self.state.queue.numbers_of(account);
        let open = self.state.waiting.book().of_account(account);
        numbers.extend(open.map(BookOrder::number));
        let stored = self.storage.write_beating(&self.heartbeat, |tx| {
            if let Some(writes) = writes
                && let Err(refusal) = writes(tx)?
            {
                return Ok(Err(refusal));
            }
            tx.cancel_orders(&numbers, Timestamp::now())?;
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
                self.tell_cancelled(&numbers);
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

    /// Removes cancelled orders from the queue and the book, and answers who waits for their
    /// outcomes.
    pub(super) fn tell_cancelled(&mut self, numbers: &[i64]) {
        let refusal = Refusal::new(Reason::Cancelled, fill::text(Reason::Cancelled));
        let outcome = Settlement::Cancelled(Reason::Cancelled);
        let mut replies = ReplyBatch::new();
        let watchers = Arc::clone(&self.state.watchers);
        let mut notices = EndedOrders::new(&watchers);
        let now = Timestamp::now();
        for number in numbers {
            let (transaction, waiters) = if let Some(order) = self.state.unqueue_order(*number) {
                (settled_transaction(&order, &outcome, now), order.waiters)
            } else if let Some(taken) = self.state.waiting.remove(*number) {
                (
                    ended_transaction(&taken.order, &outcome, now),
                    taken.waiters,
                )
            } else {
                continue;
            };
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
