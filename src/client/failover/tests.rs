//! spec/client/failover.md · its tests

use super::super::testing::{MockPeer, MockServer, TestCertificate};
use super::*;
use crate::model::{Money, Quote, Symbol, Timestamp};
use crate::net::client_tls::{CertificatePin, TlsMode};
use crate::wire::payload::Payload;
use crate::wire::{Instruction, Refusal, Reply, Request};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;

fn options() -> ConnectOptions {
    ConnectOptions {
        deadline: Duration::from_secs(5),
        ..ConnectOptions::default()
    }
}

fn aapl() -> Symbol {
    Symbol::parse("AAPL").unwrap()
}

/// A worker that quotes `value`.
fn quoting(value: i64) -> impl Fn(usize, MockPeer) + Send + Sync {
    move |_, mut peer| {
        while let Some(request) = peer.request() {
            match request {
                Request::SwitchState { state, .. } => peer.send(&Reply::StateSwitched(state)),
                Request::GetWorkerList => peer.send(&Reply::WorkerList(vec!["later:1".to_owned()])),
                _ => peer.payload(
                    &Quote {
                        time: Timestamp(0),
                        value: Money(value),
                    }
                    .to_bytes(),
                ),
            }
        }
    }
}

fn refusing(instruction: Instruction, reason: Reason) -> impl Fn(usize, MockPeer) + Send + Sync {
    move |_, mut peer| {
        while let Some(request) = peer.request() {
            match request {
                Request::SwitchState { state, .. } => peer.send(&Reply::StateSwitched(state)),
                _ => peer.send(&Reply::Fail(instruction, Refusal::new(reason, "no"))),
            }
        }
    }
}

fn pool(workers: &[&str]) -> WorkerPool {
    let workers = workers.iter().map(|w| (*w).to_owned()).collect();
    let mut pool = WorkerPool::new(workers, None, options());
    pool.set_session(Some(SessionId::from_bytes([1; 32])));
    pool
}

#[test]
fn a_call_moves_to_the_next_worker_and_stays_there() {
    let second = MockServer::start(quoting(2));
    let third = MockServer::start(quoting(3));
    let mut pool = pool(&[&MockServer::nowhere(), &second.address, &third.address]);
    for _ in 0..3 {
        assert_eq!(pool.call(|c| c.quote(aapl())).unwrap().value, Money(2));
    }
    assert_eq!(pool.address(), Some(second.address.as_str()));
    assert_eq!(pool.workers()[0], second.address);
    assert_eq!((second.accepted(), third.accepted()), (1, 0));
}

#[test]
fn a_connection_closed_while_idle_is_replaced() {
    let mock = MockServer::start(|number, mut peer| {
        // The first connection ends after one answer, as an idle one does after its timeout.
        if number > 0 {
            return quoting(7)(number, peer);
        }
        for _ in 0..2 {
            match peer.request() {
                Some(Request::SwitchState { state, .. }) => peer.send(&Reply::StateSwitched(state)),
                _ => peer.payload(
                    &Quote {
                        time: Timestamp(0),
                        value: Money(7),
                    }
                    .to_bytes(),
                ),
            }
        }
        peer.cut();
    });
    let mut pool = pool(&[&mock.address]);
    for _ in 0..2 {
        assert_eq!(pool.call(|c| c.quote(aapl())).unwrap().value, Money(7));
    }
    assert_eq!(mock.accepted(), 2);
}

#[test]
fn the_master_is_asked_when_all_known_workers_are_down() {
    let worker = MockServer::start(quoting(5));
    let address = worker.address.clone();
    let master = MockServer::start(move |_, mut peer| {
        assert_eq!(peer.request(), Some(Request::GetWorkerList));
        peer.send(&Reply::WorkerList(vec![address.clone()]));
    });
    let mut pool = WorkerPool::new(
        vec![MockServer::nowhere()],
        Some(master.address.clone()),
        options(),
    );
    pool.set_session(Some(SessionId::from_bytes([1; 32])));
    assert_eq!(pool.call(|c| c.quote(aapl())).unwrap().value, Money(5));
    let mut alone = WorkerPool::new(Vec::new(), Some(master.address.clone()), options());
    let (workers, _) = alone.list_workers().unwrap();
    assert_eq!(workers, ["later:1"]);
}

#[test]
fn without_a_worker_the_error_names_every_cause() {
    let (one, two) = (MockServer::nowhere(), MockServer::nowhere());
    let mut pool = WorkerPool::new(
        vec![one.clone(), two.clone()],
        Some(MockServer::nowhere()),
        options(),
    );
    let error = pool.call(Client::ping).unwrap_err();
    let ClientError::NoWorker(causes) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(causes.len(), 3);
    let text = error.to_string();
    assert!(text.contains(&one) && text.contains(&two), "{text}");
}

#[test]
fn a_worker_without_its_master_is_skipped() {
    let cut_off = MockServer::start(refusing(Instruction::DataFail, Reason::MasterUnavailable));
    let good = MockServer::start(quoting(4));
    let mut both = pool(&[&cut_off.address, &good.address]);
    assert_eq!(both.call(|c| c.quote(aapl())).unwrap().value, Money(4));
    let mut alone = pool(&[&cut_off.address, &MockServer::nowhere()]);
    let error = alone.call(|c| c.quote(aapl())).unwrap_err();
    assert_eq!(error.code(), "master-unavailable");
}

#[test]
fn a_refusal_is_an_answer() {
    let first = MockServer::start(refusing(Instruction::DataFail, Reason::UnknownAsset));
    let second = MockServer::start(quoting(2));
    let mut pool = pool(&[&first.address, &second.address]);
    assert_eq!(
        pool.call(|c| c.quote(aapl())).unwrap_err().code(),
        "unknown-asset"
    );
    assert_eq!(second.accepted(), 0);
}

#[test]
fn a_login_adds_workers_and_sets_the_session() {
    let mock = MockServer::start(|_, mut peer| {
        while let Some(request) = peer.request() {
            let Request::Login { expirable, .. } = request else {
                panic!("{request:?}");
            };
            assert!(!expirable);
            peer.send(&Reply::Session {
                id: SessionId::from_bytes([5; 32]),
                workers: vec!["a:1".to_owned(), "b:2".to_owned()],
            });
        }
    });
    let mut pool = WorkerPool::new(vec![mock.address.clone()], None, options());
    let alice = Username::parse("alice").unwrap();
    let pass = HashedPass::parse(&"a".repeat(64)).unwrap();
    let login = pool.login(&alice, &pass, false).unwrap();
    assert_eq!(pool.session(), Some(&login.session));
    assert_eq!(pool.workers(), [mock.address.as_str(), "a:1", "b:2"]);
}

#[test]
fn a_registration_whose_answer_was_lost_is_determined_by_a_login() {
    let broken = MockServer::start(|_, mut peer| {
        peer.request();
        peer.cut();
    });
    // The first attempt took effect, so the name is taken. The password matches if the attempt was
    // ours.
    let with_password = |matches: bool| {
        MockServer::start(move |_, mut peer| {
            while let Some(request) = peer.request() {
                let refuse = |i, reason| Reply::Fail(i, Refusal::new(reason, "no"));
                peer.send(&match request {
                    Request::Register { .. } => {
                        refuse(Instruction::RegisterFail, Reason::UsernameTaken)
                    }
                    Request::Login { .. } if matches => Reply::Session {
                        id: SessionId::from_bytes([5; 32]),
                        workers: vec![],
                    },
                    Request::Login { .. } => refuse(Instruction::LoginFail, Reason::BadCredentials),
                    _ => Reply::LogoutSuccess,
                });
            }
        })
    };
    let alice = Username::parse("alice").unwrap();
    let email = Email::parse("a@b").unwrap();
    let pass = HashedPass::parse(&"a".repeat(64)).unwrap();
    let (ours, theirs) = (with_password(true), with_password(false));
    let register = |workers: &[&str]| {
        let workers = workers.iter().map(|w| (*w).to_owned()).collect();
        WorkerPool::new(workers, None, options()).register(&alice, &email, &pass)
    };
    assert_eq!(register(&[&broken.address, &ours.address]), Ok(()));
    let taken = register(&[&broken.address, &theirs.address]).unwrap_err();
    assert_eq!(taken.code(), "username-taken");
    // Without a lost answer, no login is tried.
    assert_eq!(
        register(&[&ours.address]).unwrap_err().code(),
        "username-taken"
    );
}

/// A master that names these workers.
fn naming(workers: &[&str]) -> MockServer {
    let workers: Vec<String> = workers.iter().map(|w| (*w).to_owned()).collect();
    MockServer::start(move |_, mut peer| {
        assert_eq!(peer.request(), Some(Request::GetWorkerList));
        peer.send(&Reply::WorkerList(workers.clone()));
    })
}

fn pin_of(identity: &TestCertificate) -> CertificatePin {
    Sha256::digest(identity.certificate.as_ref()).into()
}

/// A pool that knows no worker that is up, and a master.
fn asking(master: &MockServer, security: ClientTls) -> WorkerPool {
    let options = ConnectOptions {
        security,
        ..options()
    };
    let mut pool = WorkerPool::new(
        vec![MockServer::nowhere()],
        Some(master.address.clone()),
        options,
    );
    pool.set_session(Some(SessionId::from_bytes([1; 32])));
    pool
}

#[test]
fn hearsay_is_named_and_neither_tried_nor_known() {
    let thief = MockServer::start_at("127.0.0.2", quoting(1));
    let master = naming(&[&thief.address]);
    let mut pool = asking(&master, ClientTls::default());
    let known = pool.workers().to_vec();
    let error = pool.call(|c| c.quote(aapl())).unwrap_err();
    let ClientError::OnlyHearsay {
        from,
        names,
        causes,
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (from, names),
        (&master.address, &vec![thief.address.clone()])
    );
    assert_eq!(causes.len(), 1);
    assert!(error.to_string().contains(&thief.address), "{error}");
    let (listed, _) = pool.list_workers().unwrap();
    assert_eq!(listed, [thief.address.as_str()]);
    assert_eq!(pool.workers(), known);
    assert_eq!(thief.accepted(), 0);
}

#[test]
fn hearsay_that_proves_itself_is_used_and_stays_hearsay() {
    let (ours, theirs) = (
        TestCertificate::new(&["127.0.0.2"]),
        TestCertificate::new(&["127.0.0.2"]),
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &ours.pem).unwrap();
    let ca = Some(file.path().to_owned());
    let auto = TlsMode::BeyondLoopback;
    for security in [
        ClientTls::new(auto, None, vec![pin_of(&ours)]),
        ClientTls::new(auto, ca, vec![]),
    ] {
        for (identity, is_ours) in [(&ours, true), (&theirs, false)] {
            let worker = MockServer::start_tls_at("127.0.0.2", identity, |number, peer| {
                quoting(3)(number, peer);
            });
            let master = naming(&[&worker.address]);
            let mut pool = asking(&master, security.clone());
            let known = pool.workers().to_vec();
            let quote = pool.call(|c| c.quote(aapl()));
            assert_eq!(quote.is_ok(), is_ours, "{quote:?}");
            assert_eq!(pool.workers(), known);
        }
    }
}

#[test]
fn a_host_that_was_named_is_vouched_for_and_this_machine_only_by_its_own_master() {
    let heard = |known: &str, master: &str, name: &str| {
        let mut pool = WorkerPool::new(vec![known.to_owned()], Some(master.to_owned()), options());
        pool.hear(&[name.to_owned()]);
        pool.next_worker(&[known.to_owned()]).is_some()
    };
    assert!(heard(
        "eu1.example.org:1",
        "far:2048",
        "EU1.example.org:2049"
    ));
    assert!(heard("eu1:1", "far:2048", "far:2049"));
    assert!(!heard("eu1:1", "far:2048", "eu2:1"));
    assert!(!heard(
        "eu1.example.org:1",
        "far:2048",
        "x.eu1.example.org:1"
    ));
    assert!(heard("127.0.0.1:1", "127.0.0.1:2048", "127.0.0.1:2049"));
    assert!(!heard("127.0.0.1:1", "far:2048", "127.0.0.1:4444"));
    assert!(!heard("localhost:1", "far:2048", "localhost:4444"));
    assert!(!heard("127.0.0.1:1", "127.0.0.1:2048", "127.0.0.2:2049"));
}

#[test]
fn what_a_worker_says_in_plain_text_over_the_net_is_hearsay() {
    let mut pool = WorkerPool::new(vec!["eu1:1".to_owned()], None, options());
    pool.take_in(&["eu2:1".to_owned(), "eu1:2".to_owned()], false);
    assert_eq!(pool.workers(), ["eu1:1"]);
    let next = pool.next_worker(&["eu1:1".to_owned()]).unwrap();
    assert_eq!(next.0, "eu1:2");
    pool.take_in(&["eu2:1".to_owned(), "bad\u{9b}:1".to_owned()], true);
    assert_eq!(pool.workers(), ["eu1:1", "eu2:1"]);
}

#[test]
fn a_session_of_tls_is_not_spoken_to_a_listed_worker_of_this_machine_in_plain_text() {
    let local = TcpListener::bind("127.0.0.1:0").unwrap();
    let listed = local.local_addr().unwrap().to_string();
    let identity = TestCertificate::new(&["127.0.0.1"]);
    let workers = vec![listed];
    let worker = MockServer::start_tls(&identity, move |_, mut peer| {
        peer.request();
        peer.send(&Reply::Session {
            id: SessionId::from_bytes([5; 32]),
            workers: workers.clone(),
        });
        peer.cut();
    });
    let said = std::thread::spawn(move || {
        let mut first = [0; 1];
        local.accept().unwrap().0.read_exact(&mut first).unwrap();
        first[0]
    });
    let security = ClientTls::new(TlsMode::BeyondLoopback, None, vec![pin_of(&identity)]);
    let mut pool = WorkerPool::new(
        vec![worker.address.clone()],
        None,
        ConnectOptions {
            security,
            ..options()
        },
    );
    let alice = Username::parse("alice").unwrap();
    let pass = HashedPass::parse(&"a".repeat(64)).unwrap();
    pool.login(&alice, &pass, false).unwrap();
    assert!(pool.is_tls());
    pool.leave();
    pool.call(|c| c.quote(aapl())).unwrap_err();
    const TLS_HANDSHAKE: u8 = 0x16;
    assert_eq!(said.join().unwrap(), TLS_HANDSHAKE);
}
