//! spec/master/admin.md · 3.1.5
//!
//! Sends a response to an administrator as one line.

use crate::admin::protocol::AdminResponse;
use crate::net::deadline;
use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A client that does not read a response within this time is closed.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends a response as one line.
///
/// # Errors
/// The client has gone, or has not read it in time.
pub(super) fn send(stream: &mut UnixStream, response: &AdminResponse) -> io::Result<()> {
    send_by(stream, response, Instant::now() + SEND_TIMEOUT)
}

/// Sends a response as one line.
///
/// # Errors
/// The client has gone, or has not read it by the deadline.
pub(super) fn send_by(
    stream: &mut UnixStream,
    response: &AdminResponse,
    deadline: Instant,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    deadline::write_all(stream, &line, deadline)
}
