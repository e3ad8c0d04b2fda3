//! spec/master/storage.md · 3.1.7, 3.1.2
//!
//! Reads what the check of the ledger needs. Rows are returned as they are stored, even if invalid.
//!
//! Tests: `src/master/verify/tests.rs`, and below.

use super::disk::DiskSpace;
use super::email_keys::twin_key;
use super::engine::{EngineResult, Row, params};
use super::ledger::{ACTION_COLUMNS, TAKING_EFFECT, action, waiting_rows_sql};
use super::{Snapshot, StorageError};
use crate::model::email_key::email_key;
use crate::model::{Action, Money, Quantity, Timestamp};
use std::collections::BTreeMap;

/// Accounts read in one query.
const ACCOUNTS_PAGE_MAX: i64 = 1024;

/// An account's transactions, but for the words that put them in the order in which they took effect.
const LEDGER_SQL: &str = "
    SELECT number, id, side, status, symbol, quantity, asked, accepted, settled, price, total, priced, reason,
        transactions.origin, sequence, ordered, update_number, written_off,
        cause, source, moved_cost, note IS NOT NULL, fee, reserve,
        CASE WHEN status <> 1 THEN
            (SELECT kind FROM order_terms WHERE order_terms.number = transactions.number) END,
        asked = 0 AND EXISTS
            (SELECT 1 FROM order_terms WHERE order_terms.number = transactions.number AND cash > 0),
        first_update, fee_schedule, quoted
    FROM transactions LEFT JOIN origins USING (origin)
    WHERE account = ?1
    ORDER BY ";

/// An account as it is stored.
#[derive(Debug)]
pub struct StoredAccount {
    /// Primary key.
    pub account: i64,
    pub username: String,
    /// As it was given; `None`: no address.
    pub email: Option<String>,
    /// The key under which the address is unique; `None` without one.
    pub email_key: Option<String>,
    /// The older account that has the same address, if this one's is noted as a twin.
    pub twin_of: Option<String>,
    /// Cash with which its ledger begins.
    pub starting_cash: Money,
    /// Stored cash, to be compared with the sum of the ledger.
    pub cash: Money,
}

impl StoredAccount {
    /// Whether the key of the email address is what the address, or the note of a twin, makes it.
    pub fn has_its_email_key(&self) -> bool {
        let expected = match self.twin_of {
            Some(_) => Some(twin_key(self.account)),
            None => self.email.as_deref().map(email_key),
        };
        self.email_key == expected
    }
}

/// A row of the ledger as it is stored.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct LedgerLine {
    pub number: i64,
    pub id: [u8; 16],
    pub side: u8,
    pub status: u8,
    pub symbol: String,
    pub quantity: i64,
    pub asked: i64,
    pub accepted: i64,
    pub settled: Option<i64>,
    pub price: Option<i64>,
    pub total: Option<i64>,
    pub priced: Option<i64>,
    pub reason: Option<String>,
    pub origin: Option<i64>,
    pub sequence: Option<i64>,
    pub ordered: i64,
    pub update: Option<i64>,
    pub written_off: Option<i64>,
    pub cause: Option<u8>,
    pub source: Option<String>,
    pub moved_cost: Option<i64>,
    pub has_note: bool,
    pub fee: Option<i64>,
    pub reserve: Option<i64>,
    /// Of an order that is not filled: the number of its kind, if it has terms.
    pub kind: Option<u8>,
    /// Whether it was for an amount of cash, if it names no units.
    pub is_for_cash: bool,
    pub first_update: Option<i64>,
    pub fee_schedule: Option<i64>,
    pub quoted: Option<i64>,
}

/// An order that has not ended, with its terms, as they are stored.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct WaitingLine {
    pub number: i64,
    pub side: u8,
    pub status: u8,
    pub quantity: i64,
    pub waits_since: Option<i64>,
    pub reserve: Option<i64>,
    pub first_update: Option<i64>,
    /// Number of the kind; `None`: purchaseAsset or sellAsset.
    pub kind: Option<u8>,
    pub limit: Option<i64>,
    pub stop: Option<i64>,
    pub cash: Option<i64>,
    pub time_in_force: Option<u8>,
    pub until: Option<i64>,
    pub triggered: Option<i64>,
}

/// What is wrong with a replacement, and the transactions of which it is. The first one says in whose
/// place it is.
const REPLACEMENT_FAULTS: [(&str, &str); 3] = [
    (
        "SELECT new.number FROM order_terms AS o JOIN transactions AS new ON new.number = o.number
         LEFT JOIN transactions AS old ON old.number = o.replaces
         WHERE o.replaces IS NOT NULL
            AND (old.account IS DISTINCT FROM new.account OR old.reason IS DISTINCT FROM 'replaced')",
        "the order in whose place it is was not replaced",
    ),
    (
        "SELECT max(number) FROM order_terms WHERE replaces IS NOT NULL
         GROUP BY replaces HAVING count(*) > 1",
        "another order is in the same place",
    ),
    (
        "SELECT number FROM transactions WHERE reason = 'replaced'
            AND number NOT IN (SELECT replaces FROM order_terms WHERE replaces IS NOT NULL)",
        "it was replaced, and no order is in its place",
    ),
];

fn line(row: &Row<'_>) -> EngineResult<LedgerLine> {
    Ok(LedgerLine {
        number: row.get(0)?,
        id: row.get(1)?,
        side: row.get(2)?,
        status: row.get(3)?,
        symbol: row.get(4)?,
        quantity: row.get(5)?,
        asked: row.get(6)?,
        accepted: row.get(7)?,
        settled: row.get(8)?,
        price: row.get(9)?,
        total: row.get(10)?,
        priced: row.get(11)?,
        reason: row.get(12)?,
        origin: row.get(13)?,
        sequence: row.get(14)?,
        ordered: row.get(15)?,
        update: row.get(16)?,
        written_off: row.get(17)?,
        cause: row.get(18)?,
        source: row.get(19)?,
        moved_cost: row.get(20)?,
        has_note: row.get(21)?,
        fee: row.get(22)?,
        reserve: row.get(23)?,
        kind: row.get(24)?,
        is_for_cash: row.get(25)?,
        first_update: row.get(26)?,
        fee_schedule: row.get(27)?,
        quoted: row.get(28)?,
    })
}

/// Reads the orders that have not ended, oldest first. Their numbers are sorted before the rows are
/// read; the limit keeps the engine from taking that order for needless.
fn waiting_lines_sql(database: &Snapshot<'_>) -> String {
    let numbers = waiting_rows_sql(database, "number", "");
    format!(
        "SELECT number, side, status, quantity, waits_since, reserve, first_update, kind,
             limit_price, stop_price, order_terms.cash, time_in_force, until, triggered
         FROM ({numbers} ORDER BY number LIMIT 9223372036854775807) AS waiting
         CROSS JOIN transactions USING (number) LEFT JOIN order_terms USING (number)"
    )
}

fn waiting_line(row: &Row<'_>) -> EngineResult<WaitingLine> {
    Ok(WaitingLine {
        number: row.get(0)?,
        side: row.get(1)?,
        status: row.get(2)?,
        quantity: row.get(3)?,
        waits_since: row.get(4)?,
        reserve: row.get(5)?,
        first_update: row.get(6)?,
        kind: row.get(7)?,
        limit: row.get(8)?,
        stop: row.get(9)?,
        cash: row.get(10)?,
        time_in_force: row.get(11)?,
        until: row.get(12)?,
        triggered: row.get(13)?,
    })
}

impl Snapshot<'_> {
    /// Bytes of the database, without its write-ahead log.
    ///
    /// # Errors
    /// The database fails.
    pub fn database_bytes(&mut self) -> Result<u64, StorageError> {
        match self {
            Snapshot::Sqlite(sqlite) => sqlite.database_bytes(),
            Snapshot::Postgres(postgres) => postgres.database_bytes(),
        }
    }

    /// The number of migrations that the database has had.
    ///
    /// # Errors
    /// The database fails.
    pub fn migrations_had(&mut self) -> Result<u64, StorageError> {
        match self {
            Snapshot::Sqlite(sqlite) => sqlite.migrations_had(),
            Snapshot::Postgres(postgres) => postgres.migrations_had(),
        }
    }

    /// The disk that the database is on; `None` where the system does not say.
    pub fn disk_space(&self) -> Option<DiskSpace> {
        match self {
            Snapshot::Sqlite(sqlite) => DiskSpace::beside(sqlite.file()?).ok(),
            Snapshot::Postgres(_) => None,
        }
    }

    /// Calls `each` for every message of the engine's own check. It covers pages, constraints, and
    /// indexes, and so the uniqueness of numbers, IDs and names.
    ///
    /// # Errors
    /// The database fails.
    pub fn integrity_errors(&mut self, each: impl FnMut(String)) -> Result<(), StorageError> {
        match self {
            Snapshot::Sqlite(sqlite) => sqlite.integrity_errors(each),
            Snapshot::Postgres(postgres) => postgres.integrity_errors(each),
        }
    }

    /// Calls `each` with a description of every row that refers to a missing row: at first of those
    /// from number 0 on. Returns where the next ones begin, where it did not look at all.
    ///
    /// # Errors
    /// The database fails.
    pub fn dangling_rows(
        &mut self,
        from: i64,
        each: impl FnMut(String),
    ) -> Result<Option<i64>, StorageError> {
        match self {
            Snapshot::Sqlite(sqlite) => sqlite.dangling_rows(each).map(|()| None),
            Snapshot::Postgres(postgres) => postgres.dangling_rows(from, each),
        }
    }

    /// When the newest transaction was accepted; `None` if there is none.
    ///
    /// # Errors
    /// The database fails.
    pub fn newest_transaction(&mut self) -> Result<Option<Timestamp>, StorageError> {
        let database = &*self;
        let sql = "SELECT accepted FROM transactions ORDER BY number DESC LIMIT 1";
        let found = database.query_optional(sql, [], |row| row.get(0))?;
        Ok(found.map(Timestamp))
    }

    /// A page of accounts, in the order of their keys, with keys above `after`. It is empty after
    /// the last account.
    ///
    /// # Errors
    /// The database fails.
    pub fn accounts_after(&mut self, after: i64) -> Result<Vec<StoredAccount>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT account, username, starting_cash, cash, email, email_key,
                (SELECT owners.username FROM accounts AS owners WHERE owners.account = accounts.email_owner)
             FROM accounts LEFT JOIN balances USING (account)
             WHERE account > ?1 ORDER BY account LIMIT ?2",
        )?;
        let read = |row: &Row<'_>| -> EngineResult<StoredAccount> {
            let starting_cash = Money(row.get(2)?);
            Ok(StoredAccount {
                account: row.get(0)?,
                username: row.get(1)?,
                starting_cash,
                cash: row.get::<Option<i64>>(3)?.map_or(starting_cash, Money),
                email: row.get(4)?,
                email_key: row.get(5)?,
                twin_of: row.get(6)?,
            })
        };
        let rows = statement.query_map(params![after, ACCOUNTS_PAGE_MAX], read)?;
        rows.collect()
    }

    /// Calls `each` for all transactions of an account, in the order in which they took effect.
    ///
    /// # Errors
    /// The database or `each` fails.
    pub fn ledger_lines<E: From<StorageError>>(
        &mut self,
        account: i64,
        mut each: impl FnMut(&LedgerLine) -> Result<(), E>,
    ) -> Result<(), E> {
        let database = &*self;
        let sql = format!("{LEDGER_SQL}{TAKING_EFFECT}");
        let mut statement = database.scan_often(&sql)?;
        let mut rows = statement.query([account])?;
        while let Some(row) = rows.next()? {
            each(&line(&row)?)?;
        }
        Ok(())
    }

    /// Calls `each` for the orders of all accounts that have not ended, oldest first.
    ///
    /// # Errors
    /// The database or `each` fails.
    pub fn waiting_lines<E: From<StorageError>>(
        &mut self,
        mut each: impl FnMut(&WaitingLine) -> Result<(), E>,
    ) -> Result<(), E> {
        let database = &*self;
        let mut statement = database.scan(&waiting_lines_sql(database))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(&waiting_line(&row)?)?;
        }
        Ok(())
    }

    /// Calls `each` for the transactions that replace or were replaced, and should not be so, with
    /// what is wrong.
    ///
    /// # Errors
    /// The database fails.
    pub fn replacement_faults(
        &mut self,
        mut each: impl FnMut(i64, &str),
    ) -> Result<(), StorageError> {
        let database = &*self;
        for (sql, what) in REPLACEMENT_FAULTS {
            let mut statement = database.scan(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(row.get(0)?, what);
            }
        }
        Ok(())
    }

    /// An account's positions as they are stored. Their symbols are not checked.
    ///
    /// # Errors
    /// The database fails.
    pub fn stored_positions(
        &mut self,
        account: i64,
    ) -> Result<BTreeMap<String, (Quantity, Money)>, StorageError> {
        let database = &*self;
        let sql = "SELECT symbol, quantity, cost FROM positions WHERE account = ?1";
        let mut statement = database.prepare_cached(sql)?;
        let read = |row: &Row<'_>| -> EngineResult<(String, (Quantity, Money))> {
            Ok((row.get(0)?, (Quantity(row.get(1)?), Money(row.get(2)?))))
        };
        let rows = statement.query_map([account], read)?;
        rows.collect()
    }

    /// All actions and their corrections, each with its update, in the order of the
    /// updates. Rows that cannot be read are skipped.
    ///
    /// # Errors
    /// The database fails.
    pub fn stored_actions(&mut self) -> Result<Vec<(u64, Action)>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare(&format!(
            "SELECT {ACTION_COLUMNS} FROM actions ORDER BY number, time, kind, symbol, id"
        ))?;
        let mut actions = Vec::new();
        for row in statement.query_map([], action)? {
            match row {
                Ok(row) => actions.push(row),
                Err(StorageError::Corrupt(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(actions)
    }

    /// Number of the last update whose actions are in the ledger.
    ///
    /// # Errors
    /// The database fails.
    pub fn actions_applied(&mut self) -> Result<i64, StorageError> {
        let database = &*self;
        database.query_row("SELECT acted FROM ledger_position", [], |row| row.get(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::Storage;
    use crate::master::storage::testing::each_engine;

    /// Accounts, and rows of the ledger of each. A server gives 4,096 rows at a time.
    const LEDGERS: [(i64, i64); 4] = [(1, 3), (2, 4096), (3, 8192), (4, 9000)];

    #[test]
    fn a_ledger_comes_whole_and_in_order_and_a_long_one_in_portions() {
        each_engine(|engine| {
            for (account, rows) in LEDGERS {
                engine.execute(&format!(
                    "INSERT INTO accounts (account, username, username_key, is_password, created, starting_cash,
                         boot, sequence)
                     VALUES ({account}, 'user{account}', 'user{account}', 0, 0, 0, zeroblob(16), {account})"
                ));
                engine.execute(&format!(
                    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
                     INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted,
                         stamped, ordered, reason)
                     SELECT {account} * 1000000 + n, randomblob(16), {account}, 1, 2, 'A', 1, 1, n, n, n, 'x'
                     FROM numbers"
                ));
            }
            let mut storage = engine.storage();
            for turn in 0..2 {
                for (account, rows) in LEDGERS {
                    let trips = |storage: &Storage| match storage {
                        Storage::Postgres(postgres) => Some(postgres.round_trips()),
                        Storage::Sqlite(_) => None,
                    };
                    let before = trips(&storage);
                    let mut found = Vec::new();
                    storage
                        .read(|moment| {
                            moment.ledger_lines(account, |line| {
                                found.push(line.number - account * 1_000_000);
                                Ok::<_, StorageError>(())
                            })
                        })
                        .unwrap();
                    assert_eq!(found, (1..=rows).collect::<Vec<_>>(), "account {account}");
                    if let (1, Some(before), Some(after)) = (turn, before, trips(&storage)) {
                        let read = after - before;
                        // Begin, the rows, the end. A statement of a cursor is prepared each time.
                        assert_eq!(read == 3, rows < 4096, "{read} for {rows} rows");
                    }
                }
            }
        });
    }

    #[test]
    fn the_orders_that_have_not_ended_are_found_without_reading_the_ledger() {
        each_engine(|engine| {
            let plan = engine
                .storage()
                .read(|snapshot| Ok(snapshot.plan(&waiting_lines_sql(snapshot))));
            let Some(plan) = plan.unwrap() else { return };
            for step in [
                "SCAN transactions USING COVERING INDEX transactions_queue",
                "SCAN transactions USING COVERING INDEX transactions_open",
                "SEARCH transactions USING INTEGER PRIMARY KEY",
            ] {
                assert!(plan.contains(step), "{plan}");
            }
            assert_eq!(plan.matches("SCAN transactions").count(), 2, "{plan}");
        });
    }
}
