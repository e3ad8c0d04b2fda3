//! spec/master/auth.md · 3.1.3 ("all passwords should be hashed and salted")
//!
//! Hashes and verifies passwords with bcrypt on a pool of threads, since a computation takes a
//! quarter of a second. The pool never makes auth wait: what finds no room in its queue is refused.
//! The queue is shared by worker, neighbourhood and name.

use crate::master::messages::{AuthMessage, HASH_JOBS_MAX, HashJob, HashOutcome};
use crate::master::reply_to::ReplyTo;
use crate::model::HashedPass;
use crate::runtime::fair_queue::{FairQueue, ShareLevel, Turn};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::runtime::{self, ThreadHandle};
use crossbeam_channel::Sender;
use parking_lot::{Condvar, Mutex};
use std::hint::black_box;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use uuid::Uuid;

/// Niceness of the hashing threads: they get a third of another thread's processor time while both
/// want it.
const NICENESS: i32 = 5;

/// bcrypt's costs: what doubles with each.
#[derive(Debug, Clone, Copy)]
pub struct HashCosts {
    /// The cost of new hashes. An older one of a lower cost is made anew at the next login.
    pub new: u32,
    /// The highest cost of any stored hash.
    pub highest_stored: u32,
}

/// The queue of a pool of hashing threads. Dropping it ends them.
pub struct HashingPool {
    jobs: Arc<HashJobs>,
    decoy: String,
}

/// A key of the queue of hashes: who shares the pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum HashShare {
    /// The worker that names the client's address.
    Worker(Uuid),
    /// The network around the client's neighbourhood, or the neighbourhood.
    Network(Neighbourhood),
    /// The username in lower case, of a login or a registration.
    Name(String),
}

/// Jobs that wait for a thread.
struct HashJobs {
    state: Mutex<JobsState>,
    /// A job may be taken, or the pool has closed.
    changed: Condvar,
}

struct JobsState {
    queue: FairQueue<HashShare, QueuedJob, 4>,
    /// Jobs that threads have taken so far, and those that are done.
    taken: u64,
    done: u64,
    is_closed: bool,
}

impl JobsState {
    /// Takes the job whose turn it is, with the number of those before it: those that were in work
    /// when it came, and those that were taken since.
    fn take(&mut self) -> Option<(Turn, HashJob, u64)> {
        let (turn, QueuedJob { job, done_before }) = self.queue.take()?;
        let others = self.taken - done_before;
        self.taken += 1;
        Some((turn, job, others))
    }
}

/// A job, and how many were done when it came.
struct QueuedJob {
    job: HashJob,
    done_before: u64,
}

impl HashJobs {
    fn new(threads: usize) -> Arc<HashJobs> {
        let all = threads * HASH_JOBS_MAX;
        let [around, near] = ShareLevel::of_addresses(all);
        // A name is bounded as its neighbourhood is.
        let levels = [ShareLevel::new(1, all), around, near, near];
        Arc::new(HashJobs {
            state: Mutex::new(JobsState {
                queue: FairQueue::new(all, levels),
                taken: 0,
                done: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
        })
    }

    /// Waits for a job whose turn it is; `None` once the pool has closed.
    fn next(&self) -> Option<(Turn, HashJob)> {
        let mut state = self.state.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some((turn, job, others)) = state.take() {
                drop(state);
                if let Some(client) = reply_to(&job).client {
                    crate::debug!("a hash for {client} waited for {others} others");
                }
                return Some((turn, job));
            }
            self.changed.wait(&mut state);
        }
    }

    /// A job is done: the next one of its name may be taken.
    fn release(&self, turn: Turn) {
        let mut state = self.state.lock();
        state.queue.release(turn);
        state.done += 1;
        drop(state);
        self.changed.notify_one();
    }

    fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_all();
    }
}

impl Drop for HashingPool {
    fn drop(&mut self) {
        self.jobs.close();
    }
}

/// Who gets a job's result.
fn reply_to(job: &HashJob) -> &ReplyTo {
    match job {
        HashJob::Verify { pending, .. } => &pending.reply_to,
        HashJob::Change { pending, .. } => &pending.reply_to,
        HashJob::Hash { pending, .. } => &pending.reply_to,
    }
}

/// The path of a job in the queue.
fn share(job: &HashJob) -> [HashShare; 4] {
    let reply_to = reply_to(job);
    let name = match job {
        HashJob::Verify { pending, .. } => pending.counted.name.clone(),
        HashJob::Change { pending, .. } => pending.username.key(),
        HashJob::Hash { pending, .. } => pending.username.key(),
    };
    let near = Neighbourhood::of(reply_to.client_ip());
    [
        HashShare::Worker(reply_to.peer.worker.uuid),
        HashShare::Network(near.around()),
        HashShare::Network(near),
        HashShare::Name(name),
    ]
}

/// The number of hashing threads: all cores but one, and at least one.
pub fn threads() -> usize {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .saturating_sub(1)
        .max(1)
}

impl HashingPool {
    /// Starts the threads, which send their results to `auth`. They end when the pool or auth's
    /// inbox is dropped.
    ///
    /// # Errors
    /// A thread cannot be started, or the decoy cannot be hashed.
    pub fn start(
        costs: HashCosts,
        auth: &Sender<AuthMessage>,
    ) -> io::Result<(HashingPool, Vec<ThreadHandle>)> {
        let count = threads();
        let decoy = bcrypt::hash("a password that nobody has", costs.new);
        let decoy = decoy.map_err(io::Error::other)?;
        let jobs = HashJobs::new(count);
        let pool = HashingPool { jobs, decoy };
        let mut handles = Vec::new();
        for number in 0..count {
            let (jobs, auth) = (Arc::clone(&pool.jobs), auth.clone());
            handles.push(runtime::spawn(format!("hash-{number}"), move || {
                // Quotes and orders must not wait for a login, which is slow anyway. On Linux the
                // niceness belongs to the thread. Where the system forbids it, the pool works
                // without it.
                let _ = rustix::process::nice(NICENESS);
                while let Some((turn, job)) = jobs.next() {
                    let result = compute(job, costs);
                    jobs.release(turn);
                    // Waits while auth's inbox is full. That cannot deadlock: auth never waits for
                    // the pool.
                    if auth.send(result).is_err() {
                        return;
                    }
                }
            })?);
        }
        Ok((pool, handles))
    }

    /// A hash that matches no client's password, to verify logins with unknown names against.
    pub fn decoy(&self) -> String {
        self.decoy.clone()
    }

    /// Puts a job on the queue. Returns the job that finds no room: this one, or the newest of
    /// whoever has most there.
    #[must_use = "the job without room is to be refused"]
    pub fn submit(&self, job: HashJob) -> Option<HashJob> {
        let path = share(&job);
        let mut state = self.jobs.state.lock();
        let done_before = state.done;
        let without_room = state.queue.push(path, QueuedJob { job, done_before });
        drop(state);
        self.jobs.changed.notify_one();
        without_room.map(|queued| queued.job)
    }
}

fn compute(job: HashJob, costs: HashCosts) -> AuthMessage {
    match job {
        HashJob::Verify {
            hashed_pass,
            stored,
            pending,
        } => {
            let matches = bcrypt::verify(hashed_pass.expose(), &stored).unwrap_or(false);
            let cost = cost_of(&stored).unwrap_or(costs.new);
            // Else the time would tell which hash was there: none, an old one, a new one.
            for cost in missing(cost, costs) {
                black_box(bcrypt::bcrypt(
                    cost,
                    [0; 16],
                    hashed_pass.expose().as_bytes(),
                ));
            }
            let is_old = matches && cost < costs.new;
            let renewed = if is_old {
                new_hash(&hashed_pass, costs.new)
            } else {
                None
            };
            AuthMessage::Verified(pending, matches, renewed)
        }
        HashJob::Hash {
            hashed_pass,
            pending,
        } => AuthMessage::Hashed(pending, new_hash(&hashed_pass, costs.new)),
        HashJob::Change { old, new, pending } => {
            let fits = |pass: &HashedPass, stored: &str| {
                bcrypt::verify(pass.expose(), stored).unwrap_or(false)
            };
            let hash = |new: &HashedPass| new_hash(new, costs.new);
            let outcome = outcome(old, new.as_ref(), pending.reply_to.again, fits, hash);
            AuthMessage::Confirmed(pending, outcome)
        }
    }
}

/// The cost of a bcrypt hash, `$2b$12$…`.
fn cost_of(hash: &str) -> Option<u32> {
    hash.split('$').nth(2)?.parse().ok()
}

/// The costs of computations that, with one of `cost`, are as much work as one of the highest cost:
/// 2^c + 2^c + 2^(c+1) + … + 2^(h-1) = 2^h.
fn missing(cost: u32, costs: HashCosts) -> Range<u32> {
    cost..costs.new.max(costs.highest_stored)
}

/// The bcrypt hash of a password; `None` if it cannot be made, which is logged.
fn new_hash(hashed_pass: &HashedPass, cost: u32) -> Option<String> {
    let hash = bcrypt::hash(hashed_pass.expose(), cost);
    if let Err(error) = &hash {
        crate::error!("no password can be hashed: {error}");
    }
    hash.ok()
}

/// What comes of a change's passwords. A change that is sent `again` after a broken link may have
/// been made: the stored password is the new one then.
fn outcome(
    old: Option<(HashedPass, String)>,
    new: Option<&HashedPass>,
    again: bool,
    fits: impl Fn(&HashedPass, &str) -> bool,
    hash: impl Fn(&HashedPass) -> Option<String>,
) -> HashOutcome {
    if let Some((old, stored)) = old
        && !fits(&old, &stored)
    {
        let is_made = again && new.is_some_and(|new| fits(new, &stored));
        return if is_made {
            HashOutcome::Repeated
        } else {
            HashOutcome::Wrong
        };
    }
    match new.map(hash) {
        None => HashOutcome::Right(None),
        Some(Some(hash)) => HashOutcome::Right(Some(hash)),
        Some(None) => HashOutcome::Failed,
    }
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests;
