//! spec/worker/web.md · 4.3.2 Client-Worker Server Connection
//!
//! Cases of the Autobahn test suite, sections 1 to 7 and 10, by their numbers: what each checks of a
//! server, sent to a real worker. Where a case sends texts although it is about frames, it sends
//! the protocol's stream in binary messages here. Where it is about texts, the answer is 1003.

use super::{Browsers, CLOSE, frame, ping, seen};
use std::io::Write;

/// First bytes of frames: the last of their message.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CONTINUATION: u8 = 0x80;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// A frame that is not the last of its message.
const MORE: u8 = !0x80;

/// A case: its number, what is sent, in how large pieces, and what comes.
struct Case {
    number: String,
    bytes: Vec<u8>,
    piece: usize,
    expected: String,
}

/// Behind a case that the connection survives: a request, and a close frame.
fn survives(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(frame(BINARY, &ping()));
    bytes.extend(frame(CLOSE, &1000_u16.to_be_bytes()));
    bytes
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    /// A case that the connection survives. `expected`: what comes before the last reply.
    fn good(&mut self, number: impl ToString, frames: &[Vec<u8>], expected: &str) {
        self.good_in(number, frames, usize::MAX, expected);
    }

    fn good_in(&mut self, number: impl ToString, frames: &[Vec<u8>], piece: usize, expected: &str) {
        self.0.push(Case {
            number: number.to_string(),
            bytes: survives(frames.concat()),
            piece,
            expected: format!("{expected} reply close-1000")
                .trim_start()
                .to_owned(),
        });
    }

    /// A case that ends the connection. What stands behind it is not read.
    fn bad(&mut self, number: impl ToString, frames: &[Vec<u8>], expected: &str) {
        self.bad_in(number, frames, usize::MAX, expected);
    }

    fn bad_in(&mut self, number: impl ToString, frames: &[Vec<u8>], piece: usize, expected: &str) {
        self.0.push(Case {
            number: number.to_string(),
            bytes: survives(frames.concat()),
            piece,
            expected: expected.to_owned(),
        });
    }
}

/// A stream of at least `size` bytes of requests, in a frame of exactly so many, and the rest in
/// another; and how many they are.
fn stream(size: usize) -> (Vec<u8>, Vec<u8>, usize) {
    let count = size.div_ceil(ping().len());
    let mut stream = ping().repeat(count);
    let rest = stream.split_off(size);
    (stream, rest, count)
}

fn replies(count: usize) -> String {
    vec!["reply"; count].join(" ")
}

/// 1: payloads of all forms of a size.
fn framing(cases: &mut Cases) {
    let sizes = [0, 125, 126, 127, 128, 65_535, 65_536, 65_536];
    for (at, size) in (1..).zip(sizes) {
        let piece = if at == 8 { 997 } else { usize::MAX };
        let text = frame(TEXT, &b"*".repeat(size));
        cases.bad_in(format!("1.1.{at}"), &[text], piece, "close-1003");
        let (whole, rest, count) = stream(size);
        let frames = [frame(BINARY, &whole), frame(BINARY, &rest)];
        cases.good_in(format!("1.2.{at}"), &frames, piece, &replies(count));
    }
}

/// 2: pings and pongs.
fn pings(cases: &mut Cases) {
    let binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
    let long = [0xfe; 125];
    let pong = |payload: &[u8]| format!("pong-{}", hex::encode(payload));
    cases.good("2.1", &[frame(PING, b"")], "pong-");
    cases.good(
        "2.2",
        &[frame(PING, b"Hello, world!")],
        &pong(b"Hello, world!"),
    );
    cases.good("2.3", &[frame(PING, binary)], &pong(binary));
    cases.good("2.4", &[frame(PING, &long)], &pong(&long));
    cases.bad("2.5", &[frame(PING, &[0xfe; 126])], "close-1002");
    cases.good_in("2.6", &[frame(PING, &long)], 1, &pong(&long));
    cases.good("2.7", &[frame(PONG, b"")], "");
    cases.good("2.8", &[frame(PONG, b"unsolicited pong payload")], "");
    let frames = [
        frame(PONG, b"unsolicited pong payload"),
        frame(PING, b"ping payload"),
    ];
    cases.good("2.9", &frames, &pong(b"ping payload"));
    let ten: Vec<String> = (0..10).map(|at| format!("payload-{at}")).collect();
    let frames: Vec<_> = ten
        .iter()
        .map(|text| frame(PING, text.as_bytes()))
        .collect();
    let pongs: Vec<_> = ten.iter().map(|text| pong(text.as_bytes())).collect();
    cases.good("2.10", &frames, &pongs.join(" "));
    cases.good_in("2.11", &frames, 1, &pongs.join(" "));
}

/// 3: reserved bits; 4: reserved opcodes.
fn reserved(cases: &mut Cases) {
    let first = || frame(BINARY, &ping());
    let next = || frame(PING, b"");
    let bits = |bits: u8, first: u8| frame(first | bits << 4, &ping());
    cases.bad("3.1", &[bits(4, BINARY)], "close-1002");
    cases.bad(
        "3.2",
        &[first(), bits(2, BINARY), next()],
        "reply close-1002",
    );
    cases.bad_in(
        "3.3",
        &[first(), bits(3, BINARY), next()],
        23,
        "reply close-1002",
    );
    cases.bad_in(
        "3.4",
        &[first(), bits(1, BINARY), next()],
        1,
        "reply close-1002",
    );
    cases.bad("3.5", &[bits(5, BINARY)], "close-1002");
    cases.bad("3.6", &[bits(6, PING)], "close-1002");
    cases.bad("3.7", &[bits(7, CLOSE)], "close-1002");
    for (section, opcodes) in [("4.1", 3..=7), ("4.2", 11..=15)] {
        for (at, opcode) in (1..).zip(opcodes) {
            let payload = if at == 1 { Vec::new() } else { ping() };
            let wrong = frame(0x80 | opcode, &payload);
            let (frames, expected) = match at {
                1 | 2 => (vec![wrong], "close-1002"),
                _ => (vec![first(), wrong, next()], "reply close-1002"),
            };
            let piece = if at == 4 { 1 } else { usize::MAX };
            cases.bad_in(format!("{section}.{at}"), &frames, piece, expected);
        }
    }
}

/// 5: fragments.
fn fragments(cases: &mut Cases) {
    let part = |first: u8, at: usize| {
        let (begin, end) = (ping()[..9].to_vec(), ping()[9..].to_vec());
        frame(first, if at == 0 { &begin } else { &end })
    };
    let (begin, end) = (|| part(BINARY & MORE, 0), || part(CONTINUATION, 1));
    let (ask, hello) = (|| frame(PING, b""), || frame(BINARY, &ping()));
    cases.bad(
        "5.1",
        &[frame(PING & MORE, b"first"), frame(CONTINUATION, b"second")],
        "close-1002",
    );
    cases.bad(
        "5.2",
        &[frame(PONG & MORE, b"first"), frame(CONTINUATION, b"second")],
        "close-1002",
    );
    cases.good("5.3", &[begin(), end()], "reply");
    cases.good_in("5.4", &[begin(), end()], 15, "reply");
    cases.good_in("5.5", &[begin(), end()], 1, "reply");
    cases.good("5.6", &[begin(), ask(), end()], "pong- reply");
    cases.good_in("5.7", &[begin(), ask(), end()], 15, "pong- reply");
    cases.good_in("5.8", &[begin(), ask(), end()], 1, "pong- reply");
    let lone = || frame(CONTINUATION, b"non-continuation payload");
    let lone_more = || frame(CONTINUATION & MORE, b"non-continuation payload");
    for (at, piece) in [(9, usize::MAX), (10, 30), (11, 1)] {
        cases.bad_in(format!("5.{at}"), &[lone(), hello()], piece, "close-1002");
    }
    for (at, piece) in [(12, usize::MAX), (13, 30), (14, 1)] {
        cases.bad_in(
            format!("5.{at}"),
            &[lone_more(), hello()],
            piece,
            "close-1002",
        );
    }
    cases.bad(
        "5.15",
        &[begin(), end(), lone_more(), hello()],
        "reply close-1002",
    );
    let twice = [lone_more(), begin(), end(), lone_more(), begin(), end()];
    cases.bad("5.16", &twice, "close-1002");
    let twice = [lone(), begin(), end(), lone(), begin(), end()];
    cases.bad("5.17", &twice, "close-1002");
    cases.bad("5.18", &[begin(), part(BINARY, 1)], "close-1002");
    // Five fragments, with pings before the third and behind the fourth.
    let five = |at: usize| {
        let first = match at {
            0 => BINARY & MORE,
            4 => CONTINUATION,
            _ => CONTINUATION & MORE,
        };
        let stream = ping().repeat(5);
        frame(first, &stream[at * 17..][..17])
    };
    let frames = [five(0), five(1), ask(), five(2), five(3), ask(), five(4)];
    let expected = "reply reply pong- reply reply pong- reply";
    cases.good_in("5.19", &frames, 23, expected);
    cases.good_in("5.20", &frames, 1, expected);
}

/// 6: what is UTF-8 and what is not, in texts.
fn texts(cases: &mut Cases) {
    let mut bad = |number: &str, frames: &[Vec<u8>]| cases.bad(number, frames, "close-1003");
    let hello = "Hello-µ@ßöäüàá-UTF-8!!".as_bytes();
    let greek = "κόσμε".as_bytes();
    let surrogate = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";
    let (text, more) = (TEXT, TEXT & MORE);
    let last = |payload: &[u8]| frame(CONTINUATION, payload);
    let empty = || frame(CONTINUATION & MORE, b"");
    bad("6.1.1", &[frame(text, b"")]);
    bad("6.1.2", &[frame(more, b""), empty(), last(b"")]);
    bad(
        "6.1.3",
        &[
            frame(more, b""),
            frame(CONTINUATION & MORE, b"middle"),
            last(b""),
        ],
    );
    bad("6.2.1", &[frame(text, hello)]);
    bad("6.2.2", &[frame(more, &hello[..8]), last(&hello[8..])]);
    bad("6.2.3", &[frame(more, &hello[..1]), last(&hello[1..])]);
    bad("6.2.4", &[frame(more, &greek[..1]), last(&greek[1..])]);
    bad("6.3.1", &[frame(text, surrogate)]);
    bad(
        "6.3.2",
        &[frame(more, &surrogate[..1]), last(&surrogate[1..])],
    );
    for (number, at) in [("6.4.1", 12), ("6.4.2", 11), ("6.4.3", 12), ("6.4.4", 11)] {
        bad(
            number,
            &[frame(more, &surrogate[..at]), last(&surrogate[at..])],
        );
    }
    for (at, text) in (1..).zip(["\u{0}", "\u{80}", "\u{800}", "\u{10000}", "\u{7f}"]) {
        bad(&format!("6.5.{at}"), &[frame(TEXT, text.as_bytes())]);
    }
    for at in 1..=11 {
        let part = greek.get(..at).unwrap_or(greek);
        bad(&format!("6.6.{at}"), &[frame(TEXT, part)]);
    }
}

/// 7: closing.
fn closing(cases: &mut Cases) {
    let close =
        |code: u16, reason: &[u8]| frame(CLOSE, &[code.to_be_bytes().as_slice(), reason].concat());
    let (hello, ask) = (|| frame(BINARY, &ping()), || frame(PING, b""));
    let normal = || close(1000, b"");
    cases.bad("7.1.1", &[hello(), normal()], "reply close-1000");
    cases.bad("7.1.2", &[normal(), normal()], "close-1000");
    cases.bad("7.1.3", &[normal(), ask()], "close-1000");
    cases.bad("7.1.4", &[normal(), hello()], "close-1000");
    let begin = frame(BINARY & MORE, &ping());
    cases.bad(
        "7.1.5",
        &[begin, normal(), frame(CONTINUATION, &ping())],
        "reply close-1000",
    );
    let (whole, rest, count) = stream(65_536);
    let frames = [frame(BINARY, &whole), frame(BINARY, &rest), normal(), ask()];
    cases.bad("7.1.6", &frames, &format!("{} close-1000", replies(count)));
    cases.bad("7.3.1", &[frame(CLOSE, b"")], "close-1000");
    cases.bad("7.3.2", &[frame(CLOSE, b"a")], "close-1002");
    cases.bad("7.3.3", &[normal()], "close-1000");
    cases.bad("7.3.4", &[close(1000, b"Hello World!")], "close-1000");
    cases.bad("7.3.5", &[close(1000, &[b'*'; 123])], "close-1000");
    cases.bad("7.3.6", &[close(1000, &[b'*'; 124])], "close-1002");
    let surrogate = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";
    cases.bad("7.5.1", &[close(1000, surrogate)], "close-1007");
    let valid = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ];
    for (at, code) in (1..).zip(valid) {
        cases.bad(
            format!("7.7.{at}"),
            &[close(code, b"")],
            &format!("close-{code}"),
        );
    }
    let invalid = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
    for (at, code) in (1..).zip(invalid) {
        cases.bad(format!("7.9.{at}"), &[close(code, b"")], "close-1002");
    }
    for (at, code) in [(1, 5000), (2, 65_535)] {
        cases.bad(format!("7.13.{at}"), &[close(code, b"")], "close-1002");
    }
}

/// 10: a long message in many fragments.
fn automatic_fragments(cases: &mut Cases) {
    let (whole, rest, count) = stream(65_536);
    let last = whole.len().div_ceil(1300) - 1;
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for (at, part) in whole.chunks(1300).enumerate() {
        let opcode = if at == 0 { BINARY & MORE } else { 0 };
        frames.push(frame(if at == last { CONTINUATION } else { opcode }, part));
    }
    frames.push(frame(BINARY, &rest));
    cases.good("10.1.1", &frames, &replies(count));
}

#[test]
fn cases_of_autobahn_hold() {
    let browsers = Browsers::serve("");
    let mut cases = Cases::default();
    for add in [
        framing,
        pings,
        reserved,
        fragments,
        texts,
        closing,
        automatic_fragments,
    ] {
        add(&mut cases);
    }
    let mut wrong = Vec::new();
    for case in &cases.0 {
        let mut client = browsers.websocket();
        for piece in case.bytes.chunks(case.piece.min(case.bytes.len())) {
            // The worker may have closed it already.
            if client.socket.write_all(piece).is_err() {
                break;
            }
        }
        let mut seen = seen(&mut client);
        // A pong may overtake replies to what came in the same read.
        let mut expected: Vec<&str> = case.expected.split(' ').collect();
        if case.number.starts_with("5.") {
            seen.sort();
            expected.sort_unstable();
        }
        let (seen, expected) = (seen.join(" "), expected.join(" "));
        if seen != expected {
            wrong.push(format!("{}: {seen}, not {expected}", case.number));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(cases.0.len() >= 120, "{} cases", cases.0.len());
}
