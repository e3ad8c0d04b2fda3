//! spec/net/flusher.md · 4.3 (one slow client is nobody else's trouble)
//!
//! What a socket did not take at once is sent from here when it takes more. A module only ever hands
//! bytes over; this thread alone waits, and it waits for all of them together.

use crate::runtime::log::Throttle;
use crate::runtime::{Heartbeat, Stop};
use parking_lot::Mutex;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::time::Timespec;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How often peers that take nothing are looked for.
const SWEEP: Duration = Duration::from_millis(250);
/// Cut-off peers that are logged in a minute.
const CUTS_LOGGED: u32 = 20;
/// Events taken in one go.
const EVENTS: usize = 256;

/// What is left of a socket's bytes after an attempt to send them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushProgress {
    /// All sent.
    Nothing,
    /// Some are left.
    Some,
    /// The socket is broken.
    Broken,
}

/// Something whose bytes a [`Flusher`] sends when its socket takes them.
pub trait Flush: Send + Sync {
    /// The socket.
    fn socket(&self) -> BorrowedFd<'_>;
    /// Sends what the socket takes now. Unless some is left, calls [`Flusher::forget`] while still holding
    /// whatever lock it calls [`Flusher::watch`] under, so that the two never cross.
    fn flush(&self) -> FlushProgress;
    /// Where this end has said its last for longer than the peer may take to close, cuts it off. Whether it
    /// is over.
    fn cut_if_lingering(&self, now: Instant) -> bool;
    /// Where the peer has taken nothing for longer than it may, cuts it off and calls [`Flusher::forget`].
    fn cut_if_stalled(&self, now: Instant);
}

/// The thread that waits for sockets to take more, and the list of those it waits for.
pub struct Flusher {
    epoll: OwnedFd,
    waiting: Mutex<HashMap<u64, Arc<dyn Flush>>>,
    lingering: Mutex<Vec<Arc<dyn Flush>>>,
    unsent: AtomicUsize,
    /// Peers that are cut off are logged, but not by the thousand.
    pub(crate) throttle: Throttle,
}

impl std::fmt::Debug for Flusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flusher")
            .field("unsent", &self.unsent())
            .finish_non_exhaustive()
    }
}

impl Flusher {
    /// With nobody waiting.
    ///
    /// # Errors
    /// The system has no descriptor for it.
    pub fn new() -> io::Result<Arc<Flusher>> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Arc::new(Flusher {
            epoll,
            waiting: Mutex::default(),
            lingering: Mutex::default(),
            unsent: AtomicUsize::new(0),
            throttle: Throttle::new(CUTS_LOGGED, Duration::from_secs(60)),
        }))
    }

    /// Bytes that all peers together have not taken yet.
    pub fn unsent(&self) -> usize {
        self.unsent.load(Ordering::Relaxed)
    }

    /// Keeps the sum of [`Flusher::unsent`]: a peer's unsent bytes went from `before` to `after`.
    pub fn count(&self, before: usize, after: usize) {
        if after == before {
            return;
        }
        if after > before {
            self.unsent.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.unsent.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// Takes over a socket that did not take all of its bytes.
    ///
    /// # Errors
    /// The system refuses to watch it.
    pub fn watch(&self, number: u64, drain: Arc<dyn Flush>) -> io::Result<()> {
        let mut waiting = self.waiting.lock();
        let flags = EventFlags::OUT | EventFlags::ONESHOT;
        epoll::add(&self.epoll, drain.socket(), EventData::new_u64(number), flags)?;
        waiting.insert(number, drain);
        Ok(())
    }

    /// Sends until stopped.
    pub fn run(&self, stop: &Stop, heartbeat: &Heartbeat) {
        let mut events = Vec::with_capacity(EVENTS);
        let patience = Timespec {
            tv_sec: 0,
            tv_nsec: SWEEP.subsec_nanos().into(),
        };
        let mut swept = Instant::now();
        while !stop.is_requested() {
            heartbeat.beat();
            events.clear();
            let waited = epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                Some(&patience),
            );
            if let Err(error) = waited
                && error != rustix::io::Errno::INTR
            {
                crate::error!("the flusher cannot wait for sockets: {error}");
                return;
            }
            for event in &events {
                self.serve(event.data.u64());
            }
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                self.sweep(swept);
            }
        }
    }

    fn serve(&self, number: u64) {
        let Some(drain) = self.waiting.lock().get(&number).cloned() else {
            return;
        };
        // Our lock is released here: who calls `watch` or `forget` holds its own already.
        if drain.flush() == FlushProgress::Some {
            let flags = EventFlags::OUT | EventFlags::ONESHOT;
            let watched = epoll::modify(&self.epoll, drain.socket(), EventData::new_u64(number), flags);
            // It may have been cut, and so forgotten, meanwhile.
            if let Err(error) = watched
                && error != rustix::io::Errno::NOENT
            {
                crate::error!("the flusher cannot wait for a socket: {error}");
            }
        }
    }

    /// Sees to it that a peer which was told the end does not stay for longer than it may.
    pub fn linger(&self, drain: Arc<dyn Flush>) {
        self.lingering.lock().push(drain);
    }

    fn sweep(&self, now: Instant) {
        let all: Vec<(u64, Arc<dyn Flush>)> = self
            .waiting
            .lock()
            .iter()
            .map(|(number, drain)| (*number, Arc::clone(drain)))
            .collect();
        for (_, drain) in all {
            drain.cut_if_stalled(now);
        }
        // Its lock is not held while connections take theirs.
        let mut lingering = std::mem::take(&mut *self.lingering.lock());
        lingering.retain(|drain| !drain.cut_if_lingering(now));
        self.lingering.lock().append(&mut lingering);
    }

    /// Watches a socket no more.
    pub fn forget(&self, number: u64) {
        if let Some(drain) = self.waiting.lock().remove(&number) {
            let _ = epoll::delete(&self.epoll, drain.socket().as_fd());
        }
    }
}
