//! spec/testkit/setup.md · 2.2 Infrastructure Model, 2.3 Global Deployment Variables
//!
//! Makes a whole deployment in one folder: master, workers, keys, configuration and market.

use super::error::{SandboxError, at};
use super::layout::{LOOPBACK, MASTER_DATA};
use super::{Layout, layout, market, ports, state};
use crate::config::{MasterConfig, ReplayEnd, ReplaySettings, SymbolSelection, WorkerConfig};
use crate::link::keyring::Keyring;
use crate::master::assets::provider::Provider;
use crate::master::assets::providers::KEPT_BARS_FOLDER;
use crate::master::assets::providers::replay::ReplayProvider;
use crate::master::storage::files;
use crate::master::workers::register_offline;
use crate::master::workers::registry::Registration;
use crate::model::Fingerprint;
use crate::model::Timestamp;
use crate::runtime::ownership::create_private_folder;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rate limits of a client address. They are high, because all clients of a sandbox share one.
const RATE_PER_ADDRESS: u32 = 100_000;
/// Orders of an account in a minute, at most.
const ORDERS_PER_MINUTE: u32 = 10_000_000;
/// Rejected orders of an account in an hour, at most.
const REJECTED_PER_HOUR: u32 = 10_000_000;
/// Orders of an account that wait for a price, at most.
const OPEN_ORDERS: u32 = 10_000;
/// Connections of one address to a worker, at most.
const CONNECTIONS_PER_IP: usize = 10_000;

/// The settings of a new sandbox.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The folder, which must be absent or empty.
    pub dir: PathBuf,
    /// Number of workers, 1 to [`WORKERS_MAX`](super::WORKERS_MAX).
    pub workers: u16,
    /// The folder whose market files are copied; `None`: the sample market.
    pub market: Option<PathBuf>,
    /// The start of the replay; `None`: 2012-01-03 for the sample market, the first bar of another.
    pub start: Option<Timestamp>,
    pub update_interval: Duration,
    pub bcrypt_cost: u32,
    /// What follows the market's last bar.
    pub at_end: ReplayEnd,
    /// Whether the sandbox is run at once. Then nothing is made with a market that the master would
    /// refuse, and what is merely strange is left to the master to tell.
    pub is_run: bool,
}

impl SandboxOptions {
    /// The default settings of a sandbox in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> SandboxOptions {
        SandboxOptions {
            dir: dir.into(),
            workers: 1,
            market: None,
            start: None,
            update_interval: Duration::from_secs(1),
            bcrypt_cost: 10,
            at_end: ReplayEnd::Simulate,
            is_run: false,
        }
    }
}

/// Makes a sandbox and starts nothing. It reports each step to `tell` in a line.
///
/// # Errors
/// The folder is not empty, open to others or another user's, or its path is too long; the market
/// cannot be copied, or the master would refuse it (exit code 78) and is to run at once; keys cannot be
/// made; a file cannot be written. What was made so far is removed.
pub fn init(options: &SandboxOptions, tell: &mut dyn FnMut(&str)) -> Result<Layout, SandboxError> {
    let layout = Layout::new(&options.dir)?;
    layout.check_length(options.workers)?;
    let existed = options.dir.exists();
    if existed && !layout.is_empty()? {
        return Err(SandboxError::failed(format!(
            "{}: this folder is not empty, and a sandbox is only made in an empty one",
            layout.dir().display()
        )));
    }
    layout.check_private()?;
    create_private_folder(layout.dir()).map_err(at(layout.dir()))?;
    let made = make(&layout, options, tell);
    if made.is_err() {
        layout.stop_agents();
        layout.clear();
        if !existed {
            let _ = fs::remove_dir(layout.dir());
        }
    }
    made.map(|()| layout)
}

fn make(
    layout: &Layout,
    options: &SandboxOptions,
    tell: &mut dyn FnMut(&str),
) -> Result<(), SandboxError> {
    for folder in layout.folders() {
        create_private_folder(&folder).map_err(at(&folder))?;
    }
    let start = make_market(layout, options, tell)?;
    let parties = make_keys(layout, options.workers, tell)?;
    let mut ports =
        ports::free(usize::from(options.workers) * 2 + 1).map_err(SandboxError::failed)?;
    let pages = ports.split_off(usize::from(options.workers) + 1);
    write_configurations(layout, options, start, &parties, (&ports, &pages), tell)?;
    state::SandboxState::planned(layout)?.write(layout)
}

/// Writes the market files, and checks that a master starts with them, before the rest is made.
/// Returns where their replay starts.
fn make_market(
    layout: &Layout,
    options: &SandboxOptions,
    tell: &mut dyn FnMut(&str),
) -> Result<Timestamp, SandboxError> {
    let folder = layout.market();
    let Some(from) = &options.market else {
        tell("copying the sample market …");
        market::write_sample(&folder)?;
        let start = options.start.or(market::SAMPLE_START).unwrap_or_default();
        return match check_market(options, start, &folder, None) {
            Err(error) if options.is_run => Err(error),
            Err(error) => {
                tell(&format!("warning: the master will not start: {error}"));
                Ok(start)
            }
            Ok(_) => Ok(start),
        };
    };
    tell(&format!("copying the market of {} …", from.display()));
    for said in market::copy(from, &folder)? {
        tell(&said);
    }
    let start = options.start.or_else(|| market::first_bar(&folder));
    let start = start.unwrap_or_default();
    // The files that a person can mend are those that were copied.
    let named = |text: &str| {
        let copies = folder.display().to_string();
        text.replace(&copies, &from.display().to_string())
    };
    // What is read here is not parsed again by the master.
    let kept = layout.master_data().join(KEPT_BARS_FOLDER);
    let checked = check_market(options, start, &folder, Some(&kept));
    match checked {
        Ok(warnings) => warnings
            .iter()
            .filter(|_| !options.is_run)
            .for_each(|warning| tell(&format!("warning: {}", named(warning)))),
        Err(error) if options.is_run => {
            return Err(SandboxError {
                text: named(&error.text),
                ..error
            });
        }
        // Whoever only makes it may mend it before it runs.
        Err(error) => tell(&format!("warning: the master will not start: {error}")),
    }
    Ok(start)
}

/// Checks the market as a master does, and returns its warnings.
fn check_market(
    options: &SandboxOptions,
    start: Timestamp,
    folder: &Path,
    kept: Option<&Path>,
) -> Result<Vec<String>, SandboxError> {
    let settings = ReplaySettings {
        directory: folder.to_owned(),
        start,
        at_end: options.at_end,
    };
    let all = SymbolSelection::All;
    let replay = ReplayProvider::open(&settings, &all, options.update_interval, kept)?;
    Ok(replay.input_warnings().to_vec())
}

/// Makes the keys of master and workers, in this order.
fn make_keys(
    layout: &Layout,
    workers: u16,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Fingerprint>, SandboxError> {
    let names: Vec<String> = layout::names(workers).collect();
    tell(&format!("making {} keys …", names.len()));
    let failed = |name: &str, error| SandboxError::failed(format!("the key of {name}: {error}"));
    let mut parties = Vec::new();
    for name in &names {
        let keyring = Keyring::create(&layout.home(name)).map_err(|e| failed(name, e))?;
        let key = keyring
            .generate(&format!("PaperTrader sandbox {name}"))
            .map_err(|e| failed(name, e))?;
        let public = keyring.export(key).map_err(|e| failed(name, e))?;
        parties.push((name, keyring, key, public));
    }
    // The master has every worker's key, and a worker the master's alone.
    let Some(((_, master, _, masters_key), workers)) = parties.split_first() else {
        return Err(SandboxError::failed("a sandbox without a master"));
    };
    for (name, keyring, _, public) in workers {
        master.import(public).map_err(|e| failed(name, e))?;
        keyring
            .import(masters_key)
            .map_err(|e| failed("master", e))?;
    }
    for (name, keyring, ..) in &parties {
        keyring.stop().map_err(|e| failed(name, e))?;
    }
    Ok(parties.into_iter().map(|(_, _, key, _)| key).collect())
}

fn write_configurations(
    layout: &Layout,
    options: &SandboxOptions,
    start: Timestamp,
    keys: &[Fingerprint],
    (ports, pages): (&[u16], &[u16]),
    tell: &mut dyn FnMut(&str),
) -> Result<(), SandboxError> {
    let ([master_key, worker_keys @ ..], [master_port, worker_ports @ ..]) = (keys, ports) else {
        return Err(SandboxError::failed("a sandbox without a master"));
    };
    let master_address = SocketAddr::new(LOOPBACK, *master_port);
    let file = layout.master_config();
    let text = master_text(options, start, master_key, master_address);
    let (config, _) = MasterConfig::parse(&text, &file).map_err(SandboxError::failed)?;
    write(&file, &config.to_toml(&file))?;
    tell("registering the workers …");
    for ((number, key), (port, page)) in (1..).zip(worker_keys).zip(worker_ports.iter().zip(pages))
    {
        let name = layout::worker_name(number);
        let address = SocketAddr::new(LOOPBACK, *port);
        let worker = register_offline(
            &config.database,
            &Registration {
                name: name.clone(),
                fingerprint: *key,
                ip: LOOPBACK,
                address: address.to_string(),
            },
        )
        .map_err(|error| SandboxError::failed(format!("registering {name}: {error}")))?;
        let text = format!(
            "name = \"{name}\"\nuuid = \"{}\"\nlisten = \"{address}\"\nadvertise = \"{address}\"\n\
             master = \"{master_address}\"\nallow_root = {}\n\
             [gpg]\nhome = \"gpg/{name}\"\nkey = \"{key}\"\nmaster_key = \"{master_key}\"\n\
             [log]\nfile = \"log/{name}.log\"\n\
             [limits]\nmax_connections_per_ip = {CONNECTIONS_PER_IP}\n\
             [web]\nlisten = \"{LOOPBACK}:{page}\"\norigins = [{}]\n",
            worker.uuid,
            is_root(),
            origins_beside(*page, pages),
        );
        let file = layout.worker_config(number);
        let (config, _) = WorkerConfig::parse(&text, &file).map_err(SandboxError::failed)?;
        write(&file, &config.to_toml(&file))?;
    }
    Ok(())
}

/// The origins of the other workers' pages, as a list of TOML: an open page moves on to them.
fn origins_beside(page: u16, pages: &[u16]) -> String {
    let others: Vec<String> = pages
        .iter()
        .filter(|other| **other != page)
        .map(|port| format!("\"http://{LOOPBACK}:{port}\""))
        .collect();
    others.join(", ")
}

/// The master's configuration, as far as it differs from the defaults. All paths are relative, so
/// that the folder can be moved.
fn master_text(
    options: &SandboxOptions,
    start: Timestamp,
    key: &Fingerprint,
    listen: SocketAddr,
) -> String {
    format!(
        "listen = \"{listen}\"\ndata_dir = \"{MASTER_DATA}\"\nallow_root = {allow_root}\n\
         control_socket = \"{socket}\"\n\
         update_interval = \"{interval}\"\nexpected_workers = {workers}\n\
         [gpg]\nhome = \"gpg/master\"\nkey = \"{key}\"\n\
         [log]\nfile = \"log/master.log\"\n\
         [assets]\nsymbols = \"all\"\nprovider = \"replay\"\n\
         [assets.replay]\ndirectory = \"market\"\nstart = \"{start}\"\n\
         at_end = \"{at_end}\"\n\
         [accounts]\nbcrypt_cost = {cost}\n\
         [limits]\nfailed_logins_per_minute_per_address = {RATE_PER_ADDRESS}\n\
         failed_logins_per_minute_per_worker = {RATE_PER_ADDRESS}\n\
         registrations_per_minute_per_address = {RATE_PER_ADDRESS}\n\
         orders_per_minute_per_account = {ORDERS_PER_MINUTE}\n\
         rejected_orders_per_hour_per_account = {REJECTED_PER_HOUR}\n\
         max_open_per_account = {OPEN_ORDERS}\n",
        allow_root = is_root(),
        socket = layout::CONTROL_SOCKET,
        interval = humantime::format_duration(options.update_interval),
        workers = options.workers,
        cost = options.bcrypt_cost,
        at_end = options.at_end,
    )
}

/// Whoever makes a sandbox as root wants its daemons to run as root.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn write(path: &Path, text: &str) -> Result<(), SandboxError> {
    files::create_file(path, text.as_bytes()).map_err(at(path))
}

#[cfg(test)]
mod tests;
