//! What a dialogue needs, met by a deployment of its own.

use crate::harness::{Deployment, PATIENCE, eventually};
use papertrader::config::MasterConfig;
use papertrader::dialogue::dial::{Dialler, Servers};
use papertrader::dialogue::peer::Peer;
use papertrader::dialogue::script::Need;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a daemon may take to end, by its own promise.
const STOP: Duration = Duration::from_secs(5);

/// A running deployment, as dialogues name its parts: all is reached by `servers`, and stopped and started by hooks.
pub struct Stage {
    pub servers: Servers,
    deployment: Deployment,
}

/// A fixture's line below `needs`, `workers 2`.
pub fn need(line: &str) -> Need {
    let mut words = line.split(' ').map(str::to_owned);
    Need {
        what: words.next().unwrap(),
        words: words.collect(),
    }
}

impl Stage {
    /// Makes it, and waits until all of it serves: one worker, the sample market, an update a second, unless it is
    /// asked for otherwise.
    pub fn start(needs: &[Need]) -> Stage {
        let asked = |what: &str| {
            let found = needs.iter().find(|need| need.what == what);
            found.map(|need| need.words.join(" "))
        };
        let workers = asked("workers").map_or(1, |word| word.parse().unwrap());
        let mut deployment = Deployment::new(workers);
        deployment.set(0, "update_interval", "\"1s\"");
        deployment.set(0, "assets.replay.start", "\"2012-01-03\"");
        for need in needs {
            let word = need.words.join(" ");
            let set = |place, line: &str| {
                let (key, value) = line.split_once('=').unwrap();
                deployment.set(place, key, value);
            };
            match need.what.as_str() {
                "master-port" | "workers" => {}
                "market" if word == "sample" => {}
                "market" => {
                    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/markets");
                    deployment.set(0, "assets.replay.directory", &format!("{:?}", folder.join(word)));
                }
                "start" => deployment.set(0, "assets.replay.start", &format!("{word:?}")),
                "interval" => deployment.set(0, "update_interval", &format!("{word:?}")),
                "master" => set(0, &word),
                "worker" => (1..=workers).for_each(|worker| set(worker, &word)),
                other => panic!("{other}: a need that nobody knows how to meet"),
            }
        }
        deployment.start_all();
        let servers = Servers {
            workers: (1..=workers).map(|worker| deployment.worker(worker)).collect(),
            master: Some(deployment.master()),
            ..Servers::default()
        };
        Stage { servers, deployment }
    }

    /// The master's database.
    pub fn database(&self) -> PathBuf {
        MasterConfig::load(&self.deployment.config(0)).unwrap().0.database
    }

    /// What the daemons have said, for a test that fails.
    pub fn said(&self) -> String {
        (0..=self.deployment.workers())
            .map(|place| self.deployment.log(place))
            .collect()
    }

    fn stop(&mut self, place: u16) {
        let (status, took) = self.deployment.stop(place);
        assert!(
            status.success() && took < STOP,
            "{status}, {took:?}:\n{}",
            self.said()
        );
    }

    /// Starts the master, and waits for the first worker that links again: a dialogue goes on with the link.
    fn start_master(&mut self) {
        let links = |deployment: &Deployment| deployment.log(0).matches(" is linked from ").count();
        let before = links(&self.deployment);
        self.deployment.start(0);
        eventually("a worker links", || {
            (links(&self.deployment) > before).then_some(())
        });
    }
}

impl Dialler for Stage {
    fn connect(&mut self, target: &str, within: Duration) -> Result<Box<dyn Peer>, String> {
        self.servers.connect(target, within.min(PATIENCE))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        match name {
            "stop-master" => self.stop(0),
            "start-master" => self.start_master(),
            "kill-master" => self.deployment.kill(0),
            "stop-worker" => self.stop(1),
            "start-worker" => self.deployment.start(1),
            "kill-worker" => self.deployment.kill(1),
            _ => return Err(format!("{name}: nobody knows how")),
        }
        Ok(())
    }
}
