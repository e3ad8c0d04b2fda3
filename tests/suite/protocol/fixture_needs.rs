//! What a dialogue needs, met by a deployment of its own.

use papertrader::client::{Client, OrderForm};
use papertrader::dialogue::peer::Peer;
use papertrader::dialogue::script::Need;
use papertrader::dialogue::servers::{Dialer, Servers};
use papertrader::model::{Money, OrderAmount, OrderTerms, Quantity, Side, TimeInForce};
use papertrader::testkit::{Daemon, Deployment, TEST_TIMEOUT, eventually, until};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a daemon may take to end, by its own promise.
const STOP: Duration = Duration::from_secs(5);

/// A running deployment, as dialogues name its parts: all is reached by `servers`, and stopped and
/// started by hooks.
pub struct FixtureRig {
    pub servers: Servers,
    deployment: Deployment,
    /// Whoever sees that an update is settled, from the first update that a dialogue asks for.
    clock: Option<Client>,
}

/// A fixture's line below `needs`, `workers 2`.
pub fn need(line: &str) -> Need {
    let mut words = line.split(' ').map(str::to_owned);
    Need {
        what: words.next().unwrap(),
        words: words.collect(),
    }
}

impl FixtureRig {
    /// Makes it, and waits until all of it serves: one worker, the sample market, an update a
    /// second, unless it is asked for otherwise.
    pub fn start(needs: &[Need]) -> FixtureRig {
        let asked = |what: &str| {
            let found = needs.iter().find(|need| need.what == what);
            found.map(|need| need.words.join(" "))
        };
        let workers = asked("workers").map_or(1, |word| word.parse().unwrap());
        // A dialogue links in the name of one more worker, which is registered and never runs.
        let has_link = asked("link").is_some();
        let deployment = Deployment::new(workers + u16::from(has_link));
        let master = deployment.master();
        master.set("update_interval", "1s");
        master.set("assets.replay.start", "2012-01-03");
        for need in needs {
            let word = need.words.join(" ");
            let set = |daemon: &Daemon, line: &str| {
                let (key, value) = line.split_once('=').unwrap();
                daemon.set_toml(key, value);
            };
            match need.what.as_str() {
                "master-port" | "workers" | "updates" | "link" => {}
                "market" if word == "sample" => {}
                "market" => {
                    let folder =
                        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/markets");
                    let folder = folder.join(word);
                    master.set("assets.replay.directory", folder.to_str().unwrap());
                }
                "start" => master.set("assets.replay.start", word),
                "interval" => master.set("update_interval", word),
                "master" => set(master, &word),
                "worker" => deployment
                    .workers()
                    .iter()
                    .for_each(|worker| set(worker, &word)),
                other => panic!("{other}: a need that nobody knows how to meet"),
            }
        }
        let (link, addresses) = if has_link {
            deployment.master().start();
            let (spare, running) = deployment.workers().split_last().unwrap();
            running.iter().for_each(Daemon::start);
            let addresses = running.iter().map(Daemon::address).collect();
            (Some(spare.config().to_owned()), addresses)
        } else {
            deployment.start_all();
            (None, deployment.addresses())
        };
        let servers = Servers {
            workers: addresses,
            link,
            master: Some(deployment.master().address()),
            ..Servers::default()
        };
        FixtureRig {
            servers,
            deployment,
            clock: None,
        }
    }

    /// What it runs.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The master's database.
    pub fn database(&self) -> PathBuf {
        self.deployment.database_path()
    }

    /// What the daemons have said, for a test that fails.
    pub fn said(&self) -> String {
        self.deployment.log()
    }

    /// Makes one update and waits until it is settled. The interval is long: a market that goes on
    /// after a pause begins an update at once.
    fn update(&mut self) {
        let deployment = &self.deployment;
        let clock = self
            .clock
            .get_or_insert_with(|| deployment.trader(1, "clock"));
        let before = clock.quote_list().unwrap();
        // An order that nothing fills. Its cancelling is answered after the settlement of an update
        // that is under way.
        let order = OrderForm {
            side: Side::Buy,
            symbol: before.rows[0].symbol,
            amount: OrderAmount::Units(Quantity(1_000_000)),
            terms: OrderTerms::Limit { limit: Money(1) },
            time_in_force: TimeInForce::Gtc,
            id: None,
        };
        let order = clock.place_order(&order).unwrap();
        self.deployment.done("market pause");
        self.deployment.done("market resume");
        until("an update is published", || {
            clock.quote_list().unwrap().update > before.update
        });
        clock.cancel_order(order.id).unwrap();
    }

    fn stop(&self, daemon: &Daemon) {
        let (status, took) = daemon.stop();
        assert!(
            status.success() && took < STOP,
            "{status}, {took:?}:\n{}",
            self.said()
        );
    }

    /// Starts the master, and waits for the first worker that links again: a dialogue goes on with
    /// the link.
    fn start_master(&self) {
        let links = |deployment: &Deployment| {
            deployment
                .master()
                .log()
                .matches(" is linked from ")
                .count()
        };
        let before = links(&self.deployment);
        self.deployment.master().start();
        eventually("a worker links", || {
            (links(&self.deployment) > before).then_some(())
        });
    }
}

impl Dialer for FixtureRig {
    fn connect(&mut self, target: &str, within: Duration) -> Result<Box<dyn Peer>, String> {
        self.servers.connect(target, within.min(TEST_TIMEOUT))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        match name {
            "update" => self.update(),
            "stop-master" => self.stop(self.deployment.master()),
            "start-master" => self.start_master(),
            "kill-master" => self.deployment.master().kill(),
            "stop-worker" => self.stop(self.deployment.worker(1)),
            "start-worker" => self.deployment.worker(1).start(),
            "kill-worker" => self.deployment.worker(1).kill(),
            _ => return Err(format!("{name}: nobody knows how")),
        }
        Ok(())
    }
}
