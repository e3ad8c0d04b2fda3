//! spec/dialogue.md · 4.3 The Connection
//!
//! The far end of a dialogue's connection: a socket, plain or with TLS, that is read with a
//! deadline.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::message::{MessageDecoder, StreamPart};
use crate::model::Timestamp;
use crate::net::client_stream::explain;
use crate::net::deadline::{self, is_passing};
use crate::net::{ClientStream, ClientTls, client_tls};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::{SocketAddr, ToSocketAddrs};
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

    /// Sets the time that the messages which follow have in their envelopes.
    ///
    /// # Errors
    /// Only a link has envelopes.
    fn stamp(&mut self, _time: Timestamp) -> Result<(), String> {
        Err("only a link has times of its messages".to_owned())
    }

    /// Waits for the next event; `None` if there is none before `until`.
    fn receive(&mut self, until: Instant) -> Option<Arrival>;

    /// How many bytes of a message are there that is not whole yet. A peer that does not see them has
    /// none.
    fn unfinished(&self) -> usize {
        0
    }

    /// The bytes of the event that was returned last. A peer that does not see them has none.
    fn bytes_of_last(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// The sizes of the packets of the message that was returned last. Empty if it was no data
    /// transfer, or if the peer does not know them.
    fn packets_of_last(&self) -> &[usize] {
        &[]
    }
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

/// A TCP connection, plain or with TLS.
#[derive(Debug)]
pub struct Tcp {
    stream: ClientStream,
    decoder: MessageDecoder,
    /// Decoded and not yet returned, oldest first, each with its bytes and the sizes of its packets.
    waiting: VecDeque<(Arrival, Vec<u8>, Vec<usize>)>,
    /// Received bytes of messages that are not decoded yet.
    undecoded: Vec<u8>,
    /// Those of the arrival that was returned last.
    last: Vec<u8>,
    /// The sizes of its packets.
    packets: Vec<usize>,
    ended: bool,
    recording: Option<Recording>,
}

impl Tcp {
    /// Connects to `HOST:PORT`, and tries each address that the name resolves to. `within` limits
    /// the whole, with the handshake of TLS where `security` asks for it.
    ///
    /// # Errors
    /// The name has no address, no address accepts the connection, or the handshake fails. The text
    /// names the address.
    pub fn connect(address: &str, within: Duration, security: &ClientTls) -> Result<Tcp, String> {
        let named = |text: &dyn std::fmt::Display| format!("{address}: {text}");
        let until = Instant::now() + within;
        let targets: Vec<SocketAddr> = address.to_socket_addrs().map_err(|e| named(&e))?.collect();
        let (stream, target) = deadline::connect(&targets, until).map_err(|e| named(&e))?;
        stream.set_nodelay(true).map_err(|e| named(&e))?;
        let stream = if security.wants_tls(address, target.ip()) {
            let name = client_tls::server_name(address)?;
            let config = security.config()?;
            let session = rustls::ClientConnection::new(config, name).map_err(|e| named(&e))?;
            let mut stream = ClientStream::Tls(Box::new(session), stream);
            stream
                .handshake(until)
                .map_err(|e| named(&format!("no TLS: {}", explain(&e))))?;
            stream
        } else {
            ClientStream::Plain(stream)
        };
        Ok(Tcp {
            stream,
            decoder: MessageDecoder::default(),
            waiting: VecDeque::new(),
            undecoded: Vec::new(),
            last: Vec::new(),
            packets: Vec::new(),
            ended: false,
            recording: None,
        })
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

    /// Received bytes of which nothing has been made yet.
    pub fn undecoded(&self) -> &[u8] {
        &self.undecoded
    }

    /// Reads once, and waits no longer than `until`.
    fn read(&mut self, until: Instant) {
        let mut bytes = vec![0; READ_BYTES];
        match self.stream.read(&mut bytes, until) {
            Ok(0) => {
                let end = if self.decoder.is_partial() {
                    Arrival::Broken("the connection ends inside a message".to_owned())
                } else {
                    Arrival::End
                };
                self.end(end);
            }
            Ok(size) => {
                let bytes = bytes.get(..size).unwrap_or_default();
                if let Some(recording) = &mut self.recording {
                    recording.bytes.received.extend_from_slice(bytes);
                }
                self.undecoded.extend_from_slice(bytes);
                self.decoder.extend(bytes);
                while let Some(decoded) = self.decoder.next_message() {
                    let arrival = match decoded {
                        StreamPart::Message(text) => Arrival::Message(text),
                        StreamPart::Broken(why) => Arrival::Broken(why),
                    };
                    let left = self.decoder.buffered();
                    let taken = self.undecoded.len().saturating_sub(left);
                    let bytes = self.undecoded.drain(..taken).collect();
                    let packets = self.decoder.packets().to_vec();
                    self.waiting.push_back((arrival, bytes, packets));
                }
            }
            Err(e) if is_passing(&e) => {}
            Err(e) => self.end(Arrival::Failed(explain(&e))),
        }
    }

    fn end(&mut self, arrival: Arrival) {
        self.ended = true;
        let bytes = std::mem::take(&mut self.undecoded);
        self.waiting.push_back((arrival, bytes, Vec::new()));
    }
}

impl Peer for Tcp {
    fn send(&mut self, bytes: &[u8], _line: &str) -> Result<(), String> {
        if let Some(recording) = &mut self.recording {
            recording.bytes.sent.extend_from_slice(bytes);
        }
        self.decoder.note(bytes);
        self.stream
            .write_all(bytes, Instant::now() + SEND_TIMEOUT)
            .map_err(|e| match deadline::is_timeout(&e) {
                true => "the server reads nothing".to_owned(),
                false => explain(&e),
            })
    }

    fn half(&mut self) -> Result<(), String> {
        self.stream
            .finish(Instant::now() + SEND_TIMEOUT)
            .map_err(|e| explain(&e))
    }

    fn receive(&mut self, until: Instant) -> Option<Arrival> {
        loop {
            if let Some((arrival, bytes, packets)) = self.waiting.pop_front() {
                self.last = bytes;
                self.packets = packets;
                return Some(arrival);
            }
            if self.ended {
                self.last.clear();
                self.packets.clear();
                return Some(Arrival::End);
            }
            self.read(until);
            if self.waiting.is_empty() && Instant::now() >= until {
                return None;
            }
        }
    }

    fn unfinished(&self) -> usize {
        self.undecoded.len()
    }

    fn bytes_of_last(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.last)
    }

    fn packets_of_last(&self) -> &[usize] {
        &self.packets
    }
}
