//! spec/dialogue.md · 4.3 The Connection
//!
//! The far end of a dialogue's connection: a plain TCP socket that is read with a deadline.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::message::{MessageDecoder, StreamPart};
use crate::net::deadline::{is_passing, remaining};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Size of the read buffer in bytes.
const READ_BYTES: usize = 64 * 1024;
/// How long a send may wait for the server to read.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// An event on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A message as a line of text.
    Message(String),
    /// An invalid message, with the reason.
    Broken(String),
    /// The server has closed its sending side.
    End,
    /// The connection was reset or failed otherwise.
    Failed(String),
}

/// One end of a connection to a server.
pub trait Peer {
    /// Sends a frame. `line` is the fixture's line for it, with values filled in.
    ///
    /// # Errors
    /// The connection is broken, or the server reads nothing.
    fn send(&mut self, bytes: &[u8], line: &str) -> Result<(), String>;

    /// Closes the sending side.
    ///
    /// # Errors
    /// The connection is broken.
    fn half(&mut self) -> Result<(), String>;

    /// Tells the peer that the server is expected to close the connection now. A program between
    /// the two that does not pass such an end on can then be stopped; plain TCP needs nothing.
    fn expect_end(&mut self) {}

    /// Waits for the next event; `None` if there is none before `until`.
    fn receive(&mut self, until: Instant) -> Option<Arrival>;
}

/// The bytes of a connection that has ended.
#[derive(Debug, Clone, Default)]
pub struct ConnectionBytes {
    pub sent: Vec<u8>,
    pub received: Vec<u8>,
}

/// Keeps the bytes of connections, for who wants to read them again. It holds all of them.
#[derive(Debug, Clone, Default)]
pub struct ConnectionRecorder(Arc<Mutex<Vec<ConnectionBytes>>>);

impl ConnectionRecorder {
    /// Takes the bytes of the connections that have ended.
    pub fn take(&self) -> Vec<ConnectionBytes> {
        std::mem::take(&mut self.0.lock())
    }

    /// Adds a connection that has ended.
    pub fn add(&self, bytes: ConnectionBytes) {
        self.0.lock().push(bytes);
    }
}

/// The bytes of a connection so far, and who gets them at its end.
#[derive(Debug)]
struct Recording {
    recorder: ConnectionRecorder,
    bytes: ConnectionBytes,
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.recorder.add(std::mem::take(&mut self.bytes));
    }
}

/// A plain TCP connection.
#[derive(Debug)]
pub struct Tcp {
    stream: TcpStream,
    decoder: MessageDecoder,
    /// Decoded and not yet returned, oldest first.
    waiting: VecDeque<Arrival>,
    ended: bool,
    recording: Option<Recording>,
}

impl Tcp {
    /// Connects to `HOST:PORT`, and tries each address that the name resolves to. `within` limits
    /// each attempt.
    ///
    /// # Errors
    /// The name has no address, or no address accepts the connection.
    pub fn connect(address: &str, within: Duration) -> Result<Tcp, String> {
        let named = |e: std::io::Error| format!("{address}: {e}");
        let mut last = format!("{address}: no such address");
        for target in address.to_socket_addrs().map_err(named)? {
            match TcpStream::connect_timeout(&target, within) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(named)?;
                    stream
                        .set_write_timeout(Some(SEND_TIMEOUT))
                        .map_err(named)?;
                    return Ok(Tcp {
                        stream,
                        decoder: MessageDecoder::default(),
                        waiting: VecDeque::new(),
                        ended: false,
                        recording: None,
                    });
                }
                Err(e) => last = format!("{target}: {e}"),
            }
        }
        Err(last)
    }

    /// The same connection. Its bytes are handed to the recorder when it is dropped.
    pub fn recorded(self, recorder: Option<ConnectionRecorder>) -> Tcp {
        let recording = |recorder| Recording {
            recorder,
            bytes: ConnectionBytes::default(),
        };
        Tcp {
            recording: recorder.map(recording),
            ..self
        }
    }

    /// Reads once, and waits no longer than `until`.
    fn read(&mut self, until: Instant) {
        let mut bytes = vec![0; READ_BYTES];
        let outcome = self
            .stream
            .set_read_timeout(Some(remaining(until)))
            .and_then(|()| self.stream.read(&mut bytes));
        match outcome {
            Ok(0) => {
                self.ended = true;
                self.waiting.push_back(if self.decoder.is_partial() {
                    Arrival::Broken("the connection ends inside a message".to_owned())
                } else {
                    Arrival::End
                });
            }
            Ok(size) => {
                let bytes = bytes.get(..size).unwrap_or_default();
                if let Some(recording) = &mut self.recording {
                    recording.bytes.received.extend_from_slice(bytes);
                }
                self.decoder.extend(bytes);
                while let Some(decoded) = self.decoder.next_message() {
                    self.waiting.push_back(match decoded {
                        StreamPart::Message(text) => Arrival::Message(text),
                        StreamPart::Broken(why) => Arrival::Broken(why),
                    });
                }
            }
            Err(e) if is_passing(&e) => {}
            Err(e) => {
                self.ended = true;
                self.waiting.push_back(Arrival::Failed(e.to_string()));
            }
        }
    }
}

impl Peer for Tcp {
    fn send(&mut self, bytes: &[u8], _line: &str) -> Result<(), String> {
        if let Some(recording) = &mut self.recording {
            recording.bytes.sent.extend_from_slice(bytes);
        }
        self.decoder.note(bytes);
        self.stream.write_all(bytes).map_err(|e| e.to_string())
    }

    fn half(&mut self) -> Result<(), String> {
        self.stream
            .shutdown(Shutdown::Write)
            .map_err(|e| e.to_string())
    }

    fn receive(&mut self, until: Instant) -> Option<Arrival> {
        loop {
            if let Some(arrival) = self.waiting.pop_front() {
                return Some(arrival);
            }
            if self.ended {
                return Some(Arrival::End);
            }
            self.read(until);
            if self.waiting.is_empty() && Instant::now() >= until {
                return None;
            }
        }
    }
}
