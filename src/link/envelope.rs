//! spec/link/envelope.md · 2.1.5 User/Client Data, 4.1 Design Goals, 4.3.1
//!
//! The link message: an envelope (worker, boot ID, sequence number, timestamp, client) and the
//! frames it carries. Bytes only.

use crate::model::{Timestamp, ValueError};
use crate::runtime::metrics::instructions;
use crate::wire::wipe;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use uuid::Uuid;

/// Bytes before the body: UUID, boot ID, sequence, timestamp, client address and port, length.
pub const HEADER_LEN: usize = 16 + 16 + 8 + 8 + 18 + 4;

/// The most bytes of a body. A larger payload travels in several envelopes of the same sequence
/// number.
pub const BODY_MAX: usize = 1 << 20;

/// The fewest bytes of a body: the header of one frame.
pub const BODY_MIN: usize = 17;

const LENGTH: ValueError = ValueError("a link message's body has 17 to 1048576 bytes");
const FOREIGN: ValueError = ValueError("a link message with another worker's UUID");

/// The fields in front of the frames of a link message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvelopeHeader {
    /// UUID of the worker of this link, in both directions (4.1).
    pub worker: Uuid,
    /// Boot ID: drawn at random when the worker's process starts. Together with `worker` and
    /// `sequence` it identifies a request.
    pub boot: Uuid,
    /// Sequence number of the request. A reply has the number of its request, and a push of the
    /// master has 0.
    pub sequence: u64,
    /// The sender's clock when it sent the message.
    pub timestamp: Timestamp,
    /// The client that sent the request. `None` in pushes and in messages of the worker itself.
    pub client: Option<SocketAddr>,
}

/// A link message in the buffer of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkMessage<'a> {
    pub header: EnvelopeHeader,
    /// One or several complete frames.
    pub body: &'a [u8],
}

impl EnvelopeHeader {
    /// Appends this header and `body` to `out`.
    ///
    /// # Errors
    /// The body has fewer than [`BODY_MIN`] or more than [`BODY_MAX`] bytes. `out` is unchanged
    /// then.
    pub fn append(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
        check_length(body.len())?;
        wipe::reserve(out, HEADER_LEN + body.len());
        self.append_with(out, |out| out.extend_from_slice(body))
    }

    /// Appends this header, and the body that `fill` appends to the same buffer, so that frames are
    /// encoded in place. `fill` must only append.
    ///
    /// # Errors
    /// The body has fewer than [`BODY_MIN`] or more than [`BODY_MAX`] bytes. `out` is unchanged
    /// then.
    pub fn append_with(
        &self,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), ValueError> {
        let start = out.len();
        out.extend_from_slice(self.worker.as_bytes());
        out.extend_from_slice(self.boot.as_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.0.to_be_bytes());
        out.extend_from_slice(&client_bytes(self.client));
        let length_at = out.len();
        out.extend_from_slice(&[0; 4]);
        fill(out);
        let length = out.len().saturating_sub(length_at + 4);
        let written = check_length(length).and_then(|()| u32::try_from(length).map_err(|_| LENGTH));
        match (written, out.get_mut(length_at..length_at + 4)) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(&length.to_be_bytes());
                Ok(())
            }
            _ => {
                out.truncate(start);
                Err(LENGTH)
            }
        }
    }
}

/// Splits a stream of plaintext into the link messages of one worker.
///
/// Pass received plaintext to [`EnvelopeDecoder::take`], then call [`EnvelopeDecoder::next`] until
/// it returns `None`. The buffer then holds at most one incomplete message. Consumed bytes are
/// wiped.
pub struct EnvelopeDecoder {
    worker: Uuid,
    buffer: Vec<u8>,
    at: usize,
    failed: Option<ValueError>,
}

impl Drop for EnvelopeDecoder {
    fn drop(&mut self) {
        wipe::clear(&mut self.buffer);
    }
}

impl fmt::Debug for EnvelopeDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("worker", &self.worker)
            .field("bytes", &(self.buffer.len() - self.at))
            .field("failed", &self.failed)
            .finish()
    }
}

impl EnvelopeDecoder {
    /// A decoder that accepts only messages of `worker`.
    pub fn new(worker: Uuid) -> EnvelopeDecoder {
        EnvelopeDecoder {
            worker,
            buffer: Vec::new(),
            at: 0,
            failed: None,
        }
    }

    /// The buffer to which the caller appends received plaintext.
    pub fn input(&mut self) -> &mut Vec<u8> {
        self.compact();
        &mut self.buffer
    }

    /// Moves received plaintext into the decoder. `plain` is wiped and empty afterwards.
    pub fn take(&mut self, plain: &mut Vec<u8>) {
        self.compact();
        wipe::append(&mut self.buffer, plain);
        wipe::clear(plain);
    }

    /// Wipes and removes consumed bytes.
    fn compact(&mut self) {
        wipe::drop_front(&mut self.buffer, self.at);
        self.at = 0;
    }

    /// The next complete message, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// The header has the UUID of another worker or a length out of bounds. It is checked before
    /// the body arrives. The error is final: every later call returns it.
    // `Iterator` cannot return a reference to its own buffer.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<LinkMessage<'_>>, ValueError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let Some((header, length)) = read_header(self.buffer.get(self.at..).unwrap_or(&[])) else {
            self.compact();
            return Ok(None);
        };
        if let Err(failed) = self.check(&header, length) {
            self.failed = Some(failed);
            return Err(failed);
        }
        let start = self.at + HEADER_LEN;
        let end = start + length;
        if self.buffer.len() < end {
            self.compact();
            return Ok(None);
        }
        self.at = end;
        let body = self.buffer.get(start..end).unwrap_or(&[]);
        instructions::from_link(body);
        Ok(Some(LinkMessage { header, body }))
    }

    /// Whether the buffer holds no part of a message, so that the stream may end here.
    pub fn is_between_messages(&self) -> bool {
        self.at == self.buffer.len()
    }

    fn check(&self, header: &EnvelopeHeader, length: usize) -> Result<(), ValueError> {
        if header.worker != self.worker {
            return Err(FOREIGN);
        }
        check_length(length)
    }
}

fn check_length(length: usize) -> Result<(), ValueError> {
    if (BODY_MIN..=BODY_MAX).contains(&length) {
        Ok(())
    } else {
        Err(LENGTH)
    }
}

/// 16 bytes of IPv6 address (IPv4 as v4-mapped), then the port. All zero without a client.
fn client_bytes(client: Option<SocketAddr>) -> [u8; 18] {
    let mut bytes = [0; 18];
    if let Some(address) = client {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        bytes[..16].copy_from_slice(&ip.octets());
        bytes[16..].copy_from_slice(&address.port().to_be_bytes());
    }
    bytes
}

fn client_address(ip: [u8; 16], port: u16) -> Option<SocketAddr> {
    if ip == [0; 16] && port == 0 {
        return None;
    }
    Some(SocketAddr::new(Ipv6Addr::from(ip).to_canonical(), port))
}

/// The header and the length of the body. `None` while the header is incomplete.
fn read_header(bytes: &[u8]) -> Option<(EnvelopeHeader, usize)> {
    let (worker, bytes) = bytes.split_first_chunk::<16>()?;
    let (boot, bytes) = bytes.split_first_chunk::<16>()?;
    let (sequence, bytes) = bytes.split_first_chunk::<8>()?;
    let (timestamp, bytes) = bytes.split_first_chunk::<8>()?;
    let (ip, bytes) = bytes.split_first_chunk::<16>()?;
    let (port, bytes) = bytes.split_first_chunk::<2>()?;
    let (length, _) = bytes.split_first_chunk::<4>()?;
    let header = EnvelopeHeader {
        worker: Uuid::from_bytes(*worker),
        boot: Uuid::from_bytes(*boot),
        sequence: u64::from_be_bytes(*sequence),
        timestamp: Timestamp(i64::from_be_bytes(*timestamp)),
        client: client_address(*ip, u16::from_be_bytes(*port)),
    };
    Some((
        header,
        usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> EnvelopeHeader {
        EnvelopeHeader {
            worker: Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
            boot: Uuid::from_u128(1),
            sequence: 0x0102,
            timestamp: Timestamp(1_362_096_000_000),
            client: Some("192.0.2.7:4660".parse().unwrap()),
        }
    }

    #[test]
    fn a_message_has_the_documented_layout() {
        let mut out = vec![0xee];
        header().append(b"seventeen bytes..", &mut out).unwrap();
        let golden = "ee00112233445566778899aabbccddeeff\
                      00000000000000000000000000000001\
                      0000000000000102\
                      0000013d233f8c00\
                      00000000000000000000ffffc0000207\
                      1234\
                      00000011\
                      736576656e7465656e2062797465732e2e";
        assert_eq!(hex::encode(&out), golden);
    }

    #[test]
    fn a_body_out_of_bounds_leaves_the_buffer_unchanged() {
        let mut out = b"before".to_vec();
        for length in [0, BODY_MIN - 1, BODY_MAX + 1] {
            assert_eq!(header().append(&vec![0; length], &mut out), Err(LENGTH));
            assert_eq!(
                header().append_with(&mut out, |out| out.resize(out.len() + length, 0)),
                Err(LENGTH)
            );
        }
        assert_eq!(out, b"before");
        header().append(&vec![0; BODY_MAX], &mut out).unwrap();
        assert_eq!(out.len(), 6 + HEADER_LEN + BODY_MAX);
    }

    #[test]
    fn an_absent_client_is_all_zero() {
        let mut out = Vec::new();
        EnvelopeHeader {
            client: None,
            ..header()
        }
        .append(&[7; 17], &mut out)
        .unwrap();
        assert_eq!(out[48..66], [0; 18]);
        let mut decoder = EnvelopeDecoder::new(header().worker);
        decoder.input().extend_from_slice(&out);
        assert_eq!(decoder.next().unwrap().unwrap().header.client, None);
    }

    #[test]
    fn a_bad_header_ends_the_stream_before_its_body_arrives() {
        let mut good = Vec::new();
        header().append(&[7; 17], &mut good).unwrap();
        for (at, byte, error) in [(0, 0xff, FOREIGN), (66, 0xff, LENGTH), (69, 16, LENGTH)] {
            let mut bad = good[..HEADER_LEN].to_vec();
            bad[at] = byte;
            let mut decoder = EnvelopeDecoder::new(header().worker);
            decoder.input().extend_from_slice(&good);
            decoder.input().extend_from_slice(&bad);
            assert!(decoder.next().unwrap().is_some());
            assert_eq!(decoder.next(), Err(error));
            decoder.input().extend_from_slice(&good);
            assert_eq!(decoder.next(), Err(error));
        }
    }

    fn any_header() -> impl Strategy<Value = EnvelopeHeader> {
        let client = proptest::option::of(prop_oneof![
            (any::<[u8; 4]>(), any::<u16>()).prop_map(SocketAddr::from),
            (any::<[u16; 8]>(), 1u16..).prop_map(|(ip, port)| {
                SocketAddr::new(Ipv6Addr::from(ip).to_canonical(), port)
            }),
        ]);
        (any::<u128>(), any::<u64>(), any::<i64>(), client).prop_map(
            |(boot, sequence, timestamp, client)| EnvelopeHeader {
                worker: header().worker,
                boot: Uuid::from_u128(boot),
                sequence,
                timestamp: Timestamp(timestamp),
                client,
            },
        )
    }

    proptest! {
        #[test]
        fn messages_are_decoded_from_chunks_of_any_size(
            messages in proptest::collection::vec(
                (any_header(), proptest::collection::vec(any::<u8>(), BODY_MIN..200)), 1..8),
            cut in 1usize..300,
        ) {
            let mut stream = Vec::new();
            for (header, body) in &messages {
                header.append(body, &mut stream).unwrap();
            }
            let mut decoder = EnvelopeDecoder::new(header().worker);
            let mut seen = Vec::new();
            for chunk in stream.chunks(cut) {
                decoder.input().extend_from_slice(chunk);
                while let Some(envelope) = decoder.next().unwrap() {
                    seen.push((envelope.header, envelope.body.to_vec()));
                }
            }
            prop_assert_eq!(seen, messages);
            prop_assert!(decoder.is_between_messages());
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_encode_back(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let worker = bytes.get(..16).map_or(Uuid::nil(), |b| Uuid::from_slice(b).unwrap());
            let mut decoder = EnvelopeDecoder::new(worker);
            decoder.input().extend_from_slice(&bytes);
            let mut back = Vec::new();
            while let Ok(Some(envelope)) = decoder.next() {
                envelope.header.append(envelope.body, &mut back).unwrap();
            }
            prop_assert_eq!(&bytes[..back.len()], &back[..]);
        }
    }
}
