//! spec/dialogue/peer.md · 4.3 The Connection
//!
//! The connections of a dialogue: plain TCP, read with a deadline.

use super::message::{MessageDecoder, StreamPart};
use crate::net::deadline::{is_passing, remaining};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Bytes that one read takes.
const READ: usize = 64 * 1024;
/// The longest that a server may leave what is sent to it untaken.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// What came on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A message, as a line of text.
    Message(String),
    /// Bytes that are no message, and why.
    Broken(String),
    /// The other side has ended its sending side.
    End,
    /// The connection was reset, or failed otherwise.
    Failed(String),
}

/// One end of a connection to a server.
pub trait Peer {
    /// Sends a frame; `line` is the fixture's way to say it, with its values filled in.
    ///
    /// # Errors
    /// The connection does not take it.
    fn send(&mut self, bytes: &[u8], line: &str) -> Result<(), String>;

    /// Ends the sending side.
    ///
    /// # Errors
    /// The connection is gone.
    fn half(&mut self) -> Result<(), String>;

    /// The other side is expected to end the connection now. A program between us that does not tell such an end by
    /// itself can be made to.
    fn expect_end(&mut self) {}

    /// What comes next; `None` where nothing does until then.
    fn receive(&mut self, until: Instant) -> Option<Arrival>;
}

/// A plain TCP connection.
#[derive(Debug)]
pub struct Tcp {
    stream: TcpStream,
    decoder: MessageDecoder,
    waiting: VecDeque<Arrival>,
    ended: bool,
}

impl Tcp {
    /// Connects to `HOST:PORT`, trying each address that it resolves to.
    ///
    /// # Errors
    /// No such address, or nobody there.
    pub fn connect(address: &str, within: Duration) -> Result<Tcp, String> {
        let named = |e: std::io::Error| format!("{address}: {e}");
        let mut last = format!("{address}: no such address");
        for target in address.to_socket_addrs().map_err(named)? {
            match TcpStream::connect_timeout(&target, within) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(named)?;
                    stream.set_write_timeout(Some(SEND_TIMEOUT)).map_err(named)?;
                    return Ok(Tcp {
                        stream,
                        decoder: MessageDecoder::default(),
                        waiting: VecDeque::new(),
                        ended: false,
                    });
                }
                Err(e) => last = format!("{target}: {e}"),
            }
        }
        Err(last)
    }

    /// Reads once, up to `until`.
    fn read(&mut self, until: Instant) {
        let mut bytes = vec![0; READ];
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
                self.decoder.extend(bytes.get(..size).unwrap_or_default());
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
        self.decoder.note(bytes);
        self.stream.write_all(bytes).map_err(|e| e.to_string())
    }

    fn half(&mut self) -> Result<(), String> {
        self.stream.shutdown(Shutdown::Write).map_err(|e| e.to_string())
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
