//! spec/runtime.md: daemons whose clocks are set, by hours, in both directions, and while people
//! trade. Where libfaketime cannot be had, these tests are skipped (`WITHOUT_FAKETIME`).

use crate::master::markets::binance;
use papertrader::client::book_order::OrderForm;
use papertrader::client::{Client, ServerConnection};
use papertrader::model::timestamp::DAY;
use papertrader::model::{
    OpenValue, OrderAmount, OrderTerms, Quantity, Side, Symbol, TimeInForce, Timestamp,
    TransactionStatus,
};
use papertrader::testkit::mock_exchange::MockExchange;
use papertrader::testkit::own_clock::{OwnClock, WITHOUT_FAKETIME};
use papertrader::testkit::trader::{buy, hashed, history, reason, register, trade, username};
use papertrader::testkit::{Deployment, Market, TEST_TIMEOUT, eventually, folder, program, until};
use papertrader::wire::payload::HistoryEntry;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const HOUR: i64 = 3_600_000;
const INTERVAL: Duration = Duration::from_millis(200);

fn symbol(text: &str) -> Symbol {
    Symbol::parse(text).unwrap()
}

fn is_skipped() -> bool {
    let skipped = std::env::var_os(WITHOUT_FAKETIME).is_some();
    if skipped {
        println!("skipped: {WITHOUT_FAKETIME} is set");
    }
    skipped
}

fn deployment(workers: u16) -> Deployment {
    Deployment::builder()
        .workers(workers)
        .own_clocks()
        .update_interval(INTERVAL)
        .market(Market::seconds("UP", 1000, 3_600))
        .set("expected_workers", i64::from(workers))
        .start()
}

/// How far ahead of the machine's clock this time is.
fn ahead(time: &str) -> i64 {
    Timestamp::parse(time).unwrap().since(Timestamp::now())
}

/// An account's orders, the oldest first: all settled, in order of time, each no earlier than it was
/// accepted.
fn settled_in_order(client: &mut Client, name: &str) -> Vec<HistoryEntry> {
    let mut entries = history(client, name);
    entries.reverse();
    assert!(
        entries.is_sorted_by(|a, b| a.accepted <= b.accepted && a.id < b.id),
        "{entries:#?}"
    );
    for entry in &entries {
        assert_eq!(entry.status, TransactionStatus::Settled);
        assert!(entry.settled >= entry.accepted, "{entry:?}");
    }
    entries
}

#[test]
fn clocks_jump_by_hours_while_people_trade_and_no_order_is_lost() {
    if is_skipped() {
        return;
    }
    let deployment = deployment(2);
    let mut alice = deployment.trader(1, "alice");
    let mut bob = deployment.trader(2, "bob");
    let steps_left =
        |client: &mut Client| client.server_info().unwrap().unwrap().steps_left.unwrap();
    let (began, at_first) = (Instant::now(), steps_left(&mut alice));
    let mut prices = Vec::new();
    // How far ahead the clocks of the master and both workers are.
    for (step, [master, one, two]) in [
        [0, 0, 0],
        [5, 0, 0],
        [5, 9, -9],
        [1, 1, 1],
        [1, 100 * 24, 0],
        [10, 10, 10],
    ]
    .into_iter()
    .enumerate()
    {
        deployment.master().set_clock(master * HOUR);
        deployment.worker(1).set_clock(one * HOUR);
        deployment.worker(2).set_clock(two * HOUR);
        for client in [&mut alice, &mut bob] {
            prices.push(buy(client, "UP", "1").price);
        }
        // The next update is told as near as it is, by the master's clock.
        let info = eventually("the next update is told by the clock of now", || {
            let info = alice.server_info().unwrap().unwrap();
            let left = info.next_update.unwrap().since(Timestamp::now()) - master * HOUR;
            (-60_000..=60_000).contains(&left).then_some(info)
        });
        assert_eq!(info.update_interval, Some(INTERVAL), "step {step}");
    }
    assert!(prices.is_sorted(), "{prices:?}");
    assert_eq!(settled_in_order(&mut alice, "alice").len(), 6);
    assert_eq!(settled_in_order(&mut bob, "bob").len(), 6);
    // Neither a burst of updates nor a pause of hours.
    let updates = u128::from(at_first - steps_left(&mut alice));
    let most = began.elapsed().as_millis() / INTERVAL.as_millis() + 2;
    assert!((1..=most).contains(&updates), "{updates} of {most}");
    let log = deployment.master().log();
    assert!(log.contains("the clock was set back by"), "{log}");
    // What was acknowledged outlives a kill, also while the clock is behind.
    for daemon in deployment.daemons() {
        // Those that link must agree to ten minutes.
        daemon.set_clock(0);
    }
    deployment.master().kill();
    deployment.master().start();
    eventually("the worker is linked again", || {
        trade(&mut alice, Side::Sell, "UP", "1").ok()
    });
    assert!(settled_in_order(&mut alice, "alice").len() >= 7);
    assert!(
        deployment
            .done("verify")
            .contains("what its transactions make")
    );
}

#[test]
fn a_leap_day_and_both_changes_of_summer_time_are_days_like_others() {
    if is_skipped() {
        return;
    }
    let deployment = Deployment::builder()
        .own_clocks()
        .market(Market::seconds("UP", 1000, 3_600))
        .set("session_lifetime", "366d")
        .make();
    let set = |time: &str| {
        for daemon in deployment.daemons() {
            daemon.set_clock(ahead(time));
        }
    };
    // New York goes from 02:00 to 03:00 at 07:00 UTC, and from 02:00 to 01:00 at 06:00 UTC.
    set("2028-02-28T23:59:50Z");
    deployment.start_all();
    let mut alice = deployment.trader(1, "alice");
    for (time, day) in [
        ("2028-02-29T00:00:00Z", "2028-02-29"),
        ("2028-02-29T23:59:59Z", "2028-0"),
        ("2028-03-12T06:59:59Z", "2028-03-12"),
        ("2028-03-12T07:30:00Z", "2028-03-12"),
        ("2028-11-05T05:30:00Z", "2028-11-05"),
        ("2028-11-05T06:30:00Z", "2028-11-05"),
    ] {
        set(time);
        let settled = buy(&mut alice, "UP", "1").settled.to_string();
        assert!(settled.starts_with(day), "{settled} at {time}");
    }
    assert_eq!(settled_in_order(&mut alice, "alice").len(), 6);
    // The log is in UTC, whatever the zone.
    let log = deployment.master().log();
    assert!(log.contains("2028-02-28 23:59:5"), "{log}");
}

#[test]
fn sessions_neither_end_with_a_workers_clock_nor_become_immortal_with_the_masters() {
    if is_skipped() {
        return;
    }
    let deployment = deployment(1);
    let mut alice = deployment.trader(1, "alice");
    let of_alice = alice.session().unwrap().clone();
    let quotes = |client: &mut Client| client.quote(symbol("UP")).is_ok();
    // 30 days are a session's life.
    for worker in [40, -40, 0] {
        deployment.worker(1).set_clock(worker * DAY);
        assert!(
            quotes(&mut alice),
            "the worker's clock is {worker} days ahead"
        );
        deployment.connect(1).resume(&of_alice).unwrap();
    }
    // One that begins while the master's clock is a year ahead.
    deployment.master().set_clock(365 * DAY);
    until("the session of before is over", || {
        reason(deployment.connect(1).resume(&of_alice)) == "session-expired"
    });
    let mut bob = deployment.trader(1, "bob");
    let of_bob = bob.session().unwrap().clone();
    deployment.master().set_clock(0);
    let life = eventually("it begins anew", || {
        let list = deployment.json("sessions list");
        let until = list["sessions"][0]["until"].as_str().unwrap();
        let until = Timestamp::parse(until).unwrap();
        let life = until.since(Timestamp::now());
        (life <= 30 * DAY).then_some(life)
    });
    assert!(life > 29 * DAY, "{life}");
    assert!(quotes(&mut bob));
    deployment.connect(1).resume(&of_bob).unwrap();
}

/// Places orders until one waits for a price.
fn await_waiting_order(client: &mut Client, what: &str) {
    let order = OrderForm {
        side: Side::Buy,
        symbol: symbol("BTCUSDT"),
        amount: OrderAmount::Units(Quantity(1_000_000)),
        terms: OrderTerms::Market,
        time_in_force: TimeInForce::Gtc,
        id: None,
    };
    eventually(what, || {
        let placed = client.place_order(&order).unwrap();
        // It leaves the queue with the next update: filled, or open.
        eventually("the next update", || {
            let orders = client.open_orders().unwrap().0;
            match orders.iter().find(|order| order.id == placed.id) {
                None => Some(None),
                Some(order) if order.status == OpenValue::Known(TransactionStatus::Open) => {
                    Some(Some(()))
                }
                Some(_) => None,
            }
        })
    });
}

/// Waits until all orders are filled.
fn await_no_order(client: &mut Client, what: &str) {
    eventually(what, || {
        client.open_orders().unwrap().0.is_empty().then_some(())
    });
    let history = history(client, "alice");
    let filled = |entry: &HistoryEntry| entry.status == TransactionStatus::Settled;
    assert!(history.iter().all(filled), "{history:?}");
}

#[test]
fn prices_of_a_real_market_are_as_old_as_they_are_once_the_clock_is_right() {
    if is_skipped() {
        return;
    }
    let exchange = MockExchange::start(binance);
    let deployment = Deployment::builder()
        .own_clocks()
        .update_interval(INTERVAL)
        .set("assets.provider", "binance")
        .set("assets.symbols", vec!["BTCUSDT"])
        .set("assets.binance.url", exchange.url("127.0.0.1"))
        .set("assets.calls_per_minute", 100_000)
        .set("assets.calls_per_day", 1_000_000)
        .start();
    let set = |ahead: i64| {
        deployment
            .daemons()
            .for_each(|daemon| daemon.set_clock(ahead))
    };
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "BTCUSDT", "1");
    set(2 * HOUR);
    await_waiting_order(&mut alice, "all prices are two hours old by the clock");
    set(0);
    await_no_order(&mut alice, "the clock is right again");
    set(-2 * HOUR);
    await_waiting_order(&mut alice, "prices are of the future by the clock");
    let log = deployment.master().log();
    assert!(log.contains("is in the future"), "{log}");
    set(0);
    await_no_order(&mut alice, "the clock is right at last");
    let mut bob = deployment.trader(1, "bob");
    let quote = bob.quote(symbol("BTCUSDT")).unwrap();
    assert!(Timestamp::now().since(quote.time) < 60_000, "{quote:?}");
}

/// A sandbox that runs by a clock of its own. Stopped when dropped.
struct Sandbox(Child);

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::INT);
        let _ = self.0.wait();
    }
}

#[test]
fn a_machine_that_starts_in_1970_is_made_served_and_crosses_1970_both_ways() {
    let dir = folder();
    let Some(clock) = OwnClock::new(&dir.path().join("clock")) else {
        return;
    };
    let set = |time: &str| clock.set(ahead(time));
    set("1970-01-01T00:00:30Z");
    let sandbox = |arguments: &[&str]| {
        let mut command = Command::new(program::find("papertrader-sandbox"));
        command
            .args(arguments)
            .arg("--dir")
            .arg(dir.path().join("s"));
        command.stdin(Stdio::null()).stderr(Stdio::null());
        clock.give(&mut command);
        command
    };
    let init = ["init", "--update-interval", "200ms", "--bcrypt-cost", "4"];
    assert!(sandbox(&init).status().unwrap().success());
    let child = sandbox(&["run"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Sandbox(child);
    let mut ready = String::new();
    let out = running.0.stdout.as_mut().unwrap();
    BufReader::new(out).read_line(&mut ready).unwrap();
    let worker = ready.trim_end().split("worker=").nth(1).unwrap();
    let connection = ServerConnection::connect(worker, TEST_TIMEOUT).unwrap();
    let mut alice = Client::new(connection, None);
    register(&mut alice, "alice");
    alice
        .login(&username("alice"), &hashed("alice"), false)
        .unwrap();
    for (time, year) in [
        ("1970-01-01T00:01:00Z", "1970-"),
        ("1969-12-31T20:00:00Z", "1970-"),
        ("1970-01-01T04:00:00Z", "1970-"),
        ("1970-01-20T00:00:00Z", "1970-01-20"),
    ] {
        set(time);
        let settled = buy(&mut alice, "AAPL", "0.01").settled.to_string();
        assert!(settled.starts_with(year), "{settled} at {time}");
    }
    assert_eq!(settled_in_order(&mut alice, "alice").len(), 4);
    // What was a month ago is over, when the clock is set at last.
    clock.set(0);
    until("the session is over", || {
        alice.quote(symbol("AAPL")).is_err()
    });
}
