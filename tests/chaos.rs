//! Kills, stops, cuts and delays a deployment of real daemons while people trade, and checks after each
//! round that no acknowledged trade is lost and none is doubled.
//!
//! `CHAOS_ROUNDS` rounds (6 unless told) from `CHAOS_SEED` (drawn and printed unless told). The same seed
//! gives the same faults in the same order; what the clock does in between it does not give.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a test program ends at the first thing that is not as it should be"
)]

#[path = "chaos/check.rs"]
mod check;
#[path = "chaos/deployment.rs"]
#[allow(dead_code, reason = "shared with the other program")]
mod deployment;
#[path = "chaos/disk.rs"]
mod disk;
#[path = "chaos/proxy.rs"]
mod proxy;
#[path = "chaos/random.rs"]
mod random;
#[path = "chaos/trader.rs"]
mod trader;

use check::Counts;
use deployment::Deployment;
use papertrader::fault;
use papertrader::master::verify;
use random::Random;
use rusqlite::Connection;
use rustix::process::Signal;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use trader::{Command, Trader};

const TRADERS: usize = 6;
const WORKERS: usize = 2;
const STARTING_CASH: i64 = 1_000_000;
const INTERVAL: &str = "200ms";

/// What is done to a deployment.
#[derive(Debug, Clone)]
enum Fault {
    KillMaster,
    KillWorker(usize),
    KillAll,
    KillMasterTwice,
    StopMaster(u64),
    StopWorker(usize, u64),
    CutLinks,
    DelayLinks(u64),
    BusyDatabase(u64),
    FullDisk(u64),
    ReadOnlyDisk,
    Point(&'static str, u64),
}

impl Fault {
    fn draw(random: &mut Random) -> Fault {
        let worker = random.between(0, WORKERS as u64 - 1) as usize;
        match random.between(0, 15) {
            0 | 1 => Fault::KillMaster,
            2 => Fault::KillWorker(worker),
            3 => Fault::KillAll,
            4 => Fault::KillMasterTwice,
            5 => Fault::StopMaster(random.between(50, 1500)),
            6 => Fault::StopWorker(worker, random.between(50, 1500)),
            7 => Fault::CutLinks,
            8 => Fault::DelayLinks(random.between(1, 120)),
            9 => Fault::BusyDatabase(random.between(50, 1500)),
            10 => Fault::FullDisk(random.between(50, 1500)),
            11 => Fault::ReadOnlyDisk,
            // Only where the programs were built with them.
            _ if !cfg!(debug_assertions) => Fault::KillMaster,
            _ => Fault::Point(random.pick::<&'static str>(fault::POINTS), random.between(1, 4)),
        }
    }

    /// Does it; how many processes were killed.
    fn strike(&self, random: &mut Random, deployment: &mut Deployment) -> usize {
        let pause = |millis| thread::sleep(Duration::from_millis(millis));
        match self {
            Fault::KillMaster => {
                deployment.master.kill();
                pause(random.between(0, 400));
                1
            }
            Fault::KillWorker(worker) => {
                deployment.workers[*worker].kill();
                pause(random.between(0, 400));
                1
            }
            Fault::KillAll => {
                deployment.workers.iter_mut().for_each(deployment::Daemon::kill);
                deployment.master.kill();
                1 + WORKERS
            }
            Fault::KillMasterTwice => {
                deployment.master.kill();
                let _ready = deployment.master.start(None);
                pause(random.between(0, 400));
                deployment.master.kill();
                2
            }
            Fault::StopMaster(millis) => {
                deployment.master.signal(Signal::STOP);
                pause(*millis);
                deployment.master.signal(Signal::CONT);
                0
            }
            Fault::StopWorker(worker, millis) => {
                deployment.workers[*worker].signal(Signal::STOP);
                pause(*millis);
                deployment.workers[*worker].signal(Signal::CONT);
                0
            }
            Fault::CutLinks => {
                deployment.proxy.cut();
                0
            }
            Fault::DelayLinks(millis) => {
                deployment.proxy.delay(Duration::from_millis(*millis));
                pause(500);
                deployment.proxy.delay(Duration::ZERO);
                0
            }
            Fault::BusyDatabase(millis) => {
                let holder = Connection::open(&deployment.database).unwrap();
                holder.busy_timeout(Duration::from_secs(10)).unwrap();
                holder.execute_batch("BEGIN IMMEDIATE").unwrap();
                pause(*millis);
                holder.execute_batch("ROLLBACK").unwrap();
                0
            }
            Fault::FullDisk(millis) => {
                let Some(disk) = &deployment.disk else { return 0 };
                disk.fill();
                pause(*millis);
                disk.clear();
                0
            }
            Fault::ReadOnlyDisk => {
                deployment.master.kill();
                let Some(disk) = &deployment.disk else { return 1 };
                disk.set_writable(false);
                let ready = deployment.master.start(None);
                assert!(
                    !deployment.master.wait_ready(&ready),
                    "a master serves on a read-only disk"
                );
                deployment.master.kill();
                disk.set_writable(true);
                1
            }
            Fault::Point(name, count) => {
                deployment.master.kill();
                let ready = deployment.master.start(Some(&format!("{name}:{count}")));
                if deployment.master.wait_ready(&ready) {
                    deployment.master.outlive(Duration::from_secs(3));
                }
                2
            }
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(default)
}

fn main() {
    let drawn = u64::from(std::process::id()) ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    let (rounds, seed) = (number("CHAOS_ROUNDS", 6), number("CHAOS_SEED", drawn));
    println!("chaos: {rounds} rounds, seed {seed} (CHAOS_ROUNDS={rounds} CHAOS_SEED={seed} runs them again)");
    let mut folder = tempfile::Builder::new().prefix("pt").tempdir_in("/tmp").unwrap();
    // What failed is there to be looked at.
    folder.disable_cleanup(std::env::var_os("CHAOS_KEEP").is_some());
    let mut deployment = Deployment::make(folder.path(), WORKERS, INTERVAL);
    if deployment.disk.is_none() {
        println!("chaos: no right to mount a disk: full and read-only ones are left out");
    }
    deployment.heal();
    let mut random = Random::new(seed);
    let traders: Vec<Sender<Command>> = (0..TRADERS)
        .map(|number| {
            let trader = Trader::new(number, seed, &deployment.addresses);
            let (sender, receiver) = channel();
            thread::Builder::new()
                .name(format!("trader {number}"))
                .spawn(move || trader.run(&receiver))
                .unwrap();
            sender
        })
        .collect();
    let (mut kills, began) = (0, Instant::now());
    let mut counts = Counts::default();
    for round in 1..=rounds {
        let fault = Fault::draw(&mut random);
        for trader in &traders {
            trader
                .send(Command::Trade)
                .expect("a trader has ended; its panic is above");
        }
        thread::sleep(Duration::from_millis(random.between(50, 600)));
        kills += fault.strike(&mut random, &mut deployment);
        deployment.heal();
        counts = settle(&traders, &deployment);
        if round <= 20 || round % 20 == 0 || round == rounds {
            println!(
                "round {round}: {fault:?}; so far {kills} kills, {} orders, {} acknowledged, {} filled, {:.0} s",
                counts.orders,
                counts.notices,
                counts.fills,
                began.elapsed().as_secs_f32()
            );
        }
    }
    println!(
        "chaos: {rounds} rounds, {kills} kills, {} orders of {TRADERS} traders: 0 acknowledged trades lost, 0 doubled, seed {seed}",
        counts.orders
    );
}

/// Lets every trader find out, then holds what they were told against what is there.
fn settle(traders: &[Sender<Command>], deployment: &Deployment) -> Counts {
    let (done, finished) = channel();
    for trader in traders {
        trader
            .send(Command::Settle(done.clone()))
            .expect("a trader has ended; its panic is above");
    }
    drop(done);
    for _ in traders {
        finished
            .recv_timeout(Duration::from_secs(180))
            .expect("a trader does not find out; see above");
    }
    let mut counts = Counts::default();
    for (number, trader) in traders.iter().enumerate() {
        let (to, from) = channel();
        trader.send(Command::Show(to)).unwrap();
        let book = from.recv().unwrap();
        let address = &deployment.addresses[number % deployment.addresses.len()];
        let of_account = check::account(&book, address, STARTING_CASH);
        counts.orders += of_account.orders;
        counts.notices += of_account.notices;
        counts.fills += of_account.fills;
    }
    let mut ledger = verify::open(&deployment.database).unwrap();
    let report = verify::check(&mut ledger, &|| false).unwrap();
    assert!(report.differences.is_empty(), "verify: {:#?}", report.differences);
    counts
}
