//! spec/net/flusher.md · 4.3 The Connection
//!
//! Sends the bytes that sockets did not take at once. One thread waits with epoll for all such
//! sockets, so that a slow client delays nobody else.
//!
//! Tests: `src/net/tests.rs`.

use super::held_bytes::{HELD_BYTES_MAX, HeldBytes};
use crate::runtime::log::Throttle;
use crate::runtime::{Heartbeat, Stop, ThreadGroup};
use parking_lot::Mutex;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::time::Timespec;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often stalled peers are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);
/// Log lines about cut peers a minute.
const LOGGED_CUTS_MAX: u32 = 20;
/// Events of one call of `epoll_wait`.
const EVENTS_MAX: usize = 256;
/// The number of the event that room must be made. Those of sockets begin with 1.
const ROOM_NUMBER: u64 = 0;

/// Progress of sending a socket's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushProgress {
    /// Nothing is left.
    Nothing,
    /// Some bytes are left.
    Some,
    Broken,
}

/// The owner of a socket whose bytes a [`Flusher`] sends when the socket is writable.
pub trait Flush: Send + Sync {
    /// The socket to wait for.
    fn socket(&self) -> BorrowedFd<'_>;
    /// Sends what the socket takes now. Unless bytes are left, calls [`Flusher::forget`] under the
    /// same lock as [`Flusher::watch`], so that the two calls are never reordered.
    fn flush(&self) -> FlushProgress;
    /// Cuts the connection if its sending side was shut for longer than the peer may take to close.
    /// Returns whether the connection has ended.
    fn cut_if_lingering(&self, now: Instant) -> bool;
    /// Cuts the connection and calls [`Flusher::forget`] if the peer takes bytes too slowly, or
    /// none.
    fn cut_if_stalled(&self, now: Instant);
}

/// The sockets that have bytes to send, and the epoll that waits for them.
pub struct Flusher {
    epoll: OwnedFd,
    waiting: Mutex<HashMap<u64, Arc<dyn Flush>>>,
    lingering: Mutex<Vec<Arc<dyn Flush>>>,
    /// What clients' connections hold.
    held: Arc<HeldBytes>,
    /// Written to when room must be made.
    room: OwnedFd,
    /// Bounds the log lines about cut peers.
    pub(crate) throttle: Throttle,
}

impl std::fmt::Debug for Flusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flusher")
            .field("held", &self.held.total())
            .finish_non_exhaustive()
    }
}

impl Flusher {
    /// Makes one with its thread, in a group.
    ///
    /// # Errors
    /// The system has no descriptor or thread left.
    pub fn start(group: &mut ThreadGroup) -> io::Result<Arc<Flusher>> {
        let flusher = Flusher::new()?;
        let flushing = Arc::clone(&flusher);
        group.thread("flusher", move |stop, heartbeat| {
            flushing.run(stop, heartbeat)
        })?;
        Ok(flusher)
    }

    /// A flusher without sockets, whose connections may hold [`HELD_BYTES_MAX`] bytes together.
    ///
    /// # Errors
    /// No descriptor is left for the epoll.
    pub fn new() -> io::Result<Arc<Flusher>> {
        Flusher::with_bound(HELD_BYTES_MAX)
    }

    /// A flusher without sockets, whose connections may hold `held_max` bytes together.
    ///
    /// # Errors
    /// No descriptor is left for the epoll.
    pub fn with_bound(held_max: usize) -> io::Result<Arc<Flusher>> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let room = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Edge-triggered: each write is an event, and nobody reads.
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &room, EventData::new_u64(ROOM_NUMBER), flags)?;
        Ok(Arc::new(Flusher {
            epoll,
            waiting: Mutex::default(),
            lingering: Mutex::default(),
            held: HeldBytes::new(held_max),
            room,
            throttle: Throttle::new(LOGGED_CUTS_MAX, Duration::from_secs(60)),
        }))
    }

    /// What clients' connections hold: bytes unsent and parked.
    pub fn held(&self) -> &Arc<HeldBytes> {
        &self.held
    }

    /// Has the thread cut who holds most, because all together hold too much.
    pub(super) fn make_room(&self) {
        // It fails where its counter is full, and then the thread has an event already.
        let _ = rustix::io::write(&self.room, &1_u64.to_ne_bytes());
    }

    /// Watches a socket that did not take all bytes.
    ///
    /// # Errors
    /// The system refuses to watch it.
    pub fn watch(&self, number: u64, owner: Arc<dyn Flush>) -> io::Result<()> {
        let mut waiting = self.waiting.lock();
        let flags = EventFlags::OUT | EventFlags::ONESHOT;
        epoll::add(
            &self.epoll,
            owner.socket(),
            EventData::new_u64(number),
            flags,
        )?;
        waiting.insert(number, owner);
        Ok(())
    }

    /// The thread's loop: sends until the signal to stop.
    pub fn run(&self, stop: &Stop, heartbeat: &Heartbeat) {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: SWEEP_INTERVAL.subsec_nanos().into(),
        };
        let mut swept = Instant::now();
        while !stop.is_requested() {
            heartbeat.beat();
            events.clear();
            let waited = epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                Some(&timeout),
            );
            if let Err(error) = waited
                && error != rustix::io::Errno::INTR
            {
                crate::error!("the flusher cannot wait for sockets: {error}");
                return;
            }
            for event in &events {
                match event.data.u64() {
                    ROOM_NUMBER => self.held.make_room(),
                    number => self.serve(number),
                }
            }
            if swept.elapsed() >= SWEEP_INTERVAL {
                swept = Instant::now();
                self.sweep(swept);
            }
        }
    }

    fn serve(&self, number: u64) {
        let Some(owner) = self.waiting.lock().get(&number).cloned() else {
            return;
        };
        // The list is not locked here: callers of `watch` and `forget` hold their own lock first.
        if owner.flush() == FlushProgress::Some {
            let flags = EventFlags::OUT | EventFlags::ONESHOT;
            let watched = epoll::modify(
                &self.epoll,
                owner.socket(),
                EventData::new_u64(number),
                flags,
            );
            // Another thread may have cut the connection meanwhile, which removes it from epoll.
            if let Err(error) = watched
                && error != rustix::io::Errno::NOENT
            {
                crate::error!("the flusher cannot wait for a socket: {error}");
            }
        }
    }

    /// Watches a connection that is closing: cuts it if the peer does not close it in time.
    pub fn linger(&self, owner: Arc<dyn Flush>) {
        self.lingering.lock().push(owner);
    }

    fn sweep(&self, now: Instant) {
        let all: Vec<(u64, Arc<dyn Flush>)> = self
            .waiting
            .lock()
            .iter()
            .map(|(number, owner)| (*number, Arc::clone(owner)))
            .collect();
        for (_, owner) in all {
            owner.cut_if_stalled(now);
        }
        // The list is not locked while connections lock theirs.
        let mut lingering = std::mem::take(&mut *self.lingering.lock());
        lingering.retain(|owner| !owner.cut_if_lingering(now));
        self.lingering.lock().append(&mut lingering);
    }

    /// Stops watching a socket.
    pub fn forget(&self, number: u64) {
        if let Some(owner) = self.waiting.lock().remove(&number) {
            let _ = epoll::delete(&self.epoll, owner.socket().as_fd());
        }
    }
}
