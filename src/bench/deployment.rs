//! spec/bench/deployment.md · 2.2 Infrastructure Model
//!
//! The deployment that is measured: the testkit's, with a simulated market.

use crate::client::{Client, ConnectOptions as ClientOptions};
use crate::model::{Email, HashedPass, Quote, SessionId, Symbol, Username};
use crate::testkit::{Deployment, Market, Resources};
use crate::wire::ConnectionState;
use rustix::process::Signal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Connections that a worker takes: the 10,000 of the measurement, and some to look at it
/// meanwhile.
pub const CONNECTIONS_MAX: u32 = 10_100;
/// Orders that one account may have queued.
const QUEUED_PER_ACCOUNT: u32 = 100_000;
/// How long a daemon may take to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// How long preparing calls may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What matters of a deployment.
#[derive(Debug, Clone, Copy)]
pub struct BenchSetting {
    /// Workers.
    pub workers: u16,
    /// Between two updates.
    pub update_interval: Duration,
    /// Of a password's hash.
    pub bcrypt_cost: u32,
    /// Assets of the simulated market.
    pub assets: u32,
}

impl Default for BenchSetting {
    fn default() -> BenchSetting {
        BenchSetting {
            workers: 1,
            update_interval: Duration::from_secs(3600),
            bcrypt_cost: 4,
            assets: 100,
        }
    }
}

/// Someone who is registered and logged in.
#[derive(Debug, Clone)]
pub struct BenchTrader {
    /// The name.
    pub username: Username,
    /// Its session.
    pub session: SessionId,
}

impl BenchTrader {
    /// Registers someone of that name, and logs in.
    ///
    /// # Errors
    /// One of the two is refused.
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

/// A deployment that is measured. Dropping it stops it and removes all of it.
#[derive(Debug)]
pub struct BenchDeployment {
    kit: Deployment,
    addresses: Vec<SocketAddr>,
}

impl BenchDeployment {
    /// Makes one, and starts nothing.
    ///
    /// # Errors
    /// What is in the way.
    pub fn make(setting: BenchSetting) -> Result<BenchDeployment, String> {
        let kit = Deployment::builder()
            .workers(setting.workers)
            .update_interval(setting.update_interval)
            .market(Market::Simulated {
                symbols: setting.assets,
                seed: 1,
            })
            .set("accounts.bcrypt_cost", setting.bcrypt_cost)
            .set("limits.max_queued_per_account", QUEUED_PER_ACCOUNT)
            .set_workers("limits.max_connections", CONNECTIONS_MAX)
            .set_workers("limits.max_connections_per_ip", CONNECTIONS_MAX)
            .in_batch()
            .try_make()
            .map_err(|e| e.to_string())?;
        let addresses = kit
            .addresses()
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        Ok(BenchDeployment { kit, addresses })
    }

    /// Makes one and starts it.
    ///
    /// # Errors
    /// What is in the way.
    pub fn start(setting: BenchSetting) -> Result<BenchDeployment, String> {
        let deployment = BenchDeployment::make(setting)?;
        deployment.start_all()?;
        Ok(deployment)
    }

    /// Starts the master, and how long it took until it served.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_master(&self) -> Result<Duration, String> {
        self.kit.master().try_start().map_err(|e| e.to_string())
    }

    /// Starts the master and all workers.
    ///
    /// # Errors
    /// One does not start.
    pub fn start_all(&self) -> Result<Duration, String> {
        self.kit.try_start_all().map_err(|e| e.to_string())
    }

    /// Stops all of it; it can be started again.
    pub fn stop(&self) {
        for daemon in self.kit.daemons().rev().filter(|daemon| daemon.is_started()) {
            daemon.signal(Signal::TERM);
            daemon.wait_exit(STOP_TIMEOUT);
        }
        self.kit.layout().stop_agents();
    }

    /// Where the first worker serves.
    ///
    /// # Errors
    /// There is none.
    pub fn worker(&self) -> Result<SocketAddr, String> {
        self.addresses
            .first()
            .copied()
            .ok_or_else(|| "no worker".to_owned())
    }

    /// Where all workers serve.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Bytes of memory that the first worker has resident.
    ///
    /// # Errors
    /// It is gone.
    pub fn worker_resident(&self) -> Result<u64, String> {
        let resources = Resources::of(self.kit.worker(1).pid());
        resources.map(|taken| taken.resident).map_err(|e| e.to_string())
    }

    /// Nanoseconds of processor time that all of it has used.
    ///
    /// # Errors
    /// One of its processes is gone.
    pub fn processor_time(&self) -> Result<u64, String> {
        let mut sum = Duration::ZERO;
        for daemon in self.kit.daemons() {
            sum += Resources::of(daemon.pid()).map_err(|e| e.to_string())?.processor;
        }
        Ok(u64::try_from(sum.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The master's database, to be filled while nothing runs.
    pub fn database(&self) -> PathBuf {
        self.kit.database_path()
    }

    /// What the master says of itself.
    ///
    /// # Errors
    /// It does not answer.
    pub fn status(&self) -> Result<serde_json::Value, String> {
        let output = self.kit.ctl("--json status");
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("papertraderctl status: {}", said.trim_end()));
        }
        serde_json::from_slice(&output.stdout).map_err(|e| format!("papertraderctl status: {e}"))
    }

    /// A client of the first worker.
    ///
    /// # Errors
    /// It does not get through.
    pub fn client(&self) -> Result<Client, String> {
        let options = ClientOptions {
            deadline: PATIENCE,
            ..ClientOptions::default()
        };
        Client::open(&self.worker()?.to_string(), &options, None).map_err(|e| e.to_string())
    }

    /// Registers someone, and logs in.
    ///
    /// # Errors
    /// One of the two is refused.
    pub fn player(&self, name: &str) -> Result<BenchTrader, String> {
        BenchTrader::register(self.client()?, name)
    }

    /// Several of them.
    ///
    /// # Errors
    /// One is refused.
    pub fn players(&self, count: usize) -> Result<Vec<BenchTrader>, String> {
        (0..count).map(|n| self.player(&format!("player-{n}"))).collect()
    }

    /// All assets with their quotes.
    ///
    /// # Errors
    /// One of them has none.
    pub fn quotes(&self, player: &BenchTrader) -> Result<Vec<(Symbol, Quote)>, String> {
        let mut client = self.client()?;
        client.set_session(Some(player.session.clone()));
        client.enter(ConnectionState::Data).map_err(|e| e.to_string())?;
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

/// What every account's password is: the form of a derived one.
///
/// # Errors
/// Never; it has the form.
pub fn password() -> Result<HashedPass, String> {
    HashedPass::parse(&"5a".repeat(32)).map_err(|e| e.to_string())
}
