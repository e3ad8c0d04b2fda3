//! spec/cli.md · 4.7 Communication
//!
//! `ptcat conform`: all dialogues, and the report by section.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::arguments::{TargetArgs, values};
use super::failure::Failure;
use super::print::print;
use crate::cli::output::{clean_lines, pretty_json};
use crate::dialogue::conform::{self, ConformPlan};
use crate::dialogue::report::{ConformReport, SectionResult};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ConformArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Run the dialogues of this folder in place of those that this program carries
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,

    /// Run only dialogues whose name contains this; may be given more than once
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// The deployment does not trade the sample market: skip what depends on its prices
    #[arg(long)]
    other_market: bool,

    /// How many dialogues run at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand; `true` where no dialogue differed.
pub(super) fn run(args: &ConformArgs) -> Result<bool, Failure> {
    let plan = ConformPlan {
        servers: args.target.servers(),
        values: values(&args.target.set),
        within: args.target.within,
        sample_market: !args.other_market,
        jobs: usize::from(args.jobs),
    };
    let mut scripts = match &args.fixtures {
        Some(path) => conform::folder(path)?,
        None => conform::built_in()?,
    };
    let only = &args.only;
    scripts.retain(|script| only.is_empty() || only.iter().any(|part| script.name.contains(part)));
    if scripts.is_empty() {
        return Err(Failure::Mistake("no dialogue has such a name".to_owned()));
    }
    conform::check(&scripts, &plan.values)?;
    let report = conform::run(&plan, &scripts);
    let text = if args.json {
        pretty_json(&report).map_err(|e| e.to_string())?
    } else {
        clean_lines(&table(&report))
    };
    print(&text)?;
    Ok(report.is_good())
}

/// The report for people: a line for each section, with the difference below a failed one.
fn table(report: &ConformReport) -> String {
    let mut lines = Vec::new();
    for section in &report.sections {
        let (number, title, result) = (&section.section, &section.title, section.result.as_str());
        lines.push(format!("{number:<8}{title:<52}{result}"));
        if let Some(difference) = &section.difference {
            lines.push(format!("        {difference}"));
        }
    }
    for skipped in &report.skipped {
        lines.push(format!("skipped {}: {}", skipped.fixture, skipped.why));
    }
    let count = |result| {
        report
            .sections
            .iter()
            .filter(|s| s.result == result)
            .count()
    };
    lines.push(format!(
        "{} sections pass, {} fail, {} not reached, {} skipped; {} dialogues ran, {} differed, {} were skipped",
        count(SectionResult::Pass),
        count(SectionResult::Fail),
        count(SectionResult::NotReached),
        count(SectionResult::Skipped),
        report.ran,
        report.failed,
        report.skipped.len(),
    ));
    lines.join("\n")
}
