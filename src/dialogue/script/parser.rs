//! spec/dialogue/script.md · 4.7 Communication
//!
//! The parser of the fixtures' language: one step a line, and other files where a line includes
//! them.

use super::{
    ConnectionNumber, MISTAKES_MAX, NEEDS, Need, ROW_CHOICES, RowChoice, Script, ScriptError,
    ScriptErrors, Step, StepAction,
};
use crate::dialogue::compare::{Comparison, SIGNS};
use crate::dialogue::raw::{self, PlacedWord};
use crate::dialogue::report::SECTIONS;
use crate::dialogue::requirements;
use crate::dialogue::variables;
use crate::model::Timestamp;
use crate::model::likeness::{did_you_mean, most_like};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The longest time that a line may name.
const TIME_MAX: Duration = Duration::from_secs(3600);
/// The highest count of `repeat`.
const REPEAT_MAX: usize = 100_000;
/// The most steps of a script.
const STEPS_MAX: usize = 500_000;
/// How deep files may include each other.
const INCLUDE_DEPTH_MAX: usize = 8;
/// The most files that a script includes, those counted that are included again.
const INCLUDES_MAX: usize = 200;

/// The lines that begin with their word, each as it is written.
const LINES: &[(&str, &str)] = &[
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
const VERBS: &[(&str, &str)] = &[
    ("connect", "N connect TARGET"),
    (">", "N > INSTRUCTION ARGUMENTS"),
    ("x", "N x BYTES"),
    ("<", "N < WORDS"),
    ("~", "N ~ WORDS"),
    ("await", "N await INSTRUCTION ARGUMENTS < WORDS"),
    ("row", "N row WHICH PATTERN"),
    ("packets", "N packets COUNT SIZES"),
    ("closed", "N closed"),
    ("half", "N half"),
    ("close", "N close"),
    ("silence", "N silence TIME"),
    ("within", "N within TIME …"),
    ("not-before", "N not-before TIME …"),
    ("repeat", "N repeat COUNT …"),
];

/// A mistake in a line: its column, and its text.
type Mistake = (usize, String);

/// Reads the text of a file that is included.
type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// The parser's state: the script so far, and the sections, requirements and time limit that hold
/// for the next lines.
struct Parser<'a> {
    read: ReadFile<'a>,
    script: Script,
    sections: Vec<String>,
    rules: Vec<String>,
    within: Option<Duration>,
    mistakes: ScriptErrors,
    /// The files that are being read, the outermost first.
    open: Vec<PathBuf>,
    /// The number of files that were included.
    included: usize,
}

impl Script {
    /// Parses a fixture that includes no other file.
    ///
    /// # Errors
    /// The lines that are not of the language.
    pub fn parse(name: &str, text: &str) -> Result<Script, ScriptErrors> {
        let none = |_: &Path| Err("here no other file can be included".to_owned());
        Script::parse_with(name, text, &none)
    }

    /// Parses a fixture. `read` returns the text of a file that a line includes, by its path
    /// relative to the folder to which `name` is relative.
    ///
    /// # Errors
    /// The lines that are not of the language, those of included files among them.
    pub fn parse_with(
        name: &str,
        text: &str,
        read: &dyn Fn(&Path) -> Result<String, String>,
    ) -> Result<Script, ScriptErrors> {
        let mut parser = Parser {
            read,
            script: Script {
                name: name.to_owned(),
                ..Script::default()
            },
            sections: Vec::new(),
            rules: Vec::new(),
            within: None,
            mistakes: ScriptErrors::default(),
            open: Vec::new(),
            included: 0,
        };
        parser.file(PathBuf::from(name), text);
        parser.mistakes.or(parser.script)
    }
}

impl Parser<'_> {
    /// Reads the lines of a file.
    fn file(&mut self, path: PathBuf, text: &str) {
        let name: Arc<str> = path.display().to_string().into();
        self.open.push(path);
        for (index, line) in text.lines().enumerate() {
            let line = raw::without_comment(line).trim_end();
            let words = raw::placed_words(line);
            let outcome = match raw::open_quote(line) {
                Some(column) => Err((column, "a quote that is not closed".to_owned())),
                None => self.line(&name, index + 1, line.trim_start(), &words),
            };
            if let Err((column, text)) = outcome {
                self.mistakes.add(ScriptError {
                    file: name.to_string(),
                    line: index + 1,
                    column,
                    text,
                });
            }
            // What is left out of an endless file says nothing new.
            if self.mistakes.more > MISTAKES_MAX {
                break;
            }
        }
        self.open.pop();
    }

    fn line(
        &mut self,
        file: &Arc<str>,
        line: usize,
        text: &str,
        words: &[PlacedWord],
    ) -> Result<(), Mistake> {
        let Some((first, rest)) = words.split_first() else {
            return Ok(());
        };
        let mut step = Step {
            file: Arc::clone(file),
            line,
            column: first.column,
            text: text.to_owned(),
            sections: Vec::new(),
            rules: Vec::new(),
            within: self.within,
            not_before: None,
            action: StepAction::Pause(Duration::ZERO),
        };
        let mut times = 1;
        let actions = match (first.text.as_str(), rest) {
            ("section", [_, ..]) => {
                self.sections = sections(rest)?;
                self.rules.clear();
                return Ok(());
            }
            ("rule", [_, ..]) => {
                self.rules = rules(rest)?;
                return Ok(());
            }
            ("needs", [what, words @ ..]) => {
                self.script.needs.push(need(what, words)?);
                return Ok(());
            }
            ("within", [time]) => {
                self.within = Some(duration(time)?);
                return Ok(());
            }
            ("include", [path]) => return self.include(path),
            ("user", names @ [_, ..]) => names.iter().map(user).collect::<Result<_, _>>()?,
            ("let", [name, value]) => {
                named(name)?;
                vec![StepAction::Let(name.text.clone(), value.text.clone())]
            }
            ("check", [left, sign @ .., right]) => vec![StepAction::Check(
                left.text.clone(),
                comparison(first, sign)?,
                right.text.clone(),
            )],
            ("pause", [time]) => vec![StepAction::Pause(duration(time)?)],
            ("do", [name]) => vec![StepAction::Do(name.text.clone())],
            (word, _) if LINES.iter().any(|(known, _)| *known == word) => {
                return Err(usage(first, LINES));
            }
            (number, rest) => match number.parse::<ConnectionNumber>() {
                Ok(number) => vec![action(number, first, rest, &mut step, &mut times)?],
                Err(_) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                    let text = format!("{number}: a connection's number is 0 to 65535");
                    return Err((first.column, text));
                }
                // A line without a number uses connection 1, so that `> ping` is a whole fixture.
                Err(_) => vec![action(1, first, words, &mut step, &mut times)?],
            },
        };
        if self.script.steps.len() + actions.len().saturating_mul(times) > STEPS_MAX {
            return Err((
                first.column,
                format!("a script has at most {STEPS_MAX} steps"),
            ));
        }
        step.sections.clone_from(&self.sections);
        step.rules.clone_from(&self.rules);
        for section in self
            .rules
            .iter()
            .filter_map(|id| requirements::section_of(id))
        {
            if !step.sections.contains(&section) {
                step.sections.push(section);
            }
        }
        for action in std::iter::repeat_n(actions, times).flatten() {
            self.script.steps.push(Step {
                action,
                ..step.clone()
            });
        }
        Ok(())
    }

    /// Reads another file as if its lines stood here.
    fn include(&mut self, file: &PlacedWord) -> Result<(), Mistake> {
        let mistake = |text: &str| (file.column, format!("{}: {text}", file.text));
        let relative = Path::new(&file.text);
        if relative.is_absolute() {
            return Err(mistake(
                "a file is included by its path from the folder of this one",
            ));
        }
        let folder = self.open.last().and_then(|path| path.parent());
        let path = plain(&folder.unwrap_or(Path::new("")).join(relative));
        if self.open.iter().any(|open| plain(open) == path) {
            return Err(mistake("this file is being read: it would include itself"));
        }
        if self.open.len() > INCLUDE_DEPTH_MAX {
            return Err(mistake(&format!(
                "files include each other at most {INCLUDE_DEPTH_MAX} deep"
            )));
        }
        if self.included >= INCLUDES_MAX {
            return Err(mistake(&format!(
                "a script includes at most {INCLUDES_MAX} files"
            )));
        }
        self.included += 1;
        let text = (self.read)(&path).map_err(|why| mistake(&why))?;
        self.file(path, &text);
        Ok(())
    }
}

/// The path without `.`, and without `..` behind a folder: two names of a file become one.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// The action of a connection's line. Its modifiers change `step` and `times`. `words` stand behind
/// `before`, the connection's number.
fn action(
    number: ConnectionNumber,
    before: &PlacedWord,
    words: &[PlacedWord],
    step: &mut Step,
    times: &mut usize,
) -> Result<StepAction, Mistake> {
    let mut words = words;
    loop {
        words = match words {
            [verb, time, rest @ ..] if verb.text == "within" => {
                step.within = Some(duration(time)?);
                rest
            }
            [verb, time, rest @ ..] if verb.text == "not-before" => {
                step.not_before = Some(time.text.clone());
                waits(verb, rest)?;
                rest
            }
            [verb, count, rest @ ..] if verb.text == "repeat" => {
                *times = bounded(count, REPEAT_MAX, "a number of times")?;
                rest
            }
            _ => break,
        };
    }
    let Some((verb, rest)) = words.split_first() else {
        let text = "a connection's number, and nothing to do with it".to_owned();
        return Err((before.column, text));
    };
    let texts = || rest.iter().map(|word| word.text.clone()).collect();
    Ok(match (verb.text.as_str(), rest) {
        ("connect", [target]) => StepAction::Connect(number, target.text.clone()),
        (">", [_, ..]) => StepAction::Send(number, texts()),
        ("x", [_, ..]) => StepAction::Raw(number, texts()),
        ("<", [_, ..]) => StepAction::Expect(number, texts()),
        ("~", [_, ..]) => StepAction::Notice(number, texts()),
        ("await", _) => {
            let sign = rest.iter().position(|word| word.text == "<");
            let parts = sign.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?)));
            match parts {
                Some((request @ [_, ..], answer @ [_, ..])) => {
                    let texts =
                        |words: &[PlacedWord]| words.iter().map(|word| word.text.clone()).collect();
                    StepAction::Await(number, texts(request), texts(answer))
                }
                _ => return Err(usage(verb, VERBS)),
            }
        }
        ("row", [choice, pattern]) => {
            StepAction::Row(number, row_choice(choice)?, pattern.text.clone())
        }
        ("packets", [_, ..]) => StepAction::Packets(number, texts()),
        ("stamp", [time]) => StepAction::Stamp(number, time.text.clone()),
        ("closed", []) => StepAction::Closed(number),
        ("half", []) => StepAction::Half(number),
        ("close", []) => StepAction::Close(number),
        ("silence", [time]) => StepAction::Silence(number, duration(time)?),
        _ => return Err(usage(verb, VERBS)),
    })
}

/// Checks that the action behind `not-before` waits for a message or an end.
fn waits(verb: &PlacedWord, rest: &[PlacedWord]) -> Result<(), Mistake> {
    let action = rest
        .iter()
        .find(|word| VERBS.iter().any(|(known, _)| *known == word.text));
    match action.map(|word| word.text.as_str()) {
        Some("<" | "~" | "closed" | "within" | "not-before" | "repeat") => Ok(()),
        _ => Err((
            verb.column,
            "not-before stands before <, ~ or closed, which wait for something".to_owned(),
        )),
    }
}

/// The mistake of a line whose first word is unknown, or that has not as many words as it needs.
fn usage(word: &PlacedWord, known: &[(&str, &str)]) -> Mistake {
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
fn meant<'a>(text: &str, typed: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    match did_you_mean(&most_like(typed, names)) {
        Some(question) => format!("{text}. {question}"),
        None => text.to_owned(),
    }
}

fn user(name: &PlacedWord) -> Result<StepAction, Mistake> {
    named(name)?;
    let value = format!("{{unique:{}}}", name.text);
    Ok(StepAction::Let(name.text.clone(), value))
}

/// Checks that a value may have this name.
fn named(name: &PlacedWord) -> Result<(), Mistake> {
    variables::check_name(&name.text).map_err(|text| (name.column, text))
}

fn comparison(check: &PlacedWord, words: &[PlacedWord]) -> Result<Comparison, Mistake> {
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

fn row_choice(word: &PlacedWord) -> Result<RowChoice, Mistake> {
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

fn sections(words: &[PlacedWord]) -> Result<Vec<String>, Mistake> {
    let known = |word: &PlacedWord| SECTIONS.iter().any(|(number, _)| *number == word.text);
    match words.iter().find(|word| !known(word)) {
        Some(word) => {
            let text = format!("{}: no section that a dialogue can show", word.text);
            let numbers = SECTIONS.iter().map(|(number, _)| *number);
            Err((word.column, meant(&text, &word.text, numbers)))
        }
        None => Ok(words.iter().map(|word| word.text.clone()).collect()),
    }
}

fn rules(words: &[PlacedWord]) -> Result<Vec<String>, Mistake> {
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

fn need(what: &PlacedWord, words: &[PlacedWord]) -> Result<Need, Mistake> {
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

fn duration(word: &PlacedWord) -> Result<Duration, Mistake> {
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

fn bounded(word: &PlacedWord, most: usize, what: &str) -> Result<usize, Mistake> {
    let number = word.text.parse().ok();
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| {
            let text = format!("{}: {what} is 1 to {most}", word.text);
            (word.column, text)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_kind_of_line_is_parsed() {
        let text = "# login, then a purchase\nneeds master-port\nuser alice\nsection 4.6.1 4.6.18\n\
            1 connect worker\n1 > login {alice} {hash:alice} false # comment\nwithin 9s\n1 < sessionID {sid} *\n\
            section 4.4\nrule 4.4-utf-8 login/sessionID\n1 within 2s x 01 0101 \"a b\" # raw\n2 repeat 3 > ping\n1 closed\n1 silence 300ms\n\
            1 half\n1 close\n1 await ping x < pong *\npause 1s\ndo stop-master\n> ping\n\
            check {a} within 5s of {b}\nsection 4.4\ncheck {a} != 1\n1 row last {r},*\nrow 12 x\n1 packets 2 8192 {rest...}\n\
            1 within 2s not-before {t} < pong\n1 not-before 2013-03-01 closed\n";
        let script = Script::parse("example.pt", text).unwrap();
        assert_eq!(script.needs[0].to_string(), "master-port");
        assert_eq!(script.hooks().collect::<Vec<_>>(), ["stop-master"]);
        let at = |i: usize| &script.steps[i];
        assert_eq!(
            at(0).action,
            StepAction::Let("alice".into(), "{unique:alice}".into())
        );
        assert_eq!(at(2).sections, ["4.6.1", "4.6.18"]);
        assert_eq!(
            (at(2).within, at(3).within),
            (None, Some(Duration::from_secs(9)))
        );
        assert_eq!(
            (at(4).within, at(4).line),
            (Some(Duration::from_secs(2)), 11)
        );
        assert_eq!(at(4).rules, ["4.4-utf-8", "login/sessionID"]);
        assert_eq!(at(4).sections, ["4.4", "4.6.1"]);
        assert!(at(3).rules.is_empty());
        let pings = script
            .steps
            .iter()
            .filter(|s| matches!(&s.action, StepAction::Send(2, _)))
            .count();
        assert_eq!(pings, 3);
        let last = script.steps.last().unwrap();
        assert_eq!(last.not_before.as_deref(), Some("2013-03-01"));
        // As it is printed, it is parsed again.
        let printed = script.to_string();
        let again = Script::parse("example.pt", &printed).unwrap();
        assert_eq!(without_places(again), without_places(script), "{printed}");
    }

    /// A script whose steps say nothing of where their lines stand.
    fn without_places(script: Script) -> Script {
        let steps = script.steps.into_iter().map(|step| Step {
            line: 0,
            column: 0,
            text: String::new(),
            file: "".into(),
            ..step
        });
        Script {
            steps: steps.collect(),
            ..script
        }
    }

    #[test]
    fn every_mistake_of_a_line_is_told_with_its_place() {
        let mut other = Vec::new();
        for (bad, column, part) in [
            ("hello", 1, "begins no line"),
            ("1 expct pong", 3, "`expct` begins no line"),
            ("1 slience 5s", 3, "Did you mean silence?"),
            ("secton 4.4", 1, "Did you mean section?"),
            ("1 await ping", 3, "N await INSTRUCTION ARGUMENTS < WORDS"),
            ("1 await < pong", 3, "await"),
            ("1 await ping <", 3, "await"),
            ("  1", 3, "nothing to do with it"),
            ("1 connect", 3, "N connect TARGET"),
            ("1 <", 3, "N < WORDS"),
            ("1 closed now", 3, "N closed"),
            ("1 silence soon", 11, "soon: not a time"),
            ("1 within 2h < x", 10, "2h: not a time"),
            ("within 61m", 8, "up to an hour"),
            ("section", 1, "section NUMBERS"),
            ("section 4.4 x", 13, "x: no section"),
            ("section 4.6.81", 9, "Did you mean"),
            ("rule", 1, "rule IDS"),
            ("rule 4.4-utf8", 6, "Did you mean 4.4-utf-8?"),
            ("needs luck", 7, "luck: no such need"),
            ("needs worker", 7, "KEY=VALUE"),
            ("needs workers two", 15, "a number is 1 to"),
            ("needs wokers 2", 7, "Did you mean workers or worker?"),
            ("needs start soon", 7, "DATE"),
            ("needs interval soon", 16, "soon: not a time"),
            ("needs updates 0", 15, "a number is 1 to"),
            ("1 repeat x > ping", 10, "a number of times is 1 to 100000"),
            ("1 repeat 0 > ping", 10, "a number of times is 1 to 100000"),
            ("1 repeat 100001 > ping", 10, "a number of times"),
            ("do", 1, "do NAME"),
            ("let a", 1, "let NAME VALUE"),
            ("let a:b 1", 5, "a value's name"),
            ("user alice now", 12, "has a value of this name already"),
            ("70000 > ping", 1, "0 to 65535"),
            ("check {a} {b}", 1, "check VALUE SIGN VALUE"),
            ("check {a} =< {b}", 11, "a SIGN is one of"),
            ("check {a} within 5s {b}", 1, "within TOLERANCE of"),
            ("1 row frist x", 7, "Did you mean first?"),
            ("1 row 0 x", 7, "no choice of rows"),
            ("1 row each a b", 3, "N row WHICH PATTERN"),
            ("1 packets", 3, "N packets COUNT SIZES"),
            ("1 not-before {t} > ping", 3, "not-before stands before"),
            ("1 not-before {t}", 3, "not-before stands before"),
            ("1 x \"a", 5, "a quote that is not closed"),
            ("include x.pt", 9, "no other file"),
            ("include", 1, "include FILE"),
        ] {
            let mistakes = Script::parse("f.pt", &format!("\n{bad}\n")).unwrap_err();
            let text = mistakes.to_string();
            let place = format!("f.pt:2:{column}: ");
            if mistakes.told.len() != 1 || !text.starts_with(&place) || !text.contains(part) {
                other.push(format!("{bad}: {column} {part}\n  {text}"));
            }
        }
        assert!(other.is_empty(), "{}", other.join("\n"));
    }

    #[test]
    fn all_mistakes_are_told_up_to_a_number() {
        let mistakes = Script::parse("f.pt", "hello\n> ping\nneeds luck\n").unwrap_err();
        let lines: Vec<usize> = mistakes.told.iter().map(|m| m.line).collect();
        assert_eq!((lines, mistakes.more), (vec![1, 3], 0));
        let mistakes = Script::parse("f.pt", &"hello\n".repeat(22)).unwrap_err();
        assert_eq!((mistakes.told.len(), mistakes.more), (MISTAKES_MAX, 2));
        assert!(mistakes.to_string().ends_with("\nand 2 mistakes more"));
        let steps = "repeat 100000 > ping\n".repeat(6);
        let mistakes = Script::parse("f.pt", &steps).unwrap_err();
        assert_eq!(mistakes.told[0].line, 6, "{mistakes}");
    }

    /// Parses the first of these files. The others can be included.
    fn with_files(files: &[(&str, &str)]) -> Result<Script, ScriptErrors> {
        let all: BTreeMap<PathBuf, &str> = files
            .iter()
            .map(|(name, text)| (PathBuf::from(name), *text))
            .collect();
        let read = |path: &Path| {
            let text = all.get(path).ok_or("no such file")?;
            Ok((*text).to_owned())
        };
        Script::parse_with(files[0].0, files[0].1, &read)
    }

    #[test]
    fn an_included_file_stands_in_the_place_of_its_line() {
        let script = with_files(&[
            ("d/a.pt", "section 4.4\ninclude common/b.pt\n> pong\n"),
            ("d/common/b.pt", "within 9s\n> ping\ninclude ../c.pt"),
            ("d/c.pt", "needs master-port\nsection 4.6.1\nclose"),
        ])
        .unwrap();
        let shown: Vec<_> = script
            .steps
            .iter()
            .map(|step| (&*step.file, step.line, step.sections[0].as_str()))
            .collect();
        let expected = [
            ("d/common/b.pt", 2, "4.4"),
            ("d/c.pt", 3, "4.6.1"),
            ("d/a.pt", 3, "4.6.1"),
        ];
        assert_eq!(shown, expected);
        assert_eq!(script.steps[2].within, Some(Duration::from_secs(9)));
        assert_eq!(script.needs.len(), 1);
    }

    #[test]
    fn files_that_cannot_be_included_are_mistakes() {
        let told = |files: &[(&str, &str)]| with_files(files).unwrap_err().to_string();
        assert_eq!(
            told(&[("a.pt", "> ping\ninclude b.pt")]),
            "a.pt:2:9: b.pt: no such file"
        );
        let inside = told(&[("a.pt", "include b.pt"), ("b.pt", "\nhello")]);
        assert!(inside.starts_with("b.pt:2:1: `hello`"), "{inside}");
        let circle = told(&[
            ("d/a.pt", "include b.pt"),
            ("d/b.pt", "include ../d/./a.pt"),
        ]);
        assert!(
            circle.starts_with("d/b.pt:1:9: ../d/./a.pt: this file"),
            "{circle}"
        );
        let whole = told(&[("a.pt", "include /etc/passwd")]);
        assert!(whole.contains("from the folder of this one"), "{whole}");
        let names: Vec<(String, String)> = (0..12)
            .map(|n| (format!("{n}"), format!("include {}", n + 1)))
            .collect();
        let files: Vec<(&str, &str)> = names.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert!(told(&files).contains("at most 8 deep"));
        let many = "include b.pt\n".repeat(201);
        let many = told(&[("a.pt", &many), ("b.pt", "> ping")]);
        assert!(many.starts_with("a.pt:201:9"), "{many}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any_script()) {
            if let Ok(script) = Script::parse("f.pt", &text) {
                let _ = script.check(&crate::dialogue::Variables::new());
                let printed = script.to_string();
                let again = Script::parse("f.pt", &printed).unwrap();
                prop_assert_eq!(without_places(again), without_places(script), "{}", printed);
            }
        }
    }

    /// Lines made of the language's words, of words in braces and of anything else.
    fn any_script() -> impl Strategy<Value = String> {
        let known: Vec<&str> = LINES
            .iter()
            .chain(VERBS)
            .map(|(name, _)| *name)
            .chain([
                "1",
                "2",
                "5s",
                "1500us",
                "=",
                "within",
                "of",
                "4.4",
                "4.6.1",
                "ping",
                "pong",
                "data",
                "Bars",
                "count=2",
                "{a}",
                "{a...}",
                "{hash:a}",
                "{cost:1:a}",
                "*",
                "each",
                "worker",
                "\"a b\"",
                "01ff",
                "\\s",
                "loginFail",
                "scope",
                "market",
                "# x",
            ])
            .collect();
        let word = prop_oneof![
            6 => proptest::sample::select(known).prop_map(str::to_owned),
            1 => "\\PC{0,6}",
            1 => "[{}*:\\\\\"a. ]{0,6}",
        ];
        let line = proptest::collection::vec(word, 0..7).prop_map(|words| words.join(" "));
        proptest::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
    }
}
