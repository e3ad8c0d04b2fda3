//! Notices through real daemons: ends of orders on another worker, in the middle of a transfer, until
//! the session ends; and a client that reads nothing.

use papertrader::client::connection::SubscriptionNotice;
use papertrader::client::{Answer, Client};
use papertrader::model::{OpenValue, Reason, Side, Symbol, Topic, TransactionStatus};
use papertrader::testkit::trader::{order, reason};
use papertrader::testkit::{Deployment, Market, TEST_TIMEOUT};
use papertrader::wire::reply::OrderNotice;
use papertrader::wire::{ConnectionState, Reply, Request};
use std::time::{Duration, Instant};

fn up() -> Symbol {
    Symbol::parse("UP").unwrap()
}

/// The next notice that is about an order.
fn order_notice(client: &mut Client) -> OrderNotice {
    loop {
        match client.connection().next_notice(TEST_TIMEOUT).unwrap() {
            Some(SubscriptionNotice::Order(notice)) => return notice,
            Some(SubscriptionNotice::Quotes { .. } | SubscriptionNotice::Dropped { .. }) => {}
            None => panic!("no notice of an order"),
        }
    }
}

/// The next new price.
fn quote_notice(client: &mut Client) -> i64 {
    loop {
        match client.connection().next_notice(TEST_TIMEOUT).unwrap() {
            Some(SubscriptionNotice::Quotes { quotes, .. }) if !quotes.is_empty() => {
                return quotes[0].value.0;
            }
            Some(_) => {}
            None => panic!("no notice of a price"),
        }
    }
}

#[test]
fn ends_of_orders_are_told_on_another_worker_until_the_session_ends() {
    let deployment = Deployment::builder()
        .workers(2)
        .market(Market::seconds("UP", 1000, 4000))
        .start();
    let mut alice = deployment.trader(1, "alice");
    let mut bob = deployment.trader(2, "bob");
    let session = alice.session().unwrap().clone();
    let mut there = deployment.connect(2);
    there.resume(&session).unwrap();
    let connection = there.connection();
    connection.subscribe(&session, Topic::Orders).unwrap();
    connection
        .subscribe(&session, Topic::QuotesOf(up()))
        .unwrap();
    let of_bob = bob.session().unwrap().clone();
    bob.connection().subscribe(&of_bob, Topic::Orders).unwrap();

    // Its own end, and the price at which it filled.
    let sent = order(&alice, Side::Buy, "UP", "3", None);
    let Answer::Message(Reply::Filled(fill)) = alice.connection().call(&sent).unwrap() else {
        panic!()
    };
    let notice = order_notice(&mut there);
    assert_eq!((notice.id, notice.quantity), (fill.id, fill.quantity));
    assert_eq!(
        (notice.price, notice.total),
        (Some(fill.price), Some(fill.total))
    );
    assert_eq!(notice.status, TransactionStatus::Settled);
    assert_eq!((notice.time, notice.reason), (fill.settled, None));
    // Each price is dearer by one: none is left out.
    let first = quote_notice(&mut there);
    assert_eq!(quote_notice(&mut there), first + 1_000_000);

    // In the data state, and while transfers come.
    for _ in 0..3 {
        let sent = order(&alice, Side::Buy, "UP", "1", None);
        alice.connection().send(&sent).unwrap();
        let deadline = Instant::now() + TEST_TIMEOUT;
        let told = loop {
            assert!(Instant::now() < deadline, "no notice of an order");
            there
                .bars(up(), papertrader::wire::Window::AllTime, false)
                .unwrap();
            let notice = there.connection().next_notice(Duration::ZERO).unwrap();
            if let Some(SubscriptionNotice::Order(notice)) = notice {
                break notice;
            }
        };
        let answer = alice.connection().reply(|_| {}).unwrap();
        let Answer::Message(Reply::Filled(fill)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(told.id, fill.id);
    }
    // Bob, on the same worker, is told nothing of it.
    bob.ping().unwrap();
    let to_bob = bob.connection().next_notice(Duration::ZERO).unwrap();
    assert_eq!(to_bob, None);

    // An order that its owner withdraws.
    let placed = alice.connection().call(&Request::PlaceOrder {
        session: session.clone(),
        side: Side::Sell,
        symbol: up(),
        amount: papertrader::model::OrderAmount::parse("1").unwrap(),
        kind: papertrader::model::OrderKind::Limit,
        limit: Some(papertrader::model::Money(900_000_000_000)),
        stop: None,
        time_in_force: papertrader::model::TimeInForce::Gtc,
        id: None,
    });
    let Answer::Message(Reply::OrderPlaced { id, .. }) = placed.unwrap() else {
        panic!()
    };
    let cancel = Request::CancelOrder {
        session: session.clone(),
        id,
    };
    alice.connection().call(&cancel).unwrap();
    let notice = order_notice(&mut there);
    assert_eq!(notice.id, id);
    assert_eq!(notice.reason, Some(OpenValue::Known(Reason::Cancelled)));

    // The session ends, and its subscriptions with it.
    alice.logout().unwrap();
    there.enter(ConnectionState::Command).unwrap();
    let deadline = Instant::now() + TEST_TIMEOUT;
    let topic = Topic::QuotesOf(up());
    loop {
        match there.connection().subscribe(&session, topic) {
            Ok(()) => assert!(Instant::now() < deadline, "it lasts"),
            refused @ Err(_) => break assert_eq!(reason(refused), "session-expired"),
        }
    }
    // What was on its way has come once the worker has told Bob a price that is new, and answered.
    bob.connection().subscribe(&of_bob, topic).unwrap();
    quote_notice(&mut bob);
    quote_notice(&mut bob);
    there.ping().unwrap();
    let connection = there.connection();
    while connection.next_notice(Duration::ZERO).unwrap().is_some() {}
    // Two more updates, of which Bob is told alone.
    quote_notice(&mut bob);
    quote_notice(&mut bob);
    there.ping().unwrap();
    let after = there.connection().next_notice(Duration::ZERO).unwrap();
    assert_eq!(after, None, "the subscription has ended");
}

#[test]
fn a_master_that_starts_again_is_asked_again() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 1000, 4000))
        .start();
    let mut alice = deployment.trader(1, "alice");
    let session = alice.session().unwrap().clone();
    alice
        .connection()
        .subscribe(&session, Topic::Orders)
        .unwrap();
    deployment.master().kill();
    deployment.master().start();
    // Whoever is subscribed learns that it may have missed something.
    let gap = alice.connection().next_notice(TEST_TIMEOUT).unwrap();
    let topic = Topic::Orders;
    assert_eq!(gap, Some(SubscriptionNotice::Dropped { topic, count: 0 }));
    let sent = order(&alice, Side::Buy, "UP", "1", None);
    let Answer::Message(Reply::Filled(fill)) = alice.connection().call(&sent).unwrap() else {
        panic!()
    };
    assert_eq!(order_notice(&mut alice).id, fill.id);
}
