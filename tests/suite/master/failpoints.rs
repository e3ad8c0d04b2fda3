//! Every fail point is passed where its name says: a master that is armed dies there, and the order
//! on its way is neither lost nor doubled.

use papertrader::client::Answer;
use papertrader::model::{Side, Timestamp, TransactionStatus};
use papertrader::runtime::failpoint::POINTS;
use papertrader::testkit::trader::{history, order};
use papertrader::testkit::{Deployment, Market, TEST_TIMEOUT, until};
use papertrader::wire::{ConnectionState, Reply, Request};
use std::os::unix::process::ExitStatusExt;

/// The signal by which a process ends that calls `abort`.
const SIGABRT: i32 = 6;

/// How many times a place is passed before it is passed with an order: the first update after a
/// start settles splits and dividends that an earlier process may have left behind, also where
/// there are none.
fn passed_before(point: &str) -> u32 {
    u32::from(matches!(
        point,
        "settlement-stored" | "settlement-committed"
    ))
}

/// Waits until the master lists its worker, whose link then stands.
pub fn await_link(deployment: &Deployment) {
    let address = deployment.master().address();
    until("the worker's link stands", || {
        let Ok(mut master) = papertrader::client::ServerConnection::connect(&address, TEST_TIMEOUT)
        else {
            return false;
        };
        matches!(
            master.call(&Request::GetWorkerList),
            Ok(Answer::Message(Reply::WorkerList(workers))) if !workers.is_empty()
        )
    });
}

#[test]
fn a_master_dies_at_each_fail_point_and_loses_or_doubles_no_order() {
    if !cfg!(debug_assertions) {
        return;
    }
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 10, 3600))
        .start();
    let mut alice = deployment.trader(1, "alice");
    for (count, point) in POINTS.iter().enumerate() {
        deployment.master().kill();
        let times = passed_before(point) + 1;
        deployment
            .master()
            .spawn_with_failpoint(&format!("{point}:{times}"));
        deployment.master().wait_ready();
        await_link(&deployment);
        alice.enter(ConnectionState::Command).unwrap();
        let bought = order(&alice, Side::Buy, "UP", "1", Some(point));
        alice.connection().send(&bought).unwrap();
        let ended = deployment.master().wait_exit(TEST_TIMEOUT);
        let ended = ended.unwrap_or_else(|| panic!("{point} was armed and never reached"));
        assert_eq!(ended.signal(), Some(SIGABRT), "{point}: {ended}");
        deployment.master().start();
        // Its worker asks again over the new link.
        let answer = alice.connection().reply(|_| {}).unwrap();
        let Answer::Message(Reply::Filled(fill)) = answer else {
            panic!("{point}: {answer:?}")
        };
        let entries = history(&mut alice, "alice");
        assert_eq!(entries.len(), count + 1, "{point}");
        let entry = &entries[0];
        assert_eq!(
            (entry.id, entry.settled),
            (fill.id, fill.settled),
            "{point}"
        );
        assert_eq!(entry.status, TransactionStatus::Settled, "{point}");
        assert!(entry.settled > Timestamp(0));
    }
}
