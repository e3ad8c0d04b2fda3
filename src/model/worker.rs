//! spec/model/worker.md · 2.4.5 WorkerServer Structure

use super::Fingerprint;
use std::net::IpAddr;
use uuid::Uuid;

/// A registered worker server (3.1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerServer {
    /// The name that administrators use.
    pub name: String,
    /// The UUID that all its messages carry (4.1).
    pub uuid: Uuid,
    /// Fingerprint of its GPG key (2.4.5 gpgkey).
    pub fingerprint: Fingerprint,
    /// The only address from which it may link (2.4.5 ipaddr).
    pub ip: IpAddr,
    /// `host:port` at which clients reach it (3.1.5).
    pub address: String,
    /// Whether an administrator has booted it: it is kept out until one admits it. The boot ID of a
    /// worker's process is another thing.
    pub booted: bool,
}
