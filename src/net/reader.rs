//! spec/net/reader.md · 4.3.2 Client-Worker Server Connection
//!
//! The receiving half of a connection, on a thread of its own: the deadlines of a frame and of an
//! idle connection, and how a connection is closed.
//!
//! Tests: `src/net/tests.rs`.

use super::Connection;
use super::connection::Capacity;
use super::deadline::is_passing;
use super::limits::LINGER_TIMEOUT;
use super::websocket::{CloseCode, WebSocketDecoder, WebSocketEvent};
use crate::model::ProtocolFault;
use crate::wire::{FrameBuffer, ProtocolError, wipe};
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroize;

/// Size of the first read's buffer. It doubles while reads fill it, so that an idle client costs
/// little.
const CHUNK_MIN_BYTES: usize = 2 * 1024;
/// Bytes that one read returns at most.
const CHUNK_MAX_BYTES: usize = 64 * 1024;
/// The shortest time-out of a socket; the system takes 0 for none.
const TIMEOUT_MIN: Duration = Duration::from_millis(1);
/// Unanswered bulk requests of one connection at most.
pub const BULK_MAX: usize = 8;

/// A reader's deadlines.
#[derive(Debug, Clone, Copy)]
pub struct ReaderLimits {
    /// Time from a frame's first byte to its last.
    pub frame_timeout: Duration,
    /// Time from the beginning to the end of the first whole frame.
    pub first_frame_timeout: Duration,
    /// Time in which no byte moves and no request is unanswered.
    pub idle_timeout: Duration,
    /// Unanswered requests. While there are as many, no request is read.
    pub unanswered_max: usize,
}

/// Why reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEnd {
    /// The peer shut its sending side between frames.
    Clean,
    /// The peer violated the protocol or a deadline, and gets this `protocolError`.
    Fault(ProtocolError),
    /// The peer closed its WebSocket, or violated it, and gets a close frame with this code.
    Closed(CloseCode),
    /// The connection broke, or another thread ended it.
    Broken,
}

/// The reader of one connection.
#[derive(Debug)]
pub struct ConnectionReader {
    connection: Arc<Connection>,
    limits: ReaderLimits,
    /// Received bytes that the owner has not taken yet.
    pub buffer: FrameBuffer,
    chunk: Vec<u8>,
    plain: Vec<u8>,
    /// When the connection began; `None` once a whole frame has come.
    began: Option<Instant>,
    frame_began: Option<Instant>,
    read_at: Instant,
    timeout: Option<Duration>,
    /// The peer has closed its TLS session.
    closed: bool,
    /// The frames of WebSocket, where the peer speaks it.
    websocket: Option<WebSocketReader>,
}

/// The reading of WebSocket's frames.
#[derive(Debug, Default)]
struct WebSocketReader {
    decoder: WebSocketDecoder,
    /// The frame whose header or control payload is incomplete, and since when. It has the time of
    /// a message.
    incomplete: Option<(u64, Instant)>,
    /// The code that it is closed with, once it has ended.
    end: Option<CloseCode>,
    /// Whether the peer's close frame ended it, and not a violation.
    is_closed: bool,
}

impl WebSocketReader {
    /// Notes at `now` whether a frame is incomplete.
    fn note_incomplete(&mut self, now: Instant) {
        let before = self.incomplete;
        self.incomplete = self.decoder.incomplete().map(|frame| match before {
            Some((same, since)) if same == frame => (frame, since),
            Some(_) | None => (frame, now),
        });
    }
}

impl Drop for ConnectionReader {
    fn drop(&mut self) {
        wipe::clear(&mut self.chunk);
        wipe::clear(&mut self.plain);
    }
}

impl ConnectionReader {
    /// A reader of a connection that nobody else reads.
    pub fn new(connection: Arc<Connection>, limits: ReaderLimits) -> ConnectionReader {
        ConnectionReader {
            websocket: connection.is_websocket.then(WebSocketReader::default),
            connection,
            limits,
            buffer: FrameBuffer::new(),
            chunk: vec![0; CHUNK_MIN_BYTES],
            plain: Vec::new(),
            began: Some(Instant::now()),
            frame_began: None,
            read_at: Instant::now(),
            timeout: None,
            closed: false,
        }
    }

    /// As [`ConnectionReader::new`], of a peer whose first bytes were received already.
    pub fn with_received(
        connection: Arc<Connection>,
        limits: ReaderLimits,
        received: Vec<u8>,
    ) -> ConnectionReader {
        let mut reader = ConnectionReader::new(connection, limits);
        reader.plain = received;
        reader
    }

    /// Changes how long no byte may move while no request is unanswered.
    pub fn set_idle_timeout(&mut self, idle_timeout: Duration) {
        self.limits.idle_timeout = idle_timeout;
    }

    /// When the last bytes of the protocol came.
    pub fn read_at(&self) -> Instant {
        self.read_at
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Takes slots for up to `count` requests, as many as there is capacity for. Waits until there
    /// is capacity for one. Returns the number of the first and how many they are.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn reserve_some(&mut self, count: usize) -> Result<(u64, usize), ReadEnd> {
        self.pause_while(|connection, capacity| connection.reserve(count, false, capacity))
    }

    /// Takes a slot for one request. Waits until there is capacity for it.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn reserve_one(&mut self) -> Result<u64, ReadEnd> {
        self.reserve_some(1).map(|(first, _)| first)
    }

    /// Takes a slot for a bulk request. Waits until fewer than [`BULK_MAX`] of them are unanswered.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn reserve_bulk(&mut self) -> Result<u64, ReadEnd> {
        self.pause_while(|connection, capacity| connection.reserve(1, true, capacity))
            .map(|(first, _)| first)
    }

    /// Waits until all requests have taken effect.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn wait_applied(&mut self) -> Result<(), ReadEnd> {
        self.pause_while(|connection, _| connection.wait_applied().then_some(()))
    }

    /// Waits, and adds the time to the deadlines: a frame's time does not run while nothing is
    /// read.
    fn pause_while<T>(
        &mut self,
        wait: impl FnOnce(&Connection, Capacity) -> Option<T>,
    ) -> Result<T, ReadEnd> {
        let capacity = Capacity {
            unanswered: self.limits.unanswered_max.max(1),
            bulk: BULK_MAX,
        };
        let paused = Instant::now();
        let waited = wait(&self.connection, capacity).ok_or(ReadEnd::Broken)?;
        let pause = paused.elapsed();
        self.read_at += pause;
        if let Some(began) = self.frame_began.as_mut() {
            *began += pause;
        }
        let websocket = self.websocket.as_mut();
        if let Some((_, since)) = websocket.and_then(|reader| reader.incomplete.as_mut()) {
            *since += pause;
        }
        Ok(waited)
    }

    /// Waits for bytes and puts them into [`ConnectionReader::buffer`].
    ///
    /// # Errors
    /// How the connection ended.
    pub fn fill(&mut self) -> Result<(), ReadEnd> {
        if self.buffer.frame_taken() {
            self.began = None;
        }
        // The rest in the buffer is the beginning of a frame, whose time runs from its first byte.
        if !self.buffer.is_partial() {
            self.frame_began = None;
        } else if self.frame_began.is_none() || self.buffer.frame_taken() {
            self.frame_began = Some(self.read_at);
        }
        if let Some(end) = self.websocket_end() {
            return Err(end);
        }
        if self.closed {
            return Err(self.end_of_stream());
        }
        if !self.plain.is_empty() && self.take_stream(true, 0, Instant::now()) {
            return Ok(());
        }
        loop {
            let left = self.time_left()?;
            self.set_timeout(left);
            match self.connection.socket().read(&mut self.chunk) {
                Ok(0) => return Err(self.end_of_stream()),
                Ok(size) => {
                    let now = Instant::now();
                    // Control frames of WebSocket make no connection busy.
                    if self.websocket.is_none() {
                        self.read_at = now;
                    }
                    if self.take(size, now)? {
                        return Ok(());
                    }
                }
                Err(e) if is_passing(&e) => {}
                Err(_) => return Err(ReadEnd::Broken),
            }
        }
    }

    /// Takes `size` received bytes. Returns whether any byte of the protocol is among them.
    fn take(&mut self, size: usize, now: Instant) -> Result<bool, ReadEnd> {
        let mut bytes = &self.chunk[..size];
        let tls = self.connection.decrypt(&mut bytes, &mut self.plain);
        let in_plain = match tls {
            Ok(Some(received)) => {
                // A TLS handshake has the time of a frame, from its first byte.
                if received.handshaking && self.frame_began.is_none() {
                    self.frame_began = Some(self.read_at);
                } else if !received.handshaking && !self.buffer.is_partial() {
                    self.frame_began = None;
                }
                self.closed = received.closed;
                true
            }
            Ok(None) => false,
            Err(error) => {
                crate::debug!("{:?} does not speak TLS: {error}", self.connection);
                return Err(ReadEnd::Broken);
            }
        };
        let brought = self.take_stream(in_plain, size, now);
        if size == self.chunk.len() && size < CHUNK_MAX_BYTES {
            self.chunk.resize(size * 2, 0);
        }
        Ok(brought || self.closed)
    }

    /// Takes what was received of the stream: the decrypted bytes, or the first `size` of the chunk.
    /// Returns whether any byte of the protocol is among them, or the end of a WebSocket.
    fn take_stream(&mut self, in_plain: bool, size: usize, now: Instant) -> bool {
        let mut bytes = if in_plain {
            self.plain.as_mut_slice()
        } else {
            &mut self.chunk[..size]
        };
        let mut brought = false;
        if let Some(websocket) = &mut self.websocket {
            while websocket.end.is_none() {
                match websocket.decoder.next(&mut bytes) {
                    Ok(Some(WebSocketEvent::Data(data))) => {
                        self.buffer.extend(data);
                        brought = true;
                    }
                    Ok(Some(WebSocketEvent::Ping(payload))) => self.connection.answer_ping(payload),
                    Ok(Some(WebSocketEvent::Close(code))) => {
                        websocket.end = Some(code);
                        websocket.is_closed = true;
                    }
                    Ok(None) => break,
                    Err(code) => websocket.end = Some(code),
                }
            }
            if brought {
                self.read_at = now;
            }
            websocket.note_incomplete(now);
            brought |= websocket.end.is_some();
        } else if !bytes.is_empty() {
            self.buffer.extend(bytes);
            brought = true;
        }
        // The buffer wipes its own copy after use.
        if in_plain {
            wipe::clear(&mut self.plain);
        } else {
            self.chunk[..size].zeroize();
        }
        brought
    }

    /// How a WebSocket ends; `None` while it has not.
    fn websocket_end(&self) -> Option<ReadEnd> {
        let websocket = self.websocket.as_ref()?;
        let closed = ReadEnd::Closed(websocket.end?);
        if !websocket.is_closed {
            return Some(closed);
        }
        match self.end_of_stream() {
            ReadEnd::Clean => Some(closed),
            other => Some(other),
        }
    }

    fn end_of_stream(&self) -> ReadEnd {
        let websocket = self.websocket.as_ref();
        if self.connection.has_ended() {
            ReadEnd::Broken
        } else if websocket.is_some_and(|it| !it.is_closed && it.incomplete.is_some()) {
            // The stream ends inside a frame of WebSocket.
            ReadEnd::Closed(CloseCode::PROTOCOL_ERROR)
        } else if self.buffer.is_partial() {
            ReadEnd::Fault(ProtocolError::new(
                ProtocolFault::BadFrame,
                "the stream ends inside a frame",
            ))
        } else {
            ReadEnd::Clean
        }
    }

    /// The time until a deadline passes, if no byte comes.
    fn time_left(&self) -> Result<Duration, ReadEnd> {
        let now = Instant::now();
        if self.connection.has_ended() {
            return Err(ReadEnd::Broken);
        }
        let incomplete = self.websocket.as_ref().and_then(|reader| reader.incomplete);
        let of_websocket = match incomplete {
            Some((_, since)) => {
                let text = "the frame of WebSocket was not whole in time";
                left(self.limits.frame_timeout, since, now, text)?
            }
            None => Duration::MAX,
        };
        let of_first = match self.began {
            Some(began) => {
                let text = "no whole frame came in time";
                left(self.limits.first_frame_timeout, began, now, text)?
            }
            None => Duration::MAX,
        }
        .min(of_websocket);
        if let Some(began) = self.frame_began {
            let text = "the frame was not whole in time";
            let of_frame = left(self.limits.frame_timeout, began, now, text)?;
            return Ok(of_frame.min(of_first));
        }
        match self.connection.idle_since(self.read_at) {
            Some(since) => {
                let text = "the connection was idle for too long";
                let of_idle = left(self.limits.idle_timeout, since, now, text)?;
                Ok(of_idle.min(of_first))
            }
            None => Ok(self.limits.idle_timeout.min(of_websocket)),
        }
    }

    /// Sets the socket's time-out. While no frame is being received, a time-out within an eighth of
    /// `idle_timeout` is rounded up to it, which saves most reads a system call.
    fn set_timeout(&mut self, left: Duration) {
        let full = left + left / 8 >= self.limits.idle_timeout;
        let wanted = if full && self.frame_began.is_none() && self.began.is_none() {
            self.limits.idle_timeout
        } else {
            left
        };
        let wanted = wanted.max(TIMEOUT_MIN);
        if self.timeout != Some(wanted)
            && self
                .connection
                .socket()
                .set_read_timeout(Some(wanted))
                .is_ok()
        {
            self.timeout = Some(wanted);
        }
    }

    /// Closes the connection as `ended` requires: the last replies leave, input is discarded for up
    /// to [`LINGER_TIMEOUT`], and the socket is closed.
    pub fn finish(mut self, ended: ReadEnd) {
        match ended {
            ReadEnd::Clean => {
                self.connection.end_after_replies();
                self.connection.wait_empty();
            }
            ReadEnd::Fault(fault) => {
                if fault.code == ProtocolFault::Timeout {
                    self.connection.send_error_and_end(fault);
                } else {
                    self.connection.end_in_order(fault);
                }
                self.discard();
            }
            ReadEnd::Closed(code) => {
                self.connection.end_with(code);
                self.discard();
            }
            ReadEnd::Broken => {
                // Bytes in the write buffer, such as a TLS alert, still leave.
                self.connection.end_after_bytes();
                self.discard();
            }
        }
        self.connection.close();
    }

    /// Discards input until the peer closes, or until [`LINGER_TIMEOUT`] after our sending side was
    /// shut. The flusher cuts a peer that takes no byte, which ends the read.
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
                    // The peer sends no more, but earlier requests may still be unanswered.
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

/// What is left at `now` of a time that runs from `since`.
///
/// # Errors
/// Nothing: a time-out with this text.
fn left(
    timeout: Duration,
    since: Instant,
    now: Instant,
    text: &'static str,
) -> Result<Duration, ReadEnd> {
    let left = timeout.saturating_sub(now.saturating_duration_since(since));
    if left.is_zero() {
        let fault = ProtocolError::new(ProtocolFault::Timeout, text);
        return Err(ReadEnd::Fault(fault));
    }
    Ok(left)
}
