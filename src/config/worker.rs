//! spec/config/worker.md · 2.3 Global Deployment Variables, of a worker
//!
//! Tests: `src/config/tests.rs`.

use super::changes::{Comparable, ConfigValues};
use super::metrics::{MetricsConfig, WORKER_METRICS_PORT};
use super::reader::{ConfigReport, ConfigTable, IfAbsent};
use super::values::{self, HostPort};
use super::web::{self, WebConfig};
use super::{ConfigError, Warning, check, reader, writer};
use crate::model::Fingerprint;
use crate::runtime::log::LogConfig;
use crate::runtime::neighbourhood::IpPrefix;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

const SECOND: Duration = Duration::from_secs(1);

/// Longest name of a worker, in bytes.
const NAME_MAX: usize = 64;

/// Most addresses of masters.
const MASTERS_MAX: usize = 8;

/// Most addresses and networks of proxies.
const PROXIES_MAX: usize = 64;

/// A worker's configuration. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Name under which administrators registered the worker. The master's counts.
    pub name: String,
    /// Assigned by the master at registration.
    pub uuid: Uuid,
    /// Address that clients connect to.
    pub listen: SocketAddr,
    /// Address that clients are told. The one of the registration counts, and where this one is another,
    /// both sides warn.
    pub advertise: HostPort,
    /// Address of the master.
    pub master: HostPort,
    /// Addresses of further masters, where one of several leads.
    pub other_masters: Vec<HostPort>,
    /// Whether the daemon may run as root.
    pub allow_root: bool,
    /// Whether clients beyond loopback may use plain text.
    pub allow_plaintext: bool,
    pub gpg: WorkerGpg,
    pub log: LogConfig,
    pub limits: WorkerLimits,
    /// TLS towards clients, if configured.
    pub tls: Option<TlsFiles>,
    /// Where the page is served, if it is.
    pub web: Option<WebConfig>,
    /// Where metrics are served, if they are.
    pub metrics: Option<MetricsConfig>,
}

/// `[gpg]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerGpg {
    /// GPG home with the worker's keyring.
    pub home: PathBuf,
    /// The worker's own key.
    pub key: Fingerprint,
    pub master_key: Fingerprint,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerLimits {
    /// Simultaneous connections of clients.
    pub max_connections: usize,
    /// Simultaneous connections from one IP address.
    pub max_connections_per_ip: usize,
    /// Time from a message's first byte to its last.
    pub frame_timeout: Duration,
    /// Time from the connection to the end of the first whole message.
    pub first_frame_timeout: Duration,
    /// Time without a byte in either direction and without an unanswered request.
    pub idle_timeout: Duration,
    /// Bytes of replies that a client has not read.
    pub max_unsent: usize,
    /// Time in which a client takes no byte although replies wait.
    pub send_timeout: Duration,
    /// Topics that a connection is subscribed to.
    pub max_subscriptions_per_connection: usize,
    /// Peers that begin each connection with a header of the PROXY protocol, version 2, which tells
    /// the client's address. No other peer's is read.
    pub proxy_from: Vec<IpPrefix>,
}

impl Default for WorkerLimits {
    fn default() -> WorkerLimits {
        WorkerLimits {
            max_connections: 10_000,
            max_connections_per_ip: 256,
            frame_timeout: SECOND * 5,
            first_frame_timeout: SECOND * 30,
            idle_timeout: SECOND * 300,
            max_unsent: 1 << 20,
            send_timeout: SECOND * 10,
            max_subscriptions_per_connection: 256,
            proxy_from: Vec::new(),
        }
    }
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the worker's certificate, then those of the chain up to the root.
    pub certificate: PathBuf,
    /// PEM: the private key.
    pub key: PathBuf,
}

impl WorkerConfig {
    /// Reads a file, checks it, and checks the files that it names.
    ///
    /// # Errors
    /// The file or a file that it names has problems; the error lists all of them.
    pub fn load(file: &Path) -> Result<(WorkerConfig, Vec<Warning>), ConfigError> {
        super::load(file, read, check_files)
    }

    /// Parses a text as if it were the contents of `file`. Does not check the files that it names.
    ///
    /// # Errors
    /// The text has problems; the error lists all of them.
    pub fn parse(text: &str, file: &Path) -> Result<(WorkerConfig, Vec<Warning>), ConfigError> {
        super::parse(text, file, read, |_, _| {})
    }

    /// The configuration as a commented TOML text for `file`. Paths in or below the file's folder
    /// are written relative to it.
    pub fn to_toml(&self, file: &Path) -> String {
        let mut values = writer::TomlValues::new(file);
        self.write(&mut values);
        values.fill(include_str!("../../etc/worker.toml"))
    }

    /// The addresses of all masters, of which one leads.
    pub fn masters(&self) -> impl Iterator<Item = &HostPort> {
        std::iter::once(&self.master).chain(&self.other_masters)
    }

    /// Sets all keys.
    fn write(&self, values: &mut writer::TomlValues) {
        values.text("name", &self.name);
        values.text("uuid", self.uuid);
        values.text("listen", self.listen);
        values.text("advertise", &self.advertise);
        if self.other_masters.is_empty() {
            values.text("master", &self.master);
        } else {
            values.texts("masters", self.masters());
        }
        values.bare("allow_root", self.allow_root);
        values.bare("allow_plaintext", self.allow_plaintext);
        values.path("gpg.home", &self.gpg.home);
        values.text("gpg.key", self.gpg.key);
        values.text("gpg.master_key", self.gpg.master_key);
        values.log(&self.log);
        values.bare("limits.max_connections", self.limits.max_connections);
        values.bare(
            "limits.max_connections_per_ip",
            self.limits.max_connections_per_ip,
        );
        values.duration("limits.frame_timeout", self.limits.frame_timeout);
        values.duration(
            "limits.first_frame_timeout",
            self.limits.first_frame_timeout,
        );
        values.duration("limits.idle_timeout", self.limits.idle_timeout);
        values.text("limits.max_unsent", self.limits.max_unsent);
        values.duration("limits.send_timeout", self.limits.send_timeout);
        values.bare(
            "limits.max_subscriptions_per_connection",
            self.limits.max_subscriptions_per_connection,
        );
        values.texts("limits.proxy_from", &self.limits.proxy_from);
        if let Some(tls) = &self.tls {
            values.path("tls.certificate", &tls.certificate);
            values.path("tls.key", &tls.key);
        }
        if let Some(web) = &self.web {
            values.text("web.listen", web.listen);
            values.texts("web.origins", &web.origins);
            values.bare("web.allow_plaintext", web.allow_plaintext);
        }
        if let Some(metrics) = self.metrics {
            metrics.write(values);
        }
    }
}

impl Comparable for WorkerConfig {
    fn values(&self) -> ConfigValues {
        let mut values = writer::TomlValues::of_no_file();
        self.write(&mut values);
        ConfigValues(values)
    }
}

fn read(root: &mut ConfigTable<'_, '_>) -> WorkerConfig {
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (master, other_masters) = masters(root);
    let config = WorkerConfig {
        name: root.parsed("name", IfAbsent::Required(String::new()), name),
        uuid: root.parsed("uuid", IfAbsent::Required(Uuid::nil()), uuid),
        listen: values::listen(root, SocketAddr::new(localhost, values::WORKER_PORT)),
        advertise: root.parsed(
            "advertise",
            IfAbsent::Required(HostPort::default_master()),
            str::parse,
        ),
        master,
        other_masters,
        allow_root: root.flag("allow_root", false),
        allow_plaintext: root.flag("allow_plaintext", false),
        gpg: gpg(root),
        log: values::log(root, "/var/log/papertrader/worker.log"),
        limits: limits(root),
        tls: root.table("tls").map(tls),
        web: root.table("web").map(web::web),
        metrics: MetricsConfig::read(root, WORKER_METRICS_PORT),
    };
    // Configurations of version 0.1 have it.
    root.path("data_dir", Some("/var/lib/papertrader"));
    if root.report().has("data_dir") {
        root.report().warn(
            "data_dir",
            "a worker keeps no data, so this key has no effect",
        );
    }
    let plain = config.tls.is_none() && !values::is_loopback(config.listen.ip());
    if plain && config.allow_plaintext {
        root.report().warn(
            "allow_plaintext",
            format!(
                "clients' passwords and sessions travel unencrypted to {}",
                config.listen
            ),
        );
    } else if plain {
        root.report().problem(
            "listen",
            format!(
                "{} is beyond loopback, and clients there would speak in plain text: add [tls] with certificate and \
                 key, or set allow_plaintext = true",
                config.listen
            ),
        );
    }
    if let Some(web) = &config.web {
        web::check(web, config.listen, config.tls.is_some(), root.report());
    }
    if let Some(metrics) = config.metrics {
        let web = config.web.as_ref().map(|web| web.listen);
        let others: Vec<SocketAddr> = web.into_iter().chain([config.listen]).collect();
        metrics.check(&others, root.report());
    }
    config
}

/// `master`, or `masters` where one of several leads.
fn masters(root: &mut ConfigTable<'_, '_>) -> (HostPort, Vec<HostPort>) {
    let one = root.parsed(
        "master",
        IfAbsent::Default(HostPort::default_master()),
        str::parse,
    );
    if !root.has("masters") {
        return (one, Vec::new());
    }
    if root.report().has("master") {
        root.report().problem(
            "masters",
            "master names one, and masters several of which one leads: leave one of the two keys out",
        );
    }
    let default = vec![one.clone()];
    let masters = root.value("masters", IfAbsent::Default(default), |value| {
        let masters: Vec<HostPort> = reader::texts(value)?
            .into_iter()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let mut different = masters.clone();
        different.sort_by_key(ToString::to_string);
        different.dedup();
        if masters.is_empty() || masters.len() > MASTERS_MAX {
            return Err(format!(
                "1 to {MASTERS_MAX} addresses, such as [\"10.0.0.1:2048\", \"10.0.0.2:2048\"]"
            ));
        }
        if different.len() < masters.len() {
            return Err("an address is there twice".to_owned());
        }
        Ok(masters)
    });
    let mut masters = masters.into_iter();
    (masters.next().unwrap_or(one), masters.collect())
}

fn name(text: &str) -> Result<String, String> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !text.is_empty() && text.len() <= NAME_MAX && text.bytes().all(letter) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not a worker's name: 1 to {NAME_MAX} of A-Z a-z 0-9 . _ -"
    ))
}

fn uuid(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text)
        .ok()
        .filter(|uuid| !uuid.is_nil() && text.len() == 36)
        .ok_or_else(|| {
            format!(
                "{text:?} is not the UUID that `papertraderctl workers register` printed, such as \
                 \"01890a5d-ac96-774b-bcce-b302099a8057\""
            )
        })
}

fn gpg(root: &mut ConfigTable<'_, '_>) -> WorkerGpg {
    let mut table = root.table_or_empty("gpg");
    let gpg = WorkerGpg {
        home: values::gpg_home(&mut table),
        key: values::fingerprint(&mut table, "key", values::NO_KEY),
        master_key: values::fingerprint(&mut table, "master_key", values::NO_MASTER_KEY),
    };
    if gpg.key == gpg.master_key {
        table.report().problem(
            "gpg.master_key",
            "this is the worker's own key, and must be the master's",
        );
    }
    table.finish();
    gpg
}

fn limits(root: &mut ConfigTable<'_, '_>) -> WorkerLimits {
    let mut table = root.table_or_empty("limits");
    let ten_minutes = SECOND * 600;
    let frame_least = Duration::from_millis(100);
    let default = WorkerLimits::default();
    let max_unsent = table.size("max_unsent", default.max_unsent as u64, 16 << 10, 1 << 30);
    let limits = WorkerLimits {
        max_connections: table.number("max_connections", default.max_connections, 1, 1_000_000),
        max_connections_per_ip: table.number(
            "max_connections_per_ip",
            default.max_connections_per_ip,
            1,
            1_000_000,
        ),
        frame_timeout: table.duration(
            "frame_timeout",
            default.frame_timeout,
            frame_least,
            ten_minutes,
        ),
        first_frame_timeout: table.duration(
            "first_frame_timeout",
            default.first_frame_timeout,
            frame_least,
            ten_minutes,
        ),
        idle_timeout: table.duration(
            "idle_timeout",
            default.idle_timeout,
            SECOND,
            SECOND * 86_400 * 7,
        ),
        max_unsent: usize::try_from(max_unsent).unwrap_or(usize::MAX),
        send_timeout: table.duration(
            "send_timeout",
            default.send_timeout,
            frame_least,
            ten_minutes,
        ),
        max_subscriptions_per_connection: table.number(
            "max_subscriptions_per_connection",
            default.max_subscriptions_per_connection,
            1,
            10_000,
        ),
        proxy_from: table.value("proxy_from", IfAbsent::Default(Vec::new()), |value| {
            let texts = reader::texts(value)?;
            if texts.len() > PROXIES_MAX {
                return Err(format!("these are more than {PROXIES_MAX} addresses"));
            }
            texts.into_iter().map(str::parse).collect()
        }),
    };
    table.finish();
    limits
}

fn tls(mut table: ConfigTable<'_, '_>) -> TlsFiles {
    let tls = TlsFiles {
        certificate: check::or_credential(table.path("certificate", None)),
        key: check::or_credential(table.path("key", None)),
    };
    table.finish();
    tls
}

fn check_files(config: &WorkerConfig, report: &ConfigReport) {
    check::gpg_home(report, &config.gpg.home);
    check::log_file(report, &config.log);
    check::port(report, "listen", config.listen);
    if let Some(web) = &config.web {
        check::port(report, "web.listen", web.listen);
    }
    if let Some(tls) = &config.tls
        && !tls.key.as_os_str().is_empty()
    {
        check::readable_file(report, "tls.certificate", &tls.certificate);
        check::secret_file(report, "tls.key", &tls.key);
    }
}
