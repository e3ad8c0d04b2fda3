//! spec/runtime.md · 3.1.7 Assets Buy & Sell (recovery after a kill)
//!
//! Named points at which a test aborts the process, where a kill from outside is too coarse:
//! between a commit and its reply, or in the middle of a settlement. Only builds with debug
//! assertions have them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The environment variable: `orders-stored:3` aborts when that point is reached for the third
/// time.
pub const VARIABLE: &str = "PAPERTRADER_FAULT";

/// The fail points that an order passes.
pub const POINTS: &[&str] = &[
    "orders-stored",
    "orders-committed",
    "settlement-half",
    "settlement-stored",
    "settlement-committed",
];

/// The fail points that a grant and a restart pass.
pub const GRANT_POINTS: &[&str] = &["grant-stored", "grant-committed"];

/// The fail points that a mail with a code passes.
pub const MAIL_POINTS: &[&str] = &["mail-queued", "mail-code-stored", "mail-attempted"];

/// The fail points that the deletion of an account passes.
pub const DELETION_POINTS: &[&str] = &[
    "deletion-stored",
    "cancellation-stored",
    "cancellation-committed",
];

static ARMED: OnceLock<Option<(String, AtomicU32)>> = OnceLock::new();

/// Aborts here if [`VARIABLE`] says so. As after a kill, no destructor runs and nothing is flushed.
#[inline]
pub fn point(name: &str) {
    if is_reached(name) {
        std::process::abort();
    }
}

/// Whether [`VARIABLE`] names this point, and it is reached as often as it says. For a fault of
/// another kind than an abort.
#[inline]
pub fn is_reached(name: &str) -> bool {
    if !cfg!(debug_assertions) {
        return false;
    }
    let armed = ARMED.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (name, count) = text.split_once(':')?;
        Some((name.to_owned(), AtomicU32::new(count.parse().ok()?)))
    });
    armed
        .as_ref()
        .is_some_and(|(wanted, left)| wanted == name && left.fetch_sub(1, Ordering::Relaxed) == 1)
}
