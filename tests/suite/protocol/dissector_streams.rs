//! What carries messages, in tshark: TLS, WebSocket, other ports, the worker link; and captures that
//! lack a part.

use crate::protocol::capture::{Conversation, Dissected, MASTER, Random, WORKER, dissect};
use crate::protocol::dissector::golden_streams;
use crate::protocol::dissector_cases::{Case, compare, is_without_tshark, seed};
use papertrader::wire::{Instruction, Request, frame};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{
    ClientConfig, ClientConnection, KeyLog, RootCertStore, ServerConfig, ServerConnection,
};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

/// The client's and the server's messages of some connections.
fn streams() -> Vec<(Vec<u8>, Vec<u8>)> {
    golden_streams().into_iter().step_by(5).collect()
}

/// The same messages as in plain connections, carried otherwise.
fn carried(carry: impl FnMut(&(Vec<u8>, Vec<u8>)) -> Conversation) {
    let streams = streams();
    let conversations: Vec<_> = streams.iter().map(carry).collect();
    let cases = streams.iter().zip(conversations);
    let cases: Vec<_> = cases
        .map(|((sent, received), conversation)| Case::new(sent, received, conversation))
        .collect();
    for options in [&[][..], &["-2"]] {
        let (compared, _) = compare(&cases, options);
        println!("{compared:?}");
        assert!(compared.frames > 30, "{compared:?}");
    }
}

#[test]
fn messages_are_found_on_any_port() {
    if is_without_tshark() {
        return;
    }
    carried(|(sent, received)| Conversation::whole(7_777, sent, received));
}

/// The lines of a key log.
#[derive(Debug, Default)]
struct Keys(Mutex<String>);

impl KeyLog for Keys {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let (random, secret) = (hex::encode(client_random), hex::encode(secret));
        let line = format!("{label} {random} {secret}\n");
        self.0.lock().unwrap().push_str(&line);
    }
}

/// Client and server of TLS, without sockets.
struct Tls {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Tls {
    fn new(keys: Arc<Keys>) -> Tls {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let mut client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.key_log = keys;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Tls {
            client: Arc::new(client),
            server: Arc::new(server),
        }
    }

    /// What goes over the wire where the client sends these bytes, and then the server those.
    fn carry(&self, sent: &[u8], received: &[u8], random: &mut Random) -> Conversation {
        let name = "localhost".try_into().unwrap();
        let mut client = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&self.server)).unwrap();
        let mut segments = Vec::new();
        client.writer().write_all(sent).unwrap();
        loop {
            for by_client in [true, false] {
                let mut bytes = Vec::new();
                let (from, to): (&mut dyn Ends, &mut dyn Ends) = if by_client {
                    (&mut client, &mut server)
                } else {
                    (&mut server, &mut client)
                };
                from.take(&mut bytes);
                to.give(&bytes);
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (piece, tail) = rest.split_at((1 + random.below(1_400)).min(rest.len()));
                    segments.push((by_client, piece.to_vec()));
                    rest = tail;
                }
            }
            let mut heard = vec![0; 1 << 20];
            if let Ok(size) = server.reader().read(&mut heard)
                && size > 0
            {
                server.writer().write_all(received).unwrap();
            }
            if !client.wants_write() && !server.wants_write() {
                break;
            }
        }
        Conversation {
            port: WORKER,
            segments,
            ..Conversation::default()
        }
    }
}

/// One end of TLS.
trait Ends {
    /// Takes the bytes that it wants to send.
    fn take(&mut self, bytes: &mut Vec<u8>);
    /// Gives it bytes that came.
    fn give(&mut self, bytes: &[u8]);
}

macro_rules! ends {
    ($($connection:ty),*) => {
        $(impl Ends for $connection {
            fn take(&mut self, bytes: &mut Vec<u8>) {
                while self.wants_write() {
                    self.write_tls(bytes).unwrap();
                }
            }

            fn give(&mut self, mut bytes: &[u8]) {
                while !bytes.is_empty() {
                    self.read_tls(&mut bytes).unwrap();
                    self.process_new_packets().unwrap();
                }
            }
        })*
    };
}

ends!(ClientConnection, ServerConnection);

#[test]
fn messages_in_tls_are_dissected_where_the_keys_are_known() {
    if is_without_tshark() {
        return;
    }
    let keys = Arc::new(Keys::default());
    let (tls, mut random) = (Tls::new(Arc::clone(&keys)), Random(seed()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let option = format!("tls.keylog_file:{}", file.display());
    // Who sends nothing is sent nothing: TLS begins with the client.
    let carry = |(sent, received): &(Vec<u8>, Vec<u8>)| {
        let conversation = tls.carry(sent, received, &mut random);
        std::fs::write(&file, &*keys.0.lock().unwrap()).unwrap();
        conversation
    };
    let streams: Vec<_> = streams()
        .into_iter()
        .filter(|(sent, _)| !sent.is_empty())
        .collect();
    let conversations: Vec<_> = streams.iter().map(carry).collect();
    let cases: Vec<_> = streams
        .iter()
        .zip(conversations)
        .map(|((sent, received), conversation)| Case::new(sent, received, conversation))
        .collect();
    for options in [&["-o", &*option][..], &["-2", "-o", &*option]] {
        let (compared, _) = compare(&cases, options);
        println!("in TLS: {compared:?}");
        assert!(compared.frames > 30, "{compared:?}");
    }
}

/// A frame of WebSocket with binary data.
fn websocket_frame(payload: &[u8], by_client: bool) -> Vec<u8> {
    let mask = if by_client { 0x80 } else { 0 };
    let mut frame = vec![0x82];
    match u16::try_from(payload.len()).unwrap() {
        small @ 0..126 => frame.push(mask | small as u8),
        size => {
            frame.push(mask | 126);
            frame.extend(size.to_be_bytes());
        }
    }
    if by_client {
        let key = [1, 2, 3, 4];
        frame.extend(key);
        frame.extend(
            payload
                .iter()
                .zip(key.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
    } else {
        frame.extend(payload);
    }
    frame
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: papertrader.1\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: papertrader.1\r\n\r\n";

#[test]
fn messages_in_a_websocket_are_dissected_whatever_its_borders() {
    if is_without_tshark() {
        return;
    }
    let mut random = Random(seed());
    let carry = |(sent, received): &(Vec<u8>, Vec<u8>)| {
        let mut segments = vec![(true, UPGRADE.into()), (false, UPGRADED.into())];
        for (by_client, mut bytes) in [(true, &sent[..]), (false, &received[..])] {
            while !bytes.is_empty() {
                // Two frames in a segment: equal ones are told apart by their order.
                let mut segment = Vec::new();
                let size = (1 + random.below(9_000)).min(bytes.len());
                for _ in 0..2 {
                    let (piece, rest) = bytes.split_at(size.min(bytes.len()));
                    segment.extend(websocket_frame(piece, by_client));
                    bytes = rest;
                }
                segments.push((by_client, segment));
            }
        }
        Conversation {
            port: 8_080,
            segments,
            ..Conversation::default()
        }
    };
    carried(carry);
}

fn binary(instruction: Instruction, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write_binary(&mut bytes, instruction, data);
    bytes
}

fn titles(shown: &[Dissected]) -> Vec<&str> {
    shown.iter().map(|one| one.title.as_str()).collect()
}

#[test]
fn a_links_handshake_is_in_the_open_and_the_rest_are_records() {
    if is_without_tshark() {
        return;
    }
    let hello = binary(Instruction::LinkHello, &[&[0, 2][..], &[7; 48]].concat());
    let challenge = binary(Instruction::LinkChallenge, &[6; 32]);
    let proof = binary(Instruction::LinkProof, &[5; 300]);
    let first = binary(
        Instruction::LinkNoise1,
        &[&[0, 100][..], &[4; 148]].concat(),
    );
    let second = binary(Instruction::LinkNoise2, &[3; 48]);
    let record = [&[0, 20][..], &[9; 20]].concat();
    let mut refused = Vec::new();
    frame::write(
        &mut refused,
        Instruction::LinkRefused,
        &["stale", "an old proof"],
    );
    let link = Conversation {
        port: MASTER,
        segments: vec![
            (true, hello.clone()),
            (false, challenge.clone()),
            (true, proof.clone()),
            (false, first.clone()),
            // Records may follow in the same segment, and end anywhere.
            (true, [&second[..], &record, &record[..1]].concat()),
            (true, record[1..].to_vec()),
            (false, record[..5].to_vec()),
            (false, [&record[5..], &record].concat()),
        ],
        ..Conversation::default()
    };
    let refusal = Conversation {
        port: MASTER,
        segments: vec![
            (true, hello),
            (false, challenge),
            (true, proof),
            (false, first),
            (true, second),
            (false, refused),
        ],
        ..Conversation::default()
    };
    let handshake = [
        "PaperTrader, client: linkHello",
        "PaperTrader, server: linkChallenge",
        "PaperTrader, client: linkProof",
        "PaperTrader, server: linkNoise1",
        "PaperTrader, client: linkNoise2",
    ];
    let sealed = ["PaperTrader, sealed record of a worker link"; 4];
    let shown = dissect(&[link], &[]);
    assert_eq!(titles(&shown), [&handshake[..], &sealed].concat());
    let values = shown[0].payload.as_ref().unwrap();
    assert_eq!(values[0].label, "version: 2");
    assert_eq!(
        values[1].label,
        "worker: 07070707-0707-0707-0707-070707070707"
    );
    let shown = dissect(&[refusal], &[]);
    let told = ["PaperTrader, server: linkRefused stale an old proof"];
    assert_eq!(titles(&shown), [&handshake[..], &told].concat());
    assert_eq!(shown[5].field("expert.failed"), Some(""));
}

#[test]
fn what_a_capture_lacks_is_told_and_not_called_malformed() {
    if is_without_tshark() {
        return;
    }
    let ping = |out: &mut Vec<u8>| Request::Ping.write(out);
    let mut pings = Vec::new();
    (0..4).for_each(|_| ping(&mut pings));
    let mut pongs = Vec::new();
    (0..4).for_each(|_| frame::write(&mut pongs, Instruction::Pong, &[]));
    // The capture begins inside a message of each side; what it has whole afterwards is read.
    let cut = |lost| Conversation {
        port: WORKER,
        segments: vec![
            (true, pings[..20].to_vec()),
            (true, pings[20..34].to_vec()),
            (true, pings[34..].to_vec()),
            (false, pongs.clone()),
        ],
        lost,
    };
    let whole = |count| vec!["PaperTrader, client: ping"; count];
    let answers = vec!["PaperTrader, server: pong"; 4];
    let lacking = vec!["PaperTrader, bytes of a message whose beginning is not in the capture"];
    let shown = dissect(&[cut(0..1)], &[]);
    assert_eq!(
        titles(&shown),
        [lacking.clone(), whole(2), answers.clone()].concat()
    );
    // A segment in the middle is missing.
    let shown = dissect(&[cut(1..2)], &[]);
    assert_eq!(titles(&shown), [whole(1), whole(2), answers].concat());
    for one in &shown {
        assert_eq!(one.field("malformed"), None, "{one:?}");
        assert_eq!(one.field("expert.unexpected"), None, "{one:?}");
    }
}
