//! spec/dialogue/report.md · 4 The Protocol
//!
//! The conformance report as JUnit's XML, which CI systems read: a test case for each dialogue.

use super::{ConformReport, DialogueReport};
use std::fmt::Write;

/// The report, without the end of its last line.
pub fn junit(report: &ConformReport) -> String {
    let seconds: f64 = report.dialogues.iter().map(|d| d.seconds).sum();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{seconds:.3}\"",
        report.dialogues.len(),
        report.failed,
        report.skipped.len(),
    );
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"ptcat conform\" {counts}>\n  \
         <testsuite name=\"dialogues\" hostname=\"{}\" {counts}>\n",
        escaped(&report.server.worker),
    );
    for dialogue in &report.dialogues {
        case(&mut out, dialogue);
    }
    out.push_str("  </testsuite>\n</testsuites>");
    out
}

/// The report of a run that could not begin, as one error.
pub fn not_run(why: &str) -> String {
    let counts = "tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\" time=\"0\"";
    let why = escaped(why);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"ptcat conform\" {counts}>\n  \
         <testsuite name=\"dialogues\" {counts}>\n    \
         <testcase classname=\"ptcat.conform\" name=\"the server\"><error message=\"{why}\"/></testcase>\n  \
         </testsuite>\n</testsuites>"
    )
}

fn case(out: &mut String, dialogue: &DialogueReport) {
    let name = escaped(&dialogue.fixture);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "    <testcase classname=\"ptcat.conform\" name=\"{name}\" time=\"{:.3}\"",
        dialogue.seconds
    );
    if let Some(why) = &dialogue.why {
        let _ = writeln!(out, "><skipped message=\"{}\"/></testcase>", escaped(why));
        return;
    }
    let told: Vec<String> = dialogue
        .differences
        .iter()
        .map(|d| format!("{} [{}]", d.told(), d.sections.join(" ")))
        .collect();
    match told.first() {
        Some(first) => {
            let _ = writeln!(
                out,
                "><failure type=\"difference\" message=\"{}\">{}</failure></testcase>",
                escaped(first),
                escaped(&told.join("\n")),
            );
        }
        None => out.push_str("/>\n"),
    }
}

/// A text as XML or HTML takes it, in elements and in quoted attributes. Characters that XML has no
/// form for become `�`.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            c if c.is_control() => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_escaped() {
        assert_eq!(
            escaped("a<b>&\"c'\u{1}\u{FFFF}\u{9b}é\n"),
            "a&lt;b&gt;&amp;&quot;c&#39;\u{FFFD}\u{FFFD}\u{FFFD}é\n"
        );
    }

    #[test]
    fn each_dialogue_is_a_test_case() {
        let (_, _, report) = example();
        let text = junit(&report);
        assert!(text.contains("tests=\"4\" failures=\"2\" errors=\"0\" skipped=\"1\""));
        assert_eq!(text.matches("<testcase ").count(), 4);
        assert_eq!(text.matches("<failure ").count(), 2);
        assert!(text.contains("<skipped message=\"needs a second worker\"/>"));
        assert!(text.contains("name=\"c.pt\" time=\"1.500\"/>"), "{text}");
        assert!(
            text.contains("came `pang &lt;&amp;&quot;&gt;]]&gt;` [4.1 4.2]"),
            "{text}"
        );
    }
}
