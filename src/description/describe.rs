//! spec/description.md · 4 The Protocol
//!
//! Fills the description from the tables that the servers run on.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use super::{
    AnswerEntry, ArgumentEntry, ArgumentTypeEntry, Check, CodeList, DataEntry, Description,
    FieldEntry, HashedPassForm, HeaderField, HeaderForm, InstructionEntry, LayoutEntry, LinkForm,
    ListValue, Ports, ScalarEntry, limits, vectors,
};
use crate::config::{MASTER_PORT, WORKER_PORT};
use crate::link::handshake::{self, REFUSALS};
use crate::link::layout::{LINK_LAYOUTS, LinkSide};
use crate::model::account::{HASHED_PASS_DIGITS, HASHED_PASS_ROUNDS, HASHED_PASS_SALT};
use crate::model::{
    MarketKind, MarketState, OrderKind, ProtocolFault, Reason, ServerFact, Side, TokenScope,
    TransactionStatus,
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
        wrong: "a number of type 3, or of type 4 one that servers alone send (direction return or notice), or one of the link (0x0410 to 0x04FF)",
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
        wrong: "a wrong number of arguments",
        fault: "argument-count",
    },
];

const READING: &[&str] = &[
    "A reader passes over members of this file that it does not know.",
    "A message is a header and data. The fields of the header are unsigned integers, in the order and with the sizes that `header` gives.",
    "An instruction is found by its number. Where two have one name (login), the number of arguments tells them apart.",
    "`arguments`: in order. Who leaves out an argument that is `optional` also leaves out every argument after it. One that is `repeated` stands there any number of times. One that is `last` is the rest of the data, spaces included.",
    "`argumentTypes`: `pattern` matches the whole text. minLength and maxLength count code points, maxBytes counts bytes of UTF-8. exclusiveMinimum and maximum compare the text as a decimal number, exactly: a double cannot hold 9000000000000.000001. A type without a pattern accepts any text. `none` is the text that stands for no value.",
    "`answers`: one of them answers the request. `outcome` is `success` or `failure`; a failure names one of `reasons`. The arguments of an answer stand here, even where the row of the answering instruction has others.",
    "`layouts`: the fields in order. A field is a `scalar` or a `layout`. `repeated` is the name of the field before it that says how often it stands there, or `*` for as often as bytes are left. A field with `when` is there only if `value & mask == equals` holds for the field that it names, before it in the same layout or in the one around it. Fields may have one name where their conditions exclude each other. Bytes left over are an error.",
    "`scalars`: integers are big-endian; `scale` is the number of decimal places, so that 1500000 with scale 6 is 1.5.",
    "`lists` that are `open` may grow. A reader shows the text or number of a value that it does not know, and goes on. Of a scope that it does not know it says that a session of a login is needed.",
    "`vectors`: numbers of eight bytes are texts, and bytes are hexadecimal.",
];

const RULES: &[&str] = &[
    "A client connects to a worker over TCP. A worker with a certificate speaks TLS 1.3 alone: whether it has one is told with its address, by people, and not by the protocol. A client sends the first message; there is no greeting.",
    "Where a worker serves a page, the same stream is also taken by WebSocket (RFC 6455), in HTTP/1.1 at the path /ws with the subprotocol papertrader.1: in binary messages whose borders mean nothing, without extensions. After a protocolError the worker sends a close frame with 1002, or 1001 for shutting-down.",
    "Arguments are UTF-8 texts. The data is split at its first argumentCount - 1 separators. No argument is empty, and no argument of a request contains a space.",
    "A connection starts in the command state. switchState to data binds it to a session, which later data instructions use. When that session ends, they are refused with session-expired.",
    "Every request has one answer but pong, which has none. Answers come in the order of the requests, so that a client knows by counting which request an answer belongs to.",
    "A notice answers nothing. It may come at any time, also between two packets of a transfer. A control message with an unknown number is a notice of a later edition: pass over it. An unknown return is an error.",
    "A request is refused for the first of these that holds: the checks of the message, the state (wrong-state), the form of the arguments from left to right (the reason of the argument), the session, the rest.",
    "An order that is queued is announced by transactionQueued and answered when it has settled; one that is refused before has its answer alone. Orders are announced in the order of their requests. Requests behind an order are carried out meanwhile: their answers wait for its answer, and show the state before it settled.",
    "A clientOrderID makes it safe to send an order again: the same ID with the same terms never trades twice. A repeat of a queued order is announced again, a repeat of a settled one gets its answer again.",
    "A connection may end without the answer to an order. Its outcome is unknown then: send it again with the same clientOrderID, or read the history.",
    "A payload comes as a set of data messages: every packet but the last has dataMax bytes, and dataMessageNumber counts from 1 to dataMessageMax. The bytes of the set, joined, have the layout that the answer names (`payload`).",
    "The connection ends after protocolError. After any other refusal it goes on.",
    "A master's port answers getWorkerList alone; everything else is protocolError not-allowed.",
    "Instructions with the direction link are what workers and masters say to each other. A client never sees them.",
];

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
        reading: READING,
        rules: RULES,
        ports: Ports {
            worker: WORKER_PORT,
            master: MASTER_PORT,
        },
        header: HeaderForm {
            bytes: frame::HEADER_BYTES,
            byte_order: "big-endian",
            fields: HEADER,
            data_max: DATA_MAX,
            separator: " ",
        },
        request_checks: CHECKS,
        message_types: MessageType::ALL
            .iter()
            .map(|kind| ListValue {
                name: kind.as_str(),
                number: Some(*kind as u8),
                about: kind.about(),
            })
            .collect(),
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
            about: "PBKDF2 of the password: the UTF-8 bytes of its NFC (Unicode 15 or newer; unassigned characters are kept), not trimmed and nothing else. Where the form as typed differs from it, a client tries that once after bad-credentials: accounts of older clients were hashed so. A new password has at least 8 code points, and is not the username or e-mail address. The salt is the text in `salt`, followed by the username in lower case.",
            normalization: "NFC",
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
            "Why a request fails: the first argument of every Fail of a request."
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
            "orderKinds",
            OrderKind,
            "When an order fills.",
            |kind| Some(*kind as u8)
        ),
        open_list!("tokenScopes", TokenScope, "What a token allows."),
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
        open_list!(
            "directions",
            Direction,
            "Who sends an instruction: its `direction`."
        ),
        open_list!(
            "scopes",
            Scope,
            "What the session of a request must allow: its `scope`."
        ),
        open_list!(
            "destinations",
            Destination,
            "Who answers a request, and when the requests behind it may take effect: its `destination`."
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
        wrong: grammar.wrong,
    }
}

fn scalar_entry(scalar: Scalar) -> ScalarEntry {
    ScalarEntry {
        encoding: scalar.encoding,
        maximum: scalar.maximum,
        list: scalar.list,
        kind: scalar.kind.map(ArgumentType::name),
        scale: scalar.scale,
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
        direction: row.direction.as_str(),
        states: row.states.iter().map(|state| state.as_str()).collect(),
        scope: row.scope.map(Scope::as_str),
        destination: row.destination.map(Destination::as_str),
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
        outcome: if is_failure { "failure" } else { "success" },
        reasons: if answer == Instruction::LinkRefused {
            REFUSALS.iter().map(|(code, _)| *code).collect()
        } else if is_failure {
            row.reasons().into_iter().map(Reason::as_str).collect()
        } else {
            Vec::new()
        },
    }
}
