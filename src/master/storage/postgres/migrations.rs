//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! Applies migrations to a database on a PostgreSQL server.

use super::session::ServerSession;
use crate::config::PostgresUrl;
use crate::master::storage::StorageError;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The number of the first file, which makes what the same number of files made of an SQLite
/// database.
const FIRST: usize = 23;
/// The migrations from [`FIRST`] on, forward only. `schema_version` has the number of the last one.
const MIGRATIONS: &[&str] = &[include_str!("../../../../sql/postgres/0023_first.sql")];

/// The advisory lock of whoever makes the tables, for as long as its transaction: "papertrd" as a
/// number. Two masters may find the same empty database.
const MIGRATING: i64 = 0x7061_7065_7274_7264;

/// The number of the last migration that this program knows.
pub(in crate::master::storage) fn known() -> usize {
    FIRST + MIGRATIONS.len() - 1
}

/// Kind and name of each table, index and trigger that the migrations make. Each is declared at the beginning
/// of a line, and stays.
pub(in crate::master::storage) fn declared() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in MIGRATIONS.iter().flat_map(|sql| sql.lines()) {
        for (words, kind) in [
            ("CREATE TABLE ", "table"),
            ("CREATE INDEX ", "index"),
            ("CREATE UNIQUE INDEX ", "index"),
            ("CREATE TRIGGER ", "trigger"),
        ] {
            let name = line
                .strip_prefix(words)
                .and_then(|rest| rest.split(' ').next());
            names.extend(name.map(|name| format!("{kind} {name}")));
        }
    }
    names
}

/// Applies the missing migrations in one transaction.
///
/// # Errors
/// The database is of a newer version, of another program or a replica that only reads; or the server
/// fails.
pub(in crate::master::storage) fn migrate(url: &PostgresUrl) -> Result<(), StorageError> {
    let mut session = ServerSession::connect(url)?;
    begin(&mut session, url)?;
    apply(&mut session, url)?;
    session
        .batch("COMMIT")
        .map_err(|error| error.within(url.text()))
}

/// Begins the transaction of a migration, in which no other one is under way.
///
/// # Errors
/// The server only reads, or fails.
pub(super) fn begin(session: &mut ServerSession, url: &PostgresUrl) -> Result<(), StorageError> {
    let within = |error: StorageError| error.within(url.text());
    check_primary(session, url)?;
    let begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '10s';
         SELECT pg_advisory_xact_lock({MIGRATING})"
    );
    session.batch(&begin).map_err(within)
}

/// Keeps migrations out until the end of the transaction that is under way. Returns false where one, or
/// another move, is under way itself.
///
/// # Errors
/// The server fails.
pub(super) fn keep_out(session: &mut ServerSession) -> Result<bool, StorageError> {
    let sql = format!("SELECT pg_try_advisory_xact_lock({MIGRATING})::int");
    Ok(session.numbers(&sql)? == [1])
}

/// Applies the missing migrations within the transaction that [`begin`] has begun.
///
/// # Errors
/// As [`migrate`].
pub(super) fn apply(session: &mut ServerSession, url: &PostgresUrl) -> Result<(), StorageError> {
    let within = |error: StorageError| error.within(url.text());
    let found = checked_version(session, url)?;
    if found == Some(known()) {
        return Ok(());
    }
    session.batch(&steps(found)).map_err(within)?;
    if let Some(found) = found {
        let known = known();
        crate::info!("the database is brought forward from migration {found} to {known}");
    }
    Ok(())
}

/// The number of the last migration of a database, which this program can bring forward; `None` where
/// it is empty.
///
/// # Errors
/// It is of a newer version or of another program, or the server fails.
pub(super) fn checked_version(
    session: &mut ServerSession,
    url: &PostgresUrl,
) -> Result<Option<usize>, StorageError> {
    let within = |error: StorageError| error.within(url.text());
    let path = || PathBuf::from(url.text());
    let found = found_version(session).map_err(within)?;
    if let Some(found) = found.filter(|found| *found > known()) {
        return Err(StorageError::NewerVersion {
            path: path(),
            found,
            known: known(),
        });
    }
    let tables =
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace";
    if found.is_none() && session.numbers(tables).map_err(within)? != [0] {
        return Err(StorageError::Foreign(path()));
    }
    Ok(found)
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

/// The missing migrations.
fn steps(found: Option<usize>) -> String {
    let missing = found.map_or(0, |found| (found + 1).saturating_sub(FIRST));
    let mut steps: String = MIGRATIONS.iter().skip(missing).copied().collect();
    let known = known();
    steps.push_str(&format!(
        "INSERT INTO schema_version (one, number) VALUES (1, {known})
             ON CONFLICT (one) DO UPDATE SET number = {known};"
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

/// As [`version`], once no migration and no move is under way: a commit whose answer was lost has then
/// been stored, or was not.
///
/// # Errors
/// One is under way for too long, or the server fails.
pub(super) fn version_at_rest(url: &PostgresUrl) -> Result<usize, StorageError> {
    let mut session = ServerSession::connect(url)?;
    begin(&mut session, url)?;
    let found = found_version(&mut session).map_err(|error| error.within(url.text()))?;
    Ok(found.unwrap_or_default())
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
