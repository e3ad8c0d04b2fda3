//! spec/dialogue/runner.md · 4.7 Communication
//!
//! Plays a dialogue to its end or to the first line that is not met, and tells of each step what
//! became of it. Where it goes on after a difference, it leaves out what cannot be judged any more:
//! the rest of a connection whose replies are out of step, and lines that use a value which never
//! came.

use super::super::pieces::{PatternPiece, pieces};
use super::super::script::{ConnectionNumber, Script, Step, StepAction};
use super::connection::is_notice;
use super::log::Exchanged;
use super::{Difference, Runner};
use std::collections::BTreeSet;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// It was met.
    Met,
    /// It was not met.
    Differed,
    /// The run did not come to it, because of a difference before it.
    NotReached,
}

/// A step as it was played.
#[derive(Debug, Clone)]
pub struct PlayedStep {
    pub outcome: StepOutcome,
    /// The messages that were sent and received meanwhile, where the runner keeps them.
    pub exchanged: Vec<Exchanged>,
}

/// A dialogue as it was played.
#[derive(Debug, Clone, Default)]
pub struct Play {
    /// As many as the script has.
    pub steps: Vec<PlayedStep>,
    /// The differences, in order. [`Difference::step`] says where.
    pub differences: Vec<Difference>,
}

impl Play {
    /// The number of steps that were met.
    pub fn met(&self) -> usize {
        let is_met = |step: &&PlayedStep| step.outcome == StepOutcome::Met;
        self.steps.iter().filter(is_met).count()
    }
}

/// What cannot be judged any more after a difference.
#[derive(Default)]
struct Spoilt {
    /// Connections whose next message may answer another line. Opening one anew mends it.
    connections: BTreeSet<ConnectionNumber>,
    /// Names that a line should have captured or set.
    names: BTreeSet<String>,
    /// Nothing can be judged: the dialogue stops, or a hook has failed.
    all: bool,
}

impl Spoilt {
    fn covers(&self, step: &Step) -> bool {
        let is_opened = matches!(step.action, StepAction::Connect(..));
        let connection = step.action.connection().filter(|_| !is_opened);
        self.all
            || connection.is_some_and(|number| self.connections.contains(&number))
            || names(&step.text).any(|name| self.names.contains(&name))
    }

    /// Adds a step that was not met, or that was left out.
    fn add(&mut self, step: &Step) {
        self.names.extend(captures(step));
        self.connections.extend(step.action.connection());
    }
}

impl Runner<'_> {
    /// Plays the dialogue. Without `keeps_going`, it stops at the first difference.
    pub fn play(&mut self, script: &Script, keeps_going: bool) -> Play {
        let mut play = Play::default();
        let mut spoilt = Spoilt::default();
        for (index, step) in script.steps.iter().enumerate() {
            let outcome = if spoilt.covers(step) {
                spoilt.add(step);
                StepOutcome::NotReached
            } else {
                match self.step(script, step) {
                    Ok(()) => {
                        if let StepAction::Connect(number, _) = &step.action {
                            spoilt.connections.remove(number);
                        }
                        StepOutcome::Met
                    }
                    Err(came) => {
                        play.differences
                            .push(self.difference(script, index, step, came));
                        self.spoil(&mut spoilt, step, keeps_going);
                        StepOutcome::Differed
                    }
                }
            };
            let exchanged = self.log.take();
            play.steps.push(PlayedStep { outcome, exchanged });
        }
        if !spoilt.all
            && let Err(came) = self.check_nothing_left(&spoilt.connections)
        {
            let last = script.steps.last();
            play.differences.push(Difference {
                fixture: last.map_or(script.name.clone(), |step| place(script, step)),
                step: script.steps.len(),
                line: last.map_or(0, |step| step.line),
                sections: last.map(|step| step.sections.clone()).unwrap_or_default(),
                expected: "nothing more".to_owned(),
                came,
            });
        }
        play
    }

    fn difference(
        &mut self,
        script: &Script,
        index: usize,
        step: &Step,
        came: String,
    ) -> Difference {
        Difference {
            fixture: place(script, step),
            step: index,
            line: step.line,
            sections: step.sections.clone(),
            expected: self.filled_line(step),
            came,
        }
    }

    /// Notes what a step that was not met makes impossible.
    fn spoil(&self, spoilt: &mut Spoilt, step: &Step, keeps_going: bool) {
        let acts_for_all = matches!(step.action, StepAction::Do(_) | StepAction::Pause(_));
        spoilt.all = !keeps_going || acts_for_all;
        spoilt.names.extend(captures(step));
        let Some(number) = step.action.connection() else {
            return;
        };
        // A reply in place of another reply leaves the connection in step: the next line's reply is
        // the next one.
        let is_in_step = match &step.action {
            StepAction::Expect(_, words) => {
                !words.first().is_some_and(|word| is_notice(word))
                    && self
                        .connections
                        .get(&number)
                        .is_some_and(|c| c.is_in_step())
            }
            StepAction::Await(..) => self
                .connections
                .get(&number)
                .is_some_and(|c| c.is_in_step()),
            _ => false,
        };
        let receives = !matches!(step.action, StepAction::Row(..) | StepAction::Packets(..));
        if receives && !is_in_step {
            spoilt.connections.insert(number);
        }
    }
}

/// The fixture's name, and behind it that of the step's file, if it is another.
fn place(script: &Script, step: &Step) -> String {
    if *step.file == *script.name {
        script.name.clone()
    } else {
        format!("{}, {}", script.name, step.file)
    }
}

/// The names that a step captures or sets.
fn captures(step: &Step) -> Vec<String> {
    let words = match &step.action {
        StepAction::Expect(_, words)
        | StepAction::Notice(_, words)
        | StepAction::Packets(_, words)
        | StepAction::Await(_, _, words) => words.as_slice(),
        StepAction::Row(_, choice, pattern) if choice.captures() => std::slice::from_ref(pattern),
        StepAction::Let(name, _) => return vec![name.clone()],
        _ => return Vec::new(),
    };
    let found = words
        .iter()
        .flat_map(|word| pieces(word).unwrap_or_default());
    found
        .filter_map(|piece| match piece {
            PatternPiece::Name(name) if !name.contains(':') => {
                Some(name.trim_end_matches("...").to_owned())
            }
            _ => None,
        })
        .collect()
}

/// The names that a line mentions in braces, those within functions included.
fn names(text: &str) -> impl Iterator<Item = String> {
    let found = pieces(text).unwrap_or_default();
    found.into_iter().flat_map(|piece| match piece {
        PatternPiece::Name(inside) => inside
            .trim_end_matches("...")
            .split(':')
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    })
}
