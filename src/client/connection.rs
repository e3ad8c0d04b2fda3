//! spec/client/connection.md · 4.3.2, 4.4 and 4.7.1
//!
//! One connection to a server. Replies are in the order of their requests; notices may come between
//! them. Calls block, and every wait has a deadline.

use super::ClientError;
use crate::model::{
    ClientOrderId, OpenValue, ProtocolFault, QuoteValue, SessionId, Timestamp, Topic,
};
use crate::net::client_stream::explain;
use crate::net::deadline::{self, is_timeout};
use crate::net::{ClientStream, ClientTls, client_tls};
use crate::wire::reply::OrderNotice;
use crate::wire::{
    ConnectionState, FrameBuffer, FrameHeader, Instruction, Reassembly, Refusal, Reply, Request,
};
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The default deadline for connecting, for a send, and for a reply.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The default limit of unanswered requests in [`ServerConnection::pipeline`]. A worker stops
/// reading at 4,096.
pub const PIPELINE_MAX: usize = 1024;

/// Notices of subscriptions that are kept until they are taken. Of more the oldest are dropped, and
/// counted in [`SubscriptionNotice::Dropped`].
pub const NOTICES_KEPT_MAX: usize = 4096;

/// Size of the read buffer in bytes.
const READ_BYTES: usize = 64 * 1024;
/// How the text of an error begins where a server has taken a request and not answered in time.
pub const NO_ANSWER: &str = "no answer within";

/// The first bytes of a TLS alert record.
const TLS_ALERT: [u8; 3] = [0x15, 3, 3];

/// The options of a connection.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Selects TLS or plain text, and the trusted certificates.
    pub security: ClientTls,
    /// The time limit for connecting with the handshake, for each send, and for each reply.
    pub deadline: Duration,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            security: ClientTls::default(),
            deadline: DEFAULT_TIMEOUT,
        }
    }
}

/// A `transactionQueued` notice: the order is in the durable queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedNotice {
    /// The transaction's ID.
    pub id: Uuid,
    /// The client's ID of the order, if it has one.
    pub client_order_id: Option<ClientOrderId>,
    /// The expected time of settlement.
    pub expected: Timestamp,
}

/// A notice of a topic that the connection is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionNotice {
    /// An order of the account has ended.
    Order(OrderNotice),
    /// Assets have new prices.
    Quotes {
        /// Market time of the newest of them.
        time: Timestamp,
        quotes: Vec<QuoteValue>,
    },
    /// So many notices of the topic were dropped; 0: it is not known how many.
    Dropped { topic: Topic, count: u32 },
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A message with arguments; Fail returns are included.
    Message(Reply),
    /// The reassembled payload of a data transfer.
    Payload(Vec<u8>),
}

/// A message or event from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// The answer to the oldest unanswered request.
    Reply(Answer),
    /// An order is in the durable queue; its reply follows at settlement.
    Notice(QueuedNotice),
    /// `protocolError`, after which the server closes the connection.
    Fault(OpenValue<ProtocolFault>, String),
    /// The server has closed the connection between two messages.
    Closed,
}

/// A connection to a worker, or to a master's port for its worker list.
#[derive(Debug)]
pub struct ServerConnection {
    stream: ClientStream,
    address: String,
    /// Whether the address is of this machine, by its text and by what it leads to.
    is_loopback: bool,
    options: ConnectOptions,
    frames: FrameBuffer,
    transfer: Reassembly,
    state: ConnectionState,
    /// Notices that nobody has taken yet, oldest first.
    notices: VecDeque<SubscriptionNotice>,
    /// How many were dropped here, about orders and about quotes.
    dropped: [u32; 2],
    /// Whether it has subscribed to a topic.
    has_subscribed: bool,
    write_buffer: Vec<u8>,
    read_buffer: Vec<u8>,
}

impl ServerConnection {
    /// Connects to `address` (`host:port`): in plain text to a loopback address that is written as
    /// one, else with TLS. `deadline` limits the connecting and every later wait.
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

    /// Connects to `address` (`host:port`), and tries each address of the name within one deadline.
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
        let (stream, target) =
            deadline::connect(&targets, until).map_err(|e| unreachable(e.to_string()))?;
        ServerConnection::establish(stream, target, address, options, until)
    }

    fn establish(
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
        // Requests are small and wait for their replies, so Nagle's algorithm would only delay
        // them.
        stream
            .set_nodelay(true)
            .map_err(|e| ClientError::Local(e.to_string()))?;
        let stream = if options.security.wants_tls(address, target.ip()) {
            let name = client_tls::server_name(address).map_err(refused)?;
            let config = options.security.config().map_err(ClientError::Local)?;
            let session =
                rustls::ClientConnection::new(config, name).map_err(|e| refused(e.to_string()))?;
            let mut stream = ClientStream::Tls(Box::new(session), stream);
            stream.handshake(until).map_err(|e| refused(explain(&e)))?;
            stream
        } else {
            ClientStream::Plain(stream)
        };
        Ok(ServerConnection {
            stream,
            address: address.to_owned(),
            is_loopback: client_tls::is_loopback_host(client_tls::host_of(address))
                && target.ip().to_canonical().is_loopback(),
            options: options.clone(),
            frames: FrameBuffer::new(),
            transfer: Reassembly::default(),
            state: ConnectionState::Command,
            notices: VecDeque::new(),
            dropped: [0; 2],
            has_subscribed: false,
            write_buffer: Vec::new(),
            read_buffer: vec![0; READ_BYTES],
        })
    }

    /// Another connection to the same address with the same options, in the command state.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] or [`ClientError::Tls`].
    pub fn again(&self) -> Result<ServerConnection, ClientError> {
        ServerConnection::open(&self.address, &self.options)
    }

    /// The server's address as the caller gave it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the connection uses TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.stream, ClientStream::Tls(..))
    }

    /// Whether what the server says can be taken for its own: nobody on the way can change it,
    /// because of TLS, or because the server was named as one of this machine.
    pub fn is_protected(&self) -> bool {
        self.is_tls() || self.is_loopback
    }

    /// The connection's state (4.2), by the replies received so far.
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

    /// Sends requests in one write. The caller must read answers before 4,096 requests are
    /// unanswered.
    ///
    /// # Errors
    /// [`ClientError::Lost`].
    pub fn send_all(&mut self, requests: &[Request]) -> Result<(), ClientError> {
        let mut out = std::mem::take(&mut self.write_buffer);
        for request in requests {
            request.write(&mut out);
        }
        let result = self.send_bytes(&out);
        // The buffer contained session IDs and hashed passwords.
        zeroize::Zeroize::zeroize(out.as_mut_slice());
        out.clear();
        self.write_buffer = out;
        result
    }

    /// Sends raw bytes.
    ///
    /// # Errors
    /// [`ClientError::Lost`].
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let until = Instant::now() + self.options.deadline;
        self.stream
            .write_all(bytes, until)
            .map_err(|e| self.lost(&e))
    }

    /// Closes the sending side. Replies can still be received.
    ///
    /// # Errors
    /// [`ClientError::Lost`].
    pub fn finish(&mut self) -> Result<(), ClientError> {
        let until = Instant::now() + self.options.deadline;
        self.stream.finish(until).map_err(|e| self.lost(&e))
    }

    /// Waits for the next message or event until the connection's deadline.
    ///
    /// # Errors
    /// [`ClientError::Lost`], also at the deadline, or [`ClientError::Nonsense`].
    pub fn recv(&mut self) -> Result<ServerMessage, ClientError> {
        match self.recv_within(self.options.deadline)? {
            Some(incoming) => Ok(incoming),
            None => Err(ClientError::Lost {
                address: self.address.clone(),
                text: format!("{NO_ANSWER} {:?}", self.options.deadline),
            }),
        }
    }

    /// Waits for the next message or event; `None` after `wait`. Bytes of an incomplete message are
    /// kept, and notices of subscriptions, which [`ServerConnection::next_notice`] takes. Notices of
    /// a later edition are skipped.
    ///
    /// # Errors
    /// [`ClientError::Lost`] or [`ClientError::Nonsense`].
    pub fn recv_within(&mut self, wait: Duration) -> Result<Option<ServerMessage>, ClientError> {
        self.receive(wait, false)
    }

    /// As [`ServerConnection::recv_within`]; also `None` where `or_notice` and one is kept.
    fn receive(
        &mut self,
        wait: Duration,
        or_notice: bool,
    ) -> Result<Option<ServerMessage>, ClientError> {
        let until = Instant::now() + wait;
        loop {
            if let Some(incoming) = self.next_buffered()? {
                return Ok(Some(incoming));
            }
            if or_notice && !self.notices.is_empty() {
                return Ok(None);
            }
            let mut buffer = std::mem::take(&mut self.read_buffer);
            let read = self.stream.read(&mut buffer, until);
            if let Ok(size) = read {
                self.frames.extend(&buffer[..size]);
                zeroize::Zeroize::zeroize(&mut buffer[..size]);
            }
            // A TLS alert is shorter than a header, so the wait for a whole header would not end.
            let alert = !self.is_tls() && self.frames.rest().starts_with(&TLS_ALERT);
            self.read_buffer = buffer;
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
                // Messages that are skipped must not make the wait longer.
                Ok(_) if Instant::now() >= until => return self.next_buffered(),
                Ok(_) => {}
                Err(e) if is_timeout(&e) => return Ok(None),
                Err(e) => return Err(self.lost(&e)),
            }
        }
    }

    /// The next complete message in the buffer.
    fn next_buffered(&mut self) -> Result<Option<ServerMessage>, ClientError> {
        loop {
            let fault = |fault| ClientError::nonsense(&self.address, fault);
            let Some((header, data)) = self.frames.next(FrameHeader::check).map_err(fault)? else {
                return Ok(None);
            };
            if header.is_unknown_notice() {
                continue;
            }
            if header.instruction == Instruction::Data.number() {
                match self.transfer.push(&header, data).map_err(fault)? {
                    Some(payload) => {
                        return Ok(Some(ServerMessage::Reply(Answer::Payload(payload))));
                    }
                    None => continue,
                }
            }
            let reply = Reply::read(&header, data).map_err(fault)?;
            if let Reply::Fail(..) = reply {
                // It may stand in place of the rest of a transfer.
                self.transfer.abandon();
            }
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
                Reply::OrderNotice(notice) => {
                    self.keep(SubscriptionNotice::Order(notice));
                    continue;
                }
                Reply::QuoteNotice { time, quotes } => {
                    self.keep(SubscriptionNotice::Quotes { time, quotes });
                    continue;
                }
                Reply::NoticesDropped { topic, count } => {
                    self.keep(SubscriptionNotice::Dropped { topic, count });
                    continue;
                }
                Reply::ProtocolError(code, text) => ServerMessage::Fault(code, text),
                Reply::StateSwitched(state) => {
                    self.state = state;
                    ServerMessage::Reply(Answer::Message(Reply::StateSwitched(state)))
                }
                other => ServerMessage::Reply(Answer::Message(other)),
            }));
        }
    }

    /// Keeps a notice until it is taken. Of too many the oldest is dropped and counted.
    fn keep(&mut self, notice: SubscriptionNotice) {
        self.notices.push_back(notice);
        if self.notices.len() <= NOTICES_KEPT_MAX {
            return;
        }
        let [orders, quotes] = &mut self.dropped;
        match self.notices.pop_front() {
            Some(SubscriptionNotice::Order(_)) => *orders = orders.saturating_add(1),
            Some(SubscriptionNotice::Quotes { .. }) => *quotes = quotes.saturating_add(1),
            Some(SubscriptionNotice::Dropped { topic, count }) => {
                let dropped = if topic == Topic::Orders {
                    orders
                } else {
                    quotes
                };
                *dropped = dropped.saturating_add(count.max(1));
            }
            None => {}
        }
    }

    /// The oldest notice that is kept. What was dropped comes first.
    fn take_notice(&mut self) -> Option<SubscriptionNotice> {
        for (topic, dropped) in [Topic::Orders, Topic::Quotes].iter().zip(&mut self.dropped) {
            if *dropped > 0 {
                return Some(SubscriptionNotice::Dropped {
                    topic: *topic,
                    count: std::mem::take(dropped),
                });
            }
        }
        self.notices.pop_front()
    }

    /// The next notice of a subscription; `None` after `wait`. To be called while no request is
    /// unanswered. A server closes a connection on which the client says nothing for as long as its
    /// idle time-out: ping meanwhile.
    ///
    /// # Errors
    /// [`ClientError::Lost`], [`ClientError::Protocol`], or [`ClientError::Nonsense`] for a reply
    /// that nothing asked for.
    pub fn next_notice(
        &mut self,
        wait: Duration,
    ) -> Result<Option<SubscriptionNotice>, ClientError> {
        let until = Instant::now() + wait;
        loop {
            if let Some(notice) = self.take_notice() {
                return Ok(Some(notice));
            }
            let left = until.saturating_duration_since(Instant::now());
            let Some(message) = self.receive(left, true)? else {
                if self.notices.is_empty() {
                    return Ok(None);
                }
                continue;
            };
            if self.answer_in(message, &mut |_| {})?.is_some() {
                return Err(ClientError::Nonsense {
                    address: self.address.clone(),
                    text: "a reply that nothing asked for".to_owned(),
                });
            }
        }
    }

    /// Has the server tell what a topic is about, until the session or the connection ends.
    ///
    /// # Errors
    /// As [`ServerConnection::call`]. A server of the first edition answers `protocolError
    /// unknown-instruction` and closes.
    pub fn subscribe(&mut self, session: &SessionId, topic: Topic) -> Result<(), ClientError> {
        let session = session.clone();
        self.call(&Request::Subscribe { session, topic })?;
        self.has_subscribed = true;
        Ok(())
    }

    /// Subscribes to many topics at once, as [`ServerConnection::subscribe`] to one. Returns the
    /// answers in their order.
    ///
    /// # Errors
    /// As [`ServerConnection::pipeline`].
    pub fn subscribe_all(
        &mut self,
        session: &SessionId,
        topics: &[Topic],
    ) -> Result<Vec<Result<(), Refusal>>, ClientError> {
        let subscribe = |topic: &Topic| Request::Subscribe {
            session: session.clone(),
            topic: *topic,
        };
        let requests: Vec<Request> = topics.iter().map(subscribe).collect();
        let mut answers = Vec::with_capacity(requests.len());
        let done = self.pipeline(&requests, PIPELINE_MAX, |_, answer| {
            answers.push(answer.map(|_| ()));
        });
        self.has_subscribed |= answers.iter().any(Result::is_ok);
        done.map(|_| answers)
    }

    /// Whether this connection has ever subscribed to a topic.
    pub fn has_subscribed(&self) -> bool {
        self.has_subscribed
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// As [`ServerConnection::call`].
    pub fn unsubscribe(&mut self, session: &SessionId, topic: Topic) -> Result<(), ClientError> {
        let session = session.clone();
        self.call(&Request::Unsubscribe { session, topic })
            .map(|_| ())
    }

    /// Waits for the next reply. Passes notices that come before it to `notice`.
    ///
    /// # Errors
    /// [`ClientError::Lost`], [`ClientError::Protocol`] or [`ClientError::Nonsense`].
    pub fn reply(&mut self, mut notice: impl FnMut(QueuedNotice)) -> Result<Answer, ClientError> {
        loop {
            let message = self.recv()?;
            if let Some(answer) = self.answer_in(message, &mut notice)? {
                return Ok(answer);
            }
        }
    }

    /// The answer that a message is; `None`: it is a notice, which is passed to `notice`.
    fn answer_in(
        &self,
        message: ServerMessage,
        notice: &mut impl FnMut(QueuedNotice),
    ) -> Result<Option<Answer>, ClientError> {
        match message {
            ServerMessage::Reply(answer) => Ok(Some(answer)),
            ServerMessage::Notice(queued) => {
                notice(queued);
                Ok(None)
            }
            ServerMessage::Fault(code, text) => Err(ClientError::Protocol {
                address: self.address.clone(),
                code,
                text,
            }),
            ServerMessage::Closed => Err(self.broken("the connection was closed")),
        }
    }

    /// Sends a request, waits for its answer and checks its kind.
    ///
    /// # Errors
    /// [`ClientError::Refused`] for a Fail return; [`ClientError::Lost`], [`ClientError::Protocol`]
    /// or [`ClientError::Nonsense`].
    pub fn call(&mut self, request: &Request) -> Result<Answer, ClientError> {
        self.send(request)?;
        let answer = self.reply(|_| {})?;
        self.accept(request.instruction(), answer)
    }

    /// The same where the answer may be many packets: `wait` is the longest wait without one, in place
    /// of the deadline for the whole. A payload has a limit, so this ends.
    ///
    /// # Errors
    /// As [`ServerConnection::call`].
    pub fn call_bulk(&mut self, request: &Request, wait: Duration) -> Result<Answer, ClientError> {
        self.send(request)?;
        loop {
            let came = self.transfer.progress();
            match self.recv_within(wait)? {
                Some(message) => {
                    if let Some(answer) = self.answer_in(message, &mut |_| {})? {
                        return self.accept(request.instruction(), answer);
                    }
                }
                None if self.transfer.progress() == came => {
                    return Err(self.broken(&format!("{NO_ANSWER} {wait:?}")));
                }
                None => {}
            }
        }
    }

    /// Sends requests with at most `window` of them unanswered, and passes each answer to `each`
    /// with the index of its request; a refusal is an answer. Returns the number of answers.
    ///
    /// # Errors
    /// [`ClientError::Lost`], [`ClientError::Protocol`] or [`ClientError::Nonsense`]; `each` has
    /// received the answers so far.
    pub fn pipeline(
        &mut self,
        requests: &[Request],
        window: usize,
        mut each: impl FnMut(usize, Result<Answer, Refusal>),
    ) -> Result<usize, ClientError> {
        let window = window.max(1);
        let (mut sent, mut done) = (0, 0);
        while done < requests.len() {
            // The window is refilled when half of it is answered, so that one write carries many
            // requests.
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

    /// Checks that an answer belongs to `instruction`, and turns its Fail into an error.
    ///
    /// # Errors
    /// [`ClientError::Refused`], or [`ClientError::Nonsense`] for the answer of another
    /// instruction.
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
            answer if row.success.contains(&came) => Ok(answer),
            _ => Err(ClientError::Nonsense {
                address: self.address.clone(),
                text: format!("{came} does not answer {instruction}"),
            }),
        }
    }

    fn lost(&self, error: &io::Error) -> ClientError {
        let text = if is_timeout(error) {
            format!("no progress within {:?}", self.options.deadline)
        } else {
            explain(error)
        };
        self.broken(&text)
    }

    /// A [`ClientError::Lost`] of this connection.
    pub fn broken(&self, text: &str) -> ClientError {
        ClientError::Lost {
            address: self.address.clone(),
            text: text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
