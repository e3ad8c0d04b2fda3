//! Who serves: what every worker and the master say of it, and how workers come back. Times are
//! measured, printed, and held to what is promised.

use papertrader::client::ServerConnection;
use papertrader::model::SessionId;
use papertrader::testkit::trader::{hashed, username};
use papertrader::testkit::{Deployment, TEST_TIMEOUT, busy, eventually};
use papertrader::wire::{FrameHeader, Instruction, Reply, Request, frame};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Within this, everybody names exactly who serves.
const PROMISED: Duration = Duration::from_secs(1);

/// What everybody who can be asked says of who serves: each serving worker to a login, to a
/// session's login and to getWorkerList, and the master's port.
fn lists(deployment: &Deployment, serving: &[u16], session: &SessionId) -> Vec<BTreeSet<String>> {
    let mut all = Vec::new();
    for worker in serving {
        let mut client = deployment.connect(*worker);
        all.push(client.resume(session).unwrap().workers);
        all.push(client.workers().unwrap());
        let login = deployment
            .connect(*worker)
            .login(&username("alice"), &hashed("alice"), true)
            .unwrap();
        all.push(login.workers);
    }
    let mut master =
        ServerConnection::connect(&deployment.master().address(), TEST_TIMEOUT).unwrap();
    match master.call(&Request::GetWorkerList).unwrap() {
        papertrader::client::Answer::Message(Reply::WorkerList(workers)) => all.push(workers),
        other => panic!("{other:?}"),
    }
    all.into_iter()
        .map(|list| {
            let set: BTreeSet<String> = list.iter().cloned().collect();
            assert_eq!(set.len(), list.len(), "twice: {list:?}");
            set
        })
        .collect()
}

/// Since `since`, exactly these serve; how long it took until everybody said so.
fn serve(
    what: &str,
    deployment: &Deployment,
    serving: &[u16],
    session: &SessionId,
    since: Instant,
) {
    let exactly: BTreeSet<String> = serving
        .iter()
        .map(|worker| deployment.worker(*worker).address())
        .collect();
    eventually("everybody names exactly who serves", || {
        lists(deployment, serving, session)
            .iter()
            .all(|list| *list == exactly)
            .then_some(())
    });
    let took = since.elapsed();
    println!("service: {what}: every list is right after {took:?}");
    assert!(took < busy(PROMISED), "{what}: {took:?}");
}

#[test]
fn lists_name_exactly_who_serves_now() {
    let deployment = Deployment::running(2);
    let alice = deployment.trader(2, "alice").session().unwrap().clone();
    serve("all", &deployment, &[1, 2], &alice, Instant::now());

    deployment.done("workers boot worker-1");
    serve("booted", &deployment, &[2], &alice, Instant::now());
    deployment.done("workers admit worker-1");
    // Admitted it may link, and until it does it does not serve.
    serve_after_link(&deployment, "admitted", &alice);

    deployment.worker(1).kill();
    serve("killed", &deployment, &[2], &alice, Instant::now());
    deployment.worker(1).start();
    serve(
        "started again",
        &deployment,
        &[1, 2],
        &alice,
        Instant::now(),
    );

    deployment.worker(1).stop();
    serve("stopped", &deployment, &[2], &alice, Instant::now());
    deployment.worker(1).spawn();
    serve_after_link(&deployment, "and started", &alice);

    deployment.done("workers unregister worker-1");
    serve("unregistered", &deployment, &[2], &alice, Instant::now());
}

fn serve_after_link(deployment: &Deployment, what: &str, session: &SessionId) {
    deployment.await_state("worker-1", "connected");
    let linked = Instant::now();
    eventually("its port is open", || {
        std::net::TcpStream::connect(deployment.worker(1).address()).ok()
    });
    serve(what, deployment, &[1, 2], session, linked);
}

#[test]
fn after_twenty_seconds_without_a_master_all_are_linked_within_five_and_without_a_storm() {
    const AWAY: Duration = Duration::from_secs(20);
    let deployment = Deployment::running(2);
    let alice = deployment.trader(1, "alice").session().unwrap().clone();
    deployment.master().kill();
    // In the master's place: counts who knocks, and lets nobody in.
    let knocks = knocks(&deployment.master().address(), AWAY);
    deployment.master().start();
    let back = Instant::now();
    deployment.await_state("worker-1", "connected");
    deployment.await_state("worker-2", "connected");
    let took = back.elapsed();
    println!(
        "service: 20 s without a master: {knocks:?} attempts by worker, linked {took:?} after its return"
    );
    assert!(took < busy(Duration::from_secs(5)), "{took:?}");
    assert_eq!(knocks.len(), 2, "each worker tries: {knocks:?}");
    // Pauses of 0.1 s that double to 3 s, of which chance takes up to a half.
    assert!(
        knocks.values().all(|count| (5..=25).contains(count)),
        "{knocks:?}"
    );
    serve(
        "the master is back",
        &deployment,
        &[1, 2],
        &alice,
        Instant::now(),
    );
}

/// Attempts to link, by the worker's UUID.
fn knocks(address: &str, so_long: Duration) -> BTreeMap<[u8; 16], u32> {
    let until = Instant::now() + so_long;
    let listener = TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut knocks = BTreeMap::new();
    while Instant::now() < until {
        let Ok((mut socket, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        socket.set_nonblocking(false).unwrap();
        socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        let mut hello = [0; frame::HEADER_BYTES + 2 + 16];
        socket.read_exact(&mut hello).unwrap();
        let header = FrameHeader::read(hello.first_chunk().unwrap());
        assert_eq!(header.instruction, Instruction::LinkHello.number());
        *knocks.entry(*hello.last_chunk().unwrap()).or_default() += 1;
    }
    knocks
}
