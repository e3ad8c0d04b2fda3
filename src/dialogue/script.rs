//! spec/dialogue/script.md · 4.7 Communication
//!
//! The language of the fixtures: what a script consists of, and how it is written.
//!
//! Tests: `src/dialogue/script/parser/tests.rs`.

mod parser;

use super::compare::Comparison;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// The longest time that a line may name.
pub const TIME_MAX: Duration = Duration::from_secs(3600);

/// A connection's number in a fixture.
pub type ConnectionNumber = u16;

/// The most mistakes of a script that are told; of the others the number.
pub const MISTAKES_MAX: usize = 20;

/// A fixture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// The fixture's name in reports: its file name.
    pub name: String,
    /// The requirements beyond a plain deployment.
    pub needs: Vec<Need>,
    pub steps: Vec<Step>,
}

/// A requirement that a plain deployment does not meet: `needs WHAT WORDS…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The kind of requirement, one of [`NEEDS`].
    pub what: String,
    /// The words after the kind.
    pub words: Vec<String>,
}

/// The kinds of requirements, each with the meaning of its words.
pub const NEEDS: &[(&str, &str)] = &[
    (
        "master-port",
        "no words: the master's own port can be reached",
    ),
    (
        "market",
        "NAME: the sample market (`sample`), or the folder of that name beside the fixtures",
    ),
    (
        "master",
        "KEY=VALUE: in the master's configuration, in TOML",
    ),
    (
        "worker",
        "KEY=VALUE: in every worker's configuration, in TOML",
    ),
    ("workers", "NUMBER: so many workers"),
    (
        "link",
        "no words: the configuration and keys of a registered worker that does not run",
    ),
    ("start", "DATE: where the replay begins"),
    ("interval", "TIME: the update interval"),
    (
        "updates",
        "NUMBER: the market makes at least so many updates from now on",
    ),
];

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.words.iter().try_for_each(|word| write!(f, " {word}"))
    }
}

/// A step: one line of a fixture, or one repetition of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file of the line: the fixture's name, or that of a file that it includes.
    pub file: Arc<str>,
    /// The line's number in the file, from 1.
    pub line: usize,
    /// The column of its first character that is no white space, from 1.
    pub column: usize,
    /// The line without its comment.
    pub text: String,
    /// The specification's sections that the line covers.
    pub sections: Vec<String>,
    /// The requirements that the line shows, by their IDs.
    pub rules: Vec<String>,
    /// The step's time limit; `None` for the run's.
    pub within: Option<Duration>,
    /// The time before which the message or the end must not come, as the line writes it.
    pub not_before: Option<String>,
    pub action: StepAction,
}

/// The action of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepAction {
    /// `N connect TARGET`
    Connect(ConnectionNumber, String),
    /// `N > INSTRUCTION ARGUMENTS`
    Send(ConnectionNumber, Vec<String>),
    /// `N x BYTES`
    Raw(ConnectionNumber, Vec<String>),
    /// `N < WORDS`: expects the next message.
    Expect(ConnectionNumber, Vec<String>),
    /// `N ~ WORDS`: expects the next `transactionQueued`, before or after other messages.
    Notice(ConnectionNumber, Vec<String>),
    /// `N await INSTRUCTION ARGUMENTS < WORDS`: repeats a request until its answer matches.
    Await(ConnectionNumber, Vec<String>, Vec<String>),
    /// `N row WHICH PATTERN`: expects rows of the `data` message that was expected last.
    Row(ConnectionNumber, RowChoice, String),
    /// `N packets COUNT SIZES`: expects that the message that was expected last came in such
    /// packets.
    Packets(ConnectionNumber, Vec<String>),
    /// `N stamp TIME`: the time of the messages that follow on a link.
    Stamp(ConnectionNumber, String),
    /// `N closed`: expects that the server closes the connection and sends nothing before that.
    Closed(ConnectionNumber),
    /// `N half`: closes the sending side.
    Half(ConnectionNumber),
    /// `N close`: closes the connection.
    Close(ConnectionNumber),
    /// `N silence TIME`: expects no message for that long.
    Silence(ConnectionNumber, Duration),
    /// `pause TIME`
    Pause(Duration),
    /// `do NAME`: runs a hook of the [`super::Dialer`].
    Do(String),
    /// `let NAME VALUE`: sets a value that is not set yet.
    Let(String, String),
    /// `check LEFT SIGN RIGHT`: expects that two values compare so.
    Check(String, Comparison, String),
}

/// Which rows of a `data` message a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowChoice {
    First,
    Last,
    /// The row of this number, from 1.
    Number(usize),
    /// The one row that matches: not none, not two.
    One,
    /// At least one row matches.
    Any,
    /// No row matches.
    None,
    /// Every row matches.
    Each,
    /// Every row matches, and the one value that the pattern captures never falls.
    Ascending,
    /// Every row matches, and the one value that the pattern captures never rises.
    Descending,
}

/// The words of [`RowChoice`], but for the numbers.
pub const ROW_CHOICES: &[(&str, RowChoice)] = &[
    ("first", RowChoice::First),
    ("last", RowChoice::Last),
    ("one", RowChoice::One),
    ("any", RowChoice::Any),
    ("none", RowChoice::None),
    ("each", RowChoice::Each),
    ("ascending", RowChoice::Ascending),
    ("descending", RowChoice::Descending),
];

impl RowChoice {
    /// Whether what the pattern captures is a value from then on.
    pub fn captures(self) -> bool {
        match self {
            RowChoice::First
            | RowChoice::Last
            | RowChoice::Number(_)
            | RowChoice::One
            | RowChoice::Any => true,
            RowChoice::None | RowChoice::Each | RowChoice::Ascending | RowChoice::Descending => {
                false
            }
        }
    }
}

impl fmt::Display for RowChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let RowChoice::Number(number) = self {
            return write!(f, "{number}");
        }
        let word = ROW_CHOICES.iter().find(|(_, choice)| choice == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// A mistake in a script.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {text}")]
pub struct ScriptError {
    pub file: String,
    /// The line's number in the file, from 1.
    pub line: usize,
    /// The column in the line, in characters, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// The mistakes of a script, in the order of its lines: at least one. Its text has a line for each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Error)]
pub struct ScriptErrors {
    /// At most [`MISTAKES_MAX`].
    pub told: Vec<ScriptError>,
    /// The number of mistakes beyond those.
    pub more: usize,
}

impl ScriptErrors {
    /// Adds a mistake. One that has been told already counts once.
    pub fn add(&mut self, mistake: ScriptError) {
        if self.told.contains(&mistake) {
            return;
        }
        if self.told.len() < MISTAKES_MAX {
            self.told.push(mistake);
        } else {
            self.more += 1;
        }
    }

    /// Adds the mistakes of another script.
    pub fn add_all(&mut self, other: ScriptErrors) {
        for mistake in other.told {
            self.add(mistake);
        }
        self.more += other.more;
    }

    /// `value` where there is no mistake.
    ///
    /// # Errors
    /// The mistakes.
    pub fn or<T>(self, value: T) -> Result<T, ScriptErrors> {
        if self.told.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for ScriptErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.told.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{mistake}")?;
        }
        match self.more {
            0 => Ok(()),
            1 => f.write_str("\nand one mistake more"),
            more => write!(f, "\nand {more} mistakes more"),
        }
    }
}

impl Script {
    /// Whether the script expects this connection's notices with `~`, apart from its replies.
    pub fn has_notices(&self, number: ConnectionNumber) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(&step.action, StepAction::Notice(n, _) if *n == number))
    }

    /// The names of the hooks that the script runs.
    pub fn hooks(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.action {
            StepAction::Do(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

impl StepAction {
    /// The number of the connection that the action uses.
    pub fn connection(&self) -> Option<ConnectionNumber> {
        match self {
            StepAction::Connect(n, _)
            | StepAction::Send(n, _)
            | StepAction::Raw(n, _)
            | StepAction::Expect(n, _)
            | StepAction::Notice(n, _)
            | StepAction::Await(n, ..)
            | StepAction::Row(n, ..)
            | StepAction::Packets(n, _)
            | StepAction::Stamp(n, _)
            | StepAction::Closed(n)
            | StepAction::Half(n)
            | StepAction::Close(n)
            | StepAction::Silence(n, _) => Some(*n),
            StepAction::Pause(_)
            | StepAction::Do(_)
            | StepAction::Let(..)
            | StepAction::Check(..) => None,
        }
    }
}

/// The action without its connection's number.
impl fmt::Display for StepAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, verb: &str, words: &[String]| {
            write!(f, "{verb} {}", words.join(" "))
        };
        match self {
            StepAction::Connect(_, target) => write!(f, "connect {target}"),
            StepAction::Send(_, words) => line(f, ">", words),
            StepAction::Raw(_, words) => line(f, "x", words),
            StepAction::Expect(_, words) => line(f, "<", words),
            StepAction::Notice(_, words) => line(f, "~", words),
            StepAction::Await(_, words, answer) => {
                line(f, "await", words)?;
                line(f, " <", answer)
            }
            StepAction::Row(_, choice, pattern) => write!(f, "row {choice} {pattern}"),
            StepAction::Packets(_, words) => line(f, "packets", words),
            StepAction::Stamp(_, time) => write!(f, "stamp {time}"),
            StepAction::Closed(_) => f.write_str("closed"),
            StepAction::Half(_) => f.write_str("half"),
            StepAction::Close(_) => f.write_str("close"),
            StepAction::Silence(_, time) => write!(f, "silence {}", written(*time)),
            StepAction::Pause(time) => write!(f, "pause {}", written(*time)),
            StepAction::Do(name) => write!(f, "do {name}"),
            StepAction::Let(name, value) => write!(f, "let {name} {value}"),
            StepAction::Check(left, sign, right) => write!(f, "check {left} {sign} {right}"),
        }
    }
}

/// The script in its own language, a line for each step: what was included stands in its place, and
/// what is repeated stands as often. Parsed again, it is the same but for its lines' places.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for need in &self.needs {
            writeln!(f, "needs {need}")?;
        }
        let (none, mut within) = (Vec::new(), None);
        let (mut sections, mut rules) = (&none, &none);
        for step in &self.steps {
            // A `section` line ends what a `rule` line said.
            if &step.sections != sections || (step.rules.is_empty() && !rules.is_empty()) {
                (sections, rules) = (&step.sections, &none);
                writeln!(f, "section {}", sections.join(" "))?;
            }
            if &step.rules != rules {
                rules = &step.rules;
                writeln!(f, "rule {}", rules.join(" "))?;
            }
            match step.action.connection() {
                Some(number) => {
                    write!(f, "{number} ")?;
                    if let Some(time) = step.within {
                        write!(f, "within {} ", written(time))?;
                    }
                    if let Some(time) = &step.not_before {
                        write!(f, "not-before {time} ")?;
                    }
                }
                None if step.within != within => {
                    within = step.within;
                    if let Some(time) = within {
                        writeln!(f, "within {}", written(time))?;
                    }
                }
                None => {}
            }
            writeln!(f, "{}", step.action)?;
        }
        Ok(())
    }
}

/// A time as a line writes it.
fn written(time: Duration) -> String {
    if time.subsec_nanos().is_multiple_of(1_000_000) {
        format!("{}ms", time.as_millis())
    } else {
        format!("{}ns", time.as_nanos())
    }
}
