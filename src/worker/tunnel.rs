//! spec/worker/tunnel.md · 3.2.4 Account Authorization Tunnel, 4.6.1 to 4.6.3, 4.7.2 to 4.7.4
//!
//! Passes logins, registrations and logouts to the master, and its answers through `clients`, which
//! keeps the sessions, back to the client. Keeps no state and checks no credentials.
//!
//! Tests: `src/worker/tests.rs`.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

use super::client::WorkerClient;
use super::messages::{
    ClientsMessage, MasterLinkMessage, MasterQuery, QueryKind, RequestBatch, TunnelMessage,
    TunnelReply, TunnelRequest,
};
use crate::link::message::{BodyFrames, SessionState};
use crate::model::{Reason, Timestamp};
use crate::runtime::Module;
use crate::wire::payload::Payload;
use crate::wire::request::requests_to;
use crate::wire::{Instruction, Refusal, Request};
use crossbeam_channel::{Sender, TrySendError};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Expirable sessions that one connection may create. Ended ones count too.
pub const EXPIRABLE_MAX: usize = 1_000;

/// The tunnel's channels. It has no other state: `master_link` keeps the pending requests.
#[derive(Debug)]
pub struct Tunnel {
    clients: Sender<ClientsMessage>,
    master_link: Sender<MasterLinkMessage>,
}

impl Tunnel {
    /// A tunnel with these channels.
    pub fn new(clients: Sender<ClientsMessage>, master_link: Sender<MasterLinkMessage>) -> Tunnel {
        Tunnel {
            clients,
            master_link,
        }
    }
}

impl Module for Tunnel {
    type Message = TunnelMessage;

    fn on_message(&mut self, message: TunnelMessage) {
        match message {
            TunnelMessage::Batch(batch) => self.on_batch(batch),
            TunnelMessage::Reply(asked, reply) => self.on_reply(asked, reply),
        }
    }
}

impl Tunnel {
    fn on_batch(&self, batch: RequestBatch) {
        let (client, timestamp) = (Arc::clone(&batch.client), batch.timestamp);
        for (number, request) in batch.into_numbered() {
            self.ask_master(Arc::clone(&client), timestamp, number, request);
        }
    }

    fn ask_master(
        &self,
        client: Arc<WorkerClient>,
        timestamp: Timestamp,
        number: u64,
        request: Request,
    ) {
        let expirable = matches!(
            request,
            Request::Login {
                expirable: true,
                ..
            }
        );
        if expirable && client.expirable() >= EXPIRABLE_MAX {
            let text = "too many sessions end with this connection; open another";
            let refusal = Refusal::new(Reason::Overloaded, text);
            client.fail(number, request.instruction(), &refusal);
            return;
        }
        let query = MasterLinkMessage::Query(MasterQuery {
            timestamp,
            client: Some(client.connection.peer),
            kind: QueryKind::Tunnel(TunnelRequest {
                client,
                number,
                request,
            }),
        });
        if let Err(TrySendError::Full(MasterLinkMessage::Query(query))) =
            self.master_link.try_send(query)
            && let QueryKind::Tunnel(asked) = query.kind
        {
            asked.fail(&Refusal::worker_overloaded());
        }
    }

    fn on_reply(&self, asked: TunnelRequest, reply: TunnelReply) {
        match reply {
            TunnelReply::Frames(frames) => self.on_frames(asked, &frames),
            TunnelReply::Unavailable => match asked.request {
                // `clients` can answer for a session that is cached.
                Request::Resume { session } => self.tell_clients(ClientsMessage::Resume {
                    client: asked.client,
                    number: asked.number,
                    session,
                }),
                Request::Login { .. }
                | Request::Register { .. }
                | Request::Logout { .. }
                | Request::ChangePassword { .. }
                | Request::RequestReset { .. }
                | Request::ResetPassword { .. }
                | Request::DeleteAccount { .. }
                | Request::EndSessions { .. }
                | Request::BeginThirdParty { .. }
                | Request::AwaitThirdParty { .. }
                | Request::CompleteThirdParty { .. }
                | Request::RegisterThirdParty { .. }
                | Request::LinkThirdParty { .. }
                | Request::UnlinkThirdParty { .. }
                | Request::CreateToken { .. }
                | Request::RevokeToken { .. }
                | Request::ChangeEmail { .. }
                | requests_to!(Cache)
                | requests_to!(Orders)
                | requests_to!(AccountQueries)
                | requests_to!(State)
                | requests_to!(Local) => asked.fail(&Refusal::master_unavailable()),
            },
        }
    }

    /// Passes the master's answer on, through `clients`: it records first what the answer and the
    /// master's pushes before it begin and end. Who reads that a password was changed finds the
    /// other sessions ended.
    fn on_frames(&self, asked: TunnelRequest, frames: &[u8]) {
        let (session, reply) = split(frames);
        let Some((instruction, reply)) = reply else {
            let text = "the master's answer made no sense";
            asked.fail(&Refusal::new(Reason::InternalError, text));
            return;
        };
        let TunnelRequest {
            client,
            number,
            request,
        } = asked;
        let frame = Zeroizing::new(reply.to_vec());
        match (instruction, session, request) {
            (Instruction::SessionId, Some(state), request) => {
                self.tell_clients(ClientsMessage::LoggedIn {
                    client,
                    number,
                    state,
                    created: !matches!(request, Request::Resume { .. }),
                    frame,
                });
            }
            (instruction, _, request) => {
                let mut ended = None;
                if let (Instruction::LogoutSuccess, Request::Logout { session }) =
                    (instruction, request)
                {
                    ended = Some(session.hash());
                }
                self.tell_clients(ClientsMessage::Answered {
                    client,
                    number,
                    ended,
                    frame,
                });
            }
        }
    }

    /// Waits for room: `clients` blocks on nobody. It ends only after all clients are gone.
    fn tell_clients(&self, message: ClientsMessage) {
        let _ = self.clients.send(message);
    }
}

impl TunnelRequest {
    fn fail(&self, refusal: &Refusal) {
        self.client
            .fail(self.number, self.request.instruction(), refusal);
    }
}

/// The session's state, where the answer has one, and the client's frame.
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
