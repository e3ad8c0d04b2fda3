//! spec/chaos.md
//!
//! Kills, stops, cuts and delays a deployment of real daemons while people trade, and checks after
//! each round that no acknowledged trade is lost and none is doubled.
//!
//! `CHAOS_ROUNDS` rounds (6 unless told) from `CHAOS_SEED` (drawn and printed unless told). The
//! same seed gives the same faults in the same order; what the clock does in between it does not
//! give.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a test program ends at the first thing that is not as it should be"
)]

mod check;
mod faults;
mod random;
mod trader;

use check::Counts;
use faults::{Ended, FailpointCounts, Fault};
use papertrader::master::verify;
use papertrader::testkit::{Deployment, Market};
use random::Random;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use trader::{Book, Command, Trader};

const TRADERS: usize = 6;
const WORKERS: u16 = 2;
const STARTING_CASH: i64 = 1_000_000;
/// Room for the database of a long run.
const DISK_MEGABYTES: u32 = 1024;
/// Rounds after which traders retire and others begin: what is read after a round stays as short as
/// it was.
const CAREER: u64 = 25;
/// Rounds between two lines of progress, after the first ones.
const PROGRESS: u64 = 20;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(default)
}

/// Everything that a run knows.
struct Run {
    deployment: Deployment,
    random: Random,
    seed: u64,
    traders: Vec<Sender<Command>>,
    /// What those knew who have retired, in the order of their numbers.
    retired: Vec<Book>,
    /// Orders of the retired.
    past: Counts,
    ended: Ended,
    armed: FailpointCounts,
    /// Kills that the seed alone promises.
    sure: u64,
    verified: Verified,
}

/// What `verify` was asked.
#[derive(Debug, Default)]
struct Verified {
    runs: u64,
    last_ms: u64,
}

fn main() {
    let drawn = u64::from(std::process::id()) ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    let (rounds, seed) = (number("CHAOS_ROUNDS", 6), number("CHAOS_SEED", drawn));
    println!("chaos: {rounds} rounds, seed {seed} (CHAOS_ROUNDS={rounds} CHAOS_SEED={seed} runs them again)");
    let deployment = Deployment::builder()
        .workers(WORKERS)
        .market(Market::Simulated { symbols: 5, seed: 1 })
        .set("starting_cash", STARTING_CASH.to_string())
        .link_proxy()
        .small_disk(DISK_MEGABYTES)
        // What failed is there to be looked at.
        .keep_folder(std::env::var_os("CHAOS_KEEP").is_some())
        .make();
    let mut run = Run {
        deployment,
        random: Random::new(seed),
        seed,
        traders: Vec::new(),
        retired: Vec::new(),
        past: Counts::default(),
        ended: Ended::default(),
        armed: FailpointCounts::default(),
        sure: 0,
        verified: Verified::default(),
    };
    if run.deployment.disk().is_none() {
        println!("chaos: no right to mount a disk: full and read-only ones are left out");
    }
    run.deployment.heal();
    run.hire();
    let began = Instant::now();
    let (mut since, mut checking) = (Instant::now(), Duration::ZERO);
    for round in 1..=rounds {
        let fault = run.disturb(round);
        let settled = Instant::now();
        let mut counts = run.settle();
        checking += settled.elapsed();
        if round <= PROGRESS || round % PROGRESS == 0 || round == rounds {
            counts += &run.past;
            println!(
                "round {round}: {fault}; so far {} kills, {} orders, {} acknowledged, {} filled, {:.0} s; \
                 since the last line {:.1} s, of these {:.1} s to settle and check; verify {} ms",
                run.ended.kills,
                counts.orders,
                counts.notices,
                counts.fills,
                began.elapsed().as_secs_f32(),
                since.elapsed().as_secs_f32(),
                checking.as_secs_f32(),
                run.verified.last_ms
            );
            (since, checking) = (Instant::now(), Duration::ZERO);
        }
        if round % CAREER == 0 && round < rounds {
            run.retire();
            run.hire();
        }
    }
    run.retire();
    run.end(rounds, began);
}

impl Run {
    /// Traders that nobody has seen yet.
    fn hire(&mut self) {
        let first = self.retired.len();
        for number in first..first + TRADERS {
            let trader = Trader::new(number, self.seed, &self.deployment.addresses());
            let (sender, receiver) = channel();
            thread::Builder::new()
                .name(format!("trader {number}"))
                .spawn(move || trader.run(&receiver))
                .unwrap();
            self.traders.push(sender);
        }
    }

    /// A fault while all trade, and a kill behind it where fewer were killed than there were
    /// rounds; what was done.
    fn disturb(&mut self, round: u64) -> String {
        let mut faults = vec![Fault::draw(&mut self.random)];
        self.sure += faults[0].sure_kills();
        if self.sure < round {
            let kill = Fault::draw_kill(&mut self.random);
            self.sure += kill.sure_kills();
            faults.push(kill);
        }
        for trader in &self.traders {
            trader
                .send(Command::Trade)
                .expect("a trader has ended; its panic is above");
        }
        thread::sleep(Duration::from_millis(self.random.between(50, 600)));
        let mut said = String::new();
        for fault in &faults {
            let ended = fault.strike(&mut self.random, &self.deployment);
            self.ended.kills += ended.kills;
            self.ended.at_points += ended.at_points;
            self.armed.add(fault, ended);
            said += &format!("{}{fault:?}", if said.is_empty() { "" } else { ", " });
        }
        self.deployment.heal();
        said
    }

    /// Lets every trader find out, then holds what they were told against what is there.
    fn settle(&mut self) -> Counts {
        let (done, finished) = channel();
        for trader in &self.traders {
            trader
                .send(Command::Settle(done.clone()))
                .expect("a trader has ended; its panic is above");
        }
        drop(done);
        for _ in &self.traders {
            finished
                .recv_timeout(Duration::from_secs(180))
                .expect("a trader does not find out; see above");
        }
        let mut counts = Counts::default();
        for (number, book) in self.books().iter().enumerate() {
            counts += &self.check(number, book);
        }
        self.verify();
        counts
    }

    /// What the traders know who trade.
    fn books(&self) -> Vec<Book> {
        let show = |trader: &Sender<Command>| {
            let (to, from) = channel();
            trader.send(Command::Show(to)).unwrap();
            from.recv().unwrap()
        };
        self.traders.iter().map(show).collect()
    }

    fn check(&self, number: usize, book: &Book) -> Counts {
        let addresses = self.deployment.addresses();
        let counts = check::account(book, &addresses[number % addresses.len()], STARTING_CASH);
        for (what, names) in [("lost", &counts.lost), ("doubled", &counts.doubled)] {
            assert!(names.is_empty(), "{what}, seed {}: {names:?}", self.seed);
        }
        counts
    }

    fn verify(&mut self) {
        let mut ledger = verify::open(&self.deployment.database_path()).unwrap();
        let report = verify::check(&mut ledger, &|| false).unwrap();
        assert!(report.differences.is_empty(), "verify: {:#?}", report.differences);
        self.verified.runs += 1;
        self.verified.last_ms = report.took_ms;
    }

    /// Lets all who trade go, when all is settled and checked.
    fn retire(&mut self) {
        for book in self.books() {
            self.past.orders += book.intents.len();
            self.past.notices += book.notices();
            self.past.fills += book.fills();
            self.retired.push(book);
        }
        self.traders.clear();
    }

    /// Holds what all were ever told against what is there after everything, and asks again for
    /// some of it.
    fn end(&mut self, rounds: u64, began: Instant) {
        let mut counts = Counts::default();
        let (mut repeats, mut unstored) = (0, 0);
        for (number, book) in self.retired.iter().enumerate() {
            let addresses = self.deployment.addresses();
            repeats += check::again(book, &addresses[(number + 1) % addresses.len()], &mut self.random);
        }
        for (number, book) in self.retired.iter().enumerate() {
            counts += &self.check(number, book);
            repeats += book.repeats;
            unstored += book.unstored;
        }
        self.verify();
        let Ended { kills, at_points } = self.ended;
        assert!(kills >= rounds, "{kills} kills in {rounds} rounds");
        let never = self.armed.never_reached();
        assert!(never.is_empty(), "armed and never reached: {never:?}");
        println!("chaos: died at a place that was armed: {}", self.armed);
        println!(
            "chaos: {rounds} rounds in {:.0} s, {kills} kills and {at_points} deaths in the middle of something; {} orders \
             of {} traders, {TRADERS} at a time, {} acknowledged, {} filled, {repeats} asked for again when they were over, \
             {unstored} times told that one could not be stored; \
             {} lost, {} doubled; {} verify runs, all clean; seed {}",
            began.elapsed().as_secs_f32(),
            counts.orders,
            self.retired.len(),
            counts.notices,
            counts.fills,
            counts.lost.len(),
            counts.doubled.len(),
            self.verified.runs,
            self.seed
        );
    }
}
