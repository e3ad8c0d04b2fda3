//! spec/master/router.md · 3.1.1 Main Module ("route the commands to the correct thread")
//!
//! Passes each request on to the module that it names, and answers `overloaded` for one that has no room.
//! Never waits, and never looks into a request.

use super::asset_queries;
use super::messages::{AssetsHandle, AuthMessage, AuthRequest, LinkRequest, RouterMessage, WorkersMessage};
use super::reply_to::{ReplyBatch, ReplyTo};
use crate::runtime::Module;
use crate::wire::{Refusal, Request, reply};
use crossbeam_channel::{Sender, TrySendError};

/// The modules that requests go to.
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
    /// A router to these modules.
    pub fn new(auth: Sender<AuthMessage>, workers: Sender<WorkersMessage>, assets: AssetsHandle) -> Self {
        MasterRouter {
            auth,
            workers,
            assets,
        }
    }

    fn route(&self, RouterMessage(requests): RouterMessage) {
        let mut of_auth = Vec::with_capacity(requests.len());
        for (reply_to, request) in requests {
            match request {
                LinkRequest::Auth(request) => of_auth.push((reply_to, request)),
                LinkRequest::Asset(request) => self.asset(reply_to, &request),
                LinkRequest::Report(report) => {
                    // A report that finds no room is as good as the next one.
                    let _ = self.workers.try_send(WorkersMessage::Report(reply_to, report));
                }
            }
        }
        if !of_auth.is_empty()
            && let Err(TrySendError::Full(AuthMessage::Requests(requests))) =
                self.auth.try_send(AuthMessage::Requests(of_auth))
        {
            refuse(requests);
        }
    }

    fn asset(&self, reply_to: ReplyTo, request: &Request) {
        let instruction = request.instruction();
        if let Some(question) = asset_queries::answer(&self.assets, reply_to.clone(), request)
            && let Err(TrySendError::Full(_)) = self.assets.sender().try_send(question)
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
            // The worker asks again when nothing comes.
            AuthRequest::Session(_) | AuthRequest::ConnectionClosed(_) => {}
        }
    }
    replies.send();
}

#[cfg(test)]
mod tests;
