//! spec/master/transactions/ledger.md · 3.1.7 ("log transactions to users profiles")
//!
//! The tables that transactions alone writes: the ledger, and the balances and positions that it adds up
//! to.

use super::queue::QueuedOrder;
use crate::master::assets::{Action, ActionKind};
use crate::model::{
    AccountId, ClientOrderId, Holdings, Money, Quantity, Reason, SettlementRank, Side, Symbol, Timestamp,
    Transaction, TransactionStatus,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

/// A transaction as it is stored, with what explains it.
#[derive(Debug, Clone)]
pub struct LedgerEntry {
    /// The transaction itself.
    pub transaction: Transaction,
    /// Its turn in the queue.
    pub turn: SettlementRank,
    /// The worker's own stamp, before it was clamped.
    pub stamped: Timestamp,
    /// The update that settled it.
    pub update: Option<u64>,
    /// The quantity that was asked for, before any split.
    pub asked: Quantity,
}

/// How an order was settled.
#[derive(Debug, Clone, Copy)]
pub enum Settlement {
    /// Filled.
    Settled {
        /// Price of one unit.
        price: Money,
        /// What left or reached the cash.
        total: Money,
        /// Market time of the price.
        priced: Timestamp,
    },
    /// Refused.
    Rejected(Reason),
}

const COLUMNS: &str = "number, id, account, side, status, symbol, quantity, accepted, settled, price, total, priced,
    client_order_id, reason, stamped, ordered, update_number, coalesce(sequence, 0), coalesce(worker, zeroblob(16)), asked";

fn damaged(what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, what.into())
}

fn read(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    let number: i64 = row.get(0)?;
    let client_order_id: Option<String> = row.get(12)?;
    let reason: Option<String> = row.get(13)?;
    let transaction = Transaction {
        id: Uuid::from_bytes(row.get(1)?),
        account: AccountId(row.get(2)?),
        side: Side::from_number(row.get(3)?).ok_or_else(|| damaged("no such side"))?,
        status: TransactionStatus::from_number(row.get(4)?).ok_or_else(|| damaged("no such status"))?,
        symbol: Symbol::parse(&row.get::<_, String>(5)?).map_err(|_| damaged("no symbol"))?,
        quantity: Quantity(row.get(6)?),
        accepted: Timestamp(row.get(7)?),
        settled: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        price: row.get::<_, Option<i64>>(9)?.map(Money),
        total: row.get::<_, Option<i64>>(10)?.map(Money),
        priced: row.get::<_, Option<i64>>(11)?.map(Timestamp),
        client_order_id: client_order_id.and_then(|id| ClientOrderId::parse(&id).ok()),
        reason: reason.and_then(|code| Reason::from_code(&code)),
    };
    let turn = SettlementRank {
        timestamp: Timestamp(row.get(15)?),
        worker: Uuid::from_bytes(row.get(18)?),
        sequence: u64::try_from(row.get::<_, i64>(17)?).unwrap_or(0),
        number,
    };
    let update = row
        .get::<_, Option<i64>>(16)?
        .and_then(|number| u64::try_from(number).ok());
    Ok(LedgerEntry {
        transaction,
        turn,
        stamped: Timestamp(row.get(14)?),
        update,
        asked: Quantity(row.get(19)?),
    })
}

fn find(
    database: &Connection,
    filter: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Option<LedgerEntry>> {
    let sql = format!("SELECT {COLUMNS} FROM transactions LEFT JOIN origins USING (origin) WHERE {filter}");
    database.prepare_cached(&sql)?.query_row(values, read).optional()
}

/// The highest place in the queue ever given.
///
/// # Errors
/// The database fails.
pub fn last_number(database: &Connection) -> rusqlite::Result<i64> {
    database.query_row("SELECT coalesce(max(number), 0) FROM transactions", [], |row| {
        row.get(0)
    })
}

/// The latest time of acceptance.
///
/// # Errors
/// The database fails.
pub fn last_accepted(database: &Connection) -> rusqlite::Result<Timestamp> {
    let sql = "SELECT accepted FROM transactions ORDER BY number DESC LIMIT 1";
    Ok(Timestamp(
        database
            .query_row(sql, [], |row| row.get(0))
            .optional()?
            .unwrap_or(0),
    ))
}

/// The orders that are queued.
///
/// # Errors
/// The database fails.
pub fn queued(database: &Connection) -> rusqlite::Result<Vec<QueuedOrder>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM transactions LEFT JOIN origins USING (origin) WHERE status = 0 ORDER BY number"
    );
    let mut statement = database.prepare(&sql)?;
    let rows = statement.query_map([], read)?;
    rows.map(|entry| {
        entry.map(
            |LedgerEntry {
                 transaction, turn, ..
             }| QueuedOrder {
                turn,
                id: transaction.id,
                account: transaction.account,
                side: transaction.side,
                symbol: transaction.symbol,
                quantity: transaction.quantity,
                accepted: transaction.accepted,
                since: None,
                client_order_id: transaction.client_order_id,
                waiters: Vec::new(),
            },
        )
    })
    .collect()
}

/// The order that a link message brought.
///
/// # Errors
/// The database fails.
pub fn by_message(
    database: &Connection,
    origin: i64,
    sequence: u64,
) -> rusqlite::Result<Option<LedgerEntry>> {
    let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
    find(
        database,
        "transactions.origin = ?1 AND sequence = ?2",
        params![origin, sequence],
    )
}

/// The order that an account's client gave this name.
///
/// # Errors
/// The database fails.
pub fn by_client(
    database: &Connection,
    account: AccountId,
    id: &ClientOrderId,
) -> rusqlite::Result<Option<LedgerEntry>> {
    find(
        database,
        "account = ?1 AND client_order_id = ?2",
        params![account.0, id.as_str()],
    )
}

/// An account's transaction by its ID.
///
/// # Errors
/// The database fails.
pub fn by_id(database: &Connection, account: AccountId, id: &Uuid) -> rusqlite::Result<Option<LedgerEntry>> {
    find(
        database,
        "account = ?1 AND id = ?2",
        params![account.0, id.as_bytes()],
    )
}

/// Calls `each` for all transactions of an account, newest first.
///
/// # Errors
/// The database fails.
pub fn history(
    database: &Connection,
    account: AccountId,
    mut each: impl FnMut(LedgerEntry),
) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM transactions LEFT JOIN origins USING (origin) WHERE account = ?1 ORDER BY id DESC"
    );
    let mut statement = database.prepare_cached(&sql)?;
    for entry in statement.query_map([account.0], read)? {
        each(entry?);
    }
    Ok(())
}

/// The key under which a worker's process is known, made if need be.
///
/// # Errors
/// The database fails.
pub fn origin(database: &Connection, worker: &Uuid, boot: &Uuid) -> rusqlite::Result<i64> {
    let known = find_origin(database, boot)?;
    if let Some(origin) = known {
        return Ok(origin);
    }
    database
        .prepare_cached("INSERT INTO origins (worker, boot) VALUES (?1, ?2)")?
        .execute(params![worker.as_bytes(), boot.as_bytes()])?;
    Ok(database.last_insert_rowid())
}

/// The key of a worker's process that has sent orders before.
///
/// # Errors
/// The database fails.
pub fn find_origin(database: &Connection, boot: &Uuid) -> rusqlite::Result<Option<i64>> {
    database
        .prepare_cached("SELECT origin FROM origins WHERE boot = ?1")?
        .query_row([boot.as_bytes()], |row| row.get(0))
        .optional()
}

/// Puts an order on the durable queue.
///
/// # Errors
/// The database fails.
pub fn insert(
    database: &Connection,
    order: &QueuedOrder,
    origin: i64,
    stamped: Timestamp,
) -> rusqlite::Result<()> {
    database
        .prepare_cached(
            "INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted,
             client_order_id, origin, sequence, stamped, ordered)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            order.turn.number,
            order.id.as_bytes(),
            order.account.0,
            order.side as u8,
            order.symbol.as_str(),
            order.quantity.0,
            order.accepted.0,
            order.client_order_id.as_ref().map(ClientOrderId::as_str),
            origin,
            i64::try_from(order.turn.sequence).unwrap_or(i64::MAX),
            stamped.0,
            order.turn.timestamp.0,
        ])?;
    Ok(())
}

/// Writes how an order ended.
///
/// # Errors
/// The database fails.
pub fn settle(
    database: &Connection,
    number: i64,
    outcome: &Settlement,
    settled: Timestamp,
    update: u64,
) -> rusqlite::Result<()> {
    let update = i64::try_from(update).unwrap_or(i64::MAX);
    let mut statement = database.prepare_cached(
        "UPDATE transactions SET status = ?2, settled = ?3, price = ?4, total = ?5, priced = ?6, reason = ?7,
         update_number = ?8 WHERE number = ?1 AND status = 0",
    )?;
    let changed = match outcome {
        Settlement::Settled { price, total, priced } => {
            let reason = None::<&str>;
            statement.execute(params![
                number, 1, settled.0, price.0, total.0, priced.0, reason, update
            ])?
        }
        Settlement::Rejected(reason) => {
            let none = None::<i64>;
            statement.execute(params![
                number,
                2,
                settled.0,
                none,
                none,
                none,
                reason.as_str(),
                update
            ])?
        }
    };
    if changed == 1 {
        Ok(())
    } else {
        Err(rusqlite::Error::StatementChangedRows(changed))
    }
}

/// Changes the quantity of a queued order, as a split does.
///
/// # Errors
/// The database fails.
pub fn requantify(database: &Connection, number: i64, quantity: Quantity) -> rusqlite::Result<()> {
    database
        .prepare_cached("UPDATE transactions SET quantity = ?2 WHERE number = ?1 AND status = 0")?
        .execute(params![number, quantity.0])?;
    Ok(())
}

/// Writes a transaction that is settled as soon as it is made: a split's or a dividend's.
///
/// # Errors
/// The database fails.
pub fn insert_settled(
    database: &Connection,
    number: i64,
    transaction: &Transaction,
    update: u64,
) -> rusqlite::Result<()> {
    database
        .prepare_cached(
            "INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted, settled,
             price, total, priced, stamped, ordered, update_number)
             VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?6, ?7, ?7, ?8, ?9, ?10, ?7, ?7, ?11)",
        )?
        .execute(params![
            number,
            transaction.id.as_bytes(),
            transaction.account.0,
            transaction.side as u8,
            transaction.symbol.as_str(),
            transaction.quantity.0,
            transaction.accepted.0,
            transaction.price.map(|p| p.0),
            transaction.total.map(|t| t.0),
            transaction.priced.map(|p| p.0),
            i64::try_from(update).unwrap_or(i64::MAX),
        ])?;
    Ok(())
}

/// What an account has.
///
/// # Errors
/// The database fails, or there is no such account.
pub fn holdings(database: &Connection, account: AccountId) -> rusqlite::Result<Holdings> {
    let cash = cash(database, account)?;
    let mut statement =
        database.prepare_cached("SELECT symbol, quantity, cost FROM positions WHERE account = ?1")?;
    let position = |row: &Row<'_>| -> rusqlite::Result<(Symbol, (Quantity, Money))> {
        let symbol = Symbol::parse(&row.get::<_, String>(0)?).map_err(|_| damaged("no symbol"))?;
        Ok((symbol, (Quantity(row.get(1)?), Money(row.get(2)?))))
    };
    let positions = statement
        .query_map([account.0], position)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Holdings { cash, positions })
}

/// An account's cash.
///
/// # Errors
/// The database fails, or there is no such account.
pub fn cash(database: &Connection, account: AccountId) -> rusqlite::Result<Money> {
    database
        .prepare_cached(
            "SELECT coalesce(cash, starting_cash) FROM accounts LEFT JOIN balances USING (account)
             WHERE account = ?1",
        )?
        .query_row([account.0], |row| row.get(0).map(Money))
}

/// The accounts that hold an asset.
///
/// # Errors
/// The database fails.
pub fn holders(database: &Connection, symbol: Symbol) -> rusqlite::Result<Vec<AccountId>> {
    let mut statement =
        database.prepare("SELECT account FROM positions WHERE symbol = ?1 ORDER BY account")?;
    let rows = statement.query_map([symbol.as_str()], |row| row.get(0).map(AccountId))?;
    rows.collect()
}

/// The splits and dividends that came with updates up to `update` and are not in the ledger yet, in order, each with
/// its update.
///
/// # Errors
/// The database fails.
pub fn actions_to_come(database: &Connection, update: u64) -> rusqlite::Result<Vec<(u64, Action)>> {
    let mut statement = database.prepare_cached(
        "SELECT symbol, time, kind, value, number FROM actions
         WHERE number > (SELECT acted FROM ledger_position) AND number <= ?1
         ORDER BY number, time, symbol, kind, value",
    )?;
    let read = |row: &Row<'_>| -> rusqlite::Result<(u64, Action)> {
        let kind: u8 = row.get(2)?;
        let value = row.get(3)?;
        let action = Action {
            symbol: Symbol::parse(&row.get::<_, String>(0)?).map_err(|_| damaged("no symbol"))?,
            time: Timestamp(row.get(1)?),
            kind: if kind == Side::Split as u8 {
                ActionKind::Split(Quantity(value))
            } else {
                ActionKind::Dividend(Money(value))
            },
        };
        Ok((u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0), action))
    };
    statement
        .query_map([i64::try_from(update).unwrap_or(i64::MAX)], read)?
        .collect()
}

/// Notes that the ledger has the splits and dividends of all updates up to this one.
///
/// # Errors
/// The database fails.
pub fn set_acted(database: &Connection, update: u64) -> rusqlite::Result<()> {
    database
        .prepare_cached("UPDATE ledger_position SET acted = ?1")?
        .execute([i64::try_from(update).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// Writes what has changed of an account.
///
/// # Errors
/// The database fails.
pub fn store_holdings(
    database: &Connection,
    account: AccountId,
    before: &Holdings,
    after: &Holdings,
) -> rusqlite::Result<()> {
    if before.cash != after.cash {
        database
            .prepare_cached(
                "INSERT INTO balances (account, cash) VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET cash = excluded.cash",
            )?
            .execute(params![account.0, after.cash.0])?;
    }
    for (symbol, (quantity, cost)) in &after.positions {
        if before.positions.get(symbol) != Some(&(*quantity, *cost)) {
            database
                .prepare_cached(
                    "INSERT INTO positions (account, symbol, quantity, cost) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (account, symbol) DO UPDATE SET quantity = excluded.quantity, cost = excluded.cost",
                )?
                .execute(params![account.0, symbol.as_str(), quantity.0, cost.0])?;
        }
    }
    for symbol in before
        .positions
        .keys()
        .filter(|symbol| !after.positions.contains_key(symbol))
    {
        database
            .prepare_cached("DELETE FROM positions WHERE account = ?1 AND symbol = ?2")?
            .execute(params![account.0, symbol.as_str()])?;
    }
    Ok(())
}
