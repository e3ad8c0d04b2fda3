//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! Applies migrations to a database on a PostgreSQL server, and takes it for one master.

use super::session::ServerSession;
use crate::config::PostgresUrl;
use crate::master::storage::StorageError;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The number of the first file, which makes what the same number of files made of an SQLite
/// database.
const FIRST: usize = 23;
/// The migrations from [`FIRST`] on, forward only. `schema_version` has the number of the last one.
const MIGRATIONS: &[&str] = &[include_str!("../../../../sql/postgres/0023_first.sql")];

/// The advisory lock of a database's master: "papertrd" as a number.
const MASTER_LOCK: i64 = 0x7061_7065_7274_7264;
/// How long to wait for the lock. The server releases it once it has seen that its last holder is gone.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two attempts to take the lock.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Counts the epoch up. Rows of connections of long ago go; those of the last ones may still be asked
/// for.
const CLAIM: &str = "UPDATE master_epoch SET epoch = epoch + 1 WHERE one = 1;
     DELETE FROM writers WHERE epoch < (SELECT epoch - 16 FROM master_epoch);";

/// The number of the last migration that this program knows.
pub(in crate::master::storage) fn known() -> usize {
    FIRST + MIGRATIONS.len() - 1
}

/// Kind and name of each table and index that the migrations make. Each is declared at the beginning
/// of a line, and stays.
pub(in crate::master::storage) fn declared() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in MIGRATIONS.iter().flat_map(|sql| sql.lines()) {
        for (words, kind) in [
            ("CREATE TABLE ", "table"),
            ("CREATE INDEX ", "index"),
            ("CREATE UNIQUE INDEX ", "index"),
        ] {
            let name = line
                .strip_prefix(words)
                .and_then(|rest| rest.split(' ').next());
            names.extend(name.map(|name| format!("{kind} {name}")));
        }
    }
    names
}

/// The lock of a database's master, held as long as its session.
pub(in crate::master::storage) struct PostgresLock {
    url: PostgresUrl,
    session: parking_lot::Mutex<ServerSession>,
}

impl fmt::Debug for PostgresLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresLock({})", self.url.text())
    }
}

impl PostgresLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Another master holds it, or the server cannot be reached.
    pub fn take(url: &PostgresUrl) -> Result<PostgresLock, StorageError> {
        let mut session = ServerSession::connect(url)?;
        let deadline = Instant::now() + LOCK_TIMEOUT;
        let sql = format!("SELECT pg_try_advisory_lock({MASTER_LOCK})::int");
        while session.numbers(&sql)? != [1] {
            if Instant::now() >= deadline {
                return Err(StorageError::InUse(PathBuf::from(url.text())));
            }
            std::thread::sleep(LOCK_POLL_INTERVAL);
        }
        let session = parking_lot::Mutex::new(session);
        Ok(PostgresLock {
            url: url.clone(),
            session,
        })
    }

    /// Checks that it is still held: all that was opened since it was taken is then of one epoch.
    ///
    /// # Errors
    /// The session is gone, and with it the lock.
    pub fn check(&self) -> Result<(), StorageError> {
        self.session.lock().batch("SELECT 1")
    }
}

/// Applies the missing migrations in one transaction, and begins a new epoch: the writers of every
/// other master store nothing any more.
///
/// # Errors
/// The database is of a newer version, of another program or a replica that only reads; or the server
/// fails.
pub(in crate::master::storage) fn migrate(url: &PostgresUrl) -> Result<(), StorageError> {
    let mut session = ServerSession::connect(url)?;
    let within = |error: StorageError| error.within(url.text());
    check_primary(&mut session, url)?;
    let path = || PathBuf::from(url.text());
    let found = found_version(&mut session).map_err(within)?;
    if found.is_some_and(|found| found > known()) {
        return Err(StorageError::NewerVersion {
            path: path(),
            found: found.unwrap_or_default(),
            known: known(),
        });
    }
    let tables =
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace";
    if found.is_none() && session.numbers(tables).map_err(within)? != [0] {
        return Err(StorageError::Foreign(path()));
    }
    session.batch(&steps(found)).map_err(within)?;
    if let Some(found) = found.filter(|found| *found < known()) {
        let known = known();
        crate::info!("the database was brought forward from migration {found} to {known}");
    }
    Ok(())
}

/// Checks that a server is not a replica.
///
/// # Errors
/// It is one, or the server fails.
pub(in crate::master::storage) fn refuse_replica(url: &PostgresUrl) -> Result<(), StorageError> {
    check_primary(&mut ServerSession::connect(url)?, url)
}

fn check_primary(session: &mut ServerSession, url: &PostgresUrl) -> Result<(), StorageError> {
    let sql = "SELECT 1 WHERE pg_is_in_recovery()";
    let told = session.texts(sql).map_err(|it| it.within(url.text()))?;
    if told == ["1"] {
        return Err(StorageError::Full(format!(
            "{}: this server is a replica, which only reads: name all hosts, and end the URL with \
             target_session_attrs=read-write",
            url.text()
        )));
    }
    Ok(())
}

/// Makes all tables and indexes in an empty schema, as in a database that no master has had yet.
pub(super) fn whole_schema() -> String {
    let known = known();
    let made = MIGRATIONS.concat();
    format!("{made}\nINSERT INTO schema_version (one, number) VALUES (1, {known});")
}

/// The missing migrations and the claim, as one transaction.
fn steps(found: Option<usize>) -> String {
    let missing = found.map_or(0, |found| (found + 1).saturating_sub(FIRST));
    let mut steps = "BEGIN;\n".to_owned();
    for sql in MIGRATIONS.iter().skip(missing) {
        steps.push_str(sql);
    }
    let known = known();
    steps.push_str(&format!(
        "INSERT INTO schema_version (one, number) VALUES (1, {known})
             ON CONFLICT (one) DO UPDATE SET number = {known};\n{CLAIM}\nCOMMIT;"
    ));
    steps
}

/// The number of the last migration of a database; `None` where it is no database of ours.
fn found_version(session: &mut ServerSession) -> Result<Option<usize>, StorageError> {
    let there = "SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace
                     AND relname IN ('schema_version', 'master_epoch')";
    if session.numbers(there)?.len() != 2 {
        return Ok(None);
    }
    let found = session.numbers("SELECT number FROM schema_version")?;
    Ok(found
        .first()
        .map(|number| usize::try_from(*number).unwrap_or(usize::MAX)))
}

/// The number of migrations that a database has had, 0 where it is no database of ours.
///
/// # Errors
/// The server fails.
pub(in crate::master::storage) fn version(url: &PostgresUrl) -> Result<usize, StorageError> {
    let mut session = ServerSession::connect(url)?;
    Ok(found_version(&mut session)
        .map_err(|error| error.within(url.text()))?
        .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_have_the_same_numbers() {
        assert_eq!(known(), crate::master::storage::sqlite::known());
    }

    #[test]
    fn each_file_is_a_migration_in_its_place() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/postgres");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let numbers: Vec<usize> = names
            .iter()
            .map(|name| name[..4].parse().unwrap())
            .collect();
        assert_eq!(numbers, (FIRST..=known()).collect::<Vec<_>>(), "{names:?}");
        for (name, sql) in names.iter().zip(MIGRATIONS) {
            assert_eq!(
                std::fs::read_to_string(format!("{folder}/{name}")).unwrap(),
                *sql
            );
        }
    }
}
