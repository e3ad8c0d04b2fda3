//! spec/link/handshake.md · 4.3.1 Master-Worker Server Connection
//!
//! Runs both sides of the handshake over blocking sockets, under one deadline.
//!
//! Tests: `src/link/handshake/tests.rs`.

use super::master::WorkerLookup;
use super::{
    HandshakeError, MasterHandshake, MasterIdentity, ProvenLink, RegisteredWorker, WorkerHandshake,
    WorkerIdentity,
};
use crate::model::{Fingerprint, Timestamp};
use crate::net::deadline;
use crate::net::limits::LINGER_TIMEOUT;
use crate::wire::{Instruction, frame};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// The most bytes of one read.
const READ_BYTES: usize = 16 * 1024;

/// The most bytes of input that are discarded after a refusal.
const DISCARD_MAX: usize = 64 * 1024;

/// Runs the master's side. `received` is what has arrived already, including the frame that
/// announced the link. A peer that fails gets a refusal with the public reason; the caller logs the
/// error and closes the socket.
///
/// # Errors
/// Why the handshake failed.
pub fn accept(
    socket: &TcpStream,
    received: &[u8],
    identity: &MasterIdentity,
    lookup: WorkerLookup<'_>,
    deadline: Instant,
) -> Result<ProvenLink<RegisteredWorker>, HandshakeError> {
    let attempt = || {
        let mut handshake = MasterHandshake::new(
            identity,
            lookup,
            socket.peer_addr().map_err(socket_error)?.ip(),
        );
        run(socket, received, Vec::new(), deadline, |bytes, out| {
            handshake.receive(bytes, Timestamp::now(), out)
        })
    };
    let result = attempt();
    if let Err(error) = &result {
        refuse(socket, error);
    }
    result
}

/// Runs the worker's side, on a socket that has just connected to the master.
///
/// # Errors
/// Why the handshake failed.
pub fn connect(
    socket: &TcpStream,
    identity: &WorkerIdentity,
    deadline: Instant,
) -> Result<ProvenLink<Fingerprint>, HandshakeError> {
    let mut hello = Vec::new();
    let mut handshake = WorkerHandshake::start(identity, &mut hello)?;
    run(socket, &[], hello, deadline, |bytes, out| {
        handshake.receive(bytes, Timestamp::now(), out)
    })
}

/// Sends a peer the reason why it gets no link, and shuts down the sending side. Blocks until the
/// peer closes, for at most [`LINGER_TIMEOUT`].
pub fn refuse(socket: &TcpStream, error: &HandshakeError) {
    let Some((code, text)) = error.public_reason() else {
        return;
    };
    let mut message = Vec::new();
    frame::write(&mut message, Instruction::LinkRefused, &[code, &*text]);
    let deadline = Instant::now() + LINGER_TIMEOUT;
    if write(socket, &message, deadline).is_err() || socket.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let (mut discarded, mut chunk) = (0, [0; 4096]);
    while let Ok(size) = read(socket, &mut chunk, deadline) {
        discarded += size;
        if discarded > DISCARD_MAX {
            return;
        }
    }
}

/// Transfers bytes between the socket and one side until that side is done.
fn run<P>(
    socket: &TcpStream,
    received: &[u8],
    mut out: Vec<u8>,
    deadline: Instant,
    mut receive: impl FnMut(&[u8], &mut Vec<u8>) -> Result<Option<ProvenLink<P>>, HandshakeError>,
) -> Result<ProvenLink<P>, HandshakeError> {
    socket.set_nodelay(true).map_err(socket_error)?;
    let mut done = if received.is_empty() {
        None
    } else {
        receive(received, &mut out)?
    };
    let mut chunk = vec![0; READ_BYTES];
    loop {
        write(socket, &out, deadline)?;
        out.clear();
        if let Some(established) = done {
            socket.set_read_timeout(None).map_err(socket_error)?;
            socket.set_write_timeout(None).map_err(socket_error)?;
            return Ok(established);
        }
        let size = read(socket, &mut chunk, deadline)?;
        done = receive(chunk.get(..size).unwrap_or(&[]), &mut out)?;
    }
}

fn read(socket: &TcpStream, chunk: &mut [u8], deadline: Instant) -> Result<usize, HandshakeError> {
    match deadline::read(socket, chunk, deadline) {
        Ok(0) => Err(HandshakeError::Cut),
        Ok(size) => Ok(size),
        Err(error) => Err(io_error(&error)),
    }
}

fn write(socket: &TcpStream, bytes: &[u8], deadline: Instant) -> Result<(), HandshakeError> {
    deadline::write_all(socket, bytes, deadline).map_err(|error| io_error(&error))
}

fn io_error(error: &io::Error) -> HandshakeError {
    match error.kind() {
        ErrorKind::TimedOut => HandshakeError::Timeout,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::WriteZero => HandshakeError::Cut,
        kind => HandshakeError::Socket(kind),
    }
}

// Takes the error by value so that `map_err` can call it.
#[allow(clippy::needless_pass_by_value)]
fn socket_error(error: io::Error) -> HandshakeError {
    HandshakeError::Socket(error.kind())
}
