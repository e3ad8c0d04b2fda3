//! spec/config/web.md · 2.3 Global Deployment Variables, of a worker
//!
//! `[web]`: where a worker serves the page and WebSocket, and which addresses browsers may use.
//!
//! Tests: `src/config/tests.rs`.

use super::reader::{self, ConfigReport, ConfigTable, IfAbsent};
use super::values;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The default port of the page.
pub const WEB_PORT: u16 = 2050;
/// Most origins.
const ORIGINS_MAX: usize = 64;
/// Longest name of a host, in bytes.
const HOST_MAX: usize = 253;

/// `[web]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebConfig {
    /// Address that browsers connect to.
    pub listen: SocketAddr,
    /// Origins of this deployment's pages, beside the address's own.
    pub origins: Vec<WebOrigin>,
    /// Whether browsers beyond loopback may use plain text.
    pub allow_plaintext: bool,
}

/// The origin of a page: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebOrigin {
    is_https: bool,
    host: WebHost,
    port: u16,
}

/// A host, as browsers compare them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum WebHost {
    Address(IpAddr),
    /// In lower case.
    Name(String),
}

impl WebHost {
    fn parse(text: &str) -> Option<WebHost> {
        if let Some(address) = text.strip_prefix('[') {
            let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
            return Some(WebHost::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(WebHost::Address(address.into()));
        }
        let is_letter =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let is_name = !text.is_empty() && text.len() <= HOST_MAX && text.bytes().all(is_letter);
        is_name.then(|| WebHost::Name(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for WebHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebHost::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            WebHost::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            WebHost::Name(name) => f.write_str(name),
        }
    }
}

/// A host and a port, if there is one, as a field Host has them.
fn host_and_port(text: &str) -> Option<(WebHost, Option<u16>)> {
    // A colon in brackets belongs to the address.
    let ends_at = text.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match text.get(ends_at..)?.find(':') {
        Some(at) => text.split_at(ends_at + at),
        None => (text, ""),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|port| *port > 0)?)
        }
        Some(_) => return None,
        None => None,
    };
    Some((WebHost::parse(host)?, port))
}

impl WebOrigin {
    /// That of a page at this address.
    pub fn of(is_https: bool, address: SocketAddr) -> WebOrigin {
        WebOrigin {
            is_https,
            host: WebHost::Address(address.ip()),
            port: address.port(),
        }
    }

    /// The same by the name `localhost`, where its address is of loopback.
    pub fn localhost(&self) -> Option<WebOrigin> {
        let is_loopback = match &self.host {
            WebHost::Address(address) => values::is_loopback(*address),
            WebHost::Name(_) => false,
        };
        is_loopback.then(|| WebOrigin {
            host: WebHost::Name("localhost".to_owned()),
            ..self.clone()
        })
    }

    /// Reads `https://host` or `http://host`, with or without a port.
    pub fn parse(text: &str) -> Option<WebOrigin> {
        let (scheme, rest) = text.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let (host, port) = host_and_port(rest)?;
        let port = port.unwrap_or(default_port(is_https));
        Some(WebOrigin {
            is_https,
            host,
            port,
        })
    }

    /// Whether a field Host of this value means the origin.
    pub fn is_host(&self, value: &str) -> bool {
        host_and_port(value).is_some_and(|(host, port)| {
            let port = port.unwrap_or(default_port(self.is_https));
            host == self.host && port == self.port
        })
    }

    /// The origin of its WebSocket, as a Content-Security-Policy has it.
    pub fn websocket(&self) -> String {
        let scheme = if self.is_https { "wss" } else { "ws" };
        format!("{scheme}://{}", self.authority())
    }

    fn authority(&self) -> String {
        if self.port == default_port(self.is_https) {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether browsers take a page of it for safe, so that it can sign in.
    fn is_trustworthy(&self) -> bool {
        match &self.host {
            _ if self.is_https => true,
            WebHost::Address(address) => values::is_loopback(*address),
            WebHost::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

/// Reads the table.
pub(super) fn web(mut table: ConfigTable<'_, '_>) -> WebConfig {
    let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), WEB_PORT);
    let web = WebConfig {
        listen: values::listen(&mut table, default),
        origins: table.value("origins", IfAbsent::Default(Vec::new()), |value| {
            let texts = reader::texts(value)?;
            if texts.len() > ORIGINS_MAX {
                return Err(format!("these are more than {ORIGINS_MAX} origins"));
            }
            texts.into_iter().map(origin).collect()
        }),
        allow_plaintext: table.flag("allow_plaintext", false),
    };
    for origin in web.origins.iter().filter(|origin| !origin.is_trustworthy()) {
        table.report().warn(
            "web.origins",
            format!(
                "browsers let nobody sign in on {origin}: a page beyond this machine needs https"
            ),
        );
    }
    table.finish();
    web
}

fn origin(text: &str) -> Result<WebOrigin, String> {
    WebOrigin::parse(text).ok_or_else(|| {
        format!(
            "{text:?} is not an origin, such as \"https://trade.example.org\": a scheme, a host and at \
             most a port, and nothing behind it"
        )
    })
}

/// Checks that browsers beyond loopback speak TLS, and that the two ports differ.
pub(super) fn check(web: &WebConfig, clients: SocketAddr, has_tls: bool, report: &ConfigReport) {
    let address = web.listen;
    if address == clients && address.port() != 0 {
        report.problem(
            "web.listen",
            format!("{address} is where clients connect; the page needs another port"),
        );
    }
    if has_tls || values::is_loopback(address.ip()) {
        return;
    }
    if web.allow_plaintext {
        report.warn(
            "web.allow_plaintext",
            format!("what browsers send and see travels unencrypted to {address}"),
        );
    } else {
        report.problem(
            "web.listen",
            format!(
                "{address} is beyond loopback, and browsers there would speak in plain text: add [tls] with \
                 certificate and key, or set allow_plaintext = true in [web], where something else encrypts"
            ),
        );
    }
}
