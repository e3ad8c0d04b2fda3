//! spec/dialogue/report.md · 4 The Protocol
//!
//! The conformance report: what became of the dialogues, by dialogue and by section of the
//! specification. The forms in which it is written are in this folder.

pub mod html;
pub mod junit;
pub mod tap;
pub mod text;

use super::blame::{self, Shown};
use super::runner::Difference;
use super::runner::play::{Play, StepOutcome};
use super::script::Script;
use super::sections::{self, SECTIONS, SpecSection};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of a dialogue.
#[derive(Debug, Clone)]
pub enum FixtureOutcome {
    /// It was not run, for this reason.
    Skipped(String),
    /// It was to run, and could not be: what it needs did not start.
    NotStarted(String),
    /// It ran, and took so long.
    Ran(Box<Play>, Duration),
}

/// The result of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionResult {
    /// Every line that shows the section was met, in all dialogues that could run.
    Pass,
    /// A line that shows the section was not met.
    Fail,
    /// No line that shows it differed, but dialogues ended before they came to some of them.
    Partly,
    /// Only skipped dialogues show the section.
    Skipped,
    /// No dialogue shows the section.
    NoDialogue,
}

/// The report of one section.
#[derive(Debug, Clone, Serialize)]
pub struct SectionReport {
    /// The section's number.
    pub section: &'static str,
    pub title: &'static str,
    pub result: SectionResult,
    /// How many lines that show the section were met.
    pub met: usize,
    /// How many lines show the section, in the dialogues that ran.
    pub lines: usize,
    /// How many lines show it in dialogues that were skipped.
    pub skipped_lines: usize,
    /// The dialogues that show the section and ran.
    pub fixtures: Vec<String>,
    /// The first difference in a line that shows the section.
    pub difference: Option<String>,
    /// Why it was skipped, or why no dialogue shows it.
    pub why: Option<String>,
    /// The first page about the section.
    pub page: &'static str,
}

/// The result of a dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DialogueResult {
    /// Every line was met.
    Pass,
    /// A line was not met, or what the dialogue needs did not start.
    Fail,
    /// It was not run.
    Skipped,
}

/// A line that was not met, with the sections that are to blame.
#[derive(Debug, Clone, Serialize)]
pub struct DifferenceReport {
    /// The dialogue's name; for a line of a file that it includes, that file's name behind it.
    pub fixture: String,
    /// The line's number, from 1; 0 where the dialogue did not start.
    pub line: usize,
    pub sections: Vec<String>,
    /// The requirements that the line shows, by their IDs.
    pub rules: Vec<String>,
    /// The line, with known values filled in.
    pub expected: String,
    /// What came instead.
    pub came: String,
}

/// The report of one dialogue.
#[derive(Debug, Clone, Serialize)]
pub struct DialogueReport {
    /// Its name.
    pub fixture: String,
    pub result: DialogueResult,
    /// Why it was skipped.
    pub why: Option<String>,
    /// How many lines that show something were met.
    pub met: usize,
    /// How many lines show something.
    pub lines: usize,
    pub seconds: f64,
    /// More than one only where the run keeps going.
    pub differences: Vec<DifferenceReport>,
}

/// A dialogue that did not run.
#[derive(Debug, Clone, Serialize)]
pub struct SkippedFixture {
    /// The dialogue's name.
    pub fixture: String,
    pub why: String,
}

/// What is known of the servers before the first dialogue.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ServerFacts {
    /// The worker's `HOST:PORT`; empty where the run starts its own.
    pub worker: String,
    /// The edition of the protocol that it speaks.
    pub edition: u8,
    /// Where its prices come from, as `getServerInfo` told it.
    pub market: Option<String>,
    /// Whether its market moves, as `getServerInfo` told it.
    pub state: Option<String>,
    /// The time between two updates, in milliseconds, as `getServerInfo` told it.
    pub update_interval_ms: Option<u64>,
}

/// The edition of the protocol that the table of instructions describes.
pub const OUR_EDITION: u8 = 2;
const _: () = assert!(OUR_EDITION as u16 == crate::wire::EDITION);

/// The longest time between two updates that a run waits for, whatever a server tells.
const UPDATE_INTERVAL_MAX: Duration = Duration::from_secs(15 * 60);

impl ServerFacts {
    /// The time between two updates, where it was told.
    pub fn update_interval(&self) -> Option<Duration> {
        let told = self.update_interval_ms.map(Duration::from_millis);
        told.map(|time| time.min(UPDATE_INTERVAL_MAX))
    }
}

/// The report of a whole run.
#[derive(Debug, Clone, Serialize)]
pub struct ConformReport {
    pub server: ServerFacts,
    /// All sections of the specification, or those that were chosen, in its order.
    pub sections: Vec<SectionReport>,
    /// All dialogues, by name.
    pub dialogues: Vec<DialogueReport>,
    /// The number of dialogues that ran.
    pub ran: usize,
    /// The number of dialogues with a difference, and of those that did not start.
    pub failed: usize,
    /// Dialogues that need more than the deployment offers.
    pub skipped: Vec<SkippedFixture>,
}

impl ConformReport {
    /// Whether at least one dialogue ran, and none of them differed.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.ran > 0
    }

    /// The number of sections with this result.
    pub fn count(&self, result: SectionResult) -> usize {
        let mut found = self.sections.iter();
        found.by_ref().filter(|s| s.result == result).count()
    }

    /// Builds the report. `outcomes` has the outcome of each dialogue by its index in `scripts`.
    pub fn of(
        server: ServerFacts,
        scripts: &[Script],
        outcomes: &BTreeMap<usize, FixtureOutcome>,
    ) -> ConformReport {
        let mut whole = ConformReport {
            server,
            sections: SECTIONS.iter().map(blank).collect(),
            dialogues: Vec::new(),
            ran: 0,
            failed: 0,
            skipped: Vec::new(),
        };
        for (index, script) in scripts.iter().enumerate() {
            if let Some(outcome) = outcomes.get(&index) {
                whole.add(script, outcome);
            }
        }
        for section in &mut whole.sections {
            section.conclude();
        }
        whole
    }

    /// Keeps the sections that were asked for: these and those below them, or if none is named,
    /// those that the dialogues show. For a run of a part of the dialogues, which says nothing of
    /// the other sections.
    pub fn keep_sections(&mut self, chosen: &[String]) {
        self.sections.retain(|section| {
            let mut outer = chosen.iter();
            outer.any(|outer| sections::is_within(section.section, outer))
                || chosen.is_empty() && section.result != SectionResult::NoDialogue
        });
    }

    fn add(&mut self, script: &Script, outcome: &FixtureOutcome) {
        let shown = blame::of_steps(script);
        let lines = blame::lines(script, &shown);
        let mut dialogue = DialogueReport {
            fixture: script.name.clone(),
            result: DialogueResult::Pass,
            why: None,
            met: 0,
            lines: lines.len(),
            seconds: 0.0,
            differences: Vec::new(),
        };
        match outcome {
            FixtureOutcome::Skipped(why) => {
                dialogue.result = DialogueResult::Skipped;
                dialogue.why = Some(why.clone());
                self.skipped.push(SkippedFixture {
                    fixture: script.name.clone(),
                    why: why.clone(),
                });
            }
            FixtureOutcome::NotStarted(why) => {
                dialogue.result = DialogueResult::Fail;
                dialogue.differences.push(DifferenceReport {
                    fixture: script.name.clone(),
                    line: 0,
                    sections: Vec::new(),
                    rules: Vec::new(),
                    expected: "what the dialogue needs starts".to_owned(),
                    came: why.clone(),
                });
            }
            FixtureOutcome::Ran(play, took) => {
                self.ran += 1;
                dialogue.seconds = took.as_secs_f64();
                let differences = play.differences.iter();
                dialogue.differences = differences.map(|d| blamed(script, &shown, d)).collect();
                if !dialogue.differences.is_empty() {
                    dialogue.result = DialogueResult::Fail;
                }
                let met = |line: &&blame::ShownLine| is_met(play, line);
                dialogue.met = lines.iter().filter(met).count();
            }
        }
        self.failed += usize::from(dialogue.result == DialogueResult::Fail);
        for section in &mut self.sections {
            section.add(script, &lines, outcome, &dialogue);
        }
        self.dialogues.push(dialogue);
    }
}

/// Whether all steps of a line were met.
fn is_met(play: &Play, line: &blame::ShownLine) -> bool {
    let steps = play.steps.get(line.steps.clone()).unwrap_or_default();
    !steps.is_empty() && steps.iter().all(|step| step.outcome == StepOutcome::Met)
}

/// A difference with the sections that are to blame for it. What came after the last line belongs to
/// that line.
fn blamed(script: &Script, shown: &[Shown], difference: &Difference) -> DifferenceReport {
    let index = difference.step.min(script.steps.len().saturating_sub(1));
    DifferenceReport {
        fixture: difference.fixture.clone(),
        line: difference.line,
        sections: shown
            .get(index)
            .map(|shown| shown.sections.clone())
            .unwrap_or_default(),
        rules: script
            .steps
            .get(index)
            .map(|step| step.rules.clone())
            .unwrap_or_default(),
        expected: difference.expected.clone(),
        came: difference.came.clone(),
    }
}

impl DifferenceReport {
    /// The difference in a line, with the dialogue's name.
    pub fn told(&self) -> String {
        let (fixture, line) = (&self.fixture, self.line);
        format!(
            "{fixture}:{line}: expected `{}`, came {}",
            self.expected, self.came
        )
    }
}

fn blank(section: &SpecSection) -> SectionReport {
    SectionReport {
        section: section.number,
        title: section.title,
        result: SectionResult::NoDialogue,
        met: 0,
        lines: 0,
        skipped_lines: 0,
        fixtures: Vec::new(),
        difference: None,
        why: None,
        page: section.page,
    }
}

impl SectionReport {
    fn add(
        &mut self,
        script: &Script,
        lines: &[blame::ShownLine],
        outcome: &FixtureOutcome,
        dialogue: &DialogueReport,
    ) {
        let is_of = |sections: &[String]| sections.iter().any(|section| section == self.section);
        let of_this: Vec<_> = lines.iter().filter(|line| is_of(&line.sections)).collect();
        let mut differences = dialogue.differences.iter();
        let difference = differences.find(|difference| is_of(&difference.sections));
        if of_this.is_empty() && difference.is_none() {
            return;
        }
        match outcome {
            FixtureOutcome::Skipped(why) => {
                self.skipped_lines += of_this.len();
                self.why.get_or_insert_with(|| why.clone());
            }
            FixtureOutcome::NotStarted(_) => self.lines += of_this.len(),
            FixtureOutcome::Ran(play, _) => {
                self.fixtures.push(script.name.clone());
                self.lines += of_this.len();
                self.met += of_this.iter().filter(|line| is_met(play, line)).count();
                if let (None, Some(difference)) = (&self.difference, difference) {
                    self.difference = Some(difference.told());
                }
            }
        }
    }

    /// Draws the result from what was counted.
    fn conclude(&mut self) {
        self.result = if self.difference.is_some() {
            SectionResult::Fail
        } else if self.lines > 0 && self.met == self.lines {
            SectionResult::Pass
        } else if self.lines > 0 {
            SectionResult::Partly
        } else if self.skipped_lines > 0 {
            SectionResult::Skipped
        } else {
            SectionResult::NoDialogue
        };
        match self.result {
            SectionResult::Skipped => {}
            SectionResult::NoDialogue => {
                self.why = Some(sections::why_no_dialogue(self.section).to_owned());
            }
            _ => self.why = None,
        }
    }

    /// The result as people read it: `pass 57/57`, `partly 12/57`, `skipped: why`.
    pub fn told(&self) -> String {
        let (met, lines) = (self.met, self.lines);
        match (self.result, &self.why) {
            (SectionResult::Pass, _) => format!("pass {met}/{lines}"),
            (SectionResult::Fail, _) => format!("FAIL {met}/{lines}"),
            (SectionResult::Partly, _) => format!("partly {met}/{lines}"),
            (SectionResult::Skipped, Some(why)) => format!("skipped: {why}"),
            (SectionResult::Skipped, None) => "skipped".to_owned(),
            (SectionResult::NoDialogue, _) => format!("no dialogue: see {}", self.page),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::runner::play::PlayedStep;
    use super::*;

    fn script(name: &str, text: &str) -> Script {
        Script::parse(name, text).unwrap()
    }

    /// A play of which this many steps were met, and the next one differed.
    fn stopped(script: &Script, met: usize, came: &str) -> FixtureOutcome {
        let outcome = |at: usize| match at.cmp(&met) {
            std::cmp::Ordering::Less => StepOutcome::Met,
            std::cmp::Ordering::Equal => StepOutcome::Differed,
            std::cmp::Ordering::Greater => StepOutcome::NotReached,
        };
        let steps = (0..script.steps.len()).map(|at| PlayedStep {
            outcome: outcome(at),
            exchanged: Vec::new(),
        });
        let last = script.steps.len() - 1;
        let step = &script.steps[met.min(last)];
        let difference = Difference {
            fixture: script.name.clone(),
            step: met,
            line: step.line,
            sections: step.sections.clone(),
            expected: step.text.clone(),
            came: came.to_owned(),
        };
        let is_whole = met > last && came.is_empty();
        let play = Play {
            steps: steps.collect(),
            differences: (!is_whole).then_some(difference).into_iter().collect(),
        };
        FixtureOutcome::Ran(Box::new(play), Duration::from_millis(1500))
    }

    /// A report with each kind of result, for the tests of its forms.
    pub(in super::super) fn example()
    -> (Vec<Script>, BTreeMap<usize, FixtureOutcome>, ConformReport) {
        let scripts = vec![
            script(
                "a.pt",
                "section 4.6.3\n1 connect worker\n1 > register a b c\n1 < registerSuccess\nsection 4.2\n1 > ping\n1 < pong\n\
                 section 4.4\n1 closed",
            ),
            script(
                "b.pt",
                "needs workers 2\nsection 4.7.1 4.2\n1 connect worker\n1 < pong",
            ),
            script(
                "c.pt",
                "section 4.6.3\n1 connect worker\n1 > register a b c\n1 < registerSuccess",
            ),
            script(
                "d.pt",
                "1 connect worker\n1 > login a b true\n1 < loginFail <&> *",
            ),
        ];
        let outcomes = BTreeMap::from([
            (0, stopped(&scripts[0], 4, "`pang <&\">]]>`")),
            (1, FixtureOutcome::Skipped("needs a second worker".into())),
            (2, stopped(&scripts[2], 3, "")),
            (3, stopped(&scripts[3], 0, "127.0.0.1:1: refused")),
        ]);
        let report = ConformReport::of(ServerFacts::default(), &scripts, &outcomes);
        (scripts, outcomes, report)
    }

    #[test]
    fn a_section_passes_only_with_all_its_lines() {
        let (_, _, report) = example();
        let told = |number: &str| {
            let section = report
                .sections
                .iter()
                .find(|s| s.section == number)
                .unwrap();
            section.told()
        };
        assert_eq!(report.sections.len(), 92);
        // Two registrations, and the connections that they came on.
        assert_eq!(told("4.6.3"), "pass 4/4");
        assert_eq!(told("4.6.19"), "pass 2/2");
        assert_eq!(told("4.1"), "FAIL 0/1");
        assert_eq!(told("4.2"), "FAIL 0/1");
        assert_eq!(told("4.4"), "partly 0/1");
        // Refused in one dialogue.
        assert_eq!(told("4.3.2"), "FAIL 2/3");
        assert_eq!(told("4.6.17"), "partly 0/1");
        assert_eq!(told("4.7.1"), "skipped: needs a second worker");
        assert_eq!(told("2.1.1"), "no dialogue: see spec/glossary.md");
        assert_eq!((report.ran, report.failed, report.is_good()), (3, 2, false));
    }

    #[test]
    fn every_dialogue_that_differed_is_named_with_whom_to_blame() {
        let (_, _, report) = example();
        let results: Vec<_> = report.dialogues.iter().map(|d| d.result).collect();
        use DialogueResult::{Fail, Pass, Skipped};
        assert_eq!(results, [Fail, Skipped, Pass, Fail]);
        let difference = &report.dialogues[0].differences[0];
        assert_eq!(difference.sections, ["4.1", "4.2"]);
        assert_eq!(
            difference.told(),
            "a.pt:7: expected `1 < pong`, came `pang <&\">]]>`"
        );
        assert_eq!(report.dialogues[3].differences[0].sections, ["4.3.2"]);
    }

    #[test]
    fn what_comes_after_the_last_line_is_blamed_on_it() {
        let scripts = [script("a.pt", "1 connect worker\n1 > ping\n1 < pong")];
        let outcomes = BTreeMap::from([(0, stopped(&scripts[0], 3, "`pong` on connection 1"))]);
        let report = ConformReport::of(ServerFacts::default(), &scripts, &outcomes);
        let section = report.sections.iter().find(|s| s.section == "4.1").unwrap();
        assert_eq!(section.told(), "FAIL 1/1");
        assert!(!report.is_good());
    }

    #[test]
    fn a_dialogue_that_does_not_start_is_no_pass() {
        let scripts = [script("a.pt", "1 connect worker\n1 > ping\n1 < pong")];
        let outcomes = BTreeMap::from([(0, FixtureOutcome::NotStarted("no port".into()))]);
        let report = ConformReport::of(ServerFacts::default(), &scripts, &outcomes);
        assert_eq!((report.ran, report.failed, report.is_good()), (0, 1, false));
        let section = report.sections.iter().find(|s| s.section == "4.1").unwrap();
        assert_eq!(section.told(), "partly 0/1");
    }
}
