//! spec/worker/messages.md · 2.2.2, 3.2.1 to 3.2.4, 3.2.6
//!
//! Every inbox of the worker with its payloads and its bound: the whole channel graph in one file.
//!
//! Tests: `src/worker/tests.rs`.

use super::cache::snapshot::QuoteSnapshot;
use super::cache::windows::WindowKey;
use super::client::{CachedSession, WorkerClient};
use super::notice_sender::NoticeSender;
use crate::link::connection::LinkConnection;
use crate::link::message::{ActiveSession, SessionState};
use crate::model::{NameValue, SessionHash, SessionId, Timestamp, Topic};
use crate::wire::{Destination, Refusal, Request, reply};
use crossbeam_channel::Sender;
use std::net::SocketAddr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Batches in the router's inbox at most. While it is full, readers wait.
pub const ROUTER_INBOX_MAX: usize = 1024;
/// Messages at most in each inbox of `cache`, `clients`, `tunnel` and `master_link`.
pub const MODULE_INBOX_MAX: usize = 16_384;
/// Link events in the inbox of `master_link` at most. While it is full, the link is not read.
pub const LINK_EVENTS_MAX: usize = 16;
/// Commands in the acceptor's inbox at most. While it is full, `master_link` waits.
pub const PORT_COMMANDS_MAX: usize = 1;

/// The router's inbox: the requests of one destination that one socket read brought.
#[derive(Debug)]
pub struct RequestBatch {
    pub client: Arc<WorkerClient>,
    /// The worker's timestamp, which the router sets (2.1.8).
    pub timestamp: Timestamp,
    /// The destination of all requests.
    pub destination: Destination,
    /// Whether it is one bulk request, whose reply may be large.
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

    /// Answers all requests with a Fail.
    pub fn refuse(&self, refusal: &Refusal) {
        let mut sending = self.client.connection.sending();
        for (number, request) in (self.first..).zip(&self.requests) {
            sending.reply(number, |out| {
                reply::write_fail(out, request.instruction(), refusal);
            });
        }
    }
}

/// The router's channels: the inboxes of the modules that answer requests.
#[derive(Debug, Clone)]
pub struct WorkerChannels {
    pub cache: Sender<CacheMessage>,
    pub clients: Sender<ClientsMessage>,
    pub tunnel: Sender<TunnelMessage>,
    pub master_link: Sender<MasterLinkMessage>,
}

// --- cache, 3.2.6 ---

/// The cache's inbox.
#[derive(Debug)]
pub enum CacheMessage {
    /// Requests for asset data, from the router.
    Batch(RequestBatch),
    /// The prices of an update, from `master_link`.
    Prices(Arc<QuoteSnapshot>),
    /// The result of a query for a miss, from `master_link`.
    Fill(CacheMiss, CacheFill),
}

/// A window or forecast that the cache does not hold, with the update at which it was requested.
/// Fills of different updates are not mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheMiss {
    pub key: WindowKey,
    /// The number of the latest update.
    pub update: u64,
}

/// The result of a [`CacheMiss`].
#[derive(Debug, PartialEq, Eq)]
pub enum CacheFill {
    /// The frames of a data transfer.
    Data(Vec<u8>),
    /// The frame of a Fail.
    Fail(Vec<u8>),
    /// There is no link, it broke, or the master did not answer within 30 s.
    Unavailable,
}

// --- clients, 3.2.3 ---

/// The inbox of `clients`.
#[derive(Debug)]
pub enum ClientsMessage {
    /// A connection was accepted, from its reader.
    Connected(Arc<WorkerClient>),
    /// The connection of this number has closed, from its reader.
    Disconnected(u64),
    /// Switches of the state, and what the worker answers by itself, from the router.
    Batch(RequestBatch),
    /// A login succeeded, from the tunnel.
    LoggedIn {
        client: Arc<WorkerClient>,
        /// The request's number on its connection.
        number: u64,
        state: SessionState,
        /// Whether this login created the session.
        created: bool,
        /// The reply to the client.
        frame: Zeroizing<Vec<u8>>,
    },
    /// Another answer of the master, from the tunnel: sessions that it ended, such as with a
    /// changed password, came before it.
    Answered {
        client: Arc<WorkerClient>,
        /// The request's number on its connection.
        number: u64,
        /// The session that ends with this answer: of a logout.
        ended: Option<SessionHash>,
        /// The reply to the client.
        frame: Zeroizing<Vec<u8>>,
    },
    /// A login with a session while there is no link, from the tunnel.
    Resume {
        client: Arc<WorkerClient>,
        /// The request's number on its connection.
        number: u64,
        /// The session to log in with.
        session: SessionId,
    },
    /// The master's answer about a session, from `master_link`.
    Session(SessionHash, SessionUpdate),
    /// The same where the master was asked for the ends of orders, too: if the session is active, it
    /// tells those of its account from now on. From `master_link`.
    Watched(SessionHash, SessionUpdate),
    /// Sessions that the master ended, from `master_link`.
    Ended(Vec<SessionHash>),
    /// The addresses of the linked workers, from `master_link`.
    Workers(Vec<String>),
    /// What clients may know of the deployment and its market, from `master_link`. At most what one
    /// frame holds.
    ServerInfo(Vec<NameValue>),
    /// The result of reporting to the master that the connections of these sessions closed, from
    /// `master_link`.
    Closed {
        hashes: Vec<SessionHash>,
        /// Whether the master has confirmed it.
        confirmed: bool,
    },
    /// A link is open, from `master_link`.
    Linked,
    /// The master at its other end leads, from `master_link`: one that stands by welcomes nobody.
    Welcomed,
    /// The link has ended, from `master_link`.
    Unlinked,
    /// The port opens, from the acceptor.
    Open,
    /// End all connections with `shutting-down`, and later ones, too. From the acceptor, and from
    /// the thread that stops the worker.
    EndAll,
}

/// The master's answer about a session.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionUpdate {
    Active(ActiveSession),
    /// The session is not active.
    Ended,
    /// The master could not be asked.
    Unavailable,
}

// --- notices ---

/// Messages at most in the inbox of order_notices, and of quote_notices.
pub const NOTICES_INBOX_MAX: usize = 16_384;
/// Messages about ended orders in the inbox of order_notices at most. Each is a link message at most.
pub const ORDER_NEWS_MAX: usize = 1_024;
/// Updates in the inbox of quote_notices at most.
pub const QUOTE_NEWS_MAX: usize = 8;

/// A client's subscribe or unsubscribe, with an active session. Whoever has it answers it.
#[derive(Debug)]
pub struct SubscriptionRequest {
    pub client: Arc<WorkerClient>,
    /// The request's number on its connection.
    pub number: u64,
    pub session: Arc<CachedSession>,
    pub topic: Topic,
}

/// The inbox of order_notices, for the topic `orders`.
#[derive(Debug)]
pub enum OrderNoticesMessage {
    /// A client subscribes, from `clients`. The master tells the ends of the account's orders.
    Subscribe(SubscriptionRequest),
    /// A client ends a subscription, from `clients`.
    Unsubscribe(SubscriptionRequest),
    /// Orders of an account have ended, from `master_link`: a frame for each.
    Ended {
        /// The account's registered spelling.
        username: String,
        frames: Vec<Vec<u8>>,
    },
    /// The master tells ends of orders to this session again, after a broken link, from `clients`.
    Resumed(SessionHash),
}

/// The inbox of quote_notices, for the topics of quotes.
#[derive(Debug)]
pub enum QuoteNoticesMessage {
    /// A client subscribes, from `clients`.
    Subscribe(SubscriptionRequest),
    /// A client ends a subscription, from `clients`.
    Unsubscribe(SubscriptionRequest),
    /// The prices of an update, from `cache`, which answers with them already.
    Prices(Arc<QuoteSnapshot>),
}

/// The channels of `clients`: who is asked, and who keeps subscriptions.
#[derive(Debug)]
pub struct ClientsChannels {
    pub master_link: Sender<MasterLinkMessage>,
    pub order_notices: Sender<OrderNoticesMessage>,
    pub quote_notices: Sender<QuoteNoticesMessage>,
}

// --- tunnel, 3.2.4 ---

/// The tunnel's inbox.
#[derive(Debug)]
pub enum TunnelMessage {
    /// Logins, registrations and logouts, from the router.
    Batch(RequestBatch),
    /// The master's reply, from `master_link`.
    Reply(TunnelRequest, TunnelReply),
}

/// A login, registration or logout on its way through the tunnel.
#[derive(Debug)]
pub struct TunnelRequest {
    pub client: Arc<WorkerClient>,
    /// The request's number on its connection.
    pub number: u64,
    pub request: Request,
}

/// The reply to a [`TunnelRequest`].
#[derive(Debug, PartialEq, Eq)]
pub enum TunnelReply {
    /// The master's frames.
    Frames(Zeroizing<Vec<u8>>),
    /// There is no link; nothing was sent.
    Unavailable,
}

// --- master_link, 3.2.2 ---

/// The inbox of `master_link`.
#[derive(Debug)]
pub enum MasterLinkMessage {
    /// Orders or account queries, whose replies go straight to their client. From the router.
    Batch(RequestBatch),
    /// A module's own query, from cache, clients and tunnel.
    Query(MasterQuery),
    /// An event of the link, from the connector's thread. It comes through its own channel, before
    /// other messages; [`LINK_EVENTS_MAX`] bounds it.
    Link(LinkEvent),
    /// A look at the keys has found that one is not fit any more, and why: the link ends.
    Unfit(String),
}

/// A module's own query to the master.
#[derive(Debug)]
pub struct MasterQuery {
    /// The worker's timestamp.
    pub timestamp: Timestamp,
    /// The client's address, if the query is for one client.
    pub client: Option<SocketAddr>,
    pub kind: QueryKind,
}

/// The queries that modules have.
#[derive(Debug)]
pub enum QueryKind {
    /// Answer this request, for the tunnel. The result is a [`TunnelMessage::Reply`].
    Tunnel(TunnelRequest),
    /// Fill this miss, for the cache. The result is a [`CacheMessage::Fill`].
    Cache(CacheMiss),
    /// Is this session active? For `clients`; the result is a [`ClientsMessage::Session`].
    Session(SessionHash),
    /// The same, and tell the ends of its account's orders from now on. For `clients`; the result is
    /// a [`ClientsMessage::Watched`].
    Watch(SessionHash),
    /// The connections of these sessions closed. For `clients`; the result is a
    /// [`ClientsMessage::Closed`].
    Closed(Vec<SessionHash>),
}

/// An event of the link.
#[derive(Debug)]
pub enum LinkEvent {
    /// A link is open.
    Linked(Arc<LinkConnection>),
    /// A link is open that is to take the place of the one in use, which has become old.
    Replacement(Arc<LinkConnection>),
    /// The decrypted bytes of one read of the link of this number.
    Read(u64, Vec<u8>),
    /// The link of this number has ended. Who waits at the other end of the channel hears of its drop
    /// that all is read which the link has brought.
    Unlinked(u64, Sender<()>),
}

/// The channels of `master_link`: where the master's replies and pushes go.
#[derive(Debug)]
pub struct MasterLinkChannels {
    pub cache: Sender<CacheMessage>,
    pub clients: Sender<ClientsMessage>,
    pub tunnel: Sender<TunnelMessage>,
    pub order_notices: NoticeSender<OrderNoticesMessage>,
    /// To the acceptor.
    pub port: Sender<PortCommand>,
}

// --- acceptor, 3.2.1 ---

/// The acceptor's inbox, from `master_link`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortCommand {
    /// A link has brought prices: open the port.
    Open,
    /// The worker is booted: close the port and end all connections.
    Close,
}

/// The state of the clients' port, from the acceptor to the daemon's main thread. The latest
/// replaces an unread one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortState {
    /// The port is open at this address.
    Open(SocketAddr),
    /// The port is closed until an administrator admits the worker.
    Closed,
    /// The port could not be opened.
    Failed(String),
}
