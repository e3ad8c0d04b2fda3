//! spec/wire/frame.md · 4.4 Message Structure
//!
//! ```text
//!  0        1                 3                                   7
//! +--------+-----------------+-----------------------------------+
//! | type   | instruction     | dataSize                          |
//! +--------+--------+--------+-----------------+-----------------+---------- - -
//! | argumentCount   | dataMessageNumber | dataMessageMax         | data
//! +-----------------+-------------------+------------------------+---------- - -
//!  7                 9                   13                       17
//! ```
//! Integers are unsigned and big-endian.

use super::argument_type::ArgumentText;
use super::instruction::{Arity, InstructionRow, LINK_FIRST};
use super::{Arguments, Direction, Instruction, MessageType, ProtocolError, wipe};
use crate::model::ProtocolFault as P;
use byteorder::{BigEndian, ByteOrder};
use std::fmt;

/// Bytes in a header.
pub const HEADER_BYTES: usize = 17;

/// The most bytes of data in a frame.
pub const DATA_MAX: usize = 8192;

/// The header of a frame. Its fields are not checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The messageType as received.
    pub message_type: u8,
    /// The instruction number as received.
    pub instruction: u16,
    /// Bytes of data behind the header.
    pub data_size: u32,
    /// Number of arguments in the data.
    pub argument_count: u16,
    /// dataMessageNumber: number of this packet, from 1.
    pub number: u32,
    /// dataMessageMax: number of packets in the set.
    pub max: u32,
}

impl FrameHeader {
    /// The header of a message that has one packet.
    pub fn single(
        instruction: Instruction,
        data_size: usize,
        argument_count: usize,
    ) -> FrameHeader {
        FrameHeader {
            message_type: instruction.message_type() as u8,
            instruction: instruction.number(),
            data_size: u32::try_from(data_size).unwrap_or(u32::MAX),
            argument_count: u16::try_from(argument_count).unwrap_or(u16::MAX),
            number: 1,
            max: 1,
        }
    }

    /// Reads 17 bytes. Any bytes are a header; its meaning is checked later.
    pub fn read(bytes: &[u8; HEADER_BYTES]) -> FrameHeader {
        FrameHeader {
            message_type: bytes[0],
            instruction: BigEndian::read_u16(&bytes[1..3]),
            data_size: BigEndian::read_u32(&bytes[3..7]),
            argument_count: BigEndian::read_u16(&bytes[7..9]),
            number: BigEndian::read_u32(&bytes[9..13]),
            max: BigEndian::read_u32(&bytes[13..17]),
        }
    }

    /// The header as 17 bytes.
    pub fn bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.message_type;
        BigEndian::write_u16(&mut bytes[1..3], self.instruction);
        BigEndian::write_u32(&mut bytes[3..7], self.data_size);
        BigEndian::write_u16(&mut bytes[7..9], self.argument_count);
        BigEndian::write_u32(&mut bytes[9..13], self.number);
        BigEndian::write_u32(&mut bytes[13..17], self.max);
        bytes
    }

    /// Checks the header of any message: checks 1 and 2 of the page.
    ///
    /// # Errors
    /// `bad-frame` or `too-large`.
    pub fn check(&self) -> Result<(), ProtocolError> {
        if MessageType::from_number(self.message_type).is_none() {
            return Err(ProtocolError::new(P::BadFrame, "unknown messageType"));
        }
        if self.instruction >> 8 != u16::from(self.message_type) {
            return Err(ProtocolError::new(
                P::BadFrame,
                "the instruction's high byte differs from the messageType",
            ));
        }
        if usize::try_from(self.data_size).unwrap_or(usize::MAX) > DATA_MAX {
            return Err(ProtocolError::new(P::TooLarge, "dataSize is over 8192"));
        }
        Ok(())
    }

    /// Whether a message from a server is a notice of a later edition: a control message that this
    /// edition does not know. Those that are answers go to clients that know them, and so ask.
    pub fn is_unknown_notice(&self) -> bool {
        self.message_type == MessageType::Control as u8
            && InstructionRow::find(self.instruction).is_none()
    }

    /// Checks the header of a request: checks 1 to 4 of the page, in their order.
    ///
    /// # Errors
    /// `bad-frame`, `too-large` or `not-allowed`.
    pub fn check_request(&self) -> Result<(), ProtocolError> {
        self.check()?;
        if self.number != 1 || self.max != 1 {
            return Err(ProtocolError::new(
                P::BadFrame,
                "a request is one packet: dataMessageNumber and dataMessageMax are 1",
            ));
        }
        if self.message_type == MessageType::ServerReturn as u8 {
            return Err(ProtocolError::new(
                P::NotAllowed,
                "a server return does not come from a client",
            ));
        }
        if self.message_type == MessageType::Control as u8 && self.instruction >= LINK_FIRST {
            return Err(ProtocolError::new(
                P::NotAllowed,
                "an instruction of the worker link",
            ));
        }
        match InstructionRow::find(self.instruction).map(|row| row.direction) {
            Some(Direction::Return | Direction::Notice | Direction::Link) => Err(
                ProtocolError::new(P::NotAllowed, "an instruction that only servers send"),
            ),
            Some(Direction::Request | Direction::Both) | None => Ok(()),
        }
    }
}

/// Reads the data of a request whose header has passed [`FrameHeader::check_request`]: checks 5 to
/// 7 of the page.
///
/// # Errors
/// `bad-frame`, `unknown-instruction` or `argument-count`.
pub fn read_request<'a>(
    header: &FrameHeader,
    data: &'a [u8],
) -> Result<(Instruction, Arguments<'a>), ProtocolError> {
    let arguments = Arguments::read(header.argument_count, data)?;
    if arguments.last_has_space() {
        return Err(ProtocolError::new(
            P::BadFrame,
            "a space in a request's last argument",
        ));
    }
    find_instruction(header, arguments)
}

/// Reads the data of a message with arguments that a server sends. Its last argument may contain
/// spaces.
///
/// # Errors
/// `bad-frame`, `unknown-instruction` or `argument-count`.
pub fn read_return<'a>(
    header: &FrameHeader,
    data: &'a [u8],
) -> Result<(Instruction, Arguments<'a>), ProtocolError> {
    find_instruction(header, Arguments::read(header.argument_count, data)?)
}

/// Finds the instruction and checks the number of its arguments: checks 6 and 7 of the page.
fn find_instruction<'a>(
    header: &FrameHeader,
    arguments: Arguments<'a>,
) -> Result<(Instruction, Arguments<'a>), ProtocolError> {
    let row = InstructionRow::find(header.instruction).ok_or(ProtocolError::new(
        P::UnknownInstruction,
        "no instruction has this number",
    ))?;
    let count = header.argument_count;
    let fits = match row.arity {
        Arity::Between(least, most) => (least..=most).contains(&count),
        Arity::AtLeast(least) => count >= least,
        Arity::Binary => count == 0,
    };
    if fits {
        Ok((row.instruction, arguments))
    } else {
        Err(ProtocolError::new(
            P::ArgumentCount,
            "not the number of arguments that this instruction takes",
        ))
    }
}

/// Appends a message with text arguments. The caller makes sure that no argument is empty and that
/// only the last one contains spaces.
pub fn write(out: &mut Vec<u8>, instruction: Instruction, arguments: &[&str]) {
    write_each(out, instruction, arguments.iter().copied());
}

/// Appends a message with text arguments, of which the empty ones are left out.
pub(super) fn write_texts(
    out: &mut Vec<u8>,
    instruction: Instruction,
    arguments: &[ArgumentText<'_>],
) {
    let there = arguments.iter().map(|argument| &**argument);
    write_each(out, instruction, there.filter(|text| !text.is_empty()));
}

fn write_each<'a>(
    out: &mut Vec<u8>,
    instruction: Instruction,
    arguments: impl Iterator<Item = &'a str> + Clone,
) {
    let (count, bytes) = arguments.clone().fold((0, 0), |(count, bytes), text| {
        (count + 1, bytes + text.len())
    });
    let size = bytes + usize::saturating_sub(count, 1);
    // Reserve first: bytes that move later may be secret by then.
    wipe::reserve(out, HEADER_BYTES + size);
    out.extend_from_slice(&FrameHeader::single(instruction, size, count).bytes());
    for (index, argument) in arguments.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(argument.as_bytes());
    }
}

/// Appends a message with binary data, in one packet.
pub fn write_binary(out: &mut Vec<u8>, instruction: Instruction, data: &[u8]) {
    out.extend_from_slice(&FrameHeader::single(instruction, data.len(), 0).bytes());
    out.extend_from_slice(data);
}

/// Collects received bytes and cuts them into frames. It holds at most one incomplete frame and the
/// rest of one read. Consumed bytes are wiped, at the latest when `next` finds no further frame.
#[derive(Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    start: usize,
    /// Whether a frame was taken since the last `extend`.
    frame_taken: bool,
}

impl Drop for FrameBuffer {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for FrameBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameBuffer({} bytes)", self.len())
    }
}

impl FrameBuffer {
    /// An empty buffer.
    pub fn new() -> FrameBuffer {
        FrameBuffer::default()
    }

    /// Appends the bytes of one read.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.compact();
        self.frame_taken = false;
        wipe::append(&mut self.bytes, bytes);
    }

    /// Wipes and removes consumed bytes.
    fn compact(&mut self) {
        wipe::drop_front(&mut self.bytes, self.start);
        self.start = 0;
    }

    /// Whether a frame was taken since the last `extend`.
    pub fn frame_taken(&self) -> bool {
        self.frame_taken
    }

    /// Whether the buffer holds the beginning of an incomplete frame.
    pub fn is_partial(&self) -> bool {
        self.start < self.bytes.len()
    }

    /// Bytes that are not consumed.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether no byte is left to consume.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the next complete frame whose header passes `check`; `None` while it is incomplete.
    /// The header is checked as soon as it is complete, so that no time is spent waiting for data
    /// that would be refused.
    ///
    /// # Errors
    /// The error of `check`.
    pub fn next(
        &mut self,
        check: impl Fn(&FrameHeader) -> Result<(), ProtocolError>,
    ) -> Result<Option<(FrameHeader, &[u8])>, ProtocolError> {
        let here = &self.bytes[self.start..];
        let Some(head) = here.first_chunk::<HEADER_BYTES>() else {
            self.compact();
            return Ok(None);
        };
        let header = FrameHeader::read(head);
        check(&header)?;
        let size = usize::try_from(header.data_size).unwrap_or(usize::MAX);
        let Some(end) = HEADER_BYTES
            .checked_add(size)
            .filter(|end| *end <= here.len())
        else {
            self.compact();
            return Ok(None);
        };
        let from = self.start + HEADER_BYTES;
        self.start += end;
        self.frame_taken = true;
        let to = self.start;
        Ok(Some((header, &self.bytes[from..to])))
    }

    /// The header of the next frame if it is complete. It is not checked.
    pub fn header(&self) -> Option<FrameHeader> {
        self.bytes[self.start..]
            .first_chunk::<HEADER_BYTES>()
            .map(FrameHeader::read)
    }

    /// The bytes that are not consumed, for a caller that continues with another format.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or(&[])
    }

    /// Wipes all bytes and keeps the capacity.
    pub fn clear(&mut self) {
        wipe::clear(&mut self.bytes);
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(message_type: u8, instruction: u16) -> FrameHeader {
        FrameHeader {
            message_type,
            instruction,
            data_size: 0,
            argument_count: 0,
            number: 1,
            max: 1,
        }
    }

    #[test]
    fn the_first_failed_check_names_the_code() {
        let code = |h: FrameHeader| h.check_request().map_err(|f| f.code);
        assert_eq!(code(header(5, 0x0501)), Err(P::BadFrame));
        assert_eq!(code(header(1, 0x0201)), Err(P::BadFrame));
        assert_eq!(
            code(FrameHeader {
                data_size: 8193,
                number: 2,
                ..header(1, 0x0101)
            }),
            Err(P::TooLarge)
        );
        assert_eq!(
            code(FrameHeader {
                number: 0,
                ..header(3, 0x0301)
            }),
            Err(P::BadFrame)
        );
        assert_eq!(code(header(3, 0x03FF)), Err(P::NotAllowed));
        assert_eq!(code(header(4, 0x0404)), Err(P::NotAllowed));
        assert_eq!(code(header(4, 0x0410)), Err(P::NotAllowed));
        assert_eq!(code(header(4, 0x04FF)), Err(P::NotAllowed));
        assert_eq!(code(header(4, 0x0402)), Ok(()));
        assert_eq!(code(header(1, 0x01FF)), Ok(()));
    }

    #[test]
    fn data_is_checked_before_the_instruction_number() {
        let code =
            |h: FrameHeader, data: &[u8]| read_request(&h, data).map(|_| ()).map_err(|f| f.code);
        let two = FrameHeader {
            argument_count: 2,
            ..header(1, 0x01FF)
        };
        assert_eq!(code(two, b"a"), Err(P::BadFrame));
        assert_eq!(code(two, b"a b"), Err(P::UnknownInstruction));
        assert_eq!(code(two, b"a "), Err(P::BadFrame));
        assert_eq!(code(two, b"a b c"), Err(P::BadFrame));
        assert_eq!(code(two, b"a \xff"), Err(P::BadFrame));
        assert_eq!(
            code(
                FrameHeader {
                    argument_count: 2,
                    ..header(1, 0x0101)
                },
                b"a b"
            ),
            Err(P::ArgumentCount)
        );
        assert_eq!(code(header(4, 0x0401), b"x"), Err(P::BadFrame));
    }

    #[test]
    fn frames_are_found_in_chunks_of_any_size() {
        let mut stream = Vec::new();
        write(&mut stream, Instruction::GetAssetInfo, &["AAPL"]);
        write(&mut stream, Instruction::Ping, &[]);
        for size in 1..stream.len() {
            let mut buffer = FrameBuffer::new();
            let mut seen = Vec::new();
            for chunk in stream.chunks(size) {
                buffer.extend(chunk);
                while let Some((header, data)) = buffer.next(FrameHeader::check_request).unwrap() {
                    seen.push((header.instruction, data.to_vec()));
                }
            }
            assert_eq!(seen, [(0x0201, b"AAPL".to_vec()), (0x0401, vec![])]);
            assert!(!buffer.is_partial());
            assert!(buffer.frame_taken(), "until bytes come again");
            buffer.extend(&[4]);
            assert!(buffer.is_partial() && !buffer.frame_taken());
        }
    }
}
