//! spec/dialogue/report.md · 4 The Protocol
//!
//! The conformance report in the Test Anything Protocol, version 13: a test for each dialogue.

use super::{ConformReport, DialogueReport, DialogueResult};
use std::fmt::Write;

/// The report, without the end of its last line.
pub fn tap(report: &ConformReport) -> String {
    let mut out = format!("TAP version 13\n1..{}", report.dialogues.len());
    for (index, dialogue) in report.dialogues.iter().enumerate() {
        point(&mut out, index + 1, dialogue);
    }
    out
}

/// What stands in place of a report where nothing could be run.
pub fn bail_out(why: &str) -> String {
    format!("TAP version 13\nBail out! {}", one_line(why))
}

fn point(out: &mut String, number: usize, dialogue: &DialogueReport) {
    let name = one_line(&dialogue.fixture);
    // Writing to a String cannot fail.
    let _ = match (dialogue.result, &dialogue.why) {
        (DialogueResult::Pass, _) => write!(out, "\nok {number} - {name}"),
        (DialogueResult::Fail, _) => write!(out, "\nnot ok {number} - {name}"),
        (DialogueResult::Skipped, why) => {
            let why = one_line(why.as_deref().unwrap_or_default());
            write!(out, "\nok {number} - {name} # SKIP {why}")
        }
    };
    if dialogue.differences.is_empty() {
        return;
    }
    out.push_str("\n  ---\n  differences:");
    for difference in &dialogue.differences {
        let _ = write!(
            out,
            "\n    - line: {}\n      sections: {}\n      expected: {}\n      came: {}",
            difference.line,
            quoted(&difference.sections.join(" ")),
            quoted(&difference.expected),
            quoted(&difference.came),
        );
    }
    out.push_str("\n  ...");
}

/// A text that cannot begin another line, nor a directive.
fn one_line(text: &str) -> String {
    let clean = |c: char| if c.is_control() || c == '#' { ' ' } else { c };
    text.chars().map(clean).collect()
}

/// A scalar of YAML in double quotes. A string of JSON is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn the_plan_counts_all_dialogues_and_each_has_its_line() {
        let (_, _, report) = example();
        let text = tap(&report);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(&lines[..3], ["TAP version 13", "1..4", "not ok 1 - a.pt"]);
        let points: Vec<&&str> = lines.iter().filter(|l| l.contains("ok ")).collect();
        assert_eq!(
            points,
            [
                &"not ok 1 - a.pt",
                &"ok 2 - b.pt # SKIP needs a second worker",
                &"ok 3 - c.pt",
                &"not ok 4 - d.pt",
            ]
        );
        assert!(
            text.contains("      came: \"`pang <&\\\">]]>`\"\n"),
            "{text}"
        );
        assert_eq!(
            bail_out("no\nworker # 1"),
            "TAP version 13\nBail out! no worker   1"
        );
    }
}
