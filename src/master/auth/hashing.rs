//! spec/master/auth.md · 3.1.3 ("all passwords should be hashed and salted")
//!
//! Hashes and verifies passwords with bcrypt on a pool of threads, since a computation takes a
//! quarter of a second. The pool never makes auth wait: a full queue refuses the job.

use crate::master::messages::{AuthMessage, HASH_JOBS_MAX, HashJob};
use crate::runtime::{self, ThreadHandle};
use crossbeam_channel::{Sender, TrySendError, bounded};
use std::io;

/// Niceness of the hashing threads: they get a third of another thread's processor time while both
/// want it.
const NICENESS: i32 = 5;

/// The queue of a pool of hashing threads.
#[derive(Debug)]
pub struct HashingPool {
    jobs: Sender<HashJob>,
    decoy: String,
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
    /// inbox is dropped. `cost` is bcrypt's.
    ///
    /// # Errors
    /// A thread cannot be started, or the decoy cannot be hashed.
    pub fn start(
        cost: u32,
        auth: &Sender<AuthMessage>,
    ) -> io::Result<(HashingPool, Vec<ThreadHandle>)> {
        let count = threads();
        let (jobs, inbox) = bounded(count * HASH_JOBS_MAX);
        let mut handles = Vec::new();
        for number in 0..count {
            let (inbox, auth) = (inbox.clone(), auth.clone());
            handles.push(runtime::spawn(format!("hash-{number}"), move || {
                // Quotes and orders must not wait for a login, which is slow anyway. On Linux the
                // niceness belongs to the thread. Where the system forbids it, the pool works
                // without it.
                let _ = rustix::process::nice(NICENESS);
                for job in inbox {
                    // Waits while auth's inbox is full. That cannot deadlock: auth never waits for
                    // the pool.
                    if auth.send(compute(job, cost)).is_err() {
                        return;
                    }
                }
            })?);
        }
        let decoy = bcrypt::hash("a password that nobody has", cost).map_err(io::Error::other)?;
        Ok((HashingPool { jobs, decoy }, handles))
    }

    /// A hash that matches no client's password, to verify logins with unknown names against.
    pub fn decoy(&self) -> String {
        self.decoy.clone()
    }

    /// Puts a job on the queue.
    ///
    /// # Errors
    /// The queue is full; the job is returned.
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
            let matches = bcrypt::verify(hashed_pass.expose(), &stored).unwrap_or(false);
            AuthMessage::Verified(pending, matches)
        }
        HashJob::Hash {
            hashed_pass,
            pending,
        } => {
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
