//! spec/link/handshake/io.md · 4.3.1 Master-Worker Server Connection
//!
//! Both sides of the handshake over blocking sockets, under one deadline.

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

/// Bytes that one read brings at most.
const CHUNK: usize = 16 * 1024;

/// The most bytes that are discarded.
const DISCARD_MAX: usize = 64 * 1024;

/// The master's side: `received` is what has come already, the frame that made it a link among it. A peer that
/// fails is told, as far as it is to know; the caller logs the error and closes.
///
/// # Errors
/// Why there is no link.
pub fn accept(
    socket: &TcpStream,
    received: &[u8],
    side: &MasterIdentity,
    lookup: WorkerLookup<'_>,
    deadline: Instant,
) -> Result<ProvenLink<RegisteredWorker>, HandshakeError> {
    let attempt = || {
        let mut handshake = MasterHandshake::new(side, lookup, socket.peer_addr().map_err(failed)?.ip());
        drive(socket, received, Vec::new(), deadline, |bytes, out| {
            handshake.receive(bytes, Timestamp::now(), out)
        })
    };
    let result = attempt();
    if let Err(error) = &result {
        refuse(socket, error);
    }
    result
}

/// The worker's side, on a socket that has just been connected to the master.
///
/// # Errors
/// Why there is no link.
pub fn connect(
    socket: &TcpStream,
    side: &WorkerIdentity,
    deadline: Instant,
) -> Result<ProvenLink<Fingerprint>, HandshakeError> {
    let mut hello = Vec::new();
    let mut handshake = WorkerHandshake::start(side, &mut hello)?;
    drive(socket, &[], hello, deadline, |bytes, out| {
        handshake.receive(bytes, Timestamp::now(), out)
    })
}

/// Tells a peer why it gets no link, and ends the sending side; waits for at most a second or two.
pub fn refuse(socket: &TcpStream, error: &HandshakeError) {
    let Some((code, text)) = error.public_reason() else {
        return;
    };
    let mut told = Vec::new();
    frame::write(&mut told, Instruction::LinkRefused, &[code, text]);
    let deadline = Instant::now() + LINGER_TIMEOUT;
    if write(socket, &told, deadline).is_err() || socket.shutdown(Shutdown::Write).is_err() {
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

/// Carries bytes between the socket and a side until that side is done.
fn drive<P>(
    socket: &TcpStream,
    received: &[u8],
    mut out: Vec<u8>,
    deadline: Instant,
    mut receive: impl FnMut(&[u8], &mut Vec<u8>) -> Result<Option<ProvenLink<P>>, HandshakeError>,
) -> Result<ProvenLink<P>, HandshakeError> {
    socket.set_nodelay(true).map_err(failed)?;
    let mut done = if received.is_empty() {
        None
    } else {
        receive(received, &mut out)?
    };
    let mut chunk = vec![0; CHUNK];
    loop {
        write(socket, &out, deadline)?;
        out.clear();
        if let Some(established) = done {
            socket.set_read_timeout(None).map_err(failed)?;
            socket.set_write_timeout(None).map_err(failed)?;
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
        Err(error) => Err(ended(&error)),
    }
}

fn write(socket: &TcpStream, bytes: &[u8], deadline: Instant) -> Result<(), HandshakeError> {
    deadline::write_all(socket, bytes, deadline).map_err(|error| ended(&error))
}

fn ended(error: &io::Error) -> HandshakeError {
    match error.kind() {
        ErrorKind::TimedOut => HandshakeError::Timeout,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::WriteZero => HandshakeError::Cut,
        kind => HandshakeError::Socket(kind),
    }
}

// By value, for `map_err`.
#[allow(clippy::needless_pass_by_value)]
fn failed(error: io::Error) -> HandshakeError {
    HandshakeError::Socket(error.kind())
}
