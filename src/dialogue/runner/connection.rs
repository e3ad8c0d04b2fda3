//! spec/dialogue/runner.md · 4.7 Communication
//!
//! One connection of a running fixture, with the messages that no line has expected yet.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::super::message::is_unknown_notice;
use super::super::peer::{Arrival, Peer};
use super::super::script::ConnectionNumber;
use super::log::RunLog;
use crate::model::Timestamp;
use crate::wire::Instruction;
use crate::wire::instruction::{Direction, TABLE};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most messages that one connection keeps until a line expects them.
const RECEIVED_MAX: usize = 200_000;

/// The longest time that a settlement may be announced ahead and is waited for. A server that
/// announces a later one is not waited for until then.
const ANNOUNCED_MAX: Duration = Duration::from_secs(15 * 60);

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
    /// When the last order that the server has announced here is expected to settle.
    announced: Option<Instant>,
    /// Whether the next reply answers the next line that expects one, so far as can be told.
    is_in_step: bool,
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
            announced: None,
            is_in_step: true,
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

    /// Whether the last arrival was a reply, so that the next one answers the next line.
    pub(super) fn is_in_step(&self) -> bool {
        self.is_in_step
    }

    /// The end of a wait: so long from now, or from the settlement that the server has announced.
    fn deadline(&self, within: Duration) -> Instant {
        let now = Instant::now();
        self.announced.map_or(now, |settled| settled.max(now)) + within
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
        self.receive_until(self.deadline(within), transcript)
    }

    /// As [`ScriptedConnection::receive`], with an end that nothing moves.
    ///
    /// # Errors
    /// More than [`RECEIVED_MAX`] messages are kept.
    pub(super) fn receive_until(
        &mut self,
        until: Instant,
        transcript: &mut RunLog<'_>,
    ) -> Result<Option<Arrival>, String> {
        let arrival = self.next(until, transcript)?;
        self.is_in_step = matches!(&arrival, Some(Arrival::Message(text)) if !is_no_reply(text));
        Ok(arrival)
    }

    fn next(
        &mut self,
        until: Instant,
        transcript: &mut RunLog<'_>,
    ) -> Result<Option<Arrival>, String> {
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
        let until = self.deadline(within);
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

    /// Lets later waits last until the settlement that a `transactionQueued` announces.
    fn note_announcement(&mut self, arrival: &Arrival) {
        if let Arrival::Message(text) = arrival
            && let Some(wait) = announced_after(text)
        {
            let settled = Instant::now() + wait;
            self.announced = Some(self.announced.map_or(settled, |other| other.max(settled)));
        }
    }

    /// Until when a settlement was announced here.
    pub(super) fn announced(&self) -> Option<Instant> {
        self.announced
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
                transcript.came(self.number, arrival, &self.peer.bytes_of_last());
                self.note_announcement(arrival);
            }
            match arrival {
                Some(arrival) if is_passed_over(&arrival) && Instant::now() < until => {}
                Some(arrival) if is_passed_over(&arrival) => return Ok(None),
                arrival => return Ok(arrival),
            }
        }
    }
}

/// The time until a settlement that a message announces, if that is in the future and not too far.
fn announced_after(text: &str) -> Option<Duration> {
    let mut words = text.split(' ');
    if words.next() != Some("transactionQueued") {
        return None;
    }
    let time = Timestamp::parse(words.nth(2)?).ok()?;
    let wait = time.0.checked_sub(Timestamp::now().0)?;
    let wait = Duration::from_millis(u64::try_from(wait).ok()?);
    (wait <= ANNOUNCED_MAX).then_some(wait)
}

/// Whether a message answers no request: a notice, or a `protocolError`.
fn is_no_reply(text: &str) -> bool {
    is_notice(text) || text.split(' ').next() == Some(Instruction::ProtocolError.name())
}

/// Whether a message is a notice: it answers no request, and the connection goes on after it, as it
/// does not after a `protocolError`.
pub(super) fn is_notice(text: &str) -> bool {
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
