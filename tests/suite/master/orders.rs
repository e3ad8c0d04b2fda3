//! What administrators see and do of orders that wait, what bounds them, what becomes of them in
//! a backup, and fees. Real daemons.

use papertrader::client::{Answer, Client};
use papertrader::model::order::parse_price;
use papertrader::model::{
    Money, OrderAmount, OrderKind, Reason, Side, Symbol, TimeInForce, TrailDistance,
};
use papertrader::testkit::trader::{buy, history, order, portfolio, reason};
use papertrader::testkit::{Deployment, Market};
use papertrader::wire::{ConnectionState, Reply, Request};
use std::time::Duration;
use uuid::Uuid;

/// Kind, limit, stop.
type Prices<'a> = (OrderKind, Option<&'a str>, Option<&'a str>);

/// A limit that no price of these markets comes to.
pub const LOW: Prices<'static> = (OrderKind::Limit, Some("5"), None);

/// A placeOrder of UP in this client's session.
pub fn place(client: &Client, side: Side, amount: &str, prices: Prices<'_>) -> Request {
    let (kind, limit, stop) = prices;
    Request::PlaceOrder {
        session: client.session().expect("logged in").clone(),
        side,
        symbol: Symbol::parse("UP").unwrap(),
        amount: OrderAmount::parse(amount).unwrap(),
        kind,
        limit: limit.map(|price| parse_price(price).unwrap()),
        stop: stop.map(|stop| TrailDistance::parse(stop).unwrap()),
        time_in_force: TimeInForce::Gtc,
        id: None,
    }
}

fn asked(client: &mut Client, request: &Request) -> Reply {
    client.enter(ConnectionState::Command).unwrap();
    match client.connection().call(request).unwrap() {
        Answer::Message(reply) => reply,
        other => panic!("{other:?}"),
    }
}

/// Places an order that is accepted.
pub fn placed(client: &mut Client, side: Side, amount: &str, prices: Prices<'_>) -> Uuid {
    let request = place(client, side, amount, prices);
    match asked(client, &request) {
        Reply::OrderPlaced { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

/// The reason for which a request is refused.
fn refused(client: &mut Client, request: &Request) -> String {
    client.enter(ConnectionState::Command).unwrap();
    reason(client.connection().call(request))
}

fn cancel(client: &Client, id: Uuid) -> Request {
    Request::CancelOrder {
        session: client.session().unwrap().clone(),
        id,
    }
}

fn ids(list: &serde_json::Value) -> Vec<String> {
    let orders = list["orders"].as_array().unwrap().iter();
    orders
        .map(|order| order["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_administrator_sees_the_orders_that_wait_and_cancels_some() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 100, 3600))
        .start();
    let (mut alice, mut bob) = (deployment.trader(1, "Alice"), deployment.trader(1, "bob"));
    buy(&mut alice, "UP", "4");
    assert_eq!(deployment.done("orders list"), "no order waits\n");
    let low = placed(&mut alice, Side::Buy, "2", LOW).to_string();
    let trailing = (OrderKind::Trailing, None, Some("50%"));
    let trail = placed(&mut alice, Side::Sell, "1", trailing).to_string();
    let stop_limit = (OrderKind::StopLimit, Some("100000"), Some("90000"));
    let of_bob = placed(&mut bob, Side::Buy, "cash:7", stop_limit).to_string();

    let list = deployment.json("orders list");
    assert_eq!(
        ids(&list),
        [of_bob.clone(), trail.clone(), low.clone()],
        "newest first"
    );
    let first = &list["orders"][0];
    let told = [
        "user", "side", "symbol", "amount", "kind", "limit", "stop", "status", "reserved",
    ]
    .map(|field| first[field].as_str().unwrap());
    let expected = [
        "bob",
        "buy",
        "UP",
        "cash:7",
        "stop-limit",
        "100000",
        "90000",
        "open",
        "7",
    ];
    assert_eq!(told, expected, "{first}");
    assert_eq!(list["orders"][1]["stop"], "50%");
    assert_eq!(list["orders"][1]["reserved"], serde_json::Value::Null);
    let newest = deployment.json("orders list --newest 1");
    assert_eq!((ids(&newest).len(), newest["more"].as_u64()), (1, Some(2)));
    let own = deployment.json("orders list --account aLICE --symbol UP");
    assert_eq!(ids(&own), [trail.clone(), low.clone()]);
    assert!(ids(&deployment.json("orders list --symbol NONE")).is_empty());
    let text = deployment.done("orders list --newest 2");
    assert!(text.contains(&trail) && text.contains("and 1 older ones"));
    assert!(text.contains("trailing 50%"), "{text}");
    let why = deployment.refused("orders list --account carol");
    assert!(why.contains("there is no user carol"), "{why}");
    deployment.refused("orders list --symbol no.symbol.at.all.of.this.length");

    let status = deployment.json("status");
    assert_eq!(status["open_orders"], 3);
    assert_eq!(status["reserved"], "17");
    let text = deployment.done("status");
    assert!(text.contains("open orders"), "{text}");
    let shown = deployment.json("accounts show alice");
    let (cash, _) = portfolio(&mut alice, "Alice");
    let told = ["queued_orders", "open_orders"].map(|field| shown[field].as_u64().unwrap());
    assert_eq!((told, shown["reserved"].as_str()), ([0, 2], Some("10")));
    let left = cash.minus(Money(10_000_000)).unwrap().to_string();
    assert_eq!(shown["buying_power"].as_str(), Some(left.as_str()));

    let done = deployment.done(&format!("orders cancel {low}"));
    assert_eq!(done, "1 order of Alice is cancelled\n");
    let why = deployment.refused(&format!("orders cancel {low}"));
    assert!(why.contains("waits") && why.contains("orders list"));
    deployment.refused("orders cancel 0a1b");
    deployment.refused("orders cancel 0a1b2c3d");
    let done = deployment.json("orders cancel --account BOB");
    assert_eq!(
        (&done["user"], &done["cancelled"]),
        (&"bob".into(), &1.into())
    );
    let why = deployment.refused("orders cancel --account bob");
    assert!(why.contains("no order of bob waits"), "{why}");
    assert_eq!(
        ids(&deployment.json("orders list")),
        std::slice::from_ref(&trail)
    );
    let act = &deployment.json("accounts show alice")["acts"][0];
    assert_eq!(act["act"], "cancel-orders");
    assert_eq!(act["detail"], format!("order {low}"));
    deployment.done("log flush");
    let log = deployment.master().log();
    assert!(log.contains("audit: orders cancel user=Alice "), "{log}");
    let done = deployment.done(&format!("orders cancel {}", &trail[24..]));
    assert_eq!(done, "1 order of Alice is cancelled\n");
    let (statuses, reasons): (Vec<_>, Vec<_>) = history(&mut bob, "bob")
        .into_iter()
        .map(|row| (row.status, row.detail.and_then(|it| it.reason)))
        .unzip();
    assert_eq!(
        (statuses.len(), reasons),
        (1, vec![Some(Reason::Cancelled.into())])
    );

    // Whoever waits for a purchase is told.
    deployment.done("market pause");
    let request = order(&bob, Side::Buy, "UP", "1", None);
    bob.enter(ConnectionState::Command).unwrap();
    bob.connection().send(&request).unwrap();
    let mut is_queued = false;
    papertrader::testkit::until("the order is queued", || {
        is_queued |= deployment.json("status")["queue_depth"] == 1;
        is_queued
    });
    deployment.done("orders cancel --account bob");
    let Answer::Message(Reply::Fail(_, refusal)) = bob.connection().reply(|_| {}).unwrap() else {
        panic!("it was filled");
    };
    assert_eq!(refusal.reason, Reason::Cancelled);
    deployment.assert_sound("after an administrator's cancelling");
    deployment.stop_all();
}

#[test]
fn open_orders_are_in_a_backup_and_outlive_a_kill() {
    let deployment = Deployment::builder()
        .in_a_file()
        .market(Market::seconds("UP", 100, 3600))
        .start();
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "UP", "4");
    placed(&mut alice, Side::Buy, "2", LOW);
    let trailing = (OrderKind::Trailing, None, Some("50%"));
    placed(&mut alice, Side::Sell, "1", trailing);
    deployment.done("market pause");
    let before = deployment.json("orders list");
    deployment.master().kill();
    deployment.master().start();
    assert_eq!(deployment.json("orders list"), before);
    let backup = deployment.dir().join("backup.db");
    deployment.done(&format!("backup {}", backup.display()));
    let checked = deployment.done(&format!("verify --database {}", backup.display()));
    assert!(checked.contains("2 open"), "{checked}");
    deployment.done("orders cancel --account alice");
    deployment.master().stop();
    let config = deployment.dir().join("master.toml");
    let arguments = [
        "restore",
        backup.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
    ];
    let restored = deployment.run("papertraderctl", &arguments);
    assert!(restored.status.success(), "{restored:?}");
    deployment.master().start();
    assert_eq!(deployment.json("orders list"), before);
    assert_eq!(deployment.json("status")["reserved"], "10");
    deployment.assert_sound("of a backup");
    deployment.stop_all();
}

#[test]
fn limits_of_orders_that_wait_hold() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 100, 3600))
        .update_interval(Duration::from_secs(1))
        .set("limits.max_open_per_account", 2)
        .set("limits.cancels_per_minute_per_account", 1)
        .set("limits.min_order_value", "5")
        .start();
    let mut alice = deployment.trader(1, "alice");
    let first = placed(&mut alice, Side::Buy, "1", LOW);
    let second = placed(&mut alice, Side::Buy, "1", LOW);
    let third = place(&alice, Side::Buy, "1", LOW);
    assert_eq!(refused(&mut alice, &third), "overloaded");
    let tiny = place(&alice, Side::Buy, "0.9", LOW);
    assert_eq!(refused(&mut alice, &tiny), "quantity-invalid");
    let tiny = order(&alice, Side::Buy, "UP", "0.000001", None);
    assert_eq!(refused(&mut alice, &tiny), "quantity-invalid");
    let cancelled = cancel(&alice, first);
    let reply = asked(&mut alice, &cancelled);
    assert!(matches!(reply, Reply::OrderCancelled { .. }), "{reply:?}");
    let flood = cancel(&alice, second);
    assert_eq!(refused(&mut alice, &flood), "overloaded");
    // The administrator's cancels are not counted.
    deployment.done("orders cancel --account alice");
    placed(&mut alice, Side::Buy, "1", LOW);
    deployment.stop_all();
}

#[test]
fn fees_are_told_taken_and_changed_by_a_restart() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 100, 3600))
        .set("fees.per_order", "0.5")
        .start();
    let mut alice = deployment.trader(1, "alice");
    let told = |client: &mut Client| client.server_info().unwrap().unwrap().fees;
    assert_eq!(told(&mut alice), Some(true));
    let fee = Money(500_000);
    let fill = buy(&mut alice, "UP", "1");
    assert_eq!(fill.total.minus(fee), Some(fill.price));
    // What an order holds back has the fee.
    placed(&mut alice, Side::Buy, "1", LOW);
    assert_eq!(deployment.json("status")["reserved"], "5.5");
    deployment.master().stop();
    deployment.master().set("fees.per_order", "0");
    deployment.master().start();
    assert_eq!(deployment.json("status")["reserved"], "5.5");
    papertrader::testkit::until("the worker hears of it", || told(&mut alice) == Some(false));
    let fill = buy(&mut alice, "UP", "1");
    assert_eq!(fill.total, fill.price);
    deployment.assert_sound("of another fee");
    deployment.stop_all();
}
