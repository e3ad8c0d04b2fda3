//! spec/master/storage/ahead.md · 3.1.7, 3.1.2
//!
//! What a database transaction will ask row by row, read in a few statements: for an engine across a
//! network, where each statement is a round trip. An engine in this process reads row by row.

pub(super) mod answers;

use self::answers::Answers;
use super::engine::{EngineResult, Param, Row, params, signed};
use super::{Snapshot, StorageError};
use crate::model::{AccountId, ClientOrderId, Holdings, Money, Quantity, Symbol};
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
    read_messages(database, &orders, &mut answers)?;
    read_names(database, &orders, &mut answers)?;
    read_means(database, &orders, &mut answers)?;
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
    let mut all: HashMap<AccountId, Holdings> = HashMap::with_capacity(numbers.len());
    let mut cash = database.prepare_cached(CASH)?;
    for row in cash.query_map(params![Param::List(&numbers)], account_money)? {
        let (account, cash) = row?;
        let positions = Default::default();
        all.insert(account, Holdings { cash, positions });
    }
    let mut positions = database.prepare_cached(
        "SELECT account, symbol, quantity, cost FROM positions WHERE account = ANY(?1::bigint[])",
    )?;
    let mut rows = positions.query(params![Param::List(&numbers)])?;
    while let Some(row) = rows.next()? {
        let symbol = super::ledger::symbol(&row.get::<String>(1)?)?;
        if let Some(holdings) = all.get_mut(&AccountId(row.get(0)?)) {
            let position = (Quantity(row.get(2)?), Money(row.get(3)?));
            holdings.positions.insert(symbol, position);
        }
    }
    ahead.set(Answers {
        holdings: all,
        ..Answers::default()
    });
    Ok(())
}

/// The cash of accounts.
const CASH: &str = "SELECT a.account, coalesce(b.cash, a.starting_cash)
     FROM accounts AS a LEFT JOIN balances AS b ON b.account = a.account
     WHERE a.account = ANY(?1::bigint[])";

fn account_money(row: &Row<'_>) -> EngineResult<(AccountId, Money)> {
    Ok((AccountId(row.get(0)?), Money(row.get(1)?)))
}

/// Which of these messages have brought an order. The origins are found first (`OFFSET 0`): joined with
/// them, a server that knows nothing yet of a new table reads all rows of an origin for each message.
fn read_messages(
    database: &Snapshot<'_>,
    orders: &[OrderAhead<'_>],
    answers: &mut Answers,
) -> EngineResult<()> {
    let stored = |(worker, boot, number): (Uuid, Uuid, u64)| (worker, boot, signed(number));
    let messages = orders.iter().map(|order| stored(order.message));
    let messages: Vec<(Uuid, Uuid, i64)> = messages.collect();
    let bytes = |id: fn(&(Uuid, Uuid, i64)) -> &Uuid| -> Vec<Param<'_>> {
        let ids = messages.iter().map(id);
        ids.map(|id| Param::Bytes(id.as_bytes())).collect()
    };
    let (workers, boots) = (bytes(|it| &it.0), bytes(|it| &it.1));
    let numbers = messages.iter().map(|it| Param::Integer(it.2));
    let numbers: Vec<Param<'_>> = numbers.collect();
    let mut taken = database.prepare_cached(
        "SELECT r.worker, r.boot, r.sequence
         FROM (SELECT m.worker, m.boot, m.sequence,
                 (SELECT o.origin FROM origins AS o WHERE o.worker = m.worker AND o.boot = m.boot) AS origin
             FROM unnest(?1::bytea[], ?2::bytea[], ?3::bigint[]) AS m (worker, boot, sequence) OFFSET 0) AS r
         JOIN transactions AS t ON t.origin = r.origin AND t.sequence = r.sequence",
    )?;
    answers.new_messages = messages.iter().copied().collect();
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

fn read_means(
    database: &Snapshot<'_>,
    orders: &[OrderAhead<'_>],
    answers: &mut Answers,
) -> EngineResult<()> {
    let buyers = orders.iter().filter(|order| order.sold.is_none());
    let buyers: HashSet<i64> = buyers.map(|order| order.account.0).collect();
    let buyers: Vec<Param<'_>> = buyers.into_iter().map(Param::Integer).collect();
    if !buyers.is_empty() {
        let mut cash = database.prepare_cached(CASH)?;
        let rows = cash.query_map(params![Param::List(&buyers)], account_money)?;
        answers.cash = rows.collect::<EngineResult<_>>()?;
    }
    let sold = orders
        .iter()
        .filter_map(|order| Some((order.account, order.sold?)));
    answers.units = sold.map(|it| (it, Quantity::ZERO)).collect();
    if answers.units.is_empty() {
        return Ok(());
    }
    let sold: Vec<(AccountId, Symbol)> = answers.units.keys().copied().collect();
    let accounts: Vec<Param<'_>> = sold.iter().map(|it| Param::Integer(it.0.0)).collect();
    let symbols: Vec<Param<'_>> = sold.iter().map(|it| Param::Text(it.1.as_str())).collect();
    let mut held = database.prepare_cached(
        "SELECT p.account, p.symbol, p.quantity
         FROM unnest(?1::bigint[], ?2::text[]) AS r (account, symbol)
         JOIN positions AS p ON p.account = r.account AND p.symbol = r.symbol",
    )?;
    let mut rows = held.query(params![Param::List(&accounts), Param::List(&symbols)])?;
    while let Some(row) = rows.next()? {
        let symbol = super::ledger::symbol(&row.get::<String>(1)?)?;
        let held = (AccountId(row.get(0)?), symbol);
        answers.units.insert(held, Quantity(row.get(2)?));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
