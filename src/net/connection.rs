//! spec/net/connection.md · 4.3.2 Client-Worker Server Connection
//!
//! The send side of a client's connection. Each request takes a slot. Replies leave in the order of
//! the slots, whichever module answers first, and in as few writes as possible.
//!
//! Tests: `src/net/tests.rs`.

use super::client_cipher::{ClientCipher, Transport};
use super::flusher::{Flush, FlushProgress, Flusher};
use super::held_bytes::{ByteHolder, HeldShare};
use super::limits::LINGER_TIMEOUT;
use super::metrics::CountedConnection;
use super::send_queue::{CloseState, SendQueue};
use super::tls::TlsProgress;
use super::websocket::{CloseCode, ControlPayload};
use crate::model::ProtocolFault;
use crate::wire::{ProtocolError, reply};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::fd::{AsFd, BorrowedFd};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Unanswered requests of one connection at most. Its reader does not read while there are as many.
pub const UNANSWERED_MAX: usize = 4096;

/// Limits of the send side of a connection.
#[derive(Debug, Clone, Copy)]
pub struct SendLimits {
    /// Bytes of unsent and parked replies. While there are more, no request is read.
    pub max_unsent: usize,
    /// How long a client may take no byte while bytes wait for it. A client that exceeds it is cut,
    /// as is one below the least rate of [`super::limits`].
    pub send_timeout: Duration,
}

/// Limits on the unanswered requests of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    /// All unanswered requests.
    pub(super) unanswered: usize,
    /// Unanswered bulk requests, whose replies may be large.
    pub(super) bulk: usize,
}

/// A client's connection. Its reader and every module that answers it share it.
pub struct Connection {
    /// Unique in this process.
    pub number: u64,
    /// The client's address. Behind a proxy it is not the socket's.
    pub peer: SocketAddr,
    socket: TcpStream,
    side: Mutex<SendQueue>,
    changed: Condvar,
    limits: SendLimits,
    flusher: Arc<Flusher>,
    held: HeldShare,
    has_tls: bool,
    /// Whether the stream is in messages of WebSocket.
    pub(super) is_websocket: bool,
    closed: AtomicBool,
    _counted: CountedConnection,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "connection {} from {}", self.number, self.peer)
    }
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// The next number for a connection or link. Numbers are unique in this process.
pub fn next_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

impl Connection {
    /// Takes over an accepted socket; `tls` is its TLS state, where it speaks TLS.
    ///
    /// # Errors
    /// The peer has closed the socket already.
    pub fn new(
        socket: TcpStream,
        tls: Option<Box<rustls::ServerConnection>>,
        limits: SendLimits,
        flusher: Arc<Flusher>,
    ) -> io::Result<Arc<Connection>> {
        let peer = socket.peer_addr()?;
        let transport = Transport::stream(tls);
        Connection::of(peer, socket, transport, limits, flusher)
    }

    /// As [`Connection::new`], of a peer whose address somebody else may have told, such as a proxy,
    /// and who may speak WebSocket.
    ///
    /// # Errors
    /// As [`Connection::new`].
    pub fn of(
        peer: SocketAddr,
        socket: TcpStream,
        transport: Transport,
        limits: SendLimits,
        flusher: Arc<Flusher>,
    ) -> io::Result<Arc<Connection>> {
        socket.set_nodelay(true)?;
        let (has_tls, is_websocket) = (transport.tls.is_some(), transport.is_websocket);
        let cipher = ClientCipher::new(transport);
        let number = next_number();
        Ok(Arc::new_cyclic(|this: &Weak<Connection>| {
            let holder = Weak::clone(this) as Weak<dyn ByteHolder>;
            Connection {
                number,
                peer,
                socket,
                side: Mutex::new(SendQueue::new(number, cipher, Arc::clone(&flusher))),
                changed: Condvar::new(),
                limits,
                held: flusher.held().join(number, peer.ip(), holder),
                flusher,
                has_tls,
                is_websocket,
                closed: AtomicBool::new(false),
                _counted: CountedConnection::new(has_tls, is_websocket),
            }
        }))
    }

    /// Locks the send side, so that several replies leave in one write. The write happens when the
    /// guard is dropped.
    pub fn sending(self: &Arc<Self>) -> ReplyWriter<'_> {
        let side = self.side.lock();
        ReplyWriter {
            connection: self,
            before: side.held(),
            is_notice: false,
            side,
        }
    }

    /// Answers one request.
    pub fn reply(self: &Arc<Self>, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.sending().reply(number, write);
    }

    /// Takes slots for up to `count` requests, as many as there is capacity for. Waits until there
    /// is capacity for one. Returns the number of the first and how many they are, or `None` where
    /// the connection has ended. For the reader alone.
    pub(super) fn reserve(
        &self,
        count: usize,
        bulk: bool,
        capacity: Capacity,
    ) -> Option<(u64, usize)> {
        let mut side = self.wait(|side| {
            side.slots.len() < capacity.unanswered
                && (!bulk || side.bulk < capacity.bulk)
                && side.held_replies() <= self.limits.max_unsent
        })?;
        let mut taken = count.min(capacity.unanswered - side.slots.len());
        if bulk {
            taken = taken.min(capacity.bulk - side.bulk);
        }
        Some((side.take_slots(taken, bulk), taken))
    }

    /// Waits until every request so far has taken effect. False where the connection has ended.
    pub(super) fn wait_applied(&self) -> bool {
        self.wait(|side| side.unapplied == 0).is_some()
    }

    /// Waits until every request is answered and every byte sent. False where the connection has
    /// ended.
    pub(super) fn wait_empty(&self) -> bool {
        self.wait(|side| side.slots.is_empty() && side.unsent() == 0)
            .is_some()
    }

    /// Blocks the reader until `condition` holds; `None` where the connection has ended. The wait
    /// is bounded: `send_timeout` cuts a stalled connection, which wakes the reader.
    fn wait(&self, condition: impl Fn(&SendQueue) -> bool) -> Option<MutexGuard<'_, SendQueue>> {
        let mut side = self.side.lock();
        loop {
            if side.has_ended() {
                return None;
            }
            if condition(&side) {
                return Some(side);
            }
            self.changed.wait(&mut side);
        }
    }

    /// Since when no byte has moved, in either direction; `read` is the time of the last read.
    /// `None` while a request is unanswered or a byte unsent. Notices of subscriptions do not count.
    pub(super) fn idle_since(&self, read: Instant) -> Option<Instant> {
        let side = self.side.lock();
        let is_idle = side.slots.is_empty() && !side.has_unsent_replies();
        is_idle.then_some(side.replied.max(read))
    }

    /// Sends notices of a subscription: frames that answer no request. They leave at once, between
    /// two frames of replies. Those unsent have a bound, half of `max_unsent`. Returns how many frames
    /// were accepted; the others are to be counted as dropped.
    pub fn notify(self: &Arc<Self>, frames: &[impl AsRef<[u8]>]) -> usize {
        let mut sending = self.sending();
        sending.is_notice = true;
        if !sending.side.takes_notices() {
            return 0;
        }
        let bytes_max = self.limits.max_unsent / 2;
        let mut start = sending.side.half.position();
        let mut unsent = sending.side.unsent_notices();
        let mut accepted = 0;
        for frame in frames.iter().map(AsRef::as_ref) {
            if unsent + frame.len() > bytes_max {
                sending.flush();
                start = sending.side.count_notices(start);
                unsent = sending.side.unsent_notices();
                if unsent + frame.len() > bytes_max || !sending.side.takes_notices() {
                    return accepted;
                }
            }
            sending
                .side
                .write_counted(|out| out.extend_from_slice(frame));
            unsent += frame.len();
            accepted += 1;
        }
        sending.flush();
        sending.side.count_notices(start);
        accepted
    }

    /// Answers a ping of WebSocket. The pong leaves between two messages, at once unless notices
    /// that the peer has not taken are in its way.
    pub(super) fn answer_ping(self: &Arc<Self>, payload: ControlPayload) {
        let mut sending = self.sending();
        sending.is_notice = true;
        if sending.side.takes_notices() {
            let bytes_max = self.limits.max_unsent / 2;
            sending.side.answer_ping(payload, bytes_max);
        }
    }

    /// When the sending side was shut, or broke; `None` while it is open.
    pub(super) fn shut_since(&self) -> Option<Instant> {
        let side = self.side.lock();
        match side.end {
            CloseState::Shut(since) => Some(since),
            CloseState::No | CloseState::AfterReplies | CloseState::AfterBytes
                if side.half.is_broken() =>
            {
                Some(side.half.moved())
            }
            CloseState::No | CloseState::AfterReplies | CloseState::AfterBytes => None,
        }
    }

    /// Whether further requests get no reply.
    pub(super) fn has_ended(&self) -> bool {
        self.side.lock().has_ended()
    }

    /// The socket, for its reader.
    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Decrypts received bytes and appends the plaintext to `plain`; `None` without TLS.
    ///
    /// # Errors
    /// The peer violates TLS.
    pub(super) fn decrypt(
        self: &Arc<Self>,
        bytes: &mut &[u8],
        plain: &mut Vec<u8>,
    ) -> io::Result<Option<TlsProgress>> {
        if !self.has_tls {
            return Ok(None);
        }
        let mut sending = self.sending();
        match sending.side.half.cipher().tls() {
            // On an error, dropping the guard sends TLS's alert.
            Some(tls) => super::tls::receive(tls, bytes, plain).map(Some),
            None => Ok(None),
        }
    }

    /// Sends `protocolError` at once and ends the connection. Unanswered requests get no reply. The
    /// flusher cuts the connection [`LINGER_TIMEOUT`] after the last byte was sent, if the peer has
    /// not closed it.
    pub fn end_at_once(self: &Arc<Self>, fault: ProtocolError) {
        self.send_error_and_end(fault);
        // The reader may be waiting for a byte that never comes.
        self.flusher.linger(Arc::clone(self) as Arc<dyn Flush>);
    }

    /// As [`Connection::end_at_once`], and has the reader end now, without waiting for the peer: for
    /// a peer that is silent, and a place that others wait for.
    pub fn end_for_room(self: &Arc<Self>, fault: ProtocolError) {
        self.send_error_and_end(fault);
        // It wakes the reader. The peer has sent nothing that is unread, so closing resets nothing.
        let _ = self.socket.shutdown(Shutdown::Read);
    }

    /// Sends `protocolError` at once and ends the connection, for the reader, which closes it
    /// itself.
    pub(super) fn send_error_and_end(self: &Arc<Self>, fault: ProtocolError) {
        let mut sending = self.sending();
        if matches!(sending.side.end, CloseState::No | CloseState::AfterReplies) {
            let code = close_code(fault);
            sending.side.half.cipher().replace_close(code);
            sending
                .side
                .write_counted(|out| reply::write_fault(out, fault.code, fault.text));
            sending.side.end = CloseState::AfterBytes;
            sending.side.forget_slots();
        }
    }

    /// Sends `protocolError` after the replies to all earlier requests, and ends the connection.
    pub(super) fn end_in_order(self: &Arc<Self>, fault: ProtocolError) {
        let mut sending = self.sending();
        sending.side.half.cipher().set_close(close_code(fault));
        let number = sending.side.take_slots(1, false);
        sending.reply(number, |out| {
            reply::write_fault(out, fault.code, fault.text)
        });
        if sending.side.end == CloseState::No {
            sending.side.end = CloseState::AfterReplies;
        }
    }

    /// Ends the connection once the bytes in the write buffer are sent. Unanswered requests get no
    /// reply.
    pub(super) fn end_after_bytes(self: &Arc<Self>) {
        let mut sending = self.sending();
        if matches!(sending.side.end, CloseState::No | CloseState::AfterReplies) {
            sending.side.end = CloseState::AfterBytes;
            sending.side.forget_slots();
        }
    }

    /// Ends the connection once every request is answered and its reply sent.
    pub(super) fn end_after_replies(self: &Arc<Self>) {
        let mut sending = self.sending();
        if sending.side.end == CloseState::No {
            sending.side.end = CloseState::AfterReplies;
        }
    }

    /// Ends the connection once every request is answered and its reply sent, with this code of
    /// WebSocket.
    pub(super) fn end_with(self: &Arc<Self>, code: CloseCode) {
        self.sending().side.half.cipher().set_close(code);
        self.end_after_replies();
    }

    /// Cuts the connection: nothing more is sent or read.
    pub fn cut(self: &Arc<Self>) {
        self.sending().side.half.break_off();
    }

    /// Whether a bulk request may be accepted, by what the connections around this one hold.
    pub fn may_ask(&self) -> bool {
        self.held.may_ask()
    }

    /// Whether a request is unanswered.
    pub fn is_owed(&self) -> bool {
        !self.side.lock().slots.is_empty()
    }

    /// Whether the connection can still answer.
    pub fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    /// Closes the connection after the reader has finished. Later replies are dropped.
    pub(super) fn close(self: &Arc<Self>) {
        self.closed.store(true, Ordering::Relaxed);
        self.cut();
    }
}

/// The locked send side of a connection.
pub struct ReplyWriter<'a> {
    connection: &'a Arc<Connection>,
    /// Bytes held when the guard was made. The flusher keeps the sum over all connections.
    before: usize,
    /// Whether what is sent is notices of subscriptions alone.
    is_notice: bool,
    side: MutexGuard<'a, SendQueue>,
}

impl std::fmt::Debug for ReplyWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sending on {:?}", self.connection)
    }
}

impl ReplyWriter<'_> {
    /// Answers a request. The reply leaves as soon as all earlier requests are answered. A number
    /// that is answered already is ignored.
    pub fn reply(&mut self, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.side.part(number, write);
        self.side.finish(number);
    }

    /// Answers a request with what `write` appends. `write` appends nothing where it returns an
    /// error; the request then stays unanswered.
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

    /// Adds whole frames to the reply of a request. [`ReplyWriter::finish`] ends the reply.
    pub fn part(&mut self, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.side.part(number, write);
    }

    /// Ends the reply of a request.
    pub fn finish(&mut self, number: u64) {
        self.side.finish(number);
    }

    /// Marks a request as having taken effect before its reply, so that later requests need not
    /// wait.
    pub fn applied(&mut self, number: u64) {
        self.side.applied(number);
    }

    /// Sends a notice that a request brings about: a frame that does not answer it. It leaves at
    /// once, between two frames of replies, and counts as one.
    pub fn notice(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.side.has_ended() {
            self.side.write(write);
        }
    }

    /// Bytes that the socket has not taken.
    #[cfg(test)]
    pub(super) fn unsent(&self) -> usize {
        self.side.unsent()
    }

    /// Whether every request is answered and every byte sent.
    pub fn is_empty(&self) -> bool {
        self.side.slots.is_empty() && self.side.unsent() == 0
    }

    fn flush(&mut self) {
        let (connection, side) = (self.connection, &mut *self.side);
        side.half.send(&connection.socket, || {
            Arc::clone(connection) as Arc<dyn Flush>
        });
        if !self.is_notice {
            side.note_sent(true);
        }
        connection.after_send(side, self.before);
        self.before = side.held();
    }
}

impl Drop for ReplyWriter<'_> {
    fn drop(&mut self) {
        self.flush();
        self.connection.changed.notify_all();
    }
}

impl Connection {
    /// After an attempt to send: releases a broken send half, or shuts the sending side where its
    /// end is due. `before` is the number of bytes held before the attempt.
    fn after_send(&self, side: &mut SendQueue, before: usize) {
        if side.half.release(&self.socket) {
            side.forget_slots();
        } else {
            let sent = side.unsent() == 0;
            let is_due = match side.end {
                CloseState::AfterReplies => sent && side.slots.is_empty(),
                CloseState::AfterBytes => sent,
                CloseState::No | CloseState::Shut(_) => false,
            };
            if is_due {
                side.end = CloseState::Shut(Instant::now());
                side.half.close(&self.socket);
                let _ = self.socket.shutdown(Shutdown::Write);
            }
        }
        if self.held.count(before, side.held()) {
            self.flusher.make_room();
        }
    }

    /// Cuts the connection, and wakes its reader.
    fn cut_and_wake(&self, mut side: MutexGuard<'_, SendQueue>) {
        let before = side.held();
        side.half.break_off();
        self.after_send(&mut side, before);
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
        let had_replies = side.has_unsent_replies();
        side.write_pong();
        let progress = side.half.resume(&self.socket);
        side.note_sent(had_replies);
        self.after_send(&mut side, before);
        drop(side);
        self.changed.notify_all();
        progress
    }

    fn cut_if_lingering(&self, now: Instant) -> bool {
        let side = self.side.lock();
        let is_due = match side.end {
            CloseState::Shut(since) => now.saturating_duration_since(since) >= LINGER_TIMEOUT,
            CloseState::No | CloseState::AfterReplies | CloseState::AfterBytes => {
                side.half.is_broken()
            }
        };
        if is_due {
            self.cut_and_wake(side);
        }
        is_due
    }

    fn cut_if_stalled(&self, now: Instant) {
        let mut side = self.side.lock();
        let had_replies = side.has_unsent_replies();
        // Notices alone make no connection busy, nor do they need room without a bound.
        if !had_replies && side.takes_notices() {
            return;
        }
        let before = side.held();
        let timeout = self.limits.send_timeout;
        side.write_pong();
        match side.half.slow_peer(&self.socket, timeout, now) {
            Some(slow) => {
                if let Some(more) = self.flusher.throttle.allow(slow.reason()) {
                    crate::info!("{self:?} {slow} while replies waited: cut off{more}");
                }
                self.after_send(&mut side, before);
                self.cut_and_wake(side);
            }
            None if side.held() != before || side.half.is_broken() => {
                side.note_sent(had_replies);
                self.after_send(&mut side, before);
                drop(side);
                self.changed.notify_all();
            }
            None => {}
        }
    }
}

impl ByteHolder for Connection {
    fn cut_for_room(&self, total: usize) {
        let side = self.side.lock();
        if let Some(more) = self.flusher.throttle.allow("held") {
            crate::warn!(
                "{self:?} holds most, {} of {total} bytes that clients have not taken: cut off{more}",
                side.held()
            );
        }
        self.cut_and_wake(side);
    }
}

/// How WebSocket closes a connection that ends with this `protocolError`.
fn close_code(fault: ProtocolError) -> CloseCode {
    if fault.code == ProtocolFault::ShuttingDown {
        CloseCode::GOING_AWAY
    } else {
        CloseCode::PROTOCOL_ERROR
    }
}

/// The `protocolError` of a server that stops.
pub const SHUTTING_DOWN: ProtocolError = ProtocolError::new(
    ProtocolFault::ShuttingDown,
    "the server is shutting down; come back later",
);
