//! spec/runtime/failpoint.md · 3.1.7 (what a kill at a chosen moment leaves behind)
//!
//! Places at which a test makes the process die, where killing it from outside is too coarse: between a
//! commit and its answer, in the middle of a settlement. Only in builds with debug assertions; in a release
//! build nothing of it is left.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Names the place and how many times it is passed before the process dies: `settled:3`.
pub const VARIABLE: &str = "PAPERTRADER_FAULT";

/// The places, each passed once in what its name says.
pub const POINTS: &[&str] = &[
    "orders-stored",
    "orders-committed",
    "settlement-half",
    "settlement-stored",
    "settlement-committed",
];

static ARMED: OnceLock<Option<(String, AtomicU32)>> = OnceLock::new();

/// Dies here if that is asked for, as a kill would have it: no destructor runs, nothing is flushed.
#[inline]
pub fn point(name: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let armed = ARMED.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (name, count) = text.split_once(':')?;
        Some((name.to_owned(), AtomicU32::new(count.parse().ok()?)))
    });
    if let Some((wanted, left)) = armed
        && wanted == name
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}
