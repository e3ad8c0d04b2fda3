//! spec/worker/capacity.md · 3.2.3 Client Management
//!
//! Budgets of clients, and what is missing.

use super::super::client::WorkerClient;
use super::strangers::{QUIET_MIN, Strangers};
use super::*;
use crate::net::{Connection, ConnectionReader, Flusher, ReaderLimits, SendLimits};
use std::net::{TcpListener, TcpStream};

fn allowance(amount: u64, set_by: &str) -> Allowance {
    let set_by = set_by.to_owned();
    Allowance { amount, set_by }
}

#[test]
fn the_scarcest_resource_decides_how_many_clients_there_may_be() {
    let limits = WorkerLimits::default();
    let nothing_known = ConnectionBudget::of(&limits, true, &ProcessLimits::default());
    let all = ConnectionBudget {
        connections: 10_000,
        held_bytes: HELD_BYTES_MAX,
        lingering: LINGERING_MAX,
        bound: None,
    };
    assert_eq!(nothing_known, all);

    let mut allowed = ProcessLimits {
        tasks: Some(allowance(1_138, "pids.max")),
        descriptors: Some(allowance(65_000, "descriptors")),
        memory: Some(allowance(1 << 30, "memory")),
    };
    let budget = ConnectionBudget::of(&limits, true, &allowed);
    assert_eq!(budget.connections, 1_138 - 32 - 32);
    assert_eq!(budget.bound.as_deref(), Some("pids.max"));
    assert_eq!(budget.held_bytes, 256 << 20);

    allowed.descriptors = Some(allowance(1_000, "descriptors"));
    let budget = ConnectionBudget::of(&limits, true, &allowed);
    assert_eq!(
        (budget.lingering, budget.connections),
        (62, 1_000 - 64 - 124)
    );
    assert_eq!(budget.bound.as_deref(), Some("descriptors"));

    allowed.memory = Some(allowance(128 << 20, "memory"));
    let (plain, tls) = (
        ConnectionBudget::of(&limits, false, &allowed),
        ConnectionBudget::of(&limits, true, &allowed),
    );
    assert_eq!((plain.connections, tls.connections), (512, 341));
    assert_eq!(tls.bound.as_deref(), Some("memory"));
    assert_eq!(tls.held_bytes, 32 << 20);

    allowed.tasks = Some(allowance(3, "pids.max"));
    let budget = ConnectionBudget::of(&limits, false, &allowed);
    assert_eq!(budget.connections, 1, "a worker that serves nobody is none");
}

#[test]
fn what_is_missing_is_told_by_the_systems_words() {
    let missing = |errno: Errno| Missing::of(&errno.into());
    assert_eq!(missing(Errno::AGAIN), Missing::Tasks);
    assert_eq!(missing(Errno::MFILE), Missing::Descriptors);
    assert_eq!(missing(Errno::NOMEM), Missing::Memory);
}

#[test]
fn what_a_handshake_takes_can_be_had_here() {
    try_reserve().unwrap();
}

#[test]
fn who_waits_for_an_answer_is_not_ended_for_others() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let timeout = Duration::from_secs(20);
    let limits = SendLimits {
        max_unsent: 65_536,
        send_timeout: timeout,
    };
    let socket = listener.accept().unwrap().0;
    let connection = Connection::new(socket, None, limits, Flusher::new().unwrap()).unwrap();
    let client = WorkerClient::new(Arc::clone(&connection));
    client.note_heard(Instant::now());
    let strangers = Arc::<Strangers>::default();
    let _entry = strangers.join(&client);
    let limits = ReaderLimits {
        frame_timeout: timeout,
        first_frame_timeout: timeout,
        idle_timeout: timeout,
        unanswered_max: 8,
    };
    let number = ConnectionReader::new(Arc::clone(&connection), limits)
        .reserve_one()
        .unwrap();
    let later = Instant::now() + 2 * QUIET_MIN;
    assert_eq!(strangers.end_some(1, later), 0);
    connection.reply(number, |out| out.push(1));
    assert_eq!(strangers.end_some(1, later), 1, "it is owed nothing now");
}

#[test]
fn nobody_is_ended_where_that_would_make_no_room() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let flusher = Flusher::new().unwrap();
    let limits = SendLimits {
        max_unsent: 65_536,
        send_timeout: Duration::from_secs(20),
    };
    let strangers = Arc::<Strangers>::default();
    let mut peers = Vec::new();
    for _ in 0..2 {
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = listener.accept().unwrap().0;
        let connection = Connection::new(socket, None, limits, Arc::clone(&flusher)).unwrap();
        let client = WorkerClient::new(connection);
        let entry = strangers.join(&client);
        peers.push((peer, client, entry));
    }
    let later = Instant::now() + 2 * QUIET_MIN;
    assert!(!strangers.end_for(3, later), "there are two");
    assert!(
        peers
            .iter()
            .all(|(_, client, _)| client.connection.is_open())
    );
    assert!(strangers.end_for(1, later));
    assert!(!strangers.end_for(2, later), "one is left");
    assert!(strangers.end_for(1, later));
}
