//! A long history that is asked for again and again, and what others notice.

use papertrader::bench::fill::{FilledAccount, Filler};
use papertrader::client::{Answer, Client};
use papertrader::master::storage::bulk::EvenAccounts;
use papertrader::testkit::{Deployment, Market};
use papertrader::wire::{ConnectionState, Request};
use std::time::Duration;

/// An asset without splits and dividends.
const SYMBOL: &str = "UP";
/// Transactions of the account whose history is asked for.
const ROWS: u64 = 300_000;
/// Connections that ask for it.
const CONNECTIONS: usize = 4;
/// How often each of them asks.
const TIMES: usize = 2;
/// The master's memory may grow by this much.
const GROWTH_BYTES_MAX: u64 = 64 << 20;
/// The write-ahead log may have this size: that of a checkpoint, and some commits.
const LOG_BYTES_MAX: u64 = 80 << 20;

/// A deployment in which the first of two accounts has a long history.
fn deployment() -> (Deployment, Vec<FilledAccount>) {
    let deployment = Deployment::builder()
        .in_a_file()
        .market(Market::seconds(SYMBOL, 1000, 600))
        .update_interval(Duration::from_secs(1))
        .watchdog(Duration::from_secs(6))
        .make();
    let mut filler = Filler::open(&deployment.database_path()).unwrap();
    filler.accounts(2, SYMBOL).unwrap();
    let both = EvenAccounts {
        first: 1,
        accounts: 2,
        step: 1,
    };
    let filled = filler.sessions(both).unwrap();
    let first = EvenAccounts {
        accounts: 1,
        ..both
    };
    filler.transactions(ROWS, first, SYMBOL).unwrap();
    filler.close().unwrap();
    deployment.start_all();
    (deployment, filled)
}

fn client(deployment: &Deployment, of: &FilledAccount) -> Client {
    let mut client = deployment.connect(1);
    client.set_session(Some(of.session.clone()));
    client.enter(ConnectionState::Data).unwrap();
    client
}

/// The bytes of a history's payload.
fn history_bytes(client: &mut Client, of: &FilledAccount) -> usize {
    let request = Request::UserHistory {
        session: of.session.clone(),
        username: of.username.clone(),
    };
    match client.connection().call(&request).unwrap() {
        Answer::Payload(payload) => payload.len(),
        other => panic!("{other:?} answers a history"),
    }
}

#[test]
fn a_long_history_asked_for_without_pause_holds_up_nobody() {
    let (deployment, filled) = deployment();
    let (hoarder, watcher) = (&filled[0], &filled[1]);
    let mut watching = client(&deployment, watcher);
    let info = watching.user_info(&watcher.username).unwrap();
    let before = deployment.master().resources();
    let mut answered = 0;
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let mut asking = client(&deployment, hoarder);
                scope.spawn(move || {
                    (0..TIMES)
                        .map(|_| history_bytes(&mut asking, hoarder))
                        .collect::<Vec<usize>>()
                })
            })
            .collect();
        while asking.iter().any(|thread| !thread.is_finished()) {
            assert_eq!(watching.user_info(&watcher.username).unwrap(), info);
            answered += 1;
        }
        // ID, side, status, symbol, two times; four numbers, two empty texts.
        let row = 16 + 2 + 2 + SYMBOL.len() + 16 + 32 + 4;
        let whole = 1 + 4 + usize::try_from(ROWS).unwrap() * row;
        for thread in asking {
            assert_eq!(thread.join().unwrap(), [whole; TIMES]);
        }
    });
    assert!(
        answered > 2 * CONNECTIONS * TIMES,
        "{answered} answers beside {} histories",
        CONNECTIONS * TIMES
    );
    let log = deployment.log();
    assert!(!log.contains("cut off"), "{log}");
    assert!(!log.contains("has not moved"), "{log}");
    assert!(deployment.master().pings() > 0);
    // A start pings from its beginning: after a step-down systemd waits for that.
    assert!(deployment.master().early_pings() > 0);
    let grown = deployment.master().resources().resident_peak - before.resident_peak;
    assert!(grown < GROWTH_BYTES_MAX, "the master grew by {grown} bytes");
    let log = deployment.database_path().with_extension("db-wal");
    let size = std::fs::metadata(&log).unwrap().len();
    assert!(size < LOG_BYTES_MAX, "{size} bytes in {}", log.display());
    println!("{answered} answers; the master grew by {grown} bytes; log of {size} bytes");
}
