//! spec/worker.md · 3.2.1 "start listening to clients", 4.3.2 Client-Worker Server Connection
//!
//! Opens and closes the clients' port, and the browsers', as `master_link` commands, and starts a
//! reader thread for each client. Reads nothing that a client sends.
//!
//! Tests: `src/worker/tests.rs`.

use super::capacity::ClientCapacity;
use super::client::WorkerClient;
use super::messages::{ClientsMessage, PortCommand, PortState, RequestBatch};
use super::reader::ClientReader;
use super::web::WebDoor;
use crate::config::WorkerLimits;
use crate::net::connection::UNANSWERED_MAX;
use crate::net::connection_limiter::ConnectionPermit;
use crate::net::http::HttpStream;
use crate::net::listener::BIND_TIMEOUT;
use crate::net::proxy_header::{self, ProxySource};
use crate::net::rejecter::{RejectSender, RejectedPeer};
use crate::net::tls::ServerTls;
use crate::net::{
    Connection, ConnectionLimiter, ConnectionReader, Flusher, Listener, ReaderLimits, SendLimits,
    Transport,
};
use crate::runtime::clock::RemoteClock;
use crate::runtime::log::Throttle;
use crate::runtime::published::Published;
use crate::runtime::{self, Module, Stop, TICK, ThreadHandle, is_passing};
use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

/// Size of a reader thread's stack.
pub const READER_STACK_BYTES: usize = 128 * 1024;
/// Most log lines a minute about a proxy, for each reason.
pub const PROXY_LOGGED_MAX: u32 = 3;
/// The default port of this protocol, which is also that of NFS.
const NFS_PORT: u16 = 2049;

/// The module's state.
pub(super) struct WorkerAcceptor {
    port: Arc<ClientPort>,
    /// Stops the listeners' threads.
    stop: Stop,
    /// The listeners: the clients', and the browsers' where there is one.
    open: Vec<OpenPort>,
    /// Set while the port should be open and its address is in use: when to give up.
    retry_until: Option<Instant>,
}

/// An open port.
struct OpenPort {
    listener: Arc<Listener>,
    thread: ThreadHandle,
}

/// Who connects to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeerKind {
    Client,
    Browser,
}

/// Everything that serving a client needs. The listener's thread shares it.
pub(super) struct ClientPort {
    pub(super) listen: SocketAddr,
    /// What browsers are served, where they are.
    pub(super) web: Option<WebDoor>,
    /// Of clients that connect from now on.
    pub(super) limits: Arc<Published<WorkerLimits>>,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) limiter: Arc<ConnectionLimiter>,
    pub(super) capacity: Arc<ClientCapacity>,
    pub(super) flusher: Arc<Flusher>,
    pub(super) refusal: RejectSender,
    pub(super) router: Sender<RequestBatch>,
    pub(super) clients: Sender<ClientsMessage>,
    /// Sessions expire by it.
    pub(super) clock: Arc<RemoteClock>,
    pub(super) proxies: Throttle,
    /// Both ends, so that a new state can replace an unread one.
    pub(super) state: (Sender<PortState>, Receiver<PortState>),
}

impl WorkerAcceptor {
    /// An acceptor with a closed port. `stop` stops the listener.
    pub(super) fn new(port: ClientPort, stop: &Stop) -> WorkerAcceptor {
        WorkerAcceptor {
            port: Arc::new(port),
            stop: stop.clone(),
            open: Vec::new(),
            retry_until: None,
        }
    }
}

impl Module for WorkerAcceptor {
    type Message = PortCommand;

    fn on_message(&mut self, command: PortCommand) {
        match command {
            PortCommand::Open => self.open_port(),
            PortCommand::Close => self.close_port(),
        }
    }

    fn on_tick(&mut self, _now: Instant) {
        if let Some(until) = self.retry_until {
            self.try_open(until);
        }
    }

    fn on_stop(&mut self) {
        self.close();
    }
}

impl WorkerAcceptor {
    fn open_port(&mut self) {
        if self.open.is_empty() && self.retry_until.is_none() {
            self.try_open(Instant::now() + BIND_TIMEOUT);
        }
    }

    /// Opens both ports. Where an address is in use or not there yet, the next tick tries again, but
    /// none behind `until`.
    fn try_open(&mut self, until: Instant) {
        let told = self.retry_until.take().is_some();
        let bind = |address| Listener::bind(address).map_err(|error| (address, error));
        let web = self.port.web.as_ref().map(WebDoor::listen);
        let bound = bind(self.port.listen)
            .and_then(|clients| web.map(bind).transpose().map(|web| (clients, web)));
        match bound {
            Ok((clients, web)) => self.open = self.port.open(clients, web, &self.stop),
            Err((address, error)) if is_passing(&error) && Instant::now() < until => {
                if !told {
                    crate::warn!("{address}: {error}; trying again for {BIND_TIMEOUT:?}");
                }
                self.retry_until = Some(until);
            }
            Err((address, error)) => {
                let nfs = if address.port() == NFS_PORT {
                    " (2049 is the port of NFS, too)"
                } else {
                    ""
                };
                self.port.publish(PortState::Failed(format!(
                    "{address} cannot be listened on: {error}{nfs}"
                )));
            }
        }
    }

    /// Closes the port and ends all connections.
    fn close_port(&mut self) {
        if self.close() {
            self.port.publish(PortState::Closed);
        }
        let _ = self.port.clients.send(ClientsMessage::EndAll);
    }

    /// Closes the port. False where it was closed already.
    fn close(&mut self) -> bool {
        self.retry_until = None;
        let open = std::mem::take(&mut self.open);
        for port in &open {
            port.listener.close();
        }
        let was_open = !open.is_empty();
        for port in open {
            port.thread.join(Instant::now() + TICK);
        }
        was_open
    }
}

impl ClientPort {
    /// Accepts on the listeners. Where a thread is missing, none is open.
    fn open(
        self: &Arc<Self>,
        clients: Listener,
        browsers: Option<Listener>,
        stop: &Stop,
    ) -> Vec<OpenPort> {
        let address = clients.address();
        let web = self.web.as_ref().zip(browsers.as_ref());
        let url = web.map(|(web, listener)| web.url(listener.address()));
        let _ = self.clients.send(ClientsMessage::Open);
        let mut open = Vec::new();
        let listeners = std::iter::once((clients, PeerKind::Client))
            .chain(browsers.map(|listener| (listener, PeerKind::Browser)));
        for (listener, kind) in listeners {
            match self.accept(listener, kind, stop) {
                Ok(port) => open.push(port),
                Err(error) => {
                    open.iter()
                        .for_each(|port: &OpenPort| port.listener.close());
                    self.publish(PortState::Failed(format!(
                        "no thread to accept clients: {error}"
                    )));
                    return Vec::new();
                }
            }
        }
        crate::info!("clients are served on {address}");
        if let Some(url) = url {
            crate::info!("the page is served on {url}");
        }
        self.publish(PortState::Open(address));
        open
    }

    /// Accepts on a listener, on a thread of its own.
    fn accept(
        self: &Arc<Self>,
        listener: Listener,
        kind: PeerKind,
        stop: &Stop,
    ) -> io::Result<OpenPort> {
        let listener = Arc::new(listener);
        let (port, accepting, stop) = (Arc::clone(self), Arc::clone(&listener), stop.clone());
        let (name, rejected) = match kind {
            PeerKind::Client => ("listener", RejectedPeer::Client),
            PeerKind::Browser => ("web", RejectedPeer::Browser),
        };
        let refusal = self.refusal.for_peers(rejected);
        let thread = runtime::spawn(name, move || {
            let is_proxy = |ip| port.is_proxy(ip);
            accepting.run(
                &port.limiter,
                &refusal,
                &stop,
                is_proxy,
                |shortage| port.capacity.make_room(shortage),
                |socket, peer, permit| {
                    port.serve(socket, peer, permit, kind);
                },
            );
        })?;
        Ok(OpenPort { listener, thread })
    }

    /// Publishes a state. It replaces an unread one.
    fn publish(&self, mut state: PortState) {
        let (sender, unread) = &self.state;
        while let Err(full) = sender.try_send(state) {
            state = full.into_inner();
            let _ = unread.try_recv();
        }
    }

    /// Whether a header of the PROXY protocol is required from this address, and believed.
    fn is_proxy(&self, ip: IpAddr) -> bool {
        let limits = self.limits.load();
        limits.proxy_from.iter().any(|proxy| proxy.contains(ip))
    }

    /// Starts a client's reader thread. Where that fails, the client is refused.
    fn serve(
        self: &Arc<Self>,
        socket: TcpStream,
        peer: SocketAddr,
        permit: ConnectionPermit,
        kind: PeerKind,
    ) {
        let port = Arc::clone(self);
        // A thread that is not started gives nothing back.
        let handed = Arc::new(Mutex::new(Some((socket, permit))));
        let given = Arc::clone(&handed);
        let header_by = Instant::now() + self.limits.load().frame_timeout;
        let started = runtime::spawn_small("client", READER_STACK_BYTES, move || {
            let Some((socket, mut permit)) = given.lock().take() else {
                return;
            };
            drop(given);
            let client = if port.is_proxy(peer.ip()) {
                port.client_behind(&socket, peer, header_by)
            } else {
                Some(peer)
            };
            let Some(client) = client else {
                return;
            };
            // A connection of the proxy's own keeps the place that it has.
            if client != peer && !permit.pass_to(client.ip()) {
                port.refuse(socket, kind);
                return;
            }
            if let Some((socket, transport, received)) = port.greet(socket, kind) {
                port.read(socket, client, transport, received);
            }
            drop(permit);
        });
        if let Err(error) = started {
            if let Some((socket, _permit)) = handed.lock().take() {
                self.refuse(socket, kind);
            }
            self.capacity.on_failure(&error);
        }
    }

    /// Tells a peer that there is no room for it.
    fn refuse(&self, socket: TcpStream, kind: PeerKind) {
        let rejected = match kind {
            PeerKind::Client => RejectedPeer::Client,
            PeerKind::Browser => RejectedPeer::Browser,
        };
        self.refusal.for_peers(rejected).refuse(socket);
    }

    /// The address of the client whose connection a proxy passes on; `None` where its header cannot
    /// be believed.
    fn client_behind(
        &self,
        socket: &TcpStream,
        proxy: SocketAddr,
        deadline: Instant,
    ) -> Option<SocketAddr> {
        match proxy_header::read(socket, deadline) {
            Ok(ProxySource::Client(client)) => Some(client),
            Ok(ProxySource::Proxy) => Some(proxy),
            Err(error) => {
                if let Some(more) = self.proxies.allow(error.as_str()) {
                    crate::warn!(
                        "a connection of the proxy {proxy} was closed: {error}{more} \
                         (limits.proxy_from has its address)"
                    );
                }
                None
            }
        }
    }

    /// What comes before the protocol: TLS's state, and HTTP's requests, up to the one that makes
    /// the connection a WebSocket. `None` where it has ended before.
    fn greet(&self, socket: TcpStream, kind: PeerKind) -> Option<(TcpStream, Transport, Vec<u8>)> {
        let tls = match self.tls.as_ref().map(|tls| tls.accept()).transpose() {
            Ok(tls) => tls,
            Err(error) => {
                crate::error!("no TLS for a client: {error}");
                return None;
            }
        };
        match (kind, &self.web) {
            (PeerKind::Browser, Some(web)) => {
                let send_timeout = self.limits.load().send_timeout;
                web.serve(HttpStream::new(socket, tls), send_timeout)
            }
            (PeerKind::Client, _) | (PeerKind::Browser, None) => {
                Some((socket, Transport::stream(tls), Vec::new()))
            }
        }
    }

    /// Serves a client until its connection has ended. `received`: bytes that came already.
    fn read(&self, socket: TcpStream, client: SocketAddr, transport: Transport, received: Vec<u8>) {
        let of_clients = self.limits.load();
        let limits = SendLimits {
            max_unsent: of_clients.max_unsent,
            send_timeout: of_clients.send_timeout,
        };
        let flusher = Arc::clone(&self.flusher);
        let Ok(connection) = Connection::of(client, socket, transport, limits, flusher) else {
            return;
        };
        let limits = ReaderLimits {
            frame_timeout: of_clients.frame_timeout,
            first_frame_timeout: of_clients.first_frame_timeout,
            idle_timeout: of_clients.idle_timeout,
            unanswered_max: UNANSWERED_MAX,
        };
        let number = connection.number;
        let client = WorkerClient::new(Arc::clone(&connection));
        let _entry = self.capacity.strangers.join(&client);
        let connected = ClientsMessage::Connected(Arc::clone(&client));
        if self.clients.send(connected).is_ok() {
            let reader = ConnectionReader::with_received(connection, limits, received);
            let clock = Arc::clone(&self.clock);
            ClientReader::new(client, reader, self.router.clone(), clock).run();
            let _ = self.clients.send(ClientsMessage::Disconnected(number));
        }
    }
}
