//! spec/master/storage.md · 3.1.2 Database Management
//!
//! All SQL of the master, and every type of a database engine. Modules pass structures in and get
//! structures back. This module makes no decision about them, keeps no state of another module, and
//! starts no thread.

pub mod account_orders;
pub mod accounts;
pub mod acts;
pub mod ahead;
pub mod backup;
pub mod bars;
mod before;
pub mod bulk;
pub mod deletion;
pub mod deployment_facts;
pub mod disk;
mod email_keys;
mod engine;
pub mod export;
mod fee_schedules;
pub mod files;
pub mod identities;
pub mod ledger;
pub mod login_places;
pub mod metrics;
pub mod moving;
pub mod order_details;
pub mod order_list;
pub mod order_terms;
pub mod outbox;
pub mod positions;
mod postgres;
pub mod process_lock;
pub mod reset;
pub mod reset_codes;
mod schema;
mod sqlite;
#[cfg(test)]
pub(crate) mod testing;
pub mod verify;
pub mod workers;

pub use self::postgres::lease::{
    LeaseAttempt, LeaseClaim, LeaseHolder, LeaseWatch, PostgresLease, StandbyMaster,
};
pub use self::postgres::session::process_id;
pub use self::postgres::{PostgresInterrupter, PostgresStorage, PostgresTransaction};
pub use sqlite::{SqliteInterrupter, SqliteStorage, SqliteTransaction};

use crate::config::DatabaseUrl;
use crate::runtime::Heartbeat;
use crate::runtime::ownership::OwnershipError;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A commit, a roll-back or a wait for the lock that takes longer counts as hanging.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(300);
/// Time after which a long read of a database on a server takes a new snapshot. A step of it may take
/// as long again.
const SERVER_SNAPSHOT_TIME: Duration = Duration::from_secs(5);

/// Why a read or write failed.
#[derive(Debug)]
pub enum StorageError {
    /// Another writer did not finish within the busy time-out. Nothing was stored.
    Busy(String),
    /// The disk is full or read-only. Nothing was stored.
    Full(String),
    /// A commit failed so that it is unknown whether its changes survive a restart.
    UnknownOutcome(String),
    /// Stored data cannot be read: a damaged page, or a value that is invalid for its column.
    Corrupt(String),
    /// An administrator cancelled the read.
    Interrupted(String),
    /// A newer version wrote the database. Nothing was written to it.
    NewerVersion {
        path: PathBuf,
        /// Number of its migrations.
        found: usize,
        /// Number of migrations of this program.
        known: usize,
    },
    /// Another process holds the database's lock.
    InUse(PathBuf),
    /// The file exists, but is not a database of this program.
    Foreign(PathBuf),
    /// The file is not a database of exactly this version.
    OtherVersion(VersionMismatch),
    /// A file is a link, no regular file, or another user's.
    Ownership(OwnershipError),
    /// The file system returned an error.
    Io(PathBuf, io::Error),
    /// Another master has taken the database. Nothing was stored, and nothing will be.
    Superseded(String),
    /// Any other error of the engine.
    Other(String),
}

/// A file that is not a database of exactly this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMismatch {
    pub path: PathBuf,
    /// Number of its migrations, 0 where it is no database of ours.
    pub found: usize,
    /// Number of migrations of this program.
    pub known: usize,
}

/// The version of the schema that this program writes: the number of its migrations.
pub fn known_schema() -> usize {
    sqlite::known()
}

impl fmt::Display for VersionMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VersionMismatch { path, found, known } = self;
        let path = path.display();
        let numbers = format!("(migration {found}, this program knows {known})");
        if *found == 0 {
            write!(f, "{path}: not a PaperTrader database; name another file")
        } else if found < known {
            write!(
                f,
                "{path}: made by an older version {numbers}: use that version's papertraderctl; a \
                 restore by this version brings a copy of it forward"
            )
        } else {
            write!(
                f,
                "{path}: made by a newer version {numbers}: use that version's papertraderctl"
            )
        }
    }
}

impl StorageError {
    /// The same error, with the database's path before the engine's text.
    fn at(self, path: &Path) -> StorageError {
        self.within(&path.display().to_string())
    }

    /// The same error, with the database's file or URL before the engine's text.
    fn within(self, database: &str) -> StorageError {
        let at = |text: String| format!("{database}: {text}");
        match self {
            StorageError::Busy(text) => StorageError::Busy(at(text)),
            StorageError::Full(text) => StorageError::Full(at(text)),
            StorageError::UnknownOutcome(text) => StorageError::UnknownOutcome(at(text)),
            StorageError::Corrupt(text) => StorageError::Corrupt(at(text)),
            StorageError::Interrupted(text) => StorageError::Interrupted(at(text)),
            StorageError::Superseded(text) => StorageError::Superseded(at(text)),
            StorageError::Other(text) => StorageError::Other(at(text)),
            with_path @ (StorageError::NewerVersion { .. }
            | StorageError::InUse(_)
            | StorageError::Foreign(_)
            | StorageError::OtherVersion(_)
            | StorageError::Ownership(_)
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
            | StorageError::Superseded(text)
            | StorageError::Other(text) => f.write_str(text),
            StorageError::NewerVersion { path, found, known } => write!(
                f,
                "{}: made by a newer version (migration {found}, this program knows {known}); nothing was written",
                path.display()
            ),
            StorageError::InUse(path) => {
                write!(
                    f,
                    "{}: in use by another master; stop it first",
                    path.display()
                )
            }
            StorageError::Foreign(path) => {
                write!(
                    f,
                    "{}: not a PaperTrader database; name another one",
                    path.display()
                )
            }
            StorageError::OtherVersion(mismatch) => mismatch.fmt(f),
            StorageError::Ownership(error) => error.fmt(f),
            StorageError::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for StorageError {}

impl From<OwnershipError> for StorageError {
    fn from(error: OwnershipError) -> StorageError {
        StorageError::Ownership(error)
    }
}

/// How long a program that is no master waits for a master's lease to end.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two attempts to take it.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long such a program may write, which does not renew its lease.
const LOCK_LEASE: Duration = Duration::from_secs(30);

/// The exclusive lock of a database. Of a file the kernel releases it when the process ends, even
/// after a crash.
#[derive(Debug)]
pub struct StorageLock {
    held: HeldLock,
}

#[derive(Debug)]
enum HeldLock {
    /// A lock of the file system.
    Sqlite { _file: File },
    /// The place of the master that leads.
    Postgres { lease: Option<Box<PostgresLease>> },
}

impl StorageLock {
    /// Makes sure that it still holds.
    ///
    /// # Errors
    /// Of a database on a server: a master has taken it meanwhile, or the server is not reached.
    fn renew(&self) -> Result<(), StorageError> {
        match &self.held {
            HeldLock::Postgres { lease: Some(lease) } => lease.renew(),
            HeldLock::Postgres { lease: None } | HeldLock::Sqlite { .. } => Ok(()),
        }
    }
}

/// A connection for a thread that writes.
#[derive(Debug)]
pub enum Storage {
    /// SQLite, in a local file.
    Sqlite(SqliteStorage),
    /// PostgreSQL, on a server.
    Postgres(Box<PostgresStorage>),
}

/// A connection for a thread that only reads. It never waits for a writer.
#[derive(Debug)]
pub enum Reader {
    /// SQLite, in a local file.
    Sqlite(SqliteStorage),
    /// PostgreSQL, on a server.
    Postgres(Box<PostgresStorage>),
}

/// A consistent view of the database: later writes are invisible.
#[derive(Debug)]
pub enum Snapshot<'a> {
    /// SQLite's transaction, rolled back when it is dropped.
    Sqlite(SqliteTransaction<'a>),
    /// PostgreSQL's transaction, rolled back when it is dropped.
    Postgres(Box<PostgresTransaction<'a>>),
}

/// A database transaction that writes. It reads like a snapshot, and sees its own changes.
#[derive(Debug)]
pub struct Tx<'a> {
    snapshot: Snapshot<'a>,
    /// Worker, boot ID and key of the origin of the last order that it stored.
    origin: Option<(Uuid, Uuid, i64)>,
    /// What the commit will say of the ledger's position.
    position: ledger::LedgerPosition,
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
    /// Locks a database and creates its folder if necessary. On a server this takes the place of the
    /// master that leads, for half a minute, and brings the tables forward; where there are none it
    /// makes none and takes nothing. Masters have their [lease](PostgresLease) instead.
    ///
    /// # Errors
    /// Another process holds the lock, or the lock file cannot be created.
    pub fn lock(url: &DatabaseUrl) -> Result<StorageLock, StorageError> {
        let held = match url {
            DatabaseUrl::Sqlite(file) => HeldLock::Sqlite {
                _file: sqlite::lock(file)?,
            },
            DatabaseUrl::Postgres(url) => HeldLock::Postgres {
                lease: lock_server(url)?,
            },
        };
        Ok(StorageLock { held })
    }

    /// Creates the database if necessary, and applies the missing migrations. Before it changes one
    /// that is there, it keeps a copy beside it. Deletes what a killed master has left of a copy to
    /// send, which takes room. The caller holds the [lock](Storage::lock).
    ///
    /// # Errors
    /// The database is of a newer version or not of this program, there is no room for the copy, or
    /// the disk fails. No migration is left half done: each is one transaction.
    pub fn migrate(url: &DatabaseUrl) -> Result<(), StorageError> {
        let file = match url {
            DatabaseUrl::Sqlite(file) => file,
            DatabaseUrl::Postgres(url) => return postgres::migrations::migrate(url),
        };
        backup::delete_sending(url);
        if let Some(found) = sqlite::older_version(file)? {
            let kept = before::keep(file, found)?;
            let copy = kept.path.display();
            if kept.is_there {
                crate::info!("the database is brought forward; a copy of before is kept: {copy}");
            } else {
                crate::warn!(
                    "the database is brought forward, as an earlier start has begun; its copy of \
                     before, {copy}, is gone: the way back is a backup"
                );
            }
        }
        sqlite::migrate(file)
    }

    /// Opens a database whose migrations have been applied.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open(url: &DatabaseUrl) -> Result<Storage, StorageError> {
        match url {
            DatabaseUrl::Sqlite(file) => SqliteStorage::open(file).map(Storage::Sqlite),
            DatabaseUrl::Postgres(url) => {
                PostgresStorage::open(url).map(|it| Storage::Postgres(Box::new(it)))
            }
        }
    }

    /// Runs `change` in one transaction and commits it. The write lock is taken at the beginning,
    /// so that no other writer can make the transaction fail half-way. If the outcome of the commit
    /// is unknown, the process exits without an answer; the next start reads from the database what
    /// was stored.
    ///
    /// # Errors
    /// `change` or the commit failed; nothing was stored.
    pub fn write<T>(
        &mut self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut tx = self.begin_or_exit()?;
        let done = change(&mut tx)?;
        tx.commit_or_exit()?;
        Ok(done)
    }

    /// The same for a change that may be large: taking the lock, the commit and a roll-back count as
    /// one step of the thread each, which is alive meanwhile, for [`STEP_TIMEOUT`] at most. `change`
    /// beats by itself.
    ///
    /// # Errors
    /// As [`Storage::write`].
    pub fn write_beating<T>(
        &mut self,
        heartbeat: &Heartbeat,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let began = heartbeat.during("the wait for the database", STEP_TIMEOUT, || {
            self.begin_or_exit()
        });
        let mut tx = began?;
        match change(&mut tx) {
            Ok(done) => {
                heartbeat.during("a commit", STEP_TIMEOUT, || tx.commit_or_exit())?;
                Ok(done)
            }
            Err(error) => {
                heartbeat.during("a roll-back", STEP_TIMEOUT, || drop(tx));
                Err(error)
            }
        }
    }

    /// Runs `read` on one snapshot.
    ///
    /// # Errors
    /// The database fails.
    pub fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        read(&mut match self {
            Storage::Sqlite(sqlite) => Snapshot::Sqlite(sqlite.snapshot()?),
            Storage::Postgres(postgres) => Snapshot::Postgres(Box::new(postgres.snapshot()?)),
        })
    }

    /// Sets whether this connection fills the database with what it can write again. Then commits are
    /// faster, and a crash of the machine may take the last ones back whole; whoever fills must ask
    /// the database where to go on, and name only what is there.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_filling(&mut self, is_filling: bool) -> Result<(), StorageError> {
        match self {
            Storage::Sqlite(sqlite) => sqlite.set_filling(is_filling),
            Storage::Postgres(postgres) => postgres.set_filling(is_filling),
        }
    }

    fn begin(&mut self) -> Result<Tx<'_>, StorageError> {
        let snapshot = match self {
            Storage::Sqlite(sqlite) => Snapshot::Sqlite(sqlite.begin()?),
            Storage::Postgres(postgres) => Snapshot::Postgres(Box::new(postgres.begin()?)),
        };
        Ok(Tx::of(snapshot))
    }

    /// Begins; exits the process where another master has taken the database.
    fn begin_or_exit(&mut self) -> Result<Tx<'_>, StorageError> {
        match self.begin() {
            Err(StorageError::Superseded(text)) => end_superseded(&text),
            begun => begun,
        }
    }
}

impl<'a> Tx<'a> {
    fn of(snapshot: Snapshot<'a>) -> Tx<'a> {
        Tx {
            snapshot,
            origin: None,
            position: ledger::LedgerPosition::default(),
        }
    }
}

impl Tx<'_> {
    fn commit(self) -> Result<(), StorageError> {
        let began = Instant::now();
        self.position.store(&self.snapshot)?;
        let committed = match self.snapshot {
            Snapshot::Sqlite(sqlite) => sqlite.commit(),
            Snapshot::Postgres(postgres) => postgres.commit(),
        };
        if committed.is_ok() {
            metrics::COMMIT_TIMES.record(began.elapsed());
        } else {
            metrics::FAILED_COMMITS.count();
        }
        committed
    }

    /// Commits; exits the process where the outcome is unknown.
    fn commit_or_exit(self) -> Result<(), StorageError> {
        match self.commit() {
            Err(StorageError::UnknownOutcome(text)) => {
                let why = format!("a commit failed with an unknown outcome ({text})");
                end_process(crate::daemon::FAILED, &why)
            }
            other => other,
        }
    }
}

/// How long the log may take to say why the process ends. A full pipe or a disk that hangs must not
/// keep it.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(500);

/// Ends the process, which must not go on with what it holds in memory.
fn end_process(code: u8, why: &str) -> ! {
    let guard = crate::runtime::spawn("end", move || {
        std::thread::sleep(LAST_WORDS_TIMEOUT);
        signal_hook::low_level::exit(i32::from(code));
    });
    // Without that thread nothing would end a wait for the log.
    if guard.is_ok() {
        crate::error!("{why}: ending the process");
        log::logger().flush();
    }
    std::process::exit(i32::from(code))
}

/// Ends the process, which leads no more: nothing that it would still answer need be true.
pub fn end_superseded(why: &str) -> ! {
    end_process(crate::daemon::SUPERSEDED, why)
}

fn lock_server(
    url: &crate::config::PostgresUrl,
) -> Result<Option<Box<PostgresLease>>, StorageError> {
    if postgres::migrations::version(url)? == 0 {
        return Ok(None);
    }
    let claim = LeaseClaim {
        holder: Uuid::new_v4(),
        ended: None,
        yields: false,
        name: format!("process {}, which is no master", std::process::id()),
        lease: LOCK_LEASE,
    };
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match PostgresLease::attempt(url, &claim, &|| ())? {
            LeaseAttempt::Taken(lease) => return Ok(Some(lease)),
            LeaseAttempt::Held(_) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_POLL_INTERVAL);
            }
            LeaseAttempt::Held(_) => return Err(StorageError::InUse(PathBuf::from(url.text()))),
        }
    }
}

impl Reader {
    /// Opens a database whose migrations have been applied.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open(url: &DatabaseUrl) -> Result<Reader, StorageError> {
        match url {
            DatabaseUrl::Sqlite(file) => SqliteStorage::open_reader(file).map(Reader::Sqlite),
            DatabaseUrl::Postgres(url) => {
                PostgresStorage::open_reader(url).map(|it| Reader::Postgres(Box::new(it)))
            }
        }
    }

    /// Opens a database whose migrations have been applied, for who reads much and none of it soon
    /// again: it keeps 4 MiB of pages.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open_scanner(url: &DatabaseUrl) -> Result<Reader, StorageError> {
        match url {
            DatabaseUrl::Sqlite(file) => SqliteStorage::open_scanner(file).map(Reader::Sqlite),
            DatabaseUrl::Postgres(url) => {
                PostgresStorage::open_reader(url).map(|it| Reader::Postgres(Box::new(it)))
            }
        }
    }

    /// Opens a database file, such as a backup, read-only.
    ///
    /// # Errors
    /// The file cannot be opened, or is not of exactly this version.
    pub fn open_file(file: &Path) -> Result<Reader, StorageError> {
        SqliteStorage::open_file(file).map(Reader::Sqlite)
    }

    /// Opens a database of ours for a look at some rows, beside a master or without one. Leaves no
    /// files behind.
    ///
    /// # Errors
    /// The database cannot be opened, or is not of exactly this version.
    pub fn open_to_look(url: &DatabaseUrl) -> Result<Reader, StorageError> {
        match url {
            DatabaseUrl::Sqlite(file) => SqliteStorage::open_to_look(file).map(Reader::Sqlite),
            DatabaseUrl::Postgres(_) => Reader::open_for_check(url),
        }
    }

    /// Opens a database of ours for a check of its constraints, too, as a file that somebody else
    /// may have made or changed.
    ///
    /// # Errors
    /// The database cannot be opened, or is not of exactly this version.
    pub fn open_for_check(url: &DatabaseUrl) -> Result<Reader, StorageError> {
        match url {
            DatabaseUrl::Sqlite(file) => SqliteStorage::open_for_check(file).map(Reader::Sqlite),
            DatabaseUrl::Postgres(url) => {
                PostgresStorage::open_for_check(url).map(|it| Reader::Postgres(Box::new(it)))
            }
        }
    }

    /// Begins a snapshot of the database as it is now.
    ///
    /// # Errors
    /// The database fails.
    pub fn snapshot(&mut self) -> Result<Snapshot<'_>, StorageError> {
        match self {
            Reader::Sqlite(sqlite) => sqlite.snapshot().map(Snapshot::Sqlite),
            Reader::Postgres(postgres) => postgres
                .snapshot()
                .map(|it| Snapshot::Postgres(Box::new(it))),
        }
    }

    /// Runs `read` on one snapshot.
    ///
    /// # Errors
    /// The database fails.
    pub fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        read(&mut self.snapshot()?)
    }

    /// Time after which a long read should take a new snapshot; `None`: one may last as long as it
    /// takes. While a snapshot is open, a server cannot reuse the room of what was changed or deleted
    /// since, in any of its databases.
    pub fn snapshot_time(&self) -> Option<Duration> {
        match self {
            Reader::Sqlite(_) => None,
            Reader::Postgres(_) => Some(SERVER_SNAPSHOT_TIME),
        }
    }

    /// Returns a handle that cancels a long read from another thread.
    pub fn interrupter(&self) -> Interrupter {
        match self {
            Reader::Sqlite(sqlite) => Interrupter::Sqlite(sqlite.interrupter()),
            Reader::Postgres(postgres) => Interrupter::Postgres(Box::new(postgres.interrupter())),
        }
    }
}

/// Cancels the running read of a reader, which then fails with [`StorageError::Interrupted`].
#[derive(Debug)]
pub enum Interrupter {
    /// SQLite's interrupt handle.
    Sqlite(SqliteInterrupter),
    /// PostgreSQL's request to cancel.
    Postgres(Box<PostgresInterrupter>),
}

impl Interrupter {
    /// Cancels the read that is running now.
    pub fn interrupt(&self) {
        match self {
            Interrupter::Sqlite(sqlite) => sqlite.interrupt(),
            Interrupter::Postgres(postgres) => postgres.interrupt(),
        }
    }
}

/// Whether there is no database yet, so that a start would make one. Makes nothing.
///
/// # Errors
/// A server cannot be asked.
pub fn is_absent(url: &DatabaseUrl) -> Result<bool, StorageError> {
    match url {
        DatabaseUrl::Sqlite(file) => Ok(std::fs::symlink_metadata(file)
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)),
        DatabaseUrl::Postgres(url) => Ok(postgres::migrations::version(url)? == 0),
    }
}

/// What an administrator should know of the database's server before a start; nothing of a file.
///
/// # Errors
/// The server is not reached.
pub fn server_warnings(url: &DatabaseUrl) -> Result<Vec<String>, StorageError> {
    match url {
        DatabaseUrl::Sqlite(_) => Ok(Vec::new()),
        DatabaseUrl::Postgres(url) => postgres::checks::warnings(url),
    }
}

/// Checks that the database answers a query, for the watchdog. A server is watched by others: a
/// restart of the master would mend nothing of it.
///
/// # Errors
/// The database does not answer; the text says why.
pub fn answers(url: &DatabaseUrl) -> Result<(), String> {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::answers(file),
        DatabaseUrl::Postgres(_) => Ok(()),
    }
}
