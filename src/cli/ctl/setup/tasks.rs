//! spec/cli/ctl/setup.md · 3.1.5 Worker Management
//!
//! What a daemon's user does for a set-up, with that user's rights alone: keys in its GPG home, the
//! check of its configuration, registrations in its database. Root starts this program again for it.
//!
//! Tests: `tests/suite/programs/setup.rs`.

use super::host::{SetupHost, SystemUser};
use crate::cli::ctl::child;
use crate::config::{ConfigError, MasterConfig, Warning, WorkerConfig};
use crate::daemon::run::Service;
use crate::link::keyring::{Keyring, KeyringError, leave_agent};
use crate::master::Master;
use crate::master::workers::registry::Registration;
use crate::master::workers::{find_offline, register_offline};
use crate::model::Fingerprint;
use crate::worker::service::WorkerService;
use rustix::fs::Mode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use uuid::Uuid;

/// The child's task, whose words stand on its standard input.
const SETUP: &str = "setup";
/// The most bytes of a task: a public key, and some paths.
const TASK_MAX: u64 = 512 * 1024;

/// The longest time for a key or the check of a configuration with its market's files.
const TASK_DEADLINE: Duration = Duration::from_secs(600);

/// The longest time for work in the master's database: one of an older version, which is copied and
/// brought up to date, may take long.
const DATABASE_DEADLINE: Duration = Duration::from_secs(6 * 3600);

/// What `--gpg-key` has for a key that is made.
const NEW_KEY: &str = "new";
/// What the files of a new key take, in bytes.
const KEY_FILES_BYTES: usize = 16 * 1024;

/// Which daemon's configuration is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DaemonKind {
    Master,
    Worker,
}

/// A key of a GPG home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HomeKey {
    /// Its whole fingerprint.
    pub(super) fingerprint: String,
    /// The public key, ASCII-armoured.
    pub(super) key: String,
    /// Whether it was made now.
    pub(super) is_new: bool,
}

/// A worker as its master has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RegisteredAs {
    pub(super) uuid: Uuid,
    pub(super) fingerprint: String,
    /// The one address that it may connect from.
    pub(super) ip: String,
    /// `host:port` that clients are given.
    pub(super) address: String,
}

/// Which key of a GPG home is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WantedKey {
    /// The only one that is there, or a new one where there is none.
    Only,
    /// That with this fingerprint.
    This(String),
    /// A new one, whatever is there.
    New,
}

impl WantedKey {
    /// What `--gpg-key` asks for; without it the key that a configuration names, or the only one.
    pub(super) fn of(option: Option<&str>, configured: Option<Fingerprint>) -> WantedKey {
        match (option, configured) {
            (Some(NEW_KEY), _) => WantedKey::New,
            (Some(fingerprint), _) => WantedKey::This(fingerprint.to_owned()),
            (None, Some(fingerprint)) => WantedKey::This(fingerprint.to_string()),
            (None, None) => WantedKey::Only,
        }
    }
}

/// Something that a daemon's user does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum SetupTask {
    /// Finds or makes the own key of a GPG home. Answers [`HomeKey`].
    OwnKey {
        home: PathBuf,
        /// What a new key is called.
        user_id: String,
        /// The key that it must be, if that is known.
        wanted: WantedKey,
    },
    /// Adds a peer's public key to a GPG home. Answers its fingerprint.
    Import { home: PathBuf, key: String },
    /// Checks a configuration as the daemon does with `--check-config`. Answers the warnings.
    Check { kind: DaemonKind, file: PathBuf },
    /// Finds the worker of this name while no master runs. Answers `Option<RegisteredAs>`.
    Find { config: PathBuf, name: String },
    /// Registers a worker while no master runs. Answers [`RegisteredAs`].
    Register {
        config: PathBuf,
        name: String,
        key: String,
        ip: IpAddr,
        address: String,
    },
}

impl SetupTask {
    /// That user can stop the process that does it, so none waits for ever.
    fn deadline(&self) -> Duration {
        match self {
            SetupTask::OwnKey { .. } | SetupTask::Import { .. } | SetupTask::Check { .. } => {
                TASK_DEADLINE
            }
            SetupTask::Find { .. } | SetupTask::Register { .. } => DATABASE_DEADLINE,
        }
    }
}

/// Does a task as a user; in this process where that is ourselves.
///
/// # Errors
/// The task fails, or the process that does it.
pub(super) fn run_as<T: DeserializeOwned>(
    host: &SetupHost,
    user: SystemUser,
    task: &SetupTask,
) -> Result<T, String> {
    if host.is_own {
        let answer = perform_task(task)?;
        return serde_json::from_value(answer).map_err(|error| error.to_string());
    }
    let input = || -> io::Result<File> {
        let mut file = tempfile::tempfile()?;
        file.write_all(&serde_json::to_vec(task)?)?;
        file.rewind()?;
        Ok(file)
    };
    let input = input().map_err(|error| format!("a temporary file: {error}"))?;
    child::run_within(
        user.user,
        user.group,
        &[OsStr::new(SETUP)],
        Stdio::from(input),
        Some(task.deadline()),
    )
}

/// Does a child's task of a set-up and answers it; `None` if it is none.
pub(super) fn perform(arguments: &[OsString]) -> Option<io::Result<()>> {
    let [task] = arguments else {
        return None;
    };
    (task == SETUP).then(|| {
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let mut text = Vec::new();
        io::stdin().lock().take(TASK_MAX).read_to_end(&mut text)?;
        child::answer(&perform_task(&serde_json::from_slice(&text)?))
    })
}

fn perform_task(task: &SetupTask) -> Result<serde_json::Value, String> {
    let answer = match task {
        SetupTask::OwnKey {
            home,
            user_id,
            wanted,
        } => leave_agent(home, || own_key(home, user_id, wanted)).map(serde_json::to_value)?,
        SetupTask::Import { home, key } => {
            leave_agent(home, || import(home, key)).map(serde_json::to_value)?
        }
        SetupTask::Check { kind, file } => check(*kind, file).map(serde_json::to_value)?,
        SetupTask::Find { config, name } => {
            let found = find_offline(&master_config(config)?.database, name)?;
            serde_json::to_value(found.map(|worker| RegisteredAs {
                uuid: worker.uuid,
                fingerprint: worker.fingerprint.to_string(),
                ip: worker.ip.to_string(),
                address: worker.address,
            }))
        }
        SetupTask::Register {
            config,
            name,
            key,
            ip,
            address,
        } => {
            let config = master_config(config)?;
            leave_agent(&config.gpg.home, || {
                register(&config, name, key, *ip, address)
            })
            .map(serde_json::to_value)?
        }
    };
    answer.map_err(|error| error.to_string())
}

/// The key that is wanted, or the one that there is, or a new one.
fn own_key(home: &Path, user_id: &str, wanted: &WantedKey) -> Result<HomeKey, String> {
    let failed = |error: KeyringError| {
        // GnuPG does not say that the disk is full.
        let why = writable(home).map_or_else(|why| why.to_string(), |()| error.to_string());
        format!("the GPG home {}: {why}", home.display())
    };
    let keyring = Keyring::complete(home).map_err(failed)?;
    let found = keyring.own_keys().map_err(failed)?;
    let (fingerprint, is_new) = match (wanted, found.as_slice()) {
        (WantedKey::This(wanted), _) => {
            let digits: String = wanted.split_whitespace().collect();
            (
                Fingerprint::parse(&digits).map_err(|error| format!("{wanted}: {error}"))?,
                false,
            )
        }
        (WantedKey::New, _) | (WantedKey::Only, []) => {
            (keyring.generate(user_id).map_err(failed)?, true)
        }
        (WantedKey::Only, [one]) => (*one, false),
        (WantedKey::Only, several) => {
            let names: Vec<String> = several.iter().map(Fingerprint::to_string).collect();
            return Err(format!(
                "the GPG home {} has several secret keys; say which with --gpg-key: {}",
                home.display(),
                names.join(", ")
            ));
        }
    };
    keyring.own(fingerprint).map_err(failed)?;
    let key = keyring.export(fingerprint).map_err(failed)?;
    Ok(HomeKey {
        fingerprint: fingerprint.to_string(),
        key: String::from_utf8_lossy(&key).into_owned(),
        is_new,
    })
}

/// Whether a key's files can be written to a folder.
fn writable(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder)?.write_all(&[0; KEY_FILES_BYTES])
}

fn import(home: &Path, key: &str) -> Result<String, String> {
    let keyring = Keyring::open(home).map_err(|error| error.to_string())?;
    let imported = keyring.import(key.as_bytes());
    let fingerprint = imported.map_err(|error| format!("the master's key: {error}"))?;
    Ok(fingerprint.to_string())
}

fn check(kind: DaemonKind, file: &Path) -> Result<Vec<String>, String> {
    match kind {
        DaemonKind::Master => check_of::<Master>(MasterConfig::load(file)),
        DaemonKind::Worker => check_of::<WorkerService>(WorkerConfig::load(file)),
    }
}

fn check_of<S: Service>(
    loaded: Result<(S::Config, Vec<Warning>), ConfigError>,
) -> Result<Vec<String>, String> {
    let (config, warnings) = loaded.map_err(|error| error.to_string())?;
    let more = S::check(&config).map_err(|error| error.to_string())?;
    let warnings = warnings.iter().map(ToString::to_string);
    Ok(warnings.chain(more).collect())
}

fn master_config(file: &Path) -> Result<MasterConfig, String> {
    let (config, _) = MasterConfig::load(file).map_err(|error| error.to_string())?;
    Ok(config)
}

fn register(
    config: &MasterConfig,
    name: &str,
    key: &str,
    ip: IpAddr,
    address: &str,
) -> Result<RegisteredAs, String> {
    let keyring = Keyring::open(&config.gpg.home).map_err(|error| error.to_string())?;
    let fingerprint = keyring
        .import(key.as_bytes())
        .map_err(|error| format!("the key: {error}"))?;
    let registration = Registration {
        name: name.to_owned(),
        fingerprint,
        ip,
        address: address.to_owned(),
    };
    let worker = register_offline(&config.database, &registration)?;
    Ok(RegisteredAs {
        uuid: worker.uuid,
        fingerprint: fingerprint.to_string(),
        ip: ip.to_string(),
        address: address.to_owned(),
    })
}
