//! spec/master/storage/engine.md · 3.1.2 Database Management
//!
//! Rows that a database transaction writes one by one, and an engine across a network gets together:
//! one statement with an array for each column, before the next read and before the commit.

use super::{EngineResult, Param, Parameters, Statement, changed_rows};
use crate::master::storage::{Snapshot, StorageError};
use std::cell::RefCell;
use std::collections::HashSet;

/// Rows of one statement that wait at most.
const ROWS_MAX: usize = 65_536;

/// A statement that is executed for each of many rows.
#[derive(Debug)]
pub(in crate::master::storage) struct RowsSql {
    /// The table that it writes.
    pub table: &'static str,
    /// How many of its first parameters name the row that it writes.
    pub key: usize,
    /// For one row.
    pub one: &'static str,
    /// For all rows at once: each parameter is an array.
    pub all: &'static str,
    /// Whether each row must be there. The other statements insert, or change what is there.
    pub changes_each: bool,
}

/// Writes the rows of a statement.
pub(in crate::master::storage) struct RowWriter<'a> {
    database: &'a Snapshot<'a>,
    sql: &'static RowsSql,
    /// Of an engine that gets them one by one.
    statement: Option<Statement<'a>>,
}

impl RowWriter<'_> {
    /// Writes a row, now or with those that follow.
    ///
    /// # Errors
    /// It must be there and is not; or the database fails, or does with rows before this one.
    pub fn put(&mut self, values: impl Parameters) -> EngineResult<()> {
        let Some(statement) = &mut self.statement else {
            return self.database.put_later(self.sql, &values);
        };
        match statement.execute(values)? {
            changed if changed != 1 && self.sql.changes_each => Err(changed_rows(changed)),
            _ => Ok(()),
        }
    }
}

impl Snapshot<'_> {
    /// Begins to write rows of a statement.
    ///
    /// # Errors
    /// The database fails.
    pub(in crate::master::storage) fn writer(
        &self,
        sql: &'static RowsSql,
    ) -> EngineResult<RowWriter<'_>> {
        let statement = match self.pending() {
            Some(_) => None,
            None => Some(self.prepare_cached(sql.one)?),
        };
        Ok(RowWriter {
            database: self,
            sql,
            statement,
        })
    }

    /// Writes one row, now or with those that follow.
    ///
    /// # Errors
    /// As [`RowWriter::put`].
    pub(in crate::master::storage) fn put(
        &self,
        sql: &'static RowsSql,
        values: impl Parameters,
    ) -> EngineResult<()> {
        self.writer(sql)?.put(values)
    }

    fn put_later(&self, sql: &'static RowsSql, values: &dyn Parameters) -> EngineResult<()> {
        let row = Waiting::of(values)?;
        if let Some(pending) = self.pending() {
            if !pending.has_room_for(sql, &row) {
                self.write_pending()?;
            }
            pending.add(sql, row);
        }
        Ok(())
    }
}

/// A value that waits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Waiting {
    Null,
    Integer(i64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
}

impl Waiting {
    /// The values of a row.
    fn of(values: &dyn Parameters) -> EngineResult<Vec<Waiting>> {
        let mut row = Vec::new();
        values.each(&mut |value| {
            row.push(match value {
                Param::Null => Waiting::Null,
                Param::Integer(number) => Waiting::Integer(number),
                Param::Text(text) => Waiting::Text(text.into()),
                Param::Bytes(bytes) => Waiting::Bytes(bytes.into()),
                Param::List(_) => {
                    let text = "an array is no value of a row";
                    return Err(StorageError::Other(text.to_owned()));
                }
            });
            Ok(())
        })?;
        Ok(row)
    }

    fn param(&self) -> Param<'_> {
        match self {
            Waiting::Null => Param::Null,
            Waiting::Integer(number) => Param::Integer(*number),
            Waiting::Text(text) => Param::Text(text),
            Waiting::Bytes(bytes) => Param::Bytes(bytes),
        }
    }
}

/// The rows of a database transaction that wait.
#[derive(Debug, Default)]
pub(in crate::master::storage) struct PendingRows {
    inner: RefCell<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    /// In the order in which the statements came first: a row may refer to one before it.
    statements: Vec<(&'static RowsSql, Vec<Vec<Waiting>>)>,
    /// Table and key of each row: no two statements that wait write the same row.
    keys: HashSet<(&'static str, Vec<Waiting>)>,
}

/// A statement with arrays, and how many rows it must change; `None`: any number.
pub(in crate::master::storage) struct Batch {
    sql: &'static RowsSql,
    rows: Vec<Vec<Waiting>>,
}

impl Batch {
    /// Executes it by `run`, which gets the text and an array for each parameter, and returns the
    /// number of rows that were changed.
    ///
    /// # Errors
    /// A row that must be there is not, or `run` fails.
    pub fn run(
        &self,
        run: impl FnOnce(&str, &[Vec<Param<'_>>]) -> EngineResult<usize>,
    ) -> EngineResult<()> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let mut arrays: Vec<Vec<Param<'_>>> = vec![Vec::with_capacity(self.rows.len()); columns];
        for row in &self.rows {
            for (array, value) in arrays.iter_mut().zip(row) {
                array.push(value.param());
            }
        }
        let changed = run(self.sql.all, &arrays)?;
        if self.sql.changes_each && changed != self.rows.len() {
            let (table, rows) = (self.sql.table, self.rows.len());
            return Err(StorageError::Other(format!(
                "a statement changed {changed} rows of {table}, and must change {rows}"
            )));
        }
        Ok(())
    }
}

impl PendingRows {
    /// Whether a row can be added. If not, what waits is to be written first.
    fn has_room_for(&self, sql: &'static RowsSql, row: &[Waiting]) -> bool {
        let inner = self.inner.borrow();
        let key = (sql.table, row.get(..sql.key).unwrap_or(row).to_vec());
        let is_full = inner
            .statements
            .iter()
            .any(|(it, rows)| std::ptr::eq(*it, sql) && rows.len() >= ROWS_MAX);
        !is_full && !inner.keys.contains(&key)
    }

    fn add(&self, sql: &'static RowsSql, row: Vec<Waiting>) {
        let mut inner = self.inner.borrow_mut();
        let key = row.get(..sql.key).unwrap_or(&row).to_vec();
        inner.keys.insert((sql.table, key));
        match inner
            .statements
            .iter_mut()
            .find(|(it, _)| std::ptr::eq(*it, sql))
        {
            Some((_, rows)) => rows.push(row),
            None => inner.statements.push((sql, vec![row])),
        }
    }

    /// Takes what waits, in the order in which it is to be written.
    pub fn take(&self) -> Vec<Batch> {
        let pending = std::mem::take(&mut *self.inner.borrow_mut());
        let batches = pending.statements.into_iter();
        batches.map(|(sql, rows)| Batch { sql, rows }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::engine::params;

    static INSERT: RowsSql = RowsSql {
        table: "t",
        key: 1,
        one: "",
        all: "insert",
        changes_each: false,
    };
    static CHANGE: RowsSql = RowsSql {
        table: "t",
        key: 1,
        one: "",
        all: "change",
        changes_each: true,
    };

    fn row(key: i64) -> Vec<Waiting> {
        Waiting::of(&params![key, "text", None::<i64>]).unwrap()
    }

    #[test]
    fn rows_go_by_statement_in_arrays_and_no_row_twice() {
        let pending = PendingRows::default();
        for key in [1, 2] {
            assert!(pending.has_room_for(&INSERT, &row(key)));
            pending.add(&INSERT, row(key));
        }
        assert!(!pending.has_room_for(&INSERT, &row(2)));
        assert!(!pending.has_room_for(&CHANGE, &row(2)), "inserted first");
        pending.add(&CHANGE, row(3));
        pending.add(&INSERT, row(4));
        let mut seen = Vec::new();
        for batch in pending.take() {
            let run = |sql: &str, arrays: &[Vec<Param<'_>>]| {
                assert_eq!(arrays.len(), 3);
                seen.push(format!("{sql} {:?}", arrays[0]));
                Ok(arrays[1].len())
            };
            batch.run(run).unwrap();
        }
        assert_eq!(
            seen,
            [
                "insert [Integer(1), Integer(2), Integer(4)]",
                "change [Integer(3)]"
            ]
        );
        assert!(pending.take().is_empty());
        assert!(pending.has_room_for(&CHANGE, &row(2)));
    }

    #[test]
    fn a_row_that_must_be_there_is_missed() {
        let pending = PendingRows::default();
        pending.add(&CHANGE, row(1));
        let batch = pending.take().pop().unwrap();
        assert!(batch.run(|_, _| Ok(0)).is_err());
        assert!(batch.run(|_, _| Ok(1)).is_ok());
    }

    #[test]
    fn a_statement_has_a_bound() {
        let pending = PendingRows::default();
        for key in 0..ROWS_MAX {
            pending.add(&INSERT, row(i64::try_from(key).unwrap()));
        }
        assert!(!pending.has_room_for(&INSERT, &row(-1)));
        assert!(pending.has_room_for(&CHANGE, &row(-1)));
    }
}
