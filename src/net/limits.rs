//! spec/net/limits.md · 4.3 The Connection
//!
//! Limits that several files of connections keep.

use std::time::Duration;

/// How long input is discarded after the sending side was shut, so that the last answer is not lost to
/// a reset.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
