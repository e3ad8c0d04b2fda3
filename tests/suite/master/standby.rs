//! Two masters with one database: one leads and one stands by, whichever is killed, stopped or steps
//! down. Real daemons, on the server of `tests/with-postgres`; without one the tests pass over it.

use papertrader::client::{Answer, ServerConnection};
use papertrader::testkit::trader::{buy, history, sell};
use papertrader::testkit::{Daemon, Deployment, DeploymentBuilder, TEST_TIMEOUT, until};
use papertrader::wire::{Reply, Request};
use rustix::process::Signal;
use serde_json::Value;
use std::time::Instant;

/// The exit code of a master that leads no more.
const SUPERSEDED: i32 = 75;

fn builder() -> DeploymentBuilder {
    Deployment::builder()
        .workers(2)
        .standby()
        .set("database.lease", "3s")
}

/// What `papertraderctl` prints of a command to one of the masters; `None` where it is refused.
fn ctl(deployment: &Deployment, master: &Daemon, words: &[&str]) -> Option<Value> {
    let socket = deployment.dir().join(format!("{}.sock", master.name()));
    let mut arguments = vec!["--socket", socket.to_str().unwrap(), "--json"];
    arguments.extend(words);
    let output = deployment.run("papertraderctl", &arguments);
    output
        .status
        .success()
        .then(|| serde_json::from_slice(&output.stdout).unwrap())
}

fn leads(deployment: &Deployment, master: &Daemon) -> bool {
    let status = ctl(deployment, master, &["status"]);
    status.is_some_and(|status| status.get("queue_depth").is_some())
}

fn stands_by(deployment: &Deployment, master: &Daemon) -> bool {
    let status = ctl(deployment, master, &["status"]);
    status.is_some_and(|status| status.get("leader").is_some())
}

/// The workers that a master tells clients of.
fn listed(master: &Daemon) -> usize {
    let mut connection = ServerConnection::connect(&master.address(), TEST_TIMEOUT).unwrap();
    match connection.call(&Request::GetWorkerList).unwrap() {
        Answer::Message(Reply::WorkerList(workers)) => workers.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_master_that_is_killed_or_steps_down_is_replaced_and_orders_are_filled_once() {
    let deployment = builder().start();
    let (master, Some(standby)) = (deployment.master(), deployment.standby()) else {
        return println!("skipped: run by tests/with-postgres");
    };
    assert!(leads(&deployment, master) && stands_by(&deployment, standby));
    assert_eq!(listed(standby), 2);
    assert!(ctl(&deployment, standby, &["workers", "list"]).is_none());
    let mut ada = deployment.trader(1, "ada");
    let mut bob = deployment.trader(2, "bob");
    buy(&mut ada, "AAPL", "3");
    buy(&mut bob, "AAPL", "2");

    // Killed: the worker's order waits for the other master.
    master.kill();
    let killed = Instant::now();
    sell(&mut ada, "AAPL", "1");
    println!("an order was filled {:?} after the kill", killed.elapsed());
    assert!(leads(&deployment, standby));
    master.start();
    assert!(stands_by(&deployment, master));

    // Steps down: the other one leads at once, and this one stands by in the same process.
    let pid = standby.pid();
    until("the leader knows its standby", || {
        let status = ctl(&deployment, standby, &["status"]).unwrap();
        status["standbys"].as_array().unwrap().len() == 1
    });
    let asked = Instant::now();
    let successor = ctl(&deployment, standby, &["step-down"]).unwrap();
    assert!(
        successor.as_str().unwrap().contains(&master.address()),
        "{successor}"
    );
    until("the other one leads", || leads(&deployment, master));
    println!("the other one led {:?} after step-down", asked.elapsed());
    until("it stands by", || stands_by(&deployment, standby));
    assert_eq!((standby.pid(), standby.fallen()), (pid, None));
    sell(&mut bob, "AAPL", "1");
    assert!(
        ctl(&deployment, standby, &["step-down"]).is_none(),
        "it does not lead"
    );

    // Nobody is there any more: it goes on leading.
    standby.kill();
    until("the standby is gone", || {
        ctl(&deployment, master, &["status"]).unwrap()["standbys"] == Value::Array(Vec::new())
    });
    let refused = deployment.refused("step-down");
    assert!(refused.contains("no other master stands by"), "{refused}");
    buy(&mut ada, "AAPL", "1");
    assert_eq!(
        (
            history(&mut ada, "ada").len(),
            history(&mut bob, "bob").len()
        ),
        (3, 2)
    );
    deployment.assert_sound("after three changes of the master");
}

#[test]
fn a_master_that_was_stopped_beyond_its_lease_ends_and_writes_nothing() {
    let deployment = builder().start();
    let (master, Some(standby)) = (deployment.master(), deployment.standby()) else {
        return println!("skipped: run by tests/with-postgres");
    };
    let mut ada = deployment.trader(1, "ada");
    buy(&mut ada, "AAPL", "2");
    master.signal(Signal::STOP);
    until("the other one leads", || leads(&deployment, standby));
    // The worker still waits for the one that is stopped, or has gone on: the order is filled once.
    master.signal(Signal::CONT);
    let ended = master.wait_exit(TEST_TIMEOUT).unwrap();
    assert_eq!(ended.code(), Some(SUPERSEDED), "{}", master.log());
    sell(&mut ada, "AAPL", "1");
    master.start();
    assert!(stands_by(&deployment, master));
    assert_eq!(history(&mut ada, "ada").len(), 2);
    let verified = ctl(&deployment, standby, &["verify"]).unwrap();
    assert_eq!(
        verified["differences"],
        Value::Array(Vec::new()),
        "{verified}"
    );
    // Both end as told.
    deployment.stop_all();
}

#[test]
fn of_two_that_start_at_once_one_leads_and_another_key_is_refused() {
    let deployment = builder().make();
    let (master, Some(standby)) = (deployment.master(), deployment.standby()) else {
        return println!("skipped: run by tests/with-postgres");
    };
    master.spawn();
    standby.spawn();
    master.wait_ready();
    standby.wait_ready();
    until("one of the two leads", || {
        deployment
            .masters()
            .filter(|it| leads(&deployment, it))
            .count()
            == 1
    });
    let (first, second) = if leads(&deployment, master) {
        (master, standby)
    } else {
        (standby, master)
    };
    assert!(stands_by(&deployment, second));
    assert!(second.stop().0.success());
    // It has another market than the leader.
    let other = deployment.dir().join("other");
    std::fs::create_dir(&other).unwrap();
    for file in std::fs::read_dir(deployment.layout().market()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), other.join(file.file_name())).unwrap();
    }
    std::fs::write(other.join("NOTE.txt"), "another").unwrap();
    second.set("assets.replay.directory", other.to_str().unwrap());
    second.spawn();
    assert!(!second.serves());
    let said = second.log();
    assert!(
        said.contains("cannot stand by") && said.contains("assets.replay.directory"),
        "{said}"
    );
    assert_eq!(second.wait_exit(TEST_TIMEOUT).unwrap().code(), Some(78));
    assert!(leads(&deployment, first));
}

#[test]
fn a_clock_that_is_an_hour_off_changes_nothing() {
    let deployment = builder().own_clocks().make();
    let (master, Some(standby)) = (deployment.master(), deployment.standby()) else {
        return println!("skipped: run by tests/with-postgres");
    };
    if std::env::var_os("WITHOUT_FAKETIME").is_some() {
        return println!("skipped: WITHOUT_FAKETIME is set");
    }
    // The database's clock and the standby's are the machine's.
    for daemon in deployment.workers().iter().chain([master]) {
        daemon.set_clock(3_600_000);
    }
    deployment.start_all();
    assert!(leads(&deployment, master) && stands_by(&deployment, standby));
    let mut ada = deployment.trader(1, "ada");
    buy(&mut ada, "AAPL", "1");
    assert!(leads(&deployment, master) && stands_by(&deployment, standby));
    master.kill();
    until("the other one leads", || leads(&deployment, standby));
}
