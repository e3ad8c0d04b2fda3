//! spec/master/storage/sqlite.md · 3.1.2 Database Management
//!
//! Statements, parameters and rows as SQLite has them.
//!
//! Tests: `src/master/storage/ledger/tests.rs`.

use crate::master::storage::StorageError;
use crate::master::storage::engine::values::{EngineResult, Param, Parameters, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row, Rows, Statement, ToSql};

/// A row of SQLite.
pub(in crate::master::storage) struct SqliteRow<'a>(&'a Row<'a>);

impl SqliteRow<'_> {
    /// The value of a column, from 0 on.
    pub fn value(&self, column: usize) -> EngineResult<Value<'_>> {
        match self.0.get_ref(column)? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(number) => Ok(Value::Integer(number)),
            ValueRef::Text(text) => match str::from_utf8(text) {
                Ok(text) => Ok(Value::Text(text)),
                Err(_) => Err(StorageError::Corrupt(format!(
                    "column {column} has a text that is no UTF-8"
                ))),
            },
            ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes)),
            ValueRef::Real(_) => Err(StorageError::Corrupt(format!(
                "column {column} has a fraction, which no column may have"
            ))),
        }
    }
}

/// The rows of a statement of SQLite.
pub(in crate::master::storage) struct SqliteRows<'a>(Rows<'a>);

impl SqliteRows<'_> {
    /// The next row; `None` after the last one.
    pub fn next(&mut self) -> EngineResult<Option<SqliteRow<'_>>> {
        Ok(self.0.next()?.map(SqliteRow))
    }
}

/// A prepared statement of SQLite.
pub(in crate::master::storage) enum SqliteStatement<'a> {
    /// It goes back to the connection's cache.
    Kept(CachedStatement<'a>),
    /// It goes when it was used.
    Once(Statement<'a>),
}

impl<'c> SqliteStatement<'c> {
    /// Takes a statement from the connection's cache, or prepares it for there.
    pub fn kept(sqlite: &'c Connection, sql: &str) -> EngineResult<SqliteStatement<'c>> {
        Ok(SqliteStatement::Kept(sqlite.prepare_cached(sql)?))
    }

    /// Prepares a statement.
    pub fn once(sqlite: &'c Connection, sql: &str) -> EngineResult<SqliteStatement<'c>> {
        Ok(SqliteStatement::Once(sqlite.prepare(sql)?))
    }

    /// Executes it. Returns the number of rows that it changed.
    pub fn execute(&mut self, values: &dyn Parameters) -> EngineResult<usize> {
        Ok(self.bound(values)?.raw_execute()?)
    }

    /// Executes it, for its rows.
    pub fn query(&mut self, values: &dyn Parameters) -> EngineResult<SqliteRows<'_>> {
        Ok(SqliteRows(self.bound(values)?.raw_query()))
    }

    fn bound(&mut self, values: &dyn Parameters) -> EngineResult<&mut Statement<'c>> {
        let statement = match self {
            SqliteStatement::Kept(statement) => &mut **statement,
            SqliteStatement::Once(statement) => statement,
        };
        let mut bound = 0;
        values.each(&mut |value| {
            bound += 1;
            Ok(statement.raw_bind_parameter(bound, Bound(value))?)
        })?;
        let needed = statement.parameter_count();
        if bound != needed {
            let text = format!("{bound} parameters for a statement with {needed}");
            return Err(StorageError::Other(text));
        }
        Ok(statement)
    }
}

/// A parameter as SQLite takes it.
struct Bound<'a>(Param<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Param::Null => ValueRef::Null,
            Param::Integer(number) => ValueRef::Integer(number),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Bytes(bytes) => ValueRef::Blob(bytes),
            Param::List(_) | Param::Packed(_) => {
                let text = "SQLite takes no array";
                return Err(rusqlite::Error::ToSqlConversionFailure(text.into()));
            }
        }))
    }
}
