//! spec/net/connection_limiter.md · 4.3 (nothing outside may take all the room)

use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

/// How many connections may be open at once.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// In all.
    pub total: usize,
    /// From one address.
    pub per_ip: usize,
}

#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// Counts open connections and hands out places.
#[derive(Debug)]
pub struct ConnectionLimiter {
    limits: ConnectionLimits,
    count: Mutex<Count>,
    left: Condvar,
}

/// A place among the open connections; dropping it gives it back.
#[derive(Debug)]
pub struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    ip: IpAddr,
}

impl ConnectionLimiter {
    /// With nothing open.
    pub fn new(limits: ConnectionLimits) -> Arc<ConnectionLimiter> {
        Arc::new(ConnectionLimiter {
            limits,
            count: Mutex::default(),
            left: Condvar::new(),
        })
    }

    /// A place for a peer, or `None` where its address or all together have no more.
    pub fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<ConnectionPermit> {
        let ip = ip.to_canonical();
        let mut count = self.count.lock();
        let here = count.by_ip.get(&ip).copied().unwrap_or(0);
        if count.total >= self.limits.total || here >= self.limits.per_ip {
            return None;
        }
        count.total += 1;
        count.by_ip.insert(ip, here + 1);
        Some(ConnectionPermit {
            limiter: Arc::clone(self),
            ip,
        })
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.count.lock().total
    }

    /// Waits until some connection has ended, or `patience` has passed: for when descriptors ran out.
    pub fn wait_for_room(&self, patience: Duration) {
        let mut count = self.count.lock();
        self.left.wait_for(&mut count, patience);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut count = self.limiter.count.lock();
        count.total = count.total.saturating_sub(1);
        if let Some(here) = count.by_ip.get_mut(&self.ip) {
            *here -= 1;
            if *here == 0 {
                count.by_ip.remove(&self.ip);
            }
        }
        self.limiter.left.notify_all();
    }
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one, which one household has whole.
pub fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_is_one_address() {
        let ip = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(ip("2001:db8::1"), ip("2001:db8::ffff:2"));
        assert_ne!(ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        assert_eq!(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
    }

    #[test]
    fn places_come_back() {
        let limiter = ConnectionLimiter::new(ConnectionLimits { total: 2, per_ip: 1 });
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
