//! spec/worker/web.md · 4.3.2 Client-Worker Server Connection
//!
//! Browsers, and what claims to be one, before a real worker.

use super::*;
use crate::model::ProtocolFault;
use crate::testkit::ports;
use crate::testkit::websocket::{BINARY, CLOSE, PING, WebSocketClient, frame};
use crate::wire::{FrameHeader, Instruction, Reply};
use crate::worker::testing::{Link, TEST_TIMEOUT, WorkerRig};
use std::io::Read;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

mod autobahn;

/// A worker whose page is served on loopback.
struct Browsers {
    rig: WorkerRig,
    _link: Link,
    /// `HOST:PORT` of the page.
    page: String,
}

impl Browsers {
    /// A worker with `[web]`; `extra` is more configuration.
    fn serve(extra: &str) -> Browsers {
        let port = ports::free(1).unwrap()[0];
        let page = format!("127.0.0.1:{port}");
        let (rig, link) = WorkerRig::serving(&format!(
            "{extra}\n[web]\nlisten = \"{page}\"\norigins = [\"https://trade.example.org\"]"
        ));
        Browsers {
            rig,
            _link: link,
            page,
        }
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(&self.page).unwrap();
        socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket
    }

    fn websocket(&self) -> WebSocketClient {
        WebSocketClient::open(self.connect(), &self.page).unwrap()
    }

    /// All that the worker answers to these bytes, until it closes.
    fn answer(&self, request: &str) -> String {
        let mut socket = self.connect();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status of the answer to a request of these fields. `@` stands for the page's address.
    fn status(&self, line: &str, fields: &[&str]) -> String {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let request = format!("{line} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
        let mut socket = self.connect();
        let request = request.replace("@", &self.page);
        socket.write_all(request.as_bytes()).unwrap();
        let mut line = [0; 12];
        socket.read_exact(&mut line).unwrap();
        String::from_utf8_lossy(&line[9..]).into_owned()
    }
}

/// A request that needs no session.
fn ping() -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::wire::frame::write(&mut bytes, Instruction::Ping, &[]);
    bytes
}

/// What comes until the end of the stream: pongs, replies, protocolErrors and the close frame.
fn seen(client: &mut WebSocketClient) -> Vec<String> {
    let (mut seen, mut stream) = (Vec::new(), Vec::new());
    while let Ok(Some((first, payload))) = client.next_frame() {
        match first {
            BINARY => stream.extend_from_slice(&payload),
            0x8a => seen.push(format!("pong-{}", hex::encode(payload))),
            CLOSE => {
                let code = u16::from_be_bytes(*payload.first_chunk().unwrap());
                seen.push(format!("close-{code}"));
            }
            other => seen.push(format!("frame-{other:02x}")),
        }
        while let Some(head) = stream.first_chunk() {
            let header = FrameHeader::read(head);
            let end = head.len() + usize::try_from(header.data_size).unwrap();
            if stream.len() < end {
                break;
            }
            let data: Vec<u8> = stream.drain(..end).skip(17).collect();
            seen.push(match Reply::read(&header, &data).unwrap() {
                Reply::Pong => "reply".to_owned(),
                Reply::ProtocolError(code, _) => format!("fault-{code}"),
                other => format!("{other:?}"),
            });
        }
    }
    seen
}

const UPGRADE: [&str; 6] = [
    "Host: @",
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: chat, papertrader.1",
];

/// The fields of an upgrade, with others for those of these names.
fn upgrade_with<'a>(others: &[&'a str]) -> Vec<&'a str> {
    let name = |field: &str| field.split(':').next().unwrap_or_default().to_owned();
    let replaced: Vec<String> = others.iter().map(|field| name(field)).collect();
    UPGRADE
        .into_iter()
        .filter(|field| !replaced.contains(&name(field)))
        .chain(others.iter().copied().filter(|field| field.contains(": ")))
        .collect()
}

#[test]
fn hosts_and_origins_are_this_deployments_own() {
    let browsers = Browsers::serve("");
    let port = browsers.page.rsplit(':').next().unwrap().to_owned();
    let with_port = |text: &str| text.replace("PORT", &port);
    for (host, status) in [
        ("127.0.0.1:PORT", "200"),
        ("localhost:PORT", "200"),
        ("LOCALHOST:PORT", "200"),
        ("trade.example.org", "200"),
        ("Trade.Example.Org:443", "200"),
        ("127.0.0.1", "403"),
        ("localhost", "403"),
        ("localhost:1PORT", "403"),
        ("localhost:0PORT", "200"),
        ("localhost.evil:PORT", "403"),
        ("localhost.:PORT", "403"),
        ("evil.localhost:PORT", "403"),
        ("trade.example.org:PORT", "403"),
        ("trade.example.org.evil", "403"),
        ("trade.example.org:443:443", "403"),
        ("[::1]:PORT", "403"),
        ("[::ffff:127.0.0.1]:PORT", "403"),
        ("[127.0.0.1]:PORT", "403"),
        ("0.0.0.0:PORT", "403"),
        ("2130706433:PORT", "403"),
        ("user%40localhost:PORT", "403"),
        ("localhost:PORT/", "403"),
        ("http://localhost:PORT", "403"),
        ("", "403"),
        (":PORT", "403"),
    ] {
        let field = with_port(&format!("Host: {host}"));
        assert_eq!(browsers.status("GET /", &[&field]), status, "{field}");
    }
    for (origin, status) in [
        ("http://127.0.0.1:PORT", "101"),
        ("http://localhost:PORT", "101"),
        ("https://trade.example.org", "101"),
        ("HTTPS://TRADE.example.org:443", "101"),
        ("http://trade.example.org", "403"),
        ("https://127.0.0.1:PORT", "403"),
        ("http://127.0.0.1", "403"),
        ("http://localhost", "403"),
        ("http://localhost.evil:PORT", "403"),
        ("http://[::1]:PORT", "403"),
        ("https://trade.example.org/", "403"),
        ("https://trade.example.org.evil", "403"),
        ("file://", "403"),
        ("null", "403"),
        ("", "403"),
    ] {
        let field = with_port(&format!("Origin: {origin}"));
        let fields = upgrade_with(&[&field]);
        assert_eq!(browsers.status("GET /ws", &fields), status, "{field}");
        let expected = if status == "101" { "200" } else { status };
        assert_eq!(
            browsers.status("GET /", &["Host: @", &field]),
            expected,
            "{field}"
        );
    }
}

#[test]
fn requests_that_are_none_of_ours_are_refused_in_http() {
    let browsers = Browsers::serve("");
    let host = "Host: @";
    for (line, fields, status) in [
        ("GET /", &[host][..], "200"),
        ("GET /?code=1&state=2", &[host], "200"),
        ("GET /workers.json", &[host], "200"),
        ("GET /index.html", &[host], "404"),
        ("GET /app.js?x", &[host], "404"),
        ("GET /../etc/passwd", &[host], "404"),
        ("GET //", &[host], "404"),
        ("GET /%2e", &[host], "404"),
        ("GET /ws/", &[host], "404"),
        ("GET /ws?a", &[host], "404"),
        ("POST /", &[host], "405"),
        ("HEAD /", &[host], "405"),
        ("OPTIONS *", &[host], "405"),
        ("CONNECT localhost:80", &[host], "405"),
        ("get /", &[host], "405"),
        ("GET http://localhost/", &[host], "404"),
        ("GET *", &[host], "404"),
        ("GET /", &[], "400"),
        ("GET /", &[host, host], "400"),
        ("GET /", &[host, "Host: evil"], "400"),
        ("GET /", &[host, " folded"], "400"),
        ("GET /", &["Host : @"], "400"),
        ("GET /", &[host, "Content-Length: 5"], "400"),
        (
            "GET /",
            &[host, "Content-Length: 0", "Content-Length: 0"],
            "400",
        ),
        ("GET /", &[host, "Transfer-Encoding: chunked"], "400"),
        ("GET /", &[host, "Origin: null", "Origin: null"], "400"),
        ("GET / HTTP/1.1\r\nX:", &[host], "200"),
        ("GET  /", &[host], "400"),
        ("GET / x", &[host], "400"),
    ] {
        assert_eq!(browsers.status(line, fields), status, "{line} {fields:?}");
    }
    assert!(
        browsers
            .answer("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .starts_with("HTTP/1.1 400 ")
    );
    assert!(
        browsers
            .answer("\u{16}\u{3}\u{1}\u{2}\r\n\r\n")
            .starts_with("HTTP/1.1 400 ")
    );
    let answer = browsers.answer(
        "POST / HTTP/1.1\r\nHost: @\r\n\r\n"
            .replace("@", &browsers.page)
            .as_str(),
    );
    assert!(answer.contains("\r\nAllow: GET\r\n"), "{answer}");
    let answer = browsers.answer(
        "HEAD / HTTP/1.1\r\nHost: @\r\n\r\n"
            .replace("@", &browsers.page)
            .as_str(),
    );
    assert!(
        answer.ends_with("\r\n\r\n"),
        "RFC 9110 9.3.2: no body: {answer}"
    );
    let long = |size: usize| {
        let start = format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nX: ",
            browsers.page
        );
        let fill = "a".repeat(size - start.len() - 4);
        browsers.answer(&format!("{start}{fill}\r\n\r\n"))
    };
    assert!(long(HEAD_BYTES_MAX).starts_with("HTTP/1.1 200 "));
    assert!(long(HEAD_BYTES_MAX + 1).starts_with("HTTP/1.1 431 "));
}

#[test]
fn an_upgrade_is_whole_or_refused() {
    let browsers = Browsers::serve("");
    assert_eq!(browsers.status("GET /ws", &UPGRADE), "101");
    for (others, status) in [
        (&["Upgrade: h2c"][..], "426"),
        (&["Upgrade: h2c, WebSocket"], "101"),
        (&["Connection: keep-alive"], "426"),
        (&["Sec-WebSocket-Version: 8"], "426"),
        (&["Sec-WebSocket-Version:"], "426"),
        (
            &["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"],
            "400",
        ),
        (&["Sec-WebSocket-Key: c2hvcnQ="], "400"),
        (&["Sec-WebSocket-Key:"], "400"),
        (&["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, x"], "400"),
        (&["Sec-WebSocket-Protocol: papertrader.2"], "400"),
        (&["Sec-WebSocket-Protocol: PaperTrader.1"], "400"),
        (&["Sec-WebSocket-Protocol:"], "400"),
        (
            &[
                "Sec-WebSocket-Protocol: a",
                "Sec-WebSocket-Protocol: papertrader.1",
            ],
            "101",
        ),
        (&["Sec-WebSocket-Extensions: permessage-deflate"], "101"),
        (&["Host: localhost.evil"], "403"),
    ] {
        let fields = upgrade_with(others);
        assert_eq!(browsers.status("GET /ws", &fields), status, "{others:?}");
    }
    let request = |line: &str, fields: &[&str]| {
        let text = format!("{line}\r\n{}\r\n\r\n", fields.join("\r\n"));
        browsers.answer(&text.replace("@", &browsers.page))
    };
    assert!(request("GET /ws HTTP/1.0", &UPGRADE).starts_with("HTTP/1.1 426 "));
    let refused = request(
        "GET /ws HTTP/1.1",
        &upgrade_with(&["Sec-WebSocket-Version: 8"]),
    );
    assert!(
        refused.contains("\r\nSec-WebSocket-Version: 13\r\n"),
        "{refused}"
    );
    // No extension is accepted.
    let mut socket = browsers.connect();
    let fields = upgrade_with(&["Sec-WebSocket-Extensions: permessage-deflate"]);
    let text = format!("GET /ws HTTP/1.1\r\n{}\r\n\r\n", fields.join("\r\n"));
    // Byte by byte, and the first frame right behind it.
    let mut bytes = text.replace("@", &browsers.page).into_bytes();
    bytes.extend(frame(BINARY, &ping()));
    bytes.extend(frame(CLOSE, &[]));
    for byte in bytes {
        socket.write_all(&[byte]).unwrap();
    }
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        text.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        "{text}"
    );
    assert!(
        text.contains("Sec-WebSocket-Protocol: papertrader.1\r\n"),
        "{text}"
    );
    assert!(!text.contains("Extensions"), "{text}");
    let mut pong = vec![0x82, 17];
    Reply::Pong.write(&mut pong);
    pong.extend([CLOSE, 2, 3, 232]);
    assert!(answer.ends_with(&pong));
}

#[test]
fn files_are_compressed_and_sent_once() {
    let browsers = Browsers::serve("");
    let get = |path: &str, more: &str| {
        let host = &browsers.page;
        browsers.answer(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n"
        ))
    };
    let field = |answer: &str, name: &str| {
        let head = answer.split("\r\n\r\n").next().unwrap();
        let line = head
            .lines()
            .find(|line| line.starts_with(&format!("{name}: ")));
        line.map(|line| line[name.len() + 2..].to_owned())
    };
    for file in &PAGE_FILES {
        let plain = get(file.path, "");
        assert!(plain.starts_with("HTTP/1.1 200 OK\r\n"), "{plain}");
        assert_eq!(
            field(&plain, "Content-Type").as_deref(),
            Some(file.content_type)
        );
        assert_eq!(
            field(&plain, "Content-Length"),
            Some(file.bytes.len().to_string())
        );
        assert_eq!(field(&plain, "Content-Encoding"), None);
        let tag = field(&plain, "ETag").unwrap();
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let answer = get(file.path, &format!("If-None-Match: {known}\r\n"));
            assert!(answer.starts_with("HTTP/1.1 304 "), "{known}: {answer}");
            assert!(answer.ends_with("\r\n\r\n") && field(&answer, "ETag").as_ref() == Some(&tag));
        }
        let other = get(file.path, "If-None-Match: \"x\"\r\n");
        assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
        for answer in [&plain, &other] {
            for (name, value) in [
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cross-Origin-Opener-Policy", "same-origin"),
                ("Cache-Control", "no-cache"),
                ("Vary", "Accept-Encoding"),
            ] {
                assert_eq!(field(answer, name).as_deref(), Some(value), "{name}");
            }
            let policy = field(answer, "Content-Security-Policy").unwrap();
            assert!(policy.starts_with("default-src 'none'; "), "{policy}");
            let own = format!(
                "connect-src 'self' ws://{} wss://trade.example.org",
                browsers.page
            );
            assert!(policy.ends_with(&own), "{policy}");
        }
    }
    let page = &PAGE_FILES[0];
    let packed = get("/", "Accept-Encoding: br;q=1.0, GZIP;q=0.8\r\n");
    assert_eq!(field(&packed, "Content-Encoding").as_deref(), Some("gzip"));
    assert_ne!(field(&packed, "ETag"), field(&get("/", ""), "ETag"));
    let mut socket = browsers.connect();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
        browsers.page
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let body = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&answer[body..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, page.bytes);
    for refused in ["gzip;q=0", "gzip; q=0.000", "br", "identity"] {
        let plain = get("/", &format!("Accept-Encoding: {refused}\r\n"));
        assert_eq!(field(&plain, "Content-Encoding"), None, "{refused}");
    }
    let workers = get("/workers.json", "");
    let (head, body) = workers.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Type: application/json"), "{head}");
    let own = format!("ws://{}/ws", browsers.page);
    let expected = serde_json::json!({"workers": [own, "wss://trade.example.org/ws"]});
    assert_eq!(body.parse::<serde_json::Value>().unwrap(), expected);
}

#[test]
fn a_connection_has_some_requests_and_some_time() {
    let browsers = Browsers::serve("");
    let request = format!("GET /icon.svg HTTP/1.1\r\nHost: {}\r\n\r\n", browsers.page);
    let mut socket = browsers.connect();
    socket
        .write_all(request.repeat(HTTP_REQUESTS_MAX + 5).as_bytes())
        .unwrap();
    let mut answers = String::new();
    socket.read_to_string(&mut answers).unwrap();
    assert_eq!(
        answers.matches("HTTP/1.1 200 OK").count(),
        HTTP_REQUESTS_MAX
    );
    assert_eq!(answers.matches("Connection: close").count(), 1);

    // A door of the test's own, whose time is short.
    let stop = Stop::new();
    let config = browsers.rig.config.web.clone().unwrap();
    let mut door = WebDoor::new(config, false, &stop).unwrap();
    door.head_timeout = Duration::from_millis(50);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let door = Arc::new(door);
    let serving = Arc::clone(&door);
    let thread = thread::spawn(move || {
        for _ in 0..3 {
            let (socket, _) = listener.accept().unwrap();
            assert!(
                serving
                    .serve(HttpStream::new(socket, None), TEST_TIMEOUT)
                    .is_none()
            );
        }
    });
    for begun in ["", "G", "GET / HTTP/1.1\r\nHost: x\r\n"] {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        socket.write_all(begun.as_bytes()).unwrap();
        // What drips in does not extend it; the write fails once the door has closed.
        if !begun.is_empty() {
            while socket.write_all(b"a").is_ok() {
                socket.set_nonblocking(true).unwrap();
                let ended = socket.peek(&mut [0]).is_ok();
                socket.set_nonblocking(false).unwrap();
                if ended {
                    break;
                }
                thread::yield_now();
            }
        }
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).unwrap();
        let status = String::from_utf8_lossy(&answer[9..]).into_owned();
        // Whoever is quick enough fills the head before its time is over.
        assert!(
            status == "408" || !begun.is_empty() && status == "431",
            "{begun:?}: {status}"
        );
    }
    thread.join().unwrap();
}

#[test]
fn the_address_of_a_page_is_one_that_a_browser_can_name() {
    for (listen, url) in [
        ("127.0.0.1:2050", "http://127.0.0.1:2050/"),
        ("0.0.0.0:2050", "http://127.0.0.1:2050/"),
        ("[::]:2050", "http://[::1]:2050/"),
        ("[::ffff:10.0.0.1]:2050", "http://10.0.0.1:2050/"),
    ] {
        assert_eq!(super::page_url(false, listen.parse().unwrap()), url);
    }
}

#[test]
fn a_violation_of_the_protocol_is_told_before_the_close_frame() {
    let browsers = Browsers::serve("");
    let mut client = browsers.websocket();
    client.write(&ping()).unwrap();
    client.write(&[9; 17]).unwrap();
    assert_eq!(
        seen(&mut client),
        ["reply", "fault-bad-frame", "close-1002"]
    );
    // A stream that is closed inside a message.
    let mut client = browsers.websocket();
    client.write(&ping()[..5]).unwrap();
    client.socket.write_all(&frame(CLOSE, &[])).unwrap();
    assert_eq!(seen(&mut client), ["fault-bad-frame", "close-1002"]);
    // A violation of WebSocket inside a message is WebSocket's.
    let mut client = browsers.websocket();
    client.write(&ping()[..5]).unwrap();
    client.socket.write_all(&frame(0x81, b"text")).unwrap();
    assert_eq!(seen(&mut client), ["close-1003"]);
    // So is the end of the stream inside its frame: in a header, in a ping, in data.
    for begun in [&[0x82][..], &[0x89, 0x83, 1, 2, 3, 4, 5], &[0x82, 0x83]] {
        let mut client = browsers.websocket();
        client.write(&ping()).unwrap();
        client.socket.write_all(begun).unwrap();
        client.socket.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(seen(&mut client), ["reply", "close-1002"], "{begun:?}");
    }
}

#[test]
fn pings_keep_no_connection_that_is_idle() {
    let browsers = Browsers::serve("[limits]\nidle_timeout = \"1s\"");
    let mut client = browsers.websocket();
    client.write(&ping()).unwrap();
    client
        .socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let began = Instant::now();
    let mut pongs = 0;
    let code = loop {
        assert!(began.elapsed() < TEST_TIMEOUT, "{pongs} pongs");
        let _ = client.socket.write_all(&frame(PING, b""));
        match client.next_frame() {
            Ok(Some((0x8a, _))) => pongs += 1,
            Ok(Some((CLOSE, payload))) => break payload,
            Ok(Some(_)) => {}
            Ok(None) => panic!("no close frame"),
            Err(error) => assert!(crate::net::deadline::is_timeout(&error), "{error}"),
        }
    };
    assert_eq!(code, 1002_u16.to_be_bytes());
    assert!(pongs > 0);
}

#[test]
fn a_frame_of_websocket_has_the_time_of_a_message() {
    let browsers = Browsers::serve("[limits]\nframe_timeout = \"100ms\"");
    for begun in [
        &[0x82][..],
        &[0x82, 0x83, 1, 2],
        &[0x89, 0x83, 1, 2, 3, 4, 5],
    ] {
        let mut client = browsers.websocket();
        client.socket.write_all(begun).unwrap();
        assert_eq!(
            seen(&mut client),
            ["fault-timeout", "close-1002"],
            "{begun:?}"
        );
    }
}

#[test]
fn who_gets_no_place_is_told_so_and_places_are_shared() {
    let browsers = Browsers::serve("[limits]\nmax_connections_per_ip = 2");
    let mut client = browsers.rig.client();
    client.ask(&crate::wire::Request::Ping);
    assert_eq!(client.reply(), Reply::Pong);
    let mut websocket = browsers.websocket();
    let answer = browsers.answer("");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let mut refused = browsers.rig.client();
    let full = ProtocolFault::TooManyConnections;
    assert!(matches!(refused.reply(), Reply::ProtocolError(code, _) if code == full));
    websocket.write(&ping()).unwrap();
    websocket.socket.write_all(&frame(CLOSE, &[])).unwrap();
    assert_eq!(seen(&mut websocket), ["reply", "close-1000"]);
    client.ask(&crate::wire::Request::Ping);
    assert_eq!(client.reply(), Reply::Pong);
}

#[test]
fn a_worker_that_stops_says_so_and_goes_away() {
    let Browsers { rig, _link, page } = Browsers::serve("");
    let mut clients: Vec<WebSocketClient> = (0..200)
        .map(|_| WebSocketClient::connect(&page).unwrap())
        .collect();
    for client in &mut clients {
        client.socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        client.write(&ping()).unwrap();
        assert!(matches!(client.next_frame(), Ok(Some((BINARY, _)))));
    }
    let stopping = thread::spawn(move || rig.stop());
    for client in &mut clients {
        assert_eq!(seen(client), ["fault-shutting-down", "close-1001"]);
    }
    drop(clients);
    stopping.join().unwrap();
    assert!(TcpStream::connect(&page).is_err());
}

mod tls {
    use super::*;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    #[test]
    fn the_page_and_its_websocket_speak_tls() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (cert, key) = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let browsers = Browsers::serve(&format!("[tls]\ncertificate = {cert:?}\nkey = {key:?}"));
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut client = StreamOwned::new(session, browsers.connect());
        let port = browsers.page.rsplit(':').next().unwrap();
        let host = format!("localhost:{port}");
        let page = format!("GET /workers.json HTTP/1.1\r\nHost: {host}\r\n\r\n");
        client.write_all(page.as_bytes()).unwrap();
        let mut chunk = [0; 4096];
        let mut answer = String::new();
        while !answer.ends_with('}') {
            let size = client.read(&mut chunk).unwrap();
            answer.push_str(&String::from_utf8_lossy(&chunk[..size]));
        }
        assert!(answer.contains(&format!("\"wss://{host}/ws\"")), "{answer}");
        // The same connection becomes a WebSocket.
        let origin = format!("Origin: https://{host}");
        let host = format!("Host: {host}");
        let fields = upgrade_with(&[&host, &origin]);
        let text = format!("GET /ws HTTP/1.1\r\n{}\r\n\r\n", fields.join("\r\n"));
        let mut bytes = text.into_bytes();
        bytes.extend(frame(PING, b"tls"));
        for _ in 0..500 {
            bytes.extend(frame(BINARY, &ping()));
        }
        bytes.extend(frame(CLOSE, &[]));
        client.write_all(&bytes).unwrap();
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert!(all.starts_with(b"HTTP/1.1 101 "));
        let mut frames = all.split_off(end);
        let (mut stream, mut seen) = (Vec::new(), Vec::new());
        while let Some((first, payload)) = crate::testkit::websocket::take_frame(&mut frames) {
            match first {
                BINARY => stream.extend_from_slice(&payload),
                other => seen.push(other),
            }
        }
        let mut pong = Vec::new();
        Reply::Pong.write(&mut pong);
        assert!(stream == pong.repeat(500));
        assert_eq!(seen, [0x8a, CLOSE]);
        // Plain HTTP gets no answer.
        assert_eq!(
            browsers.answer("GET / HTTP/1.1\r\n\r\n").get(..4),
            Some("\u{15}\u{3}\u{3}\0")
        );
    }
}
