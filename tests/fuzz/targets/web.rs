//! spec/fuzzing.md
//!
//! What a browser may send to a worker: heads of HTTP, hosts and origins, frames of WebSocket.

use super::{in_pieces, pieces};
use papertrader::config::WebOrigin;
use papertrader::net::http::{FIELDS_MAX, HeadError, RequestHead};
use papertrader::net::websocket::{
    CONTROL_PAYLOAD_MAX, WebSocketDecoder, WebSocketEvent, accept_key,
};
use papertrader::testkit::websocket::frame;

/// Fields that the worker reads.
const FIELDS: [&str; 6] = [
    "host",
    "origin",
    "connection",
    "if-none-match",
    "accept-encoding",
    "sec-websocket-key",
];

/// A head is none that another program could read otherwise; its hosts and origins are written and
/// read back the same.
pub fn heads(data: &[u8]) {
    let head = match RequestHead::read(data) {
        Ok(head) => head,
        Err(HeadError::TooLarge | HeadError::Malformed(_)) => return,
        Err(other) => panic!("{other:?} of bytes that are all there"),
    };
    assert!(data.ends_with(b"\r\n\r\n"));
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    assert!(lines.len() <= FIELDS_MAX + 4 + data.len() / 2);
    for line in &lines[..lines.len() - 1] {
        assert!(line.ends_with(b"\r"), "a bare line feed");
        assert!(
            !line.starts_with(b" ") && !line.starts_with(b"\t"),
            "folded"
        );
    }
    assert!(!head.target.is_empty() && !head.target.contains(' '));
    for name in FIELDS {
        let value = head.only(name);
        assert!(head.list(name).all(|element| element.trim() == element));
        let Ok(Some(value)) = value else {
            continue;
        };
        accept_key(value);
        if let Some(origin) = WebOrigin::parse(value) {
            let written = origin.to_string();
            assert_eq!(WebOrigin::parse(&written), Some(origin.clone()), "{value}");
            let (_, host) = written.split_once("://").unwrap();
            assert!(origin.is_host(host), "{written}");
            assert!(!origin.is_host(&written));
        }
    }
}

/// Heads of browsers and of those who try.
pub fn head_seeds() -> Vec<Vec<u8>> {
    let upgrade = "GET /ws HTTP/1.1\r\nHost: localhost:2050\r\nOrigin: http://localhost:2050\r\n\
                   Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: papertrader.1\r\n\r\n";
    let page = "GET /?code=1 HTTP/1.1\r\nHost: [::1]:2050\r\nAccept-Encoding: gzip;q=0.5, br\r\n\
                If-None-Match: W/\"a\", \"b\"\r\n\r\n";
    let origin =
        "GET / HTTP/1.0\r\nHost: trade.example.org\r\nOrigin: https://[2001:db8::1]\r\n\r\n";
    let wrong = "POST http://a/ HTTP/1.1\nHost : a\r\n b\r\nContent-Length: 1\r\n\r\n";
    [upgrade, page, origin, wrong]
        .map(|text| text.as_bytes().to_vec())
        .into()
}

/// What a client's frames bring: the bytes of the stream, and all else in words.
fn decoded<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<String>) {
    let mut decoder = WebSocketDecoder::default();
    let (mut stream, mut events) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut bytes = piece.as_mut_slice();
        loop {
            match decoder.next(&mut bytes) {
                Ok(Some(WebSocketEvent::Data(data))) => stream.extend_from_slice(data),
                Ok(Some(WebSocketEvent::Ping(payload))) => {
                    assert!(payload.bytes().len() <= CONTROL_PAYLOAD_MAX);
                    events.push(format!("{:?}", payload.bytes()));
                }
                Ok(Some(WebSocketEvent::Close(code))) => {
                    events.push(format!("closed with {}", code.number()));
                    return (stream, events);
                }
                Ok(None) => break,
                Err(code) => {
                    events.push(format!("violated: {}", code.number()));
                    return (stream, events);
                }
            }
        }
        assert!(bytes.is_empty(), "bytes are left");
    }
    (stream, events)
}

/// Frames are read the same however they are cut, and bring no byte that was not sent.
pub fn frames(data: &[u8]) {
    let seen = decoded(pieces(data));
    assert_eq!(
        seen,
        decoded(data.get(1..).into_iter()),
        "cut otherwise, read otherwise"
    );
    assert!(seen.0.len() <= data.len());
    // What is sent as frames comes out as it was.
    let sent = [
        frame(0x02, &data[..data.len() / 2]),
        frame(0x89, b"?"),
        frame(0x80, &data[data.len() / 2..]),
    ];
    if data.len() <= 65_536 {
        let (stream, events) = decoded(sent.iter().map(Vec::as_slice));
        assert!(stream == data && events.len() == 1);
    }
}

/// Messages whole and in fragments, control frames, and violations.
pub fn frame_seeds() -> Vec<Vec<u8>> {
    let message = frame(0x82, b"some bytes of the stream");
    let fragments = [
        frame(0x02, b"some"),
        frame(0x89, b"are you there"),
        frame(0x80, &[7; 300]),
    ];
    let close = frame(0x88, b"\x03\xe8bye");
    let mut seeds = vec![
        message.clone(),
        fragments.concat(),
        close.clone(),
        frame(0x81, b"text"),
        frame(0xc2, b"reserved"),
        frame(0x8a, &[1; 125]),
        frame(0x82, &[1; 66_000])[..100].to_vec(),
    ];
    seeds.push([message, fragments.concat(), close].concat());
    in_pieces(seeds)
}
