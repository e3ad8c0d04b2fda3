//! spec/master/storage/sqlite.md · 3.1.2 Database Management
//!
//! SQLite as the engine: opens a database, applies migrations, and keeps a second master out.

mod checks;
pub(super) mod moving;
mod places;
pub(super) mod statements;

use super::files::{beside, create_file};
use super::{StorageError, VersionMismatch, email_keys};
use crate::daemon::StartProgress;
use crate::runtime::ownership::{create_private_folder, open_lock_file};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{
    Connection, ErrorCode, InterruptHandle, OpenFlags, Transaction, TransactionBehavior,
};
use std::fmt;
use std::fmt::Write;
use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The migrations, forward only. `user_version` counts those that a database has had.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../sql/sqlite/0001_accounts.sql"),
    include_str!("../../../sql/sqlite/0002_assets.sql"),
    include_str!("../../../sql/sqlite/0003_link_messages.sql"),
    include_str!("../../../sql/sqlite/0004_session_workers.sql"),
    include_str!("../../../sql/sqlite/0005_login_places.sql"),
    include_str!("../../../sql/sqlite/0006_email_keys.sql"),
    include_str!("../../../sql/sqlite/0007_settled_update.sql"),
    include_str!("../../../sql/sqlite/0008_actions.sql"),
    include_str!("../../../sql/sqlite/0009_other_actions.sql"),
    include_str!("../../../sql/sqlite/0010_halted.sql"),
    include_str!("../../../sql/sqlite/0011_accounts.sql"),
    include_str!("../../../sql/sqlite/0012_outbox.sql"),
    include_str!("../../../sql/sqlite/0013_identities.sql"),
    include_str!("../../../sql/sqlite/0014_orders.sql"),
    include_str!("../../../sql/sqlite/0015_deletion.sql"),
    include_str!("../../../sql/sqlite/0016_identity_names.sql"),
    include_str!("../../../sql/sqlite/0017_endings.sql"),
    include_str!("../../../sql/sqlite/0018_acts.sql"),
    include_str!("../../../sql/sqlite/0019_unsettled_updates.sql"),
    include_str!("../../../sql/sqlite/0020_market_pause.sql"),
    include_str!("../../../sql/sqlite/0021_fill_bars.sql"),
    include_str!("../../../sql/sqlite/0022_fee_schedules.sql"),
    include_str!("../../../sql/sqlite/0023_deployment_facts.sql"),
];
/// The migration that begins to remember from where accounts log in.
const LOGIN_PLACES_MIGRATION: usize = 5;
/// The migration with which the keys of email addresses are computed anew.
const EMAIL_KEYS_MIGRATION: usize = 6;

/// What is said of a log beside a database in a place where SQLite may not write.
const READ_ONLY_PLACE: &str = "this log stands beside the database, and nothing can be written here, which SQLite needs \
     to read it: copy both files to where you may write";

/// Page cache of a connection that reads much once, in KiB.
const SCAN_CACHE_KIB: i64 = 4 * 1024;
/// Instructions of SQLite's machine between two looks at the clock; some 10 ms.
const PROGRESS_STEPS: i32 = 100_000;
/// How long a writer waits for another writer's commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it is waited for others that use the write-ahead log which is to be emptied. The waiting
/// thread does nothing else.
const LOG_EMPTY_TIMEOUT: Duration = Duration::from_millis(100);
/// Size of the write-ahead log at which SQLite checkpoints it, in pages: 64 MiB.
const CHECKPOINT_PAGES: i64 = 16_384;
/// Pages that a backup copies in one step: 16 MiB. It checks between steps whether it is cancelled.
const COPY_PAGES: i32 = 4096;
/// Page cache of a connection, in KiB.
const CACHE_KIB: i64 = 64 * 1024;
/// Prepared statements that a connection caches.
const STATEMENTS_MAX: usize = 64;
/// Depth of an expression in a file that somebody else may have made.
const EXPRESSION_DEPTH_MAX: i32 = 100;
/// Bytes of a value or row in a file that somebody else may have made. This program's are shorter
/// than 4 KiB.
const VALUE_BYTES_MAX: i32 = 1 << 20;
/// How long to wait for the lock. A child process that its last holder was starting, such as GPG,
/// holds the lock until the child's `exec`.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// Time between two attempts to take the lock.
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
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StorageError::Corrupt(text)
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Busy(text),
            Some(ErrorCode::DiskFull | ErrorCode::ReadOnly) => StorageError::Full(text),
            Some(ErrorCode::OperationInterrupted) => StorageError::Interrupted(text),
            _ => StorageError::Other(text),
        }
    }
}

/// Path of the lock file of the database at `path`.
fn lock_path(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

/// Locks the database at `path` and creates its folder if necessary.
pub(super) fn lock(path: &Path) -> Result<File, StorageError> {
    let fail = |error| StorageError::Io(path.to_owned(), error);
    if let Some(folder) = path.parent() {
        create_private_folder(folder).map_err(fail)?;
    }
    let name = lock_path(path);
    let file = open_lock_file(&name)?;
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

/// Creates the database if necessary and applies the missing migrations, each in one transaction.
pub(super) fn migrate(path: &Path) -> Result<(), StorageError> {
    if !path.exists() {
        // Created with mode 0600 before SQLite writes to it, so that only the owner can read it.
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
    apply_missing(&mut storage.connection, found).map_err(fail)?;
    if (1..known).contains(&found) {
        crate::info!("the database was brought forward from migration {found} to {known}");
    }
    Ok(())
}

/// Applies the migrations that a database with `found` of them lacks, each in one transaction.
/// Between the first and the last one the database says at which this began: see [`begun_at`].
pub(super) fn apply_missing(connection: &mut Connection, found: usize) -> rusqlite::Result<()> {
    // A migration may make a table anew to which others refer. SQLite takes no notice of this
    // pragma within a transaction.
    connection.pragma_update(None, "foreign_keys", false)?;
    let mut apply = |index: usize, sql: &str| -> rusqlite::Result<()> {
        tell_progress(connection, index + 1)?;
        let behavior = TransactionBehavior::Immediate;
        let transaction = connection.transaction_with_behavior(behavior)?;
        transaction.execute_batch(sql)?;
        if index + 1 == LOGIN_PLACES_MIGRATION {
            places::seed_login_places(&transaction)?;
        }
        if index + 1 == EMAIL_KEYS_MIGRATION {
            email_keys::renew(&transaction)?;
        }
        let done = i64::try_from(index + 1).unwrap_or(i64::MAX);
        transaction.pragma_update(None, "user_version", done)?;
        if index + 1 == MIGRATIONS.len() {
            transaction.execute_batch("DROP TABLE IF EXISTS brought_forward_from")?;
        } else if index == found && found > 0 && !has_begun(&transaction)? {
            transaction.execute_batch(&format!(
                "CREATE TABLE brought_forward_from (migration INTEGER NOT NULL) STRICT;
                 INSERT INTO brought_forward_from VALUES ({done})"
            ))?;
        }
        transaction.commit()
    };
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        apply(index, sql)?;
    }
    connection.progress_handler(0, None::<fn() -> bool>)
}

/// From here on, while a statement runs, systemd is told that the start goes on, so that it waits
/// however large the database is.
fn tell_progress(connection: &mut Connection, migration: usize) -> rusqlite::Result<()> {
    let mut progress = StartProgress::default();
    let told = move || {
        progress.step(|| {
            format!(
                "bringing the database forward: migration {migration} of {}",
                known()
            )
        });
        // Going on.
        false
    };
    connection.progress_handler(PROGRESS_STEPS, Some(told))
}

/// The number of this program's migrations.
pub(super) fn known() -> usize {
    MIGRATIONS.len()
}

/// A file of another version, with the number of its migrations.
pub(super) fn other_version(path: &Path, found: usize) -> VersionMismatch {
    VersionMismatch {
        path: path.to_owned(),
        found,
        known: MIGRATIONS.len(),
    }
}

/// The number of migrations of a database that is there and is brought forward by [`migrate`]. None:
/// it is new, of this version, or of a newer one.
pub(super) fn older_version(path: &Path) -> Result<Option<usize>, StorageError> {
    if !path.exists() {
        return Ok(None);
    }
    let found = found_version(path)?;
    Ok((1..MIGRATIONS.len()).contains(&found).then_some(found))
}

/// The first migration that [`migrate`] has applied, where it then could not apply all.
pub(super) fn begun_at(path: &Path) -> Result<Option<usize>, StorageError> {
    let read = || -> rusqlite::Result<Option<usize>> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        if !has_begun(&connection)? {
            return Ok(None);
        }
        let sql = "SELECT migration FROM brought_forward_from";
        let first: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(Some(usize::try_from(first).unwrap_or_default()))
    };
    read().map_err(|error| StorageError::from(error).at(path))
}

fn has_begun(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'brought_forward_from'";
    connection.query_row(sql, [], |row| row.get(0))
}

/// The number of a database's migrations, read before anything is written to it.
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

/// The number of tables and indexes. This reads the file.
fn tables(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

/// Applies all migrations to an empty database in memory, whose schema then is that of this
/// version.
pub(super) fn fresh() -> rusqlite::Result<Connection> {
    fresh_of(MIGRATIONS.len())
}

/// Applies the first `count` migrations to an empty database in memory.
pub(super) fn fresh_of(count: usize) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    for sql in MIGRATIONS.iter().take(count) {
        connection.execute_batch(sql)?;
    }
    Ok(connection)
}

/// Settings of every connection: SQL cannot damage the file, and what the file's schema says is not
/// trusted to call functions with side effects.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A plan must not depend on bound values. Otherwise, where a table has a partial index, SQLite
    // recompiles a cached statement each time its values change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    overwrite_deleted(connection, true)
}

/// Sets whether what a connection deletes or changes is overwritten in the file with zeros: names and
/// addresses of deleted accounts are not to be found in its unused room.
fn overwrite_deleted(connection: &Connection, is_wanted: bool) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "secure_delete", is_wanted, |_| Ok(()))
}

/// Further settings for a file that somebody else may have made: no trigger and no view of it has
/// an effect, and its expressions and values are bounded.
fn distrust(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_EXPR_DEPTH, EXPRESSION_DEPTH_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    Ok(())
}

/// Checks that the database answers a query.
pub(super) fn answers(path: &Path) -> Result<(), String> {
    let reader = SqliteStorage::open_reader(path).map_err(|e| e.to_string())?;
    reader.touch().map_err(|e| e.to_string())
}

/// A connection to a database.
#[derive(Debug)]
pub struct SqliteStorage {
    pub(super) connection: Connection,
}

impl SqliteStorage {
    /// Opens a connection that may write.
    pub(super) fn open(path: &Path) -> Result<SqliteStorage, StorageError> {
        let open = || -> rusqlite::Result<SqliteStorage> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            prepare(&connection)?;
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update_and_check(
                None,
                "wal_autocheckpoint",
                CHECKPOINT_PAGES,
                |_| Ok(()),
            )?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            Ok(SqliteStorage { connection })
        };
        open().map_err(|error| StorageError::from(error).at(path))
    }

    /// Lets this connection write much that can be written again, and back. Meanwhile a commit is not
    /// synced by itself: a crash of the machine may take the last ones back whole. References are not
    /// checked, and what is deleted is not overwritten.
    pub(super) fn set_filling(&self, is_filling: bool) -> Result<(), StorageError> {
        let level = if is_filling { "NORMAL" } else { "FULL" };
        self.connection.pragma_update(None, "synchronous", level)?;
        overwrite_deleted(&self.connection, !is_filling)?;
        let pragma = "foreign_keys";
        Ok(self.connection.pragma_update(None, pragma, !is_filling)?)
    }

    /// Moves the write-ahead log into the file, and truncates it to nothing. False: somebody reads
    /// from it, or writes, for longer than [`LOG_EMPTY_TIMEOUT`].
    pub(super) fn empty_log(&self) -> Result<bool, StorageError> {
        self.connection.busy_timeout(LOG_EMPTY_TIMEOUT)?;
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let is_busy = self
            .connection
            .query_row(sql, [], |row| row.get::<_, bool>(0));
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(!is_busy?)
    }

    /// Opens a reader with a small cache, for who reads much and none of it soon again.
    pub(super) fn open_scanner(path: &Path) -> Result<SqliteStorage, StorageError> {
        let reader = SqliteStorage::open_reader(path)?;
        reader
            .connection
            .pragma_update(None, "cache_size", -SCAN_CACHE_KIB)
            .map_err(|error| StorageError::from(error).at(path))?;
        Ok(reader)
    }

    /// Opens a connection that only reads. It has the right to write: the connection that closes
    /// last moves the write-ahead log into the file, and this may be the last.
    pub(super) fn open_reader(path: &Path) -> Result<SqliteStorage, StorageError> {
        let reader = SqliteStorage::open(path)?;
        reader
            .connection
            .pragma_update(None, "query_only", true)
            .map_err(|error| StorageError::from(error).at(path))?;
        Ok(reader)
    }

    /// Opens a file read-only, without a running master. The file must be of exactly this version.
    /// Somebody else may have made it.
    pub(super) fn open_file(path: &Path) -> Result<SqliteStorage, StorageError> {
        let opened = SqliteStorage::open_given(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let log = beside(path, "-wal");
        match opened {
            // SQLite reads a database with a log only where it may write beside it.
            Err(StorageError::Full(_) | StorageError::Other(_)) if path.is_file() => {
                for log in [log, beside(path, "-journal")] {
                    if fs::symlink_metadata(&log).is_ok_and(|it| it.len() > 0) {
                        return Err(StorageError::Io(log, io::Error::other(READ_ONLY_PLACE)));
                    }
                }
                SqliteStorage::open_immutable(path)
            }
            opened => opened,
        }
    }

    /// As [`SqliteStorage::open_file`], and leaves nothing beside a database that nobody has open:
    /// then there is no log that would have to be read, too.
    pub(super) fn open_to_look(path: &Path) -> Result<SqliteStorage, StorageError> {
        if beside(path, "-wal").exists() {
            SqliteStorage::open_file(path)
        } else {
            SqliteStorage::open_immutable(path)
        }
    }

    /// Opens a file that nobody writes, in a place where nothing can be written beside it.
    fn open_immutable(path: &Path) -> Result<SqliteStorage, StorageError> {
        let mut uri = "file:".to_owned();
        let whole =
            std::path::absolute(path).map_err(|error| StorageError::Io(path.to_owned(), error))?;
        for byte in whole.as_os_str().as_bytes() {
            match byte {
                b'/' | b'.' | b'_' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    uri.push(char::from(*byte));
                }
                other => {
                    let _ = write!(uri, "%{other:02X}");
                }
            }
        }
        uri.push_str("?immutable=1");
        let rights = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        SqliteStorage::open_given(Path::new(&uri), rights).map_err(|error| match error {
            StorageError::OtherVersion(found) => StorageError::OtherVersion(VersionMismatch {
                path: path.to_owned(),
                ..found
            }),
            error => error,
        })
    }

    /// Opens a file for changes that no other process uses, and keeps its journal mode. The file
    /// must be of exactly this version. Somebody else may have made it.
    pub(super) fn open_given_copy(path: &Path) -> Result<SqliteStorage, StorageError> {
        SqliteStorage::open_given(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// Opens a database for a check that reads all of it. SQLite checks constraints only where it
    /// may write, so this connection has the right, and does not use it.
    pub(super) fn open_for_check(path: &Path) -> Result<SqliteStorage, StorageError> {
        let opened = SqliteStorage::open_given(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        opened.connection.pragma_update(None, "query_only", true)?;
        Ok(opened)
    }

    /// Opens a copy of this or an older version, which no other process uses and somebody else may
    /// have made. Returns the number of its migrations, too.
    pub(super) fn open_older_copy(path: &Path) -> Result<(SqliteStorage, usize), StorageError> {
        let versions = 1..=MIGRATIONS.len();
        SqliteStorage::open_of(path, OpenFlags::SQLITE_OPEN_READ_WRITE, versions)
    }

    fn open_given(path: &Path, rights: OpenFlags) -> Result<SqliteStorage, StorageError> {
        let this = MIGRATIONS.len();
        let (opened, _) = SqliteStorage::open_of(path, rights, this..=this)?;
        Ok(opened)
    }

    /// Opens a file that somebody else may have made, of one of these versions. Returns the number
    /// of its migrations, too.
    fn open_of(
        path: &Path,
        rights: OpenFlags,
        versions: RangeInclusive<usize>,
    ) -> Result<(SqliteStorage, usize), StorageError> {
        let flags = rights | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        distrust(&connection)?;
        let found = match version(&connection) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => 0,
            found => found?,
        };
        if !versions.contains(&found) {
            return Err(StorageError::OtherVersion(other_version(path, found)));
        }
        // Only after the version check: this reads the file's header, and the file may not be a
        // database.
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
        Ok((SqliteStorage { connection }, found))
    }

    /// Opens a file that no other process uses, and keeps its journal mode.
    pub(super) fn open_plain(path: &Path) -> Result<SqliteStorage, StorageError> {
        let connection = Connection::open(path)?;
        Ok(SqliteStorage { connection })
    }

    /// Puts everything into the file itself, so that it can be moved alone.
    pub(super) fn leave_wal(&self) -> Result<(), StorageError> {
        let mode = "journal_mode";
        let connection = &self.connection;
        Ok(connection.pragma_update_and_check(None, mode, "DELETE", |_| Ok(()))?)
    }

    /// Reads the schema, since opening alone does not read the file.
    pub(super) fn touch(&self) -> Result<(), StorageError> {
        tables(&self.connection)?;
        Ok(())
    }

    /// Closes the connection and returns errors that dropping it would hide.
    pub(super) fn close(self) -> Result<(), StorageError> {
        Ok(self.connection.close().map_err(|(_, error)| error)?)
    }

    /// Begins a transaction that holds the write lock from its beginning.
    pub(super) fn begin(&mut self) -> Result<SqliteTransaction<'_>, StorageError> {
        let behavior = TransactionBehavior::Immediate;
        Ok(SqliteTransaction(
            self.connection.transaction_with_behavior(behavior)?,
        ))
    }

    /// Begins a transaction that reads. Its snapshot is taken at its first read.
    pub(super) fn snapshot(&mut self) -> Result<SqliteTransaction<'_>, StorageError> {
        Ok(SqliteTransaction(self.connection.transaction()?))
    }

    pub(super) fn interrupter(&self) -> SqliteInterrupter {
        SqliteInterrupter(self.connection.get_interrupt_handle())
    }
}

/// A transaction of SQLite; it is rolled back if it is dropped without a commit.
#[derive(Debug)]
pub struct SqliteTransaction<'a>(pub(super) Transaction<'a>);

impl SqliteTransaction<'_> {
    /// Commits. After an input/output error it is unknown whether the changes survive a restart. On
    /// a full or read-only disk, or with a busy database, nothing was stored.
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

/// A handle that cancels a connection's running statement.
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

/// Copies all pages of one snapshot into the empty file `part`. Errors name the file that `part`
/// will become.
pub(super) fn copy_pages(
    source: &SqliteStorage,
    part: &Path,
    to: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), StorageError> {
    let io = |error| StorageError::Io(to.to_owned(), error);
    let fail = |error: rusqlite::Error| StorageError::from(error).at(to);
    let mut copy = Connection::open(part).map_err(fail)?;
    // Readers of the write-ahead log block nobody. This transaction holds one snapshot for all
    // steps of the copy.
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
    let copy = SqliteStorage { connection: copy };
    copy.leave_wal()
        .and_then(|()| copy.close())
        .map_err(|error| error.at(to))
}

#[cfg(test)]
mod tests {
    use super::super::login_places::LoginPlace;
    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_nobody_writes_is_read_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["raw.db", "a b?c#d%41.db", "\u{fc}.db"] {
            let path = folder.path().join(name);
            migrate(&path).unwrap();
            let opened = SqliteStorage::open_immutable(&path).unwrap();
            opened.touch().unwrap();
            drop(opened);
            assert!(!beside(&path, "-wal").exists() && !beside(&path, "-shm").exists());
        }
    }

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
    fn orders_keep_their_messages_when_a_database_is_brought_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        create_file(&path, b"").unwrap();
        let old = SqliteStorage::open(&path).unwrap().connection;
        for sql in &MIGRATIONS[..2] {
            old.execute_batch(sql).unwrap();
        }
        old.execute_batch(
            "PRAGMA user_version = 2;
             INSERT INTO accounts VALUES (1, 'a', 'a', 'a', 'a', 0, NULL, 0, 5, zeroblob(16), 1);
             INSERT INTO origins VALUES (7, zeroblob(16), zeroblob(16));
             INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked,
                 accepted, origin, sequence, stamped, ordered)
             VALUES (1, zeroblob(16), 1, 1, 0, 'A', 1, 1, 0, 7, 3, 0, 0);",
        )
        .unwrap();
        drop(old);
        migrate(&path).unwrap();
        let new = SqliteStorage::open(&path).unwrap().connection;
        let number = |sql: &str| new.query_row(sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(
            number("SELECT count(*) FROM pragma_foreign_key_check()"),
            Ok(0)
        );
        assert_eq!(
            number("SELECT sequence FROM transactions JOIN origins USING (origin)"),
            Ok(3)
        );
        // The same process of another worker is another origin, and of the same worker it is not.
        let add = "INSERT INTO origins (worker, boot) VALUES (randomblob(16), zeroblob(16))";
        assert_eq!(new.execute(add, []), Ok(1));
        let add = "INSERT INTO origins (worker, boot) VALUES (zeroblob(16), zeroblob(16))";
        assert!(new.execute(add, []).is_err());
        let dangling = "UPDATE transactions SET origin = 99";
        assert!(new.execute(dangling, []).is_err(), "the reference stands");
    }

    #[test]
    fn the_places_of_sessions_are_those_of_logins_when_a_database_is_brought_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        create_file(&path, b"").unwrap();
        let old = SqliteStorage::open(&path).unwrap().connection;
        for sql in &MIGRATIONS[..LOGIN_PLACES_MIGRATION - 1] {
            old.execute_batch(sql).unwrap();
        }
        let account = "'a', 'a', 'a@x.org', 'a@x.org', 0, NULL, 0, 5, zeroblob(16)";
        let session = |hash: &str, client: &str| {
            format!("({hash}, 1, 7, 9, '{client}', zeroblob(16), zeroblob(16), 0, 7)")
        };
        let sessions = [
            session("randomblob(32)", "192.0.2.1"),
            session("zeroblob(32)", "192.0.2.1"),
        ];
        old.execute_batch(&format!(
            "PRAGMA user_version = 4;
             INSERT INTO accounts VALUES (1, {account}, 1, NULL);
             INSERT INTO sessions (hash, account, since, expiry, client, worker, boot, expirable, last_used)
             VALUES {};",
            sessions.join(", ")
        ))
        .unwrap();
        drop(old);
        migrate(&path).unwrap();
        let new = SqliteStorage::open(&path).unwrap().connection;
        let near = crate::runtime::neighbourhood::Neighbourhood::of([192, 0, 2, 1].into());
        let place = LoginPlace::of("a", &uuid::Uuid::nil(), near);
        assert_eq!(stored_place(&new), (place, 7));
    }

    /// The only place of a login, and its time.
    fn stored_place(database: &Connection) -> (LoginPlace, i64) {
        let sql = "SELECT place, last FROM login_places";
        let read = |row: &rusqlite::Row<'_>| Ok((LoginPlace(row.get(0)?), row.get(1)?));
        database.query_row(sql, [], read).unwrap()
    }

    #[test]
    fn keys_of_email_addresses_are_brought_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        create_file(&path, b"").unwrap();
        let old = SqliteStorage::open(&path).unwrap().connection;
        for sql in &MIGRATIONS[..EMAIL_KEYS_MIGRATION - 1] {
            old.execute_batch(sql).unwrap();
        }
        old.pragma_update(None, "user_version", 5).unwrap();
        let row = "0, NULL, 0, 5, zeroblob(16)";
        old.execute_batch(&format!(
            "INSERT INTO accounts VALUES (1, 'a', 'a', 'Straße@x.org', 'straße@x.org', {row}, 1, NULL);
             INSERT INTO accounts VALUES (2, 'b', 'b', 'strasse@x.org', 'strasse@x.org', {row}, 2, NULL);"
        ))
        .unwrap();
        drop(old);
        migrate(&path).unwrap();
        let new = SqliteStorage::open(&path).unwrap().connection;
        let text = |sql: &str| new.query_row(sql, [], |row| row.get::<_, String>(0));
        let keys = "SELECT group_concat(email_key, ' ' ORDER BY account) FROM accounts";
        assert_eq!(text(keys).unwrap(), "strasse@x.org #2");
        let shown = "SELECT email FROM accounts WHERE account = 1";
        assert_eq!(text(shown).unwrap(), "Straße@x.org");
        // Once only: a second start changes nothing.
        migrate(&path).unwrap();
        assert_eq!(text(keys).unwrap(), "strasse@x.org #2");
    }

    #[test]
    fn ratios_of_splits_keep_their_value_when_a_database_is_brought_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        create_file(&path, b"").unwrap();
        let old = SqliteStorage::open(&path).unwrap().connection;
        for sql in &MIGRATIONS[..4] {
            old.execute_batch(sql).unwrap();
        }
        old.execute_batch(
            "PRAGMA user_version = 4;
             INSERT INTO actions VALUES ('A', 5, 3, 333333, 7), ('A', 5, 4, 250000, 8);",
        )
        .unwrap();
        drop(old);
        migrate(&path).unwrap();
        let new = SqliteStorage::open(&path).unwrap().connection;
        let sql = "SELECT numerator || '/' || denominator || ' ' || number FROM actions
                   ORDER BY kind";
        let mut statement = new.prepare(sql).unwrap();
        let rows = statement
            .query_map([], |row| row.get::<_, String>(0))
            .unwrap();
        let rows: Vec<String> = rows.map(Result::unwrap).collect();
        assert_eq!(rows, ["333333/1000000 7", "250000/1 8"]);
    }

    #[test]
    fn accounts_keep_all_that_refers_to_them_when_a_database_is_brought_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        create_file(&path, b"").unwrap();
        let old = SqliteStorage::open(&path).unwrap().connection;
        old.pragma_update(None, "foreign_keys", false).unwrap();
        let is_it = |sql: &&str| sql.contains("CREATE INDEX accounts_cost");
        let before = MIGRATIONS.iter().position(is_it).unwrap();
        for sql in &MIGRATIONS[..before] {
            old.execute_batch(sql).unwrap();
        }
        let row = "created, starting_cash, boot, sequence, worker";
        let values = "7, 5, zeroblob(16), 9, zeroblob(16)";
        old.execute_batch(&format!(
            "PRAGMA user_version = {before};
             INSERT INTO accounts (account, username, username_key, email, email_key, is_password, pass_hash, {row})
             VALUES (1, 'Alice', 'alice', 'A@x.org', 'a@x.org', 1, 'hash', {values}),
                    (3, 'bob', 'bob', 'a@x.org', '#3', 0, NULL, {values});
             UPDATE accounts SET email_owner = 1 WHERE account = 3;
             INSERT INTO sessions VALUES
                 (zeroblob(32), 3, 7, 9, '192.0.2.1', zeroblob(16), zeroblob(16), 0, 8);
             INSERT INTO session_workers VALUES (zeroblob(32), zeroblob(16));
             INSERT INTO login_places VALUES (zeroblob(32), 3, 7);
             INSERT INTO balances VALUES (3, 5);
             INSERT INTO positions VALUES (3, 'A', 1, 1);"
        ))
        .unwrap();
        drop(old);
        migrate(&path).unwrap();
        let new = SqliteStorage::open(&path).unwrap().connection;
        let number = |sql: &str| new.query_row(sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(
            number("SELECT count(*) FROM pragma_foreign_key_check()"),
            Ok(0)
        );
        let sql = "SELECT group_concat(account || username || username_key || email || email_key || is_password
                       || ifnull(pass_hash, '-') || state || created || starting_cash || sequence
                       || ifnull(email_owner, '-'), ' ' ORDER BY account) FROM accounts";
        let text = |sql: &str| new.query_row(sql, [], |row| row.get::<_, String>(0));
        assert_eq!(
            text(sql).unwrap(),
            "1AlicealiceA@x.orga@x.org1hash0759- 3bobboba@x.org#30-07591"
        );
        let kept = "SELECT count(*) FROM accounts JOIN sessions USING (account) JOIN session_workers USING (hash)
                    JOIN login_places USING (account) JOIN balances USING (account) JOIN positions USING (account)";
        assert_eq!(number(kept), Ok(1));
        let session = "SELECT method || ifnull(token, '-') || scope || elsewhere || ifnull(last_client, '-') FROM sessions";
        assert_eq!(text(session).unwrap(), "password-20-");
        // What refers to accounts still does.
        for wrong in [
            "DELETE FROM accounts WHERE account = 3",
            "INSERT INTO balances VALUES (99, 5)",
        ] {
            assert!(new.execute(wrong, []).is_err(), "{wrong}");
        }
        // Many accounts may have no address.
        let none = "UPDATE accounts SET email = NULL, email_key = NULL";
        assert_eq!(new.execute(none, []), Ok(2));
    }

    #[test]
    fn an_account_of_before_acts_has_none_and_keeps_those_that_follow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        create_file(&path, b"").unwrap();
        let mut old = SqliteStorage::open(&path).unwrap().connection;
        let is_it = |sql: &&str| sql.contains("CREATE TABLE acts");
        let before = MIGRATIONS.iter().position(is_it).unwrap();
        old.pragma_update(None, "foreign_keys", false).unwrap();
        for sql in &MIGRATIONS[..before] {
            let step = old.transaction().unwrap();
            step.execute_batch(sql).unwrap();
            step.commit().unwrap();
        }
        old.execute_batch(&format!(
            "PRAGMA user_version = {before};
             INSERT INTO accounts (account, username, username_key, is_password, created, starting_cash,
                 boot, sequence, worker)
             VALUES (3, 'bob', 'bob', 0, 7, 5, zeroblob(16), 9, zeroblob(16))"
        ))
        .unwrap();
        drop(old);
        migrate(&path).unwrap();
        let new = SqliteStorage::open(&path).unwrap().connection;
        let number = |sql: &str| new.query_row(sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(number("SELECT count(*) FROM accounts"), Ok(1));
        assert_eq!(number("SELECT count(*) FROM acts"), Ok(0));
        let act = "INSERT INTO acts (account, at, act, caller, detail) VALUES";
        let insert = |account: i64| new.execute(&format!("{act} ({account}, 0, 'a', 'b', '')"), []);
        assert_eq!(insert(3), Ok(1));
        assert!(insert(99).is_err(), "there is no such account");
        let gone = new.execute("DELETE FROM accounts WHERE account = 3", []);
        assert!(gone.is_err(), "its act refers to it");
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
        other
            .connection
            .pragma_update(None, "max_page_count", 1)
            .unwrap();
        let full = other.begin().unwrap();
        let big = "INSERT INTO assets (symbol) VALUES (hex(zeroblob(100000)))";
        let error = StorageError::from(full.0.execute(big, []).unwrap_err());
        assert!(matches!(error, StorageError::Full(_)), "{error:?}");
        drop(full);
        let reader = SqliteStorage::open_reader(&path).unwrap();
        let refused = reader
            .connection
            .execute("DELETE FROM assets", [])
            .unwrap_err();
        assert!(matches!(StorageError::from(refused), StorageError::Full(_)));
    }
}
