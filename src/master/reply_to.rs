//! spec/master.md · 3.1.1 Main Module, 4.7 Communication
//!
//! Sends replies: over the link that the request came from, under the request's sequence number.

use crate::link::connection::LinkConnection;
use crate::link::envelope::{BODY_MAX, EnvelopeHeader};
use crate::model::{Timestamp, WorkerServer};
use crate::wire::reply::write_fail;
use crate::wire::{DATA_MAX, Instruction, Refusal, frame, packet, wipe};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use uuid::Uuid;

/// A worker with an open link.
#[derive(Debug)]
pub struct LinkedWorker {
    pub worker: WorkerServer,
    /// The boot ID, which the worker's process drew when it started. An administrator's boot of the
    /// worker is another thing.
    pub boot: Uuid,
    pub link: Arc<LinkConnection>,
    /// When the handshake was done.
    pub since: Timestamp,
}

impl LinkedWorker {
    /// Sends a push: a message that answers no request.
    pub fn push(&self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.link.send(&self.header(0), fill);
    }

    /// Sends a push of any size. It is cut between frames into as many link messages as it needs.
    pub fn push_frames(&self, frames: &[u8]) {
        let mut sending = self.link.sending();
        for body in bodies(frames) {
            sending.message(&self.header(0), |out| out.extend_from_slice(body));
        }
    }

    fn header(&self, sequence: u64) -> EnvelopeHeader {
        EnvelopeHeader {
            worker: self.worker.uuid,
            boot: self.boot,
            sequence,
            timestamp: Timestamp::now(),
            client: None,
        }
    }
}

/// Cuts whole frames into bodies of at most [`BODY_MAX`] bytes.
pub fn bodies(frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = frames;
    std::iter::from_fn(move || {
        let mut end = 0;
        while let Some(header) = rest.get(end..).and_then(|left| left.first_chunk()) {
            let size = usize::try_from(crate::wire::FrameHeader::read(header).data_size)
                .unwrap_or(DATA_MAX);
            if end + frame::HEADER_BYTES + size > BODY_MAX {
                break;
            }
            end += frame::HEADER_BYTES + size;
        }
        let (body, left) = rest.split_at_checked(end)?;
        rest = left;
        (!body.is_empty()).then_some(body)
    })
}

/// The destination of the reply to one request.
#[derive(Debug, Clone)]
pub struct ReplyTo {
    pub peer: Arc<LinkedWorker>,
    /// The sequence number of the request.
    pub sequence: u64,
    /// When the worker stamped the request.
    pub timestamp: Timestamp,
    /// The client's address, as the worker saw it.
    pub client: Option<SocketAddr>,
    /// Whether the worker sent this request before, over a link that broke (`linkAgain`).
    pub again: bool,
}

impl ReplyTo {
    /// Sends a reply's frames.
    pub fn send(&self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.peer.link.send(&self.peer.header(self.sequence), fill);
    }

    /// Sends the Fail return of `instruction`.
    pub fn fail(&self, instruction: Instruction, refusal: &Refusal) {
        self.send(|out| write_fail(out, instruction, refusal));
    }

    /// Sends a payload as a data transfer, in as many link messages as it needs.
    pub fn data(&self, payload: &[u8]) {
        let mut frames = Vec::new();
        packet::write(&mut frames, payload);
        let mut sending = self.peer.link.sending();
        for body in bodies(&frames) {
            sending.message(&self.peer.header(self.sequence), |out| {
                out.extend_from_slice(body)
            });
        }
    }

    /// The client's IP address; 0.0.0.0 if the worker gave none.
    pub fn client_ip(&self) -> IpAddr {
        let ip = self
            .client
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.ip());
        ip.to_canonical()
    }
}

/// Initial capacity of a batch: two frames of text arguments.
const INITIAL_BYTES: usize = 2 * (frame::HEADER_BYTES + DATA_MAX);

/// Replies that leave together: one write for each link.
#[derive(Default)]
pub struct ReplyBatch {
    replies: Vec<(ReplyTo, usize)>,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for ReplyBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReplyBatch({} replies)", self.replies.len())
    }
}

impl ReplyBatch {
    /// An empty batch.
    pub fn new() -> ReplyBatch {
        ReplyBatch::default()
    }

    /// Adds the frames of one link message.
    pub fn add(&mut self, reply_to: ReplyTo, write: impl FnOnce(&mut Vec<u8>)) {
        // The buffer holds session IDs: `wipe` erases the old memory when it grows.
        wipe::reserve(&mut self.bytes, INITIAL_BYTES);
        write(&mut self.bytes);
        self.replies.push((reply_to, self.bytes.len()));
    }

    /// Adds the Fail return of `instruction`.
    pub fn fail(&mut self, reply_to: ReplyTo, instruction: Instruction, refusal: &Refusal) {
        self.add(reply_to, |out| write_fail(out, instruction, refusal));
    }

    /// Adds a payload as a data transfer, in as many link messages as it needs.
    pub fn data(&mut self, reply_to: &ReplyTo, payload: &[u8]) {
        let mut frames = Vec::new();
        packet::write(&mut frames, payload);
        for body in bodies(&frames) {
            self.add(reply_to.clone(), |out| out.extend_from_slice(body));
        }
    }

    /// Bytes in the batch.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Sends the replies, in the order in which they were added, and empties the batch.
    pub fn send(&mut self) {
        let mut by_link: Vec<(usize, &ReplyTo, &[u8])> = Vec::with_capacity(self.replies.len());
        let mut from = 0;
        for (index, (reply_to, to)) in self.replies.iter().enumerate() {
            by_link.push((index, reply_to, &self.bytes[from..*to]));
            from = *to;
        }
        by_link.sort_by_key(|(index, reply_to, _)| (reply_to.peer.link.number, *index));
        for group in by_link.chunk_by(|a, b| a.1.peer.link.number == b.1.peer.link.number) {
            if let Some((_, first, _)) = group.first() {
                let mut sending = first.peer.link.sending();
                for (_, reply_to, frames) in group {
                    sending.message(&reply_to.peer.header(reply_to.sequence), |out| {
                        out.extend_from_slice(frames)
                    });
                }
            }
        }
        self.replies.clear();
        wipe::clear(&mut self.bytes);
    }
}

#[cfg(test)]
mod tests;
