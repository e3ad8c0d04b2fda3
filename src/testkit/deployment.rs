//! spec/testkit/deployment.md · 2.2 Infrastructure Model
//!
//! A whole deployment for a test: a master and workers as processes, in a folder of its own, with
//! real keys, ports and files. A proxy between them and a small disk below the database are
//! optional.
//!
//! Tests: `tests/suite/daemons.rs`.

use super::daemon::{Daemon, Place};
use super::layout::{MASTER, STANDBY};
use super::market::Market;
use super::own_clock::OwnClock;
use super::postgres::ServerDatabase;
use super::proxy::Proxy;
use super::small_disk::SmallDisk;
use super::state::SandboxState;
use super::{
    Layout, SandboxError, SandboxOptions, TEST_TIMEOUT, eventually, init, ports, program, trader,
};
use crate::client::{self, Client, ServerConnection};
use crate::config::{DatabaseUrl, MasterConfig, ReplayEnd};
use crate::link::keyring::Keyring;
use crate::master::workers;
use crate::model::Fingerprint;
use crate::model::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use toml::{Table, Value};

/// A temporary folder of ours alone, removed when dropped; its path is short enough for GPG's
/// sockets.
pub fn folder() -> TempDir {
    let mut builder = tempfile::Builder::new();
    let private = Permissions::from_mode(0o700);
    builder.prefix("pt").permissions(private).tempdir().unwrap()
}

/// A file of a template: its path below the folder, its mode, its contents.
struct Item {
    path: PathBuf,
    mode: u32,
    bytes: Vec<u8>,
}

/// The files of a deployment that was made and never run.
type Template = Arc<Vec<Item>>;

/// Templates by their number of workers. A process makes each once, and keeps it in memory so that
/// no folder outlives the tests.
static TEMPLATES: Mutex<Vec<(u16, Template)>> = Mutex::new(Vec::new());

fn template(workers: u16) -> Result<Template, SandboxError> {
    let mut made = TEMPLATES.lock();
    if let Some((_, template)) = made.iter().find(|(count, _)| *count == workers) {
        return Ok(Arc::clone(template));
    }
    let folder = folder();
    let options = SandboxOptions {
        workers,
        update_interval: Duration::from_millis(200),
        // Four minutes of updates, so that a slow machine does not reach the end of a test's
        // market.
        start: Some(Timestamp::parse("2008-01-02").unwrap()),
        bcrypt_cost: 4,
        // Tests see the end of a market too.
        at_end: ReplayEnd::Stop,
        ..SandboxOptions::new(folder.path())
    };
    let layout = init(&options, &mut |_| {})?;
    let mut items = Vec::new();
    read(layout.dir(), Path::new(""), &mut items);
    let template = Arc::new(items);
    made.push((workers, Arc::clone(&template)));
    Ok(template)
}

fn read(folder: &Path, under: &Path, items: &mut Vec<Item>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (meta, path) = (entry.metadata().unwrap(), under.join(entry.file_name()));
        let mode = meta.permissions().mode();
        if meta.is_dir() {
            items.push(Item {
                path: path.clone(),
                mode,
                bytes: Vec::new(),
            });
            read(&entry.path(), &path, items);
        } else if meta.is_file() && path.extension().is_none_or(|e| e != "lock") {
            let bytes = fs::read(entry.path()).unwrap();
            items.push(Item { path, mode, bytes });
        }
    }
}

fn write(items: &[Item], to: &Path) {
    for item in items {
        let path = to.join(&item.path);
        // The file type's bits of the mode: a folder's are 0o040000. The folder of a small disk
        // exists already.
        if item.mode & 0o170_000 == 0o040_000 {
            fs::create_dir_all(&path).unwrap();
        } else {
            fs::write(&path, &item.bytes).unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(item.mode & 0o7777)).unwrap();
    }
}

/// Gives a daemon a clock of its own, where the system can.
fn put_clock(daemon: &mut Daemon, layout: &Layout) {
    let file = layout.dir().join(format!("{}.clock", daemon.name()));
    if let Some(clock) = OwnClock::new(&file) {
        daemon.run_by_clock(clock);
    }
}

/// The settings of a new deployment. By default it has one worker, the sample market, an update
/// every 200 ms, and cheap hashes.
#[derive(Debug, Default)]
pub struct DeploymentBuilder {
    workers: Option<u16>,
    market: Option<Market>,
    master: Vec<(String, Value)>,
    each_worker: Vec<(String, Value)>,
    has_proxy: bool,
    has_database_proxy: bool,
    disk_megabytes: Option<u32>,
    worker_prefix: Vec<String>,
    watchdog: Option<Duration>,
    own_clocks: bool,
    keeps_folder: bool,
    is_in_a_file: bool,
    has_standby: bool,
    database_url: Option<String>,
}

impl DeploymentBuilder {
    /// Sets the number of workers, 1 to [`super::WORKERS_MAX`].
    pub fn workers(mut self, workers: u16) -> DeploymentBuilder {
        self.workers = Some(workers);
        self
    }

    /// Sets the time between two updates.
    pub fn update_interval(self, interval: Duration) -> DeploymentBuilder {
        let interval = humantime::format_duration(interval).to_string();
        self.set("update_interval", interval)
    }

    /// Sets the market; otherwise it is the sample.
    pub fn market(mut self, market: Market) -> DeploymentBuilder {
        self.market = Some(market);
        self
    }

    /// Sets a key of the master's configuration, such as `limits.max_connections`.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> DeploymentBuilder {
        self.master.push((key.to_owned(), value.into()));
        self
    }

    /// Sets a key of each worker's configuration.
    pub fn set_workers(mut self, key: &str, value: impl Into<Value>) -> DeploymentBuilder {
        self.each_worker.push((key.to_owned(), value.into()));
        self
    }

    /// Puts a proxy between workers and master, which can cut, delay and change their links.
    pub fn link_proxy(mut self) -> DeploymentBuilder {
        self.has_proxy = true;
        self
    }

    /// Puts proxies between each master and each host of its database's server, where it has addresses.
    pub fn database_proxy(mut self) -> DeploymentBuilder {
        self.has_database_proxy = true;
        self
    }

    /// Keeps the database in a file, also where other tests run on a server: for a test that looks
    /// into the file.
    pub fn in_a_file(mut self) -> DeploymentBuilder {
        self.is_in_a_file = true;
        self
    }

    /// Adds a second master with the same database, on the server of `tests/with-postgres`. Without one
    /// there is no second master either: see [`Deployment::standby`].
    pub fn standby(mut self) -> DeploymentBuilder {
        self.has_standby = true;
        self
    }

    /// Keeps the data in this empty database on a server, which outlives the deployment.
    pub fn on_server(mut self, url: &str) -> DeploymentBuilder {
        self.database_url = Some(url.to_owned());
        self
    }

    /// Puts the database on a disk of its own of this size, where mounting is allowed. On a server it
    /// stays there.
    pub fn small_disk(mut self, megabytes: u32) -> DeploymentBuilder {
        self.disk_megabytes = Some(megabytes);
        self
    }

    /// Runs workers by a program, as [`Daemon::run_under`] does.
    pub fn workers_under(mut self, prefix: Vec<String>) -> DeploymentBuilder {
        self.worker_prefix = prefix;
        self
    }

    /// Makes the master ping a watchdog of this time, as systemd asks it to.
    pub fn watchdog(mut self, time: Duration) -> DeploymentBuilder {
        self.watchdog = Some(time);
        self
    }

    /// Whether the folder remains when the deployment is dropped.
    pub fn keep_folder(mut self, keeps: bool) -> DeploymentBuilder {
        self.keeps_folder = keeps;
        self
    }

    /// Gives each daemon a clock of its own ([`Daemon::set_clock`]).
    pub fn own_clocks(mut self) -> DeploymentBuilder {
        self.own_clocks = true;
        self
    }

    /// A new database on a server, where this deployment gets one.
    fn server_database(&self) -> Result<Option<ServerDatabase>, String> {
        if self.is_in_a_file || self.database_url.is_some() {
            Ok(None)
        } else if self.has_standby {
            ServerDatabase::where_there_is_a_server()
        } else {
            ServerDatabase::wanted()
        }
    }

    /// Makes the deployment, and starts nothing.
    ///
    /// # Errors
    /// Keys cannot be made, no port is free, or a file cannot be written.
    pub fn try_make(self) -> Result<Deployment, SandboxError> {
        let mut folder = folder();
        folder.disable_cleanup(self.keeps_folder);
        let workers = self.workers.unwrap_or(1);
        let template = template(workers)?;
        let layout = Layout::new(folder.path())?;
        let server = self.server_database().map_err(SandboxError::failed)?;
        let disk = self
            .disk_megabytes
            .filter(|_| server.is_none() && self.database_url.is_none())
            .and_then(|megabytes| SmallDisk::mount(&layout.dir().join(DATA), megabytes));
        write(&template, folder.path());
        ports::settle(&layout, true)?;
        SandboxState::planned(&layout)?.write(&layout)?;
        let worker = |number| Daemon::new(&layout, Place::Worker(number));
        let mut daemons: Vec<Daemon> = (1..=workers).map(worker).collect();
        let all = daemons.iter_mut();
        all.for_each(|daemon| daemon.run_under(self.worker_prefix.clone()));
        let mut master = Daemon::new(&layout, Place::Master);
        if let Some(time) = self.watchdog {
            master.run_with_watchdog(time);
        }
        if self.own_clocks {
            let all = daemons.iter_mut().chain([&mut master]);
            all.for_each(|daemon| put_clock(daemon, &layout));
        }
        let url = self
            .database_url
            .or_else(|| server.as_ref().map(ServerDatabase::url));
        if let Some(url) = &url {
            let password_file = server.as_ref().and_then(ServerDatabase::password_file);
            move_to_server(&master, url, password_file)?;
        }
        let has_standby = self.has_standby && url.is_some();
        let mut deployment = Deployment {
            master,
            workers: daemons,
            standby: has_standby.then(|| Daemon::standby(&layout)),
            layout,
            proxies: Vec::new(),
            database_proxies: BTreeMap::new(),
            disk,
            _server: server,
            _folder: folder,
        };
        if let Some(market) = &self.market {
            deployment.set_market(market);
        }
        for (key, value) in self.master {
            deployment.master.set(&key, value);
        }
        deployment.put_standby()?;
        if self.has_proxy {
            deployment.put_proxies();
        }
        if self.has_database_proxy {
            deployment.put_database_proxies();
        }
        for worker in &deployment.workers {
            for (key, value) in &self.each_worker {
                worker.set(key, value.clone());
            }
        }
        Ok(deployment)
    }

    /// Makes the deployment, and starts nothing.
    pub fn make(self) -> Deployment {
        self.try_make().unwrap()
    }

    /// Makes the deployment, and starts all daemons.
    pub fn start(self) -> Deployment {
        let deployment = self.make();
        deployment.start_all();
        deployment
    }
}

/// The folder of the master's data, below the deployment's folder.
const DATA: &str = "data/master";

/// A deployment in a folder of its own: one master and its workers. Nothing runs until it is
/// started. Dropping it kills all daemons and removes the folder.
#[derive(Debug)]
pub struct Deployment {
    layout: Layout,
    master: Daemon,
    /// A second master with the same database.
    standby: Option<Daemon>,
    workers: Vec<Daemon>,
    /// Between the workers and each master.
    proxies: Vec<Proxy>,
    /// Between the masters and the hosts of their database, by the master's name.
    database_proxies: BTreeMap<String, Vec<Proxy>>,
    /// Unmounted before the folder is removed.
    disk: Option<SmallDisk>,
    /// Dropped after the daemons are killed.
    _server: Option<ServerDatabase>,
    _folder: TempDir,
}

/// Lets a master that has never run keep its data on a server, with the same workers.
fn move_to_server(
    master: &Daemon,
    url: &str,
    password_file: Option<String>,
) -> Result<(), SandboxError> {
    let wrong = |error: crate::config::ConfigError| SandboxError::failed(error.to_string());
    let from = MasterConfig::load(master.config())
        .map_err(wrong)?
        .0
        .database;
    master.set("database.url", url);
    if let Some(file) = password_file {
        master.set("database.password_file", file);
    }
    let to = MasterConfig::load(master.config())
        .map_err(wrong)?
        .0
        .database;
    workers::copy_offline(&from, &to).map_err(SandboxError::failed)
}

impl Deployment {
    /// A builder with the default settings.
    pub fn builder() -> DeploymentBuilder {
        DeploymentBuilder::default()
    }

    /// A deployment with default settings that does not run. Settings and market may be changed
    /// before its start.
    pub fn new(workers: u16) -> Deployment {
        Deployment::builder().workers(workers).make()
    }

    /// As [`Deployment::new`], with all daemons started.
    pub fn running(workers: u16) -> Deployment {
        Deployment::builder().workers(workers).start()
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    /// Lets people sign in with this one provider of identities, from the master's next start on: the
    /// deployment is its client with this ID and secret.
    pub fn set_provider(&self, name: &str, issuer: &str, (client_id, secret): (&str, &str)) {
        let file = self.dir().join("provider.key");
        fs::write(&file, secret).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let keys = [
            ("name", name),
            ("issuer", issuer),
            ("client_id", client_id),
            ("client_secret_file", file.to_str().unwrap()),
        ];
        let keys = keys.map(|(key, value)| (key.to_owned(), Value::from(value)));
        let provider = Table::from_iter(keys);
        self.master().set("third_party", vec![provider]);
    }

    /// The paths in the folder.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The master.
    pub fn master(&self) -> &Daemon {
        &self.master
    }

    /// The second master, where the tests have a server for its database.
    pub fn standby(&self) -> Option<&Daemon> {
        self.standby.as_ref()
    }

    /// The masters: one, or two.
    pub fn masters(&self) -> impl DoubleEndedIterator<Item = &Daemon> {
        std::iter::once(&self.master).chain(&self.standby)
    }

    /// A worker; the first is 1.
    pub fn worker(&self, number: u16) -> &Daemon {
        assert!(number > 0, "workers are numbered from 1");
        &self.workers[usize::from(number) - 1]
    }

    /// All workers, in order.
    pub fn workers(&self) -> &[Daemon] {
        &self.workers
    }

    /// The daemon of this place.
    pub fn daemon(&self, place: Place) -> &Daemon {
        match place {
            Place::Master => self.master(),
            Place::Worker(number) => self.worker(number),
        }
    }

    /// The masters, then the workers.
    pub fn daemons(&self) -> impl DoubleEndedIterator<Item = &Daemon> {
        self.masters().chain(&self.workers)
    }

    /// The workers' addresses, in order.
    pub fn addresses(&self) -> Vec<String> {
        self.workers.iter().map(Daemon::address).collect()
    }

    /// The proxy of [`DeploymentBuilder::link_proxy`], before the first master.
    pub fn proxy(&self) -> &Proxy {
        self.proxies.first().expect("made with a proxy")
    }

    /// The proxies, one before each master.
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// The proxies of [`DeploymentBuilder::database_proxy`] of a master, one before each host.
    pub fn database_proxies(&self, master: &Daemon) -> &[Proxy] {
        let proxies = self.database_proxies.get(master.name());
        proxies.map(Vec::as_slice).unwrap_or_default()
    }

    /// The disk of [`DeploymentBuilder::small_disk`], where mounting was allowed.
    pub fn disk(&self) -> Option<&SmallDisk> {
        self.disk.as_ref()
    }

    /// The URL of the master's database.
    pub fn database(&self) -> DatabaseUrl {
        MasterConfig::load(self.master.config()).unwrap().0.database
    }

    /// The path of the master's database file; empty where the database is on a server.
    pub fn database_path(&self) -> PathBuf {
        let database = self.database();
        database.file().map(Path::to_owned).unwrap_or_default()
    }

    /// The keyring of this place.
    pub fn keyring(&self, place: Place) -> Keyring {
        Keyring::open(&self.layout.home(&place.name())).unwrap()
    }

    /// The fingerprint of the master's key.
    pub fn master_key(&self) -> Fingerprint {
        let (config, _) = MasterConfig::load(self.master.config()).unwrap();
        Fingerprint::parse(&config.gpg.key.to_string()).unwrap()
    }

    /// Replaces the market files.
    pub fn set_market(&self, market: &Market) {
        market.write(&self.layout.market()).unwrap();
        for (key, value) in market.settings() {
            self.master.set(key, value);
        }
    }

    fn put_proxies(&mut self) {
        let proxy = |master: &Daemon| Proxy::start(master.address().parse().unwrap());
        let proxies: Vec<Proxy> = self.masters().map(proxy).collect();
        let addresses = proxies.iter().map(|it| it.address.to_string()).collect();
        self.set_masters(addresses);
        self.proxies = proxies;
    }

    /// Puts proxies before the hosts of each master's database that are addresses in its URL.
    fn put_database_proxies(&mut self) {
        let DatabaseUrl::Postgres(url) = self.database() else {
            return;
        };
        let parts = url.text().split_once('@');
        let Some((before, (hosts, after))) =
            parts.and_then(|(before, after)| Some((before, after.split_once('/')?)))
        else {
            return;
        };
        let hosts: Option<Vec<SocketAddr>> = hosts.split(',').map(|it| it.parse().ok()).collect();
        let Some(hosts) = hosts else {
            return;
        };
        let mut all = BTreeMap::new();
        for master in self.masters() {
            let proxies: Vec<Proxy> = hosts.iter().map(|host| Proxy::start(*host)).collect();
            let addresses: Vec<String> = proxies.iter().map(|it| it.address.to_string()).collect();
            let url = format!("{before}@{}/{after}", addresses.join(","));
            master.set("database.url", url);
            all.insert(master.name().to_owned(), proxies);
        }
        self.database_proxies = all;
    }

    fn set_masters(&self, addresses: Vec<String>) {
        for worker in &self.workers {
            match addresses.as_slice() {
                [address] => worker.set("master", address.clone()),
                addresses => {
                    worker.unset("master");
                    worker.set("masters", addresses.to_vec());
                }
            }
        }
    }

    /// Makes the second master's files: those of the first, with a port, a folder and a home of its own.
    fn put_standby(&mut self) -> Result<(), SandboxError> {
        let Some(standby) = &self.standby else {
            return Ok(());
        };
        let here = self.layout.dir();
        let home = |name: &str| self.layout.home(name);
        let mut items = Vec::new();
        read(&home(MASTER), Path::new(""), &mut items);
        fs::create_dir(home(STANDBY)).unwrap();
        fs::set_permissions(home(STANDBY), Permissions::from_mode(0o700)).unwrap();
        write(&items, &home(STANDBY));
        fs::copy(self.master.config(), standby.config()).unwrap();
        let port = ports::free(1).map_err(SandboxError::failed)?[0];
        let path = |name: &str| here.join(name).display().to_string();
        for (key, value) in [
            ("listen", format!("127.0.0.1:{port}")),
            ("data_dir", path("data/standby")),
            ("control_socket", path("standby.sock")),
            ("log.file", path("log/standby.log")),
            ("gpg.home", home(STANDBY).display().to_string()),
        ] {
            standby.set(key, value);
        }
        self.set_masters(self.masters().map(Daemon::address).collect());
        Ok(())
    }

    /// Starts the master, then all workers, and waits until they serve; returns how long the master
    /// took.
    ///
    /// # Errors
    /// A daemon does not start in time; the error has its output.
    pub fn try_start_all(&self) -> Result<Duration, SandboxError> {
        let took = self.master.try_start()?;
        if let Some(standby) = &self.standby {
            standby.try_start()?;
        }
        for worker in &self.workers {
            worker.try_spawn(None)?;
        }
        for worker in &self.workers {
            worker.try_wait_ready()?;
        }
        Ok(took)
    }

    /// Starts the master, then all workers, and waits until they serve.
    pub fn start_all(&self) {
        self.try_start_all().unwrap();
    }

    /// Starts the daemons that were killed, master first. Panics where one ended without having
    /// been killed.
    pub fn restart_killed(&self) {
        for daemon in self.daemons() {
            if let Some(status) = daemon.fallen() {
                panic!(
                    "{} ended by itself, {status}:\n{}",
                    daemon.name(),
                    daemon.log()
                );
            }
        }
        for master in self.masters().filter(|it| !it.is_started()) {
            master.start();
        }
        self.spawn_killed_workers();
        self.workers.iter().for_each(Daemon::wait_ready);
    }

    /// Starts the workers that were killed, without waiting.
    pub fn spawn_killed_workers(&self) {
        let killed = self.workers.iter().filter(|worker| !worker.is_started());
        killed.for_each(Daemon::spawn);
    }

    /// Stops the workers, then the master. Each must end with exit code 0.
    pub fn stop_all(&self) {
        for daemon in self.daemons().rev().filter(|daemon| daemon.is_started()) {
            let (status, _) = daemon.stop();
            assert!(
                status.success(),
                "{} ended with {status}:\n{}",
                daemon.name(),
                daemon.log()
            );
        }
    }

    /// The output and logs of all daemons.
    pub fn log(&self) -> String {
        self.daemons().map(Daemon::log).collect()
    }

    /// Connects a client to a worker, without a session.
    pub fn connect(&self, worker: u16) -> Client {
        // A worker that has just been admitted opens its port a moment after the master counts it.
        let connection = eventually(
            "the worker's port is open",
            || match ServerConnection::connect(&self.worker(worker).address(), TEST_TIMEOUT) {
                Err(client::ClientError::Unreachable { .. }) => None,
                connected => Some(connected.unwrap()),
            },
        );
        Client::new(connection, None)
    }

    /// Registers an account of this name and logs in through a worker; the session outlives the
    /// connection.
    pub fn trader(&self, worker: u16, name: &str) -> Client {
        let mut client = self.connect(worker);
        trader::register(&mut client, name);
        client
            .login(&trader::username(name), &trader::hashed(name), false)
            .unwrap();
        client
    }

    /// Runs one of the package's programs to its end, with an empty standard input.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Output {
        Command::new(program::find(name))
            .args(arguments)
            .current_dir(self.dir())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        // Workers first, as in a regular stop.
        for daemon in self.daemons().rev() {
            daemon.kill();
        }
        self.layout.stop_agents();
    }
}
