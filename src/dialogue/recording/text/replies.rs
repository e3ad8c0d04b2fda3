//! spec/dialogue/recording.md · 4.7 Communication
//!
//! What a recorded message of a server becomes: an expectation that another deployment meets, too.
//!
//! Tests: `src/dialogue/recording/text/tests.rs`.

use super::super::facts::{RecordedFacts, is_notice, row_of};
use super::super::literal::literal;
use super::names::RecordedNames;
use crate::dialogue::message::is_unknown_notice;
use crate::model::SessionId;
use crate::wire::Instruction;
use crate::wire::argument_type::{ArgumentType, Occurrence};

/// The line that expects a message, without its connection; `None` for a notice of a later edition,
/// which no line can expect.
pub(super) fn expected(
    message: &str,
    facts: &RecordedFacts,
    names: &mut RecordedNames,
) -> Option<String> {
    if is_unknown_notice(message) {
        return None;
    }
    let mut words = message.split(' ');
    let name = words.next().unwrap_or_default();
    let Some(row) = row_of(message) else {
        return Some(format!("< {} *", literal(name)));
    };
    let mut out = vec![literal(name)];
    if row.instruction == Instruction::Data {
        data(words, facts, names, &mut out);
    } else {
        // A list ends the arguments, and so does the sentence of a Fail.
        let kinds = row.arguments.iter().map(|argument| argument.kind);
        let mut kinds = kinds.peekable();
        for word in words {
            out.push(match kinds.next() {
                Some(kind) => argument(kind, word, facts, names),
                None => "*".to_owned(),
            });
        }
    }
    let ends_in_list = row
        .arguments
        .last()
        .is_some_and(|argument| argument.occurs == Occurrence::Repeated);
    if ends_in_list {
        // A list may be empty here, and have entries elsewhere.
        out.push("*".to_owned());
    }
    let last = out.iter().rposition(|word| word != "*").unwrap_or_default();
    out.truncate(last + 2);
    let sign = if is_notice(row) { "~" } else { "<" };
    Some(format!("{sign} {}", out.join(" ")))
}

/// An argument: itself where it follows from what was sent, else a name, else anything.
fn argument(
    kind: ArgumentType,
    word: &str,
    facts: &RecordedFacts,
    names: &mut RecordedNames,
) -> String {
    use ArgumentType as Kind;
    match kind {
        _ if word == "-" => literal(word),
        Kind::ReasonCode
        | Kind::FaultCode
        | Kind::EndReasonCode
        | Kind::State
        | Kind::Symbol
        | Kind::StatusWord
        | Kind::Topic
        | Kind::ClientOrderIdOrDash => literal(word),
        Kind::CanonicalQuantity if facts.quantities.contains(word) => literal(word),
        Kind::SessionId => names.capture(word, "sid"),
        Kind::AccountValue if SessionId::parse(word).is_ok() => names.capture(word, "token"),
        Kind::SignInHandle => names.capture(word, "handle"),
        Kind::TransactionId | Kind::TransactionIdOrDash => names.capture(word, "tx"),
        _ => "*".to_owned(),
    }
}

/// The kind of a payload, and the transaction IDs that a client has learnt from it.
fn data<'a>(
    words: impl Iterator<Item = &'a str>,
    facts: &RecordedFacts,
    names: &mut RecordedNames,
    out: &mut Vec<String>,
) {
    for (index, word) in words.enumerate() {
        if index == 0 && !word.contains('=') {
            out.push(literal(word));
            continue;
        }
        let mut fields: Vec<String> = Vec::new();
        for field in word.split(',') {
            let (label, value) = match field.split_once('=') {
                Some((label, value)) => (format!("{label}="), value),
                None => (String::new(), field),
            };
            let is_wanted = facts.ids_sent.contains(value) && names.known(value).is_none();
            fields.push(if is_wanted {
                label.clone() + &names.capture(value, "tx")
            } else {
                "*".to_owned()
            });
        }
        let last = fields.iter().rposition(|field| field != "*");
        fields.truncate(last.map_or(1, |last| last + 2));
        out.push(fields.join(","));
    }
}
