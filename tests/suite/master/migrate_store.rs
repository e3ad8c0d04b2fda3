//! `papertrader-master migrate-store` with real daemons: people trade on after a move and after the way
//! back; kills, a full disk and a running master leave nothing. Without a server, which
//! `tests/with-postgres` starts, these tests are skipped, with a message.

use papertrader::config::DatabaseUrl;
use papertrader::master::storage::Storage;
use papertrader::master::storage::bulk::BulkLoader;
use papertrader::model::Timestamp;
use papertrader::testkit::small_disk::SmallDisk;
use papertrader::testkit::trader::{buy, history, portfolio, username};
use papertrader::testkit::{Deployment, Market, program, until};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Accounts of a database that takes a moment to move.
const ACCOUNTS: u64 = 20_000;
/// A disk that has no room for them.
const DISK_MEGABYTES: u32 = 2;

/// An empty database on the server of the tests, dropped with this.
struct ServerDatabase {
    server: String,
    name: String,
}

impl ServerDatabase {
    /// `None` without a server, which a message says.
    fn new() -> Option<ServerDatabase> {
        let Ok(server) = std::env::var("PAPERTRADER_TEST_POSTGRES") else {
            eprintln!("skipped: tests/with-postgres starts a server");
            return None;
        };
        let name = format!("moved_{}", uuid::Uuid::new_v4().simple());
        let database = ServerDatabase { server, name };
        assert!(database.run("createdb").success());
        Some(database)
    }

    fn run(&self, name: &str) -> std::process::ExitStatus {
        let mut command = Command::new(name);
        command.arg(format!("--maintenance-db={}", self.server));
        if name == "dropdb" {
            command.arg("--force");
        }
        command.arg(&self.name).status().unwrap()
    }

    fn url(&self) -> String {
        let (before, _) = self.server.rsplit_once('/').unwrap();
        format!("{before}/{}", self.name)
    }
}

impl Drop for ServerDatabase {
    fn drop(&mut self) {
        let _ = self.run("dropdb");
    }
}

fn command(from: &str, to: &str) -> Command {
    let mut command = Command::new(program::find("papertrader-master"));
    command.args(["migrate-store", from, to, "--json"]);
    command.stdin(Stdio::null());
    command
}

/// Moves, and returns the report; the text of the error where it is refused with exit code 1.
fn moved(from: &str, to: &str) -> Result<serde_json::Value, String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command(from, to).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    if status.success() {
        return Ok(serde_json::from_slice(&stdout).unwrap());
    }
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(stdout.is_empty());
    Err(said)
}

fn file(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// A database with many accounts, which adds up.
fn filled(path: &Path) {
    let url = DatabaseUrl::Sqlite(path.to_owned());
    Storage::migrate(&url).unwrap();
    let mut loader = BulkLoader::open(&url).unwrap();
    loader.accounts(ACCOUNTS, None, Timestamp(0)).unwrap();
    loader.close().unwrap();
}

#[test]
fn people_trade_on_after_a_move_and_after_the_way_back() {
    let Some(server) = ServerDatabase::new() else {
        return;
    };
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 10, 3600))
        .in_a_file()
        .start();
    let path = deployment.database_path();
    let first = file(&path);
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "UP", "1");
    let said = moved(&first, &server.url()).unwrap_err();
    assert!(said.contains("in use by another master"), "{said}");
    for (from, to) in [(&first, &server.url()), (&server.url(), &first)] {
        deployment.master().stop();
        let report = moved(from, to).unwrap();
        if from == &first {
            // As the page of setting up has it: the way back is into a file of the same name.
            std::fs::rename(&path, path.with_extension("moved")).unwrap();
        }
        assert_eq!(report["verification"]["accounts"], 1);
        assert_eq!(report["tables"]["workers"], 1);
        deployment.master().set("database.url", to.as_str());
        deployment.master().start();
        // In the session of before.
        let name = username("alice");
        until("the worker has found the master again", || {
            alice.portfolio(&name).is_ok()
        });
        let before = portfolio(&mut alice, "alice");
        buy(&mut alice, "UP", "1");
        assert_ne!(portfolio(&mut alice, "alice"), before);
    }
    assert_eq!(history(&mut alice, "alice").len(), 3);
    let said = moved(&server.url(), &first).unwrap_err();
    assert!(said.contains("this file exists"), "{said}");
}

#[test]
fn a_move_that_is_killed_leaves_nothing_and_begins_anew() {
    let Some(server) = ServerDatabase::new() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
    filled(&from);
    let kill_at_first_word = |from: &str, to: &str| {
        let mut child = command(from, to)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert!(line.starts_with("moving 40,0"), "{line}");
        child.kill().unwrap();
        // This process may have been too slow to kill it before its end.
        child.wait().unwrap().success()
    };
    if !kill_at_first_word(&file(&from), &server.url()) {
        until("the server has noticed, and rolled it back", || {
            moved(&file(&from), &server.url()).is_ok()
        });
    }
    if !kill_at_first_word(&server.url(), &file(&to)) {
        assert!(!to.exists());
        until("the server has noticed", || {
            moved(&server.url(), &file(&to)).is_ok()
        });
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["from.db", "from.lock", "to.db", "to.lock"]);
}

#[test]
fn a_full_disk_leaves_nothing() {
    let Some(server) = ServerDatabase::new() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(&folder.path().join("disk"), DISK_MEGABYTES) else {
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
    let (from, to) = (
        folder.path().join("from.db"),
        folder.path().join("disk/data/to.db"),
    );
    filled(&from);
    moved(&file(&from), &server.url()).unwrap();
    let said = moved(&server.url(), &file(&to)).unwrap_err();
    assert!(
        said.contains("to.db.moving") && said.contains("full"),
        "{said}"
    );
    let left = std::fs::read_dir(to.parent().unwrap()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["to.lock"]);
}

#[test]
fn a_command_line_that_is_wrong_has_its_own_exit_code() {
    for arguments in [
        &["migrate-store", "sqlite:a.db"][..],
        &["migrate-store", "sqlite:a.db", "sqlite:b.db"],
        &["migrate-store", "sqlite:a.db", "mysql://b"],
        &[
            "--existing",
            "migrate-store",
            "sqlite:a.db",
            "postgres://a@localhost/b",
        ],
    ] {
        let mut command = Command::new(program::find("papertrader-master"));
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}
