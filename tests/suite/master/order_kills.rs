//! Orders that wait, and a master that dies at each place where their outcome is decided or told:
//! there is one outcome, and everybody is told the same for ever. Real daemons.

use papertrader::client::{Answer, Client, ServerConnection};
use papertrader::model::{
    ClientOrderId, MarketState, Money, OpenValue, OrderAmount, OrderKind, Quantity, Reason, Side,
    Symbol, TimeInForce, TrailDistance, TransactionStatus,
};
use papertrader::testkit::trader::{buy, username};
use papertrader::testkit::{Deployment, Market, TEST_TIMEOUT, until};
use papertrader::wire::payload::{PageEntry, TransactionPage};
use papertrader::wire::{ConnectionState, Reply, Request};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use uuid::Uuid;

/// The signal by which a process ends that calls `abort`.
const SIGABRT: i32 = 6;
/// The points around the commit of what clients ask for.
const ANSWER_POINTS: [&str; 2] = ["orders-stored", "orders-committed"];
/// Steps of the market between a placement, while it is paused, and the trigger: the next update.
const AHEAD: i64 = 1;

/// A deployment of two workers whose asset UP rises by 1 at each update, so that a price names its
/// bar.
fn deployment() -> Deployment {
    Deployment::builder()
        .workers(2)
        .update_interval(Duration::from_secs(1))
        .market(Market::seconds("UP", 10, 3600))
        .start()
}

/// Waits until the master lists both workers, whose links then stand.
fn await_links(deployment: &Deployment) {
    let address = deployment.master().address();
    until("the links stand", || {
        let Ok(mut master) = ServerConnection::connect(&address, TEST_TIMEOUT) else {
            return false;
        };
        matches!(
            master.call(&Request::GetWorkerList),
            Ok(Answer::Message(Reply::WorkerList(workers))) if workers.len() == 2
        )
    });
}

/// Ends the master, and starts it again so that it dies when it passes the point for the nth time.
fn arm(deployment: &Deployment, point: &str, nth: u32) {
    deployment.master().kill();
    deployment
        .master()
        .spawn_with_failpoint(&format!("{point}:{nth}"));
    deployment.master().wait_ready();
    await_links(deployment);
}

/// Arms a point as [`arm`] does, and pauses the market, so that the price stands while an order is
/// placed, however slow the machine. Returns the price once the worker of `client` knows it.
fn arm_paused(deployment: &Deployment, client: &mut Client, point: &str, nth: u32) -> i64 {
    arm(deployment, point, nth);
    deployment.done("market pause");
    // The worker learns of the pause behind the prices of the last update.
    until("the worker hears of the pause", || {
        let info = client.server_info().unwrap().unwrap();
        info.state == Some(MarketState::Paused.into())
    });
    price(client)
}

/// Lets the market go on. The master may die at its point before it has answered.
fn resume(deployment: &Deployment) {
    let output = deployment.ctl("market resume");
    let told = String::from_utf8_lossy(&output.stderr);
    let is_dead = told.contains("closed the connection without an answer");
    assert!(output.status.success() || is_dead, "{told}");
}

/// Waits until the master has died at its point, and starts it again.
fn revive(deployment: &Deployment, point: &str) {
    let ended = deployment.master().wait_exit(TEST_TIMEOUT);
    let ended = ended.unwrap_or_else(|| panic!("{point} was armed and never reached"));
    assert_eq!(ended.signal(), Some(SIGABRT), "{point}: {ended}");
    deployment.master().start();
    await_links(deployment);
}

/// An order of one unit of UP.
fn place(
    client: &Client,
    (side, kind): (Side, OrderKind),
    (limit, stop): (Option<i64>, Option<i64>),
    id: &str,
) -> Request {
    let money = |units: i64| Money(units * 1_000_000);
    Request::PlaceOrder {
        session: client.session().unwrap().clone(),
        side,
        symbol: Symbol::parse("UP").unwrap(),
        amount: OrderAmount::Units(Quantity(1_000_000)),
        kind,
        limit: limit.map(money),
        stop: stop.map(|stop| TrailDistance::Money(money(stop))),
        time_in_force: TimeInForce::Gtc,
        id: Some(ClientOrderId::parse(id).unwrap()),
    }
}

fn cancel(client: &Client, id: Uuid) -> Request {
    Request::CancelOrder {
        session: client.session().unwrap().clone(),
        id,
    }
}

fn reply(client: &mut Client) -> Reply {
    match client.connection().reply(|_| {}).unwrap() {
        Answer::Message(reply) => reply,
        Answer::Payload(_) => panic!("a payload answers an order"),
    }
}

fn ask(client: &mut Client, request: &Request) -> Reply {
    client.enter(ConnectionState::Command).unwrap();
    client.connection().send(request).unwrap();
    reply(client)
}

fn placed(reply: &Reply) -> (Uuid, TransactionStatus) {
    match reply {
        Reply::OrderPlaced {
            id,
            status: OpenValue::Known(status),
            ..
        } => (*id, *status),
        other => panic!("{other:?}"),
    }
}

/// The latest price of UP in whole units.
fn price(client: &mut Client) -> i64 {
    let quote = client.quote(Symbol::parse("UP").unwrap()).unwrap();
    quote.value.0 / 1_000_000
}

fn page(client: &mut Client) -> TransactionPage {
    client.history_page(&username("alice"), None, 1000).unwrap()
}

fn row(client: &mut Client, id: Uuid) -> PageEntry {
    let rows = page(client).entries;
    let mut rows = rows.into_iter().filter(|row| row.id == id);
    let row = rows.next().unwrap();
    assert!(rows.next().is_none(), "{id} is there twice");
    row
}

/// The row of an order once it has ended.
fn ended(client: &mut Client, id: Uuid) -> PageEntry {
    until("the order ends", || {
        let status = row(client, id).status;
        status != TransactionStatus::Queued && status != TransactionStatus::Open
    });
    row(client, id)
}

/// Another connection of the same session, through the second worker.
fn other(deployment: &Deployment, client: &Client) -> Client {
    let mut other = deployment.connect(2);
    other.resume(client.session().unwrap()).unwrap();
    other
}

/// The price at which an order was filled, in whole units.
fn filled_at(row: &PageEntry) -> i64 {
    assert_eq!(row.status, TransactionStatus::Settled, "{row:?}");
    let detail = row.detail.as_ref().unwrap();
    detail.entry.price.0 / 1_000_000
}

#[test]
fn an_order_that_waits_is_tested_once_by_each_bar_though_its_settlement_dies() {
    if !cfg!(debug_assertions) {
        return;
    }
    let deployment = deployment();
    let mut alice = deployment.trader(1, "alice");
    // A start settles what an earlier process left, and passes the last two points with it.
    for (point, nth) in [
        ("settlement-half", 1),
        ("settlement-stored", 2),
        ("settlement-committed", 2),
    ] {
        let level = arm_paused(&deployment, &mut alice, point, nth) + AHEAD;
        let request = place(
            &alice,
            (Side::Buy, OrderKind::Stop),
            (None, Some(level)),
            point,
        );
        let (id, status) = placed(&ask(&mut alice, &request));
        assert_eq!(status, TransactionStatus::Open, "{point}");
        resume(&deployment);
        revive(&deployment, point);
        let end = ended(&mut alice, id);
        assert_eq!(
            filled_at(&end),
            level,
            "{point}: by the bar that reached it"
        );
        // Both workers tell the same, and so does the next process.
        let again = placed(&ask(&mut alice, &request));
        assert_eq!(again, (id, TransactionStatus::Settled), "{point}");
        deployment.master().kill();
        deployment.master().start();
        await_links(&deployment);
        let mut second = other(&deployment, &alice);
        assert_eq!(row(&mut second, id), end, "{point}");
        assert_eq!(placed(&ask(&mut second, &request)), again, "{point}");
        let cancelled = ask(&mut second, &cancel(&alice, id));
        let is_too_late =
            matches!(&cancelled, Reply::Fail(_, why) if why.reason == Reason::NotOpen);
        assert!(is_too_late, "{point}: {cancelled:?}");
        deployment.assert_sound(point);
    }
    assert_eq!(page(&mut alice).entries.len(), 3);
}

#[test]
fn a_stop_limit_whose_trigger_dies_is_a_limit_order_from_the_next_bar_on() {
    if !cfg!(debug_assertions) {
        return;
    }
    let deployment = deployment();
    let mut alice = deployment.trader(1, "alice");
    for point in ["settlement-stored", "settlement-committed"] {
        let stop = arm_paused(&deployment, &mut alice, point, 2) + AHEAD;
        let request = place(
            &alice,
            (Side::Buy, OrderKind::StopLimit),
            (Some(stop + 1000), Some(stop)),
            point,
        );
        let (id, _) = placed(&ask(&mut alice, &request));
        resume(&deployment);
        revive(&deployment, point);
        let end = ended(&mut alice, id);
        assert_eq!(filled_at(&end), stop + 1, "{point}");
        let mut second = other(&deployment, &alice);
        assert_eq!(row(&mut second, id), end, "{point}");
        deployment.assert_sound(point);
    }
}

#[test]
fn an_order_is_placed_once_though_its_answer_dies() {
    if !cfg!(debug_assertions) {
        return;
    }
    let deployment = deployment();
    let mut alice = deployment.trader(1, "alice");
    for (count, point) in ANSWER_POINTS.iter().enumerate() {
        arm(&deployment, point, 1);
        let request = place(
            &alice,
            (Side::Buy, OrderKind::Limit),
            (Some(1), None),
            point,
        );
        alice.enter(ConnectionState::Command).unwrap();
        alice.connection().send(&request).unwrap();
        revive(&deployment, point);
        // Its worker asks again over the new link.
        let (id, status) = placed(&reply(&mut alice));
        assert_eq!(status, TransactionStatus::Open, "{point}");
        let mut second = other(&deployment, &alice);
        assert_eq!(placed(&ask(&mut second, &request)), (id, status), "{point}");
        assert_eq!(page(&mut second).entries.len(), count + 1, "{point}");
        deployment.assert_sound(point);
    }
}

#[test]
fn an_order_is_cancelled_once_though_the_answer_dies() {
    if !cfg!(debug_assertions) {
        return;
    }
    let deployment = deployment();
    let mut alice = deployment.trader(1, "alice");
    for point in ANSWER_POINTS {
        let limit = place(
            &alice,
            (Side::Buy, OrderKind::Limit),
            (Some(1), None),
            point,
        );
        let (id, _) = placed(&ask(&mut alice, &limit));
        arm(&deployment, point, 1);
        let request = cancel(&alice, id);
        alice.enter(ConnectionState::Command).unwrap();
        alice.connection().send(&request).unwrap();
        revive(&deployment, point);
        let told = reply(&mut alice);
        assert!(
            matches!(&told, Reply::OrderCancelled { id: of } if *of == id),
            "{point}: {told:?}"
        );
        let end = row(&mut alice, id);
        assert_eq!(end.status, TransactionStatus::Cancelled, "{point}");
        deployment.master().kill();
        deployment.master().start();
        await_links(&deployment);
        let mut second = other(&deployment, &alice);
        assert_eq!(ask(&mut second, &request), told, "{point}");
        assert_eq!(row(&mut second, id), end, "{point}");
        let again = placed(&ask(&mut second, &limit));
        assert_eq!(again, (id, TransactionStatus::Cancelled), "{point}");
        deployment.assert_sound(point);
    }
}

#[test]
fn an_order_is_replaced_once_though_the_answer_dies() {
    if !cfg!(debug_assertions) {
        return;
    }
    let deployment = deployment();
    let mut alice = deployment.trader(1, "alice");
    let mut rows = 0;
    for point in ANSWER_POINTS {
        for named in [false, true] {
            let name = format!("{point}-{named}");
            let limit = place(
                &alice,
                (Side::Buy, OrderKind::Limit),
                (Some(1), None),
                &name,
            );
            let (old, _) = placed(&ask(&mut alice, &limit));
            arm(&deployment, point, 1);
            let new_name = ClientOrderId::parse(&format!("{name}-new")).unwrap();
            let request = Request::ReplaceOrder {
                session: alice.session().unwrap().clone(),
                id: old,
                amount: Some(OrderAmount::Units(Quantity(2_000_000))),
                limit: None,
                stop: None,
                client_order_id: named.then_some(new_name),
            };
            alice.enter(ConnectionState::Command).unwrap();
            alice.connection().send(&request).unwrap();
            revive(&deployment, point);
            let (new, status) = placed(&reply(&mut alice));
            assert_eq!(status, TransactionStatus::Open, "{name}");
            assert_ne!(new, old, "{name}");
            let mut second = other(&deployment, &alice);
            if named {
                assert_eq!(placed(&ask(&mut second, &request)), (new, status), "{name}");
            } else {
                // Without a name it is another request, and the order is gone.
                let refused = ask(&mut second, &request);
                let is_gone =
                    matches!(&refused, Reply::Fail(_, why) if why.reason == Reason::NotOpen);
                assert!(is_gone, "{name}: {refused:?}");
            }
            let end = row(&mut second, old);
            assert_eq!(end.status, TransactionStatus::Cancelled, "{name}");
            let detail = end.detail.as_ref().unwrap();
            let reason = detail
                .entry
                .reason
                .clone()
                .and_then(|reason| reason.known());
            assert_eq!(reason, Some(Reason::Replaced), "{name}");
            rows += 2;
            assert_eq!(page(&mut second).entries.len(), rows, "{name}");
            let open = second.open_orders().unwrap().0;
            assert_eq!(open.len(), rows / 2, "{name}");
            deployment.assert_sound(&name);
        }
    }
}

#[test]
fn what_a_filled_order_bought_is_there_once_after_all_kills() {
    if !cfg!(debug_assertions) {
        return;
    }
    let deployment = deployment();
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "UP", "1");
    // The sale of the only unit triggers, and its settlement dies twice.
    let level = arm_paused(&deployment, &mut alice, "settlement-stored", 2) + AHEAD;
    let request = place(
        &alice,
        (Side::Sell, OrderKind::Limit),
        (Some(level), None),
        "sale",
    );
    let (id, _) = placed(&ask(&mut alice, &request));
    resume(&deployment);
    let ended_first = deployment.master().wait_exit(TEST_TIMEOUT).unwrap();
    assert_eq!(ended_first.signal(), Some(SIGABRT));
    deployment
        .master()
        .spawn_with_failpoint("settlement-committed:1");
    revive(&deployment, "settlement-committed");
    let end = ended(&mut alice, id);
    assert_eq!(filled_at(&end), level);
    let units = alice.portfolio(&username("alice")).unwrap();
    let papertrader::wire::payload::Portfolio::Private(_, holdings) = units else {
        panic!("one's own portfolio is private")
    };
    assert!(holdings.is_empty(), "{holdings:?}");
    deployment.assert_sound("two kills");
}
