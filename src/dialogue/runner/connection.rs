//! spec/dialogue/runner.md · 4.7 Communication
//!
//! One connection of a running fixture, with the messages that no line has expected yet.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::super::link_peer::is_push;
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

/// What came on a connection.
pub(super) struct TimedArrival {
    pub(super) arrival: Arrival,
    /// When the run took it from the connection, by the local clock.
    pub(super) at: Timestamp,
    /// The sizes of its packets, if it is a data transfer.
    pub(super) packets: Vec<usize>,
}

/// An open connection of a fixture.
pub(super) struct ScriptedConnection {
    number: ConnectionNumber,
    peer: Box<dyn Peer>,
    /// Received and not yet expected by a line, oldest first.
    received: VecDeque<TimedArrival>,
    /// Notices that were received while a reply was expected, oldest first.
    notices: VecDeque<TimedArrival>,
    /// The message that a line expected last: what `row` and `packets` are about.
    pub(super) last: Option<TimedArrival>,
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
            last: None,
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
                    let received = self.taken(arrival);
                    self.received.push_back(received);
                    Ok(())
                }
                None => Err(format!("a connection that takes nothing: {why}")),
            })
    }

    /// Sets the time of the messages that follow.
    ///
    /// # Errors
    /// The connection is no link.
    pub(super) fn stamp(&mut self, time: Timestamp) -> Result<(), String> {
        self.peer.stamp(time)
    }

    /// Ends the sending side.
    ///
    /// # Errors
    /// The connection is gone.
    pub(super) fn half_close(&mut self) -> Result<(), String> {
        self.peer.half()
    }

    /// How many bytes of a message have come that is not whole yet.
    pub(super) fn unfinished(&self) -> usize {
        self.peer.unfinished()
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
    ) -> Result<Option<TimedArrival>, String> {
        let received = self.next(self.deadline(within), Some(within), transcript)?;
        self.is_in_step = received.as_ref().is_some_and(TimedArrival::is_reply);
        Ok(received)
    }

    /// As [`ScriptedConnection::receive`], with an end that nothing moves.
    ///
    /// # Errors
    /// More than [`RECEIVED_MAX`] messages are kept.
    pub(super) fn receive_until(
        &mut self,
        until: Instant,
        transcript: &mut RunLog<'_>,
    ) -> Result<Option<TimedArrival>, String> {
        let received = self.next(until, None, transcript)?;
        self.is_in_step = received.as_ref().is_some_and(TimedArrival::is_reply);
        Ok(received)
    }

    /// The next arrival, or `None` after `until`. With `within`, an announcement that comes
    /// meanwhile moves that.
    fn next(
        &mut self,
        mut until: Instant,
        within: Option<Duration>,
        transcript: &mut RunLog<'_>,
    ) -> Result<Option<TimedArrival>, String> {
        if let Some(received) = self.received.pop_front() {
            return Ok(Some(received));
        }
        loop {
            match self.read(until, transcript)? {
                Some(received) if self.separate_notices && received.is_notice() => {
                    self.notices.push_back(received);
                    if let Some(within) = within {
                        until = until.max(self.deadline(within));
                    }
                }
                received => return Ok(received),
            }
        }
    }

    /// The next notice; or what is no message; or `None` after `within`. Keeps the replies that are
    /// received before it.
    ///
    /// # Errors
    /// More than [`RECEIVED_MAX`] messages are kept.
    pub(super) fn receive_notice(
        &mut self,
        within: Duration,
        transcript: &mut RunLog<'_>,
    ) -> Result<Option<TimedArrival>, String> {
        let until = self.deadline(within);
        if let Some(notice) = self.notices.pop_front() {
            return Ok(Some(notice));
        }
        loop {
            match self.read(until, transcript)? {
                Some(received) if received.is_notice() => return Ok(Some(received)),
                Some(received) if matches!(received.arrival, Arrival::Message(_)) => {
                    self.received.push_back(received);
                }
                other => return Ok(other),
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
        let kept = self.notices.pop_front();
        let kept = kept.or_else(|| self.received.pop_front());
        kept.map(|received| received.arrival)
            .or_else(late)
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
    ) -> Result<Option<TimedArrival>, String> {
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
                arrival => return Ok(arrival.map(|arrival| self.taken(arrival))),
            }
        }
    }

    /// What the peer has just returned, with its time and its packets.
    fn taken(&self, arrival: Arrival) -> TimedArrival {
        TimedArrival {
            arrival,
            at: Timestamp::now(),
            packets: self.peer.packets_of_last().to_vec(),
        }
    }
}

impl TimedArrival {
    fn is_notice(&self) -> bool {
        matches!(&self.arrival, Arrival::Message(text) if is_notice(text))
    }

    /// Whether it answers a request: neither a notice nor a `protocolError` does.
    fn is_reply(&self) -> bool {
        matches!(&self.arrival, Arrival::Message(text) if !is_no_reply(text))
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
    if is_push(name) {
        return true;
    }
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
