//! spec/bench.md · 3.2.6, 4.6.8
//!
//! Measures `getAssetValueCurrent` from a worker's cache, beside redis `GET`.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting};
use super::driver::{Driver, Greeting, Pace};
use super::measure::{MeasuredRatio, Measurement, median};
use super::rivals::Redis;
use super::speech::{KnownReplies, into_data, quote};
use super::table::{Figure, Goal, ResultRow};
use crate::wire::payload::QUOTE_BYTES;
use std::net::SocketAddr;

/// Connections, requests in flight on each, and the ratio to reach, in thousandths.
const CASES: [(usize, usize, u64); 5] = [
    (1, 1, 750),
    (50, 1, 600),
    (50, 16, 1000),
    (500, 1, 800),
    (500, 16, 1200),
];
/// The case whose 99th percentile is compared, and how much of redis's it may be, in thousandths.
const TAIL_CASE: (usize, usize, u64) = (50, 1, 2500);

/// A server of the comparison, and what is sent to it.
struct Side {
    address: SocketAddr,
    greeting: Greeting,
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Side {
    fn open(&self, connections: usize) -> Result<(Driver, KnownReplies), String> {
        let driver = Driver::open(self.address, connections, |_| self.greeting.clone())?;
        Ok((driver, KnownReplies::new(self.pairs.clone(), connections)))
    }
}

/// Measures all cases.
///
/// # Errors
/// A server fails, or sends a wrong reply.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let deployment = BenchDeployment::start(BenchSetting::default())?;
    let player = deployment.player("reader")?;
    let quotes = deployment.quotes(&player)?;
    let ours = Side {
        address: deployment.worker()?,
        greeting: into_data(&player.session),
        pairs: quotes
            .iter()
            .map(|(symbol, value)| quote(*symbol, *value))
            .collect(),
    };
    let keys: Vec<String> = quotes
        .iter()
        .map(|(symbol, _)| symbol.to_string())
        .collect();
    let redis = scale.rival("redis", Redis::start(&keys, QUOTE_BYTES))?;
    let theirs = redis.as_ref().map(|redis| Side {
        address: redis.address,
        greeting: Greeting::default(),
        pairs: redis.pairs.clone(),
    });
    let mut rows = Vec::new();
    for (connections, in_flight, goal) in CASES {
        tell(&format!(
            "reads: {connections} connections, {in_flight} in flight on each …"
        ));
        let pace = Pace::Closed { in_flight };
        let (ours, theirs) = alternate(scale, &ours, theirs.as_ref(), connections, pace)?;
        let what = format!("quotes, {connections} × {in_flight}");
        let goal = Goal::RatioAtLeast(MeasuredRatio(goal));
        rows.push(compared(
            &what,
            &ours,
            &theirs,
            Measurement::rate,
            Figure::PerSecond,
            goal,
        ));
        if (connections, in_flight) == (TAIL_CASE.0, TAIL_CASE.1) {
            let goal = Goal::RatioAtMost(MeasuredRatio(TAIL_CASE.2));
            let p99 = |measured: &Measurement| measured.replies.p99;
            let what = format!("{what}, p99");
            rows.push(compared(
                &what,
                &ours,
                &theirs,
                p99,
                Figure::Nanoseconds,
                goal,
            ));
        }
    }
    Ok(rows)
}

type Series = Vec<Measurement>;

/// Measures the two servers in turn, each first in every other turn.
fn alternate(
    scale: &Scale,
    ours: &Side,
    theirs: Option<&Side>,
    connections: usize,
    pace: Pace,
) -> Result<(Series, Series), String> {
    let mut ours = ours.open(connections)?;
    let mut theirs = theirs.map(|side| side.open(connections)).transpose()?;
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for turn in 0..scale.alternations {
        for first in [true, false] {
            let (side, series) = match &mut theirs {
                Some(theirs) if first == turn.is_multiple_of(2) => (theirs, &mut of_theirs),
                _ => (&mut ours, &mut of_ours),
            };
            if series.len() == turn {
                series.push(
                    side.0
                        .measure(&mut side.1, pace, scale.warm_up, scale.until)?,
                );
            }
        }
    }
    Ok((of_ours, of_theirs))
}

fn compared(
    what: &str,
    ours: &[Measurement],
    theirs: &[Measurement],
    value: impl Fn(&Measurement) -> u64,
    figure: impl Fn(u64) -> Figure,
    goal: Goal,
) -> ResultRow {
    let values = |series: &[Measurement]| series.iter().map(&value).collect::<Vec<u64>>();
    let (ours, theirs) = (values(ours), values(theirs));
    let ratios: Vec<MeasuredRatio> = ours
        .iter()
        .zip(&theirs)
        .map(|(o, t)| MeasuredRatio::of(*o, *t))
        .collect();
    ResultRow {
        what: what.to_owned(),
        ours: figure(median(&ours).unwrap_or(0)),
        theirs: median(&theirs).map(figure),
        ratio: median(&ratios),
        goal: Some(goal),
    }
}
