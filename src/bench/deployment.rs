//! spec/bench.md · 2.2 Infrastructure Model
//!
//! The deployment that is measured: one of the testkit, with a simulated market.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use crate::client::{Client, ConnectOptions as ClientOptions};
use crate::model::{Email, HashedPass, Quote, SessionId, Symbol, Username};
use crate::testkit::deployment::DeploymentBuilder;
use crate::testkit::state::SandboxState;
use crate::testkit::{Deployment, Market, Resources};
use crate::wire::ConnectionState;
use rustix::process::Signal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Connections that a worker accepts: the 10,000 of the idle measurement, and some to observe it.
pub const CONNECTIONS_MAX: u32 = 10_100;
/// Orders that one account may have queued, at most.
const QUEUED_PER_ACCOUNT_MAX: u32 = 100_000;
/// How long a daemon may take to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client's call outside the measurement may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The settings of a deployment that measurements choose.
#[derive(Debug, Clone, Copy)]
pub struct BenchSetting {
    pub workers: u16,
    pub update_interval: Duration,
    pub bcrypt_cost: u32,
    pub assets: u32,
    /// The time of the watchdog that the master pings, if any.
    pub watchdog: Option<Duration>,
}

impl Default for BenchSetting {
    fn default() -> BenchSetting {
        BenchSetting {
            workers: 1,
            update_interval: Duration::from_secs(3600),
            bcrypt_cost: 4,
            assets: 100,
            watchdog: None,
        }
    }
}

/// A registered account with a session.
#[derive(Debug, Clone)]
pub struct BenchTrader {
    pub username: Username,
    pub session: SessionId,
}

impl BenchTrader {
    /// Registers an account of that name, and logs in.
    ///
    /// # Errors
    /// Registration or login is refused.
    pub fn register(mut client: Client, name: &str) -> Result<BenchTrader, String> {
        let username = Username::parse(name).map_err(|e| e.to_string())?;
        let email = Email::parse(&format!("{name}@example.org")).map_err(|e| e.to_string())?;
        client
            .register(&username, &email, &password()?)
            .map_err(|e| e.to_string())?;
        let login = client
            .login(&username, &password()?, false)
            .map_err(|e| e.to_string())?;
        Ok(BenchTrader {
            username,
            session: login.session,
        })
    }
}

/// A deployment that is measured. Dropping it stops its daemons and removes its folder.
#[derive(Debug)]
pub struct BenchDeployment {
    kit: Deployment,
    addresses: Vec<SocketAddr>,
}

impl BenchDeployment {
    /// Makes a deployment, and starts nothing.
    ///
    /// # Errors
    /// Keys, ports or files cannot be made.
    pub fn make(setting: BenchSetting) -> Result<BenchDeployment, String> {
        BenchDeployment::make_by(Deployment::builder().in_a_file(), setting)
    }

    /// As [`BenchDeployment::make`], with the data in this empty database on a server.
    ///
    /// # Errors
    /// As there.
    pub fn make_on_server(setting: BenchSetting, url: &str) -> Result<BenchDeployment, String> {
        BenchDeployment::make_by(Deployment::builder().on_server(url), setting)
    }

    fn make_by(
        mut kit: DeploymentBuilder,
        setting: BenchSetting,
    ) -> Result<BenchDeployment, String> {
        if let Some(time) = setting.watchdog {
            kit = kit.watchdog(time);
        }
        let kit = kit
            .workers(setting.workers)
            .update_interval(setting.update_interval)
            .market(Market::Simulated {
                symbols: setting.assets,
                seed: 1,
            })
            .set("accounts.bcrypt_cost", setting.bcrypt_cost)
            .set("limits.max_queued_per_account", QUEUED_PER_ACCOUNT_MAX)
            .set_workers("limits.max_connections", CONNECTIONS_MAX)
            .set_workers("limits.max_connections_per_ip", CONNECTIONS_MAX)
            .try_make()
            .map_err(|e| e.to_string())?;
        let addresses = kit
            .addresses()
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        Ok(BenchDeployment { kit, addresses })
    }

    /// Makes a deployment and starts it.
    ///
    /// # Errors
    /// Keys, ports or files cannot be made.
    pub fn start(setting: BenchSetting) -> Result<BenchDeployment, String> {
        let deployment = BenchDeployment::make(setting)?;
        deployment.start_all()?;
        Ok(deployment)
    }

    /// Sets a path in each worker's configuration, before it starts.
    pub fn set_workers(&self, key: &str, path: &Path) {
        for worker in self.kit.workers() {
            worker.set(key, path.to_string_lossy().as_ref());
        }
    }

    /// Starts the master; returns how long it took until it served.
    ///
    /// # Errors
    /// The master does not start.
    pub fn start_master(&self) -> Result<Duration, String> {
        self.kit.master().try_start().map_err(|e| e.to_string())
    }

    /// Starts the master and all workers; returns how long the master took.
    ///
    /// # Errors
    /// A daemon does not start.
    pub fn start_all(&self) -> Result<Duration, String> {
        self.kit.try_start_all().map_err(|e| e.to_string())
    }

    /// Stops all daemons; they can be started again.
    pub fn stop(&self) {
        for daemon in self
            .kit
            .daemons()
            .rev()
            .filter(|daemon| daemon.is_started())
        {
            daemon.signal(Signal::TERM);
            daemon.wait_exit(STOP_TIMEOUT);
        }
        self.kit.layout().stop_agents();
    }

    /// The first worker's address.
    ///
    /// # Errors
    /// There is no worker.
    pub fn worker(&self) -> Result<SocketAddr, String> {
        self.addresses
            .first()
            .copied()
            .ok_or_else(|| "no worker".to_owned())
    }

    /// The workers' addresses.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// `HOST:PORT` of the first worker's page.
    ///
    /// # Errors
    /// It has none, or its configuration cannot be read.
    pub fn page(&self) -> Result<String, String> {
        let state = SandboxState::planned(self.kit.layout()).map_err(|e| e.to_string())?;
        let worker = state.workers.into_iter().next();
        let page = worker.and_then(|worker| worker.page);
        let host = page
            .as_deref()
            .and_then(|page| page.strip_prefix("http://"));
        let host = host.map(|host| host.trim_end_matches('/').to_owned());
        host.ok_or_else(|| "the worker has no page".to_owned())
    }

    /// Processor time that the first worker has used, in nanoseconds.
    ///
    /// # Errors
    /// The worker's process has ended.
    pub fn worker_processor_time(&self) -> Result<u64, String> {
        let resources = Resources::of(self.kit.worker(1).pid()).map_err(|e| e.to_string())?;
        Ok(u64::try_from(resources.processor.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Resident memory of the first worker, in bytes.
    ///
    /// # Errors
    /// The worker's process has ended.
    pub fn worker_resident(&self) -> Result<u64, String> {
        let resources = Resources::of(self.kit.worker(1).pid());
        resources
            .map(|taken| taken.resident)
            .map_err(|e| e.to_string())
    }

    /// The most resident memory that the master has had, in bytes.
    ///
    /// # Errors
    /// The master's process has ended.
    pub fn master_resident_peak(&self) -> Result<u64, String> {
        let resources = Resources::of(self.kit.master().pid());
        resources
            .map(|taken| taken.resident_peak)
            .map_err(|e| e.to_string())
    }

    /// Resident memory of the master, in bytes.
    ///
    /// # Errors
    /// The master's process has ended.
    pub fn master_resident(&self) -> Result<u64, String> {
        let resources = Resources::of(self.kit.master().pid());
        resources
            .map(|taken| taken.resident)
            .map_err(|e| e.to_string())
    }

    /// How often the master has pinged its watchdog.
    pub fn master_pings(&self) -> u64 {
        self.kit.master().pings()
    }

    /// The logs of all daemons.
    pub fn log(&self) -> String {
        self.kit.log()
    }

    /// Processor time that all daemons have used, in nanoseconds.
    ///
    /// # Errors
    /// One of the processes has ended.
    pub fn processor_time(&self) -> Result<u64, String> {
        let mut sum = Duration::ZERO;
        for daemon in self.kit.daemons() {
            sum += Resources::of(daemon.pid())
                .map_err(|e| e.to_string())?
                .processor;
        }
        Ok(u64::try_from(sum.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The master's database file. It may be filled while nothing runs.
    pub fn database(&self) -> PathBuf {
        self.kit.database_path()
    }

    /// The master's status, as `papertraderctl status --json` prints it.
    ///
    /// # Errors
    /// The master does not answer.
    pub fn status(&self) -> Result<serde_json::Value, String> {
        let output = self.kit.ctl("--json status");
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("papertraderctl status: {}", said.trim_end()));
        }
        serde_json::from_slice(&output.stdout).map_err(|e| format!("papertraderctl status: {e}"))
    }

    /// A client connected to the first worker.
    ///
    /// # Errors
    /// The connection fails.
    pub fn client(&self) -> Result<Client, String> {
        let options = ClientOptions {
            deadline: CALL_TIMEOUT,
            ..ClientOptions::default()
        };
        Client::open(&self.worker()?.to_string(), &options, None).map_err(|e| e.to_string())
    }

    /// Registers an account through the first worker, and logs in.
    ///
    /// # Errors
    /// Registration or login is refused.
    pub fn player(&self, name: &str) -> Result<BenchTrader, String> {
        BenchTrader::register(self.client()?, name)
    }

    /// Registers `count` accounts, and logs in with each.
    ///
    /// # Errors
    /// A registration or login is refused.
    pub fn players(&self, count: usize) -> Result<Vec<BenchTrader>, String> {
        (0..count)
            .map(|n| self.player(&format!("player-{n}")))
            .collect()
    }

    /// All assets with their quotes.
    ///
    /// # Errors
    /// An asset has no quote.
    pub fn quotes(&self, player: &BenchTrader) -> Result<Vec<(Symbol, Quote)>, String> {
        let mut client = self.client()?;
        client.set_session(Some(player.session.clone()));
        client
            .enter(ConnectionState::Data)
            .map_err(|e| e.to_string())?;
        let symbols = client.list().map_err(|e| e.to_string())?;
        let quotes = client.quotes(&symbols).map_err(|e| e.to_string())?;
        symbols
            .into_iter()
            .zip(quotes)
            .map(|(symbol, quote)| match quote {
                Ok(quote) if quote.value.0 > 0 => Ok((symbol, quote)),
                Ok(quote) => Err(format!("{symbol}: {quote:?}")),
                Err(refusal) => Err(format!("{symbol}: {refusal}")),
            })
            .collect()
    }
}

impl Drop for BenchDeployment {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The hashedPass of every account, made up.
///
/// # Errors
/// Never: the text has the form.
pub fn password() -> Result<HashedPass, String> {
    HashedPass::parse(&"5a".repeat(32)).map_err(|e| e.to_string())
}
