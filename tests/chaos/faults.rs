//! The faults of a deployment.

use crate::WORKERS;
use crate::cluster::Cluster;
use crate::masters::{self, Masters};
use crate::random::Random;
use papertrader::config::DatabaseUrl;
use papertrader::runtime::failpoint;
use papertrader::testkit::proxy::Proxy;
use papertrader::testkit::{Daemon, Deployment, TEST_TIMEOUT};
use rusqlite::Connection;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// A fault. Numbers of time are milliseconds. The master is the one that leads, where there are two.
#[derive(Debug, Clone)]
pub enum Fault {
    KillMaster,
    KillWorker(u16),
    KillAll,
    KillMasterTwice,
    StopMaster(u64),
    StopWorker(u16, u64),
    CutLinks,
    DelayLinks(u64),
    BusyDatabase(u64),
    FullDisk(u64),
    ReadOnlyDisk,
    Point(&'static str, u64),
    /// The leading master is killed, and away until the other one leads.
    LoseLeader,
    KillStandby,
    /// Both masters are killed.
    KillMasters,
    /// The leading master stands still until the other one leads, and goes on this much later.
    StopLeader(u64),
    StopStandby(u64),
    StepDown,
    /// The leading master is cut off from the database until the other one leads, and this much
    /// longer.
    IsolateLeader(u64),
    /// The masters' connections to the database are cut.
    CutDatabase,
    /// They are cut, and new ones are refused for so long.
    RefuseDatabase(u64),
    /// Each read of them is delayed.
    DelayDatabase(u64),
}

/// What faults need.
#[derive(Debug)]
pub struct Scene<'a> {
    pub deployment: &'a Deployment,
    pub masters: &'a mut Masters,
    pub cluster: Option<&'a Cluster>,
}

/// Counts of ended processes.
#[derive(Debug, Default, Clone, Copy)]
pub struct Ended {
    /// Ended by SIGKILL, or at a fail point.
    pub kills: u64,
    /// Ended at a fail point.
    pub at_points: u64,
}

/// How often each fail point was armed, and how often the master died there.
#[derive(Debug, Default)]
pub struct FailpointCounts(BTreeMap<&'static str, (u64, u64)>);

/// The master has died at a fail point that was armed so often, unless it never reaches it.
const ARMED_ENOUGH: u64 = 5;

impl FailpointCounts {
    /// Counts what a fault did.
    pub fn add(&mut self, fault: &Fault, ended: Ended) {
        if let Fault::Point(name, _) = fault {
            let (armed, reached) = self.0.entry(name).or_default();
            *armed += 1;
            *reached += ended.at_points;
        }
    }

    /// Fail points that were armed often enough, and where the master never died.
    pub fn never_reached(&self) -> Vec<&'static str> {
        let never = |(armed, reached): &(u64, u64)| *armed >= ARMED_ENOUGH && *reached == 0;
        let names = self.0.iter().filter(|(_, counts)| never(counts));
        names.map(|(name, _)| *name).collect()
    }
}

impl fmt::Display for FailpointCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none was armed");
        }
        for (index, (name, (armed, reached))) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name} {reached} of {armed}")?;
        }
        Ok(())
    }
}

fn kills(kills: u64) -> Ended {
    Ended {
        kills,
        at_points: 0,
    }
}

fn pause(millis: u64) {
    // This is the length of a fault, not a wait for something.
    thread::sleep(Duration::from_millis(millis));
}

impl Fault {
    pub fn draw(random: &mut Random) -> Fault {
        let worker = random.between(1, WORKERS.into()) as u16;
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
            // Release builds have no fail points.
            _ if !cfg!(debug_assertions) => Fault::KillMaster,
            _ => Fault::Point(
                random.pick::<&'static str>(failpoint::POINTS),
                random.between(1, 4),
            ),
        }
    }

    /// Draws a fault of two masters.
    pub fn draw_of_masters(random: &mut Random) -> Fault {
        match random.between(0, 14) {
            0 | 1 => Fault::LoseLeader,
            2 => Fault::KillMaster,
            3 => Fault::KillStandby,
            4 => Fault::KillMasters,
            5 | 6 => Fault::StopLeader(random.between(0, 3_000)),
            7 => Fault::StopStandby(random.between(50, 5_000)),
            8 | 9 => Fault::StepDown,
            10 | 11 => Fault::IsolateLeader(random.between(0, 3_000)),
            12 => Fault::CutDatabase,
            13 => Fault::RefuseDatabase(random.between(50, 6_000)),
            _ => Fault::DelayDatabase(random.between(1, 40)),
        }
    }

    /// Each of two masters once, for the first rounds of a run: so that a short one has them all.
    pub fn first_of_masters(random: &mut Random) -> Vec<Fault> {
        vec![
            Fault::LoseLeader,
            Fault::StopLeader(random.between(0, 1_000)),
            Fault::StepDown,
            Fault::IsolateLeader(random.between(0, 1_000)),
            Fault::CutDatabase,
            Fault::KillMasters,
            Fault::KillStandby,
        ]
    }

    /// Whether it needs a disk of the run's own below the database.
    pub fn needs_disk(&self) -> bool {
        matches!(self, Fault::FullDisk(_) | Fault::ReadOnlyDisk)
    }

    /// Draws a fault that kills.
    pub fn draw_kill(random: &mut Random) -> Fault {
        match random.between(0, WORKERS.into()) {
            0 => Fault::KillMaster,
            worker => Fault::KillWorker(worker as u16),
        }
    }

    /// Processes that it kills at least, whatever the timing.
    pub fn certain_kills(&self) -> u64 {
        match self {
            Fault::KillMaster
            | Fault::KillWorker(_)
            | Fault::ReadOnlyDisk
            | Fault::Point(..)
            | Fault::LoseLeader
            | Fault::KillStandby => 1,
            Fault::KillMasterTwice | Fault::KillMasters => 2,
            Fault::KillAll => 1 + u64::from(WORKERS),
            Fault::StopMaster(_)
            | Fault::StopWorker(..)
            | Fault::CutLinks
            | Fault::DelayLinks(_)
            | Fault::BusyDatabase(_)
            | Fault::FullDisk(_)
            | Fault::StopLeader(_)
            | Fault::StopStandby(_)
            | Fault::StepDown
            | Fault::IsolateLeader(_)
            | Fault::CutDatabase
            | Fault::RefuseDatabase(_)
            | Fault::DelayDatabase(_) => 0,
        }
    }

    /// Injects the fault; returns what it ended.
    pub fn inject(&self, random: &mut Random, scene: &mut Scene<'_>) -> Ended {
        let deployment = scene.deployment;
        match self {
            Fault::KillMaster => {
                scene.leader().kill();
                pause(random.between(0, 400));
                kills(1)
            }
            Fault::KillWorker(worker) => {
                deployment.worker(*worker).kill();
                pause(random.between(0, 400));
                kills(1)
            }
            Fault::KillAll => {
                deployment.workers().iter().for_each(Daemon::kill);
                deployment.masters().for_each(Daemon::kill);
                kills(deployment.daemons().count() as u64)
            }
            Fault::KillMasterTwice => {
                let master = scene.leader();
                master.kill();
                master.spawn();
                pause(random.between(0, 400));
                master.kill();
                kills(2)
            }
            Fault::StopMaster(millis) => {
                stop_for(scene.leader(), *millis);
                kills(0)
            }
            Fault::StopWorker(worker, millis) => {
                stop_for(deployment.worker(*worker), *millis);
                kills(0)
            }
            Fault::CutLinks => {
                deployment.proxies().iter().for_each(Proxy::cut);
                kills(0)
            }
            Fault::DelayLinks(millis) => {
                delay(deployment.proxies(), *millis);
                kills(0)
            }
            Fault::BusyDatabase(millis) => {
                busy(*millis, &deployment.database());
                kills(0)
            }
            Fault::FullDisk(millis) => {
                full_disk(*millis, deployment);
                kills(0)
            }
            Fault::ReadOnlyDisk => read_only(deployment),
            Fault::Point(name, count) => point(name, *count, scene),
            _ => self.inject_into_masters(scene),
        }
    }

    /// The faults of two masters.
    fn inject_into_masters(&self, scene: &mut Scene<'_>) -> Ended {
        let deployment = scene.deployment;
        match self {
            Fault::LoseLeader => {
                let (leader, other) = scene.masters.both(deployment);
                let begun = scene.take_over("the leader was killed");
                leader.kill();
                scene.masters.until_leads(deployment, other, begun);
                kills(1)
            }
            Fault::KillStandby => {
                let (_, other) = scene.masters.both(deployment);
                other.kill();
                kills(1)
            }
            Fault::KillMasters => {
                deployment.masters().for_each(Daemon::kill);
                kills(2)
            }
            Fault::StopLeader(millis) => {
                stop_leader(*millis, scene);
                kills(0)
            }
            Fault::StopStandby(millis) => {
                stop_for(scene.masters.both(deployment).1, *millis);
                kills(0)
            }
            Fault::StepDown => {
                let (other, begun) = loop {
                    let (leader, other) = scene.masters.both(deployment);
                    let begun = scene.take_over("the leader stepped down");
                    // It is refused where it knows of no other one.
                    if masters::step_down(deployment, leader) {
                        break (other, begun);
                    }
                    scene.masters.until_whole(deployment);
                };
                scene.masters.until_succeeds(deployment, other, begun);
                kills(0)
            }
            Fault::IsolateLeader(millis) => {
                let (leader, other) = scene.masters.both(deployment);
                let begun = scene.take_over("the leader was cut off from the database");
                let proxies = deployment.database_proxies(leader);
                proxies.iter().for_each(|proxy| proxy.refuse(true));
                scene.masters.until_leads(deployment, other, begun);
                pause(*millis);
                proxies.iter().for_each(|proxy| proxy.refuse(false));
                kills(0)
            }
            Fault::CutDatabase => {
                all_database_proxies(deployment).for_each(Proxy::cut);
                kills(0)
            }
            Fault::RefuseDatabase(millis) => {
                all_database_proxies(deployment).for_each(|proxy| proxy.refuse(true));
                pause(*millis);
                all_database_proxies(deployment).for_each(|proxy| proxy.refuse(false));
                kills(0)
            }
            Fault::DelayDatabase(millis) => {
                delay(all_database_proxies(deployment), *millis);
                kills(0)
            }
            other => panic!("{other:?} is none of two masters"),
        }
    }
}

impl<'a> Scene<'a> {
    fn leader(&mut self) -> &'a Daemon {
        self.masters.leader(self.deployment)
    }

    fn take_over(&self, what: &'static str) -> masters::TakeOver {
        self.masters.take_over(what, self.deployment, self.cluster)
    }
}

/// The name of a fault, without its times.
pub fn kind(fault: &impl fmt::Debug) -> String {
    let text = format!("{fault:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}

fn all_database_proxies(deployment: &Deployment) -> impl Iterator<Item = &Proxy> {
    let masters = deployment.masters();
    masters.flat_map(|master| deployment.database_proxies(master))
}

fn stop_for(daemon: &Daemon, millis: u64) {
    daemon.signal(Signal::STOP);
    pause(millis);
    daemon.signal(Signal::CONT);
}

/// Stops the leader until the other master leads. It must end once it goes on.
fn stop_leader(millis: u64, scene: &mut Scene<'_>) {
    let (leader, other) = scene.masters.both(scene.deployment);
    let begun = scene.take_over("the leader stood still");
    leader.signal(Signal::STOP);
    scene.masters.until_leads(scene.deployment, other, begun);
    pause(millis);
    leader.signal(Signal::CONT);
    let status = leader.wait_exit(TEST_TIMEOUT).expect("it leads no more");
    scene.masters.ended(leader, status, true);
}

fn delay<'a>(proxies: impl IntoIterator<Item = &'a Proxy>, millis: u64) {
    let proxies: Vec<&Proxy> = proxies.into_iter().collect();
    let set = |millis| {
        let delay = Duration::from_millis(millis);
        proxies.iter().for_each(|proxy| proxy.delay(delay));
    };
    set(millis);
    pause(500);
    set(0);
}

/// Holds the lock of who writes.
fn busy(millis: u64, database: &DatabaseUrl) {
    match database {
        DatabaseUrl::Sqlite(file) => {
            let holder = Connection::open(file).unwrap();
            holder.busy_timeout(Duration::from_secs(10)).unwrap();
            holder.execute_batch("BEGIN IMMEDIATE").unwrap();
            pause(millis);
            holder.execute_batch("ROLLBACK").unwrap();
        }
        DatabaseUrl::Postgres(url) => {
            let seconds = Duration::from_millis(millis).as_secs_f64();
            // Two statements: one would sleep before it locks.
            let hold = format!(
                "BEGIN; SELECT 1 FROM master_epoch FOR UPDATE; SELECT pg_sleep({seconds}); COMMIT"
            );
            let held = Command::new("psql")
                .args(["--quiet", "--output=/dev/null", "--command", &hold])
                .arg(url.text())
                .status();
            // Of several hosts the primary may be on its way elsewhere.
            let is_one = url.connection().get_hosts().len() == 1;
            assert!(held.unwrap().success() || !is_one);
        }
    }
}

/// Makes every write fail. The write-ahead log would still have room in its own file, so it is
/// checkpointed and truncated, and the space that this frees is filled too.
fn full_disk(millis: u64, deployment: &Deployment) {
    let Some(disk) = deployment.disk() else {
        return;
    };
    let fold = || {
        let folder = Connection::open(deployment.database_path()).unwrap();
        folder.busy_timeout(Duration::from_secs(2)).unwrap();
        // A checkpoint may fail on a full disk.
        let _ = folder.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    };
    fold();
    disk.fill();
    fold();
    disk.fill_on();
    pause(millis);
    disk.clear();
}

/// Starts the master on a read-only disk: it must end at once.
fn read_only(deployment: &Deployment) -> Ended {
    deployment.master().kill();
    if let Some(disk) = deployment.disk() {
        disk.set_writable(false);
        deployment.master().spawn();
        assert!(
            !deployment.master().serves(),
            "a master serves on a read-only disk"
        );
        assert!(
            deployment.master().wait_exit(TEST_TIMEOUT).is_some(),
            "it hangs"
        );
        disk.set_writable(true);
    }
    kills(1)
}

/// Arms a fail point, at which the master dies. A master that does not reach it is killed. Where there
/// are two, the other one takes over what is half done.
fn point(name: &str, count: u64, scene: &mut Scene<'_>) -> Ended {
    let master = scene.leader();
    let others: Vec<&Daemon> = scene
        .deployment
        .masters()
        .filter(|it| it.name() != master.name())
        .collect();
    others.iter().for_each(|it| it.kill());
    master.kill();
    master.spawn_with_failpoint(&format!("{name}:{count}"));
    master.serves();
    others.iter().for_each(|it| it.spawn());
    let dies = master.wait_exit(Duration::from_secs(3)).is_some();
    let more = others.len() as u64;
    if dies {
        Ended {
            kills: 1 + more,
            at_points: 1,
        }
    } else {
        kills(2 + more)
    }
}
