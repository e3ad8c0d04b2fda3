//! spec/master/storage/moving.md · 3.1.2 Database Management
//!
//! Moves all rows of a database that no master uses into a new one of another engine. The source is
//! only read. The target is whole, or it is not there.
//!
//! Tests: `src/master/storage/moving/tests.rs`.

pub(super) mod tables;
#[cfg(test)]
mod tests;
pub(super) mod types;

pub use self::types::{MoveError, MoveStep, MoveWatch};

use self::tables::moved_tables;
use self::types::MovedTable;
use super::engine::{Rows, params, unsigned};
use super::postgres::moving::PostgresMove;
use super::sqlite::moving::SqliteMove;
use super::{Reader, Snapshot, Storage, StorageError, StorageLock, VersionMismatch, postgres};
use crate::config::DatabaseUrl;

/// Checks the target once it has all rows; an error leaves nothing of it.
pub type TargetCheck<'a> = dyn FnMut(&mut Snapshot<'_>) -> Result<(), MoveError> + 'a;

/// A database that is to be moved. No master can start on it meanwhile.
#[derive(Debug)]
pub struct MoveSource {
    reader: Reader,
    held: StorageLock,
}

/// What has been moved: each table with the number of its rows.
pub type MovedRows = Vec<(String, u64)>;

/// Where rows go to.
trait MoveTarget {
    /// Writes all rows of a table, and calls `step` with the number of rows since the last call. Returns
    /// how many it has written.
    fn fill(
        &mut self,
        table: &MovedTable,
        rows: &mut Rows<'_>,
        step: &mut dyn FnMut(u64) -> Result<(), MoveError>,
    ) -> Result<u64, MoveError>;

    /// Makes what is made after the rows: indexes and references.
    fn complete(
        &mut self,
        tables: &[MovedTable],
        watch: &mut MoveWatch<'_>,
    ) -> Result<(), MoveError>;

    /// Lets somebody check what has been written.
    fn check(&mut self, check: &mut TargetCheck<'_>) -> Result<(), MoveError>;

    /// Brings what has been written into force.
    fn keep(self) -> Result<(), MoveError>;
}

impl MoveSource {
    /// Opens a database, and keeps masters out.
    ///
    /// # Errors
    /// There is none of this version, or a master uses it.
    pub fn open(url: &DatabaseUrl) -> Result<MoveSource, MoveError> {
        let shown = url.shown();
        if url.file().is_some_and(|file| !file.is_file()) {
            let text = format!("{shown}: there is no such file, and FROM is the one with the data");
            return Err(MoveError::Refused(text));
        }
        // Nothing is left beside a file: the way back would find a log there.
        let open = || {
            Reader::open_to_look(url).map_err(|error| match error {
                StorageError::OtherVersion(mismatch) => other_version(&shown, &mismatch),
                error => error.into(),
            })
        };
        // Before the lock, which leaves a file: what is there may be anything.
        open()?;
        if let DatabaseUrl::Postgres(url) = url {
            postgres::migrations::refuse_replica(url)?;
        }
        let held = Storage::lock(url)?;
        Ok(MoveSource {
            // Behind the lock: until then a master may have written.
            reader: open()?,
            held,
        })
    }

    /// Writes all rows into a database that is not there yet, or has nothing on a server; lets `check`
    /// look at it; and only then brings it into force. A kill at any moment leaves all of it or nothing,
    /// beside what the next move to the same target takes away.
    ///
    /// # Errors
    /// The target is there, a database fails, `check` or `watch` returns an error: the target has
    /// nothing.
    pub fn move_to(
        &mut self,
        target: &DatabaseUrl,
        watch: &mut MoveWatch<'_>,
        check: &mut TargetCheck<'_>,
    ) -> Result<MovedRows, MoveError> {
        match target {
            DatabaseUrl::Sqlite(file) => {
                SqliteMove::refuse_existing(file)?;
                let _held = Storage::lock(target)?;
                self.write(SqliteMove::begin(file)?, watch, check)
            }
            DatabaseUrl::Postgres(url) => {
                postgres::migrations::refuse_replica(url)?;
                let _held = Storage::lock(target)?;
                let mut connection = PostgresMove::connect(url)?;
                let moved = PostgresMove::begin(&mut connection, url)?;
                self.write(moved, watch, check)
            }
        }
    }

    fn write(
        &mut self,
        mut target: impl MoveTarget,
        watch: &mut MoveWatch<'_>,
        check: &mut TargetCheck<'_>,
    ) -> Result<MovedRows, MoveError> {
        let tables = moved_tables()?;
        // To its end nobody else begins to write.
        let mut source = self.reader.snapshot()?;
        if let Snapshot::Postgres(transaction) = &source {
            transaction.keep_writers_out()?;
            // Before that lock a master may have come, if this process stood still. Behind it none can.
            self.held.renew()?;
        }
        let moved = copy(&mut source, &tables, &mut target, watch)?;
        target.complete(&tables, watch)?;
        watch(MoveStep::Checking)?;
        target.check(check)?;
        if let Snapshot::Postgres(transaction) = &source {
            transaction.check_session()?;
        }
        target.keep()?;
        Ok(moved)
    }
}

/// Copies all rows of one snapshot.
fn copy(
    source: &mut Snapshot<'_>,
    tables: &[MovedTable],
    target: &mut impl MoveTarget,
    watch: &mut MoveWatch<'_>,
) -> Result<MovedRows, MoveError> {
    let mut counted = Vec::new();
    for table in tables {
        let sql = format!("SELECT count(*) FROM {}", table.name);
        let count = source.query_row(&sql, params![], |row| row.get::<i64>(0))?;
        counted.push(unsigned(count));
    }
    let total = counted.iter().sum();
    let mut done = 0;
    watch(MoveStep::Rows { done, total })?;
    let mut moved = MovedRows::new();
    for (table, expected) in tables.iter().zip(counted) {
        let mut statement = source.scan(&table.select())?;
        let mut rows = statement.query(params![])?;
        let count = target.fill(table, &mut rows, &mut |more| {
            done += more;
            watch(MoveStep::Rows { done, total })
        })?;
        let name = &table.name;
        if count != expected {
            let text = format!("the table {name} has {expected} rows, and {count} were written");
            return Err(StorageError::Corrupt(text).into());
        }
        moved.push((name.clone(), count));
    }
    Ok(moved)
}

/// Why a database of another version is not moved, and what to do.
fn other_version(shown: &str, mismatch: &VersionMismatch) -> MoveError {
    let VersionMismatch { found, known, .. } = mismatch;
    let numbers = format!("(migration {found}, this program knows {known})");
    MoveError::Refused(if *found == 0 {
        format!("{shown}: there is no PaperTrader database here, and FROM is the one with the data")
    } else if found < known {
        format!(
            "{shown}: made by an older version {numbers}: start this version's master with it once, which brings it \
             forward, and stop it"
        )
    } else {
        format!("{shown}: made by a newer version {numbers}: use that version's papertrader-master")
    })
}

impl MoveTarget for SqliteMove {
    fn fill(
        &mut self,
        table: &MovedTable,
        rows: &mut Rows<'_>,
        step: &mut dyn FnMut(u64) -> Result<(), MoveError>,
    ) -> Result<u64, MoveError> {
        SqliteMove::fill(self, table, rows, step)
    }

    fn complete(&mut self, _: &[MovedTable], watch: &mut MoveWatch<'_>) -> Result<(), MoveError> {
        SqliteMove::complete(self, watch)
    }

    fn check(&mut self, check: &mut TargetCheck<'_>) -> Result<(), MoveError> {
        let url = DatabaseUrl::Sqlite(self.part().to_owned());
        let mut reader = Reader::open_for_check(&url)?;
        let mut moment = reader.snapshot()?;
        check(&mut moment)
    }

    fn keep(self) -> Result<(), MoveError> {
        Ok(SqliteMove::keep(self)?)
    }
}

impl MoveTarget for PostgresMove<'_> {
    fn fill(
        &mut self,
        table: &MovedTable,
        rows: &mut Rows<'_>,
        step: &mut dyn FnMut(u64) -> Result<(), MoveError>,
    ) -> Result<u64, MoveError> {
        PostgresMove::fill(self, table, rows, step)
    }

    fn complete(
        &mut self,
        tables: &[MovedTable],
        watch: &mut MoveWatch<'_>,
    ) -> Result<(), MoveError> {
        PostgresMove::complete(self, tables, watch)
    }

    fn check(&mut self, check: &mut TargetCheck<'_>) -> Result<(), MoveError> {
        check(self.snapshot())
    }

    fn keep(self) -> Result<(), MoveError> {
        Ok(PostgresMove::keep(self)?)
    }
}
