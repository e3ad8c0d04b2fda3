//! spec/master/acceptor.md · 4.3.1 Master-Worker Server Connection, 3.1.5, 4.1
//!
//! Accepts connections on the master's port. A peer is either a client, which may only ask for the
//! list of workers, or a registered worker, whose link is read after its handshake.

use super::messages::{AuthRequest, LinkRequest, RouterMessage, WorkersMessage, WorkersShared};
use super::reply_to::{LinkedWorker, ReplyTo};
use super::workers::registry::Registry;
use crate::link::connection::{LinkClosed, LinkConnection};
use crate::link::envelope::{Envelope, EnvelopeDecoder};
use crate::link::handshake::{self, HandshakeError, MasterIdentity, RegisteredWorker};
use crate::link::message::{BodyFrames, SessionHashes, WorkerReport};
use crate::link::record::RecordError;
use crate::model::{ProtocolFault, SessionHash, Timestamp, ValueError};
use crate::net::connection_limiter::ConnectionPermit;
use crate::net::rejecter::RejectSender;
use crate::net::{
    Connection, ConnectionLimiter, ConnectionLimits, ConnectionReader, Flusher, Listener, ReadEnd,
    ReaderLimits, SendLimits,
};
use crate::runtime::log::{SuppressedCount, Throttle};
use crate::runtime::published::Published;
use crate::runtime::{self, Stop, TICK};
use crate::wire::payload::Payload;
use crate::wire::{FrameHeader, Instruction, ProtocolError, Reply, Request, frame};
use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Stack of a peer's thread, in bytes. A handshake calls into GPG's library.
const STACK_BYTES: usize = 512 * 1024;
/// A client that leaves more reply bytes than this unread is closed.
const UNSENT_BYTES_MAX: usize = 256 * 1024;
/// Most unanswered requests of a client.
const UNANSWERED_MAX: usize = 64;
/// Size of the buffer for the first bytes of a peer.
const FIRST_READ_BYTES: usize = 4096;
/// Data bytes of the shortest `linkHello`: version, UUID, nonce.
const HELLO_BYTES_MIN: u32 = 2 + 16 + 32;
/// The reason, in counters and in the log, when a registered worker breaks the protocol of the
/// link.
const NONSENSE_REASON: &str = "nonsense";

/// Accepts peers and serves each on a thread of its own. All threads share it.
#[derive(Debug)]
pub struct MasterAcceptor {
    /// The master's key and keyring for handshakes.
    pub identity: MasterIdentity,
    pub shared: WorkersShared,
    pub router: Sender<RouterMessage>,
    pub workers: Sender<WorkersMessage>,
    /// Sends the bytes that the sockets of slow peers do not take.
    pub flusher: Arc<Flusher>,
    pub limiter: Arc<ConnectionLimiter>,
    /// Most open connections, of clients and workers together.
    pub max_connections: usize,
    /// Longest time from the first byte of a frame to its last, and of silence from a client.
    pub frame_timeout: Duration,
    /// Refused handshakes and links that the master cut, counted by reason.
    pub refusals: Arc<Mutex<HashMap<String, u64>>>,
    /// Limits the log lines for each reason.
    pub throttle: Throttle,
    /// Connected clients, which get `shutting-down` when the master stops.
    pub clients: Mutex<Vec<Weak<Connection>>>,
    pub stop: Stop,
}

impl MasterAcceptor {
    /// A limiter of connections without a limit for one address: clients and workers share it.
    pub fn limiter(max_connections: usize) -> Arc<ConnectionLimiter> {
        ConnectionLimiter::new(ConnectionLimits {
            total: max_connections,
            per_ip: max_connections,
        })
    }

    /// Accepts until the listener closes; starts a thread for each peer.
    pub fn run(self: &Arc<Self>, listener: &Listener, refusal: &RejectSender) {
        listener.run(&self.limiter, refusal, &self.stop, |socket, peer, permit| {
            if self.is_reserved(peer.ip()) {
                refusal.refuse(socket);
                return;
            }
            let acceptor = Arc::clone(self);
            let spawned = runtime::spawn_small(format!("peer {peer}"), STACK_BYTES, move || {
                acceptor.serve(socket, peer, permit)
            });
            if let Err(error) = spawned {
                crate::error!("no thread for a peer: {error}");
            }
        });
    }

    /// Whether all free places are reserved for registered workers and none is registered at this
    /// address.
    fn is_reserved(&self, ip: IpAddr) -> bool {
        let registry = self.shared.registry.load();
        let linked = self.shared.peers.load().len();
        let kept = registry.all().count().saturating_sub(linked);
        self.limiter.open() > self.max_connections.saturating_sub(kept)
            && !registry.all().any(|worker| worker.ip == ip.to_canonical())
    }

    /// Sends `protocolError shutting-down` to all connected clients and closes them.
    pub fn close(&self) {
        for client in self.clients.lock().iter().filter_map(Weak::upgrade) {
            client.end_at_once(crate::net::connection::SHUTTING_DOWN);
        }
    }

    fn serve(&self, socket: TcpStream, peer: SocketAddr, permit: ConnectionPermit) {
        let (received, ended) = self.read_first(&socket);
        match ended {
            None if self.is_link(&received, peer.ip()) => self.serve_link(socket, &received, peer),
            _ => self.serve_client(socket, &received, ended),
        }
        drop(permit);
    }

    /// Reads the first frame header, which tells a client from a worker. The second value says why
    /// the stream ended before a whole header arrived.
    fn read_first(&self, socket: &TcpStream) -> (Vec<u8>, Option<ReadEnd>) {
        let deadline = Instant::now() + self.frame_timeout;
        let mut received = Vec::new();
        let mut chunk = [0u8; FIRST_READ_BYTES];
        while received.len() < frame::HEADER {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stop.is_requested() {
                let fault = ProtocolError::new(ProtocolFault::Timeout, "nothing whole came in time");
                return (received, Some(ReadEnd::Fault(fault)));
            }
            let _ = socket.set_read_timeout(Some(left.min(TICK)));
            let mut socket = socket;
            match socket.read(&mut chunk) {
                Ok(0) if received.is_empty() => return (received, Some(ReadEnd::Clean)),
                Ok(0) => {
                    let fault = ProtocolError::new(ProtocolFault::BadFrame, "the stream ends inside a frame");
                    return (received, Some(ReadEnd::Fault(fault)));
                }
                Ok(size) => received.extend_from_slice(&chunk[..size]),
                Err(error) if crate::net::deadline::is_passing(&error) => {}
                Err(_) => return (received, Some(ReadEnd::Broken)),
            }
        }
        (received, None)
    }

    /// Whether the peer opens a link: a `linkHello` from an address at which a worker is
    /// registered. A `linkHello` from any other address is refused as a client's frame.
    fn is_link(&self, received: &[u8], ip: IpAddr) -> bool {
        let Some(header) = received.first_chunk().map(FrameHeader::read) else {
            return false;
        };
        let is_hello = header.message_type == 4
            && header.instruction == Instruction::LinkHello.number()
            && header.data_size >= HELLO_BYTES_MIN;
        let registry = self.shared.registry.load();
        let registered = registry.all().any(|worker| worker.ip == ip.to_canonical());
        if is_hello && !registered {
            self.log_refused(&ip, "unknown-ip", &"no worker is registered at this address");
        }
        is_hello && registered
    }

    // --- clients
    // -------------------------------------------------------------------------------------

    fn serve_client(&self, socket: TcpStream, received: &[u8], ended: Option<ReadEnd>) {
        let limits = SendLimits {
            max_unsent: UNSENT_BYTES_MAX,
            send_timeout: self.frame_timeout,
        };
        let Ok(connection) = Connection::new(socket, None, limits, Arc::clone(&self.flusher)) else {
            return;
        };
        {
            let mut clients = self.clients.lock();
            clients.retain(|client| client.strong_count() > 0);
            clients.push(Arc::downgrade(&connection));
        }
        let limits = ReaderLimits {
            frame_timeout: self.frame_timeout,
            idle_timeout: self.frame_timeout,
            unanswered_max: UNANSWERED_MAX,
        };
        let mut reader = ConnectionReader::new(connection, limits);
        reader.buffer.extend(received);
        let ended = match ended {
            // The stream ended before a whole header: there is no frame to answer.
            Some(ended) => ended,
            None => loop {
                if let Err(ended) = self.answer(&mut reader).and_then(|()| reader.fill()) {
                    break ended;
                }
            },
        };
        reader.finish(ended);
    }

    /// Answers the whole frames in the buffer.
    fn answer(&self, reader: &mut ConnectionReader) -> Result<(), ReadEnd> {
        loop {
            let request = match reader.buffer.next(FrameHeader::check_request) {
                Ok(None) => return Ok(()),
                Ok(Some((header, data))) => {
                    frame::read_request(&header, data).map(|(instruction, _)| instruction)
                }
                Err(fault) => Err(fault),
            };
            match request {
                Ok(Instruction::GetWorkerList) => {
                    let number = reader.reserve_one()?;
                    let workers = self.shared.addresses.load().to_vec();
                    reader
                        .connection()
                        .reply(number, |out| Reply::WorkerList(workers).write(out));
                }
                Ok(_) => {
                    let text = "a master answers getWorkerList alone; ask a worker";
                    return Err(ReadEnd::Fault(ProtocolError::new(
                        ProtocolFault::NotAllowed,
                        text,
                    )));
                }
                Err(fault) => return Err(ReadEnd::Fault(fault)),
            }
        }
    }

    // --- workers
    // -------------------------------------------------------------------------------------

    fn serve_link(&self, socket: TcpStream, received: &[u8], peer: SocketAddr) {
        let registry = Arc::clone(&self.shared.registry);
        let lookup = move |uuid: Uuid, ip: IpAddr| registered_worker(&registry, uuid, ip);
        let deadline = Instant::now() + handshake::DEADLINE;
        match handshake::accept(&socket, received, &self.identity, &lookup, deadline) {
            Ok(established) => {
                let sealed = established.sealed;
                let uuid = established.peer.uuid;
                match LinkConnection::new(socket, sealed.sealer, Arc::clone(&self.flusher)) {
                    Ok(link) => self.read_link(&link, sealed.opener, uuid, established.early),
                    Err(error) => crate::warn!("the link from {peer} broke at once: {error}"),
                }
            }
            Err(error) => self.log_refused(&peer, error.as_str(), &error),
        }
    }

    fn log_refused(&self, peer: &dyn fmt::Display, reason: &'static str, error: &dyn fmt::Display) {
        if let Some(more) = self.count_refusal(reason) {
            crate::warn!("a link from {peer} was refused ({reason}): {error}{more}");
        }
    }

    /// Counts a refused or cut link. `Some` if it may be logged: the log is limited for each
    /// reason, so that many lines for one reason do not hide another.
    fn count_refusal(&self, reason: &'static str) -> Option<SuppressedCount> {
        *self.refusals.lock().entry(reason.to_owned()).or_default() += 1;
        self.throttle.allow(reason)
    }

    /// Counts and logs a link that the master cuts, because of its worker or of an attacker on the
    /// network.
    fn log_cut(&self, link: &LinkConnection, uuid: Uuid, reason: &'static str, error: &dyn fmt::Display) {
        if let Some(more) = self.count_refusal(reason) {
            let registry = self.shared.registry.load();
            let worker = registry.by_uuid(&uuid).map_or("?", |worker| worker.name.as_str());
            crate::warn!("{link:?}, of worker {worker}, was cut ({reason}): {error}{more}");
        }
    }

    /// Reads a link until it closes. Its requests go to the router.
    fn read_link(
        &self,
        link: &Arc<LinkConnection>,
        mut opener: crate::link::record::Opener,
        uuid: Uuid,
        early: Vec<u8>,
    ) {
        let mut decoder = EnvelopeDecoder::new(uuid);
        let mut plain = early;
        let mut chunk = Vec::new();
        let mut worker: Option<Arc<LinkedWorker>> = None;
        loop {
            decoder.take(&mut plain);
            match self.dispatch(&mut decoder, link, uuid, &mut worker) {
                Ok(true) => {}
                Ok(false) => {
                    crate::info!("{link:?} has closed: the master is stopping");
                    break;
                }
                Err(error) => {
                    self.log_cut(link, uuid, NONSENSE_REASON, &error);
                    break;
                }
            }
            match link.read(&mut opener, &mut chunk, &mut plain) {
                Ok(()) => {}
                Err(LinkClosed::Record(error)) => {
                    self.log_cut(link, uuid, error.as_str(), &error);
                    break;
                }
                // The stream ended without a close record, and the master did not close it: the
                // worker died, or an attacker on the network cut the connection.
                Err(LinkClosed::Cut) if link.is_open() => {
                    self.log_cut(link, uuid, RecordError::Cut.as_str(), &RecordError::Cut);
                    break;
                }
                Err(reason) => {
                    crate::info!("{link:?} has closed: {reason}");
                    break;
                }
            }
        }
        link.cut();
        if let Some(peer) = worker {
            // Without this message the worker would count as linked for ever.
            let _ = self
                .workers
                .send_timeout(WorkersMessage::Unlinked(peer), Duration::from_secs(10));
        }
    }

    /// Sends the whole messages in the decoder to the router. Returns false when the master is
    /// stopping.
    fn dispatch(
        &self,
        decoder: &mut EnvelopeDecoder,
        link: &Arc<LinkConnection>,
        uuid: Uuid,
        worker: &mut Option<Arc<LinkedWorker>>,
    ) -> Result<bool, ValueError> {
        let mut requests = Vec::new();
        while let Some(envelope) = decoder.next()? {
            let peer = match worker {
                Some(peer) if peer.boot == envelope.header.boot => Arc::clone(peer),
                Some(_) => return Err(ValueError("a boot ID that changes within a link")),
                None => {
                    let Some(peer) = self.on_first_message(link, uuid, envelope.header.boot) else {
                        return Ok(false);
                    };
                    *worker = Some(Arc::clone(&peer));
                    peer
                }
            };
            if let Some(request) = self.decode(&peer, &envelope)? {
                requests.push(request);
            }
        }
        if requests.is_empty() {
            return Ok(true);
        }
        let mut message = RouterMessage(requests);
        // A busy router makes only this worker wait.
        while let Err(error) = self.router.send_timeout(message, TICK) {
            if self.stop.is_requested() || error.is_disconnected() {
                return Ok(false);
            }
            message = error.into_inner();
        }
        Ok(true)
    }

    /// Reports the link to workers, with the boot ID that the first message carries, and waits for
    /// the answer. `None` when workers does not answer in time.
    fn on_first_message(
        &self,
        link: &Arc<LinkConnection>,
        uuid: Uuid,
        boot: Uuid,
    ) -> Option<Arc<LinkedWorker>> {
        let worker = self.shared.registry.load().by_uuid(&uuid).cloned()?;
        let peer = Arc::new(LinkedWorker {
            worker,
            boot,
            link: Arc::clone(link),
            since: Timestamp::now(),
        });
        let (done, wait) = bounded(1);
        let sent = self.workers.send_timeout(
            WorkersMessage::Linked(Arc::clone(&peer), done),
            handshake::DEADLINE,
        );
        (sent.is_ok() && wait.recv_timeout(handshake::DEADLINE).is_ok()).then_some(peer)
    }

    /// Decodes a link message. `None` if it was answered here.
    fn decode(
        &self,
        peer: &Arc<LinkedWorker>,
        envelope: &Envelope<'_>,
    ) -> Result<Option<(ReplyTo, LinkRequest)>, ValueError> {
        let header = &envelope.header;
        if header.sequence == 0 {
            return Err(ValueError("a worker's message without a sequence number"));
        }
        let mut reply_to = ReplyTo {
            peer: Arc::clone(peer),
            sequence: header.sequence,
            timestamp: header.timestamp,
            client: header.client,
            again: false,
        };
        for frame in BodyFrames::new(envelope.body) {
            let (head, data, _) = frame?;
            let request = match Instruction::from_number(head.instruction) {
                Some(Instruction::LinkAgain) => {
                    reply_to.again = true;
                    continue;
                }
                Some(Instruction::LinkReport) => LinkRequest::Report(WorkerReport::from_bytes(data)?),
                Some(Instruction::LinkSession) => {
                    let hash = data.try_into().map(SessionHash);
                    let hash = hash.map_err(|_| ValueError("a session hash has 32 bytes"))?;
                    LinkRequest::Auth(AuthRequest::Session(hash))
                }
                Some(Instruction::LinkConnectionClosed) => {
                    let hashes = SessionHashes::from_bytes(data)?.0;
                    LinkRequest::Auth(AuthRequest::ConnectionClosed(hashes))
                }
                _ => match read_request(&head, data, &reply_to)? {
                    Some(request) => request,
                    None => return Ok(None),
                },
            };
            return Ok(Some((reply_to, request)));
        }
        Err(ValueError("a message without a frame"))
    }
}

/// Parses a client's request that a worker forwards. A request with malformed arguments is answered
/// here and gives `None`; its worker should have refused it.
fn read_request(
    head: &FrameHeader,
    data: &[u8],
    reply_to: &ReplyTo,
) -> Result<Option<LinkRequest>, ValueError> {
    const NOT_A_REQUEST: ValueError = ValueError("a frame that no client may send");
    const NOT_FOR_MASTER: ValueError = ValueError("a request that a worker answers itself");
    head.check_request().map_err(|_| NOT_A_REQUEST)?;
    let (instruction, arguments) = frame::read_request(head, data).map_err(|_| NOT_A_REQUEST)?;
    match Request::read(instruction, arguments) {
        Ok(Some(request)) => destination(request).map(Some).ok_or(NOT_FOR_MASTER),
        Ok(None) => Err(NOT_A_REQUEST),
        Err(refusal) => {
            reply_to.fail(instruction, &refusal);
            Ok(None)
        }
    }
}

/// The module that handles a client's request; `None` for requests that a worker answers itself.
fn destination(request: Request) -> Option<LinkRequest> {
    match request {
        Request::Login { .. }
        | Request::Resume { .. }
        | Request::Register { .. }
        | Request::Logout { .. }
        | Request::Order { .. }
        | Request::UserInfo { .. }
        | Request::UserPortfolio { .. }
        | Request::UserHistory { .. }
        | Request::Receipt { .. } => Some(LinkRequest::Auth(AuthRequest::Request(request))),
        Request::AssetInfo { .. }
        | Request::AssetCurrent { .. }
        | Request::AssetWindow { .. }
        | Request::AssetPredicted { .. }
        | Request::AssetList => Some(LinkRequest::Asset(request)),
        Request::SwitchState { .. } | Request::Ping | Request::Pong | Request::GetWorkerList => None,
    }
}

fn registered_worker(
    registry: &Published<Registry>,
    uuid: Uuid,
    ip: IpAddr,
) -> Result<RegisteredWorker, HandshakeError> {
    let registry = registry.load();
    let worker = registry.by_uuid(&uuid).ok_or(HandshakeError::UnknownUuid)?;
    if worker.ip != ip.to_canonical() {
        return Err(HandshakeError::WrongIp);
    }
    if worker.booted {
        return Err(HandshakeError::Booted);
    }
    Ok(RegisteredWorker {
        uuid,
        name: worker.name.clone(),
        fingerprint: worker.fingerprint,
    })
}
