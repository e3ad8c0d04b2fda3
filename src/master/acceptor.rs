//! spec/master/acceptor.md · 4.3.1 Master-Worker Server Connection, 3.1.5, 4.1
//!
//! The master's port. Accepts peers, tells workers from clients by their first header, and answers clients, who may
//! ask for the list of workers. Never reads a link: that is the [link session](super::link_session)'s.

use super::link_session::LinkSessions;
use crate::model::ProtocolFault;
use crate::net::connection_limiter::ConnectionPermit;
use crate::net::rejecter::RejectSender;
use crate::net::{
    Connection, ConnectionLimiter, ConnectionLimits, ConnectionReader, Listener, ReadEnd, ReaderLimits,
    SendLimits,
};
use crate::runtime::{self, Stop, TICK};
use crate::wire::{FrameHeader, Instruction, ProtocolError, Reply, frame};
use parking_lot::Mutex;
use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

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

/// What every peer's thread needs.
#[derive(Debug)]
pub struct MasterAcceptor {
    /// Peers that turn out to be workers.
    pub links: LinkSessions,
    /// Open connections.
    pub limiter: Arc<ConnectionLimiter>,
    /// How many there may be.
    pub max_connections: usize,
    /// From a frame's first byte to its last, and for a peer that says nothing.
    pub frame_timeout: Duration,
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
        let registry = self.links.shared.registry.load();
        let linked = self.links.shared.peers.load().len();
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
            None if self.is_link(&received, peer.ip()) => self.links.serve(socket, &received, peer),
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
        let registry = self.links.shared.registry.load();
        let known = registry.all().any(|worker| worker.ip == ip.to_canonical());
        if shape && !known {
            self.links
                .refused(&ip, "unknown-ip", &"no worker is registered at this address");
        }
        shape && known
    }

    fn client(&self, socket: TcpStream, received: &[u8], ended: Option<ReadEnd>) {
        let limits = SendLimits {
            max_unsent: MAX_UNSENT,
            send_timeout: self.frame_timeout,
        };
        let Ok(connection) = Connection::new(socket, None, limits, Arc::clone(&self.links.flusher)) else {
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
