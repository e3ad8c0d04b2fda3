//! spec/worker/reader.md · 4.3.2 Client-Worker Server Connection, 4.2 States
//!
//! A client's reader thread: decodes the requests of one socket read and passes them to the router
//! as one batch. A request that must wait for earlier ones waits here, where it delays its own
//! client alone.
//!
//! Tests: `src/worker/tests.rs`.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

use super::client::{CachedSession, WorkerClient};
use super::messages::RequestBatch;
use crate::model::{Reason, Timestamp};
use crate::net::{ConnectionReader, ReadEnd};
use crate::runtime::clock::RemoteClock;
use crate::wire::instruction::InstructionRow;
use crate::wire::{
    Arguments, ConnectionState, Destination, FrameHeader, Instruction, MessageType, ProtocolError,
    Refusal, Request, frame, reply,
};
use crossbeam_channel::Sender;
use std::sync::Arc;

/// Requests of one batch at most.
pub const BATCH_MAX: usize = 512;

/// The outcome of decoding a frame.
enum FrameOutcome {
    /// A request for a module, with the row of its instruction.
    Accept(Request, Destination, &'static InstructionRow),
    Refuse(Instruction, Refusal),
    /// A pong, which gets no reply.
    Ignore,
}

/// The state of a client's reader thread.
#[derive(Debug)]
pub struct ClientReader {
    client: Arc<WorkerClient>,
    reader: ConnectionReader,
    router: Sender<RequestBatch>,
    /// Decoded requests of one destination that are not passed on yet.
    requests: Vec<Request>,
    /// Refusals that are not sent yet. This list or the other is always empty.
    refusals: Vec<(Instruction, Refusal)>,
    destination: Destination,
    /// Destination of the earlier requests, some of which may still have to take effect. A request
    /// for another destination waits until all of them have.
    in_flight: Option<Destination>,
    state: ConnectionState,
    bound: Option<Arc<CachedSession>>,
    /// The master's clock, by which sessions expire.
    clock: Arc<RemoteClock>,
    /// Time of the last read, by that clock.
    now: Timestamp,
}

impl ClientReader {
    /// A reader of a client in the command state.
    pub fn new(
        client: Arc<WorkerClient>,
        reader: ConnectionReader,
        router: Sender<RequestBatch>,
        clock: Arc<RemoteClock>,
    ) -> ClientReader {
        ClientReader {
            client,
            reader,
            router,
            requests: Vec::new(),
            refusals: Vec::new(),
            destination: Destination::Local,
            in_flight: None,
            state: ConnectionState::Command,
            bound: None,
            now: clock.now(),
            clock,
        }
    }

    /// The thread's loop: reads until the connection ends, and closes it.
    pub fn run(mut self) {
        let ended = loop {
            if let Err(ended) = self.on_read() {
                break ended;
            }
        };
        self.reader.finish(ended);
    }

    /// Handles the frames of one read.
    fn on_read(&mut self) -> Result<(), ReadEnd> {
        self.reader.fill()?;
        self.client.note_heard(self.reader.read_at());
        self.now = self.clock.now();
        loop {
            self.settle_state()?;
            match self.next_frame() {
                Ok(Some(FrameOutcome::Accept(request, destination, row))) => {
                    self.accept(request, destination, row)?;
                }
                Ok(Some(FrameOutcome::Refuse(instruction, refusal))) => {
                    self.refuse(instruction, refusal)?
                }
                Ok(Some(FrameOutcome::Ignore)) => {}
                Ok(None) => return self.dispatch(),
                Err(fault) => {
                    self.dispatch()?;
                    return Err(ReadEnd::Fault(fault));
                }
            }
        }
    }

    /// Waits for a switch of the state, because it decides how later frames are validated.
    fn settle_state(&mut self) -> Result<(), ReadEnd> {
        if self.in_flight != Some(Destination::State) {
            return Ok(());
        }
        self.dispatch()?;
        self.reader.wait_applied()?;
        self.in_flight = None;
        self.state = self.client.state();
        self.bound = self.client.bound();
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Option<FrameOutcome>, ProtocolError> {
        let Some((header, data)) = self.reader.buffer.next(FrameHeader::check_request)? else {
            return Ok(None);
        };
        let (instruction, arguments) = frame::read_request(&header, data)?;
        let bound = self.bound.as_deref();
        Ok(Some(validate(
            instruction,
            arguments,
            self.state,
            bound,
            self.now,
        )))
    }

    /// Adds a request to the batch. Waits for earlier requests of another destination to take
    /// effect.
    fn accept(
        &mut self,
        request: Request,
        destination: Destination,
        row: &InstructionRow,
    ) -> Result<(), ReadEnd> {
        if destination != Destination::Local {
            if self
                .in_flight
                .is_some_and(|before| before != destination || destination.is_exclusive())
            {
                self.dispatch()?;
                self.reader.wait_applied()?;
            }
            self.in_flight = Some(destination);
        }
        if row.bulk && !self.client.connection.may_ask() {
            return self.refuse(row.instruction, Refusal::worker_overloaded());
        }
        if row.bulk
            || destination != self.destination
            || !self.refusals.is_empty()
            || self.requests.len() >= BATCH_MAX
        {
            self.dispatch()?;
        }
        self.destination = destination;
        if row.bulk {
            let first = self.reader.reserve_bulk()?;
            return self.send(first, vec![request], true);
        }
        self.requests.push(request);
        Ok(())
    }

    fn refuse(&mut self, instruction: Instruction, refusal: Refusal) -> Result<(), ReadEnd> {
        if !self.requests.is_empty() || self.refusals.len() >= BATCH_MAX {
            self.dispatch()?;
        }
        self.refusals.push((instruction, refusal));
        Ok(())
    }

    /// Passes on all decoded requests, or sends all refusals.
    fn dispatch(&mut self) -> Result<(), ReadEnd> {
        while !self.requests.is_empty() {
            let (first, taken) = self.reader.reserve_some(self.requests.len())?;
            let rest = self.requests.split_off(taken);
            let requests = std::mem::replace(&mut self.requests, rest);
            self.send(first, requests, false)?;
        }
        while !self.refusals.is_empty() {
            let (first, taken) = self.reader.reserve_some(self.refusals.len())?;
            let mut sending = self.client.connection.sending();
            for (number, (instruction, refusal)) in (first..).zip(self.refusals.drain(..taken)) {
                sending.reply(number, |out| reply::write_fail(out, instruction, &refusal));
            }
        }
        Ok(())
    }

    fn send(&self, first: u64, requests: Vec<Request>, bulk: bool) -> Result<(), ReadEnd> {
        let batch = RequestBatch {
            client: Arc::clone(&self.client),
            timestamp: self.now,
            destination: self.destination,
            bulk,
            first,
            requests,
        };
        self.router.send(batch).map_err(|_| ReadEnd::Broken)
    }
}

/// Checks a request's state, the forms of its arguments, and the session, in this order. The first
/// that fails refuses it.
fn validate(
    instruction: Instruction,
    arguments: Arguments<'_>,
    state: ConnectionState,
    bound: Option<&CachedSession>,
    now: Timestamp,
) -> FrameOutcome {
    let row = instruction.row();
    let Some(destination) = row.destination else {
        return FrameOutcome::Ignore;
    };
    if !row.states.contains(&state) {
        return FrameOutcome::Refuse(instruction, wrong_state(state));
    }
    match Request::read(instruction, arguments) {
        Ok(Some(Request::Pong) | None) => FrameOutcome::Ignore,
        Ok(Some(request)) => {
            let is_data = instruction.message_type() == MessageType::DataTransfer;
            if is_data && !bound.is_some_and(|known| known.is_active(now)) {
                let text = "the session that this connection's data state is bound to is over";
                return FrameOutcome::Refuse(
                    instruction,
                    Refusal::new(Reason::SessionExpired, text),
                );
            }
            FrameOutcome::Accept(request, destination, row)
        }
        Err(refusal) => FrameOutcome::Refuse(instruction, refusal),
    }
}

fn wrong_state(state: ConnectionState) -> Refusal {
    let text = match state {
        ConnectionState::Command => {
            "a data instruction, while this connection is in the command state"
        }
        ConnectionState::Data => "a command, while this connection is in the data state",
    };
    Refusal::new(Reason::WrongState, text)
}
