//! What a deployment as a whole shows: several workers as one service, settlement at updates, and what outlives a
//! kill.

use crate::harness::*;
use papertrader::client::{Answer, Incoming};
use papertrader::master::auth::sessions::PER_ACCOUNT_MAX;
use papertrader::model::{Amount, Money, ProtocolFault, Side, Stamp, Status, Symbol};
use papertrader::wire::{Reply, Request, State};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
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
        BTreeSet::from([deployment.worker(1), deployment.worker(2)])
    );

    // Bought on one, seen on the other.
    let fill = buy(&mut here, "AAPL", "10");
    let (cash, holdings) = portfolio(&mut there, "alice");
    assert_eq!(cash, Money(100_000 * MILLION - fill.total.0));
    assert_eq!(holdings[0].symbol, Symbol::parse("AAPL").unwrap());
    assert_eq!(holdings[0].quantity, Amount(10 * MILLION));
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
    assert_eq!(reason(deployment.connect(1).resume(&session)), "session-expired");
}

/// As many logins as the limit allows, and one more: a fixed number, however fast the machine is.
#[test]
fn one_login_too_many_ends_the_oldest_session_and_no_other() {
    let deployment = Deployment::running(1);
    let mut alice = deployment.trader(1, "alice");
    let mut bob = deployment.trader(1, "bob");
    let oldest = alice.session().unwrap().clone();
    let mut login = || {
        let login = alice.login(&username("alice"), &hashed("alice"), false);
        login.unwrap().session
    };
    let second = login();
    for _ in 2..PER_ACCOUNT_MAX {
        login();
    }
    deployment
        .connect(1)
        .resume(&oldest)
        .expect("not one too many yet");
    login();
    eventually("the oldest session ends", || {
        deployment.connect(1).resume(&oldest).err()
    });
    assert_eq!(reason(deployment.connect(1).resume(&oldest)), "session-expired");
    deployment.connect(1).resume(&second).expect("the next one stays");
    let bobs = bob.session().unwrap().clone();
    bob.resume(&bobs).expect("another account's stays");
}

#[test]
fn a_purchase_fills_at_the_next_update_and_never_at_a_price_seen_before() {
    let deployment = Deployment::new(1);
    // One unit dearer at each update: a price tells its update.
    deployment.market_of_seconds("UP", 1000, 600);
    let mut deployment = deployment;
    deployment.start_all();
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
    let mut deployment = Deployment::new(1);
    deployment.set(0, "update_interval", "\"5s\"");
    deployment.market_of_seconds("UP", 10, 60);
    deployment.start_all();
    let mut alice = deployment.trader(1, "alice");
    let requests: Vec<_> = (1..=1000)
        .map(|number| order(&alice, Side::Buy, "UP", "1", Some(&format!("order-{number}"))))
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
            Incoming::Notice(notice) => queued.push(notice.id),
            Incoming::Reply(Answer::Message(Reply::Filled(fill))) => filled.push(fill),
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
    let database = deployment.database();
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
    assert_eq!(holdings[0].quantity, Amount(1000 * MILLION));
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
        .pipeline(&asked, asked.len(), |_, answer| answers.push(answer.unwrap()))
        .unwrap();
    let alone = requests.map(|request| watch.connection().call(&request).unwrap());
    assert!(matches!(&alone[0], Answer::Payload(bytes) if bytes.len() > 64 * 1024));
    assert!(answers == vec![alone; 4].concat(), "not what each is alone");
}

fn settled(deployment: &Deployment) -> i64 {
    deployment
        .database()
        .query_row("SELECT count(*) FROM transactions WHERE status = 1", [], |row| {
            row.get(0)
        })
        .unwrap()
}

#[test]
fn a_settlement_is_seen_whole_or_not_at_all() {
    let mut deployment = Deployment::new(1);
    deployment.set(0, "update_interval", "\"1s\"");
    deployment.market_of_seconds("UP", 10, 60);
    deployment.start_all();
    let mut alice = deployment.trader(1, "alice");
    let requests: Vec<_> = (0..500)
        .map(|_| order(&alice, Side::Buy, "UP", "1", None))
        .collect();
    alice.connection().send_all(&requests).unwrap();
    let database = deployment.database();
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

/// A split that could not be settled comes late: to who ordered before its price could be seen, and to nobody else.
#[test]
fn a_late_split_leaves_later_orders_alone() {
    /// The day of the split, 20 s after the start: by then a slow machine has sent the first order, too.
    const SPLIT: i64 = 40;
    let mut deployment = Deployment::new(1);
    deployment.set(0, "update_interval", "\"500ms\"");
    let begin = Stamp::parse("2020-01-01").unwrap();
    let day = |number: i64| begin.plus_days(number).date().to_string();
    let rows: String = (0..400)
        .map(|number| {
            let price = if number < SPLIT { 1000 } else { 500 } + number;
            format!("{},{price},{price},{price},{price},1000\n", day(number))
        })
        .collect();
    let split = format!("{},UP,split,2\n", day(SPLIT));
    deployment.market("2020-01-01", &[("UP", &rows), ("actions", &split)]);
    deployment.start_all();
    let mut alice = deployment.trader(1, "alice");
    let mut watch = deployment.connect(1);
    watch.resume(&alice.session().unwrap().clone()).unwrap();
    let symbol = Symbol::parse("UP").unwrap();
    // Orders are accepted; no update can be settled.
    let disturb = rusqlite::Connection::open(deployment.dir().join("data/master/master.db")).unwrap();
    disturb.busy_timeout(Duration::from_secs(30)).unwrap();
    disturb
        .execute_batch(
            "CREATE TRIGGER broken BEFORE UPDATE ON transactions BEGIN SELECT RAISE(ABORT, 'broken'); END",
        )
        .unwrap();
    let place = |alice: &mut papertrader::client::Client| {
        let request = order(alice, Side::Buy, "UP", "1", None);
        alice.connection().send(&request).unwrap();
        match alice.connection().recv().unwrap() {
            Incoming::Notice(notice) => notice.id,
            other => panic!("{other:?}"),
        }
    };
    let before = place(&mut alice);
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
    let after = place(&mut alice);
    disturb.execute_batch("DROP TRIGGER broken").unwrap();
    let mut filled = Vec::new();
    while filled.len() < 2 {
        match alice.connection().recv().unwrap() {
            Incoming::Reply(Answer::Message(Reply::Filled(fill))) => filled.push((fill.id, fill.quantity)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        filled,
        [(before, Amount(2 * MILLION)), (after, Amount(MILLION))],
        "the units of its time"
    );
    let mut database =
        papertrader::master::verify::open(&deployment.dir().join("data/master/master.db")).unwrap();
    let verified = papertrader::master::verify::check(&mut database, &|| false).unwrap();
    assert!(verified.differences.is_empty(), "{:?}", verified.differences);
}

#[test]
fn what_was_there_is_there_after_kill_9() {
    let mut deployment = Deployment::new(2);
    deployment.set(0, "update_interval", "\"4s\"");
    deployment.market_of_seconds("UP", 10, 600);
    deployment.start_all();
    let mut alice = deployment.trader(1, "alice");
    let session = alice.session().unwrap().clone();
    let first = buy(&mut alice, "UP", "5");
    let (cash, _) = portfolio(&mut alice, "alice");

    // On the queue, with the update seconds away.
    alice.enter(State::Command).unwrap();
    let waiting = order(&alice, Side::Buy, "UP", "7", Some("waiting"));
    alice.connection().send(&waiting).unwrap();
    let Incoming::Notice(notice) = alice.connection().recv().unwrap() else {
        panic!("no notice");
    };
    deployment.kill(0);
    deployment.kill(1);
    deployment.kill(2);
    let unsettled = deployment
        .database()
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
        (entries[0].status != Status::Queued).then_some(entries)
    });
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].id, notice.id);
    assert_eq!(entries[0].status, Status::Settled);
    assert_eq!(entries[1].id, first.id);
    let second = entries[0].detail.as_ref().unwrap();
    assert!(second.price > first.price);
    let (now, holdings) = portfolio(&mut again, "alice");
    assert_eq!(now, Money(cash.0 - second.total.0));
    assert_eq!(holdings[0].quantity, Amount(12 * MILLION));
    // The same order again is the same trade, under the reply that was lost.
    again.enter(State::Command).unwrap();
    match again.connection().call(&waiting).unwrap() {
        Answer::Message(Reply::Filled(fill)) => {
            assert_eq!((fill.id, fill.total), (notice.id, second.total));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(history(&mut again, "alice").len(), 2);
    // Old and new accounts log in, and the name is still taken.
    let mut other = deployment.connect(1);
    other.login(&username("ALICE"), &hashed("alice"), false).unwrap();
    let email = papertrader::model::Email::parse("other@example.org").unwrap();
    let taken = deployment
        .connect(1)
        .register(&username("Alice"), &email, &hashed("alice"));
    assert_eq!(reason(taken), "username-taken");
    deployment.stop_all();
}

#[test]
fn a_second_master_on_the_same_database_is_refused() {
    let mut deployment = Deployment::running(1);
    let before = fs::read(deployment.config(0)).unwrap();
    // Another port and socket: it is the database that they must not share.
    let other = deployment.dir().join("other.toml");
    let text = String::from_utf8(before)
        .unwrap()
        .replace(&deployment.master(), "127.0.0.1:0")
        .replace("master.sock", "other.sock");
    fs::write(&other, text).unwrap();
    let output = deployment.run("papertrader-master", &["--config", "other.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("in use by another master"), "{said}");
    // The first goes on as if nothing had been.
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "IBM", "1");
    deployment.stop_all();
}

#[test]
fn a_newer_database_is_refused_and_nothing_written() {
    let mut deployment = Deployment::new(1);
    let path = deployment.dir().join("data/master/master.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 1000)
        .unwrap();
    let before = fs::read(&path).unwrap();
    let output = deployment.run("papertrader-master", &["--config", "master.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("newer version"), "{said}");
    assert!(fs::read(&path).unwrap() == before, "something was written");
    deployment.spawn(0);
    assert_eq!(deployment.wait_end(0).code(), Some(1));
}

#[test]
fn a_broken_market_file_is_named_with_line_and_reason() {
    let deployment = Deployment::new(1);
    let good = "2020-01-02,1,2,1,2,10\n";
    for (rows, line, why) in [
        ("2020-01-03,1,2,1,x,10\n", "line 3", "x"),
        ("2020-01-03,1,2,1\n", "line 3", "columns"),
        ("2020-01-01,1,2,1,2,10\n", "line 3", ""),
        ("2020-02-30,1,2,1,2,10\n", "line 3", "2020-02-30"),
        ("2020-01-03,0,0,0,0,10\n", "line 3", ""),
    ] {
        deployment.market("2020-01-02", &[("AAA", &format!("{good}{rows}"))]);
        for arguments in [
            &["--config", "master.toml"][..],
            &["--config", "master.toml", "--check-config"],
        ] {
            let output = deployment.run("papertrader-master", arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(78), "{rows}: {said}");
            assert!(
                said.contains("AAA.csv") && said.contains(line) && said.contains(why),
                "{rows}: {said}"
            );
        }
    }
    assert!(processes_about(deployment.dir()).is_empty());
}

#[test]
fn both_daemons_check_their_configuration() {
    let mut deployment = Deployment::new(1);
    let check = |deployment: &Deployment, program: &str, config: &str| {
        let output = deployment.run(program, &["--config", config, "--check-config"]);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    for (place, program, config) in [
        (0, "papertrader-master", "master.toml"),
        (1, "papertrader-worker", "worker-1.toml"),
    ] {
        let (code, said) = check(&deployment, program, config);
        assert_eq!(code, Some(0), "{said}");
        let good = fs::read_to_string(deployment.config(place)).unwrap();
        for (key, value, why) in [
            ("lisen", "\"127.0.0.1:1\"", "lisen"),
            ("listen", "\"nowhere\"", "listen"),
            ("limits.max_connections", "0", "max_connections"),
            ("limits.frame_timeout", "\"soon\"", "frame_timeout"),
            ("gpg.key", "\"ABCD\"", "gpg.key"),
            ("gpg.home", "\"nowhere\"", "gpg.home"),
            ("log.memory_entries", "\"many\"", "memory_entries"),
        ] {
            deployment.set(place, key, value);
            let (code, said) = check(&deployment, program, config);
            assert_eq!(code, Some(78), "{key} = {value}: {said}");
            assert!(
                said.contains(config) && said.contains(why),
                "{key} = {value}: {said}"
            );
            fs::write(deployment.config(place), &good).unwrap();
        }
        let (code, said) = check(&deployment, program, "absent.toml");
        assert_eq!(code, Some(78), "{said}");
    }
    // A check beside the running daemons disturbs nobody, and leaves no agent where none was.
    assert!(processes_about(deployment.dir()).is_empty());
    deployment.start_all();
    assert_eq!(check(&deployment, "papertrader-master", "master.toml").0, Some(0));
    assert_eq!(
        check(&deployment, "papertrader-worker", "worker-1.toml").0,
        Some(0)
    );
    deployment.trader(1, "alice");
    deployment.stop_all();
    assert!(processes_about(deployment.dir()).is_empty());
}

#[test]
fn daemons_stop_at_sigterm_and_at_the_end_of_their_input() {
    let mut deployment = Deployment::running(1);
    let mut idle = deployment.connect(1);
    // Who is connected and not yet accepted when a worker stops is not told anything.
    idle.ping().unwrap();
    let (status, took) = deployment.stop(1);
    assert!(
        status.success() && took < Duration::from_secs(5),
        "{status} after {took:?}"
    );
    match idle.connection().recv().unwrap() {
        Incoming::Fault(ProtocolFault::ShuttingDown, _) => {}
        other => panic!("{other:?}"),
    }
    let (status, took) = deployment.stop(0);
    assert!(
        status.success() && took < Duration::from_secs(5),
        "{status} after {took:?}"
    );
    // A parent that goes away: the input ends.
    let mut child = Command::new(program("papertrader-master"))
        .args(["--config", "master.toml", "--stop-with-input"])
        .current_dir(deployment.dir())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(processes_about(deployment.dir()).is_empty());
}
