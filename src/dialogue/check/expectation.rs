//! spec/dialogue/check.md · 4.5 Instructions, 4.6
//!
//! Expectations that no message can meet: unknown names and codes, too many words or too few, a
//! value in a form that replies do not have.
//!
//! Tests: `src/dialogue/check/tests.rs`.

use super::{Checker, literal, meant};
use crate::dialogue::link_peer::is_push;
use crate::dialogue::pattern;
use crate::dialogue::payload_text::{HEADS, least_words};
use crate::dialogue::pieces::{PatternPiece, pieces};
use crate::dialogue::raw::PlacedWord;
use crate::dialogue::script::ConnectionNumber;
use crate::model::{ProtocolFault, Reason};
use crate::wire::argument_type::{Argument, ArgumentType, ReadArgument, codec};
use crate::wire::instruction::{Arity, InstructionRow, TABLE};
use crate::wire::payload::PayloadKind;
use crate::wire::{Direction, Instruction, MessageType};

/// Whether a payload of this kind has no rows.
pub(super) fn has_no_rows(kind: &str) -> bool {
    payload_kind(kind).is_some_and(|kind| least_words(kind).is_some())
}

fn payload_kind(name: &str) -> Option<PayloadKind> {
    let kinds = HEADS.iter().map(|(kind, _)| *kind);
    kinds.into_iter().find(|kind| format!("{kind:?}") == name)
}

/// The rows of what a server sends to a client, or a master to a worker.
fn replies() -> impl Iterator<Item = &'static InstructionRow> {
    TABLE.iter().filter(|row| {
        matches!(
            row.direction,
            Direction::Return | Direction::Notice | Direction::Both | Direction::Link
        )
    })
}

/// Whether a message of this row is a notice after which the connection goes on.
fn is_notice(row: &InstructionRow) -> bool {
    is_push(row.name)
        || row.direction == Direction::Notice && row.instruction != Instruction::ProtocolError
}

impl Checker<'_> {
    /// Checks an expected message.
    pub(super) fn expect(&mut self, n: ConnectionNumber, words: &[PlacedWord]) {
        let shown = words.iter().map_while(|word| literal(&word.text));
        self.expected.insert(n, shown.take(2).collect());
        if let Some(row) = self.shape(words)
            && is_notice(row)
            && self.script.has_notices(n)
            && let Some(word) = words.first()
        {
            let text = format!(
                "connection {n} expects notices with ~, so that {} never comes here",
                row.name
            );
            self.mistake(word.column, text);
        }
        self.expected_words(words);
    }

    /// Checks an expected notice.
    pub(super) fn notice(&mut self, words: &[PlacedWord]) {
        if let (Some(row), Some(word)) = (self.shape(words), words.first())
            && !is_notice(row)
        {
            let text = format!("{} is no notice, and ~ expects one", row.name);
            self.mistake(word.column, text);
        }
        self.expected_words(words);
    }

    /// Checks the name and the words of a message, and returns its row of the table. `None` where
    /// the name is not written out, or is no name of the table.
    fn shape(&mut self, words: &[PlacedWord]) -> Option<&'static InstructionRow> {
        let (first, arguments) = words.split_first()?;
        let name = literal(&first.text)?;
        let Some(row) = replies().find(|row| row.name == name) else {
            if let Some(text) = unknown_name(&name) {
                self.mistake(first.column, text);
            }
            return None;
        };
        if row.instruction == Instruction::Data {
            self.data(first, arguments);
        } else {
            self.arguments(row, first, arguments);
        }
        Some(row)
    }

    /// Checks the arguments of a reply: how many, and the form of those that are written out.
    fn arguments(
        &mut self,
        row: &'static InstructionRow,
        first: &PlacedWord,
        words: &[PlacedWord],
    ) {
        let (fixed, open) = split_rest(words);
        let ends_in_text = row
            .arguments
            .last()
            .is_some_and(|argument| argument.kind == ArgumentType::Text);
        let (least, most) = match row.arity {
            Arity::Between(least, most) => (usize::from(least), Some(usize::from(most))),
            Arity::AtLeast(least) => (usize::from(least), None),
            Arity::Binary => return,
        };
        let most = most.filter(|_| !ends_in_text);
        if most.is_some_and(|most| fixed.len() > most) || (!open && fixed.len() < least) {
            let takes = match most {
                Some(0) => "no arguments".to_owned(),
                Some(1) if least == 1 => "one argument".to_owned(),
                Some(most) if most == least => format!("{most} arguments"),
                Some(most) => format!("{least} to {most} arguments"),
                None => format!("at least {least}"),
            };
            let text = format!(
                "{} has {takes}, and this line expects {}{}",
                row.name,
                if open { "at least " } else { "" },
                fixed.len()
            );
            self.mistake(first.column, text);
            return;
        }
        for (index, word) in fixed.iter().enumerate() {
            let argument = row.arguments.get(index).or(row.arguments.last());
            let (Some(argument), Some(text)) = (argument, literal(&word.text)) else {
                continue;
            };
            if let Some(text) = never(argument, &text) {
                self.mistake(word.column, text);
            }
        }
    }

    /// Checks the words of a `data` message.
    fn data(&mut self, first: &PlacedWord, words: &[PlacedWord]) {
        let Some((kind_word, rest)) = words.split_first() else {
            let text = "data has at least one word more: the kind of its payload".to_owned();
            return self.mistake(first.column, text);
        };
        let Some(name) = literal(&kind_word.text) else {
            return;
        };
        let Some(kind) = payload_kind(&name) else {
            if !name.starts_with("bytes=") {
                let names: Vec<String> =
                    HEADS.iter().map(|(kind, _)| format!("{kind:?}")).collect();
                let text = format!("{name}: no kind of payload");
                let text = meant(text, &name, names.iter().map(String::as_str));
                self.mistake(kind_word.column, text);
            }
            return;
        };
        let (fixed, open) = split_rest(rest);
        let head = HEADS.iter().find(|(known, _)| *known == kind);
        let head = head.map_or(&[][..], |(_, head)| head);
        if let Some(least) = least_words(kind)
            && (fixed.len() > head.len()
                || (!open && fixed.len() != least && fixed.len() != head.len()))
        {
            let counts = if least == head.len() {
                least.to_string()
            } else {
                format!("{least} or {}", head.len())
            };
            let text = format!(
                "data {name} has {counts} words more, and this line expects {}{}",
                if open { "at least " } else { "" },
                fixed.len()
            );
            self.mistake(first.column, text);
        }
        for (word, name) in fixed.iter().zip(head) {
            if !may_begin(&word.text, name) {
                let text = format!("{}: this word of the payload begins with {name}", word.text);
                self.mistake(word.column, text);
            }
        }
    }
}

/// The words but for the last one if that stands for the rest of the line, and whether it does.
fn split_rest(words: &[PlacedWord]) -> (&[PlacedWord], bool) {
    match words.split_last() {
        Some((last, before)) if last.text == "*" || pattern::rest_name(&last.text).is_some() => {
            (before, true)
        }
        _ => (words, false),
    }
}

/// Why no message begins with this name; `None` where one of a later edition may.
fn unknown_name(name: &str) -> Option<String> {
    let number = u16::from_str_radix(name, 16)
        .ok()
        .filter(|_| name.len() == 4);
    let known = number.and_then(InstructionRow::find);
    match (number, known) {
        (_, Some(row)) => Some(format!(
            "{name}: a message of this number is shown by its name, {}",
            row.name
        )),
        (Some(number), None) if number.to_be_bytes()[0] == MessageType::Control as u8 => Some(
            format!("{name}: a notice of a later edition is passed over, and never comes here"),
        ),
        (Some(_), None) if name.bytes().any(|b| b.is_ascii_uppercase()) => {
            Some(format!("{name}: numbers are shown in lower case"))
        }
        (Some(_), None) => None,
        (None, None) if TABLE.iter().any(|row| row.name == name) => {
            Some(format!("{name}: a server does not send this to a client"))
        }
        (None, None) => Some(meant(
            format!("{name}: no message has this name"),
            name,
            replies().map(|row| row.name),
        )),
    }
}

/// Why no argument is this text; `None` where one may be.
fn never(argument: &Argument, text: &str) -> Option<String> {
    fn form<C: ReadArgument>(text: &str) -> Option<String> {
        C::read(text).err().map(|why| format!("{text}: {why}"))
    }
    let code = |text: &str, words: &mut dyn Iterator<Item = &'static str>| {
        let words: Vec<&str> = words.collect();
        (!words.contains(&text)).then(|| meant(format!("{text}: no such code"), text, words))
    };
    let mut reasons = Reason::ALL.iter().map(|reason| reason.as_str());
    let mut faults = ProtocolFault::ALL.iter().map(|fault| fault.as_str());
    if argument.kind != ArgumentType::Text && text.contains(' ') {
        return Some("a space: this argument has none".to_owned());
    }
    match argument.kind {
        ArgumentType::ReasonCode | ArgumentType::EndReasonCode => code(text, &mut reasons),
        ArgumentType::FaultCode => code(text, &mut faults),
        ArgumentType::State => form::<codec::State>(text),
        ArgumentType::CanonicalQuantity => form::<codec::CanonicalQuantity>(text),
        ArgumentType::CanonicalMoney => form::<codec::CanonicalMoney>(text),
        ArgumentType::CanonicalTime => form::<codec::CanonicalTime>(text),
        ArgumentType::TransactionId => form::<codec::TransactionId>(text),
        ArgumentType::Symbol => form::<codec::Symbol>(text),
        ArgumentType::Text if text.contains(' ') => Some(
            "a space in a sentence is no part of a word here: write its words apart".to_owned(),
        ),
        _ => None,
    }
}

/// Whether a word that begins with `name` can match the pattern.
fn may_begin(word: &str, name: &str) -> bool {
    let Ok(pieces) = pieces(word) else {
        return true;
    };
    match pieces.split_first() {
        Some((PatternPiece::Text(text), [])) => text.starts_with(name),
        Some((PatternPiece::Text(text), _)) => {
            text.starts_with(name) || name.starts_with(text.as_str())
        }
        _ => true,
    }
}
