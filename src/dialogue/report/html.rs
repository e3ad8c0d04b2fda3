//! spec/dialogue/report.md · 4 The Protocol
//!
//! The conformance report as one page of HTML: sections, and each dialogue line by line, with what
//! was expected, what came, and the bytes with their headers decoded. It needs nothing from
//! outside, and has no script.

use super::junit::escaped;
use super::{ConformReport, DialogueReport, DialogueResult, FixtureOutcome, SectionResult};
use crate::dialogue::runner::log::Exchanged;
use crate::dialogue::runner::play::{PlayedStep, StepOutcome};
use crate::dialogue::script::{Script, Step};
use crate::wire::frame::HEADER_BYTES;
use crate::wire::{FrameHeader, Instruction};
use std::collections::BTreeMap;
use std::fmt::Write;

const STYLE: &str = "\
:root{color-scheme:light dark;--good:#1a7f37;--bad:#c4231c;--dim:#6b6b6b;--line:#8884;--box:#8881}
body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:0 1rem 4rem}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
code,pre{font:.85rem/1.4 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap;margin:0}
summary{cursor:pointer;padding:.4rem 0}details{border-bottom:1px solid var(--line)}
details details{border:0;margin-left:1rem}
.pass{color:var(--good)}.fail{color:var(--bad);font-weight:600}
.partly,.skipped,.none{color:var(--dim)}
.bytes{background:var(--box);padding:.4rem;margin:.2rem 0 .6rem}
ol{list-style:none;margin:0;padding:0 0 1rem}li{padding:.15rem 0}
.n{color:var(--dim);display:inline-block;min-width:2.5em}
@media(max-width:40rem){td,th{display:inline-block;border:0;padding:.1rem .5rem .1rem 0}
td:last-child{display:block}tr{display:block;border-bottom:1px solid var(--line);padding:.3rem 0}thead{display:none}}
";

/// The page. `scripts` and `outcomes` are those that the report was built of.
pub fn html(
    report: &ConformReport,
    scripts: &[Script],
    outcomes: &BTreeMap<usize, FixtureOutcome>,
) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>PaperTrader conformance</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>PaperTrader conformance</h1>\n<p>{}</p>\n",
        escaped(&of_whom(report)),
    );
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<p>Dialogues: {} ran, <span class=\"{}\">{} differed</span>, {} were skipped.</p>",
        report.ran,
        if report.failed == 0 { "pass" } else { "fail" },
        report.failed,
        report.skipped.len(),
    );
    differences(&mut out, report);
    sections(&mut out, report);
    out.push_str("<h2 id=\"dialogues\">Dialogues</h2>\n");
    let all = report.dialogues.iter().zip(run(scripts, outcomes));
    for (place, (dialogue, (index, script))) in all.enumerate() {
        let steps = match outcomes.get(&index) {
            Some(FixtureOutcome::Ran(play, _)) => play.steps.as_slice(),
            _ => &[],
        };
        let _ = write!(out, "<div id=\"d{place}\">");
        one(&mut out, dialogue, script, steps);
        out.push_str("</div>\n");
    }
    out.push_str("</body>\n</html>");
    out
}

/// The scripts that have an outcome, as the report has them.
fn run<'a>(
    scripts: &'a [Script],
    outcomes: &'a BTreeMap<usize, FixtureOutcome>,
) -> impl Iterator<Item = (usize, &'a Script)> {
    let all = scripts.iter().enumerate();
    all.filter(|(index, _)| outcomes.contains_key(index))
}

fn of_whom(report: &ConformReport) -> String {
    let server = &report.server;
    let mut text = match server.worker.as_str() {
        "" => "servers of this installation".to_owned(),
        worker => format!("the worker at {worker}"),
    };
    let _ = write!(text, ", edition {} of the protocol", server.edition);
    if let Some(market) = &server.market {
        let _ = write!(text, ", {market} market");
    }
    if let Some(interval) = server.update_interval_ms {
        let _ = write!(text, ", an update every {interval} ms");
    }
    text
}

/// What differed, with links to the dialogues.
fn differences(out: &mut String, report: &ConformReport) {
    if report.failed == 0 {
        return;
    }
    out.push_str("<h2>Differences</h2>\n<ol>\n");
    let all = report.dialogues.iter().enumerate();
    for (index, difference) in all.flat_map(|(i, d)| d.differences.iter().map(move |d| (i, d))) {
        let _ = writeln!(
            out,
            "<li><a href=\"#d{index}\"><code>{}:{}</code></a> sections {}<br><code>{}</code>\
             <br>came <code class=\"fail\">{}</code></li>",
            escaped(&difference.fixture),
            difference.line,
            escaped(&difference.sections.join(" ")),
            escaped(&difference.expected),
            escaped(&difference.came),
        );
    }
    out.push_str("</ol>\n");
}

fn sections(out: &mut String, report: &ConformReport) {
    out.push_str(
        "<h2>Sections</h2>\n<table>\n<thead><tr><th>section<th>title<th>result</tr></thead>\n<tbody>\n",
    );
    for section in &report.sections {
        let class = match section.result {
            SectionResult::Pass => "pass",
            SectionResult::Fail => "fail",
            SectionResult::Partly => "partly",
            SectionResult::Skipped => "skipped",
            SectionResult::NoDialogue => "none",
        };
        let _ = write!(
            out,
            "<tr><td>{}<td>{}<td><span class=\"{class}\">{}</span>",
            escaped(section.section),
            escaped(section.title),
            escaped(&section.told()),
        );
        if let Some(difference) = &section.difference {
            let _ = write!(out, "<br><code>{}</code>", escaped(difference));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}

fn one(out: &mut String, dialogue: &DialogueReport, script: &Script, steps: &[PlayedStep]) {
    let (class, word) = match dialogue.result {
        DialogueResult::Pass => ("pass", "pass".to_owned()),
        DialogueResult::Fail => ("fail", "FAIL".to_owned()),
        DialogueResult::Skipped => {
            let why = dialogue.why.as_deref().unwrap_or_default();
            ("skipped", format!("skipped: {why}"))
        }
    };
    let open = if dialogue.result == DialogueResult::Fail {
        " open"
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "<details{open}><summary><code>{}</code> <span class=\"{class}\">{}</span> {}/{} lines</summary>",
        escaped(&dialogue.fixture),
        escaped(&word),
        dialogue.met,
        dialogue.lines,
    );
    for difference in &dialogue.differences {
        let _ = writeln!(
            out,
            "<table><tr><th>line {}<td>sections {}</tr><tr><th>expected<td><code>{}</code></tr>\
             <tr><th>came<td><code class=\"fail\">{}</code></tr></table>",
            difference.line,
            escaped(&difference.sections.join(" ")),
            escaped(&difference.expected),
            escaped(&difference.came),
        );
    }
    out.push_str("<ol>\n");
    for (step, played) in script.steps.iter().zip(steps) {
        line(out, step, played);
    }
    out.push_str("</ol></details>\n");
}

fn line(out: &mut String, step: &Step, played: &PlayedStep) {
    let (class, mark) = match played.outcome {
        StepOutcome::Met => ("pass", "met"),
        StepOutcome::Differed => ("fail", "differed"),
        StepOutcome::NotReached => ("none", "not reached"),
    };
    let head = format!(
        "<span class=\"n\">{}</span> <code>{}</code> <span class=\"{class}\">{mark}</span>",
        step.line,
        escaped(&step.text),
    );
    if played.exchanged.is_empty() {
        let _ = writeln!(out, "<li>{head}</li>");
        return;
    }
    let open = if played.outcome == StepOutcome::Differed {
        " open"
    } else {
        ""
    };
    let _ = writeln!(out, "<li><details{open}><summary>{head}</summary>");
    for exchanged in &played.exchanged {
        message(out, exchanged);
    }
    out.push_str("</details></li>\n");
}

fn message(out: &mut String, exchanged: &Exchanged) {
    let side = if exchanged.is_sent { "sent" } else { "came" };
    let _ = writeln!(
        out,
        "<div>{} on connection {}: <code>{}</code></div>",
        side,
        exchanged.connection,
        escaped(&exchanged.text),
    );
    if !exchanged.bytes.is_empty() {
        let _ = writeln!(
            out,
            "<pre class=\"bytes\">{}</pre>",
            escaped(&decoded(exchanged))
        );
    }
}

/// The bytes of a message: each header field by its name, then its data, packet by packet.
pub fn decoded(exchanged: &Exchanged) -> String {
    let mut out = String::new();
    let mut rest = exchanged.bytes.as_slice();
    while let Some((header, data)) = rest.split_first_chunk::<HEADER_BYTES>() {
        let fields = FrameHeader::read(header);
        if fields.check().is_err() {
            break;
        }
        let name = Instruction::from_number(fields.instruction).map_or("unknown", |i| i.name());
        let size = usize::try_from(fields.data_size).unwrap_or(usize::MAX);
        let (own, behind) = data.split_at_checked(size).unwrap_or((data, &[]));
        let _ = write!(
            out,
            "{}\n  messageType {}, instruction {:04X} {name}, dataSize {}, argumentCount {}, packet {} of {}\n{}",
            hex::encode(header),
            fields.message_type,
            fields.instruction,
            fields.data_size,
            fields.argument_count,
            fields.number,
            fields.max,
            dump(own),
        );
        rest = behind;
    }
    out.push_str(&dump(rest));
    let left = exchanged.size.saturating_sub(exchanged.bytes.len());
    if left > 0 {
        let _ = writeln!(out, "… and {left} bytes more");
    }
    out.trim_end().to_owned()
}

/// Bytes in rows of 16, with their characters.
fn dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    for row in bytes.chunks(16) {
        let printable = |b: &u8| {
            let is_printable = b.is_ascii_graphic() || *b == b' ';
            if is_printable { char::from(*b) } else { '.' }
        };
        let pairs: Vec<String> = row.iter().map(|b| format!("{b:02x}")).collect();
        let text: String = row.iter().map(printable).collect();
        let _ = writeln!(out, "  {:<48} {text}", pairs.join(" "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    fn exchanged(bytes: &[u8]) -> Exchanged {
        Exchanged {
            connection: 1,
            is_sent: false,
            text: String::new(),
            bytes: bytes.to_vec(),
            size: bytes.len(),
        }
    }

    #[test]
    fn the_page_names_all_and_escapes_what_came() {
        let (scripts, outcomes, report) = example();
        let page = html(&report, &scripts, &outcomes);
        for part in [
            "a.pt",
            "b.pt",
            "c.pt",
            "d.pt",
            "4.6.28",
            "needs a second worker",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(page.contains("`pang &lt;&amp;&quot;&gt;]]&gt;`"));
        assert!(!page.contains("pang <") && !page.contains("<script"));
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="));
        assert_eq!(
            page.matches("<details").count(),
            page.matches("</details>").count()
        );
    }

    #[test]
    fn bytes_are_decoded_packet_by_packet() {
        let one = crate::dialogue::message::encode(&["loginFail".into(), "x".into(), "a b".into()]);
        let mut bytes = one.unwrap();
        bytes.extend([9, 0, 1]);
        let text = decoded(&exchanged(&bytes));
        assert!(text.contains(
            "messageType 3, instruction 0301 loginFail, dataSize 5, argumentCount 2, packet 1 of 1\n  78 20 61 20 62 "
        ), "{text}");
        assert!(
            text.ends_with("09 00 01                                         ..."),
            "{text}"
        );
        let text = decoded(&exchanged(b"HTTP"));
        assert!(
            text.starts_with("  48 54 54 50  ") && text.ends_with("  HTTP"),
            "{text}"
        );
        let cut = Exchanged {
            size: 5000,
            ..exchanged(&[1; 3])
        };
        assert!(decoded(&cut).ends_with("… and 4997 bytes more"));
    }
}
