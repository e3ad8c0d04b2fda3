//! spec/dialogue/variables.md · 4.7 Communication
//!
//! The values in braces: captured by a run or set from outside, and a few functions of them. Names
//! unique to a run let a dialogue run again against the same deployment; sums and products say what
//! a reply must contain.

use crate::model::{HashedPass, Money, Quantity, Timestamp, Username, money};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The longest base of a unique name in characters: base, `-` and the tag fit in a username.
const BASE_MAX: usize = 13;
/// A thousandth of a second, in millionths of one.
const MILLIONTHS_PER_MILLI: i128 = 1000;
/// The number of characters of a run's tag.
const TAG_LENGTH: usize = 10;

/// The value in which a run keeps when the last message came, a time of the local clock.
pub const CAME: &str = "came";

/// The values that are there without being set. [`CAME`] is, once a message has come.
pub const BUILT_IN: &[&str] = &["run", "uuid", "random", "now", CAME];

/// An argument of a function. Each may also be the name of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionArgument {
    /// Any text.
    Text,
    /// A username.
    User,
    /// A decimal, such as `7.5`.
    Decimal,
    /// A day, or the name of a value that is a time.
    Time,
    /// A number of times, and never the name of a value.
    Count,
    /// A number of days, which may be negative, and never the name of a value.
    Days,
}

/// The functions, each with its arguments.
pub const FUNCTIONS: &[(&str, &[FunctionArgument])] = {
    use FunctionArgument::{Count, Days, Decimal, Text, Time, User};
    &[
        ("unique", &[Text]),
        ("upper", &[Text]),
        ("hash", &[User]),
        ("hash", &[User, Text]),
        ("repeat", &[Text, Count]),
        ("plus", &[Decimal, Decimal]),
        ("minus", &[Decimal, Decimal]),
        ("cost", &[Decimal, Decimal]),
        ("worth", &[Decimal, Decimal]),
        ("each", &[Decimal, Decimal]),
        ("day", &[Time]),
        ("days", &[Time, Days]),
        ("seconds", &[Time, Time]),
        ("later", &[Time, Decimal]),
    ]
};

impl FunctionArgument {
    /// Whether a text that is no value's name can be this argument.
    pub fn takes(self, text: &str) -> bool {
        match self {
            FunctionArgument::Text => true,
            FunctionArgument::User => Username::parse(text).is_ok(),
            FunctionArgument::Decimal => Money::parse_rounded(text).is_ok(),
            FunctionArgument::Time => Timestamp::parse(text).is_ok(),
            FunctionArgument::Count => text.parse::<usize>().is_ok(),
            FunctionArgument::Days => text.parse::<i64>().is_ok(),
        }
    }

    /// Whether the name of a value can stand in its place.
    pub fn may_be_named(self) -> bool {
        !matches!(self, FunctionArgument::Count | FunctionArgument::Days)
    }

    /// What it is, for who wrote something else.
    pub fn about(self) -> &'static str {
        match self {
            FunctionArgument::Text => "a text",
            FunctionArgument::User => "a username",
            FunctionArgument::Decimal => "a decimal",
            FunctionArgument::Time => "a day",
            FunctionArgument::Count => "a number of times",
            FunctionArgument::Days => "a number of days",
        }
    }
}

/// Checks that a value may have this name: letters, digits, `_` and `-`, at least one letter, and
/// none of [`BUILT_IN`].
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if BUILT_IN.contains(&name) {
        Err(format!(
            "{name}: every run has a value of this name already"
        ))
    } else if !name.chars().all(good) || !name.contains(char::is_alphabetic) {
        Err(format!(
            "{name}: a value's name consists of letters, digits, _ and -, and has a letter"
        ))
    } else {
        Ok(())
    }
}

/// The values of one run.
#[derive(Debug, Clone)]
pub struct Variables {
    names: BTreeMap<String, String>,
    /// Makes the names of this run unique.
    tag: String,
    /// Derived password hashes, by `USER:PASSWORD`.
    hashes: BTreeMap<String, String>,
}

impl Default for Variables {
    fn default() -> Self {
        Variables::new()
    }
}

impl Variables {
    /// Makes an empty set of values with a fresh tag.
    pub fn new() -> Variables {
        Variables {
            names: BTreeMap::new(),
            tag: tag(),
            hashes: BTreeMap::new(),
        }
    }

    /// Copies the values for another run, with a fresh tag.
    pub fn of_another_run(&self) -> Variables {
        Variables {
            tag: tag(),
            ..self.clone()
        }
    }

    /// Sets a value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.names.insert(name.to_owned(), value.to_owned());
    }

    /// The value of a name, if it was set or captured.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    /// The names that have a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// A name made of `base` and this run's tag: at most 24 characters, valid as a username.
    pub fn unique(&self, base: &str) -> String {
        let base: String = base.chars().take(BASE_MAX).collect();
        format!("{base}-{}", self.tag)
    }

    /// The value of `{inside}`; `None` for a plain name without a value.
    ///
    /// # Errors
    /// An unknown function, or invalid arguments.
    pub fn value(&mut self, inside: &str) -> Result<Option<String>, String> {
        let mut parts = inside.split(':');
        let name = parts.next().unwrap_or_default();
        let arguments: Vec<&str> = parts.collect();
        if arguments.is_empty() {
            return Ok(match name {
                "run" => Some(self.tag.clone()),
                "uuid" => Some(Uuid::now_v7().to_string()),
                "random" => Some(random_hex()?),
                "now" => Some(Timestamp::now().to_string()),
                name => self.get(name).map(str::to_owned),
            });
        }
        self.call(name, &arguments)
            .map(Some)
            .map_err(|e| format!("{{{inside}}}: {e}"))
    }

    fn call(&mut self, name: &str, arguments: &[&str]) -> Result<String, String> {
        let given = |text: &str| self.get(text).unwrap_or(text).to_owned();
        let decimal = |text: &str| {
            Money::parse_rounded(&given(text)).map_err(|e| format!("{}: {e}", given(text)))
        };
        let moment = |text: &str| {
            Timestamp::parse(&given(text)).map_err(|e| format!("{}: {e}", given(text)))
        };
        let beyond = || "beyond the limit of values".to_owned();
        Ok(match (name, arguments) {
            ("unique", [base]) => self.unique(base),
            ("upper", [text]) => given(text).to_uppercase(),
            ("hash", [user]) => self.hash(&given(user), &format!("password of {user}"))?,
            ("hash", [user, password]) => self.hash(&given(user), password)?,
            ("repeat", [text, times]) => {
                let times: usize = times
                    .parse()
                    .map_err(|_| "no such number of times".to_owned())?;
                given(text).repeat(times.min(super::raw::BYTES_MAX / given(text).len().max(1)))
            }
            ("plus", [a, b]) => decimal(a)?
                .plus(decimal(b)?)
                .ok_or_else(beyond)?
                .to_string(),
            ("minus", [a, b]) => decimal(a)?
                .minus(decimal(b)?)
                .ok_or_else(beyond)?
                .to_string(),
            ("cost", [quantity, price]) => {
                let quantity = Quantity(decimal(quantity)?.0);
                quantity
                    .cost_at(decimal(price)?)
                    .ok_or_else(beyond)?
                    .to_string()
            }
            ("worth", [quantity, price]) => {
                let quantity = Quantity(decimal(quantity)?.0);
                quantity
                    .worth_at(decimal(price)?)
                    .ok_or_else(beyond)?
                    .to_string()
            }
            ("each", [total, quantity]) => {
                let (total, quantity) = (decimal(total)?, decimal(quantity)?);
                Money(money::share(total.0, money::MILLION, quantity.0)).to_string()
            }
            ("day", [time]) => moment(time)?.to_string().chars().take(10).collect(),
            ("days", [time, days]) => {
                let days: i64 = days
                    .parse()
                    .map_err(|_| "no such number of days".to_owned())?;
                moment(time)?.plus_days(days).to_string()
            }
            ("seconds", [from, to]) => {
                let millis = moment(to)?.since(moment(from)?);
                let millionths = i128::from(millis) * MILLIONTHS_PER_MILLI;
                Money::within(millionths).ok_or_else(beyond)?.to_string()
            }
            ("later", [time, seconds]) => {
                let millis = i128::from(decimal(seconds)?.0) / MILLIONTHS_PER_MILLI;
                let later = i128::from(moment(time)?.0) + millis;
                Timestamp(i64::try_from(later).map_err(|_| beyond())?).to_string()
            }
            _ => return Err("no such function with so many arguments".to_owned()),
        })
    }

    /// The hashedPass of a user. PBKDF2 is slow, so each result is cached.
    fn hash(&mut self, user: &str, password: &str) -> Result<String, String> {
        let key = format!("{user}:{password}");
        if let Some(hash) = self.hashes.get(&key) {
            return Ok(hash.clone());
        }
        let username = Username::parse(user).map_err(|e| e.to_string())?;
        let hash = HashedPass::derive(&username, password).expose().to_owned();
        self.hashes.insert(key, hash.clone());
        Ok(hash)
    }

    /// Replaces braces by their values and resolves the escapes in the text around them.
    ///
    /// # Errors
    /// A name without a value, a function that cannot be evaluated, an unknown escape.
    pub fn fill(&mut self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        for piece in super::pieces::pieces(text)? {
            match piece {
                super::pieces::PatternPiece::Text(text) => out.push_str(&text),
                super::pieces::PatternPiece::Any => out.push('*'),
                super::pieces::PatternPiece::Name(name) => match self.value(&name)? {
                    Some(value) => out.push_str(&value),
                    None => return Err(format!("nothing was captured as {{{name}}}, nor set")),
                },
            }
        }
        Ok(out)
    }

    /// Replaces braces by their values in a word of an `x` line, and leaves the rest unchanged.
    ///
    /// # Errors
    /// As [`Variables::fill`].
    pub fn fill_raw(&mut self, word: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = word;
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind
                .split_once('}')
                .ok_or(format!("{word}: a brace that is not closed"))?;
            out.push_str(before);
            out.push_str(&self.fill(&format!("{{{name}}}"))?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// A random tag of [`TAG_LENGTH`] characters of `0-9 a-z`.
fn tag() -> String {
    let mut random = [0; 8];
    if getrandom::fill(&mut random).is_err() {
        random = Timestamp::now().0.to_be_bytes();
    }
    let mut number = u64::from_be_bytes(random);
    let mut tag = String::new();
    for _ in 0..TAG_LENGTH {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        tag.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
    }
    tag
}

fn random_hex() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| e.to_string())?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_names_differ_between_runs_and_are_usernames() {
        let (a, b) = (Variables::new(), Variables::new());
        assert_ne!(a.unique("alice"), b.unique("alice"));
        let long = a.unique("a-name-that-is-far-too-long");
        assert_eq!(long.len(), 24);
        assert!(Username::parse(&long).is_ok());
    }

    #[test]
    fn every_function_takes_as_many_arguments_as_the_table_says() {
        let mut values = Variables::new();
        for (name, arguments) in FUNCTIONS {
            let example = |argument: &FunctionArgument| match argument {
                FunctionArgument::Text | FunctionArgument::User => "a",
                FunctionArgument::Decimal | FunctionArgument::Count => "2",
                FunctionArgument::Time => "2013-03-01",
                FunctionArgument::Days => "-2",
            };
            let given: Vec<&str> = arguments.iter().map(example).collect();
            assert!(arguments.iter().zip(&given).all(|(a, text)| a.takes(text)));
            let inside = format!("{name}:{}", given.join(":"));
            assert!(values.value(&inside).unwrap().is_some(), "{inside}");
            let more = format!("{inside}:2:2:2");
            assert!(values.value(&more).is_err(), "{more}");
        }
        assert!(!FunctionArgument::Time.takes("soon") && !FunctionArgument::User.takes(".a"));
        assert!(!FunctionArgument::Count.takes("-1") && !FunctionArgument::Decimal.takes("x"));
    }

    #[test]
    fn names_are_words_that_mean_nothing_else() {
        for good in ["a", "sum12", "2nd", "client-id", "é_1"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "12", "a:b", "a.b", "now", "came", "a b", "-"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn functions_take_names_and_literals() {
        let mut values = Variables::new();
        values.set("total", "4304.7");
        values.set("t", "2013-03-01T00:00:00.000Z");
        values.set("alice", "Alice-1");
        let mut fill = |text: &str| values.fill(text).unwrap();
        assert_eq!(fill("cash={minus:100000:total}"), "cash=95695.3");
        assert_eq!(
            fill("{cost:10:430.47}/{worth:0.1:0.000015}"),
            "4304.7/0.000001"
        );
        assert_eq!(fill("{each:10:3}"), "3.333333");
        assert_eq!(
            fill("{day:t} {days:t:-1}"),
            "2013-03-01 2013-02-28T00:00:00.000Z"
        );
        assert_eq!(fill("{repeat:ab:3}\\s{upper:alice}"), "ababab ALICE-1");
        assert_eq!(
            fill("{later:t:-0.5} {later:t:90}"),
            "2013-02-28T23:59:59.500Z 2013-03-01T00:01:30.000Z"
        );
        assert_eq!(
            fill("{seconds:2013-02-28:t} {seconds:2013-03-02:t}"),
            "86400 -86400"
        );
        let named = fill("{hash:alice}");
        assert_eq!(named, fill("{hash:Alice-1:password of alice}"));
        assert_ne!(named, fill("{hash:alice:other}"));
        assert_eq!(fill("{random}").len(), 64);
        for bad in [
            "{nothing}",
            "{minus:1}",
            "{minus:a:b}",
            "{nothing:1}",
            "{open",
            "\\q",
        ] {
            assert!(values.fill(bad).is_err(), "{bad}");
        }
    }
}
