//! spec/worker/master_link/reply_batch.md · 3.2.2 Master Server Communication
//!
//! What one read of the link brought for clients, grouped so that each connection gets one write.

use super::super::client::WorkerClient;
use crate::wire::wipe;
use std::ops::Range;
use std::sync::Arc;

/// What becomes of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeliveryKind {
    /// More of the reply comes.
    Part,
    /// The reply ends with them.
    Last,
    /// A notice that the order is queued.
    Notice,
    /// The same, and the client has had it.
    Again,
}

#[derive(Debug)]
struct Delivery {
    client: Arc<WorkerClient>,
    number: u64,
    how: DeliveryKind,
    bytes: Range<usize>,
}

/// Replies on their way to clients.
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
    /// A frame of a reply, and whether it is the last.
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

    /// The order of this number is on the master's queue; the client is told unless it has been.
    pub fn queued(&mut self, client: &Arc<WorkerClient>, number: u64, frame: &[u8], told: bool) {
        if told {
            self.push(client, number, DeliveryKind::Again, &[]);
        } else {
            self.push(client, number, DeliveryKind::Notice, frame);
        }
    }

    fn push(&mut self, client: &Arc<WorkerClient>, number: u64, how: DeliveryKind, frame: &[u8]) {
        let start = self.bytes.len();
        wipe::append(&mut self.bytes, frame);
        self.items.push(Delivery {
            client: Arc::clone(client),
            number,
            how,
            bytes: start..self.bytes.len(),
        });
    }

    /// Hands everything over to the connections.
    pub fn flush(&mut self) {
        // Stable: what goes to one connection keeps its order.
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
                match item.how {
                    DeliveryKind::Part => sending.part(number, |out| out.extend_from_slice(frame)),
                    DeliveryKind::Last => sending.reply(number, |out| out.extend_from_slice(frame)),
                    DeliveryKind::Notice => {
                        sending.notice(|out| out.extend_from_slice(frame));
                        sending.applied(number);
                    }
                    DeliveryKind::Again => sending.applied(number),
                }
            }
        }
        self.items.clear();
        wipe::clear(&mut self.bytes);
        self.bytes.shrink_to(RETAIN_BYTES);
    }
}

/// Room that is kept between reads.
const RETAIN_BYTES: usize = 256 * 1024;
