//! spec/master/workers.md · 3.1.5 Worker Management
//!
//! Knows the registered workers, their links and their reports. It pushes prices, what clients may
//! know of this deployment, and the list of available workers. It never reads a link: the acceptor
//! does.

pub mod registry;
pub mod server_info;

use super::assets::{AssetPrice, PriceSnapshot};
use super::messages::{
    AssetsHandle, AuthMessage, Update, WorkerRow, WorkersMessage, WorkersShared,
};
use super::reply_to::{LinkedWorker, ReplyTo};
use super::storage::{Storage, StorageError};
use crate::config::{DatabaseUrl, MasterConfig};
use crate::link::message::{self, PriceRow, Prices, Welcome, WorkerAbout, WorkerReport};
use crate::model::{Fingerprint, Timestamp, WorkerServer};
use crate::runtime::published::Published;
use crate::runtime::rate_limiter::FixedWindow;
use crate::runtime::{Module, TICK};
use crate::wire::{Instruction, Reply, frame};
use crossbeam_channel::Sender;
use registry::{Registration, RegistrationChange, Registry};
use server_info::DeploymentFacts;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The expirable sessions of a worker end when it has been away for this long.
pub const ABSENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// A link ends at this age, so that its worker proves itself anew. Workers of this edition make a new
/// one before.
pub const LINK_AGE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// How often a minute the log says of a worker that its configuration differs from its registration.
const MISMATCHES_LOGGED_MAX: u64 = 10;

/// Workers have this time to link after a start before any is called missing.
pub const START_GRACE: Duration = Duration::from_secs(60);

/// Later on a worker may be away for this long: it links anew after a broken link, and away it is
/// while the master stops.
pub const ABSENCE_GRACE: Duration = Duration::from_secs(10);

/// A linked worker with its last report, the time of arrival, and its clock difference in
/// milliseconds.
struct WorkerLink {
    peer: Arc<LinkedWorker>,
    since: Instant,
    report: Option<(WorkerReport, Timestamp, i64)>,
}

/// The module's whole state.
pub struct Workers {
    storage: Storage,
    registry: Arc<Published<Registry>>,
    links: HashMap<Uuid, WorkerLink>,
    /// How often the log has said lately of a worker that it differs from its registration.
    mismatches_logged: HashMap<Uuid, FixedWindow>,
    /// When workers went away whose expirable sessions have not ended yet.
    away: HashMap<Uuid, Instant>,
    /// Since when workers are away that were linked since the start, or registered or admitted, for
    /// administrators.
    left: HashMap<Uuid, Timestamp>,
    peers: Arc<Published<Vec<Arc<LinkedWorker>>>>,
    addresses: Arc<Published<Vec<String>>>,
    auth: Sender<AuthMessage>,
    assets: AssetsHandle,
    deployment: DeploymentFacts,
    expected: Arc<AtomicUsize>,
    /// From when on too few linked workers are warned of; `None` after the warning, and while there
    /// are enough.
    short_from: Option<Instant>,
    /// Whether too few were linked at the last look.
    is_short: bool,
}

impl Module for Workers {
    type Message = WorkersMessage;

    fn on_message(&mut self, message: WorkersMessage) {
        match message {
            WorkersMessage::Linked(peer, done) => {
                let is_admitted = self.on_linked(peer);
                let _ = done.try_send(is_admitted);
            }
            WorkersMessage::Unlinked(peer) => self.on_unlinked(&peer),
            WorkersMessage::Report(reply_to, report) => self.on_report(&reply_to, report),
            WorkersMessage::Update(update) => self.on_update(&update),
            WorkersMessage::MarketChanged => self.on_market_changed(),
            WorkersMessage::List(reply) => {
                let _ = reply.try_send(self.rows());
            }
            WorkersMessage::KeepKey(fingerprint, key, reply) => {
                let kept = self.storage.keep_worker_keys(&[(fingerprint, key)]);
                let _ = reply.try_send(kept.map_err(|e| format!("the database failed: {e}")));
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
            WorkersMessage::Set(name, change, reply) => {
                let _ = reply.try_send(self.set(&name, &change));
            }
            WorkersMessage::Unfit {
                worker,
                fingerprint,
                why,
            } => self.on_unfit(worker, fingerprint, &why),
        }
    }

    fn on_tick(&mut self, now: Instant) {
        self.check_absent();
        self.check_number(now);
        self.end_old_links(now);
    }

    fn on_stop(&mut self) {
        for link in self.links.values() {
            link.peer.link.end();
        }
    }
}

impl Workers {
    /// The module with the published registrations. All registered workers count as away from now
    /// on.
    pub fn new(
        storage: Storage,
        shared: &WorkersShared,
        auth: Sender<AuthMessage>,
        assets: AssetsHandle,
        config: &MasterConfig,
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
            links: HashMap::new(),
            mismatches_logged: HashMap::new(),
            away,
            left: HashMap::new(),
            peers: Arc::clone(&shared.peers),
            addresses: Arc::clone(&shared.addresses),
            auth,
            assets,
            deployment: DeploymentFacts::of(config),
            expected: Arc::clone(&shared.expected),
            short_from: Some(now + START_GRACE),
            is_short: true,
        }
    }

    fn on_report(&mut self, reply_to: &ReplyTo, report: WorkerReport) {
        let now = Timestamp::now();
        if let Some(link) = self.links.get_mut(&reply_to.peer.worker.uuid)
            && link.peer.link.number == reply_to.peer.link.number
        {
            let about = report.about.clone();
            let before = link
                .report
                .replace((report, now, reply_to.timestamp.since(now)));
            if before.is_none_or(|(before, ..)| before.about != about) {
                self.log_mismatches(&reply_to.peer.worker.uuid, &about, Instant::now());
            }
        }
        reply_to.send(|out| Reply::Pong.write(out));
    }

    /// Tells the log what a worker says otherwise than its registration, unless it was told of this
    /// worker too often. Returns the number of lines.
    fn log_mismatches(&mut self, worker: &Uuid, about: &WorkerAbout, now: Instant) -> usize {
        let registry = self.registry.load();
        let Some(registered) = registry.by_uuid(worker) else {
            return 0;
        };
        let found = mismatches(registered, about);
        if found.is_empty() {
            return 0;
        }
        self.mismatches_logged
            .retain(|known, _| registry.by_uuid(known).is_some());
        let minute = Duration::from_secs(60);
        let logged = self
            .mismatches_logged
            .entry(*worker)
            .or_insert_with(|| FixedWindow::new(minute, now));
        if logged.count(now) >= MISMATCHES_LOGGED_MAX {
            return 0;
        }
        logged.add();
        for mismatch in &found {
            crate::warn!("{mismatch}");
        }
        found.len()
    }

    fn on_update(&self, update: &Update) {
        let mut frames = price_frames(&self.assets, &update.snapshot, false);
        self.write_server_info(&update.snapshot, &mut frames);
        for link in self.links.values() {
            link.peer.push_frames(&frames);
        }
    }

    fn on_market_changed(&self) {
        let mut frames = Vec::new();
        self.write_server_info(&self.assets.prices(), &mut frames);
        for link in self.links.values() {
            link.peer.push_frames(&frames);
        }
    }

    /// Appends linkServerInfo.
    fn write_server_info(&self, prices: &PriceSnapshot, out: &mut Vec<u8>) {
        self.deployment
            .write(prices, self.assets.next_update(), out);
    }

    /// Welcomes a linked worker and sends it the prices. An older link of the same worker is
    /// closed. False for a worker that is booted: it is told so, and its link ends.
    fn on_linked(&mut self, peer: Arc<LinkedWorker>) -> bool {
        let worker = peer.worker.clone();
        if self.registry.load().admitted(&worker.uuid).is_none() {
            peer.push(|out| {
                frame::write(
                    out,
                    Instruction::LinkBooted,
                    &["this worker is not admitted"],
                )
            });
            peer.link.end();
            return false;
        }
        let welcome = self.welcome(&worker);
        peer.push(|out| message::write(out, Instruction::LinkWelcome, &welcome));
        let prices = self.assets.prices();
        // Before the prices, with which a worker opens its port.
        peer.push(|out| self.write_server_info(&prices, out));
        peer.push_frames(&price_frames(&self.assets, &prices, true));
        crate::info!("worker {} is linked from {}", worker.name, peer.link.peer);
        let boot = peer.boot;
        let link = WorkerLink {
            peer,
            since: Instant::now(),
            report: None,
        };
        if let Some(older) = self.links.insert(worker.uuid, link) {
            if older.peer.boot == boot {
                crate::info!("worker {} has made its link anew", worker.name);
            } else {
                crate::warn!(
                    "worker {} has a newer link, of another process: the older one is closed",
                    worker.name
                );
            }
            older.peer.link.end();
        }
        self.away.remove(&worker.uuid);
        self.left.remove(&worker.uuid);
        self.end_sessions(worker.uuid, Some(boot));
        self.publish();
        true
    }

    fn welcome(&self, worker: &WorkerServer) -> Welcome {
        Welcome {
            now: Timestamp::now(),
            update_interval: self.deployment.update_interval,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: worker.name.clone(),
            address: worker.address.clone(),
        }
    }

    fn on_unlinked(&mut self, peer: &Arc<LinkedWorker>) {
        let uuid = peer.worker.uuid;
        let is_current = self
            .links
            .get(&uuid)
            .is_some_and(|s| s.peer.link.number == peer.link.number);
        if is_current {
            self.links.remove(&uuid);
            self.note_left(uuid);
            crate::info!("worker {} is away", peer.worker.name);
            self.publish();
        }
    }

    /// Publishes the linked workers, and pushes their addresses to each of them.
    fn publish(&mut self) {
        let mut peers: Vec<Arc<LinkedWorker>> =
            self.links.values().map(|s| Arc::clone(&s.peer)).collect();
        peers.sort_by(|a, b| a.worker.name.cmp(&b.worker.name));
        let addresses: Vec<String> = peers
            .iter()
            .map(|peer| peer.worker.address.clone())
            .collect();
        let list: Vec<&str> = addresses.iter().map(String::as_str).collect();
        for peer in &peers {
            peer.push(|out| frame::write(out, Instruction::LinkWorkers, &list));
        }
        self.addresses.store(addresses);
        self.peers.store(peers);
    }

    /// Tells auth to end expirable sessions of a worker's other processes than `boot`.
    fn end_sessions(&self, worker: Uuid, boot: Option<Uuid>) {
        if self
            .auth
            .send_timeout(AuthMessage::WorkerAway(worker, boot), TICK)
            .is_err()
        {
            crate::error!("auth could not be told that worker {worker} was away");
        }
    }

    /// Warns once when fewer workers than expected have been linked for a while.
    fn check_number(&mut self, now: Instant) {
        let (linked, expected) = (self.links.len(), self.expected.load(Ordering::Relaxed));
        let was_short = std::mem::replace(&mut self.is_short, linked < expected);
        if !self.is_short {
            self.short_from = None;
        } else if !was_short {
            self.short_from = Some(now + ABSENCE_GRACE);
        }
        if self.short_from.take_if(|from| now >= *from).is_some() {
            crate::warn!("{linked} of {expected} expected workers are linked");
        }
    }

    /// Ends links that are older than [`LINK_AGE_MAX`].
    fn end_old_links(&mut self, now: Instant) {
        let is_old = |link: &WorkerLink| now.saturating_duration_since(link.since) >= LINK_AGE_MAX;
        let old: Vec<Uuid> = self
            .links
            .iter()
            .filter(|(_, link)| is_old(link))
            .map(|(uuid, _)| *uuid)
            .collect();
        for uuid in old {
            self.end_link(
                uuid,
                "it has stood for a day; the worker proves itself anew",
            );
        }
    }

    /// Ends the link of a worker whose key is not fit any more, unless it has another key by now.
    fn on_unfit(&mut self, uuid: Uuid, fingerprint: Fingerprint, why: &str) {
        let is_current = self
            .links
            .get(&uuid)
            .is_some_and(|link| link.peer.worker.fingerprint == fingerprint);
        if is_current {
            self.end_link(uuid, &format!("its key {fingerprint}: {why}"));
        }
    }

    /// Ends a worker's link. The worker may link anew.
    fn end_link(&mut self, uuid: Uuid, why: &str) {
        if let Some(link) = self.links.remove(&uuid) {
            crate::warn!("the link of worker {} ends: {why}", link.peer.worker.name);
            link.peer.link.end();
            self.note_left(uuid);
            self.publish();
        }
    }

    fn note_left(&mut self, uuid: Uuid) {
        self.away.insert(uuid, Instant::now());
        self.left.insert(uuid, Timestamp::now());
    }

    /// Changes a registration. A link ends where its key or address is another one now.
    fn set(&mut self, name: &str, change: &RegistrationChange) -> Result<WorkerServer, String> {
        let found = self.registry.load().by_name(name).cloned();
        let worker = found.ok_or_else(|| unknown(name))?;
        let changed = registry::set(&mut self.storage, &worker, change)?;
        self.reload()?;
        if (changed.fingerprint, changed.ip) != (worker.fingerprint, worker.ip) {
            self.end_link(
                worker.uuid,
                "it is registered with another key or address now",
            );
        } else if changed.address != worker.address
            && let Some(link) = self.links.get_mut(&worker.uuid)
        {
            link.peer = Arc::new(LinkedWorker {
                worker: changed.clone(),
                boot: link.peer.boot,
                link: Arc::clone(&link.peer.link),
                since: link.peer.since,
            });
            let welcome = self.welcome(&changed);
            if let Some(link) = self.links.get(&worker.uuid) {
                let push =
                    |out: &mut Vec<u8>| message::write(out, Instruction::LinkWelcome, &welcome);
                link.peer.push(push);
            }
            self.publish();
        }
        Ok(changed)
    }

    /// Ends the expirable sessions of workers that have been away for [`ABSENCE_TIMEOUT`].
    fn check_absent(&mut self) {
        let absent: Vec<Uuid> = self
            .away
            .iter()
            .filter(|(_, since)| since.elapsed() >= ABSENCE_TIMEOUT)
            .map(|(uuid, _)| *uuid)
            .collect();
        for uuid in absent {
            self.away.remove(&uuid);
            self.end_sessions(uuid, None);
        }
    }

    fn rows(&self) -> Vec<WorkerRow> {
        let registry = self.registry.load();
        let row = |worker: &WorkerServer| {
            let link = self.links.get(&worker.uuid);
            WorkerRow {
                worker: worker.clone(),
                linked: link.map(|s| (s.peer.since, s.peer.link.peer)),
                left: self.left.get(&worker.uuid).copied(),
                report: link.and_then(|s| s.report.clone()),
            }
        };
        registry.all().map(row).collect()
    }

    fn register(&mut self, registration: &Registration) -> Result<WorkerServer, String> {
        let worker = registry::register(&mut self.storage, registration)?;
        self.reload()?;
        self.left.insert(worker.uuid, Timestamp::now());
        crate::info!("worker {} is registered as {}", worker.name, worker.uuid);
        Ok(worker)
    }

    /// Changes a registered worker's row, and closes its link if it is no longer admitted.
    fn change(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Storage, &WorkerServer) -> Result<(), String>,
    ) -> Result<WorkerServer, String> {
        let found = self.registry.load().by_name(name).cloned();
        let worker = found.ok_or_else(|| unknown(name))?;
        change(&mut self.storage, &worker)?;
        self.reload()?;
        let admitted = self.registry.load().admitted(&worker.uuid).is_some();
        if !admitted {
            self.left.remove(&worker.uuid);
        } else if worker.booted {
            // It could not come before, and has time from now on.
            self.left.insert(worker.uuid, Timestamp::now());
        }
        if !admitted && let Some(link) = self.links.remove(&worker.uuid) {
            crate::warn!("worker {name} was booted");
            link.peer.push(|out| {
                frame::write(
                    out,
                    Instruction::LinkBooted,
                    &["booted by the administrator"],
                )
            });
            link.peer.link.end();
            self.away.insert(worker.uuid, Instant::now());
            self.publish();
        }
        Ok(worker)
    }

    fn reload(&mut self) -> Result<(), String> {
        let registry =
            Registry::load(&mut self.storage).map_err(|e| format!("the database failed: {e}"))?;
        self.registry.store(registry);
        Ok(())
    }
}

/// What a worker's configuration says otherwise than its registration, for an administrator.
pub fn mismatches(worker: &WorkerServer, about: &WorkerAbout) -> Vec<String> {
    let WorkerServer { name, address, .. } = worker;
    let mut said = Vec::new();
    if !about.name.is_empty() && about.name != *name {
        said.push(format!(
            "worker {name} calls itself {:?} in its configuration: set name = {name:?} there",
            about.name
        ));
    }
    if !about.advertise.is_empty() && about.advertise != *address {
        said.push(format!(
            "worker {name} has advertise = {:?}, but clients are told {address}: set advertise there, or \
             `papertraderctl workers set {name} --address HOST:PORT`",
            about.advertise
        ));
    }
    said
}

fn unknown(name: &str) -> String {
    format!("no worker is registered as {name}; see `papertraderctl workers list`")
}

/// The frames of a push of prices. On a new link they also say what assets are called.
fn price_frames(assets: &AssetsHandle, snapshot: &PriceSnapshot, is_first: bool) -> Vec<u8> {
    let row = |entry: &AssetPrice| PriceRow {
        symbol: entry.symbol,
        quote: entry.quote,
        day: entry.day,
        is_new: entry.fresh,
        is_halted: entry.halted,
        previous_close: entry.previous_close,
        description: snapshot
            .description(&entry.symbol)
            .filter(|_| is_first)
            .cloned(),
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

/// Registers a worker while no master runs. The sandbox uses it.
///
/// # Errors
/// The database cannot be used, or the registration is refused.
pub fn register_offline(
    url: &DatabaseUrl,
    registration: &Registration,
) -> Result<WorkerServer, String> {
    let _lock = Storage::lock(url).map_err(|e| e.to_string())?;
    Storage::migrate(url).map_err(|e| e.to_string())?;
    let mut storage = Storage::open(url).map_err(|e| e.to_string())?;
    registry::register(&mut storage, registration)
}

/// The worker that is registered under a name, read while no master runs; `None` if there is none,
/// or no database yet.
///
/// # Errors
/// The database cannot be used.
pub fn find_offline(url: &DatabaseUrl, name: &str) -> Result<Option<WorkerServer>, String> {
    if url.file().is_some_and(|file| !file.exists()) {
        return Ok(None);
    }
    let _lock = Storage::lock(url).map_err(|e| e.to_string())?;
    Storage::migrate(url).map_err(|e| e.to_string())?;
    let mut storage = Storage::open(url).map_err(|e| e.to_string())?;
    let registry = Registry::load(&mut storage).map_err(|e| e.to_string())?;
    Ok(registry.by_name(name).cloned())
}

/// Registers the workers of one database in another that has none, with their UUIDs, while no master
/// runs. Tests use it.
///
/// # Errors
/// A database cannot be used.
pub fn copy_offline(from: &DatabaseUrl, to: &DatabaseUrl) -> Result<(), String> {
    let copy = || {
        let registry = Registry::load(&mut Storage::open(from)?)?;
        let _lock = Storage::lock(to)?;
        Storage::migrate(to)?;
        Storage::open(to)?.write(|tx| {
            let mut workers = registry.all();
            workers.try_for_each(|worker| tx.insert_worker(worker, Timestamp::now()))
        })
    };
    copy().map_err(|error: StorageError| error.to_string())
}

/// Changes a worker's `host:port` for clients while no master runs. The sandbox uses it when its
/// ports are taken.
///
/// # Errors
/// The database cannot be used.
pub fn move_offline(url: &DatabaseUrl, uuid: &uuid::Uuid, address: &str) -> Result<(), String> {
    let _lock = Storage::lock(url).map_err(|e| e.to_string())?;
    Storage::migrate(url).map_err(|e| e.to_string())?;
    let mut storage = Storage::open(url).map_err(|e| e.to_string())?;
    registry::set_address(&mut storage, uuid, address)
}

#[cfg(test)]
mod tests;
