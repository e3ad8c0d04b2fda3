//! spec/model/worker.md · 2.4.5 WorkerServer Structure

use super::Fingerprint;
use std::net::IpAddr;
use uuid::Uuid;

/// A worker server as it was registered (3.1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerServer {
    /// What administrators call it.
    pub name: String,
    /// What its messages carry (4.1).
    pub uuid: Uuid,
    /// Of its GPG key (2.4.5 gpgkey).
    pub fingerprint: Fingerprint,
    /// The one address it may connect from (2.4.5 ipaddr).
    pub ip: IpAddr,
    /// `host:port` that clients are told (3.1.5).
    pub address: String,
    /// Kept out until an administrator admits it again.
    pub booted: bool,
}
