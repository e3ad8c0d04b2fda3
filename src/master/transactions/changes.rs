//! spec/master/transactions.md · 3.1.7 ("all transactions go through a queue")
//!
//! Changes of the queue and the book in memory. Those of a batch are made while its commit is being
//! prepared, so that each order sees the ones before it, and are undone if it fails.
//!
//! Tests: `src/master/transactions/place/tests.rs`.

use super::OrderState;
use super::queue::QueuedOrder;
use super::waiting::{TakenOrder, opened};
use crate::master::reply_to::ReplyTo;
use crate::model::Timestamp;

/// A change of a batch.
#[derive(Debug)]
pub(super) enum Change {
    /// An order was added, with this number.
    Added(i64),
    /// An order of the queue was cancelled.
    Unqueued(Box<QueuedOrder>),
    /// An order of the book was cancelled.
    Closed(Box<TakenOrder>),
}

impl OrderState {
    /// Adds an order to the queue: it takes a place, and holds back what it promises.
    pub(super) fn queue_order(&mut self, order: QueuedOrder) {
        self.waiting
            .book_mut()
            .reserves_mut()
            .hold(&order.promise());
        self.queue.restore(order);
    }

    /// Takes an order from the queue.
    pub(super) fn unqueue_order(&mut self, number: i64) -> Option<QueuedOrder> {
        let order = self.queue.remove(number)?;
        let reserves = self.waiting.book_mut().reserves_mut();
        reserves.release(&order.promise());
        Some(order)
    }

    /// Changes an order of the queue, and what it holds back.
    pub(super) fn change_queued(&mut self, number: i64, change: impl FnOnce(&mut QueuedOrder)) {
        let Some(order) = self.queue.get_mut(number) else {
            return;
        };
        let reserves = self.waiting.book_mut().reserves_mut();
        reserves.release(&order.promise());
        change(order);
        reserves.hold(&order.promise());
    }

    /// Moves an order from the queue to the book, where it waits since this market time at the
    /// latest. It keeps its place.
    pub(super) fn open_order(&mut self, number: i64, since: Timestamp) {
        if let Some(order) = self.unqueue_order(number) {
            self.queue.take_place(&order.holder());
            let waiting = opened(&order, since);
            self.waiting.insert(waiting, order.near, order.waiters);
        }
    }

    /// Takes an order from the book.
    pub(super) fn close_order(&mut self, number: i64) -> Option<TakenOrder> {
        let taken = self.waiting.remove(number)?;
        self.free_queue_place(&taken);
        Some(taken)
    }

    /// Frees the place in the queue that an order from the book has kept, if it has.
    pub(super) fn free_queue_place(&mut self, taken: &TakenOrder) {
        if let Some(holder) = taken.queue_place() {
            self.queue.free_place(&holder);
        }
    }

    /// Takes an order out, wherever it is, and returns who waits for its outcome.
    pub(super) fn take_out(&mut self, number: i64) -> Vec<ReplyTo> {
        if let Some(order) = self.unqueue_order(number) {
            let waiters = order.waiters.clone();
            self.undo.push(Change::Unqueued(Box::new(order)));
            return waiters;
        }
        match self.close_order(number) {
            Some(taken) => {
                let waiters = taken.waiters.clone();
                self.undo.push(Change::Closed(Box::new(taken)));
                waiters
            }
            None => Vec::new(),
        }
    }

    /// Undoes the changes of a batch behind the first `kept`.
    pub(super) fn roll_back_to(&mut self, kept: usize) {
        while self.undo.len() > kept {
            let Some(change) = self.undo.pop() else {
                return;
            };
            match change {
                Change::Added(number) => {
                    if self.unqueue_order(number).is_none() {
                        self.close_order(number);
                    }
                }
                Change::Unqueued(order) => self.queue_order(*order),
                Change::Closed(taken) => {
                    if let Some(holder) = taken.queue_place() {
                        self.queue.take_place(&holder);
                    }
                    self.waiting.put_back(*taken);
                }
            }
        }
    }
}
