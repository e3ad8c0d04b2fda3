//! spec/net/reader.md · 4.3.2 Client-Worker Server Connection
//!
//! The receiving half of a connection, on a thread of its own: deadlines for a whole frame and for
//! idleness, and the manners of closing.

use super::Connection;
use super::connection::Capacity;
use super::deadline::is_passing;
use super::limits::LINGER_TIMEOUT;
use crate::model::ProtocolFault;
use crate::wire::{FrameBuffer, ProtocolError, wipe};
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroize;

/// The first read's room; it doubles while reads fill it, so that an idle client costs little.
const CHUNK_MIN_BYTES: usize = 2 * 1024;
/// The most that one read brings.
const CHUNK_MAX_BYTES: usize = 64 * 1024;
/// The shortest socket time-out; 0 would mean none.
const SHORTEST: Duration = Duration::from_millis(1);
/// Requests with large replies that may be unanswered at once on one connection.
pub const HEAVY_MAX: usize = 8;

/// A reader's deadlines.
#[derive(Debug, Clone, Copy)]
pub struct ReaderLimits {
    /// From a frame's first byte to its last.
    pub frame_timeout: Duration,
    /// Without a byte moved or a request unanswered.
    pub idle_timeout: Duration,
    /// Requests that may be unanswered before no more are read.
    pub unanswered_max: usize,
}

/// Why no more bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEnd {
    /// The peer shut its sending side between frames.
    Clean,
    /// The peer, or the bytes it sent, must be told.
    Fault(ProtocolError),
    /// The connection is broken, or was ended by someone else.
    Broken,
}

/// Reads one connection.
#[derive(Debug)]
pub struct ConnectionReader {
    connection: Arc<Connection>,
    limits: ReaderLimits,
    /// What came and was not taken yet.
    pub buffer: FrameBuffer,
    chunk: Vec<u8>,
    plain: Vec<u8>,
    frame_began: Option<Instant>,
    read_at: Instant,
    timeout: Option<Duration>,
    /// TLS said that the peer sends no more.
    closed: bool,
}

impl Drop for ConnectionReader {
    fn drop(&mut self) {
        wipe::clear(&mut self.chunk);
        wipe::clear(&mut self.plain);
    }
}

impl ConnectionReader {
    /// For a connection that nobody else reads.
    pub fn new(connection: Arc<Connection>, limits: ReaderLimits) -> ConnectionReader {
        ConnectionReader {
            connection,
            limits,
            buffer: FrameBuffer::new(),
            chunk: vec![0; CHUNK_MIN_BYTES],
            plain: Vec::new(),
            frame_began: None,
            read_at: Instant::now(),
            timeout: None,
            closed: false,
        }
    }

    /// The connection that is read.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Takes slots for `count` requests, or for as many of them as there is room for (waiting until there is
    /// any), and gives the first's number and how many they are.
    ///
    /// # Errors
    /// The connection ended meanwhile.
    pub fn reserve_some(&mut self, count: usize) -> Result<(u64, usize), ReadEnd> {
        self.pausing(|connection, room| connection.reserve(count, false, room))
    }

    /// Takes a slot for a request, once there is room for it.
    ///
    /// # Errors
    /// The connection ended meanwhile.
    pub fn reserve_one(&mut self) -> Result<u64, ReadEnd> {
        self.reserve_some(1).map(|(first, _)| first)
    }

    /// Takes a slot for a request whose reply may be large, once few enough of those are unanswered.
    ///
    /// # Errors
    /// The connection ended meanwhile.
    pub fn reserve_heavy(&mut self) -> Result<u64, ReadEnd> {
        self.pausing(|connection, room| connection.reserve(1, true, room))
            .map(|(first, _)| first)
    }

    /// Waits until all that was asked has taken effect.
    ///
    /// # Errors
    /// The connection ended meanwhile.
    pub fn wait_applied(&mut self) -> Result<(), ReadEnd> {
        self.pausing(|connection, _| connection.wait_applied().then_some(()))
    }

    /// While we do not read, a frame's time does not run.
    fn pausing<T>(&mut self, wait: impl FnOnce(&Connection, Capacity) -> Option<T>) -> Result<T, ReadEnd> {
        let room = Capacity {
            unanswered: self.limits.unanswered_max.max(1),
            bulk: HEAVY_MAX,
        };
        let paused = Instant::now();
        let waited = wait(&self.connection, room).ok_or(ReadEnd::Broken)?;
        let pause = paused.elapsed();
        self.read_at += pause;
        if let Some(began) = self.frame_began.as_mut() {
            *began += pause;
        }
        Ok(waited)
    }

    /// Waits for bytes and puts them into [`ConnectionReader::buffer`].
    ///
    /// # Errors
    /// How the connection ended.
    pub fn fill(&mut self) -> Result<(), ReadEnd> {
        // What is left in the buffer is the beginning of a frame: its time runs from its first byte.
        if !self.buffer.is_partial() {
            self.frame_began = None;
        } else if self.frame_began.is_none() || self.buffer.has_given() {
            self.frame_began = Some(self.read_at);
        }
        if self.closed {
            return Err(self.end_of_stream());
        }
        loop {
            let left = self.time_left()?;
            self.set_timeout(left);
            match self.connection.socket().read(&mut self.chunk) {
                Ok(0) => return Err(self.end_of_stream()),
                Ok(size) => {
                    self.read_at = Instant::now();
                    if self.take(size)? {
                        return Ok(());
                    }
                }
                Err(e) if is_passing(&e) => {}
                Err(_) => return Err(ReadEnd::Broken),
            }
        }
    }

    /// Takes `size` received bytes; whether any of them are the protocol's.
    fn take(&mut self, size: usize) -> Result<bool, ReadEnd> {
        let mut bytes = &self.chunk[..size];
        let tls = self.connection.decrypt(&mut bytes, &mut self.plain);
        let brought = match tls {
            Ok(Some(received)) => {
                // A handshake has a frame's time, from its first byte.
                if received.handshaking && self.frame_began.is_none() {
                    self.frame_began = Some(self.read_at);
                } else if !received.handshaking && !self.buffer.is_partial() {
                    self.frame_began = None;
                }
                self.closed = received.closed;
                self.plain.len()
            }
            Ok(None) => {
                self.buffer.extend(&self.chunk[..size]);
                // The buffer wipes what is taken from it; here it is of no use any more.
                self.chunk[..size].zeroize();
                size
            }
            Err(error) => {
                crate::debug!("{:?} does not speak TLS: {error}", self.connection);
                return Err(ReadEnd::Broken);
            }
        };
        if !self.plain.is_empty() {
            self.buffer.extend(&self.plain);
            wipe::clear(&mut self.plain);
        }
        if size == self.chunk.len() && size < CHUNK_MAX_BYTES {
            self.chunk.resize(size * 2, 0);
        }
        Ok(brought > 0 || self.closed)
    }

    fn end_of_stream(&self) -> ReadEnd {
        if self.connection.is_over() {
            ReadEnd::Broken
        } else if self.buffer.is_partial() {
            ReadEnd::Fault(ProtocolError::new(
                ProtocolFault::BadFrame,
                "the stream ends inside a frame",
            ))
        } else {
            ReadEnd::Clean
        }
    }

    /// How long may be waited for the next byte.
    fn time_left(&self) -> Result<Duration, ReadEnd> {
        let now = Instant::now();
        if self.connection.is_over() {
            return Err(ReadEnd::Broken);
        }
        if let Some(began) = self.frame_began {
            let left = self
                .limits
                .frame_timeout
                .saturating_sub(now.saturating_duration_since(began));
            return if left.is_zero() {
                Err(ReadEnd::Fault(ProtocolError::new(
                    ProtocolFault::Timeout,
                    "the frame was not whole in time",
                )))
            } else {
                Ok(left)
            };
        }
        match self.connection.idle_since(self.read_at) {
            Some(since) => {
                let left = self
                    .limits
                    .idle_timeout
                    .saturating_sub(now.saturating_duration_since(since));
                if left.is_zero() {
                    Err(ReadEnd::Fault(ProtocolError::new(
                        ProtocolFault::Timeout,
                        "the connection was idle for too long",
                    )))
                } else {
                    Ok(left)
                }
            }
            None => Ok(self.limits.idle_timeout),
        }
    }

    /// A system call only where the time-out differs by enough to matter: an idle connection's does not
    /// change from read to read.
    fn set_timeout(&mut self, left: Duration) {
        let full = left + left / 8 >= self.limits.idle_timeout;
        let wanted = if full && self.frame_began.is_none() {
            self.limits.idle_timeout
        } else {
            left
        };
        let wanted = wanted.max(SHORTEST);
        if self.timeout != Some(wanted) && self.connection.socket().set_read_timeout(Some(wanted)).is_ok() {
            self.timeout = Some(wanted);
        }
    }

    /// Ends the connection as `ended` asks: the last answers leave, input is discarded for a while, and
    /// the socket is closed.
    pub fn finish(mut self, ended: ReadEnd) {
        match ended {
            ReadEnd::Clean => {
                self.connection.end_after_replies();
                self.connection.wait_empty();
            }
            ReadEnd::Fault(fault) => {
                if fault.code == ProtocolFault::Timeout {
                    self.connection.say_and_end(fault);
                } else {
                    self.connection.end_in_order(fault);
                }
                self.discard();
            }
            ReadEnd::Broken => {
                // What is here already, such as what TLS says of an error, may leave.
                self.connection.end_after_bytes();
                self.discard();
            }
        }
        self.connection.close();
    }

    /// Reads and forgets until the peer is done, or [`LINGER_TIMEOUT`] after our sending side was shut. A peer
    /// that takes nothing is cut by the drainer, which ends the read.
    fn discard(&mut self) {
        loop {
            let left = match self.connection.shut_since() {
                Some(since) => LINGER_TIMEOUT.saturating_sub(since.elapsed()),
                None => LINGER_TIMEOUT,
            };
            if left.is_zero() {
                return;
            }
            self.timeout = None;
            self.set_timeout(left);
            match self.connection.socket().read(&mut self.chunk) {
                Ok(0) => {
                    // The peer sends no more; what it asked before may still wait for its answer.
                    if self.connection.shut_since().is_none() {
                        self.connection.wait_empty();
                    }
                    return;
                }
                Err(e) if !is_passing(&e) => return,
                Ok(_) | Err(_) => {}
            }
        }
    }
}
