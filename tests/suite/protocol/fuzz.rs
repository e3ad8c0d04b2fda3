//! Every fuzz target over its seeds, over the inputs that once found a defect, and over some
//! mutations of both, without a fuzzer. `make fuzz` runs the same targets for long.

#[path = "../../fuzz/targets.rs"]
#[allow(dead_code, reason = "some of it is the fuzzer's alone")]
pub mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use targets::{TARGETS, Target};

/// Mutations of each target's seeds: the same on every machine, from the same seed.
const MUTATIONS: usize = 500;
/// The longest input that is made.
const LONGEST: usize = 64 * 1024;
/// Bytes that parsers treat in a way of their own.
const TOKENS: &[&[u8]] = &[
    b" ",
    b"\n",
    b"\"",
    b"{",
    b"}",
    b"*",
    b",",
    b"=",
    b"0",
    b"-",
    b".",
    b"e9",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x01",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\x00\x00\x00\x00\x00\x00\x00",
    b"\xc3\xa9",
    b"\xed\xa0\x80",
];

/// xorshift64*: the same from the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Changes an input in one of the ways that find most.
fn mutate(input: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len());
    match random.below(8) {
        0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
        1 if !input.is_empty() => input[at] = random.next() as u8,
        2 => {
            let token = TOKENS[random.below(TOKENS.len())];
            input.splice(at..at, token.iter().copied());
        }
        3 => {
            let token = TOKENS[random.below(TOKENS.len())];
            let end = (at + token.len()).min(input.len());
            input.splice(at..end, token.iter().copied());
        }
        4 => {
            let end = (at + 1 + random.below(16)).min(input.len());
            input.drain(at.min(end)..end);
        }
        5 => input.truncate(at),
        6 => {
            let end = (at + 1 + random.below(64)).min(input.len());
            let part = input.get(at..end).unwrap_or_default().to_vec();
            input.splice(at..at, part);
        }
        _ => {
            let other = &others[random.below(others.len())];
            let from = random.below(other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
    }
    input.truncate(LONGEST);
}

/// So many inputs, each with some changes.
pub fn changed(inputs: &[Vec<u8>], seed: u64, count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random(seed);
    (0..count).map(move |_| {
        let mut input = inputs[random.below(inputs.len())].clone();
        for _ in 0..=random.below(5) {
            mutate(&mut input, inputs, &mut random);
        }
        input
    })
}

fn check(target: &Target, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        panic!(
            "target {} fails over this input; keep it in tests/fuzz/regressions/{0}: {}",
            target.name,
            hex::encode(input)
        );
    }
}

#[test]
fn no_target_falls_over_its_seeds_or_their_like() {
    let seed = match std::env::var("FUZZ_SEED") {
        Ok(seed) => seed.parse().expect("FUZZ_SEED is a number"),
        Err(_) => 1,
    };
    for target in TARGETS {
        let inputs = targets::inputs(target);
        assert!(inputs.len() > 1, "{} has no seeds", target.name);
        check(target, &[]);
        for input in &inputs {
            check(target, input);
        }
        for input in changed(&inputs, seed, MUTATIONS) {
            check(target, &input);
        }
        println!(
            "{}: {} seeds, {MUTATIONS} mutations",
            target.name,
            inputs.len()
        );
    }
}
