//! spec/master/transactions.md · 3.1.7 Assets Buy & Sell
//!
//! Accepts orders, keeps them on a durable queue, and settles the queue at each update. It
//! announces an order only after it is on disk, and its outcome only after the settlement is on
//! disk.

mod accept;
mod cancel_all;
mod corrections;
pub mod disk_floor;
pub mod entitlement;
pub mod fill;
mod grants;
pub mod queue;
pub mod rejections;
pub mod sequence;
pub mod settle;

use super::messages::{
    AccountCancellation, AccountEvent, AssetsHandle, Order, OrderRequest, QueueStatus,
    TransactionsMessage, Update,
};
use super::reply_to::{ReplyBatch, ReplyTo};
use super::storage::{Storage, StorageError, Tx};
use crate::config::{MasterConfig, MasterLimits};
use crate::model::{AccountId, Holdings, Reason, Timestamp, Transaction};
use crate::runtime::rate_limiter::KeyedRateLimiter;
use crate::runtime::{Heartbeat, Module};
use crate::wire::reply::{Fill, write_fail};
use crate::wire::{Instruction, Refusal, Reply};
use disk_floor::DiskFloor;
use queue::{OrderQueue, PriceVisibility, QueuedOrder};
use rejections::RejectionBudget;
use sequence::Sequencer;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A commit takes orders up to this number, and the rest of the message that exceeds it.
const COMMIT_BATCH_MAX: usize = 8192;
/// Corrections that could not take all they should which the status shows.
const WRITTEN_OFF_SHOWN_MAX: usize = 10;
/// How often a worker's wrong clock is logged.
const CLOCK_REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// How long it is remembered that an account was deleted: longer than auth needs to hear of it.
const DELETED_AGE_MAX: Duration = Duration::from_secs(3600);

/// Limits of orders.
#[derive(Debug, Clone, Copy)]
struct OrderLimits {
    /// Most queued orders of all accounts.
    queued: usize,
    /// Most queued orders of an account.
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
    state: OrderState,
    /// Orders of this turn, which its commit will store.
    batch: Vec<Order>,
    /// Accounts whose orders are to be cancelled once no update is under way, in order.
    cancellations: VecDeque<AccountCancellation>,
    /// The last update that needs no settlement any more.
    handled: u64,
    heartbeat: Heartbeat,
    tidied: Instant,
    last_settled: usize,
    last_micros: u64,
    /// Grants and restarts since the start.
    granted: u64,
    restarted: u64,
}

/// The module's state without the database, which a commit borrows meanwhile.
struct OrderState {
    assets: AssetsHandle,
    queue: OrderQueue,
    sequencer: Sequencer,
    limits: OrderLimits,
    orders: KeyedRateLimiter<AccountId>,
    rejections: RejectionBudget,
    disk: DiskFloor,
    /// For each worker: the effective timestamp of its latest order, and when its clock was last
    /// logged.
    clocks: HashMap<Uuid, (Timestamp, Option<Instant>)>,
    /// Accounts that were deleted lately. Auth may send orders of theirs until it hears of it.
    deleted: HashMap<AccountId, Instant>,
    /// Whether the database may hold splits or dividends that are not in the ledger, because the
    /// previous process ended or a settlement failed before they were applied.
    actions_pending: bool,
    /// What is said of the latest corrections that could not take all they should, oldest first.
    written_off: VecDeque<String>,
    /// When the prices after those splits and dividends became visible.
    visibility: PriceVisibility,
}

/// Orders that wait in the inbox share one commit. An update settles after the orders before it.
impl Module for Transactions {
    type Message = TransactionsMessage;
    const BATCH_MAX: usize = COMMIT_BATCH_MAX;

    fn on_message(&mut self, message: TransactionsMessage) {
        match message {
            TransactionsMessage::Orders(requests) => {
                for request in requests {
                    match request {
                        OrderRequest::Order(order) => self.batch.push(order),
                        OrderRequest::Place(_)
                        | OrderRequest::Cancel(_)
                        | OrderRequest::Replace(_) => {
                            let text = "this master has no book of orders yet";
                            let refusal = Refusal::new(Reason::InternalError, text);
                            request.reply_to().fail(request.instruction(), &refusal);
                        }
                    }
                }
            }
            TransactionsMessage::Update(update) => {
                self.accept();
                self.update(&update);
            }
            TransactionsMessage::Cancel(cancellation) => self.cancellations.push_back(cancellation),
            TransactionsMessage::Limits(limits) => {
                self.state.limits = OrderLimits::of(&limits);
                self.state.queue.set_places(self.state.limits.queued);
                self.state
                    .orders
                    .set_limit(limits.orders_per_minute_per_account);
                self.state
                    .rejections
                    .set(limits.rejected_orders_per_hour_per_account);
            }
            TransactionsMessage::Grant(grant, reply) => {
                self.accept();
                let _ = reply.try_send(self.grant(&grant));
            }
            TransactionsMessage::Restart(username, reply) => {
                self.accept();
                let _ = reply.try_send(self.restart(&username));
            }
            TransactionsMessage::Status(reply) => {
                let _ = reply.try_send(self.status());
            }
        }
    }

    /// A turn goes on after orders alone, to let more orders join their commit.
    fn is_turn_full(&self) -> bool {
        self.batch.is_empty() || self.batch.len() >= COMMIT_BATCH_MAX
    }

    fn on_turn_end(&mut self) {
        self.accept();
        self.cancel_all();
    }

    fn on_tick(&mut self, now: Instant) {
        // An update that brought nothing sends no message.
        self.cancel_all();
        self.state.disk.look(now);
        if now.saturating_duration_since(self.tidied) >= CLOCK_REPORT_INTERVAL {
            self.tidied = now;
            self.state.orders.tidy(now);
            self.state.rejections.tidy(now);
            let is_recent = |at: &Instant| now.saturating_duration_since(*at) < DELETED_AGE_MAX;
            self.state.deleted.retain(|_, at| is_recent(at));
        }
    }
}

impl Transactions {
    /// The module with the queue that the database holds.
    ///
    /// # Errors
    /// The database fails.
    pub fn new(
        mut storage: Storage,
        assets: AssetsHandle,
        config: &MasterConfig,
    ) -> Result<Transactions, StorageError> {
        let limits = OrderLimits::of(&config.limits);
        let mut queue = OrderQueue::new(limits.queued);
        let mut written_off = VecDeque::new();
        let mut cancellations = VecDeque::new();
        let sequencer = storage.read(|snapshot| {
            for (row, left) in snapshot.written_off(WRITTEN_OFF_SHOWN_MAX)? {
                let text =
                    corrections::write_off_text(row.account, row.symbol, row.side, left, &row.id);
                written_off.push_front(text);
            }
            for entry in snapshot.queued_orders()? {
                queue.restore(QueuedOrder::stored(entry));
            }
            // A kill came between the lock and the end of the orders.
            let locked = snapshot.locked_with_orders()?;
            cancellations.extend(locked.into_iter().map(AccountCancellation::of_locked));
            Ok(Sequencer::after(
                snapshot.last_number()?,
                snapshot.last_accepted()?,
            ))
        })?;
        // The last prices of the previous process are visible from the start.
        let mut visibility = PriceVisibility::default();
        let handled = assets.prices().number;
        visibility.note(handled, Instant::now());
        let state = OrderState {
            assets,
            queue,
            sequencer,
            limits,
            orders: KeyedRateLimiter::per_minute(config.limits.orders_per_minute_per_account),
            rejections: RejectionBudget::per_hour(
                config.limits.rejected_orders_per_hour_per_account,
            ),
            disk: DiskFloor::new(&config.database),
            clocks: HashMap::new(),
            deleted: HashMap::new(),
            actions_pending: true,
            written_off,
            visibility,
        };
        Ok(Transactions {
            storage,
            state,
            batch: Vec::new(),
            cancellations,
            handled,
            heartbeat: Heartbeat::unwatched(),
            tidied: Instant::now(),
            last_settled: 0,
            last_micros: 0,
            granted: 0,
            restarted: 0,
        })
    }

    /// The same module, which beats this heartbeat during long work.
    #[must_use]
    pub fn beating(self, heartbeat: &Heartbeat) -> Transactions {
        Transactions {
            heartbeat: heartbeat.clone(),
            ..self
        }
    }

    fn status(&self) -> QueueStatus {
        QueueStatus {
            queued: self.state.queue.len(),
            last_number: self.state.sequencer.last(),
            last_settled: self.last_settled,
            last_micros: self.last_micros,
            disk: self.state.disk.seen(),
            written_off: self.state.written_off.iter().cloned().collect(),
            account_events: [
                (AccountEvent::Grant, self.granted),
                (AccountEvent::Restart, self.restarted),
            ],
        }
    }

    /// Validates the turn's orders, puts them on the durable queue in one commit, and announces
    /// them.
    fn accept(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return;
        }
        let senders: Vec<(Instruction, ReplyTo)> = batch
            .iter()
            .map(|order| (order.instruction(), order.reply_to.clone()))
            .collect();
        match self.state.store(&mut self.storage, &self.heartbeat, batch) {
            Ok(acceptances) => self.state.announce(acceptances),
            Err(error) => {
                crate::error!("{} orders could not be stored: {error}", senders.len());
                let refusal = Refusal::new(
                    Reason::InternalError,
                    "the master could not store the order; it is not queued",
                );
                let mut replies = ReplyBatch::new();
                for (instruction, reply_to) in senders {
                    // A repeat may be on the queue already: `overloaded` makes its worker send it
                    // again.
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

    /// Settles the queue at an update's prices in one commit, and sends the outcomes.
    fn update(&mut self, update: &Update) {
        if self.settle(update) || update.snapshot.exhausted {
            self.handled = update.number;
        }
    }

    /// Whether it is settled; if not, its orders wait for the next one.
    fn settle(&mut self, update: &Update) -> bool {
        let began = Instant::now();
        // No update follows the last prices, so orders that came too late for them are settled too.
        let numbers = self.state.queue.before(if update.snapshot.exhausted {
            began
        } else {
            update.began
        });
        if numbers.is_empty() && update.actions.is_empty() && !self.state.actions_pending {
            return true;
        }
        let settled = self
            .state
            .settle(&mut self.storage, &self.heartbeat, update, &numbers);
        match settled {
            Ok(outcomes) => {
                self.last_settled = outcomes.len();
                self.state
                    .answer(&self.heartbeat, outcomes, update.published);
                self.last_micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                true
            }
            Err(error) => {
                if !update.actions.is_empty() {
                    self.state.visibility.note(update.number, Instant::now());
                }
                // Nothing was stored. The orders stay queued until the next update.
                crate::error!(
                    "{} orders could not be settled and stay queued: {error}",
                    numbers.len()
                );
                false
            }
        }
    }
}

impl OrderState {
    /// Remembers what is said of a correction for the status.
    fn note_write_off(&mut self, text: String) {
        if self.written_off.len() == WRITTEN_OFF_SHOWN_MAX {
            self.written_off.pop_front();
        }
        self.written_off.push_back(text);
    }
}

/// The holdings of each account that a settlement changes: before it, and now.
type AccountChanges = HashMap<AccountId, (Holdings, Holdings)>;

/// The holdings of an account before the settlement and now. They are read once.
fn holdings_of<'a>(
    tx: &mut Tx<'_>,
    accounts: &'a mut AccountChanges,
    account: AccountId,
) -> Result<&'a mut (Holdings, Holdings), StorageError> {
    use std::collections::hash_map::Entry as Slot;
    match accounts.entry(account) {
        Slot::Occupied(slot) => Ok(slot.into_mut()),
        Slot::Vacant(slot) => {
            let holdings = tx.holdings(account)?;
            Ok(slot.insert((holdings.clone(), holdings)))
        }
    }
}

/// Appends the reply of a settled or rejected order. Each repeat gets the same bytes.
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
