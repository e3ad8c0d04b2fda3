//! spec/fuzzing.md
//!
//! What is fuzzed: one function for each kind of bytes that come from outside, which panics where
//! the code does not keep what it promises. The fuzzer and the gate run the same ones.

#[path = "targets/client.rs"]
mod client;
#[path = "targets/control.rs"]
mod control;
#[path = "targets/files.rs"]
mod files;
#[path = "targets/link.rs"]
mod link;
#[path = "targets/web.rs"]
mod web;
#[path = "targets/wire.rs"]
mod wire;

use std::path::{Path, PathBuf};

/// One kind of bytes from outside.
pub struct Target {
    /// How it is called.
    pub name: &'static str,
    /// Runs the code on these bytes.
    pub run: fn(&[u8]),
    /// Bytes worth to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Bytes of memory that an input may cost, whatever it is.
    base: usize,
    /// And for each of its bytes.
    each: usize,
}

/// What most may cost: buffers, and a value or two for each byte.
const KIB: usize = 1024;

const fn target(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target {
        name,
        run,
        seeds,
        base: 256 * KIB,
        each: 64,
    }
}

impl Target {
    const fn costing(self, base: usize, each: usize) -> Target {
        Target { base, each, ..self }
    }

    /// Bytes of memory that an input of this size may cost.
    pub fn memory(&self, size: usize) -> usize {
        self.base + self.each * size
    }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("requests", wire::requests, wire::request_seeds),
    target("http-heads", web::heads, web::head_seeds),
    target("websocket-frames", web::frames, web::frame_seeds),
    target("replies", wire::replies, wire::reply_seeds),
    target("arguments", wire::arguments, wire::argument_seeds),
    target("values", wire::values, wire::value_seeds),
    target("payloads", wire::payloads, wire::payload_seeds),
    target("transfers", wire::transfers, wire::transfer_seeds),
    target("answers", client::answers, client::answer_seeds).costing(1024 * KIB, 512),
    target("records", link::records, link::record_seeds).costing(4096 * KIB, 64),
    target("envelopes", link::envelopes, link::envelope_seeds),
    target("link-messages", link::messages, link::message_seeds),
    target("handshakes", link::handshakes, link::handshake_seeds).costing(1024 * KIB, 64),
    target(
        "master-config",
        files::master_config,
        files::master_config_seeds,
    )
    .costing(1024 * KIB, 1024),
    target(
        "worker-config",
        files::worker_config,
        files::worker_config_seeds,
    )
    .costing(1024 * KIB, 1024),
    target("market", files::market, files::market_seeds).costing(512 * KIB, 64),
    target("actions", files::actions, files::action_seeds).costing(512 * KIB, 64),
    target("dialogues", files::dialogues, files::dialogue_seeds).costing(64 * 1024 * KIB, 4096),
    target("transcripts", files::transcripts, files::transcript_seeds).costing(512 * KIB, 256),
    target("patterns", files::patterns, files::pattern_seeds),
    target(
        "control-requests",
        control::requests,
        control::request_seeds,
    ),
    target("control-answers", control::answers, control::answer_seeds).costing(256 * KIB, 512),
    target(
        "session-files",
        files::session_files,
        files::session_file_seeds,
    )
    .costing(512 * KIB, 256),
];

/// The target of this name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// A target's seeds, and the inputs that once found a defect in it.
pub fn inputs(target: &Target) -> Vec<Vec<u8>> {
    let mut inputs = (target.seeds)();
    inputs.extend(contents(
        &below("tests/fuzz/regressions").join(target.name),
        "",
    ));
    inputs
}

/// A folder of the project's.
fn below(path: &str) -> PathBuf {
    // The same whichever package is built: that of the tests, or the fuzzer's, which lies in
    // `tests/fuzz`.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package
        .ancestors()
        .find(|folder| folder.join("tests/fixtures").is_dir());
    root.expect("the project's folder").join(path)
}

/// What is in the files of a folder whose names begin so, in the order of their names.
fn contents(folder: &Path, start: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files.retain(|path| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(start)
    });
    files
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The golden frames, or payloads, whose files' names begin so.
fn golden(start: &str) -> Vec<Vec<u8>> {
    contents(&below("tests/fixtures/frames"), start)
        .into_iter()
        .map(|text| papertrader::dialogue::raw::read(std::str::from_utf8(&text).unwrap()).unwrap())
        .collect()
}

/// Takes a byte off the front; 0 where there is none.
fn byte(data: &mut &[u8]) -> u8 {
    match data.split_first() {
        Some((first, rest)) => {
            *data = rest;
            *first
        }
        None => 0,
    }
}

/// A stream cut into pieces of a size that its first byte says: 0 for one piece.
fn pieces(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let size = match byte(&mut data) {
        0 => data.len().max(1),
        size => usize::from(size),
    };
    data.chunks(size)
}

/// Seeds for a target that begins with [`pieces`].
fn in_pieces(streams: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let cut = |stream: &Vec<u8>, size: u8| [&[size], stream.as_slice()].concat();
    streams
        .iter()
        .flat_map(|stream| [cut(stream, 0), cut(stream, 7)])
        .collect()
}
