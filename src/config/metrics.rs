//! spec/config.md · 2.3 Global Deployment Variables
//!
//! The `[metrics]` table, which both daemons have.
//!
//! Tests: `src/config/tests.rs`.

use super::reader::{ConfigReport, ConfigTable};
use super::{values, writer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The port of a master's metrics unless configured otherwise.
pub const MASTER_METRICS_PORT: u16 = 9748;
/// The port of a worker's metrics unless configured otherwise: on one machine both are scraped.
pub const WORKER_METRICS_PORT: u16 = 9749;

/// `[metrics]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Where metrics are served by HTTP.
    pub listen: SocketAddr,
}

impl MetricsConfig {
    /// Reads the table, if it is there.
    pub(super) fn read(root: &mut ConfigTable<'_, '_>, port: u16) -> Option<MetricsConfig> {
        let mut table = root.table("metrics")?;
        let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let listen = values::listen(&mut table, default);
        table.finish();
        Some(MetricsConfig { listen })
    }

    /// Sets the keys of the table.
    pub(super) fn write(self, values: &mut writer::TomlValues) {
        values.text("metrics.listen", self.listen);
    }

    /// Checks that it differs from the daemon's other addresses, and warns where strangers may read
    /// what it tells.
    pub(super) fn check(self, others: &[SocketAddr], report: &ConfigReport) {
        let address = self.listen;
        if address.port() != 0 && others.contains(&address) {
            report.problem(
                "metrics.listen",
                format!("{address} is listened on for something else; metrics need another port"),
            );
        }
        if !values::is_loopback(address.ip()) {
            report.warn(
                "metrics.listen",
                format!("whoever reaches {address} reads the metrics, unencrypted and without a password"),
            );
        }
    }
}
