//! spec/worker/master_link.md · 3.2.2 Master Server Communication
//!
//! Replies that one read of the link brought, grouped by connection, so that each connection gets
//! one write.
//!
//! Tests: `src/worker/tests.rs`.

use super::super::client::WorkerClient;
use crate::wire::wipe;
use std::ops::Range;
use std::sync::Arc;

/// How bytes are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeliveryKind {
    /// A part of a reply.
    Part,
    /// The last part of a reply.
    Last,
    /// The notice that an order is queued.
    Notice,
    /// The same notice, which the client has already got.
    RepeatedNotice,
}

/// Bytes for one client.
#[derive(Debug)]
struct Delivery {
    client: Arc<WorkerClient>,
    number: u64,
    kind: DeliveryKind,
    bytes: Range<usize>,
}

/// Replies to be delivered to clients.
#[derive(Default)]
pub struct ClientReplyBatch {
    items: Vec<Delivery>,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for ClientReplyBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientReplyBatch({} to be sent)", self.items.len())
    }
}

impl ClientReplyBatch {
    /// Adds a frame of a reply; `last` ends the reply.
    pub fn reply(&mut self, client: &Arc<WorkerClient>, number: u64, frame: &[u8], last: bool) {
        self.push(
            client,
            number,
            if last {
                DeliveryKind::Last
            } else {
                DeliveryKind::Part
            },
            frame,
        );
    }

    /// Adds the notice that an order is queued. A client that is `notified` already does not get it
    /// again.
    pub fn queued(
        &mut self,
        client: &Arc<WorkerClient>,
        number: u64,
        frame: &[u8],
        notified: bool,
    ) {
        if notified {
            self.push(client, number, DeliveryKind::RepeatedNotice, &[]);
        } else {
            self.push(client, number, DeliveryKind::Notice, frame);
        }
    }

    fn push(&mut self, client: &Arc<WorkerClient>, number: u64, kind: DeliveryKind, frame: &[u8]) {
        let start = self.bytes.len();
        wipe::append(&mut self.bytes, frame);
        self.items.push(Delivery {
            client: Arc::clone(client),
            number,
            kind,
            bytes: start..self.bytes.len(),
        });
    }

    /// Delivers everything.
    pub fn flush(&mut self) {
        // A stable sort keeps the order of each connection.
        self.items.sort_by_key(|item| item.client.connection.number);
        for group in self
            .items
            .chunk_by(|a, b| a.client.connection.number == b.client.connection.number)
        {
            let Some(first) = group.first() else {
                continue;
            };
            let mut sending = first.client.connection.sending();
            for item in group {
                let frame = self.bytes.get(item.bytes.clone()).unwrap_or_default();
                let number = item.number;
                match item.kind {
                    DeliveryKind::Part => sending.part(number, |out| out.extend_from_slice(frame)),
                    DeliveryKind::Last => sending.reply(number, |out| out.extend_from_slice(frame)),
                    DeliveryKind::Notice => {
                        sending.notice(|out| out.extend_from_slice(frame));
                        sending.applied(number);
                    }
                    DeliveryKind::RepeatedNotice => sending.applied(number),
                }
            }
        }
        self.items.clear();
        wipe::clear(&mut self.bytes);
        self.bytes.shrink_to(RETAIN_BYTES);
    }
}

/// Capacity of the buffer that is kept between reads.
const RETAIN_BYTES: usize = 256 * 1024;
