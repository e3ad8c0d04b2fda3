//! spec/cli/ctl/setup.md · 2.3 Global Deployment Variables
//!
//! What a set-up has done, and what is left: a line a step as it goes on, or JSON at the end.

use crate::cli::terminal::{ScreenSize, for_people, wrap};
use serde::Serialize;
use std::io::{self, Write};

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StepState {
    /// It was missing, and is there now.
    Made,
    /// It was there, and wrong.
    Mended,
    /// It was right.
    There,
}

impl StepState {
    fn word(self) -> &'static str {
        match self {
            StepState::Made => "made",
            StepState::Mended => "mended",
            StepState::There => "there",
        }
    }
}

/// A step of a set-up.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SetupStep {
    state: StepState,
    what: String,
}

/// The account of a set-up.
#[derive(Debug, Default, Serialize)]
pub(super) struct SetupReport {
    steps: Vec<SetupStep>,
    warnings: Vec<String>,
    /// What an administrator does next. A line that begins with two spaces is a command.
    left: Vec<String>,
    /// Whether nothing is printed until the end.
    #[serde(skip)]
    is_json: bool,
}

impl SetupReport {
    pub(super) fn new(is_json: bool) -> SetupReport {
        SetupReport {
            is_json,
            ..SetupReport::default()
        }
    }

    /// Takes note of a step, and prints it.
    pub(super) fn step(&mut self, state: StepState, what: impl Into<String>) {
        let what = what.into();
        self.say(&format!("{:<7} {what}", state.word()));
        self.steps.push(SetupStep { state, what });
    }

    pub(super) fn made(&mut self, what: impl Into<String>) {
        self.step(StepState::Made, what);
    }

    pub(super) fn there(&mut self, what: impl Into<String>) {
        self.step(StepState::There, what);
    }

    /// Tells a key.
    pub(super) fn key(&mut self, whose: &str, fingerprint: &str, is_new: bool) {
        let state = if is_new {
            StepState::Made
        } else {
            StepState::There
        };
        self.step(state, format!("{whose}, {fingerprint}"));
    }

    pub(super) fn warn(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.say(&format!("warning {what}"));
        self.warnings.push(what);
    }

    /// Says what goes on, where it may take long.
    pub(super) fn progress(&self, what: &str) {
        self.say(&format!("{:<7} {what}", "wait"));
    }

    pub(super) fn left(&mut self, what: impl Into<String>) {
        self.left.push(what.into());
    }

    /// Prints what is left.
    pub(super) fn print_left(&self) {
        if !self.left.is_empty() {
            self.say("");
            self.say("Next:");
            self.left.iter().for_each(|line| self.say(line));
        }
    }

    /// Whether a step has changed anything.
    pub(super) fn has_changed(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| step.state != StepState::There)
    }

    /// Whether this step was reported.
    #[cfg(test)]
    pub(super) fn has(&self, state: StepState, part: &str) -> bool {
        self.steps
            .iter()
            .any(|step| step.state == state && step.what.contains(part))
    }

    fn say(&self, line: &str) {
        if self.is_json {
            return;
        }
        let columns = ScreenSize::of_stdout().map_or(usize::MAX, |screen| screen.columns);
        let text = if line.is_empty() {
            "\n".to_owned()
        } else {
            wrap(&for_people(line), columns)
        };
        // A closed standard output is no reason to leave a set-up half done.
        let _ = io::stdout().lock().write_all(text.as_bytes());
    }
}
