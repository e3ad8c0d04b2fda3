//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! PostgreSQL as the engine: connections that come back by themselves, transactions of one master
//! alone, and commits whose answer was lost.
//!
//! Tests: `src/master/storage/postgres/tests.rs`.

pub(super) mod checks;
mod dialect;
mod errors;
pub(super) mod lease;
pub(super) mod migrations;
pub(super) mod moving;
pub(super) mod session;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod values;

use self::session::ServerSession;
use self::values::{PostgresColumn, PostgresParam};
use super::StorageError;
use super::ahead::answers::ReadAhead;
use super::engine::together::PendingRows;
use super::engine::values::{EngineResult, FromColumn, Parameters, Value};
use crate::config::PostgresUrl;
use parking_lot::Mutex;
use postgres::{CancelToken, Row};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Time until a server that was not reached is tried again: at first, and at most.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How long a commit whose answer was lost is looked up. A new primary takes over within.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(40);
/// Time between two attempts to look it up.
const LOOK_UP_INTERVAL: Duration = Duration::from_millis(200);

/// Rows of a scan that are in memory at once.
const SCAN_ROWS: u32 = 4096;

/// The text of an error of a statement that cannot run, since an earlier one of the same transaction
/// has failed.
const FAILED_BEFORE: &str = "a statement of this transaction has failed before; nothing was stored";

/// A connection to a database on a server. It reconnects by itself.
pub struct PostgresStorage {
    url: PostgresUrl,
    /// `None`: it only reads.
    writer: Option<Writer>,
    /// The number of its last transaction that was committed.
    committed: Cell<i64>,
    link: RefCell<SessionLink>,
    cancel: Arc<Cancel>,
}

/// Who writes: the row of this connection in `writers`, and the epoch of its master.
#[derive(Debug, Clone, Copy)]
struct Writer {
    id: Uuid,
    epoch: i64,
}

/// The session, while there is one.
#[derive(Default)]
struct SessionLink {
    session: Option<ServerSession>,
    is_filling: bool,
    /// After a failed attempt to connect: when the next one is due, the time between them, and why.
    retry: Option<(Instant, Duration, String)>,
}

/// What cancels a connection's statements from another thread.
#[derive(Default)]
struct Cancel {
    token: Mutex<Option<CancelToken>>,
    is_wanted: AtomicBool,
}

impl fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresStorage({})", self.url.text())
    }
}

impl PostgresStorage {
    /// Connects for a thread that writes, in the epoch in which this process took the lease, or that the
    /// database has now.
    ///
    /// # Errors
    /// The server cannot be reached, or has no database of this version; `Superseded`: another master
    /// has taken the lease since.
    pub(super) fn open(url: &PostgresUrl) -> Result<PostgresStorage, StorageError> {
        let storage = PostgresStorage::open_reader(url)?;
        let id = Uuid::new_v4();
        let insert = format!(
            "INSERT INTO writers (writer, epoch, number)
                 SELECT '\\x{}', epoch, 0 FROM master_epoch RETURNING epoch",
            id.simple()
        );
        let epoch = storage.with_session(|session| session.numbers(&insert))?;
        let epoch = *epoch.first().ok_or_else(|| {
            StorageError::Corrupt(format!("{}: master_epoch is empty", url.text()))
        })?;
        if lease::taken_epoch(url).is_some_and(|taken| taken != epoch) {
            return Err(lease::superseded(url.text()));
        }
        Ok(PostgresStorage {
            writer: Some(Writer { id, epoch }),
            ..storage
        })
    }

    /// Connects for a thread that only reads.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub(super) fn open_reader(url: &PostgresUrl) -> Result<PostgresStorage, StorageError> {
        let storage = PostgresStorage {
            url: url.clone(),
            writer: None,
            committed: Cell::new(0),
            link: RefCell::default(),
            cancel: Arc::default(),
        };
        storage.with_session(|_| Ok(()))?;
        Ok(storage)
    }

    /// As [`PostgresStorage::open_reader`], for a database of exactly this version.
    ///
    /// # Errors
    /// As there, or the database is of another version.
    pub(super) fn open_for_check(url: &PostgresUrl) -> Result<PostgresStorage, StorageError> {
        let found = migrations::version(url)?;
        let known = migrations::known();
        if found != known {
            return Err(StorageError::OtherVersion(super::VersionMismatch {
                path: url.text().into(),
                found,
                known,
            }));
        }
        PostgresStorage::open_reader(url)
    }

    /// Lets this connection write much that can be written again, and back. Meanwhile the server
    /// answers a commit before it is on its disk.
    pub(super) fn set_filling(&mut self, is_filling: bool) -> Result<(), StorageError> {
        self.link.borrow_mut().is_filling = is_filling;
        self.with_session(|session| session.batch(filling_sql(is_filling)))
    }

    /// Runs one message on the session; where that was lost since its last use, on a new one. Only for
    /// what begins a transaction, or may run twice.
    fn with_session<T>(
        &self,
        run: impl Fn(&mut ServerSession) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut link = self.link.borrow_mut();
        let had_one = link.session.is_some();
        let done = run(self.connected(&mut link)?);
        let is_lost = link.session.as_ref().is_none_or(ServerSession::is_lost);
        match done {
            Err(error) if is_lost && had_one => {
                crate::warn!("a connection to the database was lost: {error}");
                run(self.connected(&mut link)?)
            }
            done => done,
        }
    }

    /// The session, which is made anew where it was lost.
    fn connected<'a>(
        &self,
        link: &'a mut SessionLink,
    ) -> Result<&'a mut ServerSession, StorageError> {
        if link.session.as_ref().is_some_and(ServerSession::is_lost) {
            link.session = None;
        }
        if link.session.is_none() {
            if let Some((due, _, why)) = &link.retry
                && Instant::now() < *due
            {
                return Err(StorageError::Busy(why.clone()));
            }
            match self.connect(link.is_filling) {
                Ok(session) => {
                    if link.retry.take().is_some() {
                        crate::info!("the database is reached again");
                    }
                    link.session = Some(session);
                }
                Err(error) => {
                    let pause = match &link.retry {
                        Some((_, last, _)) => (*last * 2).min(RETRY_MAX),
                        None => RETRY_FIRST,
                    };
                    link.retry = Some((Instant::now() + pause, pause, error.to_string()));
                    return Err(error);
                }
            }
        }
        link.session
            .as_mut()
            .ok_or_else(|| StorageError::Busy("there is no connection".to_owned()))
    }

    fn connect(&self, is_filling: bool) -> Result<ServerSession, StorageError> {
        let mut session = ServerSession::connect(&self.url)?;
        if is_filling {
            session.batch(filling_sql(true))?;
        }
        *self.cancel.token.lock() = Some(session.cancel_token());
        Ok(session)
    }

    /// Begins a transaction that writes: it waits for those before it, proves the epoch, and counts
    /// this connection's number up.
    pub(super) fn begin(&mut self) -> Result<PostgresTransaction<'_>, StorageError> {
        let Some(Writer { id, epoch }) = self.writer else {
            return Err(StorageError::Other("this connection only reads".to_owned()));
        };
        self.cancel.is_wanted.store(false, Ordering::SeqCst);
        let sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
             SELECT epoch FROM master_epoch WHERE one = 1 FOR UPDATE;
             UPDATE writers SET number = number + 1 WHERE writer = '\\x{}' RETURNING number",
            id.simple()
        );
        let begun = self.with_session(|session| session.numbers(&sql));
        let next = self.committed.get().saturating_add(1);
        let url = self.url.text().to_owned();
        // Rolls back when this returns an error.
        let transaction = PostgresTransaction::new(self, Some(next));
        match begun?.as_slice() {
            [found, number] if *found == epoch && *number == next => Ok(transaction),
            [found, ..] if *found == epoch => Err(StorageError::Superseded(format!(
                "{url}: commits that the server has acknowledged are not there any more: a standby without them has \
                 taken over"
            ))),
            _ => Err(lease::superseded(&url)),
        }
    }

    /// Begins a transaction that reads. Its snapshot is taken at its first read.
    pub(super) fn snapshot(&mut self) -> Result<PostgresTransaction<'_>, StorageError> {
        self.cancel.is_wanted.store(false, Ordering::SeqCst);
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        if let Err(error) = self.with_session(|session| session.batch(begin)) {
            // Perhaps it is still in a transaction that has failed.
            self.link.borrow_mut().session = None;
            return Err(error);
        }
        Ok(PostgresTransaction::new(self, None))
    }

    /// Whether the commit with this number was stored, although its answer was lost. The server may
    /// still be at it: the lock of the row is waited for.
    fn look_up(&self, number: i64) -> Result<(), StorageError> {
        let unknown = StorageError::UnknownOutcome;
        let Some(Writer { id, .. }) = self.writer else {
            return Err(unknown("this connection only reads".to_owned()));
        };
        crate::warn!("a connection to the database was lost in a commit, which is looked up now");
        let sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT 0 FROM master_epoch WHERE one = 1 FOR UPDATE;
             SELECT number FROM writers WHERE writer = '\\x{}'; COMMIT",
            id.simple()
        );
        let deadline = Instant::now() + LOOK_UP_TIMEOUT;
        loop {
            let mut link = self.link.borrow_mut();
            link.retry = None;
            let found = self
                .connected(&mut link)
                .and_then(|session| session.numbers(&sql));
            match found.as_deref() {
                Ok([_, found]) if *found == number => {
                    self.committed.set(number);
                    crate::info!("the commit whose answer was lost was stored");
                    return Ok(());
                }
                Ok([_, found]) if *found == number.saturating_sub(1) => {
                    return Err(StorageError::Busy(
                        "the connection was lost before the commit: nothing was stored".to_owned(),
                    ));
                }
                Ok(_) => return Err(unknown("the database does not tell the commit".to_owned())),
                Err(error) if Instant::now() >= deadline => {
                    return Err(unknown(format!("it could not be looked up: {error}")));
                }
                Err(_) => {
                    link.session = None;
                    drop(link);
                    std::thread::sleep(LOOK_UP_INTERVAL);
                }
            }
        }
    }

    pub(super) fn interrupter(&self) -> PostgresInterrupter {
        PostgresInterrupter {
            url: self.url.clone(),
            cancel: Arc::clone(&self.cancel),
        }
    }
}

fn filling_sql(is_filling: bool) -> &'static str {
    if is_filling {
        "SET synchronous_commit = off"
    } else {
        "RESET synchronous_commit"
    }
}

/// A handle that cancels a connection's running statement.
pub struct PostgresInterrupter {
    url: PostgresUrl,
    cancel: Arc<Cancel>,
}

impl fmt::Debug for PostgresInterrupter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresInterrupter")
    }
}

impl PostgresInterrupter {
    /// Cancels the statement that runs, and those that the same read would run after it.
    pub(super) fn interrupt(&self) {
        self.cancel.is_wanted.store(true, Ordering::SeqCst);
        let token = self.cancel.token.lock().clone();
        if let (Some(token), Ok(tls)) = (token, tls::connector(&self.url)) {
            // Where the server is not reached, the read fails by itself.
            let _ = token.cancel_query(tls);
        }
    }
}

/// A transaction of PostgreSQL; it is rolled back if it is dropped without a commit.
#[derive(Debug)]
pub struct PostgresTransaction<'a> {
    storage: &'a PostgresStorage,
    /// The number of a transaction that writes, among those of its connection.
    number: Option<i64>,
    has_failed: Cell<bool>,
    is_open: Cell<bool>,
    /// How many scans it has begun.
    cursors: Cell<u32>,
    /// What it will write together.
    pub(super) pending: PendingRows,
    /// What it has read ahead.
    pub(super) ahead: ReadAhead,
}

impl<'a> PostgresTransaction<'a> {
    fn new(storage: &'a mut PostgresStorage, number: Option<i64>) -> PostgresTransaction<'a> {
        PostgresTransaction {
            storage,
            number,
            has_failed: Cell::new(false),
            is_open: Cell::new(true),
            cursors: Cell::new(0),
            pending: PendingRows::default(),
            ahead: ReadAhead::default(),
        }
    }

    /// Writes the rows that wait. After an error the transaction stores nothing.
    pub(super) fn write_pending(&self) -> Result<(), StorageError> {
        let written = self.pending.take().iter().try_for_each(|batch| {
            batch.run(|sql, arrays| {
                let values = arrays.iter().map(|array| PostgresParam(*array));
                let values: Vec<PostgresParam<'_>> = values.collect();
                let rows = self.run(|session| session.query(sql, true, &values))?;
                let Some(counts) = rows.first() else {
                    return Ok(Vec::new());
                };
                let count = |at: usize| {
                    let count = i64::from_column(PostgresRow(counts).value(at)?);
                    Ok(count.and_then(|it| it.try_into().ok()).unwrap_or_default())
                };
                (0..counts.len()).map(count).collect()
            })
        });
        if written.is_err() {
            self.has_failed.set(true);
        }
        written
    }

    /// Commits. Where the answer is lost, the commit is looked up.
    pub(super) fn commit(self) -> Result<(), StorageError> {
        self.write_pending()?;
        if self.has_failed.get() {
            return Err(StorageError::Other(FAILED_BEFORE.to_owned()));
        }
        let committed = self.run(ServerSession::commit)?;
        self.is_open.set(false);
        match (committed, self.number) {
            (None, Some(number)) => self.storage.look_up(number),
            (Some(()), Some(number)) => {
                self.storage.committed.set(number);
                Ok(())
            }
            (Some(()), None) => Ok(()),
            (None, None) => Err(StorageError::UnknownOutcome(
                "the connection was lost in the commit".to_owned(),
            )),
        }
    }

    /// Runs statements without parameters.
    pub(super) fn batch(&self, sql: &str) -> Result<(), StorageError> {
        self.write_pending()?;
        self.run(|session| session.batch(sql))
    }

    /// Runs something on the session of this transaction. A new session would know nothing of it.
    fn run<T>(
        &self,
        run: impl FnOnce(&mut ServerSession) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        if self.storage.cancel.is_wanted.load(Ordering::SeqCst) {
            return Err(StorageError::Interrupted(
                "the read was cancelled".to_owned(),
            ));
        }
        if self.has_failed.get() {
            return Err(StorageError::Other(FAILED_BEFORE.to_owned()));
        }
        let mut link = self.storage.link.borrow_mut();
        let Some(session) = &mut link.session else {
            return Err(StorageError::Busy("the connection was lost".to_owned()));
        };
        let done = run(session);
        if done.is_err() {
            self.has_failed.set(true);
        }
        done
    }
}

impl Drop for PostgresTransaction<'_> {
    fn drop(&mut self) {
        if !self.is_open.get() {
            return;
        }
        let mut link = self.storage.link.borrow_mut();
        // Where the connection is lost, the server rolls back.
        if let Some(session) = link.session.as_mut().filter(|it| !it.is_lost())
            && session.batch("ROLLBACK").is_err()
        {
            // It would begin no other transaction.
            link.session = None;
        }
    }
}

/// A statement of a transaction. It is sent when it is executed.
pub(super) struct PostgresStatement<'a> {
    transaction: &'a PostgresTransaction<'a>,
    sql: String,
    used: Use,
}

/// How a statement is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It stays prepared.
    Often,
    /// It is prepared for one use.
    Once,
    /// Its rows come in portions, by a cursor.
    Scan,
    /// It stays prepared for a first portion, which mostly is all; more come by a cursor.
    OftenScan,
}

impl<'a> PostgresStatement<'a> {
    /// A statement that is prepared when it is first executed.
    pub fn new(
        transaction: &'a PostgresTransaction<'a>,
        sql: &str,
        used: Use,
    ) -> PostgresStatement<'a> {
        PostgresStatement {
            transaction,
            sql: sql.to_owned(),
            used,
        }
    }

    /// Executes it. Returns the number of rows that it changed.
    pub fn execute(&self, values: &dyn Parameters) -> EngineResult<usize> {
        self.transaction.write_pending()?;
        with_values(values, |values| {
            let run = |session: &mut ServerSession| {
                session.execute(&self.sql, self.used == Use::Often, values)
            };
            self.transaction.run(run)
        })
    }

    /// Executes it, and reads all its rows.
    pub fn query(&self, values: &dyn Parameters) -> EngineResult<PostgresRows<'a>> {
        let transaction = self.transaction;
        transaction.write_pending()?;
        with_values(values, |values| {
            match self.used {
                Use::Scan => return PostgresRows::by_cursor(transaction, &self.sql, values),
                Use::OftenScan => {
                    return PostgresRows::first_portion(transaction, &self.sql, values);
                }
                Use::Often | Use::Once => {}
            }
            let keep = self.used == Use::Often;
            let rows = transaction.run(|session| session.query(&self.sql, keep, values))?;
            Ok(PostgresRows {
                rows: rows.into_iter(),
                current: None,
                cursor: None,
            })
        })
    }
}

/// The rows that a statement has found.
pub(super) struct PostgresRows<'a> {
    rows: std::vec::IntoIter<Row>,
    current: Option<Row>,
    /// Of a scan: its transaction, and what fetches the next portion. The cursor goes with the
    /// transaction.
    cursor: Option<(&'a PostgresTransaction<'a>, String)>,
}

impl<'a> PostgresRows<'a> {
    fn by_cursor(
        transaction: &'a PostgresTransaction<'a>,
        sql: &str,
        values: &[PostgresParam<'_>],
    ) -> EngineResult<PostgresRows<'a>> {
        let number = transaction.cursors.get() + 1;
        transaction.cursors.set(number);
        let declare = format!("DECLARE scan_{number} NO SCROLL CURSOR FOR {sql}");
        transaction.run(|session| session.execute(&declare, false, values))?;
        let fetch = format!("FETCH FORWARD {SCAN_ROWS} FROM scan_{number}");
        Ok(PostgresRows {
            rows: Vec::new().into_iter(),
            current: None,
            cursor: Some((transaction, fetch)),
        })
    }

    /// Reads as many rows as a portion has, in one round trip. A cursor, which takes three, begins
    /// behind them if there may be more.
    fn first_portion(
        transaction: &'a PostgresTransaction<'a>,
        sql: &str,
        values: &[PostgresParam<'_>],
    ) -> EngineResult<PostgresRows<'a>> {
        let first = format!("{sql} LIMIT {SCAN_ROWS}");
        let portion = transaction.run(|session| session.query(&first, true, values))?;
        let is_all = u32::try_from(portion.len()).is_ok_and(|count| count < SCAN_ROWS);
        let cursor = if is_all {
            None
        } else {
            let behind = format!("{sql} OFFSET {SCAN_ROWS}");
            PostgresRows::by_cursor(transaction, &behind, values)?.cursor
        };
        Ok(PostgresRows {
            rows: portion.into_iter(),
            current: None,
            cursor,
        })
    }

    /// The next row; `None` after the last one.
    pub fn next(&mut self) -> EngineResult<Option<PostgresRow<'_>>> {
        self.current = self.rows.next();
        if let (None, Some((transaction, fetch))) = (&self.current, &self.cursor) {
            let portion = transaction.run(|session| session.query(fetch, false, &[]))?;
            if portion.is_empty() {
                self.cursor = None;
            }
            self.rows = portion.into_iter();
            self.current = self.rows.next();
        }
        Ok(self.current.as_ref().map(PostgresRow))
    }
}

/// A row of PostgreSQL.
pub(super) struct PostgresRow<'a>(&'a Row);

impl PostgresRow<'_> {
    /// The value of a column, from 0 on.
    pub fn value(&self, column: usize) -> EngineResult<Value<'_>> {
        let read = self.0.try_get::<_, PostgresColumn<'_>>(column);
        Ok(read.map_err(|error| errors::storage_error(&error))?.0)
    }
}

/// Runs something with all parameters of a statement.
fn with_values<T>(
    values: &dyn Parameters,
    run: impl FnOnce(&[PostgresParam<'_>]) -> EngineResult<T>,
) -> EngineResult<T> {
    let mut bound = Vec::new();
    values.each(&mut |value| {
        bound.push(PostgresParam(value));
        Ok(())
    })?;
    run(&bound)
}
