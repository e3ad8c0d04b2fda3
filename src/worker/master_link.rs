//! spec/worker/master_link.md · 3.2.2 Master Server Communication, 4.1, 4.7.5 Purchase
//!
//! Sends requests to the master, keeps them as pending until they are answered, and passes replies
//! and pushes on. Never waits for the link's socket.
//!
//! Tests: `src/worker/tests.rs`.

pub mod connector;
pub mod pending;
mod receive;
pub mod reply_batch;
mod send;
pub mod turns;

use super::Gauges;
use super::messages::{
    ClientsMessage, LinkEvent, MasterLinkChannels, MasterLinkMessage, PortCommand,
};
use crate::link::connection::LinkConnection;
use crate::link::envelope::EnvelopeDecoder;
use crate::model::{AssetDescription, Symbol, Timestamp};
use crate::runtime::Module;
use crate::runtime::clock::RemoteClock;
use crate::wire::{Reassembly, wipe};
use pending::{PendingRequest, PendingRequests};
use reply_batch::ClientReplyBatch;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often the worker sends its report.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a new link waits until what is under way on the old one has its answers.
const REPLACEMENT_WAIT_MAX: Duration = Duration::from_secs(5);
/// Most messages of modules that are held meanwhile.
const HELD_MAX: usize = 4_096;

/// The module's state.
#[derive(Debug)]
pub struct MasterLink {
    channels: MasterLinkChannels,
    worker: Uuid,
    /// Boot ID, drawn when the process started (4.1).
    boot: Uuid,
    link: Option<Arc<LinkConnection>>,
    /// The link that takes its place once nothing is under way, and until when that is waited for.
    replacement: Option<(Arc<LinkConnection>, Instant)>,
    /// What modules ask for meanwhile.
    held: Vec<MasterLinkMessage>,
    decoder: EnvelopeDecoder,
    /// The last timestamp sent over this link: they never decrease.
    last_timestamp: Timestamp,
    pending: PendingRequests,
    /// Messages to the master that leave in one write at the end of the turn.
    unsent: Vec<u8>,
    replies: ClientReplyBatch,
    /// A push of prices that is incomplete: its fixed part, and the rows received so far.
    prices: Option<(Vec<u8>, Reassembly)>,
    /// What the first push of prices of this link has said of assets.
    descriptions: Arc<HashMap<Symbol, AssetDescription>>,
    /// Whether the acceptor was commanded to open the port over this link.
    serving: bool,
    /// Whether the last link that stood said that this worker is booted.
    booted: bool,
    began: Instant,
    report_due: Instant,
    /// The master's clock: each message of the master shows it.
    clock: Arc<RemoteClock>,
    gauges: Arc<Gauges>,
    /// Name and address with which the master has registered this worker, as it said last.
    registered: Option<(String, String)>,
    /// What was warned of, because the configuration says otherwise.
    mismatches: Vec<String>,
}

impl MasterLink {
    /// The module, without a link.
    pub fn new(
        worker: Uuid,
        channels: MasterLinkChannels,
        clock: Arc<RemoteClock>,
        gauges: Arc<Gauges>,
    ) -> MasterLink {
        MasterLink {
            channels,
            worker,
            boot: Uuid::new_v4(),
            link: None,
            replacement: None,
            held: Vec::new(),
            decoder: EnvelopeDecoder::new(worker),
            last_timestamp: Timestamp(i64::MIN),
            pending: PendingRequests::default(),
            unsent: Vec::new(),
            replies: ClientReplyBatch::default(),
            prices: None,
            descriptions: Arc::default(),
            serving: false,
            booted: false,
            began: Instant::now(),
            report_due: Instant::now(),
            clock,
            gauges,
            registered: None,
            mismatches: Vec::new(),
        }
    }
}

impl Module for MasterLink {
    type Message = MasterLinkMessage;
    /// Messages whose requests leave in one write at most.
    const BATCH_MAX: usize = 256;
    /// How often deadlines are checked.
    const TICK_INTERVAL: Duration = Duration::from_millis(50);

    fn on_message(&mut self, message: MasterLinkMessage) {
        match message {
            MasterLinkMessage::Batch(_) | MasterLinkMessage::Query(_)
                if self.replacement.is_some() =>
            {
                self.held.push(message);
            }
            MasterLinkMessage::Batch(batch) => self.on_batch(batch),
            MasterLinkMessage::Query(query) => self.on_query(query),
            MasterLinkMessage::Link(event) => self.on_event(event),
            MasterLinkMessage::Unfit(why) => self.on_unfit(&why),
        }
    }

    fn on_turn_end(&mut self) {
        self.flush();
        self.check_replacement(Instant::now());
    }

    fn on_tick(&mut self, now: Instant) {
        for PendingRequest { requester, .. } in self.pending.reads_overdue(now) {
            self.fail_request(requester);
        }
        for client in self.pending.retained_overdue(now) {
            crate::warn!(
                "{:?} is cut: the outcome of its request is unknown",
                client.connection
            );
            client.connection.cut();
        }
        if self.pending.is_retrying() {
            let due = self.pending.retries_due(now);
            self.send_again(&due);
        }
        if now >= self.report_due {
            self.report_due = now + REPORT_INTERVAL;
            self.pending.forget_disconnected();
            if self.replacement.is_none() {
                self.report(now);
            }
        }
        self.flush();
        let pending = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
        self.gauges.pending.store(pending, Ordering::Relaxed);
        self.check_replacement(now);
    }

    /// Closes the link with its close record.
    fn on_stop(&mut self) {
        let replacement = self.replacement.as_ref().map(|(link, _)| link);
        for link in self.link.iter().chain(replacement) {
            link.end();
        }
    }
}

impl MasterLink {
    fn on_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Linked(link) => self.on_linked(link),
            LinkEvent::Replacement(link) => {
                self.replacement = Some((link, Instant::now() + REPLACEMENT_WAIT_MAX));
            }
            LinkEvent::Read(number, mut plain) => {
                if self.link.as_ref().is_some_and(|link| link.number == number) {
                    self.on_read(&mut plain);
                }
                wipe::clear(&mut plain);
            }
            LinkEvent::Unlinked(number, all_read) => {
                drop(all_read);
                if self.link.as_ref().is_some_and(|link| link.number == number) {
                    self.unlink();
                }
            }
        }
    }

    /// Closes the clients' port and the link, because the master has said that the worker is
    /// booted.
    fn close_port(&mut self, text: &str) {
        if !self.booted {
            crate::warn!("the master has booted this worker: {text}");
        }
        self.booted = true;
        let _ = self.channels.port.send(PortCommand::Close);
        self.end_links();
    }

    /// Ends the link, because its master stands by for another one. The connector asks the next of the
    /// configured ones.
    fn on_standby(&mut self) {
        if let Some(link) = &self.link {
            link.note_standby();
        }
        self.unlink();
        self.pending.lost_link_stood_by();
        for PendingRequest { requester, .. } in self.pending.take_new() {
            self.fail_request(requester);
        }
    }

    /// Ends the link, because a key is not fit any more. The next handshake says what is wrong.
    fn on_unfit(&mut self, why: &str) {
        if self.link.is_some() || self.replacement.is_some() {
            crate::error!("the link to the master ends: {why}");
        }
        self.end_links();
    }

    /// Ends the link and the one that was to take its place. What was held for that one is answered
    /// as without a link.
    fn end_links(&mut self) {
        if let Some((link, _)) = self.replacement.take() {
            link.end();
        }
        self.unlink();
        for message in std::mem::take(&mut self.held) {
            self.on_message(message);
        }
    }

    /// Takes the replacement into use once all requests but orders that wait have their answers, so
    /// that no client notices; or when that takes too long, too many others are held, or the old link
    /// has ended.
    fn check_replacement(&mut self, now: Instant) {
        let is_due = |until: Instant| {
            !self.pending.has_moving()
                || now >= until
                || self.link.is_none()
                || self.held.len() >= HELD_MAX
        };
        let Some((link, _)) = self.replacement.take_if(|(_, until)| is_due(*until)) else {
            return;
        };
        // The master closes the old link when the new one speaks; both belong to this process.
        if self.link.take().is_some() {
            self.fail_unanswered();
        }
        self.take(link);
        for message in std::mem::take(&mut self.held) {
            self.on_message(message);
        }
        self.flush();
    }

    /// Takes a new link into use and sends pending requests again.
    fn on_linked(&mut self, link: Arc<LinkConnection>) {
        self.unlink();
        self.take(link);
    }

    fn take(&mut self, link: Arc<LinkConnection>) {
        self.decoder = EnvelopeDecoder::new(self.worker);
        self.prices = None;
        self.descriptions = Arc::default();
        self.last_timestamp = Timestamp(i64::MIN);
        let retained = self.pending.resend();
        if !retained.is_empty() {
            crate::info!(
                "{} requests without an answer are sent again",
                retained.len()
            );
        }
        self.serving = false;
        *self.gauges.link.lock() = Some((Arc::clone(&link), Timestamp::now()));
        self.link = Some(link);
        self.send_again(&retained);
        // The master sends nothing before the first message. The report's timestamp is newer than
        // those of the resent requests, so it comes after them.
        self.report(Instant::now());
        self.tell_clients(ClientsMessage::Linked);
    }

    /// Ends the link, if there is one, and fails the pending requests that are not retained. Where the
    /// link is broken already, nothing is sent.
    fn unlink(&mut self) {
        let Some(link) = self.link.take() else {
            return;
        };
        link.end();
        *self.gauges.link.lock() = None;
        self.fail_unanswered();
        self.tell_clients(ClientsMessage::Unlinked);
    }

    /// Fails the pending requests that are not retained, because their link is gone.
    fn fail_unanswered(&mut self) {
        wipe::clear(&mut self.unsent);
        for PendingRequest { requester, .. } in self.pending.link_lost(Instant::now()) {
            self.fail_request(requester);
        }
    }

    /// Waits for room. No other module waits for this one, so the wait is short.
    fn tell_clients(&self, message: ClientsMessage) {
        let _ = self.channels.clients.send(message);
    }
}
