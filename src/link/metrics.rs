//! spec/link.md · 4.3.1 Master-Worker Server Connection
//!
//! What all links of this process have carried.

use crate::model::Timestamp;
use crate::model::expiry::{Expiry, ExpiryKind};
use crate::runtime::metrics::process::seconds;
use crate::runtime::metrics::{Counter, MetricFamily, MetricsText};

/// Established links.
pub static OPENED: Counter = Counter::new();
/// Bytes that sockets brought.
pub static RECEIVED_BYTES: Counter = Counter::new();
/// Bytes that were sealed for sockets.
pub static SENT_BYTES: Counter = Counter::new();
/// Sealed records that came, close records and changes of keys among them.
pub static RECEIVED_RECORDS: Counter = Counter::new();
/// The same of records that left.
pub static SENT_RECORDS: Counter = Counter::new();

const LINKS_OPENED: MetricFamily = MetricFamily::counter(
    "papertrader_links_opened_total",
    &[],
    "Links that were established.",
);
const BYTES: MetricFamily = MetricFamily::counter(
    "papertrader_link_bytes_total",
    &["direction"],
    "Bytes that links have carried, sealed as they are.",
);
const RECORDS: MetricFamily = MetricFamily::counter(
    "papertrader_link_records_total",
    &["direction"],
    "Sealed records that links have carried.",
);

const ESTABLISHED: MetricFamily = MetricFamily::gauge(
    "papertrader_link_established_timestamp_seconds",
    &[],
    "Time of the newest link's handshake, since 1970; none without a link.",
);
const UNSENT: MetricFamily = MetricFamily::gauge(
    "papertrader_link_unsent_bytes",
    &[],
    "Bytes that links have not taken yet; at a master of all together.",
);

const EXPIRY: MetricFamily = MetricFamily::gauge(
    "papertrader_expiry_timestamp_seconds",
    &["what"],
    "Time at which the first key or certificate of a kind ends, since 1970; none that never ends.",
);

/// Writes the family of ends: of each kind the first.
pub fn write_expiries(expiries: &[Expiry], out: &mut MetricsText) {
    let mut samples = out.family(&EXPIRY);
    for kind in ExpiryKind::ALL {
        let ends = expiries.iter().filter(|it| it.kind == *kind);
        let first = ends.map(|it| it.until).min();
        samples.sample_if(&[kind.as_str()], first.map(seconds));
    }
}

/// Writes the families of the links that stand: when the newest was made, and what waits for all.
pub fn write_links(newest: Option<Timestamp>, unsent: usize, out: &mut MetricsText) {
    out.family(&ESTABLISHED).sample_if(&[], newest.map(seconds));
    out.one(&UNSENT, unsent);
}

/// Writes the families of what links have carried.
pub fn write_metrics(out: &mut MetricsText) {
    out.one(&LINKS_OPENED, OPENED.get());
    for (family, received, sent) in [
        (&BYTES, &RECEIVED_BYTES, &SENT_BYTES),
        (&RECORDS, &RECEIVED_RECORDS, &SENT_RECORDS),
    ] {
        let mut samples = out.family(family);
        samples.sample(&["received"], received.get());
        samples.sample(&["sent"], sent.get());
    }
}
