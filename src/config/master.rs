//! spec/config/master.md · 2.3 Global Deployment Variables, of the master
//!
//! Tests: `src/config/tests.rs`.

mod assets;
mod fees;
mod mail;
mod third_party;

pub use assets::{
    AlpacaSettings, AssetSettings, BinanceSettings, HoldReview, ProviderKind, ReplayEnd,
    ReplaySettings, SimulatedSettings, SymbolSelection,
};
pub use fees::{FeeSettings, Percentage};
pub use mail::{MailSecurity, MailSettings, MailUrl};
pub use third_party::ThirdPartySettings;

use super::changes::{Comparable, ConfigValues};
use super::metrics::{MASTER_METRICS_PORT, MetricsConfig};
use super::reader::{ConfigReport, ConfigTable, IfAbsent, a_kind};
use super::values::{self, SOCKET_PATH_MAX};
use super::{ConfigError, DatabaseUrl, Warning, check, postgres, writer};
use crate::model::money::{FRACTION_DIGITS, MILLION};
use crate::model::printable::is_printable;
use crate::model::{Fingerprint, Money};
use crate::runtime::log::LogConfig;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeValue;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// The default lifetime of a session.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// Largest starting cash of a new account.
const STARTING_CASH_MAX: Money = Money(1_000_000_000 * MILLION);

/// A lower bcrypt cost is for tests and gives a warning.
const BCRYPT_COST_ADVISED: u32 = 10;

/// Longest name of a deployment, in characters.
const NAME_MAX: usize = 64;

/// Shortest and longest time for which a master leads once it has said that it does.
const LEASE_MIN: Duration = Duration::from_secs(3);
const LEASE_MAX: Duration = Duration::from_secs(60);

/// Upper limit of rates and counts.
const COUNT_MAX: u32 = 1_000_000_000;

/// The master's configuration. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterConfig {
    /// The deployment's name, as mails have it.
    pub name: String,
    /// Address for workers' links, and for clients that ask for the list of workers.
    pub listen: SocketAddr,
    /// Folder of the database.
    pub data_dir: PathBuf,
    /// Whether the daemon may run as root.
    pub allow_root: bool,
    /// The Unix socket for `papertraderctl`.
    pub control_socket: PathBuf,
    /// Group that owns the socket, if the group exists.
    pub control_group: String,
    pub currency: String,
    /// Time between two retrievals of prices, and so between two settlements (2.3.4).
    pub update_interval: Duration,
    /// Cash of a new account.
    pub starting_cash: Money,
    /// Time from login to expiry.
    pub session_lifetime: Duration,
    /// Number of workers (2.3.2).
    pub expected_workers: usize,
    /// The age of the newest backup from which on status warns; zero: never.
    pub backup_warning: Duration,
    pub database: DatabaseUrl,
    pub gpg: MasterGpg,
    pub log: LogConfig,
    pub assets: AssetSettings,
    pub accounts: AccountSettings,
    /// `None`: no mail is sent.
    pub mail: Option<MailSettings>,
    /// Providers of identities; none: people sign in by password alone.
    pub third_parties: Vec<ThirdPartySettings>,
    /// What trades cost.
    pub fees: FeeSettings,
    pub limits: MasterLimits,
    /// Where metrics are served, if they are.
    pub metrics: Option<MetricsConfig>,
}

/// `[gpg]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterGpg {
    /// GPG home with the master's keyring.
    pub home: PathBuf,
    /// The master's own key.
    pub key: Fingerprint,
}

/// `[accounts]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSettings {
    /// Cost of bcrypt: a hash takes 2 to the power of this many steps.
    pub bcrypt_cost: u32,
}

/// Largest least value of an order.
const MIN_ORDER_VALUE_MAX: Money = Money(1_000_000 * MILLION);

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterLimits {
    /// For a user name and client address together, in any 60 s.
    pub failed_logins_per_minute: u32,
    /// For a client address, in any 60 s.
    pub failed_logins_per_minute_per_address: u32,
    /// For a user name, in any hour, from where its account has not logged in lately.
    pub failed_logins_per_hour_per_name: u32,
    /// Through a worker, in any 60 s, from where their accounts have not logged in lately.
    pub failed_logins_per_minute_per_worker: u32,
    /// For a client address, in any 60 s.
    pub registrations_per_minute_per_address: u32,
    /// For an account, in any 60 s.
    pub orders_per_minute_per_account: u32,
    /// Orders of an account that are rejected at settlement, in an hour.
    pub rejected_orders_per_hour_per_account: u32,
    /// Orders of an account that wait for settlement.
    pub max_queued_per_account: u32,
    /// Orders of all accounts that wait for settlement.
    pub max_queued: u32,
    /// Orders of an account that wait for a price.
    pub max_open_per_account: u32,
    /// Orders of all accounts that wait for a price.
    pub max_open: u32,
    /// Orders that an account cancels or replaces, in any 60 s.
    pub cancels_per_minute_per_account: u32,
    /// An order is for at least this much; 0: for anything.
    pub min_order_value: Money,
    /// Simultaneous connections on the master's port.
    pub max_connections: usize,
    /// Time from a message's first byte to its last.
    pub frame_timeout: Duration,
}

impl Default for MasterLimits {
    fn default() -> MasterLimits {
        MasterLimits {
            failed_logins_per_minute: 10,
            failed_logins_per_minute_per_address: 100,
            failed_logins_per_hour_per_name: 100,
            failed_logins_per_minute_per_worker: 6_000,
            registrations_per_minute_per_address: 20,
            orders_per_minute_per_account: 60_000,
            rejected_orders_per_hour_per_account: 1_000,
            max_queued_per_account: 10_000,
            max_queued: 1_000_000,
            max_open_per_account: 500,
            max_open: 1_000_000,
            cancels_per_minute_per_account: 6_000,
            min_order_value: Money::ZERO,
            max_connections: 256,
            frame_timeout: SECOND * 5,
        }
    }
}

impl MasterConfig {
    /// Reads a file, checks it, and checks the files that it names.
    ///
    /// # Errors
    /// The file or a file that it names has problems; the error lists all of them.
    pub fn load(file: &Path) -> Result<(MasterConfig, Vec<Warning>), ConfigError> {
        super::load(file, read, check_files)
    }

    /// Parses a text as if it were the contents of `file`. Reads `symbols_file`, but checks no
    /// other file.
    ///
    /// # Errors
    /// The text has problems; the error lists all of them.
    pub fn parse(text: &str, file: &Path) -> Result<(MasterConfig, Vec<Warning>), ConfigError> {
        super::parse(text, file, read, |_, _| {})
    }

    /// The configuration as a commented TOML text for `file`. Paths in or below the file's folder
    /// are written relative to it.
    pub fn to_toml(&self, file: &Path) -> String {
        let mut values = writer::TomlValues::new(file);
        self.write(&mut values);
        values.fill(include_str!("../../etc/master.toml"))
    }

    /// Sets all keys.
    fn write(&self, values: &mut writer::TomlValues) {
        values.text("name", &self.name);
        values.text("listen", self.listen);
        values.path("data_dir", &self.data_dir);
        values.bare("allow_root", self.allow_root);
        values.path("control_socket", &self.control_socket);
        values.text("control_group", &self.control_group);
        values.text("currency", &self.currency);
        values.duration("update_interval", self.update_interval);
        values.text("starting_cash", self.starting_cash);
        values.duration("session_lifetime", self.session_lifetime);
        values.bare("expected_workers", self.expected_workers);
        values.duration("backup_warning", self.backup_warning);
        values.text("database.url", self.database.to_text(&self.data_dir));
        self.write_server(values);
        values.path("gpg.home", &self.gpg.home);
        values.text("gpg.key", self.gpg.key);
        values.log(&self.log);
        self.assets.write(values);
        values.bare("accounts.bcrypt_cost", self.accounts.bcrypt_cost);
        if let Some(mail) = &self.mail {
            mail.write(values);
        }
        third_party::write(&self.third_parties, values);
        self.fees.write(values);
        let limits = &self.limits;
        for (key, value) in [
            ("failed_logins_per_minute", limits.failed_logins_per_minute),
            (
                "failed_logins_per_minute_per_address",
                limits.failed_logins_per_minute_per_address,
            ),
            (
                "failed_logins_per_hour_per_name",
                limits.failed_logins_per_hour_per_name,
            ),
            (
                "failed_logins_per_minute_per_worker",
                limits.failed_logins_per_minute_per_worker,
            ),
            (
                "registrations_per_minute_per_address",
                limits.registrations_per_minute_per_address,
            ),
            (
                "orders_per_minute_per_account",
                limits.orders_per_minute_per_account,
            ),
            (
                "rejected_orders_per_hour_per_account",
                limits.rejected_orders_per_hour_per_account,
            ),
            ("max_queued_per_account", limits.max_queued_per_account),
            ("max_queued", limits.max_queued),
            ("max_open_per_account", limits.max_open_per_account),
            ("max_open", limits.max_open),
            (
                "cancels_per_minute_per_account",
                limits.cancels_per_minute_per_account,
            ),
        ] {
            values.bare(&format!("limits.{key}"), value);
        }
        values.text("limits.min_order_value", limits.min_order_value);
        values.bare("limits.max_connections", limits.max_connections);
        values.duration("limits.frame_timeout", limits.frame_timeout);
        if let Some(metrics) = self.metrics {
            metrics.write(values);
        }
    }

    /// Sets the keys of a database on a server.
    fn write_server(&self, values: &mut writer::TomlValues) {
        if let Some(file) = self.database.password_file() {
            values.path("database.password_file", file);
        }
        if let DatabaseUrl::Postgres(url) = &self.database {
            values.duration("database.lease", url.lease());
        }
    }
}

impl Comparable for MasterConfig {
    fn values(&self) -> ConfigValues {
        let mut values = writer::TomlValues::of_no_file();
        self.write(&mut values);
        ConfigValues(values)
    }
}

fn read(root: &mut ConfigTable<'_, '_>) -> MasterConfig {
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let data_dir = root.path("data_dir", Some("/var/lib/papertrader"));
    let database = database(root, &data_dir);
    let config = MasterConfig {
        name: root.parsed("name", IfAbsent::Default("PaperTrader".to_owned()), name),
        listen: values::listen(root, SocketAddr::new(localhost, values::MASTER_PORT)),
        data_dir,
        allow_root: root.flag("allow_root", false),
        control_socket: root.path("control_socket", Some("/run/papertrader/master.sock")),
        control_group: root.parsed(
            "control_group",
            IfAbsent::Default("papertrader".to_owned()),
            group,
        ),
        currency: root.parsed("currency", IfAbsent::Default("USD".to_owned()), currency),
        update_interval: root.duration(
            "update_interval",
            SECOND * 60,
            Duration::from_millis(10),
            DAY,
        ),
        starting_cash: root.value(
            "starting_cash",
            IfAbsent::Default(Money(100_000 * MILLION)),
            |value| decimal(value, STARTING_CASH_MAX),
        ),
        session_lifetime: root.duration("session_lifetime", SESSION_LIFETIME, SECOND, DAY * 3650),
        expected_workers: root.number("expected_workers", 1, 1, 10_000),
        backup_warning: root.duration("backup_warning", DAY * 2, Duration::ZERO, DAY * 3650),
        database,
        gpg: gpg(root),
        log: values::log(root, "/var/log/papertrader/master.log"),
        assets: assets::read(root),
        accounts: accounts(root),
        mail: mail::read(root),
        third_parties: third_party::read(root),
        fees: fees::read(root),
        limits: limits(root),
        metrics: MetricsConfig::read(root, MASTER_METRICS_PORT),
    };
    if let Some(metrics) = config.metrics {
        metrics.check(&[config.listen], root.report());
    }
    let length = config.control_socket.as_os_str().len();
    if length > SOCKET_PATH_MAX {
        root.report().problem(
            "control_socket",
            format!(
                "its path has {length} bytes, and a Unix socket's has at most {SOCKET_PATH_MAX}"
            ),
        );
    }
    config
}

fn name(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if (1..=NAME_MAX).contains(&length) && text.trim() == text && text.chars().all(is_printable) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not a name: 1 to {NAME_MAX} characters that can be seen, on one line"
    ))
}

fn group(text: &str) -> Result<String, String> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !text.is_empty() && text.len() <= 32 && text.bytes().all(letter) {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} is not the name of a group"))
}

fn currency(text: &str) -> Result<String, String> {
    let letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if (2..=8).contains(&text.len()) && text.bytes().all(letter) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not a currency such as \"USD\": 2 to 8 of A-Z 0-9"
    ))
}

/// Parses a decimal from 0 to `most`: a string, so that no digit is lost, or a whole number.
fn decimal(value: &DeValue<'_>, most: Money) -> Result<Money, String> {
    let text = match value {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        other => {
            return Err(format!(
                "this is {}, and must be a text such as \"100000\"",
                a_kind(other)
            ));
        }
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > FRACTION_DIGITS {
        return Err(format!(
            "{text:?} is not an amount such as \"100000\" or \"100000.50\", with at most {FRACTION_DIGITS} digits after the point"
        ));
    }
    Money::parse_rounded(text)
        .ok()
        .filter(|amount| *amount <= most)
        .ok_or_else(|| format!("{text} is more than {most}"))
}

fn database(root: &mut ConfigTable<'_, '_>, data_dir: &Path) -> DatabaseUrl {
    let mut table = root.table_or_empty("database");
    let default = DatabaseUrl::Sqlite(data_dir.join("master.db"));
    let mut is_known = true;
    let url = table.parsed("url", IfAbsent::Default(default), |text| {
        DatabaseUrl::parse(text, data_dir).inspect_err(|_| is_known = false)
    });
    let named = table.has("password_file");
    let password_file = named.then(|| check::or_credential(table.path("password_file", None)));
    let has_lease = table.has("lease");
    let lease = table.duration("lease", postgres::LEASE, LEASE_MIN, LEASE_MAX);
    table.finish();
    match url {
        DatabaseUrl::Postgres(url) => {
            let url = url.with_password_file(password_file).with_lease(lease);
            DatabaseUrl::Postgres(Box::new(url))
        }
        // What else is wrong depends on the URL.
        file if !is_known => file,
        file => {
            if named {
                let reason = "a database in a file has no password: leave this out";
                root.report().problem("database.password_file", reason);
            }
            if has_lease {
                let reason = "only masters that share a database on a PostgreSQL server have one: leave this out";
                root.report().problem("database.lease", reason);
            }
            file
        }
    }
}

fn gpg(root: &mut ConfigTable<'_, '_>) -> MasterGpg {
    let mut table = root.table_or_empty("gpg");
    let gpg = MasterGpg {
        home: values::gpg_home(&mut table),
        key: values::fingerprint(&mut table, "key", values::NO_KEY),
    };
    table.finish();
    gpg
}

fn accounts(root: &mut ConfigTable<'_, '_>) -> AccountSettings {
    let mut table = root.table_or_empty("accounts");
    let bcrypt_cost = table.number("bcrypt_cost", 12, 4, 15);
    if bcrypt_cost < BCRYPT_COST_ADVISED {
        table.report().warn(
            "accounts.bcrypt_cost",
            format!("{bcrypt_cost} is for tests: a stolen database is guessed quickly; use at least {BCRYPT_COST_ADVISED}"),
        );
    }
    table.finish();
    AccountSettings { bcrypt_cost }
}

fn limits(root: &mut ConfigTable<'_, '_>) -> MasterLimits {
    let mut table = root.table_or_empty("limits");
    let default = MasterLimits::default();
    let mut count = |key: &'static str, default: u32| table.number(key, default, 1, COUNT_MAX);
    let limits = MasterLimits {
        failed_logins_per_minute: count(
            "failed_logins_per_minute",
            default.failed_logins_per_minute,
        ),
        failed_logins_per_minute_per_address: count(
            "failed_logins_per_minute_per_address",
            default.failed_logins_per_minute_per_address,
        ),
        failed_logins_per_hour_per_name: count(
            "failed_logins_per_hour_per_name",
            default.failed_logins_per_hour_per_name,
        ),
        failed_logins_per_minute_per_worker: count(
            "failed_logins_per_minute_per_worker",
            default.failed_logins_per_minute_per_worker,
        ),
        registrations_per_minute_per_address: count(
            "registrations_per_minute_per_address",
            default.registrations_per_minute_per_address,
        ),
        orders_per_minute_per_account: count(
            "orders_per_minute_per_account",
            default.orders_per_minute_per_account,
        ),
        rejected_orders_per_hour_per_account: count(
            "rejected_orders_per_hour_per_account",
            default.rejected_orders_per_hour_per_account,
        ),
        max_queued_per_account: count("max_queued_per_account", default.max_queued_per_account),
        max_queued: count("max_queued", default.max_queued),
        max_open_per_account: count("max_open_per_account", default.max_open_per_account),
        max_open: count("max_open", default.max_open),
        cancels_per_minute_per_account: count(
            "cancels_per_minute_per_account",
            default.cancels_per_minute_per_account,
        ),
        min_order_value: table.value(
            "min_order_value",
            IfAbsent::Default(default.min_order_value),
            |value| decimal(value, MIN_ORDER_VALUE_MAX),
        ),
        max_connections: table.number("max_connections", default.max_connections, 1, 100_000),
        frame_timeout: table.duration(
            "frame_timeout",
            default.frame_timeout,
            SECOND / 10,
            SECOND * 600,
        ),
    };
    table.finish();
    limits
}

fn check_files(config: &MasterConfig, report: &ConfigReport) {
    check::gpg_home(report, &config.gpg.home);
    check::written_folder(report, "data_dir", &config.data_dir);
    check::log_file(report, &config.log);
    check::database(report, &config.database);
    check::port(report, "listen", config.listen);
    config.assets.check_files(report);
    if let Some(mail) = &config.mail {
        mail.check_files(report);
    }
    third_party::check_files(&config.third_parties, report);
}
