//! spec/master/storage/engine.md · 3.1.2 Database Management
//!
//! Rows that a database transaction writes one by one, and an engine across a network gets together:
//! one message with an array for each column, before the next read and before the commit.

use super::packed::PackedColumn;
use super::{EngineResult, Param, Parameters, Statement, changed_rows, damaged};
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
        let Some(pending) = self.pending() else {
            return Ok(());
        };
        let key = key_of(sql, values)?;
        if !pending.has_room_for(sql, &key) {
            self.write_pending()?;
        }
        pending.add(sql, key, values)
    }
}

fn pack(column: &mut PackedColumn, value: Param<'_>) -> EngineResult<()> {
    let is_added = match value {
        Param::Null => {
            column.add_null();
            true
        }
        Param::Integer(number) => column.add_integer(number),
        Param::Text(text) => column.add_text(text),
        Param::Bytes(bytes) => column.add_bytes(bytes),
        Param::List(_) | Param::Packed(_) => false,
    };
    if is_added {
        Ok(())
    } else {
        Err(damaged("a column has values of two kinds, or an array"))
    }
}

/// The values that name a row, one behind the other.
fn key_of(sql: &RowsSql, values: &dyn Parameters) -> EngineResult<Vec<u8>> {
    let mut key = PackedColumn::default();
    let mut bytes = Vec::new();
    let mut left = sql.key;
    values.each(&mut |value| {
        if left > 0 {
            left -= 1;
            key = PackedColumn::default();
            pack(&mut key, value)?;
            bytes.extend_from_slice(key.bytes());
        }
        Ok(())
    })?;
    Ok(bytes)
}

/// The rows of a database transaction that wait.
#[derive(Debug, Default)]
pub(in crate::master::storage) struct PendingRows {
    inner: RefCell<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    /// In the order in which the statements came first: a row may refer to one before it.
    statements: Vec<WaitingRows>,
    /// Table and key of each row: no two statements that wait write the same row.
    keys: HashSet<(&'static str, Vec<u8>)>,
}

/// The rows of one statement.
#[derive(Debug)]
struct WaitingRows {
    sql: &'static RowsSql,
    rows: usize,
    /// One for each parameter.
    columns: Vec<PackedColumn>,
}

impl WaitingRows {
    fn add(&mut self, values: &dyn Parameters) -> EngineResult<()> {
        let mut at = 0;
        values.each(&mut |value| {
            if self.columns.len() == at {
                self.columns.push(PackedColumn::default());
            }
            at += 1;
            match self.columns.get_mut(at - 1) {
                Some(column) => pack(column, value),
                None => Ok(()),
            }
        })?;
        self.rows += 1;
        Ok(())
    }
}

/// Rows that go in one message: a statement for each kind.
pub(in crate::master::storage) struct Batch {
    parts: Vec<WaitingRows>,
}

impl Batch {
    /// Whether a statement may go with these: all of one message see the rows as they were before it, and
    /// none may write a row that another one writes. Keys of one length name different rows.
    fn takes(&self, sql: &RowsSql) -> bool {
        let mut same = self.parts.iter().filter(|it| it.sql.table == sql.table);
        same.all(|it| it.sql.key == sql.key)
    }

    /// The statements as one, which finds a row with the number of rows that each has changed.
    fn text(&self) -> String {
        let mut statements = Vec::new();
        let mut counts = Vec::new();
        let mut before = 0;
        for (at, part) in self.parts.iter().enumerate() {
            let text = renumbered(part.sql.all, before);
            statements.push(format!("part_{at} AS ({text} RETURNING 1)"));
            counts.push(format!("(SELECT count(*) FROM part_{at})"));
            before += part.columns.len();
        }
        format!(
            "WITH {} SELECT {}",
            statements.join(", "),
            counts.join(", ")
        )
    }

    /// Executes it by `run`, which gets the text and an array for each parameter, and returns the
    /// numbers of rows that were changed.
    ///
    /// # Errors
    /// A row that must be there is not, or `run` fails.
    pub fn run(
        &self,
        run: impl FnOnce(&str, &[Param<'_>]) -> EngineResult<Vec<usize>>,
    ) -> EngineResult<()> {
        let columns = self.parts.iter().flat_map(|part| &part.columns);
        let arrays: Vec<Param<'_>> = columns.map(Param::Packed).collect();
        let changed = run(&self.text(), &arrays)?;
        for (at, part) in self.parts.iter().enumerate() {
            let changed = changed.get(at).copied().unwrap_or_default();
            if part.sql.changes_each && changed != part.rows {
                let (table, rows) = (part.sql.table, part.rows);
                return Err(StorageError::Other(format!(
                    "a statement changed {changed} rows of {table}, and must change {rows}"
                )));
            }
        }
        Ok(())
    }
}

/// A statement whose parameters stand behind `before` others.
fn renumbered(sql: &str, before: usize) -> String {
    let mut pieces = sql.split('?');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = piece.split_at(digits);
        let number = number.parse().unwrap_or(0) + before;
        text.push_str(&format!("?{number}{rest}"));
    }
    text
}

impl PendingRows {
    /// Whether a row with this key can be added. If not, what waits is to be written first.
    fn has_room_for(&self, sql: &'static RowsSql, key: &[u8]) -> bool {
        let inner = self.inner.borrow();
        let of_it = inner.statements.iter().find(|it| std::ptr::eq(it.sql, sql));
        of_it.is_none_or(|it| it.rows < ROWS_MAX)
            && !inner.keys.contains(&(sql.table, key.to_vec()))
    }

    fn add(
        &self,
        sql: &'static RowsSql,
        key: Vec<u8>,
        values: &dyn Parameters,
    ) -> EngineResult<()> {
        let mut inner = self.inner.borrow_mut();
        inner.keys.insert((sql.table, key));
        let mut statements = inner.statements.iter_mut();
        if let Some(rows) = statements.find(|it| std::ptr::eq(it.sql, sql)) {
            return rows.add(values);
        }
        let mut first = WaitingRows {
            sql,
            rows: 0,
            columns: Vec::new(),
        };
        first.add(values)?;
        inner.statements.push(first);
        Ok(())
    }

    /// Takes what waits, in the order in which it is to be written.
    pub fn take(&self) -> Vec<Batch> {
        let pending = std::mem::take(&mut *self.inner.borrow_mut());
        let mut batches: Vec<Batch> = Vec::new();
        for part in pending.statements {
            match batches.last_mut() {
                Some(batch) if batch.takes(part.sql) => batch.parts.push(part),
                _ => batches.push(Batch { parts: vec![part] }),
            }
        }
        batches
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
        all: "insert ?1 ?2 ?3",
        changes_each: false,
    };
    static CHANGE: RowsSql = RowsSql {
        table: "t",
        key: 1,
        one: "",
        all: "change ?1 ?3",
        changes_each: true,
    };
    static DELETE: RowsSql = RowsSql {
        table: "t",
        key: 2,
        one: "",
        all: "delete ?1",
        changes_each: false,
    };

    fn add(pending: &PendingRows, sql: &'static RowsSql, key: i64) {
        let row = params![key, "text", None::<i64>];
        let key = key_of(sql, &row).unwrap();
        pending.add(sql, key, &row).unwrap();
    }

    fn has_room(pending: &PendingRows, sql: &'static RowsSql, key: i64) -> bool {
        let key = key_of(sql, &params![key, "text"]).unwrap();
        pending.has_room_for(sql, &key)
    }

    fn keys(arrays: &[Param<'_>]) -> Vec<Vec<u8>> {
        let firsts = arrays.iter().step_by(3).map(|array| match array {
            Param::Packed(column) => column.bytes().chunks(12).map(|it| it[11]).collect(),
            other => panic!("{other:?}"),
        });
        firsts.collect()
    }

    #[test]
    fn rows_go_by_statement_in_arrays_and_no_row_twice() {
        let pending = PendingRows::default();
        for key in [1, 2] {
            assert!(has_room(&pending, &INSERT, key));
            add(&pending, &INSERT, key);
        }
        assert!(!has_room(&pending, &INSERT, 2));
        assert!(!has_room(&pending, &CHANGE, 2), "inserted first");
        add(&pending, &CHANGE, 3);
        add(&pending, &INSERT, 4);
        // What this deletes may be what those write: it comes behind them.
        add(&pending, &DELETE, 5);
        let mut seen = Vec::new();
        for batch in pending.take() {
            let run = |sql: &str, arrays: &[Param<'_>]| {
                seen.push(format!("{sql} {:?}", keys(arrays)));
                Ok(vec![3, 1])
            };
            batch.run(run).unwrap();
        }
        assert_eq!(
            seen,
            [
                "WITH part_0 AS (insert ?1 ?2 ?3 RETURNING 1), part_1 AS (change ?4 ?6 RETURNING 1) \
                 SELECT (SELECT count(*) FROM part_0), (SELECT count(*) FROM part_1) [[1, 2, 4], [3]]",
                "WITH part_0 AS (delete ?1 RETURNING 1) SELECT (SELECT count(*) FROM part_0) [[5]]",
            ]
        );
        assert!(pending.take().is_empty());
        assert!(has_room(&pending, &CHANGE, 2));
    }

    #[test]
    fn a_row_that_must_be_there_is_missed() {
        let pending = PendingRows::default();
        add(&pending, &INSERT, 2);
        add(&pending, &CHANGE, 1);
        let batch = pending.take().pop().unwrap();
        assert!(batch.run(|_, _| Ok(vec![1, 0])).is_err());
        assert!(batch.run(|_, _| Ok(vec![])).is_err());
        assert!(batch.run(|_, _| Ok(vec![0, 1])).is_ok());
    }

    #[test]
    fn a_statement_has_a_bound() {
        let pending = PendingRows::default();
        for key in 0..ROWS_MAX {
            add(&pending, &INSERT, i64::try_from(key).unwrap());
        }
        assert!(!has_room(&pending, &INSERT, -1));
        assert!(has_room(&pending, &CHANGE, -1));
    }
}
