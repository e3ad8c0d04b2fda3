//! spec/bench/rivals.md · 3.1.7, 3.2.6
//!
//! The rivals: redis for reads, PostgreSQL for orders. Both run on this machine with their default
//! settings, as long as they are needed.

use super::process::{Server, ServerUser, run};
use super::speech::redis_get;
use crate::runtime::ownership::create_private_folder;
use crate::testkit::ports;
use crate::testkit::process::in_batch;
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Clients of `pgbench`.
pub const PGBENCH_CLIENTS: u32 = 16;
/// Accounts that `pgbench` uses: enough that its transactions seldom wait for each other.
const PGBENCH_ACCOUNTS: u32 = 10_000;
/// Time between two checks whether PostgreSQL answers.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// PostgreSQL's own folder, below that of the measurement.
const SERVER_FOLDER: &str = "server";
/// The SQL of the tables that an order touches.
const TABLES: &str = include_str!("rivals/tables.sql");
/// The SQL of an order.
const ORDER: &str = include_str!("rivals/order.sql");

/// A running redis.
#[derive(Debug)]
pub struct Redis {
    pub address: SocketAddr,
    /// The requests and their expected replies.
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
    _server: Server,
    _folder: TempDir,
}

impl Redis {
    /// Starts redis without persistence and gives it a value of `size` bytes for each key.
    ///
    /// # Errors
    /// The server is not installed, or fails.
    pub fn start(keys: &[String], size: usize) -> Result<Redis, String> {
        let folder = tempfile::tempdir().map_err(|e| format!("no folder: {e}"))?;
        let port = free_port()?;
        let mut command = in_batch("redis-server");
        command
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
            ])
            .args(["--appendonly", "no", "--maxclients", "10000", "--dir"])
            .arg(folder.path());
        let log = folder.path().join("redis.out");
        let mut server = Server::start("redis-server", command, &log, Signal::TERM)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        server.await_port(address, &log)?;
        let mut redis = Redis {
            address,
            pairs: Vec::new(),
            _server: server,
            _folder: folder,
        };
        redis.fill(keys, size).map_err(|e| format!("redis: {e}"))?;
        Ok(redis)
    }

    fn fill(&mut self, keys: &[String], size: usize) -> std::io::Result<()> {
        let mut socket = TcpStream::connect(self.address)?;
        for (number, key) in keys.iter().enumerate() {
            let mut value = format!("{number:0size$}").into_bytes();
            value.truncate(size);
            let mut set =
                format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${size}\r\n", key.len()).into_bytes();
            set.extend_from_slice(&value);
            set.extend_from_slice(b"\r\n");
            socket.write_all(&set)?;
            let mut answer = [0; 5];
            socket.read_exact(&mut answer)?;
            if &answer != b"+OK\r\n" {
                return Err(std::io::Error::other("SET was refused"));
            }
            self.pairs.push(redis_get(key, &value));
        }
        Ok(())
    }
}

/// A running PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    user: Option<ServerUser>,
    port: u16,
    _server: Server,
    folder: TempDir,
}

impl Postgres {
    /// Makes a cluster with default settings, fsync included, and starts it; as the user `postgres`
    /// where this process is root.
    ///
    /// # Errors
    /// The server is not installed, or fails.
    pub fn start() -> Result<Postgres, String> {
        let programs = programs().ok_or("PostgreSQL is not installed")?;
        let user = if rustix::process::geteuid().is_root() {
            Some(
                ServerUser::named("postgres")
                    .ok_or("there is no user postgres, and PostgreSQL refuses root")?,
            )
        } else {
            None
        };
        let folder = folder_for(user)?;
        let own = folder.path().join(SERVER_FOLDER);
        let command = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.current_dir(folder.path());
            if let Some(user) = user {
                user.apply(&mut command);
            }
            command
        };
        let data = own.join("data");
        let mut initdb = command("initdb");
        initdb
            .args([
                "--auth=trust",
                "--no-locale",
                "--encoding=UTF8",
                "--username=bench",
            ])
            .arg("-D")
            .arg(&data);
        run(initdb)?;
        let port = free_port()?;
        let mut postgres = command("postgres");
        postgres
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=", "-k"])
            .arg(&own);
        let log = folder.path().join("postgres.out");
        let mut server = Server::start("postgres", postgres, &log, Signal::INT)?;
        let began = Instant::now();
        let script = folder.path().join("tables.sql");
        let text = TABLES.replace("{accounts}", &PGBENCH_ACCOUNTS.to_string());
        fs::write(&script, text).map_err(|e| format!("{}: {e}", script.display()))?;
        let order = folder.path().join("order.sql");
        let text = ORDER.replace("{accounts}", &PGBENCH_ACCOUNTS.to_string());
        fs::write(&order, text).map_err(|e| format!("{}: {e}", order.display()))?;
        loop {
            let mut psql = command("psql");
            connect(&mut psql, &own, port);
            psql.args(["-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f"])
                .arg(&script);
            match run(psql) {
                Ok(_) => break,
                Err(error) if error.contains("ERROR") => return Err(error),
                Err(_) => server.check(began, &log)?,
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(Postgres {
            programs,
            user,
            port,
            _server: server,
            folder,
        })
    }

    /// Makes an empty database of ours beside that of `pgbench`; returns its URL.
    ///
    /// # Errors
    /// The server makes none.
    pub fn database(&self, name: &str) -> Result<String, String> {
        let mut createdb = Command::new(self.programs.join("createdb"));
        if let Some(user) = self.user {
            user.apply(&mut createdb);
        }
        createdb.current_dir(self.folder.path());
        let own = self.folder.path().join(SERVER_FOLDER);
        connect(&mut createdb, &own, self.port);
        createdb.args(["--template=template0", name]);
        run(createdb)?;
        let host = own.to_string_lossy().replace('/', "%2F");
        Ok(format!("postgres://bench@{host}:{}/{name}", self.port))
    }

    /// The socket by which the server is reached.
    pub fn socket(&self) -> PathBuf {
        let own = self.folder.path().join(SERVER_FOLDER);
        own.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Runs `pgbench` for `time`; returns orders a second.
    ///
    /// # Errors
    /// `pgbench` fails.
    pub fn orders(&self, time: Duration) -> Result<u64, String> {
        let mut pgbench = Command::new(self.programs.join("pgbench"));
        if let Some(user) = self.user {
            user.apply(&mut pgbench);
        }
        pgbench.current_dir(self.folder.path());
        connect(
            &mut pgbench,
            &self.folder.path().join(SERVER_FOLDER),
            self.port,
        );
        pgbench
            .args([
                "-n",
                "-M",
                "prepared",
                "-j",
                "2",
                "-c",
                &PGBENCH_CLIENTS.to_string(),
            ])
            .args(["-T", &time.as_secs().max(1).to_string(), "-f"])
            .arg(self.folder.path().join("order.sql"))
            .arg("postgres");
        let said = run(pgbench)?;
        said.lines()
            .find_map(|line| line.strip_prefix("tps = "))
            .and_then(|line| line.split('.').next()?.parse().ok())
            .ok_or_else(|| format!("pgbench: {said}"))
    }
}

/// A folder of ours that others may read, with one below it for the server, which is the user's:
/// root writes to no folder of another user.
fn folder_for(user: Option<ServerUser>) -> Result<TempDir, String> {
    let folder = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .map_err(|e| format!("no folder: {e}"))?;
    let own = folder.path().join(SERVER_FOLDER);
    let named = |e: std::io::Error| format!("{}: {e}", own.display());
    create_private_folder(&own).map_err(named)?;
    if let Some(user) = user {
        chown(&own, Some(user.uid), Some(user.gid)).map_err(named)?;
    }
    Ok(folder)
}

fn free_port() -> Result<u16, String> {
    let ports = ports::free(1).map_err(|e| format!("no free port: {e}"))?;
    ports
        .first()
        .copied()
        .ok_or_else(|| "no free port".to_owned())
}

fn connect(command: &mut Command, folder: &std::path::Path, port: u16) {
    command
        .arg("-h")
        .arg(folder)
        .args(["-p", &port.to_string(), "-U", "bench"]);
}

/// The folder of PostgreSQL's server programs. Debian has one for each version.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            (programs.join("initdb").exists() && programs.join("pgbench").exists())
                .then_some((version, programs))
        })
        .collect();
    found.sort();
    let on_path = || {
        std::env::split_paths(&std::env::var_os("PATH")?)
            .find(|folder| folder.join("initdb").exists() && folder.join("pgbench").exists())
    };
    found.pop().map(|(_, programs)| programs).or_else(on_path)
}

#[cfg(test)]
mod tests {
    use super::super::driver::{Driver, Greeting, Pace, Until};
    use super::super::speech::KnownReplies;
    use super::*;

    /// Skipped, with a message, where redis is not installed: the tests do not depend on it.
    #[test]
    fn redis_is_driven_and_its_answers_are_compared() {
        let keys: Vec<String> = ["A", "BB", "CCC"].map(str::to_owned).to_vec();
        let redis = match Redis::start(&keys, 16) {
            Ok(redis) => redis,
            Err(why) => {
                eprintln!("skipped: {why}");
                return;
            }
        };
        let mut driver = Driver::open(redis.address, 5, |_| Greeting::default()).unwrap();
        let mut speech = KnownReplies::new(redis.pairs.clone(), 5);
        let pace = Pace::Closed { in_flight: 4 };
        let measured = driver
            .measure(&mut speech, pace, Duration::ZERO, Until::Requests(500))
            .unwrap();
        assert_eq!(measured.replies.count, 500);
        let mut wrong = redis.pairs.clone();
        if let Some(last) = wrong.last_mut().and_then(|(_, answer)| answer.get_mut(5)) {
            *last = b'x';
        }
        let mut speech = KnownReplies::new(wrong, 5);
        let error = driver
            .measure(&mut speech, pace, Duration::ZERO, Until::Requests(500))
            .unwrap_err();
        assert!(error.contains("wrong answer"), "{error}");
    }
}
