//! What a deployment as a whole shows: several workers as one service, settlement at updates, and
//! what outlives a kill.

use papertrader::client::{Answer, ServerMessage};
use papertrader::model::{
    Money, OpenValue, Quantity, Reason, Side, Symbol, Timestamp, TransactionStatus,
};
use papertrader::testkit::trader::{buy, hashed, history, order, portfolio, reason, username};
use papertrader::testkit::{Deployment, Market, TEST_TIMEOUT, busy, eventually};
use papertrader::wire::{ConnectionState, Instruction, Refusal, Reply, Request};
use rusqlite::{Connection as Database, OpenFlags};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const MILLION: i64 = 1_000_000;

#[test]
fn two_workers_are_one_service() {
    let deployment = Deployment::running(2);
    let mut here = deployment.trader(1, "alice");
    let session = here.session().unwrap().clone();

    // A session from one works on the other, whose list names both.
    let mut there = deployment.connect(2);
    let login = there.resume(&session).unwrap();
    assert_eq!(login.session, session);
    let serving: BTreeSet<String> = login.workers.into_iter().collect();
    assert_eq!(
        serving,
        BTreeSet::from([
            deployment.worker(1).address(),
            deployment.worker(2).address()
        ])
    );

    // Bought on one, seen on the other.
    let fill = buy(&mut here, "AAPL", "10");
    let (cash, holdings) = portfolio(&mut there, "alice");
    assert_eq!(cash, Money(100_000 * MILLION - fill.total.0));
    assert_eq!(holdings[0].symbol, Symbol::parse("AAPL").unwrap());
    assert_eq!(holdings[0].quantity, Quantity(10 * MILLION));
    assert_eq!(history(&mut there, "alice")[0].id, fill.id);

    // Logged out on one, ended on both within a second.
    here.logout().unwrap();
    let ended = Instant::now();
    eventually("the session ends on the other worker", || {
        there.quote(Symbol::parse("AAPL").unwrap()).err()
    });
    assert!(
        ended.elapsed() < busy(Duration::from_secs(1)),
        "{:?}",
        ended.elapsed()
    );
    assert_eq!(reason(there.resume(&session)), "session-expired");
    assert_eq!(
        reason(deployment.connect(1).resume(&session)),
        "session-expired"
    );
}

#[test]
fn a_purchase_fills_at_the_next_update_and_never_at_a_price_seen_before() {
    let deployment = Deployment::builder()
        // One unit dearer at each update: a price tells its update.
        .market(Market::seconds("UP", 1000, 600))
        .start();
    let mut alice = deployment.trader(1, "alice");
    let mut watch = deployment.connect(1);
    watch.resume(&alice.session().unwrap().clone()).unwrap();
    let symbol = Symbol::parse("UP").unwrap();
    for turn in 0..10 {
        let seen = watch.quote(symbol).unwrap().value;
        let sent = order(&alice, Side::Buy, "UP", "1", None);
        alice.connection().send(&sent).unwrap();
        let mut expected = None;
        let answer = alice
            .connection()
            .reply(|notice| expected = Some(notice.expected));
        let Ok(Answer::Message(Reply::Filled(fill))) = answer else {
            panic!("{answer:?}");
        };
        assert!(
            fill.price > seen,
            "turn {turn}: {} was seen at {seen}",
            fill.price
        );
        assert!(
            fill.price.0 <= seen.0 + 2 * MILLION,
            "turn {turn}: {} is not the next after {seen}",
            fill.price
        );
        // The notice says when: the update after, one interval or a little more from now.
        let off = (fill.settled.0 - expected.expect("a notice comes first").0).abs();
        assert!(off < 1_000, "settled {off} ms away from what was expected");
    }
    // Accepted before the price's update began, and each at a price of its own.
    let prices: BTreeSet<Money> = history(&mut alice, "alice")
        .iter()
        .map(|entry| {
            assert!(entry.accepted <= entry.settled);
            entry.detail.as_ref().unwrap().price
        })
        .collect();
    assert_eq!(prices.len(), 10);
}

#[test]
fn a_thousand_purchases_in_one_write_settle_in_order_at_one_update_in_one_commit() {
    let deployment = Deployment::builder()
        .in_a_file()
        .update_interval(Duration::from_secs(5))
        .market(Market::seconds("UP", 10, 60))
        .start();
    let mut alice = deployment.trader(1, "alice");
    let requests: Vec<_> = (1..=1000)
        .map(|number| {
            order(
                &alice,
                Side::Buy,
                "UP",
                "1",
                Some(&format!("order-{number}")),
            )
        })
        .collect();

    // Just after an update, so that the next one is seconds away.
    let mut watch = deployment.connect(1);
    watch.resume(&alice.session().unwrap().clone()).unwrap();
    let symbol = Symbol::parse("UP").unwrap();
    let before = watch.quote(symbol).unwrap().value;
    let price = eventually("an update", || {
        let now = watch.quote(symbol).unwrap().value;
        (now != before).then_some(now)
    });
    alice.connection().send_all(&requests).unwrap();

    let mut queued = Vec::new();
    let mut filled = Vec::new();
    while filled.len() < 1000 {
        match alice.connection().recv().unwrap() {
            ServerMessage::Notice(notice) => queued.push(notice.id),
            ServerMessage::Reply(Answer::Message(Reply::Filled(fill))) => filled.push(fill),
            other => panic!("{other:?}"),
        }
        if queued.len() == 1000 && filled.is_empty() {
            // On the durable queue, and not one of them settled.
            assert_eq!(settled(&deployment), 0);
        }
    }
    assert_eq!(queued.len(), 1000);
    let ids: Vec<_> = filled.iter().map(|fill| fill.id).collect();
    assert_eq!(ids, queued, "replies come in the order of the requests");
    // At one update: the next one's price, one moment.
    let next = Money(price.0 + MILLION);
    assert!(
        filled
            .iter()
            .all(|fill| fill.price == next && fill.settled == filled[0].settled)
    );
    // In one commit: whoever looks sees none of them, or all.
    let database = database(&deployment);
    let updates: Vec<(i64, i64)> = database
        .prepare("SELECT update_number, count(*) FROM transactions GROUP BY update_number")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(updates.len(), 1, "{updates:?}");
    assert_eq!(updates[0].1, 1000);
    let (cash, holdings) = portfolio(&mut watch, "alice");
    assert_eq!(cash, Money(100_000 * MILLION - 1000 * next.0));
    assert_eq!(holdings[0].quantity, Quantity(1000 * MILLION));
    // The history has them in the order in which they came, newest first.
    let listed: Vec<_> = history(&mut watch, "alice")
        .iter()
        .rev()
        .map(|entry| entry.id)
        .collect();
    assert_eq!(listed, queued);
    // Asked for together, more than leaves in one write, each comes whole and in its turn.
    let session = alice.session().unwrap().clone();
    let username = username("alice");
    let requests = [
        Request::UserHistory {
            session: session.clone(),
            username: username.clone(),
        },
        Request::UserInfo { session, username },
    ];
    let mut answers = Vec::new();
    let asked = vec![requests.clone(); 4].concat();
    watch
        .connection()
        .pipeline(&asked, asked.len(), |_, answer| {
            answers.push(answer.unwrap())
        })
        .unwrap();
    let alone = requests.map(|request| watch.connection().call(&request).unwrap());
    assert!(matches!(&alone[0], Answer::Payload(bytes) if bytes.len() > 64 * 1024));
    assert!(answers == vec![alone; 4].concat(), "not what each is alone");
}

/// The database, to read from, whether the master runs or not.
fn database(deployment: &Deployment) -> Database {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Database::open_with_flags(deployment.database_path(), flags).unwrap();
    database.busy_timeout(TEST_TIMEOUT).unwrap();
    database
}

fn settled(deployment: &Deployment) -> i64 {
    database(deployment)
        .query_row(
            "SELECT count(*) FROM transactions WHERE status = 1",
            [],
            |row| row.get(0),
        )
        .unwrap()
}

#[test]
fn a_settlement_is_seen_whole_or_not_at_all() {
    let deployment = Deployment::builder()
        .in_a_file()
        .update_interval(Duration::from_secs(1))
        .market(Market::seconds("UP", 10, 60))
        .start();
    let mut alice = deployment.trader(1, "alice");
    let requests: Vec<_> = (0..500)
        .map(|_| order(&alice, Side::Buy, "UP", "1", None))
        .collect();
    alice.connection().send_all(&requests).unwrap();
    let database = database(&deployment);
    let mut look = database
        .prepare("SELECT update_number, count(*) FILTER (WHERE status = 1), count(*) FILTER (WHERE status = 0) FROM transactions GROUP BY update_number")
        .unwrap();
    let mut counts = BTreeSet::new();
    // An update's orders in one view: all of them settled, or not yet numbered.
    eventually("all orders settle", || {
        let rows: Vec<(Option<i64>, i64, i64)> = look
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for (number, settled, queued) in &rows {
            if let Some(number) = number {
                assert_eq!(*queued, 0, "update {number} is half done");
                counts.insert((*number, *settled));
            }
        }
        (rows.iter().map(|row| row.1).sum::<i64>() == 500).then_some(())
    });
    // Each update's number of trades was never seen at another value.
    let updates: BTreeSet<i64> = counts.iter().map(|(number, _)| *number).collect();
    assert_eq!(updates.len(), counts.len(), "{counts:?}");
}

/// Updates that could not be settled are settled later, each at its own prices, before anything is
/// accepted: so a split that comes late is that of who ordered before it, and of nobody else.
#[test]
fn a_late_split_leaves_later_orders_alone() {
    /// The day of the split, 20 s after the start: by then a slow machine has sent the first order,
    /// too.
    const SPLIT: i64 = 40;
    let deployment = Deployment::builder().in_a_file().make();
    deployment.master().set("update_interval", "500ms");
    let begin = Timestamp::parse("2020-01-01").unwrap();
    let day = |number: i64| begin.plus_days(number).date().to_string();
    let rows: String = (0..400)
        .map(|number| {
            let price = if number < SPLIT { 1000 } else { 500 } + number;
            format!("{},{price},{price},{price},{price},1000\n", day(number))
        })
        .collect();
    let split = format!("{},UP,split,2\n", day(SPLIT));
    deployment.set_market(&Market::files(
        "2020-01-01",
        &[("UP", &rows), ("actions", &split)],
    ));
    deployment.start_all();
    let mut alice = deployment.trader(1, "alice");
    let mut watch = deployment.connect(1);
    watch.resume(&alice.session().unwrap().clone()).unwrap();
    let symbol = Symbol::parse("UP").unwrap();
    // Orders are accepted; no update can be settled.
    let disturb =
        rusqlite::Connection::open(deployment.dir().join("data/master/master.db")).unwrap();
    disturb.busy_timeout(Duration::from_secs(30)).unwrap();
    disturb
        .execute_batch(
            "CREATE TRIGGER broken BEFORE UPDATE ON transactions BEGIN SELECT RAISE(ABORT, 'broken'); END",
        )
        .unwrap();
    let place = |alice: &mut papertrader::client::Client| {
        let request = order(alice, Side::Buy, "UP", "1", None);
        alice.connection().send(&request).unwrap();
    };
    place(&mut alice);
    let ServerMessage::Notice(before) = alice.connection().recv().unwrap() else {
        panic!("the first order is not queued");
    };
    assert!(
        watch.quote(symbol).unwrap().value > Money(900 * MILLION),
        "too late"
    );
    let mut quote = |what: &str, is_so: &dyn Fn(Money) -> bool| {
        eventually(what, || {
            Some(watch.quote(symbol).unwrap().value).filter(|value| is_so(*value))
        })
    };
    let after_split = quote("the split", &|value| value < Money(900 * MILLION));
    // By the next update the split's has failed to settle.
    quote("another update", &|value| value > after_split);
    // It is not accepted before the split is settled.
    place(&mut alice);
    disturb.execute_batch("DROP TRIGGER broken").unwrap();
    let (mut queued, mut filled) = (None, Vec::new());
    while filled.len() < 2 {
        match alice.connection().recv().unwrap() {
            ServerMessage::Notice(notice) => queued = Some(notice.id),
            ServerMessage::Reply(Answer::Message(Reply::Filled(fill))) => {
                let is_before = fill.price > Money(900 * MILLION);
                filled.push((fill.id, fill.quantity, is_before));
            }
            // It came within a second of the failure. Its refusal comes after the first order's end,
            // so nothing is unsettled any more.
            ServerMessage::Reply(Answer::Message(Reply::Fail(
                Instruction::PurchaseFail,
                Refusal {
                    reason: OpenValue::Known(Reason::Overloaded),
                    ..
                },
            ))) => place(&mut alice),
            other => panic!("{other:?}"),
        }
    }
    let after = queued.expect("the second order was queued");
    let one = Quantity(MILLION);
    assert_eq!(
        filled,
        [(before.id, one, true), (after, one, false)],
        "each at the price of its own update"
    );
    let (_, positions) = portfolio(&mut watch, "alice");
    assert_eq!(positions[0].quantity, Quantity(3 * MILLION), "2 and 1");
    let mut database =
        papertrader::master::verify::open(&deployment.dir().join("data/master/master.db")).unwrap();
    let verified = papertrader::master::verify::check(&mut database, &|| false).unwrap();
    assert!(
        verified.differences.is_empty(),
        "{:?}",
        verified.differences
    );
}

#[test]
fn what_was_there_is_there_after_kill_9() {
    let deployment = Deployment::builder()
        .in_a_file()
        .workers(2)
        .update_interval(Duration::from_secs(4))
        .market(Market::seconds("UP", 10, 600))
        .start();
    let mut alice = deployment.trader(1, "alice");
    let session = alice.session().unwrap().clone();
    let first = buy(&mut alice, "UP", "5");
    let (cash, _) = portfolio(&mut alice, "alice");

    // On the queue, with the update seconds away.
    alice.enter(ConnectionState::Command).unwrap();
    let waiting = order(&alice, Side::Buy, "UP", "7", Some("waiting"));
    alice.connection().send(&waiting).unwrap();
    let ServerMessage::Notice(notice) = alice.connection().recv().unwrap() else {
        panic!("no notice");
    };
    deployment.master().kill();
    deployment.worker(1).kill();
    deployment.worker(2).kill();
    let unsettled = database(&deployment)
        .query_row(
            "SELECT status FROM transactions WHERE quantity = 7000000",
            [],
            |row| row.get::<_, i64>(0),
        )
        .unwrap();
    assert_eq!(unsettled, 0, "the kill came too late for this test");
    deployment.start_all();

    // Accounts, sessions, portfolio, history; and the queue, which settles.
    let mut again = deployment.connect(2);
    again.resume(&session).unwrap();
    let entries = eventually("the queued order settles", || {
        let entries = history(&mut again, "alice");
        (entries[0].status != TransactionStatus::Queued).then_some(entries)
    });
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].id, notice.id);
    assert_eq!(entries[0].status, TransactionStatus::Settled);
    assert_eq!(entries[1].id, first.id);
    let second = entries[0].detail.as_ref().unwrap();
    assert!(second.price > first.price);
    let (now, holdings) = portfolio(&mut again, "alice");
    assert_eq!(now, Money(cash.0 - second.total.0));
    assert_eq!(holdings[0].quantity, Quantity(12 * MILLION));
    // The same order again is the same trade, under the reply that was lost.
    again.enter(ConnectionState::Command).unwrap();
    match again.connection().call(&waiting).unwrap() {
        Answer::Message(Reply::Filled(fill)) => {
            assert_eq!((fill.id, fill.total), (notice.id, second.total));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(history(&mut again, "alice").len(), 2);
    // Old and new accounts log in, and the name is still taken.
    let mut other = deployment.connect(1);
    other
        .login(&username("ALICE"), &hashed("alice"), false)
        .unwrap();
    let email = papertrader::model::Email::parse("other@example.org").unwrap();
    let taken = deployment
        .connect(1)
        .register(&username("Alice"), &email, &hashed("alice"));
    assert_eq!(reason(taken), "username-taken");
    deployment.stop_all();
}
