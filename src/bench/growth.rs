//! spec/bench/growth.md · 2.2 Infrastructure Model (a deployment that grows)
//!
//! Measures the cost of a request while a deployment grows in one direction. The cost is the
//! processor time of all daemons, less what they use while idle, which varies little on a noisy
//! machine.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting};
use super::driver::{Driver, Greeting, Pace, Until};
use super::fill::{self, FilledAccount, Filler};
use super::measure::{MeasuredRatio, Measurement, grouped, median, rate, span};
use super::orders::round;
use super::plot::{Panel, PlotLine};
use super::speech::{KnownInstructions, into_data};
use super::table::{Figure, Goal, ResultRow};
use crate::master::storage::bulk::EvenAccounts;
use crate::model::Symbol;
use crate::wire::{ConnectionState, Request};
use serde::Serialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The cost at the largest point may be at most this much of that at the smallest, in thousandths.
const COST_RATIO_GOAL: u64 = 1300;
/// A point takes this many times the usual time, because processor time is counted in ticks.
const TIME_FACTOR: u32 = 2;
const UPDATE_INTERVAL: Duration = Duration::from_millis(100);
/// The update interval where the number of assets grows, up to ten thousand.
const ASSETS_UPDATE_INTERVAL: Duration = Duration::from_secs(1);
/// Accounts with a session, which send the requests.
const ACTIVE: u64 = 1000;
/// Transactions of each active account.
const OWN_TRANSACTIONS: u64 = 10;
/// Accounts where another number grows.
const ACCOUNTS: u64 = 10_000;
/// Assets where another number grows.
const ASSETS: u32 = 100;

/// Different requests of a connection, which it repeats in turn.
const ROUND_REQUESTS: usize = 600;
/// Requests before measuring begins.
const WARM_UP_REQUESTS: u64 = 200;

/// A direction of growth, and its points.
#[derive(Debug, Clone, Copy)]
struct Direction {
    name: &'static str,
    points: &'static [u64],
    short: &'static [u64],
}

const DIRECTIONS: [Direction; 4] = [
    Direction {
        name: "accounts",
        points: &[1_000, 10_000, 100_000, 1_000_000],
        short: &[1_000],
    },
    Direction {
        name: "transactions",
        points: &[1_000, 10_000, 100_000, 1_000_000, 10_000_000],
        short: &[1_000],
    },
    Direction {
        name: "assets",
        points: &[10, 100, 1_000, 10_000],
        short: &[10],
    },
    Direction {
        name: "workers",
        points: &[1, 2, 4, 8],
        short: &[2],
    },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GrowthRequest {
    Quote,
    Info,
    History,
    Order,
}

/// Each request with its name, the number of connections to all workers together, and the requests
/// in flight on each.
const REQUESTS: [(GrowthRequest, &str, usize, usize); 4] = [
    (GrowthRequest::Quote, "quote", 32, 16),
    (GrowthRequest::Info, "user info", 16, 16),
    (GrowthRequest::History, "history", 16, 4),
    (GrowthRequest::Order, "order", 8, 500),
];

/// The cost of one kind of request at one point.
#[derive(Debug, Clone, Serialize)]
pub struct Cost {
    /// The name of the direction.
    pub direction: &'static str,
    /// The point: how many accounts, transactions, assets or workers.
    pub size: u64,
    /// The kind of request.
    pub what: &'static str,
    /// Processor time a request, in nanoseconds.
    pub cost: u64,
    /// Requests a second during the measurement.
    pub rate: u64,
    /// The median reply time, in nanoseconds.
    pub p50: u64,
}

/// Measures the costs of the directions that `only` names, or of all.
///
/// # Errors
/// A server fails, or sends a wrong reply.
pub fn measure(scale: &Scale, only: &[String], tell: &dyn Fn(&str)) -> Result<Vec<Cost>, String> {
    let mut costs = Vec::new();
    for direction in DIRECTIONS {
        if !only.is_empty() && !only.iter().any(|name| name == direction.name) {
            continue;
        }
        let points = if scale.is_short {
            direction.short
        } else {
            direction.points
        };
        for size in points {
            tell(&format!("growth: {} {} …", grouped(*size), direction.name));
            costs.extend(point(scale, direction.name, *size, tell)?);
        }
    }
    Ok(costs)
}

fn point(
    scale: &Scale,
    direction: &'static str,
    size: u64,
    tell: &dyn Fn(&str),
) -> Result<Vec<Cost>, String> {
    let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let mut setting = BenchSetting {
        update_interval: UPDATE_INTERVAL,
        assets: ASSETS,
        ..BenchSetting::default()
    };
    let (mut accounts, mut transactions) = (ACCOUNTS, 0);
    match direction {
        "accounts" => accounts = size,
        "transactions" => transactions = size,
        "assets" => {
            setting.assets = small(size);
            setting.update_interval = ASSETS_UPDATE_INTERVAL;
        }
        _ => setting.workers = u16::try_from(size).unwrap_or(1),
    }
    let deployment = BenchDeployment::make(setting)?;
    let filled = fill(&deployment, accounts, transactions, setting.assets)?;
    deployment.start_all()?;
    let symbols = symbols(&deployment, &filled)?;
    let world = PointData {
        accounts,
        filled: &filled,
        symbols: &symbols,
    };
    let mut costs = Vec::new();
    for (ask, what, connections, in_flight) in REQUESTS {
        let mut crews = Vec::new();
        let connections = (connections / deployment.addresses().len()).max(1);
        for address in deployment.addresses() {
            crews.push(world.connect(*address, ask, connections)?);
        }
        let pace = Pace::Closed { in_flight };
        let (cost, rate, p50) = cost(scale, &deployment, &mut crews, pace)?;
        tell(&format!(
            "  {what}: {} ns, {}/s",
            grouped(cost),
            grouped(rate)
        ));
        costs.push(Cost {
            direction,
            size,
            what,
            cost,
            rate,
            p50,
        });
    }
    Ok(costs)
}

fn fill(
    deployment: &BenchDeployment,
    accounts: u64,
    transactions: u64,
    assets: u32,
) -> Result<Vec<FilledAccount>, String> {
    let symbol = format!("SIM{:0digits$}", 1, digits = assets.to_string().len());
    let mut filler = Filler::open(&deployment.database())?;
    filler.accounts(accounts, &symbol)?;
    let active = EvenAccounts {
        first: 1,
        accounts: ACTIVE,
        step: accounts / ACTIVE,
    };
    let filled = filler.sessions(active)?;
    filler.transactions(OWN_TRANSACTIONS * ACTIVE, active, &symbol)?;
    if transactions > 0 {
        // All other transactions belong to accounts that send no requests.
        filler.transactions(transactions, EvenAccounts { first: 2, ..active }, &symbol)?;
    }
    filler.close()?;
    Ok(filled)
}

fn symbols(deployment: &BenchDeployment, filled: &[FilledAccount]) -> Result<Vec<Symbol>, String> {
    let first = filled.first().ok_or("no account")?;
    let mut client = deployment.client()?;
    client.set_session(Some(first.session.clone()));
    client
        .enter(ConnectionState::Data)
        .map_err(|e| e.to_string())?;
    client.list().map_err(|e| e.to_string())
}

type LoadConnections = (Driver, KnownInstructions);

/// The accounts and assets of a point.
struct PointData<'a> {
    accounts: u64,
    filled: &'a [FilledAccount],
    symbols: &'a [Symbol],
}

impl PointData<'_> {
    /// Connects to one worker; returns the connections with their requests.
    fn connect(
        &self,
        address: SocketAddr,
        ask: GrowthRequest,
        connections: usize,
    ) -> Result<LoadConnections, String> {
        // Each connection uses its share of the active accounts.
        let parts: Vec<&[FilledAccount]> = self
            .filled
            .chunks(self.filled.len().div_ceil(connections))
            .collect();
        let requests: Result<Vec<Vec<Request>>, String> = parts
            .iter()
            .enumerate()
            .map(|(number, part)| self.requests(ask, number, part))
            .collect();
        let driver = Driver::open(address, parts.len(), |number| {
            match (ask, parts[number].first()) {
                (GrowthRequest::Order, _) | (_, None) => Greeting::default(),
                (_, Some(filled)) => into_data(&filled.session),
            }
        })?;
        Ok((driver, KnownInstructions::new(requests?, false)))
    }

    fn requests(
        &self,
        ask: GrowthRequest,
        number: usize,
        part: &[FilledAccount],
    ) -> Result<Vec<Request>, String> {
        let mut requests = Vec::new();
        for (at, filled) in part
            .iter()
            .cycle()
            .take(ROUND_REQUESTS.max(part.len()))
            .enumerate()
        {
            let symbol = self.symbols[(number * 7 + at) % self.symbols.len().max(1)];
            let session = filled.session.clone();
            match ask {
                GrowthRequest::Quote => requests.push(Request::AssetCurrent { symbol }),
                GrowthRequest::Info => {
                    let username = fill::name(1 + scattered(number, at) % self.accounts)?;
                    requests.push(Request::UserInfo { session, username });
                }
                GrowthRequest::History => requests.push(Request::UserHistory {
                    session,
                    username: filled.username.clone(),
                }),
                GrowthRequest::Order => requests.extend(round(&session, &[symbol])),
            }
        }
        Ok(requests)
    }
}

/// A scattered number, the same in every run.
fn scattered(number: usize, at: usize) -> u64 {
    (number as u64 * 1_000_003 + at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

/// Processor time a request in nanoseconds, requests a second, and the median reply time.
fn cost(
    scale: &Scale,
    deployment: &BenchDeployment,
    crews: &mut [LoadConnections],
    pace: Pace,
) -> Result<(u64, u64, u64), String> {
    let time = scale.time() * TIME_FACTOR;
    let until = match scale.until {
        Until::Time(_) => Until::Time(time),
        until @ Until::Requests(_) => until,
    };
    let rest = if scale.is_short {
        scale.warm_up
    } else {
        time / 2
    };
    for connect in &mut *crews {
        connect.0.measure(
            &mut connect.1,
            pace,
            Duration::ZERO,
            Until::Requests(WARM_UP_REQUESTS),
        )?;
    }
    let before = (Instant::now(), deployment.processor_time()?);
    std::thread::sleep(rest);
    let (began, idle) = (Instant::now(), deployment.processor_time()?);
    let at_rest = rate(idle - before.1, nanos(before.0.elapsed()));
    let measured = std::thread::scope(|scope| {
        let threads: Vec<_> = crews
            .iter_mut()
            .map(|(driver, speech)| {
                scope.spawn(move || driver.measure(speech, pace, Duration::ZERO, until))
            })
            .collect();
        let mut measured = Vec::new();
        for thread in threads {
            measured.push(
                thread
                    .join()
                    .map_err(|_| "a load's thread panicked".to_owned())??,
            );
        }
        Ok::<Vec<Measurement>, String>(measured)
    })?;
    let used = deployment.processor_time()? - idle;
    let elapsed = nanos(began.elapsed());
    let own = u64::try_from(u128::from(at_rest) * u128::from(elapsed) / 1_000_000_000)
        .unwrap_or(u64::MAX);
    // Late replies cost processor time as well.
    let answered: u64 = measured.iter().map(|m| m.replies.count + m.late).sum();
    let counted: u64 = measured.iter().map(Measurement::rate).sum();
    let times: Vec<u64> = measured.iter().map(|m| m.replies.p50).collect();
    let cost = used.saturating_sub(own) / answered.max(1);
    Ok((cost, counted, median(&times).unwrap_or(0)))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The ratio of the cost at the largest point to that at the smallest, for each kind of request.
pub fn rows(costs: &[Cost]) -> Vec<ResultRow> {
    let mut rows = Vec::new();
    for direction in DIRECTIONS {
        for (_, what, ..) in REQUESTS {
            let mut line = costs
                .iter()
                .filter(|c| c.direction == direction.name && c.what == what);
            let Some(first) = line.next() else { continue };
            let Some(last) = line.next_back() else {
                continue;
            };
            let ratio = MeasuredRatio::of(last.cost, first.cost);
            rows.push(ResultRow {
                what: format!(
                    "cost of one {what}: {} to {} {}",
                    grouped(first.size),
                    grouped(last.size),
                    direction.name
                ),
                ours: Figure::Nanoseconds(last.cost),
                theirs: Some(Figure::Nanoseconds(first.cost)),
                ratio: Some(ratio),
                goal: Some(Goal::RatioAtMost(MeasuredRatio(COST_RATIO_GOAL))),
            });
        }
    }
    rows
}

/// The plot: a panel for each direction, with a line for each kind of request, as ratios to the
/// first point.
pub fn panels(costs: &[Cost]) -> Vec<Panel> {
    let mut panels = Vec::new();
    for direction in DIRECTIONS {
        let mut lines = Vec::new();
        for (_, what, ..) in REQUESTS {
            let line: Vec<&Cost> = costs
                .iter()
                .filter(|c| c.direction == direction.name && c.what == what)
                .collect();
            let Some(first) = line.first() else { continue };
            lines.push(PlotLine {
                name: what.to_owned(),
                points: line
                    .iter()
                    .map(|c| (c.size, MeasuredRatio::of(c.cost, first.cost)))
                    .collect(),
            });
        }
        if !lines.is_empty() {
            panels.push(Panel {
                title: direction.name.to_owned(),
                limit: MeasuredRatio(COST_RATIO_GOAL),
                lines,
            });
        }
    }
    panels
}

/// All points as a table.
pub fn text(costs: &[Cost]) -> String {
    let mut text =
        "direction | size | request | processor time | rate | p50\n--- | ---: | --- | ---: | ---: | ---:"
            .to_owned();
    for cost in costs {
        text.push_str(&format!(
            "\n{} | {} | {} | {} | {}/s | {}",
            cost.direction,
            grouped(cost.size),
            cost.what,
            span(cost.cost),
            grouped(cost.rate),
            span(cost.p50)
        ));
    }
    text
}
