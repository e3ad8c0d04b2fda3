//! spec/master/storage/sqlite.md · 3.1.2 Database Management
//!
//! A new database file that a move fills. Until it is whole it has another name, and counts no
//! migrations, so that no master takes it for a database.
//!
//! Tests: `src/master/storage/moving/tests.rs`.

use super::{MIGRATIONS, fresh};
use crate::master::storage::StorageError;
use crate::master::storage::engine::Rows;
use crate::master::storage::engine::values::Value;
use crate::master::storage::files::{beside, create_file, delete_file, sync_folder};
use crate::master::storage::moving::types::{MoveError, MoveStep, MoveWatch, MovedTable};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Appended to the name of a database that is not whole yet.
const MOVING: &str = ".moving";
/// What SQLite may put beside a database.
const COMPANIONS: [&str; 3] = ["-journal", "-wal", "-shm"];
/// Rows of one transaction.
const TRANSACTION_ROWS: u64 = 50_000;
/// Rows between two looks at who may break it off.
const STEP_ROWS: u64 = 1024;

/// How the file is written: whatever happens before it is whole, it is deleted and begun anew. So
/// nothing is kept to roll back, and nothing is synced before the end.
const SETTINGS: &str =
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
     PRAGMA foreign_keys = OFF; PRAGMA cache_size = -65536; PRAGMA temp_store = FILE;";

/// Tables as the migrations of this version make them.
///
/// # Errors
/// There is none of one of these names.
pub(in crate::master::storage) fn declared_tables(
    names: &[&str],
) -> Result<Vec<MovedTable>, StorageError> {
    let declared = fresh()?;
    names
        .iter()
        .map(|name| declared_table(&declared, name))
        .collect()
}

fn declared_table(declared: &Connection, name: &str) -> Result<MovedTable, StorageError> {
    let mut statement =
        declared.prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid")?;
    let rows = statement.query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let columns: Vec<(String, i64)> = rows.collect::<rusqlite::Result<_>>()?;
    let mut key: Vec<&(String, i64)> = columns.iter().filter(|(_, place)| *place > 0).collect();
    key.sort_by_key(|(_, place)| *place);
    if key.is_empty() {
        return Err(StorageError::Other(format!("there is no table {name}")));
    }
    Ok(MovedTable {
        name: name.to_owned(),
        key: key.into_iter().map(|(name, _)| name.clone()).collect(),
        columns: columns.into_iter().map(|(name, _)| name).collect(),
    })
}

/// The texts that declare all tables, or all indexes that are not a table's own.
fn declarations(kind: &str) -> rusqlite::Result<Vec<String>> {
    let declared = fresh()?;
    let mut statement = declared.prepare(
        "SELECT sql FROM sqlite_schema WHERE type = ?1 AND sql IS NOT NULL ORDER BY rowid",
    )?;
    let rows = statement.query_map([kind], |row| row.get(0))?;
    rows.collect()
}

/// A database file that is being filled. It is deleted on drop, unless it was kept.
#[derive(Debug)]
pub(in crate::master::storage) struct SqliteMove {
    /// `None` once all is written.
    connection: Option<Connection>,
    part: PathBuf,
    to: PathBuf,
}

impl SqliteMove {
    /// Refuses a place where a database, or something of one, is.
    ///
    /// # Errors
    /// A file is there: with its name, and what to do.
    pub fn refuse_existing(to: &Path) -> Result<(), MoveError> {
        let stands = |path: &Path| fs::symlink_metadata(path).is_ok();
        if stands(to) {
            let text = format!(
                "{}: this file exists, and nothing is written over it: name another, or move it away",
                to.display()
            );
            return Err(MoveError::Refused(text));
        }
        // SQLite would take an older log for this database's.
        for left in COMPANIONS.map(|end| beside(to, end)) {
            if stands(&left) {
                let text = format!(
                    "{}: this is left of another database: move it to where that is, or away",
                    left.display()
                );
                return Err(MoveError::Refused(text));
            }
        }
        Ok(())
    }

    /// Creates the file with tables and without rows, in the place of one that a move has left
    /// unfinished. The caller holds the lock of the database that it will be.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin(to: &Path) -> Result<SqliteMove, StorageError> {
        let part = beside(to, MOVING);
        delete_all(&part);
        create_file(&part, b"").map_err(|error| StorageError::Io(part.clone(), error))?;
        let mut moved = SqliteMove {
            connection: None,
            part,
            to: to.to_owned(),
        };
        let made = moved.make();
        made.map_err(|error| moved.failed(error))?;
        Ok(moved)
    }

    fn make(&mut self) -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.part, flags)?;
        connection.execute_batch(SETTINGS)?;
        for sql in declarations("table")? {
            connection.execute_batch(&sql)?;
        }
        self.connection = Some(connection);
        Ok(())
    }

    /// The file as it is called until it is kept.
    pub fn part(&self) -> &Path {
        &self.part
    }

    fn failed(&self, error: rusqlite::Error) -> StorageError {
        StorageError::from(error).at(&self.part)
    }

    fn open(&self) -> Result<&Connection, StorageError> {
        let closed = || StorageError::Other("the file is closed already".to_owned());
        self.connection.as_ref().ok_or_else(closed)
    }

    /// Writes all rows of a table.
    ///
    /// # Errors
    /// The source or the disk fails, or `step` returns an error.
    pub fn fill(
        &mut self,
        table: &MovedTable,
        rows: &mut Rows<'_>,
        step: &mut dyn FnMut(u64) -> Result<(), MoveError>,
    ) -> Result<u64, MoveError> {
        let connection = self.open()?;
        let failed = |error| MoveError::Storage(self.failed(error));
        let run = |sql: &str| connection.execute_batch(sql).map_err(failed);
        let places: Vec<String> = (1..=table.columns.len()).map(|n| format!("?{n}")).collect();
        let (name, columns) = (&table.name, table.columns.join(", "));
        let insert = format!(
            "INSERT INTO {name} ({columns}) VALUES ({})",
            places.join(", ")
        );
        let mut insert = connection.prepare(&insert).map_err(failed)?;
        let (mut count, mut told) = (0, 0);
        run("BEGIN")?;
        while let Some(row) = rows.next()? {
            for column in 0..table.columns.len() {
                let bound = Moved(row.value(column)?);
                let bind = insert.raw_bind_parameter(column + 1, bound);
                bind.map_err(failed)?;
            }
            insert.raw_execute().map_err(failed)?;
            count += 1;
            if count % TRANSACTION_ROWS == 0 {
                run("COMMIT; BEGIN")?;
            }
            if count - told == STEP_ROWS {
                told = count;
                step(STEP_ROWS)?;
            }
        }
        run("COMMIT")?;
        step(count - told)?;
        Ok(count)
    }

    /// Makes the indexes, writes the number of migrations, and closes the file on the disk.
    ///
    /// # Errors
    /// The disk fails, or `watch` returns an error.
    pub fn complete(&mut self, watch: &mut MoveWatch<'_>) -> Result<(), MoveError> {
        let indexes = declarations("index").map_err(StorageError::from)?;
        let total = u64::try_from(indexes.len()).unwrap_or_default();
        for (done, sql) in (0..).zip(&indexes) {
            watch(MoveStep::Indexes { done, total })?;
            self.open()?
                .execute_batch(sql)
                .map_err(|it| self.failed(it))?;
        }
        let version = format!("PRAGMA user_version = {}", MIGRATIONS.len());
        self.open()?
            .execute_batch(&version)
            .map_err(|it| self.failed(it))?;
        if let Some(connection) = self.connection.take() {
            let closed = connection.close();
            closed.map_err(|(_, error)| self.failed(error))?;
        }
        let synced = File::open(&self.part).and_then(|file| file.sync_all());
        synced.map_err(|error| StorageError::Io(self.part.clone(), error))?;
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// Another file has appeared there, or the disk fails.
    pub fn keep(self) -> Result<(), StorageError> {
        let io = |error| StorageError::Io(self.to.clone(), error);
        if fs::symlink_metadata(&self.to).is_ok() {
            let text = "the file has appeared meanwhile";
            return Err(io(io::Error::new(io::ErrorKind::AlreadyExists, text)));
        }
        fs::rename(&self.part, &self.to).map_err(io)?;
        sync_folder(&self.to).map_err(io)
    }
}

impl Drop for SqliteMove {
    fn drop(&mut self) {
        self.connection = None;
        // After it was kept there is nothing of this name.
        delete_all(&self.part);
    }
}

/// Deletes a file and what SQLite has put beside it; most of them are not there.
fn delete_all(part: &Path) {
    let _ = delete_file(part);
    for end in COMPANIONS {
        let _ = delete_file(&beside(part, end));
    }
}

/// A value as SQLite takes it.
struct Moved<'a>(Value<'a>);

impl rusqlite::ToSql for Moved<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
