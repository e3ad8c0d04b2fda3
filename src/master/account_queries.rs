//! spec/master/account_queries.md · 4.6.14 to 4.6.16 (public and private)
//!
//! Answers queries about accounts from committed data, on a thread of its own: short answers at
//! once, histories in slices between them. It never writes to the database.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

mod export;
pub mod histories;
mod page;
mod receipt;
mod summary;

use super::messages::{AccountQueriesMessage, AccountQuery, AccountQueryKind, AssetsHandle};
use super::reply_to::{ReplyBatch, ReplyTo};
use super::storage::accounts::UserRecord;
use super::storage::{Reader, Snapshot, StorageError};
use crate::config::FeeSettings;
use crate::model::money::share;
use crate::model::{AccountId, Money, OpenValue, Reason, Transaction, Username};
use crate::runtime::{Heartbeat, Module};
use crate::wire::Refusal;
use crate::wire::payload::{EntryDetail, HistoryEntry, Holding, Payload, Portfolio, UserInfo};
use crossbeam_channel::Sender;
use hashlink::LruCache;
use histories::{Histories, SlicedQuery};
use receipt::{OrderFacts, receipt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use uuid::Uuid;

/// Most cached user records. Each takes some 300 bytes.
const USERS_MAX: usize = 65_536;
/// A batch of answers is sent once it has this many bytes.
const REPLY_BATCH_BYTES: usize = 64 * 1024;
/// 100 % in basis points.
const BASIS_POINTS: i64 = 10_000;

/// The module's whole state.
#[derive(Debug)]
pub struct AccountQueries {
    reader: Reader,
    /// Reads histories, so that they take no pages of the other's cache.
    scanner: Reader,
    state: AccountQueryState,
    histories: Histories,
    heartbeat: Heartbeat,
}

/// The module's state without the database, so that a snapshot can borrow the reader meanwhile.
#[derive(Debug)]
struct AccountQueryState {
    assets: AssetsHandle,
    currency: String,
    fees: FeeSettings,
    /// The user records looked up last, by the lower-case user name. Of the accounts as they were
    /// after so many changes.
    users: LruCache<String, Arc<UserRecord>>,
    users_of: u64,
    /// The number of changes of accounts since the start.
    changes: Arc<AtomicU64>,
}

/// An answer to a query.
enum QueryAnswer {
    Payload(Vec<u8>),
    /// What is answered in slices.
    Sliced(SlicedQuery),
}

#[derive(Debug)]
enum QueryError {
    Refused(Refusal),
    Database(String),
}

impl QueryError {
    /// What the client is told. An error of the database is logged.
    fn refusal(&self) -> Refusal {
        match self {
            QueryError::Refused(refusal) => refusal.clone(),
            QueryError::Database(error) => {
                crate::error!("an account query could not be answered: {error}");
                Refusal::not_read()
            }
        }
    }
}

impl From<StorageError> for QueryError {
    fn from(error: StorageError) -> QueryError {
        QueryError::Database(error.to_string())
    }
}

impl Module for AccountQueries {
    type Message = AccountQueriesMessage;
    /// Messages whose short answers come before the next slice of a history.
    const BATCH_MAX: usize = 64;

    fn on_message(&mut self, message: AccountQueriesMessage) {
        match message {
            AccountQueriesMessage::Queries(queries) => self.answer_all(queries),
            AccountQueriesMessage::LinkDrained(link) => self.histories.go_on(link),
        }
    }

    fn on_turn_end(&mut self) {
        self.histories.slice(&mut self.scanner, &self.state.assets);
    }

    fn has_work(&self) -> bool {
        self.histories.has_turn()
    }

    fn on_tick(&mut self, _now: Instant) {
        self.histories.look_at_links();
    }
}

impl AccountQueries {
    /// The module beats its own heartbeat before each answer. The second reader is for histories,
    /// `inbox` is the module's own.
    pub fn new(
        (reader, scanner): (Reader, Reader),
        assets: AssetsHandle,
        (currency, fees): (String, FeeSettings),
        heartbeat: Heartbeat,
        inbox: Sender<AccountQueriesMessage>,
        changes: Arc<AtomicU64>,
    ) -> AccountQueries {
        AccountQueries {
            reader,
            scanner,
            state: AccountQueryState {
                assets,
                currency,
                fees,
                users: LruCache::new(USERS_MAX),
                users_of: 0,
                changes,
            },
            histories: Histories::new(inbox),
            heartbeat,
        }
    }

    /// Short answers that leave in one write are read in one database snapshot, which begins after
    /// the last of these queries arrived. So cash and positions are consistent, and SQLite locks
    /// its files once a batch: a lock costs as much as a short answer. Histories wait for a turn.
    fn answer_all(&mut self, queries: Vec<(ReplyTo, AccountQuery)>) {
        let AccountQueries {
            reader,
            state,
            histories,
            heartbeat,
            ..
        } = self;
        let mut replies = ReplyBatch::new();
        let mut queries = queries.into_iter().peekable();
        while queries.peek().is_some() {
            // Before the snapshot, which then is no older than what is remembered from it.
            state.forget_changed();
            let mut snapshot = reader.snapshot();
            for (reply_to, query) in queries.by_ref() {
                heartbeat.beat();
                let answer = match &mut snapshot {
                    Ok(snapshot) => state.answer(snapshot, &query),
                    Err(error) => Err(QueryError::Database(error.to_string())),
                };
                match answer {
                    Ok(QueryAnswer::Payload(payload)) => replies.data(&reply_to, &payload),
                    Ok(QueryAnswer::Sliced(sliced)) => {
                        histories.ask(reply_to, query.asker, sliced);
                    }
                    Err(error) => replies.fail(reply_to, query.instruction(), &error.refusal()),
                }
                if replies.size() >= REPLY_BATCH_BYTES {
                    break;
                }
            }
            replies.send();
        }
    }
}

impl AccountQueryState {
    /// Forgets the user records if an account has changed since they were read.
    fn forget_changed(&mut self) {
        let changes = self.changes.load(Ordering::Acquire);
        if changes != self.users_of {
            self.users_of = changes;
            self.users.clear();
        }
    }

    fn answer(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        query: &AccountQuery,
    ) -> Result<QueryAnswer, QueryError> {
        let asker = query.asker;
        let payload = match &query.kind {
            AccountQueryKind::Info(username) => {
                let user = self.user(snapshot, username)?;
                info(snapshot, asker, &user)
            }
            AccountQueryKind::Portfolio(username) => {
                let user = self.user(snapshot, username)?;
                self.portfolio(snapshot, asker, &user)
            }
            AccountQueryKind::History(username) => {
                let user = self.user(snapshot, username)?;
                return Ok(QueryAnswer::Sliced(SlicedQuery::History(user.account)));
            }
            AccountQueryKind::HistoryPage(username, before, count) => {
                return Ok(QueryAnswer::Sliced(SlicedQuery::Page {
                    account: self.user(snapshot, username)?.account,
                    before: *before,
                    count: *count,
                }));
            }
            AccountQueryKind::OpenOrders => {
                return Ok(QueryAnswer::Sliced(SlicedQuery::OpenOrders));
            }
            AccountQueryKind::Summary => {
                return Ok(QueryAnswer::Sliced(SlicedQuery::Summary(self.fees)));
            }
            AccountQueryKind::Export => {
                let currency = self.currency.clone();
                return Ok(QueryAnswer::Sliced(SlicedQuery::Export(currency)));
            }
            AccountQueryKind::Receipt(id) => self.receipt(snapshot, asker, id),
        };
        payload.map(QueryAnswer::Payload)
    }

    fn user(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        username: &Username,
    ) -> Result<Arc<UserRecord>, QueryError> {
        let key = username.key();
        if let Some(user) = self.users.get(&key) {
            return Ok(Arc::clone(user));
        }
        let Some(user) = snapshot.user_record(&key)?.map(Arc::new) else {
            let text = format!("there is no user {username}");
            return Err(QueryError::Refused(Refusal::new(Reason::UnknownUser, text)));
        };
        self.users.insert(key, Arc::clone(&user));
        Ok(user)
    }

    fn portfolio(
        &self,
        snapshot: &mut Snapshot<'_>,
        asker: AccountId,
        user: &UserRecord,
    ) -> Result<Vec<u8>, QueryError> {
        let holdings = snapshot.holdings(user.account)?;
        let prices = self.assets.prices();
        let mut held = Vec::with_capacity(holdings.positions.len());
        for (symbol, (quantity, cost)) in &holdings.positions {
            let price = prices
                .last_quote(symbol)
                .map_or(Money::ZERO, |quote| quote.value);
            held.push(Holding {
                symbol: *symbol,
                quantity: *quantity,
                average_cost: Money(share(cost.0, crate::model::money::MILLION, quantity.0)),
                value: quantity
                    .worth_at(price)
                    .unwrap_or(Money(crate::model::money::MILLIONTHS_MAX)),
            });
        }
        let portfolio = if asker == user.account {
            Portfolio::Private(holdings.cash, held)
        } else {
            let sum = held.iter().fold(i128::from(holdings.cash.0), |sum, h| {
                sum + i128::from(h.value.0)
            });
            let points = |holding: &Holding| {
                let exact = (i128::from(holding.value.0) * i128::from(BASIS_POINTS))
                    .checked_div(sum)
                    .unwrap_or(0);
                u16::try_from(exact).unwrap_or(0)
            };
            Portfolio::Public(
                held.iter()
                    .map(|holding| (holding.symbol, points(holding)))
                    .collect(),
            )
        };
        Ok(portfolio.to_bytes())
    }

    /// The lines that explain the price of a transaction, in order of time.
    fn receipt(
        &self,
        snapshot: &mut Snapshot<'_>,
        asker: AccountId,
        id: &Uuid,
    ) -> Result<Vec<u8>, QueryError> {
        let Some(entry) = snapshot.transaction(asker, id)? else {
            let text = "you have no transaction of this ID";
            return Err(QueryError::Refused(Refusal::new(Reason::NoData, text)));
        };
        let worker = snapshot.worker_name(&entry.rank.worker)?;
        let facts = OrderFacts::read(snapshot, &entry)?;
        Ok(receipt(&entry, &facts, worker.as_deref(), &self.currency).to_bytes())
    }
}

fn info(
    snapshot: &mut Snapshot<'_>,
    asker: AccountId,
    user: &UserRecord,
) -> Result<Vec<u8>, QueryError> {
    let private = if asker == user.account {
        let email = user.email.clone().unwrap_or_default();
        Some((email, snapshot.cash(user.account)?))
    } else {
        None
    };
    let info = UserInfo {
        username: user.username.clone(),
        is_password: user.is_password,
        created: user.created,
        private,
    };
    Ok(info.to_bytes())
}

fn history_line(transaction: Transaction, private: bool) -> HistoryEntry {
    let mut line = HistoryEntry {
        id: transaction.id,
        side: transaction.side.into(),
        status: transaction.status.of_version_1().into(),
        symbol: transaction.symbol,
        accepted: transaction.accepted,
        settled: transaction.settled.unwrap_or_default(),
        detail: None,
    };
    if private {
        let reason = transaction.reason.map(Reason::of_version_1);
        line.detail = Some(entry_detail(transaction, reason));
    }
    line
}

/// What the owner of a transaction is told of it, with its reason as the edition knows it.
fn entry_detail(transaction: Transaction, reason: Option<Reason>) -> EntryDetail {
    EntryDetail {
        quantity: transaction.quantity,
        price: transaction.price.unwrap_or_default(),
        total: transaction.total.unwrap_or_default(),
        priced: transaction.priced.unwrap_or_default(),
        client_order_id: transaction.client_order_id,
        reason: reason.map(OpenValue::Known),
    }
}

#[cfg(test)]
mod tests;
