//! spec/link/handshake.md · 4.3.1 Master-Worker Server Connection
//!
//! Handshakes with real keys: those that succeed, and every way in which one fails.

use super::io::{accept, connect};
use super::statement::{HandshakeTerms, Role, Transcript};
use super::*;
use crate::link::keyring::KeyringError as K;
use crate::link::keyring::testing::{Party, TempHome, parties};
use crate::model::Timestamp;
use crate::wire::frame;
use HandshakeError as E;
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

const UUID: Uuid = Uuid::from_u128(0x0011_2233_4455_4677_8899_aabb_ccdd_eeff);
const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A master that has registered a worker, and that worker.
struct Rig {
    master_home: TempHome,
    worker_home: TempHome,
    master: MasterIdentity,
    worker: WorkerIdentity,
}

impl Rig {
    fn new() -> Rig {
        Rig::with_key_of(&parties().worker, BudgetLimits::default())
    }

    /// With a worker that uses the key of `party`, which may differ from the registered key.
    fn with_key_of(party: &Party, limits: BudgetLimits) -> Rig {
        let master_home = parties()
            .master
            .home(&[&parties().worker, &parties().stranger]);
        let worker_home = party.home(&[&parties().master]);
        let budget = GpgBudget::new(limits);
        let master = MasterIdentity::new(
            master_home.keyring.clone(),
            parties().master.fingerprint,
            budget,
        )
        .unwrap();
        let keyring = worker_home.keyring.clone();
        let worker = WorkerIdentity::new(
            keyring,
            party.fingerprint,
            parties().master.fingerprint,
            UUID,
        )
        .unwrap();
        Rig {
            master_home,
            worker_home,
            master,
            worker,
        }
    }

    /// Runs a handshake to its end, and returns the master's result and the worker's error.
    fn run(
        &self,
        lookup: master::WorkerLookup<'_>,
    ) -> (Option<Result<ProvenLink<RegisteredWorker>, E>>, Option<E>) {
        let mut to_master = Vec::new();
        let mut worker = WorkerHandshake::start(&self.worker, &mut to_master).unwrap();
        let mut master = MasterHandshake::new(&self.master, lookup, IP);
        loop {
            let mut to_worker = Vec::new();
            match master.receive(
                &std::mem::take(&mut to_master),
                Timestamp::now(),
                &mut to_worker,
            ) {
                Ok(None) => {}
                Ok(Some(established)) => return (Some(Ok(established)), None),
                Err(error) => return (Some(Err(error)), None),
            }
            if let Err(error) = worker.receive(&to_worker, Timestamp::now(), &mut to_master) {
                return (None, Some(error));
            }
        }
    }

    /// The error with which the master refuses the worker.
    fn refused(&self) -> E {
        self.run(&registered).0.unwrap().unwrap_err()
    }
}

fn identity() -> RegisteredWorker {
    RegisteredWorker {
        uuid: UUID,
        name: "eu1".into(),
        fingerprint: parties().worker.fingerprint,
    }
}

fn wrong_ip() -> E {
    E::WrongIp {
        name: "eu1".into(),
        registered: IP,
    }
}

fn registered(uuid: Uuid, ip: IpAddr) -> Result<RegisteredWorker, E> {
    match (uuid == UUID, ip == IP) {
        (false, _) => Err(E::UnknownUuid),
        (true, false) => Err(wrong_ip()),
        (true, true) => Ok(identity()),
    }
}

fn hello(uuid: Uuid) -> Vec<u8> {
    let mut data = VERSION.to_be_bytes().to_vec();
    data.extend_from_slice(uuid.as_bytes());
    data.extend_from_slice(&[7; NONCE_LEN]);
    framed(Instruction::LinkHello, &data)
}

fn framed(instruction: Instruction, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write_binary(&mut out, instruction, data);
    out
}

/// The data of the only frame in `bytes`.
fn data(bytes: &[u8]) -> Vec<u8> {
    bytes[frame::HEADER_BYTES..].to_vec()
}

/// A master that has answered [`hello`] with a challenge, and that challenge.
fn challenged<'a>(rig: &'a Rig) -> (MasterHandshake<'a>, Vec<u8>) {
    let mut master = MasterHandshake::new(&rig.master, &registered, IP);
    let mut challenge = Vec::new();
    assert!(
        master
            .receive(&hello(UUID), Timestamp::now(), &mut challenge)
            .unwrap()
            .is_none()
    );
    (master, data(&challenge))
}

/// The terms and the transcript's hash of that handshake, as an honest worker has them.
fn terms(challenge: &[u8]) -> (HandshakeTerms, [u8; 32]) {
    let mut transcript = Transcript::default();
    transcript.add(Instruction::LinkHello, &data(&hello(UUID)));
    transcript.add(Instruction::LinkChallenge, challenge);
    let terms = HandshakeTerms {
        worker: UUID,
        master_key: parties().master.fingerprint,
        worker_key: parties().worker.fingerprint,
        worker_nonce: [7; NONCE_LEN],
        master_nonce: challenge.try_into().unwrap(),
    };
    (terms, transcript.before())
}

/// A proof with this statement, validly signed by the worker.
fn proof(rig: &Rig, statement: &[u8]) -> Vec<u8> {
    let keyring = &rig.worker_home.keyring;
    let own = keyring.own(parties().worker.fingerprint).unwrap();
    let master = keyring.peer(parties().master.fingerprint).unwrap();
    framed(
        Instruction::LinkProof,
        &keyring.sign_and_encrypt(&own, &master, statement).unwrap(),
    )
}

#[test]
fn both_sides_authenticate_and_the_link_carries_bytes() {
    let rig = Rig::new();
    let mut to_master = Vec::new();
    let mut worker = WorkerHandshake::start(&rig.worker, &mut to_master).unwrap();
    let mut master = MasterHandshake::new(&rig.master, &registered, IP);
    let now = Timestamp::now();
    let mut to_worker = Vec::new();
    // Byte by byte: a handshake that is cut off anywhere gives no link.
    let mut feed_master = |bytes: Vec<u8>, to_worker: &mut Vec<u8>| {
        let mut established = None;
        for byte in bytes {
            assert!(established.is_none());
            established = master.receive(&[byte], now, to_worker).unwrap();
        }
        established
    };
    let mut feed_worker = |bytes: Vec<u8>, to_master: &mut Vec<u8>| {
        let mut established = None;
        for byte in bytes {
            assert!(established.is_none());
            established = worker.receive(&[byte], now, to_master).unwrap();
        }
        established
    };
    assert!(feed_master(std::mem::take(&mut to_master), &mut to_worker).is_none());
    assert!(feed_worker(std::mem::take(&mut to_worker), &mut to_master).is_none());
    assert!(feed_master(std::mem::take(&mut to_master), &mut to_worker).is_none());
    let mut worker = feed_worker(std::mem::take(&mut to_worker), &mut to_master).unwrap();
    let mut master = feed_master(std::mem::take(&mut to_master), &mut to_worker).unwrap();
    assert_eq!(master.peer, identity());
    assert_eq!(worker.peer, parties().master.fingerprint);
    assert_eq!(rig.master.fingerprint(), worker.peer);
    for _ in 0..3 {
        let (mut sealed, mut plain) = (Vec::new(), Vec::new());
        worker.sealed.sealer.seal(b"up", &mut sealed).unwrap();
        master.sealed.opener.open(&sealed, &mut plain).unwrap();
        sealed.clear();
        master.sealed.sealer.seal(b"down", &mut sealed).unwrap();
        worker.sealed.opener.open(&sealed, &mut plain).unwrap();
        assert_eq!(plain, b"updown");
    }
}

#[test]
fn unregistered_peers_cost_no_gpg_operation() {
    let rig = Rig::new();
    let refused = |uuid, ip, lookup: master::WorkerLookup<'_>| {
        let mut master = MasterHandshake::new(&rig.master, lookup, ip);
        let mut out = Vec::new();
        let error = master
            .receive(&hello(uuid), Timestamp::now(), &mut out)
            .unwrap_err();
        assert!(out.is_empty());
        assert_eq!(
            master
                .receive(&hello(UUID), Timestamp::now(), &mut out)
                .unwrap_err()
                .as_str(),
            "bad-frame"
        );
        error
    };
    // Without a GPG home, any use of GPG would fail with another error.
    std::fs::rename(
        rig.master_home.keyring.home(),
        rig.worker_home.keyring.home().join("gone"),
    )
    .unwrap();
    assert_eq!(refused(Uuid::from_u128(1), IP, &registered), E::UnknownUuid);
    assert_eq!(
        refused(UUID, "127.0.0.2".parse().unwrap(), &registered),
        wrong_ip()
    );
    let own = RegisteredWorker {
        fingerprint: parties().master.fingerprint,
        ..identity()
    };
    assert_eq!(refused(UUID, IP, &|_, _| Ok(own.clone())), E::SameKey);
    // An IPv4 address reported by an IPv6 socket counts as that IPv4 address.
    let mut out = Vec::new();
    let mut master = MasterHandshake::new(
        &rig.master,
        &registered,
        "::ffff:127.0.0.1".parse().unwrap(),
    );
    assert!(
        master
            .receive(&hello(UUID), Timestamp::now(), &mut out)
            .unwrap()
            .is_none()
    );
    assert_eq!(E::UnknownUuid.public_reason(), wrong_ip().public_reason());
}

#[test]
fn worker_and_master_need_different_keys_of_their_own() {
    let home = parties().master.home(&[]);
    let key = parties().master.fingerprint;
    assert_eq!(
        WorkerIdentity::new(home.keyring.clone(), key, key, UUID).unwrap_err(),
        E::SameKey
    );
    // A master needs the secret half of its key.
    let worker = parties().worker.home(&[&parties().master]);
    let budget = GpgBudget::new(BudgetLimits::default());
    let side = MasterIdentity::new(worker.keyring.clone(), key, budget);
    assert!(matches!(side.unwrap_err(), E::Keyring(K::SecretUnknown(_))));
    let unknown = WorkerIdentity::new(
        worker.keyring.clone(),
        parties().worker.fingerprint,
        parties().stranger.fingerprint,
        UUID,
    );
    let stranger = parties().stranger.fingerprint;
    let named = K::KeyUnknown.of_key("the master's key", stranger);
    assert_eq!(unknown.unwrap_err(), E::Keyring(named));
}

#[test]
fn proofs_by_other_keys_are_refused() {
    // The master knows the key, but has another one registered: swapped keys.
    let rig = Rig::with_key_of(&parties().stranger, BudgetLimits::default());
    let (registered, stranger) = (parties().worker.fingerprint, parties().stranger.fingerprint);
    let refused = rig.refused();
    assert!(
        matches!(&refused, E::WrongKey { signed: Some(signed), .. } if *signed == stranger),
        "{refused:?}"
    );
    assert_eq!(refused.as_str(), "signature-of-another-key");
    let text = refused.to_string();
    for part in [
        format!("is registered with the key {registered}, and signed with {stranger}: "),
        "`papertraderctl workers set eu1 --key FILE.asc`".to_owned(),
    ] {
        assert!(text.contains(&part), "{text}");
    }
    // The master does not know the key.
    rig.master_home
        .keyring
        .delete(parties().stranger.fingerprint)
        .unwrap();
    assert_eq!(rig.refused(), refused);
    // The registered key is missing.
    rig.master_home
        .keyring
        .delete(parties().worker.fingerprint)
        .unwrap();
    assert_eq!(rig.refused(), E::Keyring(K::KeyUnknown));
}

#[test]
fn disabled_expired_and_revoked_keys_are_refused() {
    let rig = Rig::new();
    let name = parties().worker.fingerprint;
    rig.master_home.gpg(
        &["--import-ownertrust"],
        format!("{name}:130:\n").as_bytes(),
    );
    assert_eq!(rig.refused(), E::Keyring(K::KeyDisabled));
    rig.master_home
        .gpg(&["--import-ownertrust"], format!("{name}:2:\n").as_bytes());
    assert!(rig.run(&registered).0.unwrap().is_ok());

    rig.worker_home
        .gpg(&["--quick-set-expire", &name.to_string(), "seconds=2"], b"");
    let ending = rig.worker_home.keyring.export(name).unwrap();
    rig.master_home.gpg(&["--import"], &ending);
    while rig.master_home.keyring.peer(name).is_ok() {
        thread::sleep(Duration::from_millis(20));
    }
    let own = rig.worker_home.keyring.own(name);
    assert_eq!(own.unwrap_err(), K::KeyExpired);
    // The worker's own gpg refuses to sign with it.
    assert!(matches!(rig.run(&registered), (None, Some(E::Keyring(_)))));
    let (mut master, _) = challenged(&rig);
    let any = framed(Instruction::LinkProof, b"any");
    assert_eq!(
        master
            .receive(&any, Timestamp::now(), &mut Vec::new())
            .unwrap_err(),
        E::Keyring(K::KeyExpired)
    );

    let revoked = Rig::new();
    let path = revoked
        .worker_home
        .keyring
        .home()
        .join(format!("openpgp-revocs.d/{name}.rev"));
    let certificate = std::fs::read_to_string(path)
        .unwrap()
        .replace(":-----BEGIN", "-----BEGIN");
    revoked
        .master_home
        .gpg(&["--import"], certificate.as_bytes());
    assert_eq!(revoked.refused(), E::Keyring(K::KeyRevoked));
}

fn changed(terms: &HandshakeTerms, change: impl Fn(&mut HandshakeTerms)) -> HandshakeTerms {
    let mut terms = terms.clone();
    change(&mut terms);
    terms
}

#[test]
fn valid_signatures_of_other_statements_are_refused() {
    let rig = Rig::new();
    let half = random().unwrap();
    let now = Timestamp::now();
    type Make = fn(&HandshakeTerms, &[u8; 32], Timestamp, &Secret) -> Vec<u8>;
    let cases: [(Make, E); 8] = [
        (
            |_, _, _, _| b"I agree to the terms of service.".to_vec(),
            E::Purpose,
        ),
        (
            |t, b, n, s| t.state(Role::Worker, b, n, s)[..200].to_vec(),
            E::Purpose,
        ),
        (
            |t, b, n, s| t.state(Role::Master, b, n, s).to_vec(),
            E::Reflected,
        ),
        (
            |t, b, n, s| {
                changed(t, |t| t.worker = Uuid::nil())
                    .state(Role::Worker, b, n, s)
                    .to_vec()
            },
            E::Misdirected,
        ),
        (
            |t, b, n, s| {
                changed(t, |t| t.master_key = parties().stranger.fingerprint)
                    .state(Role::Worker, b, n, s)
                    .to_vec()
            },
            E::Misdirected,
        ),
        (
            |t, b, n, s| {
                changed(t, |t| t.master_nonce = [0; 32])
                    .state(Role::Worker, b, n, s)
                    .to_vec()
            },
            E::Replayed,
        ),
        (
            |t, _, n, s| t.state(Role::Worker, &[0; 32], n, s).to_vec(),
            E::Replayed,
        ),
        (
            |t, b, n, s| {
                t.state(Role::Worker, b, Timestamp(n.0 - 601_000), s)
                    .to_vec()
            },
            E::Stale(-601_000),
        ),
    ];
    for (number, (make, error)) in cases.into_iter().enumerate() {
        let (mut master, challenge) = challenged(&rig);
        let (terms, before) = terms(&challenge);
        let message = proof(&rig, &make(&terms, &before, now, &half));
        assert_eq!(
            master.receive(&message, now, &mut Vec::new()).unwrap_err(),
            error,
            "case {number}"
        );
    }
    // The correct statement succeeds, so the cases above fail for the reasons they name.
    let (mut master, challenge) = challenged(&rig);
    let (terms, before) = terms(&challenge);
    let message = proof(&rig, &terms.state(Role::Worker, &before, now, &half));
    let mut answer = Vec::new();
    assert!(
        master
            .receive(&message, now, &mut answer)
            .unwrap()
            .is_none()
    );
    assert!(!answer.is_empty(), "the master's own proof");
}

#[test]
fn clocks_that_differ_by_more_than_ten_minutes_are_refused() {
    let rig = Rig::new();
    let mut to_master = Vec::new();
    let mut worker = WorkerHandshake::start(&rig.worker, &mut to_master).unwrap();
    let mut master = MasterHandshake::new(&rig.master, &registered, IP);
    let (mut to_worker, now) = (Vec::new(), Timestamp::now());
    master.receive(&to_master, now, &mut to_worker).unwrap();
    let mut late = Vec::new();
    worker
        .receive(&to_worker, Timestamp(now.0 + 600_500), &mut late)
        .unwrap();
    assert_eq!(
        master.receive(&late, now, &mut Vec::new()).unwrap_err(),
        E::Stale(600_500)
    );
    let mut master = MasterHandshake::new(&rig.master, &registered, IP);
    let (mut hello, mut challenge, mut proof) = (Vec::new(), Vec::new(), Vec::new());
    let mut worker = WorkerHandshake::start(&rig.worker, &mut hello).unwrap();
    master.receive(&hello, now, &mut challenge).unwrap();
    let almost = Timestamp(now.0 + 599_500);
    worker.receive(&challenge, almost, &mut proof).unwrap();
    assert!(master.receive(&proof, now, &mut Vec::new()).is_ok());
    // GnuPG's clock counts too: here the whole machine is ahead.
    rig.worker_home
        .set_clock(&(Timestamp(now.0 + 3_600_000).to_string()[..19].replace(['-', ':'], "")));
    assert!(matches!(
        rig.refused(),
        E::Keyring(K::SignatureStale(..=-3_500_000))
    ));
}

#[test]
fn replayed_and_reflected_messages_are_refused() {
    let rig = Rig::new();
    let now = Timestamp::now();
    // Record a successful handshake.
    let (mut first, mut challenge, mut second, mut answer) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut worker = WorkerHandshake::start(&rig.worker, &mut first).unwrap();
    let mut master = MasterHandshake::new(&rig.master, &registered, IP);
    master.receive(&first, now, &mut challenge).unwrap();
    worker.receive(&challenge, now, &mut second).unwrap();
    master.receive(&second, now, &mut answer).unwrap();

    // Replay it to the master, which sends another nonce.
    let mut again = MasterHandshake::new(&rig.master, &registered, IP);
    again.receive(&first, now, &mut Vec::new()).unwrap();
    assert_eq!(
        again.receive(&second, now, &mut Vec::new()).unwrap_err(),
        E::Replayed
    );

    // Replay it to the worker, which has another nonce.
    let mut fresh = WorkerHandshake::start(&rig.worker, &mut Vec::new()).unwrap();
    fresh.receive(&challenge, now, &mut Vec::new()).unwrap();
    assert_eq!(
        fresh.receive(&answer, now, &mut Vec::new()).unwrap_err(),
        E::Replayed
    );

    // Reflect each side's GPG message, which is encrypted to the other side.
    let answer_length = usize::from(u16::from_be_bytes(data(&answer)[..2].try_into().unwrap()));
    let gpg_answer = data(&answer)[2..2 + answer_length].to_vec();
    let (mut master, _) = challenged(&rig);
    let reflected = framed(Instruction::LinkProof, &gpg_answer);
    assert_eq!(
        master
            .receive(&reflected, now, &mut Vec::new())
            .unwrap_err(),
        E::Keyring(K::NotForUs)
    );
    let mut reflected = u16::try_from(data(&second).len())
        .unwrap()
        .to_be_bytes()
        .to_vec();
    reflected.extend_from_slice(&data(&second));
    reflected.extend_from_slice(&[0; NOISE_LEN]);
    let mut fresh = WorkerHandshake::start(&rig.worker, &mut Vec::new()).unwrap();
    fresh.receive(&challenge, now, &mut Vec::new()).unwrap();
    let reflected = framed(Instruction::LinkNoise1, &reflected);
    assert_eq!(
        fresh.receive(&reflected, now, &mut Vec::new()).unwrap_err(),
        E::Keyring(K::NotForUs)
    );
    // Reflect each side's first message.
    assert_eq!(
        fresh
            .receive(&first, now, &mut Vec::new())
            .unwrap_err()
            .as_str(),
        "bad-frame"
    );

    // The recorded worker can still link.
    let mut last = Vec::new();
    assert!(worker.receive(&answer, now, &mut last).unwrap().is_some());
}

#[test]
fn changed_messages_are_refused() {
    let rig = Rig::new();
    let now = Timestamp::now();
    // (message, step): short plain messages at every byte, messages with GPG at some bytes.
    for (message, step) in [(0, 9), (1, 9), (2, 151), (3, 151), (4, 11)] {
        let mut at = frame::HEADER_BYTES;
        loop {
            let (mut bytes, mut other) = (Vec::new(), Vec::new());
            let mut worker = WorkerHandshake::start(&rig.worker, &mut bytes).unwrap();
            let mut master = MasterHandshake::new(&rig.master, &registered, IP);
            let (mut ended, mut past_end) = (false, false);
            for number in 0..5 {
                if number == message {
                    past_end = at >= bytes.len();
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1;
                    }
                }
                let result = if number % 2 == 0 {
                    master.receive(&bytes, now, &mut other).map(|e| e.is_some())
                } else {
                    worker.receive(&bytes, now, &mut other).map(|e| e.is_some())
                };
                match result {
                    Err(_) => {
                        ended = true;
                        break;
                    }
                    Ok(done) => assert!(!done || number >= 3),
                }
                bytes = std::mem::take(&mut other);
            }
            if past_end {
                break;
            }
            assert!(ended, "message {message}, byte {at}");
            at += step;
        }
    }
}

#[test]
fn messages_of_wrong_order_form_or_size_are_refused() {
    let rig = Rig::new();
    let refused = |bytes: &[u8]| {
        let mut master = MasterHandshake::new(&rig.master, &registered, IP);
        master
            .receive(bytes, Timestamp::now(), &mut Vec::new())
            .unwrap_err()
    };
    let is_frame = |error: E| assert!(matches!(error, E::Frame(_)), "{error}");
    for instruction in [
        Instruction::LinkProof,
        Instruction::LinkNoise2,
        Instruction::LinkRefused,
        Instruction::Ping,
    ] {
        is_frame(refused(&framed(instruction, &[])));
    }
    is_frame(refused(&framed(Instruction::LinkHello, &[])));
    let mut arguments = framed(Instruction::LinkHello, &data(&hello(UUID)));
    arguments[8] = 1;
    is_frame(refused(&arguments));
    is_frame(refused(&framed(
        Instruction::LinkHello,
        &data(&hello(UUID))[..49],
    )));
    is_frame(refused(&framed(
        Instruction::LinkHello,
        &[&data(&hello(UUID))[..], b"x"].concat(),
    )));
    // Refused on the header, before the data arrives.
    let mut header = hello(UUID)[..frame::HEADER_BYTES].to_vec();
    header[3..7].copy_from_slice(&u32::try_from(DATA_MAX + 1).unwrap().to_be_bytes());
    is_frame(refused(&header));
    // A second hello is not expected.
    is_frame(refused(&[hello(UUID), hello(UUID)].concat()));
}

/// What a master of this version answers a hello of `version`: code and sentence.
fn refusal_of(rig: &Rig, version: u16) -> (&'static str, String) {
    let mut other = hello(UUID);
    other[frame::HEADER_BYTES..frame::HEADER_BYTES + 2].copy_from_slice(&version.to_be_bytes());
    let error = MasterHandshake::new(&rig.master, &registered, IP)
        .receive(&other, Timestamp::now(), &mut Vec::new())
        .unwrap_err();
    assert_eq!(error, E::Version(version));
    let (code, text) = error.public_reason().unwrap();
    assert_eq!(error.to_string(), text, "the log says the same");
    (code, text.into_owned())
}

/// What a worker of this version makes of a refusal.
fn heard(rig: &Rig, code: &str, text: &str) -> E {
    answered(rig, Instruction::LinkRefused, code, text)
}

fn answered(rig: &Rig, instruction: Instruction, code: &str, text: &str) -> E {
    let mut worker = WorkerHandshake::start(&rig.worker, &mut Vec::new()).unwrap();
    let mut message = Vec::new();
    frame::write(&mut message, instruction, &[code, text]);
    worker
        .receive(&message, Timestamp::now(), &mut Vec::new())
        .unwrap_err()
}

#[test]
fn another_version_is_refused_and_both_sides_say_which_to_upgrade() {
    assert_eq!(VERSION, 2);
    let rig = Rig::new();
    let older = "the worker speaks version 1 of the link and this master version 2: upgrade the \
                 worker";
    assert_eq!(refusal_of(&rig, 1), ("version", older.to_owned()));
    let newer = "the worker speaks version 3 of the link and this master version 2: upgrade this \
                 master; the worker links by itself afterwards";
    assert_eq!(refusal_of(&rig, 3), ("version", newer.to_owned()));
    assert_eq!(refusal_of(&rig, u16::MAX).0, "version");

    // A worker of this version at another master. The first text is that of version 1.
    let first = "this master speaks version 1 of the link";
    let future = "the worker speaks version 2 of the link and this master version 3: upgrade the \
                  worker";
    let own_words = [
        (
            first,
            Some(1),
            "Upgrade the master; this worker links by itself afterwards",
        ),
        (future, Some(3), "Upgrade this worker"),
        ("no", None, "Upgrade the older one"),
        ("version 99999 of", None, "Upgrade the older one"),
    ];
    for (text, master, advice) in own_words {
        let error = heard(&rig, "version", text);
        assert_eq!(error.as_str(), "refused-by-master");
        assert!(error.public_reason().is_none());
        assert!(error.to_string().contains(advice), "{error}");
        let text = text.to_owned();
        assert_eq!(error, E::RefusedVersion { master, text });
    }
    // As it answers clients, which is about the address only where it takes this one for a client.
    for (code, is_about_address) in [
        ("not-allowed", true),
        ("too-many-connections", false),
        ("timeout", false),
    ] {
        let error = answered(&rig, Instruction::ProtocolError, code, "no");
        assert_eq!(error.is_about_address(), is_about_address, "{error}");
        assert!(error.to_string().contains(code), "{error}");
    }
    let other = heard(&rig, "booted", "an administrator keeps this worker out");
    assert!(matches!(other, E::Refused(..)), "{other}");
}

#[test]
fn a_worker_whose_registration_ends_during_the_handshake_is_refused() {
    let rig = Rig::new();
    let asked = Cell::new(0);
    let lookup = |uuid, ip| {
        asked.set(asked.get() + 1);
        if asked.get() == 1 {
            registered(uuid, ip)
        } else {
            Err(E::UnknownUuid)
        }
    };
    assert_eq!(rig.run(&lookup).0.unwrap().unwrap_err(), E::UnknownUuid);
    asked.set(0);
    let lookup = |uuid, ip| {
        asked.set(asked.get() + 1);
        let fingerprint = if asked.get() == 1 {
            identity().fingerprint
        } else {
            parties().stranger.fingerprint
        };
        registered(uuid, ip).map(|worker| RegisteredWorker {
            fingerprint,
            ..worker
        })
    };
    assert_eq!(rig.run(&lookup).0.unwrap().unwrap_err(), E::Misdirected);
}

#[test]
fn a_stolen_uuid_spends_only_the_tokens_of_its_worker() {
    let limits = BudgetLimits {
        own_burst: 1,
        own_every: Duration::from_secs(3600),
        shared_burst: 1,
        shared_every: Duration::from_secs(3600),
        ..BudgetLimits::default()
    };
    let rig = Rig::with_key_of(&parties().worker, limits);
    let stolen = |uuid: Uuid| {
        let lookup = |uuid, _| Ok(RegisteredWorker { uuid, ..identity() });
        let mut master = MasterHandshake::new(&rig.master, &lookup, IP);
        master
            .receive(&hello(uuid), Timestamp::now(), &mut Vec::new())
            .unwrap();
        master
            .receive(
                &framed(Instruction::LinkProof, b"made up"),
                Timestamp::now(),
                &mut Vec::new(),
            )
            .unwrap_err()
    };
    let theirs = Uuid::from_u128(5);
    assert_eq!(stolen(theirs), E::Keyring(K::NotEncrypted));
    assert_eq!(stolen(theirs), E::Keyring(K::NotEncrypted));
    for _ in 0..50 {
        assert_eq!(stolen(theirs), E::Budget);
    }
    // The other worker can link several times: a proven worker gets its token back.
    for _ in 0..3 {
        assert!(rig.run(&registered).0.unwrap().is_ok());
    }
}

#[test]
fn the_worker_refuses_an_impostor_of_the_master() {
    // An impostor at the master's address, with a key that the worker knows but not the master's.
    let rig = Rig::new();
    let now = Timestamp::now();
    let impostor = parties().stranger.home(&[&parties().worker]);
    rig.worker_home
        .keyring
        .import(&parties().stranger.public)
        .unwrap();
    let mut hello = Vec::new();
    let mut worker = WorkerHandshake::start(&rig.worker, &mut hello).unwrap();
    let challenge = framed(Instruction::LinkChallenge, &[9; NONCE_LEN]);
    let mut sent = Vec::new();
    worker.receive(&challenge, now, &mut sent).unwrap();
    let own = impostor
        .keyring
        .own(parties().stranger.fingerprint)
        .unwrap();
    // It cannot decrypt the proof.
    let peer = impostor.keyring.peer(parties().worker.fingerprint).unwrap();
    let read = impostor
        .keyring
        .decrypt_and_verify(&own, &peer, &data(&sent), now, CLOCK_SKEW_MAX);
    assert_eq!(read.unwrap_err(), K::NotForUs);
    let mut transcript = Transcript::default();
    transcript.add(Instruction::LinkHello, &data(&hello));
    transcript.add(Instruction::LinkChallenge, &[9; NONCE_LEN]);
    transcript.add(Instruction::LinkProof, &data(&sent));
    let terms = HandshakeTerms {
        worker: UUID,
        master_key: parties().master.fingerprint,
        worker_key: parties().worker.fingerprint,
        worker_nonce: data(&hello)[18..].try_into().unwrap(),
        master_nonce: [9; NONCE_LEN],
    };
    let statement = terms.state(Role::Master, &transcript.before(), now, &random().unwrap());
    let answer = impostor
        .keyring
        .sign_and_encrypt(&own, &peer, &statement)
        .unwrap();
    let mut message = u16::try_from(answer.len()).unwrap().to_be_bytes().to_vec();
    message.extend_from_slice(&answer);
    message.extend_from_slice(&[0; NOISE_LEN]);
    let refused = worker.receive(
        &framed(Instruction::LinkNoise1, &message),
        now,
        &mut Vec::new(),
    );
    assert_eq!(
        refused.unwrap_err(),
        E::Keyring(K::WrongSigner(Some(parties().stranger.fingerprint)))
    );
}

#[test]
fn the_text_of_a_refusal_is_cut_and_printable() {
    let rig = Rig::new();
    let mut worker = WorkerHandshake::start(&rig.worker, &mut Vec::new()).unwrap();
    let mut message = Vec::new();
    let text = format!("line\nbreak\u{1b}[31m{}", "x".repeat(500));
    frame::write(
        &mut message,
        Instruction::LinkRefused,
        &["overloaded", &text],
    );
    let Err(E::Refused(code, text)) = worker.receive(&message, Timestamp::now(), &mut Vec::new())
    else {
        panic!("not refused");
    };
    assert_eq!(code, "overloaded");
    assert!(text.starts_with("linebreak[31mxxx") && text.len() == 200);
}

/// Both ends of a connection, and the bytes that a thread between them forwarded.
fn forwarded_connection() -> (TcpStream, TcpStream, thread::JoinHandle<Vec<u8>>) {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (outer, inner) = (listen(), listen());
    let near = TcpStream::connect(outer.local_addr().unwrap()).unwrap();
    let (wire_near, _) = outer.accept().unwrap();
    let wire_far = TcpStream::connect(inner.local_addr().unwrap()).unwrap();
    let (far, _) = inner.accept().unwrap();
    let pass = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
            while let Ok(size @ 1..) = from.read(&mut chunk) {
                seen.extend_from_slice(&chunk[..size]);
                to.write_all(&chunk[..size]).unwrap();
            }
            let _ = to.shutdown(Shutdown::Write);
            seen
        })
    };
    let up = pass(
        wire_near.try_clone().unwrap(),
        wire_far.try_clone().unwrap(),
    );
    let down = pass(wire_far, wire_near);
    let seen = thread::spawn(move || [up.join().unwrap(), down.join().unwrap()].concat());
    (near, far, seen)
}

#[test]
fn no_secret_is_visible_on_the_wire() {
    let rig = Rig::new();
    let session = "5e551011".repeat(8);
    let hashed = "0123456789abcdef".repeat(4);
    let (near, far, seen) = forwarded_connection();
    let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
    thread::scope(|scope| {
        let worker = scope.spawn(|| connect(&near, &rig.worker, deadline).unwrap());
        let mut master = accept(&far, &[], &rig.master, &registered, deadline).unwrap();
        let mut worker = worker.join().unwrap();
        let (mut sealed, mut plain) = (Vec::new(), Vec::new());
        let said = format!("login {hashed} {session}");
        worker
            .sealed
            .sealer
            .seal(said.as_bytes(), &mut sealed)
            .unwrap();
        worker.sealed.sealer.close(&mut sealed).unwrap();
        (&near).write_all(&sealed).unwrap();
        let mut chunk = [0; 4096];
        while !master.sealed.opener.is_closed() {
            let size = (&far).read(&mut chunk).unwrap();
            master
                .sealed
                .opener
                .open(&chunk[..size], &mut plain)
                .unwrap();
        }
        sealed.clear();
        master.sealed.sealer.seal(&plain, &mut sealed).unwrap();
        (&far).write_all(&sealed).unwrap();
        assert_eq!(plain, said.as_bytes());
    });
    near.shutdown(Shutdown::Write).unwrap();
    far.shutdown(Shutdown::Both).unwrap();
    let seen = seen.join().unwrap();
    assert!(seen.len() > 1000);
    let holds = |secret: &[u8]| seen.windows(secret.len()).any(|window| window == secret);
    // The hello is sent in the clear, which shows that the search works.
    assert!(holds(UUID.as_bytes()));
    for secret in [&session, &hashed] {
        assert!(!holds(secret.as_bytes()));
        assert!(!holds(&hex::decode(secret).unwrap()));
        assert!(!holds(&secret.as_bytes()[..8]));
    }
}

#[test]
fn records_right_behind_the_handshake_are_delivered() {
    let rig = Rig::new();
    let (mut to_master, mut to_worker, now) = (Vec::new(), Vec::new(), Timestamp::now());
    let mut worker = WorkerHandshake::start(&rig.worker, &mut to_master).unwrap();
    let mut master = MasterHandshake::new(&rig.master, &registered, IP);
    for _ in 0..2 {
        master
            .receive(&std::mem::take(&mut to_master), now, &mut to_worker)
            .unwrap();
        let done = worker
            .receive(&std::mem::take(&mut to_worker), now, &mut to_master)
            .unwrap();
        if let Some(mut established) = done {
            established
                .sealed
                .sealer
                .seal(b"early bird", &mut to_master)
                .unwrap();
        }
    }
    let behind = to_master.split_off(to_master.len() - 4);
    let mut established = master
        .receive(&to_master, now, &mut to_worker)
        .unwrap()
        .unwrap();
    assert!(established.early.is_empty());
    established
        .sealed
        .opener
        .open(&behind, &mut established.early)
        .unwrap();
    assert_eq!(established.early, b"early bird");
}

fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

#[test]
fn single_bytes_do_not_extend_the_deadline() {
    let rig = Rig::new();
    let (mut near, far) = connected();
    let begun = Instant::now();
    let limit = Duration::from_millis(400);
    thread::scope(|scope| {
        scope.spawn(move || {
            for byte in hello(UUID) {
                if near.write_all(&[byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(25));
            }
            near.shutdown(Shutdown::Write).ok();
            let mut received = Vec::new();
            near.read_to_end(&mut received).unwrap();
            assert!(String::from_utf8_lossy(&received).contains("timeout"));
        });
        let refused = accept(&far, &[], &rig.master, &registered, begun + limit);
        assert_eq!(refused.unwrap_err(), E::Timeout);
    });
    assert!(begun.elapsed() >= limit);
    assert_eq!(rig.master.budget().under_way(), 0);
}

#[test]
fn a_refused_worker_gets_the_reason() {
    let rig = Rig::new();
    let (near, far) = connected();
    let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let refused = connect(&near, &rig.worker, deadline);
            near.shutdown(Shutdown::Both).unwrap();
            refused
        });
        let lookup = |_, _| Err(E::UnknownUuid);
        assert_eq!(
            accept(&far, &[], &rig.master, &lookup, deadline).unwrap_err(),
            E::UnknownUuid
        );
        let Err(E::Refused(code, _)) = worker.join().unwrap() else {
            panic!("not refused");
        };
        assert_eq!(code, "not-admitted");
    });
}

#[test]
fn a_connection_that_ends_during_the_handshake_is_reported_as_cut() {
    let rig = Rig::new();
    let whole = hello(UUID);
    for length in [0, 1, frame::HEADER_BYTES, whole.len() - 1, whole.len()] {
        let (mut near, far) = connected();
        near.write_all(&whole[..length]).unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
        let ended = accept(&far, &[], &rig.master, &registered, deadline);
        assert_eq!(ended.unwrap_err(), E::Cut, "{length}");
    }
    let (near, far) = connected();
    drop(far);
    assert_eq!(
        connect(&near, &rig.worker, Instant::now() + HANDSHAKE_TIMEOUT).unwrap_err(),
        E::Cut
    );
}

#[test]
fn a_silent_master_cannot_block_a_worker() {
    let rig = Rig::new();
    let (near, _far) = connected();
    let deadline = Instant::now() + Duration::from_millis(100);
    assert_eq!(
        connect(&near, &rig.worker, deadline).unwrap_err(),
        E::Timeout
    );
}
