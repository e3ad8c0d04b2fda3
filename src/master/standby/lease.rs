//! spec/master/standby.md · 3.1.2 Database Management
//!
//! Keeps the place of the master that leads: renews its lease, and ends the process where it may have
//! run out.
//!
//! Tests: `src/master/storage/postgres/lease/tests.rs`, `tests/suite/master/standby.rs`.

use crate::config::DatabaseUrl;
use crate::master::storage::{
    PostgresLease, StandbyMaster, StorageError, StorageLock, end_superseded,
};
use crate::runtime::clock::boot_millis;
use crate::runtime::log::Throttle;
use crate::runtime::published::Published;
use crate::runtime::{self, Stop, ThreadHandle};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A lease is renewed so many times before it runs out, at least.
const RENEWALS: u32 = 3;
/// The longest time between two renewals, with which it is read who stands by.
const RENEWAL_INTERVAL_MAX: Duration = Duration::from_secs(2);
/// Time between two attempts where the server is not reached.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);
/// How often it is looked whether the lease still holds, at least: a machine that slept has lost it.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// The threads end within this time.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// What lets a master alone write to its database.
#[derive(Debug)]
pub enum DatabaseHold {
    /// The lock of its file.
    File(StorageLock),
    /// The lease that is renewed.
    Lease(LeaseKeeper),
}

impl DatabaseHold {
    /// Checks that it still holds, once all that needs it has been opened.
    ///
    /// # Errors
    /// Another master may have taken the database meanwhile.
    pub fn check(&self) -> Result<(), StorageError> {
        match self {
            DatabaseHold::File(_) => Ok(()),
            DatabaseHold::Lease(keeper) => keeper.lease.renew(),
        }
    }

    /// Whoever may take this master's place; `None` where the database is a file.
    pub fn lease(&self) -> Option<LeaseView> {
        match self {
            DatabaseHold::File(_) => None,
            DatabaseHold::Lease(keeper) => Some(LeaseView {
                lease: Arc::clone(&keeper.lease),
                standbys: Arc::clone(&keeper.standbys),
            }),
        }
    }
}

/// The lease, for who shows it or gives it up.
#[derive(Debug, Clone)]
pub struct LeaseView {
    lease: Arc<PostgresLease>,
    standbys: Arc<Published<Vec<StandbyMaster>>>,
}

impl LeaseView {
    /// The masters that stood by at the last renewal.
    pub fn standbys(&self) -> Vec<StandbyMaster> {
        self.standbys.load().to_vec()
    }

    /// Chooses who takes the lease once it is released: the standby that has said last that it is there.
    ///
    /// # Errors
    /// There is none, or the server fails.
    pub fn choose_successor(&self) -> Result<StandbyMaster, String> {
        let standbys = self
            .lease
            .standbys()
            .map_err(|error| format!("the database does not tell who stands by: {error}"))?;
        let successor = standbys.into_iter().next().ok_or_else(|| {
            "no other master stands by, and nothing was done: start one, or stop this one with \
             systemctl stop papertrader-master"
                .to_owned()
        })?;
        self.lease.name_successor(successor.holder);
        Ok(successor)
    }
}

/// The threads that keep a lease. It is released when this is dropped.
#[derive(Debug)]
pub struct LeaseKeeper {
    lease: Arc<PostgresLease>,
    standbys: Arc<Published<Vec<StandbyMaster>>>,
    stop: Stop,
    threads: Vec<ThreadHandle>,
}

impl LeaseKeeper {
    /// Keeps a lease from now on.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(lease: PostgresLease) -> io::Result<LeaseKeeper> {
        let mut keeper = LeaseKeeper {
            lease: Arc::new(lease),
            standbys: Arc::new(Published::new(Vec::new())),
            stop: Stop::new(),
            threads: Vec::new(),
        };
        let (lease, stop) = (Arc::clone(&keeper.lease), keeper.stop.clone());
        keeper
            .threads
            .push(runtime::spawn("lease-watch", move || watch(&lease, &stop))?);
        let (lease, stop) = (Arc::clone(&keeper.lease), keeper.stop.clone());
        let standbys = Arc::clone(&keeper.standbys);
        keeper.threads.push(runtime::spawn("lease", move || {
            renew(&lease, &standbys, &stop);
        })?);
        Ok(keeper)
    }
}

impl Drop for LeaseKeeper {
    fn drop(&mut self) {
        self.stop.request();
        let deadline = Instant::now() + STOP_TIMEOUT;
        runtime::join_all(std::mem::take(&mut self.threads), deadline);
        // Others may still show the lease.
        self.lease.release();
    }
}

/// Renews the lease. Where the server is not reached it is tried again, until the watch ends the
/// process.
fn renew(lease: &PostgresLease, standbys: &Published<Vec<StandbyMaster>>, stop: &Stop) {
    let failures = Throttle::new(3, Duration::from_secs(60));
    let interval = (lease.duration() / RENEWALS).min(RENEWAL_INTERVAL_MAX);
    let mut pause = interval;
    while !stop.wait(pause) {
        let renewed = lease.renew().and_then(|()| lease.standbys());
        pause = match renewed {
            Ok(found) => {
                tell_changes(&standbys.load(), &found);
                standbys.store(found);
                interval
            }
            Err(StorageError::Superseded(why)) => end_superseded(&why),
            Err(error) => {
                if let Some(more) = failures.allow("renewal") {
                    let left = lease.holds_until().saturating_sub(boot_millis()).max(0);
                    crate::warn!(
                        "the lease could not be renewed, and holds for {left} ms: {error}{more}"
                    );
                }
                RETRY_INTERVAL
            }
        };
    }
}

fn tell_changes(before: &[StandbyMaster], now: &[StandbyMaster]) {
    let is_in = |all: &[StandbyMaster], one: &StandbyMaster| {
        all.iter().any(|other| other.holder == one.holder)
    };
    for come in now.iter().filter(|it| !is_in(before, it)) {
        crate::info!(
            "the master at {} stands by, version {}",
            come.name,
            come.version
        );
    }
    for gone in before.iter().filter(|it| !is_in(now, it)) {
        crate::warn!("the master at {} does not stand by any more", gone.name);
    }
}

/// Ends the process once the lease may have run out. It never waits for the server.
fn watch(lease: &PostgresLease, stop: &Stop) {
    loop {
        let left = lease.holds_until().saturating_sub(boot_millis()).max(0);
        let Ok(left) = u64::try_from(left) else {
            end_lost(lease);
        };
        if left == 0 {
            end_lost(lease);
        }
        if stop.wait(Duration::from_millis(left).min(LOOK_INTERVAL)) {
            return;
        }
    }
}

fn end_lost(lease: &PostgresLease) -> ! {
    end_superseded(&format!(
        "the lease of {:?} could not be renewed: another master may lead",
        lease.duration()
    ))
}

/// Where this process runs, for people: host and port of its `listen`, which may be any address of the
/// machine.
pub fn own_name(listen: std::net::SocketAddr) -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    format!("{host} ({listen})")
}

/// The database's server; `None` where it is a file.
pub fn server(url: &DatabaseUrl) -> Option<&crate::config::PostgresUrl> {
    match url {
        DatabaseUrl::Sqlite(_) => None,
        DatabaseUrl::Postgres(url) => Some(url),
    }
}
