//! `papertraderctl setup` and `workers accept`, below a folder: a person trades over TLS by what they
//! make, on one machine and on two; a set-up that is killed goes on; what is wrong is said.

use papertrader::testkit::process::{Process, daemon_arguments};
use papertrader::testkit::small_disk::SmallDisk;
use papertrader::testkit::{busy, folder, ports, program};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A person's password.
const PASSWORD: &str = "much longer than a guess";

/// A machine: a folder, with the ports of its daemons.
struct Machine {
    folder: tempfile::TempDir,
    master: u16,
    worker: u16,
}

impl Machine {
    fn new() -> Machine {
        let ports = ports::free(2).unwrap();
        Machine {
            folder: folder(),
            master: ports[0],
            worker: ports[1],
        }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn etc(&self, name: &str) -> PathBuf {
        self.root().join("etc/papertrader").join(name)
    }

    fn socket(&self) -> PathBuf {
        self.root().join("run/papertrader/master.sock")
    }

    /// `papertraderctl setup …`, below this folder.
    fn setup(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program::find("papertraderctl"));
        command
            .arg("setup")
            .arg(arguments[0])
            .arg("--root")
            .arg(self.root())
            .args(&arguments[1..])
            .stdin(Stdio::null());
        command
    }

    fn master_setup(&self) -> Command {
        let market = Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/market");
        let mut command = self.setup(&["master", "--update-interval", "200ms", "--market"]);
        command
            .arg(market)
            .args(["--listen", &format!("127.0.0.1:{}", self.master)]);
        command
    }

    fn worker_setup(&self, name: &str, more: &[&str]) -> Command {
        let mut command = self.setup(&["worker", name]);
        command
            .args(["--address", &format!("127.0.0.1:{}", self.worker)])
            .args(more);
        command
    }

    fn ctl(&self, arguments: &[&str]) -> Output {
        Command::new(program::find("papertraderctl"))
            .arg("--socket")
            .arg(self.socket())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Starts a daemon, and waits until it serves.
    fn start(&self, daemon: &str, config: &str) -> Served {
        let config = self.etc(config);
        let mut command = Command::new(program::find(daemon));
        daemon_arguments(&mut command, &config);
        let socket = self.root().join(format!("{daemon}.notify"));
        let mut process = Process::start(command, Some(&socket)).unwrap();
        assert!(
            process.wait_ready(Instant::now() + busy(Duration::from_secs(30))),
            "{daemon} does not serve"
        );
        Served(process)
    }

    /// `papertrader` as a person of this machine, who trusts the CA of its trial.
    fn person(&self, arguments: &[&str]) -> Output {
        let mut child = Command::new(program::find("papertrader"))
            .args(["--server", &format!("127.0.0.1:{}", self.worker), "--ca"])
            .arg(self.etc("ca/ca.crt"))
            .args(arguments)
            .env("HOME", self.root())
            .env("XDG_STATE_HOME", self.root().join("person"))
            .env("XDG_CACHE_HOME", self.root().join("person"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = writeln!(child.stdin.take().unwrap(), "{PASSWORD}");
        child.wait_with_output().unwrap()
    }

    fn trades(&self) {
        for arguments in [
            &["register", "ada", "ada@example.org", "--password-stdin"][..],
            &["login", "ada", "--password-stdin"],
            &["buy", "AAPL", "10", "--yes"],
        ] {
            let output = self.person(arguments);
            assert!(output.status.success(), "{}", said(&output));
            // What comes next works as it stands there.
            if arguments[0] == "register" {
                let next = format!(
                    "papertrader --server 127.0.0.1:{} --ca {} login ada",
                    self.worker,
                    self.etc("ca/ca.crt").display()
                );
                assert!(said(&output).contains(&next), "{}", said(&output));
            }
        }
        let held = said(&self.person(&["portfolio"]));
        assert!(held.contains("AAPL"), "{held}");
    }
}

/// A daemon that serves. Dropping it stops it, with the agent of its keys.
struct Served(Process);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.signal(Signal::TERM);
        self.0
            .wait_end(Instant::now() + busy(Duration::from_secs(10)));
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn done(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that fails with exit code 1 says.
fn failed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    String::from_utf8(output.stderr).unwrap()
}

/// The steps of a set-up that were not there before.
fn changed(mut command: Command) -> Vec<String> {
    command.arg("--json");
    let report: Value = serde_json::from_str(&done(command)).unwrap();
    let steps = report["steps"].as_array().unwrap();
    let changed = steps.iter().filter(|step| step["state"] != "there");
    changed
        .map(|step| step["what"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_person_trades_over_tls_after_two_commands_and_again_they_change_nothing() {
    let machine = Machine::new();
    done(machine.master_setup());
    // The worker is registered although the master does not run.
    let text = done(machine.worker_setup("eu1", &[]));
    assert!(text.contains("--ca"), "{text}");
    let config = fs::read_to_string(machine.etc("worker-eu1.toml")).unwrap();
    assert!(
        config.starts_with("# Made by papertraderctl setup "),
        "{config}"
    );
    let _master = machine.start("papertrader-master", "master.toml");
    let _worker = machine.start("papertrader-worker", "worker-eu1.toml");
    machine.trades();

    // Beside the running master, too.
    assert_eq!(changed(machine.master_setup()), [""; 0]);
    assert_eq!(changed(machine.worker_setup("eu1", &[])), [""; 0]);
    let other = done(machine.worker_setup("eu1", &["--listen", "127.0.0.1:1"]));
    assert!(other.contains("--listen changes nothing"), "{other}");

    // So are modes, of configurations, secrets and logs.
    let log = machine.root().join("var/log/papertrader/master.log");
    for file in [&machine.etc("master.toml"), &machine.etc("ca/ca.key"), &log] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let mended = changed(machine.master_setup());
    assert_eq!(mended.len(), 2, "{mended:?}");
    assert!(mended[1].contains("it was 0666"), "{mended:?}");
    assert_eq!(changed(machine.worker_setup("eu1", &[])).len(), 1);
    assert_eq!(
        fs::metadata(&log).unwrap().permissions().mode() & 0o777,
        0o640
    );
    // What is missing or wrong is mended.
    fs::remove_file(machine.etc("tls/eu1.key")).unwrap();
    fs::remove_file(machine.etc("gnupg-eu1/gpg.conf")).unwrap();
    let mended = changed(machine.worker_setup("eu1", &[]));
    assert_eq!(mended.len(), 2, "{mended:?}");
    // A registration that was ended is made anew, and the configuration gets its UUID.
    let ended = machine.ctl(&["workers", "unregister", "eu1"]);
    assert!(ended.status.success(), "{}", said(&ended));
    let mended = changed(machine.worker_setup("eu1", &[]));
    assert_eq!(mended.len(), 2, "{mended:?}");
    let listed = said(&machine.ctl(&["workers", "show", "eu1", "--json"]));
    let uuid = serde_json::from_str::<Value>(&listed).unwrap()["uuid"].clone();
    let config = fs::read_to_string(machine.etc("worker-eu1.toml")).unwrap();
    assert!(config.contains(uuid.as_str().unwrap()), "{config}");
    // So it is with a new key of the master's; in another form the administrator writes them.
    let line = config.lines().find(|line| line.starts_with("master_key"));
    let file = machine.etc("worker-eu1.toml");
    let other = config.replace(line.unwrap(), &format!("master_key = \"{:A<40}\"", ""));
    fs::write(&file, &other).unwrap();
    let text = done(machine.worker_setup("eu1", &[]));
    assert!(text.contains("the master's key was AAAA"), "{text}");
    assert_eq!(fs::read_to_string(&file).unwrap(), config);
    fs::write(&file, other.replace(&"A".repeat(40), &"a".repeat(40))).unwrap();
    let why = failed(machine.worker_setup("eu1", &[]));
    assert!(why.contains("below [gpg] master_key"), "{why}");
    fs::write(&file, &config).unwrap();

    // A second worker gets a port of its own, and a name that is another's key is refused.
    let second = machine.setup(&["worker", "eu2", "--yes"]);
    done(second);
    let config = fs::read_to_string(machine.etc("worker-eu2.toml")).unwrap();
    assert!(!config.contains(&format!("listen = \"127.0.0.1:{}\"", machine.worker)));
    fs::remove_file(machine.etc("worker-eu2.toml")).unwrap();
    fs::remove_dir_all(machine.etc("gnupg-eu2")).unwrap();
    let why = failed(machine.setup(&["worker", "eu2", "--yes"]));
    assert!(why.contains("registered as eu2 with another key"), "{why}");
    assert!(why.contains("workers unregister eu2"), "{why}");
}

#[test]
fn a_worker_of_another_machine_is_set_up_by_a_request_and_its_answer() {
    let (here, there) = (Machine::new(), Machine::new());
    done(here.master_setup());
    let _master = here.start("papertrader-master", "master.toml");
    let master = format!("127.0.0.1:{}", here.master);

    let text = done(there.worker_setup("eu1", &["--master", &master]));
    assert!(text.contains("workers accept eu1.request"), "{text}");
    let request = there.etc("worker-eu1.request");
    let accept = || here.ctl(&["workers", "accept", request.to_str().unwrap()]);
    let accepted = accept();
    assert!(accepted.status.success(), "{}", said(&accepted));
    // Both administrators see the same key.
    let key = text.split_once("the worker's key, ").unwrap().1;
    let key = key.lines().next().unwrap();
    assert!(String::from_utf8_lossy(&accepted.stderr).contains(key));
    // Given again, the same comes back.
    assert_eq!(accept().stdout, accepted.stdout);

    let answer = there.root().join("eu1.answer");
    fs::write(&answer, &accepted.stdout).unwrap();
    let answer = answer.to_str().unwrap();
    let why = failed(there.setup(&["worker", "eu2", "--answer", answer]));
    assert!(why.contains("for the worker eu1"), "{why}");
    done(there.setup(&["worker", "eu1", "--answer", answer]));
    assert_eq!(
        changed(there.setup(&["worker", "eu1", "--answer", answer])),
        [""; 0]
    );
    let _worker = there.start("papertrader-worker", "worker-eu1.toml");
    there.trades();

    // A request with a key that is not the registered one changes nothing.
    let text = fs::read_to_string(there.etc("worker-eu2.request"));
    assert!(
        text.is_err(),
        "only asked for, it is written by a set-up of eu2"
    );
    done(there.setup(&["worker", "eu2", "--yes", "--master", &master]));
    let text = fs::read_to_string(there.etc("worker-eu2.request")).unwrap();
    let swapped = there.root().join("swapped");
    fs::write(&swapped, text.replace("\"eu2\"", "\"eu1\"")).unwrap();
    let output = here.ctl(&["workers", "accept", swapped.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("nothing was changed"),
        "{}",
        said(&output)
    );
    let line = text.lines().find(|line| line.starts_with("fingerprint"));
    let false_claim = text.replace(line.unwrap(), &format!("fingerprint = \"{key}\""));
    fs::write(&swapped, false_claim).unwrap();
    let output = here.ctl(&["workers", "accept", swapped.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let listed = said(&here.ctl(&["workers", "list"]));
    assert!(!listed.contains("eu2"), "{listed}");
}

/// The fingerprints that a configuration names: its own key's, and the master's where it is a worker's.
fn keys(machine: &Machine, config: &str) -> Vec<String> {
    let text = fs::read_to_string(machine.etc(config)).unwrap();
    let lines = text.lines();
    let keys = lines.filter(|it| it.starts_with("key = ") || it.starts_with("master_key = "));
    let value = |line: &str| line.split('"').nth(1).map(str::to_owned);
    keys.filter_map(value).filter(|it| it.len() == 40).collect()
}

#[test]
fn keys_are_changed_and_the_link_stands_again() {
    let (here, there) = (Machine::new(), Machine::new());
    done(here.master_setup());
    let master = here.start("papertrader-master", "master.toml");
    done(here.worker_setup("eu1", &[]));
    // A worker's beside its master, which is told.
    let before = keys(&here, "worker-eu1.toml");
    let text = done(here.worker_setup("eu1", &["--gpg-key", "new"]));
    assert!(text.contains("eu1 with its new key"), "{text}");
    let now = keys(&here, "worker-eu1.toml");
    assert_ne!(before, now);
    assert_eq!(changed(here.worker_setup("eu1", &[])), [""; 0]);
    let worker = here.start("papertrader-worker", "worker-eu1.toml");
    drop(worker);

    // A worker's whose master is elsewhere.
    let address = format!("127.0.0.1:{}", here.master);
    done(there.worker_setup("eu2", &["--master", &address]));
    let answer = |request: &Path| {
        let accepted = here.ctl(&["workers", "accept", request.to_str().unwrap()]);
        assert!(accepted.status.success(), "{}", said(&accepted));
        let file = there.root().join("answer");
        fs::write(&file, accepted.stdout).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let request = there.etc("worker-eu2.request");
    done(there.setup(&["worker", "eu2", "--answer", &answer(&request)]));
    let text = done(there.setup(&["worker", "eu2", "--gpg-key", "new"]));
    let step = "papertraderctl workers set eu2 --key worker-eu2.asc";
    assert!(text.contains(step), "{text}");
    let key = there.etc("worker-eu2.asc");
    let set = here.ctl(&["workers", "set", "eu2", "--key", key.to_str().unwrap()]);
    assert!(set.status.success(), "{}", said(&set));
    drop(there.start("papertrader-worker", "worker-eu2.toml"));

    // The master's: the worker beside it is set up again, and the other asks for it.
    drop(master);
    let old = keys(&here, "master.toml");
    let text = done({
        let mut command = here.master_setup();
        command.args(["--gpg-key", "new"]);
        command
    });
    assert!(text.contains("setup worker NAME --request"), "{text}");
    let _master = here.start("papertrader-master", "master.toml");
    let new = keys(&here, "master.toml");
    assert_ne!(old, new);
    done(here.worker_setup("eu1", &[]));
    assert!(keys(&here, "worker-eu1.toml").contains(&new[0]));
    drop(here.start("papertrader-worker", "worker-eu1.toml"));
    done(there.setup(&["worker", "eu2", "--request"]));
    let text = done(there.setup(&["worker", "eu2", "--answer", &answer(&request)]));
    assert!(text.contains(&new[0]), "{text}");
    drop(there.start("papertrader-worker", "worker-eu2.toml"));
}

#[test]
fn a_set_up_that_is_killed_goes_on_from_there() {
    let machine = Machine::new();
    // The steps are told line by line: it is killed behind some of them.
    for lines in [1, 4, 6, 8, 10, 14, 16, 18, 20] {
        let mut command = machine.master_setup();
        command.args(["--worker", "eu1"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..lines {
            output.read_line(&mut String::new()).unwrap();
        }
        // It may have ended by now.
        let _ = child.kill();
        child.wait().unwrap();
    }
    let mut command = machine.master_setup();
    command.args(["--worker", "eu1"]);
    done(command);
    for (daemon, config) in [
        ("papertrader-master", "master.toml"),
        ("papertrader-worker", "worker-eu1.toml"),
    ] {
        let mut check = Command::new(program::find(daemon));
        check
            .arg("--config")
            .arg(machine.etc(config))
            .arg("--check-config");
        done(check);
    }
    // One key each was made in the end.
    for home in ["gnupg", "gnupg-eu1"] {
        let keys = fs::read_dir(machine.etc(home).join("openpgp-revocs.d")).unwrap();
        assert_eq!(keys.count(), 1, "{home}");
    }
    let left = fs::read_dir(machine.etc("")).unwrap();
    let left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
    assert!(
        !left.iter().any(|it| it.to_string_lossy().ends_with(".new")),
        "{left:?}"
    );
}

#[test]
fn what_is_wrong_is_said_and_what_to_do() {
    let machine = Machine::new();
    let refused = |arguments: &[&str], part: &str| {
        let why = failed(machine.setup(arguments));
        assert!(why.contains(part), "{arguments:?}: {why}");
    };
    for name in ["../eu1", "a/b", "-x", ".", ""] {
        let mut command = machine.setup(&["worker"]);
        command.args(["--yes", "--", name]);
        let output = command.output().unwrap();
        assert_ne!(output.status.code(), Some(0), "{name}");
        assert!(!machine.root().join("etc").exists(), "{name}");
    }
    refused(&["worker", "a/b"], "is not a worker's name");
    refused(&["worker", "eu1"], "there is no master on this machine");
    refused(
        &["master", "--market", "/no-such-market"],
        "no market is there",
    );
    refused(&["master", "--provider", "alpaca"], "--credentials");
    refused(&["master", "--starting-cash", "much"], "starting_cash");
    assert!(!machine.etc("master.toml").exists());
    refused(
        &["master", "--gpg-key", &"A".repeat(40)],
        "no secret key AAAA",
    );
    done(machine.master_setup());
    refused(
        &["worker", "eu1", "--plain", "--address", "192.0.2.7:2049"],
        "in the clear",
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(
        &["worker", "eu1", "--address", &address],
        "cannot listen on",
    );
    let garbage = machine.root().join("garbage");
    fs::write(&garbage, "garbage").unwrap();
    let garbage = garbage.to_str().unwrap();
    refused(
        &["worker", "eu1", "--answer", garbage],
        "this is no answer of",
    );
    refused(
        &[
            "worker",
            "eu1",
            "--certificate",
            garbage,
            "--tls-key",
            garbage,
        ],
        "holds no certificate",
    );
    refused(
        &["worker", "eu1", "--master", "no-such-host.invalid:2048"],
        "--ip",
    );
    let output = machine.ctl(&["workers", "accept", garbage]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let output = machine.ctl(&["status"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    // A wrong configuration is not replaced.
    fs::write(machine.etc("master.toml"), "listen = 1\n").unwrap();
    refused(&["master"], "master.toml:1: listen");
    assert_eq!(
        fs::read_to_string(machine.etc("master.toml")).unwrap(),
        "listen = 1\n"
    );
    if !rustix::process::geteuid().is_root() {
        let why = failed({
            let mut command = Command::new(program::find("papertraderctl"));
            command.args(["setup", "master"]);
            command
        });
        assert!(why.contains("needs root"), "{why}");
    }
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let machine = Machine::new();
    let Some(disk) = SmallDisk::mount(machine.root(), 4) else {
        eprintln!("skipped: no disk of its own can be mounted here");
        return;
    };
    // A new disk lets everybody write, and root makes nothing in such a folder.
    fs::set_permissions(machine.root(), fs::Permissions::from_mode(0o755)).unwrap();
    done(machine.master_setup());
    fs::remove_file(machine.etc("master.toml")).unwrap();
    disk.fill();
    let why = failed(machine.master_setup());
    assert!(why.contains("No space left"), "{why}");
    assert!(!machine.etc("master.toml").exists());
    disk.clear();
    done(machine.master_setup());
}
