//! spec/net.md · 4.3 The Connection
//!
//! Sends `protocolError too-many-connections` to peers without a permit, or HTTP's 503, and closes
//! them. One thread does this for all of them and never blocks on one.
//!
//! Tests: `src/net/tests.rs`.

use super::http;
use super::limits::LINGER_TIMEOUT;
use super::metrics;
use crate::model::ProtocolFault;
use crate::runtime::{Heartbeat, Stop};
use crate::wire::reply;
use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::net::{RecvFlags, SendFlags};
use std::collections::VecDeque;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Refused peers that linger at once, and as many that wait for the thread. Further ones get their
/// answer, and nobody waits until they have read it.
pub const LINGERING_MAX: usize = 256;
/// How often the input of lingering peers is read.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Reads of one peer's input at a time.
const READS_MAX: usize = 16;

/// What a refused peer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectedPeer {
    /// This protocol.
    Client,
    /// HTTP.
    Browser,
    /// HTTP, for metrics. It is no client, so it is not counted as one.
    Scraper,
}

/// The sender of refused sockets.
#[derive(Debug, Clone)]
pub struct RejectSender {
    sender: Sender<(TcpStream, RejectedPeer)>,
    peer: RejectedPeer,
}

/// The state of the rejecter's thread.
#[derive(Debug)]
pub struct Rejecter {
    refused: Receiver<(TcpStream, RejectedPeer)>,
    lingering_max: usize,
}

/// A rejecter and the sender of its sockets. `lingering_max` peers linger at once, and as many wait:
/// each has a descriptor.
pub fn refusal(lingering_max: usize) -> (RejectSender, Rejecter) {
    let (sender, refused) = bounded(lingering_max);
    let peer = RejectedPeer::Client;
    let rejecter = Rejecter {
        refused,
        lingering_max,
    };
    (RejectSender { sender, peer }, rejecter)
}

impl RejectSender {
    /// The sender to the same thread, for peers that speak this.
    pub fn for_peers(&self, peer: RejectedPeer) -> RejectSender {
        let sender = self.sender.clone();
        RejectSender { sender, peer }
    }

    /// Refuses a peer. Does not block.
    pub fn refuse(&self, socket: TcpStream) {
        if self.peer != RejectedPeer::Scraper {
            metrics::REFUSED.count();
        }
        if let Err(full) = self.sender.try_send((socket, self.peer)) {
            // Nobody lingers: what the peer sends later may reset the connection. What it has sent
            // already is read, so that closing does not.
            let (socket, peer) = full.into_inner();
            if answer(&socket, peer) {
                is_sending(&socket);
            }
        }
    }
}

impl Rejecter {
    /// The thread's loop: refuses peers until the signal to stop.
    pub fn run(&self, stop: &Stop, heartbeat: &Heartbeat) {
        let mut lingering: VecDeque<(TcpStream, Instant)> = VecDeque::new();
        let mut polled = Instant::now();
        while !stop.is_requested() {
            heartbeat.beat();
            let timeout = if lingering.is_empty() {
                crate::runtime::TICK
            } else {
                POLL_INTERVAL
            };
            if let Ok((socket, peer)) = self.refused.recv_timeout(timeout)
                && answer(&socket, peer)
                && is_sending(&socket)
                && lingering.len() < self.lingering_max
            {
                lingering.push_back((socket, Instant::now()));
            }
            if polled.elapsed() >= POLL_INTERVAL {
                polled = Instant::now();
                lingering.retain(|(socket, since)| {
                    since.elapsed() < LINGER_TIMEOUT && is_sending(socket)
                });
            }
        }
    }
}

/// Tells a peer that there is no room, if its socket takes it at once, and shuts the sending side.
/// Returns whether it did.
fn answer(socket: &TcpStream, peer: RejectedPeer) -> bool {
    let text = "no room for another connection; try another worker";
    let message = match peer {
        RejectedPeer::Client => {
            let mut fault = Vec::new();
            reply::write_fault(&mut fault, ProtocolFault::TooManyConnections, text);
            fault
        }
        RejectedPeer::Browser | RejectedPeer::Scraper => http::unavailable(text),
    };
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    rustix::net::send(socket, &message, flags).is_ok() && socket.shutdown(Shutdown::Write).is_ok()
}

/// Discards received input; false once the peer has closed or broken the connection.
fn is_sending(socket: &TcpStream) -> bool {
    let mut scratch = [0u8; 4096];
    for _ in 0..READS_MAX {
        match rustix::net::recv(socket, &mut scratch, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return false,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return true,
            Err(_) => return false,
        }
    }
    true
}
