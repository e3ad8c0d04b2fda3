//! The protocol by WebSocket: all dialogues that a plain deployment can hold, a person's order, and a
//! client that others wrote.

use crate::protocol::fixture_needs::{FixtureRig, need};
use papertrader::client::{Client, ServerConnection};
use papertrader::dialogue::conform::{self, ConformOptions, RunningTestbed, Testbed};
use papertrader::testkit::state::SandboxState;
use papertrader::testkit::{Deployment, TEST_TIMEOUT, trader, websocket};
use std::process::Command;
use std::time::Duration;

/// `HOST:PORT` of each worker's page.
fn pages(deployment: &Deployment) -> Vec<String> {
    let state = SandboxState::planned(deployment.layout()).unwrap();
    let page = |page: String| page.replace("http://", "").trim_end_matches('/').to_owned();
    state
        .workers
        .into_iter()
        .map(|worker| page(worker.page.unwrap()))
        .collect()
}

#[test]
fn dialogues_hold_by_websocket_as_they_do_by_tcp() {
    let rig = FixtureRig::start(&[need("workers 2")]);
    let mut servers = rig.servers.clone();
    servers.workers = pages(rig.deployment())
        .iter()
        .map(|page| websocket::bridge(page).unwrap().to_string())
        .collect();
    let stage = RunningTestbed::of(servers);
    let options = ConformOptions {
        within: Duration::from_secs(20),
        jobs: 8,
        ..ConformOptions::default()
    };
    let plain: Vec<_> = conform::built_in()
        .unwrap()
        .into_iter()
        .filter(|script| stage.lacks(script).is_none())
        .collect();
    let report = conform::run(&stage, &options, &plain);
    let failed: Vec<String> = report
        .dialogues
        .iter()
        .flat_map(|dialogue| {
            let told = dialogue.differences.iter();
            told.map(|difference| difference.told())
        })
        .collect();
    assert!(
        report.is_good() && report.ran >= 30,
        "{} ran\n{}\n{}",
        report.ran,
        failed.join("\n"),
        rig.said()
    );
}

#[test]
fn an_order_is_placed_and_settled_by_websocket() {
    let deployment = Deployment::running(1);
    let address = websocket::bridge(&pages(&deployment)[0]).unwrap();
    let connection = ServerConnection::connect(&address.to_string(), TEST_TIMEOUT).unwrap();
    let mut client = Client::new(connection, None);
    trader::register(&mut client, "alice");
    client
        .login(&trader::username("alice"), &trader::hashed("alice"), false)
        .unwrap();
    let fill = trader::buy(&mut client, "AAPL", "3");
    assert_eq!(fill.quantity.to_string(), "3");
    let (_, holdings) = trader::portfolio(&mut client, "alice");
    assert_eq!(holdings.len(), 1);
}

/// Whether Debian's Python has websockets; `tests/run` says where it has not.
fn has_websockets() -> bool {
    std::env::var_os("WITHOUT_WEBSOCKETS").is_none()
}

#[test]
fn a_client_that_others_wrote_logs_in_and_trades() {
    if !has_websockets() {
        return;
    }
    let deployment = Deployment::running(1);
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/suite/worker/websocket.py"
    );
    let done = Command::new("/usr/bin/python3")
        .args([script, &pages(&deployment)[0]])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&done.stdout), "settled\n");
}
