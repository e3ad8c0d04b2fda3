//! spec/dialogue/script.md · 4.7 Communication
//!
//! The words of the fixtures' language, and the mistakes that can be made in each.
//!
//! Tests: `src/dialogue/script/parser/tests.rs`.

use crate::dialogue::compare::{Comparison, SIGNS};
use crate::dialogue::raw::PlacedWord;
use crate::dialogue::script::{NEEDS, Need, ROW_CHOICES, RowChoice, StepAction, TIME_MAX};
use crate::dialogue::{requirements, sections, variables};
use crate::model::Timestamp;
use crate::model::likeness::{did_you_mean, most_like};
use std::time::Duration;

/// The highest count of `repeat`.
pub(super) const REPEAT_MAX: usize = 100_000;
/// The lines that begin with their word, each as it is written.
pub(super) const LINES: &[(&str, &str)] = &[
    ("section", "section NUMBERS"),
    ("rule", "rule IDS"),
    ("needs", "needs WHAT WORDS"),
    ("within", "within TIME"),
    ("user", "user NAMES"),
    ("let", "let NAME VALUE"),
    (
        "check",
        "check VALUE SIGN VALUE, with = != < <= > >= for the SIGN, or check VALUE within TOLERANCE of VALUE",
    ),
    ("pause", "pause TIME"),
    ("do", "do NAME"),
    ("include", "include FILE"),
];

/// The lines of a connection, each as it is written behind the connection's number.
pub(super) const VERBS: &[(&str, &str)] = &[
    ("connect", "N connect TARGET"),
    (">", "N > INSTRUCTION ARGUMENTS"),
    ("x", "N x BYTES"),
    ("<", "N < WORDS"),
    ("~", "N ~ WORDS"),
    ("await", "N await INSTRUCTION ARGUMENTS < WORDS"),
    ("row", "N row WHICH PATTERN"),
    ("packets", "N packets COUNT SIZES"),
    ("stamp", "N stamp TIME"),
    ("closed", "N closed"),
    ("half", "N half"),
    ("close", "N close"),
    ("silence", "N silence TIME"),
    ("within", "N within TIME …"),
    ("not-before", "N not-before TIME …"),
    ("repeat", "N repeat COUNT …"),
];

/// A mistake in a line: its column, and its text.
pub(super) type Mistake = (usize, String);

/// The mistake of a line whose first word is unknown, or that has not as many words as it needs.
pub(super) fn usage(word: &PlacedWord, known: &[(&str, &str)]) -> Mistake {
    let text = &word.text;
    if let Some((_, usage)) = known.iter().find(|(name, _)| name == text) {
        return (word.column, format!("`{text}` is written: {usage}"));
    }
    let names = LINES.iter().chain(VERBS).map(|(name, _)| *name);
    (
        word.column,
        meant(
            &format!("`{text}` begins no line of this language"),
            text,
            names,
        ),
    )
}

/// The text, and whether another name was meant.
pub(super) fn meant<'a>(
    text: &str,
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    match did_you_mean(&most_like(typed, names)) {
        Some(question) => format!("{text}. {question}"),
        None => text.to_owned(),
    }
}

pub(super) fn user(name: &PlacedWord) -> Result<StepAction, Mistake> {
    named(name)?;
    let value = format!("{{unique:{}}}", name.text);
    Ok(StepAction::Let(name.text.clone(), value))
}

/// Checks that a value may have this name.
pub(super) fn named(name: &PlacedWord) -> Result<(), Mistake> {
    variables::check_name(&name.text).map_err(|text| (name.column, text))
}

pub(super) fn comparison(check: &PlacedWord, words: &[PlacedWord]) -> Result<Comparison, Mistake> {
    match words {
        [sign] => {
            let known = SIGNS.iter().find(|(text, _)| *text == sign.text);
            known
                .map(|(_, comparison)| comparison.clone())
                .ok_or_else(|| {
                    (
                        sign.column,
                        format!("`{}`: a SIGN is one of = != < <= > >=", sign.text),
                    )
                })
        }
        [within, tolerance, of] if within.text == "within" && of.text == "of" => {
            Ok(Comparison::Within(tolerance.text.clone()))
        }
        _ => Err(usage(check, LINES)),
    }
}

pub(super) fn row_choice(word: &PlacedWord) -> Result<RowChoice, Mistake> {
    let known = ROW_CHOICES.iter().find(|(text, _)| *text == word.text);
    if let Some((_, choice)) = known {
        return Ok(*choice);
    }
    let number = word.text.parse().ok().filter(|number| *number > 0);
    number.map(RowChoice::Number).ok_or_else(|| {
        let names: Vec<&str> = ROW_CHOICES.iter().map(|(name, _)| *name).collect();
        let text = format!(
            "{}: no choice of rows, which are {}, or a number from 1",
            word.text,
            names.join(", ")
        );
        (word.column, meant(&text, &word.text, names))
    })
}

pub(super) fn sections(words: &[PlacedWord]) -> Result<Vec<String>, Mistake> {
    let known = |word: &PlacedWord| sections::find(&word.text).is_some();
    match words.iter().find(|word| !known(word)) {
        Some(word) => {
            let text = format!("{}: no section that a dialogue can show", word.text);
            let numbers = sections::SECTIONS.iter().map(|section| section.number);
            Err((word.column, meant(&text, &word.text, numbers)))
        }
        None => Ok(words.iter().map(|word| word.text.clone()).collect()),
    }
}

pub(super) fn rules(words: &[PlacedWord]) -> Result<Vec<String>, Mistake> {
    match words
        .iter()
        .find(|word| !requirements::is_known(&word.text))
    {
        Some(word) => {
            let text = format!(
                "{}: no such requirement; spec/dialogue/requirements.md lists them",
                word.text
            );
            let all = requirements::all();
            let ids = all.iter().map(|requirement| requirement.id.as_str());
            Err((word.column, meant(&text, &word.text, ids)))
        }
        None => Ok(words.iter().map(|word| word.text.clone()).collect()),
    }
}

pub(super) fn need(what: &PlacedWord, words: &[PlacedWord]) -> Result<Need, Mistake> {
    let known = NEEDS.iter().find(|(known, _)| *known == what.text);
    let Some((_, usage)) = known else {
        let text = format!("{}: no such need", what.text);
        let names = NEEDS.iter().map(|(name, _)| *name);
        return Err((what.column, meant(&text, &what.text, names)));
    };
    let good = match (what.text.as_str(), words) {
        ("master-port" | "link", []) | ("market", [_]) => true,
        ("workers" | "updates", [count]) => {
            bounded(count, REPEAT_MAX, "a number")?;
            true
        }
        ("start", [date]) => Timestamp::parse(&date.text).is_ok(),
        ("interval", [time]) => duration(time).map(|_| true)?,
        ("master" | "worker", [pair, ..]) => pair
            .text
            .split_once('=')
            .is_some_and(|(key, _)| !key.is_empty()),
        _ => false,
    };
    if !good {
        return Err((what.column, format!("needs {} {usage}", what.text)));
    }
    Ok(Need {
        what: what.text.clone(),
        words: words.iter().map(|word| word.text.clone()).collect(),
    })
}

pub(super) fn duration(word: &PlacedWord) -> Result<Duration, Mistake> {
    humantime::parse_duration(&word.text)
        .ok()
        .filter(|time| *time <= TIME_MAX)
        .ok_or_else(|| {
            let text = format!(
                "{}: not a time such as 300ms or 5s, up to an hour",
                word.text
            );
            (word.column, text)
        })
}

pub(super) fn bounded(word: &PlacedWord, most: usize, what: &str) -> Result<usize, Mistake> {
    let number = word.text.parse().ok();
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| {
            let text = format!("{}: {what} is 1 to {most}", word.text);
            (word.column, text)
        })
}
