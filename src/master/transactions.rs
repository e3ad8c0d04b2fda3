//! spec/master/transactions.md · 3.1.7 Assets Buy & Sell
//!
//! The durable queue and its settlement. An order is on disk before it is announced, and settled on disk
//! before it is answered.

mod accept;
pub mod fill;
pub mod ledger;
pub mod queue;
pub mod sequence;
pub mod settle;

use super::assets::{AssetsHandle, Update};
use super::reply_to::{ReplyBatch, ReplyTo};
use crate::config::{MasterConfig, MasterLimits};
use crate::model::{AccountId, ClientOrderId, Quantity, Reason, Side, Symbol, Timestamp, Transaction};
use crate::runtime::rate_limiter::KeyedRateLimiter;
use crate::runtime::{self, Heartbeat, NextEvent, Stop};
use crate::wire::reply::{Fill, write_fail};
use crate::wire::{Instruction, Refusal, Reply};
use crossbeam_channel::{Receiver, Sender};
use queue::{OrderQueue, PriceVisibility};
use rusqlite::Connection;
use sequence::Sequencer;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Messages that may wait for transactions.
pub const INBOX: usize = 1024;
/// Orders that go into one commit.
const COMMIT_BATCH_MAX: usize = 8192;
/// How often it is reported.
const CLOCK_REPORT: Duration = Duration::from_secs(60);

/// An order on its way to the queue.
#[derive(Debug)]
pub struct Order {
    /// Where its answer goes, and which message it is.
    pub reply_to: ReplyTo,
    /// Whose it is, or why it is nobody's. An order that is queued already is answered all the same.
    pub account: Result<AccountId, Refusal>,
    /// Buy or sell.
    pub side: Side,
    /// Of which asset.
    pub symbol: Symbol,
    /// How many units.
    pub quantity: Quantity,
    /// The client's own name for it.
    pub client_order_id: Option<ClientOrderId>,
}

impl Order {
    /// The instruction that brought it.
    pub fn instruction(&self) -> Instruction {
        instruction(self.side)
    }
}

/// What asks for an order of that side.
pub(super) fn instruction(side: Side) -> Instruction {
    if side == Side::Sell {
        Instruction::SellAsset
    } else {
        Instruction::PurchaseAsset
    }
}

/// How the queue is doing.
#[derive(Debug, Clone, Copy)]
pub struct QueueStatus {
    /// Orders queued.
    pub queued: usize,
    /// The last place given.
    pub last_number: i64,
    /// Orders that the last update settled or rejected.
    pub last_settled: usize,
    /// How long that took, with its commit, in microseconds.
    pub last_micros: u64,
}

/// The module's whole vocabulary.
#[derive(Debug)]
pub enum TransactionsMessage {
    /// Orders, in the order in which their worker sent them.
    Orders(Vec<Order>),
    /// New prices.
    Update(Update),
    /// For the administrator.
    Status(Sender<QueueStatus>),
    /// The configuration's limits have changed.
    Limits(MasterLimits),
}

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
    database: Connection,
    desk: OrderState,
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

impl Transactions {
    /// With the queue that the database holds.
    ///
    /// # Errors
    /// The database fails.
    pub fn new(
        database: Connection,
        assets: AssetsHandle,
        config: &MasterConfig,
    ) -> rusqlite::Result<Transactions> {
        let mut queue = OrderQueue::default();
        for order in ledger::queued(&database)? {
            queue.push(order);
        }
        let sequencer = Sequencer::after(ledger::last_number(&database)?, ledger::last_accepted(&database)?);
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
            database,
            desk,
            last_settled: 0,
            last_micros: 0,
        })
    }

    /// Runs until stopped.
    pub fn run(mut self, inbox: &Receiver<TransactionsMessage>, stop: &Stop, heartbeat: &Heartbeat) {
        let mut tidied = Instant::now();
        loop {
            heartbeat.beat();
            match runtime::next(inbox, stop) {
                NextEvent::Message(message) => self.handle(message, inbox),
                NextEvent::Tick => {}
                NextEvent::Stop => return,
            }
            if tidied.elapsed() >= CLOCK_REPORT {
                tidied = Instant::now();
                self.desk.orders.tidy(tidied);
            }
        }
    }

    /// Orders that are there already join the same commit; whatever else comes waits for it.
    fn handle(&mut self, message: TransactionsMessage, inbox: &Receiver<TransactionsMessage>) {
        let mut next = Some(message);
        let mut batch = Vec::new();
        while let Some(message) = next.take() {
            match message {
                TransactionsMessage::Orders(orders) => {
                    batch.extend(orders);
                    if batch.len() < COMMIT_BATCH_MAX {
                        next = inbox.try_recv().ok();
                    }
                }
                TransactionsMessage::Update(update) => {
                    self.accept(std::mem::take(&mut batch));
                    self.update(&update);
                }
                TransactionsMessage::Limits(limits) => {
                    self.desk.limits = OrderLimits::of(&limits);
                    self.desk.orders.set_limit(limits.orders_per_minute_per_account);
                    if !batch.is_empty() {
                        next = inbox.try_recv().ok();
                    }
                }
                TransactionsMessage::Status(reply) => {
                    let _ = reply.try_send(self.status());
                    if !batch.is_empty() {
                        next = inbox.try_recv().ok();
                    }
                }
            }
        }
        self.accept(batch);
    }

    fn status(&self) -> QueueStatus {
        QueueStatus {
            queued: self.desk.queue.len(),
            last_number: self.desk.sequencer.last(),
            last_settled: self.last_settled,
            last_micros: self.last_micros,
        }
    }

    /// Validates orders, puts them on the durable queue in one commit, and announces them.
    fn accept(&mut self, batch: Vec<Order>) {
        if batch.is_empty() {
            return;
        }
        let routes: Vec<(Instruction, ReplyTo)> = batch
            .iter()
            .map(|order| (order.instruction(), order.reply_to.clone()))
            .collect();
        match self.desk.store(&mut self.database, batch) {
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
                        super::router::overloaded()
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
        match self.desk.settle(&mut self.database, update, &numbers) {
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
            write_fail(out, instruction(transaction.side), &refusal);
        }
    }
}
