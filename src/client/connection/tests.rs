//! spec/client/connection.md · its tests

use super::super::testing::{MockPeer, MockServer, TestCertificate};
use super::*;
use crate::model::{Reason, SessionId, Symbol};
use crate::net::client_tls::{CertificatePin, TlsMode};
use crate::wire::reply::write_fail;
use sha2::{Digest, Sha256};
use std::sync::mpsc;

const TEST_TIMEOUT: Duration = Duration::from_secs(5);

fn current(symbol: &str) -> Request {
    Request::AssetCurrent {
        symbol: Symbol::parse(symbol).unwrap(),
    }
}

fn lost(result: Result<impl std::fmt::Debug, ClientError>) -> String {
    match result.unwrap_err() {
        ClientError::Lost { text, .. } => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn replies_come_in_order_and_notices_in_between() {
    let mock = MockServer::start(|_, mut peer| {
        assert_eq!(peer.request(), Some(Request::Ping));
        assert_eq!(peer.request(), Some(current("AAPL")));
        peer.send(&Reply::Pong);
        peer.send(&Reply::Queued {
            id: Uuid::from_u128(7),
            client_order_id: None,
            expected: Timestamp(5),
        });
        peer.payload(&[9; 20_000]);
        assert_eq!(peer.request(), None);
    });
    let mut connection = ServerConnection::connect(&mock.address, TEST_TIMEOUT).unwrap();
    assert!(!connection.is_tls());
    connection
        .send_all(&[Request::Ping, current("AAPL")])
        .unwrap();
    assert_eq!(
        connection.recv().unwrap(),
        ServerMessage::Reply(Answer::Message(Reply::Pong))
    );
    let notice = QueuedNotice {
        id: Uuid::from_u128(7),
        client_order_id: None,
        expected: Timestamp(5),
    };
    assert_eq!(connection.recv().unwrap(), ServerMessage::Notice(notice));
    assert_eq!(
        connection.recv().unwrap(),
        ServerMessage::Reply(Answer::Payload(vec![9; 20_000]))
    );
    assert_eq!(
        connection.recv_within(Duration::from_millis(20)).unwrap(),
        None
    );
    connection.finish().unwrap();
    assert_eq!(connection.recv().unwrap(), ServerMessage::Closed);
}

/// The bytes of the control message 040F, which no instruction of this edition has.
fn unknown_notice() -> Vec<u8> {
    let data = b"quotes 3";
    let mut out = hex::decode("04040f0000000800020000000100000001").unwrap();
    out.extend_from_slice(data);
    out
}

#[test]
fn notices_of_a_later_edition_are_skipped() {
    let mock = MockServer::start(|_, mut peer| {
        assert_eq!(peer.request(), Some(current("AAPL")));
        let mut transfer = Vec::new();
        crate::wire::packet::write(&mut transfer, &[9; 9000]);
        let packets = transfer.split_at(17 + 8192);
        let notice = unknown_notice();
        peer.raw(&[&notice, &notice, packets.0, &notice, packets.1, &notice].concat());
        assert_eq!(peer.request(), None);
    });
    let mut connection = ServerConnection::connect(&mock.address, TEST_TIMEOUT).unwrap();
    let answer = connection.call(&current("AAPL"));
    assert_eq!(answer, Ok(Answer::Payload(vec![9; 9000])));
    assert_eq!(
        connection.recv_within(Duration::from_millis(20)).unwrap(),
        None
    );
    connection.finish().unwrap();
    assert_eq!(connection.recv().unwrap(), ServerMessage::Closed);
}

/// What is skipped is no answer: a server cannot hold a client with it.
#[test]
fn skipped_notices_do_not_move_a_deadline() {
    let mock = MockServer::start(|_, mut peer| while peer.try_raw(&unknown_notice().repeat(99)) {});
    let mut connection =
        ServerConnection::connect(&mock.address, Duration::from_millis(100)).unwrap();
    let start = Instant::now();
    assert!(lost(connection.recv()).contains("no answer"));
    assert!(start.elapsed() < TEST_TIMEOUT);
}

/// Only control messages are notices: a return that nobody here knows answers something.
#[test]
fn an_unknown_return_is_nonsense() {
    let mock = MockServer::start(|_, mut peer| {
        peer.request();
        peer.raw(&hex::decode("0303990000000000000000000100000001").unwrap());
        peer.request();
    });
    let mut connection = ServerConnection::connect(&mock.address, TEST_TIMEOUT).unwrap();
    let error = connection.call(&Request::Ping).unwrap_err();
    assert!(matches!(error, ClientError::Nonsense { .. }), "{error:?}");
}

#[test]
fn an_end_inside_a_message_is_an_error() {
    let mock = MockServer::start(|number, mut peer| {
        let mut out = Vec::new();
        crate::wire::packet::write(&mut out, &[1; 9000]);
        match number {
            0 => peer.raw(&out[..5]),
            1 => peer.raw(&out[..8192 + 17]),
            _ => {}
        }
        peer.cut();
    });
    for _ in 0..2 {
        let mut connection = ServerConnection::connect(&mock.address, TEST_TIMEOUT).unwrap();
        assert!(lost(connection.recv()).contains("inside a message"));
    }
    let mut connection = ServerConnection::connect(&mock.address, TEST_TIMEOUT).unwrap();
    assert_eq!(connection.recv().unwrap(), ServerMessage::Closed);
}

#[test]
fn a_silent_server_is_lost_at_the_deadline() {
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let mock = MockServer::start(move |_, _peer| {
        let _ = held.lock().unwrap().recv();
    });
    let mut connection =
        ServerConnection::connect(&mock.address, Duration::from_millis(100)).unwrap();
    let start = Instant::now();
    assert!(lost(connection.recv()).contains("no answer"));
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert!(start.elapsed() < TEST_TIMEOUT);
    drop(release);
}

#[test]
fn refusals_protocol_errors_and_nonsense_are_different_errors() {
    let mock = MockServer::start(|number, mut peer| {
        peer.request();
        let mut out = Vec::new();
        match number {
            0 => {
                let refusal = Refusal::new(Reason::NoPrice, "no price yet");
                write_fail(&mut out, Instruction::GetAssetValueCurrent, &refusal);
            }
            1 => crate::wire::reply::write_fault(&mut out, ProtocolFault::ShuttingDown, "bye now"),
            2 => out.extend_from_slice(b"HTTP/1.0 400 Bad Request\r\n"),
            3 => Reply::Pong.write(&mut out),
            _ => {}
        }
        peer.raw(&out);
        peer.request();
    });
    let call = || {
        let mut connection = ServerConnection::connect(&mock.address, TEST_TIMEOUT).unwrap();
        connection.call(&current("AAPL")).unwrap_err()
    };
    let error = call();
    assert!(
        matches!(&error, ClientError::Refused(r) if r.text == "no price yet"),
        "{error:?}"
    );
    let error = call();
    assert!(error.is_about_the_worker(), "{error:?}");
    assert!(matches!(
        error,
        ClientError::Protocol {
            code: OpenValue::Known(ProtocolFault::ShuttingDown),
            ..
        }
    ));
    for _ in 0..2 {
        let error = call();
        assert!(matches!(error, ClientError::Nonsense { .. }), "{error:?}");
    }
}

#[test]
fn a_pipeline_keeps_its_window() {
    let mock = MockServer::start(|_, mut peer| {
        let mut unanswered = Vec::new();
        while let Some(Request::AssetCurrent { symbol }) = peer.request() {
            unanswered.push(symbol);
            assert!(unanswered.len() <= 64);
            // It answers in groups, as a worker does.
            if unanswered.len() == 32 || symbol.as_str() == "LAST" {
                for symbol in unanswered.drain(..) {
                    peer.payload(symbol.as_str().as_bytes());
                }
            }
        }
    });
    let mut requests: Vec<Request> = (0..999).map(|i| current(&format!("S{i}"))).collect();
    requests.push(current("LAST"));
    let mut connection = ServerConnection::connect(&mock.address, TEST_TIMEOUT).unwrap();
    let mut seen = Vec::new();
    let done = connection
        .pipeline(&requests, 64, |index, answer| {
            seen.push((index, answer.unwrap()))
        })
        .unwrap();
    assert_eq!(done, 1000);
    for (at, (index, answer)) in seen.into_iter().enumerate() {
        assert_eq!(at, index);
        let name = if at == 999 {
            "LAST".to_owned()
        } else {
            format!("S{at}")
        };
        assert_eq!(answer, Answer::Payload(name.into_bytes()));
    }
}

#[test]
fn a_refused_connect_is_unreachable() {
    let error = ServerConnection::connect(&MockServer::nowhere(), TEST_TIMEOUT).unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }) && !error.is_ambiguous());
    let error = ServerConnection::connect("no port", TEST_TIMEOUT).unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }));
}

fn tls_script(_: usize, mut peer: MockPeer) {
    while let Some(request) = peer.request() {
        match request {
            Request::Ping => peer.send(&Reply::Pong),
            _ => peer.payload(&vec![3; 1 << 20]),
        }
    }
}

fn options(
    ca: Option<&TestCertificate>,
    pins: Vec<CertificatePin>,
) -> (ConnectOptions, Option<tempfile::NamedTempFile>) {
    let file = ca.map(|identity| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &identity.pem).unwrap();
        file
    });
    let path = file.as_ref().map(|f| f.path().to_owned());
    let options = ConnectOptions {
        security: ClientTls::new(TlsMode::Always, path, pins),
        deadline: TEST_TIMEOUT,
    };
    (options, file)
}

#[test]
fn a_trusted_certificate_is_accepted() {
    let identity = TestCertificate::new(&["127.0.0.1", "localhost"]);
    let pin: CertificatePin = Sha256::digest(identity.certificate.as_ref()).into();
    let mock = MockServer::start_tls(&identity, tls_script);
    for (ca, pins) in [
        (Some(&identity), vec![]),
        (None, vec![[0; 32], pin]),
        (Some(&identity), vec![pin]),
    ] {
        let (options, _file) = options(ca, pins);
        let mut connection = ServerConnection::open(&mock.address, &options).unwrap();
        assert!(connection.is_tls());
        assert_eq!(
            connection.call(&Request::Ping),
            Ok(Answer::Message(Reply::Pong))
        );
        let answer = connection.call(&current("AAPL")).unwrap();
        assert_eq!(answer, Answer::Payload(vec![3; 1 << 20]));
        assert_eq!(
            connection.recv_within(Duration::from_millis(20)).unwrap(),
            None
        );
    }
}

#[test]
fn an_untrusted_certificate_is_refused_before_a_request_is_sent() {
    let identity = TestCertificate::new(&["127.0.0.1"]);
    let other = TestCertificate::new(&["127.0.0.1"]);
    let elsewhere = TestCertificate::new(&["other.example.org"]);
    let (sender, requests) = mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let script = move |_, mut peer: MockPeer| {
        let request = peer.request();
        sender.lock().unwrap().send(request).unwrap();
    };
    let mock = MockServer::start_tls(&identity, script);
    let pin: CertificatePin = Sha256::digest(identity.certificate.as_ref()).into();
    for (ca, pins, hint) in [
        (Some(&other), vec![], "--ca"),
        (None, vec![[0; 32]], "pinned"),
        (Some(&identity), vec![[0; 32]], "pinned"),
        (Some(&other), vec![pin], "--ca"),
    ] {
        let (options, _file) = options(ca, pins);
        let error = ServerConnection::open(&mock.address, &options).unwrap_err();
        assert!(
            matches!(&error, ClientError::Tls { text, .. } if text.contains(hint)),
            "{error:?}"
        );
        assert_eq!(requests.recv_timeout(TEST_TIMEOUT).unwrap(), None);
    }
    let far = MockServer::start_tls(&elsewhere, tls_script);
    let (far_options, _file) = options(Some(&elsewhere), vec![]);
    let error = ServerConnection::open(&far.address, &far_options).unwrap_err();
    assert!(
        matches!(&error, ClientError::Tls { text, .. }
            if text.contains("another host than 127.0.0.1; it names")),
        "{error:?}"
    );
    // One without names is not said to be for another host.
    let nameless = TestCertificate::new(&[]);
    let common_name = MockServer::start_tls(&nameless, tls_script);
    let (options, _file) = options(Some(&nameless), vec![]);
    let error = ServerConnection::open(&common_name.address, &options).unwrap_err();
    assert!(
        matches!(&error, ClientError::Tls { text, .. } if text.contains("no subjectAltName")),
        "{error:?}"
    );
}

#[test]
fn plain_text_is_not_taken_for_tls_and_a_cut_connection_is_lost() {
    let mock = MockServer::start(|_, mut peer| {
        peer.raw(&[3; 64]);
        peer.discard_until_closed();
    });
    let (options_always, _file) = options(None, vec![[0; 32]]);
    let error = ServerConnection::open(&mock.address, &options_always).unwrap_err();
    assert!(
        matches!(&error, ClientError::Tls { text, .. } if text.contains("--plain")),
        "{error:?}"
    );

    let identity = TestCertificate::new(&["127.0.0.1"]);
    let sealed = MockServer::start_tls(&identity, tls_script);
    let mut plain = ServerConnection::connect(&sealed.address, TEST_TIMEOUT).unwrap();
    let error = plain.call(&Request::Ping).unwrap_err();
    assert!(
        matches!(&error, ClientError::Tls { text, .. } if text.contains("--tls")),
        "{error:?}"
    );

    let cut = MockServer::start_tls(&identity, |_, mut peer| {
        peer.request();
        peer.cut();
    });
    let (trusting, _file) = options(Some(&identity), vec![]);
    let mut connection = ServerConnection::open(&cut.address, &trusting).unwrap();
    // A TLS server sends close_notify before it closes. Without it, an attacker may have cut the
    // connection.
    assert!(matches!(
        connection.call(&Request::Ping),
        Err(ClientError::Lost { .. })
    ));
}

#[test]
fn the_state_follows_the_switch_replies() {
    let mock = MockServer::start(|_, mut peer| {
        while let Some(Request::SwitchState { state, .. }) = peer.request() {
            peer.send(&Reply::StateSwitched(state));
        }
    });
    let mut connection = ServerConnection::connect(&mock.address, TEST_TIMEOUT).unwrap();
    for state in [ConnectionState::Data, ConnectionState::Command] {
        let session = SessionId::from_bytes([1; 32]);
        connection
            .call(&Request::SwitchState { session, state })
            .unwrap();
        assert_eq!(connection.state(), state);
    }
}

#[test]
fn notices_of_subscriptions_are_kept_while_a_reply_is_awaited() {
    let topic = Topic::Quotes;
    let quotes = |value| Reply::QuoteNotice {
        time: Timestamp(5),
        quotes: vec![QuoteValue {
            symbol: Symbol::parse("AAPL").unwrap(),
            value: crate::model::Money(value),
        }],
    };
    let (answered, is_answered) = crossbeam_channel::bounded(1);
    let mock = MockServer::start(move |_, mut peer| {
        let session = SessionId::from_bytes([1; 32]);
        assert_eq!(peer.request(), Some(Request::Subscribe { session, topic }));
        peer.send(&quotes(0));
        peer.send(&Reply::Subscribed(topic));
        assert_eq!(peer.request(), Some(Request::Ping));
        for value in 1..=i64::try_from(NOTICES_KEPT_MAX).unwrap() {
            peer.send(&quotes(value));
        }
        peer.send(&Reply::Pong);
        assert_eq!(peer.request(), Some(Request::Ping));
        peer.send(&Reply::NoticesDropped { topic, count: 3 });
        peer.send(&Reply::Pong);
        // Not in one read with the answer before it.
        is_answered.recv().unwrap();
        peer.send(&Reply::Pong);
        peer.discard_until_closed();
    });
    let mut connection = ServerConnection::connect(&mock.address, TEST_TIMEOUT).unwrap();
    let session = SessionId::from_bytes([1; 32]);
    connection.subscribe(&session, topic).unwrap();
    connection.call(&Request::Ping).unwrap();
    let mut next = || connection.next_notice(TEST_TIMEOUT).unwrap().unwrap();
    let dropped = |count| SubscriptionNotice::Dropped { topic, count };
    assert_eq!(next(), dropped(1), "the oldest had no room");
    for value in 1..=i64::try_from(NOTICES_KEPT_MAX).unwrap() {
        let SubscriptionNotice::Quotes { quotes, .. } = next() else {
            panic!()
        };
        assert_eq!(quotes[0].value.0, value);
    }
    let none = connection.next_notice(Duration::from_millis(20)).unwrap();
    assert_eq!(none, None);
    connection.send(&Request::Ping).unwrap();
    let told = connection.next_notice(TEST_TIMEOUT).unwrap();
    assert_eq!(told, Some(dropped(3)));
    assert_eq!(
        connection.recv().unwrap(),
        ServerMessage::Reply(Answer::Message(Reply::Pong))
    );
    answered.send(()).unwrap();
    let unasked = connection.next_notice(TEST_TIMEOUT).unwrap_err();
    assert!(matches!(unasked, ClientError::Nonsense { .. }));
}
