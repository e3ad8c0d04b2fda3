//! spec/worker/messages.md · 2.2.2, 3.2.1 to 3.2.4, 3.2.6
//!
//! Every inbox of the worker with its payloads and its bound: the whole graph of channels on one page.
//! Decides nothing and does nothing.

use super::cache::snapshot::QuoteSnapshot;
use super::cache::windows::WindowKey;
use super::client::WorkerClient;
use crate::link::connection::LinkConnection;
use crate::link::message::{ActiveSession, SessionState};
use crate::model::{SessionHash, SessionId, Timestamp};
use crate::wire::{Destination, Refusal, Request, reply};
use crossbeam_channel::Sender;
use std::net::SocketAddr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Batches that may wait for the router. Beyond that readers wait, each for itself.
pub const ROUTER_INBOX_MAX: usize = 1024;
/// Messages that may wait for `cache`, `clients`, `tunnel` or `master_link`, each.
pub const MODULE_INBOX_MAX: usize = 16_384;
/// Events of the link that may wait for `master_link`. Beyond that the link is not read.
pub const LINK_EVENTS_MAX: usize = 16;
/// Commands that may wait for the acceptor. Beyond that `master_link` waits.
pub const PORT_COMMANDS_MAX: usize = 1;

/// The router's inbox: the requests of one destination that one socket read brought.
#[derive(Debug)]
pub struct RequestBatch {
    /// Who asks.
    pub client: Arc<WorkerClient>,
    /// The worker's timestamp, which the router sets (2.1.8).
    pub timestamp: Timestamp,
    /// The destination of all of them.
    pub destination: Destination,
    /// It is one request, whose reply may be large.
    pub bulk: bool,
    /// The first request's number on its connection; the others follow.
    pub first: u64,
    /// At least one.
    pub requests: Vec<Request>,
}

impl RequestBatch {
    /// The requests with their numbers.
    pub fn into_numbered(self) -> impl Iterator<Item = (u64, Request)> {
        (self.first..).zip(self.requests)
    }

    /// Answers all of them with a Fail.
    pub fn refuse(&self, refusal: &Refusal) {
        let mut sending = self.client.connection.sending();
        for (number, request) in (self.first..).zip(&self.requests) {
            sending.reply(number, |out| {
                reply::write_fail(out, request.instruction(), refusal);
            });
        }
    }
}

/// The router's channels: the inboxes that requests are passed on to.
#[derive(Debug, Clone)]
pub struct WorkerChannels {
    /// 3.2.6
    pub cache: Sender<CacheMessage>,
    /// 3.2.3
    pub clients: Sender<ClientsMessage>,
    /// 3.2.4
    pub tunnel: Sender<TunnelMessage>,
    /// 3.2.2
    pub master_link: Sender<MasterLinkMessage>,
}

// --- cache, 3.2.6 ---

/// The cache's inbox.
#[derive(Debug)]
pub enum CacheMessage {
    /// Requests for asset data, from the router.
    Batch(RequestBatch),
    /// The values of an update, from `master_link`.
    Prices(Box<QuoteSnapshot>),
    /// What came of a miss, from `master_link`.
    Fill(CacheMiss, CacheFill),
}

/// What the cache does not hold, and when it was asked for. Fills of different updates are not mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheMiss {
    /// The window or forecast.
    pub key: WindowKey,
    /// The number of the last update that had come.
    pub update: u64,
}

/// What came of a [`CacheMiss`].
#[derive(Debug, PartialEq, Eq)]
pub enum CacheFill {
    /// The frames of a data transfer.
    Data(Vec<u8>),
    /// The frame of a Fail.
    Fail(Vec<u8>),
    /// There is no link.
    Unavailable,
}

// --- clients, 3.2.3 ---

/// The inbox of `clients`.
#[derive(Debug)]
pub enum ClientsMessage {
    /// A connection has begun, from its reader.
    Connected(Arc<WorkerClient>),
    /// The connection of this number is over, from its reader.
    Disconnected(u64),
    /// Switches of the state, pings and lists of workers, from the router.
    Batch(RequestBatch),
    /// A login succeeded, from the tunnel.
    LoggedIn {
        /// Who logged in.
        client: Arc<WorkerClient>,
        /// The request's number on its connection.
        number: u64,
        /// What the master says of the session.
        state: SessionState,
        /// Whether this login created the session.
        made: bool,
        /// The reply to the client.
        frame: Zeroizing<Vec<u8>>,
    },
    /// A logout succeeded, from the tunnel.
    LoggedOut {
        /// Who logged out.
        client: Arc<WorkerClient>,
        /// The request's number on its connection.
        number: u64,
        /// The session that is over.
        hash: SessionHash,
        /// The reply to the client.
        frame: Zeroizing<Vec<u8>>,
    },
    /// A login with a session while there is no link, from the tunnel.
    Resume {
        /// Who logs in.
        client: Arc<WorkerClient>,
        /// The request's number on its connection.
        number: u64,
        /// The session to log in with.
        session: SessionId,
    },
    /// What the master says of a session, from `master_link`.
    Session(SessionHash, SessionUpdate),
    /// Sessions that the master ended, from `master_link`.
    Ended(Vec<SessionHash>),
    /// The workers that serve now, from `master_link`.
    Workers(Vec<String>),
    /// What came of telling the master that the connections of these sessions closed, from `master_link`.
    Closed {
        /// The sessions.
        hashes: Vec<SessionHash>,
        /// Whether the master knows.
        told: bool,
    },
    /// A link stands, from `master_link`.
    Linked,
    /// The link is gone, from `master_link`.
    Unlinked,
    /// The port opens, from the acceptor.
    Open,
    /// Tell every client that the server is shutting down and close it, also those that come late. From the
    /// acceptor, and from whoever stops the worker.
    EndAll,
}

/// What the master says of a session.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionUpdate {
    /// It is active.
    Active(ActiveSession),
    /// It is not.
    Over,
    /// It could not be asked.
    Unavailable,
}

// --- tunnel, 3.2.4 ---

/// The tunnel's inbox.
#[derive(Debug)]
pub enum TunnelMessage {
    /// Logins, registrations and logouts, from the router.
    Batch(RequestBatch),
    /// What the master answered, from `master_link`.
    Reply(TunnelRequest, TunnelReply),
}

/// A login, registration or logout on its way through the tunnel.
#[derive(Debug)]
pub struct TunnelRequest {
    /// Who asks.
    pub client: Arc<WorkerClient>,
    /// The request's number on its connection.
    pub number: u64,
    /// The request itself.
    pub request: Request,
}

/// How the master answered a [`TunnelRequest`].
#[derive(Debug, PartialEq, Eq)]
pub enum TunnelReply {
    /// With these frames.
    Frames(Zeroizing<Vec<u8>>),
    /// It was never asked: there is no link.
    Unavailable,
}

// --- master_link, 3.2.2 ---

/// The inbox of `master_link`.
#[derive(Debug)]
pub enum MasterLinkMessage {
    /// Orders or account queries, whose replies go straight to their client. From the router.
    Batch(RequestBatch),
    /// A module's own query. From cache, clients and tunnel.
    Query(MasterQuery),
    /// What becomes of the link. From the connector's thread, through a channel of its own: it comes before what
    /// waits in the other, and [`LINK_EVENTS_MAX`] bounds it.
    Link(LinkEvent),
}

/// What a module wants of the master for itself.
#[derive(Debug)]
pub struct MasterQuery {
    /// The worker's timestamp.
    pub timestamp: Timestamp,
    /// The client that it is for, if it is for one.
    pub client: Option<SocketAddr>,
    /// The query.
    pub kind: QueryKind,
}

/// What modules want of the master.
#[derive(Debug)]
pub enum QueryKind {
    /// The tunnel: answer this request. Comes back as [`TunnelMessage::Reply`].
    Tunnel(TunnelRequest),
    /// The cache: fill this miss. Comes back as [`CacheMessage::Fill`].
    Cache(CacheMiss),
    /// `clients`: is this session active? Comes back as [`ClientsMessage::Session`].
    Session(SessionHash),
    /// `clients`: the connections of these sessions closed. Comes back as [`ClientsMessage::Closed`].
    Closed(Vec<SessionHash>),
}

/// What becomes of the link.
#[derive(Debug)]
pub enum LinkEvent {
    /// A link stands.
    Linked(Arc<LinkConnection>),
    /// What one read of the link of this number brought, opened.
    Read(u64, Vec<u8>),
    /// The link of this number is over.
    Unlinked(u64),
    /// The master keeps this worker out.
    KeptOut,
}

/// The channels of `master_link`: where the master's replies and pushes go.
#[derive(Debug)]
pub struct MasterLinkChannels {
    /// 3.2.6
    pub cache: Sender<CacheMessage>,
    /// 3.2.3
    pub clients: Sender<ClientsMessage>,
    /// 3.2.4
    pub tunnel: Sender<TunnelMessage>,
    /// The acceptor: whether to serve clients.
    pub port: Sender<PortCommand>,
}

// --- acceptor, 3.2.1 ---

/// The acceptor's inbox, from `master_link`: whether to serve clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortCommand {
    /// The link stands and prices are here: open the port.
    Serve,
    /// The master keeps this worker out: close the port.
    Withdraw,
}

/// What the acceptor tells the daemon's main thread: whether clients can come in. The latest replaces one that
/// nobody has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortState {
    /// The port is open at this address.
    Open(SocketAddr),
    /// The port is closed until the master takes this worker again.
    Closed,
    /// The port could not be opened.
    Failed(String),
}
