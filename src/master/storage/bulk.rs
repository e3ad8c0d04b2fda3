//! spec/master/storage.md · 3.1.2 Database Management
//!
//! Writes millions of rows into a database that no process uses, for measurements. A crash may
//! damage the database.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::engine::signed;
use super::ledger::{FillDetails, NewOrder, Settlement};
use super::order_details::OrderDetails;
use super::sqlite::SqliteStorage;
use super::{Snapshot, StorageError, Tx};
use crate::config::DatabaseUrl;
use crate::model::money::MILLION;
use crate::model::{
    AccountId, Bar, Money, Quantity, SessionHash, SettlementRank, Side, Symbol, Timestamp,
    TransactionStatus,
};
use rusqlite::{Transaction, params};
use std::path::Path;
use uuid::Uuid;

/// From this many transactions on, their indexes are dropped first and created again at the end.
const INDEXES_DROPPED_MIN: u64 = 100_000;
/// Selects the indexes that are dropped and created again.
const INDEXES_SQL: &str = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'transactions' AND sql IS NOT NULL";
/// Generates the numbers from 1 to `?1`.
const NUMBERS_SQL: &str =
    "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)";

/// A database that is being filled.
#[derive(Debug)]
pub struct BulkLoader {
    sqlite: SqliteStorage,
}

/// Accounts whose numbers are evenly spaced.
#[derive(Debug, Clone, Copy)]
pub struct EvenAccounts {
    /// Number of the first account.
    pub first: u64,
    /// Number of accounts.
    pub accounts: u64,
    /// Distance between two numbers.
    pub step: u64,
}

/// An order that has not ended.
#[derive(Debug, Clone)]
pub struct BulkOrder {
    pub account: AccountId,
    pub side: Side,
    pub symbol: Symbol,
    pub units: Quantity,
    /// Of a purchase: what is held back.
    pub reserve: Option<Money>,
    /// `None`: a market order of purchaseAsset or sellAsset on the queue; the others are open.
    pub details: Option<OrderDetails>,
}

/// The link messages that brought the orders: all of one worker, which has never linked.
const ORIGIN: Uuid = Uuid::from_u128(1);

impl BulkLoader {
    /// Opens a database that no process uses. If filling fails half-way, discard the database.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open(url: &DatabaseUrl) -> Result<BulkLoader, StorageError> {
        let file = url.file().ok_or_else(|| {
            StorageError::Other("histories in bulk are for databases in files".to_owned())
        })?;
        let sqlite = SqliteStorage::open_plain(file)?;
        sqlite.connection.execute_batch(
            "PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; PRAGMA foreign_keys = OFF;",
        )?;
        Ok(BulkLoader { sqlite })
    }

    /// Writes `count` accounts, numbered from 1, each with 100,000 in cash and, where an asset is
    /// named, one position that no transaction explains. All have the same password.
    ///
    /// # Errors
    /// The database fails.
    pub fn accounts(
        &mut self,
        count: u64,
        symbol: Option<&str>,
        created: Timestamp,
    ) -> Result<(), StorageError> {
        let transaction = self.sqlite.connection.transaction()?;
        let accounts = format!(
            "{NUMBERS_SQL} INSERT INTO accounts (account, username, username_key, email, email_key, is_password, pass_hash,
                 created, starting_cash, boot, sequence)
             SELECT n, 'user-' || n, 'user-' || n, 'user-' || n || '@example.org', 'user-' || n || '@example.org', 1,
                 '$2b$04$5a5a5a5a5a5a5a5a5a5a5uVhE2cBz1uLqyb5bK1dPZ2hR3cQm9l6e', ?2, 100000000000, x'00', n FROM n"
        );
        transaction.execute(&accounts, params![signed(count), created.0])?;
        let balances = format!(
            "{NUMBERS_SQL} INSERT INTO balances (account, cash) SELECT n, 100000000000 FROM n"
        );
        transaction.execute(&balances, params![signed(count)])?;
        if let Some(symbol) = symbol {
            let positions = format!(
                "{NUMBERS_SQL} INSERT INTO positions (account, symbol, quantity, cost) SELECT n, ?2, 1000000, 1000000 FROM n"
            );
            transaction.execute(&positions, params![signed(count), symbol])?;
        }
        Ok(transaction.commit()?)
    }

    /// Buys so many units of each of these assets for an account, at 1 each, with times of acceptance
    /// from `since` on. The ledger adds up if it did before.
    ///
    /// # Errors
    /// The account has too little cash, or the database fails.
    pub fn purchases(
        &mut self,
        holders: impl Iterator<Item = (AccountId, Vec<Symbol>)>,
        units: Quantity,
        since: Timestamp,
    ) -> Result<(), StorageError> {
        let mut tx = self.begin()?;
        let mut number = tx.last_number()?;
        let total = Money(units.0);
        for (account, symbols) in holders {
            let before = tx.holdings(account)?;
            let mut after = before.clone();
            let mut outcomes = Vec::new();
            for symbol in symbols {
                number += 1;
                let order = BulkOrder {
                    account,
                    side: Side::Buy,
                    symbol,
                    units,
                    reserve: None,
                    details: None,
                };
                insert_order(&mut tx, number, &order, since)?;
                let bought = after.trade(Side::Buy, symbol, units, (total, after.cash));
                bought.map_err(|reason| StorageError::Other(reason.to_string()))?;
                let outcome = Settlement::Settled {
                    price: Money(MILLION),
                    total,
                    priced: since,
                    details: FillDetails::default(),
                };
                outcomes.push((number, outcome));
            }
            tx.settle_orders(&outcomes, accepted_at(number, since), 0)?;
            tx.store_holdings(account, &before, &after)?;
        }
        tx.commit()
    }

    /// Writes orders that have not ended, as a master stores them, with times of acceptance from
    /// `since` on. What they hold back is not checked.
    ///
    /// # Errors
    /// The database fails.
    pub fn orders(
        &mut self,
        orders: impl Iterator<Item = BulkOrder>,
        since: Timestamp,
    ) -> Result<(), StorageError> {
        let mut tx = self.begin()?;
        let mut number = tx.last_number()?;
        for order in orders {
            number += 1;
            insert_order(&mut tx, number, &order, since)?;
        }
        tx.commit()
    }

    fn begin(&mut self) -> Result<Tx<'_>, StorageError> {
        let snapshot = Snapshot::Sqlite(self.sqlite.begin()?);
        Ok(Tx::of(snapshot))
    }

    /// Writes a session for each of these accounts, valid from `now` until `expiry`.
    ///
    /// # Errors
    /// The database fails.
    pub fn sessions(
        &mut self,
        sessions: &[(SessionHash, u64)],
        now: Timestamp,
        expiry: Timestamp,
    ) -> Result<(), StorageError> {
        let transaction = self.sqlite.connection.transaction()?;
        for (hash, account) in sessions {
            transaction.execute(
                "INSERT INTO sessions (hash, account, since, expiry, client, worker, boot, expirable, last_used)
                 VALUES (?1, ?2, ?3, ?4, '127.0.0.1:1', zeroblob(16), zeroblob(16), 0, ?3)",
                params![hash.0, signed(*account), now.0, expiry.0],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Writes `count` settled purchases for the accounts in turn, with times of acceptance from
    /// `since` on.
    ///
    /// # Errors
    /// The database fails.
    pub fn transactions(
        &mut self,
        count: u64,
        of: EvenAccounts,
        symbol: &str,
        since: Timestamp,
    ) -> Result<(), StorageError> {
        let connection = &mut self.sqlite.connection;
        let mut indexes: Vec<(String, String)> = Vec::new();
        if count > INDEXES_DROPPED_MIN {
            let mut statement = connection.prepare(INDEXES_SQL)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            indexes = rows.collect::<rusqlite::Result<_>>()?;
        }
        let transaction = connection.transaction()?;
        for (index, _) in &indexes {
            transaction.execute_batch(&format!("DROP INDEX {index}"))?;
        }
        insert_transactions(&transaction, count, of, symbol, since)?;
        for (_, sql) in &indexes {
            transaction.execute_batch(sql)?;
        }
        Ok(transaction.commit()?)
    }

    /// Lets each account have what its settled purchases of this asset make, where [transactions]
    /// were written for accounts without positions. The ledger adds up then.
    ///
    /// # Errors
    /// The database fails.
    ///
    /// [transactions]: BulkLoader::transactions
    pub fn add_up(&mut self, symbol: &str) -> Result<(), StorageError> {
        let transaction = self.sqlite.connection.transaction()?;
        transaction.execute(
            "INSERT INTO positions (account, symbol, quantity, cost)
             SELECT account, symbol, sum(quantity), sum(total) FROM transactions
             WHERE symbol = ?1 GROUP BY account, symbol",
            params![symbol],
        )?;
        transaction.execute_batch(
            "UPDATE balances SET cash = cash - positions.cost FROM positions
             WHERE positions.account = balances.account",
        )?;
        Ok(transaction.commit()?)
    }

    /// Closes the database; all its data are then in one file.
    ///
    /// # Errors
    /// The database fails.
    pub fn close(self) -> Result<(), StorageError> {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize;";
        self.sqlite.connection.execute_batch(sql)?;
        self.sqlite.close()
    }
}

/// Stores bars in a new database as the plainest program would: one table, one transaction, SQLite's
/// own settings. What a master's first start is measured by. Returns the number of bars.
///
/// # Errors
/// The file exists or cannot be written, or `bars` has an error.
pub fn bare_insert(
    file: &Path,
    bars: impl Iterator<Item = Result<(i64, Bar), String>>,
) -> Result<u64, StorageError> {
    let mut sqlite = SqliteStorage::open_plain(file)?.connection;
    let transaction = sqlite.transaction()?;
    transaction.execute_batch(
        "CREATE TABLE bars (asset INTEGER, time INTEGER, open INTEGER, high INTEGER, low INTEGER,
             close INTEGER, volume INTEGER, PRIMARY KEY (asset, time)) WITHOUT ROWID",
    )?;
    let mut count = 0;
    {
        let mut insert =
            transaction.prepare("INSERT INTO bars VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        for bar in bars {
            let (asset, bar) = bar.map_err(StorageError::Other)?;
            insert.execute(params![
                asset,
                bar.time.0,
                bar.open.0,
                bar.high.0,
                bar.low.0,
                bar.close.0,
                signed(bar.volume)
            ])?;
            count += 1;
        }
    }
    transaction.commit()?;
    Ok(count)
}

/// Reads all columns of the open orders as the plainest program would: one statement, and SQLite's
/// own settings. What a start is measured by. Returns their number.
///
/// # Errors
/// The database cannot be read.
pub fn bare_select(file: &Path) -> Result<u64, StorageError> {
    let sqlite = SqliteStorage::open_plain(file)?.connection;
    let mut statement = sqlite
        .prepare("SELECT * FROM transactions JOIN order_terms USING (number) WHERE status = 3")?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            std::hint::black_box(row.get_ref(column)?);
        }
        count += 1;
    }
    Ok(count)
}

/// The time of acceptance of the order with this number: a thousand in each millisecond.
fn accepted_at(number: i64, since: Timestamp) -> Timestamp {
    Timestamp(since.0 + number / 1000)
}

/// Stores an order under this number.
fn insert_order(
    tx: &mut Tx<'_>,
    number: i64,
    order: &BulkOrder,
    since: Timestamp,
) -> Result<(), StorageError> {
    let accepted = accepted_at(number, since);
    let sequence = number.unsigned_abs();
    let status = if order.details.is_some() {
        TransactionStatus::Open
    } else {
        TransactionStatus::Queued
    };
    let row = NewOrder {
        rank: SettlementRank {
            timestamp: accepted,
            worker: ORIGIN,
            sequence,
            number,
        },
        boot: ORIGIN,
        id: id_at(accepted, sequence),
        account: order.account,
        side: order.side,
        symbol: order.symbol,
        quantity: order.units,
        accepted,
        stamped: accepted,
        client_order_id: None,
        waits_since: None,
        status,
        reserve: order.reserve,
        first_update: 0,
        details: order.details.as_ref(),
    };
    if tx.insert_order(&row)? {
        Ok(())
    } else {
        Err(StorageError::Other(format!("order {number} is there")))
    }
}

/// A version 7 UUID: the time of acceptance, then a unique part, in the order of numbers.
fn id_at(accepted: Timestamp, number: u64) -> Uuid {
    let time = u128::from(accepted.0.unsigned_abs()) << 80;
    let order = u128::from(number % 1000) << 64;
    Uuid::from_u128(time | 7 << 76 | order | 0b10 << 62 | u128::from(number))
}

fn insert_transactions(
    transaction: &Transaction<'_>,
    count: u64,
    of: EvenAccounts,
    symbol: &str,
    since: Timestamp,
) -> rusqlite::Result<()> {
    let last = "SELECT coalesce(max(number), 0) FROM transactions";
    let last: i64 = transaction.query_row(last, [], |row| row.get(0))?;
    let worker = ORIGIN.as_bytes();
    transaction.execute(
        "INSERT INTO origins (worker, boot) VALUES (?1, ?1) ON CONFLICT DO NOTHING",
        params![worker],
    )?;
    let origin = "SELECT origin FROM origins WHERE worker = ?1 AND boot = ?1";
    let origin: i64 = transaction.query_row(origin, params![worker], |row| row.get(0))?;
    // A version 7 UUID: the time of acceptance, then a unique part.
    let sql = format!(
        "{NUMBERS_SQL}
         INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted, settled,
             price, total, priced, stamped, ordered, update_number, origin, sequence)
         SELECT ?2 + n, unhex(printf('%012x7%03x8%015x', ?3 + n / 1000, n % 1000, ?2 + n)), ?4 + n % ?5 * ?6, 1, 1,
             ?7, 10000, 10000, ?3 + n / 1000, ?3 + n / 1000, 1000000, 10000, ?3 + n / 1000, ?3 + n / 1000,
             ?3 + n / 1000, 0, ?8, ?2 + n FROM n"
    );
    let (first, accounts, step) = (signed(of.first), signed(of.accounts), signed(of.step));
    transaction.execute(
        &sql,
        params![
            signed(count),
            last,
            since.0,
            first,
            accounts,
            step,
            symbol,
            origin
        ],
    )?;
    Ok(())
}
