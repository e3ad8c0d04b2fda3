//! spec/chaos.md
//!
//! Kills, stops, cuts and delays a deployment of real daemons while traders trade, and checks after
//! each round that no acknowledged order is lost and none is doubled.
//!
//! `CHAOS_ROUNDS` is the number of rounds (6 by default), `CHAOS_SEED` the seed (random by default,
//! and printed). The same seed gives the same faults in the same order; timing between them
//! differs.
//!
//! Beside a cluster of `tests/with-patroni` there are two masters, and each round begins with a fault
//! of the cluster and one of the masters.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a test program ends at the first thing that is not as it should be"
)]

mod check;
mod cluster;
mod faults;
mod masters;
mod random;
mod standing;
mod trader;

use check::{Counts, Outcomes, StandingCounts};
use cluster::{Cluster, ClusterFault};
use faults::{Ended, FailpointCounts, Fault, Scene};
use masters::{LEASE, Masters};
use papertrader::master::storage::Reader;
use papertrader::master::verify;
use papertrader::testkit::{Deployment, Market};
use random::Random;
use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use trader::{Book, Command, Trader};

const TRADERS: usize = 6;
const WORKERS: u16 = 2;
const STARTING_CASH: i64 = 1_000_000;
/// Size of the disk below the database, enough for a long run.
const DISK_MEGABYTES: u32 = 1024;
/// Rounds of a trader. Then another one takes its place, so that histories stay short.
const TRADER_ROUNDS: u64 = 25;
/// How long a trader may take to learn how its orders ended.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(180);
/// Time between two looks at whether a master has ended, while traders find out.
const REVIVE_INTERVAL: Duration = Duration::from_millis(200);
/// Rounds between two lines of progress, after the first rounds.
const PROGRESS_ROUNDS: u64 = 20;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(default)
}

/// The state of a run.
struct Run {
    deployment: Deployment,
    masters: Masters,
    /// The database's cluster, where there are two masters; `None` where it is in a file, or on one
    /// server.
    cluster: Option<Cluster>,
    random: Random,
    /// What is drawn for checks, apart, so that faults do not depend on it.
    checks: Random,
    seed: u64,
    traders: Vec<Sender<Command>>,
    /// Books of traders that have finished, by trader number.
    retired: Vec<Book>,
    /// Counts of the finished traders' orders.
    past: Counts,
    /// The running traders' orders that may wait, at the last check.
    last: StandingCounts,
    /// How orders have ended, for as long as their traders trade.
    outcomes: Outcomes,
    ended: Ended,
    failpoints: FailpointCounts,
    /// Kills that happen with this seed whatever the timing.
    certain_kills: u64,
    /// How often each kind of fault was injected.
    faults: BTreeMap<String, u64>,
    verified: Verified,
}

/// Runs of `verify`.
#[derive(Debug, Default)]
struct Verified {
    runs: u64,
    last_ms: u64,
}

fn main() {
    let drawn =
        u64::from(std::process::id()) ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    let (rounds, seed) = (number("CHAOS_ROUNDS", 6), number("CHAOS_SEED", drawn));
    println!(
        "chaos: {rounds} rounds, seed {seed} (CHAOS_ROUNDS={rounds} CHAOS_SEED={seed} runs them again)"
    );
    let mut run = made(seed);
    if run.cluster.is_none() && run.deployment.disk().is_none() {
        println!("chaos: no right to mount a disk: full and read-only ones are left out");
    }
    run.restart();
    run.add_traders();
    let began = Instant::now();
    let (mut since, mut checking) = (Instant::now(), Duration::ZERO);
    for round in 1..=rounds {
        let fault = run.inject_faults(round);
        let settled = Instant::now();
        let mut counts = run.settle();
        checking += settled.elapsed();
        if round <= PROGRESS_ROUNDS || round % PROGRESS_ROUNDS == 0 || round == rounds {
            counts += &run.past;
            println!(
                "round {round}: {fault}; so far {} kills, {} orders, {} acknowledged, {} filled, \
                 of orders that wait {}, {:.0} s; \
                 since the last line {:.1} s, of these {:.1} s to settle and check; verify {} ms",
                run.ended.kills,
                counts.orders,
                counts.notices,
                counts.fills,
                counts.standing,
                began.elapsed().as_secs_f32(),
                since.elapsed().as_secs_f32(),
                checking.as_secs_f32(),
                run.verified.last_ms
            );
            (since, checking) = (Instant::now(), Duration::ZERO);
        }
        if round % TRADER_ROUNDS == 0 && round < rounds {
            run.retire();
            run.add_traders();
        }
    }
    run.retire();
    run.end(rounds, began);
}

/// A run that has not begun.
fn made(seed: u64) -> Run {
    let cluster = Cluster::running();
    let mut builder = Deployment::builder()
        .workers(WORKERS)
        .market(Market::Simulated {
            symbols: 5,
            seed: 1,
        })
        .set("starting_cash", STARTING_CASH.to_string())
        .link_proxy()
        .small_disk(DISK_MEGABYTES)
        // The folder of a failed run remains.
        .keep_folder(std::env::var_os("CHAOS_KEEP").is_some());
    if cluster.is_some() {
        builder = builder
            .standby()
            .set("database.lease", LEASE)
            .database_proxy();
    }
    Run {
        deployment: builder.make(),
        masters: Masters::default(),
        cluster,
        random: Random::new(seed),
        checks: Random::new(!seed),
        seed,
        traders: Vec::new(),
        retired: Vec::new(),
        past: Counts::default(),
        last: StandingCounts::default(),
        outcomes: Outcomes::new(),
        ended: Ended::default(),
        failpoints: FailpointCounts::default(),
        certain_kills: 0,
        faults: BTreeMap::new(),
        verified: Verified::default(),
    }
}

impl Run {
    /// Starts new traders.
    fn add_traders(&mut self) {
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

    /// The faults of a round: one of the cluster and one of two masters, where there are any, now and
    /// then one more before they have come to rest; one of the deployment; and a kill where there were
    /// fewer kills than rounds.
    fn draw(&mut self, round: u64) -> (Vec<ClusterFault>, Vec<Fault>) {
        let (mut of_cluster, mut faults) = (Vec::new(), Vec::new());
        if self.cluster.is_some() {
            let random = &mut self.random;
            let index = usize::try_from(round - 1).unwrap();
            let first = ClusterFault::first(random);
            let drawn = ClusterFault::draw(random);
            of_cluster.push(first.get(index).cloned().unwrap_or(drawn));
            let second = random.one_in(4).then(|| ClusterFault::draw(random));
            // The first rounds are those of the gate, which is to be short.
            of_cluster.extend(second.filter(|_| index >= first.len()));
            let first = Fault::first_of_masters(random);
            let drawn = Fault::draw_of_masters(random);
            faults.push(first.get(index).cloned().unwrap_or(drawn));
        }
        if self.cluster.is_none() || self.random.one_in(2) {
            let mut fault = Fault::draw(&mut self.random);
            while self.cluster.is_some() && fault.needs_disk() {
                fault = Fault::draw(&mut self.random);
            }
            faults.push(fault);
        }
        self.certain_kills += of_cluster.iter().map(ClusterFault::kills).sum::<u64>();
        self.certain_kills += faults.iter().map(Fault::certain_kills).sum::<u64>();
        if self.certain_kills < round {
            let kill = Fault::draw_kill(&mut self.random);
            self.certain_kills += kill.certain_kills();
            faults.push(kill);
        }
        (of_cluster, faults)
    }

    /// Injects a round's faults while all trade. Returns what it did.
    fn inject_faults(&mut self, round: u64) -> String {
        let (of_cluster, faults) = self.draw(round);
        for trader in &self.traders {
            trader
                .send(Command::Trade)
                .expect("a trader has ended; its panic is above");
        }
        thread::sleep(Duration::from_millis(self.random.between(50, 600)));
        let mut said: Vec<String> = Vec::new();
        for fault in &of_cluster {
            let cluster = self.cluster.as_ref().unwrap();
            fault.inject(cluster);
            self.ended.kills += fault.kills();
            *self.faults.entry(faults::kind(fault)).or_default() += 1;
            said.push(format!("{fault:?}"));
        }
        // Half the faults of masters hit those whose database is whole, as far as one can tell.
        if let Some(cluster) = &self.cluster
            && self.random.one_in(2)
        {
            cluster.until_whole();
            self.masters.until_whole(&self.deployment);
        }
        for fault in &faults {
            let mut scene = Scene {
                deployment: &self.deployment,
                masters: &mut self.masters,
                cluster: self.cluster.as_ref(),
            };
            let ended = fault.inject(&mut self.random, &mut scene);
            self.ended.kills += ended.kills;
            self.ended.at_points += ended.at_points;
            self.failpoints.add(fault, ended);
            *self.faults.entry(faults::kind(fault)).or_default() += 1;
            said.push(format!("{fault:?}"));
        }
        self.restart();
        said.join(", ")
    }

    /// Starts the daemons that were killed.
    fn restart(&mut self) {
        if self.cluster.is_none() {
            self.deployment.restart_killed();
            return;
        }
        // What two masters need is there within their patience, or the run has failed.
        self.deployment.spawn_killed_workers();
        self.masters.leader(&self.deployment);
        self.masters.until_workers_serve(&self.deployment);
    }

    /// Lets every trader learn its orders' outcomes, then compares them with the deployment.
    fn settle(&mut self) -> Counts {
        let (done, finished) = channel();
        for trader in &self.traders {
            trader
                .send(Command::Settle(done.clone()))
                .expect("a trader has ended; its panic is above");
        }
        drop(done);
        for _ in 0..self.traders.len() {
            let deadline = Instant::now() + SETTLE_TIMEOUT;
            while let Err(error) = finished.recv_timeout(REVIVE_INTERVAL) {
                assert!(
                    error == RecvTimeoutError::Timeout && Instant::now() < deadline,
                    "a trader does not find out; see above"
                );
                if self.cluster.is_some() {
                    self.masters.revive(&self.deployment);
                }
            }
        }
        if let Some(cluster) = &self.cluster {
            cluster.until_whole();
            self.masters.until_whole(&self.deployment);
        }
        let mut counts = Counts::default();
        for (number, book) in self.books().iter().enumerate() {
            counts += &self.check(number, book);
        }
        self.last = counts.standing.clone();
        self.verify();
        counts
    }

    /// The books of the running traders.
    fn books(&self) -> Vec<Book> {
        let show = |trader: &Sender<Command>| {
            let (to, from) = channel();
            trader.send(Command::Show(to)).unwrap();
            from.recv().unwrap()
        };
        self.traders.iter().map(show).collect()
    }

    fn check(&mut self, number: usize, book: &Book) -> Counts {
        let addresses = self.deployment.addresses();
        let address = &addresses[number % addresses.len()];
        let state = (&mut self.outcomes, &mut self.checks);
        let counts = check::account(book, address, STARTING_CASH, state);
        for (what, names) in [("lost", &counts.lost), ("doubled", &counts.doubled)] {
            assert!(names.is_empty(), "{what}, seed {}: {names:?}", self.seed);
        }
        counts
    }

    fn verify(&mut self) {
        let mut ledger = Reader::open_for_check(&self.deployment.database()).unwrap();
        let report = verify::check(&mut ledger, &|| false).unwrap();
        assert!(
            report.differences.is_empty(),
            "verify: {:#?}",
            report.differences
        );
        self.verified.runs += 1;
        self.verified.last_ms = report.took_ms;
    }

    /// Ends the running traders and keeps their books.
    fn retire(&mut self) {
        self.past.standing += &self.last;
        for book in self.books() {
            self.past.orders += book.intents.len();
            self.past.notices += book.notices();
            self.past.fills += book.fills();
            self.retired.push(book);
        }
        self.traders.clear();
    }

    /// Compares everything that any trader was told with the deployment, and sends some orders
    /// again.
    fn end(&mut self, rounds: u64, began: Instant) {
        let mut counts = Counts::default();
        let (mut repeats, mut unstored, retired) = (0, 0, self.retired.len());
        for (number, book) in self.retired.iter().enumerate() {
            let addresses = self.deployment.addresses();
            repeats += check::again(
                book,
                &addresses[(number + 1) % addresses.len()],
                &mut self.random,
            );
        }
        for (number, book) in std::mem::take(&mut self.retired).iter().enumerate() {
            counts += &self.check(number, book);
            repeats += book.repeats;
            unstored += book.unstored;
        }
        self.verify();
        let Ended { kills, at_points } = self.ended;
        assert!(kills >= rounds, "{kills} kills in {rounds} rounds");
        let never = self.failpoints.never_reached();
        assert!(never.is_empty(), "armed and never reached: {never:?}");
        println!("chaos: deaths at armed fail points: {}", self.failpoints);
        self.say_masters();
        let faults: Vec<String> = self
            .faults
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        println!("chaos: faults: {}", faults.join(", "));
        println!(
            "chaos: {rounds} rounds in {:.0} s, {} faults, {kills} kills and {at_points} deaths in the middle of something; {} orders \
             of {} traders, {TRADERS} at a time, {} acknowledged, {} filled; of orders that wait {}; {repeats} asked for again when they were over, \
             {unstored} times told that one could not be stored; \
             {} lost, {} doubled; {} verify runs, all clean; seed {}",
            began.elapsed().as_secs_f32(),
            self.faults.values().sum::<u64>(),
            counts.orders,
            retired,
            counts.notices,
            counts.fills,
            counts.standing,
            counts.lost.len(),
            counts.doubled.len(),
            self.verified.runs,
            self.seed
        );
    }

    /// Prints what is counted of two masters.
    fn say_masters(&self) {
        if self.cluster.is_none() {
            return;
        }
        let counts = &self.masters.counts;
        println!(
            "chaos: masters that ended by themselves: {} with exit code 75, {} with 1, and {} starts \
             without a database; {} steps down in vain",
            counts.superseded, counts.failed, counts.failed_starts, counts.in_vain
        );
        for line in counts.take_overs() {
            println!("chaos: until the other one led: {line}");
        }
    }
}
