//! spec/net.md · 4.3 The Connection
//!
//! Bounds the open connections, in all and for each address.

use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

/// How many connections may be open at once.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    pub total: usize,
    pub per_ip: usize,
}

#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// Counts open connections and hands out a permit for each.
#[derive(Debug)]
pub struct ConnectionLimiter {
    limits: ConnectionLimits,
    count: Mutex<Count>,
    released: Condvar,
}

/// The right to hold one connection open. Dropping it releases it.
#[derive(Debug)]
pub struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    ip: IpAddr,
}

impl ConnectionLimiter {
    /// A limiter with no open connection.
    pub fn new(limits: ConnectionLimits) -> Arc<ConnectionLimiter> {
        Arc::new(ConnectionLimiter {
            limits,
            count: Mutex::default(),
            released: Condvar::new(),
        })
    }

    /// A permit for a peer; `None` where its address or all together have reached the limit.
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

    /// Open connections.
    pub fn open(&self) -> usize {
        self.count.lock().total
    }

    /// Waits until a permit is released, at most `timeout`. For a listener that has no descriptor
    /// left.
    pub fn wait_for_room(&self, timeout: Duration) {
        let mut count = self.count.lock();
        self.released.wait_for(&mut count, timeout);
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
        self.limiter.released.notify_all();
    }
}

/// What counts as one address: an IPv4 address, or the /64 prefix of an IPv6 address, which
/// providers assign to a household as a whole.
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
    fn an_ipv6_prefix_of_64_bits_is_one_address() {
        let ip = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(ip("2001:db8::1"), ip("2001:db8::ffff:2"));
        assert_ne!(ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        assert_eq!(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
    }

    #[test]
    fn a_dropped_permit_is_free_again() {
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 2,
            per_ip: 1,
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
