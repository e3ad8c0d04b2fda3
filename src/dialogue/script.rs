//! spec/dialogue/script.md · 4.7 Communication
//!
//! The language of the fixtures: one step a line.

use super::raw;
use std::fmt;
use std::time::Duration;
use thiserror::Error;

/// The number by which a fixture tells its connections apart.
pub type ConnectionNumber = u16;

/// The longest that one line may wait or repeat.
const LONGEST: Duration = Duration::from_secs(3600);
/// The most steps that `repeat` makes of one line.
const REPEAT_MAX: usize = 100_000;

/// A fixture.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What it is called in reports: its file's name.
    pub name: String,
    /// What it needs of a deployment beyond a plain one.
    pub needs: Vec<Need>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// Something that a plain deployment does not have: `needs WHAT WORDS…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The kind.
    pub what: String,
    /// The rest of the line, in words.
    pub words: Vec<String>,
}

/// The kinds of needs, each with what its words are.
pub const NEEDS: &[(&str, &str)] = &[
    ("master-port", "no words: the master's own port can be reached"),
    (
        "market",
        "NAME: the sample market (`sample`), or the folder of that name beside the fixtures",
    ),
    ("master", "KEY=VALUE: in the master's configuration, in TOML"),
    ("worker", "KEY=VALUE: in every worker's configuration, in TOML"),
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

/// One line.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its number in the file, from 1.
    pub line: usize,
    /// Itself, without its comment.
    pub text: String,
    /// The specification's sections that it shows.
    pub sections: Vec<String>,
    /// How long it may take; the run's own deadline where it does not say.
    pub within: Option<Duration>,
    /// What is to be done.
    pub action: StepAction,
}

/// What a line does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepAction {
    /// `N connect TARGET`
    Connect(ConnectionNumber, String),
    /// `N > INSTRUCTION ARGUMENTS`
    Send(ConnectionNumber, Vec<String>),
    /// `N x BYTES`
    Raw(ConnectionNumber, Vec<String>),
    /// `N < WORDS`: the next message.
    Expect(ConnectionNumber, Vec<String>),
    /// `N ~ WORDS`: the next `transactionQueued`, wherever it comes.
    Notice(ConnectionNumber, Vec<String>),
    /// `N await INSTRUCTION ARGUMENTS < WORDS`: asked again and again until the answer is this one.
    Await(ConnectionNumber, Vec<String>, Vec<String>),
    /// `N closed`: the other side ends the connection, and nothing comes before that.
    Closed(ConnectionNumber),
    /// `N half`: nothing more is sent.
    Half(ConnectionNumber),
    /// `N close`
    Close(ConnectionNumber),
    /// `N silence TIME`: nothing comes for that long.
    Silence(ConnectionNumber, Duration),
    /// `pause TIME`
    Pause(Duration),
    /// `do NAME`: whoever runs the fixture does it.
    Do(String),
    /// `let NAME VALUE`, unless it is set from outside.
    Let(String, String),
}

/// A line that is not of this language.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {text}")]
pub struct ScriptError {
    /// The file's name and the line's number.
    pub place: String,
    /// What is wrong.
    pub text: String,
}

/// What of a file has been read so far holds for the lines behind it.
#[derive(Default)]
struct ScriptReader {
    sections: Vec<String>,
    within: Option<Duration>,
    script: Script,
}

impl Script {
    /// Reads a fixture.
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

    /// The connection of the first step that has one.
    pub fn first_connection(&self) -> Option<ConnectionNumber> {
        self.steps.iter().find_map(|step| step.action.connection())
    }

    /// Whether notices of this connection are expected apart from its replies.
    pub fn has_notices(&self, number: ConnectionNumber) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(&step.action, StepAction::Notice(n, _) if *n == number))
    }

    /// What is to be done from outside while it runs.
    pub fn hooks(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.action {
            StepAction::Do(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

impl StepAction {
    /// The connection that it is about.
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
                let user = |name: &String| StepAction::Let(name.clone(), format!("{{unique:{name}}}"));
                names.iter().map(user).collect()
            }
            ("let", [name, value]) => vec![StepAction::Let(name.clone(), value.clone())],
            ("pause", [time]) => vec![StepAction::Pause(duration(time)?)],
            ("do", [name]) => vec![StepAction::Do(name.clone())],
            (number, rest) => match number.parse::<ConnectionNumber>() {
                Ok(number) => vec![step(number, rest, &mut within, &mut times)?],
                // A line without a number is about connection 1, so that `> ping` is a whole fixture.
                Err(_) => vec![step(1, &words, &mut within, &mut times)?],
            },
        };
        for action in std::iter::repeat_n(actions, times).flatten() {
            self.script.steps.push(Step {
                line,
                text: text.to_owned(),
                sections: self.sections.clone(),
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

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .ok()
        .filter(|time| *time <= LONGEST)
        .ok_or(format!("{text}: not a time such as 300ms or 5s, up to an hour"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_page_is_read() {
        let text = "# login, then a purchase\nneeds master-port\nuser alice\nsection 4.6.1 4.6.18\n\
            1 connect worker\n1 > login {alice} {hash:alice} false # comment\nwithin 9s\n1 < sessionID {sid} *\n\
            section 4.4\n1 within 2s x 01 0101 \"a b\" # raw\n2 repeat 3 > ping\n1 closed\n1 silence 300ms\n\
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
        assert_eq!((at(2).within, at(3).within), (None, Some(Duration::from_secs(9))));
        assert_eq!((at(4).within, at(4).line), (Some(Duration::from_secs(2)), 10));
        let pings = script
            .steps
            .iter()
            .filter(|s| matches!(&s.action, StepAction::Send(2, _)))
            .count();
        assert_eq!(pings, 3);
        assert_eq!(script.first_connection(), Some(1));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
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
            "needs luck",
            "1 within 2h < x",
            "1 repeat x > ping",
            "do",
            "let a",
            "70000 > ping",
        ] {
            let mistake = Script::parse("f.pt", &format!("\n{bad}\n")).unwrap_err();
            assert_eq!(mistake.place, "f.pt:2", "{bad}");
        }
    }
}
