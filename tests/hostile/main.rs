//! Hostile clients against a real worker: slow senders, peers that never read, floods, guesses,
//! exhausted descriptors. They may harm themselves alone: a person beside them is served, and
//! memory stays bounded.
//!
//! `HOSTILE_CLIENTS` is the number of clients of each slow kind (100 by default). The number of
//! requests is fixed, however fast the machine is; times are printed, not judged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    missing_docs,
    dead_code,
    reason = "a test program ends at the first thing that is not as it should be"
)]

mod logins;

use papertrader::client::{Client, ConnectOptions};
use papertrader::master::auth::sessions::PER_ACCOUNT_MAX;
use papertrader::model::{
    Email, HashedPass, OpenValue, ProtocolFault, Reason, SessionId, Symbol, Username,
};
use papertrader::testkit::{Daemon, Deployment, Market, eventually};
use papertrader::wire::{FrameHeader, Instruction, Reply, Request, Window, frame};
use rustix::process::{Pid, Resource, Rlimit};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection from a chosen address that sends and receives frames.
struct Raw(TcpStream);

impl Raw {
    fn from(ip: impl Into<IpAddr>, to: &str) -> Raw {
        let from = SocketAddr::new(ip.into(), 0);
        let socket = Socket::new(Domain::for_address(from), Type::STREAM, None).unwrap();
        socket.bind(&from.into()).unwrap();
        socket
            .connect(&to.parse::<SocketAddr>().unwrap().into())
            .unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(REPLY_TIMEOUT)).unwrap();
        Raw(stream)
    }

    fn send(&mut self, request: &Request) {
        let mut bytes = Vec::new();
        request.write(&mut bytes);
        self.0.write_all(&bytes).unwrap();
    }

    fn reply(&mut self) -> Reply {
        self.try_reply().unwrap()
    }

    fn try_reply(&mut self) -> std::io::Result<Reply> {
        let mut head = [0; frame::HEADER_BYTES];
        self.0.read_exact(&mut head)?;
        let header = FrameHeader::read(&head);
        let mut data = vec![0; header.data_size as usize];
        self.0.read_exact(&mut data)?;
        Ok(Reply::read(&header, &data).unwrap())
    }

    fn call(&mut self, request: &Request) -> Reply {
        self.send(request);
        self.reply()
    }
}

fn user(name: &str, digit: char) -> (Username, Email, HashedPass) {
    let pass = HashedPass::parse(&digit.to_string().repeat(64)).unwrap();
    (
        Username::parse(name).unwrap(),
        Email::parse(&format!("{name}@example.org")).unwrap(),
        pass,
    )
}

/// Resident memory of a daemon, in KiB.
fn resident(daemon: &Daemon) -> u64 {
    daemon.resources().resident / 1024
}

/// Measurements of a person's service: alone, while a crowd arrives, and beside the crowd.
const WATCHES_PER_PERSON: usize = 3;
/// Rounds of a measurement: a login, then quotes. Slow senders send a byte a round.
const ROUNDS: usize = 20;
/// Quotes of a round; all rounds together have enough for a 99th percentile.
const QUOTES: usize = 50;
/// Other logins of the same person: at the start, and beside guessers.
const OTHER_LOGINS: usize = 2;
// The first session is used until the end, so the logins must stay below the limit of sessions.
const _: () = assert!(
    WATCHES_PER_PERSON * ROUNDS + OTHER_LOGINS < PER_ACCOUNT_MAX,
    "the person's first session would end"
);

/// Times of a person's quotes and logins: medians and 99th percentiles, in microseconds.
struct Service {
    quotes: usize,
    quote: [u128; 2],
    login: [u128; 2],
}

impl Service {
    /// Measures a person who sends one request after the other. It calls `each_round` before each
    /// round.
    fn watch(address: &str, name: &str, mut each_round: impl FnMut()) -> Service {
        let (username, _, pass) = user(name, 'a');
        let mut client = Client::open(address, &ConnectOptions::default(), None).unwrap();
        let symbol = Symbol::parse("SIM1").unwrap();
        let (mut quotes, mut logins) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            each_round();
            let asked = Instant::now();
            client.login(&username, &pass, false).unwrap();
            logins.push(asked.elapsed().as_micros());
            // The first quote also switches the state, so it is not timed.
            client.quote(symbol).unwrap();
            for _ in 0..QUOTES {
                let asked = Instant::now();
                client.quote(symbol).unwrap();
                quotes.push(asked.elapsed().as_micros());
            }
        }
        let count = quotes.len();
        Service {
            quotes: count,
            quote: percentiles(quotes),
            login: percentiles(logins),
        }
    }

    fn print(&self, what: &str, memory: u64) {
        let Service {
            quotes,
            quote,
            login,
        } = self;
        println!(
            "hostile: {what}: {quotes} quotes, median {} µs, p99 {} µs; login median {} µs, p99 {} µs; worker {} MiB",
            quote[0],
            quote[1],
            login[0],
            login[1],
            memory / 1024
        );
    }
}

/// The median and the 99th percentile.
fn percentiles(mut times: Vec<u128>) -> [u128; 2] {
    times.sort_unstable();
    [times[times.len() / 2], times[times.len() * 99 / 100]]
}

fn main() {
    let clients: usize = std::env::var("HOSTILE_CLIENTS")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(100);
    papertrader::daemon::raise_descriptors(20_000);
    if std::env::var_os(logins::IPV6_PART).is_some() {
        logins::beside_a_flood(&logins::IPV6, clients);
        return;
    }
    let deployment = Deployment::builder()
        .update_interval(Duration::from_secs(1))
        .market(Market::Simulated {
            symbols: 5,
            seed: 1,
        })
        .start();
    let address = deployment.worker(1).address();
    let mut client = Client::open(&address, &ConnectOptions::default(), None).unwrap();
    for name in ["owner", "other"] {
        let (username, email, pass) = user(name, 'a');
        client.register(&username, &email, &pass).unwrap();
    }
    let (username, _, pass) = user("owner", 'a');
    let session = client.login(&username, &pass, false).unwrap().session;

    slow_peers(&deployment, &address, &session, clients);
    guesses(&address);
    guessed_sessions(&address);
    registrations(&address);
    login_flood(&address);
    master_port(&deployment);
    bursts(&deployment, &address, &session);
    descriptors(&deployment, &address);
    drop((client, deployment));
    logins::beside_a_flood(&logins::IPV4, clients);
    logins::over_ipv6(clients);
    println!("hostile: a person is served beside all of them");
}

/// Peers that send a byte now and then, and peers that request much and never read.
fn slow_peers(deployment: &Deployment, address: &str, session: &SessionId, clients: usize) {
    let worker = deployment.worker(1);
    Service::watch(address, "owner", || ()).print("alone", resident(worker));
    let before = resident(worker);
    let mut drips: Vec<TcpStream> = (0..clients)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let mut deaf = Vec::new();
    for _ in 0..clients {
        let mut socket = TcpStream::connect(address).unwrap();
        let mut bytes = Vec::new();
        let state = papertrader::wire::ConnectionState::Data;
        Request::SwitchState {
            session: session.clone(),
            state,
        }
        .write(&mut bytes);
        let symbol = Symbol::parse("SIM1").unwrap();
        for _ in 0..400 {
            Request::AssetWindow {
                symbol,
                window: Window::AllTime,
                adjusted: false,
            }
            .write(&mut bytes);
            Request::AssetList.write(&mut bytes);
        }
        socket.set_nonblocking(true).unwrap();
        let _ = socket.write(&bytes);
        deaf.push(socket);
    }
    let (drip, dripping) = channel();
    let dripper = thread::spawn(move || {
        let frame = {
            let mut bytes = Vec::new();
            frame::write(&mut bytes, Instruction::Ping, &[]);
            bytes
        };
        for ((), byte) in dripping.iter().zip(frame.iter().cycle()) {
            for socket in &mut drips {
                let _ = socket.write(&[*byte]);
            }
        }
    });
    let crowd = format!("{clients} that drip and {clients} that never read");
    // Waits until the replies that nobody reads have been made.
    let coming = Service::watch(address, "owner", || ());
    coming.print(&format!("as {crowd} come"), resident(worker));
    let there = Service::watch(address, "owner", || drip.send(()).unwrap());
    let during = resident(worker);
    there.print(&format!("beside {crowd}"), during);
    drop(drip);
    dripper.join().unwrap();
    drop(deaf);
    println!("hostile: worker afterwards {} MiB", resident(worker) / 1024);
    // The bound is what a client may leave unread (1 MiB), and its thread, for each client.
    let bound = before + 2 * clients as u64 * (2 * 1024 + 256);
    assert!(
        during < bound,
        "the worker takes {during} KiB, more than {bound}"
    );
}

/// Forty wrong passwords from one address lock no other client out.
fn guesses(address: &str) {
    let (username, _, right) = user("owner", 'a');
    let wrong = HashedPass::parse(&"b".repeat(64)).unwrap();
    let login = |username: &Username, pass: &HashedPass| Request::Login {
        username: username.clone(),
        hashed_pass: pass.clone(),
        expirable: false,
    };
    let mut thief = Raw::from([127, 0, 0, 66], address);
    let mut limited = 0;
    for _ in 0..40 {
        match thief.call(&login(&username, &wrong)) {
            Reply::Fail(_, refusal) if refusal.reason == Reason::TooManyAttempts => limited += 1,
            Reply::Fail(_, refusal) => assert_eq!(refusal.reason, Reason::BadCredentials),
            other => panic!("a wrong password is answered {other:?}"),
        }
    }
    assert_eq!(
        limited, 30,
        "10 failed logins a minute, for a name and an address"
    );
    match thief.call(&login(&username, &right)) {
        Reply::Fail(_, refusal) => assert_eq!(refusal.reason, Reason::TooManyAttempts),
        other => panic!("the thief is answered {other:?}"),
    }
    let unknown = Username::parse("nobody").unwrap();
    let reasons: Vec<Reason> = (0..12)
        .map(|_| match thief.call(&login(&unknown, &wrong)) {
            Reply::Fail(_, refusal) => refusal.reason.known().unwrap(),
            other => panic!("an unknown name is answered {other:?}"),
        })
        .collect();
    assert!(
        reasons[..10]
            .iter()
            .all(|reason| *reason == Reason::BadCredentials)
    );
    assert!(
        reasons[10..]
            .iter()
            .all(|reason| *reason == Reason::TooManyAttempts)
    );
    let mut owner = Raw::from([127, 0, 0, 2], address);
    assert!(
        matches!(owner.call(&login(&username, &right)), Reply::Session { .. }),
        "the owner is locked out"
    );
    let (other, _, pass) = user("other", 'a');
    assert!(
        matches!(thief.call(&login(&other, &pass)), Reply::Session { .. }),
        "another account is locked out"
    );
    println!("hostile: 40 guesses: {limited} of them not even tried, the owner comes in");
}

/// Made-up sessions are refused, however many.
fn guessed_sessions(address: &str) {
    let mut raw = Raw::from([127, 0, 0, 67], address);
    for number in 0u8..200 {
        let session = SessionId::from_bytes([number; 32]);
        match raw.call(&Request::Resume { session }) {
            Reply::Fail(_, refusal) => assert_eq!(refusal.reason, Reason::SessionExpired),
            other => panic!("a made-up session is answered {other:?}"),
        }
    }
}

/// A flood of registrations takes names, and affects nothing else.
fn registrations(address: &str) {
    let (username, _, pass) = user("owner", 'a');
    let mut raw = Raw::from([127, 0, 0, 68], address);
    for number in 0..50 {
        let email = Email::parse(&format!("flood{number}@example.org")).unwrap();
        let request = Request::Register {
            username: username.clone(),
            email,
            hashed_pass: pass.clone(),
        };
        match raw.call(&request) {
            Reply::Fail(_, refusal) => assert_eq!(refusal.reason, Reason::UsernameTaken),
            other => panic!("a taken name is answered {other:?}"),
        }
    }
}

/// The flood: accounts that log in from each of some addresses of one network, each over as many
/// connections as are not refused for the number of failed logins.
const FLOOD_ACCOUNTS: usize = 4;
const FLOOD_ADDRESSES: u8 = 3;
const FLOOD_CONNECTIONS: usize = 10;
/// Logins of each connection, one after the other.
const FLOOD_LOGINS: usize = 40;
/// Logins of each person beside the flood.
const PERSONS_LOGINS: usize = 10;

/// People log in beside a flood of logins: from another network, and from the flooder's own address
/// under another name. None of their logins is refused.
fn login_flood(address: &str) {
    let mut client = Client::open(address, &ConnectOptions::default(), None).unwrap();
    for account in 0..FLOOD_ACCOUNTS {
        let (username, email, pass) = user(&format!("flood{account}"), 'c');
        client.register(&username, &email, &pass).unwrap();
    }
    let (began, first_reply) = channel();
    let floods: Vec<_> = (1..=FLOOD_ADDRESSES)
        .flat_map(|host| (0..FLOOD_ACCOUNTS).map(move |account| (host, account)))
        .flat_map(|flooder| [flooder; FLOOD_CONNECTIONS])
        .map(|(host, account)| {
            let (address, began) = (address.to_owned(), began.clone());
            thread::spawn(move || flood([127, 0, 70, host], &address, account, &began))
        })
        .collect();
    first_reply.recv().unwrap();
    let persons: Vec<_> = [[127, 0, 71, 1], [127, 0, 70, 1]]
        .into_iter()
        .map(|ip| {
            let address = address.to_owned();
            thread::spawn(move || {
                let mut person = Raw::from(ip, &address);
                let (username, _, hashed_pass) = user("other", 'a');
                let login = Request::Login {
                    username,
                    hashed_pass,
                    expirable: true,
                };
                for number in 0..PERSONS_LOGINS {
                    match person.call(&login) {
                        Reply::Session { .. } => {}
                        other => panic!("login {number} from {ip:?} is answered {other:?}"),
                    }
                }
            })
        })
        .collect();
    for person in persons {
        person.join().unwrap();
    }
    let beside = floods.iter().filter(|flood| !flood.is_finished()).count();
    let refused: usize = floods.into_iter().map(|flood| flood.join().unwrap()).sum();
    println!(
        "hostile: {PERSONS_LOGINS} logins of each of two people beside a flood, of which {beside} \
         connections go on afterwards; {refused} of its logins were refused"
    );
}

/// One connection of the flood. Returns how many of its logins were refused.
fn flood(ip: [u8; 4], address: &str, account: usize, began: &std::sync::mpsc::Sender<()>) -> usize {
    let mut raw = Raw::from(ip, address);
    let (username, _, hashed_pass) = user(&format!("flood{account}"), 'c');
    let login = Request::Login {
        username,
        hashed_pass,
        expirable: true,
    };
    let mut refused = 0;
    for _ in 0..FLOOD_LOGINS {
        match raw.call(&login) {
            Reply::Session { .. } => {}
            Reply::Fail(_, refusal) if refusal.reason == Reason::Overloaded => refused += 1,
            other => panic!("the flood is answered {other:?}"),
        }
        let _ = began.send(());
    }
    refused
}

/// One address takes all the places on the master's port that it can, and another client is served.
fn master_port(deployment: &Deployment) {
    let master = deployment.master().address();
    let mut held: Vec<Raw> = (0..255)
        .map(|_| Raw::from([127, 0, 72, 1], &master))
        .collect();
    let mut other = Raw::from([127, 0, 73, 1], &master);
    match other.call(&Request::GetWorkerList) {
        Reply::WorkerList(workers) => assert_eq!(workers.len(), 1),
        reply => panic!("beside 255 connections of one address: {reply:?}"),
    }
    let refused = held
        .iter_mut()
        .filter(|raw| {
            let mut head = [0; frame::HEADER_BYTES];
            raw.0.set_nonblocking(true).unwrap();
            raw.0.peek(&mut head).is_ok_and(|size| size > 0)
        })
        .count();
    println!("hostile: of 255 connections of one address to port 2048, {refused} were refused");
}

/// Descriptors that a worker may have open now and not before, beside its connections: it reads and
/// writes files all the time.
const OTHER_DESCRIPTORS: usize = 8;

/// A burst of connections that send nothing and close.
fn bursts(deployment: &Deployment, address: &str, session: &SessionId) {
    let worker = deployment.worker(1);
    let before = worker.resources().descriptors;
    let began = Instant::now();
    let idle: Vec<TcpStream> = (0..2000)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let mut client =
        Client::open(address, &ConnectOptions::default(), Some(session.clone())).unwrap();
    client.quote(Symbol::parse("SIM1").unwrap()).unwrap();
    println!(
        "hostile: 2000 connections that say nothing, and a quote, in {:?}",
        began.elapsed()
    );
    drop((idle, client));
    // The next test needs an idle worker.
    eventually("the connections that went are forgotten", || {
        (worker.resources().descriptors <= before + OTHER_DESCRIPTORS).then_some(())
    });
}

/// Accepting pauses while there are no descriptors, and goes on afterwards.
fn descriptors(deployment: &Deployment, address: &str) {
    let worker = deployment.worker(1);
    let pid = Pid::from_raw(worker.pid() as i32);
    let open = worker.resources().descriptors as u64;
    let few = Rlimit {
        current: Some(open + 20),
        maximum: Some(20_000),
    };
    let before = rustix::process::prlimit(pid, Resource::Nofile, few).unwrap();
    let taken: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    // There is no descriptor for this connection: it is told so, or waits until others close.
    let mut late = Raw::from([127, 0, 0, 69], address);
    late.send(&Request::Ping);
    let busy = worker.resources().processor;
    // This is the length of the observation, not a wait for something.
    thread::sleep(Duration::from_millis(500));
    let spun = worker.resources().processor - busy;
    drop(taken);
    let told = late.reply();
    let refused = matches!(
        told,
        Reply::ProtocolError(OpenValue::Known(ProtocolFault::TooManyConnections), _)
    );
    assert!(told == Reply::Pong || refused, "{told:?}");
    eventually("accepting goes on", || {
        let mut next = Raw::from([127, 0, 0, 70], address);
        next.send(&Request::Ping);
        next.try_reply()
            .is_ok_and(|reply| reply == Reply::Pong)
            .then_some(())
    });
    assert!(
        spun < Duration::from_millis(250),
        "{spun:?} of half a second: accepting spins"
    );
    rustix::process::prlimit(pid, Resource::Nofile, before).unwrap();
    println!("hostile: descriptors ran out, and accepting went on");
}
