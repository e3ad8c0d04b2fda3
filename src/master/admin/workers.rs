//! spec/master/admin.md · 3.1.5 Worker Management
//!
//! Lists, registers, unregisters, boots and admits workers for administrators.
//!
//! Tests: `tests/suite/master/admin.rs`.

use super::{AdminShared, ChangeFailure, MODULE_TIMEOUT, ask, ask_for_change};
use crate::admin::model::{MasterKey, WorkerFigures, WorkerStatus};
use crate::admin::protocol::AdminAnswer;
use crate::admin::warning::{StatusWarning, WarningKind};
use crate::master::messages::{WorkerRow, WorkersMessage};
use crate::master::workers::mismatches;
use crate::master::workers::registry::{Registration, RegistrationChange};
use crate::model::expiry::{Expiry, ExpiryKind};
use crate::model::{self, Fingerprint, Timestamp};
use crossbeam_channel::Sender;
use std::net::IpAddr;
use std::time::Instant;

const MODULE: &str = "workers";

/// All registered workers.
pub(super) fn list(shared: &AdminShared) -> Result<AdminAnswer, String> {
    let rows = ask(
        MODULE,
        &shared.channels.inboxes.workers,
        WorkersMessage::List,
    )?;
    Ok(AdminAnswer::Workers(rows.iter().map(status).collect()))
}

/// What an administrator is warned of: registrations that workers' configurations contradict, and
/// certificates that end soon.
pub(super) fn warnings(rows: &[WorkerRow], now: Timestamp) -> Vec<StatusWarning> {
    let mut warnings = Vec::new();
    for row in rows {
        let Some((report, ..)) = &row.report else {
            continue;
        };
        let mismatches = mismatches(&row.worker, &report.about).into_iter();
        let differs = WarningKind::RegistrationDiffers;
        warnings.extend(mismatches.map(|text| StatusWarning::new(differs, text)));
        let certificate = report.about.certificate.map(|until| Expiry {
            kind: ExpiryKind::Certificate,
            name: String::new(),
            owner: Some(format!("worker {}", row.worker.name)),
            until,
        });
        warnings.extend(certificate.and_then(|expiry| expiry_warning(&expiry, now)));
    }
    warnings
}

/// What is said of a key or certificate that ends soon; critical once it has ended.
pub(super) fn expiry_warning(expiry: &Expiry, now: Timestamp) -> Option<StatusWarning> {
    let text = expiry.warning(now)?;
    Some(if expiry.left(now) <= 0 {
        StatusWarning::critical(WarningKind::Expiry, text)
    } else {
        StatusWarning::new(WarningKind::Expiry, text)
    })
}

/// One registered worker.
pub(super) fn show(shared: &AdminShared, name: &str) -> Result<AdminAnswer, String> {
    let rows = ask(
        MODULE,
        &shared.channels.inboxes.workers,
        WorkersMessage::List,
    )?;
    match rows.iter().find(|row| row.worker.name == name) {
        Some(found) => Ok(AdminAnswer::Worker(Box::new(status(found)))),
        None => Err(format!(
            "no worker is registered as {name}; see `papertraderctl workers list`"
        )),
    }
}

/// The master's public key.
pub(super) fn master_key(shared: &AdminShared) -> Result<AdminAnswer, String> {
    let fingerprint = shared.channels.key;
    let key = shared.channels.keyring.export(fingerprint);
    let key = key.map_err(|error| format!("the master's key {fingerprint}: {error}"))?;
    Ok(AdminAnswer::MasterKey(MasterKey {
        fingerprint: fingerprint.to_string(),
        key: String::from_utf8_lossy(&key).into_owned(),
    }))
}

/// Registers a worker: its key in the master's keyring, then the rest in the database. If the
/// second step fails, the key is removed again; it stays where nobody knows whether it failed.
pub(super) fn register(
    shared: &AdminShared,
    name: String,
    key: &str,
    ip: IpAddr,
    address: String,
) -> Result<AdminAnswer, String> {
    let _guard = shared.registering.lock();
    let registry = shared.channels.inboxes.shared.registry.load();
    if registry.by_name(&name).is_some() {
        return Err(format!(
            "a worker is registered as {name} already; choose another name, or unregister it first"
        ));
    }
    let fingerprint = import_key(shared, &name, key)?;
    let asked = name.clone();
    let registration = Registration {
        name,
        fingerprint,
        ip,
        address,
    };
    let registered = change_row(shared, &asked, |reply| {
        WorkersMessage::Register(registration, reply)
    });
    match registered {
        Ok(worker) => Ok(changed(shared, worker)),
        Err(failed) => {
            if failed.is_undone {
                delete_key(shared, fingerprint);
            }
            Err(failed.why)
        }
    }
}

/// Imports a worker's public key into the master's keyring, and keeps it in the database for a master
/// that stands by. Where that fails it is removed again.
fn import_key(shared: &AdminShared, name: &str, key: &str) -> Result<Fingerprint, String> {
    let keyring = &shared.channels.keyring;
    let known = |error| format!("the key: {error}");
    let fingerprint = keyring.import(key.as_bytes()).map_err(known)?;
    let kept = keyring
        .export(fingerprint)
        .map_err(known)
        .and_then(|public| {
            change_row(shared, name, |reply| {
                WorkersMessage::KeepKey(fingerprint, public, reply)
            })
            .map_err(|failed| failed.why)
        });
    kept.map(|()| fingerprint)
        .inspect_err(|_| delete_key(shared, fingerprint))
}

/// Changes a registration: a new key in the master's keyring, then the row in the database, then the
/// old key goes. If the second step fails, the new key is removed again; it stays where nobody knows
/// whether it failed.
pub(super) fn set(
    shared: &AdminShared,
    name: String,
    key: Option<&str>,
    ip: Option<IpAddr>,
    address: Option<String>,
) -> Result<AdminAnswer, String> {
    if key.is_none() && ip.is_none() && address.is_none() {
        return Err("say what to change: --ip, --address or --key".to_owned());
    }
    let _guard = shared.registering.lock();
    let registry = shared.channels.inboxes.shared.registry.load();
    let before = registry.by_name(&name).cloned().ok_or_else(|| {
        format!("no worker is registered as {name}; see `papertraderctl workers list`")
    })?;
    let fingerprint = key.map(|key| import_key(shared, &name, key)).transpose()?;
    let change = RegistrationChange {
        fingerprint,
        ip,
        address,
    };
    let set = change_row(shared, &before.name, |reply| {
        WorkersMessage::Set(name, change, reply)
    });
    match set {
        Ok(worker) => {
            if worker.fingerprint != before.fingerprint {
                delete_key(shared, before.fingerprint);
            }
            Ok(changed(shared, worker))
        }
        Err(failed) => {
            if let Some(fingerprint) = fingerprint.filter(|_| failed.is_undone) {
                delete_key(shared, fingerprint);
            }
            Err(failed.why)
        }
    }
}

/// Ends a registration and removes its key.
pub(super) fn unregister(shared: &AdminShared, name: String) -> Result<AdminAnswer, String> {
    let _guard = shared.registering.lock();
    let worker = change(shared, name, WorkersMessage::Unregister)?;
    delete_key(shared, worker.fingerprint);
    Ok(AdminAnswer::Worker(Box::new(registration_status(
        &worker,
        "unregistered",
    ))))
}

/// Closes a worker's link and refuses new ones.
pub(super) fn boot(shared: &AdminShared, name: String) -> Result<AdminAnswer, String> {
    let worker = change(shared, name, WorkersMessage::Boot)?;
    Ok(changed(shared, worker))
}

/// Ends a boot.
pub(super) fn admit(shared: &AdminShared, name: String) -> Result<AdminAnswer, String> {
    let worker = change(shared, name, WorkersMessage::Admit)?;
    Ok(changed(shared, worker))
}

fn change(
    shared: &AdminShared,
    name: String,
    message: fn(String, Sender<Result<model::WorkerServer, String>>) -> WorkersMessage,
) -> Result<model::WorkerServer, String> {
    let asked = name.clone();
    change_row(shared, &asked, |reply| message(name, reply)).map_err(|failed| failed.why)
}

/// Has the module change the row of the worker `name`.
fn change_row<T>(
    shared: &AdminShared,
    name: &str,
    message: impl FnOnce(Sender<Result<T, String>>) -> WorkersMessage,
) -> Result<T, ChangeFailure> {
    let until = Instant::now() + MODULE_TIMEOUT;
    let look = format!("workers show {name}");
    let inbox = &shared.channels.inboxes.workers;
    ask_for_change((until, MODULE_TIMEOUT), &look, MODULE, inbox, message)
}

/// A worker after a change that is done. The module is not asked again, since the answer must not
/// fail any more: what it publishes says the same, without the last report.
fn changed(shared: &AdminShared, worker: model::WorkerServer) -> AdminAnswer {
    let published = &shared.channels.inboxes.shared;
    let (registry, peers) = (published.registry.load(), published.peers.load());
    let linked = peers.iter().find(|peer| peer.worker.uuid == worker.uuid);
    let row = WorkerRow {
        linked: linked.map(|peer| (peer.since, peer.link.peer)),
        worker: registry.by_uuid(&worker.uuid).cloned().unwrap_or(worker),
        left: None,
        report: None,
    };
    AdminAnswer::Worker(Box::new(status(&row)))
}

/// Removes a key from the keyring, unless a registered worker has it.
fn delete_key(shared: &AdminShared, fingerprint: Fingerprint) {
    let registry = shared.channels.inboxes.shared.registry.load();
    if registry
        .all()
        .any(|worker| worker.fingerprint == fingerprint)
    {
        return;
    }
    if let Err(error) = shared.channels.keyring.delete(fingerprint) {
        crate::warn!(
            "the key {fingerprint} could not be removed from the keyring; it admits no worker: {error}"
        );
    }
}

fn status(row: &WorkerRow) -> WorkerStatus {
    let state = match (&row.linked, row.worker.booted) {
        (Some(_), _) => "connected",
        (None, true) => "booted",
        (None, false) => "away",
    };
    let mut worker = registration_status(&row.worker, state);
    if let Some((since, from)) = &row.linked {
        worker.linked_since = Some(since.to_string());
        worker.linked_from = Some(from.to_string());
    }
    worker.report = row
        .report
        .as_ref()
        .map(|(report, at, clock)| WorkerFigures {
            at: at.to_string(),
            version: report.version.clone(),
            uptime_ms: report.uptime,
            connections: report.connections,
            sessions: report.sessions,
            cached: report.cached,
            cached_bytes: report.cached_bytes,
            parked: report.parked,
            clock_difference_ms: *clock,
        });
    worker
}

fn registration_status(worker: &model::WorkerServer, state: &str) -> WorkerStatus {
    WorkerStatus {
        name: worker.name.clone(),
        uuid: worker.uuid.hyphenated().to_string(),
        state: state.to_owned(),
        ip: worker.ip.to_string(),
        address: worker.address.clone(),
        fingerprint: worker.fingerprint.to_string(),
        linked_since: None,
        linked_from: None,
        report: None,
    }
}
