//! spec/worker/master_link.md · 3.2.1 "connect to master server and authorize", 4.3.1
//!
//! Makes the link, reads it, and makes it again after a back-off with jitter, so that many workers
//! do not return at the same moment.
//!
//! Tests: below, and `src/worker/tests.rs`.

use super::super::capacity::ClientCapacity;
use super::super::messages::{LinkEvent, MasterLinkMessage};
use crate::link::connection::{LinkClosed, LinkConnection};
use crate::link::record::{Opener, SealedChannel};
use crate::model::Timestamp;
use crate::net::Flusher;
use crate::runtime::backoff::{self, Backoff};
use crate::runtime::clock::boot_millis;
use crate::runtime::log::Throttle;
use crate::runtime::{self, Stop};
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, select};
use parking_lot::Mutex;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest pause after a stable link. Jitter shortens each pause by half at most.
pub const STABLE_PAUSE_MAX: Duration = Duration::from_millis(100);
/// The longest pause after the first failed attempt or short link; it doubles up to [`PAUSE_MAX`].
const FIRST_PAUSE_MAX: Duration = Duration::from_millis(200);
/// The longest pause after failed attempts, so that workers find a restarted master within 5 s.
pub const PAUSE_MAX: Duration = Duration::from_secs(3);
/// The longest pause where each master that answers stands by: a handshake costs both sides.
const STANDBY_PAUSE_MAX: Duration = Duration::from_millis(1_500);
/// Most lines a minute about links that open, and about links that end.
const CHANGES_LOGGED_MAX: u32 = 10;
/// A link that lasted this long is stable: the back-off starts again.
const STABLE_AFTER: Duration = Duration::from_secs(5);

/// The age at which a link is made anew, at most; at least half of it, so that workers do not come
/// all at once. The master ends links of 24 hours.
pub const RENEWAL_MAX: Duration = Duration::from_secs(23 * 3_600);
/// Between two attempts to make a link anew.
const RENEWAL_RETRY_INTERVAL: Duration = Duration::from_secs(60);

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

/// Which of the configured masters an attempt begins with. It goes on to the others where that one
/// cannot be linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstMaster {
    /// The one of the last link.
    Last,
    /// The one after it: the last one stands by, or has fallen silent.
    Next,
    /// The one of the last link, and no other: that link is only to be made anew.
    Only,
}

/// A function that makes a link: it connects and authenticates both sides. It has its own
/// deadlines.
pub type Connect = Box<dyn FnMut(FirstMaster) -> Result<NewLink, ConnectError> + Send>;

/// A link that is read.
struct OpenLink {
    link: Arc<LinkConnection>,
    opener: Opener,
    /// Decrypted bytes that were read already.
    early: Vec<u8>,
    renewal: LinkRenewal,
}

/// When a link is old: by the clock that runs while the machine sleeps, or by the one on the wall, by
/// which keys expire.
struct LinkRenewal {
    /// In milliseconds of [`boot_millis`].
    boot_due: i64,
    wall_due: Timestamp,
}

impl LinkRenewal {
    fn after(age: Duration) -> LinkRenewal {
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        LinkRenewal {
            boot_due: boot_millis().saturating_add(age_ms),
            wall_due: Timestamp::now().after(age),
        }
    }

    fn is_due(&self) -> bool {
        boot_millis() >= self.boot_due || Timestamp::now() >= self.wall_due
    }

    fn put_off(&mut self) {
        *self = LinkRenewal::after(RENEWAL_RETRY_INTERVAL);
    }
}

/// What came of an attempt to make a link, on a thread of its own.
type Attempt = Receiver<Result<NewLink, ConnectError>>;

/// The state of the connector's thread.
pub struct Connector {
    connect: Arc<Mutex<Connect>>,
    master_link: Sender<MasterLinkMessage>,
    flusher: Arc<Flusher>,
    capacity: Arc<ClientCapacity>,
    failures: Throttle,
    /// The age at which a link is made anew, at most.
    renew_after: Duration,
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
    /// own. While it is full, the link is not read. `capacity` makes room for each attempt. A link is
    /// made anew when it is older than a random part of `renew_after`, at least half.
    pub(in crate::worker) fn new(
        connect: Connect,
        master_link: Sender<MasterLinkMessage>,
        flusher: Arc<Flusher>,
        capacity: Arc<ClientCapacity>,
        renew_after: Duration,
    ) -> Connector {
        Connector {
            connect: Arc::new(Mutex::new(connect)),
            master_link,
            flusher,
            capacity,
            renew_after,
            failures: Throttle::new(3, Duration::from_secs(60)),
            changes: Throttle::new(CHANGES_LOGGED_MAX, Duration::from_secs(60)),
        }
    }

    /// The thread's loop: makes links until the signal to stop.
    pub fn run(mut self, stop: &Stop) {
        let mut failures = Backoff::new(FIRST_PAUSE_MAX, PAUSE_MAX);
        let mut standbys = Backoff::new(STANDBY_PAUSE_MAX, STANDBY_PAUSE_MAX);
        let mut first = FirstMaster::Last;
        let mut has_stood_by = false;
        while !stop.is_requested() {
            self.capacity.keep_for_link(stop);
            let made = (self.connect.lock())(first);
            first = FirstMaster::Last;
            let pause = match made {
                Ok(new_link) => {
                    let began = Instant::now();
                    let (stood_by, end) = self.serve_link(new_link, stop);
                    if stood_by || end == Some(LinkClosed::Silent) {
                        first = FirstMaster::Next;
                    }
                    if stood_by {
                        // Another one leads, or will soon.
                        failures.reset();
                        if !std::mem::replace(&mut has_stood_by, true) {
                            continue;
                        }
                        standbys.next_wait()
                    } else if began.elapsed() >= STABLE_AFTER {
                        failures.reset();
                        has_stood_by = false;
                        STABLE_PAUSE_MAX
                    } else {
                        failures.next_wait()
                    }
                }
                Err(why) => {
                    self.warn_of_failure(&why);
                    failures.next_wait()
                }
            };
            if stop.wait(backoff::at_most(pause)) {
                return;
            }
        }
    }

    /// Reads a link until it ends, and then those that took its place. Whether the master of the last
    /// one stands by, and how that link ended.
    fn serve_link(&mut self, new_link: NewLink, stop: &Stop) -> (bool, Option<LinkClosed>) {
        let Some(first) = self.open(new_link) else {
            return (false, None);
        };
        if !self.tell(LinkEvent::Linked(Arc::clone(&first.link))) {
            // The worker stops, and nobody else ends the link.
            first.link.end();
            return (false, None);
        }
        let mut last = Arc::clone(&first.link);
        let (mut open, mut end) = (Some(first), None);
        while let Some(link) = open {
            last = Arc::clone(&link.link);
            let (next, reason) = self.read(link, stop);
            (open, end) = (next, Some(reason));
        }
        (last.stands_by(), end)
    }

    /// Takes a link into use for reading.
    fn open(&self, new_link: NewLink) -> Option<OpenLink> {
        let NewLink {
            socket,
            sealed: SealedChannel { sealer, opener },
            early,
        } = new_link;
        match LinkConnection::new(socket, sealer, Arc::clone(&self.flusher)) {
            Ok(link) => {
                if let Some(more) = self.changes.allow("open") {
                    crate::info!("{link:?} is open{more}");
                }
                Some(OpenLink {
                    link,
                    opener,
                    early,
                    renewal: LinkRenewal::after(backoff::at_most(self.renew_after)),
                })
            }
            Err(why) => {
                crate::warn!("the link to the master ended at once: {why}");
                None
            }
        }
    }

    /// Reads one link until it ends. Returns the one that takes its place, if it has become old, and how
    /// it ended. The master closes the old one when the new one is in use.
    fn read(&mut self, open: OpenLink, stop: &Stop) -> (Option<OpenLink>, LinkClosed) {
        let OpenLink {
            link,
            mut opener,
            early: mut plain,
            mut renewal,
        } = open;
        let number = link.number;
        let (mut next, mut attempt) = (None, None);
        let mut chunk = Vec::new();
        let reason = loop {
            if !plain.is_empty() && !self.tell(LinkEvent::Read(number, std::mem::take(&mut plain)))
            {
                break LinkClosed::Cut;
            }
            // The master answers a report each second, so this is looked at as often.
            match attempt.as_ref().map(Attempt::try_recv) {
                None if next.is_none() && renewal.is_due() => {
                    attempt = self.begin_attempt(stop);
                    renewal.put_off();
                }
                None | Some(Err(TryRecvError::Empty)) => {}
                Some(Err(TryRecvError::Disconnected)) => attempt = None,
                Some(Ok(made)) => {
                    attempt = None;
                    next = self.replacement(&link, made);
                    renewal.put_off();
                }
            }
            if let Err(reason) = link.read(&mut opener, &mut chunk, &mut plain) {
                break reason;
            }
        };
        if reason == LinkClosed::Closed || stop.is_requested() {
            // The master hears that nobody on the way has cut it.
            link.end();
        } else {
            link.cut();
        }
        if next.is_none()
            && !stop.is_requested()
            && let Some(more) = self.changes.allow("ended")
        {
            // A master that stops closes its links.
            if reason == LinkClosed::Closed {
                crate::info!("{link:?} ended: {reason}{more}");
            } else {
                crate::warn!("{link:?} ended: {reason}{more}");
            }
        }
        // What the master said last, such as that it stands by, is read by another thread, which may
        // have much to send before.
        let (all_read, reading) = bounded(0);
        self.tell(LinkEvent::Unlinked(number, all_read));
        select! {
            recv(reading) -> _ => {}
            recv(stop.receiver()) -> _ => {}
        }
        let next = next.or_else(|| self.rest_of(attempt?, stop));
        (next, reason)
    }

    /// The link of an attempt that was under way when the old link ended: it is as good as the next.
    fn rest_of(&self, attempt: Attempt, stop: &Stop) -> Option<OpenLink> {
        match attempt.recv().ok()? {
            Ok(new_link) => {
                let new = self.open(new_link)?;
                if stop.is_requested() || !self.tell(LinkEvent::Linked(Arc::clone(&new.link))) {
                    new.link.end();
                    return None;
                }
                Some(new)
            }
            Err(why) => {
                self.warn_of_failure(&why);
                None
            }
        }
    }

    fn warn_of_failure(&self, ConnectError(why): &ConnectError) {
        if let Some(more) = self.failures.allow("no link") {
            crate::warn!("no link to the master{more}: {why}");
        }
    }

    /// Begins to make a link on a thread of its own, so that the old one is read meanwhile.
    fn begin_attempt(&self, stop: &Stop) -> Option<Attempt> {
        let (connect, capacity) = (Arc::clone(&self.connect), Arc::clone(&self.capacity));
        let (stop, (sender, attempt)) = (stop.clone(), bounded(1));
        let started = runtime::spawn("link-renewal", move || {
            capacity.keep_for_link(&stop);
            let made = (connect.lock())(FirstMaster::Only);
            // Nobody takes it any more after the signal to stop.
            let _ = sender.send(made);
        });
        match started {
            Ok(_) => Some(attempt),
            Err(error) => {
                crate::warn!("no thread to make the link to the master anew: {error}");
                None
            }
        }
    }

    /// A new link in the place of an old one. The old one stays in use where none was made.
    fn replacement(
        &mut self,
        old: &LinkConnection,
        made: Result<NewLink, ConnectError>,
    ) -> Option<OpenLink> {
        let new = match made {
            Ok(new_link) => self.open(new_link)?,
            Err(ConnectError(why)) => {
                crate::warn!(
                    "{old:?} is old, and stays in use, because there is no new one: {why}"
                );
                return None;
            }
        };
        crate::info!("{:?} takes the place of {old:?}, which is old", new.link);
        if !self.tell(LinkEvent::Replacement(Arc::clone(&new.link))) {
            new.link.end();
            return None;
        }
        Some(new)
    }

    /// Sends an event. Waits for room. False where `master_link` has ended.
    fn tell(&self, event: LinkEvent) -> bool {
        self.master_link
            .send(MasterLinkMessage::Link(event))
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::record::loopback;
    use crate::net::{ConnectionLimiter, ConnectionLimits};
    use crossbeam_channel::unbounded;
    use std::net::TcpListener;

    #[test]
    fn the_next_master_is_chosen_by_what_the_last_one_has_said_however_late_that_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let flusher = Flusher::new().unwrap();
        let (ask, asked) = unbounded();
        let far_flusher = Arc::clone(&flusher);
        let connect: Connect = Box::new(move |first| {
            ask.send(first).unwrap();
            let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (far, _) = listener.accept().unwrap();
            let (sealed, theirs) = loopback().unwrap();
            // This master says all that it has to say, and closes the link.
            let far = LinkConnection::new(far, theirs.sealer, Arc::clone(&far_flusher));
            far.unwrap().end();
            let early = Vec::new();
            Ok(NewLink {
                socket,
                sealed,
                early,
            })
        });
        let (to_master_link, events) = unbounded();
        let limits = ConnectionLimits {
            total: 1,
            per_neighbourhood: 1,
        };
        let capacity = ClientCapacity::new(ConnectionLimiter::new(limits));
        let connector = Connector::new(connect, to_master_link, flusher, capacity, RENEWAL_MAX);
        let stop = Stop::new();
        let running = stop.clone();
        let thread = std::thread::spawn(move || connector.run(&running));
        let event = || match events.recv().unwrap() {
            MasterLinkMessage::Link(event) => event,
            other => panic!("{other:?}"),
        };
        assert_eq!(asked.recv().unwrap(), FirstMaster::Last);
        let LinkEvent::Linked(link) = event() else {
            panic!("no link")
        };
        let LinkEvent::Unlinked(_, all_read) = event() else {
            panic!("the link goes on")
        };
        // It would have asked by then, as after a failure.
        let meanwhile = asked.recv_timeout(2 * FIRST_PAUSE_MAX);
        assert!(meanwhile.is_err(), "{meanwhile:?}");
        link.note_standby();
        drop(all_read);
        assert_eq!(asked.recv().unwrap(), FirstMaster::Next);
        stop.request();
        drop(events);
        thread.join().unwrap();
    }
}
