//! spec/worker/acceptor.md · 3.2.1 "start listening to clients", 4.3.2 Client-Worker Server Connection
//!
//! Opens the clients' port when the worker can serve, closes it when it may not, and gives each client its
//! reader thread.

use super::client::WorkerClient;
use super::messages::{ClientsMessage, PortCommand, PortState, RequestBatch};
use super::reader::ClientReader;
use crate::config::WorkerLimits;
use crate::net::connection::UNANSWERED_MAX;
use crate::net::connection_limiter::ConnectionPermit;
use crate::net::rejecter::RejectSender;
use crate::net::tls::ServerTls;
use crate::net::{
    Connection, ConnectionLimiter, ConnectionReader, Flusher, Listener, ReaderLimits, SendLimits,
};
use crate::runtime::{self, Heartbeat, Stop, TICK, ThreadHandle};
use crossbeam_channel::{Receiver, Sender, select};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

/// Stack of a reader thread.
pub const READER_STACK: usize = 128 * 1024;
/// The port of this protocol, which NFS uses too.
const NFS_PORT: u16 = 2049;

/// The state of the thread that keeps the port.
pub(super) struct WorkerAcceptor {
    pub(super) listen: SocketAddr,
    pub(super) limits: WorkerLimits,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) limiter: Arc<ConnectionLimiter>,
    pub(super) flusher: Arc<Flusher>,
    pub(super) refusal: RejectSender,
    pub(super) router: Sender<RequestBatch>,
    pub(super) clients: Sender<ClientsMessage>,
    pub(super) commands: Receiver<PortCommand>,
    /// Both ends: what nobody has looked at is taken back.
    pub(super) state: (Sender<PortState>, Receiver<PortState>),
    pub(super) heartbeat: Heartbeat,
}

/// An open port: its listener, and the thread that accepts.
type OpenPort = (Arc<Listener>, ThreadHandle);

impl WorkerAcceptor {
    pub(super) fn run(self, stop: &Stop) {
        let mut open: Option<OpenPort> = None;
        let acceptor = Arc::new(self);
        loop {
            acceptor.heartbeat.beat();
            select! {
                recv(acceptor.commands) -> command => match command {
                    Ok(PortCommand::Serve) if open.is_none() => open = acceptor.open(stop),
                    Ok(PortCommand::Serve) => {}
                    Ok(PortCommand::Withdraw) => {
                        if let Some(open) = open.take() {
                            close(open);
                            acceptor.tell(PortState::Closed);
                        }
                        let _ = acceptor.clients.send(ClientsMessage::EndAll);
                    }
                    Err(_) => break,
                },
                recv(stop.receiver()) -> _ => break,
                default(TICK) => {}
            }
        }
        if let Some(open) = open {
            close(open);
        }
    }

    fn open(self: &Arc<Self>, stop: &Stop) -> Option<OpenPort> {
        let listener = match Listener::bind(self.listen) {
            Ok(listener) => Arc::new(listener),
            Err(error) => {
                let nfs = if self.listen.port() == NFS_PORT {
                    " (2049 is the port of NFS, too)"
                } else {
                    ""
                };
                self.tell(PortState::Failed(format!(
                    "{} cannot be listened on: {error}{nfs}",
                    self.listen
                )));
                return None;
            }
        };
        let _ = self.clients.send(ClientsMessage::Open);
        let (acceptor, accepting, stop) = (Arc::clone(self), Arc::clone(&listener), stop.clone());
        let thread = runtime::spawn("listener", move || {
            accepting.run(
                &acceptor.limiter,
                &acceptor.refusal,
                &stop,
                |socket, _, permit| {
                    acceptor.serve(socket, permit);
                },
            );
        });
        match thread {
            Ok(thread) => {
                crate::info!("clients are served on {}", listener.address());
                self.tell(PortState::Open(listener.address()));
                Some((listener, thread))
            }
            Err(error) => {
                self.tell(PortState::Failed(format!("no thread to accept clients: {error}")));
                None
            }
        }
    }

    /// The latest replaces what nobody has looked at.
    fn tell(&self, serving: PortState) {
        let (tell, told) = &self.state;
        let mut serving = serving;
        while let Err(full) = tell.try_send(serving) {
            serving = full.into_inner();
            let _ = told.try_recv();
        }
    }

    /// A client that cannot be served is dropped, which closes its connection.
    fn serve(&self, socket: TcpStream, permit: ConnectionPermit) {
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
        let Ok(connection) = Connection::new(socket, tls, limits, Arc::clone(&self.flusher)) else {
            return;
        };
        let limits = ReaderLimits {
            frame_timeout: self.limits.frame_timeout,
            idle_timeout: self.limits.idle_timeout,
            unanswered_max: UNANSWERED_MAX,
        };
        let (router, clients) = (self.router.clone(), self.clients.clone());
        let flusher = Arc::clone(&self.flusher);
        let started = runtime::spawn_small("client", READER_STACK, move || {
            let number = connection.number;
            let client = WorkerClient::new(Arc::clone(&connection));
            if clients
                .send(ClientsMessage::Connected(Arc::clone(&client)))
                .is_ok()
            {
                let reader = ConnectionReader::new(connection, limits);
                ClientReader::new(client, reader, router, flusher).run();
                let _ = clients.send(ClientsMessage::Disconnected(number));
            }
            drop(permit);
        });
        if let Err(error) = started {
            crate::error!("no thread for a client: {error}");
        }
    }
}

fn close((listener, thread): OpenPort) {
    listener.close();
    thread.join(Instant::now() + TICK);
}
