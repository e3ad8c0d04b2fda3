//! spec/net/send_queue.md · 4.3.2 Client-Worker Server Connection
//!
//! The replies that a connection still has to send: one slot for each unanswered request, in the
//! order of requests, and the progress of closing.
//!
//! Tests: `src/net/tests.rs`.

use super::client_cipher::ClientCipher;
use super::flusher::Flusher;
use super::notice_bytes::NoticeBytes;
use super::send_half::SendHalf;
use super::websocket::ControlPayload;
use super::write_buffer;
use crate::runtime::metrics::instructions;
use crate::wire::wipe;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// The reply of one request, in the order of requests.
pub(super) enum ReplySlot {
    /// Not answered completely: the parts of its reply that came, whether it has taken effect, and
    /// whether its reply may be large.
    Waiting {
        part: Vec<u8>,
        applied: bool,
        bulk: bool,
    },
    /// Answered; the reply waits for those before it.
    Ready(Vec<u8>),
}

/// Progress of closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseState {
    No,
    /// The sending side is shut once every slot is answered and sent.
    AfterReplies,
    /// The sending side is shut once the bytes in the write buffer are sent. Later replies are
    /// dropped.
    AfterBytes,
    /// The sending side was shut at this time.
    Shut(Instant),
}

/// The slots of a connection and its send half.
pub(super) struct SendQueue {
    /// Number of the first slot's request.
    pub(super) first: u64,
    pub(super) slots: VecDeque<ReplySlot>,
    /// Requests that have not taken effect.
    pub(super) unapplied: usize,
    /// Unanswered bulk requests.
    pub(super) bulk: usize,
    pub(super) half: SendHalf<ClientCipher>,
    /// Bytes of replies that wait for earlier replies.
    pub(super) parked: usize,
    pub(super) end: CloseState,
    notices: NoticeBytes,
    /// The payload of the latest ping that is not answered, for want of room.
    pong: Option<ControlPayload>,
    /// Whether bytes of replies wait for the socket.
    replies_wait: bool,
    /// When the socket last took a byte of a reply, or when such bytes last began to wait for it.
    pub(super) replied: Instant,
}

impl SendQueue {
    /// A queue without requests.
    pub(super) fn new(number: u64, cipher: ClientCipher, flusher: Arc<Flusher>) -> SendQueue {
        SendQueue {
            first: 0,
            slots: VecDeque::new(),
            unapplied: 0,
            bulk: 0,
            half: SendHalf::new(number, cipher, flusher),
            parked: 0,
            end: CloseState::No,
            notices: NoticeBytes::default(),
            pong: None,
            replies_wait: false,
            replied: Instant::now(),
        }
    }

    /// Adds slots for `count` requests and returns the number of the first.
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

    /// Drops all slots: no request will be answered.
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

    /// Index of a request's slot, if it has one.
    pub(super) fn at(&self, number: u64) -> Option<usize> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        (at < self.slots.len()).then_some(at)
    }

    /// Bytes in the send half that the socket has not taken.
    pub(super) fn unsent(&self) -> usize {
        self.half.unsent()
    }

    /// Bytes of notices that the socket has not taken.
    pub(super) fn unsent_notices(&self) -> usize {
        self.notices.unsent(self.half.taken())
    }

    /// Bytes held for this client, notices apart: what makes its reader wait.
    pub(super) fn held_replies(&self) -> usize {
        self.held().saturating_sub(self.unsent_notices())
    }

    /// Whether bytes wait for the socket that are no notices.
    pub(super) fn has_unsent_replies(&self) -> bool {
        self.unsent() > self.unsent_notices()
    }

    /// Whether notices may be sent: the connection is not about to end.
    pub(super) fn takes_notices(&self) -> bool {
        self.end == CloseState::No && !self.half.is_broken()
    }

    /// Counts that all bytes behind `start` in the stream are notices. Returns where they end.
    pub(super) fn count_notices(&mut self, start: u64) -> u64 {
        let end = self.half.position();
        self.notices.add(start, end, self.half.taken());
        end
    }

    /// Notes what the socket has taken, after an attempt to send. `had_replies`: whether bytes of
    /// replies were among those that it could take. A peer is not blamed for the time in which
    /// notices alone waited for it.
    pub(super) fn note_sent(&mut self, had_replies: bool) {
        if had_replies {
            self.replied = self.half.moved();
        }
        let wait = self.has_unsent_replies();
        if wait && !self.replies_wait {
            self.half.measure_from(Instant::now());
        }
        self.replies_wait = wait;
    }

    /// Answers a ping. Where `bytes_max` of unsent notices leave no room for the pong, the ping
    /// waits for it, and a later one takes its place.
    pub(super) fn answer_ping(&mut self, payload: ControlPayload, bytes_max: usize) {
        self.pong = Some(payload);
        if self.unsent_notices() < bytes_max {
            self.write_pong();
        }
    }

    /// Passes the pong that waits to the send half. Pongs count as notices do: they make no
    /// connection busy.
    pub(super) fn write_pong(&mut self) {
        if let Some(payload) = self.pong.take()
            && self.takes_notices()
        {
            let start = self.half.position();
            self.half
                .add_sealed(|cipher, out| cipher.pong(&payload, out));
            self.count_notices(start);
        }
    }

    /// All bytes held for this client: unsent and parked.
    pub(super) fn held(&self) -> usize {
        self.unsent() + self.parked
    }

    /// Passes bytes to the send half.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.half.write(write);
    }

    /// Passes whole frames to the send half that are not counted yet.
    pub(super) fn write_counted(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.write(|out| {
            let before = out.len();
            write(out);
            instructions::to_client(out.get(before..).unwrap_or_default());
        });
    }

    /// Passes parked bytes to the send half.
    pub(super) fn release_parked(&mut self, mut bytes: Vec<u8>) {
        self.parked = self.parked.saturating_sub(bytes.len());
        self.write(|out| out.extend_from_slice(&bytes));
        wipe_secret(&mut bytes);
    }

    /// Whether later replies are dropped.
    pub(super) fn has_ended(&self) -> bool {
        self.half.is_broken() || matches!(self.end, CloseState::AfterBytes | CloseState::Shut(_))
    }

    /// Adds whole frames to the reply of a request. [`SendQueue::finish`] ends the reply.
    pub(super) fn part(&mut self, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        if self.has_ended() {
            return;
        }
        match self.at(number) {
            Some(0) => self.write_counted(write),
            Some(at) => {
                if let Some(ReplySlot::Waiting { part, .. }) = self.slots.get_mut(at) {
                    let before = part.len();
                    write(part);
                    instructions::to_client(part.get(before..).unwrap_or_default());
                    self.parked += part.len() - before;
                }
            }
            None => {}
        }
    }

    /// Ends the reply of a request, and passes on every reply that is now first.
    pub(super) fn finish(&mut self, number: u64) {
        let Some(slot) = self.at(number).and_then(|at| self.slots.get_mut(at)) else {
            return;
        };
        if let ReplySlot::Waiting {
            part,
            applied,
            bulk,
        } = slot
        {
            self.unapplied -= usize::from(!*applied);
            self.bulk -= usize::from(*bulk);
            *slot = ReplySlot::Ready(std::mem::take(part));
        }
        while let Some(ReplySlot::Ready(_)) = self.slots.front() {
            if let Some(ReplySlot::Ready(bytes)) = self.slots.pop_front() {
                self.first += 1;
                self.release_parked(bytes);
            }
        }
        // Parts of the reply that is now first can leave, too.
        if let Some(ReplySlot::Waiting { part, .. }) = self.slots.front_mut()
            && !part.is_empty()
        {
            let earlier = std::mem::take(part);
            self.release_parked(earlier);
        }
    }

    /// Marks a request as having taken effect before its reply.
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
