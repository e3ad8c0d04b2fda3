//! spec/net.md · 4.3 The Connection
//!
//! The bytes that one socket has not taken yet, of a client's connection or a worker's link. Sends
//! them without blocking.
//!
//! Tests: `src/net/tests.rs`.

use super::flusher::FlushProgress;
use crate::wire::{DATA_MAX, Instruction, frame, wipe};
use rustix::net::SendFlags;
use std::fmt;
use std::net::TcpStream;
use std::time::Instant;

/// Capacity that a buffer keeps after all of it was sent.
const RETAIN_BYTES: usize = 64 * 1024;
/// Capacity for any reply of one frame.
const INITIAL_BYTES: usize = frame::HEADER_BYTES + DATA_MAX;

/// Bytes to be sent on one socket.
pub struct WriteBuffer {
    /// Sent and unsent bytes. The owner appends to them.
    pub bytes: Vec<u8>,
    /// How many of the bytes are sent.
    head: usize,
    /// Whether a session ID is among the bytes, so that they must be wiped.
    secret: bool,
    /// When the socket last took a byte, or when bytes last began to wait for it.
    pub moved: Instant,
    /// All bytes that the socket has taken.
    pub taken: u64,
}

/// Whether a reply may hold a session ID: its first frame is the `sessionID` of a login, or an
/// `accountSuccess`, which may have a token.
pub fn is_secret(reply: &[u8]) -> bool {
    let secret = [Instruction::SessionId, Instruction::AccountSuccess];
    secret
        .iter()
        .any(|instruction| reply.get(1..3) == Some(&instruction.number().to_be_bytes()))
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
    /// An empty buffer.
    pub fn new() -> WriteBuffer {
        WriteBuffer {
            bytes: Vec::new(),
            head: 0,
            secret: false,
            moved: Instant::now(),
            taken: 0,
        }
    }

    /// Adds a reply in plaintext, which `write` appends.
    pub fn reply(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.secret {
            // Growing must not leave a copy of the secret behind.
            wipe::reserve(&mut self.bytes, INITIAL_BYTES);
        }
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.secret |= self.bytes.get(start..).is_some_and(is_secret);
    }

    /// Adds what `write` appends: about `room` bytes, which hold a session ID where `secret` says so.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn add<E>(
        &mut self,
        secret: bool,
        room: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.secret |= secret;
        if self.secret {
            wipe::reserve(&mut self.bytes, room.saturating_add(INITIAL_BYTES));
        }
        write(&mut self.bytes)
    }

    /// Number of bytes that the socket has not taken.
    pub fn unsent(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Sends what the socket takes without blocking.
    pub fn send(&mut self, socket: &TcpStream) -> FlushProgress {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        while self.head < self.bytes.len() {
            match rustix::net::send(socket, &self.bytes[self.head..], flags) {
                Ok(sent) => {
                    self.head += sent;
                    self.taken += u64::try_from(sent).unwrap_or(u64::MAX);
                    self.moved = Instant::now();
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    // Compact when more than half is sent: a slow peer costs at most twice its
                    // unsent bytes.
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

    /// Drops all bytes.
    pub fn clear(&mut self) {
        self.wipe();
        self.bytes = Vec::new();
        self.head = 0;
    }
}

impl WriteBuffer {
    /// Wipes the bytes where one of them is secret. Most replies are not, and some are large.
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
