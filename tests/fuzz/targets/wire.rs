//! spec/fuzzing.md
//!
//! The wire format, read from either side.

use super::{byte, golden, in_pieces, pieces};
use papertrader::model::{
    Bar, ClientOrderId, Email, HashedPass, Money, Quantity, Quote, SessionId, Symbol, Timestamp,
    Username,
};
use papertrader::wire::payload::{
    AssetInfo, Forecast, History, Payload, Portfolio, Receipt, TextList, UserInfo,
};
use papertrader::wire::{
    Arguments, DATA_MAX, FrameBuffer, FrameHeader, ProtocolError, Reassembly, Reply, Request,
    argument, frame, packet,
};
use std::fmt::Debug;

/// What a stream of requests comes to: each whole frame read as far as it can be, and the fault
/// that ends it.
fn read_all<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Option<Request>, String>> {
    let mut buffer = FrameBuffer::new();
    let mut seen = Vec::new();
    for piece in pieces {
        buffer.extend(piece);
        loop {
            let read = |header: &FrameHeader,
                        data: &[u8]|
             -> Result<Result<Option<Request>, String>, ProtocolError> {
                let (instruction, arguments) = frame::read_request(header, data)?;
                Ok(Request::read(instruction, arguments).map_err(|refusal| refusal.to_string()))
            };
            match buffer.next(FrameHeader::check_request) {
                Ok(None) => break,
                Ok(Some((header, data))) => match read(&header, data) {
                    Ok(request) => seen.push(request),
                    Err(fault) => {
                        seen.push(Err(fault.to_string()));
                        return seen;
                    }
                },
                Err(fault) => {
                    seen.push(Err(fault.to_string()));
                    return seen;
                }
            }
        }
        assert!(
            buffer.len() < frame::HEADER_BYTES + DATA_MAX,
            "more than a frame waits"
        );
    }
    seen
}

/// A client's stream, as a worker reads it: the same however it is cut; what is a request is
/// written and read back the same.
pub fn requests(data: &[u8]) {
    let seen = read_all(pieces(data));
    assert_eq!(
        seen,
        read_all(data.get(1..).into_iter()),
        "cut otherwise, read otherwise"
    );
    for request in seen.into_iter().flatten() {
        let request = request.expect("an instruction that no client sends passed the checks");
        let mut bytes = Vec::new();
        request.write(&mut bytes);
        assert_eq!(
            read_all([bytes.as_slice()].into_iter()),
            [Ok(Some(request))]
        );
    }
}

/// Every golden frame of a request, alone and all behind each other.
pub fn request_seeds() -> Vec<Vec<u8>> {
    let mut streams = [golden("01"), golden("02"), golden("04")].concat();
    streams.push(streams.concat());
    in_pieces(streams)
}

/// A server's message, as a client reads it: what is one is written the same, byte for byte.
pub fn replies(data: &[u8]) {
    let Some((head, data)) = data.split_first_chunk() else {
        return;
    };
    let header = FrameHeader::read(head);
    assert_eq!(header.bytes(), *head);
    if let Ok(reply) = Reply::read(&header, data) {
        let mut bytes = Vec::new();
        reply.write(&mut bytes);
        assert_eq!(bytes, [head, data].concat(), "{reply:?}");
    }
}

/// Every golden frame of a server, of which there are some in the control type too.
pub fn reply_seeds() -> Vec<Vec<u8>> {
    [golden("03"), golden("04")].concat()
}

/// Text arguments: as many as were said, none empty, the same text when they are joined.
pub fn arguments(mut data: &[u8]) {
    let count = u16::from_be_bytes([byte(&mut data), byte(&mut data)]);
    let Ok(arguments) = Arguments::read(count, data) else {
        return;
    };
    let parts: Vec<&str> = arguments.iter().take(arguments.count()).collect();
    assert_eq!(parts.len(), usize::from(count));
    assert_eq!(parts.join(" ").as_bytes(), data);
    assert!(parts.iter().all(|part| !part.is_empty()));
    let but_last = parts.iter().rev().skip(1);
    assert!(but_last.clone().all(|part| !part.contains(' ')));
    assert_eq!(
        arguments.last_has_space(),
        parts.last().is_some_and(|part| part.contains(' '))
    );
    for (index, part) in parts.iter().enumerate().take(8) {
        assert_eq!(arguments.get(index), *part);
    }
    assert_eq!(arguments.get(parts.len()), "");
}

/// What stands behind the golden frames' headers, with the number of arguments before it.
pub fn argument_seeds() -> Vec<Vec<u8>> {
    golden("0")
        .iter()
        .map(|frame| [&frame[7..9], &frame[frame::HEADER_BYTES..]].concat())
        .collect()
}

/// A value's text that was accepted comes back from the value.
fn canonical<T: Debug, E>(text: &str, read: Result<T, E>, write: impl Fn(&T) -> String) {
    if let Ok(value) = read {
        assert_eq!(write(&value), text, "{value:?}");
    }
}

/// A value whose text has several forms is the same when its own form is read.
fn stable<T: Debug + PartialEq, E: Debug + PartialEq>(
    text: &str,
    read: fn(&str) -> Result<T, E>,
    write: fn(&T) -> String,
) {
    if let Ok(value) = read(text) {
        assert_eq!(read(&write(&value)).as_ref(), Ok(&value), "{text:?}");
    }
}

/// Each argument's form (wire format 5).
pub fn values(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    canonical(text, Username::parse(text), |name| name.as_str().to_owned());
    canonical(text, Email::parse(text), |email| email.as_str().to_owned());
    canonical(text, HashedPass::parse(text), |secret| {
        secret.expose().to_owned()
    });
    canonical(text, SessionId::parse(text), SessionId::expose);
    canonical(text, Symbol::parse(text), |symbol| {
        symbol.as_str().to_owned()
    });
    canonical(text, ClientOrderId::parse(text), |id| {
        id.as_str().to_owned()
    });
    canonical(text, argument::parse_uuid(text), |id| {
        id.hyphenated().to_string()
    });
    canonical(text, Money::parse_canonical(text), Money::to_string);
    canonical(text, Quantity::parse_canonical(text), Quantity::to_string);
    canonical(text, Timestamp::parse_canonical(text), Timestamp::to_string);
    stable(text, Quantity::parse_quantity, Quantity::to_string);
    stable(text, Money::parse_rounded, Money::to_string);
    stable(text, Timestamp::parse, Timestamp::to_string);
    if let (Ok(amount), Ok(price)) = (Quantity::parse_quantity(text), Money::parse_rounded(text))
        && let (Some(cost), Some(worth)) = (amount.cost_at(price), amount.worth_at(price))
    {
        assert!(cost >= worth && cost.0 - worth.0 <= 1, "{cost} and {worth}");
    }
    if argument::is_address(text) {
        assert!(text.contains(':') && !text.contains(' '));
    }
    for most in [0, 1, text.len() / 2, text.len() + 1] {
        let cut = argument::cut(text, most);
        assert!(cut.len() <= most && text.starts_with(cut));
    }
}

/// Each argument of the golden frames.
pub fn value_seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = golden("0")
        .iter()
        .flat_map(|frame| {
            frame[frame::HEADER_BYTES..]
                .split(|byte| *byte == b' ')
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>()
        })
        .collect();
    let more = [
        "[::1]:2049",
        "127.0.0.1:1",
        "2012-02-29",
        "2013-03-01T23:59:59.999Z",
        "1e-3",
        "-0.5",
        "999999999999.999999",
    ];
    seeds.extend(more.map(|text| text.as_bytes().to_vec()));
    seeds.sort();
    seeds.dedup();
    seeds
}

/// A payload that is accepted has no second spelling.
fn payload<T: Payload + Debug>(data: &[u8]) {
    if let Ok(value) = T::from_bytes(data) {
        assert_eq!(value.to_bytes(), data, "{value:?}");
    }
}

/// The payload that the first byte says, in the rest.
pub fn payloads(mut data: &[u8]) {
    match byte(&mut data) % 9 {
        0 => payload::<AssetInfo>(data),
        1 => payload::<Quote>(data),
        2 => payload::<Vec<Bar>>(data),
        3 => payload::<UserInfo>(data),
        4 => payload::<Portfolio>(data),
        5 => payload::<History>(data),
        6 => payload::<Forecast>(data),
        7 => payload::<TextList>(data),
        _ => payload::<Receipt>(data),
    }
}

/// Every golden payload, as each kind.
pub fn payload_seeds() -> Vec<Vec<u8>> {
    let golden = golden("payload-");
    golden
        .iter()
        .flat_map(|payload| (0..9).map(|kind| [&[kind], payload.as_slice()].concat()))
        .collect()
}

/// The most that a transfer may bring here.
const TRANSFER_MAX: usize = 40_000;

/// A stream of packets, put together: never more than the limit, and the same when it is sent
/// again.
pub fn transfers(data: &[u8]) {
    let mut buffer = FrameBuffer::new();
    let mut reassembly = Reassembly::new(TRANSFER_MAX);
    for piece in pieces(data) {
        buffer.extend(piece);
        loop {
            let Ok(next) = buffer.next(FrameHeader::check) else {
                return;
            };
            let Some((header, data)) = next else {
                break;
            };
            let Ok(done) = reassembly.push(&header, data) else {
                return;
            };
            let (taken, expected) = reassembly.progress();
            assert!(taken < expected || (taken, expected) == (0, 0));
            if let Some(whole) = done {
                assert!(whole.len() <= TRANSFER_MAX);
                assert_eq!(again(&whole), whole);
            }
        }
    }
}

/// What becomes of a payload that is sent and put together.
fn again(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet::write(&mut bytes, payload);
    let mut buffer = FrameBuffer::new();
    buffer.extend(&bytes);
    let mut reassembly = Reassembly::default();
    let mut whole = None;
    while let Some((header, data)) = buffer.next(FrameHeader::check).expect("frames of our own") {
        assert_eq!(whole, None);
        whole = reassembly.push(&header, data).expect("packets of our own");
    }
    whole.expect("a whole payload")
}

/// Transfers of one packet and of several.
pub fn transfer_seeds() -> Vec<Vec<u8>> {
    let mut streams = golden("030B");
    for size in [0, DATA_MAX, DATA_MAX + 1, 3 * DATA_MAX] {
        let mut stream = Vec::new();
        packet::write(&mut stream, &vec![7; size]);
        packet::write(&mut stream, b"another");
        streams.push(stream);
    }
    in_pieces(streams)
}
