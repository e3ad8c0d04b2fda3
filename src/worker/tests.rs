//! spec/worker.md · 3.2 Worker Server
//!
//! Tests of a worker against a scripted master.

use super::testing::*;
use crate::link::message::{self, HASHES_MAX, SessionHashes, SessionState};
use crate::model::{
    ClientOrderId, HashedPass, Money, NameValue, OpenValue, OrderAmount, OrderKind, ProtocolFault,
    Quantity, Quote, Reason, SessionHash, SessionId, Side, TimeInForce, Timestamp,
    TransactionStatus, Username,
};
use crate::wire::payload::{AssetInfo, Payload, QuoteList, TextList};
use crate::wire::reply::Fill;
use crate::wire::{ConnectionState, Instruction, Refusal, Reply, Request, Window, frame};
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use uuid::Uuid;

mod notices;

/// How long a test waits for something that must not happen.
const SILENCE_TIMEOUT: Duration = Duration::from_millis(150);

fn current() -> Request {
    Request::AssetCurrent { symbol: aapl() }
}

fn week(date: &str) -> Request {
    Request::AssetWindow {
        symbol: aapl(),
        window: Window::Week(Timestamp::parse(date).unwrap()),
        adjusted: false,
    }
}

fn login(expirable: bool) -> Request {
    Request::Login {
        username: Username::parse("alice").unwrap(),
        hashed_pass: HashedPass::parse(&"ab".repeat(32)).unwrap(),
        expirable,
    }
}

fn order(id: &str) -> Request {
    Request::Order {
        session: session(1),
        side: Side::Buy,
        symbol: aapl(),
        quantity: Quantity(1_500_000),
        id: Some(ClientOrderId::parse(id).unwrap()),
    }
}

fn queued(number: u8) -> Reply {
    Reply::Queued {
        id: Uuid::from_u128(u128::from(number)),
        client_order_id: None,
        expected: Timestamp(0),
    }
}

fn filled(number: u8) -> Reply {
    Reply::Filled(Fill {
        side: Side::Buy,
        id: Uuid::from_u128(u128::from(number)),
        symbol: aapl(),
        quantity: Quantity(1_500_000),
        price: Money(100),
        total: Money(150),
        settled: Timestamp(0),
    })
}

fn refusal(reason: Reason) -> Refusal {
    Refusal::new(reason, "the test says so")
}

fn view() -> Request {
    Request::UserPortfolio {
        session: session(1),
        username: Username::parse("alice").unwrap(),
    }
}

fn switch(session: &SessionId, state: ConnectionState) -> Request {
    Request::SwitchState {
        session: session.clone(),
        state,
    }
}

fn unavailable(reply: &Reply) -> bool {
    matches!(reply, Reply::Fail(_, refusal) if refusal.reason == Reason::MasterUnavailable)
}

#[test]
fn the_port_opens_with_the_first_prices() {
    let mut rig = WorkerRig::new("");
    let mut link = rig.link();
    let early = rig
        .worker
        .as_ref()
        .unwrap()
        .state()
        .recv_timeout(SILENCE_TIMEOUT);
    assert!(early.is_err(), "{early:?}");
    link.welcome();
    rig.await_open();
    let mut client = rig.client();
    client.ask_all(&[Request::Ping, Request::GetWorkerList]);
    assert_eq!(client.reply(), Reply::Pong);
    let workers = vec!["127.0.0.1:2049".to_owned(), "[::1]:2050".to_owned()];
    assert_eq!(client.reply(), Reply::WorkerList(workers));
    rig.stop();
    assert!(link.has_ended());
}

#[test]
fn current_values_come_from_the_last_push() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.data_client(&mut link, &session(1));
    let unknown = |instruction: fn(crate::model::Symbol) -> Request, text| {
        instruction(crate::model::Symbol::parse(text).unwrap())
    };
    client.ask_all(&[
        current(),
        Request::AssetInfo { symbol: aapl() },
        Request::AssetList,
        Request::QuoteList,
        unknown(|symbol| Request::AssetCurrent { symbol }, "NEW"),
        unknown(|symbol| Request::AssetInfo { symbol }, "NEW"),
        unknown(|symbol| Request::AssetCurrent { symbol }, "NONE"),
        unknown(|symbol| Request::AssetInfo { symbol }, "NONE"),
        Request::Ping,
    ]);
    assert_eq!(Quote::from_bytes(&client.data()), Ok(bar(100).quote()));
    let info = AssetInfo {
        symbol: aapl(),
        bar: bar(100),
    };
    assert_eq!(AssetInfo::from_bytes(&client.data()), Ok(info));
    assert_eq!(
        TextList::from_bytes(&client.data()),
        Ok(TextList(vec!["AAPL".into(), "NEW".into()]))
    );
    let quotes = QuoteList::from_bytes(&client.data()).unwrap();
    let names: Vec<&str> = quotes.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!((quotes.update, names), (1, vec!["Apple", ""]));
    assert_eq!(quotes.rows[0].quote, Some(bar(100).quote()));
    assert_eq!(client.refused(), "no-price");
    assert_eq!(client.refused(), "no-data");
    assert_eq!(client.refused(), "unknown-asset");
    assert_eq!(client.refused(), "unknown-asset");
    assert_eq!(client.reply(), Reply::Pong);
    link.prices(2, 107);
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        client.ask(&current());
        if Quote::from_bytes(&client.data()).unwrap().value == Money(107) {
            break;
        }
        assert!(Instant::now() < deadline);
    }
    // What assets are called is told once a link.
    client.ask(&Request::QuoteList);
    let quotes = QuoteList::from_bytes(&client.data()).unwrap();
    assert_eq!((quotes.update, quotes.rows[0].name.as_str()), (2, "Apple"));
    assert_eq!(quotes.rows[0].quote, Some(bar(107).quote()));
}

#[test]
fn each_state_allows_its_own_instructions() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask_all(&[current(), view(), Request::Ping]);
    assert_eq!(client.refused(), "wrong-state");
    assert_eq!(client.refused(), "wrong-state");
    assert_eq!(client.reply(), Reply::Pong);
    let mut data = rig.data_client(&mut link, &session(1));
    data.ask_all(&[login(false), order("a"), current()]);
    assert_eq!(data.refused(), "wrong-state");
    assert_eq!(data.refused(), "wrong-state");
    assert_eq!(Quote::from_bytes(&data.data()), Ok(bar(100).quote()));
    // Any well-formed session leads back to the command state; later requests of the same write see
    // it.
    data.ask_all(&[
        switch(&session(9), ConnectionState::Command),
        current(),
        Request::Ping,
    ]);
    assert_eq!(data.reply(), Reply::StateSwitched(ConnectionState::Command));
    assert_eq!(data.refused(), "wrong-state");
    assert_eq!(data.reply(), Reply::Pong);
    // A cached session needs no query; one that is not active is refused.
    data.ask_all(&[
        switch(&session(1), ConnectionState::Data),
        current(),
        switch(&session(2), ConnectionState::Data),
    ]);
    assert_eq!(data.reply(), Reply::StateSwitched(ConnectionState::Data));
    assert_eq!(Quote::from_bytes(&data.data()), Ok(bar(100).quote()));
    let asked = link.next();
    let over = SessionState {
        hash: session(2).hash(),
        active: None,
    };
    link.answer(&asked, |out| {
        message::write(out, Instruction::LinkSession, &over)
    });
    assert_eq!(data.refused(), "session-expired");
    data.ask(&current());
    assert_eq!(
        Quote::from_bytes(&data.data()),
        Ok(bar(100).quote()),
        "still bound to the first"
    );
}

#[test]
fn sessions_expire_by_the_masters_clock_and_not_by_the_workers() {
    let (rig, mut link) = WorkerRig::serving("");
    // A worker whose clock is two days ahead of its master's, and then one two days behind.
    for (ahead, number, is_active) in [(-2, 1, true), (2, 2, false)] {
        link.clock_ahead = ahead * crate::model::timestamp::DAY;
        let mut client = rig.client();
        client.ask(&switch(&session(number), ConnectionState::Data));
        let asked = link.next();
        let mut state = active(&session(number), false);
        if let (Some(session), true) = (&mut state.active, is_active) {
            session.expiry = session.expiry.plus_days(ahead);
        }
        link.answer(&asked, |out| {
            message::write(out, Instruction::LinkSession, &state)
        });
        if !is_active {
            assert_eq!(client.refused(), "session-expired");
            continue;
        }
        let switched = Reply::StateSwitched(ConnectionState::Data);
        assert_eq!(client.reply(), switched);
        // The module of sessions has had a turn in which it ends those that expired.
        client.ask(&Request::Ping);
        assert_eq!(client.reply(), Reply::Pong);
        client.ask(&current());
        assert!(!client.data().is_empty());
    }
}

#[test]
fn a_session_that_the_master_ends_ends_at_once() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut data = rig.data_client(&mut link, &session(1));
    let ended = SessionHashes(vec![session(1).hash()]);
    link.send(0, |out| {
        message::write(out, Instruction::LinkSessionsEnded, &ended)
    });
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        data.ask(&current());
        match data.reply() {
            Reply::Fail(_, refusal) => {
                assert_eq!(refusal.reason, Reason::SessionExpired);
                break;
            }
            _ => assert!(Instant::now() < deadline),
        }
    }
    // An ended session causes no query.
    data.ask(&switch(&session(1), ConnectionState::Data));
    assert_eq!(data.refused(), "session-expired");
    // A late answer does not revive it.
    data.ask(&switch(&session(2), ConnectionState::Data));
    let asked = link.next();
    let ended = SessionHashes(vec![session(2).hash()]);
    link.send(0, |out| {
        message::write(out, Instruction::LinkSessionsEnded, &ended)
    });
    link.send_active(&asked, &session(2), false);
    assert_eq!(data.refused(), "session-expired");
}

#[test]
fn who_reads_that_a_password_is_changed_finds_the_other_sessions_ended() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut thief = rig.data_client(&mut link, &session(1));
    let mut owner = rig.client();
    owner.ask(&Request::ChangePassword {
        session: session(2),
        old: None,
        new: HashedPass::parse(&"ab".repeat(32)).unwrap(),
    });
    let asked = link.next();
    // So many end at once that a shorter way of the answer would be seen.
    for number in 0..40_u8 {
        let mut hashes = Vec::new();
        for other in 0..HASHES_MAX {
            let other = u32::try_from(other).unwrap().to_be_bytes();
            let mut bytes = [number; 32];
            bytes[..4].copy_from_slice(&other);
            hashes.push(SessionHash(bytes));
        }
        if number == 39 {
            hashes[HASHES_MAX - 1] = session(1).hash();
        }
        link.send(0, |out| {
            message::write(out, Instruction::LinkSessionsEnded, &SessionHashes(hashes));
        });
    }
    link.answer(&asked, |out| Reply::AccountSuccess(None).write(out));
    assert!(matches!(owner.reply(), Reply::AccountSuccess(None)));
    thief.ask(&current());
    assert_eq!(thief.refused(), "session-expired");
}

#[test]
fn bound_sessions_are_verified_after_a_broken_link() {
    let (mut rig, mut link) = WorkerRig::serving("");
    let mut data = rig.data_client(&mut link, &session(1));
    link.cut();
    data.ask(&current());
    assert_eq!(Quote::from_bytes(&data.data()), Ok(bar(100).quote()));
    let mut link = rig.link();
    link.welcome();
    let asked = link.next();
    assert_eq!(
        asked.data(),
        session(1).hash().0,
        "bound sessions are verified again"
    );
    let over = SessionState {
        hash: session(1).hash(),
        active: None,
    };
    link.answer(&asked, |out| {
        message::write(out, Instruction::LinkSession, &over)
    });
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        data.ask(&current());
        if matches!(data.reply(), Reply::Fail(..)) {
            break;
        }
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn a_login_is_recorded_before_its_reply_is_sent() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask_all(&[
        login(true),
        switch(&session(7), ConnectionState::Data),
        current(),
    ]);
    let asked = link.next();
    assert_eq!(asked.text(), format!("alice {} true", "ab".repeat(32)));
    assert_eq!(
        asked.envelope.client,
        Some(client.socket.local_addr().unwrap())
    );
    assert!(
        link.next_within(SILENCE_TIMEOUT).is_none(),
        "nothing follows a login before its answer"
    );
    link.log_in(&asked, &session(7), true);
    let Reply::Session { id, workers } = client.reply() else {
        panic!("no session");
    };
    assert_eq!(
        (id, workers),
        (session(7), vec!["127.0.0.1:2049".to_owned()])
    );
    assert_eq!(
        client.reply(),
        Reply::StateSwitched(ConnectionState::Data),
        "cached, without a query"
    );
    assert_eq!(Quote::from_bytes(&client.data()), Ok(bar(100).quote()));
    // The session ends with the connection that logged in, and this is reported to the master.
    drop(client);
    let closed = link.next();
    assert_eq!(closed.instruction(), Instruction::LinkConnectionClosed);
    assert_eq!(closed.data(), session(7).hash().0);
    let mut other = rig.client();
    other.ask(&switch(&session(7), ConnectionState::Data));
    assert_eq!(other.refused(), "session-expired");
}

#[test]
fn closed_connections_are_reported_after_a_broken_link() {
    let (mut rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask(&login(true));
    let asked = link.next();
    link.log_in(&asked, &session(7), true);
    client.reply();
    rig.unreachable.store(true, Ordering::SeqCst);
    link.cut();
    drop(client);
    rig.unreachable.store(false, Ordering::SeqCst);
    let mut link = rig.link();
    let closed = link.next();
    assert_eq!(closed.instruction(), Instruction::LinkConnectionClosed);
    link.cut();
    let mut link = rig.link();
    let closed = link.next();
    assert_eq!(
        closed.data(),
        session(7).hash().0,
        "reported again: it was not answered"
    );
    link.answer(&closed, |out| Reply::Pong.write(out));
    link.cut();
    let mut link = rig.link();
    assert!(
        link.next_within(SILENCE_TIMEOUT).is_none(),
        "it was confirmed"
    );
}

/// A worker passes a Fail on as it came. It looks at no code but `overloaded`.
#[test]
fn codes_of_a_later_edition_pass_through() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    let later = Refusal {
        reason: OpenValue::Unknown("of-edition-9".to_owned()),
        text: "ask a newer program".to_owned(),
    };
    for request in [login(false), order("a")] {
        client.ask(&request);
        let asked = link.next();
        link.fail(&asked, &later);
        let Reply::Fail(_, refusal) = client.reply() else {
            panic!("{request:?} was not refused");
        };
        assert_eq!(refusal, later);
    }
}

#[test]
fn failed_logins_and_logouts_pass_through() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask(&login(false));
    let asked = link.next();
    link.fail(&asked, &refusal(Reason::BadCredentials));
    assert_eq!(client.refused(), "bad-credentials");
    client.ask(&Request::Resume {
        session: session(3),
    });
    let asked = link.next();
    link.log_in(&asked, &session(3), true);
    assert!(matches!(client.reply(), Reply::Session { .. }));
    client.ask(&Request::Logout {
        session: session(3),
    });
    let asked = link.next();
    link.answer(&asked, |out| Reply::LogoutSuccess.write(out));
    assert_eq!(client.reply(), Reply::LogoutSuccess);
    client.ask(&switch(&session(3), ConnectionState::Data));
    assert_eq!(
        client.refused(),
        "session-expired",
        "ended, without a query"
    );
    drop(client);
    assert!(
        link.next_within(SILENCE_TIMEOUT).is_none(),
        "a session that was resumed does not end with the connection"
    );
}

#[test]
fn an_order_has_taken_effect_once_it_is_queued() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask_all(&[
        order("a"),
        order("b"),
        Request::Logout {
            session: session(1),
        },
    ]);
    let (first, second) = (link.next(), link.next());
    assert_eq!(first.text(), format!("{} AAPL 1.5 a", "01".repeat(32)));
    assert!(first.envelope.sequence < second.envelope.sequence);
    assert!(first.envelope.timestamp <= second.envelope.timestamp);
    assert!(
        link.next_within(SILENCE_TIMEOUT).is_none(),
        "the logout waits until both are queued"
    );
    link.answer(&first, |out| queued(1).write(out));
    assert_eq!(client.reply(), queued(1), "a notice waits for nobody");
    assert!(link.next_within(SILENCE_TIMEOUT).is_none());
    link.answer(&second, |out| queued(2).write(out));
    assert_eq!(client.reply(), queued(2));
    let logout = link.next();
    assert_eq!(logout.instruction(), Instruction::Logout);
    link.answer(&logout, |out| Reply::LogoutSuccess.write(out));
    link.answer(&second, |out| filled(2).write(out));
    assert!(
        client.reply_within(SILENCE_TIMEOUT).is_none(),
        "replies keep the order of requests"
    );
    link.answer(&first, |out| filled(1).write(out));
    assert_eq!(client.reply(), filled(1));
    assert_eq!(client.reply(), filled(2));
    assert_eq!(client.reply(), Reply::LogoutSuccess);
}

#[test]
fn orders_are_sent_again_with_their_sequence_numbers() {
    let (mut rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask_all(&[order("a"), order("b")]);
    let (first, second) = (link.next(), link.next());
    link.answer(&first, |out| queued(1).write(out));
    assert_eq!(client.reply(), queued(1));
    let boot = link.boot;
    link.cut();
    let mut link = rig.link();
    assert_eq!(link.boot, boot);
    let (first_again, second_again) = (link.next(), link.next());
    for (again, before) in [(&first_again, &first), (&second_again, &second)] {
        assert!(again.is_again());
        assert_eq!(again.envelope.sequence, before.envelope.sequence);
        assert_eq!(again.envelope.timestamp, before.envelope.timestamp);
        assert_eq!(again.envelope.client, before.envelope.client);
        assert_eq!(again.data(), before.data());
    }
    link.answer(&first_again, |out| queued(1).write(out));
    link.answer(&first_again, |out| filled(1).write(out));
    assert_eq!(client.reply(), filled(1), "the notice is not repeated");
    // A repeated order that the master refuses as overloaded is sent again.
    link.fail(&second_again, &refusal(Reason::Overloaded));
    let third = link.next();
    assert!(third.is_again());
    assert_eq!(third.envelope.sequence, second.envelope.sequence);
    link.answer(&third, |out| {
        queued(2).write(out);
        filled(2).write(out);
    });
    assert_eq!(client.reply(), queued(2));
    assert_eq!(client.reply(), filled(2));
}

#[test]
fn a_master_that_stands_by_sends_a_worker_to_the_next_of_its_list_and_an_order_goes_along() {
    let masters = ["a:2048", "b:2048", "c:2048"];
    let mut rig = WorkerRig::of_masters(&masters);
    rig.link().stand_by();
    // The first standby is no failure, and costs no pause.
    let mut link = rig.link();
    link.welcome();
    rig.await_open();
    assert_eq!(*rig.asked.lock(), masters[..2]);
    let mut client = rig.client();
    client.ask(&order("a"));
    let sent = link.next();
    // The leader is killed: it is asked first, then each of the others, and nobody else.
    link.cut();
    rig.link().stand_by();
    rig.link().stand_by();
    let mut last = rig.link();
    last.welcome();
    let asked = rig.asked.lock()[2..].to_vec();
    assert_eq!(asked, ["b:2048", "c:2048", "a:2048"]);
    let again = last.next();
    assert!(again.is_again());
    assert_eq!(again.envelope.sequence, sent.envelope.sequence);
    assert_eq!(again.envelope.timestamp, sent.envelope.timestamp);
    last.answer(&again, |out| queued(1).write(out));
    assert_eq!(client.reply(), queued(1));
}

#[test]
fn the_clock_of_a_master_that_stands_by_ends_no_session() {
    let (mut rig, mut link) = WorkerRig::serving("");
    let mut client = rig.data_client(&mut link, &session(1));
    link.cut();
    let mut standby = rig.link();
    standby.clock_ahead = 2 * crate::model::timestamp::DAY;
    standby.stand_by();
    // The module of sessions has had a turn in which it ends those that expired.
    client.ask(&Request::Ping);
    assert_eq!(client.reply(), Reply::Pong);
    client.ask(&current());
    assert!(!client.data().is_empty());
}

#[test]
fn a_master_that_stands_by_takes_no_session_from_those_who_come_back() {
    let (mut rig, mut link) = WorkerRig::serving("");
    drop(rig.data_client(&mut link, &session(1)));
    link.cut();
    rig.link().stand_by();
    // Somebody else has had a turn of the module of sessions.
    let mut other = rig.client();
    other.ask(&Request::Ping);
    assert_eq!(other.reply(), Reply::Pong);
    let mut client = rig.client();
    client.ask(&Request::SwitchState {
        session: session(1),
        state: crate::wire::ConnectionState::Data,
    });
    let switched = Reply::StateSwitched(crate::wire::ConnectionState::Data);
    assert_eq!(client.reply(), switched);
    client.ask(&current());
    assert!(!client.data().is_empty());
}

#[test]
fn what_is_asked_of_an_order_that_waits_is_sent_again_until_it_has_an_answer() {
    let (mut rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    let id = Uuid::from_u128(7);
    let place = Request::PlaceOrder {
        session: session(1),
        side: Side::Buy,
        symbol: aapl(),
        amount: OrderAmount::Cash(Money(5)),
        kind: OrderKind::Limit,
        limit: Some(Money(9)),
        stop: None,
        time_in_force: TimeInForce::Gtc,
        id: ClientOrderId::parse("a").ok(),
    };
    let cancel = Request::CancelOrder {
        session: session(1),
        id,
    };
    client.ask_all(&[place, cancel]);
    let (placed, cancelled) = (link.next(), link.next());
    link.cut();
    let mut link = rig.link();
    let (placed_again, cancelled_again) = (link.next(), link.next());
    for (again, before) in [(&placed_again, &placed), (&cancelled_again, &cancelled)] {
        assert!(again.is_again());
        assert_eq!(again.envelope.sequence, before.envelope.sequence);
        assert_eq!(again.data(), before.data());
    }
    // The master has no room for the repeat now: whether the first came through is not known yet.
    link.fail(&placed_again, &refusal(Reason::Overloaded));
    link.answer(&cancelled_again, |out| {
        Reply::OrderCancelled { id }.write(out)
    });
    let third = link.next();
    assert!(third.is_again() && third.envelope.sequence == placed.envelope.sequence);
    let reply = Reply::OrderPlaced {
        id,
        client_order_id: ClientOrderId::parse("a").ok(),
        status: TransactionStatus::Open.into(),
    };
    link.answer(&third, |out| reply.write(out));
    assert_eq!(client.reply(), reply);
    assert_eq!(client.reply(), Reply::OrderCancelled { id });
}

#[test]
fn without_a_link_only_requests_that_need_the_master_are_refused() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut data = rig.data_client(&mut link, &session(1));
    data.ask(&week("2013-01-01"));
    let asked = link.next();
    link.answer(&asked, |out| out.extend_from_slice(&transfer(&[7; 48])));
    assert_eq!(data.data(), [7; 48]);
    let mut viewer = rig.client();
    viewer.ask(&switch(&session(1), ConnectionState::Data));
    assert_eq!(viewer.reply(), Reply::StateSwitched(ConnectionState::Data));
    viewer.ask(&view());
    link.next();
    data.ask(&week("2013-01-02"));
    link.next();
    rig.unreachable.store(true, Ordering::SeqCst);
    link.cut();
    // Pending requests without an effect fail at once.
    assert!(unavailable(&data.reply()));
    assert!(unavailable(&viewer.reply()));
    data.ask_all(&[
        current(),
        week("2013-01-01"),
        week("2013-01-02"),
        view(),
        Request::AssetList,
    ]);
    assert_eq!(Quote::from_bytes(&data.data()), Ok(bar(100).quote()));
    assert_eq!(data.data(), [7; 48]);
    assert!(unavailable(&data.reply()));
    assert!(unavailable(&data.reply()));
    data.data();
    let mut command = rig.client();
    command.ask_all(&[
        order("a"),
        login(false),
        Request::Logout {
            session: session(1),
        },
        Request::Resume {
            session: session(1),
        },
        Request::Resume {
            session: session(2),
        },
        Request::GetWorkerList,
        switch(&session(2), ConnectionState::Data),
        switch(&session(1), ConnectionState::Data),
    ]);
    for _ in 0..3 {
        let reply = command.reply();
        assert!(unavailable(&reply), "{reply:?}");
    }
    assert!(matches!(command.reply(), Reply::Session { id, .. } if id == session(1)));
    assert!(unavailable(&command.reply()));
    assert!(matches!(command.reply(), Reply::WorkerList(workers) if workers.len() == 2));
    assert!(unavailable(&command.reply()));
    assert_eq!(command.reply(), Reply::StateSwitched(ConnectionState::Data));
}

#[test]
fn a_pending_login_survives_a_broken_link() {
    let (mut rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask(&login(true));
    let asked = link.next();
    link.cut();
    let mut link = rig.link();
    let again = link.next();
    assert!(again.is_again());
    assert_eq!(again.envelope.sequence, asked.envelope.sequence);
    link.log_in(&again, &session(5), true);
    assert!(matches!(client.reply(), Reply::Session { id, .. } if id == session(5)));
}

#[test]
fn equal_requests_cause_one_query_and_are_cached() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut clients: Vec<TestClient> = (1..5)
        .map(|number| rig.data_client(&mut link, &session(number)))
        .collect();
    for client in &mut clients {
        client.ask(&week("2013-01-01T13:00:00Z"));
    }
    let asked = link.next();
    assert_eq!(asked.text(), "AAPL 2013-01-01T00:00:00.000Z");
    assert!(link.next_within(SILENCE_TIMEOUT).is_none(), "once");
    // Large payloads come in several messages.
    let payload: Vec<u8> = (0..30_000u32)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect();
    let frames = transfer(&payload);
    let (head, tail) = frames.split_at(2 * (8192 + 17));
    link.answer(&asked, |out| out.extend_from_slice(head));
    link.answer(&asked, |out| out.extend_from_slice(tail));
    for client in &mut clients {
        assert_eq!(client.data(), payload);
    }
    let first = &mut clients[0];
    first.ask(&week("2013-01-01"));
    assert_eq!(first.data(), payload, "cached");
    // A final window is cached beyond the next update, another one is not.
    first.ask(&week("2013-03-10"));
    let asked = link.next();
    link.answer(&asked, |out| out.extend_from_slice(&transfer(b"growing")));
    assert_eq!(first.data(), b"growing");
    first.ask(&week("2013-03-10"));
    assert_eq!(first.data(), b"growing");
    link.prices(2, 101);
    loop {
        first.ask(&current());
        if Quote::from_bytes(&first.data()).unwrap().value == Money(101) {
            break;
        }
    }
    first.ask_all(&[week("2013-01-01"), week("2013-03-10")]);
    assert_eq!(first.data(), payload);
    let asked = link.next();
    // A reply from before an update is passed on and not cached.
    link.prices(3, 102);
    loop {
        let other = &mut clients[1];
        other.ask(&current());
        if Quote::from_bytes(&other.data()).unwrap().value == Money(102) {
            break;
        }
    }
    clients[1].ask(&week("2013-03-10"));
    let second = link.next();
    link.answer(&asked, |out| out.extend_from_slice(&transfer(b"before")));
    link.answer(&second, |out| out.extend_from_slice(&transfer(b"after")));
    assert_eq!(clients[0].data(), b"before");
    assert_eq!(clients[1].data(), b"after");
    clients[0].ask(&week("2013-03-10"));
    assert_eq!(clients[0].data(), b"after");
    // Fails are passed on and not cached.
    clients[0].ask(&week("2013-02-01"));
    let asked = link.next();
    link.fail(&asked, &refusal(Reason::NoData));
    assert_eq!(clients[0].refused(), "no-data");
    clients[0].ask(&week("2013-02-01"));
    link.next();
}

#[test]
fn at_most_eight_bulk_requests_are_unanswered() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.data_client(&mut link, &session(1));
    let dates: Vec<Request> = (1..=12)
        .map(|day| week(&format!("2012-01-{day:02}")))
        .collect();
    client.ask_all(&dates);
    let asked: Vec<_> = (0..8).map(|_| link.next()).collect();
    assert!(
        link.next_within(SILENCE_TIMEOUT).is_none(),
        "the ninth waits"
    );
    link.answer(&asked[0], |out| out.extend_from_slice(&transfer(&[0])));
    assert_eq!(client.data(), [0]);
    link.next();
    assert!(link.next_within(SILENCE_TIMEOUT).is_none());
}

#[test]
fn account_queries_stream_in_order() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.data_client(&mut link, &session(1));
    client.ask_all(&[view(), view()]);
    let (first, second) = (link.next(), link.next());
    link.answer(&second, |out| out.extend_from_slice(&transfer(b"second")));
    let payload = vec![3; 20_000];
    let frames = transfer(&payload);
    let (head, tail) = frames.split_at(8192 + 17);
    link.answer(&first, |out| out.extend_from_slice(head));
    link.answer(&first, |out| out.extend_from_slice(tail));
    assert_eq!(client.data(), payload);
    assert_eq!(client.data(), b"second");
    client.ask(&view());
    let asked = link.next();
    link.fail(&asked, &refusal(Reason::UnknownUser));
    assert_eq!(client.refused(), "unknown-user");
}

#[test]
fn a_booted_worker_serves_no_clients_until_it_is_admitted() {
    let (mut rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask(&Request::Ping);
    client.reply();
    link.send(0, |out| {
        crate::wire::frame::write(out, Instruction::LinkBooted, &["on purpose"])
    });
    assert!(matches!(
        client.reply(),
        Reply::ProtocolError(OpenValue::Known(ProtocolFault::ShuttingDown), _)
    ));
    assert!(client.is_closed());
    let closed = rig
        .worker
        .as_ref()
        .unwrap()
        .state()
        .recv_timeout(TEST_TIMEOUT)
        .unwrap();
    assert_eq!(closed, super::PortState::Closed);
    assert!(TcpStream::connect(rig.address).is_err());
    // It goes on trying, and is told again.
    rig.link().send(0, |out| {
        crate::wire::frame::write(out, Instruction::LinkBooted, &["on purpose"])
    });
    rig.link().welcome();
    rig.await_open();
    let mut client = rig.client();
    client.ask(&Request::Ping);
    assert_eq!(client.reply(), Reply::Pong);
}

/// What a client is told of the server, as words.
fn server_info(client: &mut TestClient) -> Vec<String> {
    client.ask(&Request::GetServerInfo);
    match client.reply() {
        Reply::ServerInfo(facts) => facts.iter().map(NameValue::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

/// The worker's own facts, with these behind them.
fn own_and(others: &[&str]) -> Vec<String> {
    let version = concat!("version=", env!("CARGO_PKG_VERSION"));
    let own = [version, "wire=1", "edition=2"];
    own.iter().chain(others).map(|&fact| fact.into()).collect()
}

#[test]
fn what_the_master_told_last_is_told_without_a_link_too() {
    let (mut rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    assert_eq!(server_info(&mut client), own_and(&[]), "nothing was told");
    let tell = |link: &mut Link, facts: &[&str]| {
        link.send(0, |out| {
            frame::write(out, Instruction::LinkServerInfo, facts);
        });
    };
    let mut hears = |expected: &[&str]| {
        let deadline = Instant::now() + TEST_TIMEOUT;
        while server_info(&mut client) != own_and(expected) {
            assert!(Instant::now() < deadline, "{expected:?}");
        }
    };
    // The worker passes on what it does not know, and speaks for itself alone.
    tell(
        &mut link,
        &["state=open", "edition=9", "of-later=x=y", "version=9"],
    );
    hears(&["state=open", "of-later=x=y"]);
    link.cut();
    hears(&["state=open", "of-later=x=y"]);
    // What is left out is no longer known.
    let mut link = rig.link();
    tell(&mut link, &["state=closed"]);
    hears(&["state=closed"]);
    // A long list displaces nothing of the worker's own.
    let long = format!("n={}", "v".repeat(250));
    let many = vec![&*long; 8192 / (long.len() + 1)];
    tell(&mut link, &many);
    let deadline = Instant::now() + TEST_TIMEOUT;
    let mut client = rig.client();
    loop {
        let told = server_info(&mut client);
        assert_eq!(told[..3], own_and(&[]));
        if told.len() > 4 {
            break;
        }
        assert!(Instant::now() < deadline);
    }
    tell(&mut link, &["no fact"]);
    assert!(link.has_ended(), "nonsense on the link");
}

#[test]
fn getting_the_server_info_takes_one_slot_in_either_state() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut data = rig.data_client(&mut link, &session(1));
    data.ask_all(&[
        Request::Ping,
        Request::GetServerInfo,
        current(),
        Request::GetServerInfo,
        Request::Ping,
    ]);
    assert_eq!(data.reply(), Reply::Pong);
    assert!(matches!(data.reply(), Reply::ServerInfo(facts) if facts.len() == 3));
    data.data();
    assert!(matches!(data.reply(), Reply::ServerInfo(_)));
    assert_eq!(data.reply(), Reply::Pong);
}

#[test]
fn a_link_with_malformed_messages_is_cut_and_made_again() {
    let (mut rig, mut link) = WorkerRig::serving("");
    link.send(0, |out| out.extend_from_slice(&[0xFF; 40]));
    assert!(link.has_ended());
    let mut link = rig.link();
    link.boot = Uuid::from_u128(1);
    link.send(7, |out| Reply::Pong.write(out));
    assert!(link.has_ended(), "a reply to another boot");
    let mut link = rig.link();
    link.send(999_999, |out| Reply::Pong.write(out));
    link.welcome();
    let mut client = rig.data_client(&mut link, &session(1));
    client.ask(&current());
    client.data();
}

#[test]
fn stopping_notifies_all_clients_and_loses_no_reply() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut clients: Vec<TestClient> = (0..20).map(|_| rig.client()).collect();
    for client in &mut clients {
        client.ask(&Request::Ping);
        assert_eq!(client.reply(), Reply::Pong);
    }
    clients[0].ask(&order("a"));
    link.next();
    // A client that keeps sending gets the notice, too.
    let mut talker = clients[1].socket.try_clone().unwrap();
    let talking = std::thread::spawn(move || {
        let mut frame = Vec::new();
        Request::Ping.write(&mut frame);
        while talker.write_all(&frame).is_ok() {}
    });
    let began = Instant::now();
    rig.stop();
    assert!(began.elapsed() < Duration::from_secs(5));
    for client in &mut clients {
        let last = loop {
            match client.reply() {
                Reply::Pong => {}
                other => break other,
            }
        };
        assert!(
            matches!(
                last,
                Reply::ProtocolError(OpenValue::Known(ProtocolFault::ShuttingDown), _)
            ),
            "{last:?}"
        );
    }
    talking.join().unwrap();
}

#[test]
fn a_worker_without_a_link_stops_too() {
    let rig = WorkerRig::new("");
    rig.unreachable.store(true, Ordering::SeqCst);
    rig.stop();
}

#[test]
fn a_client_over_the_limit_gets_too_many_connections() {
    let (rig, _link) = WorkerRig::serving("[limits]\nmax_connections = 2");
    let mut first = rig.client();
    let mut second = rig.client();
    for client in [&mut first, &mut second] {
        client.ask(&Request::Ping);
        client.reply();
    }
    let mut third = rig.client();
    assert!(matches!(
        third.reply(),
        Reply::ProtocolError(OpenValue::Known(ProtocolFault::TooManyConnections), _)
    ));
    assert!(third.is_closed());
    drop(first);
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        let mut again = rig.client();
        again.ask(&Request::Ping);
        if again.reply() == Reply::Pong {
            break;
        }
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn who_never_said_anything_makes_room_for_a_newcomer() {
    let (rig, _link) = WorkerRig::serving("[limits]\nmax_connections = 2");
    let mut first = rig.client();
    assert!(pings(&mut first));
    let mut silent = rig.client();
    let deadline = Instant::now() + TEST_TIMEOUT;
    let mut newcomer = loop {
        let mut client = rig.client();
        if pings(&mut client) {
            break client;
        }
        assert!(Instant::now() < deadline, "the place stays taken");
    };
    assert!(matches!(
        silent.reply(),
        Reply::ProtocolError(OpenValue::Known(ProtocolFault::TooManyConnections), _)
    ));
    assert!(silent.is_closed());
    assert!(pings(&mut first) && pings(&mut newcomer));
}

#[test]
fn an_old_link_serves_while_a_new_one_is_made() {
    let (began, begins) = crossbeam_channel::unbounded();
    let (go, gate) = crossbeam_channel::bounded::<()>(0);
    let mut attempts = 0;
    let mut rig = WorkerRig::renewing("", Duration::from_millis(50), move || {
        attempts += 1;
        if attempts == 2 {
            let _ = began.send(());
            // Until the test says so, or has ended.
            let _ = gate.recv();
        }
    });
    let mut link = rig.link();
    link.welcome();
    rig.await_open();
    // Each report that is answered lets the worker look at the link's age.
    let deadline = Instant::now() + TEST_TIMEOUT;
    while begins.try_recv().is_err() {
        assert!(Instant::now() < deadline, "the link is not made anew");
        link.prices(2, 7);
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut client = rig.client();
    client.ask(&login(false));
    let asked = link.next();
    link.fail(&asked, &refusal(Reason::BadCredentials));
    assert_eq!(client.refused(), "bad-credentials");
    // It breaks, and the link that is being made follows it.
    link.cut();
    drop(link);
    go.send(()).unwrap();
    let mut new = rig.link();
    new.welcome();
    client.ask(&login(false));
    let asked = new.next();
    new.fail(&asked, &refusal(Reason::BadCredentials));
    assert_eq!(client.refused(), "bad-credentials");
}

const PROXY: [u8; 4] = [127, 0, 0, 3];

/// A header of the PROXY protocol, version 2, for a client at this address.
fn proxied(client: &str) -> Vec<u8> {
    let client: std::net::SocketAddrV4 = client.parse().unwrap();
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    bytes.extend(client.ip().octets());
    bytes.extend([198, 51, 100, 1]);
    bytes.extend(client.port().to_be_bytes());
    bytes.extend(2049_u16.to_be_bytes());
    bytes
}

fn pings(client: &mut TestClient) -> bool {
    client.ask(&Request::Ping);
    client.reply() == Reply::Pong
}

#[test]
fn behind_a_proxy_the_clients_address_counts_and_is_what_the_master_hears() {
    let limits = "[limits]\nmax_connections_per_ip = 1\nproxy_from = [\"127.0.0.3\"]";
    let (rig, mut link) = WorkerRig::serving(limits);
    let behind = |client: &str| TestClient::connect_from(PROXY, rig.address, &proxied(client));
    let mut first = behind("192.0.2.7:40000");
    first.ask(&login(false));
    assert_eq!(
        link.next().envelope.client,
        Some("192.0.2.7:40000".parse().unwrap())
    );
    let mut second = behind("192.0.2.8:40000");
    assert!(
        pings(&mut second),
        "others behind the same proxy have their own places"
    );
    let mut third = behind("192.0.2.7:40001");
    assert!(matches!(
        third.reply(),
        Reply::ProtocolError(OpenValue::Known(ProtocolFault::TooManyConnections), _)
    ));
    assert!(third.is_closed());
    // The proxy's own connections, of which one is no client's.
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    for _ in 0..3 {
        assert!(pings(&mut TestClient::connect_from(
            PROXY,
            rig.address,
            local
        )));
    }
}

#[test]
fn nothing_is_believed_without_a_header_and_no_header_of_a_stranger() {
    let limits = "[limits]\nframe_timeout = \"1s\"\nproxy_from = [\"127.0.0.3\"]";
    let (rig, _link) = WorkerRig::serving(limits);
    let mut frame = Vec::new();
    Request::Ping.write(&mut frame);
    let whole = proxied("192.0.2.7:40000");
    let mut long = whole.clone();
    long[14..16].copy_from_slice(&[0xff, 0xff]);
    let mut udp = whole.clone();
    udp[13] = 0x12;
    let text = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 2049\r\n".to_vec();
    // None, version 1, too long, not TCP; and what is never whole.
    for first in [frame, text, long, udp, whole[..20].to_vec(), Vec::new()] {
        let mut client = TestClient::connect_from(PROXY, rig.address, &first);
        assert!(client.is_closed(), "{first:?}");
    }
    let mut stranger = TestClient::connect_from([127, 0, 0, 4], rig.address, &whole);
    assert!(matches!(
        stranger.reply(),
        Reply::ProtocolError(OpenValue::Known(ProtocolFault::BadFrame), _)
    ));
    assert!(stranger.is_closed());
    assert!(pings(&mut rig.client()), "strangers need no header");
}

#[test]
fn a_malformed_frame_is_answered_after_earlier_requests() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask(&order("a"));
    let asked = link.next();
    let mut bytes = Vec::new();
    Request::Ping.write(&mut bytes);
    bytes.extend_from_slice(&[9; 17]);
    Request::Ping.write(&mut bytes);
    client.socket.write_all(&bytes).unwrap();
    assert!(client.reply_within(SILENCE_TIMEOUT).is_none());
    link.answer(&asked, |out| queued(1).write(out));
    assert_eq!(client.reply(), queued(1));
    link.answer(&asked, |out| filled(1).write(out));
    assert_eq!(client.reply(), filled(1));
    assert_eq!(client.reply(), Reply::Pong);
    assert!(matches!(
        client.reply(),
        Reply::ProtocolError(OpenValue::Known(ProtocolFault::BadFrame), _)
    ));
    assert!(client.is_closed());
}

/// A client that requests large replies and reads none of them does not delay others.
#[test]
fn a_client_that_never_reads_is_cut_and_delays_nobody() {
    let (rig, mut link) =
        WorkerRig::serving("[limits]\nmax_unsent = \"64KiB\"\nsend_timeout = \"500ms\"");
    let mut hostile = rig.data_client(&mut link, &session(1));
    let mut good = rig.data_client(&mut link, &session(2));
    hostile.ask(&week("2012-01-01"));
    let asked = link.next();
    let large = transfer(&vec![1; 500_000]);
    link.answer(&asked, |out| out.extend_from_slice(&large));
    let mut many = Vec::new();
    for _ in 0..2000 {
        week("2012-01-01").write(&mut many);
    }
    hostile.socket.set_nonblocking(true).unwrap();
    let mut written = 0;
    let deadline = Instant::now() + TEST_TIMEOUT;
    // Until the worker cuts it, because it takes no bytes.
    loop {
        match hostile.socket.write(&many[written..]) {
            Ok(size) => written += size,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        if written == many.len() {
            written = 0;
        }
        assert!(Instant::now() < deadline, "it was not cut");
        good.ask(&current());
        let asked = Instant::now();
        good.data();
        assert!(asked.elapsed() < TEST_TIMEOUT / 4, "{:?}", asked.elapsed());
    }
    good.ask(&current());
    good.data();
}

#[test]
fn many_clients_with_many_requests_get_their_own_replies() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut first = rig.data_client(&mut link, &session(1));
    first.ask(&Request::Ping);
    first.reply();
    let address = rig.address;
    let clients: Vec<_> = (0..8)
        .map(|number: usize| {
            std::thread::spawn(move || {
                let mut client = TestClient::connect(address);
                client.ask(&switch(&session(1), ConnectionState::Data));
                client.reply();
                for round in 0..5 {
                    // More than may be unanswered, in one write; some are refused.
                    let count = 5000;
                    let requests: Vec<Request> = (0..count)
                        .map(|at| match (at + round + number) % 7 {
                            0 => Request::AssetInfo { symbol: aapl() },
                            1 => Request::Ping,
                            2 => login(false),
                            _ => current(),
                        })
                        .collect();
                    let mut writer = client.socket.try_clone().unwrap();
                    let mut bytes = Vec::new();
                    requests
                        .iter()
                        .for_each(|request| request.write(&mut bytes));
                    let writing = std::thread::spawn(move || writer.write_all(&bytes).unwrap());
                    for request in &requests {
                        match request {
                            Request::AssetInfo { .. } => {
                                AssetInfo::from_bytes(&client.data()).unwrap();
                            }
                            Request::Ping => assert_eq!(client.reply(), Reply::Pong),
                            Request::Login { .. } => assert_eq!(client.refused(), "wrong-state"),
                            _ => {
                                Quote::from_bytes(&client.data()).unwrap();
                            }
                        }
                    }
                    writing.join().unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
}
