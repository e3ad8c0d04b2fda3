//! spec/master/storage/sqlite.md · 3.1.2 Database Management
//!
//! What SQLite says of its file: its size, and its own check.
//!
//! Tests: `src/master/verify/tests.rs`.

use crate::master::storage::engine::values::unsigned;
use crate::master::storage::{SqliteTransaction, StorageError};
use std::path::Path;

/// Messages of SQLite's own check that are passed on.
const INTEGRITY_ERRORS_MAX: usize = 100;

impl SqliteTransaction<'_> {
    /// The database's file; `None` where it is in memory.
    pub(in crate::master::storage) fn file(&self) -> Option<&Path> {
        self.0.path().filter(|path| !path.is_empty()).map(Path::new)
    }

    /// See [`Snapshot::database_bytes`](crate::master::storage::Snapshot::database_bytes).
    pub(in crate::master::storage) fn database_bytes(&self) -> Result<u64, StorageError> {
        let (pages, size) = (self.number("page_count")?, self.number("page_size")?);
        Ok(pages.saturating_mul(size))
    }

    /// See [`Snapshot::migrations_had`](crate::master::storage::Snapshot::migrations_had).
    pub(in crate::master::storage) fn migrations_had(&self) -> Result<u64, StorageError> {
        self.number("user_version")
    }

    fn number(&self, pragma: &str) -> Result<u64, StorageError> {
        let read = |row: &rusqlite::Row<'_>| row.get(0).map(unsigned);
        Ok(self.0.pragma_query_value(None, pragma, read)?)
    }

    /// See [`Snapshot::integrity_errors`](crate::master::storage::Snapshot::integrity_errors).
    pub(in crate::master::storage) fn integrity_errors(
        &self,
        mut each: impl FnMut(String),
    ) -> Result<(), StorageError> {
        let sql = format!("PRAGMA integrity_check({INTEGRITY_ERRORS_MAX})");
        let mut statement = self.0.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let said: String = row.get(0)?;
            if said != "ok" {
                each(format!("SQLite: {said}"));
            }
        }
        Ok(())
    }

    /// See [`Snapshot::dangling_rows`](crate::master::storage::Snapshot::dangling_rows).
    pub(in crate::master::storage) fn dangling_rows(
        &self,
        mut each: impl FnMut(String),
    ) -> Result<(), StorageError> {
        let mut statement = self.0.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (table, number, parent): (String, Option<i64>, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let number = number.map_or_else(String::new, |number| format!(" {number}"));
            each(format!(
                "{table}: row{number} names a row of {parent} that is not there"
            ));
        }
        Ok(())
    }
}
