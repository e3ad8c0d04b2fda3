//! spec/master/storage/patroni.md · 3.1.2 Database Management
//!
//! What `--check-config` says of a cluster of Patroni's that may lose orders. It runs below
//! `tests/with-patroni`.

use papertrader::testkit::{Deployment, eventually};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is warned of.
const WARNED: &str = "no synchronous standby";

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

#[test]
fn check_config_warns_where_a_replica_may_lack_orders() {
    let Some(folder) = std::env::var_os("PAPERTRADER_TEST_PATRONI").map(PathBuf::from) else {
        return;
    };
    let deployment = Deployment::builder().make();
    let check = || {
        let config = deployment.layout().master_config();
        let arguments = ["--config", config.to_str().unwrap(), "--check-config"];
        let done = deployment.run("papertrader-master", &arguments);
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(done.status.success(), "{said}");
        said
    };
    // Patroni applies what is set within some seconds.
    let is_synchronous = |wanted: bool| {
        let what = format!("a synchronous standby: {wanted}");
        eventually(&what, || (check().contains(WARNED) != wanted).then_some(()));
    };
    is_synchronous(true);
    set(&folder, "synchronous_mode=false");
    is_synchronous(false);
    let said = check();
    assert!(said.contains("synchronous_mode with Patroni"), "{said}");
    set(&folder, "synchronous_mode=true");
    is_synchronous(true);
}
