//! spec/worker/master_link.md · 3.2.2 "pass it to the master", 4.1, 2.1.8 (timestamps)
//!
//! Sends requests to the master: each gets a sequence number, becomes pending, and is appended to
//! the messages of the turn.
//!
//! Tests: `src/worker/tests.rs`.

use super::MasterLink;
use super::pending::Requester;
use crate::link::connection::append_message;
use crate::link::envelope::EnvelopeHeader;
use crate::link::message::{WorkerAbout, WorkerReport};
use crate::model::{Reason, Timestamp};
use crate::runtime::dynamic_share::ShareError;
use crate::wire::{Destination, Instruction, Refusal, frame, wipe};
use crate::worker::messages::{MasterQuery, RequestBatch};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

impl MasterLink {
    /// Sends orders or account queries of one client.
    pub(super) fn on_batch(&mut self, batch: RequestBatch) {
        if self.link.is_none() {
            batch.refuse(&Refusal::master_unavailable());
            return;
        }
        let now = Instant::now();
        let (timestamp, destination) = (batch.timestamp, batch.destination);
        let sender = Arc::clone(&batch.client);
        for (number, request) in batch.into_numbered() {
            let is_order = destination == Destination::Orders;
            let room = if is_order {
                self.pending.room_for_order(&sender)
            } else {
                self.pending.room_for_query(&sender)
            };
            if let Err(full) = room {
                let text = room_text(is_order, full);
                let refusal = Refusal::new(Reason::Overloaded, text);
                sender.fail(number, request.instruction(), &refusal);
                continue;
            }
            let client = Arc::clone(&sender);
            let requester = if is_order {
                Requester::Order {
                    client,
                    number,
                    request,
                    notified: false,
                    queued: false,
                }
            } else {
                Requester::AccountQuery {
                    client,
                    number,
                    request,
                }
            };
            self.send(requester, timestamp, Some(sender.connection.peer), now);
        }
    }

    /// Sends a module's own query.
    pub(super) fn on_query(&mut self, query: MasterQuery) {
        let requester = Requester::from(query.kind);
        if self.link.is_some() {
            self.send(requester, query.timestamp, query.client, Instant::now());
        } else {
            self.fail_request(requester);
        }
    }

    fn send(
        &mut self,
        requester: Requester,
        timestamp: Timestamp,
        client: Option<SocketAddr>,
        now: Instant,
    ) {
        let header = self.header(self.pending.next_sequence(), timestamp, client);
        append_message(&mut self.unsent, &header, |out| requester.write(out));
        self.pending.add(requester, timestamp, client, now);
    }

    fn header(
        &mut self,
        sequence: u64,
        timestamp: Timestamp,
        client: Option<SocketAddr>,
    ) -> EnvelopeHeader {
        self.last_timestamp = self.last_timestamp.max(timestamp);
        EnvelopeHeader {
            worker: self.worker,
            boot: self.boot,
            sequence,
            timestamp: self.last_timestamp,
            client,
        }
    }

    /// Sends retained requests again, with their first sequence numbers and timestamps.
    pub(super) fn send_again(&mut self, sequences: &[u64]) {
        if self.link.is_none() {
            return;
        }
        for sequence in sequences {
            let Some((timestamp, client)) = self
                .pending
                .get_mut(*sequence)
                .map(|p| (p.timestamp, p.client))
            else {
                continue;
            };
            let header = self.header(*sequence, timestamp, client);
            if let Some(request) = self
                .pending
                .get_mut(*sequence)
                .and_then(|p| p.requester.request())
            {
                append_message(&mut self.unsent, &header, |out| {
                    frame::write(out, Instruction::LinkAgain, &[]);
                    request.write(out);
                });
            }
        }
    }

    /// Sends the worker's report.
    pub(super) fn report(&mut self, now: Instant) {
        if self.link.is_none() {
            return;
        }
        let report = WorkerReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: i64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(i64::MAX),
            connections: self.gauges.connections(),
            sessions: self.gauges.sessions.load(Ordering::Relaxed),
            cached: self.gauges.cached.load(Ordering::Relaxed),
            cached_bytes: self.gauges.cached_bytes.load(Ordering::Relaxed),
            parked: u32::try_from(self.pending.len()).unwrap_or(u32::MAX),
            about: WorkerAbout::clone(&self.gauges.about.load()),
        };
        self.check_registration(&report.about);
        self.send(Requester::Report(report), Timestamp::now(), None, now);
    }

    /// Warns once of what the configuration says otherwise than the registration.
    fn check_registration(&mut self, about: &WorkerAbout) {
        let Some((name, address)) = &self.registered else {
            return;
        };
        let mut said = Vec::new();
        if *name != about.name {
            said.push(format!(
                "name = {:?}, but the master has registered this worker as {name}: set name = {name:?}",
                about.name
            ));
        }
        if *address != about.advertise {
            said.push(format!(
                "advertise = {:?}, but clients are told {address}, as registered: set advertise = \
                 {address:?}, or on the master `papertraderctl workers set {name} --address {}`",
                about.advertise, about.advertise
            ));
        }
        if said != self.mismatches {
            for mismatch in &said {
                crate::warn!("{mismatch}");
            }
            self.mismatches = said;
        }
    }

    /// Sends the messages of the turn in one write.
    pub(super) fn flush(&mut self) {
        if self.unsent.is_empty() {
            return;
        }
        match &self.link {
            Some(link) => link.sending().messages(&mut self.unsent),
            None => wipe::clear(&mut self.unsent),
        }
    }
}

/// Whose share of the room for pending requests is full, for the client.
fn room_text(is_order: bool, full: ShareError) -> &'static str {
    match (is_order, full) {
        (true, ShareError::Full | ShareError::Source) => {
            "the worker has no room for more orders; wait for an update"
        }
        (true, ShareError::Asker) => {
            "the worker is nearly full, and this connection has its share of the rest; wait for an \
             update"
        }
        (true, ShareError::Neighbourhood | ShareError::Around) => {
            "the worker is nearly full, and this address or the network around it has its share of \
             the rest; wait for an update"
        }
        (false, ShareError::Full | ShareError::Source) => {
            "the worker has too much to do; try again in a moment"
        }
        (false, ShareError::Asker) => {
            "the worker is nearly full, and this connection has its share of the rest; try again in \
             a moment"
        }
        (false, ShareError::Neighbourhood | ShareError::Around) => {
            "the worker is nearly full, and this address or the network around it has its share of \
             the rest; try again in a moment"
        }
    }
}
