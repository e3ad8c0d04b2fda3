//! All dialogues, through real daemons: those that a plain deployment can hold in one, each of the others in one of
//! its own.

use crate::deployment::{Deployment, Keys};
use papertrader::dialogue::conform::{self, Plan};
use papertrader::dialogue::dial::{Dialler, Servers};
use papertrader::dialogue::peer::Peer;
use papertrader::dialogue::script::Need;
use papertrader::dialogue::{Player, Values};
use std::sync::Mutex;
use std::time::Duration;

/// How long a line may take: two cores are shared by everything that is tested.
const WITHIN: Duration = Duration::from_secs(20);

fn plan(servers: &Servers) -> Plan {
    Plan {
        servers: servers.clone(),
        values: Values::new(),
        within: WITHIN,
        sample_market: true,
        jobs: 8,
    }
}

/// What a deployment of two workers offers.
fn offered() -> Servers {
    let workers = vec!["127.0.0.1:1".to_owned(); 2];
    Servers {
        workers,
        master: Some("127.0.0.1:1".to_owned()),
        ..Servers::default()
    }
}

fn two_workers() -> Need {
    Need {
        what: "workers".into(),
        words: vec!["2".into()],
    }
}

#[test]
fn dialogues_hold_against_real_daemons() {
    let scripts = conform::built_in().unwrap();
    let keys = Keys::make();
    let deployment = Deployment::start(&keys, &[two_workers()]);
    let report = conform::run(&plan(&deployment.servers), &scripts);
    let failed: Vec<String> = report
        .sections
        .iter()
        .filter_map(|s| s.difference.clone())
        .collect();
    assert!(report.is_good(), "{}\n{}", failed.join("\n"), deployment.said());
    assert!(report.ran >= 30, "only {} ran", report.ran);
    // Each run has accounts of its own, so all of it holds again.
    let again = conform::run(&plan(&deployment.servers), &scripts);
    assert!(again.is_good());
}

/// Runs a dialogue against a deployment, whose daemons it can have stopped and started.
struct Stage(Deployment);

impl Dialler for Stage {
    fn connect(&mut self, target: &str, within: Duration) -> Result<Box<dyn Peer>, String> {
        self.0.servers.connect(target, within)
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        self.0.hook(name)
    }
}

#[test]
fn dialogues_with_needs_of_their_own_hold() {
    let plain = plan(&offered());
    let keys = Keys::make();
    let mut scripts = conform::built_in().unwrap();
    scripts.retain(|script| plain.lacks(script).is_some());
    let (next, failed) = (Mutex::new(scripts.iter()), Mutex::new(Vec::new()));
    // They wait more than they work.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(script) = next.lock().unwrap().next() else {
                        return;
                    };
                    let mut stage = Stage(Deployment::start(&keys, &script.needs));
                    if let Err(difference) = Player::new(&mut stage, Values::new(), WITHIN).run(script) {
                        let text = format!("{difference}\n{}", stage.0.said());
                        failed.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
