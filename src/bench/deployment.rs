//! spec/bench/deployment.md · 2.2 Infrastructure Model
//!
//! The deployment that is measured: a sandbox with a simulated market, its programs those beside this one.

use super::process::{self, Folder, Server, in_batch};
use crate::client::{Client, Options as ClientOptions};
use crate::model::{Email, HashedPass, Quote, SessionId, Symbol, Username};
use crate::testkit::{self, Layout};
use crate::wire::State;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use toml::{Table, Value};

/// Connections that a worker takes: the 10,000 of the measurement, and some to look at it meanwhile.
pub const CONNECTIONS_MAX: u32 = 10_100;
/// Orders that one account may have queued.
const QUEUED_PER_ACCOUNT: u32 = 100_000;
/// How long preparing calls may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What matters of a deployment.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Workers.
    pub workers: u16,
    /// Between two updates.
    pub update_interval: Duration,
    /// Of a password's hash.
    pub bcrypt_cost: u32,
    /// Assets of the simulated market.
    pub assets: u32,
}

impl Default for Setting {
    fn default() -> Setting {
        Setting {
            workers: 1,
            update_interval: Duration::from_secs(3600),
            bcrypt_cost: 4,
            assets: 100,
        }
    }
}

/// Someone who is registered and logged in.
#[derive(Debug, Clone)]
pub struct Player {
    /// The name.
    pub username: Username,
    /// Its session.
    pub session: SessionId,
}

/// A deployment. Dropping it stops it and removes all of it.
#[derive(Debug)]
pub struct Deployment {
    setting: Setting,
    programs: PathBuf,
    layout: Layout,
    addresses: Vec<SocketAddr>,
    workers: Vec<Server>,
    master: Option<Server>,
    folder: Folder,
}

impl Deployment {
    /// Makes one, and starts nothing.
    ///
    /// # Errors
    /// What is in the way.
    pub fn make(setting: Setting) -> Result<Deployment, String> {
        let folder = Folder::new()?;
        let mut options = testkit::Options::new(folder.path().join("s"));
        options.workers = setting.workers;
        options.update_interval = setting.update_interval;
        options.bcrypt_cost = setting.bcrypt_cost;
        let layout = testkit::init(&options, &mut |_| ()).map_err(|e| e.to_string())?;
        let mut deployment = Deployment {
            setting,
            programs: programs()?,
            layout,
            addresses: Vec::new(),
            workers: Vec::new(),
            master: None,
            folder,
        };
        deployment.configure()?;
        Ok(deployment)
    }

    /// Makes one and starts it.
    ///
    /// # Errors
    /// What is in the way.
    pub fn start(setting: Setting) -> Result<Deployment, String> {
        let mut deployment = Deployment::make(setting)?;
        deployment.start_all()?;
        Ok(deployment)
    }

    fn configure(&mut self) -> Result<(), String> {
        let assets = i64::from(self.setting.assets);
        edit(&self.layout.master_config(), |table| {
            let market = Table::from_iter([
                ("symbols".to_owned(), Value::Integer(assets)),
                ("seed".to_owned(), Value::Integer(1)),
            ]);
            set(table, "assets", "provider", Value::String("simulated".to_owned()));
            set(table, "assets", "simulated", Value::Table(market));
            set(
                table,
                "limits",
                "max_queued_per_account",
                QUEUED_PER_ACCOUNT.into(),
            );
        })?;
        let mut addresses = Vec::new();
        for (_, file) in self.layout.worker_configs() {
            edit(&file, |table| {
                set(table, "limits", "max_connections", CONNECTIONS_MAX.into());
                set(table, "limits", "max_connections_per_ip", CONNECTIONS_MAX.into());
                let address = table.get("listen").and_then(Value::as_str);
                addresses.extend(address.and_then(|text| text.parse::<SocketAddr>().ok()));
            })?;
        }
        self.addresses = addresses;
        Ok(())
    }

    /// Starts the master, and how long it took until it served.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_master(&mut self) -> Result<Duration, String> {
        let mut command = Command::new(self.programs.join("papertrader-master"));
        command.arg("--config").arg(self.layout.master_config());
        let (server, took) = Server::start_notifying("papertrader-master", command, self.folder.path())?;
        self.master = Some(server);
        Ok(took)
    }

    /// Starts the master and all workers.
    ///
    /// # Errors
    /// One does not start.
    pub fn start_all(&mut self) -> Result<Duration, String> {
        let took = self.start_master()?;
        for (number, file) in self.layout.worker_configs() {
            let mut command = in_batch(self.programs.join("papertrader-worker"));
            command.arg("--config").arg(file);
            let name = format!("papertrader-worker-{number}");
            let (server, _) = Server::start_notifying(&name, command, self.folder.path())?;
            self.workers.push(server);
        }
        Ok(took)
    }

    /// Stops all of it; it can be started again.
    pub fn stop(&mut self) {
        for worker in &mut self.workers {
            worker.stop();
        }
        self.workers.clear();
        if let Some(mut master) = self.master.take() {
            master.stop();
        }
        self.layout.stop_agents();
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

    /// The first worker's process.
    ///
    /// # Errors
    /// It does not run.
    pub fn worker_pid(&self) -> Result<u32, String> {
        self.workers
            .first()
            .map(Server::pid)
            .ok_or_else(|| "no worker".to_owned())
    }

    /// Nanoseconds of processor time that all of it has used.
    ///
    /// # Errors
    /// One of its processes is gone.
    pub fn processor_time(&self) -> Result<u64, String> {
        let mut sum = 0;
        for server in self.workers.iter().chain(&self.master) {
            sum += process::processor_time(server.pid())?;
        }
        Ok(sum)
    }

    /// The master's database, to be filled while nothing runs.
    pub fn database(&self) -> PathBuf {
        self.layout.dir().join("data/master/master.db")
    }

    /// What the master says of itself.
    ///
    /// # Errors
    /// It does not answer.
    pub fn status(&self) -> Result<serde_json::Value, String> {
        let mut command = Command::new(self.programs.join("papertraderctl"));
        command
            .arg("--socket")
            .arg(self.layout.control_socket())
            .args(["--json", "status"]);
        let said = process::run(command)?;
        serde_json::from_str(&said).map_err(|e| format!("papertraderctl status: {e}: {said}"))
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
    pub fn player(&self, name: &str) -> Result<Player, String> {
        let mut client = self.client()?;
        let username = Username::parse(name).map_err(|e| e.to_string())?;
        let email = Email::parse(&format!("{name}@example.org")).map_err(|e| e.to_string())?;
        client
            .register(&username, &email, &password()?)
            .map_err(|e| e.to_string())?;
        let login = client
            .login(&username, &password()?, false)
            .map_err(|e| e.to_string())?;
        Ok(Player {
            username,
            session: login.session,
        })
    }

    /// Several of them.
    ///
    /// # Errors
    /// One is refused.
    pub fn players(&self, count: usize) -> Result<Vec<Player>, String> {
        (0..count).map(|n| self.player(&format!("player-{n}"))).collect()
    }

    /// All assets with their quotes.
    ///
    /// # Errors
    /// One of them has none.
    pub fn quotes(&self, player: &Player) -> Result<Vec<(Symbol, Quote)>, String> {
        let mut client = self.client()?;
        client.set_session(Some(player.session.clone()));
        client.enter(State::Data).map_err(|e| e.to_string())?;
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

impl Drop for Deployment {
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

/// Where the programs are: beside this one, or one above, where tests run.
fn programs() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|e| format!("this program's own place: {e}"))?;
    own.ancestors()
        .skip(1)
        .take(2)
        .find(|folder| folder.join("papertrader-master").exists())
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{}: no papertrader-master beside it", own.display()))
}

fn edit(file: &Path, change: impl FnOnce(&mut Table)) -> Result<(), String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let text = fs::read_to_string(file).map_err(|e| failed(&e))?;
    let mut table: Table = text.parse().map_err(|e: toml::de::Error| failed(&e))?;
    change(&mut table);
    fs::write(file, table.to_string()).map_err(|e| failed(&e))
}

fn set(table: &mut Table, section: &str, key: &str, value: Value) {
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Some(section) = section.as_table_mut() {
        section.insert(key.to_owned(), value);
    }
}
