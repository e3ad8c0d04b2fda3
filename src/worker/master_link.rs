//! spec/worker/master_link.md · 3.2.2 Master Server Communication, 4.1, 4.7.5 Purchase
//!
//! Sends the master what other modules want of it, keeps it under its sequence number until it is answered,
//! and hands on what the master says. Never reads or writes the link's socket itself, and never waits for it.

pub mod connector;
pub mod pending;
mod receive;
pub mod reply_batch;
mod send;

use super::Gauges;
use super::messages::{ClientsMessage, LinkEvent, MasterLinkChannels, MasterLinkMessage, PortCommand};
use crate::link::connection::LinkConnection;
use crate::link::envelope::EnvelopeDecoder;
use crate::model::Timestamp;
use crate::runtime::Module;
use crate::wire::{Reassembly, wipe};
use pending::{PendingRequest, PendingRequests};
use reply_batch::ClientReplyBatch;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often the worker reports of itself.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The module's state.
#[derive(Debug)]
pub struct MasterLink {
    channels: MasterLinkChannels,
    worker: Uuid,
    /// Drawn when the process started (4.1).
    boot: Uuid,
    link: Option<Arc<LinkConnection>>,
    decoder: EnvelopeDecoder,
    /// The last timestamp that was sent over this link: they never decrease.
    last_timestamp: Timestamp,
    pending: PendingRequests,
    /// Messages to the master that leave at the turn's end, in one write.
    unsent: Vec<u8>,
    replies: ClientReplyBatch,
    /// A push of prices on its way: its fixed part, and its rows as far as they are here.
    prices: Option<(Vec<u8>, Reassembly)>,
    /// Whether the acceptor was told that this link's prices are here.
    serving: bool,
    began: Instant,
    report_due: Instant,
    gauges: Arc<Gauges>,
}

impl MasterLink {
    /// The module without a link yet.
    pub fn new(worker: Uuid, channels: MasterLinkChannels, gauges: Arc<Gauges>) -> MasterLink {
        MasterLink {
            channels,
            worker,
            boot: Uuid::new_v4(),
            link: None,
            decoder: EnvelopeDecoder::new(worker),
            last_timestamp: Timestamp(i64::MIN),
            pending: PendingRequests::default(),
            unsent: Vec::new(),
            replies: ClientReplyBatch::default(),
            prices: None,
            serving: false,
            began: Instant::now(),
            report_due: Instant::now(),
            gauges,
        }
    }
}

impl Module for MasterLink {
    type Message = MasterLinkMessage;
    /// Messages whose requests leave in one write, at most.
    const BATCH_MAX: usize = 256;
    /// How often deadlines are looked at.
    const TICK_INTERVAL: Duration = Duration::from_millis(50);

    fn on_message(&mut self, message: MasterLinkMessage) {
        match message {
            MasterLinkMessage::Batch(batch) => self.on_batch(batch),
            MasterLinkMessage::Query(query) => self.on_query(query),
            MasterLinkMessage::Link(event) => self.on_event(event),
        }
    }

    fn on_turn_end(&mut self) {
        self.flush();
    }

    fn on_tick(&mut self, now: Instant) {
        for PendingRequest { requester, .. } in self.pending.reads_overdue(now) {
            self.fail_request(requester);
        }
        for client in self.pending.kept_overdue(now) {
            crate::warn!(
                "{:?} is cut off: nobody knows what became of its request",
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
            self.pending.forget_gone();
            self.report(now);
        }
        self.flush();
    }

    /// Closes the link in form.
    fn on_stop(&mut self) {
        if let Some(link) = &self.link {
            link.end();
        }
    }
}

impl MasterLink {
    fn on_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Linked(link) => self.link(link),
            LinkEvent::Read(number, mut plain) => {
                if self.link.as_ref().is_some_and(|link| link.number == number) {
                    self.read(&mut plain);
                }
                wipe::clear(&mut plain);
            }
            LinkEvent::Unlinked(number) => {
                if self.link.as_ref().is_some_and(|link| link.number == number) {
                    self.unlink();
                }
            }
            LinkEvent::KeptOut => self.close_port(),
        }
    }

    /// A worker that is kept out serves nobody.
    fn close_port(&mut self) {
        let _ = self.channels.port.send(PortCommand::Withdraw);
        self.unlink();
    }

    fn link(&mut self, link: Arc<LinkConnection>) {
        self.unlink();
        self.decoder = EnvelopeDecoder::new(self.worker);
        self.prices = None;
        self.last_timestamp = Timestamp(i64::MIN);
        let kept = self.pending.resend();
        if !kept.is_empty() {
            crate::info!(
                "{} requests whose answers are not known are sent again",
                kept.len()
            );
        }
        self.serving = false;
        self.link = Some(link);
        self.send_again(&kept);
        // The master says nothing before it has heard who we are. A report bears a newer timestamp than what is
        // sent again, so it comes after.
        self.report(Instant::now());
        self.tell_clients(ClientsMessage::Linked);
    }

    fn unlink(&mut self) {
        let Some(link) = self.link.take() else {
            return;
        };
        link.cut();
        wipe::clear(&mut self.unsent);
        for PendingRequest { requester, .. } in self.pending.lose(Instant::now()) {
            self.fail_request(requester);
        }
        self.tell_clients(ClientsMessage::Unlinked);
    }

    /// Waits for room. Every module but this one only ever tries to send to this one, so none keeps it waiting.
    fn tell_clients(&self, message: ClientsMessage) {
        let _ = self.channels.clients.send(message);
    }
}
