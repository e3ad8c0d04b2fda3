//! spec/runtime/inbox.md · 3.1.1
//!
//! The wait of the loops that are still written by hand; goes away with the last of them.

use super::{Stop, TICK, yield_once};
use crossbeam_channel::{Receiver, TryRecvError, select};

/// What a module's loop turns to next.
#[derive(Debug, PartialEq, Eq)]
pub enum NextEvent<T> {
    /// Something came.
    Message(T),
    /// Nothing came for [`TICK`]: time to look around.
    Tick,
    /// The signal to stop was given, or nobody is left who could send anything.
    Stop,
}

/// Waits for what a module turns to next. The signal to stop comes before whatever else is there.
pub fn next<T>(inbox: &Receiver<T>, stop: &Stop) -> NextEvent<T> {
    yield_once(|| inbox.is_empty());
    if stop.is_requested() {
        return NextEvent::Stop;
    }
    match inbox.try_recv() {
        Ok(message) => return NextEvent::Message(message),
        Err(TryRecvError::Disconnected) => return NextEvent::Stop,
        Err(TryRecvError::Empty) => {}
    }
    select! {
        recv(inbox) -> message => message.map_or(NextEvent::Stop, NextEvent::Message),
        recv(stop.receiver()) -> _ => NextEvent::Stop,
        default(TICK) => NextEvent::Tick,
    }
}
