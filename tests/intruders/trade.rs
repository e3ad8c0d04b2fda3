//! A person who trades beside intruders, and the times of the orders.

use papertrader::client::{Answer, Client};
use papertrader::model::{Quantity, Side, Symbol};
use papertrader::wire::{Reply, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A trading thread. Every order must be accepted and filled.
pub struct Trader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Times>>,
}

/// Times of an order from its sending: until it was queued, and until it was filled.
struct Times {
    accepted: Duration,
    filled: Duration,
}

/// Median times of orders.
pub struct Latency {
    pub orders: usize,
    pub accepted: Duration,
    pub filled: Duration,
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} orders, median {:.1?} until accepted, {:.0?} until filled",
            self.orders, self.accepted, self.filled
        )
    }
}

impl Trader {
    pub fn start(client: Client) -> Trader {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = thread::spawn(move || trade(client, |_| !seen.load(Ordering::Relaxed)));
        Trader { stop, thread }
    }

    pub fn finish(self) -> Latency {
        self.stop.store(true, Ordering::Relaxed);
        latency(self.thread.join().expect("every order is filled"))
    }
}

/// Measures ten orders.
pub fn usual(client: Client) -> Latency {
    latency(trade(client, |orders| orders < 10))
}

fn trade(mut client: Client, go_on: impl Fn(usize) -> bool) -> Vec<Times> {
    let symbol = client.list().unwrap()[0];
    client
        .enter(papertrader::wire::ConnectionState::Command)
        .unwrap();
    let mut times = Vec::new();
    while go_on(times.len()) {
        let request = order(&client, symbol);
        let began = Instant::now();
        client.connection().send(&request).unwrap();
        let mut accepted = None;
        let answer = client
            .connection()
            .reply(|_| accepted = Some(began.elapsed()))
            .unwrap();
        assert!(
            matches!(answer, Answer::Message(Reply::Filled(_))),
            "{answer:?}"
        );
        times.push(Times {
            accepted: accepted.expect("a notice comes first"),
            filled: began.elapsed(),
        });
    }
    times
}

fn order(client: &Client, symbol: Symbol) -> Request {
    Request::Order {
        session: client.session().unwrap().clone(),
        side: Side::Buy,
        symbol,
        quantity: Quantity(1000),
        id: None,
    }
}

fn latency(times: Vec<Times>) -> Latency {
    let median = |pick: fn(&Times) -> Duration| {
        let mut all: Vec<Duration> = times.iter().map(pick).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    assert!(!times.is_empty());
    Latency {
        orders: times.len(),
        accepted: median(|times| times.accepted),
        filled: median(|times| times.filled),
    }
}
