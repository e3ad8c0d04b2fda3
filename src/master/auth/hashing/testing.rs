//! spec/master/auth.md · 3.1.3 ("all passwords should be hashed and salted")
//!
//! A pool without threads, whose jobs the test does.

use super::{HashJobs, HashingPool, outcome};
use crate::master::messages::{AuthMessage, HashJob};
use crate::model::HashedPass;
use crate::runtime::fair_queue::Turn;
use std::sync::Arc;

impl HashingPool {
    /// The pool of one thread, and that thread.
    pub(crate) fn scripted() -> (HashingPool, ScriptedHasher) {
        let jobs = HashJobs::new(1);
        let decoy = "decoy".to_owned();
        let hasher = ScriptedHasher(Arc::clone(&jobs));
        (HashingPool { jobs, decoy }, hasher)
    }
}

/// The test in place of a hashing thread.
pub(crate) struct ScriptedHasher(Arc<HashJobs>);

impl ScriptedHasher {
    /// Takes the job whose turn it is.
    pub(crate) fn take(&self) -> Option<(Turn, HashJob)> {
        let (turn, job, _) = self.0.state.lock().take()?;
        Some((turn, job))
    }

    /// The same, of a hash that takes no time.
    pub(crate) fn take_done(&self) -> Option<HashJob> {
        let (turn, job) = self.take()?;
        self.release(turn);
        Some(job)
    }

    /// A job is done.
    pub(crate) fn release(&self, turn: Turn) {
        self.0.release(turn);
    }

    /// Number of waiting jobs.
    pub(crate) fn waiting(&self) -> usize {
        self.0.state.lock().queue.len()
    }
}

/// The hash that [`done`] gives a password: none at all, which costs nothing.
pub(crate) fn hash(hashed_pass: &HashedPass) -> String {
    format!("hash of {}", hashed_pass.expose())
}

/// What comes of a job.
pub(crate) fn done(job: HashJob) -> AuthMessage {
    match job {
        HashJob::Verify {
            hashed_pass,
            stored,
            pending,
        } => AuthMessage::Verified(pending, stored == hash(&hashed_pass), None),
        HashJob::Hash {
            hashed_pass,
            pending,
        } => AuthMessage::Hashed(pending, Some(hash(&hashed_pass))),
        HashJob::Change { old, new, pending } => {
            let again = pending.reply_to.again;
            let fits = |pass: &HashedPass, stored: &str| stored == hash(pass);
            let outcome = outcome(old, new.as_ref(), again, fits, |new| Some(hash(new)));
            AuthMessage::Confirmed(pending, outcome)
        }
    }
}
