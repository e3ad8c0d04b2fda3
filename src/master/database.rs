//! spec/master/database.md · 3.1.2 Database Management
//!
//! Both halves of the section: structures in SQL, and files. Modules own their tables; this opens the
//! database for them, brings it to this version, and sees that no second master has it.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The migrations, forward only; `user_version` counts those that a database has been through.
pub const MIGRATIONS: &[&str] = &[
    include_str!("../../sql/sqlite/0001_accounts.sql"),
    include_str!("../../sql/sqlite/0002_assets.sql"),
];

/// How long a module waits for another's commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages of the write-ahead log at which it is folded into the database: 64 MiB.
const CHECKPOINT_PAGES: i64 = 16_384;
/// Pages that a copy takes in one step: 16 MiB, between two questions whether to go on.
const COPY_PAGES: i32 = 4096;
/// KiB of pages that each connection keeps in memory.
const CACHE_KIB: i64 = 64 * 1024;

/// Why a database cannot be used.
#[derive(Debug)]
pub enum DatabaseError {
    /// Another master has it.
    InUse(PathBuf),
    /// It was made by a newer version; nothing was written.
    Newer {
        /// Which database.
        path: PathBuf,
        /// Its migrations.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// It is there, but is no database of ours.
    Foreign(PathBuf),
    /// SQLite's own complaint.
    Sqlite(PathBuf, rusqlite::Error),
    /// The file system's.
    Io(PathBuf, io::Error),
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseError::InUse(path) => {
                write!(f, "{}: in use by another master; stop it first", path.display())
            }
            DatabaseError::Newer { path, found, known } => write!(
                f,
                "{}: made by a newer version (migration {found}, this program knows {known}); nothing was written",
                path.display()
            ),
            DatabaseError::Foreign(path) => {
                write!(
                    f,
                    "{}: not a PaperTrader database; name another file",
                    path.display()
                )
            }
            DatabaseError::Sqlite(path, error) => write!(f, "{}: {error}", path.display()),
            DatabaseError::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for DatabaseError {}

/// How long a lock is waited for: a child that its last holder was just starting, such as GPG's, holds it until that
/// child's program begins.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// How often it is tried meanwhile.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The right to use a database, held as long as the master runs. The system gives it back when the
/// process ends, however it ends.
#[derive(Debug)]
pub struct DatabaseLock {
    _file: File,
}

/// The file whose lock says who has the database at `path`.
pub fn beside_lock(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

/// Takes the right to use the database at `path`, making its folder if need be.
///
/// # Errors
/// Another process has it, or the lock file cannot be made.
pub fn lock(path: &Path) -> Result<DatabaseLock, DatabaseError> {
    let fail = |error| DatabaseError::Io(path.to_owned(), error);
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
        .map_err(|e| DatabaseError::Io(name.clone(), e))?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(DatabaseLock { _file: file }),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_POLL_INTERVAL)
            }
            Err(TryLockError::WouldBlock) => return Err(DatabaseError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(DatabaseError::Io(name, error)),
        }
    }
}

/// Makes the database if need be, and brings it to this version.
///
/// # Errors
/// A newer version's database, one that is not ours, or a failing disk. Nothing is left half done: each
/// migration is one transaction.
pub fn migrate(path: &Path) -> Result<(), DatabaseError> {
    let fail = |error| DatabaseError::Sqlite(path.to_owned(), error);
    if !path.exists() {
        // Made with this mode before SQLite writes to it: what is in it is its owner's alone.
        create_file(path, b"").map_err(|e| DatabaseError::Io(path.to_owned(), e))?;
    }
    let version = |connection: &Connection| -> Result<usize, rusqlite::Error> {
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        Ok(usize::try_from(version).unwrap_or(usize::MAX))
    };
    let found = {
        let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fail)?;
        version(&reader).map_err(fail)?
    };
    let known = MIGRATIONS.len();
    if found > known {
        return Err(DatabaseError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    let mut connection = open(path)?;
    if found == 0 {
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(fail)?;
        if tables > 0 {
            return Err(DatabaseError::Foreign(path.to_owned()));
        }
    }
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = begin(&mut connection).map_err(fail)?;
        transaction.execute_batch(sql).map_err(fail)?;
        let done = i64::try_from(index + 1).unwrap_or(i64::MAX);
        transaction
            .pragma_update(None, "user_version", done)
            .map_err(fail)?;
        transaction.commit().map_err(fail)?;
    }
    Ok(())
}

/// A connection for a module that writes its own tables.
///
/// # Errors
/// The database cannot be opened.
pub fn open(path: &Path) -> Result<Connection, DatabaseError> {
    let fail = |error| DatabaseError::Sqlite(path.to_owned(), error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    let prepare = || -> rusqlite::Result<()> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // A plan must not depend on the values that are bound: where a table has a partial index, SQLite would compile
        // a kept statement anew each time it gets others.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    };
    prepare().map_err(fail)?;
    Ok(connection)
}

/// A connection that only reads.
///
/// # Errors
/// The database cannot be opened.
pub fn open_reader(path: &Path) -> Result<Connection, DatabaseError> {
    let connection = open(path)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(|error| DatabaseError::Sqlite(path.to_owned(), error))?;
    Ok(connection)
}

/// Whether the database answers, for the watchdog.
///
/// # Errors
/// It does not; why.
pub fn answers(path: &Path) -> Result<(), String> {
    let reader = open_reader(path).map_err(|e| e.to_string())?;
    let one: i64 = reader
        .query_row("SELECT 1", [], |row| row.get(0))
        .map_err(|e| e.to_string())?;
    if one == 1 {
        Ok(())
    } else {
        Err("the database answers nonsense".to_owned())
    }
}

/// A transaction that has the right to write from its beginning, so that it never fails half-way for
/// another writer.
///
/// # Errors
/// Another writer has not ended within the busy time-out, or the disk fails.
pub fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Commits. After an input/output error nobody knows whether what was written will be found after a
/// restart, so the process ends without an answer, and the truth is read from the disk. A full or
/// read-only disk, or a busy database, is known to have stored nothing.
///
/// # Errors
/// Nothing was stored.
pub fn commit(transaction: Transaction<'_>) -> rusqlite::Result<()> {
    match transaction.commit() {
        Err(rusqlite::Error::SqliteFailure(failure, text))
            if failure.code == rusqlite::ErrorCode::SystemIoFailure =>
        {
            crate::error!(
                "a commit failed with an unknown outcome ({failure}, {text:?}): ending the process"
            );
            log::logger().flush();
            std::process::exit(i32::from(crate::daemon::FAILED))
        }
        other => other,
    }
}

/// Writes a consistent copy of the database at `from`, which may be in use, to a file that does not
/// exist yet.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn backup(from: &Path, to: &Path) -> Result<(), DatabaseError> {
    backup_unless(from, to, &|| false)
}

/// The same, until `cancelled` says otherwise.
///
/// # Errors
/// The file exists, or cannot be written; or the copy was broken off. Nothing of it stays.
pub fn backup_unless(from: &Path, to: &Path, cancelled: &dyn Fn() -> bool) -> Result<(), DatabaseError> {
    let source = open_reader(from)?;
    copy(&source, to, cancelled)
}

/// Writes a consistent copy of an open database to a file that does not exist yet.
///
/// # Errors
/// As [`backup_unless`].
pub fn copy(source: &Connection, to: &Path, cancelled: &dyn Fn() -> bool) -> Result<(), DatabaseError> {
    let io = |error| DatabaseError::Io(to.to_owned(), error);
    if to.exists() {
        return Err(io(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the file exists; name another",
        )));
    }
    let part = beside(to, ".part");
    let _ = delete_file(&part);
    create_file(&part, b"").map_err(io)?;
    let placed = copy_pages(source, &part, to, cancelled).and_then(|()| {
        File::open(&part).and_then(|f| f.sync_all()).map_err(io)?;
        if to.exists() {
            return Err(io(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the file has appeared meanwhile",
            )));
        }
        fs::rename(&part, to).map_err(io)?;
        sync_folder(to).map_err(io)
    });
    if placed.is_err() {
        let _ = delete_file(&part);
        let _ = delete_file(&beside(&part, "-journal"));
    }
    placed
}

fn copy_pages(
    source: &Connection,
    part: &Path,
    to: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), DatabaseError> {
    use rusqlite::backup::{Backup, StepResult};
    let io = |error| DatabaseError::Io(to.to_owned(), error);
    let fail = |error| DatabaseError::Sqlite(to.to_owned(), error);
    let mut copy = Connection::open(part).map_err(fail)?;
    // A reader of the write-ahead log sees one moment and blocks nobody; this one sees the same moment in
    // all steps.
    let moment = source.unchecked_transaction().map_err(fail)?;
    let _: i64 = moment
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(fail)?;
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

/// The path with more at its end.
pub fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Makes a file that its owner alone may read, and that is not there yet.
///
/// # Errors
/// It exists, or cannot be written.
pub fn create_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// It is larger, or cannot be read.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > limit {
        let text = format!("{size} bytes are more than the {limit} that are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    fs::read(path)
}

/// Replaces a file whole: who reads it sees the old bytes or the new, whatever happens in between.
///
/// # Errors
/// It cannot be written; the old one is then untouched.
pub fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let _ = delete_file(&part);
    create_file(&part, bytes)?;
    fs::rename(&part, path)?;
    sync_folder(path)
}

/// Deletes a file.
///
/// # Errors
/// It is not there, or cannot be deleted.
pub fn delete_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Makes what was renamed in a file's folder last.
///
/// # Errors
/// The disk refuses.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_master_is_refused_and_a_newer_database_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        let held = lock(&path).unwrap();
        assert!(matches!(lock(&path), Err(DatabaseError::InUse(_))));
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
            Err(DatabaseError::Newer { found: 1000, .. })
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
        assert!(matches!(migrate(&path), Err(DatabaseError::Foreign(_))));
        fs::write(
            &path,
            "just a text, longer than a header of a hundred bytes".repeat(9),
        )
        .unwrap();
        assert!(matches!(migrate(&path), Err(DatabaseError::Sqlite(..))));
    }

    #[test]
    fn a_backup_is_whole_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        migrate(&path).unwrap();
        let copy = folder.path().join("copy.db");
        backup(&path, &copy).unwrap();
        migrate(&copy).unwrap();
        assert!(backup(&path, &copy).is_err());
        assert!(!beside(&copy, ".part").exists());
        let other = folder.path().join("other.db");
        assert!(backup_unless(&path, &other, &|| true).is_err());
        assert_eq!(
            fs::read_dir(folder.path())
                .unwrap()
                .filter(|f| {
                    f.as_ref()
                        .unwrap()
                        .file_name()
                        .to_string_lossy()
                        .starts_with("other")
                })
                .count(),
            0
        );
    }

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.csv");
        create_file(&path, b"one").unwrap();
        assert!(create_file(&path, b"two").is_err());
        write_file(&path, b"three").unwrap();
        assert_eq!(read_file(&path, 5).unwrap(), b"three");
        assert!(read_file(&path, 4).is_err());
        delete_file(&path).unwrap();
        assert!(delete_file(&path).is_err());
    }
}
