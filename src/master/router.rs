//! spec/master/router.md · 3.1.1 Main Module ("route the commands to the correct thread")
//!
//! An exhaustive match, and nothing else. What a module has no room for is answered `overloaded` here.

use super::asset_queries;
use super::messages::{AssetsHandle, AuthMessage, AuthRequest, LinkRequest, RouterMessage, WorkersMessage};
use super::reply_to::{ReplyBatch, ReplyTo};
use crate::model::Reason;
use crate::runtime::{self, Heartbeat, NextEvent, Stop};
use crate::wire::{Refusal, Request, reply};
use crossbeam_channel::{Receiver, Sender, TrySendError};

/// The modules that requests go to.
#[derive(Debug)]
pub struct MasterRouter {
    /// 3.1.3
    pub auth: Sender<AuthMessage>,
    /// 3.1.5
    pub workers: Sender<WorkersMessage>,
    /// 3.1.6
    pub assets: AssetsHandle,
}

impl MasterRouter {
    /// Routes until stopped.
    pub fn run(&self, inbox: &Receiver<RouterMessage>, stop: &Stop, heartbeat: &Heartbeat) {
        loop {
            heartbeat.beat();
            match runtime::next(inbox, stop) {
                NextEvent::Message(message) => self.route(message),
                NextEvent::Tick => {}
                NextEvent::Stop => return,
            }
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
            reply_to.fail(instruction, &overloaded());
        }
    }
}

/// The refusal of a full queue.
pub fn overloaded() -> Refusal {
    Refusal::new(
        Reason::Overloaded,
        "the master has too much to do; try again in a moment",
    )
}

fn refuse(requests: Vec<(ReplyTo, AuthRequest)>) {
    let mut replies = ReplyBatch::new();
    for (reply_to, request) in requests {
        match request {
            AuthRequest::Request(request) => {
                replies.add(reply_to, |out| {
                    reply::write_fail(out, request.instruction(), &overloaded())
                });
            }
            // The worker asks again when nothing comes.
            AuthRequest::Session(_) | AuthRequest::ConnectionClosed(_) => {}
        }
    }
    replies.send();
}
