//! spec/testkit/eventually.md · 3.1.1, 3.2.1 deployment and running stage
//!
//! How long a test waits, and for what.

use std::time::{Duration, Instant};

/// What a test waits for comes within this, or never; a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two questions of [`eventually`].
const ASK_INTERVAL: Duration = Duration::from_millis(10);

/// What the servers promise to do within `promised`, as a test may judge it: on a machine whose
/// cores do other things too, everything takes longer. Exact times are the bench's affair.
pub fn busy(promised: Duration) -> Duration {
    promised * 3
}

/// Asks again until there is an answer: for what has no event to wait for. Panics when none comes
/// in time.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < until, "in vain: {what}");
        std::thread::sleep(ASK_INTERVAL);
    }
}

/// Waits until it is so, as [`eventually`] does.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    eventually(what, || is_so().then_some(()));
}
