//! spec/master/admin.md · 3.1.5
//!
//! One connection of an administrator: reads a request line, runs the command, writes response
//! lines. Length and time of each line are bounded.
//!
//! Tests: `tests/suite/master/admin.rs`.

use super::backup::{self, BackupCopy};
use super::caller::AdminCaller;
use super::send::send;
use super::{AdminShared, CancelToken};
use crate::admin::protocol::{
    AdminRequest, AdminResponse, REQUEST_MAX, REQUEST_TIMEOUT, WORKING_INTERVAL,
};
use crate::net::deadline::{self, is_timeout};
use crate::runtime::{self, Stop, TICK};
use crossbeam_channel::{RecvTimeoutError, bounded, select};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Size of the read buffer.
const READ_BYTES_MAX: usize = 16 * 1024;
/// A cancelled command that still runs after this time is logged.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(3);

/// Why no request line came.
pub(super) enum RequestEnd {
    /// The client closed or was too slow, or the master stops.
    Quiet,
    /// The line is too long. The connection ends, since the start of the next line is unknown.
    TooLong,
}

/// Refuses a connection beyond the limit.
pub(super) fn refuse(mut stream: UnixStream) {
    let text = "too many administrators are connected; try again in a moment";
    let _ = stream.set_write_timeout(Some(TICK));
    let _ = send(&mut stream, &AdminResponse::Refused(text.to_owned()));
}

/// What came of a request.
enum RequestOutcome {
    Response(AdminResponse),
    /// A backup that is to be sent.
    Copy(Box<BackupCopy>),
}

/// Serves a connection until it closes.
pub(super) fn serve(shared: &Arc<AdminShared>, mut stream: UnixStream) {
    let mut received = Vec::new();
    loop {
        let line = match read_line(&mut stream, &mut received, &shared.stop) {
            Ok(line) => line,
            Err(RequestEnd::Quiet) => return,
            Err(RequestEnd::TooLong) => {
                let text = format!("a request is one line of at most {REQUEST_MAX} bytes");
                let _ = send(&mut stream, &AdminResponse::Refused(text));
                return;
            }
        };
        let outcome = match serde_json::from_slice(&line) {
            Ok(request) => match work(shared, request, &mut stream) {
                Some(outcome) => outcome,
                None => return,
            },
            Err(error) => RequestOutcome::Response(AdminResponse::Refused(format!(
                "this is no request of version {}: {error}",
                env!("CARGO_PKG_VERSION")
            ))),
        };
        let sent = match outcome {
            RequestOutcome::Response(response) => send(&mut stream, &response),
            RequestOutcome::Copy(copy) => {
                let caller = AdminCaller::of(&stream);
                backup::send(
                    *copy,
                    &shared.channels.backups,
                    caller,
                    &mut stream,
                    &shared.stop,
                )
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Reads the next line, without its end. Later bytes stay in `received`.
pub(super) fn read_line(
    stream: &mut UnixStream,
    received: &mut Vec<u8>,
    stop: &Stop,
) -> Result<Vec<u8>, RequestEnd> {
    let deadline = Instant::now() + REQUEST_TIMEOUT;
    let mut chunk = [0; READ_BYTES_MAX];
    let mut searched = 0;
    loop {
        if let Some(end) = received
            .iter()
            .skip(searched)
            .position(|byte| *byte == b'\n')
        {
            let rest = received.split_off(searched + end + 1);
            let mut line = std::mem::replace(received, rest);
            line.pop();
            return Ok(line);
        }
        searched = received.len();
        if searched >= REQUEST_MAX {
            return Err(RequestEnd::TooLong);
        }
        let now = Instant::now();
        if now >= deadline || stop.is_requested() {
            return Err(RequestEnd::Quiet);
        }
        match deadline::read(stream, &mut chunk, deadline.min(now + TICK)) {
            Ok(0) => return Err(RequestEnd::Quiet),
            Ok(size) => received.extend_from_slice(&chunk[..size]),
            Err(error) if is_timeout(&error) => {}
            Err(_) => return Err(RequestEnd::Quiet),
        }
    }
}

/// Runs a command on a thread of its own, and sends `"working"` meanwhile. `None` if the client has
/// gone or the master stops: the command is cancelled then.
fn work(
    shared: &Arc<AdminShared>,
    request: AdminRequest,
    stream: &mut UnixStream,
) -> Option<RequestOutcome> {
    let cancel = Arc::new(CancelToken::default());
    let caller = AdminCaller::of(stream);
    let (done, response) = bounded(1);
    let (working, asked) = (Arc::clone(shared), Arc::clone(&cancel));
    shared.working.fetch_add(1, Ordering::SeqCst);
    let spawned = runtime::spawn("control work", move || {
        let worked = match request {
            AdminRequest::BackupSend => {
                backup::copy(&working, &asked).map(|copy| RequestOutcome::Copy(Box::new(copy)))
            }
            request => working
                .answer(request, caller, &asked)
                .map(|answer| RequestOutcome::Response(AdminResponse::Done(answer))),
        };
        let outcome =
            worked.unwrap_or_else(|why| RequestOutcome::Response(AdminResponse::Refused(why)));
        let _ = done.try_send(outcome);
        working.working.fetch_sub(1, Ordering::SeqCst);
    });
    let worker = match spawned {
        Ok(worker) => worker,
        Err(error) => {
            shared.working.fetch_sub(1, Ordering::SeqCst);
            let text = format!("the master has no thread left: {error}");
            return Some(RequestOutcome::Response(AdminResponse::Refused(text)));
        }
    };
    loop {
        select! {
            recv(response) -> response => return response.ok(),
            recv(shared.stop.receiver()) -> _ => break,
            default(WORKING_INTERVAL) => {
                if send(stream, &AdminResponse::Working).is_err() {
                    break;
                }
            }
        }
    }
    cancel.cancel();
    if let Err(RecvTimeoutError::Timeout) = response.recv_timeout(CANCEL_TIMEOUT) {
        crate::warn!("a command of an administrator who has gone still runs");
    }
    worker.join(Instant::now() + TICK);
    None
}
