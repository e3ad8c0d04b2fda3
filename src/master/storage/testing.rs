//! spec/master/storage.md · 3.1.2
//!
//! Databases for tests: in memory, with as many connections as a test opens, one for each engine.

use super::{Reader, Snapshot, SqliteTransaction, Storage};
use crate::config::DatabaseUrl;
use std::path::Path;
use tempfile::TempDir;

/// Where Linux keeps files in memory. A real file there has SQLite's locks and its log, which a
/// shared `:memory:` database has not.
const MEMORY: &str = "/dev/shm";

/// An empty database of this version, which is gone when this is dropped.
pub(crate) struct Engine {
    folder: TempDir,
    url: DatabaseUrl,
}

/// Runs a test on an empty database of each engine.
pub(crate) fn each_engine(test: impl Fn(&Engine)) {
    test(&Engine::sqlite());
}

impl Engine {
    /// SQLite's, in memory; every handle that is opened sees the same database.
    pub(crate) fn sqlite() -> Engine {
        let folder = tempfile::tempdir_in(MEMORY)
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("master.db"));
        Storage::migrate(&url).unwrap();
        Engine { folder, url }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Its folder, for files beside it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Another handle that writes.
    pub(crate) fn storage(&self) -> Storage {
        Storage::open(&self.url).unwrap()
    }

    /// Another handle that reads.
    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.url).unwrap()
    }

    /// Changes rows behind the master's back; how many.
    pub(crate) fn execute(&self, sql: &str) -> usize {
        execute(&mut self.storage(), sql)
    }

    /// The number that a statement reads.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.storage().read(|snapshot| Ok(snapshot.number(sql))).unwrap()
    }
}

/// Changes rows behind the master's back; how many.
pub(crate) fn execute(storage: &mut Storage, sql: &str) -> usize {
    let Storage::Sqlite(sqlite) = storage;
    sqlite.connection.execute(sql, []).unwrap()
}

/// Runs several statements.
pub(crate) fn execute_all(storage: &mut Storage, sql: &str) {
    let Storage::Sqlite(sqlite) = storage;
    sqlite.connection.execute_batch(sql).unwrap();
}

impl Snapshot<'_> {
    /// The number that a statement reads.
    pub(crate) fn number(&mut self, sql: &str) -> i64 {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        sqlite.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The text that a statement reads.
    pub(crate) fn text(&mut self, sql: &str) -> String {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        sqlite.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
