//! spec/cli/ctl/setup.md · 2.2 Infrastructure Model
//!
//! Addresses and ports of a worker that is set up: what it takes where nothing is said, and whether it
//! can listen there.

use super::host::{SetupHost, read_file};
use crate::config::{HostPort, WORKER_PORT, WorkerConfig};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// Where the system tells the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// How many ports behind the usual one are tried where it is taken.
const PORTS_TRIED: u16 = 100;

/// The usual port of a worker, or the next one that no other worker of this machine has and nobody uses.
pub(super) fn free_port(host: &SetupHost) -> u16 {
    let taken: Vec<u16> = other_workers(host)
        .iter()
        .flat_map(|config| {
            let web = config.web.as_ref().map(|web| web.listen.port());
            std::iter::once(config.listen.port()).chain(web)
        })
        .collect();
    let is_free = |port: &u16| {
        !taken.contains(port) && TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok()
    };
    let mut ports = WORKER_PORT..=WORKER_PORT + PORTS_TRIED;
    ports.find(is_free).unwrap_or(WORKER_PORT)
}

/// Checks that a worker can listen at an address.
///
/// # Errors
/// Another worker of this machine has the port, or the system refuses it.
pub(super) fn check_port(host: &SetupHost, listen: SocketAddr) -> Result<(), String> {
    for config in other_workers(host) {
        let web = config.web.as_ref().map(|web| web.listen);
        if collide(config.listen, listen) || web.is_some_and(|web| collide(web, listen)) {
            return Err(format!(
                "port {} is the one of worker {}: choose another with --listen",
                listen.port(),
                config.name
            ));
        }
    }
    TcpListener::bind(listen).map(drop).map_err(|error| {
        format!("it cannot listen on {listen}: {error}; choose another address with --listen")
    })
}

/// Whether two cannot listen at these addresses at the same time: they have one port, and one address, or
/// one of them has all addresses.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let (one_ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    one.port() == other.port()
        && (one_ip == other_ip || one_ip.is_unspecified() || other_ip.is_unspecified())
}

/// The configurations of all workers of this machine that can be read.
fn other_workers(host: &SetupHost) -> Vec<WorkerConfig> {
    let entries = fs::read_dir(host.etc()).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let files = names.filter(|name| name.starts_with("worker-") && name.ends_with(".toml"));
    files
        .filter_map(|name| {
            let path = host.etc().join(name);
            let text = String::from_utf8(read_file(&path).ok()?).ok()?;
            WorkerConfig::parse(&text, &path).ok()
        })
        .map(|(config, _)| config)
        .collect()
}

/// This machine's name with a port; loopback where everything is the caller's, or the machine has no
/// name that others could use.
///
/// # Errors
/// The port is 0.
pub(super) fn default_address(host: &SetupHost, port: u16) -> Result<HostPort, String> {
    let name = fs::read_to_string(HOST_NAME).unwrap_or_default();
    let name = name.trim();
    let named = (!host.is_own && !name.is_empty() && name != "localhost")
        .then(|| format!("{name}:{port}").parse().ok())
        .flatten();
    named.map_or_else(|| format!("127.0.0.1:{port}").parse(), Ok)
}

/// Loopback for an address there, and all addresses for another.
pub(super) fn default_listen(address: &HostPort) -> SocketAddr {
    let ip = match address.host().parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => ip,
        Ok(IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ if address.host() == "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, address.port())
}

/// The address of this machine from which it reaches a master. Nothing is sent.
///
/// # Errors
/// Its name has no address, or no way leads there.
pub(super) fn address_towards(master: &HostPort) -> Result<IpAddr, String> {
    let failed = |why: String| {
        format!(
            "{master}: {why}; name the address that the master sees this worker come from with --ip"
        )
    };
    let found = master
        .resolve()
        .map_err(|error| failed(error.to_string()))?;
    let to = found
        .first()
        .ok_or_else(|| failed("it has no address".to_owned()))?;
    let any = match to.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let local = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(to)?;
        socket.local_addr()
    });
    local
        .map(|local| local.ip())
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_share_a_port_on_two_addresses_alone() {
        for (one, other, expected) in [
            ("192.0.2.1:443", "192.0.2.2:443", false),
            ("192.0.2.1:443", "192.0.2.1:443", true),
            ("192.0.2.1:443", "192.0.2.1:444", false),
            ("0.0.0.0:443", "192.0.2.1:443", true),
            ("192.0.2.1:443", "[::]:443", true),
            ("[::ffff:192.0.2.1]:443", "192.0.2.1:443", true),
            ("0.0.0.0:443", "0.0.0.0:444", false),
        ] {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(collide(one, other), expected, "{one} {other}");
            assert_eq!(collide(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn a_worker_listens_where_its_address_is() {
        for (address, listen) in [
            ("eu1.example.org:2049", "0.0.0.0:2049"),
            ("192.0.2.7:443", "0.0.0.0:443"),
            ("127.0.0.1:3000", "127.0.0.1:3000"),
            ("localhost:3000", "127.0.0.1:3000"),
            ("[2001:db8::1]:2049", "[::]:2049"),
            ("[::1]:2049", "[::1]:2049"),
        ] {
            let found = default_listen(&address.parse().unwrap());
            assert_eq!(found.to_string(), listen, "{address}");
        }
        let towards = |master: &str| address_towards(&master.parse().unwrap());
        assert_eq!(towards("127.0.0.1:2048").unwrap().to_string(), "127.0.0.1");
        assert!(
            towards("no-such-host.invalid:1")
                .unwrap_err()
                .contains("--ip")
        );
    }
}
