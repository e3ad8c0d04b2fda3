//! spec/net/outbox.md · 4.3 (bytes that a socket has not taken yet)
//!
//! What a client's connection and a worker's link share: bytes on their way out, sent without waiting.

use super::drainer::Left;
use rustix::net::SendFlags;
use std::net::TcpStream;
use std::time::Instant;

/// Room that an outbox keeps once it has been sent.
const KEEP: usize = 64 * 1024;

/// Bytes on their way to one socket.
#[derive(Debug)]
pub struct Outbox {
    /// Appended to by whoever sends.
    pub bytes: Vec<u8>,
    head: usize,
    /// When the socket last took a byte, or when it last refused to.
    pub moved: Instant,
}

impl Outbox {
    /// With nothing to send.
    pub fn new() -> Outbox {
        Outbox {
            bytes: Vec::new(),
            head: 0,
            moved: Instant::now(),
        }
    }

    /// Bytes that the socket has not taken.
    pub fn unsent(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Sends what the socket takes without waiting.
    pub fn send(&mut self, socket: &TcpStream) -> Left {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        while self.head < self.bytes.len() {
            match rustix::net::send(socket, &self.bytes[self.head..], flags) {
                Ok(sent) => {
                    self.head += sent;
                    self.moved = Instant::now();
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    // What was sent is let go once it is the larger half, so that a slow peer costs no
                    // more than twice what it has not read.
                    if self.head > self.bytes.len() / 2 {
                        self.bytes.drain(..self.head);
                        self.head = 0;
                    }
                    return Left::Some;
                }
                Err(_) => return Left::Broken,
            }
        }
        self.bytes.clear();
        self.bytes.shrink_to(KEEP);
        self.head = 0;
        Left::Nothing
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bytes = Vec::new();
        self.head = 0;
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox::new()
    }
}
