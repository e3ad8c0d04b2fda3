//! spec/master/storage/patroni.md · 3.1.2 Database Management
//!
//! Whether a cluster of Patroni's may lose orders, and what `--check-config` says of one that may. It
//! runs below `tests/with-patroni`.

use papertrader::testkit::{Deployment, eventually, until};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is warned of.
const WARNED: &str = "no synchronous standby";
/// Held by the test that changes the cluster.
static ALONE: Mutex<()> = Mutex::new(());

/// Sets a setting of the cluster, as its administrator does.
fn set(folder: &Path, setting: &str) {
    let done = Command::new("patronictl")
        .arg("--config-file")
        .arg(folder.join("node1.yml"))
        .args(["edit-config", "--force", "--quiet", "--set", setting])
        .env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// The cluster's folder; `None`: there is no cluster.
fn folder() -> Option<PathBuf> {
    std::env::var_os("PAPERTRADER_TEST_PATRONI").map(PathBuf::from)
}

/// What `--check-config` says; `None` where the database is away.
fn checked(deployment: &Deployment) -> Option<String> {
    let config = deployment.layout().master_config();
    let arguments = ["--config", config.to_str().unwrap(), "--check-config"];
    let done = deployment.run("papertrader-master", &arguments);
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    done.status.success().then_some(said)
}

/// Waits until `--check-config` warns of a replica that is not synchronous, or does not. Patroni applies
/// what is set within some seconds.
fn until_warned(deployment: &Deployment, wanted: bool) -> String {
    let what = format!("a warning of a replica: {wanted}");
    eventually(&what, || {
        checked(deployment).filter(|said| said.contains(WARNED) == wanted)
    })
}

#[test]
fn check_config_warns_where_a_replica_may_lack_orders() {
    let Some(folder) = folder() else { return };
    let _alone = ALONE.lock();
    let deployment = Deployment::builder().make();
    until_warned(&deployment, false);
    set(&folder, "synchronous_mode=false");
    let said = until_warned(&deployment, true);
    assert!(said.contains("synchronous_mode with Patroni"), "{said}");
    set(&folder, "synchronous_mode=true");
    until_warned(&deployment, false);
}

#[test]
fn a_replica_stays_synchronous_when_patroni_is_killed() {
    let Some(folder) = folder() else { return };
    let _alone = ALONE.lock();
    let deployment = Deployment::builder().make();
    until_warned(&deployment, false);
    // One of them is the primary's.
    for node in ["node1", "node2"] {
        let pid = || std::fs::read_to_string(folder.join(format!("{node}.pid"))).unwrap();
        let config = std::fs::read_to_string(folder.join(format!("{node}.yml"))).unwrap();
        let (_, rest) = config.split_once("\nrestapi:\n  listen: ").unwrap();
        let address = rest.lines().next().unwrap();
        let old = pid();
        let process = Pid::from_raw(old.trim().parse().unwrap()).unwrap();
        kill_process(process, Signal::KILL).unwrap();
        until("Patroni is started again", || pid() != old);
        // It answers once it has taken over the server, or has found that there is none.
        until("it answers", || TcpStream::connect(address).is_ok());
        until_warned(&deployment, false);
    }
}
