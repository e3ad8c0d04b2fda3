//! spec/course.md · 4 The Protocol
//!
//! Why a stage was not met, in the specification's words.

use super::notes::{StageNote, note_at};
use super::stages::Stage;
use super::traffic::{self, CourseDialer, Symptom};
use crate::dialogue::{Difference, Script};
use serde::Serialize;

/// The most characters of a line that are shown; a transfer can be longer than a screen.
const LINE_MAX: usize = 400;

/// The first line of a stage that was not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageFailure {
    /// The dialogue's file, and the line in it, from 1.
    pub dialogue: String,
    pub line: usize,
    #[serde(flatten)]
    pub note: StageNote,
    /// What the client had sent last on this connection; empty if nothing.
    pub sent: String,
    /// The line, with the values of known names filled in.
    pub expected: String,
    /// What was received instead, or why the step failed.
    pub came: String,
    /// What it usually means that no message came; empty where one came.
    pub symptom: String,
    /// The bytes of the message that came, field by field; empty if none came.
    pub bytes: Vec<String>,
    /// The last lines that the student's program has printed, if the course runs it.
    pub output: Vec<String>,
}

impl StageFailure {
    /// The failure of a run. `transcript` has the messages of the run as lines.
    pub fn of(
        stage: &Stage,
        script: &Script,
        difference: &Difference,
        dialer: &CourseDialer<'_>,
        transcript: &[String],
    ) -> StageFailure {
        let connection = traffic::connection_at(script, difference.line);
        let sent = connection.and_then(|(number, _)| {
            let is_sent = |line: &&String| {
                let line = line.strip_prefix(&format!("{number} "));
                line.is_some_and(|line| line.starts_with('>') || line.starts_with('x'))
            };
            transcript.iter().rev().find(is_sent)
        });
        let bytes = connection.map(|(_, place)| dialer.received(place));
        StageFailure {
            dialogue: stage.file(),
            line: difference.line,
            note: note_at(stage.dialogue, difference.line),
            sent: sent.map(|line| shortened(line)).unwrap_or_default(),
            expected: shortened(&difference.expected),
            came: shortened(&difference.came),
            symptom: Symptom::of(&difference.came)
                .map(Symptom::meaning)
                .unwrap_or_default()
                .to_owned(),
            bytes: traffic::explained(&bytes.unwrap_or_default(), &difference.came),
            output: Vec::new(),
        }
    }

    /// The failure of a program that does not serve at all. Its note is that of the first stage's
    /// first line.
    pub fn of_start(stage: &Stage, addresses: &[String], why: &str) -> StageFailure {
        let accept = super::STAGES[0];
        let script = Script::parse(&accept.file(), accept.dialogue);
        let line = script
            .ok()
            .and_then(|script| script.steps.first().map(|step| step.line));
        StageFailure {
            dialogue: stage.file(),
            line: 0,
            note: note_at(accept.dialogue, line.unwrap_or_default()),
            sent: String::new(),
            expected: format!(
                "a program that accepts connections at {}",
                addresses.join(", ")
            ),
            came: why.to_owned(),
            symptom: String::new(),
            bytes: Vec::new(),
            output: Vec::new(),
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LINE_MAX) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = "é".repeat(LINE_MAX + 1);
        assert_eq!(shortened(&long), format!("{} …", "é".repeat(LINE_MAX)));
    }

    #[test]
    fn a_program_that_does_not_serve_fails_the_stage_in_the_first_ones_words() {
        let failure =
            StageFailure::of_start(&super::super::STAGES[4], &["h:1".to_owned()], "refused");
        assert_eq!(failure.note.section, "4.3.2");
        assert!(failure.note.sentence.contains("listening on port 2049"));
        assert!(failure.expected.ends_with("at h:1"));
    }
}
