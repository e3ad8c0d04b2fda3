//! spec/bench.md · 3.1.1 deployment and running stage
//!
//! Measures how long a master with a million accounts takes until it serves.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting};
use super::fill::Filler;
use super::measure::{grouped, median};
use super::table::{Figure, Goal, ResultRow};
use std::time::Duration;

const ACCOUNTS: u64 = 1_000_000;
/// How long a start may take.
const START_GOAL: Duration = Duration::from_secs(1);

/// Starts the master several times.
///
/// # Errors
/// The master does not start.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let accounts = if scale.is_short { 1000 } else { ACCOUNTS };
    tell(&format!("start: writing {} accounts …", grouped(accounts)));
    let deployment = BenchDeployment::make(BenchSetting::default())?;
    let mut filler = Filler::open(&deployment.database())?;
    filler.accounts(accounts, "SIM001")?;
    filler.close()?;
    // The first start writes the market's history; later starts do not, so it is not measured.
    deployment.start_master()?;
    let mut times = Vec::new();
    for _ in 0..scale.alternations {
        deployment.stop();
        let took = deployment.start_master()?;
        times.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
    let most = u64::try_from(START_GOAL.as_nanos()).unwrap_or(u64::MAX);
    Ok(vec![ResultRow::ours(
        format!("the master starts with {} accounts", grouped(accounts)),
        Figure::Nanoseconds(median(&times).unwrap_or(0)),
        (!scale.is_short).then_some(Goal::AtMost(Figure::Nanoseconds(most))),
    )])
}
