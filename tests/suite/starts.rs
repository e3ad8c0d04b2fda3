//! Who may start the daemons, in which folders, and what they say of it: root, a missing database,
//! the first and the last line of a log, what a worker waits for, folders and ports that a check
//! finds.

use papertrader::runtime::ownership::user_name;
use papertrader::testkit::{Deployment, TEST_TIMEOUT, ports, processes_about, program, until};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::client::cli::Person;

/// A user that owns nothing else.
const SOMEBODY: u32 = 65_534;

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: this is not root");
    }
    is_root
}

/// Runs a daemon and returns its exit code and what it says on standard error.
fn run(deployment: &Deployment, program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = deployment.run(program, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

/// All files and folders below a folder, with their owners.
fn owners(folder: &Path) -> BTreeMap<PathBuf, u32> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            found.extend(owners(&path));
        }
        found.insert(path, about.uid());
    }
    found
}

fn give(folder: &Path, user: u32) {
    for path in owners(folder).keys() {
        chown(path, Some(user), Some(user)).unwrap();
    }
    chown(folder, Some(user), Some(user)).unwrap();
}

/// Passwords are hashed at a cost of which a check does not warn, and every system has room for the
/// clients; nobody logs in.
fn without_warnings(deployment: &Deployment) {
    deployment.master().set("accounts.bcrypt_cost", 10);
    deployment.worker(1).set("limits.max_connections", 10);
}

#[test]
fn root_is_refused_and_leaves_nothing() {
    if !is_root() {
        return;
    }
    let deployment = Deployment::builder().in_a_file().make();
    without_warnings(&deployment);
    for (daemon, program, user) in [
        (deployment.master(), "papertrader-master", "papertrader"),
        (
            deployment.worker(1),
            "papertrader-worker",
            "papertrader-worker",
        ),
    ] {
        daemon.set("allow_root", false);
        let config = daemon.config().to_str().unwrap().to_owned();
        let before = owners(deployment.dir());
        let (code, said) = run(&deployment, program, &["--config", &config]);
        assert_eq!(code, Some(78), "{said}");
        for part in ["this is root", "--allow-root", &format!("-u {user} -- ")] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(owners(deployment.dir()), before);
        // A check is no start.
        let (code, said) = run(
            &deployment,
            program,
            &["--config", &config, "--check-config"],
        );
        assert_eq!((code, said.as_str()), (Some(0), ""));
    }
    // The option, where the configuration says nothing.
    deployment.start_all();
    deployment.stop_all();
}

#[test]
fn root_writes_nothing_into_another_user_s_folder() {
    if !is_root() {
        return;
    }
    let deployment = Deployment::new(1);
    for (folder, key, program, config) in [
        (
            "data/master",
            "data_dir",
            "papertrader-master",
            "master.toml",
        ),
        ("log", "log.file", "papertrader-master", "master.toml"),
        ("log", "log.file", "papertrader-worker", "worker-1.toml"),
    ] {
        let folder = deployment.dir().join(folder);
        give(&folder, SOMEBODY);
        let before = owners(deployment.dir());
        let (code, said) = run(&deployment, program, &["--config", config, "--allow-root"]);
        assert_eq!(code, Some(78), "{said}");
        assert!(
            said.contains(key) && said.contains(&SOMEBODY.to_string()),
            "{said}"
        );
        assert_eq!(owners(deployment.dir()), before);
        give(&folder, 0);
    }
}

#[test]
fn root_checks_a_configuration_with_the_rights_of_the_daemon() {
    if !is_root() {
        return;
    }
    let deployment = Deployment::builder().in_a_file().make();
    without_warnings(&deployment);
    for worker in [deployment.master(), deployment.worker(1)] {
        worker.set("allow_root", false);
    }
    give(deployment.dir(), SOMEBODY);
    let before = owners(deployment.dir());
    let checks = || {
        [
            ("papertrader-master", "master.toml"),
            ("papertrader-worker", "worker-1.toml"),
        ]
        .map(|(program, config)| {
            run(
                &deployment,
                program,
                &["--config", config, "--check-config"],
            )
        })
    };
    for (code, said) in checks() {
        assert_eq!((code, said.as_str()), (Some(0), ""));
    }
    assert_eq!(owners(deployment.dir()), before, "root wrote something");
    assert!(processes_about(deployment.dir()).is_empty());
    // What root could write and the daemon cannot.
    let log = deployment.dir().join("log");
    give(&log, 0);
    fs::set_permissions(&log, fs::Permissions::from_mode(0o755)).unwrap();
    for (code, said) in checks() {
        assert_eq!(code, Some(78), "{said}");
        let user = format!("user {} cannot write", user_name(65_534));
        for part in ["log.file", user.as_str(), "with the rights of"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn a_missing_database_is_said_and_refused_where_one_is_asked_for() {
    let deployment = Deployment::builder().in_a_file().make();
    let master = deployment.master();
    master.set("data_dir", "elsewhere/data");
    let before = owners(deployment.dir());
    let (code, said) = run(
        &deployment,
        "papertrader-master",
        &["--config", "master.toml", "--existing"],
    );
    assert_eq!(code, Some(1), "{said}");
    let data = deployment.dir().join("elsewhere/data");
    assert!(
        said.contains(data.join("master.db").to_str().unwrap()) && said.contains("--existing"),
        "{said}"
    );
    assert_eq!(owners(deployment.dir()), before);
    // Without the option it is made, which is said.
    master.start();
    let log = master.logged();
    let warning = log.lines().find(|line| line.contains("a new one is made"));
    let warning = warning.expect(&log);
    assert!(
        warning.contains("WARN") && warning.contains(data.to_str().unwrap()),
        "{warning}"
    );
    master.stop();
    let mut again = Command::new(program::find("papertrader-master"))
        .args(["--config", "master.toml", "--existing", "--stop-with-input"])
        .current_dir(deployment.dir())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    drop(again.stdin.take());
    assert!(again.wait().unwrap().success());
}

#[test]
fn the_first_line_of_a_log_says_what_starts_and_the_last_why_it_stopped() {
    let deployment = Deployment::new(1);
    deployment.start_all();
    let pids = [deployment.master().pid(), deployment.worker(1).pid()];
    deployment.worker(1).signal(Signal::INT);
    deployment.worker(1).wait_exit(TEST_TIMEOUT).unwrap();
    deployment.master().stop();
    for (daemon, pid, name, signal, facts) in [
        (
            deployment.master(),
            pids[0],
            "master",
            "SIGTERM",
            &["schema ", "listen 127.0.0.1:", "control socket "][..],
        ),
        (
            deployment.worker(1),
            pids[1],
            "worker",
            "SIGINT",
            &[
                "worker worker-1, listen ",
                "advertise ",
                "master 127.0.0.1:",
            ],
        ),
    ] {
        let log = daemon.logged();
        let first = log.lines().next().unwrap();
        let starts = format!("papertrader-{name} {} starts: ", env!("CARGO_PKG_VERSION"));
        let process = format!("PID {pid}, ");
        let config = daemon.config().to_str().unwrap();
        for part in [starts.as_str(), process.as_str(), config]
            .iter()
            .chain(facts)
        {
            assert!(first.contains(part), "{part}: {first}");
        }
        let last = log.lines().last().unwrap();
        assert!(
            last.contains(&format!("the {name} has stopped: {signal}, in ")),
            "{last}"
        );
    }
}

#[test]
fn a_worker_says_for_what_it_waits_and_why() {
    let deployment = Deployment::new(1);
    let worker = deployment.worker(1);
    worker.spawn();
    let address = deployment.master().address();
    let waits = format!("waiting for the first link to the master at {address}");
    // A status is told once, and the newest may say both already.
    let mut said = String::new();
    let mut says = |text: &str| {
        said = worker.take_status().unwrap_or_else(|| said.clone());
        said.starts_with(&waits) && said.contains(text)
    };
    until("it says for what", || says(""));
    until("it says why", || {
        says("the last try failed") && says("refused")
    });
    deployment.master().start();
    worker.wait_ready();
    until("it serves", || {
        worker
            .take_status()
            .is_some_and(|status| status.starts_with("serving clients on "))
    });
    // A person hears that the worker has lost its master, without logging in.
    let person = Person::new();
    let server = worker.address();
    let ping = |arguments: &[&str]| {
        person.run_with(&[&["--plain", "--server", &server], arguments].concat(), "")
    };
    let ran = ping(&["ping"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.trim_end().ends_with(" ms"), "{}", ran.out);
    assert_eq!(ping(&["--json", "ping"]).json()[0]["master"], true);
    deployment.master().stop();
    until("the worker knows it", || ping(&["ping"]).code != 0);
    // So does the machine's administrator.
    let lost = format!("; no master: {address}: ");
    until("it says that it has no master", || {
        worker.take_status().is_some_and(|status| {
            status.starts_with("serving clients on ")
                && status.contains(&lost)
                && status.ends_with("; reads are answered from the cache")
        })
    });
    let ran = ping(&["ping"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.trim_end().ends_with(" ms, no master"),
        "{}",
        ran.out
    );
    let view: serde_json::Value = serde_json::from_str(&ping(&["--json", "ping"]).out).unwrap();
    assert_eq!(view[0]["master"], false);
}

#[test]
fn a_check_finds_folders_and_ports_that_the_daemon_cannot_use() {
    let deployment = Deployment::new(1);
    let file = deployment.dir().join("a-file");
    fs::write(&file, "").unwrap();
    for (daemon, program) in [
        (deployment.master(), "papertrader-master"),
        (deployment.worker(1), "papertrader-worker"),
    ] {
        let good = fs::read_to_string(daemon.config()).unwrap();
        let config = daemon.config().to_str().unwrap();
        for (key, value, why) in [
            ("log.file", "none/such.log", "none cannot be read"),
            ("log.file", "log", "is a folder"),
            ("log.file", "a-file/x.log", "a-file is not a folder"),
            ("data_dir", "a-file", "is not a folder"),
        ] {
            // A worker keeps no data.
            if key == "data_dir" && program == "papertrader-worker" {
                continue;
            }
            daemon.set(key, value);
            let arguments = ["--config", config];
            for check in [&["--check-config"][..], &[]] {
                let (code, said) = run(&deployment, program, &[&arguments[..], check].concat());
                assert_eq!(code, Some(78), "{key} = {value}: {said}");
                assert!(said.contains(key) && said.contains(why), "{said}");
            }
            fs::write(daemon.config(), &good).unwrap();
        }
        if !is_root() {
            continue;
        }
        // As a user without capabilities.
        daemon.set("listen", "127.0.0.1:1023");
        daemon.set("allow_root", false);
        give(deployment.dir(), SOMEBODY);
        let (code, said) = run(
            &deployment,
            program,
            &["--config", config, "--check-config"],
        );
        let open = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        let open: u16 = open.unwrap_or_default().trim().parse().unwrap_or(1024);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(
            said.contains("port 1023 is below") && said.contains("CAP_NET_BIND_SERVICE"),
            open > 1023,
            "{said}"
        );
        give(deployment.dir(), 0);
        fs::write(daemon.config(), &good).unwrap();
    }
}

#[test]
fn a_check_says_once_that_the_database_is_not_reached() {
    let deployment = Deployment::builder().in_a_file().make();
    let port = ports::free(1).unwrap()[0];
    let url = format!("postgres://pt@127.0.0.1:{port}/pt");
    deployment.master().set("database.url", url.as_str());
    let config = deployment.master().config().to_str().unwrap().to_owned();
    let check = ["--config", &config, "--check-config"];
    let output = deployment.run("papertrader-master", &check);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches(&url).count(), 1, "{said}");
    assert!(said.contains("not reached"), "{said}");
    // It cannot be told whether a master would start.
    assert_eq!(output.status.code(), Some(1), "{said}");
}
