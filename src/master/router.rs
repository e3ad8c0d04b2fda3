//! spec/master/router.md · 3.1.1 Main Module ("route the commands to the correct thread")
//!
//! An exhaustive match, and nothing else. What a module has no room for is answered `overloaded` here.

use super::asset_queries;
use super::assets::{self, AssetsHandle};
use super::auth;
use super::reply_to::{LinkedWorker, ReplyBatch, ReplyTo};
use super::workers;
use crate::link::message::WorkerReport;
use crate::model::SessionHash;
use crate::runtime::{self, Heartbeat, NextEvent, Stop};
use crate::wire::{Refusal, Request, reply};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::sync::Arc;

/// Socket reads that may wait for the router.
pub const INBOX: usize = 1024;

/// What a worker may say.
#[derive(Debug)]
pub enum LinkRequest {
    /// A client's request.
    Request(Request),
    /// Is this session active?
    Session(SessionHash),
    /// The connections that made these expirable sessions are closed.
    ConnectionClosed(Vec<SessionHash>),
    /// What the worker reports of itself.
    Report(WorkerReport),
}

/// What one read of a link brought.
#[derive(Debug)]
pub struct RouterMessage {
    /// Over which link.
    pub peer: Arc<LinkedWorker>,
    /// The words, in their order.
    pub words: Vec<(ReplyTo, LinkRequest)>,
}

/// The modules that requests go to.
#[derive(Debug)]
pub struct MasterRouter {
    /// 3.1.3
    pub auth: Sender<auth::AuthMessage>,
    /// 3.1.5
    pub workers: Sender<workers::WorkersMessage>,
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

    fn route(&self, message: RouterMessage) {
        let mut asks = Vec::with_capacity(message.words.len());
        for (reply_to, word) in message.words {
            match word {
                LinkRequest::Session(hash) => asks.push((reply_to, auth::AuthRequest::Session(hash))),
                LinkRequest::ConnectionClosed(hashes) => {
                    asks.push((reply_to, auth::AuthRequest::ConnectionClosed(hashes)))
                }
                LinkRequest::Report(report) => {
                    // A report that finds no room is as good as the next one.
                    let _ = self
                        .workers
                        .try_send(workers::WorkersMessage::Report(reply_to, report));
                }
                LinkRequest::Request(request) => match request {
                    Request::Login { .. }
                    | Request::Resume { .. }
                    | Request::Register { .. }
                    | Request::Logout { .. }
                    | Request::Order { .. }
                    | Request::UserInfo { .. }
                    | Request::UserPortfolio { .. }
                    | Request::UserHistory { .. }
                    | Request::Receipt { .. } => asks.push((reply_to, auth::AuthRequest::Request(request))),
                    Request::AssetInfo { .. }
                    | Request::AssetCurrent { .. }
                    | Request::AssetWindow { .. }
                    | Request::AssetPredicted { .. }
                    | Request::AssetList => self.asset(reply_to, &request),
                    Request::SwitchState { .. } | Request::Ping | Request::Pong | Request::GetWorkerList => {
                        // A worker answers these itself: one that passes them on is broken or hostile.
                        crate::warn!(
                            "{} passed on {}: link cut",
                            reply_to.peer.worker.name,
                            request.instruction()
                        );
                        reply_to.peer.line.cut();
                    }
                },
            }
        }
        if !asks.is_empty()
            && let Err(TrySendError::Full(auth::AuthMessage::Asks(asks))) =
                self.auth.try_send(auth::AuthMessage::Asks(asks))
        {
            refuse(asks);
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

fn refuse(asks: Vec<(ReplyTo, auth::AuthRequest)>) {
    let mut replies = ReplyBatch::new();
    for (reply_to, ask) in asks {
        match ask {
            auth::AuthRequest::Request(request) => {
                replies.add(reply_to, |out| {
                    reply::write_fail(out, request.instruction(), &Refusal::master_overloaded())
                });
            }
            // The worker asks again when nothing comes.
            auth::AuthRequest::Session(_) | auth::AuthRequest::ConnectionClosed(_) => {}
        }
    }
    replies.send();
}

/// For whoever puts questions to assets.
pub type Question = assets::AssetsMessage;
