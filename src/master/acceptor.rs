//! spec/master/acceptor.md · 4.3.1 Master-Worker Server Connection, 3.1.5, 4.1
//!
//! Accepts connections on the master's port. A peer is either a client, which may only ask for the
//! list of workers, or a registered worker. It never reads a link: a [link
//! session](super::link_session) does.
//!
//! Tests: `tests/fixtures/master-port.pt`, `tests/hostile/main.rs`.

use super::link_session::LinkSessions;
use crate::config::MasterLimits;
use crate::model::ProtocolFault;
use crate::net::connection_limiter::ConnectionPermit;
use crate::net::rejecter::RejectSender;
use crate::net::{
    Connection, ConnectionLimiter, ConnectionLimits, ConnectionReader, Listener, ReadEnd,
    ReaderLimits, SendLimits,
};
use crate::runtime::published::Published;
use crate::runtime::{self, Stop, TICK};
use crate::wire::{FrameHeader, Instruction, ProtocolError, Reply, frame};
use parking_lot::Mutex;
use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Stack of a peer's thread, in bytes. A handshake calls into GPG's library.
const STACK_BYTES: usize = 512 * 1024;
/// A client that leaves more reply bytes than this unread is closed.
const UNSENT_BYTES_MAX: usize = 256 * 1024;
/// Most unanswered requests of a client.
const UNANSWERED_MAX: usize = 64;
/// Most lists that a client gets on one connection.
pub const LISTS_MAX: usize = 16;
/// How long a client that has read a list may be silent: one list is all there is to ask for.
pub const ANSWERED_IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// Places that a neighbourhood may have at least.
const PLACES_MIN: usize = 8;
/// The part of all places that a neighbourhood may have.
const PLACES_PART: usize = 8;
/// Size of the buffer for the first bytes of a peer.
const FIRST_READ_BYTES: usize = 4096;
/// Where a `linkHello` has its UUID, behind the version.
const HELLO_UUID: Range<usize> = frame::HEADER_BYTES + 2..frame::HEADER_BYTES + 18;
/// Data bytes of the shortest `linkHello`: version, UUID, nonce.
const HELLO_BYTES_MIN: u32 = 2 + 16 + 32;

/// Most connections of a neighbourhood to a master with so many in all. A registered worker's
/// address has no such limit.
pub fn places_of_neighbourhood(max_connections: usize) -> usize {
    (max_connections / PLACES_PART).max(PLACES_MIN)
}

/// Accepts peers and serves each on a thread of its own. All threads share it.
#[derive(Debug)]
pub struct MasterAcceptor {
    /// Serves the peers that are workers.
    pub links: LinkSessions,
    pub limiter: Arc<ConnectionLimiter>,
    /// Most open connections, of clients and workers together, and the longest time from the first
    /// byte of a frame to its last and of silence from a client. A reload replaces them.
    pub limits: Published<MasterLimits>,
    /// Connected clients, which get `shutting-down` when the master stops.
    pub clients: Mutex<Vec<Weak<Connection>>>,
    pub stop: Stop,
}

impl MasterAcceptor {
    /// The limits that clients and workers share: a neighbourhood may have an eighth of all places,
    /// and [`PLACES_MIN`] where that is more.
    pub fn connection_limits(max_connections: usize) -> ConnectionLimits {
        ConnectionLimits {
            total: max_connections,
            per_neighbourhood: places_of_neighbourhood(max_connections),
        }
    }

    /// Accepts until the listener closes; starts a thread for each peer.
    pub fn run(self: &Arc<Self>, listener: &Listener, refusal: &RejectSender) {
        listener.run(
            &self.limiter,
            refusal,
            &self.stop,
            |ip| self.is_workers(ip),
            |_| false,
            |socket, peer, permit| {
                if self.is_reserved(peer.ip()) {
                    refusal.refuse(socket);
                    return;
                }
                let acceptor = Arc::clone(self);
                let spawned =
                    runtime::spawn_small(format!("peer {peer}"), STACK_BYTES, move || {
                        acceptor.serve(socket, peer, permit)
                    });
                if let Err(error) = spawned {
                    crate::error!("no thread for a peer: {error}");
                }
            },
        );
    }

    /// Whether all free connections are reserved for registered workers and none is registered at
    /// this address.
    fn is_reserved(&self, ip: IpAddr) -> bool {
        let registry = self.links.shared.registry.load();
        let linked = self.links.shared.peers.load().len();
        let reserved = registry.all().count().saturating_sub(linked);
        let most = self.limits.load().max_connections;
        self.limiter.open() > most.saturating_sub(reserved) && !self.is_workers(ip)
    }

    /// Whether a worker is registered at this address.
    fn is_workers(&self, ip: IpAddr) -> bool {
        let registry = self.links.shared.registry.load();
        registry.all().any(|worker| worker.ip == ip.to_canonical())
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
            None if self.is_link(&received, peer.ip()) => self.links.serve(socket, &received, peer),
            _ => self.serve_client(socket, &received, ended),
        }
        drop(permit);
    }

    /// Reads the first frame header, which tells a client from a worker. The second value says why
    /// the stream ended before a whole header arrived.
    fn read_first(&self, socket: &TcpStream) -> (Vec<u8>, Option<ReadEnd>) {
        let deadline = Instant::now() + self.frame_timeout();
        let mut received = Vec::new();
        let mut chunk = [0u8; FIRST_READ_BYTES];
        while received.len() < frame::HEADER_BYTES {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stop.is_requested() {
                let fault =
                    ProtocolError::new(ProtocolFault::Timeout, "nothing whole came in time");
                return (received, Some(ReadEnd::Fault(fault)));
            }
            let _ = socket.set_read_timeout(Some(left.min(TICK)));
            let mut socket = socket;
            match socket.read(&mut chunk) {
                Ok(0) if received.is_empty() => return (received, Some(ReadEnd::Clean)),
                Ok(0) => {
                    let fault = ProtocolError::new(
                        ProtocolFault::BadFrame,
                        "the stream ends inside a frame",
                    );
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
        let registered = self.is_workers(ip);
        if is_hello && !registered {
            let text = format!(
                "no worker is registered at this address{}",
                self.claimed(received)
            );
            self.links.log_refused(&ip, "unknown-ip", &text);
        }
        is_hello && registered
    }

    /// Where the worker is registered whose UUID a `linkHello` has, in words.
    fn claimed(&self, received: &[u8]) -> String {
        let uuid = received
            .get(HELLO_UUID)
            .and_then(|bytes| bytes.try_into().ok());
        let registry = self.links.shared.registry.load();
        let worker = uuid.and_then(|uuid| registry.by_uuid(&Uuid::from_bytes(uuid)));
        worker.map_or_else(String::new, |worker| {
            let (name, ip) = (&worker.name, worker.ip);
            format!(
                "; worker {name}, whose UUID it sends, is registered at {ip}: \
                 `papertraderctl workers set {name} --ip IP` changes that"
            )
        })
    }

    fn frame_timeout(&self) -> Duration {
        self.limits.load().frame_timeout
    }

    fn serve_client(&self, socket: TcpStream, received: &[u8], ended: Option<ReadEnd>) {
        let frame_timeout = self.frame_timeout();
        let limits = SendLimits {
            max_unsent: UNSENT_BYTES_MAX,
            send_timeout: frame_timeout,
        };
        let Ok(connection) = Connection::new(socket, None, limits, Arc::clone(&self.links.flusher))
        else {
            return;
        };
        {
            let mut clients = self.clients.lock();
            clients.retain(|client| client.strong_count() > 0);
            clients.push(Arc::downgrade(&connection));
        }
        let limits = ReaderLimits {
            frame_timeout,
            first_frame_timeout: frame_timeout,
            idle_timeout: frame_timeout,
            unanswered_max: UNANSWERED_MAX,
        };
        let mut reader = ConnectionReader::new(connection, limits);
        reader.buffer.extend(received);
        let ended = match ended {
            // The stream ended before a whole header: there is no frame to answer.
            Some(ended) => ended,
            None => {
                let mut lists = 0;
                loop {
                    if let Err(ended) = self
                        .answer(&mut reader, &mut lists)
                        .and_then(|()| reader.fill())
                    {
                        break ended;
                    }
                }
            }
        };
        reader.finish(ended);
    }

    /// Answers the whole frames in the buffer. `lists` counts the answers to this client.
    fn answer(&self, reader: &mut ConnectionReader, lists: &mut usize) -> Result<(), ReadEnd> {
        loop {
            let request = match reader.buffer.next(FrameHeader::check_request) {
                Ok(None) => return Ok(()),
                Ok(Some((header, data))) => {
                    frame::read_request(&header, data).map(|(instruction, _)| instruction)
                }
                Err(fault) => Err(fault),
            };
            match request {
                Ok(Instruction::GetWorkerList) if *lists >= LISTS_MAX => {
                    let text = "this connection has had its lists; open another one";
                    return Err(ReadEnd::Fault(ProtocolError::new(
                        ProtocolFault::NotAllowed,
                        text,
                    )));
                }
                Ok(Instruction::GetWorkerList) => {
                    *lists += 1;
                    reader.set_idle_timeout(ANSWERED_IDLE_TIMEOUT.min(self.frame_timeout()));
                    let number = reader.reserve_one()?;
                    let workers = self.links.shared.addresses.load().to_vec();
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
}
