//! spec/dialogue/check.md · 4.7 Communication
//!
//! What stands in braces: names that have a value, functions with their arguments, and what an
//! expectation captures.
//!
//! Tests: `src/dialogue/check/tests.rs`.

use super::{Checker, meant};
use crate::dialogue::pattern::PIECES_MAX;
use crate::dialogue::pieces::{PatternPiece, pieces};
use crate::dialogue::raw::PlacedWord;
use crate::dialogue::variables::{self, BUILT_IN, CAME, FUNCTIONS, FunctionArgument};
use crate::model::Timestamp;
use std::collections::BTreeSet;

impl Checker<'_> {
    /// Checks words whose braces all need a value.
    pub(super) fn values_of(&mut self, words: &[PlacedWord]) {
        for word in words {
            match pieces(&word.text) {
                Ok(pieces) => {
                    for piece in pieces {
                        if let PatternPiece::Name(inside) = piece {
                            self.value(word.column, &inside);
                        }
                    }
                }
                Err(text) => self.mistake(word.column, text),
            }
        }
    }

    /// Checks the braces in a word of an `x` line.
    pub(super) fn raw_values(&mut self, word: &PlacedWord) {
        let mut rest = word.text.as_str();
        while let Some((_, behind)) = rest.split_once('{') {
            let Some((inside, after)) = behind.split_once('}') else {
                let text = format!("{}: a brace that is not closed", word.text);
                return self.mistake(word.column, text);
            };
            self.value(word.column, inside);
            rest = after;
        }
    }

    /// Checks the time of `not-before`.
    pub(super) fn time(&mut self, word: &PlacedWord) {
        self.values_of(std::slice::from_ref(word));
        if !word.text.contains('{') && Timestamp::parse(&word.text).is_err() {
            let text = format!("{}: a time is written 2013-03-01T14:00:00.000Z", word.text);
            self.mistake(word.column, text);
        }
    }

    /// Checks what stands in braces where a value is needed.
    fn value(&mut self, column: usize, inside: &str) {
        if !self.is_known(column, inside) {
            let text = format!("nothing sets or captures {{{inside}}} before this line");
            let text = meant(text, inside, self.known.iter().map(String::as_str));
            self.mistake(column, text);
        }
    }

    /// Whether what stands in braces has a value. A mistake in a function is told, and counts as a
    /// value.
    fn is_known(&mut self, column: usize, inside: &str) -> bool {
        let mut parts = inside.split(':');
        let name = parts.next().unwrap_or_default();
        let arguments: Vec<&str> = parts.collect();
        if arguments.is_empty() {
            return self.known.contains(name) || (BUILT_IN.contains(&name) && name != CAME);
        }
        if let Some(text) = self.function_mistake(name, &arguments) {
            self.mistake(column, format!("{{{inside}}}: {text}"));
        }
        true
    }

    /// What is wrong with a function and its arguments.
    fn function_mistake(&self, name: &str, arguments: &[&str]) -> Option<String> {
        let named: Vec<_> = FUNCTIONS
            .iter()
            .filter(|(known, _)| *known == name)
            .collect();
        if named.is_empty() {
            let names: BTreeSet<&str> = FUNCTIONS.iter().map(|(known, _)| *known).collect();
            return Some(meant(format!("{name} is no function"), name, names));
        }
        let Some((_, kinds)) = named
            .iter()
            .find(|(_, kinds)| kinds.len() == arguments.len())
        else {
            let counts: Vec<String> = named
                .iter()
                .map(|(_, kinds)| kinds.len().to_string())
                .collect();
            return Some(format!(
                "{name} takes {} arguments, not {}",
                counts.join(" or "),
                arguments.len()
            ));
        };
        let pairs = kinds.iter().zip(arguments);
        pairs
            .filter_map(|(kind, text)| self.argument_mistake(*kind, text))
            .next()
    }

    fn argument_mistake(&self, kind: FunctionArgument, text: &str) -> Option<String> {
        if kind.takes(text) || (kind.may_be_named() && self.known.contains(text)) {
            return None;
        }
        let about = kind.about();
        if !kind.may_be_named() || variables::check_name(text).is_err() {
            return Some(format!("{text} is not {about}"));
        }
        let text_ =
            format!("{text} is not {about}, and nothing sets or captures it before this line");
        Some(meant(text_, text, self.known.iter().map(String::as_str)))
    }

    /// Checks `{name...}`, and returns the name that it captures.
    pub(super) fn rest(&mut self, word: &PlacedWord, name: &str, last: bool) -> Option<String> {
        if !last {
            let text = format!("{}: the rest of a line is its last word", word.text);
            self.mistake(word.column, text);
        }
        self.capture(word.column, name)
    }

    /// The name that braces capture; `None` where they have a value.
    fn capture(&mut self, column: usize, inside: &str) -> Option<String> {
        if self.is_known(column, inside) {
            return None;
        }
        if inside == CAME {
            let text = "nothing has come before this line: {came} has no value".to_owned();
            self.mistake(column, text);
            return None;
        }
        if let Err(text) = variables::check_name(inside) {
            self.mistake(column, format!("{{{inside}}}: {text}"));
            return None;
        }
        Some(inside.to_owned())
    }

    /// Checks an expected word, and returns the names that it captures.
    pub(super) fn pattern(&mut self, word: &PlacedWord) -> Vec<String> {
        let pieces = match pieces(&word.text) {
            Ok(pieces) => pieces,
            Err(text) => {
                self.mistake(word.column, text);
                return Vec::new();
            }
        };
        if pieces.len() > PIECES_MAX {
            let text = format!("a word of more than {PIECES_MAX} parts");
            self.mistake(word.column, text);
        }
        let mut captured: Vec<String> = Vec::new();
        let mut before: Option<(String, bool)> = None;
        for piece in pieces {
            let shown = match &piece {
                PatternPiece::Name(inside) => match self.capture(word.column, inside) {
                    Some(name) => {
                        captured.push(name);
                        Some((format!("{{{inside}}}"), true))
                    }
                    None => None,
                },
                PatternPiece::Any => Some(("*".to_owned(), false)),
                PatternPiece::Text(_) => None,
            };
            // The first of the two takes as few characters as it may: one, whatever was meant.
            if let (Some((first, true)), Some((second, _))) = (&before, &shown) {
                let text = format!(
                    "{}: nothing stands between {first} and {second}, so {first} would always be one character",
                    word.text
                );
                self.mistake(word.column, text);
            }
            before = shown;
        }
        captured
    }
}
