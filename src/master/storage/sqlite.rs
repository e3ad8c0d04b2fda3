//! spec/master/storage/sqlite.md · 3.1.2 Database Management
//!
//! SQLite as the engine: opens a database, brings it to this version, and sees that no second
//! master has it.

use super::StorageError;
use super::files::create_file;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags, Transaction, TransactionBehavior};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The migrations, forward only; `user_version` counts those that a database has been through.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../sql/sqlite/0001_accounts.sql"),
    include_str!("../../../sql/sqlite/0002_assets.sql"),
];

/// How long a writer waits for another's commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages of the write-ahead log at which it is folded into the database: 64 MiB.
const CHECKPOINT_PAGES: i64 = 16_384;
/// Pages that a copy takes in one step: 16 MiB, between two questions whether to go on.
const COPY_PAGES: i32 = 4096;
/// KiB of pages that each connection keeps in memory.
const CACHE_KIB: i64 = 64 * 1024;
/// Compiled statements that each connection keeps.
const STATEMENTS_MAX: usize = 64;
/// How long a lock is waited for: a child that its last holder was just starting, such as GPG's,
/// holds it until that child's program begins.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// How often it is tried meanwhile.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(20);

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> StorageError {
        let text = error.to_string();
        if matches!(
            error,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
        ) {
            return StorageError::Corrupt(text);
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StorageError::Corrupt(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Busy(text),
            Some(ErrorCode::DiskFull | ErrorCode::ReadOnly) => StorageError::Full(text),
            Some(ErrorCode::OperationInterrupted) => StorageError::Interrupted(text),
            _ => StorageError::Other(text),
        }
    }
}

/// A value that its column cannot have.
pub(super) fn damaged(what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, what.into())
}

/// A number as a column holds it; none of ours comes near the limit.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number from a column; one below zero is a damaged database's, read as 0.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// The file whose lock says who has the database at `path`.
pub(super) fn beside_lock(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

/// Takes the right to use the database at `path`, making its folder if need be.
pub(super) fn lock(path: &Path) -> Result<File, StorageError> {
    let fail = |error| StorageError::Io(path.to_owned(), error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let name = beside_lock(path);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&name)
        .map_err(|e| StorageError::Io(name.clone(), e))?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_POLL_INTERVAL)
            }
            Err(TryLockError::WouldBlock) => return Err(StorageError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(StorageError::Io(name, error)),
        }
    }
}

/// Makes the database if need be, and brings it to this version; each migration is one transaction.
pub(super) fn migrate(path: &Path) -> Result<(), StorageError> {
    if !path.exists() {
        // Made with this mode before SQLite writes to it: what is in it is its owner's alone.
        create_file(path, b"").map_err(|e| StorageError::Io(path.to_owned(), e))?;
    }
    let found = found_version(path)?;
    let known = MIGRATIONS.len();
    if found > known {
        return Err(StorageError::NewerVersion {
            path: path.to_owned(),
            found,
            known,
        });
    }
    let mut storage = SqliteStorage::open(path)?;
    let fail = |error: rusqlite::Error| StorageError::from(error).at(path);
    if found == 0 && tables(&storage.connection).map_err(fail)? > 0 {
        return Err(StorageError::Foreign(path.to_owned()));
    }
    let mut apply = |index: usize, sql: &str| -> rusqlite::Result<()> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = storage.connection.transaction_with_behavior(behavior)?;
        transaction.execute_batch(sql)?;
        let done = i64::try_from(index + 1).unwrap_or(i64::MAX);
        transaction.pragma_update(None, "user_version", done)?;
        transaction.commit()
    };
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        apply(index, sql).map_err(fail)?;
    }
    Ok(())
}

/// How many migrations a database has been through; read before anything is written to it.
fn found_version(path: &Path) -> Result<usize, StorageError> {
    let read = || -> rusqlite::Result<usize> {
        version(&Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY,
        )?)
    };
    read().map_err(|error| StorageError::from(error).at(path))
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// Tables and indexes; read from the file.
fn tables(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

/// Whether the database answers.
pub(super) fn answers(path: &Path) -> Result<(), String> {
    let reader = SqliteStorage::open_reader(path).map_err(|e| e.to_string())?;
    let one: i64 = reader
        .connection
        .query_row("SELECT 1", [], |row| row.get(0))
        .map_err(|e| e.to_string())?;
    if one == 1 {
        Ok(())
    } else {
        Err("the database answers nonsense".to_owned())
    }
}

/// A connection to a database.
#[derive(Debug)]
pub struct SqliteStorage {
    pub(super) connection: Connection,
}

impl SqliteStorage {
    /// For a module that writes its own tables.
    pub(super) fn open(path: &Path) -> Result<SqliteStorage, StorageError> {
        let open = || -> rusqlite::Result<SqliteStorage> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            // A plan must not depend on the values that are bound: where a table has a partial
            // index, SQLite would compile a kept statement anew each time it gets others.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
            Ok(SqliteStorage { connection })
        };
        open().map_err(|error| StorageError::from(error).at(path))
    }

    /// For a thread that only reads.
    pub(super) fn open_reader(path: &Path) -> Result<SqliteStorage, StorageError> {
        let reader = SqliteStorage::open(path)?;
        reader
            .connection
            .pragma_update(None, "query_only", true)
            .map_err(|error| StorageError::from(error).at(path))?;
        Ok(reader)
    }

    /// A file that is to be looked at while no master needs to run; it must be of exactly this
    /// version.
    pub(super) fn open_file(path: &Path) -> Result<SqliteStorage, StorageError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let found = match version(&connection) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                return Err(StorageError::OtherVersion(path.to_owned()));
            }
            found => found?,
        };
        if found != MIGRATIONS.len() {
            return Err(StorageError::OtherVersion(path.to_owned()));
        }
        // Only now: it reads the file's header, which may be nobody's.
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(SqliteStorage { connection })
    }

    /// A file that nobody else uses, as it is: its journal mode stays.
    pub(super) fn open_plain(path: &Path) -> Result<SqliteStorage, StorageError> {
        let connection = Connection::open(path)?;
        Ok(SqliteStorage { connection })
    }

    /// Reads the schema: opening alone does not touch the file.
    pub(super) fn touch(&self) -> Result<(), StorageError> {
        tables(&self.connection)?;
        Ok(())
    }

    /// Closes it, and says what dropping it would keep to itself.
    pub(super) fn close(self) -> Result<(), StorageError> {
        Ok(self.connection.close().map_err(|(_, error)| error)?)
    }

    /// A transaction that has the right to write from its beginning.
    pub(super) fn begin(&mut self) -> Result<SqliteTransaction<'_>, StorageError> {
        let behavior = TransactionBehavior::Immediate;
        Ok(SqliteTransaction(
            self.connection.transaction_with_behavior(behavior)?,
        ))
    }

    /// A transaction that reads; its moment is that of its first read.
    pub(super) fn snapshot(&mut self) -> Result<SqliteTransaction<'_>, StorageError> {
        Ok(SqliteTransaction(self.connection.transaction()?))
    }

    pub(super) fn interrupter(&self) -> SqliteInterrupter {
        SqliteInterrupter(self.connection.get_interrupt_handle())
    }
}

/// A transaction of SQLite's; dropped without a commit, it is rolled back.
#[derive(Debug)]
pub struct SqliteTransaction<'a>(pub(super) Transaction<'a>);

impl SqliteTransaction<'_> {
    /// Commits. After an input/output error nobody knows whether what was written will be found
    /// after a restart. A full or read-only disk, or a busy database, is known to have stored
    /// nothing.
    pub(super) fn commit(self) -> Result<(), StorageError> {
        match self.0.commit() {
            Err(rusqlite::Error::SqliteFailure(failure, text))
                if failure.code == ErrorCode::SystemIoFailure =>
            {
                Err(StorageError::UnknownOutcome(format!("{failure}, {text:?}")))
            }
            other => Ok(other?),
        }
    }
}

/// Breaks off what a connection is at.
pub struct SqliteInterrupter(InterruptHandle);

impl SqliteInterrupter {
    pub(super) fn interrupt(&self) {
        self.0.interrupt();
    }
}

impl fmt::Debug for SqliteInterrupter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteInterrupter")
    }
}

/// Copies all pages of one moment into the empty file `part`; errors name the file that it is to
/// become.
pub(super) fn copy_pages(
    source: &SqliteStorage,
    part: &Path,
    to: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), StorageError> {
    let io = |error| StorageError::Io(to.to_owned(), error);
    let fail = |error: rusqlite::Error| StorageError::from(error).at(to);
    let mut copy = Connection::open(part).map_err(fail)?;
    // A reader of the write-ahead log sees one moment and blocks nobody; this one sees the same
    // moment in all steps.
    let moment = source.connection.unchecked_transaction().map_err(fail)?;
    tables(&moment).map_err(fail)?;
    {
        let backup = Backup::new(&moment, &mut copy).map_err(fail)?;
        loop {
            if cancelled() {
                let text = "the copy was broken off";
                return Err(io(io::Error::new(io::ErrorKind::Interrupted, text)));
            }
            match backup.step(COPY_PAGES).map_err(fail)? {
                StepResult::Done => break,
                StepResult::More => {}
                _ => {
                    let text = "the database was busy; try again";
                    return Err(io(io::Error::new(io::ErrorKind::WouldBlock, text)));
                }
            }
        }
    }
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .map_err(fail)?;
    copy.close().map_err(|(_, error)| fail(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_master_is_refused_and_a_newer_database_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        let held = lock(&path).unwrap();
        assert!(matches!(lock(&path), Err(StorageError::InUse(_))));
        drop(held);
        assert!(lock(&path).is_ok());

        migrate(&path).unwrap();
        migrate(&path).unwrap();
        let newer = Connection::open(&path).unwrap();
        newer.pragma_update(None, "user_version", 1000).unwrap();
        newer.close().unwrap();
        let before = fs::read(&path).unwrap();
        assert!(matches!(
            migrate(&path),
            Err(StorageError::NewerVersion { found: 1000, .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_foreign_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE notes (text TEXT)")
            .unwrap();
        assert!(matches!(migrate(&path), Err(StorageError::Foreign(_))));
        let text = "just a text, longer than a header of a hundred bytes".repeat(9);
        fs::write(&path, text).unwrap();
        assert!(matches!(migrate(&path), Err(StorageError::Corrupt(_))));
    }

    #[test]
    fn errors_say_what_a_module_can_do_about_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        migrate(&path).unwrap();
        let mut writer = SqliteStorage::open(&path).unwrap();
        let mut other = SqliteStorage::open(&path).unwrap();
        other.connection.busy_timeout(Duration::ZERO).unwrap();
        let held = writer.begin().unwrap();
        assert!(matches!(other.begin(), Err(StorageError::Busy(_))));
        drop(held);
        other.connection.pragma_update(None, "max_page_count", 1).unwrap();
        let full = other.begin().unwrap();
        let big = "INSERT INTO assets (symbol) VALUES (hex(zeroblob(100000)))";
        let error = StorageError::from(full.0.execute(big, []).unwrap_err());
        assert!(matches!(error, StorageError::Full(_)), "{error:?}");
        drop(full);
        let reader = SqliteStorage::open_reader(&path).unwrap();
        let refused = reader.connection.execute("DELETE FROM assets", []).unwrap_err();
        assert!(matches!(StorageError::from(refused), StorageError::Full(_)));
    }
}
