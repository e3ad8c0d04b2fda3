//! spec/worker.md · 3.2.1 Main Module, 2.3 Global Deployment Variables
//!
//! SIGHUP: takes over the keys of a new configuration that can change while the worker runs, the
//! certificate, and has the keys of GPG looked at. What it has read and checked comes from
//! `daemon::reload`.
//!
//! Tests: `tests/suite/reload.rs`, `tests/suite/worker/tls.rs`.

use super::Worker;
use super::capacity::ConnectionBudget;
use super::start::{about, connection_limits, raise_descriptors};
use crate::config::{WorkerConfig, WorkerLimits};
use crate::daemon::reload;
use crate::daemon::run::{Service, ServiceContext};
use crate::runtime::process_limits::ProcessLimits;

/// Reads the configuration again and applies it to `current`, the one in force. An invalid one is
/// logged, and nothing changes. Whether the file was taken over.
pub(super) fn reload<S: Service<Config = WorkerConfig>>(
    worker: &Worker,
    context: &ServiceContext<'_, WorkerConfig>,
    current: &mut WorkerConfig,
) -> bool {
    let Some(new) = reload::reread::<S>(context, current, None) else {
        // A key may have been revoked, whatever the file says.
        worker.keys.look();
        return false;
    };
    let before = current.clone();
    // First, since a file is taken over whole or not at all.
    if !apply_certificate(worker, &new, current) {
        worker.keys.look();
        return false;
    }
    if new.log.level != current.log.level {
        context.log.set_level(new.log.level);
        current.log.level = new.log.level;
    }
    worker.keys.look();
    // Modules have the number of topics since their start.
    let limits = WorkerLimits {
        max_subscriptions_per_connection: current.limits.max_subscriptions_per_connection,
        ..new.limits.clone()
    };
    if limits != current.limits {
        raise_descriptors(limits.max_connections);
        let allowed = ProcessLimits::read().and_clients(worker.limiter.open());
        let budget = ConnectionBudget::of(&limits, worker.tls.is_some(), &allowed);
        budget.tell(&limits);
        worker
            .limiter
            .set_limits(connection_limits(&limits, &budget));
        worker.limits.store(limits.clone());
        current.limits = limits;
    }
    current.advertise = new.advertise.clone();
    let about = about(current, worker.tls.as_deref());
    worker.gauges.about.store(about);
    reload::tell(&before, current, &new);
    true
}

/// Reads certificate and key, which may be new in the same files. TLS itself comes and goes with a
/// restart alone: clients know whether they speak it. False where the pair is refused.
fn apply_certificate(worker: &Worker, new: &WorkerConfig, current: &mut WorkerConfig) -> bool {
    let (Some(tls), Some(files)) = (&worker.tls, &new.tls) else {
        return true;
    };
    if let Err(error) = tls.reload(&files.certificate, &files.key) {
        crate::error!(
            "the old certificate and the configuration stay in force, nothing is taken over: {error}"
        );
        return false;
    }
    current.tls = Some(files.clone());
    match tls.expiry() {
        Some(expiry) => crate::info!(
            "reloaded: the certificate {} is valid until {}",
            expiry.name,
            expiry.until
        ),
        None => crate::info!("reloaded: the certificate {}", files.certificate.display()),
    }
    true
}
