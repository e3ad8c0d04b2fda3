//! spec/worker/cache.md · 3.2.6 Cache Management, 4.1 (few calls of the stock API)
//!
//! Requests whose replies the cache does not hold: those that wait for a turn, and those that wait
//! for the master's answer to a question. An account has a few questions with the master at a time.
//!
//! Tests: `src/worker/cache/tests.rs`.

use crate::model::Timestamp;
use crate::runtime::fair_queue::{FairQueue, ShareLevel, Turn};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::{Instruction, Refusal};
use crate::worker::client::WorkerClient;
use crate::worker::messages::{CacheMiss, RequestBatch};
use hashlink::LruCache;
use std::collections::HashMap;
use std::sync::Arc;

/// Bulk requests that wait for a turn at most, in each of the cache's two queues.
pub const TURNS_MAX: usize = 16_384;
/// Clients that wait for the master's answers at most.
const WAITING_MAX: usize = 131_072;
/// Questions that the master has from this worker's cache at a time at most.
pub const ASKED_MAX: usize = 128;
/// Accounts whose last place is remembered. Each takes some 100 bytes.
const PLACES_MAX: usize = 4096;
/// Questions of one account among them at most.
pub const ASKED_PER_ACCOUNT_MAX: u64 = 16;

/// A key of the queues: who shares the cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CacheShare {
    /// The network around a client's neighbourhood, or the neighbourhood.
    Network(Neighbourhood),
    /// The account that a connection's data state is bound to.
    Account(String),
    /// A connection whose data state has ended meanwhile.
    Connection(u64),
    /// One of the questions that an account may have with the master.
    Place(u64),
}

/// The shares of a request: the network around its client, the neighbourhood, the account.
fn shares(client: &WorkerClient) -> [CacheShare; 3] {
    let near = Neighbourhood::of(client.connection.peer.ip());
    let account = match client.bound() {
        Some(bound) => CacheShare::Account(bound.session.username.clone()),
        None => CacheShare::Connection(client.connection.number),
    };
    [
        CacheShare::Network(near.around()),
        CacheShare::Network(near),
        account,
    ]
}

/// The levels of [`shares`]. An account is bounded as its neighbourhood is.
fn levels() -> [ShareLevel; 3] {
    let [around, near] = ShareLevel::of_addresses(TURNS_MAX);
    [around, near, near]
}

/// Bulk requests that wait to be looked up.
#[derive(Debug)]
pub struct BulkQueue {
    /// The request that came when no other waited. It needs no turn.
    alone: Option<RequestBatch>,
    queue: FairQueue<CacheShare, RequestBatch, 3>,
}

impl Default for BulkQueue {
    fn default() -> BulkQueue {
        BulkQueue {
            alone: None,
            queue: FairQueue::new(TURNS_MAX, levels()),
        }
    }
}

impl BulkQueue {
    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.alone.is_none() && self.queue.is_empty()
    }

    /// Adds a batch of one bulk request. Returns the one that finds no room.
    #[must_use = "the request without room is to be refused"]
    pub fn push(&mut self, batch: RequestBatch) -> Option<RequestBatch> {
        if self.is_empty() {
            self.alone = Some(batch);
            return None;
        }
        self.queue.push(shares(&batch.client), batch)
    }

    /// Takes the request whose turn it is.
    pub fn take(&mut self) -> Option<RequestBatch> {
        if let Some(alone) = self.alone.take() {
            return Some(alone);
        }
        let (turn, batch) = self.queue.take()?;
        // It is looked up at once, so nobody has two in work.
        self.queue.release(turn);
        Some(batch)
    }
}

/// A client that waits for the master's answer.
#[derive(Debug)]
pub struct WaitingClient {
    pub client: Arc<WorkerClient>,
    /// The request's number on its connection.
    pub number: u64,
    pub instruction: Instruction,
    /// Of a forecast, the time that the client asked for.
    pub time: Option<Timestamp>,
}

impl WaitingClient {
    /// Answers with whole frames.
    pub fn pass(&self, frames: &[u8]) {
        self.client.pass(self.number, frames);
    }

    /// Answers with the Fail of the request's instruction.
    pub fn fail(&self, refusal: &Refusal) {
        self.client.fail(self.number, self.instruction, refusal);
    }
}

/// A question that the master has.
#[derive(Debug)]
struct AskedQuestion {
    turn: Turn,
    clients: Vec<WaitingClient>,
}

/// All misses. Each queued one is a batch of one request.
#[derive(Debug)]
pub struct Misses {
    queue: FairQueue<CacheShare, RequestBatch, 4>,
    /// The place of each account's last question, among those that an account may have.
    places: LruCache<CacheShare, u64>,
    asked: HashMap<CacheMiss, AskedQuestion>,
    /// Clients that wait for answers.
    waiting: usize,
}

impl Default for Misses {
    fn default() -> Misses {
        let [around, near, account] = levels();
        let place = ShareLevel::new(1, TURNS_MAX);
        Misses {
            queue: FairQueue::new(TURNS_MAX, [around, near, account, place]),
            places: LruCache::new(PLACES_MAX),
            asked: HashMap::new(),
            waiting: 0,
        }
    }
}

impl Misses {
    /// Adds a request. Returns the one that finds no room.
    #[must_use = "the request without room is to be refused"]
    pub fn push(&mut self, batch: RequestBatch) -> Option<RequestBatch> {
        let [around, near, account] = shares(&batch.client);
        // Questions of an account that follow each other get different places, whichever of its
        // connections they come from.
        let last = self.places.entry(account.clone()).or_insert(0);
        *last = (*last + 1) % ASKED_PER_ACCOUNT_MAX;
        let place = CacheShare::Place(*last);
        let path = [around, near, account, place];
        self.queue.push(path, batch)
    }

    /// Takes the request whose turn it is, if the master may be asked another question.
    pub fn take(&mut self) -> Option<(Turn, RequestBatch)> {
        if self.asked.len() >= ASKED_MAX {
            return None;
        }
        self.queue.take()
    }

    /// Ends a turn that needed no question.
    pub fn release(&mut self, turn: Turn) {
        self.queue.release(turn);
    }

    /// Adds a client to a question that the master has. One that finds no room is refused.
    pub fn join(&mut self, miss: &CacheMiss, client: WaitingClient) {
        match self.asked.get_mut(miss) {
            Some(question) if self.waiting < WAITING_MAX => {
                self.waiting += 1;
                question.clients.push(client);
            }
            Some(_) | None => client.fail(&Refusal::worker_overloaded()),
        }
    }

    /// Records that the master was asked a question that it did not have.
    pub fn asked(&mut self, miss: CacheMiss, turn: Turn, client: WaitingClient) {
        self.waiting += 1;
        let clients = vec![client];
        let question = AskedQuestion { turn, clients };
        if let Some(lost) = self.asked.insert(miss, question) {
            self.waiting -= lost.clients.len();
            self.queue.release(lost.turn);
        }
    }

    /// Whether the master has a question.
    pub fn is_asked(&self, miss: &CacheMiss) -> bool {
        self.asked.contains_key(miss)
    }

    /// Ends a question: the clients that wait for its answer.
    pub fn answered(&mut self, miss: &CacheMiss) -> Vec<WaitingClient> {
        let Some(AskedQuestion { turn, clients }) = self.asked.remove(miss) else {
            return Vec::new();
        };
        self.waiting -= clients.len();
        self.queue.release(turn);
        clients
    }
}
