//! spec/master/storage/engine.md · 3.1.2 Database Management
//!
//! What every engine does: prepares a statement, binds parameters to it, and reads its rows. The rest
//! of this folder writes SQL and names no engine.
//!
//! Tests: `src/master/storage/ledger/tests.rs`.

pub(super) mod packed;
pub(super) mod together;
pub(super) mod values;

pub(super) use together::{PendingRows, RowsSql};
pub(super) use values::{
    EngineResult, FromColumn, Param, Parameters, changed_rows, damaged, params, signed, unsigned,
};

use super::ahead::answers::ReadAhead;
use super::postgres::{PostgresRow, PostgresRows, PostgresStatement, Use};
use super::sqlite::statements::{SqliteRow, SqliteRows, SqliteStatement};
use super::{Snapshot, SqliteTransaction, StorageError};
use values::Value;

/// One text for each engine, where they must differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sql {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// A row that a statement has found.
pub(super) enum Row<'a> {
    Sqlite(SqliteRow<'a>),
    Postgres(PostgresRow<'a>),
}

impl Row<'_> {
    /// The value of a column, from 0 on, as it is stored.
    ///
    /// # Errors
    /// It has a value of no kind that a column may have, or there is no such column.
    pub fn value(&self, column: usize) -> EngineResult<Value<'_>> {
        match self {
            Row::Sqlite(row) => row.value(column),
            Row::Postgres(row) => row.value(column),
        }
    }

    /// Reads a column, from 0 on.
    ///
    /// # Errors
    /// It has a value of another kind, or there is no such column.
    pub fn get<T: FromColumn>(&self, column: usize) -> EngineResult<T> {
        let value = self.value(column)?;
        T::from_column(value).ok_or_else(|| {
            let (has, expected) = (value.kind(), T::EXPECTED);
            StorageError::Corrupt(format!("column {column} has {has}, and not {expected}"))
        })
    }
}

/// The rows that a statement finds, one after the other.
pub(super) enum Rows<'a> {
    Sqlite(SqliteRows<'a>),
    Postgres(PostgresRows<'a>),
}

impl Rows<'_> {
    /// The next row; `None` after the last one.
    ///
    /// # Errors
    /// The database fails.
    pub fn next(&mut self) -> EngineResult<Option<Row<'_>>> {
        match self {
            Rows::Sqlite(rows) => Ok(rows.next()?.map(Row::Sqlite)),
            Rows::Postgres(rows) => Ok(rows.next()?.map(Row::Postgres)),
        }
    }
}

/// What is read from the rows that a statement finds.
pub(super) struct MappedRows<'a, F> {
    rows: Rows<'a>,
    read: F,
}

impl<T, F: FnMut(&Row<'_>) -> EngineResult<T>> Iterator for MappedRows<'_, F> {
    type Item = EngineResult<T>;

    fn next(&mut self) -> Option<EngineResult<T>> {
        let row = self.rows.next().transpose()?;
        Some(row.and_then(|row| (self.read)(&row)))
    }
}

/// A prepared statement.
pub(super) enum Statement<'a> {
    Sqlite(SqliteStatement<'a>),
    Postgres(PostgresStatement<'a>),
}

impl Statement<'_> {
    /// Executes a statement that returns no rows. Returns the number of rows that it changed.
    ///
    /// # Errors
    /// The database fails.
    pub fn execute(&mut self, values: impl Parameters) -> EngineResult<usize> {
        match self {
            Statement::Sqlite(statement) => statement.execute(&values),
            Statement::Postgres(statement) => statement.execute(&values),
        }
    }

    /// Executes a statement, whose rows are read one after the other.
    ///
    /// # Errors
    /// The database fails.
    pub fn query(&mut self, values: impl Parameters) -> EngineResult<Rows<'_>> {
        match self {
            Statement::Sqlite(statement) => Ok(Rows::Sqlite(statement.query(&values)?)),
            Statement::Postgres(statement) => Ok(Rows::Postgres(statement.query(&values)?)),
        }
    }

    /// Executes a statement, and reads each of its rows.
    ///
    /// # Errors
    /// The database fails.
    pub fn query_map<T, F: FnMut(&Row<'_>) -> EngineResult<T>>(
        &mut self,
        values: impl Parameters,
        read: F,
    ) -> EngineResult<MappedRows<'_, F>> {
        let rows = self.query(values)?;
        Ok(MappedRows { rows, read })
    }

    /// Executes a statement, and reads its first row; `None` if it finds none.
    ///
    /// # Errors
    /// The database fails.
    pub fn query_optional<T>(
        &mut self,
        values: impl Parameters,
        read: impl FnOnce(&Row<'_>) -> EngineResult<T>,
    ) -> EngineResult<Option<T>> {
        let mut rows = self.query(values)?;
        rows.next()?.map(|row| read(&row)).transpose()
    }

    /// Executes a statement that finds a row, and reads it.
    ///
    /// # Errors
    /// It finds none, or the database fails.
    pub fn query_row<T>(
        &mut self,
        values: impl Parameters,
        read: impl FnOnce(&Row<'_>) -> EngineResult<T>,
    ) -> EngineResult<T> {
        let found = self.query_optional(values, read)?;
        found.ok_or_else(|| damaged("a row is not there"))
    }

    /// Whether a statement finds a row.
    ///
    /// # Errors
    /// The database fails.
    pub fn exists(&mut self, values: impl Parameters) -> EngineResult<bool> {
        Ok(self.query(values)?.next()?.is_some())
    }
}

impl Snapshot<'_> {
    /// Where rows wait to be written together; `None` where they are written one by one.
    fn pending(&self) -> Option<&PendingRows> {
        match self {
            Snapshot::Sqlite(_) => None,
            Snapshot::Postgres(postgres) => Some(&postgres.pending),
        }
    }

    /// Where answers are that were read ahead; `None` where rows are read one by one.
    pub(super) fn ahead(&self) -> Option<&ReadAhead> {
        match self {
            Snapshot::Sqlite(_) => None,
            Snapshot::Postgres(postgres) => Some(&postgres.ahead),
        }
    }

    /// Whether an engine takes arrays, so that many rows are one statement.
    pub(super) fn takes_arrays(&self) -> bool {
        self.pending().is_some()
    }

    /// Writes the rows that wait.
    ///
    /// # Errors
    /// A row that must be there is not, or the database fails.
    pub(super) fn write_pending(&self) -> EngineResult<()> {
        match self {
            Snapshot::Sqlite(_) => Ok(()),
            Snapshot::Postgres(postgres) => postgres.write_pending(),
        }
    }

    /// The text for this engine.
    pub(super) fn either(&self, sql: Sql) -> &'static str {
        match self {
            Snapshot::Sqlite(_) => sql.sqlite,
            Snapshot::Postgres(_) => sql.postgres,
        }
    }

    /// Prepares a statement, and keeps it for the next one of the same text.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn prepare_cached(&self, sql: &str) -> EngineResult<Statement<'_>> {
        match self {
            Snapshot::Sqlite(SqliteTransaction(sqlite)) => {
                SqliteStatement::kept(sqlite, sql).map(Statement::Sqlite)
            }
            Snapshot::Postgres(transaction) => {
                let statement = PostgresStatement::new(transaction, sql, Use::Often);
                Ok(Statement::Postgres(statement))
            }
        }
    }

    /// Prepares a statement that is rarely used.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn prepare(&self, sql: &str) -> EngineResult<Statement<'_>> {
        match self {
            Snapshot::Sqlite(SqliteTransaction(sqlite)) => {
                SqliteStatement::once(sqlite, sql).map(Statement::Sqlite)
            }
            Snapshot::Postgres(transaction) => {
                let statement = PostgresStatement::new(transaction, sql, Use::Once);
                Ok(Statement::Postgres(statement))
            }
        }
    }

    /// Prepares a statement that may find millions of rows, for [`Statement::query`]: no engine has
    /// them in memory at once.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn scan(&self, sql: &str) -> EngineResult<Statement<'_>> {
        match self {
            Snapshot::Sqlite(_) => self.prepare(sql),
            Snapshot::Postgres(transaction) => {
                let statement = PostgresStatement::new(transaction, sql, Use::Scan);
                Ok(Statement::Postgres(statement))
            }
        }
    }

    /// As [`Snapshot::scan`], for what is asked often, mostly finds few rows and may find millions. Its
    /// text ends with an order in which no two rows are the same.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn scan_often(&self, sql: &str) -> EngineResult<Statement<'_>> {
        match self {
            Snapshot::Sqlite(_) => self.prepare_cached(sql),
            Snapshot::Postgres(transaction) => {
                let statement = PostgresStatement::new(transaction, sql, Use::OftenScan);
                Ok(Statement::Postgres(statement))
            }
        }
    }

    /// Executes a statement that is rarely used. Returns the number of rows that it changed.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn execute(&self, sql: &str, values: impl Parameters) -> EngineResult<usize> {
        self.prepare(sql)?.execute(values)
    }

    /// Executes statements without parameters and rows.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn execute_batch(&self, sql: &str) -> EngineResult<()> {
        match self {
            Snapshot::Sqlite(SqliteTransaction(sqlite)) => Ok(sqlite.execute_batch(sql)?),
            Snapshot::Postgres(transaction) => transaction.batch(sql),
        }
    }

    /// Executes a statement that is rarely used and finds a row, and reads it.
    ///
    /// # Errors
    /// It finds none, or the database fails.
    pub(super) fn query_row<T>(
        &self,
        sql: &str,
        values: impl Parameters,
        read: impl FnOnce(&Row<'_>) -> EngineResult<T>,
    ) -> EngineResult<T> {
        self.prepare(sql)?.query_row(values, read)
    }

    /// Executes a statement that is rarely used, and reads its first row; `None` if it finds none.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn query_optional<T>(
        &self,
        sql: &str,
        values: impl Parameters,
        read: impl FnOnce(&Row<'_>) -> EngineResult<T>,
    ) -> EngineResult<Option<T>> {
        self.prepare(sql)?.query_optional(values, read)
    }
}
