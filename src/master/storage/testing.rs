//! spec/master/storage.md · 3.1.2
//!
//! Databases in memory for tests, one for each engine, with any number of connections.

use super::engine::params;
use super::moving::MoveSource;
use super::moving::tables::moved_tables;
use super::postgres::testing::PostgresDatabase;
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
    postgres: Option<PostgresDatabase>,
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
    if let Some(engine) = Engine::postgres() {
        test(&engine);
    }
}

impl Engine {
    /// Creates an SQLite database. All its handles see the same data.
    pub(crate) fn sqlite() -> Engine {
        let folder = tempfile::tempdir_in(MEMORY_FOLDER)
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("master.db"));
        Storage::migrate(&url).unwrap();
        Engine {
            folder,
            postgres: None,
            url,
        }
    }

    /// Creates a database on the server of `tests/with-postgres`; `None` where there is none.
    pub(crate) fn postgres() -> Option<Engine> {
        let postgres = PostgresDatabase::new()?;
        let url = DatabaseUrl::Postgres(Box::new(postgres.url.clone()));
        Storage::migrate(&url).unwrap();
        postgres.add_functions();
        Some(Engine {
            folder: tempfile::tempdir().unwrap(),
            postgres: Some(postgres),
            url,
        })
    }

    /// An empty database of the engine that `PAPERTRADER_TEST_DATABASE` names, SQLite if it names none.
    pub(crate) fn chosen() -> Engine {
        match std::env::var("PAPERTRADER_TEST_DATABASE").as_deref() {
            Ok("postgres") => Engine::postgres().expect("run by tests/with-postgres"),
            Ok("sqlite") | Err(_) => Engine::sqlite(),
            Ok(other) => panic!("PAPERTRADER_TEST_DATABASE={other}: sqlite or postgres"),
        }
    }

    /// The database on a server, where this is one.
    pub(super) fn on_server(&self) -> Option<&PostgresDatabase> {
        self.postgres.as_ref()
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
        Engine {
            folder,
            postgres: None,
            url,
        }
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

    /// From now on a change of this kind (`INSERT`, `UPDATE`, `DELETE`) of this table fails, where
    /// `when` holds of the row; it says anything that is true where it is empty.
    pub(crate) fn refuse(&self, change: &str, table: &str, when: &str) {
        let condition = if when.is_empty() { "1 = 1" } else { when };
        match self.on_server() {
            None => drop(self.execute(&format!(
                "CREATE TRIGGER refused BEFORE {change} ON {table} WHEN {condition}
                 BEGIN SELECT RAISE(ABORT, 'the test says so'); END"
            ))),
            Some(postgres) => postgres.execute(&format!(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN RAISE EXCEPTION 'the test says so'; END $$;
                 CREATE TRIGGER refused BEFORE {change} ON {table} FOR EACH ROW WHEN ({condition})
                     EXECUTE FUNCTION refuse()"
            )),
        }
    }

    /// Changes succeed again.
    pub(crate) fn allow(&self) {
        match self.on_server() {
            None => drop(self.execute("DROP TRIGGER refused")),
            Some(postgres) => postgres.execute("DROP FUNCTION refuse() CASCADE"),
        }
    }

    /// The number that a query returns.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.storage()
            .read(|snapshot| Ok(snapshot.number(sql)))
            .unwrap()
    }
}

/// Moves the database to the other engine and back, and compares all rows. Does nothing where there is no
/// server.
pub(crate) fn move_there_and_back(engine: &Engine) {
    let Some(server) = PostgresDatabase::new() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = DatabaseUrl::Sqlite(folder.path().join("moved.db"));
    let server_url = DatabaseUrl::Postgres(Box::new(server.url.clone()));
    let (there, back) = match engine.url() {
        DatabaseUrl::Sqlite(_) => (server_url, file),
        DatabaseUrl::Postgres(_) => (file, server_url),
    };
    let before = contents(engine.url());
    for (from, to) in [(engine.url(), &there), (&there, &back)] {
        let mut source = MoveSource::open(from).unwrap();
        let moved = source
            .move_to(to, &mut |_| Ok(()), &mut |_| Ok(()))
            .unwrap();
        let counted: Vec<(String, usize)> = contents(to)
            .into_iter()
            .map(|(name, rows)| (name, rows.len()))
            .collect();
        let told = moved
            .into_iter()
            .map(|(name, rows)| (name, usize::try_from(rows).unwrap()));
        let told: std::collections::BTreeMap<String, usize> = told.collect();
        assert_eq!(told.into_iter().collect::<Vec<_>>(), counted);
        assert_eq!(contents(to), before);
    }
}

/// All rows of all tables that a move takes along, by table, in the order of their keys.
pub(super) fn contents(url: &DatabaseUrl) -> std::collections::BTreeMap<String, Vec<String>> {
    let mut reader = Reader::open_for_check(url).unwrap();
    let moment = reader.snapshot().unwrap();
    let rows_of = |table: &super::moving::types::MovedTable| {
        let mut statement = moment.scan(&table.select()).unwrap();
        let mut rows = statement.query(params![]).unwrap();
        let mut texts = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let width = 0..table.columns.len();
            let values: Vec<_> = width.map(|column| row.value(column).unwrap()).collect();
            texts.push(format!("{values:?}"));
        }
        texts
    };
    let tables = moved_tables().unwrap();
    let read = tables
        .iter()
        .map(|table| (table.name.clone(), rows_of(table)));
    read.collect()
}

/// Executes SQL without the master's methods; returns the number of changed rows.
pub(crate) fn execute(storage: &mut Storage, sql: &str) -> usize {
    match storage {
        Storage::Sqlite(sqlite) => sqlite.connection.execute(sql, []).unwrap(),
        Storage::Postgres(_) => storage
            .write(|tx| match &tx.snapshot {
                Snapshot::Postgres(postgres) => Ok(postgres.changes(sql)),
                Snapshot::Sqlite(_) => Ok(0),
            })
            .unwrap(),
    }
}

/// Executes several statements.
pub(crate) fn execute_all(storage: &mut Storage, sql: &str) {
    match storage {
        Storage::Sqlite(sqlite) => sqlite.connection.execute_batch(sql).unwrap(),
        Storage::Postgres(_) => storage.write(|tx| tx.execute_batch(sql)).unwrap(),
    }
}

impl Snapshot<'_> {
    /// The number that a query returns.
    pub(crate) fn number(&mut self, sql: &str) -> i64 {
        match self {
            Snapshot::Sqlite(SqliteTransaction(sqlite)) => {
                sqlite.query_row(sql, [], |row| row.get(0)).unwrap()
            }
            Snapshot::Postgres(postgres) => postgres.text(sql).parse().unwrap(),
        }
    }

    /// How SQLite means to run a query: its steps, between `; `. `None`: another engine, whose plans
    /// depend on what its tables have.
    pub(crate) fn plan(&mut self, sql: &str) -> Option<String> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self else {
            return None;
        };
        let mut statement = sqlite
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let steps = statement.query_map([], |row| row.get(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        Some(steps.join("; "))
    }

    /// The text that a query returns.
    pub(crate) fn text(&mut self, sql: &str) -> String {
        match self {
            Snapshot::Sqlite(SqliteTransaction(sqlite)) => {
                sqlite.query_row(sql, [], |row| row.get(0)).unwrap()
            }
            Snapshot::Postgres(postgres) => postgres.text(sql),
        }
    }
}
