//! spec/bench/growth.md · 2.2 Infrastructure Model (a deployment that grows)
//!
//! What a request costs as a deployment grows in one direction and stays as it is in the others. The cost is the
//! processor time of all daemons, less what they use when nobody asks: it holds still on a noisy machine.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting};
use super::driver::{Driver, Greeting, Pace, Until};
use super::fill::{self, FilledAccount, Filler};
use super::measure::{Measurement, Ratio, grouped, median, rate, span};
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

/// How much more a request may cost at the far end, in thousandths.
const FLAT: u64 = 1300;
/// How much longer the measurement of one point takes than that of others: processor time is told in ticks.
const LONGER: u32 = 2;
/// Between two updates.
const INTERVAL: Duration = Duration::from_millis(100);
/// The same where the number of assets grows: ten thousand are to be taken in once a second.
const ASSETS_INTERVAL: Duration = Duration::from_secs(1);
/// Accounts with a session, which trade and look around.
const ACTIVE: u64 = 1000;
/// Transactions that each of them has.
const OWN_TRANSACTIONS: u64 = 10;
/// Accounts where their number is not what grows.
const ACCOUNTS: u64 = 10_000;
/// Assets where their number is not what grows.
const ASSETS: u32 = 100;

/// Requests that a connection goes through before it begins again.
const ROUND: usize = 600;
/// Requests that are asked before anything is counted.
const FIRST: u64 = 200;

/// A direction, and how far it goes.
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

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GrowthRequest {
    Quote,
    Info,
    History,
    Order,
}

/// Each with its name, the connections to all workers together, and the requests in flight on each.
const ASKS: [(GrowthRequest, &str, usize, usize); 4] = [
    (GrowthRequest::Quote, "quote", 32, 16),
    (GrowthRequest::Info, "user info", 16, 16),
    (GrowthRequest::History, "history", 16, 4),
    (GrowthRequest::Order, "order", 8, 500),
];

/// What one kind of request costs at one point.
#[derive(Debug, Clone, Serialize)]
pub struct Cost {
    /// Which direction.
    pub direction: &'static str,
    /// How far.
    pub size: u64,
    /// Of what.
    pub what: &'static str,
    /// Nanoseconds of processor time a request.
    pub cost: u64,
    /// Requests a second meanwhile.
    pub rate: u64,
    /// Half were answered within so many nanoseconds.
    pub p50: u64,
}

/// All costs; the directions that are named, or all of them.
///
/// # Errors
/// A server fails, or answers wrongly.
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
        update_interval: INTERVAL,
        assets: ASSETS,
        ..BenchSetting::default()
    };
    let (mut accounts, mut transactions) = (ACCOUNTS, 0);
    match direction {
        "accounts" => accounts = size,
        "transactions" => transactions = size,
        "assets" => {
            setting.assets = small(size);
            setting.update_interval = ASSETS_INTERVAL;
        }
        _ => setting.workers = u16::try_from(size).unwrap_or(1),
    }
    let deployment = BenchDeployment::make(setting)?;
    let filled = fill(&deployment, accounts, transactions, setting.assets)?;
    deployment.start_all()?;
    let symbols = symbols(&deployment, &filled)?;
    let world = World {
        accounts,
        filled: &filled,
        symbols: &symbols,
    };
    let mut costs = Vec::new();
    for (ask, what, connections, in_flight) in ASKS {
        let mut crews = Vec::new();
        let connections = (connections / deployment.addresses().len()).max(1);
        for address in deployment.addresses() {
            crews.push(world.crew(*address, ask, connections)?);
        }
        let pace = Pace::Closed { in_flight };
        let (cost, rate, p50) = cost(scale, &deployment, &mut crews, pace)?;
        tell(&format!("  {what}: {} ns, {}/s", grouped(cost), grouped(rate)));
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
        // Their neighbours, who do nothing any more, did all the rest.
        filler.transactions(transactions, EvenAccounts { first: 2, ..active }, &symbol)?;
    }
    filler.close()?;
    Ok(filled)
}

fn symbols(deployment: &BenchDeployment, filled: &[FilledAccount]) -> Result<Vec<Symbol>, String> {
    let first = filled.first().ok_or("no account")?;
    let mut client = deployment.client()?;
    client.set_session(Some(first.session.clone()));
    client.enter(ConnectionState::Data).map_err(|e| e.to_string())?;
    client.list().map_err(|e| e.to_string())
}

type Crew = (Driver, KnownInstructions);

/// What a point has, for those who ask.
struct World<'a> {
    accounts: u64,
    filled: &'a [FilledAccount],
    symbols: &'a [Symbol],
}

impl World<'_> {
    /// Connections to one worker, and what they ask.
    fn crew(&self, address: SocketAddr, ask: GrowthRequest, connections: usize) -> Result<Crew, String> {
        // Each connection has its part of the active people.
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
        for (at, filled) in part.iter().cycle().take(ROUND.max(part.len())).enumerate() {
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

/// Numbers all over the place, the same in every run.
fn scattered(number: usize, at: usize) -> u64 {
    (number as u64 * 1_000_003 + at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

/// Nanoseconds of processor time a request, requests a second, and the median answer's time.
fn cost(
    scale: &Scale,
    deployment: &BenchDeployment,
    crews: &mut [Crew],
    pace: Pace,
) -> Result<(u64, u64, u64), String> {
    let time = scale.time() * LONGER;
    let until = match scale.until {
        Until::Time(_) => Until::Time(time),
        until @ Until::Requests(_) => until,
    };
    let rest = if scale.is_short { scale.warm_up } else { time / 2 };
    for crew in &mut *crews {
        crew.0
            .measure(&mut crew.1, pace, Duration::ZERO, Until::Requests(FIRST))?;
    }
    let before = (Instant::now(), deployment.processor_time()?);
    std::thread::sleep(rest);
    let (began, idle) = (Instant::now(), deployment.processor_time()?);
    let at_rest = rate(idle - before.1, nanos(before.0.elapsed()));
    let measured = std::thread::scope(|scope| {
        let threads: Vec<_> = crews
            .iter_mut()
            .map(|(driver, speech)| scope.spawn(move || driver.measure(speech, pace, Duration::ZERO, until)))
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
    let own = u64::try_from(u128::from(at_rest) * u128::from(elapsed) / 1_000_000_000).unwrap_or(u64::MAX);
    // What was answered after the end of the time was worked for, too.
    let answered: u64 = measured.iter().map(|m| m.replies.count + m.late).sum();
    let counted: u64 = measured.iter().map(Measurement::rate).sum();
    let times: Vec<u64> = measured.iter().map(|m| m.replies.p50).collect();
    let cost = used.saturating_sub(own) / answered.max(1);
    Ok((cost, counted, median(&times).unwrap_or(0)))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// How the costs at the far end compare with those at the near one: what is to stay flat.
pub fn rows(costs: &[Cost]) -> Vec<ResultRow> {
    let mut rows = Vec::new();
    for direction in DIRECTIONS {
        for (_, what, ..) in ASKS {
            let mut line = costs
                .iter()
                .filter(|c| c.direction == direction.name && c.what == what);
            let Some(first) = line.next() else { continue };
            let Some(last) = line.next_back() else { continue };
            let ratio = Ratio::of(last.cost, first.cost);
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
                goal: Some(Goal::RatioAtMost(Ratio(FLAT))),
            });
        }
    }
    rows
}

/// The plot: a panel for each direction, a line for each kind of request, as ratios to the first point.
pub fn panels(costs: &[Cost]) -> Vec<Panel> {
    let mut panels = Vec::new();
    for direction in DIRECTIONS {
        let mut lines = Vec::new();
        for (_, what, ..) in ASKS {
            let line: Vec<&Cost> = costs
                .iter()
                .filter(|c| c.direction == direction.name && c.what == what)
                .collect();
            let Some(first) = line.first() else { continue };
            lines.push(PlotLine {
                name: what.to_owned(),
                points: line
                    .iter()
                    .map(|c| (c.size, Ratio::of(c.cost, first.cost)))
                    .collect(),
            });
        }
        if !lines.is_empty() {
            panels.push(Panel {
                title: direction.name.to_owned(),
                limit: Ratio(FLAT),
                lines,
            });
        }
    }
    panels
}

/// Every point, as a table for people.
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
