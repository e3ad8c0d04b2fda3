//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! A session of a PostgreSQL server: its settings, its prepared statements.
//!
//! Tests: `src/master/storage/postgres/tests.rs`.

use super::dialect::translate;
use super::errors::{connect_error, is_lost, storage_error};
use super::tls::connector;
use super::values::PostgresParam;
use crate::config::PostgresUrl;
use crate::master::storage::StorageError;
use crate::master::storage::files::read_file;
use hashlink::LruCache;
use parking_lot::Mutex;
use postgres::config::TargetSessionAttrs;
use postgres::types::ToSql;
use postgres::{CancelToken, Client, Config, Row, SimpleQueryMessage, Statement};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

/// Largest file with a password, in bytes.
const PASSWORD_BYTES_MAX: u64 = 4096;
/// Prepared statements that a session keeps.
const STATEMENTS_MAX: usize = 256;
/// Characters of the name under which the server lists a session, before the process: it keeps 63.
const PROGRAM_CHARS_MAX: usize = 30;
/// The oldest version of the server, as `server_version_num`.
const SERVER_VERSION_MIN: i64 = 150_000;

/// How long a host may take beyond its network's time-out: for TLS, and to say that it serves.
const START_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// Attempts to connect to one host that were given up and have not ended, at most. A host that is
/// stopped or overloaded takes connections and answers none.
const GIVEN_UP_MAX: u32 = 4;

/// How many attempts to connect to a host were given up and have not ended.
static GIVEN_UP: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// Settings of every session. A statement waits for another master's transaction as long as SQLite
/// waits for another writer. A session whose client is gone, or silent within a transaction, gives
/// its locks back. What a role or database has as bounds of people's statements is none of a master's,
/// whose largest ones would fail; the second of them came with version 17. What a module reads is small,
/// so that no plan is worth compiling; and a plan does not depend on bound values, as with SQLite: else
/// the server would plan an array anew each time, and read a whole table where it is long.
const SETTINGS: &str = "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'; \
     SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
     SET statement_timeout = 0; \
     SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'; \
     SET jit = off; \
     SET plan_cache_mode = force_generic_plan; SET random_page_cost = 1.1; SET standard_conforming_strings = on;";

/// Which of a URL's hosts was connected to last, counted from 0. It is tried first: one before it may be
/// gone without a word, and each attempt to reach that takes seconds.
static LAST_HOST: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// This process, among those that share a database. Each start is another.
pub fn process_id() -> Uuid {
    static ID: OnceLock<Uuid> = OnceLock::new();
    *ID.get_or_init(Uuid::new_v4)
}

/// A connection to a server, and what is prepared there.
pub(super) struct ServerSession {
    client: Client,
    statements: LruCache<String, Statement>,
    is_lost: bool,
    /// Messages that the server was waited for.
    pub(super) round_trips: u64,
}

impl ServerSession {
    /// Connects to the first of a URL's hosts that answers and is as the URL wants it.
    ///
    /// # Errors
    /// None answers, or the server refuses: with the URL and what to do.
    pub fn connect(url: &PostgresUrl) -> Result<ServerSession, StorageError> {
        ServerSession::of(connect_to_any(url, None)?, url)
    }

    /// As [`ServerSession::connect`], where no host may take longer than `patience`.
    ///
    /// # Errors
    /// As there.
    pub fn connect_within(
        url: &PostgresUrl,
        patience: Duration,
    ) -> Result<ServerSession, StorageError> {
        ServerSession::of(connect_to_any(url, Some(patience))?, url)
    }

    fn of(client: Client, url: &PostgresUrl) -> Result<ServerSession, StorageError> {
        let mut session = ServerSession {
            client,
            statements: LruCache::new(STATEMENTS_MAX),
            is_lost: false,
            round_trips: 0,
        };
        session
            .check_server()
            .map_err(|error| error.within(url.text()))?;
        session
            .batch(SETTINGS)
            .map_err(|error| error.within(url.text()))?;
        Ok(session)
    }

    fn check_server(&mut self) -> Result<(), StorageError> {
        let sql =
            "SELECT current_setting('server_version_num'), current_setting('server_encoding')";
        let told = self.texts(sql)?;
        let [version, encoding] = told.as_slice() else {
            return Err(StorageError::Other(
                "the server tells no version".to_owned(),
            ));
        };
        if version.parse::<i64>().unwrap_or(0) < SERVER_VERSION_MIN {
            let text =
                format!("the server's version is {version}: PostgreSQL 15 or later is needed");
            return Err(StorageError::Other(text));
        }
        if encoding != "UTF8" {
            let text = format!(
                "the database's encoding is {encoding}: make one with createdb --encoding=UTF8 --template=template0"
            );
            return Err(StorageError::Other(text));
        }
        Ok(())
    }

    /// Whether the connection is gone.
    pub fn is_lost(&self) -> bool {
        self.is_lost || self.client.is_closed()
    }

    /// A handle that cancels the running statement from another thread.
    pub fn cancel_token(&self) -> CancelToken {
        self.client.cancel_token()
    }

    /// Runs statements without parameters, in one message.
    ///
    /// # Errors
    /// One of them fails; those after it have not run.
    pub fn batch(&mut self, sql: &str) -> Result<(), StorageError> {
        let done = self.client.batch_execute(sql);
        self.noted(done)
    }

    /// Runs statements without parameters, in one message, and returns all columns of all their rows
    /// as texts, one after the other. What is NULL is left out.
    ///
    /// # Errors
    /// As [`ServerSession::batch`].
    pub fn texts(&mut self, sql: &str) -> Result<Vec<String>, StorageError> {
        let read = self.client.simple_query(sql);
        let mut texts = Vec::new();
        for message in self.noted(read)? {
            if let SimpleQueryMessage::Row(row) = message {
                for at in 0..row.len() {
                    let text = row.try_get(at).map_err(|error| storage_error(&error))?;
                    texts.extend(text.map(str::to_owned));
                }
            }
        }
        Ok(texts)
    }

    /// The same for numbers.
    ///
    /// # Errors
    /// As [`ServerSession::batch`], or a column has no number.
    pub fn numbers(&mut self, sql: &str) -> Result<Vec<i64>, StorageError> {
        let texts = self.texts(sql)?;
        let number = |text: String| {
            text.parse()
                .map_err(|_| StorageError::Corrupt(format!("{text:?} is no number")))
        };
        texts.into_iter().map(number).collect()
    }

    /// Commits. `None`: the connection was lost before the answer, so that it is unknown whether
    /// anything was stored.
    ///
    /// # Errors
    /// The server refused; nothing was stored.
    pub fn commit(&mut self) -> Result<Option<()>, StorageError> {
        self.round_trips += 1;
        match self.client.batch_execute("COMMIT") {
            Ok(()) => Ok(Some(())),
            Err(error) if is_lost(&error) => {
                self.is_lost = true;
                Ok(None)
            }
            Err(error) => Err(storage_error(&error)),
        }
    }

    /// Executes a statement, which is prepared once if it is to be kept. Returns the number of rows
    /// that it changed.
    ///
    /// # Errors
    /// The database fails.
    pub fn execute(
        &mut self,
        sql: &str,
        keep: bool,
        values: &[PostgresParam<'_>],
    ) -> Result<usize, StorageError> {
        let statement = self.prepared(sql, keep)?;
        let done = self.client.execute(&statement, &parameters(values));
        let changed = self.noted(done)?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Executes a statement for its rows.
    ///
    /// # Errors
    /// As [`ServerSession::execute`].
    pub fn query(
        &mut self,
        sql: &str,
        keep: bool,
        values: &[PostgresParam<'_>],
    ) -> Result<Vec<Row>, StorageError> {
        let statement = self.prepared(sql, keep)?;
        let rows = self.client.query(&statement, &parameters(values));
        self.noted(rows)
    }

    /// Writes rows that are encoded as `COPY … (FORMAT binary)` takes them. Returns their number.
    ///
    /// # Errors
    /// The server refuses them, or fails.
    pub fn copy(&mut self, sql: &str, encoded: &[u8]) -> Result<u64, StorageError> {
        let done = self.client.copy_in(sql).and_then(|mut writer| {
            // Where the server has refused a row already, the end of the copy says why.
            let _ = writer.write_all(encoded);
            writer.finish()
        });
        self.noted(done)
    }

    fn prepared(&mut self, sql: &str, keep: bool) -> Result<Statement, StorageError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let prepared = self.client.prepare(&translate(sql));
        let statement = self.noted(prepared)?;
        if keep {
            self.statements.insert(sql.to_owned(), statement.clone());
        }
        Ok(statement)
    }

    fn noted<T>(&mut self, done: Result<T, postgres::Error>) -> Result<T, StorageError> {
        self.round_trips += 1;
        done.map_err(|error| {
            self.is_lost |= is_lost(&error);
            storage_error(&error)
        })
    }
}

/// Tries a URL's hosts one after the other, from the last one on that was connected to.
fn connect_to_any(url: &PostgresUrl, patience: Option<Duration>) -> Result<Client, StorageError> {
    let password = match url.password_file() {
        Some(file) => Some(
            read_file(file, PASSWORD_BYTES_MAX)
                .map_err(|error| StorageError::Io(file.clone(), error))?,
        ),
        None => None,
    };
    let other = |why: String| StorageError::Other(format!("{}: {why}", url.text()));
    let tls = connector(url).map_err(other)?;
    let host_must_write =
        url.connection().get_target_session_attrs() == TargetSessionAttrs::ReadWrite;
    let mut failed = None;
    let last = LAST_HOST.lock().get(url.text()).copied().unwrap_or(0);
    let numbered = || url.hosts().iter().enumerate();
    for (number, host) in numbered().skip(last).chain(numbered().take(last)) {
        let mut host = host.clone();
        if let Some(password) = &password {
            host.password(password.trim_ascii_end());
        }
        // Whose place another one takes, whose sessions are ended by this name.
        let program = host.get_application_name().unwrap_or_default();
        let program: String = program.chars().take(PROGRAM_CHARS_MAX).collect();
        host.application_name(&format!("{program} {}", process_id().simple()));
        let within = match patience {
            Some(patience) => {
                host.connect_timeout(patience).tcp_user_timeout(patience);
                patience
            }
            None => host.get_connect_timeout().copied().unwrap_or_default() + START_UP_TIMEOUT,
        };
        let connected = connect_in_time(url, host, tls.clone(), within);
        match (connected, &failed) {
            (Ok(client), _) => {
                // Where any host will do, the first one is still to be preferred.
                if host_must_write {
                    LAST_HOST.lock().insert(url.text().to_owned(), number);
                }
                return Ok(client);
            }
            // What a server says tells more than that another one is away.
            (Err(StorageError::Busy(_)), Some(_)) => {}
            (Err(error), _) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| other("the URL names no host".to_owned())))
}

/// Connects to one host, or gives it up in time. The crate's time-out is that of the network alone.
fn connect_in_time(
    url: &PostgresUrl,
    host: Config,
    tls: MakeRustlsConnect,
    within: Duration,
) -> Result<Client, StorageError> {
    let name = format!("{:?} {:?}", host.get_hosts(), host.get_ports());
    let silent = || {
        StorageError::Busy(format!(
            "{}: a server takes connections and does not answer: is it stopped, or overloaded?",
            url.text()
        ))
    };
    let before = GIVEN_UP.lock().get(&name).copied();
    if before.is_some_and(|attempts| attempts >= GIVEN_UP_MAX) {
        return Err(silent());
    }
    let (sender, receiver) = mpsc::sync_channel(0);
    let attempted = name.clone();
    let attempt = move || {
        let connected = host.connect(tls);
        if sender.send(connected).is_err()
            && let Some(attempts) = GIVEN_UP.lock().get_mut(&attempted)
        {
            *attempts = attempts.saturating_sub(1);
        }
    };
    let io = |error| StorageError::Other(format!("{}: {error}", url.text()));
    thread::Builder::new()
        .name("connect".to_owned())
        .spawn(attempt)
        .map_err(io)?;
    match receiver.recv_timeout(within) {
        Ok(connected) => connected.map_err(|error| connect_error(url, &error)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            *GIVEN_UP.lock().entry(name).or_default() += 1;
            Err(silent())
        }
    }
}

fn parameters<'a>(values: &'a [PostgresParam<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values
        .iter()
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
}
