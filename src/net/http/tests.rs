//! spec/net/http.md · 4.3.2 Client-Worker Server Connection

use super::*;
use std::net::TcpListener;

fn read(head: &str) -> Result<RequestHead, HeadError> {
    RequestHead::read(head.as_bytes())
}

#[test]
fn a_head_is_taken_apart() {
    let head = read(
        "GET /ws?x HTTP/1.1\r\nHOST: localhost:2050\r\nConnection: keep-alive , Upgrade\r\n\
         connection:close\r\nX-Long: \t a b \r\n\r\n",
    )
    .unwrap();
    assert_eq!(
        (head.method.as_str(), head.target.as_str()),
        ("GET", "/ws?x")
    );
    assert!(head.is_http11);
    assert_eq!(head.only("host"), Ok(Some("localhost:2050")));
    assert_eq!(head.only("origin"), Ok(None));
    assert!(head.only("connection").is_err(), "it stands twice");
    assert!(head.lists("connection", "upgrade") && head.lists("connection", "CLOSE"));
    assert!(!head.lists("connection", "keep"));
}

#[test]
fn what_others_might_read_otherwise_is_no_head() {
    for (what, head) in [
        ("a bare line feed", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
        (
            "an empty line without CR",
            "GET / HTTP/1.1\r\nHost: a\n\nX: b\r\n\r\n",
        ),
        ("a line feed before it", "\nGET / HTTP/1.1\r\n\r\n"),
        ("a folded field", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"),
        (
            "a space before the colon",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        ),
        ("a body", "GET / HTTP/1.1\r\nContent-Length: 4\r\n\r\n"),
        (
            "a body of two sizes",
            "GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\n",
        ),
        (
            "a size with a sign",
            "GET / HTTP/1.1\r\nContent-Length: +0\r\n\r\n",
        ),
        (
            "chunks",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        ("another version", "GET / HTTP/2.0\r\n\r\n"),
        ("no version", "GET /\r\n\r\n"),
        ("a zero byte", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"),
        ("nothing", "\r\n\r\n"),
        ("TLS", "\u{16}\u{3}\u{1}\r\n\r\n"),
    ] {
        assert!(matches!(read(head), Err(HeadError::Malformed(_))), "{what}");
    }
    assert!(read("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").is_ok());
    assert!(!read("GET / HTTP/1.0\r\n\r\n").unwrap().is_http11);
    let many = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert!(read(&many(FIELDS_MAX)).is_ok());
    assert_eq!(read(&many(FIELDS_MAX + 1)), Err(HeadError::TooLarge));
}

#[test]
fn an_answer_has_its_length_and_date() {
    let answer = HttpAnswer {
        status: HttpStatus::NotFound,
        fields: vec![("X-One", "1".to_owned())],
        body: Cow::Borrowed(b"gone"),
        closes: true,
    };
    let mut out = Vec::new();
    answer.write(Timestamp(784_111_777_000), &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-One: 1\r\n\
         Content-Length: 4\r\nConnection: close\r\n\r\ngone"
    );
    let answer = HttpAnswer {
        status: HttpStatus::NotModified,
        fields: Vec::new(),
        body: Cow::Borrowed(b"never sent"),
        closes: false,
    };
    let mut out = Vec::new();
    answer.write(Timestamp(0), &mut out);
    assert!(out.ends_with(b"1970 00:00:00 GMT\r\n\r\n"));
}

fn pair() -> (HttpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, _) = listener.accept().unwrap();
    (HttpStream::new(socket, None), peer)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn requests_in_one_piece_are_read_one_by_one_and_the_rest_is_kept() {
    let (mut stream, mut peer) = pair();
    let (first, second) = ("GET /a HTTP/1.1\r\n\r\n", "\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    peer.write_all(format!("{first}{second}\u{1}\u{2}").as_bytes())
        .unwrap();
    assert_eq!(stream.head(LONG, &Stop::new()).unwrap().target, "/a");
    assert_eq!(stream.head(LONG, &Stop::new()).unwrap().target, "/b");
    let (_, transport, received) = stream.into_websocket();
    assert!(transport.is_websocket && received == [1, 2]);
}

#[test]
fn a_head_has_a_longest_size_and_a_time() {
    let head = |size: usize| {
        let start = "GET / HTTP/1.1\r\nX: ";
        let fill = "a".repeat(size - start.len() - 4);
        format!("{start}{fill}\r\n\r\n")
    };
    let (mut stream, mut peer) = pair();
    peer.write_all(head(HEAD_BYTES_MAX).as_bytes()).unwrap();
    assert!(stream.head(LONG, &Stop::new()).is_ok());
    peer.write_all(head(HEAD_BYTES_MAX + 1).as_bytes()).unwrap();
    assert_eq!(stream.head(LONG, &Stop::new()), Err(HeadError::TooLarge));
    // Without an end, too.
    let (mut stream, mut peer) = pair();
    peer.write_all(&[b'a'; HEAD_BYTES_MAX + 1]).unwrap();
    assert_eq!(stream.head(LONG, &Stop::new()), Err(HeadError::TooLarge));
    // Empty lines before it count.
    let lines = |size: usize| "\r\n".repeat((HEAD_BYTES_MAX - size) / 2);
    for (size, fits) in [(64, true), (62, false)] {
        let (mut stream, mut peer) = pair();
        let text = lines(size) + &head(64);
        peer.write_all(text.as_bytes()).unwrap();
        assert_eq!(stream.head(LONG, &Stop::new()).is_ok(), fits, "{size}");
    }

    let soon = Duration::from_millis(1);
    let (mut stream, mut peer) = pair();
    assert_eq!(
        stream.head(soon, &Stop::new()),
        Err(HeadError::Timeout { begun: false })
    );
    peer.write_all(b"GET").unwrap();
    while stream.head(soon, &Stop::new()) == Err(HeadError::Timeout { begun: false }) {}
    assert_eq!(
        stream.head(soon, &Stop::new()),
        Err(HeadError::Timeout { begun: true })
    );
    drop(peer);
    assert_eq!(stream.head(LONG, &Stop::new()), Err(HeadError::Closed));
}

#[test]
fn a_server_that_stops_waits_for_no_request() {
    let (mut stream, _peer) = pair();
    let stop = Stop::new();
    stop.request();
    assert_eq!(stream.head(LONG, &stop), Err(HeadError::Closed));
}
