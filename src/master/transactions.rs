//! spec/master/transactions.md · 3.1.7 Assets Buy & Sell
//!
//! Accepts orders, keeps them on a durable queue, and settles the queue at each update. It
//! announces an order only after it is on disk, and its outcome only after the settlement is on
//! disk.

mod accept;
mod acceptance;
pub mod book;
pub mod cancel;
mod cancel_all;
mod changes;
mod corrections;
pub mod disk_floor;
pub mod entitlement;
pub mod fees;
pub mod fill;
mod grants;
mod held_means;
mod means;
pub mod metrics;
#[cfg(test)]
mod naive;
mod open_orders;
mod place;
pub mod queue;
mod refusal_tally;
pub mod rejections;
pub mod reserves;
pub mod sequence;
pub mod settle;
pub mod waiting;

use super::assets::unsettled::UnsettledUpdates;
use super::messages::{
    AccountCancellation, AccountEvent, AssetsHandle, Order, OrderRequest, QueueStatus,
    TransactionsMessage, Update,
};
use super::order_watchers::OrderWatchers;
use super::reply_to::{ReplyBatch, ReplyTo};
use super::storage::ledger::WaitingStatus;
use super::storage::{Snapshot, Storage, StorageError, Tx};
use crate::config::{FeeSettings, MasterConfig, MasterLimits};
use crate::daemon::StartProgress;
use crate::model::{AccountId, Holdings, Money, Reason, Symbol, Timestamp, Transaction};
use crate::runtime::log::Throttle;
use crate::runtime::rate_limiter::KeyedRateLimiter;
use crate::runtime::{Heartbeat, Module};
use crate::wire::reply::{Fill, write_fail};
use crate::wire::{Instruction, Refusal, Reply};
use acceptance::AcceptedAt;
use book::OrderBook;
use book::order::BookOrder;
use book::trail::BestCloses;
use changes::Change;
use disk_floor::DiskFloor;
use held_means::HeldMeans;
use queue::{OrderQueue, PriceVisibility, QueuedOrder};
use refusal_tally::RefusalTally;
use rejections::RejectionBudget;
use sequence::Sequencer;
use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use waiting::WaitingOrders;

/// A commit takes orders up to this number, and the rest of the message that exceeds it.
const COMMIT_BATCH_MAX: usize = 8192;
/// Corrections that could not take all they should which the status shows.
const WRITTEN_OFF_SHOWN_MAX: usize = 10;
/// For so long after a settlement that failed, what is asked is refused without another try, which
/// would cost as much as a whole one.
const SETTLE_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How often a worker's wrong clock is logged.
const CLOCK_REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// Most lines a minute about each kind of work that the database failed.
const FAILURES_LOGGED_MAX: u32 = 5;

/// How long it is remembered that an account was deleted: longer than auth needs to hear of it.
const DELETED_AGE_MAX: Duration = Duration::from_secs(3600);

/// Limits of orders.
#[derive(Debug, Clone, Copy)]
struct OrderLimits {
    /// Most queued orders of all accounts.
    queued: usize,
    /// Most queued orders of an account.
    queued_per_account: usize,
    /// Most open orders of all accounts.
    open: usize,
    /// Most open orders of an account.
    open_per_account: usize,
    /// An order is for at least this much.
    min_order_value: Money,
}

impl OrderLimits {
    fn of(limits: &MasterLimits) -> OrderLimits {
        let count = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        OrderLimits {
            queued: count(limits.max_queued),
            queued_per_account: count(limits.max_queued_per_account),
            open: count(limits.max_open),
            open_per_account: count(limits.max_open_per_account),
            min_order_value: limits.min_order_value,
        }
    }
}

/// The module's whole state.
pub struct Transactions {
    storage: Storage,
    state: OrderState,
    /// Requests of this turn, whose changes its commit will store.
    batch: Vec<PendingRequest>,
    /// Updates that an earlier process left unsettled.
    unsettled: UnsettledUpdates,
    /// Updates that could not be settled, oldest first. There are few: without room on the disk
    /// there is no further update either.
    pending: VecDeque<Update>,
    /// When an update could not be settled, where one is left for that.
    failed: Option<Instant>,
    /// Accounts whose orders are to be cancelled once no update is under way, in order.
    cancellations: VecDeque<AccountCancellation>,
    heartbeat: Heartbeat,
    tidied: Instant,
    last_settled: usize,
    last_micros: u64,
    /// Grants and restarts since the start.
    granted: u64,
    restarted: u64,
    /// Limits the lines about what could not be stored or read.
    failures: Throttle,
}

/// A request that has not been answered.
#[derive(Debug)]
struct PendingRequest {
    request: OrderRequest,
    /// When it was accepted, if it has waited for the end of an update.
    moment: Option<AcceptedAt>,
}

/// The module's state without the database, which a commit borrows meanwhile.
struct OrderState {
    assets: AssetsHandle,
    queue: OrderQueue,
    waiting: WaitingOrders,
    fees: FeeSettings,
    /// ID of their stored schedule; `None` where there are none.
    fee_schedule: Option<i64>,
    /// Who is told the ends of orders, beside who waits for them.
    watchers: Arc<OrderWatchers>,
    /// Cancels and replacements that wait for the end of the update under way.
    deferred: Vec<PendingRequest>,
    /// The changes in memory of the commit that is being prepared.
    undo: Vec<Change>,
    /// What accounts hold, as that commit has read it.
    held: HeldMeans,
    /// The last update that was settled here, or passed over.
    seen_update: u64,
    /// Of each asset that has closes for trailing orders, how many were stored since the last
    /// compaction; with a start's, how many there are.
    closes: HashMap<Symbol, usize>,
    /// Orders that came to the book since the last settlement, by number: those that came too late
    /// for the update under way, and maybe others.
    newcomers: Vec<i64>,
    /// Whether market orders may wait for assets that are not listed any more.
    unlisted_pending: bool,
    sequencer: Sequencer,
    limits: OrderLimits,
    orders: KeyedRateLimiter<AccountId>,
    cancels: KeyedRateLimiter<AccountId>,
    rejections: RejectionBudget,
    disk: DiskFloor,
    refused: RefusalTally,
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
    /// When the prices after those of the previous process became visible.
    visibility: PriceVisibility,
}

/// Orders that wait in the inbox share one commit. An update settles after the orders before it.
impl Module for Transactions {
    type Message = TransactionsMessage;
    const BATCH_MAX: usize = COMMIT_BATCH_MAX;

    fn on_message(&mut self, message: TransactionsMessage) {
        match message {
            TransactionsMessage::Orders(requests) => {
                let requests = requests.into_iter().map(|request| PendingRequest {
                    request,
                    moment: None,
                });
                self.batch.extend(requests);
            }
            TransactionsMessage::Update(update) => {
                self.accept();
                self.pending.push_back(update);
                self.settle_pending();
                self.take_deferred();
            }
            TransactionsMessage::Cancel(cancellation) => self.cancellations.push_back(cancellation),
            TransactionsMessage::Limits(limits) => {
                self.state.limits = OrderLimits::of(&limits);
                self.state.queue.set_places(self.state.limits.queued);
                self.state.waiting.set_places(self.state.limits.open);
                self.state
                    .cancels
                    .set_limit(limits.cancels_per_minute_per_account);
                self.state
                    .orders
                    .set_limit(limits.orders_per_minute_per_account);
                self.state
                    .rejections
                    .set(limits.rejected_orders_per_hour_per_account);
            }
            TransactionsMessage::Grant(grant, act, reply) => {
                self.accept();
                let _ = reply.try_send(self.grant(&grant, &act));
            }
            TransactionsMessage::Restart(username, act, reply) => {
                self.accept();
                let _ = reply.try_send(self.restart(&username, &act));
            }
            TransactionsMessage::Status(reply) => {
                let _ = reply.try_send(self.status());
            }
            TransactionsMessage::Means(account, reply) => {
                self.accept();
                let _ = reply.try_send(self.means(account));
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
        if self.failed.is_some() && !self.has_just_failed(now) {
            self.settle_pending();
        }
        // An update that brought nothing sends no message.
        self.cancel_all();
        self.state.disk.look(now);
        self.state.refused.look(now);
        // The retrieval that they wait for may have failed.
        self.take_deferred();
        if now.saturating_duration_since(self.tidied) >= CLOCK_REPORT_INTERVAL {
            self.tidied = now;
            self.state.forget_gone_newcomers();
            self.state.orders.tidy(now);
            self.state.cancels.tidy(now);
            self.state.rejections.tidy(now);
            let is_recent = |at: &Instant| now.saturating_duration_since(*at) < DELETED_AGE_MAX;
            self.state.deleted.retain(|_, at| is_recent(at));
        }
    }
}

impl Transactions {
    /// The module with the queue that the database holds. Stores what trades cost, unless it is there.
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
        let mut waiting = WaitingOrders::new(limits.open);
        let mut written_off = VecDeque::new();
        let mut cancellations = VecDeque::new();
        let mut closes = HashMap::new();
        // All orders of an earlier process take part in the first update of this one.
        let next = assets.prices().number + 1;
        let sequencer = storage.read(|snapshot| {
            for (row, left) in snapshot.written_off(WRITTEN_OFF_SHOWN_MAX)? {
                let text =
                    corrections::write_off_text(row.account, row.symbol, row.side, left, &row.id);
                written_off.push_front(text);
            }
            closes = restore(snapshot, &mut queue, &mut waiting, next)?;
            // A kill came between the lock and the end of the orders.
            let locked = snapshot.locked_with_orders()?;
            cancellations.extend(locked.into_iter().map(AccountCancellation::of_locked));
            Ok(Sequencer::after(
                snapshot.last_number()?,
                snapshot.last_accepted()?,
            ))
        })?;
        let fee_schedule = stored_schedule(&mut storage, &config.fees)?;
        // The last prices of the previous process are visible from the start.
        let visibility = PriceVisibility::from_now(assets.prices().number, Instant::now());
        let seen_update = assets.prices().number;
        let newcomers = newcomers(waiting.book(), next);
        let state = OrderState {
            assets,
            queue,
            waiting,
            fees: config.fees,
            fee_schedule,
            watchers: Arc::default(),
            deferred: Vec::new(),
            undo: Vec::new(),
            held: HeldMeans::default(),
            seen_update,
            closes,
            newcomers,
            unlisted_pending: true,
            sequencer,
            limits,
            orders: KeyedRateLimiter::per_minute(config.limits.orders_per_minute_per_account),
            cancels: KeyedRateLimiter::per_minute(config.limits.cancels_per_minute_per_account),
            rejections: RejectionBudget::per_hour(
                config.limits.rejected_orders_per_hour_per_account,
            ),
            disk: DiskFloor::new(&config.database),
            refused: RefusalTally::new(Instant::now()),
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
            unsettled: UnsettledUpdates::default(),
            pending: VecDeque::new(),
            failed: None,
            cancellations,
            heartbeat: Heartbeat::unwatched(),
            tidied: Instant::now(),
            last_settled: 0,
            last_micros: 0,
            granted: 0,
            restarted: 0,
            failures: Throttle::new(FAILURES_LOGGED_MAX, Duration::from_secs(60)),
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

    /// The same module, which tells these watchers the ends of orders.
    #[must_use]
    pub fn telling(mut self, watchers: Arc<OrderWatchers>) -> Transactions {
        self.state.watchers = watchers;
        self
    }

    /// The same module after a process that left these updates unsettled. They are settled at once.
    #[must_use]
    pub fn taking_over(mut self, unsettled: UnsettledUpdates) -> Transactions {
        self.state.seen_update = unsettled.settled().unwrap_or(self.state.seen_update);
        // Orders that are in time for the last of them were too late for the first one.
        self.state.newcomers = newcomers(self.state.waiting.book(), self.state.seen_update + 2);
        self.unsettled = unsettled;
        self.settle_pending();
        self
    }

    fn status(&mut self) -> QueueStatus {
        // The first look may not have been yet.
        self.state.disk.look(Instant::now());
        QueueStatus {
            queued: self.state.queue.len(),
            open: self.state.waiting.book().len(),
            reserved: self.state.waiting.book().reserves().total(),
            last_number: self.state.sequencer.last(),
            last_settled: self.last_settled,
            last_micros: self.last_micros,
            is_failing: self.failed.is_some(),
            disk: self.state.disk.seen(),
            written_off: self.state.written_off.iter().cloned().collect(),
            account_events: [
                (AccountEvent::Grant, self.granted),
                (AccountEvent::Restart, self.restarted),
            ],
        }
    }

    /// Validates the turn's requests, stores what they change in one commit, and answers them.
    fn accept(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.store(batch);
    }

    /// The same with the cancels and replacements that have waited for an update which is over: in
    /// commits of [`COMMIT_BATCH_MAX`], since they may be many.
    fn take_deferred(&mut self) {
        let mut waited = self.state.take_deferred().into_iter();
        loop {
            let batch: Vec<PendingRequest> = waited.by_ref().take(COMMIT_BATCH_MAX).collect();
            if batch.is_empty() {
                return;
            }
            self.store(batch);
            self.heartbeat.beat();
        }
    }

    fn store(&mut self, batch: Vec<PendingRequest>) {
        if batch.is_empty() {
            return;
        }
        if self.has_just_failed(Instant::now()) || !self.settle_pending() {
            let refusal = Refusal::master_overloaded();
            let mut replies = ReplyBatch::new();
            for PendingRequest { request, .. } in batch {
                let (instruction, reply_to) = (request.instruction(), request.reply_to().clone());
                replies.fail(reply_to, instruction, &refusal);
            }
            replies.send();
            return;
        }
        let senders: Vec<(Instruction, ReplyTo)> = batch
            .iter()
            .map(|it| (it.request.instruction(), it.request.reply_to().clone()))
            .collect();
        match self.state.store(&mut self.storage, &self.heartbeat, batch) {
            Ok(acceptances) => self.state.announce(acceptances),
            Err(error) => {
                if let Some(more) = self.failures.allow("orders") {
                    let number = senders.len();
                    crate::error!("{number} orders could not be stored: {error}{more}");
                }
                let text = "the master could not store it; nothing was changed";
                let refusal = Refusal::new(Reason::InternalError, text);
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

    /// Whether a settlement has failed so lately that nothing asked for is worth another try.
    fn has_just_failed(&self, now: Instant) -> bool {
        let is_recent = |at| now.saturating_duration_since(at) < SETTLE_RETRY_INTERVAL;
        self.failed.is_some_and(is_recent)
    }

    /// Settles what has not been settled, and notes whether that failed. Whether nothing is left.
    fn settle_pending(&mut self) -> bool {
        let is_done = self.settle_in_order();
        self.failed = (!is_done).then(Instant::now);
        is_done
    }

    /// Settles what has not been settled, in order, each update at its own prices. Whether nothing
    /// is left.
    fn settle_in_order(&mut self) -> bool {
        loop {
            // Those of an earlier process come first. They are read one by one.
            let first = self.pending.front().map(|update| update.number);
            let before = self.unsettled.settled();
            if before.is_some_and(|before| first.is_none_or(|first| first > before + 1)) {
                match self.unsettled.next(&mut self.storage) {
                    Ok(update) => update
                        .into_iter()
                        .for_each(|update| self.pending.push_front(update)),
                    Err(error) => {
                        if let Some(more) = self.failures.allow("read") {
                            crate::error!(
                                "an update that is not settled cannot be read: {error}{more}"
                            );
                        }
                        return false;
                    }
                }
            }
            let Some(update) = self.pending.pop_front() else {
                return true;
            };
            if !self.settle(&update) {
                self.pending.push_front(update);
                return false;
            }
        }
    }

    /// Settles the orders that are due at an update in one commit, and sends the outcomes. False if
    /// it could not be stored: then nothing has changed.
    fn settle(&mut self, update: &Update) -> bool {
        let began = Instant::now();
        // No update follows the last prices, so orders that came too late for them are settled too,
        // be it before a kill.
        let (until, number) = match update.snapshot.exhausted {
            true => (began, u64::MAX),
            false => (update.began, update.number),
        };
        let numbers = self.state.queue.before(until, number);
        let has_actions = self.state.actions_pending || !update.actions.is_empty();
        let due = (!has_actions).then(|| self.state.due_at(update));
        let idle = due.as_ref().filter(|due| due.is_nothing());
        if let Some(due) = idle.filter(|_| numbers.is_empty()) {
            self.state.advance(due);
            self.state.keep_latecomers(due);
            self.state.pass(update.number);
            return true;
        }
        let settled =
            self.state
                .settle(&mut self.storage, &self.heartbeat, update, (&numbers, due));
        match settled {
            Ok(ended) => {
                self.state.pass(update.number);
                self.last_settled = ended.len();
                metrics::ENDED_ORDERS.add(u64::try_from(ended.len()).unwrap_or(u64::MAX));
                self.state.answer(&self.heartbeat, ended, update.published);
                metrics::SETTLEMENT_TIMES.record(began.elapsed());
                self.last_micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                true
            }
            Err(error) => {
                // Nothing was stored. It is tried again before anything is accepted.
                metrics::FAILED_SETTLEMENTS.count();
                if let Some(more) = self.failures.allow("settle") {
                    let number = update.number;
                    crate::error!(
                        "update {number} could not be settled; its orders wait: {error}{more}"
                    );
                }
                false
            }
        }
    }
}

impl OrderState {
    /// Notes that an update is settled.
    fn pass(&mut self, number: u64) {
        self.seen_update = self.seen_update.max(number);
        self.assets.note_settled(number);
    }

    /// Remembers what is said of a correction for the status.
    fn note_write_off(&mut self, text: String) {
        if self.written_off.len() == WRITTEN_OFF_SHOWN_MAX {
            self.written_off.pop_front();
        }
        self.written_off.push_back(text);
    }
}

/// The ID of the stored schedule of what trades cost; `None` where they cost nothing.
fn stored_schedule(storage: &mut Storage, fees: &FeeSettings) -> Result<Option<i64>, StorageError> {
    if fees.is_free() {
        return Ok(None);
    }
    storage.write(|tx| tx.insert_fee_schedule(fees)).map(Some)
}

/// Reads the orders that have not ended. They take part in update `next` at the latest. Returns how
/// many closes are stored for trailing orders of each asset.
fn restore(
    snapshot: &mut Snapshot<'_>,
    queue: &mut OrderQueue,
    waiting: &mut WaitingOrders,
    next: u64,
) -> Result<HashMap<Symbol, usize>, StorageError> {
    let mut progress = StartProgress::default();
    let mut read = 0_usize;
    let mut step = || {
        read += 1;
        progress.step(|| format!("{read} orders that wait have been read"));
    };
    snapshot.waiting_orders_of(WaitingStatus::Queued, |order| {
        step();
        let mut order = QueuedOrder::stored(order);
        order.first_update = order.first_update.min(next);
        waiting.book_mut().reserves_mut().hold(&order.promise());
        queue.restore(order);
        ControlFlow::Continue(())
    })?;
    let closes = snapshot.trail_closes()?;
    let counts = closes
        .iter()
        .map(|(symbol, closes)| (*symbol, closes.len()))
        .collect();
    let closes: HashMap<Symbol, BestCloses> = closes
        .into_iter()
        .map(|(symbol, closes)| (symbol, BestCloses::of(closes)))
        .collect();
    snapshot.waiting_orders_of(WaitingStatus::Open, |order| {
        step();
        if let Some(holder) = waiting.restore(order, &closes, next) {
            queue.take_place(&holder);
        }
        ControlFlow::Continue(())
    })?;
    Ok(counts)
}

/// The orders that take part from this update on at the earliest.
fn newcomers(book: &OrderBook, first: u64) -> Vec<i64> {
    let is_new = |order: &&BookOrder| order.first_update >= first;
    book.iter().filter(is_new).map(BookOrder::number).collect()
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
            let reason = reason.of_version_1();
            let refusal = Refusal::new(reason, fill::text(reason));
            write_fail(out, Order::instruction_for(transaction.side), &refusal);
        }
    }
}

#[cfg(test)]
mod tests;
