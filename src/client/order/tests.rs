//! spec/client/order.md · its tests

use super::super::ConnectOptions;
use super::super::testing::{MockPeer, MockServer};
use super::*;
use crate::model::{Money, NameValue, OrderKind, SessionId};
use crate::wire::Instruction;
use crate::wire::payload::{OpenOrder, OpenOrders, OrderParameters, Payload};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn order() -> OrderTicket {
    OrderTicket {
        side: Side::Buy,
        symbol: Symbol::parse("AAPL").unwrap(),
        quantity: Quantity(10_000_000),
        id: ClientOrderId::parse("my-order").unwrap(),
    }
}

fn timeouts() -> OrderTimeouts {
    OrderTimeouts {
        answer: Duration::from_millis(600),
        grace: Duration::from_millis(300),
        look: Duration::from_secs(20),
        contact: Duration::from_secs(20),
        settlement: Duration::from_secs(20),
    }
}

fn fill() -> Fill {
    Fill {
        side: Side::Buy,
        id: Uuid::from_u128(9),
        symbol: order().symbol,
        quantity: order().quantity,
        price: Money(2_000_000),
        total: Money(20_000_000),
        settled: Timestamp(1),
    }
}

fn notice() -> QueuedNotice {
    QueuedNotice {
        id: Uuid::from_u128(9),
        client_order_id: Some(order().id),
        expected: Timestamp::now(),
    }
}

fn queued() -> Reply {
    let notice = notice();
    Reply::Queued {
        id: notice.id,
        client_order_id: notice.client_order_id,
        expected: notice.expected,
    }
}

fn refused(reason: Reason) -> Reply {
    Reply::Fail(Instruction::PurchaseFail, Refusal::new(reason, "because"))
}

/// A refusal with a code of a later edition.
fn refused_later() -> Reply {
    let refusal = Refusal {
        reason: OpenValue::Unknown("of-edition-9".to_owned()),
        text: "because".to_owned(),
    };
    Reply::Fail(Instruction::PurchaseFail, refusal)
}

/// Receives an order, which must be the test's, under its ID; false at the end of the connection.
fn receive_order(peer: &mut MockPeer) -> bool {
    match peer.request() {
        Some(Request::Order { id, quantity, .. }) => {
            assert_eq!(id, Some(order().id));
            assert_eq!(quantity, order().quantity);
            true
        }
        None => false,
        other => panic!("{other:?}"),
    }
}

/// A worker that answers the `n`th order that it receives with `script(n)`. It cuts the connection
/// if there are no replies, or after a notice.
fn worker(script: impl Fn(usize) -> Vec<Reply> + Send + Sync + 'static) -> MockServer {
    let orders = AtomicUsize::new(0);
    MockServer::start(move |_, mut peer| {
        while receive_order(&mut peer) {
            let replies = script(orders.fetch_add(1, Ordering::SeqCst));
            let end = replies.is_empty() || matches!(replies.last(), Some(Reply::Queued { .. }));
            for reply in &replies {
                peer.send(reply);
            }
            if end {
                return peer.cut();
            }
        }
    })
}

fn run(
    workers: &[&str],
    timeouts: &OrderTimeouts,
    wait: bool,
) -> (Result<OrderOutcome, ClientError>, Vec<OrderProgress>) {
    let workers = workers.iter().map(|w| (*w).to_owned()).collect();
    let mut pool = WorkerPool::new(workers, None, ConnectOptions::default());
    pool.set_session(Some(SessionId::from_bytes([1; 32])));
    let mut seen = Vec::new();
    let outcome = place(&mut pool, &order(), timeouts, wait, &mut |p| {
        seen.push(p.clone())
    });
    (outcome, seen)
}

#[test]
fn an_order_is_announced_and_filled() {
    let mock = worker(|_| vec![queued(), Reply::Filled(fill())]);
    let (outcome, seen) = run(&[&mock.address], &timeouts(), true);
    assert_eq!(outcome, Ok(OrderOutcome::Filled(fill())));
    assert!(
        matches!(&seen[..2], [OrderProgress::Sending, OrderProgress::Queued(n)] if n.id == fill().id),
        "{seen:?}"
    );
}

#[test]
fn an_order_whose_connection_broke_is_repeated_under_its_id() {
    let broken = worker(|_| vec![]);
    let good = worker(|_| vec![queued(), Reply::Filled(fill())]);
    let (outcome, seen) = run(&[&broken.address, &good.address], &timeouts(), true);
    assert_eq!(outcome, Ok(OrderOutcome::Filled(fill())));
    assert!(
        matches!(seen[1], OrderProgress::Repeating(ClientError::Lost { .. })),
        "{seen:?}"
    );
}

#[test]
fn a_queued_order_is_repeated_until_its_outcome_is_known() {
    // The only worker cuts the connection twice after the notice, and then replies with the
    // outcome.
    let mock = worker(|n| match n {
        0 | 1 => vec![queued()],
        _ => vec![Reply::Filled(fill())],
    });
    let (outcome, seen) = run(&[&mock.address], &timeouts(), true);
    assert_eq!(outcome, Ok(OrderOutcome::Filled(fill())));
    let notices = seen
        .iter()
        .filter(|p| matches!(p, OrderProgress::Queued(_)))
        .count();
    assert_eq!(notices, 2);
}

#[test]
fn silence_after_the_expected_settlement_repeats_the_order() {
    let asked = Arc::new(AtomicBool::new(false));
    let again = asked.clone();
    let mock = MockServer::start(move |number, mut peer| {
        assert!(receive_order(&mut peer));
        peer.send(&queued());
        if number > 0 {
            again.store(true, Ordering::SeqCst);
            peer.send(&Reply::Filled(fill()));
        }
        // The first connection stays open and silent.
        peer.request();
    });
    let (outcome, _) = run(&[&mock.address], &timeouts(), true);
    assert_eq!(outcome, Ok(OrderOutcome::Filled(fill())));
    assert!(asked.load(Ordering::SeqCst));
}

#[test]
fn without_waiting_the_notice_is_the_outcome() {
    let mock = worker(|_| vec![queued()]);
    let (outcome, _) = run(&[&mock.address], &timeouts(), false);
    assert!(matches!(outcome, Ok(OrderOutcome::Queued(n)) if n.id == fill().id));
}

#[test]
fn a_refused_order_is_not_repeated() {
    for (replies, id) in [
        (vec![refused(Reason::UnknownAsset)], None),
        (vec![refused(Reason::Overloaded)], None),
        (
            vec![queued(), refused(Reason::InsufficientFunds)],
            Some(fill().id),
        ),
    ] {
        let mock = worker(move |n| {
            assert_eq!(n, 0);
            replies.clone()
        });
        let (outcome, _) = run(&[&mock.address], &timeouts(), true);
        assert!(
            matches!(outcome, Ok(OrderOutcome::Rejected(_, seen)) if seen == id),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_worker_without_its_master_is_skipped() {
    let cut_off = worker(|_| vec![refused(Reason::MasterUnavailable)]);
    let good = worker(|_| vec![queued(), Reply::Filled(fill())]);
    let (outcome, _) = run(&[&cut_off.address, &good.address], &timeouts(), true);
    assert_eq!(outcome, Ok(OrderOutcome::Filled(fill())));
    let (outcome, _) = run(&[&cut_off.address], &timeouts(), true);
    assert!(
        matches!(&outcome, Ok(OrderOutcome::Rejected(r, None)) if r.reason == Reason::MasterUnavailable),
        "{outcome:?}"
    );
}

#[test]
fn a_temporary_refusal_does_not_end_an_unanswered_attempt() {
    for temporary in [
        Reason::MasterUnavailable,
        Reason::Overloaded,
        Reason::InternalError,
    ] {
        let mock = worker(move |n| match n {
            0 => vec![],
            1 | 2 => vec![refused(temporary)],
            _ => vec![Reply::Filled(fill())],
        });
        let (outcome, _) = run(&[&mock.address], &timeouts(), true);
        assert_eq!(outcome, Ok(OrderOutcome::Filled(fill())), "{temporary}");
    }
    // Nor does it end an attempt that is known to be queued.
    let mock = worker(|n| match n {
        0 => vec![queued()],
        1 => vec![refused(Reason::Overloaded)],
        _ => vec![refused(Reason::InsufficientFunds)],
    });
    let (outcome, _) = run(&[&mock.address], &timeouts(), true);
    assert!(
        matches!(&outcome, Ok(OrderOutcome::Rejected(r, Some(_))) if r.reason == Reason::InsufficientFunds),
        "{outcome:?}"
    );
}

#[test]
fn an_outcome_that_cannot_be_determined_is_unknown() {
    // The session ends between the unanswered attempt and the next.
    let mock = worker(|n| match n {
        0 => vec![],
        _ => vec![refused(Reason::SessionExpired)],
    });
    let (outcome, _) = run(&[&mock.address], &timeouts(), true);
    assert!(
        matches!(&outcome, Err(ClientError::Unknown { order, .. }) if order.as_str() == "my-order")
    );
    // Every attempt is unanswered until the time limit.
    let broken = worker(|_| vec![]);
    let short = OrderTimeouts {
        contact: Duration::from_millis(700),
        ..timeouts()
    };
    let (outcome, _) = run(&[&broken.address], &short, true);
    assert!(matches!(outcome, Err(ClientError::Unknown { .. })));
}

/// Nobody here can tell whether an unknown code is about the order or about the moment.
#[test]
fn an_unknown_code_is_an_outcome_unless_an_attempt_is_unanswered() {
    let mock = worker(|_| vec![refused_later()]);
    let (outcome, _) = run(&[&mock.address], &timeouts(), true);
    let is_later = |outcome: &Result<OrderOutcome, ClientError>| matches!(outcome, Ok(OrderOutcome::Rejected(r, _)) if r.reason.as_str() == "of-edition-9");
    assert!(is_later(&outcome), "{outcome:?}");
    let mock = worker(|n| match n {
        0 => vec![],
        _ => vec![refused_later()],
    });
    let (outcome, _) = run(&[&mock.address], &timeouts(), true);
    assert!(
        matches!(&outcome, Err(ClientError::Unknown { text, .. }) if text == "of-edition-9: because"),
        "{outcome:?}"
    );
    let mock = worker(|n| match n {
        0 => vec![],
        _ => vec![queued(), refused_later()],
    });
    let (outcome, _) = run(&[&mock.address], &timeouts(), true);
    assert!(is_later(&outcome), "{outcome:?}");
}

#[test]
fn an_order_known_to_be_queued_stands_when_its_outcome_is_not_seen() {
    let mock = worker(|n| if n == 0 { vec![queued()] } else { vec![] });
    let short = OrderTimeouts {
        contact: Duration::from_millis(700),
        ..timeouts()
    };
    let (outcome, _) = run(&[&mock.address], &short, true);
    assert!(
        matches!(
            &outcome,
            Err(ClientError::Standing { notice: n, cause: Some(_) }) if n.id == notice().id
        ),
        "{outcome:?}"
    );
    // The settlement does not happen within the total time limit.
    let slow = MockServer::start(|_, mut peer| {
        receive_order(&mut peer);
        peer.send(&Reply::Queued {
            id: Uuid::from_u128(9),
            client_order_id: Some(order().id),
            expected: Timestamp(Timestamp::now().0 + 3_600_000),
        });
        peer.request();
    });
    let short = OrderTimeouts {
        settlement: Duration::from_millis(500),
        ..timeouts()
    };
    let (outcome, seen) = run(&[&slow.address], &short, true);
    assert!(
        matches!(outcome, Ok(OrderOutcome::Queued(_))),
        "{outcome:?}"
    );
    assert!(
        seen.iter().any(|p| matches!(p, OrderProgress::Waiting(_))),
        "{seen:?}"
    );
}

/// The test's order, as it stands in the list of open orders.
fn open_order(status: TransactionStatus) -> OpenOrder {
    OpenOrder {
        id: notice().id,
        side: Side::Buy.into(),
        status: status.into(),
        symbol: order().symbol,
        accepted: Timestamp(1),
        quantity: order().quantity,
        order: OrderParameters {
            kind: Some(OrderKind::Market.into()),
            limit: None,
            stop: None,
            time_in_force: None,
            cash: None,
        },
        until: Timestamp(0),
        is_triggered: false,
        reserve: Money::ZERO,
        client_order_id: Some(order().id),
    }
}

/// What is told of an order that is due, and not settled before something was told.
fn told_of_overdue(status: TransactionStatus, state: &'static str) -> HoldCause {
    let (release, released) = std::sync::mpsc::channel();
    let released = Mutex::new(released);
    let mock = MockServer::start(move |number, mut peer| {
        if number == 0 {
            assert!(receive_order(&mut peer));
            peer.send(&queued());
            released
                .lock()
                .recv_timeout(Duration::from_secs(60))
                .unwrap();
            peer.send(&Reply::Filled(fill()));
            peer.request();
            return;
        }
        while let Some(request) = peer.request() {
            match request {
                Request::GetServerInfo => {
                    let state = NameValue::new("state", state).unwrap();
                    peer.send(&Reply::ServerInfo(vec![state]));
                }
                Request::SwitchState { state, .. } => peer.send(&Reply::StateSwitched(state)),
                Request::OpenOrders { .. } => {
                    peer.payload(&OpenOrders(vec![open_order(status)]).to_bytes());
                }
                other => panic!("{other:?}"),
            }
        }
    });
    let workers = vec![mock.address.clone()];
    let mut pool = WorkerPool::new(workers, None, ConnectOptions::default());
    pool.set_session(Some(SessionId::from_bytes([1; 32])));
    let patient = OrderTimeouts {
        look: Duration::ZERO,
        answer: Duration::from_secs(60),
        ..timeouts()
    };
    let mut held = None;
    let outcome = place(&mut pool, &order(), &patient, true, &mut |progress| {
        if let OrderProgress::Held(cause) = progress {
            held = Some(*cause);
            let _ = release.send(());
        }
    });
    assert_eq!(outcome, Ok(OrderOutcome::Filled(fill())));
    held.unwrap()
}

#[test]
fn an_overdue_order_tells_what_it_waits_for() {
    let open = told_of_overdue(TransactionStatus::Open, "open");
    assert_eq!(open, HoldCause::NoPrice);
    let paused = told_of_overdue(TransactionStatus::Queued, "paused");
    assert_eq!(paused, HoldCause::Paused);
}

#[test]
fn an_order_that_was_never_sent_is_not_unknown() {
    let (outcome, _) = run(&[&MockServer::nowhere()], &timeouts(), true);
    assert!(matches!(outcome, Err(ClientError::NoWorker(_))));
}

#[test]
fn fresh_ids_differ() {
    let seen = Mutex::new(std::collections::HashSet::new());
    for _ in 0..100 {
        assert!(seen.lock().insert(fresh_id().unwrap().as_str().to_owned()));
    }
}

#[test]
fn what_an_account_has_is_of_the_moment_until_its_order_is_queued() {
    for reason in [
        Reason::InsufficientFunds,
        Reason::InsufficientHoldings,
        Reason::NoPrice,
    ] {
        let mock = worker(move |n| match n {
            0 => vec![],
            1 => vec![refused(reason)],
            _ => vec![queued(), Reply::Filled(fill())],
        });
        let (outcome, _) = run(&[&mock.address], &timeouts(), true);
        assert_eq!(outcome, Ok(OrderOutcome::Filled(fill())), "{reason}");
        // Of a first attempt it is the outcome.
        let mock = worker(move |_| vec![refused(reason)]);
        let (outcome, _) = run(&[&mock.address], &timeouts(), true);
        assert!(
            matches!(&outcome, Ok(OrderOutcome::Rejected(r, None)) if r.reason == reason),
            "{outcome:?}"
        );
    }
}

fn limit_order() -> BookRequest {
    BookRequest::Place(OrderForm {
        side: Side::Buy,
        symbol: order().symbol,
        amount: crate::model::OrderAmount::Units(order().quantity),
        terms: crate::model::OrderTerms::Limit {
            limit: Money(2_000_000),
        },
        time_in_force: crate::model::TimeInForce::Gtc,
        id: Some(order().id),
    })
}

fn submitted(server: &MockServer) -> (Result<OrderOutcome, ClientError>, Vec<OrderProgress>) {
    let mut pool = WorkerPool::new(
        vec![server.address.clone()],
        None,
        ConnectOptions::default(),
    );
    pool.set_session(Some(SessionId::from_bytes([1; 32])));
    let mut seen = Vec::new();
    let outcome = submit(&mut pool, &limit_order(), &timeouts(), &mut |p| {
        seen.push(p.clone());
    });
    (outcome, seen)
}

#[test]
fn an_order_of_the_second_edition_is_repeated_until_it_is_on_disk() {
    let placed = PlacedOrder {
        id: Uuid::from_u128(9),
        client_order_id: Some(order().id),
        status: TransactionStatus::Open.into(),
    };
    let server = MockServer::start(|connection, mut peer| {
        while let Some(request) = peer.request() {
            match request {
                Request::GetServerInfo => peer.send(&Reply::ServerInfo(Vec::new())),
                Request::PlaceOrder { id, .. } if connection > 0 => {
                    peer.send(&Reply::OrderPlaced {
                        id: Uuid::from_u128(9),
                        client_order_id: id,
                        status: TransactionStatus::Open.into(),
                    });
                }
                Request::PlaceOrder { .. } => return peer.cut(),
                other => panic!("{other:?}"),
            }
        }
    });
    let (outcome, seen) = submitted(&server);
    assert_eq!(outcome, Ok(OrderOutcome::Placed(placed.clone())));
    assert!(
        matches!(seen[1], OrderProgress::Repeating(ClientError::Lost { .. })),
        "{seen:?}"
    );
    assert_eq!(seen.last(), Some(&OrderProgress::Placed(placed)));
}

#[test]
fn a_server_of_the_first_edition_is_sent_no_order_that_it_does_not_know() {
    let server = MockServer::start(|_, mut peer| {
        if let Some(request) = peer.request() {
            assert_eq!(request, Request::GetServerInfo);
            let code = OpenValue::Known(ProtocolFault::UnknownInstruction);
            peer.send(&Reply::ProtocolError(code, "no such number".to_owned()));
        }
    });
    let (outcome, seen) = submitted(&server);
    assert!(
        matches!(
            outcome,
            Err(ClientError::Protocol {
                code: OpenValue::Known(ProtocolFault::UnknownInstruction),
                ..
            })
        ),
        "{outcome:?}"
    );
    assert_eq!(seen, [], "nothing was sent");
}

#[test]
fn a_market_order_that_was_placed_is_looked_at_until_it_has_left_the_queue() {
    use crate::wire::payload::{Payload, TransactionPage};
    let id = Uuid::from_u128(9);
    let row = move |status: TransactionStatus| PageEntry {
        id,
        side: Side::Buy.into(),
        status: status.into(),
        symbol: order().symbol,
        accepted: Timestamp(1),
        settled: Timestamp(0),
        detail: None,
    };
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let server = MockServer::start(move |_, mut peer| {
        while let Some(request) = peer.request() {
            match request {
                Request::GetServerInfo => peer.send(&Reply::ServerInfo(Vec::new())),
                Request::SwitchState { state, .. } => peer.send(&Reply::StateSwitched(state)),
                Request::UserHistoryPage { before, count, .. } => {
                    assert_eq!((before, count), (Some(Uuid::from_u128(10)), 1));
                    let status = match counted.fetch_add(1, Ordering::SeqCst) {
                        0 => TransactionStatus::Queued,
                        // A worker that goes away is not the order's end.
                        1 => return peer.cut(),
                        _ => TransactionStatus::Open,
                    };
                    let page = TransactionPage {
                        private: false,
                        entries: vec![row(status)],
                    };
                    peer.payload(&page.to_bytes());
                }
                other => panic!("{other:?}"),
            }
        }
    });
    let mut pool = WorkerPool::new(
        vec![server.address.clone()],
        None,
        ConnectOptions::default(),
    );
    pool.set_session(Some(SessionId::from_bytes([1; 32])));
    let placed = PlacedOrder {
        id,
        client_order_id: Some(order().id),
        status: TransactionStatus::Queued.into(),
    };
    let alice = Username::parse("alice").unwrap();
    let mut queued = 0;
    let ended = leave_queue(&mut pool, &alice, &placed, &timeouts(), &mut |progress| {
        queued += usize::from(matches!(progress, OrderProgress::Queued(n) if n.id == id));
    });
    assert_eq!(ended.unwrap().status, TransactionStatus::Open);
    assert_eq!((queued, looks.load(Ordering::SeqCst)), (1, 3));
}
