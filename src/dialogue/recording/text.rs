//! spec/dialogue/recording.md · 4.7 Communication
//!
//! A recording as the lines of a dialogue.

mod names;
mod replies;

use super::facts::{RecordedFacts, typed};
use super::literal::raw_words;
use super::{RecordedEvent, RecordedLine};
use crate::dialogue::raw;
use crate::dialogue::script::ConnectionNumber;
use names::RecordedNames;
use std::collections::BTreeSet;
use std::time::Duration;

/// The shortest time limit that a recording sets.
const WITHIN_MIN: Duration = Duration::from_secs(10);
/// The longest.
const WITHIN_MAX: Duration = Duration::from_secs(600);

/// The dialogue.
pub(super) fn write(lines: &[RecordedLine], header: &str) -> String {
    let facts = RecordedFacts::of(lines);
    let mut names = RecordedNames::new(&facts);
    let mut body = String::new();
    let mut ended: BTreeSet<ConnectionNumber> = BTreeSet::new();
    let mut open: BTreeSet<ConnectionNumber> = BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        let number = line.connection;
        let words = match &line.event {
            RecordedEvent::Connect(0) => {
                open.insert(number);
                "connect worker".to_owned()
            }
            RecordedEvent::Connect(server) => {
                open.insert(number);
                format!("connect worker{}", server + 1)
            }
            // The server has closed: nothing that it was sent behind that has an effect.
            RecordedEvent::Request(..) | RecordedEvent::Raw(_) if !open.contains(&number) => {
                continue;
            }
            RecordedEvent::Request(instruction, words) => {
                let reply = facts.replies.get(&index).map_or("", String::as_str);
                format!("> {}", sent(*instruction, words, reply, &mut names))
            }
            RecordedEvent::Raw(bytes) => format!("x {}", raw_words(bytes)),
            RecordedEvent::Message(text) => match replies::expected(text, &facts, &mut names) {
                Some(words) => words,
                None => continue,
            },
            RecordedEvent::Malformed(_) => {
                body.push_str(
                    "# What came here is no message, and no line expects such a thing.\n",
                );
                continue;
            }
            RecordedEvent::ClientEnd => {
                let behind = lines.get(index + 1..).unwrap_or_default();
                if !open.contains(&number) {
                    continue;
                }
                ended.insert(number);
                if comes_more(behind, number) {
                    "half".to_owned()
                } else {
                    open.remove(&number);
                    "close".to_owned()
                }
            }
            RecordedEvent::ServerEnd if open.remove(&number) => "closed".to_owned(),
            RecordedEvent::ServerEnd => continue,
        };
        body.push_str(&format!("{number} {words}\n"));
    }
    for number in open {
        body.push_str(&format!("{number} close\n"));
    }
    let comments: String = header.lines().map(|line| format!("# {line}\n")).collect();
    format!(
        "{comments}within {}s\n{}{body}",
        limit(lines).as_secs(),
        names.prelude(&facts, lines.iter().map(|line| line.connection).max())
    )
}

/// Whether the server sends more on a connection.
fn comes_more(behind: &[RecordedLine], number: ConnectionNumber) -> bool {
    behind.iter().any(|line| {
        line.connection == number
            && matches!(
                line.event,
                RecordedEvent::Message(_) | RecordedEvent::Malformed(_)
            )
    })
}

/// A time limit that leaves room: twice the longest time in which nothing happened.
fn limit(lines: &[RecordedLine]) -> Duration {
    let longest = lines.iter().map(|line| line.waited).max();
    let twice = longest.unwrap_or_default().saturating_mul(2);
    twice.clamp(WITHIN_MIN, WITHIN_MAX)
}

/// An instruction and its arguments, with names in place of secrets.
fn sent(number: u16, words: &[String], reply: &str, names: &mut RecordedNames) -> String {
    let user = names.user_of(words, number);
    let mut out = vec![raw::escape(words.first().map_or("", String::as_str))];
    let mut kinds = typed(number, words);
    for text in words.iter().skip(1) {
        let kind = kinds.next().map(|(kind, _)| kind);
        out.push(names.argument(kind, text, user.as_deref(), reply));
    }
    out.join(" ")
}

#[cfg(test)]
mod tests;
