//! spec/link/handshake.md · 4.3.1 Master-Worker Server Connection
//!
//! Handshakes with real keys: the good one, and every way to get none.

use super::io::{accept, connect};
use super::statement::{HandshakeTerms, Role, Transcript};
use super::*;
use crate::link::keyring::KeyringError as K;
use crate::link::keyring::testing::{Party, TempHome, cast};
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

/// A master that has registered the worker, and the worker.
struct World {
    master_home: TempHome,
    worker_home: TempHome,
    master: MasterIdentity,
    worker: WorkerIdentity,
}

impl World {
    fn new() -> World {
        World::of(&cast().worker, BudgetLimits::default())
    }

    /// A worker whose key is `party`'s, whatever the master has registered.
    fn of(party: &Party, limits: BudgetLimits) -> World {
        let master_home = cast().master.home(&[&cast().worker, &cast().stranger]);
        let worker_home = party.home(&[&cast().master]);
        let budget = GpgBudget::new(limits);
        let master =
            MasterIdentity::new(master_home.keyring.clone(), cast().master.fingerprint, budget).unwrap();
        let keyring = worker_home.keyring.clone();
        let worker =
            WorkerIdentity::new(keyring, party.fingerprint, cast().master.fingerprint, UUID).unwrap();
        World {
            master_home,
            worker_home,
            master,
            worker,
        }
    }

    /// Carries everything between both sides; how each of them ended.
    fn shake(
        &self,
        lookup: master::WorkerLookup<'_>,
    ) -> (Option<Result<ProvenLink<RegisteredWorker>, E>>, Option<E>) {
        let mut to_master = Vec::new();
        let mut worker = WorkerHandshake::start(&self.worker, &mut to_master).unwrap();
        let mut master = MasterHandshake::new(&self.master, lookup, IP);
        loop {
            let mut to_worker = Vec::new();
            match master.receive(&std::mem::take(&mut to_master), Timestamp::now(), &mut to_worker) {
                Ok(None) => {}
                Ok(Some(established)) => return (Some(Ok(established)), None),
                Err(error) => return (Some(Err(error)), None),
            }
            if let Err(error) = worker.receive(&to_worker, Timestamp::now(), &mut to_master) {
                return (None, Some(error));
            }
        }
    }

    /// What the master makes of the worker.
    fn refused(&self) -> E {
        self.shake(&registered).0.unwrap().unwrap_err()
    }
}

fn identity() -> RegisteredWorker {
    RegisteredWorker {
        uuid: UUID,
        name: "eu1".into(),
        fingerprint: cast().worker.fingerprint,
    }
}

fn registered(uuid: Uuid, ip: IpAddr) -> Result<RegisteredWorker, E> {
    match (uuid == UUID, ip == IP) {
        (false, _) => Err(E::UnknownUuid),
        (true, false) => Err(E::WrongIp),
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

/// The data of the one frame in `bytes`.
fn data(bytes: &[u8]) -> Vec<u8> {
    bytes[frame::HEADER..].to_vec()
}

/// A master that has challenged the hello above, and what it sent.
fn challenged<'a>(world: &'a World) -> (MasterHandshake<'a>, Vec<u8>) {
    let mut master = MasterHandshake::new(&world.master, &registered, IP);
    let mut challenge = Vec::new();
    assert!(
        master
            .receive(&hello(UUID), Timestamp::now(), &mut challenge)
            .unwrap()
            .is_none()
    );
    (master, data(&challenge))
}

/// The terms of that handshake and what was said in it, as a well-behaved worker would hold them.
fn terms(challenge: &[u8]) -> (HandshakeTerms, [u8; 32]) {
    let mut transcript = Transcript::default();
    transcript.add(Instruction::LinkHello, &data(&hello(UUID)));
    transcript.add(Instruction::LinkChallenge, challenge);
    let terms = HandshakeTerms {
        worker: UUID,
        master_key: cast().master.fingerprint,
        worker_key: cast().worker.fingerprint,
        worker_nonce: [7; NONCE_LEN],
        master_nonce: challenge.try_into().unwrap(),
    };
    (terms, transcript.before())
}

/// A proof that says `statement`, signed by the worker as is right.
fn proof(world: &World, statement: &[u8]) -> Vec<u8> {
    let keyring = &world.worker_home.keyring;
    let own = keyring.own(cast().worker.fingerprint).unwrap();
    let master = keyring.peer(cast().master.fingerprint).unwrap();
    framed(
        Instruction::LinkProof,
        &keyring.sign_and_encrypt(&own, &master, statement).unwrap(),
    )
}

#[test]
fn both_sides_are_proven_and_the_link_carries_bytes() {
    let world = World::new();
    let mut to_master = Vec::new();
    let mut worker = WorkerHandshake::start(&world.worker, &mut to_master).unwrap();
    let mut master = MasterHandshake::new(&world.master, &registered, IP);
    let now = Timestamp::now();
    let mut to_worker = Vec::new();
    // Byte by byte: cut anywhere, there is no link.
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
    assert_eq!(worker.peer, cast().master.fingerprint);
    assert_eq!(world.master.fingerprint(), worker.peer);
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
fn who_is_not_registered_costs_no_gpg() {
    let world = World::new();
    let refused = |uuid, ip, lookup: master::WorkerLookup<'_>| {
        let mut master = MasterHandshake::new(&world.master, lookup, ip);
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
    // With no GPG home left, whoever needs one fails otherwise.
    std::fs::rename(
        world.master_home.keyring.home(),
        world.worker_home.keyring.home().join("gone"),
    )
    .unwrap();
    assert_eq!(refused(Uuid::from_u128(1), IP, &registered), E::UnknownUuid);
    assert_eq!(
        refused(UUID, "127.0.0.2".parse().unwrap(), &registered),
        E::WrongIp
    );
    assert_eq!(refused(UUID, IP, &|_, _| Err(E::Booted)), E::Booted);
    let own = RegisteredWorker {
        fingerprint: cast().master.fingerprint,
        ..identity()
    };
    assert_eq!(refused(UUID, IP, &|_, _| Ok(own.clone())), E::SameKey);
    // The IPv4 address that an IPv6 socket reports is the IPv4 address.
    let mut out = Vec::new();
    let mut master = MasterHandshake::new(&world.master, &registered, "::ffff:127.0.0.1".parse().unwrap());
    assert!(
        master
            .receive(&hello(UUID), Timestamp::now(), &mut out)
            .unwrap()
            .is_none()
    );
    assert_eq!(E::UnknownUuid.public_reason(), E::WrongIp.public_reason());
}

#[test]
fn a_worker_with_the_masters_key_for_its_own_does_not_start() {
    let home = cast().master.home(&[]);
    let key = cast().master.fingerprint;
    assert_eq!(
        WorkerIdentity::new(home.keyring.clone(), key, key, UUID).unwrap_err(),
        E::SameKey
    );
    // A key that is no master's own cannot serve as one.
    let worker = cast().worker.home(&[&cast().master]);
    let budget = GpgBudget::new(BudgetLimits::default());
    let side = MasterIdentity::new(worker.keyring.clone(), key, budget);
    assert_eq!(side.unwrap_err(), E::Keyring(K::SecretUnknown));
    let unknown = WorkerIdentity::new(
        worker.keyring.clone(),
        cast().worker.fingerprint,
        cast().stranger.fingerprint,
        UUID,
    );
    assert_eq!(unknown.unwrap_err(), E::Keyring(K::KeyUnknown));
}

#[test]
fn foreign_keys_prove_nothing() {
    // Known to the master, and registered as somebody else: swapped keys.
    let world = World::of(&cast().stranger, BudgetLimits::default());
    assert_eq!(
        world.refused(),
        E::Keyring(K::WrongSigner(Some(cast().stranger.fingerprint)))
    );
    // Not known to it at all.
    world
        .master_home
        .keyring
        .delete(cast().stranger.fingerprint)
        .unwrap();
    assert_eq!(world.refused(), E::Keyring(K::WrongSigner(None)));
    // The registered key is not even there.
    world
        .master_home
        .keyring
        .delete(cast().worker.fingerprint)
        .unwrap();
    assert_eq!(world.refused(), E::Keyring(K::KeyUnknown));
}

#[test]
fn keys_that_have_ended_prove_nothing() {
    let world = World::new();
    let name = cast().worker.fingerprint;
    world
        .master_home
        .gpg(&["--import-ownertrust"], format!("{name}:130:\n").as_bytes());
    assert_eq!(world.refused(), E::Keyring(K::KeyDisabled));
    world
        .master_home
        .gpg(&["--import-ownertrust"], format!("{name}:2:\n").as_bytes());
    assert!(world.shake(&registered).0.unwrap().is_ok());

    world
        .worker_home
        .gpg(&["--quick-set-expire", &name.to_string(), "seconds=2"], b"");
    let ending = world.worker_home.keyring.export(name).unwrap();
    world.master_home.gpg(&["--import"], &ending);
    while world.master_home.keyring.peer(name).is_ok() {
        thread::sleep(Duration::from_millis(20));
    }
    let own = world.worker_home.keyring.own(name);
    assert_eq!(own.unwrap_err(), K::KeyExpired);
    // The worker's own gpg will not sign with it any more.
    assert!(matches!(world.shake(&registered), (None, Some(E::Keyring(_)))));
    let (mut master, _) = challenged(&world);
    let any = framed(Instruction::LinkProof, b"any");
    assert_eq!(
        master
            .receive(&any, Timestamp::now(), &mut Vec::new())
            .unwrap_err(),
        E::Keyring(K::KeyExpired)
    );

    let revoked = World::new();
    let path = revoked
        .worker_home
        .keyring
        .home()
        .join(format!("openpgp-revocs.d/{name}.rev"));
    let certificate = std::fs::read_to_string(path)
        .unwrap()
        .replace(":-----BEGIN", "-----BEGIN");
    revoked.master_home.gpg(&["--import"], certificate.as_bytes());
    assert_eq!(revoked.refused(), E::Keyring(K::KeyRevoked));
}

#[test]
#[allow(clippy::too_many_lines, reason = "a list of cases")]
fn a_good_signature_for_anything_else_proves_nothing() {
    let world = World::new();
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
        (|t, b, n, s| t.state(Role::Master, b, n, s).to_vec(), E::Reflected),
        (
            |t, b, n, s| {
                HandshakeTerms {
                    worker: Uuid::nil(),
                    ..t.clone()
                }
                .state(Role::Worker, b, n, s)
                .to_vec()
            },
            E::Misdirected,
        ),
        (
            |t, b, n, s| {
                HandshakeTerms {
                    master_key: cast().stranger.fingerprint,
                    ..t.clone()
                }
                .state(Role::Worker, b, n, s)
                .to_vec()
            },
            E::Misdirected,
        ),
        (
            |t, b, n, s| {
                HandshakeTerms {
                    master_nonce: [0; 32],
                    ..t.clone()
                }
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
            |t, b, n, s| t.state(Role::Worker, b, Timestamp(n.0 - 61_000), s).to_vec(),
            E::Stale(-61_000),
        ),
    ];
    for (number, (make, error)) in cases.into_iter().enumerate() {
        let (mut master, challenge) = challenged(&world);
        let (terms, before) = terms(&challenge);
        let message = proof(&world, &make(&terms, &before, now, &half));
        assert_eq!(
            master.receive(&message, now, &mut Vec::new()).unwrap_err(),
            error,
            "case {number}"
        );
    }
    // And the right one, so that the cases above fail for what they say.
    let (mut master, challenge) = challenged(&world);
    let (terms, before) = terms(&challenge);
    let message = proof(&world, &terms.state(Role::Worker, &before, now, &half));
    let mut answer = Vec::new();
    assert!(master.receive(&message, now, &mut answer).unwrap().is_none());
    assert!(!answer.is_empty(), "the master's own proof");
}

#[test]
fn clocks_that_differ_by_more_than_a_minute_give_no_link() {
    let world = World::new();
    let mut to_master = Vec::new();
    let mut worker = WorkerHandshake::start(&world.worker, &mut to_master).unwrap();
    let mut master = MasterHandshake::new(&world.master, &registered, IP);
    let (mut to_worker, now) = (Vec::new(), Timestamp::now());
    master.receive(&to_master, now, &mut to_worker).unwrap();
    let mut late = Vec::new();
    worker
        .receive(&to_worker, Timestamp(now.0 + 60_500), &mut late)
        .unwrap();
    assert_eq!(
        master.receive(&late, now, &mut Vec::new()).unwrap_err(),
        E::Stale(60_500)
    );
    // GnuPG's own time counts too: here the whole machine is ahead.
    world
        .worker_home
        .set_clock(&(Timestamp(now.0 + 3_600_000).to_string()[..19].replace(['-', ':'], "")));
    assert!(matches!(
        world.refused(),
        E::Keyring(K::SignatureStale(..=-3_500_000))
    ));
}

#[test]
fn replays_and_reflections_prove_nothing() {
    let world = World::new();
    let now = Timestamp::now();
    // A whole good handshake, recorded.
    let (mut first, mut challenge, mut second, mut answer) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut worker = WorkerHandshake::start(&world.worker, &mut first).unwrap();
    let mut master = MasterHandshake::new(&world.master, &registered, IP);
    master.receive(&first, now, &mut challenge).unwrap();
    worker.receive(&challenge, now, &mut second).unwrap();
    master.receive(&second, now, &mut answer).unwrap();

    // Played to the master again: it gives another nonce.
    let mut again = MasterHandshake::new(&world.master, &registered, IP);
    again.receive(&first, now, &mut Vec::new()).unwrap();
    assert_eq!(
        again.receive(&second, now, &mut Vec::new()).unwrap_err(),
        E::Replayed
    );

    // Played to the worker again, whose nonce is another.
    let mut fresh = WorkerHandshake::start(&world.worker, &mut Vec::new()).unwrap();
    fresh.receive(&challenge, now, &mut Vec::new()).unwrap();
    assert_eq!(
        fresh.receive(&answer, now, &mut Vec::new()).unwrap_err(),
        E::Replayed
    );

    // Each side's own message sent back to it: it is encrypted to the other.
    let answer_length = usize::from(u16::from_be_bytes(data(&answer)[..2].try_into().unwrap()));
    let gpg_answer = data(&answer)[2..2 + answer_length].to_vec();
    let (mut master, _) = challenged(&world);
    let reflected = framed(Instruction::LinkProof, &gpg_answer);
    assert_eq!(
        master.receive(&reflected, now, &mut Vec::new()).unwrap_err(),
        E::Keyring(K::NotForUs)
    );
    let mut reflected = u16::try_from(data(&second).len()).unwrap().to_be_bytes().to_vec();
    reflected.extend_from_slice(&data(&second));
    reflected.extend_from_slice(&[0; NOISE_LEN]);
    let mut fresh = WorkerHandshake::start(&world.worker, &mut Vec::new()).unwrap();
    fresh.receive(&challenge, now, &mut Vec::new()).unwrap();
    let reflected = framed(Instruction::LinkNoise1, &reflected);
    assert_eq!(
        fresh.receive(&reflected, now, &mut Vec::new()).unwrap_err(),
        E::Keyring(K::NotForUs)
    );
    // Each side's own first message sent back to it.
    assert_eq!(
        fresh.receive(&first, now, &mut Vec::new()).unwrap_err().as_str(),
        "bad-frame"
    );

    // The worker that was recorded is not hurt by any of this.
    let mut last = Vec::new();
    assert!(worker.receive(&answer, now, &mut last).unwrap().is_some());
}

#[test]
fn a_message_changed_on_its_way_gives_no_link() {
    let world = World::new();
    let now = Timestamp::now();
    // (which message, its step): the short plain ones everywhere, those with GPG in them here and there.
    for (message, step) in [(0, 9), (1, 9), (2, 151), (3, 151), (4, 11)] {
        let mut at = frame::HEADER;
        loop {
            let (mut bytes, mut other) = (Vec::new(), Vec::new());
            let mut worker = WorkerHandshake::start(&world.worker, &mut bytes).unwrap();
            let mut master = MasterHandshake::new(&world.master, &registered, IP);
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
fn messages_out_of_turn_out_of_form_and_out_of_size_are_refused() {
    let world = World::new();
    let refused = |bytes: &[u8]| {
        let mut master = MasterHandshake::new(&world.master, &registered, IP);
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
    let mut other = hello(UUID);
    other[frame::HEADER + 1] = 9;
    assert_eq!(refused(&other), E::Version(9));
    // Seen on the header, before the data comes.
    let mut header = hello(UUID)[..frame::HEADER].to_vec();
    header[3..7].copy_from_slice(&u32::try_from(DATA_MAX + 1).unwrap().to_be_bytes());
    is_frame(refused(&header));
    // Two hellos: the second is not due.
    is_frame(refused(&[hello(UUID), hello(UUID)].concat()));
}

#[test]
fn a_worker_booted_meanwhile_does_not_get_through() {
    let world = World::new();
    let asked = Cell::new(0);
    let lookup = |uuid, ip| {
        asked.set(asked.get() + 1);
        if asked.get() == 1 {
            registered(uuid, ip)
        } else {
            Err(E::Booted)
        }
    };
    assert_eq!(world.shake(&lookup).0.unwrap().unwrap_err(), E::Booted);
    asked.set(0);
    let lookup = |uuid, ip| {
        asked.set(asked.get() + 1);
        let fingerprint = if asked.get() == 1 {
            identity().fingerprint
        } else {
            cast().stranger.fingerprint
        };
        registered(uuid, ip).map(|worker| RegisteredWorker {
            fingerprint,
            ..worker
        })
    };
    assert_eq!(world.shake(&lookup).0.unwrap().unwrap_err(), E::Misdirected);
}

#[test]
fn a_stolen_uuid_spends_its_own_allowance_and_no_other() {
    let limits = BudgetLimits {
        own_burst: 1,
        own_every: Duration::from_secs(3600),
        shared_burst: 1,
        shared_every: Duration::from_secs(3600),
        ..BudgetLimits::default()
    };
    let world = World::of(&cast().worker, limits);
    let stolen = |uuid: Uuid| {
        let lookup = |uuid, _| Ok(RegisteredWorker { uuid, ..identity() });
        let mut master = MasterHandshake::new(&world.master, &lookup, IP);
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
    // The other worker links, and links again, for it pays nothing when it has proven itself.
    for _ in 0..3 {
        assert!(world.shake(&registered).0.unwrap().is_ok());
    }
}

#[test]
fn the_master_is_held_to_its_key_as_strictly() {
    // Somebody at the master's address, with a key that the worker knows but that is not the master's.
    let world = World::new();
    let now = Timestamp::now();
    let impostor = cast().stranger.home(&[&cast().worker]);
    world.worker_home.keyring.import(&cast().stranger.public).unwrap();
    let mut hello = Vec::new();
    let mut worker = WorkerHandshake::start(&world.worker, &mut hello).unwrap();
    let challenge = framed(Instruction::LinkChallenge, &[9; NONCE_LEN]);
    let mut sent = Vec::new();
    worker.receive(&challenge, now, &mut sent).unwrap();
    let own = impostor.keyring.own(cast().stranger.fingerprint).unwrap();
    // It cannot even read the proof.
    let peer = impostor.keyring.peer(cast().worker.fingerprint).unwrap();
    let read = impostor
        .keyring
        .decrypt_and_verify(&own, &peer, &data(&sent), now, WINDOW);
    assert_eq!(read.unwrap_err(), K::NotForUs);
    let mut transcript = Transcript::default();
    transcript.add(Instruction::LinkHello, &data(&hello));
    transcript.add(Instruction::LinkChallenge, &[9; NONCE_LEN]);
    transcript.add(Instruction::LinkProof, &data(&sent));
    let terms = HandshakeTerms {
        worker: UUID,
        master_key: cast().master.fingerprint,
        worker_key: cast().worker.fingerprint,
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
    let refused = worker.receive(&framed(Instruction::LinkNoise1, &message), now, &mut Vec::new());
    assert_eq!(
        refused.unwrap_err(),
        E::Keyring(K::WrongSigner(Some(cast().stranger.fingerprint)))
    );
}

#[test]
fn what_a_refusal_says_is_kept_short_and_plain() {
    let world = World::new();
    let mut worker = WorkerHandshake::start(&world.worker, &mut Vec::new()).unwrap();
    let mut told = Vec::new();
    let text = format!("line\nbreak\u{1b}[31m{}", "x".repeat(500));
    frame::write(&mut told, Instruction::LinkRefused, &["overloaded", &text]);
    let Err(E::Refused(code, text)) = worker.receive(&told, Timestamp::now(), &mut Vec::new()) else {
        panic!("not refused");
    };
    assert_eq!(code, "overloaded");
    assert!(text.starts_with("linebreak[31mxxx") && text.len() == 200);
}

/// Both ends of a connection, and what a thread in its middle saw.
fn through_a_wire() -> (TcpStream, TcpStream, thread::JoinHandle<Vec<u8>>) {
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
    let up = pass(wire_near.try_clone().unwrap(), wire_far.try_clone().unwrap());
    let down = pass(wire_far, wire_near);
    let seen = thread::spawn(move || [up.join().unwrap(), down.join().unwrap()].concat());
    (near, far, seen)
}

#[test]
fn who_listens_on_the_wire_sees_no_secret() {
    let world = World::new();
    let session = "5e551011".repeat(8);
    let hashed = "0123456789abcdef".repeat(4);
    let (near, far, seen) = through_a_wire();
    let deadline = Instant::now() + DEADLINE;
    thread::scope(|scope| {
        let worker = scope.spawn(|| connect(&near, &world.worker, deadline).unwrap());
        let mut master = accept(&far, &[], &world.master, &registered, deadline).unwrap();
        let mut worker = worker.join().unwrap();
        let (mut sealed, mut plain) = (Vec::new(), Vec::new());
        let said = format!("login {hashed} {session}");
        worker.sealed.sealer.seal(said.as_bytes(), &mut sealed).unwrap();
        worker.sealed.sealer.close(&mut sealed).unwrap();
        (&near).write_all(&sealed).unwrap();
        let mut chunk = [0; 4096];
        while !master.sealed.opener.is_closed() {
            let size = (&far).read(&mut chunk).unwrap();
            master.sealed.opener.open(&chunk[..size], &mut plain).unwrap();
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
    // The hello is there to be seen, so the search finds what there is.
    assert!(holds(UUID.as_bytes()));
    for secret in [&session, &hashed] {
        assert!(!holds(secret.as_bytes()));
        assert!(!holds(&hex::decode(secret).unwrap()));
        assert!(!holds(&secret.as_bytes()[..8]));
    }
}

#[test]
fn records_right_behind_the_handshake_are_not_lost() {
    let world = World::new();
    let (mut to_master, mut to_worker, now) = (Vec::new(), Vec::new(), Timestamp::now());
    let mut worker = WorkerHandshake::start(&world.worker, &mut to_master).unwrap();
    let mut master = MasterHandshake::new(&world.master, &registered, IP);
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
    let mut established = master.receive(&to_master, now, &mut to_worker).unwrap().unwrap();
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
fn a_trickle_does_not_extend_the_deadline() {
    let world = World::new();
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
            let mut told = Vec::new();
            near.read_to_end(&mut told).unwrap();
            assert!(String::from_utf8_lossy(&told).contains("timeout"));
        });
        let refused = accept(&far, &[], &world.master, &registered, begun + limit);
        assert_eq!(refused.unwrap_err(), E::Timeout);
    });
    assert!(begun.elapsed() >= limit);
    assert_eq!(world.master.budget().under_way(), 0);
}

#[test]
fn a_refused_worker_hears_why() {
    let world = World::new();
    let (near, far) = connected();
    let deadline = Instant::now() + DEADLINE;
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let refused = connect(&near, &world.worker, deadline);
            near.shutdown(Shutdown::Both).unwrap();
            refused
        });
        let lookup = |_, _| Err(E::Booted);
        assert_eq!(
            accept(&far, &[], &world.master, &lookup, deadline).unwrap_err(),
            E::Booted
        );
        let Err(E::Refused(code, _)) = worker.join().unwrap() else {
            panic!("not refused");
        };
        assert_eq!(code, "booted");
    });
}

#[test]
fn a_connection_that_ends_inside_the_handshake_is_cut() {
    let world = World::new();
    let whole = hello(UUID);
    for length in [0, 1, frame::HEADER, whole.len() - 1, whole.len()] {
        let (mut near, far) = connected();
        near.write_all(&whole[..length]).unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        let deadline = Instant::now() + DEADLINE;
        let ended = accept(&far, &[], &world.master, &registered, deadline);
        assert_eq!(ended.unwrap_err(), E::Cut, "{length}");
    }
    let (near, far) = connected();
    drop(far);
    assert_eq!(
        connect(&near, &world.worker, Instant::now() + DEADLINE).unwrap_err(),
        E::Cut
    );
}

#[test]
fn no_silent_master_holds_a_worker() {
    let world = World::new();
    let (near, _far) = connected();
    let deadline = Instant::now() + Duration::from_millis(100);
    assert_eq!(connect(&near, &world.worker, deadline).unwrap_err(), E::Timeout);
}
