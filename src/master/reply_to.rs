//! spec/master/reply_to.md · 3.1.1 Main Module, 4.7 Communication
//!
//! Where an answer goes: the worker's link that the request came over, under the request's number.

use crate::link::connection::LinkConnection;
use crate::link::envelope::{BODY_MAX, EnvelopeHeader};
use crate::model::{Timestamp, WorkerServer};
use crate::wire::reply::write_fail;
use crate::wire::{Instruction, MAX_DATA, Refusal, frame, packet, wipe};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use uuid::Uuid;

/// A worker whose link stands.
#[derive(Debug)]
pub struct LinkedWorker {
    /// As it was registered.
    pub worker: WorkerServer,
    /// Drawn when its process started.
    pub boot: Uuid,
    /// Its link.
    pub line: Arc<LinkConnection>,
    /// When the link stood.
    pub since: Timestamp,
}

impl LinkedWorker {
    /// Sends a push: a message that answers nothing.
    pub fn push(&self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.line.send(&self.header(0), fill);
    }

    /// Sends a push whose frames may be more than one message holds. They are cut between frames.
    pub fn push_frames(&self, frames: &[u8]) {
        let mut sending = self.line.sending();
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

/// Cuts whole frames into bodies that a link message holds.
pub fn bodies(frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = frames;
    std::iter::from_fn(move || {
        let mut end = 0;
        while let Some(header) = rest.get(end..).and_then(|left| left.first_chunk()) {
            let size = usize::try_from(crate::wire::FrameHeader::read(header).data_size).unwrap_or(MAX_DATA);
            if end + frame::HEADER + size > BODY_MAX {
                break;
            }
            end += frame::HEADER + size;
        }
        let (body, left) = rest.split_at_checked(end)?;
        rest = left;
        (!body.is_empty()).then_some(body)
    })
}

/// The way back for one request.
#[derive(Debug, Clone)]
pub struct ReplyTo {
    /// Over which link.
    pub peer: Arc<LinkedWorker>,
    /// Under which number.
    pub sequence: u64,
    /// When the worker stamped the request.
    pub timestamp: Timestamp,
    /// The client's address, as the worker saw it.
    pub client: Option<SocketAddr>,
    /// Whether the worker has sent it before, over a link that broke.
    pub again: bool,
}

impl ReplyTo {
    /// Sends a reply's frames.
    pub fn send(&self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.peer.line.send(&self.peer.header(self.sequence), fill);
    }

    /// Sends the Fail return of `instruction`.
    pub fn fail(&self, instruction: Instruction, refusal: &Refusal) {
        self.send(|out| write_fail(out, instruction, refusal));
    }

    /// Sends a payload as a data transfer, over as many messages as it takes.
    pub fn data(&self, payload: &[u8]) {
        let mut frames = Vec::new();
        packet::write(&mut frames, payload);
        let mut sending = self.peer.line.sending();
        for body in bodies(&frames) {
            sending.message(&self.peer.header(self.sequence), |out| {
                out.extend_from_slice(body)
            });
        }
    }

    /// The client's IP; the worker's own where it named none.
    pub fn client_ip(&self) -> IpAddr {
        let ip = self
            .client
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.ip());
        ip.to_canonical()
    }
}

/// Room for a reply of two frames with text arguments.
const INITIAL_BYTES: usize = 2 * (frame::HEADER + MAX_DATA);

/// Replies that leave together: one write a link, however many there are.
#[derive(Default)]
pub struct ReplyBatch {
    routes: Vec<(ReplyTo, usize)>,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for ReplyBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replies({} to be sent)", self.routes.len())
    }
}

impl ReplyBatch {
    /// With none.
    pub fn new() -> ReplyBatch {
        ReplyBatch::default()
    }

    /// Adds one message's frames.
    pub fn add(&mut self, reply_to: ReplyTo, write: impl FnOnce(&mut Vec<u8>)) {
        // The replies to logins are here too, and must not be left behind where they move from.
        wipe::reserve(&mut self.bytes, INITIAL_BYTES);
        write(&mut self.bytes);
        self.routes.push((reply_to, self.bytes.len()));
    }

    /// Adds the Fail return of `instruction`.
    pub fn fail(&mut self, reply_to: ReplyTo, instruction: Instruction, refusal: &Refusal) {
        self.add(reply_to, |out| write_fail(out, instruction, refusal));
    }

    /// Adds a payload as a data transfer, over as many messages as it takes.
    pub fn data(&mut self, reply_to: &ReplyTo, payload: &[u8]) {
        let mut frames = Vec::new();
        packet::write(&mut frames, payload);
        for body in bodies(&frames) {
            self.add(reply_to.clone(), |out| out.extend_from_slice(body));
        }
    }

    /// Bytes that are to be sent.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Sends them, in the order in which they were added.
    pub fn send(&mut self) {
        let mut by_link: Vec<(usize, &ReplyTo, &[u8])> = Vec::with_capacity(self.routes.len());
        let mut from = 0;
        for (index, (reply_to, to)) in self.routes.iter().enumerate() {
            by_link.push((index, reply_to, &self.bytes[from..*to]));
            from = *to;
        }
        by_link.sort_by_key(|(index, reply_to, _)| (reply_to.peer.line.number, *index));
        for group in by_link.chunk_by(|a, b| a.1.peer.line.number == b.1.peer.line.number) {
            if let Some((_, first, _)) = group.first() {
                let mut sending = first.peer.line.sending();
                for (_, reply_to, frames) in group {
                    sending.message(&reply_to.peer.header(reply_to.sequence), |out| {
                        out.extend_from_slice(frames)
                    });
                }
            }
        }
        self.routes.clear();
        wipe::clear(&mut self.bytes);
    }
}

#[cfg(test)]
mod tests;
