//! spec/cli.md · 4 The Protocol
//!
//! The course on a terminal: its list of stages, its pages, and why a stage was not met.

use crate::cli::terminal::wrap;
use crate::course::{CourseReport, STAGES, StageFailure, StageOutcome, StageResult, market};
use serde::Serialize;
use std::path::Path;

/// The width of sentences below a stage, in columns.
const COLUMNS: usize = 80;

/// A stage, for programs.
#[derive(Debug, Serialize)]
pub(super) struct ListedStage {
    stage: u8,
    name: &'static str,
    builds: &'static str,
    page: String,
}

/// All stages, for programs.
pub(super) fn list_of_stages() -> Vec<ListedStage> {
    STAGES
        .iter()
        .map(|stage| ListedStage {
            stage: stage.number,
            name: stage.name,
            builds: stage.builds,
            page: format!("spec/course/{}", stage.page_file()),
        })
        .collect()
}

/// All stages, a line each.
pub(super) fn list() -> String {
    let line = |stage: &crate::course::Stage| {
        format!("{:>2}  {:<15}{}", stage.number, stage.name, stage.builds)
    };
    let mut lines: Vec<String> = STAGES.iter().map(line).collect();
    lines.push("`ptcat course --page 1` is the first page.".to_owned());
    lines.join("\n")
}

/// What was written, and how to trade it.
pub(super) fn market_written(folder: &Path, names: &[String]) -> String {
    let start = market::START.to_string();
    let start = start.get(..10).unwrap_or_default();
    format!(
        "{} in {}: a bar for each weekday since 1962. A replay that starts at {start} and \
         publishes a bar a second lasts three hours.",
        names.join(", "),
        folder.display()
    )
}

/// The result of a stage, behind its name.
pub(super) fn outcome(outcome: &StageOutcome) -> String {
    match &outcome.result {
        StageResult::Met => format!(
            "met ({}.{} s)",
            outcome.millis / 1000,
            outcome.millis % 1000 / 100
        ),
        StageResult::NotMet(_) => "NOT MET".to_owned(),
        StageResult::Skipped { why } => format!("skipped: {why}"),
        StageResult::NotReached => "not reached".to_owned(),
    }
}

/// Below the stages: why the last one was not met, and what comes next.
pub(super) fn report(report: &CourseReport) -> String {
    let not_met = report
        .stages
        .iter()
        .find_map(|outcome| match &outcome.result {
            StageResult::NotMet(failure) => Some((outcome, failure)),
            _ => None,
        });
    let counted = format!("Met: {} of {} stages", report.met, report.asked);
    let Some((outcome, why)) = not_met else {
        return if report.is_good() {
            format!("{counted}.")
        } else {
            format!("{counted}. The others could not be judged.")
        };
    };
    format!(
        "\n{}\n{counted}. The stage's page: ptcat course --page {stage}\nAgain from here: the same \
         command with --from {stage}",
        failure(why),
        stage = outcome.stage
    )
}

/// Why a stage was not met, in the specification's words.
fn failure(failure: &StageFailure) -> String {
    let note = &failure.note;
    let mut text = quoted(
        &format!("The specification, {}:", note.section),
        &note.sentence,
    );
    if !note.page.is_empty() {
        text.push_str(&quoted(
            &format!("spec/{}:", note.page),
            &note.page_sentence,
        ));
    }
    text.push('\n');
    if failure.line > 0 {
        text.push_str(&format!("  {}, line {}\n", failure.dialogue, failure.line));
    }
    let facts = [
        ("sent", &failure.sent),
        ("expected", &failure.expected),
        ("came", &failure.came),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("  {name:<10}{value}\n"));
    }
    if !failure.bytes.is_empty() {
        text.push_str("\n  the bytes that came last:\n");
        for line in &failure.bytes {
            text.push_str(&format!("    {line}\n"));
        }
    }
    if !failure.output.is_empty() {
        text.push_str("\n  what your program printed last:\n");
        for line in &failure.output {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text.push('\n');
    text.push_str(&quoted("What goes wrong usually:", &note.hint));
    if !failure.symptom.is_empty() {
        text.push_str(&quoted("Also:", &failure.symptom));
    }
    text
}

/// A heading, and a text below it with a margin.
fn quoted(heading: &str, text: &str) -> String {
    let mut out = format!("{heading}\n");
    for line in wrap(text, COLUMNS - 2).lines() {
        out.push_str(&format!("  {line}\n"));
    }
    out
}

/// A page of the course for a terminal: paragraphs and items of lists fill the width, links show where
/// they lead, and code stays as it is.
pub(super) fn page(markdown: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut paragraph = String::new();
    let mut is_code = false;
    let flush = |paragraph: &mut String, out: &mut String| {
        let text = without_links(&std::mem::take(paragraph));
        let margin = match text.split_once(' ') {
            Some(("-", _)) => 2,
            Some((number, _)) if number.ends_with('.') && number.len() < 4 && is_number(number) => {
                number.len() + 1
            }
            _ => 0,
        };
        for (at, line) in wrap(&text, columns.saturating_sub(margin).max(20))
            .lines()
            .enumerate()
        {
            let margin = if at > 0 { margin } else { 0 };
            out.push_str(&format!("{:margin$}{line}\n", ""));
        }
    };
    for line in markdown.lines() {
        let is_fence = line.starts_with("```");
        let begins = line.is_empty()
            || line.starts_with("- ")
            || line.starts_with('#')
            || line.starts_with('|')
            || is_item(line);
        if is_fence || is_code || begins {
            flush(&mut paragraph, &mut out);
        }
        if is_fence {
            is_code = !is_code;
        } else if is_code {
            out.push_str(&format!("    {line}\n"));
        } else if line.starts_with('|') || line.is_empty() {
            out.push_str(&format!("{}\n", without_links(line)));
        } else {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line.trim());
            if line.starts_with('#') {
                flush(&mut paragraph, &mut out);
            }
        }
    }
    flush(&mut paragraph, &mut out);
    out
}

fn is_number(text: &str) -> bool {
    let digits = text.trim_end_matches('.');
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a line begins an item of a numbered list.
fn is_item(line: &str) -> bool {
    let head = line.split_once(' ').map(|(head, _)| head);
    head.is_some_and(|head| head.ends_with('.') && is_number(head))
}

/// `[text](../wire/frame.md#checks)` as `text (spec/wire/frame.md)`.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        let parts = link
            .split_once("](")
            .and_then(|(text, more)| Some((text, more.split_once(')')?)));
        let Some((text, (target, after))) = parts else {
            break;
        };
        let target = target.split('#').next().unwrap_or_default();
        let target = match target.strip_prefix("../") {
            Some(page) => format!("spec/{page}"),
            None if target.contains("://") => target.to_owned(),
            None => format!("spec/course/{target}"),
        };
        out.push_str(&format!("{before}{text} ({target})"));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_fills_the_width_and_keeps_code() {
        let markdown = "# Stage 1: accept\n\nOne line of words\nand [the frame](../wire/frame.md#checks-in-this-order) more.\n\n\
            - an item that is longer than the line\n- two\n\n```sh\nptcat   course\n```\n";
        assert_eq!(
            page(markdown, 30),
            "# Stage 1: accept\n\nOne line of words and the\nframe (spec/wire/frame.md)\nmore.\n\n\
             - an item that is longer\n  than the line\n- two\n\n    ptcat   course\n"
        );
    }

    #[test]
    fn every_page_of_the_course_fits_80_columns() {
        for stage in &STAGES {
            for line in page(stage.page(), 80).lines() {
                let is_code = line.starts_with("  ") || line.starts_with('|');
                assert!(
                    is_code || line.chars().count() <= 80,
                    "{}: {line}",
                    stage.name
                );
                assert!(is_code || !line.contains("]("), "{}: {line}", stage.name);
            }
        }
    }
}
