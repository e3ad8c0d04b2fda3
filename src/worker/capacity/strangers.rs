//! spec/worker/capacity.md · 3.2.3 Client Management
//!
//! Connections on which nobody has logged in. They are the first to go where there are too many.
//!
//! Tests: `src/worker/tests.rs`, `tests/suite/worker/pressure.rs`.

use super::super::client::WorkerClient;
use crate::model::ProtocolFault;
use crate::wire::ProtocolError;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection is not closed for others before so much time has passed without a byte of it.
pub const QUIET_MIN: Duration = Duration::from_secs(2);
/// What a connection is told that is closed for others.
const CLOSED_FOR_OTHERS: ProtocolError = ProtocolError::new(
    ProtocolFault::TooManyConnections,
    "closed to make room: nobody has logged in here; connect again when there is something to ask",
);

/// The connections on which nobody has logged in, by their numbers, which ascend.
#[derive(Debug, Default)]
pub(in crate::worker) struct Strangers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Those that had said nothing when they were last looked at.
    silent: BTreeMap<u64, Arc<WorkerClient>>,
    /// Those that have said something.
    heard: HashMap<u64, Arc<WorkerClient>>,
}

/// A connection's entry. Dropping it removes it.
#[derive(Debug)]
pub(in crate::worker) struct StrangerEntry {
    strangers: Arc<Strangers>,
    number: u64,
}

impl Drop for StrangerEntry {
    fn drop(&mut self) {
        let mut known = self.strangers.0.lock();
        known.silent.remove(&self.number);
        known.heard.remove(&self.number);
    }
}

impl Strangers {
    /// Adds a new connection.
    pub(in crate::worker) fn join(self: &Arc<Self>, client: &Arc<WorkerClient>) -> StrangerEntry {
        let number = client.connection.number;
        self.0.lock().silent.insert(number, Arc::clone(client));
        StrangerEntry {
            strangers: Arc::clone(self),
            number,
        }
    }

    /// Ends `count` connections that never said anything, the oldest first, or none where there are
    /// not so many: nobody goes where that would make no room. Returns whether it has.
    pub(in crate::worker) fn end_for(&self, count: usize, now: Instant) -> bool {
        let mut known = self.0.lock();
        let found = known.take_silent(count, now);
        if found.len() < count {
            known.silent.extend(found);
            return false;
        }
        drop(known);
        end(found.into_values()) > 0
    }

    /// Ends up to `count` connections that never said anything, the oldest first. Returns how many.
    fn end_silent(&self, count: usize, now: Instant) -> usize {
        let found = self.0.lock().take_silent(count, now);
        end(found.into_values())
    }

    /// Ends up to `count` connections: those that never said anything, the oldest first, then those
    /// that have been quiet for longest. Returns how many.
    pub(in crate::worker) fn end_some(&self, count: usize, now: Instant) -> usize {
        let silent = self.end_silent(count, now);
        let mut known = self.0.lock();
        let (spoke, silent_still) = std::mem::take(&mut known.silent)
            .into_iter()
            .partition(|(_, client)| client.last_heard().is_some());
        known.silent = silent_still;
        known.heard.extend::<BTreeMap<_, _>>(spoke);
        known.heard.retain(|_, client| !client.has_logged_in());
        let mut quiet: Vec<(Duration, u64)> = known
            .heard
            .iter()
            // Whose login waits for the master is quiet, and no stranger for long.
            .filter(|(_, client)| !client.connection.is_owed())
            .map(|(number, client)| (client.quiet_for(now), *number))
            .filter(|(quiet, _)| *quiet >= QUIET_MIN)
            .collect();
        quiet.sort_unstable_by(|a, b| b.cmp(a));
        let ended: Vec<_> = quiet
            .iter()
            .take(count - silent)
            .filter_map(|(_, number)| known.heard.remove(number))
            .collect();
        drop(known);
        silent + end(ended)
    }
}

impl Known {
    /// Takes out up to `count` connections that never said anything, the oldest first.
    fn take_silent(&mut self, count: usize, now: Instant) -> BTreeMap<u64, Arc<WorkerClient>> {
        let mut taken = BTreeMap::new();
        while taken.len() < count
            && let Some((number, client)) = self.silent.pop_first()
        {
            if client.last_heard().is_some() {
                self.heard.insert(number, client);
            } else if client.quiet_for(now) < QUIET_MIN {
                // All behind it are younger.
                self.silent.insert(number, client);
                break;
            } else {
                taken.insert(number, client);
            }
        }
        taken
    }
}

/// Ends connections. Returns how many.
fn end(clients: impl IntoIterator<Item = Arc<WorkerClient>>) -> usize {
    let mut ended = 0;
    for client in clients {
        client.connection.end_for_room(CLOSED_FOR_OTHERS);
        ended += 1;
    }
    ended
}
