//! spec/master/workers.md · 3.1.5 Worker Management
//!
//! Who may be a worker, whose link stands, what they report, and what clients are told of them.

pub mod registry;

use super::assets::{AssetsHandle, Update};
use super::auth;
use super::database;
use super::reply_to::{LinkedWorker, ReplyTo};
use crate::link::message::{self, PriceRow, Prices, Welcome, WorkerReport};
use crate::model::{Timestamp, WorkerServer};
use crate::runtime::published::Published;
use crate::runtime::{self, Heartbeat, NextEvent, Stop, TICK};
use crate::wire::{Instruction, Reply, frame};
use crossbeam_channel::{Receiver, Sender};
use registry::{Registration, Registry};
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Messages that may wait for workers.
pub const INBOX: usize = 256;
/// A worker that has been away for so long loses the expirable sessions that hang on it.
pub const ABSENT_AFTER: Duration = Duration::from_secs(60);

/// A worker, as administrators see it.
#[derive(Debug, Clone)]
pub struct WorkerRow {
    /// As it was registered.
    pub worker: WorkerServer,
    /// When its link stood, and where from; `None` while it is away.
    pub linked: Option<(Timestamp, std::net::SocketAddr)>,
    /// Its last report, when it came, and how far its clock differed then, in milliseconds.
    pub report: Option<(WorkerReport, Timestamp, i64)>,
}

/// The module's whole vocabulary.
#[derive(Debug)]
pub enum WorkersMessage {
    /// A link has proven itself. It is read from once this is answered.
    Linked(Arc<LinkedWorker>, Sender<()>),
    /// A link is over.
    Unlinked(Arc<LinkedWorker>),
    /// What a worker reports of itself.
    Report(ReplyTo, WorkerReport),
    /// New prices, for every worker.
    Update(Update),
    /// For the administrator: all of them.
    List(Sender<Vec<WorkerRow>>),
    /// For the administrator: registers a worker.
    Register(Registration, Sender<Result<WorkerServer, String>>),
    /// For the administrator: ends a worker's registration for good.
    Unregister(String, Sender<Result<WorkerServer, String>>),
    /// For the administrator: ends a worker's link and keeps it out.
    Boot(String, Sender<Result<WorkerServer, String>>),
    /// For the administrator: lets it in again.
    Admit(String, Sender<Result<WorkerServer, String>>),
}

struct StandingLink {
    peer: Arc<LinkedWorker>,
    report: Option<(WorkerReport, Timestamp, i64)>,
}

/// The module's whole state.
pub struct Workers {
    database: Connection,
    registry: Arc<Published<Registry>>,
    standing: HashMap<Uuid, StandingLink>,
    /// Since when workers are away whose expirable sessions have not been ended yet.
    away: HashMap<Uuid, Instant>,
    peers: Arc<Published<Vec<Arc<LinkedWorker>>>>,
    addresses: Arc<Published<Vec<String>>>,
    auth: Sender<auth::AuthMessage>,
    assets: AssetsHandle,
    update_interval: i64,
    expected: usize,
    /// Whether it was said that fewer workers serve than are expected.
    short: bool,
}

/// What workers shares with the rest of the master.
#[derive(Debug, Clone)]
pub struct WorkersShared {
    /// Who is registered.
    pub registry: Arc<Published<Registry>>,
    /// The standing links.
    pub peers: Arc<Published<Vec<Arc<LinkedWorker>>>>,
    /// `host:port` of each available worker.
    pub addresses: Arc<Published<Vec<String>>>,
}

impl Workers {
    /// With the registrations that the database holds.
    pub fn new(
        database: Connection,
        shared: &WorkersShared,
        auth: Sender<auth::AuthMessage>,
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
            database,
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

    /// Runs until stopped.
    pub fn run(mut self, inbox: &Receiver<WorkersMessage>, stop: &Stop, heartbeat: &Heartbeat) {
        loop {
            heartbeat.beat();
            match runtime::next(inbox, stop) {
                NextEvent::Message(message) => self.handle(message),
                NextEvent::Tick => {}
                NextEvent::Stop => break,
            }
            self.check_absent();
        }
        for standing in self.standing.values() {
            standing.peer.line.end();
        }
    }

    fn handle(&mut self, message: WorkersMessage) {
        match message {
            WorkersMessage::Linked(peer, done) => {
                self.linked(peer);
                let _ = done.try_send(());
            }
            WorkersMessage::Unlinked(peer) => self.unlinked(&peer),
            WorkersMessage::Report(reply_to, report) => {
                let now = Timestamp::now();
                if let Some(standing) = self.standing.get_mut(&reply_to.peer.worker.uuid)
                    && standing.peer.line.number == reply_to.peer.line.number
                {
                    standing.report = Some((report, now, reply_to.timestamp.since(now)));
                }
                reply_to.send(|out| Reply::Pong.write(out));
            }
            WorkersMessage::Update(update) => {
                let prices = self.prices(&update);
                for standing in self.standing.values() {
                    standing.peer.push_frames(&prices);
                }
            }
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
                let done = self.change(&name, |database, worker| {
                    registry::set_booted(database, worker, true)
                });
                let _ = reply.try_send(done);
            }
            WorkersMessage::Admit(name, reply) => {
                let done = self.change(&name, |database, worker| {
                    registry::set_booted(database, worker, false)
                });
                let _ = reply.try_send(done);
            }
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
        let prices = self.current_prices();
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
            .send_timeout(auth::AuthMessage::WorkerAway(worker, boot), TICK)
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

    fn current_prices(&self) -> Vec<u8> {
        prices(&self.assets, &self.assets.prices())
    }

    fn prices(&self, update: &Update) -> Vec<u8> {
        prices(&self.assets, &update.snapshot)
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
        let worker = registry::register(&mut self.database, registration)?;
        self.reload()?;
        crate::info!("worker {} is registered as {}", worker.name, worker.uuid);
        Ok(worker)
    }

    /// Changes a registered worker's row, and ends its link where it is not admitted any more.
    fn change(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Connection, &WorkerServer) -> Result<(), String>,
    ) -> Result<WorkerServer, String> {
        let found = self.registry.load().by_name(name).cloned();
        let worker = found.ok_or_else(|| format!("no worker is registered as {name}; see `workers list`"))?;
        change(&mut self.database, &worker)?;
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

    fn reload(&self) -> Result<(), String> {
        let registry = Registry::load(&self.database).map_err(|e| format!("the database failed: {e}"))?;
        self.registry.store(registry);
        Ok(())
    }
}

/// A push of prices, as frames.
fn prices(assets: &AssetsHandle, snapshot: &super::assets::PriceSnapshot) -> Vec<u8> {
    let row = |entry: &super::assets::AssetPrice| PriceRow {
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
pub fn register_offline(path: &std::path::Path, registration: &Registration) -> Result<WorkerServer, String> {
    let _held = database::lock(path).map_err(|e| e.to_string())?;
    database::migrate(path).map_err(|e| e.to_string())?;
    let mut connection = database::open(path).map_err(|e| e.to_string())?;
    registry::register(&mut connection, registration)
}

/// Tells clients another address of a worker, while no master runs: of a sandbox whose ports were taken.
///
/// # Errors
/// The database cannot be used.
pub fn move_offline(path: &std::path::Path, uuid: &uuid::Uuid, address: &str) -> Result<(), String> {
    let _held = database::lock(path).map_err(|e| e.to_string())?;
    database::migrate(path).map_err(|e| e.to_string())?;
    let mut connection = database::open(path).map_err(|e| e.to_string())?;
    registry::set_address(&mut connection, uuid, address)
}
