//! spec/dialogue/report.md · 4 The Protocol
//!
//! The conformance report for people: a line for each section, then a summary that fits a screen.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::{ConformReport, DialogueResult, SectionResult};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The most differences, and the most reasons of skipped dialogues, that the summary shows.
const SUMMARY_ROWS_MAX: usize = 8;

/// The width of a title's column.
const TITLE_WIDTH: usize = 48;

/// The report, without the end of its last line.
pub fn text(report: &ConformReport) -> String {
    let mut out = String::new();
    for section in &report.sections {
        let (number, title) = (section.section, section.title);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{number:<8}{title:<TITLE_WIDTH$} {}", section.told());
        if let Some(difference) = &section.difference {
            let _ = writeln!(out, "        {difference}");
        }
    }
    out.push('\n');
    out.push_str(&summary(report));
    out
}

/// The end of the report: what differed, what was skipped and why, and the counts.
pub fn summary(report: &ConformReport) -> String {
    let mut out = String::new();
    let differed: Vec<String> = report
        .dialogues
        .iter()
        .flat_map(|dialogue| {
            let told = |d: &super::DifferenceReport| {
                format!("differed {} [{}]", d.told(), d.sections.join(" "))
            };
            dialogue.differences.iter().map(told)
        })
        .collect();
    rows(
        &mut out,
        &differed,
        "more differences: --json, --html and --junit have all",
    );
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for skipped in &report.skipped {
        reasons
            .entry(&skipped.why)
            .or_default()
            .push(&skipped.fixture);
    }
    let mut skipped: Vec<(usize, String)> = reasons
        .into_iter()
        .map(|(why, names)| {
            let shown = match names.as_slice() {
                [first, second, third, rest @ ..] if !rest.is_empty() => {
                    format!("{first}, {second}, {third} and {} more", rest.len())
                }
                all => all.join(", "),
            };
            (names.len(), format!("skipped {shown}: {why}"))
        })
        .collect();
    skipped.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let skipped: Vec<String> = skipped.into_iter().map(|(_, line)| line).collect();
    rows(
        &mut out,
        &skipped,
        "more reasons of skipped dialogues: --json and --html have all",
    );
    if ended(report) {
        out.push_str(
            "note: the server answers no-price to orders, as one does whose market has ended: then \
             start it anew, with a market that goes on\n",
        );
    }
    let count = |result| report.count(result);
    let _ = write!(
        out,
        "sections: {} pass, {} fail, {} partly, {} skipped, {} without a dialogue\n\
         dialogues: {} pass, {} differed, {} skipped",
        count(SectionResult::Pass),
        count(SectionResult::Fail),
        count(SectionResult::Partly),
        count(SectionResult::Skipped),
        count(SectionResult::NoDialogue),
        report
            .dialogues
            .iter()
            .filter(|d| d.result == DialogueResult::Pass)
            .count(),
        report.failed,
        report.skipped.len(),
    );
    out
}

/// Whether orders were refused for want of a price, by a server that does not tell how its market
/// stands.
fn ended(report: &ConformReport) -> bool {
    let mut all = report.dialogues.iter().flat_map(|d| &d.differences);
    report.server.state.is_none()
        && all.any(|d| d.came.contains("Fail no-price") && !d.expected.contains("no-price"))
}

/// Adds lines, no more than a screen has room for.
fn rows(out: &mut String, lines: &[String], more: &str) {
    for line in lines.iter().take(SUMMARY_ROWS_MAX) {
        let _ = writeln!(out, "{line}");
    }
    if let Some(left @ 1..) = lines.len().checked_sub(SUMMARY_ROWS_MAX) {
        let _ = writeln!(out, "… and {left} {more}");
    }
}
