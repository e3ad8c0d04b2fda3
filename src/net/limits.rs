//! spec/net.md · 4.3 The Connection
//!
//! Limits that several files of this folder share.

use std::time::Duration;

/// How long input is read and discarded after the sending side was shut. Closing a socket with
/// unread input sends a reset, which can destroy the last reply.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
