//! spec/master/storage.md · 3.1.2 Database Management
//!
//! Writes millions of rows into a database that no process uses, for measurements. A crash may
//! damage the database.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::StorageError;
use super::sqlite::{SqliteStorage, signed};
use crate::config::DatabaseUrl;
use crate::model::{Bar, SessionHash, Timestamp};
use rusqlite::{Transaction, params};
use std::path::Path;

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

impl BulkLoader {
    /// Opens a database that no process uses. If filling fails half-way, discard the database.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open(url: &DatabaseUrl) -> Result<BulkLoader, StorageError> {
        let DatabaseUrl::Sqlite(file) = url;
        let sqlite = SqliteStorage::open_plain(file)?;
        sqlite.connection.execute_batch(
            "PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; PRAGMA foreign_keys = OFF;",
        )?;
        Ok(BulkLoader { sqlite })
    }

    /// Writes `count` accounts, numbered from 1, each with cash and one position. All have the same
    /// password.
    ///
    /// # Errors
    /// The database fails.
    pub fn accounts(
        &mut self,
        count: u64,
        symbol: &str,
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
        let positions = format!(
            "{NUMBERS_SQL} INSERT INTO positions (account, symbol, quantity, cost) SELECT n, ?2, 1000000, 1000000 FROM n"
        );
        transaction.execute(&positions, params![signed(count), symbol])?;
        Ok(transaction.commit()?)
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

fn insert_transactions(
    transaction: &Transaction<'_>,
    count: u64,
    of: EvenAccounts,
    symbol: &str,
    since: Timestamp,
) -> rusqlite::Result<()> {
    let last = "SELECT coalesce(max(number), 0) FROM transactions";
    let last: i64 = transaction.query_row(last, [], |row| row.get(0))?;
    // A version 7 UUID: the time of acceptance, then a unique part.
    let sql = format!(
        "{NUMBERS_SQL}
         INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted, settled,
             price, total, priced, stamped, ordered, update_number)
         SELECT ?2 + n, unhex(printf('%012x7%03x8%015x', ?3 + n / 1000, n % 1000, ?2 + n)), ?4 + n % ?5 * ?6, 1, 1,
             ?7, 10000, 10000, ?3 + n / 1000, ?3 + n / 1000, 1000000, 10000, ?3 + n / 1000, ?3 + n / 1000,
             ?3 + n / 1000, 0 FROM n"
    );
    let (first, accounts, step) = (signed(of.first), signed(of.accounts), signed(of.step));
    transaction.execute(
        &sql,
        params![signed(count), last, since.0, first, accounts, step, symbol],
    )?;
    Ok(())
}
