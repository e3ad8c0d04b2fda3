//! spec/master/storage.md · 3.1.2
//!
//! Databases in memory for tests, one for each engine, with any number of connections.

use super::{Reader, Snapshot, SqliteTransaction, Storage};
use crate::config::DatabaseUrl;
use std::path::Path;
use tempfile::TempDir;

/// A folder in memory. A file there has SQLite's locks and write-ahead log, which a shared
/// `:memory:` database lacks.
const MEMORY_FOLDER: &str = "/dev/shm";

/// An empty database of this version, deleted on drop.
pub(crate) struct Engine {
    folder: TempDir,
    url: DatabaseUrl,
}

/// The number of migrations of this version.
pub(crate) fn known_migrations() -> usize {
    super::sqlite::known()
}

/// Writes an empty database of an older version, which has had so many migrations.
pub(crate) fn older(path: &Path, migrations: usize) {
    let memory = super::sqlite::fresh_of(migrations).unwrap();
    let version = i64::try_from(migrations).unwrap();
    memory.pragma_update(None, "user_version", version).unwrap();
    let path = path.to_str().unwrap();
    memory.execute("VACUUM INTO ?1", [path]).unwrap();
}

/// Executes SQL in the database file of any version.
pub(crate) fn execute_in(path: &Path, sql: &str) {
    let sqlite = super::sqlite::SqliteStorage::open_plain(path).unwrap();
    sqlite.connection.execute_batch(sql).unwrap();
}

/// Runs a test on an empty database of each engine.
pub(crate) fn each_engine(test: impl Fn(&Engine)) {
    test(&Engine::sqlite());
}

impl Engine {
    /// Creates an SQLite database. All its handles see the same data.
    pub(crate) fn sqlite() -> Engine {
        let folder = tempfile::tempdir_in(MEMORY_FOLDER)
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("master.db"));
        Storage::migrate(&url).unwrap();
        Engine { folder, url }
    }

    /// A database that an older version with so many migrations made and filled by this SQL, brought
    /// forward to this version.
    pub(crate) fn upgraded(migrations: usize, sql: &str) -> Engine {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        older(&path, migrations);
        execute_in(&path, sql);
        let url = DatabaseUrl::Sqlite(path);
        Storage::migrate(&url).unwrap();
        Engine { folder, url }
    }

    /// The database's URL.
    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The database's folder, for other files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens another handle that writes.
    pub(crate) fn storage(&self) -> Storage {
        Storage::open(&self.url).unwrap()
    }

    /// Opens another handle that reads.
    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.url).unwrap()
    }

    /// Opens another handle that reads much once.
    pub(crate) fn scanner(&self) -> Reader {
        Reader::open_scanner(&self.url).unwrap()
    }

    /// Executes SQL without the master's methods; returns the number of changed rows.
    pub(crate) fn execute(&self, sql: &str) -> usize {
        execute(&mut self.storage(), sql)
    }

    /// The number that a query returns.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.storage()
            .read(|snapshot| Ok(snapshot.number(sql)))
            .unwrap()
    }
}

/// Executes SQL without the master's methods; returns the number of changed rows.
pub(crate) fn execute(storage: &mut Storage, sql: &str) -> usize {
    let Storage::Sqlite(sqlite) = storage;
    sqlite.connection.execute(sql, []).unwrap()
}

/// Executes several statements.
pub(crate) fn execute_all(storage: &mut Storage, sql: &str) {
    let Storage::Sqlite(sqlite) = storage;
    sqlite.connection.execute_batch(sql).unwrap();
}

impl Snapshot<'_> {
    /// The number that a query returns.
    pub(crate) fn number(&mut self, sql: &str) -> i64 {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        sqlite.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// How the engine means to run a query: its steps, between `; `.
    pub(crate) fn plan(&mut self, sql: &str) -> String {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let steps = statement.query_map([], |row| row.get(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        steps.join("; ")
    }

    /// The text that a query returns.
    pub(crate) fn text(&mut self, sql: &str) -> String {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        sqlite.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
