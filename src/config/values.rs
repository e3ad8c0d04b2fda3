//! spec/config/values.md · 2.3 Global Deployment Variables
//!
//! The types of values that configuration keys have, and the `[log]` table that both daemons share.

use super::reader::{ConfigTable, IfAbsent};
use crate::model::Fingerprint;
use crate::runtime::log::{LevelFilter, LogConfig};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// Bytes of a Unix socket's path, without the zero at its end.
pub(super) const SOCKET_PATH_MAX: usize = 107;

/// A host, by name or address, and a port from 1 on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// Where a master listens unless told otherwise.
    pub(super) fn default_master() -> HostPort {
        HostPort {
            host: "127.0.0.1".to_owned(),
            port: 2048,
        }
    }

    /// The host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses that the host has now. A name is looked up, which may take seconds: not for module threads.
    ///
    /// # Errors
    /// The name cannot be looked up.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form =
            || format!("{text:?} is not HOST:PORT, such as \"eu1.example.org:2049\" or \"[::1]:2049\"");
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

/// An address to listen on. Port 0 lets the system choose.
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

/// Whether only this machine reaches the address.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The URL of an assets API, without a slash at its end. Only this machine is spoken to without encryption.
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
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['?', '#', '@', '"', '\\']) {
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

/// The `[log]` table.
pub(super) fn log(root: &mut ConfigTable<'_, '_>, default_file: &str) -> LogConfig {
    let mut table = root.table_or_empty("log");
    let config = LogConfig {
        file: table.path("file", Some(default_file)),
        level: table.parsed("level", IfAbsent::Default(LevelFilter::Info), |text| match text {
            "error" => Ok(LevelFilter::Error),
            "warn" => Ok(LevelFilter::Warn),
            "info" => Ok(LevelFilter::Info),
            "debug" => Ok(LevelFilter::Debug),
            "trace" => Ok(LevelFilter::Trace),
            other => Err(format!("{other:?} is not one of error, warn, info, debug, trace")),
        }),
        memory_entries: table.number("memory_entries", 1000, 1, 1_000_000),
    };
    table.finish();
    config
}

/// The key `home` of `[gpg]`.
pub(super) fn gpg_home(table: &mut ConfigTable<'_, '_>) -> PathBuf {
    table.path("home", Some("/etc/papertrader/gnupg"))
}

/// A fingerprint, which has no default; `stand_in` is no key's, and is read where there is none.
pub(super) fn fingerprint(
    table: &mut ConfigTable<'_, '_>,
    key: &'static str,
    stand_in: Fingerprint,
) -> Fingerprint {
    table.parsed(key, IfAbsent::Required(stand_in), |text| {
        Fingerprint::parse(text).map_err(|_| {
            format!(
                "{text:?} is not a fingerprint: 40 hexadecimal digits, on the lines `fpr` of \
                 `gpg --homedir HOME --with-colons --list-keys`"
            )
        })
    })
}

/// Stands in for a key that is missing; two that are missing are not the same.
pub(super) const NO_KEY: Fingerprint = Fingerprint::from_bytes([0; 20]);
/// The same for the master's key.
pub(super) const NO_MASTER_KEY: Fingerprint = Fingerprint::from_bytes([0xFF; 20]);
