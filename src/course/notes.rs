//! spec/course.md · 4 The Protocol
//!
//! What a stage's dialogue says about its lines, in comments: the sentence of the specification that
//! a line shows, the sentence of our pages, and what goes wrong usually.

use serde::Serialize;

/// What stands above a line of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StageNote {
    /// The specification's section, and its sentence.
    pub section: String,
    pub sentence: String,
    /// The page below `spec/` that says it more exactly, and its sentence; empty if there is none.
    pub page: String,
    pub page_sentence: String,
    /// What is usually wrong where the line is not met.
    pub hint: String,
}

/// The notes of a dialogue, each with the number of the line that it ends before, from 1.
///
/// `# says SECTION: SENTENCE` begins a note. `# page PAGE: SENTENCE` and `# hint: TEXT` add to it, or
/// replace what it had. A comment that begins with three spaces goes on with the text above it.
pub fn notes(dialogue: &str) -> Vec<(usize, StageNote)> {
    let mut found = Vec::new();
    let mut note = StageNote::default();
    let mut last: Option<NotePart> = None;
    for (number, line) in (1..).zip(dialogue.lines()) {
        let Some(comment) = line.strip_prefix('#') else {
            if last.take().is_some() {
                found.push((number, note.clone()));
            }
            continue;
        };
        if let (Some(part), Some(more)) = (last, comment.strip_prefix("   ")) {
            let text = part.of(&mut note);
            text.push(' ');
            text.push_str(more.trim());
        } else if let Some((head, text)) = comment.trim_start().split_once(": ") {
            last = NotePart::begin(head, text, &mut note).or(last);
        }
    }
    found
}

/// The note above a line.
pub fn note_at(dialogue: &str, line: usize) -> StageNote {
    let before = notes(dialogue)
        .into_iter()
        .take_while(|(from, _)| *from <= line);
    before.last().map(|(_, note)| note).unwrap_or_default()
}

/// The text that a comment may go on with.
#[derive(Debug, Clone, Copy)]
enum NotePart {
    Sentence,
    PageSentence,
    Hint,
}

impl NotePart {
    /// Begins a part; none if the comment is an ordinary one.
    fn begin(head: &str, text: &str, note: &mut StageNote) -> Option<NotePart> {
        let part = match head.split_once(' ') {
            Some(("says", section)) => {
                *note = StageNote {
                    section: section.to_owned(),
                    ..StageNote::default()
                };
                NotePart::Sentence
            }
            Some(("page", page)) if page.ends_with(".md") => {
                page.clone_into(&mut note.page);
                NotePart::PageSentence
            }
            None if head == "hint" => NotePart::Hint,
            _ => return None,
        };
        text.trim().clone_into(part.of(note));
        Some(part)
    }

    fn of(self, note: &mut StageNote) -> &mut String {
        match self {
            NotePart::Sentence => &mut note.sentence,
            NotePart::PageSentence => &mut note.page_sentence,
            NotePart::Hint => &mut note.hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stages::STAGES;
    use super::*;
    use crate::dialogue::Script;
    use crate::dialogue::script::StepAction;
    use std::fs;

    #[test]
    fn a_note_goes_on_and_the_next_one_begins_anew() {
        let text = "# a title: no note\n# says 4.4: All messages\n#   are binary.\n# hint: big\n1 > ping\n\
            # page wire/frame.md: Integers\n1 < pong\n# says 4.5: x\n1 closed\n";
        let note = note_at(text, 5);
        assert_eq!(note.sentence, "All messages are binary.");
        assert_eq!((note.section.as_str(), note.hint.as_str()), ("4.4", "big"));
        assert_eq!(note.page, "");
        let note = note_at(text, 7);
        assert_eq!(
            (note.page.as_str(), note.hint.as_str()),
            ("wire/frame.md", "big")
        );
        let note = note_at(text, 9);
        assert_eq!((note.sentence.as_str(), note.hint.as_str()), ("x", ""));
        assert_eq!(note_at(text, 1), StageNote::default());
    }

    /// Whether a line of a stage can be the one that is not met.
    fn can_differ(action: &StepAction) -> bool {
        !matches!(
            action,
            StepAction::Let(..) | StepAction::Pause(_) | StepAction::Half(_)
        )
    }

    #[test]
    fn every_line_that_can_differ_has_a_sentence_of_a_section_and_a_hint() {
        let sections = fs::read_to_string("spec/traceability.md").unwrap();
        for stage in &STAGES {
            let script = Script::parse(&stage.file(), stage.dialogue).unwrap();
            for step in script.steps.iter().filter(|step| can_differ(&step.action)) {
                let note = note_at(stage.dialogue, step.line);
                let place = format!("{}:{}", script.name, step.line);
                assert!(
                    !note.sentence.is_empty() && !note.hint.is_empty(),
                    "{place}"
                );
                let row = format!("| {} ", note.section);
                assert!(sections.contains(&row), "{place}: {}", note.section);
            }
        }
    }

    /// A sentence of our pages is quoted as it stands there.
    #[test]
    fn the_pages_have_the_sentences_that_are_quoted() {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for stage in &STAGES {
            for (line, note) in notes(stage.dialogue) {
                if note.page.is_empty() {
                    continue;
                }
                let page = fs::read_to_string(format!("spec/{}", note.page)).unwrap();
                assert!(
                    one_line(&page).contains(&note.page_sentence),
                    "{}:{line}: {} does not say: {}",
                    stage.file(),
                    note.page,
                    note.page_sentence
                );
            }
        }
    }
}
