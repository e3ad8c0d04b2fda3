//! spec/fuzzing.md
//!
//! The link between worker and master.

use super::{byte, golden, in_pieces, pieces};
use papertrader::link::envelope::{
    BODY_MAX, BODY_MIN, EnvelopeDecoder, EnvelopeHeader as LinkHeader, HEADER_LEN,
};
use papertrader::link::handshake::{
    BudgetLimits, GpgBudget, MasterHandshake, MasterIdentity, RegisteredWorker, VERSION,
    WorkerHandshake, WorkerIdentity,
};
use papertrader::link::keyring::Keyring;
use papertrader::link::message::{
    ActiveSession, BodyFrames, PriceRow, Prices, SessionHashes, SessionState, Welcome, WorkerAbout,
    WorkerReport,
};
use papertrader::link::record::{Opener, Sealer, loopback};
use papertrader::model::{AssetDescription, Bar, Money, SessionHash, Symbol, Timestamp};
use papertrader::wire::payload::Payload;
use papertrader::wire::{FrameHeader, Instruction, Reassembly, frame};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;
use std::time::Duration;
use uuid::Uuid;

// --- records
// -------------------------------------------------------------------------------------------------

/// A sealed stream that the input steers: each of its steps is two bytes, what and how much. What
/// comes out is what was sealed, up to the first record that was tampered with, and nothing behind
/// it.
pub fn records(mut data: &[u8]) {
    let (mut left, mut right) = loopback().expect("a session with ourselves");
    let (sealer, opener) = (&mut left.sealer, &mut right.opener);
    let mut sealed = Vec::new();
    let mut sent = Vec::new();
    let mut good = true;
    while let [what, much, rest @ ..] = data {
        data = rest;
        good &= step(
            *what,
            usize::from(*much),
            sealer,
            &mut sealed,
            &mut sent,
            &mut data,
        );
    }
    let opened = open(opener, &sealed);
    assert!(opened.len() <= sealed.len(), "more came out than went in");
    if good {
        assert_eq!(opened, sent);
    } else {
        assert!(sent.starts_with(&opened), "bytes that nobody sealed");
    }
}

/// What an input has sealed at most: two bytes of it stand for up to 178,500, which is no defect in
/// what is tested.
const SEALED_MAX: usize = 256 * 1024;

/// False where what was sealed so far was changed.
fn step(
    what: u8,
    much: usize,
    sealer: &mut Sealer,
    sealed: &mut Vec<u8>,
    sent: &mut Vec<u8>,
    data: &mut &[u8],
) -> bool {
    match what % 8 {
        // Payloads, up to some records long.
        0..=2 => {
            let size = (much * [1, 16, 700][usize::from(what % 8)]).min(SEALED_MAX - sent.len());
            let plain: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            if sealer.seal(&plain, sealed).is_ok() {
                sent.extend_from_slice(&plain);
            }
            true
        }
        3 => sealer.close(sealed).is_ok(),
        // A byte changed, somewhere near the end.
        4 => match sealed.iter_mut().rev().nth(much) {
            Some(byte) => {
                *byte ^= 1 << (what >> 5);
                false
            }
            None => true,
        },
        // The end lost.
        5 if much > 0 => {
            sealed.truncate(sealed.len().saturating_sub(much));
            false
        }
        // Bytes from nowhere.
        6 if much > 0 => {
            let (made_up, rest) = data.split_at(much.min(data.len()));
            *data = rest;
            sealed.extend_from_slice(made_up);
            false
        }
        // The end repeated.
        7 if much > 0 => {
            let from = sealed.len().saturating_sub(much);
            sealed.extend_from_within(from..);
            false
        }
        _ => true,
    }
}

/// Opens a stream in uneven pieces; a failure is for good.
fn open(opener: &mut Opener, sealed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut failed = None;
    for (number, piece) in sealed.chunks(1000).enumerate() {
        let (head, tail) = piece.split_at(piece.len().min(number % 20));
        for part in [head, tail] {
            let before = out.len();
            let result = opener.open(part, &mut out);
            if let Some(failed) = failed {
                assert_eq!(result, Err(failed));
                assert_eq!(out.len(), before);
            }
            failed = failed.or(result.err());
        }
    }
    assert_eq!(opener.end().err().filter(|_| failed.is_some()), failed);
    out
}

/// A few streams, whole and not.
pub fn record_seeds() -> Vec<Vec<u8>> {
    let scripts: &[&[u8]] = &[
        &[0, 5, 1, 200, 2, 255, 3, 0],
        &[0, 0, 0, 1, 3, 0, 3, 0, 0, 7],
        &[0, 9, 4, 3, 0, 9],
        &[0, 9, 5, 1],
        &[0, 9, 5, 200, 0, 9],
        &[0, 9, 6, 4, 0, 17, 1, 2, 0, 9],
        &[0, 9, 7, 28],
        &[6, 2, 0, 16],
        &[2, 94, 2, 94, 2, 94],
    ];
    scripts.iter().map(|script| script.to_vec()).collect()
}

// --- envelopes
// -----------------------------------------------------------------------------------------------

const WORKER: Uuid = Uuid::from_u128(0x0011_2233_4455_4677_8899_aabb_ccdd_eeff);

/// A stream of link messages: bounded, and the same bytes when they are written again.
pub fn envelopes(data: &[u8]) {
    let mut decoder = EnvelopeDecoder::new(WORKER);
    let (mut came, mut back) = (Vec::new(), Vec::new());
    for piece in pieces(data) {
        decoder.input().extend_from_slice(piece);
        came.extend_from_slice(piece);
        loop {
            match decoder.next() {
                Ok(Some(envelope)) => {
                    assert_eq!(envelope.header.worker, WORKER);
                    assert!((BODY_MIN..=BODY_MAX).contains(&envelope.body.len()));
                    envelope
                        .header
                        .append(envelope.body, &mut back)
                        .expect("a body within bounds");
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next(), Err(error));
                    return;
                }
            }
        }
        assert!(came.starts_with(&back));
        assert!(
            decoder.input().len() < HEADER_LEN + BODY_MAX,
            "more than a message waits"
        );
        assert_eq!(decoder.is_between_messages(), back.len() == came.len());
    }
}

/// The golden frames of requests, each in an envelope.
pub fn envelope_seeds() -> Vec<Vec<u8>> {
    let header = |sequence| LinkHeader {
        worker: WORKER,
        boot: Uuid::from_u128(1),
        sequence,
        timestamp: Timestamp(1_362_096_000_000),
        client: Some("192.0.2.7:4660".parse().unwrap()),
    };
    let frames = [golden("0101"), golden("0104"), golden("0405")].concat();
    let mut streams: Vec<Vec<u8>> = (1..)
        .zip(&frames)
        .map(|(sequence, frame)| {
            let mut out = Vec::new();
            header(sequence).append(frame, &mut out).unwrap();
            out
        })
        .collect();
    let mut push = Vec::new();
    LinkHeader {
        client: None,
        ..header(0)
    }
    .append(&bodies().concat(), &mut push)
    .unwrap();
    streams.push(push);
    streams.push(streams.concat());
    in_pieces(streams)
}

// --- bodies
// --------------------------------------------------------------------------------------------------

fn own<T: Payload + Debug>(data: &[u8]) {
    if let Ok(value) = T::from_bytes(data) {
        assert_eq!(value.to_bytes(), data, "{value:?}");
    }
}

/// A link message's body: its frames one after the other, and what is in them.
pub fn messages(data: &[u8]) {
    let mut prices = None;
    let mut reassembly = Reassembly::new(1 << 20);
    let mut whole = Vec::new();
    for frame in BodyFrames::new(data) {
        let Ok((header, data, bytes)) = frame else {
            break;
        };
        assert_eq!(bytes.len(), frame::HEADER_BYTES + data.len());
        whole.extend_from_slice(bytes);
        match Instruction::from_number(header.instruction) {
            Some(Instruction::LinkWelcome) => own::<Welcome>(data),
            Some(Instruction::LinkReport) => own::<WorkerReport>(data),
            Some(Instruction::LinkSession) => own::<SessionState>(data),
            Some(Instruction::LinkSessionsEnded | Instruction::LinkConnectionClosed) => {
                own::<SessionHashes>(data)
            }
            Some(Instruction::LinkPrices) => prices = Some(data.to_vec()),
            Some(Instruction::Data) => {
                if let (Some(fixed), Ok(Some(rows))) = (&prices, reassembly.push(&header, data)) {
                    read_prices(fixed, &rows);
                }
            }
            _ => {}
        }
    }
    assert!(data.starts_with(&whole));
}

fn read_prices(fixed: &[u8], rows: &[u8]) {
    let Ok(prices) = Prices::read(fixed, rows) else {
        return;
    };
    let mut out = Vec::new();
    prices.write(&mut out);
    let mut frames = BodyFrames::new(&out).map(Result::unwrap);
    let (_, fixed_again, _) = frames.next().unwrap();
    let mut reassembly = Reassembly::default();
    let rows_again = frames
        .find_map(|(header, data, _): (FrameHeader, _, _)| reassembly.push(&header, data).unwrap());
    assert_eq!((fixed_again, rows_again.as_deref()), (fixed, Some(rows)));
}

/// One body of each kind.
fn bodies() -> Vec<Vec<u8>> {
    let hash = SessionHash([7; 32]);
    let bar = Bar {
        time: Timestamp(86_400_000),
        open: Money(1),
        high: Money(4),
        low: Money(1),
        close: Money(2),
        volume: 9,
    };
    let active = ActiveSession {
        username: "alice".into(),
        expiry: Timestamp(5),
        expirable: true,
    };
    let row = |symbol: &str, quote: bool, day: bool| PriceRow {
        symbol: Symbol::parse(symbol).unwrap(),
        quote: quote.then(|| bar.quote()),
        day: day.then_some(bar),
        is_new: quote,
        is_halted: day,
        previous_close: quote.then_some(Money(3)),
        description: day.then(AssetDescription::default),
    };
    let mut bodies = Vec::new();
    let mut put = |instruction, payload: Vec<u8>| {
        let mut body = Vec::new();
        frame::write_binary(&mut body, instruction, &payload);
        bodies.push(body);
    };
    let welcome = Welcome {
        now: Timestamp(1),
        update_interval: 1000,
        version: "0.1.0".into(),
        name: "eu1".into(),
        address: "eu1.example.org:2049".into(),
    };
    put(Instruction::LinkWelcome, welcome.to_bytes());
    let report = WorkerReport {
        version: "0.1.0".into(),
        uptime: 1,
        connections: 2,
        sessions: 3,
        cached: 4,
        cached_bytes: 5,
        parked: 6,
        about: WorkerAbout {
            name: "eu1".into(),
            advertise: "eu1.example.org:2049".into(),
            certificate: Some(Timestamp(7)),
        },
    };
    put(Instruction::LinkReport, report.to_bytes());
    for active in [Some(active), None] {
        put(
            Instruction::LinkSession,
            SessionState { hash, active }.to_bytes(),
        );
    }
    put(
        Instruction::LinkSessionsEnded,
        SessionHashes(vec![hash; 3]).to_bytes(),
    );
    put(
        Instruction::LinkConnectionClosed,
        SessionHashes(vec![hash]).to_bytes(),
    );
    let prices = Prices {
        update: 7,
        market_now: Timestamp(1),
        published: Timestamp(2),
        next: Timestamp(3),
        rows: vec![
            row("A", true, true),
            row("B", true, false),
            row("C", false, false),
        ],
    };
    let mut body = Vec::new();
    prices.write(&mut body);
    bodies.push(body);
    bodies
}

/// One body of each kind, and all of them behind each other.
pub fn message_seeds() -> Vec<Vec<u8>> {
    let mut seeds = bodies();
    seeds.push(seeds.concat());
    seeds.extend(golden("0101"));
    seeds
}

// --- handshakes
// ----------------------------------------------------------------------------------------------

/// Both sides, with real keys whose homes are gone again, and with no budget to speak of: what
/// stands before the cryptography is what is looked at here.
struct Sides {
    master: MasterIdentity,
    worker: WorkerIdentity,
    identity: RegisteredWorker,
}

fn sides() -> &'static Sides {
    static SIDES: OnceLock<Sides> = OnceLock::new();
    SIDES.get_or_init(|| {
        let folder = tempfile::Builder::new().prefix("pt").tempdir().unwrap();
        let home = |name: &str| {
            let keyring = Keyring::create(&folder.path().join(name)).unwrap();
            let key = keyring
                .generate(&format!("{name} <{name}@example.org>"))
                .unwrap();
            (keyring, key)
        };
        let (master_home, master_key) = home("m");
        let (worker_home, worker_key) = home("w");
        master_home
            .import(&worker_home.export(worker_key).unwrap())
            .unwrap();
        worker_home
            .import(&master_home.export(master_key).unwrap())
            .unwrap();
        let budget = GpgBudget::new(BudgetLimits {
            own_burst: 1,
            own_every: Duration::from_secs(3600),
            shared_burst: 1,
            shared_every: Duration::from_secs(3600),
            ..BudgetLimits::default()
        });
        let master = MasterIdentity::new(master_home.clone(), master_key, budget).unwrap();
        let worker =
            WorkerIdentity::new(worker_home.clone(), worker_key, master_key, WORKER).unwrap();
        master_home.stop().unwrap();
        worker_home.stop().unwrap();
        Sides {
            master,
            worker,
            identity: RegisteredWorker {
                uuid: WORKER,
                name: "eu1".into(),
                fingerprint: worker_key,
            },
        }
    })
}

/// A peer that says anything to either side: it is never let in, and what is kept of it stays
/// small.
pub fn handshakes(mut data: &[u8]) {
    let sides = sides();
    let now = Timestamp(1_362_096_000_000);
    let mut out = Vec::new();
    if byte(&mut data).is_multiple_of(2) {
        let lookup = |uuid: Uuid, _: IpAddr| {
            if uuid == WORKER {
                Ok(sides.identity.clone())
            } else {
                Err(papertrader::link::handshake::HandshakeError::UnknownUuid)
            }
        };
        let mut handshake =
            MasterHandshake::new(&sides.master, &lookup, IpAddr::V4(Ipv4Addr::LOCALHOST));
        drive(data, |piece| {
            handshake
                .receive(piece, now, &mut out)
                .map(|done| done.is_some())
        });
    } else {
        let mut handshake = WorkerHandshake::start(&sides.worker, &mut out).unwrap();
        drive(data, |piece| {
            handshake
                .receive(piece, now, &mut out)
                .map(|done| done.is_some())
        });
    }
    assert!(out.len() < 1024, "an unproven peer got {} bytes", out.len());
}

fn drive<E>(data: &[u8], mut receive: impl FnMut(&[u8]) -> Result<bool, E>) {
    for piece in pieces(data) {
        match receive(piece) {
            Ok(done) => assert!(!done, "let in without a key"),
            Err(_) => return,
        }
    }
}

/// What each side waits for, and what it does not.
pub fn handshake_seeds() -> Vec<Vec<u8>> {
    let mut hello = VERSION.to_be_bytes().to_vec();
    hello.extend_from_slice(WORKER.as_bytes());
    hello.extend_from_slice(&[5; 32]);
    let framed = |instruction, data: &[u8]| {
        let mut out = Vec::new();
        frame::write_binary(&mut out, instruction, data);
        out
    };
    let hello = framed(Instruction::LinkHello, &hello);
    let proof = framed(Instruction::LinkProof, &[0x85; 300]);
    let challenge = framed(Instruction::LinkChallenge, &[6; 32]);
    let answer = framed(
        Instruction::LinkNoise1,
        &[&[0, 200][..], &[7; 248]].concat(),
    );
    let mut refused = Vec::new();
    frame::write(
        &mut refused,
        Instruction::LinkRefused,
        &["unknown-uuid", "not registered here"],
    );
    let to_master = [hello.clone(), [hello, proof.clone()].concat(), proof];
    let to_worker = [challenge.clone(), [challenge, answer].concat(), refused];
    let with = |side: u8, streams: &[Vec<u8>]| -> Vec<Vec<u8>> {
        in_pieces(streams.to_vec())
            .into_iter()
            .map(|stream| [&[side], stream.as_slice()].concat())
            .collect()
    };
    [with(0, &to_master), with(1, &to_worker)].concat()
}
