//! spec/master.md · 3.1.1 Main Module ("route the commands to the correct thread")
//!
//! Sends each request to the module that handles it, and answers `overloaded` when that module's
//! inbox is full. It never waits.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

use super::asset_queries;
use super::messages::{
    AssetsHandle, AuthMessage, AuthRequest, LinkRequest, RouterMessage, WorkersMessage,
};
use super::reply_to::{ReplyBatch, ReplyTo};
use crate::runtime::Module;
use crate::wire::{Refusal, Request, reply};
use crossbeam_channel::{Sender, TrySendError};

/// The router, with the senders to the modules.
#[derive(Debug)]
pub struct MasterRouter {
    auth: Sender<AuthMessage>,
    workers: Sender<WorkersMessage>,
    assets: AssetsHandle,
}

impl Module for MasterRouter {
    type Message = RouterMessage;

    fn on_message(&mut self, message: RouterMessage) {
        self.route(message);
    }
}

impl MasterRouter {
    /// A router that sends to these modules.
    pub fn new(
        auth: Sender<AuthMessage>,
        workers: Sender<WorkersMessage>,
        assets: AssetsHandle,
    ) -> Self {
        MasterRouter {
            auth,
            workers,
            assets,
        }
    }

    fn route(&self, RouterMessage(requests): RouterMessage) {
        let mut for_auth = Vec::with_capacity(requests.len());
        for (reply_to, request) in requests {
            match request {
                LinkRequest::Auth(request) => for_auth.push((reply_to, request)),
                LinkRequest::Asset(request) => self.asset(reply_to, &request),
                LinkRequest::Report(report) => {
                    // A report may be dropped: the worker sends the next one within a second.
                    let _ = self
                        .workers
                        .try_send(WorkersMessage::Report(reply_to, report));
                }
            }
        }
        if !for_auth.is_empty()
            && let Err(TrySendError::Full(AuthMessage::Requests(requests))) =
                self.auth.try_send(AuthMessage::Requests(for_auth))
        {
            refuse(requests);
        }
    }

    fn asset(&self, reply_to: ReplyTo, request: &Request) {
        let instruction = request.instruction();
        if let Some(message) = asset_queries::answer(&self.assets, reply_to.clone(), request)
            && let Err(TrySendError::Full(_)) = self.assets.sender().try_send(message)
        {
            reply_to.fail(instruction, &Refusal::master_overloaded());
        }
    }
}

fn refuse(requests: Vec<(ReplyTo, AuthRequest)>) {
    let mut replies = ReplyBatch::new();
    for (reply_to, request) in requests {
        match request {
            AuthRequest::Request(request) => {
                replies.add(reply_to, |out| {
                    reply::write_fail(out, request.instruction(), &Refusal::master_overloaded())
                });
            }
            // No Fail fits these. The worker reports closed connections again until a `pong`
            // answers. It does not repeat a question of a client, whose request fails after its
            // time-out; it repeats the question about a subscriber to `orders` after a broken link.
            AuthRequest::Session(_)
            | AuthRequest::WatchOrders(_)
            | AuthRequest::ConnectionClosed(_) => {}
        }
    }
    replies.send();
}

#[cfg(test)]
mod tests;
