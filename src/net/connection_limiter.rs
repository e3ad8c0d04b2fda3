//! spec/net.md · 4.3 The Connection
//!
//! Bounds the open connections, in all, for each neighbourhood, and for the network around it.

use crate::runtime::neighbourhood::{AROUND_SHARES, Neighbourhood};
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections that a lowered limit still admits, where the limit itself does: a machine that is out
/// of something for a moment must not shut everybody out for a minute.
pub const LOWERED_MIN: usize = 8;

/// How many connections may be open at once.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    pub total: usize,
    /// Of a neighbourhood; the network around it may have [`AROUND_SHARES`] times as many.
    pub per_neighbourhood: usize,
}

#[derive(Debug, Default)]
struct Count {
    total: usize,
    of: HashMap<Neighbourhood, usize>,
    /// A lower limit of all together, and when it ends.
    lowered: Option<(usize, Instant)>,
}

impl Count {
    /// How many may be open in all at `now`.
    fn total_max(&self, limits: ConnectionLimits, now: Instant) -> usize {
        match self.lowered {
            Some((lowered, until)) if now < until => lowered.min(limits.total),
            Some(_) | None => limits.total,
        }
    }

    /// Whether one more connection of a neighbourhood is within its limits.
    fn fits(&self, near: Neighbourhood, near_max: usize, around_max: usize) -> bool {
        let open = |of: Neighbourhood| self.of.get(&of).copied().unwrap_or(0);
        open(near) < near_max && open(near.around()) < around_max
    }

    fn enter(&mut self, near: Neighbourhood) {
        for of in [near, near.around()] {
            *self.of.entry(of).or_default() += 1;
        }
    }

    fn leave(&mut self, near: Neighbourhood) {
        for of in [near, near.around()] {
            if let Some(open) = self.of.get_mut(&of) {
                *open -= 1;
                if *open == 0 {
                    self.of.remove(&of);
                }
            }
        }
    }
}

/// Counts open connections and hands out a permit for each.
#[derive(Debug)]
pub struct ConnectionLimiter {
    limits: Mutex<ConnectionLimits>,
    count: Mutex<Count>,
    released: Condvar,
}

/// The right to hold one connection open. Dropping it releases it.
#[derive(Debug)]
pub struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    near: Neighbourhood,
}

impl ConnectionLimiter {
    /// A limiter with no open connection.
    pub fn new(limits: ConnectionLimits) -> Arc<ConnectionLimiter> {
        Arc::new(ConnectionLimiter {
            limits: Mutex::new(limits),
            count: Mutex::default(),
            released: Condvar::new(),
        })
    }

    /// Replaces the limits. Connections that are open stay open, also beyond the new ones.
    pub fn set_limits(&self, limits: ConnectionLimits) {
        *self.limits.lock() = limits;
        self.released.notify_all();
    }

    fn limits(&self) -> ConnectionLimits {
        *self.limits.lock()
    }

    /// A permit for a peer; `None` where its neighbourhood, the network around it or all together
    /// have reached the limit.
    pub fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<ConnectionPermit> {
        let near = self.limits().per_neighbourhood;
        self.admit_within(ip, near, near.saturating_mul(AROUND_SHARES))
    }

    /// A permit for a peer whose address is no stranger's; `None` where all together have reached
    /// the limit.
    pub fn admit_known(self: &Arc<Self>, ip: IpAddr) -> Option<ConnectionPermit> {
        self.admit_within(ip, usize::MAX, usize::MAX)
    }

    fn admit_within(
        self: &Arc<Self>,
        ip: IpAddr,
        near_max: usize,
        around_max: usize,
    ) -> Option<ConnectionPermit> {
        let near = Neighbourhood::of(ip);
        let mut count = self.count.lock();
        let total_max = count.total_max(self.limits(), Instant::now());
        if count.total >= total_max || !count.fits(near, near_max, around_max) {
            return None;
        }
        count.total += 1;
        count.enter(near);
        Some(ConnectionPermit {
            limiter: Arc::clone(self),
            near,
        })
    }

    /// Connections that may be open at once.
    pub fn places(&self) -> usize {
        self.limits().total
    }

    /// Open connections.
    pub fn open(&self) -> usize {
        self.count.lock().total
    }

    /// How many may be open in all now.
    pub fn total_max(&self) -> usize {
        self.count.lock().total_max(self.limits(), Instant::now())
    }

    /// How many connections must end, so that a peer gets a permit; 0 if it gets one now. `None`
    /// where that would not help, because its neighbourhood or the network around it has reached
    /// its limit. `is_known`: its address is no stranger's.
    pub fn places_missing(&self, ip: IpAddr, is_known: bool) -> Option<usize> {
        let limits = self.limits();
        let (near, near_max) = (Neighbourhood::of(ip), limits.per_neighbourhood);
        let count = self.count.lock();
        let fits = is_known || count.fits(near, near_max, near_max.saturating_mul(AROUND_SHARES));
        let open_max = count.total_max(limits, Instant::now());
        fits.then(|| (count.total + 1).saturating_sub(open_max))
    }

    /// For the time `lasts`, admits nobody while more than so many fewer than now are open, but not
    /// less than [`LOWERED_MIN`]. A limit that is lower still stays. Returns how many may be open
    /// meanwhile.
    pub fn lower_by(&self, fewer: usize, lasts: Duration) -> usize {
        let now = Instant::now();
        let mut count = self.count.lock();
        let wanted = count.total.saturating_sub(fewer).max(LOWERED_MIN);
        let lowered = wanted.min(count.total_max(self.limits(), now));
        count.lowered = Some((lowered, now + lasts));
        lowered
    }

    /// Waits until there is room for so many more, at most `timeout`. Returns whether there is.
    pub fn wait_for_places(&self, places: usize, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut count = self.count.lock();
        loop {
            let now = Instant::now();
            if count.total.saturating_add(places) <= count.total_max(self.limits(), now) {
                return true;
            }
            if self.released.wait_until(&mut count, deadline).timed_out() {
                return false;
            }
        }
    }

    /// Waits until a permit is released, at most `timeout`. For a listener that has no descriptor
    /// left.
    pub fn wait_for_room(&self, timeout: Duration) {
        let mut count = self.count.lock();
        self.released.wait_for(&mut count, timeout);
    }
}

impl ConnectionPermit {
    /// Counts the connection as one of the neighbourhood of `ip`, for which a known peer has made
    /// it. False where that neighbourhood or the network around it has reached its limit; the
    /// permit stays as it was then.
    pub fn pass_to(&mut self, ip: IpAddr) -> bool {
        let limits = self.limiter.limits();
        let near = Neighbourhood::of(ip);
        let mut count = self.limiter.count.lock();
        count.leave(self.near);
        let near_max = limits.per_neighbourhood;
        let fits = count.fits(near, near_max, near_max.saturating_mul(AROUND_SHARES));
        if fits {
            self.near = near;
        }
        count.enter(self.near);
        fits
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut count = self.limiter.count.lock();
        count.total = count.total.saturating_sub(1);
        count.leave(self.near);
        self.limiter.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_an_ipv6_prefix_are_one() {
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 100,
            per_neighbourhood: 1,
        });
        let admit = |text: &str| limiter.admit(text.parse().unwrap());
        let _first = admit("2001:db8::1").unwrap();
        assert!(admit("2001:db8::ffff:2").is_none());
        let _mapped = admit("::ffff:192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        // Eight times as many from the network around it.
        let more: Vec<_> = (1..8)
            .map(|n| admit(&format!("2001:db8:0:{n}::1")))
            .collect();
        assert!(more.iter().all(Option::is_some));
        assert!(admit("2001:db8:0:9::1").is_none());
        assert!(admit("2001:db8:1::1").is_some());
        drop(more);
        assert!(admit("2001:db8:0:9::1").is_some());
    }

    #[test]
    fn who_is_known_is_bounded_by_the_total_alone() {
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 3,
            per_neighbourhood: 1,
        });
        let known = IpAddr::from([127, 0, 0, 1]);
        let permits = [(); 3].map(|()| limiter.admit_known(known));
        assert!(permits.iter().all(Option::is_some));
        assert!(limiter.admit_known(known).is_none());
        drop(permits);
        let _first = limiter.admit(known).unwrap();
        assert!(limiter.admit(known).is_none());
    }

    #[test]
    fn a_known_peer_passes_its_place_to_whom_it_stands_for() {
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 3,
            per_neighbourhood: 1,
        });
        let (proxy, client) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 7]));
        let mut first = limiter.admit_known(proxy).unwrap();
        assert!(first.pass_to(client));
        let mut second = limiter.admit_known(proxy).unwrap();
        assert!(!second.pass_to(client), "one an address");
        assert!(limiter.admit(client).is_none());
        assert!(
            limiter.admit(proxy).is_none(),
            "the second is still the proxy's"
        );
        drop(first);
        assert!(second.pass_to(client) && limiter.open() == 1);
        drop(second);
        assert!(limiter.count.lock().of.is_empty());
    }

    #[test]
    fn a_lowered_limit_admits_fewer_for_a_time() {
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 15,
            per_neighbourhood: 99,
        });
        let ip = IpAddr::from([127, 0, 0, 1]);
        let mut open: Vec<_> = (0..14).filter_map(|_| limiter.admit(ip)).collect();
        let long = Duration::from_secs(3_600);
        assert_eq!(limiter.lower_by(2, long), 12);
        assert!(limiter.admit(ip).is_none());
        assert!(!limiter.wait_for_places(0, Duration::ZERO));
        open.truncate(12);
        assert!(limiter.wait_for_places(0, Duration::ZERO) && limiter.admit(ip).is_none());
        assert_eq!(limiter.lower_by(0, long), 12);
        open.truncate(11);
        assert!(limiter.wait_for_places(1, Duration::ZERO));
        let _twelfth = limiter.admit(ip).unwrap();
        assert!(limiter.admit(ip).is_none());
        assert_eq!(limiter.lower_by(9, Duration::ZERO), LOWERED_MIN);
        assert_eq!(limiter.total_max(), 15, "it is over");
        assert!(limiter.admit(ip).is_some());
    }

    #[test]
    fn a_lowered_limit_leaves_some_places() {
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 100,
            per_neighbourhood: 99,
        });
        let ip = IpAddr::from([127, 0, 0, 1]);
        let _open: Vec<_> = (0..3).filter_map(|_| limiter.admit(ip)).collect();
        let long = Duration::from_secs(3_600);
        assert_eq!(limiter.lower_by(32, long), LOWERED_MIN);
        assert!(limiter.admit(ip).is_some());
        limiter.set_limits(ConnectionLimits {
            total: 3,
            per_neighbourhood: 99,
        });
        assert_eq!(limiter.lower_by(32, long), 3, "never more than the limit");
    }

    #[test]
    fn places_are_missing_only_where_the_neighbourhood_has_room() {
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 2,
            per_neighbourhood: 1,
        });
        let (a, b) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 7]));
        assert_eq!(limiter.places_missing(a, false), Some(0));
        let _first = limiter.admit(a).unwrap();
        let _second = limiter.admit_known(a).unwrap();
        assert_eq!(limiter.places_missing(b, false), Some(1));
        assert_eq!(limiter.places_missing(a, false), None);
        assert_eq!(limiter.places_missing(a, true), Some(1));
        limiter.set_limits(ConnectionLimits {
            total: 1,
            per_neighbourhood: 1,
        });
        assert_eq!(limiter.places_missing(b, false), Some(2));
    }

    #[test]
    fn a_dropped_permit_is_free_again() {
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 2,
            per_neighbourhood: 1,
        });
        let (a, b) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = limiter.admit(a).unwrap();
        assert!(limiter.admit(a).is_none(), "one an address");
        let _second = limiter.admit(b).unwrap();
        assert!(
            limiter.admit(IpAddr::from([127, 0, 0, 3])).is_none(),
            "two in all"
        );
        drop(first);
        assert_eq!(limiter.open(), 1);
        assert!(limiter.admit(a).is_some());
    }
}
