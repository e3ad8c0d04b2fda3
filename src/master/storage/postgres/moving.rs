//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! An empty database on a server that a move fills, in one transaction: until its commit nothing of it
//! is there for anybody else.
//!
//! Tests: `src/master/storage/moving/tests.rs`.

use super::migrations;
use super::{PostgresStorage, PostgresTransaction};
use crate::config::PostgresUrl;
use crate::master::storage::engine::values::{EngineResult, Value};
use crate::master::storage::engine::{Row, Rows};
use crate::master::storage::moving::types::{MoveError, MoveStep, MoveWatch, MovedTable};
use crate::master::storage::{Snapshot, StorageError};
use bytes::{BufMut, BytesMut};

/// Bytes of rows that are sent as one statement, but for the last row's.
const CHUNK_BYTES: usize = 4 << 20;
/// Rows between two looks at who may break it off.
const STEP_ROWS: u64 = 1024;

/// The beginning of what a binary COPY takes: its mark, no flags, no extension.
const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Its end, in the place of a row's number of columns.
const COPY_END: i16 = -1;
/// What stands for NULL in the place of a value's length.
const COPY_NULL: i32 = -1;

/// Begins: nothing ends a transaction that waits for its source, and indexes are sorted in memory.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
     SET LOCAL idle_in_transaction_session_timeout = 0;
     SET LOCAL maintenance_work_mem = '256MB';";
/// In a transaction that reads, before its first read. It may wait for its target.
const KEEP_WRITERS_OUT: &str = "SET LOCAL idle_in_transaction_session_timeout = 0;
     LOCK TABLE master_epoch IN EXCLUSIVE MODE";
/// What is in the first schema of the search path.
const RELATIONS: &str =
    "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace";
/// References: the statements that drop them and that make them again. They are checked at once for
/// all rows, and not one by one.
const REFERENCES: &str = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
         format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
     FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY oid";
/// The same for indexes that are not a constraint's.
const INDEXES: &str = "SELECT format('DROP INDEX %I', relname), pg_get_indexdef(indexrelid)
     FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     WHERE relnamespace = current_schema()::regnamespace
         AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
     ORDER BY indexrelid";
/// The same for the room that pages keep for second versions of their rows: what is moved mostly has
/// none.
const ROOM: &str = "SELECT format('ALTER TABLE %I SET (fillfactor = 100)', relname),
         format('ALTER TABLE %I SET (%s)', relname, array_to_string(reloptions, ', '))
     FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND reloptions IS NOT NULL
     ORDER BY oid";
/// Sets each number that the server gives out behind the highest one that is there.
const SEQUENCES: &str = "SELECT format('SELECT setval(pg_get_serial_sequence(%L, %L), (SELECT max(%I) FROM %s))',
         attrelid::regclass::text, attname, attname, attrelid::regclass)
     FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relnamespace = current_schema()::regnamespace AND attidentity <> '' AND NOT attisdropped";

/// Where the queue begins. Else the first update would read all orders for it.
const QUEUE_START: &str = "UPDATE queue_start SET number = coalesce(
     (SELECT min(number) FROM transactions WHERE status = 0), (SELECT max(number) + 1 FROM transactions), 0)";

/// A database that is being filled. It is empty again on drop, unless it was kept.
pub(in crate::master::storage) struct PostgresMove<'a> {
    /// Its transaction.
    moment: Snapshot<'a>,
    url: &'a PostgresUrl,
    /// The statements that make what was dropped.
    later: Vec<String>,
}

impl<'a> PostgresMove<'a> {
    /// Connects.
    ///
    /// # Errors
    /// The server cannot be reached, or has no such database.
    pub fn connect(url: &PostgresUrl) -> Result<PostgresStorage, StorageError> {
        PostgresStorage::open_reader(url)
    }

    /// Begins with tables and without rows. The caller holds the lock of the database.
    ///
    /// # Errors
    /// The database is not empty, or the server fails.
    pub fn begin(
        connection: &'a mut PostgresStorage,
        url: &'a PostgresUrl,
    ) -> Result<PostgresMove<'a>, MoveError> {
        let within = |error: StorageError| error.within(url.text());
        connection
            .with_session(|session| session.batch(BEGIN))
            .map_err(within)?;
        let transaction = PostgresTransaction::new(connection, None);
        // What is empty has no lease that a master could hold.
        if !transaction.run(migrations::keep_out).map_err(within)? {
            return Err(StorageError::InUse(url.text().into()).into());
        }
        let [relations] = transaction
            .run(|session| session.numbers(RELATIONS))
            .map_err(within)?[..]
        else {
            let text = format!(
                "{}: the search_path names no schema that is there",
                url.text()
            );
            return Err(MoveError::Refused(text));
        };
        if relations > 0 {
            return Err(MoveError::Refused(format!(
                "{}: this database is not empty, and nothing is written over it: make another one with createdb, as \
                 its owner {}, or drop this one with dropdb",
                url.text(),
                url.user()
            )));
        }
        let mut moved = PostgresMove {
            moment: Snapshot::Postgres(Box::new(transaction)),
            url,
            later: Vec::new(),
        };
        let made = moved.make();
        made.map_err(within)?;
        Ok(moved)
    }

    fn make(&mut self) -> EngineResult<()> {
        self.batch(&migrations::whole_schema())?;
        // References are made last: they look rows up by indexes.
        for sql in [INDEXES, REFERENCES, ROOM] {
            for pair in self.texts(sql)?.chunks(2) {
                if let [drop, make] = pair {
                    self.later.push(make.clone());
                    self.batch(drop)?;
                }
            }
        }
        Ok(())
    }

    fn transaction(&self) -> EngineResult<&PostgresTransaction<'a>> {
        match &self.moment {
            Snapshot::Postgres(transaction) => Ok(transaction),
            Snapshot::Sqlite(_) => Err(StorageError::Other("this is no server".to_owned())),
        }
    }

    fn batch(&self, sql: &str) -> EngineResult<()> {
        self.transaction()?.run(|session| session.batch(sql))
    }

    fn texts(&self, sql: &str) -> EngineResult<Vec<String>> {
        self.transaction()?.run(|session| session.texts(sql))
    }

    fn within(&self, error: StorageError) -> MoveError {
        error.within(self.url.text()).into()
    }

    /// Writes all rows of a table, in the place of those that the migrations have made.
    ///
    /// # Errors
    /// The source or the server fails, or `step` returns an error.
    pub fn fill(
        &mut self,
        table: &MovedTable,
        rows: &mut Rows<'_>,
        step: &mut dyn FnMut(u64) -> Result<(), MoveError>,
    ) -> Result<u64, MoveError> {
        let (name, columns) = (&table.name, table.columns.join(", "));
        self.batch(&format!("DELETE FROM {name}"))
            .map_err(|error| self.within(error))?;
        let sql = format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary, FREEZE true)");
        let width = table.columns.len();
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let (mut count, mut told, mut written) = (0, 0, 0);
        chunk.put_slice(COPY_HEADER);
        while let Some(row) = rows.next()? {
            put_row(&mut chunk, &row, width)?;
            count += 1;
            if count - told == STEP_ROWS {
                told = count;
                step(STEP_ROWS)?;
            }
            if chunk.len() >= CHUNK_BYTES {
                written += self.send(&sql, &mut chunk)?;
            }
        }
        written += self.send(&sql, &mut chunk)?;
        step(count - told)?;
        Ok(written)
    }

    /// Sends a chunk, and begins the next one.
    fn send(&self, sql: &str, chunk: &mut BytesMut) -> Result<u64, MoveError> {
        chunk.put_i16(COPY_END);
        let sent = self.transaction()?.run(|session| session.copy(sql, chunk));
        chunk.clear();
        chunk.put_slice(COPY_HEADER);
        sent.map_err(|error| self.within(error))
    }

    /// Makes indexes and references, and sets what the server counts by itself.
    ///
    /// # Errors
    /// The server fails, a row refers to one that is not there, or `watch` returns an error.
    pub fn complete(
        &mut self,
        tables: &[MovedTable],
        watch: &mut MoveWatch<'_>,
    ) -> Result<(), MoveError> {
        let total = u64::try_from(self.later.len()).unwrap_or_default();
        for (done, sql) in (0..).zip(&self.later) {
            watch(MoveStep::Indexes { done, total })?;
            self.batch(sql).map_err(|error| self.within(error))?;
        }
        let counted = || {
            for sql in self.texts(SEQUENCES)? {
                self.batch(&sql)?;
            }
            self.batch(QUEUE_START)?;
            // By what they are planned with, the statements that follow find the indexes. Of a table that
            // is known to be empty all rows would be read, also when it has many.
            for table in tables {
                let name = &table.name;
                if !self
                    .texts(&format!("SELECT 1 FROM {name} LIMIT 1"))?
                    .is_empty()
                {
                    self.batch(&format!("ANALYZE {name}"))?;
                }
            }
            Ok(())
        };
        counted().map_err(|error| self.within(error))
    }

    /// What has been written, for reads.
    pub fn snapshot(&mut self) -> &mut Snapshot<'a> {
        &mut self.moment
    }

    /// Commits. Where the answer is lost, the database is asked whether it has it.
    ///
    /// # Errors
    /// The server refuses, and has nothing; or it is not reached, and has nothing or all.
    pub fn keep(self) -> Result<(), StorageError> {
        let Snapshot::Postgres(transaction) = self.moment else {
            return Ok(());
        };
        match transaction.commit() {
            Err(StorageError::UnknownOutcome(why)) => match migrations::version_at_rest(self.url) {
                Ok(0) => Err(StorageError::Busy(format!("{why}: nothing was stored"))),
                Ok(_) => Ok(()),
                Err(error) => Err(StorageError::UnknownOutcome(format!(
                    "{why}, and it cannot be asked whether it was stored ({error}): the target has all rows or \
                     nothing, which the same command says"
                ))),
            },
            done => done,
        }
        .map_err(|error| error.within(self.url.text()))
    }
}

impl PostgresTransaction<'_> {
    /// From now on to the end of this transaction no other session writes: each would first lock the row
    /// of `master_epoch`.
    ///
    /// # Errors
    /// Somebody writes for longer than such a lock is waited for, or the server fails.
    pub(in crate::master::storage) fn keep_writers_out(&self) -> EngineResult<()> {
        self.run(|session| session.batch(KEEP_WRITERS_OUT))
    }

    /// Checks that the session of this transaction is still there, and with it the lock.
    ///
    /// # Errors
    /// It was lost.
    pub(in crate::master::storage) fn check_session(&self) -> EngineResult<()> {
        self.run(|session| session.batch("SELECT 1"))
    }
}

/// Writes a row as a binary COPY takes it.
fn put_row(chunk: &mut BytesMut, row: &Row<'_>, width: usize) -> EngineResult<()> {
    let too_long = |_| StorageError::Corrupt("a value is too long".to_owned());
    chunk.put_i16(i16::try_from(width).map_err(too_long)?);
    for column in 0..width {
        let bytes = match row.value(column)? {
            Value::Null => {
                chunk.put_i32(COPY_NULL);
                continue;
            }
            Value::Integer(number) => {
                chunk.put_i32(8);
                chunk.put_i64(number);
                continue;
            }
            Value::Text(text) => text.as_bytes(),
            Value::Bytes(bytes) => bytes,
        };
        chunk.put_i32(i32::try_from(bytes.len()).map_err(too_long)?);
        chunk.put_slice(bytes);
    }
    Ok(())
}
