//! spec/master/admin/connection.md · 3.1.5
//!
//! One administrator's connection: a line in, lines out, never longer and never slower than they may be.

use super::{AdminShared, CancelToken};
use crate::admin::protocol::{AdminRequest, AdminResponse, REQUEST_MAX, REQUEST_TIMEOUT, WORKING_INTERVAL};
use crate::net::deadline::{self, is_timeout};
use crate::runtime::{self, Stop, TICK};
use crossbeam_channel::{RecvTimeoutError, bounded, select};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A client takes a response within this long, or is cut off.
const SEND_DEADLINE: Duration = Duration::from_secs(30);
/// Bytes that one read brings at most.
const CHUNK: usize = 16 * 1024;
/// A command that was broken off has this long to notice.
const NOTICE: Duration = Duration::from_secs(3);

/// What came instead of a line.
enum RequestEnd {
    /// The client closed, was too slow, or the master stops.
    Quiet,
    /// It is no request, and what follows it cannot be told apart from it.
    TooLong,
}

/// Says that there are too many.
pub(super) fn turn_away(mut stream: UnixStream) {
    let text = "too many administrators are connected; try again in a moment";
    let _ = stream.set_write_timeout(Some(TICK));
    let _ = send(&mut stream, &AdminResponse::Refused(text.to_owned()));
}

/// Answers a client until it closes.
pub(super) fn hold(shared: &Arc<AdminShared>, mut stream: UnixStream) {
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
        let response = match serde_json::from_slice(&line) {
            Ok(request) => match work(shared, request, &mut stream) {
                Some(response) => response,
                None => return,
            },
            Err(error) => AdminResponse::Refused(format!(
                "this is no request of version {}: {error}",
                env!("CARGO_PKG_VERSION")
            )),
        };
        if send(&mut stream, &response).is_err() {
            return;
        }
    }
}

/// The next line without its end. What follows it stays in `received`.
fn read_line(stream: &mut UnixStream, received: &mut Vec<u8>, stop: &Stop) -> Result<Vec<u8>, RequestEnd> {
    let deadline = Instant::now() + REQUEST_TIMEOUT;
    let mut chunk = [0; CHUNK];
    let mut seen = 0;
    loop {
        if let Some(end) = received.iter().skip(seen).position(|byte| *byte == b'\n') {
            let rest = received.split_off(seen + end + 1);
            let mut line = std::mem::replace(received, rest);
            line.pop();
            return Ok(line);
        }
        seen = received.len();
        if seen >= REQUEST_MAX {
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

/// Works on a request on a thread of its own, and tells the client meanwhile that it does. `None` where the
/// client has gone or the master stops: then the work is broken off.
fn work(shared: &Arc<AdminShared>, request: AdminRequest, stream: &mut UnixStream) -> Option<AdminResponse> {
    let cancel = Arc::new(CancelToken::default());
    let (tell, told) = bounded(1);
    let (working, asked) = (Arc::clone(shared), Arc::clone(&cancel));
    shared.working.fetch_add(1, Ordering::SeqCst);
    let spawned = runtime::spawn("control work", move || {
        let response = match working.answer(request, &asked) {
            Ok(answer) => AdminResponse::Done(answer),
            Err(why) => AdminResponse::Refused(why),
        };
        let _ = tell.try_send(response);
        working.working.fetch_sub(1, Ordering::SeqCst);
    });
    let worker = match spawned {
        Ok(worker) => worker,
        Err(error) => {
            shared.working.fetch_sub(1, Ordering::SeqCst);
            let text = format!("the master has no thread left: {error}");
            return Some(AdminResponse::Refused(text));
        }
    };
    loop {
        select! {
            recv(told) -> response => return response.ok(),
            recv(shared.stop.receiver()) -> _ => break,
            default(WORKING_INTERVAL) => {
                if send(stream, &AdminResponse::Working).is_err() {
                    break;
                }
            }
        }
    }
    cancel.cancel();
    if let Err(RecvTimeoutError::Timeout) = told.recv_timeout(NOTICE) {
        crate::warn!("a command of an administrator who has gone is still at work");
    }
    worker.join(Instant::now() + TICK);
    None
}

/// Sends one response as one line.
fn send(stream: &mut UnixStream, response: &AdminResponse) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    deadline::write_all(stream, &line, Instant::now() + SEND_DEADLINE)
}
