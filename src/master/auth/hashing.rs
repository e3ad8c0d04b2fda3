//! spec/master/auth/hashing.md · 3.1.3 ("all passwords should be hashed and salted")
//!
//! bcrypt takes a quarter of a second and is meant to: it runs on threads of its own, behind a queue so
//! short that it refuses rather than grows.

use super::login::{PendingLogin, PendingRegistration};
use crate::model::HashedPass;
use crate::runtime::{self, ThreadHandle};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::io;

/// Hashes that may wait, for each thread of the pool.
pub const QUEUE_PER_THREAD: usize = 32;

/// How much less the scheduler favours a thread that hashes: a third of what the others get, while they want it.
const NICENESS: i32 = 5;

/// What is to be computed.
pub enum HashJob {
    /// Does the password belong to this hash? For an unknown name the hash is one that fits nothing, so
    /// that the answer takes as long.
    Verify {
        /// What was sent.
        hashed_pass: HashedPass,
        /// What is stored.
        stored: String,
        /// The login that waits for it.
        pending: PendingLogin,
    },
    /// A hash to be stored.
    Hash {
        /// What was sent.
        hashed_pass: HashedPass,
        /// The registration that waits for it.
        pending: PendingRegistration,
    },
}

/// What was computed.
pub enum HashOutcome {
    /// Whether it belongs.
    Verified(PendingLogin, bool),
    /// The hash, unless the system has no random bytes.
    Hashed(PendingRegistration, Option<String>),
}

/// The pool.
#[derive(Debug)]
pub struct HashingPool {
    jobs: Sender<HashJob>,
    /// What has been computed.
    pub outcomes: Receiver<HashOutcome>,
    decoy: String,
}

/// How many threads hash: all cores but one, which the other modules share.
pub fn threads() -> usize {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .saturating_sub(1)
        .max(1)
}

impl HashingPool {
    /// Starts the threads; they end when the pool is dropped.
    ///
    /// # Errors
    /// A thread cannot be started, or the first hash cannot be made.
    pub fn start(cost: u32) -> io::Result<(HashingPool, Vec<ThreadHandle>)> {
        let count = threads();
        let (jobs, inbox) = bounded(count * QUEUE_PER_THREAD);
        let (buffer, outcomes) = bounded(count * QUEUE_PER_THREAD);
        let mut handles = Vec::new();
        for number in 0..count {
            let (inbox, buffer): (Receiver<HashJob>, Sender<HashOutcome>) = (inbox.clone(), buffer.clone());
            handles.push(runtime::spawn(format!("hash-{number}"), move || {
                // A login takes its time anyway; what else there is to do should not wait for it. On Linux this is the
                // thread's own. A system that forbids it has its reasons.
                let _ = rustix::process::nice(NICENESS);
                for job in inbox {
                    // Auth never waits for a job to be taken, so it always comes round to the outcomes.
                    if buffer.send(compute(job, cost)).is_err() {
                        return;
                    }
                }
            })?);
        }
        let decoy = bcrypt::hash("a password that nobody has", cost).map_err(io::Error::other)?;
        Ok((
            HashingPool {
                jobs,
                outcomes,
                decoy,
            },
            handles,
        ))
    }

    /// A hash that fits no password, for names that nobody has.
    pub fn decoy(&self) -> String {
        self.decoy.clone()
    }

    /// Puts a job on the queue.
    ///
    /// # Errors
    /// There is no room: the job comes back.
    pub fn submit(&self, job: HashJob) -> Result<(), Box<HashJob>> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => Box::new(job),
        })
    }
}

fn compute(job: HashJob, cost: u32) -> HashOutcome {
    match job {
        HashJob::Verify {
            hashed_pass,
            stored,
            pending,
        } => {
            let fits = bcrypt::verify(hashed_pass.expose(), &stored).unwrap_or(false);
            HashOutcome::Verified(pending, fits)
        }
        HashJob::Hash { hashed_pass, pending } => {
            let hash = bcrypt::hash(hashed_pass.expose(), cost);
            if let Err(error) = &hash {
                crate::error!("no password can be hashed: {error}");
            }
            HashOutcome::Hashed(pending, hash.ok())
        }
    }
}
