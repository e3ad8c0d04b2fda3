//! Master and worker as daemons: what they refuse to start with, how they check their
//! configuration, and how they stop.

use papertrader::client::ServerMessage;
use papertrader::link::keyring::Keyring;
use papertrader::model::ProtocolFault;
use papertrader::testkit::trader::buy;
use papertrader::testkit::{Deployment, Market, TEST_TIMEOUT, processes_about, program, until};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Starts the agent of a GPG home and stops it in its tracks. It goes on when this is dropped.
struct HungAgent {
    home: std::path::PathBuf,
    pid: rustix::process::Pid,
}

impl HungAgent {
    fn of(home: &Path) -> HungAgent {
        let output = Command::new("gpg-connect-agent")
            .arg("--homedir")
            .arg(home)
            .args(["getinfo pid", "/bye"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let pid = said
            .lines()
            .find_map(|line| line.strip_prefix("D "))
            .unwrap();
        let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        until("the agent stands still", || {
            rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        });
        let home = home.to_owned();
        HungAgent { home, pid }
    }
}

impl Drop for HungAgent {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(self.pid, rustix::process::Signal::CONT);
        let _ = Keyring::open(&self.home).unwrap().stop();
    }
}

#[test]
fn gpg_that_is_late_is_said_and_is_no_bad_configuration() {
    let deployment = Deployment::new(1);
    let agents =
        ["master", "worker-1"].map(|name| HungAgent::of(&deployment.dir().join("gpg").join(name)));
    for daemon in [deployment.master(), deployment.worker(1)] {
        daemon.spawn();
    }
    for daemon in [deployment.master(), deployment.worker(1)] {
        let status = daemon.wait_exit(TEST_TIMEOUT).unwrap();
        let said = daemon.log();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("GnuPG took too long"), "{said}");
        assert!(!said.contains("did not stop in time"), "{said}");
    }
    drop(agents);
    deployment.start_all();
    deployment.stop_all();
}

/// A file that root does not own, whoever runs the tests.
fn secret(path: &Path, mode: u32) {
    fs::write(path, "ID\nSECRET\n").unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(path, Some(65_534), None).unwrap();
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_credential_that_systemd_hands_over_is_taken_as_it_is() {
    let deployment = Deployment::new(1);
    let (master, worker) = (deployment.master(), deployment.worker(1));
    master.set("currency", "USD");
    master.set("assets.provider", "alpaca");
    master.set("assets.alpaca.credentials", "alpaca.key");
    let tls = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    worker.set("tls.certificate", "tls.pem");
    worker.set("tls.key", "tls.key");
    let given = deployment.dir().join("credentials");
    fs::DirBuilder::new().mode(0o700).create(&given).unwrap();
    let check = |program: &str, config: &str| {
        let output = Command::new(program::find(program))
            .args(["--config", config, "--check-config"])
            .current_dir(deployment.dir())
            .env("CREDENTIALS_DIRECTORY", &given)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let checks = || {
        [
            ("papertrader-master", "master.toml"),
            ("papertrader-worker", "worker-1.toml"),
        ]
        .map(|(program, config)| check(program, config))
    };
    fs::write(given.join("tls.pem"), tls.cert.pem()).unwrap();
    for key in ["alpaca.key", "tls.key"] {
        secret(&given.join(key), 0o440);
    }
    fs::write(given.join("tls.key"), tls.signing_key.serialize_pem()).unwrap();
    for (code, said) in checks() {
        assert_eq!(code, Some(0), "{said}");
    }
    // A folder that others may enter is not the unit's.
    fs::set_permissions(&given, fs::Permissions::from_mode(0o755)).unwrap();
    for (code, said) in checks() {
        assert_eq!(code, Some(78), "{said}");
    }
    fs::set_permissions(&given, fs::Permissions::from_mode(0o700)).unwrap();
    // Elsewhere the same files are open to a group that no root has chosen.
    for key in ["alpaca.key", "tls.key"] {
        fs::rename(given.join(key), deployment.dir().join(key)).unwrap();
    }
    for (code, said) in checks() {
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains("others can read the secret"), "{said}");
    }
    let has_lists = Command::new("setfacl").arg("--version").output().is_ok();
    if !has_lists {
        eprintln!("skipped: no setfacl to make an access list with");
        return;
    }
    let list = |path: &Path| {
        secret(path, 0o400);
        let set = Command::new("setfacl")
            .args(["-m", "u:65533:r"])
            .arg(path)
            .output()
            .unwrap();
        if !set.status.success() {
            eprintln!("skipped: the disk keeps no access lists");
        }
        set.status.success()
    };
    let outside = deployment.dir().join("alpaca.key");
    if list(&outside) {
        assert_eq!(check("papertrader-master", "master.toml").0, Some(78));
        fs::remove_file(outside).unwrap();
        assert!(list(&given.join("alpaca.key")));
        assert_eq!(check("papertrader-master", "master.toml").0, Some(0));
    }
}

#[test]
fn a_port_in_use_is_waited_for_and_then_named() {
    let deployment = Deployment::new(1);
    for daemon in [deployment.master(), deployment.worker(1)] {
        let taken = std::net::TcpListener::bind(daemon.address()).unwrap();
        daemon.spawn();
        until("it tries again", || daemon.log().contains("trying again"));
        drop(taken);
        daemon.wait_ready();
    }
    deployment.stop_all();
    let _taken = std::net::TcpListener::bind(deployment.master().address()).unwrap();
    let output = deployment.run("papertrader-master", &["--config", "master.toml"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.lines().last().unwrap().contains("in use"), "{said}");
}

#[test]
fn a_second_master_on_the_same_database_is_refused() {
    let deployment = Deployment::running(1);
    let before = fs::read(deployment.master().config()).unwrap();
    // Another port and socket: it is the database that they must not share. The market is one that
    // no master would take: its files are not looked at before the database is locked, because a
    // running master reads what is kept of them.
    fs::create_dir(deployment.dir().join("faulty")).unwrap();
    fs::write(deployment.dir().join("faulty/IBM.csv"), "nonsense\n").unwrap();
    let other = deployment.dir().join("other.toml");
    let text = String::from_utf8(before)
        .unwrap()
        .replace(&deployment.master().address(), "127.0.0.1:0")
        .replace("master.sock", "other.sock")
        .replace("directory = \"market\"", "directory = \"faulty\"");
    assert!(text.contains("\"faulty\""), "{text}");
    fs::write(&other, text).unwrap();
    let output = deployment.run("papertrader-master", &["--config", "other.toml"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("in use by another master"), "{said}");
    // The first goes on as if nothing had been.
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "IBM", "1");
    deployment.stop_all();
}

/// Administrators copy the file of a stopped master.
#[test]
fn after_a_clean_stop_the_database_is_whole_in_one_file() {
    let deployment = Deployment::builder().in_a_file().start();
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "IBM", "1");
    deployment.stop_all();
    for ending in ["-wal", "-shm"] {
        let mut beside = deployment.database_path().into_os_string();
        beside.push(ending);
        assert!(
            !fs::exists(&beside).unwrap(),
            "{} is there",
            beside.display()
        );
    }
}

#[test]
fn a_newer_database_is_refused_and_nothing_written() {
    let deployment = Deployment::builder().in_a_file().make();
    let path = deployment.dir().join("data/master/master.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 1000)
        .unwrap();
    let before = fs::read(&path).unwrap();
    let output = deployment.run("papertrader-master", &["--config", "master.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("newer version"), "{said}");
    assert!(fs::read(&path).unwrap() == before, "something was written");
    deployment.master().spawn();
    assert_eq!(
        deployment.master().wait_exit(TEST_TIMEOUT).unwrap().code(),
        Some(1)
    );
}

#[test]
fn a_broken_market_file_is_named_with_line_and_reason() {
    let deployment = Deployment::new(1);
    let good = "2020-01-02,1,2,1,2,10\n2020-01-03,1,2,1,2,10\n";
    for (rows, line, why) in [
        ("2020-01-04,1,2,1,x,10\n", "line 4", "x"),
        ("2020-01-04,1,2,1\n", "line 4", "columns"),
        ("2020-01-01,1,2,1,2,10\n", "line 4", "not after"),
        ("2020-02-30,1,2,1,2,10\n", "line 4", "2020-02-30"),
        ("2020-01-04,0,0,0,0,10\n", "line 4", "not above 0"),
    ] {
        deployment.set_market(&Market::files(
            "2020-01-02",
            &[("AAA", &format!("{good}{rows}"))],
        ));
        for arguments in [
            &["--config", "master.toml"][..],
            &["--config", "master.toml", "--check-config"],
        ] {
            let output = deployment.run("papertrader-master", arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(78), "{rows}: {said}");
            assert!(
                said.contains("AAA.csv") && said.contains(line) && said.contains(why),
                "{rows}: {said}"
            );
        }
    }
    assert!(processes_about(deployment.dir()).is_empty());
}

#[test]
fn a_faulty_market_file_leaves_its_asset_out_and_is_named() {
    let deployment = Deployment::new(1);
    deployment.set_market(&Market::files(
        "2020-01-02",
        &[
            ("AAA", "2020-01-02,1,2,1,2,10\n2020-01-03,1,2,1,2,10\n"),
            ("BBB", "2020-01-02,1,2,1,x,10\n"),
            ("^IDX", "2020-01-02,1,2,1,2,10\n"),
        ],
    ));
    let faults = ["BBB.csv, line 2: Close \"x\"", "^IDX.csv: passed over"];
    let output = deployment.run(
        "papertrader-master",
        &["--config", "master.toml", "--check-config"],
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for fault in faults {
        assert!(said.contains(fault), "{said}");
    }
    deployment.start_all();
    let said = deployment.done("status");
    for fault in faults {
        assert!(said.contains(fault), "{said}");
    }
    deployment.stop_all();
}

#[test]
fn both_daemons_check_their_configuration() {
    let deployment = Deployment::new(1);
    let check = |deployment: &Deployment, program: &str, config: &str| {
        let output = deployment.run(program, &["--config", config, "--check-config"]);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    for (daemon, program, config) in [
        (deployment.master(), "papertrader-master", "master.toml"),
        (deployment.worker(1), "papertrader-worker", "worker-1.toml"),
    ] {
        let (code, said) = check(&deployment, program, config);
        assert_eq!(code, Some(0), "{said}");
        let good = fs::read_to_string(daemon.config()).unwrap();
        for (key, value, why) in [
            ("lisen", "\"127.0.0.1:1\"", "lisen"),
            ("listen", "\"nowhere\"", "listen"),
            ("limits.max_connections", "0", "max_connections"),
            ("limits.frame_timeout", "\"soon\"", "frame_timeout"),
            ("gpg.key", "\"ABCD\"", "gpg.key"),
            ("gpg.home", "\"nowhere\"", "gpg.home"),
            ("log.memory_entries", "\"many\"", "memory_entries"),
        ] {
            daemon.set_toml(key, value);
            let (code, said) = check(&deployment, program, config);
            assert_eq!(code, Some(78), "{key} = {value}: {said}");
            assert!(
                said.contains(config) && said.contains(why),
                "{key} = {value}: {said}"
            );
            fs::write(daemon.config(), &good).unwrap();
        }
        let (code, said) = check(&deployment, program, "absent.toml");
        assert_eq!(code, Some(78), "{said}");
    }
    // A check beside the running daemons disturbs nobody, and leaves no agent where none was.
    assert!(processes_about(deployment.dir()).is_empty());
    deployment.start_all();
    assert_eq!(
        check(&deployment, "papertrader-master", "master.toml").0,
        Some(0)
    );
    assert_eq!(
        check(&deployment, "papertrader-worker", "worker-1.toml").0,
        Some(0)
    );
    deployment.trader(1, "alice");
    deployment.stop_all();
    assert!(processes_about(deployment.dir()).is_empty());
}

#[test]
fn daemons_stop_at_sigterm_and_at_the_end_of_their_input() {
    let deployment = Deployment::running(1);
    let mut idle = deployment.connect(1);
    // Who is connected and not yet accepted when a worker stops is not told anything.
    idle.ping().unwrap();
    let (status, took) = deployment.worker(1).stop();
    assert!(
        status.success() && took < Duration::from_secs(5),
        "{status} after {took:?}"
    );
    match idle.connection().recv().unwrap() {
        ServerMessage::Fault(code, _) if code == ProtocolFault::ShuttingDown => {}
        other => panic!("{other:?}"),
    }
    let (status, took) = deployment.master().stop();
    assert!(
        status.success() && took < Duration::from_secs(5),
        "{status} after {took:?}"
    );
    // A parent that goes away: the input ends.
    let mut child = Command::new(program::find("papertrader-master"))
        .args(["--config", "master.toml", "--stop-with-input"])
        .current_dir(deployment.dir())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(processes_about(deployment.dir()).is_empty());
}

#[test]
fn a_start_that_goes_on_is_told_before_it_serves() {
    let deployment = Deployment::new(1);
    deployment.master().start();
    // By each, systemd waits for another while, however large the market is.
    assert!(deployment.master().extensions() > 0);
}
