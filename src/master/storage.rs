//! spec/master/storage.md · 3.1.2 Database Management
//!
//! All SQL of the master, and every type of a database engine. Modules hand over structures and get
//! structures back. It decides nothing about them, keeps no state of a module, and starts no
//! thread.

pub mod accounts;
pub mod backup;
pub mod bars;
pub mod bulk;
pub mod files;
pub mod ledger;
pub mod positions;
mod sqlite;
#[cfg(test)]
pub(crate) mod testing;
pub mod verify;
pub mod workers;

pub use sqlite::{SqliteInterrupter, SqliteStorage, SqliteTransaction};

use crate::config::DatabaseUrl;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

/// Why something was not stored or read.
#[derive(Debug)]
pub enum StorageError {
    /// Another writer did not end within the busy time-out. Nothing was stored.
    Busy(String),
    /// The disk is full, or may not be written to. Nothing was stored.
    Full(String),
    /// A commit of which nobody knows whether it will be found after a restart.
    UnknownOutcome(String),
    /// What is stored cannot be read: a damaged page, a value that its column cannot have.
    Corrupt(String),
    /// The work was broken off on request.
    Interrupted(String),
    /// The database was made by a newer version; nothing was written.
    NewerVersion {
        /// Which database.
        path: PathBuf,
        /// Its migrations.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// Another master has the database.
    InUse(PathBuf),
    /// The file is there, but holds no database of ours.
    Foreign(PathBuf),
    /// The file holds no database of exactly this version.
    OtherVersion(PathBuf),
    /// The file system refuses.
    Io(PathBuf, io::Error),
    /// Anything else that the engine says.
    Other(String),
}

impl StorageError {
    /// The same, with the database's place before what the engine says.
    fn at(self, path: &Path) -> StorageError {
        let at = |text: String| format!("{}: {text}", path.display());
        match self {
            StorageError::Busy(text) => StorageError::Busy(at(text)),
            StorageError::Full(text) => StorageError::Full(at(text)),
            StorageError::UnknownOutcome(text) => StorageError::UnknownOutcome(at(text)),
            StorageError::Corrupt(text) => StorageError::Corrupt(at(text)),
            StorageError::Interrupted(text) => StorageError::Interrupted(at(text)),
            StorageError::Other(text) => StorageError::Other(at(text)),
            with_path @ (StorageError::NewerVersion { .. }
            | StorageError::InUse(_)
            | StorageError::Foreign(_)
            | StorageError::OtherVersion(_)
            | StorageError::Io(..)) => with_path,
        }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageError::Busy(text)
            | StorageError::Full(text)
            | StorageError::UnknownOutcome(text)
            | StorageError::Corrupt(text)
            | StorageError::Interrupted(text)
            | StorageError::Other(text) => f.write_str(text),
            StorageError::NewerVersion { path, found, known } => write!(
                f,
                "{}: made by a newer version (migration {found}, this program knows {known}); nothing was written",
                path.display()
            ),
            StorageError::InUse(path) => {
                write!(f, "{}: in use by another master; stop it first", path.display())
            }
            StorageError::Foreign(path) => {
                write!(
                    f,
                    "{}: not a PaperTrader database; name another file",
                    path.display()
                )
            }
            StorageError::OtherVersion(path) => write!(
                f,
                "{}: not a PaperTrader database of this version; name another file",
                path.display()
            ),
            StorageError::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for StorageError {}

/// The right to use a database, held as long as the master runs. The system gives it back when the
/// process ends, however it ends.
#[derive(Debug)]
pub struct StorageLock {
    _file: File,
}

/// The database, for a thread that writes.
#[derive(Debug)]
pub enum Storage {
    /// A file of this machine.
    Sqlite(SqliteStorage),
}

/// The database, for a thread that only reads: no writer makes it wait.
#[derive(Debug)]
pub enum Reader {
    /// A file of this machine.
    Sqlite(SqliteStorage),
}

/// One moment of the database: what is written meanwhile is not seen.
#[derive(Debug)]
pub enum Snapshot<'a> {
    /// SQLite's transaction, dropped without a commit.
    Sqlite(SqliteTransaction<'a>),
}

/// A transaction that writes. It reads all that a snapshot does, and what it has written itself.
#[derive(Debug)]
pub struct Tx<'a> {
    snapshot: Snapshot<'a>,
}

impl<'a> Deref for Tx<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Snapshot<'a> {
        &self.snapshot
    }
}

impl<'a> DerefMut for Tx<'a> {
    fn deref_mut(&mut self) -> &mut Snapshot<'a> {
        &mut self.snapshot
    }
}

impl Storage {
    /// Takes the right to use a database, making its folder if need be.
    ///
    /// # Errors
    /// Another process has it, or the lock file cannot be made.
    pub fn lock(url: &DatabaseUrl) -> Result<StorageLock, StorageError> {
        let DatabaseUrl::Sqlite(file) = url;
        sqlite::lock(file).map(|file| StorageLock { _file: file })
    }

    /// Makes the database if need be, and brings it to this version.
    ///
    /// # Errors
    /// A newer version's database, one that is not ours, or a failing disk. Nothing is left half
    /// done: each migration is one transaction.
    pub fn migrate(url: &DatabaseUrl) -> Result<(), StorageError> {
        let DatabaseUrl::Sqlite(file) = url;
        sqlite::migrate(file)
    }

    /// Opens a database whose migrations have been applied.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(url: &DatabaseUrl) -> Result<Storage, StorageError> {
        let DatabaseUrl::Sqlite(file) = url;
        SqliteStorage::open(file).map(Storage::Sqlite)
    }

    /// Commits what `change` writes, all or nothing. The right to write is taken at the beginning,
    /// so that nothing fails half-way for another writer. Where the outcome of the commit cannot be
    /// known, the process ends without an answer, and the truth is read from the database at the
    /// next start.
    ///
    /// # Errors
    /// `change` failed, or the commit; nothing was stored.
    pub fn write<T>(
        &mut self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut tx = self.begin()?;
        let done = change(&mut tx)?;
        match tx.commit() {
            Ok(()) => Ok(done),
            Err(StorageError::UnknownOutcome(text)) => {
                crate::error!("a commit failed with an unknown outcome ({text}): ending the process");
                log::logger().flush();
                std::process::exit(i32::from(crate::daemon::FAILED))
            }
            Err(error) => Err(error),
        }
    }

    /// What `read` reads of one moment.
    ///
    /// # Errors
    /// The database fails.
    pub fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let Storage::Sqlite(sqlite) = self;
        read(&mut Snapshot::Sqlite(sqlite.snapshot()?))
    }

    fn begin(&mut self) -> Result<Tx<'_>, StorageError> {
        let Storage::Sqlite(sqlite) = self;
        let snapshot = Snapshot::Sqlite(sqlite.begin()?);
        Ok(Tx { snapshot })
    }
}

impl Tx<'_> {
    fn commit(self) -> Result<(), StorageError> {
        let Snapshot::Sqlite(sqlite) = self.snapshot;
        sqlite.commit()
    }
}

impl Reader {
    /// Opens a database whose migrations have been applied.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(url: &DatabaseUrl) -> Result<Reader, StorageError> {
        let DatabaseUrl::Sqlite(file) = url;
        SqliteStorage::open_reader(file).map(Reader::Sqlite)
    }

    /// Opens a database's file, which may be a backup. Nothing is written to it.
    ///
    /// # Errors
    /// It cannot be opened, or is not of this version.
    pub fn open_file(file: &Path) -> Result<Reader, StorageError> {
        SqliteStorage::open_file(file).map(Reader::Sqlite)
    }

    /// The database as it is now.
    ///
    /// # Errors
    /// The database fails.
    pub fn snapshot(&mut self) -> Result<Snapshot<'_>, StorageError> {
        let Reader::Sqlite(sqlite) = self;
        sqlite.snapshot().map(Snapshot::Sqlite)
    }

    /// What `read` reads of one moment.
    ///
    /// # Errors
    /// The database fails.
    pub fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        read(&mut self.snapshot()?)
    }

    /// What breaks off a long read from another thread.
    pub fn interrupter(&self) -> Interrupter {
        let Reader::Sqlite(sqlite) = self;
        Interrupter::Sqlite(sqlite.interrupter())
    }
}

/// Breaks off what a reader is at: it fails with [`StorageError::Interrupted`].
#[derive(Debug)]
pub enum Interrupter {
    /// SQLite's.
    Sqlite(SqliteInterrupter),
}

impl Interrupter {
    /// Breaks it off.
    pub fn interrupt(&self) {
        let Interrupter::Sqlite(sqlite) = self;
        sqlite.interrupt();
    }
}

/// Whether the database answers, for the watchdog.
///
/// # Errors
/// It does not; why.
pub fn answers(url: &DatabaseUrl) -> Result<(), String> {
    let DatabaseUrl::Sqlite(file) = url;
    sqlite::answers(file)
}
