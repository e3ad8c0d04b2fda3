//! spec/dialogue/runner.md · 4.7 Communication
//!
//! What a run tells of its messages while it goes on, and what it keeps of them for a report.
//!
//! Tests: `src/dialogue/runner/play.rs`.

use super::super::peer::Arrival;
use super::super::script::ConnectionNumber;

/// The most messages that are kept of one step. A step that waits may see many.
pub const EXCHANGES_KEPT_MAX: usize = 50;

/// The most bytes that are kept of one message. Transfers may be large, and a person reads the
/// beginning.
pub const BYTES_KEPT_MAX: usize = 1024;

/// A message that was sent or received while a step ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// The connection's number in the dialogue.
    pub connection: ConnectionNumber,
    /// Whether it was sent to the server; else it came from there.
    pub is_sent: bool,
    /// The message as text, or what came in place of one.
    pub text: String,
    /// The first [`BYTES_KEPT_MAX`] of its bytes.
    pub bytes: Vec<u8>,
    /// How many bytes it had in all.
    pub size: usize,
}

/// Where a run reports its messages: as lines of text to whoever listens, and kept for a report.
#[derive(Default)]
pub(super) struct RunLog<'a> {
    pub(super) tell: Option<&'a mut dyn FnMut(&str)>,
    /// What the step has exchanged so far; `None` where nothing is kept.
    pub(super) kept: Option<Vec<Exchanged>>,
}

impl RunLog<'_> {
    pub(super) fn add(&mut self, line: &str) {
        if let Some(tell) = self.tell.as_mut() {
            tell(line);
        }
    }

    /// Records bytes that are sent. `line` is what the dialogue says of them.
    pub(super) fn sent(&mut self, connection: ConnectionNumber, line: &str, bytes: &[u8]) {
        self.add(&format!("{connection} {line}"));
        self.keep(connection, true, line, bytes);
    }

    /// Records what came.
    pub(super) fn came(&mut self, connection: ConnectionNumber, arrival: &Arrival, bytes: &[u8]) {
        let text = match arrival {
            Arrival::Message(text) => text.clone(),
            Arrival::Broken(why) => format!("malformed: {why}"),
            Arrival::End => "closed".to_owned(),
            Arrival::Failed(why) => format!("failed: {why}"),
        };
        self.add(&format!("{connection} < {text}"));
        self.keep(connection, false, &text, bytes);
    }

    fn keep(&mut self, connection: ConnectionNumber, is_sent: bool, text: &str, bytes: &[u8]) {
        if let Some(kept) = self.kept.as_mut()
            && kept.len() < EXCHANGES_KEPT_MAX
        {
            kept.push(Exchanged {
                connection,
                is_sent,
                text: text.to_owned(),
                bytes: bytes.iter().take(BYTES_KEPT_MAX).copied().collect(),
                size: bytes.len(),
            });
        }
    }

    /// Takes what was kept since the last time.
    pub(super) fn take(&mut self) -> Vec<Exchanged> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
