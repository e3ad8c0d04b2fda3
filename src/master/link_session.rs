//! spec/master/link_session.md · 4.3.1 Master-Worker Server Connection, 3.1.5
//!
//! The link of one worker, on a thread of its own: runs the handshake, reads the link until it
//! closes, and sends its requests to the router. It never answers a well-formed request.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

pub mod sequences;

use super::messages::{AuthRequest, LinkRequest, RouterMessage, WorkersMessage, WorkersShared};
use super::reply_to::{LinkedWorker, ReplyTo};
use super::workers::registry::Registry;
use crate::link::connection::{LinkClosed, LinkConnection};
use crate::link::envelope::{EnvelopeDecoder, EnvelopeHeader, LinkMessage};
use crate::link::handshake::{self, HandshakeError, MasterIdentity, RegisteredWorker};
use crate::link::message::{BodyFrames, SessionHashes, WorkerReport};
use crate::link::record::{Opener, RecordError};
use crate::model::{SessionHash, Timestamp, ValueError};
use crate::net::Flusher;
use crate::net::limits::LINGER_TIMEOUT;
use crate::runtime::log::{SuppressedCount, Throttle};
use crate::runtime::published::Published;
use crate::runtime::{Stop, TICK};
use crate::wire::payload::Payload;
use crate::wire::{Destination, FrameHeader, Instruction, Request, frame, wipe};
use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use sequences::{SequenceCheck, SequenceHistory};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The reason, in counters and in the log, when a registered worker breaks the protocol of the
/// link.
const NONSENSE_REASON: &str = "nonsense";
/// The reason, in counters and in the log, when a booted worker links: it is told so and kept out.
const BOOTED_REASON: &str = "booted";
/// The reason, in counters, when a worker links to a master that does not lead.
const STANDBY_REASON: &str = "standing-by";
/// How long the report of a closed link waits for room in the inbox of workers.
const UNLINKED_TIMEOUT: Duration = Duration::from_secs(10);

/// What all link sessions share.
#[derive(Debug)]
pub struct LinkSessions {
    /// The master's key and keyring for handshakes.
    pub identity: MasterIdentity,
    pub shared: WorkersShared,
    pub router: Sender<RouterMessage>,
    pub workers: Sender<WorkersMessage>,
    /// The sequence numbers that workers have used.
    pub sequences: SequenceHistory,
    /// Sends the bytes that the sockets of slow peers do not take.
    pub flusher: Arc<Flusher>,
    /// Refused handshakes and links that the master cut, counted by reason.
    pub refusals: Arc<Mutex<HashMap<String, u64>>>,
    /// Limits the log lines for each reason.
    pub throttle: Throttle,
    pub stop: Stop,
    /// Whether this master stands by: then it tells so to each worker that has proven itself, and
    /// nothing else.
    pub stands_by: bool,
}

impl LinkSessions {
    /// Serves a link from its handshake to its end. `received` has the bytes that were read
    /// already.
    pub fn serve(&self, socket: TcpStream, received: &[u8], peer: SocketAddr) {
        let registry = Arc::clone(&self.shared.registry);
        let lookup = move |uuid: Uuid, ip: IpAddr| registered_worker(&registry, uuid, ip);
        let deadline = Instant::now() + handshake::HANDSHAKE_TIMEOUT;
        match handshake::accept(&socket, received, &self.identity, &lookup, deadline) {
            Ok(established) => {
                let sealed = established.sealed;
                let uuid = established.peer.uuid;
                match LinkConnection::new(socket, sealed.sealer, Arc::clone(&self.flusher)) {
                    Ok(link) if self.stands_by => self.send_on(&link, uuid, sealed.opener),
                    Ok(link) => {
                        let session = LinkSession {
                            context: self,
                            link,
                            uuid,
                            introduced: None,
                        };
                        session.run(sealed.opener, established.early);
                    }
                    Err(error) => crate::warn!("the link from {peer} broke at once: {error}"),
                }
            }
            Err(error) => self.log_refused(&peer, error.as_str(), &error),
        }
    }

    /// Tells a worker that this master does not lead, within the sealed link, where nobody else can
    /// say it. What the worker sends is thrown away.
    fn send_on(&self, link: &Arc<LinkConnection>, worker: Uuid, mut opener: Opener) {
        let header = EnvelopeHeader {
            worker,
            // That of the worker's process is not known yet, and a push answers none.
            boot: Uuid::nil(),
            sequence: 0,
            timestamp: Timestamp::now(),
            client: None,
        };
        link.send(&header, |out| {
            frame::write(out, Instruction::LinkStandby, &[])
        });
        link.end();
        if let Some(more) = self.count(STANDBY_REASON) {
            crate::info!("{link:?} ends: this master stands by, and tells its worker so{more}");
        }
        discard(link, &mut opener);
        link.cut();
    }

    /// Counts and logs a refused link.
    pub fn log_refused(
        &self,
        peer: &dyn fmt::Display,
        reason: &'static str,
        error: &dyn fmt::Display,
    ) {
        if let Some(more) = self.count(reason) {
            crate::warn!("a link from {peer} was refused ({reason}): {error}{more}");
        }
    }

    /// Counts a refused or cut link. `Some` if it may be logged: the log is limited for each
    /// reason, so that many lines for one reason do not hide another.
    fn count(&self, reason: &'static str) -> Option<SuppressedCount> {
        *self.refusals.lock().entry(reason.to_owned()).or_default() += 1;
        self.throttle.allow(reason)
    }
}

/// What follows a read of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadOutcome {
    /// The next read.
    GoOn,
    /// The link closes without a fault of its worker: the master is stopping, or the link could not
    /// be reported to workers.
    Close,
    /// The worker is booted, and has been told so.
    Booted,
}

/// One established link.
struct LinkSession<'a> {
    context: &'a LinkSessions,
    link: Arc<LinkConnection>,
    uuid: Uuid,
    /// Set by the first message, which carries the boot ID of the worker's process.
    introduced: Option<(Arc<LinkedWorker>, SequenceCheck)>,
}

impl LinkSession<'_> {
    /// Reads the link until it closes.
    fn run(mut self, mut opener: Opener, early: Vec<u8>) {
        let mut decoder = EnvelopeDecoder::new(self.uuid);
        let mut plain = early;
        let mut chunk = Vec::new();
        loop {
            decoder.take(&mut plain);
            match self.on_read(&mut decoder) {
                Ok(ReadOutcome::GoOn) => {}
                Ok(ReadOutcome::Close) => {
                    crate::info!(
                        "{:?} has closed: the master is stopping or busy, or its worker is no longer registered",
                        self.link
                    );
                    break;
                }
                Ok(ReadOutcome::Booted) => {
                    let text = "its worker is kept out until an administrator admits it";
                    self.context
                        .log_refused(&self.link.peer, BOOTED_REASON, &text);
                    discard(&self.link, &mut opener);
                    break;
                }
                Err(error) => {
                    self.log_cut(NONSENSE_REASON, &error);
                    break;
                }
            }
            match self.link.read(&mut opener, &mut chunk, &mut plain) {
                Ok(()) => {}
                Err(LinkClosed::Record(error)) => {
                    self.log_cut(error.as_str(), &error);
                    break;
                }
                // The stream ended without a close record, and the master did not close it: the
                // worker died, or an attacker on the network cut the connection.
                Err(LinkClosed::Cut) if self.link.is_open() => {
                    self.log_cut(RecordError::Cut.as_str(), &RecordError::Cut);
                    break;
                }
                Err(reason) => {
                    crate::info!("{:?} has closed: {reason}", self.link);
                    break;
                }
            }
        }
        self.link.cut();
        if let Some((worker, _)) = self.introduced {
            // Without this message the worker would count as linked for ever.
            let _ = self
                .context
                .workers
                .send_timeout(WorkersMessage::Unlinked(worker), UNLINKED_TIMEOUT);
        }
    }

    /// Counts and logs a link that the master cuts, because of its worker or of an attacker on the
    /// network.
    fn log_cut(&self, reason: &'static str, error: &dyn fmt::Display) {
        if let Some(more) = self.context.count(reason) {
            let registry = self.context.shared.registry.load();
            let worker = registry
                .by_uuid(&self.uuid)
                .map_or("?", |worker| worker.name.as_str());
            crate::warn!(
                "{:?}, of worker {worker}, was cut ({reason}): {error}{more}",
                self.link
            );
        }
    }

    /// Sends the requests of one read to the router.
    fn on_read(&mut self, decoder: &mut EnvelopeDecoder) -> Result<ReadOutcome, ValueError> {
        let mut requests = Vec::new();
        while let Some(envelope) = decoder.next()? {
            if self.introduced.is_none() {
                let boot = envelope.header.boot;
                let worker = match self.on_first_message(boot) {
                    Ok(worker) => worker,
                    Err(outcome) => return Ok(outcome),
                };
                let sequences = self.context.sequences.enter(self.uuid, boot);
                self.introduced = Some((worker, sequences));
            }
            let Some((worker, sequences)) = &mut self.introduced else {
                return Ok(ReadOutcome::Close);
            };
            if worker.boot != envelope.header.boot {
                return Err(ValueError("a boot ID that changes within a link"));
            }
            if let Some(request) = decode(worker, sequences, &envelope)? {
                requests.push(request);
            }
        }
        Ok(if requests.is_empty() || self.forward(requests) {
            ReadOutcome::GoOn
        } else {
            ReadOutcome::Close
        })
    }

    /// Waits while the router's inbox is full, which delays only this worker. Returns false when
    /// the master is stopping.
    fn forward(&self, requests: Vec<(ReplyTo, LinkRequest)>) -> bool {
        let mut message = RouterMessage(requests);
        while let Err(error) = self.context.router.send_timeout(message, TICK) {
            if self.context.stop.is_requested() || error.is_disconnected() {
                return false;
            }
            message = error.into_inner();
        }
        true
    }

    /// Reports the link to workers, with the boot ID of the first message, and waits for the
    /// answer. Fails with [`ReadOutcome::Booted`] when workers keeps the worker out, and with
    /// [`ReadOutcome::Close`] when the worker has been unregistered since the handshake, or when
    /// workers has no room or no answer in time, as it does while the master stops.
    fn on_first_message(&self, boot: Uuid) -> Result<Arc<LinkedWorker>, ReadOutcome> {
        let registry = self.context.shared.registry.load();
        let worker = registry.by_uuid(&self.uuid).cloned();
        let worker = worker.ok_or(ReadOutcome::Close)?;
        let linked = Arc::new(LinkedWorker {
            worker,
            boot,
            link: Arc::clone(&self.link),
            since: Timestamp::now(),
        });
        let (done, wait) = bounded(1);
        let sent = self.context.workers.send_timeout(
            WorkersMessage::Linked(Arc::clone(&linked), done),
            handshake::HANDSHAKE_TIMEOUT,
        );
        sent.map_err(|_| ReadOutcome::Close)?;
        match wait.recv_timeout(handshake::HANDSHAKE_TIMEOUT) {
            Ok(true) => Ok(linked),
            Ok(false) => Err(ReadOutcome::Booted),
            Err(_) => Err(ReadOutcome::Close),
        }
    }
}

/// Reads what a worker that is kept out still sends, so that no reset destroys what it is told. Ends
/// when the worker closes the link, or after [`LINGER_TIMEOUT`], at its next byte or silence.
fn discard(link: &LinkConnection, opener: &mut Opener) {
    let deadline = Instant::now() + LINGER_TIMEOUT;
    let (mut chunk, mut plain) = (Vec::new(), Vec::new());
    while Instant::now() < deadline && link.read(opener, &mut chunk, &mut plain).is_ok() {
        wipe::clear(&mut plain);
    }
}

/// Decodes a link message. `None` if it was answered here.
fn decode(
    peer: &Arc<LinkedWorker>,
    sequences: &mut SequenceCheck,
    envelope: &LinkMessage<'_>,
) -> Result<Option<(ReplyTo, LinkRequest)>, ValueError> {
    let header = &envelope.header;
    let mut reply_to = ReplyTo {
        peer: Arc::clone(peer),
        sequence: header.sequence,
        timestamp: header.timestamp,
        client: header.client,
        again: false,
    };
    for frame in BodyFrames::new(envelope.body) {
        let (head, data, _) = frame?;
        let instruction = Instruction::from_number(head.instruction);
        if instruction == Some(Instruction::LinkAgain) {
            reply_to.again = true;
            continue;
        }
        sequences.check(header.sequence, reply_to.again)?;
        let request = match instruction {
            Some(Instruction::LinkReport) => LinkRequest::Report(WorkerReport::from_bytes(data)?),
            Some(Instruction::LinkSession) => {
                LinkRequest::Auth(AuthRequest::Session(session_hash(data)?))
            }
            Some(Instruction::LinkWatchOrders) => {
                LinkRequest::Auth(AuthRequest::WatchOrders(session_hash(data)?))
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

fn session_hash(data: &[u8]) -> Result<SessionHash, ValueError> {
    let hash = data.try_into().map(SessionHash);
    hash.map_err(|_| ValueError("a session hash has 32 bytes"))
}

/// Parses a client's request that a worker forwards. A request with malformed arguments is answered
/// here and gives `None`; its worker should have refused it.
fn client_request(
    head: &FrameHeader,
    data: &[u8],
    reply_to: &ReplyTo,
) -> Result<Option<LinkRequest>, ValueError> {
    const NOT_A_REQUEST: ValueError = ValueError("a frame that no client may send");
    const NOT_FOR_MASTER: ValueError = ValueError("a request that a worker answers itself");
    head.check_request().map_err(|_| NOT_A_REQUEST)?;
    let (instruction, arguments) = frame::read_request(head, data).map_err(|_| NOT_A_REQUEST)?;
    match Request::read(instruction, arguments) {
        Ok(Some(request)) => match instruction.row().destination {
            Some(Destination::Tunnel | Destination::Orders | Destination::AccountQueries) => {
                Ok(Some(LinkRequest::Auth(AuthRequest::Request(request))))
            }
            Some(Destination::Cache) => Ok(Some(LinkRequest::Asset(request))),
            Some(Destination::State | Destination::Local) | None => Err(NOT_FOR_MASTER),
        },
        Ok(None) => Err(NOT_A_REQUEST),
        Err(refusal) => {
            reply_to.fail(instruction, &refusal);
            Ok(None)
        }
    }
}

/// The registered worker with this UUID, if it may link from `ip`. One that is booted may too, to
/// be told so where nobody else can say it.
fn registered_worker(
    registry: &Published<Registry>,
    uuid: Uuid,
    ip: IpAddr,
) -> Result<RegisteredWorker, HandshakeError> {
    let registry = registry.load();
    let worker = registry.by_uuid(&uuid).ok_or(HandshakeError::UnknownUuid)?;
    if worker.ip != ip.to_canonical() {
        return Err(HandshakeError::WrongIp {
            name: worker.name.clone(),
            registered: worker.ip,
        });
    }
    Ok(RegisteredWorker {
        uuid,
        name: worker.name.clone(),
        fingerprint: worker.fingerprint,
    })
}

#[cfg(test)]
mod tests;
