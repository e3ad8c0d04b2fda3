//! spec/dialogue/recording.md · 4.7 Communication
//!
//! The names that take the place of users, passwords, sessions, addresses and transactions.
//!
//! Tests: `src/dialogue/recording/text/tests.rs`.

use super::super::facts::RecordedFacts;
use super::super::literal::{literal, masked};
use crate::dialogue::script::ConnectionNumber;
use crate::dialogue::variables::BUILT_IN;
use crate::model::{Email, Reason, SessionId, Username};
use crate::wire::Instruction;
use crate::wire::argument_type::ArgumentType;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The most characters of a user's name: beyond them names that are made unique are cut.
const NAME_MAX: usize = 13;
/// Digits of a session ID or a hashedPass as text.
const SESSION_DIGITS: usize = 64;
/// A code that nobody was given.
const NO_CODE: &str = "00000-00000-00000-00000";

/// Which name stands for what.
#[derive(Debug, Default)]
pub(super) struct RecordedNames {
    taken: BTreeSet<String>,
    /// The names of users, by their usernames in lower case.
    users: BTreeMap<String, String>,
    hashes: BTreeMap<(String, String), String>,
    emails: BTreeMap<String, String>,
    /// Captured or set values, by what they were in the recording.
    values: BTreeMap<String, String>,
    sessions: BTreeMap<String, String>,
    /// `let` lines, and what `--set` must give.
    lets: Vec<String>,
    asked: Vec<String>,
    /// Sessions from before the recording: the name of the session and of its user.
    guests: Vec<(String, String)>,
}

impl RecordedNames {
    pub(super) fn new(facts: &RecordedFacts) -> RecordedNames {
        let mut names = RecordedNames {
            sessions: facts.sessions.clone(),
            ..RecordedNames::default()
        };
        for user in facts.order.iter().filter(|u| Username::parse(u).is_ok()) {
            let name = names.user_name(user);
            names.users.insert(user.clone(), name.clone());
            let Some(entry) = facts.users.get(user) else {
                continue;
            };
            for (index, hash) in entry.hashes.iter().enumerate() {
                let words = match index {
                    0 if entry.has_right => format!("{{hash:{name}}}"),
                    index => format!("{{hash:{name}:other {index}}}").replace(' ', "-"),
                };
                names.hashes.insert((user.clone(), hash.clone()), words);
            }
        }
        for session in &facts.strangers {
            let (user, name) = (names.fresh("guest"), names.fresh("sid"));
            names.values.insert(session.clone(), name.clone());
            names.sessions.insert(session.clone(), String::new());
            names.guests.push((name, user));
        }
        names
    }

    /// A name like the username, if it can stand in braces, and is neither taken nor cut.
    fn user_name(&mut self, user: &str) -> String {
        let is_plain = user.starts_with(|c: char| c.is_ascii_lowercase())
            && user.len() <= NAME_MAX
            && user
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if is_plain && !BUILT_IN.contains(&user) && self.taken.insert(user.to_owned()) {
            user.to_owned()
        } else {
            self.fresh("user")
        }
    }

    /// `base`, or `base2` and so on.
    fn fresh(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        let mut count = 1;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{base}{count}");
        }
        name
    }

    /// The user that a request is of, by its session or its first argument.
    pub(super) fn user_of(&self, words: &[String], number: u16) -> Option<String> {
        let first = words.get(1)?;
        match Instruction::from_number(number) {
            Some(Instruction::Login | Instruction::Register | Instruction::ResetPassword) => {
                Some(first.to_lowercase())
            }
            _ => self.sessions.get(first).cloned(),
        }
    }

    /// The name for a value of the recording, if it has one: `{name}`.
    pub(super) fn known(&self, text: &str) -> Option<String> {
        self.values.get(text).map(|name| format!("{{{name}}}"))
    }

    /// Captures a value under a name like `base`: `{name}`.
    pub(super) fn capture(&mut self, text: &str, base: &str) -> String {
        self.known(text).unwrap_or_else(|| {
            let name = self.fresh(base);
            self.values.insert(text.to_owned(), name.clone());
            format!("{{{name}}}")
        })
    }

    /// An argument of a request of `user`, whose reply is `reply`.
    pub(super) fn argument(
        &mut self,
        kind: Option<ArgumentType>,
        text: &str,
        user: Option<&str>,
        reply: &str,
    ) -> String {
        use ArgumentType as Kind;
        if let Some(known) = self.known(text) {
            return known;
        }
        let is_fail = reply
            .split(' ')
            .next()
            .is_none_or(|name| name.ends_with("Fail"));
        let is = |reason: Reason| reply.split(' ').nth(1) == Some(reason.as_str());
        match kind {
            _ if text == "-" => literal(text),
            Some(Kind::Username) => self.username(text),
            Some(Kind::HashedPass | Kind::HashedPassOrDash) => self.hash(text, user),
            Some(Kind::Email | Kind::EmailOrDash) => self.email(text, user),
            Some(Kind::UsernameOrEmail) if text.contains('@') => self.email(text, user),
            Some(Kind::UsernameOrEmail) => self.username(text),
            Some(Kind::SessionId) if SessionId::parse(text).is_ok() => "{random}".to_owned(),
            Some(Kind::SessionId) => masked(text),
            Some(Kind::ResetCode) if is(Reason::CodeInvalid) => NO_CODE.to_owned(),
            Some(Kind::ResetCode) => self.ask(text, "code"),
            Some(Kind::BrowserSecret | Kind::SignInHandle) if !is_fail => self.ask(text, "secret"),
            Some(Kind::BrowserSecret | Kind::SignInHandle) if text.len() == SESSION_DIGITS => {
                "{random}".to_owned()
            }
            Some(Kind::BrowserSecret | Kind::SignInHandle) => masked(text),
            Some(Kind::TransactionId | Kind::TransactionIdOrDash)
                if Uuid::parse_str(text).is_ok() =>
            {
                let name = self.capture(text, "id");
                let plain = name.trim_matches(|c| c == '{' || c == '}');
                self.lets.push(format!("let {plain} {{uuid}}"));
                name
            }
            // An instruction of a later edition, or too many arguments: nobody knows what they are.
            None if text.len() >= 32 => masked(text),
            _ => literal(text),
        }
    }

    fn username(&self, text: &str) -> String {
        let name = self.users.get(&text.to_lowercase());
        name.map_or_else(|| literal(text), |name| format!("{{{name}}}"))
    }

    fn hash(&self, text: &str, user: Option<&str>) -> String {
        let user = user.unwrap_or_default();
        let known = self.hashes.get(&(user.to_owned(), text.to_owned()));
        match known {
            Some(words) => words.clone(),
            None if text.len() == SESSION_DIGITS => "{random}".to_owned(),
            None => masked(text),
        }
    }

    /// An email address that has the user's name.
    fn email(&mut self, text: &str, user: Option<&str>) -> String {
        if Email::parse(text).is_err() {
            return masked(text);
        }
        let owner = user.and_then(|user| self.users.get(user));
        let owner = owner.map_or("run", String::as_str).to_owned();
        let count = self.emails.len();
        let words = self
            .emails
            .entry(text.to_owned())
            .or_insert_with(|| format!("{{{owner}}}.{count}@example.org"));
        words.clone()
    }

    /// A value that only whoever runs the dialogue can give.
    fn ask(&mut self, text: &str, base: &str) -> String {
        let words = self.capture(text, base);
        self.asked
            .push(words.trim_matches(|c| c == '{' || c == '}').to_owned());
        words
    }

    /// The lines before the recorded ones: names, values, and accounts that were there before.
    pub(super) fn prelude(
        &self,
        facts: &RecordedFacts,
        highest: Option<ConnectionNumber>,
    ) -> String {
        let mut out = String::new();
        let guests = self.guests.iter().map(|(_, user)| user);
        let users: Vec<&String> = facts
            .order
            .iter()
            .filter_map(|user| self.users.get(user))
            .chain(guests)
            .collect();
        if !users.is_empty() {
            let users: Vec<&str> = users.into_iter().map(String::as_str).collect();
            out.push_str(&format!("user {}\n", users.join(" ")));
        }
        for line in &self.lets {
            out.push_str(&format!("{line}\n"));
        }
        for name in &self.asked {
            out.push_str(&format!(
                "# {{{name}}} came by mail or from a provider: give it, --set {name}=…\n"
            ));
        }
        let number = highest.unwrap_or_default().saturating_add(1);
        let before: Vec<&String> = facts
            .order
            .iter()
            .filter(|user| {
                let entry = facts.users.get(*user);
                entry.is_some_and(|entry| entry.was_there && !user.is_empty())
            })
            .filter_map(|user| self.users.get(user))
            .collect();
        if before.is_empty() && self.guests.is_empty() {
            return out;
        }
        out.push_str("# These accounts and sessions were there before the recording.\n");
        out.push_str(&format!("{number} connect worker\n"));
        let register = |user: &str| {
            format!(
                "{number} > register {{{user}}} {{{user}}}.before@example.org {{hash:{user}}}\n\
                 {number} < registerSuccess\n"
            )
        };
        for user in before {
            out.push_str(&register(user));
        }
        for (session, user) in &self.guests {
            out.push_str(&register(user));
            out.push_str(&format!(
                "{number} > login {{{user}}} {{hash:{user}}} false\n\
                 {number} < sessionID {{{session}}} *\n"
            ));
        }
        out.push_str(&format!("{number} close\n"));
        out
    }
}
