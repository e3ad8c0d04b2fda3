//! spec/net/connection.md · 4.3.2 Client-Worker Server Connection
//!
//! The send side of a client's connection. Requests take a slot each, in their order; whichever module
//! answers first, replies leave in the order of the slots, and as few writes as can be.

use super::flusher::{Flush, FlushProgress, Flusher};
use super::limits::LINGER_TIMEOUT;
use super::send_queue::{CloseState, SendQueue};
use super::tls::TlsProgress;
use crate::model::ProtocolFault;
use crate::wire::{ProtocolError, reply};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::fd::{AsFd, BorrowedFd};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Requests of one connection that may be unanswered before its reader stops reading.
pub const UNANSWERED_MAX: usize = 4096;
/// What a client may leave unread.
#[derive(Debug, Clone, Copy)]
pub struct SendLimits {
    /// Unsent bytes past which no further request is read.
    pub max_unsent: usize,
    /// How long a client may take no byte while some wait.
    pub send_timeout: Duration,
}

/// What a connection's requests may still cost before more are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    /// Requests unanswered at once.
    pub(super) unanswered: usize,
    /// Requests with large replies unanswered at once.
    pub(super) bulk: usize,
}

/// A client's connection, shared by its reader and by every module that answers it.
pub struct Connection {
    /// Names it in this process.
    pub number: u64,
    /// The other end.
    pub peer: SocketAddr,
    socket: TcpStream,
    side: Mutex<SendQueue>,
    changed: Condvar,
    limits: SendLimits,
    flusher: Arc<Flusher>,
    has_tls: bool,
    gone: AtomicBool,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "connection {} from {}", self.number, self.peer)
    }
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A number for a connection or link, given once in this process.
pub fn next_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

impl Connection {
    /// Around an accepted socket.
    ///
    /// # Errors
    /// The socket is gone already.
    pub fn new(
        socket: TcpStream,
        tls: Option<Box<rustls::ServerConnection>>,
        limits: SendLimits,
        flusher: Arc<Flusher>,
    ) -> io::Result<Arc<Connection>> {
        socket.set_nodelay(true)?;
        let peer = socket.peer_addr()?;
        let has_tls = tls.is_some();
        let number = next_number();
        Ok(Arc::new(Connection {
            number,
            peer,
            socket,
            side: Mutex::new(SendQueue::new(number, tls, Arc::clone(&flusher))),
            changed: Condvar::new(),
            limits,
            flusher,
            has_tls,
            gone: AtomicBool::new(false),
        }))
    }

    /// Locks the send side, to answer several requests with one write: it happens when the guard is
    /// dropped.
    pub fn sending(self: &Arc<Self>) -> ReplyWriter<'_> {
        let side = self.side.lock();
        ReplyWriter {
            connection: self,
            before: side.held(),
            side,
        }
    }

    /// Answers one request.
    pub fn reply(self: &Arc<Self>, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.sending().reply(number, write);
    }

    /// Waits until there is room for at least one more request, takes slots for as many of `count` as there is
    /// room for, and gives the first's number and how many they are. `None` where the connection is over.
    /// Called by the reader alone.
    pub(super) fn reserve(&self, count: usize, bulk: bool, room: Capacity) -> Option<(u64, usize)> {
        let mut side = self.wait(|side| {
            side.slots.len() < room.unanswered
                && (!bulk || side.bulk < room.bulk)
                && side.held() <= self.limits.max_unsent
        })?;
        let mut taken = count.min(room.unanswered - side.slots.len());
        if bulk {
            taken = taken.min(room.bulk - side.bulk);
        }
        Some((side.take_slots(taken, bulk), taken))
    }

    /// Waits until every request so far has taken effect. False where the connection is over.
    pub(super) fn wait_applied(&self) -> bool {
        self.wait(|side| side.unapplied == 0).is_some()
    }

    /// Waits until everything is answered and sent.
    pub(super) fn wait_empty(&self) -> bool {
        self.wait(|side| side.slots.is_empty() && side.unsent() == 0)
            .is_some()
    }

    /// Every wait of a reader ends when its connection breaks or is cut, which the send side's own
    /// deadlines see to.
    fn wait(&self, enough: impl Fn(&SendQueue) -> bool) -> Option<MutexGuard<'_, SendQueue>> {
        let mut side = self.side.lock();
        loop {
            if side.is_over() {
                return None;
            }
            if enough(&side) {
                return Some(side);
            }
            self.changed.wait(&mut side);
        }
    }

    /// How long nothing has been unanswered and no byte has moved; `None` while something is.
    pub(super) fn idle_since(&self, read: Instant) -> Option<Instant> {
        let side = self.side.lock();
        (side.slots.is_empty() && side.unsent() == 0).then_some(side.half.moved().max(read))
    }

    /// When the sending side was shut.
    pub(super) fn shut_since(&self) -> Option<Instant> {
        let side = self.side.lock();
        match side.end {
            CloseState::Shut(since) => Some(since),
            CloseState::No | CloseState::AfterReplies | CloseState::AfterBytes if side.half.is_broken() => {
                Some(side.half.moved())
            }
            CloseState::No | CloseState::AfterReplies | CloseState::AfterBytes => None,
        }
    }

    /// Whether nothing that is asked from now on will be answered.
    pub(super) fn is_over(&self) -> bool {
        self.side.lock().is_over()
    }

    /// The socket, for its reader.
    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Hands received bytes to TLS and appends what they held to `plain`; `None` without TLS.
    ///
    /// # Errors
    /// The peer does not speak TLS as it should.
    pub(super) fn decrypt(
        self: &Arc<Self>,
        bytes: &mut &[u8],
        plain: &mut Vec<u8>,
    ) -> io::Result<Option<TlsProgress>> {
        if !self.has_tls {
            return Ok(None);
        }
        let mut sending = self.sending();
        match sending.side.half.cipher() {
            // On an error, what TLS has to say about it leaves with the guard.
            Some(tls) => super::tls::receive(tls, bytes, plain).map(Some),
            None => Ok(None),
        }
    }

    /// Sends `protocolError` at once, ahead of whatever is unanswered, and ends the connection, at the
    /// latest [`LINGER_TIMEOUT`] after the peer has been sent it all.
    pub fn end_at_once(self: &Arc<Self>, fault: ProtocolError) {
        self.say_and_end(fault);
        // Its reader may be waiting for a byte that never comes.
        self.flusher.linger(Arc::clone(self) as Arc<dyn Flush>);
    }

    /// The same, by the reader, which itself sees to the end.
    pub(super) fn say_and_end(self: &Arc<Self>, fault: ProtocolError) {
        let mut sending = self.sending();
        if matches!(sending.side.end, CloseState::No | CloseState::AfterReplies) {
            sending
                .side
                .write(|out| reply::write_fault(out, fault.code, fault.text));
            sending.side.end = CloseState::AfterBytes;
            sending.side.forget_slots();
        }
    }

    /// Sends `protocolError` after the replies to what was asked before, and ends the connection.
    pub(super) fn end_in_order(self: &Arc<Self>, fault: ProtocolError) {
        let mut sending = self.sending();
        let number = sending.side.take_slots(1, false);
        sending.reply(number, |out| reply::write_fault(out, fault.code, fault.text));
        if sending.side.end == CloseState::No {
            sending.side.end = CloseState::AfterReplies;
        }
    }

    /// Ends the connection once what is here is sent.
    pub(super) fn end_after_bytes(self: &Arc<Self>) {
        let mut sending = self.sending();
        if matches!(sending.side.end, CloseState::No | CloseState::AfterReplies) {
            sending.side.end = CloseState::AfterBytes;
            sending.side.forget_slots();
        }
    }

    /// Ends the connection once all that was asked is answered and sent.
    pub(super) fn end_after_replies(self: &Arc<Self>) {
        let mut sending = self.sending();
        if sending.side.end == CloseState::No {
            sending.side.end = CloseState::AfterReplies;
        }
    }

    /// Cuts the connection: nothing more is sent or read.
    pub fn cut(self: &Arc<Self>) {
        self.sending().side.half.break_off();
    }

    /// Whether the connection can still answer.
    pub fn is_open(&self) -> bool {
        !self.gone.load(Ordering::Relaxed)
    }

    /// The reader is done; what others still send is dropped.
    pub(super) fn close(self: &Arc<Self>) {
        self.gone.store(true, Ordering::Relaxed);
        self.cut();
    }
}

/// The locked send side of a connection.
pub struct ReplyWriter<'a> {
    connection: &'a Arc<Connection>,
    /// What was held when the guard was made; the drainer keeps the sum over all connections.
    before: usize,
    side: MutexGuard<'a, SendQueue>,
}

impl std::fmt::Debug for ReplyWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sending on {:?}", self.connection)
    }
}

impl ReplyWriter<'_> {
    /// Answers the request of this number; its bytes leave as soon as all before it are answered. A
    /// number that was answered already is ignored.
    pub fn reply(&mut self, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.side.part(number, write);
        self.side.finish(number);
    }

    /// Answers the request of this number with what `write` appends. Where it appends nothing but gives an error,
    /// the request stays unanswered.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn transfer<E>(
        &mut self,
        number: u64,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut written = Ok(());
        self.side.part(number, |out| written = write(out));
        written.map(|()| self.side.finish(number))
    }

    /// Adds a part, whole frames, to the reply of this number, which [`ReplyWriter::finish`] ends.
    pub fn part(&mut self, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.side.part(number, write);
    }

    /// Ends the reply of this number.
    pub fn finish(&mut self, number: u64) {
        self.side.finish(number);
    }

    /// The request of this number has taken effect, though its reply comes later: those behind it may go.
    pub fn applied(&mut self, number: u64) {
        self.side.applied(number);
    }

    /// Sends a notice: a whole frame that answers nothing and waits for nothing.
    pub fn notice(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.side.is_over() {
            self.side.write(write);
        }
    }

    /// Whether all that was asked is answered and sent.
    pub fn is_empty(&self) -> bool {
        self.side.slots.is_empty() && self.side.unsent() == 0
    }

    fn flush(&mut self) {
        let (connection, side) = (self.connection, &mut *self.side);
        side.half
            .send(&connection.socket, || Arc::clone(connection) as Arc<dyn Flush>);
        connection.settle(side, self.before);
    }
}

impl Drop for ReplyWriter<'_> {
    fn drop(&mut self) {
        self.flush();
        self.connection.changed.notify_all();
    }
}

impl Connection {
    /// What follows from how far sending has come: the end that was asked for, or the cut. `before` is what
    /// was held before.
    fn settle(&self, side: &mut SendQueue, before: usize) {
        if side.half.release(&self.socket) {
            side.forget_slots();
        } else {
            let sent = side.unsent() == 0;
            let over = match side.end {
                CloseState::AfterReplies => sent && side.slots.is_empty(),
                CloseState::AfterBytes => sent,
                CloseState::No | CloseState::Shut(_) => false,
            };
            if over {
                side.end = CloseState::Shut(Instant::now());
                side.half.close(&self.socket);
                let _ = self.socket.shutdown(Shutdown::Write);
            }
        }
        self.flusher.count(before, side.held());
    }

    /// Cuts the connection, and wakes its reader.
    fn cut_locked(&self, mut side: MutexGuard<'_, SendQueue>) {
        let before = side.held();
        side.half.break_off();
        self.settle(&mut side, before);
        drop(side);
        self.changed.notify_all();
    }
}

impl Flush for Connection {
    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn flush(&self) -> FlushProgress {
        let mut side = self.side.lock();
        let before = side.held();
        let left = side.half.resume(&self.socket);
        self.settle(&mut side, before);
        drop(side);
        self.changed.notify_all();
        left
    }

    fn cut_if_lingering(&self, now: Instant) -> bool {
        let side = self.side.lock();
        let over = match side.end {
            CloseState::Shut(since) => now.saturating_duration_since(since) >= LINGER_TIMEOUT,
            CloseState::No | CloseState::AfterReplies | CloseState::AfterBytes => side.half.is_broken(),
        };
        if over {
            self.cut_locked(side);
        }
        over
    }

    fn cut_if_stalled(&self, now: Instant) {
        let side = self.side.lock();
        if now.saturating_duration_since(side.half.moved()) < self.limits.send_timeout {
            return;
        }
        if let Some(more) = self.flusher.throttle.allow("stalled") {
            crate::info!(
                "{self:?} took nothing for {:?} while replies waited: cut off{more}",
                self.limits.send_timeout
            );
        }
        self.cut_locked(side);
    }
}

/// A fault for a server that stops.
pub const SHUTTING_DOWN: ProtocolError = ProtocolError::new(
    ProtocolFault::ShuttingDown,
    "the server is shutting down; come back later",
);
