//! spec/net/held_bytes.md · 4.3 The Connection
//!
//! Counts the bytes that all connections of a daemon hold: of all of them, of each neighbourhood,
//! and of the network around it. Beyond the bound, whoever holds most is cut.
//!
//! Tests: `src/net/tests.rs`.

use crate::runtime::neighbourhood::{AROUND_SHARES, Neighbourhood};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

/// Unsent and parked bytes of all connections of a daemon at most.
pub const HELD_BYTES_MAX: usize = 1 << 30;
/// A network may ask for more while it holds less than so many times what nobody holds, and one
/// neighbourhood of it while it holds less than that once. So a lone network gets three quarters.
const AROUND_SHARE: usize = 3;

/// A connection that holds bytes.
pub trait ByteHolder: Send + Sync {
    /// Cuts the connection, so that it holds nothing. `total` is what all of them hold.
    fn cut_for_room(&self, total: usize);
}

/// The bytes of all connections.
pub struct HeldBytes {
    bytes_max: usize,
    total: AtomicUsize,
    state: Mutex<Holders>,
}

#[derive(Default)]
struct Holders {
    /// The bytes of each network with a connection. Who counts them keeps them.
    networks: HashMap<Neighbourhood, Weak<AtomicUsize>>,
    connections: HashMap<u64, Holder>,
}

/// An entry of a connection.
struct Holder {
    near: Neighbourhood,
    own: Arc<AtomicUsize>,
    connection: Weak<dyn ByteHolder>,
}

/// What one connection holds. Dropping it takes its bytes off the sums.
pub struct HeldShare {
    all: Arc<HeldBytes>,
    number: u64,
    near: Neighbourhood,
    own: Arc<AtomicUsize>,
    of_near: Arc<AtomicUsize>,
    of_around: Arc<AtomicUsize>,
}

impl HeldBytes {
    /// Sums of nothing, with the bound `bytes_max`.
    pub fn new(bytes_max: usize) -> Arc<HeldBytes> {
        Arc::new(HeldBytes {
            bytes_max,
            total: AtomicUsize::new(0),
            state: Mutex::default(),
        })
    }

    /// Bytes of all connections.
    pub fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Whether the connections hold more than the bound.
    pub fn is_over(&self) -> bool {
        self.total() > self.bytes_max
    }

    /// Counts a new connection, which holds nothing yet. `number` is unique among the connections.
    pub fn join(
        self: &Arc<Self>,
        number: u64,
        ip: IpAddr,
        connection: Weak<dyn ByteHolder>,
    ) -> HeldShare {
        let near = Neighbourhood::of(ip);
        let own = Arc::new(AtomicUsize::new(0));
        let mut state = self.state.lock();
        let of_near = state.network(near);
        let of_around = state.network(near.around());
        let holder = Holder {
            near,
            own: Arc::clone(&own),
            connection,
        };
        state.connections.insert(number, holder);
        drop(state);
        HeldShare {
            all: Arc::clone(self),
            number,
            near,
            own,
            of_near,
            of_around,
        }
    }

    /// Cuts connections until all together hold no more than the bound: of the network that holds
    /// most for each of its shares, of its neighbourhood that holds most, the connection that holds
    /// most.
    pub fn make_room(&self) {
        if !self.is_over() {
            return;
        }
        let mut holders = HolderTree::new(&self.state.lock());
        while self.is_over()
            && let Some(connection) = holders.take_fattest()
        {
            if let Some(connection) = connection.upgrade() {
                connection.cut_for_room(self.total());
            }
        }
    }
}

impl Holders {
    /// The bytes of a network.
    fn network(&mut self, network: Neighbourhood) -> Arc<AtomicUsize> {
        let known = self.networks.get(&network).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let bytes = Arc::new(AtomicUsize::new(0));
            self.networks.insert(network, Arc::downgrade(&bytes));
            bytes
        })
    }

    /// Forgets a network that nobody counts bytes of.
    fn forget_if_gone(&mut self, network: Neighbourhood) {
        if let Some(bytes) = self.networks.get(&network)
            && bytes.strong_count() == 0
        {
            self.networks.remove(&network);
        }
    }
}

/// The connections that held bytes at one time, by network and neighbourhood.
struct HolderTree(BTreeMap<Neighbourhood, BTreeMap<Neighbourhood, Vec<HeldBefore>>>);

/// A connection and what it held.
type HeldBefore = (usize, Weak<dyn ByteHolder>);

impl HolderTree {
    fn new(holders: &Holders) -> HolderTree {
        let mut networks: BTreeMap<_, BTreeMap<_, Vec<HeldBefore>>> = BTreeMap::new();
        for holder in holders.connections.values() {
            let held = holder.own.load(Ordering::Relaxed);
            if held > 0 {
                let network = networks.entry(holder.near.around()).or_default();
                let near = network.entry(holder.near).or_default();
                near.push((held, Weak::clone(&holder.connection)));
            }
        }
        for near in networks.values_mut().flat_map(BTreeMap::values_mut) {
            near.sort_unstable_by_key(|(held, _)| *held);
        }
        HolderTree(networks)
    }

    /// Takes out the connection that is cut next.
    fn take_fattest(&mut self) -> Option<Weak<dyn ByteHolder>> {
        let sum = |near: &Vec<HeldBefore>| near.iter().map(|(held, _)| held).sum::<usize>();
        let fatness = |network: &BTreeMap<_, Vec<HeldBefore>>| {
            let shares = network.len().clamp(1, AROUND_SHARES);
            network.values().map(sum).sum::<usize>() / shares
        };
        let around = *self.0.iter().max_by_key(|(_, network)| fatness(network))?.0;
        let network = self.0.get_mut(&around)?;
        let fattest = *network.iter().max_by_key(|(_, near)| sum(near))?.0;
        let near = network.get_mut(&fattest)?;
        let (_, connection) = near.pop()?;
        if near.is_empty() {
            network.remove(&fattest);
        }
        if network.is_empty() {
            self.0.remove(&around);
        }
        Some(connection)
    }
}

impl HeldShare {
    /// Counts that the connection's bytes went from `before` to `after`. Returns whether all
    /// together hold too much since then.
    #[must_use = "beyond the bound, room must be made"]
    pub fn count(&self, before: usize, after: usize) -> bool {
        if after == before {
            return false;
        }
        for sum in [&self.own, &self.of_near, &self.of_around, &self.all.total] {
            if after > before {
                sum.fetch_add(after - before, Ordering::Relaxed);
            } else {
                sum.fetch_sub(before - after, Ordering::Relaxed);
            }
        }
        after > before && self.all.is_over()
    }

    /// Whether the connection may ask for a large reply: its neighbourhood holds less than nobody
    /// does, and the network around it less than three times that.
    pub fn may_ask(&self) -> bool {
        let free = self.all.bytes_max.saturating_sub(self.all.total());
        self.of_near.load(Ordering::Relaxed) < free
            && self.of_around.load(Ordering::Relaxed) < free.saturating_mul(AROUND_SHARE)
    }
}

impl Drop for HeldShare {
    fn drop(&mut self) {
        let _ = self.count(self.own.load(Ordering::Relaxed), 0);
        let mut state = self.all.state.lock();
        state.connections.remove(&self.number);
        // The sums that this share keeps go before their networks are looked at.
        self.of_near = Arc::default();
        self.of_around = Arc::default();
        state.forget_if_gone(self.near);
        state.forget_if_gone(self.near.around());
    }
}
