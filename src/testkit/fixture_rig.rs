//! spec/testkit.md · 4.7 Communication
//!
//! What a dialogue needs, met by a deployment of its own: for the suite, and for `ptcat conform
//! --sandbox`.
//!
//! Tests: `tests/suite/protocol/fixtures.rs`.

use super::error::at;
use super::{Daemon, Deployment, SandboxError, TEST_TIMEOUT};
use crate::client::{Client, OrderForm};
use crate::config::DatabaseUrl;
use crate::dialogue::conform::{RunningTestbed, Testbed};
use crate::dialogue::fixtures;
use crate::dialogue::peer::Peer;
use crate::dialogue::report::ServerFacts;
use crate::dialogue::script::{Need, Script};
use crate::dialogue::servers::{Dialer, Servers};
use crate::model::{Money, OrderAmount, OrderTerms, Quantity, Side, TimeInForce};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use toml::Table;

/// How often is asked again for what is waited for.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How long a daemon may take to end, by its own promise.
const STOP: Duration = Duration::from_secs(5);

/// The most workers that a dialogue may need.
const WORKERS_MAX: u16 = 100;

/// A running deployment, as dialogues name its parts: all is reached by `servers`, and stopped and
/// started by hooks.
pub struct FixtureRig {
    pub servers: Servers,
    deployment: Deployment,
    /// Whoever sees that an update is settled, from the first update that a dialogue asks for.
    clock: Option<Client>,
}

/// A need as a dialogue's line says it behind `needs`, such as `workers 2`.
pub fn need(line: &str) -> Need {
    let mut words = line.split(' ').map(str::to_owned);
    Need {
        what: words.next().unwrap_or_default(),
        words: words.collect(),
    }
}

impl FixtureRig {
    /// As [`FixtureRig::try_start`], for tests.
    pub fn start(needs: &[Need]) -> FixtureRig {
        FixtureRig::try_start(needs, None).unwrap()
    }

    /// Makes it, and waits until all of it serves: one worker, the sample market, an update a
    /// second, unless it is asked for otherwise. Markets are those of the folder, else those that
    /// this program carries.
    ///
    /// # Errors
    /// A need that nobody knows how to meet, or a deployment that does not start.
    pub fn try_start(needs: &[Need], markets: Option<&Path>) -> Result<FixtureRig, SandboxError> {
        let asked = |what: &str| needs.iter().find(|need| need.what == what);
        let workers = match asked("workers") {
            Some(need) => {
                let count = need.words.concat().parse().ok();
                count
                    .filter(|count| (1..=WORKERS_MAX).contains(count))
                    .ok_or_else(|| unmet(need))?
            }
            None => 1,
        };
        // A dialogue links in the name of one more worker, which is registered and never runs.
        let has_link = asked("link").is_some();
        let deployment = Deployment::builder()
            .workers(workers + u16::from(has_link))
            .try_make()?;
        let master = deployment.master();
        master.set("update_interval", "1s");
        master.set("assets.replay.start", "2012-01-03");
        for need in needs {
            let word = need.words.join(" ");
            match need.what.as_str() {
                "master-port" | "workers" | "updates" | "link" => {}
                "market" if word == "sample" => {}
                "market" => {
                    let folder = market(&word, markets, deployment.dir())?;
                    master.set("assets.replay.directory", folder.display().to_string());
                }
                "start" => master.set("assets.replay.start", word),
                "interval" => master.set("update_interval", word),
                "master" => set(need, &word, &[master])?,
                "worker" => {
                    let workers: Vec<&Daemon> = deployment.workers().iter().collect();
                    set(need, &word, &workers)?;
                }
                _ => return Err(unmet(need)),
            }
        }
        let (running, spare) = match deployment.workers().split_last() {
            Some((spare, running)) if has_link => (running, Some(spare)),
            _ => (deployment.workers(), None),
        };
        master.try_start()?;
        for worker in running {
            worker.try_spawn(None)?;
        }
        for worker in running {
            worker.try_wait_ready()?;
        }
        let servers = Servers {
            workers: running.iter().map(Daemon::address).collect(),
            link: spare.map(|worker| worker.config().to_owned()),
            master: Some(deployment.master().address()),
            ..Servers::default()
        };
        Ok(FixtureRig {
            servers,
            deployment,
            clock: None,
        })
    }

    /// What it runs.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The master's database.
    pub fn database(&self) -> DatabaseUrl {
        self.deployment.database()
    }

    /// What the daemons have said, for a test that fails.
    pub fn said(&self) -> String {
        self.deployment.log()
    }

    /// Makes one update and waits until it is settled. The interval is long: a market that goes on
    /// after a pause begins an update at once.
    fn update(&mut self) -> Result<(), String> {
        let deployment = &self.deployment;
        let clock = self
            .clock
            .get_or_insert_with(|| deployment.trader(1, "clock"));
        let before = clock.quote_list().map_err(|e| e.to_string())?;
        let row = before.rows.first().ok_or("the market has no asset")?;
        // An order that nothing fills. Its cancelling is answered after the settlement of an update
        // that is under way.
        let order = OrderForm {
            side: Side::Buy,
            symbol: row.symbol,
            amount: OrderAmount::Units(Quantity(1_000_000)),
            terms: OrderTerms::Limit { limit: Money(1) },
            time_in_force: TimeInForce::Gtc,
            id: None,
        };
        let order = clock.place_order(&order).map_err(|e| e.to_string())?;
        for command in ["market pause", "market resume"] {
            let output = self.deployment.ctl(command);
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("papertraderctl {command}: {said}"));
            }
        }
        let until = Instant::now() + TEST_TIMEOUT;
        while clock.quote_list().map_err(|e| e.to_string())?.update == before.update {
            wait("an update", until)?;
        }
        clock.cancel_order(order.id).map_err(|e| e.to_string())?;
        Ok(())
    }

    fn stop(&self, daemon: &Daemon) -> Result<(), String> {
        let (status, took) = daemon.stop();
        if status.success() && took < STOP {
            Ok(())
        } else {
            Err(format!(
                "{}: {status}, {took:?}:\n{}",
                daemon.name(),
                self.said()
            ))
        }
    }

    /// Starts the master, and waits for the first worker that links again: a dialogue goes on with
    /// the link.
    fn start_master(&self) -> Result<(), String> {
        let links = |deployment: &Deployment| {
            let log = deployment.master().log();
            log.matches(" is linked from ").count()
        };
        let before = links(&self.deployment);
        let master = self.deployment.master();
        master.try_start().map_err(|e| e.to_string())?;
        let until = Instant::now() + TEST_TIMEOUT;
        while links(&self.deployment) == before {
            wait("a worker's link", until)?;
        }
        Ok(())
    }
}

/// Waits a moment.
fn wait(what: &str, until: Instant) -> Result<(), String> {
    if Instant::now() >= until {
        return Err(format!("{what} was awaited in vain"));
    }
    std::thread::sleep(POLL_INTERVAL);
    Ok(())
}

fn unmet(need: &Need) -> SandboxError {
    SandboxError::failed(format!("needs {need}: nobody knows how to meet it"))
}

/// Sets `KEY=VALUE` of a need at daemons that do not run yet.
fn set(need: &Need, line: &str, daemons: &[&Daemon]) -> Result<(), SandboxError> {
    let (key, value) = line.split_once('=').ok_or_else(|| unmet(need))?;
    if format!("value = {value}").parse::<Table>().is_err() {
        return Err(unmet(need));
    }
    daemons
        .iter()
        .for_each(|daemon| daemon.set_toml(key, value));
    Ok(())
}

/// The folder of a market: below `markets`, or written below the deployment's folder.
fn market(name: &str, markets: Option<&Path>, dir: &Path) -> Result<PathBuf, SandboxError> {
    if let Some(folder) = markets.map(|markets| markets.join(name))
        && folder.is_dir()
    {
        return folder.canonicalize().map_err(at(&folder));
    }
    let files = fixtures::market(name);
    if files.is_empty() {
        return Err(SandboxError::failed(format!("{name}: no such market")));
    }
    let folder = dir.join("dialogue-market");
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    for (file, text) in files {
        let path = folder.join(file);
        fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(folder)
}

impl Dialer for FixtureRig {
    fn connect(&mut self, target: &str, within: Duration) -> Result<Box<dyn Peer>, String> {
        self.servers.connect(target, within.min(TEST_TIMEOUT))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        let worker = || self.deployment.worker(1);
        match name {
            "update" => return self.update(),
            "stop-master" => return self.stop(self.deployment.master()),
            "start-master" => return self.start_master(),
            "kill-master" => self.deployment.master().kill(),
            "stop-worker" => return self.stop(worker()),
            "start-worker" => {
                worker().try_start().map_err(|e| e.to_string())?;
            }
            "kill-worker" => worker().kill(),
            _ => return Err(format!("{name}: nobody knows how")),
        }
        Ok(())
    }
}

/// Deployments of this installation, started for the dialogues: one of two workers for all that a
/// plain one can hold, and one of its own for each of the others.
pub struct SandboxTestbed {
    plain: FixtureRig,
    facts: ServerFacts,
    /// The folder of the markets that dialogues name, beside what this program carries.
    markets: Option<PathBuf>,
}

impl SandboxTestbed {
    /// Starts the plain deployment.
    ///
    /// # Errors
    /// The daemons' programs are not found, or do not start.
    pub fn start(markets: Option<PathBuf>) -> Result<SandboxTestbed, SandboxError> {
        super::program::check_daemons()?;
        let plain = FixtureRig::try_start(&[need("workers 2")], None)?;
        let facts = ServerFacts {
            worker: String::new(),
            update_interval_ms: Some(1000),
            ..RunningTestbed::of(plain.servers.clone()).facts
        };
        Ok(SandboxTestbed {
            plain,
            facts,
            markets,
        })
    }
}

impl Testbed for SandboxTestbed {
    fn lacks(&self, _script: &Script) -> Option<String> {
        None
    }

    fn dialer(&self, script: &Script) -> Result<Box<dyn Dialer>, String> {
        let plain = RunningTestbed::of(self.plain.servers.clone());
        let needs_time = script.needs.iter().any(|need| need.what == "interval");
        if !needs_time && plain.lacks(script).is_none() {
            return plain.dialer(script);
        }
        let rig = FixtureRig::try_start(&script.needs, self.markets.as_deref());
        Ok(Box::new(rig.map_err(|e| e.to_string())?))
    }

    fn facts(&self) -> &ServerFacts {
        &self.facts
    }
}
