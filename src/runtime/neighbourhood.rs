//! spec/runtime/neighbourhood.md · 4.1 Design Goals
//!
//! What counts as one address wherever strangers are limited, the network around it, and networks
//! that a configuration names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

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

/// An address, or a network of addresses as `network/bits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpPrefix(Neighbourhood);

impl IpPrefix {
    /// Whether the address is of this network. An IPv4 address in its IPv6 form counts as IPv4.
    pub fn contains(self, ip: IpAddr) -> bool {
        Neighbourhood::cut(ip.to_canonical(), self.0.prefix) == self.0
    }
}

impl FromStr for IpPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<IpPrefix, String> {
        let form = || {
            format!(
                "{text:?} is not an IP address or network, such as \"192.0.2.1\" or \"2001:db8::/32\""
            )
        };
        let (ip, bits) = match text.split_once('/') {
            Some((ip, bits)) => (ip, Some(bits)),
            None => (text, None),
        };
        let ip: IpAddr = ip.parse().map_err(|_| form())?;
        if ip != ip.to_canonical() {
            return Err(format!("{text:?}: write it as the IPv4 address that it is"));
        }
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = match bits {
            None => most,
            Some(bits) => Some(bits)
                .filter(|bits| bits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|bits| bits.parse().ok())
                .filter(|bits| *bits <= most)
                .ok_or_else(form)?,
        };
        let cut = Neighbourhood::cut(ip, prefix);
        if cut.network != ip {
            return Err(format!(
                "{text:?} has bits behind its first {prefix}: {cut} is meant?"
            ));
        }
        Ok(IpPrefix(cut))
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = if self.0.network.is_ipv4() { 32 } else { 128 };
        if self.0.prefix == most {
            write!(f, "{}", self.0.network)
        } else {
            write!(f, "{}", self.0)
        }
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
    fn a_prefix_is_an_address_or_a_network() {
        let prefix = |text: &str| text.parse::<IpPrefix>();
        let has = |text: &str, ip: &str| prefix(text).unwrap().contains(ip.parse().unwrap());
        assert!(has("192.0.2.1", "192.0.2.1") && has("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!has("192.0.2.1", "192.0.2.2") && !has("192.0.2.1", "2001:db8::1"));
        assert!(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.0"));
        assert!(has("2001:db8::/32", "2001:db8:ffff::1") && !has("2001:db8::/32", "2001:db9::"));
        assert!(has("0.0.0.0/0", "203.0.113.9") && !has("0.0.0.0/0", "::1"));
        assert!(has("::/0", "::1") && !has("::/0", "203.0.113.9"));
        for text in ["192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "::1"] {
            assert_eq!(prefix(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "a",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "2001:db8::/129",
            "2001:db8::1/32",
            "::ffff:10.0.0.1",
            "10.0.0.1:2049",
        ] {
            assert!(prefix(text).is_err(), "{text}");
        }
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
