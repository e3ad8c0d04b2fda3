//! spec/dialogue/script.md · 4.7 Communication
//!
//! The parser of the fixtures' language: one step a line, and other files where a line includes
//! them.

mod words;

use super::{ConnectionNumber, MISTAKES_MAX, Script, ScriptError, ScriptErrors, Step, StepAction};
use crate::dialogue::raw::{self, PlacedWord};
use crate::dialogue::requirements;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use words::{
    LINES, Mistake, REPEAT_MAX, VERBS, bounded, comparison, duration, named, need, row_choice,
    rules, sections, usage, user,
};

/// The most steps of a script.
const STEPS_MAX: usize = 500_000;
/// How deep files may include each other.
const INCLUDE_DEPTH_MAX: usize = 8;
/// The most files that a script includes, those counted that are included again.
const INCLUDES_MAX: usize = 200;

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

    /// Whether a line of the text includes another file.
    pub fn has_includes(text: &str) -> bool {
        text.lines()
            .any(|line| line.split_whitespace().next() == Some("include"))
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
        if self.setting(first, rest)? {
            return Ok(());
        }
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
            (word, rest) if is_of_its_own(word, rest) => {
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
            if !step.sections.iter().any(|other| other == section) {
                step.sections.push(section.to_owned());
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

    /// Reads a line that is no step but holds for others, and tells whether it is one.
    fn setting(&mut self, first: &PlacedWord, rest: &[PlacedWord]) -> Result<bool, Mistake> {
        match (first.text.as_str(), rest) {
            ("section", [_, ..]) => {
                self.sections = sections(rest)?;
                self.rules.clear();
            }
            ("rule", [_, ..]) => self.rules = rules(rest)?,
            ("needs", [what, words @ ..]) => self.script.needs.push(need(what, words)?),
            ("within", [time]) => self.within = Some(duration(time)?),
            ("include", [path]) => self.include(path)?,
            _ => return Ok(false),
        }
        Ok(true)
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

/// Whether a line is of no connection. `within TIME` may also stand before an action.
fn is_of_its_own(word: &str, rest: &[PlacedWord]) -> bool {
    LINES.iter().any(|(known, _)| *known == word) && !(word == "within" && rest.len() > 1)
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

#[cfg(test)]
mod tests;
