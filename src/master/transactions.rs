//! spec/master/transactions.md · 3.1.7 Assets Buy & Sell
//!
//! Keeps the durable queue and settles it at each update. Never announces an order that is not on disk, and
//! never answers one whose settlement is not.

mod accept;
pub mod fill;
pub mod queue;
pub mod sequence;
pub mod settle;

use super::messages::{AssetsHandle, Order, QueueStatus, TransactionsMessage, Update};
use super::reply_to::{ReplyBatch, ReplyTo};
use super::storage::{Storage, StorageError};
use crate::config::{MasterConfig, MasterLimits};
use crate::model::{AccountId, Reason, Timestamp, Transaction};
use crate::runtime::Module;
use crate::runtime::rate_limiter::KeyedRateLimiter;
use crate::wire::reply::{Fill, write_fail};
use crate::wire::{Instruction, Refusal, Reply};
use queue::{OrderQueue, PriceVisibility, QueuedOrder};
use sequence::Sequencer;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Orders that go into one commit, about: those of the message that reaches it join, too.
const COMMIT_BATCH_MAX: usize = 8192;
/// How often it is reported.
const CLOCK_REPORT: Duration = Duration::from_secs(60);

/// The settings that matter here.
#[derive(Debug, Clone, Copy)]
struct OrderLimits {
    queued: usize,
    queued_per_account: usize,
}

impl OrderLimits {
    fn of(limits: &MasterLimits) -> OrderLimits {
        let count = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        OrderLimits {
            queued: count(limits.max_queued),
            queued_per_account: count(limits.max_queued_per_account),
        }
    }
}

/// The module's whole state.
pub struct Transactions {
    storage: Storage,
    desk: OrderState,
    /// Orders of this turn that no commit has taken yet.
    batch: Vec<Order>,
    tidied: Instant,
    last_settled: usize,
    last_micros: u64,
}

/// All of it but the database, which a commit borrows meanwhile.
struct OrderState {
    assets: AssetsHandle,
    queue: OrderQueue,
    sequencer: Sequencer,
    limits: OrderLimits,
    orders: KeyedRateLimiter<AccountId>,
    /// What each worker's latest stamp counted as, and when its clock was last reported.
    clocks: HashMap<Uuid, (Timestamp, Option<Instant>)>,
    /// Whether splits or dividends may be stored that the ledger does not have: the process before this one
    /// ended, or a settlement failed, between the two.
    behind: bool,
    /// And since when their prices could be seen.
    seen: PriceVisibility,
}

/// Orders that are there already join the same commit; an update settles after what came before it.
impl Module for Transactions {
    type Message = TransactionsMessage;
    const BATCH_MAX: usize = COMMIT_BATCH_MAX;

    fn on_message(&mut self, message: TransactionsMessage) {
        match message {
            TransactionsMessage::Orders(orders) => self.batch.extend(orders),
            TransactionsMessage::Update(update) => {
                self.accept();
                self.update(&update);
            }
            TransactionsMessage::Limits(limits) => {
                self.desk.limits = OrderLimits::of(&limits);
                self.desk.orders.set_limit(limits.orders_per_minute_per_account);
            }
            TransactionsMessage::Status(reply) => {
                let _ = reply.try_send(self.status());
            }
        }
    }

    /// Only orders wait for what comes after them.
    fn is_turn_full(&self) -> bool {
        self.batch.is_empty() || self.batch.len() >= COMMIT_BATCH_MAX
    }

    fn on_turn_end(&mut self) {
        self.accept();
    }

    fn on_tick(&mut self, now: Instant) {
        if now.saturating_duration_since(self.tidied) >= CLOCK_REPORT {
            self.tidied = now;
            self.desk.orders.tidy(now);
        }
    }
}

impl Transactions {
    /// With the queue that the database holds.
    ///
    /// # Errors
    /// The database fails.
    pub fn new(
        mut storage: Storage,
        assets: AssetsHandle,
        config: &MasterConfig,
    ) -> Result<Transactions, StorageError> {
        let mut queue = OrderQueue::default();
        let sequencer = storage.read(|snapshot| {
            for entry in snapshot.queued_orders()? {
                queue.push(QueuedOrder::stored(entry));
            }
            Ok(Sequencer::after(
                snapshot.last_number()?,
                snapshot.last_accepted()?,
            ))
        })?;
        // What was in force when the process before this one ended is what people see from the start.
        let mut seen = PriceVisibility::default();
        seen.note(assets.prices().number, Instant::now());
        let desk = OrderState {
            assets,
            queue,
            sequencer,
            limits: OrderLimits::of(&config.limits),
            orders: KeyedRateLimiter::per_minute(config.limits.orders_per_minute_per_account),
            clocks: HashMap::new(),
            behind: true,
            seen,
        };
        Ok(Transactions {
            storage,
            desk,
            batch: Vec::new(),
            tidied: Instant::now(),
            last_settled: 0,
            last_micros: 0,
        })
    }

    fn status(&self) -> QueueStatus {
        QueueStatus {
            queued: self.desk.queue.len(),
            last_number: self.desk.sequencer.last(),
            last_settled: self.last_settled,
            last_micros: self.last_micros,
        }
    }

    /// Validates the turn's orders, puts them on the durable queue in one commit, and announces them.
    fn accept(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return;
        }
        let routes: Vec<(Instruction, ReplyTo)> = batch
            .iter()
            .map(|order| (order.instruction(), order.reply_to.clone()))
            .collect();
        match self.desk.store(&mut self.storage, batch) {
            Ok(verdicts) => self.desk.announce(verdicts),
            Err(error) => {
                crate::error!("{} orders could not be stored: {error}", routes.len());
                let refusal = Refusal::new(
                    Reason::InternalError,
                    "the master could not store the order; it is not queued",
                );
                let mut replies = ReplyBatch::new();
                for (instruction, reply_to) in routes {
                    // What was sent before may well be on the queue: its worker asks again.
                    let refusal = if reply_to.again {
                        Refusal::master_overloaded()
                    } else {
                        refusal.clone()
                    };
                    replies.fail(reply_to, instruction, &refusal);
                }
                replies.send();
            }
        }
    }

    /// Clears the queue at an update's prices, in one commit, and answers.
    fn update(&mut self, update: &Update) {
        let began = Instant::now();
        // With the last prices everything is settled: what came too late for them can wait for nothing.
        let numbers = self.desk.queue.before(if update.snapshot.exhausted {
            began
        } else {
            update.began
        });
        if numbers.is_empty() && update.actions.is_empty() && !self.desk.behind {
            return;
        }
        match self.desk.settle(&mut self.storage, update, &numbers) {
            Ok(outcomes) => {
                self.last_settled = outcomes.len();
                self.desk.answer(outcomes, update);
                self.last_micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            }
            Err(error) => {
                if !update.actions.is_empty() {
                    self.desk.seen.note(update.number, Instant::now());
                }
                // Nothing was stored: the orders stay queued, and the next update settles them.
                crate::error!(
                    "{} orders could not be settled and stay queued: {error}",
                    numbers.len()
                );
            }
        }
    }
}

/// Appends the reply that an ended order has, the same each time it is asked for.
fn write_outcome(out: &mut Vec<u8>, transaction: &Transaction) {
    match (transaction.price, transaction.total) {
        (Some(price), Some(total)) => Reply::Filled(Fill {
            side: transaction.side,
            id: transaction.id,
            symbol: transaction.symbol,
            quantity: transaction.quantity,
            price,
            total,
            settled: transaction.settled.unwrap_or_default(),
        })
        .write(out),
        _ => {
            let reason = transaction.reason.unwrap_or(Reason::InternalError);
            let refusal = Refusal::new(reason, fill::text(reason));
            write_fail(out, Order::instruction_for(transaction.side), &refusal);
        }
    }
}

#[cfg(test)]
mod tests;
