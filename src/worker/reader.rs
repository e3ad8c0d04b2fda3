//! spec/worker/reader.md · 4.3.2 Client-Worker Server Connection, 4.2 States
//!
//! A client's reader thread: what a socket read brought becomes requests, and goes to the router as one
//! item. What must not overtake what stands before it waits here, where only its own client waits along.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

use super::client::{CachedSession, WorkerClient};
use super::messages::RequestBatch;
use crate::model::{Reason, Timestamp};
use crate::net::{ConnectionReader, Flusher, ReadEnd};
use crate::wire::instruction::InstructionRow;
use crate::wire::{
    Arguments, ConnectionState, Destination, FrameHeader, Instruction, MessageType, ProtocolError, Refusal,
    Request, frame, reply,
};
use crossbeam_channel::Sender;
use std::sync::Arc;

/// Requests in one batch at most.
pub const BATCH_MAX: usize = 512;
/// Bytes that all clients together may leave unread, past which requests with large replies are refused.
pub const UNSENT_ALL_MAX: usize = 1 << 30;

/// What a frame turned out to be.
enum FrameOutcome {
    /// To be answered by a module; the row is its instruction's.
    Ask(Request, Destination, &'static InstructionRow),
    /// Refused here.
    Refuse(Instruction, Refusal),
    /// Not answered: a pong.
    Nothing,
}

/// One client's conversation, from its reader's side.
#[derive(Debug)]
pub struct ClientReader {
    client: Arc<WorkerClient>,
    reader: ConnectionReader,
    router: Sender<RequestBatch>,
    flusher: Arc<Flusher>,
    /// Decoded and not passed on: all of one destination.
    requests: Vec<Request>,
    /// Refused and not answered; one of the two lists is always empty.
    refusals: Vec<(Instruction, Refusal)>,
    destination: Destination,
    /// The destination of what may not have taken effect yet.
    in_flight: Option<Destination>,
    state: ConnectionState,
    bound: Option<Arc<CachedSession>>,
    /// When the last read came.
    now: Timestamp,
}

impl ClientReader {
    /// Of a client in the command state.
    pub fn new(
        client: Arc<WorkerClient>,
        reader: ConnectionReader,
        router: Sender<RequestBatch>,
        flusher: Arc<Flusher>,
    ) -> ClientReader {
        ClientReader {
            client,
            reader,
            router,
            flusher,
            requests: Vec::new(),
            refusals: Vec::new(),
            destination: Destination::Local,
            in_flight: None,
            state: ConnectionState::Command,
            bound: None,
            now: Timestamp(0),
        }
    }

    /// Until the connection ends, and closes it.
    pub fn run(mut self) {
        let ended = loop {
            if let Err(ended) = self.on_read() {
                break ended;
            }
        };
        self.reader.finish(ended);
    }

    /// What one read brings.
    fn on_read(&mut self) -> Result<(), ReadEnd> {
        self.reader.fill()?;
        self.now = Timestamp::now();
        loop {
            self.settle_state()?;
            match self.next() {
                Ok(Some(FrameOutcome::Ask(request, destination, row))) => {
                    self.ask(request, destination, row)?;
                }
                Ok(Some(FrameOutcome::Refuse(instruction, refusal))) => self.refuse(instruction, refusal)?,
                Ok(Some(FrameOutcome::Nothing)) => {}
                Ok(None) => return self.dispatch(),
                Err(fault) => {
                    self.dispatch()?;
                    return Err(ReadEnd::Fault(fault));
                }
            }
        }
    }

    /// What follows a switch of the state is judged by the state that it led to.
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

    fn next(&mut self) -> Result<Option<FrameOutcome>, ProtocolError> {
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

    fn ask(
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
        if row.bulk && self.flusher.unsent() > UNSENT_ALL_MAX {
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
            let first = self.reader.reserve_heavy()?;
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

    /// Passes on what was decoded, or answers what was refused.
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

/// The first reason that applies refuses: the state, the arguments' forms, the session.
fn validate(
    instruction: Instruction,
    arguments: Arguments<'_>,
    state: ConnectionState,
    bound: Option<&CachedSession>,
    now: Timestamp,
) -> FrameOutcome {
    let row = instruction.row();
    let Some(destination) = row.destination else {
        return FrameOutcome::Nothing;
    };
    if !row.states.contains(&state) {
        return FrameOutcome::Refuse(instruction, wrong_state(state));
    }
    match Request::read(instruction, arguments) {
        Ok(Some(Request::Pong) | None) => FrameOutcome::Nothing,
        Ok(Some(request)) => {
            let is_data = instruction.message_type() == MessageType::DataTransfer;
            if is_data && !bound.is_some_and(|known| known.is_active(now)) {
                let text = "the session that this connection's data state is bound to is over";
                return FrameOutcome::Refuse(instruction, Refusal::new(Reason::SessionExpired, text));
            }
            FrameOutcome::Ask(request, destination, row)
        }
        Err(refusal) => FrameOutcome::Refuse(instruction, refusal),
    }
}

fn wrong_state(state: ConnectionState) -> Refusal {
    let text = match state {
        ConnectionState::Command => "a data instruction, while this connection is in the command state",
        ConnectionState::Data => "a command, while this connection is in the data state",
    };
    Refusal::new(Reason::WrongState, text)
}
