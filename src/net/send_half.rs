//! spec/net/send_half.md · 4.3 The Connection
//!
//! The send half of a socket, which clients' connections and workers' links share. It seals what is
//! written, sends what the socket takes at once in one write, and leaves the rest to the flusher.

use super::flusher::{Flush, FlushProgress, Flusher};
use super::limits::{LEAST_RATE_BYTES, LEAST_RATE_INTERVAL};
use super::write_buffer::{self, WriteBuffer};
use crate::wire::wipe;
use std::fmt;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How the bytes of a [`SendHalf`] are sealed before they leave.
pub trait Cipher {
    /// Capacity that the buffer of unsealed bytes keeps after they are sealed.
    const RETAIN_BYTES: usize;

    /// Whether bytes leave in plaintext, so that no buffer of unsealed bytes is needed.
    fn is_clear(&self) -> bool {
        false
    }

    /// Whether sealed bytes say nothing of the plain ones, so that they need not be wiped.
    fn hides_plain(&self) -> bool {
        true
    }

    /// Appends the sealed form of `plain` to `out`, and the protocol's own messages.
    ///
    /// # Errors
    /// The cipher has failed; nothing more can be sealed.
    fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()>;

    /// Appends the message that tells the peer that no bytes follow.
    ///
    /// # Errors
    /// As [`Cipher::seal`].
    fn close(&mut self, out: &mut Vec<u8>) -> io::Result<()>;
}

/// Why a peer for which bytes wait is to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlowPeer {
    /// It has taken no byte for so long.
    Stalled(Duration),
    /// It has taken only so many bytes in this time.
    BelowRate(u64, Duration),
}

impl SlowPeer {
    /// The reason for a throttle of log lines.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            SlowPeer::Stalled(_) => "stalled",
            SlowPeer::BelowRate(..) => "below the least rate",
        }
    }
}

impl fmt::Display for SlowPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SlowPeer::Stalled(time) => write!(f, "took nothing for {time:?}"),
            SlowPeer::BelowRate(taken, time) => write!(f, "took {taken} bytes in {time:.0?}"),
        }
    }
}

/// The send half of one socket. Its owner locks it for each write.
pub(crate) struct SendHalf<C> {
    number: u64,
    flusher: Arc<Flusher>,
    cipher: C,
    /// Bytes that are not sealed yet.
    plain: Vec<u8>,
    /// Whether a session ID is among them, and will be readable once they are sealed.
    is_secret: bool,
    out: WriteBuffer,
    /// Whether the flusher sends the rest.
    watched: bool,
    /// Since when the peer's rate is measured, and what the socket had taken by then.
    measured: (Instant, u64),
    broken: bool,
}

impl<C: Cipher> SendHalf<C> {
    /// A half with nothing to send. `number` identifies it to the flusher.
    pub(crate) fn new(number: u64, cipher: C, flusher: Arc<Flusher>) -> SendHalf<C> {
        SendHalf {
            number,
            flusher,
            cipher,
            plain: Vec::new(),
            is_secret: false,
            out: WriteBuffer::new(),
            watched: false,
            measured: (Instant::now(), 0),
            broken: false,
        }
    }

    /// The cipher, to receive with it.
    pub(crate) fn cipher(&mut self) -> &mut C {
        &mut self.cipher
    }

    /// Number of bytes that the socket has not taken, sealed or not.
    pub(crate) fn unsent(&self) -> usize {
        self.out.unsent() + self.plain.len()
    }

    /// When the socket last took a byte, or when bytes last began to wait for it.
    pub(crate) fn moved(&self) -> Instant {
        self.out.moved
    }

    /// Begins to measure the peer's rate at `now`.
    pub(crate) fn measure_from(&mut self, now: Instant) {
        self.out.moved = now;
        self.measured = (now, self.out.taken);
    }

    /// All bytes that the socket has taken.
    pub(crate) fn taken(&self) -> u64 {
        self.out.taken
    }

    /// All bytes of the stream up to now, taken or not. None may be unsealed.
    pub(crate) fn position(&self) -> u64 {
        self.out.taken + self.out.unsent() as u64
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Marks the half broken, so that nothing more is sent. [`SendHalf::release`] must follow.
    pub(crate) fn break_off(&mut self) {
        self.broken = true;
    }

    /// Adds a reply, which `write` appends.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.cipher.is_clear() {
            self.out.reply(write);
        } else {
            let start = self.plain.len();
            write(&mut self.plain);
            self.is_secret |= !self.cipher.hides_plain()
                && self.plain.get(start..).is_some_and(write_buffer::is_secret);
        }
    }

    /// Adds what the cipher itself makes, behind all that is sealed.
    pub(crate) fn add_sealed(
        &mut self,
        write: impl FnOnce(&mut C, &mut Vec<u8>) -> io::Result<()>,
    ) {
        self.broken |= write(&mut self.cipher, &mut self.out.bytes).is_err();
    }

    /// The buffer of unsealed bytes, with capacity for `room` more. Growing it wipes the old
    /// memory.
    pub(crate) fn plain(&mut self, room: usize) -> &mut Vec<u8> {
        wipe::reserve(&mut self.plain, room);
        &mut self.plain
    }

    /// Seals what was written and sends what the socket takes at once. Where bytes are left, the
    /// flusher watches the owner, which `this` returns.
    pub(crate) fn send(&mut self, socket: &TcpStream, this: impl FnOnce() -> Arc<dyn Flush>) {
        if !self.broken && self.seal().is_err() {
            self.broken = true;
        }
        if self.broken || self.watched {
            return;
        }
        match self.out.send(socket) {
            FlushProgress::Nothing => {}
            FlushProgress::Some => {
                self.out.moved = Instant::now();
                self.measured = (self.out.moved, self.out.taken);
                self.watched = true;
                self.broken = self.flusher.watch(self.number, this()).is_err();
            }
            FlushProgress::Broken => self.broken = true,
        }
    }

    /// Sends what the socket takes. The flusher calls it when the socket is writable. The half
    /// leaves the flusher when no byte is left.
    pub(crate) fn resume(&mut self, socket: &TcpStream) -> FlushProgress {
        let progress = if self.broken {
            FlushProgress::Broken
        } else {
            self.out.send(socket)
        };
        self.broken |= progress == FlushProgress::Broken;
        if progress != FlushProgress::Some {
            self.unwatch();
        }
        progress
    }

    /// Why the peer is to be cut: bytes wait, and it has taken none for `timeout`, or fewer than
    /// [`LEAST_RATE_BYTES`] a second over [`LEAST_RATE_INTERVAL`]. Sends what the socket takes
    /// before it says so.
    pub(crate) fn slow_peer(
        &mut self,
        socket: &TcpStream,
        timeout: Duration,
        now: Instant,
    ) -> Option<SlowPeer> {
        let (since, taken_before) = self.measured;
        let measured = now.saturating_duration_since(since);
        let silent = now.saturating_duration_since(self.out.moved);
        if !self.watched || (silent < timeout && measured < LEAST_RATE_INTERVAL) {
            return None;
        }
        // The system calls a socket writable when a third of its buffer is free. A slow peer may
        // have taken less.
        if self.resume(socket) != FlushProgress::Some {
            return None;
        }
        if now.saturating_duration_since(self.out.moved) >= timeout {
            return Some(SlowPeer::Stalled(timeout));
        }
        if measured < LEAST_RATE_INTERVAL {
            return None;
        }
        if measured >= LEAST_RATE_INTERVAL * 2 {
            // This process stood still meanwhile: nobody offered the peer any bytes.
            self.measured = (now, self.out.taken);
            return None;
        }
        self.measured = (now, self.out.taken);
        let taken = self.out.taken - taken_before;
        let is_slow = taken < LEAST_RATE_BYTES * measured.as_secs();
        is_slow.then_some(SlowPeer::BelowRate(taken, measured))
    }

    /// Sends the cipher's close message, as far as the socket takes it at once. A peer that misses
    /// it sees the end of the stream.
    pub(crate) fn close(&mut self, socket: &TcpStream) {
        if !self.broken && self.cipher.close(&mut self.out.bytes).is_ok() {
            self.out.send(socket);
        }
    }

    /// Drops all bytes and shuts the socket where the half is broken. Returns whether it is.
    pub(crate) fn release(&mut self, socket: &TcpStream) -> bool {
        if self.broken {
            self.unwatch();
            wipe::clear(&mut self.plain);
            self.plain = Vec::new();
            self.out.clear();
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.broken
    }

    fn seal(&mut self) -> io::Result<()> {
        let is_secret = std::mem::take(&mut self.is_secret);
        let room = self.plain.len();
        let sealed = self
            .out
            .add(is_secret, room, |out| self.cipher.seal(&self.plain, out));
        if !self.plain.is_empty() {
            wipe::clear(&mut self.plain);
            self.plain.shrink_to(C::RETAIN_BYTES);
        }
        sealed
    }

    fn unwatch(&mut self) {
        if std::mem::take(&mut self.watched) {
            self.flusher.forget(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use rustix::fd::{AsFd, BorrowedFd};
    use std::io::Read;
    use std::net::TcpListener;

    /// A cipher that doubles each byte and closes with a dot.
    struct Doubling {
        clear: bool,
        fails: bool,
    }

    impl Cipher for Doubling {
        const RETAIN_BYTES: usize = 8;

        fn is_clear(&self) -> bool {
            self.clear
        }

        fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
            if self.fails {
                return Err(io::ErrorKind::Other.into());
            }
            out.extend(plain.iter().flat_map(|byte| [*byte, *byte]));
            Ok(())
        }

        fn close(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
            out.push(b'.');
            Ok(())
        }
    }

    struct Owner {
        socket: TcpStream,
        half: Mutex<SendHalf<Doubling>>,
    }

    impl Flush for Owner {
        fn socket(&self) -> BorrowedFd<'_> {
            self.socket.as_fd()
        }

        fn flush(&self) -> FlushProgress {
            self.half.lock().resume(&self.socket)
        }

        fn cut_if_lingering(&self, _now: Instant) -> bool {
            true
        }

        fn cut_if_stalled(&self, _now: Instant) {}
    }

    impl Owner {
        fn send(self: &Arc<Self>, write: impl FnOnce(&mut Vec<u8>)) {
            let mut half = self.half.lock();
            half.write(write);
            half.send(&self.socket, || Arc::clone(self) as Arc<dyn Flush>);
        }
    }

    fn pair(clear: bool) -> (Arc<Owner>, TcpStream, Arc<Flusher>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (peer, _) = listener.accept().unwrap();
        let flusher = Flusher::new().unwrap();
        let cipher = Doubling {
            clear,
            fails: false,
        };
        let half = Mutex::new(SendHalf::new(1, cipher, Arc::clone(&flusher)));
        (Arc::new(Owner { socket, half }), peer, flusher)
    }

    #[test]
    fn bytes_leave_sealed_and_the_close_message_comes_last() {
        for (clear, sent) in [(false, "aabb."), (true, "ab.")] {
            let (owner, mut peer, _) = pair(clear);
            owner.send(|out| out.extend_from_slice(b"ab"));
            let mut half = owner.half.lock();
            assert_eq!(half.unsent(), 0);
            half.close(&owner.socket);
            half.break_off();
            assert!(half.release(&owner.socket));
            let mut came = String::new();
            peer.read_to_string(&mut came).unwrap();
            assert_eq!(came, sent);
        }
    }

    #[test]
    fn the_flusher_holds_a_socket_until_all_its_bytes_are_sent() {
        let (owner, mut peer, _flusher) = pair(true);
        let size = 32 << 20;
        owner.send(|out| out.resize(size, 7));
        assert!(owner.half.lock().watched && owner.half.lock().unsent() > 0);
        assert_eq!(Arc::strong_count(&owner), 2, "the flusher holds it");
        let reader = std::thread::spawn(move || {
            let mut came = vec![0; size];
            peer.read_exact(&mut came).unwrap();
            peer
        });
        while owner.flush() == FlushProgress::Some {
            std::thread::yield_now();
        }
        assert!(!owner.half.lock().watched && owner.half.lock().unsent() == 0);
        assert_eq!(Arc::strong_count(&owner), 1, "the flusher has dropped it");
        drop(reader.join().unwrap());
    }

    #[test]
    fn a_broken_half_drops_its_bytes_and_leaves_the_flusher() {
        let (owner, mut peer, _flusher) = pair(false);
        owner.send(|out| out.resize(32 << 20, 7));
        let mut half = owner.half.lock();
        assert!(half.watched);
        half.cipher().fails = true;
        half.write(|out| out.push(1));
        half.send(&owner.socket, || unreachable!("it is watched already"));
        assert!(half.is_broken() && half.release(&owner.socket));
        assert_eq!((half.unsent(), half.watched), (0, false));
        assert_eq!(half.resume(&owner.socket), FlushProgress::Broken);
        assert_eq!(Arc::strong_count(&owner), 1);
        // The peer reads what the socket had taken, then the end of the stream.
        assert!(peer.read_to_end(&mut Vec::new()).is_ok());
    }
}
