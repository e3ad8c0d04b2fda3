//! spec/master/link_session.md · 4.3.1 Master-Worker Server Connection, 3.1.5, 4.1
//!
//! `impl MasterAcceptor`: a worker's link. Runs the handshake, and reads the link until it closes. Each read
//! of the socket gives the router one message. It never answers a well-formed request.

use super::acceptor::MasterAcceptor;
use super::messages::{AuthRequest, LinkRequest, RouterMessage, WorkersMessage};
use super::reply_to::{LinkedWorker, ReplyTo};
use super::workers::registry::Registry;
use crate::link::connection::{LinkClosed, LinkConnection};
use crate::link::envelope::{Envelope, EnvelopeDecoder};
use crate::link::handshake::{self, HandshakeError, RegisteredWorker};
use crate::link::message::{BodyFrames, SessionHashes, WorkerReport};
use crate::link::record::{Opener, RecordError};
use crate::model::{SessionHash, Timestamp, ValueError};
use crate::runtime::TICK;
use crate::runtime::published::Published;
use crate::wire::payload::Payload;
use crate::wire::{FrameHeader, Instruction, Request, frame};
use crossbeam_channel::bounded;
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The reason, in counters and in the log, when a registered worker breaks the protocol of the
/// link.
const NONSENSE_REASON: &str = "nonsense";
/// How long the report of a closed link waits for room in the inbox of workers.
const UNLINKED_TIMEOUT: Duration = Duration::from_secs(10);

impl MasterAcceptor {
    /// Runs the handshake with a worker, and then reads its link.
    pub(super) fn serve_link(&self, socket: TcpStream, received: &[u8], peer: SocketAddr) {
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
    fn read_link(&self, link: &Arc<LinkConnection>, mut opener: Opener, uuid: Uuid, early: Vec<u8>) {
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
                .send_timeout(WorkersMessage::Unlinked(peer), UNLINKED_TIMEOUT);
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

/// The registered worker with this UUID, if it may link from `ip`.
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
