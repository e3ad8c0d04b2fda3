//! spec/runtime/neighbourhood.md · 4.1 Design Goals
//!
//! What counts as one address wherever strangers are limited, and the network around it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many neighbourhoods' shares the network around them has, however many of it ask.
pub const AROUND_SHARES: usize = 8;

/// A network whose addresses count as one: an IPv4 address, a /64 of IPv6, or the wider network
/// around one, a /24 or a /48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Neighbourhood {
    /// Its first address. The bits behind `prefix` are 0.
    network: IpAddr,
    prefix: u8,
}

impl Neighbourhood {
    /// The neighbourhood of an address. An IPv4 address in its IPv6 form counts as IPv4.
    pub fn of(ip: IpAddr) -> Neighbourhood {
        match ip.to_canonical() {
            ip @ IpAddr::V4(_) => Neighbourhood::cut(ip, 32),
            ip @ IpAddr::V6(_) => Neighbourhood::cut(ip, 64),
        }
    }

    /// The network around it: its /24 or /48, which has [`AROUND_SHARES`] times the share.
    #[must_use]
    pub fn around(self) -> Neighbourhood {
        match self.network {
            IpAddr::V4(_) => Neighbourhood::cut(self.network, self.prefix.min(24)),
            IpAddr::V6(_) => Neighbourhood::cut(self.network, self.prefix.min(48)),
        }
    }

    fn cut(ip: IpAddr, prefix: u8) -> Neighbourhood {
        let network = match ip {
            IpAddr::V4(ip) => {
                let host_bits = u32::from(32_u8.saturating_sub(prefix));
                let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(u32::from(ip) & mask))
            }
            IpAddr::V6(ip) => {
                let host_bits = u32::from(128_u8.saturating_sub(prefix));
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(u128::from(ip) & mask))
            }
        };
        Neighbourhood { network, prefix }
    }
}

impl fmt::Display for Neighbourhood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Neighbourhood {
        Neighbourhood::of(text.parse().unwrap())
    }

    #[test]
    fn an_ipv4_address_and_an_ipv6_prefix_of_64_bits_count_as_one() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
        assert_ne!(of("::"), of("0.0.0.0"));
    }

    #[test]
    fn around_it_is_a_wider_network() {
        let around = |text| of(text).around().to_string();
        assert_eq!(around("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(around("2001:db8:1:2::3"), "2001:db8:1::/48");
        assert_eq!(of("192.0.2.77").to_string(), "192.0.2.77/32");
        assert_eq!(of("2001:db8:1:2::3").to_string(), "2001:db8:1:2::/64");
        let wide = of("192.0.2.77").around();
        assert_eq!(wide.around(), wide);
        assert_ne!(of("192.0.2.0"), wide, "the address is not its network");
    }
}
