//! spec/link/connection.md · 4.3.1 Master-Worker Server Connection
//!
//! A standing link: link messages sealed and sent without waiting, and the reading of what the other end
//! sends. Master and worker hold the same thing.

use super::envelope::{EnvelopeHeader, HEADER_LEN};
use super::record::{Opener, RecordError, Sealer};
use crate::net::connection::next_number;
use crate::net::flusher::{Flush, FlushProgress, Flusher};
use crate::net::write_buffer::WriteBuffer;
use crate::wire::{MAX_DATA, frame, wipe};
use parking_lot::{Mutex, MutexGuard};
use rustix::fd::{AsFd, BorrowedFd};
use std::io::{ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Unsent bytes past which the other end is given up: it does not read what it asked for.
pub const UNSENT_MAX: usize = 256 << 20;
/// How long the other end may take no byte while some wait, and how long it may say nothing at all.
pub const SILENCE: Duration = Duration::from_secs(15);
/// Bytes that one read brings at most.
const CHUNK: usize = 256 * 1024;
/// Room that the scratch of plain messages keeps.
const RETAIN_BYTES: usize = 256 * 1024;
/// Room for a message of two frames with text arguments.
const INITIAL_BYTES: usize = HEADER_LEN + 2 * (frame::HEADER + MAX_DATA);

struct LinkSendState {
    sealer: Sealer,
    plain: Vec<u8>,
    out: WriteBuffer,
    draining: bool,
    broken: bool,
}

/// The sending half of a link, shared by all who answer over it.
pub struct LinkConnection {
    /// Names it in this process.
    pub number: u64,
    /// The other end.
    pub peer: SocketAddr,
    socket: TcpStream,
    side: Mutex<LinkSendState>,
    flusher: Arc<Flusher>,
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
    pub fn new(
        socket: TcpStream,
        sealer: Sealer,
        flusher: Arc<Flusher>,
    ) -> std::io::Result<Arc<LinkConnection>> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(None)?;
        socket.set_read_timeout(Some(SILENCE))?;
        let side = LinkSendState {
            sealer,
            plain: Vec::new(),
            out: WriteBuffer::new(),
            draining: false,
            broken: false,
        };
        Ok(Arc::new(LinkConnection {
            number: next_number(),
            peer: socket.peer_addr()?,
            socket,
            side: Mutex::new(side),
            flusher,
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
        let side = &mut *sending.side;
        if !side.broken && side.sealer.close(&mut side.out.bytes).is_ok() {
            side.out.send(&self.socket);
        }
        side.broken = true;
    }

    /// Ends the link now.
    pub fn cut(self: &Arc<Self>) {
        self.sending().side.broken = true;
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
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Err(LinkClosed::Silent);
                }
                Err(_) => return Err(LinkClosed::Cut),
            }
        }
    }

    fn settle(&self, side: &mut LinkSendState) {
        if side.out.unsent() > UNSENT_MAX {
            crate::warn!(
                "{self:?} has not read {} bytes that it asked for: cut off",
                side.out.unsent()
            );
            side.broken = true;
        }
        if side.broken {
            if side.draining {
                side.draining = false;
                self.flusher.forget(self.number);
            }
            wipe::clear(&mut side.plain);
            side.plain = Vec::new();
            side.out.clear();
            self.open.store(false, Ordering::Relaxed);
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }
}

/// The locked sending half of a link.
pub struct LinkWriter<'a> {
    line: &'a Arc<LinkConnection>,
    side: MutexGuard<'a, LinkSendState>,
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
        if !self.side.broken {
            append_message(&mut self.side.plain, header, fill);
        }
    }

    /// Adds messages that [`append_message`] laid out elsewhere, without copying them where none stands before
    /// them. `messages` is empty then.
    pub fn messages(&mut self, messages: &mut Vec<u8>) {
        if !self.side.broken {
            if self.side.plain.is_empty() {
                std::mem::swap(&mut self.side.plain, messages);
            } else {
                wipe::append(&mut self.side.plain, messages);
            }
        }
        wipe::clear(messages);
    }

    fn flush(&mut self) {
        let (line, side) = (self.line, &mut *self.side);
        if !side.broken && !side.plain.is_empty() {
            side.broken = side.sealer.seal(&side.plain, &mut side.out.bytes).is_err();
            wipe::clear(&mut side.plain);
            side.plain.shrink_to(RETAIN_BYTES);
        }
        if !side.broken && !side.draining {
            match side.out.send(&line.socket) {
                FlushProgress::Nothing => {}
                FlushProgress::Some => {
                    side.out.moved = Instant::now();
                    side.draining = true;
                    let drain = Arc::clone(line) as Arc<dyn Flush>;
                    side.broken = line.flusher.watch(line.number, drain).is_err();
                }
                FlushProgress::Broken => side.broken = true,
            }
        }
        line.settle(side);
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
        let left = if side.broken {
            FlushProgress::Broken
        } else {
            side.out.send(&self.socket)
        };
        side.broken |= left == FlushProgress::Broken;
        if left != FlushProgress::Some && side.draining {
            side.draining = false;
            self.flusher.forget(self.number);
        }
        self.settle(&mut side);
        left
    }

    fn cut_if_lingering(&self, _now: Instant) -> bool {
        // A link ends with its close record, and nobody waits after it.
        true
    }

    fn cut_if_stalled(&self, now: Instant) {
        let mut side = self.side.lock();
        if now.saturating_duration_since(side.out.moved) >= SILENCE {
            crate::warn!("{self:?} took nothing for {SILENCE:?} while messages waited: cut off");
            side.broken = true;
            self.settle(&mut side);
        }
    }
}
