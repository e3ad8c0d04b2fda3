//! spec/net/rejecter.md · 4.3 (a peer that finds no room is told so)
//!
//! A refused peer gets its `protocolError` from a thread that never waits for it, is read from for a
//! while so that the answer is not lost to a reset, and is closed.

use super::limits::LINGER_TIMEOUT;
use crate::model::ProtocolFault;
use crate::runtime::{Heartbeat, Stop};
use crate::wire::reply;
use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::net::{RecvFlags, SendFlags};
use std::collections::VecDeque;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Refused peers that may linger at once; beyond them a peer is closed without a word.
pub const LINGERING_MAX: usize = 256;
/// How often lingering peers are looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Reads of one peer's input at a look.
const READS: usize = 16;

/// Where refused sockets go.
#[derive(Debug, Clone)]
pub struct RejectSender(Sender<TcpStream>);

/// The thread's half.
#[derive(Debug)]
pub struct Rejecter(Receiver<TcpStream>);

/// Both halves.
pub fn refusal() -> (RejectSender, Rejecter) {
    let (sender, receiver) = bounded(LINGERING_MAX);
    (RejectSender(sender), Rejecter(receiver))
}

impl RejectSender {
    /// Tells a peer that there is no room.
    pub fn refuse(&self, socket: TcpStream) {
        // Where even this has no room, the socket is dropped, which closes it.
        let _ = self.0.try_send(socket);
    }
}

impl Rejecter {
    /// Refuses until stopped.
    pub fn run(&self, stop: &Stop, heartbeat: &Heartbeat) {
        let mut message = Vec::new();
        reply::write_fault(
            &mut message,
            ProtocolFault::TooManyConnections,
            "no room for another connection; try another worker",
        );
        let mut lingering: VecDeque<(TcpStream, Instant)> = VecDeque::new();
        while !stop.is_requested() {
            heartbeat.beat();
            let patience = if lingering.is_empty() {
                crate::runtime::TICK
            } else {
                POLL_INTERVAL
            };
            if let Ok(socket) = self.0.recv_timeout(patience) {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                let told = rustix::net::send(&socket, &message, flags).is_ok();
                if told && socket.shutdown(Shutdown::Write).is_ok() && lingering.len() < LINGERING_MAX {
                    lingering.push_back((socket, Instant::now()));
                }
            }
            lingering.retain(|(socket, since)| since.elapsed() < LINGER_TIMEOUT && is_sending(socket));
        }
    }
}

/// Discards what has come; false once the peer is done.
fn is_sending(socket: &TcpStream) -> bool {
    let mut scratch = [0u8; 4096];
    for _ in 0..READS {
        match rustix::net::recv(socket, &mut scratch, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return false,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return true,
            Err(_) => return false,
        }
    }
    true
}
