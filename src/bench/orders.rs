//! spec/bench/orders.md · 3.1.7, 4.7.5
//!
//! Measures orders from end to end: accepted on disk, settled on disk and answered, over client,
//! worker, link and master. PostgreSQL beside it does in a transaction what an order does to the
//! tables.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting, BenchTrader};
use super::driver::{Driver, Greeting, Pace, Until};
use super::measure::{MeasuredRatio, Measurement, median};
use super::rivals::Postgres;
use super::speech::KnownInstructions;
use super::table::{Figure, Goal, ResultRow};
use crate::model::{Quantity, SessionId, Side, Symbol};
use crate::wire::Request;
use std::time::Duration;

/// Connections, each of an account of its own.
pub const CONNECTIONS: usize = 8;
/// Orders in flight on each connection.
pub const IN_FLIGHT: usize = 1000;
/// Time between two updates, which settle what is queued.
pub const UPDATE_INTERVAL: Duration = Duration::from_millis(100);
/// Our rate must be this much of PostgreSQL's, in thousandths.
const RATIO_GOAL: u64 = 5000;
/// The quantity that is bought and sold again; so small that no account runs out of cash.
const QUANTITY: Quantity = Quantity(10_000);

/// Orders of the measured settlement.
const SETTLED_ORDERS: u64 = 10_000;
const SETTLEMENT_GOAL: Duration = Duration::from_millis(200);
/// Long enough for [`SETTLED_ORDERS`] orders to be queued between two updates.
const SETTLEMENT_UPDATE_INTERVAL: Duration = Duration::from_secs(3);

/// A purchase and a sale of each asset in turn.
pub fn round(session: &SessionId, symbols: &[Symbol]) -> Vec<Request> {
    let order = |side, symbol: &Symbol| Request::Order {
        session: session.clone(),
        side,
        symbol: *symbol,
        quantity: QUANTITY,
        id: None,
    };
    symbols
        .iter()
        .flat_map(|symbol| [order(Side::Buy, symbol), order(Side::Sell, symbol)])
        .collect()
}

fn symbols(deployment: &BenchDeployment, player: &BenchTrader) -> Result<Vec<Symbol>, String> {
    Ok(deployment
        .quotes(player)?
        .into_iter()
        .map(|(symbol, _)| symbol)
        .collect())
}

/// Connections, each with an account of its own.
///
/// # Errors
/// The worker does not accept the connections.
pub fn traders(
    deployment: &BenchDeployment,
    players: &[BenchTrader],
) -> Result<(Driver, KnownInstructions), String> {
    let first = players.first().ok_or("nobody trades")?;
    let symbols = symbols(deployment, first)?;
    let rounds = players
        .iter()
        .map(|player| round(&player.session, &symbols));
    let speech = KnownInstructions::new(rounds.collect(), false);
    let driver = Driver::open(deployment.worker()?, players.len(), |_| Greeting::default())?;
    Ok((driver, speech))
}

/// Measures orders beside PostgreSQL's transactions.
///
/// # Errors
/// A server fails, or an order is refused.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    tell("orders: starting PostgreSQL and a deployment …");
    let postgres = scale.rival("postgresql", Postgres::start())?;
    let deployment = BenchDeployment::start(BenchSetting {
        update_interval: UPDATE_INTERVAL,
        ..BenchSetting::default()
    })?;
    let players = deployment.players(CONNECTIONS)?;
    let (mut driver, mut speech) = traders(&deployment, &players)?;
    let pace = Pace::Closed {
        in_flight: IN_FLIGHT,
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 0..scale.alternations {
        tell(&format!(
            "orders: turn {} of {} …",
            turn + 1,
            scale.alternations
        ));
        for first in [true, false] {
            if first == turn.is_multiple_of(2) {
                ours.push(driver.measure(&mut speech, pace, scale.warm_up, scale.until)?);
            } else if let Some(postgres) = &postgres {
                theirs.push(postgres.orders(scale.time())?);
            }
        }
    }
    let rates: Vec<u64> = ours.iter().map(Measurement::rate).collect();
    let ratios: Vec<MeasuredRatio> = rates
        .iter()
        .zip(&theirs)
        .map(|(o, t)| MeasuredRatio::of(*o, *t))
        .collect();
    let middle = |value: fn(&Measurement) -> u64| {
        median(&ours.iter().map(value).collect::<Vec<u64>>()).unwrap_or_default()
    };
    Ok(vec![
        ResultRow {
            what: format!("orders, {CONNECTIONS} × {IN_FLIGHT}"),
            ours: Figure::PerSecond(median(&rates).unwrap_or(0)),
            theirs: median(&theirs).map(Figure::PerSecond),
            ratio: median(&ratios),
            goal: Some(Goal::RatioAtLeast(MeasuredRatio(RATIO_GOAL))),
        },
        ResultRow::ours(
            "an order until it is queued, p50",
            Figure::Nanoseconds(middle(|m| m.notices.p50)),
            None,
        ),
        ResultRow::ours(
            "an order until it is settled, p50",
            Figure::Nanoseconds(middle(|m| m.replies.p50)),
            None,
        ),
    ])
}

/// Measures how long one update takes to settle [`SETTLED_ORDERS`] orders, commit included.
///
/// # Errors
/// A server fails, an order is refused, or the orders were not settled in one update.
pub fn settle(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let (count, interval) = if scale.is_short {
        (200, Duration::from_secs(1))
    } else {
        (SETTLED_ORDERS, SETTLEMENT_UPDATE_INTERVAL)
    };
    let deployment = BenchDeployment::start(BenchSetting {
        update_interval: interval,
        ..BenchSetting::default()
    })?;
    let players = deployment.players(4)?;
    let (mut driver, mut speech) = traders(&deployment, &players)?;
    let in_flight = usize::try_from(count).unwrap_or(0) / players.len();
    let mut times = Vec::new();
    for turn in 0..scale.alternations {
        tell(&format!(
            "settlement: turn {} of {} …",
            turn + 1,
            scale.alternations
        ));
        // These orders are answered at an update, so that all orders after them wait for the next
        // one.
        let even = Pace::Closed { in_flight: 2 };
        driver.measure(&mut speech, even, Duration::ZERO, Until::Requests(8))?;
        let pace = Pace::Closed { in_flight };
        driver.measure(&mut speech, pace, Duration::ZERO, Until::Requests(count))?;
        let status = deployment.status()?;
        let told = |key: &str| status.get(key).and_then(serde_json::Value::as_u64);
        if let (Some(settled), Some(micros)) = (told("last_settled"), told("last_settlement_us"))
            // A short run sends too few orders to judge.
            && (settled == count || scale.is_short)
        {
            times.push(micros * 1000);
        }
    }
    let time = median(&times).ok_or("never were all orders settled by one update")?;
    Ok(vec![ResultRow::ours(
        format!("one update settles {count} orders"),
        Figure::Nanoseconds(time),
        (!scale.is_short).then(|| {
            let most = u64::try_from(SETTLEMENT_GOAL.as_nanos()).unwrap_or(u64::MAX);
            Goal::AtMost(Figure::Nanoseconds(most))
        }),
    )])
}
