//! spec/master/link_session.md · 4.3.1 Master-Worker Server Connection, 3.1.5
//!
//! A link's life, on its peer's thread: the worker proves itself, is read, and what it asks goes to the router. Never
//! answers a request whose form is right: modules do.

use super::messages::{AuthRequest, LinkRequest, RouterMessage, WorkersMessage, WorkersShared};
use super::reply_to::{LinkedWorker, ReplyTo};
use super::workers::registry::Registry;
use crate::link::connection::{LinkClosed, LinkConnection};
use crate::link::envelope::{Envelope, EnvelopeDecoder};
use crate::link::handshake::{self, HandshakeError, MasterIdentity, RegisteredWorker};
use crate::link::message::{BodyFrames, SessionHashes, WorkerReport};
use crate::link::record::{Opener, RecordError};
use crate::model::{SessionHash, Timestamp, ValueError};
use crate::net::Flusher;
use crate::runtime::log::{SuppressedCount, Throttle};
use crate::runtime::published::Published;
use crate::runtime::{Stop, TICK};
use crate::wire::payload::Payload;
use crate::wire::{FrameHeader, Instruction, Request, frame};
use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A word for counters and the log: a registered worker says what no worker may.
const NONSENSE: &str = "nonsense";
/// Workers takes the end of a link within this long.
const UNLINKED_TIMEOUT: Duration = Duration::from_secs(10);

/// What every link's thread needs.
#[derive(Debug)]
pub struct LinkSessions {
    /// Proves us, and checks them.
    pub identity: MasterIdentity,
    /// Who is registered, and who serves.
    pub shared: WorkersShared,
    /// Where a worker's requests go.
    pub router: Sender<RouterMessage>,
    /// Where it is told that a link stands or is over.
    pub workers: Sender<WorkersMessage>,
    /// Sends what slow peers have not taken.
    pub flusher: Arc<Flusher>,
    /// Refused handshakes, and links that ended for what was said over them, by reason.
    pub refusals: Arc<Mutex<HashMap<String, u64>>>,
    /// Keeps hostile peers from filling the log.
    pub throttle: Throttle,
    /// When to stop.
    pub stop: Stop,
}

impl LinkSessions {
    /// Runs a link from its handshake to its end. `received` is what was read of it already.
    pub fn serve(&self, socket: TcpStream, received: &[u8], peer: SocketAddr) {
        let registry = Arc::clone(&self.shared.registry);
        let lookup = move |uuid: Uuid, ip: IpAddr| look_up(&registry, uuid, ip);
        let deadline = Instant::now() + handshake::DEADLINE;
        match handshake::accept(&socket, received, &self.identity, &lookup, deadline) {
            Ok(established) => {
                let sealed = established.sealed;
                let uuid = established.peer.uuid;
                match LinkConnection::new(socket, sealed.sealer, Arc::clone(&self.flusher)) {
                    Ok(line) => {
                        let session = LinkSession {
                            context: self,
                            line,
                            uuid,
                            worker: None,
                        };
                        session.run(sealed.opener, established.early);
                    }
                    Err(error) => crate::warn!("the link from {peer} broke at once: {error}"),
                }
            }
            Err(error) => self.refused(&peer, error.as_str(), &error),
        }
    }

    /// Counts and logs that a peer was not let in.
    pub fn refused(&self, peer: &dyn fmt::Display, reason: &'static str, error: &dyn fmt::Display) {
        if let Some(more) = self.count(reason) {
            crate::warn!("a link from {peer} was refused ({reason}): {error}{more}");
        }
    }

    /// Counts a refusal; whether it may be logged. A flood for one reason hides no other.
    fn count(&self, reason: &'static str) -> Option<SuppressedCount> {
        *self.refusals.lock().entry(reason.to_owned()).or_default() += 1;
        self.throttle.allow(reason)
    }
}

/// One established link.
struct LinkSession<'a> {
    context: &'a LinkSessions,
    line: Arc<LinkConnection>,
    uuid: Uuid,
    /// Known from its first message on, which names its process.
    worker: Option<Arc<LinkedWorker>>,
}

impl LinkSession<'_> {
    /// Reads the link until it is over.
    fn run(mut self, mut opener: Opener, early: Vec<u8>) {
        let mut decoder = EnvelopeDecoder::new(self.uuid);
        let mut plain = early;
        let mut chunk = Vec::new();
        loop {
            decoder.take(&mut plain);
            match self.on_read(&mut decoder) {
                Ok(true) => {}
                Ok(false) => {
                    crate::info!("{:?} is over: the master is stopping", self.line);
                    break;
                }
                Err(nonsense) => {
                    self.cut(NONSENSE, &nonsense);
                    break;
                }
            }
            match self.line.read(&mut opener, &mut chunk, &mut plain) {
                Ok(()) => {}
                Err(LinkClosed::Record(error)) => {
                    self.cut(error.as_str(), &error);
                    break;
                }
                // Without a close record, and not by us: the worker died, or somebody on the wire cut it.
                Err(LinkClosed::Cut) if self.line.is_open() => {
                    self.cut(RecordError::Cut.as_str(), &RecordError::Cut);
                    break;
                }
                Err(over) => {
                    crate::info!("{:?} is over: {over}", self.line);
                    break;
                }
            }
        }
        self.line.cut();
        if let Some(worker) = self.worker {
            // Workers must hear of it, or the worker would count as linked for ever.
            let _ = self
                .context
                .workers
                .send_timeout(WorkersMessage::Unlinked(worker), UNLINKED_TIMEOUT);
        }
    }

    /// Counts and logs that the link ends for what was said over it, by its worker or by somebody on the wire.
    fn cut(&self, reason: &'static str, error: &dyn fmt::Display) {
        if let Some(more) = self.context.count(reason) {
            let registry = self.context.shared.registry.load();
            let worker = registry
                .by_uuid(&self.uuid)
                .map_or("?", |worker| worker.name.as_str());
            crate::warn!(
                "{:?}, of worker {worker}, was cut ({reason}): {error}{more}",
                self.line
            );
        }
    }

    /// Passes on what one read brought; false where the master is stopping.
    fn on_read(&mut self, decoder: &mut EnvelopeDecoder) -> Result<bool, ValueError> {
        let mut requests = Vec::new();
        while let Some(envelope) = decoder.next()? {
            let worker = match &self.worker {
                Some(worker) if worker.boot == envelope.header.boot => Arc::clone(worker),
                Some(_) => return Err(ValueError("a boot ID that changes within a link")),
                None => {
                    let Some(worker) = self.introduce(envelope.header.boot) else {
                        return Ok(false);
                    };
                    self.worker = Some(Arc::clone(&worker));
                    worker
                }
            };
            if let Some(request) = decode(worker, &envelope)? {
                requests.push(request);
            }
        }
        Ok(requests.is_empty() || self.pass_on(requests))
    }

    /// A router that is busy makes this worker wait, and nobody else; false where the master is stopping.
    fn pass_on(&self, requests: Vec<(ReplyTo, LinkRequest)>) -> bool {
        let mut message = RouterMessage(requests);
        while let Err(error) = self.context.router.send_timeout(message, TICK) {
            if self.context.stop.is_requested() || error.is_disconnected() {
                return false;
            }
            message = error.into_inner();
        }
        true
    }

    /// The first message of a link names the worker's process: from now on it is a linked worker.
    fn introduce(&self, boot: Uuid) -> Option<Arc<LinkedWorker>> {
        let worker = self.context.shared.registry.load().by_uuid(&self.uuid).cloned()?;
        let linked = Arc::new(LinkedWorker {
            worker,
            boot,
            line: Arc::clone(&self.line),
            since: Timestamp::now(),
        });
        let (done, wait) = bounded(1);
        let told = self.context.workers.send_timeout(
            WorkersMessage::Linked(Arc::clone(&linked), done),
            handshake::DEADLINE,
        );
        (told.is_ok() && wait.recv_timeout(handshake::DEADLINE).is_ok()).then_some(linked)
    }
}

/// What a worker's message asks; `None` where it is answered already.
fn decode(
    peer: Arc<LinkedWorker>,
    envelope: &Envelope<'_>,
) -> Result<Option<(ReplyTo, LinkRequest)>, ValueError> {
    let header = &envelope.header;
    if header.sequence == 0 {
        return Err(ValueError("a worker's message without a sequence number"));
    }
    let mut reply_to = ReplyTo {
        peer,
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
            _ => match client_request(&head, data, &reply_to)? {
                Some(request) => request,
                None => return Ok(None),
            },
        };
        return Ok(Some((reply_to, request)));
    }
    Err(ValueError("a message without a frame"))
}

/// A client's request that a worker passes on. One whose arguments are not of their form is answered
/// here; its worker should have done so.
fn client_request(
    head: &FrameHeader,
    data: &[u8],
    reply_to: &ReplyTo,
) -> Result<Option<LinkRequest>, ValueError> {
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

#[cfg(test)]
mod tests;
