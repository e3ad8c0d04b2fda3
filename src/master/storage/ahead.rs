//! spec/master/storage/ahead.md · 3.1.7, 3.1.2
//!
//! What a database transaction will ask row by row, read in a few statements: for an engine across a
//! network, where each statement is a round trip. An engine in this process reads row by row.

pub(super) mod answers;

use self::answers::Answers;
use super::engine::{EngineResult, Param, params, signed};
use super::{Snapshot, StorageError};
use crate::model::{AccountId, ClientOrderId, Money, Quantity, Symbol};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What is asked of an order before it is stored.
#[derive(Debug, Clone, Copy)]
pub struct OrderAhead<'a> {
    /// The link message that brings it: the worker, its boot ID, and the message's number.
    pub message: (Uuid, Uuid, u64),
    pub account: AccountId,
    pub client_order_id: Option<&'a ClientOrderId>,
    /// Of a sale: whose units are asked. `None`: the cash is.
    pub sold: Option<Symbol>,
}

/// Reads ahead what is asked of orders that are about to be stored. `orders` is called where that
/// serves.
///
/// # Errors
/// The database fails.
pub fn orders<'o>(
    database: &mut Snapshot<'_>,
    orders: impl FnOnce() -> Vec<OrderAhead<'o>>,
) -> Result<(), StorageError> {
    let Some(ahead) = database.ahead() else {
        return Ok(());
    };
    let orders = orders();
    let mut answers = Answers::default();
    let lasts = read_asked(database, &orders, &mut answers)?;
    read_messages(database, &orders, &lasts, &mut answers)?;
    read_names(database, &orders, &mut answers)?;
    ahead.set(answers);
    Ok(())
}

/// Reads ahead what accounts hold, whom `accounts` names where that serves.
///
/// # Errors
/// The database fails.
pub fn holdings(
    database: &mut Snapshot<'_>,
    accounts: impl FnOnce() -> HashSet<AccountId>,
) -> Result<(), StorageError> {
    let Some(ahead) = database.ahead() else {
        return Ok(());
    };
    let numbers: Vec<Param<'_>> = accounts()
        .into_iter()
        .map(|account| Param::Integer(account.0))
        .collect();
    if numbers.is_empty() {
        return Ok(());
    }
    let mut answers = Answers::default();
    let mut statement = database.prepare_cached(HOLDINGS)?;
    let mut rows = statement.query(params![Param::List(&numbers)])?;
    while let Some(row) = rows.next()? {
        answers.endings = row.get(0)?;
        let Some(account) = row.get::<Option<i64>>(1)?.map(AccountId) else {
            continue;
        };
        let holdings = answers.holdings.entry(account).or_default();
        match row.get::<Option<String>>(2)? {
            None => holdings.cash = Money(row.get(3)?),
            Some(symbol) => {
                let position = (Quantity(row.get(3)?), Money(row.get(4)?));
                let symbol = super::ledger::symbol(&symbol)?;
                holdings.positions.insert(symbol, position);
            }
        }
    }
    ahead.set(answers);
    Ok(())
}

/// How many commits have ended orders, and with it in each row: the cash of an account, or a position.
const HOLDINGS: &str = "SELECT (SELECT endings FROM ledger_position), r.*
     FROM (SELECT a.account, NULL, coalesce(b.cash, a.starting_cash), NULL::bigint
         FROM accounts AS a LEFT JOIN balances AS b ON b.account = a.account
         WHERE a.account = ANY(?1::bigint[])
         UNION ALL SELECT account, symbol, quantity, cost FROM positions
         WHERE account = ANY(?1::bigint[])) AS r";

/// The last message of each worker's process that has brought an order.
type LastMessages = HashMap<(Uuid, Uuid), i64>;

/// The keys of these workers' processes with their last messages; the cash of buyers; the units that
/// are sold.
const ASKED: &str = "SELECT o.worker, o.boot, o.origin, NULL,
         (SELECT max(t.sequence) FROM transactions AS t WHERE t.origin = o.origin)
     FROM unnest(?1::bytea[], ?2::bytea[]) AS m (worker, boot)
     JOIN origins AS o ON o.worker = m.worker AND o.boot = m.boot
     UNION ALL SELECT NULL, NULL, a.account, NULL, coalesce(b.cash, a.starting_cash)
     FROM accounts AS a LEFT JOIN balances AS b ON b.account = a.account WHERE a.account = ANY(?3::bigint[])
     UNION ALL SELECT NULL, NULL, p.account, p.symbol, p.quantity
     FROM unnest(?4::bigint[], ?5::text[]) AS r (account, symbol)
     JOIN positions AS p ON p.account = r.account AND p.symbol = r.symbol";

/// Reads what each commit of orders asks, as one statement.
fn read_asked(
    database: &Snapshot<'_>,
    orders: &[OrderAhead<'_>],
    answers: &mut Answers,
) -> EngineResult<LastMessages> {
    let origins: HashSet<(Uuid, Uuid)> = orders
        .iter()
        .map(|it| (it.message.0, it.message.1))
        .collect();
    let workers: Vec<Param<'_>> = origins.iter().map(|it| bytes(&it.0)).collect();
    let boots: Vec<Param<'_>> = origins.iter().map(|it| bytes(&it.1)).collect();
    let buyers = orders.iter().filter(|order| order.sold.is_none());
    let buyers: HashSet<i64> = buyers.map(|order| order.account.0).collect();
    let buyers: Vec<Param<'_>> = buyers.into_iter().map(Param::Integer).collect();
    let sold = orders
        .iter()
        .filter_map(|order| Some((order.account, order.sold?)));
    // Of those that are not found, none is held.
    answers.units = sold.map(|it| (it, Quantity::ZERO)).collect();
    let sold: Vec<(AccountId, Symbol)> = answers.units.keys().copied().collect();
    let sellers: Vec<Param<'_>> = sold.iter().map(|it| Param::Integer(it.0.0)).collect();
    let symbols: Vec<Param<'_>> = sold.iter().map(|it| Param::Text(it.1.as_str())).collect();
    let lists = params![
        Param::List(&workers),
        Param::List(&boots),
        Param::List(&buyers),
        Param::List(&sellers),
        Param::List(&symbols)
    ];
    let mut lasts = LastMessages::new();
    let mut statement = database.prepare_cached(ASKED)?;
    let mut rows = statement.query(lists)?;
    while let Some(row) = rows.next()? {
        let (key, value): (i64, Option<i64>) = (row.get(2)?, row.get(4)?);
        let worker: Option<[u8; 16]> = row.get(0)?;
        match (worker, row.get::<Option<String>>(3)?) {
            (Some(worker), _) => {
                let origin = (Uuid::from_bytes(worker), Uuid::from_bytes(row.get(1)?));
                answers.origins.insert(origin, key);
                lasts.extend(value.map(|number| (origin, number)));
            }
            (None, None) => {
                let cash = Money(value.unwrap_or_default());
                answers.cash.insert(AccountId(key), cash);
            }
            (None, Some(symbol)) => {
                let held = (AccountId(key), super::ledger::symbol(&symbol)?);
                let units = Quantity(value.unwrap_or_default());
                answers.units.insert(held, units);
            }
        }
    }
    Ok(lasts)
}

/// Which of these messages have brought an order. Mostly none: a worker counts its messages up, and all
/// are behind the last one that is stored.
fn read_messages(
    database: &Snapshot<'_>,
    orders: &[OrderAhead<'_>],
    lasts: &LastMessages,
    answers: &mut Answers,
) -> EngineResult<()> {
    let stored = |(worker, boot, number): (Uuid, Uuid, u64)| (worker, boot, signed(number));
    let messages = orders.iter().map(|order| stored(order.message));
    let is_behind = |it: &(Uuid, Uuid, i64)| {
        let last = lasts.get(&(it.0, it.1));
        last.is_none_or(|last| it.2 > *last)
    };
    let (new, old): (HashSet<_>, HashSet<_>) = messages.partition(is_behind);
    answers.new_messages = new;
    if old.is_empty() {
        return Ok(());
    }
    let old: Vec<(Uuid, Uuid, i64)> = old.into_iter().collect();
    read_old_messages(database, &old, answers)
}

fn bytes(id: &Uuid) -> Param<'_> {
    Param::Bytes(id.as_bytes())
}

/// The same for messages that came out of their order. The origins are found first (`OFFSET 0`): joined with
/// them, a server that knows nothing yet of a new table reads all rows of an origin for each message.
fn read_old_messages(
    database: &Snapshot<'_>,
    messages: &[(Uuid, Uuid, i64)],
    answers: &mut Answers,
) -> EngineResult<()> {
    let workers: Vec<Param<'_>> = messages.iter().map(|it| bytes(&it.0)).collect();
    let boots: Vec<Param<'_>> = messages.iter().map(|it| bytes(&it.1)).collect();
    let numbers = messages.iter().map(|it| Param::Integer(it.2));
    let numbers: Vec<Param<'_>> = numbers.collect();
    let mut taken = database.prepare_cached(
        "SELECT r.worker, r.boot, r.sequence
         FROM (SELECT m.worker, m.boot, m.sequence,
                 (SELECT o.origin FROM origins AS o WHERE o.worker = m.worker AND o.boot = m.boot) AS origin
             FROM unnest(?1::bytea[], ?2::bytea[], ?3::bigint[]) AS m (worker, boot, sequence) OFFSET 0) AS r
         JOIN transactions AS t ON t.origin = r.origin AND t.sequence = r.sequence",
    )?;
    answers.new_messages.extend(messages);
    let lists = params![
        Param::List(&workers),
        Param::List(&boots),
        Param::List(&numbers)
    ];
    let mut rows = taken.query(lists)?;
    while let Some(row) = rows.next()? {
        let (worker, boot) = (row.get(0)?, row.get(1)?);
        let message = (
            Uuid::from_bytes(worker),
            Uuid::from_bytes(boot),
            row.get(2)?,
        );
        answers.new_messages.remove(&message);
    }
    Ok(())
}

fn read_names(
    database: &Snapshot<'_>,
    orders: &[OrderAhead<'_>],
    answers: &mut Answers,
) -> EngineResult<()> {
    let names = orders
        .iter()
        .filter_map(|order| Some((order.account, order.client_order_id?)));
    let names: HashSet<(AccountId, &ClientOrderId)> = names.collect();
    if names.is_empty() {
        return Ok(());
    }
    let accounts: Vec<Param<'_>> = names.iter().map(|it| Param::Integer(it.0.0)).collect();
    let texts: Vec<Param<'_>> = names.iter().map(|it| Param::Text(it.1.as_str())).collect();
    answers.new_names = names.iter().map(|it| (it.0, it.1.clone())).collect();
    let mut taken = database.prepare_cached(
        "SELECT t.account, t.client_order_id
         FROM unnest(?1::bigint[], ?2::text[]) AS r (account, name)
         JOIN transactions AS t ON t.account = r.account AND t.client_order_id = r.name",
    )?;
    let mut rows = taken.query(params![Param::List(&accounts), Param::List(&texts)])?;
    while let Some(row) = rows.next()? {
        if let Ok(id) = ClientOrderId::parse(&row.get::<String>(1)?) {
            answers.new_names.remove(&(AccountId(row.get(0)?), id));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
