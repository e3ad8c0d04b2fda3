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
use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Refused peers that linger at once. Further ones are closed without lingering, or without an
/// answer.
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
}

/// The sender of refused sockets.
#[derive(Debug, Clone)]
pub struct RejectSender {
    sender: Sender<(TcpStream, RejectedPeer)>,
    peer: RejectedPeer,
}

/// The state of the rejecter's thread.
#[derive(Debug)]
pub struct Rejecter(Receiver<(TcpStream, RejectedPeer)>);

/// A rejecter and the sender of its sockets.
pub fn refusal() -> (RejectSender, Rejecter) {
    let (sender, receiver) = bounded(LINGERING_MAX);
    let peer = RejectedPeer::Client;
    (RejectSender { sender, peer }, Rejecter(receiver))
}

impl RejectSender {
    /// The sender to the same thread, for peers that speak this.
    pub fn for_peers(&self, peer: RejectedPeer) -> RejectSender {
        let sender = self.sender.clone();
        RejectSender { sender, peer }
    }

    /// Refuses a peer. Does not block.
    pub fn refuse(&self, socket: TcpStream) {
        metrics::REFUSED.count();
        // Where the channel is full, the socket is dropped, which closes it.
        let _ = self.sender.try_send((socket, self.peer));
    }
}

impl Rejecter {
    /// The thread's loop: refuses peers until the signal to stop.
    pub fn run(&self, stop: &Stop, heartbeat: &Heartbeat) {
        let mut fault = Vec::new();
        let text = "no room for another connection; try another worker";
        reply::write_fault(&mut fault, ProtocolFault::TooManyConnections, text);
        let mut lingering: VecDeque<(TcpStream, Instant)> = VecDeque::new();
        while !stop.is_requested() {
            heartbeat.beat();
            let timeout = if lingering.is_empty() {
                crate::runtime::TICK
            } else {
                POLL_INTERVAL
            };
            if let Ok((socket, peer)) = self.0.recv_timeout(timeout) {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                let message = match peer {
                    RejectedPeer::Client => Cow::Borrowed(&fault),
                    RejectedPeer::Browser => Cow::Owned(http::unavailable(text)),
                };
                let is_sent = rustix::net::send(&socket, &message, flags).is_ok();
                if is_sent
                    && socket.shutdown(Shutdown::Write).is_ok()
                    && lingering.len() < LINGERING_MAX
                {
                    lingering.push_back((socket, Instant::now()));
                }
            }
            lingering
                .retain(|(socket, since)| since.elapsed() < LINGER_TIMEOUT && is_sending(socket));
        }
    }
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
