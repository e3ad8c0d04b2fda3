//! spec/net.md · 4.3 The Connection
//!
//! The clients' connections of this process: how many are open, were opened and were refused.
//!
//! Tests: `tests/suite/programs/metrics.rs`.

use super::connection_limiter::ConnectionLimiter;
use super::flusher::Flusher;
use crate::runtime::metrics::{Counter, Gauge, MetricFamily, MetricsText};

/// How a connection's bytes travel.
#[derive(Debug, Clone, Copy)]
struct ConnectionKind(usize);

/// The words of the kinds: plain, with TLS, and both by WebSocket.
const KINDS: [&str; 4] = ["plain", "tls", "websocket", "websocket-tls"];

impl ConnectionKind {
    fn new(has_tls: bool, is_websocket: bool) -> ConnectionKind {
        ConnectionKind(usize::from(has_tls) + 2 * usize::from(is_websocket))
    }
}

static OPEN: [Gauge; KINDS.len()] = [const { Gauge::new() }; KINDS.len()];
static OPENED: [Counter; KINDS.len()] = [const { Counter::new() }; KINDS.len()];
/// Connections that were refused because there was no room.
pub static REFUSED: Counter = Counter::new();

const CONNECTIONS: MetricFamily = MetricFamily::gauge(
    "papertrader_connections",
    &["kind"],
    "Open connections of clients.",
);
const CONNECTIONS_OPENED: MetricFamily = MetricFamily::counter(
    "papertrader_connections_opened_total",
    &["kind"],
    "Connections of clients that were accepted.",
);
const CONNECTIONS_REFUSED: MetricFamily = MetricFamily::counter(
    "papertrader_connections_refused_total",
    &[],
    "Connections that were refused because all places, or those of their address, were taken.",
);

const PLACES: MetricFamily = MetricFamily::gauge(
    "papertrader_connection_places",
    &[],
    "Connections that may be open at once.",
);
const PLACES_TAKEN: MetricFamily = MetricFamily::gauge(
    "papertrader_connection_places_taken",
    &[],
    "Places that are taken; at a master by links, too.",
);
const HELD_BYTES: MetricFamily = MetricFamily::gauge(
    "papertrader_held_bytes",
    &[],
    "Bytes of replies that clients have not taken.",
);

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub struct CountedConnection(ConnectionKind);

impl CountedConnection {
    /// Counts a new connection.
    pub fn new(has_tls: bool, is_websocket: bool) -> CountedConnection {
        let kind = ConnectionKind::new(has_tls, is_websocket);
        if let (Some(open), Some(opened)) = (OPEN.get(kind.0), OPENED.get(kind.0)) {
            open.add(1);
            opened.count();
        }
        CountedConnection(kind)
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        if let Some(open) = OPEN.get(self.0.0) {
            open.add(-1);
        }
    }
}

/// Writes the families of this file.
pub fn write_metrics(out: &mut MetricsText) {
    let mut samples = out.family(&CONNECTIONS);
    for (kind, open) in KINDS.iter().zip(&OPEN) {
        samples.sample(&[kind], open.get());
    }
    let mut samples = out.family(&CONNECTIONS_OPENED);
    for (kind, opened) in KINDS.iter().zip(&OPENED) {
        samples.sample(&[kind], opened.get());
    }
    out.one(&CONNECTIONS_REFUSED, REFUSED.get());
}

/// Writes the families of a daemon's port: its places, and what its connections hold.
pub fn write_places(limiter: &ConnectionLimiter, flusher: &Flusher, out: &mut MetricsText) {
    out.one(&PLACES, limiter.places());
    out.one(&PLACES_TAKEN, limiter.open());
    out.one(&HELD_BYTES, flusher.held().total());
}
