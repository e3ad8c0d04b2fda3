//! spec/master/auth/hashing.md · 3.1.3 ("all passwords should be hashed and salted")
//!
//! Hashes and verifies passwords on threads of its own, since bcrypt takes a quarter of a second and is meant
//! to. Never makes auth wait: a full queue refuses.

use crate::master::messages::{AuthMessage, HASH_JOBS_MAX, HashJob};
use crate::runtime::{self, ThreadHandle};
use crossbeam_channel::{Sender, TrySendError, bounded};
use std::io;

/// How much less the scheduler favours a thread that hashes: a third of what the others get, while they want it.
const NICENESS: i32 = 5;

/// The pool.
#[derive(Debug)]
pub struct HashingPool {
    jobs: Sender<HashJob>,
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
    /// Starts the threads, which send what they have computed to `auth`. They end when the pool, or auth's
    /// inbox, is dropped.
    ///
    /// # Errors
    /// A thread cannot be started, or the first hash cannot be made.
    pub fn start(cost: u32, auth: &Sender<AuthMessage>) -> io::Result<(HashingPool, Vec<ThreadHandle>)> {
        let count = threads();
        let (jobs, inbox) = bounded(count * HASH_JOBS_MAX);
        let mut handles = Vec::new();
        for number in 0..count {
            let (inbox, auth) = (inbox.clone(), auth.clone());
            handles.push(runtime::spawn(format!("hash-{number}"), move || {
                // A login takes its time anyway; what else there is to do should not wait for it. On Linux this is the
                // thread's own. A system that forbids it has its reasons.
                let _ = rustix::process::nice(NICENESS);
                for job in inbox {
                    // Waits while auth's inbox is full. Auth never waits for the pool, so it always comes round to it.
                    if auth.send(compute(job, cost)).is_err() {
                        return;
                    }
                }
            })?);
        }
        let decoy = bcrypt::hash("a password that nobody has", cost).map_err(io::Error::other)?;
        Ok((HashingPool { jobs, decoy }, handles))
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

fn compute(job: HashJob, cost: u32) -> AuthMessage {
    match job {
        HashJob::Verify {
            hashed_pass,
            stored,
            pending,
        } => {
            let fits = bcrypt::verify(hashed_pass.expose(), &stored).unwrap_or(false);
            AuthMessage::Verified(pending, fits)
        }
        HashJob::Hash { hashed_pass, pending } => {
            let hash = bcrypt::hash(hashed_pass.expose(), cost);
            if let Err(error) = &hash {
                crate::error!("no password can be hashed: {error}");
            }
            AuthMessage::Hashed(pending, hash.ok())
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests;
