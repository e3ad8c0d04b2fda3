//! spec/config.md · 2.3 Global Deployment Variables
//!
//! The URL of a database on a PostgreSQL server, as its own programs write it.

use postgres::Config;
use postgres::config::{Host, SslMode};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How a PostgreSQL URL begins.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// The value of `sslrootcert` that means the certificates that the system trusts.
const SYSTEM_ROOTS: &str = "system";
/// How long a connection to one host may take, where the URL has no `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged by the host's network, where the URL has no
/// `tcp_user_timeout`. Then the connection counts as lost.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection is idle before its network is asked whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// Time between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// Questions without an answer until the connection counts as lost.
const KEEPALIVE_RETRIES: u32 = 3;
/// The name under which the server lists the master's sessions, where the URL has none.
const APPLICATION_NAME: &str = "papertrader-master";

/// For how long a master leads once it has said that it does, where the configuration has no `lease`.
pub(super) const LEASE: Duration = Duration::from_secs(6);

/// How a connection to a PostgreSQL server is protected: libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresTls {
    /// `disable`: plain text.
    Disable,
    /// `prefer`: TLS where the server has it, to whoever answers.
    Prefer,
    /// `require`: TLS, to whoever answers.
    Require,
    /// `verify-ca`: TLS, to a server whose certificate chains to the roots.
    VerifyCa,
    /// `verify-full`: the same, and the certificate is for the host's name.
    VerifyFull,
}

impl PostgresTls {
    fn parse(word: &str) -> Result<PostgresTls, String> {
        Ok(match word {
            "disable" => PostgresTls::Disable,
            "prefer" => PostgresTls::Prefer,
            "require" => PostgresTls::Require,
            "verify-ca" => PostgresTls::VerifyCa,
            "verify-full" => PostgresTls::VerifyFull,
            other => {
                return Err(format!(
                    "sslmode={other} is none of disable, prefer, require, verify-ca and verify-full"
                ));
            }
        })
    }

    /// Whether the server's certificate is verified.
    pub fn is_verifying(self) -> bool {
        matches!(self, PostgresTls::VerifyCa | PostgresTls::VerifyFull)
    }
}

/// A database on a PostgreSQL server, and how it is reached.
#[derive(Clone)]
pub struct PostgresUrl {
    /// As it was written. It has no password.
    text: String,
    connection: Config,
    /// How each host is reached, one connection a host.
    hosts: Vec<Config>,
    tls: PostgresTls,
    /// `None`: the certificates that the system trusts.
    root_certificate: Option<PathBuf>,
    password_file: Option<PathBuf>,
    lease: Duration,
}

/// All the rest follows from the text.
impl PartialEq for PostgresUrl {
    fn eq(&self, other: &PostgresUrl) -> bool {
        self.text == other.text
            && self.password_file == other.password_file
            && self.lease == other.lease
    }
}

impl Eq for PostgresUrl {}

/// The URL alone: no secret is ever in it.
impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.text)
    }
}

impl PostgresUrl {
    /// Whether a text is a URL of PostgreSQL's.
    pub fn is_one(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    /// Parses a URL.
    ///
    /// # Errors
    /// It has a password, no user, no database, no host, or a part that PostgreSQL's URLs have not.
    pub fn parse(text: &str) -> Result<PostgresUrl, String> {
        let (base, parameters) = text.split_once('?').unwrap_or((text, ""));
        let mut others = Vec::new();
        let (mut tls, mut root_certificate) = (None, None);
        for parameter in parameters.split('&').filter(|it| !it.is_empty()) {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match key {
                "sslmode" => tls = Some(PostgresTls::parse(value)?),
                "sslrootcert" if value == SYSTEM_ROOTS => root_certificate = None,
                "sslrootcert" => root_certificate = Some(certificate_path(value)?),
                _ => others.push(parameter),
            }
        }
        let plain = match others.as_slice() {
            [] => base.to_owned(),
            others => format!("{base}?{}", others.join("&")),
        };
        let connection: Config = plain.parse().map_err(|error: postgres::Error| {
            let why = std::error::Error::source(&error).map(|why| format!(": {why}"));
            format!("{error}{}", why.unwrap_or_default())
        })?;
        check_parts(&connection)?;
        let hosts = each_host(&plain)
            .filter(|hosts| hosts.len() == connection.get_hosts().len())
            .unwrap_or_else(|| vec![connection.clone()]);
        let is_near = connection.get_hosts().iter().all(is_near);
        let default = if is_near {
            PostgresTls::Prefer
        } else {
            PostgresTls::VerifyFull
        };
        let mut tls = tls.unwrap_or(default);
        // As libpq: who names a root wants it used.
        if tls == PostgresTls::Require && root_certificate.is_some() {
            tls = PostgresTls::VerifyCa;
        }
        let mut url = PostgresUrl {
            text: text.to_owned(),
            connection,
            hosts,
            tls,
            root_certificate,
            password_file: None,
            lease: LEASE,
        };
        let ssl_mode = match url.tls {
            // TLS needs a host's name, which a socket of this machine has not.
            _ if url.has_socket() => SslMode::Disable,
            PostgresTls::Disable => SslMode::Disable,
            PostgresTls::Prefer => SslMode::Prefer,
            PostgresTls::Require | PostgresTls::VerifyCa | PostgresTls::VerifyFull => {
                SslMode::Require
            }
        };
        let all = std::iter::once(&mut url.connection).chain(&mut url.hosts);
        all.for_each(|it| complete(it, ssl_mode));
        Ok(url)
    }

    /// The same, with the file that has the password.
    pub fn with_password_file(self, file: Option<PathBuf>) -> PostgresUrl {
        PostgresUrl {
            password_file: file,
            ..self
        }
    }

    /// The same, with the time for which a master leads once it has said that it does.
    pub fn with_lease(self, lease: Duration) -> PostgresUrl {
        PostgresUrl { lease, ..self }
    }

    /// For how long a master leads once it has said that it does.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// The URL, which has no password.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Hosts, ports, user, database and time-outs, without a password.
    pub fn connection(&self) -> &Config {
        &self.connection
    }

    /// The same for each host alone, in the order in which they are tried.
    pub fn hosts(&self) -> &[Config] {
        &self.hosts
    }

    /// How connections are protected.
    pub fn tls(&self) -> PostgresTls {
        self.tls
    }

    /// The file with the certificates to which the server's must chain; `None`: those of the system.
    pub fn root_certificate(&self) -> Option<&PathBuf> {
        self.root_certificate.as_ref()
    }

    /// The file with the password; `None`: the server asks for none.
    pub fn password_file(&self) -> Option<&PathBuf> {
        self.password_file.as_ref()
    }

    /// The name of the user.
    pub fn user(&self) -> &str {
        self.connection.get_user().unwrap_or_default()
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        self.connection.get_dbname().unwrap_or_default()
    }

    /// Whether a host is a socket of this machine.
    fn has_socket(&self) -> bool {
        let is_socket = |host: &Host| matches!(host, Host::Unix(_));
        self.connection.get_hosts().iter().any(is_socket)
    }

    /// What an administrator should know of the protection of the connections; `None` where it is as
    /// it should be.
    pub fn weakness(&self) -> Option<String> {
        let is_near = self.connection.get_hosts().iter().all(is_near);
        (!is_near && self.tls != PostgresTls::VerifyFull).then(|| {
            "whoever is between this machine and the database can read and change what passes: end the URL with \
             sslmode=verify-full&sslrootcert=/path/of/the/CA.crt"
                .to_owned()
        })
    }
}

/// What a URL leaves out.
fn complete(it: &mut Config, ssl_mode: SslMode) {
    it.ssl_mode(ssl_mode);
    if it.get_application_name().is_none() {
        it.application_name(APPLICATION_NAME);
    }
    if it.get_connect_timeout().is_none() {
        it.connect_timeout(CONNECT_TIMEOUT);
    }
    if it.get_tcp_user_timeout().is_none() {
        it.tcp_user_timeout(UNACKNOWLEDGED_TIMEOUT);
    }
    it.keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES);
}

/// A URL of one host for each host that stands in this one. `None`: they stand elsewhere, too, or
/// belong together in another way.
fn each_host(url: &str) -> Option<Vec<Config>> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let (user, hosts) = authority.rsplit_once('@')?;
    let alone = hosts.split(',').map(|host| {
        let alone: Config = format!("{scheme}://{user}@{host}/{path}").parse().ok()?;
        (alone.get_hosts().len() == 1).then_some(alone)
    });
    alone.collect()
}

/// Whether a host is this machine.
fn is_near(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

fn certificate_path(value: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(value);
    if path.is_absolute() && !value.contains(['%', '\0']) {
        return Ok(path);
    }
    Err(format!(
        "sslrootcert={value} is neither a whole path, from / on, nor `{SYSTEM_ROOTS}`"
    ))
}

/// Checks that a URL names what it must, and nothing secret.
fn check_parts(connection: &Config) -> Result<(), String> {
    const FORM: &str = "postgres://USER@HOST/DATABASE";
    if connection.get_password().is_some() {
        return Err(
            "a password does not belong into the URL, which is shown: put it into a file of its own, and name that \
             in database.password_file"
                .to_owned(),
        );
    }
    let missing = if connection.get_user().is_none_or(str::is_empty) {
        "user"
    } else if connection.get_hosts().is_empty() {
        "host"
    } else if connection.get_dbname().is_none_or(str::is_empty) {
        "database"
    } else {
        return Ok(());
    };
    Err(format!("the URL names no {missing}: it is {FORM}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postgres::config::TargetSessionAttrs;

    #[test]
    fn hosts_user_and_database_are_read_and_the_rest_is_completed() {
        let url =
            PostgresUrl::parse("postgres://pt@h1,h2:5433/trade?target_session_attrs=read-write")
                .unwrap();
        assert_eq!((url.user(), url.database()), ("pt", "trade"));
        assert_eq!(url.connection().get_hosts().len(), 2);
        assert_eq!(url.connection().get_ports(), [5432, 5433]);
        assert_eq!(
            url.connection().get_connect_timeout(),
            Some(&CONNECT_TIMEOUT)
        );
        let hosts = url.hosts();
        assert_eq!(hosts.len(), 2);
        assert_eq!(hosts[1].get_hosts(), &url.connection().get_hosts()[1..]);
        assert_eq!(hosts[1].get_ports(), [5433]);
        assert_eq!(
            hosts[1].get_target_session_attrs(),
            TargetSessionAttrs::ReadWrite
        );
        assert_eq!(hosts[1].get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        assert_eq!(url.tls(), PostgresTls::VerifyFull, "beyond this machine");
        assert_eq!(url.weakness(), None);
        assert!(!format!("{url:?}").contains("Config"));
    }

    #[test]
    fn this_machine_needs_no_certificate_and_another_one_warns_without() {
        for near in ["127.0.0.1", "localhost", "[::1]", "%2Frun%2Fpostgresql"] {
            let url = PostgresUrl::parse(&format!("postgres://pt@{near}/trade")).unwrap();
            assert_eq!(url.tls(), PostgresTls::Prefer, "{near}");
            assert_eq!(url.weakness(), None, "{near}");
        }
        for (mode, expected) in [
            ("require", PostgresTls::Require),
            ("disable", PostgresTls::Disable),
            ("verify-ca", PostgresTls::VerifyCa),
            ("require&sslrootcert=/etc/ca.crt", PostgresTls::VerifyCa),
        ] {
            let url =
                PostgresUrl::parse(&format!("postgresql://pt@db/trade?sslmode={mode}")).unwrap();
            assert_eq!(url.tls(), expected, "{mode}");
            assert!(url.weakness().is_some(), "{mode}");
        }
        let named = "postgres://pt@db/trade?host=other";
        assert_eq!(PostgresUrl::parse(named).unwrap().hosts().len(), 1);
        let url = "postgres://pt@db/trade?sslmode=verify-full&sslrootcert=system";
        assert_eq!(PostgresUrl::parse(url).unwrap().root_certificate(), None);
    }

    #[test]
    fn what_is_missing_wrong_or_secret_is_named() {
        for (text, says) in [
            ("postgres://pt:secret@h/d", "database.password_file"),
            (
                "postgres://pt@h/d?password=secret",
                "database.password_file",
            ),
            ("postgres://h/d", "no user"),
            ("postgres://pt@h", "no database"),
            ("postgres://pt@/d", "no host"),
            ("postgres://pt@h:x/d", "port"),
            ("postgres://pt@h/d?sslmode=on", "none of disable"),
            ("postgres://pt@h/d?sslrootcert=ca.crt", "whole path"),
            ("postgres://pt@h/d?colour=red", "colour"),
            ("postgres://pt@h/d?target_session_attrs", "parameter"),
        ] {
            let error = PostgresUrl::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }
}
