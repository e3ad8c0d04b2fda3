//! spec/master/auth.md · 3.1.3 ("all passwords should be hashed and salted")
//!
//! A pool without threads, whose jobs the test does.

use super::HashingPool;
use crate::master::messages::{AuthMessage, HASH_JOBS_MAX, HashJob};
use crate::model::HashedPass;
use crossbeam_channel::{Receiver, bounded};

impl HashingPool {
    /// A pool whose jobs arrive at the receiver.
    pub(crate) fn scripted() -> (HashingPool, Receiver<HashJob>) {
        let (jobs, inbox) = bounded(HASH_JOBS_MAX);
        let decoy = "decoy".to_owned();
        (HashingPool { jobs, decoy }, inbox)
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
        } => AuthMessage::Verified(pending, stored == hash(&hashed_pass)),
        HashJob::Hash {
            hashed_pass,
            pending,
        } => AuthMessage::Hashed(pending, Some(hash(&hashed_pass))),
    }
}
