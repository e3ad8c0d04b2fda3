//! spec/dialogue/script.md · 4.7 Communication
//!
//! The language of the fixtures and its parser: one step a line.

use super::raw;
use super::requirements;
use std::fmt;
use std::time::Duration;
use thiserror::Error;

/// A connection's number in a fixture.
pub type ConnectionNumber = u16;

/// The longest time that a line may name.
const TIME_MAX: Duration = Duration::from_secs(3600);
/// The highest count of `repeat`.
const REPEAT_MAX: usize = 100_000;

/// A fixture.
#[derive(Debug, Clone, Default)]
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
    ("start", "DATE: where the replay begins"),
    ("interval", "DURATION: the update interval"),
];

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.words.iter().try_for_each(|word| write!(f, " {word}"))
    }
}

/// A step: one line of a fixture, or one repetition of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// The line's number in the file, from 1.
    pub line: usize,
    /// The line without its comment.
    pub text: String,
    /// The specification's sections that the line covers.
    pub sections: Vec<String>,
    /// The requirements that the line shows, by their IDs.
    pub rules: Vec<String>,
    /// The step's time limit; `None` for the run's.
    pub within: Option<Duration>,
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
}

/// A line that is not of the language.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {text}")]
pub struct ScriptError {
    /// The file's name and the line's number.
    pub place: String,
    /// The reason.
    pub text: String,
}

/// The parser's state: the script so far, and the sections, requirements and time limit that hold
/// for the next lines.
#[derive(Default)]
struct ScriptReader {
    sections: Vec<String>,
    rules: Vec<String>,
    within: Option<Duration>,
    script: Script,
}

impl Script {
    /// Parses a fixture.
    ///
    /// # Errors
    /// The first line that is not of the language.
    pub fn parse(name: &str, text: &str) -> Result<Script, ScriptError> {
        let mut reader = ScriptReader::default();
        reader.script.name = name.to_owned();
        for (index, line) in text.lines().enumerate() {
            let text = raw::without_comment(line).trim();
            if text.is_empty() {
                continue;
            }
            reader.line(index + 1, text).map_err(|text| ScriptError {
                place: format!("{name}:{}", index + 1),
                text,
            })?;
        }
        Ok(reader.script)
    }

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
            | StepAction::Closed(n)
            | StepAction::Half(n)
            | StepAction::Close(n)
            | StepAction::Silence(n, _) => Some(*n),
            StepAction::Pause(_) | StepAction::Do(_) | StepAction::Let(..) => None,
        }
    }
}

impl ScriptReader {
    fn line(&mut self, line: usize, text: &str) -> Result<(), String> {
        let words = raw::words(text);
        let (first, rest) = words.split_first().ok_or("an empty line")?;
        let mut within = self.within;
        let mut times = 1;
        let actions = match (first.as_str(), rest) {
            ("section", rest) => {
                self.sections = sections(rest)?;
                self.rules.clear();
                return Ok(());
            }
            ("rule", rest) => {
                self.rules = rules(rest)?;
                return Ok(());
            }
            ("needs", [what, words @ ..]) => {
                if !NEEDS.iter().any(|(known, _)| known == what) {
                    return Err(format!("{what}: no such need"));
                }
                self.script.needs.push(Need {
                    what: what.clone(),
                    words: words.to_vec(),
                });
                return Ok(());
            }
            ("within", [time]) => {
                self.within = Some(duration(time)?);
                return Ok(());
            }
            ("user", names) if !names.is_empty() => {
                let user =
                    |name: &String| StepAction::Let(name.clone(), format!("{{unique:{name}}}"));
                names.iter().map(user).collect()
            }
            ("let", [name, value]) => vec![StepAction::Let(name.clone(), value.clone())],
            ("pause", [time]) => vec![StepAction::Pause(duration(time)?)],
            ("do", [name]) => vec![StepAction::Do(name.clone())],
            (number, rest) => match number.parse::<ConnectionNumber>() {
                Ok(number) => vec![step(number, rest, &mut within, &mut times)?],
                // A line without a number uses connection 1, so that `> ping` is a whole fixture.
                Err(_) => vec![step(1, &words, &mut within, &mut times)?],
            },
        };
        for action in std::iter::repeat_n(actions, times).flatten() {
            self.script.steps.push(Step {
                line,
                text: text.to_owned(),
                sections: self.sections.clone(),
                rules: self.rules.clone(),
                within,
                action,
            });
        }
        Ok(())
    }
}

fn step(
    number: ConnectionNumber,
    words: &[String],
    within: &mut Option<Duration>,
    times: &mut usize,
) -> Result<StepAction, String> {
    let (verb, rest) = words
        .split_first()
        .ok_or("a connection's number and nothing to do with it")?;
    Ok(match (verb.as_str(), rest) {
        ("within", [time, rest @ ..]) => {
            *within = Some(duration(time)?);
            return step(number, rest, within, times);
        }
        ("repeat", [count, rest @ ..]) => {
            *times = count
                .parse()
                .ok()
                .filter(|n| *n <= REPEAT_MAX)
                .ok_or(format!("{count}: no number of times"))?;
            return step(number, rest, within, times);
        }
        ("connect", [target]) => StepAction::Connect(number, target.clone()),
        (">", [_, ..]) => StepAction::Send(number, rest.to_vec()),
        ("x", [_, ..]) => StepAction::Raw(number, rest.to_vec()),
        ("<", [_, ..]) => StepAction::Expect(number, rest.to_vec()),
        ("~", [_, ..]) => StepAction::Notice(number, rest.to_vec()),
        ("await", rest) => match rest.iter().position(|word| word == "<") {
            Some(at) if at > 0 && at + 1 < rest.len() => {
                StepAction::Await(number, rest[..at].to_vec(), rest[at + 1..].to_vec())
            }
            _ => return Err("await: an instruction, <, and what is expected".to_owned()),
        },
        ("closed", []) => StepAction::Closed(number),
        ("half", []) => StepAction::Half(number),
        ("close", []) => StepAction::Close(number),
        ("silence", [time]) => StepAction::Silence(number, duration(time)?),
        _ => {
            return Err(format!(
                "{verb}: not a line of this language, or not with so many words"
            ));
        }
    })
}

fn sections(words: &[String]) -> Result<Vec<String>, String> {
    let good = |word: &String| word.split('.').all(|part| part.parse::<u8>().is_ok());
    match words.iter().find(|word| !good(word)) {
        _ if words.is_empty() => Err("a section's number is missing".to_owned()),
        Some(word) => Err(format!("{word}: not a section's number")),
        None => Ok(words.to_vec()),
    }
}

fn rules(words: &[String]) -> Result<Vec<String>, String> {
    match words.iter().find(|word| !requirements::is_known(word)) {
        _ if words.is_empty() => Err("a requirement's ID is missing".to_owned()),
        Some(word) => Err(format!(
            "{word}: no such requirement; spec/dialogue/requirements.md lists them"
        )),
        None => Ok(words.to_vec()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .ok()
        .filter(|time| *time <= TIME_MAX)
        .ok_or(format!(
            "{text}: not a time such as 300ms or 5s, up to an hour"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_parsed() {
        let text = "# login, then a purchase\nneeds master-port\nuser alice\nsection 4.6.1 4.6.18\n\
            1 connect worker\n1 > login {alice} {hash:alice} false # comment\nwithin 9s\n1 < sessionID {sid} *\n\
            section 4.4\nrule 4.4-utf-8 login/sessionID\n1 within 2s x 01 0101 \"a b\" # raw\n2 repeat 3 > ping\n1 closed\n1 silence 300ms\n\
            1 half\n1 close\n1 await ping x < pong *\npause 1s\ndo stop-master\n> ping\n";
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
        assert!(at(3).rules.is_empty());
        let pings = script
            .steps
            .iter()
            .filter(|s| matches!(&s.action, StepAction::Send(2, _)))
            .count();
        assert_eq!(pings, 3);
    }

    #[test]
    fn an_invalid_line_is_named_with_its_number() {
        for bad in [
            "hello",
            "1 await ping",
            "1 await < pong",
            "1 await ping <",
            "1",
            "1 connect",
            "1 <",
            "1 silence soon",
            "section",
            "section x",
            "rule",
            "rule 4.4-no-such-rule",
            "needs luck",
            "1 within 2h < x",
            "1 repeat x > ping",
            "do",
            "let a",
            "70000 > ping",
        ] {
            let error = Script::parse("f.pt", &format!("\n{bad}\n")).unwrap_err();
            assert_eq!(error.place, "f.pt:2", "{bad}");
        }
    }
}
