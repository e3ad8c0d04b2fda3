//! spec/dialogue/recording.md · 4.7 Communication
//!
//! What a whole recording tells of its parts: which reply answers which request, whose hashedPass
//! is right, which accounts and sessions were there before.
//!
//! Tests: `src/dialogue/recording/text/tests.rs`.

use super::{RecordedEvent, RecordedLine};
use crate::dialogue::script::ConnectionNumber;
use crate::model::{HashedPass, SessionId};
use crate::wire::argument_type::ArgumentType;
use crate::wire::instruction::{InstructionRow, TABLE};
use crate::wire::{Direction, Instruction, MessageType};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The codes of replies to a session ID that does not exist; none where nothing was replied.
const EXPIRED: [&str; 2] = ["", "session-expired"];

/// A person of a recording.
#[derive(Debug, Default)]
pub(super) struct RecordedUser {
    /// Each hashedPass that was sent for it, in order; the right one first.
    pub(super) hashes: Vec<String>,
    /// Whether the first of them was accepted.
    pub(super) has_right: bool,
    pub(super) is_registered: bool,
    /// Whether the account was there before the recording.
    pub(super) was_there: bool,
}

/// What the whole recording tells.
#[derive(Debug, Default)]
pub(super) struct RecordedFacts {
    /// The reply to the request with this index.
    pub(super) replies: BTreeMap<usize, String>,
    /// Users by their names in lower case, and these in the order in which they appear.
    pub(super) users: BTreeMap<String, RecordedUser>,
    pub(super) order: Vec<String>,
    /// The user of each session ID.
    pub(super) sessions: BTreeMap<String, String>,
    /// Session IDs that were used, accepted, and never told: sessions from before the recording.
    pub(super) strangers: Vec<String>,
    /// Texts that clients sent as transaction IDs.
    pub(super) ids_sent: BTreeSet<String>,
    /// Texts that clients sent as quantities.
    pub(super) quantities: BTreeSet<String>,
}

/// The arguments of a request with their types.
pub(super) fn typed(
    number: u16,
    words: &[String],
) -> impl Iterator<Item = (ArgumentType, &String)> {
    let row = Instruction::from_number(number).map(Instruction::row);
    let kinds = row.map_or(&[][..], |row| row.arguments).iter();
    kinds
        .map(|argument| argument.kind)
        .zip(words.iter().skip(1))
}

/// The row of a message of a server.
pub(super) fn row_of(message: &str) -> Option<&'static InstructionRow> {
    let name = message.split(' ').next().unwrap_or_default();
    TABLE.iter().find(|row| {
        row.name == name
            && (matches!(row.direction, Direction::Return | Direction::Notice)
                || row.instruction == Instruction::Pong)
    })
}

/// Whether a message of a server answers no request, and the connection goes on after it.
pub(super) fn is_notice(row: &InstructionRow) -> bool {
    row.direction == Direction::Notice && row.instruction != Instruction::ProtocolError
}

impl RecordedFacts {
    pub(super) fn of(lines: &[RecordedLine]) -> RecordedFacts {
        let mut facts = RecordedFacts {
            replies: replies(lines),
            ..RecordedFacts::default()
        };
        for (index, line) in lines.iter().enumerate() {
            if let RecordedEvent::Request(number, words) = &line.event {
                let reply = facts.replies.get(&index).cloned().unwrap_or_default();
                facts.request(*number, words, &reply);
            }
        }
        facts
    }

    /// The user's entry.
    fn user(&mut self, name: &str) -> &mut RecordedUser {
        let key = name.to_lowercase();
        if !self.users.contains_key(&key) {
            self.order.push(key.clone());
        }
        self.users.entry(key).or_default()
    }

    /// Learns from a request and its reply, which is empty if there was none.
    fn request(&mut self, number: u16, words: &[String], reply: &str) {
        let argument = |at: usize| words.get(at).cloned().unwrap_or_default();
        let reply_name = reply.split(' ').next().unwrap_or_default();
        let code = reply.split(' ').nth(1).unwrap_or_default();
        let is_fail = reply.is_empty() || reply_name.ends_with("Fail");
        let told_session = (reply_name == "sessionID").then(|| code.to_owned());
        match Instruction::from_number(number) {
            Some(Instruction::Register) => {
                let is_right = reply_name == "registerSuccess";
                self.user(&argument(1)).is_registered |= is_right;
                self.hash(&argument(1), &argument(3), is_right);
            }
            Some(Instruction::Login) => {
                let is_right = told_session.is_some();
                let user = self.user(&argument(1));
                user.was_there |= is_right && !user.is_registered;
                self.hash(&argument(1), &argument(2), is_right);
                if let Some(session) = told_session {
                    self.sessions.insert(session, argument(1).to_lowercase());
                }
            }
            Some(Instruction::ResetPassword) => self.hash(&argument(1), &argument(3), false),
            _ => {
                let user = self.sessions.get(&argument(1)).cloned();
                if let (Some(user), Some(session)) = (&user, told_session) {
                    self.sessions.insert(session, user.clone());
                }
                // A token is a session of its account.
                if reply_name == "accountSuccess" && SessionId::parse(code).is_ok() {
                    self.sessions
                        .insert(code.to_owned(), user.clone().unwrap_or_default());
                }
                self.others(number, words, user.as_deref(), is_fail, code);
            }
        }
    }

    /// Learns from the types of arguments.
    fn others(
        &mut self,
        number: u16,
        words: &[String],
        user: Option<&str>,
        is_fail: bool,
        code: &str,
    ) {
        for (kind, text) in typed(number, words) {
            match kind {
                ArgumentType::SessionId
                    if user.is_none()
                        && SessionId::parse(text).is_ok()
                        && !(is_fail && EXPIRED.contains(&code))
                        && !self.strangers.contains(text) =>
                {
                    self.strangers.push(text.clone());
                }
                ArgumentType::Username => {
                    let entry = self.user(text);
                    entry.was_there |= !is_fail && !entry.is_registered;
                }
                ArgumentType::HashedPass | ArgumentType::HashedPassOrDash if text != "-" => {
                    self.hash(user.unwrap_or_default(), text, false);
                }
                ArgumentType::TransactionId | ArgumentType::TransactionIdOrDash => {
                    self.ids_sent.insert(text.clone());
                }
                ArgumentType::Quantity
                | ArgumentType::OrderAmount
                | ArgumentType::OrderAmountOrDash => {
                    self.quantities.insert(text.clone());
                }
                _ => {}
            }
        }
    }

    fn hash(&mut self, user: &str, hash: &str, is_right: bool) {
        if HashedPass::parse(hash).is_err() {
            return;
        }
        let user = self.user(user);
        let known = user.hashes.iter().position(|known| known == hash);
        if is_right && !user.has_right {
            user.has_right = true;
            if let Some(at) = known {
                user.hashes.remove(at);
            }
            user.hashes.insert(0, hash.to_owned());
        } else if known.is_none() {
            user.hashes.push(hash.to_owned());
        }
    }
}

/// The reply to each request: replies come in the order of their requests.
fn replies(lines: &[RecordedLine]) -> BTreeMap<usize, String> {
    let mut replies = BTreeMap::new();
    let mut asked: BTreeMap<ConnectionNumber, VecDeque<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let waiting = asked.entry(line.connection).or_default();
        match &line.event {
            RecordedEvent::Request(number, _) => {
                let row = Instruction::from_number(*number).map(Instruction::row);
                let is_control = number.to_be_bytes()[0] >= MessageType::ServerReturn as u8;
                if row.map_or(!is_control, |row| !row.success.is_empty()) {
                    waiting.push_back(index);
                }
            }
            RecordedEvent::Message(text) if row_of(text).is_none_or(|row| !is_notice(row)) => {
                if let Some(request) = waiting.pop_front() {
                    replies.insert(request, text.clone());
                }
            }
            RecordedEvent::Message(_)
            | RecordedEvent::Connect(_)
            | RecordedEvent::Raw(_)
            | RecordedEvent::Malformed(_)
            | RecordedEvent::ClientEnd
            | RecordedEvent::ServerEnd => {}
        }
    }
    replies
}
