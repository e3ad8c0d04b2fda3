//! spec/worker.md · 3.2.1 Main Module, 2.4.7 WorkerState Structure
//!
//! A worker's metrics, for Prometheus.
//!
//! Tests: `tests/suite/programs/metrics.rs`.

use super::{Gauges, Worker};
use crate::daemon::metrics::{SESSIONS, WriteMetrics, write_common};
use crate::link::key_watch::KeyWatchHandle;
use crate::link::metrics::{write_expiries, write_links};
use crate::model::Timestamp;
use crate::net::metrics::write_places;
use crate::net::{ConnectionLimiter, Flusher};
use crate::runtime::Watchdog;
use crate::runtime::clock::RemoteClock;
use crate::runtime::log::LogHandle;
use crate::runtime::metrics::process::seconds;
use crate::runtime::metrics::{MetricFamily, MetricsText};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A gauge without labels.
const fn gauge(name: &'static str, help: &'static str) -> MetricFamily {
    MetricFamily::gauge(name, &[], help)
}

const LINK_UP: MetricFamily = gauge(
    "papertrader_link_up",
    "Whether the link to the master stands.",
);
const CLOCK: MetricFamily = gauge(
    "papertrader_clock_difference_seconds",
    "The worker's clock minus the master's, as of its last message; none without a link.",
);
const PENDING: MetricFamily = gauge(
    "papertrader_pending_requests",
    "Requests of clients that the master has not answered.",
);
const CACHED: MetricFamily = gauge("papertrader_cached_replies", "Replies in the cache.");
const CACHED_BYTES: MetricFamily = gauge("papertrader_cached_bytes", "Bytes of these replies.");

/// What a worker's metrics are read from.
pub(super) struct MetricsSource {
    pub(super) gauges: Arc<Gauges>,
    pub(super) limiter: Arc<ConnectionLimiter>,
    pub(super) flusher: Arc<Flusher>,
    pub(super) clock: Arc<RemoteClock>,
    pub(super) keys: KeyWatchHandle,
}

impl Worker {
    /// What writes the worker's metrics.
    pub fn metrics(&self, watchdog: &Watchdog, log: &LogHandle) -> WriteMetrics {
        let (source, watchdog, log) = (Arc::clone(&self.metrics), watchdog.clone(), log.clone());
        Arc::new(move |out| {
            write_common("worker", &watchdog, log.lost(), out);
            source.write(out);
        })
    }
}

impl MetricsSource {
    fn write(&self, out: &mut MetricsText) {
        let link = self.gauges.link.lock().clone();
        let link = link.filter(|(link, _)| link.is_open());
        out.one(&LINK_UP, link.is_some());
        let since = link.as_ref().map(|(_, since)| *since);
        let unsent = link.as_ref().map_or(0, |(link, _)| link.unsent());
        write_links(since, unsent, out);
        write_expiries(&self.keys.expiries(), out);
        let difference = Timestamp::now().since(self.clock.now());
        let difference = link.is_some().then(|| seconds(Timestamp(difference)));
        out.family(&CLOCK).sample_if(&[], difference);
        out.one(&PENDING, self.gauges.pending.load(Ordering::Relaxed));
        out.one(&SESSIONS, self.gauges.sessions.load(Ordering::Relaxed));
        out.one(&CACHED, self.gauges.cached.load(Ordering::Relaxed));
        let bytes = self.gauges.cached_bytes.load(Ordering::Relaxed);
        out.one(&CACHED_BYTES, bytes);
        write_places(&self.limiter, &self.flusher, out);
    }
}

impl std::fmt::Debug for MetricsSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetricsSource").finish_non_exhaustive()
    }
}
