//! All dialogues, through real daemons: those that a plain deployment can hold in one, each of the
//! others in one of its own.

use crate::protocol::capture::{MASTER, WORKER};
use crate::protocol::codec_agreement::FrameCounts;
use crate::protocol::dissector_cases::check_connections;
use crate::protocol::fixture_needs::{FixtureRig, need};
use crate::protocol::nc::{pipeline, run_through_nc};
use papertrader::dialogue::conform::{self, ConformOptions, RunningTestbed, Testbed};
use papertrader::dialogue::peer::ConnectionRecorder;
use papertrader::dialogue::script::{Script, StepAction};
use papertrader::dialogue::servers::Servers;
use papertrader::dialogue::{Runner, Variables};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a line may take: two cores are shared by everything that is tested.
const WITHIN: Duration = Duration::from_secs(20);
/// How often a dialogue of the link is begun where its handshake is slow.
const LINK_TRIES: u32 = 5;
/// A dialogue of the link that took so long may have met what a master gives GPG: ten seconds for a
/// handshake, fifteen to a silent link.
const LINK_PATIENCE: Duration = Duration::from_secs(8);

fn options() -> ConformOptions {
    ConformOptions {
        within: WITHIN,
        jobs: 8,
        ..ConformOptions::default()
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
    let plain = RunningTestbed::of(offered());
    conform::built_in()
        .unwrap()
        .into_iter()
        .partition(|script| plain.lacks(script).is_none())
}

/// Reads all frames of the dialogues again, by the description alone and by the Rust code, and
/// compares the two, and what tshark shows of them. Each line of a dialogue that expects a message
/// has received one at least.
fn check_frames(recorder: &ConnectionRecorder, scripts: &[Script], port: u16) {
    let mut counts = FrameCounts::default();
    let connections = recorder.take();
    for bytes in &connections {
        counts.add(bytes);
    }
    check_connections(&connections, port);
    println!("{counts:?} by the description alone");
    let steps = scripts.iter().flat_map(|script| &script.steps);
    let (mut sent, mut expected) = (0, 0);
    for step in steps {
        match &step.action {
            StepAction::Send(..) => sent += 1,
            StepAction::Expect(..) | StepAction::Notice(..) => expected += 1,
            StepAction::Await(..) => {
                sent += 1;
                expected += 1;
            }
            StepAction::Raw(..)
            | StepAction::Connect(..)
            | StepAction::Closed(_)
            | StepAction::Half(_)
            | StepAction::Close(_)
            | StepAction::Silence(..)
            | StepAction::Pause(_)
            | StepAction::Do(_)
            | StepAction::Let(..)
            | StepAction::Row(..)
            | StepAction::Packets(..)
            | StepAction::Stamp(..)
            | StepAction::Check(..) => {}
        }
    }
    assert!(
        counts.received >= expected,
        "{counts:?}, {expected} expected"
    );
    assert!(
        counts.sent + counts.refused >= sent,
        "{counts:?}, {sent} sent"
    );
}

#[test]
fn dialogues_hold_against_real_daemons() {
    let mut deployment = FixtureRig::start(&[need("workers 2")]);
    let recorder = ConnectionRecorder::default();
    deployment.servers.recorder = Some(recorder.clone());
    let (plain, _) = plain_and_special();
    let stage = RunningTestbed::of(deployment.servers.clone());
    let report = conform::run(&stage, &options(), &plain);
    let differed = report.dialogues.iter().flat_map(|dialogue| {
        let told = dialogue.differences.iter();
        told.map(|difference| difference.told())
    });
    let failed: Vec<String> = differed.collect();
    assert!(
        report.is_good(),
        "{}\n{}",
        failed.join("\n"),
        deployment.said()
    );
    assert!(
        report.ran >= 30 && report.skipped.is_empty(),
        "only {} ran",
        report.ran
    );
    check_frames(&recorder, &plain, WORKER);
    // Each run has accounts of its own, so all of it holds again: this time through plain nc.
    let connections = AtomicUsize::new(0);
    let failed = each(&plain, |script| {
        let opened = run_through_nc(script, &deployment.servers, None, WITHIN)?;
        connections.fetch_add(opened, Ordering::Relaxed);
        Ok(())
    });
    assert!(failed.is_empty(), "through nc:\n{}", failed.join("\n"));
    let pipelines: Vec<Script> = plain.iter().filter(|s| is_pipeline(s)).cloned().collect();
    let failed = each(&pipelines, |script| {
        pipeline(script, &deployment.servers.workers[0], WITHIN)
    });
    assert!(failed.is_empty(), "as pipelines:\n{}", failed.join("\n"));
    println!(
        "{} dialogues through nc, {} connections; {} as pipelines",
        plain.len(),
        connections.into_inner(),
        pipelines.len()
    );
    assert!(
        pipelines.len() >= 10,
        "only {} as pipelines",
        pipelines.len()
    );
}

/// Whether a dialogue is one connection to the first worker.
fn is_pipeline(script: &Script) -> bool {
    let actions = script.steps.iter().map(|step| &step.action);
    let opened: Vec<&String> = actions
        .filter_map(|action| match action {
            StepAction::Connect(_, target) => Some(target),
            _ => None,
        })
        .collect();
    opened == ["worker"]
}

/// Those that no deployment holds beside others: the ones that say themselves when an update comes,
/// and the rest.
fn stepped_and_other() -> (Vec<Script>, Vec<Script>) {
    let (_, special) = plain_and_special();
    let is_stepped = |script: &Script| script.hooks().any(|hook| hook == "update");
    special.into_iter().partition(is_stepped)
}

#[test]
fn dialogues_with_needs_of_their_own_hold() {
    let (_, special) = stepped_and_other();
    assert!(special.len() >= 10, "only {} have needs", special.len());
    each_in_its_own(&special);
}

#[test]
fn dialogues_about_orders_that_wait_hold_update_by_update() {
    let (stepped, _) = stepped_and_other();
    assert!(stepped.len() >= 10, "only {} are stepped", stepped.len());
    each_in_its_own(&stepped);
}

/// Whether a dialogue speaks to the master as a worker. nc could carry its bytes, but nobody could
/// seal them for it.
fn is_link(script: &Script) -> bool {
    script.needs.iter().any(|need| need.what == "link")
}

/// Runs a dialogue of the link. A master gives a handshake ten seconds, in which GPG runs four times
/// on two sides, and ends a link that is silent for fifteen; workers try again where a busy machine
/// needs longer, and so does this.
fn run_link(script: &Script) -> Result<(), String> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut stage = FixtureRig::start(&script.needs);
        let began = Instant::now();
        let Err(difference) = Runner::new(&mut stage, Variables::new(), WITHIN).run(script) else {
            return Ok(());
        };
        let said = stage.said();
        let was_slow = began.elapsed() >= LINK_PATIENCE;
        if tries == LINK_TRIES || !was_slow {
            return Err(format!("{difference}\n{said}"));
        }
    }
}

/// Runs each of these against a deployment of its own.
fn each_in_its_own(special: &[Script]) {
    let recorder = ConnectionRecorder::default();
    let failed = each(special, |script| {
        if is_link(script) {
            return run_link(script);
        }
        let mut stage = FixtureRig::start(&script.needs);
        stage.servers.recorder = Some(recorder.clone());
        let outcome = Runner::new(&mut stage, Variables::new(), WITHIN).run(script);
        outcome.map_err(|difference| format!("{difference}\n{}", stage.said()))?;
        // Again, through plain nc: what the first run changed is another deployment's.
        drop(stage);
        let mut stage = FixtureRig::start(&script.needs);
        let servers = stage.servers.clone();
        let outcome = run_through_nc(script, &servers, Some(&mut stage), WITHIN);
        outcome
            .map(drop)
            .map_err(|why| format!("through nc: {why}\n{}", stage.said()))
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let (links, others): (Vec<Script>, Vec<Script>) = special.iter().cloned().partition(is_link);
    check_frames(&recorder, &others, WORKER);
    println!(
        "{} dialogues, directly and through nc; {} of the link, whose bytes are sealed",
        others.len(),
        links.len()
    );
}

/// Each kind of order, each side and each outcome has its line in a dialogue: the order is placed as
/// the table says, and a history is expected to have it with that outcome.
#[test]
fn each_kind_side_and_outcome_has_its_dialogue() {
    let page = std::fs::read_to_string("spec/dialogue/orders.md").unwrap();
    let scripts = conform::built_in().unwrap();
    let mut cells = 0;
    for row in page.lines().filter_map(|line| line.strip_prefix("| ")) {
        let columns: Vec<&str> = row
            .trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        let [order, outcomes @ ..] = &columns[..] else {
            continue;
        };
        let Some((kind, side)) = order.split_once(' ').filter(|_| outcomes.len() == 6) else {
            continue;
        };
        let ends = ["settled", "settled", "open", "expired", "", "cancelled"];
        for (cell, end) in outcomes.iter().zip(ends) {
            let (dialogue, name) = cell.split_once(' ').unwrap();
            let name = format!("{{{}}}", name.trim_matches('`'));
            let file = format!("orders-{dialogue}.pt");
            let script = scripts.iter().find(|script| script.name == file).unwrap();
            let mut placed = None;
            let mut is_shown = false;
            for pair in script.steps.windows(2) {
                let (StepAction::Send(_, sent), StepAction::Expect(_, told)) =
                    (&pair[0].action, &pair[1].action)
                else {
                    continue;
                };
                if told[0] == "orderPlaced" && told[1] == name {
                    placed = Some((sent[2].as_str(), sent[5].as_str()));
                }
                let begin = format!("{name},{side},{end}");
                is_shown |= told.get(1).is_some_and(|word| word == "TransactionPage")
                    && told.iter().any(|word| word.starts_with(&begin));
            }
            assert_eq!(placed, Some((side, kind)), "{file}: {name} is placed");
            assert!(is_shown, "{file}: {name} is {side}, {end}");
            cells += 1;
        }
    }
    assert_eq!(cells, 5 * 2 * 6);
}

/// Whatever a worker says of a malformed message, the master says of it on its own port.
#[test]
fn the_masters_port_tells_malformed_messages_as_a_worker_does() {
    let needs = [
        need("workers 1"),
        need("master limits.frame_timeout=\"1s\""),
    ];
    let mut stage = FixtureRig::start(&needs);
    let recorder = ConnectionRecorder::default();
    stage.servers.recorder = Some(recorder.clone());
    let text = std::fs::read_to_string("tests/fixtures/frames.pt").unwrap();
    // The lines after this comment are about requests that only a worker answers.
    let (malformed, _) = text
        .split_once("# Earlier requests are answered first")
        .unwrap();
    let script = malformed.replace(" connect worker", " connect master")
        + "# A message that does not become whole, all at once or byte by byte.\n\
           60 connect master\n60 x 04 0401\n60 within 5s < protocolError timeout *\n60 closed\n\
           61 connect master\n61 x 02 0201 00000004 0001 00000001 00000001 \"A\"\n61 silence 400ms\n61 x \"A\"\n\
           61 silence 400ms\n61 x \"P\"\n61 within 5s < protocolError timeout *\n61 closed\n\
           62 connect master\n62 > getWorkerList\n62 < workerList {host}:{port} *\n62 half\n62 closed\n";
    let script = Script::parse("frames.pt on the master's port", &script).unwrap();
    assert!(script.steps.len() > 130, "{}", script.steps.len());
    let outcome = Runner::new(&mut stage, Variables::new(), WITHIN).run(&script);
    if let Err(difference) = outcome {
        panic!("{difference}\n{}", stage.said());
    }
    check_frames(&recorder, &[script], MASTER);
}
