//! spec/worker.md · 3.2.1 "start listening to clients", 4.3.2 Client-Worker Server Connection
//!
//! Opens and closes the clients' port as `master_link` commands, and starts a reader thread for
//! each client. Reads nothing that a client sends.
//!
//! Tests: `src/worker/tests.rs`.

use super::client::WorkerClient;
use super::messages::{ClientsMessage, PortCommand, PortState, RequestBatch};
use super::reader::ClientReader;
use crate::config::WorkerLimits;
use crate::net::connection::UNANSWERED_MAX;
use crate::net::connection_limiter::ConnectionPermit;
use crate::net::listener::BIND_TIMEOUT;
use crate::net::proxy_header::{self, ProxySource};
use crate::net::rejecter::RejectSender;
use crate::net::tls::ServerTls;
use crate::net::{
    Connection, ConnectionLimiter, ConnectionReader, Flusher, Listener, ReaderLimits, SendLimits,
};
use crate::runtime::clock::RemoteClock;
use crate::runtime::log::Throttle;
use crate::runtime::{self, Module, Stop, TICK, ThreadHandle, is_passing};
use crossbeam_channel::{Receiver, Sender};
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
    /// Stops the listener's thread.
    stop: Stop,
    open: Option<OpenPort>,
    /// Set while the port should be open and its address is in use: when to give up.
    retry_until: Option<Instant>,
}

/// An open port.
struct OpenPort {
    listener: Arc<Listener>,
    thread: ThreadHandle,
}

/// Everything that serving a client needs. The listener's thread shares it.
pub(super) struct ClientPort {
    pub(super) listen: SocketAddr,
    pub(super) limits: WorkerLimits,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) limiter: Arc<ConnectionLimiter>,
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
            open: None,
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
        if self.open.is_none() && self.retry_until.is_none() {
            self.try_open(Instant::now() + BIND_TIMEOUT);
        }
    }

    /// Opens the port. Where the address is in use or not there yet, the next tick tries again, but
    /// none behind `until`.
    fn try_open(&mut self, until: Instant) {
        let address = self.port.listen;
        let told = self.retry_until.take().is_some();
        match Listener::bind(address) {
            Ok(listener) => self.open = self.port.open(listener, &self.stop),
            Err(error) if is_passing(&error) && Instant::now() < until => {
                if !told {
                    crate::warn!("{address}: {error}; trying again for {BIND_TIMEOUT:?}");
                }
                self.retry_until = Some(until);
            }
            Err(error) => {
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
        let Some(OpenPort { listener, thread }) = self.open.take() else {
            return false;
        };
        listener.close();
        thread.join(Instant::now() + TICK);
        true
    }
}

impl ClientPort {
    fn open(self: &Arc<Self>, listener: Listener, stop: &Stop) -> Option<OpenPort> {
        let listener = Arc::new(listener);
        let _ = self.clients.send(ClientsMessage::Open);
        let (port, accepting, stop) = (Arc::clone(self), Arc::clone(&listener), stop.clone());
        let thread = runtime::spawn("listener", move || {
            let (limiter, refusal) = (&port.limiter, &port.refusal);
            let is_proxy = |ip| port.is_proxy(ip);
            accepting.run(limiter, refusal, &stop, is_proxy, |socket, peer, permit| {
                port.serve(socket, peer, permit);
            });
        });
        match thread {
            Ok(thread) => {
                crate::info!("clients are served on {}", listener.address());
                self.publish(PortState::Open(listener.address()));
                Some(OpenPort { listener, thread })
            }
            Err(error) => {
                self.publish(PortState::Failed(format!(
                    "no thread to accept clients: {error}"
                )));
                None
            }
        }
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
        self.limits
            .proxy_from
            .iter()
            .any(|proxy| proxy.contains(ip))
    }

    /// Starts a client's reader thread. Where that fails, the connection is closed.
    fn serve(self: &Arc<Self>, socket: TcpStream, peer: SocketAddr, mut permit: ConnectionPermit) {
        let port = Arc::clone(self);
        let header_by = Instant::now() + self.limits.frame_timeout;
        let started = runtime::spawn_small("client", READER_STACK_BYTES, move || {
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
                port.refusal.refuse(socket);
                return;
            }
            port.read(socket, client);
            drop(permit);
        });
        if let Err(error) = started {
            crate::error!("no thread for a client: {error}");
        }
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

    /// Serves a client until its connection has ended.
    fn read(&self, socket: TcpStream, client: SocketAddr) {
        let tls = match self.tls.as_ref().map(|tls| tls.accept()).transpose() {
            Ok(tls) => tls,
            Err(error) => {
                crate::error!("no TLS for a client: {error}");
                return;
            }
        };
        let limits = SendLimits {
            max_unsent: self.limits.max_unsent,
            send_timeout: self.limits.send_timeout,
        };
        let flusher = Arc::clone(&self.flusher);
        let Ok(connection) = Connection::of(client, socket, tls, limits, flusher) else {
            return;
        };
        let limits = ReaderLimits {
            frame_timeout: self.limits.frame_timeout,
            first_frame_timeout: self.limits.first_frame_timeout,
            idle_timeout: self.limits.idle_timeout,
            unanswered_max: UNANSWERED_MAX,
        };
        let number = connection.number;
        let client = WorkerClient::new(Arc::clone(&connection));
        let connected = ClientsMessage::Connected(Arc::clone(&client));
        if self.clients.send(connected).is_ok() {
            let reader = ConnectionReader::new(connection, limits);
            let clock = Arc::clone(&self.clock);
            ClientReader::new(client, reader, self.router.clone(), clock).run();
            let _ = self.clients.send(ClientsMessage::Disconnected(number));
        }
    }
}
