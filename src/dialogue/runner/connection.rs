//! spec/dialogue/runner.md · 4.7 Communication
//!
//! One connection of a running fixture, with the messages that no line has expected yet.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::super::message::is_unknown_notice;
use super::super::peer::{Arrival, Peer};
use super::super::script::ConnectionNumber;
use crate::wire::Instruction;
use crate::wire::instruction::{Direction, TABLE};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most messages that one connection keeps until a line expects them.
const RECEIVED_MAX: usize = 200_000;

/// Where a run reports its messages as lines of text; without a receiver it drops them.
pub(super) struct RunLog<'a>(pub(super) Option<&'a mut dyn FnMut(&str)>);

impl RunLog<'_> {
    pub(super) fn add(&mut self, line: &str) {
        if let Some(tell) = self.0.as_mut() {
            tell(line);
        }
    }
}

/// An open connection of a fixture.
pub(super) struct ScriptedConnection {
    number: ConnectionNumber,
    peer: Box<dyn Peer>,
    /// Received and not yet expected by a line, oldest first.
    received: VecDeque<Arrival>,
    /// Notices that were received while a reply was expected, oldest first.
    notices: VecDeque<String>,
    /// Whether the fixture expects this connection's notices with `~`, apart from replies.
    separate_notices: bool,
}

impl ScriptedConnection {
    pub(super) fn new(
        number: ConnectionNumber,
        peer: Box<dyn Peer>,
        separate_notices: bool,
    ) -> ScriptedConnection {
        ScriptedConnection {
            number,
            peer,
            received: VecDeque::new(),
            notices: VecDeque::new(),
            separate_notices,
        }
    }

    /// Sends bytes. A failure is no error where something was received: a server that refuses a
    /// message may close before it has read all of it, and the fixture is about what it replied.
    ///
    /// # Errors
    /// The peer takes no bytes and has sent nothing.
    pub(super) fn send(&mut self, bytes: &[u8], line: &str) -> Result<(), String> {
        self.peer
            .send(bytes, line)
            .or_else(|why| match self.peer.receive(Instant::now()) {
                Some(arrival) => {
                    self.received.push_back(arrival);
                    Ok(())
                }
                None => Err(format!("a connection that takes nothing: {why}")),
            })
    }

    /// Ends the sending side.
    ///
    /// # Errors
    /// The connection is gone.
    pub(super) fn half_close(&mut self) -> Result<(), String> {
        self.peer.half()
    }

    /// Tells the peer that the other side is expected to close now.
    pub(super) fn expect_end(&mut self) {
        self.peer.expect_end();
    }

    /// The next arrival, or `None` after `within`. Keeps notices aside where the fixture expects
    /// them apart.
    ///
    /// # Errors
    /// More than [`RECEIVED_MAX`] messages are kept.
    pub(super) fn receive(
        &mut self,
        within: Duration,
        transcript: &mut RunLog<'_>,
    ) -> Result<Option<Arrival>, String> {
        let until = Instant::now() + within;
        if let Some(arrival) = self.received.pop_front() {
            return Ok(Some(arrival));
        }
        loop {
            match self.read(until, transcript)? {
                Some(Arrival::Message(notice)) if self.separate_notices && is_notice(&notice) => {
                    self.notices.push_back(notice);
                }
                arrival => return Ok(arrival),
            }
        }
    }

    /// The next notice. Keeps the replies that are received before it.
    ///
    /// # Errors
    /// No notice within the time, the end of the connection, or more than [`RECEIVED_MAX`]
    /// messages.
    pub(super) fn receive_notice(
        &mut self,
        within: Duration,
        transcript: &mut RunLog<'_>,
    ) -> Result<String, String> {
        let until = Instant::now() + within;
        loop {
            if let Some(text) = self.notices.pop_front() {
                return Ok(text);
            }
            match self.read(until, transcript)? {
                Some(Arrival::Message(text)) if is_notice(&text) => return Ok(text),
                Some(arrival @ Arrival::Message(_)) => self.received.push_back(arrival),
                other => return Err(describe(other.as_ref(), within)),
            }
        }
    }

    /// A message, or broken bytes, that no line has expected; an end or a failure is none.
    pub(super) fn unexpected(&mut self) -> Option<Arrival> {
        let late = || {
            std::iter::from_fn(|| self.peer.receive(Instant::now()))
                .take(RECEIVED_MAX)
                .find(|arrival| !is_passed_over(arrival))
        };
        let received = self.received.pop_front().or_else(late);
        let notice = self.notices.pop_front().map(Arrival::Message);
        notice
            .or(received)
            .filter(|arrival| !matches!(arrival, Arrival::End | Arrival::Failed(_)))
    }

    /// Reads the next arrival and reports it. Passes over notices of a later edition.
    fn read(
        &mut self,
        until: Instant,
        transcript: &mut RunLog<'_>,
    ) -> Result<Option<Arrival>, String> {
        if self.received.len() + self.notices.len() > RECEIVED_MAX {
            return Err("more messages than this program keeps".to_owned());
        }
        loop {
            let arrival = self.peer.receive(until);
            if let Some(arrival) = &arrival {
                transcript.add(&format!("{} < {}", self.number, transcript_text(arrival)));
            }
            match arrival {
                Some(arrival) if is_passed_over(&arrival) && Instant::now() < until => {}
                Some(arrival) if is_passed_over(&arrival) => return Ok(None),
                arrival => return Ok(arrival),
            }
        }
    }
}

/// Whether a message is a notice: it answers no request, and the connection goes on after it, as it
/// does not after a `protocolError`.
fn is_notice(text: &str) -> bool {
    let name = text.split(' ').next().unwrap_or_default();
    TABLE.iter().any(|row| {
        row.name == name
            && row.direction == Direction::Notice
            && row.instruction != Instruction::ProtocolError
    })
}

fn is_passed_over(arrival: &Arrival) -> bool {
    matches!(arrival, Arrival::Message(text) if is_unknown_notice(text))
}

/// An arrival as a transcript shows it.
fn transcript_text(arrival: &Arrival) -> String {
    match arrival {
        Arrival::Message(text) => text.clone(),
        Arrival::Broken(why) => format!("malformed: {why}"),
        Arrival::End => "closed".to_owned(),
        Arrival::Failed(why) => format!("failed: {why}"),
    }
}

/// An arrival as the report of a difference shows it; `None` is silence for `within`.
pub(super) fn describe(arrival: Option<&Arrival>, within: Duration) -> String {
    match arrival {
        Some(Arrival::Message(text)) => format!("`{text}`"),
        Some(Arrival::Broken(why)) => format!("what is no message: {why}"),
        Some(Arrival::End) => "the end of the connection".to_owned(),
        Some(Arrival::Failed(why)) => format!("a broken connection: {why}"),
        None => format!("nothing within {}", humantime::format_duration(within)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_notice;

    #[test]
    fn a_notice_is_one_of_the_table_after_which_the_connection_goes_on() {
        for name in [
            "transactionQueued a b",
            "orderNotice",
            "quoteNotice AAPL",
            "noticesDropped 3",
        ] {
            assert!(is_notice(name), "{name}");
        }
        for name in ["protocolError unknown-instruction", "pong", "buy", ""] {
            assert!(!is_notice(name), "{name}");
        }
    }
}
