//! spec/worker/router.md · 3.2.1 Main Module: "parse it, pass it to the appropriate thread"
//!
//! Gives each batch its timestamp (2.1.8) and passes it to the module of its destination. Reads no request,
//! and answers one only where its module has no room.

use super::messages::{
    CacheMessage, ClientsMessage, MasterLinkMessage, RequestBatch, TunnelMessage, WorkerChannels,
};
use crate::model::{Reason, Timestamp};
use crate::runtime::Module;
use crate::wire::{Refusal, Request};
use crossbeam_channel::TrySendError;
use std::sync::Arc;
use std::time::Duration;

/// How long a batch that cannot fail waits for its module.
const PASS_TIMEOUT: Duration = Duration::from_secs(1);

/// What requests have in common as to who answers them and what must be done before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Asset data.
    Cache,
    /// Purchases and sales: done, for what follows them, once they are queued.
    Orders,
    /// What the master tells of accounts.
    Views,
    /// Logins, registrations, logouts: nothing follows them before they are answered.
    Tunnel,
    /// Switches of the state: the same.
    State,
    /// What needs nothing and changes nothing.
    Local,
}

impl Destination {
    /// Whether a request of this lane has to be answered before anything follows it.
    pub fn is_exclusive(self) -> bool {
        match self {
            Destination::Tunnel | Destination::State => true,
            Destination::Cache | Destination::Orders | Destination::Views | Destination::Local => false,
        }
    }
}

/// The lane of a request.
pub fn destination(request: &Request) -> Destination {
    match request {
        Request::Login { .. }
        | Request::Resume { .. }
        | Request::Register { .. }
        | Request::Logout { .. } => Destination::Tunnel,
        Request::Order { .. } => Destination::Orders,
        Request::SwitchState { .. } => Destination::State,
        Request::AssetInfo { .. }
        | Request::AssetCurrent { .. }
        | Request::AssetWindow { .. }
        | Request::AssetPredicted { .. }
        | Request::AssetList => Destination::Cache,
        Request::UserInfo { .. }
        | Request::UserPortfolio { .. }
        | Request::UserHistory { .. }
        | Request::Receipt { .. } => Destination::Views,
        Request::Ping | Request::Pong | Request::GetWorkerList => Destination::Local,
    }
}

/// Whether a request's reply may be large, or its answer dear: few of those may be unanswered at once.
pub fn is_bulk(request: &Request) -> bool {
    match request {
        Request::AssetWindow { .. }
        | Request::AssetPredicted { .. }
        | Request::AssetList
        | Request::UserInfo { .. }
        | Request::UserPortfolio { .. }
        | Request::UserHistory { .. }
        | Request::Receipt { .. } => true,
        Request::Login { .. }
        | Request::Resume { .. }
        | Request::Register { .. }
        | Request::Logout { .. }
        | Request::Order { .. }
        | Request::SwitchState { .. }
        | Request::AssetInfo { .. }
        | Request::AssetCurrent { .. }
        | Request::Ping
        | Request::Pong
        | Request::GetWorkerList => false,
    }
}

/// The router's state.
#[derive(Debug)]
pub struct WorkerRouter {
    channels: WorkerChannels,
    /// The last batch's timestamp: a worker's timestamps never decrease.
    last: Timestamp,
}

impl WorkerRouter {
    /// A router that has routed nothing yet.
    pub fn new(channels: WorkerChannels) -> WorkerRouter {
        let last = Timestamp(0);
        WorkerRouter { channels, last }
    }
}

impl Module for WorkerRouter {
    type Message = RequestBatch;

    fn on_message(&mut self, mut batch: RequestBatch) {
        self.last = self.last.max(Timestamp::now());
        batch.timestamp = self.last;
        self.pass_on(batch);
    }
}

impl WorkerRouter {
    /// Passes a batch on. A module without room refuses its requests.
    fn pass_on(&self, batch: RequestBatch) {
        let channels = &self.channels;
        match batch.destination {
            Destination::Cache => {
                let sent = channels.cache.try_send(CacheMessage::Batch(batch));
                if let Err(TrySendError::Full(CacheMessage::Batch(batch))) = sent {
                    batch.refuse(&overloaded());
                }
            }
            Destination::Orders | Destination::Views => {
                let sent = channels.master_link.try_send(MasterLinkMessage::Batch(batch));
                if let Err(TrySendError::Full(MasterLinkMessage::Batch(batch))) = sent {
                    batch.refuse(&overloaded());
                }
            }
            Destination::Tunnel => {
                let sent = channels.tunnel.try_send(TunnelMessage::Batch(batch));
                if let Err(TrySendError::Full(TunnelMessage::Batch(batch))) = sent {
                    batch.refuse(&overloaded());
                }
            }
            Destination::State => {
                let sent = channels.clients.try_send(ClientsMessage::Batch(batch));
                if let Err(TrySendError::Full(ClientsMessage::Batch(batch))) = sent {
                    batch.refuse(&overloaded());
                }
            }
            Destination::Local => {
                // These have no Fail. `clients` waits for nobody, so this wait is short or the end is near.
                let client = Arc::clone(&batch.client);
                let message = ClientsMessage::Batch(batch);
                if channels.clients.send_timeout(message, PASS_TIMEOUT).is_err() {
                    client.connection.cut();
                }
            }
        }
    }
}

/// The refusal of a full queue.
pub fn overloaded() -> Refusal {
    Refusal::new(Reason::Overloaded, "the worker has too much to do; try again")
}
