//! Wrong handshake messages from a registered party.

use crate::keys::Cast;
use crate::rig::{IntruderRig, finish, hello, receive, send, whole};
use papertrader::link::handshake::HandshakeError;
use papertrader::model::Timestamp;
use papertrader::testkit::eventually;
use papertrader::wire::{Instruction, frame};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Bytes of a message of the Noise session: a public key and a tag.
const NOISE: usize = 32 + 16;
/// One of this many bytes of a GPG message is flipped.
const FLIPPED: usize = 24;
/// A fresh proof is cut at one of this many bytes, a recorded one at each byte, because GPG is
/// slow.
const CUT_FRESH: usize = 16;

pub fn try_all(rig: &mut IntruderRig, cast: &Cast) {
    another_purpose(rig, cast);
    replayed(rig);
    reflected(rig, cast);
    let before = rig.usual();
    println!("intruders: a person beside them before: {before}");
    let person = rig.trader();
    cut(rig, cast);
    flipped(rig, cast);
    let beside = person.finish();
    println!("intruders: a person beside the cut and flipped handshakes: {beside}");
    let after = rig.usual();
    println!("intruders: a person beside them after: {after}");
    // Orders beside intruders take about as long as without. A busy machine is slow for a while, so
    // the undisturbed time is measured before and after.
    let most = before.accepted.max(after.accepted) * 10 + Duration::from_millis(50);
    assert!(
        beside.accepted < most,
        "{beside}; before {before}, after {after}"
    );
    let most = before.filled.max(after.filled) * 3 + Duration::from_millis(200);
    assert!(
        beside.filled < most,
        "{beside}; before {before}, after {after}"
    );
    // Nothing of it remains.
    assert!(
        after.accepted < Duration::from_secs(1),
        "{after}, and before {before}"
    );
    assert!(
        after.filled < Duration::from_secs(2),
        "{after}, and before {before}"
    );
    rig.overloads_are_counted();
}

/// A statement that the right key signed for another purpose.
fn another_purpose(rig: &mut IntruderRig, cast: &Cast) {
    let (party, uuid) = &cast.one;
    let own = party.home.own(party.key).unwrap();
    let master = party.home.peer(rig.deployment.master_key()).unwrap();
    let letter = party
        .home
        .sign_and_encrypt(&own, &master, b"I like PaperTrader.")
        .unwrap();
    let mut socket = rig.dial();
    send(&mut socket, Instruction::LinkHello, &hello(*uuid));
    receive(&mut socket).expect("a challenge");
    send(&mut socket, Instruction::LinkProof, &letter);
    is_refused(&mut socket);
    rig.expect(
        "signed by the right key for another purpose",
        "signature-for-another-purpose",
    );
}

fn is_refused(socket: &mut TcpStream) {
    let (answer, _) = receive(socket).expect("a refusal");
    assert_eq!(answer.instruction, Instruction::LinkRefused.number());
    assert!(
        finish(socket).is_empty(),
        "something came after the refusal"
    );
}

/// Replays messages of the real worker.
fn replayed(rig: &mut IntruderRig) {
    let said = rig.deployment.proxy().recorded();
    let hello = frame::HEADER_BYTES + hello(Uuid::nil()).len();
    let mut socket = rig.dial();
    socket.write_all(&said[..hello]).unwrap();
    receive(&mut socket).expect("a challenge");
    socket
        .write_all(&said[hello..said.len().min(8192)])
        .unwrap();
    is_refused(&mut socket);
    rig.expect("a handshake replayed", "replayed");
}

/// Sends the master its own messages.
fn reflected(rig: &mut IntruderRig, cast: &Cast) {
    let (party, uuid) = &cast.other;
    let side = rig.side(party, *uuid);
    // Its challenge.
    let mut socket = rig.dial();
    send(&mut socket, Instruction::LinkHello, &hello(*uuid));
    let challenge = whole(&mut socket).expect("a challenge");
    socket.write_all(&challenge).unwrap();
    is_refused(&mut socket);
    rig.expect("the master's challenge reflected", "bad-frame");

    // Its answer to a proof, unchanged; then its first Noise message, in the frame of a worker's
    // second message.
    let (answer, _, mut socket) = rig.answered(&side);
    socket.write_all(&answer).unwrap();
    is_refused(&mut socket);
    rig.expect("the master's answer reflected", "bad-frame");
    let (answer, _, mut socket) = rig.answered(&side);
    send(
        &mut socket,
        Instruction::LinkNoise2,
        &answer[answer.len() - NOISE..],
    );
    is_refused(&mut socket);
    rig.expect("the master's Noise message reflected", "noise");

    // Its signed statement in the place of a proof, in another handshake.
    let (answer, _, socket) = rig.answered(&side);
    let statement = &answer[frame::HEADER_BYTES + 2..answer.len() - NOISE];
    let (mut other, _, _) = rig.proof(&side);
    send(&mut other, Instruction::LinkProof, statement);
    is_refused(&mut other);
    rig.expect("the master's statement reflected", "message-not-for-us");
    drop(socket);
    rig.expect("and the handshake that it came from, left alone", "cut");
}

/// Handshakes that end after each byte of each of the worker's messages.
fn cut(rig: &mut IntruderRig, cast: &Cast) {
    let (party, uuid) = &cast.one;
    let side = rig.side(party, *uuid);
    let began = Instant::now();
    // The first message. Before its header is whole it looks like a client's cut frame.
    let mut first = Vec::new();
    frame::write_binary(&mut first, Instruction::LinkHello, &hello(*uuid));
    let mut cuts = 0;
    for at in 0..first.len() {
        let mut socket = rig.dial();
        socket.write_all(&first[..at]).unwrap();
        let rest = finish(&mut socket);
        assert!(at == 0 || at >= frame::HEADER_BYTES || !rest.is_empty());
        cuts += u64::from(at >= frame::HEADER_BYTES);
    }
    // The second: the proof.
    let (_, _, recorded) = rig.proof(&side);
    for at in 0..recorded.len() {
        let fresh = at <= frame::HEADER_BYTES || at % CUT_FRESH == 0 || at + 1 == recorded.len();
        let (mut socket, proof) = if fresh {
            let (socket, _, proof) = rig.proof(&side);
            (socket, proof)
        } else {
            let mut socket = rig.dial();
            send(&mut socket, Instruction::LinkHello, &hello(*uuid));
            receive(&mut socket).expect("a challenge");
            (socket, recorded.clone())
        };
        socket.write_all(&proof[..at.min(proof.len() - 1)]).unwrap();
        assert!(
            finish(&mut socket).is_empty(),
            "cut at {at}: an answer to half a proof"
        );
        cuts += 1;
    }
    // The recorded proof was never sent.
    cuts += 1;
    // The third, the worker's Noise message: each byte of its frame, and some of its contents,
    // because each try needs GPG on both sides.
    let places =
        (0..frame::HEADER_BYTES + NOISE).filter(|at| *at <= frame::HEADER_BYTES || at % 4 == 0);
    for (turn, at) in places.enumerate() {
        let (party, uuid) = cast.linking(turn);
        let side = rig.side(party, *uuid);
        let (answer, mut handshake, mut socket) = rig.answered(&side);
        let mut last = Vec::new();
        handshake
            .receive(&answer, Timestamp::now(), &mut last)
            .unwrap();
        socket.write_all(&last[..at]).unwrap();
        assert!(
            finish(&mut socket).is_empty(),
            "cut at {at}: an answer to half a message"
        );
        cuts += 1;
    }
    let refused = rig.refused(cuts);
    assert_eq!(refused, BTreeMap::from([("cut".to_owned(), cuts)]));
    logged(rig, &refused);
    println!(
        "intruders: handshakes cut at each of {} and {} bytes, and at many of the last {}: {cuts} refused in {:.1?}",
        first.len(),
        recorded.len(),
        frame::HEADER_BYTES + NOISE,
        began.elapsed()
    );
}

/// Each reason is in the log, and none floods it.
fn logged(rig: &mut IntruderRig, refused: &BTreeMap<String, u64>) {
    for reason in refused.keys() {
        let found = eventually("the reason is logged", || {
            let log = rig.log();
            let named = format!("({reason})");
            let found = log.lines().filter(|line| line.contains(&named)).count();
            (found > 0).then_some(found)
        });
        assert!(found <= rig.logged_max(), "{reason}: {found} lines");
    }
    rig.serves();
    rig.lines();
}

/// Proofs with one flipped bit: in each byte of the frame, and in a sample of GPG's bytes.
fn flipped(rig: &mut IntruderRig, cast: &Cast) {
    let (party, uuid) = &cast.one;
    let side = rig.side(party, *uuid);
    let began = Instant::now();
    let (mut flips, mut at, mut attempts) = (0, 0, 1);
    let (_, _, proof) = rig.proof(&side);
    let length = proof.len();
    let mut reasons = BTreeMap::new();
    while at < length {
        let (mut socket, mut handshake, mut proof) = rig.proof(&side);
        // The lengths of two proofs may differ by a byte or two.
        let place = at.min(proof.len() - 1);
        proof[place] ^= 1;
        socket.write_all(&proof).unwrap();
        let _ = socket.shutdown(Shutdown::Write);
        let told = match whole(&mut socket) {
            None => "nothing".to_owned(),
            Some(answer) => match handshake.receive(&answer, Timestamp::now(), &mut Vec::new()) {
                Err(HandshakeError::Refused(told, _)) => told,
                // The master accepts this one. The worker refuses, because the signed bytes differ
                // from the sent ones.
                Err(_) => "answered".to_owned(),
                Ok(_) => panic!("a proof flipped at {at} gives a link"),
            },
        };
        if rig.is_overloaded(&told) {
            // The master checks a limited number of a worker's proofs a second.
            continue;
        }
        attempts += 1;
        *reasons.entry(told).or_insert(0) += 1;
        flips += 1;
        at += if at < frame::HEADER_BYTES { 1 } else { FLIPPED };
    }
    let refused = rig.refused(attempts);
    logged(rig, &refused);
    assert!(
        !refused.contains_key("gpg-failed"),
        "damage counts as a failure of ours: {refused:?}"
    );
    println!(
        "intruders: proofs of {length} bytes flipped at {flips} of them: told {reasons:?}, counted {refused:?} in {:.1?}",
        began.elapsed()
    );
    // An honest handshake succeeds once more checks are allowed; its link ends without a close
    // record.
    rig.attempt(party, *uuid).expect("an honest handshake");
    let refused = rig.refused(1);
    assert_eq!(refused["record-cut"], 1, "{refused:?}");
    logged(rig, &refused);
}
