//! spec/config.md · 2.3 Global Deployment Variables
//!
//! Types of configuration values, and the `[log]` table that both daemons share.
//!
//! Tests: `src/config/tests.rs`.

use super::reader::{ConfigTable, IfAbsent};
use crate::model::Fingerprint;
use crate::runtime::log::{LevelFilter, LogConfig, LogDestination};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// The port on which a master listens unless configured otherwise (4.3.1).
pub const MASTER_PORT: u16 = 2048;

/// The port on which a worker listens unless configured otherwise (4.3.2).
pub const WORKER_PORT: u16 = 2049;

/// Longest path of a Unix socket, in bytes, without the terminating zero.
pub(super) const SOCKET_PATH_MAX: usize = 107;

/// A host, by name or address, and a port from 1 to 65535.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// Default address of a master.
    pub(super) fn default_master() -> HostPort {
        HostPort {
            host: "127.0.0.1".to_owned(),
            port: MASTER_PORT,
        }
    }

    /// The host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Resolves the host to addresses. A DNS lookup may take seconds: do not call this in a
    /// module's thread.
    ///
    /// # Errors
    /// The name cannot be resolved.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || {
            format!("{text:?} is not HOST:PORT, such as \"eu1.example.org:2049\" or \"[::1]:2049\"")
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
        let port: u16 = port
            .parse()
            .ok()
            .filter(|parsed| *parsed > 0 && port.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or_else(form)?;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => bracketed
                .strip_suffix(']')
                .filter(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
                .ok_or_else(form)?,
            None => host,
        };
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let named = !host.is_empty() && host.len() <= 253 && host.bytes().all(letter);
        if !named && !text.starts_with('[') {
            return Err(form());
        }
        Ok(HostPort {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Reads an address to listen on. With port 0 the system chooses one.
pub(super) fn listen(table: &mut ConfigTable<'_, '_>, default: SocketAddr) -> SocketAddr {
    table.parsed("listen", IfAbsent::Default(default), |text| {
        text.parse().map_err(|_| {
            format!(
                "{text:?} is not ADDRESS:PORT, such as \"0.0.0.0:{}\"",
                default.port()
            )
        })
    })
}

/// Whether the address is a loopback address, also one written as IPv6.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Parses the URL of a provider's API and removes the slash at its end. Accepts `http:` on loopback
/// only.
pub(super) fn url(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let (plain, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return Err(format!("{text:?} does not begin with https://")),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let with_port = if authority.ends_with(']') || !authority.contains(':') {
        format!("{authority}:443")
    } else {
        authority.to_owned()
    };
    let host: HostPort = with_port
        .parse()
        .map_err(|_| format!("{text:?} is not a URL such as \"https://api.example.org\""))?;
    if !text.bytes().all(|byte| byte.is_ascii_graphic())
        || text.contains(['?', '#', '@', '"', '\\'])
    {
        return Err(format!(
            "{text:?} has characters that the URL of an API does not have"
        ));
    }
    let loopback = host.host() == "localhost" || host.host().parse().is_ok_and(is_loopback);
    if plain && !loopback {
        return Err(format!(
            "{text:?} is not encrypted: http: is accepted on loopback only, use https:"
        ));
    }
    Ok(text.to_owned())
}

/// Reads the `[log]` table.
pub(super) fn log(root: &mut ConfigTable<'_, '_>, default_file: &str) -> LogConfig {
    let mut table = root.table_or_empty("log");
    let config = LogConfig {
        to: table.parsed("to", IfAbsent::Default(LogDestination::Both), |text| {
            let named = LogDestination::NAMES.iter().find(|(name, _)| *name == text);
            named
                .map(|(_, to)| *to)
                .ok_or_else(|| format!("{text:?} is not one of file, journal, both"))
        }),
        file: table.path("file", Some(default_file)),
        level: table.parsed(
            "level",
            IfAbsent::Default(LevelFilter::Info),
            |text| match text {
                "error" => Ok(LevelFilter::Error),
                "warn" => Ok(LevelFilter::Warn),
                "info" => Ok(LevelFilter::Info),
                "debug" => Ok(LevelFilter::Debug),
                "trace" => Ok(LevelFilter::Trace),
                other => Err(format!(
                    "{other:?} is not one of error, warn, info, debug, trace"
                )),
            },
        ),
        memory_entries: table.number("memory_entries", 1000, 1, 1_000_000),
    };
    table.finish();
    config
}

/// Reads the key `home` of `[gpg]`.
pub(super) fn gpg_home(table: &mut ConfigTable<'_, '_>) -> PathBuf {
    table.path("home", Some("/etc/papertrader/gnupg"))
}

/// Reads a required fingerprint. Returns `stand_in` if it is missing or bad.
pub(super) fn fingerprint(
    table: &mut ConfigTable<'_, '_>,
    key: &'static str,
    stand_in: Fingerprint,
) -> Fingerprint {
    table.parsed(key, IfAbsent::Required(stand_in), |text| {
        // gpg prints it in groups to people.
        let digits: String = text.split_whitespace().collect();
        Fingerprint::parse(&digits).map_err(|_| {
            format!(
                "{text:?} is not a fingerprint: 40 hexadecimal digits, on the lines `fpr` of \
                 `gpg --homedir HOME --with-colons --list-keys`"
            )
        })
    })
}

/// Placeholder for a missing key of this daemon. It differs from `NO_MASTER_KEY`, so that two
/// missing keys do not count as equal.
pub(super) const NO_KEY: Fingerprint = Fingerprint::from_bytes([0; 20]);
/// Placeholder for a missing key of the master.
pub(super) const NO_MASTER_KEY: Fingerprint = Fingerprint::from_bytes([0xFF; 20]);
