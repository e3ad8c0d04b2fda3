//! spec/dialogue/recording.md · 4.7 Communication
//!
//! What a client and its servers said, as it passed by: kept until it becomes a dialogue.
//!
//! Tests: `src/dialogue/recording/text/tests.rs`, `tests/suite/programs/ptcat_record.rs`.

mod facts;
mod literal;
pub mod proxy;
mod text;

use super::message::{MessageDecoder, StreamPart, encode};
use super::script::ConnectionNumber;
use crate::wire::frame::HEADER_BYTES;
use crate::wire::{DATA_MAX, FrameHeader};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The most events of a recording.
pub const EVENTS_MAX: usize = 100_000;
/// The most bytes of the events of a recording.
pub const RECORDED_BYTES_MAX: usize = 64 << 20;

/// How the last message of a connection begins.
const LAST: &str = "protocolError ";

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RecordedEvent {
    /// It was opened to the server with this index.
    Connect(usize),
    /// The client sent this instruction: its name and its arguments.
    Request(u16, Vec<String>),
    /// The client sent bytes that no line with an instruction sends.
    Raw(Vec<u8>),
    /// The server sent a message.
    Message(String),
    /// The server sent what is no message.
    Malformed(String),
    /// The client ended its side.
    ClientEnd,
    /// The server ended its side.
    ServerEnd,
}

/// An event, its connection, and how long after the one before it was.
#[derive(Debug, Clone)]
struct RecordedLine {
    connection: ConnectionNumber,
    waited: Duration,
    event: RecordedEvent,
}

/// The streams of a connection.
#[derive(Debug, Default)]
struct RecordedStreams {
    /// Bytes of the client that are no whole frame yet.
    partial: Vec<u8>,
    /// Whether the client has sent bytes that are no frame: what follows is none, either.
    is_raw: bool,
    decoder: MessageDecoder,
}

/// A recording. It is bounded by [`EVENTS_MAX`] and [`RECORDED_BYTES_MAX`]; what happens after it is
/// full is not in it.
#[derive(Debug)]
pub struct DialogueRecording {
    lines: Vec<RecordedLine>,
    bytes: usize,
    last: Instant,
    connections: ConnectionNumber,
    open: BTreeMap<ConnectionNumber, RecordedStreams>,
    is_full: bool,
}

impl Default for DialogueRecording {
    fn default() -> DialogueRecording {
        DialogueRecording {
            lines: Vec::new(),
            bytes: 0,
            last: Instant::now(),
            connections: 0,
            open: BTreeMap::new(),
            is_full: false,
        }
    }
}

impl DialogueRecording {
    /// Whether something happened after it was full.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Messages and raw bytes in it.
    pub fn messages(&self) -> usize {
        let is_message = |line: &&RecordedLine| {
            !matches!(
                line.event,
                RecordedEvent::Connect(_) | RecordedEvent::ClientEnd | RecordedEvent::ServerEnd
            )
        };
        self.lines.iter().filter(is_message).count()
    }

    /// Connections in it.
    pub fn connections(&self) -> usize {
        usize::from(self.connections)
    }

    /// The recording as a dialogue, with secrets replaced. `header` is its first comment.
    pub fn dialogue(&self, header: &str) -> String {
        text::write(&self.lines, header)
    }

    /// A client has connected to the server with this index. `None` where the recording is full.
    pub fn connect(&mut self, server: usize) -> Option<ConnectionNumber> {
        let Some(number) = self.connections.checked_add(1).filter(|_| !self.is_full) else {
            self.is_full = true;
            return None;
        };
        self.connections = number;
        self.open.insert(number, RecordedStreams::default());
        self.add(number, 0, RecordedEvent::Connect(server));
        Some(number)
    }

    /// The client has sent bytes.
    pub fn sent(&mut self, number: ConnectionNumber, bytes: &[u8]) {
        let Some(mut streams) = self.open.remove(&number) else {
            return;
        };
        streams.decoder.note(bytes);
        streams.partial.extend_from_slice(bytes);
        while let Some(event) = streams.next_sent() {
            let size = event_bytes(&event);
            self.add(number, size, event);
        }
        self.open.insert(number, streams);
    }

    /// The server has sent bytes.
    pub fn came(&mut self, number: ConnectionNumber, bytes: &[u8]) {
        let Some(mut streams) = self.open.remove(&number) else {
            return;
        };
        streams.decoder.extend(bytes);
        while let Some(part) = streams.decoder.next_message() {
            let event = match part {
                StreamPart::Message(text) => RecordedEvent::Message(text),
                StreamPart::Broken(why) => RecordedEvent::Malformed(why),
            };
            // A server may refuse a message by its first bytes.
            let is_last = matches!(&event, RecordedEvent::Message(text) if text.starts_with(LAST));
            if is_last && let Some(raw) = streams.unfinished() {
                let size = event_bytes(&raw);
                self.add(number, size, raw);
            }
            let size = event_bytes(&event);
            self.add(number, size, event);
        }
        self.open.insert(number, streams);
    }

    /// Adds what the client has sent of a message that never became whole.
    fn unfinished(&mut self, number: ConnectionNumber) {
        let raw = self.open.get_mut(&number);
        if let Some(raw) = raw.and_then(RecordedStreams::unfinished) {
            let size = event_bytes(&raw);
            self.add(number, size, raw);
        }
    }

    /// The client has ended its side.
    pub fn client_ended(&mut self, number: ConnectionNumber) {
        self.unfinished(number);
        self.add(number, 0, RecordedEvent::ClientEnd);
    }

    /// The server has ended its side.
    pub fn server_ended(&mut self, number: ConnectionNumber) {
        self.unfinished(number);
        self.add(number, 0, RecordedEvent::ServerEnd);
    }

    fn add(&mut self, connection: ConnectionNumber, size: usize, event: RecordedEvent) {
        let bytes = self.bytes.saturating_add(size);
        if self.lines.len() >= EVENTS_MAX || bytes > RECORDED_BYTES_MAX {
            self.is_full = true;
        }
        if self.is_full {
            // Nothing has a gap: the other connections end here, too.
            self.open.clear();
            return;
        }
        self.bytes = bytes;
        let now = Instant::now();
        let waited = now.duration_since(self.last);
        self.last = now;
        self.lines.push(RecordedLine {
            connection,
            waited,
            event,
        });
    }
}

impl RecordedStreams {
    /// Bytes of a message that never becomes whole.
    fn unfinished(&mut self) -> Option<RecordedEvent> {
        let bytes = std::mem::take(&mut self.partial);
        self.is_raw |= !bytes.is_empty();
        (!bytes.is_empty()).then_some(RecordedEvent::Raw(bytes))
    }

    /// The next thing that the client has sent whole.
    fn next_sent(&mut self) -> Option<RecordedEvent> {
        if !self.is_raw {
            let header = self.partial.first_chunk().map(FrameHeader::read)?;
            let size = usize::try_from(header.data_size).unwrap_or(usize::MAX);
            if header.check().is_ok() && size <= DATA_MAX {
                let whole = size.saturating_add(HEADER_BYTES);
                if self.partial.len() < whole {
                    return None;
                }
                let rest = self.partial.split_off(whole);
                let frame = std::mem::replace(&mut self.partial, rest);
                return Some(request(&header, frame));
            }
            self.is_raw = true;
        }
        let bytes = std::mem::take(&mut self.partial);
        (!bytes.is_empty()).then_some(RecordedEvent::Raw(bytes))
    }
}

/// The instruction and the arguments of a frame, if a line with them sends the same bytes.
fn request(header: &FrameHeader, frame: Vec<u8>) -> RecordedEvent {
    let row = crate::wire::Instruction::from_number(header.instruction).map(|i| i.row());
    let name = row.map_or(format!("{:04x}", header.instruction), |row| {
        row.name.to_owned()
    });
    let data = frame.get(HEADER_BYTES..).unwrap_or_default();
    let mut words = vec![name];
    if let Ok(text) = std::str::from_utf8(data)
        && header.argument_count > 0
    {
        let arguments = text.splitn(usize::from(header.argument_count), ' ');
        words.extend(arguments.map(str::to_owned));
    }
    if encode(&words).is_ok_and(|encoded| encoded == frame) {
        RecordedEvent::Request(header.instruction, words)
    } else {
        RecordedEvent::Raw(frame)
    }
}

/// About how many bytes an event takes.
fn event_bytes(event: &RecordedEvent) -> usize {
    match event {
        RecordedEvent::Request(_, words) => words.iter().map(String::len).sum(),
        RecordedEvent::Raw(bytes) => bytes.len(),
        RecordedEvent::Message(text) | RecordedEvent::Malformed(text) => text.len(),
        RecordedEvent::Connect(_) | RecordedEvent::ClientEnd | RecordedEvent::ServerEnd => 0,
    }
}
