//! spec/bench/fill.md · 2.4.1 Account Structure, 3.1.2 Database Management
//!
//! Fills a sandbox's database while nothing runs, which is how a million accounts come about without a million
//! password hashes.

use crate::model::{SessionId, Timestamp, Username};
use rusqlite::{Connection, params};
use std::path::Path;

/// How long a session lasts that is written here: a day, in milliseconds.
const LIFETIME: i64 = 24 * 60 * 60 * 1000;
/// The indexes that a great many transactions are put in without, to be made again afterwards.
const HEAVY: &str = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'transactions' AND sql IS NOT NULL";

/// An account that was written here, with a session.
#[derive(Debug, Clone)]
pub struct FilledAccount {
    /// Its name.
    pub username: Username,
    /// A session of its.
    pub session: SessionId,
}

/// Accounts at even distances.
#[derive(Debug, Clone, Copy)]
pub struct EvenAccounts {
    /// The first.
    pub first: u64,
    /// How many.
    pub accounts: u64,
    /// From one to the next.
    pub step: u64,
}

/// A database that is being filled.
#[derive(Debug)]
pub struct Filler {
    database: Connection,
    now: i64,
}

/// What comes of it.
pub type FillResult<T> = Result<T, String>;

fn words(error: rusqlite::Error) -> String {
    format!("filling the database: {error}")
}

/// The name of the account of this number.
///
/// # Errors
/// Never; it has the form.
pub fn name(number: u64) -> FillResult<Username> {
    Username::parse(&format!("user-{number}")).map_err(|e| e.to_string())
}

impl Filler {
    /// Of a sandbox that was made and does not run.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open(path: &Path) -> FillResult<Filler> {
        let database = Connection::open(path).map_err(words)?;
        // If this fails half-way, the whole sandbox is thrown away.
        database
            .execute_batch(
                "PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; PRAGMA foreign_keys = OFF;",
            )
            .map_err(words)?;
        Ok(Filler {
            database,
            now: Timestamp::now().0,
        })
    }

    /// Writes `count` accounts with cash and one position each, numbered from 1.
    ///
    /// # Errors
    /// The database fails.
    pub fn accounts(&mut self, count: u64, symbol: &str) -> FillResult<()> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let transaction = self.database.transaction().map_err(words)?;
        let all = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)";
        let accounts = format!(
            "{all} INSERT INTO accounts (account, username, username_key, email, email_key, is_password, pass_hash,
                 created, starting_cash, boot, sequence)
             SELECT n, 'user-' || n, 'user-' || n, 'user-' || n || '@example.org', 'user-' || n || '@example.org', 1,
                 '$2b$04$5a5a5a5a5a5a5a5a5a5a5uVhE2cBz1uLqyb5bK1dPZ2hR3cQm9l6e', ?2, 100000000000, x'00', n FROM n"
        );
        let fill = || -> rusqlite::Result<()> {
            transaction.execute(&accounts, params![count, self.now - LIFETIME])?;
            let balances =
                format!("{all} INSERT INTO balances (account, cash) SELECT n, 100000000000 FROM n");
            transaction.execute(&balances, params![count])?;
            let positions = format!(
                "{all} INSERT INTO positions (account, symbol, quantity, cost) SELECT n, ?2, 1000000, 1000000 FROM n"
            );
            transaction.execute(&positions, params![count, symbol])?;
            Ok(())
        };
        fill().map_err(words)?;
        transaction.commit().map_err(words)
    }

    /// Gives a session to each of these.
    ///
    /// # Errors
    /// The database fails.
    pub fn sessions(&mut self, of: EvenAccounts) -> FillResult<Vec<FilledAccount>> {
        let transaction = self.database.transaction().map_err(words)?;
        let mut filled = Vec::new();
        for number in 0..of.accounts {
            let account = of.first + number * of.step;
            let session = SessionId::from_bytes(uuid_pair());
            let account_number = i64::try_from(account).unwrap_or(i64::MAX);
            transaction
                .execute(
                    "INSERT INTO sessions (hash, account, since, expiry, client, worker, boot, expirable, last_used)
                     VALUES (?1, ?2, ?3, ?4, '127.0.0.1:1', zeroblob(16), zeroblob(16), 0, ?3)",
                    params![session.hash().0, account_number, self.now, self.now + LIFETIME],
                )
                .map_err(words)?;
            filled.push(FilledAccount {
                username: name(account)?,
                session,
            });
        }
        transaction.commit().map_err(words)?;
        Ok(filled)
    }

    /// Writes `count` settled purchases, numbered on, for so many accounts in turn.
    ///
    /// # Errors
    /// The database fails.
    pub fn transactions(&mut self, count: u64, of: EvenAccounts, symbol: &str) -> FillResult<()> {
        let integer = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let bulk = count > 100_000;
        let mut indexes: Vec<(String, String)> = Vec::new();
        if bulk {
            let mut statement = self.database.prepare(HEAVY).map_err(words)?;
            let rows = statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
                .map_err(words)?;
            for row in rows {
                indexes.push(row.map_err(words)?);
            }
        }
        let last: i64 = self
            .database
            .query_row("SELECT coalesce(max(number), 0) FROM transactions", [], |row| {
                row.get(0)
            })
            .map_err(words)?;
        let transaction = self.database.transaction().map_err(words)?;
        for (index, _) in &indexes {
            transaction
                .execute_batch(&format!("DROP INDEX {index}"))
                .map_err(words)?;
        }
        // A version 7 UUID: the time of acceptance, then something of its own.
        transaction
            .execute(
                "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                 INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted, settled,
                     price, total, priced, stamped, ordered, update_number)
                 SELECT ?2 + n, unhex(printf('%012x7%03x8%015x', ?3 + n / 1000, n % 1000, ?2 + n)), ?4 + n % ?5 * ?6, 1, 1,
                     ?7, 10000, 10000, ?3 + n / 1000, ?3 + n / 1000, 1000000, 10000, ?3 + n / 1000, ?3 + n / 1000,
                     ?3 + n / 1000, 0 FROM n",
                params![
                    integer(count),
                    last,
                    self.now - LIFETIME,
                    integer(of.first),
                    integer(of.accounts),
                    integer(of.step),
                    symbol
                ],
            )
            .map_err(words)?;
        for (_, sql) in &indexes {
            transaction.execute_batch(sql).map_err(words)?;
        }
        transaction.commit().map_err(words)
    }

    /// Puts everything into the one file.
    ///
    /// # Errors
    /// The database fails.
    pub fn close(self) -> FillResult<()> {
        self.database
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize;")
            .map_err(words)?;
        self.database.close().map_err(|(_, error)| words(error))
    }
}

/// Random bytes for a session.
fn uuid_pair() -> [u8; 32] {
    let mut bytes = [0; 32];
    let (first, second) = bytes.split_at_mut(16);
    first.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    second.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes
}
