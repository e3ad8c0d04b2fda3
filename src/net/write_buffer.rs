//! spec/net/write_buffer.md · 4.3 (bytes that a socket has not taken yet)
//!
//! What a client's connection and a worker's link share: bytes on their way out, sent without waiting.

use super::flusher::FlushProgress;
use crate::wire::{Instruction, MAX_DATA, frame, wipe};
use rustix::net::SendFlags;
use std::fmt;
use std::net::TcpStream;
use std::time::Instant;

/// Room that an outbox keeps once it has been sent.
const RETAIN_BYTES: usize = 64 * 1024;
/// Room for any reply that is one frame.
const INITIAL_BYTES: usize = frame::HEADER + MAX_DATA;

/// Bytes on their way to one socket.
pub struct WriteBuffer {
    /// Appended to by whoever sends.
    pub bytes: Vec<u8>,
    head: usize,
    /// A session ID is among the bytes, which are wiped therefore.
    secret: bool,
    /// When the socket last took a byte, or when it last refused to.
    pub moved: Instant,
}

/// Whether a reply's bytes hold a session ID: that of a login, which is one frame, or begins with it.
pub fn is_secret(reply: &[u8]) -> bool {
    reply.get(1..3) == Some(&Instruction::SessionId.number().to_be_bytes())
}

impl fmt::Debug for WriteBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteBuffer({} bytes unsent)", self.unsent())
    }
}

impl Drop for WriteBuffer {
    fn drop(&mut self) {
        self.clear();
    }
}

impl WriteBuffer {
    /// With nothing to send.
    pub fn new() -> WriteBuffer {
        WriteBuffer {
            bytes: Vec::new(),
            head: 0,
            secret: false,
            moved: Instant::now(),
        }
    }

    /// Adds a reply's bytes, in clear, which `write` appends.
    pub fn reply(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.secret {
            // What is here must not be left behind where it moves from.
            wipe::reserve(&mut self.bytes, INITIAL_BYTES);
        }
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.secret |= self.bytes.get(start..).is_some_and(is_secret);
    }

    /// Bytes that the socket has not taken.
    pub fn unsent(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Sends what the socket takes without waiting.
    pub fn send(&mut self, socket: &TcpStream) -> FlushProgress {
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
                        wipe::drop_front(&mut self.bytes, self.head);
                        self.head = 0;
                    }
                    return FlushProgress::Some;
                }
                Err(_) => return FlushProgress::Broken,
            }
        }
        self.wipe();
        self.bytes.clear();
        self.bytes.shrink_to(RETAIN_BYTES);
        self.head = 0;
        FlushProgress::Nothing
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.wipe();
        self.bytes = Vec::new();
        self.head = 0;
    }
}

impl WriteBuffer {
    /// Most of what is sent is no secret, and some of it is large.
    fn wipe(&mut self) {
        if std::mem::take(&mut self.secret) {
            wipe::clear(&mut self.bytes);
        }
    }
}

impl Default for WriteBuffer {
    fn default() -> Self {
        WriteBuffer::new()
    }
}
