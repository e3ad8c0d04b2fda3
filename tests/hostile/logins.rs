//! People log in beside one client that floods logins as fast as it can: from another network, from
//! the flooder's own address under another name, and thirty at once behind one address.
//!
//! What is judged is how many hashes come before one's own, which the master logs. Times are
//! printed; the long run also judges them, at the default cost.

use super::{Raw, percentiles, user};
use papertrader::client::{Client, ConnectOptions};
use papertrader::master::auth::hashing::threads;
use papertrader::model::Reason;
use papertrader::testkit::{Deployment, Market, eventually};
use papertrader::wire::{Reply, Request};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// Set in the process that runs over IPv6, in a network namespace of its own.
pub const IPV6_PART: &str = "HOSTILE_IPV6";

/// Accounts of the flooder at most, each over as many connections as are not refused for the number
/// of failed logins. Each connection has one login in flight.
const FLOOD_ACCOUNTS: usize = 4;
const FLOOD_CONNECTIONS: usize = 10;
/// People who log in at once.
const CLASS: usize = 30;
/// What is promised at the default cost.
const PROMISED: Duration = Duration::from_secs(3);
const CLASS_PROMISED: Duration = Duration::from_secs(30);
/// Clients from which on this is the long run.
const LONG_RUN: usize = 500;

/// Who is where. The first two are of different networks.
pub struct Addresses {
    flooder: IpAddr,
    other: IpAddr,
    class: IpAddr,
    /// Where the worker listens.
    worker: IpAddr,
}

pub const IPV4: Addresses = Addresses {
    flooder: IpAddr::V4(Ipv4Addr::new(127, 0, 80, 1)),
    other: IpAddr::V4(Ipv4Addr::new(127, 0, 81, 1)),
    class: IpAddr::V4(Ipv4Addr::new(127, 0, 82, 1)),
    worker: IpAddr::V4(Ipv4Addr::LOCALHOST),
};

pub const IPV6: Addresses = Addresses {
    flooder: IpAddr::V6(Ipv6Addr::new(0xfd00, 0x80, 0, 0, 0, 0, 0, 1)),
    other: IpAddr::V6(Ipv6Addr::new(0xfd00, 0x81, 0, 0, 0, 0, 0, 1)),
    class: IpAddr::V6(Ipv6Addr::new(0xfd00, 0x82, 0, 0, 0, 0, 0, 1)),
    worker: IpAddr::V6(Ipv6Addr::LOCALHOST),
};

/// The connections that flood, until they are told to end.
struct Flood {
    ends: Arc<AtomicBool>,
    accounts: usize,
    answers: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Flood {
    /// A flood of logins of so many accounts.
    fn start(from: IpAddr, worker: &str, accounts: usize) -> Flood {
        let mut flood = Flood {
            ends: Arc::default(),
            accounts,
            answers: Arc::default(),
            refused: Arc::default(),
            threads: Vec::new(),
        };
        for account in (0..accounts).flat_map(|account| [account; FLOOD_CONNECTIONS]) {
            let worker = worker.to_owned();
            let (ends, answers, refused) = (
                Arc::clone(&flood.ends),
                Arc::clone(&flood.answers),
                Arc::clone(&flood.refused),
            );
            flood.threads.push(thread::spawn(move || {
                let mut raw = Raw::from(from, &worker);
                let login = login(&format!("flood{account}"));
                while !ends.load(Ordering::Relaxed) {
                    raw.send(&login);
                    match raw.try_reply() {
                        Ok(Reply::Session { .. }) => {
                            answers.fetch_add(1, Ordering::Relaxed);
                        }
                        // On a slow machine its own hashes take longer than anybody waits, and then
                        // those that nobody waits for still count.
                        Ok(Reply::Fail(_, refusal))
                            if refusal.reason == Reason::Overloaded
                                || refusal.reason == Reason::TooManyAttempts =>
                        {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(_) => raw = Raw::from(from, &worker),
                        Ok(other) => panic!("the flood is answered {other:?}"),
                    }
                }
            }));
        }
        flood.await_round();
        flood
    }

    /// Waits until each of its names has had a turn.
    fn await_round(&self) {
        let until = self.answers.load(Ordering::Relaxed) + self.accounts + 2;
        eventually("the flood goes on", || {
            (self.answers.load(Ordering::Relaxed) >= until).then_some(())
        });
    }

    /// Ends it. Returns how many logins it had, and how many of them were refused.
    fn end(self) -> (usize, usize) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let counted = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (counted(&self.answers), counted(&self.refused))
    }
}

fn login(name: &str) -> Request {
    let (username, _, hashed_pass) = user(name, 'a');
    Request::Login {
        username,
        hashed_pass,
        expirable: true,
    }
}

/// A deployment whose worker listens there, and the worker's address.
fn deployment(addresses: &Addresses, cost: u32) -> (Deployment, String) {
    let deployment = Deployment::builder()
        .update_interval(Duration::from_secs(1))
        .market(Market::Simulated {
            symbols: 1,
            seed: 1,
        })
        .set("accounts.bcrypt_cost", i64::from(cost))
        .set("log.level", "debug")
        .make();
    let worker = deployment.worker(1);
    let port = worker.address().parse::<SocketAddr>().unwrap().port();
    let address = SocketAddr::new(addresses.worker, port).to_string();
    worker.set("listen", address.clone());
    deployment.start_all();
    let mut client = Client::open(&address, &ConnectOptions::default(), None).unwrap();
    let flooders = (0..FLOOD_ACCOUNTS).map(|account| format!("flood{account}"));
    let class = (0..CLASS).map(|number| format!("pupil{number}"));
    for name in flooders.chain(class).chain(["person".to_owned()]) {
        let (username, email, pass) = user(&name, 'a');
        client.register(&username, &email, &pass).unwrap();
    }
    (deployment, address)
}

/// How many other hashes came before those for this client, by the master's log.
fn others(deployment: &Deployment, client: SocketAddr, count: usize) -> Vec<u64> {
    let start = format!("a hash for {client} waited for ");
    eventually("the master has logged each hash", || {
        let log = deployment.master().log();
        let waits: Vec<u64> = log
            .lines()
            .filter_map(|line| line.split_once(&start))
            .map(|(_, rest)| rest.split(' ').next().unwrap().parse().unwrap())
            .collect();
        (waits.len() >= count).then_some(waits)
    })
}

/// A person logs in so many times, as people do: not again before others had their turn.
fn person(from: IpAddr, worker: &str, flood: &Flood, logins: usize) -> (SocketAddr, Vec<u128>) {
    let mut raw = Raw::from(from, worker);
    let login = login("person");
    let mut times = Vec::new();
    for number in 0..logins {
        let asked = Instant::now();
        match raw.call(&login) {
            Reply::Session { .. } => times.push(asked.elapsed().as_micros()),
            other => panic!("login {number} from {from} is answered {other:?}"),
        }
        flood.await_round();
    }
    (raw.0.local_addr().unwrap(), times)
}

/// A class logs in at once behind one address. Returns the time until the last is in.
fn class(from: IpAddr, worker: &str) -> Duration {
    let together = Arc::new(Barrier::new(CLASS));
    let pupils: Vec<_> = (0..CLASS)
        .map(|number| {
            let (worker, together) = (worker.to_owned(), Arc::clone(&together));
            thread::spawn(move || {
                let mut raw = Raw::from(from, &worker);
                together.wait();
                let asked = Instant::now();
                match raw.call(&login(&format!("pupil{number}"))) {
                    Reply::Session { .. } => asked.elapsed(),
                    other => panic!("pupil {number} is answered {other:?}"),
                }
            })
        })
        .collect();
    let times = pupils.into_iter().map(|pupil| pupil.join().unwrap());
    times.max().unwrap()
}

/// People log in beside a flood. With many clients this is the long run: 100 logins of a person at
/// the default cost.
pub fn beside_a_flood(addresses: &Addresses, clients: usize) {
    let is_long = clients >= LONG_RUN;
    let (logins, cost) = if is_long { (100, 10) } else { (10, 4) };
    let (deployment, worker) = deployment(addresses, cost);
    let flood = Flood::start(addresses.flooder, &worker, FLOOD_ACCOUNTS);
    let took = class(addresses.class, &worker);
    flood.end();
    println!(
        "hostile: a class of {CLASS} at once behind {} beside a flood: all in within {took:?}",
        addresses.class
    );
    assert!(!is_long || took <= CLASS_PROMISED);
    // A hash that each thread is computing; and one more, or two of each name.
    let in_work = u64::try_from(threads()).unwrap();
    let own = "the flooder's address";
    for (from, whose, accounts, promised) in [
        (
            addresses.other,
            "another address",
            FLOOD_ACCOUNTS,
            in_work + 1,
        ),
        (addresses.flooder, own, 1, in_work + 1),
        (addresses.flooder, own, FLOOD_ACCOUNTS, in_work + 8),
    ] {
        let flood = Flood::start(addresses.flooder, &worker, accounts);
        let (client, times) = person(from, &worker, &flood, logins);
        let (flooded, refused) = flood.end();
        let in_time = times.iter().filter(|time| **time <= PROMISED.as_micros());
        let in_time = in_time.count();
        let waits = others(&deployment, client, logins);
        let most = waits.iter().max().unwrap();
        let [median, p99] = percentiles(times);
        println!(
            "hostile: {logins} logins at cost {cost} from {whose} ({from}) beside {flooded} of \
             {accounts} names, {refused} of them refused: {in_time} within {PROMISED:?}, median \
             {median} µs, p99 {p99} µs; at most {most} hashes before one"
        );
        assert!(*most <= promised, "{most} hashes before one: {waits:?}");
        assert!(!is_long || in_time * 100 >= logins * 99);
    }
}

/// A network namespace with addresses of several networks. Dropping it deletes it.
struct Namespace(String);

impl Namespace {
    /// Makes one; the text says why there is none.
    fn make() -> Result<Namespace, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root makes network namespaces".to_owned());
        }
        let name = format!("papertrader-{}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Namespace(name);
        namespace.ip(&["link", "set", "lo", "up"])?;
        for address in [IPV6.flooder, IPV6.other, IPV6.class] {
            let prefix = format!("{address}/64");
            namespace.ip(&["address", "add", &prefix, "dev", "lo", "nodad"])?;
        }
        // Some containers let one be made, and nothing run in it.
        ip(&["netns", "exec", &namespace.0, "true"])?;
        Ok(namespace)
    }

    fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        ip(&[&["-n", self.0.as_str()], arguments].concat())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = ip(&["netns", "delete", &self.0]);
    }
}

/// Runs `ip` of iproute2.
fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// The same over IPv6, where this machine lets it.
pub fn over_ipv6(clients: usize) {
    let namespace = match Namespace::make() {
        Ok(namespace) => namespace,
        Err(why) => {
            eprintln!("hostile: SKIPPED: logins over IPv6: {why}");
            return;
        }
    };
    let status = Command::new("ip")
        .args(["netns", "exec", &namespace.0])
        .arg(std::env::current_exe().unwrap())
        .env(IPV6_PART, "1")
        .env("HOSTILE_CLIENTS", clients.to_string())
        .status()
        .unwrap();
    assert!(status.success(), "logins over IPv6: {status}");
}
