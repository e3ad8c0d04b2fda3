//! spec/worker.md · 3.2, 4.1
//!
//! Subscriptions and their notices.

use super::*;
use crate::model::{QuoteValue, SessionHash, Symbol, Topic};
use crate::net::{Connection, ConnectionLimiter, ConnectionLimits, Flusher, SendLimits};
use crate::runtime::Module;
use crate::wire::Destination;
use crate::wire::reply::OrderNotice;
use crate::worker::Gauges;
use crate::worker::client::{CachedSession, WorkerClient};
use crate::worker::clients::Clients;
use crate::worker::messages::{
    ClientsChannels, ClientsMessage, MasterLinkMessage, MasterQuery, OrderNoticesMessage,
    QueryKind, RequestBatch, SessionUpdate, SubscriptionRequest,
};
use crate::worker::notices::orders::{ORDER_SUBSCRIBERS_MAX, OrderNotices};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::net::TcpListener;
use std::sync::Arc;

fn subscribe(topic: Topic) -> Request {
    Request::Subscribe {
        session: session(1),
        topic,
    }
}

fn unsubscribe(topic: Topic) -> Request {
    Request::Unsubscribe {
        session: session(1),
        topic,
    }
}

fn of(symbol: &str) -> Topic {
    Topic::QuotesOf(Symbol::parse(symbol).unwrap())
}

/// A quoteNotice of AAPL at this close, or without prices.
fn quotes(close: Option<i64>) -> Reply {
    let quote = |close| QuoteValue {
        symbol: aapl(),
        value: Money(close),
    };
    Reply::QuoteNotice {
        time: bar(1).time,
        quotes: close.map(quote).into_iter().collect(),
    }
}

fn ended(number: u64) -> OrderNotice {
    OrderNotice {
        id: Uuid::from_u128(u128::from(number)),
        status: OpenValue::Known(TransactionStatus::Cancelled),
        symbol: aapl(),
        quantity: Quantity(1_000_000),
        price: None,
        total: None,
        time: Timestamp(0),
        reason: Some(OpenValue::Known(Reason::Cancelled)),
    }
}

impl Link {
    /// Answers the next question about a session, which is of this instruction.
    fn know(&mut self, instruction: Instruction) {
        let asked = self.next();
        assert_eq!(asked.instruction(), instruction);
        assert_eq!(asked.data(), session(1).hash().0);
        self.send_active(&asked, &session(1), false);
    }

    /// Tells that orders of this account have ended.
    fn orders(&mut self, username: &str, numbers: std::ops::Range<u64>) {
        self.send(0, |out| {
            frame::write(out, Instruction::LinkOrders, &[username]);
            for number in numbers {
                Reply::OrderNotice(ended(number)).write(out);
            }
        });
    }
}

/// A worker and a client that is subscribed to `orders`.
fn order_subscriber(extra: &str) -> (WorkerRig, Link, TestClient) {
    let (rig, mut link) = WorkerRig::serving(extra);
    let mut client = rig.client();
    client.ask(&subscribe(Topic::Orders));
    // The session is not known yet: one question tells both.
    link.know(Instruction::LinkWatchOrders);
    assert_eq!(client.reply(), Reply::Subscribed(Topic::Orders));
    (rig, link, client)
}

#[test]
fn new_prices_are_told_to_who_asked_for_them() {
    let (rig, mut link) = WorkerRig::serving("");
    let (mut all, mut one, mut none) = (rig.client(), rig.client(), rig.client());
    all.ask(&subscribe(Topic::Quotes));
    link.know(Instruction::LinkSession);
    assert_eq!(all.reply(), Reply::Subscribed(Topic::Quotes));
    assert_eq!(all.reply(), quotes(Some(100)), "what is in force");
    one.ask_all(&[subscribe(of("NEW")), subscribe(of("AAPL"))]);
    assert_eq!(one.reply(), Reply::Subscribed(of("NEW")));
    assert_eq!(one.reply(), quotes(None), "it has no price yet");
    assert_eq!(one.reply(), Reply::Subscribed(of("AAPL")));
    assert_eq!(one.reply(), quotes(Some(100)));
    // Each price once, also where two topics have it.
    all.ask(&subscribe(of("AAPL")));
    assert_eq!(all.reply(), Reply::Subscribed(of("AAPL")));
    assert_eq!(all.reply(), quotes(Some(100)));
    link.prices(2, 200);
    assert_eq!(all.reply(), quotes(Some(200)));
    assert_eq!(one.reply(), quotes(Some(200)));
    all.ask_all(&[
        unsubscribe(Topic::Quotes),
        unsubscribe(Topic::Quotes),
        unsubscribe(of("NONE")),
    ]);
    for topic in [Topic::Quotes, Topic::Quotes, of("NONE")] {
        assert_eq!(all.reply(), Reply::Unsubscribed(topic));
    }
    link.prices(3, 300);
    assert_eq!(all.reply(), quotes(Some(300)), "of the asset alone");
    assert_eq!(all.reply_within(SILENCE_TIMEOUT), None);
    none.ask(&subscribe(of("NONE")));
    assert_eq!(none.refused(), "unknown-asset");
    none.ask(&Request::Ping);
    assert_eq!(none.reply(), Reply::Pong, "nobody else is told anything");
    rig.stop();
}

#[test]
fn notices_come_in_the_data_state_while_a_request_waits() {
    let (rig, mut link) = WorkerRig::serving("");
    let mut client = rig.client();
    client.ask(&subscribe(Topic::Quotes));
    link.know(Instruction::LinkSession);
    assert_eq!(client.reply(), Reply::Subscribed(Topic::Quotes));
    // Replies come in order, a notice between any two: the switch is asked for after what is in force was told.
    assert_eq!(client.reply(), quotes(Some(100)));
    client.ask_all(&[
        switch(&session(1), ConnectionState::Data),
        week("2013-03-10"),
    ]);
    assert_eq!(client.reply(), Reply::StateSwitched(ConnectionState::Data));
    let asked = link.next();
    let frames = transfer(&vec![7; 3 * crate::wire::DATA_MAX]);
    link.prices(2, 200);
    assert_eq!(client.reply(), quotes(Some(200)));
    link.answer(&asked, |out| out.extend_from_slice(&frames));
    assert_eq!(client.data(), vec![7; 3 * crate::wire::DATA_MAX]);
    client.ask(&subscribe(Topic::Quotes));
    assert_eq!(client.refused(), "wrong-state");
    rig.stop();
}

#[test]
fn ends_of_orders_are_told_to_the_account_that_asked() {
    let (rig, mut link, mut client) = order_subscriber("");
    link.orders("bob", 1..2);
    link.orders("alice", 2..4);
    assert_eq!(client.reply(), Reply::OrderNotice(ended(2)));
    assert_eq!(client.reply(), Reply::OrderNotice(ended(3)));
    // The worker knows the session, and asks again nevertheless: the master is to tell.
    client.ask(&subscribe(Topic::Orders));
    link.know(Instruction::LinkWatchOrders);
    assert_eq!(client.reply(), Reply::Subscribed(Topic::Orders));
    link.orders("alice", 4..5);
    assert_eq!(client.reply(), Reply::OrderNotice(ended(4)), "once");
    let ended = SessionHashes(vec![session(1).hash()]);
    link.send(0, |out| {
        message::write(out, Instruction::LinkSessionsEnded, &ended);
    });
    // The link's message and the client's come to the worker on different ways.
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        client.ask(&unsubscribe(Topic::Quotes));
        match client.reply() {
            Reply::Unsubscribed(_) => assert!(Instant::now() < deadline, "it lasts"),
            Reply::Fail(_, refusal) => break assert_eq!(refusal.reason, Reason::SessionExpired),
            other => panic!("{other:?}"),
        }
    }
    link.orders("alice", 5..6);
    client.ask(&Request::Ping);
    assert_eq!(client.reply(), Reply::Pong, "the subscription has ended");
    assert_eq!(client.reply_within(SILENCE_TIMEOUT), None);
    rig.stop();
}

#[test]
fn after_a_broken_link_subscribers_learn_that_they_may_have_missed_something() {
    let (mut rig, link, mut client) = order_subscriber("");
    link.cut();
    let mut link = {
        drop(link);
        rig.link()
    };
    link.welcome();
    link.know(Instruction::LinkWatchOrders);
    let gap = Reply::NoticesDropped {
        topic: Topic::Orders,
        count: 0,
    };
    assert_eq!(client.reply(), gap);
    link.orders("alice", 1..2);
    assert_eq!(client.reply(), Reply::OrderNotice(ended(1)));
    rig.unreachable.store(true, Ordering::SeqCst);
    link.cut();
    let mut other = rig.client();
    other.ask(&subscribe(Topic::Orders));
    assert_eq!(other.refused(), "master-unavailable");
    rig.stop();
}

#[test]
fn a_connection_has_so_many_topics_and_an_account_so_many_subscribers() {
    let limits = "[limits]\nmax_subscriptions_per_connection = 2";
    let (rig, mut link, mut client) = order_subscriber(limits);
    client.ask_all(&[
        subscribe(of("AAPL")),
        subscribe(of("AAPL")),
        subscribe(Topic::Quotes),
    ]);
    for _ in 0..2 {
        assert_eq!(client.reply(), Reply::Subscribed(of("AAPL")));
        assert_eq!(client.reply(), quotes(Some(100)));
    }
    assert_eq!(client.refused(), "overloaded");
    client.ask(&unsubscribe(Topic::Orders));
    assert_eq!(client.reply(), Reply::Unsubscribed(Topic::Orders));
    client.ask(&subscribe(Topic::Quotes));
    assert_eq!(client.reply(), Reply::Subscribed(Topic::Quotes));
    let mut clients: Vec<TestClient> = Vec::new();
    for _ in 0..ORDER_SUBSCRIBERS_MAX {
        let mut client = rig.client();
        client.ask(&subscribe(Topic::Orders));
        link.know(Instruction::LinkWatchOrders);
        assert_eq!(client.reply(), Reply::Subscribed(Topic::Orders));
        clients.push(client);
    }
    let mut late = rig.client();
    late.ask(&subscribe(Topic::Orders));
    link.know(Instruction::LinkWatchOrders);
    assert_eq!(late.refused(), "overloaded");
    // A connection that is closed makes room.
    drop(clients.pop());
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        late.ask(&subscribe(Topic::Orders));
        link.know(Instruction::LinkWatchOrders);
        if late.reply() == Reply::Subscribed(Topic::Orders) {
            break;
        }
        assert!(Instant::now() < deadline, "the place stays taken");
    }
    rig.stop();
}

#[test]
fn what_a_client_does_not_read_is_dropped_and_counted() {
    const MESSAGE: u64 = 256;
    let (rig, mut link, mut client) = order_subscriber("[limits]\nmax_unsent = \"16KiB\"");
    // More than the system's buffers take, and not enough time to be cut for.
    let total = 400 * MESSAGE;
    for first in (0..total).step_by(256) {
        link.orders("alice", first..first + MESSAGE);
    }
    client.ask(&Request::Ping);
    let (mut told, mut dropped, mut next, mut is_answered) = (0, 0, 0, false);
    // An update is the sign that all is told.
    loop {
        match client.reply() {
            Reply::OrderNotice(notice) => {
                let number = u64::try_from(notice.id.as_u128()).unwrap();
                assert!(number >= next, "in order");
                assert_eq!(number, told + dropped, "what is missing was counted");
                (told, next) = (told + 1, number + 1);
            }
            Reply::NoticesDropped { topic, count } => {
                assert_eq!(topic, Topic::Orders);
                dropped += u64::from(count);
            }
            Reply::Pong => {
                is_answered = true;
                // What was dropped last is told with the next notice.
                link.orders("alice", total..total + 1);
            }
            other => panic!("{other:?}"),
        }
        if told + dropped == total + 1 {
            break;
        }
    }
    assert!(is_answered && told > 0 && dropped > 0, "{told} {dropped}");
    rig.stop();
}

/// A connection to a worker's modules, and its client.
fn connection() -> (Arc<WorkerClient>, TestClient) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TestClient::connect(listener.local_addr().unwrap());
    let limits = SendLimits {
        max_unsent: 65_536,
        send_timeout: TEST_TIMEOUT,
    };
    let socket = listener.accept().unwrap().0;
    let connection = Connection::new(socket, None, limits, Flusher::new().unwrap()).unwrap();
    (WorkerClient::new(connection), peer)
}

#[test]
fn after_its_session_has_ended_a_subscriber_is_told_nothing_of_a_broken_link() {
    let (client, mut peer) = connection();
    let mut notices = OrderNotices::new(256, Arc::default(), Arc::default());
    let state = active(&session(1), false);
    let known = CachedSession::new(state.hash, state.active.unwrap());
    notices.on_message(OrderNoticesMessage::Subscribe(SubscriptionRequest {
        client: Arc::clone(&client),
        number: 0,
        session: Arc::clone(&known),
        topic: Topic::Orders,
    }));
    notices.on_message(OrderNoticesMessage::Resumed(known.hash));
    let gap = Reply::NoticesDropped {
        topic: Topic::Orders,
        count: 0,
    };
    assert_eq!(peer.reply(), gap);
    known.end();
    notices.on_message(OrderNoticesMessage::Resumed(known.hash));
    let mut last = Vec::new();
    quotes(None).write(&mut last);
    client.connection.notify(&[last]);
    assert_eq!(peer.reply(), quotes(None), "nothing comes before it");
}

/// The module of clients with a session that watches orders and is asked about, after a new link.
struct ResumingClients {
    clients: Clients,
    hash: SessionHash,
    /// The inbox of order_notices, which has room for one message.
    to_notices: Sender<OrderNoticesMessage>,
    notices: Receiver<OrderNoticesMessage>,
    asked: Receiver<MasterLinkMessage>,
    _bound: Arc<WorkerClient>,
}

impl ResumingClients {
    fn new() -> ResumingClients {
        let (to_notices, notices) = bounded(1);
        let (master_link, asked) = bounded(16);
        let channels = ClientsChannels {
            master_link,
            order_notices: to_notices.clone(),
            quote_notices: bounded(1).0,
        };
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 1,
            per_neighbourhood: 1,
        });
        let clients = Clients::new(channels, Arc::default(), Gauges::new(limiter));
        let mut rig = ResumingClients {
            clients,
            hash: session(1).hash(),
            to_notices,
            notices,
            asked,
            _bound: connection().0,
        };
        rig.clients.on_message(ClientsMessage::Linked);
        rig.answer(true);
        // Its data state holds the session.
        rig.clients.on_message(ClientsMessage::Batch(RequestBatch {
            client: Arc::clone(&rig._bound),
            timestamp: Timestamp(0),
            destination: Destination::State,
            bulk: false,
            first: 0,
            requests: vec![switch(&session(1), ConnectionState::Data)],
        }));
        rig.clients.on_message(ClientsMessage::Linked);
        rig.clients.on_message(ClientsMessage::Welcomed);
        assert!(rig.is_asked());
        rig
    }

    /// The master answers whether the session is active.
    fn answer(&mut self, is_active: bool) {
        let update = match active(&session(1), false).active {
            Some(session) if is_active => SessionUpdate::Active(session),
            Some(_) | None => SessionUpdate::Ended,
        };
        self.clients
            .on_message(ClientsMessage::Watched(self.hash, update));
    }

    /// Whether the master is asked about the session at the end of this turn.
    fn is_asked(&mut self) -> bool {
        self.clients.on_turn_end();
        match self.asked.try_recv() {
            Ok(MasterLinkMessage::Query(MasterQuery {
                kind: QueryKind::Watch(hash),
                ..
            })) => hash == self.hash,
            Ok(other) => panic!("{other:?}"),
            Err(_) => false,
        }
    }

    /// The session of which order_notices is told next.
    fn told(&self) -> Option<SessionHash> {
        match self.notices.try_recv() {
            Ok(OrderNoticesMessage::Resumed(hash)) => Some(hash),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }
}

#[test]
fn what_order_notices_has_no_room_for_is_sent_again_and_the_master_is_asked_once() {
    let mut rig = ResumingClients::new();
    let other = SessionHash([9; 32]);
    let full = rig.to_notices.try_send(OrderNoticesMessage::Resumed(other));
    assert!(full.is_ok());
    rig.answer(true);
    assert!(!rig.is_asked(), "the master has answered");
    rig.clients.on_tick(Instant::now());
    assert_eq!(rig.told(), Some(other), "there was no room yet");
    assert_eq!(rig.told(), None);
    rig.clients.on_tick(Instant::now());
    assert_eq!(rig.told(), Some(rig.hash));
    rig.clients.on_tick(Instant::now());
    assert_eq!(rig.told(), None, "once");
    assert!(!rig.is_asked());
}

#[test]
fn of_a_session_that_ended_while_the_link_was_broken_nothing_is_told() {
    let mut rig = ResumingClients::new();
    rig.answer(false);
    rig.clients.on_tick(Instant::now());
    assert_eq!(rig.told(), None);
    assert!(!rig.is_asked());
}

#[test]
fn a_question_that_the_master_could_not_answer_is_asked_again() {
    let mut rig = ResumingClients::new();
    let update = SessionUpdate::Unavailable;
    rig.clients
        .on_message(ClientsMessage::Watched(rig.hash, update));
    assert!(rig.is_asked());
    assert_eq!(rig.told(), None);
    rig.answer(true);
    assert_eq!(rig.told(), Some(rig.hash));
}
