//! spec/worker/master_link/connector.md · 3.2.1 "connect to master server and authorize", 4.3.1
//!
//! Makes the link, reads it, and makes it again: with growing pauses, and chance in them, so that many
//! workers do not come back all at once.

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

/// The longest pause after a link that stood.
pub const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause after attempts that failed, so that a master that is back is found within 5 s.
pub const PAUSE_MAX: Duration = Duration::from_secs(3);
/// A link that stood this long counts as a success: the next pause is the shortest again.
const STABLE: Duration = Duration::from_secs(5);

/// A link that was just made.
#[derive(Debug)]
pub struct NewLink {
    /// Connected to the master.
    pub socket: TcpStream,
    /// What seals and opens its bytes.
    pub sealed: SealedChannel,
    /// What the master said already.
    pub early: Vec<u8>,
}

/// Why none was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectError {
    /// The master says that an administrator keeps this worker out.
    KeptOut(String),
    /// Anything else.
    Failed(String),
}

/// How a link is made: connects, and proves both sides to each other. Has deadlines of its own.
pub type Connect = Box<dyn FnMut() -> Result<NewLink, ConnectError> + Send>;

/// The link's thread.
pub struct Connector {
    connect: Connect,
    master_link: Sender<MasterLinkMessage>,
    flusher: Arc<Flusher>,
    failures: Throttle,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// A connector that tells `master_link` what becomes of each link. The channel is its own: while it is full,
    /// the link is not read.
    pub fn new(connect: Connect, master_link: Sender<MasterLinkMessage>, flusher: Arc<Flusher>) -> Connector {
        Connector {
            connect,
            master_link,
            flusher,
            failures: Throttle::new(3, Duration::from_secs(60)),
        }
    }

    /// Until stopped.
    pub fn run(mut self, stop: &Stop) {
        let mut failures = Backoff::new(PAUSE_MIN * 2, PAUSE_MAX);
        while !stop.is_requested() {
            let pause = match (self.connect)() {
                Ok(made) => {
                    let began = Instant::now();
                    self.serve_link(made, stop);
                    if began.elapsed() >= STABLE {
                        failures.reset();
                        PAUSE_MIN
                    } else {
                        failures.next_wait()
                    }
                }
                Err(no_link) => {
                    let (ConnectError::KeptOut(why) | ConnectError::Failed(why)) = &no_link;
                    if let Some(more) = self.failures.allow("no link") {
                        crate::warn!("no link to the master{more}: {why}");
                    }
                    if matches!(no_link, ConnectError::KeptOut(_)) && !self.tell(LinkEvent::KeptOut) {
                        return;
                    }
                    failures.next_wait()
                }
            };
            if stop.wait(backoff::at_most(pause)) {
                return;
            }
        }
    }

    /// While one link stands.
    fn serve_link(&self, made: NewLink, stop: &Stop) {
        let NewLink {
            socket,
            sealed: SealedChannel { sealer, mut opener },
            early,
        } = made;
        let link = match LinkConnection::new(socket, sealer, Arc::clone(&self.flusher)) {
            Ok(link) => link,
            Err(why) => {
                crate::warn!("the link to the master ended at once: {why}");
                return;
            }
        };
        crate::info!("{link:?} stands");
        let number = link.number;
        if !self.tell(LinkEvent::Linked(Arc::clone(&link))) {
            return;
        }
        let mut chunk = Vec::new();
        let mut plain = early;
        let over = loop {
            if !plain.is_empty() && !self.tell(LinkEvent::Read(number, std::mem::take(&mut plain))) {
                break LinkClosed::Cut;
            }
            if let Err(over) = link.read(&mut opener, &mut chunk, &mut plain) {
                break over;
            }
        };
        link.cut();
        if !stop.is_requested() {
            crate::warn!("{link:?} is over: {over}");
        }
        self.tell(LinkEvent::Unlinked(number));
    }

    /// Waits for room. False where `master_link` has ended.
    fn tell(&self, event: LinkEvent) -> bool {
        self.master_link.send(MasterLinkMessage::Link(event)).is_ok()
    }
}
