//! spec/description.md · 4 The Protocol
//!
//! Fills the description from the tables that the servers run on.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use super::{
    AnswerEntry, ArgumentEntry, ArgumentTypeEntry, Check, CodeList, DataEntry, Description,
    FieldEntry, HashedPassForm, HeaderField, HeaderForm, InstructionEntry, LayoutEntry, LinkForm,
    ListValue, MessageTypeEntry, Ports, ScalarEntry, limits, vectors,
};
use crate::link::handshake::{self, REFUSALS};
use crate::link::layout::{LINK_LAYOUTS, LinkSide};
use crate::model::account::{HASHED_PASS_DIGITS, HASHED_PASS_ROUNDS, HASHED_PASS_SALT};
use crate::model::{
    MarketKind, MarketState, ProtocolFault, Reason, ServerFact, Side, TransactionStatus,
};
use crate::wire::argument_type::grammar::{GRAMMARS, Grammar};
use crate::wire::argument_type::{Argument, ArgumentType, Occurrence};
use crate::wire::instruction::{InstructionRow, LINK_FIRST, LINK_LAST, Scope, TABLE};
use crate::wire::payload::PayloadKind;
use crate::wire::payload::layout::{ByteLayout, Field, FieldKind, Repetition, Scalar};
use crate::wire::{
    ConnectionState, DATA_MAX, Destination, Direction, EDITION, Instruction, MessageType,
    WIRE_VERSION, frame,
};
use std::collections::BTreeMap;

const HEADER: &[HeaderField] = &[
    HeaderField {
        name: "messageType",
        offset: 0,
        bytes: 1,
        about: "the category; the high byte of the instruction is the same",
    },
    HeaderField {
        name: "instruction",
        offset: 1,
        bytes: 2,
        about: "a number of the list of instructions",
    },
    HeaderField {
        name: "dataSize",
        offset: 3,
        bytes: 4,
        about: "bytes of data behind the header",
    },
    HeaderField {
        name: "argumentCount",
        offset: 7,
        bytes: 2,
        about: "number of arguments in the data; 0 if it has none or is binary",
    },
    HeaderField {
        name: "dataMessageNumber",
        offset: 9,
        bytes: 4,
        about: "number of this packet in its set, from 1",
    },
    HeaderField {
        name: "dataMessageMax",
        offset: 13,
        bytes: 4,
        about: "number of packets in the set; 1 for everything but data",
    },
];

const CHECKS: &[Check] = &[
    Check {
        wrong: "messageType is not 1 to 4, or the instruction's high byte differs from it",
        fault: "bad-frame",
    },
    Check {
        wrong: "dataSize is over 8,192",
        fault: "too-large",
    },
    Check {
        wrong: "dataMessageNumber or dataMessageMax is not 1",
        fault: "bad-frame",
    },
    Check {
        wrong: "a client sends a number of type 3, or of type 4 one with the direction return, notice or link, or from 0x0410 to 0x04FF",
        fault: "not-allowed",
    },
    Check {
        wrong: "data that is not UTF-8, fewer arguments than argumentCount, an empty argument, a space in the last argument, data although argumentCount is 0, the end of the stream inside a message",
        fault: "bad-frame",
    },
    Check {
        wrong: "no instruction has the number",
        fault: "unknown-instruction",
    },
    Check {
        wrong: "the instruction takes another number of arguments",
        fault: "argument-count",
    },
];

const RULES: &[&str] = &[
    "A client connects over TCP, or TLS where the worker has a certificate, and sends a request. There is no greeting.",
    "A message is a header and data. Numbers are big-endian.",
    "Arguments are UTF-8 texts. The data is split at its first argumentCount - 1 separators, so that the last argument of a server's message may contain spaces. No argument is empty, and no argument of a request contains a space.",
    "An optional argument may be left out together with all behind it.",
    "A connection starts in the command state. switchState moves it to the data state and back. An instruction in a state that it does not list is refused with wrong-state.",
    "Each request has one answer: one of those that its row lists. Answers come in the order of the requests, so that a client knows by counting which request an answer belongs to.",
    "A notice answers nothing. It may come at any time, also between two packets of a transfer.",
    "An order is announced by transactionQueued and answered when it has settled. Requests behind it are carried out meanwhile, and their answers wait for its answer.",
    "A payload comes as a set of data messages: every packet but the last has dataMax bytes, dataMessageNumber counts from 1 to dataMessageMax. The bytes of the set, joined, have the layout that the request's row names. All bytes of a payload belong to its layout.",
    "Lists that are open may grow. A reader shows the text or number of a value that it does not know, and goes on. A control message with an unknown number is a notice of a later edition: pass over it.",
    "An argument of a request that does not have its form is refused with the reason that its row names, the first from the left.",
    "The connection ends after protocolError. After any other refusal it goes on.",
    "In the values of test vectors, numbers of eight bytes are texts and bytes are hexadecimal.",
    "A client never sees the instructions with the direction link: they are what workers and masters say to each other.",
];

const fn message_type_name(kind: MessageType) -> &'static str {
    match kind {
        MessageType::Command => "command",
        MessageType::DataTransfer => "data transfer",
        MessageType::ServerReturn => "server return",
        MessageType::Control => "control",
    }
}

const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Request => "request",
        Direction::Return => "return",
        Direction::Notice => "notice",
        Direction::Both => "both",
        Direction::Link => "link",
    }
}

const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "read",
        Scope::Trade => "trade",
    }
}

const fn destination_name(destination: Destination) -> &'static str {
    match destination {
        Destination::Cache => "cache",
        Destination::Orders => "orders",
        Destination::AccountQueries => "account queries",
        Destination::Tunnel => "tunnel",
        Destination::State => "state",
        Destination::Local => "local",
    }
}

const fn side_name(side: LinkSide) -> &'static str {
    match side {
        LinkSide::Worker => "worker",
        LinkSide::Master => "master",
    }
}

/// The description of this program's protocol.
pub fn describe() -> Description {
    Description {
        protocol: "PaperTrader",
        specification: "PaperTrader Protocol Specification, June 2, 2020",
        wire: WIRE_VERSION,
        edition: EDITION,
        link: LinkForm {
            version: handshake::VERSION,
            first_number: LINK_FIRST,
            last_number: LINK_LAST,
        },
        rules: RULES,
        ports: Ports {
            worker: 2049,
            master: 2048,
        },
        header: HeaderForm {
            bytes: frame::HEADER_BYTES,
            byte_order: "big-endian",
            fields: HEADER,
            data_max: DATA_MAX,
            separator: " ",
        },
        checks: CHECKS,
        message_types: message_types(),
        states: ConnectionState::ALL
            .iter()
            .map(|state| ListValue {
                name: state.as_str(),
                number: None,
                about: state.about(),
            })
            .collect(),
        lists: lists(),
        argument_types: GRAMMARS
            .iter()
            .map(|(kind, grammar)| (kind.name(), argument_type(grammar)))
            .collect(),
        scalars: Scalar::ALL
            .iter()
            .map(|scalar| (scalar.name, scalar_entry(*scalar)))
            .collect(),
        layouts: layouts(),
        instructions: TABLE.iter().map(instruction).collect(),
        hashed_pass: HashedPassForm {
            about: "of the password in UTF-8; the salt is this text and, behind it, the username in lower case",
            algorithm: "PBKDF2-HMAC-SHA256",
            rounds: HASHED_PASS_ROUNDS.get(),
            bytes: HASHED_PASS_DIGITS / 2,
            salt: HASHED_PASS_SALT,
            form: "lower-case hexadecimal digits",
        },
        limits: limits::all(),
        vectors: vectors::all(),
    }
}

fn message_types() -> Vec<MessageTypeEntry> {
    (0..=u8::MAX)
        .filter_map(MessageType::from_byte)
        .map(|kind| MessageTypeEntry {
            number: kind as u8,
            name: message_type_name(kind),
        })
        .collect()
}

/// An open list, made of an enumeration of words, or of words with numbers.
macro_rules! open_list {
    ($name:literal, $list:ident, $about:literal) => {
        open_list!($name, $list, $about, |_| None)
    };
    ($name:literal, $list:ident, $about:literal, $number:expr) => {{
        let number: fn(&$list) -> Option<u8> = $number;
        let values = $list::ALL.iter().map(|value| ListValue {
            name: value.as_str(),
            number: number(value),
            about: value.about(),
        });
        (
            $name,
            CodeList {
                about: $about,
                open: true,
                values: values.collect(),
            },
        )
    }};
}

fn lists() -> BTreeMap<&'static str, CodeList> {
    let refusals = REFUSALS.iter().map(|(name, about)| ListValue {
        name,
        number: None,
        about,
    });
    let refusals = CodeList {
        about: "Why a master refuses a link: the first argument of linkRefused.",
        open: true,
        values: refusals.collect(),
    };
    BTreeMap::from([
        open_list!(
            "reasons",
            Reason,
            "Why a request fails: the first argument of every Fail."
        ),
        open_list!(
            "faults",
            ProtocolFault,
            "Why the server ends a connection: the first argument of protocolError."
        ),
        ("linkRefusals", refusals),
        open_list!(
            "sides",
            Side,
            "What a transaction does to its account.",
            |side| Some(*side as u8)
        ),
        open_list!(
            "statuses",
            TransactionStatus,
            "How far a transaction is.",
            |status| Some(*status as u8)
        ),
        open_list!(
            "serverFacts",
            ServerFact,
            "The names of serverInfo's facts."
        ),
        open_list!("markets", MarketKind, "The values of the fact `market`."),
        open_list!(
            "marketStates",
            MarketState,
            "The values of the fact `state`."
        ),
    ])
}

fn argument_type(grammar: &Grammar) -> ArgumentTypeEntry {
    ArgumentTypeEntry {
        about: grammar.about,
        pattern: grammar.pattern,
        min_length: grammar.length.map(|(least, _)| least),
        max_length: grammar.length.map(|(_, most)| most),
        max_bytes: grammar.bytes_max,
        exclusive_minimum: grammar.above_zero.then_some(0),
        maximum: grammar.maximum,
        list: grammar.list,
        none: grammar.none,
        examples: grammar.examples,
    }
}

fn scalar_entry(scalar: Scalar) -> ScalarEntry {
    ScalarEntry {
        encoding: scalar.encoding,
        maximum: scalar.maximum,
        list: scalar.list,
        kind: (scalar == Scalar::SYMBOL).then(|| ArgumentType::Symbol.name()),
        about: scalar.about,
    }
}

/// All layouts: those of payloads, those of the link, and those that they are made of.
fn layouts() -> BTreeMap<&'static str, LayoutEntry> {
    let payloads = PayloadKind::ALL.iter().map(|kind| kind.layout());
    let link = LINK_LAYOUTS
        .iter()
        .flat_map(|data| std::iter::once(data.layout).chain(data.then));
    let mut open: Vec<&'static ByteLayout> = payloads.chain(link).collect();
    let mut all = BTreeMap::new();
    while let Some(layout) = open.pop() {
        for field in layout.fields {
            if let FieldKind::Layout(inner) = field.kind {
                open.push(inner);
            }
        }
        let fields = layout.fields.iter().map(field_entry).collect();
        let about = layout.about;
        all.insert(layout.name, LayoutEntry { about, fields });
    }
    all
}

fn field_entry(field: &Field) -> FieldEntry {
    let (scalar, layout) = match field.kind {
        FieldKind::Scalar(scalar) => (Some(scalar.name), None),
        FieldKind::Layout(layout) => (None, Some(layout.name)),
    };
    FieldEntry {
        name: field.name,
        scalar,
        layout,
        repeated: match field.repetition {
            Repetition::Once => None,
            Repetition::Counted(count) => Some(count),
            Repetition::ToEnd => Some("*"),
        },
        when: field.when,
        about: field.about,
    }
}

fn instruction(row: &InstructionRow) -> InstructionEntry {
    let by_client = matches!(row.direction, Direction::Request | Direction::Both);
    InstructionEntry {
        number: row.number,
        name: row.name,
        about: row.about,
        section: row.section,
        edition: row.edition,
        direction: direction_name(row.direction),
        states: row.states.iter().map(|state| state.as_str()).collect(),
        scope: row.scope.map(scope_name),
        destination: row.destination.map(destination_name),
        bulk: row.bulk,
        binary: row.is_binary(),
        arguments: row
            .arguments
            .iter()
            .map(|argument| argument_entry(argument, by_client && row.failure.is_some()))
            .collect(),
        layouts: LINK_LAYOUTS
            .iter()
            .filter(|data| data.instruction == row.instruction)
            .map(|data| DataEntry {
                from: side_name(data.from),
                layout: data.layout.name,
                then: data.then.map(|layout| layout.name),
            })
            .collect(),
        answers: row
            .success
            .iter()
            .chain(&row.failure)
            .map(|answer| answer_entry(row, *answer))
            .collect(),
    }
}

fn argument_entry(argument: &Argument, refused: bool) -> ArgumentEntry {
    ArgumentEntry {
        name: argument.name,
        kind: argument.kind.name(),
        optional: argument.occurs == Occurrence::Optional,
        repeated: argument.occurs == Occurrence::Repeated,
        last: argument.kind == ArgumentType::Text,
        reason: refused.then_some(argument.reason.as_str()),
    }
}

fn answer_entry(row: &InstructionRow, answer: Instruction) -> AnswerEntry {
    let is_failure = row.failure == Some(answer);
    AnswerEntry {
        number: answer.number(),
        name: answer.name(),
        payload: row
            .payload
            .filter(|_| answer == Instruction::Data)
            .map(|kind| kind.layout().name),
        arguments: answer
            .row()
            .arguments
            .iter()
            .map(|argument| argument_entry(argument, false))
            .collect(),
        reasons: if is_failure {
            row.reasons().into_iter().map(Reason::as_str).collect()
        } else {
            Vec::new()
        },
    }
}
