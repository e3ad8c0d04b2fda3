//! spec/dialogue/link_peer.md · 4.3.1 Master-Worker Server Connection
//!
//! A dialogue's connection to the master as a worker: the handshake with a worker's own key, and
//! messages over the sealed link behind it.
//!
//! Tests: `tests/suite/protocol/fixtures.rs`.

mod words;

use super::message::{MessageDecoder, StreamPart};
use super::peer::{Arrival, Peer, Tcp};
use crate::config::WorkerConfig;
use crate::link::envelope::{EnvelopeDecoder, EnvelopeHeader};
use crate::link::handshake::{HandshakeError, ProvenLink, WorkerHandshake, WorkerIdentity};
use crate::link::keyring::Keyring;
use crate::link::message::{BodyFrames, WorkerAbout, WorkerReport};
use crate::link::record::SealedChannel;
use crate::model::{Fingerprint, Timestamp};
use crate::net::ClientTls;
use crate::net::deadline::{self, is_passing, remaining};
use crate::wire::frame::HEADER_BYTES;
use crate::wire::instruction::{LINK_FIRST, LINK_LAST};
use crate::wire::payload::Payload;
use crate::wire::{FrameHeader, Instruction, Reassembly, frame};
use socket2::{Domain, Socket, Type};
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Size of the read buffer in bytes.
const READ_BYTES: usize = 64 * 1024;
/// How long a send may wait for the master to read.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The client in whose name requests are passed on.
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_000);

/// Whether a target is a link.
pub fn is_link(target: &str) -> bool {
    target == "link" || target.starts_with("link/")
}

/// What a master tells a worker of its own accord: a dialogue expects it with `~`, as notices.
const PUSHES: &[&str] = &[
    "linkWelcome",
    "linkServerInfo",
    "linkPrices",
    "linkWorkers",
    "linkSessionsEnded",
    "linkBooted",
];

/// Whether a message with this name is pushed over a link.
pub fn is_push(name: &str) -> bool {
    PUSHES.contains(&name)
}

/// Connects to the master of the worker whose configuration is `config`, as `target` says: `link`,
/// `link/replay`, `link/stranger`, `link/other-key`, or `link/` and the address to come from.
/// `handshake` keeps what the last handshake sent.
///
/// # Errors
/// The configuration cannot be read, the master cannot be reached, or the handshake failed, and
/// the master did not say why. What it said in place of a link is the connection's messages.
pub fn connect(
    config: &Path,
    target: &str,
    within: Duration,
    handshake: &mut Vec<u8>,
) -> Result<Box<dyn Peer>, String> {
    let until = Instant::now() + within;
    let (config, _) = WorkerConfig::load(config).map_err(|e| e.to_string())?;
    let address = config.master.to_string();
    let as_who = target.strip_prefix("link/").unwrap_or_default();
    if as_who == "replay" {
        let mut tcp = Tcp::connect(&address, within, &ClientTls::plain())?;
        tcp.send(handshake, "x")?;
        return Ok(Box::new(tcp));
    }
    let source = match as_who {
        "" | "stranger" | "other-key" => None,
        source => Some(source.parse::<IpAddr>().map_err(|_| {
            format!("{target}: a link is link, link/replay, link/stranger, link/other-key or link/ADDRESS")
        })?),
    };
    let keyring = Keyring::open(&config.gpg.home).map_err(|e| e.to_string())?;
    let uuid = match as_who {
        "stranger" => Uuid::now_v7(),
        _ => config.uuid,
    };
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (keyring, own) = if as_who == "other-key" {
        another_key(&folder.path().join("gpg"), &keyring, config.gpg.master_key)?
    } else {
        (keyring, config.gpg.key)
    };
    let identity = WorkerIdentity::new(keyring, own, config.gpg.master_key, uuid);
    let identity = identity.map_err(|e| e.to_string())?;
    // The master's time for a handshake runs from here, and GPG may be slow.
    let socket = open(&address, source, until)?;
    handshake.clear();
    let mut came = MessageDecoder::default();
    let proven = shake_hands(&socket, &identity, until, handshake, &mut came);
    if as_who == "other-key" {
        // The agent of a keyring that is removed now.
        let _ = identity.keyring().stop();
    }
    let mut peer = LinkPeer::new(socket, uuid);
    match proven {
        Ok(link) => peer.establish(link)?,
        // What the master said instead is for the dialogue to judge.
        Err(
            HandshakeError::Refused(..)
            | HandshakeError::RefusedVersion { .. }
            | HandshakeError::TakenForClient(_)
            | HandshakeError::Frame(_),
        ) => peer.refused(&mut came),
        Err(error) => return Err(format!("the handshake failed: {error}")),
    }
    Ok(Box::new(peer))
}

/// A socket to the master, from `source` if that is given.
fn open(address: &str, source: Option<IpAddr>, until: Instant) -> Result<TcpStream, String> {
    let named = |e: std::io::Error| format!("{address}: {e}");
    let targets: Vec<SocketAddr> = address.to_socket_addrs().map_err(named)?.collect();
    let Some(source) = source else {
        let (socket, _) = deadline::connect(&targets, until).map_err(named)?;
        return Ok(socket);
    };
    let is_alike = |target: &&SocketAddr| target.is_ipv4() == source.is_ipv4();
    let target = targets.iter().find(is_alike);
    let target = target.ok_or_else(|| format!("{address}: no address of {source}'s kind"))?;
    let socket = Socket::new(Domain::for_address(*target), Type::STREAM, None).map_err(named)?;
    let from = SocketAddr::new(source, 0);
    socket
        .bind(&from.into())
        .map_err(|e| format!("{source}: {e}"))?;
    let target = (*target).into();
    socket
        .connect_timeout(&target, remaining(until))
        .map_err(named)?;
    Ok(socket.into())
}

/// A keyring with a key that no master has registered.
fn another_key(
    home: &Path,
    known: &Keyring,
    master: Fingerprint,
) -> Result<(Keyring, Fingerprint), String> {
    let make = || {
        let keyring = Keyring::create(home)?;
        let own = keyring.generate("a worker that nobody has registered")?;
        keyring.import(&known.export(master)?)?;
        Ok((keyring, own))
    };
    make().map_err(|e: crate::link::keyring::KeyringError| e.to_string())
}

/// Runs the worker's side of the handshake, and keeps the bytes of both sides.
fn shake_hands(
    mut socket: &TcpStream,
    identity: &WorkerIdentity,
    until: Instant,
    sent: &mut Vec<u8>,
    came: &mut MessageDecoder,
) -> Result<ProvenLink<Fingerprint>, HandshakeError> {
    let failed = |e: std::io::Error| HandshakeError::Socket(e.kind());
    let mut out = Vec::new();
    let mut handshake = WorkerHandshake::start(identity, &mut out)?;
    let mut bytes = vec![0; READ_BYTES];
    let mut proven = None;
    loop {
        socket.write_all(&out).map_err(failed)?;
        sent.append(&mut out);
        if let Some(link) = proven {
            return Ok(link);
        }
        socket
            .set_read_timeout(Some(remaining(until)))
            .map_err(failed)?;
        let size = match socket.read(&mut bytes) {
            Ok(0) => return Err(HandshakeError::Cut),
            Ok(size) => size,
            Err(e) if is_passing(&e) && Instant::now() < until => continue,
            Err(e) if is_passing(&e) => return Err(HandshakeError::Timeout),
            Err(e) => return Err(failed(e)),
        };
        let bytes = bytes.get(..size).unwrap_or_default();
        came.extend(bytes);
        proven = handshake.receive(bytes, Timestamp::now(), &mut out)?;
    }
}

/// A worker's end of a link.
struct LinkPeer {
    socket: TcpStream,
    /// The record layer; `None` where the handshake was refused.
    sealed: Option<SealedChannel>,
    envelopes: EnvelopeDecoder,
    worker: Uuid,
    boot: Uuid,
    /// Of the last message sent.
    sequence: u64,
    /// The time of the messages to send; `None` is the clock's.
    stamp: Option<Timestamp>,
    /// The replies to each message, by its sequence number; pushes have 0.
    decoders: BTreeMap<u64, MessageDecoder>,
    /// The fixed part of the prices whose rows follow.
    prices: Option<Vec<u8>>,
    rows: Reassembly,
    waiting: VecDeque<Arrival>,
    has_ended: bool,
}

impl LinkPeer {
    fn new(socket: TcpStream, worker: Uuid) -> LinkPeer {
        LinkPeer {
            socket,
            sealed: None,
            envelopes: EnvelopeDecoder::new(worker),
            worker,
            boot: Uuid::new_v4(),
            sequence: 0,
            stamp: None,
            decoders: BTreeMap::new(),
            prices: None,
            rows: Reassembly::default(),
            waiting: VecDeque::new(),
            has_ended: false,
        }
    }

    fn establish(&mut self, link: ProvenLink<Fingerprint>) -> Result<(), String> {
        let named = |e: std::io::Error| e.to_string();
        self.socket.set_nodelay(true).map_err(named)?;
        self.socket
            .set_write_timeout(Some(SEND_TIMEOUT))
            .map_err(named)?;
        self.sealed = Some(link.sealed);
        self.envelopes.input().extend_from_slice(&link.early);
        self.messages();
        Ok(())
    }

    /// A link that was refused: what the master said in the handshake, and then the end.
    fn refused(&mut self, came: &mut MessageDecoder) {
        self.decoded(came);
        self.has_ended = true;
    }

    /// Takes the messages that a decoder has.
    fn decoded(&mut self, decoder: &mut MessageDecoder) {
        while let Some(part) = decoder.next_message() {
            self.waiting.push_back(match part {
                StreamPart::Message(text) => Arrival::Message(text),
                StreamPart::Broken(why) => Arrival::Broken(why),
            });
        }
    }

    fn end(&mut self, arrival: Arrival) {
        self.has_ended = true;
        self.waiting.push_back(arrival);
    }

    /// Reads once, and waits no longer than `until`.
    fn read(&mut self, until: Instant) {
        let Some(sealed) = self.sealed.as_mut() else {
            return self.end(Arrival::End);
        };
        let mut bytes = vec![0; READ_BYTES];
        let outcome = self
            .socket
            .set_read_timeout(Some(remaining(until)))
            .and_then(|()| self.socket.read(&mut bytes));
        match outcome {
            Ok(0) if sealed.opener.is_closed() => self.end(Arrival::End),
            Ok(0) => self.end(Arrival::Failed(
                "the link ended without a close record".to_owned(),
            )),
            Ok(size) => {
                let bytes = bytes.get(..size).unwrap_or_default();
                let opened = sealed.opener.open(bytes, self.envelopes.input());
                self.messages();
                if let Err(error) = opened {
                    self.end(Arrival::Broken(error.to_string()));
                }
            }
            Err(e) if is_passing(&e) => {}
            Err(e) => self.end(Arrival::Failed(e.to_string())),
        }
    }

    /// Takes the whole messages that have come.
    fn messages(&mut self) {
        loop {
            let (sequence, body) = match self.envelopes.next() {
                Ok(Some(message)) => (message.header.sequence, message.body.to_vec()),
                Ok(None) => return,
                Err(error) => return self.end(Arrival::Broken(error.to_string())),
            };
            for part in BodyFrames::new(&body) {
                match part {
                    Ok((header, data, whole)) => self.frame(sequence, &header, data, whole),
                    Err(error) => return self.end(Arrival::Broken(error.to_string())),
                }
            }
        }
    }

    /// Takes a frame: the link's own messages by their layouts, others as a client has them.
    fn frame(&mut self, sequence: u64, header: &FrameHeader, data: &[u8], whole: &[u8]) {
        let instruction = Instruction::from_number(header.instruction);
        if instruction == Some(Instruction::LinkPrices) {
            self.prices = Some(data.to_vec());
            return;
        }
        let text = match (&self.prices, instruction) {
            (Some(fixed), Some(Instruction::Data)) if sequence == 0 => {
                match self.rows.push(header, data) {
                    Ok(Some(rows)) => words::prices(fixed, &rows),
                    Ok(None) => return,
                    Err(fault) => Err(fault.to_string()),
                }
            }
            (_, Some(instruction)) => match words::link_message(instruction, data) {
                Some(text) => text,
                None => return self.decode(sequence, whole),
            },
            (_, None) => return self.decode(sequence, whole),
        };
        if instruction == Some(Instruction::Data) {
            self.prices = None;
        }
        self.waiting.push_back(match text {
            Ok(text) => Arrival::Message(text),
            Err(why) => Arrival::Broken(why),
        });
    }

    fn decode(&mut self, sequence: u64, whole: &[u8]) {
        let mut decoder = self.decoders.remove(&sequence).unwrap_or_default();
        decoder.extend(whole);
        self.decoded(&mut decoder);
        self.decoders.insert(sequence, decoder);
    }
}

/// What a dialogue reports of its worker: `> linkReport` alone is this.
fn report() -> Vec<u8> {
    let report = WorkerReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime: 0,
        connections: 0,
        sessions: 0,
        cached: 0,
        cached_bytes: 0,
        parked: 0,
        about: WorkerAbout::default(),
    };
    let mut out = Vec::new();
    frame::write_binary(&mut out, Instruction::LinkReport, &report.to_bytes());
    out
}

impl Peer for LinkPeer {
    fn send(&mut self, bytes: &[u8], _line: &str) -> Result<(), String> {
        let sealed = self
            .sealed
            .as_mut()
            .ok_or("the handshake was refused: there is no link")?;
        let number = bytes
            .first_chunk()
            .map(|h| FrameHeader::read(h).instruction);
        let is_bare =
            number == Some(Instruction::LinkReport.number()) && bytes.len() == HEADER_BYTES;
        let body = if is_bare { report() } else { bytes.to_vec() };
        self.sequence += 1;
        let is_own = number.is_some_and(|n| (LINK_FIRST..=LINK_LAST).contains(&n));
        let header = EnvelopeHeader {
            worker: self.worker,
            boot: self.boot,
            sequence: self.sequence,
            timestamp: self.stamp.unwrap_or_else(Timestamp::now),
            client: (!is_own).then_some(CLIENT),
        };
        let (mut plain, mut out) = (Vec::new(), Vec::new());
        header
            .append(&body, &mut plain)
            .map_err(|e| e.to_string())?;
        sealed
            .sealer
            .seal(&plain, &mut out)
            .map_err(|e| e.to_string())?;
        self.decoders.entry(self.sequence).or_default().note(&body);
        self.socket.write_all(&out).map_err(|e| e.to_string())
    }

    /// Sends the close record.
    fn half(&mut self) -> Result<(), String> {
        let mut out = Vec::new();
        if let Some(sealed) = self.sealed.as_mut() {
            sealed.sealer.close(&mut out).map_err(|e| e.to_string())?;
        }
        self.socket.write_all(&out).map_err(|e| e.to_string())
    }

    fn stamp(&mut self, time: Timestamp) -> Result<(), String> {
        self.stamp = Some(time);
        Ok(())
    }

    fn receive(&mut self, until: Instant) -> Option<Arrival> {
        loop {
            if let Some(arrival) = self.waiting.pop_front() {
                return Some(arrival);
            }
            if self.has_ended {
                return Some(Arrival::End);
            }
            self.read(until);
            if self.waiting.is_empty() && Instant::now() >= until {
                return None;
            }
        }
    }
}
