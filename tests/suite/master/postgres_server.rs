//! Masters on PostgreSQL servers of their own: TLS and passwords, a standby, and a server that crashes
//! under people who trade. Without `tests/with-postgres` they are skipped.

use papertrader::client::{Answer, Client};
use papertrader::model::Side;
use papertrader::testkit::trader::{buy, hashed, history, order, register, username};
use papertrader::testkit::{Deployment, TEST_TIMEOUT, eventually, ports, until};
use papertrader::wire::Reply;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Set where `tests/with-postgres` runs these tests.
const SERVER: &str = "PAPERTRADER_TEST_POSTGRES";

/// The exit code of a master that leads no more.
const SUPERSEDED: i32 = 75;

fn is_skipped() -> bool {
    let is_skipped = std::env::var_os(SERVER).is_none();
    if is_skipped {
        println!("skipped: run this by tests/with-postgres");
    }
    is_skipped
}

/// A folder in which the server's user may read and search.
fn open_folder() -> TempDir {
    let open = Permissions::from_mode(0o755);
    tempfile::Builder::new()
        .permissions(open)
        .tempdir()
        .unwrap()
}

/// Gives a file or folder to the server's user, who is another one where this is root.
fn give(path: &Path) {
    if rustix::process::geteuid().is_root() {
        let user = uzers::get_user_by_name("postgres").unwrap();
        chown(path, Some(user.uid()), Some(user.primary_group_id())).unwrap();
    }
}

/// A program of the server, as its user.
fn program(name: &str) -> Command {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    versions.sort();
    let path = versions.pop().unwrap_or_else(|| name.into());
    if !rustix::process::geteuid().is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=postgres",
        "--regid=postgres",
        "--clear-groups",
        "--",
    ]);
    command.arg(path);
    command
}

fn done(command: &mut Command) -> String {
    let output = command.current_dir("/").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A server of a test's own, on loopback and a socket.
struct OwnServer {
    port: u16,
    socket: PathBuf,
    /// Ends when its standard input does, and the server with it.
    shell: Child,
}

impl OwnServer {
    /// One with the database `trade`.
    fn for_trade(settings: &str) -> OwnServer {
        let server = OwnServer::start(settings);
        server.sql("CREATE DATABASE trade");
        server
    }

    fn start(settings: &str) -> OwnServer {
        let port = ports::free(1).unwrap()[0];
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/with-postgres");
        let settings = format!("-c listen_addresses=127.0.0.1 -c port={port} {settings}");
        let mut shell = Command::new(script)
            .args([
                "sh",
                "-c",
                "echo \"$PAPERTRADER_TEST_POSTGRES\"; cat >/dev/null",
            ])
            .env("PAPERTRADER_TEST_POSTGRES_SETTINGS", settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let told = shell.stdout.take().unwrap();
        BufReader::new(told).read_line(&mut line).unwrap();
        let folder = line.split('@').nth(1).and_then(|it| it.split('/').next());
        let folder = folder.unwrap_or_else(|| panic!("with-postgres said {line:?}"));
        OwnServer {
            port,
            socket: folder.replace("%2F", "/").into(),
            shell,
        }
    }

    /// What its administrator asks of it.
    fn sql(&self, sql: &str) -> String {
        self.sql_in("postgres", sql)
    }

    /// The same in one of its databases.
    fn sql_in(&self, database: &str, sql: &str) -> String {
        let port = self.port.to_string();
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-p", &port]);
        psql.args(["-U", "papertrader", "-d", database, "-c", sql, "-h"]);
        done(psql.arg(&self.socket)).trim_end().to_owned()
    }

    /// Lets commits wait for a replica of this name, which there need not be, or for none.
    fn waits_for(&self, replica: &str) {
        self.sql(&format!(
            "ALTER SYSTEM SET synchronous_standby_names = '{replica}'"
        ));
        self.sql("SELECT pg_reload_conf()");
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://papertrader@127.0.0.1:{}/{database}", self.port)
    }
}

impl OwnServer {
    /// Sends a signal to all of its processes.
    fn signal(&self, signal: Signal) {
        let file = self.socket.join("data/postmaster.pid");
        let first = fs::read_to_string(file).unwrap();
        let pid = first.lines().next().unwrap().to_owned();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let send = |pid: &str| {
            let pid = pid.parse().ok().and_then(Pid::from_raw).unwrap();
            // A session may have ended meanwhile.
            let _ = kill_process(pid, signal);
        };
        send(&pid);
        let sessions = fs::read_to_string(children).unwrap();
        sessions.split_whitespace().for_each(send);
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Buys until an order is filled: a master leads, and the worker is linked to it.
fn until_filled(client: &mut Client) {
    let order = order(client, Side::Buy, "AAPL", "1", None);
    eventually("an order is filled", || {
        client.connection().send(&order).unwrap();
        let answer = client.connection().reply(|_| {}).unwrap();
        matches!(answer, Answer::Message(Reply::Filled(_))).then_some(())
    });
}

/// Starts a master that cannot; returns its exit code and what it says last.
fn refused(deployment: &Deployment) -> (Option<i32>, String) {
    let config = deployment.master().config().to_str().unwrap().to_owned();
    let output = deployment.run("papertrader-master", &["--config", &config]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

/// A server that lets in who comes by TLS and has the password.
fn with_tls(folder: &Path) -> OwnServer {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = folder.join("server.key");
    fs::write(folder.join("server.crt"), made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    give(&key);
    let hba = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    fs::write(folder.join("hba.conf"), hba).unwrap();
    let at = folder.display();
    OwnServer::start(&format!(
        "-c ssl=on -c ssl_cert_file={at}/server.crt -c ssl_key_file={at}/server.key -c hba_file={at}/hba.conf"
    ))
}

/// Two masters over its database, with a lease that soon is over.
fn two_masters(server: &OwnServer) -> Deployment {
    Deployment::builder()
        .on_server(&server.url("trade"))
        .standby()
        .set("database.lease", "3s")
        .start()
}

#[test]
fn tls_and_passwords_are_right_or_named_at_the_start() {
    if is_skipped() {
        return;
    }
    let folder = open_folder();
    let server = with_tls(folder.path());
    server.sql("CREATE ROLE pt LOGIN PASSWORD 'right'");
    server.sql("CREATE DATABASE trade OWNER pt");
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(folder.path().join("other.crt"), other.cert.pem()).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (right, wrong) = (file("right", "right\n"), file("wrong", "wrong\n"));
    let root = |name: &str| {
        format!(
            "sslmode=verify-full&sslrootcert={}/{name}",
            folder.path().display()
        )
    };
    let (ours, theirs) = (root("server.crt"), root("other.crt"));
    let deployment = Deployment::builder().in_a_file().make();
    let set = |host: &str, database: &str, parameters: &str, password: &str| {
        let port = server.port;
        let url = format!("postgres://pt@{host}:{port}/{database}?{parameters}");
        deployment.master().set("database.url", url.as_str());
        deployment.master().set("database.password_file", password);
        url
    };
    for (host, database, parameters, password, says) in [
        (
            "localhost",
            "trade",
            ours.as_str(),
            &wrong,
            "is the password of pt in",
        ),
        (
            "localhost",
            "nowhere",
            &ours,
            &right,
            "createdb --owner=pt --encoding=UTF8 --template=template0 nowhere",
        ),
        ("localhost", "trade", &theirs, &right, "sslrootcert"),
        (
            "127.0.0.1",
            "trade",
            &ours,
            &right,
            "certificate for its name",
        ),
        (
            "localhost",
            "trade",
            "sslmode=disable",
            &right,
            "pg_hba.conf",
        ),
    ] {
        let url = set(host, database, parameters, password);
        let (code, said) = refused(&deployment);
        assert_eq!(code, Some(1), "{url}: {said}");
        assert!(said.contains(&url) && said.contains(says), "{url}: {said}");
    }
    set("localhost", "trade", &ours, &right);
    deployment.master().start();
    deployment.done("verify");
    let plain = "SELECT count(*) FILTER (WHERE NOT ssl), count(*) > 2 FROM pg_stat_ssl
         JOIN pg_stat_activity USING (pid) WHERE usename = 'pt'";
    assert_eq!(server.sql(plain), "0|t", "all sessions have TLS");
}

#[test]
fn a_database_that_is_not_this_version_s_is_refused_at_the_start() {
    if is_skipped() {
        return;
    }
    let server = OwnServer::for_trade("");
    let deployment = Deployment::builder().on_server(&server.url("trade")).make();
    let refused_with = |says: &str| {
        let (code, said) = refused(&deployment);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&server.url("trade")), "{said}");
        assert!(said.contains(says), "{said}");
    };
    let in_trade = |sql: &str| server.sql_in("trade", sql);
    in_trade("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE notes (text TEXT)");
    refused_with("not a PaperTrader database");
    let tables =
        "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(in_trade(tables), "notes", "nothing was written into it");
    in_trade("DROP TABLE notes");
    deployment.master().start();
    deployment.master().stop();
    in_trade("UPDATE schema_version SET number = number + 1");
    refused_with("newer version");
    in_trade("UPDATE schema_version SET number = number - 1");
    deployment.master().start();
}

#[test]
fn settings_that_can_lose_orders_are_warned_of() {
    if is_skipped() {
        return;
    }
    let server = OwnServer::for_trade("-c fsync=on -c full_page_writes=on");
    let alone = server.url("trade");
    let deployment = Deployment::builder().on_server(&alone).make();
    let warned = |url: &str| {
        deployment.master().set("database.url", url);
        let config = deployment.master().config().to_str().unwrap().to_owned();
        let check = ["--config", &config, "--check-config"];
        let output = deployment.run("papertrader-master", &check);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let warnings = said.lines().filter(|line| line.contains("server has"));
        warnings.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(warned(&alone), "");
    server.sql("ALTER DATABASE trade SET synchronous_commit = off");
    let said = warned(&alone);
    assert!(said.contains("synchronous_commit = off"), "{said}");
    // A start says the same.
    deployment.master().start();
    assert!(deployment.log().contains("synchronous_commit = off"));
    deployment.master().stop();
    server.sql("ALTER DATABASE trade RESET synchronous_commit");
    // Several hosts, and no standby that has what is acknowledged: as with Patroni's asynchronous mode.
    let port = server.port;
    let both = format!("postgres://papertrader@127.0.0.1:{port},127.0.0.1:{port}/trade");
    let said = warned(&both);
    assert!(said.contains("no synchronous standby"), "{said}");
    server.waits_for("other");
    until("the server has read it", || warned(&both).is_empty());
    // The first statement keeps the second from waiting for a standby that there is not.
    server
        .sql("SET synchronous_commit = local; ALTER DATABASE trade SET synchronous_commit = local");
    let said = warned(&both);
    assert!(said.contains("no synchronous standby"), "{said}");
}

#[test]
fn a_setting_that_changes_under_the_master_is_warned_of_while_it_lasts() {
    if is_skipped() {
        return;
    }
    let server = OwnServer::for_trade("");
    let deployment = two_masters(&server);
    let warned = || {
        let conditions = deployment.json("status")["conditions"].clone();
        let conditions = conditions.as_array().unwrap().iter();
        let of_server = conditions.filter(|it| it["kind"] == "database-unsafe");
        of_server
            .map(|it| it["text"].to_string())
            .collect::<String>()
    };
    // What else the server of tests does not do is warned of throughout.
    let is_warned = || warned().contains("synchronous_commit = off");
    until("the master has looked", || warned().contains("fsync = off"));
    assert!(!is_warned());
    server.sql("ALTER DATABASE trade SET synchronous_commit = off");
    until("the master warns", is_warned);
    server.sql("ALTER DATABASE trade RESET synchronous_commit");
    until("the master warns no more", || !is_warned());
    until("its log says so", || {
        let over = "no longer: the database's server has synchronous_commit = off";
        deployment.master().log().contains(over)
    });
}

#[test]
fn a_replica_that_is_lost_does_not_end_who_stands_by() {
    if is_skipped() {
        return;
    }
    let server = OwnServer::for_trade("");
    let deployment = two_masters(&server);
    let (master, standby) = (deployment.master(), deployment.standby().unwrap());
    server.waits_for("lost");
    let ended = master.wait_exit(TEST_TIMEOUT).unwrap();
    assert_eq!(ended.code(), Some(SUPERSEDED), "{}", master.log());
    // It tries to lead, and cannot: the last renewal still waits.
    until("the standby says why it does not lead", || {
        standby.log().contains("it cannot be seen who leads")
    });
    assert_eq!(standby.fallen(), None, "{}", standby.log());
    server.waits_for("");
    until("it leads", || {
        standby.log().contains("this master leads from now on")
    });
    assert_eq!(standby.fallen(), None, "{}", standby.log());
    standby.kill();
    // One that starts then takes the lease, and is not told so.
    until("the lease is over", || {
        let is_over =
            "SELECT expires < extract(epoch FROM clock_timestamp()) * 1000 FROM master_lease";
        server.sql_in("trade", is_over) == "t"
    });
    server.waits_for("lost");
    master.spawn();
    let ended = master.wait_exit(TEST_TIMEOUT).unwrap();
    assert_eq!(ended.code(), Some(SUPERSEDED), "{}", master.log());
    let said = master.log();
    assert!(said.contains("does not answer"), "{said}");
}

/// The replica is lost with the leader, as where both are one machine.
#[test]
fn who_takes_the_lease_while_commits_wait_for_a_replica_keeps_it() {
    if is_skipped() {
        return;
    }
    let server = OwnServer::for_trade("");
    let deployment = two_masters(&server);
    let (master, standby) = (deployment.master(), deployment.standby().unwrap());
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "AAPL", "1");
    // Nothing of the one before is under way, and nobody else renews.
    standby.kill();
    master.stop();
    server.waits_for("lost");
    standby.spawn();
    until("its commit has waited for longer than a lease", || {
        let waits = "SELECT count(*) FROM pg_stat_activity
                         WHERE wait_event = 'SyncRep' AND query = 'COMMIT'
                             AND clock_timestamp() - query_start > interval '4 s'";
        server.sql(waits) == "1"
    });
    server.waits_for("");
    until("it leads", || standby.has_served());
    assert_eq!(standby.fallen(), None, "{}", standby.log());
    until_filled(&mut alice);
    assert_eq!(standby.fallen(), None, "{}", standby.log());
}

/// A running standby of a server.
struct Standby {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Standby {
    fn of(server: &OwnServer) -> Standby {
        let folder = open_folder();
        let own = folder.path().join("standby");
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, Permissions::from_mode(0o700)).unwrap();
        give(&own);
        let data = own.join("data");
        let from = server.port.to_string();
        let mut copy = program("pg_basebackup");
        copy.args([
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--username=papertrader",
        ]);
        copy.args(["--port", &from, "--host"]).arg(&server.socket);
        done(copy.arg("--pgdata").arg(&data));
        let port = ports::free(1).unwrap()[0];
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", own.display()),
            "fsync=off".to_owned(),
            // Not less than the primary's.
            "max_connections=400".to_owned(),
        ];
        let mut postgres = program("postgres");
        postgres.arg("-D").arg(&data);
        for setting in &settings {
            postgres.args(["-c", setting]);
        }
        let process = postgres
            .current_dir("/")
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Standby {
            port,
            process,
            _folder: folder,
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::QUIT);
        let _ = self.process.wait();
    }
}

#[test]
fn a_standby_is_refused_and_passed_by_for_the_primary() {
    if is_skipped() {
        return;
    }
    let server = OwnServer::for_trade("");
    let deployment = Deployment::builder().on_server(&server.url("trade")).make();
    deployment.start_all();
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "AAPL", "1");
    deployment.stop_all();
    let standby = Standby::of(&server);
    let both = format!(
        "postgres://papertrader@127.0.0.1:{},127.0.0.1:{}/trade?target_session_attrs=read-write",
        standby.port, server.port
    );
    let alone = format!("postgres://papertrader@127.0.0.1:{}/trade", standby.port);
    deployment.master().set("database.url", alone.as_str());
    // Until it has started it takes no connections, which is another refusal.
    let said = eventually("a standby is refused", || {
        let (code, said) = refused(&deployment);
        assert_eq!(code, Some(1), "{said}");
        said.contains("this server is a replica").then_some(said)
    });
    assert!(said.contains(&alone), "{said}");
    let primary = format!("{alone}?target_session_attrs=read-write");
    deployment.master().set("database.url", primary.as_str());
    let (code, said) = refused(&deployment);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is one of them the primary"), "{said}");
    deployment.master().set("database.url", both.as_str());
    deployment.start_all();
    // It reads, and it writes.
    let mut alice = deployment.connect(1);
    alice
        .login(&username("alice"), &hashed("alice"), false)
        .unwrap();
    assert_eq!(history(&mut alice, "alice").len(), 1);
    register(&mut alice, "bob");
}

/// A crash of the server, as of its machine: sessions end, and it recovers from its log.
#[test]
fn a_server_that_crashes_while_people_trade_loses_no_order() {
    if is_skipped() {
        return;
    }
    let server = OwnServer::for_trade("-c fsync=on -c full_page_writes=on");
    let deployment = Deployment::builder()
        .on_server(&server.url("trade"))
        .start();
    let mut alice = deployment.trader(1, "alice");
    let mut known = 0;
    for _ in 0..3 {
        buy(&mut alice, "AAPL", "1");
        known += 1;
        let mut crash = program("pg_ctl");
        crash.args([
            "--mode=immediate",
            "--silent",
            "--wait",
            "--log=/dev/null",
            "restart",
            "--pgdata",
        ]);
        done(crash.arg(server.socket.join("data")).stdin(Stdio::null()));
        // What the lost connections were at is refused; then orders are filled again.
        eventually("the master trades again", || {
            let order = order(&alice, Side::Buy, "AAPL", "1", None);
            alice.connection().send(&order).unwrap();
            let answer = alice.connection().reply(|_| {}).unwrap();
            matches!(answer, Answer::Message(Reply::Filled(_))).then_some(())
        });
        known += 1;
    }
    assert_eq!(history(&mut alice, "alice").len(), known);
    assert!(deployment.master().fallen().is_none());
    deployment.done("verify");
}

/// A server that takes statements and answers none, as one whose disk hangs.
#[test]
fn a_server_that_is_stopped_ends_both_masters_and_one_leads_when_it_goes_on() {
    if is_skipped() {
        return;
    }
    let server = OwnServer::for_trade("");
    let deployment = two_masters(&server);
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "AAPL", "1");
    // One that has no session yet would go on trying to connect.
    until("the standby has looked who leads", || {
        let status = deployment.json("status");
        status["standbys"].as_array().unwrap().len() == 1
    });
    server.signal(Signal::STOP);
    for master in deployment.masters() {
        let ended = master.wait_exit(TEST_TIMEOUT);
        let code = ended.and_then(|it| it.code());
        assert_eq!(code, Some(SUPERSEDED), "{}", master.log());
    }
    server.signal(Signal::CONT);
    deployment.restart_killed();
    until_filled(&mut alice);
    assert_eq!(history(&mut alice, "alice").len(), 2);
}

#[test]
fn who_stands_by_stops_in_order_although_the_server_does_not_answer() {
    if is_skipped() {
        return;
    }
    let server = OwnServer::for_trade("");
    let deployment = two_masters(&server);
    let standby = deployment.standby().unwrap();
    server.signal(Signal::STOP);
    // From now on it waits for an answer, or soon does.
    let ended = deployment.master().wait_exit(TEST_TIMEOUT);
    assert_eq!(ended.and_then(|it| it.code()), Some(SUPERSEDED));
    standby.signal(Signal::TERM);
    let ended = standby.wait_exit(TEST_TIMEOUT).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", standby.log());
    server.signal(Signal::CONT);
}
