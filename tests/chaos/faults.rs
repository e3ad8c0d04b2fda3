//! The faults of a deployment.

use crate::WORKERS;
use crate::random::Random;
use papertrader::config::DatabaseUrl;
use papertrader::runtime::failpoint;
use papertrader::testkit::{Daemon, Deployment, TEST_TIMEOUT};
use rusqlite::Connection;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// A fault. Numbers of time are milliseconds.
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
            Fault::KillMaster | Fault::KillWorker(_) | Fault::ReadOnlyDisk | Fault::Point(..) => 1,
            Fault::KillMasterTwice => 2,
            Fault::KillAll => 1 + u64::from(WORKERS),
            Fault::StopMaster(_)
            | Fault::StopWorker(..)
            | Fault::CutLinks
            | Fault::DelayLinks(_)
            | Fault::BusyDatabase(_)
            | Fault::FullDisk(_) => 0,
        }
    }

    /// Injects the fault; returns what it ended.
    pub fn inject(&self, random: &mut Random, deployment: &Deployment) -> Ended {
        match self {
            Fault::KillMaster => {
                deployment.master().kill();
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
                deployment.master().kill();
                kills(1 + u64::from(WORKERS))
            }
            Fault::KillMasterTwice => {
                deployment.master().kill();
                deployment.master().spawn();
                pause(random.between(0, 400));
                deployment.master().kill();
                kills(2)
            }
            Fault::StopMaster(millis) => {
                deployment.master().signal(Signal::STOP);
                pause(*millis);
                deployment.master().signal(Signal::CONT);
                kills(0)
            }
            Fault::StopWorker(worker, millis) => {
                deployment.worker(*worker).signal(Signal::STOP);
                pause(*millis);
                deployment.worker(*worker).signal(Signal::CONT);
                kills(0)
            }
            Fault::CutLinks => {
                deployment.proxy().cut();
                kills(0)
            }
            Fault::DelayLinks(millis) => {
                deployment.proxy().delay(Duration::from_millis(*millis));
                pause(500);
                deployment.proxy().delay(Duration::ZERO);
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
            Fault::Point(name, count) => point(name, *count, deployment),
        }
    }
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
            let hold = format!("SELECT pg_sleep({seconds}) FROM master_epoch FOR UPDATE");
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

/// Arms a fail point, at which the master dies. A master that does not reach it is killed.
fn point(name: &str, count: u64, deployment: &Deployment) -> Ended {
    deployment.master().kill();
    deployment
        .master()
        .spawn_with_failpoint(&format!("{name}:{count}"));
    deployment.master().serves();
    let dies = deployment
        .master()
        .wait_exit(Duration::from_secs(3))
        .is_some();
    if dies {
        Ended {
            kills: 1,
            at_points: 1,
        }
    } else {
        kills(2)
    }
}
