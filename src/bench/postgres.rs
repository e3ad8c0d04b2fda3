//! spec/bench/postgres.md · 3.1.7, 3.1.2
//!
//! Measures orders with the data on PostgreSQL, at the server and with a network before it, beside
//! `pgbench` on the same server; and with the data in SQLite.
//!
//! Tests: `tests/suite/programs/bench.rs`.

mod latency;

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting, BenchTrader};
use super::driver::Pace;
use super::measure::{MeasuredRatio, Measurement, median};
use super::orders::{CONNECTIONS, IN_FLIGHT, UPDATE_INTERVAL, traders};
use super::rivals::{PGBENCH_CLIENTS, Postgres};
use super::table::{Figure, Goal, ResultRow};
use std::time::Duration;

/// What a message takes longer between master and server, in each direction.
const DELAY: Duration = Duration::from_millis(2);
/// Our rate must be this much of `pgbench`'s, in thousandths; and with [`DELAY`], of `pgbench`'s
/// without.
const RATIO_GOAL: u64 = 5000;
const DELAYED_RATIO_GOAL: u64 = 3000;

/// One that is measured.
struct Contestant {
    what: String,
    goal: u64,
    deployment: BenchDeployment,
    players: Vec<BenchTrader>,
    measured: Vec<Measurement>,
}

impl Contestant {
    /// Registers who trades, and stops: nothing of ours runs while another is measured.
    fn new(what: String, goal: u64, deployment: BenchDeployment) -> Result<Contestant, String> {
        deployment.start_all()?;
        let players = deployment.players(CONNECTIONS)?;
        deployment.stop();
        Ok(Contestant {
            what,
            goal,
            deployment,
            players,
            measured: Vec::new(),
        })
    }

    fn measure(&mut self, scale: &Scale) -> Result<(), String> {
        self.deployment.start_all()?;
        let (mut driver, mut speech) = traders(&self.deployment, &self.players)?;
        let pace = Pace::Closed {
            in_flight: IN_FLIGHT,
        };
        let measured = driver.measure(&mut speech, pace, scale.warm_up, scale.until);
        self.deployment.stop();
        self.measured.push(measured?);
        Ok(())
    }

    fn rows(&self, theirs: &[u64]) -> [ResultRow; 3] {
        let rates: Vec<u64> = self.measured.iter().map(Measurement::rate).collect();
        let neighbours = rates.iter().zip(theirs);
        let ratios: Vec<MeasuredRatio> =
            neighbours.map(|(o, t)| MeasuredRatio::of(*o, *t)).collect();
        let middle = |value: fn(&Measurement) -> u64| {
            let values: Vec<u64> = self.measured.iter().map(value).collect();
            Figure::Nanoseconds(median(&values).unwrap_or_default())
        };
        [
            ResultRow {
                what: format!("orders, {}", self.what),
                ours: Figure::PerSecond(median(&rates).unwrap_or(0)),
                theirs: median(theirs).map(Figure::PerSecond),
                ratio: median(&ratios),
                goal: Some(Goal::RatioAtLeast(MeasuredRatio(self.goal))),
            },
            ResultRow::ours(
                format!("queued, p50, {}", self.what),
                middle(|m| m.notices.p50),
                None,
            ),
            ResultRow::ours(
                format!("settled, p50, {}", self.what),
                middle(|m| m.replies.p50),
                None,
            ),
        ]
    }
}

/// Measures orders on either engine beside `pgbench`'s transactions.
///
/// # Errors
/// A server fails, or an order is refused.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let setting = BenchSetting {
        update_interval: UPDATE_INTERVAL,
        ..BenchSetting::default()
    };
    tell("postgres: starting a server and deployments …");
    let postgres = scale.rival("postgresql", Postgres::start())?;
    let mut ours = vec![Contestant::new(
        "SQLite".to_owned(),
        RATIO_GOAL,
        BenchDeployment::make(setting)?,
    )?];
    if let Some(postgres) = &postgres {
        let near = BenchDeployment::make_on_server(setting, &postgres.database("near")?)?;
        ours.push(Contestant::new("PostgreSQL".to_owned(), RATIO_GOAL, near)?);
        postgres.database("far")?;
        let address = latency::listen(&postgres.socket(), DELAY).map_err(|e| e.to_string())?;
        let url = format!("postgres://bench@{address}/far?sslmode=disable");
        let far = BenchDeployment::make_on_server(setting, &url)?;
        let what = format!("PostgreSQL {} ms away", DELAY.as_millis());
        ours.push(Contestant::new(what, DELAYED_RATIO_GOAL, far)?);
    }
    let mut theirs = Vec::new();
    for turn in 0..scale.alternations {
        let told = format!("postgres: turn {} of {} …", turn + 1, scale.alternations);
        tell(&told);
        // Each comes first in turn.
        let all = ours.len() + 1;
        for place in 0..all {
            match (ours.get_mut((turn + place) % all), &postgres) {
                (Some(one), _) => one.measure(scale)?,
                (None, Some(postgres)) => theirs.push(postgres.orders(scale.time())?),
                (None, None) => {}
            }
        }
    }
    tell(&format!(
        "postgres: theirs is pgbench with {PGBENCH_CLIENTS} clients at the same server"
    ));
    Ok(ours.iter().flat_map(|one| one.rows(&theirs)).collect())
}
