//! spec/worker/tunnel.md · 3.2.4 Account Authorization Tunnel, 4.7.2 to 4.7.4
//!
//! Passes logins, registrations and logouts to the master, and what it answers back. A session is known to
//! `clients` before the client is told of it.

use super::client::WorkerClient;
use super::router::{Carrier, RequestBatch};
use super::{clients, master_link};
use crate::link::message::{BodyFrames, SessionState};
use crate::model::{Reason, Timestamp};
use crate::runtime::{self, Heartbeat, NextEvent, Stop};
use crate::wire::payload::Payload;
use crate::wire::{Instruction, Refusal, Request};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Messages that may wait for the tunnel.
pub const INBOX: usize = 16_384;
/// Sessions that may end with one connection.
pub const EXPIRABLE_MAX: usize = 1_000;

/// The tunnel's vocabulary.
#[derive(Debug)]
pub enum TunnelMessage {
    /// Credentials of a client.
    Batch(RequestBatch),
    /// What the master answered.
    Answer(TunnelRequest, TunnelReply),
}

/// A request on its way through the tunnel.
#[derive(Debug)]
pub struct TunnelRequest {
    /// Who asked.
    pub client: Arc<WorkerClient>,
    /// The request's number on its connection.
    pub number: u64,
    /// What was asked.
    pub request: Request,
}

/// How the master answered.
#[derive(Debug, PartialEq, Eq)]
pub enum TunnelReply {
    /// With these frames.
    Frames(Zeroizing<Vec<u8>>),
    /// It was never asked: there is no link.
    Unavailable,
}

impl Carrier for TunnelMessage {
    fn carry(batch: RequestBatch) -> TunnelMessage {
        TunnelMessage::Batch(batch)
    }

    fn batch(self) -> Option<RequestBatch> {
        match self {
            TunnelMessage::Batch(batch) => Some(batch),
            TunnelMessage::Answer(..) => None,
        }
    }
}

/// The tunnel's state: it keeps nothing of its own. What is under way is parked with `master_link`.
#[derive(Debug)]
pub struct Tunnel {
    inbox: Receiver<TunnelMessage>,
    clients: Sender<clients::ClientsMessage>,
    master_link: Sender<master_link::MasterLinkMessage>,
    heartbeat: Heartbeat,
}

impl Tunnel {
    /// With nothing under way.
    pub fn new(
        inbox: Receiver<TunnelMessage>,
        clients: Sender<clients::ClientsMessage>,
        master_link: Sender<master_link::MasterLinkMessage>,
        heartbeat: Heartbeat,
    ) -> Tunnel {
        Tunnel {
            inbox,
            clients,
            master_link,
            heartbeat,
        }
    }

    /// Until stopped.
    pub fn run(self, stop: &Stop) {
        loop {
            self.heartbeat.beat();
            match runtime::next(&self.inbox, stop) {
                NextEvent::Message(TunnelMessage::Batch(batch)) => self.ask(batch),
                NextEvent::Message(TunnelMessage::Answer(errand, answer)) => self.answer(errand, answer),
                NextEvent::Tick => {}
                NextEvent::Stop => return,
            }
        }
    }

    fn ask(&self, batch: RequestBatch) {
        let (client, timestamp) = (Arc::clone(&batch.client), batch.timestamp);
        for (number, request) in batch.into_numbered() {
            self.ask_one(Arc::clone(&client), timestamp, number, request);
        }
    }

    fn ask_one(&self, client: Arc<WorkerClient>, timestamp: Timestamp, number: u64, request: Request) {
        let expirable = matches!(request, Request::Login { expirable: true, .. });
        if expirable && client.expirable() >= EXPIRABLE_MAX {
            let text = "too many sessions end with this connection; open another";
            let refusal = Refusal::new(Reason::Overloaded, text);
            client.fail(number, request.instruction(), &refusal);
            return;
        }
        let ask = master_link::MasterLinkMessage::Ask(master_link::MasterQuery {
            timestamp,
            client: Some(client.connection.peer),
            what: master_link::QueryKind::Errand(TunnelRequest {
                client,
                number,
                request,
            }),
        });
        if let Err(TrySendError::Full(master_link::MasterLinkMessage::Ask(ask))) =
            self.master_link.try_send(ask)
            && let master_link::QueryKind::Errand(errand) = ask.what
        {
            errand.fail(&Refusal::worker_overloaded());
        }
    }

    fn answer(&self, errand: TunnelRequest, answer: TunnelReply) {
        match answer {
            TunnelReply::Frames(frames) => self.conclude(errand, &frames),
            TunnelReply::Unavailable => match errand.request {
                // Whoever is known here may go on.
                Request::Resume { session } => self.tell(clients::ClientsMessage::Resume {
                    client: errand.client,
                    number: errand.number,
                    session,
                }),
                _ => errand.fail(&Refusal::master_unavailable()),
            },
        }
    }

    /// What is recorded first is recorded by `clients`, which then answers the client itself.
    fn conclude(&self, errand: TunnelRequest, frames: &[u8]) {
        let (session, reply) = split(frames);
        let Some((instruction, reply)) = reply else {
            let text = "the master's answer made no sense";
            errand.fail(&Refusal::new(Reason::InternalError, text));
            return;
        };
        let TunnelRequest {
            client,
            number,
            request,
        } = errand;
        let frame = Zeroizing::new(reply.to_vec());
        match (instruction, session, request) {
            (Instruction::SessionId, Some(state), request) => {
                self.tell(clients::ClientsMessage::LoggedIn {
                    client,
                    number,
                    state,
                    made: matches!(request, Request::Login { .. }),
                    frame,
                });
            }
            (Instruction::LogoutSuccess, _, Request::Logout { session }) => {
                self.tell(clients::ClientsMessage::LoggedOut {
                    client,
                    number,
                    hash: session.hash(),
                    frame,
                });
            }
            _ => client.pass(number, &frame),
        }
    }

    /// `clients` waits for nobody, so this does not wait long; where it is gone, so are the clients.
    fn tell(&self, message: clients::ClientsMessage) {
        let _ = self.clients.send(message);
    }
}

impl TunnelRequest {
    fn fail(&self, refusal: &Refusal) {
        self.client.fail(self.number, self.request.instruction(), refusal);
    }
}

/// The state of the session, where the master tells one, and the frame that is the client's.
fn split(frames: &[u8]) -> (Option<SessionState>, Option<(Instruction, &[u8])>) {
    let (mut session, mut reply) = (None, None);
    for (header, data, whole) in BodyFrames::new(frames).flatten() {
        match Instruction::from_number(header.instruction) {
            Some(Instruction::LinkSession) => session = SessionState::from_bytes(data).ok(),
            Some(instruction) => reply = Some((instruction, whole)),
            None => {}
        }
    }
    (session, reply)
}
