//! spec/cli.md · 4.7 Communication
//!
//! `ptcat conform`: all dialogues, and the report by section.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::arguments::{RunningArgs, time, values};
use super::failure::Failure;
use super::print::print;
use crate::cli::output::{clean_lines, pretty_json};
use crate::cli::terminal::for_people;
use crate::dialogue::blame;
use crate::dialogue::conform::{self, ConformOptions, JOBS, RunningTestbed, Testbed};
use crate::dialogue::probe;
use crate::dialogue::report::{ConformReport, FixtureOutcome, ServerFacts, html, junit, tap, text};
use crate::dialogue::script::Script;
use crate::dialogue::sections;
use crate::model::printable::clean;
use crate::testkit::fixture_rig::SandboxTestbed;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct ConformArgs {
    /// The worker (not with --sandbox), and what is to be run: sections of the specification, as
    /// 4.6.3 or 4.6, or parts of dialogues' names [default: all]
    #[arg(value_name = "HOST:PORT|SECTION|DIALOGUE")]
    words: Vec<String>,

    #[command(flatten)]
    running: RunningArgs,

    /// Start what the dialogues need from this installation, so that none is skipped
    #[arg(long, conflicts_with_all = ["workers", "master", "hooks", "tls", "ca", "other_market", "update_interval"])]
    sandbox: bool,

    /// Run the dialogues of this folder in place of those that this program carries
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,

    /// Run only dialogues whose name contains this; may be given more than once
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// The deployment does not trade the sample market: skip what depends on its prices
    #[arg(long)]
    other_market: bool,

    /// The time between two updates of prices, for a server that does not tell it
    #[arg(long, value_name = "TIME", value_parser = time)]
    update_interval: Option<Duration>,

    /// How many dialogues run at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = JOBS, value_parser = jobs)]
    jobs: usize,

    /// After a difference go on in the same dialogue with what can still be judged: other
    /// connections, and lines that need nothing of what did not come
    #[arg(long)]
    keep_going: bool,

    /// List the dialogues with what they need and show, and run nothing
    #[arg(long, conflicts_with_all = ["json", "tap", "junit", "html"])]
    list: bool,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    /// Print the report in the Test Anything Protocol
    #[arg(long, conflicts_with = "json")]
    tap: bool,

    /// Write the report into this file, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write the report into this file, as a page of HTML with each message and its bytes
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// The highest number of `--jobs`.
const JOBS_MAX: usize = 64;

fn jobs(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (1..=JOBS_MAX).contains(n));
    number.ok_or(format!("a number from 1 to {JOBS_MAX} is expected"))
}

/// Runs the subcommand; `true` where no dialogue differed.
pub(super) fn run(args: &ConformArgs) -> Result<bool, Failure> {
    let (addresses, chosen): (Vec<&String>, Vec<&String>) =
        args.words.iter().partition(|word| word.contains(':'));
    let address = address(&addresses, args.sandbox || args.list)?;
    let scripts = scripts(args, &chosen)?;
    if args.list {
        print(&clean_lines(&list(&scripts)))?;
        return Ok(true);
    }
    remove_old(args)?;
    let testbed: Box<dyn Testbed> = match address {
        None => {
            let markets = args.fixtures.as_ref().map(|folder| folder.join("markets"));
            Box::new(SandboxTestbed::start(markets).map_err(|e| e.to_string())?)
        }
        Some(address) => {
            let servers = args.running.servers(address);
            let facts = probe::probe(&servers, args.running.within).inspect_err(|why| {
                if args.tap {
                    let _ = print(&tap::bail_out(why));
                }
                if let Some(path) = &args.junit {
                    let _ = write(path, &junit::not_run(why));
                }
            })?;
            let given = args.update_interval.map(|time| time.as_millis());
            let given = given.and_then(|time| u64::try_from(time).ok());
            let facts = ServerFacts {
                update_interval_ms: facts.update_interval_ms.or(given),
                ..facts
            };
            Box::new(RunningTestbed {
                servers,
                facts,
                sample_market: !args.other_market,
            })
        }
    };
    let options = ConformOptions {
        values: values(&args.running.set),
        within: args.running.within,
        jobs: args.jobs,
        keeps_going: args.keep_going,
    };
    let progress = Progress::new(scripts.len());
    let outcomes = conform::outcomes(testbed.as_ref(), &options, &scripts, &|script, outcome| {
        progress.told(script, outcome);
    });
    progress.end();
    let mut report = ConformReport::of(testbed.facts().clone(), &scripts, &outcomes);
    let sections: Vec<String> = chosen
        .iter()
        .filter(|word| sections::find(word).is_some())
        .map(|word| (*word).clone())
        .collect();
    if !chosen.is_empty() || !args.only.is_empty() {
        report.keep_sections(&sections);
    }
    write_all(args, &report, &scripts, &outcomes)?;
    Ok(report.is_good())
}

/// The one address among the words; none where none is wanted.
fn address<'a>(addresses: &[&'a String], is_none: bool) -> Result<Option<&'a String>, Failure> {
    match (addresses, is_none) {
        ([], true) => Ok(None),
        ([address], false) => Ok(Some(*address)),
        ([], false) => Err(Failure::Mistake(
            "the worker's HOST:PORT is missing; or say --sandbox".to_owned(),
        )),
        (_, true) => Err(Failure::Mistake(
            "--sandbox and --list take no HOST:PORT".to_owned(),
        )),
        _ => Err(Failure::Mistake(
            "one HOST:PORT is expected; --worker names further workers".to_owned(),
        )),
    }
}

/// The dialogues that are asked for.
fn scripts(args: &ConformArgs, chosen: &[&String]) -> Result<Vec<Script>, Failure> {
    let mut scripts = match &args.fixtures {
        Some(path) => conform::folder(path)?,
        None => conform::built_in()?,
    };
    let only = &args.only;
    scripts.retain(|script| only.is_empty() || only.iter().any(|part| script.name.contains(part)));
    if scripts.is_empty() {
        return Err(Failure::Mistake("no dialogue has such a name".to_owned()));
    }
    let words: Vec<String> = chosen.iter().map(|word| (*word).clone()).collect();
    let scripts = conform::choose(scripts, &words).map_err(Failure::Mistake)?;
    conform::check(&scripts, &values(&args.running.set))?;
    Ok(scripts)
}

/// The dialogues, each with its sections and needs.
fn list(scripts: &[Script]) -> String {
    let mut lines = Vec::new();
    for script in scripts {
        let shown = blame::of_steps(script);
        let found = shown.iter().filter(|shown| shown.counts);
        let mut sections: Vec<&String> = found
            .flat_map(|shown| &shown.sections)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        sections.sort_by_key(|section| sections::order(section));
        let sections: Vec<&str> = sections.into_iter().map(String::as_str).collect();
        lines.push(script.name.clone());
        lines.push(format!("    sections {}", sections.join(" ")));
        let hooks: BTreeSet<&str> = script.hooks().collect();
        let needs = script.needs.iter().map(ToString::to_string);
        let needs: Vec<String> = needs
            .chain(hooks.into_iter().map(|hook| format!("do {hook}")))
            .collect();
        if !needs.is_empty() {
            lines.push(format!("    needs {}", needs.join(", ")));
        }
        if let Some((name, edition)) = blame::later_instruction(script, 1) {
            lines.push(format!("    edition {edition} ({name})"));
        }
    }
    lines.push(format!("{} dialogues", scripts.len()));
    lines.join("\n")
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, format!("{text}\n")).map_err(|e| format!("{}: {e}", path.display()))
}

/// Removes the reports of an earlier run, which would be taken for those of one that cannot begin
/// or is interrupted.
fn remove_old(args: &ConformArgs) -> Result<(), Failure> {
    for path in [&args.junit, &args.html].into_iter().flatten() {
        if path.is_file() {
            std::fs::remove_file(path).map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
    Ok(())
}

/// Writes and prints the report in all forms that were asked for.
fn write_all(
    args: &ConformArgs,
    report: &ConformReport,
    scripts: &[Script],
    outcomes: &BTreeMap<usize, FixtureOutcome>,
) -> Result<(), Failure> {
    if let Some(path) = &args.junit {
        write(path, &junit::junit(report))?;
    }
    if let Some(path) = &args.html {
        write(path, &html::html(report, scripts, outcomes))?;
    }
    let text = if args.json {
        pretty_json(report).map_err(|e| e.to_string())?
    } else if args.tap {
        clean_lines(&tap::tap(report))
    } else {
        for_people(&text::text(report))
    };
    print(&text)?;
    Ok(())
}

/// A line on a terminal that tells how far the run is. Elsewhere nothing.
struct Progress {
    is_shown: bool,
    all: usize,
    done: AtomicUsize,
}

impl Progress {
    fn new(all: usize) -> Progress {
        Progress {
            is_shown: io::stderr().is_terminal(),
            all,
            done: AtomicUsize::new(0),
        }
    }

    fn told(&self, script: &Script, outcome: &FixtureOutcome) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.is_shown {
            return;
        }
        let word = match outcome {
            FixtureOutcome::Skipped(_) => "skipped",
            FixtureOutcome::NotStarted(_) => "FAIL",
            FixtureOutcome::Ran(play, _) if play.differences.is_empty() => "pass",
            FixtureOutcome::Ran(..) => "FAIL",
        };
        let line = format!("{done} of {}: {} {word}", self.all, script.name);
        // A failure stays on the screen; the next line takes the place of any other.
        let end = if word == "FAIL" { "\n" } else { "" };
        let _ = write!(io::stderr(), "\r\x1b[K{}{end}", clean(&line));
    }

    fn end(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
