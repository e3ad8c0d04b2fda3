//! spec/master/workers.md · 3.1.5 Worker Management
//!
//! Knows who may be a worker, whose link stands and what each reports, and tells clients who serves. Never
//! reads a link: that is the link session's.

pub mod registry;

use super::assets::{AssetPrice, PriceSnapshot};
use super::messages::{AssetsHandle, AuthMessage, Update, WorkerRow, WorkersMessage, WorkersShared};
use super::reply_to::{LinkedWorker, ReplyTo};
use super::storage::Storage;
use crate::config::DatabaseUrl;
use crate::link::message::{self, PriceRow, Prices, Welcome, WorkerReport};
use crate::model::{Timestamp, WorkerServer};
use crate::runtime::published::Published;
use crate::runtime::{Module, TICK};
use crate::wire::{Instruction, Reply, frame};
use crossbeam_channel::Sender;
use registry::{Registration, Registry};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A worker that has been away for so long loses the expirable sessions that hang on it.
pub const ABSENT_AFTER: Duration = Duration::from_secs(60);

struct StandingLink {
    peer: Arc<LinkedWorker>,
    report: Option<(WorkerReport, Timestamp, i64)>,
}

/// The module's whole state.
pub struct Workers {
    storage: Storage,
    registry: Arc<Published<Registry>>,
    standing: HashMap<Uuid, StandingLink>,
    /// Since when workers are away whose expirable sessions have not been ended yet.
    away: HashMap<Uuid, Instant>,
    peers: Arc<Published<Vec<Arc<LinkedWorker>>>>,
    addresses: Arc<Published<Vec<String>>>,
    auth: Sender<AuthMessage>,
    assets: AssetsHandle,
    update_interval: i64,
    expected: usize,
    /// Whether it was said that fewer workers serve than are expected.
    short: bool,
}

impl Module for Workers {
    type Message = WorkersMessage;

    fn on_message(&mut self, message: WorkersMessage) {
        match message {
            WorkersMessage::Linked(peer, done) => {
                self.linked(peer);
                let _ = done.try_send(());
            }
            WorkersMessage::Unlinked(peer) => self.unlinked(&peer),
            WorkersMessage::Report(reply_to, report) => self.on_report(&reply_to, report),
            WorkersMessage::Update(update) => self.on_update(&update),
            WorkersMessage::List(reply) => {
                let _ = reply.try_send(self.rows());
            }
            WorkersMessage::Register(registration, reply) => {
                let _ = reply.try_send(self.register(&registration));
            }
            WorkersMessage::Unregister(name, reply) => {
                let done = self.change(&name, registry::unregister);
                let _ = reply.try_send(done);
            }
            WorkersMessage::Boot(name, reply) => {
                let done = self.change(&name, |storage, worker| {
                    registry::set_booted(storage, worker, true)
                });
                let _ = reply.try_send(done);
            }
            WorkersMessage::Admit(name, reply) => {
                let done = self.change(&name, |storage, worker| {
                    registry::set_booted(storage, worker, false)
                });
                let _ = reply.try_send(done);
            }
        }
    }

    fn on_tick(&mut self, _now: Instant) {
        self.check_absent();
    }

    fn on_stop(&mut self) {
        for standing in self.standing.values() {
            standing.peer.line.end();
        }
    }
}

impl Workers {
    /// With the registrations that the database holds.
    pub fn new(
        storage: Storage,
        shared: &WorkersShared,
        auth: Sender<AuthMessage>,
        assets: AssetsHandle,
        update_interval: Duration,
        expected: usize,
    ) -> Workers {
        let now = Instant::now();
        let away = shared
            .registry
            .load()
            .all()
            .map(|worker| (worker.uuid, now))
            .collect();
        Workers {
            storage,
            registry: Arc::clone(&shared.registry),
            standing: HashMap::new(),
            away,
            peers: Arc::clone(&shared.peers),
            addresses: Arc::clone(&shared.addresses),
            auth,
            assets,
            update_interval: i64::try_from(update_interval.as_millis()).unwrap_or(i64::MAX),
            expected,
            short: false,
        }
    }

    fn on_report(&mut self, reply_to: &ReplyTo, report: WorkerReport) {
        let now = Timestamp::now();
        if let Some(standing) = self.standing.get_mut(&reply_to.peer.worker.uuid)
            && standing.peer.line.number == reply_to.peer.line.number
        {
            standing.report = Some((report, now, reply_to.timestamp.since(now)));
        }
        reply_to.send(|out| Reply::Pong.write(out));
    }

    fn on_update(&self, update: &Update) {
        let prices = prices(&self.assets, &update.snapshot);
        for standing in self.standing.values() {
            standing.peer.push_frames(&prices);
        }
    }

    /// A worker's link stands: the newer of two wins.
    fn linked(&mut self, peer: Arc<LinkedWorker>) {
        let worker = peer.worker.clone();
        // Between its handshake and now it may have been booted.
        if self.registry.load().admitted(&worker.uuid).is_none() {
            peer.push(|out| frame::write(out, Instruction::LinkBooted, &["this worker is not admitted"]));
            peer.line.end();
            return;
        }
        let welcome = Welcome {
            now: Timestamp::now(),
            update_interval: self.update_interval,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        peer.push(|out| message::write(out, Instruction::LinkWelcome, &welcome));
        let prices = prices(&self.assets, &self.assets.prices());
        peer.push_frames(&prices);
        crate::info!("worker {} is linked from {}", worker.name, peer.line.peer);
        let boot = peer.boot;
        let older = self
            .standing
            .insert(worker.uuid, StandingLink { peer, report: None });
        if let Some(older) = older {
            crate::warn!("worker {} has a newer link: the older one is closed", worker.name);
            older.peer.line.end();
        }
        self.away.remove(&worker.uuid);
        self.tell_away(worker.uuid, Some(boot));
        self.publish();
    }

    fn unlinked(&mut self, peer: &Arc<LinkedWorker>) {
        let uuid = peer.worker.uuid;
        let current = self
            .standing
            .get(&uuid)
            .is_some_and(|s| s.peer.line.number == peer.line.number);
        if current {
            self.standing.remove(&uuid);
            self.away.insert(uuid, Instant::now());
            crate::info!("worker {} is away", peer.worker.name);
            self.publish();
        }
    }

    /// Replaces what others read, and tells every worker who serves now.
    fn publish(&mut self) {
        let mut peers: Vec<Arc<LinkedWorker>> = self.standing.values().map(|s| Arc::clone(&s.peer)).collect();
        peers.sort_by(|a, b| a.worker.name.cmp(&b.worker.name));
        let addresses: Vec<String> = peers.iter().map(|peer| peer.worker.address.clone()).collect();
        let list: Vec<&str> = addresses.iter().map(String::as_str).collect();
        for peer in &peers {
            peer.push(|out| frame::write(out, Instruction::LinkWorkers, &list));
        }
        let short = peers.len() < self.expected;
        if short && !self.short {
            crate::warn!("{} of {} expected workers are linked", peers.len(), self.expected);
        }
        self.short = short;
        self.addresses.store(addresses);
        self.peers.store(peers);
    }

    fn tell_away(&self, worker: Uuid, boot: Option<Uuid>) {
        if self
            .auth
            .send_timeout(AuthMessage::WorkerAway(worker, boot), TICK)
            .is_err()
        {
            crate::error!("auth could not be told that worker {worker} was away");
        }
    }

    fn check_absent(&mut self) {
        let gone: Vec<Uuid> = self
            .away
            .iter()
            .filter(|(_, since)| since.elapsed() >= ABSENT_AFTER)
            .map(|(uuid, _)| *uuid)
            .collect();
        for uuid in gone {
            self.away.remove(&uuid);
            self.tell_away(uuid, None);
        }
    }

    fn rows(&self) -> Vec<WorkerRow> {
        let registry = self.registry.load();
        let row = |worker: &WorkerServer| {
            let standing = self.standing.get(&worker.uuid);
            WorkerRow {
                worker: worker.clone(),
                linked: standing.map(|s| (s.peer.since, s.peer.line.peer)),
                report: standing.and_then(|s| s.report.clone()),
            }
        };
        registry.all().map(row).collect()
    }

    fn register(&mut self, registration: &Registration) -> Result<WorkerServer, String> {
        let worker = registry::register(&mut self.storage, registration)?;
        self.reload()?;
        crate::info!("worker {} is registered as {}", worker.name, worker.uuid);
        Ok(worker)
    }

    /// Changes a registered worker's row, and ends its link where it is not admitted any more.
    fn change(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Storage, &WorkerServer) -> Result<(), String>,
    ) -> Result<WorkerServer, String> {
        let found = self.registry.load().by_name(name).cloned();
        let worker = found.ok_or_else(|| format!("no worker is registered as {name}; see `workers list`"))?;
        change(&mut self.storage, &worker)?;
        self.reload()?;
        let admitted = self.registry.load().admitted(&worker.uuid).is_some();
        if !admitted && let Some(standing) = self.standing.remove(&worker.uuid) {
            crate::warn!("worker {name} was booted");
            standing
                .peer
                .push(|out| frame::write(out, Instruction::LinkBooted, &["booted by the administrator"]));
            standing.peer.line.end();
            self.away.insert(worker.uuid, Instant::now());
            self.publish();
        }
        Ok(worker)
    }

    fn reload(&mut self) -> Result<(), String> {
        let registry = Registry::load(&mut self.storage).map_err(|e| format!("the database failed: {e}"))?;
        self.registry.store(registry);
        Ok(())
    }
}

/// A push of prices, as frames.
fn prices(assets: &AssetsHandle, snapshot: &PriceSnapshot) -> Vec<u8> {
    let row = |entry: &AssetPrice| PriceRow {
        symbol: entry.symbol,
        quote: entry.quote,
        day: entry.day,
    };
    let prices = Prices {
        update: snapshot.number,
        market_now: snapshot.market_now,
        published: snapshot.published,
        next: assets.next_update().unwrap_or(snapshot.published),
        rows: snapshot.entries().iter().map(row).collect(),
    };
    let mut frames = Vec::new();
    prices.write(&mut frames);
    frames
}

/// Opens the registrations for whoever changes them while no master runs: the sandbox.
///
/// # Errors
/// The database cannot be used, or the worker cannot be registered.
pub fn register_offline(url: &DatabaseUrl, registration: &Registration) -> Result<WorkerServer, String> {
    let _held = Storage::lock(url).map_err(|e| e.to_string())?;
    Storage::migrate(url).map_err(|e| e.to_string())?;
    let mut storage = Storage::open(url).map_err(|e| e.to_string())?;
    registry::register(&mut storage, registration)
}

/// Tells clients another address of a worker, while no master runs: of a sandbox whose ports were taken.
///
/// # Errors
/// The database cannot be used.
pub fn move_offline(url: &DatabaseUrl, uuid: &uuid::Uuid, address: &str) -> Result<(), String> {
    let _held = Storage::lock(url).map_err(|e| e.to_string())?;
    Storage::migrate(url).map_err(|e| e.to_string())?;
    let mut storage = Storage::open(url).map_err(|e| e.to_string())?;
    registry::set_address(&mut storage, uuid, address)
}

#[cfg(test)]
mod tests;
