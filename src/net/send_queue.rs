//! spec/net/send_queue.md · 4.3.2 Client-Worker Server Connection
//!
//! What a connection still owes: a slot for each request in their order, the bytes of replies on their way, and
//! how far the end has come.

use super::flusher::Flusher;
use super::send_half::SendHalf;
use super::tls::ClientCipher;
use super::write_buffer;
use crate::wire::wipe;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// One request's place in the order of replies.
pub(super) enum ReplySlot {
    /// Not answered yet; the bytes of its reply that are here; whether it has taken effect; whether its
    /// reply may be large.
    Waiting {
        part: Vec<u8>,
        applied: bool,
        bulk: bool,
    },
    /// Answered, waiting for those before it.
    Ready(Vec<u8>),
}

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseState {
    /// Open.
    No,
    /// The sending side is shut as soon as every slot is answered and sent.
    AfterReplies,
    /// Shut as soon as what is here is sent; later replies are dropped.
    AfterBytes,
    /// The sending side is shut, since then.
    Shut(Instant),
}

pub(super) struct SendQueue {
    pub(super) first: u64,
    pub(super) slots: VecDeque<ReplySlot>,
    pub(super) unapplied: usize,
    /// Requests with large replies that are unanswered.
    pub(super) bulk: usize,
    pub(super) half: SendHalf<ClientCipher>,
    /// Bytes of replies that wait for those before them.
    pub(super) parked: usize,
    pub(super) end: CloseState,
}

impl SendQueue {
    /// With nothing asked yet.
    pub(super) fn new(number: u64, cipher: ClientCipher, flusher: Arc<Flusher>) -> SendQueue {
        SendQueue {
            first: 0,
            slots: VecDeque::new(),
            unapplied: 0,
            bulk: 0,
            half: SendHalf::new(number, cipher, flusher),
            parked: 0,
            end: CloseState::No,
        }
    }

    /// Slots for `count` requests, and the first's number.
    pub(super) fn take_slots(&mut self, count: usize, bulk: bool) -> u64 {
        let first = self.first + self.slots.len() as u64;
        self.slots.extend((0..count).map(|_| ReplySlot::Waiting {
            part: Vec::new(),
            applied: false,
            bulk,
        }));
        self.unapplied += count;
        self.bulk += if bulk { count } else { 0 };
        first
    }

    /// Nothing will be answered any more.
    pub(super) fn forget_slots(&mut self) {
        for slot in &mut self.slots {
            let (ReplySlot::Waiting { part: bytes, .. } | ReplySlot::Ready(bytes)) = slot;
            wipe_secret(bytes);
        }
        self.slots = VecDeque::new();
        self.parked = 0;
        self.unapplied = 0;
        self.bulk = 0;
    }

    /// Where the request of this number stands, if it is unanswered or waits for those before it.
    pub(super) fn at(&self, number: u64) -> Option<usize> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        (at < self.slots.len()).then_some(at)
    }

    /// Bytes on their way that the socket has not taken.
    pub(super) fn unsent(&self) -> usize {
        self.half.unsent()
    }

    /// All bytes that are kept for this client.
    pub(super) fn held(&self) -> usize {
        self.unsent() + self.parked
    }

    /// Has a reply's bytes written to where they leave from.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.half.write(write);
    }

    /// Lets parked bytes leave.
    pub(super) fn unpark(&mut self, mut bytes: Vec<u8>) {
        self.parked = self.parked.saturating_sub(bytes.len());
        self.write(|out| out.extend_from_slice(&bytes));
        wipe_secret(&mut bytes);
    }

    pub(super) fn is_over(&self) -> bool {
        self.half.is_broken() || matches!(self.end, CloseState::AfterBytes | CloseState::Shut(_))
    }

    /// Adds a part, whole frames, to the reply of this number, which [`SendQueue::finish`] ends.
    pub(super) fn part(&mut self, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        if self.is_over() {
            return;
        }
        match self.at(number) {
            Some(0) => self.write(write),
            Some(at) => {
                if let Some(ReplySlot::Waiting { part, .. }) = self.slots.get_mut(at) {
                    let before = part.len();
                    write(part);
                    self.parked += part.len() - before;
                }
            }
            None => {}
        }
    }

    /// Ends the reply of this number.
    pub(super) fn finish(&mut self, number: u64) {
        let Some(slot) = self.at(number).and_then(|at| self.slots.get_mut(at)) else {
            return;
        };
        if let ReplySlot::Waiting { part, applied, bulk } = slot {
            self.unapplied -= usize::from(!*applied);
            self.bulk -= usize::from(*bulk);
            *slot = ReplySlot::Ready(std::mem::take(part));
        }
        while let Some(ReplySlot::Ready(_)) = self.slots.front() {
            if let Some(ReplySlot::Ready(bytes)) = self.slots.pop_front() {
                self.first += 1;
                self.unpark(bytes);
            }
        }
        // The new first may have parts waiting; they may as well leave.
        if let Some(ReplySlot::Waiting { part, .. }) = self.slots.front_mut()
            && !part.is_empty()
        {
            let earlier = std::mem::take(part);
            self.unpark(earlier);
        }
    }

    /// The request of this number has taken effect, though its reply comes later: those behind it may go.
    pub(super) fn applied(&mut self, number: u64) {
        let Some(at) = self.at(number) else {
            return;
        };
        if let Some(ReplySlot::Waiting { applied, .. }) = self.slots.get_mut(at)
            && !*applied
        {
            *applied = true;
            self.unapplied -= 1;
        }
    }
}

/// Wipes a reply that holds a session ID.
fn wipe_secret(reply: &mut Vec<u8>) {
    if write_buffer::is_secret(reply) {
        wipe::clear(reply);
    }
}
