//! spec/net/websocket.md · 4.3.2 Client-Worker Server Connection

use super::*;

/// A client's frame. Where `mask` is `None` it has none.
pub(crate) fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { MASKED } else { 0 };
    let mut bytes = SentHeader::new(0, payload.len()).bytes().to_vec();
    bytes[0] = first;
    bytes[1] |= masked;
    bytes.extend(mask.iter().flatten());
    let mask = mask.unwrap_or_default();
    let covered = payload.iter().zip(mask.iter().cycle());
    bytes.extend(covered.map(|(byte, mask)| byte ^ mask));
    bytes
}

const MASK: Option<[u8; 4]> = Some([0xa5, 0x00, 0xff, 0x17]);

/// What a decoder finds in pieces, in words.
fn decoded<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<String>) {
    let mut decoder = WebSocketDecoder::default();
    let (mut data, mut events) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut bytes = piece.as_mut_slice();
        loop {
            match decoder.next(&mut bytes) {
                Ok(Some(WebSocketEvent::Data(piece))) => data.extend_from_slice(piece),
                Ok(Some(WebSocketEvent::Ping(payload))) => {
                    let text = String::from_utf8_lossy(payload.bytes()).into_owned();
                    events.push(format!("ping {text}"));
                }
                Ok(Some(WebSocketEvent::Close(code))) => {
                    events.push(format!("close {}", code.number()));
                    return (data, events);
                }
                Ok(None) => break,
                Err(code) => {
                    events.push(format!("fails {}", code.number()));
                    return (data, events);
                }
            }
        }
    }
    (data, events)
}

#[test]
fn frames_are_read_alike_wherever_reads_split_them() {
    let long: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let stream = [
        frame(FIN | BINARY, b"hello", MASK),
        frame(BINARY, b"", MASK),
        frame(FIN | PING, b"are you there", MASK),
        frame(CONTINUATION, &long[..300], MASK),
        frame(FIN | PONG, b"unasked", MASK),
        frame(FIN | CONTINUATION, &long[300..FRAME_PAYLOAD_MAX], MASK),
        frame(FIN | CLOSE, b"\x03\xe8bye", MASK),
        b"nothing reads this".to_vec(),
    ]
    .concat();
    let whole = decoded([stream.as_slice()]);
    let mut sent = b"hello".to_vec();
    sent.extend_from_slice(&long[..FRAME_PAYLOAD_MAX]);
    assert!(whole.0 == sent);
    assert_eq!(whole.1, ["ping are you there", "close 1000"]);
    for size in [1, 2, 3, 5, 7, 8, 9, 13, 4096] {
        assert!(decoded(stream.chunks(size)) == whole, "pieces of {size}");
    }
    for at in 1..700 {
        let (first, second) = stream.split_at(at);
        assert!(decoded([first, second]) == whole, "split at {at}");
    }
}

#[test]
fn what_violates_websocket_is_found_at_its_first_wrong_byte() {
    let too_long = frame(FIN | BINARY, &vec![0; FRAME_PAYLOAD_MAX + 1], MASK);
    let long_ping = frame(FIN | PING, &[0; 126], MASK);
    for (what, bytes, code) in [
        ("a frame that is too long", &too_long[..10], 1009),
        ("text", &[FIN | TEXT][..], 1003),
        ("a reserved bit", &[FIN | 0x40 | BINARY][..], 1002),
        ("no mask", &[FIN | BINARY, 5][..], 1002),
        ("a continuation of nothing", &[FIN][..], 1002),
        ("a ping in fragments", &[PING][..], 1002),
        ("a long ping", &long_ping[..2], 1002),
        (
            "a size of 16 bits that needs 7",
            &[FIN | BINARY, 0xfe, 0, 125][..],
            1002,
        ),
        (
            "a size of 64 bits that needs 16",
            &[0x82, 0xff, 0, 0, 0, 0, 0, 0, 255, 255][..],
            1002,
        ),
        (
            "a size of 64 bits",
            &[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0][..],
            1002,
        ),
    ] {
        assert_eq!(decoded([bytes]).1, [format!("fails {code}")], "{what}");
        let short = &bytes[..bytes.len() - 1];
        assert!(decoded([short]).1.is_empty(), "{what}, a byte before");
    }
}

#[test]
fn a_frame_is_incomplete_in_its_header_and_as_a_control_frame() {
    let mut decoder = WebSocketDecoder::default();
    let mut steps = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let mut rest = bytes.as_mut_slice();
        while decoder.next(&mut rest).unwrap().is_some() {}
        decoder.incomplete()
    };
    assert_eq!(steps(&[]), None);
    assert_eq!(steps(&[FIN | BINARY]), Some(1));
    assert_eq!(steps(&[0x83, 1, 2, 3, 4]), None, "its payload is a stream");
    assert_eq!(steps(&[9]), None);
    assert_eq!(steps(&[9, 9, FIN | PING]), Some(2));
    assert_eq!(steps(&[0x81, 1, 2, 3, 4]), Some(2));
    assert_eq!(steps(&[9, FIN | PING]), Some(3));
}

#[test]
fn messages_are_sent_with_the_shortest_size_and_in_pieces() {
    let mut out = Vec::new();
    for (size, header) in [
        (0, &[0x82, 0][..]),
        (125, &[0x82, 125][..]),
        (126, &[0x82, 126, 0, 126][..]),
        (65_535, &[0x82, 126, 255, 255][..]),
        (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..]),
    ] {
        out.clear();
        write_frame(BINARY, &vec![7; size], &mut out).unwrap();
        assert!(out.starts_with(header) && out.len() == header.len() + size);
    }
    out.clear();
    write_data(&vec![7; SENT_PAYLOAD_MAX + 1], &mut out).unwrap();
    assert_eq!(&out[out.len() - 3..], [0x82, 1, 7]);
    out.clear();
    write_data(&[], &mut out).unwrap();
    assert!(out.is_empty(), "no bytes are no message");
}

#[test]
fn the_handshakes_example_is_accepted() {
    let accept = accept_key("dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(accept.as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    for wrong in [
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25j",
        "not base64 at all!!!!!!==",
    ] {
        assert_eq!(accept_key(wrong), None, "{wrong}");
    }
}
