//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! Databases of tests, on the server that `tests/with-postgres` has started.

use super::session::ServerSession;
use super::{PostgresStorage, PostgresTransaction};
use crate::config::PostgresUrl;
use uuid::Uuid;

/// Names the server: the URL of a database from which others can be made.
const SERVER: &str = "PAPERTRADER_TEST_POSTGRES";
/// What tests' SQL says of bytes, as SQLite has it.
const FUNCTIONS: &str = "
    CREATE FUNCTION zeroblob(integer) RETURNS BYTEA LANGUAGE sql AS
        $$ SELECT decode(repeat('00', $1), 'hex') $$;
    CREATE FUNCTION randomblob(integer) RETURNS BYTEA LANGUAGE sql AS
        $$ SELECT substr(sha256(gen_random_uuid()::text::bytea), 1, $1) $$;
    CREATE FUNCTION printf(text, bigint) RETURNS TEXT LANGUAGE sql AS
        $$ SELECT lpad($2::text, 16, '0') $$;
    CREATE FUNCTION hex(bytea) RETURNS TEXT LANGUAGE sql AS
        $$ SELECT upper(encode($1, 'hex')) $$;
    CREATE DOMAIN blob AS BYTEA;
    CREATE AGGREGATE group_concat(text, text)
        (SFUNC = string_agg_transfn, STYPE = internal, FINALFUNC = string_agg_finalfn);";

/// A database of a test, dropped with this.
pub(in crate::master::storage) struct PostgresDatabase {
    server: PostgresUrl,
    name: String,
    pub url: PostgresUrl,
}

impl PostgresDatabase {
    /// Makes an empty database without tables; `None` where no server is named.
    pub fn new() -> Option<PostgresDatabase> {
        let server = PostgresUrl::parse(&std::env::var(SERVER).ok()?).unwrap();
        let name = format!("test_{}", Uuid::new_v4().simple());
        let mut session = ServerSession::connect(&server).unwrap();
        session
            .batch(&format!("CREATE DATABASE {name} TEMPLATE template0"))
            .unwrap();
        let (before, _) = server.text().rsplit_once('/').unwrap();
        let url = PostgresUrl::parse(&format!("{before}/{name}")).unwrap();
        Some(PostgresDatabase { server, name, url })
    }

    /// Adds what tests' SQL calls.
    pub fn add_functions(&self) {
        self.execute(FUNCTIONS);
    }

    /// Executes SQL in it, on a connection of its own.
    pub fn execute(&self, sql: &str) {
        ServerSession::connect(&self.url)
            .unwrap()
            .batch(sql)
            .unwrap();
    }

    /// Executes SQL at the server, beside the databases.
    pub fn execute_on_server(&self, sql: &str) {
        ServerSession::connect(&self.server)
            .unwrap()
            .batch(sql)
            .unwrap();
    }

    /// Ends all sessions of it, as a server that restarts does.
    pub fn end_sessions(&self) {
        let sql = format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        );
        ServerSession::connect(&self.server)
            .unwrap()
            .batch(&sql)
            .unwrap();
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let _ = ServerSession::connect(&self.server).and_then(|mut session| session.batch(&sql));
    }
}

impl PostgresStorage {
    /// Messages for whose answers this connection has waited.
    pub(in crate::master::storage) fn round_trips(&self) -> u64 {
        let link = self.link.borrow();
        link.session.as_ref().map_or(0, |it| it.round_trips)
    }
}

impl PostgresTransaction<'_> {
    /// The only text that a query returns.
    pub(in crate::master::storage) fn text(&self, sql: &str) -> String {
        let texts = self.run(|session| session.texts(sql)).unwrap();
        assert_eq!(texts.len(), 1, "{sql}");
        texts.concat()
    }

    /// The number of rows that a statement changes.
    pub(in crate::master::storage) fn changes(&self, sql: &str) -> usize {
        self.run(|session| session.execute(sql, false, &[]))
            .unwrap()
    }
}
