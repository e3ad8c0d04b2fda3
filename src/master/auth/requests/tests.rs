//! spec/master/auth.md · 3.1.3, 4.6.2, 4.7.3
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what is not expected fails the test"
)]

use super::*;
use crate::master::messages::{AuthMessage, LinkRequest};
use crate::master::testing::{
    FakeLink, MasterRig, TestUser, link_request, login, order_id, quantity, reason, symbol,
};
use crate::model::{
    ClientOrderId, Money, OrderAmount, OrderKind, Quantity, Reason, Side, TimeInForce,
    TrailDistance, Username,
};
use crate::runtime::Module;
use crate::wire::payload::UserInfo;
use crossbeam_channel::bounded;
use std::time::Duration;
use uuid::Uuid;

fn rig() -> (MasterRig, FakeLink, TestUser) {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    (rig, link, alice)
}

fn nobodys() -> SessionId {
    SessionId::from_bytes([7; 32])
}

fn buy(session: &SessionId) -> Request {
    order(session, Side::Buy)
}

fn order(session: &SessionId, side: Side) -> Request {
    Request::Order {
        session: session.clone(),
        side,
        symbol: symbol("AAPL"),
        quantity: quantity("1"),
        id: order_id("mine"),
    }
}

fn info(session: &SessionId) -> Request {
    Request::UserInfo {
        session: session.clone(),
        username: Username::parse("alice").unwrap(),
    }
}

/// Every request that carries a session, with the instruction that refuses it.
fn all(session: &SessionId) -> Vec<(Request, Instruction)> {
    let (session, username) = (session.clone(), Username::parse("alice").unwrap());
    let requests = vec![
        buy(&session),
        order(&session, Side::Sell),
        info(&session),
        Request::UserPortfolio {
            session: session.clone(),
            username: username.clone(),
        },
        Request::UserHistory {
            session: session.clone(),
            username,
        },
        Request::Receipt {
            session: session.clone(),
            id: Uuid::nil(),
        },
        Request::Resume {
            session: session.clone(),
        },
        Request::Logout { session },
    ];
    requests
        .into_iter()
        .map(|request| {
            let failure = crate::wire::reply::failure_of(request.instruction());
            (request, failure)
        })
        .collect()
}

/// What a worker is told of a session.
fn describe(rig: &mut MasterRig, link: &mut FakeLink, session: &SessionId) -> SessionState {
    let reply_to = link.reply_to();
    let sequence = reply_to.sequence;
    let asked = LinkRequest::Auth(AuthRequest::Session(session.hash()));
    rig.handle(vec![(reply_to, asked)]);
    link.answer(sequence).session()
}

#[test]
fn a_session_that_is_not_active_is_refused_whatever_it_asks() {
    let (mut rig, mut link, _) = rig();
    for (count, (request, failure)) in all(&nobodys()).into_iter().enumerate() {
        let reply = rig.ask(&mut link, request.clone());
        assert_eq!(
            reply,
            Reply::Fail(failure, Refusal::session_expired()),
            "{request:?}"
        );
        assert_eq!(rig.auth.inactive, count as u64 + 1);
    }
    assert_eq!(describe(&mut rig, &mut link, &nobodys()).active, None);
    assert_eq!(rig.auth.inactive, 9);
    assert_eq!(rig.engine.number("SELECT count(*) FROM transactions"), 0);
}

#[test]
fn a_session_that_has_expired_is_refused_and_its_workers_are_told() {
    let mut rig = MasterRig::with(|config| config.session_lifetime = Duration::ZERO);
    let mut link = rig.link("eu1");
    rig.account("alice");
    let reply_to = link.reply_to();
    rig.handle(vec![(reply_to, link_request(login("alice", false)))]);
    let Reply::Session { id, .. } = link.reply(1) else {
        panic!()
    };
    for (request, _) in all(&id) {
        assert_eq!(rig.refused(&mut link, request), Reason::SessionExpired);
    }
    let mut other = rig.link("eu2");
    rig.auth.on_tick(std::time::Instant::now());
    assert_eq!(rig.auth.sessions.len(), 0);
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 0);
    assert_eq!(
        other.ended_sessions().0,
        [],
        "it was told of by the turn that found it"
    );
}

#[test]
fn a_session_is_resumed_through_any_worker() {
    let (mut rig, _link, alice) = rig();
    let mut other = rig.link("eu2");
    let reply_to = other.reply_to();
    let request = Request::Resume {
        session: alice.session.clone(),
    };
    rig.handle(vec![(reply_to, link_request(request))]);
    let answer = other.answer(1);
    assert_eq!(answer.session().hash, alice.session.hash());
    assert_eq!(answer.session().active.unwrap().username, "alice");
    let Reply::Session { id, workers } = answer.reply() else {
        panic!("{answer:?}")
    };
    assert_eq!(id, alice.session);
    assert_eq!(workers.len(), 2);
}

#[test]
fn a_logout_ends_the_session_everywhere_and_on_disk() {
    let (mut rig, mut link, alice) = rig();
    let mut other = rig.link("eu2");
    link.heard();
    let request = Request::Logout {
        session: alice.session.clone(),
    };
    assert_eq!(rig.ask(&mut link, request.clone()), Reply::LogoutSuccess);
    assert_eq!(other.ended_sessions().0, [alice.session.hash()]);
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 0);
    assert_eq!(
        rig.refused(&mut link, request.clone()),
        Reason::SessionExpired
    );
    // Sent again over another link, it has succeeded.
    let again = ReplyTo {
        again: true,
        ..link.reply_to()
    };
    assert_eq!(rig.ask_as(&mut link, again, request), Reply::LogoutSuccess);
}

#[test]
fn a_logout_counts_for_what_follows_it_in_the_same_read() {
    let (mut rig, mut link, alice) = rig();
    let logout = Request::Logout {
        session: alice.session.clone(),
    };
    let asked = [buy(&alice.session), logout, buy(&alice.session)]
        .map(|request| (link.reply_to(), link_request(request)));
    rig.handle(asked.into());
    let mut replies = link.replies();
    replies.sort_by_key(|(sequence, _)| *sequence);
    let [first, second, third] = &replies[..] else {
        panic!("{replies:?}")
    };
    assert!(matches!(first.1, Reply::Queued { .. }), "{first:?}");
    assert_eq!(second.1, Reply::LogoutSuccess);
    assert_eq!(reason(&third.1), Reason::SessionExpired);
    assert_eq!(rig.engine.number("SELECT count(*) FROM transactions"), 1);
}

#[test]
fn a_worker_is_told_what_is_known_of_a_session() {
    let (mut rig, mut link, alice) = rig();
    let state = describe(&mut rig, &mut link, &alice.session);
    assert_eq!(state.hash, alice.session.hash());
    let active = state.active.unwrap();
    assert_eq!(
        (active.username.as_str(), active.expirable),
        ("alice", false)
    );
}

#[test]
fn a_closed_connection_ends_its_workers_expirable_sessions_and_no_others() {
    let (mut rig, mut link, alice) = rig();
    let mut other = rig.link("eu2");
    let mut expirable = |link: &mut FakeLink| {
        let Reply::Session { id, .. } = rig.ask(link, login("alice", true)) else {
            panic!("no session")
        };
        id
    };
    let (own, foreign) = (expirable(&mut link), expirable(&mut other));
    let reply_to = link.reply_to();
    let sequence = reply_to.sequence;
    let hashes = vec![
        own.hash(),
        foreign.hash(),
        alice.session.hash(),
        nobodys().hash(),
    ];
    let asked = LinkRequest::Auth(AuthRequest::ConnectionClosed(hashes));
    rig.handle(vec![(reply_to, asked)]);
    assert_eq!(link.reply(sequence), Reply::Pong);
    assert_eq!(other.ended_sessions().0, [own.hash()]);
    assert!(describe(&mut rig, &mut link, &own).active.is_none());
    assert!(describe(&mut rig, &mut link, &foreign).active.is_some());
    assert!(
        describe(&mut rig, &mut link, &alice.session)
            .active
            .is_some()
    );
}

#[test]
fn what_finds_no_room_in_its_module_is_refused_at_once() {
    let (mut rig, mut link, alice) = rig();
    let ((orders, _orders), (queries, _queries)) = (bounded(0), bounded(0));
    rig.auth.channels.transactions = orders;
    rig.auth.channels.account_queries = queries;
    let asked = [
        buy(&alice.session),
        info(&alice.session),
        buy(&alice.session),
    ]
    .map(|request| (link.reply_to(), link_request(request)));
    rig.handle(asked.into());
    let replies = link.replies();
    assert_eq!(replies.len(), 3);
    for (_, reply) in &replies {
        assert_eq!(reason(reply), Reason::Overloaded);
    }
    assert!(matches!(
        replies[0].1,
        Reply::Fail(Instruction::PurchaseFail, _)
    ));
}

#[test]
fn what_is_asked_of_an_order_leaves_with_its_account_and_all_arguments() {
    let (mut rig, mut link, alice) = rig();
    let id = uuid::Uuid::from_u128(7);
    let name = |text: &str| ClientOrderId::parse(text).ok();
    let place = |session: &SessionId| Request::PlaceOrder {
        session: session.clone(),
        side: Side::Sell,
        symbol: symbol("AAPL"),
        amount: OrderAmount::Units(Quantity(5)),
        kind: OrderKind::StopLimit,
        limit: Some(Money(9)),
        stop: Some(TrailDistance::Money(Money(8))),
        time_in_force: TimeInForce::Day,
        id: name("a"),
    };
    let cancel = Request::CancelOrder {
        session: alice.session.clone(),
        id,
    };
    let replace = Request::ReplaceOrder {
        session: alice.session.clone(),
        id,
        amount: Some(OrderAmount::Cash(Money(4))),
        limit: None,
        stop: Some(TrailDistance::Percent(3)),
        client_order_id: name("b"),
    };
    let asked = [place(&alice.session), cancel, replace, place(&nobodys())]
        .map(|request| (link.reply_to(), AuthRequest::Request(request)));
    rig.auth.on_message(AuthMessage::Requests(asked.into()));
    let Ok(TransactionsMessage::Orders(orders)) = rig.of_transactions.receiver.try_recv() else {
        panic!("no orders")
    };
    let [
        OrderRequest::Place(placed),
        OrderRequest::Cancel(cancelled),
        OrderRequest::Replace(replaced),
        OrderRequest::Place(refused),
    ] = &orders[..]
    else {
        panic!("{orders:?}")
    };
    let account = Ok(alice.account);
    assert_eq!(
        (&placed.account, placed.side, placed.symbol, placed.amount),
        (
            &account,
            Side::Sell,
            symbol("AAPL"),
            OrderAmount::Units(Quantity(5))
        )
    );
    assert_eq!(
        (placed.kind, placed.limit, placed.stop, placed.time_in_force),
        (
            OrderKind::StopLimit,
            Some(Money(9)),
            Some(TrailDistance::Money(Money(8))),
            TimeInForce::Day
        )
    );
    assert_eq!(placed.client_order_id, name("a"));
    assert_eq!((&cancelled.account, cancelled.id), (&account, id));
    assert_eq!((&replaced.account, replaced.id), (&account, id));
    assert_eq!(
        (replaced.amount, replaced.limit, replaced.stop),
        (
            Some(OrderAmount::Cash(Money(4))),
            None,
            Some(TrailDistance::Percent(3))
        )
    );
    assert_eq!(replaced.client_order_id, name("b"));
    let reason = refused.account.as_ref().unwrap_err().reason.known();
    assert_eq!(reason, Some(Reason::SessionExpired));
}

#[test]
fn the_orders_and_queries_of_a_read_leave_in_one_message_each() {
    let (mut rig, mut link, alice) = rig();
    let asked = [
        buy(&alice.session),
        info(&alice.session),
        buy(&nobodys()),
        info(&alice.session),
        info(&nobodys()),
    ]
    .map(|request| (link.reply_to(), AuthRequest::Request(request)));
    rig.auth.on_message(AuthMessage::Requests(asked.into()));
    let Ok(TransactionsMessage::Orders(orders)) = rig.of_transactions.receiver.try_recv() else {
        panic!("no orders")
    };
    let account = |request: &OrderRequest| match request {
        OrderRequest::Order(order) => order.account.clone().ok(),
        OrderRequest::Place(_) | OrderRequest::Cancel(_) | OrderRequest::Replace(_) => None,
    };
    let accounts: Vec<Option<AccountId>> = orders.iter().map(account).collect();
    assert_eq!(
        accounts,
        [Some(alice.account), None],
        "an order that may be queued already is told apart by transactions"
    );
    let Ok(AccountQueriesMessage::Queries(queries)) = rig.of_account_queries.receiver.try_recv()
    else {
        panic!("no queries")
    };
    assert_eq!(queries.len(), 2);
    assert!(
        queries
            .iter()
            .all(|(_, query)| query.asker == alice.account)
    );
    let refused = link.replies();
    assert_eq!(refused.len(), 1);
    assert_eq!(reason(&refused[0].1), Reason::SessionExpired);
}

#[test]
fn a_session_that_was_used_is_noted_as_used() {
    let (mut rig, mut link, alice) = rig();
    let used = |rig: &MasterRig| {
        let kept = rig.auth.sessions.get(&alice.session.hash(), Timestamp(0));
        kept.unwrap().session.last_use.at
    };
    let hash = alice.session.hash();
    let mut kept = rig.auth.sessions.remove(&hash).unwrap();
    kept.session.last_use.at = Timestamp(0);
    rig.auth.sessions.insert(kept);
    let ask = |rig: &mut MasterRig, reply_to: ReplyTo| {
        let question = AuthRequest::Session(hash);
        rig.handle(vec![(reply_to, LinkRequest::Auth(question))]);
    };
    let of_nobody = ReplyTo {
        client: None,
        ..link.reply_to()
    };
    ask(&mut rig, of_nobody);
    assert_eq!(
        used(&rig),
        Timestamp(0),
        "its worker asking is no use of it"
    );
    let of_a_client = link.reply_to();
    ask(&mut rig, of_a_client);
    assert!(used(&rig) > Timestamp(0));
    let mut kept = rig.auth.sessions.remove(&hash).unwrap();
    kept.session.last_use.at = Timestamp(0);
    rig.auth.sessions.insert(kept);
    link.heard();
    let _: UserInfo = rig.payload(&mut link, info(&alice.session));
    assert!(used(&rig) > Timestamp(0));
}
