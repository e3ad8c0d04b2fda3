//! The dissector of `etc/wireshark`, in tshark, against the Rust decoder: on golden frames, on changed
//! ones, and over what fuzzing begins with. `fixtures.rs` hands over all bytes of all dialogues.

use crate::protocol::capture::{Conversation, DISSECTOR, MASTER, Random, WORKER, dissect};
use crate::protocol::dissector_cases::{
    Case, Expected, compare, is_without_tshark, of_server, seed,
};
use crate::protocol::fuzz::{changed, targets};
use papertrader::description::{self, wireshark};
use papertrader::dialogue::fixtures;
use papertrader::wire::frame::HEADER_BYTES;
use papertrader::wire::instruction::{InstructionRow, TABLE};
use papertrader::wire::{Direction, Instruction, packet};
use std::collections::VecDeque;

#[test]
fn the_dissector_is_current() {
    let is = std::fs::read_to_string(DISSECTOR).unwrap_or_default();
    let should = wireshark::dissector(&description::describe());
    assert!(
        is == should,
        "{DISSECTOR} is not current: run make describe"
    );
}

/// A request that this answer or payload may belong to.
fn request_for(wanted: impl Fn(&InstructionRow) -> bool) -> Vec<u8> {
    let row = TABLE.iter().find(|row| wanted(row)).unwrap();
    let start = format!("{:04X}-", row.number);
    let mut frames = fixtures::golden_frames().filter(|(file, _)| file.starts_with(&start));
    frames.next().unwrap().1
}

/// Each golden frame in a connection of its own: what a client and what a server sends.
pub(super) fn golden_streams() -> Vec<(Vec<u8>, Vec<u8>)> {
    let stream = |(file, bytes): (&str, Vec<u8>)| {
        if let Some(name) = file.strip_prefix("payload-") {
            let name = name.split('-').next().unwrap();
            let has =
                |row: &InstructionRow| row.payload.is_some_and(|kind| kind.layout().name == name);
            let mut packets = Vec::new();
            packet::write(&mut packets, &bytes);
            return (request_for(has), packets);
        }
        let number = u16::from_str_radix(&file[..4], 16).unwrap();
        let row = InstructionRow::find(number).unwrap();
        match row.direction {
            Direction::Request | Direction::Both if number != Instruction::Pong.number() => {
                (bytes, Vec::new())
            }
            Direction::Notice => (Vec::new(), bytes),
            _ => {
                let answers = |asks: &InstructionRow| {
                    asks.success.contains(&row.instruction) || asks.failure == Some(row.instruction)
                };
                (request_for(answers), bytes)
            }
        }
    };
    fixtures::golden_frames().map(stream).collect()
}

#[test]
fn golden_frames_are_dissected_as_rust_decodes_them() {
    if is_without_tshark() {
        return;
    }
    let (seed, streams) = (seed(), golden_streams());
    let mut random = Random(seed);
    let whole = streams
        .iter()
        .map(|(sent, received)| (sent, received, Conversation::whole(WORKER, sent, received)));
    let cut = streams.iter().map(|(sent, received)| {
        let conversation = Conversation::cut(WORKER, sent, received, &mut random);
        (sent, received, conversation)
    });
    let cases: Vec<Case> = whole
        .chain(cut)
        .map(|(sent, received, conversation)| Case::new(sent, received, conversation))
        .collect();
    let (compared, _) = compare(&cases, &[]);
    println!("golden frames, seed {seed}: {compared:?}");
    assert!(
        compared.frames > 400 && compared.payloads > 40,
        "{compared:?}"
    );
    assert!(
        compared.malformed == 0 && compared.refused == 0,
        "{compared:?}"
    );
}

/// How many inputs are made of each kind.
const CHANGED: usize = 300;

/// A stream with one byte of its data changed: its header stays good.
fn with_another_byte(stream: &[u8], random: &mut Random) -> Vec<u8> {
    let mut stream = stream.to_vec();
    if let Some(data) = stream
        .get_mut(HEADER_BYTES..)
        .filter(|data| !data.is_empty())
    {
        let at = random.below(data.len());
        data[at] = [b'-', b'0', b'A', b'z', b'.', b' ', b'\n', 0, 0xC3, 0xFF][random.below(10)];
    }
    stream
}

/// Streams of one side that are changed: as fuzzing changes them, and in one byte of the data.
fn changed_streams(side: impl Fn(&(Vec<u8>, Vec<u8>)) -> &Vec<u8>) -> Vec<Vec<u8>> {
    let mut random = Random(seed());
    let streams: Vec<Vec<u8>> = golden_streams().iter().map(side).cloned().collect();
    let streams: Vec<_> = streams
        .into_iter()
        .filter(|stream| !stream.is_empty())
        .collect();
    let mut all: Vec<_> = changed(&streams, seed(), CHANGED).collect();
    for _ in 0..CHANGED {
        all.push(with_another_byte(
            &streams[random.below(streams.len())],
            &mut random,
        ));
    }
    all
}

/// Golden payloads that are changed, each with the request that it answers.
fn changed_payloads() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut random = Random(seed());
    let mut all = Vec::new();
    for (file, bytes) in fixtures::golden_frames() {
        let Some(name) = file.strip_prefix("payload-") else {
            continue;
        };
        let name = name.split('-').next().unwrap();
        let has = |row: &InstructionRow| row.payload.is_some_and(|it| it.layout().name == name);
        let request = request_for(has);
        let one_byte = (0..6).map(|_| {
            let mut bytes = [&[0; HEADER_BYTES][..], &bytes].concat();
            bytes = with_another_byte(&bytes, &mut random);
            bytes.split_off(HEADER_BYTES)
        });
        let inputs = [bytes.clone()];
        for payload in one_byte.chain(changed(&inputs, seed(), 6)) {
            let mut packets = Vec::new();
            packet::write(&mut packets, &payload);
            all.push((request.clone(), packets));
        }
    }
    all
}

#[test]
fn changed_frames_are_dissected_as_rust_decodes_them() {
    if is_without_tshark() {
        return;
    }
    let seed = seed();
    let mut random = Random(seed);
    let mut streams: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    streams.extend(
        changed_streams(|(sent, _)| sent)
            .into_iter()
            .map(|sent| (sent, vec![])),
    );
    for received in changed_streams(|(_, received)| received) {
        // Sets of packets that do not follow each other are told apart by no header.
        let is_packet = |it: &Expected| it.number == Instruction::Data.number();
        if of_server(&received, VecDeque::new())
            .iter()
            .filter(|it| is_packet(it))
            .count()
            < 2
        {
            streams.push((vec![], received));
        }
    }
    streams.extend(changed_payloads());
    let cases = streams.iter().map(|(sent, received)| {
        let conversation = Conversation::cut(WORKER, sent, received, &mut random);
        Case::new(sent, received, conversation)
    });
    let (compared, shown) = compare(&cases.collect::<Vec<_>>(), &[]);
    let unread = shown
        .iter()
        .filter(|it| it.field("malformed") == Some("payload"))
        .count();
    println!("changed frames, seed {seed}: {compared:?}, {unread} payloads that both refuse");
    assert!(
        compared.malformed > 200 && compared.refused > 50 && unread > 20,
        "{compared:?}"
    );
}

/// Those whose inputs are bytes of a connection, or come near.
const STREAM_TARGETS: [&str; 10] = [
    "requests",
    "replies",
    "arguments",
    "payloads",
    "transfers",
    "records",
    "envelopes",
    "link-messages",
    "handshakes",
    "websocket-frames",
];

/// What fuzzing begins with, as streams of clients, of servers, of links and on other ports: nothing
/// ends in an error of the dissector.
#[test]
fn inputs_of_the_fuzzer_are_no_error_of_the_dissector() {
    if is_without_tshark() {
        return;
    }
    let seed = seed();
    let mut random = Random(seed);
    let mut conversations = Vec::new();
    for name in STREAM_TARGETS {
        let inputs = targets::inputs(targets::named(name).unwrap());
        for input in changed(&inputs, seed, 24) {
            let input = &input;
            for (port, sent, received) in [
                (MASTER, &input[..], &[][..]),
                (MASTER, &[], &input[..]),
                (WORKER, input, input),
                (7_777, input, input),
            ] {
                conversations.push(Conversation::cut(port, sent, received, &mut random));
            }
        }
    }
    let options: [&[&str]; 2] = [&[], &["-2"]];
    for options in options {
        let shown = dissect(&conversations, options);
        println!(
            "seed {seed}: {} connections, {} items",
            conversations.len(),
            shown.len()
        );
        assert!(shown.len() > conversations.len() / 2, "{}", shown.len());
    }
}
