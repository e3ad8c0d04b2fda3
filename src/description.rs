//! spec/description.md · 4 The Protocol
//!
//! The protocol as data: what `ptcat describe` prints. Whoever has it alone can write a client, a
//! dissector or a conformance suite. It is made from the tables that the servers run on.
//!
//! Tests: `tests/suite/protocol/described.rs`.

mod describe;
pub mod limits;
pub mod pages;
pub mod requirement_tables;
pub mod tables;
pub mod value;
pub mod vectors;
pub mod wireshark;

use crate::wire::payload::layout::{Condition, Encoding};
use limits::LimitEntry;
use serde::Serialize;
use std::collections::BTreeMap;
use vectors::Vectors;

pub use describe::describe;

/// The whole description. Its JSON is `spec/wire/papertrader.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    pub protocol: &'static str,
    pub specification: &'static str,
    pub wire: u16,
    pub edition: u16,
    pub link: LinkForm,
    /// How to read this file, in sentences.
    pub reading: &'static [&'static str],
    /// What no table can say of the protocol, in sentences.
    pub rules: &'static [&'static str],
    pub ports: Ports,
    pub header: HeaderForm,
    /// What a server checks of a client's message, in this order.
    pub request_checks: &'static [Check],
    pub message_types: Vec<ListValue>,
    pub states: Vec<ListValue>,
    pub lists: BTreeMap<&'static str, CodeList>,
    pub argument_types: BTreeMap<String, ArgumentTypeEntry>,
    pub scalars: BTreeMap<&'static str, ScalarEntry>,
    pub layouts: BTreeMap<&'static str, LayoutEntry>,
    pub instructions: Vec<InstructionEntry>,
    pub hashed_pass: HashedPassForm,
    pub limits: Vec<LimitEntry>,
    pub vectors: Vectors,
}

impl Description {
    /// The text of `papertrader.json`.
    ///
    /// # Errors
    /// None in practice: the description has no map with other keys than texts.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

/// What concerns the worker link.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkForm {
    pub version: u16,
    /// The numbers from this one on are the link's.
    pub first_number: u16,
    /// The last of them.
    pub last_number: u16,
}

/// The form of a message: a header, then data.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderForm {
    pub bytes: usize,
    pub byte_order: &'static str,
    pub fields: &'static [HeaderField],
    /// The most bytes of data behind it.
    pub data_max: usize,
    /// The byte between two arguments, as text.
    pub separator: &'static str,
}

/// A field of the header: an unsigned integer.
#[derive(Debug, Serialize)]
pub struct HeaderField {
    pub name: &'static str,
    pub offset: usize,
    pub bytes: usize,
    pub about: &'static str,
}

/// The ports that servers have unless configured otherwise.
#[derive(Debug, Serialize)]
pub struct Ports {
    pub worker: u16,
    pub master: u16,
}

/// A check of a client's message.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What is wrong.
    pub wrong: &'static str,
    /// The code of the protocolError.
    pub fault: &'static str,
}

/// A list of words or numbers.
#[derive(Debug, Serialize)]
pub struct CodeList {
    pub about: &'static str,
    /// Whether later editions may add values. A reader shows the text or number of a value that it
    /// does not know, and goes on.
    pub open: bool,
    pub values: Vec<ListValue>,
}

/// A value of a list.
#[derive(Debug, Serialize)]
pub struct ListValue {
    pub name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u8>,
    pub about: &'static str,
}

/// A type of arguments, with its grammar. `minLength`, `maxLength`, `exclusiveMinimum` and
/// `maximum` mean what they mean in JSON Schema; the pattern matches the whole text.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArgumentTypeEntry {
    pub about: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// The most bytes in UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusive_minimum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<&'static str>,
    /// The text that stands for "none".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none: Option<&'static str>,
    /// Texts that it accepts.
    pub examples: &'static [&'static str],
    /// Texts that it refuses.
    pub wrong: &'static [&'static str],
}

/// A value that layouts are made of.
#[derive(Debug, Serialize)]
pub struct ScalarEntry {
    #[serde(flatten)]
    pub encoding: Encoding,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<&'static str>,
    /// The number of decimal places of the integer, where it is a decimal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<u8>,
    /// The type of arguments whose form the text has.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    pub about: &'static str,
}

/// A sequence of fields.
#[derive(Debug, Serialize)]
pub struct LayoutEntry {
    pub about: &'static str,
    pub fields: Vec<FieldEntry>,
}

/// A field of a layout.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldEntry {
    pub name: &'static str,
    /// The scalar that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scalar: Option<&'static str>,
    /// The layout that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<&'static str>,
    /// The name of the field that says how many there are, or `*` for as many as bytes are left
    /// for. Absent: one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated: Option<&'static str>,
    /// The field is there if `value & mask == equals`. Absent: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub about: &'static str,
}

/// An instruction.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstructionEntry {
    pub number: u16,
    pub name: &'static str,
    pub about: &'static str,
    pub section: &'static str,
    pub edition: u8,
    pub direction: &'static str,
    pub states: Vec<&'static str>,
    /// What the session must allow. Absent: no session is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<&'static str>,
    pub bulk: bool,
    /// Whether the data is binary. There are no arguments then.
    pub binary: bool,
    pub arguments: Vec<ArgumentEntry>,
    /// The layouts of binary data, by the side that sends it. Those of `data` are in the answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layouts: Vec<DataEntry>,
    pub answers: Vec<AnswerEntry>,
}

/// An argument of an instruction.
#[derive(Debug, Serialize)]
pub struct ArgumentEntry {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: String,
    /// It may be left out, with all behind it.
    #[serde(skip_serializing_if = "is_false")]
    pub optional: bool,
    /// It stands there any number of times, also not at all.
    #[serde(skip_serializing_if = "is_false")]
    pub repeated: bool,
    /// It is the rest of the data, spaces included.
    #[serde(skip_serializing_if = "is_false")]
    pub last: bool,
    /// The reason that refuses a request in which it does not have its form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// The layout of a link message.
#[derive(Debug, Serialize)]
pub struct DataEntry {
    pub from: &'static str,
    pub layout: &'static str,
    /// The layout of the data transfer that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<&'static str>,
}

/// An answer to a request.
#[derive(Debug, Serialize)]
pub struct AnswerEntry {
    pub number: u16,
    pub name: &'static str,
    /// The layout of the payload, where the answer is `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<&'static str>,
    pub arguments: Vec<ArgumentEntry>,
    /// `success` or `failure`.
    pub outcome: &'static str,
    /// The codes that a failure may name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<&'static str>,
}

/// How a client makes a hashedPass of a password.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HashedPassForm {
    pub about: &'static str,
    /// The Unicode normal form into which the password is put first.
    pub normalization: &'static str,
    pub algorithm: &'static str,
    pub rounds: u32,
    pub bytes: usize,
    /// The salt, in front of the username in lower case (ASCII).
    pub salt: &'static str,
    pub form: &'static str,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}
