//! spec/worker/router.md · 3.2.1 Main Module: "parse it, pass it to the appropriate thread"
//!
//! Gives each batch its timestamp (2.1.8) and passes it to the module of its
//! destination, which the table of instructions names. Nothing else.

use super::client::WorkerClient;
use super::{cache, clients, master_link, tunnel};
use crate::model::Timestamp;
use crate::runtime::{self, Heartbeat, NextEvent, Stop};
use crate::wire::{Destination, Refusal, Request, reply};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::sync::Arc;
use std::time::Duration;

/// Batches that may wait for the router; beyond that readers wait, each for itself.
pub const INBOX: usize = 1024;
/// How long a batch that cannot fail waits for its module.
const PASS_TIMEOUT: Duration = Duration::from_secs(1);

/// What one read brought of one destination. The router's whole vocabulary.
#[derive(Debug)]
pub struct RequestBatch {
    /// Whose.
    pub client: Arc<WorkerClient>,
    /// The worker's timestamp, which the router sets.
    pub timestamp: Timestamp,
    /// Of all of them.
    pub destination: Destination,
    /// It is one request, whose reply may be large.
    pub bulk: bool,
    /// The number of the first on its connection; the others follow.
    pub first: u64,
    /// At least one.
    pub requests: Vec<Request>,
}

impl RequestBatch {
    /// The requests with their numbers.
    pub fn into_numbered(self) -> impl Iterator<Item = (u64, Request)> {
        (self.first..).zip(self.requests)
    }

    /// Answers all of them with a Fail.
    pub fn refuse(&self, refusal: &Refusal) {
        let mut sending = self.client.connection.sending();
        for (number, request) in (self.first..).zip(&self.requests) {
            sending.reply(number, |out| {
                reply::write_fail(out, request.instruction(), refusal);
            });
        }
    }
}

/// The modules' inboxes.
#[derive(Debug, Clone)]
pub struct WorkerChannels {
    /// 3.2.6
    pub cache: Sender<cache::CacheMessage>,
    /// 3.2.3
    pub clients: Sender<clients::ClientsMessage>,
    /// 3.2.4
    pub tunnel: Sender<tunnel::TunnelMessage>,
    /// 3.2.2
    pub master_link: Sender<master_link::MasterLinkMessage>,
}

/// The router's state.
#[derive(Debug)]
pub struct WorkerRouter {
    inbox: Receiver<RequestBatch>,
    modules: WorkerChannels,
    last: Timestamp,
    heartbeat: Heartbeat,
}

impl WorkerRouter {
    /// With nothing routed yet.
    pub fn new(inbox: Receiver<RequestBatch>, modules: WorkerChannels, heartbeat: Heartbeat) -> WorkerRouter {
        WorkerRouter {
            inbox,
            modules,
            last: Timestamp(0),
            heartbeat,
        }
    }

    /// Routes until stopped.
    pub fn run(mut self, stop: &Stop) {
        loop {
            self.heartbeat.beat();
            match runtime::next(&self.inbox, stop) {
                NextEvent::Message(batch) => self.route(batch),
                NextEvent::Tick => {}
                NextEvent::Stop => return,
            }
        }
    }

    fn route(&mut self, mut batch: RequestBatch) {
        self.last = self.last.max(Timestamp::now());
        batch.timestamp = self.last;
        let modules = &self.modules;
        match batch.destination {
            Destination::Cache => pass(&modules.cache, batch),
            Destination::Orders | Destination::AccountQueries => pass(&modules.master_link, batch),
            Destination::Tunnel => pass(&modules.tunnel, batch),
            Destination::State => pass(&modules.clients, batch),
            Destination::Local => {
                // These have no Fail. Their module waits for nobody, so this wait is short or the end is near.
                let client = Arc::clone(&batch.client);
                let message = clients::ClientsMessage::Batch(batch);
                if modules.clients.send_timeout(message, PASS_TIMEOUT).is_err() {
                    client.connection.cut();
                }
            }
        }
    }
}

/// A module's vocabulary, of which a batch is one word.
pub trait Carrier {
    /// The batch as a message.
    fn carry(batch: RequestBatch) -> Self;
    /// The batch of a message that could not be passed on.
    fn batch(self) -> Option<RequestBatch>;
}

/// A module that has no room refuses.
fn pass<M: Carrier>(module: &Sender<M>, batch: RequestBatch) {
    if let Err(TrySendError::Full(message)) = module.try_send(M::carry(batch))
        && let Some(batch) = message.batch()
    {
        batch.refuse(&Refusal::worker_overloaded());
    }
}
