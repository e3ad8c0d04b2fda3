//! spec/testkit/ports.md · 4.3 The Connection
//!
//! Free ports on loopback for sandboxes that run side by side, and new ports for a sandbox whose
//! own are taken.
//!
//! Tests: `src/testkit/setup/tests.rs`.

use super::error::{SandboxError, at};
use super::layout::{LOOPBACK, Layout};
use crate::config::{MasterConfig, WorkerConfig};
use crate::master::workers::move_offline;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// Lower ports are registered to services, or chosen by hand.
const LOWEST: u16 = 12_000;
/// The usual first port that the system gives to outgoing connections.
const USUAL_EPHEMERAL: u16 = 32_768;
/// The file in which the system says which ports those are.
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// Ports that are tried for one free port.
const TRIES: u32 = 1_000;

/// Ports that this process has returned. Nothing may listen there yet when the next ones are
/// requested.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Returns free ports on loopback. None is from the range of outgoing connections, which could take
/// it before a daemon listens.
///
/// # Errors
/// The system has no random numbers, or no free port is found.
pub fn free(count: usize) -> io::Result<Vec<u16>> {
    let end = fs::read_to_string(EPHEMERAL)
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .filter(|end| *end > LOWEST + 1_000)
        .unwrap_or(USUAL_EPHEMERAL);
    let mut given = GIVEN.lock();
    let mut ports = Vec::with_capacity(count);
    for _ in 0..TRIES {
        if ports.len() == count {
            return Ok(ports);
        }
        // Chosen at random, so that sandboxes that do not run yet get different ports.
        let random = getrandom::u32().map_err(io::Error::other)?;
        let offset = u16::try_from(random % u32::from(end - LOWEST)).unwrap_or_default();
        let port = LOWEST + offset;
        if !given.contains(&port) && is_free(SocketAddr::new(LOOPBACK, port)) {
            given.insert(port);
            ports.push(port);
        }
    }
    Err(io::Error::other(format!(
        "no {count} free ports were found on {LOOPBACK}"
    )))
}

/// Whether a listener can be bound to the address now.
pub fn is_free(address: SocketAddr) -> bool {
    // The standard library's listener accepts ports whose connections are still closing, as the
    // daemons do.
    TcpListener::bind(address).is_ok()
}

/// Gives new ports to the daemons of a sandbox whose ports are taken, or to all of them, in their
/// configurations and in the list of workers. Returns the old and new addresses.
///
/// # Errors
/// The configuration cannot be read or written, a master has locked the database, or no port is
/// free.
pub fn settle(layout: &Layout, all: bool) -> Result<Vec<(SocketAddr, SocketAddr)>, SandboxError> {
    let master_file = layout.master_config();
    let (master, _) = MasterConfig::load(&master_file).map_err(wrong)?;
    let mut files = vec![master_file];
    let mut addresses = vec![master.listen];
    let mut workers = Vec::new();
    for (_, file) in layout.worker_configs() {
        let (worker, _) = WorkerConfig::load(&file).map_err(wrong)?;
        addresses.push(worker.listen);
        addresses.extend(worker.web.as_ref().map(|web| web.listen));
        workers.push(worker);
        files.push(file);
    }
    addresses.retain(|address| address.ip() == LOOPBACK && (all || !is_free(*address)));
    let ports = free(addresses.len()).map_err(SandboxError::failed)?;
    let moves: Vec<_> = addresses
        .into_iter()
        .zip(
            ports
                .into_iter()
                .map(|port| SocketAddr::new(LOOPBACK, port)),
        )
        .collect();
    if moves.is_empty() {
        return Ok(moves);
    }
    for file in &files {
        rewrite(file, &moves)?;
    }
    for worker in workers {
        if let Some((_, new)) = moves.iter().find(|(old, _)| *old == worker.listen) {
            move_offline(&master.database, &worker.uuid, &new.to_string())
                .map_err(SandboxError::failed)?;
        }
    }
    Ok(moves)
}

fn wrong(error: crate::config::ConfigError) -> SandboxError {
    SandboxError {
        code: crate::daemon::BAD_CONFIG,
        text: error.to_string(),
    }
}

/// Replaces addresses in a configuration, and keeps everything else, comments included.
fn rewrite(file: &Path, moves: &[(SocketAddr, SocketAddr)]) -> Result<(), SandboxError> {
    let old = fs::read_to_string(file).map_err(at(file))?;
    let mut new = String::with_capacity(old.len());
    // Addresses, and the origins of pages, several of which stand in one line.
    for part in old.split_inclusive('"') {
        let bare = part.strip_suffix('"').unwrap_or(part);
        let (scheme, address) = match bare.strip_prefix("http://") {
            Some(address) => ("http://", address),
            None => ("", bare),
        };
        match moves.iter().find(|(from, _)| from.to_string() == address) {
            Some((_, to)) => new.push_str(&format!("{scheme}{to}\"")),
            None => new.push_str(part),
        }
    }
    replace(file, &new).map_err(at(file))
}

/// Replaces a file by renaming a new one over it, so that readers see the old or the new text
/// whole.
pub(super) fn replace(file: &Path, text: &str) -> io::Result<()> {
    let mut beside = PathBuf::from(file).into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    fs::write(&beside, text)?;
    fs::rename(&beside, file)
}
