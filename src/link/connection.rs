//! spec/link/connection.md · 4.3.1 Master-Worker Server Connection
//!
//! A standing link: link messages sealed and sent without waiting, and the reading of what the other end
//! sends. Master and worker hold the same thing.

use super::envelope::{EnvelopeHeader, HEADER_LEN};
use super::record::{Opener, RecordError, Sealer};
use crate::net::connection::next_number;
use crate::net::deadline::is_timeout;
use crate::net::flusher::{Flush, FlushProgress, Flusher};
use crate::net::send_half::{Cipher, SendHalf};
use crate::wire::wipe;
use crate::wire::{MAX_DATA, frame};
use parking_lot::{Mutex, MutexGuard};
use rustix::fd::{AsFd, BorrowedFd};
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Unsent bytes past which the other end is given up: it does not read what it asked for.
pub const UNSENT_MAX: usize = 256 << 20;
/// How long the other end may take no byte while some wait, and how long it may say nothing at all.
pub const SILENCE: Duration = Duration::from_secs(15);
/// Bytes that one read brings at most.
const CHUNK: usize = 256 * 1024;
/// Room for a message of two frames with text arguments.
const INITIAL_BYTES: usize = HEADER_LEN + 2 * (frame::HEADER + MAX_DATA);

impl Cipher for Sealer {
    const RETAIN_BYTES: usize = 256 * 1024;

    fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        if plain.is_empty() {
            return Ok(());
        }
        Sealer::seal(self, plain, out).map_err(io::Error::other)
    }

    fn close(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        Sealer::close(self, out).map_err(io::Error::other)
    }
}

/// The sending half of a link, shared by all who answer over it.
pub struct LinkConnection {
    /// Names it in this process.
    pub number: u64,
    /// The other end.
    pub peer: SocketAddr,
    socket: TcpStream,
    side: Mutex<SendHalf<Sealer>>,
    open: AtomicBool,
}

impl std::fmt::Debug for LinkConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "link {} with {}", self.number, self.peer)
    }
}

/// Why a link is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkClosed {
    /// The other end closed it in form.
    Closed,
    /// The stream ended or broke.
    Cut,
    /// Nothing came for [`SILENCE`].
    Silent,
    /// A record failed.
    Record(RecordError),
}

impl std::fmt::Display for LinkClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LinkClosed::Closed => f.write_str("closed by the other end"),
            LinkClosed::Cut => f.write_str("cut"),
            LinkClosed::Silent => write!(f, "nothing came for {SILENCE:?}"),
            LinkClosed::Record(error) => write!(f, "{error}"),
        }
    }
}

impl LinkConnection {
    /// Around the socket of a handshake that has succeeded.
    ///
    /// # Errors
    /// The socket is gone already.
    pub fn new(socket: TcpStream, sealer: Sealer, flusher: Arc<Flusher>) -> io::Result<Arc<LinkConnection>> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(None)?;
        socket.set_read_timeout(Some(SILENCE))?;
        let number = next_number();
        Ok(Arc::new(LinkConnection {
            number,
            peer: socket.peer_addr()?,
            socket,
            side: Mutex::new(SendHalf::new(number, sealer, flusher)),
            open: AtomicBool::new(true),
        }))
    }

    /// Locks the sending half, to send several messages in as few records and one write.
    pub fn sending(self: &Arc<Self>) -> LinkWriter<'_> {
        LinkWriter {
            line: self,
            side: self.side.lock(),
        }
    }

    /// Sends one message.
    pub fn send(self: &Arc<Self>, header: &EnvelopeHeader, fill: impl FnOnce(&mut Vec<u8>)) {
        self.sending().message(header, fill);
    }

    /// Ends the link in form: what was handed over leaves, then the close record.
    pub fn end(self: &Arc<Self>) {
        let mut sending = self.sending();
        sending.flush();
        sending.side.close(&self.socket);
        sending.side.break_off();
    }

    /// Ends the link now.
    pub fn cut(self: &Arc<Self>) {
        self.sending().side.break_off();
    }

    /// Whether the link still stands.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Reads once and appends what it held to `plain`; called by the one thread that reads this link.
    ///
    /// # Errors
    /// Why the link is over.
    pub fn read(
        &self,
        opener: &mut Opener,
        chunk: &mut Vec<u8>,
        plain: &mut Vec<u8>,
    ) -> Result<(), LinkClosed> {
        chunk.resize(CHUNK, 0);
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
                    opener.open(&chunk[..size], plain).map_err(LinkClosed::Record)?;
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
                Err(_) => return Err(LinkClosed::Cut),
            }
        }
    }

    fn settle(&self, side: &mut SendHalf<Sealer>) {
        if side.unsent() > UNSENT_MAX {
            crate::warn!(
                "{self:?} has not read {} bytes that it asked for: cut off",
                side.unsent()
            );
            side.break_off();
        }
        if side.release(&self.socket) {
            self.open.store(false, Ordering::Relaxed);
        }
    }
}

/// The locked sending half of a link.
pub struct LinkWriter<'a> {
    line: &'a Arc<LinkConnection>,
    side: MutexGuard<'a, SendHalf<Sealer>>,
}

impl std::fmt::Debug for LinkWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sending on {:?}", self.line)
    }
}

/// Appends a message to `plain`. Its frames are written by `fill`; a body beyond the envelope's limit is a defect
/// of ours, and is dropped with an error in the log.
pub fn append_message(plain: &mut Vec<u8>, header: &EnvelopeHeader, fill: impl FnOnce(&mut Vec<u8>)) {
    // Whatever may hold a secret fits here without moving what stands before it.
    wipe::reserve(plain, INITIAL_BYTES);
    if let Err(error) = header.append_with(plain, fill) {
        crate::error!("a message of sequence {} was not sent: {error}", header.sequence);
    }
}

impl LinkWriter<'_> {
    /// Adds a message, as [`append_message`] does.
    pub fn message(&mut self, header: &EnvelopeHeader, fill: impl FnOnce(&mut Vec<u8>)) {
        if !self.side.is_broken() {
            append_message(self.side.plain(0), header, fill);
        }
    }

    /// Adds messages that [`append_message`] laid out elsewhere, without copying them where none stands before
    /// them. `messages` is empty then.
    pub fn messages(&mut self, messages: &mut Vec<u8>) {
        if !self.side.is_broken() {
            let plain = self.side.plain(0);
            if plain.is_empty() {
                std::mem::swap(plain, messages);
            } else {
                wipe::append(plain, messages);
            }
        }
        wipe::clear(messages);
    }

    fn flush(&mut self) {
        let line = self.line;
        self.side
            .send(&line.socket, || Arc::clone(line) as Arc<dyn Flush>);
        line.settle(&mut self.side);
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
        let mut side = self.side.lock();
        let left = side.resume(&self.socket);
        self.settle(&mut side);
        left
    }

    fn cut_if_lingering(&self, _now: Instant) -> bool {
        // A link ends with its close record, and nobody waits after it.
        true
    }

    fn cut_if_stalled(&self, now: Instant) {
        let mut side = self.side.lock();
        if now.saturating_duration_since(side.moved()) >= SILENCE {
            crate::warn!("{self:?} took nothing for {SILENCE:?} while messages waited: cut off");
            side.break_off();
            self.settle(&mut side);
        }
    }
}
