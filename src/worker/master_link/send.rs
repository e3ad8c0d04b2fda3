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
use crate::link::message::WorkerReport;
use crate::model::Timestamp;
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
            if !self.pending.has_room() {
                sender.fail(number, request.instruction(), &Refusal::worker_overloaded());
                continue;
            }
            let client = Arc::clone(&sender);
            let requester = if destination == Destination::Orders {
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
        };
        self.send(Requester::Report(report), Timestamp::now(), None, now);
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
