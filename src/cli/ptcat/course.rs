//! spec/cli.md · 4 The Protocol
//!
//! `ptcat course`: the stages of the course, one after the other.
//!
//! Tests: `tests/suite/programs/course.rs`.

use super::arguments::time;
use super::course_text;
use super::failure::Failure;
use super::print::print;
use crate::cli::output::{clean_lines, pretty_json};
use crate::cli::signals;
use crate::cli::terminal::{ScreenSize, for_people};
use crate::course::children::CourseChildren;
use crate::course::{CourseEvent, CoursePlan, STAGES, Stage, judge, market};
use clap::Args;
use signal_hook::iterator::Signals;
use std::io::{self, IsTerminal, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// The widest lines of a page, in columns: longer ones are tiring to read.
const PAGE_COLUMNS_MAX: usize = 80;

const EXAMPLES: &str = "\
Examples:
  What there is to build, and the first page:
    ptcat course --list
    ptcat course --page 1

  Prices to trade, for your server to read:
    ptcat course --market lab

  Judge what runs at a port, as far as it goes:
    ptcat course --target 127.0.0.1:2049

  Judge a lab of stages 1 to 5:
    ptcat course --target 127.0.0.1:2049 --to 5

  Judge all of it; the course starts, kills and restarts your programs itself:
    ptcat course --target 127.0.0.1:2049 --worker 127.0.0.1:2050 \\
      --run 'python3 server.py --market lab --ports 2049,2050' \\
      --run-worker 'python3 worker.py {listen} {master} {id} {key} {master-key} {gnupghome}'

Exit codes: 0 every stage that was asked for is met, 1 one is not, or could not be judged, 2 bad
command line.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CourseArgs {
    /// Your worker
    #[arg(
        long,
        value_name = "HOST:PORT",
        value_parser = host_and_port,
        required_unless_present_any = ["list", "page", "market"]
    )]
    target: Option<String>,

    /// Your second worker, for the stage about the order of time
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port, requires = "target")]
    worker: Option<String>,

    /// The shell command that starts your server: the course starts it, kills it, and starts it
    /// again
    ///
    /// Without it, start the server yourself, and the course asks you to kill it.
    #[arg(long, value_name = "COMMAND", requires = "target")]
    run: Option<String>,

    /// The shell command that starts your worker for PaperTrader's own master
    ///
    /// {listen} and {master} stand for addresses, {id} for the worker's UUID, {key} and {master-key}
    /// for the fingerprints of both keys, and {gnupghome} for the GPG home that has them. Without the
    /// option the course tells you these, and waits.
    #[arg(long, value_name = "COMMAND", requires = "target")]
    run_worker: Option<String>,

    /// This stage alone
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = stage_number,
        conflicts_with_all = ["from", "to"]
    )]
    stage: Option<u8>,

    /// This stage and those after it
    #[arg(long, value_name = "NUMBER", value_parser = stage_number)]
    from: Option<u8>,

    /// This stage and those before it: the end of a lab
    #[arg(long, value_name = "NUMBER", value_parser = stage_number)]
    to: Option<u8>,

    /// How long a line may take that does not say so itself
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    within: Duration,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// List the stages
    #[arg(long, conflicts_with_all = ["target", "page", "market"])]
    list: bool,

    /// Print the page of a stage
    #[arg(long, value_name = "NUMBER", value_parser = stage_number, conflicts_with_all = ["target", "market"])]
    page: Option<u8>,

    /// Write the course's market into a folder: three assets, a file each, and three hours of a new
    /// price a second from 1980-01-01 on
    #[arg(long, value_name = "DIR", conflicts_with = "target")]
    market: Option<PathBuf>,
}

fn stage_number(text: &str) -> Result<u8, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| Stage::numbered(*number).is_some());
    number.ok_or(format!("a stage is a number from 1 to {}", STAGES.len()))
}

fn host_and_port(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':');
    let is_good = |(host, port): (&str, &str)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    match parts.is_some_and(is_good) {
        true => Ok(text.to_owned()),
        false => Err("an address is HOST:PORT, as in 127.0.0.1:2049".to_owned()),
    }
}

/// Runs the subcommand; `true` where every stage that was asked for was met.
pub(super) fn run(args: &CourseArgs) -> Result<bool, Failure> {
    if args.list {
        if args.json {
            print_json(&course_text::list_of_stages())?;
        } else {
            print(&for_people(&course_text::list()))?;
        }
        return Ok(true);
    }
    if let Some(stage) = args.page.and_then(Stage::numbered) {
        let columns = ScreenSize::of_stdout().map_or(PAGE_COLUMNS_MAX, |screen| screen.columns);
        let page = course_text::page(stage.page(), columns.min(PAGE_COLUMNS_MAX));
        print(for_people(&page).trim_end())?;
        return Ok(true);
    }
    if let Some(folder) = &args.market {
        let names = market::write(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let text = course_text::market_written(folder, &names);
        print(&for_people(&text))?;
        return Ok(true);
    }
    let Some(target) = &args.target else {
        // The command line rules it out.
        return Err(Failure::Mistake("--target HOST:PORT is missing".to_owned()));
    };
    let all = u8::try_from(STAGES.len()).unwrap_or(u8::MAX);
    let (first, last) = (args.from.unwrap_or(1), args.to.unwrap_or(all));
    let stages = match args.stage {
        Some(stage) => stage..=stage,
        None if first <= last => first..=last,
        None => {
            let why = format!("--from {first} is behind --to {last}: there is no stage to judge");
            return Err(Failure::Mistake(why));
        }
    };
    Ok(judge(args, target, stages)?)
}

fn judge(args: &CourseArgs, target: &str, stages: RangeInclusive<u8>) -> Result<bool, String> {
    let plan = CoursePlan {
        target: target.to_owned(),
        second: args.worker.clone(),
        run: args.run.clone(),
        run_worker: args.run_worker.clone(),
        within: args.within,
        stages,
        has_person: io::stdin().is_terminal() && io::stderr().is_terminal(),
        children: CourseChildren::default(),
    };
    end_on_signals(&plan.children)?;
    let mut line = StageLine::default();
    let mut tell = |event: CourseEvent<'_>| match event {
        CourseEvent::Says(text) => line.interrupt(text),
        _ if args.json => {}
        CourseEvent::Begins(stage) => line.begin(stage),
        CourseEvent::Ends(outcome) => line.end(&course_text::outcome(outcome)),
    };
    let report = judge::run(&plan, &mut tell)?;
    if args.json {
        print_json(&report)?;
    } else {
        print(&for_people(&course_text::report(&report)))?;
    }
    Ok(report.is_good())
}

/// The line of the stage that runs: its name at first, and its result later. A closed standard output
/// is no reason to stop: the exit code is the answer.
#[derive(Debug, Default)]
struct StageLine {
    head: String,
    /// Whether the head stands in a line that has not ended.
    is_open: bool,
}

impl StageLine {
    fn begin(&mut self, stage: &Stage) {
        self.head = format!(
            "stage {} of {}: {} … ",
            stage.number,
            STAGES.len(),
            stage.name
        );
        self.is_open = true;
        let mut out = io::stdout().lock();
        let _ = write!(out, "{}", for_people(&self.head)).and_then(|()| out.flush());
    }

    /// Tells the person something, whatever becomes of standard output.
    fn interrupt(&mut self, text: &str) {
        if std::mem::take(&mut self.is_open) {
            let _ = writeln!(io::stdout());
        }
        let _ = writeln!(io::stderr(), "{}", for_people(text));
    }

    fn end(&mut self, result: &str) {
        let head = if self.is_open { "" } else { &self.head };
        let _ = writeln!(io::stdout(), "{}", for_people(&format!("{head}{result}")));
        self.is_open = false;
    }
}

fn print_json(value: &impl serde::Serialize) -> Result<(), String> {
    print(&clean_lines(
        &pretty_json(value).map_err(|e| e.to_string())?,
    ))
}

/// Ends what the course has started when a signal asks this process to end.
fn end_on_signals(children: &CourseChildren) -> Result<(), String> {
    let mut signals = Signals::new(signals::ending()).map_err(|e| e.to_string())?;
    let children = children.clone();
    let wait = move || {
        for (count, signal) in signals.forever().enumerate() {
            if count > 0 || !children.interrupt() {
                std::process::exit(128 + signal);
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)
        .map(drop)
        .map_err(|e| e.to_string())
}
