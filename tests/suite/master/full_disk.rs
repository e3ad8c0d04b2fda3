//! The floor of free disk. Without the right to mount a disk the test is skipped, with a message.

use papertrader::client::Client;
use papertrader::model::Side;
use papertrader::testkit::trader::{buy, hashed, order, username};
use papertrader::testkit::{Deployment, Market, until};
use papertrader::wire::Reply;

/// Two parts in a hundred of it are 4 MiB.
const DISK_MEGABYTES: u32 = 200;
const LEFT_BYTES: u64 = 2 << 20;

fn told(deployment: &Deployment, command: &str) -> serde_json::Value {
    let arguments = ["--socket", "master.sock", "--json", command];
    let output = deployment.run("papertraderctl", &arguments);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The text with which an order is refused; `None` where it is queued and filled.
fn refusal(trader: &mut Client) -> Option<String> {
    let request = order(trader, Side::Buy, "UP", "1", None);
    trader.connection().send(&request).unwrap();
    match trader.connection().reply(|_| {}).unwrap() {
        papertrader::client::Answer::Message(Reply::Filled(_)) => None,
        papertrader::client::Answer::Message(Reply::Fail(_, refusal)) => {
            Some(format!("{:?}: {}", refusal.reason, refusal.text))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_disk_that_is_almost_full_refuses_orders_and_no_login() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 10, 3600))
        .small_disk(DISK_MEGABYTES)
        .start();
    let Some(disk) = deployment.disk() else {
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "UP", "1");
    assert_eq!(told(&deployment, "status")["disk"]["state"], "ample");

    disk.fill_leaving(LEFT_BYTES);
    let mut said = None;
    until("orders are refused", || {
        said = refusal(&mut alice);
        said.is_some()
    });
    let said = said.unwrap();
    assert!(said.contains("disk is almost full"), "{said}");
    let status = told(&deployment, "status");
    assert_eq!(status["disk"]["state"], "full");
    let warnings = status["warnings"].to_string();
    assert!(warnings.contains("orders are refused"), "{warnings}");
    let conditions = status["conditions"].as_array().unwrap().iter();
    until("systemd is told", || {
        let status = deployment.master().take_status();
        status.is_some_and(|it| it.starts_with("serving; ") && it.contains("orders are refused"))
    });
    let is_full = |it: &serde_json::Value| it["kind"] == "disk-full" && it["level"] == "critical";
    assert_eq!(conditions.filter(|it| is_full(it)).count(), 1, "{status}");
    let metrics = deployment.done("metrics");
    assert!(
        metrics.contains("papertrader_warning{kind=\"disk-full\"} 1\n"),
        "{metrics}"
    );
    let checked = deployment.run("papertraderctl", &["--socket", "master.sock", "check"]);
    let line = String::from_utf8(checked.stdout).unwrap();
    assert!(
        line.starts_with("PAPERTRADER CRITICAL - the disk of the database"),
        "{line}"
    );
    assert_eq!(checked.status.code(), Some(2));
    let mut there = deployment.connect(1);
    there
        .login(&username("alice"), &hashed("alice"), false)
        .unwrap();
    let refused = deployment.refused("backup copy.db");
    assert!(refused.contains("make room"), "{refused}");
    let verified = told(&deployment, "verify");
    assert!(verified["free_bytes"].as_u64().unwrap() < 4 << 20);
    assert!(verified["database_bytes"].as_u64().unwrap() > 0);

    disk.clear();
    until("orders are accepted again", || {
        refusal(&mut there).is_none()
    });
    assert_eq!(told(&deployment, "status")["disk"]["state"], "ample");
    deployment.stop_all();
}
