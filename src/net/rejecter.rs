//! spec/net.md · 4.3 The Connection
//!
//! Sends `protocolError too-many-connections` to peers without a permit, and closes them. One
//! thread does this for all of them and never blocks on one.

use super::limits::LINGER_TIMEOUT;
use crate::model::ProtocolFault;
use crate::runtime::{Heartbeat, Stop};
use crate::wire::reply;
use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::net::{RecvFlags, SendFlags};
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

/// The sender of refused sockets.
#[derive(Debug, Clone)]
pub struct RejectSender(Sender<TcpStream>);

/// The state of the rejecter's thread.
#[derive(Debug)]
pub struct Rejecter(Receiver<TcpStream>);

/// A rejecter and the sender of its sockets.
pub fn refusal() -> (RejectSender, Rejecter) {
    let (sender, receiver) = bounded(LINGERING_MAX);
    (RejectSender(sender), Rejecter(receiver))
}

impl RejectSender {
    /// Refuses a peer. Does not block.
    pub fn refuse(&self, socket: TcpStream) {
        // Where the channel is full, the socket is dropped, which closes it.
        let _ = self.0.try_send(socket);
    }
}

impl Rejecter {
    /// The thread's loop: refuses peers until the signal to stop.
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
            let timeout = if lingering.is_empty() {
                crate::runtime::TICK
            } else {
                POLL_INTERVAL
            };
            if let Ok(socket) = self.0.recv_timeout(timeout) {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
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
