//! spec/worker.md · 3.2.1 Main Module: "parse it, pass it to the appropriate thread"
//!
//! Gives each batch its timestamp (2.1.8) and passes it to the module of its destination. Answers
//! requests only where the module's inbox is full.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

use super::messages::{
    CacheMessage, ClientsMessage, MasterLinkMessage, RequestBatch, TunnelMessage, WorkerChannels,
};
use crate::model::Timestamp;
use crate::runtime::Module;
use crate::runtime::clock::SteadyClock;
use crate::runtime::metrics::instructions;
use crate::wire::{Destination, Refusal};
use crossbeam_channel::TrySendError;
use std::sync::Arc;
use std::time::Duration;

/// How long the router waits for room for requests that have no Fail.
const PASS_TIMEOUT: Duration = Duration::from_secs(1);

/// The router's state.
#[derive(Debug)]
pub struct WorkerRouter {
    channels: WorkerChannels,
    /// A worker's timestamps never decrease.
    clock: SteadyClock,
}

impl WorkerRouter {
    /// A router with these channels.
    pub fn new(channels: WorkerChannels) -> WorkerRouter {
        let clock = SteadyClock::after(Timestamp::MIN);
        WorkerRouter { channels, clock }
    }
}

impl Module for WorkerRouter {
    type Message = RequestBatch;

    fn on_message(&mut self, mut batch: RequestBatch) {
        batch.timestamp = self.clock.at(Timestamp::now());
        for request in &batch.requests {
            instructions::from_client(request.instruction());
        }
        self.pass_on(batch);
    }
}

impl WorkerRouter {
    /// Passes a batch on. Where the module's inbox is full, all its requests are refused.
    fn pass_on(&self, batch: RequestBatch) {
        let channels = &self.channels;
        match batch.destination {
            Destination::Cache => {
                let sent = channels.cache.try_send(CacheMessage::Batch(batch));
                if let Err(TrySendError::Full(CacheMessage::Batch(batch))) = sent {
                    batch.refuse(&Refusal::worker_overloaded());
                }
            }
            Destination::Orders | Destination::AccountQueries => {
                let sent = channels
                    .master_link
                    .try_send(MasterLinkMessage::Batch(batch));
                if let Err(TrySendError::Full(MasterLinkMessage::Batch(batch))) = sent {
                    batch.refuse(&Refusal::worker_overloaded());
                }
            }
            Destination::Tunnel => {
                let sent = channels.tunnel.try_send(TunnelMessage::Batch(batch));
                if let Err(TrySendError::Full(TunnelMessage::Batch(batch))) = sent {
                    batch.refuse(&Refusal::worker_overloaded());
                }
            }
            Destination::State => {
                let sent = channels.clients.try_send(ClientsMessage::Batch(batch));
                if let Err(TrySendError::Full(ClientsMessage::Batch(batch))) = sent {
                    batch.refuse(&Refusal::worker_overloaded());
                }
            }
            Destination::Local => {
                // These requests have no Fail. `clients` blocks on nobody, so this wait is short.
                let client = Arc::clone(&batch.client);
                let message = ClientsMessage::Batch(batch);
                if channels
                    .clients
                    .send_timeout(message, PASS_TIMEOUT)
                    .is_err()
                {
                    client.connection.cut();
                }
            }
        }
    }
}
