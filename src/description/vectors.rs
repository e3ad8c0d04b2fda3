//! spec/description.md · 4.4, 4.6
//!
//! Test vectors: the golden frames, which were written by hand, with the values that they stand
//! for, and hashed passwords.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use super::value;
use crate::dialogue::fixtures;
use crate::model::{HashedPass, Username};
use crate::wire::frame::HEADER_BYTES;
use crate::wire::instruction::InstructionRow;
use crate::wire::payload::PayloadKind;
use crate::wire::{Arguments, FrameHeader};
use serde::Serialize;
use serde_json::Value;

/// The most bytes of a vector. Longer golden frames show only how packets are cut.
const VECTOR_BYTES_MAX: usize = 4096;

/// Bytes with the values that they stand for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Vectors {
    pub frames: Vec<FrameVector>,
    pub payloads: Vec<PayloadVector>,
    pub hashed_pass: Vec<HashedPassVector>,
}

/// A message.
#[derive(Debug, Serialize)]
pub struct FrameVector {
    pub name: String,
    pub hex: String,
    pub number: u16,
    /// Its arguments, or `None` if its data is binary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Vec<String>>,
    /// Its binary data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// A payload.
#[derive(Debug, Serialize)]
pub struct PayloadVector {
    pub name: String,
    pub layout: &'static str,
    pub hex: String,
    /// Numbers of eight bytes are texts, bytes are hexadecimal.
    pub value: Value,
}

/// A password, and what a client sends in its place.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HashedPassVector {
    pub username: &'static str,
    pub password: &'static str,
    pub hashed_pass: String,
}

/// All vectors, by the names of their files. A file that is no message is left out; the suite's
/// tests of golden frames rule it out.
pub fn all() -> Vectors {
    let mut vectors = Vectors {
        frames: Vec::new(),
        payloads: Vec::new(),
        hashed_pass: [
            ("alice", "password of alice"),
            ("Alice.B_c-9", "correct horse battery staple"),
            ("bob", "crème brûlée à Жуковка"),
            ("bob", "cre\u{300}me bru\u{302}le\u{301}e a\u{300} Жуковка"),
            (
                "carol",
                "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af} 12345",
            ),
            ("carol", "\u{d55c}\u{ae00} 12345"),
            ("dave", "\u{1f469}\u{200d}\u{1f680} to the moon"),
        ]
        .into_iter()
        .filter_map(|(username, password)| hashed_pass(username, password))
        .collect(),
    };
    for (name, bytes) in fixtures::golden_frames() {
        if bytes.len() > VECTOR_BYTES_MAX {
            continue;
        }
        match name.strip_prefix("payload-") {
            Some(payload_name) => vectors.payloads.extend(payload(payload_name, &bytes)),
            None => vectors.frames.extend(frame(name, &bytes)),
        }
    }
    vectors
}

fn hashed_pass(username: &'static str, password: &'static str) -> Option<HashedPassVector> {
    let name = Username::parse(username).ok()?;
    Some(HashedPassVector {
        username,
        password,
        hashed_pass: HashedPass::derive(&name, password).expose().to_owned(),
    })
}

fn frame(name: &str, bytes: &[u8]) -> Option<FrameVector> {
    let (head, data) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let header = FrameHeader::read(head);
    let row = InstructionRow::find(header.instruction)?;
    let binary = row.is_binary();
    let arguments = Arguments::read(header.argument_count, data).ok();
    Some(FrameVector {
        name: name.to_owned(),
        hex: hex::encode(bytes),
        number: row.number,
        arguments: arguments.filter(|_| !binary).map(|arguments| {
            let texts = arguments.iter().take(arguments.count());
            texts.map(str::to_owned).collect()
        }),
        data: binary.then(|| hex::encode(data)),
    })
}

/// A payload: the file is called `payload-LAYOUT`, or `payload-LAYOUT-…`.
fn payload(name: &str, bytes: &[u8]) -> Option<PayloadVector> {
    let layout_name = name.split_once('-').map_or(name, |(layout, _)| layout);
    let mut layouts = PayloadKind::ALL.iter().map(|kind| kind.layout());
    let layout = layouts.find(|layout| layout.name == layout_name)?;
    Some(PayloadVector {
        name: name.to_owned(),
        layout: layout.name,
        hex: hex::encode(bytes),
        value: value::read(layout, bytes).ok()?,
    })
}
