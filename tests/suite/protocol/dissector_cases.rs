//! Connections with the messages that the Rust decoder finds in them, and tshark's output beside.

use crate::protocol::capture::{self, Conversation, Dissected, Leaf, MASTER, Random, dissect};
use crate::protocol::codec_agreement::{DESCRIPTION, payload_value};
use crate::protocol::description_decoder::DescriptionDecoder;
use papertrader::dialogue::peer::ConnectionBytes;
use papertrader::model::{Money, ProtocolFault, Quantity, Timestamp};
use papertrader::wire::frame::{self, HEADER_BYTES};
use papertrader::wire::instruction::InstructionRow;
use papertrader::wire::payload::PayloadKind;
use papertrader::wire::{
    Arguments, Direction, FrameHeader, Instruction, ProtocolError, Reassembly, Reply, Request,
};
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// A message as the Rust decoder understands it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expected {
    pub number: u16,
    /// Of a well-formed message.
    arguments: Vec<Vec<u8>>,
    /// The code of what is wrong with the message.
    malformed: Option<String>,
    /// The reason that refuses an argument.
    refused: Option<String>,
    /// The layout and the value of the payload that this packet completes.
    payload: Option<ExpectedPayload>,
    /// The request that it answers, counted from 0 among those of its connection.
    request: Option<usize>,
}

/// What was compared.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Compared {
    connections: usize,
    pub frames: usize,
    pub malformed: usize,
    pub refused: usize,
    pub payloads: usize,
    values: usize,
    refused_by_rust: usize,
}

/// Whether `tests/run` has said aloud that there is no tshark.
pub(super) fn is_without_tshark() -> bool {
    std::env::var_os("WITHOUT_TSHARK").is_some()
}

/// The seed of cuts and mutations.
pub(super) fn seed() -> u64 {
    match std::env::var("FUZZ_SEED") {
        Ok(seed) => seed.parse().expect("FUZZ_SEED is a number"),
        Err(_) => 1,
    }
}

/// A message's header, and its data or what is wrong with the header; `None` if it is not whole.
fn next<'a>(
    stream: &mut &'a [u8],
    check: impl Fn(&FrameHeader) -> Result<(), ProtocolError>,
) -> Option<(FrameHeader, Result<&'a [u8], ProtocolError>)> {
    let (head, rest) = stream.split_first_chunk::<HEADER_BYTES>()?;
    let header = FrameHeader::read(head);
    if let Err(fault) = check(&header) {
        return Some((header, Err(fault)));
    }
    let (data, rest) = rest.split_at_checked(header.data_size as usize)?;
    *stream = rest;
    Some((header, Ok(data)))
}

fn malformed(number: u16, fault: &ProtocolError) -> Expected {
    Expected {
        number,
        malformed: Some(fault.code.to_string()),
        ..Expected::default()
    }
}

fn texts(header: &FrameHeader, data: &[u8]) -> Vec<Vec<u8>> {
    let arguments = Arguments::read(header.argument_count, data).unwrap();
    let parts = arguments.iter().take(arguments.count());
    parts.map(|part| part.as_bytes().to_vec()).collect()
}

/// A client's messages, to the first malformed one: the server reads no further.
fn of_client(mut stream: &[u8], port: u16) -> Vec<Expected> {
    let mut all = Vec::new();
    while let Some((header, data)) = next(&mut stream, FrameHeader::check_request) {
        let data = match data {
            Ok(data) => data,
            Err(fault) => {
                all.push(malformed(header.instruction, &fault));
                break;
            }
        };
        match frame::read_request(&header, data) {
            Err(fault) => {
                all.push(malformed(header.instruction, &fault));
                break;
            }
            // A master answers one instruction, and ends the connection at any other.
            Ok((instruction, _)) if port == MASTER && instruction != Instruction::GetWorkerList => {
                let fault = ProtocolError::new(ProtocolFault::NotAllowed, "");
                all.push(malformed(header.instruction, &fault));
                break;
            }
            Ok((instruction, arguments)) => all.push(Expected {
                number: header.instruction,
                arguments: texts(&header, data),
                refused: Request::read(instruction, arguments)
                    .err()
                    .map(|refusal| refusal.reason.as_str().to_owned()),
                ..Expected::default()
            }),
        }
    }
    all
}

/// The requests that have an answer: their place among all messages, and their instruction.
fn asked(sent: &[Expected]) -> VecDeque<(usize, Instruction)> {
    let rows = sent.iter().enumerate().filter_map(|(place, message)| {
        let row = InstructionRow::find(message.number).filter(|_| message.malformed.is_none())?;
        (!row.success.is_empty()).then_some((place, row.instruction))
    });
    rows.collect()
}

/// A server's messages, to the first header that makes no sense.
pub(super) fn of_server(
    mut stream: &[u8],
    mut asked: VecDeque<(usize, Instruction)>,
) -> Vec<Expected> {
    let (mut all, mut set) = (Vec::new(), Reassembly::default());
    while let Some((header, data)) = next(&mut stream, FrameHeader::check) {
        let data = match data {
            Ok(data) => data,
            Err(fault) => {
                all.push(malformed(header.instruction, &fault));
                break;
            }
        };
        let mut expected = Expected {
            number: header.instruction,
            ..Expected::default()
        };
        match Reply::read(&header, data) {
            Err(_) if header.is_unknown_notice() => {}
            // Both sides may send a ping; no client of ours is asked.
            Err(_) if header == FrameHeader::single(Instruction::Ping, 0, 0) => {}
            Err(fault) => expected = malformed(header.instruction, &fault),
            Ok(Reply::Data(..)) => match set.push(&header, data) {
                Err(fault) => expected = malformed(header.instruction, &fault),
                Ok(payload) => {
                    let request = asked.front().copied();
                    expected.request = request.map(|(place, _)| place);
                    if let Some(payload) = payload {
                        asked.pop_front();
                        let kind = request.and_then(|(_, instruction)| instruction.row().payload);
                        expected.payload = kind.map(|kind| self::payload(kind, &payload));
                    }
                }
            },
            Ok(_) => {
                expected.arguments = texts(&header, data);
                let row = InstructionRow::find(header.instruction).unwrap();
                if row.direction != Direction::Notice {
                    expected.request = asked.pop_front().map(|(place, _)| place);
                }
            }
        }
        all.push(expected);
    }
    all
}

/// A payload as the Rust code reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpectedPayload {
    layout: &'static str,
    /// Null where neither reads the bytes.
    value: Value,
    /// Only the Rust code refuses the bytes: a text in them has not the form that the field's own
    /// reader wants, of which the description says nothing.
    is_only_refused_by_rust: bool,
}

fn payload(kind: PayloadKind, bytes: &[u8]) -> ExpectedPayload {
    let layout = kind.layout().name;
    let read = payload_value(kind, bytes).ok();
    let described = DESCRIPTION.decode(layout, bytes).ok();
    ExpectedPayload {
        layout,
        is_only_refused_by_rust: read.is_none() && described.is_some(),
        value: read.or(described).unwrap_or(Value::Null),
    }
}

/// What the dissector shall show of a scalar: a label; of a text its name and bytes.
#[derive(Debug)]
enum Shown {
    Label(String),
    Text(String, String),
}

impl Shown {
    fn is(&self, leaf: &Leaf) -> bool {
        match self {
            Shown::Label(label) => leaf.label == *label,
            // Long labels are cut, and controls in them escaped; the bytes are whole.
            Shown::Text(name, hex) => {
                let label = leaf.label.trim_start_matches(" [truncated]");
                label.starts_with(&format!("{name}: ")) && leaf.hex == *hex
            }
        }
    }
}

fn scalar(name: &str, kind: &str, value: &Value) -> Shown {
    let digits = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let whole = || digits.parse::<i64>().unwrap();
    let form = &DESCRIPTION.json["scalars"][kind];
    let text = match kind {
        "text" | "symbol" => return Shown::Text(name.to_owned(), hex::encode(digits)),
        "money" => Money(whole()).to_string(),
        "quantity" => Quantity(whole()).to_string(),
        "percent" => Money(whole() * 100).to_string(),
        "time" if (-62_167_219_200_000..253_402_300_800_000).contains(&whole()) => {
            Timestamp(whole()).to_string()
        }
        "time" => format!("{digits} ms since 1970"),
        "uuid" => uuid::Uuid::parse_str(&digits).unwrap().to_string(),
        _ => match form["list"].as_str() {
            None => digits,
            Some(list) => {
                let values = DESCRIPTION.json["lists"][list]["values"]
                    .as_array()
                    .unwrap();
                let known = values.iter().find(|known| known["number"] == *value);
                known.map_or(digits, |known| known["name"].as_str().unwrap().to_owned())
            }
        },
    };
    Shown::Label(format!("{name}: {text}"))
}

/// The values of a payload, in the order of the layout.
fn flatten(layout: &str, value: &Value, outer: &Map<String, Value>, shown: &mut Vec<Shown>) {
    let record = value.as_object().unwrap();
    for (field, name) in DESCRIPTION.fields(layout) {
        if !DescriptionDecoder::is_there(field, record, outer) {
            continue;
        }
        let mut add = |name: &str, value: &Value| match field["layout"].as_str() {
            Some(inner) => flatten(inner, value, record, shown),
            None => shown.push(scalar(name, field["scalar"].as_str().unwrap(), value)),
        };
        match record[name]
            .as_array()
            .filter(|_| !field["repeated"].is_null())
        {
            None => add(name, &record[name]),
            Some(items) => {
                for (number, item) in items.iter().enumerate() {
                    add(&format!("{name} {}", number + 1), item);
                }
            }
        }
    }
}

/// Compares the messages of one side.
fn compare_side(shown: &[&Dissected], expected: &[Expected], compared: &mut Compared) {
    for (dissected, expected) in shown.iter().zip(expected) {
        compared.frames += 1;
        let number = dissected.field("number").map(str::to_owned);
        assert_eq!(
            number,
            Some(format!("0x{:04x}", expected.number)),
            "{dissected:?}"
        );
        let name = match InstructionRow::find(expected.number) {
            Some(row) => row.name.to_owned(),
            None => format!("{:04x}", expected.number),
        };
        assert_eq!(
            dissected.field("instruction"),
            Some(&*name),
            "{dissected:?}"
        );
        let is_payload = dissected.field("malformed") == Some("payload");
        let wrong = dissected.field("malformed").filter(|_| !is_payload);
        assert_eq!(
            wrong,
            expected.malformed.as_deref(),
            "{dissected:?} {expected:?}"
        );
        assert_eq!(
            dissected.field("refused"),
            expected.refused.as_deref(),
            "{dissected:?}"
        );
        compared.malformed += usize::from(expected.malformed.is_some());
        compared.refused += usize::from(expected.refused.is_some());
        if expected.malformed.is_some() {
            continue;
        }
        let is_known = InstructionRow::find(expected.number).is_some();
        assert!(
            !is_known || dissected.arguments == expected.arguments,
            "{dissected:?} {expected:?}"
        );
        match &expected.payload {
            None => assert_eq!(dissected.payload, None, "{dissected:?}"),
            Some(payload) if is_payload => {
                let is_read = !payload.value.is_null() && !payload.is_only_refused_by_rust;
                assert!(!is_read, "{payload:?} {dissected:?}");
            }
            Some(payload) => {
                let (layout, value) = (payload.layout, &payload.value);
                assert!(!value.is_null(), "{layout} {dissected:?}");
                compared.refused_by_rust += usize::from(payload.is_only_refused_by_rust);
                let mut values = Vec::new();
                flatten(layout, value, &Map::new(), &mut values);
                let leaves = dissected.payload.as_deref().unwrap_or_default();
                for (value, leaf) in values.iter().zip(leaves) {
                    assert!(value.is(leaf), "{layout}: {value:?}, shown as {leaf:?}");
                }
                assert_eq!(values.len(), leaves.len(), "{layout} {value} {leaves:?}");
                compared.payloads += 1;
                compared.values += values.len();
            }
        }
    }
    let rest = shown.get(expected.len()..).unwrap_or_default();
    for dissected in rest {
        assert!(
            dissected.title.contains("behind a malformed message"),
            "{dissected:?}"
        );
    }
    assert!(shown.len() >= expected.len(), "{shown:?}\n{expected:?}");
}

/// A connection, and the messages that it carries.
pub(super) struct Case {
    pub conversation: Conversation,
    sent: Vec<Expected>,
    received: Vec<Expected>,
}

impl Case {
    pub fn new(sent: &[u8], received: &[u8], conversation: Conversation) -> Case {
        let sent = of_client(sent, conversation.port);
        let asked = asked(&sent);
        Case {
            conversation,
            received: of_server(received, asked),
            sent,
        }
    }
}

/// Dissects all cases in one capture, and compares each message.
pub(super) fn compare(cases: &[Case], options: &[&str]) -> (Compared, Vec<Dissected>) {
    let conversations: Vec<_> = cases.iter().map(|case| case.conversation.clone()).collect();
    let shown = dissect(&conversations, options);
    let mut compared = Compared::default();
    for (number, case) in cases.iter().enumerate() {
        compared.connections += 1;
        for (by_client, expected) in [(true, &case.sent), (false, &case.received)] {
            let is_own =
                |one: &&Dissected| one.conversation == number && one.by_client == by_client;
            let own: Vec<_> = shown.iter().filter(is_own).collect();
            compare_side(&own, expected, &mut compared);
        }
    }
    (compared, shown)
}

/// Requests and their answers know each other, and whether the state was wrong.
pub(super) fn check_links(cases: &[Case], shown: &[Dissected]) {
    let mut first_packet = 1;
    for (number, case) in cases.iter().enumerate() {
        let side = |by_client: bool| {
            let is_own =
                move |one: &&Dissected| one.conversation == number && one.by_client == by_client;
            shown.iter().filter(is_own)
        };
        let sent: Vec<_> = side(true).collect();
        let packets = capture::ends(&case.conversation, first_packet, true);
        for (answer, expected) in side(false).zip(&case.received) {
            assert_eq!(answer.field("expert.unexpected"), None, "{answer:?}");
            assert_eq!(answer.field("expert.payload"), None, "{answer:?}");
            let request = answer
                .field("request_in")
                .map(|packet| packet.parse().unwrap());
            assert_eq!(
                request,
                expected.request.map(|place| packets[place]),
                "{answer:?}"
            );
            let Some(request) = expected.request.map(|place| sent[place]) else {
                continue;
            };
            let number = expected.number == Instruction::Data.number();
            if !number {
                let packet = answer.packet.to_string();
                assert_eq!(request.field("response_in"), Some(&*packet), "{request:?}");
            }
            let is_wrong_state = expected
                .arguments
                .first()
                .is_some_and(|it| it == b"wrong-state");
            let shown = request.field("expert.wrong_state").is_some();
            assert_eq!(shown, is_wrong_state, "{request:?}\n{answer:?}");
        }
        first_packet += 5 + case.conversation.segments.len();
    }
}

/// Compares all frames of connections that dialogues had, in large segments and in random ones.
pub fn check_connections(connections: &[ConnectionBytes], port: u16) {
    if is_without_tshark() {
        return;
    }
    let seed = seed();
    let mut random = Random(seed);
    for is_cut in [false, true] {
        let case = |bytes: &ConnectionBytes| {
            let (sent, received) = (&bytes.sent, &bytes.received);
            let conversation = if is_cut {
                Conversation::cut(port, sent, received, &mut random)
            } else {
                Conversation::whole(port, sent, received)
            };
            Case::new(sent, received, conversation)
        };
        let cases: Vec<Case> = connections.iter().map(case).collect();
        let (compared, shown) = compare(&cases, &["-2"]);
        check_links(&cases, &shown);
        println!("tshark and Rust agree, seed {seed}, cut {is_cut}: {compared:?}");
    }
}
