//! spec/worker/gate.md · 3.2.1 "start listening to clients", 4.3.2 Client-Worker Server Connection
//!
//! Opens the clients' port when the worker can serve, closes it when it may not, and gives each client its
//! reader thread.

use super::client::Client;
use super::reader::Conversation;
use super::router::Batch;
use super::{Notice, clients};
use crate::config::WorkerLimits;
use crate::net::connection::UNANSWERED_MAX;
use crate::net::limits::Place;
use crate::net::refusal::Refusal;
use crate::net::tls::Tls;
use crate::net::{Admission, Connection, Drainer, Listener, Reader, ReaderLimits, SendLimits};
use crate::thread::{self, Handle, Heart, Stop, TICK};
use crossbeam_channel::{Receiver, Sender, select};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

/// Stack of a reader thread.
pub const READER_STACK: usize = 128 * 1024;
/// The port of this protocol, which NFS uses too.
const NFS_PORT: u16 = 2049;

/// Whether clients can come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serving {
    /// Here.
    Open(SocketAddr),
    /// Not any more, until the master takes this worker again.
    Closed,
    /// The port could not be opened.
    Failed(String),
}

/// The state of the thread that keeps the port.
pub(super) struct Gate {
    pub(super) listen: SocketAddr,
    pub(super) limits: WorkerLimits,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) admission: Arc<Admission>,
    pub(super) drainer: Arc<Drainer>,
    pub(super) refusal: Refusal,
    pub(super) router: Sender<Batch>,
    pub(super) clients: Sender<clients::Message>,
    pub(super) notices: Receiver<Notice>,
    /// Both ends: what nobody has looked at is taken back.
    pub(super) state: (Sender<Serving>, Receiver<Serving>),
    pub(super) heart: Heart,
}

/// An open port: its listener, and the thread that accepts.
type Open = (Arc<Listener>, Handle);

impl Gate {
    pub(super) fn run(self, stop: &Stop) {
        let mut open: Option<Open> = None;
        let gate = Arc::new(self);
        loop {
            gate.heart.beat();
            select! {
                recv(gate.notices) -> notice => match notice {
                    Ok(Notice::Serve) if open.is_none() => open = gate.open(stop),
                    Ok(Notice::Serve) => {}
                    Ok(Notice::Withdraw) => {
                        if let Some(open) = open.take() {
                            close(open);
                            gate.tell(Serving::Closed);
                        }
                        let _ = gate.clients.send(clients::Message::EndAll);
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

    fn open(self: &Arc<Self>, stop: &Stop) -> Option<Open> {
        let listener = match Listener::bind(self.listen) {
            Ok(listener) => Arc::new(listener),
            Err(error) => {
                let nfs = if self.listen.port() == NFS_PORT {
                    " (2049 is the port of NFS, too)"
                } else {
                    ""
                };
                self.tell(Serving::Failed(format!(
                    "{} cannot be listened on: {error}{nfs}",
                    self.listen
                )));
                return None;
            }
        };
        let _ = self.clients.send(clients::Message::Open);
        let (gate, accepting, stop) = (Arc::clone(self), Arc::clone(&listener), stop.clone());
        let thread = thread::spawn("listener", move || {
            accepting.run(&gate.admission, &gate.refusal, &stop, |socket, _, place| {
                gate.serve(socket, place);
            });
        });
        match thread {
            Ok(thread) => {
                crate::info!("clients are served on {}", listener.address());
                self.tell(Serving::Open(listener.address()));
                Some((listener, thread))
            }
            Err(error) => {
                self.tell(Serving::Failed(format!("no thread to accept clients: {error}")));
                None
            }
        }
    }

    /// The latest replaces what nobody has looked at.
    fn tell(&self, serving: Serving) {
        let (tell, told) = &self.state;
        let mut serving = serving;
        while let Err(full) = tell.try_send(serving) {
            serving = full.into_inner();
            let _ = told.try_recv();
        }
    }

    /// A client that cannot be served is dropped, which closes its connection.
    fn serve(&self, socket: TcpStream, place: Place) {
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
        let Ok(connection) = Connection::new(socket, tls, limits, Arc::clone(&self.drainer)) else {
            return;
        };
        let limits = ReaderLimits {
            frame_timeout: self.limits.frame_timeout,
            idle_timeout: self.limits.idle_timeout,
            unanswered_max: UNANSWERED_MAX,
        };
        let (router, clients) = (self.router.clone(), self.clients.clone());
        let drainer = Arc::clone(&self.drainer);
        let started = thread::spawn_small("client", READER_STACK, move || {
            let number = connection.number;
            let client = Client::new(Arc::clone(&connection));
            if clients
                .send(clients::Message::Connected(Arc::clone(&client)))
                .is_ok()
            {
                let reader = Reader::new(connection, limits);
                Conversation::new(client, reader, router, drainer).run();
                let _ = clients.send(clients::Message::Disconnected(number));
            }
            drop(place);
        });
        if let Err(error) = started {
            crate::error!("no thread for a client: {error}");
        }
    }
}

fn close((listener, thread): Open) {
    listener.close();
    thread.join(Instant::now() + TICK);
}
