//! All dialogues, through real daemons: those that a plain deployment can hold in one, each of the others in one of
//! its own.

use crate::nc::Nc;
use crate::needs::{Stage, need};
use papertrader::dialogue::conform::{self, Plan};
use papertrader::dialogue::dial::Servers;
use papertrader::dialogue::report::SectionReport;
use papertrader::dialogue::script::Script;
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

/// Runs each of these, six at a time: they wait more than they work. What went wrong.
fn each(scripts: &[Script], run: impl Fn(&Script) -> Result<(), String> + Sync) -> Vec<String> {
    let (next, failed) = (Mutex::new(scripts.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let Some(script) = next.lock().unwrap().next() else {
                        return;
                    };
                    if let Err(text) = run(script) {
                        failed.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

/// All dialogues that one deployment of two workers can hold, and the others.
fn plain_and_special() -> (Vec<Script>, Vec<Script>) {
    let plain = plan(&offered());
    conform::built_in()
        .unwrap()
        .into_iter()
        .partition(|script| plain.lacks(script).is_none())
}

#[test]
fn dialogues_hold_against_real_daemons() {
    let deployment = Stage::start(&[need("workers 2")]);
    let (plain, _) = plain_and_special();
    let report = conform::run(&plan(&deployment.servers), &plain);
    let told =
        |section: &SectionReport| Some(format!("{}: {}", section.section, section.difference.as_ref()?));
    let failed: Vec<String> = report.sections.iter().filter_map(told).collect();
    assert!(report.is_good(), "{}\n{}", failed.join("\n"), deployment.said());
    assert!(
        report.ran >= 30 && report.skipped.is_empty(),
        "only {} ran",
        report.ran
    );
    // Each run has accounts of its own, so all of it holds again: this time through the filters and plain nc.
    let failed = each(&plain, |script| {
        let mut nc = Nc(deployment.servers.clone());
        let mut player = Player::new(&mut nc, Values::new(), WITHIN);
        player.run(script).map_err(|difference| difference.to_string())
    });
    assert!(failed.is_empty(), "through nc:\n{}", failed.join("\n"));
}

#[test]
fn dialogues_with_needs_of_their_own_hold() {
    let (_, special) = plain_and_special();
    assert!(special.len() >= 10, "only {} have needs", special.len());
    let failed = each(&special, |script| {
        let mut stage = Stage::start(&script.needs);
        let outcome = Player::new(&mut stage, Values::new(), WITHIN).run(script);
        outcome.map_err(|difference| format!("{difference}\n{}", stage.said()))
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
