//! spec/worker/reader.md · 4.3.2 Client-Worker Server Connection, 4.2 States
//!
//! A client's reader thread: what a socket read brought becomes requests, and goes to the router as one
//! item. What must not overtake what stands before it waits here, where only its own client waits along.

use super::client::{Client, Known};
use super::router::{Batch, Lane, is_heavy, lane, overloaded};
use crate::model::{Reason, Stamp};
use crate::net::{Drainer, Ended, Reader};
use crate::wire::{
    Arguments, Fault, Header, Instruction, MessageType, Refusal, Request, State, frame, reply,
};
use crossbeam_channel::Sender;
use std::sync::Arc;

/// Requests in one batch at most.
pub const BATCH_MAX: usize = 512;
/// Bytes that all clients together may leave unread, past which requests with large replies are refused.
pub const UNSENT_ALL_MAX: usize = 1 << 30;

/// What a frame turned out to be.
enum Said {
    /// To be answered by a module.
    Ask(Request),
    /// Refused here.
    Refuse(Instruction, Refusal),
    /// Not answered: a pong.
    Nothing,
}

/// One client's conversation, from its reader's side.
#[derive(Debug)]
pub struct Conversation {
    client: Arc<Client>,
    reader: Reader,
    router: Sender<Batch>,
    drainer: Arc<Drainer>,
    /// Decoded and not passed on: all of one lane.
    requests: Vec<Request>,
    /// Refused and not answered; one of the two lists is always empty.
    refusals: Vec<(Instruction, Refusal)>,
    lane: Lane,
    /// The lane of what may not have taken effect yet.
    in_flight: Option<Lane>,
    state: State,
    bound: Option<Arc<Known>>,
    /// When the last read came.
    now: Stamp,
}

impl Conversation {
    /// Of a client in the command state.
    pub fn new(
        client: Arc<Client>,
        reader: Reader,
        router: Sender<Batch>,
        drainer: Arc<Drainer>,
    ) -> Conversation {
        Conversation {
            client,
            reader,
            router,
            drainer,
            requests: Vec::new(),
            refusals: Vec::new(),
            lane: Lane::Local,
            in_flight: None,
            state: State::Command,
            bound: None,
            now: Stamp(0),
        }
    }

    /// Until the connection ends, and closes it.
    pub fn run(mut self) {
        let ended = loop {
            if let Err(ended) = self.turn() {
                break ended;
            }
        };
        self.reader.finish(ended);
    }

    /// What one read brings.
    fn turn(&mut self) -> Result<(), Ended> {
        self.reader.fill()?;
        self.now = Stamp::now();
        loop {
            self.settle_state()?;
            match self.next() {
                Ok(Some(Said::Ask(request))) => self.ask(request)?,
                Ok(Some(Said::Refuse(instruction, refusal))) => self.refuse(instruction, refusal)?,
                Ok(Some(Said::Nothing)) => {}
                Ok(None) => return self.dispatch(),
                Err(fault) => {
                    self.dispatch()?;
                    return Err(Ended::Fault(fault));
                }
            }
        }
    }

    /// What follows a switch of the state is judged by the state that it led to.
    fn settle_state(&mut self) -> Result<(), Ended> {
        if self.in_flight != Some(Lane::State) {
            return Ok(());
        }
        self.dispatch()?;
        self.reader.wait_effective()?;
        self.in_flight = None;
        self.state = self.client.state();
        self.bound = self.client.bound();
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Said>, Fault> {
        let Some((header, data)) = self.reader.buffer.next(Header::check_request)? else {
            return Ok(None);
        };
        let (instruction, arguments) = frame::read_request(&header, data)?;
        let bound = self.bound.as_deref();
        Ok(Some(judge(instruction, arguments, self.state, bound, self.now)))
    }

    fn ask(&mut self, request: Request) -> Result<(), Ended> {
        let lane = lane(&request);
        if lane != Lane::Local {
            if self
                .in_flight
                .is_some_and(|before| before != lane || lane.is_exclusive())
            {
                self.dispatch()?;
                self.reader.wait_effective()?;
            }
            self.in_flight = Some(lane);
        }
        let heavy = is_heavy(&request);
        if heavy && self.drainer.unsent() > UNSENT_ALL_MAX {
            return self.refuse(request.instruction(), overloaded());
        }
        if heavy || lane != self.lane || !self.refusals.is_empty() || self.requests.len() >= BATCH_MAX {
            self.dispatch()?;
        }
        self.lane = lane;
        if heavy {
            let first = self.reader.reserve_heavy()?;
            return self.send(first, vec![request]);
        }
        self.requests.push(request);
        Ok(())
    }

    fn refuse(&mut self, instruction: Instruction, refusal: Refusal) -> Result<(), Ended> {
        if !self.requests.is_empty() || self.refusals.len() >= BATCH_MAX {
            self.dispatch()?;
        }
        self.refusals.push((instruction, refusal));
        Ok(())
    }

    /// Passes on what was decoded, or answers what was refused.
    fn dispatch(&mut self) -> Result<(), Ended> {
        while !self.requests.is_empty() {
            let (first, taken) = self.reader.reserve_some(self.requests.len())?;
            let rest = self.requests.split_off(taken);
            let requests = std::mem::replace(&mut self.requests, rest);
            self.send(first, requests)?;
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

    fn send(&self, first: u64, requests: Vec<Request>) -> Result<(), Ended> {
        let batch = Batch {
            client: Arc::clone(&self.client),
            stamp: self.now,
            lane: self.lane,
            first,
            requests,
        };
        self.router.send(batch).map_err(|_| Ended::Broken)
    }
}

/// The first reason that applies refuses: the state, the arguments' forms, the session.
fn judge(
    instruction: Instruction,
    arguments: Arguments<'_>,
    state: State,
    bound: Option<&Known>,
    now: Stamp,
) -> Said {
    if let Some(text) = wrong_state(instruction, state) {
        return Said::Refuse(instruction, Refusal::new(Reason::WrongState, text));
    }
    match Request::read(instruction, arguments) {
        Ok(Some(Request::Pong) | None) => Said::Nothing,
        Ok(Some(request)) => {
            let is_data = instruction.message_type() == MessageType::DataTransfer;
            if is_data && !bound.is_some_and(|known| known.is_active(now)) {
                let text = "the session that this connection's data state is bound to is over";
                return Said::Refuse(instruction, Refusal::new(Reason::SessionExpired, text));
            }
            Said::Ask(request)
        }
        Err(refusal) => Said::Refuse(instruction, refusal),
    }
}

fn wrong_state(instruction: Instruction, state: State) -> Option<&'static str> {
    match (instruction.message_type(), state) {
        (MessageType::Command, State::Data) if instruction != Instruction::SwitchState => {
            Some("a command, while this connection is in the data state")
        }
        (MessageType::DataTransfer, State::Command) => {
            Some("a data instruction, while this connection is in the command state")
        }
        (MessageType::Command | MessageType::DataTransfer, _) => None,
        (MessageType::Control | MessageType::ServerReturn, _) => None,
    }
}
