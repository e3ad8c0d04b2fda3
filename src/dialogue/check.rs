//! spec/dialogue/check.md · 4.7 Communication
//!
//! Finds the mistakes of a parsed script that would show only while it runs, or look like a
//! difference of the server: before anything is sent, all of them, with their places.

mod expectation;
mod values;

use super::link_peer::is_link;
use super::pieces::{PatternPiece, pieces};
use super::raw::{self, PlacedWord};
use super::script::{
    ConnectionNumber, RowChoice, Script, ScriptError, ScriptErrors, Step, StepAction,
};
use super::variables::{CAME, Variables};
use super::{message, pattern};
use crate::model::likeness::{did_you_mean, most_like};
use crate::wire::Direction;
use crate::wire::instruction::TABLE;
use std::collections::{BTreeMap, BTreeSet};

/// What a script has done with a connection so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Open,
    /// The script has closed its sending side.
    Half,
    /// The server has closed the connection.
    Ended,
    /// The script has closed the connection.
    Closed,
}

/// What the checks know before a line.
struct Checker<'a> {
    script: &'a Script,
    /// The names that have a value.
    known: BTreeSet<String>,
    connections: BTreeMap<ConnectionNumber, Use>,
    /// The first words of the last expectation of each connection: `data Bars`.
    expected: BTreeMap<ConnectionNumber, Vec<String>>,
    mistakes: ScriptErrors,
    /// The place of the line that is checked.
    file: String,
    line: usize,
}

impl Script {
    /// Checks what can be known before the script runs. `values` are those that are set from
    /// outside.
    ///
    /// # Errors
    /// The mistakes.
    pub fn check(&self, values: &Variables) -> Result<(), ScriptErrors> {
        let mut checker = Checker {
            script: self,
            known: values.names().map(str::to_owned).collect(),
            connections: BTreeMap::new(),
            expected: BTreeMap::new(),
            mistakes: ScriptErrors::default(),
            file: String::new(),
            line: 0,
        };
        let mut before: Option<&Step> = None;
        for step in &self.steps {
            // A repetition of a line has the mistakes of the line.
            let again = before.is_some_and(|b| {
                b.line == step.line && b.file == step.file && b.action == step.action
            });
            if !again {
                checker.step(step);
            }
            if matches!(
                step.action,
                StepAction::Expect(..) | StepAction::Notice(..) | StepAction::Await(..)
            ) {
                checker.known.insert(CAME.to_owned());
            }
            before = Some(step);
        }
        if self.steps.is_empty() {
            // It would pass, and show nothing.
            self.name.clone_into(&mut checker.file);
            checker.line = 1;
            checker.mistake(1, "the dialogue has no line that does anything".to_owned());
        }
        checker.mistakes.or(())
    }
}

/// The words of a step's line with their columns in the file.
fn placed(step: &Step) -> Vec<PlacedWord> {
    let mut words = raw::placed_words(&step.text);
    for word in &mut words {
        word.column += step.column.saturating_sub(1);
    }
    words
}

/// The last `count` words.
fn tail(words: &[PlacedWord], count: usize) -> &[PlacedWord] {
    let from = words.len().saturating_sub(count);
    words.get(from..).unwrap_or_default()
}

/// The text of a word without stars and braces; `None` where it has any, or an unknown escape.
fn literal(word: &str) -> Option<String> {
    let pieces = pieces(word).ok()?;
    let texts = pieces.into_iter().map(|piece| match piece {
        PatternPiece::Text(text) => Some(text),
        PatternPiece::Any | PatternPiece::Name(_) => None,
    });
    texts.collect()
}

/// The text, and whether another name was meant.
fn meant<'n>(text: String, typed: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    match did_you_mean(&most_like(typed, names)) {
        Some(question) => format!("{text}. {question}"),
        None => text,
    }
}

impl Checker<'_> {
    fn mistake(&mut self, column: usize, text: String) {
        self.mistakes.add(ScriptError {
            file: self.file.clone(),
            line: self.line,
            column,
            text,
        });
    }

    fn step(&mut self, step: &Step) {
        self.file = step.file.to_string();
        self.line = step.line;
        let words = placed(step);
        self.not_before(step, &words);
        match &step.action {
            StepAction::Connect(n, _) => {
                self.target(tail(&words, 1));
                self.connections.insert(*n, Use::Open);
                self.expected.remove(n);
            }
            StepAction::Send(n, sent) => {
                self.sends(*n, step);
                self.request(tail(&words, sent.len()));
            }
            StepAction::Raw(n, sent) => {
                self.sends(*n, step);
                self.raw(tail(&words, sent.len()));
            }
            StepAction::Expect(n, expected) => {
                self.receives(*n, step);
                self.expect(*n, tail(&words, expected.len()));
            }
            StepAction::Notice(n, expected) => {
                self.receives(*n, step);
                self.notice(tail(&words, expected.len()));
            }
            StepAction::Await(n, request, answer) => {
                self.sends(*n, step);
                self.receives(*n, step);
                let both = tail(&words, request.len() + 1 + answer.len());
                self.request(both.get(..request.len()).unwrap_or_default());
                self.expect(*n, tail(both, answer.len()));
            }
            StepAction::Row(n, choice, _) => self.row(*n, step, *choice, tail(&words, 1)),
            StepAction::Packets(n, expected) => {
                self.after_data(*n, step, "packets");
                self.expected_words(tail(&words, expected.len()));
            }
            StepAction::Stamp(n, _) => {
                self.sends(*n, step);
                if let Some(time) = words.last() {
                    self.time(time);
                }
            }
            StepAction::Closed(n) => {
                self.receives_end(*n, step);
                self.connections.insert(*n, Use::Ended);
            }
            StepAction::Half(n) => {
                self.sends(*n, step);
                self.connections.insert(*n, Use::Half);
            }
            StepAction::Close(n) => {
                self.receives_end(*n, step);
                self.connections.insert(*n, Use::Closed);
                self.expected.remove(n);
            }
            StepAction::Silence(n, _) => self.receives(*n, step),
            StepAction::Pause(_) | StepAction::Do(_) => {}
            StepAction::Let(name, _) => {
                if words.first().is_some_and(|word| word.text == "let") {
                    self.values_of(tail(&words, 1));
                }
                self.known.insert(name.clone());
            }
            StepAction::Check(..) => self.values_of(words.get(1..).unwrap_or_default()),
        }
    }

    /// Checks the time that a message must not come before.
    fn not_before(&mut self, step: &Step, words: &[PlacedWord]) {
        let at = words.iter().position(|word| word.text == "not-before");
        let time = at.and_then(|at| words.get(at + 1));
        if let Some(time) = time.filter(|_| step.not_before.is_some()) {
            self.time(time);
        }
    }

    /// Checks that the connection is open here.
    fn is_open(&mut self, n: ConnectionNumber, step: &Step) -> Option<Use> {
        let state = self.connections.get(&n).copied();
        let text = match state {
            None => format!("connection {n} is used before `{n} connect`"),
            Some(Use::Closed) => format!("connection {n} is used after `{n} close`"),
            Some(_) => return state,
        };
        self.mistake(step.column, text);
        // One mistake a connection is enough.
        self.connections.insert(n, Use::Open);
        None
    }

    fn sends(&mut self, n: ConnectionNumber, step: &Step) {
        if self.is_open(n, step) == Some(Use::Half) {
            self.mistake(
                step.column,
                format!("connection {n} sends after `{n} half`, which closes the sending side"),
            );
        }
    }

    fn receives(&mut self, n: ConnectionNumber, step: &Step) {
        if self.is_open(n, step) == Some(Use::Ended) {
            self.mistake(
                step.column,
                format!("nothing comes on connection {n} after `{n} closed`"),
            );
        }
    }

    fn receives_end(&mut self, n: ConnectionNumber, step: &Step) {
        let _ = self.is_open(n, step);
    }

    /// Checks the target of `connect`.
    fn target(&mut self, words: &[PlacedWord]) {
        self.values_of(words);
        for word in words {
            let Some(target) = literal(&word.text) else {
                continue;
            };
            let numbered =
                |number: &str| number.is_empty() || number.parse().is_ok_and(|n: u16| n > 0);
            let good = TARGETS.contains(&target.as_str())
                || target.strip_prefix("worker").is_some_and(numbered)
                || is_link(&target)
                || target.contains(':');
            if !good {
                let text =
                    format!("{target}: a target is worker, workerN, master, link or HOST:PORT");
                self.mistake(word.column, meant(text, &target, TARGETS.iter().copied()));
            }
        }
    }

    /// Checks the instruction of a line that sends. Its arguments are free: a dialogue must be able
    /// to send what a server refuses.
    fn request(&mut self, words: &[PlacedWord]) {
        self.values_of(words);
        let Some((word, name)) = words
            .first()
            .and_then(|word| Some((word, literal(&word.text)?)))
        else {
            return;
        };
        if message::encode(std::slice::from_ref(&name)).is_err() {
            let requests = TABLE
                .iter()
                .filter(|row| matches!(row.direction, Direction::Request | Direction::Both));
            let text =
                format!("{name}: no instruction has this name, nor is it four hexadecimal digits");
            self.mistake(
                word.column,
                meant(text, &name, requests.map(|row| row.name)),
            );
        }
    }

    /// Checks the words of an `x` line: their values, and their bytes where no value is needed.
    fn raw(&mut self, words: &[PlacedWord]) {
        for word in words {
            if word.text.contains('{') {
                self.raw_values(word);
            } else if let Err(text) = raw::bytes(std::slice::from_ref(&word.text)) {
                self.mistake(word.column, text);
            }
        }
    }

    /// Checks a line about the rows of the last data message.
    fn row(&mut self, n: ConnectionNumber, step: &Step, choice: RowChoice, words: &[PlacedWord]) {
        self.after_data(n, step, "row");
        let before = self.known.clone();
        self.expected_words(words);
        let captured: Vec<&String> = self.known.difference(&before).collect();
        let is_order = matches!(choice, RowChoice::Ascending | RowChoice::Descending);
        if is_order && captured.len() != 1 {
            let text = format!(
                "row {choice} needs one name without a value, whose value is compared from row to row"
            );
            self.mistake(step.column, text);
        }
        if !choice.captures() {
            self.known = before;
        }
    }

    /// Checks that the connection's last expectation was of `data`.
    fn after_data(&mut self, n: ConnectionNumber, step: &Step, verb: &str) {
        let _ = self.is_open(n, step);
        let wrong = match self.expected.get(&n).map(Vec::as_slice) {
            None | Some([]) => Some(format!("`{verb}` stands behind a line that expects data")),
            Some([name, ..]) if name != "data" => Some(format!(
                "`{verb}` is about data, and the line before expects {name}"
            )),
            Some([_, kind, ..]) if verb == "row" && expectation::has_no_rows(kind) => {
                Some(format!("data {kind} has no rows"))
            }
            Some(_) => None,
        };
        if let Some(text) = wrong {
            self.mistake(step.column, text);
        }
    }

    /// Checks the values and captures in expected words, and that the pattern is one. What they
    /// capture is known from then on.
    fn expected_words(&mut self, words: &[PlacedWord]) {
        for (index, word) in words.iter().enumerate() {
            let last = index + 1 == words.len();
            let captured = match pattern::rest_name(&word.text) {
                Some(name) => self.rest(word, name, last).into_iter().collect(),
                None => self.pattern(word),
            };
            self.known.extend(captured);
        }
    }
}

/// The targets that have a name, but for the numbers of further workers.
const TARGETS: &[&str] = &["worker", "master", "link"];

#[cfg(test)]
mod tests;
