//! spec/config.md · 2.3 Global Deployment Variables
//!
//! Reads, checks and writes the configuration files of both daemons.

mod changes;
mod check;
mod database;
mod master;
mod metrics;
mod postgres;
mod reader;
mod values;
mod web;
mod worker;
mod writer;

pub use self::postgres::{PostgresTls, PostgresUrl};
pub use changes::{Comparable, ConfigChange, ConfigValues};
pub use check::{GPG_HOME_MAX, check_database};
pub use database::DatabaseUrl;
pub use master::{
    AccountSettings, AlpacaSettings, AssetSettings, BinanceSettings, FeeSettings, HoldReview,
    MailSecurity, MailSettings, MailUrl, MasterConfig, MasterGpg, MasterLimits, Percentage,
    ProviderKind, ReplayEnd, ReplaySettings, SESSION_LIFETIME, SimulatedSettings, SymbolSelection,
    ThirdPartySettings,
};
pub use metrics::{MASTER_METRICS_PORT, MetricsConfig, WORKER_METRICS_PORT};
pub use values::{HostPort, MASTER_PORT, WORKER_PORT};
pub use web::{WEB_PORT, WebConfig, WebOrigin};
pub use worker::{TlsFiles, WorkerConfig, WorkerGpg, WorkerLimits};

use crate::runtime::is_passing;
use crate::runtime::ownership::user_name;
use reader::{ConfigReport, ConfigTable};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest configuration file, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// All problems of a configuration file. Its `Display` has one line a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub file: PathBuf,
    /// Sorted by line; at least one.
    pub problems: Vec<Problem>,
}

/// One problem of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Dotted name of the key; empty if the whole file is meant.
    pub key: String,
    /// Line of the key, from 1, if the file has the key.
    pub line: Option<usize>,
    /// Why it is a problem, and what would be right.
    pub reason: String,
    /// Whether it may pass by itself: the system failed to read a file, for a reason that nobody
    /// mends in a configuration.
    pub passing: bool,
}

/// A value that is allowed but not advisable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Dotted name of the key.
    pub key: String,
    pub reason: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:", self.file.display())?;
            if let Some(line) = problem.line {
                write!(f, "{line}:")?;
            }
            if !problem.key.is_empty() {
                write!(f, " {}:", problem.key)?;
            }
            write!(f, " {}", problem.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// Whether all problems may pass by themselves, so that starting again may help.
    pub fn is_passing(&self) -> bool {
        self.problems.iter().all(|problem| problem.passing)
    }

    fn whole(file: &Path, reason: impl Into<String>) -> ConfigError {
        ConfigError {
            file: file.to_owned(),
            problems: vec![Problem {
                key: String::new(),
                line: None,
                reason: reason.into(),
                passing: false,
            }],
        }
    }

    fn unreadable(file: &Path, why: &std::io::Error) -> ConfigError {
        let help = match why.kind() {
            std::io::ErrorKind::NotFound => {
                "; name another with --config FILE, such as /etc/papertrader/worker-NAME.toml for a worker; `papertraderctl \
                 setup master` and `papertraderctl setup worker NAME` make them"
                    .to_owned()
            }
            std::io::ErrorKind::PermissionDenied => {
                let user = user_name(rustix::process::geteuid().as_raw());
                format!(" as user {user}; `papertraderctl setup`, given again as root, makes its daemon able to")
            }
            _ => String::new(),
        };
        let mut error = ConfigError::whole(file, format!("this file cannot be read: {why}{help}"));
        for problem in &mut error.problems {
            problem.passing = is_passing(why);
        }
        error
    }
}

fn read_file(file: &Path) -> Result<String, ConfigError> {
    let unreadable = |why: std::io::Error| ConfigError::unreadable(file, &why);
    let mut text = String::new();
    let length = std::fs::File::open(file)
        .map_err(unreadable)?
        .take(FILE_MAX + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if u64::try_from(length).is_ok_and(|length| length <= FILE_MAX) {
        Ok(text)
    } else {
        Err(ConfigError::whole(
            file,
            "this file has more than 1 MiB, and is no configuration",
        ))
    }
}

/// Reads `file` with `read`, then checks the files that it names with `check`.
fn load<T>(
    file: &Path,
    read: fn(&mut ConfigTable<'_, '_>) -> T,
    check: fn(&T, &ConfigReport),
) -> Result<(T, Vec<Warning>), ConfigError> {
    parse(&read_file(file)?, file, read, check)
}

/// Parses `text` with `read`, then checks the files that it names with `check`.
fn parse<T>(
    text: &str,
    file: &Path,
    read: fn(&mut ConfigTable<'_, '_>) -> T,
    check: fn(&T, &ConfigReport),
) -> Result<(T, Vec<Warning>), ConfigError> {
    let report = ConfigReport::new(file, text);
    let Some(mut root) = ConfigTable::root(&report, text) else {
        return match report.conclude(()) {
            Err(error) => Err(error),
            Ok(_) => Err(ConfigError::whole(file, "this is not TOML")),
        };
    };
    let config = read(&mut root);
    root.finish();
    check(&config, &report);
    report.conclude(config)
}

#[cfg(test)]
mod tests;
