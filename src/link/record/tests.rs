//! spec/link/record.md · 4.3.1 Master-Worker Server Connection
//!
//! Records that arrive complete, in pieces, changed, dropped, repeated, reordered and cut off.

use super::*;
use proptest::prelude::*;

fn pair() -> (Sealer, Opener) {
    let (left, right) = loopback().unwrap();
    (left.sealer, right.opener)
}

/// Splits `sealed` into its records.
fn records(mut sealed: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while !sealed.is_empty() {
        let length = LENGTH_LEN + record_length(sealed).unwrap().unwrap();
        all.push(sealed[..length].to_vec());
        sealed = &sealed[length..];
    }
    all
}

fn three_records(sealer: &mut Sealer) -> Vec<Vec<u8>> {
    let mut sealed = Vec::new();
    for text in [&b"first"[..], b"second", b"third"] {
        sealer.seal(text, &mut sealed).unwrap();
    }
    records(&sealed)
}

/// The plaintext of `stream`, and how the stream ends.
fn opened(opener: &mut Opener, stream: &[Vec<u8>]) -> (Vec<u8>, Result<(), RecordError>) {
    let mut out = Vec::new();
    let result = opener.open(&stream.concat(), &mut out);
    (out, result)
}

#[test]
fn payloads_of_any_length_arrive_and_a_close_differs_from_a_cut() {
    for length in [
        0,
        1,
        PAYLOAD_MAX - 1,
        PAYLOAD_MAX,
        PAYLOAD_MAX + 1,
        3 * PAYLOAD_MAX + 7,
    ] {
        let (mut sealer, mut opener) = pair();
        let plain: Vec<u8> = (0..length)
            .map(|i| u8::try_from(i % 251).unwrap())
            .collect();
        let (mut sealed, mut out) = (Vec::new(), Vec::new());
        sealer.seal(&plain, &mut sealed).unwrap();
        assert_eq!(
            sealed.len(),
            length + length.div_ceil(PAYLOAD_MAX) * OVERHEAD_BYTES
        );
        opener.open(&sealed, &mut out).unwrap();
        assert_eq!(out, plain);
        assert_eq!(opener.end(), Err(RecordError::Cut));
        sealed.clear();
        sealer.close(&mut sealed).unwrap();
        sealer.close(&mut sealed).unwrap();
        assert_eq!(sealed.len(), OVERHEAD_BYTES);
        assert_eq!(sealer.seal(b"more", &mut sealed), Err(RecordError::Closed));
        opener.open(&sealed, &mut out).unwrap();
        assert!(opener.is_closed());
        assert_eq!(opener.end(), Ok(()));
        assert_eq!(out, plain);
        assert_eq!(opener.open(b"x", &mut out), Err(RecordError::Closed));
        assert_eq!(opener.end(), Err(RecordError::Closed));
    }
}

#[test]
fn a_flipped_bit_ends_the_stream() {
    let (mut sealer, _) = pair();
    let bits = three_records(&mut sealer)[1].len() * 8;
    for bit in 0..bits {
        let (mut sealer, mut opener) = pair();
        let good = three_records(&mut sealer);
        let mut bad = good.clone();
        bad[1][bit / 8] ^= 1 << (bit % 8);
        // A longer length takes the following records too, so append enough of them.
        bad.push(vec![0; RECORD_MAX]);
        let (out, result) = opened(&mut opener, &bad);
        assert_eq!(out, b"first", "bit {bit}");
        assert!(
            matches!(result, Err(RecordError::Forged | RecordError::Length)),
            "bit {bit}"
        );
        assert_eq!(
            opened(&mut opener, &good[1..]),
            (Vec::new(), result),
            "bit {bit}"
        );
    }
}

#[test]
fn dropped_repeated_and_reordered_records_end_the_stream() {
    type Change = fn(&mut Vec<Vec<u8>>);
    let cases: [(&str, Change, &[u8]); 5] = [
        ("dropped first", |r| drop(r.remove(0)), b""),
        ("dropped middle", |r| drop(r.remove(1)), b"first"),
        ("repeated", |r| r.insert(1, r[0].clone()), b"first"),
        ("reordered", |r| r.swap(1, 2), b"first"),
        ("sent back", |r| r.push(r[0].clone()), b"firstsecondthird"),
    ];
    for (name, change, arrives) in cases {
        let (mut sealer, mut opener) = pair();
        let mut stream = three_records(&mut sealer);
        change(&mut stream);
        assert_eq!(
            opened(&mut opener, &stream),
            (arrives.to_vec(), Err(RecordError::Forged)),
            "{name}"
        );
        assert_eq!(opener.end(), Err(RecordError::Forged), "{name}");
    }
}

#[test]
fn a_record_reflected_to_its_sender_is_refused() {
    let (mut left, _right) = loopback().unwrap();
    let stream = three_records(&mut left.sealer);
    assert_eq!(
        opened(&mut left.opener, &stream),
        (Vec::new(), Err(RecordError::Forged))
    );
}

#[test]
fn a_stream_cut_at_any_byte_is_reported_as_cut() {
    let (mut sealer, _) = pair();
    let whole = three_records(&mut sealer).concat();
    for length in 0..=whole.len() {
        let (mut sealer, mut opener) = pair();
        let stream = three_records(&mut sealer).concat();
        let mut out = Vec::new();
        opener.open(&stream[..length], &mut out).unwrap();
        assert!(b"firstsecondthird".starts_with(&out));
        assert_eq!(opener.end(), Err(RecordError::Cut));
    }
}

#[test]
fn keys_change_after_records_bytes_or_age() {
    let eternal = Limits {
        records: u64::MAX,
        bytes: u64::MAX,
        age: Duration::MAX,
    };
    let cases = [
        (
            Limits {
                records: 3,
                ..eternal
            },
            100,
            49,
        ),
        (
            Limits {
                bytes: 30,
                ..eternal
            },
            100,
            33,
        ),
        (
            Limits {
                age: Duration::ZERO,
                ..eternal
            },
            100,
            100,
        ),
        (eternal, 100, 0),
    ];
    for (limits, messages, changes) in cases {
        let (mut sealer, mut opener) = pair();
        sealer.limits = limits;
        opener.limits = limits;
        let (mut sealed, mut out) = (Vec::new(), Vec::new());
        for _ in 0..messages {
            sealer.seal(b"ten bytes.", &mut sealed).unwrap();
        }
        opener.open(&sealed, &mut out).unwrap();
        assert_eq!(out, b"ten bytes.".repeat(messages));
        assert_eq!(records(&sealed).len(), messages + changes, "{limits:?}");
    }
}

#[test]
fn a_sender_that_exceeds_the_limits_of_its_key_is_refused() {
    let (mut sealer, mut opener) = pair();
    opener.limits = Limits {
        records: 3,
        ..LIMITS
    };
    assert_eq!(
        opened(&mut opener, &three_records(&mut sealer)),
        (b"firstsecond".to_vec(), Err(RecordError::Overused))
    );
}

#[test]
fn malformed_records_are_refused() {
    let cases: [(u8, &[u8]); 5] = [
        (0, b"payload"),
        (9, b""),
        (Kind::Data as u8, b""),
        (Kind::Close as u8, b"x"),
        (Kind::Rekey as u8, b"x"),
    ];
    for (kind, payload) in cases {
        let (sealer, mut opener) = pair();
        let plain = [payload, &[kind]].concat();
        let mut record = vec![0; LENGTH_LEN + plain.len() + TAG_LEN];
        record[1] = u8::try_from(plain.len() + TAG_LEN).unwrap();
        sealer
            .keys
            .read()
            .write_message(0, &plain, &mut record[LENGTH_LEN..])
            .unwrap();
        assert_eq!(
            opened(&mut opener, &[record]),
            (Vec::new(), Err(RecordError::Kind)),
            "{kind} {payload:?}"
        );
    }
    let (_, mut opener) = pair();
    assert_eq!(
        opened(&mut opener, &[vec![0, 16]]),
        (Vec::new(), Err(RecordError::Length))
    );
}

#[test]
fn the_opener_buffers_at_most_one_record() {
    let (_, mut opener) = pair();
    let mut out = Vec::new();
    assert_eq!(opener.open(&[0xff; RECORD_MAX + 1], &mut out), Ok(()));
    assert_eq!(opener.partial.len(), RECORD_MAX + 1);
    assert_eq!(
        opener.open(&[0xff; 1 << 20], &mut out),
        Err(RecordError::Forged)
    );
    assert_eq!((opener.partial.capacity(), out.len()), (0, 0));
}

#[test]
fn the_two_halves_work_on_different_threads() {
    let (left, right) = loopback().unwrap();
    let run = |mut mine: SealedChannel,
               send: crossbeam_channel::Sender<Vec<u8>>,
               receive: crossbeam_channel::Receiver<Vec<u8>>| {
        let sending = std::thread::spawn(move || {
            mine.sealer.limits.records = 5;
            for number in 0..2000u32 {
                let mut sealed = Vec::new();
                mine.sealer
                    .seal(&number.to_be_bytes(), &mut sealed)
                    .unwrap();
                send.send(sealed).unwrap();
            }
        });
        let receiving = std::thread::spawn(move || {
            mine.opener.limits.records = 5;
            let mut out = Vec::new();
            for sealed in receive {
                mine.opener.open(&sealed, &mut out).unwrap();
            }
            out
        });
        (sending, receiving)
    };
    let (to_right, from_left) = crossbeam_channel::bounded(4);
    let (to_left, from_right) = crossbeam_channel::bounded(4);
    let ends = [
        run(left, to_right, from_right),
        run(right, to_left, from_left),
    ];
    let expected: Vec<u8> = (0..2000u32).flat_map(u32::to_be_bytes).collect();
    for (sending, receiving) in ends {
        sending.join().unwrap();
        assert_eq!(receiving.join().unwrap(), expected);
    }
}

proptest! {
    #[test]
    fn chunks_of_any_size_give_the_same_bytes(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..500), 1..10),
        cut in 1usize..700,
    ) {
        let (mut sealer, mut opener) = pair();
        let (mut sealed, mut out) = (Vec::new(), Vec::new());
        for message in &messages {
            sealer.seal(message, &mut sealed).unwrap();
        }
        for chunk in sealed.chunks(cut) {
            opener.open(chunk, &mut out).unwrap();
        }
        prop_assert_eq!(out, messages.concat());
    }

    #[test]
    fn arbitrary_bytes_open_to_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let (_, mut opener) = pair();
        let mut out = Vec::new();
        let _ = opener.open(&bytes, &mut out);
        prop_assert!(out.is_empty());
        prop_assert!(opener.end().is_err());
    }
}
