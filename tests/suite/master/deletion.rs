//! Accounts that are deleted or locked among their orders, by their owners and by administrators, and
//! a master that dies meanwhile. Real daemons.

use super::failpoints::await_link;
use papertrader::client::Answer;
use papertrader::model::{Reason, Side, TransactionStatus};
use papertrader::runtime::failpoint::DELETION_POINTS;
use papertrader::testkit::trader::{buy, hashed, order, reason, register, username};
use papertrader::testkit::{Deployment, Market, TEST_TIMEOUT};
use papertrader::wire::{ConnectionState, Reply, Request};
use std::os::unix::process::ExitStatusExt;

/// The signal by which a process ends that calls `abort`.
const SIGABRT: i32 = 6;

#[test]
fn a_master_that_dies_during_a_deletion_has_one_outcome() {
    if !cfg!(debug_assertions) {
        return;
    }
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 10, 3600))
        .start();
    for point in DELETION_POINTS {
        deployment.master().kill();
        deployment
            .master()
            .spawn_with_failpoint(&format!("{point}:1"));
        deployment.master().wait_ready();
        await_link(&deployment);
        // Each time the name is free again.
        let mut alice = deployment.trader(1, "alice");
        let bought = order(&alice, Side::Buy, "UP", "1", Some(point));
        let deletion = Request::DeleteAccount {
            session: alice.session().unwrap().clone(),
            pass: Some(hashed("alice")),
        };
        alice.enter(ConnectionState::Command).unwrap();
        alice.connection().send(&bought).unwrap();
        alice.connection().send(&deletion).unwrap();
        let ended = deployment.master().wait_exit(TEST_TIMEOUT);
        let ended = ended.unwrap_or_else(|| panic!("{point} was armed and never reached"));
        assert_eq!(ended.signal(), Some(SIGABRT), "{point}: {ended}");
        deployment.master().start();
        // Its worker asks again over the new link.
        let first = alice.connection().reply(|_| {}).unwrap();
        let is_ended = match &first {
            Answer::Message(Reply::Filled(_)) => true,
            Answer::Message(Reply::Fail(_, refusal)) => refusal.reason == Reason::Cancelled,
            _ => false,
        };
        assert!(is_ended, "{point}: {first:?}");
        let second = alice.connection().reply(|_| {}).unwrap();
        let is_deleted = matches!(&second, Answer::Message(Reply::AccountSuccess(None)));
        assert!(is_deleted, "{point}: {second:?}");
        let login = deployment
            .connect(1)
            .login(&username("alice"), &hashed("alice"), false);
        assert_eq!(reason(login), "bad-credentials", "{point}");
        deployment.assert_sound(point);
    }
    let status = deployment.json("status");
    assert_eq!(status["accounts"], 0, "{status}");
}

#[test]
fn an_administrator_deletes_an_account_that_trades() {
    let deployment = Deployment::builder()
        .workers(2)
        .market(Market::seconds("UP", 10, 3600))
        .start();
    let mut alice = deployment.trader(1, "Alice");
    buy(&mut alice, "UP", "2");
    let waits = order(&alice, Side::Buy, "UP", "1", Some("waits"));
    let mut other = deployment.connect(2);
    other.resume(alice.session().unwrap()).unwrap();
    alice.connection().send(&waits).unwrap();
    let why = deployment.refused("accounts delete alice");
    assert!(why.contains("--yes"), "{why}");
    let deleted = deployment.json("accounts delete alice --yes");
    assert_eq!(deleted["user"], "Alice");
    let number = deleted["number"].as_i64().unwrap();
    assert_eq!(deleted["ended"], 1);
    // Which of the two it is depends on the update.
    let end = alice.connection().reply(|_| {}).unwrap();
    let cancelled = match &end {
        Answer::Message(Reply::Filled(_)) => 0,
        Answer::Message(Reply::Fail(_, refusal)) if refusal.reason == Reason::Cancelled => 1,
        other => panic!("{other:?}"),
    };
    assert_eq!(deleted["cancelled"], cancelled);
    assert_eq!(
        reason(other.user_info(&username("alice"))),
        "session-expired"
    );
    assert!(
        deployment
            .refused("accounts show Alice")
            .contains("no user")
    );
    assert!(
        deployment
            .refused("accounts delete Alice --yes")
            .contains("no user")
    );
    deployment.assert_sound("after the deletion");
    // Who registers the name has nothing of it.
    register(&mut other, "alice");
    other
        .login(&username("alice"), &hashed("alice"), false)
        .unwrap();
    assert_eq!(deployment.json("accounts show alice")["positions"], 0);
    assert_ne!(deployment.json("accounts show alice")["number"], number);
    let status = deployment.json("status");
    let counted = &status["account_events"].as_array().unwrap()[..];
    let deletions = counted.iter().find(|it| it["reason"] == "deletions");
    assert_eq!(deletions.unwrap()["count"], 1, "{status}");
    let log = deployment.done("log tail");
    let line = log
        .lines()
        .find(|line| line.contains("audit: account delete user=Alice"));
    assert!(
        line.unwrap().contains(&format!(" account={number} ")),
        "{log}"
    );
}

#[test]
fn a_lock_cancels_orders_and_an_unlocked_account_goes_on() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 10, 3600))
        .start();
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "UP", "2");
    let waits = order(&alice, Side::Buy, "UP", "1", Some("waits"));
    alice.connection().send(&waits).unwrap();
    deployment.json("accounts lock alice");
    let end = alice.connection().reply(|_| {}).unwrap();
    let is_cancelled = match &end {
        Answer::Message(Reply::Fail(_, refusal)) => refusal.reason == Reason::Cancelled,
        _ => false,
    };
    deployment.done("accounts unlock alice");
    alice
        .login(&username("alice"), &hashed("alice"), false)
        .unwrap();
    let entries = papertrader::testkit::trader::history(&mut alice, "alice");
    if is_cancelled {
        // A history of version 1 tells it as rejected.
        assert_eq!(entries[0].status, TransactionStatus::Rejected);
    }
    buy(&mut alice, "UP", "1");
}
