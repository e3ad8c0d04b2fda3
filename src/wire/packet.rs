//! spec/wire/packet.md · 4.7.1 Data Transfer Mechanism, 4.6.27 data

use super::{DATA_MAX, FrameHeader, Instruction, ProtocolError};
use crate::model::ProtocolFault;

/// The default limit of a reassembled payload, in bytes: 1 GiB.
pub const PAYLOAD_MAX: usize = 1 << 30;

/// Appends a payload as `data` packets of at most 8,192 bytes, numbered from 1 to dataMessageMax.
/// An empty payload is one packet of 0 bytes.
pub fn write(out: &mut Vec<u8>, payload: &[u8]) {
    let size = u64::try_from(payload.len()).unwrap_or(u64::MAX);
    PacketWriter::new(size).write(out, payload);
}

/// Writes a payload as the packets of [`write`](write()), piece by piece. Its size is known before,
/// since every packet tells how many there are. It keeps less than one packet.
#[derive(Debug)]
pub struct PacketWriter {
    /// Bytes of the payload that are still to come.
    missing: u64,
    /// Number of the next packet.
    next: u32,
    max: u32,
    /// The beginning of the next packet's data.
    begun: Vec<u8>,
}

impl PacketWriter {
    /// A writer of a payload of `size` bytes.
    pub fn new(size: u64) -> PacketWriter {
        let packets = size.div_ceil(DATA_MAX as u64).max(1);
        PacketWriter {
            missing: size,
            next: 1,
            max: u32::try_from(packets).unwrap_or(u32::MAX),
            begun: Vec::new(),
        }
    }

    /// Appends the packets that the next bytes of the payload fill, and the last one with its last
    /// byte. Bytes beyond the size are dropped.
    pub fn write(&mut self, out: &mut Vec<u8>, payload: &[u8]) {
        let missing = usize::try_from(self.missing).unwrap_or(usize::MAX);
        let mut rest = &payload[..payload.len().min(missing)];
        self.missing -= rest.len() as u64;
        let bytes = self.begun.len() + rest.len();
        out.reserve(bytes + (bytes / DATA_MAX + 1) * super::frame::HEADER_BYTES);
        while self.begun.len() + rest.len() >= DATA_MAX {
            let (filling, left) = rest.split_at(DATA_MAX - self.begun.len());
            self.packet(out, filling);
            rest = left;
        }
        if self.missing == 0 && !self.is_complete() {
            self.packet(out, rest);
        } else {
            self.begun.extend_from_slice(rest);
        }
    }

    /// Whether the last packet was written.
    pub fn is_complete(&self) -> bool {
        self.next > self.max
    }

    /// Appends a packet of what was kept and `data`.
    fn packet(&mut self, out: &mut Vec<u8>, data: &[u8]) {
        let header = FrameHeader {
            number: self.next,
            max: self.max,
            ..FrameHeader::single(Instruction::Data, self.begun.len() + data.len(), 0)
        };
        out.extend_from_slice(&header.bytes());
        out.append(&mut self.begun);
        out.extend_from_slice(data);
        self.next = self.next.saturating_add(1);
    }
}

/// Joins the packets of a transfer. It checks that each packet is the next one of the same set.
#[derive(Debug)]
pub struct Reassembly {
    payload: Vec<u8>,
    next: u32,
    max: u32,
    limit: usize,
}

impl Default for Reassembly {
    fn default() -> Self {
        Reassembly::new(PAYLOAD_MAX)
    }
}

impl Reassembly {
    /// A reassembly that accepts at most `limit` bytes of payload.
    pub fn new(limit: usize) -> Reassembly {
        Reassembly {
            payload: Vec::new(),
            next: 1,
            max: 0,
            limit,
        }
    }

    /// The number of packets received and of packets expected. `(0, 0)` before the first.
    pub fn progress(&self) -> (u32, u32) {
        (self.next - 1, self.max)
    }

    /// Drops the packets of a transfer that a Fail has ended.
    pub fn abandon(&mut self) {
        *self = Reassembly::new(self.limit);
    }

    /// Adds a `data` packet. Returns the payload with the last packet; the next transfer may then
    /// begin.
    ///
    /// # Errors
    /// `bad-frame`: a packet out of order, a dataMessageMax other than the first packet's, a packet
    /// before the last that is not full, arguments. `too-large`: more payload than the limit.
    pub fn push(
        &mut self,
        header: &FrameHeader,
        data: &[u8],
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        const fn bad(text: &'static str) -> ProtocolError {
            ProtocolError::new(ProtocolFault::BadFrame, text)
        }
        if header.argument_count != 0 {
            return Err(bad("a data packet carries no arguments"));
        }
        if header.number != self.next {
            return Err(bad("a data packet out of order"));
        }
        if self.next == 1 {
            self.max = header.max;
        }
        if header.max != self.max || header.max == 0 {
            return Err(bad("a data packet of another set"));
        }
        let last = header.number == self.max;
        if data.len() > DATA_MAX
            || (!last && data.len() != DATA_MAX)
            || (last && self.max > 1 && data.is_empty())
        {
            return Err(bad(
                "every data packet but the last is full, and none beyond the first is empty",
            ));
        }
        if self.payload.len() + data.len() > self.limit {
            return Err(ProtocolError::new(
                ProtocolFault::TooLarge,
                "a data transfer beyond the limit",
            ));
        }
        self.payload.extend_from_slice(data);
        if !last {
            self.next += 1;
            return Ok(None);
        }
        self.next = 1;
        self.max = 0;
        Ok(Some(std::mem::take(&mut self.payload)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FrameBuffer;

    fn transfer(payload: &[u8]) -> Vec<(FrameHeader, Vec<u8>)> {
        let mut bytes = Vec::new();
        write(&mut bytes, payload);
        let mut buffer = FrameBuffer::new();
        buffer.extend(&bytes);
        let mut packets = Vec::new();
        while let Some((header, data)) = buffer.next(FrameHeader::check).unwrap() {
            packets.push((header, data.to_vec()));
        }
        packets
    }

    #[test]
    fn payloads_of_every_size_are_reassembled() {
        for size in [0, 1, DATA_MAX - 1, DATA_MAX, DATA_MAX + 1, 3 * DATA_MAX] {
            let payload: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let packets = transfer(&payload);
            assert_eq!(packets.len(), size.div_ceil(DATA_MAX).max(1));
            let mut reassembly = Reassembly::default();
            let mut out = None;
            for (header, data) in &packets {
                assert!(out.is_none());
                out = reassembly.push(header, data).unwrap();
            }
            assert_eq!(out, Some(payload));
        }
    }

    #[test]
    fn a_payload_in_pieces_of_any_size_makes_the_same_packets() {
        for size in [
            0,
            1,
            DATA_MAX - 1,
            DATA_MAX,
            DATA_MAX + 1,
            3 * DATA_MAX,
            3 * DATA_MAX + 5,
        ] {
            let payload: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let mut whole = Vec::new();
            write(&mut whole, &payload);
            for piece in [
                1,
                100,
                DATA_MAX - 1,
                DATA_MAX,
                DATA_MAX + 1,
                2 * DATA_MAX,
                40_000,
            ] {
                let mut writer = PacketWriter::new(size as u64);
                let mut out = Vec::new();
                let mut pieces: Vec<&[u8]> = payload.chunks(piece).collect();
                if pieces.is_empty() {
                    pieces.push(&[]);
                }
                for piece in pieces {
                    assert!(!writer.is_complete());
                    writer.write(&mut out, piece);
                    assert!(writer.begun.len() < DATA_MAX);
                }
                assert!(writer.is_complete() && out == whole, "{size} in {piece}");
                writer.write(&mut out, b"more");
                assert_eq!(out.len(), whole.len());
            }
        }
    }

    #[test]
    fn lost_repeated_and_reordered_packets_are_refused() {
        let packets = transfer(&vec![7; 3 * DATA_MAX]);
        for order in [&[1][..], &[0, 0], &[0, 2], &[0, 1, 1]] {
            let mut reassembly = Reassembly::default();
            let last = order
                .iter()
                .map(|i| reassembly.push(&packets[*i].0, &packets[*i].1))
                .last()
                .unwrap();
            assert!(last.is_err(), "{order:?}");
        }
        let mut abandoned = Reassembly::default();
        assert!(abandoned.push(&packets[0].0, &packets[0].1).is_ok());
        abandoned.abandon();
        assert_eq!(abandoned.progress(), (0, 0));
        assert!(abandoned.push(&packets[0].0, &packets[0].1).is_ok());
        let mut small = Reassembly::new(DATA_MAX);
        assert!(small.push(&packets[0].0, &packets[0].1).is_ok());
        assert_eq!(
            small.push(&packets[1].0, &packets[1].1).unwrap_err().code,
            ProtocolFault::TooLarge
        );
    }
}
