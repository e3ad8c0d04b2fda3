//! spec/master/account_queries.md · 4.6.14 to 4.6.16 (public and private)
//!
//! Tells what may be known of an account, read from what is committed, on a thread of its own, so that a
//! long history delays no order and no session check. Never writes.

use super::messages::{AccountQueriesMessage, AccountQuery, AccountQueryKind, AssetsHandle};
use super::reply_to::{ReplyBatch, ReplyTo};
use super::storage::accounts::UserRecord;
use super::storage::ledger::LedgerEntry;
use super::storage::{Reader, Snapshot, StorageError};
use crate::model::money::share;
use crate::model::{AccountId, Money, Reason, Side, TransactionStatus, Username};
use crate::runtime::{Heartbeat, Module};
use crate::wire::Refusal;
use crate::wire::payload::{
    EntryDetail, History, HistoryEntry as Line, Holding, Payload, Portfolio, Receipt, UserInfo,
};
use hashlink::LruCache;
use std::sync::Arc;
use uuid::Uuid;

/// Accounts that are kept: some 300 bytes each.
const SEEN_MAX: usize = 65_536;
/// Bytes of answers that leave together at least, unless there are no more: a long history waits for no other.
const SEND_AT_BYTES: usize = 64 * 1024;
/// Basis points in a whole.
const BASIS_POINTS: i64 = 10_000;

/// The module's whole state.
#[derive(Debug)]
pub struct AccountQueries {
    reader: Reader,
    desk: AccountQueryState,
    heartbeat: Heartbeat,
}

/// What answers take beside the database.
#[derive(Debug)]
struct AccountQueryState {
    assets: AssetsHandle,
    currency: String,
    /// Accounts that were looked up lately, by the key of their names. What is kept of one never changes.
    seen: LruCache<String, Arc<UserRecord>>,
}

enum QueryError {
    Refused(Refusal),
    Database(String),
}

impl From<StorageError> for QueryError {
    fn from(error: StorageError) -> QueryError {
        QueryError::Database(error.to_string())
    }
}

impl Module for AccountQueries {
    type Message = AccountQueriesMessage;

    fn on_message(&mut self, AccountQueriesMessage(queries): AccountQueriesMessage) {
        self.answer_all(queries);
    }
}

impl AccountQueries {
    /// It beats between two answers, of which a long history is one.
    pub fn new(
        reader: Reader,
        assets: AssetsHandle,
        currency: String,
        heartbeat: Heartbeat,
    ) -> AccountQueries {
        AccountQueries {
            reader,
            desk: AccountQueryState {
                assets,
                currency,
                seen: LruCache::new(SEEN_MAX),
            },
            heartbeat,
        }
    }

    /// What leaves together is as of one moment, after all of it was asked: so cash and positions fit together, and
    /// SQLite takes its locks on the files once, which costs as much as a short answer itself.
    fn answer_all(&mut self, queries: Vec<(ReplyTo, AccountQuery)>) {
        let AccountQueries {
            reader,
            desk,
            heartbeat,
        } = self;
        let mut replies = ReplyBatch::new();
        let mut queries = queries.into_iter().peekable();
        while queries.peek().is_some() {
            let mut moment = reader.snapshot();
            for (reply_to, query) in queries.by_ref() {
                heartbeat.beat();
                let answer = match &mut moment {
                    Ok(moment) => desk.answer(moment, &query),
                    Err(error) => Err(QueryError::Database(error.to_string())),
                };
                match answer {
                    Ok(payload) => replies.data(&reply_to, &payload),
                    Err(QueryError::Refused(refusal)) => {
                        replies.fail(reply_to, query.instruction(), &refusal)
                    }
                    Err(QueryError::Database(error)) => {
                        crate::error!("a view could not be read: {error}");
                        replies.fail(reply_to, query.instruction(), &Refusal::not_read());
                    }
                }
                if replies.size() >= SEND_AT_BYTES {
                    break;
                }
            }
            replies.send();
        }
    }
}

impl AccountQueryState {
    fn answer(&mut self, moment: &mut Snapshot<'_>, query: &AccountQuery) -> Result<Vec<u8>, QueryError> {
        let asker = query.asker;
        match &query.kind {
            AccountQueryKind::Info(username) => {
                let seen = self.seen(moment, username)?;
                info(moment, asker, &seen)
            }
            AccountQueryKind::Portfolio(username) => {
                let seen = self.seen(moment, username)?;
                self.portfolio(moment, asker, &seen)
            }
            AccountQueryKind::History(username) => {
                let seen = self.seen(moment, username)?;
                history(moment, asker, &seen)
            }
            AccountQueryKind::Receipt(id) => self.receipt(moment, asker, id),
        }
    }

    fn seen(
        &mut self,
        moment: &mut Snapshot<'_>,
        username: &Username,
    ) -> Result<Arc<UserRecord>, QueryError> {
        let key = username.key();
        if let Some(seen) = self.seen.get(&key) {
            return Ok(Arc::clone(seen));
        }
        let Some(seen) = moment.user_record(&key)?.map(Arc::new) else {
            let text = format!("there is no user {username}");
            return Err(QueryError::Refused(Refusal::new(Reason::UnknownUser, text)));
        };
        self.seen.insert(key, Arc::clone(&seen));
        Ok(seen)
    }

    fn portfolio(
        &self,
        moment: &mut Snapshot<'_>,
        asker: AccountId,
        seen: &UserRecord,
    ) -> Result<Vec<u8>, QueryError> {
        let holdings = moment.holdings(seen.account)?;
        let prices = self.assets.prices();
        let mut held = Vec::with_capacity(holdings.positions.len());
        for (symbol, (quantity, cost)) in &holdings.positions {
            let price = prices
                .entry(symbol)
                .and_then(|entry| entry.quote)
                .map_or(Money::ZERO, |q| q.value);
            held.push(Holding {
                symbol: *symbol,
                quantity: *quantity,
                average_cost: Money(share(cost.0, crate::model::money::MILLION, quantity.0)),
                value: quantity
                    .worth_at(price)
                    .unwrap_or(Money(crate::model::money::LIMIT)),
            });
        }
        let portfolio = if asker == seen.account {
            Portfolio::Private(holdings.cash, held)
        } else {
            let sum = held
                .iter()
                .fold(i128::from(holdings.cash.0), |sum, h| sum + i128::from(h.value.0));
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

    /// "Why did I get this price", in the order in which it happened.
    fn receipt(&self, moment: &mut Snapshot<'_>, asker: AccountId, id: &Uuid) -> Result<Vec<u8>, QueryError> {
        let Some(entry) = moment.transaction(asker, id)? else {
            let text = "you have no transaction of this ID";
            return Err(QueryError::Refused(Refusal::new(Reason::NoData, text)));
        };
        let worker = moment.worker_name(&entry.turn.worker)?;
        Ok(receipt(&entry, worker.as_deref(), &self.currency).to_bytes())
    }
}

fn info(moment: &mut Snapshot<'_>, asker: AccountId, seen: &UserRecord) -> Result<Vec<u8>, QueryError> {
    let private = if asker == seen.account {
        Some((seen.email.clone(), moment.cash(seen.account)?))
    } else {
        None
    };
    let info = UserInfo {
        username: seen.username.clone(),
        is_password: seen.is_password,
        created: seen.created,
        private,
    };
    Ok(info.to_bytes())
}

fn history(moment: &mut Snapshot<'_>, asker: AccountId, seen: &UserRecord) -> Result<Vec<u8>, QueryError> {
    let private = asker == seen.account;
    let mut entries = Vec::new();
    moment.history(seen.account, |entry| entries.push(line(entry, private)))?;
    Ok(History { private, entries }.to_bytes())
}

fn line(entry: LedgerEntry, private: bool) -> Line {
    let transaction = entry.transaction;
    let detail = private.then(|| EntryDetail {
        quantity: transaction.quantity,
        price: transaction.price.unwrap_or_default(),
        total: transaction.total.unwrap_or_default(),
        priced: transaction.priced.unwrap_or_default(),
        client_order_id: transaction
            .client_order_id
            .map(|id| id.as_str().to_owned())
            .unwrap_or_default(),
        reason: transaction
            .reason
            .map(|reason| reason.as_str().to_owned())
            .unwrap_or_default(),
    });
    Line {
        id: transaction.id,
        side: transaction.side,
        status: transaction.status,
        symbol: transaction.symbol,
        accepted: transaction.accepted,
        settled: transaction.settled.unwrap_or_default(),
        detail,
    }
}

fn receipt(entry: &LedgerEntry, worker: Option<&str>, currency: &str) -> Receipt {
    let transaction = &entry.transaction;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    row("transaction", transaction.id.hyphenated().to_string());
    row("side", transaction.side.as_str().to_owned());
    row("status", transaction.status.as_str().to_owned());
    row("asset", transaction.symbol.to_string());
    row("quantity", transaction.quantity.to_string());
    if let Some(id) = &transaction.client_order_id {
        row("client order ID", id.to_string());
    }
    let order = matches!(transaction.side, Side::Buy | Side::Sell);
    if order {
        row("worker", worker.unwrap_or("-").to_owned());
        row("worker timestamp", entry.stamped.to_string());
        row("timestamp counted as", entry.turn.timestamp.to_string());
        row("queue position", entry.turn.number.to_string());
    }
    row("accepted", transaction.accepted.to_string());
    if let Some(update) = entry.update {
        row("update", update.to_string());
    }
    if let Some(settled) = transaction.settled {
        row("settled", settled.to_string());
    }
    if let Some(priced) = transaction.priced {
        row("quote time", priced.to_string());
    }
    if let Some(price) = transaction.price {
        row("price", format!("{price} {currency}"));
    }
    if let Some(total) = transaction.total {
        row("total", format!("{total} {currency}"));
    }
    if let Some(reason) = transaction.reason {
        row("reason", reason.to_string());
    }
    row("rule", rule(transaction.side, transaction.status).to_owned());
    Receipt(rows)
}

fn rule(side: Side, status: TransactionStatus) -> &'static str {
    match (side, status) {
        (_, TransactionStatus::Queued) => {
            "waits for the first update whose retrieval begins after the order was accepted"
        }
        (Side::Buy, TransactionStatus::Settled) => {
            "filled at the close of the asset's bar in the first update retrieved after acceptance; \
             total = quantity × price, rounded up to a millionth"
        }
        (Side::Sell, TransactionStatus::Settled) => {
            "filled at the close of the asset's bar in the first update retrieved after acceptance; \
             total = quantity × price, rounded down to a millionth"
        }
        (Side::Split, _) => {
            "units held before the split × its ratio, rounded down to a millionth; the cost stays"
        }
        (Side::Dividend, _) => "units held × cash a unit, rounded down to a millionth",
        (Side::Buy | Side::Sell, TransactionStatus::Rejected) => {
            "funds and holdings are checked when the order settles"
        }
    }
}

#[cfg(test)]
mod tests;
