//! spec/net.md · 4.3 The Connection
//!
//! Limits that several files of this folder share.

use std::time::Duration;

/// How long input is read and discarded after the sending side was shut. Closing a socket with
/// unread input sends a reset, which can destroy the last reply.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes that a peer must take each second while bytes wait for it, on average over
/// [`LEAST_RATE_INTERVAL`]. Who takes fewer is cut.
pub const LEAST_RATE_BYTES: u64 = 4 * 1024;
/// How long a peer's rate is measured, from when bytes began to wait for it.
pub const LEAST_RATE_INTERVAL: Duration = Duration::from_secs(30);
