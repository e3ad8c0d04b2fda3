//! spec/testkit.md · 3.1.1, 3.2.1 deployment and running stage
//!
//! How tests wait for what has no event.

use std::time::{Duration, Instant};

/// How long a test waits at most. A busy machine is slow, so it is long.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Time between two calls of [`eventually`]'s closure.
const ASK_INTERVAL: Duration = Duration::from_millis(10);

/// The time that a test allows for what the servers promise to do within `promised`. It is longer,
/// because the machine may be busy. The bench measures exact times.
pub fn busy(promised: Duration) -> Duration {
    promised * 3
}

/// Calls `ask` again until it returns a value. Panics after [`TEST_TIMEOUT`].
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + TEST_TIMEOUT;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < until, "timed out: {what}");
        std::thread::sleep(ASK_INTERVAL);
    }
}

/// Waits until `is_so` returns true, as [`eventually`] does.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    eventually(what, || is_so().then_some(()));
}
