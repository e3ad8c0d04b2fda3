//! spec/worker/capacity.md · 3.2.3 Client Management, 3.2.1 "connect to master server"
//!
//! How many clients there is room for: what the system allows, less what the link to the master
//! takes. Where the system has less than it said, clients go before the link does.
//!
//! Tests: `src/worker/capacity/tests.rs`, `tests/suite/worker/pressure.rs`.

mod strangers;

use crate::config::WorkerLimits;
use crate::net::ConnectionLimiter;
use crate::net::held_bytes::HELD_BYTES_MAX;
use crate::net::listener::Shortage;
use crate::net::rejecter::LINGERING_MAX;
use crate::runtime::log::Throttle;
use crate::runtime::process_limits::{Allowance, ProcessLimits};
use crate::runtime::{Stop, spawn_small};
use crossbeam_channel::bounded;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use strangers::Strangers;

/// Tasks that a handshake with the master may take: GPGME's thread, `gpg` and what starts it, the
/// agent and its threads.
pub const LINK_TASKS: usize = 16;
/// Descriptors that a handshake with the master may take: its socket, and the pipes to `gpg`.
pub const LINK_DESCRIPTORS: usize = 32;
/// Tasks that stay free of clients for the link: those of a handshake, and as many that have ended.
/// The probe before it starts threads, and the kernel may count what has ended for seconds still.
const RESERVED_TASKS: u64 = 2 * LINK_TASKS as u64;
/// Threads of the worker's own, beside those that run when the limits are read.
const OWN_TASKS: u64 = 32;
/// Descriptors for other things than clients: the log, epoll, the link, GPG.
pub(super) const SPARE_DESCRIPTORS: u64 = 64;
/// Peers that are being refused have one part of so many of the descriptors, twice.
const LINGERING_PART: u64 = 16;
/// Such peers that may linger, at least.
const LINGERING_MIN: u64 = 16;
/// Memory of the worker without a client.
const OWN_BYTES: u64 = 32 << 20;
/// Memory that an idle client costs the machine, most of it the kernel's: for its thread, its
/// socket and its pages.
const CLIENT_BYTES: u64 = 64 << 10;
/// The same of a client that speaks TLS.
const TLS_CLIENT_BYTES: u64 = 96 << 10;
/// Idle clients have one part of so many of the memory. The rest is for what they ask.
const CLIENTS_PART: u64 = 2;
/// Replies that clients have not read have one part of so many of the memory.
const HELD_PART: u64 = 4;
/// Bytes of such replies at least.
const HELD_MIN: u64 = 16 << 20;

/// How long fewer clients are let in after the system had nothing left for one.
const LOWERED_TIME: Duration = Duration::from_secs(60);
/// How often room is made before one attempt to link.
const ROUNDS_MAX: usize = 4;
/// How long the closing of ended connections is waited for.
const ROOM_TIMEOUT: Duration = Duration::from_secs(1);
/// Stack of a thread that only shows that it can be started, in bytes.
const PROBE_STACK_BYTES: usize = 16 * 1024;
/// Log lines a minute about one shortage.
const LOGGED_MAX: u32 = 1;

/// How many clients the system has room for, by the limits in force at the start.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ConnectionBudget {
    /// Connections at once, at least 1.
    pub(super) connections: usize,
    /// Bytes of replies that clients have not read.
    pub(super) held_bytes: usize,
    /// Peers without a place that linger at once.
    pub(super) lingering: usize,
    /// Why these are fewer connections than configured, and what to raise; `None` where not.
    pub(super) bound: Option<String>,
}

impl ConnectionBudget {
    /// What `allowed` leaves of `limits`.
    pub(super) fn of(
        limits: &WorkerLimits,
        has_tls: bool,
        allowed: &ProcessLimits,
    ) -> ConnectionBudget {
        let configured = u64::try_from(limits.max_connections).unwrap_or(u64::MAX);
        let each = if has_tls {
            TLS_CLIENT_BYTES
        } else {
            CLIENT_BYTES
        };
        let lingering = allowed
            .descriptors
            .as_ref()
            .map_or(u64::MAX, |known| known.amount / LINGERING_PART)
            .clamp(LINGERING_MIN, LINGERING_MAX as u64);
        let memory = |known: &Allowance| (known.amount / CLIENTS_PART).saturating_sub(OWN_BYTES);
        let rooms = [
            room(allowed.tasks.as_ref(), OWN_TASKS + RESERVED_TASKS),
            room(
                allowed.descriptors.as_ref(),
                SPARE_DESCRIPTORS + 2 * lingering,
            ),
            allowed
                .memory
                .as_ref()
                .map(|known| (memory(known) / each, known)),
        ];
        let (room, bound) = rooms
            .into_iter()
            .flatten()
            .min_by_key(|(room, _)| *room)
            .map_or((u64::MAX, None), |(room, by)| (room, Some(by)));
        let connections = room.min(configured).max(1);
        let held = allowed
            .memory
            .as_ref()
            .map_or(u64::MAX, |known| (known.amount / HELD_PART).max(HELD_MIN));
        ConnectionBudget {
            connections: usize::try_from(connections).unwrap_or(usize::MAX),
            held_bytes: usize::try_from(held)
                .unwrap_or(usize::MAX)
                .min(HELD_BYTES_MAX),
            lingering: usize::try_from(lingering).unwrap_or(LINGERING_MAX),
            bound: bound
                .filter(|_| connections < configured)
                .map(|by| by.set_by.clone()),
        }
    }

    /// Tells the log, once.
    pub(super) fn tell(&self, limits: &WorkerLimits) {
        let (connections, configured) = (self.connections, limits.max_connections);
        match &self.bound {
            Some(why) => crate::warn!(
                "room for {connections} clients at once, not for the {configured} of \
                 limits.max_connections: {why}"
            ),
            None => crate::info!("room for {connections} clients at once"),
        }
    }
}

/// The clients that an allowance has room for, at one a client, when `reserved` stay free.
fn room(allowance: Option<&Allowance>, reserved: u64) -> Option<(u64, &Allowance)> {
    allowance.map(|known| (known.amount.saturating_sub(reserved), known))
}

/// Keeps room: for newcomers, and for the link before all of them.
#[derive(Debug)]
pub(super) struct ClientCapacity {
    limiter: Arc<ConnectionLimiter>,
    pub(super) strangers: Arc<Strangers>,
    logged: Throttle,
}

impl ClientCapacity {
    /// The capacity for the connections that `limiter` counts.
    pub(super) fn new(limiter: Arc<ConnectionLimiter>) -> Arc<ClientCapacity> {
        Arc::new(ClientCapacity {
            limiter,
            strangers: Arc::default(),
            logged: Throttle::new(LOGGED_MAX, Duration::from_secs(60)),
        })
    }

    /// Ends connections for a newcomer. Returns whether it has ended any.
    pub(super) fn make_room(&self, shortage: Shortage) -> bool {
        match shortage {
            Shortage::Places(missing) => {
                let ended = self.strangers.end_for(missing, Instant::now());
                if ended && let Some(more) = self.logged.allow("places") {
                    let most = self.limiter.total_max();
                    crate::warn!(
                        "all {most} places for clients are taken: connections on which nobody says \
                         anything are closed for new ones{more}"
                    );
                }
                ended
            }
            Shortage::System(error) => self.on_failure(&error),
        }
    }

    /// The system refused what a client takes. Ends some connections, and lets fewer in for a while,
    /// so that the link has what it needs. Returns whether it has ended any.
    pub(super) fn on_failure(&self, error: &io::Error) -> bool {
        let missing = Missing::of(error);
        let fewer = missing.needed();
        let most = self.limiter.lower_by(fewer, LOWERED_TIME);
        let ended = self.strangers.end_some(fewer, Instant::now());
        if let Some(more) = self.logged.allow(missing.as_str()) {
            crate::warn!(
                "the system has no more {} ({error}): {ended} connections without a login are \
                 closed, and for {LOWERED_TIME:?} at most {most} clients are served{more}; {}",
                missing.as_str(),
                missing.advice()
            );
        }
        ended > 0
    }

    /// Makes sure, before an attempt to link, that the system has what a handshake takes, and ends
    /// connections where it has not. Waits until they have closed, a few seconds at most.
    pub(super) fn keep_for_link(&self, stop: &Stop) {
        for _ in 0..ROUNDS_MAX {
            let Err(error) = try_reserve() else { return };
            if !self.on_failure(&error) || stop.is_requested() {
                return;
            }
            self.limiter.wait_for_places(0, ROOM_TIMEOUT);
        }
    }
}

/// What the system has no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Tasks,
    Descriptors,
    Memory,
}

impl Missing {
    fn of(error: &io::Error) -> Missing {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::MFILE | Errno::NFILE) => Missing::Descriptors,
            Some(Errno::NOMEM | Errno::NOBUFS) => Missing::Memory,
            Some(_) | None => Missing::Tasks,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Missing::Tasks => "tasks",
            Missing::Descriptors => "descriptors",
            Missing::Memory => "memory",
        }
    }

    /// What an administrator can do.
    fn advice(self) -> &'static str {
        match self {
            Missing::Tasks => "raise TasksMax and LimitNPROC, or lower limits.max_connections",
            Missing::Descriptors => "raise LimitNOFILE, or lower limits.max_connections",
            Missing::Memory => "raise MemoryMax, or lower limits.max_connections",
        }
    }

    /// Connections that give what a handshake takes.
    fn needed(self) -> usize {
        match self {
            Missing::Tasks | Missing::Memory => LINK_TASKS,
            Missing::Descriptors => LINK_DESCRIPTORS,
        }
    }
}

/// Takes what a handshake takes, and gives it back.
///
/// # Errors
/// What the system says that has no more of it.
fn try_reserve() -> io::Result<()> {
    let descriptors: Result<Vec<_>, Errno> = (0..LINK_DESCRIPTORS)
        .map(|_| eventfd(0, EventfdFlags::CLOEXEC))
        .collect();
    descriptors?;
    // They end when the sender is dropped.
    let (held, waiting) = bounded::<()>(0);
    let threads: io::Result<Vec<_>> = (0..LINK_TASKS)
        .map(|_| {
            let waiting = waiting.clone();
            spawn_small("reserve", PROBE_STACK_BYTES, move || {
                let _ = waiting.recv();
            })
        })
        .collect();
    drop(held);
    for thread in threads? {
        thread.join(Instant::now() + ROOM_TIMEOUT);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
