//! spec/cli.md · 2.1.2 (what the outer world sees)
//!
//! What leaves a program: lines, JSON and CSV in which no character acts on a terminal, and no cell
//! is a formula to a spreadsheet.
//!
//! Tests: `tests/suite/client/hostile_words.rs`.

use crate::model::printable::{clean, is_printable};
use serde::Serialize;
use std::fmt::Write;

/// Cleans each line of a text, and keeps its line ends.
pub fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// A value as JSON on one line, without a line end. Characters that are not printable are escaped,
/// so that it reads back as the same value.
///
/// # Errors
/// A map whose keys are no texts.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(|text| escaped(&text))
}

/// As [`json`], on several lines.
///
/// # Errors
/// A map whose keys are no texts.
pub fn pretty_json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(|text| escaped(&text))
}

/// Escapes what is not printable in JSON. Outside its strings JSON is printable ASCII and line
/// feeds; within them a line feed is escaped already.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_printable(c) || c == '\n' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// A cell of CSV. A spreadsheet takes what begins with `=`, `+`, `-`, `@`, a tab or a carriage
/// return for a formula, so such a text gets a `'` in front. A number keeps its sign.
pub fn cell(text: &str) -> String {
    const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
    let mark = if text.starts_with(FORMULA) && !is_number(text) {
        "'"
    } else {
        ""
    };
    format!("{mark}{}", clean(text))
}

/// Whether a text is a decimal: digits with one sign at most before them and one point within.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::printable::is_printable_text;
    use proptest::prelude::*;

    #[test]
    fn a_cell_is_no_formula_and_a_number_stays_one() {
        for (text, shown) in [
            ("AAPL", "AAPL"),
            ("-5.25", "-5.25"),
            ("+1", "+1"),
            ("", ""),
            ("-", "'-"),
            ("-1-2", "'-1-2"),
            ("-1.", "'-1."),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\u{fffd}=1"),
            ("\r=1", "'\u{fffd}=1"),
            ("＝1", "'＝1"),
            ("a\u{9b}b", "a\u{fffd}b"),
        ] {
            assert_eq!(cell(text), shown, "{text:?}");
        }
    }

    #[test]
    fn lines_keep_their_ends_alone() {
        assert_eq!(clean_lines("a\u{1b}b\nc\r\n"), "a\u{fffd}b\nc\u{fffd}\n");
    }

    proptest! {
        #[test]
        fn json_reads_back_and_is_printable(
            texts in proptest::collection::vec("(?s).{0,20}|[\\u{0}-\\u{9f}\\u{200b}-\\u{206f}\\u{e0000}-\\u{e007f}\"\\\\]{0,20}", 0..8),
        ) {
            let map: std::collections::BTreeMap<&String, &Vec<String>> =
                texts.iter().map(|text| (text, &texts)).collect();
            let line = json(&map).unwrap();
            prop_assert!(is_printable_text(&line));
            let pretty = pretty_json(&map).unwrap();
            prop_assert!(pretty.lines().all(is_printable_text));
            let expected = serde_json::to_value(&map).unwrap();
            for text in [line, pretty] {
                let back: serde_json::Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&back, &expected);
            }
        }
    }
}
