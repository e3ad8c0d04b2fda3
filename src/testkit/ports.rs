//! spec/testkit/ports.md · 4.3 The Connection
//!
//! Ports on loopback that nobody uses, for sandboxes that stand side by side; and new ones for a
//! sandbox whose ports somebody took.

use super::{LOOPBACK, Layout, SandboxError, at};
use crate::config::{MasterConfig, WorkerConfig};
use crate::master::workers::move_offline;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// Ports below this have names, or are what people choose by hand.
const LOWEST: u16 = 12_000;
/// The system takes ports for outgoing connections from here on, unless it says otherwise.
const USUAL_EPHEMERAL: u16 = 32_768;
/// Where the system says which ports those are.
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// Ports tried for one that is free.
const TRIES: u32 = 1_000;

/// Ports that this process has given out: nobody listens there yet when the next ones are asked
/// for.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Free ports on loopback, none of them from the range that outgoing connections are given: those
/// would come and go between now and the moment somebody listens.
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
        // Chosen at random, so that sandboxes made before any of them runs do not choose alike.
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

/// Whether one can listen there now.
pub fn is_free(address: SocketAddr) -> bool {
    // The standard library's listener takes over ports whose connections are still closing, as the
    // daemons do.
    TcpListener::bind(address).is_ok()
}

/// Gives new ports to those of a sandbox's programs whose ports are taken, or to all of them: in
/// their configurations and in the list of workers. Answers what was moved where.
///
/// # Errors
/// The configuration cannot be read or written, a master has the database, or no port is free.
pub fn settle(layout: &Layout, all: bool) -> Result<Vec<(SocketAddr, SocketAddr)>, SandboxError> {
    let master_file = layout.master_config();
    let (master, _) = MasterConfig::load(&master_file).map_err(wrong)?;
    let mut files = vec![master_file];
    let mut addresses = vec![master.listen];
    let mut workers = Vec::new();
    for (_, file) in layout.worker_configs() {
        let (worker, _) = WorkerConfig::load(&file).map_err(wrong)?;
        addresses.push(worker.listen);
        workers.push(worker);
        files.push(file);
    }
    addresses.retain(|address| address.ip() == LOOPBACK && (all || !is_free(*address)));
    let ports = free(addresses.len()).map_err(SandboxError::failed)?;
    let moves: Vec<_> = addresses
        .into_iter()
        .zip(ports.into_iter().map(|port| SocketAddr::new(LOOPBACK, port)))
        .collect();
    if moves.is_empty() {
        return Ok(moves);
    }
    for file in &files {
        rewrite(file, &moves)?;
    }
    for worker in workers {
        if let Some((_, new)) = moves.iter().find(|(old, _)| *old == worker.listen) {
            move_offline(&master.database, &worker.uuid, &new.to_string()).map_err(SandboxError::failed)?;
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

/// Puts new addresses in place of old ones, and leaves everything else that a person wrote there.
fn rewrite(file: &Path, moves: &[(SocketAddr, SocketAddr)]) -> Result<(), SandboxError> {
    let old = fs::read_to_string(file).map_err(at(file))?;
    let mut new = String::with_capacity(old.len());
    for line in old.split_inclusive('\n') {
        let found = moves
            .iter()
            .find(|(from, _)| line.contains(&format!("\"{from}\"")));
        match found {
            Some((from, to)) => new.push_str(&line.replace(&format!("\"{from}\""), &format!("\"{to}\""))),
            None => new.push_str(line),
        }
    }
    replace(file, &new).map_err(at(file))
}

/// Writes a file beside the old one and puts it in its place: whoever reads has the one or the
/// other, whole.
pub(super) fn replace(file: &Path, text: &str) -> io::Result<()> {
    let mut beside = PathBuf::from(file).into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    fs::write(&beside, text)?;
    fs::rename(&beside, file)
}
