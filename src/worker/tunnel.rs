//! spec/worker/tunnel.md · 3.2.4 Account Authorization Tunnel, 4.7.2 to 4.7.4
//!
//! Passes logins, registrations and logouts to the master, and what it answers back. A session is known to
//! `clients` before the client is told of it.

use super::client::Client;
use super::router::{Batch, Carrier, overloaded};
use super::{clients, master_link};
use crate::link::message::{Frames, SessionState};
use crate::model::{Reason, Stamp};
use crate::thread::{self, Heart, Next, Stop};
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
pub enum Message {
    /// Credentials of a client.
    Batch(Batch),
    /// What the master answered.
    Answer(Errand, Answer),
}

/// A request on its way through the tunnel.
#[derive(Debug)]
pub struct Errand {
    /// Who asked.
    pub client: Arc<Client>,
    /// The request's number on its connection.
    pub number: u64,
    /// What was asked.
    pub request: Request,
}

/// How the master answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// With these frames.
    Frames(Zeroizing<Vec<u8>>),
    /// It was never asked: there is no link.
    Unavailable,
}

impl Carrier for Message {
    fn carry(batch: Batch) -> Message {
        Message::Batch(batch)
    }

    fn batch(self) -> Option<Batch> {
        match self {
            Message::Batch(batch) => Some(batch),
            Message::Answer(..) => None,
        }
    }
}

/// The tunnel's state: it keeps nothing of its own. What is under way is parked with `master_link`.
#[derive(Debug)]
pub struct Tunnel {
    inbox: Receiver<Message>,
    clients: Sender<clients::Message>,
    master_link: Sender<master_link::Message>,
    heart: Heart,
}

impl Tunnel {
    /// With nothing under way.
    pub fn new(
        inbox: Receiver<Message>,
        clients: Sender<clients::Message>,
        master_link: Sender<master_link::Message>,
        heart: Heart,
    ) -> Tunnel {
        Tunnel {
            inbox,
            clients,
            master_link,
            heart,
        }
    }

    /// Until stopped.
    pub fn run(self, stop: &Stop) {
        loop {
            self.heart.beat();
            match thread::next(&self.inbox, stop) {
                Next::Message(Message::Batch(batch)) => self.ask(batch),
                Next::Message(Message::Answer(errand, answer)) => self.answer(errand, answer),
                Next::Tick => {}
                Next::Stop => return,
            }
        }
    }

    fn ask(&self, batch: Batch) {
        let (client, stamp) = (Arc::clone(&batch.client), batch.stamp);
        for (number, request) in batch.into_numbered() {
            self.ask_one(Arc::clone(&client), stamp, number, request);
        }
    }

    fn ask_one(&self, client: Arc<Client>, stamp: Stamp, number: u64, request: Request) {
        let expirable = matches!(request, Request::Login { expirable: true, .. });
        if expirable && client.expirable() >= EXPIRABLE_MAX {
            let text = "too many sessions end with this connection; open another";
            let refusal = Refusal::new(Reason::Overloaded, text);
            client.fail(number, request.instruction(), &refusal);
            return;
        }
        let ask = master_link::Message::Ask(master_link::Ask {
            stamp,
            client: Some(client.connection.peer),
            what: master_link::What::Errand(Errand {
                client,
                number,
                request,
            }),
        });
        if let Err(TrySendError::Full(master_link::Message::Ask(ask))) = self.master_link.try_send(ask)
            && let master_link::What::Errand(errand) = ask.what
        {
            errand.fail(&overloaded());
        }
    }

    fn answer(&self, errand: Errand, answer: Answer) {
        match answer {
            Answer::Frames(frames) => self.conclude(errand, &frames),
            Answer::Unavailable => match errand.request {
                // Whoever is known here may go on.
                Request::Resume { session } => self.tell(clients::Message::Resume {
                    client: errand.client,
                    number: errand.number,
                    session,
                }),
                _ => errand.fail(&master_link::unavailable()),
            },
        }
    }

    /// What is recorded first is recorded by `clients`, which then answers the client itself.
    fn conclude(&self, errand: Errand, frames: &[u8]) {
        let (session, reply) = split(frames);
        let Some((instruction, reply)) = reply else {
            let text = "the master's answer made no sense";
            errand.fail(&Refusal::new(Reason::InternalError, text));
            return;
        };
        let Errand {
            client,
            number,
            request,
        } = errand;
        let frame = Zeroizing::new(reply.to_vec());
        match (instruction, session, request) {
            (Instruction::SessionId, Some(state), request) => {
                self.tell(clients::Message::LoggedIn {
                    client,
                    number,
                    state,
                    made: matches!(request, Request::Login { .. }),
                    frame,
                });
            }
            (Instruction::LogoutSuccess, _, Request::Logout { session }) => {
                self.tell(clients::Message::LoggedOut {
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
    fn tell(&self, message: clients::Message) {
        let _ = self.clients.send(message);
    }
}

impl Errand {
    fn fail(&self, refusal: &Refusal) {
        self.client.fail(self.number, self.request.instruction(), refusal);
    }
}

/// The state of the session, where the master tells one, and the frame that is the client's.
fn split(frames: &[u8]) -> (Option<SessionState>, Option<(Instruction, &[u8])>) {
    let (mut session, mut reply) = (None, None);
    for (header, data, whole) in Frames::new(frames).flatten() {
        match Instruction::from_number(header.instruction) {
            Some(Instruction::LinkSession) => session = SessionState::from_bytes(data).ok(),
            Some(instruction) => reply = Some((instruction, whole)),
            None => {}
        }
    }
    (session, reply)
}
