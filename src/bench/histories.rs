//! spec/bench/histories.md · 4.6.14, 4.6.16
//!
//! Measures what others notice while many connections ask for one long history without pause.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting};
use super::driver::{Driver, Pace, Until};
use super::fill::{FilledAccount, Filler};
use super::measure::Measurement;
use super::speech::{KnownInstructions, into_data};
use super::table::{Figure, Goal, ResultRow};
use crate::master::storage::bulk::EvenAccounts;
use crate::wire::Request;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Transactions of the account whose history is asked for.
const ROWS: u64 = 3_000_000;
/// Connections that ask for it without pause.
const CONNECTIONS: usize = 200;
/// How long they ask.
const ASKING_TIME: Duration = Duration::from_secs(60);
/// Connections of another account, which asks about itself.
const WATCHERS: usize = 4;
/// Its requests a second.
const WATCH_RATE: u64 = 200;
/// The time of the watchdog that the master pings, four times in it.
const WATCHDOG_TIME: Duration = Duration::from_secs(6);
/// How often sizes and pings are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// The 99th percentile of the other account's answers.
const TAIL_GOAL_NANOS: u64 = 50_000_000;
/// The master's memory may grow by this much.
const GROWTH_GOAL_BYTES: u64 = 64 << 20;
/// The write-ahead log may have this size: that of a checkpoint, and some commits.
const LOG_GOAL_BYTES: u64 = 80 << 20;

/// What is seen of the master meanwhile.
#[derive(Debug, Default)]
struct MasterWatch {
    /// The largest size of the write-ahead log, in bytes.
    log: u64,
    /// The longest time between two pings.
    silence: Duration,
}

/// Measures the other account's answers, first alone and then beside the histories.
///
/// # Errors
/// A server fails, sends a wrong reply, or cuts the link.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let (rows, connections, asking) = if scale.is_short {
        (20_000, 4, Until::Requests(12))
    } else {
        (ROWS, CONNECTIONS, Until::Time(ASKING_TIME))
    };
    let deployment = BenchDeployment::make(BenchSetting {
        watchdog: Some(WATCHDOG_TIME),
        ..BenchSetting::default()
    })?;
    tell(&format!("one account with {rows} transactions …"));
    let filled = fill(&deployment, rows)?;
    let [hoarder, watcher] = &filled[..] else {
        return Err("two accounts were to be filled".to_owned());
    };
    deployment.start_all()?;
    let mut watchers = watching(&deployment, watcher)?;
    let until = if scale.is_short {
        scale.until
    } else {
        Until::Time(ASKING_TIME)
    };
    let alone = watched(&mut watchers, until)?;
    let before = deployment.master_resident_peak()?;
    tell(&format!("{connections} connections ask for it …"));
    let (asked, beside, seen) = beside_histories(
        &deployment,
        hoarder,
        (connections, asking),
        (&mut watchers, until),
    )?;
    let log = deployment.log();
    if let Some(line) = log.lines().find(|line| is_fault(line)) {
        return Err(format!("the daemons say: {line}"));
    }
    let grown = deployment.master_resident_peak()?.saturating_sub(before);
    tell(&format!(
        "{} histories sent, {} refused",
        asked.replies.count, asked.refused
    ));
    let goal = |goal| (!scale.is_short).then_some(goal);
    let silence = u64::try_from(seen.silence.as_nanos()).unwrap_or(u64::MAX);
    let watchdog = u64::try_from(WATCHDOG_TIME.as_nanos()).unwrap_or(u64::MAX);
    let time = |what: &str, nanos, most: Option<u64>| {
        let at_most = |most| goal(Goal::AtMost(Figure::Nanoseconds(most)));
        ResultRow::ours(what, Figure::Nanoseconds(nanos), most.and_then(at_most))
    };
    let size = |what: &str, bytes, most| {
        let most = goal(Goal::AtMost(Figure::Bytes(most)));
        ResultRow::ours(what, Figure::Bytes(bytes), most)
    };
    Ok(vec![
        time("infos without histories, p50", alone.replies.p50, None),
        time("infos without histories, p99", alone.replies.p99, None),
        time("infos beside histories, p50", beside.replies.p50, None),
        time(
            "infos beside histories, p99",
            beside.replies.p99,
            Some(TAIL_GOAL_NANOS),
        ),
        time("longest time between two pings", silence, Some(watchdog)),
        size("growth of the master's memory", grown, GROWTH_GOAL_BYTES),
        size("largest write-ahead log", seen.log, LOG_GOAL_BYTES),
    ])
}

/// Two accounts, the first with all transactions.
fn fill(deployment: &BenchDeployment, rows: u64) -> Result<Vec<FilledAccount>, String> {
    let mut filler = Filler::open(&deployment.database())?;
    filler.accounts(2, "SIM001")?;
    let both = EvenAccounts {
        first: 1,
        accounts: 2,
        step: 1,
    };
    let filled = filler.sessions(both)?;
    let first = EvenAccounts {
        accounts: 1,
        ..both
    };
    filler.transactions(rows, first, "SIM001")?;
    filler.close()?;
    Ok(filled)
}

/// A line of the log that no measurement may cause.
fn is_fault(line: &str) -> bool {
    line.contains("cut off") || line.contains("has not moved")
}

/// The other account's connections, and what they ask.
fn watching(
    deployment: &BenchDeployment,
    watcher: &FilledAccount,
) -> Result<(Driver, KnownInstructions), String> {
    let greeting = into_data(&watcher.session);
    let driver = Driver::open(deployment.worker()?, WATCHERS, |_| greeting.clone())?;
    let info = Request::UserInfo {
        session: watcher.session.clone(),
        username: watcher.username.clone(),
    };
    let speech = KnownInstructions::new(vec![vec![info]; WATCHERS], false);
    Ok((driver, speech))
}

fn watched(
    (driver, speech): &mut (Driver, KnownInstructions),
    until: Until,
) -> Result<Measurement, String> {
    let pace = Pace::Open {
        per_second: WATCH_RATE,
    };
    driver.measure(speech, pace, Duration::ZERO, until)
}

/// Asks for the history over so many connections, and measures the other account meanwhile.
fn beside_histories(
    deployment: &BenchDeployment,
    hoarder: &FilledAccount,
    (connections, asking): (usize, Until),
    (watchers, until): (&mut (Driver, KnownInstructions), Until),
) -> Result<(Measurement, Measurement, MasterWatch), String> {
    let greeting = into_data(&hoarder.session);
    let mut driver = Driver::open(deployment.worker()?, connections, |_| greeting.clone())?;
    let history = Request::UserHistory {
        session: hoarder.session.clone(),
        username: hoarder.username.clone(),
    };
    // Beyond some at a time the master refuses them.
    let mut speech = KnownInstructions::new(vec![vec![history]; connections], true);
    let is_over = AtomicBool::new(false);
    let panicked = |_| "a load's thread panicked".to_owned();
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| look(deployment, &is_over));
        let asked = scope.spawn(move || {
            let pace = Pace::Closed { in_flight: 1 };
            driver.measure(&mut speech, pace, Duration::ZERO, asking)
        });
        let beside = watched(watchers, until);
        let asked = asked.join().map_err(panicked);
        is_over.store(true, Ordering::Relaxed);
        let seen = looking.join().map_err(panicked)?;
        Ok((asked??, beside?, seen))
    })
}

/// Looks at the master until the load is over.
fn look(deployment: &BenchDeployment, is_over: &AtomicBool) -> MasterWatch {
    let file = deployment.database().with_extension("db-wal");
    let mut seen = MasterWatch::default();
    let (mut pings, mut pinged) = (deployment.master_pings(), Instant::now());
    while !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK_INTERVAL);
        let size = std::fs::metadata(&file).map_or(0, |file| file.len());
        seen.log = seen.log.max(size);
        seen.silence = seen.silence.max(pinged.elapsed());
        let now = deployment.master_pings();
        if now != pings {
            (pings, pinged) = (now, Instant::now());
        }
    }
    seen
}
