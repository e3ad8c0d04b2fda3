//! spec/master/account_queries.md · 4.6.16 (public and private)
//!
//! Answers histories in slices, in turn by who asks, each slice from a short snapshot of its own.
//! A history is counted first, since each packet of its answer says how many there are.

use super::export::{COUNTS_AS, ExportCursor, KEPT_MAX, KEPT_TIMEOUT};
use super::page::{open_orders, page_entry};
use super::summary::{ProfitCount, ProfitCounts, summary};
use super::{AccountQueriesMessage, QueryError, history_line};
use crate::config::FeeSettings;
use crate::master::assets::PriceSnapshot;
use crate::master::messages::AssetsHandle;
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::master::storage::ledger::HistoryBound;
use crate::master::storage::{Reader, Snapshot};
use crate::model::{AccountId, Reason, Transaction};
use crate::runtime::fair_queue::{FairQueue, ShareLevel, Turn};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::payload::{Payload, TransactionPage};
use crate::wire::{Instruction, PacketWriter, Refusal};
use crossbeam_channel::Sender;
use hashlink::LruCache;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Most histories that wait for a turn or for their next slice.
const HISTORIES_MAX: usize = 1024;
/// Most histories of one asker, with the one under way.
pub const HISTORIES_OF_ASKER_MAX: usize = 64;
/// A history of which nothing could be sent for so long is refused: its worker soon gives up.
const FIRST_PIECE_TIMEOUT: Duration = Duration::from_secs(25);
/// Bytes of payload after which a slice ends. A short answer waits for no more.
const SLICE_BYTES: usize = 64 * 1024;
/// Most transactions that are counted in a slice. Counting one takes some microseconds.
const COUNTED_MAX: usize = 2048;
/// A history of at most so many bytes is kept while it is counted, and is not read again.
const SHORT_BYTES: usize = 8 * 1024;
/// The fewest bytes of a transaction: ID, side, status, a symbol of one character, two times.
const ENTRY_BYTES_MIN: usize = 16 + 2 + 3 + 16;
/// A slice is sent to a link that has at most so many bytes unsent.
const LINK_UNSENT_BYTES: usize = 1 << 20;
/// Most histories that are set aside because of one link.
const SET_ASIDE_MAX: usize = 256;
/// Accounts whose settled transactions stay counted. Each takes some 100 bytes.
const SIZES_MAX: usize = 4096;
/// Bytes before the transactions of a history: the flag and the number.
const HEAD_BYTES: u64 = 1 + 4;

/// What is answered in slices, because a row of the ledger or more stands behind each answer.
#[derive(Debug, Clone)]
pub(super) enum SlicedQuery {
    /// All transactions of this account.
    History(AccountId),
    /// So many transactions of an account, older than one of them or the newest.
    Page {
        account: AccountId,
        before: Option<Uuid>,
        count: u16,
    },
    /// The asker's orders that have no outcome yet.
    OpenOrders,
    /// What the asker has, may spend and has gained, where trades cost this.
    Summary(FeeSettings),
    /// All that the deployment has on the asker, whose money is in this currency.
    Export(String),
}

impl SlicedQuery {
    /// The account that it is about.
    fn account(&self, asker: AccountId) -> AccountId {
        match self {
            SlicedQuery::History(account) | SlicedQuery::Page { account, .. } => *account,
            SlicedQuery::OpenOrders | SlicedQuery::Summary(_) | SlicedQuery::Export(_) => asker,
        }
    }

    fn instruction(&self) -> Instruction {
        match self {
            SlicedQuery::History(_) => Instruction::GetUserTransactionHistory,
            SlicedQuery::Page { .. } => Instruction::GetUserTransactionHistoryPage,
            SlicedQuery::OpenOrders => Instruction::GetOpenOrders,
            SlicedQuery::Summary(_) => Instruction::GetAccountSummary,
            SlicedQuery::Export(_) => Instruction::GetAccountExport,
        }
    }
}

/// A key of the queue of histories: who shares the slices.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum HistoryShare {
    /// The worker that names the client's address.
    Worker(Uuid),
    /// The network around the client's neighbourhood, or the neighbourhood.
    Network(Neighbourhood),
    /// The account that asks.
    Asker(AccountId),
}

/// The histories that are asked for.
pub(super) struct Histories {
    queue: FairQueue<HistoryShare, Box<HistoryCursor>, 4>,
    /// Those whose link has too much unsent, by the number of the link.
    congested: HashMap<u64, Vec<(Turn, Box<HistoryCursor>)>>,
    counted: CountedAccounts,
    /// The module's own inbox, for links that have sent what they had.
    inbox: Sender<AccountQueriesMessage>,
}

/// What stays counted of accounts that asked before.
struct CountedAccounts {
    /// The sizes of accounts' settled transactions.
    sizes: LruCache<AccountId, SettledSize>,
    profits: ProfitCounts,
    /// Exports whose time was over while they were counted, each with the end of that try.
    exports: KeptExports,
}

impl std::fmt::Debug for Histories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Histories({} waiting)", self.queue.len())
    }
}

/// Exports that wait for the next try of their account.
type KeptExports = LruCache<AccountId, (Instant, Box<ExportCursor>)>;

/// A history that is being answered, or another query that is answered in slices.
struct HistoryCursor {
    reply_to: ReplyTo,
    query: SlicedQuery,
    account: AccountId,
    /// Whether the account itself asks.
    private: bool,
    asked: Instant,
    stage: HistoryStage,
}

enum HistoryStage {
    /// It has had no turn yet.
    New,
    /// The profit that a summary tells is being counted.
    Summing(Box<ProfitCount>),
    Counting(HistoryCount),
    Sending(HistorySending),
    Exporting(Box<ExportCursor>),
}

/// A history whose size is being counted, from its bound down.
struct HistoryCount {
    bound: HistoryBound,
    /// The newest ID that is not counted.
    next: Uuid,
    size: HistorySize,
    /// What is older than the oldest order that was queued at the bound.
    settled: Option<SettledSize>,
    /// Whether the account itself asks.
    private: bool,
    /// Whether `rows` has the transactions so far, in the form that is asked for.
    is_short: bool,
    rows: Vec<u8>,
}

/// Number and bytes of transactions.
#[derive(Debug, Clone, Copy, Default)]
struct HistorySize {
    rows: u64,
    public_bytes: u64,
    private_bytes: u64,
}

/// The size of an account's transactions up to an ID. All of them are settled or rejected, so that
/// it never changes.
#[derive(Debug, Clone, Copy)]
struct SettledSize {
    newest: Uuid,
    /// Number of the last commit that had ended orders when they were counted.
    endings: u64,
    size: HistorySize,
}

/// A history that is being sent.
struct HistorySending {
    bound: HistoryBound,
    /// The newest ID that is not sent.
    next: Uuid,
    rows_left: u64,
    /// Payload that is to be sent before the next transaction.
    begun: Vec<u8>,
    packets: PacketWriter,
}

/// What a slice may still do.
struct SliceRoom {
    /// Transactions to be counted.
    rows: usize,
    /// Bytes of payload to be sent.
    bytes: usize,
}

impl SliceRoom {
    fn is_left(&self) -> bool {
        self.rows > 0 && self.bytes > 0
    }
}

/// Whether a history needs further slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SliceOutcome {
    More,
    Answered,
}

impl Histories {
    pub(super) fn new(inbox: Sender<AccountQueriesMessage>) -> Histories {
        let [around, near] = ShareLevel::of_addresses(HISTORIES_MAX);
        let levels = [
            ShareLevel::new(1, HISTORIES_MAX),
            around,
            near,
            ShareLevel::new(1, HISTORIES_OF_ASKER_MAX),
        ];
        Histories {
            queue: FairQueue::new(HISTORIES_MAX, levels),
            congested: HashMap::new(),
            counted: CountedAccounts {
                sizes: LruCache::new(SIZES_MAX),
                profits: ProfitCounts::new(),
                exports: LruCache::new(KEPT_MAX),
            },
            inbox,
        }
    }

    /// Lets a history wait for its turn. Where there is no room, it or the newest of whoever has
    /// most is refused.
    pub(super) fn ask(&mut self, reply_to: ReplyTo, asker: AccountId, query: SlicedQuery) {
        let near = Neighbourhood::of(reply_to.client_ip());
        let path = [
            HistoryShare::Worker(reply_to.peer.worker.uuid),
            HistoryShare::Network(near.around()),
            HistoryShare::Network(near),
            HistoryShare::Asker(asker),
        ];
        let account = query.account(asker);
        let cursor = HistoryCursor {
            reply_to,
            query,
            account,
            private: asker == account,
            asked: Instant::now(),
            stage: HistoryStage::New,
        };
        if let Some(without_room) = self.queue.push(path, Box::new(cursor)) {
            // It may have been under way: this stands in place of its further packets.
            let refusal = overloaded().refusal();
            without_room.fail(&refusal);
        }
    }

    /// Whether a slice can be read now.
    pub(super) fn has_turn(&self) -> bool {
        self.queue.is_ready()
    }

    /// Reads and sends a slice: of the history whose turn it is, and of those after it as long as
    /// the slice has room for them.
    pub(super) fn slice(&mut self, reader: &mut Reader, assets: &AssetsHandle) {
        let mut snapshot = reader.snapshot();
        let prices = assets.prices();
        let mut room = SliceRoom {
            rows: COUNTED_MAX,
            bytes: SLICE_BYTES,
        };
        let mut replies = ReplyBatch::new();
        while room.is_left()
            && let Some((turn, mut cursor)) = self.queue.take()
        {
            let link = &cursor.reply_to.peer.link;
            if !link.is_open() {
                self.queue.release(turn);
                continue;
            }
            if self.is_congested(&cursor) {
                self.set_aside(turn, cursor);
                continue;
            }
            let outcome = match &mut snapshot {
                Ok(_) if matches!(cursor.stage, HistoryStage::New) && cursor.is_late() => {
                    Err(overloaded())
                }
                Ok(snapshot) => {
                    let counted = &mut self.counted;
                    cursor.slice((snapshot, &prices), counted, &mut room, &mut replies)
                }
                Err(error) => Err(QueryError::Database(error.to_string())),
            };
            match outcome {
                Ok(SliceOutcome::More) => self.queue.put_back(turn, cursor),
                Ok(SliceOutcome::Answered) => self.queue.release(turn),
                Err(error) => {
                    self.queue.release(turn);
                    let instruction = cursor.query.instruction();
                    replies.fail(cursor.reply_to, instruction, &error.refusal());
                }
            }
        }
        replies.send();
    }

    /// Lets a history wait until its link has sent what it had.
    fn set_aside(&mut self, turn: Turn, cursor: Box<HistoryCursor>) {
        let link = cursor.reply_to.peer.link.number;
        let waiting = self.congested.entry(link).or_default();
        if waiting.len() < SET_ASIDE_MAX {
            waiting.push((turn, cursor));
        } else {
            self.queue.release(turn);
            cursor.fail(&overloaded().refusal());
        }
    }

    /// A link has sent what it had, or has ended: its histories go on.
    pub(super) fn go_on(&mut self, link: u64) {
        for (turn, cursor) in self.congested.remove(&link).unwrap_or_default() {
            self.queue.put_back(turn, cursor);
        }
    }

    /// Looks at the links that have too much unsent, since the word of one may have found no room
    /// in the inbox. Forgets exports that nobody asks for any more.
    pub(super) fn look_at_links(&mut self) {
        self.counted
            .exports
            .retain(|_, (at, _)| at.elapsed() < KEPT_TIMEOUT);
        let drained: Vec<u64> = self
            .congested
            .iter()
            .filter(|(_, waiting)| {
                let first = waiting.first();
                first.is_none_or(|(_, cursor)| !self.is_congested(cursor))
            })
            .map(|(link, _)| *link)
            .collect();
        for link in drained {
            self.go_on(link);
        }
    }

    /// Whether a cursor's link has too much unsent; if so, the module hears when it has not.
    fn is_congested(&self, cursor: &HistoryCursor) -> bool {
        let link = &cursor.reply_to.peer.link;
        let (number, inbox) = (link.number, self.inbox.clone());
        link.is_congested(LINK_UNSENT_BYTES, move || {
            let _ = inbox.try_send(AccountQueriesMessage::LinkDrained(number));
        })
    }
}

impl HistoryCursor {
    fn is_late(&self) -> bool {
        self.asked.elapsed() >= FIRST_PIECE_TIMEOUT
    }

    fn fail(&self, refusal: &Refusal) {
        self.reply_to.fail(self.query.instruction(), refusal);
    }

    fn slice(
        &mut self,
        (snapshot, prices): (&mut Snapshot<'_>, &PriceSnapshot),
        counted: &mut CountedAccounts,
        room: &mut SliceRoom,
        replies: &mut ReplyBatch,
    ) -> Result<SliceOutcome, QueryError> {
        match self.query.clone() {
            SlicedQuery::Export(currency) => {
                self.export(snapshot, currency, &mut counted.exports, room, replies)
            }
            SlicedQuery::History(_) => self.history_slice(snapshot, counted, room, replies),
            SlicedQuery::Page { before, count, .. } => {
                let rows = snapshot.history_page(self.account, before, count)?;
                let private = self.private;
                room.rows = room.rows.saturating_sub(rows.len());
                let entries = rows.into_iter().map(|row| page_entry(row, private));
                let page = TransactionPage {
                    private,
                    entries: entries.collect(),
                };
                Ok(self.answer(&page, room, replies))
            }
            SlicedQuery::OpenOrders => {
                let rows = snapshot.waiting_orders(self.account)?;
                room.rows = room.rows.saturating_sub(rows.len());
                Ok(self.answer(&open_orders(rows), room, replies))
            }
            SlicedQuery::Summary(fees) => {
                self.summary_slice((snapshot, prices, &fees), counted, room, replies)
            }
        }
    }

    /// Sends an answer that is made in one piece.
    fn answer(
        &self,
        payload: &impl Payload,
        room: &mut SliceRoom,
        replies: &mut ReplyBatch,
    ) -> SliceOutcome {
        let bytes = payload.to_bytes();
        room.bytes = room.bytes.saturating_sub(bytes.len());
        replies.data(&self.reply_to, &bytes);
        SliceOutcome::Answered
    }

    fn summary_slice(
        &mut self,
        (snapshot, prices, fees): (&mut Snapshot<'_>, &PriceSnapshot, &FeeSettings),
        counted: &mut CountedAccounts,
        room: &mut SliceRoom,
        replies: &mut ReplyBatch,
    ) -> Result<SliceOutcome, QueryError> {
        if let HistoryStage::New = self.stage {
            let profit = counted.profits.take(self.account);
            self.stage = HistoryStage::Summing(Box::new(profit));
        }
        let HistoryStage::Summing(profit) = &mut self.stage else {
            return Ok(SliceOutcome::More);
        };
        let rows = profit.count(snapshot, self.account, room.rows)?;
        room.rows -= rows.min(room.rows);
        if room.rows == 0 {
            return Ok(SliceOutcome::More);
        }
        room.rows = room.rows.saturating_sub(profit.unended());
        profit.add_ended(snapshot, self.account)?;
        // Cash and positions are the sums of the rows that this snapshot has.
        let holdings = snapshot.holdings(self.account)?;
        let orders = snapshot.waiting_orders(self.account)?;
        room.rows = room.rows.saturating_sub(orders.len());
        let told = summary(self.account, (&holdings, &orders), profit, (prices, fees));
        counted.profits.keep(self.account, std::mem::take(profit));
        Ok(self.answer(&told, room, replies))
    }

    fn history_slice(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        counted: &mut CountedAccounts,
        room: &mut SliceRoom,
        replies: &mut ReplyBatch,
    ) -> Result<SliceOutcome, QueryError> {
        if let HistoryStage::New = self.stage {
            self.stage = match snapshot.history_bound(self.account)? {
                None => HistoryStage::Sending(HistorySending::empty(self.private)),
                Some(bound) => HistoryStage::Counting(HistoryCount::new(bound, self.private)),
            };
        }
        if let HistoryStage::Counting(count) = &mut self.stage {
            let settled = counted.sizes.get(&self.account).copied();
            if !count.slice(snapshot, self.account, settled, room)? {
                return Ok(SliceOutcome::More);
            }
            if let Some(settled) = count.settled {
                counted.sizes.insert(self.account, settled);
            }
            let sending = HistorySending::new(count, self.private);
            self.stage = HistoryStage::Sending(sending);
            // What was counted serves whoever asks next.
            if self.is_late() {
                return Err(overloaded());
            }
        }
        match &mut self.stage {
            HistoryStage::Sending(sending) => {
                let frames = sending.slice(snapshot, self.account, self.private, room)?;
                if !frames.is_empty() {
                    let reply_to = self.reply_to.clone();
                    replies.add(reply_to, |out| out.extend_from_slice(&frames));
                }
                Ok(if sending.packets.is_complete() {
                    SliceOutcome::Answered
                } else {
                    SliceOutcome::More
                })
            }
            HistoryStage::New
            | HistoryStage::Summing(_)
            | HistoryStage::Counting(_)
            | HistoryStage::Exporting(_) => Ok(SliceOutcome::More),
        }
    }

    /// A slice of an export.
    fn export(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        currency: String,
        kept: &mut KeptExports,
        room: &mut SliceRoom,
        replies: &mut ReplyBatch,
    ) -> Result<SliceOutcome, QueryError> {
        let is_late = self.is_late();
        let export = match &mut self.stage {
            HistoryStage::Exporting(export) => export,
            stage @ (HistoryStage::New
            | HistoryStage::Summing(_)
            | HistoryStage::Counting(_)
            | HistoryStage::Sending(_)) => {
                if let Some((at, export)) = kept.remove(&self.account)
                    && at.elapsed() < KEPT_TIMEOUT
                {
                    *stage = HistoryStage::Exporting(export);
                    return Ok(SliceOutcome::More);
                }
                let began = ExportCursor::new(snapshot, self.account, currency)?;
                *stage = HistoryStage::Exporting(Box::new(began));
                // What is short has taken a turn.
                room.rows = room.rows.saturating_sub(COUNTS_AS * COUNTS_AS);
                return Ok(SliceOutcome::More);
            }
        };
        if is_late && !export.is_sending() {
            let refusal = export.refusal();
            if let HistoryStage::Exporting(export) =
                std::mem::replace(&mut self.stage, HistoryStage::New)
            {
                kept.insert(self.account, (Instant::now(), export));
            }
            return Err(refusal);
        }
        let slice = export.slice(snapshot, self.account, &mut room.rows, &mut room.bytes)?;
        if !slice.frames.is_empty() {
            let reply_to = self.reply_to.clone();
            replies.add(reply_to, |out| out.extend_from_slice(&slice.frames));
        }
        Ok(if slice.is_whole {
            SliceOutcome::Answered
        } else {
            SliceOutcome::More
        })
    }
}

impl HistorySize {
    fn add(&mut self, more: HistorySize) {
        self.rows += more.rows;
        self.public_bytes += more.public_bytes;
        self.private_bytes += more.private_bytes;
    }
}

impl HistoryCount {
    fn new(bound: HistoryBound, private: bool) -> HistoryCount {
        HistoryCount {
            bound,
            private,
            next: bound.newest,
            size: HistorySize::default(),
            settled: None,
            is_short: true,
            rows: Vec::new(),
        }
    }

    /// Counts some transactions, at most down to those that are `known`. Returns whether all are
    /// counted.
    fn slice(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        account: AccountId,
        known: Option<SettledSize>,
        room: &mut SliceRoom,
    ) -> Result<bool, QueryError> {
        let bound = self.bound;
        // What was counted for a later bound may have ended since this one.
        let known = known.filter(|known| known.endings <= bound.endings);
        let mut older = None;
        let limit = room.rows;
        snapshot.history(account, &bound, self.next, limit, |transaction| {
            older = known.filter(|known| known.newest == transaction.id);
            if older.is_some() {
                return ControlFlow::Break(());
            }
            self.count(transaction);
            room.rows -= 1;
            ControlFlow::Continue(())
        })?;
        if let Some(known) = older {
            self.size.add(known.size);
            self.add_settled(known.newest, known.size);
        }
        Ok(older.is_some() || room.rows > 0)
    }

    fn count(&mut self, transaction: Transaction) {
        let (id, status) = (transaction.id, transaction.status);
        let mut entry = history_line(transaction, true);
        let begin = self.rows.len();
        entry.write(&mut self.rows);
        let private_bytes = self.rows.len() - begin;
        entry.detail = None;
        let public_begin = self.rows.len();
        entry.write(&mut self.rows);
        let public_bytes = self.rows.len() - public_begin;
        if self.is_short && self.rows.len() > SHORT_BYTES {
            self.is_short = false;
            self.rows = Vec::new();
        }
        if !self.is_short {
            self.rows.clear();
        } else if self.private {
            self.rows.truncate(public_begin);
        } else {
            self.rows.drain(begin..public_begin);
        }
        let one = HistorySize {
            rows: 1,
            public_bytes: public_bytes as u64,
            private_bytes: private_bytes as u64,
        };
        self.size.add(one);
        if !status.is_final() {
            self.settled = None;
        } else {
            self.add_settled(id, one);
        }
        self.next = before(id);
    }

    /// Adds what is settled and older than all so far.
    fn add_settled(&mut self, newest: Uuid, size: HistorySize) {
        let settled = self.settled.get_or_insert(SettledSize {
            newest,
            endings: self.bound.endings,
            size: HistorySize::default(),
        });
        settled.size.add(size);
    }
}

impl HistorySending {
    /// A history without a transaction.
    fn empty(private: bool) -> HistorySending {
        HistorySending::new(
            &mut HistoryCount::new(HistoryBound::default(), private),
            private,
        )
    }

    fn new(count: &mut HistoryCount, private: bool) -> HistorySending {
        let size = count.size;
        let bytes = if private {
            size.private_bytes
        } else {
            size.public_bytes
        };
        let mut begun = vec![u8::from(private)];
        let rows = u32::try_from(size.rows).unwrap_or(u32::MAX);
        begun.extend_from_slice(&rows.to_be_bytes());
        let is_whole = count.is_short && count.rows.len() as u64 == bytes;
        if is_whole {
            begun.append(&mut count.rows);
        }
        HistorySending {
            bound: count.bound,
            next: count.bound.newest,
            rows_left: if is_whole { 0 } else { size.rows },
            begun,
            packets: PacketWriter::new(HEAD_BYTES + bytes),
        }
    }

    /// The packets that the next transactions fill.
    fn slice(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        account: AccountId,
        private: bool,
        room: &mut SliceRoom,
    ) -> Result<Vec<u8>, QueryError> {
        let mut payload = std::mem::take(&mut self.begun);
        let before_rows = self.rows_left;
        if self.rows_left > 0 {
            let limit = room.bytes / ENTRY_BYTES_MIN + 1;
            let limit = usize::try_from(self.rows_left).map_or(limit, |left| left.min(limit));
            snapshot.history(account, &self.bound, self.next, limit, |transaction| {
                self.next = before(transaction.id);
                self.rows_left -= 1;
                history_line(transaction, private).write(&mut payload);
                if payload.len() < room.bytes {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
            if self.rows_left == before_rows {
                return Err(changed());
            }
        }
        room.bytes = room.bytes.saturating_sub(payload.len());
        let mut frames = Vec::new();
        self.packets.write(&mut frames, &payload);
        if self.packets.is_complete() == (self.rows_left == 0) {
            Ok(frames)
        } else {
            Err(changed())
        }
    }
}

/// The error of a history that is not as long as it was counted.
fn changed() -> QueryError {
    QueryError::Database("a history has changed while it was read".to_owned())
}

/// The refusal of a history for which there is no room or no time.
fn overloaded() -> QueryError {
    let text = "too many histories are being read; ask again later";
    QueryError::Refused(Refusal::new(Reason::Overloaded, text))
}

/// The ID before this one. The first of all IDs has none, which no transaction has.
fn before(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_sub(1))
}

#[cfg(test)]
mod tests;
