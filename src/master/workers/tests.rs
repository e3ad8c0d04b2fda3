//! spec/master/workers.md · 3.1.5 Worker Management

use super::*;
use crate::link::message::{PriceRow, SessionHashes};
use crate::master::testing::{FakeLink, HeardMessage, MasterRig, login, money, symbol};
use crate::model::{AssetDescription, Fingerprint, SessionHash};
use crate::wire::payload::{Payload, QuoteList};
use crate::wire::{Arguments, FrameHeader, Reassembly, Request};
use crossbeam_channel::bounded;

fn report() -> WorkerReport {
    WorkerReport {
        version: "test".into(),
        uptime: 5,
        connections: 1,
        sessions: 2,
        cached: 3,
        cached_bytes: 4,
        parked: 6,
        about: WorkerAbout::default(),
    }
}

/// What an administrator is answered.
fn ask<T>(rig: &mut MasterRig, message: impl FnOnce(Sender<T>) -> WorkersMessage) -> T {
    let (sender, answer) = bounded(1);
    rig.workers.on_message(message(sender));
    rig.run();
    answer.try_recv().unwrap()
}

fn unlink(rig: &mut MasterRig, link: &FakeLink) {
    rig.workers
        .on_message(WorkersMessage::Unlinked(Arc::clone(&link.peer)));
    rig.run();
}

/// The texts of a frame's arguments.
fn arguments(heard: &HeardMessage) -> Vec<String> {
    let (header, data) = &heard.frames[0];
    let arguments = Arguments::read(header.argument_count, data).unwrap();
    arguments
        .iter()
        .take(arguments.count())
        .map(str::to_owned)
        .collect()
}

/// The prices that were pushed, over however many messages.
fn prices_in(heard: &[HeardMessage]) -> Vec<Prices> {
    let frames: Vec<&(FrameHeader, Vec<u8>)> =
        heard.iter().flat_map(|heard| &heard.frames).collect();
    let mut found = Vec::new();
    let mut fixed: Option<Vec<u8>> = None;
    let mut reassembly = Reassembly::default();
    for (header, data) in frames {
        if header.instruction == Instruction::LinkPrices.number() {
            fixed = Some(data.clone());
        } else if header.instruction == Instruction::Data.number()
            && let Some(rows) = reassembly.push(header, data).unwrap()
        {
            found.push(Prices::read(&fixed.take().unwrap(), &rows).unwrap());
            reassembly = Reassembly::default();
        }
    }
    found
}

#[test]
fn a_new_link_is_welcomed_then_told_the_prices_and_then_who_serves() {
    let mut rig = MasterRig::new();
    let worker = rig.register_worker("eu1");
    let mut link = rig.open_link(&worker, Uuid::from_u128(1));
    rig.tell_linked(&link);
    let heard = link.heard();
    let said: Vec<Instruction> = heard.iter().map(HeardMessage::instruction).collect();
    assert_eq!(
        said,
        [
            Instruction::LinkWelcome,
            Instruction::LinkServerInfo,
            Instruction::LinkPrices,
            Instruction::LinkWorkers
        ]
    );
    let welcome = Welcome::from_bytes(heard[0].data()).unwrap();
    assert_eq!(
        (welcome.update_interval, welcome.version.as_str()),
        (60_000, env!("CARGO_PKG_VERSION"))
    );
    let prices = &prices_in(&heard)[0];
    assert_eq!((prices.update, prices.rows.len()), (1, 3));
    assert_eq!(arguments(&heard[3]), std::slice::from_ref(&worker.address));
    assert_eq!(*rig.shared.addresses.load(), [worker.address]);
    assert_eq!(rig.shared.peers.load().len(), 1);
}

#[test]
fn all_hear_of_who_comes_and_who_goes_and_names_sort_them() {
    let mut rig = MasterRig::new();
    let mut second = rig.link("us1");
    let mut first = rig.link("eu1");
    let both = [
        first.peer.worker.address.clone(),
        second.peer.worker.address.clone(),
    ];
    let heard = second.heard();
    assert_eq!(arguments(&heard[0]), both);
    unlink(&mut rig, &first);
    assert_eq!(arguments(&second.heard()[0]), both[1..]);
    assert_eq!(*rig.shared.addresses.load(), both[1..]);
    assert!(first.heard().is_empty());
}

#[test]
fn of_two_links_of_a_worker_the_newer_stands() {
    let mut rig = MasterRig::new();
    let mut older = rig.link("eu1");
    let worker = older.peer.worker.clone();
    let mut newer = rig.open_link(&worker, older.peer.boot);
    rig.tell_linked(&newer);
    newer.heard();
    older.heard();
    assert!(older.is_over && !newer.is_over);
    // Whose end is not the worker's.
    unlink(&mut rig, &older);
    assert_eq!(*rig.shared.addresses.load(), [worker.address]);
    assert!(rig.workers.away.is_empty());
    // A report over it is answered to nobody, and not kept.
    let reply_to = older.message(9);
    rig.workers
        .on_message(WorkersMessage::Report(reply_to, report()));
    let rows = ask(&mut rig, WorkersMessage::List);
    assert!(rows[0].linked.is_some() && rows[0].report.is_none());
}

#[test]
fn a_booted_worker_that_links_is_told_so() {
    let mut rig = MasterRig::new();
    let worker = rig.register_worker("eu1");
    let mut link = rig.open_link(&worker, Uuid::nil());
    ask(&mut rig, |reply| WorkersMessage::Boot("eu1".into(), reply)).unwrap();
    assert!(!rig.tell_linked(&link));
    assert_eq!(link.pushes(), [Instruction::LinkBooted]);
    assert!(link.is_over);
    assert!(rig.shared.peers.load().is_empty());
}

#[test]
fn a_booted_worker_is_told_and_kept_out_until_it_is_admitted() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let mut other = rig.link("us1");
    link.heard();
    ask(&mut rig, |reply| WorkersMessage::Boot("eu1".into(), reply)).unwrap();
    assert_eq!(link.pushes(), [Instruction::LinkBooted]);
    assert!(link.is_over);
    assert_eq!(
        arguments(&other.heard()[0]),
        [other.peer.worker.address.clone()]
    );
    let uuid = link.peer.worker.uuid;
    assert!(rig.shared.registry.load().admitted(&uuid).is_none());
    assert!(rig.workers.away.contains_key(&uuid));
    ask(&mut rig, |reply| WorkersMessage::Admit("eu1".into(), reply)).unwrap();
    assert!(rig.shared.registry.load().admitted(&uuid).is_some());
    let again = rig.link("eu1");
    assert_eq!(again.peer.worker.uuid, uuid);
}

#[test]
fn a_worker_that_is_unregistered_is_unknown_from_then_on() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let uuid = link.peer.worker.uuid;
    ask(&mut rig, |reply| {
        WorkersMessage::Unregister("eu1".into(), reply)
    })
    .unwrap();
    link.heard();
    assert!(link.is_over);
    assert!(rig.shared.registry.load().by_uuid(&uuid).is_none());
    assert!(ask(&mut rig, WorkersMessage::List).is_empty());
}

#[test]
fn administrators_are_told_what_is_wrong() {
    let mut rig = MasterRig::new();
    let worker = rig.register_worker("eu1");
    let refused = ask(&mut rig, |reply| WorkersMessage::Boot("us1".into(), reply));
    assert!(refused.unwrap_err().contains("us1"));
    let registration = Registration {
        name: "us1".into(),
        fingerprint: worker.fingerprint,
        ip: worker.ip,
        address: worker.address.clone(),
    };
    let same_key = registration.clone();
    let refused = ask(&mut rig, |reply| WorkersMessage::Register(same_key, reply));
    assert!(refused.unwrap_err().contains("eu1"));
    rig.break_table("workers");
    let other = Registration {
        fingerprint: Fingerprint::parse(&"A".repeat(40)).unwrap(),
        ..registration
    };
    let refused = ask(&mut rig, |reply| WorkersMessage::Register(other, reply));
    assert!(refused.unwrap_err().starts_with("the database failed"));
    let refused = ask(&mut rig, |reply| {
        WorkersMessage::Unregister("eu1".into(), reply)
    });
    assert!(refused.unwrap_err().starts_with("the database failed"));
    rig.mend_table("workers");
    assert!(
        rig.shared.registry.load().by_name("eu1").is_some(),
        "nothing has changed"
    );
}

#[test]
fn a_report_is_answered_and_shown_with_how_far_the_clock_is_off() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let mut reply_to = link.reply_to();
    reply_to.timestamp = Timestamp(Timestamp::now().0 - 5_000);
    let asked = crate::master::messages::LinkRequest::Report(report());
    rig.handle(vec![(reply_to, asked)]);
    assert_eq!(link.reply(1), Reply::Pong);
    let rows = ask(&mut rig, WorkersMessage::List);
    let (shown, _, off) = rows[0].report.clone().unwrap();
    assert_eq!(shown, report());
    assert!((-6_000..=-5_000).contains(&off), "{off}");
    assert_eq!(rows[0].linked.unwrap().1, link.peer.link.peer);
}

#[test]
fn a_worker_that_calls_itself_something_else_each_time_does_not_fill_the_log() {
    let mut rig = MasterRig::new();
    let (eu1, us1) = (rig.link("eu1"), rig.link("us1"));
    let [eu1, us1] = [eu1, us1].map(|link| link.peer.worker.uuid);
    let about = |name: &str| WorkerAbout {
        name: name.to_owned(),
        ..WorkerAbout::default()
    };
    let (now, minute) = (Instant::now(), Duration::from_secs(60));
    let mut logged = |worker, name: &str, at| rig.workers.log_mismatches(worker, &about(name), at);
    let lines: usize = (0..100).map(|n| logged(&eu1, &format!("w{n}"), now)).sum();
    assert_eq!(lines, 10);
    assert_eq!(logged(&us1, "eu1", now), 1, "each worker has its own");
    assert_eq!(logged(&us1, "us1", now), 0);
    assert_eq!(logged(&eu1, "w1", now + minute), 1);
}

#[test]
fn an_update_goes_to_every_worker() {
    let mut rig = MasterRig::new();
    let mut links = [rig.link("eu1"), rig.link("us1")];
    for link in &mut links {
        link.heard();
    }
    let update = rig.settle(&[("AAPL", "7")]);
    for link in &mut links {
        let prices = prices_in(&link.heard()).remove(0);
        assert_eq!((prices.update, prices.published), (2, update.published));
        let row: &PriceRow = &prices.rows[0];
        assert_eq!(
            (row.symbol, row.quote.unwrap().value),
            (symbol("AAPL"), money("7"))
        );
    }
}

#[test]
fn a_new_link_is_told_what_assets_are_called_and_updates_tell_what_is_new() {
    let mut rig = MasterRig::new();
    let described = AssetDescription {
        name: "Apple".to_owned(),
        factor: 1000,
    };
    let mut prices = PriceSnapshot::clone(&rig.assets.prices());
    prices.describe(HashMap::from([(symbol("AAPL"), described.clone())]));
    rig.assets.prices.store(prices);
    let worker = rig.register_worker("eu1");
    let mut link = rig.open_link(&worker, Uuid::from_u128(1));
    rig.tell_linked(&link);
    let told = prices_in(&link.heard()).remove(0);
    let names: Vec<_> = told
        .rows
        .iter()
        .map(|row| row.description.clone())
        .collect();
    assert_eq!(names, [Some(described), None, None]);
    rig.settle(&[("AAPL", "7")]);
    let told = prices_in(&link.heard()).remove(0);
    assert!(told.rows.iter().all(|row| row.description.is_none()));
    let new: Vec<bool> = told.rows.iter().map(|row| row.is_new).collect();
    assert_eq!(new, [true, false, false]);
    let list: QuoteList = rig.payload(&mut link, Request::QuoteList);
    assert_eq!((list.update, list.rows[0].factor), (2, 1000));
    assert!(list.rows[0].is_new() && list.rows[0].name == "Apple");
}

/// The last facts that a link was told.
fn told(link: &mut FakeLink) -> Vec<String> {
    let frames = link.heard().into_iter().flat_map(|heard| heard.frames);
    let facts =
        frames.filter(|(header, _)| header.instruction == Instruction::LinkServerInfo.number());
    let facts: Vec<(FrameHeader, Vec<u8>)> = facts.collect();
    let (_, data) = facts.last().expect("linkServerInfo");
    let text = String::from_utf8(data.clone()).unwrap();
    text.split(' ').map(str::to_owned).collect()
}

/// The value of a fact.
fn fact(facts: &[String], name: &str) -> Option<String> {
    let named = |fact: &String| Some(fact.strip_prefix(name)?.strip_prefix('=')?.to_owned());
    facts.iter().find_map(named)
}

#[test]
fn workers_are_told_how_the_market_stands_when_they_link_and_at_each_update() {
    let mut rig = MasterRig::with(|config| config.currency = "EUR".to_owned());
    let worker = rig.register_worker("eu1");
    let mut link = rig.open_link(&worker, Uuid::from_u128(1));
    rig.tell_linked(&link);
    let first = told(&mut link);
    let market_time = rig.assets.prices().market_now.to_string();
    let next = rig.assets.next_update().unwrap().to_string();
    for (name, value) in [
        ("currency", Some("EUR")),
        ("market", Some("replay")),
        ("state", Some("open")),
        ("market-time", Some(&*market_time)),
        ("update-interval", Some("60000")),
        ("next-update", Some(&*next)),
        // The test's market does not know.
        ("steps-left", None),
        ("login", Some("password")),
        ("reset", Some("administrator")),
        ("fees", Some("no")),
        ("version", None),
    ] {
        assert_eq!(fact(&first, name).as_deref(), value, "{name} of {first:?}");
    }
    let mut states = Vec::new();
    for closes in [&[][..], &[], &[], &[], &[("AAPL", "7")]] {
        rig.settle(closes);
        states.push(fact(&told(&mut link), "state").unwrap());
    }
    assert_eq!(states, ["open", "open", "closed", "closed", "open"]);
    let mut paused = PriceSnapshot::clone(&rig.assets.prices());
    paused.paused = Some(Timestamp(5));
    rig.assets.prices.store(paused);
    let due = rig.assets.next_update();
    rig.assets.progress.set_next(None);
    rig.workers.on_message(WorkersMessage::MarketChanged);
    let pause = told(&mut link);
    assert_eq!(fact(&pause, "state").as_deref(), Some("paused"));
    assert_eq!(fact(&pause, "next-update"), None);
    rig.assets.progress.set_next(due);
    let mut last = rig.update(&[("AAPL", "8")]);
    let prices = Arc::make_mut(&mut last.snapshot);
    (prices.exhausted, prices.steps_left) = (true, Some(0));
    rig.publish(&last);
    rig.assets.progress.set_next(None);
    rig.tell(&last);
    let end = told(&mut link);
    assert_eq!(fact(&end, "state").as_deref(), Some("ended"));
    assert_eq!(fact(&end, "steps-left").as_deref(), Some("0"));
    assert_eq!(fact(&end, "next-update"), None);
    // A link that is made afterwards hears the same.
    let mut again = rig.open_link(&worker, Uuid::from_u128(2));
    rig.tell_linked(&again);
    assert_eq!(told(&mut again), end);
}

#[test]
fn a_market_without_any_price_tells_no_time() {
    let facts = DeploymentFacts::of(&crate::master::testing::config());
    let mut out = Vec::new();
    facts.write(&PriceSnapshot::new(vec![symbol("AAPL")]), None, &mut out);
    let text = String::from_utf8_lossy(&out);
    assert!(text.contains("state=closed"), "{text}");
    assert!(!text.contains("market-time"), "{text}");
}

#[test]
fn a_worker_that_stays_away_loses_its_expirable_sessions() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let mut other = rig.link("us1");
    let alice = rig.user(&mut link, "alice");
    rig.ask(&mut link, login("alice", true));
    other.heard();
    unlink(&mut rig, &link);
    rig.workers.on_tick(Instant::now());
    rig.run();
    assert_eq!(
        other.ended_sessions(),
        SessionHashes(vec![]),
        "it may come back"
    );
    let uuid = link.peer.worker.uuid;
    let Some(long_ago) = Instant::now().checked_sub(ABSENCE_TIMEOUT) else {
        return;
    };
    rig.workers.away.insert(uuid, long_ago);
    rig.workers.on_tick(Instant::now());
    rig.run();
    let ended: Vec<SessionHash> = other.ended_sessions().0;
    assert_eq!(ended.len(), 1);
    assert_ne!(ended[0], alice.session.hash());
    assert!(rig.workers.away.is_empty(), "it is told once");
}

#[test]
fn all_workers_count_as_away_when_the_master_starts() {
    let mut rig = MasterRig::new();
    let link = rig.link("eu1");
    let rig = rig.restart();
    assert!(rig.workers.away.contains_key(&link.peer.worker.uuid));
}

#[test]
fn too_few_workers_are_said_once_and_only_when_they_had_time_to_come() {
    let mut rig = MasterRig::with(|config| config.expected_workers = 2);
    let start = Instant::now();
    let link = rig.link("eu1");
    rig.workers.on_tick(start);
    assert!(rig.workers.short_from.is_some(), "they may still come");
    rig.workers.on_tick(start + START_GRACE * 2);
    assert!(
        rig.workers.is_short && rig.workers.short_from.is_none(),
        "said"
    );
    rig.link("us1");
    rig.workers.on_tick(start + START_GRACE * 2);
    assert!(!rig.workers.is_short);
    // One that comes back at once is not missed.
    unlink(&mut rig, &link);
    let later = start + START_GRACE * 3;
    rig.workers.on_tick(later);
    assert!(rig.workers.short_from.is_some());
    rig.link("eu1");
    rig.workers.on_tick(later + ABSENCE_GRACE);
    assert!(rig.workers.short_from.is_none() && !rig.workers.is_short);
}

#[test]
fn a_link_ends_with_its_key_and_after_a_day() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let uuid = link.peer.worker.uuid;
    let other = Fingerprint::parse(&"E".repeat(40)).unwrap();
    for (fingerprint, ends) in [(other, false), (link.peer.worker.fingerprint, true)] {
        rig.workers.on_message(WorkersMessage::Unfit {
            worker: uuid,
            fingerprint,
            why: "it is revoked".into(),
        });
        assert_eq!(rig.workers.links.is_empty(), ends);
    }
    link.heard();
    assert!(link.is_over);
    let now = Instant::now();
    rig.link("eu1");
    rig.workers
        .on_tick(now + LINK_AGE_MAX - Duration::from_secs(60));
    assert_eq!(rig.workers.links.len(), 1);
    rig.workers
        .on_tick(now + LINK_AGE_MAX + Duration::from_secs(60));
    assert!(rig.workers.links.is_empty());
}

#[test]
fn links_end_in_form_when_the_master_stops() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.workers.on_stop();
    link.heard();
    assert!(link.is_over);
}

#[test]
fn who_is_registered_or_admitted_has_time_to_come_from_then_on() {
    let mut rig = MasterRig::new();
    let left = |rig: &mut MasterRig| ask(rig, WorkersMessage::List)[0].left;
    let before = Timestamp::now();
    rig.register_worker("eu1");
    // So registered by an administrator, after the start.
    let registration = Registration {
        name: "eu2".into(),
        fingerprint: Fingerprint::parse(&"B".repeat(40)).unwrap(),
        ip: "127.0.0.2".parse().unwrap(),
        address: "127.0.0.2:7501".into(),
    };
    let late = ask(&mut rig, |reply| {
        WorkersMessage::Register(registration, reply)
    })
    .unwrap();
    let rows = ask(&mut rig, WorkersMessage::List);
    let row = rows
        .iter()
        .find(|row| row.worker.uuid == late.uuid)
        .unwrap();
    assert!(row.left.is_some_and(|since| since >= before));
    ask(&mut rig, |reply| {
        WorkersMessage::Unregister("eu2".into(), reply)
    })
    .unwrap();

    let link = rig.link("eu1");
    assert_eq!(left(&mut rig), None);
    ask(&mut rig, |reply| WorkersMessage::Boot("eu1".into(), reply)).unwrap();
    unlink(&mut rig, &link);
    assert_eq!(left(&mut rig), None, "one that is booted off is not missed");
    let before = Timestamp::now();
    ask(&mut rig, |reply| WorkersMessage::Admit("eu1".into(), reply)).unwrap();
    let admitted = left(&mut rig).unwrap();
    assert!(admitted >= before);
    // Who was not booted is away for as long as before.
    ask(&mut rig, |reply| WorkersMessage::Admit("eu1".into(), reply)).unwrap();
    assert_eq!(left(&mut rig), Some(admitted));
}
