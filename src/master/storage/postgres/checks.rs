//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! What PostgreSQL says of a database: its version, its constraints, its tables. It checks its pages
//! by itself, where its administrator has set checksums.
//!
//! Tests: `src/master/storage/postgres/tests.rs`.

use super::PostgresTransaction;
use super::migrations;
use super::session::ServerSession;
use crate::config::PostgresUrl;
use crate::master::storage::StorageError;
use crate::master::storage::engine::values::unsigned;
use std::collections::BTreeSet;

/// Constraints, indexes and triggers that are there, and not in force.
const NOT_IN_FORCE: &str =
    "SELECT 'the constraint ' || conname || ' on ' || conrelid::regclass || ' is not validated'
         FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND NOT convalidated
     UNION ALL SELECT 'the index ' || indexrelid::regclass || ' is not valid'
         FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
         WHERE relnamespace = current_schema()::regnamespace AND NOT (indisvalid AND indisready)
     UNION ALL SELECT CASE WHEN tgisinternal
             THEN 'the triggers of ' || tgrelid::regclass || ' are off: references are not checked'
             ELSE 'the trigger ' || tgname || ' of ' || tgrelid::regclass || ' is off' END
         FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
         WHERE relnamespace = current_schema()::regnamespace AND tgenabled <> 'O'";

/// Tables, views and triggers, and the indexes that stand for themselves.
const DECLARED: &str = "SELECT CASE relkind WHEN 'r' THEN 'table ' WHEN 'i' THEN 'index ' WHEN 'v' THEN 'view '
             WHEN 'm' THEN 'view ' ELSE 'relation ' END || relname
         FROM pg_class WHERE relnamespace = current_schema()::regnamespace
             AND relkind IN ('r', 'p', 'f', 'v', 'm', 'i', 'I')
             AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = pg_class.oid AND contype IN ('p', 'u', 'x'))
     UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
         WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal";

/// Rows whose account, order or other row is not there, where the server keeps no reference for us; and
/// orders that would not be found as queued or open. Each reads the rows from number ?1 to before ?2.
const DANGLING: [&str; 4] = [
    "SELECT CASE
         WHEN a.account IS NULL THEN format('the transaction %s is of account %s, which there is not', t.number, t.account)
         WHEN t.origin IS NOT NULL AND o.origin IS NULL
             THEN format('the transaction %s has no origin', t.number)
         WHEN t.fee_schedule IS NOT NULL AND f.id IS NULL
             THEN format('the transaction %s has no fee schedule', t.number)
         WHEN t.status = 0 THEN format('the transaction %s is queued, and stands before the queue', t.number)
         WHEN t.status = 3 THEN format('the transaction %s is open, and open_orders has it not', t.number)
         ELSE format('the transaction %s is not open, and open_orders has it', t.number) END
     FROM transactions AS t LEFT JOIN accounts AS a USING (account) LEFT JOIN origins AS o USING (origin)
         LEFT JOIN fee_schedules AS f ON f.id = t.fee_schedule
         LEFT JOIN open_orders AS w ON w.account = t.account AND w.number = t.number
     WHERE t.number >= ?1 AND t.number < ?2 AND (a.account IS NULL OR t.origin IS NOT NULL AND o.origin IS NULL
         OR t.fee_schedule IS NOT NULL AND f.id IS NULL
         OR t.status = 0 AND t.number < (SELECT number FROM queue_start)
         OR (t.status = 3) <> (w.number IS NOT NULL))
     LIMIT 1000",
    "SELECT format('open_orders has the transaction %s of account %s, which there is not', number, account)
     FROM open_orders AS w WHERE number >= ?1 AND number < ?2 AND NOT EXISTS
         (SELECT 1 FROM transactions AS t WHERE t.number = w.number AND t.account = w.account) LIMIT 1000",
    "SELECT format('the terms of the transaction %s are there, and it is not', number) FROM order_terms AS w
     WHERE number >= ?1 AND number < ?2
         AND NOT EXISTS (SELECT 1 FROM transactions AS t WHERE t.number = w.number) LIMIT 1000",
    "SELECT format('the fill bar of the transaction %s is there, and it is not', number) FROM fill_bars AS w
     WHERE number >= ?1 AND number < ?2
         AND NOT EXISTS (SELECT 1 FROM transactions AS t WHERE t.number = w.number) LIMIT 1000",
];

/// How many numbers they look at, which takes the server a few seconds: it cannot clear up meanwhile.
const DANGLING_NUMBERS: i64 = 1_000_000;
/// The first number from ?1 on in any of their tables.
const NEXT_NUMBER: &str = "SELECT min(number) FROM (
         SELECT min(number) AS number FROM transactions WHERE number >= ?1
         UNION ALL SELECT min(number) FROM open_orders WHERE number >= ?1
         UNION ALL SELECT min(number) FROM order_terms WHERE number >= ?1
         UNION ALL SELECT min(number) FROM fill_bars WHERE number >= ?1) AS numbers";
/// What finds the queue is there.
const NO_QUEUE: &str =
    "SELECT 'queue_start has no row' WHERE NOT EXISTS (SELECT 1 FROM queue_start)";

/// Settings of the server, by which acknowledged commits can be lost.
const DURABILITY: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'),
     current_setting('synchronous_commit'), current_setting('synchronous_standby_names') <> ''";

/// What an administrator should know of a server before a master starts on it: whether it may lose
/// commits that it has acknowledged.
///
/// # Errors
/// The server is not reached.
pub(in crate::master::storage) fn warnings(url: &PostgresUrl) -> Result<Vec<String>, StorageError> {
    let mut session = ServerSession::connect(url)?;
    let told = session.texts(DURABILITY);
    let told = told.map_err(|error| error.within(url.text()))?;
    let has_several_hosts = url.connection().get_hosts().len() > 1;
    Ok(durability(&told, has_several_hosts))
}

/// Warnings of these settings, in the order of [`DURABILITY`].
fn durability(told: &[String], has_several_hosts: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |setting: &str, loses: &str| {
        warnings.push(format!("the database's server has {setting}: {loses}"));
    };
    let [fsync, pages, commit, has_standby] = told else {
        return warnings;
    };
    if fsync == "off" {
        warn("fsync = off", "a crash of its machine damages the database");
    }
    if pages == "off" {
        let loses = "a crash of its machine may damage the database, but on a file system that writes pages whole";
        warn("full_page_writes = off", loses);
    }
    if commit == "off" {
        let loses = "a crash of the server takes orders back that were acknowledged";
        warn("synchronous_commit = off", loses);
    }
    if has_several_hosts && (has_standby != "t" || commit == "local") {
        let loses = "a standby that takes over lacks orders that were acknowledged last; set synchronous_standby_names, \
             or synchronous_mode with Patroni";
        warn("no synchronous standby", loses);
    }
    warnings
}

impl PostgresTransaction<'_> {
    /// See [`Snapshot::database_bytes`](crate::master::storage::Snapshot::database_bytes).
    pub(in crate::master::storage) fn database_bytes(&self) -> Result<u64, StorageError> {
        self.number("SELECT pg_database_size(current_database())")
    }

    /// See [`Snapshot::migrations_had`](crate::master::storage::Snapshot::migrations_had).
    pub(in crate::master::storage) fn migrations_had(&self) -> Result<u64, StorageError> {
        self.number("SELECT number FROM schema_version")
    }

    fn number(&self, sql: &str) -> Result<u64, StorageError> {
        let read = self.run(|session| session.numbers(sql))?;
        Ok(read.first().copied().map(unsigned).unwrap_or_default())
    }

    /// See [`Snapshot::integrity_errors`](crate::master::storage::Snapshot::integrity_errors).
    pub(in crate::master::storage) fn integrity_errors(
        &self,
        mut each: impl FnMut(String),
    ) -> Result<(), StorageError> {
        for said in self.run(|session| session.texts(NOT_IN_FORCE))? {
            each(format!("PostgreSQL: {said}"));
        }
        Ok(())
    }

    /// See [`Snapshot::dangling_rows`](crate::master::storage::Snapshot::dangling_rows). The references
    /// that the server keeps are no matter of rows.
    pub(in crate::master::storage) fn dangling_rows(
        &self,
        from: i64,
        mut each: impl FnMut(String),
    ) -> Result<Option<i64>, StorageError> {
        if from == 0 {
            for said in self.run(|session| session.texts(NO_QUEUE))? {
                each(said);
            }
        }
        let to = from.saturating_add(DANGLING_NUMBERS);
        for sql in DANGLING {
            let sql = sql.replace("?1", &from.to_string());
            let sql = sql.replace("?2", &to.to_string());
            for said in self.run(|session| session.texts(&sql))? {
                each(said);
            }
        }
        let sql = NEXT_NUMBER.replace("?1", &to.to_string());
        let next = self.run(|session| session.numbers(&sql))?;
        Ok(next.first().copied())
    }

    /// See [`Snapshot::schema_differences`](crate::master::storage::Snapshot::schema_differences).
    /// Names are compared, and not what they declare.
    pub(in crate::master::storage) fn schema_differences(
        &self,
        mut each: impl FnMut(String),
    ) -> Result<(), StorageError> {
        let found = self.run(|session| session.texts(DECLARED))?;
        let found: BTreeSet<String> = found.into_iter().collect();
        let ours = migrations::declared();
        for name in found.difference(&ours) {
            each(format!("the {name} is none of this version's"));
        }
        for name in ours.difference(&found) {
            each(format!("the {name} is missing"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::durability;

    #[test]
    fn settings_that_lose_commits_are_warned_of() {
        let warned = |told: [&str; 4], has_several_hosts: bool| {
            let told = told.map(str::to_owned);
            durability(&told, has_several_hosts).join("\n")
        };
        assert_eq!(warned(["on", "on", "on", "f"], false), "");
        assert_eq!(warned(["on", "on", "remote_apply", "t"], true), "");
        for (told, several, says) in [
            (["off", "on", "on", "f"], false, "fsync = off"),
            (["on", "off", "on", "f"], false, "full_page_writes = off"),
            (["on", "on", "off", "f"], false, "synchronous_commit = off"),
            (["on", "on", "on", "f"], true, "no synchronous standby"),
            (["on", "on", "local", "t"], true, "no synchronous standby"),
        ] {
            let text = warned(told, several);
            assert!(
                text.contains(says) && !text.contains('\n'),
                "{told:?}: {text}"
            );
        }
    }
}
