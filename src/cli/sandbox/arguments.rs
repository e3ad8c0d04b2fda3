//! spec/cli/sandbox/arguments.md · 2.3 Global Deployment Variables
//!
//! The command line of `papertrader-sandbox`. It is part of the library, so that man page and
//! completions can be made from it.
//!
//! Tests: `tests/suite/programs/sandbox.rs`.

use super::reset;
use super::supervisor::{self, StopSignals};
use crate::cli::input::date;
use crate::cli::output;
use crate::cli::table::{Column, NONE, table};
use crate::cli::terminal::{for_people, wrapped_for_stderr};
use crate::config::ReplayEnd;
use crate::daemon::{self, first_process};
use crate::master::assets::providers::market_file::survey::{FileSurvey, MarketSurvey, survey};
use crate::master::assets::providers::replay::REPORT_LINES_MAX;
use crate::model::Timestamp;
use crate::testkit::state::SandboxState;
use crate::testkit::{self, Layout, SandboxError, SandboxOptions, WORKERS_MAX, program};
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// A whole PaperTrader deployment in one folder: master, workers, keys, configuration and a sample
/// market.
#[derive(Debug, Parser)]
#[command(
    name = "papertrader-sandbox",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  papertrader-sandbox run --dir /tmp/sandbox
  papertrader-sandbox run --dir /tmp/sandbox --workers 2 --start 2012-06-01 --update-interval 5s
  papertrader-sandbox init --dir /tmp/sandbox --seed-market ~/market
  papertrader-sandbox run --dir /tmp/sandbox --reset-market 2012-06-01
  papertrader-sandbox check-market ~/market
  papertrader-master --config /tmp/sandbox/master.toml

When all programs serve, run prints `ready master=HOST:PORT worker=HOST:PORT ...`; \
the lines after it have \
the pages' addresses, one a worker, for a browser. A client in another terminal:
  papertrader --server HOST:PORT register alice alice@example.org
and its administrator, while it runs:
  papertraderctl --socket /tmp/sandbox/master.sock status

Ctrl-C stops everything.

Exit codes: 0 done, 1 failed, 2 bad command line, 78 bad configuration or market files."
)]
pub struct SandboxCli {
    /// What to do.
    #[command(subcommand)]
    pub command: SandboxCommand,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Make a sandbox in an empty folder, and start nothing
    Init(InitArgs),
    /// Run a sandbox in the foreground; make it first where the folder is absent or empty
    Run(RunArgs),
    /// Show what is understood of each file of a market folder
    CheckMarket(CheckMarketArgs),
}

/// Which folder, and what for programs.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The sandbox's folder
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Print JSON: what sandbox.json holds, in one line
    #[arg(long)]
    pub json: bool,
}

/// `check-market`
#[derive(Debug, Args)]
pub struct CheckMarketArgs {
    /// The folder of market files, one SYMBOL.csv each
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// What a new sandbox is to be like.
#[derive(Debug, Args)]
pub struct DeploymentArgs {
    /// How many workers, 1 to 64 [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(WORKERS_MAX)))]
    pub workers: Option<u16>,
    /// A folder of market files to copy, one SYMBOL.csv each [default: the sample market]
    #[arg(long, value_name = "DIR")]
    pub seed_market: Option<PathBuf>,
    /// Where the replay starts, such as 2012-01-03; earlier bars are history [default: 2012-01-03
    /// for the sample market, the first bar for another]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub start: Option<Timestamp>,
    /// Time between two updates, 10ms to 1d [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub update_interval: Option<Duration>,
    /// What follows the market's last bar: `simulate`, a random walk goes on from the last prices;
    /// or `stop`, prices stay and orders are refused [default: simulate]
    #[arg(long, value_name = "WHAT", value_parser = ReplayEnd::parse)]
    pub end_of_market: Option<ReplayEnd>,
    /// Cost of a password's hash, 4 to 15; 4 for tests, 12 where it is exposed [default: 10]
    #[arg(long, value_name = "COST", value_parser = clap::value_parser!(u32).range(4..=15))]
    pub bcrypt_cost: Option<u32>,
}

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// How.
    #[command(flatten)]
    pub wishes: DeploymentArgs,
}

/// `run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Where.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// How, if it is to be made.
    #[command(flatten)]
    pub wishes: DeploymentArgs,
    /// Leave a daemon that falls as it is, instead of starting it again
    #[arg(long)]
    pub no_restart: bool,
    /// Let the market begin anew at this date: orders, portfolios and histories are deleted, and
    /// each account has its first cash
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub reset_market: Option<Timestamp>,
    /// Delete the accounts, too
    #[arg(long, requires = "reset_market")]
    pub reset_accounts: bool,
    /// Do not ask whether the market is to begin anew
    #[arg(long, requires = "reset_market")]
    pub yes: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(10)..=Duration::from_secs(86_400);
    match humantime::parse_duration(text) {
        Ok(interval) if range.contains(&interval) => Ok(interval),
        Ok(_) => Err("an update interval is 10ms to 1d".to_owned()),
        Err(_) => Err("a time is written as 500ms, 5s or 2m".to_owned()),
    }
}

impl DeploymentArgs {
    fn are_none(&self) -> bool {
        self.workers.is_none()
            && self.seed_market.is_none()
            && self.start.is_none()
            && self.update_interval.is_none()
            && self.bcrypt_cost.is_none()
            && self.end_of_market.is_none()
    }

    fn options(&self, folder: &FolderArgs) -> SandboxOptions {
        let usual = SandboxOptions::new(&folder.dir);
        SandboxOptions {
            workers: self.workers.unwrap_or(usual.workers),
            market: self.seed_market.clone(),
            start: self.start,
            update_interval: self.update_interval.unwrap_or(usual.update_interval),
            bcrypt_cost: self.bcrypt_cost.unwrap_or(usual.bcrypt_cost),
            at_end: self.end_of_market.unwrap_or(usual.at_end),
            dir: usual.dir,
            is_run: usual.is_run,
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    if let Some(code) = first_process::run_as_child() {
        return code;
    }
    let cli = SandboxCli::parse();
    let done = match &cli.command {
        SandboxCommand::Init(init) => make(init),
        SandboxCommand::Run(run) => serve(run),
        SandboxCommand::CheckMarket(check) => check_market(check),
    };
    match done {
        Ok(()) => ExitCode::from(daemon::DONE),
        Err(failure) => {
            tell(&failure.text);
            ExitCode::from(failure.code)
        }
    }
}

/// A closed standard error is no reason to stop.
fn tell(line: &str) {
    let line = for_people(&format!("papertrader-sandbox: {line}"));
    let _ = std::io::stderr().write_all(wrapped_for_stderr(&line).as_bytes());
}

/// Nor is a closed standard output.
fn print(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn json(state: &SandboxState) -> String {
    // Plain strings and numbers always serialize.
    serde_json::to_string(state).unwrap_or_default()
}

fn make(init: &InitArgs) -> Result<(), SandboxError> {
    // Signals wait until the sandbox is complete: half of one would block the next attempt,
    // and GPG's agents would remain.
    let _uninterrupted = StopSignals::watch().map_err(SandboxError::failed)?;
    let layout = testkit::init(&init.wishes.options(&init.folder), &mut tell)?;
    if init.folder.json {
        print(&json(&SandboxState::read(&layout)?));
    }
    tell(&format!(
        "made; papertrader-sandbox run --dir {} starts it",
        layout.dir().display()
    ));
    Ok(())
}

fn check_market(check: &CheckMarketArgs) -> Result<(), SandboxError> {
    let market = survey(&check.dir)?;
    let text = if check.json {
        output::json(&market).map_err(SandboxError::failed)?
    } else if market.files.is_empty() && market_of_sandbox(&check.dir).is_some() {
        // What else a sandbox holds is nobody's market.
        String::new()
    } else {
        for_people(&shown(&market))
    };
    if !text.is_empty() {
        print(&text);
    }
    if market.is_usable {
        Ok(())
    } else {
        Err(SandboxError {
            code: daemon::BAD_CONFIG,
            text: verdict(&check.dir, &market),
        })
    }
}

/// Names of faulty files in a verdict, at most.
const FAULTY_NAMES_MAX: usize = 10;

/// The market's folder, if this is the folder of a sandbox: who means the one may name the other.
fn market_of_sandbox(dir: &Path) -> Option<PathBuf> {
    let layout = Layout::new(dir).ok()?;
    let is_sandbox = layout.master_config().exists() && layout.market().exists();
    is_sandbox.then(|| layout.market())
}

/// Why a folder cannot be used as it is.
fn verdict(dir: &Path, market: &MarketSurvey) -> String {
    let folder = dir.display();
    if market.files.is_empty() {
        let hint = market_of_sandbox(dir).map_or(String::new(), |market| {
            format!("; it is a sandbox, whose market is {}", market.display())
        });
        return format!("{folder}: no market file (SYMBOL.csv) is here{hint}");
    }
    let is_faulty = |file: &&FileSurvey| !file.faults.is_empty();
    let faulty: Vec<&str> = market
        .files
        .iter()
        .filter(is_faulty)
        .map(|file| file.file.as_str())
        .collect();
    let names = match faulty.get(..FAULTY_NAMES_MAX) {
        _ if faulty.is_empty() => "actions.csv".to_owned(),
        Some(first) if faulty.len() > FAULTY_NAMES_MAX => {
            let more = faulty.len() - first.len();
            format!("{} and {more} more", first.join(", "))
        }
        _ => faulty.join(", "),
    };
    format!(
        "{folder}: with faults: {names}. Such a file is left out, or fails the start where it is asked for"
    )
}

/// A table of the files, and below it what is strange or wrong.
fn shown(market: &MarketSurvey) -> String {
    let day = |time: &Option<String>| {
        time.as_deref()
            .and_then(|text| text.get(..10))
            .unwrap_or("-")
            .to_owned()
    };
    let row = |file: &FileSurvey| {
        vec![
            file.symbol.clone(),
            file.file.clone(),
            file.rows.to_string(),
            day(&file.first),
            day(&file.last),
            file.last_close.clone().unwrap_or_else(|| NONE.to_owned()),
            format!("{} d", file.longest_gap_days),
            file.weekend_rows.to_string(),
            file.null_rows.to_string(),
            file.factor.to_string(),
        ]
    };
    let columns = [
        Column::text("symbol", 0),
        Column::text("file", 1),
        Column::number("rows", 0),
        Column::text("from", 3),
        Column::text("to", 2),
        Column::number("last close", 1),
        Column::number("longest gap", 5),
        Column::number("weekends", 6),
        Column::number("empty", 7),
        Column::number("factor", 4),
    ];
    let mut text = String::new();
    if !market.files.is_empty() {
        text = table(&columns, &market.files.iter().map(row).collect::<Vec<_>>());
        text.push_str(&format!(
            "\n{} actions (splits, dividends and others)\n",
            market.actions
        ));
    }
    let mut lines: Vec<String> = Vec::new();
    for file in &market.files {
        lines.extend(file.faults.iter().map(|fault| format!("fault: {fault}")));
    }
    lines.extend(market.remarks.iter().cloned());
    for file in &market.files {
        let remarks = file.remarks.iter();
        lines.extend(remarks.map(|remark| format!("{}: {remark}", file.file)));
    }
    let more = lines.len().saturating_sub(REPORT_LINES_MAX);
    if more > 1 {
        lines.truncate(REPORT_LINES_MAX - 1);
        lines.push(format!("and {} more lines, which --json has", more + 1));
    }
    for line in lines {
        text.push_str(&format!("{line}\n"));
    }
    output::clean_lines(&text).trim_end().to_owned()
}

/// Checks that the options fit what is in the folder.
fn check_options(run: &RunArgs, layout: &Layout, is_new: bool) -> Result<(), SandboxError> {
    let dir = layout.dir().display();
    let text = if is_new && run.reset_market.is_some() {
        format!(
            "{dir}: there is no sandbox yet; --start DATE says where the market of a new one begins"
        )
    } else if !is_new && !run.wishes.are_none() {
        format!(
            "{dir}: this sandbox is made already, and goes on with the options that it was made with: run it \
             with --dir alone, edit its configuration files, or remove the folder to make it anew"
        )
    } else {
        return Ok(());
    };
    Err(SandboxError {
        code: daemon::BAD_USAGE,
        text,
    })
}

fn serve(run: &RunArgs) -> Result<(), SandboxError> {
    let layout = Layout::new(&run.folder.dir)?;
    let is_new = layout.is_empty()?;
    check_options(run, &layout, is_new)?;
    if let Some(start) = run.reset_market {
        // Nobody should agree to what is refused then.
        reset::check(&layout, start)?;
        // A signal ends the program while it asks.
        reset::confirm(start, run.reset_accounts, run.yes)?;
    }
    let mut signals = StopSignals::watch().map_err(SandboxError::failed)?;
    if is_new {
        // Else a folder would be left that no daemon serves.
        program::check_daemons()?;
        let options = SandboxOptions {
            is_run: true,
            ..run.wishes.options(&run.folder)
        };
        testkit::init(&options, &mut tell)?;
    }
    let held = supervisor::hold(&layout)?;
    reset::complete(&layout, &mut tell)?;
    if let Some(start) = run.reset_market {
        reset::reset(&layout, start, run.reset_accounts, &mut tell)?;
    }
    let mut serves = |state: &SandboxState| {
        print(&if run.folder.json {
            json(state)
        } else {
            state.ready_line()
        });
        if !run.folder.json {
            state.page_lines().for_each(|line| print(&line));
        }
    };
    supervisor::run(
        &layout,
        held,
        !run.no_restart,
        &mut signals,
        &mut tell,
        &mut serves,
    )
}
