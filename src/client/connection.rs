//! spec/client/connection.md · 4.3.2, 4.4 and 4.7.1
//!
//! One connection to a server: requests go out, replies come in their order, notices in between. Blocking,
//! every wait with a deadline.

use super::stream::{ClientStream, explain};
use super::{ClientError, ClientTls, tls};
use crate::model::{ClientOrderId, ProtocolFault, Timestamp};
use crate::net::deadline::{is_timeout, remaining};
use crate::wire::{
    ConnectionState, FrameBuffer, FrameHeader, Instruction, Reassembly, Refusal, Reply, Request,
};
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long connecting, sending, or waiting for a reply may take unless told otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Requests that [`ServerConnection::pipeline`] keeps unanswered at most: well under the 4,096 at which a worker
/// stops reading.
pub const PIPELINE_WINDOW: usize = 1024;

/// Bytes that one read takes in.
const READ: usize = 64 * 1024;

/// How TLS's record for an alert begins.
const TLS_ALERT: [u8; 3] = [0x15, 3, 3];

/// How a connection is made.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Which connections are TLS, and who is trusted.
    pub security: ClientTls,
    /// For connecting with its handshake, for each sending, and for each waiting for a reply.
    pub deadline: Duration,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            security: ClientTls::default(),
            deadline: DEADLINE,
        }
    }
}

/// A notice that an order is on the durable queue: `transactionQueued`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedNotice {
    /// The transaction's ID.
    pub id: Uuid,
    /// The order's own name, if it was given one.
    pub client_order_id: Option<ClientOrderId>,
    /// When it is expected to settle.
    pub expected: Timestamp,
}

/// What answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A message with arguments, Fail returns included.
    Message(Reply),
    /// The payload of a data transfer, put together.
    Payload(Vec<u8>),
}

/// What came from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// The answer to the oldest request that has none.
    Reply(Answer),
    /// An order is on the durable queue; its reply comes later.
    Notice(QueuedNotice),
    /// `protocolError`: the server closes after it.
    Fault(ProtocolFault, String),
    /// The server has closed, between two messages.
    Closed,
}

/// A connection to a worker, or to a master's port for its worker list.
#[derive(Debug)]
pub struct ServerConnection {
    stream: ClientStream,
    address: String,
    deadline: Duration,
    frames: FrameBuffer,
    transfer: Reassembly,
    state: ConnectionState,
    out: Vec<u8>,
    room: Vec<u8>,
}

impl ServerConnection {
    /// Connects to `address` (`host:port`) in plain text on loopback and TLS beyond it; `deadline` counts
    /// for connecting and for every later wait.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] or [`ClientError::Tls`].
    pub fn connect(address: &str, deadline: Duration) -> Result<ServerConnection, ClientError> {
        let options = ConnectOptions {
            deadline,
            ..ConnectOptions::default()
        };
        ServerConnection::open(address, &options)
    }

    /// Connects to `address` (`host:port`), trying each address that the name has.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] or [`ClientError::Tls`].
    pub fn open(address: &str, options: &ConnectOptions) -> Result<ServerConnection, ClientError> {
        let until = Instant::now() + options.deadline;
        let unreachable = |text: String| ClientError::Unreachable {
            address: address.to_owned(),
            text,
        };
        let targets: Vec<SocketAddr> = address
            .to_socket_addrs()
            .map_err(|e| unreachable(e.to_string()))?
            .collect();
        let mut last = unreachable("the name has no address".to_owned());
        for target in targets {
            match TcpStream::connect_timeout(&target, remaining(until)) {
                Ok(stream) => return ServerConnection::over(stream, target, address, options, until),
                Err(e) => last = unreachable(e.to_string()),
            }
        }
        Err(last)
    }

    fn over(
        stream: TcpStream,
        target: SocketAddr,
        address: &str,
        options: &ConnectOptions,
        until: Instant,
    ) -> Result<ServerConnection, ClientError> {
        let refused = |text: String| ClientError::Tls {
            address: address.to_owned(),
            text,
        };
        // Requests are small and wait for their replies: Nagle's algorithm would only delay them.
        stream
            .set_nodelay(true)
            .map_err(|e| ClientError::Local(e.to_string()))?;
        let stream = if options.security.wants_tls(target.ip()) {
            let name = tls::server_name(address).map_err(refused)?;
            let config = options.security.config()?;
            let session = rustls::ClientConnection::new(config, name).map_err(|e| refused(e.to_string()))?;
            let mut stream = ClientStream::Tls(Box::new(session), stream);
            stream.handshake(until).map_err(|e| refused(explain(&e)))?;
            stream
        } else {
            ClientStream::Plain(stream)
        };
        Ok(ServerConnection {
            stream,
            address: address.to_owned(),
            deadline: options.deadline,
            frames: FrameBuffer::new(),
            transfer: Reassembly::default(),
            state: ConnectionState::Command,
            out: Vec::new(),
            room: vec![0; READ],
        })
    }

    /// Where it goes, as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.stream, ClientStream::Tls(..))
    }

    /// The state that both ends are in, as far as replies have been received.
    pub fn state(&self) -> ConnectionState {
        self.state
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`ClientError::Lost`].
    pub fn send(&mut self, request: &Request) -> Result<(), ClientError> {
        self.send_all(std::slice::from_ref(request))
    }

    /// Sends requests in one write. The caller reads the answers before it has more than 4,096 unanswered.
    ///
    /// # Errors
    /// [`ClientError::Lost`].
    pub fn send_all(&mut self, requests: &[Request]) -> Result<(), ClientError> {
        let mut out = std::mem::take(&mut self.out);
        for request in requests {
            request.write(&mut out);
        }
        let result = self.send_bytes(&out);
        // Session IDs and hashed passwords passed through here.
        zeroize::Zeroize::zeroize(out.as_mut_slice());
        out.clear();
        self.out = out;
        result
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// [`ClientError::Lost`].
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let until = Instant::now() + self.deadline;
        self.stream.write_all(bytes, until).map_err(|e| self.lost(&e))
    }

    /// Says that nothing more will be sent; replies still come.
    ///
    /// # Errors
    /// [`ClientError::Lost`].
    pub fn finish(&mut self) -> Result<(), ClientError> {
        let until = Instant::now() + self.deadline;
        self.stream.finish(until).map_err(|e| self.lost(&e))
    }

    /// The next thing that comes, waited for until the connection's deadline.
    ///
    /// # Errors
    /// [`ClientError::Lost`] (the deadline too) or [`ClientError::Nonsense`].
    pub fn recv(&mut self) -> Result<ServerMessage, ClientError> {
        match self.recv_within(self.deadline)? {
            Some(incoming) => Ok(incoming),
            None => Err(ClientError::Lost {
                address: self.address.clone(),
                text: format!("no answer within {:?}", self.deadline),
            }),
        }
    }

    /// The next thing that comes, or `None` when `wait` is over first; nothing is lost by that.
    ///
    /// # Errors
    /// [`ClientError::Lost`] or [`ClientError::Nonsense`].
    pub fn recv_within(&mut self, wait: Duration) -> Result<Option<ServerMessage>, ClientError> {
        let until = Instant::now() + wait;
        loop {
            if let Some(incoming) = self.take()? {
                return Ok(Some(incoming));
            }
            let mut room = std::mem::take(&mut self.room);
            let read = self.stream.read(&mut room, until);
            if let Ok(size) = read {
                self.frames.extend(&room[..size]);
                zeroize::Zeroize::zeroize(&mut room[..size]);
            }
            // A TLS alert, which is shorter than any header of ours: nothing more would come.
            let alert = !self.is_tls() && self.frames.rest().starts_with(&TLS_ALERT);
            self.room = room;
            if alert {
                return Err(ClientError::Tls {
                    address: self.address.clone(),
                    text: "the server speaks nothing but TLS; say --tls, or name its certificate with --ca or --pin"
                        .to_owned(),
                });
            }
            match read {
                Ok(0) if self.frames.is_partial() || self.transfer.progress() != (0, 0) => {
                    return Err(self.broken("the connection ended inside a message"));
                }
                Ok(0) => return Ok(Some(ServerMessage::Closed)),
                Ok(_) => {}
                Err(e) if is_timeout(&e) => return Ok(None),
                Err(e) => return Err(self.lost(&e)),
            }
        }
    }

    /// The next whole message of those that are here.
    fn take(&mut self) -> Result<Option<ServerMessage>, ClientError> {
        loop {
            let fault = |fault| ClientError::nonsense(&self.address, fault);
            let Some((header, data)) = self.frames.next(FrameHeader::check).map_err(fault)? else {
                return Ok(None);
            };
            if header.instruction == Instruction::Data.number() {
                match self.transfer.push(&header, data).map_err(fault)? {
                    Some(payload) => return Ok(Some(ServerMessage::Reply(Answer::Payload(payload)))),
                    None => continue,
                }
            }
            let reply = Reply::read(&header, data).map_err(fault)?;
            return Ok(Some(match reply {
                Reply::Queued {
                    id,
                    client_order_id,
                    expected,
                } => ServerMessage::Notice(QueuedNotice {
                    id,
                    client_order_id,
                    expected,
                }),
                Reply::ProtocolError(code, text) => ServerMessage::Fault(code, text),
                Reply::StateSwitched(state) => {
                    self.state = state;
                    ServerMessage::Reply(Answer::Message(Reply::StateSwitched(state)))
                }
                other => ServerMessage::Reply(Answer::Message(other)),
            }));
        }
    }

    /// The next reply; notices before it go to `notice`.
    ///
    /// # Errors
    /// [`ClientError::Lost`], [`ClientError::Protocol`] or [`ClientError::Nonsense`].
    pub fn reply(&mut self, mut notice: impl FnMut(QueuedNotice)) -> Result<Answer, ClientError> {
        loop {
            match self.recv()? {
                ServerMessage::Reply(answer) => return Ok(answer),
                ServerMessage::Notice(queued) => notice(queued),
                ServerMessage::Fault(code, text) => {
                    return Err(ClientError::Protocol {
                        address: self.address.clone(),
                        code,
                        text,
                    });
                }
                ServerMessage::Closed => return Err(self.broken("the connection was closed")),
            }
        }
    }

    /// Sends one request and waits for its answer, which is of the kind that answers it.
    ///
    /// # Errors
    /// [`ClientError::Refused`] for a Fail return; [`ClientError::Lost`], [`ClientError::Protocol`] or [`ClientError::Nonsense`].
    pub fn call(&mut self, request: &Request) -> Result<Answer, ClientError> {
        self.send(request)?;
        let answer = self.reply(|_| {})?;
        self.accept(request.instruction(), answer)
    }

    /// Sends requests with at most `window` of them unanswered, and hands each answer to `each` with its
    /// request's place; a refusal is an answer too. Returns how many were answered.
    ///
    /// # Errors
    /// [`ClientError::Lost`], [`ClientError::Protocol`] or [`ClientError::Nonsense`]; the answers so far have been handed over.
    pub fn pipeline(
        &mut self,
        requests: &[Request],
        window: usize,
        mut each: impl FnMut(usize, Result<Answer, Refusal>),
    ) -> Result<usize, ClientError> {
        let window = window.max(1);
        let (mut sent, mut done) = (0, 0);
        while done < requests.len() {
            // Filled up again when half of it is answered, so that one write carries many requests.
            if sent - done <= window / 2 && sent < requests.len() {
                let to = requests.len().min(done + window);
                self.send_all(&requests[sent..to])?;
                sent = to;
            }
            let answer = self.reply(|_| {})?;
            let result = match self.accept(requests[done].instruction(), answer) {
                Ok(answer) => Ok(answer),
                Err(ClientError::Refused(refusal)) => Err(refusal),
                Err(other) => return Err(other),
            };
            each(done, result);
            done += 1;
        }
        Ok(done)
    }

    /// An answer that is one of `instruction`'s: a Fail becomes an error.
    ///
    /// # Errors
    /// [`ClientError::Refused`], or [`ClientError::Nonsense`] where it answers something else.
    pub fn accept(&self, instruction: Instruction, answer: Answer) -> Result<Answer, ClientError> {
        let row = instruction.row();
        let came = match &answer {
            Answer::Payload(_) => Instruction::Data,
            Answer::Message(reply) => reply.instruction(),
        };
        match answer {
            Answer::Message(Reply::Fail(name, refusal)) if row.failure == Some(name) => {
                Err(ClientError::Refused(refusal))
            }
            answer if row.success == Some(came) => Ok(answer),
            _ => Err(ClientError::Nonsense {
                address: self.address.clone(),
                text: format!("{came} does not answer {instruction}"),
            }),
        }
    }

    fn lost(&self, error: &io::Error) -> ClientError {
        let text = if is_timeout(error) {
            format!("no progress within {:?}", self.deadline)
        } else {
            explain(error)
        };
        self.broken(&text)
    }

    /// The error for a connection that ended as `text` says.
    pub fn broken(&self, text: &str) -> ClientError {
        ClientError::Lost {
            address: self.address.clone(),
            text: text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
