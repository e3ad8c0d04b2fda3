//! spec/master/acceptor.md · 4.3.1 Master-Worker Server Connection, 3.1.5, 4.1
//!
//! The master's port. A peer is a client that may ask for the list of workers, or a worker that proves
//! itself and is read from then on.

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

/// Stack of a peer's thread: a handshake calls into GPG's library.
const STACK: usize = 512 * 1024;
/// What a client may leave unread of lists of workers.
const MAX_UNSENT: usize = 256 * 1024;
/// Requests of a client that may be unanswered.
const UNANSWERED_MAX: usize = 64;
/// Bytes that the first read brings at most.
const FIRST: usize = 4096;
/// Bytes of the shortest first message of a link: version, UUID, nonce.
const HELLO_LEAST: u32 = 2 + 16 + 32;
/// A word for counters and the log: a registered worker says what no worker may.
const NONSENSE: &str = "nonsense";

/// What every peer's thread needs.
#[derive(Debug)]
pub struct MasterAcceptor {
    /// Proves us, and checks them.
    pub side: MasterIdentity,
    /// Who is registered, and who serves.
    pub shared: WorkersShared,
    /// Where a worker's words go.
    pub router: Sender<RouterMessage>,
    /// Where it is told that a link stands or is over.
    pub workers: Sender<WorkersMessage>,
    /// Sends what slow peers have not taken.
    pub flusher: Arc<Flusher>,
    /// Open connections.
    pub limiter: Arc<ConnectionLimiter>,
    /// How many there may be.
    pub max_connections: usize,
    /// From a frame's first byte to its last, and for a peer that says nothing.
    pub frame_timeout: Duration,
    /// Refused handshakes, and links that ended for what was said over them, by reason.
    pub refusals: Arc<Mutex<HashMap<String, u64>>>,
    /// Keeps hostile peers from filling the log.
    pub throttle: Throttle,
    /// Clients now connected, to be told when the master stops.
    pub clients: Mutex<Vec<Weak<Connection>>>,
    /// When to stop.
    pub stop: Stop,
}

impl MasterAcceptor {
    /// Places for connections: clients and workers together.
    pub fn limiter(max_connections: usize) -> Arc<ConnectionLimiter> {
        ConnectionLimiter::new(ConnectionLimits {
            total: max_connections,
            per_ip: max_connections,
        })
    }

    /// Accepts until the listener is closed.
    pub fn run(self: &Arc<Self>, listener: &Listener, refusal: &RejectSender) {
        listener.run(&self.limiter, refusal, &self.stop, |socket, peer, permit| {
            if self.is_reserved(peer.ip()) {
                refusal.refuse(socket);
                return;
            }
            let acceptor = Arc::clone(self);
            let spawned = runtime::spawn_small(format!("peer {peer}"), STACK, move || {
                acceptor.serve(socket, peer, permit)
            });
            if let Err(error) = spawned {
                crate::error!("no thread for a peer: {error}");
            }
        });
    }

    /// Whether the places left are kept for registered workers, of which this peer is none.
    fn is_reserved(&self, ip: IpAddr) -> bool {
        let registry = self.shared.registry.load();
        let linked = self.shared.peers.load().len();
        let kept = registry.all().count().saturating_sub(linked);
        self.limiter.open() > self.max_connections.saturating_sub(kept)
            && !registry.all().any(|worker| worker.ip == ip.to_canonical())
    }

    /// Tells the clients that are connected that the master stops.
    pub fn close(&self) {
        for client in self.clients.lock().iter().filter_map(Weak::upgrade) {
            client.end_at_once(crate::net::connection::SHUTTING_DOWN);
        }
    }

    fn serve(&self, socket: TcpStream, peer: SocketAddr, permit: ConnectionPermit) {
        let (received, ended) = self.first(&socket);
        match ended {
            None if self.is_link(&received, peer.ip()) => self.link(socket, &received, peer),
            _ => self.client(socket, &received, ended),
        }
        drop(permit);
    }

    /// Reads until a header is here, which says what the peer is.
    fn first(&self, socket: &TcpStream) -> (Vec<u8>, Option<ReadEnd>) {
        let deadline = Instant::now() + self.frame_timeout;
        let mut received = Vec::new();
        let mut chunk = [0u8; FIRST];
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

    /// A link's first message, from where a worker is registered. Anyone else's is no link to us, and is
    /// refused as any client's would be.
    fn is_link(&self, received: &[u8], ip: IpAddr) -> bool {
        let Some(header) = received.first_chunk().map(FrameHeader::read) else {
            return false;
        };
        let shape = header.message_type == 4
            && header.instruction == Instruction::LinkHello.number()
            && header.data_size >= HELLO_LEAST;
        let registry = self.shared.registry.load();
        let known = registry.all().any(|worker| worker.ip == ip.to_canonical());
        if shape && !known {
            self.refused(&ip, "unknown-ip", &"no worker is registered at this address");
        }
        shape && known
    }

    // --- clients -------------------------------------------------------------------------------------

    fn client(&self, socket: TcpStream, received: &[u8], ended: Option<ReadEnd>) {
        let limits = SendLimits {
            max_unsent: MAX_UNSENT,
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
            // What came before the end may still hold whole frames; a header's length it does not.
            Some(ended) => ended,
            None => loop {
                if let Err(ended) = self.answer(&mut reader).and_then(|()| reader.fill()) {
                    break ended;
                }
            },
        };
        reader.finish(ended);
    }

    /// Answers the whole frames that are here.
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

    // --- workers -------------------------------------------------------------------------------------

    fn link(&self, socket: TcpStream, received: &[u8], peer: SocketAddr) {
        let registry = Arc::clone(&self.shared.registry);
        let lookup = move |uuid: Uuid, ip: IpAddr| look_up(&registry, uuid, ip);
        let deadline = Instant::now() + handshake::DEADLINE;
        match handshake::accept(&socket, received, &self.side, &lookup, deadline) {
            Ok(established) => {
                let sealed = established.sealed;
                let uuid = established.peer.uuid;
                match LinkConnection::new(socket, sealed.sealer, Arc::clone(&self.flusher)) {
                    Ok(line) => self.listen(&line, sealed.opener, uuid, established.early),
                    Err(error) => crate::warn!("the link from {peer} broke at once: {error}"),
                }
            }
            Err(error) => self.refused(&peer, error.as_str(), &error),
        }
    }

    fn refused(&self, peer: &dyn fmt::Display, reason: &'static str, error: &dyn fmt::Display) {
        if let Some(more) = self.count(reason) {
            crate::warn!("a link from {peer} was refused ({reason}): {error}{more}");
        }
    }

    /// Counts a refusal; whether it may be logged. A flood for one reason hides no other.
    fn count(&self, reason: &'static str) -> Option<SuppressedCount> {
        *self.refusals.lock().entry(reason.to_owned()).or_default() += 1;
        self.throttle.allow(reason)
    }

    /// A link ends for what was said over it, by its worker or by somebody on the wire.
    fn ended(&self, line: &LinkConnection, uuid: Uuid, reason: &'static str, error: &dyn fmt::Display) {
        if let Some(more) = self.count(reason) {
            let registry = self.shared.registry.load();
            let worker = registry.by_uuid(&uuid).map_or("?", |worker| worker.name.as_str());
            crate::warn!("{line:?}, of worker {worker}, was cut ({reason}): {error}{more}");
        }
    }

    /// Reads a link until it is over.
    fn listen(
        &self,
        line: &Arc<LinkConnection>,
        mut opener: crate::link::record::Opener,
        uuid: Uuid,
        early: Vec<u8>,
    ) {
        let mut decoder = EnvelopeDecoder::new(uuid);
        let mut plain = early;
        let mut chunk = Vec::new();
        let mut known: Option<Arc<LinkedWorker>> = None;
        loop {
            decoder.take(&mut plain);
            match self.take(&mut decoder, line, uuid, &mut known) {
                Ok(true) => {}
                Ok(false) => {
                    crate::info!("{line:?} is over: the master is stopping");
                    break;
                }
                Err(nonsense) => {
                    self.ended(line, uuid, NONSENSE, &nonsense);
                    break;
                }
            }
            match line.read(&mut opener, &mut chunk, &mut plain) {
                Ok(()) => {}
                Err(LinkClosed::Record(error)) => {
                    self.ended(line, uuid, error.as_str(), &error);
                    break;
                }
                // Without a close record, and not by us: the worker died, or somebody on the wire cut it.
                Err(LinkClosed::Cut) if line.is_open() => {
                    self.ended(line, uuid, RecordError::Cut.as_str(), &RecordError::Cut);
                    break;
                }
                Err(over) => {
                    crate::info!("{line:?} is over: {over}");
                    break;
                }
            }
        }
        line.cut();
        if let Some(peer) = known {
            // Workers must hear of it, or the worker would count as linked for ever.
            let _ = self
                .workers
                .send_timeout(WorkersMessage::Unlinked(peer), Duration::from_secs(10));
        }
    }

    /// Passes on what has come; false where the master is stopping.
    fn take(
        &self,
        decoder: &mut EnvelopeDecoder,
        line: &Arc<LinkConnection>,
        uuid: Uuid,
        known: &mut Option<Arc<LinkedWorker>>,
    ) -> Result<bool, ValueError> {
        let mut requests = Vec::new();
        while let Some(envelope) = decoder.next()? {
            let peer = match known {
                Some(peer) if peer.boot == envelope.header.boot => Arc::clone(peer),
                Some(_) => return Err(ValueError("a boot ID that changes within a link")),
                None => {
                    let Some(peer) = self.introduce(line, uuid, envelope.header.boot) else {
                        return Ok(false);
                    };
                    *known = Some(Arc::clone(&peer));
                    peer
                }
            };
            if let Some(request) = self.read(&peer, &envelope)? {
                requests.push(request);
            }
        }
        if requests.is_empty() {
            return Ok(true);
        }
        let mut message = RouterMessage(requests);
        // A router that is busy makes this worker wait, and nobody else.
        while let Err(error) = self.router.send_timeout(message, TICK) {
            if self.stop.is_requested() || error.is_disconnected() {
                return Ok(false);
            }
            message = error.into_inner();
        }
        Ok(true)
    }

    /// The first message of a link names the worker's process: from now on it is a peer.
    fn introduce(&self, line: &Arc<LinkConnection>, uuid: Uuid, boot: Uuid) -> Option<Arc<LinkedWorker>> {
        let worker = self.shared.registry.load().by_uuid(&uuid).cloned()?;
        let peer = Arc::new(LinkedWorker {
            worker,
            boot,
            line: Arc::clone(line),
            since: Timestamp::now(),
        });
        let (done, wait) = bounded(1);
        let told = self.workers.send_timeout(
            WorkersMessage::Linked(Arc::clone(&peer), done),
            handshake::DEADLINE,
        );
        (told.is_ok() && wait.recv_timeout(handshake::DEADLINE).is_ok()).then_some(peer)
    }

    fn read(
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
                _ => match request(&head, data, &reply_to)? {
                    Some(request) => request,
                    None => return Ok(None),
                },
            };
            return Ok(Some((reply_to, request)));
        }
        Err(ValueError("a message without a frame"))
    }
}

/// A client's request that a worker passes on. One whose arguments are not of their form is answered
/// here; its worker should have done so.
fn request(head: &FrameHeader, data: &[u8], reply_to: &ReplyTo) -> Result<Option<LinkRequest>, ValueError> {
    const FOREIGN: ValueError = ValueError("a frame that no client may send");
    const WORKERS_OWN: ValueError = ValueError("a request that a worker answers itself");
    head.check_request().map_err(|_| FOREIGN)?;
    let (instruction, arguments) = frame::read_request(head, data).map_err(|_| FOREIGN)?;
    match Request::read(instruction, arguments) {
        Ok(Some(request)) => destination(request).map(Some).ok_or(WORKERS_OWN),
        Ok(None) => Err(FOREIGN),
        Err(refusal) => {
            reply_to.fail(instruction, &refusal);
            Ok(None)
        }
    }
}

/// Which module a client's request goes to; `None` for those that a worker answers itself.
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

fn look_up(
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
