//! spec/link/connection.md · 4.3.1 Master-Worker Server Connection
//!
//! An established link: it seals and sends link messages without blocking, and reads those of the
//! other end. Master and worker use the same type.
//!
//! Tests: below, and in `tests/suite/worker/port.rs`, `tests/intruders/inside.rs`.

use super::envelope::{EnvelopeHeader, HEADER_LEN};
use super::metrics;
use super::record::{Opener, RecordError, Sealer};
use crate::net::connection::next_number;
use crate::net::deadline::is_timeout;
use crate::net::flusher::{Flush, FlushProgress, Flusher};
use crate::net::send_half::{Cipher, SendHalf};
use crate::runtime::metrics::instructions;
use crate::wire::wipe;
use crate::wire::{DATA_MAX, frame};
use parking_lot::{Mutex, MutexGuard};
use rustix::fd::{AsFd, BorrowedFd};
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The most unsent bytes. Beyond it the link is cut, because the other end does not read what it
/// requested.
pub const UNSENT_MAX: usize = 256 << 20;
/// The longest time in which the other end may take no byte while some wait, or send none.
pub const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// The most bytes of one read.
const READ_BYTES: usize = 256 * 1024;
/// Capacity for a message of two frames with text arguments, in bytes.
const INITIAL_BYTES: usize = HEADER_LEN + 2 * (frame::HEADER_BYTES + DATA_MAX);

impl Cipher for Sealer {
    const RETAIN_BYTES: usize = 256 * 1024;

    fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        if plain.is_empty() {
            return Ok(());
        }
        let before = out.len();
        let sealed = Sealer::seal(self, plain, out).map_err(io::Error::other);
        let size = out.len().saturating_sub(before);
        metrics::SENT_BYTES.add(u64::try_from(size).unwrap_or(u64::MAX));
        sealed
    }

    fn close(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        Sealer::close(self, out).map_err(io::Error::other)
    }
}

/// An established link. Its sending half is shared by all threads that send over it.
pub struct LinkConnection {
    /// Number of the link in this process.
    pub number: u64,
    /// Address of the other end.
    pub peer: SocketAddr,
    socket: TcpStream,
    send_half: Mutex<SendHalf<Sealer>>,
    /// Who waits for the link to send what it has. Locked while `send_half` is, or alone.
    drain: Mutex<Option<DrainWaiter>>,
    open: AtomicBool,
    /// Whether the other end has said that it is a master which stands by.
    stands_by: AtomicBool,
}

/// What is done once at most so many bytes are unsent, or the link has ended.
struct DrainWaiter {
    unsent: usize,
    notify: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for LinkConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "link {} with {}", self.number, self.peer)
    }
}

/// Why a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkClosed {
    /// The other end closed it with a close record.
    Closed,
    /// The stream ended or broke without a close record.
    Cut,
    /// No byte was received for [`SILENCE_TIMEOUT`].
    Silent,
    /// A record failed.
    Record(RecordError),
}

impl std::fmt::Display for LinkClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LinkClosed::Closed => f.write_str("closed by the other end"),
            LinkClosed::Cut => f.write_str("cut"),
            LinkClosed::Silent => write!(f, "nothing came for {SILENCE_TIMEOUT:?}"),
            LinkClosed::Record(error) => write!(f, "{error}"),
        }
    }
}

impl LinkConnection {
    /// A link over the socket of a successful handshake.
    ///
    /// # Errors
    /// The socket is closed already.
    pub fn new(
        socket: TcpStream,
        sealer: Sealer,
        flusher: Arc<Flusher>,
    ) -> io::Result<Arc<LinkConnection>> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(None)?;
        socket.set_read_timeout(Some(SILENCE_TIMEOUT))?;
        let number = next_number();
        metrics::OPENED.count();
        Ok(Arc::new(LinkConnection {
            number,
            peer: socket.peer_addr()?,
            socket,
            send_half: Mutex::new(SendHalf::new(number, sealer, flusher)),
            drain: Mutex::new(None),
            open: AtomicBool::new(true),
            stands_by: AtomicBool::new(false),
        }))
    }

    /// Locks the sending half. All messages that are added to the guard leave in as few records as
    /// possible and one write.
    pub fn sending(self: &Arc<Self>) -> LinkWriter<'_> {
        LinkWriter {
            connection: self,
            send_half: self.send_half.lock(),
        }
    }

    /// Sends one message.
    pub fn send(self: &Arc<Self>, header: &EnvelopeHeader, fill: impl FnOnce(&mut Vec<u8>)) {
        self.sending().message(header, fill);
    }

    /// Closes the link: sends all messages, then the close record.
    pub fn end(self: &Arc<Self>) {
        let mut sending = self.sending();
        sending.flush();
        // Before the close record leaves: what the other end does then, and the reader sees, follows
        // from this end.
        self.open.store(false, Ordering::Release);
        sending.send_half.close(&self.socket);
        sending.send_half.break_off();
    }

    /// Cuts the link now, without a close record.
    pub fn cut(self: &Arc<Self>) {
        self.sending().send_half.break_off();
    }

    /// Whether more than `unsent` bytes wait to be sent. If so, `notify` is called from another
    /// thread as soon as no more do, or the link has ended; it must not wait, nor use this link. A
    /// later call takes the place of an earlier one.
    pub fn is_congested(&self, unsent: usize, notify: impl FnOnce() + Send + 'static) -> bool {
        let send_half = self.send_half.lock();
        let is_congested = !send_half.is_broken() && send_half.unsent() > unsent;
        if is_congested {
            let notify = Box::new(notify);
            *self.drain.lock() = Some(DrainWaiter { unsent, notify });
        }
        is_congested
    }

    /// Bytes that the socket has not taken.
    pub fn unsent(&self) -> usize {
        self.send_half.lock().unsent()
    }

    /// Notes that the other end has said that it is a master which stands by.
    pub fn note_standby(&self) {
        self.stands_by.store(true, Ordering::Release);
    }

    /// Whether the other end has said that it is a master which stands by.
    pub fn stands_by(&self) -> bool {
        self.stands_by.load(Ordering::Acquire)
    }

    /// Whether the link is open.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Reads from the socket once and appends the plaintext to `plain`. Only the thread that reads
    /// this link may call it.
    ///
    /// # Errors
    /// Why the link ended.
    pub fn read(
        &self,
        opener: &mut Opener,
        chunk: &mut Vec<u8>,
        plain: &mut Vec<u8>,
    ) -> Result<(), LinkClosed> {
        chunk.resize(READ_BYTES, 0);
        loop {
            match (&self.socket).read(chunk) {
                Ok(0) => {
                    return Err(if opener.is_closed() {
                        LinkClosed::Closed
                    } else {
                        LinkClosed::Cut
                    });
                }
                Ok(size) => {
                    metrics::RECEIVED_BYTES.add(u64::try_from(size).unwrap_or(u64::MAX));
                    opener
                        .open(&chunk[..size], plain)
                        .map_err(LinkClosed::Record)?;
                    return if opener.is_closed() && plain.is_empty() {
                        Err(LinkClosed::Closed)
                    } else {
                        Ok(())
                    };
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if is_timeout(&e) => {
                    return Err(LinkClosed::Silent);
                }
                // A close record may come with messages, whose answers the other end's system
                // refuses with a reset.
                Err(_) if opener.is_closed() => return Err(LinkClosed::Closed),
                Err(_) => return Err(LinkClosed::Cut),
            }
        }
    }

    /// Cuts the link if too many bytes are unsent, records whether it is still open, and tells who
    /// waits for it to drain.
    fn enforce_limits(&self, send_half: &mut SendHalf<Sealer>) {
        if send_half.unsent() > UNSENT_MAX {
            crate::warn!(
                "{self:?} has not read {} bytes that it asked for: cut off",
                send_half.unsent()
            );
            send_half.break_off();
        }
        // Before the socket is shut, which wakes the reader: it asks who has ended the link.
        if send_half.is_broken() {
            self.open.store(false, Ordering::Release);
        }
        send_half.release(&self.socket);
        let unsent = send_half.unsent();
        let has_drained = |waiter: &mut DrainWaiter| unsent <= waiter.unsent;
        let drained = self.drain.lock().take_if(has_drained);
        if let Some(waiter) = drained {
            (waiter.notify)();
        }
    }
}

/// The locked sending half of a link. Dropping it sends the messages that were added.
pub struct LinkWriter<'a> {
    connection: &'a Arc<LinkConnection>,
    send_half: MutexGuard<'a, SendHalf<Sealer>>,
}

impl std::fmt::Debug for LinkWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sending on {:?}", self.connection)
    }
}

/// Appends a message to `plain`; `fill` writes its frames. A body beyond the limit of an envelope
/// is a bug: the message is dropped and an error is logged.
pub fn append_message(
    plain: &mut Vec<u8>,
    header: &EnvelopeHeader,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    // Reserve first, so that a secret does not move and leave a copy behind.
    wipe::reserve(plain, INITIAL_BYTES);
    let counted = |out: &mut Vec<u8>| {
        let before = out.len();
        fill(out);
        instructions::to_link(out.get(before..).unwrap_or_default());
    };
    if let Err(error) = header.append_with(plain, counted) {
        crate::error!(
            "a message of sequence {} was not sent: {error}",
            header.sequence
        );
    }
}

impl LinkWriter<'_> {
    /// Adds a message, as [`append_message`] does.
    pub fn message(&mut self, header: &EnvelopeHeader, fill: impl FnOnce(&mut Vec<u8>)) {
        if !self.send_half.is_broken() {
            append_message(self.send_half.plain(0), header, fill);
        }
    }

    /// Adds messages that [`append_message`] wrote into `messages`, and empties it. It copies only
    /// if other messages were added before.
    pub fn messages(&mut self, messages: &mut Vec<u8>) {
        if !self.send_half.is_broken() {
            let plain = self.send_half.plain(0);
            if plain.is_empty() {
                std::mem::swap(plain, messages);
            } else {
                wipe::append(plain, messages);
            }
        }
        wipe::clear(messages);
    }

    fn flush(&mut self) {
        let connection = self.connection;
        self.send_half.send(&connection.socket, || {
            Arc::clone(connection) as Arc<dyn Flush>
        });
        connection.enforce_limits(&mut self.send_half);
    }
}

impl Drop for LinkWriter<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Flush for LinkConnection {
    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn flush(&self) -> FlushProgress {
        let mut send_half = self.send_half.lock();
        let progress = send_half.resume(&self.socket);
        self.enforce_limits(&mut send_half);
        progress
    }

    fn cut_if_lingering(&self, _now: Instant) -> bool {
        // The close record is the last byte of a link; nothing is sent after it.
        true
    }

    fn cut_if_stalled(&self, now: Instant) {
        let mut send_half = self.send_half.lock();
        if let Some(slow) = send_half.slow_peer(&self.socket, SILENCE_TIMEOUT, now) {
            crate::warn!("{self:?} {slow} while messages waited: cut off");
            send_half.break_off();
        }
        self.enforce_limits(&mut send_half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::record::{SealedChannel, loopback};
    use crate::model::Timestamp;
    use crate::wire::Instruction;
    use std::io::Write as _;
    use std::net::TcpListener;
    use uuid::Uuid;

    /// A link, and the socket and the sealed channel of its other end.
    fn linked() -> (Arc<LinkConnection>, Opener, TcpStream, SealedChannel) {
        let (ours, theirs) = loopback().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        let flusher = Flusher::new().unwrap();
        let link = LinkConnection::new(socket, ours.sealer, flusher).unwrap();
        (link, ours.opener, other, theirs)
    }

    fn ping(link: &Arc<LinkConnection>) {
        let header = EnvelopeHeader {
            worker: Uuid::nil(),
            boot: Uuid::nil(),
            sequence: 1,
            timestamp: Timestamp(0),
            client: None,
        };
        link.send(&header, |out| frame::write(out, Instruction::Ping, &[]));
    }

    /// How the link ends for its reader, who answers whatever comes.
    fn end_of(link: &Arc<LinkConnection>, opener: &mut Opener) -> LinkClosed {
        let (mut chunk, mut plain) = (Vec::new(), Vec::new());
        loop {
            match link.read(opener, &mut chunk, &mut plain) {
                Ok(()) => ping(link),
                Err(reason) => return reason,
            }
        }
    }

    #[test]
    fn an_end_that_closes_behind_its_last_message_has_not_been_cut() {
        for closes in [true, false] {
            let (link, mut opener, mut other, mut theirs) = linked();
            let mut bytes = Vec::new();
            theirs.sealer.seal(b"the last message", &mut bytes).unwrap();
            if closes {
                theirs.sealer.close(&mut bytes).unwrap();
            }
            other.write_all(&bytes).unwrap();
            // What was sent and is not read has the system answer with a reset.
            ping(&link);
            let mut one = [0];
            assert_eq!(other.peek(&mut one).unwrap(), 1);
            drop(other);
            let expected = if closes {
                LinkClosed::Closed
            } else {
                LinkClosed::Cut
            };
            assert_eq!(end_of(&link, &mut opener), expected);
        }
    }

    #[test]
    fn a_link_is_ended_before_the_other_end_can_know() {
        let (link, mut opener, mut other, mut theirs) = linked();
        let held = Arc::clone(&link);
        let end = std::thread::spawn(move || held.end());
        let mut received = Vec::new();
        other.read_to_end(&mut received).unwrap();
        assert!(!link.is_open());
        theirs.opener.open(&received, &mut Vec::new()).unwrap();
        assert!(theirs.opener.is_closed());
        end.join().unwrap();
        assert_eq!(end_of(&link, &mut opener), LinkClosed::Cut);
    }
}
