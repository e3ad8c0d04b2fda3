//! spec/worker/master_link.md · 3.2.1 "connect to master server and authorize", 4.3.1
//!
//! Makes the link, reads it, and makes it again after a back-off with jitter, so that many workers
//! do not return at the same moment.
//!
//! Tests: `src/worker/tests.rs`.

use super::super::capacity::ClientCapacity;
use super::super::messages::{LinkEvent, MasterLinkMessage};
use crate::link::connection::{LinkClosed, LinkConnection};
use crate::link::record::SealedChannel;
use crate::net::Flusher;
use crate::runtime::Stop;
use crate::runtime::backoff::{self, Backoff};
use crate::runtime::log::Throttle;
use crossbeam_channel::Sender;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest pause after a stable link. Jitter shortens each pause by half at most.
pub const STABLE_PAUSE_MAX: Duration = Duration::from_millis(100);
/// The longest pause after the first failed attempt or short link; it doubles up to [`PAUSE_MAX`].
const FIRST_PAUSE_MAX: Duration = Duration::from_millis(200);
/// The longest pause after failed attempts, so that workers find a restarted master within 5 s.
pub const PAUSE_MAX: Duration = Duration::from_secs(3);
/// Most lines a minute about links that open, and about links that end.
const CHANGES_LOGGED_MAX: u32 = 10;
/// A link that lasted this long is stable: the back-off starts again.
const STABLE_AFTER: Duration = Duration::from_secs(5);

/// A new link.
#[derive(Debug)]
pub struct NewLink {
    pub socket: TcpStream,
    pub sealed: SealedChannel,
    /// Decrypted bytes that came with the end of the handshake.
    pub early: Vec<u8>,
}

/// Why no link could be made. No reason has an effect: what says it is not authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError(pub String);

/// A function that makes a link: it connects and authenticates both sides. It has its own
/// deadlines.
pub type Connect = Box<dyn FnMut() -> Result<NewLink, ConnectError> + Send>;

/// The state of the connector's thread.
pub struct Connector {
    connect: Connect,
    master_link: Sender<MasterLinkMessage>,
    flusher: Arc<Flusher>,
    capacity: Arc<ClientCapacity>,
    failures: Throttle,
    /// Limits the lines about links that open and end at once, as those of a booted worker do.
    changes: Throttle,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// A connector that sends the events of each link to `master_link`, through a channel of its
    /// own. While it is full, the link is not read. `capacity` makes room for each attempt.
    pub(in crate::worker) fn new(
        connect: Connect,
        master_link: Sender<MasterLinkMessage>,
        flusher: Arc<Flusher>,
        capacity: Arc<ClientCapacity>,
    ) -> Connector {
        Connector {
            connect,
            master_link,
            flusher,
            capacity,
            failures: Throttle::new(3, Duration::from_secs(60)),
            changes: Throttle::new(CHANGES_LOGGED_MAX, Duration::from_secs(60)),
        }
    }

    /// The thread's loop: makes links until the signal to stop.
    pub fn run(mut self, stop: &Stop) {
        let mut failures = Backoff::new(FIRST_PAUSE_MAX, PAUSE_MAX);
        while !stop.is_requested() {
            self.capacity.keep_for_link(stop);
            let pause = match (self.connect)() {
                Ok(new_link) => {
                    let began = Instant::now();
                    self.serve_link(new_link, stop);
                    if began.elapsed() >= STABLE_AFTER {
                        failures.reset();
                        STABLE_PAUSE_MAX
                    } else {
                        failures.next_wait()
                    }
                }
                Err(ConnectError(why)) => {
                    if let Some(more) = self.failures.allow("no link") {
                        crate::warn!("no link to the master{more}: {why}");
                    }
                    failures.next_wait()
                }
            };
            if stop.wait(backoff::at_most(pause)) {
                return;
            }
        }
    }

    /// Reads one link until it ends.
    fn serve_link(&self, new_link: NewLink, stop: &Stop) {
        let NewLink {
            socket,
            sealed: SealedChannel { sealer, mut opener },
            early,
        } = new_link;
        let link = match LinkConnection::new(socket, sealer, Arc::clone(&self.flusher)) {
            Ok(link) => link,
            Err(why) => {
                crate::warn!("the link to the master ended at once: {why}");
                return;
            }
        };
        if let Some(more) = self.changes.allow("open") {
            crate::info!("{link:?} is open{more}");
        }
        let number = link.number;
        if !self.tell(LinkEvent::Linked(Arc::clone(&link))) {
            return;
        }
        let mut chunk = Vec::new();
        let mut plain = early;
        let reason = loop {
            if !plain.is_empty() && !self.tell(LinkEvent::Read(number, std::mem::take(&mut plain)))
            {
                break LinkClosed::Cut;
            }
            if let Err(reason) = link.read(&mut opener, &mut chunk, &mut plain) {
                break reason;
            }
        };
        link.cut();
        if !stop.is_requested()
            && let Some(more) = self.changes.allow("ended")
        {
            crate::warn!("{link:?} ended: {reason}{more}");
        }
        self.tell(LinkEvent::Unlinked(number));
    }

    /// Sends an event. Waits for room. False where `master_link` has ended.
    fn tell(&self, event: LinkEvent) -> bool {
        self.master_link
            .send(MasterLinkMessage::Link(event))
            .is_ok()
    }
}
