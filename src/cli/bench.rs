//! spec/cli/bench.md · 2.2 Infrastructure Model
//!
//! The command line of `papertrader-bench`.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use crate::bench::driver::{Pace, Until};
use crate::bench::load::{Load, Mix};
use crate::bench::measure::{Measurement, Times, grouped, span};
use crate::bench::table::{self, ResultRow};
use crate::bench::{
    Scale, account_times, growth, histories, idle, load, logins, market, moving, notices,
    open_orders, orders, plot, postgres, reads, sizes, start, websocket,
};
use crate::daemon;
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Descriptors that this program and the servers it starts may have: 10,000 clients at both ends,
/// and some more.
const DESCRIPTORS: u64 = 65_536;

/// Measures PaperTrader, beside redis and PostgreSQL on the same machine in the same run.
///
/// Each measurement makes a deployment of its own in a temporary folder, of the programs beside
/// this one, and removes it again.
#[derive(Debug, Parser)]
#[command(
    name = "papertrader-bench",
    version,
    after_help = "Exit codes: 0 done, also where a goal is not reached; 1 failed while running, or a wrong answer; \
                  2 bad command line."
)]
pub struct BenchCli {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// A few hundred requests each: shows that everything runs and that answers are right
    #[arg(long, global = true)]
    short: bool,
    /// Turns of each comparison
    #[arg(long, global = true, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    alternations: u16,
    /// How long each measurement takes
    #[arg(long, global = true, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    time: Duration,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything with a goal, and the table
    All(PlotArguments),
    /// Quotes beside redis GET
    Reads,
    /// Orders beside PostgreSQL
    Orders,
    /// Orders on PostgreSQL and on SQLite, beside pgbench on the same server
    Postgres,
    /// One update that settles 10,000 orders
    Settle,
    /// What a request costs from 1,000 to 1,000,000 accounts, 1,000 to 10,000,000 transactions, 10
    /// to 10,000 assets, 1 to 8 workers
    Growth(GrowthArguments),
    /// 10,000 clients that do nothing
    Idle,
    /// A master's start with a million accounts
    Start,
    /// A master's starts on five million rows of 2,000 market files
    Market,
    /// Logins beside the pace of one hash, and who else notices
    Logins,
    /// Whether the times of logins and of requests for a code tell what account there is
    AccountTimes,
    /// One history of three million transactions, asked for without pause, and who else notices
    Histories,
    /// 5,000 subscribers to one asset's prices, beside a bare loop, and who else notices
    Notices,
    /// A master with a million open orders
    OpenOrders,
    /// A million accounts and ten million transactions, moved from a file to PostgreSQL and back
    Moving,
    /// What a client, an account, a transaction and a price take
    Sizes,
    /// What a quote by WebSocket costs the worker, beside one by TCP
    Websocket,
    /// One load as you wish it
    Load(LoadArguments),
}

#[derive(Debug, Args)]
struct PlotArguments {
    /// Write the plot of growth into this file, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct GrowthArguments {
    /// Only in this direction: accounts, transactions, assets or workers; may be repeated
    #[arg(long, value_name = "DIRECTION", value_parser = ["accounts", "transactions", "assets", "workers"])]
    only: Vec<String>,
    #[command(flatten)]
    plot: PlotArguments,
}

#[derive(Debug, Args)]
struct LoadArguments {
    /// A running worker; without one a deployment is made
    #[arg(long, value_name = "HOST:PORT")]
    worker: Option<SocketAddr>,
    /// Connections
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Closed loop: requests in flight on each connection
    #[arg(short, long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=4096))]
    in_flight: u16,
    /// Open loop: requests a second over all connections, answered or not
    #[arg(short, long, value_name = "N", conflicts_with = "in_flight", value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// What is asked, with weights: of current, info, day, week, month, year, alltime, predicted,
    /// list, user, portfolio, history; or of buy, trade (buys and sells), resume, login
    #[arg(short, long, value_name = "KIND=N,...", default_value = "current")]
    mix: Mix,
    /// End after so many requests, not after a time
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// Count Fails instead of stopping at the first
    #[arg(long)]
    allow_fails: bool,
}

/// Runs the program.
pub fn main() -> ExitCode {
    run(&BenchCli::parse())
}

fn run(cli: &BenchCli) -> ExitCode {
    daemon::raise_descriptors(DESCRIPTORS);
    let done = match &cli.command {
        Command::Load(arguments) => measure_load(cli, arguments),
        Command::Growth(arguments) => measure_growth(cli, arguments),
        Command::All(arguments) => measure_all(cli, arguments),
        Command::Reads => measure_rows(cli, &[reads::measure]),
        Command::Orders => measure_rows(cli, &[orders::measure]),
        Command::Postgres => measure_rows(cli, &[postgres::measure]),
        Command::Settle => measure_rows(cli, &[orders::settle]),
        Command::Idle => measure_rows(cli, &[idle::measure]),
        Command::Start => measure_rows(cli, &[start::measure]),
        Command::Market => measure_rows(cli, &[market::measure]),
        Command::Logins => measure_rows(cli, &[logins::measure]),
        Command::AccountTimes => measure_rows(cli, &[account_times::measure]),
        Command::Histories => measure_rows(cli, &[histories::measure]),
        Command::Notices => measure_rows(cli, &[notices::measure]),
        Command::OpenOrders => measure_rows(cli, &[open_orders::measure]),
        Command::Moving => measure_rows(cli, &[moving::measure]),
        Command::Sizes => measure_rows(cli, &[sizes::measure]),
        Command::Websocket => measure_rows(cli, &[websocket::measure]),
    };
    match done {
        Ok(text) => {
            // A closed standard output is no failure.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::from(daemon::DONE)
        }
        Err(error) => {
            eprintln!("papertrader-bench: {error}");
            ExitCode::from(daemon::FAILED)
        }
    }
}

fn measure_load(cli: &BenchCli, arguments: &LoadArguments) -> Result<String, String> {
    let measured = load::run(&Load {
        worker: arguments.worker,
        connections: usize::from(arguments.connections),
        pace: match arguments.rate {
            Some(per_second) => Pace::Open { per_second },
            None => Pace::Closed {
                in_flight: usize::from(arguments.in_flight),
            },
        },
        mix: arguments.mix.clone(),
        warm_up: if arguments.requests.is_some() {
            Duration::ZERO
        } else {
            cli.time / 5
        },
        until: arguments
            .requests
            .map_or(Until::Time(cli.time), Until::Requests),
        may_fail: arguments.allow_fails,
    })?;
    if cli.json {
        serde_json::to_string_pretty(&measured).map_err(|e| e.to_string())
    } else {
        Ok(told(&measured))
    }
}

fn told(measured: &Measurement) -> String {
    let times = |times: &Times| {
        format!(
            "p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
            span(times.p50),
            span(times.p90),
            span(times.p99),
            span(times.p999),
            span(times.max)
        )
    };
    let mut text = format!(
        "{} answers in {}: {}/s\nanswered: {}",
        grouped(measured.replies.count),
        span(measured.elapsed),
        grouped(measured.rate()),
        times(&measured.replies)
    );
    if measured.notices.count > 0 {
        text.push_str(&format!("\nqueued:   {}", times(&measured.notices)));
    }
    if measured.refused > 0 {
        text.push_str(&format!("\nrefused:  {}", grouped(measured.refused)));
    }
    text
}

/// A measurement, which reports its progress to the closure.
type MeasureFn = fn(&Scale, &dyn Fn(&str)) -> Result<Vec<ResultRow>, String>;

/// The measurements of the table.
const MEASUREMENTS: [MeasureFn; 6] = [
    reads::measure,
    orders::measure,
    orders::settle,
    idle::measure,
    start::measure,
    logins::measure,
];

fn scale(cli: &BenchCli) -> Scale {
    if cli.short {
        Scale::short()
    } else {
        Scale::full(usize::from(cli.alternations), cli.time)
    }
}

fn progress(text: &str) {
    eprintln!("{text}");
}

fn measure_rows(cli: &BenchCli, chosen: &[MeasureFn]) -> Result<String, String> {
    printed(cli, &collect(cli, chosen)?)
}

fn collect(cli: &BenchCli, chosen: &[MeasureFn]) -> Result<Vec<ResultRow>, String> {
    let mut rows = Vec::new();
    for measure in chosen {
        rows.extend(measure(&scale(cli), &progress)?);
    }
    Ok(rows)
}

fn printed(cli: &BenchCli, rows: &[ResultRow]) -> Result<String, String> {
    if cli.json {
        serde_json::to_string_pretty(rows).map_err(|e| e.to_string())
    } else {
        Ok(table::text(rows))
    }
}

fn measure_all(cli: &BenchCli, arguments: &PlotArguments) -> Result<String, String> {
    let mut rows = collect(cli, &MEASUREMENTS)?;
    let costs = growth::measure(&scale(cli), &[], &progress)?;
    draw(&costs, arguments)?;
    rows.extend(growth::rows(&costs));
    printed(cli, &rows)
}

fn measure_growth(cli: &BenchCli, arguments: &GrowthArguments) -> Result<String, String> {
    let costs = growth::measure(&scale(cli), &arguments.only, &progress)?;
    draw(&costs, &arguments.plot)?;
    if cli.json {
        serde_json::to_string_pretty(&costs).map_err(|e| e.to_string())
    } else {
        let rows = table::text(&growth::rows(&costs));
        Ok(format!("{}\n\n{rows}", growth::text(&costs)))
    }
}

fn draw(costs: &[growth::Cost], arguments: &PlotArguments) -> Result<(), String> {
    let Some(file) = &arguments.plot else {
        return Ok(());
    };
    let picture = plot::svg(&growth::panels(costs));
    std::fs::write(file, picture).map_err(|e| format!("{}: {e}", file.display()))
}
