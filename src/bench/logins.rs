//! spec/bench/logins.md · 3.1.3 Account Management & Authorization
//!
//! Measures logins, which the hash limits, and what they cost others: session checks and quotes run
//! beside them at a fixed rate.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting, BenchTrader, password};
use super::driver::{Driver, Greeting, Pace, Until};
use super::measure::{MeasuredRatio, Measurement, median};
use super::speech::{KnownInstructions, into_data};
use super::table::{Figure, Goal, ResultRow};
use crate::model::Symbol;
use crate::wire::Request;
use std::time::{Duration, Instant};

/// The cost of a bcrypt hash: the binary logarithm of its rounds.
const BCRYPT_COST: u32 = 10;
/// Hashes that are timed, one after the other.
const TIMED_HASHES: usize = 9;
/// Logins must reach this part of the rate that the pool's cores allow, in thousandths.
const PACE_GOAL: u64 = 850;
/// The 99th percentile of other requests beside logins may be this much of that without, in
/// thousandths.
const TAIL_RATIO_GOAL: u64 = 2000;
/// Quotes a second.
const QUOTE_RATE: u64 = 2000;
/// Session checks a second, each of two kinds.
const CHECK_RATE: u64 = 500;
const CONNECTIONS: usize = 8;
/// Logins in flight on each connection: enough to keep the pool busy, few enough that none is
/// refused.
const LOGINS_IN_FLIGHT: usize = 3;
/// Logins are measured this many times as long as other requests.
const LOGIN_TIME_FACTOR: u32 = 4;

/// A load at a fixed rate, which runs beside the logins.
struct Beside {
    what: &'static str,
    driver: Driver,
    speech: KnownInstructions,
    per_second: u64,
}

/// Measures all loads at once; the row of logins comes last.
///
/// # Errors
/// A server fails, or sends a wrong reply.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let cost = if scale.is_short { 4 } else { BCRYPT_COST };
    let deployment = BenchDeployment::start(BenchSetting {
        bcrypt_cost: cost,
        ..BenchSetting::default()
    })?;
    let player = deployment.player("watcher")?;
    let symbols: Vec<Symbol> = deployment
        .quotes(&player)?
        .into_iter()
        .map(|(symbol, _)| symbol)
        .collect();
    let mut beside = all_beside(&deployment, &player, &symbols)?;
    let (mut logins, mut speech) = logging_in(&deployment)?;
    let until = match scale.until {
        Until::Time(time) => Until::Time(time * LOGIN_TIME_FACTOR),
        Until::Requests(_) => Until::Requests(20),
    };
    let (mut ratios, mut paces, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    let mut tails: Vec<Vec<(u64, u64)>> = vec![Vec::new(); beside.len()];
    for turn in 0..scale.alternations {
        tell(&format!(
            "logins: turn {} of {} …",
            turn + 1,
            scale.alternations
        ));
        let hash = one_hash(cost)?;
        let idle = together(&mut beside, scale, None)?;
        let pace = Pace::Closed { in_flight: 1 };
        let busy = together(
            &mut beside,
            scale,
            Some(&mut || logins.measure(&mut speech, pace, Duration::ZERO, until)),
        )?;
        let rate = busy.last().map_or(0, Measurement::rate);
        ratios.push(MeasuredRatio(
            rate.saturating_mul(hash) / 1_000_000 / pool(),
        ));
        paces.push(rate);
        hashes.push(hash);
        for (tails, (idle, busy)) in tails.iter_mut().zip(idle.iter().zip(&busy)) {
            tails.push((busy.replies.p99, idle.replies.p99));
        }
    }
    let goal = |goal| (!scale.is_short).then_some(goal);
    let mut rows = vec![ResultRow {
        what: format!(
            "logins, bcrypt at cost {cost}; theirs: {} core ÷ one hash",
            pool()
        ),
        ours: Figure::PerSecond(median(&paces).unwrap_or(0)),
        theirs: median(&hashes).map(|hash| Figure::PerSecond(pool() * 1_000_000_000 / hash.max(1))),
        ratio: median(&ratios),
        goal: goal(Goal::RatioAtLeast(MeasuredRatio(PACE_GOAL))),
    }];
    for (beside, tails) in beside.iter().zip(&tails) {
        let of =
            |value: fn(&(u64, u64)) -> u64| median(&tails.iter().map(value).collect::<Vec<u64>>());
        let ratios: Vec<MeasuredRatio> = tails
            .iter()
            .map(|(busy, idle)| MeasuredRatio::of(*busy, *idle))
            .collect();
        rows.push(ResultRow {
            what: format!("{} beside logins, p99; theirs: idle", beside.what),
            ours: Figure::Nanoseconds(of(|tail| tail.0).unwrap_or(0)),
            theirs: of(|tail| tail.1).map(Figure::Nanoseconds),
            ratio: median(&ratios),
            goal: goal(Goal::RatioAtMost(MeasuredRatio(TAIL_RATIO_GOAL))),
        });
    }
    Ok(rows)
}

fn all_beside(
    deployment: &BenchDeployment,
    player: &BenchTrader,
    symbols: &[Symbol],
) -> Result<Vec<Beside>, String> {
    let one =
        |what, requests: Vec<Request>, greeting: Greeting, per_second| -> Result<Beside, String> {
            Ok(Beside {
                what,
                driver: Driver::open(deployment.worker()?, CONNECTIONS, |_| greeting.clone())?,
                speech: KnownInstructions::new(vec![requests; CONNECTIONS], false),
                per_second,
            })
        };
    let session = player.session.clone();
    let quotes = symbols
        .iter()
        .map(|symbol| Request::AssetCurrent { symbol: *symbol });
    let info = Request::UserInfo {
        session: session.clone(),
        username: player.username.clone(),
    };
    let data = into_data(&session);
    Ok(vec![
        one("quotes", quotes.collect(), data.clone(), QUOTE_RATE)?,
        one(
            "session checks by the worker",
            vec![Request::Resume { session }],
            Greeting::default(),
            CHECK_RATE,
        )?,
        one("session checks by the master", vec![info], data, CHECK_RATE)?,
    ])
}

/// Each connection logs in with an account of its own, because limits count by name.
fn logging_in(deployment: &BenchDeployment) -> Result<(Driver, KnownInstructions), String> {
    let requests: Result<Vec<Vec<Request>>, String> = deployment
        .players(LOGINS_IN_FLIGHT)?
        .into_iter()
        .map(|player| {
            Ok(vec![Request::Login {
                username: player.username,
                hashed_pass: password()?,
                expirable: false,
            }])
        })
        .collect();
    let driver = Driver::open(deployment.worker()?, LOGINS_IN_FLIGHT, |_| {
        Greeting::default()
    })?;
    Ok((driver, KnownInstructions::new(requests?, false)))
}

type Extra<'a> = &'a mut (dyn FnMut() -> Result<Measurement, String> + Send);

/// Runs all loads at once, each on a thread. The result of `extra` comes last, and the other loads
/// run until it ends.
fn together(
    beside: &mut [Beside],
    scale: &Scale,
    extra: Option<Extra<'_>>,
) -> Result<Vec<Measurement>, String> {
    let until = match (scale.until, extra.is_some()) {
        (Until::Time(time), true) => Until::Time(time * LOGIN_TIME_FACTOR),
        (until, _) => until,
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = beside
            .iter_mut()
            .map(|load| {
                scope.spawn(move || {
                    let pace = Pace::Open {
                        per_second: load.per_second,
                    };
                    load.driver
                        .measure(&mut load.speech, pace, scale.warm_up, until)
                })
            })
            .collect();
        let extra = extra.map(|extra| extra()).transpose();
        let mut measured = Vec::new();
        for thread in threads {
            measured.push(
                thread
                    .join()
                    .map_err(|_| "a load's thread panicked".to_owned())??,
            );
        }
        measured.extend(extra?);
        Ok(measured)
    })
}

/// The time of one hash on an idle machine, in nanoseconds.
fn one_hash(cost: u32) -> Result<u64, String> {
    let mut times = Vec::new();
    for _ in 0..TIMED_HASHES {
        let began = Instant::now();
        bcrypt::hash("5a".repeat(32), cost).map_err(|e| e.to_string())?;
        times.push(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    median(&times).ok_or_else(|| "no hash".to_owned())
}

/// Threads of the master's pool: all cores but one.
fn pool() -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_sub(1).max(1) as u64
}
