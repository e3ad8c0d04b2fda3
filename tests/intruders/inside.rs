//! A dishonest worker: it is registered, and misuses its link.

use crate::keys::Cast;
use crate::rig::{self, IntruderRig, PATIENCE, Party};
use papertrader::client::Answer;
use papertrader::link::envelope::{EnvelopeDecoder, EnvelopeHeader as Envelope};
use papertrader::link::record::SealedChannel;
use papertrader::model::{Quantity, Reason, SessionId, Side, Symbol, Timestamp};
use papertrader::testkit::eventually;
use papertrader::wire::{ConnectionState, FrameHeader, Instruction, Reply, Request, frame};
use std::io::{Read, Write};
use std::net::TcpStream;
use uuid::Uuid;

/// A link of the dishonest worker.
struct Link {
    uuid: Uuid,
    /// Of a process of its own.
    boot: Uuid,
    socket: TcpStream,
    sealed: SealedChannel,
}

impl Link {
    /// Of the worker `other`.
    fn new(rig: &IntruderRig, cast: &Cast) -> Link {
        Link::of(rig, &cast.other)
    }

    fn of(rig: &IntruderRig, (party, uuid): &(Party, Uuid)) -> Link {
        let (socket, link) = rig.attempt_over(party, *uuid).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Link {
            uuid: *uuid,
            boot: Uuid::new_v4(),
            socket,
            sealed: link.sealed,
        }
    }

    fn envelope(&self, sequence: u64) -> Envelope {
        Envelope {
            worker: self.uuid,
            boot: self.boot,
            sequence,
            timestamp: Timestamp::now(),
            client: None,
        }
    }

    fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.sealed.sealer.seal(plain, &mut out).unwrap();
        out
    }

    fn say(&mut self, request: &Request) {
        let mut plain = Vec::new();
        self.envelope(5)
            .append_with(&mut plain, |out| request.write(out))
            .unwrap();
        let sealed = self.seal(&plain);
        self.socket.write_all(&sealed).unwrap();
    }

    fn is_closed(&mut self) {
        let mut chunk = [0; 65536];
        // The end of the stream, or a reset where the master had not read all.
        while let Ok(size @ 1..) = self.socket.read(&mut chunk) {
            let _ = size;
        }
    }
}

pub fn try_all(rig: &mut IntruderRig, cast: &Cast) {
    numbers(rig, cast);
    nonsense(rig, cast);
    touched(rig, cast);
    made_up(rig, cast);
}

type Write_<'a> = &'a dyn Fn(&Link, &mut Vec<u8>);

fn nonsense(rig: &mut IntruderRig, cast: &Cast) {
    let all: [(&str, Write_<'_>); 6] = [
        ("bytes that are no message", &|_, out| {
            out.extend_from_slice(&[0xFF; 300])
        }),
        ("a reply in the place of a request", &|link, out| {
            link.envelope(1)
                .append_with(out, |out| Reply::RegisterSuccess.write(out))
                .unwrap();
        }),
        ("a request that a worker answers itself", &|link, out| {
            link.envelope(1)
                .append_with(out, |out| Request::Ping.write(out))
                .unwrap();
        }),
        ("a message without a sequence number", &|link, out| {
            link.envelope(0)
                .append_with(out, |out| Request::AssetList.write(out))
                .unwrap();
        }),
        ("another worker's UUID", &|link, out| {
            let other = Envelope {
                worker: cast.one.1,
                ..link.envelope(1)
            };
            other
                .append_with(out, |out| Request::AssetList.write(out))
                .unwrap();
        }),
        ("a boot ID that changes", &|link, out| {
            for (sequence, boot) in [(1, 9), (2, 10)] {
                let mut envelope = link.envelope(sequence);
                envelope.boot = Uuid::from_bytes([boot; 16]);
                envelope
                    .append_with(out, |out| Request::AssetList.write(out))
                    .unwrap();
            }
        }),
    ];
    for (turn, (what, write)) in all.into_iter().enumerate() {
        let mut link = Link::of(rig, cast.linking(turn));
        let mut plain = Vec::new();
        write(&link, &mut plain);
        let sealed = link.seal(&plain);
        link.socket.write_all(&sealed).unwrap();
        link.is_closed();
        rig.expect(&format!("inside the link, {what}"), "nonsense");
    }
}

/// Orders of the honest worker's client that are under way together with each dishonest one.
const HONEST_ORDERS: usize = 40;
/// Orders of the dishonest worker in one read.
const DISHONEST_ORDERS: u64 = 50;

/// Orders of the dishonest worker, in a session that it really has, under numbers that repeat, skip
/// and exaggerate: its own link ends, and of the orders beside it none fails.
fn numbers(rig: &mut IntruderRig, cast: &Cast) {
    let mut person = rig.client();
    person.login(&rig::username(), &rig::pass(), false).unwrap();
    let symbol = person.list().unwrap()[0];
    person.enter(ConnectionState::Command).unwrap();
    let session = person.session().unwrap().clone();
    let order = Request::Order {
        session,
        side: Side::Buy,
        symbol,
        quantity: Quantity(1000),
        id: None,
    };
    let highest = i64::MAX as u64;
    let repeated: Vec<u64> = (1..=DISHONEST_ORDERS).chain([7]).collect();
    let all: [(&str, u8, &[u64]); 4] = [
        ("a number used twice in a link", 31, &repeated),
        ("a number of an earlier link", 31, &[DISHONEST_ORDERS]),
        ("a number after all are skipped", 31, &[highest, highest]),
        ("two numbers beyond 2^63", 32, &[highest + 1, u64::MAX]),
    ];
    let mut filled = 0;
    for (what, boot, numbers) in all {
        for _ in 0..HONEST_ORDERS / 2 {
            person.connection().send(&order).unwrap();
        }
        let mut link = Link::new(rig, cast);
        let mut plain = Vec::new();
        for number in numbers {
            let mut envelope = link.envelope(*number);
            envelope.boot = Uuid::from_bytes([boot; 16]);
            envelope
                .append_with(&mut plain, |out| order.write(out))
                .unwrap();
        }
        let sealed = link.seal(&plain);
        link.socket.write_all(&sealed).unwrap();
        for _ in 0..HONEST_ORDERS / 2 {
            person.connection().send(&order).unwrap();
        }
        link.is_closed();
        rig.expect(&format!("inside the link, {what}"), "nonsense");
        for _ in 0..HONEST_ORDERS {
            let answer = person.connection().reply(|_| {}).unwrap();
            assert!(
                matches!(answer, Answer::Message(Reply::Filled(_))),
                "{what}: {answer:?}"
            );
            filled += 1;
        }
    }
    println!("intruders: {filled} orders beside numbers out of turn, all of them filled");
    assert_eq!(filled, 4 * HONEST_ORDERS);
}

/// Records that were changed after they were sealed.
fn touched(rig: &mut IntruderRig, cast: &Cast) {
    // The master's own record, sent back.
    let mut link = Link::new(rig, cast);
    link.say(&Request::AssetList);
    let mut chunk = [0; 65536];
    let size = link.socket.read(&mut chunk).unwrap();
    assert!(size > 0, "the master says nothing");
    link.socket.write_all(&chunk[..size]).unwrap();
    link.is_closed();
    rig.expect("records of the master's reflected", "record-forged");

    // Too short for a record.
    let mut link = Link::new(rig, cast);
    link.socket.write_all(&[0, 1, 0]).unwrap();
    link.is_closed();
    rig.expect("a record of an impossible length", "record-length");

    // A record cut after each of its bytes.
    let length = {
        let mut link = Link::new(rig, cast);
        let mut plain = Vec::new();
        link.envelope(1)
            .append_with(&mut plain, |out| Request::AssetList.write(out))
            .unwrap();
        let sealed = link.seal(&plain);
        link.socket.write_all(&sealed[..sealed.len() / 2]).unwrap();
        sealed.len()
    };
    rig.expect(
        &format!("a record of {length} bytes cut in the middle"),
        "record-cut",
    );
}

/// An order in a made-up session is refused.
fn made_up(rig: &mut IntruderRig, cast: &Cast) {
    let inactive = |rig: &IntruderRig| rig.status()["inactive_sessions"].as_u64().unwrap();
    let before = inactive(rig);
    let mut link = Link::new(rig, cast);
    link.say(&Request::Order {
        session: SessionId::from_bytes([1; 32]),
        side: Side::Buy,
        symbol: Symbol::parse("SIM1").unwrap(),
        quantity: Quantity(1),
        id: None,
    });
    let mut decoder = EnvelopeDecoder::new(link.uuid);
    let mut chunk = [0; 65536];
    let answer = 'read: loop {
        let size = link.socket.read(&mut chunk).unwrap();
        assert!(size > 0, "the link ended without an answer");
        link.sealed
            .opener
            .open(&chunk[..size], decoder.input())
            .unwrap();
        while let Some(envelope) = decoder.next().unwrap() {
            if envelope.header.sequence == 5 {
                let header = FrameHeader::read(envelope.body.first_chunk().unwrap());
                break 'read Reply::read(&header, &envelope.body[frame::HEADER_BYTES..]).unwrap();
            }
        }
    };
    let Reply::Fail(Instruction::PurchaseFail, refusal) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(refusal.reason, Reason::SessionExpired);
    assert_eq!(inactive(rig), before + 1);
    let said = |line: &&str| line.contains("worker other passed on") && line.contains("not active");
    eventually("it is logged", || {
        let log = rig.log();
        let lines = log.lines().filter(said).count();
        assert!(lines <= 1, "{lines} lines for one");
        (lines == 1).then_some(())
    });
    println!(
        "intruders: inside the link, a session that was made up: {}",
        refusal.reason
    );
    drop(link);
    rig.expect("and its worker went without a word", "record-cut");
}
